//! Entries, their ids and languages, and their groups. Values of the id and language types are always valid.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::markup::RichText;

/// Bytes of the longest id: it must fit into the 64 bytes of a button's data beside the keyboard's number and the action.
pub const MAX_ID_LENGTH: usize = 50;

/// The fixed name of an entry: ASCII letters, digits, `-`, `_` and `?`, at most [`MAX_ID_LENGTH`].
///
/// Our own ids use lower case and hyphens; the other characters occur in public question sets, which can be loaded, too.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EntryId(String);

/// Why a text is no [`EntryId`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no entry id: use 1 to {MAX_ID_LENGTH} letters from a to z, digits, `-` or `_`")]
pub struct InvalidEntryId(pub String);

impl EntryId {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EntryId {
    type Err = InvalidEntryId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '?');
        if (1..=MAX_ID_LENGTH).contains(&text.len()) && text.chars().all(is_allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidEntryId(text.to_owned()))
        }
    }
}

impl TryFrom<String> for EntryId {
    type Error = InvalidEntryId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<EntryId> for String {
    fn from(id: EntryId) -> Self {
        id.0
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A language by its two-letter ISO 639-1 code, as it stands in file names (`en`, `zh`).
///
/// Not an enum: a new language needs new files only, no code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Language([u8; 2]);

/// Why a text is no [`Language`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no language code: use two lower-case letters, like `en` or `zh`")]
pub struct InvalidLanguage(pub String);

impl Language {
    pub const EN: Self = Self(*b"en");
    /// Chinese, in Simplified script in the files.
    pub const ZH: Self = Self(*b"zh");

    /// The two-letter code.
    pub fn code(&self) -> &str {
        // Both bytes are ASCII letters, so this is always valid UTF-8.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl FromStr for Language {
    type Err = InvalidLanguage;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.as_bytes() {
            &[a, b] if a.is_ascii_lowercase() && b.is_ascii_lowercase() => Ok(Self([a, b])),
            _ => Err(InvalidLanguage(text.to_owned())),
        }
    }
}

impl TryFrom<String> for Language {
    type Error = InvalidLanguage;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Language> for String {
    fn from(language: Language) -> Self {
        language.code().to_owned()
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// One answer of the assistant, in every language it is written in.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub id: EntryId,
    /// The name of the folder it lies in.
    pub group: String,
    /// The answer is a polite refusal and counts as no answer.
    pub decline: bool,
    /// Whether "Guide me step by step" is offered below it.
    pub guide: bool,
    pub articles: BTreeMap<Language, Article>,
}

/// An entry in one language.
#[derive(Debug, Clone, PartialEq)]
pub struct Article {
    /// The answer in one line, shown in bold above the body.
    pub title: String,
    /// The label of buttons that lead here.
    pub button: String,
    /// May be empty.
    pub body: RichText,
    /// Phrasings: how people ask for it.
    pub questions: Vec<String>,
    /// Entries offered below it, the most useful first.
    pub related: Vec<EntryId>,
}

impl Article {
    /// The answer as it is shown: the title in bold, then the body.
    pub fn rendered(&self) -> RichText {
        RichText::bold(self.title.as_str()).below(1, self.body.clone())
    }
}

/// A folder of entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The name of the folder.
    pub id: String,
    /// Place among the groups; lower numbers come first.
    pub order: u32,
    /// Whether `/faq` shows it (small talk and declining entries are not browsed).
    pub browse: bool,
    /// Small talk is answered briefly, without the usual buttons.
    pub small_talk: bool,
    /// Entries listed before the others, in this order.
    pub first: Vec<EntryId>,
    pub titles: BTreeMap<Language, String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_short_ascii_without_the_separators_of_buttons_and_file_names() {
        assert!("step-find-card".parse::<EntryId>().is_ok());
        assert!("Refund_not_showing_up?".parse::<EntryId>().is_ok());
        for wrong in [
            "",
            "a.b",
            "门禁卡",
            "a b",
            "a:b",
            "a/b",
            "👍",
            &"a".repeat(MAX_ID_LENGTH + 1),
        ] {
            assert!(wrong.parse::<EntryId>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_language_is_two_lower_case_letters() {
        assert_eq!("zh".parse(), Ok(Language::ZH));
        for wrong in ["", "z", "ZH", "中", "zh-hans"] {
            assert!(wrong.parse::<Language>().is_err(), "{wrong}");
        }
    }
}
