//! Source files as tests look at them: their tokens without comments and tests, and every path they name, written out
//! from the root of its crate.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// One name brought in by a `use`.
#[derive(Debug)]
struct Import {
    /// What it is called in this file; `*` for all of it.
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
    /// Children that are built for tests alone.
    test_modules: BTreeSet<String>,
}

impl Source {
    pub fn new(name: &str, text: &str) -> Self {
        let mut test_modules = BTreeSet::new();
        let tokens = without_tests(tokens(text), &mut test_modules);
        let mut source = Self {
            name: name.to_owned(),
            module: module(name),
            imports: Vec::new(),
            inline: Vec::new(),
            items: items(&tokens),
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

    /// Whether it names something of this other crate.
    pub fn names_crate(&self, other: &str) -> bool {
        self.paths().any(|path| path[0] == other)
    }

    /// The strings in it, without their quotes.
    pub fn strings(&self) -> impl Iterator<Item = &str> {
        self.tokens.iter().filter_map(|token| string(token))
    }

    /// What is given to a function as it is: the function's name, at which place, and the string.
    pub fn strings_given(&self) -> Vec<(&str, usize, &str)> {
        let calls = self.tokens.windows(2).enumerate();
        let calls = calls.filter(|(_, pair)| is_name(&pair[0]) && pair[1] == "(");
        let given = calls.flat_map(|(at, pair)| {
            let arguments = arguments(&self.tokens, at + 1).into_iter().enumerate();
            arguments.filter_map(|(place, argument)| {
                let [literal] = argument else { return None };
                Some((pair[0].as_str(), place, string(literal)?))
            })
        });
        given.collect()
    }

    /// Of each `match`, outer ones first: the patterns of its arms.
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

    /// Whether an import only hands a child's item on, without a use for it in this file.
    fn only_hands_on(&self, import: &Import) -> bool {
        let is_below = import.path[0] == "crate"
            && import.path.len() > self.module.len() + 2
            && import.path[1..].starts_with(&self.module);
        import.is_public && is_below && !self.mentions(&import.name)
    }

    /// Whether the name stands anywhere but in a `use`.
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

/// The files of the crate, those for tests alone left out.
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

/// Identifiers, `::`, `=>`, single signs, and literals, which begin with a quote; comments go.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = skipped(rest);
        if length > 0 {
            rest = &rest[length..];
            continue;
        }
        let length = literal(rest);
        if length > 0 {
            tokens.push(rest[..length].trim_matches(['b', 'c', 'r', '#']).to_owned());
            rest = &rest[length..];
            continue;
        }
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let length = if is_word(first) {
            rest.find(|c| !is_word(c)).unwrap_or(rest.len())
        } else if rest.starts_with("::") || rest.starts_with("=>") {
            2
        } else {
            first.len_utf8()
        };
        tokens.push(rest[..length].to_owned());
        rest = &rest[length..];
    }
    tokens
}

/// How long the space or comment is that this begins with.
fn skipped(text: &str) -> usize {
    if text.starts_with("//") {
        return text.find('\n').unwrap_or(text.len());
    }
    if text.starts_with("/*") {
        return block_comment(text);
    }
    text.len() - text.trim_start().len()
}

fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest.starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// How long the string, character or lifetime is that this begins with.
fn literal(text: &str) -> usize {
    let prefixes = ["br", "cr", "r", "b", "c", ""].into_iter();
    let quoted = prefixes.filter_map(|prefix| Some((prefix, text.strip_prefix(prefix)?)));
    for (prefix, quoted) in quoted {
        let hashes = quoted.len() - quoted.trim_start_matches('#').len();
        if !quoted[hashes..].starts_with('"') {
            continue;
        }
        if prefix.ends_with('r') {
            let end = format!("\"{}", "#".repeat(hashes));
            let open = prefix.len() + hashes + 1;
            let close = text[open..].find(&end).map(|at| open + at + end.len());
            return close.unwrap_or(text.len());
        }
        if hashes == 0 {
            return prefix.len() + quoted_length(quoted, '"');
        }
    }
    character(text)
}

/// A character, or a lifetime, which has no second quote.
fn character(text: &str) -> usize {
    let quoted = text.strip_prefix('b').unwrap_or(text);
    let mut letters = quoted.chars();
    if letters.next() != Some('\'') {
        return 0;
    }
    let prefix = text.len() - quoted.len();
    match (letters.next(), letters.next()) {
        (Some('\\'), _) | (Some(_), Some('\'')) => prefix + quoted_length(quoted, '\''),
        _ => 1,
    }
}

/// The length up to the closing quote, with both quotes.
fn quoted_length(text: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, letter) in text.char_indices().skip(1) {
        if letter == quote && !is_escaped {
            return at + 1;
        }
        is_escaped = letter == '\\' && !is_escaped;
    }
    text.len()
}

