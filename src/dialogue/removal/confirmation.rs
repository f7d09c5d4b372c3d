//! The end of a removal: the PIN or code, if the owner set one up, and the explicit yes.
//!
//! Only the button of the confirmation screen, or a yes typed while it is open, removes the card from the list.

use crate::dialogue::{
    buttons,
    choice::Choice,
    ids::CardId,
    protection::setup,
    record::{Activity, Card, Stage, TRASH_DAYS},
    reply::Reply,
    screen::Screen,
    turn::TurnBuilder,
    wording,
};

/// The entry about a PIN or code that is not accepted.
const NOT_ACCEPTED_ENTRY: &str = "problem-verification-failed";

/// Takes a typed PIN or code.
pub(crate) fn take_proof(turn: &mut TurnBuilder<'_>, typed: &str) {
    turn.delete_typed();
    match setup::try_proof(turn, typed) {
        Ok(()) => {
            if let Activity::Removing(removal) = &mut turn.record.activity {
                removal.proved = true;
                removal.stage = Stage::Confirmation;
            }
        }
        Err(fault) => turn.note(fault),
    }
    turn.show(Screen::Present);
}

/// Takes the explicit yes: removes the card from the list. Changes nothing unless the confirmation of this card is
/// open.
pub(crate) fn confirm(turn: &mut TurnBuilder<'_>, card: CardId) {
    let is_taken_off = is_awaited(turn, card) && turn.record.take_off(card, turn.now);
    turn.show(if is_taken_off {
        Screen::TakenOff(card)
    } else {
        Screen::Present
    });
}

fn is_awaited(turn: &TurnBuilder<'_>, card: CardId) -> bool {
    turn.record.activity.removal().is_some_and(|removal| {
        removal.stage == Stage::Confirmation
            && removal.card == card
            && !turn.record.lacks_proof(removal)
    })
}

/// Takes a typed yes.
pub(crate) fn confirm_typed(turn: &mut TurnBuilder<'_>) {
    if let Some(card) = turn.record.activity.removal().map(|removal| removal.card) {
        confirm(turn, card);
    }
}

/// The question for the PIN or a code, or how long removal is locked.
pub(crate) fn draw_proof(turn: &TurnBuilder<'_>, card: &Card) -> Reply {
    let label = ("label", card.label.as_str().into());
    Reply::new(setup::proof_line(
        turn,
        ("proof-pin", "proof-code"),
        &[label],
    ))
    .row(buttons::named_entry_button(turn, NOT_ACCEPTED_ENTRY))
    .row([
        turn.button("button-back", Choice::Back),
        turn.button("button-pause", Choice::Pause),
    ])
    .row([turn.button("button-cancel", Choice::Cancel)])
}

/// The confirmation screen: which card, what will happen, and what will not.
pub(crate) fn draw(turn: &TurnBuilder<'_>, card: &Card) -> Reply {
    let label = || ("label", card.label.as_str().into());
    let details = wording::details(turn, card);
    let text = turn
        .line("confirm", &[label()])
        .below(1, turn.line("confirm-note", &[("details", details.into())]))
        .below(1, turn.line("confirm-bin", &[("days", TRASH_DAYS.into())]))
        .below(1, turn.line("confirm-how", &[]));
    let yes = turn.label("button-confirm", &[label()]);
    Reply::new(text)
        .row([turn.button_labelled(yes, Choice::Confirm(card.id))])
        .row([
            turn.button("button-details", Choice::Details(card.id)),
            turn.button("button-back", Choice::Back),
        ])
        .row([turn.button("button-keep", Choice::Cancel)])
}
