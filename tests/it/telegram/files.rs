//! Replies with deletions, files, pictures and downloads.

use std::path::{Path, PathBuf};

use unbind_bot::{
    dialogue::{Attachment, MAX_FILE_BYTES, MessageId},
    telegram::{
        api::{Api, ApiError},
        delivery::Delivery,
        outbox::deliver::Deliver,
        outgoing::Outgoing,
    },
};

use super::*;

/// The requests to a chat, in order: the method, and the file name or text.
fn sent(api: &FakeApi, chat: i64) -> Vec<(String, String)> {
    let to_chat = |call: &fake_api::Call| call.chat() == Some(chat);
    let calls = api.calls().into_iter().filter(to_chat);
    let told = |call: fake_api::Call| {
        let told = call.file.as_ref().map(|file| file.name.clone());
        let told = told.unwrap_or_else(|| call.text().to_owned());
        (call.method.to_lowercase(), told)
    };
    calls.map(told).collect()
}

/// The content of a file with one card.
fn cards() -> &'static str {
    r#"{"unbind_bot_cards": 1, "cards": [{"label": "Office", "wallet": "wallet-huawei"}]}"#
}

fn offers(api: &FakeApi, chat: i64, choice: &str) -> bool {
    let (_, buttons) = api.newest(chat);
    buttons.iter().any(|data| data.ends_with(choice))
}

fn with_file(text: &str) -> Reply {
    let file = Attachment::File {
        name: "cards.json".into(),
        content: "{\"卡\": \"👍\"}".into(),
    };
    Reply::new(RichText::plain(text)).with_attachment(file)
}

#[tokio::test]
async fn a_file_and_a_picture_come_above_their_text() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    store.reply(ANN, with_file("your file")).await;
    let code = Attachment::QrCode("otpauth://totp/x?secret=ABC".into());
    let reply = Reply::new(RichText::plain("scan it")).with_attachment(code);
    store.reply(ANN, reply).await;
    let _service = Service::start(&api, &store);
    api.until("all is sent", |_| store.waiting() == 0).await;
    let said = |method: &str, told: &str| (method.to_owned(), told.to_owned());
    assert_eq!(
        sent(&api, ANN),
        [
            said("senddocument", "cards.json"),
            said("sendmessage", "your file"),
            said("sendphoto", "qr.png"),
            said("sendmessage", "scan it"),
        ]
    );
    let uploads = api.uploads(ANN);
    assert_eq!(
        (uploads[0].field.as_str(), uploads[0].bytes.as_slice()),
        ("document", "{\"卡\": \"👍\"}".as_bytes())
    );
    assert_eq!(uploads[1].field, "photo");
    assert!(uploads[1].bytes.starts_with(b"\x89PNG\r\n"));
    assert!(api.calls_of("sendDocument")[0].params["caption"].is_null());
}

#[tokio::test]
async fn a_text_below_a_file_is_a_new_message_though_it_would_replace_one() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    let reply = with_file("your file").in_place_of(Some(MessageId(1)));
    store.reply(ANN, reply).await;
    let _service = Service::start(&api, &store);
    api.until("all is sent", |_| store.waiting() == 0).await;
    assert!(api.calls_of("editMessageText").is_empty());
    assert_eq!(api.sent(ANN).len(), 1);
}

#[tokio::test]
async fn trouble_with_an_upload_is_waited_out_and_a_refusal_leaves_the_text() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    for trouble in [Trouble::Flood(1), Trouble::Reset] {
        api.trouble("sendDocument", Some(ANN), trouble);
    }
    let rights = "Bad Request: not enough rights to send documents to the chat";
    api.trouble("sendDocument", Some(BEN), Trouble::Error(400, rights));
    store.reply(ANN, with_file("your file")).await;
    store.reply(BEN, with_file("your file")).await;
    let _service = Service::start(&api, &store);
    api.until("all is sent", |_| store.waiting() == 0).await;
    let methods = |chat| sent(&api, chat).into_iter().map(|(method, _)| method);
    let thrice = std::iter::repeat_n("senddocument", 3);
    assert!(methods(ANN).eq(thrice.chain(["sendmessage"])));
    assert!(methods(BEN).eq(["senddocument", "sendmessage"]));
}

