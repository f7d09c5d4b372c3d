//! The vocabulary of equivalents, made ready: which runs of tokens stand for which others.
//!
//! Built from `vocabulary.toml`. *Rewrites* replace what is only written otherwise (`u` becomes `you`, 平果 becomes
//! 苹果); *concepts* are found beside the words, in every language, and become features of their own; *courtesy* around
//! a question is cut off.

use std::collections::{HashMap, HashSet};

use rust_stemmers::{Algorithm, Stemmer};

use super::{
    normalize::{Token, normalize},
    pinyin,
};
use crate::knowledge::Vocabulary;

/// Tokens that must be left when courtesy is cut off: "hello there" stays what it is.
const LEAST_LEFT: usize = 3;

/// One syllable alone is many words.
const LEAST_SOUNDS: usize = 2;

/// Longest-match lookup of token runs.
#[derive(Debug)]
struct Runs<T> {
    by_first: HashMap<Token, Vec<(Vec<Token>, T)>>,
}

impl<T> Default for Runs<T> {
    fn default() -> Self {
        Self {
            by_first: HashMap::new(),
        }
    }
}

impl<T> Runs<T> {
    fn insert(&mut self, run: Vec<Token>, value: T) {
        let Some(first) = run.first().cloned() else {
            return;
        };
        let runs = self.by_first.entry(first).or_default();
        let place = runs.partition_point(|(other, _)| other.len() >= run.len());
        runs.insert(place, (run, value));
    }

    fn longest_at(&self, tokens: &[Token]) -> Option<(usize, &T)> {
        let runs = self.by_first.get(tokens.first()?)?;
        let (run, value) = runs.iter().find(|(run, _)| tokens.starts_with(run))?;
        Some((run.len(), value))
    }
}

/// The vocabulary, indexed.
#[derive(Default)]
pub struct Equivalents {
    rewrites: Runs<Vec<Token>>,
    concepts: Runs<u16>,
    names: Vec<String>,
    before: Phrases,
    after: Phrases,
    words: HashSet<String>,
    stemmer: English,
}

impl std::fmt::Debug for Equivalents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Equivalents")
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}

/// A set of token runs.
#[derive(Default)]
struct Phrases {
    runs: HashSet<Vec<Token>>,
    longest: usize,
}

impl Phrases {
    /// The length of the longest of them among the runs that `of_length` gives.
    fn length<'a>(&self, of_length: impl Fn(usize) -> Option<&'a [Token]>) -> Option<usize> {
        (1..=self.longest)
            .rev()
            .find(|&length| of_length(length).is_some_and(|run| self.runs.contains(run)))
    }
}

struct English(Stemmer);

impl Default for English {
    fn default() -> Self {
        Self(Stemmer::create(Algorithm::English))
    }
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
        for (concept, set) in vocabulary.same.iter().enumerate() {
            new.names.push(set.word.clone());
            for form in set.also.iter().chain([&set.word]) {
                new.insert_concept(form, concept as u16);
            }
        }
        new.before = new.phrases(&vocabulary.courtesy.before);
        new.after = new.phrases(&vocabulary.courtesy.after);
        new
    }

    fn insert_concept(&mut self, form: &str, concept: u16) {
        let tokens = self.rewritten(&normalize(form));
        self.words
            .extend(tokens.iter().filter_map(|token| match token {
                Token::Word(word) => Some(word.clone()),
                Token::Han(_) | Token::Sound(_) => None,
            }));
        if let Some(sounds) = sounds(&tokens) {
            self.concepts.insert(sounds, concept);
        }
        self.concepts.insert(self.stemmed(&tokens), concept);
    }

    /// Tokens with what is only written otherwise replaced.
    pub fn rewritten(&self, tokens: &[Token]) -> Vec<Token> {
        let mut out = Vec::with_capacity(tokens.len());
        let mut at = 0;
        while at < tokens.len() {
            let run = self.rewrites.longest_at(&tokens[at..]);
            out.extend_from_slice(run.map_or(&tokens[at..=at], |(_, to)| to));
            at += run.map_or(1, |(length, _)| length);
        }
        out
    }

    fn phrases(&self, phrases: &[String]) -> Phrases {
        let runs: HashSet<_> = phrases
            .iter()
            .map(|phrase| self.rewritten(&normalize(phrase)))
            .collect();
        Phrases {
            longest: runs.iter().map(Vec::len).max().unwrap_or(0),
            runs,
        }
    }

    /// Tokens without the courtesy at either end, if a question is left.
    pub fn without_courtesy<'a>(&self, tokens: &'a [Token]) -> &'a [Token] {
        let mut left = tokens;
        while let Some(length) = self.before.length(|n| left.get(..n)) {
            left = &left[length..];
        }
        while let Some(length) = self
            .after
            .length(|n| left.get(left.len().checked_sub(n)?..))
        {
            left = &left[..left.len() - length];
        }
        if left.len() >= LEAST_LEFT {
            left
        } else {
            tokens
        }
    }

    /// The concepts named, in order, whatever the endings of their words.
    pub fn concepts(&self, tokens: &[Token]) -> Vec<u16> {
        let tokens = self.stemmed(tokens);
        let mut found = Vec::new();
        let mut at = 0;
        while at < tokens.len() {
            let run = self.concepts.longest_at(&tokens[at..]);
            found.extend(run.map(|(_, concept)| *concept));
            at += run.map_or(1, |(length, _)| length);
        }
        found
    }

    fn stemmed(&self, tokens: &[Token]) -> Vec<Token> {
        let stemmed = |token: &Token| match token {
            Token::Word(word) => Token::Word(self.stemmer.0.stem(word).into_owned()),
            Token::Han(_) | Token::Sound(_) => token.clone(),
        };
        tokens.iter().map(stemmed).collect()
    }

    /// A concept's plainest word, for people.
    pub fn name(&self, concept: u16) -> &str {
        self.names
            .get(usize::from(concept))
            .map_or("", String::as_str)
    }

    /// Every Latin word of the concepts.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.words.iter().map(String::as_str)
    }
}

