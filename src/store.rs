//! What is kept: one record a chat, and the replies not yet sent, committed together or not at all.
//!
//! This is the trait and its values; `sled` is the engine, `envelope` the stored format, `export` carries everything
//! from one engine to another, `backups` makes exports by itself and starts from one when it must. The store knows the dialogue's data and none of its functions.

pub mod backups;
pub mod envelope;
pub mod export;
pub mod memory;
pub mod sled;

mod barrier;
mod committer;
mod folder;
mod keys;
mod migrations;
mod state;

use std::fmt;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::dialogue::{ChatId, Record, Reply};

/// A record with the version it was read at; version 0 is a chat never seen.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Versioned {
    /// Grows by one with each commit, from the millisecond of the first.
    pub version: u64,
    /// What is kept of the chat.
    pub record: Record,
}

/// The effects of one update: all of them, or none.
#[derive(Debug, Clone, PartialEq)]
pub struct Commit {
    /// The chat.
    pub chat: ChatId,
    /// The version the record was read at.
    pub expected: u64,
    /// The record as it is from now on; `None` leaves nothing of the chat, neither a record nor what was still to be sent
    /// to it, but for the replies of this commit.
    pub record: Option<Record>,
    /// What is to be sent, in order.
    pub replies: Vec<Reply>,
    /// When.
    pub now: Timestamp,
}

impl Commit {
    /// The version the record has once this is committed. A chat begins at the millisecond: what is said there after it
    /// was forgotten must not have the names of what was said before, some of which may still be on its way.
    pub fn version(&self) -> u64 {
        match self.expected {
            NEVER_SEEN => millisecond(self.now),
            version => version.saturating_add(1),
        }
    }

    /// The replies as the outbox rows they become. Those of a forgotten chat come before all of what may be said there in
    /// time to come.
    pub fn rows(&self) -> Vec<OutboxRow> {
        let (version, first) = match self.record {
            Some(_) => (self.version(), 0),
            None => (FORGOTTEN, low_second(self.now)),
        };
        let row = |(index, reply): (u32, &Reply)| OutboxRow {
            id: RowId {
                chat: self.chat,
                version,
                index: first.wrapping_add(index),
            },
            reply: reply.clone(),
            created: self.now,
            attempts: 0,
            not_before: None,
        };
        (0..).zip(&self.replies).map(row).collect()
    }
}

/// The version of a chat of which nothing is kept.
const NEVER_SEEN: u64 = 0;
/// The version in the ids of what is said to a chat of which nothing else is kept.
const FORGOTTEN: u64 = 0;

/// Where the versions of a chat begin; no chat is committed to a thousand times a second for as long as it is kept.
fn millisecond(time: Timestamp) -> u64 {
    let millisecond = u64::try_from(time.as_millisecond()).unwrap_or_default();
    millisecond.max(NEVER_SEEN + 1)
}

/// Tells the receipts of a chat apart that is forgotten more than once.
fn low_second(time: Timestamp) -> u32 {
    let second = time.as_second().rem_euclid(1 << 32);
    u32::try_from(second).unwrap_or_default()
}

/// The name of an outbox row; rows of a chat are sent in the order of their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RowId {
    /// The chat.
    pub chat: ChatId,
    /// The record version whose commit wrote it.
    pub version: u64,
    /// Its place among that commit's replies.
    pub index: u32,
}

impl RowId {
    /// Whether it is said to a chat of which nothing else is kept, so that nothing before it is to be said any more.
    pub fn is_last_word(&self) -> bool {
        self.version == FORGOTTEN
    }
}

/// A record in a chat of another id; what its screen was is another message there.
fn moved(record: Record) -> Record {
    Record {
        screen: None,
        ..record
    }
}

impl fmt::Display for RowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "reply {} of version {} of chat {}",
            self.index, self.version, self.chat
        )
    }
}

