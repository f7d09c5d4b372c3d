//! The vocabulary of equivalents, made ready: which runs of tokens stand for which others.
//!
//! Built from `vocabulary.toml`. *Rewrites* replace what was typed (`u` becomes `you`, 平果 becomes 苹果); *concepts*
//! are found beside the words, in every language, and become features of their own; *courtesy* around a question is cut off.

use std::collections::{HashMap, HashSet};

use super::normalize::{Token, normalize};
use crate::knowledge::Vocabulary;

/// Tokens that must be left when courtesy is cut off: "hello there" stays what it is.
const LEAST_LEFT: usize = 3;

/// Longest-match lookup of token runs.
#[derive(Debug, Default)]
struct Runs<T> {
    by_first: HashMap<Token, Vec<(Vec<Token>, T)>>,
}

impl<T> Runs<T> {
    fn insert(&mut self, run: Vec<Token>, value: T) {
        let Some(first) = run.first().cloned() else {
            return;
        };
        let runs = self.by_first.entry(first).or_default();
        runs.push((run, value));
        runs.sort_by_key(|(run, _)| std::cmp::Reverse(run.len()));
    }

    fn longest_at<'a>(&'a self, tokens: &[Token]) -> Option<(usize, &'a T)> {
        let runs = self.by_first.get(tokens.first()?)?;
        let (run, value) = runs.iter().find(|(run, _)| tokens.starts_with(run))?;
        Some((run.len(), value))
    }
}

/// The vocabulary, indexed.
#[derive(Debug, Default)]
pub struct Equivalents {
    rewrites: Runs<Vec<Token>>,
    concepts: Runs<u16>,
    courtesy: HashSet<Vec<Token>>,
    longest_courtesy: usize,
}

impl Equivalents {
    /// Indexes a vocabulary.
    pub fn new(vocabulary: &Vocabulary) -> Self {
        let mut new = Self::default();
        for rewrite in &vocabulary.rewrite {
            for form in &rewrite.from {
                new.rewrites.insert(normalize(form), normalize(&rewrite.to));
            }
        }
        for (id, set) in vocabulary.same.iter().enumerate() {
            for form in set.also.iter().chain([&set.word]) {
                new.concepts
                    .insert(new.rewritten(&normalize(form)), id as u16);
            }
        }
        for phrase in &vocabulary.courtesy {
            let run = new.rewritten(&normalize(phrase));
            new.longest_courtesy = new.longest_courtesy.max(run.len());
            new.courtesy.insert(run);
        }
        new
    }

    /// Tokens with what is typed otherwise replaced.
    pub fn rewritten(&self, tokens: &[Token]) -> Vec<Token> {
        let mut out = Vec::with_capacity(tokens.len());
        let mut at = 0;
        while at < tokens.len() {
            match self.rewrites.longest_at(&tokens[at..]) {
                Some((length, to)) => {
                    out.extend_from_slice(to);
                    at += length;
                }
                None => {
                    out.push(tokens[at].clone());
                    at += 1;
                }
            }
        }
        out
    }

    /// Tokens without the courtesy at either end, if a question is left.
    pub fn without_courtesy<'a>(&self, tokens: &'a [Token]) -> &'a [Token] {
        let mut left = tokens;
        while let Some(length) = self.courtesy_length(|n| left.get(..n)) {
            left = &left[length..];
        }
        while let Some(length) = self.courtesy_length(|n| left.get(left.len().checked_sub(n)?..)) {
            left = &left[..left.len() - length];
        }
        if left.len() >= LEAST_LEFT {
            left
        } else {
            tokens
        }
    }

    fn courtesy_length<'a>(&self, run: impl Fn(usize) -> Option<&'a [Token]>) -> Option<usize> {
        (1..=self.longest_courtesy)
            .rev()
            .find(|&length| run(length).is_some_and(|run| self.courtesy.contains(run)))
    }

    /// The concepts named, in order.
    pub fn concepts(&self, tokens: &[Token]) -> Vec<u16> {
        let mut found = Vec::new();
        let mut at = 0;
        while at < tokens.len() {
            match self.concepts.longest_at(&tokens[at..]) {
                Some((length, &concept)) => {
                    found.push(concept);
                    at += length;
                }
                None => at += 1,
            }
        }
        found
    }

    /// Every Latin word the vocabulary knows.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        let runs = self
            .concepts
            .by_first
            .values()
            .flatten()
            .map(|(run, _)| run);
        runs.flatten().filter_map(|token| match token {
            Token::Word(word) => Some(word.as_str()),
            Token::Han(_) => None,
        })
    }
}
