//! A network and a server that misbehave, and updates that cannot be read: the other updates go on.

use futures::future::join_all;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
};
use unbind_bot::telegram::api::ProxyAddress;

use super::*;

/// A message of Ann's as Telegram writes it, the id first, with `text` as it stands in the JSON.
fn raw_message(update: u64, text: &[u8]) -> Vec<u8> {
    let begin = format!(
        r#"{{"update_id":{update},"message":{{"message_id":900,"date":1700000000,"from":{},"chat":{{"id":{ANN},"type":"private"}},"text":"#,
        person(ANN),
    );
    [begin.as_bytes(), text, b"}}"].concat()
}

/// Text of a message that a strict parser refuses, all of it readable after a repair.
fn odd_texts() -> Vec<Vec<u8>> {
    let deep = format!("\"x\",\"new\":{}{}", "[".repeat(5_000), "]".repeat(5_000));
    vec![
        br#""hello \ud83d""#.to_vec(),
        br#""\ude00\ud83d hello""#.to_vec(),
        b"\"hello \xff\xfe\"".to_vec(),
        b"\"hello \x01\x0b\"".to_vec(),
        b"\"hello\",\"new\":1e999".to_vec(),
        b"\"hello\",\"new\":-123456789012345678901234567890".to_vec(),
        b"\"hello\",\"new\":NaN".to_vec(),
        deep.into_bytes(),
    ]
}

fn dead_letters(store: &Gate) -> Vec<String> {
    let record = store.inner.load(ChatId::OPERATOR).unwrap().record;
    let letters = record.dead_letters.into_iter();
    letters.map(|letter| letter.event).collect()
}

/// Why the service does not receive updates.
fn fault(service: &Service) -> String {
    let fault = service.assistant.metrics().receiving_fault();
    fault.unwrap_or_default()
}

#[tokio::test]
async fn an_update_with_odd_bytes_is_answered_and_so_are_those_beside_it() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    let _service = Service::start(&api, &store);
    for text in odd_texts() {
        let (before, anns) = (api.sent(BEN).len(), api.sent(ANN).len());
        api.says(BEN, "/help");
        api.push_raw(|id| raw_message(id, &text));
        let last = api.says(BEN, "/help");
        let shown = String::from_utf8_lossy(&text)
            .chars()
            .take(40)
            .collect::<String>();
        api.until(&shown, |api| {
            api.is_confirmed(last)
                && api.sent(BEN).len() == before + 2
                && api.sent(ANN).len() > anns
        })
        .await;
    }
    assert_eq!(dead_letters(&store), [] as [String; 0]);
}

#[tokio::test]
async fn an_update_that_is_no_json_is_stepped_over_and_kept_without_what_was_written() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    for text in [
        &br#""TOPSECRET" 5"#[..],
        br#""TOPSECRET","a" "b""#,
        br#""TOPSECRET",:"#,
    ] {
        api.push_raw(|id| raw_message(id, text));
    }
    let last = api.says(BEN, "/help");
    let _service = Service::start(&api, &store);
    api.until("the others are answered", |api| {
        api.is_confirmed(last) && !api.sent(BEN).is_empty()
    })
    .await;
    let letters = dead_letters(&store);
    assert_eq!(letters.len(), 3, "{letters:?}");
    for letter in letters {
        assert!(
            letter.contains("message_id") && !letter.contains("TOPSECRET"),
            "{letter}"
        );
    }
    assert!(api.sent(ANN).is_empty());
}

#[tokio::test]
async fn updates_without_an_id_are_kept_once_and_stop_nobody() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    let _service = Service::start(&api, &store);
    for id in ["99999999999999999999999", "1e999", "-1", "null", "{}"] {
        let body = format!(r#"{{"update_id":{id},"brand_new":1}}"#);
        api.push_raw(|_| body.clone().into_bytes());
    }
    for _ in 0..3 {
        let update = api.says(BEN, "/help");
        api.until("it is answered", |api| {
            api.is_confirmed(update) && store.waiting() == 0
        })
        .await;
    }
    assert_eq!(store.committed(BEN).len(), 3);
    assert_eq!(dead_letters(&store).len(), 1, "they look the same");
}

