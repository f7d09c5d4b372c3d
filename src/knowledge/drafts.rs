//! Drafts: the files of a base as they were read, with line numbers.
//!
//! `parse` and `load` make them, `check` looks for the faults that show only between files, `assemble` joins them.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use serde::Deserialize;

use super::{
    entry::{EntryId, Language},
    guide::{CardKind, PhoneSystem},
    vocabulary::{Thresholds, Vocabulary},
};
use crate::markup::RichText;

/// Every file of a base.
#[derive(Debug, Default)]
pub struct Drafts {
    pub articles: Vec<ArticleDraft>,
    pub phrasings: Vec<PhrasingsFile>,
    pub guides: Vec<GuideDraft>,
    /// Guides whose file exists but cannot be read.
    pub unread_guides: BTreeSet<(EntryId, Language)>,
    /// By the name of the group's folder.
    pub groups: BTreeMap<String, GroupFile>,
    pub lines: BTreeMap<Language, LinesFile>,
    pub vocabulary: Vocabulary,
    pub thresholds: Option<Thresholds>,
}

impl Drafts {
    /// Every language that some entry is written in.
    pub fn languages(&self) -> BTreeSet<Language> {
        self.articles
            .iter()
            .map(|article| article.language)
            .collect()
    }
}

/// A value and its line, from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lined<T> {
    pub value: T,
    pub line: usize,
}

/// `<id>.<language>.md`: front matter, then the answer.
#[derive(Debug, Clone)]
pub struct ArticleDraft {
    pub path: PathBuf,
    /// From the file's name, as is the language.
    pub id: EntryId,
    pub language: Language,
    pub title: Lined<String>,
    /// The short label; without one, the title is the label.
    pub button: Option<Lined<String>>,
    /// The phrasings in the front matter.
    pub questions: Vec<Lined<String>>,
    /// Ids as written; they may name no entry.
    pub related: Vec<Lined<String>>,
    /// Whether "Guide me step by step" is offered below the answer.
    pub guide: bool,
    /// Whether the answer is a polite refusal.
    pub decline: bool,
    pub body: RichText,
}

/// `<id>.<language>.txt`: phrasings, one a line.
#[derive(Debug)]
pub struct PhrasingsFile {
    pub path: PathBuf,
    /// From the file's name, as is the language.
    pub id: EntryId,
    pub language: Language,
    pub phrasings: Vec<Lined<String>>,
}

/// `<id>.<language>.guide.toml`: a wallet's steps.
#[derive(Debug, Clone)]
pub struct GuideDraft {
    pub path: PathBuf,
    /// From the file's name, as is the language.
    pub id: EntryId,
    pub language: Language,
    /// The wallet's name.
    pub name: Lined<String>,
    /// Place in the list of wallets; lower numbers come first.
    pub order: Lined<u32>,
    /// An emoji, or nothing.
    pub icon: String,
    /// Other names people use for the wallet.
    pub aliases: Vec<Lined<String>>,
    /// Phone systems its cards live on.
    pub systems: Lined<Vec<PhoneSystem>>,
    /// Kinds of card it holds.
    pub kinds: Lined<Vec<CardKind>>,
    /// The steps as written; `check` compares them with the five required ones.
    pub steps: Vec<StepDraft>,
}

/// One step of a [`GuideDraft`].
#[derive(Debug, Clone)]
pub struct StepDraft {
    pub id: Lined<EntryId>,
    /// Shown unless a variant fits.
    pub text: ScreenDraft,
    /// Other texts for some phones or cards.
    pub variants: Vec<VariantDraft>,
}

/// The text of a step or variant.
#[derive(Debug, Clone)]
pub struct ScreenDraft {
    pub title: Lined<String>,
    pub body: Lined<RichText>,
}

/// Another text for a step; a title or body it leaves out is copied from the step.
#[derive(Debug, Clone)]
pub struct VariantDraft {
    /// `None` fits every system.
    pub system: Option<Lined<PhoneSystem>>,
    /// `None` fits every kind.
    pub kind: Option<Lined<CardKind>>,
    pub text: ScreenDraft,
}

impl VariantDraft {
    /// The system and kind it is for.
    pub fn target(&self) -> (Option<PhoneSystem>, Option<CardKind>) {
        let system = self.system.as_ref().map(|system| system.value);
        (system, self.kind.as_ref().map(|kind| kind.value))
    }

    /// The line to name in a fault: that of the system, else of the kind, else of the title.
    pub fn line(&self) -> usize {
        let system = self.system.as_ref().map(|system| system.line);
        let kind = self.kind.as_ref().map(|kind| kind.line);
        system.or(kind).unwrap_or(self.text.title.line)
    }
}

/// A group's folder with its `_group.toml`, if there is one that can be read.
#[derive(Debug, Default)]
pub struct GroupFile {
    pub path: PathBuf,
    pub draft: Option<GroupDraft>,
}

/// The contents of `_group.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupDraft {
    /// Place among the groups; lower numbers come first.
    pub order: u32,
    /// Whether `/faq` shows it.
    #[serde(default = "default_browse")]
    pub browse: bool,
    #[serde(default)]
    pub small_talk: bool,
    /// Entries to list first, in this order.
    #[serde(default)]
    pub first: Vec<EntryId>,
    /// Titles by language.
    pub title: BTreeMap<Language, String>,
}

fn default_browse() -> bool {
    true
}

/// `lines/<language>.ftl`: the bot's own lines, as Fluent source.
#[derive(Debug)]
pub struct LinesFile {
    pub path: PathBuf,
    pub source: String,
}
