//! What looks like a secret in a message: it is taken out of the chat, explained, and kept nowhere.
//!
//! Wrong alarms cost a word of explanation, a miss leaves a secret in the chat; so what is clear is enough: a number that
//! passes a payment card's check, a word for a password or code with digits right beside it, or a row of plain words as
//! long as a recovery phrase. What a PIN or code typed where one was asked for means is `identity`'s.

/// Digits of a payment card's number (ISO/IEC 7812).
const CARD_DIGITS: std::ops::RangeInclusive<usize> = 13..=19;
/// Digits of other card numbers, where they are called that: printed access cards have eight to ten, or more.
const NAMED_CARD_DIGITS: std::ops::RangeInclusive<usize> = 8..=24;
/// Digits of PINs and one-time codes.
const CODE_DIGITS: std::ops::RangeInclusive<usize> = 4..=10;
/// A code stands this close to the word for it, in characters: “my password is 888123”.
const CODE_DISTANCE: usize = 16;
/// Words of a recovery phrase (BIP 39).
const PHRASE_WORDS: [usize; 5] = [12, 15, 18, 21, 24];
/// Letters of its words.
const PHRASE_LETTERS: std::ops::RangeInclusive<usize> = 3..=8;
/// Any of these makes it a sentence: they are on no list of recovery words, and few sentences do without them.
const SENTENCE_WORDS: [&str; 22] = [
    "the", "and", "you", "not", "but", "how", "why", "are", "was", "its", "can", "cant", "did",
    "has", "had", "for", "with", "from", "have", "them", "does", "phone",
];

/// What a secret is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Secret {
    CardNumber,
    Code,
    RecoveryPhrase,
}

impl Secret {
    /// The line that explains it.
    pub(super) fn line(self) -> &'static str {
        match self {
            Self::CardNumber => "secret-card-number",
            Self::Code => "secret-code",
            Self::RecoveryPhrase => "secret-phrase",
        }
    }
}

/// What a word beside digits can make of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// A card's number.
    CardNumber,
    /// A password, a PIN or a code.
    Code,
}

impl Word {
    /// The line with such words.
    pub(super) fn line(self) -> &'static str {
        match self {
            Self::CardNumber => "words-card-number",
            Self::Code => "words-secret",
        }
    }
}

/// What secret a message looks like, if any. `has` says whether a text has such a word.
pub(super) fn kind_of(text: &str, has: impl Fn(&str, Word) -> bool) -> Option<Secret> {
    if is_recovery_phrase(text) {
        return Some(Secret::RecoveryPhrase);
    }
    let runs = digit_runs(text);
    let is_card = |run: &Run| {
        is_card_number(&run.digits)
            || NAMED_CARD_DIGITS.contains(&run.digits.len())
                && has(&surroundings(text, run), Word::CardNumber)
    };
    let is_code = |run: &Run| {
        CODE_DIGITS.contains(&run.digits.len()) && has(&surroundings(text, run), Word::Code)
    };
    if runs.iter().any(is_card) {
        return Some(Secret::CardNumber);
    }
    runs.iter().any(is_code).then_some(Secret::Code)
}

/// Whether a message is nothing but a number as PINs and one-time codes are. Said where no number was asked for, it is
/// nothing else: a wallet asks for it, and it was typed in the wrong place.
pub(super) fn is_lone_code(text: &str) -> bool {
    let runs = digit_runs(text);
    let [run] = runs.as_slice() else {
        return false;
    };
    let all = text.chars().all(|c| digit(c).is_some() || c == ' ');
    all && CODE_DIGITS.contains(&run.digits.len())
}

/// Digits in a row, single spaces and hyphens between them passed over, and where they stand, in characters.
struct Run {
    digits: Vec<u32>,
    from: usize,
    to: usize,
}

fn digit_runs(text: &str) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (at, character) in text.chars().enumerate() {
        let Some(digit) = digit(character) else {
            continue;
        };
        match runs.last_mut() {
            Some(run) if is_joined(text, run.to, at) => {
                run.digits.push(digit);
                run.to = at + 1;
            }
            _ => runs.push(Run {
                digits: vec![digit],
                from: at,
                to: at + 1,
            }),
        }
    }
    runs
}

