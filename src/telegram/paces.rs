//! How fast one person may talk: as fast as they can be answered, with a generous burst. Whoever is faster is told so
//! once, and heard again when their pace is. Time is an argument.
//!
//! How fast the bot may talk is `limits`'s. This is not for Telegram's sake but for the others': every message is a turn,
//! a commit and an answer that waits in the outbox.

use std::{collections::HashMap, time::Duration};

use jiff::{SignedDuration, Timestamp};

use crate::dialogue::{ChatId, UserId};

/// Messages and presses somebody may send at once: a whole removal, twice, as fast as fingers go.
const BURST: u32 = 30;
/// Whoever was too fast is heard again when so many of the burst are free: otherwise every other message would be
/// answered with the same kind word.
const REGAINED: u32 = 10;
/// Paces remembered before those that say nothing any more are dropped.
const REMEMBERED: usize = 10_000;

/// Who is as fast as what.
#[derive(Debug)]
pub struct Paces {
    /// Between two messages in the long run; `None` is no limit.
    interval: Option<SignedDuration>,
    of: HashMap<Talker, Pace>,
}

/// Whom a pace is of: a person, or where none is named, a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Talker {
    /// A person.
    User(UserId),
    /// A chat.
    Chat(ChatId),
}

#[derive(Debug)]
struct Pace {
    /// When the whole burst is free again.
    free_at: Timestamp,
    was_told: bool,
}

/// What is to be done with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// It is heard.
    Yes,
    /// It is not; whoever sent it is told how long to wait.
    TellToWait(Duration),
    /// It is not, and they know.
    No,
}

impl Paces {
    /// As many messages a second as one chat is answered; 0 is no limit.
    pub fn new(answers_a_second: u32) -> Self {
        let interval = SignedDuration::from_secs(1).checked_div(answers_a_second.cast_signed());
        Self {
            interval,
            of: HashMap::new(),
        }
    }

    /// One more message of `talker`.
    pub fn hear(&mut self, talker: Talker, now: Timestamp) -> Heard {
        let Some(interval) = self.interval else {
            return Heard::Yes;
        };
        if self.of.len() >= REMEMBERED {
            self.of.retain(|_, pace| pace.free_at > now);
        }
        let pace = self.of.entry(talker).or_insert(Pace {
            free_at: now,
            was_told: false,
        });
        pace.hear(interval, now)
    }
}

impl Pace {
    fn hear(&mut self, interval: SignedDuration, now: Timestamp) -> Heard {
        let taken = self.free_at.max(now).duration_since(now);
        let most = match self.was_told {
            true => interval * (BURST - REGAINED).cast_signed(),
            false => interval * (BURST - 1).cast_signed(),
        };
        if taken <= most {
            self.free_at = self.free_at.max(now) + interval;
            self.was_told = false;
            return Heard::Yes;
        }
        if self.was_told {
            return Heard::No;
        }
        self.was_told = true;
        let wait = taken - interval * (BURST - REGAINED).cast_signed();
        Heard::TellToWait(wait.unsigned_abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: Talker = Talker::User(UserId(1));
    const BEN: Talker = Talker::User(UserId(2));

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + seconds).expect("a time")
    }

    #[test]
    fn a_burst_is_heard_and_what_is_beyond_is_told_to_wait_once() {
        let mut paces = Paces::new(1);
        for _ in 0..BURST {
            assert_eq!(paces.hear(ANN, at(0)), Heard::Yes);
        }
        let wait = Duration::from_secs(REGAINED.into());
        assert_eq!(paces.hear(ANN, at(0)), Heard::TellToWait(wait));
        for second in 0..i64::from(REGAINED) {
            assert_eq!(paces.hear(ANN, at(second)), Heard::No);
            assert_eq!(paces.hear(BEN, at(second)), Heard::Yes);
        }
        for _ in 0..REGAINED {
            assert_eq!(
                paces.hear(ANN, at(REGAINED.into())),
                Heard::Yes,
                "as promised"
            );
        }
    }

    #[test]
    fn whoever_keeps_to_the_pace_is_always_heard() {
        let mut paces = Paces::new(1);
        assert!((0..1000).all(|second| paces.hear(ANN, at(second)) == Heard::Yes));
    }

    #[test]
    fn a_rate_of_nought_is_no_limit() {
        let mut paces = Paces::new(0);
        assert!((0..1000).all(|_| paces.hear(ANN, at(0)) == Heard::Yes));
    }

    #[test]
    fn those_who_have_gone_quiet_are_forgotten() {
        let mut paces = Paces::new(1);
        for (user, second) in (0..).zip(0..3 * REMEMBERED as i64) {
            paces.hear(Talker::User(UserId(user)), at(second));
        }
        assert!(paces.of.len() <= REMEMBERED);
    }
}
