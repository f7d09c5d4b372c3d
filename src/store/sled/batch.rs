//! A batch of work: the changes are collected first, then written in one transaction.

use std::{collections::BTreeMap, io, path::Path};

use jiff::Timestamp;
use sled::{Batch, IVec, Transactional, Tree};

use super::{
    fault::{RecordOf, unreadable},
    trees::{CHECKPOINT, Trees, note_forgotten},
};
use crate::{
    dialogue::ChatId,
    store::{
        Commit, Item, Mark, OutboxRow, RowId, StoreError, Versioned,
        envelope::{self, EnvelopeError},
        keys::{chat_key, parse_row_key, row_key},
        manifest::{Checkpoint, Digest},
        without_message_ids,
    },
};

/// Why a piece of work was not done.
pub(super) enum WriteError {
    /// This piece was refused; the rest of the batch goes on.
    Refused(StoreError),
    /// sled failed, and with it the whole batch.
    Engine(sled::Error),
}

impl From<sled::Error> for WriteError {
    fn from(error: sled::Error) -> Self {
        Self::Engine(error)
    }
}

/// A piece of work for the writing thread. The callers pack the values, since there is only one such thread.
pub(super) enum Work {
    Commit {
        chat: ChatId,
        expected: u64,
        /// `None` to forget the chat.
        record: Option<Vec<u8>>,
        rows: Vec<(RowId, Vec<u8>)>,
    },
    Mark(Vec<Mark>),
    Migrate {
        from: ChatId,
        to: ChatId,
    },
    Restore(Vec<Packed>),
    /// Rewrite the files if chats were forgotten since. It changes nothing in the trees.
    EraseForgotten,
}

/// An item as it is stored.
pub(super) enum Packed {
    Record(ChatId, Vec<u8>),
    Row(RowId, Vec<u8>),
}

impl Work {
    pub(super) fn commit(commit: &Commit, rows: &[OutboxRow]) -> Result<Self, EnvelopeError> {
        let rows = rows
            .iter()
            .map(|row| Ok((row.id, envelope::pack_row(row)?)));
        let pack = |record| envelope::pack_record(commit.chat, commit.version(), record);
        Ok(Self::Commit {
            chat: commit.chat,
            expected: commit.expected,
            record: commit.record.as_ref().map(pack).transpose()?,
            rows: rows.collect::<Result<_, EnvelopeError>>()?,
        })
    }
}

impl Packed {
    pub(super) fn new(item: &Item) -> Result<Self, EnvelopeError> {
        Ok(match item {
            Item::Chat(chat, Versioned { version, record }) => {
                Self::Record(*chat, envelope::pack_record(*chat, *version, record)?)
            }
            Item::Row(row) => Self::Row(row.id, envelope::pack_row(row)?),
        })
    }
}

/// A tree as it will be after the changes of a batch.
struct Layer<'a> {
    tree: &'a Tree,
    changes: BTreeMap<Vec<u8>, Option<IVec>>,
    digest: Digest,
}

impl<'a> Layer<'a> {
    fn new(tree: &'a Tree, digest: Digest) -> Self {
        Self {
            tree,
            changes: BTreeMap::new(),
            digest,
        }
    }

    fn get(&self, key: &[u8]) -> sled::Result<Option<IVec>> {
        match self.changes.get(key) {
            Some(changed) => Ok(changed.clone()),
            None => self.tree.get(key),
        }
    }

    /// Sets or, with `None`, removes a value.
    fn set(&mut self, key: &[u8], value: Option<Vec<u8>>) -> sled::Result<()> {
        if let Some(old) = self.get(key)? {
            self.digest.remove(key, &old);
        }
        if let Some(new) = &value {
            self.digest.add(key, new);
        }
        self.changes.insert(key.to_vec(), value.map(IVec::from));
        Ok(())
    }

