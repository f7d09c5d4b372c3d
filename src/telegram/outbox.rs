//! Sends committed rows: in order per address (a chat or one of its topics), addresses concurrently, within Telegram's
//! rate limits.
//!
//! One task holds a lane for every address that has rows waiting, or whose chat has rate limits in effect. A row may
//! take several requests, one after another. It leaves the store only after all of them, and its state is written after
//! Telegram's answer, within about 20 ms: a crash may send some messages twice and never loses one.
//!
//! Telegram offers no way to find out what was sent, and takes no key that would make a repeated request one message. So a
//! request that was not answered (a time-out, a connection that broke, an error of a proxy) may arrive twice, and this
//! cannot be ruled out without losing messages instead. It is kept rare: after a time-out the next attempt comes later
//! and waits longer for the answer, and the third time-out ends a reply while others are answered.
//!
//! A reply that fails again and again while others are answered, or that Telegram refuses, is kept as a dead letter and
//! the rows behind it are sent; `trouble` decides whose fault a failure is. A request that takes long leaves its place to
//! others, see `in_flight`.
//!
//! Answers are sent before reminders, and of consecutive edits of one message only the last is made. Telegram's answer
//! is passed as a receipt to the record that asked for it. `outgoing` renders replies, and `delivery` makes the
//! requests.

mod acks;
mod agenda;
mod attempt;
pub mod deliver;
mod in_flight;
mod lane;
mod letters;
mod trouble;
mod verdict;

#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};

use self::{
    acks::Acks,
    agenda::Agenda,
    attempt::{Attempt, AttemptResult, run_attempt},
    deliver::Deliver,
    in_flight::InFlight,
    lane::{ChatPace, Lane, Waiting},
    letters::{Letter, Letters, Written},
    trouble::{Failure, MAX_PAUSE, Tally},
    verdict::{ServerState, Verdict},
};
use super::{
    api::MAX_RETRY_AFTER,
    clock::Clock,
    gcra::Moment,
    rate_limit::{Rates, SlidingWindow},
    retry::growing_pause,
};
use crate::{
    assistant::Recipient,
    dialogue::{Address, Channel, ChatId, DeadLetter, Reply},
    metrics::{Metrics, OutboxMetrics},
    store::{OutboxRow, RowId, Store, StoreError},
};

/// Rows whose bodies are kept in memory, some kilobytes each; the bodies of further rows are read from the store when
/// they are due.
const BODIES_IN_MEMORY: usize = 1_000;

/// The pause before an unhealthy store is read again.
const RELOAD_RETRY_DELAY: Duration = Duration::from_secs(1);
const AGE_INTERVAL: Duration = Duration::from_secs(5);

enum Request {
    Rows(Vec<OutboxRow>),
    Reload,
    Stop { until: Instant },
}

/// Hands committed rows over to the sender.
#[derive(Clone)]
pub struct Outbox(mpsc::UnboundedSender<Request>);

impl Outbox {
    /// Sends rows that were committed.
    pub fn send(&self, rows: Vec<OutboxRow>) {
        if !rows.is_empty() {
            self.send_request(Request::Rows(rows));
        }
    }

    /// Reads the store again: a commit whose acknowledgement was lost may have left rows that were not handed over.
    pub fn reload(&self) {
        self.send_request(Request::Reload);
    }

    /// Stops the sender: it sends what it can until then, and the rest stays in the store.
    pub fn stop(&self, until: Instant) {
        self.send_request(Request::Stop { until });
    }

    fn send_request(&self, request: Request) {
        // If the sender has ended, the rows stay in the store and `serve` is ending as well.
        let _ = self.0.send(request);
    }
}

fn count_verdict(metrics: &OutboxMetrics, verdict: &Verdict) {
    let counter = match verdict {
        Verdict::Done => &metrics.sent,
        Verdict::Refused(_) => &metrics.refused,
        Verdict::Wait(_) => &metrics.held,
        Verdict::Again | Verdict::TimedOut | Verdict::NotKept => &metrics.failed,
        Verdict::ChatGone => &metrics.gone,
        Verdict::AsNew | Verdict::OutsideTopic | Verdict::Plainer(_) | Verdict::Moved { .. } => {
            return;
        }
    };
    counter.inc();
}

