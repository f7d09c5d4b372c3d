//! Telegram's limits for sending: per chat, per group, and overall. Time is an argument; waiting is left to the outbox,
//! which has to check all three before it sends anything.
//!
//! Why not `governor`: it takes a permit as it answers, reads its own clock, and keeps a table per limit. Here a permit
//! of three limits is taken at once or not at all, and a chat's limits are dropped with its queue.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

use super::gcra::{Gcra, Moment};

/// The burst of messages to a chat: two turns' worth. Telegram tolerates short bursts.
pub const CHAT_BURST: u32 = 5;
/// Telegram: "not more than 20 messages per minute" to a group.
const GROUP_MESSAGES: u32 = 20;
/// See [`GROUP_MESSAGES`].
const GROUP_SPAN: Duration = Duration::from_secs(60);

/// Messages per second; 0 means no limit, for a self-hosted Bot API server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// Over all chats.
    pub overall: u32,
    /// In one chat.
    pub per_chat: u32,
}

/// At most `most` messages in any `span`. Exact, because the time of each message is kept.
#[derive(Debug)]
pub struct SlidingWindow {
    most: usize,
    span: Duration,
    sent: VecDeque<Instant>,
}

impl SlidingWindow {
    fn new(most: u32, span: Duration) -> Self {
        Self {
            most: most as usize,
            span,
            sent: VecDeque::new(),
        }
    }

    /// The limit over all chats.
    pub fn overall(rates: Rates) -> Self {
        Self::new(rates.overall, Duration::from_secs(1))
    }

    fn is_none(&self) -> bool {
        self.most == 0
    }

    /// When the next message may be sent, at the earliest now.
    pub fn ready_at(&self, now: Instant) -> Instant {
        if self.is_none() || self.sent.len() < self.most {
            return now;
        }
        self.sent
            .front()
            .map_or(now, |first| first.plus(self.span).max(now))
    }

    /// Counts a message.
    pub fn take(&mut self, now: Instant) {
        if self.is_none() {
            return;
        }
        if self.sent.len() == self.most {
            self.sent.pop_front();
        }
        self.sent.push_back(now);
    }

    fn forgotten_at(&self, now: Instant) -> Instant {
        self.sent.back().map_or(now, |last| last.plus(self.span))
    }
}

/// The limits of one chat.
#[derive(Debug)]
pub struct ChatLimits {
    rate: Gcra<Instant>,
    window: Option<SlidingWindow>,
}

impl ChatLimits {
    pub fn new(rates: Rates, is_group: bool, now: Instant) -> Self {
        let has_window = is_group && rates.per_chat > 0;
        Self {
            rate: Gcra::new(rates.per_chat, now),
            window: has_window.then(|| SlidingWindow::new(GROUP_MESSAGES, GROUP_SPAN)),
        }
    }

    /// When the next message may be sent, at the earliest now.
    pub fn ready_at(&self, now: Instant) -> Instant {
        let window = self
            .window
            .as_ref()
            .map_or(now, |window| window.ready_at(now));
        self.rate.ready_at(CHAT_BURST, now).max(window)
    }

    /// Counts a message.
    pub fn take(&mut self, now: Instant) {
        self.rate.take(now);
        if let Some(window) = &mut self.window {
            window.take(now);
        }
    }

    /// From when on the limits have no effect and can be dropped.
    pub fn forgotten_at(&self, now: Instant) -> Instant {
        let window = self
            .window
            .as_ref()
            .map_or(now, |window| window.forgotten_at(now));
        self.rate.full_at().max(window).max(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATES: Rates = Rates {
        overall: 30,
        per_chat: 1,
    };

    /// When each of `count` waiting messages is sent, in milliseconds.
    fn times(limits: &mut ChatLimits, start: Instant, count: usize) -> Vec<u128> {
        let mut now = start;
        let mut next = || {
            now = limits.ready_at(now);
            limits.take(now);
            (now - start).as_millis()
        };
        (0..count).map(|_| next()).collect()
    }

    #[test]
    fn a_chat_gets_a_short_burst_and_then_one_a_second() {
        let start = Instant::now();
        let mut limits = ChatLimits::new(RATES, false, start);
        let seconds = times(&mut limits, start, 8);
        assert_eq!(seconds, [0, 0, 0, 0, 0, 1000, 2000, 3000]);
    }

    #[test]
    fn a_group_gets_twenty_in_any_minute() {
        let start = Instant::now();
        let mut limits = ChatLimits::new(RATES, true, start);
        let sent = times(&mut limits, start, 100);
        for (index, time) in sent.iter().enumerate().skip(20) {
            assert!(time - sent[index - 20] >= 60_000, "{index}: {sent:?}");
        }
        assert_eq!(sent[20], 60_000);
    }

    #[test]
    fn overall_there_are_thirty_in_any_second_and_no_less() {
        let start = Instant::now();
        let mut window = SlidingWindow::overall(RATES);
        let mut now = start;
        for _ in 0..300 {
            now = window.ready_at(now);
            window.take(now);
        }
        assert_eq!((now - start).as_secs(), 9);
    }

    #[test]
    fn a_rate_of_zero_is_no_limit() {
        let start = Instant::now();
        let none = Rates {
            overall: 0,
            per_chat: 0,
        };
        let mut limits = ChatLimits::new(none, true, start);
        assert_eq!(times(&mut limits, start, 1000)[999], 0);
        let mut window = SlidingWindow::overall(none);
        (0..1000).for_each(|_| window.take(start));
        assert_eq!(window.ready_at(start), start);
    }

    #[test]
    fn limits_are_dropped_once_they_have_no_effect() {
        let start = Instant::now();
        let mut limits = ChatLimits::new(RATES, true, start);
        assert_eq!(limits.forgotten_at(start), start);
        limits.take(start);
        assert_eq!(limits.forgotten_at(start), start + GROUP_SPAN);
    }
}
