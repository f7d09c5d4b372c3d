//! Questions that need the one before: "and on Android?", "那苹果呢".
//!
//! A few words that begin like a follow-up and name a wallet or a phone are taken to be about what was just talked of;
//! the answer says so, and a tap on "not what I asked" takes it back. Anything longer stands for itself.

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

/// More letters and characters than that say what they are about themselves.
const MAX_UNITS: usize = 7;
/// The entry about any wallet, and the beginning of those about a single step: what a wallet's own entry says better.
const STEPS_ENTRY: &str = "unbind-steps";
const STEP_ENTRIES: &str = "step-";

/// What a text follows up on, if it does.
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

/// Answers a follow-up on `topic`: with the wallet's own entry where that was about wallets, else with what fits both.
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

/// Whether an entry is about how a card leaves a wallet, this one or any.
pub(crate) fn is_about_steps(turn: &TurnBuilder<'_>, entry: &EntryId) -> bool {
    entry.as_str() == STEPS_ENTRY
        || entry.as_str().starts_with(STEP_ENTRIES)
        || turn.base.knowledge.guides.contains_key(entry)
}

/// The entry that fits the topic and the phone together; the topic's own, if none surely does.
fn entry_for_both(turn: &TurnBuilder<'_>, text: &str, topic: &EntryId) -> EntryId {
    let article = turn.base.knowledge.article(topic, turn.language);
    let title = article.map_or("", |article| article.title.as_str());
    let finding = turn.base.matcher.find(&format!("{title} {text}"));
    match finding.candidates.into_iter().next() {
        Some(best) if finding.outcome == Outcome::Answer => best.entry,
        _ => topic.clone(),
    }
}