/// Whether the person who waits for a reply may be told that it could not be sent: nobody is told about a reminder or such a
/// notice, and not in the chats of others.
fn may_be_told(row: &OutboxRow) -> bool {
    !row.reply.unsolicited && row.to.chat == row.id.chat
}

/// Whether a reply only edits a message that the next reply edits again.
fn is_replaced_by(reply: &Reply, next: &Reply) -> bool {
    let only_edits =
        reply.deletes.is_none() && reply.attachment.is_none() && reply.downloads.is_none();
    only_edits && reply.replaces.is_some() && reply.replaces == next.replaces
}

/// The task that sends rows; see [`OutboxSender::run`].
pub struct OutboxSender<D> {
    deliver: D,
    store: Arc<dyn Store>,
    clock: Clock,
    bot: Arc<str>,
    rates: Rates,
    overall: SlidingWindow,
    lanes: HashMap<Address, Lane>,
    /// The rate limits of each chat that has a lane.
    paces: HashMap<ChatId, ChatPace>,
    /// Moved groups and their new ids. Rows that other records sent there keep the old id in the store.
    moved: HashMap<ChatId, ChatId>,
    /// When each lane is due. A lane in flight is not on it; an empty lane is due when its rate limits have no effect
    /// any more. A chat may not be ready when its lane is due, because another of its lanes used its limits.
    agenda: Agenda,
    /// The number of rows whose bodies are in memory.
    bodies: usize,
    in_flight: InFlight,
    tally: Tally,
    requests: mpsc::UnboundedReceiver<Request>,
    stop_at: Option<Instant>,
    acks: Acks,
    letters: Letters,
    metrics: Arc<Metrics>,
    age_measured: Option<Instant>,
    /// When to read the store again, if it was unhealthy.
    reload_at: Option<Instant>,
}

impl<D: Deliver> OutboxSender<D> {
    /// A sender of the rows in the store and of those its [`Outbox`] is given.
    ///
    /// # Errors
    /// The outbox could not be read from the store.
    pub fn new(
        deliver: D,
        store: Arc<dyn Store>,
        clock: Clock,
        bot: &str,
        rates: Rates,
    ) -> Result<(Self, Outbox), StoreError> {
        let (outbox, requests) = mpsc::unbounded_channel();
        let waiting = store.outbox()?;
        let mut sender = Self {
            metrics: deliver.metrics(),
            deliver,
            acks: Acks::new(store.clone()),
            letters: Letters::default(),
            store,
            clock,
            bot: bot.into(),
            rates,
            overall: SlidingWindow::overall(rates),
            lanes: HashMap::new(),
            paces: HashMap::new(),
            moved: HashMap::new(),
            agenda: Agenda::default(),
            bodies: 0,
            in_flight: InFlight::default(),
            tally: Tally::default(),
            requests,
            stop_at: None,
            age_measured: None,
            reload_at: None,
        };
        sender.insert_rows(waiting, Instant::now());
        Ok((sender, Outbox(outbox)))
    }

    /// Sends until it is stopped or every [`Outbox`] is dropped.
    pub async fn run(mut self) {
        loop {
            let now = Instant::now();
            self.start_due(now);
            self.acks.start(now);
            self.letters.start(&self.deliver, now);
            self.measure_age(now);
            if self.reload_at.is_some_and(|at| at <= now) {
                self.reload(now);
            }
            if self.has_ended(now) {
                break;
            }
            let wake = self.next_wake(now);
            tokio::select! {
                request = self.requests.recv(), if self.stop_at.is_none() => self.handle_request(request),
                Some(result) = self.in_flight.next() => self.finish_attempt(result, Instant::now()),
                () = self.acks.wait_answer(), if self.acks.is_in_flight() => {}
                written = self.letters.wait_written(), if self.letters.is_in_flight() => self.finish_letter(written),
                () = sleep_until(wake.unwrap_or(now)), if wake.is_some() => {}
            }
        }
        for row in self.letters.finish(&self.deliver).await {
            self.acks.push_done(row);
        }
        self.acks.finish().await;
    }

