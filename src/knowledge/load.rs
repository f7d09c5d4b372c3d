//! The only place that opens knowledge files: a folder becomes drafts, drafts become [`Knowledge`].
//!
//! ```text
//! <group>/_group.toml                     order, titles by language
//! <group>/<id>.<language>.md              an entry
//! <group>/<id>.<language>.txt             its phrasings, one a line (instead of, or beside, `questions`)
//! <group>/<id>.<language>.guide.toml      the steps of a wallet
//! lines/<language>.ftl                    the bot's own lines
//! vocabulary.toml, thresholds.toml        what the matcher goes by
//! ```
//! Faults of single files stop a base from loading; faults between files (a missing language, a phrasing in two
//! entries) are `check`'s, so that any set of labelled phrasings can be loaded.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::{
    Knowledge,
    check::{self, Fault, Faults},
    entry::{Article, Entry, EntryId, Group, Language},
    guide::{Guide, GuideStep, GuideText, StepText, StepVariant},
    lines::LinesFile,
    parse::{self, ArticleDraft, GuideDraft, Lined, ScreenDraft, StepDraft},
    vocabulary::{Thresholds, Vocabulary},
    watch::{Fingerprint, Stamp},
};

/// The folder of the bot's own lines, which is no group.
const LINES_FOLDER: &str = "lines";
/// The file that gives a group its title and place.
const GROUP_FILE: &str = "_group.toml";
/// No knowledge file is longer; what is longer is something else put there by mistake.
const MAX_FILE_BYTES: u64 = 8 * 1024 * 1024;

/// A base with everything `check` needs to see.
#[derive(Debug, Default)]
pub struct Loaded {
    /// Entry files.
    pub articles: Vec<ArticleDraft>,
    /// Phrasing files.
    pub phrasings: Vec<PhrasingsFile>,
    /// Guide files.
    pub guides: Vec<GuideDraft>,
    /// Guides that are there and cannot be read.
    pub unread_guides: BTreeSet<(EntryId, Language)>,
    /// Groups by folder.
    pub groups: BTreeMap<String, GroupFile>,
    /// The bot's own lines.
    pub lines: BTreeMap<Language, LinesFile>,
    /// Words that mean the same.
    pub vocabulary: Vocabulary,
    /// Calibrated thresholds.
    pub thresholds: Option<Thresholds>,
}

/// `<id>.<language>.txt`.
#[derive(Debug)]
pub struct PhrasingsFile {
    /// The file.
    pub path: PathBuf,
    /// From its name.
    pub id: EntryId,
    /// From its name.
    pub language: Language,
    /// One a line.
    pub phrasings: Vec<Lined<String>>,
}

/// `_group.toml`.
#[derive(Debug, Default)]
pub struct GroupFile {
    /// The group's folder.
    pub path: PathBuf,
    /// What its file says, if it has one.
    pub draft: Option<GroupDraft>,
}

/// The contents of `_group.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupDraft {
    /// Place among the groups.
    pub order: u32,
    /// Whether `/faq` shows it.
    #[serde(default = "yes")]
    pub browse: bool,
    /// Whether it is small talk.
    #[serde(default)]
    pub small_talk: bool,
    /// Entries to list first, in this order.
    #[serde(default)]
    pub first: Vec<EntryId>,
    /// Titles by language.
    pub title: BTreeMap<Language, String>,
}

fn yes() -> bool {
    true
}

/// Loads a base to work with.
///
/// # Errors
/// Every file that cannot be read or understood.
pub fn load_folder(folder: &Path) -> Result<Knowledge, Faults> {
    let (loaded, faults) = read_folder(folder);
    if faults.is_empty() {
        Ok(loaded.into_knowledge())
    } else {
        Err(Faults(faults))
    }
}

