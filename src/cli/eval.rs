//! `eval`: how well labelled questions are answered, as a table or as JSON; chooses thresholds, and holds a gate.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{Failure, load_base, print};
use crate::{
    config::KnowledgeArgs,
    dialogue::Base,
    knowledge::EntryId,
    matching::{
        Outcome,
        evaluate::{Asked, Measures, Report, ask_all, calibrate, parse_labelled},
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
    /// Print the thresholds these questions ask for, as `thresholds.toml` wants them
    #[arg(long, conflicts_with = "json")]
    calibrate: bool,
    /// Fail unless the least percentages in this file are reached (`[<name of the question file>]`, then `right_first = 90`)
    #[arg(long, value_name = "FILE.toml")]
    gate: Option<PathBuf>,
    /// Say which questions went better or worse than in this run, saved with --json
    #[arg(long, value_name = "RUN.json")]
    compare: Option<PathBuf>,
    /// Tab-separated questions with the header `question<TAB>expected<TAB>style`
    #[arg(required = true, value_name = "FILE.tsv")]
    files: Vec<PathBuf>,
}

/// The JSON of a run.
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

/// Percentages a file of questions must reach; what is left out is not looked at.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Gate {
    right_first: Option<f64>,
    useful: Option<f64>,
    confident_right: Option<f64>,
    near_refused: Option<f64>,
    far_refused: Option<f64>,
    /// The only one that must not be exceeded.
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
    match args.json {
        true => print_json(&files)?,
        false => print_tables(&files)?,
    }
    if let Some(run) = &args.compare {
        compare(run, &files)?;
    }
    args.gate
        .as_deref()
        .map_or(Ok(()), |gate| hold(gate, &files))
}

fn ask_file(base: &Base, file: &Path) -> Result<(PathBuf, Vec<Asked>), Failure> {
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

fn print_tables(files: &[(PathBuf, Vec<Asked>)]) -> Result<(), Failure> {
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

fn print_json(files: &[(PathBuf, Vec<Asked>)]) -> Result<(), Failure> {
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

fn to_answer(asked: &Asked) -> Answer<'_> {
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

/// What is read of a saved run.
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

/// Prints what changed against a saved run, question by question: first what got worse.
fn compare(run: &Path, files: &[(PathBuf, Vec<Asked>)]) -> Result<(), Failure> {
    let wrong = |error: String| {
        Failure::failed(format!(
            "{}: {error}; save a run with `eval … --json`",
            run.display()
        ))
    };
    let text = fs::read_to_string(run).map_err(|error| wrong(error.to_string()))?;
    let saved: SavedRun = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    let before: HashMap<&str, &SavedAnswer> = saved
        .answers
        .iter()
        .map(|answer| (answer.question.as_str(), answer))
        .collect();
    let answers: Vec<_> = files
        .iter()
        .flat_map(|(_, asked)| asked)
        .map(to_answer)
        .collect();
    let pairs: Vec<_> = answers
        .iter()
        .filter_map(|now| Some((*before.get(now.question)?, now)))
        .collect();
    print(format_args!(
        "== against {}: {} questions in both runs",
        run.display(),
        pairs.len()
    ))?;
    for (heading, was, is) in [("worse", true, false), ("better", false, true)] {
        let changed: Vec<_> = pairs
            .iter()
            .filter(|(before, now)| (before.right, now.right) == (was, is))
            .collect();
        print(format_args!("{heading}: {}", changed.len()))?;
        for (before, now) in changed {
            print(change(before, now))?;
        }
    }
    Ok(())
}

fn change(before: &SavedAnswer, now: &Answer<'_>) -> String {
    let found = |id: Option<&str>| id.unwrap_or("–").to_owned();
    let was = format!("{} {}", before.outcome, found(before.found.as_deref()));
    let is = format!(
        "{} {}",
        outcome_name(now.outcome),
        found(now.found.map(EntryId::as_str))
    );
    format!("  {was} → {is}: {}", now.question)
}

fn outcome_name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Answer => "answer",
        Outcome::Suggest => "suggest",
        Outcome::Decline => "decline",
        Outcome::None => "none",
    }
}

/// Holds every file to its gate; a file without one is a fault, so that no gate is passed unseen.
fn hold(gate: &Path, files: &[(PathBuf, Vec<Asked>)]) -> Result<(), Failure> {
    let wrong = |error: String| Failure::failed(format!("{}: {error}", gate.display()));
    let text = fs::read_to_string(gate).map_err(|error| wrong(error.to_string()))?;
    let gates: BTreeMap<String, Gate> =
        toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    let mut missed = Vec::new();
    for (file, asked) in files {
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        let gate = gates
            .get(&*name)
            .ok_or_else(|| wrong(format!("there is no gate `[{name}]`")))?;
        let total = Report::new(asked).total;
        missed.extend(
            gate.missed(&total)
                .into_iter()
                .map(|miss| format!("{}: {miss}", file.display())),
        );
    }
    match missed.is_empty() {
        true => print("every gate is held"),
        false => Err(Failure::failed(missed.join("\n"))),
    }
}

impl Gate {
    fn missed(&self, total: &Measures) -> Vec<String> {
        let least = [
            (
                "right_first",
                self.right_first,
                total.right_first,
                total.in_scope,
            ),
            ("useful", self.useful, total.useful, total.in_scope),
            (
                "confident_right",
                self.confident_right,
                total.confident_right,
                total.confident,
            ),
            (
                "near_refused",
                self.near_refused,
                total.near_refused,
                total.near,
            ),
            (
                "far_refused",
                self.far_refused,
                total.far_refused,
                total.far,
            ),
        ];
        let below = least.into_iter().filter_map(|(name, least, count, of)| {
            let (least, reached) = (least?, share(count, of));
            (reached < least)
                .then(|| format!("{name} is {reached:.1} %, at least {least} is wanted"))
        });
        let wrong = share(total.confidently_wrong, total.questions);
        let above = self.confidently_wrong.filter(|most| wrong > *most);
        below
            .chain(
                above.map(|most| {
                    format!("confidently_wrong is {wrong:.1} %, at most {most} is wanted")
                }),
            )
            .collect()
    }
}

fn share(count: usize, of: usize) -> f64 {
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
        assert_eq!(gate.missed(&good), [] as [&str; 0]);
        let bad = Measures {
            right_first: 89,
            confidently_wrong: 6,
            ..good
        };
        assert_eq!(gate.missed(&bad).len(), 2);
        assert_eq!(
            gate.missed(&Measures::default()).len(),
            1,
            "no questions reach nothing"
        );
    }
}
