//! Receives updates by long polling. An update is confirmed by requesting the one after it, and only once its effect is
//! on disk. Handling is left to `intake`.
//!
//! Telegram confirms by a single number: a request with an offset confirms all updates before it, and later ones are
//! delivered again. So while one update is slow, those after it are requested repeatedly and recognised as known.

mod unconfirmed;

use std::{collections::BTreeSet, time::Duration};

use futures::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout, timeout_at},
};

use self::unconfirmed::{Poll, UnconfirmedUpdates};
use super::{
    api::{Api, ApiError, Batch, ReceivedUpdate},
    error::ServeError,
    intake::{Accepted, Intake, unreadable_id},
    retry::{Backoff, MAX_BACKOFF, TokenRefusals},
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
/// A poll that brought nothing new should have taken half a minute. If it took less than this, a pause follows …
const QUICK_POLL: Duration = Duration::from_millis(500);
/// … of this length, which grows with each such poll …
const EMPTY_DELAY: Duration = Duration::from_millis(100);
/// … up to this one: whoever writes then should not wait for long.
const MAX_EMPTY_DELAY: Duration = Duration::from_millis(800);
/// Added to the time limit of a poll before it is given up from outside, should the client not keep to the limit.
const WATCHDOG_MARGIN: Duration = Duration::from_secs(30);
/// Failures to reach the server in a row after which the client is replaced, with all its connections.
const FAILURES_BEFORE_RECONNECT: u32 = 4;
/// How long the final confirmation may take; without it, those updates are redelivered and recognised.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(1);

/// The first poll, sent while the assistant is loading; it confirms nothing.
pub struct FirstPoll(JoinSet<Result<Batch, ApiError>>);

impl FirstPoll {
    /// Sends the poll; it is aborted when this is dropped.
    pub fn start(api: Api) -> Self {
        let mut polling = JoinSet::new();
        polling.spawn(async move {
            let poll = UnconfirmedUpdates::default().poll();
            get_updates(&api, &poll).await
        });
        Self(polling)
    }

    /// The result; `None` if it panicked.
    async fn finish(mut self) -> Option<Result<Batch, ApiError>> {
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
    /// Consecutive polls without new updates that were answered at once.
    idle_polls: u32,
    /// The ids in the batch before, by which a server is recognised that delivers it again although it was confirmed.
    last_batch: BTreeSet<UpdateId>,
    /// The last id that was seen.
    last_id: Option<UpdateId>,
    /// After a batch that was cut off within its first new update.
    cut_off: Option<CutOff>,
    backoff: Backoff,
    /// Consecutive failures to reach the server.
    unreached: u32,
    refusals: TokenRefusals,
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
            last_batch: BTreeSet::new(),
            last_id: None,
            cut_off: None,
            backoff: Backoff::new(MAX_BACKOFF),
            unreached: 0,
            refusals: TokenRefusals::default(),
            conflicts: 0,
        }
    }

    /// Receives updates until `stop`, then finishes those in flight.
    ///
    /// # Errors
    /// The token counts as revoked.
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
        let begun = Instant::now();
        match self.get_updates().await {
            Ok(batch) => {
                self.backoff.reset();
                self.refusals.reset();
                (self.conflicts, self.unreached) = (0, 0);
                self.intake.receiving_for(READY_AFTER_POLL);
                let has_new = self.accept_batch(batch);
                self.count_idle_polls(has_new, begun.elapsed());
                self.wait_in_flight(has_new).await;
            }
            Err(error) => {
                self.intake.polling_failed(&error);
                let pause = self.after_error(&error).await?;
                sleep(pause).await;
            }
        }
        Ok(())
    }

    async fn get_updates(&mut self) -> Result<Batch, ApiError> {
        if let Some(first) = self.first.take()
            && let Some(polled) = first.finish().await
        {
            return polled;
        }
        let poll = match &self.cut_off {
            None => self.unconfirmed.poll(),
            // Less is less likely to be cut off, and what comes after the first new update is not needed.
            Some(cut_off) => self.unconfirmed.poll_few(cut_off.before + 1),
        };
        get_updates(&self.api, &poll).await
    }

    /// Passes a batch to the intake; whether any update is new.
    fn accept_batch(&mut self, batch: Batch) -> bool {
        self.unconfirmed.begin_batch();
        let last_batch = std::mem::take(&mut self.last_batch);
        let (mut has_new, whole) = (false, batch.updates.len());
        for update in batch.updates {
            let (id, accepted) = match update {
                ReceivedUpdate::Json(json) => {
                    let update = Update::read(json);
                    let accept = |poller: &Self| poller.intake.accept(&update);
                    (update.id(), self.accept_unknown(update.id(), accept))
                }
                ReceivedUpdate::Unreadable(text) => {
                    let id = unreadable_id(&text);
                    let accept = |poller: &Self| poller.intake.accept_unreadable(&text);
                    (id, self.accept_unknown(id, accept))
                }
            };
            if accepted.is_full {
                // Telegram redelivers it and those after it.
                return has_new;
            }
            has_new |= id.is_some_and(|id| accepted.is_new && !last_batch.contains(&id));
            self.last_batch.extend(id);
            self.last_id = id.or(self.last_id);
        }
        match batch.cut_off.filter(|_| !has_new) {
            None => self.cut_off = None,
            Some(text) => has_new = self.after_cut_off(whole, text),
        }
        has_new
    }

    /// Passes an update to the intake, unless it is in flight or done and not confirmed yet.
    fn accept_unknown(
        &mut self,
        id: Option<UpdateId>,
        accept: impl FnOnce(&Self) -> Accepted,
    ) -> Outcome {
        let mut outcome = Outcome::default();
        if id.is_some_and(|id| self.unconfirmed.contains(id)) {
            return outcome;
        }
        outcome.is_new = true;
        match (accept(self), id) {
            (Accepted::Nothing, Some(id)) => self.unconfirmed.insert(id, true),
            // It cannot be confirmed by itself; the next update confirms it.
            (Accepted::Nothing, None) => {}
            (Accepted::Pending(done), id) => {
                if let Some(id) = id {
                    self.unconfirmed.insert(id, false);
                    let done = done.map(move |may_confirm| (id, may_confirm));
                    self.in_flight.push(done.boxed());
                }
            }
            (Accepted::Full, _) => outcome.is_full = true,
        }
        outcome
    }

    /// Handles an answer that was cut off within its first new update, with `before` known ones before it. The next poll
    /// asks for that update alone; if it comes cut off once more, it is stepped over. Whether to go on at once.
    fn after_cut_off(&mut self, before: usize, text: String) -> bool {
        let id = unreadable_id(&text);
        let last = self.cut_off.take();
        let is_again = last.as_ref().is_some_and(|last| last.id == id);
        let was_given_up = last.is_some_and(|last| last.given_up.as_ref() == Some(&text));
        let mut cut_off = CutOff {
            before,
            id,
            given_up: None,
        };
        if !is_again {
            let bytes = text.len();
            tracing::warn!(
                bytes,
                "an answer to getUpdates was cut off; asking for one update alone"
            );
            self.cut_off = Some(cut_off);
            return true;
        }
        // An update that does not tell its id has the one behind the last, if it is not cut off for another reason.
        let behind_last = self.last_id.and_then(|UpdateId(last)| last.checked_add(1));
        let assumed = behind_last.map(UpdateId).filter(|_| !was_given_up);
        let stepped_over = id.or(assumed).map(|id| {
            let accept = |poller: &Self| poller.intake.accept_unreadable(&text);
            self.last_id = Some(id);
            self.accept_unknown(Some(id), accept)
        });
        if stepped_over.is_none() {
            let fault = "answers to getUpdates are cut off on the way from the Bot API server";
            tracing::error!("{fault}; look for a proxy that limits their length");
            self.intake.not_receiving(fault.to_owned());
        }
        cut_off.given_up = Some(text);
        self.cut_off = Some(cut_off);
        stepped_over.is_some_and(|outcome| outcome.is_new)
    }

    /// Counts the polls that were answered at once and brought nothing new.
    fn count_idle_polls(&mut self, has_new: bool, took: Duration) {
        let waited = took >= QUICK_POLL && self.in_flight.is_empty();
        self.idle_polls = if has_new || waited {
            0
        } else {
            self.idle_polls.saturating_add(1)
        };
    }

    /// Waits for updates in flight, for a limited time so that others are not delayed.
    async fn wait_in_flight(&mut self, has_new: bool) {
        if self.in_flight.is_empty() {
            return sleep((EMPTY_DELAY * self.idle_polls).min(MAX_EMPTY_DELAY)).await;
        }
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
    async fn after_error(&mut self, error: &ApiError) -> Result<Duration, ServeError> {
        let pause = self.backoff.pause_after(error);
        let now = Instant::now();
        self.refusals.count(error, now);
        if self.refusals.is_revoked(now) {
            return Err(ServeError::Unauthorized);
        }
        self.reconnect_if_unreached(error);
        Ok(match error {
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
            // Telegram knew this token when the service started.
            ApiError::Unauthorized | ApiError::NotFound | ApiError::Redirected(_) => {
                tracing::error!(%error, "getUpdates is refused; retrying, since that may pass: check the token with @BotFather, and TELOXIDE_API_URL if it is set");
                self.intake.not_receiving(error.to_string());
                pause
            }
            ApiError::TooManyRequests(_)
            | ApiError::Migrated(_)
            | ApiError::Refused { .. }
            | ApiError::Unavailable(_)
            | ApiError::Network(_) => {
                tracing::warn!(%error, "getUpdates failed; retrying");
                pause
            }
        })
    }

    /// Replaces the client after some failures to reach the server, so that polling cannot hang on old connections.
    fn reconnect_if_unreached(&mut self, error: &ApiError) {
        if !matches!(error, ApiError::Network(_)) {
            self.unreached = 0;
            return;
        }
        self.unreached += 1;
        if !self.unreached.is_multiple_of(FAILURES_BEFORE_RECONNECT) {
            return;
        }
        match self.api.reconnect() {
            Ok(api) => self.api = api,
            Err(error) => tracing::warn!(%error, "the connections could not be renewed"),
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
                let _ = get_updates(&self.api, &confirmation).await;
            }
            self.intake.wait_acknowledged().await;
        };
        let _ = timeout(CONFIRM_TIMEOUT, last).await;
    }
}

/// An answer that was cut off within its first new update.
#[derive(Debug)]
struct CutOff {
    /// The known updates before it.
    before: usize,
    /// Its id, if that can be read.
    id: Option<UpdateId>,
    /// Its text, if it was stepped over already.
    given_up: Option<String>,
}

/// What became of an update in a batch.
#[derive(Debug, Clone, Copy, Default)]
struct Outcome {
    /// It was not known before.
    is_new: bool,
    /// There is no room for it now.
    is_full: bool,
}

/// Makes a poll, which ends in time whatever the client does.
async fn get_updates(api: &Api, poll: &Poll) -> Result<Batch, ApiError> {
    let limit = Duration::from_secs(poll.timeout.into()) + POLL_MARGIN;
    let polled = timeout(limit + WATCHDOG_MARGIN, api.get_updates(limit, poll)).await;
    polled.unwrap_or_else(|_| {
        Err(ApiError::Network(
            "a poll did not end in time; it is started anew".to_owned(),
        ))
    })
}
