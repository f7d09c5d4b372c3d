//! Gets updates by webhook: Telegram posts each to a public address, a reverse proxy passes it on to ours, and it is
//! answered with 200 once its effect is on disk. Anything else makes Telegram keep the update and bring it again. Giving
//! it that effect is `intake`'s.
//!
//! Telegram is told the address only after the port is bound, since it tries at once. A request without the secret is
//! refused before its body is read. The webhook stays set when the service ends: what comes
//! in between waits at Telegram.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    body::to_bytes,
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    routing::post,
    serve::ListenerExt,
};
use blake2::{Blake2s256, Digest};
use futures::FutureExt;
use serde_json::Value;
use subtle::ConstantTimeEq;
use teloxide::payloads::{GetWebhookInfo, SetWebhook, SetWebhookSetters};
use tokio::{
    net::TcpListener,
    sync::Notify,
    task::JoinSet,
    time::{Instant, sleep, sleep_until, timeout},
};
use url::Url;

use super::{
    api::{Api, ApiError, Ignored, WebhookInfo},
    error::ServeError,
    intake::{Accepted, Intake},
    retry::Backoff,
    shutdown::Stop,
    wire::{ALLOWED_UPDATES, Update},
};

/// Deliveries Telegram may make at once; its own limit. Each is one chat's, so that so many chats go side by side.
const MAX_CONNECTIONS: u8 = 100;
/// An update is some kilobytes; the largest message there is has some hundred.
const MAX_BODY_BYTES: usize = 1 << 20;
/// Telegram and the proxy send an update in one go.
const BODY_WITHIN: Duration = Duration::from_secs(10);
/// What takes longer than this is brought again by Telegram, and recognised.
const DONE_WITHIN: Duration = Duration::from_secs(25);
/// How often it is checked that the webhook is still set: another copy of the bot that polls removes it.
const CHECK_INTERVAL: Duration = Duration::from_secs(5 * 60);
/// After a check that found it set, updates are known to come in for so long.
const RECEIVING: Duration = Duration::from_secs(2 * 5 * 60);
/// After a delivery with another secret, the webhook is set again, and not more often than this: the secret may have been
/// changed, or it may be a guess.
const RESET_INTERVAL: Duration = Duration::from_secs(60);
/// Telegram is tried again no less often than this.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// At the end, what is in flight may take this long, so that there is time left to send its answers.
const LAST_EFFECTS: Duration = Duration::from_secs(5);
/// Where Telegram puts the secret.
const SECRET_HEADER: &str = "X-Telegram-Bot-Api-Secret-Token";

/// Where updates are to be brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookSettings {
    /// The address Telegram is told.
    pub url: Url,
    /// Where we listen.
    pub listen: SocketAddr,
    /// What Telegram has to know; without one, it is made from the token.
    pub secret: Option<Secret>,
}

/// A secret of the operator's choice, which no log and no error shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A webhook whose port is bound, and of which Telegram does not know yet.
pub struct Webhook {
    url: Url,
    listener: TcpListener,
    secret: Secret,
}

/// What a delivery needs.
struct WebhookState {
    intake: Intake,
    secret: Secret,
    /// A delivery came with another secret.
    refused: Notify,
}

impl Webhook {
    /// Binds the port.
    ///
    /// # Errors
    /// The system does not give it.
    pub async fn bind(settings: WebhookSettings, token: &str) -> io::Result<Self> {
        Ok(Self {
            listener: TcpListener::bind(settings.listen).await?,
            secret: settings.secret.unwrap_or_else(|| secret_from(token)),
            url: settings.url,
        })
    }

    /// Takes deliveries until `stop`; those in flight then are finished first. Calls `ready` once Telegram knows where to
    /// bring updates.
    ///
    /// # Errors
    /// The token is not valid, or Telegram does not take the address.
    pub async fn run(
        self,
        api: Api,
        intake: Intake,
        ready: impl FnOnce(),
        stop: Stop,
    ) -> Result<(), ServeError> {
        let state = Arc::new(WebhookState {
            intake: intake.clone(),
            secret: self.secret.clone(),
            refused: Notify::new(),
        });
        let routes = Router::new()
            .route(self.url.path(), post(handle_delivery))
            .with_state(state.clone());
        // An answer is one small packet; it must not wait for another.
        let listener = self.listener.tap_io(|connection| {
            let _ = connection.set_nodelay(true);
        });
        let server = axum::serve(listener, routes).with_graceful_shutdown(stop.clone().map(drop));
        // In a set, so that it ends with this future, however that ends.
        let mut serving = JoinSet::new();
        serving.spawn(async move { server.await });
        let registration = Registration {
            api,
            intake: intake.clone(),
            url: self.url,
            secret: self.secret,
            doubtful: false,
            set_at: None,
        };
        tokio::select! {
            _ = stop => {}
            refused = registration.keep_registered(&state.refused, ready) => return Err(refused),
        }
        intake.stop_accepting();
        if timeout(LAST_EFFECTS, serving.join_next()).await.is_err() {
            tracing::error!(
                "not all updates in flight had their effects in time; Telegram keeps them"
            );
        }
        Ok(())
    }
}

