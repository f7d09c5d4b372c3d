//! The chat record: everything stored about a chat, as one versioned value that is committed atomically.
//!
//! Reading is lenient (`default` everywhere), so that records written by older versions can be read. The retention
//! times are the constants here. `changes` holds the methods that modify a record, `messages` those about
//! what a person said last.

mod changes;
mod messages;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    characters,
    choice::{Field, Reason},
    ids::{CardId, MessageId, UpdateId},
    protection::credentials::{FailedAttempts, HiddenSecret, Protection},
    said::SaidMessage,
};
use crate::knowledge::{CardKind, EntryId, Language, Lines, PhoneSystem};

/// The most cards on a list: far more than people have, and few enough to keep the record small.
pub const MAX_CARDS: usize = 50;
/// The most cards on the list and in the trash together, so that adding and removing repeatedly cannot fill the record.
pub const MAX_KEPT: usize = 150;
/// Days for which a removed card can be put back.
pub const TRASH_DAYS: i64 = 30;
/// Days for which an unfinished procedure can be continued.
pub const UNFINISHED_DAYS: i64 = 30;
/// Hours without activity during a removal after which one reminder is sent: about the same time on the next day.
pub const REMIND_UNFINISHED_HOURS: i64 = 24;
/// Minutes after “Still there” until the bot asks again: enough for a slow wallet to catch up.
pub const REMIND_OUTCOME_MINUTES: i64 = 30;
/// Days between two reviews of the cards: a quarter of a year, about as often as people change jobs or homes.
pub const REVIEW_DAYS: i64 = 90;
/// The most history entries per card; the oldest is dropped first. The day the card was added is kept separately.
pub const MAX_HISTORY: usize = 20;
/// Days for which a dead letter is kept: enough to notice the bug and fix it.
pub const DEAD_LETTER_DAYS: i64 = 30;
/// Hours between the two times at which stored data must be found expired before it is deleted, where the clock can be
/// compared with nothing: enough to notice that the clock is wrong.
pub const EXPIRED_TWICE_HOURS: i64 = 24;
/// The most dead letters per chat, the newest ones: repetitions of one fault add no information.
pub(crate) const MAX_DEAD_LETTERS: usize = 5;
/// Hours for which a redelivered update is recognised: Telegram keeps updates for 24 hours, phones resend within a day.
pub const REMEMBER_UPDATES_HOURS: i64 = 48;
/// The most update ids kept. Only unconfirmed updates are redelivered: a batch of at most 100.
const REMEMBER_UPDATES: usize = 200;

/// Everything stored about one chat.
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
    /// The last answer, for follow-up questions and for other candidates after “not what I asked”.
    pub last_answer: Option<LastAnswer>,
    /// The latest vote per entry.
    pub votes: BTreeMap<EntryId, Vote>,
    /// Number of the newest keyboard; buttons of older keyboards are recognised by their lower number.
    #[serde(rename = "turn")]
    pub keyboard: u32,
    /// The procedure under way, and how far it has got.
    pub activity: Activity,
    /// A removal that continues after the current short procedure, such as changing a card.
    pub suspended: Option<Activity>,
    /// Removals the person paused; at most one per card.
    pub paused: Vec<Removal>,
    /// The removal cancelled last, while it can still be continued.
    pub cancelled: Option<Removal>,
    /// When the person was last active in the procedure under way; `None` if there is none.
    #[serde(rename = "touched")]
    pub last_active: Option<Timestamp>,
    /// Whether the reminder of the unfinished procedure was sent.
    #[serde(rename = "reminded")]
    pub reminder_sent: bool,
    /// Whether the person switched these reminders off.
    #[serde(rename = "quiet")]
    pub reminders_muted: bool,
    /// Removed cards the bot will ask about again.
    pub reminders: Vec<Reminder>,
    /// When the next review is due, if the person wants reviews.
    pub review: Option<Timestamp>,
    /// The PIN or codes required before a card is removed, if the person set this up.
    pub protection: Option<Protection>,
    /// Wrong PINs and codes, and the resulting lock.
    #[serde(rename = "tries")]
    pub failed_attempts: FailedAttempts,
    /// The message that shows the present screen, if its id is known.
    #[serde(rename = "screen")]
    pub screen_message: Option<MessageId>,
    /// Cards on the list, in the order they were added.
    pub cards: Vec<Card>,
    /// Removed cards, the newest last.
    #[serde(rename = "bin")]
    pub trash: Vec<RemovedCard>,
    /// The id the next card gets.
    pub next_card: u32,
    /// Consecutive questions without an answer.
    pub misses: u32,
    /// The bot was blocked or removed; cleared when a message arrives.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unreachable: bool,
    /// When stored data was first found expired by a clock that could be compared with nothing; see `reminders`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expired_seen: Option<Timestamp>,
    /// Messages the bot failed on, for its maintainers.
    #[serde(rename = "letters", skip_serializing_if = "Vec::is_empty")]
    pub dead_letters: Vec<DeadLetter>,
    /// Updates handled within the last [`REMEMBER_UPDATES_HOURS`], the oldest first.
    pub updates: Vec<SeenUpdate>,
    /// The last messages of the person, the newest last, without their texts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub said: Vec<SaidMessage>,
    /// Whether the keyboard that a former bot of this name may have left was taken away.
    #[serde(rename = "started", skip_serializing_if = "std::ops::Not::not")]
    pub old_keyboard_removed: bool,
}

