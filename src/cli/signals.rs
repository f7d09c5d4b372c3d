//! What signals mean to `serve`.
//!
//! | signal | effect |
//! |---|---|
//! | SIGTERM, SIGINT, SIGQUIT | It stops: updates in flight are committed, a backup is made, the store is closed. |
//! | SIGHUP | Daemons reload at it, so the knowledge base is read now. Started in a terminal it means that the terminal was closed, and stops it: otherwise it would go on unseen, and a second start would find the store in use. |
//! | SIGUSR1, SIGUSR2 | None. Programs that rotate logs send them by habit, and without this they would kill. |

use std::io::{self, IsTerminal};

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::common::Failure;

/// The signals as they are received; from now on none of them ends the process by itself.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    quit: Signal,
    hang_up: Signal,
    user_1: Signal,
    user_2: Signal,
    in_terminal: bool,
}

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Request {
    Stop,
    ReadKnowledge,
    Nothing,
}

impl Signals {
    /// # Errors
    /// The system does not let it receive them.
    pub(super) fn listen() -> Result<Self, Failure> {
        let listen = |kind| {
            signal(kind)
                .map_err(|error| Failure::failed(format!("cannot receive signals: {error}")))
        };
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            quit: listen(SignalKind::quit())?,
            hang_up: listen(SignalKind::hangup())?,
            user_1: listen(SignalKind::user_defined1())?,
            user_2: listen(SignalKind::user_defined2())?,
            in_terminal: io::stdin().is_terminal() || io::stderr().is_terminal(),
        })
    }

    /// Resolves at the first signal that stops; calls `read_knowledge` at each that asks for it.
    pub(super) async fn until_stop(mut self, read_knowledge: impl Fn()) {
        loop {
            match self.next().await {
                Request::Stop => return tracing::info!("stopping after a signal"),
                Request::ReadKnowledge => {
                    tracing::info!("reading the knowledge base after SIGHUP");
                    read_knowledge();
                }
                Request::Nothing => {
                    tracing::info!("SIGUSR1 and SIGUSR2 have no effect; the service goes on");
                }
            }
        }
    }

    async fn next(&mut self) -> Request {
        tokio::select! {
            _ = self.terminate.recv() => Request::Stop,
            _ = self.interrupt.recv() => Request::Stop,
            _ = self.quit.recv() => Request::Stop,
            _ = self.hang_up.recv() => at_hang_up(self.in_terminal),
            _ = self.user_1.recv() => Request::Nothing,
            _ = self.user_2.recv() => Request::Nothing,
        }
    }
}

fn at_hang_up(in_terminal: bool) -> Request {
    if in_terminal {
        Request::Stop
    } else {
        Request::ReadKnowledge
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hang_up_stops_only_what_a_terminal_started() {
        assert_eq!(at_hang_up(true), Request::Stop);
        assert_eq!(at_hang_up(false), Request::ReadKnowledge);
    }
}
