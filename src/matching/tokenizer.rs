//! From text to the tokens that features are made of: words, Han characters, syllables of pinyin.
//!
//! Phrasings and questions are treated alike, except that only a question's spelling is corrected.

use std::collections::{HashMap, HashSet};

use super::{
    MAX_CHARS,
    normalize::{Token, normalize},
    pinyin::{self, Syllable},
    spelling::Lexicon,
    synonyms::Synonyms,
};

/// A text as tokens.
#[derive(Debug, Clone, Default)]
pub struct Tokenized {
    /// In the order of the text.
    pub tokens: Vec<Token>,
    /// The concepts it names, in the order of the text.
    pub concepts: Vec<u16>,
    /// Words whose spelling was corrected: as typed, and as read.
    pub corrections: Vec<(String, String)>,
}

impl Tokenized {
    /// The number of tokens without numbers, since a number alone asks nothing.
    pub fn count_without_numbers(&self) -> usize {
        let is_number = |token: &&Token| matches!(token, Token::Word(word) if word.starts_with(char::is_numeric));
        self.tokens.len() - self.tokens.iter().filter(is_number).count()
    }
}

/// So often one letter alone stands in a text that says nothing; in “www” or “666” it may be a word.
const MIN_REPEATED: usize = 4;
/// Letters of a stray word: a longer one that the base has says enough.
const MAX_STRAY_LETTERS: usize = 4;
/// Occurrences in phrasings from which a short word is common, and so says something by itself.
const MIN_COMMON: u32 = 5;

/// Tokenises texts with the words of one base.
#[derive(Debug, Default)]
pub struct Tokenizer {
    synonyms: Synonyms,
    /// Words of languages with an alphabet: these are not taken for pinyin.
    foreign: Lexicon,
    /// Every word of the base: other words are taken for misspelt.
    lexicon: Lexicon,
    /// Words that are a phrasing by themselves.
    phrasings: HashSet<String>,
}

