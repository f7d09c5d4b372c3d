//! Regular backups, and restoring the newest one when the store is found damaged.
//!
//! ```text
//! backups/2026-01-01T00-00-00Z.jsonl    verified exports, the last few
//! restoring/                            a store being built from one; if left over, it is deleted at the start
//! restored/                             the same, complete; if left over, it is put in place at the start
//! damaged-2026-01-01T00-00-00Z/         the damaged store that a restored one replaced
//! ```
//! All of it is in the store's own folder, so that the folder's lock covers it and it moves with the folder. The format of
//! the files is `export`'s, the rest of the folder is `folder`'s.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tokio::{
    sync::oneshot,
    time::{sleep, timeout},
};

use super::{
    Store, StoreError,
    export::{self, ExportError, Summary},
    files::remove_folder,
    folder::{self, BACKUPS, Folder, RESTORING},
    sled::{Opened, SledStore},
};

/// Between two backups while the service runs.
pub const BACKUP_INTERVAL: SignedDuration = SignedDuration::from_hours(24);
/// Backups kept. With one a day that is a week.
const MAX_BACKUPS: usize = 7;
/// Of backups closer together than this, as frequent restarts make them, only the newest is kept.
const MIN_DISTANCE: SignedDuration = SignedDuration::from_hours(1);
/// Time between two checks whether a backup is due, since one may have failed or the clock may have been set.
const CHECK_INTERVAL: SignedDuration = SignedDuration::from_hours(1);
/// Time limit of the backup at a shutdown, which has eight seconds for everything; enough for ten thousand chats.
const SHUTDOWN_BACKUP_TIMEOUT: Duration = Duration::from_millis(500);
/// A backup's name: sorts by time, and is valid on every file system.
const NAME_FORMAT: &str = "%Y-%m-%dT%H-%M-%SZ";
const EXTENSION: &str = ".jsonl";

/// The backups of the store in a folder.
#[derive(Debug, Clone)]
pub struct Backups {
    folder: PathBuf,
}

/// A damaged store was replaced by one made from a backup.
#[derive(Debug)]
pub struct Restored {
    pub fault: StoreError,
    pub backup: PathBuf,
    /// When the backup was made; later changes are lost.
    pub made: Timestamp,
    pub summary: Summary,
    /// The folder of the damaged files.
    pub aside: PathBuf,
}

impl Backups {
    /// The backups of the store in this folder.
    pub fn in_folder(folder: &Path) -> Self {
        Self {
            folder: folder.join(BACKUPS),
        }
    }

    /// When the next backup is due: now, if there is none.
    pub fn due_at(&self, now: Timestamp) -> Timestamp {
        match self.list().into_iter().next_back() {
            Some((made, _)) if made <= now => made + BACKUP_INTERVAL,
            _ => now,
        }
    }

    /// Makes a backup, and removes those no longer needed. Blocks while it reads, writes and verifies.
    ///
    /// # Errors
    /// The store cannot be read or the disk cannot be written; the other backups stay.
    pub fn make(&self, store: &dyn Store, now: Timestamp) -> Result<Summary, ExportError> {
        fs::create_dir_all(&self.folder)
            .map_err(|error| folder::unavailable(&self.folder, &error))?;
        let name = format!("{}{EXTENSION}", now.strftime(NAME_FORMAT));
        let summary = export::write(store, &self.folder.join(name), now)?;
        self.remove_surplus();
        Ok(summary)
    }

    /// Makes backups when they are due; never returns.
    pub async fn run(self, store: Arc<dyn Store>, clock: fn() -> Timestamp) {
        loop {
            let wait = match self.due_at(clock()).duration_since(clock()) {
                due if due.is_positive() => due.min(CHECK_INTERVAL),
                _ => {
                    self.make_in_thread(&store, clock()).await;
                    CHECK_INTERVAL
                }
            };
            sleep(wait.unsigned_abs()).await;
        }
    }

    /// Makes a backup at a shutdown, unless it takes too long.
    pub async fn make_at_shutdown(&self, store: &Arc<dyn Store>, now: Timestamp) {
        if timeout(SHUTDOWN_BACKUP_TIMEOUT, self.make_in_thread(store, now))
            .await
            .is_err()
        {
            tracing::info!(
                "no backup at the shutdown, since it takes too long; the previous one is kept"
            );
        }
    }

    /// Makes a backup on a thread of its own, and logs the outcome. Not on tokio's blocking threads, since the runtime waits
    /// for those when it is dropped.
    async fn make_in_thread(&self, store: &Arc<dyn Store>, now: Timestamp) {
        let (backups, store) = (self.clone(), store.clone());
        let (done, made) = oneshot::channel();
        let make = move || {
            // The receiver is gone when the service has ended.
            let _ = done.send(backups.make(&*store, now));
        };
        let thread = thread::Builder::new().name("backup".to_owned());
        let made = match thread.spawn(make) {
            Ok(_) => made.await,
            Err(error) => return tracing::warn!(%error, "cannot start a thread for the backup"),
        };
        match made {
            Ok(Ok(summary)) => tracing::info!(
                chats = summary.chats,
                rows = summary.rows,
                "a backup was made and verified"
            ),
            Ok(Err(error)) => {
                tracing::warn!(%error, "no backup was made; the previous ones are kept")
            }
            Err(_) => tracing::warn!("making a backup panicked; the previous ones are kept"),
        }
    }

