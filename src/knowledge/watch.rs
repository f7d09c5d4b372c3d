//! Notices that a knowledge folder changed, and reads it once it has come to rest.
//!
//! The folder is looked at again and again; what is compared is a [`Fingerprint`] of names, sizes and times. Operating
//! systems can also tell of changes by themselves (inotify and its like, the `notify` crate), but not on every file
//! system: they are silent on network mounts and on folders shared into a container, lose sight of a folder that is moved
//! away and back, and a mount that takes another's place goes unseen. Looking works the same everywhere, costs a
//! millisecond or two for three hundred files, and needs no memory of what was being done to the folder.
//!
//! Opening files is left to `load`, indexing and swapping to `assistant::reload`; the time is told by whoever looks.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::{Faults, Knowledge, load};

/// How often to look: soon enough for someone who waits for an edit to show, rare enough for a slow network mount.
pub const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How long a changed folder must have stayed as it is before it is read, so that a copy is not read half way. No shorter
/// than the coarsest clock of a file system (FAT: 2 s), so that no later change has the same time.
pub const QUIET: Duration = Duration::from_secs(2);

/// All that tells, without opening it, whether a file is the one it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Its length.
    pub bytes: u64,
    /// When its contents changed: seconds and nanoseconds, as the file system has them.
    pub modified: (i64, i64),
    /// When anything about it changed. A copy that keeps the time of its original differs here, as does a file that has
    /// become readable.
    pub changed: (i64, i64),
}

/// Everything that lies in a knowledge folder, by its path; without a stamp: folders, and what could not be looked at.
///
/// A folder that is not there has a fingerprint like any other: its coming and going are changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fingerprint(pub BTreeMap<PathBuf, Option<Stamp>>);

/// Watches over one knowledge folder.
#[derive(Debug)]
pub struct Watcher {
    folder: PathBuf,
    /// As the folder was when it was read last; nothing, if it changed meanwhile.
    read: Option<Fingerprint>,
    /// How it was when it was looked at last, and since when, if that is not what was read.
    resting: Option<(Fingerprint, Instant)>,
}

impl Watcher {
    /// Watches from now on. To be made *before* the folder is read, lest a change in between go unnoticed.
    pub fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            read: Some(load::fingerprint(folder)),
            resting: None,
        }
    }

    /// Looks at the folder: what it says, if it changed and has come to rest. Once per change.
    ///
    /// # Errors
    /// Every fault of the changed base, those between files included.
    pub fn look(&mut self, now: Instant) -> Option<Result<Knowledge, Faults>> {
        let folder = self.folder.clone();
        self.look_by(
            now,
            || load::fingerprint(&folder),
            || load::check_folder(&folder),
        )
    }

    fn look_by(
        &mut self,
        now: Instant,
        mut fingerprint: impl FnMut() -> Fingerprint,
        read: impl FnOnce() -> (Knowledge, Faults),
    ) -> Option<Result<Knowledge, Faults>> {
        let seen = fingerprint();
        if !self.is_to_be_read(&seen, now) {
            return None;
        }
        let (knowledge, faults) = read();
        if fingerprint() != seen {
            // Half of what was read may be from before and half from after. It is read again when it rests again,
            // even if all is then as it was.
            self.read = None;
            return None;
        }
        self.read = Some(seen);
        Some(if faults.0.is_empty() {
            Ok(knowledge)
        } else {
            Err(faults)
        })
    }

    fn is_to_be_read(&mut self, seen: &Fingerprint, now: Instant) -> bool {
        if self.read.as_ref() == Some(seen) {
            self.resting = None;
            return false;
        }
        let since = match &self.resting {
            Some((before, since)) if before == seen => *since,
            _ => now,
        };
        let rested = now.saturating_duration_since(since) >= QUIET;
        self.resting = (!rested).then(|| (seen.clone(), since));
        rested
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::knowledge::Fault;

    /// A folder as it is in state number `state`.
    fn in_state(state: u64) -> Fingerprint {
        let stamp = Stamp {
            bytes: state,
            modified: (0, 0),
            changed: (0, 0),
        };
        Fingerprint([(PathBuf::from("a.en.md"), Some(stamp))].into())
    }

    /// A watcher that has read state 0, and the moment it begins to look.
    fn watcher() -> (Watcher, Instant) {
        let watcher = Watcher {
            folder: PathBuf::new(),
            read: Some(in_state(0)),
            resting: None,
        };
        (watcher, Instant::now())
    }

    fn well() -> (Knowledge, Faults) {
        (Knowledge::default(), Faults::default())
    }

    /// Whether the folder, in this state at this moment, is read.
    fn reads(watcher: &mut Watcher, now: Instant, state: u64) -> bool {
        watcher.look_by(now, || in_state(state), well).is_some()
    }

    #[test]
    fn a_change_is_read_when_it_has_rested_and_only_once() {
        let (mut watcher, start) = watcher();
        assert!(!reads(&mut watcher, start, 0));
        assert!(!reads(&mut watcher, start + QUIET, 0), "nothing changed");
        let changed = start + QUIET * 2;
        assert!(!reads(&mut watcher, changed, 1));
        assert!(!reads(&mut watcher, changed + QUIET / 2, 1));
        assert!(reads(&mut watcher, changed + QUIET, 1));
        assert!(!reads(&mut watcher, changed + QUIET * 2, 1));
        assert!(!reads(&mut watcher, changed + QUIET * 9, 1));
    }

    #[test]
    fn whatever_still_changes_is_waited_for() {
        let (mut watcher, start) = watcher();
        for state in 1..20 {
            let now = start + QUIET * 9 / 10 * u32::try_from(state).expect("a small number");
            assert!(!reads(&mut watcher, now, state), "state {state}");
        }
    }

    #[test]
    fn what_is_as_it_was_again_was_no_change() {
        let (mut watcher, start) = watcher();
        assert!(!reads(&mut watcher, start, 1));
        assert!(!reads(&mut watcher, start + QUIET, 0));
        assert!(
            !reads(&mut watcher, start + QUIET * 2, 1),
            "it has only just changed"
        );
    }

    #[test]
    fn a_folder_that_changes_while_it_is_read_is_read_again_even_if_it_changed_back() {
        let (mut watcher, start) = watcher();
        let state = Cell::new(1);
        let seen = || in_state(state.get());
        let meanwhile = || {
            state.set(2);
            well()
        };
        assert!(watcher.look_by(start, seen, well).is_none());
        assert!(watcher.look_by(start + QUIET, seen, meanwhile).is_none());
        state.set(0);
        assert!(watcher.look_by(start + QUIET * 2, seen, well).is_none());
        assert!(watcher.look_by(start + QUIET * 3, seen, well).is_some());
    }

    #[test]
    fn a_fault_is_told_once_and_nothing_is_taken() {
        let (mut watcher, start) = watcher();
        let faulty = || {
            let fault = Fault::in_file(Path::new("a.en.md"), "no title", "write one");
            (Knowledge::default(), Faults(vec![fault]))
        };
        let mut look = |now| watcher.look_by(now, || in_state(1), faulty);
        assert!(look(start).is_none());
        assert!(matches!(look(start + QUIET), Some(Err(faults)) if faults.0.len() == 1));
        assert!(look(start + QUIET * 2).is_none());
    }
}
