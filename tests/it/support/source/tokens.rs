//! The tokens of Rust source, without comments and tests.

use std::collections::BTreeSet;

/// Identifiers, `::`, `=>`, single signs, and literals, which begin with a quote; comments are dropped.
pub fn tokenize(text: &str) -> Vec<String> {
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

/// The length of the space or comment at the beginning.
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

/// The length of the string, character or lifetime at the beginning.
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
pub fn without_tests(tokens: Vec<String>, test_modules: &mut BTreeSet<String>) -> Vec<String> {
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
pub fn string_content(token: &str) -> Option<&str> {
    token.strip_prefix('"')?.strip_suffix('"')
}

/// The arguments in the bracket that opens here.
pub fn arguments(tokens: &[String], open: usize) -> Vec<&[String]> {
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
pub fn arms(tokens: &[String], open: usize) -> Vec<&[String]> {
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

/// The position after the expression of an arm and its comma.
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

/// The end of the attribute that begins here; `at` if there is none.
fn attribute_end(tokens: &[String], at: usize) -> usize {
    if tokens[at] != "#" || tokens.get(at + 1).is_none_or(|token| token != "[") {
        return at;
    }
    closing(tokens, at + 1)
}

/// The position after the bracket that closes the one at `open`.
pub fn closing(tokens: &[String], open: usize) -> usize {
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

/// The end of the item that begins here, other attributes included.
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

pub fn defined_items(tokens: &[String]) -> BTreeSet<String> {
    let defining = [
        "fn", "struct", "enum", "trait", "type", "const", "static", "mod",
    ];
    let pairs = tokens.windows(2);
    let defined = pairs.filter(|pair| defining.contains(&pair[0].as_str()));
    defined.map(|pair| pair[1].clone()).collect()
}

pub fn is_name(token: &str) -> bool {
    let first = token.chars().next();
    first.is_some_and(|c| c.is_alphabetic() || c == '_')
}
