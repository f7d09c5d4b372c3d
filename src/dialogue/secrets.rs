//! Detects secrets in messages, and masks them in dead letters. `router` deletes and explains a detected secret.
//!
//! A false alarm costs an explanation, a miss leaves a secret in the chat. Detection goes by form, and by the words of
//! the base beside it: `numbers` finds the numbers of a text, `cards` tells which are card numbers, `codes` which are
//! PINs and codes, `others` which are neither, `passwords` finds passwords and `phrases` recovery phrases. PINs and codes
//! that the bot asked for are checked by `protection::credentials`.

mod cards;
mod codes;
mod numbers;
mod others;
mod passwords;
mod phrases;
mod reading;

use numbers::Group;
use reading::Reading;
pub(super) use reading::Word;

use super::characters::digit_value;

/// Digits from which a number may be a card's: printed access cards have eight to ten or more.
const LONG_NUMBER: usize = 8;

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

/// The kind of secret in a message, if any. `listed` gives the words of a list, in lower case and Simplified script.
pub(super) fn detect<'a>(
    text: &str,
    listed: &'a dyn Fn(Word) -> &'a [String],
) -> Option<SecretKind> {
    let reading = Reading::new(text, listed);
    if phrases::has_phrase(&reading, text) {
        return Some(SecretKind::RecoveryPhrase);
    }
    let groups = numbers::groups(&reading.typed);
    if cards::has_card_number(&reading, &groups) {
        return Some(SecretKind::CardNumber);
    }
    let is_code = codes::has_code(&reading, &groups) || passwords::has_password(&reading);
    is_code.then_some(SecretKind::Code)
}

/// Whether a message is only a number of the length of a PIN or one-time code. Where the bot asked for no number, it is
/// probably a code that a wallet asked for, typed in the wrong place.
pub(super) fn is_lone_code<'a>(text: &str, listed: &'a dyn Fn(Word) -> &'a [String]) -> bool {
    if !text.chars().any(|c| digit_value(c).is_some()) {
        return false;
    }
    let reading = Reading::new(text, listed);
    codes::is_lone_code(&reading, &numbers::groups(&reading.typed))
}

/// Whether a text has a card number or a recovery phrase, whatever the words beside it.
pub(super) fn is_secret_by_form(text: &str) -> bool {
    detect(text, &|_| &[]).is_some()
}

/// Whether a text has a number of so many digits, with any separators, that it may be a card's.
pub(super) fn has_long_number(text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let groups = numbers::groups(&text);
    let mut numbers = numbers::chains(&groups);
    numbers.any(|number| number.iter().map(Group::len).sum::<usize>() >= LONG_NUMBER)
}

/// Masks secrets in a text: every digit becomes 0, so do the letters beside it (“hunter2”), and a recovery phrase is
/// replaced as a whole.
pub(super) fn mask(text: &str) -> String {
    let reading = Reading::new(text, &|_| &[]);
    if phrases::has_phrase(&reading, text) {
        return "(a recovery phrase)".to_owned();
    }
    let is_part = |c: char| c.is_ascii_alphabetic() || digit_value(c).is_some();
    let runs = reading
        .typed
        .chunk_by(|one, next| is_part(*one) == is_part(*next));
    let mask_run = |run: &[char]| -> String {
        let is_secret = run.iter().any(|c| digit_value(*c).is_some());
        let mask_char = |c: &char| if is_secret { '0' } else { *c };
        run.iter().map(mask_char).collect()
    };
    runs.map(mask_run).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A few words of each list; the whole lists are used by `tests/it/secrets.rs`.
    fn listed(word: Word) -> &'static [String] {
        let words: &[&str] = match word {
            Word::CardNumber => &["card number", "卡号"],
            Word::Code => &["pin", "password", "code is", "密码", "验证码"],
            Word::Password => &["pin", "password", "密码"],
            Word::Is => &["is", "是"],
            Word::IsMy => &["is my", "是我的"],
            Word::OtherNumber => &["room", "order", "call", "房间", "订单号"],
            Word::Phrase => &["phrase is", "助记词"],
            Word::Counter => &["minutes", "times", "年", "室"],
            Word::NoPassword => &["wrong", "not", "ios"],
            Word::BesideCode => &["code", "thanks", "g"],
        };
        Vec::leak(words.iter().map(|word| (*word).to_owned()).collect())
    }

    fn kind(text: &str) -> Option<SecretKind> {
        detect(text, &listed)
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
            (
                "1201 4111. - 1111\t1111\n1111 12/27 123",
                SecretKind::CardNumber,
            ),
            ("order 4111 1111 1111 1111", SecretKind::CardNumber),
            ("你把我密码记下 888123", SecretKind::Code),
            ("the code is 4821", SecretKind::Code),
            ("123456 这个验证码不对", SecretKind::Code),
            ("PIN: 0000", SecretKind::Code),
            ("my password is hunter2", SecretKind::Code),
            ("hunter2 is my password", SecretKind::Code),
            ("密碼abc123!x", SecretKind::Code),
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
        for text in [
            "482913",
            " 4821 ",
            "482 913",
            "４８２９１３",
            "code:482913",
            "“482913”",
            "482913.",
        ] {
            assert!(is_lone_code(text, &listed), "{text}");
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
            "3-1201",
            "#48211",
            "95588",
            "1 2 3 4",
            "2024-11-05",
            "482913?",
            "$4821",
        ] {
            assert!(!is_lone_code(text, &listed), "{text}");
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
            "my password is wrong",
            "the password is ios17",
            "the code never comes",
            "房间 1201，3 号楼",
            "call me on 13800138000",
            "since 2024-11-05 it fails",
            "please can somebody help me find out where this card went yesterday",
            "0000000000000000",
            "order 4111111111111111",
            "DE89 3704 0044 0532 0130 00",
            "356938035643809",
        ] {
            assert_eq!(kind(text), None, "{text}");
        }
    }

    #[test]
    fn a_masked_text_has_no_number_and_nothing_with_a_number_in_it() {
        for (text, masked) in [
            ("my PIN is 4821 👍", "my PIN is 0000 👍"),
            ("password hunter2!", "password 0000000!"),
            ("卡号６２２２", "卡号0000"),
            ("٤١١١", "0000"),
            ("", ""),
        ] {
            assert_eq!(mask(text), masked);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in any::<String>(), likely in "[0-9 .:+/,-pin密码是\"=\\-]{0,60}") {
            for text in [text.clone(), likely.clone(), format!("{likely}{text}")] {
                kind(&text);
                is_lone_code(&text, &listed);
                prop_assert!(mask(&text).chars().all(|c| c == '0' || digit_value(c).is_none()));
            }
        }
    }
}
