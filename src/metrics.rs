//! Metrics for the operator, served by `health`. Labels are kinds and entry ids; never chats or texts.

use std::{
    fmt,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
        info::Info,
    },
    registry::{Registry, Unit},
};

use crate::dialogue::Found;

/// The content type of the metrics page.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// Buckets of commit latencies: start in seconds, factor, count. They end at about 30 s, the store's time limit.
const LATENCY_BUCKETS: (f64, f64, u16) = (0.0005, 2.0, 17);

/// How an update ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpdateOutcome {
    Handled,
    /// It has nothing to react to, or was skipped.
    Ignored,
    /// The queue was full or the store unhealthy; the update stays at Telegram.
    Refused,
    /// It failed too often and is kept as a dead letter.
    GivenUp,
}

impl UpdateOutcome {
    fn name(self) -> &'static str {
        match self {
            Self::Handled => "handled",
            Self::Ignored => "passed_over",
            Self::Refused => "refused",
            Self::GivenUp => "given_up",
        }
    }
}

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The store did not commit something.
    Store,
    /// A turn panicked, or the code around it.
    Panic,
    /// Telegram could not be polled for updates.
    Polling,
}

impl ErrorKind {
    fn name(self) -> &'static str {
        match self {
            Self::Store => "store",
            Self::Panic => "panic",
            Self::Polling => "polling",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct UpdateLabels {
    kind: &'static str,
    fate: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AnswerLabels {
    outcome: &'static str,
    entry: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ErrorLabels {
    kind: &'static str,
}

#[derive(Debug, Default)]
pub struct OutboxMetrics {
    /// Rows waiting to be sent.
    pub waiting: Gauge,
    /// When the oldest waiting row was committed, in seconds since 1970; 0 if none waits. Updated every few seconds.
    pub oldest: Gauge,
    /// Requests that Telegram accepted.
    pub sent: Counter,
    /// Parts of messages that Telegram refused for good.
    pub refused: Counter,
    /// How often Telegram asked to wait.
    pub held: Counter,
    /// Requests that failed and are retried.
    pub failed: Counter,
    /// Replies, or parts of them, that were given up and kept as dead letters.
    pub given_up: Counter,
    /// Chats that were found to be unreachable for good.
    pub gone: Counter,
}

pub struct Metrics {
    updates: Family<UpdateLabels, Counter>,
    answers: Family<AnswerLabels, Counter>,
    errors: Family<ErrorLabels, Counter>,
    commits: Histogram,
    pub outbox: OutboxMetrics,
    outbox_age: Gauge,
    store_well: Gauge,
    is_receiving: Gauge,
    /// By how many seconds the clock was found to be ahead of the messages' dates; 0 while it agrees.
    clock_ahead: Gauge,
    unacknowledged: Counter,
    /// Until when updates are known to be received, in seconds since 1970; 0 before the first.
    receiving_until: AtomicI64,
    /// Why updates are not received, if that is known.
    receiving_fault: Mutex<Option<String>>,
    has_committed: AtomicBool,
    registry: Mutex<Registry>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    pub fn new() -> Self {
        let (start, factor, count) = LATENCY_BUCKETS;
        let metrics = Self {
            updates: Family::default(),
            answers: Family::default(),
            errors: Family::default(),
            commits: Histogram::new(exponential_buckets(start, factor, count)),
            outbox: OutboxMetrics::default(),
            outbox_age: Gauge::default(),
            store_well: Gauge::default(),
            is_receiving: Gauge::default(),
            clock_ahead: Gauge::default(),
            unacknowledged: Counter::default(),
            receiving_until: AtomicI64::new(0),
            receiving_fault: Mutex::new(None),
            has_committed: AtomicBool::new(false),
            registry: Mutex::new(Registry::with_prefix("unbind_bot")),
        };
        metrics.register();
        metrics
    }

    /// Registers every metric with its name and help text. The library appends `_total` to counters.
    fn register(&self) {
        let mut registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The program", version);
        registry.register("updates", "Updates, by kind and fate", self.updates.clone());
        registry.register(
            "answers",
            "Questions, by outcome and entry",
            self.answers.clone(),
        );
        registry.register("errors", "What went wrong, by kind", self.errors.clone());
        registry.register_with_unit(
            "commit_latency",
            "From handing a turn to the store until it would survive a power cut",
            Unit::Seconds,
            self.commits.clone(),
        );
        self.register_outbox(registry.sub_registry_with_prefix("outbox"));
        registry.register(
            "store_well",
            "Whether the store takes updates",
            self.store_well.clone(),
        );
        registry.register(
            "intake_moving",
            "Whether updates come in",
            self.is_receiving.clone(),
        );
        registry.register_with_unit(
            "clock_ahead",
            "How far the machine's clock was found ahead of Telegram's",
            Unit::Seconds,
            self.clock_ahead.clone(),
        );
        registry.register(
            "presses_unacknowledged",
            "Presses whose button was left spinning",
            self.unacknowledged.clone(),
        );
    }

    fn register_outbox(&self, outbox: &mut Registry) {
        outbox.register(
            "waiting",
            "Replies not yet sent",
            self.outbox.waiting.clone(),
        );
        outbox.register_with_unit(
            "age",
            "How long the oldest of them has waited",
            Unit::Seconds,
            self.outbox_age.clone(),
        );
        for (name, help, counter) in [
            ("sent", "Requests Telegram took", &self.outbox.sent),
            (
                "refused",
                "Parts of messages Telegram refused for good",
                &self.outbox.refused,
            ),
            (
                "held",
                "How often Telegram asked to wait",
                &self.outbox.held,
            ),
            (
                "failed",
                "Requests that failed and are made again",
                &self.outbox.failed,
            ),
            (
                "given_up",
                "Replies or parts of them kept as dead letters",
                &self.outbox.given_up,
            ),
            (
                "chats_gone",
                "Chats found to take nothing any more",
                &self.outbox.gone,
            ),
        ] {
            outbox.register(name, help, counter.clone());
        }
    }

    pub fn count_update(&self, kind: &'static str, outcome: UpdateOutcome) {
        let fate = outcome.name();
        self.updates
            .get_or_create(&UpdateLabels { kind, fate })
            .inc();
    }

    pub fn count_answers(&self, found: &[Found]) {
        for Found { outcome, entry } in found {
            let labels = AnswerLabels {
                outcome: outcome.as_str(),
                entry: entry.as_ref().map(ToString::to_string).unwrap_or_default(),
            };
            self.answers.get_or_create(&labels).inc();
        }
    }

    /// Whether any turn was committed since the start.
    pub fn has_committed(&self) -> bool {
        self.has_committed.load(Ordering::Relaxed)
    }

    pub fn observe_commit(&self, took: Duration) {
        self.has_committed.store(true, Ordering::Relaxed);
        self.commits.observe(took.as_secs_f64());
    }

    pub fn count_error(&self, kind: ErrorKind) {
        let kind = kind.name();
        self.errors.get_or_create(&ErrorLabels { kind }).inc();
    }

    /// Counts a press that was not acknowledged in time.
    pub fn count_unacknowledged(&self) {
        self.unacknowledged.inc();
    }

    pub fn unacknowledged(&self) -> u64 {
        self.unacknowledged.get()
    }

    /// Notes that updates are being received, which holds until `until`.
    pub fn receiving_until(&self, until: Timestamp) {
        self.receiving_until
            .store(until.as_second(), Ordering::Relaxed);
        *self.lock_receiving_fault() = None;
    }

    /// Notes why receiving failed. Updates still count as received until the time noted before.
    pub fn receiving_failed(&self, fault: String) {
        *self.lock_receiving_fault() = Some(fault);
    }

    /// Notes that no updates are received from now on, and why.
    pub fn not_receiving(&self, fault: String) {
        self.receiving_until.store(0, Ordering::Relaxed);
        self.receiving_failed(fault);
    }

    /// Why receiving failed, if it did.
    pub fn receiving_fault(&self) -> Option<String> {
        self.lock_receiving_fault().clone()
    }

    fn lock_receiving_fault(&self) -> MutexGuard<'_, Option<String>> {
        self.receiving_fault
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes by how much the clock was found to be ahead of the messages' dates.
    pub fn clock_ahead(&self, ahead: SignedDuration) {
        self.clock_ahead.set(ahead.as_secs());
    }

    /// Whether updates are known to be received.
    pub fn is_receiving(&self, now: Timestamp) -> bool {
        now.as_second() < self.receiving_until.load(Ordering::Relaxed)
    }

    /// All metrics in the OpenMetrics text format.
    pub fn page(&self, store_is_healthy: bool, now: Timestamp) -> String {
        let oldest = self.outbox.oldest.get();
        let age = if oldest == 0 {
            0
        } else {
            now.as_second() - oldest
        };
        self.outbox_age.set(age.max(0));
        self.store_well.set(i64::from(store_is_healthy));
        self.is_receiving.set(i64::from(self.is_receiving(now)));
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        let mut page = String::new();
        // Writing to a `String` does not fail.
        let _ = encode(&mut page, &registry);
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matching::Outcome;

    fn now() -> Timestamp {
        Timestamp::from_second(1_800_000_000).expect("a time")
    }

    #[test]
    fn what_happened_is_on_the_page_by_its_conventional_name() {
        let metrics = Metrics::new();
        metrics.count_update("text", UpdateOutcome::Handled);
        metrics.count_update("text", UpdateOutcome::Handled);
        metrics.count_error(ErrorKind::Store);
        metrics.observe_commit(Duration::from_millis(3));
        metrics.outbox.waiting.set(7);
        metrics.outbox.oldest.set(now().as_second() - 42);
        metrics.count_answers(&[Found {
            outcome: Outcome::Answer,
            entry: Some("unbind-steps".parse().expect("an id")),
        }]);
        let page = metrics.page(true, now());
        for line in [
            "unbind_bot_updates_total{kind=\"text\",fate=\"handled\"} 2",
            "unbind_bot_answers_total{outcome=\"answer\",entry=\"unbind-steps\"} 1",
            "unbind_bot_errors_total{kind=\"store\"} 1",
            "unbind_bot_commit_latency_seconds_count 1",
            "unbind_bot_commit_latency_seconds_bucket{le=\"0.004\"} 1",
            "unbind_bot_outbox_waiting 7",
            "unbind_bot_outbox_age_seconds 42",
            "unbind_bot_outbox_sent_total 0",
            "unbind_bot_store_well 1",
            "unbind_bot_intake_moving 0",
            "# EOF",
        ] {
            assert!(page.lines().any(|found| found == line), "{line} in\n{page}");
        }
    }

    #[test]
    fn updates_are_received_until_the_noted_time() {
        let metrics = Metrics::new();
        assert!(!metrics.is_receiving(now()), "it has not begun");
        metrics.receiving_until(now() + SignedDuration::from_secs(60));
        assert!(metrics.is_receiving(now() + SignedDuration::from_secs(59)));
        assert!(!metrics.is_receiving(now() + SignedDuration::from_secs(60)));
        metrics.receiving_failed("reset".to_owned());
        assert!(metrics.is_receiving(now()), "one failure says little");
        assert_eq!(metrics.receiving_fault().as_deref(), Some("reset"));
        metrics.not_receiving("refused".to_owned());
        assert!(!metrics.is_receiving(now()));
        metrics.receiving_until(now() + SignedDuration::from_secs(60));
        assert!(metrics.is_receiving(now()));
        assert_eq!(metrics.receiving_fault(), None);
    }
}
