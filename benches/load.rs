//! Load test with 200 concurrent chats over HTTP. Compares this program, by polling and by webhook, with a plain bot on
//! teloxide's dispatcher that does the same matching and stores nothing. This process is the Bot API server; each bot
//! runs in its own process on the same cores, one after the other.
//!
//! Run `cargo bench --bench load`; `-- --long` adds 100,000 questions to measure the program's memory and files.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a bench that cannot go on stops"
)]

use std::{
    collections::{HashMap, VecDeque},
    env, fs,
    net::{SocketAddr, TcpListener as PortFinder},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{Router, body::Bytes, extract::State, http::Uri, response::Response, routing::any};
use jiff::Timestamp;
use reqwest::Client;
use serde_json::{Value, json};
use teloxide::{
    Bot,
    dispatching::{Dispatcher, UpdateFilterExt},
    dptree,
    error_handlers::LoggingErrorHandler,
    payloads::SendMessageSetters,
    requests::Requester,
    types::{Message, ParseMode, Update},
    update_listeners::webhooks,
};
use tokio::{
    net::TcpListener,
    runtime::Runtime,
    sync::{Notify, Semaphore, mpsc},
    task::JoinSet,
    time::timeout,
};
use unbind_bot::{
    dialogue::{Base, ChatId, answer_once},
    knowledge::load_folder,
    telegram::outgoing::{Outgoing, RenderOptions, render},
};

const KNOWLEDGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/knowledge");
const QUESTIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/questions");
const TOKEN: &str = "123456:load";
/// Environment variable set for the plain bot's process: the address of the Bot API server.
const PLAIN_BOT: &str = "LOAD_PLAIN_BOT_API";
/// Environment variable with the address its webhook listens on; unset for polling.
const PLAIN_WEBHOOK: &str = "LOAD_PLAIN_BOT_WEBHOOK";
/// The plain bot's webhook secret. It is fixed, because this server does not parse the multipart `setWebhook` request.
const PLAIN_SECRET: &str = "load";
/// Telegram's default for `max_connections` of a webhook.
const DEFAULT_CONNECTIONS: u64 = 40;
/// How long to wait after a bot began to poll or set its webhook, before it is asked.
const SETTLE_DELAY: Duration = Duration::from_millis(500);
/// The public address given to `setWebhook`; this server ignores it.
const WEBHOOK: &str = "https://bot.example.org/telegram";
/// Timeout for an answer: far longer than one takes.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The kernel counts a process's time in hundredths of a second.
const TICKS: f64 = 100.0;

/// The size of a load.
#[derive(Debug, Clone, Copy)]
struct Load {
    chats: i64,
    questions: usize,
}

const MANY_CHATS: Load = Load {
    chats: 200,
    questions: 20,
};
const ONE_CHAT: Load = Load {
    chats: 1,
    questions: 200,
};
/// About the questions that a bot with a million users gets in a day.
const LONG: Load = Load {
    chats: 1_000,
    questions: 100,
};
/// For runs that measure nothing, such as `cargo test --benches`.
const SMALL: Load = Load {
    chats: 4,
    questions: 3,
};

fn main() {
    if let Ok(api) = env::var(PLAIN_BOT) {
        return Runtime::new().unwrap().block_on(plain_bot(&api));
    }
    let arguments: Vec<String> = env::args().collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    let only_runs = has("--test") || !has("--bench");
    Runtime::new()
        .unwrap()
        .block_on(measure(only_runs, has("--long")));
}

/// The plain bot for comparison: teloxide's dispatcher, without a store.
async fn plain_bot(api: &str) {
    let base = Arc::new(Base::new(load_folder(Path::new(KNOWLEDGE)).unwrap()));
    let bot = Bot::new(TOKEN).set_api_url(api.parse().unwrap());
    let answer = |bot: Bot, message: Message, base: Arc<Base>| async move {
        let question = message.text().unwrap_or_default();
        let (_, replies) = answer_once(&base, question, None, Timestamp::now());
        for reply in &replies {
            let showing = RenderOptions {
                as_new: true,
                ..RenderOptions::new(ChatId(message.chat.id.0), "load_bot")
            };
            for request in render(reply, showing) {
                if let Outgoing::New(said) = request {
                    let sent = bot.send_message(message.chat.id, said.text);
                    sent.parse_mode(ParseMode::Html).await?;
                }
            }
        }
        Ok::<_, teloxide::RequestError>(())
    };
    let mut dispatcher =
        Dispatcher::builder(bot.clone(), Update::filter_message().endpoint(answer))
            .dependencies(dptree::deps![base])
            .build();
    let Ok(listen) = env::var(PLAIN_WEBHOOK) else {
        return dispatcher.dispatch().await;
    };
    let options = webhooks::Options::new(listen.parse().unwrap(), WEBHOOK.parse().unwrap());
    let options = options.secret_token(PLAIN_SECRET.to_owned());
    let updates = webhooks::axum(bot, options).await.unwrap();
    dispatcher
        .dispatch_with_listener(updates, LoggingErrorHandler::new())
        .await;
}

/// How a bot gets its updates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum UpdateSource {
    Polling,
    Webhook(SocketAddr),
}

