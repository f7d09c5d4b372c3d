//! The contract of a store, run on every engine, and tests of the engine on disk.

// Helpers may panic, like tests.

use std::{collections::BTreeSet, fs, path::Path, sync::Arc};

use futures::future::join_all;
use jiff::Timestamp;
use tempfile::TempDir;
use unbind_bot::{
    dialogue::{Card, CardId, ChatId, MessageId, Record, Reply},
    markup::RichText,
    store::{
        AddressedReply, Commit, Item, Mark, OutboxRow, RowId, Store, StoreError, Versioned,
        memory::MemoryStore, sled::SledStore,
    },
};

const CHAT: ChatId = ChatId(7);
/// Telegram's groups have negative ids.
const GROUP: ChatId = ChatId(-1_001_234_567_890);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn record(label: &str) -> Record {
    Record {
        keyboard: 3,
        cards: vec![Card::new(
            CardId(1),
            label,
            "wallet-mi".parse().unwrap(),
            at(1_767_225_600),
        )],
        ..Record::default()
    }
}

fn commit(chat: ChatId, expected: u64, label: &str, replies: &[&str]) -> Commit {
    let replies = replies
        .iter()
        .map(|text| Reply::new(RichText::plain(*text)));
    Commit {
        chat,
        expected,
        record: Some(record(label)),
        replies: AddressedReply::to_chat(chat, replies),
        // A chat that begins now begins at version 1, and the versions here are easy to follow.
        now: Timestamp::UNIX_EPOCH,
    }
}

/// A commit that deletes the chat, but for these replies.
fn forgetting(chat: ChatId, expected: u64, replies: &[&str]) -> Commit {
    Commit {
        record: None,
        ..commit(chat, expected, "", replies)
    }
}

fn row_id(chat: ChatId, version: u64, index: u32) -> RowId {
    RowId {
        chat,
        version,
        index,
    }
}

fn texts(rows: &[OutboxRow]) -> Vec<String> {
    rows.iter().map(|row| row.reply.text.to_plain()).collect()
}

fn items(store: &dyn Store) -> Vec<Item> {
    store.scan().collect::<Result<_, _>>().unwrap()
}

fn open(folder: &Path) -> SledStore {
    SledStore::open(folder).unwrap().store
}

/// Runs a test of the contract against every engine.
macro_rules! contract {
    ($($name:ident)*) => {
        mod memory {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(std::sync::Arc::new(super::MemoryStore::new())).await;
            })*
        }
        mod sled {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let folder = tempfile::tempdir().unwrap();
                super::$name(std::sync::Arc::new(super::open(folder.path()))).await;
            })*
        }
    };
}

contract! {
    a_chat_never_seen_has_version_0_and_an_empty_record
    what_was_committed_is_loaded_one_version_on
    a_conflict_changes_nothing
    a_conflict_affects_its_own_commit_only
    rows_come_by_chat_and_in_the_order_they_were_said
    a_row_that_is_done_goes_and_one_for_later_waits
    marks_of_unknown_rows_are_passed_over
    a_forgotten_chat_leaves_nothing_and_others_stay
    a_row_is_read_by_its_name_as_long_as_it_is_there
    a_group_that_moves_takes_its_record_and_rows_along
    a_group_that_moves_where_something_is_leaves_that_alone
    a_scan_sees_everything_once
    a_scan_of_many_chats_misses_none
    what_a_scan_saw_can_be_restored_elsewhere
    many_writers_side_by_side_lose_nothing
    many_writers_of_one_chat_take_turns
    once_closed_everything_is_refused
}

async fn a_chat_never_seen_has_version_0_and_an_empty_record(store: Arc<dyn Store>) {
    assert_eq!(store.load(CHAT).unwrap(), Versioned::default());
    assert!(store.outbox().unwrap().is_empty());
    assert!(items(&*store).is_empty());
    store.health().unwrap();
}

async fn what_was_committed_is_loaded_one_version_on(store: Arc<dyn Store>) {
    let rows = store.commit(commit(CHAT, 0, "门禁卡 🏠", &["one"])).await;
    let loaded = store.load(CHAT).unwrap();
    assert_eq!((loaded.version, loaded.record), (1, record("门禁卡 🏠")));
    assert_eq!(rows.unwrap(), store.outbox().unwrap());
    store.commit(commit(CHAT, 1, "office", &[])).await.unwrap();
    assert_eq!(store.load(CHAT).unwrap().version, 2);
}

