//! From scores to what is said: answer, decline, ask back, or admit not knowing.
//!
//! A probability alone is too sure of short questions and of questions full of unknown words. So the confidence is a
//! logistic function of four signals, fitted (Platt 1999) on questions the base had not seen, out-of-scope ones among them.

use std::fmt;

use serde::Serialize;

use super::Outcome;
use crate::knowledge::Thresholds;

/// Where a base brings no thresholds of its own: those of the shipped one, rounded.
pub const DEFAULT_THRESHOLDS: Thresholds = Thresholds {
    answer: 0.9,
    suggest: 0.15,
    margin: 0.0,
};

/// The confidence of a question with no signal at all.
const BIAS: f32 = -3.4;
/// The probability's log odds count less than they claim: softmax is over-confident.
const LOG_ODDS: f32 = 0.73;
/// Coverage is what tells far questions from ours.
const COVERAGE: f32 = 1.3;
/// The longer a question, the more a probability means: the natural logarithm of its units, plus one.
const LENGTH: f32 = 0.45;
/// A high probability of a low score only says that all others fit still less.
const SCORE: f32 = 0.18;
/// Keeps the log odds finite.
const LEAST_DOUBT: f32 = 1e-6;

/// What a decision is made from.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Evidence {
    /// The best entry's probability.
    pub best: f32,
    /// The best entry's score, before scores are made probabilities.
    pub score: f32,
    /// Whether the best entry declines.
    pub declines: bool,
    /// The probability of the best entry that would say something else: an answering one, if the best declines.
    pub runner_up: f32,
    /// The share of the question the base has words for, from 0 to 1.
    pub coverage: f32,
    /// Words, Han characters and syllables of the question; numbers say nothing.
    pub units: usize,
}

impl Evidence {
    fn knows_nothing(&self) -> bool {
        self.units == 0 || self.coverage == 0.0
    }

    /// How sure it is that the best entry is right, from 0 to 1.
    pub fn confidence(&self) -> f32 {
        if self.knows_nothing() {
            return 0.0;
        }
        let probability = self.best.clamp(LEAST_DOUBT, 1.0 - LEAST_DOUBT);
        let log_odds = (probability / (1.0 - probability)).ln();
        let length = (self.units as f32 + 1.0).ln();
        let sum = BIAS
            + LOG_ODDS * log_odds
            + COVERAGE * self.coverage
            + LENGTH * length
            + SCORE * self.score;
        1.0 / (1.0 + (-sum).exp())
    }
}

/// What is made of a question, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// What to do.
    pub outcome: Outcome,
    /// Which threshold decided.
    pub reason: Reason,
}

/// Which threshold decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
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

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::Sure => "answered or declined: above `answer`, and ahead by `margin`",
            Reason::TooClose => "suggested: above `answer`, but not ahead by `margin`",
            Reason::Unsure => "suggested: below `answer`",
            Reason::TooUnsure => "not known: below `suggest`",
            Reason::NothingKnown => "not known: no phrasing has any of it",
        })
    }
}

/// What is made of the evidence.
pub fn decide(evidence: Evidence, thresholds: Thresholds) -> Decision {
    let confidence = evidence.confidence();
    let ahead = evidence.best - evidence.runner_up >= thresholds.margin;
    let (outcome, reason) = if evidence.knows_nothing() {
        (Outcome::None, Reason::NothingKnown)
    } else if confidence < thresholds.suggest {
        (Outcome::None, Reason::TooUnsure)
    } else if confidence < thresholds.answer {
        (Outcome::Suggest, Reason::Unsure)
    } else if !ahead {
        (Outcome::Suggest, Reason::TooClose)
    } else if evidence.declines {
        (Outcome::Decline, Reason::Sure)
    } else {
        (Outcome::Answer, Reason::Sure)
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
        units: 6,
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
        assert!(Evidence { units: 1, ..SURE }.confidence() < confidence);
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
            Evidence { units: 0, ..SURE },
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
