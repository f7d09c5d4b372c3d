//! The async runtime: a bounded number of threads, and a start that fails in words where they cannot be had.

use std::{
    io,
    sync::mpsc,
    thread::{self, JoinHandle},
};

use tokio::runtime::{Builder, Runtime};

use super::common::Failure;

/// Threads that run tasks. The store has one writer and Telegram a limit of about 30 messages a second, so more would only
/// wait; a thread for each of 96 cores would also break the limit that a service manager sets.
const WORKER_THREADS: usize = 4;
/// Threads for work that blocks: hashing PINs (each takes 19 MiB meanwhile), indexing, looking up names.
const BLOCKING_THREADS: usize = 8;
/// Threads of the rest: the store with its engine (about 15), knowledge (2), timers, backups, signals, and a reserve.
const OTHER_THREADS: usize = 24;

/// Runs a command to its end.
///
/// # Errors
/// The threads cannot be started, or the command's own failure.
pub(super) fn run(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = start()?;
    let ended = runtime.block_on(command);
    // What still blocks (a look-up of a name, a folder on a dead mount) has nothing to finish and must not hold up the end.
    runtime.shutdown_background();
    ended
}

fn start() -> Result<Runtime, Failure> {
    let needed = WORKER_THREADS + BLOCKING_THREADS + OTHER_THREADS;
    probe_threads(needed, spawn_waiting).map_err(|error| {
        Failure::failed(format!(
            "cannot start {needed} threads: {error}; raise the limit of threads (`ulimit -u`, TasksMax of the systemd unit, --pids-limit of the container)"
        ))
    })?;
    Builder::new_multi_thread()
        .worker_threads(WORKER_THREADS)
        .max_blocking_threads(BLOCKING_THREADS)
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("cannot start the runtime: {error}")))
}

/// Starts this many threads side by side and ends them again. Where one cannot be started, tokio panics or waits for ever,
/// and sled goes on without its threads, so that is found out before.
fn probe_threads(
    count: usize,
    spawn: impl Fn(mpsc::Receiver<()>) -> io::Result<JoinHandle<()>>,
) -> io::Result<()> {
    let mut started = Vec::new();
    let mut outcome = Ok(());
    for _ in 0..count {
        let (end, ended) = mpsc::channel();
        match spawn(ended) {
            Ok(thread) => started.push((end, thread)),
            Err(error) => {
                outcome = Err(error);
                break;
            }
        }
    }
    for (end, thread) in started {
        drop(end);
        // It only waits, so it does not panic.
        let _ = thread.join();
    }
    outcome
}

/// A thread that waits until the other end is dropped.
fn spawn_waiting(ended: mpsc::Receiver<()>) -> io::Result<JoinHandle<()>> {
    let wait = move || {
        let _ = ended.recv();
    };
    thread::Builder::new().name("probe".to_owned()).spawn(wait)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn too_few_threads_are_found_out_and_those_started_end() {
        assert!(probe_threads(3, spawn_waiting).is_ok());
        let started = Cell::new(0);
        let limited = |ended| {
            if started.replace(started.get() + 1) < 2 {
                spawn_waiting(ended)
            } else {
                Err(io::ErrorKind::WouldBlock.into())
            }
        };
        let refused = probe_threads(3, limited).expect_err("the limit is reached");
        assert_eq!(refused.kind(), io::ErrorKind::WouldBlock);
    }
}