/// A message the bot failed on because of a bug, or a reply that could not be sent, and how it failed; built by
/// `dead_letter`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// When handling failed.
    pub at: Timestamp,
    /// The update it arrived in, if it arrived in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update: Option<UpdateId>,
    /// The error or panic message.
    pub fault: String,
    /// The event as text, with secrets masked; or what kind of reply it was.
    pub event: String,
}

impl DeadLetter {
    fn kept_until(&self) -> Timestamp {
        self.at + days(DEAD_LETTER_DAYS)
    }
}

/// An answer, and the other candidates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastAnswer {
    pub entry: EntryId,
    /// The next candidates, best first.
    #[serde(default)]
    pub others: Vec<EntryId>,
}

/// A person's verdict on an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vote {
    /// 👍
    Helpful,
    /// 👎
    NotHelpful,
}

/// An update that was handled. Stored as a pair, because these make up most of a busy chat's record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(UpdateId, i64)", into = "(UpdateId, i64)")]
pub struct SeenUpdate {
    pub id: UpdateId,
    /// When it was handled, to the second.
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
    /// Identifies the card in buttons; never reused within a chat.
    pub id: CardId,
    /// The name its owner gave it.
    pub label: String,
    /// The wallet it is in: the id of a guide.
    pub wallet: EntryId,
    /// The phone system, if the steps depend on it.
    #[serde(default)]
    pub system: Option<PhoneSystem>,
    /// The kind of card, if the steps depend on it.
    #[serde(default)]
    pub kind: Option<CardKind>,
    /// Who issued it, or where it opens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// The last digits of its number, four at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digits: Option<String>,
    /// When it was first put on the list.
    pub added: Timestamp,
    /// What happened to it since, the oldest first; at most [`MAX_HISTORY`] entries.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<HistoryEntry>,
}

/// Something that happened to a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEntry {
    pub at: Timestamp,
    pub what: CardEvent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CardEvent {
    /// A field was changed.
    Changed(Field),
    /// It was removed from the list.
    TakenOff,
    /// It was put back on the list.
    PutBack,
    /// It was imported from a file.
    Imported,
}

/// A card in the trash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemovedCard {
    pub card: Card,
    /// When the removal was confirmed.
    pub removed: Timestamp,
    /// Its index on the list, used when it is put back.
    #[serde(rename = "place", default)]
    pub position: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// A removed card the bot will ask about again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reminder {
    /// A card in the trash.
    pub card: CardId,
    pub at: Timestamp,
}

/// How many more cards the record can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    /// This many more, at least one.
    Free(usize),
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

/// The procedure a chat is in, and how far it has got.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "at")]
pub enum Activity {
    /// None: questions are answered.
    #[default]
    Idle,
    /// A card is being added, or the wallet of a listed card is being changed.
    Adding {
        /// What is known about the card so far.
        draft: CardDraft,
        /// Whether the removal of the card begins afterwards.
        then_unbind: bool,
    },
    /// The bot asked for a new value of a field.
    Editing { card: CardId, field: Field },
    /// The bot asked which card to remove.
    ChoosingCard,
    /// A card is being removed.
    Removing(Removal),
    /// The PIN or codes for removals are being set up or changed.
    Protecting(Setup),
    /// The bot asked whether to import the cards of a file.
    Importing {
        /// The cards that would be added to the list.
        cards: Vec<Card>,
    },
    /// The bot asked whether to delete everything.
    Forgetting,
    /// The cards are being reviewed.
    Reviewing,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removal {
    pub card: CardId,
    /// Why the card is removed; asked only once.
    #[serde(default)]
    pub reason: Option<Reason>,
    /// Whether the PIN or a code was given during this removal.
    #[serde(default)]
    pub proved: bool,
    pub stage: Stage,
    /// When it was paused or cancelled, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set_aside: Option<Timestamp>,
}

/// How far a removal has got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The bot asked for the reason.
    Reason,
    /// The owner removes the card from the wallet step by step; the id is the present step's entry.
    Step(EntryId),
    /// The same with all steps shown at once, for urgent removals.
    AllSteps,
    /// The bot asked for the PIN or a code.
    Proof,
    /// The bot asked for the explicit yes.
    Confirmation,
    /// The card is in the trash, and the bot asked whether it is gone from the wallet.
    Outcome,
}

