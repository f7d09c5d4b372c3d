//! How good the matching is, measured on labelled questions; and thresholds chosen by that measure.
//!
//! Labelled questions are TSV with a header line `question<TAB>expected<TAB>style`: `expected` is an entry's id, several
//! joined by `|` where each satisfies, or `none`; the style column may be left out. Of the `none` questions those of
//! style `near` share our words without being ours; all others are *far*. Pure: files and printing are the command's.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;

use super::{
    Finding, MAX_SUGGESTIONS, Matcher, Outcome,
    decision::{Evidence, decide},
};
use crate::knowledge::{EntryId, Knowledge, Thresholds};

/// The word for "no entry should answer this".
const NONE: &str = "none";
/// The style of `none` questions that are near misses.
const NEAR: &str = "near";
/// The style of questions without one.
const NO_STYLE: &str = "all";
/// Confusions listed in a report.
const MAX_CONFUSIONS: usize = 15;

/// A question with what should come of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labelled {
    /// What is asked.
    pub question: String,
    /// The entries that satisfy; none, if no entry should answer.
    pub expected: Vec<EntryId>,
    /// Its kind.
    pub style: String,
}

/// A line of labelled questions that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {fault}")]
pub struct LabelFault {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, and what to do about it.
    pub fault: String,
}

