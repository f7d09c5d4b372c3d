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

/// A row that waits. Its body is kept at hand while there are not too many, and is the store's to give else.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) id: RowId,
    pub(super) attempts: u32,
    pub(super) unasked: bool,
    pub(super) created: Timestamp,
    not_before: Option<Timestamp>,
    pub(super) body: Option<Box<OutboxRow>>,
}

impl Waiting {
    pub(super) fn new(row: OutboxRow, with_body: bool) -> Self {
        Self {
            id: row.id,
            attempts: row.attempts,
            unasked: row.reply.unasked,
            created: row.created,
            not_before: row.not_before,
            body: with_body.then(|| Box::new(row)),
        }
    }
}

/// A chat with something to send, or with limits still to be kept.
pub(super) struct Lane {
    pub(super) rows: VecDeque<Waiting>,
    /// How far the first row got.
    pub(super) progress: Progress,
    pub(super) in_flight: bool,
    /// Nothing goes before this.
    held_until: Option<Instant>,
    pub(super) limits: ChatLimits,
    /// Its place on the agenda.
    pub(super) due: Option<Place>,
}

/// Where a lane stands on the agenda: with those that answer, or with those that say what nobody asked for; and when it
/// may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) unasked: bool,
    pub(super) at: Instant,
}

/// How far a row got: in memory only, so after a crash it begins anew.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
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
            // Telegram gives groups negative ids.
            limits: ChatLimits::new(rates, chat.0 < 0, now),
            due: None,
        }
    }

    /// Takes a row to its place, once, and gives back what has become pointless by it; `None` if it was there already.
    /// What is being sent stays in front.
    pub(super) fn insert(
        &mut self,
        row: Waiting,
        now: Instant,
        today: Timestamp,
    ) -> Option<Vec<Waiting>> {
        let place = self
            .rows
            .binary_search_by_key(&row.id, |row| row.id)
            .err()?;
        let is_begun = self.in_flight || self.progress.parts_done > 0;
        let begun = usize::from(is_begun && !self.rows.is_empty());
        let dropped = match row.id.is_last_word() {
            // The store has forgotten the rest already; what is on its way cannot be called back.
            true => self.rows.drain(begun..).collect(),
            false => Vec::new(),
        };
        let place = place.clamp(begun, self.rows.len());
        if let (0, Some(until)) = (place, row.not_before) {
            // Held back by the run before this one.
            let pause = Duration::try_from(until.duration_since(today)).unwrap_or_default();
            self.held_until = Some(now + pause);
        }
        self.rows.insert(place, row);
        Some(dropped)
    }

    /// When its next message may go; when it may be forgotten, if there is none.
    pub(super) fn due_at(&self, now: Instant) -> Place {
        let limits = match self.rows.is_empty() {
            true => self.limits.forgotten_at(now),
            false => self.limits.ready_at(now),
        };
        Place {
            // Behind what nobody asked for, somebody may wait for an answer.
            unasked: self.rows.iter().all(|row| row.unasked),
            at: self.held_until.map_or(limits, |held| held.max(limits)),
        }
    }

    /// Whether nothing of the first row was sent yet.
    pub(super) fn is_fresh(&self) -> bool {
        self.progress == Progress::default()
    }

    /// One more request of the first row is done with; whether that was the last of so many.
    pub(super) fn advance(&mut self, parts: usize) -> bool {
        self.progress.parts_done += 1;
        self.progress.parts_done >= parts
    }

    /// Takes the first row out.
    pub(super) fn finish_row(&mut self) -> Option<Waiting> {
        self.progress = Progress::default();
        self.rows.pop_front()
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
        row.attempts = row.attempts.saturating_add(1);
        if let Some(body) = &mut row.body {
            body.postpone(until);
        }
        Some((row.id, until))
    }

    /// How often the first row was tried.
    pub(super) fn attempts(&self) -> u32 {
        self.rows.front().map_or(0, |row| row.attempts)
    }
}
