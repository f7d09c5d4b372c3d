//! Makes one request to the Bot API and classifies the answer.
//!
//! teloxide's `Bot` keeps the client, the token and the address, and its payloads are sent. The request itself is made
//! here, because teloxide-core 0.13 sleeps ten seconds inside the request on any 5xx, drops the error code, parses the
//! whole message in the answer (an unknown field turns a sent message into a failure), and shows the address, which
//! contains the token, in its errors. What an error means is decided by the callers.

use std::{borrow::Cow, error::Error, fmt, time::Duration};

use reqwest::{
    RequestBuilder, Response,
    multipart::{Form, Part},
};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{DeserializeOwned, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::Value;
use teloxide::{
    Bot, net,
    payloads::{AnswerCallbackQuery, AnswerCallbackQuerySetters, DeleteWebhook, GetFile, GetMe},
    requests::Payload,
    types::{CallbackQueryId, FileId, ReplyParameters},
};
use url::Url;

use crate::dialogue::{ChatId, MessageId, ThreadId};

/// For requests other than the long poll.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);
/// The pause after a 429 that names none.
const DEFAULT_RETRY_AFTER: Duration = Duration::from_secs(5);
/// The longest pause that is believed. Telegram's longest are a few hundred seconds; a number beyond any sense (a fault of
/// a server or a proxy) must not silence a chat for ever.
pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(60 * 60);
/// The shortest pause, so that a server that asks for none is not flooded.
const MIN_RETRY_AFTER: Duration = Duration::from_secs(1);
/// For the requests of a reply. The outbox sets shorter limits, by kind and by what the server did before.
pub const SEND_TIMEOUT: Duration = Duration::from_secs(90);
/// Maximum bytes read of an error answer to a download.
const MAX_ERROR_BYTES: usize = 16 * 1024;
/// Telegram's limit for the alert after a press, in characters.
const MAX_ALERT: usize = 200;

#[derive(Debug, Clone, Default, Deserialize)]
pub struct Identity {
    pub id: i64,
    /// Without the `@`.
    #[serde(default)]
    pub username: String,
}

/// Why a request failed. Shows neither token nor address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// 401, or the 404 for a malformed token.
    #[error("Telegram does not know this bot's token")]
    Unauthorized,
    /// 429: wait for this long.
    #[error("Telegram asks to wait {} s", .0.as_secs())]
    TooManyRequests(Duration),
    #[error("the group has become the supergroup {0}")]
    Migrated(ChatId),
    /// The request is invalid or not permitted; repeating it is pointless.
    #[error("Telegram refused ({code}): {description}")]
    Refused {
        /// The error code: 400, 403, 409, …
        code: u16,
        description: String,
    },
    /// A 5xx, or an answer that is not from a Bot API server.
    #[error("the Bot API server is unavailable: {0}")]
    Unavailable(String),
    #[error("the Bot API server cannot be reached: {0}")]
    Network(String),
}

/// A file to send as a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    pub chat: ChatId,
    pub thread: Option<ThreadId>,
    pub reply_to: Option<ReplyParameters>,
    pub kind: UploadKind,
    pub name: String,
    pub bytes: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UploadKind {
    Document,
    Photo,
}

impl UploadKind {
    fn method(self) -> &'static str {
        match self {
            Self::Document => "SendDocument",
            Self::Photo => "SendPhoto",
        }
    }

    fn field(self) -> &'static str {
        match self {
            Self::Document => "document",
            Self::Photo => "photo",
        }
    }
}

/// The HTTP client could not be created.
#[derive(Debug, thiserror::Error)]
#[error(
    "the HTTPS client could not be created: {0}; check the system's certificates and proxy settings"
)]
pub struct NoClient(String);

#[derive(Clone)]
pub struct Api {
    bot: Bot,
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The `Debug` output of `Bot` contains the token.
        f.debug_struct("Api").finish_non_exhaustive()
    }
}

