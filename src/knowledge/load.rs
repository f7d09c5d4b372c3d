//! The only place that opens knowledge files: reads a folder into drafts, and takes its fingerprint.
//!
//! ```text
//! <group>/_group.toml                     order, titles by language
//! <group>/<id>.<language>.md              an entry
//! <group>/<id>.<language>.txt             its phrasings, one a line (instead of, or beside, `questions`)
//! <group>/<id>.<language>.guide.toml      the steps of a wallet
//! lines/<language>.ftl                    the bot's own lines
//! vocabulary.toml, thresholds.toml        settings of the matcher
//! ```
//! A fault in a single file stops the base from loading. Faults between files (a missing language, a phrasing in two
//! entries) do not: only `check` looks for them, so that any set of labelled phrasings can be loaded.

use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::{
    base::Knowledge,
    drafts::{Drafts, GroupFile, LinesFile, PhrasingsFile},
    entry::{EntryId, Language},
    fault::{Fault, Faults},
    parse, side_files,
};
use crate::text_file;

/// The folder of the bot's own lines; every other folder is a group.
const LINES_FOLDER: &str = "lines";
/// The file that gives a group its title and place.
const GROUP_FILE: &str = "_group.toml";
/// Largest file that is read, far above any knowledge file; a larger one is there by mistake.
const MAX_FILE_BYTES: u64 = 8 * 1024 * 1024;

/// Loads a base.
///
/// # Errors
/// Every file that cannot be read or parsed.
pub fn load_folder(folder: &Path) -> Result<Knowledge, Faults> {
    let (drafts, faults) = read_folder(folder);
    if faults.is_empty() {
        Ok(drafts.into_knowledge())
    } else {
        Err(Faults(faults))
    }
}

/// Shows that a file changed, without opening it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    pub bytes: u64,
    /// When its contents changed (mtime): seconds and nanoseconds.
    pub modified: (i64, i64),
    /// When its contents or metadata changed (ctime). It notices a copy that keeps the original's mtime, and a file that
    /// becomes readable.
    pub changed: (i64, i64),
}

/// Every path in a knowledge folder with its stamp; `None` for folders and unreadable paths.
///
/// A missing folder has a fingerprint, too, so that its disappearance is noticed as a change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fingerprint(pub BTreeMap<PathBuf, Option<Stamp>>);

/// Takes the fingerprint of a knowledge folder: the same paths that [`load_folder`] would read, none of them opened.
pub fn fingerprint(folder: &Path) -> Fingerprint {
    let mut stamps = BTreeMap::new();
    stamp_folder(folder, &mut stamps);
    let groups: Vec<_> = (stamps.iter())
        .filter(|(_, stamp)| stamp.is_none())
        .map(|(path, _)| path.clone())
        .collect();
    for group in groups {
        stamp_folder(&group, &mut stamps);
    }
    Fingerprint(stamps)
}

fn stamp_folder(folder: &Path, stamps: &mut BTreeMap<PathBuf, Option<Stamp>>) {
    match sorted_paths(folder) {
        Ok(paths) => stamps.extend(paths.into_iter().map(|path| {
            let stamp = stamp_file(&path);
            (path, stamp)
        })),
        // A missing or unreadable folder is a state as well.
        Err(_) => {
            stamps.insert(folder.to_owned(), None);
        }
    }
}

/// `None` for a folder, since its times also change with the hidden files that editors put there, and for what is no file.
fn stamp_file(path: &Path) -> Option<Stamp> {
    let file = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    Some(Stamp {
        bytes: file.len(),
        modified: (file.mtime(), file.mtime_nsec()),
        changed: (file.ctime(), file.ctime_nsec()),
    })
}

/// Reads every file of a folder, with the faults of each; faults between files are left to `check`.
pub fn read_folder(folder: &Path) -> (Drafts, Vec<Fault>) {
    let mut reader = FolderReader::default();
    match sorted_paths(folder) {
        Ok(paths) => paths.iter().for_each(|path| reader.read_top_level(path)),
        Err(error) => reader.faults.push(Fault::in_file(
            folder,
            error,
            "name the folder that holds the knowledge, with --knowledge or KNOWLEDGE_DIR",
        )),
    }
    if reader.faults.is_empty() && reader.drafts.articles.is_empty() {
        reader.faults.push(Fault::in_file(
            folder,
            "there is no entry here",
            "put entries at `<group>/<id>.<language>.md`",
        ));
    }
    (reader.drafts, reader.faults)
}

#[derive(Default)]
struct FolderReader {
    drafts: Drafts,
    faults: Vec<Fault>,
}