    /// The keys that begin with `prefix`.
    fn keys(&self, prefix: &[u8]) -> sled::Result<Vec<Vec<u8>>> {
        let changed = self.changes.range(prefix.to_vec()..);
        let mut keys: Vec<_> = changed
            .map(|(key, _)| key.clone())
            .take_while(|key| key.starts_with(prefix))
            .collect();
        for key in self.tree.scan_prefix(prefix).keys() {
            keys.push(key?.to_vec());
        }
        Ok(keys)
    }

    fn batch(self) -> Batch {
        let mut batch = Batch::default();
        for (key, value) in self.changes {
            match value {
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
        }
        batch
    }
}

/// The changes of a batch, collected before sled's transaction is opened.
pub(super) struct Draft<'a> {
    /// The store's folder, for errors.
    folder: &'a Path,
    records: Layer<'a>,
    outbox: Layer<'a>,
    /// Whether a chat is forgotten in this batch.
    forgets: bool,
}

impl<'a> Draft<'a> {
    pub(super) fn new(trees: &'a Trees, folder: &'a Path, checkpoint: Checkpoint) -> Self {
        Self {
            folder,
            records: Layer::new(&trees.records, checkpoint.records),
            outbox: Layer::new(&trees.outbox, checkpoint.rows),
            forgets: false,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.records.changes.is_empty() && self.outbox.changes.is_empty()
    }

    /// Adds the changes of one piece of work.
    pub(super) fn stage(&mut self, work: Work) -> Result<(), WriteError> {
        match work {
            Work::Commit {
                chat,
                expected,
                record,
                rows,
            } => self.commit(chat, expected, record, rows)?,
            Work::Mark(marks) => marks.iter().try_for_each(|mark| self.mark(mark))?,
            Work::Migrate { from, to } => self.migrate(from, to)?,
            Work::Restore(items) => items
                .into_iter()
                .try_for_each(|item| self.restore_item(item))?,
            Work::EraseForgotten => {}
        }
        Ok(())
    }

    fn unreadable(&self, chat: ChatId, error: EnvelopeError) -> WriteError {
        WriteError::Refused(unreadable(self.folder, RecordOf(chat), error))
    }

    fn commit(
        &mut self,
        chat: ChatId,
        expected: u64,
        record: Option<Vec<u8>>,
        rows: Vec<(RowId, Vec<u8>)>,
    ) -> Result<(), WriteError> {
        let key = chat_key(chat);
        if self.version(chat)? != expected {
            return Err(WriteError::Refused(StoreError::Conflict(chat)));
        }
        match record {
            Some(record) => self.records.set(&key, Some(record))?,
            None => self.forget(chat)?,
        }
        for (id, row) in rows {
            self.outbox.set(&row_key(id), Some(row))?;
        }
        Ok(())
    }

    /// The version of the chat's record; 0 without one.
    fn version(&self, chat: ChatId) -> Result<u64, WriteError> {
        let Some(bytes) = self.records.get(&chat_key(chat))? else {
            return Ok(0);
        };
        envelope::record_version(chat, &bytes).map_err(|error| self.unreadable(chat, error))
    }

    fn mark(&mut self, mark: &Mark) -> sled::Result<()> {
        match *mark {
            Mark::Done(id) => self.remove_row(id),
            Mark::Later(id, not_before) => self.postpone(id, not_before),
        }
    }

    fn remove_row(&mut self, id: RowId) -> sled::Result<()> {
        let key = row_key(id);
        match self.outbox.get(&key)? {
            Some(_) => self.outbox.set(&key, None),
            None => Ok(()),
        }
    }

    fn postpone(&mut self, id: RowId, not_before: Timestamp) -> sled::Result<()> {
        let key = row_key(id);
        let Some(bytes) = self.outbox.get(&key)? else {
            return Ok(());
        };
        let postponed = envelope::unpack_row(id, &bytes).and_then(|mut row| {
            row.postpone(not_before);
            envelope::pack_row(&row)
        });
        match postponed {
            Ok(bytes) => self.outbox.set(&key, Some(bytes)),
            Err(error) => {
                tracing::error!(row = %id, %error, "a reply in the store cannot be read");
                Ok(())
            }
        }
    }

    fn forget(&mut self, chat: ChatId) -> sled::Result<()> {
        let key = chat_key(chat);
        if self.records.get(&key)?.is_some() {
            self.records.set(&key, None)?;
            self.forgets = true;
        }
        for row in self.outbox.keys(&key)? {
            self.outbox.set(&row, None)?;
        }
        Ok(())
    }

    fn migrate(&mut self, from: ChatId, to: ChatId) -> Result<(), WriteError> {
        if let Some(record) = self.moved_record(from, to)? {
            self.records.set(&chat_key(from), None)?;
            if self.records.get(&chat_key(to))?.is_none() {
                self.records.set(&chat_key(to), Some(record))?;
            }
        }
        for key in self.outbox.keys(&chat_key(from))? {
            let Some(bytes) = self.outbox.get(&key)? else {
                continue;
            };
            self.outbox.set(&key, None)?;
            self.move_row(&key, &bytes, to)?;
        }
        Ok(())
    }

    /// The record of `from`, packed as that of `to`, if there is one.
    fn moved_record(&self, from: ChatId, to: ChatId) -> Result<Option<Vec<u8>>, WriteError> {
        let Some(bytes) = self.records.get(&chat_key(from))? else {
            return Ok(None);
        };
        envelope::unpack_record(from, &bytes)
            .and_then(|kept| {
                envelope::pack_record(to, kept.version, &without_message_ids(kept.record))
            })
            .map(Some)
            .map_err(|error| self.unreadable(from, error))
    }

    /// Moves a row to another chat, after any row that has the same id there.
    fn move_row(&mut self, key: &[u8], bytes: &[u8], to: ChatId) -> sled::Result<()> {
        // A row that cannot be read could not be sent either; `store verify` names it.
        let Some(Ok(row)) = parse_row_key(key).map(|id| envelope::unpack_row(id, bytes)) else {
            return Ok(());
        };
        let mut row = row.moved(to);
        while self.outbox.get(&row_key(row.id))?.is_some() {
            row.id.index += 1;
        }
        match envelope::pack_row(&row) {
            Ok(bytes) => self.outbox.set(&row_key(row.id), Some(bytes)),
            Err(error) => {
                tracing::error!(row = %row.id, %error, "a reply could not be moved");
                Ok(())
            }
        }
    }

    fn restore_item(&mut self, item: Packed) -> sled::Result<()> {
        match item {
            Packed::Record(chat, bytes) => self.records.set(&chat_key(chat), Some(bytes)),
            Packed::Row(id, bytes) => self.outbox.set(&row_key(id), Some(bytes)),
        }
    }

    /// Changes the trees in one transaction; returns what they contain then.
    pub(super) fn apply(self, trees: &Trees, commits: u64) -> sled::Result<Checkpoint> {
        let checkpoint = Checkpoint {
            commits,
            records: self.records.digest,
            rows: self.outbox.digest,
        };
        let note = serde_json::to_vec(&checkpoint).map_err(io::Error::from)?;
        let forgets = self.forgets;
        let (records, outbox) = (self.records.batch(), self.outbox.batch());
        let changed = (&trees.records, &trees.outbox, &trees.meta).transaction(|trees| {
            trees.0.apply_batch(&records)?;
            trees.1.apply_batch(&outbox)?;
            trees.2.insert(CHECKPOINT, note.as_slice())?;
            if forgets {
                note_forgotten(&trees.2)?;
            }
            Ok::<_, sled::transaction::ConflictableTransactionError<()>>(())
        });
        match changed {
            Ok(()) => Ok(checkpoint),
            Err(sled::transaction::TransactionError::Storage(error)) => Err(error),
            Err(sled::transaction::TransactionError::Abort(())) => Err(sled::Error::ReportableBug(
                "a transaction was aborted".to_owned(),
            )),
        }
    }
}
