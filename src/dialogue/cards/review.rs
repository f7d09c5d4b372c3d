//! The review: goes through the cards, now or every [`REVIEW_DAYS`], to find those no longer used.

use crate::dialogue::{
    buttons,
    choice::{Choice, Page},
    record::{Activity, REVIEW_DAYS, days},
    reply::Reply,
    screen::Screen,
    turn::TurnBuilder,
    wording,
};

/// Begins the review, or shows another page of it.
pub(crate) fn begin(turn: &mut TurnBuilder<'_>, page: Page) {
    if turn.record.cards.is_empty() {
        return turn.show(Screen::Cards(0));
    }
    if turn.record.activity != Activity::Reviewing {
        turn.record.set_aside_for(Activity::Reviewing);
    }
    turn.show(Screen::Review(page));
}

/// Takes the answer that all cards are still in use: ends the review.
pub(crate) fn confirm_all_used(turn: &mut TurnBuilder<'_>) {
    if turn.record.activity == Activity::Reviewing {
        turn.record.leave();
    }
    turn.show(Screen::ReviewDone);
}

/// Switches on a reminder to review the cards every [`REVIEW_DAYS`].
pub(crate) fn switch_on(turn: &mut TurnBuilder<'_>) {
    let next = turn.now + days(REVIEW_DAYS);
    turn.record.review = Some(next);
    let days = ("days", REVIEW_DAYS.into());
    let date = ("date", wording::date(next).into());
    turn.note(turn.line("review-on", &[days, date]));
    show_cards(turn);
}

/// Switches these reminders off.
pub(crate) fn switch_off(turn: &mut TurnBuilder<'_>) {
    turn.record.review = None;
    turn.note(turn.line("review-off", &[]));
    show_cards(turn);
}

fn show_cards(turn: &mut TurnBuilder<'_>) {
    turn.show(if turn.record.activity == Activity::Reviewing {
        Screen::Present
    } else {
        Screen::Cards(0)
    });
}

/// A page of the cards, with the question which of them are still in use.
pub(crate) fn draw(turn: &TurnBuilder<'_>, page: Page) -> Reply {
    let cards = turn.record.cards.iter();
    let to_button = |card| buttons::card_button(turn, card, Choice::UnbindCard(card.id));
    let listed = cards.map(to_button).collect();
    let reply = Reply::new(turn.line("review", &[]));
    let reply = buttons::with_page(turn, reply, listed, page, Choice::Review);
    let switch = match turn.record.review {
        None => turn.button("button-review-on", Choice::ReviewOn),
        Some(_) => turn.button("button-review-off", Choice::ReviewOff),
    };
    reply.row([switch]).row([
        turn.button("button-still-used", Choice::StillUsed),
        turn.button("button-cancel", Choice::Cancel),
    ])
}

pub(crate) fn draw_done(turn: &TurnBuilder<'_>) -> Reply {
    let text = match turn.record.review {
        Some(next) => turn.line("review-done-next", &[("date", wording::date(next).into())]),
        None => turn.line("review-done", &[]),
    };
    Reply::new(text).row([turn.button("button-cards", Choice::Cards(0))])
}
