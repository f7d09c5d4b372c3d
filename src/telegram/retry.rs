//! How long to wait before a failed request is repeated.

use std::time::Duration;

use super::api::ApiError;

/// The longest pause between two attempts.
pub const MAX_BACKOFF: Duration = Duration::from_secs(30);

/// The pause after this many failures in a row: 1, 2, 4 … seconds, at most `most`.
pub fn growing_pause(failures: u32, most: Duration) -> Duration {
    let exponent = failures.saturating_sub(1).min(16);
    Duration::from_secs(1 << exponent).min(most)
}

/// Counts the consecutive failures of a request that is repeated until it succeeds.
#[derive(Debug)]
pub struct Backoff {
    failures: u32,
    longest: Duration,
}

impl Backoff {
    /// Pauses of at most `longest`, unless Telegram asks for more.
    pub fn new(longest: Duration) -> Self {
        Self {
            failures: 0,
            longest,
        }
    }

    pub fn reset(&mut self) {
        self.failures = 0;
    }

    pub fn has_failed(&self) -> bool {
        self.failures > 0
    }

    /// The pause after this error: as long as Telegram asks for, or longer with each failure.
    pub fn pause_after(&mut self, error: &ApiError) -> Duration {
        self.failures = self.failures.saturating_add(1);
        match error {
            ApiError::TooManyRequests(asked) => *asked,
            ApiError::Unauthorized
            | ApiError::Migrated(_)
            | ApiError::Refused { .. }
            | ApiError::Unavailable(_)
            | ApiError::Network(_) => growing_pause(self.failures, self.longest),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_a_bound() {
        let most = Duration::from_secs(30);
        let pauses = [1, 2, 3, 5, 6, 100].map(|failures| growing_pause(failures, most).as_secs());
        assert_eq!(pauses, [1, 2, 4, 16, 30, 30]);
    }

    #[test]
    fn a_request_waits_as_long_as_telegram_asks_and_begins_anew_after_a_success() {
        let mut backoff = Backoff::new(Duration::from_secs(30));
        let down = ApiError::Unavailable("502".to_owned());
        let asked = ApiError::TooManyRequests(Duration::from_secs(77));
        let pauses = [&down, &down, &asked].map(|error| backoff.pause_after(error).as_secs());
        assert_eq!(pauses, [1, 2, 77]);
        assert!(backoff.has_failed());
        backoff.reset();
        assert!(!backoff.has_failed());
        assert_eq!(backoff.pause_after(&down).as_secs(), 1);
    }
}
