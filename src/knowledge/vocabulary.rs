//! Data beside the entries that tunes the matcher: words it treats as one, and the calibrated thresholds.

use serde::{Deserialize, Serialize};

/// `vocabulary.toml`: what the matcher treats as one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Vocabulary {
    /// Sets of words and phrases with one meaning.
    pub same: Vec<Synonyms>,
}

/// Words and phrases that are replaced by one.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Synonyms {
    /// What stands for all of them.
    pub word: String,
    /// The others, in any language.
    pub also: Vec<String>,
}

/// `thresholds.toml`: from which score an answer is given or suggested.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// From this confidence on, the best entry is the answer.
    pub answer: f32,
    /// From this confidence on, the best entries are suggested.
    pub suggest: f32,
    /// The lead over the runner-up an answer needs.
    pub margin: f32,
}
