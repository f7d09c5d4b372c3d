//! The review: looking through the cards, now or every few months, for those no longer used.

use super::{Activity, Choice, Page, Reply, cards, record::REVIEW_DAYS, talk::Talk};
use jiff::SignedDuration;

/// Shows the cards with the question which are still in use; a removal under way is gone on with first.
pub(super) fn begin(talk: &mut Talk<'_>, page: Page) {
    if talk.record.cards.is_empty() {
        return cards::list(talk, 0);
    }
    if talk.record.activity != Activity::Reviewing {
        talk.set_aside_for(Activity::Reviewing);
    }
    show(talk, page);
}

/// Shows a page of the review.
pub(super) fn show(talk: &mut Talk<'_>, page: Page) {
    let text = talk.line("review", &[]);
    let buttons = talk.record.cards.iter();
    let buttons = buttons.map(|card| cards::card_button(talk, card, Choice::UnbindCard(card.id)));
    let reply = cards::paged(
        talk,
        Reply::new(text),
        buttons.collect(),
        page,
        Choice::Review,
    );
    let switch = match talk.record.review {
        None => talk.button("button-review-on", Choice::ReviewOn),
        Some(_) => talk.button("button-review-off", Choice::ReviewOff),
    };
    let reply = reply.row([switch]);
    let still_used = talk.button("button-still-used", Choice::StillUsed);
    talk.show(reply.row([still_used, talk.button("button-cancel", Choice::Cancel)]));
}

/// All cards are still in use.
pub(super) fn still_used(talk: &mut Talk<'_>) {
    if talk.record.activity == Activity::Reviewing {
        talk.leave();
    }
    let text = match talk.record.review {
        Some(next) => talk.line("review-done-next", &[("date", cards::date(next).into())]),
        None => talk.line("review-done", &[]),
    };
    let reply = Reply::new(text).row([talk.button("button-cards", Choice::Cards(0))]);
    talk.show(reply);
}

/// Has the bot ask for a review from time to time, or not.
pub(super) fn switch(talk: &mut Talk<'_>, on: bool) {
    let next = talk.now + SignedDuration::from_hours(24 * REVIEW_DAYS);
    talk.record.review = on.then_some(next);
    let text = match on {
        true => talk.line(
            "review-on",
            &[
                ("days", REVIEW_DAYS.into()),
                ("date", cards::date(next).into()),
            ],
        ),
        false => talk.line("review-off", &[]),
    };
    match talk.record.activity {
        Activity::Reviewing => show(talk, 0),
        _ => cards::list(talk, 0),
    }
    talk.preface(text);
}
