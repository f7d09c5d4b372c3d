//! One answered question, as `--json` prints it and as runs are compared.

use serde::Serialize;

use crate::{
    knowledge::EntryId,
    matching::{Outcome, evaluate::AskedQuestion},
};

#[derive(Serialize)]
pub(super) struct Answer<'a> {
    pub(super) question: &'a str,
    pub(super) expected: &'a [EntryId],
    pub(super) style: &'a str,
    pub(super) outcome: Outcome,
    pub(super) found: Option<&'a EntryId>,
    pub(super) confidence: f32,
    /// In scope: the right entry is first. Out of scope: it is not answered.
    pub(super) right: bool,
}

pub(super) fn to_answer(asked: &AskedQuestion) -> Answer<'_> {
    Answer {
        question: &asked.labelled.question,
        expected: &asked.labelled.expected,
        style: &asked.labelled.style,
        outcome: asked.finding.outcome,
        found: asked
            .finding
            .candidates
            .first()
            .map(|candidate| &candidate.entry),
        confidence: asked.evidence.confidence(),
        right: asked.is_right(),
    }
}
