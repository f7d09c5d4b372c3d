//! The Telegram channel as Telegram sees it: the service over HTTP against a Bot API server on loopback.

mod corners;
mod faults;
mod files;
mod network;
mod timers;
mod topics;
mod webhook;

use std::{
    future::ready,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use crate::support::{
    self,
    fake_api::{self, BOT_ID, BOT_NAME, FakeApi, TOKEN, Trouble, person, said, said_in_group},
};
use async_trait::async_trait;
use futures::FutureExt;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::{
    sync::{Semaphore, oneshot},
    task::JoinHandle,
    time::sleep,
};
use unbind_bot::{
    assistant::Assistant,
    dialogue::{Base, ChatId, Record, Reply, UpdateId},
    knowledge::{Knowledge, Language, Lines},
    markup::RichText,
    store::{
        AddressedReply, Commit, Store, StoreError, Versioned,
        memory::MemoryStore,
        testing::{HookedStore, Hooks},
    },
    telegram::{
        ServeError, TelegramSettings,
        outgoing::{Outgoing, RenderOptions, render},
        serve,
    },
};

const ANN: i64 = 11;
const BEN: i64 = 22;
const GROUP: i64 = -1_001;

/// Makes commits to a store wait or fail, and records them.
struct Gate {
    inner: Arc<MemoryStore>,
    open: Semaphore,
    refusals: AtomicU32,
    /// The number of commits whose acknowledgement is lost.
    lost_acknowledgements: AtomicU32,
    attempts: AtomicU32,
    /// Scans hang.
    scan_hangs: AtomicBool,
    unhealthy: AtomicBool,
    /// Commits of Ann's chat hang.
    hangs_for_ann: AtomicBool,
    /// The highest number of concurrent commits so far.
    max_concurrent: AtomicU32,
    concurrent: AtomicU32,
    committed: Mutex<Vec<(ChatId, Option<UpdateId>)>>,
}

impl Gate {
    /// A store that accepts all commits.
    fn open() -> Arc<Self> {
        let gate = Self::closed();
        gate.open.add_permits(Semaphore::MAX_PERMITS);
        gate
    }

    /// A store whose commits wait.
    fn closed() -> Arc<Self> {
        Arc::new(Self {
            inner: Arc::default(),
            open: Semaphore::new(0),
            refusals: AtomicU32::new(0),
            lost_acknowledgements: AtomicU32::new(0),
            attempts: AtomicU32::new(0),
            scan_hangs: AtomicBool::new(false),
            unhealthy: AtomicBool::new(false),
            hangs_for_ann: AtomicBool::new(false),
            max_concurrent: AtomicU32::new(0),
            concurrent: AtomicU32::new(0),
            committed: Mutex::default(),
        })
    }

    /// The store behind the gate.
    fn hooked(self: &Arc<Self>) -> Arc<dyn Store> {
        Arc::new(HookedStore::new(self.inner.clone(), self.clone()))
    }

    fn committed(&self, chat: i64) -> Vec<u32> {
        let committed = self.committed.lock().unwrap();
        let of_chat = committed.iter().filter(|(of, _)| of.0 == chat);
        of_chat
            .filter_map(|(_, update)| update.map(|id| id.0))
            .collect()
    }

    fn waiting(&self) -> usize {
        self.inner.outbox().unwrap().len()
    }

    async fn say(&self, chat: i64, text: &str) {
        self.reply(chat, Reply::new(RichText::plain(text))).await;
    }

    async fn reply(&self, chat: i64, reply: Reply) {
        self.keep(chat, Record::default(), vec![reply]).await;
    }

    async fn keep(&self, chat: i64, record: Record, replies: Vec<Reply>) {
        let replies = AddressedReply::to_chat(ChatId(chat), replies);
        self.keep_addressed(chat, record, replies).await;
    }

    async fn keep_addressed(&self, chat: i64, record: Record, replies: Vec<AddressedReply>) {
        let chat = ChatId(chat);
        let commit = Commit {
            chat,
            expected: self.inner.load(chat).unwrap().version,
            record: Some(record),
            replies,
            now: Timestamp::now(),
        };
        self.inner.commit(commit).await.unwrap();
    }
}

#[async_trait]
impl Hooks for Gate {
    async fn before_commit(&self, commit: &Commit) -> Result<(), StoreError> {
        self.attempts.fetch_add(1, Ordering::SeqCst);
        let concurrent = self.concurrent.fetch_add(1, Ordering::SeqCst) + 1;
        self.max_concurrent.fetch_max(concurrent, Ordering::SeqCst);
        let passed = self.open.acquire().await;
        while commit.chat.0 == ANN && self.hangs_for_ann.load(Ordering::SeqCst) {
            sleep(Duration::from_millis(20)).await;
        }
        self.concurrent.fetch_sub(1, Ordering::SeqCst);
        let _passed = passed.unwrap();
        if self.refusals.load(Ordering::SeqCst) > 0 {
            self.refusals.fetch_sub(1, Ordering::SeqCst);
            return Err(StoreError::Unavailable("no room".into()));
        }
        Ok(())
    }

    async fn after_commit(&self, commit: &Commit) -> Result<(), StoreError> {
        let record = commit.record.as_ref();
        let update = record.and_then(|record| record.updates.last());
        let noted = (commit.chat, update.map(|seen| seen.id));
        self.committed.lock().unwrap().push(noted);
        if self.lost_acknowledgements.load(Ordering::SeqCst) > 0 {
            self.lost_acknowledgements.fetch_sub(1, Ordering::SeqCst);
            return Err(StoreError::Unavailable(
                "the acknowledgement was lost".into(),
            ));
        }
        Ok(())
    }

    fn before_scan(&self) {
        while self.scan_hangs.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn before_health(&self) -> Result<(), StoreError> {
        if self.unhealthy.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable("no room".into()));
        }
        Ok(())
    }
}

