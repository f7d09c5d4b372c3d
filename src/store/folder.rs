//! The folder of a store on disk: who may use it, and whether it is as it was left.
//!
//! ```text
//! lock    held by the one process that has the store open
//! state   what the store must contain at least, in two slots written in turns
//! sled/   the engine's files: `sled` knows them, this file only moves and checksums them
//! before-recovery/   while opening after a crash: the engine's files as they were found
//! backups/, restoring/, restored/, damaged-…/   see `backups`
//! ```
//! sled repairs what it takes for a torn end by cutting it off. `state` is how a cut too deep is noticed, and the copy
//! is how a store found damaged is left as it was.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use super::{
    StoreError,
    state::{Seal, State, Totals},
};

const LOCK: &str = "lock";
const STATE: &str = "state";
const ENGINE: &str = "sled";
const COPY: &str = "before-recovery";
const SPARE: &str = "compacting";
pub(super) const BACKUPS: &str = "backups";
pub(super) const RESTORING: &str = "restoring";
pub(super) const RESTORED: &str = "restored";
const DAMAGED: &str = "damaged-";
const PROBE: &str = "probe";
/// A segment of the engine's file has 512 KiB, and it takes some at once.
const PROBE_BYTES: usize = 4 << 20;

/// Batches between two syncs of `state`. In between it is written without waiting: that survives the process, and after
/// a power cut an older lower bound is still a lower bound. A sync each time would double the price of a commit.
const SYNC_EVERY: u64 = 256;

/// A folder that this process, and no other, may use.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    state: File,
    present: State,
    made: bool,
    /// Released when it is dropped.
    _lock: File,
}

