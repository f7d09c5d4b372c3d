//! Where an export is written: to a file in its place, or straight to what is no file.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::{fd::AsFd, unix::fs::OpenOptionsExt},
    path::{Path, PathBuf},
};

use super::fault::{ExportError, file_error};
use crate::text_file::Kind;

/// Links followed before they count as a circle; Linux follows as many.
const MAX_LINKS: usize = 40;
/// The open descriptors of this process.
const DESCRIPTORS: &str = "/proc/self/fd";

/// Where an export is written.
#[derive(Debug)]
pub enum Target {
    /// A file, which replaces the one at this path when it is complete.
    File(PathBuf),
    /// A pipe or a device, written as it comes.
    Stream {
        name: PathBuf,
        stream: File,
    },
    StandardOutput(File),
}

impl Target {
    /// What `path` names: `-` is standard output, and a link is followed. Opening a pipe waits for its reader.
    ///
    /// # Errors
    /// An export cannot be written there: it is a folder, a socket, a disk.
    pub fn at(path: &Path) -> Result<Self, ExportError> {
        if path == Path::new("-") {
            return standard_output().map_err(|error| file_error(path, error));
        }
        follow(path).map_err(|error| file_error(path, error))?
    }
}

fn standard_output() -> io::Result<Target> {
    let output = io::stdout().as_fd().try_clone_to_owned()?;
    Ok(Target::StandardOutput(output.into()))
}

/// Follows links one by one, since a renamed file would otherwise take the place of the link.
fn follow(path: &Path) -> io::Result<Result<Target, ExportError>> {
    let mut at = path.to_owned();
    for _ in 0..MAX_LINKS {
        match descriptor(&at) {
            Some(1) => return standard_output().map(Ok),
            Some(_) => return open_stream(path, &at).map(Ok),
            None => {}
        }
        let found = match fs::symlink_metadata(&at) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Ok(Target::File(at)));
            }
            found => found?.file_type(),
        };
        if !found.is_symlink() {
            return target_of_kind(path, at, Kind::of(found));
        }
        let to = fs::read_link(&at)?;
        at = at.parent().unwrap_or(Path::new("")).join(to);
    }
    Err(io::Error::other("this link leads in a circle"))
}

fn target_of_kind(path: &Path, at: PathBuf, kind: Kind) -> io::Result<Result<Target, ExportError>> {
    match kind {
        Kind::File => Ok(Ok(Target::File(at))),
        Kind::Pipe | Kind::Device => open_stream(path, &at).map(Ok),
        Kind::Folder | Kind::Socket | Kind::Disk | Kind::Unknown => Ok(Err(ExportError::Unfit {
            path: path.to_owned(),
            kind,
        })),
    }
}

fn open_stream(name: &Path, at: &Path) -> io::Result<Target> {
    Ok(Target::Stream {
        name: name.to_owned(),
        stream: OpenOptions::new().write(true).open(at)?,
    })
}

/// The number of the descriptor of this process that a path names: `/dev/stdout` and `/dev/fd/1` lead to 1.
pub(super) fn descriptor(path: &Path) -> Option<u32> {
    let folder = path.parent()?.canonicalize().ok()?;
    let own = Path::new(DESCRIPTORS).canonicalize().ok()?;
    let number = path.file_name()?.to_str()?.parse().ok();
    number.filter(|_| folder == own)
}

/// Creates a file that only its owner may read, since people's cards are in it. One that lies there is removed: it may be
/// readable for others, or be a link to something else.
pub(super) fn create_private(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600).open(path)
}
