//! The conversation: a record and an event become a turn. Pure: no clock, network, file or store.

mod adding;
pub mod address;
mod answer;
mod bin;
mod browse;
mod cards;
pub mod choice;
mod confirmation;
mod correction;
pub mod dead_letter;
mod desk;
mod editing;
pub mod event;
mod files;
mod follow_up;
pub mod identity;
mod label;
mod mine;
mod outcome;
mod protection;
pub mod record;
mod reminders;
mod removal;
pub mod reply;
mod review;
mod script;
mod secrets;
mod steps;
mod talk;
mod typing;

use jiff::Timestamp;

pub use address::{Address, Channel, ReplyTo, Thread, ThreadId};
pub use cards::{MAX_CARDS, MAX_KEPT};
pub use choice::{Choice, Field, Page, Press, Reason};
pub use dead_letter::DeadLetter;
pub use event::{
    AttachmentKind, CardId, ChatId, Command, Event, Input, MessageId, Place, Receipt, SentFile,
    Unreadable, UpdateId, UserId,
};
pub use files::MAX_FILE_BYTES;
pub use identity::Entropy;
pub use label::MAX_LABEL_CHARS;
pub use record::{
    Activity, Card, CardDraft, LastAnswer, Record, Reminder, Removal, RemovedCard, Setup, Stage,
    Vote,
};
pub use reply::{Action, Attachment, Button, Reply};

use talk::Talk;

use crate::{
    knowledge::{EntryId, Knowledge, Language, Lines},
    matching::{Finding, Matcher, Outcome},
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
    /// Random bytes for this turn alone.
    pub entropy: Entropy,
}

/// What a turn does: the record as it is from now on, and what is said.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// The record as it is from now on.
    pub record: Record,
    /// What is said, in order; never empty, unless nobody did anything.
    pub replies: Vec<Reply>,
    /// Nothing is kept of the chat but what is still to be said now; the record is an empty one.
    pub forgets: bool,
    /// What was found for the questions in it, for the figures.
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

/// The whole conversation: what happens next, and what is said.
///
/// Every event gets at least one reply, but for [`Input::Wake`] when nothing is due, and receipts other than that of a file. The record comes back
/// changed only by what the replies say.
pub fn respond(record: &Record, event: &Event, context: &Context<'_>) -> Turn {
    let mut talk = Talk::begin(record, event, context);
    reminders::sweep(&mut talk);
    match &event.input {
        Input::Text(text) => typing::text(&mut talk, text),
        Input::Command(command, argument) => desk::command(&mut talk, *command, argument),
        Input::UnknownCommand(name) => desk::unknown_command(&mut talk, name),
        Input::Press { press, message } => desk::press(&mut talk, press.as_ref(), *message),
        Input::Attachment(kind) => desk::attachment(&mut talk, *kind),
        Input::File(file) => mine::file(&mut talk, file),
        Input::TooFast { seconds } => desk::too_fast(&mut talk, *seconds),
        Input::Wake => {
            reminders::wake(&mut talk);
            return talk.finish_untouched();
        }
        Input::Receipt(Receipt::FileContent(content)) => mine::content(&mut talk, content),
        Input::Receipt(Receipt::Sent { .. } | Receipt::Moved { .. }) => {
            return talk.finish_untouched();
        }
        Input::Receipt(Receipt::Unreachable) => {
            // Of a chat that has nothing kept, nothing is kept for this either.
            talk.record.unreachable = talk.record != Record::default();
            return talk.finish_untouched();
        }
    }
    talk.finish()
}

/// Whether a turn on this event may take long, since a PIN is hashed: some tens of milliseconds, by design.
pub fn takes_long(record: &Record, event: &Event) -> bool {
    matches!(event.input, Input::Text(_)) && record.activity.awaits_secret()
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
    // An answer needs no chance.
    let entropy = Entropy([0; Entropy::BYTES]);
    let context = Context { base, now, entropy };
    let mut talk = Talk::begin(&Record::default(), &event, &context);
    if let Some(language) = language.or(finding.language) {
        talk.speak(language);
    }
    talk.note_script(question, finding.traditional);
    answer::say(&mut talk, &finding);
    (finding, talk.finish().replies)
}

/// The apology for a turn that failed through a fault of ours; the record stays as it was, but for the letter.
pub fn apology(record: &Record, base: &Base, letter: DeadLetter) -> Turn {
    let language = record.language.or(record.spoken).unwrap_or(Language::EN);
    let mut record = record.clone();
    record.keep_letter(letter);
    Turn {
        record,
        replies: vec![Reply::new(base.lines.say(language, "apology", &[]))],
        forgets: false,
        found: Vec::new(),
    }
}
