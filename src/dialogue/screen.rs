//! Names of the screens a turn can end at. A procedure names one; `screens` draws it once the record is at rest. Never
//! stored: what a chat is in the middle of is the record's [`Activity`](super::record::Activity).

use super::{
    choice::Page,
    ids::{CardId, MessageId},
    reply::Reply,
};
use crate::markup::RichText;

/// What a turn shows besides what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Screen {
    /// Where the procedure under way is; nothing, if there is none.
    Present,
    /// The list of cards.
    Cards(Page),
    /// The list takes no more cards.
    CardsFull,
    /// One card, and what can be done with it.
    Card(CardId),
    /// What happened to a card.
    CardHistory(CardId),
    /// The removed cards that can be put back.
    Trash(Page),
    /// The cards, with the question which are still in use.
    Review(Page),
    /// All cards are still in use.
    ReviewDone,
    /// The cards to choose from for a removal.
    ChooseCard(Page),
    /// What may look different at the present step.
    Differences,
    /// The removal of this card waits to be taken up again.
    Paused(CardId),
    /// A removal was cancelled; it can be taken up again.
    RemovalCancelled,
    /// Something else was cancelled.
    Cancelled,
    /// There is nothing to cancel.
    NothingToCancel,
    /// The card was taken off the list just now; below that, whether it is gone from the wallet.
    TakenOff(CardId),
    /// The card is gone from the wallet: what is useful next.
    CardGone(CardId),
    /// The card is still in the wallet: the ways on.
    StillThere(CardId),
    /// Whether the card is gone from the wallet, asked again.
    LookAgain(CardId),
    /// The same after a while, by itself.
    GoneByNow(CardId),
    /// The bot will ask about this card again.
    WillRemind(CardId),
    /// The question about this card was left without an answer.
    OutcomeLeftOpen(CardId),
    /// A removal was left in the middle.
    Unfinished,
    /// No more reminders of what is left in the middle.
    RemindersOff,
    /// The first code was wrong; the picture with the secret is still above.
    WrongFirstCode,
    /// Everything there is to read, by group.
    Topics,
    /// The same, since the entry asked for is no more.
    EntryMissing,
    /// The entries of a group.
    Topic(String),
    /// The languages to choose from.
    Languages,
    /// A language was chosen.
    LanguageSet,
    /// Everything was deleted.
    Forgotten,
}

/// Something a turn says or shows, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Output {
    /// A new message, which stays as it is.
    Said(Reply),
    /// A screen, below the notes left for it.
    Shown {
        /// Which.
        screen: Screen,
        /// What stands above it.
        notes: RichText,
    },
}

/// Where the first screen appears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Placement {
    /// In a message of its own.
    New,
    /// In place of the message whose button was pressed, unless something was said before it.
    InPlaceOf(MessageId),
}
