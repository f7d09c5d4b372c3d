//! `doctor`: looks whether everything is set up.

use super::Failure;
use crate::config::ServeArgs;

/// Look whether everything is set up, and say what to do.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    settings: ServeArgs,
}

pub(super) async fn run(_args: Args) -> Result<(), Failure> {
    Err(Failure::failed("…"))
}