#[tokio::test]
async fn a_message_is_taken_away_before_the_reply_and_one_that_cannot_be_stops_nothing() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    api.trouble(
        "deleteMessage",
        Some(BEN),
        Trouble::Error(400, "Bad Request: message can't be deleted"),
    );
    for chat in [ANN, BEN] {
        api.writes(chat, said(chat, "a secret"));
        let id = api.message_of(chat, "a secret");
        let reply = Reply::new(RichText::plain("gone")).deleting(Some(MessageId(id as i32)));
        store.reply(chat, reply).await;
    }
    let service = Service::start(&api, &store);
    api.until("all is sent", |_| store.waiting() == 0).await;
    service.stop().await;
    for chat in [ANN, BEN] {
        let sent = sent(&api, chat);
        assert_eq!(sent[0].0, "deletemessage");
        assert_eq!(sent[1], ("sendmessage".to_owned(), "gone".to_owned()));
    }
    assert!(!api.shows(ANN, "a secret") && api.shows(BEN, "a secret"));
}

#[tokio::test]
async fn a_file_somebody_sends_is_fetched_and_its_cards_are_shown() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    let _service = Service::start(&api, &store);
    let update = api.sends(ANN, "cards.json", cards());
    api.until("its cards are shown", |api| offers(api, ANN, ".import"))
        .await;
    api.until("it is confirmed", |api| api.is_confirmed(update))
        .await;
    api.until("nothing waits", |_| store.waiting() == 0).await;
    assert_eq!(api.calls_of("download").len(), 1);
    assert_eq!(
        api.sent(ANN).len(),
        2,
        "a word while it is read, and the cards"
    );
}

#[tokio::test]
async fn what_is_wrong_with_a_file_is_said() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    let _service = Service::start(&api, &store);
    let large = vec![b' '; MAX_FILE_BYTES + 1];
    let just_fits = vec![b' '; MAX_FILE_BYTES];
    for (chat, bytes, line) in [
        (31, large, "file-large"),
        (32, just_fits, "file-not-ours"),
        (33, vec![b'{', 0xff, b'}'], "file-not-ours"),
        (34, b"[]".to_vec(), "file-not-ours"),
    ] {
        api.sends(chat, "cards.json", bytes);
        let words = looks(line);
        api.until(line, |api| {
            api.sent(chat)
                .last()
                .is_some_and(|call| call.text() == words)
        })
        .await;
    }
    let downloads = api.calls_of("download").len();
    assert_eq!(downloads, 3, "what is too large is not even begun");
}

#[tokio::test]
async fn a_file_telegram_does_not_give_is_said_not_to_have_come() {
    let too_big = "Bad Request: file is too big";
    for (chat, method, trouble, line) in [
        (
            41,
            "getFile",
            Trouble::Error(
                400,
                "Bad Request: wrong file_id or the file is temporarily unavailable",
            ),
            "file-not-fetched",
        ),
        (42, "getFile", Trouble::Error(400, too_big), "file-large"),
        (
            43,
            "download",
            Trouble::Error(404, "Not Found"),
            "file-not-fetched",
        ),
        (
            44,
            "download",
            Trouble::Error(400, "Bad Request"),
            "file-not-fetched",
        ),
    ] {
        let (api, store) = (FakeApi::start().await, Gate::open());
        api.trouble(method, None, trouble);
        let _service = Service::start(&api, &store);
        api.sends(chat, "cards.json", cards());
        let words = looks(line);
        api.until(line, |api| {
            api.sent(chat)
                .last()
                .is_some_and(|call| call.text() == words)
        })
        .await;
        api.until("nothing waits", |_| store.waiting() == 0).await;
    }
}

