//! Notices that a knowledge folder changed, and reads it once it has stopped changing.
//!
//! The folder is polled: each time its [`Fingerprint`] (names, sizes, times) is compared with the last one. Notifications
//! from the operating system (inotify, the `notify` crate) do not come on every file system: they are missing on network
//! mounts and on folders shared into a container, they stop when a folder is moved away and back, and they do not report
//! a mount that takes another's place. Polling works the same everywhere, costs one or two milliseconds for three hundred
//! files, and keeps no state about what was done to the folder.
//!
//! Opening files is left to `load`, indexing and swapping to `assistant::reload`. The caller passes the time in.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::{
    base::Knowledge,
    check::check_folder,
    fault::Faults,
    load::{Fingerprint, fingerprint},
};

/// How often to poll: soon enough for an author who waits for an edit to show, seldom enough for a slow network mount.
pub const POLL_INTERVAL: Duration = Duration::from_secs(2);
/// How long a changed folder must stay unchanged before it is read, so that a half-copied folder is not read. At least the
/// coarsest clock of a file system (FAT: 2 s), so that no later change has the same time.
pub const DEBOUNCE: Duration = Duration::from_secs(2);

/// Watches one knowledge folder.
#[derive(Debug)]
pub struct Watcher {
    folder: PathBuf,
    /// The folder as it was when it was last read; `None` if it changed while it was read.
    last_read: Option<Fingerprint>,
    /// The folder as it was at the last poll and since when, if it differs from what was read.
    pending: Option<(Fingerprint, Instant)>,
}

impl Watcher {
    /// Watches from now on. Make it *before* reading the folder, so that a change in between is noticed.
    pub fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            last_read: Some(fingerprint(folder)),
            pending: None,
        }
    }

    /// Looks at the folder. Returns its base once per change, as soon as the folder has been unchanged for [`DEBOUNCE`].
    ///
    /// # Errors
    /// Every fault of the changed base, those between files included.
    pub fn poll(&mut self, now: Instant) -> Option<Result<Knowledge, Faults>> {
        let folder = self.folder.clone();
        self.poll_with(now, || fingerprint(&folder), || check_folder(&folder))
    }

    /// Reads the folder now, whether it changed or not, and without waiting until it has stopped changing.
    ///
    /// # Errors
    /// Every fault of the base.
    pub fn read_now(&mut self) -> Result<Knowledge, Faults> {
        let folder = self.folder.clone();
        self.read_now_with(|| fingerprint(&folder), || check_folder(&folder))
    }

    fn read_now_with(
        &mut self,
        mut fingerprint: impl FnMut() -> Fingerprint,
        read: impl FnOnce() -> (Knowledge, Faults),
    ) -> Result<Knowledge, Faults> {
        let before = fingerprint();
        let (knowledge, faults) = read();
        // If it changed meanwhile, it is read again once it has stopped changing.
        self.last_read = Some(before).filter(|before| *before == fingerprint());
        self.pending = None;
        whole(knowledge, faults)
    }

    fn poll_with(
        &mut self,
        now: Instant,
        mut fingerprint: impl FnMut() -> Fingerprint,
        read: impl FnOnce() -> (Knowledge, Faults),
    ) -> Option<Result<Knowledge, Faults>> {
        let seen = fingerprint();
        if !self.is_due(&seen, now) {
            return None;
        }
        let (knowledge, faults) = read();
        if fingerprint() != seen {
            // It changed while it was read: half may be old and half new. Read it again once it stops changing, even if
            // it is then as it was before.
            self.last_read = None;
            return None;
        }
        self.last_read = Some(seen);
        Some(whole(knowledge, faults))
    }

    /// Whether the folder changed and has been unchanged since for [`DEBOUNCE`].
    fn is_due(&mut self, seen: &Fingerprint, now: Instant) -> bool {
        if self.last_read.as_ref() == Some(seen) {
            self.pending = None;
            return false;
        }
        let since = match &self.pending {
            Some((before, since)) if before == seen => *since,
            _ => now,
        };
        let due = now.saturating_duration_since(since) >= DEBOUNCE;
        self.pending = (!due).then(|| (seen.clone(), since));
        due
    }
}

