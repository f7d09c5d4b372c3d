//! The request to stop, as everything that runs sees it.

use futures::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use tokio::time::Instant;

/// Becomes ready when the service is to stop, with the instant it was asked to.
pub type Stop = Shared<BoxFuture<'static, Instant>>;

/// Resolves to the instant shutdown was requested.
pub fn stop_signal(shutdown: impl Future<Output = ()> + Send + 'static) -> Stop {
    let asked = tokio::spawn(shutdown.map(|()| Instant::now()));
    let asked = asked.map(|asked| asked.unwrap_or_else(|_| Instant::now()));
    asked.boxed().shared()
}
