//! Pinyin: the syllables of Han characters, and Latin runs such as `jiebang` split into syllables.
//!
//! Syllables that many speakers do not tell apart are folded into one (zh/z, ch/c, sh/s, final ng/n). A homophone typed by
//! mistake and a question typed in pinyin then share features with what was meant.

use std::{collections::HashMap, sync::LazyLock};

use pinyin::ToPinyin;

/// The number of a folded syllable without tone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Syllable(pub u16);

/// The Unicode block with all characters in daily use.
const HAN: std::ops::RangeInclusive<char> = '\u{4e00}'..='\u{9fff}';
/// Letters of the longest syllable, `zhuang`.
const MAX_SYLLABLE_LETTERS: usize = 6;
const NO_SYLLABLE: u16 = u16::MAX;

struct Tables {
    by_spelling: HashMap<String, u16>,
    by_character: Vec<u16>,
}

static TABLES: LazyLock<Tables> = LazyLock::new(Tables::new);

impl Tables {
    fn new() -> Self {
        let mut by_spelling = HashMap::new();
        let mut folded = HashMap::new();
        let by_character = HAN
            .map(|c| match c.to_pinyin() {
                Some(reading) => {
                    let next = folded.len() as u16;
                    let id = *folded.entry(fold_spelling(reading.plain())).or_insert(next);
                    // ü is typed as v.
                    by_spelling.insert(reading.plain().replace('ü', "v"), id);
                    id
                }
                None => NO_SYLLABLE,
            })
            .collect();
        // Interjections: no words of their own in typed pinyin.
        for interjection in ["m", "n", "ng", "hm", "hng", "ê"] {
            by_spelling.remove(interjection);
        }
        Self {
            by_spelling,
            by_character,
        }
    }
}

fn fold_spelling(spelling: &str) -> String {
    let front = match spelling.as_bytes() {
        [b'z' | b'c' | b's', b'h', ..] => format!("{}{}", &spelling[..1], &spelling[2..]),
        _ => spelling.replace('ü', "v"),
    };
    match front.strip_suffix('g') {
        Some(stem) if stem.ends_with('n') => stem.to_owned(),
        _ => front,
    }
}

/// The syllable a Han character is usually read as.
pub fn syllable_of(c: char) -> Option<Syllable> {
    let index = HAN
        .contains(&c)
        .then(|| c as usize - *HAN.start() as usize)?;
    TABLES
        .by_character
        .get(index)
        .copied()
        .filter(|&id| id != NO_SYLLABLE)
        .map(Syllable)
}

/// Splits a lower-case Latin run into the fewest valid syllables; `None` if anything is left over.
pub fn split_syllables(word: &str) -> Option<Vec<Syllable>> {
    if !word.is_ascii() || word.is_empty() {
        return None;
    }
    // fewest[end]: the number of syllables up to `end`, and the start of the last one.
    let mut fewest: Vec<Option<(usize, usize)>> = vec![None; word.len() + 1];
    fewest[0] = Some((0, 0));
    for end in 1..=word.len() {
        for start in end.saturating_sub(MAX_SYLLABLE_LETTERS)..end {
            let Some((count, _)) = fewest[start] else {
                continue;
            };
            let better = fewest[end].is_none_or(|(best, _)| count + 1 < best);
            if better && TABLES.by_spelling.contains_key(&word[start..end]) {
                fewest[end] = Some((count + 1, start));
            }
        }
    }
    let mut syllables = Vec::new();
    let mut end = word.len();
    while end > 0 {
        let (_, start) = fewest[end]?;
        syllables.push(Syllable(*TABLES.by_spelling.get(&word[start..end])?));
        end = start;
    }
    syllables.reverse();
    Some(syllables)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn syllables(text: &str) -> Vec<Syllable> {
        text.chars().filter_map(syllable_of).collect()
    }

    #[test]
    fn typed_pinyin_sounds_like_the_characters() {
        for (typed, written) in [
            ("jiebang", "解绑"),
            ("menjinka", "门禁卡"),
            ("zenme", "怎么"),
            ("shanchu", "删除"),
            ("zhuangtai", "状态"),
            ("lvse", "绿色"),
        ] {
            assert_eq!(split_syllables(typed), Some(syllables(written)), "{typed}");
        }
    }

    #[test]
    fn sounds_many_do_not_tell_apart_are_one() {
        assert_eq!(split_syllables("zi"), split_syllables("zhi"));
        assert_eq!(split_syllables("san"), split_syllables("shang"));
        assert_ne!(split_syllables("jia"), split_syllables("jie"));
    }

    #[test]
    fn what_is_no_pinyin_is_not_cut() {
        for word in ["", "unbind", "wallet", "x", "门", "👍", "é", "bcdf"] {
            assert_eq!(split_syllables(word), None, "{word}");
        }
        assert!(syllables("abc 👍").is_empty());
    }
}
