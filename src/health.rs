//! HTTP pages: `/healthz` (alive), `/readyz` (working), `/metrics`. They have no access control; the operator chooses the
//! address.

use std::{future::Future, io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::IntoResponse,
    routing::get,
};
use jiff::Timestamp;
use tokio::net::TcpListener;

use crate::{
    metrics::{self, Metrics},
    store::Store,
};

/// How long open connections may take to finish at the shutdown.
const CONNECTION_CLOSE_TIMEOUT: Duration = Duration::from_millis(200);

pub struct Health {
    pub metrics: Arc<Metrics>,
    pub store: Arc<dyn Store>,
    pub clock: fn() -> Timestamp,
}

/// The pages' server, with its port bound.
pub struct HealthPage(TcpListener);

impl HealthPage {
    /// # Errors
    /// The port cannot be bound.
    pub async fn bind(listen: SocketAddr) -> io::Result<Self> {
        TcpListener::bind(listen).await.map(Self)
    }

    /// Serves the pages until `stop`.
    pub async fn serve(self, health: Health, stop: impl Future<Output = ()> + Send + 'static) {
        let (ending, ended) = tokio::sync::oneshot::channel::<()>();
        let stop = async move {
            stop.await;
            drop(ending);
        };
        let routes = Router::new()
            .route("/healthz", get(|| async { "alive\n" }))
            .route("/readyz", get(readyz))
            .route("/metrics", get(metrics_page))
            .with_state(Arc::new(health));
        let server = axum::serve(self.0, routes).with_graceful_shutdown(stop);
        let last = async {
            let _ = ended.await;
            tokio::time::sleep(CONNECTION_CLOSE_TIMEOUT).await;
        };
        tokio::select! {
            _ = async { server.await } => {}
            () = last => {}
        }
    }
}

async fn readyz(State(health): State<Arc<Health>>) -> (StatusCode, String) {
    match health.find_fault() {
        None => (StatusCode::OK, "ready\n".to_owned()),
        Some(fault) => (StatusCode::SERVICE_UNAVAILABLE, format!("{fault}\n")),
    }
}

async fn metrics_page(State(health): State<Arc<Health>>) -> impl IntoResponse {
    let page = health
        .metrics
        .page(health.store.health().is_ok(), (health.clock)());
    ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], page)
}

impl Health {
    /// Why the bot is not working, if it is not.
    fn find_fault(&self) -> Option<String> {
        if let Err(error) = self.store.health() {
            return Some(error.to_string());
        }
        let is_receiving = self.metrics.is_receiving((self.clock)());
        (!is_receiving).then(|| {
            "no updates are being received: Telegram is unreachable, or not connected yet"
                .to_owned()
        })
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;
    use crate::store::memory::MemoryStore;

    async fn page() -> (
        SocketAddr,
        Arc<Metrics>,
        Arc<MemoryStore>,
        tokio::sync::oneshot::Sender<()>,
        tokio::task::JoinHandle<()>,
    ) {
        let (metrics, store) = (Arc::new(Metrics::new()), Arc::new(MemoryStore::new()));
        let page = HealthPage::bind(([127, 0, 0, 1], 0).into())
            .await
            .expect("a port");
        let address = page.0.local_addr().expect("an address");
        let health = Health {
            metrics: metrics.clone(),
            store: store.clone(),
            clock: Timestamp::now,
        };
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let serving = tokio::spawn(page.serve(health, async move { drop(stopped.await) }));
        (address, metrics, store, stop, serving)
    }

    async fn get(address: SocketAddr, path: &str) -> (u16, String) {
        let answer = reqwest::get(format!("http://{address}{path}"))
            .await
            .expect("an answer");
        (
            answer.status().as_u16(),
            answer.text().await.expect("a text"),
        )
    }

    #[tokio::test]
    async fn it_is_ready_when_updates_are_received_and_the_store_is_healthy() {
        let (address, metrics, store, _stop, _serving) = page().await;
        assert_eq!(get(address, "/healthz").await, (200, "alive\n".into()));
        let (status, fault) = get(address, "/readyz").await;
        assert_eq!(status, 503);
        assert!(fault.contains("no updates are being received"), "{fault}");
        metrics.receiving_until(Timestamp::now() + Duration::from_secs(60));
        assert_eq!(get(address, "/readyz").await, (200, "ready\n".into()));
        store.close().await.expect("closed");
        let (status, fault) = get(address, "/readyz").await;
        assert_eq!(status, 503);
        assert!(fault.contains("closed"), "{fault}");
        assert_eq!(get(address, "/healthz").await.0, 200);
        assert!(
            get(address, "/metrics")
                .await
                .1
                .contains("unbind_bot_store_well 0")
        );
        assert_eq!(get(address, "/elsewhere").await.0, 404);
    }

    #[tokio::test]
    async fn a_client_that_never_reads_does_not_delay_the_shutdown() {
        let (address, _metrics, _store, stop, serving) = page().await;
        let mut silent = tokio::net::TcpStream::connect(address)
            .await
            .expect("connected");
        tokio::io::AsyncWriteExt::write_all(&mut silent, b"GET /metrics HTTP/1.1\r\n")
            .await
            .expect("written");
        drop(stop);
        let ended = timeout(Duration::from_secs(20), serving).await;
        assert!(ended.is_ok(), "it never ended");
    }
}
