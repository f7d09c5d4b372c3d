//! Sends what was committed, in order within an address (a chat or one of its topics), addresses side by side, no faster
//! than Telegram allows a chat to be sent something.
//!
//! One task holds a lane for every address that has something waiting (or whose chat was sent something a moment ago, for
//! the limits). A row may take several requests, one after another. It leaves the store only after all of them, and the
//! store is told after Telegram: killed in between, the bot says some twice, never not at all. That is rare, since the
//! store is told within a fiftieth of a second, and cannot be avoided: Telegram has no way to ask what it was sent.
//!
//! Answers go before reminders, and of several edits of one message only the last is made. What Telegram answers goes to
//! the record that asked, as a receipt. How a reply looks is left to `outgoing`, the requests to `delivery`.

mod acks;
mod agenda;
mod attempt;
pub mod deliver;
mod lane;
mod verdict;

#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use futures::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};

use self::{
    acks::Acks,
    agenda::Agenda,
    attempt::{Attempted, Task, attempt},
    deliver::Deliver,
    lane::{ChatPace, Lane, Waiting},
    verdict::Verdict,
};
use super::{
    clock::Clock,
    rate_limit::{Rates, Window},
    retry::growing_pause,
};
use crate::{
    dialogue::{Address, Channel, ChatId, Reply},
    metrics::{Metrics, OutboxMetrics},
    store::{OutboxRow, RowId, Store, StoreError},
};

/// Requests under way at once. At 30 messages a second, answered in 0.1 s, three are; the rest is for those that hang.
const MAX_IN_FLIGHT: usize = 64;
/// A server that is down is asked again no less often than this.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Rows kept in memory with all they say, some kilobytes each; more are read from the store when it is their turn.
const BODIES_IN_MEMORY: usize = 1_000;

/// Between two attempts to read a store that was unwell.
const RELOAD_PAUSE: Duration = Duration::from_secs(1);
/// How often the age of the oldest row is measured.
const AGE_INTERVAL: Duration = Duration::from_secs(5);

/// What the sender is told.
enum Request {
    Rows(Vec<OutboxRow>),
    Reload,
    Stop { until: Instant },
}

/// Where committed rows are handed over to be sent.
#[derive(Clone)]
pub struct Outbox(mpsc::UnboundedSender<Request>);

impl Outbox {
    /// These rows were committed.
    pub fn send(&self, rows: Vec<OutboxRow>) {
        if !rows.is_empty() {
            self.send_request(Request::Rows(rows));
        }
    }

    /// The store may have rows that were not handed over: a commit may have succeeded without saying so.
    pub fn reload(&self) {
        self.send_request(Request::Reload);
    }

    /// Nothing new will come; what can be sent until then is sent, the rest stays in the store.
    pub fn stop(&self, until: Instant) {
        self.send_request(Request::Stop { until });
    }

    fn send_request(&self, request: Request) {
        // Without a sender the rows stay in the store, and `serve` is ending already.
        let _ = self.0.send(request);
    }
}

fn count_verdict(metrics: &OutboxMetrics, verdict: &Verdict) {
    let counter = match verdict {
        Verdict::Done => &metrics.sent,
        Verdict::Refused => &metrics.refused,
        Verdict::Wait(_) => &metrics.held,
        Verdict::Again | Verdict::NotKept => &metrics.failed,
        Verdict::ChatGone => &metrics.gone,
        Verdict::AsNew | Verdict::OutsideTopic | Verdict::Plainer(_) | Verdict::Moved { .. } => {
            return;
        }
    };
    counter.inc();
}

/// Whether a reply only gives a message a look that the next one changes.
fn is_replaced_by(reply: &Reply, next: &Reply) -> bool {
    let only_edits =
        reply.deletes.is_none() && reply.attachment.is_none() && reply.downloads.is_none();
    only_edits && reply.replaces.is_some() && reply.replaces == next.replaces
}

/// The sender; [`Sender::run`] sends.
pub struct Sender<D> {
    deliver: D,
    store: Arc<dyn Store>,
    clock: Clock,
    bot: Arc<str>,
    rates: Rates,
    overall: Window,
    lanes: HashMap<Address, Lane>,
    /// The limits of each chat that has a lane.
    paces: HashMap<ChatId, ChatPace>,
    /// Groups with another id, for the rows that other records sent there: those keep the old id in the store.
    moved: HashMap<ChatId, ChatId>,
    /// Which lane may go when; a lane in flight is not on it, an empty one stands where its limits are forgotten. A chat
    /// may not be ready yet when its lane is due: another of its lanes may have used its limits.
    agenda: Agenda,
    /// Rows in lanes that have their bodies.
    bodies: usize,
    in_flight: FuturesUnordered<BoxFuture<'static, Attempted>>,
    requests: mpsc::UnboundedReceiver<Request>,
    stop_at: Option<Instant>,
    acks: Acks,
    metrics: Arc<Metrics>,
    /// When the age of the oldest row was last measured.
    age_measured: Option<Instant>,
    /// When to read the store again, if that is wanted and it was unwell.
    reload_at: Option<Instant>,
}

