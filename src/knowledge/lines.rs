//! The bot's own lines: Fluent messages in Markdown, one file a language, so that a new language is new files.
//!
//! The lines shipped with the program are built in, too: a base that brings none (labelled phrasings for a measurement,
//! say) still speaks. Which line is said when is left to `dialogue::wording`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::PathBuf,
};

use fluent_bundle::{FluentArgs, FluentResource, FluentValue, concurrent::FluentBundle};
use fluent_syntax::ast;
use unic_langid::LanguageIdentifier;

use super::{check::Fault, entry::Language};
use crate::markup::{RichText, escape_markdown};

/// The lines every other language is held against.
const BUILT_IN: [(Language, &str); 2] = [
    (Language::EN, include_str!("../../knowledge/lines/en.ftl")),
    (Language::ZH, include_str!("../../knowledge/lines/zh.ftl")),
];

/// `lines/<language>.ftl`.
#[derive(Debug)]
pub struct LinesFile {
    /// The file.
    pub path: PathBuf,
    /// Fluent source.
    pub source: String,
}

/// A value that is put into a line.
#[derive(Debug, Clone)]
pub enum Value {
    /// Text by a user or an author; shown exactly as it is.
    Text(String),
    /// A number.
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

/// Spans of time are signed numbers; none that is said is below zero.
impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(u64::try_from(number).unwrap_or_default())
    }
}

/// All lines in all languages, ready to be said.
pub struct Lines {
    bundles: BTreeMap<Language, FluentBundle<FluentResource>>,
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines")
            .field("languages", &self.bundles.keys())
            .finish()
    }
}

impl Lines {
    /// The built-in lines, overridden and extended by those of a base.
    pub fn new(of_base: &BTreeMap<Language, String>) -> Self {
        let mut sources: BTreeMap<Language, Vec<&str>> = BUILT_IN
            .iter()
            .map(|(language, source)| (*language, vec![*source]))
            .collect();
        for (language, source) in of_base {
            sources.entry(*language).or_default().push(source);
        }
        Self {
            bundles: sources
                .into_iter()
                .map(|(language, sources)| (language, bundle(language, &sources)))
                .collect(),
        }
    }

    /// The languages there are lines in.
    pub fn languages(&self) -> Vec<Language> {
        self.bundles.keys().copied().collect()
    }

    /// A line as formatted text. A line that is missing in `language` is said in English; its name, should there be none.
    pub fn say(&self, language: Language, line: &str, values: &[(&str, Value)]) -> RichText {
        let markdown = self.format(language, line, values, escape_markdown);
        RichText::from_markdown(&markdown).unwrap_or_else(|_| RichText::plain(markdown))
    }

    /// A line as bare text, for a button.
    pub fn label(&self, language: Language, line: &str, values: &[(&str, Value)]) -> String {
        self.format(language, line, values, str::to_owned)
    }

    fn format(
        &self,
        language: Language,
        line: &str,
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
            let pattern = bundle.get_message(line)?.value()?;
            Some(
                bundle
                    .format_pattern(pattern, Some(&arguments), &mut Vec::new())
                    .into_owned(),
            )
        };
        let preferred = self.bundles.get(&language).and_then(in_bundle);
        preferred
            .or_else(|| self.bundles.get(&Language::EN).and_then(in_bundle))
            .unwrap_or_else(|| line.to_owned())
    }
}

fn bundle(language: Language, sources: &[&str]) -> FluentBundle<FluentResource> {
    let locale: LanguageIdentifier = language.code().parse().unwrap_or_default();
    let mut bundle = FluentBundle::new_concurrent(vec![locale]);
    // Marks that isolate text directions would end up in messages and on the terminal.
    bundle.set_use_isolating(false);
    for source in sources {
        // A broken line is `check`'s to report; the good ones are used.
        let resource =
            FluentResource::try_new((*source).to_owned()).unwrap_or_else(|(partial, _)| partial);
        bundle.add_resource_overriding(resource);
    }
    bundle
}

/// What is wrong with a base's own lines: Fluent that cannot be read, lines missing or unknown, values that are not given.
pub fn faults(files: &BTreeMap<Language, LinesFile>) -> Vec<Fault> {
    let reference: BTreeMap<String, BTreeSet<String>> = messages(BUILT_IN[0].1)
        .into_iter()
        .map(|message| (message.name, message.values))
        .collect();
    files
        .values()
        .flat_map(|file| file_faults(file, &reference))
        .collect()
}

