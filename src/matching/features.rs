//! What is seen of a text: words, word pairs, pieces of words, Han characters, sounds, concepts – each a *key*, a 64-bit
//! hash of its block and content. The strings are not kept; what the keys are worth is `space`'s.

use rust_stemmers::{Algorithm, Stemmer};

use super::{
    pinyin::{self, Syllable},
    tokens::{Reading, Unit},
};

/// Kinds of features. The first three come from alphabets, the next four from Chinese, the last two from both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Block {
    /// Stemmed words.
    Words,
    /// Neighbouring words, or a word beside a Han character.
    WordPairs,
    /// Character 2–4-grams of words with their ends marked: forgives what the speller does not.
    Grams,
    /// Han characters.
    Han,
    /// Neighbouring Han characters.
    HanPairs,
    /// Folded syllables: where typed pinyin and homophones meet what was meant.
    Sounds,
    /// Neighbouring syllables.
    SoundPairs,
    /// Concepts of the vocabulary.
    Concepts,
    /// Concepts named next to each other, in either order: languages put the same things in different ones.
    ConceptPairs,
}

/// All blocks, in the order of their keys.
pub const BLOCKS: [Block; 9] = [
    Block::Words,
    Block::WordPairs,
    Block::Grams,
    Block::Han,
    Block::HanPairs,
    Block::Sounds,
    Block::SoundPairs,
    Block::Concepts,
    Block::ConceptPairs,
];

/// Lengths of character n-grams: pairs survive two slips in a word, four letters are half a word.
const GRAM_LENGTHS: std::ops::RangeInclusive<usize> = 2..=4;

/// The feature keys of one text, block after block, each as often as it occurs.
#[derive(Debug, Default, Clone)]
pub struct Keys {
    keys: Vec<u64>,
    /// Where each block ends in `keys`.
    ends: [usize; BLOCKS.len()],
}

impl Keys {
    /// The keys of a block.
    pub fn of(&self, block: Block) -> &[u64] {
        let start = (block as usize)
            .checked_sub(1)
            .map_or(0, |before| self.ends[before]);
        &self.keys[start..self.ends[block as usize]]
    }

    /// Every block with its keys.
    pub fn blocks(&self) -> impl Iterator<Item = (Block, &[u64])> {
        BLOCKS.into_iter().map(|block| (block, self.of(block)))
    }

    fn fill(&mut self, block: Block, contents: impl Iterator<Item = (u64, u64)>) {
        let seed = mix(0, block as u64 + 1);
        self.keys
            .extend(contents.map(|(a, b)| mix(mix(seed, a), b)));
        self.ends[block as usize] = self.keys.len();
    }
}

/// A unit, as far as features of words and characters go.
#[derive(Clone, Copy)]
enum Sign {
    Word(u64),
    Han(char),
    /// Typed in pinyin: heard, not seen.
    Heard,
}

impl Sign {
    fn content(self) -> u64 {
        match self {
            Sign::Word(stem) => stem,
            Sign::Han(c) => u64::from(c),
            Sign::Heard => 0,
        }
    }
}

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
        // Harmless on words of other languages: it only has to cut the same ending off both sides.
        Self {
            stemmer: Stemmer::create(Algorithm::English),
        }
    }
}

impl Extractor {
    /// All feature keys of a text.
    pub fn keys(&self, reading: &Reading) -> Keys {
        let signs: Vec<Sign> = reading.units.iter().map(|unit| self.sign(unit)).collect();
        let sounds: Vec<Option<Syllable>> = reading.units.iter().map(sound).collect();
        let mut keys = Keys::default();
        keys.fill(Block::Words, signs.iter().filter_map(|sign| word(*sign)));
        keys.fill(Block::WordPairs, signs.windows(2).filter_map(word_pair));
        keys.fill(Block::Grams, reading.units.iter().flat_map(grams));
        keys.fill(Block::Han, signs.iter().filter_map(|sign| han(*sign)));
        keys.fill(Block::HanPairs, signs.windows(2).filter_map(han_pair));
        keys.fill(
            Block::Sounds,
            sounds.iter().flatten().map(|sound| (u64::from(sound.0), 0)),
        );
        keys.fill(Block::SoundPairs, sounds.windows(2).filter_map(sound_pair));
        keys.fill(
            Block::Concepts,
            reading
                .concepts
                .iter()
                .map(|concept| (u64::from(*concept), 0)),
        );
        keys.fill(
            Block::ConceptPairs,
            reading.concepts.windows(2).map(concept_pair),
        );
        keys
    }

    fn sign(&self, unit: &Unit) -> Sign {
        match unit {
            Unit::Word(word) => Sign::Word(hash(self.stemmer.stem(word).as_bytes())),
            Unit::Han(c) => Sign::Han(*c),
            Unit::Sound(_) => Sign::Heard,
        }
    }
}

fn sound(unit: &Unit) -> Option<Syllable> {
    match unit {
        Unit::Word(_) => None,
        Unit::Han(c) => pinyin::of_han(*c),
        Unit::Sound(syllable) => Some(*syllable),
    }
}

fn word(sign: Sign) -> Option<(u64, u64)> {
    matches!(sign, Sign::Word(_)).then(|| (sign.content(), 0))
}

fn han(sign: Sign) -> Option<(u64, u64)> {
    matches!(sign, Sign::Han(_)).then(|| (sign.content(), 0))
}

fn word_pair(two: &[Sign]) -> Option<(u64, u64)> {
    match two {
        [a @ Sign::Word(_), b @ (Sign::Word(_) | Sign::Han(_))]
        | [a @ Sign::Han(_), b @ Sign::Word(_)] => Some((a.content(), b.content())),
        _ => None,
    }
}

fn han_pair(two: &[Sign]) -> Option<(u64, u64)> {
    match two {
        [Sign::Han(a), Sign::Han(b)] => Some((u64::from(*a), u64::from(*b))),
        _ => None,
    }
}

fn sound_pair(two: &[Option<Syllable>]) -> Option<(u64, u64)> {
    match two {
        [Some(a), Some(b)] => Some((u64::from(a.0), u64::from(b.0))),
        _ => None,
    }
}

fn concept_pair(two: &[u16]) -> (u64, u64) {
    (u64::from(two[0].min(two[1])), u64::from(two[0].max(two[1])))
}

fn grams(unit: &Unit) -> Vec<(u64, u64)> {
    let Unit::Word(word) = unit else {
        return Vec::new();
    };
    let chars: Vec<char> = std::iter::once('^')
        .chain(word.chars())
        .chain(['$'])
        .collect();
    let gram = |gram: &[char]| {
        (
            gram.iter().fold(0, |hash, &c| mix(hash, u64::from(c))),
            gram.len() as u64,
        )
    };
    GRAM_LENGTHS
        .flat_map(|length| chars.windows(length).map(gram))
        .collect()
}

/// One step of FxHash (Firefox's hash): quick on short contents, and the same on every machine.
fn mix(hash: u64, value: u64) -> u64 {
    (hash.rotate_left(5) ^ value).wrapping_mul(0x517c_c1b7_2722_0a95)
}

fn hash(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(bytes.len() as u64, |hash, &byte| mix(hash, u64::from(byte)))
}
