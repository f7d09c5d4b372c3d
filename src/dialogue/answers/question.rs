//! Free-text questions: answers with an entry, "did you mean", a polite decline, or "I don't know".
//!
//! `matching` finds the entry that fits; `entry` shows it.

use crate::{
    dialogue::{
        answers::{
            entry::{self, Origin},
            follow_up,
        },
        buttons,
        choice::Choice,
        language,
        record::{LastAnswer, Vote},
        reply::Reply,
        turn::TurnBuilder,
    },
    knowledge::EntryId,
    matching::{Candidate, Finding, MAX_SUGGESTIONS, Outcome, normalize::is_han},
};

/// Consecutive misses after which the contact person is offered before the topics.
const MISSES_BEFORE_PERSON: u32 = 2;
/// The most questions answered in one message.
const MAX_ANSWERS: usize = 2;

/// Answers a question; the language of the question becomes the language of the turn.
pub(crate) fn answer(turn: &mut TurnBuilder<'_>, text: &str) {
    let finding = turn.base.matcher.find(text);
    language::follow(turn, text, &finding);
    turn.note_script(text, finding.traditional);
    let several = several_questions(turn, text);
    if several.len() > 1 {
        turn.record.misses = 0;
        several
            .iter()
            .for_each(|finding| say_finding(turn, finding));
    } else if let Some(topic) = follow_up::topic(turn, text) {
        follow_up::answer(turn, text, &topic);
        let answered = turn.record.last_answer.as_ref();
        let answered = answered.map(|last| last.entry.clone());
        turn.note_found(Outcome::Answer, answered);
    } else {
        say_finding(turn, &finding);
    }
}

/// The findings for a message with more than one question, keeping only certain answers to different entries.
fn several_questions(turn: &TurnBuilder<'_>, text: &str) -> Vec<Finding> {
    let parts = turn.words().split_questions(text);
    if parts.len() < 2 {
        // The caller has looked up the whole text already.
        return Vec::new();
    }
    let mut found: Vec<Finding> = Vec::new();
    for part in parts {
        let finding = turn.base.matcher.find(part);
        let Some(best) = finding.candidates.first().map(|best| best.entry.clone()) else {
            continue;
        };
        let is_new = found.iter().all(|other| other.candidates[0].entry != best);
        let is_known = finding.outcome == Outcome::Answer;
        if is_known && is_new && !entry::is_small_talk(turn, &best) {
            found.push(finding);
        }
    }
    found.truncate(MAX_ANSWERS);
    found
}

/// Says the answer, the suggestions or that nothing was found.
pub(crate) fn say_finding(turn: &mut TurnBuilder<'_>, finding: &Finding) {
    let best = finding.candidates.first();
    match (finding.outcome, best) {
        (Outcome::Answer | Outcome::Decline, Some(best)) => {
            turn.note_found(finding.outcome, Some(best.entry.clone()));
            turn.record.misses = 0;
            turn.record.last_answer = Some(LastAnswer {
                entry: best.entry.clone(),
                others: entries(&finding.candidates[1..]),
            });
            entry::say_entry(turn, &best.entry, Origin::Question);
        }
        (Outcome::Suggest, Some(_)) => {
            turn.note_found(finding.outcome, None);
            suggest(turn, "did-you-mean", &entries(&finding.candidates));
        }
        (Outcome::None, _) | (_, None) => {
            turn.note_found(finding.outcome, None);
            miss(turn, "not-known");
        }
    }
}

/// The entries of the best [`MAX_SUGGESTIONS`] candidates.
fn entries(candidates: &[Candidate]) -> Vec<EntryId> {
    let best = candidates.iter().take(MAX_SUGGESTIONS);
    best.map(|candidate| candidate.entry.clone()).collect()
}

/// Whether a text is clearly a question, where the bot asked for a name.
pub(crate) fn is_question(turn: &TurnBuilder<'_>, text: &str) -> bool {
    ends_in_question_mark(text) || (is_sentence(text) && is_known(&turn.base.matcher.find(text)))
}

