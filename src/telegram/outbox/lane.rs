//! What waits to be sent to one chat, in order, and how fast that may go. Time is an argument.

use std::{collections::VecDeque, time::Duration};

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::super::{
    limits::{ChatLimits, Rates},
    outgoing::Form,
};
use crate::{
    dialogue::ChatId,
    store::{OutboxRow, RowId},
};

/// A chat with something to send, or with limits still to be kept.
pub(super) struct Lane {
    pub(super) rows: VecDeque<OutboxRow>,
    /// How far the first row got.
    pub(super) progress: Progress,
    pub(super) in_flight: bool,
    /// Nothing goes before this.
    held_until: Option<Instant>,
    /// The supergroup this group became, as long as there is something to send.
    pub(super) moved_to: Option<ChatId>,
    pub(super) limits: ChatLimits,
    /// Its place on the agenda.
    pub(super) due: Option<Instant>,
}

/// How far a row got: in memory only, so after a crash it begins anew.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Progress {
    /// Its requests that are done with.
    pub(super) parts_done: usize,
    pub(super) form: Form,
    pub(super) afresh: bool,
}

impl Lane {
    /// The lane of a chat nothing was sent to yet.
    pub(super) fn new(chat: ChatId, rates: Rates, now: Instant) -> Self {
        Self {
            rows: VecDeque::new(),
            progress: Progress::default(),
            in_flight: false,
            held_until: None,
            moved_to: None,
            // Telegram gives groups negative ids.
            limits: ChatLimits::new(rates, chat.0 < 0, now),
            due: None,
        }
    }

    /// Takes a row to its place, once. What is being sent already stays in front.
    pub(super) fn insert(&mut self, row: OutboxRow, now: Instant, today: Timestamp) {
        let Err(place) = self.rows.binary_search_by_key(&row.id, |row| row.id) else {
            return;
        };
        let is_begun = self.in_flight || self.progress.parts_done > 0;
        let begun = usize::from(is_begun && !self.rows.is_empty());
        if row.id.is_last_word() {
            // The store has forgotten the rest already; what is on its way cannot be called back.
            self.rows.truncate(begun);
        }
        let place = place.clamp(begun, self.rows.len());
        if let (0, Some(until)) = (place, row.not_before) {
            // Held back by the run before this one.
            let pause = Duration::try_from(until.duration_since(today)).unwrap_or_default();
            self.held_until = Some(now + pause);
        }
        self.rows.insert(place, row);
    }

    /// When its next message may go; when it may be forgotten, if there is none.
    pub(super) fn due_at(&self, now: Instant) -> Instant {
        let limits = match self.rows.is_empty() {
            true => self.limits.forgotten_at(now),
            false => self.limits.ready_at(now),
        };
        self.held_until.map_or(limits, |held| held.max(limits))
    }

    /// One more request of the first row is done with; whether that was the last of so many.
    pub(super) fn advance(&mut self, parts: usize) -> bool {
        self.progress.parts_done += 1;
        self.progress.parts_done >= parts
    }

    /// Takes the first row out.
    pub(super) fn finish_row(&mut self) -> Option<RowId> {
        self.progress = Progress::default();
        self.rows.pop_front().map(|row| row.id)
    }

    /// Holds everything back; the first row, and until when it waits.
    pub(super) fn hold(
        &mut self,
        pause: Duration,
        now: Instant,
        today: Timestamp,
    ) -> Option<(RowId, Timestamp)> {
        self.held_until = Some(now + pause);
        let row = self.rows.front_mut()?;
        let pause = SignedDuration::try_from(pause).unwrap_or(SignedDuration::MAX);
        let until = today.checked_add(pause).unwrap_or(Timestamp::MAX);
        row.postpone(until);
        Some((row.id, until))
    }

    /// How often the first row was tried.
    pub(super) fn attempts(&self) -> u32 {
        self.rows.front().map_or(0, |row| row.attempts)
    }
}
