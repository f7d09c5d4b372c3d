//! `vocabulary.toml` and `thresholds.toml`: data beside the entries that tunes the matcher.

use serde::{Deserialize, Serialize};

/// `vocabulary.toml`: words the matcher treats alike, replaces, or leaves out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Vocabulary {
    /// Words and phrases with one meaning; the words themselves stay features, too.
    #[serde(rename = "same")]
    pub synonyms: Vec<SynonymSet>,
    /// Spellings that are replaced: shorthand, slips, dialect.
    #[serde(rename = "rewrite")]
    pub rewrites: Vec<Rewrite>,
    #[serde(rename = "courtesy")]
    pub fillers: Fillers,
    /// Sounds and words that say nothing by themselves.
    pub interjections: Vec<String>,
}

/// Polite words around a question that do not change it. Thanks at the *beginning* are no filler: "thanks, that did it".
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Fillers {
    /// Cut off at the beginning.
    pub before: Vec<String>,
    /// Cut off at the end.
    pub after: Vec<String>,
}

/// Words and phrases with one meaning.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SynonymSet {
    /// The plainest of them; names the set when a match is explained.
    pub word: String,
    /// The others, in any language.
    pub also: Vec<String>,
}

/// Spellings that are replaced.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rewrite {
    /// What is meant.
    pub to: String,
    /// What people type for it.
    pub from: Vec<String>,
}

/// `thresholds.toml`: how sure the matcher must be to answer or to suggest.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// From this confidence on, the best entry is the answer.
    pub answer: f32,
    /// From this confidence on, the best entries are suggested.
    pub suggest: f32,
    /// The lead in probability over the runner-up that an answer needs.
    pub margin: f32,
}