/// The running service.
struct Service {
    assistant: Arc<Assistant>,
    /// Whether it called `ready`.
    ready: Arc<AtomicBool>,
    running: JoinHandle<Result<(), ServeError>>,
    stop: oneshot::Sender<()>,
}

impl Service {
    fn start(api: &FakeApi, store: &Arc<Gate>) -> Self {
        Self::start_with(api, store, TOKEN, Base::new(Knowledge::default()))
    }

    fn start_with(
        api: &FakeApi,
        store: &Arc<Gate>,
        token: &str,
        base: impl Into<Arc<Base>>,
    ) -> Self {
        Self::start_at(api, store, token, base, Timestamp::now)
    }

    /// With another clock.
    fn start_at(
        api: &FakeApi,
        store: &Arc<Gate>,
        token: &str,
        base: impl Into<Arc<Base>>,
        clock: impl Fn() -> Timestamp + Send + Sync + 'static,
    ) -> Self {
        Self::start_as(settings(api, token), store, base, clock)
    }

    /// With other settings.
    fn start_as(
        settings: TelegramSettings,
        store: &Arc<Gate>,
        base: impl Into<Arc<Base>>,
        clock: impl Fn() -> Timestamp + Send + Sync + 'static,
    ) -> Self {
        let assistant = Arc::new(Assistant::new(base, store.hooked()));
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = stopped.map(|_| ());
        let served = assistant.clone();
        let is_ready = Arc::new(AtomicBool::new(false));
        let (said, assistant_made) = (is_ready.clone(), ready(served));
        let say_ready = move |_: &str| said.store(true, Ordering::SeqCst);
        let running = tokio::spawn(async move {
            serve(settings, assistant_made, clock, say_ready, shutdown).await
        });
        Self {
            assistant,
            ready: is_ready,
            running,
            stop,
        }
    }

    async fn until_ready(&self, api: &FakeApi) {
        api.until("the service is ready", |_| {
            self.ready.load(Ordering::SeqCst)
        })
        .await;
    }

    /// Requests a stop and waits for the end; returns how long that took.
    async fn stop(self) -> Duration {
        let asked = Instant::now();
        let _ = self.stop.send(());
        self.running.await.unwrap().unwrap();
        asked.elapsed()
    }

    async fn kill(self) {
        self.running.abort();
        let _ = self.running.await;
    }
}

/// Polling, without rate limits.
fn settings(api: &FakeApi, token: &str) -> TelegramSettings {
    TelegramSettings {
        token: token.into(),
        api_url: api.url().parse().unwrap(),
        proxy: None,
        api_files: None,
        send_rate: 0,
        send_rate_per_chat: 0,
        webhook: None,
    }
}

/// One of the bot's lines as it is sent to Telegram.
fn looks(line: &str) -> String {
    let lines = Lines::new(&Default::default());
    let reply = Reply::new(lines.say(Language::EN, line, &[]));
    let options = RenderOptions::new(ChatId(ANN), BOT_NAME);
    match render(&reply, options).as_slice() {
        [Outgoing::New(message)] => message.text.clone(),
        other => panic!("{other:?}"),
    }
}

