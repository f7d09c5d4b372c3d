//! What happens though nobody does anything: what was kept long enough is swept, and people are reminded, each time once.
//!
//! When a chat wants to be woken is said by [`Record::wake_at`](super::Record::wake_at); the assistant keeps the clock.

use jiff::SignedDuration;

use super::{
    choice::Choice,
    record::{REVIEW_DAYS, Record, Removal, UNFINISHED_DAYS, unfinished_until},
    reply::Reply,
    screen::Screen,
    turn::TurnBuilder,
};

/// Forgets what is past its time. What was left unfinished in the middle is not dropped without a word.
pub(super) fn sweep(turn: &mut TurnBuilder<'_>) {
    let now = turn.now;
    let record = &mut turn.record;
    record.trash.retain(|removed| removed.is_restorable(now));
    record.sweep_dead_letters(now);
    let is_kept = |removal: &Removal| {
        let kept = removal.set_aside.map(unfinished_until);
        kept.is_none_or(|until| now <= until)
    };
    let cards: Vec<_> = record.cards.iter().map(|card| card.id).collect();
    record
        .paused
        .retain(|paused| is_kept(paused) && cards.contains(&paused.card));
    if record
        .cancelled
        .as_ref()
        .is_some_and(|removal| !is_kept(removal))
    {
        record.cancelled = None;
    }
    let bin: Vec<_> = record.trash.iter().map(|removed| removed.card.id).collect();
    record
        .reminders
        .retain(|reminder| bin.contains(&reminder.card));
    if record.unfinished_until().is_some_and(|until| now > until) {
        put_away(turn);
    }
}

/// Ends what was left unfinished for too long, and says so.
fn put_away(turn: &mut TurnBuilder<'_>) {
    turn.record.suspended = None;
    let activity = std::mem::take(&mut turn.record.activity);
    let removal = activity.removal();
    let line = match removal.map(Removal::is_open) {
        Some(true) => "put-away-removal",
        // It was only asked how it went.
        Some(false) => return,
        None => "put-away",
    };
    let label = removal.map_or("", |removal| turn.record.label_of(removal.card));
    let days = ("days", UNFINISHED_DAYS.into());
    let text = turn.line(line, &[("label", label.into()), days]);
    turn.say(Reply::new(text).row([
        turn.button("button-guide", Choice::Unbind),
        turn.button("button-cards", Choice::Cards(0)),
    ]));
}

/// Says what is due, where it can be said.
pub(super) fn wake(turn: &mut TurnBuilder<'_>) {
    if turn.record.unreachable {
        return turn.discard_outputs();
    }
    ask_again(turn);
    remind_unfinished(turn);
    ask_for_review(turn);
}

/// The chat takes no messages any more: no reminders are sent there until somebody writes again.
pub(super) fn note_unreachable(turn: &mut TurnBuilder<'_>) {
    turn.discard_outputs();
    // Of a chat that has nothing kept, nothing is kept for this either.
    turn.record.unreachable = turn.record != Record::default();
}

/// “Is it gone now?”, as was asked for.
fn ask_again(turn: &mut TurnBuilder<'_>) {
    let now = turn.now;
    let reminders = std::mem::take(&mut turn.record.reminders).into_iter();
    let (due, later): (Vec<_>, Vec<_>) = reminders.partition(|reminder| reminder.at <= now);
    turn.record.reminders = later;
    for reminder in due {
        turn.show(Screen::GoneByNow(reminder.card));
    }
}

/// One reminder of a removal left in the middle. Buttons of the step it shows stay good: nothing moved.
fn remind_unfinished(turn: &mut TurnBuilder<'_>) {
    let due = turn.record.remind_unfinished_at();
    if due.is_none_or(|at| turn.now < at) {
        return;
    }
    turn.record.reminder_sent = true;
    let removal = turn.record.activity.removal();
    turn.show(match removal.filter(|removal| !removal.is_open()) {
        Some(removal) => Screen::GoneByNow(removal.card),
        None => Screen::Unfinished,
    });
}

/// Sends no more reminders of what is left unfinished.
pub(super) fn switch_off(turn: &mut TurnBuilder<'_>) {
    turn.record.reminders_muted = true;
    turn.show(Screen::RemindersOff);
}

/// “Still using these?”, for those who wanted to be asked.
fn ask_for_review(turn: &mut TurnBuilder<'_>) {
    if turn.record.review.is_none_or(|at| turn.now < at) {
        return;
    }
    turn.record.review = Some(turn.now + SignedDuration::from_hours(24 * REVIEW_DAYS));
    if turn.record.cards.is_empty() {
        return;
    }
    let text = turn.line("review-due", &[]);
    turn.say(Reply::new(text).row([
        turn.button("button-review", Choice::Review(0)),
        turn.button("button-review-off", Choice::ReviewOff),
    ]));
}

pub(super) fn draw_unfinished(turn: &TurnBuilder<'_>) -> Reply {
    let removal = turn.record.activity.removal();
    let card = removal.map(|removal| turn.record.label_of(removal.card));
    let line = if card.is_some() {
        "unfinished-card"
    } else {
        "unfinished"
    };
    let label = ("label", card.unwrap_or_default().into());
    let text = turn.line(line, &[label, ("days", UNFINISHED_DAYS.into())]);
    Reply::new(text)
        .row([
            turn.button("button-continue", Choice::Continue),
            turn.button("button-cancel", Choice::Cancel),
        ])
        .row([turn.button("button-quiet", Choice::MuteReminders)])
}

pub(super) fn draw_switched_off(turn: &TurnBuilder<'_>) -> Reply {
    Reply::new(turn.line("quiet", &[]))
}
