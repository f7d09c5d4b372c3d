//! Finds known words in typed text: the word lists of the bot's lines, and the names of wallets and phones. The words
//! are data (`knowledge/lines`).

use super::{context::Base, word_lists::plain_word};
use crate::{
    knowledge::{EntryId, Language, PhoneSystem},
    matching::normalize::{is_han, to_simplified},
};

/// Matches texts against the word lists of a base.
#[derive(Clone, Copy)]
pub(super) struct Words<'a> {
    base: &'a Base,
}

impl<'a> Words<'a> {
    pub(super) fn new(base: &'a Base) -> Self {
        Self { base }
    }

    /// Whether `text` is one of the words of this line, in any language, ignoring case and closing punctuation.
    pub(super) fn means(self, text: &str, words: &str) -> bool {
        let text = folded(text);
        self.any_word(words, |word| word == text)
    }

    /// Whether `text` begins with one of the words of this line, in any language.
    pub(super) fn begins_with(self, text: &str, words: &str) -> bool {
        let text = folded(text);
        self.any_word(words, |word| text.starts_with(word))
    }

    /// Whether `text` begins or ends like a question, in any language.
    pub(super) fn sounds_like_question(self, text: &str) -> bool {
        let text = folded(text);
        let first = text.split_whitespace().next().unwrap_or_default();
        let begins = |word: &str| {
            if word.is_ascii() {
                word == first
            } else {
                text.starts_with(word)
            }
        };
        self.any_word("words-question", begins)
            || self.any_word("words-question-end", |word| text.ends_with(word))
    }

    /// Whether `text` contains one of the words of this line, in any language.
    pub(super) fn mentions(self, text: &str, words: &str) -> bool {
        let text = folded(text);
        self.any_word(words, |word| contains_word(&text, word))
    }

    /// The same in one language.
    pub(super) fn mentions_in(self, language: Language, text: &str, words: &str) -> bool {
        let text = folded(text);
        let mut words = self.base.word_lists.of(words, language).iter();
        words.any(|word| contains_word(&text, word))
    }

    fn any_word(self, words: &str, is_it: impl Fn(&str) -> bool) -> bool {
        self.listed(words).iter().any(|word| is_it(word))
    }

    /// The words of this line, in all languages.
    pub(super) fn listed(self, words: &str) -> &'a [String] {
        self.base.word_lists.all(words)
    }

    /// The wallet a text names; the longest name wins, because the name of an app is more specific than that of a
    /// phone.
    pub(super) fn wallet_in(self, text: &str) -> Option<EntryId> {
        self.wallet_besides(text, None).map(|(wallet, _)| wallet)
    }

    /// The wallet other than `known` that a text names, and the name it uses.
    pub(super) fn wallet_besides(
        self,
        text: &str,
        known: Option<&EntryId>,
    ) -> Option<(EntryId, String)> {
        let text = folded(text);
        let guides = self.base.knowledge.guides_in_order().into_iter();
        let others = guides.filter(|(id, _)| Some(*id) != known);
        let named =
            others.flat_map(|(id, guide)| guide.names().map(move |name| (id, plain_word(name))));
        let longest = named
            .filter(|(_, name)| contains_word(&text, name))
            .max_by_key(|(_, name)| name.chars().count());
        longest.map(|(id, name)| (id.clone(), name))
    }

    /// Whether a text negates `name`: “not in …”, “I never had …”. A negation in an earlier clause does not count: “not
    /// Google, Samsung”.
    pub(super) fn denies(self, text: &str, name: &str) -> bool {
        let text = folded(text);
        let before = word_place(&text, name).map_or("", |place| &text[..place]);
        self.any_word("words-not", |word| {
            let said = word_places(before, word).last();
            let between = said.map(|place| &before[place + word.len()..]);
            between.is_some_and(|between| !self.ends_clause(between))
        })
    }

    fn ends_clause(self, text: &str) -> bool {
        text.contains([',', '，', '。', ';', '；'])
            || self.any_word("words-but", |word| contains_word(text, word))
    }

    /// The phone systems a text names.
    pub(super) fn systems_in(self, text: &str) -> Vec<PhoneSystem> {
        let named = |system: &PhoneSystem| self.mentions(text, &system_words(*system));
        PhoneSystem::ALL.into_iter().filter(named).collect()
    }

    /// Splits a message into its questions: at question marks and line ends, and before words such as “also”.
    pub(super) fn split_questions(self, text: &str) -> Vec<&str> {
        let parts = text
            .split(['?', '？', '\n'])
            .flat_map(|part| self.split_at_also(part));
        parts
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .collect()
    }

    fn split_at_also(self, part: &str) -> Vec<&str> {
        let lower = part.to_lowercase();
        // Lower case may have another length; then positions in it do not apply to the text.
        let comparable = lower.len() == part.len();
        let words = self.listed("words-also").iter();
        let places = words.filter_map(|word| word_place(&lower, word));
        match places
            .min()
            .filter(|place| comparable && *place > 0 && part.is_char_boundary(*place))
        {
            Some(place) => vec![&part[..place], &part[place..]],
            None => vec![part],
        }
    }
}

/// The line that lists the words for a phone system.
pub(super) fn system_words(system: PhoneSystem) -> String {
    format!("words-system-{}", system.code())
}

/// The number of words and Han characters: the length of a text as a reader sees it.
pub(super) fn count_units(text: &str) -> usize {
    let words = text
        .split(|c: char| is_han(c) || c.is_whitespace())
        .filter(|word| word.chars().any(char::is_alphanumeric));
    words.count() + text.chars().filter(|c| is_han(*c)).count()
}

/// The text as [`plain_word`] leaves it, in Simplified script, which the word lists use.
pub(super) fn folded(text: &str) -> String {
    plain_word(&to_simplified(text))
}

/// Whether a text contains a word as a whole: Latin letters and digits must not continue at either end. Han characters
/// may, because Chinese has no spaces between words.
fn contains_word(text: &str, word: &str) -> bool {
    word_place(text, word).is_some()
}

fn word_place(text: &str, word: &str) -> Option<usize> {
    word_places(text, word).next()
}

fn word_places(text: &str, word: &str) -> impl Iterator<Item = usize> {
    let is_letter = |c: char| c.is_ascii_alphanumeric();
    let places = text.match_indices(word).map(|(place, _)| place);
    places.filter(move |place| {
        let goes_on =
            word.ends_with(is_letter) && text[place + word.len()..].starts_with(is_letter);
        let began = word.starts_with(is_letter) && text[..*place].ends_with(is_letter);
        !word.is_empty() && !goes_on && !began
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_known_without_case_and_closing_punctuation() {
        for (typed, word) in [
            (" Yes! ", "yes"),
            ("是的。", "是的"),
            ("It’s gone", "it's gone"),
            ("👍", "👍"),
            ("", ""),
        ] {
            assert_eq!(plain_word(typed), word);
        }
    }

    #[test]
    fn a_word_is_found_whole_in_latin_and_anywhere_in_han() {
        assert!(contains_word("and on ios", "ios") && contains_word("那苹果呢", "苹果"));
        for (text, word) in [
            ("curious", "ios"),
            ("iosx", "ios"),
            ("", "ios"),
            ("👍", "ios"),
            ("ios", ""),
        ] {
            assert!(!contains_word(text, word), "{text} {word}");
        }
    }
}
