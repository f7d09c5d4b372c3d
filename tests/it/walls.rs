//! Architecture tests: allowed imports and crates.

use std::collections::BTreeSet;

use crate::support::source::{
    Source, crate_sources,
    graph::{Edge, circles, edges},
    without_test_files,
};

/// The modules from the bottom up: each may import those before it.
const LAYERS: [&str; 15] = [
    "panics",
    "text_file",
    "markup",
    "knowledge",
    "matching",
    "dialogue",
    "store",
    "metrics",
    "server",
    "assistant",
    "telegram",
    "terminal",
    "health",
    "config",
    "cli",
];
/// Modules that must not import each other: the first never the second, whatever their order.
const INDEPENDENT: [(&str, &str); 1] = [("terminal", "telegram")];
/// The roots of the library and of the program, which may import any module.
const ROOTS: [&str; 2] = ["lib", "main"];

/// Whether a file of the first layer may import from the second.
fn may_import(layer: &str, other: &str) -> bool {
    let place = |layer: &str| LAYERS.iter().position(|known| *known == layer);
    place(other).is_none_or(|other| place(layer).is_some_and(|layer| other <= layer))
        && !INDEPENDENT.contains(&(layer, other))
}

/// The imports of these files that break the order of the layers.
fn layer_violations(sources: &[Source]) -> BTreeSet<String> {
    let inner = sources
        .iter()
        .filter(|source| !ROOTS.contains(&source.layer()));
    let broken = inner.flat_map(|source| {
        let paths = source.paths().filter(|path| path[0] == "crate");
        let layers = paths.filter_map(|path| path.get(1));
        let wrong = layers.filter(|layer| !may_import(source.layer(), layer));
        wrong.map(|layer| format!("src/{} names {layer}", source.name))
    });
    broken.collect()
}

/// Files that name a foreign crate although they are not among `allowed` (a file, or a module and all in it).
fn forbidden_users(foreign: &str, allowed: &[&str]) -> Vec<String> {
    let is_allowed = |name: &str| {
        allowed
            .iter()
            .any(|module| name == format!("{module}.rs") || name.starts_with(&format!("{module}/")))
    };
    let sources = crate_sources().into_iter();
    let naming = sources.filter(|source| source.names_crate(foreign) && !is_allowed(&source.name));
    naming.map(|source| source.name).collect()
}

#[test]
fn teloxide_is_named_only_under_telegram() {
    assert_eq!(forbidden_users("teloxide", &["telegram"]), [] as [&str; 0]);
}

#[test]
fn sled_is_named_only_in_its_engine() {
    assert_eq!(forbidden_users("sled", &["store/sled"]), [] as [&str; 0]);
}

#[test]
fn clap_is_named_only_in_the_command_line_and_the_settings() {
    assert_eq!(forbidden_users("clap", &["cli", "config"]), [] as [&str; 0]);
}

#[test]
fn the_core_knows_no_clock_network_thread_or_file() {
    let foreign = ["tokio", "rand", "getrandom"];
    let standard = ["fs", "net", "thread", "env", "process"];
    let clocks = ["SystemTime", "Instant", "now"];
    let core = ["markup", "matching", "dialogue"];
    let sources = crate_sources();
    for source in sources.iter().filter(|file| core.contains(&file.layer())) {
        for path in source.paths() {
            let is_standard = path[0] == "std"
                && path
                    .get(1)
                    .is_some_and(|part| standard.contains(&part.as_str()));
            let reads_a_clock = path[0] != "crate"
                && path
                    .iter()
                    .skip(1)
                    .any(|part| clocks.contains(&part.as_str()));
            let is_foreign = foreign.contains(&path[0].as_str());
            assert!(
                !is_standard && !reads_a_clock && !is_foreign,
                "src/{} names {}",
                source.name,
                path.join("::")
            );
        }
    }
}

#[test]
fn files_of_the_knowledge_are_opened_by_one_file_alone() {
    let sources = crate_sources();
    let knowledge = sources.iter().filter(|file| file.layer() == "knowledge");
    for source in knowledge.filter(|file| file.name != "knowledge/load.rs") {
        for path in source.paths() {
            let opens = path.iter().any(|part| part == "fs" || part == "File");
            assert!(
                !opens,
                "src/{} names {}; files are opened by src/knowledge/load.rs",
                source.name,
                path.join("::")
            );
        }
    }
}

#[test]
fn imports_go_one_way() {
    assert_eq!(layer_violations(&crate_sources()), BTreeSet::new());
}

#[test]
fn every_module_has_its_place_among_the_layers() {
    let sources = crate_sources();
    let known: BTreeSet<_> = LAYERS.into_iter().chain(ROOTS).collect();
    let unknown = sources.iter().filter(|file| !known.contains(file.layer()));
    let unknown: Vec<_> = unknown.map(|file| &file.name).collect();
    assert_eq!(unknown, [] as [&str; 0]);
}

