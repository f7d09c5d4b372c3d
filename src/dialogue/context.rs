//! The context and the result of [`respond`](super::respond).

use jiff::Timestamp;

use super::{
    command_words::CommandWords, protection::credentials::Entropy, record::Record, reply::Reply,
};
use crate::{
    knowledge::{EntryId, Knowledge, Lines},
    matching::{Matcher, Outcome},
};

/// A knowledge base with its index.
#[derive(Debug)]
pub struct Base {
    pub knowledge: Knowledge,
    pub matcher: Matcher,
    pub lines: Lines,
    pub command_words: CommandWords,
}

impl Base {
    /// Indexes a knowledge base.
    pub fn new(knowledge: Knowledge) -> Self {
        let lines = Lines::new(&knowledge.lines);
        Self {
            matcher: Matcher::new(&knowledge),
            command_words: CommandWords::new(&lines),
            lines,
            knowledge,
        }
    }
}

/// What a turn depends on besides the record and the event.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    pub base: &'a Base,
    pub now: Timestamp,
    /// Random bytes, used for this turn only.
    pub entropy: Entropy,
}

/// The result of a turn: the new record and the replies.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    pub record: Record,
    /// The replies in order; never empty if a person caused the turn.
    pub replies: Vec<Reply>,
    /// Whether the chat's stored data is deleted, except replies not sent yet; the record is then empty.
    pub forgets: bool,
    /// What was found for each question, for the metrics.
    pub found: Vec<Found>,
}

/// What was found for a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub outcome: Outcome,
    /// The entry that was shown; `None` if several were offered, or none was found.
    pub entry: Option<EntryId>,
}