/// Lets all tasks of this test run until they wait for I/O.
async fn let_tasks_run() {
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
}

/// Waits for two more polls, which would have confirmed anything there is to confirm.
async fn until_polled_twice(api: &FakeApi) {
    let polls = || api.calls_of("getUpdates").len();
    let enough = polls() + 2;
    api.until("it has polled twice more", |_| polls() >= enough)
        .await;
}

#[tokio::test]
async fn an_update_is_confirmed_only_after_its_commit_and_is_then_answered() {
    let (api, store) = (FakeApi::start().await, Gate::closed());
    let _service = Service::start(&api, &store);
    let update = api.says(ANN, "how do I unbind my card?");
    api.until("a commit is tried", |_| {
        store.attempts.load(Ordering::SeqCst) > 0
    })
    .await;
    until_polled_twice(&api).await;
    assert!(!api.is_confirmed(update) && api.sent(ANN).is_empty());
    store.open.add_permits(1000);
    api.until("it is answered", |api| !api.sent(ANN).is_empty())
        .await;
    api.until("it is confirmed", |api| api.is_confirmed(update))
        .await;
    assert_eq!(store.committed(ANN), [update as u32]);
}

#[tokio::test]
async fn an_update_whose_commit_fails_is_retried_and_not_confirmed() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    store.refusals.store(u32::MAX, Ordering::SeqCst);
    let update = api.says(ANN, "hello");
    let _service = Service::start(&api, &store);
    api.until("it is refused and tried again", |_| {
        store.attempts.load(Ordering::SeqCst) >= 2
    })
    .await;
    until_polled_twice(&api).await;
    assert!(!api.is_confirmed(update));
    store.refusals.store(0, Ordering::SeqCst);
    api.until("it is confirmed", |api| api.is_confirmed(update))
        .await;
    api.until("it is answered", |api| !api.sent(ANN).is_empty())
        .await;
    assert_eq!(store.committed(ANN), [update as u32]);
}

#[tokio::test]
async fn a_commit_whose_acknowledgement_was_lost_is_answered_once() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    store.lost_acknowledgements.store(1, Ordering::SeqCst);
    let _service = Service::start(&api, &store);
    let update = api.says(ANN, "/help");
    api.until("it is answered", |api| {
        api.is_confirmed(update) && store.waiting() == 0
    })
    .await;
    assert_eq!(store.committed(ANN), [update as u32]);
    assert_eq!(api.sent(ANN).len(), 1);
}

#[tokio::test]
async fn a_failed_commit_of_one_chat_does_not_affect_other_chats() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    store.refusals.store(1, Ordering::SeqCst);
    let updates = [ANN, BEN].map(|chat| api.says(chat, "hello"));
    let _service = Service::start(&api, &store);
    api.until("both are confirmed", |api| {
        updates.iter().all(|id| api.is_confirmed(*id))
    })
    .await;
    api.until("both are answered", |api| {
        !api.sent(ANN).is_empty() && !api.sent(BEN).is_empty()
    })
    .await;
    assert_eq!(store.committed(ANN).len() + store.committed(BEN).len(), 2);
}

#[tokio::test]
async fn an_update_that_comes_again_has_no_second_effect() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    let _service = Service::start(&api, &store);
    let update = api.says(ANN, "hello");
    api.until("it is confirmed", |api| api.is_confirmed(update))
        .await;
    api.push_as(update, json!({"message": said(ANN, "hello")}));
    let next = api.says(ANN, "/help");
    api.until("the next is confirmed", |api| api.is_confirmed(next))
        .await;
    api.until("the outbox is empty", |_| store.waiting() == 0)
        .await;
    assert_eq!(store.committed(ANN), [update as u32, next as u32]);
}

