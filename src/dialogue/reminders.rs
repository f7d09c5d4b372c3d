//! What happens without a message from a person: expired data is deleted, and each reminder is sent once.
//!
//! [`Record::wake_at`](super::Record::wake_at) says when a chat is due; the assistant runs the timers.
//!
//! A clock that jumped deletes nothing. On Telegram the dates of messages say how late it is at least, and what has expired
//! by then is deleted. In a terminal nothing says so; there, what is found expired is deleted when it is found so once more,
//! a day later.

use jiff::{SignedDuration, Timestamp};

use super::{
    choice::Choice,
    context::{Context, TimeCheck},
    record::{
        EXPIRED_TWICE_HOURS, REVIEW_DAYS, Record, Removal, UNFINISHED_DAYS, days, unfinished_until,
    },
    reply::Reply,
    screen::Screen,
    turn::TurnBuilder,
};

/// Brings stored times back that a clock ahead has left, and deletes what has certainly expired. Says so if a procedure
/// under way is ended by this.
pub(super) fn sweep(turn: &mut TurnBuilder<'_>, context: &Context<'_>) {
    if context.clock_agrees() {
        turn.record.shorten_future_times(turn.now);
    }
    turn.record.failed_attempts.shorten_lock(turn.now);
    match context.checked {
        TimeCheck::AtLeast(passed) => {
            turn.record.expired_seen = None;
            delete_expired(turn, passed.min(context.now));
        }
        TimeCheck::Nothing => delete_expired_seen_twice(turn),
    }
}

/// Deletes what a clock that can be compared with nothing shows as expired at two times far apart: a clock that is wrong
/// for a moment deletes nothing.
fn delete_expired_seen_twice(turn: &mut TurnBuilder<'_>) {
    let now = turn.now;
    // A time still to come was noted while the clock was ahead.
    let seen = turn.record.expired_seen.filter(|seen| *seen <= now);
    let again = SignedDuration::from_hours(EXPIRED_TWICE_HOURS);
    let confirmed = seen.filter(|seen| now.duration_since(*seen) >= again);
    if let Some(seen) = confirmed {
        delete_expired(turn, seen);
    }
    let is_expired = turn.record.expires_at().is_some_and(|at| at <= now);
    turn.record.expired_seen = match (is_expired, seen, confirmed) {
        (false, ..) => None,
        (true, Some(seen), None) => Some(seen),
        (true, ..) => Some(now),
    };
}

/// Deletes what had expired at `now`.
fn delete_expired(turn: &mut TurnBuilder<'_>, now: Timestamp) {
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
    let trash: Vec<_> = record.trash.iter().map(|removed| removed.card.id).collect();
    record
        .reminders
        .retain(|reminder| trash.contains(&reminder.card));
    if record.unfinished_until().is_some_and(|until| now > until) {
        end_unfinished(turn);
    }
}

/// Ends a procedure that was left unfinished for too long, and says so.
fn end_unfinished(turn: &mut TurnBuilder<'_>) {
    turn.record.suspended = None;
    let activity = std::mem::take(&mut turn.record.activity);
    let removal = activity.removal();
    let line = match removal.map(Removal::is_open) {
        Some(true) => "put-away-removal",
        // Only the question how it went was open.
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

/// Sends the reminders that are due, unless the chat cannot be reached.
pub(super) fn wake(turn: &mut TurnBuilder<'_>) {
    if turn.record.unreachable {
        return turn.discard_outputs();
    }
    ask_again(turn);
    remind_unfinished(turn);
    ask_for_review(turn);
}

/// The bot was blocked or removed: no reminders are sent until a message arrives.
pub(super) fn note_unreachable(turn: &mut TurnBuilder<'_>) {
    turn.discard_outputs();
    // A chat without stored data gets no record for this alone.
    turn.record.unreachable = turn.record != Record::default();
}

/// Asks “Is it gone now?” where the person wanted to be asked again.
fn ask_again(turn: &mut TurnBuilder<'_>) {
    let now = turn.now;
    let reminders = std::mem::take(&mut turn.record.reminders).into_iter();
    let (due, later): (Vec<_>, Vec<_>) = reminders.partition(|reminder| reminder.at <= now);
    turn.record.reminders = later;
    for reminder in due {
        turn.show(Screen::GoneByNow(reminder.card));
    }
}

/// Reminds once of an unfinished procedure. The keyboard number stays, so buttons shown earlier remain valid.
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

/// Switches off reminders of unfinished procedures.
pub(super) fn switch_off(turn: &mut TurnBuilder<'_>) {
    turn.record.reminders_muted = true;
    turn.show(Screen::RemindersOff);
}

/// Asks “Still using these?” where the person switched reviews on.
fn ask_for_review(turn: &mut TurnBuilder<'_>) {
    if turn.record.review.is_none_or(|at| turn.now < at) {
        return;
    }
    turn.record.review = Some(turn.now + days(REVIEW_DAYS));
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
