//! The committer's engine: writes batches to sled and makes them durable.

use std::{
    io,
    path::Path,
    sync::{Arc, PoisonError},
};

use super::{
    batch::{Draft, Work, WriteError},
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

impl Writer {
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

impl Engine for Writer {
    type Work = Work;

    fn write(&mut self, batch: Vec<Work>) -> Result<Vec<CommitResult>, StoreError> {
        let shared = self.shared.clone();
        shared.read(|trees| {
            self.write_batch(trees, batch)
                .map_err(|error| shared.fault(error))
        })
    }

    /// After a failed write sled must be opened again. Readers use what is in memory until the disk has room, since sled
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
            return Err(StoreError::Unavailable(
                "sled does not unlock its file".to_owned(),
            ));
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
        let lock = self.shared.trees.write();
        let trees = lock.unwrap_or_else(PoisonError::into_inner).take();
        let closed = close(&self.shared.folder, trees);
        if intact && closed.is_ok() && wait_unlocked(&self.folder.engine()) {
            self.folder
                .note_clean_shutdown()
                .map_err(|error| folder::unavailable(self.folder.path(), &error))?;
        }
        Ok(())
    }
}
