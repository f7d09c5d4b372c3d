//! Turns text into tokens, for phrasings and questions; different spellings of the same characters become the same.
//!
//! Covers compatibility forms and full width (Unicode NFKD), case, accents and tone marks, Traditional script, punctuation,
//! emoji, zero-width and control characters, letters of other alphabets that stand for Latin ones. What means the same in this domain (`u` for *you*, 門卡 for 门禁卡) is data
//! and left to `synonyms`.

use unicode_normalization::UnicodeNormalization;

pub use super::han_script::{is_han, is_simplified, is_traditional, simplify, to_simplified};
use super::{MAX_CHARS, pinyin::Syllable};

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
        let word = std::mem::take(word);
        tokens.push(Token::Word(if is_mixed(&word) {
            word.chars().map(latin_look_alike).collect()
        } else {
            word
        }));
    }
}

/// Whether a word has letters of the Latin and of another alphabet: then the others only look Latin. A word of one
/// alphabet is a word of another language.
fn is_mixed(word: &str) -> bool {
    word.contains(|c: char| c.is_ascii_lowercase()) && word.contains(|c| latin_look_alike(c) != c)
}

/// The Latin letter that a small Cyrillic or Greek letter looks like, or whose capital letter it looks like.
fn latin_look_alike(c: char) -> char {
    match c {
        'а' | 'α' => 'a',
        'в' | 'β' => 'b',
        'с' | 'ϲ' => 'c',
        'ԁ' => 'd',
        'е' | 'ε' => 'e',
        'һ' | 'н' => 'h',
        'і' | 'ι' => 'i',
        'ј' | 'ϳ' => 'j',
        'к' | 'κ' => 'k',
        'ӏ' => 'l',
        'м' => 'm',
        'о' | 'ο' => 'o',
        'р' | 'ρ' => 'p',
        'ԛ' => 'q',
        'ѕ' => 's',
        'т' | 'τ' => 't',
        'υ' => 'u',
        'ν' | 'ѵ' => 'v',
        'ԝ' | 'ω' => 'w',
        'х' | 'χ' => 'x',
        'у' | 'γ' => 'y',
        other => other,
    }
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
            // Cyrillic а, е, о, с and Greek ο among Latin letters.
            ("rеmоvе my саrd, unlοck", "remove my card unlock"),
        ] {
            assert_eq!(text(&normalize(written)), read, "{written:?}");
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
