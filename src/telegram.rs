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
//! `incoming` and `outgoing` translate and are pure, `api` makes one request, `courier` one of a reply's, `limits` says
//! how fast we may talk and `paces` how fast others, `qr` draws, `wakeups` sees to what happens though nobody does
//! anything, `commands` sets the menu. Everything Telegram stays in this module; the conversation knows nothing of it.

pub mod api;
pub mod checkup;
pub mod commands;
pub mod courier;
pub mod incoming;
pub mod intake;
pub mod limits;
pub mod outbox;
pub mod outgoing;
pub mod paces;
pub mod polling;
pub mod qr;
pub mod wakeups;
pub mod webhook;

use std::{fmt, future::Future, io, net::SocketAddr, sync::Arc, time::Duration};

use futures::FutureExt;
use jiff::Timestamp;
use teloxide::types::AllowedUpdate;
use tokio::{
    task::{JoinError, JoinSet},
    time::{Instant, sleep, sleep_until},
};
use url::Url;

use self::{
    api::{Api, ApiError, Identity, NoClient, growing_pause},
    courier::Courier,
    intake::Intake,
    limits::Rates,
    outbox::{Clock, Outbox, Sender},
    polling::{FirstPoll, Poller, Stop, Unauthorized},
    webhook::{Webhook, WebhookSettings},
};
use crate::{assistant::Assistant, store::StoreError};

/// From the signal to stop until sending stops. The promise is eight seconds to the process's end; the rest is for the
/// last marks and for closing the store.
const STOP_WITHIN: Duration = Duration::from_millis(6500);
/// While Telegram cannot be reached at the start, it is tried again no less often than this.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// What Telegram is asked for; it would keep from us kinds that are newer than this program, and bring others for nothing.
const ALLOWED_UPDATES: [AllowedUpdate; 3] = [
    AllowedUpdate::Message,
    AllowedUpdate::EditedMessage,
    AllowedUpdate::CallbackQuery,
];

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

/// Why the service could not start, or had to end.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The token is wrong.
    #[error(
        "Telegram does not know this bot's token: check TELOXIDE_TOKEN against what @BotFather shows (and TELOXIDE_API_URL, if it is set)"
    )]
    Unauthorized,
    /// The port of the webhook is not to be had.
    #[error(
        "WEBHOOK_LISTEN: {0} cannot be listened on: {1}; name another port, or stop what has it"
    )]
    Listen(SocketAddr, io::Error),
    /// Telegram does not take the webhook's address.
    #[error(
        "WEBHOOK_URL: Telegram does not take this address ({0}); it has to be https, with a public name, on port 443, 80, 88 or 8443"
    )]
    WebhookRefused(String),
    /// Nothing can be sent at all.
    #[error(transparent)]
    NoClient(#[from] NoClient),
    /// The store does not say what is to be sent.
    #[error("the outbox could not be read: {0}")]
    Store(#[from] StoreError),
    /// A fault of ours.
    #[error(
        "the sender of messages ended by itself, which is a fault in this program; nothing is lost, start it again"
    )]
    SenderEnded,
}

impl From<Unauthorized> for ServeError {
    fn from(_: Unauthorized) -> Self {
        Self::Unauthorized
    }
}

