//! The write barrier: the call that returns once a batch survives a power cut.
//!
//! A trait, so that tests can count the calls or make them fail.

use std::{
    collections::HashSet,
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
};

use super::files::sync_folder;

pub(super) trait Barrier: Send {
    /// Returns when everything written so far is on the disk.
    fn wait(&mut self) -> io::Result<()>;
}

/// `fdatasync` on sled's file and its blobs.
pub(super) struct FileBarrier {
    file: File,
    /// sled moves pages of more than 128 KiB (seventeen large records) to files of their own, and never syncs them.
    blobs: PathBuf,
    synced: HashSet<OsString>,
}

impl FileBarrier {
    /// The barrier for the engine's files in this folder.
    pub(super) fn new(files: &Path) -> io::Result<Self> {
        Ok(Self {
            file: OpenOptions::new().write(true).open(files.join("db"))?,
            blobs: files.join("blobs"),
            synced: HashSet::new(),
        })
    }

    fn sync_new_blobs(&mut self) -> io::Result<()> {
        let mut present = HashSet::new();
        let mut fresh = false;
        for entry in fs::read_dir(&self.blobs)? {
            let name = entry?.file_name();
            if !self.synced.contains(&name) {
                sync_if_there(&self.blobs.join(&name))?;
                fresh = true;
            }
            present.insert(name);
        }
        self.synced = present;
        if fresh {
            sync_folder(&self.blobs)?;
        }
        Ok(())
    }
}

impl Barrier for FileBarrier {
    fn wait(&mut self) -> io::Result<()> {
        // The blobs first, since the log points to them.
        self.sync_new_blobs()?;
        self.file.sync_data()
    }
}

/// Syncs a file, unless sled has removed it because nothing points to it any more.
fn sync_if_there(file: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).open(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        file => file?.sync_data(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_sled_puts_beside_its_log_are_synced_once() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = folder.path().join("blobs");
        fs::create_dir(&blobs).unwrap();
        fs::write(folder.path().join("db"), "").unwrap();
        let mut barrier = FileBarrier::new(folder.path()).unwrap();
        fs::write(blobs.join("17"), "large").unwrap();
        barrier.wait().unwrap();
        assert_eq!(barrier.synced, HashSet::from(["17".into()]));
        fs::remove_file(blobs.join("17")).unwrap();
        barrier.wait().unwrap();
        assert!(barrier.synced.is_empty());
    }
}
