//! What features are worth: keys become a sparse vector of length at most one.
//!
//! Within a block sublinear tf × idf (Manning, Raghavan & Schütze 2008, ch. 6), scaled to length one; blocks weighted
//! and joined. What the base has never seen counts into the length, so that a question of unknown words gives a short
//! vector, low logits and little confidence: the first half of refusing honestly.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

use super::{
    examples::Examples,
    features::{BLOCKS, Block, Keys},
};

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
    /// The number of each key, or [`DROPPED`].
    ids: KeyMap<u32>,
    idf: Vec<f32>,
    unseen_idf: f32,
    weights: BlockWeights,
}

/// The number of keys that are known, but have no row.
const DROPPED: u32 = u32::MAX;

/// Collects the features of a base's phrasings.
#[derive(Debug, Default)]
pub struct SpaceBuilder {
    weights: BlockWeights,
    /// A number for each key, in the order they are met.
    numbers: KeyMap<u32>,
    /// By that number.
    counts: Vec<Count>,
    /// The texts' numbers, block after block; blocks end where `ends` says.
    met: Vec<u32>,
    ends: Vec<u32>,
    alphabets: Vec<f32>,
    entries: Vec<u32>,
}

#[derive(Debug)]
struct Count {
    key: u64,
    block: Block,
    texts: u32,
    entries: u32,
    last_text: u32,
    last_entry: u32,
}

impl SpaceBuilder {
    /// For blocks of these weights.
    pub fn new(weights: BlockWeights) -> Self {
        Self {
            weights,
            ..Self::default()
        }
    }

    /// Adds a text with the number of the entry it belongs to; texts of an entry stand together.
    pub fn push(&mut self, keys: &Keys, entry: usize) {
        self.entries.push(entry as u32);
        self.alphabets.push(alphabet_share(keys));
        for (block, keys) in keys.blocks() {
            let keys = if self.weights.0[block as usize] > 0.0 {
                keys
            } else {
                &[]
            };
            keys.iter().for_each(|key| self.count(*key, block));
            self.ends.push(self.met.len() as u32);
        }
    }

