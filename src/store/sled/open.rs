//! Opens sled's files and verifies them before they are used.

use std::{path::Path, sync::mpsc, thread, time::Duration};

use super::{
    fault::{catch_engine_panic, engine_fault},
    trees::{Trees, close, wait_unlocked},
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

/// Opens and verifies the engine's files. After an error they are put back as they were found.
pub(super) fn open_trusted(folder: &Folder) -> Result<(Trees, Checkpoint), StoreError> {
    let (files, floor) = (folder.engine(), folder.checkpoint());
    let opened = run_limited(folder.path(), move |path| {
        open_and_check(path, &files, floor)
    });
    match opened {
        Some(Err(error)) => {
            folder.put_back_as_found();
            Err(error)
        }
        Some(opened) => opened,
        None => Err(did_not_open(folder.path())),
    }
}

/// Verifies engine files whose `state` was lost, and returns what they contain.
pub(super) fn verify_found(path: &Path, files: &Path) -> Result<Checkpoint, StoreError> {
    let folder = files.to_owned();
    let verified = run_limited(path, move |path| {
        let are_ours = Trees::are_ours(&folder).map_err(|error| engine_fault(path, error))?;
        wait_unlocked(&folder);
        if !are_ours {
            return Err(StoreError::Foreign(path.display().to_string()));
        }
        let (trees, checkpoint) = open_and_check(path, &folder, Checkpoint::default())?;
        close(path, Some(trees))?;
        wait_unlocked(&folder);
        Ok(checkpoint)
    });
    verified.unwrap_or_else(|| Err(did_not_open(path)))
}

fn did_not_open(path: &Path) -> StoreError {
    folder::damaged(path, "it did not open within two minutes")
}

/// Runs `work` on a thread, with a time limit; panics of the engine are caught. `None` if it did not end in time.
fn run_limited<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce(&Path) -> Result<T, StoreError> + Send + 'static,
) -> Option<Result<T, StoreError>> {
    let (done, ended) = mpsc::channel();
    let run = {
        let path = path.to_owned();
        move || drop(done.send(catch_engine_panic(&path, || work(&path))))
    };
    let thread = thread::Builder::new().name("store-open".to_owned());
    match thread.spawn(run) {
        Ok(_) => ended.recv_timeout(OPEN_TIMEOUT).ok(),
        Err(error) => Some(Err(folder::unavailable(path, &error))),
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