impl Api {
    /// The Bot API at `address` for the bot with this token.
    ///
    /// # Errors
    /// The HTTP client could not be created.
    pub fn new(token: &str, address: Url) -> Result<Self, NoClient> {
        let client = net::default_reqwest_settings().build();
        let client = client.map_err(|error| NoClient(error_chain(&error)))?;
        let bot = Bot::with_client(token.trim(), client).set_api_url(address);
        Ok(Self { bot })
    }

    /// Makes a request and parses its result.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn call<P, R>(&self, payload: &P) -> Result<R, ApiError>
    where
        P: Payload + Serialize + Sync,
        R: DeserializeOwned,
    {
        self.call_within(REQUEST_TIMEOUT, payload).await
    }

    /// Makes a request with another time limit, for long polls.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn call_within<P, R>(&self, limit: Duration, payload: &P) -> Result<R, ApiError>
    where
        P: Payload + Serialize + Sync,
        R: DeserializeOwned,
    {
        let request = self.bot.client().post(self.method_url(P::NAME));
        send_and_read(request.timeout(limit).json(payload)).await
    }

    /// Sends a file, as multipart form data.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn upload(&self, upload: Upload) -> Result<SentMessage, ApiError> {
        let request = self
            .bot
            .client()
            .post(self.method_url(upload.kind.method()));
        let mut form = Form::new().text("chat_id", upload.chat.to_string());
        if let Some(ThreadId(thread)) = upload.thread {
            form = form.text("message_thread_id", thread.to_string());
        }
        if let Some(reply_to) = upload.reply_to {
            let reply_to = serde_json::to_string(&reply_to).unwrap_or_default();
            form = form.text("reply_parameters", reply_to);
        }
        let file = Part::bytes(upload.bytes).file_name(upload.name);
        let form = form.part(upload.kind.field(), file);
        send_and_read(request.timeout(SEND_TIMEOUT).multipart(form)).await
    }

    /// Downloads a file; `None` if it has more than `most` bytes.
    ///
    /// # Errors
    /// See [`ApiError`]; [`ApiError::Refused`] if it is not available any more.
    pub async fn download_file(
        &self,
        file: &str,
        most: usize,
    ) -> Result<Option<Vec<u8>>, ApiError> {
        let info: FileInfo = self.call(&GetFile::new(FileId(file.to_owned()))).await?;
        if info.file_size.is_some_and(|size| size > most as u64) {
            return Ok(None);
        }
        let path = info.file_path.ok_or_else(file_gone)?;
        let request = self.bot.client().get(self.file_url(&path));
        let mut response = send(request.timeout(REQUEST_TIMEOUT)).await?;
        match response.status().as_u16() {
            200 => read_up_to(&mut response, most).await,
            status => {
                let said = read_up_to(&mut response, MAX_ERROR_BYTES).await?;
                Err(file_error(status, &said.unwrap_or_default()))
            }
        }
    }

    fn method_url(&self, name: &str) -> String {
        format!("{}/bot{}/{name}", self.address(), self.bot.token())
    }

    fn file_url(&self, path: &str) -> String {
        format!("{}/file/bot{}/{path}", self.address(), self.bot.token())
    }

    fn address(&self) -> String {
        let address = self.bot.api_url();
        address.as_str().trim_end_matches('/').to_owned()
    }

    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn get_me(&self) -> Result<Identity, ApiError> {
        self.call(&GetMe::new()).await
    }

    /// Acknowledges a press, which stops the button from spinning, and shows an alert if there is one.
    ///
    /// # Errors
    /// See [`ApiError`]; [`ApiError::Refused`] if the press is too old.
    pub async fn answer_press(
        &self,
        query: CallbackQueryId,
        alert: Option<String>,
    ) -> Result<(), ApiError> {
        let answer = AnswerCallbackQuery::new(query);
        let answer = match alert {
            Some(alert) => {
                let short: String = alert.chars().take(MAX_ALERT).collect();
                answer.text(short).show_alert(true)
            }
            None => answer,
        };
        self.call(&answer).await.map(|Ignored {}| ())
    }

    /// The `Date` header of the server.
    pub async fn server_date(&self) -> Option<String> {
        let request = self.bot.client().get(self.address());
        let response = send(request.timeout(REQUEST_TIMEOUT)).await.ok()?;
        let date = response.headers().get("date")?;
        date.to_str().ok().map(str::to_owned)
    }

    /// Removes the webhook; waiting updates are kept.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn remove_webhook(&self) -> Result<(), ApiError> {
        let keep_updates = DeleteWebhook::new();
        self.call(&keep_updates).await.map(|Ignored {}| ())
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct WebhookInfo {
    /// Empty if no webhook is set.
    pub url: String,
    /// Updates not yet delivered.
    pub pending_update_count: u64,
    pub max_connections: Option<u32>,
    pub allowed_updates: Vec<String>,
    /// In seconds since 1970.
    pub last_error_date: Option<i64>,
    pub last_error_message: Option<String>,
}

