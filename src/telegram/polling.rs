//! Receives updates by long polling. An update is confirmed by requesting the one after it, and only once its effect is
//! on disk. Handling is left to `intake`.
//!
//! Telegram confirms by a single number: a request with an offset confirms all updates before it, and later ones are
//! delivered again. So while one update is slow, those after it are requested repeatedly and recognised as known.

mod unconfirmed;

use std::time::Duration;

use futures::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use serde_json::Value;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout, timeout_at},
};

use self::unconfirmed::{Poll, UnconfirmedUpdates};
use super::{
    api::{Api, ApiError},
    error::ServeError,
    intake::{Accepted, Intake},
    retry::{Backoff, MAX_BACKOFF},
    shutdown::{DRAIN_TIMEOUT, ShutdownSignal, log_undrained},
    wire::Update,
};
use crate::dialogue::UpdateId;

/// Added to that for the network.
const POLL_MARGIN: Duration = Duration::from_secs(15);
/// How long the service counts as ready after a successful poll: until the next one, with a margin.
const READY_AFTER_POLL: Duration = Duration::from_secs(90);
/// While another copy of the bot polls, each ends the polls of the other.
const CONFLICT_RETRY_DELAY: Duration = Duration::from_secs(5);
/// A conflict is logged the first time and then once a minute.
const LOG_EVERY_NTH_CONFLICT: u32 = 12;
/// How long the next poll waits for a batch, which usually takes some milliseconds.
const BATCH_TIMEOUT: Duration = Duration::from_millis(100);
/// The pause before the next poll when only known updates were delivered; it grows with each such poll.
const IDLE_DELAY: Duration = Duration::from_millis(500);
/// The longest such pause.
const MAX_IDLE_DELAY: Duration = Duration::from_secs(5);
/// How long the final confirmation may take; without it, those updates are redelivered and recognised.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(1);

/// The first poll, sent while the assistant is loading; it confirms nothing.
pub struct FirstPoll(JoinSet<Result<Vec<Value>, ApiError>>);

impl FirstPoll {
    /// Sends the poll; it is aborted when this is dropped.
    pub fn start(api: Api) -> Self {
        let mut polling = JoinSet::new();
        polling.spawn(async move {
            let poll = UnconfirmedUpdates::default().poll();
            api.call_within(time_limit(&poll), &poll).await
        });
        Self(polling)
    }

    /// The result; `None` if it panicked.
    async fn finish(mut self) -> Option<Result<Vec<Value>, ApiError>> {
        self.0.join_next().await?.ok()
    }
}

pub struct Poller {
    api: Api,
    first: Option<FirstPoll>,
    intake: Intake,
    unconfirmed: UnconfirmedUpdates,
    /// Each resolves with the id once the update is done, and whether it may be confirmed.
    in_flight: FuturesUnordered<BoxFuture<'static, (UpdateId, bool)>>,
    /// Consecutive polls without new updates, while some are in flight.
    idle_polls: u32,
    backoff: Backoff,
    /// Consecutive failures caused by another copy of the bot.
    conflicts: u32,
}

impl Poller {
    pub fn new(api: Api, intake: Intake, first: Option<FirstPoll>) -> Self {
        Self {
            api,
            first,
            intake,
            unconfirmed: UnconfirmedUpdates::default(),
            in_flight: FuturesUnordered::new(),
            idle_polls: 0,
            backoff: Backoff::new(MAX_BACKOFF),
            conflicts: 0,
        }
    }

    /// Receives updates until `stop`, then finishes those in flight.
    ///
    /// # Errors
    /// The token is invalid.
    pub async fn run(mut self, stop: ShutdownSignal) -> Result<(), ServeError> {
        let asked = loop {
            tokio::select! {
                biased;
                asked = stop.clone() => break asked,
                polled = self.poll_once() => polled?,
            }
        };
        self.drain(asked + DRAIN_TIMEOUT).await;
        Ok(())
    }

    /// One poll and its updates. Cancelling it loses nothing.
    async fn poll_once(&mut self) -> Result<(), ServeError> {
        match self.get_updates().await {
            Ok(updates) => {
                self.backoff.reset();
                self.conflicts = 0;
                self.intake.receiving_for(READY_AFTER_POLL);
                let has_new = self.accept_batch(updates);
                self.wait_in_flight(has_new).await;
            }
            Err(ApiError::Unauthorized) => return Err(ServeError::Unauthorized),
            Err(error) => {
                self.intake.polling_failed();
                let pause = self.after_error(&error).await;
                sleep(pause).await;
            }
        }
        Ok(())
    }