/// Reads a base and finds every fault in it, those between files included.
pub fn check_folder(folder: &Path) -> (Knowledge, Faults) {
    let (loaded, mut faults) = read_folder(folder);
    faults.extend(check::between_files(&loaded));
    faults.sort_by(|a, b| (&a.path, a.line, &a.fault).cmp(&(&b.path, b.line, &b.fault)));
    // A variant that takes its text over from the step shares the step's fault.
    faults.dedup();
    (loaded.into_knowledge(), Faults(faults))
}

/// What lies in a knowledge folder, without opening a file; the same paths that would be read.
pub fn fingerprint(folder: &Path) -> Fingerprint {
    let mut found = BTreeMap::new();
    stamp_folder(folder, &mut found);
    let groups: Vec<_> = (found.iter())
        .filter(|(_, stamp)| stamp.is_none())
        .map(|(path, _)| path.clone())
        .collect();
    for group in groups {
        stamp_folder(&group, &mut found);
    }
    Fingerprint(found)
}

fn stamp_folder(folder: &Path, found: &mut BTreeMap<PathBuf, Option<Stamp>>) {
    match sorted_paths(folder) {
        Ok(paths) => found.extend(paths.into_iter().map(|path| {
            let stamp = stamp(&path);
            (path, stamp)
        })),
        // No folder, or none that can be looked into: that, too, is how things are.
        Err(_) => {
            found.insert(folder.to_owned(), None);
        }
    }
}

/// A folder has no stamp: its times also change with the hidden files that editors put there.
fn stamp(path: &Path) -> Option<Stamp> {
    let file = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    Some(Stamp {
        bytes: file.len(),
        modified: (file.mtime(), file.mtime_nsec()),
        changed: (file.ctime(), file.ctime_nsec()),
    })
}

fn read_folder(folder: &Path) -> (Loaded, Vec<Fault>) {
    let mut reader = FolderReader::default();
    match sorted_paths(folder) {
        Ok(paths) => paths.iter().for_each(|path| reader.top_level(path)),
        Err(error) => reader.faults.push(Fault::in_file(
            folder,
            error,
            "name the folder that holds the knowledge, with --knowledge or KNOWLEDGE_DIR",
        )),
    }
    if reader.faults.is_empty() && reader.loaded.articles.is_empty() {
        reader.faults.push(Fault::in_file(
            folder,
            "there is no entry here",
            "put entries at `<group>/<id>.<language>.md`",
        ));
    }
    (reader.loaded, reader.faults)
}

#[derive(Default)]
struct FolderReader {
    loaded: Loaded,
    faults: Vec<Fault>,
}

impl FolderReader {
    fn top_level(&mut self, path: &Path) {
        let name = file_name(path);
        match (path.is_dir(), name) {
            (true, LINES_FOLDER) => self.each_file(path, Self::lines_file),
            (true, group) => {
                self.loaded.groups.insert(
                    group.to_owned(),
                    GroupFile {
                        path: path.to_owned(),
                        draft: None,
                    },
                );
                self.each_file(path, Self::group_member);
            }
            (false, "vocabulary.toml") => {
                self.loaded.vocabulary = self.data(path).unwrap_or_default()
            }
            (false, "thresholds.toml") => self.loaded.thresholds = self.data(path),
            (false, _) => self.stray(path),
        }
    }

    fn each_file(&mut self, folder: &Path, read: fn(&mut Self, &Path)) {
        match sorted_paths(folder) {
            Ok(paths) => paths.iter().for_each(|path| read(self, path)),
            Err(error) => {
                self.faults
                    .push(Fault::in_file(folder, error, "make the folder readable"))
            }
        }
    }

    fn group_member(&mut self, path: &Path) {
        let name = file_name(path);
        if name == GROUP_FILE {
            self.group_file(path);
        } else if let Some(stem) = name.strip_suffix(".guide.toml") {
            self.named(path, stem, Self::guide_file);
        } else if let Some(stem) = name.strip_suffix(".md") {
            self.named(path, stem, Self::article_file);
        } else if let Some(stem) = name.strip_suffix(".txt") {
            self.named(path, stem, Self::phrasings_file);
        } else {
            self.stray(path);
        }
    }

