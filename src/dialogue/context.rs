//! What a turn is made from, and what it comes to: the border of [`respond`](super::respond).

use jiff::Timestamp;

use super::{protection::credentials::Entropy, record::Record, reply::Reply};
use crate::{
    knowledge::{EntryId, Knowledge, Lines},
    matching::{Matcher, Outcome},
};

/// A knowledge base made ready to talk from.
#[derive(Debug)]
pub struct Base {
    /// Entries, guides and groups.
    pub knowledge: Knowledge,
    /// Finds the entry a question is about.
    pub matcher: Matcher,
    /// The bot's own lines.
    pub lines: Lines,
}

impl Base {
    /// Indexes a knowledge base.
    pub fn new(knowledge: Knowledge) -> Self {
        Self {
            matcher: Matcher::new(&knowledge),
            lines: Lines::new(&knowledge.lines),
            knowledge,
        }
    }
}

/// What a turn may know besides the record and the event.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The knowledge base of this turn.
    pub base: &'a Base,
    /// The time of the event.
    pub now: Timestamp,
    /// Random bytes for this turn alone.
    pub entropy: Entropy,
}

/// What a turn does: the record as it is from now on, and what is said.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// The record as it is from now on.
    pub record: Record,
    /// What is said, in order; never empty when a person did something.
    pub replies: Vec<Reply>,
    /// Nothing of the chat is kept but the replies still to be sent; the record is an empty one.
    pub forgets: bool,
    /// What was found for the questions in it, for the metrics.
    pub found: Vec<Found>,
}

/// What was found for a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// How sure it is.
    pub outcome: Outcome,
    /// The entry that was shown; none where several were offered, or none is known.
    pub entry: Option<EntryId>,
}