    /// All backups with the time they were made, the oldest first.
    fn list(&self) -> Vec<(Timestamp, PathBuf)> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let backup = |path: PathBuf| Some((time_in_name(path.file_name()?.to_str()?)?, path));
        let mut all: Vec<_> = entries.filter_map(|entry| backup(entry.path())).collect();
        all.sort();
        all
    }

    fn remove_surplus(&self) {
        let all = self.list();
        let times: Vec<_> = all.iter().map(|(made, _)| *made).collect();
        let kept = backups_to_keep(&times);
        for (_, path) in all.iter().filter(|(made, _)| !kept.contains(made)) {
            if let Err(error) = fs::remove_file(path) {
                tracing::warn!(%error, "an old backup could not be removed");
            }
        }
    }

    /// The newest backup without faults.
    fn newest_intact(&self) -> Option<(Timestamp, PathBuf)> {
        self.list().into_iter().rev().find(|(_, path)| {
            let checked = export::check(path);
            if let Err(error) = &checked {
                tracing::error!(%error, "a backup is damaged; the next older one is tried");
            }
            checked.is_ok()
        })
    }
}

/// The time in a backup's name; `None` for the name of another file.
fn time_in_name(name: &str) -> Option<Timestamp> {
    let text = name.strip_suffix(EXTENSION)?;
    let time = jiff::civil::DateTime::strptime(NAME_FORMAT, text).ok()?;
    jiff::tz::TimeZone::UTC.to_timestamp(time).ok()
}

/// Which of the backups made at these times (the oldest first) to keep: from the newest back, those far enough apart.
fn backups_to_keep(times: &[Timestamp]) -> Vec<Timestamp> {
    let mut kept: Vec<Timestamp> = Vec::new();
    for time in times.iter().rev() {
        let is_apart = kept
            .last()
            .is_none_or(|newer| newer.duration_since(*time) >= MIN_DISTANCE);
        if is_apart && kept.len() < MAX_BACKUPS {
            kept.push(*time);
        }
    }
    kept
}

/// Opens the store in `folder`; a damaged one is moved aside, and replaced by one made from the newest intact backup.
///
/// # Errors
/// As [`SledStore::open`]: [`StoreError::Damaged`] only if there is no intact backup, and then nothing was moved.
pub fn open(folder: &Path, now: Timestamp) -> Result<(Opened, Option<Restored>), StoreError> {
    let fault = match SledStore::open(folder) {
        Err(fault @ StoreError::Damaged(_)) => fault,
        opened => return opened.map(|opened| (opened, None)),
    };
    let Some((made, backup)) = Backups::in_folder(folder).newest_intact() else {
        return Err(fault);
    };
    let summary = build_from(&folder.join(RESTORING), &backup)?;
    let aside = Folder::replace_damaged(folder, &now.strftime(NAME_FORMAT).to_string())?;
    let opened = SledStore::open(folder)?;
    let restored = Restored {
        fault,
        backup,
        made,
        summary,
        aside,
    };
    Ok((opened, Some(restored)))
}

/// Builds a store in `target` from a backup and closes it. Files of an earlier attempt are removed.
fn build_from(target: &Path, backup: &Path) -> Result<Summary, StoreError> {
    remove_folder(target).map_err(|error| folder::unavailable(target, &error))?;
    let store = SledStore::open(target)?.store;
    let built = futures::executor::block_on(async {
        let imported = export::import(&store, backup).await;
        store.close().await?;
        imported
    });
    built.map_err(|error| match error {
        ExportError::Store(error) => error,
        other => StoreError::Unavailable(other.to_string()),
    })
}

