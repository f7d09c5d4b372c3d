//! Which entry a question is about: normalise → features → candidates → score → decide.
//!
//! | module | does | leaves to |
//! |---|---|---|
//! | `normalize` | characters that read alike become the same | `equivalents`: words that mean alike |
//! | `tokens`, with `pinyin` and `spelling` | a text's units: words, Han characters, syllables | `features` |
//! | `features`, `space` | units to a sparse weighted vector | `classifier`, `index` |
//! | `score` | a probability for every entry | `decision` |
//! | `decision` | answer, suggest, decline, or not knowing | `dialogue`: what is said |
//! | `explain` | why a question was answered as it was | |
//! | `evaluate` | how good all this is, on labelled questions | |
//!
//! Everything is learnt from the base when it is loaded; there are no pretrained weights. Pure: no clock, file or network.
//!
//! What each part earns, in points of right entries first: on phrasings held out of the shipped base (mean of two ways to
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
//! | concepts and their pairs, rewrites, courtesy | −4.4 | −1.9 | | |
//! | training (centroids and BM25 only) | −5.9 | −6.0 | −2.3 | −2.0 |
//! | the start from centroids | −0.8 | −0.5 | −3.5 | −2.7 |
//! | label smoothing (out-of-scope AUROC −3) | −0.4 | −0.2 | −0.5 | −0.3 |
//! | BM25 | −1.0 | −3.0 | −0.8 | −0.3 |
//! | the speller | +0.2 | 0.0 | −0.4 | −4.5 |
//!
//! Tried and left out, since they earned nothing: nearest-phrase cosine, triples of Han characters, the entries' bodies as
//! text to learn from, windows over long messages, priors by the number of phrasings, concepts further apart.

pub mod classifier;
pub mod decision;
pub mod equivalents;
pub mod evaluate;
pub mod examples;
pub mod explain;
pub mod features;
pub mod index;
pub mod language;
pub mod normalize;
pub mod pinyin;
pub mod score;
pub mod space;
pub mod spelling;
pub mod tokens;

use crate::knowledge::{EntryId, Knowledge, Language, Thresholds};
use classifier::{Training, softmax};
use decision::{DEFAULT_THRESHOLDS, Evidence, decide};
use equivalents::Equivalents;
use features::Extractor;
use language::LanguageGuess;
use normalize::{Token, is_traditional};
use score::{INDEX_WEIGHT, Scorer};
use space::{BlockWeights, FeatureSpace, SpaceBuilder, Sparse};
use tokens::{Reader, Reading};

/// What is made of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Confident: the first candidate is the answer.
    Answer,
    /// Did you mean: the first candidates are shown, at most [`MAX_SUGGESTIONS`].
    Suggest,
    /// Confident that it is something the bot does not do.
    Decline,
    /// Does not know.
    None,
}

/// Suggestions shown at once.
pub const MAX_SUGGESTIONS: usize = 3;
/// Candidates reported.
pub const MAX_CANDIDATES: usize = 5;

/// An entry that may be meant.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The entry.
    pub entry: EntryId,
    /// How well it fits; comparable within one question, from 0 to 1.
    pub score: f32,
}

/// The matcher's finding.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// What to do.
    pub outcome: Outcome,
    /// The best entries, best first, at most [`MAX_CANDIDATES`].
    pub candidates: Vec<Candidate>,
    /// The language of the question: that of the phrasings it shares most with; `None` if it shares nothing.
    pub language: Option<Language>,
    /// Whether the question is written in Traditional script.
    pub traditional: bool,
}

/// What a matcher is made with. The defaults are the product's; others are for measuring what each part earns.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// What each block of features weighs.
    pub blocks: BlockWeights,
    /// How the classifier is trained.
    pub training: Training,
    /// What BM25 weighs beside the classifier.
    pub index_weight: f32,
    /// Whether spelling is corrected.
    pub speller: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            blocks: BlockWeights::default(),
            training: Training::default(),
            index_weight: INDEX_WEIGHT,
            speller: true,
        }
    }
}

/// A base made ready to be asked.
#[derive(Debug)]
pub struct Matcher {
    entries: Vec<Known>,
    thresholds: Thresholds,
    settings: Settings,
    reader: Reader,
    extractor: Extractor,
    space: FeatureSpace,
    scorer: Scorer,
    language: LanguageGuess,
}

#[derive(Debug)]
struct Known {
    id: EntryId,
    declines: bool,
}

/// A phrasing on its way into the matcher.
struct Phrasing {
    /// The entry's number.
    entry: usize,
    language: Language,
    tokens: Vec<Token>,
}

impl Matcher {
    /// Indexes and trains on a base's phrasings.
    pub fn new(knowledge: &Knowledge) -> Self {
        Self::with(knowledge, Settings::default())
    }

