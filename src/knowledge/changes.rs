//! What changed between two bases, in one line for the log, so that an author sees that an edit was loaded.

use std::{
    collections::{BTreeMap, HashSet},
    fmt,
};

use super::{
    base::Knowledge,
    entry::{Entry, EntryId},
};

/// Entries named in the line; more would hide the counts.
const MAX_NAMED: usize = 5;

/// What changed from one base to another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    pub new: Vec<EntryId>,
    /// Entries with a change in any part, phrasings included.
    pub changed: Vec<EntryId>,
    pub gone: Vec<EntryId>,
    /// Phrasings of new entries are counted, too.
    pub new_phrasings: usize,
    pub gone_phrasings: usize,
    /// Names of the other parts that changed.
    pub parts: Vec<&'static str>,
}

impl Changes {
    pub fn between(before: &Knowledge, after: &Knowledge) -> Self {
        // Destructured, so that a new field of a base does not compile until it is handled here.
        let Knowledge {
            entries,
            groups,
            guides,
            vocabulary,
            thresholds,
            lines,
        } = after;
        let parts = [
            ("groups", *groups != before.groups),
            ("guides", *guides != before.guides),
            ("vocabulary", *vocabulary != before.vocabulary),
            ("thresholds", *thresholds != before.thresholds),
            ("the bot's own lines", *lines != before.lines),
        ];
        let in_both = |id: &&EntryId| before.entries.contains_key(*id);
        let differs = |id: &&EntryId| before.entries.get(*id) != entries.get(*id);
        Self {
            new: entries.keys().filter(|id| !in_both(id)).cloned().collect(),
            changed: (entries.keys().filter(in_both))
                .filter(differs)
                .cloned()
                .collect(),
            gone: (before.entries.keys())
                .filter(|id| !entries.contains_key(*id))
                .cloned()
                .collect(),
            new_phrasings: phrasings_only_in(entries, &before.entries),
            gone_phrasings: phrasings_only_in(&before.entries, entries),
            parts: (parts.iter())
                .filter(|(_, differs)| *differs)
                .map(|(name, _)| *name)
                .collect(),
        }
    }

    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

type Entries = BTreeMap<EntryId, Entry>;

fn phrasings_only_in(entries: &Entries, others: &Entries) -> usize {
    let others: HashSet<_> = phrasings_of(others).collect();
    phrasings_of(entries)
        .filter(|phrasing| !others.contains(phrasing))
        .count()
}

/// Each phrasing with its entry: one that moved to another entry counts as gone and as new.
fn phrasings_of(entries: &Entries) -> impl Iterator<Item = (&EntryId, &str)> {
    entries.values().flat_map(|entry| {
        let articles = entry.articles.values();
        articles
            .flat_map(|article| &article.questions)
            .map(|phrasing| (&entry.id, phrasing.as_str()))
    })
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut changes = Vec::new();
        for (how, ids) in [
            ("new", &self.new),
            ("changed", &self.changed),
            ("gone", &self.gone),
        ] {
            if !ids.is_empty() {
                let count = with_noun(ids.len(), "entry", "entries");
                changes.push(format!("{count} {how} ({})", list_ids(ids)));
            }
        }
        for (how, count) in [("new", self.new_phrasings), ("gone", self.gone_phrasings)] {
            if count > 0 {
                let count = with_noun(count, "phrasing", "phrasings");
                changes.push(format!("{count} {how}"));
            }
        }
        changes.extend(self.parts.iter().map(|part| format!("{part} changed")));
        f.write_str(&changes.join(", "))
    }
}

fn with_noun(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn list_ids(ids: &[EntryId]) -> String {
    let mut names: Vec<_> = ids.iter().take(MAX_NAMED).map(EntryId::as_str).collect();
    if ids.len() > MAX_NAMED {
        names.push("…");
    }
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        knowledge::{Article, Language, Thresholds},
        markup::RichText,
    };

    fn base(entries: &[(&str, &str, &[&str])]) -> Knowledge {
        let entry = |(id, title, questions): &(&str, &str, &[&str])| {
            let article = Article {
                title: (*title).to_owned(),
                button: (*title).to_owned(),
                body: RichText::default(),
                questions: questions.iter().map(ToString::to_string).collect(),
                related: Vec::new(),
            };
            let id: EntryId = id.parse().expect("an id");
            let entry = Entry {
                id: id.clone(),
                group: "group".to_owned(),
                decline: false,
                guide: false,
                articles: [(Language::EN, article)].into(),
            };
            (id, entry)
        };
        Knowledge {
            entries: entries.iter().map(entry).collect(),
            ..Knowledge::default()
        }
    }

    #[test]
    fn entries_and_phrasings_that_came_changed_and_went_are_told_in_one_line() {
        let before = base(&[
            ("kept", "Kept", &["one"]),
            ("reworded", "Before", &["two"]),
            ("gone", "Gone", &["three"]),
        ]);
        let after = base(&[
            ("kept", "Kept", &["one"]),
            ("reworded", "After", &["two", "another two"]),
            ("new", "New", &["three", "four"]),
        ]);
        assert_eq!(
            Changes::between(&before, &after).to_string(),
            "1 entry new (new), 1 entry changed (reworded), 1 entry gone (gone), 3 phrasings new, 1 phrasing gone"
        );
    }

    #[test]
    fn what_is_not_an_entry_is_named() {
        let before = base(&[]);
        let after = Knowledge {
            thresholds: Some(Thresholds {
                answer: 0.5,
                suggest: 0.25,
                margin: 0.0,
            }),
            lines: [(Language::EN, "hello = Hello".to_owned())].into(),
            ..Knowledge::default()
        };
        assert_eq!(
            Changes::between(&before, &after).to_string(),
            "thresholds changed, the bot's own lines changed"
        );
    }

    #[test]
    fn the_same_said_twice_is_no_change_and_another_order_of_phrasings_is_one() {
        let first = base(&[("a", "A", &["one", "two"])]);
        assert!(Changes::between(&first, &first.clone()).is_empty());
        let turned = base(&[("a", "A", &["two", "one"])]);
        assert!(!Changes::between(&first, &turned).is_empty());
    }

    #[test]
    fn of_many_entries_the_first_are_named() {
        let ids = ["a", "b", "c", "d", "e", "f", "g"];
        let many: Vec<_> = ids.iter().map(|id| (*id, "T", [].as_slice())).collect();
        assert_eq!(
            Changes::between(&base(&[]), &base(&many)).to_string(),
            "7 entries new (a, b, c, d, e, …)"
        );
    }
}
