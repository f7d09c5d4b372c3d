//! Every line the code names exists in every language, and no line is unused.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use unbind_bot::{
    dialogue::{Choice, Command, Field, Reason},
    knowledge::{CardKind, PhoneSystem},
};

use crate::support::{
    knowledge,
    source::{Source, crate_sources},
};

/// The keys of the lines, by language.
fn lines() -> BTreeMap<String, BTreeSet<String>> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/knowledge/lines"));
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let name = |line: &str| {
        let (name, _) = line.split_once('=')?;
        let is_name = !name.is_empty() && !name.starts_with([' ', '#', '-', '.']);
        is_name.then(|| name.trim().to_owned())
    };
    let names = files.map(|file| {
        let text = fs::read_to_string(file.path()).unwrap();
        let language = file.file_name().to_string_lossy().into_owned();
        (language, text.lines().filter_map(name).collect())
    });
    names.collect()
}

/// The keys of the reference language.
fn english() -> BTreeSet<String> {
    let mut lines = lines();
    assert!(lines.len() > 1 && lines["zh.ftl"].len() > 200);
    lines.remove("en.ftl").unwrap()
}

/// The source files that name lines.
fn files_with_lines() -> Vec<Source> {
    let speaks = |source: &Source| {
        ["dialogue", "assistant", "terminal"].contains(&source.layer())
            || ["telegram/commands.rs", "telegram/intake.rs"].contains(&source.name.as_str())
    };
    let sources: Vec<_> = crate_sources().into_iter().filter(speaks).collect();
    assert!(sources.len() > 20);
    sources
}

/// Lines whose keys are composed: each prefix, with its possible endings.
fn composed_keys() -> BTreeMap<&'static str, Vec<&'static str>> {
    let fields = || Field::ALL.map(Field::code);
    let typed = fields().into_iter().filter(|field| *field != "wallet");
    let reasons = || Reason::OFFERED.map(Reason::code).to_vec();
    let systems = || PhoneSystem::ALL.map(PhoneSystem::code).to_vec();
    BTreeMap::from([
        ("button-edit-", fields().to_vec()),
        // A wallet is not typed, it is chosen as for a new card.
        ("edit-", typed.collect()),
        ("kind-", CardKind::ALL.map(CardKind::code).to_vec()),
        ("system-", systems()),
        ("words-system-", systems()),
        ("reason-", reasons()),
        ("next-", reasons()),
        ("command-", Command::ALL.map(Command::name).to_vec()),
        ("words-command-", Command::ALL.map(Command::name).to_vec()),
        ("label-", vec!["home", "office", "school", "gate"]),
    ])
}

/// Whether it is written like the key of a line of more than one word.
fn is_like_a_name(text: &str) -> bool {
    let is_word = |word: &str| {
        let mut letters = word.chars();
        !word.is_empty() && letters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
    };
    text.contains('-') && text.split('-').all(is_word)
}

/// Whether it is something else that is written like a key: an entry, a button's data, a reason, the bot's name.
fn is_another_name(text: &str) -> bool {
    let is_entry = text.parse().is_ok_and(|id| {
        knowledge().entries.contains_key(&id) || knowledge().guides.contains_key(&id)
    });
    let is_reason = || Reason::OFFERED.map(Reason::code).contains(&text);
    is_entry || text.parse::<Choice>().is_ok() || is_reason() || text == "unbind-bot"
}

#[test]
fn every_language_has_every_line() {
    let english = english();
    for (language, names) in lines() {
        assert_eq!(names, english, "{language}");
    }
}

#[test]
fn every_line_named_in_the_code_exists() {
    let english = english();
    for source in files_with_lines() {
        for text in source.strings().filter(|text| is_like_a_name(text)) {
            assert!(
                english.contains(text) || is_another_name(text),
                "src/{} names `{text}`, which is no line",
                source.name
            );
        }
    }
}

/// An argument that is a line's key in one call of a function is a key in every call.
#[test]
fn every_line_of_one_word_named_in_the_code_exists() {
    let english = english();
    let sources = files_with_lines();
    let given: Vec<_> = sources.iter().flat_map(Source::strings_given).collect();
    let says = |text: &str| is_like_a_name(text) && english.contains(text);
    let mut functions: BTreeSet<_> = given
        .iter()
        .filter(|(_, _, text)| says(text))
        .map(|(function, place, _)| (*function, *place))
        .collect();
    // These take any text.
    functions.retain(|(function, _)| !["write_str", "Some", "Ok", "Err"].contains(function));
    let mut seen = 0;
    for (function, place, text) in given {
        if functions.contains(&(function, place)) {
            seen += 1;
            assert!(
                english.contains(text),
                "`{function}` is given `{text}`, which is no line"
            );
        }
    }
    assert!(seen > 150, "{seen} of {functions:?}");
}

#[test]
fn every_line_with_a_composed_key_exists() {
    let english = english();
    let known = composed_keys();
    for (begin, ends) in &known {
        for end in ends {
            assert!(english.contains(&format!("{begin}{end}")), "{begin}{end}");
        }
    }
    let mut seen = BTreeSet::new();
    for source in files_with_lines() {
        for text in source.strings() {
            let Some((begin, "}")) = text.split_once('{').map(|(begin, end)| {
                (
                    begin,
                    end.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_'),
                )
            }) else {
                continue;
            };
            if begin.ends_with('-')
                && is_like_a_name(&begin[..begin.len() - 1].replacen("", "x-", 1))
            {
                assert!(
                    known.contains_key(begin),
                    "src/{} composes `{text}`, which is not in `composed_keys`",
                    source.name
                );
                seen.insert(begin.to_owned());
            }
        }
    }
    let known: BTreeSet<_> = known.keys().map(|begin| (*begin).to_owned()).collect();
    assert_eq!(seen, known);
}

#[test]
fn no_line_is_unused() {
    let sources = crate_sources();
    let named: BTreeSet<_> = sources.iter().flat_map(Source::strings).collect();
    let composed: BTreeSet<_> = composed_keys()
        .into_iter()
        .flat_map(|(begin, ends)| ends.into_iter().map(move |end| format!("{begin}{end}")))
        .collect();
    let unused: Vec<_> = english()
        .into_iter()
        .filter(|line| !named.contains(line.as_str()) && !composed.contains(line))
        .collect();
    assert_eq!(unused, [] as [String; 0]);
}
