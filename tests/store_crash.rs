//! What the store keeps when its process is killed, and when the power fails with it: this executable starts itself again
//! as the process to be killed. For the power cut, `store/power_cut.c` stands between that process and its disk.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test that cannot go on may stop"
)]
// A test's helpers stop where the test would.

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
    store::{AddressedReply, Commit, Item, Mark, RowId, Store, StoreError, sled::SledStore},
};

/// Names the folder to the process that is to be killed; without it that "test" does nothing.
const FOLDER: &str = "UNBIND_BOT_TEST_STORE";
const WRITERS: i64 = 8;
const KILLS: u64 = 100;
const POWER_CUTS: u64 = 30;
/// A process writes at most so long before it is killed.
const LONGEST_LIFE_MILLIS: u64 = 80;

/// Not a test of its own: writes until it is killed, and says what was acknowledged.
#[test]
fn write_until_killed() {
    let Ok(folder) = env::var(FOLDER) else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store: &'static SledStore = Box::leak(Box::new(SledStore::open(folder).unwrap().store));
        say("open");
        let writers = (0..WRITERS).map(|chat| tokio::spawn(write(store, ChatId(chat))));
        for writer in writers.collect::<Vec<_>>() {
            writer.await.unwrap();
        }
    });
}

async fn write(store: &SledStore, chat: ChatId) {
    loop {
        let version = store.load(chat).unwrap().version;
        let rows = store.commit(turn(chat, version)).await.unwrap();
        say(&format!("ack {chat} {}", version + 1));
        // The reply before the last is sent by now, so that the store does not grow for ever.
        let sent = RowId {
            version,
            ..rows[0].id
        };
        store.mark(vec![Mark::Done(sent)]).await.unwrap();
    }
}

/// A line on the real standard output, in one write: what is not out before the kill was not acknowledged.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("\n{line}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

/// The record says at which version it was written, so that a mixture would show.
fn turn(chat: ChatId, expected: u64) -> Commit {
    let version = expected + 1;
    Commit {
        chat,
        expected,
        record: Some(Record {
            turn: u32::try_from(version).unwrap(),
            // Now and then large enough for a file of its own.
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

/// Lets the process write for a while, kills it, and returns the last version acknowledged to each chat.
fn write_and_kill(mut child: Child, while_: Duration) -> BTreeMap<i64, u64> {
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.by_ref().any(|line| line.unwrap() == "open"));
    let killer = thread::spawn(move || {
        thread::sleep(while_);
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

/// Nothing acknowledged is lost, and of no commit there is a part only.
fn hold_to(store: &SledStore, acknowledged: &BTreeMap<i64, u64>) {
    let mut rows = BTreeMap::<i64, Vec<u64>>::new();
    for item in store.scan() {
        if let Item::Row(row) = item.unwrap() {
            assert_eq!(row.reply.text.to_plain(), row.id.version.to_string());
            rows.entry(row.id.chat.0).or_default().push(row.id.version);
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
        assert_eq!(u64::from(kept.record.turn), kept.version, "torn");
        let rows = rows.remove(&chat).unwrap_or_default();
        // The last reply is there, and none that is newer; of those before, some were marked as sent.
        assert_eq!(
            rows.last().copied().unwrap_or_default(),
            kept.version,
            "torn"
        );
    }
}

/// How long a process lives: different in each round, and the same each time the test runs.
fn life(round: u64) -> Duration {
    let mixed = (round + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33;
    Duration::from_millis(5 + mixed % LONGEST_LIFE_MILLIS)
}

#[test]
fn nothing_acknowledged_is_lost_or_torn_by_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let mut total = BTreeMap::new();
    for round in 0..KILLS {
        total.extend(write_and_kill(start(folder.path()), life(round)));
        let opened = SledStore::open(folder.path()).unwrap();
        assert!(opened.recovered);
        hold_to(&opened.store, &total);
    }
    assert!(total.values().sum::<u64>() > 10 * KILLS, "{total:?}");
}

/// The disk that forgets, to be preloaded. Made by the compiler that links Rust programs.
fn forgetful_disk(folder: &Path) -> PathBuf {
    let library = folder.join("power_cut.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/store/power_cut.c");
    let made = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .arg(&library)
        .arg(source)
        .args(["-ldl", "-lpthread"])
        .status();
    assert!(
        made.is_ok_and(|status| status.success()),
        "this test needs a C compiler, `cc`"
    );
    library
}

#[test]
fn nothing_acknowledged_is_lost_or_torn_by_a_power_cut() {
    let room = tempfile::tempdir().unwrap();
    let library = forgetful_disk(room.path());
    let mut total = BTreeMap::new();
    let mut folder = room.path().join("before the first");
    for round in 0..POWER_CUTS {
        // What the disk had at the last cut is all there is now.
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
        total.extend(write_and_kill(child, life(round)));
        let opened = SledStore::open(copy_of(&disk, room.path())).unwrap();
        hold_to(&opened.store, &total);
        folder = disk;
    }
    assert!(total.values().sum::<u64>() > 10 * POWER_CUTS, "{total:?}");
}

/// Looking changes a store; what is looked at is a copy.
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
        match path.is_dir() {
            true => copy_folder(&path, &target),
            // One that was being copied when the power failed.
            false if path.extension().is_some_and(|end| end == "aside") => {}
            false => drop(fs::copy(&path, &target).unwrap()),
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