/// Drops each item under `#[cfg(test)]`; notes the files that are such items.
fn without_tests(tokens: Vec<String>, test_modules: &mut BTreeSet<String>) -> Vec<String> {
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let end = attribute_end(&tokens, at);
        if end > at && is_for_tests(&tokens[at..end]) {
            let item_end = item_end(&tokens, end);
            let mut item = tokens[end..item_end].iter();
            if item.any(|token| token == "mod")
                && let Some(name) = item.next()
            {
                test_modules.insert(name.clone());
            }
            at = item_end;
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    kept
}

/// A string's content.
fn string(token: &str) -> Option<&str> {
    token.strip_prefix('"')?.strip_suffix('"')
}

/// What stands between the commas of the bracket that opens here.
fn arguments(tokens: &[String], open: usize) -> Vec<&[String]> {
    let end = closing(tokens, open) - 1;
    let (mut begin, mut at) = (open + 1, open + 1);
    let mut arguments = Vec::new();
    while at < end {
        match tokens[at].as_str() {
            "(" | "[" | "{" => at = closing(tokens, at),
            "," => {
                arguments.push(&tokens[begin..at]);
                at += 1;
                begin = at;
            }
            _ => at += 1,
        }
    }
    arguments.push(&tokens[begin..end]);
    arguments
}

/// The patterns of the arms in the block that opens here.
fn arms(tokens: &[String], open: usize) -> Vec<&[String]> {
    let end = closing(tokens, open) - 1;
    let (mut begin, mut at) = (open + 1, open + 1);
    let mut patterns = Vec::new();
    while at < end {
        match tokens[at].as_str() {
            "=>" => {
                patterns.push(&tokens[begin..at]);
                at = arm_end(tokens, at + 1, end);
                begin = at;
            }
            "(" | "[" | "{" => at = closing(tokens, at),
            _ => at += 1,
        }
    }
    patterns
}

/// Past the expression of an arm and its comma.
fn arm_end(tokens: &[String], mut at: usize, end: usize) -> usize {
    let is_block = tokens[at] == "{";
    while at < end {
        match tokens[at].as_str() {
            "," => return at + 1,
            "{" if is_block => {
                at = closing(tokens, at);
                return at + usize::from(tokens[at] == ",");
            }
            "(" | "[" | "{" => at = closing(tokens, at),
            _ => at += 1,
        }
    }
    end
}

fn is_for_tests(attribute: &[String]) -> bool {
    let has = |word: &str| attribute.iter().any(|token| token == word);
    attribute.get(2).is_some_and(|token| token == "cfg") && has("test") && !has("not")
}

/// Where the attribute that begins here ends; `at` where none does.
fn attribute_end(tokens: &[String], at: usize) -> usize {
    if tokens[at] != "#" || tokens.get(at + 1).is_none_or(|token| token != "[") {
        return at;
    }
    closing(tokens, at + 1)
}

/// Past the bracket that closes the one at `open`.
fn closing(tokens: &[String], open: usize) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}

/// Where the item ends that begins here, with its other attributes.
fn item_end(tokens: &[String], mut at: usize) -> usize {
    while at < tokens.len() {
        match tokens[at].as_str() {
            ";" | "," => return at + 1,
            "{" => return closing(tokens, at),
            "}" => return at,
            "(" | "[" => at = closing(tokens, at),
            _ => at += 1,
        }
    }
    at
}

fn items(tokens: &[String]) -> BTreeSet<String> {
    let defining = [
        "fn", "struct", "enum", "trait", "type", "const", "static", "mod",
    ];
    let pairs = tokens.windows(2);
    let defined = pairs.filter(|pair| defining.contains(&pair[0].as_str()));
    defined.map(|pair| pair[1].clone()).collect()
}

/// Walks through a file's tokens and writes down what is named.
struct Scanner<'a> {
    source: &'a mut Source,
    tokens: Vec<String>,
    /// Modules written out in the file, and the depth each stands at.
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

    /// Imports first: what they bring in is how paths in the code begin.
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

    /// The path from the root of its crate: `self`, `super`, children and imports written out.
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

/// What a path is called where nothing else is said; `{self}` is the module itself.
fn named(mut path: Vec<String>) -> (Vec<String>, String) {
    path.pop_if(|last| last == "self");
    let name = path.last().cloned().unwrap_or_default();
    (path, name)
}

fn is_name(token: &str) -> bool {
    let first = token.chars().next();
    first.is_some_and(|c| c.is_alphabetic() || c == '_')
}

/// Something of one file that another names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    pub from: String,
    pub to: String,
    /// The item, or nothing where the module itself is named.
    pub item: String,
}

/// Which file names what of which.
pub fn edges(sources: &[Source]) -> BTreeSet<Edge> {
    let modules: BTreeMap<&[String], &Source> = sources
        .iter()
        .filter(|source| source.name != "main.rs")
        .map(|source| (source.module.as_slice(), source))
        .collect();
    let mut edges = BTreeSet::new();
    for source in sources {
        let imports = source.imports.iter();
        let imported = imports.filter(|import| !source.only_hands_on(import));
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

/// The file in which what this path names is defined, re-exports followed, and its name there.
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

/// Files that name each other, directly or through others: each such group, sorted.
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

/// Every file that one comes to from this one, by one step or more.
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
