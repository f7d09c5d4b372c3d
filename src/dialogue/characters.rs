//! What single characters count as, however they are written: decimal digits of any script, characters that show
//! nothing, dashes and quotation marks of any kind, letters that look alike.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use crate::matching::normalize::simplify;

/// The zero of every script with decimal digits (Unicode 16); each is followed by its one to nine.
const ZEROS: [u32; 76] = [
    0x30, 0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66,
    0xde6, 0xe50, 0xed0, 0xf20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90,
    0x1b50, 0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10,
    0x104a0, 0x10d30, 0x10d40, 0x11066, 0x110f0, 0x11136, 0x111d0, 0x112f0, 0x11450, 0x114d0,
    0x11650, 0x116c0, 0x116d0, 0x116da, 0x11730, 0x118e0, 0x11950, 0x11bf0, 0x11c50, 0x11d50,
    0x11da0, 0x11f50, 0x16130, 0x16a60, 0x16ac0, 0x16b50, 0x16d70, 0x1ccf0, 0x1d7ce, 0x1d7d8,
    0x1d7e2, 0x1d7ec, 0x1d7f6, 0x1e140, 0x1e2f0, 0x1e4f0, 0x1e5f1, 0x1e950, 0x1fbf0,
];
/// The one of the circled digits that Unicode does not call compatible with plain ones; each is followed by its two to
/// nine.
const CIRCLED_ONES: [u32; 4] = [0x2776, 0x2780, 0x278a, 0x24f5];

/// The value of a decimal digit of any script; of ² and ① as well.
pub(super) fn digit_value(c: char) -> Option<u32> {
    if c.is_ascii() || !c.is_numeric() {
        return c.to_digit(10);
    }
    let within = |first: &u32, many| u32::from(c).checked_sub(*first).filter(|at| *at < many);
    let of_script = ZEROS.iter().find_map(|zero| within(zero, 10));
    let circled = || CIRCLED_ONES.iter().find_map(|one| within(one, 9));
    of_script
        .or_else(|| circled().map(|at| at + 1))
        .or_else(|| compatible_digit(c))
}

/// The value of a character that is one digit with decoration, such as ⑴; none of ½ and ⑩, which are more than one.
fn compatible_digit(c: char) -> Option<u32> {
    let mut digits = c.nfkc().filter_map(|part| part.to_digit(10));
    digits.next().filter(|_| digits.next().is_none())
}

/// Whether this is a control character, a bidirectional mark or a zero-width mark, which would disturb the text beside
/// it. The zero-width joiner is none, because emoji need it.
pub(super) fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180b}'..='\u{180f}' | '\u{200b}' | '\u{200c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e007f}')
}

/// Whether this is a mark that belongs to the character before it, or is invisible: digits with such marks between
/// them are read as one number.
pub(super) fn is_mark(c: char) -> bool {
    is_combining_mark(c) || c == '\u{200d}' || (is_invisible(c) && !c.is_whitespace())
}

/// Whether this is a blank that Unicode calls a letter or a symbol: the Hangul fillers and the empty Braille pattern.
pub(super) fn is_filler(c: char) -> bool {
    matches!(
        c,
        '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' | '\u{2800}' | '\u{17b4}' | '\u{17b5}'
    )
}

/// Whether a reader sees something where this character stands alone.
pub(super) fn is_visible(c: char) -> bool {
    !c.is_whitespace() && !is_mark(c) && !is_filler(c)
}

/// One kind of dash, apostrophe and quotation mark: phones replace the typed ones as they like.
pub(super) fn plain_punctuation(c: char) -> char {
    match c {
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' => '-',
        '‘' | '’' | '‚' | '‛' | '′' | '´' | '`' => '\'',
        '“' | '”' | '„' | '‟' | '″' | '«' | '»' => '"',
        _ => c,
    }
}

/// A text in compatibility form (NFKC), without invisible marks, and with one kind of dash and quotation mark; several
/// dashes in a row are one, because phones make one of two.
pub(super) fn plain_text(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let visible = text
        .nfkc()
        .filter(|c| !is_invisible(*c) || c.is_whitespace());
    for c in visible.map(plain_punctuation) {
        if c != '-' || !plain.ends_with('-') {
            plain.push(c);
        }
    }
    plain
}

