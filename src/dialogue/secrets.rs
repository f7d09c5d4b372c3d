//! Detects secrets in messages, and masks them in dead letters. `router::typed` deletes and explains a detected secret.
//!
//! A false alarm costs an explanation, a miss leaves a secret in the chat. So these signs are enough: a number that
//! passes the check of payment card numbers, digits close to a word for a card number, password or code, or as many
//! plain words as a recovery phrase has. PINs and codes that the bot asked for are checked by
//! `protection::credentials`.

use super::words::digit_value;

/// Number of digits of a payment card number (ISO/IEC 7812).
const CARD_DIGITS: std::ops::RangeInclusive<usize> = 13..=19;
/// Number of digits of other card numbers, which count only close to a word for them: printed access cards have eight
/// to ten or more.
const NAMED_CARD_DIGITS: std::ops::RangeInclusive<usize> = 8..=24;
/// Number of digits of PINs and one-time codes.
const CODE_DIGITS: std::ops::RangeInclusive<usize> = 4..=10;
/// Characters on each side of a number that are searched for a word for it: “my password is 888123”.
const CODE_DISTANCE: usize = 16;
/// Number of words of a recovery phrase (BIP 39).
const PHRASE_WORDS: [usize; 5] = [12, 15, 18, 21, 24];
/// Number of letters of a word in a recovery phrase.
const PHRASE_LETTERS: std::ops::RangeInclusive<usize> = 3..=8;
/// Words that mark a text as a sentence: no list of recovery words has them, and most sentences contain one.
const SENTENCE_WORDS: [&str; 22] = [
    "the", "and", "you", "not", "but", "how", "why", "are", "was", "its", "can", "cant", "did",
    "has", "had", "for", "with", "from", "have", "them", "does", "phone",
];

/// The kind of a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SecretKind {
    CardNumber,
    Code,
    RecoveryPhrase,
}

impl SecretKind {
    pub(super) fn line(self) -> &'static str {
        match self {
            Self::CardNumber => "secret-card-number",
            Self::Code => "secret-code",
            Self::RecoveryPhrase => "secret-phrase",
        }
    }
}

/// What a word close to digits says about them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    CardNumber,
    /// They are a password, a PIN or a code.
    Code,
}

impl Word {
    /// The line that lists such words.
    pub(super) fn line(self) -> &'static str {
        match self {
            Self::CardNumber => "words-card-number",
            Self::Code => "words-secret",
        }
    }
}

/// The kind of secret in a message, if any. `has` says whether a text contains such a word.
pub(super) fn detect(text: &str, has: impl Fn(&str, Word) -> bool) -> Option<SecretKind> {
    if is_recovery_phrase(text) {
        return Some(SecretKind::RecoveryPhrase);
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
        return Some(SecretKind::CardNumber);
    }
    runs.iter().any(is_code).then_some(SecretKind::Code)
}

/// Whether a message is only a number of the length of a PIN or one-time code. Where the bot asked for no number, it is
/// probably a code that a wallet asked for, typed in the wrong place.
pub(super) fn is_lone_code(text: &str) -> bool {
    let runs = digit_runs(text);
    let [run] = runs.as_slice() else {
        return false;
    };
    let all = text.chars().all(|c| digit_value(c).is_some() || c == ' ');
    all && CODE_DIGITS.contains(&run.digits.len())
}

/// Consecutive digits, ignoring single spaces and hyphens between them, and their position in characters.
struct Run {
    digits: Vec<u32>,
    from: usize,
    to: usize,
}

fn digit_runs(text: &str) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (at, character) in text.chars().enumerate() {
        let Some(digit) = digit_value(character) else {
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

fn is_joined(text: &str, from: usize, to: usize) -> bool {
    let between: Vec<char> = text.chars().skip(from).take(to - from).collect();
    matches!(between.as_slice(), [] | [' ' | '-' | '\u{a0}'])
}

fn surroundings(text: &str, run: &Run) -> String {
    let from = run.from.saturating_sub(CODE_DISTANCE);
    let length = run.to - from + CODE_DISTANCE;
    text.chars().skip(from).take(length).collect()
}

/// Luhn's check (ISO/IEC 7812-1, annex B); one in ten other numbers of that length passes it as well.
fn is_card_number(digits: &[u32]) -> bool {
    let doubled = |digit: u32| if digit > 4 { 2 * digit - 9 } else { 2 * digit };
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(position, digit)| {
            if position % 2 == 1 {
                doubled(*digit)
            } else {
                *digit
            }
        })
        .sum();
    let differ = digits.iter().any(|digit| *digit != digits[0]);
    CARD_DIGITS.contains(&digits.len()) && differ && sum.is_multiple_of(10)
}

/// Masks secrets in a text: every digit becomes 0, and a recovery phrase is replaced as a whole.
pub(super) fn mask(text: &str) -> String {
    if is_recovery_phrase(text) {
        return "(a recovery phrase)".to_owned();
    }
    let mask_char = |c: char| if digit_value(c).is_some() { '0' } else { c };
    text.chars().map(mask_char).collect()
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

    fn kind(text: &str) -> Option<SecretKind> {
        detect(text, |near, word| {
            let words = match word {
                Word::CardNumber => ["card number", "卡号"].as_slice(),
                Word::Code => &["pin", "password", "code is", "密码", "验证码"],
            };
            words.iter().any(|word| near.to_lowercase().contains(word))
        })
    }

    #[test]
    fn secrets_are_detected_in_messages() {
        for (text, secret) in [
            ("4111 1111 1111 1111", SecretKind::CardNumber),
            ("卡号是6222020200112230", SecretKind::CardNumber),
            ("门禁卡号 0012345678", SecretKind::CardNumber),
            (
                "my card 5500-0000-0000-0004 is lost",
                SecretKind::CardNumber,
            ),
            ("４１１１１１１１１１１１１１１１", SecretKind::CardNumber),
            ("你把我密码记下 888123", SecretKind::Code),
            ("the code is 4821", SecretKind::Code),
            ("123456 这个验证码不对", SecretKind::Code),
            ("PIN: 0000", SecretKind::Code),
            (
                "abandon ability able about above absent absorb abstract absurd abuse access accident",
                SecretKind::RecoveryPhrase,
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
