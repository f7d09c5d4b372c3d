//! Makes one request to the Bot API and classifies the answer.
//!
//! teloxide's `Bot` keeps the client, the token and the address, and its payloads are sent. The request itself is made
//! here, because teloxide-core 0.13 sleeps ten seconds inside the request on any 5xx, drops the error code, parses the
//! whole message in the answer (an unknown field turns a sent message into a failure), and shows the address, which
//! contains the token, in its errors. What an error means is decided by the callers.

mod answer;
mod error;
mod local_files;
mod proxy;
mod sent_message;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use reqwest::{
    Client, RequestBuilder, Response,
    header::LOCATION,
    multipart::{Form, Part},
    redirect::Policy,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use teloxide::{
    Bot, net,
    payloads::{AnswerCallbackQuery, AnswerCallbackQuerySetters, DeleteWebhook, GetFile, GetMe},
    requests::Payload,
    types::{CallbackQueryId, FileId, ReplyParameters},
};
use tokio::task::spawn_blocking;
use url::Url;

pub use self::{
    answer::{Batch, MAX_RETRY_AFTER, ReceivedUpdate, read_answer, read_batch},
    error::{ApiError, NoClient},
    proxy::{Proxy, ProxyAddress},
    sent_message::{Ignored, SentMessage},
};
use crate::dialogue::{ChatId, ThreadId};

/// For requests other than the long poll.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);
/// Maximum bytes read of an answer. A hundred updates have some hundred kilobytes.
const MAX_ANSWER_BYTES: usize = 16 << 20;
/// For the requests of a reply. The outbox sets shorter limits, by kind and by what the server did before.
pub const SEND_TIMEOUT: Duration = Duration::from_secs(90);
/// Maximum bytes read of an error answer to a download.
const MAX_ERROR_BYTES: usize = 16 * 1024;
/// Idle connections that are kept for the next requests: as many as are usually in flight, since opening one costs more
/// than a request; and not more, so that they do not use up the file descriptors.
const MAX_IDLE_CONNECTIONS: usize = 128;
/// Telegram's limit for the alert after a press, in characters.
const MAX_ALERT: usize = 200;

#[derive(Debug, Clone, Default, Deserialize)]
pub struct Identity {
    pub id: i64,
    /// Without the `@`.
    #[serde(default)]
    pub username: String,
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

/// How the Bot API server is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// Its address.
    pub address: Url,
    /// The proxy for the bot alone; without one, the environment's is used.
    pub proxy: Option<ProxyAddress>,
    /// The folder that a local server keeps files in.
    pub files: Option<PathBuf>,
}

impl Connection {
    /// A server at this address, which serves files over HTTP, and the environment's proxy.
    pub fn to(address: Url) -> Self {
        Self {
            address,
            proxy: None,
            files: None,
        }
    }
}

#[derive(Clone)]
pub struct Api {
    bot: Bot,
    proxy: Option<Proxy>,
    files: Option<Arc<Path>>,
}

/// A file that somebody sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Download {
    Content(Vec<u8>),
    TooLarge,
    /// The server does not hand it out; the operator is told why.
    NotServed,
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
    /// See [`Self::connect`].
    pub fn new(token: &str, address: Url) -> Result<Self, NoClient> {
        Self::connect(token, Connection::to(address))
    }

    /// The Bot API for the bot with this token.
    ///
    /// # Errors
    /// The HTTP client could not be created, or the environment names a proxy that cannot be used.
    pub fn connect(token: &str, connection: Connection) -> Result<Self, NoClient> {
        let proxy = Proxy::from_env(&connection.address, connection.proxy.as_ref())?;
        let client = build_client(proxy.as_ref())?;
        Ok(Self {
            bot: Bot::with_client(token.trim(), client).set_api_url(connection.address),
            proxy,
            files: connection.files.map(Arc::from),
        })
    }

