//! `--compare`: which questions are answered better or worse than in a saved run.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::answer::{Answer, to_answer};
use crate::{
    cli::common::{Failure, print, read_argument},
    knowledge::EntryId,
    matching::evaluate::AskedQuestion,
};

/// The part of a saved run that is compared.
#[derive(Deserialize)]
struct SavedRun {
    answers: Vec<SavedAnswer>,
}

#[derive(Deserialize)]
struct SavedAnswer {
    question: String,
    outcome: String,
    found: Option<String>,
    right: bool,
}

/// Prints which questions changed since a saved run: first those that got worse.
pub(super) fn compare_runs(
    run: &Path,
    files: &[(PathBuf, Vec<AskedQuestion>)],
) -> Result<(), Failure> {
    let saved = read_run(run)?;
    let before: HashMap<&str, &SavedAnswer> = saved
        .answers
        .iter()
        .map(|answer| (answer.question.as_str(), answer))
        .collect();
    let answers = files.iter().flat_map(|(_, asked)| asked).map(to_answer);
    let pairs: Vec<_> = answers
        .filter_map(|now| Some((*before.get(now.question)?, now)))
        .collect();
    print(format_args!(
        "== against {}: {} questions in both runs",
        run.display(),
        pairs.len()
    ))?;
    print_changes("worse", &pairs, |before, now| before && !now)?;
    print_changes("better", &pairs, |before, now| !before && now)
}

fn read_run(run: &Path) -> Result<SavedRun, Failure> {
    serde_json::from_str(&read_argument(run)?).map_err(|error| {
        Failure::failed(format!(
            "{}: {error}; save a run with `eval … --json`",
            run.display()
        ))
    })
}

fn print_changes(
    heading: &str,
    pairs: &[(&SavedAnswer, Answer<'_>)],
    is_change: fn(bool, bool) -> bool,
) -> Result<(), Failure> {
    let changed: Vec<_> = pairs
        .iter()
        .filter(|(before, now)| is_change(before.right, now.right))
        .collect();
    print(format_args!("{heading}: {}", changed.len()))?;
    for (before, now) in changed {
        print(describe_change(before, now))?;
    }
    Ok(())
}

fn describe_change(before: &SavedAnswer, now: &Answer<'_>) -> String {
    let found_before = before.found.as_deref().unwrap_or("–");
    let found_now = now.found.map_or("–", EntryId::as_str);
    format!(
        "  {} {found_before} → {} {found_now}: {}",
        before.outcome,
        now.outcome.as_str(),
        now.question
    )
}