/// Reads labelled questions about a base. Blank lines are skipped.
///
/// # Errors
/// Every line that cannot be used: a missing header or column, an empty question, an id the base does not have.
pub fn parse_labelled(text: &str, knowledge: &Knowledge) -> Result<Vec<Labelled>, Vec<LabelFault>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty());
    let header: Vec<&str> = lines.next().map_or(Vec::new(), |(_, line)| {
        line.trim_end().split('\t').collect()
    });
    if !matches!(
        header[..],
        ["question", "expected"] | ["question", "expected", "style"]
    ) {
        let fault =
            "the header is missing: begin with `question<TAB>expected<TAB>style`".to_owned();
        return Err(vec![LabelFault { line: 1, fault }]);
    }
    let mut questions = Vec::new();
    let mut faults = Vec::new();
    for (index, line) in lines {
        match parse_line(line, knowledge) {
            Ok(question) => questions.push(question),
            Err(fault) => faults.push(LabelFault {
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

fn parse_line(line: &str, knowledge: &Knowledge) -> Result<Labelled, String> {
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
        .map(|id| known_id(id.trim(), knowledge));
    Ok(Labelled {
        question: question.to_owned(),
        expected: ids.collect::<Result<_, _>>()?,
        style: columns
            .next()
            .filter(|style| !style.is_empty())
            .unwrap_or(NO_STYLE)
            .to_owned(),
    })
}

fn known_id(id: &str, knowledge: &Knowledge) -> Result<EntryId, String> {
    let id: EntryId = id.parse().map_err(|fault| format!("{fault}"))?;
    match knowledge.entry(&id) {
        Some(_) => Ok(id),
        None => Err(format!(
            "`{id}` is no entry of this base: correct it, or write `{NONE}`"
        )),
    }
}

/// A labelled question with what the matcher made of it.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The question.
    pub labelled: Labelled,
    /// What was found.
    pub finding: Finding,
    /// Why.
    pub evidence: Evidence,
}

impl Asked {
    fn is_in_scope(&self) -> bool {
        !self.labelled.expected.is_empty()
    }

    /// The place of the first right entry among the candidates, from 0.
    fn right_place(&self) -> Option<usize> {
        let right =
            |candidate: &super::Candidate| self.labelled.expected.contains(&candidate.entry);
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

    fn is_confident(&self) -> bool {
        matches!(self.finding.outcome, Outcome::Answer | Outcome::Decline)
    }

    fn is_useful(&self) -> bool {
        match self.finding.outcome {
            Outcome::Answer | Outcome::Decline => self.right_place() == Some(0),
            Outcome::Suggest => self
                .right_place()
                .is_some_and(|place| place < MAX_SUGGESTIONS),
            Outcome::None => false,
        }
    }

    /// Sent the wrong way without a question back. Declining what is out of scope is right, whichever entry does it.
    fn is_confidently_wrong(&self) -> bool {
        match self.finding.outcome {
            Outcome::Answer => self.right_place() != Some(0),
            Outcome::Decline => self.is_in_scope() && self.right_place() != Some(0),
            Outcome::Suggest | Outcome::None => false,
        }
    }
}

/// Asks the matcher every question.
pub fn ask_all(matcher: &Matcher, questions: &[Labelled]) -> Vec<Asked> {
    let ask = |labelled: &Labelled| {
        let (finding, evidence) = matcher.find_with_evidence(&labelled.question);
        Asked {
            labelled: labelled.clone(),
            finding,
            evidence,
        }
    };
    questions.iter().map(ask).collect()
}

/// Counts over a set of questions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Measures {
    /// Questions asked.
    pub questions: usize,
    /// Of them, those an entry answers; the next five are counts of these.
    pub in_scope: usize,
    /// The first candidate is right.
    pub right_first: usize,
    /// One of the first three is right.
    pub right_among_three: usize,
    /// Answered rightly, or the right entry is among the suggestions.
    pub useful: usize,
    /// Answered or declined without a question back.
    pub confident: usize,
    /// Of those, rightly.
    pub confident_right: usize,
    /// Of all questions, in scope or not, those sent the wrong way without a question back.
    pub confidently_wrong: usize,
    /// Questions that share our words but are not ours.
    pub near: usize,
    /// Of those, declined, suggested or not known.
    pub near_refused: usize,
    /// Other questions that are not ours.
    pub far: usize,
    /// Of those, declined, suggested or not known.
    pub far_refused: usize,
}

impl Measures {
    fn count(&mut self, asked: &Asked) {
        self.questions += 1;
        self.confidently_wrong += usize::from(asked.is_confidently_wrong());
        if asked.is_in_scope() {
            self.count_in_scope(asked);
        } else {
            let refused = usize::from(asked.finding.outcome != Outcome::Answer);
            let near = usize::from(asked.labelled.style == NEAR);
            self.near += near;
            self.near_refused += near * refused;
            self.far += 1 - near;
            self.far_refused += (1 - near) * refused;
        }
    }

    fn count_in_scope(&mut self, asked: &Asked) {
        let place = asked.right_place();
        self.in_scope += 1;
        self.right_first += usize::from(place == Some(0));
        self.right_among_three += usize::from(place.is_some_and(|place| place < 3));
        self.useful += usize::from(asked.is_useful());
        self.confident += usize::from(asked.is_confident());
        self.confident_right += usize::from(asked.is_confident() && place == Some(0));
    }
}

/// Something asked for and something else found, more than once perhaps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Confusion {
    /// What was expected: ids joined by `|`, or `none`.
    pub expected: String,
    /// What was found first, or `none`.
    pub found: String,
    /// How often.
    pub count: usize,
    /// One of the questions.
    pub example: String,
}

/// What came of a set of labelled questions.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Over all.
    pub total: Measures,
    /// By style.
    pub styles: BTreeMap<String, Measures>,
    /// How well confidence tells what is in scope from what is not: the area under the ROC curve, from 0.5 (not at all)
    /// to 1; `None` without questions of both kinds.
    pub scope_auroc: Option<f64>,
    /// The worst confusions, most frequent first.
    pub confusions: Vec<Confusion>,
}

impl Report {
    /// Counts.
    pub fn new(asked: &[Asked]) -> Self {
        let mut total = Measures::default();
        let mut styles: BTreeMap<String, Measures> = BTreeMap::new();
        for one in asked {
            total.count(one);
            styles
                .entry(one.labelled.style.clone())
                .or_default()
                .count(one);
        }
        Self {
            total,
            styles,
            scope_auroc: scope_auroc(asked),
            confusions: confusions(asked),
        }
    }
}

/// The share of (in scope, out of scope) pairs in which the first is answered more confidently; ties count half.
/// A declining entry on top is no confidence in an answer.
fn scope_auroc(asked: &[Asked]) -> Option<f64> {
    let confidence = |one: &Asked| {
        if one.evidence.declines {
            -one.evidence.confidence()
        } else {
            one.evidence.confidence()
        }
    };
    let mut ranked: Vec<(f32, bool)> = asked
        .iter()
        .map(|one| (confidence(one), one.is_in_scope()))
        .collect();
    ranked.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let (mut below, mut won, mut inside) = (0.0, 0.0, 0.0);
    for tie in ranked.chunk_by(|(a, _), (b, _)| a == b) {
        let ins = tie.iter().filter(|(_, is_in)| *is_in).count() as f64;
        let outs = tie.len() as f64 - ins;
        won += ins * (below + outs / 2.0);
        below += outs;
        inside += ins;
    }
    (inside * below > 0.0).then(|| won / (inside * below))
}

fn confusions(asked: &[Asked]) -> Vec<Confusion> {
    let mut found: BTreeMap<(String, String), Vec<&str>> = BTreeMap::new();
    for one in asked.iter().filter(|one| {
        if one.is_in_scope() {
            one.right_place() != Some(0)
        } else {
            one.is_confidently_wrong()
        }
    }) {
        let ids: Vec<&str> = one.labelled.expected.iter().map(EntryId::as_str).collect();
        let expected = if ids.is_empty() {
            NONE.to_owned()
        } else {
            ids.join("|")
        };
        let first = one
            .finding
            .candidates
            .first()
            .map_or(NONE, |candidate| candidate.entry.as_str());
        found
            .entry((expected, first.to_owned()))
            .or_default()
            .push(&one.labelled.question);
    }
    let confusion = |((expected, found), questions): ((String, String), Vec<&str>)| Confusion {
        expected,
        found,
        count: questions.len(),
        example: questions.first().copied().unwrap_or_default().to_owned(),
    };
    let mut confusions: Vec<Confusion> = found.into_iter().map(confusion).collect();
    confusions.sort_by_key(|confusion| std::cmp::Reverse(confusion.count));
    confusions.truncate(MAX_CONFUSIONS);
    confusions
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = &self.total;
        let rows = [
            (
                "right entry first, in scope",
                total.right_first,
                total.in_scope,
            ),
            (
                "right entry among three",
                total.right_among_three,
                total.in_scope,
            ),
            (
                "useful (answered, or suggested)",
                total.useful,
                total.in_scope,
            ),
            (
                "confident in scope: right",
                total.confident_right,
                total.confident,
            ),
            (
                "confidently wrong, of all",
                total.confidently_wrong,
                total.questions,
            ),
            ("near misses not answered", total.near_refused, total.near),
            ("far questions not answered", total.far_refused, total.far),
        ];
        for (name, count, of) in rows.into_iter().filter(|(.., of)| *of > 0) {
            writeln!(f, "{name:<34}{:>6}  ({count} of {of})", percent(count, of))?;
        }
        if let Some(auroc) = self.scope_auroc {
            writeln!(f, "{:<34}{:>6.1}", "in scope or not, AUROC", auroc * 100.0)?;
        }
        writeln!(
            f,
            "\n{:<12}{:>6}{:>8}{:>8}{:>8}{:>8}{:>9}",
            "style", "asked", "first", "three", "useful", "wrong", "refused"
        )?;
        for (style, measures) in &self.styles {
            let Measures {
                in_scope,
                near,
                far,
                ..
            } = *measures;
            let refused = percent(measures.near_refused + measures.far_refused, near + far);
            let wrong = percent(measures.confidently_wrong, measures.questions);
            let of_ours = [
                measures.right_first,
                measures.right_among_three,
                measures.useful,
            ]
            .map(|count| percent(count, in_scope));
            let [first, three, useful] = of_ours;
            writeln!(
                f,
                "{style:<12}{:>6}{first:>8}{three:>8}{useful:>8}{wrong:>8}{refused:>9}",
                measures.questions
            )?;
        }
        if !self.confusions.is_empty() {
            writeln!(
                f,
                "\nconfusions: expected, found first, how often, for example"
            )?;
        }
        for Confusion {
            expected,
            found,
            count,
            example,
        } in &self.confusions
        {
            writeln!(f, "{expected:<32} {found:<28}{count:>3}  {example}")?;
        }
        Ok(())
    }
}

