//! A test double: any store, with hooks that make an operation fail, panic or hang, or count it.
//!
//! Public for the integration tests; no part of the program uses it.

use std::sync::Arc;

use async_trait::async_trait;

use super::{Commit, Item, Mark, OutboxRow, RowId, Store, StoreError, Versioned};
use crate::dialogue::ChatId;

/// What a test does before or after an operation of the store. An error is what the operation returns.
#[async_trait]
pub trait Hooks: Send + Sync + 'static {
    /// Before a commit; after an error the store is not called.
    async fn before_commit(&self, _commit: &Commit) -> Result<(), StoreError> {
        Ok(())
    }

    /// After a successful commit; an error does not undo it.
    async fn after_commit(&self, _commit: &Commit) -> Result<(), StoreError> {
        Ok(())
    }

    /// Before rows are marked; after an error the store is not called.
    async fn before_mark(&self, _marks: &[Mark]) -> Result<(), StoreError> {
        Ok(())
    }

    /// Before a scan begins.
    fn before_scan(&self) {}

    /// Before the health is checked.
    fn before_health(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// A store with hooks. The test keeps a handle of the store and one of the hooks.
pub struct HookedStore<H> {
    inner: Arc<dyn Store>,
    hooks: Arc<H>,
}

impl<H: Hooks> HookedStore<H> {
    /// `inner`, with `hooks`.
    pub fn new(inner: Arc<dyn Store>, hooks: Arc<H>) -> Self {
        Self { inner, hooks }
    }
}

#[async_trait]
impl<H: Hooks> Store for HookedStore<H> {
    fn load(&self, chat: ChatId) -> Result<Versioned, StoreError> {
        self.inner.load(chat)
    }

    async fn commit(&self, commit: Commit) -> Result<Vec<OutboxRow>, StoreError> {
        self.hooks.before_commit(&commit).await?;
        let rows = self.inner.commit(commit.clone()).await?;
        self.hooks.after_commit(&commit).await?;
        Ok(rows)
    }

    fn outbox(&self) -> Result<Vec<OutboxRow>, StoreError> {
        self.inner.outbox()
    }

    fn row(&self, id: RowId) -> Result<Option<OutboxRow>, StoreError> {
        self.inner.row(id)
    }

    async fn migrate(&self, from: ChatId, to: ChatId) -> Result<(), StoreError> {
        self.inner.migrate(from, to).await
    }

    async fn mark(&self, marks: Vec<Mark>) -> Result<(), StoreError> {
        self.hooks.before_mark(&marks).await?;
        self.inner.mark(marks).await
    }

    fn scan(&self) -> Box<dyn Iterator<Item = Result<Item, StoreError>> + '_> {
        self.hooks.before_scan();
        self.inner.scan()
    }

    async fn restore(&self, items: Vec<Item>) -> Result<(), StoreError> {
        self.inner.restore(items).await
    }

    async fn erase_forgotten(&self) -> Result<(), StoreError> {
        self.inner.erase_forgotten().await
    }

    fn health(&self) -> Result<(), StoreError> {
        self.hooks.before_health()?;
        self.inner.health()
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.inner.close().await
    }
}
