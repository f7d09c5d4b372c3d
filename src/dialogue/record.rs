//! The chat record: all that is kept of a chat, as one versioned value with one atomic commit.
//!
//! Reading is lenient (`default` everywhere), so that an older record is a record; what is kept for how long is said
//! by the constants here, and nowhere else.

mod changes;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    choice::{Field, Reason},
    ids::{CardId, MessageId, UpdateId},
    protection::credentials::{FailedAttempts, Protection, SealedSecret},
};
use crate::knowledge::{CardKind, EntryId, Language, PhoneSystem};

/// Cards on a list: far more than anybody has, and a record stays small.
pub const MAX_CARDS: usize = 50;
/// Cards on the list and in the trash together, so that adding and removing without end fills no record.
pub const MAX_KEPT: usize = 150;
/// How long a removed card can be put back.
pub const TRASH_DAYS: i64 = 30;
/// How long an unfinished procedure waits to be taken up again.
pub const UNFINISHED_DAYS: i64 = 30;
/// After so long without a word in the middle of a removal, one reminder: the next day, at about the same time.
pub const REMIND_UNFINISHED_HOURS: i64 = 24;
/// “Still there” is asked about again after this: wallets that lag have caught up by then.
pub const REMIND_OUTCOME_MINUTES: i64 = 30;
/// Between two reviews of the cards: a quarter of a year, as changes of jobs and flats go.
pub const REVIEW_DAYS: i64 = 90;
/// Changes of a card that are remembered; the oldest goes first, the day it was added stays.
pub const MAX_HISTORY: usize = 20;
/// How long a dead letter is kept: time enough to notice, and to mend what it shows.
pub const DEAD_LETTER_DAYS: i64 = 30;
/// Dead letters kept of one chat, the newest: a fault met ten times is one fault.
pub(crate) const MAX_DEAD_LETTERS: usize = 5;
/// How long a redelivered update is recognised: Telegram keeps updates for 24 hours, phones resend within a day.
pub const REMEMBER_UPDATES_HOURS: i64 = 48;
/// Bounds the record. What can come again is what was not confirmed yet: a batch of at most 100.
const REMEMBER_UPDATES: usize = 200;

/// Everything kept of one chat.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// The language chosen with `/language`.
    pub language: Option<Language>,
    /// The language last spoken.
    pub spoken: Option<Language>,
    /// The language the person's app was last set to.
    pub app_language: Option<Language>,
    /// Whether Chinese was last written in Traditional script.
    pub traditional: bool,
    /// The answer given last, for a follow-up and for a better one.
    pub last_answer: Option<LastAnswer>,
    /// Which entries were found helpful, and which were not.
    pub votes: BTreeMap<EntryId, Vote>,
    /// Counts the keyboards shown: an older button is recognised by it.
    #[serde(rename = "turn")]
    pub keyboard: u32,
    /// Where in which procedure the chat is.
    pub activity: Activity,
    /// A removal set aside for a moment, while a card is added or changed.
    pub suspended: Option<Activity>,
    /// Removals set aside by their owner, to be taken up again; one a card.
    pub paused: Vec<Removal>,
    /// The removal cancelled last, as long as that can be taken back.
    pub cancelled: Option<Removal>,
    /// When the person last did something in what is under way.
    #[serde(rename = "touched")]
    pub last_active: Option<Timestamp>,
    /// Whether there was a reminder of what is left unfinished.
    #[serde(rename = "reminded")]
    pub reminder_sent: bool,
    /// No such reminders are wanted.
    #[serde(rename = "quiet")]
    pub reminders_muted: bool,
    /// Cards that are to be asked about again.
    pub reminders: Vec<Reminder>,
    /// When the cards are to be looked through, if that is wanted.
    pub review: Option<Timestamp>,
    /// What is asked before a card is removed, if its owner set that up.
    pub protection: Option<Protection>,
    /// What went wrong with that.
    #[serde(rename = "tries")]
    pub failed_attempts: FailedAttempts,
    /// The message that shows the present step, once it is known.
    #[serde(rename = "screen")]
    pub screen_message: Option<MessageId>,
    /// Cards on the list, in the order they were added.
    pub cards: Vec<Card>,
    /// Cards taken off, the newest last.
    #[serde(rename = "bin")]
    pub trash: Vec<RemovedCard>,
    /// The id the next card gets.
    pub next_card: u32,
    /// Questions in a row that found no answer.
    pub misses: u32,
    /// Nothing can be said here, as far as is known; whoever says something is reachable again.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unreachable: bool,
    /// Messages the bot failed at, for those who mend it.
    #[serde(rename = "letters", skip_serializing_if = "Vec::is_empty")]
    pub dead_letters: Vec<DeadLetter>,
    /// The update ids of the last 48 hours.
    pub updates: Vec<SeenUpdate>,
}

