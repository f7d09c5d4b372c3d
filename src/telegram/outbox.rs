//! Sends what was committed, in order within a chat, chats side by side, no faster than Telegram allows.
//!
//! One task holds a lane for every chat that has something waiting (or was sent something a moment ago, for the limits).
//! A row may take several requests, one after another. It leaves the store only after all of them: killed in between,
//! the bot makes some twice, never not at all. What is said is none of its business, how it looks is `outgoing`'s, the
//! way there `courier`'s.

mod attempt;
mod lane;
mod marks;
mod verdict;

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use futures::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use jiff::Timestamp;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};

use self::{
    attempt::{Landed, attempt},
    lane::Lane,
    marks::Marks,
    verdict::Verdict,
};
use super::{
    api::growing_pause,
    courier::Deliver,
    limits::{Rates, Window},
};
use crate::{
    dialogue::ChatId,
    store::{OutboxRow, Store, StoreError},
};

/// Requests under way at once. At 30 messages a second, answered in 0.1 s, three are; the rest is for those that hang.
const MAX_IN_FLIGHT: usize = 64;
/// A server that is down is asked again no less often than this.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The time of day, for what is kept in the store.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// What the sender is told.
enum Order {
    Rows(Vec<OutboxRow>),
    Reload,
    Stop { until: Instant },
}

/// Where committed rows are handed over to be sent.
#[derive(Clone)]
pub struct Outbox(mpsc::UnboundedSender<Order>);

impl Outbox {
    /// These rows were committed.
    pub fn send(&self, rows: Vec<OutboxRow>) {
        if !rows.is_empty() {
            self.order(Order::Rows(rows));
        }
    }

    /// Commits of which nobody knows how they ended may have left rows in the store.
    pub fn reload(&self) {
        self.order(Order::Reload);
    }

    /// Nothing new will come; what can be sent until then is sent, the rest stays in the store.
    pub fn stop(&self, until: Instant) {
        self.order(Order::Stop { until });
    }

    fn order(&self, order: Order) {
        // Without a sender the rows stay in the store, and `serve` is ending already.
        let _ = self.0.send(order);
    }
}

