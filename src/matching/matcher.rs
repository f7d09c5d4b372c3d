//! The matcher: a base indexed for questions, from the parts of this module.

use super::{
    classifier::{Training, softmax},
    dataset::SparseVector,
    decision::{DEFAULT_THRESHOLDS, Evidence, decide},
    features::FeatureExtractor,
    finding::{Candidate, Finding, MAX_CANDIDATES},
    language::LanguageGuess,
    normalize::{Token, is_traditional},
    score::{INDEX_WEIGHT, Scorer},
    space::{BlockWeights, FeatureSpace, SpaceBuilder},
    synonyms::Synonyms,
    tokenizer::{Tokenized, Tokenizer},
};
use crate::knowledge::{Entry, EntryId, Knowledge, Language, Thresholds};

/// How a matcher is built. The defaults are the product's; others are for measuring what each part gains.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    pub blocks: BlockWeights,
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

/// A base, indexed and trained on. Entries are numbered in the order of their ids.
#[derive(Debug)]
pub struct Matcher {
    pub(super) entries: Vec<EntryInfo>,
    pub(super) thresholds: Thresholds,
    settings: Settings,
    pub(super) tokenizer: Tokenizer,
    extractor: FeatureExtractor,
    space: FeatureSpace,
    pub(super) scorer: Scorer,
    language: LanguageGuess,
}

#[derive(Debug)]
pub(super) struct EntryInfo {
    pub(super) id: EntryId,
    declines: bool,
}

/// A phrasing that the matcher is trained on.
struct Phrasing {
    /// The entry's number.
    entry: usize,
    language: Language,
    tokens: Vec<Token>,
}

impl Matcher {
    /// Indexes and trains on a base's phrasings.
    pub fn new(knowledge: &Knowledge) -> Self {
        Self::with_settings(knowledge, Settings::default())
    }

    pub fn with_settings(knowledge: &Knowledge, settings: Settings) -> Self {
        let synonyms = Synonyms::new(&knowledge.vocabulary);
        let phrasings = collect_phrasings(knowledge, &synonyms);
        let languages: Vec<Language> = phrasings.iter().map(|phrasing| phrasing.language).collect();
        let tokenizer = build_tokenizer(synonyms, &phrasings);
        let extractor = FeatureExtractor::default();
        let mut builder = SpaceBuilder::new(settings.blocks);
        for Phrasing { entry, tokens, .. } in phrasings {
            let tokenized = tokenizer.tokenize_phrasing(&tokens);
            builder.push(&extractor.keys(&tokenized), entry);
        }
        let (space, dataset) = builder.finish();
        let entries = entry_infos(knowledge);
        Self {
            language: LanguageGuess::new(&dataset, &languages, space.features()),
            scorer: Scorer::new(
                &dataset,
                space.features(),
                entries.len(),
                settings.training,
                settings.index_weight,
            ),
            thresholds: knowledge.thresholds.unwrap_or(DEFAULT_THRESHOLDS),
            entries,
            settings,
            tokenizer,
            extractor,
            space,
        }
    }

    /// Finds what a question is about. Never panics, whatever the text.
    pub fn find(&self, question: &str) -> Finding {
        self.find_with_evidence(question).0
    }

    /// Like [`Matcher::find`], with the evidence that the outcome was decided from.
    pub fn find_with_evidence(&self, question: &str) -> (Finding, Evidence) {
        let tokenized = self.tokenize(question);
        let keys = self.extractor.keys(&tokenized);
        let vector = self.space.vector(&keys);
        let mut scores = self.scorer.scores(&vector);
        let best_score = scores.iter().copied().fold(0.0, f32::max);
        softmax(&mut scores);
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
        let says_nothing = self.tokenizer.says_nothing(question);
        let tokens = tokenized.count_without_numbers();
        let evidence = Evidence {
            coverage: self.space.coverage(&keys),
            tokens: if says_nothing { 0 } else { tokens },
            score: best_score,
            ..self.compare_best(&order, &scores)
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

    /// The part of the evidence that compares the best entry with the others.
    fn compare_best(&self, order: &[usize], scores: &[f32]) -> Evidence {
        let Some((&best, others)) = order.split_first() else {
            return Evidence::default();
        };
        let declines = self.entries[best].declines;
        let runner_up = others
            .iter()
            .find(|&&entry| !(declines && self.entries[entry].declines));
        Evidence {
            best: scores[best],
            declines,
            runner_up: runner_up.map_or(0.0, |&entry| scores[entry]),
            ..Evidence::default()
        }
    }

    /// The tokens of a question, as the matcher reads it.
    pub fn tokenize(&self, question: &str) -> Tokenized {
        self.tokenizer
            .tokenize_question(question, self.settings.speller)
    }

    pub(super) fn vector(&self, tokenized: &Tokenized) -> SparseVector {
        self.space.vector(&self.extractor.keys(tokenized))
    }
}

/// Every phrasing of a base, titles included; those of an entry stand together.
fn collect_phrasings(knowledge: &Knowledge, synonyms: &Synonyms) -> Vec<Phrasing> {
    let mut phrasings = Vec::new();
    for (number, entry) in knowledge.entries.values().enumerate() {
        for (&language, article) in &entry.articles {
            for text in article.questions.iter().chain([&article.title]) {
                phrasings.push(Phrasing {
                    entry: number,
                    language,
                    tokens: synonyms.clean_tokens(text),
                });
            }
        }
    }
    phrasings
}

fn build_tokenizer<'a>(synonyms: Synonyms, phrasings: &'a [Phrasing]) -> Tokenizer {
    let (chinese, foreign): (Vec<_>, Vec<_>) = phrasings
        .iter()
        .partition(|phrasing| phrasing.language == Language::ZH);
    let tokens = |phrasings: Vec<&'a Phrasing>| {
        phrasings
            .into_iter()
            .map(|phrasing| phrasing.tokens.as_slice())
    };
    Tokenizer::new(synonyms, tokens(foreign), tokens(chinese))
}

fn entry_infos(knowledge: &Knowledge) -> Vec<EntryInfo> {
    let info = |entry: &Entry| EntryInfo {
        id: entry.id.clone(),
        declines: entry.decline,
    };
    knowledge.entries.values().map(info).collect()
}

/// A base of two entries.
#[cfg(test)]
pub(super) fn test_base() -> Knowledge {
    use crate::{knowledge::Article, markup::RichText};
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
