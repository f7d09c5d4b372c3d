//! Counts over labelled questions, and the report of a run.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;

use super::questions::{AskedQuestion, NONE};
use crate::{knowledge::EntryId, matching::finding::Outcome};

/// The style of out-of-scope questions that share words with the base; others out of scope are *far*.
const NEAR: &str = "near";
/// Confusions listed in a report.
const MAX_CONFUSIONS: usize = 15;

/// Counts over a set of questions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Measures {
    pub questions: usize,
    /// Questions that some entry answers; the next five are counts of these.
    pub in_scope: usize,
    /// The right entry is first.
    pub right_first: usize,
    /// The right entry is among the first three.
    pub right_among_three: usize,
    /// Answered rightly, or the right entry is suggested.
    pub useful: usize,
    /// Answered or declined without asking back.
    pub confident: usize,
    /// Of the confident ones, those that are right.
    pub confident_right: usize,
    /// Of all questions, in scope or not: answered or declined wrongly.
    pub confidently_wrong: usize,
    /// Out of scope, but in words of the base.
    pub near: usize,
    /// Of those, not answered.
    pub near_refused: usize,
    /// Other questions out of scope.
    pub far: usize,
    /// Of those, not answered.
    pub far_refused: usize,
}

impl Measures {
    fn count(&mut self, asked: &AskedQuestion) {
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

    fn count_in_scope(&mut self, asked: &AskedQuestion) {
        let place = asked.right_place();
        self.in_scope += 1;
        self.right_first += usize::from(place == Some(0));
        self.right_among_three += usize::from(place.is_some_and(|place| place < 3));
        self.useful += usize::from(asked.is_useful());
        self.confident += usize::from(asked.is_confident());
        self.confident_right += usize::from(asked.is_confident() && place == Some(0));
    }
}

/// Questions for one entry for which another was found first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Confusion {
    /// Ids joined by `|`, or `none`.
    pub expected: String,
    /// The id that was found first, or `none`.
    pub found: String,
    pub count: usize,
    /// One of the questions.
    pub example: String,
}

/// The results of a set of labelled questions.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    pub total: Measures,
    /// By style.
    pub styles: BTreeMap<String, Measures>,
    /// How well the confidence separates questions in scope from others: the area under the ROC curve, from 0.5 (not at
    /// all) to 1. `None` without questions of both kinds.
    pub scope_auroc: Option<f64>,
    /// The worst confusions, most frequent first.
    pub confusions: Vec<Confusion>,
}

impl Report {
    pub fn new(asked: &[AskedQuestion]) -> Self {
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

/// The share of (in scope, out of scope) pairs in which the first is answered more confidently; ties count half. A best
/// entry that declines counts as negative confidence.
fn scope_auroc(asked: &[AskedQuestion]) -> Option<f64> {
    let confidence = |one: &AskedQuestion| {
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

/// The most frequent confusions.
fn confusions(asked: &[AskedQuestion]) -> Vec<Confusion> {
    let mut found: BTreeMap<(String, String), Vec<&str>> = BTreeMap::new();
    for one in asked.iter().filter(|one| is_confused(one)) {
        let pair = (expected_ids(one), first_found(one).to_owned());
        found.entry(pair).or_default().push(&one.labelled.question);
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

fn is_confused(asked: &AskedQuestion) -> bool {
    if asked.is_in_scope() {
        asked.right_place() != Some(0)
    } else {
        asked.is_confidently_wrong()
    }
}

fn expected_ids(asked: &AskedQuestion) -> String {
    let ids: Vec<&str> = asked
        .labelled
        .expected
        .iter()
        .map(EntryId::as_str)
        .collect();
    if ids.is_empty() {
        NONE.to_owned()
    } else {
        ids.join("|")
    }
}

fn first_found(asked: &AskedQuestion) -> &str {
    let first = asked.finding.candidates.first();
    first.map_or(NONE, |candidate| candidate.entry.as_str())
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fmt_total(f)?;
        self.fmt_styles(f)?;
        self.fmt_confusions(f)
    }
}

impl Report {
    fn fmt_total(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, count, of) in self.total.rows() {
            if of > 0 {
                writeln!(f, "{name:<34}{:>6}  ({count} of {of})", percent(count, of))?;
            }
        }
        if let Some(auroc) = self.scope_auroc {
            writeln!(f, "{:<34}{:>6.1}", "in scope or not, AUROC", auroc * 100.0)?;
        }
        Ok(())
    }

    fn fmt_styles(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\n{:<12}{:>6}{:>8}{:>8}{:>8}{:>8}{:>9}",
            "style", "asked", "first", "three", "useful", "wrong", "refused"
        )?;
        for (style, measures) in &self.styles {
            measures.fmt_row(f, style)?;
        }
        Ok(())
    }

    fn fmt_confusions(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.confusions.is_empty() {
            return Ok(());
        }
        writeln!(
            f,
            "\nconfusions: expected, found first, how often, for example"
        )?;
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

impl Measures {
    /// Each measure: its name, its count, and of how many.
    fn rows(&self) -> [(&'static str, usize, usize); 7] {
        let in_scope = self.in_scope;
        [
            ("right entry first, in scope", self.right_first, in_scope),
            ("right entry among three", self.right_among_three, in_scope),
            ("useful (answered, or suggested)", self.useful, in_scope),
            (
                "confident in scope: right",
                self.confident_right,
                self.confident,
            ),
            (
                "confidently wrong, of all",
                self.confidently_wrong,
                self.questions,
            ),
            ("near misses not answered", self.near_refused, self.near),
            ("far questions not answered", self.far_refused, self.far),
        ]
    }

    fn fmt_row(&self, f: &mut fmt::Formatter<'_>, style: &str) -> fmt::Result {
        let first = percent(self.right_first, self.in_scope);
        let three = percent(self.right_among_three, self.in_scope);
        let useful = percent(self.useful, self.in_scope);
        let wrong = percent(self.confidently_wrong, self.questions);
        let refused = percent(self.near_refused + self.far_refused, self.near + self.far);
        writeln!(
            f,
            "{style:<12}{:>6}{first:>8}{three:>8}{useful:>8}{wrong:>8}{refused:>9}",
            self.questions
        )
    }
}

fn percent(count: usize, of: usize) -> String {
    if of == 0 {
        "–".to_owned()
    } else {
        format!("{:.1}", 100.0 * count as f64 / of as f64)
    }
}
