//! Gets updates by long polling; an update is confirmed by asking for the one behind it, and only once its effect is on
//! disk. Giving it that effect is `intake`'s.
//!
//! Telegram counts by one number: asking from an update on confirms all before it, and what is asked for again comes
//! again. So while an update takes long, those behind it are asked for, too, and recognised when they come twice.

use std::{collections::BTreeMap, time::Duration};

use futures::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use serde::Serialize;
use serde_json::Value;
use teloxide::{requests::Payload, types::AllowedUpdate};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout, timeout_at},
};

use super::{
    api::{Api, ApiError},
    error::ServeError,
    intake::{Accepted, Intake},
    retry::Backoff,
    shutdown::Stop,
    wire::{ALLOWED_UPDATES, Update},
};
use crate::dialogue::UpdateId;

/// How long Telegram may keep a poll open when there is nothing new.
const POLL_SECONDS: u32 = 30;
/// On top of that, for the way there and back.
const POLL_MARGIN: Duration = Duration::from_secs(15);
/// After a poll that was answered, updates are known to come in for so long: until the next one is, and some more.
const RECEIVING: Duration = Duration::from_secs(90);
/// Updates a poll brings at most; Telegram's own limit.
const BATCH: u8 = 100;
/// Telegram is tried again no less often than this.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// While another copy polls, each throws the other out; hurrying does not help.
const CONFLICT_PAUSE: Duration = Duration::from_secs(5);
/// Said the first time, and then once a minute.
const CONFLICTS_A_LINE: u32 = 12;
/// A batch takes some milliseconds. What takes longer than this no longer holds up what comes behind it.
const BATCH_TIMEOUT: Duration = Duration::from_millis(100);
/// With nothing new behind what takes long, the next poll is no earlier: each brings it all again.
const IDLE_PAUSE: Duration = Duration::from_millis(500);
/// And after many polls that brought nothing, no later than this.
const LONGEST_IDLE_PAUSE: Duration = Duration::from_secs(5);
/// At the end, what is in flight may take this long, so that there is time left to send its answers.
const LAST_EFFECTS: Duration = Duration::from_secs(5);
/// At the end, confirming what is done may take this long; without it, those updates come again and are recognised.
const LAST_CONFIRMATION: Duration = Duration::from_secs(1);

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
            let poll = Window::default().poll();
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
    window: Window,
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
            window: Window::default(),
            in_flight: FuturesUnordered::new(),
            idle_polls: 0,
            backoff: Backoff::new(LONGEST_PAUSE),
            conflicts: 0,
        }
    }

    /// Gets updates until `stop`; what is in flight then is finished first.
    ///
    /// # Errors
    /// The token is not valid.
    pub async fn run(mut self, stop: Stop) -> Result<(), ServeError> {
        let asked = loop {
            tokio::select! {
                biased;
                asked = stop.clone() => break asked,
                polled = self.poll_once() => polled?,
            }
        };
        self.finish(asked + LAST_EFFECTS).await;
        Ok(())
    }

    /// One poll, and what it brings. Cancelled at any point, it has lost nothing: what is in flight is noted.
    async fn poll_once(&mut self) -> Result<(), ServeError> {
        match self.get_updates().await {
            Ok(updates) => {
                self.backoff.reset();
                self.conflicts = 0;
                self.intake.receiving_for(RECEIVING);
                let brought_new = self.accept(updates);
                self.wait(brought_new).await;
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
        let poll = self.window.poll();
        self.api.call_within(time_limit(&poll), &poll).await
    }

    /// Brings a batch to the intake; whether something of it is new.
    fn accept(&mut self, updates: Vec<Value>) -> bool {
        self.window.begin_batch();
        let mut brought_new = false;
        for update in updates.into_iter().map(Update::read) {
            let Some(id) = update.id() else {
                // It cannot be confirmed either; what comes behind it confirms it.
                self.intake.accept(&update);
                continue;
            };
            if self.window.contains(id) {
                continue;
            }
            brought_new = true;
            match self.intake.accept(&update) {
                Accepted::Nothing => self.window.insert(id, true),
                Accepted::Pending(done) => {
                    self.window.insert(id, false);
                    let done = done.map(move |may_confirm| (id, may_confirm));
                    self.in_flight.push(done.boxed());
                }
                // It comes again, and so does what is behind it.
                Accepted::Full => break,
            }
        }
        brought_new
    }

    /// Waits for what is in flight, as long as that does not hold up others.
    async fn wait(&mut self, brought_new: bool) {
        self.idle_polls = if brought_new {
            0
        } else {
            self.idle_polls.saturating_add(1)
        };
        let limit = match self.idle_polls {
            0 => BATCH_TIMEOUT,
            polls => (IDLE_PAUSE * polls).min(LONGEST_IDLE_PAUSE),
        };
        let finishing = async {
            while let Some((id, may_confirm)) = self.in_flight.next().await {
                self.window.finish(id, may_confirm);
                if !brought_new {
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
                if self.conflicts % CONFLICTS_A_LINE == 1 {
                    tracing::error!(
                        "another copy of this bot is polling Telegram, and only one can; stop the other one, or give each its own token"
                    );
                }
                CONFLICT_PAUSE
            }
            _ => {
                tracing::warn!(%error, "no updates for now");
                pause
            }
        }
    }

    /// Finishes what is in flight, confirms what is done, and lets the last presses be acknowledged.
    async fn finish(mut self, until: Instant) {
        let finishing = async {
            while let Some((id, may_confirm)) = self.in_flight.next().await {
                self.window.finish(id, may_confirm);
            }
        };
        if timeout_at(until, finishing).await.is_err() {
            tracing::error!(
                "not all updates in flight had their effects in time; Telegram keeps them"
            );
        }
        let last = async {
            if let Some(confirmation) = self.window.confirming_poll() {
                let _: Result<Vec<Value>, ApiError> = self.api.call(&confirmation).await;
            }
            self.intake.wait_acknowledged().await;
        };
        let _ = timeout(LAST_CONFIRMATION, last).await;
    }
}

/// The updates from the first on that is not done: those that come again with every poll.
#[derive(Debug, Default)]
struct Window {
    /// Whether each is done.
    updates: BTreeMap<UpdateId, bool>,
}

impl Window {
    /// Telegram has heard the offset. What it confirmed is not kept any longer: after a quiet week the ids begin somewhere
    /// else.
    fn begin_batch(&mut self) {
        match self.first_open() {
            None => self.updates.clear(),
            Some(first) => self.updates = self.updates.split_off(&first),
        }
    }

    fn contains(&self, id: UpdateId) -> bool {
        self.updates.contains_key(&id)
    }

    fn insert(&mut self, id: UpdateId, done: bool) {
        self.updates.insert(id, done);
    }

    /// Notes that an update is done; if it may not be confirmed, it comes again.
    fn finish(&mut self, id: UpdateId, may_confirm: bool) {
        if let Some(done) = self.updates.get_mut(&id) {
            *done = may_confirm;
        }
    }

    fn first_open(&self) -> Option<UpdateId> {
        let open = self.updates.iter().find(|(_, done)| !**done);
        open.map(|(id, _)| *id)
    }

    /// From where on to ask: what is before is confirmed by that.
    fn offset(&self) -> Option<UpdateId> {
        let behind = || {
            let (UpdateId(last), _) = self.updates.last_key_value()?;
            Some(UpdateId(last.saturating_add(1)))
        };
        self.first_open().or_else(behind)
    }

    fn poll(&self) -> Poll {
        // With something in flight, Telegram has always something to send.
        let timeout = match self.first_open() {
            Some(_) => 0,
            None => POLL_SECONDS,
        };
        Poll {
            offset: self.offset().map(|UpdateId(id)| id),
            limit: BATCH,
            timeout,
            allowed_updates: ALLOWED_UPDATES,
        }
    }

    /// A poll that only confirms, if there is something to confirm.
    fn confirming_poll(&self) -> Option<Poll> {
        let offset = self.offset()?;
        Some(Poll {
            offset: Some(offset.0),
            limit: 1,
            timeout: 0,
            allowed_updates: ALLOWED_UPDATES,
        })
    }
}

fn time_limit(poll: &Poll) -> Duration {
    Duration::from_secs(poll.timeout.into()) + POLL_MARGIN
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(id: u32) -> UpdateId {
        UpdateId(id)
    }

    /// What came in one batch.
    fn batch(window: &mut Window, ids: impl IntoIterator<Item = u32>) -> Vec<u32> {
        window.begin_batch();
        let new = ids.into_iter().filter(|new| !window.contains(id(*new)));
        let new: Vec<_> = new.collect();
        new.iter().for_each(|new| window.insert(id(*new), false));
        new
    }

    #[test]
    fn the_offset_is_dropped_once_telegram_has_heard_it() {
        let mut window = Window::default();
        assert_eq!(window.poll().offset, None);
        batch(&mut window, [8]);
        window.finish(id(8), true);
        assert_eq!(window.poll().offset, Some(9));
        batch(&mut window, [u32::MAX - 1]);
        window.finish(id(u32::MAX - 1), true);
        assert_eq!(window.poll().offset, Some(u32::MAX));
        batch(&mut window, []);
        assert_eq!(window.poll().offset, None);
        assert!(window.confirming_poll().is_none());
    }

    #[test]
    fn what_is_not_done_is_not_confirmed_and_what_is_behind_it_is_asked_for() {
        let mut window = Window::default();
        batch(&mut window, [5, 6, 7]);
        window.finish(id(6), true);
        window.finish(id(7), false);
        assert_eq!((window.poll().offset, window.poll().timeout), (Some(5), 0));
        assert_eq!(
            batch(&mut window, [5, 6, 7, 8]),
            [8],
            "the others are known"
        );
        window.finish(id(5), true);
        assert_eq!(window.poll().offset, Some(7));
        assert_eq!(batch(&mut window, [7, 8, 9]), [9]);
        for done in [7, 8, 9] {
            window.finish(id(done), true);
        }
        assert_eq!(window.poll().offset, Some(10));
        assert_eq!(window.poll().timeout, POLL_SECONDS);
    }

    #[test]
    fn ids_may_begin_again_anywhere() {
        let mut window = Window::default();
        batch(&mut window, [900]);
        window.finish(id(900), true);
        assert_eq!(batch(&mut window, [3]), [3]);
        window.finish(id(3), true);
        assert_eq!(window.poll().offset, Some(4));
    }
}
