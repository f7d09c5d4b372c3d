//! Hot reload: a changed knowledge folder becomes the base the next turns are made from, under running chats.
//!
//! Read, checked and indexed aside, then swapped at once; a base with any fault is not taken, and the one from before
//! stays. When a folder has changed is `knowledge::watch`'s to say. Runs on a thread of its own: indexing takes long
//! enough to hold up others on an async thread, and a file system may hang.

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

/// Faults told of one change. A folder that is quite another one has hundreds; the first ones tell.
const MAX_REPORTED_FAULTS: usize = 50;

/// What came of a changed folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reload {
    /// It is what is talked from now on.
    Taken(Changes),
    /// It says what is talked from already: files were touched, or faults mended by going back.
    Same,
    /// It has faults; the base from before stays.
    Refused(Faults),
    /// It made this program panic; the base from before stays.
    Panicked,
}

impl Reload {
    /// The faults to be told, one a line.
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
            Self::Taken(changes) => write!(f, "the changed knowledge is in use: {changes}"),
            Self::Same => f.write_str("the knowledge was read again; it is what is in use already"),
            Self::Refused(Faults(faults)) => {
                let count = faults.len();
                write!(
                    f,
                    "the changed knowledge is not taken, the one from before stays in use; {count} fault(s)"
                )?;
                if count > MAX_REPORTED_FAULTS {
                    write!(f, ", the first {MAX_REPORTED_FAULTS} (`unbind-bot check` finds all):")
                } else {
                    f.write_str(":")
                }
            }
            Self::Panicked => f.write_str(
                "the changed knowledge made this program panic, which is a fault in it; the one from before stays in use",
            ),
        }
    }
}

/// Keeps an assistant's base as its folder is.
pub struct Reloader {
    /// Weak: a folder being read must not keep a service from its end.
    assistant: Weak<Assistant>,
    watcher: Watcher,
}

impl Reloader {
    /// Keeps the base of `assistant` as the folder that `watcher` watches.
    pub fn new(assistant: &Arc<Assistant>, watcher: Watcher) -> Self {
        Self {
            assistant: Arc::downgrade(assistant),
            watcher,
        }
    }

    /// Looks at the folder once, and takes it over if it changed, has come to rest and has no fault. Takes as long as
    /// reading and indexing take.
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

    /// Looks every now and then for as long as there is the assistant, and tells what came of every change.
    ///
    /// The thread is not waited for: it ends by itself soon after the assistant, or with the process.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub fn start(mut self, tell: impl Fn(&Reload) + Send + 'static) -> io::Result<()> {
        let thread = thread::Builder::new().name("knowledge".to_owned());
        thread.spawn(move || {
            while self.assistant.strong_count() > 0 {
                thread::sleep(POLL_INTERVAL);
                if let Some(reload) = self.poll(Instant::now()) {
                    tell(&reload);
                }
            }
        })?;
        Ok(())
    }
}
