//! Load – respond – commit: the only place where the parts meet.
//!
//! Channels bring events and send what is committed; order within a chat is theirs to keep. Whatever fails in a turn
//! stays in that turn: a panic becomes an apology, a conflict is tried again, and nothing is said that is not committed.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, PoisonError, RwLock},
};

use jiff::Timestamp;

use crate::{
    dialogue::{self, Base, ChatId, Context, Event, Record, Turn, UpdateId},
    store::{Commit, OutboxRow, Store, StoreError},
};

/// A chat's turns come one after another, so a conflict is rare (an operator's import, say); more in a row is a fault.
const MAX_CONFLICTS: usize = 8;

/// The assistant: a base, a store, and the way of one message between them.
pub struct Assistant {
    base: RwLock<Arc<Base>>,
    store: Arc<dyn Store>,
}

impl Assistant {
    /// An assistant that talks from `base` and keeps its chats in `store`.
    pub fn new(base: impl Into<Arc<Base>>, store: Arc<dyn Store>) -> Self {
        Self {
            base: RwLock::new(base.into()),
            store,
        }
    }

    /// The store, for those who send what was committed.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The base turns are made from now.
    pub fn base(&self) -> Arc<Base> {
        self.base
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Talks from another base from the next turn on.
    pub fn replace_base(&self, base: Base) {
        *self.base.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(base);
    }

    /// Gives an event its effect, once, and returns the rows to be sent.
    ///
    /// When it returns, the effect is on disk and `update` may be confirmed. An update that had its effect before
    /// returns no rows: its replies were committed then.
    ///
    /// # Errors
    /// The store did not take the turn: nothing happened, and `update` must not be confirmed.
    pub async fn handle(
        &self,
        chat: ChatId,
        update: Option<UpdateId>,
        event: &Event,
        now: Timestamp,
    ) -> Result<Vec<OutboxRow>, StoreError> {
        for _ in 0..MAX_CONFLICTS {
            let before = self.store.load(chat)?;
            if update.is_some_and(|update| before.record.has_seen(update)) {
                return Ok(Vec::new());
            }
            let mut turn = self.guarded_turn(chat, &before.record, event, now);
            if let Some(update) = update {
                turn.record.note_update(update, now);
            }
            let commit = Commit {
                chat,
                expected: before.version,
                record: turn.record,
                replies: turn.replies,
                now,
            };
            match self.store.commit(commit).await {
                Err(StoreError::Conflict(_)) => continue,
                committed => return committed,
            }
        }
        Err(StoreError::Conflict(chat))
    }

    /// A turn under a panic guard: `respond` is pure, so a panic leaves nothing half done.
    fn guarded_turn(&self, chat: ChatId, record: &Record, event: &Event, now: Timestamp) -> Turn {
        let base = self.base();
        let turn = catch_unwind(AssertUnwindSafe(|| {
            dialogue::respond(record, event, &Context { base: &base, now })
        }));
        turn.unwrap_or_else(|_| {
            tracing::error!(%chat, "a turn panicked; the chat was given an apology and stays where it was");
            dialogue::apology(record, &base)
        })
    }
}
