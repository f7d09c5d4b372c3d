//! Changing a field of a card: its label, its issuer, its last digits. `adding` changes the wallet.

use crate::dialogue::{
    cards::{
        adding,
        card_text::{self, CardTextFault},
        list,
    },
    choice::{Choice, Field},
    ids::CardId,
    record::{Activity, Card, CardEvent},
    reply::Reply,
    said::{Answered, Part},
    screen::Screen,
    turn::TurnBuilder,
};

pub(crate) fn begin(turn: &mut TurnBuilder<'_>, field: Field, id: CardId) {
    let Some(card) = turn.record.card(id).cloned() else {
        return turn.show_card_missing();
    };
    if field == Field::Wallet {
        return adding::begin_changing(turn, &card);
    }
    turn.record
        .set_aside_for(Activity::Editing { card: id, field });
    turn.show(Screen::Present);
}

/// Takes the typed new value.
pub(crate) fn take_value(turn: &mut TurnBuilder<'_>, id: CardId, field: Field, typed: &str) {
    match parse_value(turn, id, field, typed) {
        Some(Ok(value)) => {
            turn.note_answered(Answered::Card(id, part_of(field)));
            set(turn, id, field, Some(value));
        }
        Some(Err(fault)) => card_text::refuse(turn, fault, typed),
        None => turn.show(Screen::Present),
    }
}

/// Takes a value that was corrected after it had been taken.
pub(crate) fn correct_value(turn: &mut TurnBuilder<'_>, id: CardId, field: Field, typed: &str) {
    match parse_value(turn, id, field, typed) {
        Some(Ok(value)) => {
            turn.note_answered(Answered::Card(id, part_of(field)));
            put(turn, id, field, Some(value));
        }
        Some(Err(fault)) => card_text::refuse(turn, fault, typed),
        None => {}
    }
}

/// A typed value; `None` for a wallet, which is not typed here.
fn parse_value(
    turn: &TurnBuilder<'_>,
    id: CardId,
    field: Field,
    typed: &str,
) -> Option<Result<String, CardTextFault>> {
    match field {
        Field::Label => Some(card_text::parse_unused_label(&turn.record, typed, Some(id))),
        Field::Issuer => Some(card_text::parse_issuer(typed)),
        Field::Digits => Some(card_text::parse_digits(typed)),
        Field::Wallet => None,
    }
}

fn part_of(field: Field) -> Part {
    match field {
        Field::Label => Part::Label,
        Field::Wallet => Part::Wallet,
        Field::Issuer => Part::Issuer,
        Field::Digits => Part::Digits,
    }
}

/// Empties a field, if its new value was asked for; otherwise shows the card.
pub(crate) fn clear(turn: &mut TurnBuilder<'_>, field: Field, id: CardId) {
    if turn.record.activity == (Activity::Editing { card: id, field }) {
        set(turn, id, field, None);
    } else {
        list::show_card(turn, id, Screen::Card);
    }
}

fn set(turn: &mut TurnBuilder<'_>, id: CardId, field: Field, value: Option<String>) {
    turn.record.leave();
    put(turn, id, field, value);
}

/// Writes a value on the card, and shows that.
fn put(turn: &mut TurnBuilder<'_>, id: CardId, field: Field, value: Option<String>) {
    let now = turn.now;
    let Some(card) = turn.record.card_mut(id) else {
        return turn.show_card_missing();
    };
    match (field, value) {
        (Field::Label, Some(label)) => card.label = label,
        (Field::Issuer, issuer) => card.issuer = issuer,
        (Field::Digits, digits) => card.digits = digits,
        (Field::Label, None) | (Field::Wallet, _) => return turn.show(Screen::Card(id)),
    }
    card.note(CardEvent::Changed(field), now);
    list::show_changed(turn, id);
}

/// The question for a new value.
pub(crate) fn draw(turn: &TurnBuilder<'_>, card: &Card, field: Field) -> Reply {
    let line = format!("edit-{}", field.code());
    let text = turn.line(&line, &[("label", card.label.as_str().into())]);
    let clear = || turn.button("button-clear", Choice::Clear(field, card.id));
    let clear = can_be_cleared(card, field).then(clear);
    let cancel = turn.button("button-cancel", Choice::Cancel);
    Reply::new(text).row(clear.into_iter().chain([cancel]))
}

fn can_be_cleared(card: &Card, field: Field) -> bool {
    match field {
        Field::Issuer => card.issuer.is_some(),
        Field::Digits => card.digits.is_some(),
        Field::Label | Field::Wallet => false,
    }
}
