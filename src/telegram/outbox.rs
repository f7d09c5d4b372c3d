//! Sends what was committed, in order within a chat, chats side by side, no faster than Telegram allows.
//!
//! One task holds a lane for every chat that has something waiting (or was sent something a moment ago, for the limits).
//! A row may take several requests, one after another. It leaves the store only after all of them, and the store is told
//! after Telegram: killed in between, the bot says some twice, never not at all. That is rare, since the store hears of
//! it within a fiftieth of a second, and it is not to be had better: Telegram has no way to ask what it was sent.
//!
//! Answers go before what nobody asked for, and of several new looks of one message only the last is shown. What is said
//! is none of the outbox's business, how it looks is `outgoing`'s, the way there `courier`'s.

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
    lane::{Lane, Waiting},
    marks::Marks,
    verdict::Verdict,
};
use super::{
    api::growing_pause,
    courier::Deliver,
    limits::{Rates, Window},
};
use crate::{
    dialogue::{ChatId, Reply},
    metrics::{Metrics, OutboxFigures},
    store::{OutboxRow, RowId, Store, StoreError},
};

/// Requests under way at once. At 30 messages a second, answered in 0.1 s, three are; the rest is for those that hang.
const MAX_IN_FLIGHT: usize = 64;
/// A server that is down is asked again no less often than this.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// What nobody asked for lets answers go first for so long, and is then as good as they are: it is late, not lost.
const UNASKED_WAITS: Duration = Duration::from_secs(60);
/// Rows at hand with all they say, some kilobytes each; of more, the store is asked when it is their turn.
const BODIES_AT_HAND: usize = 1_000;

/// Between two looks whether a store that was unwell can be read again.
const RELOAD_PAUSE: Duration = Duration::from_secs(1);
/// Between two looks at how long the first in line waits.
const LOOK_EVERY: Duration = Duration::from_secs(5);

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

/// Which lane may go when.
#[derive(Default)]
struct Agenda {
    answers: BTreeSet<(Instant, ChatId)>,
    unasked: BTreeSet<(Instant, ChatId)>,
}

impl Agenda {
    fn of(&mut self, unasked: bool) -> &mut BTreeSet<(Instant, ChatId)> {
        match unasked {
            true => &mut self.unasked,
            false => &mut self.answers,
        }
    }

    /// The lane that goes next, of those that may go now: the longest waiting, with a start for answers.
    fn pop_due(&mut self, now: Instant) -> Option<ChatId> {
        let due = |lanes: &BTreeSet<(Instant, ChatId)>| {
            let first = lanes.first().map(|(at, _)| *at);
            first.filter(|at| *at <= now)
        };
        let lanes = match (due(&self.answers), due(&self.unasked)) {
            (Some(answer), Some(unasked)) if unasked + UNASKED_WAITS < answer => &mut self.unasked,
            (None, Some(_)) => &mut self.unasked,
            _ => &mut self.answers,
        };
        due(lanes)?;
        lanes.pop_first().map(|(_, chat)| chat)
    }

    fn next_at(&self) -> Option<Instant> {
        let next = |lanes: &BTreeSet<(Instant, ChatId)>| lanes.first().map(|(at, _)| *at);
        [next(&self.answers), next(&self.unasked)]
            .into_iter()
            .flatten()
            .min()
    }

    fn due_before(&self, until: Instant) -> impl Iterator<Item = ChatId> {
        let before = move |lane: &&(Instant, ChatId)| lane.0 < until;
        let answers = self.answers.iter().take_while(before);
        let unasked = self.unasked.iter().take_while(before);
        answers.chain(unasked).map(|(_, chat)| *chat)
    }

    #[cfg(test)]
    fn is_empty(&self) -> bool {
        self.answers.is_empty() && self.unasked.is_empty()
    }
}

fn count(figures: &OutboxFigures, verdict: &Verdict) {
    let figure = match verdict {
        Verdict::Done => &figures.sent,
        Verdict::Refused => &figures.refused,
        Verdict::Wait(_) => &figures.held,
        Verdict::Again | Verdict::NotKept => &figures.failed,
        Verdict::ChatGone => &figures.gone,
        Verdict::Afresh | Verdict::Plainer(_) | Verdict::Moved => return,
    };
    figure.inc();
}