    fn handle_request(&mut self, request: Option<Request>) {
        let now = Instant::now();
        match request {
            Some(Request::Rows(rows)) => self.accept_rows(rows, now),
            Some(Request::Reload) => self.reload(now),
            Some(Request::Stop { until }) => self.stop_at = Some(until),
            None => self.stop_at = Some(now),
        }
    }

    /// Reads the store again once it is healthy: before that it may show rows it did not persist.
    fn reload(&mut self, now: Instant) {
        self.reload_at = self
            .store
            .health()
            .is_err()
            .then(|| now.plus(RELOAD_RETRY_DELAY));
        if self.reload_at.is_some() {
            return;
        }
        match self.store.outbox() {
            Ok(rows) => self.accept_rows(rows, now),
            Err(error) => tracing::error!(%error, "the outbox could not be read again"),
        }
    }

    /// Accepts committed rows. The waiting rows of a forgotten record are dropped.
    fn accept_rows(&mut self, rows: Vec<OutboxRow>, now: Instant) {
        let is_new_farewell = |row: &&OutboxRow| row.id.is_farewell() && !self.has_done(&row.id);
        let farewells: Vec<_> = rows.iter().filter(is_new_farewell).collect();
        for row in farewells {
            let lane = self.lanes.get(&self.address_of(row));
            if !lane.is_some_and(|lane| lane.contains(row.id)) {
                self.drop_rows_of(row.id.chat, now);
            }
        }
        self.insert_rows(rows, now);
    }

    /// Puts rows for Telegram into their lanes, each once.
    fn insert_rows(&mut self, rows: Vec<OutboxRow>, now: Instant) {
        let mut changed = HashSet::new();
        for row in rows {
            match row.to.channel {
                Channel::Telegram if !self.has_done(&row.id) => {
                    changed.extend(self.insert_row(row, now));
                }
                Channel::Telegram | Channel::Terminal => {}
            }
        }
        for address in changed {
            self.schedule(address, now);
        }
    }

    /// Puts a row into its lane; returns the address of the lane if the row is new there.
    fn insert_row(&mut self, row: OutboxRow, now: Instant) -> Option<Address> {
        let (address, not_before) = (self.address_of(&row), row.not_before);
        let with_body = self.bodies < BODIES_IN_MEMORY;
        let waiting = Waiting::new(row, with_body);
        let place = self.lane_or_insert(address, now).insert(waiting)?;
        self.count_waiting(1, with_body, &[]);
        let pace = self.paces.get_mut(&address.chat);
        if let (0, Some(until), Some(pace)) = (place, not_before, pace) {
            // Postponed by an earlier run, whose clock may have been ahead.
            let pause = until.time_since((self.clock)()).min(MAX_RETRY_AFTER);
            pace.hold_until(now.plus(pause));
        }
        Some(address)
    }

    /// The address of a row, with the new id if its group has moved.
    fn address_of(&self, row: &OutboxRow) -> Address {
        let moved = self.moved.get(&row.to.chat);
        let moved = moved.filter(|_| row.to.chat != row.id.chat);
        moved.map_or(row.to, |to| Address::telegram(*to).in_topic(row.to.thread))
    }

    /// Drops the waiting rows of a forgotten record from all lanes; they have left the store already.
    fn drop_rows_of(&mut self, record: ChatId, now: Instant) {
        let (mut dropped, mut changed) = (Vec::new(), Vec::new());
        for (address, lane) in &mut self.lanes {
            let rows = lane.drop_rows_of(record);
            if !rows.is_empty() {
                changed.push(*address);
                dropped.extend(rows);
            }
        }
        self.count_waiting(0, false, &dropped);
        for address in changed {
            self.schedule(address, now);
        }
    }

