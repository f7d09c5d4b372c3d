//! Receives updates by webhook: Telegram posts each to a public address, a reverse proxy forwards it, and it is
//! answered with 200 once its effect is on disk. After any other status Telegram redelivers the update. Handling is
//! left to `intake`, and registering the webhook to `registration`.
//!
//! The address is registered only after the port is bound, since Telegram connects at once. A request without the
//! secret is refused before its body is read. The webhook stays registered when the service ends: updates wait at
//! Telegram.

mod registration;
mod secret;
mod unreadable;

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    routing::post,
};
use blake2::{Blake2s256, Digest};
use futures::{FutureExt, StreamExt};
use subtle::ConstantTimeEq;
use tokio::{net::TcpListener, sync::Notify, task::JoinSet, time::timeout};
use url::Url;

pub use self::secret::WebhookSecret;
use self::{registration::Registration, unreadable::UnreadableDeliveries};
use super::{
    api::Api,
    error::ServeError,
    intake::{Accepted, Intake, MAX_UPDATES_IN_FLIGHT},
    lenient_json,
    shutdown::{DRAIN_TIMEOUT, ShutdownSignal, log_undrained},
    wire::Update,
};
use crate::server;

/// An update has some kilobytes; the largest have some hundred.
const MAX_BODY_BYTES: usize = 1 << 20;
/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an update may take; after that Telegram redelivers it and it is recognised.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(25);
/// Maximum connections: one for each update in flight, and some for those that are refused meanwhile. Telegram itself uses
/// at most 100.
const MAX_CONNECTIONS: usize = MAX_UPDATES_IN_FLIGHT + 64;
const SECRET_HEADER: &str = "X-Telegram-Bot-Api-Secret-Token";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookSettings {
    /// The public address that is registered.
    pub url: Url,
    /// The local address to listen on.
    pub listen: SocketAddr,
    /// Derived from the token if not set.
    pub secret: Option<WebhookSecret>,
}

/// A webhook whose port is bound and which is not registered yet.
pub struct Webhook {
    url: Url,
    listener: TcpListener,
    secret: WebhookSecret,
}

struct WebhookState {
    intake: Intake,
    secret: WebhookSecret,
    /// Notified when a delivery had a wrong secret.
    refused: Notify,
    /// Deliveries that could not be read so far.
    unreadable: Mutex<UnreadableDeliveries>,
}

impl Webhook {
    /// Binds the port.
    ///
    /// # Errors
    /// The port cannot be bound.
    pub async fn bind(settings: WebhookSettings, token: &str) -> io::Result<Self> {
        Ok(Self {
            listener: TcpListener::bind(settings.listen).await?,
            secret: settings.secret.unwrap_or_else(|| secret_from(token)),
            url: settings.url,
        })
    }

    /// Accepts deliveries until `stop`, then finishes those in flight. Calls `ready` once the webhook is registered.
    ///
    /// # Errors
    /// The token is invalid, or Telegram refused the address.
    pub async fn run(
        self,
        api: Api,
        intake: Intake,
        ready: impl FnOnce(),
        stop: ShutdownSignal,
    ) -> Result<(), ServeError> {
        let state = Arc::new(WebhookState {
            intake: intake.clone(),
            secret: self.secret.clone(),
            refused: Notify::new(),
            unreadable: Mutex::default(),
        });
        let routes = Router::new()
            .route(self.url.path(), post(handle_delivery))
            .with_state(state.clone());
        let stopped = stop.clone().map(drop);
        let server = server::serve(self.listener, routes, MAX_CONNECTIONS, stopped);
        // In a set, so that the task is aborted when this future is dropped.
        let mut serving = JoinSet::new();
        serving.spawn(server);
        let registration = Registration::new(api, intake.clone(), self.url, self.secret);
        tokio::select! {
            _ = stop => {}
            refused = registration.keep_registered(&state.refused, ready) => return Err(refused),
        }
        intake.stop_accepting();
        if timeout(DRAIN_TIMEOUT, serving.join_next()).await.is_err() {
            log_undrained();
        }
        Ok(())
    }
}

/// A secret that is the same at every start and cannot be derived without the token.
fn secret_from(token: &str) -> WebhookSecret {
    let mut hash = Blake2s256::new();
    hash.update(b"unbind-bot webhook secret\0");
    hash.update(token.trim());
    let hex = hash.finalize();
    WebhookSecret(hex.iter().map(|byte| format!("{byte:02x}")).collect())
}

async fn handle_delivery(State(state): State<Arc<WebhookState>>, request: Request) -> StatusCode {
    if !state.is_authorized(request.headers()) {
        state.refused.notify_one();
        return StatusCode::UNAUTHORIZED;
    }
    if let Err(error) = state.intake.health() {
        tracing::error!(%error, "the store is unhealthy; an update is refused and Telegram redelivers it");
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    let mut body = Vec::new();
    let reading = read_body(request.into_body(), &mut body);
    let read = timeout(BODY_TIMEOUT, reading).await;
    if let Err(status) = read.unwrap_or(Err(StatusCode::REQUEST_TIMEOUT)) {
        return state.accept_unreadable(&body, status).await;
    }
    match lenient_json::read(&body) {
        Some(update) => {
            let accepted = state.intake.accept(&Update::read(update));
            wait_until_done(accepted).await
        }
        None => {
            state
                .accept_unreadable(&body, StatusCode::BAD_REQUEST)
                .await
        }
    }
}

/// Reads a body into `read`.
///
/// # Errors
/// The answer to a body that is too long, or did not arrive whole; what arrived has been read.
async fn read_body(body: Body, read: &mut Vec<u8>) -> Result<(), StatusCode> {
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| StatusCode::BAD_REQUEST)?;
        let room = MAX_BODY_BYTES - read.len();
        read.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() > room {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
    }
    Ok(())
}

/// The answer to a delivery: 200 once its effect is on disk.
async fn wait_until_done(accepted: Accepted) -> StatusCode {
    let done = match accepted {
        Accepted::Nothing => return StatusCode::OK,
        Accepted::Full => return StatusCode::SERVICE_UNAVAILABLE,
        Accepted::Pending(done) => done,
    };
    match timeout(DELIVERY_TIMEOUT, done).await {
        Ok(true) => StatusCode::OK,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}

impl WebhookState {
    /// Whether a delivery has the right secret, compared in constant time.
    fn is_authorized(&self, headers: &HeaderMap) -> bool {
        let said = headers.get(SECRET_HEADER);
        said.is_some_and(|said| said.as_bytes().ct_eq(self.secret.0.as_bytes()).into())
    }

    /// A body that is no JSON, even after a repair, or did not arrive whole. The first deliveries are refused with this
    /// status, since it may have been cut off on the way; then it is kept as a dead letter, because Telegram delivers
    /// nothing else of that chat meanwhile.
    async fn accept_unreadable(&self, body: &[u8], refusal: StatusCode) -> StatusCode {
        let unreadable = self.unreadable.lock();
        let is_hopeless = unreadable
            .unwrap_or_else(PoisonError::into_inner)
            .count(body);
        if is_hopeless {
            let text = String::from_utf8_lossy(body);
            return wait_until_done(self.intake.accept_unreadable(&text)).await;
        }
        let bytes = body.len();
        tracing::error!(
            bytes,
            "a delivery cannot be read; it is refused, and Telegram redelivers it"
        );
        refusal
    }
}
