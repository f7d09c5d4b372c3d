//! What the commands share: why one failed, and how they load knowledge, open the store and print.

use std::{
    fmt,
    io::{self, Write},
    path::Path,
    sync::Arc,
};

use jiff::Timestamp;

use crate::{
    config::{Database, SettingFaults},
    dialogue::Base,
    knowledge::{Knowledge, load_folder, watch::Watcher},
    store::{
        Store, StoreError,
        backups::{self, Restored},
        sled::{Opened, REBUILT, SledStore},
    },
    text_file,
};

/// Why a command failed, by the exit code it ends with.
#[derive(Debug)]
pub(super) enum Failure {
    /// 1: what was checked has faults, or something failed.
    Failed(String),
    /// 2: a setting or an argument is wrong.
    Settings(String),
    /// 3: the store cannot be trusted.
    Untrusted(String),
    /// 0: whoever read the output has closed it (`| head`), so there is nobody to print for. Nothing is said.
    OutputClosed,
}

impl Failure {
    pub(super) fn failed(fault: impl fmt::Display) -> Self {
        Self::Failed(fault.to_string())
    }

    pub(super) fn code(&self) -> u8 {
        match self {
            Self::Failed(_) => 1,
            Self::Settings(_) => 2,
            Self::Untrusted(_) => 3,
            Self::OutputClosed => 0,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Failed(fault) | Self::Settings(fault) | Self::Untrusted(fault) => {
                fault.trim_end()
            }
            Self::OutputClosed => "the output was closed",
        })
    }
}

impl From<SettingFaults> for Failure {
    fn from(faults: SettingFaults) -> Self {
        Self::Settings(faults.to_string())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Damaged(_) | StoreError::Newer(_) => Self::Untrusted(error.to_string()),
            StoreError::InUse(_) | StoreError::Foreign(_) => Self::Settings(error.to_string()),
            StoreError::Conflict(_) | StoreError::Unavailable(_) => Self::Failed(error.to_string()),
        }
    }
}

pub(super) fn load_base(folder: &Path) -> Result<Base, Failure> {
    load_knowledge(folder).map(Base::new)
}

fn load_knowledge(folder: &Path) -> Result<Knowledge, Failure> {
    load_folder(folder).map_err(|faults| {
        Failure::Settings(format!("the knowledge base cannot be used:\n{faults}"))
    })
}

/// The knowledge base, and a watcher for changes of it.
pub(super) fn load_watched(folder: &Path) -> Result<(Knowledge, Watcher), Failure> {
    // The watcher comes first, so that it sees a change made while the base is read.
    let watcher = Watcher::new(folder);
    Ok((load_knowledge(folder)?, watcher))
}

/// Opens the store, or replaces a damaged one by its newest backup; `Restored` then says so to the operator.
pub(super) fn open_or_restore(database: &Database) -> Result<(Opened, Option<Restored>), Failure> {
    let Database::Sled(folder) = database;
    Ok(backups::open(folder, Timestamp::now())?)
}

/// Opens the store; a damaged one is not moved.
pub(super) fn open_store(database: &Database) -> Result<Arc<dyn Store>, Failure> {
    let Database::Sled(folder) = database;
    let opened = SledStore::open(folder)?;
    if opened.rebuilt {
        // Standard output may be what is exported; a closed standard error is no reason to stop.
        let _ = writeln!(std::io::stderr(), "{REBUILT}");
    }
    Ok(Arc::new(opened.store))
}

/// Prints to standard output.
pub(super) fn print(text: impl fmt::Display) -> Result<(), Failure> {
    writeln!(anstream::stdout(), "{text}").map_err(|error| output_failure(&error))
}

/// Why standard output cannot be written.
pub(super) fn output_failure(error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::OutputClosed,
        _ => Failure::failed(format!("cannot write to standard output: {error}")),
    }
}

/// Largest file that a command reads as a whole; saved runs are the largest.
const MAX_ARGUMENT_BYTES: u64 = 256 * 1024 * 1024;

/// Reads the text of a file, or of a pipe, that was named on the command line.
pub(super) fn read_argument(path: &Path) -> Result<String, Failure> {
    text_file::read_argument(path, MAX_ARGUMENT_BYTES)
        .map_err(|fault| Failure::failed(fault.describe(path)))
}
