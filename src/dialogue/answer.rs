//! Questions in the person's own words: an entry, "did you mean", a polite decline, or an honest "I don't know".
//!
//! Which entry fits is `matching`'s to find; what is said about a removal under way is `removal`'s.

use unicode_width::UnicodeWidthStr;

use super::{
    Activity, Button, Choice, LastAnswer, Place, Reply, Vote, browse, follow_up, reply::Action,
    talk::Talk,
};
use crate::{
    knowledge::{Entry, EntryId},
    matching::{Finding, MAX_SUGGESTIONS, Outcome, normalize::is_han},
};

/// Misses in a row after which a person is offered first.
const MISSES_BEFORE_PERSON: u32 = 2;
/// Questions of one message that are answered.
const MAX_ANSWERS: usize = 2;
/// Two buttons share a row if neither is wider: half a phone's width.
const HALF_ROW_COLUMNS: usize = 17;
/// Related entries offered while a step is shown below: the step's own buttons matter more.
const RELATED_BESIDE_A_STEP: usize = 2;
/// The entry that tells how to reach people.
const PERSON_ENTRY: &str = "contact-support";

/// Answers a question; the language of the question becomes the language of the talk.
pub(super) fn question(talk: &mut Talk<'_>, text: &str) {
    let finding = talk.base.matcher.find(text);
    if let Some(language) = finding.language {
        talk.speak_as(text, language);
    }
    talk.note_script(text, finding.traditional);
    let several = several_questions(talk, text);
    if several.len() > 1 {
        talk.record.misses = 0;
        several.iter().for_each(|finding| say(talk, finding));
    } else if let Some(topic) = follow_up::topic(talk, text) {
        follow_up::answer(talk, text, &topic);
        let answered = talk.record.last_answer.as_ref();
        let answered = answered.map(|last| last.entry.clone());
        talk.note_found(Outcome::Answer, answered);
    } else {
        say(talk, &finding);
    }
}

/// The questions of a message that asks more than one, each surely known and about something else; else none.
fn several_questions(talk: &Talk<'_>, text: &str) -> Vec<Finding> {
    let parts = talk.split_questions(text);
    if parts.len() < 2 {
        // The whole was looked up already.
        return Vec::new();
    }
    let mut found: Vec<Finding> = Vec::new();
    for part in parts {
        let finding = talk.base.matcher.find(part);
        let Some(best) = finding.candidates.first().map(|best| best.entry.clone()) else {
            continue;
        };
        let is_new = found.iter().all(|other| other.candidates[0].entry != best);
        if finding.outcome == Outcome::Answer && is_new && !is_small_talk(talk, &best) {
            found.push(finding);
        }
    }
    found.truncate(MAX_ANSWERS);
    found
}

/// Says what was found.
pub(super) fn say(talk: &mut Talk<'_>, finding: &Finding) {
    let best = finding.candidates.first();
    let shown = matches!(finding.outcome, Outcome::Answer | Outcome::Decline);
    let shown = best.filter(|_| shown).map(|best| best.entry.clone());
    talk.note_found(finding.outcome, shown);
    match (finding.outcome, best) {
        (Outcome::Answer | Outcome::Decline, Some(best)) => {
            talk.record.misses = 0;
            let others = finding
                .candidates
                .iter()
                .skip(1)
                .take(MAX_SUGGESTIONS)
                .map(|other| other.entry.clone());
            talk.record.last_answer = Some(LastAnswer {
                entry: best.entry.clone(),
                others: others.collect(),
            });
            entry(talk, &best.entry, Shown::AsAnswer);
        }
        (Outcome::Suggest, Some(_)) => {
            let ids: Vec<_> = finding
                .candidates
                .iter()
                .take(MAX_SUGGESTIONS)
                .map(|candidate| candidate.entry.clone())
                .collect();
            suggest(talk, "did-you-mean", &ids);
        }
        _ => miss(talk, "not-known"),
    }
}