async fn a_conflict_changes_nothing(store: Arc<dyn Store>) {
    store.commit(commit(CHAT, 0, "a", &["one"])).await.unwrap();
    let before = items(&*store);
    for expected in [0, 2, u64::MAX] {
        let late = store.commit(commit(CHAT, expected, "b", &["two"])).await;
        assert!(matches!(late, Err(StoreError::Conflict(CHAT))));
    }
    assert_eq!(items(&*store), before);
    store.health().unwrap();
}

async fn a_conflict_affects_its_own_commit_only(store: Arc<dyn Store>) {
    let turns =
        (0..64).map(|chat| store.commit(commit(ChatId(chat), chat as u64 % 2, "a", &["x"])));
    for (chat, outcome) in (0..).zip(join_all(turns).await) {
        assert_eq!(outcome.is_ok(), chat % 2 == 0, "chat {chat}");
        assert_eq!(
            store.load(ChatId(chat)).unwrap().version,
            1 - chat as u64 % 2
        );
    }
    assert_eq!(store.outbox().unwrap().len(), 32);
}

async fn rows_come_by_chat_and_in_the_order_they_were_said(store: Arc<dyn Store>) {
    store
        .commit(commit(CHAT, 0, "a", &["1", "2", "3"]))
        .await
        .unwrap();
    store.commit(commit(GROUP, 0, "a", &["g"])).await.unwrap();
    for version in 1..12 {
        let text = (version + 3).to_string();
        store
            .commit(commit(CHAT, version, "a", &[&text]))
            .await
            .unwrap();
    }
    let expected = [
        "g", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14",
    ];
    assert_eq!(texts(&store.outbox().unwrap()), expected);
}

async fn a_row_that_is_done_goes_and_one_for_later_waits(store: Arc<dyn Store>) {
    store
        .commit(commit(CHAT, 0, "a", &["1", "2", "3"]))
        .await
        .unwrap();
    let done = Mark::Done(row_id(CHAT, 1, 0));
    let later = Mark::Later(row_id(CHAT, 1, 2), at(2_000_000_000));
    store.mark(vec![done, later.clone(), later]).await.unwrap();
    let rows = store.outbox().unwrap();
    assert_eq!(texts(&rows), ["2", "3"]);
    assert_eq!((rows[0].attempts, rows[0].not_before), (0, None));
    assert_eq!(
        (rows[1].attempts, rows[1].not_before),
        (2, Some(at(2_000_000_000)))
    );
}

async fn marks_of_unknown_rows_are_passed_over(store: Arc<dyn Store>) {
    let unknown = row_id(CHAT, 9, 9);
    store
        .mark(vec![Mark::Done(unknown), Mark::Later(unknown, at(5))])
        .await
        .unwrap();
    store.mark(Vec::new()).await.unwrap();
    assert!(items(&*store).is_empty());
}

async fn a_forgotten_chat_leaves_nothing_and_others_stay(store: Arc<dyn Store>) {
    for chat in [
        CHAT,
        ChatId(CHAT.0 - 1),
        ChatId(CHAT.0 + 1),
        ChatId(-CHAT.0),
        GROUP,
    ] {
        store
            .commit(commit(chat, 0, "a", &["1", "2"]))
            .await
            .unwrap();
    }
    let forgotten = store
        .commit(forgetting(CHAT, 1, &["receipt"]))
        .await
        .unwrap();
    store.commit(forgetting(ChatId(99), 0, &[])).await.unwrap();
    assert_eq!(store.load(CHAT).unwrap(), Versioned::default());
    let rows = store.outbox().unwrap().into_iter();
    let left: Vec<_> = rows.filter(|row| row.id.chat == CHAT).collect();
    assert_eq!(left, forgotten, "the receipt alone is still to be sent");
    assert!(left[0].id.is_farewell());
    assert_eq!(items(&*store).len(), 4 * 3 + 1);
    let now = at(1_767_225_601);
    let anew = Commit {
        now,
        ..commit(CHAT, 0, "b", &["hello"])
    };
    let rows = store.commit(anew).await.unwrap();
    assert!(rows[0].id > left[0].id, "sent after the receipt");
    // Replies from before, still being sent, have lower versions and so other ids.
    assert_eq!(rows[0].id.version, 1_767_225_601_000);
    assert_eq!(store.load(CHAT).unwrap().version, 1_767_225_601_000);
}

