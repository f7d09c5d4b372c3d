//! Sends what was committed, in order within a chat, chats side by side, no faster than Telegram allows.
//!
//! One task holds a lane for every chat that has something waiting (or was sent something a moment ago, for the limits).
//! A row leaves the store only after Telegram took it: killed in between, the bot sends it twice, never not at all. What
//! is said is none of its business, how it looks is `outgoing`'s.

use std::{
    collections::{BTreeSet, HashMap, HashSet, VecDeque},
    future::Future,
    panic::AssertUnwindSafe,
    sync::Arc,
    time::Duration,
};

use futures::{
    FutureExt, StreamExt,
    future::{BoxFuture, OptionFuture},
    stream::FuturesUnordered,
};
use jiff::{SignedDuration, Timestamp};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until, timeout},
};

use super::{
    api::{Api, ApiError, Ignored, growing_pause},
    limits::{ChatLimits, Rates, Window},
    outgoing::{Form, Outgoing, Showing, render},
};
use crate::{
    dialogue::ChatId,
    store::{Mark, OutboxRow, RowId, Store, StoreError},
};

/// Requests under way at once. At 30 messages a second, answered in 0.1 s, three are; the rest is for those that hang.
const MAX_IN_FLIGHT: usize = 64;
/// A server that is down is asked again no less often than this.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Between two attempts to tell the store what was sent.
const MARK_PAUSE: Duration = Duration::from_secs(1);
/// At the end, the store has this long to note what was sent; what it does not is sent again at the next start.
const LAST_MARKS_LIMIT: Duration = Duration::from_millis(500);

/// The time of day, for what is kept in the store.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Takes a message to Telegram; a test takes it elsewhere.
pub trait Deliver: Clone + Send + Sync + 'static {
    /// Returns when Telegram has answered.
    fn deliver(&self, message: Outgoing) -> impl Future<Output = Result<(), ApiError>> + Send;
}

impl Deliver for Api {
    async fn deliver(&self, message: Outgoing) -> Result<(), ApiError> {
        let delivered: Result<Ignored, ApiError> = match &message {
            Outgoing::New(message) => self.call(message).await,
            Outgoing::Edit(edit) => self.call(edit).await,
        };
        delivered.map(|_| ())
    }
}

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

/// A chat with something to send, or with limits still to be kept.
struct Lane {
    rows: VecDeque<OutboxRow>,
    /// How far the first row got.
    progress: Progress,
    in_flight: bool,
    /// Nothing goes before this.
    held_until: Option<Instant>,
    /// The supergroup this group became, as long as there is something to send.
    moved_to: Option<ChatId>,
    limits: ChatLimits,
    /// Its place on the agenda.
    due: Option<Instant>,
}

/// How far a row got: in memory only, so after a crash it begins anew.
#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    parts_sent: usize,
    form: Form,
    afresh: bool,
}

/// What came of a request.
struct Landed {
    chat: ChatId,
    /// How many requests the row takes; `None` if it cannot even be rendered.
    parts: Option<usize>,
    result: Result<(), ApiError>,
}

/// What an error means for the row at hand.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// As good as sent.
    Harmless,
    /// The message to edit is gone: say it as a new one.
    Afresh,
    /// Telegram does not like its looks: say it more plainly.
    Plainer(Form),
    /// The group has a new id.
    Moved(ChatId),
    /// Not before this long.
    Wait(Duration),
    /// Trouble that passes: again after a pause.
    Again,
    /// This chat takes nothing from us any more.
    ChatGone,
    /// It will never be taken.
    Refused,
}