#[tokio::test]
async fn update_ids_that_restart_after_a_quiet_week_are_accepted() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    let _service = Service::start(&api, &store);
    let high = api.says(ANN, "hello");
    api.until("it is confirmed", |api| api.is_confirmed(high))
        .await;
    // The poll that confirmed it waits for the next update.
    api.until("that poll waits", FakeApi::is_polled).await;
    api.push_as(5, json!({"message": said(ANN, "/help")}));
    api.until("the low id has its effect", |_| {
        store.committed(ANN).contains(&5)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chats_are_handled_concurrently_and_each_in_order() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    let chats = [ANN, BEN, 33, 44];
    let mut updates = vec![Vec::new(); chats.len()];
    for turn in 0..60 {
        for (chat, updates) in chats.iter().zip(&mut updates) {
            let text = ["/help", "/language", "/cards", "hello"][turn % 4];
            updates.push(api.says(*chat, text) as u32);
        }
    }
    let _service = Service::start(&api, &store);
    let last = u64::from(*updates[3].last().unwrap());
    api.until("all are confirmed", |api| api.is_confirmed(last))
        .await;
    api.until("all is sent", |_| store.waiting() == 0).await;
    for (chat, updates) in chats.iter().zip(&updates) {
        assert_eq!(store.committed(*chat), *updates);
        // The texts repeat every four turns, so they show the order of turns.
        let texts: Vec<_> = api
            .sent(*chat)
            .iter()
            .map(|call| call.text().to_owned())
            .collect();
        let per_round = texts.len() / 15;
        assert!(
            per_round >= 4 && texts.len() == 15 * per_round,
            "{}",
            texts.len()
        );
        assert_eq!(
            texts[4 * per_round..8 * per_round],
            texts[8 * per_round..12 * per_round]
        );
    }
}

#[tokio::test]
async fn a_flood_wait_of_one_chat_does_not_delay_another() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    const CARL: i64 = 33;
    api.trouble("sendMessage", Some(ANN), Trouble::Flood(600));
    api.trouble("sendMessage", Some(CARL), Trouble::Flood(1));
    let _service = Service::start(&api, &store);
    for chat in [ANN, CARL] {
        api.says(chat, "/help");
        api.until("it is refused", |api| !api.sent(chat).is_empty())
            .await;
    }
    api.says(BEN, "/help");
    api.until("Ben is answered", |api| !api.sent(BEN).is_empty())
        .await;
    api.until("Carl is answered", |api| api.sent(CARL).len() == 2)
        .await;
    let sent = api.sent(CARL);
    assert!(sent[1].at - sent[0].at >= Duration::from_secs(1));
    assert_eq!(api.sent(ANN).len(), 1, "her wait is not over");
}

#[tokio::test]
async fn a_press_is_acknowledged_before_it_is_committed() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    let service = Service::start(&api, &store);
    api.says(ANN, "/help");
    api.until("there is a message", |_| {
        !api.sent(ANN).is_empty() && store.waiting() == 0
    })
    .await;
    service.stop().await;
    let closed = Gate::closed();
    let _service = Service::start(&api, &closed);
    let (message, _) = api.newest(ANN);
    let update = api.presses(ANN, message, "forged");
    api.until("the press is acknowledged", |api| {
        api.is_acknowledged(update)
    })
    .await;
    assert!(!api.is_confirmed(update) && closed.committed(ANN).is_empty());
}

#[tokio::test]
async fn a_press_edits_its_message_or_sends_a_new_one_if_it_is_gone() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    let _service = Service::start_with(&api, &store, TOKEN, support::base());
    api.says(ANN, "/unbind");
    api.until("there is a message", |_| {
        !api.sent(ANN).is_empty() && store.waiting() == 0
    })
    .await;
    let (message, buttons) = api.newest(ANN);
    api.presses(ANN, message, &buttons[0]);
    api.until("it is edited", |api| {
        api.calls_of("editMessageText").len() == 1
    })
    .await;
    assert_eq!(
        api.calls_of("editMessageText")[0].params["message_id"],
        message
    );
    api.until("that is done", |_| store.waiting() == 0).await;
    let (message, buttons) = api.newest(ANN);
    let sent = api.sent(ANN).len();
    api.trouble(
        "editMessageText",
        Some(ANN),
        Trouble::Error(400, "Bad Request: message to edit not found"),
    );
    api.presses(ANN, message, &buttons[0]);
    api.until("a new message is sent", |api| api.sent(ANN).len() > sent)
        .await;
    assert_eq!(
        api.sent(ANN)[sent].text(),
        api.calls_of("editMessageText")[1].text()
    );
}