impl<D: Deliver> Sender<D> {
    /// A sender of what the store holds and of what its [`Outbox`] is given.
    ///
    /// # Errors
    /// The store cannot say what is to be sent.
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
            store,
            clock,
            bot: bot.into(),
            rates,
            overall: Window::overall(rates),
            lanes: HashMap::new(),
            paces: HashMap::new(),
            moved: HashMap::new(),
            agenda: Agenda::default(),
            bodies: 0,
            in_flight: FuturesUnordered::new(),
            requests,
            stop_at: None,
            age_measured: None,
            reload_at: None,
        };
        sender.insert_rows(waiting, Instant::now());
        Ok((sender, Outbox(outbox)))
    }

    /// Sends until it is told to stop, or every [`Outbox`] is gone.
    pub async fn run(mut self) {
        loop {
            let now = Instant::now();
            self.start_due(now);
            self.acks.start(now);
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
                Some(attempted) = self.in_flight.next() => self.finish_attempt(attempted, Instant::now()),
                () = self.acks.wait_answer(), if self.acks.is_under_way() => {}
                () = sleep_until(wake.unwrap_or(now)), if wake.is_some() => {}
            }
        }
        self.acks.finish().await;
    }

    fn handle_request(&mut self, request: Option<Request>) {
        let now = Instant::now();
        match request {
            Some(Request::Rows(rows)) => self.accept(rows, now),
            Some(Request::Reload) => self.reload(now),
            Some(Request::Stop { until }) => self.stop_at = Some(until),
            None => self.stop_at = Some(now),
        }
    }

    /// Reads the store again, as soon as it is well: before that it may show what it did not keep.
    fn reload(&mut self, now: Instant) {
        self.reload_at = self.store.health().is_err().then(|| now + RELOAD_PAUSE);
        if self.reload_at.is_some() {
            return;
        }
        match self.store.outbox() {
            Ok(rows) => self.accept(rows, now),
            Err(error) => tracing::error!(%error, "the outbox could not be read again"),
        }
    }

    /// Takes rows that were committed. What a forgotten record had waiting is not sent any more.
    fn accept(&mut self, rows: Vec<OutboxRow>, now: Instant) {
        for row in rows.iter().filter(|row| row.id.is_farewell()) {
            let lane = self.lanes.get(&self.address_of(row));
            if !lane.is_some_and(|lane| lane.contains(row.id)) {
                self.drop_rows_of(row.id.chat, now);
            }
        }
        self.insert_rows(rows, now);
    }

    /// Puts the rows that go to Telegram in their lanes, each once.
    fn insert_rows(&mut self, rows: Vec<OutboxRow>, now: Instant) {
        let mut changed = HashSet::new();
        for row in rows {
            match row.to.channel {
                Channel::Telegram if !self.acks.has_done(&row.id) => {
                    changed.extend(self.insert_row(row, now));
                }
                Channel::Telegram | Channel::Terminal => {}
            }
        }
        for address in changed {
            self.schedule(address, now);
        }
    }

    /// Puts a row in its lane; the address of the lane, if the row is new there.
    fn insert_row(&mut self, row: OutboxRow, now: Instant) -> Option<Address> {
        let (address, not_before) = (self.address_of(&row), row.not_before);
        let with_body = self.bodies < BODIES_IN_MEMORY;
        let waiting = Waiting::new(row, with_body);
        let place = self.lane(address, now).insert(waiting)?;
        self.count_waiting(1, with_body, &[]);
        let pace = self.paces.get_mut(&address.chat);
        if let (0, Some(until), Some(pace)) = (place, not_before, pace) {
            // Held back by the run before this one.
            let pause = until.duration_since((self.clock)());
            pace.hold(now + Duration::try_from(pause).unwrap_or_default());
        }
        Some(address)
    }

    /// Where a row goes, also if that group has another id now.
    fn address_of(&self, row: &OutboxRow) -> Address {
        let moved = self.moved.get(&row.to.chat);
        let moved = moved.filter(|_| row.to.chat != row.id.chat);
        moved.map_or(row.to, |to| Address::chat(*to).in_topic(row.to.thread))
    }

    /// Takes out what a forgotten record has waiting anywhere: the store has forgotten it already.
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

    /// The lane of an address, made if there is none.
    fn lane(&mut self, address: Address, now: Instant) -> &mut Lane {
        let (chat, rates) = (address.chat, self.rates);
        self.lanes.entry(address).or_insert_with(|| {
            let pace = self.paces.entry(chat);
            let pace = pace.or_insert_with(|| ChatPace::new(chat, rates, now));
            pace.topics.insert(address.thread);
            Lane::default()
        })
    }

    /// Drops a lane, and the pace of its chat with the last one.
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
            .map(|thread| Address::chat(chat).in_topic(*thread))
            .collect()
    }

    /// Puts a lane on the agenda where it belongs now.
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

    /// Sends what is due, the longest waiting first.
    fn start_due(&mut self, now: Instant) {
        while self.in_flight.len() < MAX_IN_FLIGHT && self.overall.ready_at(now) <= now {
            let Some(address) = self.agenda.pop_due(now) else {
                return;
            };
            self.start(address, now);
        }
    }

    /// Sends the next message of a lane. A lane with nothing to send is dropped when it is due.
    fn start(&mut self, address: Address, now: Instant) {
        let lane = self.lanes.get_mut(&address);
        let (Some(lane), Some(pace)) = (lane, self.paces.get(&address.chat)) else {
            return;
        };
        lane.due = None;
        if lane.due_at(pace, now).at > now {
            return self.schedule(address, now);
        }
        if lane.rows.is_empty() {
            return self.remove_lane(address);
        }
        match self.next_row(address) {
            Ok(Some(row)) => self.start_attempt(address, row, now),
            Ok(None) => self.schedule(address, now),
            Err(error) => {
                tracing::error!(chat = %address.chat, %error, "a reply could not be read; this chat waits");
                self.hold_longer(address, now);
                self.schedule(address, now);
            }
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
        let task = Task {
            address,
            row,
            progress: lane.progress,
            receipt: lane.receipt.take(),
            bot: self.bot.clone(),
        };
        let attempt = attempt(self.deliver.clone(), task);
        self.in_flight.push(attempt.boxed());
    }

    /// The row a lane goes on with. On the way, rows that have become pointless are taken out: the store does not have
    /// them any more, or what they show is replaced by the row behind them.
    fn next_row(&mut self, address: Address) -> Result<Option<OutboxRow>, StoreError> {
        while let Some(lane) = self.lanes.get(&address) {
            let Some(first) = lane.rows.front() else {
                return Ok(None);
            };
            let Some(row) = self.body(first)? else {
                // The chat was forgotten meanwhile.
                self.take_out(address);
                continue;
            };
            let behind = lane.rows.get(1).filter(|_| lane.is_fresh());
            let behind = behind
                .map(|behind| self.body(behind))
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

    /// What a row says; `None` if the store does not have it any more, or cannot read it.
    fn body(&self, row: &Waiting) -> Result<Option<OutboxRow>, StoreError> {
        if let Some(body) = &row.body {
            return Ok(Some((**body).clone()));
        }
        match self.store.row(row.id) {
            Err(error @ StoreError::Damaged(_)) => {
                // It must not keep those behind it from being sent; `verify` names it.
                tracing::error!(%error, "a reply in the store cannot be sent");
                Ok(None)
            }
            read => read,
        }
    }

    /// When something has to be done without anything having happened.
    fn next_wake(&self, now: Instant) -> Option<Instant> {
        let free = self.in_flight.len() < MAX_IN_FLIGHT;
        let next = self.agenda.next_at().filter(|_| free);
        let next = next.map(|due| due.max(self.overall.ready_at(now)));
        [next, self.acks.due_at(), self.stop_at, self.reload_at]
            .into_iter()
            .flatten()
            .min()
    }

    /// Whether it was told to stop and nothing more can be sent in time.
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

    /// Does what an attempt's verdict asks for.
    fn finish_attempt(&mut self, attempted: Attempted, now: Instant) {
        let address = attempted.address;
        let Some(lane) = self.lanes.get_mut(&address) else {
            return;
        };
        lane.in_flight = false;
        lane.receipt = attempted.receipt;
        count_verdict(&self.metrics.outbox, &attempted.verdict);
        match attempted.verdict {
            Verdict::Done | Verdict::Refused => {
                if lane.advance(attempted.parts) {
                    self.finish_row(address);
                }
            }
            Verdict::AsNew => lane.progress.as_new = true,
            Verdict::OutsideTopic => {
                // There, a message of the topic cannot be edited either.
                lane.progress.outside_topic = true;
                lane.progress.as_new = true;
            }
            Verdict::Plainer(form) => lane.progress.form = form,
            Verdict::Moved { to } => {
                self.move_chat(address.chat, to, now);
                self.reload(now);
            }
            Verdict::Wait(pause) => self.hold_chat(address, pause, now),
            Verdict::Again => self.hold_longer(address, now),
            Verdict::NotKept => {
                self.hold_longer(address, now);
                // It may be kept all the same, and its rows were not handed over.
                self.reload(now);
            }
            Verdict::ChatGone => self.finish_chat(address.chat),
        }
        self.accept(attempted.rows, now);
        self.schedule(address, now);
    }

    fn finish_row(&mut self, address: Address) {
        if let Some(row) = self.take_out(address) {
            self.acks.push_done(row);
        }
    }

    /// Takes the first row out of its lane.
    fn take_out(&mut self, address: Address) -> Option<RowId> {
        let row = self.lanes.get_mut(&address)?.finish_row()?;
        let id = row.id;
        self.count_waiting(0, false, &[row]);
        Some(id)
    }

    /// Counts rows that came and rows that went.
    fn count_waiting(&mut self, came: i64, with_body: bool, went: &[Waiting]) {
        self.bodies += usize::from(with_body);
        self.bodies -= went.iter().filter(|row| row.body.is_some()).count();
        let waiting = &self.metrics.outbox.waiting;
        waiting.inc_by(came);
        waiting.dec_by(i64::try_from(went.len()).unwrap_or(i64::MAX));
    }

    /// Notes how old the oldest row is, now and then.
    fn measure_age(&mut self, now: Instant) {
        if self.age_measured.is_some_and(|at| now < at + AGE_INTERVAL) {
            return;
        }
        self.age_measured = Some(now);
        let fronts = self.lanes.values().filter_map(|lane| lane.rows.front());
        let oldest = fronts.map(|row| row.created.as_second()).min();
        self.metrics.outbox.oldest.set(oldest.unwrap_or_default());
    }

    /// Takes out what waits for a chat in any topic, but for what is being sent.
    fn drain_chat(&mut self, chat: ChatId) -> Vec<(Address, Waiting)> {
        let mut drained = Vec::new();
        for address in self.addresses(chat) {
            if let Some(lane) = self.lanes.get_mut(&address) {
                drained.extend(lane.drain_waiting().into_iter().map(|row| (address, row)));
            }
        }
        drained
    }

    /// A group has another id. Its own rows have other names in the store now; those that other records sent there keep
    /// theirs, and go to the new id.
    fn move_chat(&mut self, from: ChatId, to: ChatId, now: Instant) {
        self.moved.insert(from, to);
        for (address, row) in self.drain_chat(from) {
            let moved = Address::chat(to).in_topic(address.thread);
            if row.id.chat == from {
                self.count_waiting(0, false, &[row]);
            } else {
                self.lane(moved, now).insert(row);
                self.schedule(moved, now);
            }
        }
    }

    /// Nothing can be sent to a chat any more.
    fn finish_chat(&mut self, chat: ChatId) {
        for (_, row) in self.drain_chat(chat) {
            self.acks.push_done(row.id);
            self.count_waiting(0, false, &[row]);
        }
    }

    /// Holds an address back, longer each time its first row fails.
    fn hold_longer(&mut self, address: Address, now: Instant) {
        let Some(lane) = self.lanes.get_mut(&address) else {
            return;
        };
        let pause = growing_pause(lane.attempts() + 1, LONGEST_PAUSE);
        lane.hold(now + pause);
        self.postpone_first(address, pause);
    }

    /// Holds a whole chat back, as Telegram asked.
    fn hold_chat(&mut self, address: Address, pause: Duration, now: Instant) {
        if let Some(pace) = self.paces.get_mut(&address.chat) {
            pace.hold(now + pause);
        }
        self.postpone_first(address, pause);
    }

    /// Notes the failure of an address's first row with the store, so that its pause holds across a restart.
    fn postpone_first(&mut self, address: Address, pause: Duration) {
        let time = (self.clock)();
        let lane = self.lanes.get_mut(&address);
        if let Some((row, until)) = lane.and_then(|lane| lane.postpone_first(pause, time)) {
            self.acks.push_later(row, until);
        }
    }
}