impl std::fmt::Display for Restored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "THE STORE WAS DAMAGED, AND IS NOW THAT OF {made}: {fault}. Later changes are lost. It has {chats} chats and {rows} unsent replies, from {backup}. The damaged files are in {aside}",
            made = self.made,
            fault = self.fault,
            chats = self.summary.chats,
            rows = self.summary.rows,
            backup = self.backup.display(),
            aside = self.aside.display(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        dialogue::{ChatId, Record},
        store::{Commit, folder::RESTORED},
    };

    fn at(hours: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hours)
    }

    #[test]
    fn a_backup_is_recognised_by_the_time_in_its_name() {
        let time = at(499_999);
        let name = format!("{}{EXTENSION}", time.strftime(NAME_FORMAT));
        assert_eq!(time_in_name(&name), Some(time));
        for other in [
            "",
            "a.jsonl",
            "2026-01-01T00-00-00Z.jsonl.partial",
            "门.jsonl",
        ] {
            assert_eq!(time_in_name(other), None, "{other}");
        }
    }

    #[test]
    fn the_newest_is_always_kept_and_a_week_of_days() {
        assert_eq!(backups_to_keep(&[]), []);
        let days: Vec<_> = (0..30).map(|day| at(24 * day)).collect();
        let kept = backups_to_keep(&days);
        assert_eq!((kept.len(), kept[0]), (MAX_BACKUPS, days[29]));
        // A service that is started and stopped all the time does not lose the days before.
        let stops = (0..20).map(|stop| at(24 * 30) + SignedDuration::from_mins(stop));
        let times: Vec<_> = days.into_iter().chain(stops).collect();
        let kept = backups_to_keep(&times);
        assert_eq!(kept[0], at(24 * 30) + SignedDuration::from_mins(19));
        assert_eq!(kept[1], at(24 * 29));
    }

    async fn store_with(folder: &Path, chats: i64) -> SledStore {
        let store = SledStore::open(folder).unwrap().store;
        for chat in 0..chats {
            let commit = Commit {
                chat: ChatId(chat),
                expected: 0,
                record: Some(Record::default()),
                replies: Vec::new(),
                now: at(0),
            };
            store.commit(commit).await.unwrap();
        }
        store
    }

    /// A store with as many chats, a backup of that, and then its files damaged.
    async fn damaged(folder: &Path, chats: i64) {
        let store = store_with(folder, chats).await;
        Backups::in_folder(folder).make(&store, at(100)).unwrap();
        store.close().await.unwrap();
        damage(folder);
    }

    fn damage(folder: &Path) {
        let db = folder.join("sled").join("db");
        let mut content = fs::read(&db).unwrap();
        let end = content.len().min(2000);
        content[40..end].fill(0x55);
        fs::write(db, content).unwrap();
    }

    #[tokio::test]
    async fn a_damaged_store_starts_from_its_newest_whole_backup_and_is_put_aside() {
        let folder = tempfile::tempdir().unwrap();
        damaged(folder.path(), 5).await;
        let newer = folder
            .path()
            .join(BACKUPS)
            .join("2026-01-01T00-00-00Z.jsonl");
        fs::write(&newer, "{\"unbind_bot_export\":1").unwrap();
        let found = fs::read(folder.path().join("sled/db")).unwrap();
        let (opened, restored) = open(folder.path(), at(200)).unwrap();
        let restored = restored.unwrap();
        assert_eq!(
            (opened.chats, restored.summary.chats, restored.made),
            (5, 5, at(100))
        );
        assert_eq!(fs::read(restored.aside.join("sled/db")).unwrap(), found);
        assert!(restored.to_string().contains("DAMAGED"), "{restored}");
        opened.store.close().await.unwrap();
        let (again, restored) = open(folder.path(), at(201)).unwrap();
        assert!(restored.is_none() && again.chats == 5);
    }

    #[tokio::test]
    async fn without_a_whole_backup_nothing_is_moved() {
        let folder = tempfile::tempdir().unwrap();
        let store = store_with(folder.path(), 2).await;
        store.close().await.unwrap();
        damage(folder.path());
        assert!(matches!(
            open(folder.path(), at(1)),
            Err(StoreError::Damaged(_))
        ));
        let names = fs::read_dir(folder.path()).unwrap().flatten();
        let names: Vec<_> = names
            .map(|entry| entry.file_name().into_string().unwrap())
            .collect();
        assert!(
            names
                .iter()
                .all(|name| ["lock", "state", "sled"].contains(&name.as_str())),
            "{names:?}"
        );
    }

    #[tokio::test]
    async fn killed_anywhere_on_the_way_the_next_start_goes_on() {
        // Replacing the damaged store, cut off after each number of renames.
        for renames in 0..=4 {
            let folder = tempfile::tempdir().unwrap();
            damaged(folder.path(), 5).await;
            let (_, backup) = Backups::in_folder(folder.path()).newest_intact().unwrap();
            build_from(&folder.path().join(RESTORING), &backup).unwrap();
            Folder::replace_damaged_until(folder.path(), "first", renames);
            let (opened, _) = open(folder.path(), at(300)).unwrap();
            assert_eq!(opened.chats, 5, "after {renames}");
            assert!(!folder.path().join(RESTORED).exists());
            opened.store.close().await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_store_half_made_is_never_taken_for_whole() {
        let folder = tempfile::tempdir().unwrap();
        damaged(folder.path(), 5).await;
        // Killed while it was being made.
        store_with(&folder.path().join(RESTORING), 2)
            .await
            .close()
            .await
            .unwrap();
        let (opened, restored) = open(folder.path(), at(300)).unwrap();
        assert_eq!((opened.chats, restored.unwrap().summary.chats), (5, 5));
    }

    #[tokio::test]
    async fn a_backup_is_due_a_day_after_the_last() {
        let folder = tempfile::tempdir().unwrap();
        let backups = Backups::in_folder(folder.path());
        assert_eq!(backups.due_at(at(7)), at(7));
        let store = store_with(folder.path(), 1).await;
        backups.make(&store, at(10)).unwrap();
        assert_eq!(backups.due_at(at(11)), at(34));
        // A clock that was set back does not keep it from being made.
        assert_eq!(backups.due_at(at(9)), at(9));
        store.close().await.unwrap();
    }
}
