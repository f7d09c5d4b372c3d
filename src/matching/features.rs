//! Features of a text: what the classifier and the indexes see of it, as a sparse vector.
//!
//! Blocks of features (words, word pairs, character n-grams, Han characters, syllables …), each sublinear tf × idf,
//! scaled to length one within its block, weighted and joined. A feature is known by a 64-bit hash of its content; the
//! strings are not kept.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

use rust_stemmers::{Algorithm, Stemmer};

use super::{
    pinyin::{self, Syllable},
    tokens::{Reading, Unit},
};

/// Kinds of features.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Block {
    /// Stemmed words.
    Words,
    /// Neighbouring units, at least one of them a word.
    WordPairs,
    /// Character 2–4-grams of words, their ends marked.
    Grams,
    /// Han characters.
    Han,
    /// Neighbouring Han characters.
    HanPairs,
    /// Three Han characters in a row.
    HanTriples,
    /// Folded syllables.
    Sounds,
    /// Neighbouring syllables.
    SoundPairs,
    /// Concepts of the vocabulary.
    Concepts,
    /// Neighbouring concepts.
    ConceptPairs,
}

/// Number of blocks.
pub const BLOCKS: usize = 10;

/// What each block weighs against the others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BlockWeights(pub [f32; BLOCKS]);

impl Default for BlockWeights {
    fn default() -> Self {
        Self([1.0, 0.8, 0.8, 0.7, 1.0, 0.5, 0.5, 0.7, 0.7, 0.5])
    }
}

/// Feature keys of one text, by block, repeated as often as they occur.
#[derive(Debug, Default, Clone)]
pub struct Keys {
    /// The keys.
    pub by_block: [Vec<u64>; BLOCKS],
}

/// A sparse vector: feature and value, ordered by feature.
pub type Sparse = Vec<(u32, f32)>;

/// Makes keys of readings.
pub struct Extractor {
    stemmer: Stemmer,
}

impl std::fmt::Debug for Extractor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Extractor")
    }
}

impl Default for Extractor {
    fn default() -> Self {
        Self {
            stemmer: Stemmer::create(Algorithm::English),
        }
    }
}

impl Extractor {
    /// All feature keys of a text.
    pub fn keys(&self, reading: &Reading) -> Keys {
        let mut keys = Keys::default();
        let mut previous: Option<(u64, bool)> = None;
        let mut sounds: Vec<Option<Syllable>> = Vec::with_capacity(reading.units.len());
        for unit in &reading.units {
            let (content, is_word) = match unit {
                Unit::Word(word) => {
                    let stem = hash(self.stemmer.stem(word).as_bytes());
                    keys.push(Block::Words, stem, 0);
                    grams(word, &mut keys);
                    sounds.push(None);
                    (stem, true)
                }
                Unit::Han(c) => {
                    keys.push(Block::Han, u64::from(*c), 0);
                    sounds.push(pinyin::of_han(*c));
                    (u64::from(*c), false)
                }
                Unit::Sound(syllable) => {
                    sounds.push(Some(*syllable));
                    previous = None;
                    continue;
                }
            };
            if let Some((before, was_word)) = previous {
                let block = if is_word || was_word {
                    Block::WordPairs
                } else {
                    Block::HanPairs
                };
                keys.push(block, before, content);
            }
            previous = Some((content, is_word));
        }
        for three in reading.units.windows(3) {
            if let [Unit::Han(a), Unit::Han(b), Unit::Han(c)] = three {
                keys.push(
                    Block::HanTriples,
                    u64::from(*a) << 32 | u64::from(*b),
                    u64::from(*c),
                );
            }
        }
        for sound in sounds.iter().flatten() {
            keys.push(Block::Sounds, u64::from(sound.0), 0);
        }
        for two in sounds.windows(2) {
            if let [Some(a), Some(b)] = two {
                keys.push(Block::SoundPairs, u64::from(a.0), u64::from(b.0));
            }
        }
        for &concept in &reading.concepts {
            keys.push(Block::Concepts, u64::from(concept), 0);
        }
        for two in reading.concepts.windows(2) {
            keys.push(Block::ConceptPairs, u64::from(two[0]), u64::from(two[1]));
        }
        keys
    }
}

impl Keys {
    fn push(&mut self, block: Block, a: u64, b: u64) {
        let key = mix(mix(mix(0, block as u64 + 1), a), b);
        self.by_block[block as usize].push(key);
    }
}

fn grams(word: &str, keys: &mut Keys) {
    let chars: Vec<char> = std::iter::once('^')
        .chain(word.chars())
        .chain(['$'])
        .collect();
    for n in 2..=4 {
        for gram in chars.windows(n) {
            let content = gram.iter().fold(0, |hash, &c| mix(hash, u64::from(c)));
            keys.push(Block::Grams, content, 0);
        }
    }
}

/// One step of FxHash (Firefox's hash): fast, good enough on short keys, and the same everywhere.
fn mix(hash: u64, value: u64) -> u64 {
    (hash.rotate_left(5) ^ value).wrapping_mul(0x51_7c_c1_b7_27_22_0a_95)
}

