//! A knowledge base in memory, with its look-ups.
//!
//! `load` makes it from files; how questions find its entries is left to `matching`.

use std::collections::BTreeMap;

use super::{
    entry::{Article, Entry, EntryId, Group, Language},
    guide::Guide,
    vocabulary::{Thresholds, Vocabulary},
};

#[derive(Debug, Clone, Default)]
pub struct Knowledge {
    pub entries: BTreeMap<EntryId, Entry>,
    /// In the order they are browsed.
    pub groups: Vec<Group>,
    /// By the id of the wallet's entry.
    pub guides: BTreeMap<EntryId, Guide>,
    pub vocabulary: Vocabulary,
    /// The calibrated thresholds of the answers, if the base has its own.
    pub thresholds: Option<Thresholds>,
    /// The bot's own lines: one Fluent source a language, if the base has its own.
    pub lines: BTreeMap<Language, String>,
}

impl Knowledge {
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

    /// Every language that some entry is written in, sorted.
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