fn digit(character: char) -> Option<u32> {
    match character {
        '０'..='９' => Some(u32::from(character) - u32::from('０')),
        _ => character.to_digit(10),
    }
}

fn is_joined(text: &str, from: usize, to: usize) -> bool {
    let between: Vec<char> = text.chars().skip(from).take(to - from).collect();
    matches!(between.as_slice(), [] | [' ' | '-' | '\u{a0}'])
}

fn surroundings(text: &str, run: &Run) -> String {
    let from = run.from.saturating_sub(CODE_DISTANCE);
    let length = run.to - from + CODE_DISTANCE;
    text.chars().skip(from).take(length).collect()
}

/// Luhn's check (ISO/IEC 7812-1, annex B), which one in ten other numbers of that length passes, too.
fn is_card_number(digits: &[u32]) -> bool {
    let doubled = |digit: u32| if digit > 4 { 2 * digit - 9 } else { 2 * digit };
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            if place % 2 == 1 {
                doubled(*digit)
            } else {
                *digit
            }
        })
        .sum();
    let differ = digits.iter().any(|digit| *digit != digits[0]);
    CARD_DIGITS.contains(&digits.len()) && differ && sum.is_multiple_of(10)
}

/// A text of which nobody can read a secret: a nought for every digit, and nothing of a recovery phrase.
pub(super) fn blotted(text: &str) -> String {
    if is_recovery_phrase(text) {
        return "(a recovery phrase)".to_owned();
    }
    let blot = |c: char| if digit(c).is_some() { '0' } else { c };
    text.chars().map(blot).collect()
}

fn is_recovery_phrase(text: &str) -> bool {
    let words: Vec<&str> = text
        .split([' ', '\n', '\t', ','])
        .filter(|word| !word.is_empty())
        .collect();
    let is_listed = |word: &&str| {
        let word = word.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        PHRASE_LETTERS.contains(&word.len())
            && word.chars().all(|c| c.is_ascii_alphabetic())
            && !SENTENCE_WORDS.contains(&word.to_ascii_lowercase().as_str())
    };
    PHRASE_WORDS.contains(&words.len()) && words.iter().all(is_listed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(text: &str) -> Option<Secret> {
        kind_of(text, |near, word| {
            let words = match word {
                Word::CardNumber => ["card number", "卡号"].as_slice(),
                Word::Code => &["pin", "password", "code is", "密码", "验证码"],
            };
            words.iter().any(|word| near.to_lowercase().contains(word))
        })
    }

    #[test]
    fn secrets_are_told_by_their_looks() {
        for (text, secret) in [
            ("4111 1111 1111 1111", Secret::CardNumber),
            ("卡号是6222020200112230", Secret::CardNumber),
            ("门禁卡号 0012345678", Secret::CardNumber),
            ("my card 5500-0000-0000-0004 is lost", Secret::CardNumber),
            ("４１１１１１１１１１１１１１１１", Secret::CardNumber),
            ("你把我密码记下 888123", Secret::Code),
            ("the code is 4821", Secret::Code),
            ("123456 这个验证码不对", Secret::Code),
            ("PIN: 0000", Secret::Code),
            (
                "abandon ability able about above absent absorb abstract absurd abuse access accident",
                Secret::RecoveryPhrase,
            ),
        ] {
            assert_eq!(kind(text), Some(secret), "{text}");
        }
    }

    #[test]
    fn a_number_alone_is_a_code_and_a_number_among_words_is_not() {
        for text in ["482913", " 4821 ", "482 913", "４８２９１３"] {
            assert!(is_lone_code(text), "{text}");
        }
        for text in [
            "",
            "1",
            "12",
            "3 号楼 1201",
            "step 4",
            "👍",
            "门",
            "12345678901",
        ] {
            assert!(!is_lone_code(text), "{text}");
        }
    }

    #[test]
    fn what_people_write_about_cards_is_no_secret() {
        for text in [
            "",
            "👍",
            "门禁卡",
            "ring 95188 or 10086",
            "my password does not work, I tried 3 times",
            "the code never comes",
            "房间 1201，3 号楼",
            "call me on 13800138000",
            "since 2024-11-05 it fails",
            "please can somebody help me find out where this card went yesterday",
            "0000000000000000",
        ] {
            assert_eq!(kind(text), None, "{text}");
        }
    }
}
