//! Handles updates: in order per chat, chats concurrently. An update is in flight until its effect is on disk. A
//! failure is retried and delays only its own chat; after `MAX_FAILURES` failures with a healthy store the update
//! becomes a dead letter, and the person gets an apology. Confirming updates to Telegram is left to `polling` and
//! `webhook`.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use futures::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use jiff::{SignedDuration, Timestamp};
use tokio::{sync::oneshot, task::JoinSet, time::sleep};
use tracing::Instrument;

use super::{
    acknowledger::Acknowledger,
    api::{Api, ApiError, Identity},
    clock::Clock,
    flood_control::{Admission, FloodControl, Sender},
    gcra::Moment,
    incoming::{self, Incoming},
    lenient_json::{self, Repaired},
    outbox::Outbox,
    retry::{MAX_BACKOFF, growing_pause},
    wire::Update,
};
use crate::{
    assistant::{Assistant, HandleError},
    dialogue::{ChatId, DeadLetter, Event, Input, Record, SentAs, UpdateId},
    knowledge::Language,
    metrics::{ErrorKind, UpdateOutcome},
    panics::{self, Panicked},
    store::{OutboxRow, StoreError},
};

/// Maximum updates in flight. Telegram delivers at most 100 at a time; the rest covers slow ones.
pub const MAX_UPDATES_IN_FLIGHT: usize = 256;
/// Failures with a healthy store after which an update is given up.
const MAX_FAILURES: u32 = 5;
/// Albums remembered in order to answer each once; the pictures of an album arrive within seconds.
const MAX_ALBUMS: usize = 256;
/// Updates without an id that are remembered in order to keep each once.
const MAX_UNIDENTIFIED: usize = 16;
/// A message older than this has waited at Telegram and does not count as flooding.
const MAX_FLOOD_AGE: SignedDuration = SignedDuration::from_secs(60);

/// Resolves once an update may be confirmed; `false` if the service ended before that.
pub type Done = Shared<BoxFuture<'static, bool>>;

#[derive(Debug)]
pub enum Accepted {
    /// Nothing to handle.
    Nothing,
    /// In flight, possibly since an earlier delivery.
    Pending(Done),
    /// Too many are in flight, or the service is stopping: Telegram has to redeliver it.
    Full,
}

/// Accepts updates.
#[derive(Clone)]
pub struct Intake(Arc<Inner>);

/// Aborts all work in flight when dropped; Telegram redelivers what was not done.
pub struct Workers(Arc<Inner>);

struct Inner {
    acknowledger: Acknowledger,
    me: Arc<Identity>,
    assistant: Arc<Assistant>,
    outbox: Outbox,
    clock: Clock,
    state: Mutex<State>,
}

struct State {
    in_flight: HashMap<UpdateId, Done>,
    /// For each chat with an update being handled, the updates that wait behind it.
    chats: HashMap<ChatId, VecDeque<Job>>,
    albums: VecDeque<(ChatId, String)>,
    /// The faults and contents of updates without an id that were kept.
    unidentified: VecDeque<(String, String)>,
    flood_control: FloodControl,
    workers: JoinSet<()>,
    ending: bool,
}

struct Job {
    chat: ChatId,
    update: UpdateId,
    kind: JobKind,
    done: oneshot::Sender<bool>,
}

enum JobKind {
    Handle(Event),
    /// The group has this new id.
    Migrate(ChatId),
    /// The update cannot be read, or parsing it panicked: it is only stored.
    Keep(DeadLetter),
}

impl JobKind {
    fn name(&self) -> &'static str {
        match self {
            Self::Handle(event) => event.input.kind(),
            Self::Migrate(_) => "migration",
            Self::Keep(_) => "unreadable",
        }
    }
}

/// Why handling an update failed.
#[derive(Debug, thiserror::Error)]
enum HandleFault {
    #[error("handling failed: {0}")]
    NotHandled(#[from] HandleError),
    #[error("handling panicked outside its turn")]
    Panicked,
}

impl From<StoreError> for HandleFault {
    fn from(error: StoreError) -> Self {
        Self::NotHandled(error.into())
    }
}

impl HandleFault {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::NotHandled(_) => ErrorKind::Store,
            Self::Panicked => ErrorKind::Panic,
        }
    }
}

