//! Accepts updates, however they came, and gives each its effect: chats side by side, each chat in order.
//!
//! An update is in flight until its effect is on disk: what fails is tried again, where it holds up its own chat and no
//! other. What fails too often while the store is well is given up, with an apology, as a dead letter. Only what is done
//! may be confirmed to Telegram; how that happens is left to `polling` and `webhook`.

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
    api::{Api, Identity},
    clock::Clock,
    flood_control::{Admission, FloodControl, Sender},
    incoming::{self, Incoming},
    outbox::Outbox,
    rate_limit::Moment,
    retry::growing_pause,
    wire::Update,
};
use crate::{
    assistant::{Assistant, HandleError},
    dialogue::{ChatId, DeadLetter, Event, Input, Record, UpdateId},
    knowledge::Language,
    metrics::{ErrorKind, UpdateOutcome},
    panics::{self, Panicked},
    store::{OutboxRow, StoreError},
};

/// Updates in flight at once. Telegram brings at most 100 at a time, by either way; the rest is for those that hang.
pub const MAX_IN_FLIGHT: usize = 256;
/// An update that fails so often while the store is well is given up.
const MAX_FAILURES: u32 = 5;
/// What failed is tried again no less often than this.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Presses being acknowledged at once. Each takes a moment; when the server hangs, more would only pile up.
const MAX_ACKNOWLEDGING: usize = 128;
/// Albums that are remembered, to answer each once; its pictures come within moments.
const REMEMBERED_ALBUMS: usize = 256;
/// What was said longer ago than this has waited at Telegram, and does not count as a flood.
const STALE: SignedDuration = SignedDuration::from_secs(60);

/// Becomes ready once an update may be confirmed; `false` when the service ended before.
pub type Done = Shared<BoxFuture<'static, bool>>;

/// What became of an update that was brought.
#[derive(Debug)]
pub enum Accepted {
    /// There is nothing in it to react to, or nothing that could be confirmed.
    Nothing,
    /// It is in flight, maybe since an earlier delivery.
    Pending(Done),
    /// There are too many in flight, or the service is ending: it must come again later.
    Full,
}

/// Where updates are brought.
#[derive(Clone)]
pub struct Intake(Arc<Inner>);

/// Ends all work in flight when it is dropped; what is not done comes again.
pub struct Workers(Arc<Inner>);

struct Inner {
    api: Api,
    me: Arc<Identity>,
    assistant: Arc<Assistant>,
    outbox: Outbox,
    clock: Clock,
    state: Mutex<State>,
}

struct State {
    in_flight: HashMap<UpdateId, Done>,
    /// What waits behind the update each of these chats is working on.
    chats: HashMap<ChatId, VecDeque<Job>>,
    albums: VecDeque<(ChatId, String)>,
    flood_control: FloodControl,
    workers: JoinSet<()>,
    acknowledging: JoinSet<()>,
    ending: bool,
}

/// An update in flight.
struct Job {
    chat: ChatId,
    update: UpdateId,
    task: Task,
    done: oneshot::Sender<bool>,
}

/// What is to be done with it.
enum Task {
    Handle(Event),
    /// The group has another id from now on.
    Migrate(ChatId),
    /// Reading it panicked: all that can be done is to keep it.
    Keep(DeadLetter),
}

impl Task {
    fn kind(&self) -> &'static str {
        match self {
            Self::Handle(event) => event.input.kind(),
            Self::Migrate(_) => "migration",
            Self::Keep(_) => "unreadable",
        }
    }
}

/// Why an update had no effect yet.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("it was not handled: {0}")]
    NotHandled(#[from] HandleError),
    #[error("it panicked outside its turn")]
    Panicked,
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::NotHandled(error.into())
    }
}

impl Fault {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::NotHandled(_) => ErrorKind::Store,
            Self::Panicked => ErrorKind::Panic,
        }
    }
}