/// How far the setup of the protection has got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Setup {
    /// The bot showed the present protection and the options.
    Choosing,
    /// The bot asked for the present PIN or a code, before anything is changed.
    Proof(ProtectionGoal),
    /// The bot asked for a new PIN.
    NewPin,
    /// The bot asked to repeat the new PIN, whose hash this is.
    RepeatPin(HiddenSecret),
    /// The bot asked for a first code, generated from this new secret.
    FirstCode(HiddenSecret),
}

/// The protection the person wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProtectionGoal {
    Pin,
    Codes,
    Off,
}

/// A card that is being added, with the fields known so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CardDraft {
    pub label: Option<String>,
    pub wallet: Option<EntryId>,
    pub system: Option<PhoneSystem>,
    pub kind: Option<CardKind>,
    /// Whether the owner skipped the question for the kind.
    pub kind_skipped: bool,
    /// The listed card whose wallet is being changed; `None` for a new card.
    pub changes: Option<CardId>,
}

impl Activity {
    /// Whether no procedure is under way.
    pub fn is_idle(&self) -> bool {
        *self == Self::Idle
    }

    /// Whether a card is being chosen for removal or removed.
    pub fn is_removal(&self) -> bool {
        matches!(self, Self::ChoosingCard | Self::Removing(_))
    }

    pub fn removal(&self) -> Option<&Removal> {
        match self {
            Self::Removing(removal) => Some(removal),
            Self::Idle
            | Self::Adding { .. }
            | Self::Editing { .. }
            | Self::ChoosingCard
            | Self::Protecting(_)
            | Self::Importing { .. }
            | Self::Forgetting
            | Self::Reviewing => None,
        }
    }

    /// Whether the bot asked for free text, which may be a number.
    pub fn awaits_words(&self) -> bool {
        match self {
            Self::Adding { .. } | Self::Editing { .. } => true,
            Self::Idle
            | Self::ChoosingCard
            | Self::Removing(_)
            | Self::Protecting(_)
            | Self::Importing { .. }
            | Self::Forgetting
            | Self::Reviewing => false,
        }
    }

    /// Whether the bot asked for a PIN or a code, so that any typed text may be a secret.
    pub fn awaits_secret(&self) -> bool {
        match self {
            Self::Removing(removal) => removal.stage == Stage::Proof,
            Self::Protecting(setup) => *setup != Setup::Choosing,
            Self::Idle
            | Self::Adding { .. }
            | Self::Editing { .. }
            | Self::ChoosingCard
            | Self::Importing { .. }
            | Self::Forgetting
            | Self::Reviewing => false,
        }
    }
}

impl Removal {
    /// Whether it is not confirmed yet.
    pub fn is_open(&self) -> bool {
        self.stage != Stage::Outcome
    }
}

impl Card {
    /// A card without the optional fields.
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

    /// Whether this is its label, ignoring case.
    pub fn is_called(&self, label: &str) -> bool {
        is_same_label(&self.label, label)
    }

    /// Adds an entry to its history.
    pub fn note(&mut self, what: CardEvent, at: Timestamp) {
        self.history.push(HistoryEntry { at, what });
        let excess = self.history.len().saturating_sub(MAX_HISTORY);
        self.history.drain(..excess);
    }
}

impl Record {
    /// The language to speak where no text shows another: the chosen one, then the one last spoken, then the app's if
    /// the bot speaks it, which is remembered because a reminder comes without an event from the app.
    pub(crate) fn preferred_language(&self, lines: &Lines) -> Language {
        let of_app = || {
            let languages = lines.languages();
            self.app_language
                .filter(|language| languages.contains(language))
        };
        let known = self.language.or(self.spoken).or_else(of_app);
        known.unwrap_or(Language::EN)
    }

    /// Whether this update was already handled.
    pub fn has_seen(&self, update: UpdateId) -> bool {
        self.updates.iter().any(|seen| seen.id == update)
    }

