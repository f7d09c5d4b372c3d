//! What is known about the time besides the machine's clock, which may jump: after a start without a network, a suspend, a
//! virtual machine put back to a snapshot, a clock set to local time.
//!
//! A message cannot be newer than the present, so its date says how late it is at least; from then on the time that has
//! passed since is counted. A clock that is behind is corrected by this. One that is ahead cannot be told from a message
//! that waited, except by days; so the clock's time is used, and what is deleted for good waits for the messages' time.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use jiff::{SignedDuration, Timestamp};

use crate::dialogue::{MAX_CLOCK_AHEAD, TimeCheck};

/// What the clock is compared with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TimeSource {
    /// With nothing: the time that is given is right, as in a test.
    #[default]
    Given,
    /// With the dates of messages.
    Messages,
    /// With nothing, although the clock may be wrong, as in a terminal.
    ClockAlone,
}

/// Compares the clock with the dates of messages.
#[derive(Debug, Default)]
pub(super) struct KnownTime {
    source: TimeSource,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// The latest date of a message, and when it was noted.
    newest: Option<(Timestamp, Instant)>,
    is_ahead: bool,
}

impl Known {
    /// It is at least this late; `None` before the first message.
    fn passed(&self, at: Instant) -> Option<Timestamp> {
        let (date, noted) = self.newest?;
        date.checked_add(at.saturating_duration_since(noted)).ok()
    }
}

/// What the comparison with a new message showed about the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClockState {
    /// As before.
    Unchanged,
    /// It is found to be ahead by this much.
    Ahead(SignedDuration),
    /// It was ahead, and is not any more.
    Corrected,
}

impl KnownTime {
    pub(super) fn new(source: TimeSource) -> Self {
        Self {
            source,
            known: Mutex::default(),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a message was written at `date`, perhaps long ago.
    pub(super) fn note_past(&self, date: Timestamp, at: Instant) {
        let mut known = self.known();
        if known.passed(at).is_none_or(|passed| passed < date) {
            known.newest = Some((date, at));
        }
    }

    /// Notes that a message was delivered that was written at `date`, a day ago at most, and compares the clock with it.
    pub(super) fn note_delivered(
        &self,
        date: Timestamp,
        now: Timestamp,
        at: Instant,
    ) -> ClockState {
        self.note_past(date, at);
        let mut known = self.known();
        let ahead = now.duration_since(known.passed(at).unwrap_or(date));
        let was_ahead = known.is_ahead;
        known.is_ahead = ahead > MAX_CLOCK_AHEAD;
        match (was_ahead, known.is_ahead) {
            (false, true) => ClockState::Ahead(ahead),
            (true, false) => ClockState::Corrected,
            (true, true) | (false, false) => ClockState::Unchanged,
        }
    }

    /// The time of a turn at which the clock says `now`, and what it was compared with.
    pub(super) fn check(&self, now: Timestamp, at: Instant) -> (Timestamp, TimeCheck) {
        match self.source {
            TimeSource::Given => (now, TimeCheck::AtLeast(now)),
            TimeSource::ClockAlone => (now, TimeCheck::Nothing),
            TimeSource::Messages => {
                // Before the first message nothing is certain, so nothing is deleted.
                let passed = self.known().passed(at).unwrap_or(Timestamp::UNIX_EPOCH);
                (now.max(passed), TimeCheck::AtLeast(passed))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const DAY: SignedDuration = SignedDuration::from_hours(24);

    fn now() -> Timestamp {
        Timestamp::from_second(1_800_000_000).expect("a time")
    }

    #[test]
    fn before_the_first_message_nothing_is_certain() {
        let known = KnownTime::new(TimeSource::Messages);
        let checked = known.check(now(), Instant::now());
        assert_eq!(checked, (now(), TimeCheck::AtLeast(Timestamp::UNIX_EPOCH)));
    }

    #[test]
    fn a_clock_ahead_is_found_and_what_is_certain_goes_on() {
        let (known, begun) = (KnownTime::new(TimeSource::Messages), Instant::now());
        let wrong = now() + DAY * 400;
        let state = known.note_delivered(now(), wrong, begun);
        assert_eq!(state, ClockState::Ahead(DAY * 400));
        assert_eq!(
            known.note_delivered(now(), wrong, begun),
            ClockState::Unchanged,
            "said once"
        );
        let later = begun + Duration::from_secs(60);
        let passed = now() + SignedDuration::from_secs(60);
        assert_eq!(
            known.check(wrong, later),
            (wrong, TimeCheck::AtLeast(passed))
        );
        let state = known.note_delivered(passed, passed, later);
        assert_eq!(state, ClockState::Corrected);
    }

    #[test]
    fn a_clock_behind_is_corrected_by_any_message_however_old() {
        let (known, begun) = (KnownTime::new(TimeSource::Messages), Instant::now());
        known.note_past(now(), begun);
        for behind in [SignedDuration::from_hours(1), DAY * 400] {
            let checked = known.check(now() - behind, begun);
            assert_eq!(checked, (now(), TimeCheck::AtLeast(now())));
        }
        known.note_past(now() - DAY, begun);
        assert_eq!(known.check(now() - DAY, begun).0, now(), "an older message");
    }

    #[test]
    fn a_message_that_waited_for_a_day_does_not_make_the_clock_wrong() {
        let known = KnownTime::new(TimeSource::Messages);
        let state = known.note_delivered(now() - DAY, now(), Instant::now());
        assert_eq!(state, ClockState::Unchanged);
    }
}
