//! The phrasings as vectors, in one piece: what the classifier, the index and the language guess are trained on.
//!
//! Two long vectors instead of thousands of small ones, whose memory the allocator would not give back after training.

/// A sparse vector: features with their values, sorted by feature.
pub type SparseVector = Vec<(u32, f32)>;

/// Sparse vectors, each with the number of its entry; those of an entry stand together.
#[derive(Debug, Default)]
pub struct Dataset {
    /// Where each vector ends in `values`.
    ends: Vec<u32>,
    entries: Vec<u32>,
    values: Vec<(u32, f32)>,
}

impl Dataset {
    /// Appends a vector. The numbers of entries must not fall.
    pub fn push(&mut self, vector: &[(u32, f32)], entry: usize) {
        self.values.extend_from_slice(vector);
        self.ends.push(self.values.len() as u32);
        self.entries.push(entry as u32);
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// A vector and its entry.
    pub fn get(&self, index: usize) -> (&[(u32, f32)], usize) {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        (
            &self.values[start as usize..self.ends[index] as usize],
            self.entries[index] as usize,
        )
    }

    /// All vectors with their entries.
    pub fn iter(&self) -> impl Iterator<Item = (&[(u32, f32)], usize)> {
        (0..self.len()).map(|index| self.get(index))
    }
}

impl FromIterator<(SparseVector, usize)> for Dataset {
    fn from_iter<T: IntoIterator<Item = (SparseVector, usize)>>(vectors: T) -> Self {
        let mut dataset = Self::default();
        for (vector, entry) in vectors {
            dataset.push(&vector, entry);
        }
        dataset
    }
}
