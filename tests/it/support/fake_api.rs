//! A Bot API server on loopback, with real HTTP, Telegram's wire format and error texts, and failures on request.
//!
//! It behaves like the real server where it matters: an update is redelivered until a higher offset is requested, a
//! second poll ends the first, a webhook forbids polling, messages have ids and can be edited and deleted, invalid
//! markup is refused, and files are uploaded as multipart and can be downloaded.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{self, FromRequest, Multipart, Path, Request},
    http::{
        StatusCode,
        header::{CONTENT_TYPE, LOCATION},
    },
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::Notify, task::JoinSet, time::timeout};

pub const TOKEN: &str = "123456:SECRET-token";
pub const BOT_ID: i64 = 123_456;
pub const BOT_NAME: &str = "unbind_test_bot";
/// Longer than anything takes on loopback, even on a loaded machine.
pub const TIMEOUT: Duration = Duration::from_secs(60);

#[derive(Debug, Clone)]
pub struct Call {
    pub method: String,
    pub params: Value,
    /// The uploaded file.
    pub file: Option<File>,
    pub at: Instant,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// The form field.
    pub field: String,
    pub name: String,
    pub bytes: Vec<u8>,
}

impl Call {
    pub fn chat(&self) -> Option<i64> {
        let chat = &self.params["chat_id"];
        // Form fields are text.
        chat.as_i64().or_else(|| chat.as_str()?.parse().ok())
    }

    pub fn is(&self, method: &str) -> bool {
        self.method.eq_ignore_ascii_case(method)
    }

    pub fn text(&self) -> &str {
        self.params["text"].as_str().unwrap_or_default()
    }
}

