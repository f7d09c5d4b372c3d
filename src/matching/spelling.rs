//! Forgives spelling: an unknown Latin word of a question becomes the nearest word the base knows.
//!
//! Optimal string alignment distance (Levenshtein with adjacent transpositions, each place edited once), from `strsim`.
//! Only questions are corrected, and only words no phrasing has; what a correct word means is left to the features.

use std::collections::HashMap;

/// Shorter words have too many neighbours.
const SHORTEST: usize = 3;
/// From this many letters on, two slips are forgiven.
const TWO_SLIPS_FROM: usize = 8;
/// Both halves of a word typed without the space; with shorter ones, `impossible` would be `im possible`.
const SHORTEST_HALF: usize = 3;

/// The words of a base, with how often they occur.
#[derive(Debug, Default)]
pub struct Lexicon {
    counts: HashMap<String, u32>,
    /// By length in characters, ordered: the words with the set of their letters.
    by_length: Vec<Vec<Known>>,
}

#[derive(Debug)]
struct Known {
    word: String,
    letters: u32,
    count: u32,
}

impl Lexicon {
    /// Indexes words with their counts.
    pub fn new(counts: HashMap<String, u32>) -> Self {
        let mut by_length: Vec<Vec<Known>> = Vec::new();
        for (word, &count) in &counts {
            let length = word.chars().count();
            if by_length.len() <= length {
                by_length.resize_with(length + 1, Vec::new);
            }
            by_length[length].push(Known {
                word: word.clone(),
                letters: letters(word),
                count,
            });
        }
        for words in &mut by_length {
            words.sort_by(|a, b| a.word.cmp(&b.word));
        }
        Self { counts, by_length }
    }

    /// Whether a phrasing has this word.
    pub fn knows(&self, word: &str) -> bool {
        self.counts.contains_key(word)
    }

    fn count(&self, word: &str) -> u32 {
        self.counts.get(word).copied().unwrap_or(0)
    }

    /// The known word that was most likely meant, or the two it was joined from.
    pub fn correct(&self, word: &str) -> Option<Vec<String>> {
        let length = word.chars().count();
        if length < SHORTEST || word.chars().any(char::is_numeric) {
            return None;
        }
        let one = self.nearest(word, length, 1).map(|word| vec![word]);
        one.or_else(|| self.split(word)).or_else(|| {
            (length >= TWO_SLIPS_FROM)
                .then(|| self.nearest(word, length, 2))?
                .map(|word| vec![word])
        })
    }

    fn nearest(&self, word: &str, length: usize, slips: usize) -> Option<String> {
        let set = letters(word);
        let first = word.chars().next();
        let mut best: Option<((bool, u32), &str)> = None;
        for known in (length.saturating_sub(slips)..=length + slips)
            .filter_map(|length| self.by_length.get(length))
            .flatten()
        {
            // A slip changes at most two letters of the set.
            if (known.letters ^ set).count_ones() as usize > 2 * slips
                || known.word.chars().count() < SHORTEST - 1
            {
                continue;
            }
            // Few people miss the first letter.
            let rank = (known.word.chars().next() == first, known.count);
            if best.as_ref().is_none_or(|(best, _)| rank > *best)
                && strsim::osa_distance(word, &known.word) <= slips
            {
                best = Some((rank, &known.word));
            }
        }
        best.map(|(_, word)| word.to_owned())
    }

    fn split(&self, word: &str) -> Option<Vec<String>> {
        let mut best: Option<(u32, usize)> = None;
        for (at, _) in word.char_indices() {
            let (left, right) = word.split_at(at);
            let long_enough =
                left.chars().count() >= SHORTEST_HALF && right.chars().count() >= SHORTEST_HALF;
            let rank = self.count(left).min(self.count(right));
            if long_enough && rank > 1 && best.is_none_or(|(best, _)| rank > best) {
                best = Some((rank, at));
            }
        }
        best.map(|(_, at)| vec![word[..at].to_owned(), word[at..].to_owned()])
    }
}

fn letters(word: &str) -> u32 {
    word.chars().fold(0, |set, c| set | 1 << (c as u32 % 32))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lexicon() -> Lexicon {
        let counts = [
            ("unbind", 9),
            ("bind", 3),
            ("card", 20),
            ("cart", 1),
            ("bank", 5),
            ("verification", 4),
            ("from", 8),
            ("form", 1),
        ];
        Lexicon::new(
            counts
                .into_iter()
                .map(|(word, count)| (word.to_owned(), count))
                .collect(),
        )
    }

    fn corrected(word: &str) -> Option<String> {
        lexicon().correct(word).map(|words| words.join(" "))
    }

    #[test]
    fn a_slip_is_forgiven() {
        for (typed, meant) in [
            ("unbnid", "unbind"),
            ("crad", "card"),
            ("unbindd", "unbind"),
            ("bankk", "bank"),
            ("verifcatoin", "verification"),
        ] {
            assert_eq!(corrected(typed).as_deref(), Some(meant));
        }
    }

    #[test]
    fn of_several_the_commoner_word_is_taken() {
        assert_eq!(corrected("carx").as_deref(), Some("card"));
    }

    #[test]
    fn a_word_typed_without_the_space_is_split() {
        assert_eq!(corrected("bankcard").as_deref(), Some("bank card"));
    }

    #[test]
    fn what_is_too_short_too_far_or_a_number_stays() {
        for word in ["", "x", "cd", "umbrella", "2024", "s24", "卡片", "👍👍👍"] {
            assert_eq!(corrected(word), None, "{word}");
        }
        assert_eq!(Lexicon::default().correct("card"), None);
    }
}
