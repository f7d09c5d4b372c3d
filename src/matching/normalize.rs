//! Text to tokens, for phrasings and questions alike: what is written differently but reads alike becomes the same.
//!
//! Covers compatibility forms and full width (Unicode NFKD), case, accents and tone marks, Traditional script, punctuation,
//! emoji, zero-width and control characters. What means the same in this domain (`u` for *you*, 門卡 for 门禁卡) is data
//! and left to `synonyms`.

use std::sync::LazyLock;

use ferrous_opencc::{OpenCC, config::BuiltinConfig};
use unicode_normalization::UnicodeNormalization;

use super::pinyin::Syllable;

/// Characters of a message that are read; a longer question has made its point by then.
pub const MAX_CHARS: usize = 2_000;

/// The characters of the tables below: CJK with its first extension, which has all common Han characters.
const HAN_TABLE: std::ops::RangeInclusive<char> = '\u{3400}'..='\u{9fff}';

/// A piece of a text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Token {
    /// A run of letters of one alphabet, or of digits; lower case, no accents.
    Word(String),
    /// One Han character, Simplified.
    Han(char),
    /// A syllable typed in pinyin. `normalize` makes words of these; `tokenizer` recognises them.
    Sound(Syllable),
}

/// Whether a character is Han: an ideograph of any script variant.
pub fn is_han(c: char) -> bool {
    matches!(c,
        '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3134f}' | '〇')
}

/// Splits a text into words and Han characters. A text without letters, digits or Han gives no tokens.
pub fn normalize(text: &str) -> Vec<Token> {
    let shortened: String = text.chars().take(MAX_CHARS).collect();
    let simplified = to_simplified(&shortened);
    let mut tokens = Vec::new();
    let mut word = String::new();
    for c in simplified.nfkd() {
        match classify(c) {
            Class::Han => {
                finish_word(&mut word, &mut tokens);
                // NFKD turns compatibility ideographs into plain ones, which the conversion above has not seen.
                tokens.push(Token::Han(simplify(c)));
            }
            Class::Letter => push_letter(c, &mut word, &mut tokens),
            Class::Invisible => {}
            Class::Boundary => finish_word(&mut word, &mut tokens),
        }
    }
    finish_word(&mut word, &mut tokens);
    tokens
}

enum Class {
    Han,
    Letter,
    /// Ignored: accents, apostrophes (`can't` = `cant`), zero-width and control characters.
    Invisible,
    Boundary,
}

fn classify(c: char) -> Class {
    if is_han(c) {
        Class::Han
    } else if c.is_alphanumeric() {
        Class::Letter
    } else if matches!(c, '\'' | '’' | '‘' | '`' | '´' | '\u{300}'..='\u{36f}' | '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{fe00}'..='\u{fe0f}')
        || (c.is_control() && !c.is_whitespace())
    {
        Class::Invisible
    } else {
        Class::Boundary
    }
}

fn push_letter(c: char, word: &mut String, tokens: &mut Vec<Token>) {
    // `ios17` and `ios 17`, `s24` and `s 24` are the same.
    if word
        .chars()
        .next_back()
        .is_some_and(|last| last.is_numeric() != c.is_numeric())
    {
        finish_word(word, tokens);
    }
    word.extend(c.to_lowercase());
}

fn finish_word(word: &mut String, tokens: &mut Vec<Token>) {
    if !word.is_empty() {
        tokens.push(Token::Word(std::mem::take(word)));
    }
}

/// Whether a text is surely written in Simplified script: it has characters that only Simplified has, and at least as many
/// of them as of those that only Traditional has.
pub fn is_simplified(text: &str) -> bool {
    let has = |c| SCRIPT.is_simplified(c);
    !is_traditional(text) && text.chars().take(MAX_CHARS).any(has)
}

/// Whether a text is written in Traditional script: it has more characters that only Traditional has than of those that
/// only Simplified has.
pub fn is_traditional(text: &str) -> bool {
    let tables = &*SCRIPT;
    let (mut traditional, mut simplified) = (0, 0);
    for c in text.chars().take(MAX_CHARS) {
        traditional += usize::from(tables.is_traditional(c));
        simplified += usize::from(tables.is_simplified(c));
    }
    traditional > simplified
}

/// Converts a text to Simplified script; what is not Chinese stays as it is.
pub fn to_simplified(text: &str) -> String {
    if is_traditional(text) {
        // The library converts Taiwan's words, too (登入 → 登录), for which it needs the whole text.
        if let Some(library) = &SCRIPT.library {
            return library.convert(text);
        }
    }
    text.chars().map(simplify).collect()
}

fn simplify(c: char) -> char {
    SCRIPT.simplified(c)
}

