//! Source files as tests look at them: their tokens without comments and tests, and every path they name, in full from
//! the root of its crate.

pub mod graph;
mod tokens;

use std::{collections::BTreeSet, fs, path::Path};

use self::tokens::{
    arguments, arms, closing, defined_items, is_name, string_content, tokenize, without_tests,
};

/// One name imported by a `use`.
#[derive(Debug)]
struct Import {
    /// Its name in this file; `*` for a glob import.
    name: String,
    path: Vec<String>,
    is_public: bool,
}

/// A file of the crate.
#[derive(Debug)]
pub struct Source {
    /// Its name below `src`, with slashes.
    pub name: String,
    pub tokens: Vec<String>,
    module: Vec<String>,
    imports: Vec<Import>,
    /// Paths in the code itself. As in `imports`, those into this crate begin with `crate`.
    inline: Vec<Vec<String>>,
    /// Items it defines, modules included.
    items: BTreeSet<String>,
    /// Child modules under `#[cfg(test)]`.
    test_modules: BTreeSet<String>,
}

impl Source {
    pub fn new(name: &str, text: &str) -> Self {
        let mut test_modules = BTreeSet::new();
        let tokens = without_tests(tokenize(text), &mut test_modules);
        let mut source = Self {
            name: name.to_owned(),
            module: module(name),
            imports: Vec::new(),
            inline: Vec::new(),
            items: defined_items(&tokens),
            test_modules,
            tokens,
        };
        Scanner::new(&mut source).run();
        source
    }

    /// Every path it names, imports first, each from the root of its crate.
    pub fn paths(&self) -> impl Iterator<Item = &[String]> {
        let imported = self.imports.iter().map(|import| import.path.as_slice());
        imported.chain(self.inline.iter().map(Vec::as_slice))
    }

    pub fn names_crate(&self, other: &str) -> bool {
        self.paths().any(|path| path[0] == other)
    }

    /// The strings in it, without their quotes.
    pub fn strings(&self) -> impl Iterator<Item = &str> {
        self.tokens.iter().filter_map(|token| string_content(token))
    }

    /// Every string literal that is an argument: the function's name, the argument's position, and the string.
    pub fn strings_given(&self) -> Vec<(&str, usize, &str)> {
        let calls = self.tokens.windows(2).enumerate();
        let calls = calls.filter(|(_, pair)| is_name(&pair[0]) && pair[1] == "(");
        let given = calls.flat_map(|(at, pair)| {
            let arguments = arguments(&self.tokens, at + 1).into_iter().enumerate();
            arguments.filter_map(|(place, argument)| {
                let [literal] = argument else { return None };
                Some((pair[0].as_str(), place, string_content(literal)?))
            })
        });
        given.collect()
    }

    /// The patterns of the arms of each `match`, outer ones first.
    pub fn matches(&self) -> Vec<Vec<&[String]>> {
        let places = self.tokens.iter().enumerate();
        let begins = places.filter(|(_, token)| *token == "match");
        let blocks = begins.filter_map(|(at, _)| {
            // What is matched has no braces of its own: a struct would stand in brackets there.
            let open = (at..self.tokens.len()).find(|at| self.tokens[*at] == "{")?;
            Some(arms(&self.tokens, open))
        });
        blocks.collect()
    }

    /// The top-level module it belongs to.
    pub fn layer(&self) -> &str {
        self.name.split(['/', '.']).next().unwrap_or_default()
    }

    /// Whether an import only re-exports a child's item, without using it in this file.
    fn only_re_exports(&self, import: &Import) -> bool {
        let is_below = import.path[0] == "crate"
            && import.path.len() > self.module.len() + 2
            && import.path[1..].starts_with(&self.module);
        import.is_public && is_below && !self.mentions(&import.name)
    }

    /// Whether the name occurs outside of `use`.
    fn mentions(&self, name: &str) -> bool {
        let mut is_import = false;
        self.tokens.iter().any(|token| {
            match token.as_str() {
                "use" => is_import = true,
                ";" => is_import = false,
                _ => {}
            }
            !is_import && name != "*" && token == name
        })
    }
}

/// The files of the crate, without those for tests only.
pub fn crate_sources() -> Vec<Source> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"));
    let mut folders = vec![root.to_owned()];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(root).expect("below the root");
            let text = fs::read_to_string(&path).expect("a source");
            sources.push(Source::new(&name.to_string_lossy(), &text));
        }
    }
    assert!(sources.len() > 20, "the sources were not found");
    sources.sort_by(|a, b| a.name.cmp(&b.name));
    without_test_files(sources)
}

pub fn without_test_files(sources: Vec<Source>) -> Vec<Source> {
    let below = |source: &Source| {
        let children = source.test_modules.iter();
        let module = source.module.clone();
        children
            .map(move |child| [module.as_slice(), std::slice::from_ref(child)].concat())
            .collect::<Vec<_>>()
    };
    let tests: Vec<_> = sources.iter().flat_map(below).collect();
    let is_test = |source: &Source| tests.iter().any(|test| source.module.starts_with(test));
    sources
        .into_iter()
        .filter(|source| !is_test(source))
        .collect()
}

/// The module path of a file: `telegram/outbox.rs` is `telegram::outbox`.
fn module(name: &str) -> Vec<String> {
    let name = name.trim_end_matches(".rs").trim_end_matches("/mod");
    let is_root = ["lib", "main"].contains(&name);
    let parts = name.split('/').map(str::to_owned);
    if is_root { Vec::new() } else { parts.collect() }
}

