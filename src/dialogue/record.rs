//! The chat record: all that is kept of a chat, as one versioned value with one atomic commit.
//!
//! Reading is lenient (`default` everywhere), so that an older record is a record; what is kept for how long is said
//! by the constants here, and nowhere else.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::event::{CardId, MessageId, UpdateId};
use crate::knowledge::{CardKind, EntryId, Language, PhoneSystem};

/// How long a removed card can be put back.
pub const BIN_DAYS: i64 = 30;
/// How long a redelivered update is recognised: Telegram keeps updates for 24 hours, phones resend within a day.
const REMEMBER_UPDATES_HOURS: i64 = 48;
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
    /// Whether Chinese was last written in Traditional script.
    pub traditional: bool,
    /// The answer given last, for a follow-up and for a better one.
    pub last_answer: Option<LastAnswer>,
    /// Which entries were found helpful, and which were not.
    pub votes: BTreeMap<EntryId, Vote>,
    /// Counts the keyboards shown: an older button is recognised by it.
    pub turn: u32,
    /// Where in which procedure the chat is.
    pub activity: Activity,
    /// A removal set aside for a moment, while a card is added or renamed.
    pub suspended: Option<Activity>,
    /// The message that shows the present step, once it is known.
    pub screen: Option<MessageId>,
    /// Cards on the list, in the order they were added.
    pub cards: Vec<Card>,
    /// Cards taken off, the newest last.
    pub bin: Vec<RemovedCard>,
    /// The id the next card gets.
    pub next_card: u32,
    /// Questions in a row that found no answer.
    pub misses: u32,
    /// The update ids of the last 48 hours.
    pub updates: Vec<SeenUpdate>,
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
    /// When it was put on the list.
    pub added: Timestamp,
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
}

/// Where in which procedure a chat is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "at")]
pub enum Activity {
    /// Nowhere: questions are answered.
    #[default]
    Idle,
    /// A card is being added.
    Adding {
        /// What is known of it.
        draft: CardDraft,
        /// Whether its removal follows.
        then_unbind: bool,
    },
    /// A new label is awaited.
    Renaming {
        /// The card.
        card: CardId,
    },
    /// The card to take out is being chosen.
    ChoosingCard,
    /// The owner takes the card out of the wallet, step by step.
    Guiding {
        /// The card.
        card: CardId,
        /// The step's entry.
        step: EntryId,
    },
    /// The explicit yes is awaited.
    Confirming {
        /// The card.
        card: CardId,
    },
    /// Asked whether the card is gone from the wallet.
    CheckingOutcome {
        /// The card, now in the bin.
        card: CardId,
    },
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
}

impl Activity {
    /// Whether a removal is under way.
    pub fn is_removal(&self) -> bool {
        matches!(
            self,
            Self::ChoosingCard
                | Self::Guiding { .. }
                | Self::Confirming { .. }
                | Self::CheckingOutcome { .. }
        )
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

    /// Removed cards that can still be put back.
    pub fn restorable(&self, now: Timestamp) -> impl Iterator<Item = &RemovedCard> {
        self.bin
            .iter()
            .filter(move |removed| removed.is_restorable(now))
    }
}

impl RemovedCard {
    /// Whether it can still be put back: for [`BIN_DAYS`], to the second.
    pub fn is_restorable(&self, now: Timestamp) -> bool {
        now.duration_since(self.removed) <= SignedDuration::from_hours(24 * BIN_DAYS)
    }
}
