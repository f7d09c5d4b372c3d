//! Tests of the engine with its barrier, trees and folder in the test's hands.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::PathBuf,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use futures::future::join_all;

use jiff::Timestamp;

use super::{trees::Trees, verify::split_keys, *};
use crate::{
    dialogue::{Card, CardId, Record},
    store::keys::parse_chat_key,
};

fn commit(chat: i64, expected: u64) -> Commit {
    Commit {
        chat: ChatId(chat),
        expected,
        record: Some(Record::default()),
        replies: Vec::new(),
        now: Timestamp::UNIX_EPOCH,
    }
}

/// Counts its calls, and fails when told to.
#[derive(Clone, Default)]
struct Witness {
    waits: Arc<AtomicUsize>,
    broken: Arc<AtomicBool>,
    slow: bool,
}

impl Barrier for Witness {
    fn wait(&mut self) -> io::Result<()> {
        self.waits.fetch_add(1, Ordering::SeqCst);
        if self.slow {
            thread::sleep(Duration::from_millis(10));
        }
        if self.broken.load(Ordering::SeqCst) {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        Ok(())
    }
}

fn open_with(folder: &Path, barrier: &Witness) -> SledStore {
    let barrier = barrier.clone();
    let opened = SledStore::open_with(folder, move |_| Ok(Box::new(barrier.clone())));
    opened.unwrap().store
}

#[tokio::test]
async fn every_chat_is_in_one_part_of_the_verification() {
    let far = [
        i64::MIN,
        -1_002_000_000_000,
        -7,
        0,
        1,
        42,
        8_000_000_000,
        i64::MAX,
    ];
    for count in 0..=far.len() {
        let folder = tempfile::tempdir().unwrap();
        let store = SledStore::open(folder.path()).unwrap().store;
        let chats = &far[far.len() - count..];
        for chat in chats {
            store.commit(commit(*chat, 0)).await.unwrap();
        }
        let trees = store.shared.trees.read().unwrap().clone().unwrap();
        let parts = split_keys(&trees.records).unwrap();
        let keys = parts.into_iter().flat_map(|part| trees.records.range(part));
        let verified: Vec<_> = keys
            .map(|entry| parse_chat_key(&entry.unwrap().0).unwrap().0)
            .collect();
        assert_eq!(verified, chats);
    }
}

#[tokio::test]
async fn each_acknowledged_batch_waited_for_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let barrier = Witness::default();
    let store = open_with(folder.path(), &barrier);
    for version in 0..5 {
        store.commit(commit(1, version)).await.unwrap();
        assert_eq!(barrier.waits.load(Ordering::SeqCst) as u64, version + 1);
    }
    let forgetting = Commit {
        record: None,
        ..commit(1, 5)
    };
    store.commit(forgetting).await.unwrap();
    assert_eq!(barrier.waits.load(Ordering::SeqCst), 6);
}

#[tokio::test]
async fn writers_that_come_together_share_a_barrier() {
    let folder = tempfile::tempdir().unwrap();
    let barrier = Witness {
        slow: true,
        ..Witness::default()
    };
    let store = open_with(folder.path(), &barrier);
    let turns = (0..100).map(|chat| store.commit(commit(chat, 0)));
    assert!(join_all(turns).await.iter().all(Result::is_ok));
    assert!(barrier.waits.load(Ordering::SeqCst) < 10);
}

#[tokio::test]
async fn several_turns_of_one_chat_fit_one_batch() {
    let folder = tempfile::tempdir().unwrap();
    let barrier = Witness {
        slow: true,
        ..Witness::default()
    };
    let store = open_with(folder.path(), &barrier);
    let turns = (0..20).map(|version| store.commit(commit(1, version)));
    assert!(join_all(turns).await.iter().all(Result::is_ok));
    assert_eq!(store.load(ChatId(1)).unwrap().version, 20);
    assert!(barrier.waits.load(Ordering::SeqCst) < 10);
}

