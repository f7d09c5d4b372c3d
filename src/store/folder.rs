//! The folder of a store on disk: locks it for one process, and checks that its files are unchanged since they were closed.
//!
//! ```text
//! lock    held by the one process that has the store open
//! state   what the store must contain at least, in two slots written alternately; see `manifest`
//! sled/   the engine's files; this module only moves and checksums them
//! as-found/          while opening after a crash: the engine's files as they were found; `sled/` is a copy meanwhile
//! before-recovery/   the engine's files before they were replaced, about to be deleted
//! backups/, restoring/, restored/, damaged-…/   see `backups`
//! ```
//! sled repairs a torn end of its file by cutting it off. `state` shows when too much was cut off, and the files as found
//! are put back. After a crash or a write error a copy is opened, synced before it is used: once a write has failed, the
//! system may show as written what never reached the disk, and only a file written anew is certain.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use super::{
    StoreError,
    backup_name::holds_backups,
    files::{copy_folder, fingerprint, list_files, remove_folder, sync_folder, sync_tree},
    manifest::{Checkpoint, CleanShutdown, Manifest},
};

const LOCK: &str = "lock";
const MANIFEST: &str = "state";
const ENGINE: &str = "sled";
const AS_FOUND: &str = "as-found";
const REPLACED: &str = "before-recovery";
const SPARE: &str = "compacting";
pub(super) const BACKUPS: &str = "backups";
pub(super) const RESTORING: &str = "restoring";
pub(super) const RESTORED: &str = "restored";
const DAMAGED: &str = "damaged-";
/// What file systems of Linux have in their root, which a mounted volume shows.
const LOST_AND_FOUND: &str = "lost+found";
const PROBE: &str = "probe";
/// The engine's own name for its file.
const ENGINE_FILE: &str = "db";
/// Disk space that must be free before the engine is reopened. It allocates several segments of 512 KiB at once.
const PROBE_BYTES: usize = 4 << 20;

/// Batches between two syncs of `state`. In between it is written without a sync, which survives a killed process; after a
/// power cut an older lower bound is still valid. A sync each time would double the cost of a commit.
const SYNC_INTERVAL: u64 = 256;

/// The folder of a store, locked for this process.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    manifest_file: File,
    manifest: Manifest,
    is_new: bool,
    is_rebuilt: bool,
    /// Released when it is dropped.
    _lock: File,
}