/// Whether a text is a question about something other than which wallet or phone it is, where the text could also be a
/// correction of the wallet or phone.
pub(crate) fn is_question_of_its_own(turn: &TurnBuilder<'_>, text: &str) -> bool {
    if ends_in_question_mark(text) || turn.words().sounds_like_question(text) {
        return true;
    }
    let finding = turn.base.matcher.find(text);
    let about = finding.candidates.first().filter(|_| is_known(&finding));
    about.is_some_and(|best| !follow_up::is_about_steps(turn, &best.entry))
}

fn ends_in_question_mark(text: &str) -> bool {
    text.trim_end().ends_with(['?', '？'])
}

fn is_known(finding: &Finding) -> bool {
    match finding.outcome {
        Outcome::Answer | Outcome::Decline => true,
        Outcome::Suggest | Outcome::None => false,
    }
}

/// Whether a text is longer than a name: at least four words, or eight Chinese characters.
fn is_sentence(text: &str) -> bool {
    let words = text
        .split_whitespace()
        .filter(|word| word.chars().any(char::is_alphabetic));
    let han = text.chars().filter(|c| is_han(*c));
    words.count() >= 4 || han.count() >= 8
}

fn suggest(turn: &mut TurnBuilder<'_>, line: &str, ids: &[EntryId]) {
    let entries = ids.iter().filter_map(|id| buttons::entry_button(turn, id));
    let reply = Reply::new(turn.line(line, &[]));
    let reply = entries.fold(reply, |reply, button| reply.row([button]));
    let none = turn.button("button-none-of-these", Choice::NoneOfThese);
    turn.say(reply.row([none]));
}

pub(crate) fn take_helpful(turn: &mut TurnBuilder<'_>, id: &EntryId) {
    vote(turn, id, Vote::Helpful);
    turn.say(Reply::new(turn.line("thanks-for-vote", &[])));
}

/// The answer was not what was asked: offers the next candidates, or else the topics and the contact person.
pub(crate) fn take_not_helpful(turn: &mut TurnBuilder<'_>, id: &EntryId) {
    vote(turn, id, Vote::NotHelpful);
    let last = turn.record.last_answer.take();
    let last = last.filter(|last| last.entry == *id);
    match last.map(|last| last.others).unwrap_or_default() {
        others if others.is_empty() => take_none_of_these(turn),
        others => suggest(turn, "not-helpful", &others),
    }
}

/// Keeps the latest vote per entry; only for existing entries, so that forged buttons cannot fill the record.
fn vote(turn: &mut TurnBuilder<'_>, id: &EntryId, vote: Vote) {
    if turn.base.knowledge.entry(id).is_some() {
        turn.record.votes.insert(id.clone(), vote);
    }
}

pub(crate) fn take_none_of_these(turn: &mut TurnBuilder<'_>) {
    miss(turn, "none-of-these");
}

fn miss(turn: &mut TurnBuilder<'_>, line: &str) {
    turn.record.misses = turn.record.misses.saturating_add(1);
    let is_again = turn.record.misses >= MISSES_BEFORE_PERSON;
    let line = if is_again { "not-known-again" } else { line };
    let topics = turn.button("button-topics", Choice::Groups);
    let reply = Reply::new(turn.line(line, &[]));
    turn.say(match buttons::person_button(turn) {
        Some(person) if is_again => reply.row([person]).row([topics]),
        Some(person) => reply.row([topics]).row([person]),
        None => reply.row([topics]),
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_no_sentence() {
        for name in [
            "",
            "Office",
            "My new badge",
            "公司东门",
            "👍 👍 👍 👍",
            "<b> ** [y](z)",
        ] {
            assert!(!is_sentence(name), "{name}");
        }
        for sentence in [
            "how do i unbind",
            "怎么把门禁卡解绑",
            "怎么把我的 office card 解绑掉啊",
        ] {
            assert!(is_sentence(sentence), "{sentence}");
        }
    }
}
