//! How well each entry fits: the classifier's logits and BM25's shares, joined and made probabilities.

use super::{
    classifier::{Classifier, Training, softmax},
    index::EntryIndex,
    space::Sparse,
};

/// What a full BM25 share is worth, in logits: two views agree more often than either is right. Worth 1 point.
pub const INDEX_WEIGHT: f32 = 6.0;

/// Scores entries.
#[derive(Debug)]
pub struct Scorer {
    classifier: Classifier,
    index: EntryIndex,
    index_weight: f32,
}

impl Scorer {
    /// Learns from vectors with the number of their entry.
    pub fn new(
        examples: &[(Sparse, usize)],
        features: usize,
        entries: usize,
        training: Training,
        index_weight: f32,
    ) -> Self {
        Self {
            classifier: Classifier::new(examples, features, entries, training),
            index: EntryIndex::new(examples, features, entries),
            index_weight,
        }
    }

    /// The probability of every entry, by number.
    pub fn probabilities(&self, vector: &Sparse) -> Vec<f32> {
        let mut scores = self.classifier.logits(vector);
        let shares = self.index.shares(vector);
        scores
            .iter_mut()
            .zip(shares)
            .for_each(|(score, share)| *score += self.index_weight * share);
        softmax(&mut scores);
        scores
    }
}
