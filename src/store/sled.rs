//! The engine on disk: three sled trees, changed together by one thread, and made durable by an `fdatasync` after each
//! batch.
//!
//! ```text
//! records   chat (8 bytes, in order)                       → envelope of the record
//! outbox    chat (8) | version (8) | index (4)             → envelope of the row
//! meta      "totals"                                       → commits, and what the other two contain
//! ```
//! sled's `flush` ends in `sync_file_range`, which is no barrier on Linux (spacejam/sled#1452): acknowledged writes were
//! lost in a simulated power cut. So each batch is followed by an `fdatasync` on sled's file (`barrier`). `flush_async` is
//! not used (#1412). `folder` locks the folder, `committer` collects batches.
//!
//! `open` and `verify` open a store, `batch` and `writer` write, `scan` reads all of it, `compact` makes it smaller.

mod batch;
mod compact;
mod fault;
mod open;
mod scan;
mod trees;
mod verify;
mod writer;

#[cfg(test)]
mod tests;

use std::{
    io,
    path::Path,
    sync::{Arc, RwLock},
};

use async_trait::async_trait;

pub use self::compact::Compacted;
use self::{
    batch::{Packed, Work},
    fault::RecordOf,
    open::{open_trusted, verify_found},
    scan::Scan,
    trees::Shared,
    writer::Writer,
};
use super::{
    Commit, Item, Mark, OutboxRow, RESTORE_BATCH, RowId, Store, StoreError, Versioned,
    barrier::{Barrier, FileBarrier},
    committer::Committer,
    envelope::{self, EnvelopeError},
    folder::{self, Folder},
    keys::{chat_key, row_key},
};
use crate::dialogue::ChatId;

/// What the operator is told when a store had lost its file `state`.
pub const REBUILT: &str = "THE FILE `state` OF THE STORE WAS LOST. Everything in the store was verified, and the file was written anew; `unbind-bot store verify` compares the store with its backups";

/// A store in a folder.
pub struct SledStore {
    shared: Arc<Shared>,
    committer: Committer<Work>,
}

/// A store, and its state when it was opened.
pub struct Opened {
    pub store: SledStore,
    /// It did not exist before.
    pub created: bool,
    /// It was not closed cleanly: the process was killed, or the power failed.
    pub recovered: bool,
    /// Its file `state` was lost; it was written anew after everything was verified.
    pub rebuilt: bool,
    /// Number of chats in it.
    pub chats: u64,
    /// Number of replies not yet sent.
    pub rows: u64,
}

impl SledStore {
    /// Opens the store in `folder`, or creates one, and verifies everything in it. Blocks meanwhile; so does dropping a
    /// store that was not closed.
    ///
    /// # Errors
    /// [`StoreError::InUse`] while another process has it, [`StoreError::Foreign`] for a folder with something else in
    /// it, [`StoreError::Damaged`] when not everything acknowledged is there and whole (its files are then as they
    /// were), [`StoreError::Newer`], and [`StoreError::Unavailable`] when files cannot be read or written.
    pub fn open(folder: impl AsRef<Path>) -> Result<Opened, StoreError> {
        Self::open_with(folder.as_ref(), |files| {
            FileBarrier::new(files).map(|barrier| Box::new(barrier) as Box<dyn Barrier>)
        })
    }

    /// [`Self::open`] with another barrier; a test counts its calls or makes it fail.
    fn open_with(
        folder: &Path,
        new_barrier: impl Fn(&Path) -> io::Result<Box<dyn Barrier>> + Send + 'static,
    ) -> Result<Opened, StoreError> {
        let mut folder = Folder::claim(folder, &verify_found)?;
        let rebuilt = folder.is_rebuilt();
        if rebuilt {
            tracing::error!("{REBUILT}");
        }
        let (created, recovered) = (folder.is_new(), !folder.was_closed_cleanly());
        folder.prepare_opening()?;
        let (trees, checkpoint) = open_trusted(&folder)?;
        let barrier = folder
            .finish_opening(checkpoint)
            .and_then(|()| new_barrier(&folder.engine()))
            .map_err(|error| folder::unavailable(folder.path(), &error))?;
        let shared = Arc::new(Shared {
            folder: folder.path().to_owned(),
            trees: RwLock::new(Some(trees)),
            writing: RwLock::new(()),
        });
        let writer = Writer {
            shared: shared.clone(),
            folder,
            barrier,
            new_barrier: Box::new(new_barrier),
            checkpoint,
        };
        let committer = Committer::start(writer)?;
        Ok(Opened {
            store: Self { shared, committer },
            created,
            recovered: recovered && !created,
            rebuilt,
            chats: checkpoint.records.count,
            rows: checkpoint.rows.count,
        })
    }

