//! Turns sled's errors and panics, and values that cannot be read, into errors of the store.

use std::{fmt, io, path::Path};

use crate::{
    dialogue::ChatId,
    panics,
    store::{StoreError, envelope::EnvelopeError, folder},
};

/// Calls sled and turns its panics into errors. The panic hook still prints or logs them.
pub(super) fn catch_engine_panic<T>(
    path: &Path,
    run: impl FnOnce() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    panics::catch(run).unwrap_or_else(|_| {
        Err(folder::damaged(
            path,
            "the engine could not make sense of it",
        ))
    })
}

pub(super) fn engine_fault(path: &Path, error: sled::Error) -> StoreError {
    match error {
        // What sled says when another program has its file open. Another process of this program is noticed before, by the
        // folder's lock.
        sled::Error::Io(error) if error.to_string().contains("could not acquire lock") => {
            StoreError::InUse(path.display().to_string())
        }
        // The files end too early, or do not contain what they should.
        sled::Error::Io(error)
            if matches!(
                error.kind(),
                io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData
            ) =>
        {
            folder::damaged(path, &error.to_string())
        }
        sled::Error::Io(error) => folder::unavailable(path, &error),
        error => folder::damaged(path, &error.to_string()),
    }
}

pub(super) fn unreadable(path: &Path, what: impl fmt::Display, error: EnvelopeError) -> StoreError {
    match error {
        EnvelopeError::Newer { .. } => {
            StoreError::Newer(format!("the store at {}: {what}: {error}", path.display()))
        }
        error => folder::damaged(path, &format!("{what}: {error}")),
    }
}

pub(super) fn foreign_key(path: &Path, key: &[u8]) -> StoreError {
    folder::damaged(
        path,
        &format!(
            "a key of {} bytes was not written by this program",
            key.len()
        ),
    )
}

/// "the record of chat 5".
pub(super) struct RecordOf(pub(super) ChatId);

impl fmt::Display for RecordOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the record of chat {}", self.0)
    }
}