#[tokio::test]
async fn nothing_is_acknowledged_when_the_disk_refuses_and_reading_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let barrier = Witness::default();
    let store = open_with(folder.path(), &barrier);
    store.commit(commit(1, 0)).await.unwrap();
    barrier.broken.store(true, Ordering::SeqCst);
    let refused = store.commit(commit(2, 0)).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))));
    assert!(store.commit(commit(3, 0)).await.is_err());
    assert!(store.health().is_err());
    assert_eq!(store.load(ChatId(1)).unwrap().version, 1);
    store.close().await.unwrap();
    let reopened = SledStore::open(folder.path()).unwrap();
    assert!(
        reopened.recovered,
        "a store that failed is not closed as a sound one"
    );
    assert_eq!(reopened.store.load(ChatId(1)).unwrap().version, 1);
}

#[tokio::test]
async fn once_the_disk_works_again_the_store_is_reopened_from_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let barrier = Witness::default();
    let store = open_with(folder.path(), &barrier);
    store.commit(commit(1, 0)).await.unwrap();
    barrier.broken.store(true, Ordering::SeqCst);
    assert!(store.commit(commit(2, 0)).await.is_err());
    barrier.broken.store(false, Ordering::SeqCst);
    while store.health().is_err() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // The commit may be on disk though it was not acknowledged; loading it tells.
    let kept = store.load(ChatId(2)).unwrap().version;
    store.commit(commit(2, kept)).await.unwrap();
    store.commit(commit(1, 1)).await.unwrap();
    store.close().await.unwrap();
    let reopened = SledStore::open(folder.path()).unwrap();
    assert!(!reopened.recovered);
    assert_eq!(reopened.store.load(ChatId(1)).unwrap().version, 2);
    assert_eq!(reopened.store.load(ChatId(2)).unwrap().version, kept + 1);
}

/// A disk that loses at a power cut everything written after the last barrier.
struct LosingDisk {
    files: PathBuf,
    kept: PathBuf,
}

impl Barrier for LosingDisk {
    fn wait(&mut self) -> io::Result<()> {
        FileBarrier::new(&self.files)?.wait()?;
        copy(&self.files, &self.kept)
    }
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to.join("blobs"))?;
    for name in fs::read_dir(from)?.chain(fs::read_dir(from.join("blobs"))?) {
        let name = name?.path();
        if name.is_file() {
            let inner = name.strip_prefix(from).map_err(io::Error::other)?;
            fs::copy(&name, to.join(inner))?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_with_what_no_barrier_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let disk = tempfile::tempdir().unwrap();
    let kept = disk.path().join("sled");
    let target = kept.clone();
    let opened = SledStore::open_with(folder.path(), move |files| {
        Ok(Box::new(LosingDisk {
            files: files.to_owned(),
            kept: target.clone(),
        }))
    });
    let store = opened.unwrap().store;
    // Only the first write of this file was synced.
    let state = fs::read(folder.path().join("state")).unwrap();
    for version in 0..30 {
        // Every seventh is so large that sled puts it into a file of its own.
        let large = Record {
            misses: 1,
            cards: (0..version % 7 * 300).map(card).collect(),
            ..Record::default()
        };
        let commit = Commit {
            record: Some(large),
            ..commit(1, version)
        };
        store.commit(commit).await.unwrap();
        fs::write(disk.path().join("state"), &state).unwrap();
        let after = SledStore::open(disk.path()).unwrap();
        assert_eq!(after.store.load(ChatId(1)).unwrap().version, version + 1);
    }
}

fn card(id: u64) -> crate::dialogue::Card {
    let id = crate::dialogue::CardId(id as u32);
    let wallet = "wallet-huawei".parse().unwrap();
    crate::dialogue::Card::new(id, "门禁卡".repeat(20), wallet, Timestamp::UNIX_EPOCH)
}

#[tokio::test]
async fn a_broken_row_is_not_sent_and_does_not_hold_up_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let store = SledStore::open(folder.path()).unwrap().store;
    for chat in 1..=3 {
        let reply = crate::dialogue::Reply::new(crate::markup::RichText::plain("text"));
        let replies = crate::store::AddressedReply::to_chat(ChatId(chat), [reply]);
        let commit = Commit {
            replies,
            ..commit(chat, 0)
        };
        store.commit(commit).await.unwrap();
    }
    let id = |chat| RowId {
        chat: ChatId(chat),
        version: 1,
        index: 0,
    };
    let misplace = |trees: &Trees| {
        let other = trees.outbox.get(row_key(id(1))).unwrap().unwrap();
        trees.outbox.insert(row_key(id(2)), other).unwrap();
        Ok(())
    };
    store.shared.read(misplace).unwrap();
    let rows = store.outbox().unwrap();
    assert_eq!(
        rows.iter().map(|row| row.id).collect::<Vec<_>>(),
        [id(1), id(3)]
    );
    assert_eq!(store.scan().filter(Result::is_err).count(), 1);
    let later = Mark::Later(id(2), Timestamp::UNIX_EPOCH);
    store.mark(vec![later]).await.unwrap();
}

