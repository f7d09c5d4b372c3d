//! The cost of a durable commit with 1, 8 and 64 writers, compared with a bare `fdatasync` as the lower bound, and with
//! two alternatives for 64 writers: sled with one flush and sync per writer, and SQLite.
//!
//! Each writer commits turn after turn of its own chat: a record of about 1 KB and one reply, while the reply of the
//! previous turn is removed.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test that cannot go on may stop"
)]
use std::{
    env,
    fs::{self, File, OpenOptions},
    hint::black_box,
    io::Write,
    path::Path,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use jiff::Timestamp;
use sled::Transactional;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use unbind_bot::{
    dialogue::{Card, CardId, ChatId, Record, Reply},
    markup::RichText,
    store::{AddressedReply, Commit, Item, Mark, Store, Versioned, sled::SledStore},
};

/// A temporary folder on the project's disk, because a folder in memory would hide the cost of syncing.
fn folder() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder in target")
}

fn card(id: u32) -> Card {
    let wallet = "wallet-huawei".parse().expect("an id");
    Card::new(
        CardId(id),
        format!("门禁卡 {id}"),
        wallet,
        Timestamp::UNIX_EPOCH,
    )
}

fn turn(chat: ChatId, expected: u64) -> Commit {
    Commit {
        chat,
        expected,
        record: Some(Record {
            cards: (0..9).map(card).collect(),
            ..Record::default()
        }),
        replies: AddressedReply::to_chat(
            chat,
            [Reply::new(RichText::plain("The card has left your list."))],
        ),
        now: Timestamp::UNIX_EPOCH,
    }
}

/// Commits `turns` turns of one chat; each row is marked as sent with the next turn, as in the running bot.
async fn write(store: Arc<SledStore>, chat: ChatId, turns: u64) {
    let from = store.load(chat).expect("load").version;
    for version in from..from + turns {
        let rows = store.commit(turn(chat, version)).await.expect("commit");
        let sent = rows.into_iter().map(|row| Mark::Done(row.id)).collect();
        let store = store.clone();
        tokio::spawn(async move { store.mark(sent).await });
    }
}

/// The time for `turns` turns, divided equally among the writers; the result is scaled if the division leaves a
/// remainder.
async fn write_side_by_side(store: &Arc<SledStore>, writers: u64, turns: u64) -> Duration {
    let share = turns.div_ceil(writers);
    let since = Instant::now();
    let tasks = (0..)
        .take(writers as usize)
        .map(|chat| tokio::spawn(write(store.clone(), ChatId(chat), share)));
    for task in tasks.collect::<Vec<_>>() {
        task.await.expect("writer");
    }
    since
        .elapsed()
        .mul_f64(turns as f64 / (share * writers) as f64)
}

fn durable_commit(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("runtime");
    let mut group = criterion.benchmark_group("durable_commit");
    group.throughput(Throughput::Elements(1));
    for writers in [1, 8, 64] {
        let folder = folder();
        let store = Arc::new(SledStore::open(folder.path()).expect("open").store);
        group.bench_function(BenchmarkId::new("writers", writers), |bencher| {
            bencher
                .iter_custom(|turns| runtime.block_on(write_side_by_side(&store, writers, turns)));
        });
        runtime.block_on(store.close()).expect("close");
    }
    group.finish();
}

fn bare_fdatasync(criterion: &mut Criterion) {
    let folder = folder();
    let mut file = File::create(folder.path().join("log")).expect("file");
    let kilobyte = [7; 1024];
    let mut group = criterion.benchmark_group("bare_fdatasync");
    group.throughput(Throughput::Elements(1));
    group.bench_function("append_1_kib", |bencher| {
        bencher.iter(|| {
            file.write_all(black_box(&kilobyte)).expect("write");
            file.sync_data().expect("sync");
        });
    });
    group.finish();
}

/// Writers of the alternatives, as many as in the largest group above.
const WRITERS: u64 = 64;
const RECORD: [u8; 1024] = [7; 1024];
const ROW: [u8; 200] = [8; 200];

/// The time for calling `write(thread, turn)` from [`WRITERS`] threads, `turns` times in all; scaled as above.
fn by_threads(turns: u64, write: impl Fn(u64, u64) + Sync) -> Duration {
    let share = turns.div_ceil(WRITERS);
    let since = Instant::now();
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let write = &write;
            scope.spawn(move || (0..share).for_each(|turn| write(writer, turn)));
        }
    });
    since
        .elapsed()
        .mul_f64(turns as f64 / (share * WRITERS) as f64)
}

/// sled without the committer: each writer flushes and syncs for itself.
fn flush_per_writer(criterion: &mut Criterion) {
    let folder = folder();
    let config = sled::Config::new().path(folder.path()).flush_every_ms(None);
    let db = config.open().expect("sled");
    let (records, rows) = (
        db.open_tree("records").expect("tree"),
        db.open_tree("rows").expect("tree"),
    );
    let file = OpenOptions::new()
        .write(true)
        .open(folder.path().join("db"))
        .expect("file");
    let write = |writer: u64, turn: u64| {
        (&records, &rows)
            .transaction(|(records, rows)| {
                records.insert(&writer.to_be_bytes(), &RECORD[..])?;
                rows.remove(
                    &[writer, turn.wrapping_sub(1)]
                        .map(u64::to_be_bytes)
                        .concat()[..],
                )?;
                rows.insert(&[writer, turn].map(u64::to_be_bytes).concat()[..], &ROW[..])?;
                Ok::<_, sled::transaction::ConflictableTransactionError<()>>(())
            })
            .expect("transaction");
        db.flush().expect("flush");
        file.sync_data().expect("sync");
    };
    let mut group = criterion.benchmark_group("flush_per_writer");
    group.throughput(Throughput::Elements(1)).sample_size(10);
    group.bench_function(BenchmarkId::new("writers", WRITERS), |bencher| {
        bencher.iter_custom(|turns| by_threads(turns, write));
    });
    group.finish();
}

