//! The vocabulary, indexed by runs of tokens.
//!
//! Built from `vocabulary.toml`. *Rewrites* replace other spellings (`u` becomes `you`, 平果 becomes 苹果). Each set of
//! synonyms is a *concept*: it is found in any language and becomes a feature beside the words. *Fillers*, polite words
//! around a question, are cut off.

use std::collections::{HashMap, HashSet};

use rust_stemmers::{Algorithm, Stemmer};

use super::{
    normalize::{Token, normalize},
    pinyin,
};
use crate::knowledge::Vocabulary;

/// Fillers are cut off only if this many tokens are left: "hello there" stays as it is.
const MIN_TOKENS_LEFT: usize = 3;

/// Shorter phrases are not looked up by their sound: one syllable stands for many words.
const MIN_SYLLABLES: usize = 2;

/// A map from token runs to values, looked up by the longest match.
#[derive(Debug)]
struct RunMap<T> {
    /// By the first token; the longest runs come first.
    by_first: HashMap<Token, Vec<(Vec<Token>, T)>>,
}

impl<T> Default for RunMap<T> {
    fn default() -> Self {
        Self {
            by_first: HashMap::new(),
        }
    }
}

impl<T> RunMap<T> {
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

#[derive(Default)]
pub struct Synonyms {
    rewrites: RunMap<Vec<Token>>,
    concepts: RunMap<u16>,
    /// By concept: its plainest word.
    concept_names: Vec<String>,
    fillers_before: RunSet,
    fillers_after: RunSet,
    interjections: RunSet,
    /// Every Latin word of the concepts.
    words: HashSet<String>,
    stemmer: EnglishStemmer,
}

impl std::fmt::Debug for Synonyms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Synonyms")
            .field("concept_names", &self.concept_names)
            .finish_non_exhaustive()
    }
}

/// A set of token runs.
#[derive(Default)]
struct RunSet {
    runs: HashSet<Vec<Token>>,
    max_length: usize,
}

impl RunSet {
    fn new(runs: impl Iterator<Item = Vec<Token>>) -> Self {
        let runs: HashSet<_> = runs.filter(|run| !run.is_empty()).collect();
        Self {
            max_length: runs.iter().map(Vec::len).max().unwrap_or(0),
            runs,
        }
    }

    /// The greatest length for which `run_of_length` returns a run of this set.
    fn longest_match<'a>(
        &self,
        run_of_length: impl Fn(usize) -> Option<&'a [Token]>,
    ) -> Option<usize> {
        (1..=self.max_length)
            .rev()
            .find(|&length| run_of_length(length).is_some_and(|run| self.runs.contains(run)))
    }
}

struct EnglishStemmer(Stemmer);

impl Default for EnglishStemmer {
    fn default() -> Self {
        Self(Stemmer::create(Algorithm::English))
    }
}

impl Synonyms {
    pub fn new(vocabulary: &Vocabulary) -> Self {
        let mut synonyms = Self::default();
        for rewrite in &vocabulary.rewrites {
            for form in &rewrite.from {
                synonyms
                    .rewrites
                    .insert(normalize(form), normalize(&rewrite.to));
            }
        }
        for (concept, set) in vocabulary.synonyms.iter().enumerate() {
            synonyms.concept_names.push(set.word.clone());
            for form in set.also.iter().chain([&set.word]) {
                synonyms.insert_concept(form, concept as u16);
            }
        }
        synonyms.fillers_before = synonyms.run_set(&vocabulary.fillers.before);
        synonyms.fillers_after = synonyms.run_set(&vocabulary.fillers.after);
        let interjections = vocabulary.interjections.iter();
        synonyms.interjections = RunSet::new(interjections.map(|text| shorten(normalize(text))));
        synonyms
    }

    fn insert_concept(&mut self, form: &str, concept: u16) {
        let tokens = self.rewrite(&normalize(form));
        self.words
            .extend(tokens.iter().filter_map(|token| match token {
                Token::Word(word) => Some(word.clone()),
                Token::Han(_) | Token::Sound(_) => None,
            }));
        if let Some(syllables) = syllables_of(&tokens) {
            self.concepts.insert(syllables, concept);
        }
        self.concepts.insert(self.stem(&tokens), concept);
    }