    /// The same with new connections.
    ///
    /// # Errors
    /// The HTTP client could not be created.
    pub fn reconnect(&self) -> Result<Self, NoClient> {
        let client = build_client(self.proxy.as_ref())?;
        let bot = Bot::with_client(self.bot.token(), client).set_api_url(self.bot.api_url());
        Ok(Self {
            bot,
            ..self.clone()
        })
    }

    /// The proxy that requests go through.
    pub fn proxy(&self) -> Option<&Proxy> {
        self.proxy.as_ref()
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
        self.send_and_read(request.timeout(limit).json(payload), read_answer)
            .await
    }

    /// Requests updates.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn get_updates<P>(&self, limit: Duration, poll: &P) -> Result<Batch, ApiError>
    where
        P: Payload + Serialize + Sync,
    {
        let request = self.bot.client().post(self.method_url(P::NAME));
        self.send_and_read(request.timeout(limit).json(poll), read_batch)
            .await
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
        let request = request.timeout(SEND_TIMEOUT).multipart(form);
        self.send_and_read(request, read_answer).await
    }

    /// Downloads a file of at most `most` bytes.
    ///
    /// # Errors
    /// See [`ApiError`]; [`ApiError::Refused`] if it is not available any more.
    pub async fn download_file(&self, file: &str, most: usize) -> Result<Download, ApiError> {
        let info: FileInfo = self.call(&GetFile::new(FileId(file.to_owned()))).await?;
        if info.file_size.is_some_and(|size| size > most as u64) {
            return Ok(Download::TooLarge);
        }
        let path = info.file_path.ok_or_else(file_gone)?;
        let is_on_disk = local_files::is_on_disk(&path);
        if is_on_disk && let Some(folder) = self.files.clone() {
            return Ok(self.read_local_file(folder, path, most).await);
        }
        match self.download_from(&path, most).await {
            Err(ApiError::Refused { .. } | ApiError::Redirected(_)) if is_on_disk => {
                self.warn_of_local_file(&path, "API_FILES_DIR is not set");
                Ok(Download::NotServed)
            }
            Err(error @ ApiError::Redirected(_)) => {
                tracing::warn!(%error, "a file cannot be downloaded");
                Ok(Download::NotServed)
            }
            downloaded => downloaded,
        }
    }

    async fn download_from(&self, path: &str, most: usize) -> Result<Download, ApiError> {
        let request = self.bot.client().get(self.file_url(path));
        let mut response = self.send(request.timeout(REQUEST_TIMEOUT)).await?;
        match response.status().as_u16() {
            200 => Ok(match read_up_to(&mut response, most).await? {
                Some(content) => Download::Content(content),
                None => Download::TooLarge,
            }),
            status => {
                let said = read_up_to(&mut response, MAX_ERROR_BYTES).await?;
                Err(file_error(status, &said.unwrap_or_default()))
            }
        }
    }

    /// Reads a file that a local server has named by its path.
    async fn read_local_file(&self, folder: Arc<Path>, path: String, most: usize) -> Download {
        let named = PathBuf::from(&path);
        let reading = spawn_blocking(move || local_files::read_below(&folder, &named, most));
        let fault = match reading.await {
            Ok(Ok(Some(content))) => return Download::Content(content),
            Ok(Ok(None)) => return Download::TooLarge,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "reading it panicked".to_owned(),
        };
        self.warn_of_local_file(&path, &fault);
        Download::NotServed
    }

    fn warn_of_local_file(&self, path: &str, fault: &str) {
        let folder = local_files::folder_to_name(path, self.bot.token());
        tracing::warn!(
            folder,
            fault,
            "the Bot API server runs with --local and does not hand out files over HTTP: make its folder readable here, at the same path, and name it in API_FILES_DIR"
        );
    }

    /// Makes a request. Errors do not contain the address.
    async fn send(&self, request: RequestBuilder) -> Result<Response, ApiError> {
        let response = request.send().await;
        let response = response.map_err(|error| ApiError::network(&error.without_url()))?;
        let location = response.headers().get(LOCATION);
        match location.filter(|_| response.status().is_redirection()) {
            None => Ok(response),
            Some(location) => {
                let location = String::from_utf8_lossy(location.as_bytes());
                Err(ApiError::Redirected(
                    self.without_token(response.url(), &location),
                ))
            }
        }
    }