impl Folder {
    /// Takes the folder, making it where there is none.
    pub(super) fn claim(path: &Path) -> Result<Self, StoreError> {
        refuse_foreign(path)?;
        fs::create_dir_all(path).map_err(|error| trouble(path, &error))?;
        let lock = take_lock(path)?;
        // Again: between the first look and the lock, another process may have made or removed a store here.
        refuse_foreign(path)?;
        settle_restored(path, "again").map_err(|error| trouble(path, &error))?;
        let name = path.join(STATE);
        let made = !name.exists();
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false);
        let mut state = options
            .open(&name)
            .map_err(|error| trouble(&name, &error))?;
        let present = if made {
            State::new()
        } else {
            read_state(&mut state, path)?
        };
        let mut folder = Self {
            path: path.to_owned(),
            state,
            present,
            made,
            _lock: lock,
        };
        if made {
            folder.make().map_err(|error| trouble(path, &error))?;
        }
        Ok(folder)
    }

    /// Puts the finished store in `restoring` into the place of the damaged one, whose files go to a folder of that name;
    /// returns that folder.
    pub(super) fn take_place(path: &Path, name: &str) -> Result<PathBuf, StoreError> {
        let _lock = take_lock(path)?;
        let take_place = || {
            sync_all_in(&path.join(RESTORING))?;
            // From here on it is complete, and found so by the next start if this one goes no further.
            fs::rename(path.join(RESTORING), path.join(RESTORED))?;
            sync_folder(path)?;
            settle_restored(path, name)
        };
        take_place().map_err(|error| trouble(path, &error))?;
        Ok(path.join(format!("{DAMAGED}{name}")))
    }

    /// The same, cut off after so many renames.
    #[cfg(test)]
    pub(super) fn take_place_until(path: &Path, name: &str, mut renames: usize) {
        let aside = path.join(format!("{DAMAGED}{name}"));
        let restored = path.join(RESTORED);
        fs::create_dir_all(&aside).unwrap();
        let steps = [
            (path.join(RESTORING), restored.clone()),
            (path.join(STATE), aside.join(STATE)),
            (path.join(ENGINE), aside.join(ENGINE)),
            (restored.join(ENGINE), path.join(ENGINE)),
            (restored.join(STATE), path.join(STATE)),
        ];
        for (from, to) in steps {
            if renames == 0 {
                return;
            }
            fs::rename(from, to).unwrap();
            renames -= 1;
        }
    }

    fn make(&mut self) -> io::Result<()> {
        self.write_state(true)?;
        sync_folder(&self.path)?;
        match self.path.canonicalize()?.parent() {
            Some(parent) => sync_folder(parent),
            None => Ok(()),
        }
    }

    /// Where the folder is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it was made just now.
    pub(super) fn is_new(&self) -> bool {
        self.made
    }

    /// Whether it was closed cleanly.
    pub(super) fn is_sealed(&self) -> bool {
        self.present.seal.is_some()
    }

    /// The engine's own folder.
    pub(super) fn engine(&self) -> PathBuf {
        self.path.join(ENGINE)
    }

    /// Where compaction builds the engine's folder anew.
    pub(super) fn spare(&self) -> PathBuf {
        self.path.join(SPARE)
    }

    /// The bytes of the engine's files.
    pub(super) fn size(&self) -> io::Result<u64> {
        let files = files(&self.engine())?;
        files.iter().map(|file| Ok(fs::metadata(file)?.len())).sum()
    }

    /// What the store contains at least.
    pub(super) fn totals(&self) -> Totals {
        self.present.totals
    }

    /// Makes sure that the engine's files may be touched: unchanged since a clean close, or else kept as a copy.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when they changed since; nothing was written then.
    pub(super) fn begin(&mut self) -> Result<(), StoreError> {
        self.settle_compaction()?;
        match self.present.seal {
            Some(seal) => self.check_seal(seal)?,
            None => self.keep_copy(),
        }
        self.present.seal = None;
        self.write_state(true)
            .map_err(|error| trouble(&self.path, &error))
    }

    fn check_seal(&self, seal: Seal) -> Result<(), StoreError> {
        let found = fingerprint(&self.engine()).map_err(|error| trouble(&self.path, &error))?;
        if found == seal {
            return Ok(());
        }
        let fault = if found.bytes == seal.bytes {
            "its files were changed since it was closed".to_owned()
        } else {
            format!(
                "its files have {} bytes and had {} when it was closed",
                found.bytes, seal.bytes
            )
        };
        Err(damaged(&self.path, &fault))
    }

    /// Keeps the engine's files as they are found after a crash, since opening changes them.
    fn keep_copy(&self) {
        let copy = self.path.join(COPY);
        // One left over is older than what is here.
        let copied = remove_folder(&copy).and_then(|()| copy_folder(&self.engine(), &copy));
        if let Err(error) = copied {
            // A disk too full for the copy must not keep the bot from starting.
            tracing::warn!(%error, "opening the store after a crash without keeping a copy");
            let _ = remove_folder(&copy);
        }
    }

    /// Puts the engine's files back as they were found; whether they now are.
    pub(super) fn put_back(&self) -> bool {
        let (copy, engine) = (self.path.join(COPY), self.engine());
        let back = || {
            fs::metadata(&copy)?;
            remove_folder(&engine)?;
            fs::rename(&copy, &engine)
        };
        back().is_ok()
    }

    /// The store opened and is trusted: the copy goes, and what opening wrote becomes durable.
    pub(super) fn opened(&mut self, totals: Totals) -> io::Result<()> {
        remove_folder(&self.path.join(COPY))?;
        sync_all_in(&self.engine())?;
        sync_folder(&self.path)?;
        self.present.totals = totals;
        self.write_state(true)
    }

    /// Whether there is room to go on: as much as opening the engine again may take, and a little more.
    pub(super) fn probe(&self) -> Result<(), StoreError> {
        let name = self.path.join(PROBE);
        let probe = || {
            let file = File::create(&name)?;
            (&file).write_all(&vec![1; PROBE_BYTES])?;
            file.sync_all()
        };
        let probed = probe();
        let _ = fs::remove_file(&name);
        probed.map_err(|error| trouble(&self.path, &error))
    }

    /// Notes what is durably in the store now.
    pub(super) fn note(&mut self, totals: Totals) -> io::Result<()> {
        self.present.totals = totals;
        self.write_state(totals.commits.is_multiple_of(SYNC_EVERY))
    }

    /// Notes that the engine let go of its files, complete as they are.
    pub(super) fn seal(&mut self) -> io::Result<()> {
        self.present.seal = Some(fingerprint(&self.engine())?);
        self.write_state(true)
    }

    /// Puts the spare folder in the engine's place and removes the old one. Unsealed while it lasts: a crash at any
    /// point leaves one of the two in place, and they contain the same.
    pub(super) fn swap(&mut self) -> io::Result<()> {
        let (engine, spare, old) = (self.engine(), self.spare(), self.path.join(COPY));
        sync_all_in(&spare)?;
        remove_folder(&old)?;
        fs::rename(&engine, &old)?;
        fs::rename(&spare, &engine)?;
        sync_folder(&self.path)?;
        remove_folder(&old)
    }

    /// Finishes a compaction that was cut off between its two renames, and clears away what one left.
    fn settle_compaction(&self) -> Result<(), StoreError> {
        let (engine, spare, old) = (self.engine(), self.spare(), self.path.join(COPY));
        let settle = || {
            if !engine.exists() && old.exists() {
                fs::rename(&old, &engine)?;
            }
            remove_folder(&spare)
        };
        settle().map_err(|error| trouble(&self.path, &error))
    }

    fn write_state(&mut self, sync: bool) -> io::Result<()> {
        self.present.sequence += 1;
        self.state.seek(SeekFrom::Start(self.present.offset()))?;
        self.state.write_all(&self.present.pack()?)?;
        if sync {
            self.state.sync_data()?;
        }
        Ok(())
    }
}

