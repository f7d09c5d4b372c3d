//! `eval`: how well labelled questions are answered.

use std::path::PathBuf;

use super::Failure;
use crate::config::KnowledgeArgs;

/// Measure the answers on labelled questions.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    knowledge: KnowledgeArgs,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
    /// Tab-separated questions with the header `question<TAB>expected<TAB>style`
    #[arg(required = true, value_name = "FILE.tsv")]
    files: Vec<PathBuf>,
}

pub(super) fn run(_args: &Args) -> Result<(), Failure> {
    Err(Failure::failed("…"))
}
