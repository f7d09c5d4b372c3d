//! Hot reload: replaces the knowledge base of a running assistant when its folder has changed, or when it is told to.
//!
//! The changed base is read, checked and indexed, then swapped in; a base with a fault is not loaded, and the previous one
//! stays. `knowledge::watch` notices changes. This runs on its own thread, since indexing takes long and a file system may
//! hang; a second thread reports a reading that does not end.

use std::{
    fmt, io,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError},
    },
    thread::{self, Thread},
    time::{Duration, Instant},
};

use super::Assistant;
use crate::{
    dialogue::Base,
    knowledge::{
        Changes, Fault, Faults, Knowledge,
        watch::{POLL_INTERVAL, Watcher},
    },
    panics,
};

/// Faults reported for one change. A wrong folder has hundreds, and the first ones are enough to see that.
const MAX_REPORTED_FAULTS: usize = 50;
/// How long reading and indexing may take before it is reported: far longer than for any base, and short enough for an
/// operator who wonders why an edit does not show.
const STALL_AFTER: Duration = Duration::from_secs(30);

/// The result of reading a changed folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reload {
    /// It is in use from now on.
    Taken(Changes),
    /// It equals the base in use: files were only touched, or an edit was undone.
    Same,
    /// It has faults; the previous base stays.
    Refused(Faults),
    /// Reading it panicked; the previous base stays.
    Panicked,
    /// Reading it has taken this long and has not ended: a network mount that does not answer, for example.
    Stalled(Duration),
    /// A reading that was reported as stalled has ended.
    Resumed,
}

impl Reload {
    /// The faults to report.
    pub fn faults(&self) -> &[Fault] {
        match self {
            Self::Refused(Faults(faults)) => &faults[..faults.len().min(MAX_REPORTED_FAULTS)],
            Self::Taken(_) | Self::Same | Self::Panicked | Self::Stalled(_) | Self::Resumed => &[],
        }
    }

    pub fn log(&self) {
        match self {
            Self::Taken(_) | Self::Same | Self::Resumed => tracing::info!("{self}"),
            Self::Refused(_) | Self::Panicked | Self::Stalled(_) => tracing::error!("{self}"),
        }
        for fault in self.faults() {
            tracing::error!("{fault}");
        }
    }
}

impl fmt::Display for Reload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken(changes) => write!(f, "the changed knowledge base is in use: {changes}"),
            Self::Same => f.write_str("the knowledge base was read again; nothing has changed"),
            Self::Refused(Faults(faults)) => {
                let count = faults.len();
                write!(
                    f,
                    "the changed knowledge base was not loaded, the previous one stays in use; {count} fault(s)"
                )?;
                if count > MAX_REPORTED_FAULTS {
                    write!(f, ", the first {MAX_REPORTED_FAULTS} (`unbind-bot check` finds all):")
                } else {
                    f.write_str(":")
                }
            }
            Self::Panicked => f.write_str(
                "reading the changed knowledge base panicked, which is a bug in this program; the previous one stays in use",
            ),
            Self::Stalled(for_long) => write!(
                f,
                "reading the knowledge base has taken {} s and has not ended; until it does, edits are not loaded and the previous one stays in use: check the disk or the network mount it is on",
                for_long.as_secs()
            ),
            Self::Resumed => f.write_str("reading the knowledge base has ended; edits are loaded again"),
        }
    }
}

/// Reloads an assistant's knowledge base when its folder changes.
pub struct Reloader {
    /// Weak, so that reading a folder does not keep a service from ending.
    assistant: Weak<Assistant>,
    watcher: Watcher,
}

impl Reloader {
    pub fn new(assistant: &Arc<Assistant>, watcher: Watcher) -> Self {
        Self {
            assistant: Arc::downgrade(assistant),
            watcher,
        }
    }

    /// Checks the folder once, and loads it if it changed, has stopped changing and has no fault. Blocks while it reads and
    /// indexes.
    pub fn poll(&mut self, now: Instant) -> Option<Reload> {
        panics::catch(|| self.reload(now)).unwrap_or(Some(Reload::Panicked))
    }

    /// Reads the folder now, changed or not, and loads it if it has no fault.
    pub fn read_now(&mut self) -> Option<Reload> {
        panics::catch(|| {
            let read = self.watcher.read_now();
            self.take(read)
        })
        .unwrap_or(Some(Reload::Panicked))
    }

    fn reload(&mut self, now: Instant) -> Option<Reload> {
        let read = self.watcher.poll(now)?;
        self.take(read)
    }

