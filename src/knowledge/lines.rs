//! The bot's own lines: Fluent messages in Markdown, one file a language, so that a new language needs new files only.
//!
//! The shipped lines are also compiled in, for bases without lines (labelled phrasings for a measurement, for example).
//! `dialogue` chooses the line.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use fluent_bundle::{FluentArgs, FluentResource, FluentValue, concurrent::FluentBundle};
use fluent_syntax::ast::Entry;
use unic_langid::LanguageIdentifier;

use super::entry::Language;
use crate::markup::{RichText, escape_markdown};

/// The shipped lines. The first language is the reference: every other must have the same lines.
pub const BUILT_IN: [(Language, &str); 2] = [
    (Language::EN, include_str!("../../knowledge/lines/en.ftl")),
    (Language::ZH, include_str!("../../knowledge/lines/zh.ftl")),
];

/// A value to insert into a line.
#[derive(Debug, Clone)]
pub enum Value {
    /// Text by a user or an author; its Markdown is escaped.
    Text(String),
    Number(u64),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<usize> for Value {
    fn from(number: usize) -> Self {
        Self::Number(number as u64)
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

/// For spans of time, which are signed; negative ones become zero.
impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(u64::try_from(number).unwrap_or_default())
    }
}

/// All lines in all languages.
pub struct Lines {
    bundles: BTreeMap<Language, FluentBundle<FluentResource>>,
    keys: BTreeSet<String>,
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines")
            .field("languages", &self.bundles.keys())
            .finish()
    }
}

impl Lines {
    /// The built-in lines, overridden and extended by a base's own.
    pub fn new(own: &BTreeMap<Language, String>) -> Self {
        let mut sources: BTreeMap<Language, Vec<&str>> = BUILT_IN
            .iter()
            .map(|(language, source)| (*language, vec![*source]))
            .collect();
        for (language, source) in own {
            sources.entry(*language).or_default().push(source);
        }
        let mut keys = BTreeSet::new();
        let bundles = sources
            .into_iter()
            .map(|(language, sources)| (language, build_bundle(language, &sources, &mut keys)))
            .collect();
        Self { bundles, keys }
    }

    /// The keys of all lines.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(String::as_str)
    }

    pub fn languages(&self) -> Vec<Language> {
        self.bundles.keys().copied().collect()
    }

    /// This language if there are lines in it, else English.
    pub fn supported_or_english(&self, language: Option<Language>) -> Language {
        language
            .filter(|language| self.bundles.contains_key(language))
            .unwrap_or(Language::EN)
    }

    /// A line as formatted text. A line missing in `language` falls back to English, and then to its key.
    pub fn say(&self, language: Language, key: &str, values: &[(&str, Value)]) -> RichText {
        let markdown = self.format(language, key, values, escape_markdown);
        RichText::from_markdown(&markdown).unwrap_or_else(|_| RichText::plain(markdown))
    }

    /// A line as plain text, for a button.
    pub fn label(&self, language: Language, key: &str, values: &[(&str, Value)]) -> String {
        self.format(language, key, values, str::to_owned)
    }

    fn format(
        &self,
        language: Language,
        key: &str,
        values: &[(&str, Value)],
        prepare: impl Fn(&str) -> String,
    ) -> String {
        let mut arguments = FluentArgs::new();
        for (name, value) in values {
            let value = match value {
                Value::Text(text) => FluentValue::from(prepare(text)),
                Value::Number(number) => FluentValue::from(*number),
            };
            arguments.set(*name, value);
        }
        let in_bundle = |bundle: &FluentBundle<FluentResource>| {
            let pattern = bundle.get_message(key)?.value()?;
            Some(
                bundle
                    .format_pattern(pattern, Some(&arguments), &mut Vec::new())
                    .into_owned(),
            )
        };
        let preferred = self.bundles.get(&language).and_then(in_bundle);
        preferred
            .or_else(|| self.bundles.get(&Language::EN).and_then(in_bundle))
            .unwrap_or_else(|| key.to_owned())
    }
}

/// The lines of one language; their keys are added to `keys`.
fn build_bundle(
    language: Language,
    sources: &[&str],
    keys: &mut BTreeSet<String>,
) -> FluentBundle<FluentResource> {
    let locale: LanguageIdentifier = language.code().parse().unwrap_or_default();
    let mut bundle = FluentBundle::new_concurrent(vec![locale]);
    // Without this, invisible marks for the text direction would end up in messages and on the terminal.
    bundle.set_use_isolating(false);
    for source in sources {
        // Lines that cannot be parsed are skipped; `check` reports them.
        let resource =
            FluentResource::try_new((*source).to_owned()).unwrap_or_else(|(partial, _)| partial);
        keys.extend(resource.entries().filter_map(key_of).map(str::to_owned));
        bundle.add_resource_overriding(resource);
    }
    bundle
}

fn key_of<'a>(entry: &Entry<&'a str>) -> Option<&'a str> {
    match entry {
        Entry::Message(message) => Some(message.id.name),
        Entry::Term(_)
        | Entry::Comment(_)
        | Entry::GroupComment(_)
        | Entry::ResourceComment(_)
        | Entry::Junk { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_label_is_shown_as_it_is() {
        let lines = Lines::new(&BTreeMap::from([(
            Language::EN,
            "card = **{ $label }** stays".to_owned(),
        )]));
        for label in [
            "<b>&\"'",
            "**x**",
            "门禁卡 👍",
            "[a](https://b.c)",
            "{ $label }",
            "",
        ] {
            assert_eq!(
                lines
                    .say(Language::EN, "card", &[("label", label.into())])
                    .to_plain(),
                if label.is_empty() {
                    "**** stays".into()
                } else {
                    format!("{label} stays")
                }
            );
        }
    }
}