/// Serves Telegram until `shutdown`. Calls `ready` with the bot's name when it is about to poll, or when Telegram knows
/// where to bring updates. The assistant may still be in the making: Telegram is asked who we are, and what there is to
/// hear, meanwhile.
///
/// On `shutdown` no more updates are taken, those in hand are committed, and what can be sent in time is sent; what is
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
    let api = Api::new(&settings.token, settings.api_url)?;
    let webhook = bind(settings.webhook, &settings.token).await?;
    let stop = stop_signal(shutdown);
    let greeting = greet(&api, &stop, webhook.is_none());
    let (greeted, assistant) = tokio::join!(greeting, assistant);
    let Some((me, heard_ahead)) = greeted? else {
        return Ok(());
    };
    let clock: Clock = Arc::new(clock);
    let rates = Rates {
        overall: settings.send_rate,
        per_chat: settings.send_rate_per_chat,
    };
    let store = assistant.store().clone();
    let courier = Courier::new(api.clone(), assistant.clone(), clock.clone());
    let (sender, outbox) = Sender::new(courier, store, clock.clone(), &me.username, rates)?;
    // In sets, so that they end with this future, however that ends.
    let mut sending = JoinSet::new();
    sending.spawn(sender.run());
    let mut aside = JoinSet::new();
    aside.spawn(commands::set(api.clone(), assistant.base()));
    aside.spawn(wakeups::run(
        assistant.clone(),
        clock.clone(),
        outbox.clone(),
    ));
    let me = Arc::new(me);
    let (intake, _working) = Intake::new(
        api.clone(),
        me.clone(),
        assistant,
        outbox.clone(),
        clock,
        settings.send_rate_per_chat,
    );
    let ready = || ready(&me.username);
    let way = match webhook {
        Some(webhook) => Way::Webhook(webhook),
        None => Way::Polling(heard_ahead),
    };
    let heard = tokio::select! {
        heard = hear(way, api, intake, ready, stop.clone()) => heard,
        ended = sending.join_next() => Err(sender_ended(ended)),
        () = stop.clone().then(|asked| sleep_until(asked + STOP_WITHIN)) => {
            tracing::error!("the store did not take the updates in hand in time; Telegram keeps them");
            Ok(())
        }
    };
    drop(aside);
    heard?;
    drain(&outbox, stop.await + STOP_WITHIN, sending).await
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

/// How updates come.
enum Way {
    Webhook(Webhook),
    /// With the first poll, under way already.
    Polling(Option<FirstPoll>),
}

/// Gets updates, by one way or the other, until `stop`.
async fn hear(
    way: Way,
    api: Api,
    intake: Intake,
    ready: impl FnOnce(),
    stop: Stop,
) -> Result<(), ServeError> {
    match way {
        Way::Webhook(webhook) => webhook.run(api, intake, ready, stop).await,
        Way::Polling(first) => {
            ready();
            Ok(Poller::new(api, intake, first).run(stop).await?)
        }
    }
}

/// Asks who we are and, if we poll, what there is to hear. `None`: told to stop before that.
async fn greet(
    api: &Api,
    stop: &Stop,
    polls: bool,
) -> Result<Option<(Identity, Option<FirstPoll>)>, ServeError> {
    let me = introduce(api, stop).await?;
    Ok(me.map(|me| (me, polls.then(|| FirstPoll::begin(api.clone())))))
}

/// Notes when it was asked to stop, whoever is busy with what at that moment.
fn stop_signal(shutdown: impl Future<Output = ()> + Send + 'static) -> Stop {
    let asked = tokio::spawn(shutdown.map(|()| Instant::now()));
    let asked = asked.map(|asked| asked.unwrap_or_else(|_| Instant::now()));
    asked.boxed().shared()
}

/// Asks who we are, for as long as nobody answers. `None`: told to stop before that.
async fn introduce(api: &Api, stop: &Stop) -> Result<Option<Identity>, ServeError> {
    let mut troubles = 0;
    loop {
        let answer = tokio::select! {
            _ = stop.clone() => return Ok(None),
            answer = api.identity() => answer,
        };
        let pause = match answer {
            Ok(me) => return Ok(Some(me)),
            Err(ApiError::Unauthorized) => return Err(ServeError::Unauthorized),
            Err(ApiError::TooManyRequests(pause)) => pause,
            Err(error) => {
                tracing::warn!(%error, "the bot has not started yet");
                troubles += 1;
                growing_pause(troubles, LONGEST_PAUSE)
            }
        };
        tokio::select! {
            _ = stop.clone() => return Ok(None),
            () = sleep(pause) => {}
        }
    }
}

/// Sends what can be sent until the deadline.
async fn drain(
    outbox: &Outbox,
    deadline: Instant,
    mut sending: JoinSet<()>,
) -> Result<(), ServeError> {
    outbox.stop(deadline);
    match sending.join_next().await {
        None | Some(Ok(())) => Ok(()),
        ended => Err(sender_ended(ended)),
    }
}

fn sender_ended(ended: Option<Result<(), JoinError>>) -> ServeError {
    if let Some(Err(error)) = ended {
        tracing::error!(%error, "the sender of messages panicked");
    }
    ServeError::SenderEnded
}
