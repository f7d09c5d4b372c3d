//! The three sled trees, shared by the readers and the writer.

use std::{
    fs::OpenOptions,
    io,
    path::{Path, PathBuf},
    sync::{PoisonError, RwLock},
    thread,
    time::{Duration, Instant},
};

use sled::{
    Db, Tree,
    transaction::{TransactionalTree, UnabortableTransactionError},
};

use super::fault::{RecordOf, catch_engine_panic, engine_fault, foreign_key, unreadable};
use crate::{
    dialogue::ChatId,
    store::{
        OutboxRow, StoreError, Versioned,
        envelope::{self, EnvelopeError},
        keys::{parse_chat_key, parse_row_key},
        manifest::Checkpoint,
    },
};

/// Cache for about ten thousand chats; sled's default is 1 GiB.
const CACHE_BYTES: u64 = 4 << 20;
/// How long sled's threads may take to unlock its file after it was dropped; milliseconds are usual.
const UNLOCK_TIMEOUT: Duration = Duration::from_secs(3);

/// sled's own name for its file.
const FILE: &str = "db";
const RECORDS: &str = "records";
const OUTBOX: &str = "outbox";
const META: &str = "meta";
pub(super) const CHECKPOINT: &[u8] = b"totals";
/// There since a chat was forgotten, until the files were rewritten without it.
const FORGOTTEN: &[u8] = b"forgotten";

#[derive(Clone)]
pub(super) struct Trees {
    pub(super) db: Db,
    pub(super) records: Tree,
    pub(super) outbox: Tree,
    pub(super) meta: Tree,
}

impl Trees {
    /// Whether these are files of this program's; opens and closes them.
    pub(super) fn are_ours(files: &Path) -> sled::Result<bool> {
        let names = open_db(files)?.tree_names();
        let ours = [RECORDS, OUTBOX, META];
        Ok(ours
            .iter()
            .all(|own| names.iter().any(|name| name == own.as_bytes())))
    }

    pub(super) fn open(files: &Path) -> sled::Result<Self> {
        let db = open_db(files)?;
        Ok(Self {
            records: db.open_tree(RECORDS)?,
            outbox: db.open_tree(OUTBOX)?,
            meta: db.open_tree(META)?,
            db,
        })
    }

    /// Whether chats were forgotten since the files were written, which may still contain them.
    pub(super) fn have_forgotten(&self) -> sled::Result<bool> {
        self.meta.contains_key(FORGOTTEN)
    }

    /// Copies everything that is in use to fresh files at `target`.
    pub(super) fn copy_to(&self, target: &Path) -> sled::Result<()> {
        let fresh = Self::open(target)?;
        copy_tree(&self.records, &fresh.records)?;
        copy_tree(&self.outbox, &fresh.outbox)?;
        copy_tree(&self.meta, &fresh.meta)?;
        fresh.meta.remove(FORGOTTEN)?;
        fresh.db.flush().map(drop)
    }

    /// The checkpoint written with the last batch; `None` if it cannot be read.
    pub(super) fn checkpoint(&self) -> sled::Result<Option<Checkpoint>> {
        Ok(match self.meta.get(CHECKPOINT)? {
            Some(bytes) => serde_json::from_slice(&bytes).ok(),
            None => Some(Checkpoint::default()),
        })
    }
}

/// Notes that a chat was forgotten, in the transaction that forgets it.
pub(super) fn note_forgotten(meta: &TransactionalTree) -> Result<(), UnabortableTransactionError> {
    meta.insert(FORGOTTEN, &[1][..]).map(drop)
}

fn copy_tree(from: &Tree, to: &Tree) -> sled::Result<()> {
    from.iter().try_for_each(|entry| {
        let (key, value) = entry?;
        to.insert(key, value).map(drop)
    })
}

fn open_db(files: &Path) -> sled::Result<Db> {
    let config = sled::Config::new()
        .path(files)
        .cache_capacity(CACHE_BYTES)
        .flush_every_ms(None);
    config.open()
}

/// Shared by the readers and the writer.
pub(super) struct Shared {
    pub(super) folder: PathBuf,
    /// `None` once closed.
    pub(super) trees: RwLock<Option<Trees>>,
    /// Held while a batch is written, so that a scan sees a whole batch or none of it.
    pub(super) writing: RwLock<()>,
}

impl Shared {
    /// Runs `read` on the trees; a panic of sled's is returned as an error.
    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(&Trees) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        // Not cloned: a clone would keep sled open after `close`.
        let lock = self.trees.read().unwrap_or_else(PoisonError::into_inner);
        let trees = lock.as_ref().ok_or_else(StoreError::closed)?;
        catch_engine_panic(&self.folder, || read(trees))
    }

    pub(super) fn fault(&self, error: sled::Error) -> StoreError {
        engine_fault(&self.folder, error)
    }

    pub(super) fn unreadable(
        &self,
        what: impl std::fmt::Display,
        error: EnvelopeError,
    ) -> StoreError {
        unreadable(&self.folder, what, error)
    }

    pub(super) fn record(
        &self,
        key: &[u8],
        value: &[u8],
    ) -> Result<(ChatId, Versioned), StoreError> {
        let chat = parse_chat_key(key).ok_or_else(|| foreign_key(&self.folder, key))?;
        let record = envelope::unpack_record(chat, value)
            .map_err(|error| self.unreadable(RecordOf(chat), error))?;
        Ok((chat, record))
    }

    pub(super) fn row(&self, key: &[u8], value: &[u8]) -> Result<OutboxRow, StoreError> {
        let id = parse_row_key(key).ok_or_else(|| foreign_key(&self.folder, key))?;
        envelope::unpack_row(id, value).map_err(|error| self.unreadable(id, error))
    }
}

/// Drops sled, which flushes and may panic.
pub(super) fn close(folder: &Path, trees: Option<Trees>) -> Result<(), StoreError> {
    catch_engine_panic(folder, || {
        drop(trees);
        Ok(())
    })
}

/// Waits until sled's threads unlock the file in `engine`; false if they have not within [`UNLOCK_TIMEOUT`].
pub(super) fn wait_unlocked(engine: &Path) -> bool {
    let since = Instant::now();
    let free = || {
        OpenOptions::new()
            .write(true)
            .open(engine.join(FILE))?
            .try_lock()
            .map_err(io::Error::from)
    };
    while free().is_err() {
        if since.elapsed() > UNLOCK_TIMEOUT {
            return false;
        }
        thread::sleep(Duration::from_millis(1));
    }
    true
}
