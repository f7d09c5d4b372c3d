//! Corrects spelling: an unknown Latin word of a question becomes the nearest word of the base.
//!
//! Uses the optimal string alignment distance (Levenshtein with adjacent transpositions, each place edited once) of
//! `strsim`. Only questions are corrected, and only words that no phrasing has: misspelt ones, stretched ones (`caaard`),
//! and several typed without spaces.

use std::collections::HashMap;

/// Letters of a word that is corrected: shorter ones have too many neighbours.
const MIN_LETTERS: usize = 3;
/// From this many letters on, two slips are corrected.
const MIN_LETTERS_FOR_TWO_SLIPS: usize = 8;
/// Letters of each half of a word typed without its space; with fewer, `impossible` would become `im possible`.
const MIN_HALF_LETTERS: usize = 3;

/// Letters in a row from which a word is stretched; no word of daily use has three.
const MIN_STRETCH: usize = 3;
/// Letters of the shortest run of words without spaces that is cut into more than two; shorter ones may be names.
const MIN_RUN_LETTERS: usize = 9;
/// Letters of the longest such run: a sentence. It bounds the work.
const MAX_RUN_LETTERS: usize = 60;
/// Letters of the longest word in such a run.
const MAX_RUN_WORD_LETTERS: usize = 14;
/// Occurrences of a word in such a run: rare words would make words of any letters.
const MIN_RUN_COUNT: u32 = 4;
/// A run is cut only if its words have this many letters on average: anything can be cut into words of one or two.
const MIN_RUN_AVERAGE: usize = 2;

/// The words of a base, with how often they occur.
#[derive(Debug, Default)]
pub struct Lexicon {
    counts: HashMap<String, u32>,
    /// By length in characters, sorted.
    by_length: Vec<Vec<LexiconWord>>,
}

#[derive(Debug)]
struct LexiconWord {
    word: String,
    /// See [`letter_set`].
    letters: u32,
    count: u32,
}

impl Lexicon {
    pub fn new(counts: HashMap<String, u32>) -> Self {
        let mut by_length: Vec<Vec<LexiconWord>> = Vec::new();
        for (word, &count) in &counts {
            let length = word.chars().count();
            if by_length.len() <= length {
                by_length.resize_with(length + 1, Vec::new);
            }
            by_length[length].push(LexiconWord {
                word: word.clone(),
                letters: letter_set(word),
                count,
            });
        }
        for words in &mut by_length {
            words.sort_by(|a, b| a.word.cmp(&b.word));
        }
        Self { counts, by_length }
    }

    pub fn contains(&self, word: &str) -> bool {
        self.counts.contains_key(word)
    }

    pub fn count_of(&self, word: &str) -> u32 {
        self.counts.get(word).copied().unwrap_or(0)
    }

    /// The known word that was most likely meant, or the two that were typed without a space.
    pub fn correct(&self, word: &str) -> Option<Vec<String>> {
        let length = word.chars().count();
        if length < MIN_LETTERS || word.chars().any(char::is_numeric) {
            return None;
        }
        if let Some(unstretched) = self.unstretch(word) {
            return Some(vec![unstretched]);
        }
        if let Some(nearest) = self.nearest_word(word, length, 1) {
            return Some(vec![nearest]);
        }
        if let Some(two) = self.split_word(word) {
            return Some(two);
        }
        if length < MIN_LETTERS_FOR_TWO_SLIPS {
            return None;
        }
        match self.nearest_word(word, length, 2) {
            Some(nearest) => Some(vec![nearest]),
            None => self.cut_run(word),
        }
    }

    /// The known word whose letters were stretched: each stretched letter stands for one or two.
    fn unstretch(&self, word: &str) -> Option<String> {
        let letters: Vec<char> = word.chars().collect();
        let runs: Vec<&[char]> = letters.chunk_by(|a, b| a == b).collect();
        let stretched = runs.iter().filter(|run| run.len() >= MIN_STRETCH).count();
        if stretched == 0 {
            return None;
        }
        let with_runs_of = |length: usize| -> String {
            let kept = runs.iter().flat_map(|run| match run.len() {
                MIN_STRETCH.. => &run[..length],
                _ => run,
            });
            kept.collect()
        };
        let candidates = [1, 2].map(with_runs_of);
        let known = candidates.iter().filter(|word| self.contains(word));
        if let Some(known) = known.max_by_key(|word| self.count_of(word)) {
            return Some(known.clone());
        }
        let [single, _] = candidates;
        let length = single.chars().count();
        self.nearest_word(&single, length, 1)
            .filter(|_| length >= MIN_LETTERS)
    }

