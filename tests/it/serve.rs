//! The service as an operator runs it: the program itself, against a Bot API server over HTTP.

use std::{
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crate::support::{
    fake_api::{self, FakeApi, TIMEOUT, TOKEN},
    free_port,
};

/// Long enough that no number or time contains it by chance.
const ANN: i64 = 5_318_008_917_733;
/// A stop that takes so long hangs. It takes 8 s at most, but for a machine that is busy with something else.
const HANG: Duration = Duration::from_secs(60);

/// `unbind-bot serve`, ended with the test.
struct Service {
    process: Child,
    /// What was logged so far.
    logged: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Service {
    /// Starts it in `folder`; returns when it says that it is ready.
    fn start(folder: &Path, api: &FakeApi) -> Self {
        Self::start_with(folder, api, &[])
    }

    /// The same with more settings.
    fn start_with(folder: &Path, api: &FakeApi, settings: &[(&str, &str)]) -> Self {
        let mut service = Self::spawn_with(folder, api, settings);
        let mut line = String::new();
        BufReader::new(service.process.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        assert!(line.contains("is ready as @"), "{line:?}");
        service
    }

    fn spawn(folder: &Path, api: &FakeApi) -> Self {
        Self::spawn_with(folder, api, &[])
    }

    /// The same with more settings.
    fn spawn_with(folder: &Path, api: &FakeApi, settings: &[(&str, &str)]) -> Self {
        Self::run(folder, api, "serve", settings)
    }

    /// The same, with nobody who reads its log and its output.
    fn spawn_unread(folder: &Path, api: &FakeApi) -> Self {
        let mut process = Self::command(folder, api, "serve", &[]).spawn().unwrap();
        drop((process.stdout.take(), process.stderr.take()));
        Self {
            process,
            logged: Arc::default(),
            reader: None,
        }
    }

    /// Another command with the same settings.
    fn run(folder: &Path, api: &FakeApi, command: &str, settings: &[(&str, &str)]) -> Self {
        let mut process = Self::command(folder, api, command, settings)
            .spawn()
            .unwrap();
        let stderr = BufReader::new(process.stderr.take().unwrap());
        let logged = Arc::new(Mutex::new(String::new()));
        let log = logged.clone();
        // Read continuously, since a full pipe would block the service.
        let reader = thread::spawn(move || {
            for line in stderr.lines().map(Result::unwrap) {
                log.lock().unwrap().push_str(&(line + "\n"));
            }
        });
        Self {
            process,
            logged,
            reader: Some(reader),
        }
    }

    fn command(folder: &Path, api: &FakeApi, name: &str, settings: &[(&str, &str)]) -> Command {
        // A write beyond the file size limit must fail like on a full disk instead of killing the process.
        let mut command = Command::new("sh");
        command
            .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
            .args([env!("CARGO_BIN_EXE_unbind-bot"), name])
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
            .envs(settings.iter().copied())
            // With a terminal, a hang-up would mean something else.
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Waits until this was logged.
    async fn until_logged(&self, api: &FakeApi, words: &str) {
        api.until(words, |_| self.logged.lock().unwrap().contains(words))
            .await;
    }

    /// Sends a signal, like `HUP`.
    fn signal(&self, name: &str) {
        let killed = Command::new("kill")
            .args(["-s", name, &self.process.id().to_string()])
            .status()
            .unwrap();
        assert!(killed.success());
    }

    /// Sends SIGTERM; the exit code and what was logged.
    fn terminate(self) -> (Option<i32>, String) {
        self.end_by("TERM")
    }

    /// Sends a signal that stops it; the exit code and what was logged.
    fn end_by(mut self, signal: &str) -> (Option<i32>, String) {
        let asked = Instant::now();
        self.signal(signal);
        let code = self.process.wait().unwrap().code();
        assert!(asked.elapsed() < HANG, "it took {:?}", asked.elapsed());
        (code, self.log())
    }

    /// Everything logged by a service that ended.
    fn log(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        self.logged.lock().unwrap().clone()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let ended = self.process.try_wait();
        let _ = self.process.kill();
        let _ = self.process.wait();
        if thread::panicking() && self.reader.is_some() {
            eprintln!("the service ({ended:?}):\n{}", self.log());
        }
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

/// Ann presses the button with this choice on the newest keyboard, once that is newer than `keyboard`, the one of her last
/// press; returns when the press is acknowledged. A keyboard may be sent twice after a kill.
async fn press(api: &FakeApi, choice: &str, keyboard: &mut u32) {
    let shown_in = |data: &str| data.split('.').next()?.parse::<u32>().ok();
    let button = |api: &FakeApi| {
        let keyboards = api.keyboards(ANN).into_iter();
        let buttons = keyboards.flat_map(|(message, buttons)| {
            let buttons = buttons.into_iter();
            buttons.filter_map(move |data| Some((shown_in(&data)?, message, data)))
        });
        let mut newer = buttons.filter(|(shown_in, ..)| *shown_in > *keyboard);
        newer.rfind(|(.., data)| data.ends_with(choice))
    };
    api.until(choice, |api| button(api).is_some()).await;
    let (shown_in, message, data) = button(api).unwrap();
    *keyboard = shown_in;
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
    let mut keyboard = 0;
    api.says(ANN, "/unbind");
    until_shown(&api, "What do you call this card?").await;
    api.says(ANN, "<b>&\"' 门禁卡 👍");
    until_shown(&api, "<b>Which wallet is “&lt;b&gt;&amp;").await;
    press(&api, ".w:wallet-oppo", &mut keyboard).await;
    press(&api, ".why:unsaid", &mut keyboard).await;
    until_shown(&api, "step 1 of 5").await;
    press(&api, ".done", &mut keyboard).await;
    until_shown(&api, "step 2 of 5").await;
    // SIGKILL, so without a clean shutdown.
    service.process.kill().unwrap();
    service.process.wait().unwrap();
    let service = Service::start(folder.path(), &api);
    for step in [
        "step 3 of 5",
        "step 4 of 5",
        "step 5 of 5",
        "off your list?",
    ] {
        press(&api, ".done", &mut keyboard).await;
        until_shown(&api, step).await;
    }
    press(&api, ".yes:0", &mut keyboard).await;
    until_shown(&api, "off your list.</b>").await;
    press(&api, ".gone:0", &mut keyboard).await;
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
        if path.is_dir() {
            return is_kept(&path, bytes);
        }
        let content = std::fs::read(&path).unwrap();
        content.windows(bytes.len()).any(|window| window == bytes)
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
    let mut keyboard = 0;
    api.says(ANN, "/cards");
    press(&api, ".add", &mut keyboard).await;
    until_shown(&api, "What do you call this card?").await;
    api.says(ANN, "Office 门禁卡");
    press(&api, ".w:wallet-oppo", &mut keyboard).await;
    api.says(ANN, "/export");
    api.until("there is a file", |api| !api.uploads(ANN).is_empty())
        .await;
    let file = api.uploads(ANN).remove(0);
    assert_eq!(file.field, "document");
    assert!(file.name.ends_with(".json"), "{}", file.name);
    let content: serde_json::Value = serde_json::from_slice(&file.bytes).unwrap();
    assert_eq!(content["cards"][0]["label"], "Office 门禁卡");
    // Everything is deleted; only the file is left.
    api.says(ANN, "/forget");
    keyboard = 0;
    press(&api, ".forget-all", &mut keyboard).await;
    keyboard = 0;
    api.sends(ANN, &file.name, file.bytes);
    press(&api, ".import", &mut keyboard).await;
    // Not the card's name: the question before showed that, too.
    until_shown(&api, "1 card added").await;
    press(&api, ".card:0", &mut keyboard).await;
    until_shown(&api, "<b>Office 门禁卡</b>").await;
    let (code, log) = service.terminate();
    assert_eq!(code, Some(0), "{log}");
    assert!(!log.contains(TOKEN) && !log.contains("Office"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_service_on_the_same_folder_is_refused_by_name() {
    let (api, folder) = (FakeApi::start().await, tempfile::tempdir().unwrap());
    let _first = Service::start(folder.path(), &api);
    let mut second = Service::spawn(folder.path(), &api);
    assert_eq!(second.process.wait().unwrap().code(), Some(2));
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
    assert_eq!(service.process.wait().unwrap().code(), Some(2));
    let log = service.log();
    assert!(
        log.contains("TELOXIDE_TOKEN") && !log.contains(TOKEN),
        "{log}"
    );
}

async fn page(listen: &str, path: &str) -> (u16, String) {
    let answer = reqwest::get(format!("http://{listen}{path}"))
        .await
        .unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// Waits until the metrics page has all these lines, and returns it.
async fn until_figures(listen: &str, lines: &[&str]) -> String {
    let end = Instant::now() + TIMEOUT;
    loop {
        let (status, figures) = page(listen, "/metrics").await;
        assert_eq!(status, 200);
        let has = |line: &&str| figures.lines().any(|figure| figure == *line);
        if lines.iter().all(has) {
            return figures;
        }
        assert!(Instant::now() < end, "never: {lines:?} in\n{figures}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_operator_can_see_how_it_goes_and_nothing_of_what_was_said() {
    let (api, folder) = (FakeApi::start().await, tempfile::tempdir().unwrap());
    let listen = free_port().to_string();
    let settings = [("HEALTH_LISTEN", listen.as_str())];
    let service = Service::start_with(folder.path(), &api, &settings);
    api.says(ANN, "how do I unbind my card");
    api.until("it is answered and done", |api| {
        !shown(api).is_empty() && api.calls_of("getUpdates").len() > 1
    })
    .await;
    assert_eq!(page(&listen, "/healthz").await.0, 200);
    assert_eq!(page(&listen, "/readyz").await, (200, "ready\n".into()));
    let figures = [
        "unbind_bot_updates_total{kind=\"text\",fate=\"handled\"} 1",
        "unbind_bot_answers_total{outcome=\"answer\",entry=\"unbind-steps\"} 1",
        "unbind_bot_commit_latency_seconds_count 1",
        "unbind_bot_outbox_sent_total 1",
        "unbind_bot_store_well 1",
        "unbind_bot_intake_moving 1",
    ];
    let figures = until_figures(&listen, &figures).await;
    assert!(!figures.contains("my card") && !figures.contains(&ANN.to_string()));
    let (code, log) = service.terminate();
    assert_eq!(code, Some(0), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_telegram_is_not_reached_it_lives_and_is_not_ready() {
    let (api, folder) = (FakeApi::start().await, tempfile::tempdir().unwrap());
    let listen = free_port().to_string();
    for _ in 0..100 {
        api.trouble("getMe", None, fake_api::Trouble::ErrorPage);
    }
    let settings = [("HEALTH_LISTEN", listen.as_str())];
    let service = Service::spawn_with(folder.path(), &api, &settings);
    api.until("it asks who it is", |api| !api.calls_of("getMe").is_empty())
        .await;
    assert_eq!(page(&listen, "/healthz").await.0, 200);
    let (status, fault) = page(&listen, "/readyz").await;
    assert!(
        status == 503 && fault.contains("no updates are being received"),
        "{fault}"
    );
    let (code, log) = service.terminate();
    assert_eq!(code, Some(0), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_that_is_taken_is_a_wrong_setting_by_name() {
    let (api, folder) = (FakeApi::start().await, tempfile::tempdir().unwrap());
    let blocker = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = blocker.local_addr().unwrap().to_string();
    let webhook = [
        ("WEBHOOK_URL", "https://bot.example.org/telegram"),
        ("WEBHOOK_LISTEN", taken.as_str()),
    ];
    let health = [("HEALTH_LISTEN", taken.as_str())];
    for (name, settings) in [
        ("WEBHOOK_LISTEN", webhook.as_slice()),
        ("HEALTH_LISTEN", &health),
    ] {
        let mut service = Service::spawn_with(folder.path(), &api, settings);
        assert_eq!(service.process.wait().unwrap().code(), Some(2));
        let log = service.log();
        assert!(log.contains(name) && log.contains("another port"), "{log}");
    }
    drop(blocker);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_a_webhook_it_answers_and_leaves_the_webhook_set() {
    let (api, folder) = (FakeApi::start().await, tempfile::tempdir().unwrap());
    let listen = free_port();
    api.deliver_to(listen);
    let address = listen.to_string();
    let settings = [
        ("WEBHOOK_URL", "https://bot.example.org/telegram"),
        ("WEBHOOK_LISTEN", address.as_str()),
    ];
    let service = Service::start_with(folder.path(), &api, &settings);
    let update = api.says(ANN, "how do I unbind my card");
    api.until("it is confirmed and answered", |api| {
        api.is_confirmed(update) && !shown(api).is_empty()
    })
    .await;
    let (code, log) = service.terminate();
    assert_eq!(code, Some(0), "{log}");
    assert!(api.webhook().is_some() && api.calls_of("deleteWebhook").is_empty());
    let secret = api.webhook().unwrap()["secret_token"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(!log.contains(TOKEN) && !log.contains(&secret), "{log}");
}

/// What `doctor` says, and its exit code.
fn doctor(folder: &Path, api: &FakeApi, settings: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut doctor = Service::run(folder, api, "doctor", settings);
    let mut said = String::new();
    doctor
        .process
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    (doctor.process.wait().unwrap().code(), said)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_doctor_finds_what_is_wrong_at_telegram_and_says_what_to_do() {
    let (api, folder) = (FakeApi::start().await, tempfile::tempdir().unwrap());
    let staff = [("SUPPORT_CHAT_ID", "-1001234567890")];
    let (code, said) = doctor(folder.path(), &api, &staff);
    assert_eq!(code, Some(0), "{said}");
    for well in [
        "clock: right",
        "webhook: none, updates are polled",
        "staff chat: the bot is member",
    ] {
        assert!(said.contains(well), "{well} in {said}");
    }
    api.set_webhook();
    let (_, said) = doctor(folder.path(), &api, &staff);
    assert!(said.contains("left behind; `serve` removes it"), "{said}");
    api.trouble(
        "getChat",
        None,
        fake_api::Trouble::Error(400, "Bad Request: chat not found"),
    );
    let (code, said) = doctor(folder.path(), &api, &staff);
    assert!(
        code == Some(1) && said.contains("add the bot to the group"),
        "{said}"
    );
    let webhook = [
        ("WEBHOOK_URL", "https://bot.example.org/telegram"),
        ("WEBHOOK_LISTEN", "127.0.0.1:8443"),
    ];
    let (code, said) = doctor(folder.path(), &api, &webhook);
    assert!(
        code == Some(0) && said.contains("`serve` sets yours in its place"),
        "{said}"
    );
    assert!(!said.contains(TOKEN));
}

/// Writes over a part of the store's file.
fn damage(folder: &Path) {
    let db = folder.join("data/sled/db");
    let mut content = std::fs::read(&db).unwrap();
    let end = content.len().min(4000);
    content[40..end].fill(0x55);
    std::fs::write(db, content).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_store_starts_from_the_backup_of_the_last_stop_and_says_so_loudly() {
    let (api, folder) = (FakeApi::start().await, tempfile::tempdir().unwrap());
    let service = Service::start(folder.path(), &api);
    let mut keyboard = 0;
    api.says(ANN, "/cards");
    press(&api, ".add", &mut keyboard).await;
    until_shown(&api, "What do you call this card?").await;
    api.says(ANN, "Office 门禁卡");
    press(&api, ".w:wallet-oppo", &mut keyboard).await;
    until_shown(&api, "Office").await;
    let (code, log) = service.terminate();
    assert!(
        code == Some(0) && log.contains("a backup was made and verified"),
        "{log}"
    );
    damage(folder.path());
    // `doctor` reports the damage and moves nothing.
    let mut verify = Service::run(folder.path(), &api, "store", &[]);
    assert_eq!(
        verify.process.wait().unwrap().code(),
        Some(2),
        "no subcommand"
    );
    let service = Service::start(folder.path(), &api);
    api.says(ANN, "/cards");
    until_shown(&api, "Office 门禁卡").await;
    let (code, log) = service.terminate();
    assert_eq!(code, Some(0), "{log}");
    assert!(
        log.contains("THE STORE WAS DAMAGED") && log.contains("damaged-"),
        "{log}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_store_without_a_backup_ends_it_with_the_command_that_repairs() {
    let (api, folder) = (FakeApi::start().await, tempfile::tempdir().unwrap());
    let mut service = Service::start(folder.path(), &api);
    api.says(ANN, "/help");
    api.until("it is answered", |api| !shown(api).is_empty())
        .await;
    service.process.kill().unwrap();
    service.process.wait().unwrap();
    let _ = std::fs::remove_dir_all(folder.path().join("data/backups"));
    damage(folder.path());
    let mut refused = Service::spawn(folder.path(), &api);
    assert_eq!(refused.process.wait().unwrap().code(), Some(3));
    let log = refused.log();
    assert!(
        log.contains("cannot be trusted") && log.contains("store import FILE"),
        "{log}"
    );
    assert!(folder.path().join("data/sled/db").exists(), "left as it is");
}

/// Limits the size of files that a process may write, which then sees the errors of a full disk.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_full_disk_updates_stay_at_telegram_and_go_on_by_themselves_when_there_is_room() {
    let (api, folder) = (FakeApi::start().await, tempfile::tempdir().unwrap());
    let service = Service::start(folder.path(), &api);
    let limit = |bytes: &str| {
        let limited = Command::new("prlimit")
            .arg(format!("--pid={}", service.process.id()))
            .arg(format!("--fsize={bytes}:unlimited"))
            .status();
        assert!(
            limited.is_ok_and(|status| status.success()),
            "this test needs `prlimit`"
        );
    };
    let before = api.says(ANN, "/help");
    api.until("it is confirmed", |api| api.is_confirmed(before))
        .await;
    limit("1");
    let refused = api.says(ANN, "/privacy");
    service.until_logged(&api, "will be retried").await;
    assert!(!api.is_confirmed(refused));
    limit("unlimited");
    api.until_within(Duration::from_secs(60), "it is confirmed", |api| {
        api.is_confirmed(refused)
    })
    .await;
    until_shown(&api, "What I keep about this chat").await;
    let (code, log) = service.terminate();
    assert_eq!(code, Some(0), "{log}");
    assert!(
        log.contains("will be retried") && log.contains("takes updates again"),
        "{log}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_no_level_does_the_log_hold_what_was_said_or_the_token_and_each_update_has_its_line() {
    const SECRETS: [&str; 6] = [
        "wonderful-zebra",
        "斑马门禁卡",
        "4111 1111",
        "48219377",
        "bogus-button",
        TOKEN,
    ];
    for format in ["text", "json"] {
        let (api, folder) = (FakeApi::start().await, tempfile::tempdir().unwrap());
        let settings = [("LOG", "trace"), ("LOG_FORMAT", format)];
        let service = Service::start_with(folder.path(), &api, &settings);
        let mut keyboard = 0;
        api.says(ANN, "wonderful-zebra");
        api.says(ANN, "/nonsense wonderful-zebra");
        api.says(ANN, "4111 1111 1111 1111");
        api.says(ANN, "my PIN is 48219377");
        api.sends(ANN, "wonderful-zebra.json", "{\"wonderful-zebra\": 1}");
        api.push(serde_json::json!({"message": {"text": "wonderful-zebra", "chat": "nowhere"}}));
        api.push(serde_json::json!({"edited_message": ["wonderful-zebra"]}));
        until_shown(&api, "I can only read the files").await;
        api.says(ANN, "/cards");
        press(&api, ".add", &mut keyboard).await;
        until_shown(&api, "What do you call this card?").await;
        api.says(ANN, "斑马门禁卡");
        until_shown(&api, "斑马门禁卡").await;
        let (message, _) = api.newest(ANN);
        let update = api.presses(ANN, message, "bogus-button");
        api.trouble("sendMessage", Some(ANN), fake_api::Trouble::ErrorPage);
        api.until("it is confirmed", |api| api.is_confirmed(update))
            .await;
        let (code, log) = service.terminate();
        assert_eq!(code, Some(0), "{log}");
        for secret in SECRETS {
            let line = log.lines().find(|line| line.contains(secret));
            assert_eq!(line, None, "{format}: {secret}");
        }
        let id = match format {
            "json" => format!("\"id\":{update}"),
            _ => format!("id={update} "),
        };
        let of_update = log
            .lines()
            .filter(|line| line.contains("handled") && line.contains(&id));
        assert_eq!(of_update.count(), 1, "{id} in {log}");
        if format == "json" {
            for line in log.lines() {
                serde_json::from_str::<serde_json::Value>(line).expect("a line of JSON");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_sends_on_and_a_useless_proxy_are_wrong_settings_by_name() {
    let (api, folder) = (FakeApi::start().await, tempfile::tempdir().unwrap());
    let to = format!("https://bot-api.example/bot{TOKEN}/getMe");
    api.trouble("getMe", None, fake_api::Trouble::Redirect(301, to));
    let query = format!("{}/?a=b", api.url());
    let elsewhere = ("TELOXIDE_API_URL", "http://bot-api.invalid");
    for (settings, words) in [
        (
            vec![],
            "TELOXIDE_API_URL: this address sends requests on to https://bot-api.example,",
        ),
        (
            vec![("TELOXIDE_API_URL", query.as_str())],
            "TELOXIDE_API_URL: leave out",
        ),
        (
            vec![("TELOXIDE_PROXY", "ftp://ann:hidden@h")],
            "TELOXIDE_PROXY: ",
        ),
        (
            vec![elsewhere, ("ALL_PROXY", "socks6://ann:hidden@h")],
            "ALL_PROXY: ",
        ),
        (vec![("API_FILES_DIR", "nowhere")], "API_FILES_DIR: "),
    ] {
        let mut service = Service::spawn_with(folder.path(), &api, &settings);
        assert_eq!(service.process.wait().unwrap().code(), Some(2), "{words}");
        let log = service.log();
        assert!(log.contains(words), "{words} in {log}");
        assert!(!log.contains(TOKEN) && !log.contains("hidden"), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_doctor_names_the_proxy_without_its_password() {
    let (api, folder) = (FakeApi::start().await, tempfile::tempdir().unwrap());
    let host = api.url().replace("http://", "");
    let proxy = format!("http://ann:hidden@{host}");
    let elsewhere = ("TELOXIDE_API_URL", "http://bot-api.invalid:8081");
    let of_environment =
        format!("proxy: the Bot API server is reached through http://{host} (HTTP_PROXY)");
    let of_bot =
        format!("proxy: the Bot API server is reached through http://{host} (TELOXIDE_PROXY)");
    let none = "proxy: none".to_owned();
    for (settings, words) in [
        (vec![elsewhere, ("TELOXIDE_PROXY", proxy.as_str())], of_bot),
        (
            vec![elsewhere, ("HTTP_PROXY", proxy.as_str())],
            of_environment,
        ),
        // The server is on this machine, and nobody listens at the proxy's address.
        (vec![("ALL_PROXY", "socks5://127.0.0.1:9")], none),
    ] {
        let (code, said) = doctor(folder.path(), &api, &settings);
        assert_eq!(code, Some(0), "{said}");
        assert!(
            said.contains(&words) && !said.contains("hidden"),
            "{words} in {said}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hang_up_reads_the_knowledge_again_and_ends_nothing() {
    let (api, folder) = (FakeApi::start().await, tempfile::tempdir().unwrap());
    let service = Service::start(folder.path(), &api);
    service.signal("HUP");
    service
        .until_logged(
            &api,
            "the knowledge base was read again; nothing has changed",
        )
        .await;
    api.says(ANN, "/privacy");
    until_shown(&api, "What I keep about this chat").await;
    let (code, log) = service.terminate();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("a backup was made and verified"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_other_signal_stops_cleanly_or_has_no_effect() {
    let (api, folder) = (FakeApi::start().await, tempfile::tempdir().unwrap());
    for (stops, text, answer) in [
        ("QUIT", "/privacy", "What I keep about this chat"),
        ("INT", "/unbind", "What do you call this card?"),
    ] {
        let service = Service::start(folder.path(), &api);
        service.signal("USR1");
        service.signal("USR2");
        service.until_logged(&api, "have no effect").await;
        api.says(ANN, text);
        until_shown(&api, answer).await;
        let (code, log) = service.end_by(stops);
        assert_eq!(code, Some(0), "{stops}: {log}");
        assert!(
            log.contains("a backup was made and verified"),
            "{stops}: {log}"
        );
    }
}

/// The process may have fewer open files than there are connections.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_connections_without_end_do_not_keep_it_from_polling() {
    const OPEN_FILES: u64 = 128;
    /// More than it may have open, and no more than wait at a port without delay.
    const CONNECTIONS: u64 = OPEN_FILES + 40;
    let (api, folder) = (FakeApi::start().await, tempfile::tempdir().unwrap());
    let listen = free_port().to_string();
    let settings = [("HEALTH_LISTEN", listen.as_str())];
    let service = Service::start_with(folder.path(), &api, &settings);
    let limited = Command::new("prlimit")
        .arg(format!("--pid={}", service.process.id()))
        .arg(format!("--nofile={OPEN_FILES}:{OPEN_FILES}"))
        .status();
    assert!(
        limited.is_ok_and(|status| status.success()),
        "this test needs `prlimit`"
    );
    let mut idle = Vec::new();
    for _ in 0..CONNECTIONS {
        idle.push(tokio::net::TcpStream::connect(&listen).await.unwrap());
    }
    // Its connections to the server break, so that it needs new ones.
    for method in ["getUpdates", "sendMessage"] {
        api.trouble(method, None, fake_api::Trouble::Reset);
    }
    for _ in 0..2 {
        let update = api.says(ANN, "/help");
        api.until("it is confirmed", |api| api.is_confirmed(update))
            .await;
    }
    // One of the messages was sent twice, since its answer broke off.
    api.until("both are answered", |api| shown(api).len() >= 3)
        .await;
    drop(idle);
    assert_eq!(page(&listen, "/healthz").await.0, 200);
    let (code, log) = service.terminate();
    assert_eq!(code, Some(0), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_goes_on_when_nobody_reads_its_log_or_its_output_any_more() {
    let (api, folder) = (FakeApi::start().await, tempfile::tempdir().unwrap());
    let mut service = Service::spawn_unread(folder.path(), &api);
    api.says(ANN, "/privacy");
    until_shown(&api, "What I keep about this chat").await;
    // A reload logs on another thread.
    service.signal("HUP");
    api.says(ANN, "/unbind");
    until_shown(&api, "What do you call this card?").await;
    service.signal("TERM");
    assert_eq!(service.process.wait().unwrap().code(), Some(0));
    let mut verify = Service::run(folder.path(), &api, "doctor", &[]);
    assert_eq!(
        verify.process.wait().unwrap().code(),
        Some(0),
        "the store was closed"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_machine_with_many_cores_it_starts_no_more_threads() {
    /// Far above what is started, and below what any service manager allows.
    const BOUND: usize = 48;
    let (api, folder) = (FakeApi::start().await, tempfile::tempdir().unwrap());
    let service = Service::start_with(folder.path(), &api, &[("TOKIO_WORKER_THREADS", "96")]);
    api.says(ANN, "/privacy");
    until_shown(&api, "What I keep about this chat").await;
    let threads = format!("/proc/{}/task", service.process.id());
    let threads = std::fs::read_dir(threads).unwrap().count();
    assert!((4..BOUND).contains(&threads), "{threads} threads");
    let (code, log) = service.terminate();
    assert_eq!(code, Some(0), "{log}");
}