#[tokio::test]
async fn a_press_of_anothers_button_in_a_group_is_answered_and_does_nothing() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    let _service = Service::start_with(&api, &store, TOKEN, support::base());
    let ask = format!("/faq@{BOT_NAME}");
    api.push(json!({"message": said_in_group(GROUP, &ask)}));
    api.until("there are buttons", |_| {
        !api.sent(GROUP).is_empty() && store.waiting() == 0
    })
    .await;
    let (message, buttons) = api.newest(GROUP);
    let commits = store.committed(GROUP).len();
    let press = |who: &Value| api.presses_as(who, GROUP, message, &buttons[0]);
    let mut chinese = person(BEN);
    chinese["language_code"] = json!("zh-hans");
    for (who, words) in [
        (person(ANN), "This button is for somebody else"),
        (chinese, "这"),
    ] {
        let update = press(&who);
        api.until("it is answered and confirmed", |api| {
            api.is_acknowledged(update) && api.is_confirmed(update)
        })
        .await;
        let answer = api.acknowledgement(update).unwrap();
        let text = answer["text"].as_str().unwrap();
        assert!(
            text.contains(words) && answer["show_alert"] == true,
            "{answer}"
        );
    }
    assert_eq!(store.committed(GROUP).len(), commits);
    // `said_in_group` is a message of user 7.
    let own = press(&person(7));
    api.until("the owner's has its effect", |_| {
        store.committed(GROUP).len() == commits + 1
    })
    .await;
    api.until("it is answered", |api| api.is_acknowledged(own))
        .await;
    assert!(api.acknowledgement(own).unwrap()["text"].is_null());
}

#[tokio::test]
async fn refused_markup_is_sent_plain() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    api.trouble(
        "sendMessage",
        None,
        Trouble::Error(
            400,
            "Bad Request: can't parse entities: Unsupported start tag \"x\" at byte offset 0",
        ),
    );
    let _service = Service::start(&api, &store);
    api.says(ANN, "/help");
    api.until("it is sent again", |api| api.sent(ANN).len() == 2)
        .await;
    let modes: Vec<_> = api
        .sent(ANN)
        .iter()
        .map(|call| call.params["parse_mode"].clone())
        .collect();
    assert_eq!(modes, [json!("HTML"), Value::Null]);
}

#[tokio::test]
async fn a_block_ends_the_chats_messages() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    for text in ["one", "two", "three"] {
        store.say(ANN, text).await;
    }
    api.trouble(
        "sendMessage",
        Some(ANN),
        Trouble::Error(403, "Forbidden: bot was blocked by the user"),
    );
    let _service = Service::start(&api, &store);
    api.until("nothing waits", |_| store.waiting() == 0).await;
    api.says(BEN, "/help");
    api.until("another chat is answered", |api| !api.sent(BEN).is_empty())
        .await;
    assert_eq!(api.sent(ANN).len(), 1);
}

#[tokio::test]
async fn messages_follow_a_group_that_moved() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    store.say(GROUP, "one").await;
    api.trouble("sendMessage", Some(GROUP), Trouble::Moved(-100_777));
    let _service = Service::start(&api, &store);
    api.until("it is sent to the new group", |api| {
        api.sent(-100_777).len() == 1
    })
    .await;
    api.until("nothing waits", |_| store.waiting() == 0).await;
}

#[tokio::test]
async fn broken_answers_are_waited_out_and_order_is_kept() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    for text in ["one", "two"] {
        store.say(ANN, text).await;
    }
    api.trouble("sendMessage", None, Trouble::Reset);
    api.trouble("sendMessage", None, Trouble::ErrorPage);
    let _service = Service::start(&api, &store);
    api.until("all is sent", |_| store.waiting() == 0).await;
    let texts: Vec<_> = api
        .sent(ANN)
        .iter()
        .map(|call| call.text().to_owned())
        .collect();
    assert_eq!(texts, ["one", "one", "one", "two"]);
}

#[tokio::test]
async fn rows_that_a_killed_process_did_not_send_are_sent_after_a_restart() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    api.trouble("sendMessage", None, Trouble::Hang);
    let service = Service::start(&api, &store);
    let update = api.says(ANN, "/help");
    api.until("it is being sent", |api| api.sent(ANN).len() == 1)
        .await;
    api.until("it is confirmed", |api| api.is_confirmed(update))
        .await;
    service.kill().await;
    let _service = Service::start(&api, &store);
    api.until("it is sent", |api| {
        api.sent(ANN).len() == 2 && store.waiting() == 0
    })
    .await;
    assert_eq!(api.sent(ANN)[0].text(), api.sent(ANN)[1].text());
    assert_eq!(store.committed(ANN), [update as u32]);
}