/// Whether a text is surely a question, where a name was asked for.
pub(super) fn is_question(talk: &Talk<'_>, text: &str) -> bool {
    let known = || {
        matches!(
            talk.base.matcher.find(text).outcome,
            Outcome::Answer | Outcome::Decline
        )
    };
    text.trim_end().ends_with(['?', '？']) || (is_sentence(text) && known())
}

/// Whether a text asks something, where a correction might be meant: about anything but which wallet or phone it is.
pub(super) fn is_question_of_its_own(talk: &Talk<'_>, text: &str) -> bool {
    if text.trim_end().ends_with(['?', '？']) || talk.sounds_like_a_question(text) {
        return true;
    }
    let finding = talk.base.matcher.find(text);
    let known = matches!(finding.outcome, Outcome::Answer | Outcome::Decline);
    let about = finding.candidates.first().filter(|_| known);
    about.is_some_and(|best| !follow_up::is_about_steps(talk, &best.entry))
}

/// Whether a text has more words than names have: four in English, eight characters in Chinese.
fn is_sentence(text: &str) -> bool {
    let words = text
        .split_whitespace()
        .filter(|word| word.chars().any(char::is_alphabetic));
    let han = text.chars().filter(|c| is_han(*c));
    words.count() >= 4 || han.count() >= 8
}

/// How an entry came to be shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// The matcher found it.
    AsAnswer,
    /// A button led to it.
    ByButton,
}

/// Shows an entry with what may come next.
pub(super) fn entry(talk: &mut Talk<'_>, id: &EntryId, shown: Shown) {
    let knowledge = &talk.base.knowledge;
    let (Some(entry), Some(article)) = (knowledge.entry(id), knowledge.article(id, talk.language))
    else {
        return browse::gone_entry(talk);
    };
    let small_talk = is_small_talk(talk, id);
    let mut reply = Reply::new(article.rendered());
    if talk.record.activity == Activity::Idle && entry.guide {
        reply = reply.row([guide_button(talk, entry)]);
    }
    let most = if talk.record.activity == Activity::Idle {
        usize::MAX
    } else {
        RELATED_BESIDE_A_STEP
    };
    reply = with_paired(reply, related(talk, &article.related, most));
    let asked_alone = shown == Shown::AsAnswer && talk.record.activity == Activity::Idle;
    if asked_alone && !small_talk && talk.place == Place::Private {
        reply = reply.row([
            talk.button("button-helpful", Choice::Helpful(id.clone())),
            talk.button("button-not-asked", Choice::NotHelpful(id.clone())),
        ]);
    }
    talk.say(reply);
}

fn is_small_talk(talk: &Talk<'_>, id: &EntryId) -> bool {
    let knowledge = &talk.base.knowledge;
    let group = knowledge.entry(id).map(|entry| entry.group.as_str());
    knowledge
        .groups
        .iter()
        .any(|other| other.small_talk && Some(other.id.as_str()) == group)
}

fn guide_button(talk: &Talk<'_>, entry: &Entry) -> Button {
    if talk.place == Place::Group {
        return Button {
            label: talk.words("button-guide", &[]),
            action: Action::PrivateChat("unbind".to_owned()),
        };
    }
    let of_wallet = talk.base.knowledge.guides.contains_key(&entry.id)
        && entry.id.as_str() != super::steps::GENERAL_GUIDE;
    let choice = if of_wallet {
        Choice::UnbindFrom(entry.id.clone())
    } else {
        Choice::Unbind
    };
    talk.button("button-guide", choice)
}

fn related(talk: &Talk<'_>, ids: &[EntryId], most: usize) -> Vec<Button> {
    ids.iter()
        .filter_map(|id| entry_button(talk, id))
        .take(most)
        .collect()
}

/// A button that leads to an entry, if there is one.
pub(super) fn entry_button(talk: &Talk<'_>, id: &EntryId) -> Option<Button> {
    let article = talk.base.knowledge.article(id, talk.language)?;
    Some(talk.button_reading(article.button.as_str(), Choice::Entry(id.clone())))
}

