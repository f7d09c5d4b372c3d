//! Traditional and Simplified Chinese: which of the two a text is written in, and the conversion to Simplified.

use std::sync::LazyLock;

use ferrous_opencc::{OpenCC, config::BuiltinConfig};

use super::MAX_CHARS;

/// The characters of the tables below: CJK with its first extension, which has all common Han characters.
const HAN_TABLE: std::ops::RangeInclusive<char> = '\u{3400}'..='\u{9fff}';

/// Whether a character is Han: an ideograph of any script variant.
pub fn is_han(c: char) -> bool {
    matches!(c,
        '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3134f}' | '〇')
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

/// The Simplified form of a character; any other character stays as it is.
pub fn simplify(c: char) -> char {
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
    use super::*;

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
}