#[tokio::test]
async fn updates_of_unknown_kinds_are_ignored_and_confirmed() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    api.push(json!({"an_update_of_the_future": {"x": 1}}));
    api.push(json!({"message": "nonsense"}));
    api.push(json!({"message": {"chat": {"id": "x"}, "text": 5}}));
    api.push(json!({"callback_query": {"id": "q", "from": person(ANN), "inline_message_id": "x"}}));
    api.push(json!({"poll": null}));
    let mut odd = said(ANN, "five o'clock");
    odd["entities"] = json!([{"type": "from_the_future", "offset": -5, "length": "x"}]);
    api.push(json!({"message": odd}));
    let last = api.says(BEN, &"卡".repeat(5000));
    let _service = Service::start(&api, &store);
    api.until("all is confirmed", |api| api.is_confirmed(last))
        .await;
    api.until("both are answered", |api| {
        !api.sent(ANN).is_empty() && !api.sent(BEN).is_empty()
    })
    .await;
    assert_eq!(store.committed(ANN).len() + store.committed(BEN).len(), 2);
}

#[tokio::test]
async fn an_update_without_an_id_does_not_stop_the_others() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    api.push_as(0, json!(["not", "an", "object"]));
    let last = api.says(ANN, "/help");
    let _service = Service::start(&api, &store);
    api.until("the other is answered", |api| {
        !api.sent(ANN).is_empty() && api.is_confirmed(last)
    })
    .await;
}

#[tokio::test]
async fn stickers_and_voice_messages_are_answered() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    for (chat, kind) in [(ANN, "sticker"), (BEN, "voice")] {
        let mut message = said(chat, "");
        message.as_object_mut().unwrap().remove("text");
        message[kind] = json!({"file_id": "x"});
        api.push(json!({"message": message}));
    }
    let _service = Service::start(&api, &store);
    api.until("both are answered", |api| {
        !api.sent(ANN).is_empty() && !api.sent(BEN).is_empty()
    })
    .await;
}

#[tokio::test]
async fn in_a_group_it_speaks_only_when_addressed() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    api.push(json!({"message": said_in_group(GROUP, "who has a key to the garage?")}));
    let unheard = api.push(json!({"message": said_in_group(GROUP, "/help@another_bot")}));
    let _service = Service::start(&api, &store);
    api.until("they are confirmed", |api| api.is_confirmed(unheard))
        .await;
    let name = format!("@{BOT_NAME} how do I unbind?");
    let mut mentioned = said_in_group(GROUP, &name);
    mentioned["entities"] = json!([{"type": "mention", "offset": 0, "length": BOT_NAME.len() + 1}]);
    let mention = api.push(json!({"message": mentioned}));
    api.until("a mention is answered", |api| !api.sent(GROUP).is_empty())
        .await;
    let mut replied = said_in_group(GROUP, "thanks");
    replied["reply_to_message"] =
        json!({"message_id": 1, "from": {"id": BOT_ID, "is_bot": true}, "text": "?"});
    let reply = api.push(json!({"message": replied}));
    api.until("a reply is answered", |api| api.sent(GROUP).len() >= 2)
        .await;
    api.until("all is sent", |api| {
        api.is_confirmed(reply) && store.waiting() == 0
    })
    .await;
    assert_eq!(store.committed(GROUP), [mention as u32, reply as u32]);
    assert_eq!(api.sent(GROUP).len(), 2);
}

#[tokio::test]
async fn polling_retries_after_temporary_failures() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    for trouble in [Trouble::ErrorPage, Trouble::Flood(1), Trouble::Reset] {
        api.trouble("getUpdates", None, trouble);
    }
    let update = api.says(ANN, "/help");
    let _service = Service::start(&api, &store);
    api.until("it is answered", |api| {
        !api.sent(ANN).is_empty() && api.is_confirmed(update)
    })
    .await;
}

#[tokio::test]
async fn polling_goes_on_once_another_copy_has_stopped() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    api.trouble("getUpdates", None, Trouble::Error(409, "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"));
    let _service = Service::start(&api, &store);
    api.says(ANN, "/help");
    api.until("it is answered", |api| !api.sent(ANN).is_empty())
        .await;
}

#[tokio::test]
async fn a_webhook_left_behind_is_removed_and_its_updates_are_kept() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    api.set_webhook();
    api.says(ANN, "/help");
    let _service = Service::start(&api, &store);
    api.until("it is answered", |api| !api.sent(ANN).is_empty())
        .await;
    let removed = &api.calls_of("deleteWebhook")[0].params;
    assert_ne!(removed["drop_pending_updates"], true);
}

