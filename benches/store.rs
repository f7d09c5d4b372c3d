//! What a durable commit costs with 1, 8 and 64 writers, beside the price of the bare `fdatasync` it cannot go below.
//!
//! Each writer has its chat, and commits turn after turn: a record of about 1 KB and one reply.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test that cannot go on may stop"
)]
// A bench that cannot go on stops.

use std::{
    fs::File,
    hint::black_box,
    io::Write,
    sync::Arc,
    time::{Duration, Instant},
};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use jiff::Timestamp;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use unbind_bot::{
    dialogue::{Card, CardId, ChatId, Record, Reply},
    markup::RichText,
    store::{Commit, Mark, Store, sled::SledStore},
};

/// On the disk the project is on: a folder in memory would have nothing to wait for.
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
        replies: vec![Reply::new(RichText::plain("The card has left your list."))],
        now: Timestamp::UNIX_EPOCH,
    }
}

/// Turn after turn of one chat; each row is noted as sent with the turn after it, as in the running bot.
async fn write(store: Arc<SledStore>, chat: ChatId, turns: u64) {
    let from = store.load(chat).expect("load").version;
    for version in from..from + turns {
        let rows = store.commit(turn(chat, version)).await.expect("commit");
        let sent = rows.into_iter().map(|row| Mark::Done(row.id)).collect();
        let store = store.clone();
        tokio::spawn(async move { store.mark(sent).await });
    }
}

/// The time `turns` take: they are run in equal shares, and a remainder counts for what it is.
async fn write_side_by_side(store: &Arc<SledStore>, writers: u64, turns: u64) -> Duration {
    let share = turns.div_ceil(writers);
    let since = Instant::now();
    let tasks = (0..).take(writers as usize);
    let tasks = tasks.map(|chat| tokio::spawn(write(store.clone(), ChatId(chat), share)));
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

criterion_group!(benches, bare_fdatasync, durable_commit);
criterion_main!(benches);
