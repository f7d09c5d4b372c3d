//! The updates that Telegram still redelivers, and the offset that confirms those before the first that is not done.

use std::collections::BTreeMap;

use serde::Serialize;
use teloxide::{requests::Payload, types::AllowedUpdate};

use crate::{dialogue::UpdateId, telegram::wire::ALLOWED_UPDATES};

/// How long Telegram keeps a poll open when there is nothing new.
const POLL_SECONDS: u32 = 30;
/// Maximum updates per poll; Telegram's own limit.
const MAX_BATCH: u8 = 100;

/// `getUpdates`. teloxide's payload cannot hold an id above `i32::MAX`, and an update that cannot be confirmed would be
/// redelivered for ever.
#[derive(Debug, Serialize)]
pub(super) struct Poll {
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u32>,
    limit: u8,
    pub(super) timeout: u32,
    allowed_updates: [AllowedUpdate; 3],
}

impl Payload for Poll {
    /// Each update is parsed by itself; see `api::Batch`.
    type Output = ();
    const NAME: &'static str = "GetUpdates";
}

/// The updates from the first one that is not done: Telegram redelivers them with every poll.
#[derive(Debug, Default)]
pub(super) struct UnconfirmedUpdates {
    /// Whether each is done.
    updates: BTreeMap<UpdateId, bool>,
}

impl UnconfirmedUpdates {
    /// Drops updates confirmed by the offset just sent; ids restart after a quiet week.
    pub(super) fn begin_batch(&mut self) {
        match self.first_not_done() {
            None => self.updates.clear(),
            Some(first) => self.updates = self.updates.split_off(&first),
        }
    }

    pub(super) fn contains(&self, id: UpdateId) -> bool {
        self.updates.contains_key(&id)
    }

    pub(super) fn insert(&mut self, id: UpdateId, done: bool) {
        self.updates.insert(id, done);
    }

    /// Marks an update as done if it may be confirmed; otherwise it is redelivered.
    pub(super) fn set_done(&mut self, id: UpdateId, may_confirm: bool) {
        if let Some(done) = self.updates.get_mut(&id) {
            *done = may_confirm;
        }
    }

    fn first_not_done(&self) -> Option<UpdateId> {
        let open = self.updates.iter().find(|(_, done)| !**done);
        open.map(|(id, _)| *id)
    }

    /// The offset of the next poll, which confirms all updates before it.
    fn offset(&self) -> Option<UpdateId> {
        let behind = || {
            let (UpdateId(last), _) = self.updates.last_key_value()?;
            Some(UpdateId(last.saturating_add(1)))
        };
        self.first_not_done().or_else(behind)
    }

    /// A poll for at most this many updates.
    pub(super) fn poll_few(&self, limit: usize) -> Poll {
        let limit = u8::try_from(limit).unwrap_or(MAX_BATCH).min(MAX_BATCH);
        Poll {
            limit,
            ..self.poll()
        }
    }

    pub(super) fn poll(&self) -> Poll {
        // While an update is not done, Telegram answers at once.
        let timeout = match self.first_not_done() {
            Some(_) => 0,
            None => POLL_SECONDS,
        };
        Poll {
            offset: self.offset().map(|UpdateId(id)| id),
            limit: MAX_BATCH,
            timeout,
            allowed_updates: ALLOWED_UPDATES,
        }
    }

    /// A poll that only confirms; `None` if there is nothing to confirm.
    pub(super) fn confirming_poll(&self) -> Option<Poll> {
        let offset = self.offset()?;
        Some(Poll {
            offset: Some(offset.0),
            limit: 1,
            timeout: 0,
            allowed_updates: ALLOWED_UPDATES,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(id: u32) -> UpdateId {
        UpdateId(id)
    }

    /// What came in one batch.
    fn batch(unconfirmed: &mut UnconfirmedUpdates, ids: impl IntoIterator<Item = u32>) -> Vec<u32> {
        unconfirmed.begin_batch();
        let new = ids
            .into_iter()
            .filter(|new| !unconfirmed.contains(id(*new)));
        let new: Vec<_> = new.collect();
        new.iter()
            .for_each(|new| unconfirmed.insert(id(*new), false));
        new
    }

    #[test]
    fn the_offset_is_dropped_once_it_was_sent() {
        let mut unconfirmed = UnconfirmedUpdates::default();
        assert_eq!(unconfirmed.poll().offset, None);
        batch(&mut unconfirmed, [8]);
        unconfirmed.set_done(id(8), true);
        assert_eq!(unconfirmed.poll().offset, Some(9));
        batch(&mut unconfirmed, [u32::MAX - 1]);
        unconfirmed.set_done(id(u32::MAX - 1), true);
        assert_eq!(unconfirmed.poll().offset, Some(u32::MAX));
        batch(&mut unconfirmed, []);
        assert_eq!(unconfirmed.poll().offset, None);
        assert!(unconfirmed.confirming_poll().is_none());
    }

    #[test]
    fn an_update_that_is_not_done_is_not_confirmed_and_later_ones_are_still_requested() {
        let mut unconfirmed = UnconfirmedUpdates::default();
        batch(&mut unconfirmed, [5, 6, 7]);
        unconfirmed.set_done(id(6), true);
        unconfirmed.set_done(id(7), false);
        assert_eq!(
            (unconfirmed.poll().offset, unconfirmed.poll().timeout),
            (Some(5), 0)
        );
        assert_eq!(
            batch(&mut unconfirmed, [5, 6, 7, 8]),
            [8],
            "the others are known"
        );
        unconfirmed.set_done(id(5), true);
        assert_eq!(unconfirmed.poll().offset, Some(7));
        assert_eq!(batch(&mut unconfirmed, [7, 8, 9]), [9]);
        for done in [7, 8, 9] {
            unconfirmed.set_done(id(done), true);
        }
        assert_eq!(unconfirmed.poll().offset, Some(10));
        assert_eq!(unconfirmed.poll().timeout, POLL_SECONDS);
    }

    #[test]
    fn ids_may_restart_anywhere() {
        let mut unconfirmed = UnconfirmedUpdates::default();
        batch(&mut unconfirmed, [900]);
        unconfirmed.set_done(id(900), true);
        assert_eq!(batch(&mut unconfirmed, [3]), [3]);
        unconfirmed.set_done(id(3), true);
        assert_eq!(unconfirmed.poll().offset, Some(4));
    }
}