    fn lane_or_insert(&mut self, address: Address, now: Instant) -> &mut Lane {
        let (chat, rates) = (address.chat, self.rates);
        self.lanes.entry(address).or_insert_with(|| {
            let pace = self.paces.entry(chat);
            let pace = pace.or_insert_with(|| ChatPace::new(chat, rates, now));
            pace.topics.insert(address.thread);
            Lane::default()
        })
    }

    /// Drops a lane, and with the last lane the pace of its chat.
    fn remove_lane(&mut self, address: Address) {
        self.lanes.remove(&address);
        if let Some(pace) = self.paces.get_mut(&address.chat) {
            pace.topics.remove(&address.thread);
            if pace.topics.is_empty() {
                self.paces.remove(&address.chat);
            }
        }
    }

    /// The addresses of a chat that have a lane.
    fn addresses(&self, chat: ChatId) -> Vec<Address> {
        let topics = self.paces.get(&chat).map(|pace| &pace.topics);
        let topics = topics.into_iter().flatten();
        topics
            .map(|thread| Address::telegram(chat).in_topic(*thread))
            .collect()
    }

    /// Updates the place of a lane on the agenda.
    fn schedule(&mut self, address: Address, now: Instant) {
        let lane = self.lanes.get_mut(&address);
        let (Some(lane), Some(pace)) = (lane, self.paces.get(&address.chat)) else {
            return;
        };
        if let Some(slot) = lane.due.take() {
            let lanes = self.agenda.lanes_of(slot.unsolicited);
            lanes.remove(&(slot.at, address));
        }
        if !lane.in_flight {
            let slot = lane.due_at(pace, now);
            lane.due = Some(slot);
            let lanes = self.agenda.lanes_of(slot.unsolicited);
            lanes.insert((slot.at, address));
        }
    }

    /// Starts lanes that are due, the longest waiting first.
    fn start_due(&mut self, now: Instant) {
        while self.in_flight.has_room(now) && self.overall.ready_at(now) <= now {
            let Some(address) = self.agenda.pop_due(now) else {
                return;
            };
            self.start_lane(address, now);
        }
    }

    /// Sends the next message of a lane. An empty lane is dropped when it is due.
    fn start_lane(&mut self, address: Address, now: Instant) {
        let lane = self.lanes.get_mut(&address);
        let (Some(lane), Some(pace)) = (lane, self.paces.get(&address.chat)) else {
            return;
        };
        lane.due = None;
        if lane.due_at(pace, now).at > now {
            return self.schedule(address, now);
        }
        lane.set_aside_or_put_back(now);
        if lane.rows.is_empty() {
            return self.remove_lane(address);
        }
        match self.next_row(address) {
            Ok(Some(row)) => return self.start_attempt(address, row, now),
            Ok(None) => self.put_back(address),
            Err(error) => {
                tracing::error!(chat = %address.chat, %error, "a row could not be read; this chat waits");
                self.put_back(address);
                self.hold_longer(address, now);
            }
        }
        self.schedule(address, now);
    }

    /// Makes a row that was set aside the first of its lane again.
    fn put_back(&mut self, address: Address) {
        if let Some(lane) = self.lanes.get_mut(&address) {
            lane.put_back();
        }
    }

    fn start_attempt(&mut self, address: Address, row: OutboxRow, now: Instant) {
        let lane = self.lanes.get_mut(&address);
        let (Some(lane), Some(pace)) = (lane, self.paces.get_mut(&address.chat)) else {
            return;
        };
        lane.in_flight = true;
        pace.limits.take(now);
        self.overall.take(now);
        let attempt = Attempt {
            address,
            row,
            progress: lane.progress,
            receipt: lane.receipt.take(),
            timeouts: lane.timeouts(),
            bot: self.bot.clone(),
        };
        let running = run_attempt(self.deliver.clone(), attempt);
        self.in_flight.push(address, running, now);
    }

