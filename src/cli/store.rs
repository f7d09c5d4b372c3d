//! `store`: export, import, verify and compact the stored chats, while the service is stopped.

use std::{cmp::Reverse, collections::BTreeMap, io::Write, path::PathBuf};

use jiff::Timestamp;
use serde::Serialize;

use super::common::{Failure, open_store, output_failure, print};
use crate::{
    config::{Database, StoreArgs},
    dialogue::{ChatId, DeadLetter, Vote},
    knowledge::EntryId,
    store::{
        Item, Store, StoreError,
        backups::Backups,
        export::{self, ExportError, ExportFile, Target},
        sled::SledStore,
    },
};

/// Export, import, verify or compact the stored chats.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Write all chats into a file
    Export(FileArgs),
    /// Read an exported file into an empty store
    Import(FileArgs),
    /// Read everything and check it for damage
    Verify(StoreArgs),
    /// Count 👍 and 👎 for each entry
    Votes(StoreArgs),
    /// Show the messages the bot could not process because of a bug
    #[command(alias = "letters")]
    DeadLetters(StoreArgs),
    /// Rewrite the store to make its files smaller
    Compact(StoreArgs),
}

#[derive(Debug, clap::Args)]
pub(super) struct FileArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// The exported file, or `-` for standard output or input
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl From<ExportError> for Failure {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::Store(error) => error.into(),
            other => Self::failed(other),
        }
    }
}

pub(super) async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Export(args) => export(&args).await,
        Command::Import(args) => import(&args).await,
        Command::Verify(args) => verify(&args).await,
        Command::Votes(args) => votes(&args).await,
        Command::DeadLetters(args) => dead_letters(&args).await,
        Command::Compact(args) => compact(&args),
    }
}

async fn export(args: &FileArgs) -> Result<(), Failure> {
    let database = existing_database(&args.store)?;
    let target = Target::at(&args.file)?;
    let (is_output, is_file) = match &target {
        Target::File(_) => (false, true),
        Target::Stream { .. } => (false, false),
        Target::StandardOutput(_) => (true, false),
    };
    let store = open_store(&database)?;
    let written = export::write_to(store.as_ref(), target, Timestamp::now());
    store.close().await?;
    let summary = match written {
        Err(ExportError::File { error, .. }) if is_output => return Err(output_failure(&error)),
        written => written?,
    };
    let done = format!(
        "{}: {} chats and {} unsent replies, written{}",
        args.file.display(),
        summary.chats,
        summary.rows,
        if is_file { " and verified" } else { "" }
    );
    if is_output {
        // Standard output has the export. Standard error may be closed.
        let _ = writeln!(anstream::stderr(), "{done}");
        return Ok(());
    }
    print(done)
}

async fn import(args: &FileArgs) -> Result<(), Failure> {
    let file = ExportFile::open(&args.file)?;
    let found = file.check()?;
    let store = open_store(&args.store.database()?)?;
    let imported = file.import(store.as_ref()).await;
    store.close().await?;
    imported?;
    print(format_args!(
        "{} chats and {} unsent replies imported",
        found.chats, found.rows
    ))
}

async fn verify(args: &StoreArgs) -> Result<(), Failure> {
    let database = existing_database(args)?;
    let Database::Sled(folder) = &database;
    let store = open_store(&database)?;
    let found = export::verify(store.as_ref());
    let newer = Backups::in_folder(folder).find_newer_than(store.as_ref(), Timestamp::now());
    store.close().await?;
    if let Some(newer) = newer {
        print(newer)?;
    }
    for fault in &found.faults {
        print(fault)?;
    }
    match found.faults.len() {
        0 => print(format_args!(
            "{} chats and {} unsent replies, no damage found",
            found.intact.chats, found.intact.rows
        )),
        count => Err(Failure::Untrusted(format!(
            "{count} fault(s); import the newest export into an empty folder"
        ))),
    }
}

/// Prints the votes for each entry, those with the most 👎 first.
async fn votes(args: &StoreArgs) -> Result<(), Failure> {
    let store = open_store(&existing_database(args)?)?;
    let counted = count_votes(store.as_ref());
    store.close().await?;
    let mut votes: Vec<_> = counted?.into_iter().collect();
    votes.sort_by_key(|(_, (helpful, not))| Reverse((*not, *helpful)));
    for (entry, (helpful, not)) in votes {
        print(format_args!("👎 {not:>5}  👍 {helpful:>5}  {entry}"))?;
    }
    Ok(())
}

/// Prints the dead letters, the oldest first, one JSON object on a line.
async fn dead_letters(args: &StoreArgs) -> Result<(), Failure> {
    let store = open_store(&existing_database(args)?)?;
    let collected = collect_dead_letters(store.as_ref());
    store.close().await?;
    let mut letters = collected?;
    letters.sort_by_key(|(_, letter)| letter.at);
    for (chat, letter) in letters {
        let line = DeadLetterLine { chat, letter };
        print(serde_json::to_string(&line).map_err(Failure::failed)?)?;
    }
    Ok(())
}

/// A dead letter, and the chat it is kept with.
#[derive(Serialize)]
struct DeadLetterLine {
    chat: ChatId,
    #[serde(flatten)]
    letter: DeadLetter,
}

pub(super) fn collect_dead_letters(
    store: &dyn Store,
) -> Result<Vec<(ChatId, DeadLetter)>, StoreError> {
    let mut letters = Vec::new();
    for item in store.scan() {
        let Item::Chat(id, chat) = item? else {
            continue;
        };
        letters.extend(
            chat.record
                .dead_letters
                .into_iter()
                .map(|letter| (id, letter)),
        );
    }
    Ok(letters)
}

fn count_votes(store: &dyn Store) -> Result<BTreeMap<EntryId, (u64, u64)>, StoreError> {
    let mut counted: BTreeMap<EntryId, (u64, u64)> = BTreeMap::new();
    for item in store.scan() {
        let Item::Chat(_, chat) = item? else { continue };
        for (entry, vote) in chat.record.votes {
            let (helpful, not) = counted.entry(entry).or_default();
            match vote {
                Vote::Helpful => *helpful += 1,
                Vote::NotHelpful => *not += 1,
            }
        }
    }
    Ok(counted)
}

fn compact(args: &StoreArgs) -> Result<(), Failure> {
    let Database::Sled(folder) = existing_database(args)?;
    let done = SledStore::compact(&folder)?;
    print(format_args!(
        "{}: {} KiB before, {} KiB now",
        folder.display(),
        done.before / 1024,
        done.after / 1024
    ))
}

/// The database, if there is one already: a command that reads must not create it.
fn existing_database(args: &StoreArgs) -> Result<Database, Failure> {
    let database = args.database()?;
    let Database::Sled(folder) = &database;
    if folder.is_dir() {
        return Ok(database);
    }
    Err(Failure::Settings(format!(
        "DATABASE_URL: there is no store at {}; name the folder of an existing one",
        folder.display()
    )))
}
