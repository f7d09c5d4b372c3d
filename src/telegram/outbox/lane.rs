//! The rows that wait for one address, in order, and the rate limits of its chat. Time is an argument.

use std::{
    collections::{BTreeSet, VecDeque},
    ops::Bound::{Excluded, Unbounded},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::trouble::{Failure, Tally, Trouble};
use crate::{
    dialogue::{ChatId, Receipt, ThreadId},
    store::{OutboxRow, RowId},
    telegram::{
        outgoing::Form,
        rate_limit::{ChatLimits, Rates},
    },
};

/// A waiting row. Its body is kept in memory up to a limit on all rows, and read from the store otherwise.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) id: RowId,
    pub(super) attempts: u32,
    pub(super) unsolicited: bool,
    pub(super) created: Timestamp,
    pub(super) body: Option<Box<OutboxRow>>,
    /// The failures in a row of its present request.
    trouble: Option<Box<Trouble>>,
}

impl Waiting {
    /// Whether a request for it may have been carried out without an answer.
    pub(super) fn may_have_arrived(&self) -> bool {
        self.trouble
            .as_deref()
            .is_some_and(|trouble| trouble.timeouts() > 0)
    }

    /// Why it is given up, for a dead letter.
    pub(super) fn fault(&self) -> String {
        self.trouble
            .as_deref()
            .map(Trouble::describe)
            .unwrap_or_default()
    }

    pub(super) fn new(row: OutboxRow, with_body: bool) -> Self {
        Self {
            id: row.id,
            attempts: row.attempts,
            unsolicited: row.reply.unsolicited,
            created: row.created,
            body: with_body.then(|| Box::new(row)),
            trouble: None,
        }
    }
}

/// The rate limits of a chat, over all its topics.
pub(super) struct ChatPace {
    pub(super) limits: ChatLimits,
    /// Nothing is sent before this, because Telegram asked to wait.
    held_until: Option<Instant>,
    pub(super) topics: BTreeSet<Option<ThreadId>>,
}

impl ChatPace {
    pub(super) fn new(chat: ChatId, rates: Rates, now: Instant) -> Self {
        Self {
            // Telegram gives groups negative ids.
            limits: ChatLimits::new(rates, chat.0 < 0, now),
            held_until: None,
            topics: BTreeSet::new(),
        }
    }

    pub(super) fn hold_until(&mut self, until: Instant) {
        self.held_until = self.held_until.max(Some(until));
    }

    /// When the next message may be sent, at the earliest now.
    fn ready_at(&self, now: Instant) -> Instant {
        let ready = self.limits.ready_at(now);
        self.held_until.map_or(ready, |held| held.max(ready))
    }

    /// From when on the limits have no effect and can be dropped.
    fn forgotten_at(&self, now: Instant) -> Instant {
        let forgotten = self.limits.forgotten_at(now);
        self.held_until
            .map_or(forgotten, |held| held.max(forgotten))
    }
}

/// An address that has rows to send, or whose chat still has limits in effect.
#[derive(Default)]
pub(super) struct Lane {
    pub(super) rows: VecDeque<Waiting>,
    /// The ids of `rows`, so that a lane with many rows is not searched for each one.
    ids: BTreeSet<RowId>,
    /// The progress of the first row.
    pub(super) progress: Progress,
    /// The receipt of the next part, which was sent but whose receipt was not delivered.
    pub(super) receipt: Option<Receipt>,
    pub(super) in_flight: bool,
    /// Nothing is sent before this.
    held_until: Option<Instant>,
    /// The rows in whose place the first row is tried, in order.
    set_aside: Vec<SetAside>,
    /// Its place on the agenda.
    pub(super) due: Option<Slot>,
}

/// A row that keeps failing, while the row behind it is tried.
#[derive(Debug)]
struct SetAside {
    row: Waiting,
    progress: Progress,
}

/// A lane's place on the agenda: among answers or reminders, and when it is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) unsolicited: bool,
    pub(super) at: Instant,
}