    /// Makes a request and reads the answer, or what came of it before the connection broke.
    async fn send_and_read<R>(
        &self,
        request: RequestBuilder,
        read: impl FnOnce(u16, &[u8]) -> Result<R, ApiError>,
    ) -> Result<R, ApiError> {
        let mut response = self.send(request).await?;
        let status = response.status().as_u16();
        let mut body = Vec::new();
        let broken = loop {
            match response.chunk().await {
                Ok(Some(chunk)) if chunk.len() > MAX_ANSWER_BYTES - body.len() => {
                    return Err(ApiError::Unavailable(format!(
                        "HTTP {status} with more than {MAX_ANSWER_BYTES} bytes"
                    )));
                }
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => break None,
                Err(error) => break Some(ApiError::network(&error.without_url())),
            }
        };
        match (read(status, &body), broken) {
            (Err(ApiError::Unavailable(_)), Some(broken)) => Err(broken),
            (read, _) => read,
        }
    }

    /// The address that a request was sent on to, up to the part of the path that contains the token.
    fn without_token(&self, requested: &Url, location: &str) -> String {
        const UNREADABLE: &str = "an address that cannot be read";
        let Ok(target) = requested.join(location) else {
            return UNREADABLE.to_owned();
        };
        if target.origin() == requested.origin() {
            return "another path of the same server".to_owned();
        }
        let (address, bot) = (target.as_str(), format!("/bot{}", self.bot.token()));
        match address.split_once(&bot) {
            Some((before, _)) => before.trim_end_matches("/file").to_owned(),
            None => target.origin().ascii_serialization(),
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
        // Telegram's own server sends on from here, which does not matter.
        let response = request.timeout(REQUEST_TIMEOUT).send().await.ok()?;
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

#[derive(Deserialize)]
struct FileInfo {
    file_path: Option<String>,
    file_size: Option<u64>,
}

/// A client that follows no redirect: it would repeat a POST as a GET without its content.
fn build_client(proxy: Option<&Proxy>) -> Result<Client, NoClient> {
    let settings = net::default_reqwest_settings()
        .redirect(Policy::none())
        .pool_max_idle_per_host(MAX_IDLE_CONNECTIONS)
        // The proxy of the environment has been looked at already.
        .no_proxy();
    let built = match proxy.map(Proxy::for_client).transpose() {
        Ok(None) => settings.build(),
        Ok(Some(proxy)) => settings.proxy(proxy).build(),
        Err(error) => Err(error),
    };
    built.map_err(|error| NoClient::Client(error::error_chain(&error)))
}

/// Reads a body; `None` as soon as it exceeds `most` bytes.
async fn read_up_to(response: &mut Response, most: usize) -> Result<Option<Vec<u8>>, ApiError> {
    let mut read = Vec::new();
    loop {
        let chunk = response.chunk().await;
        match chunk.map_err(|error| ApiError::network(&error.without_url()))? {
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

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn where_a_request_was_sent_on_to_is_shown_without_the_token() {
        let api = Api::new(
            "123:SECRET",
            "http://bot-api.example/x".parse().expect("an address"),
        );
        let api = api.expect("a client");
        let requested = api.method_url("getMe").parse().expect("an address");
        for (location, shown) in [
            (
                "https://bot-api.example/x/bot123:SECRET/getMe",
                "https://bot-api.example/x",
            ),
            ("https://h:8443/file/bot123:SECRET/a", "https://h:8443"),
            (
                "https://login.example/?next=/bot123%3ASECRET/getMe",
                "https://login.example",
            ),
            ("//h/bot123:SECRET/getMe/", "http://h"),
            ("/x/bot123:SECRET/getMe/", "another path of the same server"),
            ("", "another path of the same server"),
            ("http://[", "an address that cannot be read"),
        ] {
            assert_eq!(api.without_token(&requested, location), shown, "{location}");
        }
    }
}
