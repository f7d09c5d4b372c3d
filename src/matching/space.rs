//! The feature space of a base: keys become a sparse vector of length at most one.
//!
//! Within a block the values are sublinear tf × idf (Manning, Raghavan & Schütze 2008, ch. 6), scaled to length one; the
//! blocks are then weighted and joined. Features that the base has never seen count towards the length, so that a question
//! of unknown words gives a short vector, low logits and little confidence.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

use super::{
    dataset::{Dataset, SparseVector},
    features::{BLOCKS, Block, Keys},
};

/// The weight of each block, in the order of [`BLOCKS`]; 0 leaves a block out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BlockWeights(pub [f32; BLOCKS.len()]);

impl Default for BlockWeights {
    /// Found by coordinate search on phrasings held out of the base and on two public intent sets. The optimum is flat.
    fn default() -> Self {
        Self([
            1.0,  // Words: the reference for the others
            0.8,  // WordPairs
            0.8,  // Grams: nearly as much as words, since typed questions are full of slips
            0.9,  // Han: single characters matter more than pairs in short questions
            0.8,  // HanPairs
            0.5,  // Sounds: help only where the characters do not match
            0.6,  // SoundPairs
            0.55, // Concepts
            0.5,  // ConceptPairs
        ])
    }
}

/// How much an unseen feature counts towards the length of a vector; 1 would count it like a seen one of the same idf.
const UNSEEN_SHARE: f32 = 0.6;
/// From this many phrasings an entry on, features of a single phrasing are dropped in the blocks of [`is_pruned`].
const MIN_PHRASINGS_TO_PRUNE: usize = 8;
/// An English word carries about as much as two Han characters.
const HAN_PER_WORD: f32 = 2.0;

/// The features of a base with their idf.
#[derive(Debug, Default)]
pub struct FeatureSpace {
    /// The feature of each key, or [`DROPPED`].
    ids: KeyMap<u32>,
    idf: Vec<f32>,
    unseen_idf: f32,
    weights: BlockWeights,
}

/// Stands for keys that the base has, but that are no feature.
const DROPPED: u32 = u32::MAX;

/// Collects the keys of a base's phrasings, and makes the feature space of them.
#[derive(Debug, Default)]
pub struct SpaceBuilder {
    weights: BlockWeights,
    /// A number for each key, in the order of their first occurrence.
    numbers: KeyMap<u32>,
    /// By that number.
    counts: Vec<KeyCount>,
    /// The numbers of all texts' keys, text by text and block by block.
    occurrences: Vec<u32>,
    /// Where each block of each text ends in `occurrences`.
    ends: Vec<u32>,
    /// By text: [`alphabet_share`].
    alphabet_shares: Vec<f32>,
    /// By text: the number of its entry.
    entries: Vec<u32>,
}

/// In how many texts and entries a key occurs.
#[derive(Debug)]
struct KeyCount {
    key: u64,
    block: Block,
    texts: u32,
    entries: u32,
    /// The last text with this key, numbered from 1; 0 before the first. So is the last entry.
    last_text: u32,
    last_entry: u32,
}

impl SpaceBuilder {
    pub fn new(weights: BlockWeights) -> Self {
        Self {
            weights,
            ..Self::default()
        }
    }

    /// Adds a text with the number of its entry. The texts of an entry must be added one after the other.
    pub fn push(&mut self, keys: &Keys, entry: usize) {
        self.entries.push(entry as u32);
        self.alphabet_shares.push(alphabet_share(keys));
        for (block, keys) in keys.blocks() {
            if self.weights.0[block as usize] > 0.0 {
                keys.iter().for_each(|key| self.count_key(*key, block));
            }
            self.ends.push(self.occurrences.len() as u32);
        }
    }

    fn count_key(&mut self, key: u64, block: Block) {
        // Numbers from 1.
        let (text, entry) = (
            self.entries.len() as u32,
            self.entries.last().map_or(0, |entry| entry + 1),
        );
        let number = *self.numbers.entry(key).or_insert(self.counts.len() as u32);
        if number as usize == self.counts.len() {
            self.counts.push(KeyCount {
                key,
                block,
                texts: 0,
                entries: 0,
                last_text: 0,
                last_entry: 0,
            });
        }
        let count = &mut self.counts[number as usize];
        count.texts += u32::from(count.last_text != text);
        count.entries += u32::from(count.last_entry != entry);
        (count.last_text, count.last_entry) = (text, entry);
        self.occurrences.push(number);
    }

    /// The feature space, and the texts as vectors in it.
    pub fn finish(mut self) -> (FeatureSpace, Dataset) {
        let kept = self.kept_keys();
        let mut ids = vec![DROPPED; self.counts.len()];
        for (&number, id) in kept.iter().zip(0..) {
            ids[number as usize] = id;
        }
        let space = self.feature_space(&kept, &ids);
        for number in &mut self.occurrences {
            *number = ids[*number as usize];
        }
        let dataset = self.dataset(&space);
        (space, dataset)
    }