/// Whether a reply only gives a message a look that the next one changes.
fn is_replaced_by(reply: &Reply, next: &Reply) -> bool {
    let only_edits =
        reply.takes_away.is_none() && reply.enclosure.is_none() && reply.fetches.is_none();
    only_edits && reply.replaces.is_some() && reply.replaces == next.replaces
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
    agenda: Agenda,
    /// Rows in lanes that have their bodies.
    bodies: usize,
    in_flight: FuturesUnordered<BoxFuture<'static, Landed>>,
    orders: mpsc::UnboundedReceiver<Order>,
    stop_at: Option<Instant>,
    marks: Marks,
    metrics: Arc<Metrics>,
    /// When the oldest row was last looked for.
    looked_at: Option<Instant>,
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
        let (outbox, orders) = mpsc::unbounded_channel();
        let waiting = store.outbox()?;
        let mut sender = Self {
            metrics: deliver.metrics(),
            deliver,
            marks: Marks::new(store.clone()),
            store,
            clock,
            bot: bot.into(),
            rates,
            overall: Window::overall(rates),
            lanes: HashMap::new(),
            agenda: Agenda::default(),
            bodies: 0,
            in_flight: FuturesUnordered::new(),
            orders,
            stop_at: None,
            looked_at: None,
            reload_at: None,
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
            self.look_for_oldest(now);
            if self.reload_at.is_some_and(|at| at <= now) {
                self.reload(now);
            }
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

    /// Puts rows in their lanes, each once; the terminal's are not for Telegram.
    fn accept(&mut self, rows: Vec<OutboxRow>, now: Instant) {
        let today = (self.clock)();
        let mut chats = HashSet::new();
        for row in rows {
            let chat = row.id.chat;
            if chat != ChatId::TERMINAL && !self.marks.has_done(&row.id) {
                let with_body = self.bodies < BODIES_AT_HAND;
                let row = Waiting::new(row, with_body);
                if let Some(dropped) = self.lane(chat, now).insert(row, now, today) {
                    self.count_waiting(1, with_body, &dropped);
                }
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
        if let Some(place) = lane.due.take() {
            self.agenda.of(place.unasked).remove(&(place.at, chat));
        }
        if !lane.in_flight {
            let place = lane.due_at(now);
            lane.due = Some(place);
            self.agenda.of(place.unasked).insert((place.at, chat));
        }
    }

    /// Sends what is due, the longest waiting first.
    fn start_due(&mut self, now: Instant) {
        while self.in_flight.len() < MAX_IN_FLIGHT && self.overall.ready_at(now) <= now {
            let Some(chat) = self.agenda.pop_due(now) else {
                return;
            };
            self.start(chat, now);
        }
    }

    /// Sends the next message of a lane; a lane with nothing to send has lost its meaning when it is due.
    fn start(&mut self, chat: ChatId, now: Instant) {
        let Some(lane) = self.lanes.get_mut(&chat) else {
            return;
        };
        lane.due = None;
        if lane.rows.is_empty() {
            self.lanes.remove(&chat);
            return;
        }
        let row = match self.next_row(chat) {
            Ok(Some(row)) => row,
            Ok(None) => return self.schedule(chat, now),
            Err(error) => {
                tracing::error!(%chat, %error, "a reply could not be read; this chat waits");
                self.hold_longer(chat, now);
                return self.schedule(chat, now);
            }
        };
        let Some(lane) = self.lanes.get_mut(&chat) else {
            return;
        };
        lane.in_flight = true;
        lane.limits.take(now);
        self.overall.take(now);
        let attempt = attempt(self.deliver.clone(), row, lane.progress, self.bot.clone());
        self.in_flight.push(attempt.boxed());
    }

    /// The row a lane goes on with. On the way, rows that have become pointless are taken out: the store does not have
    /// them any more, or what they show is replaced by the row behind them.
    fn next_row(&mut self, chat: ChatId) -> Result<Option<OutboxRow>, StoreError> {
        while let Some(lane) = self.lanes.get(&chat) {
            let Some(first) = lane.rows.front() else {
                return Ok(None);
            };
            let Some(row) = self.body(first)? else {
                // The chat was forgotten meanwhile.
                self.take_out(chat);
                continue;
            };
            let behind = lane.rows.get(1).filter(|_| lane.is_fresh());
            let behind = behind
                .map(|behind| self.body(behind))
                .transpose()?
                .flatten();
            if behind.is_some_and(|behind| is_replaced_by(&row.reply, &behind.reply)) {
                self.finish_row(chat);
                continue;
            }
            return Ok(Some(row));
        }
        Ok(None)
    }

    /// What a row says; `None` if nobody knows any more.
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
        [next, self.marks.due_at(), self.stop_at, self.reload_at]
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
        let has_rows = |chat| {
            self.lanes
                .get(&chat)
                .is_some_and(|lane| !lane.rows.is_empty())
        };
        now >= until || (self.in_flight.is_empty() && !in_time.any(has_rows))
    }

    fn settle(&mut self, landed: Landed, now: Instant) {
        let chat = landed.chat;
        let Some(lane) = self.lanes.get_mut(&chat) else {
            return;
        };
        lane.in_flight = false;
        count(&self.metrics.outbox, &landed.verdict);
        match landed.verdict {
            Verdict::Done | Verdict::Refused => {
                if lane.advance(landed.parts) {
                    self.finish_row(chat);
                }
            }
            Verdict::Afresh => lane.progress.afresh = true,
            Verdict::Plainer(form) => lane.progress.form = form,
            Verdict::Moved => {
                // Its rows have other names now.
                self.drop_lane(chat);
                self.reload(now);
            }
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
        if let Some(row) = self.take_out(chat) {
            self.marks.done(row);
        }
    }

    /// Takes the first row out of its lane.
    fn take_out(&mut self, chat: ChatId) -> Option<RowId> {
        let row = self.lanes.get_mut(&chat)?.finish_row()?;
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

    /// Notes how long the first in line waits, now and then.
    fn look_for_oldest(&mut self, now: Instant) {
        if self.looked_at.is_some_and(|at| now < at + LOOK_EVERY) {
            return;
        }
        self.looked_at = Some(now);
        let fronts = self.lanes.values().filter_map(|lane| lane.rows.front());
        let oldest = fronts.map(|row| row.created.as_second()).min();
        let oldest = oldest.unwrap_or_default();
        self.metrics.outbox.oldest.set(oldest);
    }

    fn drop_lane(&mut self, chat: ChatId) {
        while self.take_out(chat).is_some() {}
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
