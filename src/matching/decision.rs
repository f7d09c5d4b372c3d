//! Decides the outcome from the scores: answer, decline, suggest, or not known.
//!
//! The probability alone is too high for short questions and for questions full of unknown words. The confidence is
//! therefore a logistic function of several signals, fitted (Platt 1999) on questions that the base had not seen, some of
//! them out of scope.

use std::fmt;

use super::finding::Outcome;
use crate::knowledge::Thresholds;

/// For bases without thresholds of their own: those of the shipped base, rounded.
pub const DEFAULT_THRESHOLDS: Thresholds = Thresholds {
    answer: 0.9,
    suggest: 0.15,
    margin: 0.0,
};

/// The confidence, in logits, of a question without any signal.
const BIAS: f32 = -3.4;
/// Weight of the probability's log odds; below 1, since softmax is over-confident.
const LOG_ODDS_WEIGHT: f32 = 0.73;
/// Weight of the coverage, which recognises questions about something else.
const COVERAGE_WEIGHT: f32 = 1.3;
/// Weight of the length, ln(tokens + 1): the longer a question, the more its probability means.
const LENGTH_WEIGHT: f32 = 0.45;
/// Weight of the score: a high probability at a low score only means that the other entries fit even less.
const SCORE_WEIGHT: f32 = 0.18;
/// Keeps the log odds finite.
const MIN_DOUBT: f32 = 1e-6;

/// What the outcome is decided from.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Evidence {
    /// The best entry's probability.
    pub best: f32,
    /// The best entry's score: the logit before softmax.
    pub score: f32,
    /// Whether the best entry declines.
    pub declines: bool,
    /// The probability of the next entry with another outcome: if the best declines, of the best that does not.
    pub runner_up: f32,
    /// The share of the question the base has words for, from 0 to 1.
    pub coverage: f32,
    /// Words, Han characters and syllables of the question, without numbers.
    pub tokens: usize,
}

impl Evidence {
    fn knows_nothing(&self) -> bool {
        self.tokens == 0 || self.coverage == 0.0
    }

    /// How sure it is that the best entry is right, from 0 to 1.
    pub fn confidence(&self) -> f32 {
        if self.knows_nothing() {
            return 0.0;
        }
        let probability = self.best.clamp(MIN_DOUBT, 1.0 - MIN_DOUBT);
        let log_odds = (probability / (1.0 - probability)).ln();
        let length = (self.tokens as f32 + 1.0).ln();
        let sum = BIAS
            + LOG_ODDS_WEIGHT * log_odds
            + COVERAGE_WEIGHT * self.coverage
            + LENGTH_WEIGHT * length
            + SCORE_WEIGHT * self.score;
        1.0 / (1.0 + (-sum).exp())
    }
}

/// An outcome and its reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    pub outcome: Outcome,
    pub reason: DecisionReason,
}

/// Which threshold decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecisionReason {
    /// Confident enough, and far enough ahead.
    Sure,
    /// Confident enough, but the runner-up is too near.
    TooClose,
    /// Not confident enough to answer.
    Unsure,
    /// Not confident enough to suggest.
    TooUnsure,
    /// Nothing in the question is known.
    NothingKnown,
}

impl fmt::Display for DecisionReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DecisionReason::Sure => "answered or declined: above `answer`, and ahead by `margin`",
            DecisionReason::TooClose => "suggested: above `answer`, but not ahead by `margin`",
            DecisionReason::Unsure => "suggested: below `answer`",
            DecisionReason::TooUnsure => "not known: below `suggest`",
            DecisionReason::NothingKnown => "not known: no phrasing has any of it",
        })
    }
}

/// Decides the outcome.
pub fn decide(evidence: Evidence, thresholds: Thresholds) -> Decision {
    let confidence = evidence.confidence();
    let ahead = evidence.best - evidence.runner_up >= thresholds.margin;
    let (outcome, reason) = if evidence.knows_nothing() {
        (Outcome::None, DecisionReason::NothingKnown)
    } else if confidence < thresholds.suggest {
        (Outcome::None, DecisionReason::TooUnsure)
    } else if confidence < thresholds.answer {
        (Outcome::Suggest, DecisionReason::Unsure)
    } else if !ahead {
        (Outcome::Suggest, DecisionReason::TooClose)
    } else if evidence.declines {
        (Outcome::Decline, DecisionReason::Sure)
    } else {
        (Outcome::Answer, DecisionReason::Sure)
    };
    Decision { outcome, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(evidence: Evidence) -> Outcome {
        decide(evidence, DEFAULT_THRESHOLDS).outcome
    }

    const SURE: Evidence = Evidence {
        best: 0.97,
        score: 12.0,
        declines: false,
        runner_up: 0.01,
        coverage: 1.0,
        tokens: 6,
    };

    #[test]
    fn a_clear_lead_answers_and_a_tie_asks_back() {
        assert_eq!(outcome(SURE), Outcome::Answer);
        assert_eq!(
            outcome(Evidence {
                declines: true,
                ..SURE
            }),
            Outcome::Decline
        );
        assert_eq!(
            outcome(Evidence {
                best: 0.5,
                runner_up: 0.49,
                ..SURE
            }),
            Outcome::Suggest
        );
    }

    #[test]
    fn confidence_grows_with_every_signal() {
        let confidence = SURE.confidence();
        assert!(Evidence { best: 0.9, ..SURE }.confidence() < confidence);
        assert!(
            Evidence {
                coverage: 0.5,
                ..SURE
            }
            .confidence()
                < confidence
        );
        assert!(Evidence { tokens: 1, ..SURE }.confidence() < confidence);
        assert!(Evidence { score: 3.0, ..SURE }.confidence() < confidence);
    }

    #[test]
    fn nothing_known_is_not_knowing_however_high_the_score() {
        for nothing in [
            Evidence::default(),
            Evidence {
                coverage: 0.0,
                ..SURE
            },
            Evidence { tokens: 0, ..SURE },
        ] {
            assert_eq!(outcome(nothing), Outcome::None);
        }
    }

    #[test]
    fn confidence_is_a_number_whatever_the_probability() {
        for best in [0.0, 1.0, f32::MIN_POSITIVE] {
            let confidence = Evidence { best, ..SURE }.confidence();
            assert!((0.0..=1.0).contains(&confidence), "{best}: {confidence}");
        }
    }
}
