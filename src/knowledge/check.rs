//! Every fault of a base at once: what each says, where it stands, and how it is mended.
//!
//! Single files are judged where they are parsed; here is what shows only when they are seen together, and the limits.

mod guides;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
    path::{Path, PathBuf},
};

use unicode_width::UnicodeWidthStr;

use super::{
    entry::{EntryId, Language},
    lines,
    load::Loaded,
    parse::{ArticleDraft, Lined},
};
use crate::markup::RichText;

/// Display columns of a headline: two lines of a phone.
pub const MAX_TITLE_COLUMNS: usize = 64;
/// Display columns of a button: more is cut off on a phone.
pub const MAX_BUTTON_COLUMNS: usize = 36;
/// Display columns of an answer: about one phone screen of 45 columns and 25 lines; also far below Telegram's 4096.
pub const MAX_BODY_COLUMNS: usize = 1100;
/// Display columns of a line on a phone.
pub const PHONE_COLUMNS: usize = 45;
/// Lines of a step on a phone: what was done stands above it, and the buttons below it.
pub const MAX_STEP_LINES: usize = 8;
/// Display columns of a step's first line, which stands alone in the overview of all steps: two lines of a phone.
pub const MAX_INSTRUCTION_COLUMNS: usize = 2 * PHONE_COLUMNS;
/// Related entries shown as buttons below an answer.
pub const MAX_RELATED: usize = 4;
/// The longest phrasing that still is a question.
pub const MAX_PHRASING_CHARS: usize = 400;

/// Something wrong in a knowledge base, worded for its author.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The file or folder.
    pub path: PathBuf,
    /// The line, from 1, where one is to blame.
    pub line: Option<usize>,
    /// What is wrong.
    pub fault: String,
    /// What to do about it.
    pub repair: String,
}

impl Fault {
    /// A fault of a whole file.
    pub fn in_file(path: &Path, fault: impl ToString, repair: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line: None,
            fault: fault.to_string(),
            repair: repair.into(),
        }
    }

    /// A fault on a line.
    pub fn at(path: &Path, line: usize, fault: impl ToString, repair: impl Into<String>) -> Self {
        Self {
            line: Some(line),
            ..Self::in_file(path, fault, repair)
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.path.display())?;
        if let Some(line) = self.line {
            write!(f, "{line}:")?;
        }
        write!(f, " {}; {}", self.fault, self.repair)
    }
}

/// All faults of a base, one a line.
#[derive(Debug, Clone, Default, PartialEq, Eq, thiserror::Error)]
pub struct Faults(pub Vec<Fault>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|fault| writeln!(f, "{fault}"))
    }
}

/// How many lines a text takes on a phone.
pub fn phone_lines(text: &RichText) -> usize {
    let plain = text.to_plain();
    let lines = plain.split('\n').map(|line| line.width());
    lines
        .map(|columns| columns.div_ceil(PHONE_COLUMNS).max(1))
        .sum()
}

/// The faults that show only when all files are seen together.
pub fn between_files(loaded: &Loaded) -> Vec<Fault> {
    let mut faults = Vec::new();
    faults.extend(groups_without_title(loaded));
    faults.extend(missing_languages(loaded));
    faults.extend(entries_in_two_places(loaded));
    faults.extend(contradictions(loaded));
    faults.extend(unknown_related(loaded));
    faults.extend(phrasing_faults(loaded));
    faults.extend(loaded.articles.iter().flat_map(over_long));
    faults.extend(guides::faults(loaded));
    faults.extend(lines::faults(&loaded.lines));
    faults
}

fn languages(loaded: &Loaded) -> BTreeSet<Language> {
    loaded
        .articles
        .iter()
        .map(|article| article.language)
        .collect()
}

fn groups_without_title(loaded: &Loaded) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (name, group) in &loaded.groups {
        let path = group.path.join("_group.toml");
        let Some(draft) = &group.draft else {
            faults.push(Fault::in_file(
                &path,
                format!("group `{name}` has no title"),
                "write the file: `order = 1`, then `[title]` with a line a language",
            ));
            continue;
        };
        for id in draft
            .first
            .iter()
            .filter(|id| !loaded.articles.iter().any(|article| article.id == **id))
        {
            faults.push(Fault::in_file(
                &path,
                format!("`first` names `{id}`, which is no entry"),
                "correct the id, or take it out",
            ));
        }
        for language in languages(loaded).iter().filter(|language| {
            draft
                .title
                .get(language)
                .is_none_or(|title| title.trim().is_empty())
        }) {
            faults.push(Fault::in_file(
                &path,
                format!("group `{name}` has no title in `{language}`"),
                format!("add `{language} = \"…\"` below `[title]`"),
            ));
        }
    }
    faults
}

