//! What features are worth: keys become a sparse vector of length at most one.
//!
//! Within a block sublinear tf × idf (Manning, Raghavan & Schütze 2008, ch. 6), scaled to length one; blocks weighted
//! and joined. What the base has never seen counts into the length, so that a question of unknown words gives a short
//! vector, low logits and little confidence: the first half of refusing honestly.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

use super::features::{BLOCKS, Block, Keys};

/// A sparse vector: features with their values, ordered by feature.
pub type Sparse = Vec<(u32, f32)>;

/// What each block weighs against the others, in the order of [`BLOCKS`]; 0 leaves a block out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BlockWeights(pub [f32; BLOCKS.len()]);

impl Default for BlockWeights {
    /// Found by coordinate search on phrasings held out of the base and on two public intent sets; the optimum is flat.
    fn default() -> Self {
        Self([
            1.0,  // Words: the measure of the others
            0.8,  // WordPairs
            0.8,  // Grams: nearly as much as words, since typed questions are full of slips
            0.9,  // Han: single characters matter more than pairs in short questions
            0.8,  // HanPairs
            0.4,  // HanTriples
            0.5,  // Sounds: only help where characters fail
            0.6,  // SoundPairs
            0.55, // Concepts
            0.5,  // ConceptPairs
        ])
    }
}

/// The share of a feature nobody has seen in the length of a vector; 1 would treat it like a seen one as rare.
const UNSEEN_SHARE: f32 = 0.6;
/// From this many phrasings an entry on, features of a single phrasing are dropped where [`is_pruned`] says so.
const PRUNE_FROM: usize = 8;
/// An English word carries about as much as two Han characters.
const HAN_PER_WORD: f32 = 2.0;

/// The features of a base, with their worth.
#[derive(Debug, Default)]
pub struct FeatureSpace {
    /// The number of each key; dropped features have none but are known.
    ids: KeyMap<Option<u32>>,
    idf: Vec<f32>,
    unseen_idf: f32,
    weights: BlockWeights,
}

#[derive(Default)]
struct Count {
    block: usize,
    texts: u32,
    entries: u32,
    last_text: usize,
    last_entry: usize,
}

impl FeatureSpace {
    /// Learns from texts with the number of the entry each belongs to; texts of an entry stand together.
    pub fn new(texts: &[(Keys, usize)], weights: BlockWeights) -> Self {
        let counts = count(texts, weights);
        let entries = texts.last().map_or(0, |(_, entry)| entry + 1);
        let prune = texts.len() >= PRUNE_FROM * entries;
        let (kept, dropped): (Vec<_>, Vec<_>) = counts
            .into_iter()
            .partition(|(_, count)| !(prune && count.texts == 1 && is_pruned(BLOCKS[count.block])));
        let mut kept: Vec<(u64, Count)> = kept;
        // Frequent features first, so that the rows used most lie together; then by key, so that the order is always the same.
        kept.sort_unstable_by_key(|(key, count)| (std::cmp::Reverse(count.texts), *key));
        // Rare among phrasings and rare among entries: the geometric mean of the two.
        let idf =
            |count: &Count| (idf(texts.len(), count.texts) * idf(entries, count.entries)).sqrt();
        let numbers = kept
            .iter()
            .enumerate()
            .map(|(id, (key, _))| (*key, Some(id as u32)));
        Self {
            idf: kept.iter().map(|(_, count)| idf(count)).collect(),
            ids: numbers
                .chain(dropped.iter().map(|(key, _)| (*key, None)))
                .collect(),
            unseen_idf: idf(&Count::default()),
            weights,
        }
    }

    /// Number of features.
    pub fn features(&self) -> usize {
        self.idf.len()
    }

    /// The vector of a text. Its length is one if the base knows all of it.
    pub fn vector(&self, keys: &Keys) -> Sparse {
        let alphabet = alphabet_share(keys);
        let mut joined = Sparse::new();
        let mut squares = 0.0;
        let mut ids = Vec::new();
        for (block, keys) in keys.blocks().filter(|(_, keys)| !keys.is_empty()) {
            let weight = self.weights.0[block as usize] * share(block, alphabet).sqrt();
            squares += weight * weight;
            self.append_block(keys, weight, &mut ids, &mut joined);
        }
        joined.sort_unstable_by_key(|&(id, _)| id);
        let length = f32::sqrt(squares).max(f32::MIN_POSITIVE);
        joined.iter_mut().for_each(|(_, value)| *value /= length);
        joined
    }

