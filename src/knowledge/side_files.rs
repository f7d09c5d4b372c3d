//! Which names in a knowledge folder are passed over: what editors, systems and file managers leave beside people's files.

/// Ends of names, in small letters.
const SUFFIXES: [&str; 16] = [
    // Emacs, Vim, gedit and others keep the version before under this name.
    "~",
    ".bak",
    ".old",
    ".orig",
    ".save",
    // Left by a patch, or by a merge, that did not fit.
    ".rej",
    // Half-written files.
    ".tmp",
    ".temp",
    ".part",
    ".partial",
    ".crdownload",
    // Left by the package managers of Linux distributions.
    ".dpkg-dist",
    ".dpkg-old",
    ".rpmnew",
    ".rpmsave",
    ".rpmorig",
];
/// Whole names, in small letters.
const NAMES: [&str; 10] = [
    // Windows.
    "thumbs.db",
    "ehthumbs.db",
    "desktop.ini",
    "$recycle.bin",
    "system volume information",
    // macOS: the icon of a folder, and what its archives have beside the files.
    "icon\r",
    "__macosx",
    // The root of a Linux file system.
    "lost+found",
    // Storage servers.
    "@eadir",
    "#recycle",
];
/// Vim tries whether it can write in a folder by making a file of this name, or of the next one in steps of 123.
const VIM_PROBE: u32 = 4913;
const VIM_PROBE_STEP: u32 = 123;
/// What projects keep beside their data, as the part of the name before the first dot, in small letters.
const NOTES: [&str; 6] = [
    "readme",
    "license",
    "licence",
    "copying",
    "notice",
    "changelog",
];
const NOTE_ENDINGS: [&str; 5] = ["", ".md", ".txt", ".rst", ".adoc"];

/// Whether a file or folder of this name is nobody's knowledge.
pub(super) fn is_side_file(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    // Hidden files: Vim's `.x.swp`, Emacs's lock `.#x`, macOS's `.DS_Store` and `._x`, `.git`.
    lower.starts_with('.')
        // Office's lock `~$x`, Syncthing's `~syncthing~x`.
        || lower.starts_with('~')
        || SUFFIXES.iter().any(|suffix| lower.ends_with(suffix))
        || NAMES.contains(&lower.as_str())
        || is_autosave_of_emacs(&lower)
        || is_swap_of_vim(&lower)
        || is_probe_of_vim(&lower)
        // JetBrains: `x___jb_tmp___`, `x___jb_old___`.
        || lower.contains("___jb_")
}

/// Whether a file of this name at the top of the folder is about the folder: README, LICENSE.
pub(super) fn is_note_of_a_project(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let stem = lower.split('.').next().unwrap_or_default();
    let ending = lower.rfind('.').map_or("", |at| &lower[at..]);
    NOTES.contains(&stem) && NOTE_ENDINGS.contains(&ending)
}

/// `#x#`, and `#x#123` for buffers without a file.
fn is_autosave_of_emacs(name: &str) -> bool {
    let inner = name.strip_prefix('#');
    inner.is_some_and(|inner| inner.contains('#'))
}

/// `x.swp`, `x.swo`, …
fn is_swap_of_vim(name: &str) -> bool {
    let ending = name.rsplit_once(".sw").map(|(_, ending)| ending);
    ending.is_some_and(|ending| matches!(ending.as_bytes(), [b'a'..=b'z']))
}

fn is_probe_of_vim(name: &str) -> bool {
    let number = name.parse::<u32>().ok();
    let above = number.and_then(|number| number.checked_sub(VIM_PROBE));
    above.is_some_and(|above| above.is_multiple_of(VIM_PROBE_STEP))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_editors_and_systems_leave_is_passed_over_and_knowledge_is_not() {
        for name in [
            "#x.en.md#",
            "#*scratch*#4Fd",
            "x.en.md~",
            "x.en.md.~1~",
            ".#x.en.md",
            ".x.en.md.swp",
            "x.en.md.swp",
            "x.en.md.swo",
            "x.en.md.bak",
            "x.en.md.BAK",
            "x.en.md.orig",
            "x.en.md.rej",
            "x.en.md.tmp",
            "x.en.md___jb_tmp___",
            "x.en.md___jb_old___",
            "4913",
            "5036",
            "Thumbs.db",
            "desktop.ini",
            "Desktop.ini",
            ".DS_Store",
            "._x.en.md",
            "lost+found",
            "__MACOSX",
            "Icon\r",
            "~$x.en.md",
            ".git",
            ".nfs0000001",
        ] {
            assert!(is_side_file(name), "{name}");
        }
        for name in [
            "x.en.md",
            "x.en.txt",
            "_group.toml",
            "x.en.guide.toml",
            "en.ftl",
            "faq",
            "bak",
            "4914",
            "tmp.en.md",
            "orig.en.md",
            "README.md",
            "x#1",
            "notes.doc",
        ] {
            assert!(!is_side_file(name), "{name}");
        }
    }

    #[test]
    fn notes_about_the_folder_are_told_from_stray_files() {
        for name in [
            "README",
            "README.md",
            "readme.txt",
            "README.zh.md",
            "LICENSE",
            "LICENSE.txt",
        ] {
            assert!(is_note_of_a_project(name), "{name}");
        }
        for name in ["readme.html", "notes.md", "readme-first.md", "a.readme"] {
            assert!(!is_note_of_a_project(name), "{name}");
        }
    }
}
