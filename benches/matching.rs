//! The matcher's speed: one question on the shipped base, training the matcher, and how both grow with the number of
//! phrasings.

#![allow(
    clippy::expect_used,
    missing_docs,
    reason = "a bench that cannot go on may stop; criterion's macros make functions without docs"
)]

use std::{hint::black_box, path::Path, time::Duration};

use criterion::{Criterion, criterion_group, criterion_main};
use unbind_bot::{
    knowledge::{Article, Entry, EntryId, Knowledge, Language, load_folder},
    markup::RichText,
    matching::Matcher,
};

const QUESTIONS: [(&str, &str); 4] = [
    ("english", "how do I take my office badge off my old phone"),
    ("chinese", "怎么把手机里的小区门禁卡删掉"),
    ("misspelt", "hwo do i unbnid my dor crad form my pohne"),
    (
        "long",
        "Good morning, I have lived in this building for eleven years and never had any trouble with the door. Last week I bought \
         a new phone because the old one was getting slow, and the caretaker told me that the card would not move over by itself. \
         So before I hand the old one to my grandson, what do I have to do about the pass that is still in its wallet? Thank you!",
    ),
];

fn matching(criterion: &mut Criterion) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("knowledge");
    let knowledge = load_folder(&folder).expect("the shipped base loads");
    let matcher = Matcher::new(&knowledge);
    let mut group = criterion.benchmark_group("one question");
    for (name, question) in QUESTIONS {
        group.bench_function(name, |bencher| {
            bencher.iter(|| matcher.find(black_box(question)))
        });
    }
    group.finish();
    let mut group = criterion.benchmark_group("the shipped base");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(10));
    group.bench_function("made ready", |bencher| {
        bencher.iter(|| Matcher::new(black_box(&knowledge)))
    });
}

/// Numbers of phrasings of the growing bases, and phrasings per entry as in the largest public dataset of this kind.
const SIZES: [usize; 3] = [1_000, 10_000, 100_000];
const PHRASINGS_AN_ENTRY: usize = 130;

/// A base of `size` phrasings, generated from the words of the shipped one.
fn base_of(size: usize, words: &[&str]) -> Knowledge {
    // Knuth's linear congruential generator, so that every run uses the same base.
    let mut state = 1_u64;
    let mut next = |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let mut knowledge = Knowledge::default();
    for entry in 0..size.div_ceil(PHRASINGS_AN_ENTRY) {
        // Like a real entry, each has some words of its own besides the common ones.
        let own: Vec<&str> = (0..30).map(|_| words[next(words.len())]).collect();
        let mut phrasing = || {
            let word = |_| {
                if next(2) == 0 {
                    own[next(own.len())]
                } else {
                    words[next(words.len())]
                }
            };
            (0..10).map(word).collect::<Vec<_>>().join(" ")
        };
        let article = Article {
            title: "A title".into(),
            button: "A button".into(),
            body: RichText::default(),
            questions: (0..PHRASINGS_AN_ENTRY).map(|_| phrasing()).collect(),
            related: Vec::new(),
        };
        let id: EntryId = format!("entry-{entry}").parse().expect("an id");
        let entry = Entry {
            id: id.clone(),
            group: "g".into(),
            decline: false,
            guide: false,
            articles: [(Language::EN, article)].into(),
        };
        knowledge.entries.insert(id, entry);
    }
    knowledge
}

fn growth(criterion: &mut Criterion) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("knowledge");
    let shipped = load_folder(&folder).expect("the shipped base loads");
    let english = shipped
        .entries
        .values()
        .filter_map(|entry| entry.articles.get(&Language::EN));
    let words: Vec<&str> = english
        .flat_map(|article| &article.questions)
        .flat_map(|question| question.split_whitespace())
        .collect();
    for size in SIZES {
        let knowledge = base_of(size, &words);
        let mut group = criterion.benchmark_group(format!("{size} phrasings"));
        group
            .sample_size(10)
            .measurement_time(Duration::from_secs(5));
        group.bench_function("made ready", |bencher| {
            bencher.iter(|| Matcher::new(black_box(&knowledge)))
        });
        let matcher = Matcher::new(&knowledge);
        group.bench_function("one question", |bencher| {
            bencher.iter(|| matcher.find(black_box(QUESTIONS[0].1)))
        });
    }
}

criterion_group!(benches, matching, growth);
criterion_main!(benches);
