//! A Bot API server on loopback: real HTTP, the real wire format, the real server's words, and troubles on request.
//!
//! It keeps what matters of the real one: an update is redelivered until a higher offset is asked for, a second poll ends
//! the first, a webhook forbids polling, messages have ids and can be edited, markup that does not parse is refused.

use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::Notify, time::timeout};

pub const TOKEN: &str = "123456:SECRET-token";
pub const BOT_ID: i64 = 123_456;
pub const BOT_NAME: &str = "unbind_test_bot";
/// Nothing on loopback takes this long.
const PATIENCE: Duration = Duration::from_secs(20);

/// A request as it came in.
#[derive(Debug, Clone)]
pub struct Call {
    pub method: String,
    pub params: Value,
    pub at: Instant,
}

impl Call {
    pub fn chat(&self) -> Option<i64> {
        self.params["chat_id"].as_i64()
    }

    pub fn text(&self) -> &str {
        self.params["text"].as_str().unwrap_or_default()
    }
}

/// What goes wrong.
#[derive(Debug, Clone)]
pub enum Trouble {
    /// An error in Telegram's words.
    Error(u16, &'static str),
    /// 429 with `retry_after`.
    Flood(u64),
    /// The group is a supergroup now.
    Moved(i64),
    /// A proxy's error page.
    ErrorPage,
    /// The connection breaks in the middle of the answer.
    Reset,
    /// No answer, ever.
    Hang,
}

#[derive(Default)]
struct Kept {
    updates: VecDeque<Value>,
    next_update: u64,
    calls: Vec<Call>,
    /// By method and, where given, chat: what goes wrong next.
    troubles: Vec<(&'static str, Option<i64>, Trouble)>,
    messages: HashMap<(i64, i64), Value>,
    next_message: i64,
    polls: u64,
    webhook: bool,
}

/// The server; it ends with the test's runtime.
#[derive(Clone)]
pub struct FakeApi {
    address: SocketAddr,
    kept: Arc<Mutex<Kept>>,
    changed: Arc<Notify>,
}

impl FakeApi {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let api = Self {
            address: listener.local_addr().unwrap(),
            kept: Arc::new(Mutex::new(Kept {
                next_update: 1000,
                next_message: 1,
                ..Kept::default()
            })),
            changed: Arc::default(),
        };
        let routes = Router::new()
            .route("/{bot}/{method}", axum::routing::any(answer))
            .with_state(api.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        api
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap()
    }

    /// The next `method` (to `chat`) goes wrong like this.
    pub fn trouble(&self, method: &'static str, chat: Option<i64>, trouble: Trouble) {
        self.kept().troubles.push((method, chat, trouble));
    }

    pub fn set_webhook(&self) {
        self.kept().webhook = true;
    }

    /// Puts an update in the queue and returns its id; `fields` is all but the id.
    pub fn push(&self, fields: Value) -> u64 {
        let id = {
            let mut kept = self.kept();
            kept.next_update += 1;
            kept.next_update
        };
        self.push_as(id, fields);
        id
    }

    /// The same under an id of one's choice.
    pub fn push_as(&self, id: u64, mut fields: Value) {
        if let Value::Object(update) = &mut fields {
            update.insert("update_id".into(), json!(id));
        }
        self.kept().updates.push_back(fields);
        self.changed.notify_waiters();
    }

    /// A person writes in their private chat.
    pub fn says(&self, chat: i64, text: &str) -> u64 {
        self.push(json!({"message": said(chat, text)}))
    }

    /// A person presses a button of a message the bot sent.
    pub fn presses(&self, chat: i64, message: i64, data: &str) -> u64 {
        let (update, message) = {
            let mut kept = self.kept();
            kept.next_update += 1;
            let message = kept.messages.get(&(chat, message)).cloned().unwrap();
            (kept.next_update, message)
        };
        let press = json!({"callback_query": {
            "id": query_of(update), "from": person(chat), "chat_instance": "1", "message": message, "data": data,
        }});
        self.push_as(update, press);
        update
    }

    /// Whether the button pressed in this update has stopped spinning.
    pub fn is_acknowledged(&self, update: u64) -> bool {
        let query = query_of(update);
        let answers = self.calls_of("answerCallbackQuery").into_iter();
        let mut ids = answers.map(|answer| answer.params["callback_query_id"].clone());
        ids.any(|id| id == query.as_str())
    }

    pub fn calls(&self) -> Vec<Call> {
        self.kept().calls.clone()
    }

    pub fn calls_of(&self, method: &str) -> Vec<Call> {
        let calls = self.calls().into_iter();
        calls
            .filter(|call| call.method.eq_ignore_ascii_case(method))
            .collect()
    }

    /// What was sent to a chat as new messages.
    pub fn sent(&self, chat: i64) -> Vec<Call> {
        let sent = self.calls_of("sendMessage").into_iter();
        sent.filter(|call| call.chat() == Some(chat)).collect()
    }