#[tokio::test]
async fn a_result_that_is_no_list_and_other_odd_answers_are_waited_out() {
    let bodies = [
        &br#"{"ok":true,"result":{}}"#[..],
        br#"{"ok":true,"result":null}"#,
        br#"{"ok":true,"result":"x"}"#,
        br#"{"ok":true}"#,
        br#"[]"#,
        br#"{"ok":true,"result":["#,
        b"\xff\xfe",
        b"",
    ];
    // All at the same time, since each waits for seconds.
    let waited_out = bodies.map(|body| async move {
        let (api, store) = (FakeApi::start().await, Gate::open());
        for _ in 0..2 {
            api.trouble("getUpdates", None, Trouble::Raw(200, body.to_vec()));
        }
        let _service = Service::start(&api, &store);
        let update = api.says(BEN, "/help");
        let shown = String::from_utf8_lossy(body);
        api.until(&shown, |api| {
            api.is_confirmed(update) && !api.sent(BEN).is_empty()
        })
        .await;
    });
    join_all(waited_out).await;
}

#[tokio::test]
async fn an_answer_that_is_always_cut_off_costs_only_the_update_that_does_not_fit() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    api.limit_polls(Some(2_000));
    let long = format!("\"{}\"", "TOPSECRET ".repeat(1_000));
    let first = api.push_raw(|id| raw_message(id, long.as_bytes()));
    let mut said = vec![api.says(BEN, "/help")];
    // Of this one, the id is not among what arrives: the parts of its JSON are sorted.
    api.says(ANN, &"TOPSECRET ".repeat(1_000));
    said.push(api.says(BEN, "/help"));
    said.extend((0..20).map(|_| api.says(BEN, "hello")));
    let _service = Service::start(&api, &store);
    api.until("the others are answered", |api| {
        said.iter().all(|id| api.is_confirmed(*id)) && store.waiting() == 0
    })
    .await;
    assert!(api.is_confirmed(first));
    let said: Vec<_> = said.into_iter().map(|id| id as u32).collect();
    assert_eq!(store.committed(BEN), said);
    let letters = dead_letters(&store);
    assert_eq!(letters.len(), 2, "{letters:?}");
    assert!(!letters.concat().contains("TOPSECRET"), "{letters:?}");
}

#[tokio::test]
async fn an_update_that_was_cut_off_once_is_answered() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    let update = api.says(ANN, "/help");
    let body = format!(r#"{{"ok":true,"result":[{{"update_id":{update},"message":{{"te"#);
    api.trouble("getUpdates", None, Trouble::Raw(200, body.into_bytes()));
    let service = Service::start(&api, &store);
    api.until("it is answered", |api| {
        api.is_confirmed(update) && !api.sent(ANN).is_empty()
    })
    .await;
    service.stop().await;
    assert_eq!(dead_letters(&store), [] as [String; 0]);
}

#[tokio::test]
async fn a_passing_refusal_of_a_good_token_is_waited_out_and_said() {
    for (code, words) in [(401, "does not know this bot's token"), (404, "404")] {
        let log = Log::default();
        let _guard = log.listen();
        let (api, store) = (FakeApi::start().await, Gate::open());
        let service = Service::start(&api, &store);
        for _ in 0..3 {
            api.trouble("getUpdates", None, Trouble::Error(code, "Unauthorized"));
        }
        let update = api.says(ANN, "/help");
        api.until("the reason is told", |_| fault(&service).contains(words))
            .await;
        assert!(!service.assistant.metrics().is_receiving(Timestamp::now()));
        api.until("it is answered", |api| {
            api.is_confirmed(update) && !api.sent(ANN).is_empty()
        })
        .await;
        api.until("it is ready again", |_| {
            fault(&service).is_empty() && service.assistant.metrics().is_receiving(Timestamp::now())
        })
        .await;
        service.stop().await;
        let log = log.read();
        assert!(
            log.contains("ERROR") && log.contains("getUpdates is refused"),
            "{log}"
        );
    }
}

#[tokio::test]
async fn a_message_is_sent_again_after_a_passing_refusal_of_the_token() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    for code in [401, 404] {
        api.trouble("sendMessage", None, Trouble::Error(code, "Unauthorized"));
    }
    store.say(ANN, "one").await;
    let _service = Service::start(&api, &store);
    api.until("it is sent", |api| {
        api.sent(ANN).len() == 3 && store.waiting() == 0
    })
    .await;
}

