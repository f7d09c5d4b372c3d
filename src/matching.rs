//! Which entry a question is about: normalise → tokenise → features → scores → decision.
//!
//! | module | does |
//! |---|---|
//! | `normalize` | text to tokens; characters that read alike become the same |
//! | `synonyms` | replaces spellings, cuts off fillers, finds words that mean the same |
//! | `tokenizer`, with `pinyin` and `spelling` | a question's words, Han characters and syllables |
//! | `features`, `space` | tokens to a sparse weighted vector; `dataset` holds those of the base |
//! | `classifier`, `index`, `score` | a probability for every entry |
//! | `language` | the language of a question |
//! | `decision` | answer, suggest, decline, or not known; `dialogue` writes the reply |
//! | `matcher` | puts these together; `finding` is what it returns |
//! | `explain` | why a question was answered as it was |
//! | `evaluate` | measures the matching on labelled questions |
//!
//! Everything is learnt from the base when it is loaded; there are no pretrained weights. Pure: no clock, file or network.
//!
//! What each part gains, in percentage points of right entries first: on phrasings held out of the shipped base (mean of two ways to
//! hold out, 7,400 questions), and on a public intent set with 10 phrasings an entry, clean and with one or two slips.
//!
//! | left out | English | Chinese | public, clean | slips |
//! |---|---|---|---|---|
//! | nothing | 76.7 | 83.9 | 77.9 | 76.3 |
//! | words | −0.5 | 0.0 | −2.4 | −1.5 |
//! | word pairs | −1.0 | 0.0 | −1.5 | −1.3 |
//! | pieces of words | −1.4 | −0.3 | −0.5 | −1.4 |
//! | Han characters | 0.0 | −2.1 | | |
//! | pairs of them | 0.0 | −0.7 | | |
//! | sounds and their pairs (pinyin questions: 91 → 4 %) | 0.0 | −0.4 | | |
//! | concepts and their pairs, rewrites, fillers | −4.4 | −1.9 | | |
//! | training (centroids and BM25 only) | −5.9 | −6.0 | −2.3 | −2.0 |
//! | the start from centroids | −0.8 | −0.5 | −3.5 | −2.7 |
//! | label smoothing (out-of-scope AUROC −3) | −0.4 | −0.2 | −0.5 | −0.3 |
//! | BM25 | −1.0 | −3.0 | −0.8 | −0.3 |
//! | the speller | +0.2 | 0.0 | −0.4 | −4.5 |
//!
//! Tried and left out, since they gained nothing: nearest-phrase cosine, triples of Han characters, the entries' bodies as
//! text to learn from, windows over long messages, priors by the number of phrasings, concepts further apart.

pub mod classifier;
pub mod dataset;
pub mod decision;
pub mod evaluate;
pub mod explain;
pub mod features;
mod finding;
mod han_script;
pub mod index;
pub mod language;
mod matcher;
pub mod normalize;
pub mod pinyin;
pub mod score;
pub mod space;
pub mod spelling;
pub mod synonyms;
pub mod tokenizer;

pub use finding::{Candidate, Finding, MAX_CANDIDATES, MAX_SUGGESTIONS, Outcome};
pub use matcher::{Matcher, Settings};

/// Characters of a message that are read; the rest is ignored.
pub const MAX_CHARS: usize = 2_000;
