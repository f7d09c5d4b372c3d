//! Gets updates by webhook: Telegram posts each to a public address, a reverse proxy passes it on to ours, and it is
//! answered with 200 once its effect is on disk. Anything else makes Telegram keep the update and bring it again. Giving
//! it that effect is `intake`'s.
//!
//! Telegram is told the address only after the port is bound, since it tries at once. A request without the secret is
//! refused before its body is read. The webhook stays set when the service ends: what comes
//! in between waits at Telegram.

mod registration;

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
use tokio::{net::TcpListener, sync::Notify, task::JoinSet, time::timeout};
use url::Url;

use self::registration::Registration;
use super::{
    api::Api,
    error::ServeError,
    intake::{Accepted, Intake},
    shutdown::{DRAIN_TIMEOUT, ShutdownSignal, log_undrained},
    wire::Update,
};

/// An update is some kilobytes; the largest message there is has some hundred.
const MAX_BODY_BYTES: usize = 1 << 20;
/// Telegram and the proxy send an update in one go.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// What takes longer than this is brought again by Telegram, and recognised.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(25);
/// Where Telegram puts the secret.
const SECRET_HEADER: &str = "X-Telegram-Bot-Api-WebhookSecret-Token";

/// Where updates are to be brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookSettings {
    /// The address Telegram is told.
    pub url: Url,
    /// Where we listen.
    pub listen: SocketAddr,
    /// What Telegram has to know; without one, it is made from the token.
    pub secret: Option<WebhookSecret>,
}

/// A secret of the operator's choice, which no log and no error shows.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookSecret(pub String);

impl std::fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WebhookSecret(…)")
    }
}

/// A webhook whose port is bound, and of which Telegram does not know yet.
pub struct Webhook {
    url: Url,
    listener: TcpListener,
    secret: WebhookSecret,
}

/// What a delivery needs.
struct WebhookState {
    intake: Intake,
    secret: WebhookSecret,
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
        stop: ShutdownSignal,
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

/// A secret that stays the same from start to start, and that cannot be made without the token.
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
        tracing::error!(%error, "an update is refused; Telegram keeps it");
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    let body = timeout(BODY_TIMEOUT, to_bytes(request.into_body(), MAX_BODY_BYTES)).await;
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
        match timeout(DELIVERY_TIMEOUT, done).await {
            Ok(true) => StatusCode::OK,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}
