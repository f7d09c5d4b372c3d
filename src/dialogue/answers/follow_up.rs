//! Follow-up questions, which depend on the one before: "and on Android?", "那苹果呢".
//!
//! A short text that begins like a follow-up and names a wallet or a phone is taken to be about the last answer's
//! topic. The reply states this assumption, and "not what I asked" rejects it. A longer text is a question of its own.

use crate::{
    dialogue::{
        answers::entry::{self, Origin},
        screen::Screen,
        turn::TurnBuilder,
        words::count_units,
    },
    knowledge::EntryId,
    matching::Outcome,
};

/// Units (as counted by [`count_units`]) of the longest follow-up; a longer text names its own topic.
const MAX_UNITS: usize = 7;
/// The entry about any wallet, and the prefix of those about a single step. A wallet's own entry is the better answer.
const STEPS_ENTRY: &str = "unbind-steps";
const STEP_ENTRIES: &str = "step-";

/// The entry that a text follows up on, if it is a follow-up.
pub(crate) fn topic(turn: &TurnBuilder<'_>, text: &str) -> Option<EntryId> {
    let last = turn.record.last_answer.as_ref()?;
    let follows = count_units(text) <= MAX_UNITS
        && turn.words().begins_with(text, "words-follow-up")
        && names_a_phone(turn, text);
    follows.then(|| last.entry.clone())
}

fn names_a_phone(turn: &TurnBuilder<'_>, text: &str) -> bool {
    turn.words().wallet_in(text).is_some() || !turn.words().systems_in(text).is_empty()
}

/// Answers a follow-up on `topic`: with the wallet's own entry if the topic is the steps in a wallet, else with the
/// entry that fits both the topic and the text.
pub(crate) fn answer(turn: &mut TurnBuilder<'_>, text: &str, topic: &EntryId) {
    let wallet = turn.words().wallet_in(text);
    let answer = match wallet {
        Some(wallet) if is_about_steps(turn, topic) => wallet,
        _ => entry_for_both(turn, text, topic),
    };
    let article = turn.base.knowledge.article(topic, turn.language);
    let name = article.map_or("", |article| article.button.as_str());
    let assumed = turn.line("assumed", &[("topic", name.into())]);
    match entry::entry_reply(turn, &answer, Origin::Question) {
        Some(reply) => turn.say(reply.with_note(assumed)),
        None => {
            turn.note(assumed);
            turn.show(Screen::EntryMissing);
        }
    }
    if let Some(last) = &mut turn.record.last_answer {
        last.entry = answer;
    }
}

/// Whether an entry is about how to remove a card from a wallet, a certain one or any.
pub(crate) fn is_about_steps(turn: &TurnBuilder<'_>, entry: &EntryId) -> bool {
    entry.as_str() == STEPS_ENTRY
        || entry.as_str().starts_with(STEP_ENTRIES)
        || turn.base.knowledge.guides.contains_key(entry)
}

/// The entry that fits the topic and the text together; the topic's own entry, if no other fits with certainty.
fn entry_for_both(turn: &TurnBuilder<'_>, text: &str, topic: &EntryId) -> EntryId {
    let article = turn.base.knowledge.article(topic, turn.language);
    let title = article.map_or("", |article| article.title.as_str());
    let finding = turn.base.matcher.find(&format!("{title} {text}"));
    match finding.candidates.into_iter().next() {
        Some(best) if finding.outcome == Outcome::Answer => best.entry,
        _ => topic.clone(),
    }
}
