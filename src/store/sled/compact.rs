//! Rewrites a store without the older versions of values that sled keeps in its file.

use std::path::Path;

use super::{
    fault::{catch_engine_panic, engine_fault},
    open::{open_and_check, open_trusted, verify_found},
    trees::{Trees, close, wait_unlocked},
};
use crate::store::{
    StoreError,
    files::remove_folder,
    folder::{self, Folder},
    manifest::Checkpoint,
};

/// The sizes of a store's files in bytes, before and after a compaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compacted {
    pub before: u64,
    pub after: u64,
}

/// Rewrites the store in `folder`, and replaces the old files once the new ones are verified to contain the same.
pub(super) fn compact(folder: &Path) -> Result<Compacted, StoreError> {
    let mut folder = Folder::claim(folder, &verify_found)?;
    folder.prepare_opening()?;
    let (trees, checkpoint) = open_trusted(&folder)?;
    let path = folder.path().to_owned();
    let io = |error| folder::unavailable(&path, &error);
    folder.finish_opening(checkpoint).map_err(io)?;
    rebuild(&folder, &trees, checkpoint)?;
    close(&path, Some(trees))?;
    if !wait_unlocked(&folder.engine()) {
        return Err(StoreError::Unavailable(
            "sled does not unlock its file; the store was left unchanged".to_owned(),
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

/// Writes what the trees contain to the folder's spare place, and verifies that it is all there.
pub(super) fn rebuild(
    folder: &Folder,
    trees: &Trees,
    checkpoint: Checkpoint,
) -> Result<(), StoreError> {
    let (path, spare) = (folder.path(), folder.spare());
    remove_folder(&spare).map_err(|error| folder::unavailable(path, &error))?;
    catch_engine_panic(path, || {
        trees
            .copy_to(&spare)
            .map_err(|error| engine_fault(path, error))
    })?;
    wait_unlocked(&spare);
    let (rebuilt, found) = catch_engine_panic(path, || open_and_check(path, &spare, checkpoint))?;
    close(path, Some(rebuilt))?;
    if found != checkpoint || !wait_unlocked(&spare) {
        return Err(StoreError::Unavailable(
            "the compacted copy differs from the store, which was left unchanged".to_owned(),
        ));
    }
    Ok(())
}