#[tokio::test]
async fn a_record_changed_behind_our_back_is_never_served() {
    let folder = tempfile::tempdir().unwrap();
    let store = SledStore::open(folder.path()).unwrap().store;
    store.commit(commit(1, 0)).await.unwrap();
    let spoil = |trees: &Trees| {
        trees.records.insert(chat_key(ChatId(1)), b"?").unwrap();
        Ok(())
    };
    store.shared.read(spoil).unwrap();
    assert!(matches!(store.load(ChatId(1)), Err(StoreError::Damaged(_))));
    assert!(store.commit(commit(1, 1)).await.is_err());
    store.commit(commit(2, 0)).await.unwrap();
    store.close().await.unwrap();
    assert!(matches!(
        SledStore::open(folder.path()),
        Err(StoreError::Damaged(_))
    ));
}

#[tokio::test]
async fn a_record_that_fell_back_in_time_is_noticed_on_opening() {
    let folder = tempfile::tempdir().unwrap();
    let store = SledStore::open(folder.path()).unwrap().store;
    let old = Mutex::new(None);
    store.commit(commit(1, 0)).await.unwrap();
    let keep = |trees: &Trees| {
        *old.lock().unwrap() = trees.records.get(chat_key(ChatId(1))).unwrap();
        Ok(())
    };
    store.shared.read(keep).unwrap();
    store.commit(commit(1, 1)).await.unwrap();
    let put_back = |trees: &Trees| {
        let outdated = old.lock().unwrap().take().unwrap();
        trees.records.insert(chat_key(ChatId(1)), outdated).unwrap();
        Ok(())
    };
    store.shared.read(put_back).unwrap();
    store.close().await.unwrap();
    assert!(matches!(
        SledStore::open(folder.path()),
        Err(StoreError::Damaged(_))
    ));
}

#[tokio::test]
async fn a_panic_while_reading_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let store = SledStore::open(folder.path()).unwrap().store;
    let read: Result<(), _> = store.shared.read(|_| panic!("a panic the test asked for"));
    assert!(matches!(read, Err(StoreError::Damaged(_))));
    store.commit(commit(1, 0)).await.unwrap();
}

#[tokio::test]
async fn compacting_keeps_everything_and_makes_it_smaller() {
    let folder = tempfile::tempdir().unwrap();
    let store = SledStore::open(folder.path()).unwrap().store;
    for version in 0..60 {
        let turns = (0..100).map(|chat| store.commit(commit(chat, version)));
        assert!(join_all(turns).await.iter().all(Result::is_ok));
    }
    let items = |store: &SledStore| store.scan().collect::<Result<Vec<_>, _>>().unwrap();
    let before = items(&store);
    assert!(matches!(
        SledStore::compact(folder.path()),
        Err(StoreError::InUse(_))
    ));
    store.close().await.unwrap();
    let sizes = SledStore::compact(folder.path()).unwrap();
    assert!(sizes.after < sizes.before, "{sizes:?}");
    let opened = SledStore::open(folder.path()).unwrap();
    assert!(!opened.recovered);
    assert_eq!(items(&opened.store), before);
    opened.store.commit(commit(1, 60)).await.unwrap();
}