/// A message the bot failed at through a fault of its own, and how; made by `dead_letter`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// When it was failed at.
    pub at: Timestamp,
    /// The update it came in, if it came in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update: Option<UpdateId>,
    /// What went wrong, in the program's words.
    pub fault: String,
    /// What came in, its digits blotted out.
    pub event: String,
}

impl DeadLetter {
    fn kept_until(&self) -> Timestamp {
        self.at + SignedDuration::from_hours(24 * DEAD_LETTER_DAYS)
    }
}

/// An answer, and what else might have been meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastAnswer {
    /// The entry.
    pub entry: EntryId,
    /// The next candidates, best first.
    #[serde(default)]
    pub others: Vec<EntryId>,
}

/// What somebody thinks of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vote {
    /// 👍
    Helpful,
    /// 👎
    NotHelpful,
}

/// An update that had its effect. Written as a pair, since most of a busy chat's record is these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(UpdateId, i64)", into = "(UpdateId, i64)")]
pub struct SeenUpdate {
    /// Its id.
    pub id: UpdateId,
    /// When it had it, to the second.
    pub at: Timestamp,
}

impl From<(UpdateId, i64)> for SeenUpdate {
    fn from((id, second): (UpdateId, i64)) -> Self {
        Self {
            id,
            at: Timestamp::from_second(second).unwrap_or_default(),
        }
    }
}

impl From<SeenUpdate> for (UpdateId, i64) {
    fn from(seen: SeenUpdate) -> Self {
        (seen.id, seen.at.as_second())
    }
}

/// A card on the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// Its name in buttons; never used twice in a chat.
    pub id: CardId,
    /// What its owner calls it.
    pub label: String,
    /// The wallet it is in: the id of a guide.
    pub wallet: EntryId,
    /// The phone system, where it matters.
    #[serde(default)]
    pub system: Option<PhoneSystem>,
    /// The kind of card, where it matters.
    #[serde(default)]
    pub kind: Option<CardKind>,
    /// Who issued it, or where it opens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// Its last digits, four at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digits: Option<String>,
    /// When it was put on the list.
    pub added: Timestamp,
    /// What happened to it since, the oldest first; at most [`MAX_HISTORY`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<HistoryEntry>,
}

/// Something that happened to a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: CardEvent,
}

/// What can happen to a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CardEvent {
    /// Something of it was changed.
    Changed(Field),
    /// It was taken off the list.
    TakenOff,
    /// It was put back.
    PutBack,
    /// It came with a file.
    Imported,
}

/// A card taken off the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemovedCard {
    /// The card as it was.
    pub card: Card,
    /// When it was confirmed.
    pub removed: Timestamp,
    /// Its place on the list, to be put back there.
    #[serde(default)]
    pub place: usize,
    /// Why it was taken off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// A removed card whose owner wants to look again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reminder {
    /// The card, in the bin.
    pub card: CardId,
    /// When to ask.
    pub at: Timestamp,
}

/// How many more cards can be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    /// This many, at least one.
    For(usize),
    /// The list has [`MAX_CARDS`].
    ListFull,
    /// List and trash together have [`MAX_KEPT`].
    TrashFull,
}

/// Why a card was not put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotPutBack {
    /// It is not in the trash.
    NotInTrash,
    /// The list has [`MAX_CARDS`].
    ListFull,
}

