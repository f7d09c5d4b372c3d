//! Changing what is known of a card: its label, its issuer, its last digits; its wallet is told anew by `adding`.

use super::{
    Activity, Card, CardId, Choice, Field, Reply, adding, cards,
    label::{self, LabelFault},
    record::Deed,
    talk::Talk,
};

/// Asks for a new value.
pub(super) fn begin(talk: &mut Talk<'_>, field: Field, id: CardId) {
    let Some(card) = talk.record.card(id).cloned() else {
        return cards::say_gone(talk);
    };
    if field == Field::Wallet {
        return adding::begin_changing(talk, &card);
    }
    talk.set_aside_for(Activity::Editing { card: id, field });
    ask(talk);
}

/// Asks for a new value, again.
pub(super) fn ask(talk: &mut Talk<'_>) {
    let Activity::Editing { card, field } = talk.record.activity else {
        return;
    };
    let Some(card) = talk.record.card(card).cloned() else {
        talk.leave();
        return cards::say_gone(talk);
    };
    let line = format!("edit-{}", field.code());
    let text = talk.line(&line, &[("label", card.label.as_str().into())]);
    let clear = optional(&card, field)
        .is_some()
        .then(|| talk.button("button-clear", Choice::Clear(field, card.id)));
    let cancel = talk.button("button-cancel", Choice::Cancel);
    talk.show(Reply::new(text).row(clear.into_iter().chain([cancel])));
}

/// What there is of a field that may be empty.
fn optional(card: &Card, field: Field) -> Option<&String> {
    match field {
        Field::Issuer => card.issuer.as_ref(),
        Field::Digits => card.digits.as_ref(),
        Field::Label | Field::Wallet => None,
    }
}

/// The new value, typed.
pub(super) fn typed(talk: &mut Talk<'_>, id: CardId, field: Field, typed: &str) {
    let value = match field {
        Field::Label => label::free_label(talk, typed, Some(id)),
        Field::Issuer => label::issuer(typed),
        Field::Digits => label::digits(typed),
        Field::Wallet => return ask(talk),
    };
    match value {
        Ok(value) => set(talk, id, field, Some(value)),
        Err(fault) => refuse(talk, field, fault, typed),
    }
}

fn refuse(talk: &mut Talk<'_>, field: Field, fault: LabelFault, typed: &str) {
    if fault.is_secret() {
        talk.take_away();
    }
    let text = match field {
        Field::Digits => LabelFault::NoDigits.say(talk, typed),
        _ => fault.say(talk, typed),
    };
    ask(talk);
    talk.preface(text);
}

/// Leaves a field empty; passed over where no new value is awaited.
pub(super) fn clear(talk: &mut Talk<'_>, field: Field, id: CardId) {
    let awaited = talk.record.activity == Activity::Editing { card: id, field };
    match awaited {
        true => set(talk, id, field, None),
        false => cards::view(talk, id),
    }
}

fn set(talk: &mut Talk<'_>, id: CardId, field: Field, value: Option<String>) {
    let now = talk.now;
    talk.leave();
    let Some(card) = talk.record.cards.iter_mut().find(|card| card.id == id) else {
        return cards::say_gone(talk);
    };
    match (field, value) {
        (Field::Label, Some(label)) => card.label = label,
        (Field::Issuer, issuer) => card.issuer = issuer,
        (Field::Digits, digits) => card.digits = digits,
        (Field::Label, None) | (Field::Wallet, _) => return cards::view(talk, id),
    }
    card.note(Deed::Changed(field), now);
    cards::show_changed(talk, id);
}
