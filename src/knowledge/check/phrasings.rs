//! Faults of phrasings: each is short and belongs to one entry, and every entry has some in every language.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::Path,
};

use super::limits::MAX_PHRASING_CHARS;
use crate::knowledge::{
    drafts::{Drafts, Lined},
    entry::{EntryId, Language},
    fault::Fault,
};

pub(super) fn faults(drafts: &Drafts) -> Vec<Fault> {
    let phrasings = all_phrasings(drafts);
    let mut faults = long_phrasings(&phrasings);
    faults.extend(repeated_phrasings(&phrasings));
    faults.extend(entries_without_phrasing(drafts, &phrasings));
    faults.extend(phrasings_without_entry(drafts));
    faults
}

/// A phrasing and its place.
struct Phrasing<'a> {
    entry: &'a EntryId,
    language: Language,
    path: &'a Path,
    text: &'a str,
    line: usize,
}

impl Phrasing<'_> {
    fn fault(&self, fault: String, repair: &str) -> Fault {
        Fault::at(self.path, self.line, fault, repair)
    }
}

/// Every phrasing of a base: first those in the entries' files, then those in the files beside them.
fn all_phrasings(drafts: &Drafts) -> Vec<Phrasing<'_>> {
    let articles = drafts.articles.iter().flat_map(|article| {
        let (id, language, path) = (&article.id, article.language, &article.path);
        let questions = article.questions.iter();
        questions.map(move |question| phrasing(id, language, path, question))
    });
    let files = drafts.phrasings.iter().flat_map(|file| {
        let (id, language, path) = (&file.id, file.language, &file.path);
        let lines = file.phrasings.iter();
        lines.map(move |line| phrasing(id, language, path, line))
    });
    articles.chain(files).collect()
}

fn phrasing<'a>(
    entry: &'a EntryId,
    language: Language,
    path: &'a Path,
    written: &'a Lined<String>,
) -> Phrasing<'a> {
    Phrasing {
        entry,
        language,
        path,
        text: &written.value,
        line: written.line,
    }
}

fn long_phrasings(phrasings: &[Phrasing<'_>]) -> Vec<Fault> {
    let is_long = |phrasing: &&Phrasing<'_>| phrasing.text.chars().count() > MAX_PHRASING_CHARS;
    let fault = format!("a phrasing of more than {MAX_PHRASING_CHARS} characters");
    let long = phrasings.iter().filter(is_long);
    long.map(|phrasing| phrasing.fault(fault.clone(), "keep the part that asks"))
        .collect()
}

/// Phrasings that stand twice, in one entry or in two. Each is compared with the one before it.
fn repeated_phrasings(phrasings: &[Phrasing<'_>]) -> Vec<Fault> {
    let mut seen: HashMap<String, &Phrasing<'_>> = HashMap::new();
    let mut faults = Vec::new();
    for phrasing in phrasings {
        let Some(earlier) = seen.insert(comparison_key(phrasing.text), phrasing) else {
            continue;
        };
        let (text, other) = (phrasing.text, earlier.entry);
        let place = format!("{}:{}", earlier.path.display(), earlier.line);
        let fault = if other == phrasing.entry {
            format!("“{text}” stands twice, first at {place}")
        } else {
            format!("“{text}” belongs to `{other}` too, at {place}")
        };
        faults.push(phrasing.fault(fault, "keep it in one place"));
    }
    faults
}

/// Two phrasings are the same when only case, spaces and punctuation differ.
fn comparison_key(phrasing: &str) -> String {
    let letters: String = phrasing
        .to_lowercase()
        .chars()
        .map(|c| if c.is_alphanumeric() { c } else { ' ' })
        .collect();
    let key = letters.split_whitespace().collect::<Vec<_>>().join(" ");
    // A phrasing of nothing but marks ("？？", "👋") is compared by them.
    if key.is_empty() {
        phrasing.trim().to_owned()
    } else {
        key
    }
}

fn entries_without_phrasing(drafts: &Drafts, phrasings: &[Phrasing<'_>]) -> Vec<Fault> {
    let asked: BTreeSet<(&EntryId, Language)> = phrasings
        .iter()
        .map(|phrasing| (phrasing.entry, phrasing.language))
        .collect();
    let articles = drafts.articles.iter();
    // Of two files for one entry only one is named; the second is reported as a fault already.
    let paths: BTreeMap<(&EntryId, Language), &Path> = articles
        .map(|article| ((&article.id, article.language), article.path.as_path()))
        .collect();
    let without = paths
        .into_iter()
        .filter(|(entry, _)| !asked.contains(entry));
    without
        .map(|((id, language), path)| {
            let fault = format!("entry `{id}` has no phrasing in `{language}`");
            let repair = format!("add `questions`, or write `{id}.{language}.txt`");
            Fault::in_file(path, fault, repair)
        })
        .collect()
}

fn phrasings_without_entry(drafts: &Drafts) -> Vec<Fault> {
    let written: BTreeSet<(&EntryId, Language)> = drafts
        .articles
        .iter()
        .map(|article| (&article.id, article.language))
        .collect();
    let files = drafts.phrasings.iter();
    let without = files.filter(|file| !written.contains(&(&file.id, file.language)));
    without
        .map(|file| {
            let (id, language) = (&file.id, file.language);
            let repair = format!("write `{id}.{language}.md` beside it, or remove the file");
            Fault::in_file(&file.path, "phrasings without an entry", repair)
        })
        .collect()
}
