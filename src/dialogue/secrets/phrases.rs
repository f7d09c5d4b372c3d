//! Recognises recovery phrases: words of the list that wallets draw them from, or Chinese characters set apart.

use std::collections::BTreeSet;

use bip39::{Language, Mnemonic};

use super::reading::{Reading, Word};
use crate::matching::normalize::is_han;

/// Number of words of a recovery phrase (BIP 39).
const PHRASE_WORDS: [usize; 5] = [12, 15, 18, 21, 24];
/// The fewest of them.
const MIN_WORDS: usize = PHRASE_WORDS[0];
/// How many of them differ, at least: a wallet draws each of 2,048 words.
const MIN_DIFFERENT: usize = 8;

/// Whether the text has a recovery phrase, numbered or not, among other words or alone.
pub(super) fn has_phrase(reading: &Reading<'_>, text: &str) -> bool {
    has_english_phrase(reading, text) || has_chinese_phrase(text)
}

/// Whether there are so many words in a row that are all on the list. Everyday English has words between them that are
/// not (“the”, “my”, “is”), but a question in key words may have twelve. So they must be as many as a phrase has, or the
/// text must say that it is one, or the last word must check the others.
fn has_english_phrase(reading: &Reading<'_>, text: &str) -> bool {
    let words = text.split(|c: char| !c.is_alphabetic());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    if words.len() < MIN_WORDS {
        return false;
    }
    let words: Vec<String> = words.into_iter().map(str::to_ascii_lowercase).collect();
    let rows = rows_on_list(&words);
    let is_announced = || !reading.places(Word::Phrase).is_empty();
    rows.iter().any(|row| {
        PHRASE_WORDS.contains(&row.len())
            || row.len() > MIN_WORDS && (is_announced() || is_checked(row))
    }) || rows_with_gap(&words).any(|count| PHRASE_WORDS.contains(&count))
}

fn is_on_list(word: &str) -> bool {
    Language::English.find_word(word).is_some()
}

/// The words in a row that are all on the list.
fn rows_on_list(words: &[String]) -> Vec<&[String]> {
    let rows = words.chunk_by(|one, next| is_on_list(one) == is_on_list(next));
    rows.filter(|row| is_on_list(&row[0])).collect()
}

/// How many words there are in two such rows with one word between them, which may be misspelt.
fn rows_with_gap(words: &[String]) -> impl Iterator<Item = usize> {
    let rows: Vec<_> = words
        .chunk_by(|one, next| is_on_list(one) == is_on_list(next))
        .collect();
    let counts: Vec<_> = rows
        .windows(3)
        .filter(|rows| is_on_list(&rows[0][0]) && rows[1].len() == 1)
        .map(|rows| rows.iter().map(|row| row.len()).sum())
        .collect();
    counts.into_iter()
}

/// Whether some of these words are a phrase whose last word is the check of the others.
fn is_checked(row: &[String]) -> bool {
    PHRASE_WORDS.iter().any(|count| {
        row.windows(*count)
            .any(|words| Mnemonic::parse_in_normalized(Language::English, &words.join(" ")).is_ok())
    })
}

/// Whether there are [`MIN_WORDS`] Chinese characters in a row that stand apart from each other, as nobody writes
/// sentences, and are not some few again and again.
fn has_chinese_phrase(text: &str) -> bool {
    let pieces = text.split(|c: char| !c.is_alphabetic());
    let mut apart: Vec<char> = Vec::new();
    for piece in pieces.filter(|piece| !piece.is_empty()) {
        let mut characters = piece.chars();
        match (characters.next(), characters.next()) {
            (Some(c), None) if is_han(c) => apart.push(c),
            _ => apart.clear(),
        }
        let newest = &apart[apart.len().saturating_sub(MIN_WORDS)..];
        let different = newest.iter().collect::<BTreeSet<_>>().len();
        if newest.len() == MIN_WORDS && different >= MIN_DIFFERENT {
            return true;
        }
    }
    false
}