/// A failure of the server.
#[derive(Debug, Clone)]
pub enum Trouble {
    /// An error with Telegram's description.
    Error(u16, &'static str),
    /// 429 with `retry_after`.
    Flood(u64),
    /// The group became a supergroup.
    Moved(i64),
    /// A proxy's error page.
    ErrorPage,
    /// The connection breaks in the middle of the answer.
    Reset,
    /// The request is carried out, then the connection breaks in the middle of the answer.
    ResetAfter,
    /// No answer.
    Hang,
    /// This status and body, whatever they are.
    Raw(u16, Vec<u8>),
    /// This status, and the address to go to.
    Redirect(u16, String),
}

#[derive(Default)]
struct State {
    updates: VecDeque<Value>,
    /// The bytes of updates that are sent as they are, by id.
    raw: HashMap<u64, Vec<u8>>,
    /// Answers to polls end after this many bytes, as behind a proxy that limits their length.
    poll_bytes: Option<usize>,
    /// Polls are answered at once, although there is nothing new.
    answers_at_once: bool,
    /// Where files are on disk; then they are not served over HTTP, as with `--local`.
    files_on_disk: Option<PathBuf>,
    next_update: u64,
    /// Updates delivered by webhook.
    delivered: Vec<u64>,
    /// Failed deliveries by webhook.
    refused: Vec<u64>,
    calls: Vec<Call>,
    /// The next failures, by method and possibly chat.
    troubles: Vec<(&'static str, Option<i64>, Trouble)>,
    messages: HashMap<(i64, i64), Value>,
    next_message: i64,
    /// Downloadable files, by id.
    files: HashMap<String, Vec<u8>>,
    polls: u64,
    /// All updates before it are confirmed.
    highest_offset: u64,
    /// The parameters of the last setWebhook.
    webhook: Option<Value>,
    /// When a delivery was last refused for its secret, in seconds since 1970.
    refused_at: Option<i64>,
    /// The address that is connected to when a webhook is set, and whether each connection succeeded.
    probe_address: Option<SocketAddr>,
    probe_results: Vec<bool>,
}

/// Ends with the test's runtime.
#[derive(Clone)]
pub struct FakeApi {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    changed: Arc<Notify>,
}

impl FakeApi {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let api = Self {
            address: listener.local_addr().unwrap(),
            state: Arc::new(Mutex::new(State {
                next_update: 1000,
                next_message: 1,
                ..State::default()
            })),
            changed: Arc::default(),
        };
        let routes = Router::new()
            .route("/{bot}/{method}", axum::routing::any(answer))
            .route("/file/{bot}/{*path}", axum::routing::get(download))
            .with_state(api.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        api
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// The next call of `method` (to `chat`) fails like this.
    pub fn trouble(&self, method: &'static str, chat: Option<i64>, trouble: Trouble) {
        self.state().troubles.push((method, chat, trouble));
    }

    /// Sets a webhook, as another program would.
    pub fn set_webhook(&self) {
        let theirs = json!({"url": "https://example.org/theirs", "max_connections": 40});
        self.state().webhook = Some(theirs);
    }

    /// The webhook refused a delivery for its secret at this time.
    pub fn note_wrong_secret(&self, at: i64) {
        self.state().refused_at = Some(at);
    }

    pub fn webhook(&self) -> Option<Value> {
        self.state().webhook.clone()
    }

    /// For each setWebhook, whether the proxied address accepted a connection.
    pub fn probe_results(&self) -> Vec<bool> {
        self.state().probe_results.clone()
    }

    /// Delivers updates to the registered webhook, as Telegram does through a reverse proxy in front of `listen`: chats
    /// concurrently, each chat in order, repeated until the answer is 200.
    pub fn deliver_to(&self, listen: SocketAddr) {
        self.state().probe_address = Some(listen);
        let api = self.clone();
        tokio::spawn(async move {
            let (client, mut busy) = (reqwest::Client::new(), HashSet::new());
            let mut in_flight = JoinSet::new();
            loop {
                for (chat, update) in api.first_of_each_chat(&busy) {
                    busy.insert(chat);
                    let (api, client) = (api.clone(), client.clone());
                    in_flight.spawn(async move {
                        let delivered = api.post(&client, listen, &update).await;
                        if !delivered {
                            api.note_refusal(&update);
                            tokio::time::sleep(Duration::from_millis(100)).await;
                        }
                        (chat, delivered.then(|| update["update_id"].clone()))
                    });
                }
                let changed = api.changed.notified();
                let (chat, delivered) = tokio::select! {
                    Some(done) = in_flight.join_next() => done.unwrap(),
                    _ = timeout(Duration::from_millis(20), changed) => continue,
                };
                busy.remove(&chat);
                if let Some(id) = delivered {
                    let mut state = api.state();
                    state.updates.retain(|update| update["update_id"] != id);
                    state.delivered.push(id.as_u64().unwrap());
                    drop(state);
                    api.changed.notify_waiters();
                }
            }
        });
    }

    fn first_of_each_chat(&self, busy: &HashSet<i64>) -> Vec<(i64, Value)> {
        let (state, mut seen) = (self.state(), busy.clone());
        let first = state.updates.iter().filter_map(|update| {
            let message = match &update["callback_query"] {
                Value::Null => &update["message"],
                query => &query["message"],
            };
            let chat = message["chat"]["id"].as_i64().unwrap_or_default();
            seen.insert(chat).then(|| (chat, update.clone()))
        });
        let first: Vec<_> = first.collect();
        if state.webhook.is_some() {
            first
        } else {
            Vec::new()
        }
    }

    fn note_refusal(&self, update: &Value) {
        let id = update["update_id"].as_u64();
        self.state().refused.extend(id);
    }

    /// The number of failed deliveries of this update.
    pub fn refusals(&self, update: u64) -> usize {
        let state = self.state();
        state.refused.iter().filter(|id| **id == update).count()
    }

    /// Posts an update to the webhook; whether the answer was 200.
    async fn post(&self, client: &reqwest::Client, listen: SocketAddr, update: &Value) -> bool {
        let Some(webhook) = self.webhook() else {
            return false;
        };
        let path = webhook["url"]
            .as_str()
            .unwrap()
            .splitn(4, '/')
            .nth(3)
            .unwrap_or_default()
            .to_owned();
        let mut request = client.post(format!("http://{listen}/{path}"));
        if let Some(secret) = webhook["secret_token"].as_str() {
            request = request.header("X-Telegram-Bot-Api-Secret-Token", secret);
        }
        let response = request
            .header(CONTENT_TYPE, "application/json")
            .body(self.bytes_of(update))
            .send();
        response
            .await
            .is_ok_and(|response| response.status() == 200)
    }

    /// Queues an update with these fields and returns its id.
    pub fn push(&self, fields: Value) -> u64 {
        let id = {
            let mut state = self.state();
            state.next_update += 1;
            state.next_update
        };
        self.push_as(id, fields);
        id
    }

    /// Queues an update of which `bytes` makes the JSON, or what is sent in its place; returns its id.
    pub fn push_raw(&self, bytes: impl Fn(u64) -> Vec<u8>) -> u64 {
        let id = {
            let mut state = self.state();
            state.next_update += 1;
            let id = state.next_update;
            state.raw.insert(id, bytes(id));
            id
        };
        self.push_as(id, json!({}));
        id
    }

    /// Cuts off the answers to polls.
    pub fn limit_polls(&self, bytes: Option<usize>) {
        self.state().poll_bytes = bytes;
    }

    /// Answers polls at once from now on.
    pub fn answer_polls_at_once(&self) {
        self.state().answers_at_once = true;
        self.changed.notify_waiters();
    }

    /// Keeps files in a folder and serves them no more.
    pub fn keep_files_in(&self, folder: PathBuf) {
        self.state().files_on_disk = Some(folder);
    }

    /// An update as it is sent.
    fn bytes_of(&self, update: &Value) -> Vec<u8> {
        let raw = update["update_id"]
            .as_u64()
            .and_then(|id| self.state().raw.get(&id).cloned());
        raw.unwrap_or_else(|| update.to_string().into_bytes())
    }

    /// The answer to a poll.
    fn batch(&self, updates: &[Value]) -> Response {
        let updates: Vec<_> = updates.iter().map(|update| self.bytes_of(update)).collect();
        let mut body = [
            br#"{"ok":true,"result":["#.as_slice(),
            &updates.join(&b','),
            b"]}",
        ]
        .concat();
        if let Some(most) = self.state().poll_bytes {
            body.truncate(most);
        }
        body.into_response()
    }

    /// Queues an update with this id.
    pub fn push_as(&self, id: u64, mut fields: Value) {
        if let Value::Object(update) = &mut fields {
            update.insert("update_id".into(), json!(id));
        }
        self.state().updates.push_back(fields);
        self.changed.notify_waiters();
    }

    /// A person writes in their private chat.
    pub fn says(&self, chat: i64, text: &str) -> u64 {
        self.writes(chat, said(chat, text))
    }

    /// A person sends a file in their private chat, without its size.
    pub fn sends(&self, chat: i64, name: &str, bytes: impl Into<Vec<u8>>) -> u64 {
        self.writes(chat, self.file_message(chat, name, bytes))
    }

    /// A message with a downloadable file.
    pub fn file_message(&self, chat: i64, name: &str, bytes: impl Into<Vec<u8>>) -> Value {
        let file = self.keep_file(bytes.into());
        let mut message = said(chat, "");
        let fields = message.as_object_mut().unwrap();
        fields.remove("text");
        fields.insert(
            "document".into(),
            json!({"file_id": file, "file_name": name}),
        );
        message
    }

    /// Adds a message with a new id to a chat, and queues its update.
    pub fn writes(&self, chat: i64, mut message: Value) -> u64 {
        {
            let mut state = self.state();
            state.next_message += 1;
            let id = state.next_message;
            message["message_id"] = json!(id);
            state.messages.insert((chat, id), message.clone());
        }
        self.push(json!({"message": message}))
    }

    /// Whether a chat shows a message with exactly this text.
    pub fn shows(&self, chat: i64, text: &str) -> bool {
        let state = self.state();
        let mut of_chat = state.messages.iter().filter(|((of, _), _)| *of == chat);
        of_chat.any(|(_, message)| message["text"] == text)
    }

    /// The id of the message with exactly this text.
    pub fn message_of(&self, chat: i64, text: &str) -> i64 {
        let state = self.state();
        let mut of_chat = state.messages.iter().filter(|((of, _), _)| *of == chat);
        let found = of_chat.find(|(_, message)| message["text"] == text);
        found.expect("a message").0.1
    }

    /// The files sent to a chat.
    pub fn uploads(&self, chat: i64) -> Vec<File> {
        let calls = self.calls().into_iter();
        let to_chat = calls.filter(|call| call.chat() == Some(chat));
        to_chat.filter_map(|call| call.file).collect()
    }

    fn keep_file(&self, bytes: Vec<u8>) -> String {
        let mut state = self.state();
        let id = format!("FILE{}", state.files.len());
        state.files.insert(id.clone(), bytes);
        id
    }

    /// A person presses a button of a message the bot sent to them.
    pub fn presses(&self, chat: i64, message: i64, data: &str) -> u64 {
        self.presses_as(&person(chat), chat, message, data)
    }

    /// `who` presses a button of a message the bot sent to this chat.
    pub fn presses_as(&self, who: &Value, chat: i64, message: i64, data: &str) -> u64 {
        let (update, message) = {
            let mut state = self.state();
            state.next_update += 1;
            let message = state.messages.get(&(chat, message)).cloned().unwrap();
            (state.next_update, message)
        };
        let press = json!({"callback_query": {
            "id": query_of(update), "from": who, "chat_instance": "1", "message": message, "data": data,
        }});
        self.push_as(update, press);
        update
    }

    /// Whether the press in this update was acknowledged.
    pub fn is_acknowledged(&self, update: u64) -> bool {
        self.acknowledgement(update).is_some()
    }

    /// The acknowledgement of the press in this update.
    pub fn acknowledgement(&self, update: u64) -> Option<Value> {
        let query = query_of(update);
        let answers = self.calls_of("answerCallbackQuery").into_iter();
        let mut answers = answers.map(|answer| answer.params);
        answers.find(|answer| answer["callback_query_id"] == query.as_str())
    }

    pub fn calls(&self) -> Vec<Call> {
        self.state().calls.clone()
    }

    /// Copies only matching calls, since there may be many.
    fn calls_that(&self, holds: impl Fn(&Call) -> bool) -> Vec<Call> {
        let state = self.state();
        let calls = state.calls.iter().filter(|call| holds(call));
        calls.cloned().collect()
    }

    pub fn calls_of(&self, method: &str) -> Vec<Call> {
        self.calls_that(|call| call.is(method))
    }

    /// New messages sent to a chat.
    pub fn sent(&self, chat: i64) -> Vec<Call> {
        self.calls_that(|call| call.is("sendMessage") && call.chat() == Some(chat))
    }

    /// The id and the button data of the bot's newest message in a chat; 0 and none if there is none.
    pub fn newest(&self, chat: i64) -> (i64, Vec<String>) {
        let state = self.state();
        let ours = state
            .messages
            .iter()
            .filter(|(_, message)| is_ours(message));
        let ids = ours.map(|(place, _)| *place).filter(|(of, _)| *of == chat);
        let Some(id) = ids.map(|(_, id)| id).max() else {
            return (0, Vec::new());
        };
        let message = &state.messages[&(chat, id)];
        let rows = message["reply_markup"]["inline_keyboard"].as_array();
        let buttons = rows
            .into_iter()
            .flatten()
            .filter_map(Value::as_array)
            .flatten();
        let data = buttons.filter_map(|button| button["callback_data"].as_str());
        (id, data.map(str::to_owned).collect())
    }

    /// Whether the newest poll was processed and waits for updates.
    pub fn is_polled(&self) -> bool {
        let polls = self.calls_of("getUpdates").len() as u64;
        self.state().polls == polls
    }

    /// The messages of a chat, oldest first, and the data of their buttons.
    pub fn keyboards(&self, chat: i64) -> Vec<(i64, Vec<String>)> {
        let state = self.state();
        let ours = state
            .messages
            .iter()
            .filter(|(_, message)| is_ours(message));
        let mut ids: Vec<_> = ours
            .filter_map(|((of, id), _)| (*of == chat).then_some(*id))
            .collect();
        ids.sort_unstable();
        let data = |id: i64| {
            let rows = state.messages[&(chat, id)]["reply_markup"]["inline_keyboard"].as_array();
            let rows = rows.into_iter().flatten().filter_map(Value::as_array);
            let data = rows
                .flatten()
                .filter_map(|button| button["callback_data"].as_str());
            data.map(str::to_owned).collect()
        };
        ids.into_iter().map(|id| (id, data(id))).collect()
    }

    /// Whether this update was confirmed.
    pub fn is_confirmed(&self, update: u64) -> bool {
        let state = self.state();
        state.highest_offset > update || state.delivered.contains(&update)
    }

    /// Waits until a condition holds; panics with the last calls after [`TIMEOUT`].
    pub async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        self.until_within(TIMEOUT, what, holds).await;
    }

