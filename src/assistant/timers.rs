//! When which chat is to be woken though nothing happens there; `wake` does it.
//!
//! The records say when ([`Record::wake_at`](crate::dialogue::Record::wake_at)); here is only an index of that, made
//! again from the store at every start, so that there is nothing it could get out of step with.

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

/// A chat that is still due after it was woken, by a fault of ours or of the store, waits this long.
const AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(60);

/// The chats that are to be woken, by time.
#[derive(Debug, Default)]
pub struct Timers {
    index: Mutex<Index>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Index {
    by_time: BTreeSet<(Timestamp, ChatId)>,
    /// When, and the version of the record that said so: what an earlier version says comes too late.
    by_chat: HashMap<ChatId, (Timestamp, u64)>,
}

impl Timers {
    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A chat is to be woken at this time, or not at all, says version `version` of its record.
    pub fn set(&self, chat: ChatId, version: u64, at: Option<Timestamp>) {
        if self.index().set(chat, version, at) {
            self.changed.notify_one();
        }
    }

    /// Forgets a chat that has another id now.
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

    /// The chats that are due, the longest due first.
    pub(super) fn due_chats(&self, now: Timestamp) -> Vec<ChatId> {
        let index = self.index();
        let due = index.by_time.iter().take_while(|(at, _)| *at <= now);
        due.map(|(_, chat)| *chat).collect()
    }

    /// Reads from the store which chats are to be woken. Goes through all of it; for a thread of its own.
    pub fn load(&self, store: &dyn Store) {
        for item in store.scan() {
            match item {
                Ok(Item::Chat(chat, kept)) => self.set(chat, kept.version, kept.record.wake_at()),
                Ok(Item::Row(_)) => {}
                // `verify` names it; all others are woken all the same.
                Err(error) => tracing::error!(%error, "a chat cannot be woken"),
            }
        }
    }

    /// Becomes ready when the next time may have come earlier.
    pub(super) async fn wait_changed(&self) {
        self.changed.notified().await;
    }

    /// Puts off a chat that is still due after it was woken.
    pub(super) fn postpone(&self, chat: ChatId, now: Timestamp) {
        let mut index = self.index();
        let known = index.by_chat.get(&chat).copied();
        if let Some((_, version)) = known.filter(|(at, _)| *at <= now) {
            index.set(chat, version, Some(now + AGAIN_AFTER));
        }
    }
}

impl Index {
    /// Whether the next time may be earlier now.
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
    fn the_earliest_comes_first_and_a_new_time_takes_the_place_of_the_old_one() {
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
    fn whoever_is_late_does_not_undo_what_a_later_version_said() {
        let timers = Timers::default();
        timers.set(ChatId(1), 6, at(30));
        timers.set(ChatId(1), 5, None);
        assert_eq!(timers.next(), at(30));
    }

    #[test]
    fn a_chat_that_stays_due_does_not_turn_the_wheel_for_ever() {
        let timers = Timers::default();
        timers.set(ChatId(1), 1, at(30));
        let now = at(31).expect("a time");
        timers.postpone(ChatId(1), now);
        assert_eq!(timers.next(), Some(now + AGAIN_AFTER));
    }
}
