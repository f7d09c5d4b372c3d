//! Loads the record, calls `respond`, commits the turn. A panic in a turn becomes an apology, a conflict is retried.
//!
//! Channels bring events and send the rows; they keep the order within a chat.

mod known_time;
pub mod reload;
pub mod timers;
pub mod wake;

use std::{
    mem,
    sync::{Arc, PoisonError, RwLock},
    time::Instant,
};

use jiff::{SignedDuration, Timestamp};

pub use self::known_time::TimeSource;
use self::{
    known_time::{ClockState, KnownTime},
    timers::Timers,
};
use crate::{
    dialogue::{
        self, Activity, Address, Base, ChatId, Context, DeadLetter, Entropy, Event, Receipt,
        Record, Reply, ReplyTo, Thread, TimeCheck, Turn, UpdateId,
    },
    knowledge::Language,
    metrics::{ErrorKind, Metrics},
    panics,
    store::{AddressedReply, Commit, OutboxRow, Store, StoreError, Versioned},
};

/// Conflicts in a row before an event fails. A chat's turns are handled one after another, so conflicts are rare.
const MAX_CONFLICTS: usize = 8;

/// Handles events: a knowledge base, a store, and the timers of chats.
pub struct Assistant {
    base: RwLock<Arc<Base>>,
    store: Arc<dyn Store>,
    timers: Timers,
    time: KnownTime,
    metrics: Arc<Metrics>,
    respond: Respond,
}

/// The type of [`dialogue::respond`], which a test may replace.
type Respond = fn(&Record, &Event, &Context<'_>) -> Turn;

/// The result of an event.
#[derive(Debug, Clone, PartialEq)]
pub struct Handled {
    /// The committed replies, ready to be sent.
    pub rows: Vec<OutboxRow>,
    /// Whether the chat was deleted.
    pub forgotten: bool,
}

impl Handled {
    /// The event changed nothing: it was handled before, or had no effect.
    fn unchanged() -> Self {
        Self {
            rows: Vec::new(),
            forgotten: false,
        }
    }
}

/// Why an event was not handled.
#[derive(Debug, thiserror::Error)]
pub enum HandleError {
    /// The store did not commit the turn.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The random bytes that a turn needs for its secrets are missing.
    #[error("the system has no random numbers: {0}")]
    NoEntropy(String),
    /// The service stopped during the turn.
    #[error("the service is shutting down")]
    ShuttingDown,
}

/// The state of a chat, for the channel that shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChatStatus {
    /// The keyboard to continue with; `None` when the chat is idle.
    pub resumes: Option<u32>,
    /// Whether a typed number may be text: a name, a code, a PIN.
    pub awaits_text: bool,
    /// Whether the chat is due to be woken.
    pub is_due: bool,
    /// The chat's language, if it is known.
    pub language: Option<Language>,
}

/// Where a person reads a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recipient {
    pub to: Address,
    /// The message it is shown as a reply to.
    pub reply_to: Option<ReplyTo>,
}

/// What stays the same when an event is tried again.
#[derive(Clone, Copy)]
struct Cause<'a> {
    chat: ChatId,
    update: Option<UpdateId>,
    event: &'a Event,
    now: Timestamp,
    checked: TimeCheck,
}

impl Assistant {
    /// An assistant that answers from `base` and keeps its chats in `store`.
    pub fn new(base: impl Into<Arc<Base>>, store: Arc<dyn Store>) -> Self {
        Self {
            base: RwLock::new(base.into()),
            store,
            timers: Timers::default(),
            time: KnownTime::default(),
            metrics: Arc::default(),
            respond: dialogue::respond,
        }
    }

    /// Replaces [`dialogue::respond`], for example by a function that panics.
    #[cfg(test)]
    pub(crate) fn responding(self, respond: Respond) -> Self {
        Self { respond, ..self }
    }

    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Counts into these metrics.
    pub fn counting(self, metrics: Arc<Metrics>) -> Self {
        Self { metrics, ..self }
    }

    /// Compares the clock with this.
    pub fn telling_time_by(self, source: TimeSource) -> Self {
        let time = KnownTime::new(source);
        Self { time, ..self }
    }

