//! Updates by webhook: the service behind a reverse proxy, as Telegram sees it.

use std::{
    net::{SocketAddr, TcpListener},
    sync::{Arc, atomic::Ordering},
};

use reqwest::{Client, StatusCode};
use unbind_bot::telegram::webhook::{WebhookSecret, WebhookSettings};

use super::*;
use crate::support::free_port;

const SECRET: &str = "a-secret-of-ours";
const URL: &str = "https://bot.example.org/telegram";

fn webhook(listen: SocketAddr) -> WebhookSettings {
    WebhookSettings {
        url: URL.parse().unwrap(),
        listen,
        secret: Some(WebhookSecret(SECRET.into())),
    }
}

fn start(api: &FakeApi, store: &Arc<Gate>, webhook: WebhookSettings) -> Service {
    let settings = TelegramSettings {
        webhook: Some(webhook),
        ..settings(api, TOKEN)
    };
    let base = Base::new(Knowledge::default());
    Service::start_as(settings, store, base, Timestamp::now)
}

async fn until_set(api: &FakeApi) {
    api.until("the webhook is set", |api| {
        api.webhook().is_some_and(|webhook| webhook["url"] == URL)
    })
    .await;
}

/// A delivery, possibly with differences from those Telegram makes.
struct Delivery<'a> {
    listen: SocketAddr,
    path: &'a str,
    secret: Option<&'a str>,
    body: String,
}

impl Delivery<'_> {
    async fn status(self) -> StatusCode {
        let url = format!("http://{}{}", self.listen, self.path);
        let mut request = Client::new().post(url).body(self.body);
        if let Some(secret) = self.secret {
            request = request.header("X-Telegram-Bot-Api-Secret-Token", secret);
        }
        request.send().await.unwrap().status()
    }
}

fn delivery(listen: SocketAddr, update: &Value) -> Delivery<'static> {
    Delivery {
        listen,
        path: "/telegram",
        secret: Some(SECRET),
        body: update.to_string(),
    }
}

fn hello(update: u64, chat: i64) -> Value {
    json!({"update_id": update, "message": said(chat, "hello")})
}

#[tokio::test]
async fn a_delivery_is_answered_with_200_only_once_its_effect_is_kept() {
    let (api, store, listen) = (FakeApi::start().await, Gate::closed(), free_port());
    api.deliver_to(listen);
    let _service = start(&api, &store, webhook(listen));
    let update = api.says(ANN, "how do I unbind my card?");
    api.until("a commit is tried", |_| {
        store.attempts.load(Ordering::SeqCst) > 0
    })
    .await;
    api.says(BEN, "hello");
    api.until("another commit is tried", |_| {
        store.attempts.load(Ordering::SeqCst) > 1
    })
    .await;
    assert!(!api.is_confirmed(update) && api.sent(ANN).is_empty());
    store.open.add_permits(1000);
    api.until("it is confirmed and answered", |api| {
        api.is_confirmed(update) && !api.sent(ANN).is_empty()
    })
    .await;
    assert_eq!(store.committed(ANN), [update as u32]);
    assert!(api.calls_of("getUpdates").is_empty());
}

#[tokio::test]
async fn the_webhook_is_registered_once_after_its_port_is_bound_and_without_the_token() {
    let (api, store, listen) = (FakeApi::start().await, Gate::open(), free_port());
    api.deliver_to(listen);
    let service = start(&api, &store, webhook(listen));
    until_set(&api).await;
    let set = api.webhook().unwrap();
    assert_eq!(set["secret_token"], SECRET);
    assert_eq!(set["max_connections"], 100);
    assert_eq!(
        set["allowed_updates"],
        json!(["message", "edited_message", "callback_query"])
    );
    assert!(!set.to_string().contains(TOKEN));
    let update = api.says(ANN, "hello");
    api.until("it is confirmed", |api| api.is_confirmed(update))
        .await;
    service.stop().await;
    assert!(api.webhook().is_some(), "it stays set");
    assert!(api.calls_of("deleteWebhook").is_empty());
    // A correct registration is left alone.
    let service = start(&api, &store, webhook(listen));
    service.until_ready(&api).await;
    service.stop().await;
    assert_eq!(api.calls_of("setWebhook").len(), 1);
    // A different one is replaced.
    let elsewhere = WebhookSettings {
        url: "https://bot.example.org/elsewhere".parse().unwrap(),
        ..webhook(listen)
    };
    let service = start(&api, &store, elsewhere);
    service.until_ready(&api).await;
    assert_eq!(api.calls_of("setWebhook").len(), 2);
    assert_eq!(api.probe_results(), [true, true]);
}

