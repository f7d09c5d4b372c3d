//! The request to shut down, as every running part sees it, and how long updates in flight may take after it.

use std::time::Duration;

use futures::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use tokio::time::Instant;

/// How long updates in flight may take after a stop was requested; the rest of the time is for sending.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// Resolves with the instant shutdown was requested.
pub type ShutdownSignal = Shared<BoxFuture<'static, Instant>>;

/// A signal that resolves once `shutdown` does.
pub fn shutdown_signal(shutdown: impl Future<Output = ()> + Send + 'static) -> ShutdownSignal {
    let requested = tokio::spawn(shutdown.map(|()| Instant::now()));
    let requested = requested.map(|requested| requested.unwrap_or_else(|_| Instant::now()));
    requested.boxed().shared()
}

/// Logs that updates were still in flight after [`DRAIN_TIMEOUT`].
pub fn log_undrained() {
    tracing::error!(
        "updates in flight were not committed before the shutdown timeout; Telegram redelivers them"
    );
}
