//! Load – respond – commit: the only place where the parts meet.
//!
//! Channels bring events and send what is committed; order within a chat is theirs to keep. Whatever fails in a turn
//! stays in that turn: a panic becomes an apology, a conflict is tried again, and nothing is said that is not committed.

pub mod alarms;
pub mod reload;

use std::{
    any::Any,
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, PoisonError, RwLock},
    time::Instant,
};

use jiff::Timestamp;

use self::alarms::Alarms;
use crate::{
    dialogue::{
        self, Base, ChatId, Context, DeadLetter, Entropy, Event, Input, Record, Turn, UpdateId,
    },
    metrics::{Metrics, Mishap},
    store::{Commit, OutboxRow, Store, StoreError, Versioned},
};

/// A chat's turns come one after another, so a conflict is rare (an operator's import, say); more in a row is a fault.
const MAX_CONFLICTS: usize = 8;

/// The assistant: a base, a store, and the way of one message between them.
pub struct Assistant {
    base: RwLock<Arc<Base>>,
    store: Arc<dyn Store>,
    alarms: Alarms,
    metrics: Arc<Metrics>,
    respond: Respond,
}

/// [`dialogue::respond`], or what a test puts in its place.
type Respond = fn(&Record, &Event, &Context<'_>) -> Turn;

impl Assistant {
    /// An assistant that talks from `base` and keeps its chats in `store`.
    pub fn new(base: impl Into<Arc<Base>>, store: Arc<dyn Store>) -> Self {
        Self {
            base: RwLock::new(base.into()),
            store,
            alarms: Alarms::default(),
            metrics: Arc::default(),
            respond: dialogue::respond,
        }
    }

    /// The same with other answers: such as panic, say.
    #[cfg(test)]
    pub(crate) fn responding(self, respond: Respond) -> Self {
        Self { respond, ..self }
    }

    /// The store, for those who send what was committed.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The same with figures that somebody else reads.
    pub fn counting(self, metrics: Arc<Metrics>) -> Self {
        Self { metrics, ..self }
    }

    /// What is counted.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// When which chat wants to be woken.
    pub fn alarms(&self) -> &Alarms {
        &self.alarms
    }

    /// The base turns are made from now.
    pub fn base(&self) -> Arc<Base> {
        self.base
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Talks from another base from the next turn on.
    ///
    /// A turn under way goes on with the base it began with.
    pub fn replace_base(&self, base: impl Into<Arc<Base>>) {
        let base = base.into();
        let mut present = self.base.write().unwrap_or_else(PoisonError::into_inner);
        let before = mem::replace(&mut *present, base);
        // Nobody waits while a whole base is freed.
        drop(present);
        drop(before);
    }

    /// Gives an event its effect, once, and returns the rows to be sent.
    ///
    /// When it returns, the effect is on disk and `update` may be confirmed. An update that had its effect before
    /// returns no rows: its replies were committed then.
    ///
    /// # Errors
    /// The store did not take the turn: nothing happened, and `update` must not be confirmed.
    pub async fn handle(
        &self,
        chat: ChatId,
        update: Option<UpdateId>,
        event: &Event,
        now: Timestamp,
    ) -> Result<Vec<OutboxRow>, StoreError> {
        for _ in 0..MAX_CONFLICTS {
            let before = self.store.load(chat)?;
            if update.is_some_and(|update| before.record.has_seen(update)) {
                return self.had_its_effect();
            }
            let mut turn = self.turn(chat, update, &before.record, event, now).await?;
            let nothing_happened = matches!(event.input, Input::Wake | Input::Unreachable)
                && turn.replies.is_empty()
                && turn.record == before.record;
            if nothing_happened {
                self.alarms.set(chat, before.version, turn.record.wake_at());
                return Ok(Vec::new());
            }
            if let Some(update) = update {
                turn.record.note_update(update, now);
            }
            match self.commit(chat, &before, turn, now).await {
                Err(StoreError::Conflict(_)) => continue,
                committed => return committed,
            }
        }
        Err(StoreError::Conflict(chat))
    }

    /// An update is found in the record: it had its effect, if what was read is on disk. After a write that failed, the
    /// store may still show what it did not keep.
    fn had_its_effect(&self) -> Result<Vec<OutboxRow>, StoreError> {
        self.store.health().map(|()| Vec::new())
    }

    /// Gives up an update that had no effect though it was tried often enough: whoever sent it gets an apology, and it is
    /// kept with the chat as a dead letter.
    ///
    /// # Errors
    /// The store did not take that either.
    pub async fn give_up(
        &self,
        chat: ChatId,
        update: UpdateId,
        event: &Event,
        fault: &str,
        now: Timestamp,
    ) -> Result<Vec<OutboxRow>, StoreError> {
        let before = self.store.load(chat)?;
        if before.record.has_seen(update) {
            return self.had_its_effect();
        }
        let letter = DeadLetter::of(&before.record, event, fault, now).arrived_in(Some(update));
        let mut turn = dialogue::apology(&before.record, &self.base(), letter);
        turn.record.note_update(update, now);
        self.commit(chat, &before, turn, now).await
    }

    /// What is kept of a group, and what waits to be said there, is the supergroup's that it became.
    ///
    /// # Errors
    /// The store did not take it; nothing was moved.
    pub async fn migrate(&self, from: ChatId, to: ChatId) -> Result<(), StoreError> {
        self.store.migrate(from, to).await?;
        self.alarms.forget(from);
        let kept = self.store.load(to)?;
        self.alarms.set(to, kept.version, kept.record.wake_at());
        tracing::info!(%from, %to, "a group became a supergroup");
        Ok(())
    }

    /// Keeps a letter that belongs to no chat with the operator's own record, that of the terminal.
    ///
    /// # Errors
    /// The store did not take it.
    pub async fn keep_letter(&self, letter: DeadLetter, now: Timestamp) -> Result<(), StoreError> {
        let chat = ChatId::TERMINAL;
        let before = self.store.load(chat)?;
        let mut record = before.record.clone();
        record.keep_letter(letter);
        let turn = Turn {
            record,
            replies: Vec::new(),
            forgets: false,
            found: Vec::new(),
        };
        self.commit(chat, &before, turn, now).await.map(drop)
    }

    async fn commit(
        &self,
        chat: ChatId,
        before: &Versioned,
        turn: Turn,
        now: Timestamp,
    ) -> Result<Vec<OutboxRow>, StoreError> {
        let record = (!turn.forgets).then_some(turn.record);
        let wake_at = record.as_ref().and_then(Record::wake_at);
        let commit = Commit {
            chat,
            expected: before.version,
            record,
            replies: turn.replies,
            now,
        };
        let (version, begun) = (commit.version(), Instant::now());
        let rows = self.store.commit(commit).await?;
        self.metrics.committed(begun.elapsed());
        self.metrics.answers(&turn.found);
        self.alarms.set(chat, version, wake_at);
        Ok(rows)
    }

    /// A turn; one that takes long is made where it holds up nobody else.
    async fn turn(
        &self,
        chat: ChatId,
        update: Option<UpdateId>,
        record: &Record,
        event: &Event,
        now: Timestamp,
    ) -> Result<Turn, StoreError> {
        let (base, entropy, respond) = (self.base(), entropy()?, self.respond);
        let metrics = self.metrics.clone();
        let turn = move |record: &Record, event: &Event| {
            let context = Context {
                base: &base,
                now,
                entropy,
            };
            guarded(|| respond(record, event, &context)).unwrap_or_else(|fault| {
                tracing::error!(%chat, "a turn panicked; the chat was given an apology and stays where it was, and what came in is kept: `unbind-bot store dead-letters`");
                metrics.mishap(Mishap::Panic);
                let letter = DeadLetter::of(record, event, &fault, now).arrived_in(update);
                dialogue::apology(record, &base, letter)
            })
        };
        if !dialogue::takes_long(record, event) {
            return Ok(turn(record, event));
        }
        let (record, event) = (record.clone(), event.clone());
        let turn = move || turn(&record, &event);
        let turn = tokio::task::spawn_blocking(turn).await;
        turn.map_err(|_| StoreError::Unavailable("the service is ending".to_owned()))
    }
}

/// Random bytes for one turn, from the system.
fn entropy() -> Result<Entropy, StoreError> {
    let mut bytes = [0; Entropy::BYTES];
    let filled = getrandom::fill(&mut bytes);
    filled.map_err(|error| {
        StoreError::Unavailable(format!("the system gives no random numbers: {error}"))
    })?;
    Ok(Entropy(bytes))
}

/// What a turn gives, or what it panicked with; a turn is pure, so a panic leaves nothing half done.
fn guarded<T>(turn: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(turn)).map_err(|panic| panic_words(&*panic))
}

/// What a panic says. It may quote what somebody wrote, so it is for a dead letter and never for the log.
pub fn panic_words(panic: &(dyn Any + Send)) -> String {
    let words = panic.downcast_ref::<String>().map(String::as_str);
    let words = words.or_else(|| panic.downcast_ref::<&str>().copied());
    words.unwrap_or("a panic without words").to_owned()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

    use async_trait::async_trait;

    use super::*;
    use crate::{
        dialogue::{Input, Reply},
        knowledge::{Knowledge, Language},
        store::{
            memory::MemoryStore,
            testing::{HookedStore, Hooks},
        },
    };

    const CHAT: ChatId = ChatId(1);

    fn assistant(store: Arc<dyn Store>) -> Assistant {
        Assistant::new(Base::new(Knowledge::default()), store)
    }

    fn help() -> Event {
        Event::private(Input::from_text("/help"))
    }

    fn now() -> Timestamp {
        "2026-01-01T00:00:00Z".parse().expect("a time")
    }

    #[tokio::test]
    async fn a_redelivered_update_has_its_effect_once() {
        let assistant = assistant(Arc::new(MemoryStore::new()));
        let first = assistant
            .handle(CHAT, Some(UpdateId(7)), &help(), now())
            .await
            .expect("handled");
        let again = assistant
            .handle(CHAT, Some(UpdateId(7)), &help(), now())
            .await
            .expect("handled");
        let next = assistant
            .handle(CHAT, Some(UpdateId(3)), &help(), now())
            .await
            .expect("handled");
        assert_eq!(
            (first.len(), again.len(), next.len()),
            (1, 0, 1),
            "ids need not grow"
        );
        assert_eq!(assistant.store().outbox().expect("rows").len(), 2);
    }

    #[tokio::test]
    async fn what_a_turn_panicked_at_is_kept_for_the_operator_and_apologised_for() {
        let store = Arc::new(MemoryStore::new());
        let assistant = assistant(store.clone()).responding(|_, _, _| panic!("of 12 wheels"));
        let event = Event::private(Input::from_text("my PIN is 4821 门禁卡"));
        let handled = assistant
            .handle(CHAT, Some(UpdateId(7)), &event, now())
            .await
            .expect("handled");
        let apology = assistant.base().lines.say(Language::EN, "apology", &[]);
        assert_eq!(handled[0].reply.text, apology);
        let record = store.load(CHAT).expect("loaded").record;
        let [letter] = record.letters.as_slice() else {
            panic!("{:?}", record.letters);
        };
        assert_eq!((letter.update, letter.at), (Some(UpdateId(7)), now()));
        assert_eq!(letter.fault, "of 00 wheels");
        assert!(letter.event.contains("my PIN is 0000 门禁卡"), "{letter:?}");
        assert!(record.has_seen(UpdateId(7)));
    }

    #[tokio::test]
    async fn what_was_given_up_is_kept_and_apologised_for_once() {
        let store = Arc::new(MemoryStore::new());
        let assistant = assistant(store.clone());
        let give_up = async |update| {
            let help = help();
            let rows = assistant.give_up(CHAT, UpdateId(update), &help, "a fault", now());
            rows.await.expect("kept").len()
        };
        assert_eq!(give_up(7).await, 1);
        assert_eq!(give_up(7).await, 0, "one apology is enough");
        let record = store.load(CHAT).expect("loaded").record;
        assert_eq!(record.letters.len(), 1);
    }

    #[test]
    fn a_panic_becomes_an_apology_and_the_record_stays() {
        let base = Base::new(Knowledge::default());
        let record = Record {
            next_card: 5,
            ..Record::default()
        };
        let fault = guarded(|| -> Turn { panic!("a fault of ours") }).expect_err("a panic");
        let letter = DeadLetter::of(&record, &help(), &fault, now());
        let turn = dialogue::apology(&record, &base, letter);
        assert_eq!(turn.record.letters[0].fault, "a fault of ours");
        let stays = Record {
            letters: Vec::new(),
            ..turn.record
        };
        assert_eq!((stays, turn.replies.len()), (record, 1));
    }

    /// Another turn commits first, this many times; and the store may be unhealthy.
    #[derive(Default)]
    struct Contested {
        inner: Arc<MemoryStore>,
        conflicts: AtomicU32,
        unhealthy: AtomicBool,
    }

    impl Contested {
        fn new(conflicts: u32) -> Arc<Self> {
            Arc::new(Self {
                conflicts: AtomicU32::new(conflicts),
                ..Self::default()
            })
        }

        fn store(self: &Arc<Self>) -> Arc<dyn Store> {
            Arc::new(HookedStore::new(self.inner.clone(), self.clone()))
        }
    }

    #[async_trait]
    impl Hooks for Contested {
        async fn before_commit(&self, commit: &Commit) -> Result<(), StoreError> {
            if self.conflicts.load(Ordering::Relaxed) > 0 {
                self.conflicts.fetch_sub(1, Ordering::Relaxed);
                let theirs = Commit {
                    replies: vec![Reply::new(crate::markup::RichText::plain("theirs"))],
                    ..commit.clone()
                };
                self.inner.commit(theirs).await?;
            }
            Ok(())
        }

        fn before_health(&self) -> Result<(), StoreError> {
            if self.unhealthy.load(Ordering::Relaxed) {
                return Err(StoreError::Unavailable("no room".to_owned()));
            }
            Ok(())
        }
    }

    #[tokio::test]
    async fn after_a_conflict_the_turn_is_made_again_from_what_the_other_left() {
        let assistant = assistant(Contested::new(2).store());
        let rows = assistant
            .handle(CHAT, None, &help(), now())
            .await
            .expect("handled");
        let begun = u64::try_from(now().as_millisecond()).expect("after 1970");
        let version = assistant.store().load(CHAT).expect("loaded").version;
        assert_eq!((rows.len(), version), (1, begun + 2));
    }

    #[tokio::test]
    async fn what_an_unwell_store_shows_is_not_taken_for_kept() {
        let contested = Contested::new(0);
        let assistant = assistant(contested.store());
        let handle = async || {
            let help = help();
            assistant
                .handle(CHAT, Some(UpdateId(7)), &help, now())
                .await
        };
        handle().await.expect("handled");
        // Its effect is there to be read; whether it is on disk, nobody knows.
        contested.unhealthy.store(true, Ordering::Relaxed);
        assert!(handle().await.is_err());
        contested.unhealthy.store(false, Ordering::Relaxed);
        assert_eq!(handle().await.expect("handled"), []);
    }

    #[tokio::test]
    async fn endless_conflicts_are_an_error_and_not_a_hang() {
        let assistant = assistant(Contested::new(u32::MAX).store());
        let handled = assistant.handle(CHAT, None, &help(), now()).await;
        assert!(
            matches!(handled, Err(StoreError::Conflict(CHAT))),
            "{handled:?}"
        );
    }
}
