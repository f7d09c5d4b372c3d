//! Joins drafts into a [`Knowledge`]: phrasings to their entries, the languages of an entry or guide to one.
//!
//! Never fails: what is missing or contradicts itself is reported by `check`.

use std::{collections::BTreeMap, ffi::OsStr, path::Path};

use super::{
    base::Knowledge,
    drafts::{ArticleDraft, Drafts, GroupDraft, GroupFile, GuideDraft, ScreenDraft, StepDraft},
    entry::{Article, Entry, EntryId, Group, Language},
    guide::{Guide, GuideStep, GuideText, StepText, StepVariant},
};

impl Drafts {
    /// Joins the files into a base. Where files contradict each other, the first one wins; `check` reports the fault.
    pub fn into_knowledge(self) -> Knowledge {
        let mut phrasings: BTreeMap<(EntryId, Language), Vec<String>> = BTreeMap::new();
        for file in self.phrasings {
            phrasings
                .entry((file.id, file.language))
                .or_default()
                .extend(file.phrasings.into_iter().map(|phrase| phrase.value));
        }
        let mut entries = BTreeMap::new();
        for draft in self.articles {
            let listed = phrasings
                .remove(&(draft.id.clone(), draft.language))
                .unwrap_or_default();
            add_article(&mut entries, draft, listed);
        }
        Knowledge {
            entries,
            groups: join_groups(self.groups),
            guides: join_guides(self.guides),
            vocabulary: self.vocabulary,
            thresholds: self.thresholds,
            lines: self
                .lines
                .into_iter()
                .map(|(language, file)| (language, file.source))
                .collect(),
        }
    }
}

fn add_article(entries: &mut BTreeMap<EntryId, Entry>, draft: ArticleDraft, listed: Vec<String>) {
    let group = group_of(&draft.path).to_owned();
    let entry = entries.entry(draft.id.clone()).or_insert_with(|| Entry {
        id: draft.id,
        group,
        decline: false,
        guide: false,
        articles: BTreeMap::new(),
    });
    entry.decline |= draft.decline;
    entry.guide |= draft.guide;
    let questions = draft
        .questions
        .into_iter()
        .map(|question| question.value)
        .chain(listed)
        .collect();
    let related = draft
        .related
        .iter()
        .filter_map(|id| id.value.parse().ok())
        .collect();
    let button = draft
        .button
        .map_or_else(|| draft.title.value.clone(), |button| button.value);
    entry.articles.entry(draft.language).or_insert(Article {
        title: draft.title.value,
        button,
        body: draft.body,
        questions,
        related,
    });
}

/// The name of the folder a file lies in.
fn group_of(path: &Path) -> &str {
    let folder = path.parent().and_then(Path::file_name);
    folder.and_then(OsStr::to_str).unwrap_or_default()
}

fn join_groups(files: BTreeMap<String, GroupFile>) -> Vec<Group> {
    let mut groups: Vec<_> = files
        .into_iter()
        .map(|(id, file)| to_group(id, file.draft))
        .collect();
    groups.sort_by(|a, b| (a.order, &a.id).cmp(&(b.order, &b.id)));
    groups
}

fn to_group(id: String, draft: Option<GroupDraft>) -> Group {
    match draft {
        Some(draft) => Group {
            id,
            order: draft.order,
            browse: draft.browse,
            small_talk: draft.small_talk,
            first: draft.first,
            titles: draft.title,
        },
        None => Group {
            id,
            order: u32::MAX,
            browse: true,
            small_talk: false,
            first: Vec::new(),
            titles: BTreeMap::new(),
        },
    }
}

fn join_guides(drafts: Vec<GuideDraft>) -> BTreeMap<EntryId, Guide> {
    let mut guides = BTreeMap::new();
    for draft in drafts {
        let guide = guides.entry(draft.id).or_insert_with(|| Guide {
            order: draft.order.value,
            systems: draft.systems.value,
            kinds: draft.kinds.value,
            texts: BTreeMap::new(),
        });
        let aliases = draft.aliases.into_iter().map(|alias| alias.value);
        guide.texts.entry(draft.language).or_insert(GuideText {
            name: draft.name.value,
            icon: draft.icon,
            aliases: aliases.collect(),
            steps: draft.steps.into_iter().map(to_step).collect(),
        });
    }
    guides
}

fn to_step(draft: StepDraft) -> GuideStep {
    let variants = draft.variants.into_iter().map(|variant| {
        let (system, kind) = variant.target();
        StepVariant {
            system,
            kind,
            text: to_step_text(variant.text),
        }
    });
    GuideStep {
        id: draft.id.value,
        text: to_step_text(draft.text),
        variants: variants.collect(),
    }
}

fn to_step_text(draft: ScreenDraft) -> StepText {
    StepText {
        title: draft.title.value,
        body: draft.body.value,
    }
}
