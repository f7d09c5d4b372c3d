//! Which entry a question is about: normalise → features → candidates → score → decide.

use crate::knowledge::{EntryId, Knowledge, Language};

/// What is made of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Confident: the first candidate is the answer.
    Answer,
    /// Did you mean: the first candidates are shown, at most [`MAX_SUGGESTIONS`].
    Suggest,
    /// Confident that it is something the bot does not do.
    Decline,
    /// Does not know.
    None,
}

/// Suggestions shown at once.
pub const MAX_SUGGESTIONS: usize = 3;
/// Candidates reported.
pub const MAX_CANDIDATES: usize = 5;

/// An entry that may be meant.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The entry.
    pub entry: EntryId,
    /// How well it fits; comparable within one question, from 0 to 1.
    pub score: f32,
}

/// The matcher's finding.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// What to do.
    pub outcome: Outcome,
    /// The best entries, best first, at most [`MAX_CANDIDATES`].
    pub candidates: Vec<Candidate>,
    /// The language of the question: that of the phrasing nearest to it.
    pub language: Option<Language>,
}

/// A base made ready to be asked.
#[derive(Debug)]
pub struct Matcher {}

impl Matcher {
    /// Indexes and trains on a base's phrasings.
    pub fn new(_knowledge: &Knowledge) -> Self {
        Self {}
    }

    /// Finds what a question is about. Never panics, whatever the text.
    pub fn find(&self, _question: &str) -> Finding {
        Finding {
            outcome: Outcome::None,
            candidates: Vec::new(),
            language: None,
        }
    }
}
