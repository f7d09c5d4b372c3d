//! The context and the result of [`respond`](super::respond).

use jiff::{SignedDuration, Timestamp};

use super::{
    command_words::CommandWords, protection::credentials::Entropy, record::Record, reply::Reply,
    word_lists::WordLists,
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
    pub word_lists: WordLists,
}

impl Base {
    /// Indexes a knowledge base.
    pub fn new(knowledge: Knowledge) -> Self {
        let lines = Lines::new(&knowledge.lines);
        Self {
            matcher: Matcher::new(&knowledge),
            command_words: CommandWords::new(&lines),
            word_lists: WordLists::new(&lines),
            lines,
            knowledge,
        }
    }
}

/// How far a clock may be ahead before it is not believed: channels deliver messages up to a day late, so a clock that is
/// right can be a day, and not more, ahead of the newest message.
pub const MAX_CLOCK_AHEAD: SignedDuration = SignedDuration::from_hours(25);

/// What the time of a turn was compared with. A clock that jumped must not delete anything, so what has expired is
/// deleted only once that much time has certainly passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeCheck {
    /// It is at least this late, by the dates of messages.
    AtLeast(Timestamp),
    /// There is nothing to compare the clock with, as in a terminal.
    Nothing,
}

/// What a turn depends on besides the record and the event.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    pub base: &'a Base,
    pub now: Timestamp,
    /// What `now` was compared with.
    pub checked: TimeCheck,
    /// Random bytes, used for this turn only.
    pub entropy: Entropy,
}

impl Context<'_> {
    /// The clock's time, and the time that messages show. They are far apart if the clock is ahead, or if a message
    /// waited.
    pub(super) fn likely_times(&self) -> [Timestamp; 2] {
        match self.checked {
            TimeCheck::AtLeast(passed) => [self.now, passed],
            TimeCheck::Nothing => [self.now; 2],
        }
    }

    /// Whether the clock agrees with the messages.
    pub(super) fn clock_agrees(&self) -> bool {
        match self.checked {
            TimeCheck::AtLeast(passed) => self.now.duration_since(passed) <= MAX_CLOCK_AHEAD,
            TimeCheck::Nothing => false,
        }
    }
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