async fn a_scan_sees_everything_once(store: Arc<dyn Store>) {
    for chat in [
        CHAT,
        GROUP,
        ChatId(i64::MIN),
        ChatId(i64::MAX),
        ChatId(0),
        ChatId(-1),
    ] {
        store.commit(commit(chat, 0, "a", &["1"])).await.unwrap();
    }
    let (mut chats, mut rows) = (BTreeSet::new(), BTreeSet::new());
    for item in items(&*store) {
        let new = match item {
            Item::Chat(chat, _) => chats.insert(chat),
            Item::Row(row) => rows.insert(row.id),
        };
        assert!(new, "seen twice");
    }
    assert_eq!((chats.len(), rows.len()), (6, 6));
}

async fn a_scan_of_many_chats_misses_none(store: Arc<dyn Store>) {
    let turns = (-700..700).map(|chat| store.commit(commit(ChatId(chat), 0, "a", &["1"])));
    assert!(join_all(turns).await.iter().all(Result::is_ok));
    assert_eq!(items(&*store).len(), 2 * 1400);
}

async fn what_a_scan_saw_can_be_restored_elsewhere(store: Arc<dyn Store>) {
    let other = MemoryStore::new();
    for version in 0..5 {
        other
            .commit(commit(GROUP, version, "家", &["1", "2"]))
            .await
            .unwrap();
    }
    store.restore(items(&other)).await.unwrap();
    assert_eq!(items(&*store), items(&other));
    store.commit(commit(GROUP, 5, "家", &["6"])).await.unwrap();
}