    fn append_block(&self, keys: &[u64], weight: f32, ids: &mut Vec<u32>, joined: &mut Sparse) {
        let start = joined.len();
        let mut squares = 0.0;
        ids.clear();
        for key in keys {
            match self.ids.get(key) {
                Some(Some(id)) => ids.push(*id),
                // Known, though it has no row.
                Some(None) => {}
                None => squares += UNSEEN_SHARE * self.unseen_idf * self.unseen_idf,
            }
        }
        ids.sort_unstable();
        for same in ids.chunk_by(|a, b| a == b) {
            let value = (1.0 + (same.len() as f32).ln()) * self.idf[same[0] as usize];
            squares += value * value;
            joined.push((same[0], value));
        }
        let scale = weight / f32::sqrt(squares).max(f32::MIN_POSITIVE);
        joined[start..]
            .iter_mut()
            .for_each(|(_, value)| *value *= scale);
    }

    /// The share of a text that the base has words for, weighted by idf, from 0 to 1.
    pub fn coverage(&self, keys: &Keys) -> f32 {
        let (mut known, mut all) = (0.0, 0.0);
        for block in [Block::Words, Block::HanPairs, Block::SoundPairs] {
            for key in keys.of(block) {
                let id = self.ids.get(key);
                let idf = id
                    .copied()
                    .flatten()
                    .map_or(self.unseen_idf, |id| self.idf[id as usize]);
                all += idf;
                known += if id.is_some() { idf } else { 0.0 };
            }
        }
        if all > 0.0 { known / all } else { 0.0 }
    }
}

/// Blocks with many features of which each adds little to others that are kept.
fn is_pruned(block: Block) -> bool {
    matches!(
        block,
        Block::WordPairs
            | Block::Grams
            | Block::HanTriples
            | Block::SoundPairs
            | Block::ConceptPairs
    )
}

/// The weight of alphabets in a text against that of Chinese, from 0 to 1.
fn alphabet_share(keys: &Keys) -> f32 {
    let words = keys.of(Block::Words).len() as f32 * HAN_PER_WORD;
    let sounds = keys.of(Block::Sounds).len() as f32;
    words / (words + sounds).max(1.0)
}

fn share(block: Block, alphabet: f32) -> f32 {
    match block {
        Block::Words | Block::WordPairs | Block::Grams => alphabet,
        Block::Han | Block::HanPairs | Block::HanTriples | Block::Sounds | Block::SoundPairs => {
            1.0 - alphabet
        }
        Block::Concepts | Block::ConceptPairs => 1.0,
    }
}

/// Smoothed inverse document frequency, at least 1.
fn idf(all: usize, with: u32) -> f32 {
    ((all as f32 + 1.0) / (with as f32 + 1.0)).ln() + 1.0
}

fn count(texts: &[(Keys, usize)], weights: BlockWeights) -> KeyMap<Count> {
    let mut counts: KeyMap<Count> = KeyMap::default();
    // Numbers from 1, so that 0 is "none yet".
    for (text, (keys, entry)) in texts
        .iter()
        .enumerate()
        .map(|(number, text)| (number + 1, text))
    {
        for (block, keys) in keys
            .blocks()
            .filter(|(block, _)| weights.0[*block as usize] > 0.0)
        {
            for key in keys {
                let count = counts.entry(*key).or_default();
                count.block = block as usize;
                count.texts += u32::from(count.last_text != text);
                count.entries += u32::from(count.last_entry != entry + 1);
                (count.last_text, count.last_entry) = (text, entry + 1);
            }
        }
    }
    counts
}

/// Keys are hashes already.
#[derive(Debug, Default, Clone)]
struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes
            .iter()
            .for_each(|&byte| self.write_u64(self.0 << 8 | u64::from(byte)));
    }

    fn write_u64(&mut self, key: u64) {
        // The table takes places from the low bits, where a product is weakest.
        self.0 = key ^ (key >> 32);
    }
}

type KeyMap<V> = HashMap<u64, V, BuildHasherDefault<KeyHasher>>;
