//! `serve`: the assistant on Telegram, until a signal stops it.

use std::{
    net::SocketAddr,
    panic::resume_unwind,
    sync::{Arc, OnceLock},
};

use futures::FutureExt;
use jiff::Timestamp;
use tokio::task::{JoinSet, spawn_blocking};
use tracing_subscriber::fmt;

use super::{
    common::{Failure, load_watched, open_or_restore, print},
    signals::Signals,
};
use crate::{
    assistant::{
        Assistant, TimeSource,
        reload::{Reload, ReloadTrigger, Reloader},
    },
    config::{Database, LogFormat, LogSettings, ServeArgs},
    dialogue::Base,
    health::{Health, HealthPage},
    knowledge::{Knowledge, watch::Watcher},
    metrics::Metrics,
    store::{Store, backups::Backups},
    telegram::{self, ServeError, TelegramSettings, api::NoClient},
};

/// Run the assistant on Telegram.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    settings: ServeArgs,
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let signals = Signals::listen()?;
    let settings = args.settings.settings()?;
    let reload = Arc::new(OnceLock::new());
    let stop = stop_signal(signals, reload.clone()).shared();
    start_log(settings.log);
    log_panics_by_place();
    let page = bind_health_page(settings.health_listen).await?;
    // The knowledge base is read while the store is opened.
    let folder = settings.knowledge.clone();
    let reading = spawn_blocking(move || load_watched(&folder));
    let (store, backups) = open(&settings.database)?;
    let metrics = Arc::new(Metrics::new());
    // A set aborts its tasks when it is dropped, also after an error.
    let mut background = JoinSet::new();
    if let Some(page) = page {
        let health = Health {
            metrics: metrics.clone(),
            store: store.clone(),
            clock: Timestamp::now,
        };
        background.spawn(page.serve(health, stop.clone()));
    }
    background.spawn(backups.clone().run(store.clone(), Timestamp::now));
    let (knowledge, watcher) = reading.await.map_err(Failure::failed)??;
    let assistant = start_assistant(knowledge, watcher, store.clone(), metrics.clone(), reload);
    let channel = TelegramSettings {
        token: settings.token.expose().to_owned(),
        api_url: settings.api_url,
        proxy: settings.proxy,
        api_files: settings.api_files,
        send_rate: settings.send_rate,
        send_rate_per_chat: settings.send_rate_per_chat,
        webhook: settings.webhook,
    };
    let served = telegram::serve(channel, assistant, Timestamp::now, print_ready, stop).await;
    if metrics.has_committed() {
        backups.make_at_shutdown(&store, Timestamp::now()).await;
    }
    store.close().await?;
    served.map_err(Failure::from)
}

impl From<ServeError> for Failure {
    fn from(error: ServeError) -> Self {
        match error {
            ServeError::Unauthorized
            | ServeError::Redirected(_)
            | ServeError::Listen(..)
            | ServeError::WebhookRefused(_)
            | ServeError::NoClient(NoClient::Proxy { .. }) => Self::Settings(error.to_string()),
            ServeError::NoClient(NoClient::Client(_))
            | ServeError::Store(_)
            | ServeError::SenderEnded => Self::failed(error),
        }
    }
}

/// Indexes the knowledge base on a thread, and starts to reload it when it is edited. Indexing takes longest, so it begins
/// at once, and `telegram::serve` calls Telegram meanwhile.
fn start_assistant(
    knowledge: Knowledge,
    watcher: Watcher,
    store: Arc<dyn Store>,
    metrics: Arc<Metrics>,
    reload: Arc<OnceLock<ReloadTrigger>>,
) -> impl Future<Output = Arc<Assistant>> {
    let indexing = spawn_blocking(move || Base::new(knowledge));
    async move {
        let base = indexing
            .await
            .unwrap_or_else(|fault| resume_unwind(fault.into_panic()));
        let assistant = Assistant::new(base, store)
            .counting(metrics)
            .telling_time_by(TimeSource::Messages);
        let assistant = Arc::new(assistant);
        match Reloader::new(&assistant, watcher).start(Reload::log) {
            Ok(trigger) => drop(reload.set(trigger)),
            Err(error) => {
                tracing::error!(%error, "edits of the knowledge base are not loaded: the thread that watches it cannot be started");
            }
        }
        assistant
    }
}

/// Opens the store, or replaces a damaged one by its newest backup and logs that as an error.
fn open(database: &Database) -> Result<(Arc<dyn Store>, Backups), Failure> {
    let Database::Sled(folder) = database;
    let (opened, restored) = open_or_restore(database)?;
    if let Some(restored) = restored {
        tracing::error!("{restored}");
    }
    Ok((Arc::new(opened.store), Backups::in_folder(folder)))
}

async fn bind_health_page(listen: Option<SocketAddr>) -> Result<Option<HealthPage>, Failure> {
    let Some(listen) = listen else {
        return Ok(None);
    };
    let bound = HealthPage::bind(listen).await;
    bound.map(Some).map_err(|error| {
        Failure::Settings(format!(
            "HEALTH_LISTEN: cannot listen on {listen}: {error}; name another port, or stop the program that uses it"
        ))
    })
}

fn print_ready(username: &str) {
    // A closed standard output is no reason to stop.
    let _ = print(format_args!("unbind-bot is ready as @{username}"));
}

/// Resolves at the first signal that stops. Signals that ask for a reload before there is anything to reload have no effect:
/// the knowledge base is only being read then.
async fn stop_signal(signals: Signals, reload: Arc<OnceLock<ReloadTrigger>>) {
    signals
        .until_stop(|| {
            if let Some(reload) = reload.get() {
                reload.read_now();
            }
        })
        .await;
}

/// Logs only the place of a panic, since its message may quote a user's text.
fn log_panics_by_place() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic
            .location()
            .map(ToString::to_string)
            .unwrap_or_default();
        tracing::error!(place, "a panic was caught");
    }));
}

/// Logs to standard error; only the line that says the bot is ready goes to standard output.
fn start_log(settings: LogSettings) {
    let lines = fmt()
        .with_env_filter(settings.filter)
        .with_writer(std::io::stderr)
        // It would report a failed write to standard error, which is what failed, and panic.
        .log_internal_errors(false);
    // Fails if a test has set a logger already, which is then used.
    let _ = match settings.format {
        LogFormat::Text => lines
            .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
            .try_init(),
        LogFormat::Json => lines.json().try_init(),
    };
}