/// A reply that is to be sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutboxRow {
    /// Its name and place.
    pub id: RowId,
    /// What is said.
    pub reply: Reply,
    /// When it was committed.
    pub created: Timestamp,
    /// Sendings that failed so far.
    #[serde(default)]
    pub attempts: u32,
    /// Not to be sent before.
    #[serde(default)]
    pub not_before: Option<Timestamp>,
}

impl OutboxRow {
    /// The row in a chat of another id, where the messages have other ids, too.
    fn moved(self, to: ChatId) -> Self {
        let reply = Reply {
            replaces: None,
            takes_away: None,
            ..self.reply
        };
        Self {
            id: RowId {
                chat: to,
                ..self.id
            },
            reply,
            ..self
        }
    }

    /// Notes a failed sending.
    pub fn postpone(&mut self, not_before: Timestamp) {
        self.attempts = self.attempts.saturating_add(1);
        self.not_before = Some(not_before);
    }
}

/// What became of an outbox row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark {
    /// Sent, or given up: the row goes.
    Done(RowId),
    /// To be tried again, not before this time; counts as an attempt.
    Later(RowId, Timestamp),
}

/// Everything a store holds, for export and import.
#[derive(Debug, Clone, PartialEq)]
#[allow(
    clippy::large_enum_variant,
    reason = "nearly every item is a chat, and each is on its way from one engine to another"
)]
pub enum Item {
    /// A chat's record.
    Chat(ChatId, Versioned),
    /// A reply not yet sent.
    Row(OutboxRow),
}

/// Why the store did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else committed first; load and respond again.
    #[error("chat {0} was changed by another turn")]
    Conflict(ChatId),
    /// Another process has the folder.
    #[error(
        "the store at {0} is in use by another process; stop that one first, or name another folder with DATABASE_URL"
    )]
    InUse(String),
    /// The folder holds something else.
    #[error(
        "{0} is not empty and holds no store of this program; nothing in it was touched: name an empty or a new folder with DATABASE_URL"
    )]
    Foreign(String),
    /// What is on disk cannot be trusted.
    #[error("{0}")]
    Damaged(String),
    /// A newer version of this program wrote it.
    #[error("{0}; run that version, or import one of its exports here")]
    Newer(String),
    /// The disk or the system did not do its part, or the store is closed; reading may go on.
    #[error("the store is not available: {0}")]
    Unavailable(String),
}

impl StoreError {
    /// What a closed store answers.
    pub(crate) fn closed() -> Self {
        Self::Unavailable("it is closed".to_owned())
    }
}

/// A place to keep chats. Every engine passes the contract tests in `tests/it/store.rs`.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// The chat's record; a chat never seen has version 0 and an empty record.
    fn load(&self, chat: ChatId) -> Result<Versioned, StoreError>;

    /// Commits all effects of an update at once. When it returns, they would survive a power cut.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the record is not at the expected version; then nothing was changed.
    async fn commit(&self, commit: Commit) -> Result<Vec<OutboxRow>, StoreError>;

    /// All rows not yet sent, by chat and in order.
    fn outbox(&self) -> Result<Vec<OutboxRow>, StoreError>;

    /// One row, if it is still to be sent.
    fn row(&self, id: RowId) -> Result<Option<OutboxRow>, StoreError>;

    /// Gives a chat another id, all at once: its record, unless there is one already, and its rows. Ids of messages mean
    /// nothing there, and are dropped. Of a chat that is not there, nothing is done.
    async fn migrate(&self, from: ChatId, to: ChatId) -> Result<(), StoreError>;

    /// Notes what became of rows; unknown rows are passed over.
    async fn mark(&self, marks: Vec<Mark>) -> Result<(), StoreError>;

    /// Goes through everything, checksums verified.
    fn scan(&self) -> Box<dyn Iterator<Item = Result<Item, StoreError>> + '_>;

    /// Writes items as they are, versions included; for import into an empty store.
    async fn restore(&self, items: Vec<Item>) -> Result<(), StoreError>;

    /// Whether new updates can be taken.
    fn health(&self) -> Result<(), StoreError>;

    /// Makes everything durable and stops; later calls fail.
    async fn close(&self) -> Result<(), StoreError>;
}
