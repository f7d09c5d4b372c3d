//! The graph of files: which file uses which item of another file, and the circles.

use std::collections::{BTreeMap, BTreeSet};

use super::Source;

/// An item of one file that another file names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    pub from: String,
    pub to: String,
    /// The item; empty if the module itself is named.
    pub item: String,
}

pub fn edges(sources: &[Source]) -> BTreeSet<Edge> {
    let modules: BTreeMap<&[String], &Source> = sources
        .iter()
        .filter(|source| source.name != "main.rs")
        .map(|source| (source.module.as_slice(), source))
        .collect();
    let mut edges = BTreeSet::new();
    for source in sources {
        let imports = source.imports.iter();
        let imported = imports.filter(|import| !source.only_re_exports(import));
        let imported = imported.map(|import| &import.path);
        for path in imported.chain(&source.inline) {
            if let Some((to, item)) = home(&modules, path, 0)
                && to.name != source.name
            {
                edges.insert(Edge {
                    from: source.name.clone(),
                    to: to.name.clone(),
                    item,
                });
            }
        }
    }
    edges
}

/// The file that defines the item of this path, and its name there; follows re-exports.
fn home<'a>(
    modules: &BTreeMap<&[String], &'a Source>,
    path: &[String],
    followed: usize,
) -> Option<(&'a Source, String)> {
    let (root, path) = path.split_first()?;
    if root != "crate" || followed > 8 {
        return None;
    }
    let known = (0..=path.len())
        .rev()
        .find(|length| modules.contains_key(&path[..*length]))?;
    let source = modules[&path[..known]];
    let Some(item) = path.get(known) else {
        return Some((source, String::new()));
    };
    if !source.items.contains(item) {
        let named = source
            .imports
            .iter()
            .filter(|import| import.name == *item || import.name == "*");
        for import in named {
            let mut path = import.path.clone();
            path.pop_if(|last| last == "*");
            if import.name == "*" {
                path.push(item.clone());
            }
            let found = home(modules, &path, followed + 1);
            if import.name != "*"
                || found
                    .as_ref()
                    .is_some_and(|(at, item)| at.items.contains(item))
            {
                return found;
            }
        }
    }
    Some((source, item.clone()))
}

/// Groups of files that import each other, directly or through others, each sorted.
pub fn circles(edges: &BTreeSet<Edge>) -> Vec<Vec<String>> {
    let files: BTreeSet<&str> = edges
        .iter()
        .flat_map(|edge| [edge.from.as_str(), &edge.to])
        .collect();
    let reached: BTreeMap<&str, BTreeSet<&str>> = files
        .iter()
        .map(|file| (*file, reached(edges, file)))
        .collect();
    let mut circles = BTreeSet::new();
    for file in &files {
        let circle: Vec<String> = reached[file]
            .iter()
            .filter(|other| reached[*other].contains(file))
            .map(|other| (*other).to_owned())
            .collect();
        if circle.len() > 1 {
            circles.insert(circle);
        }
    }
    circles.into_iter().collect()
}

/// Every file that this one imports, directly or through others.
fn reached<'a>(edges: &'a BTreeSet<Edge>, file: &str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open = vec![file];
    while let Some(at) = open.pop() {
        for edge in edges.iter().filter(|edge| edge.from == at) {
            if reached.insert(edge.to.as_str()) {
                open.push(&edge.to);
            }
        }
    }
    reached
}
