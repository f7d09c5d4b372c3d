//! Takes updates in hand, however they came, and gives each its effect: chats side by side, each chat in order.
//!
//! An update in hand stays there until its effect is on disk: what fails is tried again, where it holds up its own chat
//! and no other. What fails too often while the store is well is given up, with an apology, as a dead letter. Only what
//! is settled may be confirmed to Telegram; how that is done is `polling`'s and `webhook`'s.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use futures::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::{sync::oneshot, task::JoinSet, time::sleep};
use tracing::Instrument;

use super::{
    api::{Api, Identity, growing_pause},
    incoming::{self, Incoming},
    outbox::{Clock, Outbox},
    paces::{Heard, Paces, Talker},
};
use crate::{
    assistant::{Assistant, panic_words},
    dialogue::{ChatId, DeadLetter, Event, Input, Record, UpdateId},
    knowledge::Language,
    metrics::{Fate, Mishap},
    store::{OutboxRow, StoreError},
};

/// Updates in hand at once. Telegram brings at most 100 at a time, by either way; the rest is for those that hang.
pub const MAX_IN_HAND: usize = 256;
/// An update that fails so often while the store is well is given up.
const MAX_FAILURES: u32 = 5;
/// What failed is tried again no less often than this.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Presses being acknowledged at once. Each takes a moment; when the server hangs, more would only pile up.
const MAX_ACKNOWLEDGING: usize = 128;
/// Albums that are remembered, to hear each once; its pictures come within moments.
const REMEMBERED_ALBUMS: usize = 256;
/// What was said longer ago than this has waited at Telegram: nobody is too fast who could not be heard.
const STALE: SignedDuration = SignedDuration::from_secs(60);

/// Becomes ready once an update may be confirmed; `false` when the service ended before.
pub type Settled = Shared<BoxFuture<'static, bool>>;

/// What became of an update that was brought.
#[derive(Debug)]
pub enum Taken {
    /// There is nothing in it to react to, or nothing that could be confirmed.
    Nothing,
    /// It is in hand, maybe since an earlier delivery.
    InHand(Settled),
    /// There are too many in hand, or the service is ending: it must come again later.
    Full,
}

/// Where updates are brought.
#[derive(Clone)]
pub struct Intake(Arc<Inner>);

/// Ends all work in hand when it is dropped; what is not settled comes again.
pub struct Working(Arc<Inner>);

struct Inner {
    api: Api,
    me: Arc<Identity>,
    assistant: Arc<Assistant>,
    outbox: Outbox,
    clock: Clock,
    state: Mutex<State>,
}

struct State {
    in_hand: HashMap<UpdateId, Settled>,
    /// What waits behind the update each of these chats is working on.
    chats: HashMap<ChatId, VecDeque<Job>>,
    albums: VecDeque<(ChatId, String)>,
    paces: Paces,
    workers: JoinSet<()>,
    acknowledging: JoinSet<()>,
    ending: bool,
}

