//! A text as the secret finder reads it: folded character by character, so that positions stay, and searched for the
//! words of the base that say what a number or a password is.

use std::{cell::OnceCell, ops::Range};

use unicode_normalization::UnicodeNormalization;

use crate::{
    dialogue::characters::{is_mark, plain_punctuation},
    matching::normalize::simplify,
};

/// Characters that end a sentence. A word in another sentence says nothing about a number.
const SENTENCE_ENDS: [char; 6] = ['?', '!', ';', '。', '？', '！'];

/// What a word says about a number or another text beside it. Each is a list of words in the lines of the base.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::dialogue) enum Word {
    CardNumber,
    /// It is a password, a PIN or a code.
    Code,
    /// The same, and it may have letters.
    Password,
    /// “is”, “was”: what follows is the value of what came before.
    Is,
    /// “is my”: the other way round.
    IsMy,
    /// It is another number: a phone number, a room, an order.
    OtherNumber,
    /// What follows is a recovery phrase.
    Phrase,
    /// It counts something: “years”, “minutes”.
    Counter,
    /// What people say about a password that is none: “wrong”, “required”.
    NoPassword,
    /// What may stand beside a code sent alone: “here”, “thanks”.
    BesideCode,
}

impl Word {
    /// How many there are.
    const COUNT: usize = Self::BesideCode as usize + 1;

    /// The line that lists such words.
    pub(in crate::dialogue) fn line(self) -> &'static str {
        match self {
            Self::CardNumber => "words-card-number",
            Self::Code => "words-secret",
            Self::Password => "words-password",
            Self::Is => "words-is",
            Self::IsMy => "words-is-my",
            Self::OtherNumber => "words-other-number",
            Self::Phrase => "words-phrase",
            Self::Counter => "words-counter",
            Self::NoPassword => "words-no-password",
            Self::BesideCode => "words-beside-code",
        }
    }
}

/// A text, and the word lists to read it with.
pub(super) struct Reading<'a> {
    /// The characters as typed.
    pub(super) typed: Vec<char>,
    /// The same in compatibility form, with plain punctuation, in Simplified script and lower case.
    pub(super) folded: Vec<char>,
    listed: &'a dyn Fn(Word) -> &'a [String],
    /// The places of the words of each list, found when first asked for: a text may have thousands of numbers.
    places: [OnceCell<Vec<Range<usize>>>; Word::COUNT],
}

impl<'a> Reading<'a> {
    pub(super) fn new(text: &str, listed: &'a dyn Fn(Word) -> &'a [String]) -> Self {
        Self {
            typed: text.chars().collect(),
            folded: text.chars().map(fold).collect(),
            listed,
            places: [const { OnceCell::new() }; Word::COUNT],
        }
    }

    /// Whether a word of the list is this text.
    pub(super) fn is_listed(&self, text: &str, word: Word) -> bool {
        (self.listed)(word).iter().any(|listed| listed == text)
    }

    /// Where words of the list stand, in characters. A Latin word may be followed by digits (“pin4821”), not by letters.
    pub(super) fn places(&self, word: Word) -> &[Range<usize>] {
        self.places[word as usize].get_or_init(|| {
            let mut places: Vec<_> = (self.listed)(word)
                .iter()
                .flat_map(|listed| self.places_of(listed))
                .collect();
            places.sort_by_key(|place| (place.start, place.end));
            places
        })
    }

    fn places_of(&self, word: &str) -> Vec<Range<usize>> {
        let Some(first) = word.chars().next() else {
            return Vec::new();
        };
        let length = word.chars().count();
        let is_latin = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphabetic());
        let ends_latin = is_latin(word.chars().next_back());
        let starts_latin = is_latin(Some(first));
        let folded = self.folded.as_slice();
        let stands = |from: &usize| {
            let to = from + length;
            let Some(part) = folded.get(*from..to).filter(|part| part[0] == first) else {
                return false;
            };
            let before = from.checked_sub(1).map(|at| folded[at]);
            part.iter().copied().eq(word.chars())
                && !(ends_latin && is_latin(folded.get(to).copied()))
                && !(starts_latin && before.is_some_and(|c| c.is_ascii_alphanumeric()))
        };
        let starts = (0..folded.len()).filter(stands);
        starts.map(|from| from..from + length).collect()
    }

    /// From where the text before `at` belongs to the same sentence, at most `distance` characters back.
    pub(super) fn sentence_before(&self, at: usize, distance: usize) -> Range<usize> {
        let from = at.saturating_sub(distance);
        let end = self.folded[from..at]
            .iter()
            .rposition(|c| SENTENCE_ENDS.contains(c));
        end.map_or(from, |end| from + end + 1)..at
    }

    /// Up to where the text from `at` belongs to the same sentence, at most `distance` characters on.
    pub(super) fn sentence_after(&self, at: usize, distance: usize) -> Range<usize> {
        let to = (at + distance).min(self.folded.len());
        let end = self.folded[at..to]
            .iter()
            .position(|c| SENTENCE_ENDS.contains(c));
        at..end.map_or(to, |end| at + end)
    }

    /// Whether the range has nothing but punctuation and words of these lists.
    pub(super) fn has_only(&self, range: &Range<usize>, lists: &[Word]) -> bool {
        let is_listed = |at: usize| {
            let mut listed = lists.iter().flat_map(|word| self.places(*word));
            listed.any(|place| {
                place.contains(&at) && place.start >= range.start && place.end <= range.end
            })
        };
        range
            .clone()
            .all(|at| !self.folded[at].is_alphanumeric() || is_listed(at))
    }

    /// Whether a word of the list stands within the range.
    pub(super) fn has_within(&self, range: &Range<usize>, word: Word) -> bool {
        let places = self.places(word);
        places
            .iter()
            .any(|place| place.start >= range.start && place.end <= range.end)
    }

    /// Whether the range has one of these characters.
    pub(super) fn has_any(&self, range: &Range<usize>, characters: &[char]) -> bool {
        self.folded[range.clone()]
            .iter()
            .any(|c| characters.contains(c))
    }

    /// The character before this one that is no mark.
    pub(super) fn before(&self, at: usize) -> Option<char> {
        let visible = self.folded[..at].iter().rev().find(|c| !is_mark(**c));
        visible.copied()
    }

    /// The first character from here on that is no mark.
    pub(super) fn at(&self, at: usize) -> Option<char> {
        let visible = self.folded[at..].iter().find(|c| !is_mark(**c));
        visible.copied()
    }
}

/// A character in compatibility form and lower case, if these are single characters, and in Simplified script.
fn fold(c: char) -> char {
    if c.is_ascii() {
        return plain_punctuation(c.to_ascii_lowercase());
    }
    let compatible = single(c.nfkc()).unwrap_or(c);
    let lower = single(compatible.to_lowercase()).unwrap_or(compatible);
    simplify(plain_punctuation(lower))
}

fn single(mut characters: impl Iterator<Item = char>) -> Option<char> {
    let first = characters.next();
    first.filter(|_| characters.next().is_none())
}
