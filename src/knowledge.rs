//! What the assistant knows: entries, their phrasings, the wallets' guides, the vocabulary, the bot's own lines.
//!
//! `parse` turns one file's text into a draft and is pure; `load` is the only place that opens files; `check` finds
//! every fault of a base at once; `watch` notices that a folder changed, and `changes` says what. What is *asked* for is left to `matching`, what is *said* to `dialogue`.

pub mod changes;
pub mod check;
pub mod entry;
pub mod guide;
pub mod lines;
pub mod load;
pub mod parse;
pub mod vocabulary;
pub mod watch;

use std::collections::BTreeMap;

pub use changes::Changes;
pub use check::{Fault, Faults};
pub use entry::{Article, Entry, EntryId, Group, Language};
pub use guide::{CardKind, Guide, GuideStep, PhoneSystem, StepText};
pub use lines::Lines;
pub use load::{Loaded, check_folder, load_folder};
pub use vocabulary::{Courtesy, Rewrite, Synonyms, Thresholds, Vocabulary};

/// A whole knowledge base, read and understood.
#[derive(Debug, Clone, Default)]
pub struct Knowledge {
    /// Entries by id.
    pub entries: BTreeMap<EntryId, Entry>,
    /// Groups in the order they are browsed.
    pub groups: Vec<Group>,
    /// Guides by the id of the wallet's entry.
    pub guides: BTreeMap<EntryId, Guide>,
    /// Words and phrases that mean the same to the matcher.
    pub vocabulary: Vocabulary,
    /// The calibrated thresholds of the answers, where the base has them.
    pub thresholds: Option<Thresholds>,
    /// The bot's own lines, one Fluent source a language, where the base brings them.
    pub lines: BTreeMap<Language, String>,
}

impl Knowledge {
    /// The entry with this id.
    pub fn entry(&self, id: &EntryId) -> Option<&Entry> {
        self.entries.get(id)
    }

    /// The entry's text in `language`, else in the first language it has.
    pub fn article(&self, id: &EntryId, language: Language) -> Option<&Article> {
        let entry = self.entries.get(id)?;
        entry
            .articles
            .get(&language)
            .or_else(|| entry.articles.values().next())
    }

    /// Every language an entry is written in, in order.
    pub fn languages(&self) -> Vec<Language> {
        let mut languages: Vec<_> = self
            .entries
            .values()
            .flat_map(|entry| entry.articles.keys().copied())
            .collect();
        languages.sort_unstable();
        languages.dedup();
        languages
    }

    /// The guides with the ids of their wallets, in the order they are offered.
    pub fn guides_in_order(&self) -> Vec<(&EntryId, &Guide)> {
        let mut guides: Vec<_> = self.guides.iter().collect();
        guides.sort_by_key(|(id, guide)| (guide.order, (*id).clone()));
        guides
    }

    /// The entries of a group: first those its file names, in that order, then the others by id.
    pub fn entries_of<'a>(&'a self, group: &'a Group) -> impl Iterator<Item = &'a Entry> {
        let named = group.first.iter().filter_map(|id| self.entries.get(id));
        let others = self
            .entries
            .values()
            .filter(|entry| !group.first.contains(&entry.id));
        named.chain(others).filter(|entry| entry.group == group.id)
    }
}