async fn many_writers_side_by_side_lose_nothing(store: Arc<dyn Store>) {
    let writers = (0..16).map(|chat| {
        let store = store.clone();
        tokio::spawn(async move {
            for version in 0..25 {
                store
                    .commit(commit(ChatId(chat), version, "a", &["1"]))
                    .await
                    .unwrap();
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    for chat in 0..16 {
        assert_eq!(store.load(ChatId(chat)).unwrap().version, 25);
    }
    assert_eq!(store.outbox().unwrap().len(), 16 * 25);
}

async fn many_writers_of_one_chat_take_turns(store: Arc<dyn Store>) {
    let writers = (0..8).map(|_| {
        let store = store.clone();
        tokio::spawn(async move {
            for _ in 0..10 {
                loop {
                    let expected = store.load(CHAT).unwrap().version;
                    match store.commit(commit(CHAT, expected, "a", &["1"])).await {
                        Ok(_) => break,
                        Err(StoreError::Conflict(_)) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    assert_eq!(store.load(CHAT).unwrap().version, 80);
    assert_eq!(store.outbox().unwrap().len(), 80);
}

async fn once_closed_everything_is_refused(store: Arc<dyn Store>) {
    store.commit(commit(CHAT, 0, "a", &["1"])).await.unwrap();
    store.close().await.unwrap();
    assert!(store.load(CHAT).is_err());
    assert!(store.commit(commit(CHAT, 1, "a", &[])).await.is_err());
    assert!(store.outbox().is_err());
    assert!(store.commit(forgetting(CHAT, 1, &[])).await.is_err());
    assert!(store.scan().any(|item| item.is_err()));
    assert!(store.health().is_err());
}

/// Every file below a folder, with its content.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push((path.display().to_string(), fs::read(&path).unwrap()));
        }
    }
    found.sort();
    found
}

/// A store with fifty chats, closed or, with `killed`, as a kill would leave it.
async fn made(killed: bool) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    for version in 0..4 {
        let turns =
            (0..50).map(|chat| store.commit(commit(ChatId(chat), version, "家 👍", &["1"])));
        assert!(join_all(turns).await.iter().all(Result::is_ok));
    }
    if !killed {
        store.close().await.unwrap();
        return folder;
    }
    let copy = tempfile::tempdir().unwrap();
    for (name, content) in files(folder.path()) {
        let name = copy
            .path()
            .join(Path::new(&name).strip_prefix(folder.path()).unwrap());
        fs::create_dir_all(name.parent().unwrap()).unwrap();
        fs::write(name, content).unwrap();
    }
    copy
}

#[tokio::test]
async fn everything_is_there_after_closing_and_opening_again() {
    let folder = made(false).await;
    let opened = SledStore::open(folder.path()).unwrap();
    assert!(!opened.recovered && !opened.created);
    assert_eq!((opened.chats, opened.rows), (50, 200));
    let before = items(&opened.store);
    opened.store.close().await.unwrap();
    assert_eq!(items(&open(folder.path())), before);
}

#[tokio::test]
async fn everything_is_there_after_a_kill() {
    let folder = made(true).await;
    let opened = SledStore::open(folder.path()).unwrap();
    assert!(opened.recovered);
    assert_eq!((opened.chats, opened.rows), (50, 200));
    assert_eq!(opened.store.load(ChatId(49)).unwrap().version, 4);
}

#[tokio::test]
async fn a_store_that_is_dropped_unclosed_frees_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    for expected in 0..3 {
        let store = open(folder.path());
        store
            .commit(commit(CHAT, expected, "a", &[]))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_second_opening_is_refused_by_the_folders_name() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let Err(StoreError::InUse(name)) = SledStore::open(folder.path()) else {
        panic!("opened twice");
    };
    assert_eq!(name, folder.path().display().to_string());
    store.commit(commit(CHAT, 0, "a", &[])).await.unwrap();
}

#[test]
fn a_foreign_folder_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("thesis.txt"), "for years").unwrap();
    let before = files(folder.path());
    assert!(matches!(
        SledStore::open(folder.path()),
        Err(StoreError::Foreign(_))
    ));
    assert_eq!(files(folder.path()), before);
}

#[test]
fn a_folder_with_another_programs_database_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let db = ::sled::open(folder.path().join("sled")).unwrap();
    db.insert("theirs", "for years").unwrap();
    db.open_tree("records").unwrap();
    db.flush().unwrap();
    drop(db);
    let before = files(folder.path());
    assert!(matches!(
        SledStore::open(folder.path()),
        Err(StoreError::Foreign(_))
    ));
    assert!(files(folder.path()) == before);
}

#[test]
fn a_folder_with_no_more_than_a_removed_stores_leavings_takes_a_new_store() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("lock"), "").unwrap();
    fs::create_dir(folder.path().join("backups")).unwrap();
    assert!(SledStore::open(folder.path()).unwrap().created);
    // Files of another program in a folder of this name are still another program's.
    let foreign = tempfile::tempdir().unwrap();
    fs::create_dir(foreign.path().join("backups")).unwrap();
    fs::write(foreign.path().join("backups/monday.tar"), "x").unwrap();
    assert!(matches!(
        SledStore::open(foreign.path()),
        Err(StoreError::Foreign(_))
    ));
}

#[test]
fn a_file_in_the_place_of_the_folder_is_an_error_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let name = folder.path().join("data");
    fs::write(&name, "").unwrap();
    let error = SledStore::open(&name).err().unwrap();
    assert!(error.to_string().contains("data"), "{error}");
}

type Change = Box<dyn Fn(&mut Vec<u8>)>;

/// The ways to damage a file: a name, and what it does to the content.
fn damages(length: usize, seed: usize) -> Vec<(String, Change)> {
    let at = seed.wrapping_mul(2_654_435_761) % length.max(1);
    vec![
        (
            format!("flip at {at}"),
            Box::new(move |content| content[at] ^= 0x55),
        ),
        (
            format!("cut at {at}"),
            Box::new(move |content| content.truncate(at)),
        ),
        (
            format!("zeros from {at}"),
            Box::new(move |content| {
                let end = content.len().min(at + 700);
                content[at..end].fill(0);
            }),
        ),
    ]
}

/// Damages one file of a store and opens it: either everything is served, or nothing is and the files are as they were.
/// Returns whether it was refused.
fn is_refused_or_whole(
    folder: &Path,
    name: &str,
    damage: &str,
    change: &dyn Fn(&mut Vec<u8>),
    whole: &[Item],
) -> bool {
    let mut content = fs::read(name).unwrap();
    change(&mut content);
    fs::write(name, content).unwrap();
    let before: Vec<_> = files(&folder.join("sled"));
    match SledStore::open(folder) {
        Ok(opened) => {
            assert_eq!(items(&opened.store), whole, "{name}: {damage}");
            false
        }
        Err(StoreError::Damaged(text)) => {
            assert!(text.contains("store import FILE"), "{text}");
            assert!(
                files(&folder.join("sled")) == before,
                "{name}: {damage}: files changed"
            );
            true
        }
        Err(error) => panic!("{name}: {damage}: {error}"),
    }
}

async fn damaged_stores_are_refused(killed: bool) -> (usize, usize) {
    let folder = made(killed).await;
    let pristine = files(folder.path());
    let whole = {
        let scratch = restore_files(&folder, &pristine);
        items(&open(scratch.path()))
    };
    let (mut tried, mut refused) = (0, 0);
    for (name, content) in &pristine {
        if content.is_empty() {
            continue;
        }
        for seed in 1..7 {
            for (damage, change) in damages(content.len(), seed) {
                let scratch = restore_files(&folder, &pristine);
                let name = scratch
                    .path()
                    .join(Path::new(name).strip_prefix(folder.path()).unwrap());
                tried += 1;
                let name = name.display().to_string();
                refused += usize::from(is_refused_or_whole(
                    scratch.path(),
                    &name,
                    &damage,
                    &*change,
                    &whole,
                ));
            }
        }
    }
    (tried, refused)
}

fn restore_files(folder: &TempDir, pristine: &[(String, Vec<u8>)]) -> TempDir {
    let scratch = tempfile::tempdir().unwrap();
    for (name, content) in pristine {
        let name = scratch
            .path()
            .join(Path::new(name).strip_prefix(folder.path()).unwrap());
        fs::create_dir_all(name.parent().unwrap()).unwrap();
        fs::write(name, content).unwrap();
    }
    scratch
}

#[tokio::test]
async fn a_closed_store_that_was_damaged_is_refused_unchanged_or_served_whole() {
    let (tried, refused) = damaged_stores_are_refused(false).await;
    assert!(tried > 50 && refused > tried / 2, "{refused} of {tried}");
}

#[tokio::test]
async fn a_killed_store_that_was_damaged_is_refused_unchanged_or_served_whole() {
    let (tried, refused) = damaged_stores_are_refused(true).await;
    assert!(tried > 20 && refused > 0, "{refused} of {tried}");
}

async fn a_row_is_read_by_its_name_as_long_as_it_is_there(store: Arc<dyn Store>) {
    let rows = store
        .commit(commit(CHAT, 0, "a", &["1", "2"]))
        .await
        .unwrap();
    assert_eq!(store.row(rows[1].id).unwrap().as_ref(), Some(&rows[1]));
    store.mark(vec![Mark::Done(rows[1].id)]).await.unwrap();
    assert_eq!(store.row(rows[1].id).unwrap(), None);
    assert_eq!(store.row(row_id(GROUP, 1, 0)).unwrap(), None);
}

const SUPERGROUP: ChatId = ChatId(-1_009_999_999_999);

async fn a_group_that_moves_takes_its_record_and_rows_along(store: Arc<dyn Store>) {
    let mut first = commit(GROUP, 0, "a", &["1", "2"]);
    first.replies[0].reply.replaces = Some(MessageId(5));
    first.replies[1].reply.deletes = Some(MessageId(6));
    first.record.as_mut().unwrap().screen_message = Some(MessageId(5));
    store.commit(first).await.unwrap();
    store.commit(commit(CHAT, 0, "b", &["3"])).await.unwrap();
    store.migrate(GROUP, SUPERGROUP).await.unwrap();
    assert_eq!(store.load(GROUP).unwrap(), Versioned::default());
    let moved = store.load(SUPERGROUP).unwrap();
    assert_eq!((moved.version, moved.record), (1, record("a")));
    let rows = store.outbox().unwrap();
    let of_group: Vec<_> = rows
        .iter()
        .filter(|row| row.id.chat == SUPERGROUP)
        .cloned()
        .collect();
    assert_eq!(
        (texts(&of_group), rows.len()),
        (vec!["1".into(), "2".into()], 3)
    );
    let message = |row: &OutboxRow| row.reply.replaces.or(row.reply.deletes);
    assert!(of_group.iter().all(|row| message(row).is_none()));
    // Once more changes nothing, and the chat goes on from where it was.
    store.migrate(GROUP, SUPERGROUP).await.unwrap();
    store
        .commit(commit(SUPERGROUP, 1, "c", &["4"]))
        .await
        .unwrap();
    assert_eq!(store.outbox().unwrap().len(), 4);
    assert_eq!(store.load(CHAT).unwrap().record, record("b"));
}

async fn a_group_that_moves_where_something_is_leaves_that_alone(store: Arc<dyn Store>) {
    store
        .commit(commit(GROUP, 0, "old", &["1", "2"]))
        .await
        .unwrap();
    store
        .commit(commit(SUPERGROUP, 0, "new", &["3"]))
        .await
        .unwrap();
    store.migrate(GROUP, SUPERGROUP).await.unwrap();
    assert_eq!(store.load(SUPERGROUP).unwrap().record, record("new"));
    let mut said = texts(&store.outbox().unwrap());
    said.sort();
    assert_eq!(said, ["1", "2", "3"]);
    assert_eq!(items(&*store).len(), 4);
}
