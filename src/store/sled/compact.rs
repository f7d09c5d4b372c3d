//! Rewrites a store without the older versions of values that sled keeps in its file.

use std::path::Path;

use sled::Tree;

use super::{
    fault::{catch_engine_panic, engine_fault},
    open::{open_and_check, open_trusted},
    trees::{Trees, close, wait_unlocked},
};
use crate::store::{
    StoreError,
    folder::{self, Folder},
};

/// The sizes of a store's files in bytes, before and after a compaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compacted {
    pub before: u64,
    pub after: u64,
}

/// Rewrites the store in `folder`, and replaces the old files once the new ones are verified to contain the same.
pub(super) fn compact(folder: &Path) -> Result<Compacted, StoreError> {
    let mut folder = Folder::claim(folder)?;
    folder.prepare_opening()?;
    let (trees, checkpoint) = open_trusted(&folder)?;
    let path = folder.path().to_owned();
    let io = |error| folder::unavailable(&path, &error);
    folder.finish_opening(checkpoint).map_err(io)?;
    let spare = folder.spare();
    catch_engine_panic(&path, || rebuild(&path, trees, &spare))?;
    let (rebuilt, found) = catch_engine_panic(&path, || open_and_check(&path, &spare, checkpoint))?;
    close(&path, Some(rebuilt))?;
    if found != checkpoint || !wait_unlocked(&spare) || !wait_unlocked(&folder.engine()) {
        return Err(StoreError::Unavailable(
            "the compacted copy differs from the store, which was left unchanged".to_owned(),
        ));
    }
    let before = folder.size().map_err(io)?;
    folder
        .swap_in_spare()
        .and_then(|()| folder.note_clean_shutdown())
        .map_err(io)?;
    let after = folder.size().map_err(io)?;
    Ok(Compacted { before, after })
}

/// Copies everything into a fresh sled at `target`.
fn rebuild(path: &Path, trees: Trees, target: &Path) -> Result<(), StoreError> {
    let copy = || -> sled::Result<()> {
        let fresh = Trees::open(target)?;
        copy_tree(&trees.records, &fresh.records)?;
        copy_tree(&trees.outbox, &fresh.outbox)?;
        copy_tree(&trees.meta, &fresh.meta)?;
        fresh.db.flush().map(drop)
    };
    copy().map_err(|error| engine_fault(path, error))
}

fn copy_tree(from: &Tree, to: &Tree) -> sled::Result<()> {
    from.iter().try_for_each(|entry| {
        let (key, value) = entry?;
        to.insert(key, value).map(drop)
    })
}
