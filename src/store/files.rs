//! Lists, syncs, checksums, copies and removes whole folders.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use super::manifest::CleanShutdown;

/// Syncs the entries of a folder.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Syncs a folder with all its files and subfolders.
pub(super) fn sync_tree(folder: &Path) -> io::Result<()> {
    for file in list_files(folder)? {
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

/// The files in a folder and its subfolders, sorted; none if there is no folder.
pub(super) fn list_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            found.extend(list_files(&entry.path())?);
        } else {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

/// The checksum of all files with their names and lengths.
pub(super) fn fingerprint(folder: &Path) -> io::Result<CleanShutdown> {
    let mut hasher = crc32fast::Hasher::new();
    let mut bytes = 0;
    let mut buffer = vec![0; 1 << 20];
    for name in list_files(folder)? {
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
    Ok(CleanShutdown {
        bytes,
        crc: hasher.finalize(),
    })
}

pub(super) fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    for file in list_files(from)? {
        let target = to.join(file.strip_prefix(from).unwrap_or(&file));
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::copy(&file, &target)?;
    }
    Ok(())
}

/// Removes a folder, if there is one, with all that is in it.
pub(super) fn remove_folder(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}
