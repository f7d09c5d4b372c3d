//! The conversation: a record and an event become a turn. Pure: no clock, network, file or store.
//!
//! A turn is made in three steps. *Update*: `router` leads the event to one procedure, which changes the record, says
//! things, leaves notes and names the next screen. *Settle*: `settle` brings the record to rest (a proof that is wanted, a
//! step that is no more, a draft that is complete). *Draw*: `screens` draws what was named, from the record as it is now.
//! A procedure never draws, and a drawing never changes anything.
//!
//! The border: [`event`] comes in, [`Turn`] goes out, [`record`] is what is kept, [`choice`] what a button means. The
//! features (`answers`, `cards`, `removal`, `protection`, `my_data`, `reminders`, `language`, `help`) each keep their
//! procedures and their drawings side by side.

mod address;
mod answers;
mod buttons;
mod cards;
pub mod choice;
mod context;
pub mod dead_letter;
pub mod event;
mod help;
mod ids;
mod language;
mod my_data;
pub mod protection;
pub mod record;
mod reminders;
mod removal;
pub mod reply;
mod router;
mod screen;
mod screens;
mod script;
mod secrets;
mod settle;
mod turn;
mod wording;
mod words;

use jiff::Timestamp;

pub use address::{Address, Channel, ReplyTo, Thread, ThreadId};
pub use cards::card_text::MAX_LABEL_CHARS;
pub use choice::{Choice, Field, Page, Press, Reason};
pub use context::{Base, Context, Found, Turn};
pub use event::{AttachmentKind, Command, Event, Input, Place, Receipt, SentFile, Unreadable};
pub use ids::{CardId, ChatId, MessageId, UpdateId, UserId};
pub use my_data::card_file::MAX_FILE_BYTES;
pub use protection::credentials::Entropy;
pub use record::{
    Activity, Card, CardDraft, DeadLetter, LastAnswer, MAX_CARDS, MAX_KEPT, Record, Reminder,
    Removal, RemovedCard, Setup, Stage, Vote,
};
pub use reply::{Action, Attachment, Button, Reply};

use answers::question;
use turn::TurnBuilder;

use crate::{knowledge::Language, matching::Finding};

/// The whole conversation: what happens next, and what is said.
///
/// Every event gets at least one reply, but for [`Input::Wake`] when nothing is due, and receipts other than that of a
/// file. The record comes back changed only by what the replies say.
pub fn respond(record: &Record, event: &Event, context: &Context<'_>) -> Turn {
    let mut turn = TurnBuilder::begin(record, event, context);
    reminders::sweep(&mut turn);
    router::update(&mut turn, event);
    settle::settle(&mut turn);
    screens::draw(turn)
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
    let mut turn = TurnBuilder::begin(&Record::default(), &event, &context);
    if let Some(language) = language.or(finding.language) {
        turn.speak(language);
    }
    turn.note_script(question, finding.traditional);
    question::say_finding(&mut turn, &finding);
    (finding, screens::draw(turn).replies)
}

/// The apology for a turn that failed through a fault of ours; the record stays as it was, but for the letter.
pub fn apology(record: &Record, base: &Base, letter: DeadLetter) -> Turn {
    let language = record.language.or(record.spoken).unwrap_or(Language::EN);
    let mut record = record.clone();
    record.keep_dead_letter(letter);
    Turn {
        record,
        replies: vec![Reply::new(base.lines.say(language, "apology", &[]))],
        forgets: false,
        found: Vec::new(),
    }
}