impl Folder {
    /// Locks the folder for this process; creates it if it is missing. If `state` is lost, `verify` says what the engine's
    /// files contain, given a copy of them, and `state` is written anew.
    pub(super) fn claim(path: &Path, verify: Verify) -> Result<Self, StoreError> {
        refuse_foreign(path)?;
        fs::create_dir_all(path).map_err(|error| unavailable(path, &error))?;
        let was_locked_before = path.join(LOCK).exists();
        let lock = take_lock(path)?;
        // Checked again: before the lock was taken, another process may have made or removed a store here.
        refuse_foreign(path)?;
        finish_restore(path, &unused_aside(path, "again"))
            .map_err(|error| unavailable(path, &error))?;
        let (manifest, origin) = match find_manifest(path, verify) {
            Err(StoreError::Foreign(place)) => {
                // It is left as it was found.
                if !was_locked_before {
                    let _ = fs::remove_file(path.join(LOCK));
                }
                return Err(StoreError::Foreign(place));
            }
            found => found?,
        };
        let name = path.join(MANIFEST);
        let manifest_file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&name)
            .map_err(|error| unavailable(&name, &error))?;
        let mut folder = Self {
            path: path.to_owned(),
            manifest_file,
            manifest,
            is_new: origin == Origin::New,
            is_rebuilt: origin == Origin::Rebuilt,
            _lock: lock,
        };
        if origin != Origin::Kept {
            folder
                .write_first_manifest()
                .map_err(|error| unavailable(path, &error))?;
        }
        Ok(folder)
    }

    /// Replaces the damaged store by the finished one in `restoring/`, and moves the damaged files to `damaged-NAME/`;
    /// returns that folder.
    pub(super) fn replace_damaged(path: &Path, name: &str) -> Result<PathBuf, StoreError> {
        let _lock = take_lock(path)?;
        let aside = unused_aside(path, name);
        let replace = || {
            sync_tree(&path.join(RESTORING))?;
            // From here on, the next start finishes the restore after a crash.
            fs::rename(path.join(RESTORING), path.join(RESTORED))?;
            sync_folder(path)?;
            finish_restore(path, &aside)
        };
        replace().map_err(|error| unavailable(path, &error))?;
        Ok(aside)
    }

    /// The same, interrupted after a number of renames.
    #[cfg(test)]
    pub(super) fn replace_damaged_until(path: &Path, name: &str, mut renames: usize) {
        let aside = path.join(format!("{DAMAGED}{name}"));
        let restored = path.join(RESTORED);
        fs::create_dir_all(&aside).unwrap();
        let steps = [
            (path.join(RESTORING), restored.clone()),
            (path.join(MANIFEST), aside.join(MANIFEST)),
            (path.join(ENGINE), aside.join(ENGINE)),
            (restored.join(ENGINE), path.join(ENGINE)),
            (restored.join(MANIFEST), path.join(MANIFEST)),
        ];
        for (from, to) in steps {
            if renames == 0 {
                return;
            }
            fs::rename(from, to).unwrap();
            renames -= 1;
        }
    }

    fn write_first_manifest(&mut self) -> io::Result<()> {
        self.write_manifest(true)?;
        sync_folder(&self.path)?;
        match self.path.canonicalize()?.parent() {
            Some(parent) => sync_folder(parent),
            None => Ok(()),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn is_new(&self) -> bool {
        self.is_new
    }

    /// Whether `state` was lost and written anew.
    pub(super) fn is_rebuilt(&self) -> bool {
        self.is_rebuilt
    }

    pub(super) fn was_closed_cleanly(&self) -> bool {
        self.manifest.clean_shutdown.is_some()
    }

    pub(super) fn engine(&self) -> PathBuf {
        self.path.join(ENGINE)
    }

    /// Where compaction rebuilds the engine's folder.
    pub(super) fn spare(&self) -> PathBuf {
        self.path.join(SPARE)
    }

    /// The size of the engine's files in bytes.
    pub(super) fn size(&self) -> io::Result<u64> {
        let files = list_files(&self.engine())?;
        files.iter().map(|file| Ok(fs::metadata(file)?.len())).sum()
    }

    /// The last checkpoint noted: the store contains it, or more.
    pub(super) fn checkpoint(&self) -> Checkpoint {
        self.manifest.checkpoint
    }

    /// Makes sure that the engine's files may be opened: they are unchanged since a clean shutdown, or a copy is kept.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if they changed since; nothing was written then.
    pub(super) fn prepare_opening(&mut self) -> Result<(), StoreError> {
        settle_engine(&self.path).map_err(|error| unavailable(&self.path, &error))?;
        match self.manifest.clean_shutdown {
            Some(noted) => self.check_unchanged_since(noted)?,
            None => self.work_on_copy(),
        }
        self.manifest.clean_shutdown = None;
        self.write_manifest(true)
            .map_err(|error| unavailable(&self.path, &error))
    }

    fn check_unchanged_since(&self, noted: CleanShutdown) -> Result<(), StoreError> {
        let found = fingerprint(&self.engine()).map_err(|error| unavailable(&self.path, &error))?;
        if found == noted {
            return Ok(());
        }
        let fault = if found.bytes == noted.bytes {
            "its files were changed since it was closed".to_owned()
        } else {
            format!(
                "its files have {} bytes and had {} when it was closed",
                found.bytes, noted.bytes
            )
        };
        Err(damaged(&self.path, &fault))
    }

    /// Puts a synced copy in the place of the engine's files after a crash, and keeps the files as they were found until it
    /// is verified, since opening changes them.
    fn work_on_copy(&self) {
        let (engine, spare, as_found) = (self.engine(), self.spare(), self.path.join(AS_FOUND));
        if !engine.exists() {
            return;
        }
        let copy = || {
            copy_folder(&engine, &spare)?;
            sync_tree(&spare)?;
            fs::rename(&engine, &as_found)?;
            fs::rename(&spare, &engine)?;
            sync_folder(&self.path)
        };
        if let Err(error) = copy() {
            // A disk without room for the copy must not keep the bot from starting.
            tracing::warn!(%error, "opening the store after a crash without a copy of its files");
            self.put_back_as_found();
            let _ = remove_folder(&spare);
        }
    }

    /// Puts the engine's files back as they were found, if they were kept.
    pub(super) fn put_back_as_found(&self) {
        if let Err(error) = put_back_as_found(&self.path) {
            tracing::error!(%error, "the files of the store could not be put back; they are in {AS_FOUND}/");
        }
    }

    /// Call once the store is open and verified: removes the files as they were found and syncs what opening wrote.
    pub(super) fn finish_opening(&mut self, checkpoint: Checkpoint) -> io::Result<()> {
        sync_tree(&self.engine())?;
        let (as_found, replaced) = (self.path.join(AS_FOUND), self.path.join(REPLACED));
        if as_found.exists() {
            remove_folder(&replaced)?;
            // Under this name it is deleted at the next start if only a part of it is deleted now.
            fs::rename(&as_found, &replaced)?;
        }
        sync_folder(&self.path)?;
        remove_folder(&replaced)?;
        self.manifest.checkpoint = checkpoint;
        self.write_manifest(true)
    }

    /// Checks that the disk has room for reopening the engine.
    pub(super) fn probe(&self) -> Result<(), StoreError> {
        let name = self.path.join(PROBE);
        let probe = || {
            let file = File::create(&name)?;
            (&file).write_all(&vec![1; PROBE_BYTES])?;
            file.sync_all()
        };
        let probed = probe();
        let _ = fs::remove_file(&name);
        probed.map_err(|error| unavailable(&self.path, &error))
    }

    /// Notes what the store durably contains.
    pub(super) fn note_checkpoint(&mut self, checkpoint: Checkpoint) -> io::Result<()> {
        self.manifest.checkpoint = checkpoint;
        self.write_manifest(checkpoint.commits.is_multiple_of(SYNC_INTERVAL))
    }

    /// Notes that the engine closed its files, with their checksum.
    pub(super) fn note_clean_shutdown(&mut self) -> io::Result<()> {
        self.manifest.clean_shutdown = Some(fingerprint(&self.engine())?);
        self.write_manifest(true)
    }

    /// Replaces the engine's folder by the spare one. No clean shutdown is noted meanwhile: a crash at any point leaves one
    /// of the two in place, and they contain the same.
    pub(super) fn swap_in_spare(&mut self) -> io::Result<()> {
        let (engine, spare, old) = (self.engine(), self.spare(), self.path.join(REPLACED));
        sync_tree(&spare)?;
        remove_folder(&old)?;
        fs::rename(&engine, &old)?;
        fs::rename(&spare, &engine)?;
        sync_folder(&self.path)?;
        remove_folder(&old)
    }

    fn write_manifest(&mut self, sync: bool) -> io::Result<()> {
        self.manifest.sequence += 1;
        let offset = self.manifest.offset();
        self.manifest_file.seek(SeekFrom::Start(offset))?;
        self.manifest_file.write_all(&self.manifest.pack()?)?;
        if sync {
            self.manifest_file.sync_data()?;
        }
        Ok(())
    }
}

/// Puts a restored store in place, also after an interruption: first the old files are moved to `aside`, then the new ones moved
/// in, `state` last.
fn finish_restore(path: &Path, aside: &Path) -> io::Result<()> {
    let restored = path.join(RESTORED);
    if !restored.exists() {
        return Ok(());
    }
    fs::create_dir_all(aside)?;
    // Left over where opening did not end; it must not be put back in place of the restored files.
    if path.join(AS_FOUND).exists() {
        fs::rename(path.join(AS_FOUND), aside.join(AS_FOUND))?;
    }
    for part in [MANIFEST, ENGINE] {
        // If the new file has been moved in already, it is not an old one.
        if restored.join(part).exists() && path.join(part).exists() {
            fs::rename(path.join(part), aside.join(part))?;
        }
    }
    sync_folder(aside)?;
    for part in [ENGINE, MANIFEST] {
        if restored.join(part).exists() {
            fs::rename(restored.join(part), path.join(part))?;
        }
    }
    sync_folder(path)?;
    remove_folder(&restored)
}

/// A folder for damaged files that does not exist yet: a clock that was set back may give one name twice.
fn unused_aside(path: &Path, name: &str) -> PathBuf {
    let first = path.join(format!("{DAMAGED}{name}"));
    let numbered = (2..).map(|number: u32| path.join(format!("{DAMAGED}{name}-{number}")));
    let mut folders = std::iter::once(first.clone()).chain(numbered);
    folders.find(|folder| !folder.exists()).unwrap_or(first)
}

/// Finishes what was interrupted between two renames, and removes left-over files.
fn settle_engine(path: &Path) -> io::Result<()> {
    put_back_as_found(path)?;
    let (engine, replaced) = (path.join(ENGINE), path.join(REPLACED));
    if !engine.exists() && replaced.exists() {
        fs::rename(&replaced, &engine)?;
    }
    remove_folder(&replaced)?;
    remove_folder(&path.join(SPARE))
}

/// Puts the engine's files back as they were found, if opening them did not end well.
fn put_back_as_found(path: &Path) -> io::Result<()> {
    let (engine, as_found) = (path.join(ENGINE), path.join(AS_FOUND));
    if !as_found.exists() {
        return Ok(());
    }
    remove_folder(&engine)?;
    fs::rename(&as_found, &engine)?;
    sync_folder(path)
}

/// Says what the engine's files contain, given the store's folder and a copy of them: [`StoreError::Foreign`] if another
/// program wrote them.
pub(super) type Verify<'a> = &'a dyn Fn(&Path, &Path) -> Result<Checkpoint, StoreError>;

/// Where a manifest is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// It was read from `state`.
    Kept,
    /// The store is new.
    New,
    /// `state` was lost, and it was made from the engine's files.
    Rebuilt,
}

