//! The generic cell rate algorithm: a steady rate with a short burst, used by `rate_limit` and `flood_control`. Time is an
//! argument.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

/// A point in time of any clock.
pub trait Moment: Copy + Ord {
    fn plus(self, span: Duration) -> Self;

    /// The time since `earlier`; zero if that is not earlier.
    fn time_since(self, earlier: Self) -> Duration;
}

impl Moment for Instant {
    fn plus(self, span: Duration) -> Self {
        self + span
    }

    fn time_since(self, earlier: Self) -> Duration {
        self.saturating_duration_since(earlier)
    }
}

impl Moment for Timestamp {
    fn plus(self, span: Duration) -> Self {
        self.checked_add(span).unwrap_or(Self::MAX)
    }

    fn time_since(self, earlier: Self) -> Duration {
        Duration::try_from(self.duration_since(earlier)).unwrap_or_default()
    }
}

/// A steady rate with a short burst. Its only state is when the whole burst is available again.
#[derive(Debug)]
pub struct Gcra<T> {
    /// Between two messages in the long run.
    interval: Duration,
    full_at: T,
}

impl<T: Moment> Gcra<T> {
    /// A rate per second; 0 means no limit.
    pub fn new(rate: u32, now: T) -> Self {
        Self {
            interval: Duration::from_secs(1).checked_div(rate).unwrap_or_default(),
            full_at: now,
        }
    }

    /// When the next message is permitted with this burst, at the earliest now.
    pub fn ready_at(&self, burst: u32, now: T) -> T {
        let used = self.full_at.time_since(now);
        now.plus(used.saturating_sub(self.interval * burst.saturating_sub(1)))
    }

    /// Counts a message.
    pub fn take(&mut self, now: T) {
        self.full_at = self.full_at.max(now).plus(self.interval);
    }

    /// Forgets what was counted in a future that is none, after the clock was set back: with this burst, at most the whole
    /// burst is used up.
    pub fn forget_future(&mut self, burst: u32, now: T) {
        self.full_at = self.full_at.min(now.plus(self.interval * burst));
    }

    /// When the whole burst is available again.
    pub fn full_at(&self) -> T {
        self.full_at
    }
}