#[tokio::test]
async fn an_address_that_sends_on_ends_the_start_with_the_address_to_set() {
    for status in [301, 302, 303, 307, 308] {
        let (api, store) = (FakeApi::start().await, Gate::open());
        let to = format!("https://bot-api.example:8443/x/bot{TOKEN}/getMe");
        api.trouble("getMe", None, Trouble::Redirect(status, to));
        let service = Service::start(&api, &store);
        let error = service.running.await.unwrap().unwrap_err();
        assert!(matches!(error, ServeError::Redirected(_)), "{error:?}");
        let said = error.to_string();
        assert!(
            said.starts_with("TELOXIDE_API_URL: ")
                && said.contains("to https://bot-api.example:8443/x,")
                && !said.contains("SECRET"),
            "{said}"
        );
        assert_eq!(api.calls_of("getMe").len(), 1);
    }
    // A loop, or a slash at the end.
    let (api, store) = (FakeApi::start().await, Gate::open());
    let slash = Trouble::Redirect(301, format!("/bot{TOKEN}/getMe/"));
    api.trouble("getMe", None, slash);
    let service = Service::start(&api, &store);
    let said = service.running.await.unwrap().unwrap_err().to_string();
    assert!(said.contains("another path of the same server"), "{said}");
}

#[tokio::test]
async fn a_server_that_begins_to_send_on_is_waited_for_and_nothing_is_lost() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    let service = Service::start(&api, &store);
    api.until("it polls", FakeApi::is_polled).await;
    for method in ["getUpdates", "sendMessage"] {
        let to = "https://elsewhere.example/".to_owned();
        api.trouble(method, None, Trouble::Redirect(301, to));
    }
    let update = api.says(ANN, "/help");
    api.until("it is answered", |api| {
        api.is_confirmed(update) && store.waiting() == 0
    })
    .await;
    assert_eq!(api.sent(ANN).len(), 2);
    service.stop().await;
}

#[tokio::test]
async fn a_message_whose_content_was_lost_on_the_way_is_sent_again() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    let empty = Trouble::Error(400, "Bad Request: chat_id is empty");
    for method in ["sendMessage", "deleteMessage"] {
        api.trouble(method, None, empty.clone());
    }
    let reply = Reply::new(RichText::plain("gone"));
    let deleting = reply.deleting(Some(unbind_bot::dialogue::MessageId(5)));
    store.reply(ANN, deleting).await;
    let _service = Service::start(&api, &store);
    api.until("it is sent", |_| store.waiting() == 0).await;
    assert_eq!(api.sent(ANN).len(), 2);
    assert_eq!(api.calls_of("deleteMessage").len(), 2);
}

#[tokio::test]
async fn a_message_whose_answer_was_cut_off_is_sent_once() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    let body = br#"{"ok":true,"result":{"message_id":5,"text":"TOPSEC"#;
    api.trouble("sendMessage", None, Trouble::Raw(200, body.to_vec()));
    store.say(ANN, "one").await;
    store.say(ANN, "two").await;
    let _service = Service::start(&api, &store);
    api.until("all is sent", |_| store.waiting() == 0).await;
    let texts: Vec<_> = api
        .sent(ANN)
        .iter()
        .map(|call| call.text().to_owned())
        .collect();
    assert_eq!(texts, ["one", "two"]);
}

#[tokio::test]
async fn a_wait_beyond_all_sense_ends_neither_the_service_nor_other_chats() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    for wait in [
        "9223372036854775807",
        "18446744073709551615",
        "1e308",
        "\"99999999999999\"",
    ] {
        let body = format!(
            r#"{{"ok":false,"error_code":429,"description":"","parameters":{{"retry_after":{wait}}}}}"#
        );
        let chat = 100 + i64::try_from(wait.len()).unwrap();
        api.trouble(
            "sendMessage",
            Some(chat),
            Trouble::Raw(429, body.into_bytes()),
        );
        store.say(chat, "one").await;
    }
    for wait in ["-9223372036854775808", "\"-1\"", "-0.5"] {
        let body =
            format!(r#"{{"ok":false,"error_code":429,"parameters":{{"retry_after":{wait}}}}}"#);
        api.trouble(
            "sendMessage",
            Some(BEN),
            Trouble::Raw(429, body.into_bytes()),
        );
    }
    let service = Service::start(&api, &store);
    let update = api.says(ANN, "/help");
    api.until("another chat is answered", |api| {
        api.is_confirmed(update) && !api.sent(ANN).is_empty()
    })
    .await;
    service.stop().await;
    assert_eq!(store.waiting(), 4, "their waits are not over");
}

