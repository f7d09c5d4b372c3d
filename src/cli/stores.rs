//! `store`: export, import, verify and compact the stored chats.

use std::path::PathBuf;

use super::Failure;
use crate::config::StoreArgs;

/// Export, import, verify or compact the stored chats.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Write everything into a file
    Export(FileArgs),
    /// Read everything from a file into an empty store
    Import(FileArgs),
    /// Read everything and verify its checksums
    Verify(StoreArgs),
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

pub(super) async fn run(_command: Command) -> Result<(), Failure> {
    Err(Failure::failed("…"))
}
