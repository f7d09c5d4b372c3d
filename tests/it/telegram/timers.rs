//! Reminders and other timers of the running service.

use jiff::SignedDuration;
use unbind_bot::dialogue::{Activity, Card, CardId, Reminder, Removal, RemovedCard, Stage};

use super::*;

#[derive(Clone)]
struct Watch(Arc<Mutex<Timestamp>>);

impl Watch {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(
            "2026-01-05T10:00:00Z".parse().unwrap(),
        )))
    }

    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    fn advance(&self, minutes: i64) {
        *self.0.lock().unwrap() += SignedDuration::from_mins(minutes);
    }
}

fn start(api: &FakeApi, store: &Arc<Gate>, watch: &Watch) -> Service {
    let watch = watch.clone();
    Service::start_at(api, store, TOKEN, support::base(), move || watch.now())
}

/// A record whose card was just removed; the bot asks whether it is gone from the wallet.
fn removed_card(now: Timestamp) -> Record {
    let card = Card {
        id: CardId(0),
        label: "Office".into(),
        wallet: "wallet-huawei".parse().unwrap(),
        system: None,
        kind: None,
        issuer: None,
        digits: None,
        added: now,
        history: Vec::new(),
    };
    Record {
        activity: Activity::Removing(Removal {
            card: CardId(0),
            reason: None,
            proved: false,
            stage: Stage::Outcome,
            set_aside: None,
        }),
        trash: vec![RemovedCard {
            card,
            removed: now,
            position: 0,
            reason: None,
        }],
        next_card: 1,
        last_active: Some(now),
        ..Record::default()
    }
}

/// Waits until the timers have run: sets a timer that is due before all others, for a chat without a record, and waits
/// until it is gone.
async fn wait_for_timers(api: &FakeApi, service: &Service) {
    let first = Some(Timestamp::UNIX_EPOCH);
    service.assistant.timers().set(ChatId(77), 0, first);
    api.until("the timers have run", |_| {
        service.assistant.timers().next() != first
    })
    .await;
}

async fn press(api: &FakeApi, choice: &str) {
    let button = |api: &FakeApi| {
        let (message, buttons) = api.newest(ANN);
        let data = buttons.into_iter().find(|data| data.ends_with(choice))?;
        Some((message, data))
    };
    api.until(choice, |api| button(api).is_some()).await;
    let (message, data) = button(api).unwrap();
    let update = api.presses(ANN, message, &data);
    api.until("the press is confirmed", |api| api.is_confirmed(update))
        .await;
}

#[tokio::test]
async fn a_reminder_is_sent_once_the_clock_has_passed_and_not_before() {
    let (api, store, watch) = (FakeApi::start().await, Gate::open(), Watch::new());
    store.keep(ANN, removed_card(watch.now()), Vec::new()).await;
    let service = start(&api, &store, &watch);
    api.says(ANN, "/help");
    press(&api, ".still:0").await;
    press(&api, ".remind:0").await;
    api.until("all is sent", |_| store.waiting() == 0).await;
    let before = api.sent(ANN).len();
    watch.advance(29);
    wait_for_timers(&api, &service).await;
    assert_eq!((api.sent(ANN).len(), store.waiting()), (before, 0));
    watch.advance(2);
    wait_for_timers(&api, &service).await;
    api.until("Ann is reminded", |api| {
        api.sent(ANN).len() > before && store.waiting() == 0
    })
    .await;
    let (_, buttons) = api.newest(ANN);
    for choice in [".gone:0", ".still:0"] {
        assert!(buttons.iter().any(|data| data.ends_with(choice)));
    }
    wait_for_timers(&api, &service).await;
    api.until("all is sent", |_| store.waiting() == 0).await;
    assert_eq!(api.sent(ANN).len(), before + 1, "each reminder once");
}

#[tokio::test]
async fn a_reminder_that_came_due_while_the_bot_was_down_is_sent_at_the_next_start() {
    let (api, store, watch) = (FakeApi::start().await, Gate::open(), Watch::new());
    store.keep(ANN, removed_card(watch.now()), Vec::new()).await;
    watch.advance(25 * 60);
    let _service = start(&api, &store, &watch);
    api.until("Ann is reminded", |api| {
        let (_, buttons) = api.newest(ANN);
        buttons.iter().any(|data| data.ends_with(".gone:0"))
    })
    .await;
}

/// Not `tokio::test`, because the shutdown of the runtime is tested as well.
#[test]
fn a_store_that_cannot_be_read_delays_neither_the_first_poll_nor_the_shutdown() {
    let (end, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let (api, store) = (FakeApi::start().await, Gate::open());
            store.scan_hangs.store(true, Ordering::SeqCst);
            let service = Service::start(&api, &store);
            let update = api.says(ANN, "/help");
            api.until("it is answered", |api| {
                !api.sent(ANN).is_empty() && api.is_confirmed(update)
            })
            .await;
            service.stop().await;
        });
        drop(runtime);
        end.send(()).unwrap();
    });
    let timeout = Duration::from_secs(60);
    assert_eq!(ended.recv_timeout(timeout), Ok(()), "it never ended");
}

#[tokio::test]
async fn a_person_who_blocked_the_bot_is_not_reminded_until_they_return() {
    let (api, store, watch) = (FakeApi::start().await, Gate::open(), Watch::new());
    let mut record = removed_card(watch.now());
    // She also asked for a later reminder.
    record.reminders = vec![Reminder {
        card: CardId(0),
        at: watch.now() + SignedDuration::from_hours(48),
    }];
    store.keep(ANN, record, Vec::new()).await;
    let blocked = Trouble::Error(403, "Forbidden: bot was blocked by the user");
    api.trouble("sendMessage", Some(ANN), blocked);
    watch.advance(25 * 60);
    let service = start(&api, &store, &watch);
    let is_unreachable = || store.inner.load(ChatId(ANN)).unwrap().record.unreachable;
    api.until("it is noted", |_| is_unreachable() && store.waiting() == 0)
        .await;
    let tried = api.calls_of("sendMessage").len();
    watch.advance(3 * 24 * 60);
    // The second run starts after the first has finished.
    for _ in 0..2 {
        wait_for_timers(&api, &service).await;
    }
    watch.advance(40 * 24 * 60);
    wait_for_timers(&api, &service).await;
    api.until("what is past its time is swept all the same", |_| {
        store
            .inner
            .load(ChatId(ANN))
            .unwrap()
            .record
            .trash
            .is_empty()
    })
    .await;
    assert_eq!(
        (api.calls_of("sendMessage").len(), store.waiting()),
        (tried, 0)
    );
    api.says(ANN, "/help");
    api.until("she is answered again", |api| {
        api.calls_of("sendMessage").len() > tried
    })
    .await;
    assert!(!is_unreachable());
}

#[tokio::test]
async fn a_forgotten_chat_that_blocks_the_bot_leaves_no_record() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    store
        .inner
        .commit(Commit {
            chat: ChatId(ANN),
            expected: 0,
            record: None,
            replies: AddressedReply::to_chat(
                ChatId(ANN),
                [Reply::new(RichText::plain("all is deleted"))],
            ),
            now: Timestamp::now(),
        })
        .await
        .unwrap();
    let blocked = Trouble::Error(403, "Forbidden: user is deactivated");
    api.trouble("sendMessage", Some(ANN), blocked);
    let _service = Service::start(&api, &store);
    api.until("its row ends", |_| store.waiting() == 0).await;
    assert_eq!(store.inner.load(ChatId(ANN)).unwrap(), Versioned::default());
}
