//! The committer's engine: writes batches to sled and makes them durable.

use std::{
    io,
    path::Path,
    sync::{Arc, PoisonError},
};

use super::{
    batch::{Draft, Work, WriteError},
    compact::rebuild,
    fault::catch_engine_panic,
    open::open_trusted,
    trees::{Shared, Trees, close, wait_unlocked},
};
use crate::store::{
    StoreError,
    barrier::Barrier,
    committer::{CommitResult, Engine},
    folder::{self, Folder},
    manifest::Checkpoint,
};

pub(super) struct Writer {
    pub(super) shared: Arc<Shared>,
    pub(super) folder: Folder,
    pub(super) barrier: Box<dyn Barrier>,
    pub(super) new_barrier: NewBarrier,
    pub(super) checkpoint: Checkpoint,
}

/// Makes the barrier for the engine's files in a folder.
pub(super) type NewBarrier = Box<dyn Fn(&Path) -> io::Result<Box<dyn Barrier>> + Send>;

/// A larger store is not rewritten while it is in use, since nobody is answered meanwhile: it takes more than a second or
/// two.
const MAX_ERASE_WHILE_OPEN: u64 = 100_000;
/// The same when it is closed, which has a few seconds for everything.
const MAX_ERASE_AT_CLOSE: u64 = 20_000;

impl Writer {
    /// Rewrites the files if chats were forgotten since they were written, so that nothing of these is left in them.
    fn erase_forgotten(&mut self) -> CommitResult {
        if !self.is_erasure_due(MAX_ERASE_WHILE_OPEN)? {
            return Ok(());
        }
        let shared = self.shared.clone();
        shared.read(|trees| rebuild(&self.folder, trees, self.checkpoint))?;
        let lock = shared.trees.write();
        let mut trees = lock.unwrap_or_else(PoisonError::into_inner);
        close(&shared.folder, trees.take())?;
        self.swap_in_rebuilt()?;
        let engine = self.folder.engine();
        let opened = catch_engine_panic(&shared.folder, || {
            Trees::open(&engine).map_err(|error| shared.fault(error))
        })?;
        self.barrier = (self.new_barrier)(&engine)
            .map_err(|error| folder::unavailable(&shared.folder, &error))?;
        *trees = Some(opened);
        tracing::info!("the store's files were rewritten without the chats that were forgotten");
        Ok(())
    }

    /// Whether chats were forgotten since the files were written, and the store has no more records than `most`.
    fn is_erasure_due(&self, most: u64) -> Result<bool, StoreError> {
        let shared = &self.shared;
        let has_forgotten =
            shared.read(|trees| trees.have_forgotten().map_err(|error| shared.fault(error)))?;
        let is_small = self.checkpoint.records.count <= most;
        if has_forgotten && !is_small {
            tracing::warn!(
                "the store is too large to be rewritten in use; `unbind-bot store compact` removes what is left of forgotten chats"
            );
        }
        Ok(has_forgotten && is_small)
    }

    /// Replaces the files by the rebuilt ones; both must be closed.
    fn swap_in_rebuilt(&mut self) -> CommitResult {
        if !wait_unlocked(&self.folder.engine()) {
            return Err(still_locked());
        }
        let swapped = self.folder.swap_in_spare();
        swapped.map_err(|error| folder::unavailable(self.folder.path(), &error))
    }

    /// Rebuilds a store that is about to be closed, if chats were forgotten; whether it did.
    fn rebuild_before_closing(&self) -> Result<bool, StoreError> {
        if !self.is_erasure_due(MAX_ERASE_AT_CLOSE)? {
            return Ok(false);
        }
        let shared = &self.shared;
        shared.read(|trees| rebuild(&self.folder, trees, self.checkpoint))?;
        Ok(true)
    }

    fn write_batch(&mut self, trees: &Trees, batch: Vec<Work>) -> sled::Result<Vec<CommitResult>> {
        let _writing = self.shared.writing.write();
        let mut draft = Draft::new(trees, &self.shared.folder, self.checkpoint);
        let mut outcomes = Vec::with_capacity(batch.len());
        for work in batch {
            outcomes.push(match draft.stage(work) {
                Ok(()) => Ok(()),
                Err(WriteError::Refused(error)) => Err(error),
                Err(WriteError::Engine(error)) => return Err(error),
            });
        }
        if !draft.is_empty() {
            self.checkpoint = draft.apply(trees, self.checkpoint.commits + 1)?;
            trees.db.flush()?;
            self.barrier.wait()?;
            self.folder.note_checkpoint(self.checkpoint)?;
        }
        Ok(outcomes)
    }
}

fn still_locked() -> StoreError {
    StoreError::Unavailable("sled does not unlock its file".to_owned())
}

impl Engine for Writer {
    type Work = Work;

    fn write(&mut self, batch: Vec<Work>) -> Result<Vec<CommitResult>, StoreError> {
        let shared = self.shared.clone();
        let erases = batch
            .iter()
            .any(|work| matches!(work, Work::EraseForgotten));
        let outcomes = shared.read(|trees| {
            self.write_batch(trees, batch)
                .map_err(|error| shared.fault(error))
        })?;
        if erases {
            self.erase_forgotten()?;
        }
        Ok(outcomes)
    }

    /// After a failed write sled must be opened again, from a copy of its files that was synced and verified: what a failed
    /// sync left unwritten may never be written under the old file. Readers use what is in memory until the disk has room, since sled
    /// cannot be opened on a full one.
    fn reopen(&mut self) -> CommitResult {
        self.barrier
            .wait()
            .map_err(|error| folder::unavailable(self.folder.path(), &error))?;
        self.folder.probe()?;
        let lock = self.shared.trees.write();
        let mut trees = lock.unwrap_or_else(PoisonError::into_inner);
        close(&self.shared.folder, trees.take())?;
        if !wait_unlocked(&self.folder.engine()) {
            return Err(still_locked());
        }
        self.folder.prepare_opening()?;
        let (opened, checkpoint) = open_trusted(&self.folder)?;
        self.barrier = self
            .folder
            .finish_opening(checkpoint)
            .and_then(|()| (self.new_barrier)(&self.folder.engine()))
            .map_err(|error| folder::unavailable(self.folder.path(), &error))?;
        self.checkpoint = checkpoint;
        *trees = Some(opened);
        Ok(())
    }

    fn close(mut self, intact: bool) -> CommitResult {
        let is_rebuilt = intact && self.rebuild_before_closing().unwrap_or_else(|error| {
            tracing::warn!(%error, "forgotten chats are erased from the files at the next stop");
            false
        });
        let lock = self.shared.trees.write();
        let trees = lock.unwrap_or_else(PoisonError::into_inner).take();
        let closed = close(&self.shared.folder, trees);
        if intact && closed.is_ok() && wait_unlocked(&self.folder.engine()) {
            if is_rebuilt {
                self.swap_in_rebuilt()?;
            }
            self.folder
                .note_clean_shutdown()
                .map_err(|error| folder::unavailable(self.folder.path(), &error))?;
        }
        Ok(())
    }
}