/// A result that is not read.
#[derive(Debug, Clone, Copy)]
pub struct Ignored {}

impl<'de> Deserialize<'de> for Ignored {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self {})
    }
}

/// The message in Telegram's answer to a request. Only the id is parsed, and every other value is skipped unparsed: an
/// answer that could not be read would make the bot send the message again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SentMessage(Option<MessageId>);

impl SentMessage {
    /// The message's id; `None` if the answer names none.
    pub fn id(self) -> Option<MessageId> {
        self.0
    }
}

impl<'de> Deserialize<'de> for SentMessage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SentMessageVisitor)
    }
}

struct SentMessageVisitor;

impl<'de> Visitor<'de> for SentMessageVisitor {
    type Value = SentMessage;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a result")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SentMessage, A::Error> {
        let mut id = None;
        while let Some(field) = map.next_key::<Cow<'de, str>>()? {
            if field == "message_id" {
                id = map.next_value::<Id>()?.0;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(SentMessage(id.and_then(message_id)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<SentMessage, A::Error> {
        IgnoredAny.visit_seq(seq).map(|_| SentMessage(None))
    }

    fn visit_bool<E>(self, _: bool) -> Result<SentMessage, E> {
        Ok(SentMessage(None))
    }

    fn visit_i64<E>(self, _: i64) -> Result<SentMessage, E> {
        Ok(SentMessage(None))
    }

    fn visit_u64<E>(self, _: u64) -> Result<SentMessage, E> {
        Ok(SentMessage(None))
    }

    fn visit_f64<E>(self, _: f64) -> Result<SentMessage, E> {
        Ok(SentMessage(None))
    }

    fn visit_str<E>(self, _: &str) -> Result<SentMessage, E> {
        Ok(SentMessage(None))
    }

    fn visit_unit<E>(self) -> Result<SentMessage, E> {
        Ok(SentMessage(None))
    }
}

fn message_id(id: i64) -> Option<MessageId> {
    i32::try_from(id).ok().map(MessageId)
}

/// A number, or `None` for any other value.
struct Id(Option<i64>);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(IdVisitor)
    }
}

struct IdVisitor;

impl<'de> Visitor<'de> for IdVisitor {
    type Value = Id;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id")
    }

    fn visit_i64<E>(self, id: i64) -> Result<Id, E> {
        Ok(Id(Some(id)))
    }