#[tokio::test]
async fn a_wrong_token_is_one_sentence_that_does_not_show_it() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    let base = Base::new(Knowledge::default());
    let service = Service::start_with(&api, &store, "123:wrong", base);
    let error = service.running.await.unwrap().unwrap_err();
    assert!(matches!(error, ServeError::Unauthorized));
    let said = error.to_string();
    assert!(
        said.contains("TELOXIDE_TOKEN") && !said.contains("wrong") && !said.contains('\n'),
        "{said}"
    );
}

#[tokio::test]
async fn a_server_that_is_down_at_the_start_is_waited_for() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    api.trouble("getMe", None, Trouble::ErrorPage);
    api.says(ANN, "/help");
    let _service = Service::start(&api, &store);
    api.until("it is answered", |api| !api.sent(ANN).is_empty())
        .await;
}

#[tokio::test]
async fn when_asked_to_stop_it_stops_at_once_and_confirms_what_it_did() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    let service = Service::start(&api, &store);
    let update = api.says(ANN, "/help");
    api.until("it is answered", |api| {
        !api.sent(ANN).is_empty() && store.waiting() == 0
    })
    .await;
    api.until("the next poll waits", FakeApi::is_polled).await;
    let took = service.stop().await;
    assert!(
        took < Duration::from_secs(30),
        "it does not wait for the poll: {took:?}"
    );
    assert!(api.is_confirmed(update));
    assert_eq!(store.waiting(), 0);
}

#[tokio::test]
async fn when_asked_to_stop_it_commits_updates_in_flight_and_sends_their_answers() {
    let (api, store) = (FakeApi::start().await, Gate::closed());
    let service = Service::start(&api, &store);
    let update = api.says(ANN, "/help");
    api.until("a commit is under way", |_| {
        store.attempts.load(Ordering::SeqCst) == 1
    })
    .await;
    let stopping = tokio::spawn(service.stop());
    let_tasks_run().await;
    store.open.add_permits(1000);
    stopping.await.unwrap();
    assert!(api.is_confirmed(update) && !api.sent(ANN).is_empty());
    assert_eq!(store.waiting(), 0);
}

#[tokio::test]
async fn shutdown_ends_in_time_even_when_requests_and_commits_hang() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    store.say(ANN, "one").await;
    store.say(BEN, "two").await;
    api.trouble("sendMessage", Some(ANN), Trouble::Hang);
    api.trouble("sendMessage", Some(BEN), Trouble::Flood(600));
    let service = Service::start(&api, &store);
    api.until("both are tried", |api| {
        !api.sent(ANN).is_empty() && !api.sent(BEN).is_empty()
    })
    .await;
    store.open.forget_permits(usize::MAX);
    api.says(33, "/help");
    api.until("a commit hangs", |_| {
        store.attempts.load(Ordering::SeqCst) == 1
    })
    .await;
    let took = service.stop().await;
    // Stopping takes 6.5 s; the rest is for a loaded machine.
    assert!(
        took < Duration::from_secs(60),
        "it does not wait for Ben's turn: {took:?}"
    );
    assert_eq!(store.waiting(), 2);
}

#[tokio::test]
async fn every_language_has_its_menu_and_groups_a_shorter_one() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    let _service = Service::start(&api, &store);
    api.until("the menus are set", |api| {
        api.calls_of("setMyCommands").len() >= 4
    })
    .await;
    let menus = api.calls_of("setMyCommands");
    for language in [Value::Null, json!("zh")] {
        let shown = |scope: &str| {
            let menu = menus.iter().find(|menu| {
                menu.params["scope"]["type"] == scope && menu.params["language_code"] == language
            });
            let commands = menu.expect(scope).params["commands"].as_array().unwrap();
            commands
                .iter()
                .map(|c| c["command"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            shown("all_private_chats"),
            [
                "unbind", "cards", "faq", "help", "cancel", "language", "protect", "export",
                "privacy", "forget"
            ]
        );
        assert_eq!(shown("all_group_chats"), ["help"]);
    }
}

#[tokio::test]
async fn only_updates_that_are_handled_are_asked_for() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    let _service = Service::start(&api, &store);
    api.until("it polls", |api| !api.calls_of("getUpdates").is_empty())
        .await;
    let poll = &api.calls_of("getUpdates")[0].params;
    assert_eq!(
        poll["allowed_updates"],
        json!(["message", "edited_message", "callback_query"])
    );
    assert!(poll["timeout"].as_u64().unwrap() > 0);
}

