//! The store after its process is killed, and after a simulated power cut. This executable starts itself again as the
//! process to kill; for the power cut, it preloads the library `store/power_cut.c`, which loses unsynced writes.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test that cannot go on may stop"
)]
use std::{
    collections::BTreeMap,
    env, fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use jiff::Timestamp;
use unbind_bot::{
    dialogue::{Card, CardId, ChatId, Record, Reply},
    markup::RichText,
    store::{
        AddressedReply, Commit, Item, Mark, OutboxRow, RowId, Store, StoreError, sled::SledStore,
    },
};

/// The variable that names the store's folder to the process to kill.
const FOLDER: &str = "UNBIND_BOT_TEST_STORE";
/// The variables that make the disk fail: one in so many writes, or syncs.
const ERRORS: [&str; 2] = ["POWER_CUT_WRITE_ERRORS", "POWER_CUT_SYNC_ERRORS"];
const WRITERS: i64 = 8;
const KILLS: u64 = 100;
const POWER_CUTS: u64 = 30;
/// Rounds of each kind with write errors; each takes some seconds, since the store is reopened after a second.
const ROUNDS_OF_ERRORS: u64 = 4;
/// How long a process writes in such a round: long enough for the store to be reopened twice.
const LIFETIME_WITH_ERRORS: Duration = Duration::from_millis(3500);
/// A process writes for at most this long before it is killed.
const MAX_LIFETIME_MILLIS: u64 = 80;

/// Writes until it is killed, and prints what was acknowledged.
#[test]
#[ignore = "no test of its own: the process that the other tests start and kill"]
fn write_until_killed() {
    let folder = env::var(FOLDER).expect("started by another test, which names the folder");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store: &'static SledStore = Box::leak(Box::new(SledStore::open(folder).unwrap().store));
        print_line("open");
        let writers = (0..WRITERS).map(|chat| tokio::spawn(write(store, ChatId(chat))));
        for writer in writers.collect::<Vec<_>>() {
            writer.await.unwrap();
        }
    });
}