/// The progress of a row. It is only in memory: after a crash the row starts again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Progress {
    /// The number of its requests that are done.
    pub(super) parts_done: usize,
    pub(super) form: Form,
    pub(super) as_new: bool,
    /// Whether it is sent outside of its topic, which is closed or gone.
    pub(super) outside_topic: bool,
}

impl Lane {
    /// Inserts a row and returns its place, or `None` if it is already here. Rows of one record are in the order of
    /// their ids, those of different records in the order of their arrival; the row being sent stays first.
    pub(super) fn insert(&mut self, row: Waiting) -> Option<usize> {
        if self.contains(row.id) {
            return None;
        }
        let is_later = |other: &RowId| other.chat == row.id.chat && *other > row.id;
        let mut above = self.ids.range((Excluded(row.id), Unbounded));
        let has_later = above.next().is_some_and(is_later);
        let place = has_later
            .then(|| self.rows.iter().position(|other| is_later(&other.id)))
            .flatten();
        let place = place.unwrap_or(self.rows.len()).max(self.begun_rows());
        self.ids.insert(row.id);
        self.rows.insert(place, row);
        Some(place)
    }

    pub(super) fn contains(&self, id: RowId) -> bool {
        self.ids.contains(&id)
    }

    /// The number of rows at the front that cannot be withdrawn: 1 if the first is being sent.
    fn begun_rows(&self) -> usize {
        let is_begun = self.in_flight || self.progress.parts_done > 0 || self.receipt.is_some();
        usize::from(is_begun && !self.rows.is_empty())
    }

    /// Removes the waiting rows of a record, except the one being sent.
    pub(super) fn drop_rows_of(&mut self, record: ChatId) -> Vec<Waiting> {
        let begun = self.begun_rows();
        let behind = self.rows.split_off(begun);
        let (mut dropped, kept): (Vec<_>, Vec<_>) =
            behind.into_iter().partition(|row| row.id.chat == record);
        self.rows.extend(kept);
        let of_record = |aside: &mut SetAside| aside.row.id.chat == record;
        let aside = self.set_aside.extract_if(.., of_record);
        dropped.extend(aside.map(|aside| aside.row));
        self.forget_ids(&dropped);
        dropped
    }

    /// Removes all rows except the one in flight.
    pub(super) fn drain_waiting(&mut self) -> Vec<Waiting> {
        let in_flight = usize::from(self.in_flight && !self.rows.is_empty());
        if in_flight == 0 {
            self.begin_anew();
        }
        let aside = self.set_aside.drain(..).map(|aside| aside.row);
        let drained: Vec<_> = aside.chain(self.rows.drain(in_flight..)).collect();
        self.forget_ids(&drained);
        drained
    }

    fn forget_ids(&mut self, rows: &[Waiting]) {
        for row in rows {
            self.ids.remove(&row.id);
        }
    }

    /// When its next message may be sent, or, if there is none, when the lane can be dropped.
    pub(super) fn due_at(&self, pace: &ChatPace, now: Instant) -> Slot {
        let limits = if self.rows.is_empty() {
            pace.forgotten_at(now)
        } else {
            pace.ready_at(now)
        };
        let held = self.held_until.map_or(limits, |held| held.max(limits));
        Slot {
            // An answer behind a reminder must not wait.
            unsolicited: self.rows.iter().all(|row| row.unsolicited),
            at: if self.may_probe(limits) { limits } else { held },
        }
    }

    /// Whether at that time the second row may be tried in place of the first.
    fn may_probe(&self, at: Instant) -> bool {
        let until = self.trouble().and_then(Trouble::probe_until);
        self.rows.len() > 1 && until.is_some_and(|until| at <= until)
    }

    fn trouble(&self) -> Option<&Trouble> {
        self.rows.front()?.trouble.as_deref()
    }

