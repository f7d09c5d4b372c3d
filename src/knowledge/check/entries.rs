//! Faults of entries: each is written once in every language, alike where it must be, short enough, and its related
//! entries exist.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use unicode_width::UnicodeWidthStr;

use super::limits::{MAX_BODY_COLUMNS, MAX_BUTTON_COLUMNS, MAX_RELATED, MAX_TITLE_COLUMNS};
use crate::knowledge::{
    drafts::{ArticleDraft, Drafts, Lined},
    entry::{EntryId, Language},
    fault::Fault,
};

pub(super) fn faults(drafts: &Drafts) -> Vec<Fault> {
    let articles = drafts.articles.as_slice();
    let mut faults = missing_languages(drafts);
    faults.extend(repeated_entries(articles));
    faults.extend(split_entries(articles));
    faults.extend(contradictions(articles));
    faults.extend(unknown_related(articles));
    faults.extend(articles.iter().flat_map(related_to_itself));
    faults.extend(articles.iter().filter_map(too_many_related));
    faults.extend(articles.iter().filter_map(wrong_title));
    faults.extend(articles.iter().filter_map(wrong_button));
    faults.extend(articles.iter().filter_map(long_body));
    faults
}

fn missing_languages(drafts: &Drafts) -> Vec<Fault> {
    let all = drafts.languages();
    let mut written: BTreeMap<&EntryId, (BTreeSet<Language>, &Path)> = BTreeMap::new();
    for article in &drafts.articles {
        let new = || (BTreeSet::new(), article.path.as_path());
        let (languages, _) = written.entry(&article.id).or_insert_with(new);
        languages.insert(article.language);
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

/// Two files for one entry in one language.
fn repeated_entries(articles: &[ArticleDraft]) -> Vec<Fault> {
    let mut first: BTreeMap<(&EntryId, Language), &Path> = BTreeMap::new();
    let mut faults = Vec::new();
    for article in articles {
        if let Some(earlier) = first.insert((&article.id, article.language), &article.path) {
            faults.push(Fault::in_file(
                &article.path,
                format!("entry `{}` stands in {} too", article.id, earlier.display()),
                "keep one of the two",
            ));
        }
    }
    faults
}

/// Entries whose languages lie in different groups.
fn split_entries(articles: &[ArticleDraft]) -> Vec<Fault> {
    let mut folders: BTreeMap<&EntryId, &Path> = BTreeMap::new();
    let mut faults = Vec::new();
    for article in articles {
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

/// Entries whose languages disagree on `decline` or `guide`.
fn contradictions(articles: &[ArticleDraft]) -> Vec<Fault> {
    let mut first: BTreeMap<&EntryId, &ArticleDraft> = BTreeMap::new();
    let mut faults = Vec::new();
    for article in articles {
        let earlier = *first.entry(&article.id).or_insert(article);
        if (earlier.decline, earlier.guide) != (article.decline, article.guide) {
            let earlier = earlier.path.display();
            faults.push(Fault::in_file(
                &article.path,
                format!("`decline` or `guide` is not as in {earlier}"),
                "set both alike in every language",
            ));
        }
    }
    faults
}

fn unknown_related(articles: &[ArticleDraft]) -> Vec<Fault> {
    let known: BTreeSet<&str> = articles.iter().map(|article| article.id.as_str()).collect();
    let mut faults = Vec::new();
    for article in articles {
        let unknown = (article.related.iter()).filter(|id| !known.contains(id.value.as_str()));
        faults.extend(unknown.map(|id| {
            let fault = format!("`related` names `{}`, which is no entry", id.value);
            let repair = suggest_id(&id.value, &known);
            Fault::at(&article.path, id.line, fault, repair)
        }));
    }
    faults
}

/// The repair for an unknown id: the entry that was probably meant, if one is near enough.
fn suggest_id(wrong: &str, known: &BTreeSet<&str>) -> String {
    /// Below this similarity a suggestion would only confuse.
    const MIN_SIMILARITY: f64 = 0.85;
    let scored = known
        .iter()
        .map(|id| (strsim::jaro_winkler(wrong, id), *id));
    match scored.max_by(|a, b| a.0.total_cmp(&b.0)) {
        Some((similarity, id)) if similarity >= MIN_SIMILARITY => format!("did you mean `{id}`?"),
        _ => "write the entry, or take the id out".to_owned(),
    }
}

fn related_to_itself(article: &ArticleDraft) -> impl Iterator<Item = Fault> {
    let related = article.related.iter();
    related
        .filter(|id| id.value == article.id.as_str())
        .map(|id| {
            let fault = "an entry is related to itself";
            Fault::at(&article.path, id.line, fault, "take the id out")
        })
}

fn too_many_related(article: &ArticleDraft) -> Option<Fault> {
    let extra = article.related.get(MAX_RELATED)?;
    let fault = format!("more than {MAX_RELATED} related entries");
    let repair = "keep the most useful ones";
    Some(Fault::at(&article.path, extra.line, fault, repair))
}

fn wrong_title(article: &ArticleDraft) -> Option<Fault> {
    wrong_length(article, &article.title, "title", MAX_TITLE_COLUMNS)
}

fn wrong_button(article: &ArticleDraft) -> Option<Fault> {
    match &article.button {
        Some(button) => wrong_length(article, button, "button", MAX_BUTTON_COLUMNS),
        // `wrong_title` reports an empty title.
        None if article.title.value.width() == 0 => None,
        None => {
            let what = "title, which is the button too,";
            wrong_length(article, &article.title, what, MAX_BUTTON_COLUMNS)
        }
    }
}

fn wrong_length(
    article: &ArticleDraft,
    text: &Lined<String>,
    what: &str,
    most: usize,
) -> Option<Fault> {
    let columns = text.value.width();
    if (1..=most).contains(&columns) {
        return None;
    }
    let fault =
        format!("the {what} has {columns} columns; 1 to {most} fit (a Han character takes two)");
    let repair = "shorten it, or write one";
    Some(Fault::at(&article.path, text.line, fault, repair))
}

fn long_body(article: &ArticleDraft) -> Option<Fault> {
    let columns = article.body.width();
    if columns <= MAX_BODY_COLUMNS {
        return None;
    }
    let fault = format!("the answer has {columns} columns; {MAX_BODY_COLUMNS} fit a phone screen");
    Some(Fault::in_file(&article.path, fault, "shorten it"))
}
