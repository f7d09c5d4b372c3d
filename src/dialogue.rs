//! The conversation: computes a turn (new record and replies) from a record and an event. Pure: no clock, network, file
//! or store.
//!
//! A turn is made in three steps. *Update*: `router` passes the event to one procedure, which changes the record, says
//! things, leaves notes and names the next screen. *Settle*: `settle` makes the record consistent (asks for a proof
//! that is required, replaces a step that no longer exists, finishes a complete draft). *Draw*: `screens` draws the
//! named screens from the final record. Screens are drawn only by `screens`, from the final record; a procedure may also
//! say a finished message (`say_…`). Drawing functions never change the record.
//!
//! The interface: an [`event`] comes in, a [`Turn`] goes out, a [`record`] is what is stored per chat, a [`choice`] is
//! what a button does. Each feature (`answers`, `cards`, `removal`, `protection`, `my_data`, `reminders`, `language`,
//! `help`) holds its procedures and its drawing functions side by side.

mod address;
mod answers;
mod buttons;
mod cards;
mod characters;
pub mod choice;
mod command_text;
mod command_words;
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
pub mod said;
mod screen;
mod screens;
mod secrets;
mod settle;
mod traditional;
mod turn;
mod word_lists;
mod wording;
mod words;

use jiff::Timestamp;

pub use address::{Address, Channel, ReplyTo, Thread, ThreadId};
pub use cards::card_text::MAX_LABEL_CHARS;
pub use choice::{Choice, Field, MAX_DATA_BYTES, Page, Press, Reason};
pub use command_text::{CommandText, split as split_command};
pub use command_words::CommandWords;
pub use context::{Base, Context, Found, MAX_CLOCK_AHEAD, TimeCheck, Turn};
pub use event::{
    AttachmentKind, Command, Event, Input, Place, Receipt, SentAs, SentFile, Unreadable,
};
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

/// Handles one event: returns the changed record and the replies.
///
/// Every event gets at least one reply, except [`Input::Wake`] when nothing is due, receipts other than the content of a
/// file, and edits that change nothing.
pub fn respond(record: &Record, event: &Event, context: &Context<'_>) -> Turn {
    let mut turn = TurnBuilder::begin(record, event, context);
    reminders::sweep(&mut turn, context);
    router::update(&mut turn, event);
    settle::settle(&mut turn);
    screens::draw(turn)
}

/// Whether handling this event may take tens of milliseconds, because a PIN is hashed with a deliberately slow
/// function.
pub fn takes_long(record: &Record, event: &Event) -> bool {
    let is_typed = matches!(event.input, Input::Text(_) | Input::UnknownCommand(_));
    is_typed && record.activity.awaits_secret()
}

/// Answers a single question outside any conversation, in `language` or else in the language of the question.
pub fn answer_once(
    base: &Base,
    question: &str,
    language: Option<Language>,
    now: Timestamp,
) -> (Finding, Vec<Reply>) {
    let finding = base.matcher.find(question);
    let event = Event::private(Input::Text(question.to_owned()));
    // Answers use no randomness.
    let entropy = Entropy([0; Entropy::BYTES]);
    let context = Context {
        base,
        now,
        checked: TimeCheck::AtLeast(now),
        entropy,
    };
    let mut turn = TurnBuilder::begin(&Record::default(), &event, &context);
    if let Some(language) = language.or(finding.language) {
        turn.speak(language);
    }
    turn.note_script(question, finding.traditional);
    question::say_finding(&mut turn, &finding);
    (finding, screens::draw(turn).replies)
}

/// Tells a person that one of the replies could not be sent. It counts as unsolicited, so that nobody is told about a notice
/// that could not be sent either.
pub fn undelivered_notice(record: &Record, base: &Base) -> Reply {
    let language = record.preferred_language(&base.lines);
    Reply {
        unsolicited: true,
        ..Reply::new(base.lines.say(language, "undelivered", &[]))
    }
}

/// Apologises for a turn for `event` that failed because of a bug; the record is unchanged except for the added dead
/// letter.
pub fn apology(record: &Record, event: &Event, base: &Base, letter: DeadLetter) -> Turn {
    let mut record = record.clone();
    let asked = Record {
        app_language: event.app_language.or(record.app_language),
        ..record.clone()
    };
    let language = asked.preferred_language(&base.lines);
    record.keep_dead_letter(letter);
    Turn {
        record,
        replies: vec![Reply::new(base.lines.say(language, "apology", &[]))],
        forgets: false,
        found: Vec::new(),
    }
}