/// What the store was told, and whether it noted it.
type Marked = (Vec<Mark>, Result<(), StoreError>);

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
    marks: Vec<Mark>,
    marking: Option<BoxFuture<'static, Marked>>,
    mark_again_at: Option<Instant>,
    /// Rows that are sent, though the store does not know yet.
    unmarked: HashSet<RowId>,
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
            marks: Vec::new(),
            marking: None,
            mark_again_at: None,
            unmarked: HashSet::new(),
        };
        sender.accept(waiting, Instant::now());
        Ok((sender, Outbox(outbox)))
    }

    /// Sends until it is told to stop, or nobody is left to tell it.
    pub async fn run(mut self) {
        loop {
            let now = Instant::now();
            self.start_due(now);
            self.start_marking(now);
            if self.has_ended(now) {
                break;
            }
            let wake = self.next_wake(now);
            tokio::select! {
                order = self.orders.recv(), if self.stop_at.is_none() => self.obey(order),
                Some(landed) = self.in_flight.next() => self.settle(landed, Instant::now()),
                Some(marked) = OptionFuture::from(self.marking.as_mut()) => self.note_marked(marked),
                () = sleep_until(wake.unwrap_or(now)), if wake.is_some() => {}
            }
        }
        self.finish_marking().await;
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
            if chat != ChatId::TERMINAL && !self.unmarked.contains(&row.id) {
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
        self.lanes.entry(chat).or_insert_with(|| Lane {
            rows: VecDeque::new(),
            progress: Progress::default(),
            in_flight: false,
            held_until: None,
            moved_to: None,
            // Telegram gives groups negative ids.
            limits: ChatLimits::new(rates, chat.0 < 0, now),
            due: None,
        })
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
        let request = request(self.deliver.clone(), row, progress, to, self.bot.clone());
        self.in_flight.push(request.boxed());
    }

    /// When something has to be done without anything having happened.
    fn next_wake(&self, now: Instant) -> Option<Instant> {
        let free = self.in_flight.len() < MAX_IN_FLIGHT;
        let next = self.agenda.first().filter(|_| free);
        let next = next.map(|(due, _)| (*due).max(self.overall.ready_at(now)));
        let marks = self.mark_again_at.filter(|_| self.marking.is_none());
        [next, marks, self.stop_at].into_iter().flatten().min()
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
        let verdict = match (&landed.result, landed.parts) {
            (_, None) => Verdict::Refused,
            (Ok(()), _) => Verdict::Harmless,
            (Err(error), _) => judge(error, lane.progress),
        };
        if let Err(error) = &landed.result {
            report(chat, error, &verdict);
        }
        match verdict {
            Verdict::Harmless => {
                lane.progress.parts_sent += 1;
                if lane.progress.parts_sent >= landed.parts.unwrap_or(0) {
                    self.finish_row(chat);
                }
            }
            Verdict::Afresh => lane.progress.afresh = true,
            Verdict::Plainer(form) => lane.progress.form = form,
            Verdict::Moved(to) => lane.moved_to = Some(to),
            Verdict::Wait(pause) => self.hold(chat, pause, now),
            Verdict::Again => {
                let attempts = lane.rows.front().map_or(0, |row| row.attempts);
                self.hold(chat, growing_pause(attempts + 1, LONGEST_PAUSE), now);
            }
            Verdict::Refused => self.finish_row(chat),
            Verdict::ChatGone => self.finish_all(chat),
        }
        self.schedule(chat, now);
    }

    fn finish_row(&mut self, chat: ChatId) {
        let Some(lane) = self.lanes.get_mut(&chat) else {
            return;
        };
        lane.progress = Progress::default();
        if let Some(row) = lane.rows.pop_front() {
            self.marks.push(Mark::Done(row.id));
            self.unmarked.insert(row.id);
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

    /// Holds a chat back, also across a restart.
    fn hold(&mut self, chat: ChatId, pause: Duration, now: Instant) {
        let today = (self.clock)();
        let Some(lane) = self.lanes.get_mut(&chat) else {
            return;
        };
        lane.held_until = Some(now + pause);
        if let Some(row) = lane.rows.front_mut() {
            let pause = SignedDuration::try_from(pause).unwrap_or(SignedDuration::MAX);
            let until = today.checked_add(pause).unwrap_or(Timestamp::MAX);
            row.attempts = row.attempts.saturating_add(1);
            row.not_before = Some(until);
            self.marks.push(Mark::Later(row.id, until));
        }
    }

    /// Tells the store what became of rows, as many at once as there are by now.
    fn start_marking(&mut self, now: Instant) {
        let is_early = self.mark_again_at.is_some_and(|at| now < at);
        if self.marking.is_some() || self.marks.is_empty() || is_early {
            return;
        }
        self.mark_again_at = None;
        let marks = std::mem::take(&mut self.marks);
        let store = self.store.clone();
        let mark = async move {
            let marked = store.mark(marks.clone()).await;
            (marks, marked)
        };
        self.marking = Some(mark.boxed());
    }

    fn note_marked(&mut self, (marks, result): Marked) {
        self.marking = None;
        match result {
            Ok(()) => {
                for mark in marks {
                    if let Mark::Done(row) = mark {
                        self.unmarked.remove(&row);
                    }
                }
            }
            Err(error) => {
                tracing::error!(%error, rows = marks.len(), "the store did not note what was sent; tried again");
                self.mark_again_at = Some(Instant::now() + MARK_PAUSE);
                self.marks.splice(0..0, marks);
            }
        }
    }

    /// Notes what was sent before the end, as far as the store does it in time.
    async fn finish_marking(&mut self) {
        let last = async {
            if let Some(marking) = self.marking.take() {
                let (marks, result) = marking.await;
                if result.is_err() {
                    self.marks.splice(0..0, marks);
                }
            }
            self.store.mark(std::mem::take(&mut self.marks)).await
        };
        match timeout(LAST_MARKS_LIMIT, last).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the last messages may be sent again"),
            Err(_) => tracing::warn!(
                "the store did not answer at the end; the last messages may be sent again"
            ),
        }
    }
}

impl Lane {
    /// Takes a row to its place, once. What is being sent already stays in front.
    fn insert(&mut self, row: OutboxRow, now: Instant, today: Timestamp) {
        let Err(place) = self.rows.binary_search_by_key(&row.id, |row| row.id) else {
            return;
        };
        let is_begun = self.in_flight || self.progress.parts_sent > 0;
        let place = place.max(usize::from(is_begun && !self.rows.is_empty()));
        if let (0, Some(until)) = (place, row.not_before) {
            // Held back by the run before this one.
            let pause = Duration::try_from(until.duration_since(today)).unwrap_or_default();
            self.held_until = Some(now + pause);
        }
        self.rows.insert(place, row);
    }

    /// When its next message may go; when it may be forgotten, if there is none.
    fn due_at(&self, now: Instant) -> Instant {
        let limits = match self.rows.is_empty() {
            true => self.limits.forgotten_at(now),
            false => self.limits.ready_at(now),
        };
        self.held_until.map_or(limits, |held| held.max(limits))
    }
}

/// One request for the part of the row that is next. A panic stays in it.
async fn request<D: Deliver>(
    deliver: D,
    row: OutboxRow,
    progress: Progress,
    to: ChatId,
    bot: Arc<str>,
) -> Landed {
    let chat = row.id.chat;
    let showing = Showing {
        chat: to,
        bot: &bot,
        form: progress.form,
        afresh: progress.afresh,
    };
    let rendered = std::panic::catch_unwind(AssertUnwindSafe(|| render(&row.reply, showing)));
    let Ok(mut messages) = rendered else {
        tracing::error!(%chat, version = row.id.version, "a reply panicked when it was rendered; it is dropped");
        return Landed {
            chat,
            parts: None,
            result: Ok(()),
        };
    };
    let parts = messages.len();
    // The parts are cut before their form is chosen, so there are as many in each.
    let message = messages.swap_remove(progress.parts_sent.min(parts - 1));
    let delivered = AssertUnwindSafe(deliver.deliver(message))
        .catch_unwind()
        .await;
    let panicked = |_| Err(ApiError::Unavailable("the request panicked".into()));
    Landed {
        chat,
        parts: Some(parts),
        result: delivered.unwrap_or_else(panicked),
    }
}

/// What the server's words mean. Its error codes are few, so the wording has to be looked at; what is not recognised is
/// refused for good.
fn judge(error: &ApiError, progress: Progress) -> Verdict {
    let description = match error {
        ApiError::TooManyRequests(pause) => return Verdict::Wait(*pause),
        ApiError::Migrated(chat) => return Verdict::Moved(*chat),
        // A token that is not valid ends the service elsewhere.
        ApiError::Unauthorized | ApiError::Unavailable(_) | ApiError::Network(_) => {
            return Verdict::Again;
        }
        ApiError::Refused { code: 403, .. } => return Verdict::ChatGone,
        ApiError::Refused { description, .. } => description.to_ascii_lowercase(),
    };
    let says = |words: &[&str]| words.iter().any(|word| description.contains(word));
    if says(&["message is not modified"]) {
        Verdict::Harmless
    } else if says(&[
        "message to edit not found",
        "message can't be edited",
        "message_id_invalid",
    ]) && !progress.afresh
    {
        Verdict::Afresh
    } else if says(&["button", "keyboard", "reply_markup", "reply markup"]) {
        plainer(progress, Form::Bare)
    } else if says(&["can't parse entities", "entity", "entities"]) {
        plainer(progress, Form::Plain)
    } else {
        Verdict::Refused
    }
}

fn plainer(progress: Progress, form: Form) -> Verdict {
    match progress.form {
        Form::Bare => Verdict::Refused,
        Form::Plain => Verdict::Plainer(Form::Bare),
        Form::Rich => Verdict::Plainer(form),
    }
}

/// One line for the operator: which chat, what fault, what is done about it; never what was said.
fn report(chat: ChatId, error: &ApiError, verdict: &Verdict) {
    match verdict {
        Verdict::Harmless | Verdict::Afresh | Verdict::Moved(_) => {
            tracing::debug!(%chat, %error, ?verdict, "a message went another way");
        }
        Verdict::Wait(_) | Verdict::Again => {
            tracing::warn!(%chat, %error, "a message was not taken; this chat waits");
        }
        Verdict::ChatGone => {
            tracing::info!(%chat, %error, "the chat takes nothing from us any more; its messages are dropped");
        }
        Verdict::Plainer(form) => {
            tracing::error!(%chat, %error, ?form, "Telegram refused a message's markup; sent more plainly");
        }
        Verdict::Refused => {
            tracing::error!(%chat, %error, "Telegram refused a message; it is dropped");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    };

    use async_trait::async_trait;

    use super::*;
    use crate::{
        dialogue::{Action, Button, MessageId, Record, Reply},
        markup::RichText,
        store::{Commit, Item, Versioned, memory::MemoryStore},
    };

    const ANN: ChatId = ChatId(1);
    const BEN: ChatId = ChatId(2);
    const GROUP: ChatId = ChatId(-100);
    const RATES: Rates = Rates {
        overall: 30,
        per_chat: 1,
    };
    const NO_LIMIT: Rates = Rates {
        overall: 0,
        per_chat: 0,
    };

    /// What Telegram got: when (in milliseconds), where, what.
    type Got = (u128, ChatId, String);

    /// A Telegram that answers as it is told, and `Ok` beyond that.
    #[derive(Clone)]
    struct Telegram {
        start: Instant,
        got: Arc<Mutex<Vec<Got>>>,
        answers: Arc<Mutex<HashMap<ChatId, VecDeque<Answer>>>>,
    }

    #[derive(Clone)]
    enum Answer {
        Says(ApiError),
        Takes,
        Panics,
        Hangs,
    }

    impl Telegram {
        fn new() -> Self {
            Self {
                start: Instant::now(),
                got: Arc::default(),
                answers: Arc::default(),
            }
        }

        fn will(&self, chat: ChatId, answers: impl IntoIterator<Item = Answer>) {
            let mut all = self.answers.lock().unwrap();
            all.entry(chat).or_default().extend(answers);
        }

        fn got(&self) -> Vec<Got> {
            self.got.lock().unwrap().clone()
        }

        fn texts(&self, chat: ChatId) -> Vec<String> {
            let got = self.got().into_iter();
            let to_chat = got.filter(|(_, to, _)| *to == chat);
            to_chat.map(|(_, _, text)| text).collect()
        }

        fn times(&self, chat: ChatId) -> Vec<u128> {
            let got = self.got().into_iter();
            let to_chat = got.filter(|(_, to, _)| *to == chat);
            to_chat.map(|(at, _, _)| at).collect()
        }
    }

    impl Deliver for Telegram {
        async fn deliver(&self, message: Outgoing) -> Result<(), ApiError> {
            let (chat, text) = match message {
                Outgoing::New(new) => (new.chat_id, new.text),
                Outgoing::Edit(edit) => (edit.chat_id, format!("✎{}", edit.text)),
            };
            let teloxide::types::Recipient::Id(teloxide::types::ChatId(chat)) = chat else {
                panic!("an id");
            };
            let chat = ChatId(chat);
            let at = self.start.elapsed().as_millis();
            self.got.lock().unwrap().push((at, chat, text));
            let answer = self
                .answers
                .lock()
                .unwrap()
                .get_mut(&chat)
                .and_then(VecDeque::pop_front);
            match answer {
                None | Some(Answer::Takes) => Ok(()),
                Some(Answer::Says(error)) => Err(error),
                Some(Answer::Panics) => panic!("on purpose"),
                Some(Answer::Hangs) => std::future::pending().await,
            }
        }
    }

    fn refused(code: u16, description: &str) -> Answer {
        Answer::Says(ApiError::Refused {
            code,
            description: description.into(),
        })
    }

    fn wait(seconds: u64) -> Answer {
        Answer::Says(ApiError::TooManyRequests(Duration::from_secs(seconds)))
    }

    fn down() -> Answer {
        Answer::Says(ApiError::Unavailable("502".into()))
    }

    /// A running sender, and all it works with. Time is tokio's, and stands still until everybody waits.
    struct Room {
        telegram: Telegram,
        store: Arc<dyn Store>,
        outbox: Outbox,
        sending: tokio::task::JoinHandle<()>,
    }

    fn clock() -> Clock {
        let start = Instant::now();
        Arc::new(move || {
            let day = Timestamp::from_second(1_800_000_000).unwrap();
            day + SignedDuration::try_from(start.elapsed()).unwrap()
        })
    }

    fn sender(
        telegram: &Telegram,
        store: &Arc<dyn Store>,
        clock: &Clock,
        rates: Rates,
    ) -> (Sender<Telegram>, Outbox) {
        Sender::new(telegram.clone(), store.clone(), clock.clone(), "bot", rates).unwrap()
    }

    impl Room {
        fn new(rates: Rates) -> Self {
            Self::with(
                Arc::new(MemoryStore::new()),
                Telegram::new(),
                &clock(),
                rates,
            )
        }

        fn with(store: Arc<dyn Store>, telegram: Telegram, clock: &Clock, rates: Rates) -> Self {
            let (sender, outbox) = sender(&telegram, &store, clock, rates);
            let sending = tokio::spawn(sender.run());
            Self {
                telegram,
                store,
                outbox,
                sending,
            }
        }

        /// Commits replies and hands over their rows.
        async fn say(&self, chat: ChatId, replies: Vec<Reply>) {
            self.outbox.send(commit(&self.store, chat, replies).await);
        }

        async fn say_texts(&self, chat: ChatId, texts: &[&str]) {
            self.say(chat, texts.iter().map(|text| reply(text)).collect())
                .await;
        }

        /// Lets this much time go by, or more where nothing happens.
        async fn after(&self, seconds: u64) {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
        }

        fn left(&self) -> usize {
            self.store.outbox().unwrap().len()
        }
    }

    fn reply(text: &str) -> Reply {
        Reply::new(RichText::bold(text))
    }

    fn edit(text: &str) -> Reply {
        reply(text).in_place_of(Some(MessageId(5)))
    }

    async fn commit(store: &Arc<dyn Store>, chat: ChatId, replies: Vec<Reply>) -> Vec<OutboxRow> {
        let commit = Commit {
            chat,
            expected: store.load(chat).unwrap().version,
            record: Record::default(),
            replies,
            now: Timestamp::UNIX_EPOCH,
        };
        store.commit(commit).await.unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn rows_go_in_order_and_leave_the_store_once_sent() {
        let room = Room::new(NO_LIMIT);
        for turn in 0..5 {
            let texts = [format!("{turn}a"), format!("{turn}b")];
            room.say_texts(ANN, &texts.each_ref().map(String::as_str))
                .await;
        }
        room.after(1).await;
        let expected: Vec<_> = (0..5)
            .flat_map(|t| [format!("<b>{t}a</b>"), format!("<b>{t}b</b>")])
            .collect();
        assert_eq!(room.telegram.texts(ANN), expected);
        assert_eq!(room.left(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_chat_is_sent_a_burst_and_then_a_message_a_second_edits_counted() {
        let room = Room::new(RATES);
        room.say(ANN, vec![edit("0"); 8]).await;
        room.after(10).await;
        assert_eq!(room.telegram.times(ANN), [0, 0, 0, 0, 0, 1000, 2000, 3000]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_group_is_sent_twenty_messages_a_minute() {
        let room = Room::new(RATES);
        room.say(GROUP, vec![reply("x"); 25]).await;
        room.after(59).await;
        assert_eq!(room.telegram.times(GROUP).len(), 20);
        room.after(30).await;
        assert_eq!(room.telegram.times(GROUP).len(), 25);
    }

    #[tokio::test(start_paused = true)]
    async fn all_chats_together_are_sent_thirty_a_second_and_nobody_is_passed_over() {
        let room = Room::new(RATES);
        for chat in 1..=90 {
            room.say_texts(ChatId(chat), &["x"]).await;
        }
        room.after(10).await;
        let times: Vec<_> = room.telegram.got().into_iter().map(|(at, ..)| at).collect();
        let count = |second: u128| times.iter().filter(|at| **at / 1000 == second).count();
        assert_eq!([0, 1, 2, 3].map(count), [30, 30, 30, 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_wait_holds_back_its_chat_and_no_other() {
        let room = Room::new(NO_LIMIT);
        room.telegram.will(ANN, [wait(7)]);
        room.say_texts(ANN, &["a", "b"]).await;
        room.say_texts(BEN, &["c"]).await;
        room.after(10).await;
        assert_eq!(room.telegram.times(ANN), [0, 7000, 7000]);
        assert_eq!(
            room.telegram.texts(ANN),
            ["<b>a</b>", "<b>a</b>", "<b>b</b>"]
        );
        assert_eq!(room.telegram.times(BEN), [0]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_wait_holds_across_a_restart() {
        let clock = clock();
        let first = Room::with(
            Arc::new(MemoryStore::new()),
            Telegram::new(),
            &clock,
            NO_LIMIT,
        );
        first.telegram.will(ANN, [wait(60)]);
        first.say_texts(ANN, &["a"]).await;
        first.after(10).await;
        first.sending.abort();
        let again = Room::with(first.store.clone(), Telegram::new(), &clock, NO_LIMIT);
        again.after(100).await;
        assert_eq!(again.telegram.times(ANN), [50_000]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_run_before_left_is_sent() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        commit(&store, ANN, vec![reply("a"), reply("b")]).await;
        let room = Room::with(store, Telegram::new(), &clock(), NO_LIMIT);
        room.after(1).await;
        assert_eq!(room.telegram.texts(ANN), ["<b>a</b>", "<b>b</b>"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_block_ends_the_chats_rows_and_no_others() {
        let room = Room::new(NO_LIMIT);
        room.telegram.will(
            ANN,
            [refused(403, "Forbidden: bot was blocked by the user")],
        );
        room.say_texts(ANN, &["a", "b", "c"]).await;
        room.say_texts(BEN, &["d"]).await;
        room.after(1).await;
        assert_eq!(room.telegram.texts(ANN), ["<b>a</b>"]);
        assert_eq!(room.telegram.texts(BEN), ["<b>d</b>"]);
        assert_eq!(room.left(), 0);
        // Whoever comes back is talked to again.
        room.say_texts(ANN, &["hello"]).await;
        room.after(1).await;
        assert_eq!(room.telegram.texts(ANN)[1], "<b>hello</b>");
    }

    #[tokio::test(start_paused = true)]
    async fn refused_markup_is_sent_plain_and_refused_buttons_are_left_out() {
        let room = Room::new(NO_LIMIT);
        let entities = "Bad Request: can't parse entities: Can't find end tag corresponding to start tag \"b\"";
        room.telegram.will(ANN, [refused(400, entities)]);
        room.say_texts(ANN, &["a<", "b"]).await;
        room.telegram
            .will(BEN, [refused(400, "Bad Request: BUTTON_DATA_INVALID")]);
        let button = Button {
            label: "x".into(),
            action: Action::Press("1.done".into()),
        };
        room.say(BEN, vec![reply("c").row([button])]).await;
        room.after(1).await;
        assert_eq!(room.telegram.texts(ANN), ["<b>a&lt;</b>", "a<", "<b>b</b>"]);
        assert_eq!(room.telegram.texts(BEN), ["<b>c</b>", "c"]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_edit_of_a_message_that_is_gone_is_said_anew() {
        for gone in [
            "Bad Request: message to edit not found",
            "Bad Request: message can't be edited",
        ] {
            let room = Room::new(NO_LIMIT);
            room.telegram.will(ANN, [refused(400, gone)]);
            room.say(ANN, vec![edit("a"), edit("b")]).await;
            room.after(1).await;
            assert_eq!(
                room.telegram.texts(ANN),
                ["✎<b>a</b>", "<b>a</b>", "✎<b>b</b>"]
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_edit_that_changes_nothing_is_as_good_as_done() {
        let room = Room::new(NO_LIMIT);
        let same = "Bad Request: message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message";
        room.telegram.will(ANN, [refused(400, same)]);
        room.say(ANN, vec![edit("a")]).await;
        room.after(1).await;
        assert_eq!(room.telegram.texts(ANN), ["✎<b>a</b>"]);
        assert_eq!(room.left(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn rows_follow_a_group_to_its_new_id() {
        let room = Room::new(NO_LIMIT);
        room.telegram
            .will(GROUP, [Answer::Says(ApiError::Migrated(ChatId(-1001)))]);
        room.say_texts(GROUP, &["a", "b"]).await;
        room.after(1).await;
        assert_eq!(room.telegram.texts(ChatId(-1001)), ["<b>a</b>", "<b>b</b>"]);
        assert_eq!(room.left(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_is_down_is_asked_again_with_growing_pauses_until_it_answers() {
        let room = Room::new(NO_LIMIT);
        room.telegram.will(ANN, vec![down(); 10]);
        room.say_texts(ANN, &["a", "b"]).await;
        room.after(1000).await;
        let seconds: Vec<_> = room
            .telegram
            .times(ANN)
            .iter()
            .map(|at| at / 1000)
            .collect();
        assert_eq!(seconds, [0, 1, 3, 7, 15, 31, 63, 123, 183, 243, 303, 303]);
        assert_eq!(room.telegram.texts(ANN).last().unwrap(), "<b>b</b>");
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_that_will_never_be_taken_does_not_stop_those_behind_it() {
        let room = Room::new(NO_LIMIT);
        room.telegram
            .will(ANN, [refused(400, "Bad Request: message is too long")]);
        room.say_texts(ANN, &["a", "b"]).await;
        room.after(1).await;
        assert_eq!(room.telegram.texts(ANN), ["<b>a</b>", "<b>b</b>"]);
        assert_eq!(room.left(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_message_goes_on_at_the_part_that_was_not_taken() {
        let room = Room::new(NO_LIMIT);
        let long = Reply::new(RichText::plain(format!(
            "{}\n{}",
            "a".repeat(4000),
            "b".repeat(4000)
        )));
        room.telegram.will(ANN, [Answer::Takes, wait(2)]);
        room.say(ANN, vec![long]).await;
        room.after(5).await;
        let parts: Vec<_> = room
            .telegram
            .texts(ANN)
            .iter()
            .map(|text| text[..1].to_owned())
            .collect();
        assert_eq!(parts, ["a", "b", "b"]);
        assert_eq!(room.left(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_or_a_hanging_request_stays_in_its_chat() {
        let room = Room::new(NO_LIMIT);
        room.telegram.will(ANN, [Answer::Panics]);
        room.telegram.will(GROUP, [Answer::Hangs]);
        room.say_texts(ANN, &["a"]).await;
        room.say_texts(GROUP, &["g"]).await;
        room.say_texts(BEN, &["b"]).await;
        room.after(3).await;
        assert_eq!(room.telegram.times(ANN), [0, 1000]);
        assert_eq!(room.telegram.times(BEN), [0]);
    }

    #[tokio::test(start_paused = true)]
    async fn when_stopped_it_sends_what_it_can_in_time_and_keeps_the_rest() {
        let room = Room::new(RATES);
        room.telegram.will(BEN, [wait(100)]);
        room.telegram.will(GROUP, [Answer::Hangs]);
        room.say(ANN, vec![reply("a"); 20]).await;
        room.say_texts(BEN, &["b"]).await;
        room.say_texts(GROUP, &["g"]).await;
        let asked = Instant::now();
        room.outbox.stop(asked + Duration::from_millis(6500));
        room.sending.await.unwrap();
        assert_eq!(asked.elapsed().as_millis(), 6500);
        assert_eq!(room.telegram.times(ANN).len(), 5 + 6);
        assert_eq!(room.store.outbox().unwrap().len(), 20 - 11 + 1 + 1);
    }

    #[tokio::test(start_paused = true)]
    async fn when_stopped_it_does_not_wait_for_what_cannot_be_sent_in_time() {
        let room = Room::new(NO_LIMIT);
        room.telegram.will(BEN, [wait(100)]);
        room.say_texts(BEN, &["b"]).await;
        room.after(1).await;
        let asked = Instant::now();
        room.outbox.stop(asked + Duration::from_millis(6500));
        room.sending.await.unwrap();
        assert_eq!(asked.elapsed().as_millis(), 0);
        assert_eq!(room.store.outbox().unwrap().len(), 1);
    }

    /// A store that refuses a number of marks.
    struct Forgetful {
        inner: MemoryStore,
        refusals: AtomicU32,
    }

    #[async_trait]
    impl Store for Forgetful {
        fn load(&self, chat: ChatId) -> Result<Versioned, StoreError> {
            self.inner.load(chat)
        }
        async fn commit(&self, commit: Commit) -> Result<Vec<OutboxRow>, StoreError> {
            self.inner.commit(commit).await
        }
        fn outbox(&self) -> Result<Vec<OutboxRow>, StoreError> {
            self.inner.outbox()
        }
        async fn mark(&self, marks: Vec<Mark>) -> Result<(), StoreError> {
            let left = self.refusals.load(Ordering::Relaxed);
            if left > 0 {
                self.refusals.store(left - 1, Ordering::Relaxed);
                return Err(StoreError::Unavailable("no room".into()));
            }
            self.inner.mark(marks).await
        }
        async fn forget(&self, chat: ChatId) -> Result<(), StoreError> {
            self.inner.forget(chat).await
        }
        fn scan(&self) -> Box<dyn Iterator<Item = Result<Item, StoreError>> + '_> {
            self.inner.scan()
        }
        async fn restore(&self, items: Vec<Item>) -> Result<(), StoreError> {
            self.inner.restore(items).await
        }
        fn health(&self) -> Result<(), StoreError> {
            self.inner.health()
        }
        async fn close(&self) -> Result<(), StoreError> {
            self.inner.close().await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_store_could_not_note_is_noted_later_and_not_sent_twice() {
        let store = Arc::new(Forgetful {
            inner: MemoryStore::new(),
            refusals: AtomicU32::new(3),
        });
        let room = Room::with(store, Telegram::new(), &clock(), NO_LIMIT);
        room.say_texts(ANN, &["a", "b"]).await;
        room.after(1).await;
        assert_eq!(room.left(), 2);
        room.outbox.reload();
        room.after(10).await;
        assert_eq!(room.left(), 0);
        assert_eq!(room.telegram.texts(ANN), ["<b>a</b>", "<b>b</b>"]);
    }

    #[tokio::test(start_paused = true)]
    async fn rows_nobody_handed_over_are_found_by_a_reload() {
        let room = Room::new(NO_LIMIT);
        commit(&room.store, ANN, vec![reply("a")]).await;
        room.after(1).await;
        assert_eq!(room.telegram.texts(ANN), [""; 0]);
        room.outbox.reload();
        room.after(1).await;
        assert_eq!(room.telegram.texts(ANN), ["<b>a</b>"]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_terminals_rows_are_left_to_the_terminal() {
        let room = Room::new(NO_LIMIT);
        room.say_texts(ChatId::TERMINAL, &["a"]).await;
        room.after(1).await;
        assert_eq!(room.telegram.got(), []);
        assert_eq!(room.left(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_left_of_a_chat_that_has_been_quiet() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        commit(&store, ANN, vec![reply("a")]).await;
        commit(&store, GROUP, vec![reply("b")]).await;
        let telegram = Telegram::new();
        let (mut sender, _outbox) = sender(&telegram, &store, &clock(), RATES);
        sender.start_due(Instant::now());
        while let Some(landed) = sender.in_flight.next().await {
            sender.settle(landed, Instant::now());
        }
        assert_eq!(sender.lanes.len(), 2);
        tokio::time::advance(Duration::from_secs(60)).await;
        sender.start_due(Instant::now());
        assert!(sender.lanes.is_empty() && sender.agenda.is_empty());
    }
}