/// Where in which procedure a chat is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "at")]
pub enum Activity {
    /// Nowhere: questions are answered.
    #[default]
    Idle,
    /// A card is being added, or the wallet of one on the list told anew.
    Adding {
        /// What is known of it.
        draft: CardDraft,
        /// Whether its removal follows.
        then_unbind: bool,
    },
    /// A new value for something of a card is awaited.
    Editing {
        /// The card.
        card: CardId,
        /// What of it.
        field: Field,
    },
    /// The card to take out is being chosen.
    ChoosingCard,
    /// A card is being taken out.
    Removing(Removal),
    /// The protection of removals is being set up or changed.
    Protecting(Setup),
    /// Cards of a file wait for a yes.
    Importing {
        /// Those that would come on the list.
        cards: Vec<Card>,
    },
    /// The yes to deleting everything is awaited.
    Forgetting,
    /// The cards are being looked through.
    Reviewing,
}

/// The removal of a card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removal {
    /// The card.
    pub card: CardId,
    /// Why; asked once.
    #[serde(default)]
    pub reason: Option<Reason>,
    /// Whether its owner proved to be the owner, in this removal.
    #[serde(default)]
    pub proved: bool,
    /// How far it got.
    pub stage: Stage,
    /// When it was set aside, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set_aside: Option<Timestamp>,
}

/// How far a removal got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Asked why.
    Reason,
    /// The owner takes the card out of the wallet, step by step; the step's entry.
    Step(EntryId),
    /// The same in a hurry: all steps at once.
    AllSteps,
    /// Asked for the PIN or a code.
    Proof,
    /// The explicit yes is awaited.
    Confirmation,
    /// Asked whether the card is gone from the wallet; it is in the bin.
    Outcome,
}

/// How far the setting up of a protection got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Setup {
    /// What there is, and what can be chosen.
    Choosing,
    /// The present PIN or a code, before anything is changed.
    Proof(ProtectionGoal),
    /// A new PIN.
    NewPin,
    /// The same once more.
    RepeatPin(SealedSecret),
    /// A code made with the new secret.
    FirstCode(SealedSecret),
}

/// What is wanted of the protection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProtectionGoal {
    /// A PIN.
    Pin,
    /// One-time codes.
    Codes,
    /// None.
    Off,
}

/// A card of which not everything is known yet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CardDraft {
    /// Its label.
    pub label: Option<String>,
    /// Its wallet.
    pub wallet: Option<EntryId>,
    /// Its phone system.
    pub system: Option<PhoneSystem>,
    /// Its kind.
    pub kind: Option<CardKind>,
    /// The owner is not sure of the kind.
    pub kind_skipped: bool,
    /// The card on the list whose wallet this tells anew.
    pub changes: Option<CardId>,
}

impl Activity {
    /// Whether nothing is under way.
    pub fn is_idle(&self) -> bool {
        *self == Self::Idle
    }

    /// Whether a removal is under way.
    pub fn is_removal(&self) -> bool {
        matches!(self, Self::ChoosingCard | Self::Removing(_))
    }

    /// The removal under way.
    pub fn removal(&self) -> Option<&Removal> {
        match self {
            Self::Removing(removal) => Some(removal),
            _ => None,
        }
    }

    /// Whether words of the person's own are awaited, which may be a number, too.
    pub fn awaits_words(&self) -> bool {
        matches!(self, Self::Adding { .. } | Self::Editing { .. })
    }

    /// Whether a PIN or a code is awaited, so that what is typed is none of anybody's business.
    pub fn awaits_secret(&self) -> bool {
        match self {
            Self::Removing(removal) => removal.stage == Stage::Proof,
            Self::Protecting(setup) => *setup != Setup::Choosing,
            _ => false,
        }
    }
}

impl Removal {
    /// Whether it has still to be confirmed.
    pub fn is_open(&self) -> bool {
        self.stage != Stage::Outcome
    }
}

impl Card {
    /// A card of which no more is known.
    pub fn new(id: CardId, label: impl Into<String>, wallet: EntryId, added: Timestamp) -> Self {
        Self {
            id,
            label: label.into(),
            wallet,
            system: None,
            kind: None,
            issuer: None,
            digits: None,
            added,
            history: Vec::new(),
        }
    }

    /// Whether this is its label, as a person would compare them.
    pub fn is_called(&self, label: &str) -> bool {
        is_same_label(&self.label, label)
    }

    /// Notes what happened to it.
    pub fn note(&mut self, what: CardEvent, at: Timestamp) {
        self.history.push(HistoryEntry { at, what });
        let excess = self.history.len().saturating_sub(MAX_HISTORY);
        self.history.drain(..excess);
    }
}