impl Intake {
    /// An intake for what is said to `me`, and its workers. `answers_a_second` is how fast one chat is answered, and
    /// therefore may send messages; 0 is no limit.
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
            flood_control: FloodControl::new(answers_a_second),
            workers: JoinSet::new(),
            acknowledging: JoinSet::new(),
            ending: false,
        };
        let inner = Arc::new(Inner {
            api,
            me,
            assistant,
            outbox,
            clock,
            state: Mutex::new(state),
        });
        (Self(inner.clone()), Workers(inner))
    }

    /// Accepts an update. Call it in the order in which updates come; not outside a tokio runtime.
    pub fn accept(&self, update: &Update) -> Accepted {
        let Some(id) = update.id() else {
            tracing::error!("an update without an id; nothing can be done with it");
            return Accepted::Nothing;
        };
        let mut state = self.0.state();
        if let Some(done) = state.in_flight.get(&id) {
            return Accepted::Pending(done.clone());
        }
        if state.ending || state.in_flight.len() >= MAX_IN_FLIGHT {
            self.0.count_update("any", UpdateOutcome::Refused);
            return Accepted::Full;
        }
        match self.0.read(&mut state, id, update) {
            None => {
                tracing::info!(update = id.0, "passed over");
                self.0.count_update("other", UpdateOutcome::Ignored);
                Accepted::Nothing
            }
            Some((chat, task)) => Accepted::Pending(self.0.enqueue(&mut state, id, chat, task)),
        }
    }

    /// Updates come in, and that is known to hold for so long.
    pub fn receiving_for(&self, span: Duration) {
        let until = (self.0.clock)().plus(span);
        self.0.assistant.metrics().receiving_until(until);
    }

    /// Telegram could not be asked for updates.
    pub fn polling_failed(&self) {
        self.0.assistant.metrics().count_error(ErrorKind::Polling);
    }

    /// Accepts nothing more; what is in flight goes on.
    pub fn stop_accepting(&self) {
        self.0.state().ending = true;
    }

    /// Whether updates can be given their effects at present.
    ///
    /// # Errors
    /// What is wrong with the store.
    pub fn health(&self) -> Result<(), StoreError> {
        self.0.assistant.store().health()
    }

    /// Waits until the presses under way are acknowledged.
    pub async fn wait_acknowledged(&self) {
        let mut under_way = std::mem::take(&mut self.0.state().acknowledging);
        while under_way.join_next().await.is_some() {}
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.ending = true;
        state.chats.clear();
        state.workers.abort_all();
        state.acknowledging.abort_all();
    }
}

