//! Recognises passwords that are no number, by the word “password” and how they are written.

use std::ops::Range;

use super::reading::{Reading, Word};

/// The fewest characters of a password.
const MIN_CHARS: usize = 4;
/// Characters between the word and the password: “my password is: ”.
const VALUE_DISTANCE: usize = 16;
/// Characters that passwords have inside, and words have not. Hyphens, apostrophes and slashes join words as well.
const PASSWORD_SIGNS: [char; 14] = [
    '!', '@', '#', '$', '%', '^', '&', '*', '_', '+', '=', '~', '<', '>',
];
/// What introduces a password.
const INTRODUCTIONS: [char; 3] = [':', '=', '"'];
/// What may follow a password at the end of a text or a part of it.
const CLOSINGS: [char; 14] = [
    '.', ',', ';', '!', '?', ')', '"', '\'', '。', '，', '；', '！', '？', '*',
];
/// Endings of what is said about a password: “expired”, “working”, “wrongly”.
const WORD_ENDINGS: [&str; 4] = ["ed", "ing", "ly", "able"];

/// Whether the text names a password.
pub(super) fn has_password(reading: &Reading<'_>) -> bool {
    let names = reading.places(Word::Password);
    names
        .iter()
        .any(|name| is_after_name(reading, name) || is_before_name(reading, name))
}

/// “password: hunter2”, “密码是 abc123”.
fn is_after_name(reading: &Reading<'_>, name: &Range<usize>) -> bool {
    let (value, is_introduced) = value_after(reading, name.end);
    let typed = &reading.folded[value.clone()];
    if typed.len() < MIN_CHARS || is_no_password(reading, typed) {
        return false;
    }
    if looks_made_up(reading, &value) {
        return true;
    }
    let is_word = typed.iter().all(|c| c.is_ascii_alphabetic() || *c == '-');
    is_introduced && is_word && ends_part(reading, value.end)
        || is_quoted(reading, &value, is_introduced)
}

/// “hunter2 is my password”.
fn is_before_name(reading: &Reading<'_>, name: &Range<usize>) -> bool {
    let is_my = reading.places(Word::IsMy);
    let is_right_before = |place: &&Range<usize>| {
        place.end <= name.start
            && reading.folded[place.end..name.start]
                .iter()
                .all(|c| c.is_whitespace())
    };
    is_my.iter().filter(is_right_before).any(|place| {
        let end = trim_end(reading, 0..place.start);
        let is_part = |c: &char| c.is_ascii_graphic() && *c != '"';
        let count = reading.folded[..end]
            .iter()
            .rev()
            .take_while(|c| is_part(c))
            .count();
        let value = end - count..end;
        count >= MIN_CHARS
            && !is_no_password(reading, &reading.folded[value.clone()])
            && looks_made_up(reading, &value)
    })
}

/// The text after the word and “is”, “:” and the like, and whether there is such an introduction.
fn value_after(reading: &Reading<'_>, from: usize) -> (Range<usize>, bool) {
    let is_words = reading.places(Word::Is);
    let (mut at, mut is_introduced) = (from, false);
    while let Some(c) = reading.folded.get(at) {
        let is_word = is_words
            .iter()
            .rfind(|place| place.start == at && place.end <= from + VALUE_DISTANCE);
        if let Some(place) = is_word {
            (at, is_introduced) = (place.end, true);
        } else if c.is_whitespace() || INTRODUCTIONS.contains(c) || *c == '>' {
            is_introduced |= !c.is_whitespace();
            at += 1;
        } else {
            break;
        }
    }
    let is_part = |c: &&char| c.is_ascii_graphic() && **c != '"';
    let count = reading.folded[at..].iter().take_while(is_part).count();
    let end = trim_end(reading, at..at + count);
    (at..end, is_introduced)
}

/// The end of the range without closing punctuation and whitespace.
fn trim_end(reading: &Reading<'_>, range: Range<usize>) -> usize {
    let is_closing = |c: &char| c.is_whitespace() || CLOSINGS.contains(c);
    let last = reading.folded[range.clone()]
        .iter()
        .rposition(|c| !is_closing(c));
    last.map_or(range.start, |last| range.start + last + 1)
}

/// Whether a word is written as passwords are and words are not: with digits or signs among its letters.
fn looks_made_up(reading: &Reading<'_>, value: &Range<usize>) -> bool {
    let value = &reading.folded[value.clone()];
    let has = |is_it: fn(&char) -> bool| value.iter().any(is_it);
    let has_sign = value.iter().any(|c| PASSWORD_SIGNS.contains(c));
    has(char::is_ascii_alphabetic) && (has(char::is_ascii_digit) || has_sign)
}

/// Whether a word, or the letters it begins with, are known to be no password: “incorrect”, “ios17”, “case-sensitive”.
fn is_no_password(reading: &Reading<'_>, value: &[char]) -> bool {
    let text: String = value.iter().collect();
    let letters: String = value
        .iter()
        .take_while(|c| c.is_ascii_alphabetic())
        .collect();
    let is_numbered = value.get(letters.len()).is_some_and(char::is_ascii_digit);
    let is_plain = value
        .iter()
        .all(|c| c.is_ascii_alphabetic() || "'-/".contains(*c));
    let is_listed = |word: &str| reading.is_listed(word, Word::NoPassword);
    is_listed(&text)
        || is_numbered && letters.len() > 1 && is_listed(&letters)
        || is_plain && WORD_ENDINGS.iter().any(|ending| text.ends_with(ending))
        || is_plain && text.contains('\'')
}

/// Whether a text or a part of it ends here.
fn ends_part(reading: &Reading<'_>, at: usize) -> bool {
    let rest = &reading.folded[at..];
    let next = rest.iter().find(|c| !c.is_whitespace());
    next.is_none_or(|c| CLOSINGS.contains(c)) || rest.first() == Some(&'\n')
}

/// Whether an introduced text in quotation marks begins here: “the password is "open sesame"”. What the bot of a wallet
/// says in quotation marks has a word that no password is.
fn is_quoted(reading: &Reading<'_>, value: &Range<usize>, is_introduced: bool) -> bool {
    let is_open = value.start > 0 && reading.folded[value.start - 1] == '"';
    let rest = &reading.folded[value.start..];
    let Some(length) = rest
        .iter()
        .position(|c| *c == '"')
        .filter(|_| is_open && is_introduced)
    else {
        return false;
    };
    let quoted: String = rest[..length].iter().collect();
    let mut words = quoted.split_whitespace();
    length >= MIN_CHARS && !words.any(|word| reading.is_listed(word, Word::NoPassword))
}
