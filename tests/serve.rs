//! The service as an operator runs it: the program itself, against a Bot API server over HTTP.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test that cannot go on may stop"
)]

#[path = "telegram/fake_api.rs"]
#[allow(dead_code, reason = "this test needs less of it than the other")]
mod fake_api;

use std::{
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use fake_api::{FakeApi, TOKEN};

const ANN: i64 = 71;
const PROMISED_STOP: Duration = Duration::from_secs(8);

/// `unbind-bot serve`, ended with the test.
struct Service(Child);

impl Service {
    /// Starts it in `folder`; returns when it says that it is ready.
    fn start(folder: &Path, api: &FakeApi) -> Self {
        let mut service = Self::spawn(folder, api);
        let mut line = String::new();
        BufReader::new(service.0.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        assert!(line.contains("is ready as @"), "{line:?}");
        service
    }

    fn spawn(folder: &Path, api: &FakeApi) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_unbind-bot"));
        command
            .arg("serve")
            .current_dir(folder)
            .env_clear()
            .env(
                "KNOWLEDGE_DIR",
                concat!(env!("CARGO_MANIFEST_DIR"), "/knowledge"),
            )
            .env("TELOXIDE_TOKEN", TOKEN)
            .env("TELOXIDE_API_URL", api.url())
            .env("SEND_RATE_PER_CHAT", "0")
            .env("LOG", "info,unbind_bot=debug")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Self(command.spawn().unwrap())
    }

    /// Sends SIGTERM; the exit code and what was logged.
    fn terminate(mut self) -> (Option<i32>, String) {
        let asked = Instant::now();
        let killed = Command::new("kill")
            .arg(self.0.id().to_string())
            .status()
            .unwrap();
        assert!(killed.success());
        let code = self.0.wait().unwrap().code();
        assert!(
            asked.elapsed() < PROMISED_STOP,
            "it took {:?}",
            asked.elapsed()
        );
        (code, self.log())
    }

    fn log(&mut self) -> String {
        let mut log = String::new();
        self.0
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut log)
            .unwrap();
        log
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What Ann's chat shows, in the order it was sent or edited.
fn shown(api: &FakeApi) -> Vec<String> {
    let calls = api.calls().into_iter();
    let of_ann = calls.filter(|call| {
        call.chat() == Some(ANN)
            && matches!(
                call.method.to_lowercase().as_str(),
                "sendmessage" | "editmessagetext"
            )
    });
    of_ann.map(|call| call.text().to_owned()).collect()
}

async fn until_shown(api: &FakeApi, words: &str) {
    api.until(words, |api| {
        shown(api).last().is_some_and(|text| text.contains(words))
    })
    .await;
}

/// Ann presses the button with this choice on the newest message, once its keyboard is newer than `turn`, that of her
/// last press; returns when the button has stopped spinning.
async fn press(api: &FakeApi, choice: &str, turn: &mut u32) {
    let button = |api: &FakeApi| {
        let (message, buttons) = api.newest(ANN);
        let data = buttons.into_iter().find(|data| data.ends_with(choice))?;
        let shown_in: u32 = data.split('.').next()?.parse().ok()?;
        (shown_in > *turn).then_some((message, data, shown_in))
    };
    api.until(choice, |api| button(api).is_some()).await;
    let (message, data, shown_in) = button(api).unwrap();
    *turn = shown_in;
    let update = api.presses(ANN, message, &data);
    // Not counted: a press that was acknowledged and not yet confirmed when the service was killed comes again.
    api.until("the button stops spinning", |api| {
        api.is_acknowledged(update)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_removal_goes_over_http_and_goes_on_after_a_kill() {
    let (api, folder) = (FakeApi::start().await, tempfile::tempdir().unwrap());
    let mut service = Service::start(folder.path(), &api);
    let mut turn = 0;
    api.says(ANN, "/unbind");
    until_shown(&api, "What do you call this card?").await;
    api.says(ANN, "<b>&\"' 门禁卡 👍");
    until_shown(&api, "<b>Which wallet is “&lt;b&gt;&amp;").await;
    press(&api, ".w:wallet-oppo", &mut turn).await;
    press(&api, ".why:unsaid", &mut turn).await;
    until_shown(&api, "step 1 of 5").await;
    press(&api, ".done", &mut turn).await;
    until_shown(&api, "step 2 of 5").await;
    // SIGKILL: nobody says goodbye.
    service.0.kill().unwrap();
    service.0.wait().unwrap();
    let service = Service::start(folder.path(), &api);
    for step in [
        "step 3 of 5",
        "step 4 of 5",
        "step 5 of 5",
        "off your list?",
    ] {
        press(&api, ".done", &mut turn).await;
        until_shown(&api, step).await;
    }
    press(&api, ".yes:0", &mut turn).await;
    until_shown(&api, "off your list.</b>").await;
    press(&api, ".gone:0", &mut turn).await;
    until_shown(&api, "all done").await;
    let (code, log) = service.terminate();
    assert_eq!(code, Some(0), "{log}");
    assert!(!log.contains(TOKEN) && !log.contains("门禁卡"), "{log}");
}

/// Whether a file below `folder` holds these bytes anywhere.
fn is_kept(folder: &Path, bytes: &[u8]) -> bool {
    let mut entries = std::fs::read_dir(folder).unwrap();
    entries.any(|entry| {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => is_kept(&path, bytes),
            false => {
                let content = std::fs::read(&path).unwrap();
                content.windows(bytes.len()).any(|window| window == bytes)
            }
        }
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_number_is_deleted_from_the_chat_and_is_neither_logged_nor_kept() {
    const NUMBER: &str = "4111 1111 1111 1111";
    let (api, folder) = (FakeApi::start().await, tempfile::tempdir().unwrap());
    let service = Service::start(folder.path(), &api);
    let update = api.says(ANN, NUMBER);
    api.until("it is deleted and explained", |api| {
        !api.shows(ANN, NUMBER) && !shown(api).is_empty() && api.is_confirmed(update)
    })
    .await;
    let deleted = &api.calls_of("deleteMessage")[0];
    assert_eq!(deleted.chat(), Some(ANN));
    // Something that is kept, for comparison.
    api.says(ANN, "/unbind");
    until_shown(&api, "What do you call this card?").await;
    let update = api.says(ANN, "Kept and found");
    api.until("it is confirmed", |api| api.is_confirmed(update))
        .await;
    let (code, log) = service.terminate();
    assert_eq!(code, Some(0), "{log}");
    for number in [NUMBER, "4111111111111111", "1111 1111"] {
        assert!(!log.contains(number), "{log}");
        assert!(!is_kept(folder.path(), number.as_bytes()), "{number}");
    }
    assert!(log.contains("handled"), "{log}");
    assert!(is_kept(folder.path(), b"Kept and found"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_kept_comes_as_a_file_and_such_a_file_brings_the_cards_back() {
    let (api, folder) = (FakeApi::start().await, tempfile::tempdir().unwrap());
    let service = Service::start(folder.path(), &api);
    let mut turn = 0;
    api.says(ANN, "/cards");
    press(&api, ".add", &mut turn).await;
    until_shown(&api, "What do you call this card?").await;
    api.says(ANN, "Office 门禁卡");
    press(&api, ".w:wallet-oppo", &mut turn).await;
    api.says(ANN, "/export");
    api.until("there is a file", |api| !api.uploads(ANN).is_empty())
        .await;
    let file = api.uploads(ANN).remove(0);
    assert_eq!(file.field, "document");
    assert!(file.name.ends_with(".json"), "{}", file.name);
    let content: serde_json::Value = serde_json::from_slice(&file.bytes).unwrap();
    assert_eq!(content["cards"][0]["label"], "Office 门禁卡");
    // Everything is deleted; what is left is the file.
    api.says(ANN, "/forget");
    turn = 0;
    press(&api, ".forget-all", &mut turn).await;
    turn = 0;
    api.sends(ANN, &file.name, file.bytes);
    press(&api, ".import", &mut turn).await;
    until_shown(&api, "Office 门禁卡").await;
    let (code, log) = service.terminate();
    assert_eq!(code, Some(0), "{log}");
    assert!(!log.contains(TOKEN) && !log.contains("Office"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_service_on_the_same_folder_is_refused_by_name() {
    let (api, folder) = (FakeApi::start().await, tempfile::tempdir().unwrap());
    let _first = Service::start(folder.path(), &api);
    let mut second = Service::spawn(folder.path(), &api);
    assert_eq!(second.0.wait().unwrap().code(), Some(2));
    let log = second.log();
    assert!(
        log.contains("data") && log.contains("another process"),
        "{log}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_token_ends_it_at_once_with_one_sentence() {
    let (api, folder) = (FakeApi::start().await, tempfile::tempdir().unwrap());
    api.trouble("getMe", None, fake_api::Trouble::Error(401, "Unauthorized"));
    let mut service = Service::spawn(folder.path(), &api);
    assert_eq!(service.0.wait().unwrap().code(), Some(2));
    let log = service.log();
    assert!(
        log.contains("TELOXIDE_TOKEN") && !log.contains(TOKEN),
        "{log}"
    );
}