impl Inner {
    fn count_update(&self, kind: &'static str, outcome: UpdateOutcome) {
        self.assistant.metrics().count_update(kind, outcome);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is to be done about an update, if anything; a press is acknowledged at once.
    fn read(&self, state: &mut State, id: UpdateId, update: &Update) -> Option<(ChatId, Task)> {
        if let Some((from, to)) = incoming::migration(update) {
            return Some((from, Task::Migrate(to)));
        }
        match panics::catch(|| incoming::read(update, &self.me)) {
            Ok(incoming) => self.filter(state, incoming?, (self.clock)()),
            Err(Panicked(fault)) => {
                tracing::error!(
                    update = id.0,
                    "reading an update panicked; it is kept as a dead letter"
                );
                let letter = DeadLetter::of_text(&format!("{update:?}"), &fault, (self.clock)());
                let letter = letter.arrived_in(Some(id));
                Some((ChatId::TERMINAL, Task::Keep(letter)))
            }
        }
    }

    /// Leaves out what is not to be handled: the presses of other people's buttons, the rest of an album, a flood.
    fn filter(
        &self,
        state: &mut State,
        mut incoming: Incoming,
        now: Timestamp,
    ) -> Option<(ChatId, Task)> {
        let admission = if is_stale(&incoming, now) {
            Admission::Admitted
        } else {
            state.flood_control.admit(sender_of(&incoming), now)
        };
        let is_for_another = is_for_another(&incoming.event);
        if let Some(query) = incoming.callback.take() {
            let alert = is_for_another.then(|| self.not_yours(&incoming.event));
            self.acknowledge_press(state, query, alert);
        }
        if is_for_another || repeats_album(&incoming, &mut state.albums) {
            return None;
        }
        let event = match admission {
            Admission::Admitted => incoming.event,
            Admission::TellToWait(wait) => Event {
                input: Input::TooFast {
                    seconds: wait.as_secs().max(1),
                },
                ..incoming.event
            },
            Admission::Dropped => return None,
        };
        Some((incoming.chat, Task::Handle(event)))
    }

    fn acknowledge_press(
        &self,
        state: &mut State,
        query: teloxide::types::CallbackQueryId,
        alert: Option<String>,
    ) {
        while state.acknowledging.try_join_next().is_some() {}
        if state.acknowledging.len() >= MAX_ACKNOWLEDGING {
            tracing::warn!("a press is not acknowledged: too many are waiting for that");
            return;
        }
        let api = self.api.clone();
        let acknowledge = async move { api.answer_press(query, alert).await };
        state.acknowledging.spawn(acknowledge);
    }

    /// What is said about a press of another person's button, in the language of the app of who pressed it and alone
    /// sees it.
    fn not_yours(&self, event: &Event) -> String {
        let lines = &self.assistant.base().lines;
        let spoken = lines.languages();
        let language = event.app_language.filter(|own| spoken.contains(own));
        lines.label(language.unwrap_or(Language::EN), "not-yours", &[])
    }

    /// Puts an update at the end of its chat's queue; a chat that has none gets a worker.
    fn enqueue(
        self: &Arc<Self>,
        state: &mut State,
        update: UpdateId,
        chat: ChatId,
        task: Task,
    ) -> Done {
        let (sender, receiver) = oneshot::channel();
        let done = receiver.map(|done| done.unwrap_or(false)).boxed().shared();
        state.in_flight.insert(update, done.clone());
        let job = Job {
            chat,
            update,
            task,
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

    /// The chat's next update; a chat without one loses its worker.
    fn next_job(&self, chat: ChatId) -> Option<Job> {
        let mut state = self.state();
        let job = state.chats.get_mut(&chat)?.pop_front();
        if job.is_none() {
            state.chats.remove(&chat);
        }
        job
    }

    fn finish_job(&self, job: Job) {
        self.state().in_flight.remove(&job.update);
        // The delivery that brought it may have been given up.
        let _ = job.done.send(true);
    }

    /// Tries until the update has its effect, or is given up.
    async fn give_effect(&self, job: &Job) {
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
            tracing::error!(error = %fault, "an update had no effect yet; it stays at Telegram and is tried again");
            tries += 1;
            // As long as the store is unwell, it is not the update's fault.
            failures += u32::from(self.assistant.store().health().is_ok());
            sleep(growing_pause(tries, LONGEST_PAUSE)).await;
        }
    }

    async fn try_job(&self, job: &Job) -> Result<Vec<OutboxRow>, Fault> {
        let now = (self.clock)();
        guarded(async {
            match &job.task {
                Task::Handle(event) => {
                    let (chat, update) = (job.chat, Some(job.update));
                    let handled = self.assistant.handle(chat, update, event, now).await?;
                    return Ok(handled.rows);
                }
                Task::Migrate(to) => self.assistant.migrate(job.chat, *to).await?,
                Task::Keep(letter) => self.assistant.keep_dead_letter(letter.clone(), now).await?,
            }
            Ok(Vec::new())
        })
        .await
    }

    async fn give_up(&self, job: &Job) -> Result<Vec<OutboxRow>, Fault> {
        let (chat, update) = (job.chat, job.update);
        tracing::error!(
            "an update failed {MAX_FAILURES} times and is given up; it is kept: `unbind-bot store dead-letters`"
        );
        self.count_update(job.task.kind(), UpdateOutcome::GivenUp);
        let Task::Handle(event) = &job.task else {
            return Ok(Vec::new());
        };
        let fault = format!("it failed {MAX_FAILURES} times outside its turn");
        let now = (self.clock)();
        let given_up = async {
            let given_up = self.assistant.give_up(chat, update, event, &fault, now);
            Ok(given_up.await?)
        };
        let given_up = guarded(given_up).await;
        if given_up.is_ok() {
            return given_up;
        }
        // What cannot be kept with its chat is kept with the operator's own, that of the terminal.
        let letter = DeadLetter::of(&Record::default(), event, &fault, now);
        let letter = letter.arrived_in(Some(update));
        guarded(async {
            self.assistant.keep_dead_letter(letter, now).await?;
            Ok(Vec::new())
        })
        .await
    }

    fn send_replies(&self, job: &Job, rows: Vec<OutboxRow>, tries: u32, took: Duration) {
        let kind = job.task.kind();
        self.count_update(kind, UpdateOutcome::Handled);
        // With the version and the chat, the line of each reply that is sent can be found.
        let version = rows.first().map(|row| row.id.version);
        tracing::info!(kind, version, rows = rows.len(), ?took, "handled");
        if tries > 0 || matches!(job.task, Task::Migrate(_)) {
            // Rows have other names, or a commit may have succeeded without saying so, and its rows were not handed over.
            self.outbox.reload();
        }
        self.outbox.send(rows);
    }
}

/// Gives a chat's updates their effects, one after another, until there are no more.
async fn run_worker(intake: Arc<Inner>, chat: ChatId) {
    while let Some(job) = intake.next_job(chat) {
        // Every line logged on the way to its effect names the update; at the level of errors, so that it always does.
        let span = tracing::error_span!("update", id = job.update.0, %chat);
        intake.give_effect(&job).instrument(span).await;
        intake.finish_job(job);
    }
}

async fn guarded<T>(work: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
    panics::catch_async(work)
        .await
        .unwrap_or(Err(Fault::Panicked))
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
        .is_some_and(|said| now.duration_since(said) > STALE)
}

fn is_for_another(event: &Event) -> bool {
    matches!(&event.input, Input::Press { press: Some(press), .. } if press.is_for_another(event.from))
}

/// Whether it is one more picture of an album that was answered already; ten pictures do not want ten answers.
fn repeats_album(incoming: &Incoming, answered: &mut VecDeque<(ChatId, String)>) -> bool {
    let Some(album) = incoming.album.clone() else {
        return false;
    };
    let album = (incoming.chat, album);
    if answered.contains(&album) {
        return matches!(incoming.event.input, Input::Attachment(_));
    }
    if answered.len() == REMEMBERED_ALBUMS {
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
        dialogue::{Base, Context, Turn},
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

    /// Commits of Ann's panic, hang or are refused; of the others it notes the chats.
    #[derive(Default)]
    struct AgainstAnn {
        inner: Arc<MemoryStore>,
        panics: bool,
        hangs: bool,
        unwell: AtomicBool,
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
            if self.unwell.load(Ordering::Relaxed) {
                return Err(StoreError::Unavailable("no room".into()));
            }
            Ok(())
        }
    }

    struct Room {
        intake: Intake,
        store: Arc<dyn Store>,
        hooks: Arc<AgainstAnn>,
        _workers: Workers,
    }

    fn room(hooks: AgainstAnn) -> Room {
        room_with(hooks, 0, |assistant| assistant)
    }

    fn room_with(
        hooks: AgainstAnn,
        answers_a_second: u32,
        assistant: impl FnOnce(Assistant) -> Assistant,
    ) -> Room {
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
        let sender = outbox::Sender::new(delivery, store.clone(), clock.clone(), "bot", rates);
        let (_, outbox) = sender.unwrap();
        let (intake, workers) = Intake::new(
            api,
            Arc::default(),
            assistant,
            outbox,
            clock,
            answers_a_second,
        );
        Room {
            intake,
            store,
            hooks,
            _workers: workers,
        }
    }

    impl Room {
        fn accept(&self, update: &Value) -> Accepted {
            self.intake.accept(&Update::read(update.clone()))
        }

        /// Accepts an update; panics if it is not in flight then.
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
    async fn a_poisoned_update_is_tried_again_and_then_kept_and_others_notice_nothing() {
        for panics in [true, false] {
            let room = room(AgainstAnn {
                panics,
                ..AgainstAnn::default()
            });
            let begun = tokio::time::Instant::now();
            let (poisoned, behind) = (room.take(&hello(5, ANN)), room.take(&hello(6, ANN)));
            assert!(room.take(&hello(7, BEN)).await);
            assert_eq!(begun.elapsed(), Duration::ZERO, "Ben did not wait");
            assert!(poisoned.await && behind.await, "they may be confirmed");
            // Ann's chat takes nothing at all, so that the letters are with the operator.
            assert_eq!(room.kept(), [BEN, ChatId::TERMINAL, ChatId::TERMINAL]);
            let letters = room.letters(ChatId::TERMINAL);
            assert_eq!(letters[0].update, Some(UpdateId(5)));
            assert!(letters[0].event.contains("hello"), "{letters:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_chat_holds_up_itself_and_nobody_else() {
        let room = room(AgainstAnn {
            hangs: true,
            ..AgainstAnn::default()
        });
        let (slow, behind) = (room.take(&hello(5, ANN)), room.take(&hello(6, ANN)));
        for update in 7..200 {
            assert!(room.take(&hello(update, BEN)).await);
        }
        assert_eq!((slow.now_or_never(), behind.now_or_never()), (None, None));
    }

    /// A certain word makes a turn panic.
    fn panics_at_will(record: &Record, event: &Event, context: &Context<'_>) -> Turn {
        let boom = matches!(&event.input, Input::Text(text) if text == "boom");
        assert!(!boom, "on purpose");
        crate::dialogue::respond(record, event, context)
    }

    #[tokio::test]
    async fn after_a_panic_in_a_turn_the_chat_goes_on_and_what_came_in_is_kept() {
        let room = room_with(AgainstAnn::default(), 0, |assistant| {
            assistant.responding(panics_at_will)
        });
        let boom = room.take(&said(5, BEN, json!({"text": "boom"})));
        let next = room.take(&hello(6, BEN));
        assert!(boom.await && next.await);
        let record = room.store.load(BEN).unwrap().record;
        assert!(record.has_seen(UpdateId(5)) && record.has_seen(UpdateId(6)));
        assert_eq!(room.letters(BEN)[0].update, Some(UpdateId(5)));
        assert_eq!(
            room.store.outbox().unwrap().len(),
            2,
            "an apology and an answer"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn while_the_store_is_unwell_no_update_is_given_up() {
        let room = room(AgainstAnn::default());
        room.hooks.unwell.store(true, Ordering::Relaxed);
        let settled = room.take(&hello(5, ANN));
        let a_day = Duration::from_secs(24 * 60 * 60);
        assert!(tokio::time::timeout(a_day, settled.clone()).await.is_err());
        assert_eq!(room.letters(ChatId::TERMINAL), []);
        room.hooks.unwell.store(false, Ordering::Relaxed);
        assert!(settled.await);
    }

    #[tokio::test]
    async fn an_update_that_comes_twice_while_it_is_in_flight_has_one_effect() {
        let room = room(AgainstAnn::default());
        let (once, again) = (room.take(&hello(5, BEN)), room.take(&hello(5, BEN)));
        assert!(once.await && again.await);
        assert!(room.take(&hello(5, BEN)).await, "also when it was done");
        assert_eq!(room.kept(), [BEN]);
    }

    #[tokio::test]
    async fn updates_out_of_order_with_gaps_and_again_and_again_have_one_effect_each() {
        let room = room(AgainstAnn::default());
        // Any order will do; this one visits 0..101 with a stride, three times over, from both ends of the range.
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
            assert!(room.take(&hello(id, BEN)).await);
        }
        assert_eq!(room.kept().len(), all.len());
        assert_eq!(all.len(), 101);
    }

    #[tokio::test]
    async fn no_more_is_in_flight_than_there_is_room_for() {
        let room = room(AgainstAnn {
            hangs: true,
            ..AgainstAnn::default()
        });
        let full = u32::try_from(MAX_IN_FLIGHT).unwrap();
        for update in 0..full {
            drop(room.take(&hello(update, ANN)));
        }
        assert!(matches!(room.accept(&hello(full, BEN)), Accepted::Full));
        // What is in flight already is no more for coming again.
        drop(room.take(&hello(3, ANN)));
    }

    #[tokio::test]
    async fn what_is_not_done_when_the_service_ends_must_not_be_confirmed() {
        let room = room(AgainstAnn {
            hangs: true,
            ..AgainstAnn::default()
        });
        let settled = room.take(&hello(5, ANN));
        let Room {
            intake, _workers, ..
        } = room;
        drop(_workers);
        assert!(!settled.await);
        assert!(matches!(
            intake.accept(&Update::read(hello(6, BEN))),
            Accepted::Full
        ));
    }

    #[tokio::test]
    async fn an_album_is_heard_once_and_its_caption_is_heard_too() {
        let room = room(AgainstAnn::default());
        let picture = json!({"photo": [], "media_group_id": "9"});
        let captioned = json!({"photo": [], "media_group_id": "9", "caption": "what is this?"});
        let other = json!({"photo": [], "media_group_id": "10"});
        for (update, fields) in (1..).zip([&picture, &picture, &captioned, &picture, &other]) {
            if let Accepted::Pending(done) = room.accept(&said(update, BEN, fields.clone())) {
                assert!(done.await);
            }
        }
        assert_eq!(room.kept().len(), 3);
    }

    /// A press of a button in the group; its data says whose it is.
    fn pressed(update: u32, by: u64, data: &str, app_language: &str) -> Value {
        let from = json!({"id": by, "is_bot": false, "language_code": app_language});
        let message = json!({"message_id": 5, "chat": {"id": -9, "type": "supergroup"}});
        json!({"update_id": update, "callback_query": {
            "id": "q", "from": from, "message": message, "data": data,
        }})
    }

    #[tokio::test]
    async fn a_press_of_anothers_button_has_no_effect() {
        let room = room(AgainstAnn::default());
        // The button is of the user 7.
        let theirs = room.accept(&pressed(8, 11, "0~7.help", "en"));
        assert!(matches!(theirs, Accepted::Nothing), "{theirs:?}");
        for own in [
            pressed(9, 7, "0~7.help", "en"),
            pressed(10, 11, "0.help", "en"),
        ] {
            assert!(room.take(&own).await);
        }
        assert_eq!(room.kept(), [ChatId(-9), ChatId(-9)]);
    }

    #[tokio::test]
    async fn whoever_presses_anothers_button_is_told_so_in_the_language_of_their_app() {
        let room = room(AgainstAnn::default());
        let inner = &room.intake.0;
        let told = |app_language: &str| {
            let update = Update::read(pressed(8, 11, "0~7.help", app_language));
            inner.not_yours(&incoming::read(&update, &inner.me).unwrap().event)
        };
        let lines = &inner.assistant.base().lines;
        let line = |language| lines.label(language, "not-yours", &[]);
        assert_eq!(told("zh-hans"), line(Language::ZH));
        for other in ["en", "fr", "", "x"] {
            assert_eq!(told(other), line(Language::EN));
        }
    }

    #[tokio::test]
    async fn whoever_floods_is_told_once_and_what_waited_at_telegram_is_no_flood() {
        const MANY: u32 = 100;
        let room = room_with(AgainstAnn::default(), 1, |assistant| assistant);
        let mut heard = 0;
        for update in 0..MANY {
            if let Accepted::Pending(done) = room.accept(&hello(update, BEN)) {
                assert!(done.await);
                heard += 1;
            }
        }
        assert!(heard > 1 && heard < MANY / 2, "{heard}");
        let rows = room.store.outbox().unwrap();
        let words = room.intake.0.assistant.base().lines.say(
            Language::EN,
            "too-fast",
            &[("seconds", 10_u64.into())],
        );
        let told = rows.iter().filter(|row| row.reply.text == words).count();
        assert_eq!(told, 1);
        for update in MANY..2 * MANY {
            let old = said(update, ChatId(3), json!({"text": "hello", "date": -3600}));
            assert!(room.take(&old).await);
        }
    }

    #[tokio::test]
    async fn what_is_no_update_of_ours_is_passed_over() {
        let room = room(AgainstAnn::default());
        for update in [
            json!(null),
            json!([]),
            json!({"update_id": "x"}),
            json!({"update_id": 1}),
            json!({"update_id": 2, "poll": {}}),
            json!({"update_id": 3, "message": {"text": 5}}),
        ] {
            assert!(
                matches!(room.accept(&update), Accepted::Nothing),
                "{update}"
            );
        }
        assert_eq!(room.kept(), []);
    }
}
