//! Questions that need the one before: "and on Android?", "那苹果呢".
//!
//! A few words that begin like a follow-up and name a wallet or a phone are taken to be about what was just talked of;
//! the answer says so, and a tap on "not what I asked" takes it back. Anything longer stands for itself.

use super::{answer, answer::Shown, talk::Talk};
use crate::{
    knowledge::EntryId,
    matching::{Outcome, normalize::is_han},
};

/// More letters and characters than that say what they are about themselves.
const MAX_UNITS: usize = 7;
/// The entry about any wallet, and the beginning of those about a single step: what a wallet's own entry says better.
const STEPS_ENTRY: &str = "unbind-steps";
const STEP_ENTRIES: &str = "step-";

/// What a text follows up on, if it does.
pub(super) fn topic(talk: &Talk<'_>, text: &str) -> Option<EntryId> {
    let last = talk.record.last_answer.as_ref()?;
    let follows = units(text) <= MAX_UNITS
        && talk.begins_with(text, "words-follow-up")
        && names_a_phone(talk, text);
    follows.then(|| last.entry.clone())
}

/// Words and Han characters.
pub(super) fn units(text: &str) -> usize {
    let words = text
        .split(|c: char| is_han(c) || c.is_whitespace())
        .filter(|word| word.chars().any(char::is_alphanumeric));
    words.count() + text.chars().filter(|c| is_han(*c)).count()
}

fn names_a_phone(talk: &Talk<'_>, text: &str) -> bool {
    talk.wallet_in(text).is_some() || !talk.systems_in(text).is_empty()
}

/// Answers a follow-up on `topic`: with the wallet's own entry where that was about wallets, else with what fits both.
pub(super) fn answer(talk: &mut Talk<'_>, text: &str, topic: &EntryId) {
    let wallet = talk.wallet_in(text);
    let entry = match wallet {
        Some(wallet) if is_about_steps(talk, topic) => wallet,
        _ => both(talk, text, topic),
    };
    let name = talk
        .base
        .knowledge
        .article(topic, talk.language)
        .map(|article| article.button.clone())
        .unwrap_or_default();
    answer::entry(talk, &entry, Shown::AsAnswer);
    let assumed = talk.line("assumed", &[("topic", name.into())]);
    talk.preface(assumed);
    if let Some(last) = &mut talk.record.last_answer {
        last.entry = entry;
    }
}

/// Whether an entry is about how a card leaves a wallet, this one or any.
pub(super) fn is_about_steps(talk: &Talk<'_>, entry: &EntryId) -> bool {
    entry.as_str() == STEPS_ENTRY
        || entry.as_str().starts_with(STEP_ENTRIES)
        || talk.base.knowledge.guides.contains_key(entry)
}

/// The entry that fits the topic and the phone together; the topic's own, if none surely does.
fn both(talk: &Talk<'_>, text: &str, topic: &EntryId) -> EntryId {
    let title = talk
        .base
        .knowledge
        .article(topic, talk.language)
        .map(|article| article.title.as_str())
        .unwrap_or_default();
    let finding = talk.base.matcher.find(&format!("{title} {text}"));
    match finding.candidates.into_iter().next() {
        Some(best) if finding.outcome == Outcome::Answer => best.entry,
        _ => topic.clone(),
    }
}
