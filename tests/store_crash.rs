//! What the store keeps when its process is killed: this executable starts itself again as the process to be killed.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test that cannot go on may stop"
)]
// A test's helpers stop where the test would.

use std::{
    collections::BTreeMap,
    env,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use jiff::Timestamp;
use unbind_bot::{
    dialogue::{ChatId, Record, Reply},
    markup::RichText,
    store::{Commit, Item, Store, StoreError, sled::SledStore},
};

/// Names the folder to the process that is to be killed; without it that "test" does nothing.
const FOLDER: &str = "UNBIND_BOT_TEST_STORE";
const WRITERS: i64 = 8;
/// More with `KILL_ROUNDS=100 cargo test --test store_crash`.
const ROUNDS: u64 = 5;

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
        store.commit(turn(chat, version)).await.unwrap();
        say(&format!("ack {chat} {}", version + 1));
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
            ..Record::default()
        }),
        replies: vec![Reply::new(RichText::plain(version.to_string()))],
        now: Timestamp::UNIX_EPOCH,
    }
}

fn start(folder: &Path) -> Child {
    Command::new(env::current_exe().unwrap())
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
fn write_and_kill(folder: &Path, while_: Duration) -> BTreeMap<i64, u64> {
    let mut child = start(folder);
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

fn hold_to(store: &SledStore, acknowledged: &BTreeMap<i64, u64>) {
    let mut rows = BTreeMap::<i64, u64>::new();
    for item in store.scan() {
        if let Item::Row(row) = item.unwrap() {
            assert_eq!(row.reply.text.to_plain(), row.id.version.to_string());
            *rows.entry(row.id.chat.0).or_default() += 1;
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
        assert_eq!(
            rows.get(&chat).copied().unwrap_or_default(),
            kept.version,
            "torn"
        );
    }
}

#[test]
fn nothing_acknowledged_is_lost_or_torn_by_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let rounds = env::var("KILL_ROUNDS").map_or(ROUNDS, |rounds| rounds.parse().unwrap());
    let mut total = BTreeMap::new();
    for round in 0..rounds {
        let while_ = Duration::from_millis(40 + round * 67 % 300);
        let acknowledged = write_and_kill(folder.path(), while_);
        assert!(
            !acknowledged.is_empty(),
            "nothing was written in round {round}"
        );
        total.extend(acknowledged);
        let opened = SledStore::open(folder.path()).unwrap();
        assert!(opened.recovered);
        hold_to(&opened.store, &total);
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