    /// Waits with another limit.
    pub async fn until_within(&self, limit: Duration, what: &str, holds: impl Fn(&Self) -> bool) {
        let wait = async {
            loop {
                let changed = self.changed.notified();
                if holds(self) {
                    return;
                }
                let _ = timeout(Duration::from_millis(20), changed).await;
            }
        };
        if timeout(limit, wait).await.is_err() {
            let calls = self.calls();
            panic!(
                "never: {what}; last calls: {:#?}",
                &calls[calls.len().saturating_sub(30)..]
            );
        }
    }

    /// Records a call; returns its failure, if any.
    fn note(&self, call: Call) -> Option<Trouble> {
        let mut state = self.state();
        if call.is("getUpdates") {
            let offset = call.params["offset"].as_u64().unwrap_or_default();
            state.highest_offset = state.highest_offset.max(offset);
        }
        let mut troubles = state.troubles.iter();
        let place =
            troubles.position(|(of, to, _)| call.is(of) && (to.is_none() || *to == call.chat()));
        let trouble = place.map(|place| state.troubles.remove(place).2);
        state.calls.push(call);
        drop(state);
        self.changed.notify_waiters();
        trouble
    }

    async fn get_updates(&self, params: &Value) -> Response {
        let poll = {
            let mut state = self.state();
            if state.webhook.is_some() {
                return refuse(
                    409,
                    "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first",
                );
            }
            state.polls += 1;
            if let Some(offset) = params["offset"].as_u64() {
                state
                    .updates
                    .retain(|update| update["update_id"].as_u64().is_none_or(|id| id >= offset));
            }
            state.polls
        };
        self.changed.notify_waiters();
        let limit = params["limit"].as_u64().unwrap_or(100);
        let end = Instant::now() + Duration::from_secs(params["timeout"].as_u64().unwrap_or(0));
        loop {
            let changed = self.changed.notified();
            let (batch, polls) = {
                let state = self.state();
                let batch = state.updates.iter().take(limit as usize).cloned();
                (batch.collect::<Vec<_>>(), state.polls)
            };
            if polls != poll {
                return refuse(
                    409,
                    "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running",
                );
            }
            if !batch.is_empty() || Instant::now() >= end || self.state().answers_at_once {
                return self.batch(&batch);
            }
            let _ = timeout(Duration::from_millis(50), changed).await;
        }
    }

