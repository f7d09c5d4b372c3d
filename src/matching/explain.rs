//! Tells the author of a base why a question was answered as it was: what was read, what each part of it weighed, how
//! the first entries scored, and which threshold decided.

use std::fmt;

use serde::Serialize;

use super::{
    Finding, Matcher, Outcome,
    decision::{Evidence, Reason, decide},
    tokens::{Reading, Unit},
};
use crate::knowledge::Thresholds;

/// Entries whose scores are shown.
const SHOWN: usize = 5;

/// Why a question was answered as it was.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// What was made of it.
    pub outcome: Outcome,
    /// Which threshold decided.
    pub reason: Reason,
    /// How sure the matcher is of the best entry, from 0 to 1.
    pub confidence: f32,
    /// The share of the question the base has words for, from 0 to 1.
    pub coverage: f32,
    /// What it was measured against.
    pub thresholds: Thresholds,
    /// The parts of the question as they were read, in order.
    pub parts: Vec<Part>,
    /// Words that were corrected: as typed, and as read.
    pub repairs: Vec<(String, String)>,
    /// Concepts of the vocabulary that were found, by their plainest word.
    pub concepts: Vec<String>,
    /// The best entries, best first.
    pub scores: Vec<Score>,
}

/// A part of a question: a word, a Han character, or a syllable.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Part {
    /// As it was read; syllables of pinyin are shown as `~`.
    pub text: String,
    /// By how much the best entry's probability would sink without it; negative, if it spoke for another.
    pub weight: f32,
}

/// How an entry scored.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Score {
    /// The entry.
    pub entry: String,
    /// Its probability.
    pub probability: f32,
    /// The classifier's part: its logit.
    pub logit: f32,
    /// BM25's part: the share of the question it has, from 0 to 1.
    pub share: f32,
}

impl Matcher {
    /// Finds what a question is about, and says why. Slower than [`Matcher::find`]: each part is left out once.
    pub fn explain(&self, question: &str) -> (Finding, Explanation) {
        let (finding, evidence) = self.find_with_evidence(question);
        let reading = self.read(question);
        let decision = decide(evidence, self.thresholds);
        let explanation = Explanation {
            outcome: decision.outcome,
            reason: decision.reason,
            confidence: evidence.confidence(),
            coverage: evidence.coverage,
            thresholds: self.thresholds,
            parts: self.parts(&reading, evidence),
            concepts: reading
                .concepts
                .iter()
                .map(|concept| self.reader.concept_name(*concept).to_owned())
                .collect(),
            scores: self.scores(&reading),
            repairs: reading.repairs,
        };
        (finding, explanation)
    }

    fn scores(&self, reading: &Reading) -> Vec<Score> {
        let vector = self.vector(reading);
        let probabilities = self.scorer.probabilities(&vector);
        let parts = self.scorer.parts(&vector);
        let mut scores: Vec<Score> = Vec::new();
        for ((entry, probability), (logit, share)) in
            self.entries.iter().zip(probabilities).zip(parts)
        {
            scores.push(Score {
                entry: entry.id.to_string(),
                probability,
                logit,
                share,
            });
        }
        scores.sort_by(|a, b| b.probability.total_cmp(&a.probability));
        scores.truncate(SHOWN);
        scores
    }

    fn parts(&self, reading: &Reading, evidence: Evidence) -> Vec<Part> {
        let best = self.best_entry(reading);
        let part = |place: usize| {
            let left = self.reader.without_unit(reading, place);
            let without = best.map_or(0.0, |best| {
                self.scorer.probabilities(&self.vector(&left))[best]
            });
            Part {
                text: shown(&reading.units[place]),
                weight: evidence.best - without,
            }
        };
        (0..reading.units.len()).map(part).collect()
    }

    fn best_entry(&self, reading: &Reading) -> Option<usize> {
        let scores = self.scorer.probabilities(&self.vector(reading));
        (0..scores.len()).max_by(|&a, &b| scores[a].total_cmp(&scores[b]).then(b.cmp(&a)))
    }
}

fn shown(unit: &Unit) -> String {
    match unit {
        Unit::Word(word) => word.clone(),
        Unit::Han(c) => c.to_string(),
        Unit::Sound(_) => "~".to_owned(),
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Thresholds {
            answer,
            suggest,
            margin,
        } = self.thresholds;
        writeln!(f, "{}", self.reason)?;
        writeln!(
            f,
            "confidence {:.2} (answer from {answer:.2}, suggest from {suggest:.2}, margin {margin:.2}), coverage {:.2}",
            self.confidence, self.coverage
        )?;
        let parts: Vec<_> = self
            .parts
            .iter()
            .map(|part| format!("{} {:+.2}", part.text, part.weight))
            .collect();
        writeln!(f, "read: {}", parts.join(" · "))?;
        for (typed, read) in &self.repairs {
            writeln!(f, "spelling: {typed} → {read}")?;
        }
        if !self.concepts.is_empty() {
            writeln!(f, "vocabulary: {}", self.concepts.join(" · "))?;
        }
        for Score {
            entry,
            probability,
            logit,
            share,
        } in &self.scores
        {
            writeln!(
                f,
                "{probability:>6.3}  {entry:<40} classifier {logit:>6.2}  bm25 {share:.2}"
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matching::test_base;

    #[test]
    fn an_explanation_says_what_was_read_and_what_it_weighed() {
        let matcher = Matcher::new(&test_base());
        let (finding, explanation) = matcher.explain("unbnid my card");
        assert_eq!(
            explanation.scores[0].entry,
            finding.candidates[0].entry.as_str()
        );
        assert_eq!(
            explanation.repairs,
            [("unbnid".to_owned(), "unbind".to_owned())]
        );
        let weights: Vec<f32> = explanation.parts.iter().map(|part| part.weight).collect();
        assert!(weights[0] > weights[1], "{explanation}");
        assert!(
            explanation
                .to_string()
                .contains("spelling: unbnid → unbind")
        );
    }

    #[test]
    fn nothing_is_explained_as_nothing() {
        let matcher = Matcher::new(&test_base());
        for text in ["", "👍", "！？"] {
            assert_eq!(
                matcher.explain(text).1.reason,
                Reason::NothingKnown,
                "{text}"
            );
        }
    }
}
