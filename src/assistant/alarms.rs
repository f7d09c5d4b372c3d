//! When which chat wants to be woken though nobody does anything there, and waking it.
//!
//! The records say when ([`Record::wake_at`](crate::dialogue::Record::wake_at)); here is only an index of that, made
//! again from the store at every start, so that there is nothing it could get out of step with.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tokio::{sync::Notify, time::sleep};

use super::Assistant;
use crate::{
    dialogue::{ChatId, Event},
    store::{Item, OutboxRow, Store},
};

/// The clock is looked at no less often than this: it may be set, and a machine may sleep.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);
/// A chat that wants to be woken again at once, for a fault of ours or of the store, waits this long.
const AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(60);

/// The chats that want to be woken, by time.
#[derive(Debug, Default)]
pub struct Alarms {
    index: Mutex<Index>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Index {
    by_time: BTreeSet<(Timestamp, ChatId)>,
    /// When, and the version of the record that said so: whoever is told late of an earlier version is not listened to.
    by_chat: HashMap<ChatId, (Timestamp, u64)>,
}

impl Alarms {
    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A chat wants to be woken at this time, or not at all, says version `version` of its record.
    pub fn set(&self, chat: ChatId, version: u64, at: Option<Timestamp>) {
        if self.index().set(chat, version, at) {
            self.changed.notify_one();
        }
    }

    /// A chat is not there any more.
    pub(super) fn forget(&self, chat: ChatId) {
        let mut index = self.index();
        if let Some((at, _)) = index.by_chat.remove(&chat) {
            index.by_time.remove(&(at, chat));
        }
    }

    /// The next time somebody wants to be woken.
    pub fn next(&self) -> Option<Timestamp> {
        self.index().by_time.first().map(|(at, _)| *at)
    }

    fn due(&self, now: Timestamp) -> Vec<ChatId> {
        let index = self.index();
        let due = index.by_time.iter().take_while(|(at, _)| *at <= now);
        due.map(|(_, chat)| *chat).collect()
    }

    /// Learns from the store who wants to be woken. Goes through all of it; for a thread of its own.
    pub fn learn(&self, store: &dyn Store) {
        for item in store.scan() {
            match item {
                Ok(Item::Chat(chat, kept)) => self.set(chat, kept.version, kept.record.wake_at()),
                Ok(Item::Row(_)) => {}
                // `verify` names it; everybody else is woken all the same.
                Err(error) => tracing::error!(%error, "a chat cannot be woken"),
            }
        }
    }

    fn postpone(&self, chat: ChatId, now: Timestamp) {
        let mut index = self.index();
        let known = index.by_chat.get(&chat).copied();
        if let Some((_, version)) = known.filter(|(at, _)| *at <= now) {
            index.set(chat, version, Some(now + AGAIN_AFTER));
        }
    }
}

impl Index {
    /// Whether the next alarm may be an earlier one now.
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

/// Wakes chats when it is time, for as long as it is polled; what they are told is handed to `deliver`.
pub async fn run(
    assistant: &Assistant,
    clock: impl Fn() -> Timestamp,
    deliver: impl Fn(Vec<OutboxRow>),
) {
    loop {
        let now = clock();
        for chat in assistant.alarms.due(now) {
            match assistant.handle(chat, None, &Event::wake(), now).await {
                Ok(rows) => deliver(rows),
                Err(error) => tracing::error!(%chat, %error, "a chat was not woken; tried again"),
            }
            assistant.alarms.postpone(chat, now);
        }
        let pause = assistant.alarms.next().map(|at| at.duration_since(clock()));
        let pause = pause.map(|pause| Duration::try_from(pause).unwrap_or_default());
        tokio::select! {
            () = assistant.alarms.changed.notified() => {}
            () = sleep(pause.unwrap_or(LONGEST_SLEEP).min(LONGEST_SLEEP)) => {}
        }
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
        let alarms = Alarms::default();
        alarms.set(ChatId(1), 1, at(30));
        alarms.set(ChatId(2), 1, at(20));
        assert_eq!(alarms.next(), at(20));
        alarms.set(ChatId(2), 2, at(40));
        assert_eq!(alarms.next(), at(30));
        alarms.set(ChatId(1), 2, None);
        assert_eq!(alarms.due(at(40).expect("a time")), [ChatId(2)]);
    }

    #[test]
    fn whoever_is_late_does_not_undo_what_a_later_version_said() {
        let alarms = Alarms::default();
        alarms.set(ChatId(1), 6, at(30));
        alarms.set(ChatId(1), 5, None);
        assert_eq!(alarms.next(), at(30));
    }

    #[test]
    fn a_chat_that_stays_due_does_not_turn_the_wheel_for_ever() {
        let alarms = Alarms::default();
        alarms.set(ChatId(1), 1, at(30));
        let now = at(31).expect("a time");
        alarms.postpone(ChatId(1), now);
        assert_eq!(alarms.next(), Some(now + AGAIN_AFTER));
    }
}