    /// The registered webhook without its secret.
    fn webhook_info(&self) -> Response {
        let state = self.state();
        let mut info = state.webhook.clone().unwrap_or(json!({"url": ""}));
        info.as_object_mut().unwrap().remove("secret_token");
        info["pending_update_count"] = json!(state.updates.len());
        info["has_custom_certificate"] = json!(false);
        if let Some(date) = state.refused_at {
            info["last_error_date"] = json!(date);
            let said = "Wrong response from the webhook: 401 Unauthorized";
            info["last_error_message"] = json!(said);
        }
        accept(info)
    }

    fn send_message(&self, params: &Value) -> Response {
        if let Err(fault) = check_message(params) {
            return refuse(400, fault);
        }
        let chat = params["chat_id"].as_i64().unwrap_or_default();
        let mut state = self.state();
        state.next_message += 1;
        let message = message(chat, state.next_message, params);
        let id = state.next_message;
        state.messages.insert((chat, id), message.clone());
        accept(message)
    }

    fn edit_message(&self, params: &Value) -> Response {
        if let Err(fault) = check_message(params) {
            return refuse(400, fault);
        }
        let chat = params["chat_id"].as_i64().unwrap_or_default();
        let id = params["message_id"].as_i64().unwrap_or_default();
        let edited = message(chat, id, params);
        let mut state = self.state();
        match state.messages.get_mut(&(chat, id)) {
            None => refuse(400, "Bad Request: message to edit not found"),
            Some(message) if !is_ours(message) => {
                refuse(400, "Bad Request: message can't be edited")
            }
            Some(message) if *message == edited => refuse(
                400,
                "Bad Request: message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message",
            ),
            Some(message) => {
                message.clone_from(&edited);
                accept(edited)
            }
        }
    }

