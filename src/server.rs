//! Serves HTTP on a port, within bounds. Whoever reaches the port can open connections, and each costs a file
//! descriptor: there may be only so many of them, a request's headers must arrive in time, and no connection lasts for
//! ever. (`axum::serve` has none of these bounds.) The time limit for a body is left to the handlers.

use std::{fs, io, pin::pin, sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinSet,
    time::{sleep, timeout},
};

/// How long the headers of a request may take, and how long a connection may wait for the next request.
const HEADER_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a connection is used; a client that wants more opens another one.
const MAX_CONNECTION_AGE: Duration = Duration::from_secs(5 * 60);
/// How long the last request of a connection may take after that: longer than any handler does.
const LAST_REQUEST_TIMEOUT: Duration = Duration::from_secs(40);
/// The pause after a connection could not be accepted, for example for want of file descriptors.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(500);
/// The part of the process's file descriptors that one port may use: the store and the requests to Telegram need some.
const DESCRIPTORS_PART: usize = 3;

/// Serves these routes until `stop`, then finishes the requests under way. More connections than `most`, or than the
/// process's file descriptors allow, wait until others end. Dropping it closes all connections.
pub async fn serve(
    listener: TcpListener,
    routes: Router,
    most: usize,
    stop: impl Future<Output = ()>,
) {
    let limit = descriptor_limit().map_or(most, |limit| most.min(limit / DESCRIPTORS_PART).max(1));
    let permits = Arc::new(Semaphore::new(limit));
    let (stopping, _) = watch::channel(());
    let mut connections = JoinSet::new();
    let accept_all = async {
        loop {
            // Closed only when it is dropped.
            let Ok(permit) = permits.clone().acquire_owned().await else {
                return;
            };
            let stream = accept(&listener).await;
            let (routes, stopped) = (routes.clone(), stopping.subscribe());
            while connections.try_join_next().is_some() {}
            connections.spawn(async move {
                serve_connection(stream, routes, stopped).await;
                drop(permit);
            });
        }
    };
    tokio::select! {
        () = stop => {}
        () = accept_all => {}
    }
    drop((listener, stopping));
    while connections.join_next().await.is_some() {}
}

/// The next connection.
async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Answers are single small packets, which Nagle's algorithm would delay.
                let _ = stream.set_nodelay(true);
                return stream;
            }
            Err(error) if is_about_the_client(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted; trying again");
                sleep(ACCEPT_RETRY_DELAY).await;
            }
        }
    }
}

fn is_about_the_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}

/// Serves a connection until the client closes it, it is too old, or the server stops.
async fn serve_connection(stream: TcpStream, routes: Router, mut stopped: watch::Receiver<()>) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes));
    let mut connection = pin!(connection);
    tokio::select! {
        // An error is the client's: it is gone, too slow, or speaks no HTTP.
        _ = connection.as_mut() => return,
        _ = stopped.changed() => {}
        () = sleep(MAX_CONNECTION_AGE) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = timeout(LAST_REQUEST_TIMEOUT, connection).await;
}

/// How many files the process may have open; `None` if the system does not say.
fn descriptor_limit() -> Option<usize> {
    read_descriptor_limit(&fs::read_to_string("/proc/self/limits").ok()?)
}

fn read_descriptor_limit(limits: &str) -> Option<usize> {
    let mut lines = limits.lines();
    let limit = lines.find_map(|line| line.strip_prefix("Max open files"))?;
    limit.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::{
        net::SocketAddr,
        sync::atomic::{AtomicUsize, Ordering},
    };

    use axum::routing::get;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        sync::oneshot,
        task::{JoinHandle, yield_now},
    };

    use super::*;

    const FEW: usize = 4;

    /// Requests handled at once: now, and at the most so far.
    #[derive(Default)]
    struct AtOnce {
        now: AtomicUsize,
        most: AtomicUsize,
    }

    struct Fixture {
        address: SocketAddr,
        at_once: Arc<AtOnce>,
        stop: oneshot::Sender<()>,
        serving: JoinHandle<()>,
    }

    async fn start() -> Fixture {
        let at_once: Arc<AtOnce> = Arc::default();
        let counted = at_once.clone();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let routes = Router::new().route("/", get(move || answer_slowly(counted.clone())));
        let (stop, stopped) = oneshot::channel();
        let serving = serve(listener, routes, FEW, async move { drop(stopped.await) });
        Fixture {
            address,
            at_once,
            stop,
            serving: tokio::spawn(serving),
        }
    }

    /// Lets the other tasks run first, so that as many requests as can be are handled at once.
    async fn answer_slowly(at_once: Arc<AtOnce>) -> &'static str {
        let now = at_once.now.fetch_add(1, Ordering::SeqCst) + 1;
        at_once.most.fetch_max(now, Ordering::SeqCst);
        for _ in 0..1_000 {
            yield_now().await;
        }
        at_once.now.fetch_sub(1, Ordering::SeqCst);
        "here"
    }

    async fn connect(address: SocketAddr) -> TcpStream {
        TcpStream::connect(address).await.expect("connected")
    }

    /// Sends a request that asks for the connection to be closed; what comes back.
    async fn ask(address: SocketAddr) -> String {
        let mut stream = connect(address).await;
        let request = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        stream.write_all(request).await.expect("written");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        answer
    }

    #[tokio::test]
    async fn there_are_never_more_connections_than_the_bound_and_all_are_served() {
        let server = start().await;
        let asking = (0..3 * FEW).map(|_| tokio::spawn(ask(server.address)));
        let asking: Vec<_> = asking.collect();
        for answer in asking {
            assert!(answer.await.expect("an answer").ends_with("here"));
        }
        let most = server.at_once.most.load(Ordering::SeqCst);
        assert!((1..=FEW).contains(&most), "{most}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_sends_nothing_or_its_headers_slowly_is_closed() {
        let server = start().await;
        for begun in [
            b"".as_slice(),
            b"GET / HT",
            b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ",
        ] {
            let mut stream = connect(server.address).await;
            stream.write_all(begun).await.expect("written");
            let mut rest = Vec::new();
            // It would wait for ever; an error means that it was closed, too.
            let _ = stream.read_to_end(&mut rest).await;
        }
        assert!(ask(server.address).await.ends_with("here"));
    }

    #[tokio::test]
    async fn at_the_stop_idle_connections_are_closed() {
        let server = start().await;
        let _idle = connect(server.address).await;
        assert!(ask(server.address).await.ends_with("here"));
        drop(server.stop);
        server.serving.await.expect("it ends");
        assert!(TcpStream::connect(server.address).await.is_err());
    }

    #[test]
    fn the_limit_of_open_files_is_read_as_linux_writes_it() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units     \n\
                      Max processes             15000                15000                processes \n\
                      Max open files            1024                 524288               files     \n";
        assert_eq!(read_descriptor_limit(limits), Some(1024));
        assert_eq!(
            read_descriptor_limit("Max open files   unlimited   unlimited  files"),
            None
        );
        assert_eq!(read_descriptor_limit(""), None);
        assert!(descriptor_limit().is_some_and(|limit| limit > 0));
    }
}
