//! The features of a text: words, word pairs, pieces of words, Han characters, sounds, concepts. Each is a *key*, a 64-bit
//! hash of its block and content; the strings are not kept. `space` weights the keys.

use rust_stemmers::{Algorithm, Stemmer};

use super::{
    normalize::Token,
    pinyin::{self, Syllable},
    tokenizer::Tokenized,
};

/// Kinds of features. The first three are of alphabetic text, the next four of Chinese, the last two of both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Block {
    /// Stemmed words.
    Words,
    /// Two neighbouring words, or a word beside a Han character.
    WordPairs,
    /// Character 2–4-grams of words with their ends marked: for slips that the speller does not correct.
    Grams,
    /// Single Han characters.
    Han,
    /// Two neighbouring Han characters.
    HanPairs,
    /// Folded syllables: typed pinyin and homophones share them with what was meant.
    Sounds,
    /// Two neighbouring syllables.
    SoundPairs,
    /// Concepts of the vocabulary.
    Concepts,
    /// Two concepts named one after the other, in either order, since languages differ in theirs.
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

/// Lengths of character n-grams: with two slips in a word some pairs are left, and four letters are half a word.
const GRAM_LENGTHS: std::ops::RangeInclusive<usize> = 2..=4;

/// The feature keys of one text, block by block; a key that occurs twice is listed twice.
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

/// A token as the features of words and characters need it.
#[derive(Clone, Copy)]
enum Stem {
    /// The hash of the stemmed word.
    Word(u64),
    Han(char),
    /// Typed in pinyin: it has no features but its sound.
    Syllable,
}

impl Stem {
    fn content(self) -> u64 {
        match self {
            Stem::Word(hash) => hash,
            Stem::Han(c) => u64::from(c),
            Stem::Syllable => 0,
        }
    }
}

/// Extracts the feature keys of texts.
pub struct FeatureExtractor {
    stemmer: Stemmer,
}

impl std::fmt::Debug for FeatureExtractor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FeatureExtractor")
    }
}

impl Default for FeatureExtractor {
    fn default() -> Self {
        // Words of other languages are stemmed, too, which is harmless: phrasings and questions lose the same endings.
        Self {
            stemmer: Stemmer::create(Algorithm::English),
        }
    }
}

impl FeatureExtractor {
    /// All feature keys of a text.
    pub fn keys(&self, text: &Tokenized) -> Keys {
        let stems: Vec<Stem> = text.tokens.iter().map(|token| self.stem(token)).collect();
        let syllables: Vec<Option<Syllable>> = text.tokens.iter().map(syllable_of).collect();
        let concepts = &text.concepts;
        let mut keys = Keys::default();
        keys.fill(Block::Words, stems.iter().filter_map(word_content));
        keys.fill(Block::WordPairs, stems.windows(2).filter_map(word_pair));
        keys.fill(Block::Grams, text.tokens.iter().flat_map(char_ngrams));
        keys.fill(Block::Han, stems.iter().filter_map(han_content));
        keys.fill(Block::HanPairs, stems.windows(2).filter_map(han_pair));
        let sounds = syllables.iter().flatten();
        keys.fill(Block::Sounds, sounds.map(|sound| (u64::from(sound.0), 0)));
        let sound_pairs = syllables.windows(2).filter_map(syllable_pair);
        keys.fill(Block::SoundPairs, sound_pairs);
        let single_concepts = concepts.iter().map(|concept| (u64::from(*concept), 0));
        keys.fill(Block::Concepts, single_concepts);
        keys.fill(Block::ConceptPairs, concepts.windows(2).map(concept_pair));
        keys
    }

    fn stem(&self, token: &Token) -> Stem {
        match token {
            Token::Word(word) => Stem::Word(hash_bytes(self.stemmer.stem(word).as_bytes())),
            Token::Han(c) => Stem::Han(*c),
            Token::Sound(_) => Stem::Syllable,
        }
    }
}

fn syllable_of(token: &Token) -> Option<Syllable> {
    match token {
        Token::Word(_) => None,
        Token::Han(c) => pinyin::syllable_of(*c),
        Token::Sound(syllable) => Some(*syllable),
    }
}

fn word_content(stem: &Stem) -> Option<(u64, u64)> {
    matches!(stem, Stem::Word(_)).then(|| (stem.content(), 0))
}

fn han_content(stem: &Stem) -> Option<(u64, u64)> {
    matches!(stem, Stem::Han(_)).then(|| (stem.content(), 0))
}

fn word_pair(two: &[Stem]) -> Option<(u64, u64)> {
    match two {
        [a @ Stem::Word(_), b @ (Stem::Word(_) | Stem::Han(_))]
        | [a @ Stem::Han(_), b @ Stem::Word(_)] => Some((a.content(), b.content())),
        _ => None,
    }
}

fn han_pair(two: &[Stem]) -> Option<(u64, u64)> {
    match two {
        [Stem::Han(a), Stem::Han(b)] => Some((u64::from(*a), u64::from(*b))),
        _ => None,
    }
}

fn syllable_pair(two: &[Option<Syllable>]) -> Option<(u64, u64)> {
    match two {
        [Some(a), Some(b)] => Some((u64::from(a.0), u64::from(b.0))),
        _ => None,
    }
}

fn concept_pair(two: &[u16]) -> (u64, u64) {
    (u64::from(two[0].min(two[1])), u64::from(two[0].max(two[1])))
}

fn char_ngrams(token: &Token) -> Vec<(u64, u64)> {
    let Token::Word(word) = token else {
        return Vec::new();
    };
    let chars: Vec<char> = std::iter::once('^')
        .chain(word.chars())
        .chain(['$'])
        .collect();
    let content = |ngram: &[char]| {
        let hash = ngram.iter().fold(0, |hash, &c| mix(hash, u64::from(c)));
        (hash, ngram.len() as u64)
    };
    GRAM_LENGTHS
        .flat_map(|length| chars.windows(length).map(content))
        .collect()
}

/// One step of FxHash (Firefox's hash): fast on short contents, and the same on every machine.
fn mix(hash: u64, value: u64) -> u64 {
    (hash.rotate_left(5) ^ value).wrapping_mul(0x517c_c1b7_2722_0a95)
}

fn hash_bytes(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(bytes.len() as u64, |hash, &byte| mix(hash, u64::from(byte)))
}