/// How a phrase of at least [`LEAST_SOUNDS`] Han characters sounds, so that it is found in pinyin too.
fn sounds(tokens: &[Token]) -> Option<Vec<Token>> {
    let sound = |token: &Token| match token {
        Token::Han(c) => pinyin::of_han(*c).map(Token::Sound),
        Token::Word(_) | Token::Sound(_) => None,
    };
    if tokens.len() < LEAST_SOUNDS {
        return None;
    }
    tokens.iter().map(sound).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::{Courtesy, Rewrite, Synonyms};

    fn strings(texts: &[&str]) -> Vec<String> {
        texts.iter().map(ToString::to_string).collect()
    }

    fn sample() -> Equivalents {
        Equivalents::new(&Vocabulary {
            same: vec![
                Synonyms {
                    word: "解绑".into(),
                    also: strings(&["取消绑定", "remove", "take off"]),
                },
                Synonyms {
                    word: "绑定".into(),
                    also: strings(&["add"]),
                },
                Synonyms {
                    word: "门卡".into(),
                    also: strings(&["access card"]),
                },
            ],
            rewrite: vec![
                Rewrite {
                    to: "you".into(),
                    from: strings(&["u"]),
                },
                Rewrite {
                    to: "怎么".into(),
                    from: strings(&["点样"]),
                },
            ],
            courtesy: Courtesy {
                before: strings(&["please", "请问"]),
                after: strings(&["please", "thank you"]),
            },
        })
    }

    fn concepts(text: &str) -> Vec<u16> {
        let equivalents = sample();
        equivalents.concepts(&equivalents.rewritten(&normalize(text)))
    }

    #[test]
    fn what_is_only_written_otherwise_is_replaced() {
        let equivalents = sample();
        assert_eq!(
            equivalents.rewritten(&normalize("can U 点样")),
            normalize("can you 怎么")
        );
        assert_eq!(
            equivalents.rewritten(&normalize("umbrella 👍")),
            normalize("umbrella")
        );
        assert!(equivalents.rewritten(&[]).is_empty());
    }

    #[test]
    fn concepts_are_found_in_both_languages_whatever_the_ending() {
        assert_eq!(concepts("removing my access cards"), [0, 2]);
        assert_eq!(concepts("怎么remove门卡"), [0, 2]);
        assert_eq!(concepts("taking off"), [0]);
    }

    #[test]
    fn concepts_of_two_characters_or_more_are_heard_in_pinyin() {
        let heard = |text: &str| sounds(&normalize(text)).map(|sounds| sample().concepts(&sounds));
        assert_eq!(heard("怎么解绑门卡"), Some(vec![0, 2]));
        assert_eq!(heard("卡"), None);
    }

    #[test]
    fn the_longest_match_counts() {
        assert_eq!(concepts("取消绑定"), [0]);
        assert_eq!(concepts("绑定"), [1]);
    }

    #[test]
    fn courtesy_is_cut_off_only_around_a_question() {
        let equivalents = sample();
        let left = |text: &str| equivalents.without_courtesy(&normalize(text)).to_vec();
        assert_eq!(
            left("please remove my card, thank you please"),
            normalize("remove my card")
        );
        assert_eq!(left("请问怎么解绑"), normalize("怎么解绑"));
        assert_eq!(left("thank you"), normalize("thank you"));
        assert_eq!(left("please help"), normalize("please help"));
        assert_eq!(
            left("thank you, that did it"),
            normalize("thank you that did it")
        );
    }

    #[test]
    fn an_empty_vocabulary_changes_nothing() {
        let equivalents = Equivalents::new(&Vocabulary::default());
        let tokens = normalize("please u 点样 👍");
        assert_eq!(equivalents.rewritten(&tokens), tokens);
        assert_eq!(equivalents.without_courtesy(&tokens), tokens);
        assert!(equivalents.concepts(&tokens).is_empty());
    }
}