    /// Remembers that this update is handled now, and drops those too old to be redelivered: `passed` is a time that has
    /// certainly passed.
    pub fn note_update(&mut self, id: UpdateId, now: Timestamp, passed: Timestamp) {
        let oldest = passed.min(now) - SignedDuration::from_hours(REMEMBER_UPDATES_HOURS);
        self.updates.retain(|seen| seen.at >= oldest);
        self.updates.push(SeenUpdate::from((id, now.as_second())));
        let excess = self.updates.len().saturating_sub(REMEMBER_UPDATES);
        self.updates.drain(..excess);
    }

    /// The card on the list with this id.
    pub fn card(&self, id: CardId) -> Option<&Card> {
        self.cards.iter().find(|card| card.id == id)
    }

    /// The card in the trash with this id.
    pub fn removed_card(&self, id: CardId) -> Option<&RemovedCard> {
        self.trash.iter().find(|removed| removed.card.id == id)
    }

    pub fn card_mut(&mut self, id: CardId) -> Option<&mut Card> {
        self.cards.iter_mut().find(|card| card.id == id)
    }

    /// When this chat next needs [`Input::Wake`](super::Input::Wake): a reminder is due, or stored data expires.
    pub fn wake_at(&self) -> Option<Timestamp> {
        let reminders = self.reminders.iter().map(|reminder| reminder.at);
        let reminders = reminders
            .chain(self.review)
            .chain(self.remind_unfinished_at())
            .filter(|_| !self.unreachable);
        // What was found expired once is deleted a while later.
        let expires = self.expires_at().map(|at| {
            self.expired_seen.map_or(at, |seen| {
                at.max(seen + SignedDuration::from_hours(EXPIRED_TWICE_HOURS))
            })
        });
        reminders.chain(expires).min()
    }

    /// When stored data next expires.
    pub(crate) fn expires_at(&self) -> Option<Timestamp> {
        let trash = self.trash.iter().map(RemovedCard::kept_until);
        let letters = self.dead_letters.iter().map(DeadLetter::kept_until);
        let set_aside = self.paused.iter().chain(&self.cancelled);
        let set_aside = set_aside
            .filter_map(|removal| removal.set_aside)
            .map(unfinished_until);
        let all = trash.chain(set_aside).chain(letters);
        all.chain(self.unfinished_until()).map(just_after).min()
    }

    /// Adds a dead letter; the record keeps the newest five.
    pub fn keep_dead_letter(&mut self, letter: DeadLetter) {
        self.dead_letters.push(letter);
        let excess = self.dead_letters.len().saturating_sub(MAX_DEAD_LETTERS);
        self.dead_letters.drain(..excess);
    }

    /// Drops the dead letters that have expired.
    pub(crate) fn sweep_dead_letters(&mut self, now: Timestamp) {
        self.dead_letters
            .retain(|letter| now <= letter.kept_until());
    }

    /// When to send the reminder of an unfinished removal; `None` if there is none, or it was sent or switched off.
    pub fn remind_unfinished_at(&self) -> Option<Timestamp> {
        let wanted = self.activity.is_removal() && !self.reminder_sent && !self.reminders_muted;
        let last_active = self.last_active.filter(|_| wanted)?;
        Some(last_active + SignedDuration::from_hours(REMIND_UNFINISHED_HOURS))
    }

    /// Until when the unfinished procedure can be continued; `None` if there is none.
    pub fn unfinished_until(&self) -> Option<Timestamp> {
        let is_open = self.activity != Activity::Idle || self.suspended.is_some();
        self.last_active.filter(|_| is_open).map(unfinished_until)
    }
}

impl RemovedCard {
    /// Whether it can still be put back.
    pub fn is_restorable(&self, now: Timestamp) -> bool {
        now <= self.kept_until()
    }

    /// Until when it can be put back: [`TRASH_DAYS`] after its removal, that second included.
    pub(crate) fn kept_until(&self) -> Timestamp {
        self.removed + days(TRASH_DAYS)
    }
}

/// This many days of 24 hours.
pub(crate) fn days(count: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * count)
}

/// Until when a procedure is kept in which the person was last active at this time.
pub fn unfinished_until(last_active: Timestamp) -> Timestamp {
    last_active + days(UNFINISHED_DAYS)
}

/// The first moment at which something kept until `limit`, inclusive, has expired.
fn just_after(limit: Timestamp) -> Timestamp {
    limit + SignedDuration::from_secs(1)
}

/// Whether two labels look the same to their owner: case, width, Chinese script and look-alike letters make no difference.
pub(crate) fn is_same_label(one: &str, other: &str) -> bool {
    characters::look(one) == characters::look(other)
}