fn file_faults(file: &LinesFile, reference: &BTreeMap<String, BTreeSet<String>>) -> Vec<Fault> {
    let mut faults = syntax_faults(file);
    let found = messages(&file.source);
    for message in &found {
        let line = file
            .source
            .lines()
            .position(|line| line.starts_with(&message.name))
            .map_or(1, |index| index + 1);
        match reference.get(&message.name) {
            None => faults.push(Fault::at(
                &file.path,
                line,
                format!("the bot never says `{}`", message.name),
                "remove it, or correct its name",
            )),
            Some(values) => {
                for unknown in message.values.difference(values) {
                    faults.push(Fault::at(
                        &file.path,
                        line,
                        format!("`{}` is given no `${unknown}`", message.name),
                        "use the values of the English line",
                    ));
                }
            }
        }
        if let Err(broken) = RichText::from_markdown(&message.sample) {
            faults.extend(broken.into_iter().map(|fault| {
                Fault::at(
                    &file.path,
                    line,
                    format!("broken Markdown in `{}`", message.name),
                    fault.fault,
                )
            }));
        }
    }
    let has: BTreeSet<&str> = found.iter().map(|message| message.name.as_str()).collect();
    for name in reference.keys().filter(|name| !has.contains(name.as_str())) {
        faults.push(Fault::in_file(
            &file.path,
            format!("the line `{name}` is missing"),
            "write it; the English file shows what it says",
        ));
    }
    faults
}

fn syntax_faults(file: &LinesFile) -> Vec<Fault> {
    let Err((_, errors)) = fluent_syntax::parser::parse(file.source.as_str()) else {
        return Vec::new();
    };
    let located = |error: fluent_syntax::parser::ParserError| {
        let line = super::parse::line_of(&file.source, 1, &error.pos);
        Fault::at(&file.path, line, error.kind, "mend the Fluent on this line")
    };
    errors.into_iter().map(located).collect()
}

struct Message {
    name: String,
    values: BTreeSet<String>,
    /// The message with its values replaced by a word, for looking at its Markdown.
    sample: String,
}

fn messages(source: &str) -> Vec<Message> {
    let resource = fluent_syntax::parser::parse(source).unwrap_or_else(|(partial, _)| partial);
    let to_message = |entry| match entry {
        ast::Entry::Message(message) => {
            let mut values = BTreeSet::new();
            let mut sample = String::new();
            walk(message.value.as_ref()?, &mut values, &mut sample);
            Some(Message {
                name: message.id.name.to_owned(),
                values,
                sample,
            })
        }
        _ => None,
    };
    resource.body.into_iter().filter_map(to_message).collect()
}

fn walk(pattern: &ast::Pattern<&str>, values: &mut BTreeSet<String>, sample: &mut String) {
    for element in &pattern.elements {
        match element {
            ast::PatternElement::TextElement { value } => sample.push_str(value),
            ast::PatternElement::Placeable {
                expression: ast::Expression::Inline(inline),
            } => walk_inline(inline, values, sample),
            ast::PatternElement::Placeable {
                expression: ast::Expression::Select { selector, variants },
            } => {
                walk_inline(selector, values, &mut String::new());
                variants
                    .iter()
                    .for_each(|variant| walk(&variant.value, values, &mut String::new()));
                if let Some(variant) = variants.last() {
                    walk(&variant.value, values, sample);
                }
            }
        }
    }
}

fn walk_inline(
    inline: &ast::InlineExpression<&str>,
    values: &mut BTreeSet<String>,
    sample: &mut String,
) {
    match inline {
        ast::InlineExpression::VariableReference { id } => {
            values.insert(id.name.to_owned());
            sample.push_str("value");
        }
        ast::InlineExpression::StringLiteral { value } => sample.push_str(value),
        _ => sample.push_str("value"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_lines_have_no_fault_and_are_alike_in_every_language() {
        let files = BUILT_IN.map(|(language, source)| {
            (
                language,
                LinesFile {
                    path: format!("{language}.ftl").into(),
                    source: source.to_owned(),
                },
            )
        });
        assert_eq!(faults(&BTreeMap::from(files)), []);
    }

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

    #[test]
    fn a_missing_unknown_or_broken_line_is_a_fault() {
        let file = LinesFile {
            path: "de.ftl".into(),
            source: "nonsense = x\nbroken {\n".into(),
        };
        let said: Vec<String> = faults(&BTreeMap::from([(Language::EN, file)]))
            .iter()
            .map(ToString::to_string)
            .collect();
        assert!(
            said.iter()
                .any(|fault| fault.contains("de.ftl:1: the bot never says `nonsense`")),
            "{said:?}"
        );
        assert!(
            said.iter().any(|fault| fault.contains("is missing")),
            "{said:?}"
        );
        assert!(
            said.iter().any(|fault| fault.contains("de.ftl:2")),
            "{said:?}"
        );
    }
}
