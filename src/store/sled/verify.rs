//! Verifies all records and rows when a store is opened.

use std::{io, iter, ops::Bound, panic::resume_unwind, path::Path, thread};

use sled::Tree;

use super::{
    fault::{RecordOf, engine_fault, foreign_key, unreadable},
    trees::Trees,
};
use crate::{
    dialogue::ChatId,
    store::{
        StoreError, envelope, folder,
        keys::{chat_key, chat_order, parse_chat_key, parse_row_key},
        manifest::{Checkpoint, Digest},
    },
};

/// Verifies all checksums without reading the bodies, and returns what the store contains. Several threads verify the
/// records, which are most of it.
pub(super) fn verify(path: &Path, trees: &Trees) -> Result<Checkpoint, StoreError> {
    let ranges = split_keys(&trees.records).map_err(|error| engine_fault(path, error))?;
    thread::scope(|scope| {
        let start = |range| {
            let thread = thread::Builder::new().name("store-verify".to_owned());
            thread.spawn_scoped(scope, move || verify_records(path, trees, range))
        };
        let threads = ranges
            .into_iter()
            .map(start)
            .collect::<io::Result<Vec<_>>>()
            .map_err(|error| folder::unavailable(path, &error))?;
        let rows = verify_rows(path, trees)?;
        let mut records = Digest::default();
        for thread in threads {
            let found = thread.join().unwrap_or_else(|panic| resume_unwind(panic));
            records.add_all(found?);
        }
        Ok(Checkpoint {
            records,
            rows,
            ..Checkpoint::default()
        })
    })
}

/// A range of keys.
type KeyRange = (Bound<[u8; 8]>, Bound<[u8; 8]>);

/// The keys of the records in four ranges: groups and people, whose ids lie far apart, each split in two.
pub(super) fn split_keys(records: &Tree) -> sled::Result<Vec<KeyRange>> {
    let zero = chat_key(ChatId(0));
    let cuts = [
        middle(records.range(..zero))?,
        Some(zero),
        middle(records.range(zero..))?,
    ]
    .into_iter()
    .flatten();
    let from = iter::once(Bound::Unbounded).chain(cuts.clone().map(Bound::Included));
    let to = cuts.map(Bound::Excluded).chain([Bound::Unbounded]);
    Ok(from.zip(to).collect())
}

/// The middle of a range of keys; `None` if it has fewer than two.
fn middle(mut keys: sled::Iter) -> sled::Result<Option<[u8; 8]>> {
    let (Some(first), Some(last)) = (keys.next(), keys.next_back()) else {
        return Ok(None);
    };
    let chats = parse_chat_key(&first?.0).zip(parse_chat_key(&last?.0));
    Ok(chats.map(|(first, last)| u64::midpoint(chat_order(first), chat_order(last)).to_be_bytes()))
}

fn verify_records(path: &Path, trees: &Trees, range: KeyRange) -> Result<Digest, StoreError> {
    let mut digest = Digest::default();
    for entry in trees.records.range(range) {
        let (key, value) = entry.map_err(|error| engine_fault(path, error))?;
        let chat = parse_chat_key(&key).ok_or_else(|| foreign_key(path, &key))?;
        envelope::record_version(chat, &value)
            .map_err(|error| unreadable(path, RecordOf(chat), error))?;
        digest.add(&key, &value);
    }
    Ok(digest)
}

fn verify_rows(path: &Path, trees: &Trees) -> Result<Digest, StoreError> {
    let mut digest = Digest::default();
    for entry in &trees.outbox {
        let (key, value) = entry.map_err(|error| engine_fault(path, error))?;
        let id = parse_row_key(&key).ok_or_else(|| foreign_key(path, &key))?;
        envelope::check_row(id, &value).map_err(|error| unreadable(path, id, error))?;
        digest.add(&key, &value);
    }
    Ok(digest)
}