    /// Cuts several words typed without spaces: into as few as possible, the commonest of these.
    fn cut_run(&self, word: &str) -> Option<Vec<String>> {
        let within = MIN_RUN_LETTERS..=MAX_RUN_LETTERS;
        if !word.is_ascii() || !within.contains(&word.len()) {
            return None;
        }
        // best[end]: the number of words up to `end`, how common the rarest is (negative, so that less is better), and
        // where the last one starts.
        let mut best: Vec<Option<(usize, i64, usize)>> = vec![None; word.len() + 1];
        best[0] = Some((0, i64::MIN, 0));
        for end in 1..=word.len() {
            for start in end.saturating_sub(MAX_RUN_WORD_LETTERS)..end {
                let Some((words, rarest, _)) = best[start] else {
                    continue;
                };
                let piece = &word[start..end];
                let count = self.count_of(piece);
                if count < MIN_RUN_COUNT || (piece.len() == 1 && !matches!(piece, "i" | "a")) {
                    continue;
                }
                let reached = (words + 1, rarest.max(-i64::from(count)), start);
                if best[end].is_none_or(|best| (reached.0, reached.1) < (best.0, best.1)) {
                    best[end] = Some(reached);
                }
            }
        }
        let mut pieces = Vec::new();
        let mut end = word.len();
        while end > 0 {
            let (_, _, start) = best[end]?;
            pieces.push(word[start..end].to_owned());
            end = start;
        }
        pieces.reverse();
        (word.len() > MIN_RUN_AVERAGE * pieces.len()).then_some(pieces)
    }

    /// The word with at most this many slips: preferably one with the same first letter, then the most frequent.
    fn nearest_word(&self, word: &str, length: usize, slips: usize) -> Option<String> {
        let set = letter_set(word);
        let first = word.chars().next();
        let mut best: Option<((bool, u32), &str)> = None;
        for known in (length.saturating_sub(slips)..=length + slips)
            .filter_map(|length| self.by_length.get(length))
            .flatten()
        {
            // A slip changes at most two letters of the set; this skips most words quickly.
            if (known.letters ^ set).count_ones() as usize > 2 * slips
                || known.word.chars().count() < MIN_LETTERS - 1
            {
                continue;
            }
            // Few slips are in the first letter.
            let rank = (known.word.chars().next() == first, known.count);
            if best.as_ref().is_none_or(|(best, _)| rank > *best)
                && strsim::osa_distance(word, &known.word) <= slips
            {
                best = Some((rank, &known.word));
            }
        }
        best.map(|(_, word)| word.to_owned())
    }

    /// Splits a word into two known ones: the split whose rarer half is the most frequent.
    fn split_word(&self, word: &str) -> Option<Vec<String>> {
        let mut best: Option<(u32, usize)> = None;
        for (at, _) in word.char_indices() {
            let (left, right) = word.split_at(at);
            let long_enough = left.chars().count() >= MIN_HALF_LETTERS
                && right.chars().count() >= MIN_HALF_LETTERS;
            let rank = self.count_of(left).min(self.count_of(right));
            if long_enough && rank > 1 && best.is_none_or(|(best, _)| rank > best) {
                best = Some((rank, at));
            }
        }
        best.map(|(_, at)| vec![word[..at].to_owned(), word[at..].to_owned()])
    }
}

/// The letters of a word as a set of 32 bits.
fn letter_set(word: &str) -> u32 {
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
    fn a_stretched_word_is_shortened() {
        for (typed, meant) in [
            ("caaaard", "card"),
            ("unbiiiind", "unbind"),
            ("frooom", "from"),
            ("baaanks", "bank"),
        ] {
            assert_eq!(corrected(typed).as_deref(), Some(meant));
        }
        assert_eq!(corrected("aaaa"), None);
    }

    #[test]
    fn words_run_together_are_cut() {
        assert_eq!(
            corrected("unbindcardfrombank").as_deref(),
            Some("unbind card from bank")
        );
        assert_eq!(corrected("unbindcardxyzqfrombank"), None);
    }

    #[test]
    fn what_is_too_short_too_far_or_a_number_stays() {
        for word in ["", "x", "cd", "umbrella", "2024", "s24", "卡片", "👍👍👍"] {
            assert_eq!(corrected(word), None, "{word}");
        }
        assert_eq!(Lexicon::default().correct("card"), None);
    }
}
