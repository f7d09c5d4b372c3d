//! The Telegram channel: receives updates and sends messages, on teloxide's `Bot` and types.
//!
//! Why neither teloxide's `Dialogue` nor its `Dispatcher`: version 0.17 confirms an update when it is queued (polling)
//! or answers 200 before a handler ran (webhook), so a killed process loses its queue. A panicking handler drops that
//! chat's worker, and the dispatcher panics at the chat's next update. It stops on Ctrl-C only, its throttle is global
//! and in memory, and its `Dialogue` saves a chat's state separately from the replies. Here `polling` or `webhook`
//! receives updates, `intake` handles them (in order per chat, chats concurrently), and an update is confirmed only
//! once its effect is on disk. Replies are rows in the store, sent by `outbox`.
//!
//! `wire` parses updates, and `lenient_json` repairs those that are no valid JSON; `incoming` and `outgoing` translate
//! and are pure; `api` makes one request, `delivery` one request of a reply; `acknowledger` acknowledges presses;
//! `rate_limit` limits sending and `flood_control` limits senders, both with `gcra`; `retry` says
//! how long to wait after a failure; `qr` draws QR codes; `timer_task` wakes chats; `commands` sets the menus;
//! `shutdown` carries the request to stop. Nothing outside this module depends on Telegram's types.

mod acknowledger;
pub mod api;
pub mod checkup;
pub mod clock;
pub mod commands;
pub mod delivery;
pub mod error;
pub mod flood_control;
mod gcra;
pub mod incoming;
pub mod intake;
pub mod lenient_json;
pub mod outbox;
pub mod outgoing;
pub mod polling;
pub mod qr;
pub mod rate_limit;
mod retry;
pub mod shutdown;
pub mod timer_task;
pub mod webhook;
pub mod wire;

use std::{fmt, future::Future, path::PathBuf, sync::Arc, time::Duration};

use futures::FutureExt;
use jiff::Timestamp;
use tokio::{
    task::{JoinError, JoinSet},
    time::{sleep, sleep_until},
};
use url::Url;

pub use self::error::ServeError;
use self::{
    api::{Api, ApiError, Connection, Identity, ProxyAddress},
    clock::Clock,
    delivery::Delivery,
    intake::{Intake, Workers},
    outbox::{Outbox, OutboxSender},
    polling::{FirstPoll, Poller},
    rate_limit::Rates,
    retry::{Backoff, MAX_BACKOFF},
    shutdown::{ShutdownSignal, shutdown_signal},
    webhook::{Webhook, WebhookSettings},
};
use crate::assistant::Assistant;

/// How long the service may go on after a stop was requested. The process has 8 s; the rest is for the final
/// acknowledgements and for closing the store.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_millis(6500);

#[derive(Clone)]
pub struct TelegramSettings {
    /// From @BotFather.
    pub token: String,
    /// The Bot API server: `https://api.telegram.org`, or a self-hosted one.
    pub api_url: Url,
    /// The proxy on the way there; without one, the environment's is used.
    pub proxy: Option<ProxyAddress>,
    /// The folder in which a local Bot API server keeps files.
    pub api_files: Option<PathBuf>,
    /// Messages per second over all chats; 0 means no limit.
    pub send_rate: u32,
    /// Messages per second in one chat, after a short burst; 0 means no limit.
    pub send_rate_per_chat: u32,
    /// Without one, updates are polled.
    pub webhook: Option<WebhookSettings>,
}

impl fmt::Debug for TelegramSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TelegramSettings")
            .field("token", &"…")
            .field("api_url", &self.api_url.as_str())
            .field("proxy", &self.proxy)
            .field("api_files", &self.api_files)
            .field("send_rate", &self.send_rate)
            .field("send_rate_per_chat", &self.send_rate_per_chat)
            .field("webhook", &self.webhook)
            .finish()
    }
}

