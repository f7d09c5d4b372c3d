//! Wakes the chats that are due.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::sleep;

use super::Assistant;
use crate::{dialogue::Event, store::OutboxRow};

/// The clock is read at least this often, since it may be set and the machine may sleep.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// Wakes chats when they are due, and passes their replies to `deliver`; never returns.
pub async fn run(
    assistant: &Assistant,
    clock: impl Fn() -> Timestamp,
    deliver: impl Fn(Vec<OutboxRow>),
) {
    let timers = assistant.timers();
    loop {
        let now = clock();
        for chat in timers.due_chats(now) {
            match assistant.handle(chat, None, &Event::wake(), now).await {
                Ok(handled) => deliver(handled.rows),
                Err(error) => {
                    tracing::error!(%chat, %error, "a chat could not be woken; it is tried again")
                }
            }
            timers.postpone(chat, now);
        }
        let until_next = timers
            .next()
            .map(|at| Duration::try_from(at.duration_since(clock())).unwrap_or_default());
        tokio::select! {
            () = timers.wait_changed() => {}
            () = sleep(until_next.unwrap_or(LONGEST_SLEEP).min(LONGEST_SLEEP)) => {}
        }
    }
}