    fn entry_count(&self) -> usize {
        self.entries.last().map_or(0, |last| *last as usize + 1)
    }

    /// The numbers of the keys that become features. Frequent ones come first, so that the rows used most lie together.
    fn kept_keys(&self) -> Vec<u32> {
        let count = |number: &u32| &self.counts[*number as usize];
        let prune = self.entries.len() >= MIN_PHRASINGS_TO_PRUNE * self.entry_count();
        let is_kept = |count: &KeyCount| !(prune && count.texts == 1 && is_pruned(count.block));
        let mut kept: Vec<u32> = (0..self.counts.len() as u32)
            .filter(|number| is_kept(count(number)))
            .collect();
        kept.sort_by_key(|number| std::cmp::Reverse(count(number).texts));
        kept
    }

    /// `ids` has the feature of each key by its number, or [`DROPPED`].
    fn feature_space(&self, kept: &[u32], ids: &[u32]) -> FeatureSpace {
        let (texts, entries) = (self.entries.len(), self.entry_count());
        // Rare among phrasings and rare among entries: the geometric mean of the two.
        let mean_idf =
            |in_texts, in_entries| (idf(texts, in_texts) * idf(entries, in_entries)).sqrt();
        let counts = kept.iter().map(|&number| &self.counts[number as usize]);
        let keys = self.counts.iter().map(|count| count.key);
        FeatureSpace {
            idf: counts
                .map(|count| mean_idf(count.texts, count.entries))
                .collect(),
            ids: keys.zip(ids.iter().copied()).collect(),
            unseen_idf: mean_idf(0, 0),
            weights: self.weights,
        }
    }

    fn dataset(&mut self, space: &FeatureSpace) -> Dataset {
        let mut dataset = Dataset::default();
        let mut vector = SparseVector::new();
        let mut start = 0;
        for (text, ends) in self.ends.chunks(BLOCKS.len()).enumerate() {
            let mut builder = VectorBuilder::new(space, self.alphabet_shares[text], &mut vector);
            for (block, &end) in BLOCKS.into_iter().zip(ends) {
                builder.append(block, &mut self.occurrences[start..end as usize], 0);
                start = end as usize;
            }
            builder.finish();
            dataset.push(&vector, self.entries[text] as usize);
        }
        dataset
    }
}

impl FeatureSpace {
    /// Number of features.
    pub fn features(&self) -> usize {
        self.idf.len()
    }

    /// The vector of a text. Its length is one if the base has all of its features.
    pub fn vector(&self, keys: &Keys) -> SparseVector {
        let mut vector = SparseVector::new();
        let mut builder = VectorBuilder::new(self, alphabet_share(keys), &mut vector);
        let mut ids = Vec::new();
        for (block, keys) in keys.blocks() {
            ids.clear();
            ids.extend(keys.iter().filter_map(|key| self.ids.get(key)));
            let unseen = keys.len() - ids.len();
            builder.append(block, &mut ids, unseen);
        }
        builder.finish();
        vector
    }

    /// The share of a text that the base knows, weighted by idf, from 0 to 1.
    pub fn coverage(&self, keys: &Keys) -> f32 {
        let (mut known, mut all) = (0.0, 0.0);
        for block in [Block::Words, Block::HanPairs, Block::SoundPairs] {
            for key in keys.of(block) {
                let id = self.ids.get(key);
                let seen_idf = id.and_then(|id| self.idf.get(*id as usize));
                let idf = seen_idf.copied().unwrap_or(self.unseen_idf);
                all += idf;
                known += if id.is_some() { idf } else { 0.0 };
            }
        }
        if all > 0.0 { known / all } else { 0.0 }
    }
}

/// Builds the vector of one text, block by block.
struct VectorBuilder<'a> {
    space: &'a FeatureSpace,
    /// See [`alphabet_share`].
    alphabet_share: f32,
    /// The sum of the blocks' squared weights.
    squares: f32,
    vector: &'a mut SparseVector,
}

impl<'a> VectorBuilder<'a> {
    fn new(space: &'a FeatureSpace, alphabet_share: f32, vector: &'a mut SparseVector) -> Self {
        vector.clear();
        Self {
            space,
            alphabet_share,
            squares: 0.0,
            vector,
        }
    }