    fn named(
        &mut self,
        path: &Path,
        stem: &str,
        read: fn(&mut Self, &Path, (EntryId, Language), &str),
    ) {
        match parse::entry_name(path, stem) {
            Ok(name) => {
                if let Some(text) = self.text(path) {
                    read(self, path, name, &text);
                }
            }
            Err(fault) => self.faults.push(fault),
        }
    }

    fn group_file(&mut self, path: &Path) {
        let draft = self.data(path);
        let group = path.parent().map(file_name).unwrap_or_default();
        if let Some(file) = self.loaded.groups.get_mut(group) {
            file.draft = draft;
        }
    }

    fn article_file(&mut self, path: &Path, name: (EntryId, Language), text: &str) {
        match parse::article(path, name, text) {
            Ok(draft) => self.loaded.articles.push(draft),
            Err(faults) => self.faults.extend(faults),
        }
    }

    fn phrasings_file(&mut self, path: &Path, (id, language): (EntryId, Language), text: &str) {
        self.loaded.phrasings.push(PhrasingsFile {
            path: path.to_owned(),
            id,
            language,
            phrasings: parse::phrasings(text),
        });
    }

    fn guide_file(&mut self, path: &Path, name: (EntryId, Language), text: &str) {
        match parse::guide(path, name.clone(), text) {
            Ok(draft) => self.loaded.guides.push(draft),
            Err(faults) => {
                self.loaded.unread_guides.insert(name);
                self.faults.extend(faults);
            }
        }
    }

    fn lines_file(&mut self, path: &Path) {
        let Some(stem) = file_name(path).strip_suffix(".ftl") else {
            return self.stray(path);
        };
        match stem.parse::<Language>() {
            Ok(language) => {
                if let Some(source) = self.text(path) {
                    self.loaded.lines.insert(
                        language,
                        LinesFile {
                            path: path.to_owned(),
                            source,
                        },
                    );
                }
            }
            Err(fault) => self
                .faults
                .push(Fault::in_file(path, fault, "rename the file")),
        }
    }

    fn data<T: for<'de> Deserialize<'de>>(&mut self, path: &Path) -> Option<T> {
        let text = self.text(path)?;
        parse::data(path, &text)
            .map_err(|fault| self.faults.push(fault))
            .ok()
    }

    fn text(&mut self, path: &Path) -> Option<String> {
        read_text(path)
            .map_err(|fault| self.faults.push(fault))
            .ok()
    }

    fn stray(&mut self, path: &Path) {
        self.faults.push(Fault::in_file(
            path,
            "this file is not part of a knowledge base",
            "remove it, or correct its name",
        ));
    }
}

fn read_text(path: &Path) -> Result<String, Fault> {
    let unreadable = |error: io::Error| Fault::in_file(path, error, "make the file readable");
    if fs::metadata(path).map_err(unreadable)?.len() > MAX_FILE_BYTES {
        return Err(Fault::in_file(
            path,
            format!("the file is longer than {} MiB", MAX_FILE_BYTES >> 20),
            "split it, or remove what does not belong here",
        ));
    }
    let bytes = fs::read(path).map_err(unreadable)?;
    String::from_utf8(bytes).map_err(|error| {
        let line = error.as_bytes()[..error.utf8_error().valid_up_to()]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count()
            + 1;
        Fault::at(path, line, "the file is not UTF-8 text", "save it as UTF-8")
    })
}

/// What lies in a folder, in order of name; hidden files and editors' leavings are passed over.
fn sorted_paths(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = file_name(&path);
        if !name.starts_with('.') && !name.ends_with('~') {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn file_name(path: &Path) -> &str {
    path.file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default()
}

impl Loaded {
    /// Joins the files into a base. Where files contradict each other, the first one holds; `check` has said so.
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
    let group = draft
        .path
        .parent()
        .map(file_name)
        .unwrap_or_default()
        .to_owned();
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
        let (system, kind) = variant.fit();
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