    /// The next row of a lane. Rows that have become pointless are removed on the way: those that left the store, and
    /// edits that the next row replaces.
    fn next_row(&mut self, address: Address) -> Result<Option<OutboxRow>, StoreError> {
        while let Some(lane) = self.lanes.get(&address) {
            let Some(first) = lane.rows.front() else {
                return Ok(None);
            };
            let Some(row) = self.load_body(first)? else {
                // The chat was forgotten in the meantime.
                self.pop_row(address);
                continue;
            };
            let behind = lane.rows.get(1).filter(|_| lane.is_fresh());
            let behind = behind
                .map(|behind| self.load_body(behind))
                .transpose()?
                .flatten();
            if behind.is_some_and(|behind| is_replaced_by(&row.reply, &behind.reply)) {
                self.finish_row(address);
                continue;
            }
            return Ok(Some(row));
        }
        Ok(None)
    }

    /// The body of a row; `None` if the row has left the store or is damaged.
    fn load_body(&self, row: &Waiting) -> Result<Option<OutboxRow>, StoreError> {
        if let Some(body) = &row.body {
            return Ok(Some((**body).clone()));
        }
        match self.store.row(row.id) {
            Err(error @ StoreError::Damaged(_)) => {
                // A damaged row must not block those behind it; `store verify` names it.
                tracing::error!(%error, "a row in the store is damaged and cannot be sent");
                Ok(None)
            }
            read => read,
        }
    }

    /// When the loop has to wake up by itself.
    fn next_wake(&self, now: Instant) -> Option<Instant> {
        let next = self.agenda.next_at().zip(self.in_flight.room_at(now));
        let next = next.map(|(due, room)| due.max(room).max(self.overall.ready_at(now)));
        let written = [self.acks.due_at(), self.letters.due_at()];
        [next, self.stop_at, self.reload_at]
            .into_iter()
            .chain(written)
            .flatten()
            .min()
    }

    /// Whether a stop was requested and nothing more can be sent in time.
    fn has_ended(&self, now: Instant) -> bool {
        let Some(until) = self.stop_at else {
            return false;
        };
        let mut in_time = self.agenda.due_before(until);
        let has_rows = |address| {
            self.lanes
                .get(&address)
                .is_some_and(|lane| !lane.rows.is_empty())
        };
        now >= until || (self.in_flight.is_empty() && !in_time.any(has_rows))
    }

    /// Applies the verdict of an attempt.
    fn finish_attempt(&mut self, mut result: AttemptResult, now: Instant) {
        let address = result.address;
        count_verdict(&self.metrics.outbox, &result.verdict);
        let state = result.verdict.server_state();
        let Some(lane) = self.lanes.get_mut(&address) else {
            return;
        };
        lane.in_flight = false;
        lane.receipt = result.receipt.take();
        if lane.is_probing() && self.end_probe(state, &result, now) {
            return self.schedule(address, now);
        }
        let Some(lane) = self.lanes.get_mut(&address) else {
            return;
        };
        if state == ServerState::Answers {
            self.tally.note_answer(lane.end_trouble());
        }
        self.apply_verdict(&result, now);
        self.accept_rows(result.rows, now);
        self.schedule(address, now);
    }

    fn apply_verdict(&mut self, result: &AttemptResult, now: Instant) {
        let address = result.address;
        let Some(lane) = self.lanes.get_mut(&address) else {
            return;
        };
        match &result.verdict {
            Verdict::Done => {
                if lane.advance(result.parts) {
                    self.finish_row(address);
                }
            }
            Verdict::Refused(refusal) => {
                let fault = format!("{}; {}", result.fault, refusal.repair());
                let tells = refusal.permits_others() && result.kind.is_awaited();
                self.give_up_part(result, tells, &fault);
            }
            Verdict::AsNew => lane.progress.as_new = true,
            Verdict::OutsideTopic => {
                // A message in the topic cannot be edited either.
                lane.progress.outside_topic = true;
                lane.progress.as_new = true;
            }
            Verdict::Plainer(form) => lane.progress.form = *form,
            Verdict::Moved { to } => {
                self.move_chat(address.chat, *to, now);
                self.reload(now);
            }
            Verdict::Wait(pause) => self.hold_chat(address, *pause, now),
            Verdict::Again => self.note_failure(result, Failure::Failed, now),
            Verdict::TimedOut => self.note_failure(result, Failure::TimedOut, now),
            Verdict::NotKept => {
                self.hold_longer(address, now);
                // The receipt may have been committed all the same, and the rows of that commit were not handed over.
                self.reload(now);
            }
            Verdict::ChatGone => self.finish_chat(address.chat),
        }
    }