/// A secret that stays the same from start to start, and that cannot be made without the token.
fn secret_from(token: &str) -> Secret {
    let mut hash = Blake2s256::new();
    hash.update(b"unbind-bot webhook secret\0");
    hash.update(token.trim());
    let hex = hash.finalize();
    Secret(hex.iter().map(|byte| format!("{byte:02x}")).collect())
}

async fn handle_delivery(State(state): State<Arc<WebhookState>>, request: Request) -> StatusCode {
    if !state.is_authorized(request.headers()) {
        state.refused.notify_one();
        return StatusCode::UNAUTHORIZED;
    }
    if let Err(error) = state.intake.health() {
        tracing::error!(%error, "an update is refused; Telegram keeps it");
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    let body = timeout(BODY_WITHIN, to_bytes(request.into_body(), MAX_BODY_BYTES)).await;
    let body = match body {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return StatusCode::PAYLOAD_TOO_LARGE,
        Err(_) => return StatusCode::REQUEST_TIMEOUT,
    };
    match serde_json::from_slice::<Value>(&body) {
        Ok(update) => state.accept(&Update::read(update)).await,
        Err(_) => {
            tracing::error!(bytes = body.len(), "a delivery is no update");
            StatusCode::BAD_REQUEST
        }
    }
}

impl WebhookState {
    /// Whether a delivery knows the secret; how long it takes to find out tells nothing of it.
    fn is_authorized(&self, headers: &HeaderMap) -> bool {
        let said = headers.get(SECRET_HEADER);
        said.is_some_and(|said| said.as_bytes().ct_eq(self.secret.0.as_bytes()).into())
    }

    async fn accept(&self, update: &Update) -> StatusCode {
        let done = match self.intake.accept(update) {
            Accepted::Nothing => return StatusCode::OK,
            Accepted::Full => return StatusCode::SERVICE_UNAVAILABLE,
            Accepted::Pending(done) => done,
        };
        match timeout(DONE_WITHIN, done).await {
            Ok(true) => StatusCode::OK,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// What Telegram is to know of us.
struct Registration {
    api: Api,
    intake: Intake,
    url: Url,
    secret: Secret,
    /// Whether Telegram may have another secret.
    doubtful: bool,
    set_at: Option<Instant>,
}

impl Registration {
    /// Keeps the webhook set. Returns only what makes that impossible.
    async fn keep_registered(mut self, refused: &Notify, ready: impl FnOnce()) -> ServeError {
        let mut ready = Some(ready);
        let mut backoff = Backoff::new(LONGEST_PAUSE);
        loop {
            let pause = match self.register_if_needed().await {
                Ok(()) => {
                    self.intake.receiving_for(RECEIVING);
                    if let Some(ready) = ready.take() {
                        ready();
                    }
                    backoff.reset();
                    CHECK_INTERVAL
                }
                Err(ApiError::Unauthorized) => return ServeError::Unauthorized,
                Err(ApiError::Refused { description, .. }) => {
                    return ServeError::WebhookRefused(description);
                }
                Err(error) => {
                    tracing::warn!(%error, "the webhook is not set yet");
                    backoff.pause_after(&error)
                }
            };
            tokio::select! {
                () = sleep(pause) => {}
                () = self.another_secret(refused), if !backoff.has_failed() => self.doubtful = true,
            }
        }
    }

    /// Becomes ready when a delivery came with another secret, and it is not too early to set ours again.
    async fn another_secret(&self, refused: &Notify) {
        refused.notified().await;
        if let Some(set_at) = self.set_at {
            sleep_until(set_at + RESET_INTERVAL).await;
        }
        tracing::warn!("a delivery came with another secret; the webhook is set again");
    }

    /// Sets the webhook where it is not as it should be. What secret Telegram has, it does not tell.
    async fn register_if_needed(&mut self) -> Result<(), ApiError> {
        let found: WebhookInfo = self.api.call(&GetWebhookInfo::new()).await?;
        if !self.doubtful && self.is_as_wanted(&found) {
            return Ok(());
        }
        let set = SetWebhook::new(self.url.clone())
            .max_connections(MAX_CONNECTIONS)
            .allowed_updates(ALLOWED_UPDATES)
            .secret_token(self.secret.0.clone());
        let Ignored {} = self.api.call(&set).await?;
        (self.doubtful, self.set_at) = (false, Some(Instant::now()));
        tracing::info!(
            was_another = !found.url.is_empty(),
            waiting = found.pending_update_count,
            "the webhook was set"
        );
        Ok(())
    }

    fn is_as_wanted(&self, found: &WebhookInfo) -> bool {
        let wanted = ALLOWED_UPDATES.map(|kind| {
            let name = serde_json::to_value(kind).unwrap_or_default();
            name.as_str().unwrap_or_default().to_owned()
        });
        let mut allowed = found.allowed_updates.clone();
        allowed.sort();
        let mut wanted = wanted.to_vec();
        wanted.sort();
        found.url == self.url.as_str()
            && found.max_connections == Some(MAX_CONNECTIONS.into())
            && allowed == wanted
    }
}