    /// Appends a block: its features, and the number of those that the base has never seen.
    fn append(&mut self, block: Block, ids: &mut [u32], unseen: usize) {
        if ids.is_empty() && unseen == 0 {
            return;
        }
        let weight =
            self.space.weights.0[block as usize] * block_share(block, self.alphabet_share).sqrt();
        self.squares += weight * weight;
        let start = self.vector.len();
        let mut squares =
            UNSEEN_SHARE * self.space.unseen_idf * self.space.unseen_idf * unseen as f32;
        ids.sort_unstable();
        for same in ids
            .chunk_by(|a, b| a == b)
            .filter(|same| same[0] != DROPPED)
        {
            let value = (1.0 + (same.len() as f32).ln()) * self.space.idf[same[0] as usize];
            squares += value * value;
            self.vector.push((same[0], value));
        }
        let scale = weight / f32::sqrt(squares).max(f32::MIN_POSITIVE);
        self.vector[start..]
            .iter_mut()
            .for_each(|(_, value)| *value *= scale);
    }

    fn finish(self) {
        let length = f32::sqrt(self.squares).max(f32::MIN_POSITIVE);
        self.vector
            .iter_mut()
            .for_each(|(_, value)| *value /= length);
        self.vector.sort_unstable_by_key(|&(id, _)| id);
    }
}

/// Blocks with many features, each of which adds little to those of other blocks.
fn is_pruned(block: Block) -> bool {
    matches!(
        block,
        Block::WordPairs | Block::Grams | Block::SoundPairs | Block::ConceptPairs
    )
}

/// How much of a text is alphabetic and not Chinese, from 0 to 1.
fn alphabet_share(keys: &Keys) -> f32 {
    let words = keys.of(Block::Words).len() as f32 * HAN_PER_WORD;
    let sounds = keys.of(Block::Sounds).len() as f32;
    words / (words + sounds).max(1.0)
}

/// How much a block counts in a text with this [`alphabet_share`].
fn block_share(block: Block, alphabet_share: f32) -> f32 {
    match block {
        Block::Words | Block::WordPairs | Block::Grams => alphabet_share,
        Block::Han | Block::HanPairs | Block::Sounds | Block::SoundPairs => 1.0 - alphabet_share,
        Block::Concepts | Block::ConceptPairs => 1.0,
    }
}

/// Smoothed inverse document frequency, at least 1.
fn idf(all: usize, with: u32) -> f32 {
    ((all as f32 + 1.0) / (with as f32 + 1.0)).ln() + 1.0
}

/// Passes keys through: they are hashes already.
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
        // The table uses the low bits, where the product of the hash is weakest.
        self.0 = key ^ (key >> 32);
    }
}

type KeyMap<V> = HashMap<u64, V, BuildHasherDefault<KeyHasher>>;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matching::{features::FeatureExtractor, synonyms::Synonyms, tokenizer::Tokenizer};

    fn keys(text: &str) -> Keys {
        let tokens = Synonyms::default().clean_tokens(text);
        let tokenized = Tokenizer::default().tokenize_phrasing(&tokens);
        FeatureExtractor::default().keys(&tokenized)
    }

    fn space() -> FeatureSpace {
        let texts = [
            "how do i unbind my card",
            "remove card",
            "怎么解绑门禁卡",
            "how do i bind my card",
        ];
        let mut builder = SpaceBuilder::new(BlockWeights::default());
        texts
            .into_iter()
            .enumerate()
            .for_each(|(entry, text)| builder.push(&keys(text), entry));
        builder.finish().0
    }

    fn length(vector: &SparseVector) -> f32 {
        vector
            .iter()
            .map(|(_, value)| value * value)
            .sum::<f32>()
            .sqrt()
    }

    #[test]
    fn what_the_base_knows_has_length_one_and_strange_words_shorten_it() {
        let space = space();
        for known in ["how do i unbind my card", "怎么解绑门禁卡"] {
            assert!(
                (length(&space.vector(&keys(known))) - 1.0).abs() < 1e-4,
                "{known}"
            );
            assert!((space.coverage(&keys(known)) - 1.0).abs() < 1e-6, "{known}");
        }
        let half = "unbind zebra";
        assert!(length(&space.vector(&keys(half))) < 0.95);
        assert!((0.1..0.9).contains(&space.coverage(&keys(half))));
    }

    #[test]
    fn nothing_known_gives_nothing() {
        let space = space();
        for text in ["", "👍", "жизнь", "ゑ"] {
            assert!(space.vector(&keys(text)).is_empty(), "{text}");
            assert_eq!(space.coverage(&keys(text)), 0.0, "{text}");
        }
        let empty = SpaceBuilder::default().finish().0;
        assert!(empty.vector(&keys("card")).is_empty());
    }

    #[test]
    fn homophones_and_pinyin_share_sounds_with_what_was_meant() {
        let shared = |a: &str, b: &str| {
            let (a, b) = (keys(a), keys(b));
            a.of(Block::SoundPairs)
                .iter()
                .filter(|key| b.of(Block::SoundPairs).contains(key))
                .count()
        };
        assert_eq!(shared("解邦", "解绑"), 1);
        assert_eq!(shared("jiebang menjinka", "解绑门禁卡"), 4);
    }
}