#[tokio::test]
async fn a_compaction_cut_off_between_its_renames_is_settled() {
    let folder = tempfile::tempdir().unwrap();
    let store = SledStore::open(folder.path()).unwrap().store;
    store.commit(commit(1, 0)).await.unwrap();
    store.close().await.unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::rename(at("sled"), at("before-recovery")).unwrap();
    fs::create_dir(at("compacting")).unwrap();
    let opened = SledStore::open(folder.path()).unwrap();
    assert_eq!(opened.store.load(ChatId(1)).unwrap().version, 1);
    assert!(!at("compacting").exists() && !at("before-recovery").exists());
}

/// A disk on which a sync failed once: as on Linux, what it should have written counts as written from then on, and never
/// reaches the disk under that file. The file is told by its inode.
#[derive(Clone)]
struct ForgetfulDisk {
    files: PathBuf,
    kept: PathBuf,
    fails: Arc<AtomicBool>,
    failed: Arc<Mutex<Option<u64>>>,
}

impl Barrier for ForgetfulDisk {
    fn wait(&mut self) -> io::Result<()> {
        let inode = fs::metadata(self.files.join("db"))?.ino();
        let mut failed = self.failed.lock().unwrap();
        if self.fails.swap(false, Ordering::SeqCst) {
            *failed = Some(inode);
            return Err(io::Error::from_raw_os_error(5));
        }
        if *failed == Some(inode) {
            return Ok(());
        }
        let _ = fs::remove_dir_all(&self.kept);
        copy(&self.files, &self.kept)
    }
}

#[tokio::test]
async fn after_a_write_error_nothing_acknowledged_is_lost_at_a_power_cut() {
    let (folder, disk) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (fails, failed) = (Arc::<AtomicBool>::default(), Arc::default());
    let (kept, failing) = (disk.path().join("sled"), fails.clone());
    let opened = SledStore::open_with(folder.path(), move |files| {
        Ok(Box::new(ForgetfulDisk {
            files: files.to_owned(),
            kept: kept.clone(),
            fails: failing.clone(),
            failed: Arc::clone(&failed),
        }))
    });
    let store = opened.unwrap().store;
    for round in 0..3 {
        let version = store.load(ChatId(1)).unwrap().version;
        store.commit(commit(1, version)).await.unwrap();
        fails.store(true, Ordering::SeqCst);
        assert!(store.commit(commit(1, version + 1)).await.is_err());
        while store.health().is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        // It may be there though it was not acknowledged.
        let version = store.load(ChatId(1)).unwrap().version;
        store.commit(commit(1, version)).await.unwrap();
        let cut = tempfile::tempdir().unwrap();
        copy(&disk.path().join("sled"), &cut.path().join("sled")).unwrap();
        fs::copy(folder.path().join("state"), cut.path().join("state")).unwrap();
        let after = SledStore::open(cut.path()).unwrap();
        let kept = after.store.load(ChatId(1)).unwrap().version;
        assert_eq!(kept, version + 1, "round {round}");
    }
}

#[tokio::test]
async fn opening_after_a_crash_that_is_cut_off_anywhere_begins_again_from_the_files_as_found() {
    for cut in 0..4 {
        let folder = tempfile::tempdir().unwrap();
        let store = SledStore::open(folder.path()).unwrap().store;
        store.commit(commit(1, 0)).await.unwrap();
        let crashed = tempfile::tempdir().unwrap();
        let at = |name: &str| crashed.path().join(name);
        copy(&folder.path().join("sled"), &at("sled")).unwrap();
        fs::copy(folder.path().join("state"), at("state")).unwrap();
        match cut {
            // While the copy is made.
            0 => fs::create_dir(at("compacting")).unwrap(),
            // Between the two renames.
            1 => {
                copy(&at("sled"), &at("compacting")).unwrap();
                fs::rename(at("sled"), at("as-found")).unwrap();
            }
            // While the copy is opened, which is torn.
            2 => {
                copy(&at("sled"), &at("as-found")).unwrap();
                fs::write(at("sled").join("db"), "torn").unwrap();
            }
            // While the files as found are deleted.
            _ => {
                fs::create_dir(at("before-recovery")).unwrap();
                fs::write(at("before-recovery").join("db"), "half").unwrap();
            }
        }
        let opened = SledStore::open(crashed.path()).unwrap();
        assert_eq!(opened.store.load(ChatId(1)).unwrap().version, 1, "{cut}");
        for left in ["compacting", "as-found", "before-recovery"] {
            assert!(!at(left).exists(), "{cut}: {left}");
        }
    }
}

