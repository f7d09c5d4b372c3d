//! `serve`: the assistant on Telegram.

use super::Failure;
use crate::config::ServeArgs;

/// Run the assistant on Telegram.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    settings: ServeArgs,
}

pub(super) async fn run(_args: Args) -> Result<(), Failure> {
    Err(Failure::failed("…"))
}
