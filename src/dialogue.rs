//! The conversation: a record and an event become a turn. Pure: no clock, network, file or store.

mod answer;
mod browse;
mod cards;
mod desk;
pub mod event;
mod follow_up;
pub mod record;
mod removal;
pub mod reply;
mod script;
mod talk;

use jiff::Timestamp;

pub use cards::{MAX_CARDS, MAX_LABEL_CHARS};
pub use event::{
    Attachment, CardId, ChatId, Choice, Command, Event, Input, MessageId, Place, Press, UpdateId,
};
pub use record::{Activity, Card, CardDraft, LastAnswer, Record, RemovedCard, Vote};
pub use reply::{Action, Button, Reply};

use talk::Talk;

use crate::{
    knowledge::{Knowledge, Language, Lines},
    matching::{Finding, Matcher},
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
///
/// Every event gets at least one reply. The record comes back changed only by what the replies say.
pub fn respond(record: &Record, event: &Event, context: &Context<'_>) -> Turn {
    let mut talk = Talk::begin(record, event, context);
    match &event.input {
        Input::Text(text) => desk::text(&mut talk, text),
        Input::Command(command, argument) => desk::command(&mut talk, *command, argument),
        Input::UnknownCommand(name) => desk::unknown_command(&mut talk, name),
        Input::Press { press, message } => desk::press(&mut talk, press.as_ref(), *message),
        Input::Attachment(kind) => desk::attachment(&mut talk, *kind),
    }
    talk.finish()
}

/// A single question outside any conversation, answered in `language` or that of the question.
pub fn answer_once(
    base: &Base,
    question: &str,
    language: Option<Language>,
    now: Timestamp,
) -> (Finding, Vec<Reply>) {
    let finding = base.matcher.find(question);
    let event = Event::private(Input::Text(question.to_owned()));
    let mut talk = Talk::begin(&Record::default(), &event, &Context { base, now });
    if let Some(language) = language.or(finding.language) {
        talk.speak(language);
    }
    talk.note_script(question, finding.traditional);
    answer::say(&mut talk, &finding);
    (finding, talk.finish().replies)
}

/// The apology for a turn that failed through a fault of ours; the record stays as it was.
pub fn apology(record: &Record, base: &Base) -> Turn {
    let language = record.language.or(record.spoken).unwrap_or(Language::EN);
    Turn {
        record: record.clone(),
        replies: vec![Reply::new(base.lines.say(language, "apology", &[]))],
    }
}
