//! The engine in memory, for tests. It passes the same contract tests as `sled`.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;

use super::{
    Commit, Item, Mark, OutboxRow, RowId, Store, StoreError, Versioned, without_message_ids,
};
use crate::dialogue::ChatId;

#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    chats: BTreeMap<ChatId, Versioned>,
    rows: BTreeMap<RowId, OutboxRow>,
    closed: bool,
}

impl MemoryStore {
    pub fn new() -> Self {
        Self::default()
    }

    fn open(&self) -> Result<MutexGuard<'_, State>, StoreError> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.closed {
            return Err(StoreError::closed());
        }
        Ok(state)
    }
}

impl State {
    fn commit(&mut self, commit: &Commit) -> Result<Vec<OutboxRow>, StoreError> {
        let current = self.chats.get(&commit.chat).map_or(0, |chat| chat.version);
        if current != commit.expected {
            return Err(StoreError::Conflict(commit.chat));
        }
        let rows = commit.rows();
        match commit.record.clone() {
            Some(record) => {
                let version = commit.version();
                self.chats
                    .insert(commit.chat, Versioned { version, record });
            }
            None => self.forget(commit.chat),
        }
        self.rows
            .extend(rows.iter().map(|row| (row.id, row.clone())));
        Ok(rows)
    }

    fn mark(&mut self, mark: &Mark) {
        match mark {
            Mark::Done(id) => {
                self.rows.remove(id);
            }
            Mark::Later(id, not_before) => {
                if let Some(row) = self.rows.get_mut(id) {
                    row.postpone(*not_before);
                }
            }
        }
    }

    fn forget(&mut self, chat: ChatId) {
        self.chats.remove(&chat);
        self.rows.retain(|id, _| id.chat != chat);
    }

    fn migrate(&mut self, from: ChatId, to: ChatId) {
        if let Some(Versioned { version, record }) = self.chats.remove(&from) {
            let record = without_message_ids(record);
            self.chats
                .entry(to)
                .or_insert(Versioned { version, record });
        }
        let ids: Vec<_> = self
            .rows
            .keys()
            .filter(|id| id.chat == from)
            .copied()
            .collect();
        for row in ids
            .iter()
            .filter_map(|id| self.rows.remove(id))
            .collect::<Vec<_>>()
        {
            let mut row = row.moved(to);
            while self.rows.contains_key(&row.id) {
                row.id.index += 1;
            }
            self.rows.insert(row.id, row);
        }
    }

    fn restore_item(&mut self, item: Item) {
        match item {
            Item::Chat(chat, versioned) => {
                self.chats.insert(chat, versioned);
            }
            Item::Row(row) => {
                self.rows.insert(row.id, row);
            }
        }
    }

    fn items(&self) -> Vec<Item> {
        self.chats
            .iter()
            .map(|(chat, versioned)| Item::Chat(*chat, versioned.clone()))
            .chain(self.rows.values().cloned().map(Item::Row))
            .collect()
    }
}

#[async_trait]
impl Store for MemoryStore {
    fn load(&self, chat: ChatId) -> Result<Versioned, StoreError> {
        Ok(self.open()?.chats.get(&chat).cloned().unwrap_or_default())
    }

    async fn commit(&self, commit: Commit) -> Result<Vec<OutboxRow>, StoreError> {
        self.open()?.commit(&commit)
    }

    fn outbox(&self) -> Result<Vec<OutboxRow>, StoreError> {
        Ok(self.open()?.rows.values().cloned().collect())
    }

    fn row(&self, id: RowId) -> Result<Option<OutboxRow>, StoreError> {
        Ok(self.open()?.rows.get(&id).cloned())
    }

    async fn migrate(&self, from: ChatId, to: ChatId) -> Result<(), StoreError> {
        self.open()?.migrate(from, to);
        Ok(())
    }

    async fn mark(&self, marks: Vec<Mark>) -> Result<(), StoreError> {
        let mut state = self.open()?;
        marks.iter().for_each(|mark| state.mark(mark));
        Ok(())
    }

    fn scan(&self) -> Box<dyn Iterator<Item = Result<Item, StoreError>> + '_> {
        match self.open() {
            Ok(state) => Box::new(state.items().into_iter().map(Ok)),
            Err(error) => Box::new(std::iter::once(Err(error))),
        }
    }

    async fn restore(&self, items: Vec<Item>) -> Result<(), StoreError> {
        let mut state = self.open()?;
        items.into_iter().for_each(|item| state.restore_item(item));
        Ok(())
    }

    fn health(&self) -> Result<(), StoreError> {
        self.open().map(|_| ())
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        Ok(())
    }
}