#[tokio::test]
async fn trouble_while_a_file_is_fetched_is_waited_out() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    api.trouble("getFile", None, Trouble::Flood(1));
    api.trouble("download", None, Trouble::Reset);
    let _service = Service::start(&api, &store);
    api.sends(ANN, "cards.json", cards());
    api.until("its cards are shown", |api| offers(api, ANN, ".import"))
        .await;
    assert_eq!(api.calls_of("getFile").len(), 3);
    assert_eq!(
        api.sent(ANN).len(),
        2,
        "what was said before is not repeated"
    );
}

#[tokio::test]
async fn a_file_is_fetched_again_until_what_it_says_is_kept() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    api.trouble("download", None, Trouble::Hang);
    let service = Service::start(&api, &store);
    let update = api.sends(ANN, "cards.json", cards());
    api.until("it is being fetched", |api| {
        api.calls_of("download").len() == 1 && api.is_confirmed(update)
    })
    .await;
    assert_eq!(store.waiting(), 1);
    service.kill().await;
    // The next process downloads the file, and the commit of its content fails.
    store.refusals.store(1, Ordering::SeqCst);
    let _service = Service::start(&api, &store);
    api.until("its cards are shown", |api| offers(api, ANN, ".import"))
        .await;
    api.until("nothing waits", |_| store.waiting() == 0).await;
    assert_eq!(store.refusals.load(Ordering::SeqCst), 0);
    assert_eq!(api.calls_of("download").len(), 3);
}

#[tokio::test]
async fn the_log_shows_nothing_of_a_file_nor_where_it_is() {
    let log = Log::default();
    let _guard = log.listen();
    let (api, store) = (FakeApi::start().await, Gate::open());
    let secret = Attachment::File {
        name: "TOPSECRET.json".into(),
        content: "TOPSECRET".into(),
    };
    let reply = Reply::new(RichText::plain("TOPSECRET")).with_attachment(secret);
    store.reply(ANN, reply).await;
    let long = Attachment::QrCode("TOPSECRET".repeat(1000));
    let reply = Reply::new(RichText::plain("TOPSECRET")).with_attachment(long);
    store.reply(ANN, reply.deleting(Some(MessageId(5)))).await;
    for (method, trouble) in [
        ("sendDocument", Trouble::Reset),
        ("deleteMessage", Trouble::ErrorPage),
        ("getFile", Trouble::ErrorPage),
        ("download", Trouble::Reset),
    ] {
        api.trouble(method, None, trouble);
    }
    let service = Service::start(&api, &store);
    api.sends(BEN, "TOPSECRET.json", "{\"cards\": \"TOPSECRET\"}");
    let words = looks("file-not-ours");
    api.until("all is done", |api| {
        let last = api.sent(BEN).into_iter().next_back();
        store.waiting() == 0 && last.is_some_and(|call| call.text() == words)
    })
    .await;
    service.stop().await;
    let log = log.read();
    assert!(log.contains("this chat waits"), "{log}");
    assert!(
        !log.contains("SECRET") && !log.contains("documents/"),
        "{log}"
    );
}

#[tokio::test]
async fn a_server_that_is_gone_is_told_without_the_address_of_the_file() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    let assistant = Assistant::new(Base::new(Knowledge::default()), store.hooked());
    let assistant = Arc::new(assistant);
    let clock = Arc::new(Timestamp::now);
    let client = Api::new(TOKEN, api.url().parse().unwrap()).unwrap();
    let delivery = Delivery::new(client, assistant, clock);
    api.trouble("download", None, Trouble::Reset);
    api.sends(ANN, "cards.json", cards());
    let fetch = Outgoing::Download {
        chat: ChatId(ANN),
        file: "FILE0".into(),
    };
    let error = delivery.deliver(fetch).await.unwrap_err();
    assert!(matches!(&error, ApiError::Network(_)), "{error:?}");
    for shown in [format!("{error}"), format!("{error:?}")] {
        assert!(
            !shown.contains(TOKEN) && !shown.contains("/file/"),
            "{shown}"
        );
    }
}