    /// Replaces the assistant's base by what was read; `None` if the assistant has ended.
    fn take(&self, read: Result<Knowledge, Faults>) -> Option<Reload> {
        let knowledge = match read {
            Ok(knowledge) => knowledge,
            Err(faults) => return Some(Reload::Refused(faults)),
        };
        let before = self.assistant.upgrade()?.base();
        let changes = Changes::between(&before.knowledge, &knowledge);
        if changes.is_empty() {
            return Some(Reload::Same);
        }
        let base = Base::new(knowledge);
        self.assistant.upgrade()?.replace_base(base);
        Some(Reload::Taken(changes))
    }

    /// Polls the folder on a thread while the assistant exists, and reports the result of every change, and a reading that
    /// does not end.
    ///
    /// The threads are not joined: they end soon after the assistant, or with the process.
    ///
    /// # Errors
    /// A thread cannot be started.
    pub fn start(
        mut self,
        report: impl Fn(&Reload) + Send + Sync + 'static,
    ) -> io::Result<ReloadTrigger> {
        let report = Arc::new(report);
        let (progress, polls) = mpsc::channel();
        let on_stall = report.clone();
        let guard = thread::Builder::new().name("knowledge guard".to_owned());
        guard.spawn(move || report_stalls(&polls, STALL_AFTER, &*on_stall))?;
        let requested = Arc::new(AtomicBool::new(false));
        let is_requested = requested.clone();
        let thread = thread::Builder::new().name("knowledge".to_owned());
        let polling = thread.spawn(move || {
            while self.assistant.strong_count() > 0 {
                // It may wake early, which makes an early poll.
                thread::park_timeout(POLL_INTERVAL);
                // The guard ends only after this thread.
                let _ = progress.send(Progress::Began);
                let reload = if is_requested.swap(false, Ordering::Relaxed) {
                    self.read_now()
                } else {
                    self.poll(Instant::now())
                };
                let _ = progress.send(Progress::Ended);
                if let Some(reload) = reload {
                    report(&reload);
                }
            }
        })?;
        Ok(ReloadTrigger {
            requested,
            thread: polling.thread().clone(),
        })
    }
}

/// Makes a started [`Reloader`] read the folder at once.
#[derive(Debug, Clone)]
pub struct ReloadTrigger {
    requested: Arc<AtomicBool>,
    thread: Thread,
}

impl ReloadTrigger {
    /// Requests to read the folder now, changed or not; the result is reported like that of a change.
    pub fn read_now(&self) {
        self.requested.store(true, Ordering::Relaxed);
        self.thread.unpark();
    }
}

/// Where the thread that reads the folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    Began,
    Ended,
}

/// Reports each reading that takes longer than `limit`, once while it lasts and once when it ends; returns when the thread
/// that reads has ended.
fn report_stalls(progress: &Receiver<Progress>, limit: Duration, report: &impl Fn(&Reload)) {
    while let Ok(step) = progress.recv() {
        if step == Progress::Ended {
            continue;
        }
        if let Err(RecvTimeoutError::Timeout) = progress.recv_timeout(limit) {
            report(&Reload::Stalled(limit));
            if progress.recv().is_ok() {
                report(&Reload::Resumed);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::Sender;

    use super::*;

    /// Runs the guard with no patience at all.
    fn start_guard() -> (Sender<Progress>, Receiver<Reload>, thread::JoinHandle<()>) {
        let (progress, polls) = mpsc::channel();
        let (report, reports) = mpsc::channel();
        let report = move |reload: &Reload| report.send(reload.clone()).expect("received");
        let guard = thread::spawn(move || report_stalls(&polls, Duration::ZERO, &report));
        (progress, reports, guard)
    }

    #[test]
    fn a_reading_that_does_not_end_is_reported_once_and_again_when_it_ends() {
        let (progress, reports, guard) = start_guard();
        for _ in 0..2 {
            progress.send(Progress::Began).expect("received");
            assert_eq!(reports.recv(), Ok(Reload::Stalled(Duration::ZERO)));
            progress.send(Progress::Ended).expect("received");
            assert_eq!(reports.recv(), Ok(Reload::Resumed));
        }
        drop(progress);
        guard.join().expect("it ends with the thread that reads");
        assert!(reports.recv().is_err(), "nothing else is reported");
    }

    #[test]
    fn a_reading_that_ends_is_not_reported() {
        let (progress, polls) = mpsc::channel();
        for step in [Progress::Began, Progress::Ended, Progress::Began] {
            progress.send(step).expect("received");
        }
        drop(progress);
        report_stalls(&polls, STALL_AFTER, &|reload| panic!("{reload}"));
    }
}