    /// A text's tokens, normalised and rewritten, without fillers.
    pub fn clean_tokens(&self, text: &str) -> Vec<Token> {
        self.cut_fillers(&self.rewrite(&normalize(text))).to_vec()
    }

    /// Replaces other spellings.
    fn rewrite(&self, tokens: &[Token]) -> Vec<Token> {
        let mut out = Vec::with_capacity(tokens.len());
        let mut at = 0;
        while at < tokens.len() {
            let run = self.rewrites.longest_at(&tokens[at..]);
            out.extend_from_slice(run.map_or(&tokens[at..=at], |(_, to)| to));
            at += run.map_or(1, |(length, _)| length);
        }
        out
    }

    fn run_set(&self, phrases: &[String]) -> RunSet {
        let phrases = phrases.iter();
        RunSet::new(phrases.map(|phrase| self.rewrite(&normalize(phrase))))
    }

    /// Whether a text is nothing but interjections and numbers.
    pub fn is_interjection(&self, text: &str) -> bool {
        let words = normalize(text)
            .into_iter()
            .filter(|token| !is_number(token));
        let words = shorten(words.collect());
        let mut left = words.as_slice();
        while let Some(length) = self.interjections.longest_match(|n| left.get(..n)) {
            left = &left[length..];
        }
        left.is_empty() && !words.is_empty()
    }

    /// Cuts off the fillers at either end, if enough tokens are left.
    fn cut_fillers<'a>(&self, tokens: &'a [Token]) -> &'a [Token] {
        let mut left = tokens;
        while let Some(length) = self.fillers_before.longest_match(|n| left.get(..n)) {
            left = &left[length..];
        }
        while let Some(length) = self
            .fillers_after
            .longest_match(|n| left.get(left.len().checked_sub(n)?..))
        {
            left = &left[..left.len() - length];
        }
        if left.len() >= MIN_TOKENS_LEFT {
            left
        } else {
            tokens
        }
    }

    /// The concepts that tokens name, in order; words are compared by their stems.
    pub fn find_concepts(&self, tokens: &[Token]) -> Vec<u16> {
        let tokens = self.stem(tokens);
        let mut found = Vec::new();
        let mut at = 0;
        while at < tokens.len() {
            let run = self.concepts.longest_at(&tokens[at..]);
            found.extend(run.map(|(_, concept)| *concept));
            at += run.map_or(1, |(length, _)| length);
        }
        found
    }

    fn stem(&self, tokens: &[Token]) -> Vec<Token> {
        let stem = |token: &Token| match token {
            Token::Word(word) => Token::Word(self.stemmer.0.stem(word).into_owned()),
            Token::Han(_) | Token::Sound(_) => token.clone(),
        };
        tokens.iter().map(stem).collect()
    }

    /// A concept's plainest word.
    pub fn concept_name(&self, concept: u16) -> &str {
        self.concept_names
            .get(usize::from(concept))
            .map_or("", String::as_str)
    }

    /// Whether a word by itself names a concept.
    pub fn has_concept(&self, word: &str) -> bool {
        !self
            .find_concepts(&[Token::Word(word.to_owned())])
            .is_empty()
    }

    /// Every Latin word of the concepts.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.words.iter().map(String::as_str)
    }
}

fn is_number(token: &Token) -> bool {
    matches!(token, Token::Word(word) if word.starts_with(char::is_numeric))
}

/// The tokens of an interjection that may be drawn out: what is repeated counts once.
fn shorten(tokens: Vec<Token>) -> Vec<Token> {
    let shorten = |token: Token| match token {
        Token::Word(word) => Token::Word(shorten_word(&word)),
        Token::Han(_) | Token::Sound(_) => token,
    };
    let mut tokens: Vec<Token> = tokens.into_iter().map(shorten).collect();
    tokens.dedup();
    tokens
}

/// `ooooh` becomes `oh`, `hahahah` becomes `ha`.
fn shorten_word(word: &str) -> String {
    let mut letters: Vec<char> = word.chars().collect();
    letters.dedup();
    // After that, only a pair of letters can be repeated.
    let is_repeated = letters.len() > 2 && letters.windows(3).all(|three| three[0] == three[2]);
    if is_repeated {
        letters.truncate(2);
    }
    letters.into_iter().collect()
}

