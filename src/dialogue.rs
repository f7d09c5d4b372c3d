//! The conversation: a record and an event become a turn. Pure: no clock, network, file or store.

pub mod event;
pub mod record;
pub mod reply;

use jiff::Timestamp;

pub use event::{
    Attachment, CardId, ChatId, Choice, Command, Event, Input, MessageId, Place, Press, UpdateId,
};
pub use record::{Activity, Card, CardDraft, Record, RemovedCard};
pub use reply::{Action, Button, Reply};

use crate::{
    knowledge::{Knowledge, Lines},
    markup::RichText,
    matching::Matcher,
};

/// A knowledge base made ready to talk from.
#[derive(Debug)]
pub struct Base {
    /// What is known.
    pub knowledge: Knowledge,
    /// Finds what is asked.
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
    /// What is known.
    pub base: &'a Base,
    /// The time of the event.
    pub now: Timestamp,
}

/// What a turn does: the record as it is from now on, and what is said.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// The record as it is from now on.
    pub record: Record,
    /// What is said, in order; never empty.
    pub replies: Vec<Reply>,
}

/// The whole conversation: what happens next, and what is said.
pub fn respond(record: &Record, event: &Event, context: &Context<'_>) -> Turn {
    let _ = (event, context);
    Turn {
        record: record.clone(),
        replies: vec![Reply::new(RichText::plain("…"))],
    }
}

/// The apology for a turn that failed through a fault of ours; the record stays as it was.
pub fn apology(record: &Record, base: &Base) -> Turn {
    let language = record
        .language
        .or(record.spoken)
        .unwrap_or(crate::knowledge::Language::EN);
    Turn {
        record: record.clone(),
        replies: vec![Reply::new(base.lines.say(language, "apology", &[]))],
    }
}
