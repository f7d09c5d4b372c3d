//! The command line: the commands and their exit codes.
//!
//! Each command has a file under `cli/`; the settings are parsed in `config`.

mod ask;
mod chat;
mod check;
mod doctor;
mod eval;
mod serve;
mod stores;

use std::{fmt, io::Write, path::Path, process::ExitCode, sync::Arc};

use jiff::Timestamp;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::{
    config::{Database, SettingFaults},
    dialogue::Base,
    knowledge::{Knowledge, load_folder, watch::Watcher},
    store::{
        Store, StoreError,
        backups::{self, Restored},
        sled::{Opened, SledStore},
    },
};

/// A support assistant that helps people take an access card (door card, building pass, 门禁卡) out of the wallet on
/// their phone: in the terminal and on Telegram, in Chinese and English.
#[derive(Debug, Parser)]
#[command(
    version,
    arg_required_else_help = true,
    after_help = "Settings can also be set in the environment or in a file `.env` in this folder; see .env.example."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Talk to the assistant in this terminal; needs no settings
    Chat(chat::Args),
    /// Run the assistant on Telegram
    Serve(serve::Args),
    /// Ask one question, or one per line from standard input
    Ask(ask::Args),
    /// Find every fault of a knowledge base
    Check(check::Args),
    /// Measure the answers on labelled questions
    Eval(eval::Args),
    /// Check whether everything is set up, and say how to repair what is not
    Doctor(doctor::Args),
    /// Export, import, verify or compact the stored chats
    #[command(subcommand)]
    Store(stores::Command),
}

/// Why a command failed, by the exit code it ends with.
#[derive(Debug)]
enum Failure {
    /// 1: what was checked has faults, or something failed.
    Failed(String),
    /// 2: a setting or an argument is wrong.
    Settings(String),
    /// 3: the store cannot be trusted.
    Untrusted(String),
}

impl Failure {
    fn failed(fault: impl fmt::Display) -> Self {
        Self::Failed(fault.to_string())
    }

    fn code(&self) -> u8 {
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

/// Runs the program.
pub fn main() -> ExitCode {
    if let Err(failure) = read_env_file().and_then(|()| run()) {
        // Standard error may be closed.
        let _ = writeln!(anstream::stderr(), "{failure}");
        return ExitCode::from(failure.code());
    }
    ExitCode::SUCCESS
}

/// Variables from `.env` in this folder; those of the real environment win.
fn read_env_file() -> Result<(), Failure> {
    match dotenvy::from_filename(".env") {
        Ok(_) => Ok(()),
        Err(error) if error.not_found() => Ok(()),
        Err(dotenvy::Error::LineParse(line, at)) => {
            // The line may have a secret in it, so only the variable's name is shown.
            let name: String = line
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                .collect();
            Err(Failure::Settings(format!(
                ".env: the line of `{name}` cannot be read (at character {at}); write NAME=value, quoting values with spaces"
            )))
        }
        Err(error) => Err(Failure::Settings(format!(
            ".env: {error}; make it readable, or remove it"
        ))),
    }
}

fn run() -> Result<(), Failure> {
    let matches = Cli::command().get_matches();
    let cli = Cli::from_arg_matches(&matches).map_err(Failure::failed)?;
    match cli.command {
        Command::Chat(args) => runtime()?.block_on(chat::run(args)),
        Command::Serve(args) => runtime()?.block_on(serve::run(args)),
        Command::Ask(args) => ask::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Eval(args) => eval::run(&args),
        Command::Doctor(args) => runtime()?.block_on(doctor::run(args)),
        Command::Store(command) => runtime()?.block_on(stores::run(command)),
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("cannot start threads: {error}")))
}

fn load_base(folder: &Path) -> Result<Base, Failure> {
    load_knowledge(folder).map(Base::new)
}

fn load_knowledge(folder: &Path) -> Result<Knowledge, Failure> {
    load_folder(folder).map_err(|faults| {
        Failure::Settings(format!("the knowledge base cannot be used:\n{faults}"))
    })
}

/// The knowledge base, and a watcher for changes of it.
fn load_watched(folder: &Path) -> Result<(Knowledge, Watcher), Failure> {
    // The watcher comes first, so that it sees a change made while the base is read.
    let watcher = Watcher::new(folder);
    Ok((load_knowledge(folder)?, watcher))
}

/// Opens the store, or replaces a damaged one by its newest backup; `Restored` then says so to the operator.
fn open_or_restore(database: &Database) -> Result<(Opened, Option<Restored>), Failure> {
    let Database::Sled(folder) = database;
    Ok(backups::open(folder, Timestamp::now())?)
}

/// Opens the store; a damaged one stays where it is.
fn open_store(database: &Database) -> Result<Arc<dyn Store>, Failure> {
    let Database::Sled(folder) = database;
    Ok(Arc::new(SledStore::open(folder)?.store))
}

/// Prints to standard output; ends the program without an error when the pipe's reader is gone.
fn print(text: impl fmt::Display) -> Result<(), Failure> {
    writeln!(anstream::stdout(), "{text}").or_else(|error| match error.kind() {
        std::io::ErrorKind::BrokenPipe => std::process::exit(0),
        _ => Err(Failure::failed(format!(
            "cannot write to standard output: {error}"
        ))),
    })
}
