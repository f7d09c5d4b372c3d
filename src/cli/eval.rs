//! `eval`: measures the answers to labelled questions and prints a table or JSON. It can also choose thresholds, compare
//! with an earlier run, and check a gate of required percentages.

use std::{
    collections::{BTreeMap, HashMap},
    fmt, fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::common::{Failure, load_base, print};
use crate::{
    config::KnowledgeArgs,
    dialogue::Base,
    knowledge::EntryId,
    matching::{
        Outcome,
        evaluate::{AskedQuestion, Measures, Report, ask_all, calibrate, parse_labelled},
    },
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

#[derive(Serialize)]
struct Answer<'a> {
    question: &'a str,
    expected: &'a [EntryId],
    style: &'a str,
    outcome: Outcome,
    found: Option<&'a EntryId>,
    confidence: f32,
    /// In scope: the right entry is first. Out of scope: it is not answered.
    right: bool,
}

/// The percentages that a file of questions must reach; those left out are not checked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Gate {
    right_first: Option<f64>,
    useful: Option<f64>,
    confident_right: Option<f64>,
    near_refused: Option<f64>,
    far_refused: Option<f64>,
    /// A maximum; the others are minimums.
    confidently_wrong: Option<f64>,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let base = load_base(&args.knowledge.knowledge)?;
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
    let text = fs::read_to_string(file)
        .map_err(|error| Failure::failed(format!("{}: {error}", file.display())))?;
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

fn to_answer(asked: &AskedQuestion) -> Answer<'_> {
    Answer {
        question: &asked.labelled.question,
        expected: &asked.labelled.expected,
        style: &asked.labelled.style,
        outcome: asked.finding.outcome,
        found: asked
            .finding
            .candidates
            .first()
            .map(|candidate| &candidate.entry),
        confidence: asked.evidence.confidence(),
        right: asked.is_right(),
    }
}

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
fn compare_runs(run: &Path, files: &[(PathBuf, Vec<AskedQuestion>)]) -> Result<(), Failure> {
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
    let wrong = |error: &dyn fmt::Display| {
        Failure::failed(format!(
            "{}: {error}; save a run with `eval … --json`",
            run.display()
        ))
    };
    let text = fs::read_to_string(run).map_err(|error| wrong(&error))?;
    serde_json::from_str(&text).map_err(|error| wrong(&error))
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

/// Checks every file of questions against its gate; a file without one is a fault, so that none is skipped unnoticed.
fn check_gates(gate: &Path, files: &[(PathBuf, Vec<AskedQuestion>)]) -> Result<(), Failure> {
    let gates = read_gates(gate)?;
    let mut misses = Vec::new();
    for (file, asked) in files {
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        let Some(required) = gates.get(&*name) else {
            let gate = gate.display();
            return Err(Failure::failed(format!(
                "{gate}: there is no gate `[{name}]`"
            )));
        };
        let total = Report::new(asked).total;
        let missed = required.missed(&total);
        misses.extend(missed.map(|miss| format!("{}: {miss}", file.display())));
    }
    if misses.is_empty() {
        print("every gate is held")
    } else {
        Err(Failure::failed(misses.join("\n")))
    }
}

fn read_gates(gate: &Path) -> Result<BTreeMap<String, Gate>, Failure> {
    let wrong = |error: &dyn fmt::Display| Failure::failed(format!("{}: {error}", gate.display()));
    let text = fs::read_to_string(gate).map_err(|error| wrong(&error))?;
    toml::from_str(&text).map_err(|error| wrong(&error))
}

impl Gate {
    /// What falls short of this gate.
    fn missed(&self, total: &Measures) -> impl Iterator<Item = String> {
        let in_scope = total.in_scope;
        [
            miss_of_minimum("right_first", self.right_first, total.right_first, in_scope),
            miss_of_minimum("useful", self.useful, total.useful, in_scope),
            miss_of_minimum(
                "confident_right",
                self.confident_right,
                total.confident_right,
                total.confident,
            ),
            miss_of_minimum(
                "near_refused",
                self.near_refused,
                total.near_refused,
                total.near,
            ),
            miss_of_minimum(
                "far_refused",
                self.far_refused,
                total.far_refused,
                total.far,
            ),
            self.missed_maximum(total),
        ]
        .into_iter()
        .flatten()
    }

    fn missed_maximum(&self, total: &Measures) -> Option<String> {
        let most = self.confidently_wrong?;
        let wrong = percentage(total.confidently_wrong, total.questions);
        (wrong > most)
            .then(|| format!("confidently_wrong is {wrong:.1} %, at most {most} is required"))
    }
}

fn miss_of_minimum(name: &str, least: Option<f64>, count: usize, of: usize) -> Option<String> {
    let (least, reached) = (least?, percentage(count, of));
    (reached < least).then(|| format!("{name} is {reached:.1} %, at least {least} is required"))
}

fn percentage(count: usize, of: usize) -> f64 {
    if of == 0 {
        0.0
    } else {
        100.0 * count as f64 / of as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_is_held_or_missed_by_name() {
        let gate: Gate = toml::from_str("right_first = 90\nconfidently_wrong = 5").expect("a gate");
        let good = Measures {
            questions: 100,
            in_scope: 100,
            right_first: 90,
            confidently_wrong: 5,
            ..Measures::default()
        };
        assert_eq!(gate.missed(&good).collect::<Vec<_>>(), [] as [&str; 0]);
        let bad = Measures {
            right_first: 89,
            confidently_wrong: 6,
            ..good
        };
        assert_eq!(gate.missed(&bad).count(), 2);
        assert_eq!(
            gate.missed(&Measures::default()).count(),
            1,
            "no questions reach nothing"
        );
    }
}
