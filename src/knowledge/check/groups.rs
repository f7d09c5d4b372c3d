//! Faults of groups: each has a file with a title in every language, and lists only existing entries.

use std::{collections::BTreeSet, path::PathBuf};

use crate::knowledge::{
    drafts::{Drafts, GroupDraft, GroupFile},
    entry::EntryId,
    fault::Fault,
};

pub(super) fn faults(drafts: &Drafts) -> Vec<Fault> {
    let mut faults = groups_without_file(drafts);
    faults.extend(unknown_first_entries(drafts));
    faults.extend(missing_titles(drafts));
    faults
}

fn groups_without_file(drafts: &Drafts) -> Vec<Fault> {
    let groups = drafts.groups.iter();
    groups
        .filter(|(_, group)| group.draft.is_none())
        .map(|(name, group)| {
            Fault::in_file(
                &file_of(group),
                format!("group `{name}` has no title"),
                "write the file: `order = 1`, then `[title]` with a line a language",
            )
        })
        .collect()
}

fn unknown_first_entries(drafts: &Drafts) -> Vec<Fault> {
    let known: BTreeSet<&EntryId> = drafts.articles.iter().map(|article| &article.id).collect();
    let mut faults = Vec::new();
    for (_, group, draft) in readable(drafts) {
        for id in draft.first.iter().filter(|id| !known.contains(id)) {
            faults.push(Fault::in_file(
                &file_of(group),
                format!("`first` names `{id}`, which is no entry"),
                "correct the id, or take it out",
            ));
        }
    }
    faults
}

fn missing_titles(drafts: &Drafts) -> Vec<Fault> {
    let languages = drafts.languages();
    let mut faults = Vec::new();
    for (name, group, draft) in readable(drafts) {
        let has_title = |language| {
            let title = draft.title.get(language);
            title.is_some_and(|title| !title.trim().is_empty())
        };
        for language in languages.iter().filter(|language| !has_title(language)) {
            faults.push(Fault::in_file(
                &file_of(group),
                format!("group `{name}` has no title in `{language}`"),
                format!("add `{language} = \"…\"` below `[title]`"),
            ));
        }
    }
    faults
}

/// The groups whose file could be read, with their names.
fn readable(drafts: &Drafts) -> impl Iterator<Item = (&str, &GroupFile, &GroupDraft)> {
    drafts
        .groups
        .iter()
        .filter_map(|(name, group)| Some((name.as_str(), group, group.draft.as_ref()?)))
}

fn file_of(group: &GroupFile) -> PathBuf {
    group.path.join("_group.toml")
}
