//! From scores to what is said: answer, decline, ask back, or admit not knowing.

use super::Outcome;
use crate::knowledge::Thresholds;

/// Where a base brings no thresholds of its own: those of the shipped one, rounded.
pub const DEFAULT_THRESHOLDS: Thresholds = Thresholds {
    answer: 0.5,
    suggest: 0.2,
    margin: 0.15,
};

/// The scores a decision is made from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evidence {
    /// Confidence in the best entry, from 0 to 1.
    pub best: f32,
    /// Whether the best entry declines.
    pub declines: bool,
    /// Confidence in the best entry that would say something else: of the other kind, if the best declines.
    pub runner_up: f32,
}

/// What is made of the evidence.
pub fn decide(evidence: Evidence, thresholds: Thresholds) -> Outcome {
    if evidence.best >= thresholds.answer && evidence.best - evidence.runner_up >= thresholds.margin
    {
        if evidence.declines {
            Outcome::Decline
        } else {
            Outcome::Answer
        }
    } else if evidence.best >= thresholds.suggest {
        Outcome::Suggest
    } else {
        Outcome::None
    }
}
