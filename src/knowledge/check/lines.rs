//! Faults of the bot's own lines: Fluent that cannot be read, lines missing or unknown, unknown values, broken Markdown,
//! words that cannot stand for a command.

use std::collections::{BTreeMap, BTreeSet};

use fluent_syntax::{ast, parser};

use crate::{
    knowledge::{
        drafts::LinesFile,
        entry::Language,
        fault::{Fault, line_of},
        lines::BUILT_IN,
    },
    markup::RichText,
};

/// The lines with the words that stand for commands begin with this.
const COMMAND_WORDS: &str = "words-command-";

/// The values of each line in the reference language.
type Reference = BTreeMap<String, BTreeSet<String>>;

pub(super) fn faults(files: &BTreeMap<Language, LinesFile>) -> Vec<Fault> {
    let (_, reference) = BUILT_IN[0];
    let reference: Reference = messages(reference)
        .into_iter()
        .map(|message| (message.key, message.values))
        .collect();
    files
        .values()
        .flat_map(|file| faults_of_file(file, &reference))
        .collect()
}

fn faults_of_file(file: &LinesFile, reference: &Reference) -> Vec<Fault> {
    let messages = messages(&file.source);
    let mut faults = syntax_faults(file);
    for message in &messages {
        let line = line_of_key(file, &message.key);
        faults.extend(unknown_line(file, line, message, reference));
        faults.extend(unknown_values(file, line, message, reference));
        faults.extend(broken_markdown(file, line, message));
    }
    faults.extend(missing_lines(file, &messages, reference));
    faults.extend(unusable_command_words(file, &messages));
    faults
}

/// Behind a slash stands one word, and it stands for one command.
fn unusable_command_words(file: &LinesFile, messages: &[Message]) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut used: BTreeMap<String, &str> = BTreeMap::new();
    let listed = messages
        .iter()
        .filter(|message| message.key.starts_with(COMMAND_WORDS));
    for message in listed {
        let line = line_of_key(file, &message.key);
        let key = message.key.as_str();
        for word in message.sample.split('|').map(str::trim) {
            if word.is_empty() || !word.chars().all(char::is_alphanumeric) {
                let fault = format!("`{key}`: `{word}` cannot be typed behind a slash");
                let repair = "use one word of letters and digits";
                faults.push(Fault::at(&file.path, line, fault, repair));
            }
            let other = used.insert(word.to_lowercase(), key);
            if let Some(other) = other.filter(|other| *other != key) {
                let fault = format!("`{word}` is in `{other}` and in `{key}`");
                let repair = "keep it for one command";
                faults.push(Fault::at(&file.path, line, fault, repair));
            }
        }
    }
    faults
}

fn syntax_faults(file: &LinesFile) -> Vec<Fault> {
    let Err((_, errors)) = parser::parse(file.source.as_str()) else {
        return Vec::new();
    };
    let located = |error: parser::ParserError| {
        let line = line_of(&file.source, 1, &error.pos);
        let repair = "correct the Fluent on this line";
        Fault::at(&file.path, line, error.kind, repair)
    };
    errors.into_iter().map(located).collect()
}

fn unknown_line(
    file: &LinesFile,
    line: usize,
    message: &Message,
    reference: &Reference,
) -> Option<Fault> {
    if reference.contains_key(&message.key) {
        return None;
    }
    let fault = format!("the bot never says `{}`", message.key);
    let repair = "remove it, or correct its name";
    Some(Fault::at(&file.path, line, fault, repair))
}

fn unknown_values(
    file: &LinesFile,
    line: usize,
    message: &Message,
    reference: &Reference,
) -> Vec<Fault> {
    let Some(given) = reference.get(&message.key) else {
        return Vec::new();
    };
    let unknown = message.values.difference(given);
    unknown
        .map(|value| {
            let fault = format!("`{}` is given no `${value}`", message.key);
            let repair = "use the values of the English line";
            Fault::at(&file.path, line, fault, repair)
        })
        .collect()
}

fn broken_markdown(file: &LinesFile, line: usize, message: &Message) -> Vec<Fault> {
    let Err(faults) = RichText::from_markdown(&message.sample) else {
        return Vec::new();
    };
    faults
        .into_iter()
        .map(|broken| {
            let fault = format!("broken Markdown in `{}`", message.key);
            Fault::at(&file.path, line, fault, broken.fault)
        })
        .collect()
}

fn missing_lines(file: &LinesFile, messages: &[Message], reference: &Reference) -> Vec<Fault> {
    let has: BTreeSet<&str> = messages
        .iter()
        .map(|message| message.key.as_str())
        .collect();
    let missing = reference.keys().filter(|key| !has.contains(key.as_str()));
    missing
        .map(|key| {
            let fault = format!("the line `{key}` is missing");
            let repair = "write it; the English file shows what it says";
            Fault::in_file(&file.path, fault, repair)
        })
        .collect()
}

fn line_of_key(file: &LinesFile, key: &str) -> usize {
    let mut lines = file.source.lines();
    let index = lines.position(|line| line.starts_with(key));
    index.map_or(1, |index| index + 1)
}

/// A line of a Fluent file.
struct Message {
    key: String,
    /// The names of the values it uses.
    values: BTreeSet<String>,
    /// The text with a word in place of each value, to check its Markdown.
    sample: String,
}

fn messages(source: &str) -> Vec<Message> {
    let resource = parser::parse(source).unwrap_or_else(|(partial, _)| partial);
    let to_message = |entry| match entry {
        ast::Entry::Message(message) => {
            let mut values = BTreeSet::new();
            let mut sample = String::new();
            walk_pattern(message.value.as_ref()?, &mut values, &mut sample);
            Some(Message {
                key: message.id.name.to_owned(),
                values,
                sample,
            })
        }
        _ => None,
    };
    resource.body.into_iter().filter_map(to_message).collect()
}

fn walk_pattern(pattern: &ast::Pattern<&str>, values: &mut BTreeSet<String>, sample: &mut String) {
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
                    .for_each(|variant| walk_pattern(&variant.value, values, &mut String::new()));
                if let Some(variant) = variants.last() {
                    walk_pattern(&variant.value, values, sample);
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

    #[test]
    fn a_word_behind_a_slash_is_one_word_for_one_command() {
        let file = LinesFile {
            path: "de.ftl".into(),
            source: "words-command-help = hilfe | mir helfen\nwords-command-start = hilfe | los\n"
                .into(),
        };
        let found = faults(&BTreeMap::from([(Language::EN, file)]));
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        for expected in [
            "de.ftl:1: `words-command-help`: `mir helfen` cannot be typed behind a slash",
            "de.ftl:2: `hilfe` is in `words-command-help` and in `words-command-start`",
        ] {
            let is_expected = |fault: &String| fault.contains(expected);
            assert!(found.iter().any(is_expected), "{found:?}");
        }
        assert!(!found.iter().any(|fault| fault.contains("`los`")));
    }
}