/// The same in SQLite, with a write-ahead log that is synced at every commit.
fn sqlite(criterion: &mut Criterion) {
    let folder = folder();
    let connection = rusqlite::Connection::open(folder.path().join("db")).expect("SQLite");
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
             CREATE TABLE records (chat INTEGER PRIMARY KEY, record BLOB);
             CREATE TABLE rows (chat INTEGER, turn INTEGER, row BLOB, PRIMARY KEY (chat, turn)) WITHOUT ROWID;",
        )
        .expect("tables");
    // SQLite allows one writer at a time.
    let connection = Mutex::new(connection);
    let write = |writer: u64, turn: u64| {
        let mut connection = connection.lock().expect("a connection");
        let transaction = connection.transaction().expect("a transaction");
        let (writer, turn) = (writer as i64, turn as i64);
        for (statement, values) in [
            (
                "INSERT OR REPLACE INTO records VALUES (?1, ?2)",
                &[&writer as &dyn rusqlite::ToSql, &RECORD.as_slice()] as &[&dyn rusqlite::ToSql],
            ),
            (
                "DELETE FROM rows WHERE chat = ?1 AND turn < ?2",
                &[&writer, &turn],
            ),
            (
                "INSERT OR REPLACE INTO rows VALUES (?1, ?2, ?3)",
                &[&writer, &turn, &ROW.as_slice()],
            ),
        ] {
            transaction
                .prepare_cached(statement)
                .expect("a statement")
                .execute(values)
                .expect("done");
        }
        transaction.commit().expect("committed");
    };
    let mut group = criterion.benchmark_group("sqlite_wal_full");
    group.throughput(Throughput::Elements(1)).sample_size(10);
    group.bench_function(BenchmarkId::new("writers", WRITERS), |bencher| {
        bencher.iter_custom(|turns| by_threads(turns, write));
    });
    group.finish();
}

/// Environment variable that adds two measurements, which take minutes: opening a store with a million chats, and its
/// size after a million updates.
const LARGE: &str = "BENCH_LARGE";
const MILLION: u64 = 1_000_000;
const SOME_CHATS: u64 = 10_000;

/// Runs these once, without statistics, and prints the results.
fn large(_: &mut Criterion) {
    if env::var_os(LARGE).is_none() {
        return;
    }
    let runtime = Runtime::new().expect("runtime");
    open_a_million_chats(&runtime);
    update_a_million_times(&runtime);
}

fn open_a_million_chats(runtime: &Runtime) {
    let folder = folder();
    let store = SledStore::open(folder.path()).expect("open").store;
    let record = turn(ChatId(0), 0).record.expect("a record");
    runtime.block_on(async {
        for first in (0..MILLION as i64).step_by(1024) {
            let chats = first..(first + 1024).min(MILLION as i64);
            let kept = Versioned {
                version: 1,
                record: record.clone(),
            };
            let items = chats.map(|chat| Item::Chat(ChatId(chat), kept.clone()));
            store.restore(items.collect()).await.expect("restore");
        }
        store.close().await.expect("close");
    });
    drop(store);
    let since = Instant::now();
    let opened = SledStore::open(folder.path()).expect("open");
    println!(
        "a store of {} chats opens in {:.2} s, every checksum verified",
        opened.chats,
        since.elapsed().as_secs_f64()
    );
    runtime.block_on(opened.store.close()).expect("close");
}

fn update_a_million_times(runtime: &Runtime) {
    const PARTS: u64 = 4;
    let folder = folder();
    let store = Arc::new(SledStore::open(folder.path()).expect("open").store);
    for part in 1..=PARTS {
        runtime.block_on(async {
            let writers = (0..WRITERS).map(|writer| {
                let store = store.clone();
                tokio::spawn(async move {
                    for chat in (writer..SOME_CHATS).step_by(WRITERS as usize) {
                        let turns = MILLION / PARTS / SOME_CHATS;
                        write(store.clone(), ChatId(chat as i64), turns).await;
                    }
                })
            });
            for writer in writers.collect::<Vec<_>>() {
                writer.await.expect("writer");
            }
        });
        let items = store.scan().map(|item| item.expect("whole"));
        let live: u64 = items.map(|item| live_bytes(&item)).sum();
        let disk = size(folder.path());
        println!(
            "after {} updates of {SOME_CHATS} chats: {} MiB on disk, {} MiB live, {:.1} times as much",
            part * MILLION / PARTS,
            disk >> 20,
            live >> 20,
            disk as f64 / live as f64,
        );
    }
    runtime.block_on(store.close()).expect("close");
}

/// The stored size of an item in bytes.
fn live_bytes(item: &Item) -> u64 {
    let body = match item {
        Item::Chat(_, chat) => serde_json::to_vec(&chat.record),
        Item::Row(row) => serde_json::to_vec(row),
    };
    body.expect("JSON").len() as u64
}

/// The size of all files below a folder in bytes.
fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let sizes = paths.map(|path| {
        if path.is_dir() {
            size(&path)
        } else {
            fs::metadata(&path).map_or(0, |file| file.len())
        }
    });
    sizes.sum()
}

criterion_group!(
    benches,
    bare_fdatasync,
    durable_commit,
    flush_per_writer,
    sqlite,
    large
);
criterion_main!(benches);