/// What two texts have in common if they look the same: compatibility form, case, Chinese script, look-alike letters
/// and what shows nothing make no difference.
pub(super) fn look(text: &str) -> String {
    // Upper case first, because “ß” and “SS” are the same.
    let cased = plain_text(text).to_uppercase().to_lowercase();
    let seen = cased
        .nfc()
        .filter(|c| *c == ' ' || is_combining_mark(*c) || is_visible(*c));
    let seen = seen.filter(|c| !matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{34f}'));
    seen.map(|c| latin_lookalike(simplify(c))).collect()
}

/// The Latin letter that a Cyrillic or Greek one looks like, in small or in capital form.
fn latin_lookalike(c: char) -> char {
    match c {
        'а' | 'α' => 'a',
        'в' | 'β' => 'b',
        'с' | 'ϲ' => 'c',
        'ԁ' => 'd',
        'е' | 'ε' => 'e',
        'ё' => 'ë',
        'ԍ' => 'g',
        'н' | 'һ' | 'η' => 'h',
        'і' | 'ι' | 'ı' | 'ӏ' => 'i',
        'ї' => 'ï',
        'ј' | 'ϳ' => 'j',
        'к' | 'κ' => 'k',
        'м' | 'μ' => 'm',
        'ν' => 'n',
        'о' | 'ο' | 'օ' => 'o',
        'р' | 'ρ' => 'p',
        'ԛ' => 'q',
        'ѕ' => 's',
        'т' | 'τ' => 't',
        'ѵ' => 'v',
        'ԝ' => 'w',
        'х' | 'χ' => 'x',
        'у' | 'υ' | 'ү' => 'y',
        'ζ' => 'z',
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_of_any_script_have_their_value() {
        for (digit, value) in [
            ('7', 7),
            ('７', 7),
            ('٤', 4),
            ('𝟒', 4),
            ('𝟿', 9),
            ('९', 9),
            ('๔', 4),
            ('²', 2),
            ('④', 4),
            ('⑴', 1),
            ('❹', 4),
            ('⓪', 0),
            ('🯴', 4),
        ] {
            assert_eq!(digit_value(digit), Some(value), "{digit}");
        }
        for other in ['a', '一', '½', '⑩', 'Ⅳ', '.', '\u{301}', '👍', '门'] {
            assert_eq!(digit_value(other), None, "{other}");
        }
    }

    #[test]
    fn what_a_keyboard_changes_by_itself_makes_no_difference() {
        for (typed, other) in [
            ("Café-kajak9", "Cafe\u{301}-kajak9"),
            ("Café-kajak9", "Café–kajak９"),
            ("it's \"so\"", "it’s “so”"),
            ("a--b", "a—b"),
            ("852-795", "\u{202d}852-795\u{202c}"),
        ] {
            assert_eq!(plain_text(typed), plain_text(other), "{other}");
        }
        assert_ne!(plain_text("cafe"), plain_text("café"));
        assert_ne!(plain_text("Kajak"), plain_text("kajak"));
    }

    #[test]
    fn texts_that_look_the_same_are_told_apart_from_others() {
        for (one, other) in [
            ("Café", "Cafe\u{301}"),
            ("Café", "Ｃafé"),
            ("Café", "Саfé"),
            ("公司门禁", "公司門禁"),
            ("HOME", "home"),
            ("Straße", "STRASSE"),
            ("Home\u{3164}", "Home"),
            ("Ηοmе", "Home"),
            ("B–2", "B-2"),
            ("❤\u{fe0f}", "❤"),
            ("❶", "❶"),
            ("Gate ①", "Gate 1"),
            ("Café\u{2800}", "Café"),
        ] {
            assert_eq!(look(one), look(other), "{one} {other}");
        }
        for (one, other) in [
            ("Café", "Cafe"),
            ("Home", "Home 2"),
            ("公司", "公寓"),
            ("👨\u{200d}👩\u{200d}👧", "👨"),
            ("家", "Home"),
            ("My Card", "MyCard"),
        ] {
            assert_ne!(look(one), look(other), "{one} {other}");
        }
    }
}
