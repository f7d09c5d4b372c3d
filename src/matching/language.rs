//! The language of a question: that of the phrasings it shares most features with.

use super::dataset::Dataset;
use crate::knowledge::Language;

/// For every feature, how much of it occurs in each language's phrasings.
#[derive(Debug, Default)]
pub struct LanguageGuess {
    languages: Vec<Language>,
    /// Feature by feature, a share for each language; they sum to one.
    shares: Vec<f32>,
}

impl LanguageGuess {
    /// Learns from phrasings and their languages, in the same order.
    pub fn new(dataset: &Dataset, phrasing_languages: &[Language], features: usize) -> Self {
        let mut languages = phrasing_languages.to_vec();
        languages.sort_unstable();
        languages.dedup();
        let mut shares = vec![0.0; features * languages.len()];
        for ((vector, _), language) in dataset.iter().zip(phrasing_languages) {
            let place = languages.binary_search(language).unwrap_or_default();
            for &(feature, value) in vector {
                shares[feature as usize * languages.len() + place] += value;
            }
        }
        for row in shares.chunks_mut(languages.len().max(1)) {
            let sum: f32 = row.iter().sum();
            row.iter_mut()
                .for_each(|share| *share /= sum.max(f32::MIN_POSITIVE));
        }
        Self { languages, shares }
    }

    /// The language of a vector, if it has any known feature.
    pub fn guess(&self, vector: &[(u32, f32)]) -> Option<Language> {
        let mut votes = vec![0.0; self.languages.len()];
        for &(feature, value) in vector {
            let row = &self.shares[feature as usize * votes.len()..][..votes.len()];
            votes
                .iter_mut()
                .zip(row)
                .for_each(|(vote, share)| *vote += value * share);
        }
        let best = votes
            .iter()
            .enumerate()
            .max_by(|(_, a), (_, b)| a.total_cmp(b));
        best.filter(|(_, vote)| **vote > 0.0)
            .map(|(place, _)| self.languages[place])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_with_more_of_the_question_wins() {
        let examples = [(vec![(0, 1.0), (1, 1.0)], 0), (vec![(1, 1.0), (2, 1.0)], 0)]
            .into_iter()
            .collect();
        let guess = LanguageGuess::new(&examples, &[Language::EN, Language::ZH], 3);
        assert_eq!(guess.guess(&[(0, 0.5), (1, 0.5)]), Some(Language::EN));
        assert_eq!(guess.guess(&[(2, 0.1)]), Some(Language::ZH));
    }

    #[test]
    fn without_anything_known_there_is_none() {
        let examples = [(vec![(0, 1.0)], 0)].into_iter().collect();
        assert_eq!(
            LanguageGuess::new(&examples, &[Language::EN], 1).guess(&[]),
            None
        );
        assert_eq!(
            LanguageGuess::new(&Dataset::default(), &[], 0).guess(&[]),
            None
        );
    }
}