/// The service beside a server that keeps its files in `folder` on disk, with this setting.
fn start_beside(api: &FakeApi, store: &Arc<Gate>, folder: &Path, named: Option<&Path>) -> Service {
    api.keep_files_in(folder.to_owned());
    let settings = TelegramSettings {
        api_files: named.map(Path::to_owned),
        ..settings(api, TOKEN)
    };
    Service::start_as(
        settings,
        store,
        Base::new(Knowledge::default()),
        Timestamp::now,
    )
}

/// Puts a file where the server says it is.
fn put(folder: &Path, file: &str, content: &str) -> PathBuf {
    let documents = folder.join(TOKEN).join("documents");
    std::fs::create_dir_all(&documents).unwrap();
    let path = documents.join(format!("{file}.json"));
    std::fs::write(&path, content).unwrap();
    path
}

#[tokio::test]
async fn a_file_of_a_local_server_is_read_from_the_folder_that_is_named() {
    let (api, store, folder) = (
        FakeApi::start().await,
        Gate::open(),
        tempfile::tempdir().unwrap(),
    );
    put(folder.path(), "FILE0", cards());
    let _service = start_beside(&api, &store, folder.path(), Some(folder.path()));
    api.sends(ANN, "cards.json", "what is served is not read");
    api.until("its cards are shown", |api| offers(api, ANN, ".import"))
        .await;
    assert!(api.calls_of("download").is_empty());
}

#[tokio::test]
async fn a_file_of_a_local_server_that_cannot_be_read_is_not_said_to_be_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let secret = put(elsewhere.path(), "secret", cards());
    let linked = put(folder.path(), "FILE0", "");
    std::fs::remove_file(&linked).unwrap();
    std::os::unix::fs::symlink(secret, linked).unwrap();
    let missing = folder.path().join("missing");
    for (kept_in, named) in [
        (folder.path(), None),
        (folder.path(), Some(folder.path())),
        (missing.as_path(), Some(folder.path())),
        (elsewhere.path(), Some(folder.path())),
    ] {
        let log = Log::default();
        let _guard = log.listen();
        let (api, store) = (FakeApi::start().await, Gate::open());
        let service = start_beside(&api, &store, kept_in, named);
        api.sends(ANN, "cards.json", cards());
        let words = looks("file-not-served");
        api.until("it is said", |api| {
            let last = api.sent(ANN).into_iter().next_back();
            last.is_some_and(|call| call.text() == words)
        })
        .await;
        service.stop().await;
        let (log, folder) = (log.read(), kept_in.display().to_string());
        let warning = log.lines().find(|line| line.contains("API_FILES_DIR"));
        assert!(
            warning.is_some_and(|line| line.contains("WARN") && line.contains(&folder)),
            "{log}"
        );
        assert!(!log.contains("SECRET"), "{log}");
    }
}
#[tokio::test]
async fn a_card_number_below_any_kind_of_attachment_is_taken_out_of_the_chat() {
    const NUMBER: &str = "4111\u{2009}1111  1111 / 1111";
    let (api, store) = (FakeApi::start().await, Gate::open());
    let _service = Service::start(&api, &store);
    for (kind, content) in [
        (
            "document",
            json!({"file_id": "F1", "file_name": "cards.json"}),
        ),
        ("photo", json!([])),
        ("video", json!({})),
        ("voice", json!({})),
        ("audio", json!({})),
        ("animation", json!({})),
    ] {
        let mut message = api.file_message(ANN, "cards.json", cards());
        let fields = message.as_object_mut().unwrap();
        fields.remove("document");
        fields.insert(kind.to_owned(), content);
        fields.insert("caption".to_owned(), json!(NUMBER));
        let before = api.calls_of("deleteMessage").len();
        api.writes(ANN, message);
        api.until(kind, |api| api.calls_of("deleteMessage").len() > before)
            .await;
    }
    api.until("nothing waits", |_| store.waiting() == 0).await;
    assert!(api.calls_of("download").is_empty());
}