/// Time is the test's: a pause takes none, and is seen on the clock.
#[tokio::test(start_paused = true)]
async fn a_server_that_answers_polls_at_once_is_not_polled_without_a_pause() {
    const POLLS: usize = 30;
    let (api, store) = (FakeApi::start().await, Gate::open());
    api.answer_polls_at_once();
    let _service = Service::start(&api, &store);
    let begun = tokio::time::Instant::now();
    while api.calls_of("getUpdates").len() < POLLS {
        tokio::task::yield_now().await;
        sleep(Duration::from_millis(1)).await;
    }
    let (took, least) = (begun.elapsed(), Duration::from_millis(500) * POLLS as u32);
    assert!(took > least, "{POLLS} polls in {took:?}");
}

#[tokio::test]
async fn two_copies_say_that_there_are_two_and_messages_are_answered() {
    let log = Log::default();
    let _guard = log.listen();
    let api = FakeApi::start().await;
    let stores = [Gate::open(), Gate::open()];
    let _copies = stores.each_ref().map(|store| Service::start(&api, store));
    for _ in 0..3 {
        let (before, update) = (api.sent(ANN).len(), api.says(ANN, "/help"));
        api.until("it is answered", |api| {
            api.is_confirmed(update) && api.sent(ANN).len() > before
        })
        .await;
    }
    api.until("it is said", |_| {
        log.read().contains("another copy of this bot is polling")
    })
    .await;
}

/// Settings for a server that only a proxy reaches.
fn behind(api: &FakeApi, proxy: &str) -> TelegramSettings {
    TelegramSettings {
        api_url: "http://bot-api.invalid:8081".parse().unwrap(),
        proxy: ProxyAddress::parse(proxy),
        ..settings(api, TOKEN)
    }
}

/// A SOCKS5 proxy with a password that leads everything to `target`; where to reach it.
async fn socks_proxy(target: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(serve_socks(client, target.clone()));
        }
    });
    address.to_string()
}

async fn serve_socks(mut client: TcpStream, target: String) -> std::io::Result<()> {
    // The greeting with the methods, and a choice of user name and password.
    let mut head = [0; 2];
    client.read_exact(&mut head).await?;
    client.read_exact(&mut vec![0; head[1].into()]).await?;
    client.write_all(&[5, 2]).await?;
    client.read_exact(&mut head).await?;
    client.read_exact(&mut vec![0; head[1].into()]).await?;
    let password = client.read_u8().await?;
    client.read_exact(&mut vec![0; password.into()]).await?;
    client.write_all(&[1, 0]).await?;
    // The request, with the name of the server.
    let mut request = [0; 5];
    client.read_exact(&mut request).await?;
    client
        .read_exact(&mut vec![0; usize::from(request[4]) + 2])
        .await?;
    client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
    let mut server = TcpStream::connect(target).await?;
    copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}

#[tokio::test]
async fn a_server_behind_a_proxy_is_reached_and_the_proxy_is_named_without_its_password() {
    let (api, log) = (FakeApi::start().await, Log::default());
    let _guard = log.listen();
    let host = api.url().replace("http://", "");
    let socks = socks_proxy(host.clone()).await;
    for (scheme, address) in [("http", host), ("socks5h", socks)] {
        let store = Gate::open();
        let settings = behind(&api, &format!("{scheme}://ann:TOPSECRET@{address}"));
        let service = Service::start_as(
            settings,
            &store,
            Base::new(Knowledge::default()),
            Timestamp::now,
        );
        let (before, update) = (api.sent(ANN).len(), api.says(ANN, "/help"));
        api.until(scheme, |api| {
            api.is_confirmed(update) && api.sent(ANN).len() > before
        })
        .await;
        service.stop().await;
        let (log, named) = (log.read(), format!("{scheme}://{address} (TELOXIDE_PROXY)"));
        assert!(log.contains(&named) && !log.contains("TOPSECRET"), "{log}");
    }
}