impl Tokenizer {
    /// Learns the words of a base; `foreign` are the phrasings in languages other than Chinese.
    pub fn new<'a>(
        synonyms: Synonyms,
        foreign: impl Iterator<Item = &'a [Token]>,
        chinese: impl Iterator<Item = &'a [Token]>,
    ) -> Self {
        let mut counts: HashMap<String, u32> = HashMap::new();
        for word in synonyms.words() {
            counts.entry(word.to_owned()).or_default();
        }
        let foreign: Vec<_> = foreign.collect();
        count_words(foreign.iter().copied(), &mut counts);
        let mut tokenizer = Self {
            synonyms,
            foreign: Lexicon::new(counts.clone()),
            lexicon: Lexicon::default(),
            phrasings: foreign
                .iter()
                .filter_map(|tokens| lone_word(tokens))
                .collect(),
        };
        for tokens in chinese {
            tokenizer.phrasings.extend(lone_word(tokens));
            for token in tokenizer.read_pinyin(tokens) {
                if let Token::Word(word) = token {
                    *counts.entry(word).or_default() += 1;
                }
            }
        }
        tokenizer.lexicon = Lexicon::new(counts);
        tokenizer
    }

    /// Tokenises a phrasing from its clean tokens (see [`Synonyms::clean_tokens`]).
    pub fn tokenize_phrasing(&self, tokens: &[Token]) -> Tokenized {
        self.with_concepts(self.read_pinyin(tokens), Vec::new())
    }

    /// Tokenises a question; with `speller`, unknown words are corrected.
    pub fn tokenize_question(&self, text: &str, speller: bool) -> Tokenized {
        let tokens = self.read_pinyin(&self.synonyms.clean_tokens(text));
        if !speller {
            return self.with_concepts(tokens, Vec::new());
        }
        let mut corrections = Vec::new();
        let corrected = self.correct_spelling(&tokens, &mut corrections);
        self.with_concepts(corrected, corrections)
    }

    /// Whether a text says nothing: interjections, or a single short word that the base hardly has. The little that is
    /// known of such a word would look like certainty.
    pub fn says_nothing(&self, text: &str) -> bool {
        self.synonyms.is_interjection(text) || is_one_letter(text) || self.is_stray_word(text)
    }

    fn is_stray_word(&self, text: &str) -> bool {
        let Some(typed) = lone_word(&normalize(text)) else {
            return false;
        };
        let Some(word) = lone_word(&self.synonyms.clean_tokens(text)) else {
            return false;
        };
        let is_known = self.phrasings.contains(&word) || self.synonyms.has_concept(&word);
        let is_common = self.lexicon.count_of(&word) >= MIN_COMMON && typed.len() > 1;
        typed.chars().count() <= MAX_STRAY_LETTERS && !is_known && !is_common
    }

    /// The same text with one token left out.
    pub fn without_token(&self, tokenized: &Tokenized, index: usize) -> Tokenized {
        let mut tokens = tokenized.tokens.clone();
        tokens.remove(index);
        self.with_concepts(tokens, Vec::new())
    }

    fn with_concepts(&self, tokens: Vec<Token>, corrections: Vec<(String, String)>) -> Tokenized {
        Tokenized {
            concepts: self.synonyms.find_concepts(&tokens),
            tokens,
            corrections,
        }
    }

    /// A concept's plainest word.
    pub fn concept_name(&self, concept: u16) -> &str {
        self.synonyms.concept_name(concept)
    }

    /// Replaces words by syllables if the text has more pinyin than anything else with letters.
    fn read_pinyin(&self, tokens: &[Token]) -> Vec<Token> {
        let readings: Vec<Option<Vec<Syllable>>> = tokens.iter().map(pinyin_reading).collect();
        let is_pinyin = self.is_pinyin(tokens, &readings);
        // Beside Han, a word that both languages have (`can`, `men`) is more likely the foreign one.
        let beside_han = tokens.iter().any(|token| matches!(token, Token::Han(_)));
        let read = |(token, reading): (&Token, Option<Vec<Syllable>>)| match (token, reading) {
            (Token::Word(word), Some(reading))
                if is_pinyin && !(beside_han && self.foreign.contains(word)) =>
            {
                reading.into_iter().map(Token::Sound).collect()
            }
            _ => vec![token.clone()],
        };
        tokens.iter().zip(readings).flat_map(read).collect()
    }

    /// Whether more letters are in words that can only be pinyin than in words that cannot be pinyin.
    fn is_pinyin(&self, tokens: &[Token], readings: &[Option<Vec<Syllable>>]) -> bool {
        let (mut pinyin, mut foreign) = (0, 0);
        for (token, reading) in tokens.iter().zip(readings) {
            let Token::Word(word) = token else { continue };
            match reading {
                Some(_) if !self.foreign.contains(word) => pinyin += word.len(),
                None if !word.starts_with(char::is_numeric) => foreign += word.len(),
                _ => {}
            }
        }
        pinyin > foreign
    }

    fn correct_spelling(
        &self,
        tokens: &[Token],
        corrections: &mut Vec<(String, String)>,
    ) -> Vec<Token> {
        let mut corrected: Vec<Token> = Vec::with_capacity(tokens.len());
        let mut rest = tokens;
        while let Some((token, after)) = rest.split_first() {
            let (correction, left) = match self.join_words(rest) {
                Some((typed, joined)) => (Some((typed, vec![joined])), &rest[2..]),
                None => (self.correct_word(token), after),
            };
            match correction {
                Some((typed, read)) => {
                    corrections.push((typed, read.join(" ")));
                    corrected.extend(read.into_iter().map(Token::Word));
                }
                None => corrected.push(token.clone()),
            }
            rest = left;
        }
        corrected
    }

    /// A known word typed with a space in it, if one of the halves is no known word: as typed, and joined.
    fn join_words(&self, tokens: &[Token]) -> Option<(String, String)> {
        let [Token::Word(left), Token::Word(right), ..] = tokens else {
            return None;
        };
        if self.lexicon.contains(left) && self.lexicon.contains(right) {
            return None;
        }
        let joined = format!("{left}{right}");
        self.lexicon
            .contains(&joined)
            .then(|| (format!("{left} {right}"), joined))
    }

    /// An unknown word: as typed, and as it was most likely meant.
    fn correct_word(&self, token: &Token) -> Option<(String, Vec<String>)> {
        let Token::Word(word) = token else {
            return None;
        };
        if self.lexicon.contains(word) {
            return None;
        }
        Some((word.clone(), self.lexicon.correct(word)?))
    }
}

