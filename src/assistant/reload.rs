//! Hot reload: replaces the knowledge base of a running assistant when its folder has changed.
//!
//! The changed base is read, checked and indexed, then swapped in; a base with a fault is not loaded, and the previous one
//! stays. `knowledge::watch` notices changes. This runs on its own thread, since indexing takes long and a file system may
//! hang.

use std::{
    fmt, io,
    sync::{Arc, Weak},
    thread,
    time::Instant,
};

use super::Assistant;
use crate::{
    dialogue::Base,
    knowledge::{
        Changes, Fault, Faults,
        watch::{POLL_INTERVAL, Watcher},
    },
    panics,
};

/// Faults reported for one change. A wrong folder has hundreds, and the first ones are enough to see that.
const MAX_REPORTED_FAULTS: usize = 50;

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
}

impl Reload {
    /// The faults to report.
    pub fn faults(&self) -> &[Fault] {
        match self {
            Self::Refused(Faults(faults)) => &faults[..faults.len().min(MAX_REPORTED_FAULTS)],
            _ => &[],
        }
    }

    pub fn log(&self) {
        match self {
            Self::Taken(_) | Self::Same => tracing::info!("{self}"),
            Self::Refused(_) | Self::Panicked => tracing::error!("{self}"),
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

    fn reload(&mut self, now: Instant) -> Option<Reload> {
        let knowledge = match self.watcher.poll(now)? {
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

    /// Polls the folder on a thread while the assistant exists, and reports the result of every change.
    ///
    /// The thread is not joined: it ends soon after the assistant, or with the process.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn start(mut self, report: impl Fn(&Reload) + Send + 'static) -> io::Result<()> {
        let thread = thread::Builder::new().name("knowledge".to_owned());
        thread.spawn(move || {
            while self.assistant.strong_count() > 0 {
                thread::sleep(POLL_INTERVAL);
                if let Some(reload) = self.poll(Instant::now()) {
                    report(&reload);
                }
            }
        })?;
        Ok(())
    }
}
