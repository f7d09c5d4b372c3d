//! The trash: shows removed cards, and puts one back while it is kept ([`TRASH_DAYS`]).

use jiff::Timestamp;

use crate::dialogue::{
    buttons,
    choice::{Choice, Page},
    ids::CardId,
    record::{MAX_CARDS, NotPutBack, RemovedCard, TRASH_DAYS},
    reply::Reply,
    screen::Screen,
    turn::TurnBuilder,
};

/// Puts a removed card back on the list.
pub(crate) fn put_back(turn: &mut TurnBuilder<'_>, id: CardId) {
    let put_back = turn.record.put_back(id, turn.now);
    let label = put_back.map(|card| card.label.clone());
    let note = match label {
        Ok(label) => turn.line("put-back", &[("label", label.into())]),
        Err(NotPutBack::ListFull) => turn.line("cards-full", &[("most", MAX_CARDS.into())]),
        Err(NotPutBack::NotInTrash) => match turn.record.card(id) {
            Some(card) => turn.line("put-back", &[("label", card.label.as_str().into())]),
            None => turn.line("put-back-late", &[("days", TRASH_DAYS.into())]),
        },
    };
    turn.note(note);
    turn.show(Screen::Cards(0));
}

/// A page of the removed cards, newest first, each with the days it is still kept.
pub(crate) fn draw(turn: &TurnBuilder<'_>, page: Page) -> Reply {
    let trash = &turn.record.trash;
    let line = if trash.is_empty() {
        "bin-none"
    } else {
        "bin-title"
    };
    let to_button = |removed: &RemovedCard| {
        let days = days_left(removed, turn.now);
        let left = turn.label("days-left", &[("days", days.into())]);
        let label = format!("{} · {left}", removed.card.label);
        turn.button_labelled(label, Choice::PutBack(removed.card.id))
    };
    let newest_first = trash.iter().rev().map(to_button).collect();
    let reply = Reply::new(turn.line(line, &[]));
    let reply = buttons::with_page(turn, reply, newest_first, page, Choice::Trash);
    reply.row([turn.button("button-all-cards", Choice::Cards(0))])
}

/// Days a removed card is still kept, rounded up so that “0 days left” is not shown.
fn days_left(removed: &RemovedCard, now: Timestamp) -> i64 {
    let begun = removed.kept_until().duration_since(now).as_hours() / 24 + 1;
    begun.clamp(1, TRASH_DAYS)
}