impl Intake {
    /// An intake for the bot `me`, and its workers. `answers_a_second` is the send rate per chat and therefore the rate
    /// at which one person may send messages; 0 means no limit.
    pub fn new(
        api: Api,
        me: Arc<Identity>,
        assistant: Arc<Assistant>,
        outbox: Outbox,
        clock: Clock,
        answers_a_second: u32,
    ) -> (Self, Workers) {
        let state = State {
            in_flight: HashMap::new(),
            chats: HashMap::new(),
            albums: VecDeque::new(),
            unidentified: VecDeque::new(),
            flood_control: FloodControl::new(answers_a_second),
            workers: JoinSet::new(),
            ending: false,
        };
        let metrics = assistant.metrics().clone();
        let answer = move |press, alert| {
            let api = api.clone();
            async move { api.answer_press(press, alert).await }.boxed()
        };
        let inner = Arc::new(Inner {
            acknowledger: Acknowledger::new(answer, metrics),
            me,
            assistant,
            outbox,
            clock,
            state: Mutex::new(state),
        });
        (Self(inner.clone()), Workers(inner))
    }

    /// Accepts text that should be an update and is no JSON: it is kept as a dead letter.
    pub fn accept_unreadable(&self, text: &str) -> Accepted {
        let id = unreadable_id(text);
        tracing::error!(
            update = id.map(|id| id.0),
            bytes = text.len(),
            "an update cannot be read; it is stepped over and kept: `unbind-bot store dead-letters`"
        );
        // What was written in it stays out: without the chat it is unknown whether that is a secret.
        let outline = lenient_json::outline(&Repaired::from_bytes(text.as_bytes()).text);
        let letter = DeadLetter::for_unreadable(&outline, "it is no JSON", (self.0.clock)());
        self.keep(id, letter)
    }

    /// Keeps a dead letter that belongs to no chat.
    fn keep(&self, id: Option<UpdateId>, letter: DeadLetter) -> Accepted {
        let letter = letter.arrived_in(id);
        let mut state = self.0.lock_state();
        let Some(id) = id else {
            self.0.keep_unidentified(&mut state, letter);
            return Accepted::Nothing;
        };
        match self.0.admit(&mut state, id) {
            Some(accepted) => accepted,
            None => {
                let (chat, kind) = (ChatId::OPERATOR, JobKind::Keep(letter));
                Accepted::Pending(self.0.enqueue(&mut state, id, chat, kind))
            }
        }
    }

    /// Accepts an update. Must be called in the order in which updates arrive, within a tokio runtime.
    pub fn accept(&self, update: &Update) -> Accepted {
        let Some(id) = update.id() else {
            let fault = "it has no id that could be read";
            let letter =
                DeadLetter::for_unreadable(&format!("{update:?}"), fault, (self.0.clock)());
            return self.keep(None, letter);
        };
        self.0.note_dates(update);
        let mut state = self.0.lock_state();
        if let Some(accepted) = self.0.admit(&mut state, id) {
            return accepted;
        }
        match self.0.read_update(&mut state, id, update) {
            None => {
                tracing::info!(update = id.0, "ignored");
                self.0.count_update("other", UpdateOutcome::Ignored);
                Accepted::Nothing
            }
            Some((chat, kind)) => Accepted::Pending(self.0.enqueue(&mut state, id, chat, kind)),
        }
    }

    /// Reports readiness: updates are known to be received for this long.
    pub fn receiving_for(&self, span: Duration) {
        let until = (self.0.clock)().plus(span);
        self.0.assistant.metrics().receiving_until(until);
    }

    /// Counts a failed poll, and keeps why it failed.
    pub fn polling_failed(&self, fault: &ApiError) {
        let metrics = self.0.assistant.metrics();
        metrics.count_error(ErrorKind::Polling);
        metrics.receiving_failed(fault.to_string());
    }

    /// Reports why it is uncertain whether updates are received.
    pub fn receiving_failed(&self, fault: &ApiError) {
        let metrics = self.0.assistant.metrics();
        metrics.receiving_failed(fault.to_string());
    }

    /// Reports that no updates are received, and why.
    pub fn not_receiving(&self, fault: String) {
        self.0.assistant.metrics().not_receiving(fault);
    }

    /// Refuses further updates; those in flight go on.
    pub fn stop_accepting(&self) {
        self.0.lock_state().ending = true;
    }

    /// The health of the store.
    ///
    /// # Errors
    /// The store is unhealthy.
    pub fn health(&self) -> Result<(), StoreError> {
        self.0.assistant.store().health()
    }

    /// Waits for the acknowledgements in flight.
    pub async fn wait_acknowledged(&self) {
        self.0.acknowledger.wait_done().await;
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        let mut state = self.0.lock_state();
        state.ending = true;
        state.chats.clear();
        state.workers.abort_all();
        self.0.acknowledger.abort();
    }
}

impl Inner {
    fn count_update(&self, kind: &'static str, outcome: UpdateOutcome) {
        self.assistant.metrics().count_update(kind, outcome);
    }