fn missing_languages(loaded: &Loaded) -> Vec<Fault> {
    let all = languages(loaded);
    let mut written: BTreeMap<&EntryId, (BTreeSet<Language>, &Path)> = BTreeMap::new();
    for article in &loaded.articles {
        written
            .entry(&article.id)
            .or_insert_with(|| (BTreeSet::new(), &article.path))
            .0
            .insert(article.language);
    }
    let mut faults = Vec::new();
    for (id, (has, path)) in written {
        for language in all.difference(&has) {
            faults.push(Fault::in_file(
                path,
                format!("entry `{id}` is missing in `{language}`"),
                format!("write `{id}.{language}.md` beside it"),
            ));
        }
    }
    faults
}

fn entries_in_two_places(loaded: &Loaded) -> Vec<Fault> {
    let mut first: BTreeMap<(&EntryId, Language), &Path> = BTreeMap::new();
    let mut folders: BTreeMap<&EntryId, &Path> = BTreeMap::new();
    let mut faults = Vec::new();
    for article in &loaded.articles {
        if let Some(earlier) = first.insert((&article.id, article.language), &article.path) {
            faults.push(Fault::in_file(
                &article.path,
                format!("entry `{}` stands in {} too", article.id, earlier.display()),
                "keep one of the two",
            ));
        }
        let folder = article.path.parent().unwrap_or(Path::new(""));
        if *folders.entry(&article.id).or_insert(folder) != folder {
            faults.push(Fault::in_file(
                &article.path,
                format!("entry `{}` lies in two groups", article.id),
                "move all its languages into one folder",
            ));
        }
    }
    faults
}

fn contradictions(loaded: &Loaded) -> Vec<Fault> {
    let mut first: BTreeMap<&EntryId, &ArticleDraft> = BTreeMap::new();
    let mut faults = Vec::new();
    for article in &loaded.articles {
        let earlier = *first.entry(&article.id).or_insert(article);
        if (earlier.decline, earlier.guide) != (article.decline, article.guide) {
            faults.push(Fault::in_file(
                &article.path,
                format!(
                    "`decline` or `guide` is not as in {}",
                    earlier.path.display()
                ),
                "set both alike in every language",
            ));
        }
    }
    faults
}

fn unknown_related(loaded: &Loaded) -> Vec<Fault> {
    let known: BTreeSet<&str> = loaded
        .articles
        .iter()
        .map(|article| article.id.as_str())
        .collect();
    let mut faults = Vec::new();
    for article in &loaded.articles {
        for id in article
            .related
            .iter()
            .filter(|id| !known.contains(id.value.as_str()))
        {
            let fault = format!("`related` names `{}`, which is no entry", id.value);
            faults.push(Fault::at(
                &article.path,
                id.line,
                fault,
                did_you_mean(&id.value, &known),
            ));
        }
        for id in article
            .related
            .iter()
            .filter(|id| id.value == article.id.as_str())
        {
            faults.push(Fault::at(
                &article.path,
                id.line,
                "an entry is related to itself",
                "take the id out",
            ));
        }
        if let Some(extra) = article.related.get(MAX_RELATED) {
            faults.push(Fault::at(
                &article.path,
                extra.line,
                format!("more than {MAX_RELATED} related entries"),
                "keep the most useful ones",
            ));
        }
    }
    faults
}

fn did_you_mean(wrong: &str, known: &BTreeSet<&str>) -> String {
    /// Below this likeness a suggestion would only confuse.
    const ALIKE: f64 = 0.85;
    let scored = known
        .iter()
        .map(|id| (strsim::jaro_winkler(wrong, id), *id));
    match scored.max_by(|a, b| a.0.total_cmp(&b.0)) {
        Some((likeness, id)) if likeness >= ALIKE => format!("did you mean `{id}`?"),
        _ => "write the entry, or take the id out".to_owned(),
    }
}