    fn delete_message(&self, params: &Value) -> Response {
        let chat = params["chat_id"].as_i64().unwrap_or_default();
        let id = params["message_id"].as_i64().unwrap_or_default();
        match self.state().messages.remove(&(chat, id)) {
            Some(_) => accept(json!(true)),
            None => refuse(400, "Bad Request: message to delete not found"),
        }
    }

    fn send_file(&self, call: &Call) -> Response {
        let Some(file) = call.file.clone().filter(|file| !file.bytes.is_empty()) else {
            return refuse(400, "Bad Request: file must be non-empty");
        };
        let sent = json!({
            "file_id": self.keep_file(file.bytes.clone()), "file_name": file.name,
            "file_size": file.bytes.len(),
        });
        let chat = call.chat().unwrap_or_default();
        let mut state = self.state();
        state.next_message += 1;
        let id = state.next_message;
        let mut message = message(chat, id, &Value::Null);
        match file.field.as_str() {
            "photo" => message["photo"] = json!([sent]),
            field => message[field] = sent,
        }
        state.messages.insert((chat, id), message.clone());
        accept(message)
    }

    fn get_file(&self, params: &Value) -> Response {
        let id = params["file_id"].as_str().unwrap_or_default();
        let state = self.state();
        let on_disk = state.files_on_disk.as_ref();
        let path = match on_disk {
            Some(folder) => format!("{}/{TOKEN}/documents/{id}.json", folder.display()),
            None => format!("documents/{id}.json"),
        };
        match state.files.get(id) {
            Some(bytes) => accept(json!({
                "file_id": id, "file_size": bytes.len(), "file_path": path,
            })),
            None => refuse(
                400,
                "Bad Request: wrong file_id or the file is temporarily unavailable",
            ),
        }
    }
}

fn is_ours(message: &Value) -> bool {
    message["from"]["id"] == BOT_ID
}

/// The id of the press in this update; a redelivered press keeps its id.
pub fn query_of(update: u64) -> String {
    format!("query-{update}")
}

pub fn person(id: i64) -> Value {
    json!({"id": id, "is_bot": false, "first_name": "Ann", "language_code": "en"})
}

/// A message as a person sends it in their private chat.
pub fn said(chat: i64, text: &str) -> Value {
    json!({
        "message_id": 900, "date": 1_700_000_000, "from": person(chat), "text": text,
        "chat": {"id": chat, "type": "private", "first_name": "Ann"},
    })
}

/// A message in a group.
pub fn said_in_group(chat: i64, text: &str) -> Value {
    json!({
        "message_id": 900, "date": 1_700_000_000, "from": person(7), "text": text,
        "chat": {"id": chat, "type": "supergroup", "title": "Neighbours"},
    })
}

fn message(chat: i64, id: i64, params: &Value) -> Value {
    let chat_type = if chat < 0 { "supergroup" } else { "private" };
    json!({
        "message_id": id, "date": 1_700_000_000, "text": params["text"],
        "from": {"id": BOT_ID, "is_bot": true, "first_name": "Unbind", "username": BOT_NAME},
        "chat": {"id": chat, "type": chat_type}, "reply_markup": params["reply_markup"],
        "brand_new_field": {"nobody": "knows it"},
    })
}

fn check_message(params: &Value) -> Result<(), &'static str> {
    let text = params["text"].as_str().unwrap_or_default();
    if text.trim().is_empty() {
        return Err("Bad Request: message text is empty");
    }
    if params["parse_mode"] == "HTML" && !is_well_formed(text) {
        return Err(
            "Bad Request: can't parse entities: Can't find end tag corresponding to start tag \"b\"",
        );
    }
    let rows = params["reply_markup"]["inline_keyboard"].as_array();
    for button in rows
        .into_iter()
        .flatten()
        .filter_map(Value::as_array)
        .flatten()
    {
        let data = button["callback_data"].as_str();
        if data.is_some_and(|data| data.is_empty() || data.len() > 64) {
            return Err("Bad Request: BUTTON_DATA_INVALID");
        }
    }
    Ok(())
}

fn is_well_formed(html: &str) -> bool {
    let mut open = Vec::new();
    for tag in html.split('<').skip(1) {
        let Some((tag, _)) = tag.split_once('>') else {
            return false;
        };
        match tag.strip_prefix('/') {
            Some(name) if open.pop() != Some(name) => return false,
            Some(_) => {}
            None => open.push(tag.split(' ').next().unwrap_or_default()),
        }
    }
    open.is_empty()
}

async fn answer(
    extract::State(api): extract::State<FakeApi>,
    Path((bot, method)): Path<(String, String)>,
    request: Request,
) -> Response {
    if bot != format!("bot{TOKEN}") {
        return refuse(401, "Unauthorized");
    }
    let (params, file) = read_request(request).await;
    let call = Call {
        method,
        params,
        file,
        at: Instant::now(),
    };
    match api.note(call.clone()) {
        None => carry_out(&api, call).await,
        Some(Trouble::ResetAfter) => {
            carry_out(&api, call).await;
            misbehave(Trouble::Reset).await
        }
        Some(trouble) => misbehave(trouble).await,
    }
}

async fn carry_out(api: &FakeApi, call: Call) -> Response {
    let params = call.params.clone();
    match call.method.to_ascii_lowercase().as_str() {
        "getme" => accept(
            json!({"id": BOT_ID, "is_bot": true, "first_name": "Unbind", "username": BOT_NAME}),
        ),
        "getupdates" => api.get_updates(&params).await,
        "sendmessage" => api.send_message(&params),
        "editmessagetext" => api.edit_message(&params),
        "deletemessage" => api.delete_message(&params),
        "senddocument" | "sendphoto" => api.send_file(&call),
        "getfile" => api.get_file(&params),
        "deletewebhook" => {
            api.state().webhook = None;
            accept(json!(true))
        }
        "setwebhook" => {
            let probe_address = api.state().probe_address;
            let probe = probe_address.map(std::net::TcpStream::connect);
            let mut state = api.state();
            state
                .probe_results
                .push(probe.is_some_and(|probe| probe.is_ok()));
            state.webhook = Some(params);
            accept(json!(true))
        }
        "getchat" => {
            accept(json!({"id": params["chat_id"], "type": "supergroup", "title": "Staff"}))
        }
        "getchatmember" => accept(json!({"status": "member", "user": {"id": BOT_ID}})),
        "getwebhookinfo" => api.webhook_info(),
        "answercallbackquery" | "setmycommands" | "deletemycommands" => accept(json!(true)),
        _ => refuse(404, "Not Found: method not found"),
    }
}

/// Downloads a file; recorded as a call of `download`.
async fn download(
    extract::State(api): extract::State<FakeApi>,
    Path((bot, path)): Path<(String, String)>,
) -> Response {
    if bot != format!("bot{TOKEN}") {
        return refuse(401, "Unauthorized");
    }
    let call = Call {
        method: "download".into(),
        params: json!({"path": path}),
        file: None,
        at: Instant::now(),
    };
    if let Some(trouble) = api.note(call) {
        return misbehave(trouble).await;
    }
    let id = path
        .strip_prefix("documents/")
        .and_then(|id| id.strip_suffix(".json"));
    match id.and_then(|id| api.state().files.get(id).cloned()) {
        Some(bytes) => bytes.into_response(),
        None => refuse(404, "Not Found"),
    }
}

/// The parameters of a request and the uploaded file.
async fn read_request(request: Request) -> (Value, Option<File>) {
    let kind = request.headers().get(CONTENT_TYPE);
    let is_form = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"multipart/form-data"));
    if !is_form {
        let body = Bytes::from_request(request, &()).await.unwrap();
        let params = if body.is_empty() {
            json!({})
        } else {
            serde_json::from_slice(&body).expect("a JSON body")
        };
        return (params, None);
    }
    let (mut params, mut file) = (json!({}), None);
    let mut form = Multipart::from_request(request, &()).await.unwrap();
    while let Some(part) = form.next_field().await.unwrap() {
        let field = part.name().unwrap_or_default().to_owned();
        let name = part.file_name().map(str::to_owned);
        let bytes = part.bytes().await.unwrap().to_vec();
        match name {
            Some(name) => file = Some(File { field, name, bytes }),
            None => params[field] = json!(String::from_utf8(bytes).unwrap()),
        }
    }
    (params, file)
}