/// The program's log.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Collects the log of this test, which runs on one thread.
    fn listen(&self) -> tracing::subscriber::DefaultGuard {
        let writer = self.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::DEBUG)
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::set_default(subscriber)
    }

    fn read(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

#[tokio::test]
async fn the_log_shows_neither_the_token_nor_message_texts() {
    let log = Log::default();
    let _guard = log.listen();
    let (api, store) = (FakeApi::start().await, Gate::open());
    store.say(ANN, "TOPSECRET words").await;
    store.refusals.store(1, Ordering::SeqCst);
    for trouble in [Trouble::Reset, Trouble::ErrorPage, Trouble::Flood(1)] {
        api.trouble("getUpdates", None, trouble.clone());
        api.trouble("sendMessage", None, trouble);
    }
    api.trouble("sendMessage", None, Trouble::Error(400, "Bad Request: can't parse entities: Unsupported start tag \"TOPSECRET\" at byte offset 0"));
    let service = Service::start(&api, &store);
    let update = api.says(ANN, "my pin is TOPSECRET");
    api.until("all is done", |api| {
        api.is_confirmed(update) && store.waiting() == 0
    })
    .await;
    service.stop().await;
    let log = log.read();
    assert!(
        log.contains("getUpdates failed; retrying") && log.contains("this chat waits"),
        "{log}"
    );
    assert!(!log.contains("SECRET"), "{log}");
}

#[tokio::test]
async fn a_chat_that_hangs_does_not_delay_others() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    store.hangs_for_ann.store(true, Ordering::SeqCst);
    let _service = Service::start(&api, &store);
    let anns = api.says(ANN, "hello");
    for round in 1..=20 {
        api.says(BEN, "hello");
        api.says(ANN, "still there?");
        api.until("Ben is answered", |api| api.sent(BEN).len() == round)
            .await;
    }
    assert!(!api.is_confirmed(anns) && api.sent(ANN).is_empty());
    store.hangs_for_ann.store(false, Ordering::SeqCst);
    let last = api.says(BEN, "hello");
    api.until("all is confirmed", |api| api.is_confirmed(last))
        .await;
    assert_eq!(store.committed(ANN).len(), 21);
    assert!(store.committed(ANN).is_sorted() && store.committed(BEN).is_sorted());
}

#[tokio::test]
async fn a_backlog_of_ten_thousand_is_worked_through_in_order_with_few_in_flight() {
    const BACKLOG: u64 = 10_000;
    const CHATS: i64 = 97;
    let (api, store) = (FakeApi::start().await, Gate::open());
    let mut last = 0;
    for update in 0..BACKLOG {
        last = api.push(json!({"message": said(1 + update as i64 % CHATS, "/help")}));
    }
    let service = Service::start(&api, &store);
    api.until_within(Duration::from_secs(120), "the backlog is handled", |api| {
        api.is_confirmed(last)
    })
    .await;
    service.stop().await;
    assert_eq!(store.committed.lock().unwrap().len() as u64, BACKLOG);
    assert!((1..=CHATS).all(|chat| store.committed(chat).is_sorted()));
    let most = store.max_concurrent.load(Ordering::SeqCst);
    assert!(most <= 100, "{most} concurrent commits");
}

#[tokio::test]
async fn a_group_that_becomes_a_supergroup_keeps_its_record_and_its_waiting_rows() {
    const SUPERGROUP: i64 = -1_002;
    let (api, store) = (FakeApi::start().await, Gate::open());
    let record = Record {
        language: Some(Language::ZH),
        ..Record::default()
    };
    store
        .keep(
            GROUP,
            record.clone(),
            vec![Reply::new(RichText::plain("a"))],
        )
        .await;
    api.trouble("sendMessage", Some(GROUP), Trouble::Moved(SUPERGROUP));
    let service = Service::start(&api, &store);
    api.until("it is sent there", |api| api.sent(SUPERGROUP).len() == 1)
        .await;
    let kept = |chat| store.inner.load(ChatId(chat)).unwrap().record;
    assert_eq!(
        (kept(GROUP), kept(SUPERGROUP)),
        (Record::default(), record.clone())
    );
    service.stop().await;
    assert_eq!(store.waiting(), 0);
    // The other way to learn of it: the service message in the group.
    let _service = Service::start(&api, &store);
    let mut note = said_in_group(SUPERGROUP, "");
    note["migrate_to_chat_id"] = json!(SUPERGROUP - 1);
    let update = api.push(json!({"message": note}));
    api.until("it is confirmed", |api| api.is_confirmed(update))
        .await;
    assert_eq!(kept(SUPERGROUP - 1), record);
    assert!(api.sent(SUPERGROUP - 1).is_empty());
}