/// Serves Telegram until `shutdown`. Calls `ready` with the bot's name when it is about to poll, or once the webhook is
/// registered. The assistant may still be loading: getMe and the first poll are sent meanwhile.
///
/// After `shutdown` no more updates are accepted, those in flight are committed, and what can be sent in time is sent; the
/// rest stays in the store for the next start. Temporary failures are retried: a server that is down, flood waits, another
/// copy of the bot that polls.
///
/// # Errors
/// Permanent failures; see [`ServeError`].
pub async fn serve(
    settings: TelegramSettings,
    assistant: impl Future<Output = Arc<Assistant>>,
    clock: impl Fn() -> Timestamp + Send + Sync + 'static,
    ready: impl FnOnce(&str),
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    let stop = shutdown_signal(shutdown);
    let started = Service::start(settings, assistant, Arc::new(clock), stop).await?;
    match started {
        Some((service, source)) => service.run(source, ready).await,
        None => Ok(()),
    }
}

enum UpdateSource {
    Webhook(Webhook),
    /// With the first poll, which has been sent already.
    Polling(Option<FirstPoll>),
}

/// The running service. Dropping it aborts its tasks, which are held in sets.
struct Service {
    api: Api,
    me: Arc<Identity>,
    intake: Intake,
    /// Handle updates in flight.
    workers: Workers,
    outbox: Outbox,
    /// The task that sends messages.
    sending: JoinSet<()>,
    /// Tasks that nothing waits for: the menus of commands, the timers.
    background: JoinSet<()>,
    stop: ShutdownSignal,
}

impl Service {
    /// Starts everything except receiving updates. `None` if a stop was requested before that.
    async fn start(
        settings: TelegramSettings,
        assistant: impl Future<Output = Arc<Assistant>>,
        clock: Clock,
        stop: ShutdownSignal,
    ) -> Result<Option<(Self, UpdateSource)>, ServeError> {
        let rates = Rates {
            overall: settings.send_rate,
            per_chat: settings.send_rate_per_chat,
        };
        let connection = Connection {
            address: settings.api_url,
            proxy: settings.proxy,
            files: settings.api_files,
        };
        let api = Api::connect(&settings.token, connection)?;
        if let Some(proxy) = api.proxy() {
            tracing::info!(%proxy, "the Bot API server is reached through a proxy");
        }
        let webhook = bind(settings.webhook, &settings.token).await?;
        let connecting = connect(&api, &stop, webhook);
        let (connected, assistant) = tokio::join!(connecting, assistant);
        let Some((me, source)) = connected? else {
            return Ok(None);
        };
        let (sending, outbox) = spawn_sender(&api, &assistant, &clock, &me, rates)?;
        let background = spawn_background(&api, &assistant, &clock, &outbox);
        let me = Arc::new(me);
        let (intake, workers) = Intake::new(
            api.clone(),
            me.clone(),
            assistant,
            outbox.clone(),
            clock,
            settings.send_rate_per_chat,
        );
        let service = Self {
            api,
            me,
            intake,
            workers,
            outbox,
            sending,
            background,
            stop,
        };
        Ok(Some((service, source)))
    }

    /// Receives updates until a stop is requested; then sends what can be sent in time.
    async fn run(
        mut self,
        source: UpdateSource,
        ready: impl FnOnce(&str),
    ) -> Result<(), ServeError> {
        let (stop, me) = (self.stop.clone(), self.me.clone());
        let ready = || ready(&me.username);
        let (api, intake) = (self.api.clone(), self.intake.clone());
        tokio::select! {
            received = receive_updates(source, api, intake, ready, stop.clone()) => received?,
            ended = self.sending.join_next() => return Err(sender_ended(ended)),
            () = stop.then(|asked| sleep_until(asked + SHUTDOWN_TIMEOUT)) => {
                tracing::error!("updates in flight were not committed before the shutdown timeout; Telegram redelivers them");
            }
        }
        self.stop().await
    }

