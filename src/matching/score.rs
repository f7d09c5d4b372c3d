//! How well each entry fits: the classifier's logits and BM25's shares, added and turned into probabilities.

use super::{
    classifier::{Classifier, Training, softmax},
    dataset::Dataset,
    index::EntryIndex,
};

/// What a BM25 share of 1 adds, in logits. It gains about 1 point of right entries.
pub const INDEX_WEIGHT: f32 = 6.0;

#[derive(Debug)]
pub struct Scorer {
    classifier: Classifier,
    index: EntryIndex,
    index_weight: f32,
}

impl Scorer {
    pub fn new(
        dataset: &Dataset,
        features: usize,
        entries: usize,
        training: Training,
        index_weight: f32,
    ) -> Self {
        Self {
            classifier: Classifier::new(dataset, features, entries, training),
            index: EntryIndex::new(dataset, features, entries),
            index_weight,
        }
    }

    /// Every entry's score by number, in logits: [`softmax`] turns them into probabilities.
    pub fn scores(&self, vector: &[(u32, f32)]) -> Vec<f32> {
        let mut scores = self.classifier.logits(vector);
        let shares = self.index.shares(vector);
        scores
            .iter_mut()
            .zip(shares)
            .for_each(|(score, share)| *score += self.index_weight * share);
        scores
    }

    /// Every entry's probability by number.
    pub fn probabilities(&self, vector: &[(u32, f32)]) -> Vec<f32> {
        let mut scores = self.scores(vector);
        softmax(&mut scores);
        scores
    }

    /// The classifier's logit and the BM25 share of every entry by number: the parts of its score.
    pub fn parts(&self, vector: &[(u32, f32)]) -> Vec<(f32, f32)> {
        self.classifier
            .logits(vector)
            .into_iter()
            .zip(self.index.shares(vector))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_are_shared_out_between_all_entries() {
        let examples = [(vec![(0, 1.0)], 0), (vec![(1, 1.0)], 1)]
            .into_iter()
            .collect();
        let scorer = Scorer::new(&examples, 2, 3, Training::default(), INDEX_WEIGHT);
        let probabilities = scorer.probabilities(&[(1, 1.0)]);
        assert!((probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        assert!(probabilities[1] > 0.9, "{probabilities:?}");
    }

    #[test]
    fn knowing_nothing_makes_all_entries_alike() {
        let scorer = Scorer::new(
            &[(vec![(0, 1.0)], 0)].into_iter().collect(),
            1,
            2,
            Training::default(),
            INDEX_WEIGHT,
        );
        assert_eq!(scorer.probabilities(&[]), [0.5, 0.5]);
    }
}