    fn visit_u64<E>(self, id: u64) -> Result<Id, E> {
        Ok(Id(i64::try_from(id).ok()))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Id, E> {
        Ok(Id(None))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Id, E> {
        Ok(Id(None))
    }

    fn visit_str<E>(self, _: &str) -> Result<Id, E> {
        Ok(Id(None))
    }

    fn visit_unit<E>(self) -> Result<Id, E> {
        Ok(Id(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Id, A::Error> {
        IgnoredAny.visit_seq(seq).map(|_| Id(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Id, A::Error> {
        IgnoredAny.visit_map(map).map(|_| Id(None))
    }
}

#[derive(Deserialize)]
struct FileInfo {
    file_path: Option<String>,
    file_size: Option<u64>,
}

#[derive(Deserialize)]
#[serde(bound = "R: Deserialize<'de>")]
struct Answer<R> {
    ok: bool,
    result: Option<R>,
    error_code: Option<u16>,
    #[serde(default)]
    description: String,
    #[serde(default)]
    parameters: Parameters,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Parameters {
    retry_after: Option<Seconds>,
    migrate_to_chat_id: Option<i64>,
}

/// A number of seconds. Anything else is read as none, so that a 429 stays a 429.
struct Seconds(Option<u64>);

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        // A cast from a float ends at the bounds of the integer.
        let rounded = value.as_f64().filter(|seconds| *seconds >= 0.0);
        Ok(Self(
            value
                .as_u64()
                .or(rounded.map(|seconds| seconds.ceil() as u64)),
        ))
    }
}

/// How long to wait after a 429, between [`MIN_RETRY_AFTER`] and [`MAX_RETRY_AFTER`].
fn pause_asked(retry_after: Option<u64>) -> Duration {
    let asked = retry_after.map_or(DEFAULT_RETRY_AFTER, Duration::from_secs);
    if asked > MAX_RETRY_AFTER {
        tracing::warn!(
            asked = asked.as_secs(),
            "Telegram asks to wait longer than is believable; it is asked again after {} s",
            MAX_RETRY_AFTER.as_secs()
        );
    }
    asked.clamp(MIN_RETRY_AFTER, MAX_RETRY_AFTER)
}

/// Makes a request. Errors do not contain the address.
async fn send(request: RequestBuilder) -> Result<Response, ApiError> {
    let response = request.send().await;
    response.map_err(|error| network_error(&error.without_url()))
}

async fn send_and_read<R: DeserializeOwned>(request: RequestBuilder) -> Result<R, ApiError> {
    let response = send(request).await?;
    let status = response.status().as_u16();
    let body = response.bytes().await;
    let body = body.map_err(|error| network_error(&error.without_url()))?;
    read_answer(status, &body)
}

/// Reads a body; `None` as soon as it exceeds `most` bytes.
async fn read_up_to(response: &mut Response, most: usize) -> Result<Option<Vec<u8>>, ApiError> {
    let mut read = Vec::new();
    loop {
        let chunk = response.chunk().await;
        match chunk.map_err(|error| network_error(&error.without_url()))? {
            None => return Ok(Some(read)),
            Some(chunk) if chunk.len() > most - read.len() => return Ok(None),
            Some(chunk) => read.extend_from_slice(&chunk),
        }
    }
}

/// Classifies a failed download. The token was valid a moment ago, so a 404 refers to the file; a server that serves no
/// files answers it as well.
fn file_error(status: u16, body: &[u8]) -> ApiError {
    match status {
        400 | 403..=428 | 430..=499 => file_gone(),
        _ => match read_answer::<Ignored>(status, body) {
            Err(error) => error,
            Ok(_) => ApiError::Unavailable(format!("HTTP {status} in place of a file")),
        },
    }
}

fn file_gone() -> ApiError {
    ApiError::Refused {
        code: 404,
        description: "the file is not there".to_owned(),
    }
}

fn read_answer<R: DeserializeOwned>(status: u16, body: &[u8]) -> Result<R, ApiError> {
    let Ok(answer) = serde_json::from_slice::<Answer<R>>(body) else {
        // A proxy's error page, or a truncated answer. It is not shown, because it may quote a message.
        return Err(ApiError::Unavailable(format!(
            "HTTP {status} with {} bytes that are no Bot API answer",
            body.len()
        )));
    };
    let is_absent = answer.ok && answer.result.is_none();
    let absent = is_absent
        .then(|| R::deserialize(Value::Null).ok())
        .flatten();
    match answer.result.or(absent) {
        Some(result) if answer.ok => Ok(result),
        _ => Err(to_api_error(
            answer.error_code.unwrap_or(status),
            answer.description,
            &answer.parameters,
        )),
    }
}

fn to_api_error(code: u16, description: String, parameters: &Parameters) -> ApiError {
    if let Some(chat) = parameters.migrate_to_chat_id {
        return ApiError::Migrated(ChatId(chat));
    }
    if let Some(Seconds(asked)) = parameters.retry_after {
        return ApiError::TooManyRequests(pause_asked(asked));
    }
    match code {
        401 | 404 => ApiError::Unauthorized,
        429 => ApiError::TooManyRequests(pause_asked(None)),
        400..=499 => ApiError::Refused {
            code,
            description: without_quotes(description),
        },
        _ => ApiError::Unavailable(format!("{code} {description}")),
    }
}

/// Errors about markup may quote the message, which is private.
fn without_quotes(mut description: String) -> String {
    const MARKUP: &str = "can't parse entities";
    if let Some(at) = description.find(MARKUP) {
        description.truncate(at + MARKUP.len());
    }
    description
}

/// The caller has removed the address, which contains the token.
fn network_error(error: &dyn Error) -> ApiError {
    ApiError::Network(error_chain(error))
}

fn error_chain(error: &dyn Error) -> String {
    let mut said = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        said = format!("{said}: {error}");
        source = error.source();
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, body: &str) -> ApiError {
        read_answer::<Ignored>(status, body.as_bytes()).expect_err("refused")
    }

    #[test]
    fn error_answers_are_told_apart() {
        let flood = r#"{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 7","parameters":{"retry_after":7}}"#;
        assert_eq!(
            refused(429, flood),
            ApiError::TooManyRequests(Duration::from_secs(7))
        );
        let moved = r#"{"ok":false,"error_code":400,"description":"Bad Request: group chat was upgraded to a supergroup chat","parameters":{"migrate_to_chat_id":-1001}}"#;
        assert_eq!(refused(400, moved), ApiError::Migrated(ChatId(-1001)));
        let wrong = r#"{"ok":false,"error_code":401,"description":"Unauthorized"}"#;
        assert_eq!(refused(401, wrong), ApiError::Unauthorized);
        let blocked = r#"{"ok":false,"error_code":403,"description":"Forbidden: bot was blocked by the user"}"#;
        assert!(matches!(
            refused(403, blocked),
            ApiError::Refused { code: 403, .. }
        ));
        let down = r#"{"ok":false,"error_code":502,"description":"Bad Gateway"}"#;
        assert!(matches!(refused(502, down), ApiError::Unavailable(_)));
    }

    #[test]
    fn a_pause_beyond_any_sense_is_an_hour_and_one_that_is_no_number_the_usual() {
        let hour = MAX_RETRY_AFTER;
        for (asked, pause) in [
            ("9223372036854775807", hour),
            ("9223372036854775808", hour),
            ("18446744073709551615", hour),
            ("18446744073709551616", hour),
            ("1e300", hour),
            ("3601", hour),
            ("3600", hour),
            ("7", Duration::from_secs(7)),
            ("6.5", Duration::from_secs(7)),
            ("0", MIN_RETRY_AFTER),
            ("-1", DEFAULT_RETRY_AFTER),
            ("-1e300", DEFAULT_RETRY_AFTER),
            (r#""7""#, DEFAULT_RETRY_AFTER),
            ("{}", DEFAULT_RETRY_AFTER),
            ("null", DEFAULT_RETRY_AFTER),
        ] {
            let body = format!(
                r#"{{"ok":false,"error_code":429,"description":"Too Many Requests","parameters":{{"retry_after":{asked}}}}}"#
            );
            assert_eq!(
                refused(429, &body),
                ApiError::TooManyRequests(pause),
                "{asked}"
            );
        }
    }

    #[test]
    fn an_answer_that_is_no_bot_api_answer_means_unavailable_and_is_not_shown() {
        for (status, body) in [
            (502, "<html>secret words</html>"),
            (200, "{\"ok\":true,\"result\":"),
            (200, ""),
        ] {
            let error = refused(status, body);
            assert!(
                matches!(error, ApiError::Unavailable(_)),
                "{body}: {error:?}"
            );
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_result_with_unknown_fields_is_a_result() {
        let body = r#"{"ok":true,"result":{"message_id":5,"brand_new":{"a":[1]}},"more":1}"#;
        assert!(read_answer::<Ignored>(200, body.as_bytes()).is_ok());
        for (body, id) in [
            (body, Some(MessageId(5))),
            (r#"{"ok":true,"result":true}"#, None),
            (r#"{"ok":true,"result":{"message_id":"5"}}"#, None),
        ] {
            let sent: SentMessage = read_answer(200, body.as_bytes()).expect("a result");
            assert_eq!(sent.id(), id, "{body}");
        }
    }

    #[test]
    fn the_answer_to_a_sent_message_is_a_success_whatever_else_it_contains() {
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        let with = |field: &str| format!(r#"{{"message_id":5,{field}}}"#);
        for (result, id) in [
            (with(r#""text":"\ud83d""#), Some(5)),
            (with(&format!(r#""new":{deep}"#)), Some(5)),
            (with(r#""new":1e999"#), Some(5)),
            (format!(r#"{{"message_id":{deep}}}"#), None),
            (r#"{"message_id":{"a":1}}"#.to_owned(), None),
            (r#"{"message_id":5000000000}"#.to_owned(), None),
            ("true".to_owned(), None),
            ("[]".to_owned(), None),
            ("[1]".to_owned(), None),
            ("null".to_owned(), None),
            ("\"x\"".to_owned(), None),
            ("1".to_owned(), None),
        ] {
            let body = format!(r#"{{"ok":true,"result":{result}}}"#);
            let sent: SentMessage = read_answer(200, body.as_bytes()).expect(&result);
            assert_eq!(sent.id(), id.map(MessageId), "{result}");
        }
    }

    #[tokio::test]
    async fn a_network_error_shows_neither_token_nor_address() {
        let api = Api::new(
            "123:SECRET",
            "http://127.0.0.1:1".parse().expect("an address"),
        )
        .expect("a client");
        let error = api.get_me().await.expect_err("nobody listens there");
        assert!(matches!(error, ApiError::Network(_)), "{error:?}");
        let upload = Upload {
            chat: ChatId(1),
            thread: None,
            reply_to: None,
            kind: UploadKind::Document,
            name: "a.txt".into(),
            bytes: b"a".to_vec(),
        };
        let unsent = api.upload(upload).await.expect_err("nobody listens there");
        for shown in [
            format!("{error}"),
            format!("{error:?}"),
            format!("{api:?}"),
            format!("{unsent} {unsent:?}"),
        ] {
            assert!(!shown.contains("SECRET"), "{shown}");
        }
    }

    #[test]
    fn a_failed_download_is_permanent_or_temporary() {
        let not_found = br#"{"ok":false,"error_code":404,"description":"Not Found"}"#;
        for (status, body) in [
            (404, not_found.as_slice()),
            (404, b"<html></html>"),
            (410, b""),
            (400, b""),
        ] {
            let error = file_error(status, body);
            assert!(matches!(error, ApiError::Refused { .. }), "{error:?}");
        }
        let flood =
            br#"{"ok":false,"error_code":429,"description":"","parameters":{"retry_after":7}}"#;
        assert_eq!(
            file_error(429, flood),
            ApiError::TooManyRequests(Duration::from_secs(7))
        );
        for (status, body) in [
            (429, "<html>"),
            (502, "<html>"),
            (302, "{\"ok\":true,\"result\":1}"),
        ] {
            let error = file_error(status, body.as_bytes());
            assert!(matches!(error, ApiError::Unavailable(_)), "{error:?}");
        }
        let wrong = br#"{"ok":false,"error_code":401,"description":"Unauthorized"}"#;
        assert_eq!(file_error(401, wrong), ApiError::Unauthorized);
    }
}
