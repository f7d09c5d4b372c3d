//! Decides whether a request that fails again and again is the fault of its reply or of the server. Pure; time is an
//! argument.
//!
//! A server that is down fails for everybody, so while nothing else is answered no reply is given up, however often it
//! fails. A reply is at fault if it keeps failing while other requests are answered, and those at once: where many are
//! answered only after a failure of their own, the server is the one in trouble. If no other request is made meanwhile,
//! the reply behind it is tried directly after a failure; if that is answered, the first reply is given up.

use std::time::Duration;

use tokio::time::Instant;

use crate::telegram::{gcra::Moment, retry::growing_pause};

/// Failures in a row after which a reply may be given up: with pauses of 1, 2, 4 … s they take half a minute, longer than
/// a server takes to restart.
pub(super) const MAX_FAILURES: u32 = 6;
/// A request that timed out counts as this many failures: it took longer, and each may be a message sent twice.
const TIMEOUT_WEIGHT: u32 = 2;
/// How many of the failures must have followed upon a request of another address that was answered. One may be the first
/// of a server that has just recovered.
const MIN_OUTDONE: u32 = 2;
/// A server is in trouble if more than one in this many answered requests had failed before. If one in four fails by
/// chance, six failures in a row happen to one reply in 4,000.
const ONE_IN: u64 = 4;
/// How long a reply is tried while the server is in trouble: longer than most outages.
const PATIENCE: Duration = Duration::from_secs(30 * 60);
/// How soon after a failure the reply behind must be tried, so that the server has not recovered in between.
const PROBE_WITHIN: Duration = Duration::from_secs(2);
/// The longest pause between two failures.
pub(super) const MAX_PAUSE: Duration = Duration::from_secs(60);
/// The pause after the first time-out. The server may be carrying the request out all this time.
const TIMEOUT_PAUSE: Duration = Duration::from_secs(15);
/// The longest pause after a time-out.
const MAX_TIMEOUT_PAUSE: Duration = Duration::from_secs(5 * 60);

/// What became of all requests since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Requests that Telegram answered.
    answered: u64,
    /// Those among them that had failed before.
    recovered: u64,
}

impl Tally {
    /// Counts an answered request, and whether it had failed before.
    pub(super) fn note_answer(&mut self, had_failed: bool) {
        self.answered += 1;
        self.recovered += u64::from(had_failed);
    }
}

/// How a request failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// It was answered with an error of the server, or not at all.
    Failed,
    /// It was not answered in time and may have been carried out.
    TimedOut,
}

/// The failures in a row of one request of a reply. Only in memory: after a restart they are counted anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trouble {
    failures: u32,
    timeouts: u32,
    /// The last error.
    fault: String,
    /// The failures before which another request was answered.
    outdone: u32,
    since: Instant,
    /// The tally at its first failure.
    first: Tally,
    /// The tally at its last failure.
    last: Tally,
    /// Until when the reply behind it may be tried in its place.
    probe_until: Option<Instant>,
}

impl Trouble {
    /// No failure yet.
    pub(super) fn new(tally: Tally, now: Instant) -> Self {
        Self {
            failures: 0,
            timeouts: 0,
            fault: String::new(),
            outdone: 0,
            since: now,
            first: tally,
            last: tally,
            probe_until: None,
        }
    }

    pub(super) fn note(&mut self, failure: Failure, fault: &str, tally: Tally, now: Instant) {
        fault.clone_into(&mut self.fault);
        let (weight, timeouts) = match failure {
            Failure::Failed => (1, 0),
            Failure::TimedOut => (TIMEOUT_WEIGHT, 1),
        };
        self.failures = self.failures.saturating_add(weight);
        self.timeouts = self.timeouts.saturating_add(timeouts);
        let is_outdone = tally.answered > self.last.answered;
        self.outdone = self.outdone.saturating_add(u32::from(is_outdone));
        self.last = tally;
        let may_probe = self.is_suspect(now);
        self.probe_until = may_probe.then(|| now.plus(PROBE_WITHIN));
    }

    /// Until when the reply behind it may be tried, to see whether the server answers at all.
    pub(super) fn probe_until(&self) -> Option<Instant> {
        self.probe_until
    }

    /// Notes that the reply behind it was tried.
    pub(super) fn end_probe(&mut self) {
        self.probe_until = None;
    }

    /// Whether the reply is at fault.
    pub(super) fn is_the_replys(&self, now: Instant) -> bool {
        self.outdone >= MIN_OUTDONE && self.is_suspect(now)
    }

    /// What happened, for a dead letter.
    pub(super) fn describe(&self) -> String {
        format!(
            "it failed again and again while others were answered: {}",
            self.fault
        )
    }

    pub(super) fn timeouts(&self) -> u32 {
        self.timeouts
    }

    /// The pause before the next attempt, the longer the more often it failed.
    pub(super) fn pause_after(&self, failure: Failure, attempts: u32) -> Duration {
        match failure {
            Failure::Failed => growing_pause(attempts.saturating_add(1), MAX_PAUSE),
            Failure::TimedOut => {
                let doubled = self.timeouts.saturating_sub(1).min(16);
                let pause = TIMEOUT_PAUSE.saturating_mul(1 << doubled);
                pause.min(MAX_TIMEOUT_PAUSE)
            }
        }
    }

    /// Whether it failed often enough, and the server is not in trouble or was so for too long.
    fn is_suspect(&self, now: Instant) -> bool {
        let is_old = now.time_since(self.since) >= PATIENCE;
        self.failures >= MAX_FAILURES && (is_old || self.others_are_well())
    }

    /// Whether those requests of others that were answered since its first failure were so at once.
    fn others_are_well(&self) -> bool {
        let answered = self.last.answered.saturating_sub(self.first.answered);
        let recovered = self.last.recovered.saturating_sub(self.first.recovered);
        recovered.saturating_mul(ONE_IN) <= answered
    }
}
