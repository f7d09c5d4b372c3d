//! The word lists of a base, read once when it is loaded: the lines `words-…` in every language, which each turn searches.

use std::collections::HashMap;

use crate::knowledge::{Language, Lines};

/// What the keys of these lines begin with.
const PREFIX: &str = "words-";

/// All word lists of a base.
#[derive(Debug, Default)]
pub struct WordLists(HashMap<String, WordList>);

#[derive(Debug, Default)]
struct WordList {
    /// The words of all languages.
    all: Vec<String>,
    by_language: Vec<(Language, Vec<String>)>,
}

impl WordLists {
    pub fn new(lines: &Lines) -> Self {
        let keys = lines.keys().filter(|key| key.starts_with(PREFIX));
        let lists = keys.map(|key| (key.to_owned(), WordList::read(lines, key)));
        Self(lists.collect())
    }

    /// The words of this line in all languages, as [`plain_word`] leaves them; none if there is no such line.
    pub(super) fn all(&self, key: &str) -> &[String] {
        self.0.get(key).map_or(&[], |list| &list.all)
    }

    /// The same in one language.
    pub(super) fn of(&self, key: &str, language: Language) -> &[String] {
        let lists = self.0.get(key).map_or(&[][..], |list| &list.by_language);
        let own = lists.iter().find(|(of, _)| *of == language);
        own.map_or(&[], |(_, words)| words)
    }
}

impl WordList {
    fn read(lines: &Lines, key: &str) -> Self {
        let languages = lines.languages().into_iter();
        let by_language: Vec<_> = languages
            .map(|language| {
                let line = lines.label(language, key, &[]);
                let words: Vec<_> = line.split('|').map(plain_word).collect();
                (language, words)
            })
            .collect();
        let mut all: Vec<String> = Vec::new();
        for word in by_language.iter().flat_map(|(_, words)| words) {
            if !all.contains(word) {
                all.push(word.clone());
            }
        }
        Self { all, by_language }
    }
}

/// Normalises a text for comparison: lower case, no closing punctuation, one kind of apostrophe and comma.
pub(super) fn plain_word(text: &str) -> String {
    let lower = text
        .trim()
        .to_lowercase()
        .replace('’', "'")
        .replace('，', ",");
    lower
        .trim_end_matches(|c: char| c.is_ascii_punctuation() || "。！～？".contains(c))
        .trim_end()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn the_words_of_a_line_are_there_by_language_and_together() {
        let own = BTreeMap::from([
            (Language::EN, "words-yes = Yes! | it’s so".to_owned()),
            (Language::ZH, "words-yes = 是的。 | yes | 👍".to_owned()),
        ]);
        let lists = WordLists::new(&Lines::new(&own));
        assert_eq!(lists.all("words-yes"), ["yes", "it's so", "是的", "👍"]);
        assert_eq!(lists.of("words-yes", Language::ZH), ["是的", "yes", "👍"]);
        assert!(lists.all("words-none-such").is_empty() && lists.all("help").is_empty());
    }
}