    /// Compares the clock with the dates in an update.
    fn note_dates(&self, update: &Update) {
        if let Some(date) = incoming::delivered_date(update) {
            self.assistant.note_delivered_date(date, (self.clock)());
        }
        if let Some(date) = incoming::pressed_date(update) {
            self.assistant.note_past_date(date);
        }
    }

    fn lock_state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a new update may be put in flight: `None` if so.
    fn admit(&self, state: &mut State, id: UpdateId) -> Option<Accepted> {
        if let Some(done) = state.in_flight.get(&id) {
            return Some(Accepted::Pending(done.clone()));
        }
        if state.ending || state.in_flight.len() >= MAX_UPDATES_IN_FLIGHT {
            self.count_update("any", UpdateOutcome::Refused);
            return Some(Accepted::Full);
        }
        None
    }

    /// Keeps an update without an id, once: it cannot be confirmed by itself, so Telegram may redeliver it many times.
    fn keep_unidentified(self: &Arc<Self>, state: &mut State, letter: DeadLetter) {
        let content = (letter.fault.clone(), letter.event.clone());
        if state.unidentified.contains(&content) || state.ending {
            return;
        }
        tracing::error!(
            "an update has no id; it is stepped over and kept: `unbind-bot store dead-letters`"
        );
        self.count_update("unreadable", UpdateOutcome::GivenUp);
        if state.unidentified.len() == MAX_UNIDENTIFIED {
            state.unidentified.pop_front();
        }
        state.unidentified.push_back(content);
        let (inner, now) = (self.clone(), (self.clock)());
        while state.workers.try_join_next().is_some() {}
        state.workers.spawn(async move {
            for tries in 1..=MAX_FAILURES {
                let keeping = inner.assistant.keep_dead_letter(letter.clone(), now);
                if let Ok(Ok(())) = panics::catch_async(keeping).await {
                    return;
                }
                sleep(growing_pause(tries, MAX_BACKOFF)).await;
            }
            tracing::error!("an update without an id could not be kept");
        });
    }

    /// Parses an update; `None` if there is nothing to handle. A press is acknowledged at once.
    fn read_update(
        &self,
        state: &mut State,
        id: UpdateId,
        update: &Update,
    ) -> Option<(ChatId, JobKind)> {
        if let Some((from, to)) = incoming::migration(update) {
            return Some((from, JobKind::Migrate(to)));
        }
        let base = self.assistant.base();
        match panics::catch(|| incoming::read(update, &self.me, &base.command_words)) {
            Ok(Some(incoming)) => self.admit_incoming(state, incoming, (self.clock)()),
            Ok(None) => {
                if let Some(query) = incoming::press_id(update) {
                    self.acknowledger.acknowledge(query, None);
                }
                None
            }
            Err(Panicked(fault)) => {
                tracing::error!(
                    update = id.0,
                    "parsing an update panicked; it is kept as a dead letter"
                );
                let letter =
                    DeadLetter::for_unreadable(&format!("{update:?}"), &fault, (self.clock)());
                let letter = letter.arrived_in(Some(id));
                Some((ChatId::OPERATOR, JobKind::Keep(letter)))
            }
        }
    }

    /// Filters out presses of other people's buttons, further pictures of an album, and floods.
    fn admit_incoming(
        &self,
        state: &mut State,
        mut incoming: Incoming,
        now: Timestamp,
    ) -> Option<(ChatId, JobKind)> {
        let admission = if is_stale(&incoming, now) {
            Admission::Admitted
        } else {
            state.flood_control.admit(sender_of(&incoming), now)
        };
        let is_for_another = is_for_another(&incoming.event);
        if let Some(query) = incoming.callback.take() {
            let alert = is_for_another.then(|| self.wrong_owner_alert(&incoming.event));
            self.acknowledger.acknowledge(query, alert);
        }
        if is_for_another || is_known_album(&incoming, &mut state.albums) {
            return None;
        }
        let event = match admission {
            Admission::Admitted => incoming.event,
            Admission::TellToWait(wait) => too_fast(incoming.event, wait),
            Admission::Dropped => return None,
        };
        Some((incoming.chat, JobKind::Handle(event)))
    }

    /// The alert for a press of another person's button, in the app language of the person who pressed it.
    fn wrong_owner_alert(&self, event: &Event) -> String {
        let lines = &self.assistant.base().lines;
        let spoken = lines.languages();
        let language = event.app_language.filter(|own| spoken.contains(own));
        lines.label(language.unwrap_or(Language::EN), "not-yours", &[])
    }

