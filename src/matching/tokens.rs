//! From text to the units features are made of: words, Han characters, syllables of pinyin.
//!
//! The same for phrasings and questions, except that only a question's spelling is corrected.

use std::collections::HashMap;

use super::{
    equivalents::Equivalents,
    normalize::{Token, normalize},
    pinyin::{self, Syllable},
    spelling::Lexicon,
};

/// A unit of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unit {
    /// A word of letters, or digits.
    Word(String),
    /// A Han character.
    Han(char),
    /// A syllable typed in pinyin.
    Sound(Syllable),
}

/// A text, read.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// Its units in order.
    pub units: Vec<Unit>,
    /// The concepts it names, in order.
    pub concepts: Vec<u16>,
    /// Words that were corrected: as typed, and as read.
    pub repairs: Vec<(String, String)>,
}

impl Reading {
    /// How much was said: units, numbers left out, since a number alone says nothing.
    pub fn said(&self) -> usize {
        let is_number =
            |unit: &&Unit| matches!(unit, Unit::Word(word) if word.starts_with(char::is_numeric));
        self.units.len() - self.units.iter().filter(is_number).count()
    }
}

/// Reads texts the way of one base.
#[derive(Debug, Default)]
pub struct Reader {
    equivalents: Equivalents,
    /// Words of languages with an alphabet: what is in here is not pinyin.
    foreign: Lexicon,
    /// Every word of the base: what is not in here is misspelt.
    lexicon: Lexicon,
}

impl Reader {
    /// Learns the words of a base: `foreign` phrasings are those of languages not written in Han.
    pub fn new<'a>(
        equivalents: Equivalents,
        foreign: impl Iterator<Item = &'a [Token]>,
        chinese: impl Iterator<Item = &'a [Token]>,
    ) -> Self {
        let mut counts: HashMap<String, u32> = HashMap::new();
        for word in equivalents.words() {
            counts.entry(word.to_owned()).or_default();
        }
        count_words(foreign, &mut counts);
        let mut reader = Self {
            equivalents,
            foreign: Lexicon::new(counts.clone()),
            lexicon: Lexicon::default(),
        };
        for tokens in chinese {
            for unit in reader.sounds(tokens) {
                if let Unit::Word(word) = unit {
                    *counts.entry(word).or_default() += 1;
                }
            }
        }
        reader.lexicon = Lexicon::new(counts);
        reader
    }

    /// Normalised, rewritten, without the courtesy around it.
    pub fn tokens(equivalents: &Equivalents, text: &str) -> Vec<Token> {
        equivalents
            .without_courtesy(&equivalents.rewritten(&normalize(text)))
            .to_vec()
    }

    /// Reads a phrasing's tokens.
    pub fn phrasing(&self, tokens: &[Token]) -> Reading {
        let units = self.sounds(tokens);
        Reading {
            concepts: self.concepts(&units),
            units,
            repairs: Vec::new(),
        }
    }

    /// Reads a question.
    pub fn question(&self, text: &str, speller: bool) -> Reading {
        let tokens = Self::tokens(&self.equivalents, text);
        let units = self.sounds(&tokens);
        let mut repairs = Vec::new();
        let units = if speller {
            self.repaired(units, &mut repairs)
        } else {
            units
        };
        Reading {
            concepts: self.concepts(&units),
            units,
            repairs,
        }
    }

    /// A reading with one unit left out.
    pub fn without_unit(&self, reading: &Reading, place: usize) -> Reading {
        let mut units = reading.units.clone();
        units.remove(place);
        Reading {
            concepts: self.concepts(&units),
            units,
            repairs: Vec::new(),
        }
    }

    /// A concept's plainest word.
    pub fn concept_name(&self, concept: u16) -> &str {
        self.equivalents.name(concept)
    }

    fn concepts(&self, units: &[Unit]) -> Vec<u16> {
        let token = |unit: &Unit| match unit {
            Unit::Word(word) => Token::Word(word.clone()),
            Unit::Han(c) => Token::Han(*c),
            Unit::Sound(syllable) => Token::Sound(*syllable),
        };
        let tokens: Vec<Token> = units.iter().map(token).collect();
        self.equivalents.concepts(&tokens)
    }

    /// Units, with Latin runs taken for pinyin where the text is more pinyin than anything else with letters.
    fn sounds(&self, tokens: &[Token]) -> Vec<Unit> {
        let readings: Vec<Option<Vec<Syllable>>> = tokens.iter().map(segmented).collect();
        let is_pinyin = self.is_pinyin(tokens, &readings);
        // Beside Han, a word both languages have (`can`, `men`) is more likely the foreign one.
        let beside_han = tokens.iter().any(|token| matches!(token, Token::Han(_)));
        let unit = |(token, reading): (&Token, Option<Vec<Syllable>>)| match (token, reading) {
            (Token::Han(c), _) => vec![Unit::Han(*c)],
            (Token::Word(word), Some(reading))
                if is_pinyin && !(beside_han && self.foreign.knows(word)) =>
            {
                reading.into_iter().map(Unit::Sound).collect()
            }
            (Token::Word(word), _) => vec![Unit::Word(word.clone())],
            (Token::Sound(syllable), _) => vec![Unit::Sound(*syllable)],
        };
        tokens.iter().zip(readings).flat_map(unit).collect()
    }

    /// Whether more letters can only be pinyin than can only be something else.
    fn is_pinyin(&self, tokens: &[Token], readings: &[Option<Vec<Syllable>>]) -> bool {
        let (mut pinyin, mut foreign) = (0, 0);
        for (token, reading) in tokens.iter().zip(readings) {
            let Token::Word(word) = token else { continue };
            match reading {
                Some(_) if !self.foreign.knows(word) => pinyin += word.len(),
                None if !word.starts_with(char::is_numeric) => foreign += word.len(),
                _ => {}
            }
        }
        pinyin > foreign
    }

    fn repaired(&self, units: Vec<Unit>, repairs: &mut Vec<(String, String)>) -> Vec<Unit> {
        let mut out: Vec<Unit> = Vec::with_capacity(units.len());
        let mut rest = units.as_slice();
        while let Some((unit, after)) = rest.split_first() {
            let (repair, left) = match self.joined(rest) {
                Some((typed, joined)) => (Some((typed, vec![joined])), &rest[2..]),
                None => (self.corrected(unit), after),
            };
            match repair {
                Some((typed, read)) => {
                    repairs.push((typed, read.join(" ")));
                    out.extend(read.into_iter().map(Unit::Word));
                }
                None => out.push(unit.clone()),
            }
            rest = left;
        }
        out
    }

    /// A known word typed with a space in it, of which at least one half is no word: as typed, and joined.
    fn joined(&self, units: &[Unit]) -> Option<(String, String)> {
        let [Unit::Word(left), Unit::Word(right), ..] = units else {
            return None;
        };
        if self.lexicon.knows(left) && self.lexicon.knows(right) {
            return None;
        }
        let joined = format!("{left}{right}");
        self.lexicon
            .knows(&joined)
            .then(|| (format!("{left} {right}"), joined))
    }

    /// An unknown word: as typed, and as it was most likely meant.
    fn corrected(&self, unit: &Unit) -> Option<(String, Vec<String>)> {
        let Unit::Word(word) = unit else { return None };
        let read = if self.lexicon.knows(word) {
            None
        } else {
            self.lexicon.correct(word)
        };
        Some((word.clone(), read?))
    }
}