/// A bot, running as a process.
struct Running {
    process: Child,
    begun: Instant,
}

impl Running {
    fn plain(api: &Api, source: UpdateSource) -> Self {
        let mut command = Command::new(env::current_exe().unwrap());
        command.env(PLAIN_BOT, api.url());
        if let UpdateSource::Webhook(listen) = source {
            command.env(PLAIN_WEBHOOK, listen.to_string());
        }
        Self::start(command)
    }

    fn program(api: &Api, folder: &Path, source: UpdateSource) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_unbind-bot"));
        command
            .arg("serve")
            .current_dir(folder)
            .env("KNOWLEDGE_DIR", KNOWLEDGE)
            .env("TELOXIDE_TOKEN", TOKEN)
            .env("TELOXIDE_API_URL", api.url())
            .env("SEND_RATE", "0")
            .env("SEND_RATE_PER_CHAT", "0")
            .env("LOG", "warn");
        if let UpdateSource::Webhook(listen) = source {
            command
                .env("WEBHOOK_URL", WEBHOOK)
                .env("WEBHOOK_LISTEN", listen.to_string());
        }
        Self::start(command)
    }

    fn start(mut command: Command) -> Self {
        let process = command.stdout(Stdio::null()).spawn().unwrap();
        Self {
            process,
            begun: Instant::now(),
        }
    }

    /// Seconds of processor time so far.
    fn cpu(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.id())).unwrap();
        // After the process name, which may contain spaces, user and system time are the 12th and 13th fields.
        let (_, behind) = stat.rsplit_once(')').unwrap();
        let ticks = behind.split_whitespace().skip(11).take(2);
        ticks
            .map(|ticks| ticks.parse::<f64>().unwrap())
            .sum::<f64>()
            / TICKS
    }

    /// Resident memory in MiB.
    fn memory(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .unwrap();
        let kib = line.split_whitespace().nth(1).unwrap();
        kib.parse::<f64>().unwrap() / 1024.0
    }

    /// Stops the bot as an operator would.
    fn stop(mut self) {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").arg(id).status().unwrap().success());
        self.process.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A minimal Bot API server.
struct Api {
    address: SocketAddr,
    kept: Mutex<Kept>,
    changed: Notify,
    client: Client,
    /// One permit per connection that `setWebhook` allowed.
    connections: Semaphore,
}

#[derive(Default)]
struct Kept {
    updates: VecDeque<(u64, Value)>,
    next_update: u64,
    polls: u64,
    first_contact: Option<Instant>,
    webhook: Option<Value>,
    /// The chats that wait for an answer.
    askers: HashMap<i64, mpsc::UnboundedSender<()>>,
    sent: u64,
}

impl Api {
    async fn start() -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let api = Arc::new(Self {
            address: listener.local_addr().unwrap(),
            kept: Mutex::default(),
            changed: Notify::new(),
            client: Client::new(),
            connections: Semaphore::new(0),
        });
        let routes = Router::new().fallback(any(answer)).with_state(api.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        api
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Sends a question to the bot, without waiting for the answer.
    async fn ask(&self, chat: i64, question: &str, source: UpdateSource) {
        let update = {
            let mut kept = self.kept.lock().unwrap();
            kept.next_update += 1;
            let update = update(kept.next_update, chat, question);
            if source == UpdateSource::Polling {
                // Number and queue the update under one lock, because polling for a later update confirms earlier ones.
                kept.updates.push_back(update.clone());
            }
            update
        };
        match source {
            UpdateSource::Polling => self.changed.notify_waiters(),
            UpdateSource::Webhook(listen) => self.post(listen, &update.1).await,
        }
    }

    /// Posts an update as Telegram does: within the allowed connections, and repeated until it is accepted.
    async fn post(&self, listen: SocketAddr, update: &Value) {
        let _connection = self.connections.acquire().await.unwrap();
        let secret = {
            let kept = self.kept.lock().unwrap();
            let webhook = kept.webhook.as_ref().expect("a webhook");
            let secret = webhook["secret_token"].as_str();
            secret.unwrap_or(PLAIN_SECRET).to_owned()
        };
        loop {
            let post = self.client.post(format!("http://{listen}/telegram"));
            let post = post.header("X-Telegram-Bot-Api-Secret-Token", &secret);
            let posted = post.body(update.to_string()).send().await;
            if posted.is_ok_and(|response| response.status() == 200) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn updates(&self, asked: &Value) -> Value {
        let poll = {
            let mut kept = self.kept.lock().unwrap();
            kept.polls += 1;
            kept.first_contact.get_or_insert_with(Instant::now);
            let offset = asked["offset"].as_u64().unwrap_or_default();
            kept.updates.retain(|(id, _)| *id >= offset);
            kept.polls
        };
        let limit = asked["limit"].as_u64().unwrap_or(100);
        let end = Instant::now() + Duration::from_secs(asked["timeout"].as_u64().unwrap_or(0));
        loop {
            let changed = self.changed.notified();
            let batch: Vec<Value> = {
                let kept = self.kept.lock().unwrap();
                // Only the newest poll gets updates, as at Telegram.
                let is_newest = kept.polls == poll;
                let updates = kept.updates.iter().filter(|_| is_newest);
                updates
                    .take(limit as usize)
                    .map(|(_, update)| update.clone())
                    .collect()
            };
            if !batch.is_empty() || Instant::now() >= end {
                return json!(batch);
            }
            let _ = timeout(Duration::from_millis(100), changed).await;
        }
    }

    fn sent(&self, said: &Value) -> Value {
        let chat = said["chat_id"]
            .as_i64()
            .or_else(|| said["chat_id"].as_str()?.parse().ok());
        let chat = chat.unwrap_or_default();
        let mut kept = self.kept.lock().unwrap();
        kept.sent += 1;
        if let Some(asker) = kept.askers.get(&chat) {
            let _ = asker.send(());
        }
        json!({"message_id": kept.sent, "date": 0, "text": "", "chat": {"id": chat, "type": "private"}})
    }

    /// Waits until the bot polls or has set its webhook. Returns the time since its start.
    async fn wait_first_contact(&self, running: &Running) -> Duration {
        let began = Instant::now();
        loop {
            let first = {
                let kept = self.kept.lock().unwrap();
                kept.first_contact
            };
            if let Some(first) = first {
                return first - running.begun;
            }
            assert!(
                began.elapsed() < TIMEOUT,
                "the bot never contacted the server"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn update(id: u64, chat: i64, question: &str) -> (u64, Value) {
    let person = json!({"id": chat, "is_bot": false, "first_name": "Ann"});
    let message = json!({
        "message_id": id, "date": Timestamp::now().as_second(), "text": question,
        "from": person, "chat": {"id": chat, "type": "private", "first_name": "Ann"},
    });
    (id, json!({"update_id": id, "message": message}))
}

async fn answer(State(api): State<Arc<Api>>, uri: Uri, body: Bytes) -> Response<String> {
    let method = uri
        .path()
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    let result = match method.as_str() {
        "getme" => json!({
            "id": 123_456, "is_bot": true, "first_name": "Load", "username": "load_bot",
            "can_join_groups": true, "can_read_all_group_messages": false,
            "supports_inline_queries": false, "can_connect_to_business": false, "has_main_web_app": false,
        }),
        "getupdates" => api.updates(&asked).await,
        "sendmessage" | "editmessagetext" => api.sent(&asked),
        "getwebhookinfo" => {
            let set = api.kept.lock().unwrap().webhook.clone();
            set.unwrap_or(
                json!({"url": "", "has_custom_certificate": false, "pending_update_count": 0}),
            )
        }
        "setwebhook" => {
            let allowed = asked["max_connections"].as_u64();
            let allowed = allowed.unwrap_or(DEFAULT_CONNECTIONS);
            api.connections.add_permits(allowed as usize);
            let mut kept = api.kept.lock().unwrap();
            kept.webhook = Some(asked);
            kept.first_contact.get_or_insert_with(Instant::now);
            json!(true)
        }
        _ => json!(true),
    };
    let answer = json!({"ok": true, "result": result}).to_string();
    let response = Response::builder().header("content-type", "application/json");
    response.body(answer).unwrap()
}

/// The measurements of one load.
struct Measured {
    answers_a_second: f64,
    median: Duration,
    p99: Duration,
    cpu_a_thousand: f64,
}

/// Lets every chat ask its questions, each after the answer to the previous one.
async fn run(api: &Arc<Api>, bot: &Running, source: UpdateSource, load: Load) -> Measured {
    let questions = Arc::new(questions());
    let (cpu, begun) = (bot.cpu(), Instant::now());
    let mut chats = JoinSet::new();
    // New chats without a record.
    static FIRST: AtomicU64 = AtomicU64::new(1);
    let first = FIRST.fetch_add(load.chats as u64, Ordering::Relaxed) as i64;
    for chat in first..first + load.chats {
        let (api, questions) = (api.clone(), questions.clone());
        chats.spawn(async move {
            let (asker, mut answered) = mpsc::unbounded_channel();
            api.kept.lock().unwrap().askers.insert(chat, asker);
            let mut took = Vec::new();
            for number in 0..load.questions {
                let question = &questions[(chat as usize * 31 + number) % questions.len()];
                let asked = Instant::now();
                let answered = async {
                    tokio::join!(api.ask(chat, question, source), answered.recv());
                };
                let answered = timeout(TIMEOUT, answered).await;
                assert!(
                    answered.is_ok(),
                    "no answer to question {number}: {question}"
                );
                took.push(asked.elapsed());
            }
            took
        });
    }
    let mut took = chats.join_all().await.concat();
    let (elapsed, count) = (begun.elapsed(), took.len() as f64);
    took.sort();
    Measured {
        answers_a_second: count / elapsed.as_secs_f64(),
        median: took[took.len() / 2],
        p99: took[took.len() * 99 / 100],
        cpu_a_thousand: (bot.cpu() - cpu) / count * 1000.0,
    }
}

/// Questions in scope in both languages, from the evaluation set.
fn questions() -> Vec<String> {
    let mut questions = Vec::new();
    for file in fs::read_dir(QUESTIONS).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        let rows = text
            .lines()
            .skip(1)
            .filter_map(|line| line.split('\t').next());
        questions.extend(rows.map(str::to_owned));
    }
    questions.sort();
    assert!(!questions.is_empty());
    questions
}

async fn measure(only_runs: bool, long: bool) {
    let (many_chats, one_chat) = if only_runs {
        (SMALL, SMALL)
    } else {
        (MANY_CHATS, ONE_CHAT)
    };
    for by_webhook in [false, true] {
        let new_source = || {
            if by_webhook {
                UpdateSource::Webhook(free_port())
            } else {
                UpdateSource::Polling
            }
        };
        let plain = measure_plain(new_source(), many_chats, only_runs).await;
        let (api, folder, source) = (Api::start().await, folder(), new_source());
        let bot = Running::program(&api, folder.path(), source);
        let start = api.wait_first_contact(&bot).await;
        tokio::time::sleep(SETTLE_DELAY).await;
        // The bot is ready when it answers; it already polls while the matcher is still being trained.
        run(&api, &bot, source, SMALL).await;
        tokio::time::sleep(SETTLE_DELAY).await;
        let idle = bot.memory();
        let alone = run(&api, &bot, source, one_chat).await;
        let measured = run(&api, &bot, source, many_chats).await;
        report("ours", source, start, &measured, bot.memory(), only_runs);
        if !only_runs {
            println!(
                "    {:.2} of the plain dispatcher; alone, median {:.1} ms, p99 {:.1} ms; idle {idle:.1} MiB",
                measured.answers_a_second / plain.answers_a_second,
                millis(alone.median),
                millis(alone.p99),
            );
        }
        if long && !by_webhook {
            let measured = run(&api, &bot, source, LONG).await;
            report(
                "100,000 more",
                source,
                start,
                &measured,
                bot.memory(),
                false,
            );
        }
        bot.stop();
        if !only_runs {
            println!("    {:.1} MiB on disk", disk(&folder.path().join("data")));
        }
    }
}

async fn measure_plain(source: UpdateSource, many_chats: Load, only_runs: bool) -> Measured {
    let api = Api::start().await;
    let bot = Running::plain(&api, source);
    let start = api.wait_first_contact(&bot).await;
    tokio::time::sleep(SETTLE_DELAY).await;
    run(&api, &bot, source, SMALL).await;
    let measured = run(&api, &bot, source, many_chats).await;
    report(
        "plain dispatcher",
        source,
        start,
        &measured,
        bot.memory(),
        only_runs,
    );
    measured
}

fn report(
    name: &str,
    source: UpdateSource,
    start: Duration,
    measured: &Measured,
    memory: f64,
    only_runs: bool,
) {
    let source = match source {
        UpdateSource::Polling => "polling",
        UpdateSource::Webhook(_) => "webhook",
    };
    if only_runs {
        return println!("{name}, {source}: runs");
    }
    println!(
        "{name:16} {source:8} {:6.0} answers/s · median {:5.1} ms, p99 {:5.1} ms · {:.2} CPU s a thousand · {memory:.1} MiB · first contact after {:.2} s",
        measured.answers_a_second,
        millis(measured.median),
        millis(measured.p99),
        measured.cpu_a_thousand,
        start.as_secs_f64(),
    );
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// A temporary folder on the project's disk, because a folder in memory would hide the cost of syncing.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

fn free_port() -> SocketAddr {
    let listener = PortFinder::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

/// Size of all files below a folder in MiB.
fn disk(folder: &Path) -> f64 {
    let mut bytes = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            bytes += (disk(&path) * 1024.0 * 1024.0) as u64;
        } else {
            bytes += fs::metadata(&path).unwrap().len();
        }
    }
    bytes as f64 / 1024.0 / 1024.0
}
