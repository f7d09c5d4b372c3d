//! Acknowledges presses, which stops their buttons from spinning. A press can be acknowledged only for a while, so this
//! does not wait in the outbox, is lost with the process, and is tried again once if it fails.
//!
//! When many wait, the newest come first: their people are still looking. A server that hangs for old presses does not
//! hold up new ones; presses that become too old are dropped and counted.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::future::BoxFuture;
use teloxide::types::CallbackQueryId;
use tokio::{
    task::{AbortHandle, JoinSet},
    time::{Instant, sleep, timeout, timeout_at},
};

use super::{api::ApiError, gcra::Moment};
use crate::{metrics::Metrics, panics};

/// How long a press is acknowledged; later Telegram refuses it.
const LIFETIME: Duration = Duration::from_secs(15);
/// The pause before the second try of a request that failed.
const RETRY_DELAY: Duration = Duration::from_secs(1);
/// How long a request counts as young; after that it leaves its place to another.
const YOUNG_FOR: Duration = Duration::from_secs(1);
/// Maximum concurrent requests that are young; more would only pile up while the server hangs.
const MAX_YOUNG: usize = 96;
/// Maximum concurrent requests of any age. Beyond it, the oldest is dropped for a new one.
const MAX_IN_FLIGHT: usize = 192;

/// Makes the request; tests replace it.
type Answer = dyn Fn(CallbackQueryId, Option<String>) -> BoxFuture<'static, Result<(), ApiError>>
    + Send
    + Sync;

pub(super) struct Acknowledger(Arc<Inner>);

struct Inner {
    answer: Box<Answer>,
    metrics: Arc<Metrics>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The newest last.
    waiting: Vec<Press>,
    next_id: u64,
    /// The young requests.
    young: HashMap<u64, AbortHandle>,
    /// The other requests, the oldest first.
    old: VecDeque<AbortHandle>,
    tasks: JoinSet<()>,
    has_ended: bool,
}

struct Press {
    query: CallbackQueryId,
    alert: Option<String>,
    until: Instant,
}

impl Acknowledger {
    pub(super) fn new(
        answer: impl Fn(CallbackQueryId, Option<String>) -> BoxFuture<'static, Result<(), ApiError>>
        + Send
        + Sync
        + 'static,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self(Arc::new(Inner {
            answer: Box::new(answer),
            metrics,
            state: Mutex::default(),
        }))
    }

    /// Acknowledges a press, with an alert if there is one. Must be called within a tokio runtime.
    pub(super) fn acknowledge(&self, query: CallbackQueryId, alert: Option<String>) {
        let until = Instant::now().plus(LIFETIME);
        let mut state = self.0.lock_state();
        state.waiting.push(Press {
            query,
            alert,
            until,
        });
        self.0.start_waiting(&mut state);
    }

    /// Waits until all presses are acknowledged or dropped.
    pub(super) async fn wait_done(&self) {
        loop {
            let mut tasks = std::mem::take(&mut self.0.lock_state().tasks);
            if tasks.is_empty() {
                return;
            }
            while tasks.join_next().await.is_some() {}
        }
    }

    /// Ends all requests; further presses are not acknowledged.
    pub(super) fn abort(&self) {
        let mut state = self.0.lock_state();
        state.has_ended = true;
        state.waiting.clear();
        state.tasks.abort_all();
    }
}

impl Inner {
    fn lock_state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts requests for the newest presses that wait, as many as there is room for.
    fn start_waiting(self: &Arc<Self>, state: &mut State) {
        while state.tasks.try_join_next().is_some() {}
        state.old.retain(|request| !request.is_finished());
        self.drop_expired(state);
        while state.young.len() < MAX_YOUNG
            && !state.has_ended
            && let Some(press) = state.waiting.pop()
        {
            if state.young.len() + state.old.len() >= MAX_IN_FLIGHT
                && let Some(oldest) = state.old.pop_front()
            {
                oldest.abort();
                self.drop_presses(1);
            }
            let id = state.next_id;
            state.next_id += 1;
            let request = state.tasks.spawn(run(self.clone(), id, press));
            state.young.insert(id, request);
        }
    }

    /// Drops the presses that have waited too long; they are the first.
    fn drop_expired(&self, state: &mut State) {
        let now = Instant::now();
        let expired = state.waiting.partition_point(|press| press.until <= now);
        state.waiting.drain(..expired);
        self.drop_presses(expired);
    }

    fn drop_presses(&self, count: usize) {
        if count > 0 {
            tracing::warn!(count, "presses were not acknowledged in time");
        }
        (0..count).for_each(|_| self.metrics.count_unacknowledged());
    }

