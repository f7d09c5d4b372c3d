//! After the yes: is the card gone from the wallet, too? What to do when it is not, and what the reason for the removal
//! makes useful next.

use super::{
    Activity, Button, CardId, Choice, Reason, Reply, answer, cards,
    record::{BIN_DAYS, REMIND_OUTCOME_MINUTES, Reminder},
    removal,
    talk::Talk,
};
use crate::{knowledge::EntryId, markup::RichText};
use jiff::SignedDuration;

/// The entry shown when the card does not go away.
const STILL_SHOWN_ENTRY: &str = "problem-status-stale";
/// The entry that tells how to look.
const CHECK_ENTRY: &str = "step-check-removed";
/// The entry on adding the card again, on the new phone say.
const ADD_AGAIN_ENTRY: &str = "rebind-card";
/// The entry with the measures that keep cards safe.
const SAFETY_ENTRY: &str = "card-security";

/// What was done, and what is left on the list.
pub(super) fn removed_line(talk: &Talk<'_>, card: CardId) -> RichText {
    let cards = talk.record.cards.iter();
    let labels: Vec<_> = cards.map(|card| card.label.as_str()).collect();
    let left = match labels.is_empty() {
        true => talk.line("left-none", &[]),
        false => talk.line("left-cards", &[("labels", cards::listed(&labels).into())]),
    };
    let label = removal::label_of(talk, card);
    talk.line("removed", &[("label", label.into())])
        .below(1, left)
}

/// Asks whether the card is gone from the wallet.
pub(super) fn ask(talk: &mut Talk<'_>, card: CardId) {
    let Some(reply) = question(talk, card, "look-again") else {
        talk.record.activity = Activity::Idle;
        return;
    };
    talk.show(reply);
}

/// The question after a while, in a message of its own; `None` if the card is not in the bin any more.
pub(super) fn question(talk: &Talk<'_>, card: CardId, line: &str) -> Option<Reply> {
    let removed = &talk.record.removed_card(card)?.card;
    let wallet = cards::wallet_name(talk, &removed.wallet);
    let label = removed.label.as_str();
    let text = talk.line(line, &[("wallet", wallet.into()), ("label", label.into())]);
    let reply = Reply::new(text)
        .row([
            talk.button("button-gone", Choice::Gone(card)),
            talk.button("button-still", Choice::StillThere(card)),
        ])
        .row([
            talk.button("button-not-sure", Choice::NotSure(card)),
            talk.button("button-undo", Choice::PutBack(card)),
        ]);
    Some(reply)
}

/// Leaves the question, if it is about this card.
fn leave_question(talk: &mut Talk<'_>, card: CardId) {
    talk.record
        .reminders
        .retain(|reminder| reminder.card != card);
    let removal = talk.record.activity.removal();
    if removal.is_some_and(|removal| removal.card == card && !removal.is_open()) {
        talk.leave();
    }
}

/// The card is gone from the wallet: the removal is over, and what its reason makes useful is offered.
pub(super) fn all_gone(talk: &mut Talk<'_>, card: CardId) {
    let Some(removed) = talk.record.removed_card(card).cloned() else {
        return cards::say_gone(talk);
    };
    leave_question(talk, card);
    let label = removed.card.label.as_str().into();
    let text = talk.line("all-gone", &[("label", label), ("days", BIN_DAYS.into())]);
    let reason = removed.reason.unwrap_or(Reason::Unsaid);
    let text = match reason {
        Reason::Unsaid => text,
        _ => text.below(2, talk.line(&format!("next-{}", reason.code()), &[])),
    };
    let reply = answer::with_paired(Reply::new(text), ways_on(talk, reason));
    talk.show(reply.row([
        talk.button("button-undo", Choice::PutBack(card)),
        talk.button("button-cards", Choice::Cards(0)),
    ]));
}

fn ways_on(talk: &Talk<'_>, reason: Reason) -> Vec<Button> {
    let entry = |id: &str| {
        let id: EntryId = id.parse().ok()?;
        answer::entry_button(talk, &id)
    };
    let others = !talk.record.cards.is_empty();
    let review = || others.then(|| talk.button("button-review", Choice::Review(0)));
    let buttons = match reason {
        Reason::NewCard => vec![Some(talk.button("button-add-new", Choice::AddCard))],
        Reason::NewPhone => vec![entry(ADD_AGAIN_ENTRY)],
        Reason::Misuse => vec![review(), entry(SAFETY_ENTRY)],
        Reason::TidyingUp => vec![review()],
        Reason::Unsaid => Vec::new(),
    };
    buttons.into_iter().flatten().collect()
}

/// The card is still in the wallet: why that happens, and the ways on. The question stays open.
pub(super) fn still_there(talk: &mut Talk<'_>, card: CardId) {
    if talk.record.removed_card(card).is_none() {
        return cards::say_gone(talk);
    }
    show_entry(talk, STILL_SHOWN_ENTRY);
    let remind = talk.words(
        "button-remind",
        &[("minutes", REMIND_OUTCOME_MINUTES.into())],
    );
    let reply = Reply::new(talk.line("still-there-next", &[]))
        .row([talk.button_reading(remind, Choice::RemindMe(card))])
        .row([
            talk.button("button-gone", Choice::Gone(card)),
            talk.button("button-undo", Choice::PutBack(card)),
        ])
        .row(answer::person_button(talk));
    talk.show(reply);
}

/// Not sure: how to look, then the question again.
pub(super) fn not_sure(talk: &mut Talk<'_>, card: CardId) {
    let Some(question) = question(talk, card, "look-again") else {
        return cards::say_gone(talk);
    };
    show_entry(talk, CHECK_ENTRY);
    talk.show(question);
}

fn show_entry(talk: &mut Talk<'_>, id: &str) {
    if let Ok(entry) = id.parse() {
        answer::entry(talk, &entry, answer::Shown::ByButton);
    }
}

/// Asks again after a while.
pub(super) fn remind(talk: &mut Talk<'_>, card: CardId) {
    if talk.record.removed_card(card).is_none() {
        return cards::say_gone(talk);
    }
    leave_question(talk, card);
    let at = talk.now + SignedDuration::from_mins(REMIND_OUTCOME_MINUTES);
    talk.record.reminders.push(Reminder { card, at });
    let text = talk.line("will-remind", &[("minutes", REMIND_OUTCOME_MINUTES.into())]);
    talk.show(Reply::new(text).row([
        talk.button("button-gone", Choice::Gone(card)),
        talk.button("button-undo", Choice::PutBack(card)),
    ]));
}

/// The question is left without an answer: the card stays off the list, and nobody claims that it is gone.
pub(super) fn leave_open(talk: &mut Talk<'_>, card: CardId) {
    let label = removal::label_of(talk, card);
    leave_question(talk, card);
    let text = talk.line("left-open", &[("label", label.into())]);
    talk.show(Reply::new(text).row([
        talk.button("button-undo", Choice::PutBack(card)),
        talk.button("button-cards", Choice::Cards(0)),
    ]));
}