/// The sender; [`Sender::run`] is its life.
pub struct Sender<D> {
    deliver: D,
    store: Arc<dyn Store>,
    clock: Clock,
    bot: Arc<str>,
    rates: Rates,
    overall: Window,
    lanes: HashMap<ChatId, Lane>,
    /// Which lane may go when; a lane in flight is not on it, an empty one stands where its limits are forgotten.
    agenda: BTreeSet<(Instant, ChatId)>,
    in_flight: FuturesUnordered<BoxFuture<'static, Landed>>,
    orders: mpsc::UnboundedReceiver<Order>,
    stop_at: Option<Instant>,
    marks: Marks,
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
        let (outbox, orders) = mpsc::unbounded_channel();
        let waiting = store.outbox()?;
        let mut sender = Self {
            deliver,
            marks: Marks::new(store.clone()),
            store,
            clock,
            bot: bot.into(),
            rates,
            overall: Window::overall(rates),
            lanes: HashMap::new(),
            agenda: BTreeSet::new(),
            in_flight: FuturesUnordered::new(),
            orders,
            stop_at: None,
        };
        sender.accept(waiting, Instant::now());
        Ok((sender, Outbox(outbox)))
    }

    /// Sends until it is told to stop, or nobody is left to tell it.
    pub async fn run(mut self) {
        loop {
            let now = Instant::now();
            self.start_due(now);
            self.marks.start(now);
            if self.has_ended(now) {
                break;
            }
            let wake = self.next_wake(now);
            tokio::select! {
                order = self.orders.recv(), if self.stop_at.is_none() => self.obey(order),
                Some(landed) = self.in_flight.next() => self.settle(landed, Instant::now()),
                () = self.marks.answered(), if self.marks.is_under_way() => {}
                () = sleep_until(wake.unwrap_or(now)), if wake.is_some() => {}
            }
        }
        self.marks.finish().await;
    }

    fn obey(&mut self, order: Option<Order>) {
        let now = Instant::now();
        match order {
            Some(Order::Rows(rows)) => self.accept(rows, now),
            Some(Order::Reload) => self.reload(now),
            Some(Order::Stop { until }) => self.stop_at = Some(until),
            None => self.stop_at = Some(now),
        }
    }

    fn reload(&mut self, now: Instant) {
        match self.store.outbox() {
            Ok(rows) => self.accept(rows, now),
            Err(error) => tracing::error!(%error, "the outbox could not be read again"),
        }
    }

    /// Puts rows in their lanes, each once; the terminal's are not for Telegram.
    fn accept(&mut self, rows: Vec<OutboxRow>, now: Instant) {
        let today = (self.clock)();
        let mut chats = HashSet::new();
        for row in rows {
            let chat = row.id.chat;
            if chat != ChatId::TERMINAL && !self.marks.has_done(&row.id) {
                self.lane(chat, now).insert(row, now, today);
                chats.insert(chat);
            }
        }
        for chat in chats {
            self.schedule(chat, now);
        }
    }

    fn lane(&mut self, chat: ChatId, now: Instant) -> &mut Lane {
        let rates = self.rates;
        let lane = self.lanes.entry(chat);
        lane.or_insert_with(|| Lane::new(chat, rates, now))
    }

    /// Puts a lane on the agenda where it belongs now.
    fn schedule(&mut self, chat: ChatId, now: Instant) {
        let Some(lane) = self.lanes.get_mut(&chat) else {
            return;
        };
        if let Some(due) = lane.due.take() {
            self.agenda.remove(&(due, chat));
        }
        if !lane.in_flight {
            let due = lane.due_at(now);
            lane.due = Some(due);
            self.agenda.insert((due, chat));
        }
    }

    /// Sends what is due, the longest waiting first.
    fn start_due(&mut self, now: Instant) {
        while self.in_flight.len() < MAX_IN_FLIGHT && self.overall.ready_at(now) <= now {
            let Some(&(due, chat)) = self.agenda.first() else {
                return;
            };
            if due > now {
                return;
            }
            self.agenda.pop_first();
            self.start(chat, now);
        }
    }

    /// Sends the next message of a lane; a lane with nothing to send has lost its meaning when it is due.
    fn start(&mut self, chat: ChatId, now: Instant) {
        let Some(lane) = self.lanes.get_mut(&chat) else {
            return;
        };
        lane.due = None;
        let Some(row) = lane.rows.front().cloned() else {
            self.lanes.remove(&chat);
            return;
        };
        lane.in_flight = true;
        lane.limits.take(now);
        self.overall.take(now);
        let (progress, to) = (lane.progress, lane.moved_to.unwrap_or(chat));
        let attempt = attempt(self.deliver.clone(), row, progress, to, self.bot.clone());
        self.in_flight.push(attempt.boxed());
    }

    /// When something has to be done without anything having happened.
    fn next_wake(&self, now: Instant) -> Option<Instant> {
        let free = self.in_flight.len() < MAX_IN_FLIGHT;
        let next = self.agenda.first().filter(|_| free);
        let next = next.map(|(due, _)| (*due).max(self.overall.ready_at(now)));
        [next, self.marks.again_at(), self.stop_at]
            .into_iter()
            .flatten()
            .min()
    }

    /// Whether it was told to stop and nothing more can be sent in time.
    fn has_ended(&self, now: Instant) -> bool {
        let Some(until) = self.stop_at else {
            return false;
        };
        let mut in_time = self.agenda.iter().take_while(|(due, _)| *due < until);
        let has_rows = |chat| {
            self.lanes
                .get(chat)
                .is_some_and(|lane| !lane.rows.is_empty())
        };
        now >= until || (self.in_flight.is_empty() && !in_time.any(|(_, chat)| has_rows(chat)))
    }

    fn settle(&mut self, landed: Landed, now: Instant) {
        let chat = landed.chat;
        let Some(lane) = self.lanes.get_mut(&chat) else {
            return;
        };
        lane.in_flight = false;
        match landed.verdict {
            Verdict::Done | Verdict::Refused => {
                if lane.advance(landed.parts) {
                    self.finish_row(chat);
                }
            }
            Verdict::Afresh => lane.progress.afresh = true,
            Verdict::Plainer(form) => lane.progress.form = form,
            Verdict::Moved(to) => lane.moved_to = Some(to),
            Verdict::Wait(pause) => self.hold(chat, pause, now),
            Verdict::Again => self.hold_longer(chat, now),
            Verdict::NotKept => {
                self.hold_longer(chat, now);
                // It may be kept all the same; then its rows were handed to nobody.
                self.reload(now);
            }
            Verdict::ChatGone => self.finish_all(chat),
        }
        self.accept(landed.rows, now);
        self.schedule(chat, now);
    }

    fn finish_row(&mut self, chat: ChatId) {
        let lane = self.lanes.get_mut(&chat);
        if let Some(row) = lane.and_then(Lane::finish_row) {
            self.marks.done(row);
        }
    }

    fn finish_all(&mut self, chat: ChatId) {
        while self
            .lanes
            .get(&chat)
            .is_some_and(|lane| !lane.rows.is_empty())
        {
            self.finish_row(chat);
        }
    }

    /// Holds a chat back, longer each time its first row fails.
    fn hold_longer(&mut self, chat: ChatId, now: Instant) {
        let attempts = self.lanes.get(&chat).map_or(0, Lane::attempts);
        self.hold(chat, growing_pause(attempts + 1, LONGEST_PAUSE), now);
    }

    /// Holds a chat back, also across a restart.
    fn hold(&mut self, chat: ChatId, pause: Duration, now: Instant) {
        let today = (self.clock)();
        let lane = self.lanes.get_mut(&chat);
        if let Some((row, until)) = lane.and_then(|lane| lane.hold(pause, now, today)) {
            self.marks.later(row, until);
        }
    }
}
