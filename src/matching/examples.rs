//! The phrasings as vectors, in one piece: what the classifier, the index and the language guess learn from.
//!
//! Thousands of small vectors would be freed after learning, but not given back by the allocator; two long ones are.

use super::space::Sparse;

/// Sparse vectors with the number of the entry each belongs to; those of an entry stand together.
#[derive(Debug, Default)]
pub struct Examples {
    /// Where each vector ends.
    ends: Vec<u32>,
    entries: Vec<u32>,
    values: Vec<(u32, f32)>,
}

impl Examples {
    /// Appends a vector. The numbers of entries must not fall.
    pub fn push(&mut self, vector: &[(u32, f32)], entry: usize) {
        self.values.extend_from_slice(vector);
        self.ends.push(self.values.len() as u32);
        self.entries.push(entry as u32);
    }

    /// Number of vectors.
    pub fn count(&self) -> usize {
        self.ends.len()
    }

    /// A vector and its entry.
    pub fn get(&self, number: usize) -> (&[(u32, f32)], usize) {
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        (
            &self.values[start as usize..self.ends[number] as usize],
            self.entries[number] as usize,
        )
    }

    /// All vectors with their entries.
    pub fn iter(&self) -> impl Iterator<Item = (&[(u32, f32)], usize)> {
        (0..self.count()).map(|number| self.get(number))
    }
}

impl FromIterator<(Sparse, usize)> for Examples {
    fn from_iter<T: IntoIterator<Item = (Sparse, usize)>>(vectors: T) -> Self {
        let mut examples = Self::default();
        vectors
            .into_iter()
            .for_each(|(vector, entry)| examples.push(&vector, entry));
        examples
    }
}
