//! Chooses thresholds by what wrong answers, refusals and suggestions cost.

use super::questions::AskedQuestion;
use crate::{
    knowledge::Thresholds,
    matching::{
        decision::{DEFAULT_THRESHOLDS, decide},
        finding::{MAX_SUGGESTIONS, Outcome},
    },
};

/// The cost of a question for its user, by outcome.
mod cost {
    /// Answered or declined wrongly: worse than any refusal.
    pub const CONFIDENTLY_WRONG: f64 = 4.0;
    /// In scope, and neither answered nor suggested.
    pub const NOT_USEFUL: f64 = 1.0;
    /// In scope, and the right entry is suggested: one tap more than an answer.
    pub const ONE_TAP: f64 = 0.25;
    /// Out of scope, and entries that do not fit are suggested.
    pub const IDLE_SUGGESTION: f64 = 0.1;
}

/// Chooses the thresholds with the lowest mean cost over labelled questions, by trying a grid.
pub fn calibrate(asked: &[AskedQuestion]) -> Thresholds {
    let grid = |from: usize, to: usize, steps: f32| (from..=to).map(move |n| n as f32 / steps);
    let mut best = (f64::INFINITY, DEFAULT_THRESHOLDS);
    for answer in grid(10, 38, 40.0) {
        for suggest in grid(1, 12, 20.0) {
            for margin in grid(0, 8, 20.0) {
                let thresholds = Thresholds {
                    answer,
                    suggest,
                    margin,
                };
                let cost = asked.iter().map(|one| cost_with(one, thresholds)).sum();
                if cost < best.0 {
                    best = (cost, thresholds);
                }
            }
        }
    }
    best.1
}

fn cost_with(one: &AskedQuestion, thresholds: Thresholds) -> f64 {
    let outcome = decide(one.evidence, thresholds).outcome;
    let place = one.right_place();
    match (one.is_in_scope(), outcome) {
        (true, Outcome::Answer | Outcome::Decline) if place == Some(0) => 0.0,
        (true, Outcome::Answer | Outcome::Decline) | (false, Outcome::Answer) => {
            cost::CONFIDENTLY_WRONG
        }
        (true, Outcome::Suggest) if place.is_some_and(|place| place < MAX_SUGGESTIONS) => {
            cost::ONE_TAP
        }
        (true, Outcome::Suggest | Outcome::None) => cost::NOT_USEFUL,
        (false, Outcome::Suggest) => cost::IDLE_SUGGESTION,
        (false, Outcome::Decline | Outcome::None) => 0.0,
    }
}
