//! BM25 over entries: all phrasings of an entry are one document, and every feature of the question is one term.
//!
//! Okapi BM25 (Robertson & Zaragoza 2009). The classifier weighs what distinguishes entries; BM25 adds how much of the
//! question an entry covers.

use super::dataset::Dataset;

/// Saturation of repeated terms, and normalisation by length: the usual values.
const K1: f32 = 1.2;
const B: f32 = 0.75;

/// For every feature, the entries that have it and its weight there.
#[derive(Debug, Default)]
pub struct EntryIndex {
    entries: usize,
    /// Where each feature's postings begin; one more number at the end.
    starts: Vec<u32>,
    postings: Vec<(u32, f32)>,
    /// By feature: its highest weight in any entry.
    highest: Vec<f32>,
}

impl EntryIndex {
    /// Indexes which features occur in which entries; the values of the vectors do not count.
    pub fn new(dataset: &Dataset, features: usize, entries: usize) -> Self {
        let (having, ends) = entries_by_feature(dataset, features);
        let lengths = relative_lengths(dataset, entries);
        let mut index = Self {
            entries,
            starts: vec![0],
            postings: Vec::new(),
            highest: Vec::new(),
        };
        let mut start = 0;
        for &end in &ends[..features] {
            index.push_feature(&having[start..end as usize], &lengths);
            start = end as usize;
        }
        index.postings.shrink_to_fit();
        index
    }

    /// Adds a feature. `having` has the entry of each vector that has the feature, sorted.
    fn push_feature(&mut self, having: &[u32], lengths: &[f32]) {
        let with = having.chunk_by(|a, b| a == b).count() as f32;
        let idf = (1.0 + (self.entries as f32 - with + 0.5) / (with + 0.5)).ln();
        let mut highest = 0.0f32;
        for same in having.chunk_by(|a, b| a == b) {
            let (tf, length) = (same.len() as f32, lengths[same[0] as usize]);
            let weight = idf * tf * (K1 + 1.0) / (tf + K1 * (1.0 - B + B * length));
            highest = highest.max(weight);
            self.postings.push((same[0], weight));
        }
        self.highest.push(highest);
        self.starts.push(self.postings.len() as u32);
    }

    /// How much of the question each entry has: 1 for one that is best in every feature.
    pub fn shares(&self, vector: &[(u32, f32)]) -> Vec<f32> {
        let mut shares = vec![0.0; self.entries];
        let mut highest = 0.0;
        for &(feature, _) in vector {
            let range =
                self.starts[feature as usize] as usize..self.starts[feature as usize + 1] as usize;
            self.postings[range]
                .iter()
                .for_each(|&(entry, weight)| shares[entry as usize] += weight);
            highest += self.highest[feature as usize];
        }
        shares
            .iter_mut()
            .for_each(|share| *share /= f32::max(highest, 1.0));
        shares
    }
}

/// The entries of the vectors that have each feature, feature by feature and sorted, and where each feature ends.
fn entries_by_feature(dataset: &Dataset, features: usize) -> (Vec<u32>, Vec<u32>) {
    // A counting sort: count the vectors that have each feature, add up where its run begins, then fill the runs. The
    // dataset is sorted by entry, so each run is, too. Filling moves each begin to its end.
    let mut ends = vec![0u32; features + 1];
    for (vector, _) in dataset.iter() {
        for &(feature, _) in vector {
            ends[feature as usize + 1] += 1;
        }
    }
    for feature in 0..features {
        ends[feature + 1] += ends[feature];
    }
    let mut having = vec![0u32; ends[features] as usize];
    for (vector, entry) in dataset.iter() {
        for &(feature, _) in vector {
            having[ends[feature as usize] as usize] = entry as u32;
            ends[feature as usize] += 1;
        }
    }
    (having, ends)
}

/// The number of features in the vectors of each entry, divided by the mean.
fn relative_lengths(dataset: &Dataset, entries: usize) -> Vec<f32> {
    let mut lengths = vec![0.0; entries];
    for (vector, entry) in dataset.iter() {
        lengths[entry] += vector.len() as f32;
    }
    let mean = lengths.iter().sum::<f32>() / entries.max(1) as f32;
    lengths.iter_mut().for_each(|length| *length /= mean);
    lengths
}

#[cfg(test)]
mod tests {
    use super::*;

    fn features(features: &[u32]) -> Vec<(u32, f32)> {
        features.iter().map(|&feature| (feature, 1.0)).collect()
    }

    #[test]
    fn a_rare_feature_outweighs_a_common_one() {
        let examples = [
            (features(&[0, 1]), 0),
            (features(&[0, 2]), 1),
            (features(&[0, 3]), 2),
        ];
        let index = EntryIndex::new(&examples.into_iter().collect(), 4, 3);
        let shares = index.shares(&features(&[0, 2]));
        assert!(shares[1] > 2.0 * shares[0], "{shares:?}");
        assert!(
            shares.iter().all(|share| (0.0..=1.0).contains(share)),
            "{shares:?}"
        );
    }

    #[test]
    fn nothing_asked_or_nothing_known_gives_nothing() {
        let index = EntryIndex::new(&[(features(&[0]), 0)].into_iter().collect(), 1, 1);
        assert_eq!(index.shares(&[]), [0.0]);
        assert!(
            EntryIndex::new(&Dataset::default(), 0, 0)
                .shares(&[])
                .is_empty()
        );
    }
}