/// Adds buttons below a reply, short ones side by side.
pub(super) fn with_paired(reply: Reply, buttons: Vec<Button>) -> Reply {
    paired(buttons).into_iter().fold(reply, Reply::row)
}

/// Puts short buttons side by side, two a row at most.
fn paired(buttons: Vec<Button>) -> Vec<Vec<Button>> {
    let mut rows: Vec<Vec<Button>> = Vec::new();
    for button in buttons {
        let short = |button: &Button| button.label.width() <= HALF_ROW_COLUMNS;
        match rows.last_mut() {
            Some(row) if row.len() == 1 && short(&row[0]) && short(&button) => row.push(button),
            _ => rows.push(vec![button]),
        }
    }
    rows
}

fn suggest(talk: &mut Talk<'_>, line: &str, ids: &[EntryId]) {
    let mut reply = Reply::new(talk.line(line, &[]));
    for button in ids.iter().filter_map(|id| entry_button(talk, id)) {
        reply = reply.row([button]);
    }
    talk.say(reply.row([talk.button("button-none-of-these", Choice::NoneOfThese)]));
}

/// Somebody found an answer helpful.
pub(super) fn helpful(talk: &mut Talk<'_>, id: &EntryId) {
    vote(talk, id, Vote::Helpful);
    let text = talk.line("thanks-for-vote", &[]);
    talk.say(Reply::new(text));
}

/// An answer was not what was asked: the next candidates, or the ways on.
pub(super) fn not_helpful(talk: &mut Talk<'_>, id: &EntryId) {
    vote(talk, id, Vote::NotHelpful);
    let others = talk
        .record
        .last_answer
        .take()
        .filter(|last| last.entry == *id)
        .map(|last| last.others)
        .unwrap_or_default();
    match others.is_empty() {
        true => none_of_these(talk),
        false => suggest(talk, "not-helpful", &others),
    }
}

/// One vote a chat and entry, the latest; of entries there are, so that forged buttons fill no record.
fn vote(talk: &mut Talk<'_>, id: &EntryId, vote: Vote) {
    if talk.base.knowledge.entry(id).is_some() {
        talk.record.votes.insert(id.clone(), vote);
    }
}

/// None of the suggestions, or not what was asked.
pub(super) fn none_of_these(talk: &mut Talk<'_>) {
    miss(talk, "none-of-these");
}

fn miss(talk: &mut Talk<'_>, line: &str) {
    talk.record.misses = talk.record.misses.saturating_add(1);
    let again = talk.record.misses >= MISSES_BEFORE_PERSON;
    let text = talk.line(if again { "not-known-again" } else { line }, &[]);
    let topics = talk.button("button-topics", Choice::Groups);
    let reply = Reply::new(text);
    let reply = match person_button(talk) {
        Some(person) if again => reply.row([person]).row([topics]),
        Some(person) => reply.row([topics]).row([person]),
        None => reply.row([topics]),
    };
    talk.say(reply);
}

/// The way to people, where the base has it.
pub(super) fn person_button(talk: &Talk<'_>) -> Option<Button> {
    let id: EntryId = PERSON_ENTRY.parse().ok()?;
    talk.base.knowledge.entry(&id)?;
    Some(talk.button("button-person", Choice::Entry(id)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialogue::Press;

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

    #[test]
    fn short_buttons_stand_side_by_side_and_never_three() {
        let button = |label: &str| Button::press(label, &Press::new(1, Choice::Done));
        let rows = paired(
            [
                "Yes",
                "No",
                "Maybe",
                "A label that needs the row",
                "否",
                "👍",
                "是",
            ]
            .map(button)
            .to_vec(),
        );
        assert_eq!(
            rows.iter().map(Vec::len).collect::<Vec<_>>(),
            [2, 1, 1, 2, 1]
        );
    }
}