#[tokio::test]
async fn without_a_configured_secret_a_stable_one_is_derived_that_does_not_show_the_token() {
    let (api, store, listen) = (FakeApi::start().await, Gate::open(), free_port());
    api.deliver_to(listen);
    let unsaid = WebhookSettings {
        secret: None,
        ..webhook(listen)
    };
    let service = start(&api, &store, unsaid.clone());
    until_set(&api).await;
    let set = api.webhook().unwrap();
    let secret = set["secret_token"].as_str().unwrap();
    assert!(secret.len() >= 32 && !TOKEN.contains(secret) && !secret.contains(TOKEN));
    service.stop().await;
    let service = start(&api, &store, unsaid);
    service.until_ready(&api).await;
    assert_eq!(api.calls_of("setWebhook").len(), 1);
}

#[tokio::test]
async fn requests_not_from_telegram_are_refused_and_have_no_effect() {
    let (api, store, listen) = (FakeApi::start().await, Gate::open(), free_port());
    let _service = start(&api, &store, webhook(listen));
    until_set(&api).await;
    let right = || delivery(listen, &hello(5, ANN));
    let wrong_secret = Delivery {
        secret: Some("a-secret-of-theirs"),
        ..right()
    };
    assert_eq!(wrong_secret.status().await, StatusCode::UNAUTHORIZED);
    let no_secret = Delivery {
        secret: None,
        ..right()
    };
    assert_eq!(no_secret.status().await, StatusCode::UNAUTHORIZED);
    let elsewhere = Delivery {
        path: "/",
        ..right()
    };
    assert_eq!(elsewhere.status().await, StatusCode::NOT_FOUND);
    let read = Client::new()
        .get(format!("http://{listen}/telegram"))
        .send();
    assert_eq!(read.await.unwrap().status(), StatusCode::METHOD_NOT_ALLOWED);
    let torn = Delivery {
        body: "{\"update_id\": 5".into(),
        ..right()
    };
    assert_eq!(torn.status().await, StatusCode::BAD_REQUEST);
    let huge = Delivery {
        body: format!("{{\"update_id\": 5, \"x\": \"{}\"}}", "门".repeat(1 << 20)),
        ..right()
    };
    assert_eq!(huge.status().await, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(store.committed(ANN).is_empty());
    assert_eq!(right().status().await, StatusCode::OK);
    assert_eq!(store.committed(ANN), [5]);
}

#[tokio::test]
async fn a_webhook_with_an_older_secret_is_set_again() {
    let (api, store, listen) = (FakeApi::start().await, Gate::open(), free_port());
    api.deliver_to(listen);
    let service = start(&api, &store, webhook(listen));
    until_set(&api).await;
    service.stop().await;
    let changed = WebhookSettings {
        secret: Some(WebhookSecret("another-secret".into())),
        ..webhook(listen)
    };
    let _service = start(&api, &store, changed);
    let update = api.says(ANN, "hello");
    api.until("it is confirmed all the same", |api| {
        api.is_confirmed(update)
    })
    .await;
    assert_eq!(api.webhook().unwrap()["secret_token"], "another-secret");
}

#[tokio::test]
async fn while_the_store_is_unhealthy_updates_stay_at_telegram() {
    let (api, store, listen) = (FakeApi::start().await, Gate::open(), free_port());
    api.deliver_to(listen);
    let _service = start(&api, &store, webhook(listen));
    until_set(&api).await;
    store.unhealthy.store(true, Ordering::SeqCst);
    let status = delivery(listen, &hello(5, ANN)).status().await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    let update = api.says(ANN, "hello");
    api.until("it is refused again and again", |api| {
        api.refusals(update) > 1
    })
    .await;
    assert!(!api.is_confirmed(update) && store.committed(ANN).is_empty());
    store.unhealthy.store(false, Ordering::SeqCst);
    api.until("it is confirmed", |api| api.is_confirmed(update))
        .await;
    assert_eq!(store.committed(ANN), [update as u32]);
}

#[tokio::test]
async fn updates_beyond_the_limit_in_flight_stay_at_telegram() {
    const ROOM: u64 = unbind_bot::telegram::intake::MAX_UPDATES_IN_FLIGHT as u64;
    let (api, store, listen) = (FakeApi::start().await, Gate::closed(), free_port());
    let _service = start(&api, &store, webhook(listen));
    until_set(&api).await;
    for update in 0..ROOM {
        tokio::spawn(delivery(listen, &hello(update, 1000 + update as i64)).status());
    }
    api.until("all are in flight", |_| {
        u64::from(store.attempts.load(Ordering::SeqCst)) == ROOM
    })
    .await;
    let one_more = || delivery(listen, &hello(ROOM, ANN)).status();
    assert_eq!(one_more().await, StatusCode::SERVICE_UNAVAILABLE);
    store.open.add_permits(1_000);
    api.until("there is room again", |_| {
        store.committed.lock().unwrap().len() as u64 == ROOM
    })
    .await;
    assert_eq!(one_more().await, StatusCode::OK);
}

#[tokio::test]
async fn the_same_delivery_twice_at_once_has_one_effect_and_both_are_answered() {
    let (api, store, listen) = (FakeApi::start().await, Gate::closed(), free_port());
    let _service = start(&api, &store, webhook(listen));
    until_set(&api).await;
    let both = [5, 5].map(|update| tokio::spawn(delivery(listen, &hello(update, ANN)).status()));
    api.until("a commit is tried", |_| {
        store.attempts.load(Ordering::SeqCst) > 0
    })
    .await;
    // A later update is being handled as well, so both have most likely arrived.
    let behind = tokio::spawn(delivery(listen, &hello(6, BEN)).status());
    api.until("another commit is tried", |_| {
        store.attempts.load(Ordering::SeqCst) > 1
    })
    .await;
    store.open.add_permits(1_000);
    assert_eq!(behind.await.unwrap(), StatusCode::OK);
    for one in both {
        assert_eq!(one.await.unwrap(), StatusCode::OK);
    }
    assert_eq!(
        delivery(listen, &hello(5, ANN)).status().await,
        StatusCode::OK
    );
    assert_eq!(store.committed(ANN), [5]);
}

#[tokio::test]
async fn switching_between_polling_and_a_webhook_loses_nothing() {
    let (api, store, listen) = (FakeApi::start().await, Gate::open(), free_port());
    api.deliver_to(listen);
    let mut said = Vec::new();
    for round in 0..4 {
        // Sent while no service is running.
        said.push(api.says(ANN, "hello"));
        let service = if round % 2 == 0 {
            Service::start(&api, &store)
        } else {
            start(&api, &store, webhook(listen))
        };
        said.push(api.says(ANN, "hello"));
        let last = said[said.len() - 1];
        api.until("all is confirmed", |api| api.is_confirmed(last))
            .await;
        service.stop().await;
    }
    let said: Vec<_> = said.into_iter().map(|update| update as u32).collect();
    assert_eq!(store.committed(ANN), said);
}

#[tokio::test]
async fn at_shutdown_updates_in_flight_are_finished_and_answered() {
    let (api, store, listen) = (FakeApi::start().await, Gate::closed(), free_port());
    api.deliver_to(listen);
    let service = start(&api, &store, webhook(listen));
    let update = api.says(ANN, "hello");
    api.until("a commit is tried", |_| {
        store.attempts.load(Ordering::SeqCst) > 0
    })
    .await;
    let gate = store.clone();
    let opened = tokio::spawn(async move {
        let_tasks_run().await;
        gate.open.add_permits(1_000);
    });
    service.stop().await;
    opened.await.unwrap();
    api.until("it is confirmed", |api| api.is_confirmed(update))
        .await;
    assert_eq!(store.committed(ANN), [update as u32]);
    assert_eq!(api.sent(ANN).len(), 1);
}

#[tokio::test]
async fn an_address_telegram_does_not_take_and_a_port_that_is_taken_end_the_service_with_the_repair()
 {
    let (api, store, listen) = (FakeApi::start().await, Gate::open(), free_port());
    let refusal = "Bad Request: bad webhook: An HTTPS URL must be provided for webhook";
    api.trouble("setWebhook", None, Trouble::Error(400, refusal));
    let service = start(&api, &store, webhook(listen));
    let refused = service.running.await.unwrap().unwrap_err();
    assert!(refused.to_string().contains("WEBHOOK_URL"), "{refused}");
    let _taken = TcpListener::bind(listen).unwrap();
    let service = start(&api, &store, webhook(listen));
    let refused = service.running.await.unwrap().unwrap_err();
    assert!(refused.to_string().contains("WEBHOOK_LISTEN"), "{refused}");
}

/// A delivery of these bytes.
async fn post(listen: SocketAddr, body: impl Into<Vec<u8>>) -> StatusCode {
    let request = Client::new().post(format!("http://{listen}/telegram"));
    let request = request.header("X-Telegram-Bot-Api-Secret-Token", SECRET);
    request.body(body.into()).send().await.unwrap().status()
}

#[tokio::test]
async fn a_delivery_with_odd_bytes_is_read_and_one_that_is_no_json_is_not_refused_for_ever() {
    let (api, store, listen) = (FakeApi::start().await, Gate::open(), free_port());
    let _service = start(&api, &store, webhook(listen));
    until_set(&api).await;
    let body = |update: u64, text: &[u8]| {
        let begin = format!(
            r#"{{"update_id":{update},"message":{{"message_id":1,"date":0,"from":{{"id":{ANN}}},"chat":{{"id":{ANN},"type":"private"}},"text":"#
        );
        [begin.as_bytes(), text, b"}}"].concat()
    };
    let deep = format!("\"x\",\"new\":{}{}", "[".repeat(300), "]".repeat(300));
    let odd = [
        br#""\ud83d""#.as_slice(),
        b"\"\xff\xfe\"",
        b"\"\x01\"",
        b"\"x\",\"new\":1e999",
        deep.as_bytes(),
    ];
    for (update, text) in (5..).zip(odd) {
        assert_eq!(post(listen, body(update, text)).await, StatusCode::OK);
    }
    assert_eq!(store.committed(ANN), [5, 6, 7, 8, 9]);
    let whole = body(20, b"\"TOPSECRET\"");
    for (update, torn) in [&whole[..whole.len() - 5], &whole[..20], b"{\"a\" \"b\"}"]
        .into_iter()
        .enumerate()
    {
        let mut answers = Vec::new();
        for _ in 0..4 {
            answers.push(post(listen, torn).await.as_u16());
        }
        assert_eq!(answers, [400, 400, 200, 200], "{update}");
    }
    let huge = format!("{{\"update_id\":30,\"x\":\"{}\"}}", "x".repeat(1 << 20));
    let mut answers = Vec::new();
    for _ in 0..3 {
        answers.push(post(listen, huge.clone()).await.as_u16());
    }
    assert_eq!(answers, [413, 413, 200]);
    let kept = || {
        store
            .inner
            .load(ChatId::OPERATOR)
            .unwrap()
            .record
            .dead_letters
    };
    api.until("they are kept", |_| kept().len() >= 4).await;
    assert!(
        !format!("{:?}", kept()).contains("TOPSECRET"),
        "{:?}",
        kept()
    );
    assert_eq!(post(listen, whole).await, StatusCode::OK);
}

/// Time is the test's, so that the pauses take none.
#[tokio::test(start_paused = true)]
async fn a_stranger_who_keeps_knocking_causes_no_more_registrations() {
    let (api, store, listen) = (FakeApi::start().await, Gate::open(), free_port());
    let service = start(&api, &store, webhook(listen));
    service.until_ready(&api).await;
    let begun = tokio::time::Instant::now();
    // Until the registration was checked several times.
    while begun.elapsed() < Duration::from_secs(50 * 60) {
        for secret in [None, Some("a-guess")] {
            let guess = Delivery {
                secret,
                ..delivery(listen, &hello(5, ANN))
            };
            assert_eq!(guess.status().await, StatusCode::UNAUTHORIZED);
        }
        sleep(Duration::from_secs(45)).await;
    }
    assert!(api.calls_of("getWebhookInfo").len() > 5);
    assert_eq!(api.calls_of("setWebhook").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn where_telegram_itself_is_refused_the_webhook_is_registered_again() {
    let (api, store, listen) = (FakeApi::start().await, Gate::open(), free_port());
    api.note_wrong_secret(1_700_000_000);
    let service = start(&api, &store, webhook(listen));
    service.until_ready(&api).await;
    sleep(Duration::from_secs(20 * 60)).await;
    assert_eq!(api.calls_of("setWebhook").len(), 1, "that was long ago");
    api.note_wrong_secret(1_700_000_001);
    sleep(Duration::from_secs(20 * 60)).await;
    assert_eq!(api.calls_of("setWebhook").len(), 2);
}

#[tokio::test]
async fn a_refusal_to_register_in_the_middle_of_a_run_is_said_and_tried_again() {
    for (code, description) in [
        (400, "Bad Request: bad webhook: Failed to resolve host"),
        (401, "Unauthorized"),
        (403, "Forbidden"),
        (404, "Not Found"),
    ] {
        let (api, store, listen) = (FakeApi::start().await, Gate::open(), free_port());
        let service = start(&api, &store, webhook(listen));
        service.until_ready(&api).await;
        service.stop().await;
        // The next start finds it as it should be, so that a wrong secret may mean that Telegram has another one.
        let service = start(&api, &store, webhook(listen));
        service.until_ready(&api).await;
        for _ in 0..2 {
            api.trouble("setWebhook", None, Trouble::Error(code, description));
        }
        let guess = Delivery {
            secret: None,
            ..delivery(listen, &hello(5, ANN))
        };
        assert_eq!(guess.status().await, StatusCode::UNAUTHORIZED);
        let metrics = service.assistant.metrics().clone();
        api.until("it is said", |_| {
            let fault = metrics.receiving_fault().unwrap_or_default();
            fault.contains("the webhook cannot be registered")
        })
        .await;
        assert!(!metrics.is_receiving(Timestamp::now()));
        let own = delivery(listen, &hello(6, ANN)).status().await;
        assert_eq!(own, StatusCode::OK, "what comes in is handled");
        api.until("it is registered after all", |api| {
            api.calls_of("setWebhook").len() == 4 && metrics.is_receiving(Timestamp::now())
        })
        .await;
        service.stop().await;
    }
}

#[tokio::test]
async fn it_listens_on_ipv6() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    let port = TcpListener::bind("[::1]:0").unwrap();
    let listen = port.local_addr().unwrap();
    drop(port);
    let service = start(&api, &store, webhook(listen));
    service.until_ready(&api).await;
    assert_eq!(
        delivery(listen, &hello(5, ANN)).status().await,
        StatusCode::OK
    );
}
