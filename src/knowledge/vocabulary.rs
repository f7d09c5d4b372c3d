//! Data beside the entries that tunes the matcher: words it treats as one, and the calibrated thresholds.

use serde::{Deserialize, Serialize};

/// `vocabulary.toml`: what the matcher treats as one, or leaves out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Vocabulary {
    /// Sets of words and phrases with one meaning; the words themselves stay.
    pub same: Vec<Synonyms>,
    /// What is only written otherwise (shorthand, slips, dialect) and is replaced.
    pub rewrite: Vec<Rewrite>,
    /// Words around a question that do not change it.
    pub courtesy: Courtesy,
}

/// Words around a question that do not change it. Thanks *before* something are no courtesy: "thanks, that did it".
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Courtesy {
    /// At its beginning.
    pub before: Vec<String>,
    /// At its end.
    pub after: Vec<String>,
}

/// Words and phrases with one meaning.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Synonyms {
    /// The plainest of them.
    pub word: String,
    /// The others, in any language.
    pub also: Vec<String>,
}

/// Ways of writing that are replaced.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rewrite {
    /// What is meant.
    pub to: String,
    /// What is typed for it.
    pub from: Vec<String>,
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
