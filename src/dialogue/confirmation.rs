//! Before a card is gone: the proof, where its owner wants one, its details to be noted, and the explicit yes.
//!
//! Only the button of the last screen, or a clear yes typed at that very moment, takes the card off the list.

use super::{
    Activity, Attachment, Button, Card, CardId, Choice, Removal, RemovedCard, Reply, Stage, answer,
    cards, files,
    identity::Protection,
    outcome, protection,
    record::{BIN_DAYS, Deed},
    removal,
    talk::Talk,
};

/// The entry for when the PIN or code is not accepted.
const NOT_ACCEPTED_ENTRY: &str = "problem-verification-failed";

/// Asks for the PIN or a code; says for how long not, while removal is locked.
pub(super) fn ask_proof(talk: &mut Talk<'_>, card: &Card) {
    // It may have been switched off meanwhile.
    let Some(protection) = &talk.record.protection else {
        removal::go_to(talk, Stage::Confirmation);
        return removal::show(talk);
    };
    let question = match protection {
        Protection::Pin(_) => "proof-pin",
        Protection::Codes { .. } => "proof-code",
    };
    let text = match protection::locked_line(talk) {
        Some(locked) => locked,
        None => talk.line(question, &[("label", card.label.as_str().into())]),
    };
    let reply = Reply::new(text).row(not_accepted_button(talk));
    talk.show(
        reply
            .row([
                talk.button("button-back", Choice::Back),
                talk.button("button-pause", Choice::Pause),
            ])
            .row([talk.button("button-cancel", Choice::Cancel)]),
    );
}

fn not_accepted_button(talk: &Talk<'_>) -> Option<Button> {
    let entry = NOT_ACCEPTED_ENTRY.parse().ok()?;
    answer::entry_button(talk, &entry)
}

/// What was typed where the proof is awaited.
pub(super) fn proof_typed(talk: &mut Talk<'_>, typed: &str) {
    talk.take_away();
    match protection::prove(talk, typed) {
        Ok(()) => {
            if let Activity::Removing(removal) = &mut talk.record.activity {
                removal.proved = true;
                removal.stage = Stage::Confirmation;
            }
            removal::show(talk);
        }
        Err(fault) => {
            removal::show(talk);
            talk.preface(fault);
        }
    }
}

/// The last screen: which card, what will happen, and what will not.
pub(super) fn show(talk: &mut Talk<'_>, removal: &Removal, card: &Card) {
    if is_unproved(talk, removal) {
        removal::go_to(talk, Stage::Proof);
        return removal::show(talk);
    }
    let label = || card.label.as_str().into();
    let details = cards::details(talk, card);
    let text = talk
        .line("confirm", &[("label", label())])
        .below(1, talk.line("confirm-note", &[("details", details.into())]))
        .below(1, talk.line("confirm-bin", &[("days", BIN_DAYS.into())]))
        .below(1, talk.line("confirm-how", &[]));
    let yes = talk.words("button-confirm", &[("label", label())]);
    let reply = Reply::new(text)
        .row([talk.button_reading(yes, Choice::Confirm(card.id))])
        .row([
            talk.button("button-details", Choice::Details(card.id)),
            talk.button("button-back", Choice::Back),
        ])
        .row([talk.button("button-keep", Choice::Cancel)]);
    talk.show(reply);
}

fn is_unproved(talk: &Talk<'_>, removal: &Removal) -> bool {
    talk.record.protection.is_some() && !removal.proved
}

/// Sends what is known of a card as a file, and shows where we are.
pub(super) fn send_details(talk: &mut Talk<'_>, id: CardId) {
    let Some(card) = talk.record.card(id).cloned() else {
        return cards::say_gone(talk);
    };
    let file = Attachment::File {
        name: files::name_for_card(id, talk.now),
        content: files::one_card(&card, talk.now),
    };
    let text = talk.line("details-file", &[("label", card.label.as_str().into())]);
    talk.say(Reply::new(text).with_attachment(file));
}

/// The explicit yes: the card leaves the list. Anything but a yes to this very card at this very moment shows where we are.
pub(super) fn confirm(talk: &mut Talk<'_>, confirmed: CardId) {
    let Some(removal) = talk.record.activity.removal().cloned() else {
        return removal::show(talk);
    };
    let awaited = removal.stage == Stage::Confirmation
        && removal.card == confirmed
        && !is_unproved(talk, &removal);
    let mut cards = talk.record.cards.iter();
    let place = cards.position(|card| card.id == confirmed);
    let (true, Some(place)) = (awaited, place) else {
        return removal::show(talk);
    };
    let mut card = talk.record.cards.remove(place);
    card.note(Deed::TakenOff, talk.now);
    talk.record.bin.push(RemovedCard {
        card,
        removed: talk.now,
        place,
        reason: removal.reason,
    });
    removal::forget_aside(talk, confirmed);
    removal::go_to(talk, Stage::Outcome);
    removal::show(talk);
    let text = outcome::removed_line(talk, confirmed);
    talk.preface(text);
}

/// A yes typed at that very moment.
pub(super) fn yes_typed(talk: &mut Talk<'_>) {
    if let Some(card) = talk.record.activity.removal().map(|removal| removal.card) {
        confirm(talk, card);
    }
}