    /// Puts an update at the end of its chat's queue; a chat without a queue gets a worker.
    fn enqueue(
        self: &Arc<Self>,
        state: &mut State,
        update: UpdateId,
        chat: ChatId,
        kind: JobKind,
    ) -> Done {
        let (sender, receiver) = oneshot::channel();
        let done = receiver.map(|done| done.unwrap_or(false)).boxed().shared();
        state.in_flight.insert(update, done.clone());
        let job = Job {
            chat,
            update,
            kind,
            done: sender,
        };
        match state.chats.entry(chat) {
            Entry::Occupied(queue) => queue.into_mut().push_back(job),
            Entry::Vacant(queue) => {
                queue.insert(VecDeque::from([job]));
                while state.workers.try_join_next().is_some() {}
                state.workers.spawn(run_worker(self.clone(), chat));
            }
        }
        done
    }

    /// The chat's next update; without one, the queue is removed and the worker ends.
    fn next_job(&self, chat: ChatId) -> Option<Job> {
        let mut state = self.lock_state();
        let job = state.chats.get_mut(&chat)?.pop_front();
        if job.is_none() {
            state.chats.remove(&chat);
        }
        job
    }

    fn finish_job(&self, job: Job) {
        self.lock_state().in_flight.remove(&job.update);
        // The receiver may be gone.
        let _ = job.done.send(true);
    }

    /// Retries until the update is committed or given up.
    async fn handle_with_retry(&self, job: &Job) {
        let begun = Instant::now();
        let (mut tries, mut failures) = (0, 0);
        loop {
            let done = match failures {
                MAX_FAILURES.. => self.give_up(job).await,
                _ => self.try_job(job).await,
            };
            let fault = match done {
                Ok(rows) => return self.send_replies(job, rows, tries, begun.elapsed()),
                Err(fault) => fault,
            };
            self.assistant.metrics().count_error(fault.kind());
            tracing::error!(event = "update_retry", error = %fault, "handling failed; will be retried");
            tries += 1;
            // Failures with an unhealthy store are not the fault of the update.
            failures += u32::from(self.assistant.store().health().is_ok());
            sleep(growing_pause(tries, MAX_BACKOFF)).await;
        }
    }

    async fn try_job(&self, job: &Job) -> Result<Vec<OutboxRow>, HandleFault> {
        let now = (self.clock)();
        catch_panic(async {
            match &job.kind {
                JobKind::Handle(event) => {
                    let (chat, update) = (job.chat, Some(job.update));
                    let handled = self.assistant.handle(chat, update, event, now).await?;
                    return Ok(handled.rows);
                }
                JobKind::Migrate(to) => self.assistant.migrate(job.chat, *to).await?,
                JobKind::Keep(letter) => {
                    self.assistant.keep_dead_letter(letter.clone(), now).await?
                }
            }
            Ok(Vec::new())
        })
        .await
    }

    async fn give_up(&self, job: &Job) -> Result<Vec<OutboxRow>, HandleFault> {
        let (chat, update) = (job.chat, job.update);
        tracing::error!(
            "an update failed {MAX_FAILURES} times and is given up; it is kept: `unbind-bot store dead-letters`"
        );
        self.count_update(job.kind.name(), UpdateOutcome::GivenUp);
        let JobKind::Handle(event) = &job.kind else {
            return Ok(Vec::new());
        };
        let fault = format!("it failed {MAX_FAILURES} times outside its turn");
        let now = (self.clock)();
        let given_up = async {
            let given_up = self.assistant.give_up(chat, update, event, &fault, now);
            Ok(given_up.await?)
        };
        let given_up = catch_panic(given_up).await;
        if given_up.is_ok() {
            return given_up;
        }
        // A dead letter that cannot be stored with its chat is stored with the operator's record, that of the terminal.
        let letter = DeadLetter::for_event(&Record::default(), event, &fault, now);
        let letter = letter.arrived_in(Some(update));
        catch_panic(async {
            self.assistant.keep_dead_letter(letter, now).await?;
            Ok(Vec::new())
        })
        .await
    }

    fn send_replies(&self, job: &Job, rows: Vec<OutboxRow>, tries: u32, took: Duration) {
        let kind = job.kind.name();
        let outcome = match job.kind {
            JobKind::Handle(_) | JobKind::Migrate(_) => UpdateOutcome::Handled,
            JobKind::Keep(_) => UpdateOutcome::GivenUp,
        };
        self.count_update(kind, outcome);
        // The version and the chat identify the log lines of the rows when they are sent.
        let version = rows.first().map(|row| row.id.version);
        tracing::info!(kind, version, rows = rows.len(), ?took, "handled");
        if tries > 0 || matches!(job.kind, JobKind::Migrate(_)) {
            // Rows have new ids, or a commit whose acknowledgement was lost left rows that were not handed over.
            self.outbox.reload();
        }
        self.outbox.send(rows);
    }
}