#[test]
fn no_file_names_one_that_names_it() {
    assert_eq!(circles(&edges(&crate_sources())), [] as [Vec<String>; 0]);
}

/// A `match` as a wall looks at it: how many variants of `Choice` and `Command` its arms name, and whether one of them is
/// `_`.
fn matches_of(source: &Source) -> Vec<(usize, bool)> {
    let blocks = source.matches().into_iter();
    let seen = blocks.map(|arms| {
        let patterns = arms.iter().flat_map(|pattern| pattern.windows(2));
        let variants = patterns
            .filter(|pair| ["Choice", "Command"].contains(&pair[0].as_str()) && pair[1] == "::");
        let is_wild = arms.iter().any(|pattern| *pattern == ["_"]);
        (variants.count(), is_wild)
    });
    seen.collect()
}

/// From this many variants on, a `match` must name all of them; fewer may have a wildcard beside them.
const MANY: usize = 8;

#[test]
fn every_command_and_every_button_is_routed_by_name() {
    let sources = crate_sources();
    let router = sources
        .iter()
        .filter(|file| file.name.starts_with("dialogue/router"));
    for source in router {
        let hiding = matches_of(source).into_iter();
        let hiding = hiding.filter(|(variants, is_wild)| *variants >= MANY && *is_wild);
        assert_eq!(
            hiding.count(),
            0,
            "a wildcard in src/{} hides what is not routed",
            source.name
        );
    }
}

#[test]
fn a_wildcard_beside_many_variants_is_found() {
    let named: String = (0..MANY)
        .map(|n| format!("Choice::V{n}(x) if x > {{ 1 }} => {{ f(x); }} "))
        .collect();
    let found = |arms: &str| {
        let text = format!("fn f(c: Choice) {{ match c {{ {arms} }} }}");
        matches_of(&Source::new("dialogue/router.rs", &text))
    };
    assert_eq!(found(&named), [(MANY, false)]);
    assert_eq!(found(&format!("{named} _ => g(),")), [(MANY, true)]);
    let inner = format!("{named} Choice::Last => match x {{ 1 => a, _ => b }},");
    assert_eq!(found(&inner), [(MANY + 1, false), (0, true)]);
    assert_eq!(found("Choice::Only => {} _ => {}"), [(1, true)]);
}

/// Files other than `screens.rs` that call the drawing of a procedure.
fn foreign_drawings(edges: &BTreeSet<Edge>) -> Vec<&Edge> {
    const SCREENS: &str = "dialogue/screens.rs";
    let of_procedures = edges
        .iter()
        .filter(|edge| edge.to.starts_with("dialogue/") && edge.to != SCREENS);
    of_procedures
        .filter(|edge| edge.item == "draw" || edge.item.starts_with("draw_"))
        .filter(|edge| edge.from != SCREENS)
        .collect()
}

#[test]
fn only_the_screens_draw() {
    assert_eq!(foreign_drawings(&edges(&crate_sources())), [] as [&Edge; 0]);
}

/// The violations in one file with this text.
fn violations_in(name: &str, text: &str) -> BTreeSet<String> {
    layer_violations(&[Source::new(name, text)])
}

#[test]
fn every_form_of_a_forbidden_import_is_found() {
    for text in [
        "use crate::{markup::RichText, store::Store};",
        "use crate::{\n    markup::{self, RichText},\n    store::{self, Store},\n};",
        "use crate::{markup};\nuse crate::{\n    knowledge::Language,\n    store::Store,\n};",
        "use super::super::store::Store;",
        "use crate::store as kept;\nfn load(store: &dyn kept::Store) {}",
        "use crate::{dialogue::{Record, record}, store::{sled::{SledStore as Kept}}};",
        "pub(crate) use crate /* below */ ::store::Store;",
        "fn load(store: &dyn crate::store::Store) {}",
        "fn load() { let store = super::super::store::memory::MemoryStore::new(); }",
        "fn load() { use crate::store::*; }",
        "fn load() { assert!(matches!(x, crate::store::StoreError::InUse(_))); }",
        "mod inner { use super::super::super::store::Store; }",
        "use crate as root;\nuse root::store::Store;",
        "const QUOTE: char = '\"';\nuse crate::store::Store;\nconst END: char = '\"';",
        "#[cfg(test)]\nmod tests { use crate::cli; }\nuse crate::store::Store;",
        "#[cfg(not(test))]\nuse crate::store::Store;",
    ] {
        let found = violations_in("dialogue/answer.rs", text);
        let expected = "src/dialogue/answer.rs names store".to_owned();
        assert_eq!(found, BTreeSet::from([expected]), "{text}");
    }
    for (name, text) in [
        ("terminal.rs", "use crate::telegram::qr;"),
        ("telegram/qr.rs", "use crate::terminal::render;"),
        ("health.rs", "use crate::config::Setting;"),
        ("markup.rs", "use crate::nothing;\nuse crate::cli;"),
    ] {
        assert_eq!(violations_in(name, text).len(), 1, "{text} in {name}");
    }
}

