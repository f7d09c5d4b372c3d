//! Which language a question is in: that of the phrasings it shares most with. No detector, no list of languages.

use super::space::Sparse;
use crate::knowledge::Language;

/// For every feature, how much of it occurs in each language's phrasings.
#[derive(Debug, Default)]
pub struct LanguageGuess {
    languages: Vec<Language>,
    /// Feature by feature, a share for each language; they sum to one.
    shares: Vec<f32>,
}

impl LanguageGuess {
    /// Learns from phrasings with their languages.
    pub fn new<'a>(
        phrasings: impl Iterator<Item = (&'a Sparse, Language)> + Clone,
        features: usize,
    ) -> Self {
        let mut languages: Vec<Language> =
            phrasings.clone().map(|(_, language)| language).collect();
        languages.sort_unstable();
        languages.dedup();
        let mut shares = vec![0.0; features * languages.len()];
        for (vector, language) in phrasings {
            let place = languages.binary_search(&language).unwrap_or_default();
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
    pub fn guess(&self, vector: &Sparse) -> Option<Language> {
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