fn accept(result: Value) -> Response {
    axum::Json(json!({"ok": true, "result": result})).into_response()
}

fn refuse(code: u16, description: &str) -> Response {
    refuse_with(code, description, &Value::Null)
}

fn refuse_with(code: u16, description: &str, parameters: &Value) -> Response {
    let mut body = json!({"ok": false, "error_code": code, "description": description});
    if !parameters.is_null() {
        body["parameters"] = parameters.clone();
    }
    (StatusCode::from_u16(code).unwrap(), axum::Json(body)).into_response()
}

async fn misbehave(trouble: Trouble) -> Response {
    match trouble {
        Trouble::Error(code, description) => refuse(code, description),
        Trouble::Flood(seconds) => {
            let said = format!("Too Many Requests: retry after {seconds}");
            refuse_with(429, &said, &json!({"retry_after": seconds}))
        }
        Trouble::Moved(chat) => refuse_with(
            400,
            "Bad Request: group chat was upgraded to a supergroup chat",
            &json!({"migrate_to_chat_id": chat}),
        ),
        Trouble::ErrorPage => {
            (StatusCode::BAD_GATEWAY, "<html>502 Bad Gateway</html>").into_response()
        }
        Trouble::Reset | Trouble::ResetAfter => {
            let broken = futures::stream::iter([
                Ok(Bytes::from_static(b"{\"ok\":true,\"res")),
                Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset)),
            ]);
            Body::from_stream(broken).into_response()
        }
        Trouble::Hang => std::future::pending().await,
        Trouble::Raw(status, body) => (StatusCode::from_u16(status).unwrap(), body).into_response(),
        Trouble::Redirect(status, to) => {
            (StatusCode::from_u16(status).unwrap(), [(LOCATION, to)]).into_response()
        }
    }
}