fn phrasing_faults(loaded: &Loaded) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut without: BTreeMap<(&EntryId, Language), &Path> = loaded
        .articles
        .iter()
        .map(|article| ((&article.id, article.language), article.path.as_path()))
        .collect();
    let mut seen: HashMap<String, (&EntryId, &Path, usize)> = HashMap::new();
    for (id, language, path, phrasing) in all_phrasings(loaded) {
        without.remove(&(id, language));
        if phrasing.value.chars().count() > MAX_PHRASING_CHARS {
            faults.push(Fault::at(
                path,
                phrasing.line,
                format!("a phrasing of more than {MAX_PHRASING_CHARS} characters"),
                "keep the part that asks",
            ));
        }
        let Some((other, earlier, line)) = seen.insert(
            same_phrasing_key(&phrasing.value),
            (id, path, phrasing.line),
        ) else {
            continue;
        };
        let fault = match other == id {
            true => format!(
                "“{}” stands twice, first at {}:{line}",
                phrasing.value,
                earlier.display()
            ),
            false => format!(
                "“{}” belongs to `{other}` too, at {}:{line}",
                phrasing.value,
                earlier.display()
            ),
        };
        faults.push(Fault::at(
            path,
            phrasing.line,
            fault,
            "keep it in one place",
        ));
    }
    for ((id, language), path) in without {
        faults.push(Fault::in_file(
            path,
            format!("entry `{id}` has no phrasing in `{language}`"),
            format!("add `questions`, or write `{id}.{language}.txt`"),
        ));
    }
    for file in loaded.phrasings.iter().filter(|file| {
        !loaded
            .articles
            .iter()
            .any(|article| article.id == file.id && article.language == file.language)
    }) {
        faults.push(Fault::in_file(
            &file.path,
            "phrasings without an entry",
            format!(
                "write `{}.{}.md` beside it, or remove the file",
                file.id, file.language
            ),
        ));
    }
    faults
}

fn all_phrasings(
    loaded: &Loaded,
) -> impl Iterator<Item = (&EntryId, Language, &Path, &Lined<String>)> {
    let inside = loaded.articles.iter().flat_map(|article| {
        article.questions.iter().map(|phrasing| {
            (
                &article.id,
                article.language,
                article.path.as_path(),
                phrasing,
            )
        })
    });
    let beside = loaded.phrasings.iter().flat_map(|file| {
        file.phrasings
            .iter()
            .map(|phrasing| (&file.id, file.language, file.path.as_path(), phrasing))
    });
    inside.chain(beside)
}

/// Two phrasings are the same when only case, spaces and punctuation differ.
fn same_phrasing_key(phrasing: &str) -> String {
    let letters: String = phrasing
        .to_lowercase()
        .chars()
        .map(|c| if c.is_alphanumeric() { c } else { ' ' })
        .collect();
    let key = letters.split_whitespace().collect::<Vec<_>>().join(" ");
    // A phrasing of nothing but marks ("？？", "👋") is told apart by them.
    if key.is_empty() {
        phrasing.trim().to_owned()
    } else {
        key
    }
}

fn over_long(article: &ArticleDraft) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut limit = |text: &Lined<String>, what: &str, most: usize| {
        let columns = text.value.width();
        if columns > most || columns == 0 {
            faults.push(Fault::at(
                &article.path,
                text.line,
                format!(
                    "the {what} has {columns} columns; 1 to {most} fit (a Han character takes two)"
                ),
                "shorten it, or write one",
            ));
        }
    };
    limit(&article.title, "title", MAX_TITLE_COLUMNS);
    match &article.button {
        Some(button) => limit(button, "button", MAX_BUTTON_COLUMNS),
        None if article.title.value.width() > MAX_BUTTON_COLUMNS => limit(
            &article.title,
            "title, which is the button too,",
            MAX_BUTTON_COLUMNS,
        ),
        None => {}
    }
    let columns = article.body.width();
    if columns > MAX_BODY_COLUMNS {
        let fault =
            format!("the answer has {columns} columns; {MAX_BODY_COLUMNS} fit a phone screen");
        faults.push(Fault::in_file(&article.path, fault, "shorten it"));
    }
    faults
}
