//! `store`: export, import, verify and compact the stored chats. The service must be stopped meanwhile.

use std::{cmp::Reverse, collections::BTreeMap, path::PathBuf};

use jiff::Timestamp;
use serde::Serialize;

use super::{Failure, open_store, print};
use crate::{
    config::{Database, StoreArgs},
    dialogue::{ChatId, DeadLetter, Vote},
    knowledge::EntryId,
    store::{
        Item, Store, StoreError,
        export::{self, ExportError},
        sled::SledStore,
    },
};

/// Export, import, verify or compact the stored chats.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Write everything into a file
    Export(FileArgs),
    /// Read everything from an exported file into an empty store
    Import(FileArgs),
    /// Read everything and verify its checksums
    Verify(StoreArgs),
    /// Count 👍 and 👎 by entry
    Votes(StoreArgs),
    /// Show the messages the bot failed at through a fault of its own
    Letters(StoreArgs),
    /// Write the store anew, without what it keeps of earlier times
    Compact(StoreArgs),
}

/// A store and a file.
#[derive(Debug, clap::Args)]
pub(super) struct FileArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// The file
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
        Command::Letters(args) => letters(&args).await,
        Command::Compact(args) => compact(&args),
    }
}

async fn export(args: &FileArgs) -> Result<(), Failure> {
    let store = open_store(&existing(&args.store)?)?;
    let written = export::write(store.as_ref(), &args.file, Timestamp::now());
    store.close().await?;
    let written = written?;
    print(format_args!(
        "{}: {} chats and {} unsent replies, written and read back",
        args.file.display(),
        written.chats,
        written.rows
    ))
}

async fn import(args: &FileArgs) -> Result<(), Failure> {
    let file = export::check(&args.file)?;
    let store = open_store(&args.store.database()?)?;
    let imported = export::import(store.as_ref(), &args.file).await;
    store.close().await?;
    imported?;
    print(format_args!(
        "{} chats and {} unsent replies imported",
        file.chats, file.rows
    ))
}

async fn verify(args: &StoreArgs) -> Result<(), Failure> {
    let store = open_store(&existing(args)?)?;
    let found = export::verify(store.as_ref());
    store.close().await?;
    for fault in &found.faults {
        print(fault)?;
    }
    match found.faults.len() {
        0 => print(format_args!(
            "{} chats and {} unsent replies, all whole",
            found.whole.chats, found.whole.rows
        )),
        count => Err(Failure::Untrusted(format!(
            "{count} fault(s); import the newest export into an empty folder"
        ))),
    }
}

/// For authors: which answers help, the least helpful first.
async fn votes(args: &StoreArgs) -> Result<(), Failure> {
    let store = open_store(&existing(args)?)?;
    let counted = count_votes(store.as_ref());
    store.close().await?;
    let mut counted: Vec<_> = counted?.into_iter().collect();
    counted.sort_by_key(|(_, (helpful, not))| Reverse((*not, *helpful)));
    for (entry, (helpful, not)) in counted {
        print(format_args!("👎 {not:>5}  👍 {helpful:>5}  {entry}"))?;
    }
    Ok(())
}

/// For those who mend the bot: what it failed at, the oldest first; an object a line, since what came in may have lines.
async fn letters(args: &StoreArgs) -> Result<(), Failure> {
    let store = open_store(&existing(args)?)?;
    let letters = collect_letters(store.as_ref());
    store.close().await?;
    let mut letters = letters?;
    letters.sort_by_key(|(_, letter)| letter.at);
    for (chat, letter) in letters {
        let line = Letter { chat, letter };
        print(serde_json::to_string(&line).map_err(Failure::failed)?)?;
    }
    Ok(())
}

/// A dead letter, and the chat it is kept with.
#[derive(Serialize)]
struct Letter {
    chat: ChatId,
    #[serde(flatten)]
    letter: DeadLetter,
}

pub(super) fn collect_letters(store: &dyn Store) -> Result<Vec<(ChatId, DeadLetter)>, StoreError> {
    let mut letters = Vec::new();
    for item in store.scan() {
        let Item::Chat(id, chat) = item? else {
            continue;
        };
        let of_chat = chat.record.letters.into_iter();
        letters.extend(of_chat.map(|letter| (id, letter)));
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
    let Database::Sled(folder) = existing(args)?;
    let done = SledStore::compact(&folder)?;
    print(format_args!(
        "{}: {} KiB before, {} KiB now",
        folder.display(),
        done.before / 1024,
        done.after / 1024
    ))
}

/// A store that is there: looking must not make one.
fn existing(args: &StoreArgs) -> Result<Database, Failure> {
    let database = args.database()?;
    let Database::Sled(folder) = &database;
    match folder.is_dir() {
        true => Ok(database),
        false => Err(Failure::Settings(format!(
            "DATABASE_URL: there is no store at {}; name the folder that holds one",
            folder.display()
        ))),
    }
}