    async fn get_updates(&mut self) -> Result<Vec<Value>, ApiError> {
        if let Some(first) = self.first.take()
            && let Some(polled) = first.finish().await
        {
            return polled;
        }
        let poll = self.unconfirmed.poll();
        self.api.call_within(time_limit(&poll), &poll).await
    }

    /// Passes a batch to the intake; whether any update is new.
    fn accept_batch(&mut self, updates: Vec<Value>) -> bool {
        self.unconfirmed.begin_batch();
        let mut has_new = false;
        for update in updates.into_iter().map(Update::read) {
            let Some(id) = update.id() else {
                // It cannot be confirmed by itself; the next update confirms it.
                self.intake.accept(&update);
                continue;
            };
            if self.unconfirmed.contains(id) {
                continue;
            }
            has_new = true;
            match self.intake.accept(&update) {
                Accepted::Nothing => self.unconfirmed.insert(id, true),
                Accepted::Pending(done) => {
                    self.unconfirmed.insert(id, false);
                    let done = done.map(move |may_confirm| (id, may_confirm));
                    self.in_flight.push(done.boxed());
                }
                // Telegram redelivers it and those after it.
                Accepted::Full => break,
            }
        }
        has_new
    }

    /// Waits for updates in flight, for a limited time so that others are not delayed.
    async fn wait_in_flight(&mut self, has_new: bool) {
        self.idle_polls = if has_new {
            0
        } else {
            self.idle_polls.saturating_add(1)
        };
        let limit = match self.idle_polls {
            0 => BATCH_TIMEOUT,
            polls => (IDLE_DELAY * polls).min(MAX_IDLE_DELAY),
        };
        let finishing = async {
            while let Some((id, may_confirm)) = self.in_flight.next().await {
                self.unconfirmed.set_done(id, may_confirm);
                if !has_new {
                    break;
                }
            }
        };
        let _ = timeout(limit, finishing).await;
    }

    /// Handles a failed poll; returns how long to wait.
    async fn after_error(&mut self, error: &ApiError) -> Duration {
        let pause = self.backoff.pause_after(error);
        match error {
            ApiError::Refused {
                code: 409,
                description,
            } if description.contains("webhook") => {
                tracing::warn!(
                    "a webhook is set for this bot; it is removed, because the bot polls"
                );
                if let Err(error) = self.api.remove_webhook().await {
                    tracing::warn!(%error, "the webhook could not be removed");
                }
                pause
            }
            ApiError::Refused { code: 409, .. } => {
                self.conflicts += 1;
                if self.conflicts % LOG_EVERY_NTH_CONFLICT == 1 {
                    tracing::error!(
                        "another copy of this bot is polling Telegram, and only one can; stop the other copy, or give each its own token"
                    );
                }
                CONFLICT_RETRY_DELAY
            }
            ApiError::Unauthorized
            | ApiError::TooManyRequests(_)
            | ApiError::Migrated(_)
            | ApiError::Refused { .. }
            | ApiError::Unavailable(_)
            | ApiError::Network(_) => {
                tracing::warn!(%error, "getUpdates failed; retrying");
                pause
            }
        }
    }

    /// Finishes updates in flight, confirms those that are done, and waits for acknowledgements.
    async fn drain(mut self, until: Instant) {
        let finishing = async {
            while let Some((id, may_confirm)) = self.in_flight.next().await {
                self.unconfirmed.set_done(id, may_confirm);
            }
        };
        if timeout_at(until, finishing).await.is_err() {
            log_undrained();
        }
        let last = async {
            if let Some(confirmation) = self.unconfirmed.confirming_poll() {
                let _: Result<Vec<Value>, ApiError> = self.api.call(&confirmation).await;
            }
            self.intake.wait_acknowledged().await;
        };
        let _ = timeout(CONFIRM_TIMEOUT, last).await;
    }
}

fn time_limit(poll: &Poll) -> Duration {
    Duration::from_secs(poll.timeout.into()) + POLL_MARGIN
}