    /// Writes the store in `folder` anew, without the older versions of values that sled keeps in its file, and replaces the
    /// old one once the new one was found to contain the same. A crash at any point leaves one of the two.
    ///
    /// # Errors
    /// As [`Self::open`]; the store is then as it was.
    pub fn compact(folder: impl AsRef<Path>) -> Result<Compacted, StoreError> {
        compact::compact(folder.as_ref())
    }
}

#[async_trait]
impl Store for SledStore {
    fn load(&self, chat: ChatId) -> Result<Versioned, StoreError> {
        let stored = self.shared.read(|trees| {
            trees
                .records
                .get(chat_key(chat))
                .map_err(|error| self.shared.fault(error))
        })?;
        let Some(bytes) = stored else {
            return Ok(Versioned::default());
        };
        envelope::unpack_record(chat, &bytes)
            .map_err(|error| self.shared.unreadable(RecordOf(chat), error))
    }

    async fn commit(&self, commit: Commit) -> Result<Vec<OutboxRow>, StoreError> {
        let rows = commit.rows();
        let work = Work::commit(&commit, &rows).map_err(unstorable)?;
        self.committer.submit(work).await?;
        Ok(rows)
    }

    fn outbox(&self) -> Result<Vec<OutboxRow>, StoreError> {
        let _whole = self.shared.writing.read();
        self.shared.read(|trees| {
            let mut rows = Vec::new();
            for entry in &trees.outbox {
                let (key, value) = entry.map_err(|error| self.shared.fault(error))?;
                match self.shared.row(&key, &value) {
                    Ok(row) => rows.push(row),
                    // A damaged row does not keep the others from being sent; `store verify` names it.
                    Err(error) => tracing::error!(%error, "a reply in the store cannot be sent"),
                }
            }
            Ok(rows)
        })
    }

    fn row(&self, id: RowId) -> Result<Option<OutboxRow>, StoreError> {
        self.shared.read(|trees| {
            let key = row_key(id);
            let stored = trees
                .outbox
                .get(key)
                .map_err(|error| self.shared.fault(error))?;
            stored
                .map(|bytes| self.shared.row(&key, &bytes))
                .transpose()
        })
    }

    async fn migrate(&self, from: ChatId, to: ChatId) -> Result<(), StoreError> {
        self.committer.submit(Work::Migrate { from, to }).await
    }

    async fn mark(&self, marks: Vec<Mark>) -> Result<(), StoreError> {
        if marks.is_empty() {
            return Ok(());
        }
        self.committer.submit(Work::Mark(marks)).await
    }

    fn scan(&self) -> Box<dyn Iterator<Item = Result<Item, StoreError>> + '_> {
        Box::new(Scan::new(&self.shared))
    }

    async fn restore(&self, items: Vec<Item>) -> Result<(), StoreError> {
        for items in items.chunks(RESTORE_BATCH) {
            let packed = items
                .iter()
                .map(Packed::new)
                .collect::<Result<_, _>>()
                .map_err(unstorable)?;
            self.committer.submit(Work::Restore(packed)).await?;
        }
        Ok(())
    }

    async fn erase_forgotten(&self) -> Result<(), StoreError> {
        self.committer.submit(Work::EraseForgotten).await
    }

    fn health(&self) -> Result<(), StoreError> {
        self.committer.health()
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.committer.close().await
    }
}

fn unstorable(error: EnvelopeError) -> StoreError {
    StoreError::Unavailable(format!("this cannot be stored: {error}"))
}
