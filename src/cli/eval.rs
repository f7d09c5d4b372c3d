//! `eval`: measures the answers to labelled questions and prints a table or JSON. `compare` compares with an earlier run,
//! `gate` checks required percentages.

mod answer;
mod compare;
mod gate;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::Serialize;

use self::{
    answer::{Answer, to_answer},
    compare::compare_runs,
    gate::check_gates,
};
use super::common::{Failure, load_base, print, read_argument};
use crate::{
    config::KnowledgeArgs,
    dialogue::Base,
    matching::evaluate::{AskedQuestion, Report, ask_all, calibrate, parse_labelled},
};

/// Measure the answers on labelled questions.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    knowledge: KnowledgeArgs,
    /// Print the report as JSON, question by question
    #[arg(long)]
    json: bool,
    /// Print the best thresholds for these questions, in the format of `thresholds.toml`
    #[arg(long, conflicts_with = "json")]
    calibrate: bool,
    /// Fail if a percentage is worse than this file requires (`[<name of the question file>]`, then `right_first = 90`)
    #[arg(long, value_name = "FILE.toml")]
    gate: Option<PathBuf>,
    /// List the questions answered better or worse than in this run, saved with --json
    #[arg(long, value_name = "RUN.json")]
    compare: Option<PathBuf>,
    /// Tab-separated questions with the header `question<TAB>expected<TAB>style`
    #[arg(required = true, value_name = "FILE.tsv")]
    files: Vec<PathBuf>,
}

/// The output of --json.
#[derive(Serialize)]
struct Run<'a> {
    #[serde(flatten)]
    all: Report,
    files: BTreeMap<String, Report>,
    answers: Vec<Answer<'a>>,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let base = load_base(&args.knowledge.folder())?;
    let files = args
        .files
        .iter()
        .map(|file| ask_file(&base, file))
        .collect::<Result<Vec<_>, _>>()?;
    if args.calibrate {
        let asked: Vec<_> = files.into_iter().flat_map(|(_, asked)| asked).collect();
        let chosen = toml::to_string(&calibrate(&asked)).map_err(Failure::failed)?;
        return print(chosen.trim_end());
    }
    if args.json {
        print_json(&files)?;
    } else {
        print_tables(&files)?;
    }
    if let Some(run) = &args.compare {
        compare_runs(run, &files)?;
    }
    if let Some(gate) = &args.gate {
        check_gates(gate, &files)?;
    }
    Ok(())
}

fn ask_file(base: &Base, file: &Path) -> Result<(PathBuf, Vec<AskedQuestion>), Failure> {
    let text = read_argument(file)?;
    let labelled = parse_labelled(&text, &base.knowledge).map_err(|faults| {
        let lines: Vec<_> = faults
            .iter()
            .map(|fault| format!("{}: {fault}", file.display()))
            .collect();
        Failure::failed(lines.join("\n"))
    })?;
    Ok((file.to_owned(), ask_all(&base.matcher, &labelled)))
}

fn print_tables(files: &[(PathBuf, Vec<AskedQuestion>)]) -> Result<(), Failure> {
    for (file, asked) in files {
        print(format_args!(
            "== {} ({} questions)\n{}",
            file.display(),
            asked.len(),
            Report::new(asked)
        ))?;
    }
    Ok(())
}

fn print_json(files: &[(PathBuf, Vec<AskedQuestion>)]) -> Result<(), Failure> {
    let all: Vec<_> = files.iter().flat_map(|(_, asked)| asked).cloned().collect();
    let run = Run {
        all: Report::new(&all),
        files: files
            .iter()
            .map(|(file, asked)| (file.display().to_string(), Report::new(asked)))
            .collect(),
        answers: all.iter().map(to_answer).collect(),
    };
    print(serde_json::to_string(&run).map_err(Failure::failed)?)
}
