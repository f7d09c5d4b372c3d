//! Gets updates by long polling; an update is confirmed by asking for the one behind it, and only once its effect is on
//! disk. Giving it that effect is `intake`'s.
//!
//! Telegram counts by one number: asking from an update on confirms all before it, and what is asked for again comes
//! again. So while an update takes long, those behind it are asked for, too, and recognised when they come twice.

mod unconfirmed;

use std::time::Duration;

use futures::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use serde::Serialize;
use serde_json::Value;
use teloxide::{requests::Payload, types::AllowedUpdate};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout, timeout_at},
};

use self::unconfirmed::UnconfirmedUpdates;
use super::{
    api::{Api, ApiError},
    error::ServeError,
    intake::{Accepted, Intake},
    retry::{Backoff, MAX_BACKOFF},
    shutdown::{DRAIN_TIMEOUT, ShutdownSignal, log_undrained},
    wire::Update,
};
use crate::dialogue::UpdateId;

/// How long Telegram may keep a poll open when there is nothing new.
const POLL_SECONDS: u32 = 30;
/// On top of that, for the way there and back.
const POLL_MARGIN: Duration = Duration::from_secs(15);
/// After a poll that was answered, updates are known to come in for so long: until the next one is, and some more.
const READY_AFTER_POLL: Duration = Duration::from_secs(90);
/// Updates a poll brings at most; Telegram's own limit.
const MAX_BATCH: u8 = 100;
/// While another copy polls, each throws the other out; hurrying does not help.
const CONFLICT_RETRY_DELAY: Duration = Duration::from_secs(5);
/// Said the first time, and then once a minute.
const LOG_EVERY_NTH_CONFLICT: u32 = 12;
/// A batch takes some milliseconds. What takes longer than this no longer holds up what comes behind it.
const BATCH_TIMEOUT: Duration = Duration::from_millis(100);
/// With nothing new behind what takes long, the next poll is no earlier: each brings it all again.
const IDLE_DELAY: Duration = Duration::from_millis(500);
/// And after many polls that brought nothing, no later than this.
const MAX_IDLE_DELAY: Duration = Duration::from_secs(5);
/// At the end, confirming what is done may take this long; without it, those updates come again and are recognised.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(1);

/// `getUpdates`. Not teloxide's: that one has no room for an id above `i32::MAX`, and an update that cannot be confirmed
/// would come again and again.
#[derive(Debug, Serialize)]
struct Poll {
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u32>,
    limit: u8,
    timeout: u32,
    allowed_updates: [AllowedUpdate; 3],
}

impl Payload for Poll {
    type Output = Vec<Value>;
    const NAME: &'static str = "GetUpdates";
}

/// A poll that is made before the assistant is ready: it confirms nothing.
pub struct FirstPoll(JoinSet<Result<Vec<Value>, ApiError>>);

impl FirstPoll {
    /// Makes it; it ends when this is dropped.
    pub fn start(api: Api) -> Self {
        let mut polling = JoinSet::new();
        polling.spawn(async move {
            let poll = UnconfirmedUpdates::default().poll();
            api.call_within(time_limit(&poll), &poll).await
        });
        Self(polling)
    }

    /// What it brings; `None` if it panicked.
    async fn finish(mut self) -> Option<Result<Vec<Value>, ApiError>> {
        self.0.join_next().await?.ok()
    }
}

/// Gets updates until it is told to stop.
pub struct Poller {
    api: Api,
    first: Option<FirstPoll>,
    intake: Intake,
    unconfirmed: UnconfirmedUpdates,
    /// The updates in flight; each gives its id once it is done, and whether it may be confirmed.
    in_flight: FuturesUnordered<BoxFuture<'static, (UpdateId, bool)>>,
    /// Polls in a row that brought nothing new, while something is in flight.
    idle_polls: u32,
    backoff: Backoff,
    /// Failures in a row for which another copy of the bot was to blame.
    conflicts: u32,
}

impl Poller {
    /// A poller that brings updates to `intake`.
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

    /// Gets updates until `stop`; what is in flight then is finished first.
    ///
    /// # Errors
    /// The token is not valid.
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

    /// One poll, and what it brings. Cancelled at any point, it has lost nothing: what is in flight is noted.
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

    /// Brings a batch to the intake; whether something of it is new.
    fn accept_batch(&mut self, updates: Vec<Value>) -> bool {
        self.unconfirmed.begin_batch();
        let mut has_new = false;
        for update in updates.into_iter().map(Update::read) {
            let Some(id) = update.id() else {
                // It cannot be confirmed either; what comes behind it confirms it.
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
                // It comes again, and so does what is behind it.
                Accepted::Full => break,
            }
        }
        has_new
    }

    /// Waits for what is in flight, as long as that does not hold up others.
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

    /// Does what can be done about a poll that failed; returns how long to wait.
    async fn after_error(&mut self, error: &ApiError) -> Duration {
        let pause = self.backoff.pause_after(error);
        match error {
            ApiError::Refused {
                code: 409,
                description,
            } if description.contains("webhook") => {
                tracing::warn!("a webhook is set for this bot; it is removed, since we poll");
                if let Err(error) = self.api.remove_webhook().await {
                    tracing::warn!(%error, "the webhook could not be removed");
                }
                pause
            }
            ApiError::Refused { code: 409, .. } => {
                self.conflicts += 1;
                if self.conflicts % LOG_EVERY_NTH_CONFLICT == 1 {
                    tracing::error!(
                        "another copy of this bot is polling Telegram, and only one can; stop the other one, or give each its own token"
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

    /// Finishes what is in flight, confirms what is done, and lets the last presses be acknowledged.
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
