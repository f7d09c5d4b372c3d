//! The Telegram channel: updates in, messages out, on teloxide's `Bot` and types.
//!
//! **Why there is no `Dialogue` and no `Dispatcher` here.** teloxide 0.17's dispatcher confirms an update when it is
//! *queued* (polling), or answers 200 before any handler ran (webhook): what a killed process had in its queue is gone.
//! When a handler panics it drops that chat's worker, and panics itself at the chat's next update. It stops on Ctrl-C
//! only; its throttle is global and in memory; its `Dialogue` saves a chat's state apart from what the state made it say.
//! So intake is ours: updates come by `polling` or `webhook`, `intake` gives each its effect (chats side by side, each
//! chat in order), and only once that is on disk is it confirmed. Nothing on that way waits for the network: what is to be
//! said is rows of the store, and `outbox` sends them at Telegram's pace.
//!
//! `wire` reads updates, `incoming` and `outgoing` translate and are pure, `api` makes one request, `delivery` one of a
//! reply's, `rate_limit` says how fast we may send and `flood_control` how fast others may, `retry` how long to wait after
//! a failure, `qr` draws, `timer_task` wakes chats, `commands` sets the menu. Everything Telegram stays in this module; the
//! conversation knows nothing of it.

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

use std::{fmt, future::Future, sync::Arc, time::Duration};

use futures::FutureExt;
use jiff::Timestamp;
use tokio::{
    task::{JoinError, JoinSet},
    time::{sleep, sleep_until},
};
use url::Url;

pub use self::error::ServeError;
use self::{
    api::{Api, ApiError, Identity},
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

/// From the signal to stop until sending stops. The promise is eight seconds to the process's end; the rest is for the
/// last marks and for closing the store.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_millis(6500);

/// What the channel has to be told.
#[derive(Clone)]
pub struct TelegramSettings {
    /// The bot's token, from @BotFather.
    pub token: String,
    /// The Bot API server: `https://api.telegram.org`, or one's own.
    pub api_url: Url,
    /// Messages a second over all chats; 0 is no limit.
    pub send_rate: u32,
    /// Messages a second in one chat, after a short burst; 0 is no limit.
    pub send_rate_per_chat: u32,
    /// Where updates are brought; without one, they are polled.
    pub webhook: Option<WebhookSettings>,
}

impl fmt::Debug for TelegramSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TelegramSettings")
            .field("token", &"…")
            .field("api_url", &self.api_url.as_str())
            .field("send_rate", &self.send_rate)
            .field("send_rate_per_chat", &self.send_rate_per_chat)
            .field("webhook", &self.webhook)
            .finish()
    }
}

/// Serves Telegram until `shutdown`. Calls `ready` with the bot's name when it is about to poll, or when Telegram knows
/// where to bring updates. The assistant may still be in the making: Telegram is asked who we are, and for the first
/// updates, meanwhile.
///
/// On `shutdown` no more updates are taken, those in flight are committed, and what can be sent in time is sent; what is
/// not stays in the store for the next start. Waits out everything that passes: a server that is down, floods, another
/// copy of the bot.
///
/// # Errors
/// What does not pass; see [`ServeError`].
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

/// How updates come.
enum UpdateSource {
    Webhook(Webhook),
    /// With the first poll, under way already.
    Polling(Option<FirstPoll>),
}

/// All that runs. It ends when it is dropped: the tasks are in sets, which end theirs.
struct Service {
    api: Api,
    me: Arc<Identity>,
    intake: Intake,
    /// Gives updates in flight their effects.
    workers: Workers,
    outbox: Outbox,
    /// The sender of messages.
    sending: JoinSet<()>,
    /// What nothing waits for: the menu of commands, the timers.
    background: JoinSet<()>,
    stop: ShutdownSignal,
}

impl Service {
    /// Starts everything but receiving updates. `None`: told to stop before that.
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
        let api = Api::new(&settings.token, settings.api_url)?;
        let webhook = bind(settings.webhook, &settings.token).await?;
        let connecting = connect(&api, &stop, webhook);
        let (connected, assistant) = tokio::join!(connecting, assistant);
        let Some((me, source)) = connected? else {
            return Ok(None);
        };
        let store = assistant.store().clone();
        let delivery = Delivery::new(api.clone(), assistant.clone(), clock.clone());
        let (sender, outbox) =
            OutboxSender::new(delivery, store, clock.clone(), &me.username, rates)?;
        let mut sending = JoinSet::new();
        sending.spawn(sender.run());
        let mut background = JoinSet::new();
        background.spawn(commands::set_menus(api.clone(), assistant.base()));
        let timers = timer_task::run(assistant.clone(), clock.clone(), outbox.clone());
        background.spawn(timers);
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

    /// Receives updates until it is told to stop, and sends what can be sent then.
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
                tracing::error!("the store did not take the updates in flight in time; Telegram keeps them");
            }
        }
        self.stop().await
    }

    /// Sends what can be sent in time.
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

/// Asks who we are and, if we poll, begins the first poll. `None`: told to stop before that.
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

/// Asks who we are, until Telegram answers. `None`: told to stop before that.
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
            Err(ApiError::Unauthorized) => return Err(ServeError::Unauthorized),
            Err(error) => error,
        };
        tracing::warn!(%error, "the bot has not started yet");
        tokio::select! {
            _ = stop.clone() => return Ok(None),
            () = sleep(backoff.pause_after(&error)) => {}
        }
    }
}

/// Receives updates, by one way or the other, until `stop`.
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
        tracing::error!(%error, "the sender of messages panicked");
    }
    ServeError::SenderEnded
}