/// Handles a chat's updates one after another until there are no more.
async fn run_worker(intake: Arc<Inner>, chat: ChatId) {
    while let Some(job) = intake.next_job(chat) {
        // Every log line names the update. The span has the level of errors so that it is always enabled.
        let span = tracing::error_span!("update", id = job.update.0, %chat);
        intake.handle_with_retry(&job).instrument(span).await;
        intake.finish_job(job);
    }
}

/// The id of an update that is no JSON.
pub(super) fn unreadable_id(text: &str) -> Option<UpdateId> {
    let id = lenient_json::first_number(text, "update_id")?;
    u32::try_from(id).ok().map(UpdateId)
}

async fn catch_panic<T>(
    work: impl Future<Output = Result<T, HandleFault>>,
) -> Result<T, HandleFault> {
    panics::catch_async(work)
        .await
        .unwrap_or(Err(HandleFault::Panicked))
}

/// The event that tells its sender to wait. Its answer replies to the same message as the answer to the original event
/// would: in comments, a message that is no reply leaves the thread.
fn too_fast(event: Event, wait: Duration) -> Event {
    let replied_to = event.reply_to().map(|reply_to| reply_to.message);
    Event {
        input: Input::TooFast {
            seconds: wait.as_secs().max(1),
        },
        message: replied_to.or(event.message),
        sent_as: SentAs::New,
        ..event
    }
}

fn sender_of(incoming: &Incoming) -> Sender {
    match incoming.event.from {
        Some(user) => Sender::User(user),
        None => Sender::Chat(incoming.chat),
    }
}

fn is_stale(incoming: &Incoming, now: Timestamp) -> bool {
    incoming
        .said_at
        .is_some_and(|said| now.duration_since(said) > MAX_FLOOD_AGE)
}

fn is_for_another(event: &Event) -> bool {
    matches!(&event.input, Input::Press { press: Some(press), .. } if press.is_for_another(event.from))
}

