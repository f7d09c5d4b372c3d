//! Validates the texts of a card: its label, its issuer, its last digits. Each is one visible line without card
//! numbers, PINs or codes.

use crate::{
    dialogue::{
        characters::{digit_value, is_invisible, is_mark, is_visible},
        ids::CardId,
        record::Record,
        screen::Screen,
        secrets,
        turn::TurnBuilder,
    },
    markup::RichText,
};

/// The most characters of a label: what a button shows on a narrow phone.
pub const MAX_LABEL_CHARS: usize = 32;
/// The most characters of an issuer: enough for a name, a place and a phone number.
pub const MAX_ISSUER_CHARS: usize = 60;
/// The most digits kept of a card's number: enough to tell two cards apart, too few to misuse.
pub const MAX_DIGITS: usize = 4;
/// Consecutive digits from which a label looks like a card number, a PIN or a code. Four may be a room or the last
/// digits of a card.
const SECRET_DIGITS: usize = 5;

/// Why a text is not accepted for a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CardTextFault {
    Empty,
    TooLong(usize),
    LooksSecret,
    Taken,
    NoDigits,
    /// More than [`MAX_DIGITS`].
    TooManyDigits,
}

impl CardTextFault {
    /// Whether the typed text should be deleted from the chat.
    fn is_secret(self) -> bool {
        match self {
            Self::LooksSecret | Self::TooManyDigits => true,
            Self::Empty | Self::TooLong(_) | Self::Taken | Self::NoDigits => false,
        }
    }

    /// Explains the fault and what to do instead.
    fn in_words(self, turn: &TurnBuilder<'_>, typed: &str) -> RichText {
        match self {
            Self::Empty => turn.line("label-empty", &[]),
            Self::TooLong(most) => turn.line("label-long", &[("most", most.into())]),
            Self::LooksSecret => turn.line("label-digits", &[]),
            Self::Taken => turn.line("label-taken", &[("label", clean(typed).into())]),
            Self::NoDigits | Self::TooManyDigits => {
                turn.line("digits-fault", &[("most", MAX_DIGITS.into())])
            }
        }
    }
}

/// Refuses a typed text: says why above the present screen, and deletes what looks like a secret from the chat.
pub(crate) fn refuse(turn: &mut TurnBuilder<'_>, fault: CardTextFault, typed: &str) {
    if fault.is_secret() {
        turn.delete_typed();
    }
    turn.note(fault.in_words(turn, typed));
    turn.show(Screen::Present);
}