    /// Ends the trial of a row in place of those before it. Either the server answers, and those before it are given up; or
    /// they come first again, unless the row behind this one may be tried as well. Returns whether the lane has to wait.
    fn end_probe(&mut self, state: ServerState, result: &AttemptResult, now: Instant) -> bool {
        let Some(lane) = self.lanes.get_mut(&result.address) else {
            return false;
        };
        match state {
            ServerState::Answers => {
                for row in lane.take_set_aside() {
                    self.give_up_row(row);
                }
                false
            }
            ServerState::Fails(failure) => {
                lane.note_failure(failure, &result.fault, self.tally, now);
                true
            }
            ServerState::Unknown => {
                lane.put_back();
                false
            }
        }
    }

    /// Pauses an address whose request failed, or gives up that part of its reply.
    fn note_failure(&mut self, result: &AttemptResult, failure: Failure, now: Instant) {
        let address = result.address;
        let Some(lane) = self.lanes.get_mut(&address) else {
            return;
        };
        let attempts = lane.attempts();
        let Some(trouble) = lane.note_failure(failure, &result.fault, self.tally, now) else {
            return;
        };
        if trouble.is_the_replys(now) {
            let fault = trouble.describe();
            let tells = result.kind.is_awaited() && trouble.timeouts() == 0;
            return self.give_up_part(result, tells, &fault);
        }
        let pause = trouble.pause_after(failure, attempts);
        lane.hold_until(now.plus(pause));
        self.postpone_first(address, pause);
    }

    /// Keeps a part of the first row as a dead letter, and goes on with the next. `tells` says whether the person is told.
    fn give_up_part(&mut self, result: &AttemptResult, tells: bool, fault: &str) {
        let address = result.address;
        let Some(lane) = self.lanes.get_mut(&address) else {
            return;
        };
        let is_last = lane.advance(result.parts);
        let Some(first) = self.lanes.get(&address).and_then(|lane| lane.rows.front()) else {
            return;
        };
        let letter = self.letter_about(first, is_last, tells, fault);
        self.keep_letter(letter);
        if is_last {
            self.pop_row(address);
        }
    }

    /// Keeps a row that is in no lane any more as a dead letter.
    fn give_up_row(&mut self, row: Waiting) {
        let letter = self.letter_about(&row, true, !row.may_have_arrived(), &row.fault());
        self.keep_letter(letter);
        self.count_waiting(0, false, &[row]);
    }

    /// The dead letter about a row, or a part of it. `tells` says whether the person is told.
    fn letter_about(&self, row: &Waiting, ends: bool, tells: bool, fault: &str) -> Letter {
        let time = (self.clock)();
        // A row that cannot be read is given up all the same.
        let body = self.load_body(row).ok().flatten();
        let told = body.as_ref().filter(|body| tells && may_be_told(body));
        Letter {
            record: row.id.chat,
            ended: ends.then_some(row.id),
            tell: told.map(|body| Recipient {
                to: body.to,
                reply_to: body.reply_to,
            }),
            letter: DeadLetter::for_reply(body.as_ref().map(|body| &body.reply), fault, time),
        }
    }

    fn keep_letter(&mut self, letter: Letter) {
        self.metrics.outbox.given_up.inc();
        tracing::error!(chat = %letter.record, fault = letter.letter.fault, "a reply is given up; it is kept: `unbind-bot store dead-letters`");
        self.letters.push(letter);
    }

    /// Whether a row is done while the store may still contain it.
    fn has_done(&self, row: &RowId) -> bool {
        self.acks.has_done(row) || self.letters.has_ended(row)
    }

    /// Notes a dead letter that is in the store.
    fn finish_letter(&mut self, written: Option<Written>) {
        let Some(Written { ended, rows }) = written else {
            return;
        };
        if let Some(row) = ended {
            self.acks.push_done(row);
        }
        self.accept_rows(rows, Instant::now());
    }