    /// Puts a first row that still has to wait aside, if the row behind it may be tried; otherwise the rows that were set
    /// aside come first again.
    pub(super) fn set_aside_or_put_back(&mut self, now: Instant) {
        let is_held = self.held_until.is_some_and(|until| until > now);
        if !is_held || !self.may_probe(now) {
            return self.put_back();
        }
        if let Some(row) = self.rows.pop_front() {
            let progress = self.progress;
            self.set_aside.push(SetAside { row, progress });
            self.begin_anew();
        }
    }

    /// Takes the rows that were set aside out of the lane, since the row behind them was answered.
    pub(super) fn take_set_aside(&mut self) -> Vec<Waiting> {
        let aside = self.set_aside.drain(..).map(|aside| aside.row);
        let taken: Vec<_> = aside.collect();
        self.forget_ids(&taken);
        if !taken.is_empty() {
            // It was the first of them that had to wait.
            self.held_until = None;
        }
        taken
    }

    /// Makes the rows that were set aside the first again.
    pub(super) fn put_back(&mut self) {
        for mut aside in self.set_aside.drain(..).rev() {
            if let Some(trouble) = &mut aside.row.trouble {
                trouble.end_probe();
            }
            self.rows.push_front(aside.row);
            (self.progress, self.receipt) = (aside.progress, None);
        }
    }

    /// Whether the first row is tried in place of others.
    pub(super) fn is_probing(&self) -> bool {
        !self.set_aside.is_empty()
    }

    /// Counts a failure of the first row's present request.
    pub(super) fn note_failure(
        &mut self,
        failure: Failure,
        fault: &str,
        tally: Tally,
        now: Instant,
    ) -> Option<&Trouble> {
        let trouble = &mut self.rows.front_mut()?.trouble;
        let trouble = trouble.get_or_insert_with(|| Box::new(Trouble::new(tally, now)));
        trouble.note(failure, fault, tally, now);
        Some(trouble)
    }

    /// Notes that the first row's present request was answered; whether it had failed before.
    pub(super) fn end_trouble(&mut self) -> bool {
        let first = self.rows.front_mut();
        first.is_some_and(|row| row.trouble.take().is_some())
    }

    /// How often the first row's present request timed out.
    pub(super) fn timeouts(&self) -> u32 {
        self.trouble().map_or(0, Trouble::timeouts)
    }

    /// Forgets what was done for the first row.
    fn begin_anew(&mut self) {
        self.progress = Progress::default();
        self.receipt = None;
    }

    pub(super) fn is_fresh(&self) -> bool {
        self.progress == Progress::default() && self.receipt.is_none()
    }

    /// Counts one request of the first row as done; whether it was the last of `parts`.
    pub(super) fn advance(&mut self, parts: usize) -> bool {
        self.end_trouble();
        self.progress.parts_done += 1;
        self.progress.parts_done >= parts
    }

    pub(super) fn finish_row(&mut self) -> Option<Waiting> {
        self.begin_anew();
        let row = self.rows.pop_front()?;
        self.ids.remove(&row.id);
        Some(row)
    }

    pub(super) fn hold_until(&mut self, until: Instant) {
        self.held_until = Some(until);
    }

    /// Counts a failure of the first row; returns its id and until when it waits, also across a restart.
    pub(super) fn postpone_first(
        &mut self,
        pause: Duration,
        time: Timestamp,
    ) -> Option<(RowId, Timestamp)> {
        let row = self.rows.front_mut()?;
        let pause = SignedDuration::try_from(pause).unwrap_or(SignedDuration::MAX);
        let until = time.checked_add(pause).unwrap_or(Timestamp::MAX);
        row.attempts = row.attempts.saturating_add(1);
        if let Some(body) = &mut row.body {
            body.postpone(until);
        }
        Some((row.id, until))
    }

    /// The failed attempts of the first row, also of earlier runs.
    pub(super) fn attempts(&self) -> u32 {
        self.rows.front().map_or(0, |row| row.attempts)
    }
}
