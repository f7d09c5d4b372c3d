//! `check`: prints every fault of a knowledge base with its file, line and repair; exits with 1 if there is one.

use std::path::PathBuf;

use super::common::{Failure, print};
use crate::{config::KnowledgeArgs, knowledge::check_folder};

/// Find every fault of a knowledge base.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    knowledge: KnowledgeArgs,
    /// The folder to check, instead of --knowledge
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let folder = &args
        .folder
        .clone()
        .unwrap_or_else(|| args.knowledge.folder());
    let (knowledge, faults) = check_folder(folder);
    if !faults.0.is_empty() {
        print(faults.to_string().trim_end())?;
        return Err(Failure::failed(format!(
            "{} fault(s) in {}",
            faults.0.len(),
            folder.display()
        )));
    }
    let languages: Vec<_> = knowledge
        .languages()
        .iter()
        .map(ToString::to_string)
        .collect();
    let articles = knowledge
        .entries
        .values()
        .flat_map(|entry| entry.articles.values());
    let phrasings: usize = articles.map(|article| article.questions.len()).sum();
    print(format_args!(
        "{}: no faults; {} entries in {}, {} phrasings, {} guides",
        folder.display(),
        knowledge.entries.len(),
        languages.join(" and "),
        phrasings,
        knowledge.guides.len()
    ))
}
