//! Changing a field of a card: its label, its issuer, its last digits. `adding` changes the wallet.

use crate::dialogue::{
    cards::{adding, card_text, list},
    choice::{Choice, Field},
    ids::CardId,
    record::{Activity, Card, CardEvent},
    reply::Reply,
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
    let value = match field {
        Field::Label => card_text::parse_unused_label(&turn.record, typed, Some(id)),
        Field::Issuer => card_text::parse_issuer(typed),
        Field::Digits => card_text::parse_digits(typed),
        Field::Wallet => return turn.show(Screen::Present),
    };
    match value {
        Ok(value) => set(turn, id, field, Some(value)),
        Err(fault) => card_text::refuse(turn, fault, typed),
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
    let now = turn.now;
    turn.record.leave();
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