/// An update in hand.
struct Job {
    chat: ChatId,
    update: UpdateId,
    task: Task,
    settle: oneshot::Sender<bool>,
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
    #[error("the store did not take it: {0}")]
    Store(#[from] StoreError),
    /// With the panic's words, which are not for the log.
    #[error("it panicked outside its turn")]
    Panicked(String),
}

impl Fault {
    fn mishap(&self) -> Mishap {
        match self {
            Self::Store(_) => Mishap::Store,
            Self::Panicked(_) => Mishap::Panic,
        }
    }
}

impl Intake {
    /// An intake for what is said to `me`, and what keeps it going. `answers_a_second` is how fast one chat is answered,
    /// and therefore heard; 0 is no limit.
    pub fn new(
        api: Api,
        me: Arc<Identity>,
        assistant: Arc<Assistant>,
        outbox: Outbox,
        clock: Clock,
        answers_a_second: u32,
    ) -> (Self, Working) {
        let state = State {
            in_hand: HashMap::new(),
            chats: HashMap::new(),
            albums: VecDeque::new(),
            paces: Paces::new(answers_a_second),
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
        (Self(inner.clone()), Working(inner))
    }

    /// Takes an update in hand. Call it in the order in which updates come; not outside a tokio runtime.
    pub fn take(&self, update: &Value) -> Taken {
        let Some(id) = incoming::update_id(update) else {
            tracing::error!("an update without an id; nothing can be done with it");
            return Taken::Nothing;
        };
        let mut state = self.0.state();
        if let Some(settled) = state.in_hand.get(&id) {
            return Taken::InHand(settled.clone());
        }
        if state.ending || state.in_hand.len() >= MAX_IN_HAND {
            self.0.count("any", Fate::Refused);
            return Taken::Full;
        }
        match self.0.read(&mut state, id, update) {
            None => {
                tracing::info!(update = id.0, "passed over");
                self.0.count("other", Fate::PassedOver);
                Taken::Nothing
            }
            Some((chat, task)) => Taken::InHand(self.0.begin(&mut state, id, chat, task)),
        }
    }

    /// Updates come in, and that is known to hold for so long.
    pub fn moving_for(&self, span: Duration) {
        let metrics = self.0.assistant.metrics();
        metrics.moving_for(span, (self.0.clock)());
    }

    /// Telegram could not be asked for updates.
    pub fn troubled(&self) {
        self.0.assistant.metrics().mishap(Mishap::Polling);
    }

    /// Takes nothing more; what is in hand goes on.
    pub fn end(&self) {
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
    pub async fn acknowledged(&self) {
        let mut under_way = std::mem::take(&mut self.0.state().acknowledging);
        while under_way.join_next().await.is_some() {}
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.ending = true;
        state.chats.clear();
        state.workers.abort_all();
        state.acknowledging.abort_all();
    }
}

impl Inner {
    fn count(&self, kind: &'static str, fate: Fate) {
        self.assistant.metrics().update(kind, fate);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is to be done about an update, if anything; a press is acknowledged at once.
    fn read(&self, state: &mut State, id: UpdateId, update: &Value) -> Option<(ChatId, Task)> {
        if let Some((from, to)) = incoming::migration(update) {
            return Some((from, Task::Migrate(to)));
        }
        let read = catch_unwind(AssertUnwindSafe(|| incoming::read(update, &self.me)));
        match read {
            Ok(incoming) => self.admit(state, incoming?, (self.clock)()),
            Err(panic) => {
                tracing::error!(
                    update = id.0,
                    "reading an update panicked; it is kept as a dead letter"
                );
                let (fault, text) = (panic_words(&*panic), update.to_string());
                let letter = DeadLetter::of_text(&text, &fault, (self.clock)());
                let letter = letter.arrived_in(Some(id));
                Some((ChatId::TERMINAL, Task::Keep(letter)))
            }
        }
    }

    /// What of all that is said is heard.
    fn admit(
        &self,
        state: &mut State,
        mut incoming: Incoming,
        now: Timestamp,
    ) -> Option<(ChatId, Task)> {
        let heard = match is_stale(&incoming, now) {
            true => Heard::Yes,
            false => state.paces.hear(talker(&incoming), now),
        };
        let is_anothers = is_anothers(&incoming.event);
        if let Some(query) = incoming.callback.take() {
            let alert = is_anothers.then(|| self.not_yours(&incoming.event));
            self.acknowledge(state, query, alert);
        }
        if is_anothers || repeats_album(&incoming, &mut state.albums) {
            return None;
        }
        let event = match heard {
            Heard::Yes => incoming.event,
            Heard::TellToWait(wait) => Event {
                input: Input::TooFast {
                    seconds: wait.as_secs().max(1),
                },
                ..incoming.event
            },
            Heard::No => return None,
        };
        Some((incoming.chat, Task::Handle(event)))
    }

    fn acknowledge(
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

    /// What somebody is told who pressed another's button, in the language of their app: nobody else sees it.
    fn not_yours(&self, event: &Event) -> String {
        let lines = &self.assistant.base().lines;
        let spoken = lines.languages();
        let language = event.app_language.filter(|own| spoken.contains(own));
        lines.label(language.unwrap_or(Language::EN), "not-yours", &[])
    }

    /// Puts an update at the end of its chat's queue; a chat that has none gets a worker.
    fn begin(
        self: &Arc<Self>,
        state: &mut State,
        update: UpdateId,
        chat: ChatId,
        task: Task,
    ) -> Settled {
        let (settle, settled) = oneshot::channel();
        let settled = settled.map(|settled| settled.unwrap_or(false));
        let settled = settled.boxed().shared();
        state.in_hand.insert(update, settled.clone());
        let job = Job {
            chat,
            update,
            task,
            settle,
        };
        match state.chats.entry(chat) {
            Entry::Occupied(queue) => queue.into_mut().push_back(job),
            Entry::Vacant(queue) => {
                queue.insert(VecDeque::from([job]));
                while state.workers.try_join_next().is_some() {}
                state.workers.spawn(work(self.clone(), chat));
            }
        }
        settled
    }

    /// The chat's next update; a chat without one loses its worker.
    fn next(&self, chat: ChatId) -> Option<Job> {
        let mut state = self.state();
        let job = state.chats.get_mut(&chat)?.pop_front();
        if job.is_none() {
            state.chats.remove(&chat);
        }
        job
    }

    fn settle(&self, job: Job) {
        self.state().in_hand.remove(&job.update);
        // Whoever brought it may have gone away.
        let _ = job.settle.send(true);
    }

    /// Tries until the update has its effect, or is given up.
    async fn give_effect(&self, job: &Job) {
        let begun = Instant::now();
        let (mut tries, mut failures) = (0, 0);
        loop {
            let done = match failures {
                MAX_FAILURES.. => self.give_up(job).await,
                _ => self.attempt(job).await,
            };
            let fault = match done {
                Ok(rows) => return self.hand_on(job, rows, tries, begun.elapsed()),
                Err(fault) => fault,
            };
            self.assistant.metrics().mishap(fault.mishap());
            tracing::error!(error = %fault, "an update had no effect yet; it stays at Telegram and is tried again");
            tries += 1;
            // As long as the store is unwell, it is not the update's fault.
            failures += u32::from(self.assistant.store().health().is_ok());
            sleep(growing_pause(tries, LONGEST_PAUSE)).await;
        }
    }

    async fn attempt(&self, job: &Job) -> Result<Vec<OutboxRow>, Fault> {
        let now = (self.clock)();
        let handling = async {
            match &job.task {
                Task::Handle(event) => {
                    let (chat, update) = (job.chat, Some(job.update));
                    self.assistant.handle(chat, update, event, now).await
                }
                Task::Migrate(to) => {
                    let moved = self.assistant.migrate(job.chat, *to).await;
                    moved.map(|()| Vec::new())
                }
                Task::Keep(letter) => {
                    let kept = self.assistant.keep_letter(letter.clone(), now).await;
                    kept.map(|()| Vec::new())
                }
            }
        };
        guarded(handling).await
    }

    async fn give_up(&self, job: &Job) -> Result<Vec<OutboxRow>, Fault> {
        let (chat, update) = (job.chat, job.update);
        tracing::error!(
            "an update failed {MAX_FAILURES} times and is given up; it is kept: `unbind-bot store dead-letters`"
        );
        self.count(job.task.kind(), Fate::GivenUp);
        let Task::Handle(event) = &job.task else {
            return Ok(Vec::new());
        };
        let fault = format!("it failed {MAX_FAILURES} times outside its turn");
        let now = (self.clock)();
        let given_up = guarded(self.assistant.give_up(chat, update, event, &fault, now)).await;
        if given_up.is_ok() {
            return given_up;
        }
        // What cannot be kept with its chat is kept with the operator's own, that of the terminal.
        let letter = DeadLetter::of(&Record::default(), event, &fault, now);
        let letter = letter.arrived_in(Some(update));
        let kept = guarded(self.assistant.keep_letter(letter, now)).await;
        kept.map(|()| Vec::new())
    }

    fn hand_on(&self, job: &Job, rows: Vec<OutboxRow>, tries: u32, took: Duration) {
        let kind = job.task.kind();
        self.count(kind, Fate::Handled);
        // With the version and the chat, the line of each reply that is sent can be found.
        let version = rows.first().map(|row| row.id.version);
        tracing::info!(kind, version, rows = rows.len(), ?took, "handled");
        if tries > 0 || matches!(job.task, Task::Migrate(_)) {
            // Rows have other names, or a commit may have succeeded without saying so; its rows were handed to nobody.
            self.outbox.reload();
        }
        self.outbox.send(rows);
    }
}

/// Gives a chat's updates their effects, one after another, until there are no more.
async fn work(intake: Arc<Inner>, chat: ChatId) {
    while let Some(job) = intake.next(chat) {
        // Every line logged on the way to its effect names the update; at the level of errors, so that it always does.
        let span = tracing::error_span!("update", id = job.update.0, %chat);
        intake.give_effect(&job).instrument(span).await;
        intake.settle(job);
    }
}

async fn guarded<T>(work: impl Future<Output = Result<T, StoreError>>) -> Result<T, Fault> {
    match AssertUnwindSafe(work).catch_unwind().await {
        Ok(done) => Ok(done?),
        Err(panic) => Err(Fault::Panicked(panic_words(&*panic))),
    }
}

fn talker(incoming: &Incoming) -> Talker {
    match incoming.event.from {
        Some(user) => Talker::User(user),
        None => Talker::Chat(incoming.chat),
    }
}

fn is_stale(incoming: &Incoming, now: Timestamp) -> bool {
    incoming
        .said_at
        .is_some_and(|said| now.duration_since(said) > STALE)
}

fn is_anothers(event: &Event) -> bool {
    matches!(&event.input, Input::Press { press: Some(press), .. } if press.is_anothers(event.from))
}

/// Whether it is one more picture of an album that was heard already; ten pictures do not want ten answers.
fn repeats_album(incoming: &Incoming, heard: &mut VecDeque<(ChatId, String)>) -> bool {
    let Some(album) = incoming.album.clone() else {
        return false;
    };
    let album = (incoming.chat, album);
    if heard.contains(&album) {
        return matches!(incoming.event.input, Input::Attachment(_));
    }
    if heard.len() == REMEMBERED_ALBUMS {
        heard.pop_front();
    }
    heard.push_back(album);
    false
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use async_trait::async_trait;
    use serde_json::json;

    use super::*;
    use crate::{
        dialogue::{Base, Context, Turn},
        knowledge::Knowledge,
        store::{
            Commit, Store,
            memory::MemoryStore,
            testing::{HookedStore, Hooks},
        },
        telegram::{courier::Courier, limits::Rates, outbox::Sender},
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
        _working: Working,
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
        let courier = Courier::new(api.clone(), assistant.clone(), clock.clone());
        let sender = Sender::new(courier, store.clone(), clock.clone(), "bot", rates);
        let (_, outbox) = sender.unwrap();
        let (intake, working) = Intake::new(
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
            _working: working,
        }
    }

    impl Room {
        /// Takes an update; panics if it is not in hand.
        fn take(&self, update: &Value) -> Settled {
            match self.intake.take(update) {
                Taken::InHand(settled) => settled,
                other => panic!("{other:?}"),
            }
        }

        fn kept(&self) -> Vec<ChatId> {
            self.hooks.kept.lock().unwrap().clone()
        }

        fn letters(&self, chat: ChatId) -> Vec<DeadLetter> {
            self.store.load(chat).unwrap().record.letters
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

    /// Whoever says so makes a turn panic.
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
    async fn an_update_that_comes_twice_while_it_is_in_hand_has_one_effect() {
        let room = room(AgainstAnn::default());
        let (once, again) = (room.take(&hello(5, BEN)), room.take(&hello(5, BEN)));
        assert!(once.await && again.await);
        assert!(room.take(&hello(5, BEN)).await, "also when it was settled");
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
    async fn no_more_is_taken_in_hand_than_there_is_room_for() {
        let room = room(AgainstAnn {
            hangs: true,
            ..AgainstAnn::default()
        });
        let full = u32::try_from(MAX_IN_HAND).unwrap();
        for update in 0..full {
            drop(room.take(&hello(update, ANN)));
        }
        assert!(matches!(room.intake.take(&hello(full, BEN)), Taken::Full));
        // What is in hand already is no more for coming again.
        drop(room.take(&hello(3, ANN)));
    }

    #[tokio::test]
    async fn what_is_not_settled_when_the_service_ends_must_not_be_confirmed() {
        let room = room(AgainstAnn {
            hangs: true,
            ..AgainstAnn::default()
        });
        let settled = room.take(&hello(5, ANN));
        let Room {
            intake, _working, ..
        } = room;
        drop(_working);
        assert!(!settled.await);
        assert!(matches!(intake.take(&hello(6, BEN)), Taken::Full));
    }

    #[tokio::test]
    async fn an_album_is_heard_once_and_its_caption_is_heard_too() {
        let room = room(AgainstAnn::default());
        let picture = json!({"photo": [], "media_group_id": "9"});
        let captioned = json!({"photo": [], "media_group_id": "9", "caption": "what is this?"});
        let other = json!({"photo": [], "media_group_id": "10"});
        for (update, fields) in (1..).zip([&picture, &picture, &captioned, &picture, &other]) {
            if let Taken::InHand(settled) = room.intake.take(&said(update, BEN, fields.clone())) {
                assert!(settled.await);
            }
        }
        assert_eq!(room.kept().len(), 3);
    }

    /// Somebody presses a button of the group; its data says whose it is.
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
        let theirs = room.intake.take(&pressed(8, 11, "0~7.help", "en"));
        assert!(matches!(theirs, Taken::Nothing), "{theirs:?}");
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
            let update = pressed(8, 11, "0~7.help", app_language);
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
            if let Taken::InHand(settled) = room.intake.take(&hello(update, BEN)) {
                assert!(settled.await);
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
                matches!(room.intake.take(&update), Taken::Nothing),
                "{update}"
            );
        }
        assert_eq!(room.kept(), []);
    }
}
