//! Limits how fast one person may send messages: as fast as they can be answered, with a generous burst. A faster
//! sender is told so once, and admitted again once slow enough. Time is an argument.
//!
//! This protects other people rather than Telegram: every message is a turn, a commit and an answer that waits in the
//! outbox. `rate_limit` limits what the bot sends.

use std::{collections::HashMap, time::Duration};

use jiff::Timestamp;

use super::gcra::{Gcra, Moment};
use crate::dialogue::{ChatId, UserId};

/// The burst of messages and presses: two whole card removals.
const BURST: u32 = 30;
/// A sender who was too fast is admitted again when this much of the burst is free; otherwise every other message would
/// be answered with the same request to wait.
const READMIT_FREE: u32 = 10;
/// Above this number of senders, idle ones are dropped.
const MAX_SENDERS: usize = 10_000;

#[derive(Debug)]
pub struct FloodControl {
    /// Messages per second in the long run; 0 means no limit.
    rate: u32,
    senders: HashMap<Sender, Pace>,
}

/// A person, or the chat if the update names no person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sender {
    User(UserId),
    Chat(ChatId),
}

#[derive(Debug)]
struct Pace {
    rate: Gcra<Timestamp>,
    was_told: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    Admitted,
    /// Not admitted; the sender is told how long to wait.
    TellToWait(Duration),
    /// Not admitted; the sender was told already.
    Dropped,
}

impl FloodControl {
    /// Admits as many messages per second as one chat is sent; 0 means no limit.
    pub fn new(answers_a_second: u32) -> Self {
        Self {
            rate: answers_a_second,
            senders: HashMap::new(),
        }
    }

    /// Counts a message of `sender`.
    pub fn admit(&mut self, sender: Sender, now: Timestamp) -> Admission {
        if self.rate == 0 {
            return Admission::Admitted;
        }
        if self.senders.len() >= MAX_SENDERS {
            self.senders.retain(|_, pace| pace.rate.full_at() > now);
        }
        let pace = self.senders.entry(sender).or_insert_with(|| Pace {
            rate: Gcra::new(self.rate, now),
            was_told: false,
        });
        pace.admit(now)
    }
}

impl Pace {
    fn admit(&mut self, now: Timestamp) -> Admission {
        self.rate.forget_future(BURST, now);
        let regained_at = self.rate.ready_at(BURST - READMIT_FREE + 1, now);
        let ready_at = if self.was_told {
            regained_at
        } else {
            self.rate.ready_at(BURST, now)
        };
        if ready_at <= now {
            self.rate.take(now);
            self.was_told = false;
            return Admission::Admitted;
        }
        if self.was_told {
            return Admission::Dropped;
        }
        self.was_told = true;
        Admission::TellToWait(regained_at.time_since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: Sender = Sender::User(UserId(1));
    const BEN: Sender = Sender::User(UserId(2));

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + seconds).expect("a time")
    }

    #[test]
    fn a_burst_is_admitted_and_after_it_the_sender_is_told_to_wait_once() {
        let mut control = FloodControl::new(1);
        for _ in 0..BURST {
            assert_eq!(control.admit(ANN, at(0)), Admission::Admitted);
        }
        let wait = Duration::from_secs(READMIT_FREE.into());
        assert_eq!(control.admit(ANN, at(0)), Admission::TellToWait(wait));
        for second in 0..i64::from(READMIT_FREE) {
            assert_eq!(control.admit(ANN, at(second)), Admission::Dropped);
            assert_eq!(control.admit(BEN, at(second)), Admission::Admitted);
        }
        for _ in 0..READMIT_FREE {
            assert_eq!(
                control.admit(ANN, at(READMIT_FREE.into())),
                Admission::Admitted,
                "as promised"
            );
        }
    }

    #[test]
    fn a_sender_within_the_rate_is_always_admitted() {
        let mut control = FloodControl::new(1);
        assert!((0..1000).all(|second| control.admit(ANN, at(second)) == Admission::Admitted));
    }

    #[test]
    fn a_clock_that_is_set_back_silences_nobody() {
        for hours in [1, 24 * 400] {
            let mut control = FloodControl::new(1);
            let ahead = at(3600 * hours);
            while control.admit(ANN, ahead) == Admission::Admitted {}
            let again = at(i64::from(READMIT_FREE));
            assert_ne!(control.admit(ANN, at(0)), Admission::Admitted);
            assert_eq!(control.admit(ANN, again), Admission::Admitted, "{hours}");
        }
    }

    #[test]
    fn a_rate_of_zero_is_no_limit() {
        let mut control = FloodControl::new(0);
        assert!((0..1000).all(|_| control.admit(ANN, at(0)) == Admission::Admitted));
    }

    #[test]
    fn idle_senders_are_dropped() {
        let mut control = FloodControl::new(1);
        for (user, second) in (0..).zip(0..3 * MAX_SENDERS as i64) {
            control.admit(Sender::User(UserId(user)), at(second));
        }
        assert!(control.senders.len() <= MAX_SENDERS);
    }
}
