//! Which entry a question is about: normalise → features → candidates → score → decide.

pub mod classifier;
pub mod decision;
pub mod equivalents;
pub mod features;
pub mod language;
pub mod normalize;
pub mod pinyin;
pub mod spelling;
pub mod tokens;

use crate::knowledge::{EntryId, Knowledge, Language, Thresholds};
use classifier::{Classifier, Training, softmax};
use decision::{DEFAULT_THRESHOLDS, Evidence, decide};
use equivalents::Equivalents;
use features::{BlockWeights, Extractor, FeatureSpace, Keys};
use language::LanguageGuess;
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
    /// The language of the question: that of the phrasing nearest to it.
    pub language: Option<Language>,
}

/// What a matcher is made with; the defaults are the product's, others are for measuring what each part earns.
#[derive(Debug, Clone, Copy, Default)]
pub struct Settings {
    /// What each block of features weighs.
    pub blocks: BlockWeights,
    /// How the classifier is trained.
    pub training: Training,
}

/// A base made ready to be asked.
#[derive(Debug)]
pub struct Matcher {
    entries: Vec<EntryId>,
    declines: Vec<bool>,
    thresholds: Thresholds,
    language: LanguageGuess,
    reader: Reader,
    extractor: Extractor,
    space: FeatureSpace,
    classifier: Classifier,
}

impl Matcher {
    /// Indexes and trains on a base's phrasings.
    pub fn new(knowledge: &Knowledge) -> Self {
        Self::with(knowledge, Settings::default())
    }

    /// The same with settings of one's own.
    pub fn with(knowledge: &Knowledge, settings: Settings) -> Self {
        let entries: Vec<EntryId> = knowledge.entries.keys().cloned().collect();
        let equivalents = Equivalents::new(&knowledge.vocabulary);
        let mut phrasings = Vec::new();
        for (class, entry) in knowledge.entries.values().enumerate() {
            for (&language, article) in &entry.articles {
                for text in article.questions.iter().chain([&article.title]) {
                    phrasings.push((class, language, Reader::tokens(&equivalents, text)));
                }
            }
        }
        let of = |chinese: bool| {
            phrasings
                .iter()
                .filter(move |(_, language, _)| (*language == Language::ZH) == chinese)
                .map(|(_, _, tokens)| tokens.as_slice())
        };
        let reader = Reader::new(equivalents, of(false), of(true));
        let extractor = Extractor::default();
        let keys: Vec<Keys> = phrasings
            .iter()
            .map(|(_, _, tokens)| extractor.keys(&reader.phrasing(tokens)))
            .collect();
        let space = FeatureSpace::new(&keys, settings.blocks);
        let examples: Vec<_> = keys
            .iter()
            .zip(&phrasings)
            .map(|(keys, (class, _, _))| (space.vector(keys), *class))
            .collect();
        let classifier = Classifier::new(&examples, space.len(), entries.len(), settings.training);
        let language = LanguageGuess::new(
            examples
                .iter()
                .zip(&phrasings)
                .map(|((vector, _), (_, language, _))| (vector, *language)),
            space.len(),
        );
        let declines = knowledge
            .entries
            .values()
            .map(|entry| entry.decline)
            .collect();
        let thresholds = knowledge.thresholds.unwrap_or(DEFAULT_THRESHOLDS);
        Self {
            entries,
            declines,
            thresholds,
            language,
            reader,
            extractor,
            space,
            classifier,
        }
    }

    /// What the matcher reads in a text.
    pub fn read(&self, question: &str) -> Reading {
        self.reader.question(question)
    }

    /// Finds what a question is about. Never panics, whatever the text.
    pub fn find(&self, question: &str) -> Finding {
        let reading = self.reader.question(question);
        let keys = self.extractor.keys(&reading);
        let vector = self.space.vector(&keys);
        let mut scores = self.classifier.logits(&vector);
        softmax(&mut scores);
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
        let candidate = |&entry: &usize| Candidate {
            entry: self.entries[entry].clone(),
            score: scores[entry],
        };
        Finding {
            outcome: self.outcome(&order, &scores, &vector),
            candidates: order.iter().take(MAX_CANDIDATES).map(candidate).collect(),
            language: self.language.guess(&vector),
        }
    }

    fn outcome(&self, order: &[usize], scores: &[f32], vector: &features::Sparse) -> Outcome {
        let Some((&best, others)) = order.split_first().filter(|_| !vector.is_empty()) else {
            return Outcome::None;
        };
        let declines = self.declines[best];
        let runner_up = others
            .iter()
            .find(|&&entry| !(declines && self.declines[entry]));
        let evidence = Evidence {
            best: scores[best],
            declines,
            runner_up: runner_up.map_or(0.0, |&entry| scores[entry]),
        };
        decide(evidence, self.thresholds)
    }
}