/// What OpenCC knows about single characters, as tables: it is looked up for every character of every phrasing.
struct ScriptTables {
    library: Option<OpenCC>,
    /// By the offset in [`HAN_TABLE`]: the Simplified form.
    simplified: Vec<char>,
    /// By the same offset: whether it is the Simplified form of some other character.
    only_simplified: Vec<bool>,
}

static SCRIPT: LazyLock<ScriptTables> = LazyLock::new(ScriptTables::new);

impl ScriptTables {
    fn new() -> Self {
        let simplified = simplified_forms();
        let mut only_simplified = vec![false; simplified.len()];
        for (c, &to) in HAN_TABLE.zip(&simplified) {
            if let Some(index) = table_index(to).filter(|_| c != to) {
                only_simplified[index] = true;
            }
        }
        Self {
            library: OpenCC::from_config(BuiltinConfig::Tw2sp).ok(),
            simplified,
            only_simplified,
        }
    }

    fn simplified(&self, c: char) -> char {
        table_index(c).map_or(c, |index| self.simplified[index])
    }

    fn is_traditional(&self, c: char) -> bool {
        self.simplified(c) != c
    }

    fn is_simplified(&self, c: char) -> bool {
        table_index(c).is_some_and(|index| self.only_simplified[index])
    }
}

/// The Simplified form of every character of [`HAN_TABLE`].
fn simplified_forms() -> Vec<char> {
    // The tables are compiled into the library, so this does not fail; if it did, Traditional would stay as it is.
    let Ok(library) = OpenCC::from_config(BuiltinConfig::T2s) else {
        return HAN_TABLE.collect();
    };
    let simplify = |c: char| {
        let converted = library.convert(c.encode_utf8(&mut [0; 4]));
        converted.chars().next().unwrap_or(c)
    };
    HAN_TABLE.map(simplify).collect()
}

fn table_index(c: char) -> Option<usize> {
    HAN_TABLE
        .contains(&c)
        .then(|| c as usize - *HAN_TABLE.start() as usize)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(tokens: &[Token]) -> String {
        let text = |token: &Token| match token {
            Token::Word(word) => word.clone(),
            Token::Han(c) => c.to_string(),
            Token::Sound(_) => String::new(),
        };
        tokens.iter().map(text).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_reads_alike_becomes_the_same() {
        for (written, read) in [
            ("", ""),
            ("👍🏽 !!! …", ""),
            ("How do I UNBIND it?", "how do i unbind it"),
            ("Ｈｏｗ　ｄｏ　Ｉ", "how do i"),
            ("can’t, can't, cant", "cant cant cant"),
            ("un\u{200b}bind\u{7} café jiě bǎng", "unbind cafe jie bang"),
            ("iPhone14 s24", "iphone 14 s 24"),
            ("門禁卡怎麼解綁？", "门 禁 卡 怎 么 解 绑"),
            ("怎么unbind这张卡👍", "怎 么 unbind 这 张 卡"),
            ("還沒登入", "还 没 登 录"),
            ("Привет ﬁn ①", "привет fin 1"),
        ] {
            assert_eq!(text(&normalize(written)), read, "{written:?}");
        }
    }

    #[test]
    fn traditional_script_is_recognised_and_simplified_is_not_taken_for_it() {
        for traditional in ["門禁卡怎麼解綁", "點樣刪除張門卡", "唔見咗張住戶證"]
        {
            assert!(is_traditional(traditional), "{traditional}");
        }
        for other in [
            "门禁卡怎么解绑",
            "怎么 unbind",
            "how",
            "",
            "👍",
            "卡",
            "著名的卡发错了",
        ] {
            assert!(!is_traditional(other), "{other}");
        }
    }

    #[test]
    fn only_the_beginning_of_an_endless_message_is_read() {
        assert_eq!(normalize(&"卡".repeat(MAX_CHARS + 1000)).len(), MAX_CHARS);
    }

    proptest! {
        #[test]
        fn any_text_is_read_and_reading_it_again_changes_nothing(any in any::<String>()) {
            let once = normalize(&any);
            prop_assert_eq!(normalize(&text(&once)), once);
        }

        #[test]
        fn case_width_and_punctuation_do_not_matter(words in "[a-z]{1,8}( [a-z]{1,8}){0,6}", stop in "[ ?!.,;:，。？！…]{0,3}") {
            let full_width: String = words.chars().map(to_full_width).collect();
            for written in [words.to_uppercase(), full_width, format!("{stop}{words}{stop}"), words.replace(' ', ", ")] {
                prop_assert_eq!(normalize(&written), normalize(&words));
            }
        }
    }

    fn to_full_width(c: char) -> char {
        match c {
            ' ' => '\u{3000}',
            '!'..='~' => char::from_u32(c as u32 + 0xfee0).unwrap_or(c),
            _ => c,
        }
    }
}
