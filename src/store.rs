//! The store: a record for each chat, and the replies not yet sent, committed together or not at all.
//!
//! The trait and its values are here; `sled` is the engine on disk, `memory` the one for tests, `envelope` the stored
//! format, `export` copies everything from one engine to another, `backups` makes exports regularly and restores from one.
//! The store uses the dialogue's data types and none of its functions.

pub mod backups;
pub mod envelope;
pub mod export;
pub mod memory;
pub mod sled;
#[doc(hidden)]
pub mod testing;

mod backup_name;
mod barrier;
mod committer;
mod files;
mod folder;
mod keys;
mod manifest;
mod migrations;
mod rows;

use async_trait::async_trait;

use self::rows::without_message_ids;
pub use self::rows::{AddressedReply, Commit, Item, Mark, OutboxRow, RowId, Versioned};
use crate::dialogue::ChatId;

/// Items that an import writes at a time.
const RESTORE_BATCH: usize = 1024;

/// Why a store operation failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another turn committed first; load and respond again.
    #[error("chat {0} was changed by another turn")]
    Conflict(ChatId),
    /// Another process has locked the folder.
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
    /// The disk or the system failed, or the store is closed; reading may still work.
    #[error("the store is not available: {0}")]
    Unavailable(String),
}

impl StoreError {
    pub(crate) fn closed() -> Self {
        Self::Unavailable("it is closed".to_owned())
    }
}

/// Keeps chats and their unsent replies. Every engine passes the contract tests in `tests/it/store.rs`.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// The chat's record; a chat never seen has version 0 and an empty record.
    fn load(&self, chat: ChatId) -> Result<Versioned, StoreError>;

    /// Commits all effects of an update at once. When it returns, they survive a power cut.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the record is not at the expected version; then nothing was changed.
    async fn commit(&self, commit: Commit) -> Result<Vec<OutboxRow>, StoreError>;

    /// All rows not yet sent, by chat and in order.
    fn outbox(&self) -> Result<Vec<OutboxRow>, StoreError>;

    /// One row, if it is unsent.
    fn row(&self, id: RowId) -> Result<Option<OutboxRow>, StoreError>;

    /// Moves a chat to another id in one step: its rows, and its record unless `to` has one. Message ids are dropped, since
    /// they differ there. Does nothing for an unknown chat.
    async fn migrate(&self, from: ChatId, to: ChatId) -> Result<(), StoreError>;

    /// Applies the results of sending rows; unknown rows are ignored.
    async fn mark(&self, marks: Vec<Mark>) -> Result<(), StoreError>;

    /// Reads everything and verifies the checksums.
    fn scan(&self) -> Box<dyn Iterator<Item = Result<Item, StoreError>> + '_>;

    /// Writes items as they are, versions included; for import into an empty store.
    async fn restore(&self, items: Vec<Item>) -> Result<(), StoreError>;

    /// Removes what is left of forgotten chats in the engine's files, if there is any. May take a second or two, in which
    /// commits wait.
    async fn erase_forgotten(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Whether new updates can be taken.
    fn health(&self) -> Result<(), StoreError>;

    /// Makes everything durable and closes the store; later calls fail.
    async fn close(&self) -> Result<(), StoreError>;
}