/// The syllables of a phrase of at least [`MIN_SYLLABLES`] Han characters, so that it is found when typed in pinyin.
fn syllables_of(tokens: &[Token]) -> Option<Vec<Token>> {
    let syllable = |token: &Token| match token {
        Token::Han(c) => pinyin::syllable_of(*c).map(Token::Sound),
        Token::Word(_) | Token::Sound(_) => None,
    };
    if tokens.len() < MIN_SYLLABLES {
        return None;
    }
    tokens.iter().map(syllable).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::{Fillers, Rewrite, SynonymSet};

    fn strings(texts: &[&str]) -> Vec<String> {
        texts.iter().map(ToString::to_string).collect()
    }

    fn sample() -> Synonyms {
        Synonyms::new(&Vocabulary {
            synonyms: vec![
                SynonymSet {
                    word: "解绑".into(),
                    also: strings(&["取消绑定", "remove", "take off"]),
                },
                SynonymSet {
                    word: "绑定".into(),
                    also: strings(&["add"]),
                },
                SynonymSet {
                    word: "门卡".into(),
                    also: strings(&["access card"]),
                },
            ],
            rewrites: vec![
                Rewrite {
                    to: "you".into(),
                    from: strings(&["u"]),
                },
                Rewrite {
                    to: "怎么".into(),
                    from: strings(&["点样"]),
                },
            ],
            fillers: Fillers {
                before: strings(&["please", "请问"]),
                after: strings(&["please", "thank you"]),
            },
            interjections: strings(&["oh", "oh no", "haha", "hmm", "啊"]),
        })
    }

    fn concepts(text: &str) -> Vec<u16> {
        let synonyms = sample();
        synonyms.find_concepts(&synonyms.rewrite(&normalize(text)))
    }

    #[test]
    fn other_spellings_are_replaced() {
        let synonyms = sample();
        assert_eq!(
            synonyms.rewrite(&normalize("can U 点样")),
            normalize("can you 怎么")
        );
        assert_eq!(
            synonyms.rewrite(&normalize("umbrella 👍")),
            normalize("umbrella")
        );
        assert!(synonyms.rewrite(&[]).is_empty());
    }

    #[test]
    fn concepts_are_found_in_both_languages_whatever_the_ending() {
        assert_eq!(concepts("removing my access cards"), [0, 2]);
        assert_eq!(concepts("怎么remove门卡"), [0, 2]);
        assert_eq!(concepts("taking off"), [0]);
    }

    #[test]
    fn concepts_of_two_characters_or_more_are_found_in_pinyin() {
        let found = |text: &str| {
            syllables_of(&normalize(text)).map(|syllables| sample().find_concepts(&syllables))
        };
        assert_eq!(found("怎么解绑门卡"), Some(vec![0, 2]));
        assert_eq!(found("卡"), None);
    }

    #[test]
    fn the_longest_match_counts() {
        assert_eq!(concepts("取消绑定"), [0]);
        assert_eq!(concepts("绑定"), [1]);
    }

    #[test]
    fn fillers_are_cut_off_only_around_a_question() {
        let synonyms = sample();
        let left = |text: &str| synonyms.cut_fillers(&normalize(text)).to_vec();
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
    fn interjections_are_known_however_long_they_are_drawn() {
        let synonyms = sample();
        for text in [
            "oh",
            "OH!",
            "ooooh",
            "oh no",
            "oh noooo",
            "hahahah",
            "ha",
            "hmmmm…",
            "啊啊啊",
            "oh 123 haha 👍",
        ] {
            assert!(synonyms.is_interjection(text), "{text}");
        }
        for text in [
            "",
            "👍",
            "123",
            "no",
            "oh no my card",
            "hat",
            "卡啊",
            "banana",
        ] {
            assert!(!synonyms.is_interjection(text), "{text}");
        }
    }

    #[test]
    fn an_empty_vocabulary_changes_nothing() {
        let synonyms = Synonyms::new(&Vocabulary::default());
        let tokens = normalize("please u 点样 👍");
        assert_eq!(synonyms.rewrite(&tokens), tokens);
        assert_eq!(synonyms.cut_fillers(&tokens), tokens);
        assert!(synonyms.find_concepts(&tokens).is_empty());
    }
}