/// Walks through a file's tokens and collects the paths.
struct Scanner<'a> {
    source: &'a mut Source,
    tokens: Vec<String>,
    /// The inline modules around the current token, each with its depth.
    inside: Vec<(String, usize)>,
    depth: usize,
}

impl<'a> Scanner<'a> {
    fn new(source: &'a mut Source) -> Self {
        Self {
            tokens: source.tokens.clone(),
            source,
            inside: Vec::new(),
            depth: 0,
        }
    }

    fn token(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", String::as_str)
    }

    /// Collects imports first, since paths in the code may begin with imported names.
    fn run(mut self) {
        for imports in [true, false] {
            let mut at = 0;
            while at < self.tokens.len() {
                at = self.step(at, imports);
            }
        }
    }

    fn step(&mut self, at: usize, imports: bool) -> usize {
        let before = at.checked_sub(1).map_or("", |before| self.token(before));
        match (self.token(at), self.token(at + 1)) {
            ("use", "<") => at + 2,
            ("use", _) => {
                let is_public = before == "pub" || before == ")";
                let mut tree = Vec::new();
                let end = self.use_tree(at + 1, &[], &mut tree);
                if imports {
                    for (path, name) in tree {
                        let path = self.absolute(path);
                        let import = Import {
                            name,
                            path,
                            is_public,
                        };
                        self.source.imports.push(import);
                    }
                }
                end
            }
            ("pub", "(") => closing(&self.tokens, at + 1),
            ("mod", _) if self.token(at + 2) == "{" => {
                let name = self.token(at + 1).to_owned();
                self.inside.push((name, self.depth));
                at + 2
            }
            ("{", _) => {
                self.depth += 1;
                at + 1
            }
            ("}", _) => {
                self.depth -= 1;
                self.inside.pop_if(|(_, depth)| *depth == self.depth);
                at + 1
            }
            (_, "::") if before != "." && before != "::" => self.path(at, imports),
            ("::", _) if !is_name(before) && before != ">" => self.path(at + 1, imports),
            _ => at + 1,
        }
    }

    /// A path in the code.
    fn path(&mut self, mut at: usize, imports: bool) -> usize {
        let is_external = at > 0 && self.token(at - 1) == "::";
        let mut path = Vec::new();
        while is_name(self.token(at)) {
            path.push(self.token(at).to_owned());
            at += 1;
            if self.token(at) != "::" {
                break;
            }
            at += 1;
        }
        if path.is_empty() {
            return at + 1;
        }
        if !imports {
            let path = if is_external {
                path
            } else {
                self.absolute(path)
            };
            self.source.inline.push(path);
        }
        at
    }

    /// The paths of a `use`, each with the name it gets; ends past its `;`.
    fn use_tree(
        &self,
        mut at: usize,
        prefix: &[String],
        found: &mut Vec<(Vec<String>, String)>,
    ) -> usize {
        let mut path = prefix.to_vec();
        loop {
            match self.token(at) {
                "{" => {
                    at += 1;
                    while self.token(at) != "}" && at < self.tokens.len() {
                        at = self.use_tree(at, &path, found);
                    }
                    path.clear();
                    at += 1;
                }
                "as" => {
                    found.push((std::mem::take(&mut path), self.token(at + 1).to_owned()));
                    at += 2;
                }
                "," | ";" | "}" | "" => {
                    if path.len() > prefix.len() {
                        found.push(named(path));
                    }
                    // The brace belongs to the group around.
                    return at + usize::from(self.token(at) != "}");
                }
                "::" => at += 1,
                name => {
                    path.push(name.to_owned());
                    at += 1;
                }
            }
        }
    }

    /// The path from the root of its crate: resolves `self`, `super`, children and imports.
    fn absolute(&self, path: Vec<String>) -> Vec<String> {
        let inside = self.inside.iter().map(|(name, _)| name.clone());
        let mut here: Vec<String> = self.source.module.iter().cloned().chain(inside).collect();
        let mut rest = path.as_slice();
        match path[0].as_str() {
            "crate" | "unbind_bot" => {
                here.clear();
                rest = &path[1..];
            }
            "self" | "super" => {
                while let Some(("self" | "super", after)) = rest
                    .split_first()
                    .map(|(first, after)| (first.as_str(), after))
                {
                    if rest[0] == "super" {
                        here.pop();
                    }
                    rest = after;
                }
            }
            first if self.is_child(first) => {}
            first => {
                let imported = self.source.imports.iter();
                let mut imported = imported.filter(|import| import.name == first);
                let whole = imported.next().map(|import| import.path.clone());
                let begin = whole.unwrap_or_else(|| vec![path[0].clone()]);
                return [begin.as_slice(), &path[1..]].concat();
            }
        }
        [&["crate".to_owned()], here.as_slice(), rest].concat()
    }

    /// Whether a module of this name is declared in this file.
    fn is_child(&self, name: &str) -> bool {
        let mut pairs = self.tokens.windows(2);
        pairs.any(|pair| pair[0] == "mod" && pair[1] == name)
    }
}

/// The name of an import without `as`; `{self}` is the module itself.
fn named(mut path: Vec<String>) -> (Vec<String>, String) {
    path.pop_if(|last| last == "self");
    let name = path.last().cloned().unwrap_or_default();
    (path, name)
}