fn percent(count: usize, of: usize) -> String {
    if of == 0 {
        "–".to_owned()
    } else {
        format!("{:.1}", 100.0 * count as f64 / of as f64)
    }
}

/// What a question costs its asker, by what came of it: the measure thresholds are chosen by.
mod cost {
    /// Sent the wrong way: worse than any refusal.
    pub const CONFIDENTLY_WRONG: f64 = 4.0;
    /// In scope, and neither answered nor suggested.
    pub const NOT_USEFUL: f64 = 1.0;
    /// In scope, and the right entry one tap away instead of answered.
    pub const ONE_TAP: f64 = 0.25;
    /// Out of scope, and offered entries that do not fit.
    pub const IDLE_SUGGESTION: f64 = 0.1;
}

/// Chooses the thresholds with the lowest mean cost over labelled questions, by trying a grid.
pub fn calibrate(asked: &[Asked]) -> Thresholds {
    let grid = |from: usize, to: usize, steps: f32| (from..=to).map(move |n| n as f32 / steps);
    let mut best = (f64::INFINITY, super::decision::DEFAULT_THRESHOLDS);
    for answer in grid(10, 38, 40.0) {
        for suggest in grid(1, 12, 20.0) {
            for margin in grid(0, 8, 20.0) {
                let thresholds = Thresholds {
                    answer,
                    suggest,
                    margin,
                };
                let cost = asked.iter().map(|one| cost_with(one, thresholds)).sum();
                if cost < best.0 {
                    best = (cost, thresholds);
                }
            }
        }
    }
    best.1
}