impl Record {
    /// Whether this update already had its effect.
    pub fn has_seen(&self, update: UpdateId) -> bool {
        self.updates.iter().any(|seen| seen.id == update)
    }

    /// Notes that this update has its effect now, and forgets those too old to come again.
    pub fn note_update(&mut self, id: UpdateId, now: Timestamp) {
        let oldest = now - SignedDuration::from_hours(REMEMBER_UPDATES_HOURS);
        self.updates.retain(|seen| seen.at >= oldest);
        self.updates.push(SeenUpdate::from((id, now.as_second())));
        let excess = self.updates.len().saturating_sub(REMEMBER_UPDATES);
        self.updates.drain(..excess);
    }

    /// The card on the list with this id.
    pub fn card(&self, id: CardId) -> Option<&Card> {
        self.cards.iter().find(|card| card.id == id)
    }

    /// The card in the bin with this id.
    pub fn removed_card(&self, id: CardId) -> Option<&RemovedCard> {
        self.trash.iter().find(|removed| removed.card.id == id)
    }

    /// The card on the list with this id, to be changed.
    pub fn card_mut(&mut self, id: CardId) -> Option<&mut Card> {
        self.cards.iter_mut().find(|card| card.id == id)
    }

    /// When this chat next wants to be woken, though nobody does anything: to be reminded, or since something has been
    /// kept long enough.
    pub fn wake_at(&self) -> Option<Timestamp> {
        let reminders = self.reminders.iter().map(|reminder| reminder.at);
        let reminders = reminders
            .chain(self.review)
            .chain(self.remind_unfinished_at())
            .filter(|_| !self.unreachable);
        let bin = self.trash.iter().map(RemovedCard::kept_until);
        let letters = self.dead_letters.iter().map(DeadLetter::kept_until);
        let set_aside = self.paused.iter().chain(&self.cancelled);
        let set_aside = set_aside
            .filter_map(|removal| removal.set_aside)
            .map(unfinished_until);
        reminders
            .chain(bin.chain(set_aside).chain(letters).map(just_after))
            .chain(self.unfinished_until().map(just_after))
            .min()
    }

    /// Keeps a dead letter, in place of the oldest if there are many.
    pub fn keep_dead_letter(&mut self, letter: DeadLetter) {
        self.dead_letters.push(letter);
        let excess = self.dead_letters.len().saturating_sub(MAX_DEAD_LETTERS);
        self.dead_letters.drain(..excess);
    }

    /// Drops the letters kept long enough.
    pub(crate) fn sweep_dead_letters(&mut self, now: Timestamp) {
        self.dead_letters
            .retain(|letter| now <= letter.kept_until());
    }

    /// When to remind of what is left unfinished; `None` where there is nothing, or it was done already.
    pub fn remind_unfinished_at(&self) -> Option<Timestamp> {
        let wanted = self.activity.is_removal() && !self.reminder_sent && !self.reminders_muted;
        let touched = self.last_active.filter(|_| wanted)?;
        Some(touched + SignedDuration::from_hours(REMIND_UNFINISHED_HOURS))
    }

    /// How long what is left unfinished waits to be taken up again.
    pub fn unfinished_until(&self) -> Option<Timestamp> {
        let is_open = self.activity != Activity::Idle || self.suspended.is_some();
        self.last_active.filter(|_| is_open).map(unfinished_until)
    }
}

impl RemovedCard {
    /// Whether it can still be put back: for [`TRASH_DAYS`], to the second.
    pub fn is_restorable(&self, now: Timestamp) -> bool {
        now <= self.kept_until()
    }

    fn kept_until(&self) -> Timestamp {
        self.removed + SignedDuration::from_hours(24 * TRASH_DAYS)
    }
}

/// How long a procedure last touched at this time is kept.
pub fn unfinished_until(touched: Timestamp) -> Timestamp {
    touched + SignedDuration::from_hours(24 * UNFINISHED_DAYS)
}

/// Limits include their last second.
fn just_after(limit: Timestamp) -> Timestamp {
    limit + SignedDuration::from_secs(1)
}

/// Whether two labels would be taken for the same one.
pub(crate) fn is_same_label(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}