impl FolderReader {
    fn read_top_level(&mut self, path: &Path) {
        let name = file_name(path);
        if path.is_dir() {
            self.read_top_folder(path, name);
        } else if name == "vocabulary.toml" {
            self.drafts.vocabulary = self.read_toml(path).unwrap_or_default();
        } else if name == "thresholds.toml" {
            self.drafts.thresholds = self.read_toml(path);
        } else if !side_files::is_note_of_a_project(name) {
            self.report_stray(path);
        }
    }

    fn read_top_folder(&mut self, path: &Path, name: &str) {
        if name == LINES_FOLDER {
            return self.read_each(path, Self::read_lines);
        }
        let group = GroupFile {
            path: path.to_owned(),
            draft: None,
        };
        self.drafts.groups.insert(name.to_owned(), group);
        self.read_each(path, Self::read_group_member);
    }

    fn read_each(&mut self, folder: &Path, read: fn(&mut Self, &Path)) {
        match sorted_paths(folder) {
            Ok(paths) => paths.iter().for_each(|path| read(self, path)),
            Err(error) => {
                self.faults
                    .push(Fault::in_file(folder, error, "make the folder readable"))
            }
        }
    }

    fn read_group_member(&mut self, path: &Path) {
        let name = file_name(path);
        if name == GROUP_FILE {
            self.read_group_file(path);
        } else if let Some(stem) = name.strip_suffix(".guide.toml") {
            self.read_named(path, stem, Self::read_guide);
        } else if let Some(stem) = name.strip_suffix(".md") {
            self.read_named(path, stem, Self::read_article);
        } else if let Some(stem) = name.strip_suffix(".txt") {
            self.read_named(path, stem, Self::read_phrasings);
        } else {
            self.report_stray(path);
        }
    }

    /// Reads a file whose stem is `<id>.<language>`.
    fn read_named(
        &mut self,
        path: &Path,
        stem: &str,
        read: fn(&mut Self, &Path, (EntryId, Language), &str),
    ) {
        match parse::parse_entry_name(path, stem) {
            Ok(name) => {
                if let Some(text) = self.read_text(path) {
                    read(self, path, name, &text);
                }
            }
            Err(fault) => self.faults.push(fault),
        }
    }

    fn read_group_file(&mut self, path: &Path) {
        let draft = self.read_toml(path);
        let group = path.parent().map(file_name).unwrap_or_default();
        if let Some(file) = self.drafts.groups.get_mut(group) {
            file.draft = draft;
        }
    }

    fn read_article(&mut self, path: &Path, name: (EntryId, Language), text: &str) {
        match parse::parse_article(path, name, text) {
            Ok(draft) => self.drafts.articles.push(draft),
            Err(faults) => self.faults.extend(faults),
        }
    }

    fn read_phrasings(&mut self, path: &Path, (id, language): (EntryId, Language), text: &str) {
        self.drafts.phrasings.push(PhrasingsFile {
            path: path.to_owned(),
            id,
            language,
            phrasings: parse::parse_phrasings(text),
        });
    }

    fn read_guide(&mut self, path: &Path, name: (EntryId, Language), text: &str) {
        match parse::parse_guide(path, name.clone(), text) {
            Ok(draft) => self.drafts.guides.push(draft),
            Err(faults) => {
                self.drafts.unread_guides.insert(name);
                self.faults.extend(faults);
            }
        }
    }

    fn read_lines(&mut self, path: &Path) {
        let Some(stem) = file_name(path).strip_suffix(".ftl") else {
            return self.report_stray(path);
        };
        match stem.parse::<Language>() {
            Ok(language) => {
                if let Some(source) = self.read_text(path) {
                    let path = path.to_owned();
                    let file = LinesFile { path, source };
                    self.drafts.lines.insert(language, file);
                }
            }
            Err(fault) => self
                .faults
                .push(Fault::in_file(path, fault, "rename the file")),
        }
    }

    fn read_toml<T: for<'de> Deserialize<'de>>(&mut self, path: &Path) -> Option<T> {
        let text = self.read_text(path)?;
        parse::parse_data(path, &text)
            .map_err(|fault| self.faults.push(fault))
            .ok()
    }

    fn read_text(&mut self, path: &Path) -> Option<String> {
        read_text(path)
            .map_err(|fault| self.faults.push(fault))
            .ok()
    }

    fn report_stray(&mut self, path: &Path) {
        self.faults.push(Fault::in_file(
            path,
            "this file is not part of a knowledge base",
            "remove it, or correct its name",
        ));
    }
}

fn read_text(path: &Path) -> Result<String, Fault> {
    text_file::read_file(path, MAX_FILE_BYTES).map_err(|fault| Fault {
        line: fault.line(),
        ..Fault::in_file(path, &fault, fault.repair())
    })
}

/// The paths in a folder, sorted by name, without the files that systems and editors leave beside others.
fn sorted_paths(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if !side_files::is_side_file(&name) {
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
