//! The names of the screens a turn can show. A procedure names one; `screens` draws it after the record is settled.
//! Never stored: the procedure a chat is in is the record's [`Activity`](super::record::Activity).

use super::{
    choice::Page,
    ids::{CardId, MessageId},
    reply::Reply,
};
use crate::markup::RichText;

/// What a turn can show below what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Screen {
    /// The question of the procedure under way; nothing, if there is none.
    Present,
    Cards(Page),
    /// The list is full: no card can be added.
    CardsFull,
    /// One card, with its actions.
    Card(CardId),
    CardHistory(CardId),
    Trash(Page),
    /// The cards, with the question which of them are still in use.
    Review(Page),
    /// Says that the review is complete.
    ReviewDone,
    /// The cards to choose from for a removal.
    ChooseCard(Page),
    /// What may look different at the present step.
    Differences,
    /// The removal of this card is paused and can be continued.
    Paused(CardId),
    /// A removal was cancelled; it can be continued after all.
    RemovalCancelled,
    /// Something else was cancelled.
    Cancelled,
    NothingToCancel,
    /// The card was just taken off the list: says so, and asks whether it is gone from the wallet.
    TakenOff(CardId),
    /// The card is gone from the wallet: offers what is useful next.
    CardGone(CardId),
    /// The card is still in the wallet: offers ways to continue.
    StillThere(CardId),
    /// Asks again whether the card is gone from the wallet.
    LookAgain(CardId),
    /// The same question, asked by a reminder.
    GoneByNow(CardId),
    /// The bot will ask about this card again.
    WillRemind(CardId),
    /// The question about this card was not answered.
    OutcomeLeftOpen(CardId),
    /// A reminder of a procedure that was left unfinished.
    Unfinished,
    /// Reminders of unfinished procedures are switched off.
    RemindersOff,
    /// The first code was wrong; the picture with the secret is still above.
    WrongFirstCode,
    /// The same, because the typed text was no code at all.
    NoFirstCode,
    /// All topics (groups of entries).
    Topics,
    /// The same, because the requested entry no longer exists.
    EntryMissing,
    /// The entries of the group with this id.
    Topic(String),
    Languages,
    LanguageSet,
    Forgotten,
}

/// Something a turn says or shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Output {
    /// A new message, which is not edited later.
    Said(Reply),
    /// A screen, below its notes.
    Shown { screen: Screen, notes: RichText },
}

/// Where the first screen appears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Placement {
    /// In a message of its own.
    New,
    /// In place of the message whose button was pressed, unless something was said before it.
    InPlaceOf(MessageId),
}
