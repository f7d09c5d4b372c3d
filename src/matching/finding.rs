//! What the matcher returns for a question.

use serde::Serialize;

use crate::knowledge::{EntryId, Language};

/// Suggestions shown at once.
pub const MAX_SUGGESTIONS: usize = 3;
/// Candidates in a finding.
pub const MAX_CANDIDATES: usize = 5;

/// What to do with a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Confident: the first candidate is the answer.
    Answer,
    /// "Did you mean": the first candidates are shown, at most [`MAX_SUGGESTIONS`].
    Suggest,
    /// Confident that it is something the bot does not do.
    Decline,
    /// No entry fits.
    None,
}

impl Outcome {
    /// The name in reports and metrics; the same as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::Suggest => "suggest",
            Self::Decline => "decline",
            Self::None => "none",
        }
    }
}

/// An entry that may be meant.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    pub entry: EntryId,
    /// Its probability, from 0 to 1; comparable within one question.
    pub score: f32,
}

/// What was found for a question.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    pub outcome: Outcome,
    /// The best entries, best first, at most [`MAX_CANDIDATES`].
    pub candidates: Vec<Candidate>,
    /// The question's language: that of the phrasings it shares most with; `None` if it shares nothing with any.
    pub language: Option<Language>,
    /// Whether the question is written in Traditional script.
    pub traditional: bool,
}