    /// Makes the request, and once more if it failed for the moment.
    async fn try_twice(&self, press: &Press) -> Result<(), ApiError> {
        let answer = || (self.answer)(press.query.clone(), press.alert.clone());
        let error = match answer().await {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        let pause = match &error {
            ApiError::TooManyRequests(pause) => *pause,
            ApiError::Unavailable(_)
            | ApiError::Network(_)
            | ApiError::Redirected(_)
            | ApiError::Unauthorized
            | ApiError::NotFound => RETRY_DELAY,
            // Too old, or nothing that a second try would change.
            ApiError::Refused { .. } | ApiError::Migrated(_) => return Err(error),
        };
        if Instant::now().plus(pause) >= press.until {
            return Err(error);
        }
        sleep(pause).await;
        answer().await
    }
}

/// Acknowledges a press within its lifetime. After a while it leaves its place to another.
async fn run(inner: Arc<Inner>, id: u64, press: Press) {
    let answering = panics::catch_async(inner.try_twice(&press));
    let mut answering = std::pin::pin!(answering);
    let young = timeout(YOUNG_FOR, answering.as_mut()).await;
    {
        let mut state = inner.lock_state();
        let request = state.young.remove(&id);
        state.old.extend(request.filter(|_| young.is_err()));
        inner.start_waiting(&mut state);
    }
    let answered = match young {
        Ok(answered) => answered,
        Err(_) => match timeout_at(press.until, answering).await {
            Ok(answered) => answered,
            Err(_) => return inner.drop_presses(1),
        },
    };
    match answered {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            tracing::debug!(%error, "a press was not acknowledged");
            inner.metrics.count_unacknowledged();
        }
        Err(_) => inner.drop_presses(1),
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    /// The requests: the time in seconds and the press.
    type Got = Arc<Mutex<Vec<(u64, String)>>>;

    /// What the server does with a request.
    #[derive(Clone)]
    enum Does {
        Accepts,
        Says(ApiError),
        Hangs,
        Panics,
    }

    struct Fixture {
        acknowledger: Acknowledger,
        metrics: Arc<Metrics>,
        got: Got,
    }

    /// An acknowledger whose server does this with a press at its nth try, counted from 0.
    fn fixture(does: impl Fn(&str, usize) -> Does + Send + Sync + 'static) -> Fixture {
        let (got, start, metrics) = (Got::default(), Instant::now(), Arc::<Metrics>::default());
        let noted = got.clone();
        let answer = move |query: CallbackQueryId, _| {
            let mut noted = noted.lock().unwrap();
            let tries = noted.iter().filter(|(_, press)| *press == query.0).count();
            noted.push((start.elapsed().as_secs(), query.0.clone()));
            let does = does(&query.0, tries);
            async move {
                match does {
                    Does::Accepts => Ok(()),
                    Does::Says(error) => Err(error),
                    Does::Hangs => std::future::pending().await,
                    Does::Panics => panic!("on purpose"),
                }
            }
            .boxed()
        };
        Fixture {
            acknowledger: Acknowledger::new(answer, metrics.clone()),
            metrics,
            got,
        }
    }

    impl Fixture {
        fn press(&self, query: &str) {
            let query = CallbackQueryId(query.to_owned());
            self.acknowledger.acknowledge(query, None);
        }

        fn got(&self) -> Vec<(u64, String)> {
            self.got.lock().unwrap().clone()
        }

        /// When this press was tried.
        fn times(&self, query: &str) -> Vec<u64> {
            let got = self.got().into_iter();
            got.filter(|(_, press)| press == query)
                .map(|(at, _)| at)
                .collect()
        }
    }

    fn refused() -> ApiError {
        ApiError::Refused {
            code: 400,
            description:
                "Bad Request: query is too old and response timeout expired or query ID is invalid"
                    .into(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_acknowledgement_is_tried_once_more_within_its_lifetime() {
        let asks = |seconds| ApiError::TooManyRequests(Duration::from_secs(seconds));
        for (error, times, lost) in [
            (ApiError::Unavailable("500".into()), vec![0, 1], 1),
            (ApiError::Network("reset".into()), vec![0, 1], 1),
            (asks(7), vec![0, 7], 1),
            (asks(600), vec![0], 1),
            (ApiError::TooManyRequests(Duration::MAX), vec![0], 1),
            (refused(), vec![0], 1),
        ] {
            let always = error.clone();
            let fails = fixture(move |_, _| Does::Says(always.clone()));
            fails.press("a");
            fails.acknowledger.wait_done().await;
            assert_eq!(fails.times("a"), times, "{error}");
            assert_eq!(fails.metrics.unacknowledged(), lost, "{error}");
            let fails_once = fixture(move |_, tries| match tries {
                0 => Does::Says(error.clone()),
                _ => Does::Accepts,
            });
            fails_once.press("a");
            fails_once.acknowledger.wait_done().await;
            let again = u64::from(times.len() == 1);
            assert_eq!(fails_once.metrics.unacknowledged(), again);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn while_many_hang_later_presses_are_acknowledged() {
        for hanging in [150, 1_000] {
            let fixture = fixture(|press, _| {
                if press.starts_with("old") {
                    Does::Hangs
                } else {
                    Does::Accepts
                }
            });
            (0..hanging).for_each(|n| fixture.press(&format!("old {n}")));
            sleep(Duration::from_millis(500)).await;
            (0..20).for_each(|n| fixture.press(&format!("new {n}")));
            sleep(Duration::from_secs(2)).await;
            for n in 0..20 {
                assert_eq!(fixture.times(&format!("new {n}")).len(), 1);
            }
            fixture.acknowledger.wait_done().await;
            assert_eq!(fixture.metrics.unacknowledged(), hanging);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_newest_presses_are_acknowledged_first_and_all_if_the_server_answers() {
        let fixture = fixture(|press, _| match press {
            "first" => Does::Panics,
            _ => Does::Accepts,
        });
        fixture.press("first");
        (0..500).for_each(|n| fixture.press(&n.to_string()));
        fixture.acknowledger.wait_done().await;
        let order: Vec<_> = fixture.got().into_iter().map(|(_, press)| press).collect();
        assert_eq!(order.len(), 501);
        assert_eq!(order[MAX_YOUNG], "499", "those that waited");
        assert_eq!(fixture.metrics.unacknowledged(), 1, "the panic");
    }

    #[tokio::test(start_paused = true)]
    async fn after_the_end_nothing_is_acknowledged() {
        let fixture = fixture(|_, _| Does::Hangs);
        (0..200).for_each(|n| fixture.press(&n.to_string()));
        sleep(Duration::from_millis(10)).await;
        let before = fixture.got().len();
        fixture.acknowledger.abort();
        fixture.press("late");
        fixture.acknowledger.wait_done().await;
        assert_eq!(fixture.got().len(), before);
    }
}