#[test]
fn allowed_imports_are_no_violations() {
    for text in [
        "// use crate::store::Store;\n/* crate::store /* nested */ crate::store */",
        "/// As [`crate::store::Store`].\nfn like_a_store() {}",
        "const TEXT: &str = \"use crate::store::Store; \\\" crate::store\";",
        "const TEXT: &str = r#\"a \" crate::store::Store\"#;",
        "#[cfg(test)]\nmod tests {\n    use crate::store::Store;\n}",
        "#[cfg(test)]\nuse crate::store::Store;\nfn f<'a>(x: &'a str) -> char { 'x' }",
        "use crate::{knowledge::{self, Language}, markup::RichText, matching::{Finding as Found}};",
        "use std::store::Store;\nfn store() { store::load(); }",
        "pub(in crate::dialogue) fn f(store: u8) { self::store(); super::answer::store(); }",
    ] {
        assert_eq!(
            violations_in("dialogue/answer.rs", text),
            BTreeSet::new(),
            "{text}"
        );
    }
}

#[test]
fn foreign_crates_are_told_from_modules_of_the_same_name() {
    for text in [
        "use sled::Db;",
        "use {sled::Db, std::fs};",
        "fn f(db: &::sled::Db) {}",
        "fn f() { sled::Config::new(); }",
        "use sled as engine;",
    ] {
        assert!(
            Source::new("store/sled.rs", text).names_crate("sled"),
            "{text}"
        );
    }
    for text in [
        "mod sled;\npub use sled::SledStore;",
        "use crate::store::sled;\nfn f() { sled::open(); }",
        "use crate::store::{sled::SledStore};",
    ] {
        assert!(!Source::new("store.rs", text).names_crate("sled"), "{text}");
    }
}

/// The circles among files with these texts.
fn circles_of(files: &[(&str, &str)]) -> Vec<Vec<String>> {
    let sources = files.iter().map(|(name, text)| Source::new(name, text));
    circles(&edges(&without_test_files(sources.collect())))
}

#[test]
fn every_form_of_a_circle_is_found() {
    let parent = (
        "a.rs",
        "mod b;\nmod c;\npub use b::{B, Other};\npub use c::C;",
    );
    for (b, c) in [
        ("use super::c::C;", "use super::b::B;"),
        ("use super::C;", "use crate::a::B;"),
        ("use super::c;", "fn f(b: super::b::B) {}"),
        ("use super::{c::C as D};", "use super::b;\nfn f(b: b::B) {}"),
        ("use super::C;", "fn f() { g(crate::a::b::make()); }"),
    ] {
        let b = format!("{b}\npub struct B;\npub enum Other {{}}\npub fn make() {{}}");
        let c = format!("{c}\npub struct C;");
        let found = circles_of(&[parent, ("a/b.rs", &b), ("a/c.rs", &c)]);
        assert_eq!(found, [["a/b.rs", "a/c.rs"]], "{b} {c}");
    }
    // Through three files, and with a parent that has a use for what it hands on.
    let round = [
        ("a.rs", "pub mod b;\nuse crate::d::D;\npub struct A;"),
        ("d.rs", "use crate::a::b::B;\npub struct D;"),
        ("a/b.rs", "use super::A;\npub struct B;"),
    ];
    assert_eq!(circles_of(&round), [["a.rs", "a/b.rs", "d.rs"]]);
    let used = (
        "a.rs",
        "mod b;\npub use b::B;\npub struct A;\nfn f(b: B) {}",
    );
    let child = ("a/b.rs", "use super::A;\npub struct B;");
    assert_eq!(circles_of(&[used, child]), [["a.rs", "a/b.rs"]]);
    let called = ("a.rs", "mod b;\npub struct A;\nfn f() { b::make(); }");
    assert_eq!(circles_of(&[called, child]), [["a.rs", "a/b.rs"]]);
}

#[test]
fn re_exports_and_tests_make_no_circle() {
    let parent = ("a.rs", "mod b;\npub use b::B;\npub struct A;");
    let child = (
        "a/b.rs",
        "use super::A;\npub struct B;\n#[cfg(test)]\nmod tests { use crate::c::C; }",
    );
    let other = (
        "c.rs",
        "use crate::a::B;\npub struct C;\n#[cfg(test)]\nmod help;",
    );
    let help = ("c/help.rs", "use super::C;\nuse crate::a;");
    assert_eq!(
        circles_of(&[parent, child, other, help]),
        [] as [Vec<String>; 0]
    );
}
