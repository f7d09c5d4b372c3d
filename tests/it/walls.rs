//! The walls of the house: which crate and which room may be named where.

use std::{
    fs,
    path::{Path, PathBuf},
};

fn sources() -> Vec<(String, String)> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"));
    let mut folders = vec![root.to_owned()];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder)
            .expect("a folder")
            .map(|entry| entry.expect("an entry").path())
        {
            match path.is_dir() {
                true => folders.push(path),
                false => sources.push((name(root, &path), code(&path))),
            }
        }
    }
    assert!(sources.len() > 20, "the sources were not found");
    sources
}

fn name(root: &Path, path: &Path) -> String {
    path.strip_prefix(root)
        .expect("below the root")
        .to_string_lossy()
        .replace('\\', "/")
}

/// The file without its comments, which may name anything, and without its tests.
fn code(path: &PathBuf) -> String {
    let text = fs::read_to_string(path).expect("a source");
    let text = text
        .split("#[cfg(test)]\nmod tests")
        .next()
        .unwrap_or_default();
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Files that name `word` although they are not among `allowed` (a file, or a room and all in it).
fn trespassers(word: &str, allowed: &[&str]) -> Vec<String> {
    let is_allowed = |name: &str| {
        allowed
            .iter()
            .any(|room| name == format!("{room}.rs") || name.starts_with(&format!("{room}/")))
    };
    sources()
        .into_iter()
        .filter(|(name, code)| code.contains(word) && !is_allowed(name))
        .map(|(name, _)| name)
        .collect()
}

#[test]
fn teloxide_is_named_only_under_telegram() {
    assert_eq!(trespassers("teloxide::", &["telegram"]), [] as [&str; 0]);
}

#[test]
fn sled_is_named_only_in_its_engine() {
    assert_eq!(
        trespassers("sled::", &["store/sled", "store", "cli"]),
        [] as [&str; 0]
    );
    let engine = sources().into_iter().filter(|(name, code)| {
        !name.starts_with("store/sled")
            && (code.contains("use sled") || code.contains("::sled::Db"))
    });
    assert_eq!(
        engine.map(|(name, _)| name).collect::<Vec<_>>(),
        [] as [&str; 0]
    );
}

#[test]
fn clap_is_named_only_in_the_command_line_and_the_settings() {
    assert_eq!(trespassers("clap", &["cli", "config"]), [] as [&str; 0]);
}

#[test]
fn the_core_knows_no_clock_network_thread_or_file() {
    let core = ["markup", "matching", "dialogue"];
    for (name, code) in sources() {
        let room = name.split(['/', '.']).next().unwrap_or_default();
        if core.contains(&room) {
            for forbidden in [
                "std::fs",
                "std::net",
                "std::thread",
                "std::env",
                "tokio",
                "::now()",
                "SystemTime",
                "Instant",
                "rand::",
            ] {
                assert!(!code.contains(forbidden), "{name} names {forbidden}");
            }
        }
    }
}

#[test]
fn files_are_opened_by_one_room_of_the_knowledge() {
    for (name, code) in sources() {
        if name.starts_with("knowledge") && name != "knowledge/load.rs" {
            assert!(
                !code.contains("fs::"),
                "{name} opens files; that is knowledge/load.rs's"
            );
        }
    }
}

#[test]
fn imports_go_one_way() {
    // Each room, and the rooms that come after it in the way of a message, which it must not know.
    let later = [
        (
            "markup",
            [
                "knowledge",
                "matching",
                "dialogue",
                "store",
                "assistant",
                "telegram",
                "terminal",
                "cli",
            ]
            .as_slice(),
        ),
        (
            "knowledge",
            [
                "matching",
                "dialogue",
                "store",
                "assistant",
                "telegram",
                "terminal",
                "cli",
            ]
            .as_slice(),
        ),
        (
            "matching",
            [
                "dialogue",
                "store",
                "assistant",
                "telegram",
                "terminal",
                "cli",
            ]
            .as_slice(),
        ),
        (
            "dialogue",
            ["store", "assistant", "telegram", "terminal", "cli"].as_slice(),
        ),
        (
            "store",
            ["assistant", "telegram", "terminal", "cli"].as_slice(),
        ),
        (
            "metrics",
            ["assistant", "telegram", "terminal", "health", "cli"].as_slice(),
        ),
        (
            "assistant",
            ["telegram", "terminal", "health", "cli"].as_slice(),
        ),
        ("health", ["telegram", "terminal", "cli"].as_slice()),
        ("telegram", ["terminal", "cli"].as_slice()),
        ("terminal", ["telegram", "cli"].as_slice()),
    ];
    for (name, code) in sources() {
        let room = name.split(['/', '.']).next().unwrap_or_default();
        let Some((_, later)) = later.iter().find(|(early, _)| *early == room) else {
            continue;
        };
        for module in *later {
            let direct = code.contains(&format!("crate::{module}"));
            let grouped = code
                .lines()
                .skip_while(|line| !line.starts_with("use crate::{"))
                .take_while(|line| *line != "};")
                .any(|line| line.trim_start().starts_with(&format!("{module}::")));
            assert!(
                !direct && !grouped,
                "src/{name} imports {module}, which comes after it"
            );
        }
    }
}