    /// Sends what can be sent within [`SHUTDOWN_TIMEOUT`].
    async fn stop(mut self) -> Result<(), ServeError> {
        self.background.abort_all();
        self.outbox.stop(self.stop.await + SHUTDOWN_TIMEOUT);
        let ended = self.sending.join_next().await;
        drop(self.workers);
        match ended {
            None | Some(Ok(())) => Ok(()),
            ended => Err(sender_ended(ended)),
        }
    }
}

/// Starts the task that sends messages.
fn spawn_sender(
    api: &Api,
    assistant: &Arc<Assistant>,
    clock: &Clock,
    me: &Identity,
    rates: Rates,
) -> Result<(JoinSet<()>, Outbox), ServeError> {
    let delivery = Delivery::new(api.clone(), assistant.clone(), clock.clone());
    let store = assistant.store().clone();
    let (sender, outbox) = OutboxSender::new(delivery, store, clock.clone(), &me.username, rates)?;
    let mut sending = JoinSet::new();
    sending.spawn(sender.run());
    Ok((sending, outbox))
}

/// Starts the tasks that nothing waits for.
fn spawn_background(
    api: &Api,
    assistant: &Arc<Assistant>,
    clock: &Clock,
    outbox: &Outbox,
) -> JoinSet<()> {
    let mut background = JoinSet::new();
    background.spawn(commands::set_menus(api.clone(), assistant.base()));
    let timers = timer_task::run(assistant.clone(), clock.clone(), outbox.clone());
    background.spawn(timers);
    background
}

async fn bind(
    settings: Option<WebhookSettings>,
    token: &str,
) -> Result<Option<Webhook>, ServeError> {
    let Some(settings) = settings else {
        return Ok(None);
    };
    let listen = settings.listen;
    let bound = Webhook::bind(settings, token).await;
    bound
        .map(Some)
        .map_err(|error| ServeError::Listen(listen, error))
}

/// Calls getMe and, when polling, starts the first poll. `None` if a stop was requested before that.
async fn connect(
    api: &Api,
    stop: &ShutdownSignal,
    webhook: Option<Webhook>,
) -> Result<Option<(Identity, UpdateSource)>, ServeError> {
    let Some(me) = get_me_with_retry(api, stop).await? else {
        return Ok(None);
    };
    let source = match webhook {
        Some(webhook) => UpdateSource::Webhook(webhook),
        None => UpdateSource::Polling(Some(FirstPoll::start(api.clone()))),
    };
    Ok(Some((me, source)))
}

/// Calls getMe until Telegram answers. `None` if a stop was requested before that.
async fn get_me_with_retry(
    api: &Api,
    stop: &ShutdownSignal,
) -> Result<Option<Identity>, ServeError> {
    let mut backoff = Backoff::new(MAX_BACKOFF);
    loop {
        let answer = tokio::select! {
            _ = stop.clone() => return Ok(None),
            answer = api.get_me() => answer,
        };
        let error = match answer {
            Ok(me) => return Ok(Some(me)),
            // A malformed token is answered with 404.
            Err(ApiError::Unauthorized | ApiError::NotFound) => {
                return Err(ServeError::Unauthorized);
            }
            Err(ApiError::Redirected(to)) => return Err(ServeError::Redirected(to)),
            Err(error) => error,
        };
        tracing::warn!(%error, "getMe failed; retrying");
        tokio::select! {
            _ = stop.clone() => return Ok(None),
            () = sleep(backoff.pause_after(&error)) => {}
        }
    }
}

/// Receives updates until `stop`.
async fn receive_updates(
    source: UpdateSource,
    api: Api,
    intake: Intake,
    ready: impl FnOnce(),
    stop: ShutdownSignal,
) -> Result<(), ServeError> {
    match source {
        UpdateSource::Webhook(webhook) => webhook.run(api, intake, ready, stop).await,
        UpdateSource::Polling(first) => {
            ready();
            Poller::new(api, intake, first).run(stop).await
        }
    }
}

fn sender_ended(ended: Option<Result<(), JoinError>>) -> ServeError {
    if let Some(Err(error)) = ended {
        tracing::error!(%error, "the message sender panicked");
    }
    ServeError::SenderEnded
}