fn cost_with(one: &Asked, thresholds: Thresholds) -> f64 {
    let outcome = decide(one.evidence, thresholds).outcome;
    let place = one.right_place();
    match (one.is_in_scope(), outcome) {
        (true, Outcome::Answer | Outcome::Decline) if place == Some(0) => 0.0,
        (true, Outcome::Answer | Outcome::Decline) | (false, Outcome::Answer) => {
            cost::CONFIDENTLY_WRONG
        }
        (true, Outcome::Suggest) if place.is_some_and(|place| place < MAX_SUGGESTIONS) => {
            cost::ONE_TAP
        }
        (true, Outcome::Suggest | Outcome::None) => cost::NOT_USEFUL,
        (false, Outcome::Suggest) => cost::IDLE_SUGGESTION,
        (false, Outcome::Decline | Outcome::None) => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matching::{Candidate, decision::DEFAULT_THRESHOLDS, test_base};

    fn asked(expected: &[&str], style: &str, outcome: Outcome, found: &[&str], best: f32) -> Asked {
        let id = |id: &&str| id.parse::<EntryId>().expect("an id");
        let candidates = found
            .iter()
            .map(|found| Candidate {
                entry: id(found),
                score: best,
            })
            .collect();
        Asked {
            labelled: Labelled {
                question: "q".into(),
                expected: expected.iter().map(id).collect(),
                style: style.into(),
            },
            finding: Finding {
                outcome,
                candidates,
                language: None,
                traditional: false,
            },
            evidence: Evidence {
                best,
                score: 12.0,
                declines: outcome == Outcome::Decline,
                runner_up: 0.0,
                coverage: 1.0,
                units: 5,
            },
        }
    }

    #[test]
    fn labelled_questions_are_read_with_or_without_a_style() {
        let text = "\u{feff}question\texpected\tstyle\nhow\tunbind|lost\tplain\n\n怎么👍\tnone\n";
        let read = parse_labelled(text, &test_base()).expect("well-formed");
        assert_eq!(
            (read[0].expected.len(), read[0].style.as_str()),
            (2, "plain")
        );
        assert_eq!(
            (read[1].expected.len(), read[1].style.as_str()),
            (0, NO_STYLE)
        );
        assert_eq!(
            parse_labelled("question\texpected\nhow\tlost\n", &test_base()).map(|read| read.len()),
            Ok(1)
        );
    }

    #[test]
    fn every_unusable_line_is_named() {
        let text = "question\texpected\nhow\nhow\tnowhere\n\tunbind\nhow\tUPPER\nfine\tlost\n";
        let faults = parse_labelled(text, &test_base()).expect_err("four faults");
        assert_eq!(
            faults.iter().map(|fault| fault.line).collect::<Vec<_>>(),
            [2, 3, 4, 5]
        );
        assert!(
            faults[1].to_string().contains("`nowhere` is no entry"),
            "{}",
            faults[1]
        );
        for text in ["", "how\tunbind\n", "expected\tquestion\n", "👍"] {
            assert_eq!(
                parse_labelled(text, &test_base()).expect_err(text)[0].line,
                1
            );
        }
    }

    #[test]
    fn a_report_counts_what_each_outcome_is_worth() {
        let report = Report::new(&[
            asked(&["unbind"], "plain", Outcome::Answer, &["unbind"], 0.9),
            asked(&["unbind"], "plain", Outcome::Answer, &["lost"], 0.9),
            asked(
                &["unbind"],
                "typo",
                Outcome::Suggest,
                &["lost", "unbind"],
                0.4,
            ),
            asked(&["lost"], "typo", Outcome::None, &["lost"], 0.1),
            asked(&[], "near", Outcome::Answer, &["lost"], 0.8),
            asked(&[], "near", Outcome::Decline, &["lost"], 0.8),
            asked(&[], "far", Outcome::None, &[], 0.0),
        ]);
        let expected = Measures {
            questions: 7,
            in_scope: 4,
            right_first: 2,
            right_among_three: 3,
            useful: 2,
            confident: 2,
            confident_right: 1,
            confidently_wrong: 2,
            near: 2,
            near_refused: 1,
            far: 1,
            far_refused: 1,
        };
        assert_eq!(report.total, expected);
        assert_eq!(report.styles["typo"].in_scope, 2);
        assert_eq!(report.confusions[0].count, 2);
        assert!(
            report
                .to_string()
                .contains("confidently wrong, of all           28.6  (2 of 7)"),
            "{report}"
        );
        assert!(
            serde_json::to_string(&report).is_ok_and(|json| json.contains("\"right_first\":2"))
        );
    }

    #[test]
    fn nothing_asked_is_an_empty_report() {
        let report = Report::new(&[]);
        assert_eq!(
            (report.total, report.scope_auroc),
            (Measures::default(), None)
        );
        assert!(!report.to_string().contains("NaN"));
    }

    #[test]
    fn scope_is_told_apart_by_confidence() {
        let sure = asked(&["unbind"], "", Outcome::Answer, &["unbind"], 0.9);
        let unsure = asked(&[], "", Outcome::None, &["unbind"], 0.1);
        assert_eq!(
            Report::new(&[sure.clone(), unsure.clone()]).scope_auroc,
            Some(1.0)
        );
        let tie = asked(&[], "", Outcome::Answer, &["unbind"], 0.9);
        assert_eq!(Report::new(&[sure, tie, unsure]).scope_auroc, Some(0.75));
    }

    #[test]
    fn calibration_puts_the_threshold_between_right_and_wrong() {
        let mut all: Vec<Asked> = (0..10)
            .map(|_| asked(&["unbind"], "", Outcome::Answer, &["unbind"], 0.95))
            .collect();
        all.extend(
            (0..10).map(|_| asked(&["unbind"], "", Outcome::Answer, &["lost", "unbind"], 0.5)),
        );
        let thresholds = calibrate(&all);
        assert_eq!(decide(all[0].evidence, thresholds).outcome, Outcome::Answer);
        assert_eq!(
            decide(all[19].evidence, thresholds).outcome,
            Outcome::Suggest
        );
        assert_eq!(
            calibrate(&[]),
            Thresholds {
                answer: 0.25,
                suggest: 0.05,
                margin: 0.0
            }
        );
        assert_ne!(DEFAULT_THRESHOLDS, thresholds);
    }

    #[test]
    fn a_small_base_answers_its_own_phrasings() {
        let knowledge = test_base();
        let text = "question\texpected\nunbind my card\tunbind\nphone stolen\tlost\n";
        let questions = parse_labelled(text, &knowledge).expect("well-formed");
        assert_eq!(
            Report::new(&ask_all(&Matcher::new(&knowledge), &questions))
                .total
                .right_first,
            2
        );
    }
}