/// Brings a restored store to its place, from wherever that was cut off: first the old files go, then the new ones come,
/// and of those `state` last.
fn settle_restored(path: &Path, name: &str) -> io::Result<()> {
    let restored = path.join(RESTORED);
    if !restored.exists() {
        return Ok(());
    }
    let aside = path.join(format!("{DAMAGED}{name}"));
    fs::create_dir_all(&aside)?;
    let both = [STATE, ENGINE];
    for part in both {
        // Where the new one has come already, what is there is not the old one.
        if restored.join(part).exists() && path.join(part).exists() {
            fs::rename(path.join(part), aside.join(part))?;
        }
    }
    sync_folder(&aside)?;
    for part in [ENGINE, STATE] {
        if restored.join(part).exists() {
            fs::rename(restored.join(part), path.join(part))?;
        }
    }
    sync_folder(path)?;
    remove_folder(&restored)
}

fn read_state(file: &mut File, folder: &Path) -> Result<State, StoreError> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)
        .map_err(|error| trouble(folder, &error))?;
    let state = State::newest(&bytes);
    let state = state.ok_or_else(|| damaged(folder, "its file `state` cannot be read"))?;
    if state.is_newer() {
        let place = folder.display();
        return Err(StoreError::Newer(format!(
            "a newer version of this program laid out the store at {place}"
        )));
    }
    Ok(state)
}

/// A folder with files in it and no `state` is somebody else's.
fn refuse_foreign(path: &Path) -> Result<(), StoreError> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(trouble(path, &error)),
    };
    let names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
    // A lock alone is from a first start that was cut off; a restored store may have its `state` still to come.
    let is_ours = |name: &OsString| name == STATE || name == RESTORED;
    if names.iter().all(|name| name == LOCK) || names.iter().any(is_ours) {
        Ok(())
    } else {
        Err(StoreError::Foreign(path.display().to_string()))
    }
}

fn take_lock(path: &Path) -> Result<File, StoreError> {
    let name = path.join(LOCK);
    let mut options = OpenOptions::new();
    let options = options.write(true).create(true).truncate(false);
    let lock = options
        .open(&name)
        .map_err(|error| trouble(&name, &error))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse(path.display().to_string())),
        Err(TryLockError::Error(error)) => Err(trouble(&name, &error)),
    }
}

/// The error of a store that must not be used.
pub(super) fn damaged(folder: &Path, fault: &str) -> StoreError {
    StoreError::Damaged(format!(
        "the store at {folder} cannot be trusted: {fault}. Its files were left as they are. Run `unbind-bot store \
         verify` to see what can be read; to go on, move the folder aside and load the newest export into a new one \
         with `unbind-bot store import FILE`",
        folder = folder.display()
    ))
}

/// The error of a folder or file the system does not let us use.
pub(super) fn trouble(path: &Path, error: &io::Error) -> StoreError {
    StoreError::Unavailable(format!("{}: {error}", path.display()))
}

/// Makes a folder's entries durable.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    // Only Unix lets a folder be opened; elsewhere the file system orders its own entries.
    if cfg!(unix) {
        File::open(path)?.sync_all()?;
    }
    Ok(())
}

fn sync_all_in(folder: &Path) -> io::Result<()> {
    for file in files(folder)? {
        File::open(file)?.sync_all()?;
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_folder(&entry.path())?;
        }
    }
    sync_folder(folder)
}

/// The files in a folder and its subfolders, in order; none where there is no folder.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            found.extend(files(&entry.path())?);
        } else {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

/// The checksum of all files with their names and lengths.
fn fingerprint(folder: &Path) -> io::Result<Seal> {
    let mut hasher = crc32fast::Hasher::new();
    let mut bytes = 0;
    let mut buffer = vec![0; 1 << 20];
    for name in files(folder)? {
        let relative = name.strip_prefix(folder).unwrap_or(&name);
        hasher.update(relative.as_os_str().as_encoded_bytes());
        let mut file = File::open(&name)?;
        let length = file.metadata()?.len();
        hasher.update(&length.to_be_bytes());
        bytes += length;
        loop {
            match file.read(&mut buffer)? {
                0 => break,
                read => hasher.update(&buffer[..read]),
            }
        }
    }
    Ok(Seal {
        bytes,
        crc: hasher.finalize(),
    })
}

fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    for file in files(from)? {
        let target = to.join(file.strip_prefix(from).unwrap_or(&file));
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::copy(&file, &target)?;
    }
    Ok(())
}

fn remove_folder(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}
