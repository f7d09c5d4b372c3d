//! BM25 over entries: all phrasings of an entry are one document, and every feature of the question one term.
//!
//! Okapi BM25 (Robertson & Zaragoza 2009). Beside the classifier, which weighs what tells entries apart, it keeps an
//! eye on how much of the question an entry has at all.

use super::space::Sparse;

/// Saturation of repeated terms, and normalisation by length: the usual values.
const K1: f32 = 1.2;
const B: f32 = 0.75;

/// For every feature, the entries that have it and what it is worth there.
#[derive(Debug, Default)]
pub struct EntryIndex {
    entries: usize,
    /// Where each feature's postings begin; one more at the end.
    starts: Vec<u32>,
    postings: Vec<(u32, f32)>,
    /// By feature: its highest posting.
    highest: Vec<f32>,
}

impl EntryIndex {
    /// Indexes vectors with the entries they belong to; only which features occur counts, not their values.
    pub fn new(examples: &[(Sparse, usize)], features: usize, entries: usize) -> Self {
        let mut pairs: Vec<u64> = examples
            .iter()
            .flat_map(|(vector, entry)| {
                vector
                    .iter()
                    .map(|&(feature, _)| u64::from(feature) << 32 | *entry as u64)
            })
            .collect();
        pairs.sort_unstable();
        let mut lengths = vec![0.0; entries];
        pairs
            .iter()
            .for_each(|pair| lengths[(*pair & 0xffff_ffff) as usize] += 1.0);
        let mean = lengths.iter().sum::<f32>() / entries.max(1) as f32;
        let mut index = Self {
            entries,
            starts: vec![0],
            postings: Vec::new(),
            highest: Vec::new(),
        };
        let mut by_feature = pairs.chunk_by(|a, b| a >> 32 == b >> 32).peekable();
        for feature in 0..features as u64 {
            let same = by_feature
                .next_if(|pairs| pairs[0] >> 32 == feature)
                .unwrap_or_default();
            index.push_feature(same, &lengths, mean);
        }
        index
    }

    fn push_feature(&mut self, pairs: &[u64], lengths: &[f32], mean: f32) {
        let by_entry = || pairs.chunk_by(|a, b| a == b);
        let with = by_entry().count() as f32;
        let idf = (1.0 + (self.entries as f32 - with + 0.5) / (with + 0.5)).ln();
        let mut highest = 0.0f32;
        for same in by_entry() {
            let entry = (same[0] & 0xffff_ffff) as u32;
            let (tf, length) = (same.len() as f32, lengths[entry as usize] / mean);
            let worth = idf * tf * (K1 + 1.0) / (tf + K1 * (1.0 - B + B * length));
            highest = highest.max(worth);
            self.postings.push((entry, worth));
        }
        self.highest.push(highest);
        self.starts.push(self.postings.len() as u32);
    }

    /// How much of the question each entry has: 1 for one that is best in every feature.
    pub fn shares(&self, vector: &Sparse) -> Vec<f32> {
        let mut shares = vec![0.0; self.entries];
        let mut highest = 0.0;
        for &(feature, _) in vector {
            let range =
                self.starts[feature as usize] as usize..self.starts[feature as usize + 1] as usize;
            self.postings[range]
                .iter()
                .for_each(|&(entry, worth)| shares[entry as usize] += worth);
            highest += self.highest[feature as usize];
        }
        shares
            .iter_mut()
            .for_each(|share| *share /= f32::max(highest, 1.0));
        shares
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn features(features: &[u32]) -> Sparse {
        features.iter().map(|&feature| (feature, 1.0)).collect()
    }

    #[test]
    fn a_rare_feature_outweighs_a_common_one() {
        let index = EntryIndex::new(
            &[
                (features(&[0, 1]), 0),
                (features(&[0, 2]), 1),
                (features(&[0, 3]), 2),
            ],
            4,
            3,
        );
        let shares = index.shares(&features(&[0, 2]));
        assert!(shares[1] > 2.0 * shares[0], "{shares:?}");
        assert!(
            shares.iter().all(|share| (0.0..=1.0).contains(share)),
            "{shares:?}"
        );
    }

    #[test]
    fn nothing_asked_or_nothing_known_gives_nothing() {
        let index = EntryIndex::new(&[(features(&[0]), 0)], 1, 1);
        assert_eq!(index.shares(&Vec::new()), [0.0]);
        assert!(EntryIndex::new(&[], 0, 0).shares(&Vec::new()).is_empty());
    }
}