/// The base, if it has no fault.
fn whole(knowledge: Knowledge, faults: Faults) -> Result<Knowledge, Faults> {
    if faults.0.is_empty() {
        Ok(knowledge)
    } else {
        Err(faults)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::knowledge::{Fault, load::Stamp};

    /// The fingerprint of a folder in state number `state`.
    fn in_state(state: u64) -> Fingerprint {
        let stamp = Stamp {
            bytes: state,
            modified: (0, 0),
            changed: (0, 0),
        };
        Fingerprint([(PathBuf::from("a.en.md"), Some(stamp))].into())
    }

    /// A watcher that has read state 0, and the moment it begins to poll.
    fn watcher() -> (Watcher, Instant) {
        let watcher = Watcher {
            folder: PathBuf::new(),
            last_read: Some(in_state(0)),
            pending: None,
        };
        (watcher, Instant::now())
    }

    fn well() -> (Knowledge, Faults) {
        (Knowledge::default(), Faults::default())
    }

    /// Whether the folder, in this state at this moment, is read.
    fn reads(watcher: &mut Watcher, now: Instant, state: u64) -> bool {
        watcher.poll_with(now, || in_state(state), well).is_some()
    }

    #[test]
    fn a_change_is_read_when_it_has_rested_and_only_once() {
        let (mut watcher, start) = watcher();
        assert!(!reads(&mut watcher, start, 0));
        assert!(!reads(&mut watcher, start + DEBOUNCE, 0), "nothing changed");
        let changed = start + DEBOUNCE * 2;
        assert!(!reads(&mut watcher, changed, 1));
        assert!(!reads(&mut watcher, changed + DEBOUNCE / 2, 1));
        assert!(reads(&mut watcher, changed + DEBOUNCE, 1));
        assert!(!reads(&mut watcher, changed + DEBOUNCE * 2, 1));
        assert!(!reads(&mut watcher, changed + DEBOUNCE * 9, 1));
    }

    #[test]
    fn whatever_still_changes_is_waited_for() {
        let (mut watcher, start) = watcher();
        for state in 1..20 {
            let now = start + DEBOUNCE * 9 / 10 * u32::try_from(state).expect("a small number");
            assert!(!reads(&mut watcher, now, state), "state {state}");
        }
    }

    #[test]
    fn what_is_as_it_was_again_was_no_change() {
        let (mut watcher, start) = watcher();
        assert!(!reads(&mut watcher, start, 1));
        assert!(!reads(&mut watcher, start + DEBOUNCE, 0));
        assert!(
            !reads(&mut watcher, start + DEBOUNCE * 2, 1),
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
        assert!(watcher.poll_with(start, seen, well).is_none());
        assert!(
            watcher
                .poll_with(start + DEBOUNCE, seen, meanwhile)
                .is_none()
        );
        state.set(0);
        assert!(
            watcher
                .poll_with(start + DEBOUNCE * 2, seen, well)
                .is_none()
        );
        assert!(
            watcher
                .poll_with(start + DEBOUNCE * 3, seen, well)
                .is_some()
        );
    }

    #[test]
    fn a_fault_is_told_once_and_nothing_is_taken() {
        let (mut watcher, start) = watcher();
        let faulty = || {
            let fault = Fault::in_file(Path::new("a.en.md"), "no title", "write one");
            (Knowledge::default(), Faults(vec![fault]))
        };
        let mut poll = |now| watcher.poll_with(now, || in_state(1), faulty);
        assert!(poll(start).is_none());
        assert!(matches!(poll(start + DEBOUNCE), Some(Err(faults)) if faults.0.len() == 1));
        assert!(poll(start + DEBOUNCE * 2).is_none());
    }

    #[test]
    fn what_was_read_at_once_is_not_read_again_unless_it_changed_meanwhile() {
        let (mut watcher, start) = watcher();
        assert!(!reads(&mut watcher, start, 1), "it has only just changed");
        assert!(watcher.read_now_with(|| in_state(1), well).is_ok());
        assert!(!reads(&mut watcher, start + DEBOUNCE, 1));
        assert!(!reads(&mut watcher, start + DEBOUNCE * 2, 1));
        let states = Cell::new(1);
        let changing = || in_state(states.replace(2));
        assert!(watcher.read_now_with(changing, well).is_ok());
        assert!(!reads(&mut watcher, start + DEBOUNCE * 3, 2));
        assert!(reads(&mut watcher, start + DEBOUNCE * 4, 2));
    }
}
