//! Why an export or import did not succeed.

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::{store::StoreError, text_file::Kind};

/// Why an export or import did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The file could not be written or read.
    #[error("{}: {error}", .path.display())]
    File { path: PathBuf, error: io::Error },
    /// The file is damaged, or no export.
    #[error("{}:{line}: {fault}; nothing was imported: use another export", .path.display())]
    Line {
        path: PathBuf,
        /// Counted from 1.
        line: u64,
        fault: String,
    },
    /// There is something at the path that an export cannot be written to or read from.
    #[error("{}: this is {kind}; name a file or a pipe, or `-`", .path.display())]
    Unfit { path: PathBuf, kind: Kind },
    #[error(
        "the store is not empty; import into a new one: name another folder with DATABASE_URL, or move this one aside"
    )]
    NotEmpty,
    #[error(transparent)]
    Store(#[from] StoreError),
}

pub(super) fn file_error(path: &Path, error: io::Error) -> ExportError {
    ExportError::File {
        path: path.to_owned(),
        error,
    }
}

pub(super) fn first_line_fault(path: &Path, fault: String) -> ExportError {
    ExportError::Line {
        path: path.to_owned(),
        line: 1,
        fault,
    }
}
