//! Explains an answer to the author of a base: the tokens that were read, the weight of each, the scores of the best
//! entries, and the threshold that decided.

use std::fmt;

use super::{
    decision::{DecisionReason, Evidence, decide},
    finding::{Finding, Outcome},
    matcher::Matcher,
    normalize::Token,
    tokenizer::Tokenized,
};
use crate::knowledge::Thresholds;

/// Entries whose scores are shown.
const MAX_SCORES: usize = 5;

#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    pub outcome: Outcome,
    /// Which threshold decided.
    pub reason: DecisionReason,
    /// The confidence of the best entry, from 0 to 1.
    pub confidence: f32,
    /// The share of the question that the base knows, from 0 to 1.
    pub coverage: f32,
    pub thresholds: Thresholds,
    /// The parts of the question as they were read, in order.
    pub parts: Vec<TokenWeight>,
    /// Words whose spelling was corrected: as typed, and as read.
    pub corrections: Vec<(String, String)>,
    /// The concepts of the vocabulary that were found, each by its plainest word.
    pub concepts: Vec<String>,
    /// The best entries, best first.
    pub scores: Vec<Score>,
}

/// A part of a question: a word, a Han character, or a syllable.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenWeight {
    /// As it was read; a syllable of pinyin is shown as `~`.
    pub text: String,
    /// How much the best entry's probability falls without this token; negative if the token favours another entry.
    pub weight: f32,
}

/// The score of an entry.
#[derive(Debug, Clone, PartialEq)]
pub struct Score {
    pub entry: String,
    pub probability: f32,
    /// The classifier's logit.
    pub logit: f32,
    /// BM25's share of the question, from 0 to 1.
    pub share: f32,
}

impl Matcher {
    /// Finds what a question is about, and explains why. Slower than [`Matcher::find`]: the question is scored once more for
    /// each part that is left out.
    pub fn explain(&self, question: &str) -> (Finding, Explanation) {
        let (finding, evidence) = self.find_with_evidence(question);
        let tokenized = self.tokenize(question);
        let decision = decide(evidence, self.thresholds);
        let concepts = tokenized.concepts.iter();
        let explanation = Explanation {
            outcome: decision.outcome,
            reason: decision.reason,
            confidence: evidence.confidence(),
            coverage: evidence.coverage,
            thresholds: self.thresholds,
            parts: self.weigh_parts(&tokenized, evidence),
            concepts: concepts
                .map(|concept| self.tokenizer.concept_name(*concept).to_owned())
                .collect(),
            scores: self.best_scores(&tokenized),
            corrections: tokenized.corrections,
        };
        (finding, explanation)
    }

    fn best_scores(&self, tokenized: &Tokenized) -> Vec<Score> {
        let vector = self.vector(tokenized);
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
        scores.truncate(MAX_SCORES);
        scores
    }

    fn weigh_parts(&self, tokenized: &Tokenized, evidence: Evidence) -> Vec<TokenWeight> {
        let best = self.best_entry(tokenized);
        let part = |index: usize| {
            let rest = self.tokenizer.without_token(tokenized, index);
            let without = best.map_or(0.0, |best| {
                self.scorer.probabilities(&self.vector(&rest))[best]
            });
            TokenWeight {
                text: text_of(&tokenized.tokens[index]),
                weight: evidence.best - without,
            }
        };
        (0..tokenized.tokens.len()).map(part).collect()
    }

    fn best_entry(&self, tokenized: &Tokenized) -> Option<usize> {
        let scores = self.scorer.probabilities(&self.vector(tokenized));
        (0..scores.len()).max_by(|&a, &b| scores[a].total_cmp(&scores[b]).then(b.cmp(&a)))
    }
}

fn text_of(token: &Token) -> String {
    match token {
        Token::Word(word) => word.clone(),
        Token::Han(c) => c.to_string(),
        Token::Sound(_) => "~".to_owned(),
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
        for (typed, read) in &self.corrections {
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
    use crate::matching::matcher::test_base;

    #[test]
    fn an_explanation_says_what_was_read_and_what_it_weighed() {
        let matcher = Matcher::new(&test_base());
        let (finding, explanation) = matcher.explain("unbnid my card");
        assert_eq!(
            explanation.scores[0].entry,
            finding.candidates[0].entry.as_str()
        );
        assert_eq!(
            explanation.corrections,
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
                DecisionReason::NothingKnown,
                "{text}"
            );
        }
    }
}
