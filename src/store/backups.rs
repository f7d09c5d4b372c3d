//! Regular backups, and restoring the newest one when the store is found damaged.
//!
//! ```text
//! backups/2026-01-01T00-00-00Z.jsonl    verified exports, the last few
//! restoring/                            a store being built from one; if left over, it is deleted at the start
//! restored/                             the same, complete; if left over, it is put in place at the start
//! damaged-2026-01-01T00-00-00Z/         the damaged store that a restored one replaced
//! ```
//! The clock may have been wrong when a backup was made. One whose name is from the future neither keeps others from being
//! made nor displaces any, and which of several is the newest is decided by the versions of the chats in them.
//!
//! All of it is in the store's own folder, so that the folder's lock covers it and it moves with the folder. The format of
//! the files is `export`'s, the rest of the folder is `folder`'s.

use std::{
    collections::HashMap,
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
    Item, Store, StoreError,
    backup_name::{backup_name, time_in_name, time_text},
    export::{self, ExportError, Summary},
    files::remove_folder,
    folder::{self, BACKUPS, Folder, RESTORING},
    sled::{Opened, SledStore},
};
use crate::dialogue::ChatId;

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

    /// When the next backup is due: now, if there is none. Those from the future were made while the clock was ahead, and do
    /// not count.
    pub fn due_at(&self, now: Timestamp) -> Timestamp {
        let made = self.list().into_iter().map(|(made, _)| made);
        let last = made.filter(|made| *made <= now).max();
        last.map_or(now, |last| last + BACKUP_INTERVAL)
    }

    /// Makes a backup, and removes those no longer needed. Blocks while it reads, writes and verifies.
    ///
    /// # Errors
    /// The store cannot be read or the disk cannot be written; the other backups stay.
    pub fn make(&self, store: &dyn Store, now: Timestamp) -> Result<Summary, ExportError> {
        fs::create_dir_all(&self.folder)
            .map_err(|error| folder::unavailable(&self.folder, &error))?;
        let summary = export::write(store, &self.folder.join(backup_name(now)), now)?;
        self.remove_surplus(now);
        Ok(summary)
    }

    /// Makes backups when they are due; never returns.
    pub async fn run(self, store: Arc<dyn Store>, clock: fn() -> Timestamp) {
        self.warn_if_store_is_older(&store, clock()).await;
        loop {
            let wait = match self.due_at(clock()).duration_since(clock()) {
                due if due.is_positive() => due.min(CHECK_INTERVAL),
                _ => {
                    if let Err(error) = store.erase_forgotten().await {
                        tracing::warn!(%error, "what is left of forgotten chats was not removed from the files; it is tried again");
                    }
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

    /// Logs an error if the store is older than its newest backup. On a thread of its own, since a large backup takes long
    /// to read.
    async fn warn_if_store_is_older(&self, store: &Arc<dyn Store>, now: Timestamp) {
        let (backups, store) = (self.clone(), store.clone());
        let (done, found) = oneshot::channel();
        let find = move || {
            // The receiver is gone when the service has ended.
            let _ = done.send(backups.find_newer_than(&*store, now));
        };
        let thread = thread::Builder::new().name("backup-check".to_owned());
        match thread.spawn(find) {
            Ok(_) => {
                if let Ok(Some(newer)) = found.await {
                    tracing::error!("{newer}");
                }
            }
            Err(error) => tracing::warn!(%error, "cannot start a thread to read the backups"),
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

    fn remove_surplus(&self, now: Timestamp) {
        let all = self.list();
        let times: Vec<_> = all.iter().map(|(made, _)| *made).collect();
        // If the clock is behind, all real backups are from the future; they are kept beside those made now.
        let (past, future) = times.split_at(times.partition_point(|made| *made <= now));
        let kept = [backups_to_keep(past), backups_to_keep(future)].concat();
        for (_, path) in all.iter().filter(|(made, _)| !kept.contains(made)) {
            if let Err(error) = fs::remove_file(path) {
                tracing::warn!(%error, "an old backup could not be removed");
            }
        }
    }

    /// All backups, the newest by its name first; those from the future come last.
    fn newest_by_name(&self, now: Timestamp) -> impl Iterator<Item = (Timestamp, PathBuf)> {
        let (past, future): (Vec<_>, Vec<_>) =
            self.list().into_iter().partition(|(made, _)| *made <= now);
        past.into_iter().rev().chain(future.into_iter().rev())
    }

    /// The newest backup without faults: the one with the newest chats, or else the newest by its name.
    fn newest_intact(&self, now: Timestamp) -> Option<(Timestamp, PathBuf)> {
        let mut newest: Option<(Timestamp, PathBuf, Versions)> = None;
        for (made, path) in self.newest_by_name(now) {
            let versions = match versions_in(&path) {
                Ok(versions) => versions,
                Err(error) => {
                    tracing::error!(%error, "a backup is damaged; another one is tried");
                    continue;
                }
            };
            let is_newer = newest
                .as_ref()
                .is_none_or(|(.., other)| are_newer(&versions, other));
            if is_newer {
                newest = Some((made, path, versions));
            }
        }
        let (made, path, _) = newest?;
        if made > now {
            tracing::warn!(backup = %path.display(), "the backup's name is from the future: the clock was wrong when it was made, or is wrong now");
        }
        Some((made, path))
    }

    /// The newest backup that can be read, if chats in it are newer than in the store: then an older copy of the store was
    /// put in place.
    pub fn find_newer_than(&self, store: &dyn Store, now: Timestamp) -> Option<Newer> {
        let readable = self
            .newest_by_name(now)
            .find_map(|(_, backup)| Some((versions_in(&backup).ok()?, backup)));
        let (versions, backup) = readable?;
        let is_older = |(chat, version): &(&ChatId, &u64)| {
            // A chat that is not in the store was forgotten.
            let kept = store.load(**chat).map_or(0, |kept| kept.version);
            kept > 0 && kept < **version
        };
        let chats = versions.iter().filter(is_older).count();
        (chats > 0).then_some(Newer { backup, chats })
    }
}

/// A backup has newer versions of chats than the store.
#[derive(Debug)]
pub struct Newer {
    pub backup: PathBuf,
    /// The number of these chats.
    pub chats: usize,
}

impl std::fmt::Display for Newer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "THE STORE IS OLDER THAN ITS BACKUP {backup}: {chats} chat(s) are newer there. An older copy of the store was put in place; to go back to the backup, stop the service, move the folder aside and load the backup into a new one with `unbind-bot store import FILE`",
            backup = self.backup.display(),
            chats = self.chats
        )
    }
}

/// The version of each chat.
type Versions = HashMap<ChatId, u64>;

/// The versions of the chats in a backup, which is read and checked to its end.
fn versions_in(backup: &Path) -> Result<Versions, ExportError> {
    let mut versions = Versions::new();
    for item in export::ExportFile::open(backup)?.read()? {
        if let Item::Chat(chat, kept) = item? {
            versions.insert(chat, kept.version);
        }
    }
    Ok(versions)
}

/// Whether more of the chats in both are newer in the first than in the second.
fn are_newer(versions: &Versions, others: &Versions) -> bool {
    let common = versions
        .iter()
        .filter_map(|(chat, version)| Some((version, others.get(chat)?)));
    let (mut newer, mut older) = (0_u64, 0_u64);
    for (version, other) in common {
        newer += u64::from(version > other);
        older += u64::from(version < other);
    }
    newer > older
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
    let Some((made, backup)) = Backups::in_folder(folder).newest_intact(now) else {
        return Err(fault);
    };
    let summary = build_from(&folder.join(RESTORING), &backup)?;
    let aside = Folder::replace_damaged(folder, &time_text(now))?;
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
            "THE STORE WAS DAMAGED, AND IS NOW THAT OF {made}: {fault}. Later changes are lost. It has {chats} chats and {rows} unsent replies, from {backup}. What was left of the damaged one is in {aside}",
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
            let (_, backup) = Backups::in_folder(folder.path())
                .newest_intact(at(200))
                .unwrap();
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

    const YEAR: i64 = 400 * 24;

    /// One more chat in the store.
    async fn add_chat(store: &SledStore, chat: i64) {
        let commit = Commit {
            chat: ChatId(chat),
            expected: 0,
            record: Some(Record::default()),
            replies: Vec::new(),
            now: at(0),
        };
        store.commit(commit).await.unwrap();
    }

    /// One more turn of the first chat.
    async fn go_on(store: &SledStore) {
        let commit = Commit {
            chat: ChatId(0),
            expected: store.load(ChatId(0)).unwrap().version,
            record: Some(Record::default()),
            replies: Vec::new(),
            now: at(0),
        };
        store.commit(commit).await.unwrap();
    }

    #[tokio::test]
    async fn a_backup_from_the_future_outranks_no_real_one_whatever_the_clock_says_later() {
        // The clock at the start after the damage: right, ahead once more, and behind all.
        for start in [at(60), at(YEAR + 100), at(1)] {
            let folder = tempfile::tempdir().unwrap();
            let backups = Backups::in_folder(folder.path());
            let store = store_with(folder.path(), 1).await;
            backups.make(&store, at(10)).unwrap();
            backups.make(&store, at(YEAR)).unwrap();
            for (chat, day) in [(1, at(34)), (2, at(58))] {
                add_chat(&store, chat).await;
                go_on(&store).await;
                backups.make(&store, day).unwrap();
            }
            store.close().await.unwrap();
            damage(folder.path());
            let (opened, restored) = open(folder.path(), start).unwrap();
            assert_eq!(
                (opened.chats, restored.unwrap().made),
                (3, at(58)),
                "{start}"
            );
        }
    }

    #[tokio::test]
    async fn a_backup_from_the_future_makes_none_due_every_hour_and_displaces_none() {
        let folder = tempfile::tempdir().unwrap();
        let backups = Backups::in_folder(folder.path());
        let store = store_with(folder.path(), 1).await;
        let days: Vec<_> = (0..7).map(|day| at(24 * day)).collect();
        for day in &days {
            backups.make(&store, *day).unwrap();
        }
        // A week in which the clock is ahead now and then.
        for hour in 0..10 {
            backups.make(&store, at(YEAR + 24 * hour)).unwrap();
        }
        let made = || backups.list().into_iter().map(|(made, _)| made);
        let left = made().filter(|made| *made <= at(24 * 6)).count();
        assert_eq!(left, 0, "a week ahead is a week");
        // It is right again, and backups are made when they are due.
        let mut now = at(24 * 7);
        for _ in 0..24 * 10 {
            if backups.due_at(now) <= now {
                backups.make(&store, now).unwrap();
            }
            now += SignedDuration::from_hours(1);
        }
        let real: Vec<_> = made().filter(|made| *made <= now).collect();
        assert_eq!(real.len(), MAX_BACKUPS);
        let week = real[6].duration_since(real[0]);
        assert_eq!(week, SignedDuration::from_hours(24 * 6), "a week of days");
        store.close().await.unwrap();
    }

    #[tokio::test]
    async fn a_clock_that_is_behind_removes_no_backup() {
        let folder = tempfile::tempdir().unwrap();
        let backups = Backups::in_folder(folder.path());
        let store = store_with(folder.path(), 1).await;
        for day in 0..7 {
            backups.make(&store, at(YEAR + 24 * day)).unwrap();
        }
        let before = backups.list();
        for day in 0..20 {
            backups.make(&store, at(24 * day)).unwrap();
        }
        let after = backups.list();
        assert!(before.iter().all(|backup| after.contains(backup)));
        assert_eq!(after.len(), 2 * MAX_BACKUPS);
        store.close().await.unwrap();
    }

    #[tokio::test]
    async fn a_store_put_back_from_an_older_copy_is_noticed_by_a_newer_backup() {
        let folder = tempfile::tempdir().unwrap();
        let backups = Backups::in_folder(folder.path());
        let store = store_with(folder.path(), 3).await;
        backups.make(&store, at(1)).unwrap();
        assert!(backups.find_newer_than(&store, at(2)).is_none());
        store.close().await.unwrap();
        let copy = tempfile::tempdir().unwrap();
        crate::store::files::copy_folder(folder.path(), copy.path()).unwrap();
        let store = SledStore::open(folder.path()).unwrap().store;
        go_on(&store).await;
        go_on(&store).await;
        assert!(
            backups.find_newer_than(&store, at(2)).is_none(),
            "it goes on"
        );
        backups.make(&store, at(24)).unwrap();
        store.close().await.unwrap();
        // The newer backup stays.
        remove_folder(&folder.path().join("sled")).unwrap();
        crate::store::files::copy_folder(copy.path(), folder.path()).unwrap();
        let store = SledStore::open(folder.path()).unwrap().store;
        let newer = backups.find_newer_than(&store, at(48)).unwrap();
        assert_eq!(newer.chats, 1);
        assert!(
            newer.to_string().contains("OLDER THAN ITS BACKUP"),
            "{newer}"
        );
        // A chat that was forgotten since is no sign of it.
        let forget = Commit {
            chat: ChatId(0),
            expected: store.load(ChatId(0)).unwrap().version,
            record: None,
            replies: Vec::new(),
            now: at(48),
        };
        store.commit(forget).await.unwrap();
        assert!(backups.find_newer_than(&store, at(48)).is_none());
        store.close().await.unwrap();
    }

    #[tokio::test]
    async fn where_only_backups_are_left_the_newest_is_restored() {
        for lost in [
            &["sled", "state"][..],
            &["sled", "state", "lock"],
            &["sled"],
        ] {
            let folder = tempfile::tempdir().unwrap();
            let store = store_with(folder.path(), 4).await;
            Backups::in_folder(folder.path())
                .make(&store, at(1))
                .unwrap();
            store.close().await.unwrap();
            for name in lost {
                let path = folder.path().join(name);
                let _ = fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path));
            }
            assert!(matches!(
                SledStore::open(folder.path()),
                Err(StoreError::Damaged(_))
            ));
            let (opened, restored) = open(folder.path(), at(2)).unwrap();
            assert_eq!(
                (opened.chats, restored.unwrap().made),
                (4, at(1)),
                "{lost:?}"
            );
            opened.store.close().await.unwrap();
            let (again, restored) = open(folder.path(), at(3)).unwrap();
            assert!(again.chats == 4 && restored.is_none());
        }
    }

    #[tokio::test]
    async fn where_the_file_state_is_lost_the_store_itself_is_used_and_not_an_older_backup() {
        for content in [None, Some(""), Some("garbage")] {
            for is_closed in [true, false] {
                let folder = tempfile::tempdir().unwrap();
                let store = store_with(folder.path(), 4).await;
                Backups::in_folder(folder.path())
                    .make(&store, at(1))
                    .unwrap();
                add_chat(&store, 5).await;
                let found = tempfile::tempdir().unwrap();
                if is_closed {
                    store.close().await.unwrap();
                }
                crate::store::files::copy_folder(folder.path(), found.path()).unwrap();
                let state = found.path().join("state");
                match content {
                    None => fs::remove_file(state).unwrap(),
                    Some(content) => fs::write(state, content).unwrap(),
                }
                let (opened, restored) = open(found.path(), at(2)).unwrap();
                assert!(opened.rebuilt && !opened.created && restored.is_none());
                assert_eq!(opened.chats, 5, "{content:?}");
                opened.store.close().await.unwrap();
                assert!(!open(found.path(), at(3)).unwrap().0.rebuilt);
            }
        }
    }

    #[tokio::test]
    async fn damaged_files_are_kept_aside_each_time_under_a_name_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        damaged(folder.path(), 5).await;
        let mut asides = Vec::new();
        for _ in 0..3 {
            // The clock says the same each time.
            let (opened, restored) = open(folder.path(), at(200)).unwrap();
            asides.push(restored.unwrap().aside);
            opened.store.close().await.unwrap();
            damage(folder.path());
        }
        asides.dedup();
        assert_eq!(asides.len(), 3);
        assert!(asides.iter().all(|aside| aside.join("sled/db").exists()));
    }

    #[tokio::test]
    async fn where_state_is_lost_and_the_store_is_damaged_a_backup_is_restored() {
        let folder = tempfile::tempdir().unwrap();
        damaged(folder.path(), 5).await;
        fs::remove_file(folder.path().join("state")).unwrap();
        let found = fs::read(folder.path().join("sled/db")).unwrap();
        let (opened, restored) = open(folder.path(), at(200)).unwrap();
        let restored = restored.unwrap();
        assert_eq!(opened.chats, 5);
        assert_eq!(fs::read(restored.aside.join("sled/db")).unwrap(), found);
    }
}
