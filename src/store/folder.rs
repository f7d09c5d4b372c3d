//! The folder of a store on disk: locks it for one process, and checks that its files are unchanged since they were closed.
//!
//! ```text
//! lock    held by the one process that has the store open
//! state   what the store must contain at least, in two slots written alternately; see `manifest`
//! sled/   the engine's files; this module only moves and checksums them
//! before-recovery/   while opening after a crash: the engine's files as they were found
//! backups/, restoring/, restored/, damaged-…/   see `backups`
//! ```
//! sled repairs a torn end of its file by cutting it off. `state` shows when too much was cut off, and the copy restores
//! the files of a damaged store.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use super::{
    StoreError,
    files::{copy_folder, fingerprint, list_files, remove_folder, sync_folder, sync_tree},
    manifest::{Checkpoint, CleanShutdown, Manifest},
};

const LOCK: &str = "lock";
const MANIFEST: &str = "state";
const ENGINE: &str = "sled";
const COPY: &str = "before-recovery";
const SPARE: &str = "compacting";
pub(super) const BACKUPS: &str = "backups";
pub(super) const RESTORING: &str = "restoring";
pub(super) const RESTORED: &str = "restored";
const DAMAGED: &str = "damaged-";
/// What file systems of Linux have in their root, which a mounted volume shows.
const LOST_AND_FOUND: &str = "lost+found";
const PROBE: &str = "probe";
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
    /// Released when it is dropped.
    _lock: File,
}

impl Folder {
    /// Locks the folder for this process; creates it if it is missing.
    pub(super) fn claim(path: &Path) -> Result<Self, StoreError> {
        refuse_foreign(path)?;
        fs::create_dir_all(path).map_err(|error| unavailable(path, &error))?;
        let lock = take_lock(path)?;
        // Checked again: before the lock was taken, another process may have made or removed a store here.
        refuse_foreign(path)?;
        finish_restore(path, "again").map_err(|error| unavailable(path, &error))?;
        let name = path.join(MANIFEST);
        let is_new = !name.exists();
        let mut manifest_file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&name)
            .map_err(|error| unavailable(&name, &error))?;
        let manifest = if is_new {
            Manifest::new()
        } else {
            read_manifest(&mut manifest_file, path)?
        };
        let mut folder = Self {
            path: path.to_owned(),
            manifest_file,
            manifest,
            is_new,
            _lock: lock,
        };
        if is_new {
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
        let replace = || {
            sync_tree(&path.join(RESTORING))?;
            // From here on, the next start finishes the restore after a crash.
            fs::rename(path.join(RESTORING), path.join(RESTORED))?;
            sync_folder(path)?;
            finish_restore(path, name)
        };
        replace().map_err(|error| unavailable(path, &error))?;
        Ok(path.join(format!("{DAMAGED}{name}")))
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
        self.finish_compaction()?;
        match self.manifest.clean_shutdown {
            Some(noted) => self.check_unchanged_since(noted)?,
            None => self.keep_copy(),
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

    /// Keeps the engine's files as they are found after a crash, since opening changes them.
    fn keep_copy(&self) {
        let copy = self.path.join(COPY);
        // A left-over copy is older than the files.
        let copied = remove_folder(&copy).and_then(|()| copy_folder(&self.engine(), &copy));
        if let Err(error) = copied {
            // A disk without room for the copy must not keep the bot from starting.
            tracing::warn!(%error, "opening the store after a crash without a copy of its files");
            let _ = remove_folder(&copy);
        }
    }

    /// Restores the engine's files from the copy; false if that failed.
    pub(super) fn restore_copy(&self) -> bool {
        let (copy, engine) = (self.path.join(COPY), self.engine());
        let restore = || {
            fs::metadata(&copy)?;
            remove_folder(&engine)?;
            fs::rename(&copy, &engine)
        };
        restore().is_ok()
    }

    /// Call once the store is open and verified: removes the copy and syncs what opening wrote.
    pub(super) fn finish_opening(&mut self, checkpoint: Checkpoint) -> io::Result<()> {
        remove_folder(&self.path.join(COPY))?;
        sync_tree(&self.engine())?;
        sync_folder(&self.path)?;
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
        let (engine, spare, old) = (self.engine(), self.spare(), self.path.join(COPY));
        sync_tree(&spare)?;
        remove_folder(&old)?;
        fs::rename(&engine, &old)?;
        fs::rename(&spare, &engine)?;
        sync_folder(&self.path)?;
        remove_folder(&old)
    }

    /// Finishes a compaction that was interrupted between its two renames, and removes left-over files.
    fn finish_compaction(&self) -> Result<(), StoreError> {
        let (engine, spare, old) = (self.engine(), self.spare(), self.path.join(COPY));
        let settle = || {
            if !engine.exists() && old.exists() {
                fs::rename(&old, &engine)?;
            }
            remove_folder(&spare)
        };
        settle().map_err(|error| unavailable(&self.path, &error))
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

/// Puts a restored store in place, also after an interruption: first the old files are moved away, then the new ones moved
/// in, `state` last.
fn finish_restore(path: &Path, name: &str) -> io::Result<()> {
    let restored = path.join(RESTORED);
    if !restored.exists() {
        return Ok(());
    }
    let aside = path.join(format!("{DAMAGED}{name}"));
    fs::create_dir_all(&aside)?;
    for part in [MANIFEST, ENGINE] {
        // If the new file has been moved in already, it is not an old one.
        if restored.join(part).exists() && path.join(part).exists() {
            fs::rename(path.join(part), aside.join(part))?;
        }
    }
    sync_folder(&aside)?;
    for part in [ENGINE, MANIFEST] {
        if restored.join(part).exists() {
            fs::rename(restored.join(part), path.join(part))?;
        }
    }
    sync_folder(path)?;
    remove_folder(&restored)
}

fn read_manifest(file: &mut File, folder: &Path) -> Result<Manifest, StoreError> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)
        .map_err(|error| unavailable(folder, &error))?;
    let manifest = Manifest::newest(&bytes)
        .ok_or_else(|| damaged(folder, "its file `state` cannot be read"))?;
    if manifest.is_newer() {
        let place = folder.display();
        return Err(StoreError::Newer(format!(
            "a newer version of this program laid out the store at {place}"
        )));
    }
    Ok(manifest)
}

/// Refuses a folder with files but no `state`, since it belongs to something else.
fn refuse_foreign(path: &Path) -> Result<(), StoreError> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(unavailable(path, &error)),
    };
    let names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
    // A lock alone is from an interrupted first start, and the root of a file system is empty but for one folder; the `state` of a restored store is moved in last.
    let is_ours = |name: &OsString| name == MANIFEST || name == RESTORED;
    let is_empty = |name: &OsString| name == LOCK || name == LOST_AND_FOUND;
    if names.iter().all(is_empty) || names.iter().any(is_ours) {
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