/// Whether a text is one letter or digit again and again.
fn is_one_letter(text: &str) -> bool {
    let read = text.chars().take(MAX_CHARS);
    let mut letters = read.filter(|c| c.is_alphanumeric());
    let Some(first) = letters.next() else {
        return false;
    };
    let first: String = first.to_lowercase().collect();
    let mut count = 1;
    letters.all(|c| {
        count += 1;
        c.to_lowercase().eq(first.chars())
    }) && count >= MIN_REPEATED
}

/// The word of a text that has no other.
fn lone_word(tokens: &[Token]) -> Option<String> {
    match tokens {
        [Token::Word(word)] => Some(word.clone()),
        _ => None,
    }
}

fn pinyin_reading(token: &Token) -> Option<Vec<Syllable>> {
    match token {
        Token::Word(word) => pinyin::split_syllables(word),
        Token::Han(_) | Token::Sound(_) => None,
    }
}

fn count_words<'a>(texts: impl Iterator<Item = &'a [Token]>, counts: &mut HashMap<String, u32>) {
    for token in texts.flatten() {
        if let Token::Word(word) = token {
            *counts.entry(word.clone()).or_default() += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tokenizer() -> Tokenizer {
        let tokens = |texts: &[&str]| texts.iter().map(|text| normalize(text)).collect::<Vec<_>>();
        let english = tokens(&[
            "how do i unbind my card",
            "the men at the bank",
            "can you remove it",
        ]);
        let chinese = tokens(&["怎么解绑门禁卡", "打开app", "jiebang menka"]);
        Tokenizer::new(
            Synonyms::default(),
            english.iter().map(Vec::as_slice),
            chinese.iter().map(Vec::as_slice),
        )
    }

    fn read(text: &str) -> String {
        let text_of = |token: &Token| match token {
            Token::Word(word) => word.clone(),
            Token::Han(c) => c.to_string(),
            Token::Sound(_) => "~".to_owned(),
        };
        tokenizer()
            .tokenize_question(text, true)
            .tokens
            .iter()
            .map(text_of)
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn latin_runs_are_pinyin_where_the_message_is_not_english() {
        for (text, tokens) in [
            ("jiebang menjinka zenme nong", "~ ~ ~ ~ ~ ~ ~ ~"),
            ("men jin ka zen me jie bang", "~ ~ ~ ~ ~ ~ ~"),
            ("how do men unbind", "how do men unbind"),
            ("怎么jiebang", "怎 么 ~ ~"),
            ("用app解绑", "用 app 解 绑"),
            ("", ""),
            ("👍", ""),
        ] {
            assert_eq!(read(text), tokens, "{text}");
        }
    }

    #[test]
    fn slips_split_and_joined_words_are_corrected_and_reported() {
        for (text, tokens) in [
            ("unbnid my crad", "unbind my card"),
            ("un bind my card", "unbind my card"),
            ("unbiiind my caaaard", "unbind my card"),
        ] {
            assert_eq!(read(text), tokens);
        }
        assert_eq!(
            tokenizer().tokenize_question("my crad", true).corrections,
            [("crad".to_owned(), "card".to_owned())]
        );
        assert!(
            tokenizer()
                .tokenize_question("my crad", false)
                .corrections
                .is_empty()
        );
    }

    #[test]
    fn a_rare_short_word_alone_says_nothing() {
        let tokenizer = tokenizer();
        for text in ["at", "x", "sun", "mama", "a"] {
            assert!(tokenizer.says_nothing(text), "{text}");
        }
        for text in ["unbind", "my card", "解", "", "👍"] {
            assert!(!tokenizer.says_nothing(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read(any in any::<String>()) {
            tokenizer().says_nothing(&any);
            tokenizer().tokenize_question(&any, true);
        }
    }
}