/// The typed text as one line: whitespace collapsed, control characters and invisible marks removed.
pub(crate) fn clean(typed: &str) -> String {
    let visible = typed
        .chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .filter(|c| !is_invisible(*c));
    visible
        .collect::<String>()
        .split(' ')
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// The typed text as one visible line of at most `most` characters.
fn single_line(typed: &str, most: usize) -> Result<String, CardTextFault> {
    let line = clean(typed);
    // Punctuation of ASCII alone is no name.
    let is_readable = |c: char| is_visible(c) && (c.is_alphanumeric() || !c.is_ascii());
    if !line.chars().any(is_readable) {
        return Err(CardTextFault::Empty);
    }
    if line.chars().count() > most {
        return Err(CardTextFault::TooLong(most));
    }
    Ok(line)
}

/// Validates a label, without checking whether another card has it.
pub(crate) fn parse_label(typed: &str) -> Result<String, CardTextFault> {
    let label = single_line(typed, MAX_LABEL_CHARS)?;
    if looks_secret(&label) {
        return Err(CardTextFault::LooksSecret);
    }
    Ok(label)
}

/// Validates a label that no other card on the list may have; `except` is the card it is for.
pub(crate) fn parse_unused_label(
    record: &Record,
    typed: &str,
    except: Option<CardId>,
) -> Result<String, CardTextFault> {
    let label = parse_label(typed)?;
    if record.has_label(&label, except) {
        return Err(CardTextFault::Taken);
    }
    Ok(label)
}

/// Validates an issuer. Digits are allowed, because it may contain a phone number; a card number is refused.
pub(crate) fn parse_issuer(typed: &str) -> Result<String, CardTextFault> {
    if secrets::is_secret_by_form(typed) {
        return Err(CardTextFault::LooksSecret);
    }
    single_line(typed, MAX_ISSUER_CHARS)
}

/// Validates the last digits of a card: one to four, of any script; returned as ASCII.
pub(crate) fn parse_digits(typed: &str) -> Result<String, CardTextFault> {
    let typed = clean(typed);
    let to_ascii = |c: char| char::from_digit(digit_value(c)?, 10);
    let digits: Option<String> = typed
        .chars()
        .filter(|c| !is_mark(*c))
        .map(to_ascii)
        .collect();
    match digits {
        Some(digits) if digits.len() > MAX_DIGITS => Err(CardTextFault::TooManyDigits),
        Some(digits) if !digits.is_empty() => Ok(digits),
        _ if looks_secret(&typed) => Err(CardTextFault::TooManyDigits),
        _ => Err(CardTextFault::NoDigits),
    }
}

/// Whether there are [`SECRET_DIGITS`] digits with only spaces, hyphens and dots between them, or a card number.
fn looks_secret(label: &str) -> bool {
    let close = label
        .chars()
        .filter(|c| !matches!(c, ' ' | '-' | '.') && !is_mark(*c));
    let mut run = 0;
    for character in close {
        let is_digit = character.is_numeric() || digit_value(character).is_some();
        run = if is_digit { run + 1 } else { 0 };
        if run >= SECRET_DIGITS {
            return true;
        }
    }
    secrets::has_long_number(label) || secrets::is_secret_by_form(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_one_visible_line() {
        for (typed, label) in [
            ("  Office \n 2 ", "Office 2"),
            ("\u{202e}家\u{200b}", "家"),
            ("👨‍👩‍👧 home", "👨‍👩‍👧 home"),
            ("\u{7}", ""),
            ("", ""),
        ] {
            assert_eq!(clean(typed), label);
        }
    }

    #[test]
    fn a_label_without_a_visible_character_is_refused() {
        for typed in [
            "\u{2800}",
            "\u{3164}",
            "\u{115f}\u{1160}",
            "\u{ffa0}",
            "\u{301}",
            "\u{fe0f}",
            "\u{200d}",
            "\u{3000}",
            "\u{34f}",
            "\u{20e3}",
            "\u{e0101}",
            "\u{2800}\u{301} \u{3164}",
            "\u{180e}",
            "\u{17b4}",
            "...",
            "\u{1d173}",
        ] {
            assert_eq!(parse_label(typed), Err(CardTextFault::Empty), "{typed:?}");
            assert_eq!(parse_issuer(typed), Err(CardTextFault::Empty), "{typed:?}");
        }
        for typed in ["家", "e\u{301}", "🏢", "É", "ㅎ", "①", "…", "กี่"] {
            assert_eq!(parse_label(typed), Ok(typed.to_owned()));
        }
    }

    #[test]
    fn digits_in_a_row_look_secret_however_they_are_spaced() {
        for secret in [
            "12345",
            "6222 0210",
            "卡 1-2-3-4-5",
            "１２３４５",
            "6222_0210",
            "6222/0210",
            "٦٢٢٢٠",
            "1️⃣2️⃣3️⃣4️⃣5️⃣",
            "④①①①①",
            "6222\u{200b}0210",
            "6222 / 0210 / 0001",
            "4111,1111,1111,1111",
            "4111:1111:1111:1111",
        ] {
            assert!(looks_secret(secret), "{secret}");
        }
        for name in [
            "Room 4711",
            "3号楼2单元",
            "",
            "🏢 12",
            "B12 C34",
            "Gate 3, room 12",
            "12/F, 3A",
        ] {
            assert!(!looks_secret(name), "{name}");
        }
    }

    #[test]
    fn last_digits_are_one_to_four_digits_and_never_more() {
        for (typed, kept) in [("4821", "4821"), (" ４８ ", "48"), ("7", "7")] {
            assert_eq!(parse_digits(typed), Ok(kept.to_owned()));
        }
        for typed in ["48211", "6222 0210 4821", "卡号 482112"] {
            assert_eq!(
                parse_digits(typed),
                Err(CardTextFault::TooManyDigits),
                "{typed}"
            );
        }
        for typed in ["", "门", "👍", "48a1"] {
            assert_eq!(parse_digits(typed), Err(CardTextFault::NoDigits), "{typed}");
        }
    }

    #[test]
    fn an_issuer_may_have_a_phone_number_and_no_card_number() {
        for typed in [
            "Harbour Tower reception, +65 6123 4567",
            "物业 0571-88886666",
        ] {
            assert_eq!(parse_issuer(typed), Ok(typed.to_owned()));
        }
        assert_eq!(
            parse_issuer("4111 1111 1111 1111"),
            Err(CardTextFault::LooksSecret)
        );
        assert_eq!(parse_issuer("\u{200b} "), Err(CardTextFault::Empty));
        assert_eq!(
            parse_issuer(&"长".repeat(61)),
            Err(CardTextFault::TooLong(60))
        );
    }
}