/// The store's manifest, read or made anew.
fn find_manifest(path: &Path, verify: Verify) -> Result<(Manifest, Origin), StoreError> {
    let fault = match read_manifest(path)? {
        Ok(manifest) => return Ok((manifest, Origin::Kept)),
        Err(fault) => fault,
    };
    if has_engine_files(path) {
        let checkpoint = verify_copy(path, verify)?;
        return Ok((Manifest::of(checkpoint), Origin::Rebuilt));
    }
    if holds_backups(&path.join(BACKUPS)) {
        return Err(damaged(path, "its files are gone, only backups are left"));
    }
    match fault {
        Lost::Missing | Lost::Empty => Ok((Manifest::new(), Origin::New)),
        Lost::Unreadable => Err(damaged(path, "its file `state` cannot be read")),
    }
}

/// Why there is no manifest.
enum Lost {
    Missing,
    /// The first start was interrupted.
    Empty,
    Unreadable,
}

fn read_manifest(folder: &Path) -> Result<Result<Manifest, Lost>, StoreError> {
    let bytes = match fs::read(folder.join(MANIFEST)) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Err(Lost::Missing)),
        Err(error) => return Err(unavailable(&folder.join(MANIFEST), &error)),
    };
    match Manifest::newest(&bytes) {
        Some(manifest) if manifest.is_newer() => {
            let place = folder.display();
            Err(StoreError::Newer(format!(
                "a newer version of this program laid out the store at {place}"
            )))
        }
        Some(manifest) => Ok(Ok(manifest)),
        None if bytes.is_empty() => Ok(Err(Lost::Empty)),
        None => Ok(Err(Lost::Unreadable)),
    }
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none())
}

