//! Index of when each chat is to be woken ([`Record::wake_at`](crate::dialogue::Record::wake_at)), rebuilt from the store
//! at start. `wake` wakes the chats.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;

use crate::{
    dialogue::ChatId,
    store::{Item, Store},
};

/// How long to wait before a chat is woken again that is still due afterwards, because of a bug or a failing store.
const RETRY_DELAY: SignedDuration = SignedDuration::from_secs(60);

#[derive(Debug, Default)]
pub struct Timers {
    index: Mutex<Index>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Index {
    by_time: BTreeSet<(Timestamp, ChatId)>,
    /// The time, and the version of the record it is from; times from older versions are ignored.
    by_chat: HashMap<ChatId, (Timestamp, u64)>,
}

impl Timers {
    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets when to wake a chat, as version `version` of its record says; `None` is never.
    pub fn set(&self, chat: ChatId, version: u64, at: Option<Timestamp>) {
        if self.index().set(chat, version, at) {
            self.changed.notify_one();
        }
    }

    /// Removes a chat that has another id now.
    pub(super) fn forget(&self, chat: ChatId) {
        let mut index = self.index();
        if let Some((at, _)) = index.by_chat.remove(&chat) {
            index.by_time.remove(&(at, chat));
        }
    }

    /// The next time a chat is to be woken.
    pub fn next(&self) -> Option<Timestamp> {
        self.index().by_time.first().map(|(at, _)| *at)
    }

    /// The chats that are due, earliest first.
    pub(super) fn due_chats(&self, now: Timestamp) -> Vec<ChatId> {
        let index = self.index();
        let due = index.by_time.iter().take_while(|(at, _)| *at <= now);
        due.map(|(_, chat)| *chat).collect()
    }

    /// Reads all timers from the store. It scans the whole store, so it needs a thread of its own.
    pub fn load(&self, store: &dyn Store) {
        for item in store.scan() {
            match item {
                Ok(Item::Chat(chat, kept)) => self.set(chat, kept.version, kept.record.wake_at()),
                Ok(Item::Row(_)) => {}
                // `store verify` names the chat; the others are still woken.
                Err(error) => tracing::error!(%error, "a chat's timer cannot be read"),
            }
        }
    }

    /// Returns when the next time may have become earlier.
    pub(super) async fn wait_changed(&self) {
        self.changed.notified().await;
    }

    /// Postpones a chat that is still due after it was woken.
    pub(super) fn postpone(&self, chat: ChatId, now: Timestamp) {
        let mut index = self.index();
        let known = index.by_chat.get(&chat).copied();
        if let Some((_, version)) = known.filter(|(at, _)| *at <= now) {
            index.set(chat, version, Some(now + RETRY_DELAY));
        }
    }
}

impl Index {
    /// Returns whether the next time may be earlier now.
    fn set(&mut self, chat: ChatId, version: u64, at: Option<Timestamp>) -> bool {
        if let Some((before, known)) = self.by_chat.get(&chat).copied() {
            if known > version {
                return false;
            }
            self.by_time.remove(&(before, chat));
            self.by_chat.remove(&chat);
        }
        let Some(at) = at else {
            return false;
        };
        self.by_chat.insert(chat, (at, version));
        self.by_time.insert((at, chat));
        self.by_time.first() == Some(&(at, chat))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Option<Timestamp> {
        Some(Timestamp::from_second(second).expect("a time"))
    }

    #[test]
    fn the_earliest_comes_first_and_a_new_time_replaces_the_old_one() {
        let timers = Timers::default();
        timers.set(ChatId(1), 1, at(30));
        timers.set(ChatId(2), 1, at(20));
        assert_eq!(timers.next(), at(20));
        timers.set(ChatId(2), 2, at(40));
        assert_eq!(timers.next(), at(30));
        timers.set(ChatId(1), 2, None);
        assert_eq!(timers.due_chats(at(40).expect("a time")), [ChatId(2)]);
    }

    #[test]
    fn an_older_version_does_not_overwrite_a_newer_one() {
        let timers = Timers::default();
        timers.set(ChatId(1), 6, at(30));
        timers.set(ChatId(1), 5, None);
        assert_eq!(timers.next(), at(30));
    }

    #[test]
    fn a_chat_that_stays_due_is_postponed() {
        let timers = Timers::default();
        timers.set(ChatId(1), 1, at(30));
        let now = at(31).expect("a time");
        timers.postpone(ChatId(1), now);
        assert_eq!(timers.next(), Some(now + RETRY_DELAY));
    }
}
