//! How long to wait before a failed request is repeated.

use std::time::Duration;

use tokio::time::Instant;

use super::api::ApiError;

/// The longest pause between two attempts.
pub const MAX_BACKOFF: Duration = Duration::from_secs(30);
/// The longest pause that Telegram is believed to ask for where everybody would wait: at most, a request is made in vain.
const MAX_PAUSE_ASKED: Duration = Duration::from_secs(5 * 60);
/// How often in a row a token that was good must be refused before it counts as revoked, and …
const REFUSALS_OF_TOKEN: u32 = 30;
/// … for how long: a local Bot API server that restarts or logs out, or a proxy, also answers 401, and recovers.
const REFUSED_TOKEN_SPAN: Duration = Duration::from_secs(60 * 60);

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

    /// The pause after this error: as long as Telegram asks for, within bounds, or longer with each failure.
    pub fn pause_after(&mut self, error: &ApiError) -> Duration {
        self.failures = self.failures.saturating_add(1);
        match error {
            ApiError::TooManyRequests(asked) => (*asked).min(MAX_PAUSE_ASKED),
            ApiError::Unauthorized
            | ApiError::NotFound
            | ApiError::Migrated(_)
            | ApiError::Refused { .. }
            | ApiError::Redirected(_)
            | ApiError::Unavailable(_)
            | ApiError::Network(_) => growing_pause(self.failures, self.longest),
        }
    }
}

/// Counts the refusals in a row of a token that was good when the service started.
#[derive(Debug, Default)]
pub struct TokenRefusals {
    count: u32,
    since: Option<Instant>,
}

impl TokenRefusals {
    /// Counts the error if it is a refusal of the token. Any answer that is none begins the count anew; a failure to
    /// reach the server says nothing about the token.
    pub fn count(&mut self, error: &ApiError, now: Instant) {
        match error {
            ApiError::Unauthorized => {
                self.count = self.count.saturating_add(1);
                self.since.get_or_insert(now);
            }
            ApiError::Network(_) | ApiError::Unavailable(_) => {}
            ApiError::NotFound
            | ApiError::TooManyRequests(_)
            | ApiError::Migrated(_)
            | ApiError::Refused { .. }
            | ApiError::Redirected(_) => self.reset(),
        }
    }

    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// Whether the token counts as revoked.
    pub fn is_revoked(&self, now: Instant) -> bool {
        self.count >= REFUSALS_OF_TOKEN
            && self
                .since
                .is_some_and(|since| now.duration_since(since) >= REFUSED_TOKEN_SPAN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_counts_as_revoked_after_many_refusals_in_a_row_over_an_hour() {
        let start = Instant::now();
        let refused = |times: u32, span: Duration| {
            let mut refusals = TokenRefusals::default();
            for time in 0..times {
                let now = start + span * time / times.max(2).saturating_sub(1);
                refusals.count(&ApiError::Unauthorized, now);
            }
            refusals
        };
        let long = start + REFUSED_TOKEN_SPAN;
        assert!(refused(REFUSALS_OF_TOKEN, REFUSED_TOKEN_SPAN).is_revoked(long));
        assert!(!refused(REFUSALS_OF_TOKEN - 1, REFUSED_TOKEN_SPAN).is_revoked(long));
        let soon = long - Duration::from_secs(1);
        assert!(!refused(10 * REFUSALS_OF_TOKEN, Duration::from_secs(60)).is_revoked(soon));
        let mut interrupted = refused(REFUSALS_OF_TOKEN, REFUSED_TOKEN_SPAN);
        interrupted.count(&ApiError::Network("reset".to_owned()), long);
        assert!(interrupted.is_revoked(long));
        interrupted.count(&ApiError::NotFound, long);
        assert!(!interrupted.is_revoked(long));
        assert!(!TokenRefusals::default().is_revoked(long));
    }

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
        let absurd = ApiError::TooManyRequests(Duration::from_secs(60 * 60));
        let errors = [&down, &down, &asked, &absurd];
        let pauses = errors.map(|error| backoff.pause_after(error).as_secs());
        assert_eq!(pauses, [1, 2, 77, 300]);
        assert!(backoff.has_failed());
        backoff.reset();
        assert!(!backoff.has_failed());
        assert_eq!(backoff.pause_after(&down).as_secs(), 1);
    }
}