    /// Notes that a message was written at `date`, perhaps long ago: it is at least that late.
    pub fn note_past_date(&self, date: Timestamp) {
        self.time.note_past(date, Instant::now());
    }

    /// Notes that a message was delivered that was written at `date`, and says so to the operator if the clock, which says
    /// `now`, is ahead of it.
    pub fn note_delivered_date(&self, date: Timestamp, now: Timestamp) {
        match self.time.note_delivered(date, now, Instant::now()) {
            ClockState::Unchanged => {}
            ClockState::Ahead(ahead) => {
                let hours = ahead.as_hours();
                self.metrics.clock_ahead(ahead);
                tracing::error!(
                    hours,
                    "THE CLOCK OF THIS MACHINE IS AHEAD of the messages' dates; nothing that has expired is deleted until it is right: set it, and keep it right with NTP (`timedatectl set-ntp true`)"
                );
            }
            ClockState::Corrected => {
                self.metrics.clock_ahead(SignedDuration::ZERO);
                tracing::warn!("the clock of this machine agrees with the messages' dates again");
            }
        }
    }

    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    pub fn timers(&self) -> &Timers {
        &self.timers
    }

    /// The knowledge base that the next turn uses.
    pub fn base(&self) -> Arc<Base> {
        self.base
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Replaces the knowledge base, from the next turn on. A turn in progress keeps the base it began with.
    pub fn replace_base(&self, base: impl Into<Arc<Base>>) {
        let base = base.into();
        let mut present = self.base.write().unwrap_or_else(PoisonError::into_inner);
        let before = mem::replace(&mut *present, base);
        // The lock is released first, since freeing a base takes long.
        drop(present);
        drop(before);
    }

    /// # Errors
    /// The store cannot be read.
    pub fn status(&self, chat: ChatId, now: Timestamp) -> Result<ChatStatus, StoreError> {
        let record = self.store.load(chat)?.record;
        let activity = &record.activity;
        let is_idle = matches!(activity, Activity::Idle);
        Ok(ChatStatus {
            resumes: (!is_idle).then_some(record.keyboard),
            awaits_text: activity.awaits_words() || activity.awaits_secret(),
            is_due: record.wake_at().is_some_and(|at| at <= now),
            language: record.language.or(record.spoken),
        })
    }

    /// Handles an event once, and returns the rows to be sent.
    ///
    /// When it returns, the effect is on disk and `update` may be confirmed. An update that was handled before returns no
    /// rows, since its replies were committed then.
    ///
    /// # Errors
    /// Nothing was changed, and `update` must not be confirmed.
    pub async fn handle(
        &self,
        chat: ChatId,
        update: Option<UpdateId>,
        event: &Event,
        now: Timestamp,
    ) -> Result<Handled, HandleError> {
        let (now, checked) = self.time.check(now, Instant::now());
        let cause = Cause {
            chat,
            update,
            event,
            now,
            checked,
        };
        for _ in 0..MAX_CONFLICTS {
            match self.try_handle(cause).await {
                Err(HandleError::Store(StoreError::Conflict(_))) => continue,
                handled => return handled,
            }
        }
        Err(StoreError::Conflict(chat).into())
    }

    async fn try_handle(&self, cause: Cause<'_>) -> Result<Handled, HandleError> {
        let Cause {
            chat,
            update,
            event,
            now,
            checked,
        } = cause;
        let before = self.store.load(chat)?;
        if update.is_some_and(|update| before.record.has_seen(update)) {
            return self.acknowledge_repeat();
        }
        let mut turn = self.make_turn(cause, &before.record).await?;
        let nothing_happened =
            !event.wants_answer() && turn.replies.is_empty() && turn.record == before.record;
        if nothing_happened {
            self.timers.set(chat, before.version, turn.record.wake_at());
            return Ok(Handled::unchanged());
        }
        if let Some(update) = update {
            turn.record.note_update(update, now, passed(checked));
        }
        self.commit(cause, &before, turn).await
    }

    /// The result for an update that the record has seen. After a failed write the store may show what is not on disk, so
    /// the update counts as handled only if the store is healthy.
    fn acknowledge_repeat(&self) -> Result<Handled, HandleError> {
        self.store.health()?;
        Ok(Handled::unchanged())
    }

    /// Passes the channel's answer to a reply sent to `at` on to the record of `chat`, and returns the rows to be sent.
    ///
    /// # Errors
    /// The record was not changed; try again.
    pub async fn handle_receipt(
        &self,
        chat: ChatId,
        at: Address,
        receipt: Receipt,
        now: Timestamp,
    ) -> Result<Handled, HandleError> {
        match receipt {
            Receipt::Moved { to } if at.chat == chat => {
                self.migrate(chat, to).await?;
                Ok(Handled::unchanged())
            }
            Receipt::Unreachable if at.chat != chat => {
                tracing::error!(%chat, at = %at.chat, "a chat that receives copies of messages cannot be reached");
                Ok(Handled::unchanged())
            }
            receipt => {
                let event = Event::receipt(receipt, at);
                self.handle(chat, None, &event, now).await
            }
        }
    }

    /// Gives up an update that failed too often: the chat gets an apology, and the update is kept in its record as a dead
    /// letter.
    ///
    /// # Errors
    /// The store did not commit that.
    pub async fn give_up(
        &self,
        chat: ChatId,
        update: UpdateId,
        event: &Event,
        fault: &str,
        now: Timestamp,
    ) -> Result<Vec<OutboxRow>, HandleError> {
        let (now, checked) = self.time.check(now, Instant::now());
        let before = self.store.load(chat)?;
        if before.record.has_seen(update) {
            return Ok(self.acknowledge_repeat()?.rows);
        }
        let letter =
            DeadLetter::for_event(&before.record, event, fault, now).arrived_in(Some(update));
        let mut turn = dialogue::apology(&before.record, event, &self.base(), letter);
        turn.record.note_update(update, now, passed(checked));
        let cause = Cause {
            chat,
            update: Some(update),
            event,
            now,
            checked,
        };
        Ok(self.commit(cause, &before, turn).await?.rows)
    }

    /// Moves the record and the unsent replies of a group to the supergroup that it became.
    ///
    /// # Errors
    /// The store did not commit it; nothing was moved.
    pub async fn migrate(&self, from: ChatId, to: ChatId) -> Result<(), StoreError> {
        self.store.migrate(from, to).await?;
        self.timers.forget(from);
        let kept = self.store.load(to)?;
        self.timers.set(to, kept.version, kept.record.wake_at());
        tracing::info!(%from, %to, "a group became a supergroup");
        Ok(())
    }

    /// Keeps a dead letter that belongs to no chat in the record of the terminal, which is the operator's.
    ///
    /// # Errors
    /// The store did not commit it.
    pub async fn keep_dead_letter(
        &self,
        letter: DeadLetter,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let before = self.store.load(ChatId::OPERATOR)?;
        let kept = self.add_dead_letter(ChatId::OPERATOR, before, letter, None, now);
        kept.await.map(drop)
    }

    /// Keeps a dead letter about a reply in the record that wrote it; in the operator's if that was forgotten. Returns the
    /// rows that tell the person at `tell` about it.
    ///
    /// # Errors
    /// The store did not commit it.
    pub async fn keep_letter_about_reply(
        &self,
        chat: ChatId,
        letter: DeadLetter,
        tell: Option<Recipient>,
        now: Timestamp,
    ) -> Result<Vec<OutboxRow>, StoreError> {
        for _ in 0..MAX_CONFLICTS {
            let before = self.store.load(chat)?;
            let is_forgotten = before.version == 0;
            let kept = if is_forgotten {
                let kept = self.keep_dead_letter(letter.clone(), now).await;
                kept.map(|()| Vec::new())
            } else {
                let letter = letter.clone();
                self.add_dead_letter(chat, before, letter, tell, now).await
            };
            match kept {
                Err(StoreError::Conflict(_)) => continue,
                kept => return kept,
            }
        }
        Err(StoreError::Conflict(chat))
    }

    async fn add_dead_letter(
        &self,
        chat: ChatId,
        before: Versioned,
        letter: DeadLetter,
        tell: Option<Recipient>,
        now: Timestamp,
    ) -> Result<Vec<OutboxRow>, StoreError> {
        let mut record = before.record;
        record.keep_dead_letter(letter);
        let notice = tell.map(|Recipient { to, reply_to }| AddressedReply {
            to,
            reply_to,
            reply: dialogue::undelivered_notice(&record, &self.base()),
        });
        let wake_at = record.wake_at();
        let commit = Commit {
            chat,
            expected: before.version,
            record: Some(record),
            replies: notice.into_iter().collect(),
            now,
        };
        self.commit_to_store(commit, wake_at).await
    }

    async fn commit(
        &self,
        cause: Cause<'_>,
        before: &Versioned,
        turn: Turn,
    ) -> Result<Handled, HandleError> {
        let record = (!turn.forgets).then_some(turn.record);
        let wake_at = record.as_ref().and_then(Record::wake_at);
        let commit = Commit {
            chat: cause.chat,
            expected: before.version,
            record,
            replies: address_replies(cause.chat, cause.event, turn.replies),
            now: cause.now,
        };
        let rows = self.commit_to_store(commit, wake_at).await?;
        self.metrics.count_answers(&turn.found);
        Ok(Handled {
            rows,
            forgotten: turn.forgets,
        })
    }

    async fn commit_to_store(
        &self,
        commit: Commit,
        wake_at: Option<Timestamp>,
    ) -> Result<Vec<OutboxRow>, StoreError> {
        let (chat, version, begun) = (commit.chat, commit.version(), Instant::now());
        let rows = self.store.commit(commit).await?;
        self.metrics.observe_commit(begun.elapsed());
        self.timers.set(chat, version, wake_at);
        Ok(rows)
    }

    /// Calls `respond`; a slow turn (hashing a PIN) runs on a blocking thread, so that other chats need not wait.
    async fn make_turn(&self, cause: Cause<'_>, record: &Record) -> Result<Turn, HandleError> {
        let responder = Responder {
            base: self.base(),
            respond: self.respond,
            metrics: self.metrics.clone(),
            entropy: random_entropy()?,
            chat: cause.chat,
            update: cause.update,
            now: cause.now,
            checked: cause.checked,
        };
        if !dialogue::takes_long(record, cause.event) {
            return Ok(responder.respond(record, cause.event));
        }
        let (record, event) = (record.clone(), cause.event.clone());
        let turn = tokio::task::spawn_blocking(move || responder.respond(&record, &event)).await;
        turn.map_err(|_| HandleError::ShuttingDown)
    }
}

/// Addresses the replies to the chat and topic that the event came from.
fn address_replies(chat: ChatId, event: &Event, replies: Vec<Reply>) -> Vec<AddressedReply> {
    let to = Address::chat(chat).in_topic(event.thread.and_then(Thread::topic));
    let mut reply_to = event.reply_to();
    let addressed = replies.into_iter().map(|reply| {
        let is_new = reply.replaces.is_none();
        let addressed = AddressedReply {
            to,
            reply_to: reply_to.filter(|reply_to| is_new || reply_to.throughout),
            reply,
        };
        if is_new {
            reply_to = reply_to.filter(|reply_to| reply_to.throughout);
        }
        addressed
    });
    addressed.collect()
}

/// What a turn needs besides the record and the event.
struct Responder {
    base: Arc<Base>,
    respond: Respond,
    metrics: Arc<Metrics>,
    entropy: Entropy,
    chat: ChatId,
    update: Option<UpdateId>,
    now: Timestamp,
    checked: TimeCheck,
}

impl Responder {
    /// A turn that panics becomes an apology and a dead letter; the record is unchanged otherwise.
    fn respond(&self, record: &Record, event: &Event) -> Turn {
        let context = Context {
            base: &self.base,
            now: self.now,
            checked: self.checked,
            entropy: self.entropy,
        };
        let turn = panics::catch(|| (self.respond)(record, event, &context));
        turn.unwrap_or_else(|panic| {
            tracing::error!(chat = %self.chat, "a turn panicked; the chat got an apology and its record is unchanged; the message is kept: `unbind-bot store dead-letters`");
            self.metrics.count_error(ErrorKind::Panic);
            let letter = DeadLetter::for_event(record, event, &panic.0, self.now).arrived_in(self.update);
            dialogue::apology(record, event, &self.base, letter)
        })
    }
}

/// A time that has certainly passed. Where nothing is certain, update ids are dropped by their number alone.
fn passed(checked: TimeCheck) -> Timestamp {
    match checked {
        TimeCheck::AtLeast(passed) => passed,
        TimeCheck::Nothing => Timestamp::UNIX_EPOCH,
    }
}

fn random_entropy() -> Result<Entropy, HandleError> {
    let mut bytes = [0; Entropy::BYTES];
    let filled = getrandom::fill(&mut bytes);
    filled.map_err(|error| HandleError::NoEntropy(error.to_string()))?;
    Ok(Entropy(bytes))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

    use async_trait::async_trait;

    use super::*;
    use crate::{
        dialogue::{Input, MessageId, Place, ThreadId},
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
            (first.rows.len(), again.rows.len(), next.rows.len()),
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
        assert_eq!(handled.rows[0].reply.text, apology);
        let record = store.load(CHAT).expect("loaded").record;
        let [letter] = record.dead_letters.as_slice() else {
            panic!("{:?}", record.dead_letters);
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
        assert_eq!(record.dead_letters.len(), 1);
    }

    fn letter() -> DeadLetter {
        DeadLetter::for_reply(None, "500 Internal Server Error", now())
    }

    #[tokio::test]
    async fn a_reply_that_was_given_up_is_kept_with_its_record_and_the_person_is_told() {
        let store = Arc::new(MemoryStore::new());
        let assistant = assistant(store.clone());
        let handled = assistant.handle(CHAT, None, &help(), now()).await;
        let to = handled.expect("handled").rows[0].to;
        let tell = Recipient { to, reply_to: None };
        for told in [Some(tell), None] {
            let rows = assistant.keep_letter_about_reply(CHAT, letter(), told, now());
            let rows = rows.await.expect("kept");
            let words = assistant.base().lines.say(Language::EN, "undelivered", &[]);
            let expected = told.map(|told| (told.to, words));
            let said = rows.iter().map(|row| (row.to, row.reply.text.clone()));
            assert_eq!(said.collect::<Vec<_>>(), Vec::from_iter(expected));
            assert!(rows.iter().all(|row| row.reply.unsolicited));
        }
        let record = store.load(CHAT).expect("loaded").record;
        assert_eq!(record.dead_letters, [letter(), letter()]);
    }

    #[tokio::test]
    async fn a_dead_letter_about_a_reply_makes_no_record_for_a_chat_that_was_forgotten() {
        let store = Arc::new(MemoryStore::new());
        let assistant = assistant(store.clone());
        let to = Address::chat(CHAT);
        let tell = Some(Recipient { to, reply_to: None });
        let kept = assistant.keep_letter_about_reply(CHAT, letter(), tell, now());
        assert_eq!(kept.await.expect("kept"), []);
        assert_eq!(store.load(CHAT).expect("loaded").version, 0);
        let operator = store.load(ChatId::OPERATOR).expect("loaded").record;
        assert_eq!(operator.dead_letters, [letter()]);
    }

    #[test]
    fn a_panic_becomes_an_apology_and_the_record_stays() {
        let base = Base::new(Knowledge::default());
        let record = Record {
            next_card: 5,
            ..Record::default()
        };
        let panic = panics::catch(|| -> Turn { panic!("a fault of ours") }).expect_err("a panic");
        let letter = DeadLetter::for_event(&record, &help(), &panic.0, now());
        let turn = dialogue::apology(&record, &help(), &base, letter);
        assert_eq!(turn.record.dead_letters[0].fault, "a fault of ours");
        let stays = Record {
            dead_letters: Vec::new(),
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
                    replies: AddressedReply::to_chat(
                        commit.chat,
                        [Reply::new(crate::markup::RichText::plain("theirs"))],
                    ),
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
        assert_eq!((rows.rows.len(), version), (1, begun + 2));
    }

    #[tokio::test]
    async fn what_an_unhealthy_store_shows_does_not_count_as_stored() {
        let contested = Contested::new(0);
        let assistant = assistant(contested.store());
        let handle = async || {
            let help = help();
            assistant
                .handle(CHAT, Some(UpdateId(7)), &help, now())
                .await
        };
        handle().await.expect("handled");
        // Its effect can be read; whether it is on disk is unknown.
        contested.unhealthy.store(true, Ordering::Relaxed);
        assert!(handle().await.is_err());
        contested.unhealthy.store(false, Ordering::Relaxed);
        assert_eq!(handle().await.expect("handled"), Handled::unchanged());
    }

    #[tokio::test]
    async fn endless_conflicts_are_an_error_and_not_a_hang() {
        let assistant = assistant(Contested::new(u32::MAX).store());
        let handled = assistant.handle(CHAT, None, &help(), now()).await;
        assert!(
            matches!(handled, Err(HandleError::Store(StoreError::Conflict(CHAT)))),
            "{handled:?}"
        );
    }

    /// An event in a group.
    fn group(input: Input, thread: Option<Thread>) -> Event {
        Event {
            place: Place::Group,
            thread,
            message: Some(MessageId(9)),
            ..Event::private(input)
        }
    }

    #[test]
    fn an_answer_goes_back_to_its_topic_and_replies_in_a_group_to_what_was_asked() {
        let said = || Input::from_text("/help");
        let pressed = || Input::Press {
            press: None,
            message: MessageId(5),
        };
        let (topic, comments) = (
            Some(Thread::Topic(ThreadId(7))),
            Some(Thread::Comments(ThreadId(8))),
        );
        let once = |message| {
            let reply_to = ReplyTo {
                message: MessageId(message),
                throughout: false,
            };
            [Some(reply_to), None]
        };
        let always = |message| {
            let reply_to = ReplyTo {
                message: MessageId(message),
                throughout: true,
            };
            [Some(reply_to); 2]
        };
        let in_private = Event {
            thread: topic,
            ..Event::private(said())
        };
        for (event, thread, reply_to) in [
            (Event::private(said()), None, [None; 2]),
            (in_private, Some(ThreadId(7)), [None; 2]),
            (Event::wake(), None, [None; 2]),
            (group(said(), None), None, once(9)),
            (group(said(), topic), Some(ThreadId(7)), once(9)),
            (group(said(), comments), None, always(9)),
            (group(pressed(), topic), Some(ThreadId(7)), [None; 2]),
            (group(pressed(), comments), None, always(5)),
        ] {
            let reply = || Reply::new(crate::markup::RichText::plain("x"));
            let replies = address_replies(CHAT, &event, vec![reply(), reply()]);
            assert!(replies.iter().all(|reply| reply.to.thread == thread));
            let found: Vec<_> = replies.iter().map(|reply| reply.reply_to).collect();
            assert_eq!(found, reply_to, "{event:?}");
        }
    }

    #[tokio::test]
    async fn a_receipt_the_record_takes_without_a_word_costs_no_commit() {
        let assistant = assistant(Arc::new(MemoryStore::new()));
        assistant
            .handle(CHAT, None, &help(), now())
            .await
            .expect("handled");
        let before = assistant.store().load(CHAT).expect("loaded").version;
        let at = Address::chat(CHAT);
        let sent = Receipt::Sent {
            to: at,
            message: MessageId(5),
        };
        let handled = assistant.handle_receipt(CHAT, at, sent, now()).await;
        assert_eq!(handled.expect("handled"), Handled::unchanged());
        assert_eq!(
            assistant.store().load(CHAT).expect("loaded").version,
            before
        );
    }

    #[tokio::test]
    async fn what_a_file_says_is_answered_in_the_topic_it_was_sent_to() {
        let assistant = assistant(Arc::new(MemoryStore::new()));
        let at = Address::chat(CHAT).in_topic(Some(ThreadId(7)));
        let content = Receipt::FileContent(Ok("[]".to_owned()));
        let handled = assistant.handle_receipt(CHAT, at, content, now()).await;
        let rows = handled.expect("handled").rows;
        assert!(!rows.is_empty() && rows.iter().all(|row| row.to == at));
    }
}
