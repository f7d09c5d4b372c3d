//! `--gate`: whether the percentages reach those that a file requires.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use crate::{
    cli::common::{Failure, print, read_argument},
    matching::evaluate::{AskedQuestion, Measures, Report},
};

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

/// Checks every file of questions against its gate; a file without one is a fault, so that none is skipped unnoticed.
pub(super) fn check_gates(
    gate: &Path,
    files: &[(PathBuf, Vec<AskedQuestion>)],
) -> Result<(), Failure> {
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
        print("every gate is passed")
    } else {
        Err(Failure::failed(misses.join("\n")))
    }
}

fn read_gates(gate: &Path) -> Result<BTreeMap<String, Gate>, Failure> {
    toml::from_str(&read_argument(gate)?)
        .map_err(|error| Failure::failed(format!("{}: {error}", gate.display())))
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