    fn finish_row(&mut self, address: Address) {
        if let Some(row) = self.pop_row(address) {
            self.acks.push_done(row);
        }
    }

    /// Removes the first row of a lane.
    fn pop_row(&mut self, address: Address) -> Option<RowId> {
        let row = self.lanes.get_mut(&address)?.finish_row()?;
        let id = row.id;
        self.count_waiting(0, false, &[row]);
        Some(id)
    }

    /// Counts rows that were inserted and rows that were removed.
    fn count_waiting(&mut self, came: i64, with_body: bool, went: &[Waiting]) {
        self.bodies += usize::from(with_body);
        self.bodies -= went.iter().filter(|row| row.body.is_some()).count();
        let waiting = &self.metrics.outbox.waiting;
        waiting.inc_by(came);
        waiting.dec_by(i64::try_from(went.len()).unwrap_or(i64::MAX));
    }

    /// Measures the age of the oldest row, every [`AGE_INTERVAL`].
    fn measure_age(&mut self, now: Instant) {
        if self
            .age_measured
            .is_some_and(|at| now < at.plus(AGE_INTERVAL))
        {
            return;
        }
        self.age_measured = Some(now);
        let fronts = self.lanes.values().filter_map(|lane| lane.rows.front());
        let oldest = fronts.map(|row| row.created.as_second()).min();
        self.metrics.outbox.oldest.set(oldest.unwrap_or_default());
    }

    /// Removes the waiting rows of a chat from all its lanes, except those in flight.
    fn drain_chat(&mut self, chat: ChatId) -> Vec<(Address, Waiting)> {
        let mut drained = Vec::new();
        for address in self.addresses(chat) {
            if let Some(lane) = self.lanes.get_mut(&address) {
                drained.extend(lane.drain_waiting().into_iter().map(|row| (address, row)));
            }
        }
        drained
    }

    /// Moves the rows of a group to its new id. The rows of its own record have other ids in the store now and come
    /// with a reload; those of other records keep their ids.
    fn move_chat(&mut self, from: ChatId, to: ChatId, now: Instant) {
        self.moved.insert(from, to);
        for (address, row) in self.drain_chat(from) {
            let moved = Address::telegram(to).in_topic(address.thread);
            // A reload may have put the row into the new lane already.
            let is_known = self.lane_or_insert(moved, now).contains(row.id);
            if row.id.chat == from || is_known {
                self.count_waiting(0, false, &[row]);
            } else {
                self.lane_or_insert(moved, now).insert(row);
            }
            self.schedule(moved, now);
        }
    }

    /// Drops the rows of a chat that cannot be reached any more.
    fn finish_chat(&mut self, chat: ChatId) {
        for (_, row) in self.drain_chat(chat) {
            self.acks.push_done(row.id);
            self.count_waiting(0, false, &[row]);
        }
    }

    /// Pauses an address, longer with each failure of its first row.
    fn hold_longer(&mut self, address: Address, now: Instant) {
        let Some(lane) = self.lanes.get_mut(&address) else {
            return;
        };
        let pause = growing_pause(lane.attempts().saturating_add(1), MAX_PAUSE);
        lane.hold_until(now.plus(pause));
        self.postpone_first(address, pause);
    }

    /// Pauses a whole chat, as Telegram asked.
    fn hold_chat(&mut self, address: Address, pause: Duration, now: Instant) {
        if let Some(pace) = self.paces.get_mut(&address.chat) {
            pace.hold_until(now.plus(pause));
        }
        self.postpone_first(address, pause);
    }

    /// Stores the pause of the first row, so that it holds across a restart.
    fn postpone_first(&mut self, address: Address, pause: Duration) {
        let time = (self.clock)();
        let lane = self.lanes.get_mut(&address);
        if let Some((row, until)) = lane.and_then(|lane| lane.postpone_first(pause, time)) {
            self.acks.push_later(row, until);
        }
    }
}