fn segmented(token: &Token) -> Option<Vec<Syllable>> {
    match token {
        Token::Word(word) => pinyin::segment(word),
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

    fn reader() -> Reader {
        let tokens = |texts: &[&str]| texts.iter().map(|text| normalize(text)).collect::<Vec<_>>();
        let english = tokens(&[
            "how do i unbind my card",
            "the men at the bank",
            "can you remove it",
        ]);
        let chinese = tokens(&["怎么解绑门禁卡", "打开app", "jiebang menka"]);
        Reader::new(
            Equivalents::default(),
            english.iter().map(Vec::as_slice),
            chinese.iter().map(Vec::as_slice),
        )
    }

    fn read(text: &str) -> String {
        let unit = |unit: &Unit| match unit {
            Unit::Word(word) => word.clone(),
            Unit::Han(c) => c.to_string(),
            Unit::Sound(_) => "~".to_owned(),
        };
        reader()
            .question(text, true)
            .units
            .iter()
            .map(unit)
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn latin_runs_are_pinyin_where_the_message_is_not_english() {
        for (text, units) in [
            ("jiebang menjinka zenme nong", "~ ~ ~ ~ ~ ~ ~ ~"),
            ("men jin ka zen me jie bang", "~ ~ ~ ~ ~ ~ ~"),
            ("how do men unbind", "how do men unbind"),
            ("怎么jiebang", "怎 么 ~ ~"),
            ("用app解绑", "用 app 解 绑"),
            ("", ""),
            ("👍", ""),
        ] {
            assert_eq!(read(text), units, "{text}");
        }
    }

    #[test]
    fn slips_split_and_joined_words_are_repaired_and_reported() {
        for (text, units) in [
            ("unbnid my crad", "unbind my card"),
            ("un bind my card", "unbind my card"),
        ] {
            assert_eq!(read(text), units);
        }
        assert_eq!(
            reader().question("my crad", true).repairs,
            [("crad".to_owned(), "card".to_owned())]
        );
        assert!(reader().question("my crad", false).repairs.is_empty());
    }

    proptest! {
        #[test]
        fn any_text_is_read(any in any::<String>()) {
            reader().question(&any, true);
        }
    }
}
