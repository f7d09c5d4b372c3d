//! The bin: removed cards, and putting one back, for as long as they are kept.

use super::{
    CardId, Choice, Page, RemovedCard, Reply,
    cards::{self, MAX_CARDS},
    label,
    record::{BIN_DAYS, Deed},
    talk::Talk,
};
use jiff::{SignedDuration, Timestamp};

/// The removed cards, newest first, each with the days it is still kept.
pub(super) fn show(talk: &mut Talk<'_>, page: Page) {
    let line = match talk.record.bin.is_empty() {
        true => "bin-none",
        false => "bin-title",
    };
    let buttons = talk.record.bin.iter().rev().map(|removed| {
        let days = days_left(removed, talk.now);
        let left = talk.words("days-left", &[("days", days.into())]);
        let label = format!("{} · {left}", removed.card.label);
        talk.button_reading(label, Choice::PutBack(removed.card.id))
    });
    let reply = Reply::new(talk.line(line, &[]));
    let reply = cards::paged(talk, reply, buttons.collect(), page, Choice::Bin);
    talk.show(reply.row([talk.button("button-all-cards", Choice::Cards(0))]));
}

/// Days a removed card is still kept. The last one begun counts, so that nobody reads “0 days left”.
fn days_left(removed: &RemovedCard, now: Timestamp) -> i64 {
    let until = removed.removed + SignedDuration::from_hours(24 * BIN_DAYS);
    let begun = until.duration_since(now).as_hours() / 24 + 1;
    begun.clamp(0, BIN_DAYS)
}

/// Puts a removed card back where it was; its name gets a number, should it be taken by now.
pub(super) fn put_back(talk: &mut Talk<'_>, id: CardId) {
    let bin = &talk.record.bin;
    let Some(at) = bin.iter().position(|removed| removed.card.id == id) else {
        let text = match talk.record.card(id) {
            Some(card) => talk.line("put-back", &[("label", card.label.as_str().into())]),
            None => talk.line("put-back-late", &[("days", BIN_DAYS.into())]),
        };
        cards::list(talk, 0);
        return talk.preface(text);
    };
    if talk.record.cards.len() >= MAX_CARDS {
        let text = talk.line("cards-full", &[("most", MAX_CARDS.into())]);
        cards::list(talk, 0);
        return talk.preface(text);
    }
    let mut removed = talk.record.bin.remove(at);
    removed.card.label = free_label(talk, &removed.card.label);
    removed.card.note(Deed::PutBack, talk.now);
    let text = talk.line("put-back", &[("label", removed.card.label.as_str().into())]);
    let place = removed.place.min(talk.record.cards.len());
    talk.record.cards.insert(place, removed.card);
    talk.record.reminders.retain(|reminder| reminder.card != id);
    if talk
        .record
        .activity
        .removal()
        .is_some_and(|removal| removal.card == id)
    {
        talk.leave();
    }
    cards::list(talk, 0);
    talk.preface(text);
}

/// A label no card of the list has: this one, or this one with a number.
pub(super) fn free_label(talk: &Talk<'_>, label: &str) -> String {
    let numbered = (2..).map(|number| format!("{label} {number}"));
    let mut labels = std::iter::once(label.to_owned()).chain(numbered);
    let is_free = |wanted: &String| !label::is_taken(talk, wanted, None);
    labels.find(is_free).unwrap_or_default()
}