    /// The same with settings of one's own.
    pub fn with(knowledge: &Knowledge, settings: Settings) -> Self {
        let equivalents = Equivalents::new(&knowledge.vocabulary);
        let phrasings = phrasings(knowledge, &equivalents);
        let spoken: Vec<Language> = phrasings.iter().map(|phrasing| phrasing.language).collect();
        let in_language = |wanted: fn(Language) -> bool| {
            let of = phrasings
                .iter()
                .filter(move |phrasing| wanted(phrasing.language));
            of.map(|phrasing| phrasing.tokens.as_slice())
        };
        let reader = Reader::new(
            equivalents,
            in_language(|it| it != Language::ZH),
            in_language(|it| it == Language::ZH),
        );
        let extractor = Extractor::default();
        let mut builder = SpaceBuilder::new(settings.blocks);
        for Phrasing { entry, tokens, .. } in phrasings {
            builder.push(&extractor.keys(&reader.phrasing(&tokens)), entry);
        }
        let (space, examples) = builder.finish();
        let entries: Vec<_> = knowledge
            .entries
            .values()
            .map(|entry| Known {
                id: entry.id.clone(),
                declines: entry.decline,
            })
            .collect();
        Self {
            language: LanguageGuess::new(&examples, &spoken, space.features()),
            scorer: Scorer::new(
                &examples,
                space.features(),
                entries.len(),
                settings.training,
                settings.index_weight,
            ),
            thresholds: knowledge.thresholds.unwrap_or(DEFAULT_THRESHOLDS),
            entries,
            settings,
            reader,
            extractor,
            space,
        }
    }

    /// Finds what a question is about. Never panics, whatever the text.
    pub fn find(&self, question: &str) -> Finding {
        self.find_with_evidence(question).0
    }

    /// The same, with what the decision was made from.
    pub fn find_with_evidence(&self, question: &str) -> (Finding, Evidence) {
        let reading = self.reader.question(question, self.settings.speller);
        let keys = self.extractor.keys(&reading);
        let vector = self.space.vector(&keys);
        let mut scores = self.scorer.scores(&vector);
        let best_score = scores.iter().copied().fold(0.0, f32::max);
        softmax(&mut scores);
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
        let evidence = Evidence {
            coverage: self.space.coverage(&keys),
            units: reading.said(),
            score: best_score,
            ..self.lead(&order, &scores)
        };
        let candidate = |&entry: &usize| Candidate {
            entry: self.entries[entry].id.clone(),
            score: scores[entry],
        };
        let finding = Finding {
            outcome: decide(evidence, self.thresholds).outcome,
            candidates: order.iter().take(MAX_CANDIDATES).map(candidate).collect(),
            language: self.language.guess(&vector),
            traditional: is_traditional(question),
        };
        (finding, evidence)
    }

    fn lead(&self, order: &[usize], scores: &[f32]) -> Evidence {
        let Some((&best, others)) = order.split_first() else {
            return Evidence::default();
        };
        let declines = self.entries[best].declines;
        let says_else = others
            .iter()
            .find(|&&entry| !(declines && self.entries[entry].declines));
        let runner_up = says_else.map_or(0.0, |&entry| scores[entry]);
        Evidence {
            best: scores[best],
            declines,
            runner_up,
            ..Evidence::default()
        }
    }

    fn vector(&self, reading: &Reading) -> Sparse {
        self.space.vector(&self.extractor.keys(reading))
    }

    /// What the matcher reads in a question.
    pub fn read(&self, question: &str) -> Reading {
        self.reader.question(question, self.settings.speller)
    }
}

/// Every phrasing of a base, titles too; those of an entry stand together.
fn phrasings(knowledge: &Knowledge, equivalents: &Equivalents) -> Vec<Phrasing> {
    let mut phrasings = Vec::new();
    for (number, entry) in knowledge.entries.values().enumerate() {
        for (&language, article) in &entry.articles {
            for text in article.questions.iter().chain([&article.title]) {
                let tokens = Reader::tokens(equivalents, text);
                phrasings.push(Phrasing {
                    entry: number,
                    language,
                    tokens,
                });
            }
        }
    }
    phrasings
}

/// A base of two entries.
#[cfg(test)]
fn test_base() -> Knowledge {
    use crate::{
        knowledge::{Article, Entry},
        markup::RichText,
    };
    let mut knowledge = Knowledge::default();
    for (id, questions) in [
        ("unbind", ["unbind my card", "remove the card"]),
        ("lost", ["i lost my phone", "phone stolen"]),
    ] {
        let article = Article {
            title: id.into(),
            button: id.into(),
            body: RichText::default(),
            questions: questions.map(String::from).to_vec(),
            related: Vec::new(),
        };
        let entry = Entry {
            id: id.parse().expect("an id"),
            group: "g".into(),
            decline: false,
            guide: false,
            articles: [(Language::EN, article)].into(),
        };
        knowledge.entries.insert(entry.id.clone(), entry);
    }
    knowledge
}