    fn count(&mut self, key: u64, block: Block) {
        // Numbers from 1, so that 0 is "none yet".
        let (text, entry) = (
            self.entries.len() as u32,
            self.entries.last().map_or(0, |entry| entry + 1),
        );
        let number = *self.numbers.entry(key).or_insert(self.counts.len() as u32);
        if number as usize == self.counts.len() {
            self.counts.push(Count {
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
        self.met.push(number);
    }

    /// The features with their worth, and the vectors of the texts.
    pub fn finish(mut self) -> (FeatureSpace, Examples) {
        let texts = self.entries.len();
        let entries = self.entries.last().map_or(0, |last| *last as usize + 1);
        let prune = texts >= PRUNE_FROM * entries;
        let is_kept = |count: &Count| !(prune && count.texts == 1 && is_pruned(count.block));
        let mut kept: Vec<u32> = (0..self.counts.len() as u32)
            .filter(|&number| is_kept(&self.counts[number as usize]))
            .collect();
        // Frequent features first, so that the rows used most lie together.
        kept.sort_by_key(|&number| std::cmp::Reverse(self.counts[number as usize].texts));
        let mut ids = vec![DROPPED; self.counts.len()];
        kept.iter()
            .zip(0..)
            .for_each(|(&number, id)| ids[number as usize] = id);
        // Rare among phrasings and rare among entries: the geometric mean of the two.
        let worth = |in_texts, in_entries| (idf(texts, in_texts) * idf(entries, in_entries)).sqrt();
        let of = |number: &u32| &self.counts[*number as usize];
        let space = FeatureSpace {
            idf: kept
                .iter()
                .map(of)
                .map(|count| worth(count.texts, count.entries))
                .collect(),
            ids: self
                .counts
                .iter()
                .zip(&ids)
                .map(|(count, id)| (count.key, *id))
                .collect(),
            unseen_idf: worth(0, 0),
            weights: self.weights,
        };
        self.met
            .iter_mut()
            .for_each(|number| *number = ids[*number as usize]);
        let examples = self.examples(&space);
        (space, examples)
    }

    fn examples(&mut self, space: &FeatureSpace) -> Examples {
        let mut examples = Examples::default();
        let mut vector = Sparse::new();
        let mut start = 0;
        for (text, ends) in self.ends.chunks(BLOCKS.len()).enumerate() {
            let mut joiner = Joiner::new(space, self.alphabets[text], &mut vector);
            for (block, &end) in BLOCKS.into_iter().zip(ends) {
                joiner.append(block, &mut self.met[start..end as usize], 0);
                start = end as usize;
            }
            joiner.finish();
            examples.push(&vector, self.entries[text] as usize);
        }
        examples
    }
}

impl FeatureSpace {
    /// Number of features.
    pub fn features(&self) -> usize {
        self.idf.len()
    }

    /// The vector of a text. Its length is one if the base knows all of it.
    pub fn vector(&self, keys: &Keys) -> Sparse {
        let mut vector = Sparse::new();
        let mut joiner = Joiner::new(self, alphabet_share(keys), &mut vector);
        let mut ids = Vec::new();
        for (block, keys) in keys.blocks() {
            ids.clear();
            ids.extend(keys.iter().filter_map(|key| self.ids.get(key)));
            let unseen = keys.len() - ids.len();
            joiner.append(block, &mut ids, unseen);
        }
        joiner.finish();
        vector
    }

    /// The share of a text that the base has words for, weighted by idf, from 0 to 1.
    pub fn coverage(&self, keys: &Keys) -> f32 {
        let (mut known, mut all) = (0.0, 0.0);
        for block in [Block::Words, Block::HanPairs, Block::SoundPairs] {
            for key in keys.of(block) {
                let id = self.ids.get(key);
                let idf = id.and_then(|id| self.idf.get(*id as usize));
                let idf = idf.copied().unwrap_or(self.unseen_idf);
                all += idf;
                known += if id.is_some() { idf } else { 0.0 };
            }
        }
        if all > 0.0 { known / all } else { 0.0 }
    }
}

/// Joins the blocks of one text to its vector.
struct Joiner<'a> {
    space: &'a FeatureSpace,
    alphabet: f32,
    squares: f32,
    vector: &'a mut Sparse,
}

impl<'a> Joiner<'a> {
    fn new(space: &'a FeatureSpace, alphabet: f32, vector: &'a mut Sparse) -> Self {
        vector.clear();
        Self {
            space,
            alphabet,
            squares: 0.0,
            vector,
        }
    }

    /// Appends a block: the features met, and the number of those the base has never seen.
    fn append(&mut self, block: Block, ids: &mut [u32], unseen: usize) {
        if ids.is_empty() && unseen == 0 {
            return;
        }
        let weight = self.space.weights.0[block as usize] * share(block, self.alphabet).sqrt();
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

/// Blocks with many features of which each adds little to others that are kept.
fn is_pruned(block: Block) -> bool {
    matches!(
        block,
        Block::WordPairs | Block::Grams | Block::SoundPairs | Block::ConceptPairs
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
        Block::Han | Block::HanPairs | Block::Sounds | Block::SoundPairs => 1.0 - alphabet,
        Block::Concepts | Block::ConceptPairs => 1.0,
    }
}

/// Smoothed inverse document frequency, at least 1.
fn idf(all: usize, with: u32) -> f32 {
    ((all as f32 + 1.0) / (with as f32 + 1.0)).ln() + 1.0
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matching::{
        features::Extractor,
        tokens::{Reader, Reading},
    };

    fn keys(text: &str) -> Keys {
        let tokens = Reader::tokens(&Default::default(), text);
        let reading: Reading = Reader::default().phrasing(&tokens);
        Extractor::default().keys(&reading)
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

    fn length(vector: &Sparse) -> f32 {
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