    /// The newest message of a chat: its id, and the data of its buttons.
    pub fn newest(&self, chat: i64) -> (i64, Vec<String>) {
        let kept = self.kept();
        let ids = kept.messages.keys().filter(|(of, _)| *of == chat);
        let id = ids.map(|(_, id)| *id).max().expect("a message");
        let message = &kept.messages[&(chat, id)];
        let rows = message["reply_markup"]["inline_keyboard"].as_array();
        let buttons = rows
            .into_iter()
            .flatten()
            .filter_map(Value::as_array)
            .flatten();
        let data = buttons.filter_map(|button| button["callback_data"].as_str());
        (id, data.map(str::to_owned).collect())
    }

    /// Whether this update was confirmed.
    pub fn is_confirmed(&self, update: u64) -> bool {
        let polls = self.calls_of("getUpdates").into_iter();
        let mut offsets = polls.filter_map(|poll| poll.params["offset"].as_u64());
        offsets.any(|offset| offset > update)
    }

    /// Waits until something holds; shows the calls when it never does.
    pub async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let wait = async {
            loop {
                let changed = self.changed.notified();
                if holds(self) {
                    return;
                }
                let _ = timeout(Duration::from_millis(20), changed).await;
            }
        };
        if timeout(PATIENCE, wait).await.is_err() {
            panic!("never: {what}; calls: {:#?}", self.calls());
        }
    }

    fn take_trouble(&self, method: &str, chat: Option<i64>) -> Option<Trouble> {
        let mut kept = self.kept();
        let place = kept.troubles.iter().position(|(of, to, _)| {
            of.eq_ignore_ascii_case(method) && (to.is_none() || *to == chat)
        })?;
        Some(kept.troubles.remove(place).2)
    }

    async fn get_updates(&self, params: &Value) -> Response {
        let poll = {
            let mut kept = self.kept();
            if kept.webhook {
                return refuse(
                    409,
                    "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first",
                );
            }
            kept.polls += 1;
            if let Some(offset) = params["offset"].as_u64() {
                kept.updates
                    .retain(|update| update["update_id"].as_u64().is_none_or(|id| id >= offset));
            }
            kept.polls
        };
        self.changed.notify_waiters();
        let limit = params["limit"].as_u64().unwrap_or(100);
        let end = Instant::now() + Duration::from_secs(params["timeout"].as_u64().unwrap_or(0));
        loop {
            let changed = self.changed.notified();
            let (batch, polls) = {
                let kept = self.kept();
                let batch = kept.updates.iter().take(limit as usize).cloned();
                (batch.collect::<Vec<_>>(), kept.polls)
            };
            if polls != poll {
                return refuse(
                    409,
                    "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running",
                );
            }
            if !batch.is_empty() || Instant::now() >= end {
                return accept(json!(batch));
            }
            let _ = timeout(Duration::from_millis(50), changed).await;
        }
    }

    fn send_message(&self, params: &Value) -> Response {
        if let Err(fault) = check_message(params) {
            return refuse(400, fault);
        }
        let chat = params["chat_id"].as_i64().unwrap_or_default();
        let mut kept = self.kept();
        kept.next_message += 1;
        let message = message(chat, kept.next_message, params);
        let id = kept.next_message;
        kept.messages.insert((chat, id), message.clone());
        accept(message)
    }

    fn edit_message(&self, params: &Value) -> Response {
        if let Err(fault) = check_message(params) {
            return refuse(400, fault);
        }
        let chat = params["chat_id"].as_i64().unwrap_or_default();
        let id = params["message_id"].as_i64().unwrap_or_default();
        let edited = message(chat, id, params);
        let mut kept = self.kept();
        match kept.messages.get_mut(&(chat, id)) {
            None => refuse(400, "Bad Request: message to edit not found"),
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
}

/// The id of the press that came in this update; a redelivered press keeps its id.
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
    State(api): State<FakeApi>,
    Path((bot, method)): Path<(String, String)>,
    body: Bytes,
) -> Response {
    if bot != format!("bot{TOKEN}") {
        return refuse(401, "Unauthorized");
    }
    let params: Value = if body.is_empty() {
        json!({})
    } else {
        serde_json::from_slice(&body).expect("a JSON body")
    };
    let call = Call {
        method: method.clone(),
        params: params.clone(),
        at: Instant::now(),
    };
    let chat = call.chat();
    api.kept().calls.push(call);
    api.changed.notify_waiters();
    if let Some(trouble) = api.take_trouble(&method, chat) {
        return be_trouble(trouble).await;
    }
    match method.to_ascii_lowercase().as_str() {
        "getme" => accept(
            json!({"id": BOT_ID, "is_bot": true, "first_name": "Unbind", "username": BOT_NAME}),
        ),
        "getupdates" => api.get_updates(&params).await,
        "sendmessage" => api.send_message(&params),
        "editmessagetext" => api.edit_message(&params),
        "deletewebhook" => {
            api.kept().webhook = false;
            accept(json!(true))
        }
        "answercallbackquery" | "setmycommands" => accept(json!(true)),
        _ => refuse(404, "Not Found: method not found"),
    }
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

async fn be_trouble(trouble: Trouble) -> Response {
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
        Trouble::Reset => {
            let broken = futures::stream::iter([
                Ok(Bytes::from_static(b"{\"ok\":true,\"res")),
                Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset)),
            ]);
            Body::from_stream(broken).into_response()
        }
        Trouble::Hang => std::future::pending().await,
    }
}
