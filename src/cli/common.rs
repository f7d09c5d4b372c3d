//! What the commands share: why one failed, and how they load knowledge, open the store and print.

use std::{fmt, io::Write, path::Path, sync::Arc};

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
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Failed(fault) | Self::Settings(fault) | Self::Untrusted(fault)) = self;
        f.write_str(fault.trim_end())
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

/// Prints to standard output; ends the program without an error when the pipe's reader is gone.
pub(super) fn print(text: impl fmt::Display) -> Result<(), Failure> {
    writeln!(anstream::stdout(), "{text}").or_else(|error| match error.kind() {
        std::io::ErrorKind::BrokenPipe => std::process::exit(0),
        _ => Err(Failure::failed(format!(
            "cannot write to standard output: {error}"
        ))),
    })
}