/// Whether it is a further picture of an album that was answered already.
fn is_known_album(incoming: &Incoming, answered: &mut VecDeque<(ChatId, String)>) -> bool {
    let Some(album) = incoming.album.clone() else {
        return false;
    };
    let album = (incoming.chat, album);
    if answered.contains(&album) {
        return matches!(incoming.event.input, Input::Attachment(_));
    }
    if answered.len() == MAX_ALBUMS {
        answered.pop_front();
    }
    answered.push_back(album);
    false
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use async_trait::async_trait;
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        assistant::TimeSource,
        dialogue::{Base, Context, MessageId, ReplyTo, Turn},
        knowledge::Knowledge,
        store::{
            Commit, Store,
            memory::MemoryStore,
            testing::{HookedStore, Hooks},
        },
        telegram::{delivery::Delivery, outbox, rate_limit::Rates},
    };

    const ANN: ChatId = ChatId(1);
    const BEN: ChatId = ChatId(2);

    /// Commits of Ann's chat panic, hang or fail; for others the chats are recorded.
    #[derive(Default)]
    struct AgainstAnn {
        inner: Arc<MemoryStore>,
        panics: bool,
        hangs: bool,
        unhealthy: AtomicBool,
        kept: Mutex<Vec<ChatId>>,
    }

    #[async_trait]
    impl Hooks for AgainstAnn {
        async fn before_commit(&self, commit: &Commit) -> Result<(), StoreError> {
            if commit.chat != ANN {
                return Ok(());
            }
            assert!(!self.panics, "on purpose");
            if self.hangs {
                std::future::pending::<()>().await;
            }
            Err(StoreError::Damaged("Ann's record".into()))
        }

        async fn after_commit(&self, commit: &Commit) -> Result<(), StoreError> {
            self.kept.lock().unwrap().push(commit.chat);
            Ok(())
        }

        fn before_health(&self) -> Result<(), StoreError> {
            if self.unhealthy.load(Ordering::Relaxed) {
                return Err(StoreError::Unavailable("no room".into()));
            }
            Ok(())
        }
    }

    struct Fixture {
        intake: Intake,
        store: Arc<dyn Store>,
        hooks: Arc<AgainstAnn>,
        _workers: Workers,
    }

    fn fixture(hooks: AgainstAnn) -> Fixture {
        fixture_with(hooks, 0, |assistant| assistant)
    }

    fn fixture_with(
        hooks: AgainstAnn,
        answers_a_second: u32,
        assistant: impl FnOnce(Assistant) -> Assistant,
    ) -> Fixture {
        let hooks = Arc::new(hooks);
        let store: Arc<dyn Store> = Arc::new(HookedStore::new(hooks.inner.clone(), hooks.clone()));
        let nowhere = "http://127.0.0.1:1".parse().unwrap();
        let api = Api::new("1:x", nowhere).unwrap();
        let clock: Clock = Arc::new(|| Timestamp::UNIX_EPOCH);
        let rates = Rates {
            overall: 0,
            per_chat: 0,
        };
        let base = Base::new(Knowledge::default());
        let assistant = Arc::new(assistant(Assistant::new(base, store.clone())));
        let delivery = Delivery::new(api.clone(), assistant.clone(), clock.clone());
        let sender =
            outbox::OutboxSender::new(delivery, store.clone(), clock.clone(), "bot", rates);
        let (_, outbox) = sender.unwrap();
        let (intake, workers) = Intake::new(
            api,
            Arc::default(),
            assistant,
            outbox,
            clock,
            answers_a_second,
        );
        Fixture {
            intake,
            store,
            hooks,
            _workers: workers,
        }
    }

    impl Fixture {
        fn accept(&self, update: &Value) -> Accepted {
            self.intake.accept(&Update::read(update.clone()))
        }

        /// Accepts an update; panics if it is not in flight afterwards.
        fn take(&self, update: &Value) -> Done {
            match self.accept(update) {
                Accepted::Pending(done) => done,
                other => panic!("{other:?}"),
            }
        }

        fn kept(&self) -> Vec<ChatId> {
            self.hooks.kept.lock().unwrap().clone()
        }

        fn letters(&self, chat: ChatId) -> Vec<DeadLetter> {
            self.store.load(chat).unwrap().record.dead_letters
        }
    }

    fn said(update: u32, chat: ChatId, fields: Value) -> Value {
        let mut message =
            json!({"message_id": 1, "date": 0, "chat": {"id": chat.0, "type": "private"}});
        let fields = fields.as_object().unwrap().clone();
        message.as_object_mut().unwrap().extend(fields);
        json!({"update_id": update, "message": message})
    }

    fn hello(update: u32, chat: ChatId) -> Value {
        said(update, chat, json!({"text": "hello"}))
    }

    #[tokio::test(start_paused = true)]
    async fn a_failing_update_is_retried_then_kept_as_a_dead_letter_and_delays_no_other_chat() {
        for panics in [true, false] {
            let fixture = fixture(AgainstAnn {
                panics,
                ..AgainstAnn::default()
            });
            let begun = tokio::time::Instant::now();
            let (poisoned, behind) = (fixture.take(&hello(5, ANN)), fixture.take(&hello(6, ANN)));
            assert!(fixture.take(&hello(7, BEN)).await);
            assert_eq!(begun.elapsed(), Duration::ZERO, "Ben did not wait");
            assert!(poisoned.await && behind.await, "they may be confirmed");
            // Ann's record cannot be written at all, so the dead letters are in the operator's record.
            assert_eq!(fixture.kept(), [BEN, ChatId::TERMINAL, ChatId::TERMINAL]);
            let letters = fixture.letters(ChatId::TERMINAL);
            assert_eq!(letters[0].update, Some(UpdateId(5)));
            assert!(letters[0].event.contains("hello"), "{letters:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_chat_delays_only_itself() {
        let fixture = fixture(AgainstAnn {
            hangs: true,
            ..AgainstAnn::default()
        });
        let (slow, behind) = (fixture.take(&hello(5, ANN)), fixture.take(&hello(6, ANN)));
        for update in 7..200 {
            assert!(fixture.take(&hello(update, BEN)).await);
        }
        assert_eq!((slow.now_or_never(), behind.now_or_never()), (None, None));
    }

    #[tokio::test]
    async fn the_dates_of_messages_and_of_pressed_messages_correct_a_clock_that_is_behind() {
        const DATE: i64 = 1_700_000_000;
        let message =
            json!({"message_id": 1, "date": DATE, "chat": {"id": BEN.0, "type": "private"}});
        let pressed = json!({"update_id": 5, "callback_query": {
            "id": "1", "from": {"id": BEN.0}, "data": "0.help", "message": message,
        }});
        let edited = json!({"text": "hello", "date": DATE - 60, "edit_date": DATE});
        let edited = json!({"update_id": 5, "edited_message": said(5, BEN, edited)["message"]});
        let sent = said(5, BEN, json!({"text": "hello", "date": DATE}));
        for update in [sent, edited, pressed] {
            let fixture = fixture_with(AgainstAnn::default(), 0, |assistant| {
                assistant.telling_time_by(TimeSource::Messages)
            });
            assert!(fixture.take(&update).await);
            let record = fixture.store.load(BEN).unwrap().record;
            let handled = record.updates.last().unwrap().at.as_second();
            assert!((DATE..DATE + 3600).contains(&handled), "{update}");
        }
    }

    /// A turn that panics at the text "boom".
    fn panics_at_will(record: &Record, event: &Event, context: &Context<'_>) -> Turn {
        let boom = matches!(&event.input, Input::Text(text) if text == "boom");
        assert!(!boom, "on purpose");
        crate::dialogue::respond(record, event, context)
    }

    #[tokio::test]
    async fn after_a_panic_in_a_turn_the_chat_goes_on_and_the_update_is_a_dead_letter() {
        let fixture = fixture_with(AgainstAnn::default(), 0, |assistant| {
            assistant.responding(panics_at_will)
        });
        let boom = fixture.take(&said(5, BEN, json!({"text": "boom"})));
        let next = fixture.take(&hello(6, BEN));
        assert!(boom.await && next.await);
        let record = fixture.store.load(BEN).unwrap().record;
        assert!(record.has_seen(UpdateId(5)) && record.has_seen(UpdateId(6)));
        assert_eq!(fixture.letters(BEN)[0].update, Some(UpdateId(5)));
        assert_eq!(
            fixture.store.outbox().unwrap().len(),
            2,
            "an apology and an answer"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn while_the_store_is_unhealthy_no_update_is_given_up() {
        let fixture = fixture(AgainstAnn::default());
        fixture.hooks.unhealthy.store(true, Ordering::Relaxed);
        let done = fixture.take(&hello(5, ANN));
        let a_day = Duration::from_secs(24 * 60 * 60);
        assert!(tokio::time::timeout(a_day, done.clone()).await.is_err());
        assert_eq!(fixture.letters(ChatId::TERMINAL), []);
        fixture.hooks.unhealthy.store(false, Ordering::Relaxed);
        assert!(done.await);
    }

    #[tokio::test]
    async fn an_update_that_comes_twice_while_it_is_in_flight_has_one_effect() {
        let fixture = fixture(AgainstAnn::default());
        let (once, again) = (fixture.take(&hello(5, BEN)), fixture.take(&hello(5, BEN)));
        assert!(once.await && again.await);
        assert!(fixture.take(&hello(5, BEN)).await, "also when it was done");
        assert_eq!(fixture.kept(), [BEN]);
    }

    #[tokio::test]
    async fn updates_out_of_order_with_gaps_and_repeated_have_one_effect_each() {
        let fixture = fixture(AgainstAnn::default());
        // Visits 0..101 with a stride, three times, from both ends of the range.
        let ids = (0..303_u32).map(|step| step * 37 % 101);
        let ids = ids.map(|id| {
            if id % 2 == 0 {
                5 + 3 * id
            } else {
                u32::MAX - id
            }
        });
        let mut all = std::collections::BTreeSet::new();
        for id in ids {
            all.insert(id);
            assert!(fixture.take(&hello(id, BEN)).await);
        }
        assert_eq!(fixture.kept().len(), all.len());
        assert_eq!(all.len(), 101);
    }

    #[tokio::test]
    async fn the_number_of_updates_in_flight_is_limited() {
        let fixture = fixture(AgainstAnn {
            hangs: true,
            ..AgainstAnn::default()
        });
        let full = u32::try_from(MAX_UPDATES_IN_FLIGHT).unwrap();
        for update in 0..full {
            drop(fixture.take(&hello(update, ANN)));
        }
        assert!(matches!(fixture.accept(&hello(full, BEN)), Accepted::Full));
        // An update in flight is accepted again.
        drop(fixture.take(&hello(3, ANN)));
    }

    #[tokio::test]
    async fn an_update_that_is_not_done_at_shutdown_is_not_confirmed() {
        let fixture = fixture(AgainstAnn {
            hangs: true,
            ..AgainstAnn::default()
        });
        let done = fixture.take(&hello(5, ANN));
        let Fixture {
            intake, _workers, ..
        } = fixture;
        drop(_workers);
        assert!(!done.await);
        assert!(matches!(
            intake.accept(&Update::read(hello(6, BEN))),
            Accepted::Full
        ));
    }

    #[tokio::test]
    async fn an_album_is_handled_once_and_its_caption_as_well() {
        let fixture = fixture(AgainstAnn::default());
        let picture = json!({"photo": [], "media_group_id": "9"});
        let captioned = json!({"photo": [], "media_group_id": "9", "caption": "what is this?"});
        let other = json!({"photo": [], "media_group_id": "10"});
        for (update, fields) in (1..).zip([&picture, &picture, &captioned, &picture, &other]) {
            if let Accepted::Pending(done) = fixture.accept(&said(update, BEN, fields.clone())) {
                assert!(done.await);
            }
        }
        assert_eq!(fixture.kept().len(), 3);
    }

    /// A press of a button in the group; its data names the owner.
    fn pressed(update: u32, by: u64, data: &str, app_language: &str) -> Value {
        let from = json!({"id": by, "is_bot": false, "language_code": app_language});
        let message = json!({"message_id": 5, "chat": {"id": -9, "type": "supergroup"}});
        json!({"update_id": update, "callback_query": {
            "id": "q", "from": from, "message": message, "data": data,
        }})
    }

    #[tokio::test]
    async fn a_press_of_anothers_button_has_no_effect() {
        let fixture = fixture(AgainstAnn::default());
        // The button belongs to user 7.
        let theirs = fixture.accept(&pressed(8, 11, "0~7.help", "en"));
        assert!(matches!(theirs, Accepted::Nothing), "{theirs:?}");
        for own in [
            pressed(9, 7, "0~7.help", "en"),
            pressed(10, 11, "0.help", "en"),
        ] {
            assert!(fixture.take(&own).await);
        }
        assert_eq!(fixture.kept(), [ChatId(-9), ChatId(-9)]);
    }

    #[tokio::test]
    async fn a_press_of_anothers_button_shows_an_alert_in_the_language_of_the_app() {
        let fixture = fixture(AgainstAnn::default());
        let inner = &fixture.intake.0;
        let told = |app_language: &str| {
            let update = Update::read(pressed(8, 11, "0~7.help", app_language));
            let words = &inner.assistant.base().command_words;
            let incoming = incoming::read(&update, &inner.me, words).unwrap();
            inner.wrong_owner_alert(&incoming.event)
        };
        let lines = &inner.assistant.base().lines;
        let line = |language| lines.label(language, "not-yours", &[]);
        assert_eq!(told("zh-hans"), line(Language::ZH));
        for other in ["en", "fr", "", "x"] {
            assert_eq!(told(other), line(Language::EN));
        }
    }

    #[tokio::test]
    async fn a_flooding_sender_is_told_once_and_delayed_updates_are_no_flood() {
        const MANY: u32 = 100;
        let fixture = fixture_with(AgainstAnn::default(), 1, |assistant| assistant);
        let mut heard = 0;
        for update in 0..MANY {
            if let Accepted::Pending(done) = fixture.accept(&hello(update, BEN)) {
                assert!(done.await);
                heard += 1;
            }
        }
        assert!(heard > 1 && heard < MANY / 2, "{heard}");
        let rows = fixture.store.outbox().unwrap();
        let words = fixture.intake.0.assistant.base().lines.say(
            Language::EN,
            "too-fast",
            &[("seconds", 10_u64.into())],
        );
        let told = rows.iter().filter(|row| row.reply.text == words).count();
        assert_eq!(told, 1);
        for update in MANY..2 * MANY {
            let old = said(update, ChatId(3), json!({"text": "hello", "date": -3600}));
            assert!(fixture.take(&old).await);
        }
    }

    #[tokio::test]
    async fn a_flood_of_presses_in_comments_is_answered_in_their_thread() {
        let fixture = fixture_with(AgainstAnn::default(), 1, |assistant| assistant);
        for update in 0..100 {
            let mut press = pressed(update, 7, "0.help", "en");
            press["callback_query"]["message"]["message_thread_id"] = json!(3);
            if let Accepted::Pending(done) = fixture.accept(&press) {
                assert!(done.await);
            }
        }
        let rows = fixture.store.outbox().unwrap();
        let words = fixture.intake.0.assistant.base().lines.say(
            Language::EN,
            "too-fast",
            &[("seconds", 10_u64.into())],
        );
        let told = rows.iter().find(|row| row.reply.text == words).unwrap();
        let pressed = ReplyTo {
            message: MessageId(5),
            throughout: true,
        };
        assert_eq!(told.reply_to, Some(pressed));
    }

    #[tokio::test]
    async fn updates_that_are_no_events_are_ignored() {
        let fixture = fixture(AgainstAnn::default());
        for update in [
            json!(null),
            json!([]),
            json!({"update_id": "x"}),
            json!({"update_id": 1}),
            json!({"update_id": 2, "poll": {}}),
            json!({"update_id": 3, "message": {"text": 5}}),
        ] {
            assert!(
                matches!(fixture.accept(&update), Accepted::Nothing),
                "{update}"
            );
        }
        assert_eq!(fixture.kept(), []);
    }
}
