//! After the confirmation: asks whether the card is gone from the wallet, helps if it is not, and offers what is useful
//! next for the reason of the removal.

use jiff::SignedDuration;

use crate::dialogue::{
    answers::entry,
    buttons,
    choice::{Choice, Reason},
    ids::CardId,
    record::{REMIND_OUTCOME_MINUTES, Reminder, TRASH_DAYS},
    reply::{Button, Reply},
    screen::Screen,
    turn::TurnBuilder,
    wording,
};

/// The entry shown when the card is still in the wallet.
const STILL_SHOWN_ENTRY: &str = "problem-status-stale";
/// The entry that says how to check whether the card is gone.
const CHECK_ENTRY: &str = "step-check-removed";
/// The entry about adding the card again, for example on a new phone.
const ADD_AGAIN_ENTRY: &str = "rebind-card";
/// The entry about keeping cards safe.
const SAFETY_ENTRY: &str = "card-security";

/// The card is gone from the wallet: ends the removal.
pub(crate) fn take_gone(turn: &mut TurnBuilder<'_>, card: CardId) {
    if check_in_trash(turn, card) {
        leave_question(turn, card);
        turn.show(Screen::CardGone(card));
    }
}

/// The card is still in the wallet: explains why, and offers ways to continue. The question stays open.
pub(crate) fn take_still_there(turn: &mut TurnBuilder<'_>, card: CardId) {
    if check_in_trash(turn, card) {
        entry::say_named_entry(turn, STILL_SHOWN_ENTRY);
        turn.show(Screen::StillThere(card));
    }
}

/// The person is not sure: explains how to check, and asks again.
pub(crate) fn take_not_sure(turn: &mut TurnBuilder<'_>, card: CardId) {
    if check_in_trash(turn, card) {
        entry::say_named_entry(turn, CHECK_ENTRY);
        turn.show(Screen::LookAgain(card));
    }
}

/// Schedules the question again after [`REMIND_OUTCOME_MINUTES`].
pub(crate) fn remind(turn: &mut TurnBuilder<'_>, card: CardId) {
    if check_in_trash(turn, card) {
        leave_question(turn, card);
        let at = turn.now + SignedDuration::from_mins(REMIND_OUTCOME_MINUTES);
        turn.record.reminders.push(Reminder { card, at });
        turn.show(Screen::WillRemind(card));
    }
}

/// Cancels the question: the card stays in the trash, and the bot does not claim that it is gone from the wallet.
pub(crate) fn leave_open(turn: &mut TurnBuilder<'_>, card: CardId) {
    leave_question(turn, card);
    turn.show(Screen::OutcomeLeftOpen(card));
}

/// Whether the card is still in the trash; if not, says so.
fn check_in_trash(turn: &mut TurnBuilder<'_>, card: CardId) -> bool {
    let is_there = turn.record.removed_card(card).is_some();
    if !is_there {
        turn.show_card_missing();
    }
    is_there
}

/// Ends the question and the reminders about this card.
fn leave_question(turn: &mut TurnBuilder<'_>, card: CardId) {
    turn.record
        .reminders
        .retain(|reminder| reminder.card != card);
    let removal = turn.record.activity.removal();
    if removal.is_some_and(|removal| removal.card == card && !removal.is_open()) {
        turn.record.leave();
    }
}

/// What was done and what is left on the list, above the question.
pub(crate) fn draw_taken_off(turn: &TurnBuilder<'_>, card: CardId) -> Option<Reply> {
    let label = ("label", turn.record.label_of(card).into());
    let removed = turn.line("removed", &[label]);
    let done = removed.below(1, wording::left_line(turn));
    Some(draw_question(turn, card, "look-again")?.with_note(done))
}

/// The question, worded by `line`; `None` if the card is no longer in the trash.
pub(crate) fn draw_question(turn: &TurnBuilder<'_>, card: CardId, line: &str) -> Option<Reply> {
    let removed = &turn.record.removed_card(card)?.card;
    let wallet = ("wallet", wording::wallet_name(turn, &removed.wallet).into());
    let label = ("label", removed.label.as_str().into());
    let reply = Reply::new(turn.line(line, &[wallet, label]))
        .row([
            turn.button("button-gone", Choice::Gone(card)),
            turn.button("button-still", Choice::StillThere(card)),
        ])
        .row([
            turn.button("button-not-sure", Choice::NotSure(card)),
            turn.button("button-undo", Choice::PutBack(card)),
        ]);
    Some(reply)
}

/// The end of the removal, with what is useful next for its reason.
pub(crate) fn draw_gone(turn: &TurnBuilder<'_>, card: CardId) -> Option<Reply> {
    let removed = turn.record.removed_card(card)?;
    let label = ("label", removed.card.label.as_str().into());
    let text = turn.line("all-gone", &[label, ("days", TRASH_DAYS.into())]);
    let reason = removed.reason.unwrap_or(Reason::Unsaid);
    let text = match reason {
        Reason::Unsaid => text,
        Reason::NewCard | Reason::NewPhone | Reason::Misuse | Reason::TidyingUp => {
            let next = turn.line(&format!("next-{}", reason.code()), &[]);
            text.below(2, next)
        }
    };
    let reply = buttons::with_paired(Reply::new(text), next_buttons(turn, reason));
    Some(reply.row([
        turn.button("button-undo", Choice::PutBack(card)),
        turn.button("button-cards", Choice::Cards(0)),
    ]))
}

fn next_buttons(turn: &TurnBuilder<'_>, reason: Reason) -> Vec<Button> {
    let entry = |id| buttons::named_entry_button(turn, id);
    let has_others = !turn.record.cards.is_empty();
    let review = || has_others.then(|| turn.button("button-review", Choice::Review(0)));
    let buttons = match reason {
        Reason::NewCard => vec![Some(turn.button("button-add-new", Choice::AddCard))],
        Reason::NewPhone => vec![entry(ADD_AGAIN_ENTRY)],
        Reason::Misuse => vec![review(), entry(SAFETY_ENTRY)],
        Reason::TidyingUp => vec![review()],
        Reason::Unsaid => Vec::new(),
    };
    buttons.into_iter().flatten().collect()
}

pub(crate) fn draw_still_there(turn: &TurnBuilder<'_>, card: CardId) -> Reply {
    let minutes = ("minutes", REMIND_OUTCOME_MINUTES.into());
    let remind = turn.label("button-remind", &[minutes]);
    Reply::new(turn.line("still-there-next", &[]))
        .row([turn.button_labelled(remind, Choice::RemindMe(card))])
        .row(gone_or_undo(turn, card))
        .row(buttons::person_button(turn))
}

pub(crate) fn draw_will_remind(turn: &TurnBuilder<'_>, card: CardId) -> Reply {
    let minutes = ("minutes", REMIND_OUTCOME_MINUTES.into());
    Reply::new(turn.line("will-remind", &[minutes])).row(gone_or_undo(turn, card))
}

fn gone_or_undo(turn: &TurnBuilder<'_>, card: CardId) -> [Button; 2] {
    [
        turn.button("button-gone", Choice::Gone(card)),
        turn.button("button-undo", Choice::PutBack(card)),
    ]
}

pub(crate) fn draw_left_open(turn: &TurnBuilder<'_>, card: CardId) -> Reply {
    let label = ("label", turn.record.label_of(card).into());
    Reply::new(turn.line("left-open", &[label])).row([
        turn.button("button-undo", Choice::PutBack(card)),
        turn.button("button-cards", Choice::Cards(0)),
    ])
}
