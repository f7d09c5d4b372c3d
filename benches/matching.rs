//! The matcher's speed: one question on the shipped base, and making the base ready.

#![allow(
    clippy::expect_used,
    missing_docs,
    reason = "a bench that cannot go on may stop; criterion's macros make functions without docs"
)]

use std::{hint::black_box, path::Path, time::Duration};

use criterion::{Criterion, criterion_group, criterion_main};
use unbind_bot::{knowledge::load_folder, matching::Matcher};

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

criterion_group!(benches, matching);
criterion_main!(benches);