fn hash(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(bytes.len() as u64, |hash, &byte| mix(hash, u64::from(byte)))
}

/// Keys are hashes already.
#[derive(Debug, Default, Clone)]
pub struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        self.0 = hash(bytes);
    }
    fn write_u64(&mut self, key: u64) {
        // The table takes its bucket from the low bits and its tag from the high ones: mix both.
        self.0 = key ^ (key >> 32);
    }
}

type KeyMap<V> = HashMap<u64, V, BuildHasherDefault<KeyHasher>>;

/// The features of a base, with their idf.
#[derive(Debug, Default)]
pub struct FeatureSpace {
    ids: KeyMap<u32>,
    idf: Vec<f32>,
    /// idf of something no phrasing has.
    unseen_idf: f32,
    weights: BlockWeights,
}

/// The fewest phrasings a feature must occur in, by block, where there are more than [`SMALL_BASE`] phrasings: rare
/// character n-grams are many and say little that the word itself does not say.
pub static MIN_DF: [u32; BLOCKS] = [1, 1, 1, 1, 1, 1, 1, 1, 1, 1];

impl FeatureSpace {
    /// Learns which features a base has, and how rare they are.
    pub fn new(texts: &[Keys], weights: BlockWeights) -> Self {
        let mut df: KeyMap<(u32, u32, u8)> = KeyMap::default();
        for (number, keys) in texts.iter().enumerate() {
            for (block, keys) in keys.by_block.iter().enumerate() {
                if weights.0[block] == 0.0 {
                    continue;
                }
                for &key in keys {
                    let (count, last, _) = df.entry(key).or_insert((0, u32::MAX, block as u8));
                    if *last != number as u32 {
                        *count += 1;
                        *last = number as u32;
                    }
                }
            }
        }
        let idf_of = |count: u32| ((texts.len() as f32 + 1.0) / (count as f32 + 1.0)).ln() + 1.0;
        let mut kept: Vec<(u64, u32)> = df
            .into_iter()
            .filter(|(_, (count, _, block))| *count >= MIN_DF[*block as usize])
            .map(|(key, (count, _, _))| (key, count))
            .collect();
        // Frequent features first: their rows then share cache lines. By key, too, so that it is always the same.
        kept.sort_unstable_by_key(|&(key, count)| (std::cmp::Reverse(count), key));
        let idf = kept.iter().map(|&(_, count)| idf_of(count)).collect();
        let ids = kept
            .iter()
            .enumerate()
            .map(|(id, &(key, _))| (key, id as u32))
            .collect();
        Self {
            ids,
            idf,
            unseen_idf: idf_of(0),
            weights,
        }
    }

    /// Number of features.
    pub fn len(&self) -> usize {
        self.idf.len()
    }

    /// The vector of a text, of length one.
    pub fn vector(&self, keys: &Keys) -> Sparse {
        let mut joined: Sparse = Vec::new();
        let words = keys.by_block[Block::Words as usize].len() as f32;
        let sounds = keys.by_block[Block::Sounds as usize].len() as f32;
        let latin = words * 2.0 / (words * 2.0 + sounds).max(1.0);
        let mut ids: Vec<u32> = Vec::new();
        for (block, keys) in keys.by_block.iter().enumerate() {
            ids.clear();
            ids.extend(keys.iter().filter_map(|key| self.ids.get(key)));
            ids.sort_unstable();
            let start = joined.len();
            for run in ids.chunk_by(|a, b| a == b) {
                let tf = 1.0 + (run.len() as f32).ln();
                joined.push((run[0], tf * self.idf[run[0] as usize]));
            }
            let share = match block {
                0..=2 => latin.sqrt(),
                3..=7 => (1.0 - latin).sqrt(),
                _ => 1.0,
            };
            scale_to(&mut joined[start..], share * self.weights.0[block]);
        }
        joined.sort_unstable_by_key(|&(id, _)| id);
        scale_to(&mut joined, 1.0);
        joined
    }

    /// The share of what a text says that the base has words for, from 0 to 1, weighted by idf.
    pub fn coverage(&self, keys: &Keys) -> f32 {
        let (mut known, mut all) = (0.0, 0.0);
        for block in [Block::Words, Block::Han, Block::HanPairs, Block::SoundPairs] {
            for key in &keys.by_block[block as usize] {
                let id = self.ids.get(key);
                let idf = id.map_or(self.unseen_idf, |&id| self.idf[id as usize]);
                all += idf;
                known += if id.is_some() { idf } else { 0.0 };
            }
        }
        if all > 0.0 { known / all } else { 0.0 }
    }
}

fn scale_to(values: &mut [(u32, f32)], length: f32) {
    let norm = values
        .iter()
        .map(|(_, value)| value * value)
        .sum::<f32>()
        .sqrt();
    if norm > 0.0 {
        values
            .iter_mut()
            .for_each(|(_, value)| *value *= length / norm);
    }
}
