//! Opens sled's files and verifies them before they are used.

use std::{path::Path, sync::mpsc, thread, time::Duration};

use super::{
    fault::{catch_engine_panic, engine_fault},
    trees::Trees,
    verify::verify,
};
use crate::store::{
    StoreError,
    folder::{self, Folder},
    manifest::Checkpoint,
};

/// How long opening may take, since sled can hang on damaged files. A million chats take seconds, on a slow disk tens of
/// seconds.
const OPEN_TIMEOUT: Duration = Duration::from_secs(120);

/// Opens and verifies the engine's files on a thread, with a time limit; its panics are caught. After an error the files
/// are restored.
pub(super) fn open_trusted(folder: &Folder) -> Result<(Trees, Checkpoint), StoreError> {
    let (path, files, floor) = (
        folder.path().to_owned(),
        folder.engine(),
        folder.checkpoint(),
    );
    let open = {
        let path = path.clone();
        move || catch_engine_panic(&path, || open_and_check(&path, &files, floor))
    };
    let (done, opened) = mpsc::channel();
    let run = move || drop(done.send(open()));
    let thread = thread::Builder::new().name("store-open".to_owned());
    thread
        .spawn(run)
        .map_err(|error| folder::unavailable(&path, &error))?;
    match opened.recv_timeout(OPEN_TIMEOUT) {
        Ok(Err(error)) => {
            folder.restore_copy();
            Err(error)
        }
        Ok(opened) => opened,
        Err(_) => Err(folder::damaged(&path, "it did not open within two minutes")),
    }
}

/// Opens the engine's files and compares their content with the engine's checkpoint and with `floor`, the least it must
/// contain.
pub(super) fn open_and_check(
    path: &Path,
    files: &Path,
    floor: Checkpoint,
) -> Result<(Trees, Checkpoint), StoreError> {
    let trees = Trees::open(files).map_err(|error| engine_fault(path, error))?;
    let noted = trees
        .checkpoint()
        .map_err(|error| engine_fault(path, error))?
        .ok_or_else(|| folder::damaged(path, "its checkpoint cannot be read"))?;
    if noted.commits < floor.commits {
        return Err(folder::damaged(
            path,
            &format!(
                "it ends at commit {}, and {} were acknowledged",
                noted.commits, floor.commits
            ),
        ));
    }
    let found = Checkpoint {
        commits: noted.commits,
        ..verify(path, &trees)?
    };
    let lost = found != noted || (noted.commits == floor.commits && noted != floor);
    if lost {
        return Err(folder::damaged(
            path,
            &format!(
                "{} chats and {} unsent replies are in it, not what its last commit left ({} and {})",
                found.records.count, found.rows.count, noted.records.count, noted.rows.count
            ),
        ));
    }
    Ok((trees, noted))
}
