//! Labelled questions, and what the matcher finds for them.
//!
//! The file format is TSV with a header line `question<TAB>expected<TAB>style`: `expected` is an entry's id, several joined
//! by `|` where each satisfies, or `none`; the style column may be left out.

use crate::{
    knowledge::{EntryId, Knowledge},
    matching::{
        decision::Evidence,
        finding::{Candidate, Finding, MAX_SUGGESTIONS, Outcome},
        matcher::Matcher,
    },
};

/// The label of a question that no entry should answer.
pub(super) const NONE: &str = "none";
/// The style of questions without one.
pub(super) const NO_STYLE: &str = "all";

/// A question with the entries that should be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelledQuestion {
    pub question: String,
    /// The entries that satisfy; empty if no entry should answer.
    pub expected: Vec<EntryId>,
    /// What kind of question it is.
    pub style: String,
}

/// A line of labelled questions that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {fault}")]
pub struct QuestionFault {
    /// From 1.
    pub line: usize,
    /// What is wrong, and what to do about it.
    pub fault: String,
}

/// Reads labelled questions about a base. Blank lines are skipped.
///
/// # Errors
/// Every line that cannot be used: a missing header or column, an empty question, an id the base does not have.
pub fn parse_labelled(
    text: &str,
    knowledge: &Knowledge,
) -> Result<Vec<LabelledQuestion>, Vec<QuestionFault>> {
    let mut lines = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty());
    if !lines.next().is_some_and(|(_, line)| is_header(line)) {
        let fault =
            "the header is missing: begin with `question<TAB>expected<TAB>style`".to_owned();
        return Err(vec![QuestionFault { line: 1, fault }]);
    }
    let mut questions = Vec::new();
    let mut faults = Vec::new();
    for (index, line) in lines {
        match parse_line(line, knowledge) {
            Ok(question) => questions.push(question),
            Err(fault) => faults.push(QuestionFault {
                line: index + 1,
                fault,
            }),
        }
    }
    if faults.is_empty() {
        Ok(questions)
    } else {
        Err(faults)
    }
}

fn is_header(line: &str) -> bool {
    let columns: Vec<&str> = line.trim_end().split('\t').collect();
    matches!(
        columns[..],
        ["question", "expected"] | ["question", "expected", "style"]
    )
}

fn parse_line(line: &str, knowledge: &Knowledge) -> Result<LabelledQuestion, String> {
    let mut columns = line.split('\t').map(str::trim);
    let question = columns.next().unwrap_or_default();
    let expected = columns.next().unwrap_or_default();
    if question.is_empty() {
        return Err("the question is empty".to_owned());
    }
    if expected.is_empty() {
        return Err(format!(
            "`{question}` has no label: add a tab, then an entry's id or `{NONE}`"
        ));
    }
    let ids = expected
        .split('|')
        .filter(|id| *id != NONE)
        .map(|id| parse_known_id(id.trim(), knowledge));
    Ok(LabelledQuestion {
        question: question.to_owned(),
        expected: ids.collect::<Result<_, _>>()?,
        style: columns
            .next()
            .filter(|style| !style.is_empty())
            .unwrap_or(NO_STYLE)
            .to_owned(),
    })
}

fn parse_known_id(id: &str, knowledge: &Knowledge) -> Result<EntryId, String> {
    let id: EntryId = id.parse().map_err(|fault| format!("{fault}"))?;
    match knowledge.entry(&id) {
        Some(_) => Ok(id),
        None => Err(format!(
            "`{id}` is no entry of this base: correct it, or write `{NONE}`"
        )),
    }
}

/// A labelled question with what the matcher found.
#[derive(Debug, Clone)]
pub struct AskedQuestion {
    pub labelled: LabelledQuestion,
    pub finding: Finding,
    /// What the outcome was decided from.
    pub evidence: Evidence,
}

impl AskedQuestion {
    pub(super) fn is_in_scope(&self) -> bool {
        !self.labelled.expected.is_empty()
    }

    /// The place of the first right entry among the candidates, from 0.
    pub(super) fn right_place(&self) -> Option<usize> {
        let right = |candidate: &Candidate| self.labelled.expected.contains(&candidate.entry);
        self.finding.candidates.iter().position(right)
    }

    /// Whether the right entry is first; out of scope, whether it is not answered.
    pub fn is_right(&self) -> bool {
        if self.is_in_scope() {
            self.right_place() == Some(0)
        } else {
            self.finding.outcome != Outcome::Answer
        }
    }

    /// Whether it was answered or declined without asking back.
    pub(super) fn is_confident(&self) -> bool {
        matches!(self.finding.outcome, Outcome::Answer | Outcome::Decline)
    }

    /// Whether it was answered rightly, or the right entry is suggested.
    pub(super) fn is_useful(&self) -> bool {
        match self.finding.outcome {
            Outcome::Answer | Outcome::Decline => self.right_place() == Some(0),
            Outcome::Suggest => self
                .right_place()
                .is_some_and(|place| place < MAX_SUGGESTIONS),
            Outcome::None => false,
        }
    }

    /// Whether it was answered or declined wrongly. Declining what is out of scope is right, whichever entry does it.
    pub(super) fn is_confidently_wrong(&self) -> bool {
        match self.finding.outcome {
            Outcome::Answer => self.right_place() != Some(0),
            Outcome::Decline => self.is_in_scope() && self.right_place() != Some(0),
            Outcome::Suggest | Outcome::None => false,
        }
    }
}

pub fn ask_all(matcher: &Matcher, questions: &[LabelledQuestion]) -> Vec<AskedQuestion> {
    let ask = |labelled: &LabelledQuestion| {
        let (finding, evidence) = matcher.find_with_evidence(&labelled.question);
        AskedQuestion {
            labelled: labelled.clone(),
            finding,
            evidence,
        }
    };
    questions.iter().map(ask).collect()
}