fn has_engine_files(path: &Path) -> bool {
    let folders = [ENGINE, AS_FOUND, REPLACED];
    let mut files = folders
        .map(|folder| path.join(folder).join(ENGINE_FILE))
        .into_iter();
    files.any(|file| file.exists())
}

/// Verifies a copy of the engine's files, since opening changes them.
fn verify_copy(path: &Path, verify: Verify) -> Result<Checkpoint, StoreError> {
    let (engine, spare) = (path.join(ENGINE), path.join(SPARE));
    settle_engine(path)
        .and_then(|()| copy_folder(&engine, &spare))
        .map_err(|error| unavailable(path, &error))?;
    let verified = match verify(path, &spare) {
        Err(StoreError::Foreign(_)) if holds_backups(&path.join(BACKUPS)) => {
            Err(damaged(path, "its chats cannot be found in its files"))
        }
        verified => verified,
    };
    remove_folder(&spare).map_err(|error| unavailable(path, &error))?;
    verified
}

/// Refuses a folder with files that are none of a store's, since it belongs to something else.
fn refuse_foreign(path: &Path) -> Result<(), StoreError> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(unavailable(path, &error)),
    };
    let names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
    // A lock alone is from an interrupted first start, the root of a file system is empty but for one folder, and
    // `backups/` without any is what a running service leaves when the store is removed under it; the `state` of a restored
    // store is moved in last.
    let is_left_over = |name: &OsString| {
        name == LOCK
            || name == PROBE
            || name == LOST_AND_FOUND
            || (name == BACKUPS && is_empty(&path.join(BACKUPS)))
    };
    let is_ours = |name: &OsString| name == MANIFEST || name == RESTORED;
    let is_store = has_engine_files(path) || holds_backups(&path.join(BACKUPS));
    if is_store || names.iter().all(is_left_over) || names.iter().any(is_ours) {
        Ok(())
    } else {
        Err(StoreError::Foreign(path.display().to_string()))
    }
}

fn take_lock(path: &Path) -> Result<File, StoreError> {
    let name = path.join(LOCK);
    let lock = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&name)
        .map_err(|error| unavailable(&name, &error))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse(path.display().to_string())),
        Err(TryLockError::Error(error)) => Err(unavailable(&name, &error)),
    }
}

/// The error for a store that must not be used.
pub(super) fn damaged(folder: &Path, fault: &str) -> StoreError {
    StoreError::Damaged(format!(
        "the store at {folder} cannot be trusted: {fault}. Its files were left as they are. Run `unbind-bot store \
         verify` to see what can be read; to go on, move the folder aside and load the newest export into a new one \
         with `unbind-bot store import FILE`",
        folder = folder.display()
    ))
}

/// The error for a folder or file that cannot be read or written.
pub(super) fn unavailable(path: &Path, error: &io::Error) -> StoreError {
    StoreError::Unavailable(format!("{}: {error}", path.display()))
}