async fn write(store: &SledStore, chat: ChatId) {
    loop {
        let Some((version, rows)) = try_turn(store, chat).await else {
            // The store is reopened.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        print_line(&format!("ack {chat} {}", version + 1));
        // The reply before the last is marked as sent, so that the store does not grow.
        let sent = RowId {
            version,
            ..rows[0].id
        };
        if let Err(error) = store.mark(vec![Mark::Done(sent)]).await {
            assert!(has_errors(), "{error}");
        }
    }
}

/// Commits a turn; `None` if the disk refused, as it does where the test says so.
async fn try_turn(store: &SledStore, chat: ChatId) -> Option<(u64, Vec<OutboxRow>)> {
    let version = match store.load(chat) {
        Ok(kept) => kept.version,
        Err(error) => {
            assert!(has_errors(), "{error}");
            return None;
        }
    };
    match store.commit(turn(chat, version)).await {
        Ok(rows) => Some((version, rows)),
        Err(error) => {
            assert!(has_errors(), "{error}");
            None
        }
    }
}

/// Whether the disk of this process fails now and then.
fn has_errors() -> bool {
    ERRORS
        .iter()
        .any(|variable| env::var_os(variable).is_some())
}

/// Prints in one write to the real standard output; what is not printed before the kill counts as not acknowledged.
fn print_line(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("\n{line}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

/// The record contains its version, so that a torn commit is noticed.
fn turn(chat: ChatId, expected: u64) -> Commit {
    let version = expected + 1;
    Commit {
        chat,
        expected,
        record: Some(Record {
            keyboard: u32::try_from(version).unwrap(),
            // Every 50th is so large that sled stores it in a separate file.
            cards: (0..version % 50 / 49 * 900).map(card).collect(),
            ..Record::default()
        }),
        replies: AddressedReply::to_chat(chat, [Reply::new(RichText::plain(version.to_string()))]),
        now: Timestamp::UNIX_EPOCH,
    }
}

fn card(id: u64) -> Card {
    let wallet = "wallet-huawei".parse().unwrap();
    Card::new(
        CardId(id as u32),
        "门禁卡".repeat(20),
        wallet,
        Timestamp::UNIX_EPOCH,
    )
}

fn start(folder: &Path) -> Child {
    start_with(folder, &[])
}

fn start_with(folder: &Path, variables: &[(&str, &Path)]) -> Child {
    Command::new(env::current_exe().unwrap())
        .envs(variables.iter().copied())
        .args([
            "--ignored",
            "--exact",
            "write_until_killed",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Lets the process write for `lifetime`, kills it, and returns the last version acknowledged to each chat.
fn write_and_kill(mut child: Child, lifetime: Duration) -> BTreeMap<i64, u64> {
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.by_ref().any(|line| line.unwrap() == "open"));
    let killer = thread::spawn(move || {
        thread::sleep(lifetime);
        child.kill().unwrap();
        child.wait().unwrap();
    });
    let mut acknowledged = BTreeMap::new();
    for line in lines.map(Result::unwrap) {
        if let Some((chat, version)) = line
            .strip_prefix("ack ")
            .and_then(|ack| ack.split_once(' '))
        {
            acknowledged.insert(chat.parse().unwrap(), version.parse().unwrap());
        }
    }
    killer.join().unwrap();
    acknowledged
}

/// Asserts that nothing acknowledged is lost, and that no commit is there in part.
fn assert_nothing_lost_or_torn(store: &SledStore, acknowledged: &BTreeMap<i64, u64>) {
    let mut versions = BTreeMap::<i64, Vec<u64>>::new();
    for item in store.scan() {
        if let Item::Row(row) = item.unwrap() {
            assert_eq!(row.reply.text.to_plain(), row.id.version.to_string());
            versions
                .entry(row.id.chat.0)
                .or_default()
                .push(row.id.version);
        }
    }
    for chat in 0..WRITERS {
        let kept = store.load(ChatId(chat)).unwrap();
        let said = acknowledged.get(&chat).copied().unwrap_or_default();
        assert!(
            kept.version >= said,
            "chat {chat}: {said} acknowledged, {} kept",
            kept.version
        );
        assert_eq!(u64::from(kept.record.keyboard), kept.version, "torn");
        let rows = versions.remove(&chat).unwrap_or_default();
        // The last reply exists and no newer one; some older ones were marked as sent.
        assert_eq!(
            rows.last().copied().unwrap_or_default(),
            kept.version,
            "torn"
        );
    }
}

/// How long the process of a round writes; it differs by round, but not by run.
fn lifetime(round: u64) -> Duration {
    let mixed = (round + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33;
    Duration::from_millis(5 + mixed % MAX_LIFETIME_MILLIS)
}

#[test]
fn nothing_acknowledged_is_lost_or_torn_by_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let mut total = BTreeMap::new();
    for round in 0..KILLS {
        total.extend(write_and_kill(start(folder.path()), lifetime(round)));
        let opened = SledStore::open(folder.path()).unwrap();
        assert!(opened.recovered);
        assert_nothing_lost_or_torn(&opened.store, &total);
    }
    assert!(total.values().sum::<u64>() > 10 * KILLS, "{total:?}");
}

/// Compiles the library to preload, which loses unsynced writes at a power cut.
fn compile_power_cut(folder: &Path) -> PathBuf {
    let library = folder.join("power_cut.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/store/power_cut.c");
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .arg(&library)
        .arg(source)
        .args(["-ldl", "-lpthread"])
        .status();
    assert!(
        compiled.is_ok_and(|status| status.success()),
        "this test needs a C compiler, `cc`"
    );
    library
}

#[test]
fn nothing_acknowledged_is_lost_or_torn_by_a_power_cut() {
    let room = tempfile::tempdir().unwrap();
    let library = compile_power_cut(room.path());
    let mut total = BTreeMap::new();
    let mut folder = room.path().join("before the first");
    for round in 0..POWER_CUTS {
        // It begins with what the disk had at the last power cut.
        let disk = room.path().join(format!("disk {round}"));
        copy_folder(&folder, &disk);
        let child = start_with(
            &folder,
            &[
                ("LD_PRELOAD", &library),
                ("POWER_CUT_FOLDER", &folder),
                ("POWER_CUT_DISK", &disk),
            ],
        );
        total.extend(write_and_kill(child, lifetime(round)));
        let opened = SledStore::open(copy_of(&disk, room.path())).unwrap();
        assert_nothing_lost_or_torn(&opened.store, &total);
        folder = disk;
    }
    assert!(total.values().sum::<u64>() > 10 * POWER_CUTS, "{total:?}");
}

#[test]
fn nothing_acknowledged_is_lost_by_write_errors_and_a_power_cut() {
    let room = tempfile::tempdir().unwrap();
    let library = compile_power_cut(room.path());
    for (variable, one_in) in ERRORS.iter().zip(["97", "61"]) {
        for round in 0..ROUNDS_OF_ERRORS {
            let folder = room.path().join(format!("{variable} {round}"));
            let disk = room.path().join(format!("{variable} disk {round}"));
            fs::create_dir(&disk).unwrap();
            let child = start_with(
                &folder,
                &[
                    ("LD_PRELOAD", &library),
                    ("POWER_CUT_FOLDER", &folder),
                    ("POWER_CUT_DISK", &disk),
                    (variable, Path::new(one_in)),
                ],
            );
            let lifetime = LIFETIME_WITH_ERRORS + lifetime(round);
            let acknowledged = write_and_kill(child, lifetime);
            assert!(acknowledged.values().sum::<u64>() > 0, "{variable}");
            let opened = SledStore::open(copy_of(&disk, room.path()));
            let opened = opened.unwrap_or_else(|error| panic!("{variable} {round}: {error}"));
            assert_nothing_lost_or_torn(&opened.store, &acknowledged);
        }
    }
}

/// A copy to open, since opening changes a store.
fn copy_of(folder: &Path, room: &Path) -> PathBuf {
    let copy = room.join("copy");
    let _ = fs::remove_dir_all(&copy);
    copy_folder(folder, &copy);
    copy
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    let Ok(entries) = fs::read_dir(from) else {
        return;
    };
    for entry in entries.map(Result::unwrap) {
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        // A file that was being copied when the power failed.
        let is_partial = path.extension().is_some_and(|end| end == "aside");
        if path.is_dir() {
            copy_folder(&path, &target);
        } else if !is_partial {
            fs::copy(&path, &target).unwrap();
        }
    }
}

#[test]
fn a_second_process_is_refused_by_the_folders_name() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = start(folder.path());
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.by_ref().any(|line| line.unwrap() == "open"));
    let drain = thread::spawn(move || lines.count());
    let refused = SledStore::open(folder.path());
    child.kill().unwrap();
    child.wait().unwrap();
    drain.join().unwrap();
    let Err(StoreError::InUse(name)) = refused else {
        panic!("two processes on one folder");
    };
    assert_eq!(name, folder.path().display().to_string());
    assert!(
        SledStore::open(folder.path()).is_ok(),
        "free once the other is gone"
    );
}