/// Whether any file below the folder contains these bytes.
fn is_in_files(folder: &Path, marker: &str) -> bool {
    let files = crate::store::files::list_files(folder).unwrap();
    files.iter().any(|file| {
        let content = fs::read(file).unwrap();
        let mut windows = content.windows(marker.len());
        windows.any(|window| window == marker.as_bytes())
    })
}

/// A store in which a chat with this name of a card was forgotten, among others that go on.
async fn forgetful(folder: &Path, marker: &str) -> SledStore {
    let store = SledStore::open(folder).unwrap().store;
    let card = Card::new(
        CardId(1),
        marker,
        "wallet-mi".parse().unwrap(),
        Timestamp::UNIX_EPOCH,
    );
    let marked = Commit {
        record: Some(Record {
            cards: vec![card],
            ..Record::default()
        }),
        ..commit(1, 0)
    };
    store.commit(marked).await.unwrap();
    store.commit(commit(2, 0)).await.unwrap();
    let forget = Commit {
        record: None,
        ..commit(1, 1)
    };
    store.commit(forget).await.unwrap();
    store.commit(commit(2, 1)).await.unwrap();
    store
}

const MARKER: &str = "Zanzibar-9b1d";

#[tokio::test]
async fn the_bytes_of_a_forgotten_chat_leave_the_files_while_the_store_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let store = forgetful(folder.path(), MARKER).await;
    assert!(is_in_files(folder.path(), MARKER), "sled keeps old values");
    store.erase_forgotten().await.unwrap();
    assert!(!is_in_files(folder.path(), MARKER));
    assert_eq!(store.load(ChatId(2)).unwrap().version, 2);
    store.commit(commit(2, 2)).await.unwrap();
    // Nothing was forgotten since.
    let inode = || fs::metadata(folder.path().join("sled/db")).unwrap().ino();
    let before = inode();
    store.erase_forgotten().await.unwrap();
    assert_eq!(inode(), before);
    store.close().await.unwrap();
    let opened = SledStore::open(folder.path()).unwrap();
    assert!(!opened.recovered);
    assert_eq!(opened.store.load(ChatId(2)).unwrap().version, 3);
}

#[tokio::test]
async fn the_bytes_of_a_forgotten_chat_leave_the_files_when_the_store_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    let store = forgetful(folder.path(), MARKER).await;
    store.close().await.unwrap();
    assert!(!is_in_files(folder.path(), MARKER));
    let opened = SledStore::open(folder.path()).unwrap();
    assert!(!opened.recovered);
    assert_eq!(opened.store.load(ChatId(2)).unwrap().version, 2);
}

#[tokio::test]
async fn after_a_kill_the_bytes_of_a_forgotten_chat_leave_the_files_at_the_next_chance() {
    let folder = tempfile::tempdir().unwrap();
    let store = forgetful(folder.path(), MARKER).await;
    let killed = tempfile::tempdir().unwrap();
    copy(&folder.path().join("sled"), &killed.path().join("sled")).unwrap();
    fs::copy(folder.path().join("state"), killed.path().join("state")).unwrap();
    drop(store);
    let store = SledStore::open(killed.path()).unwrap().store;
    store.erase_forgotten().await.unwrap();
    assert!(!is_in_files(killed.path(), MARKER));
}
