//! What happens though nobody does anything: what was kept long enough is swept, and people are reminded, each time once.
//!
//! When a chat wants to be woken is said by [`Record::wake_at`](super::Record::wake_at); the assistant keeps the clock.

use super::{
    Activity, Choice, Removal, Reply, Stage, outcome,
    record::{REVIEW_DAYS, UNFINISHED_DAYS, unfinished_until},
    removal,
    talk::Talk,
};
use jiff::SignedDuration;

/// Forgets what is past its time. What was left unfinished in the middle is not dropped without a word.
pub(super) fn sweep(talk: &mut Talk<'_>) {
    let now = talk.now;
    let record = &mut talk.record;
    record.bin.retain(|removed| removed.is_restorable(now));
    record.sweep_letters(now);
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
    let bin: Vec<_> = record.bin.iter().map(|removed| removed.card.id).collect();
    record
        .reminders
        .retain(|reminder| bin.contains(&reminder.card));
    if record.unfinished_until().is_some_and(|until| now > until) {
        put_away(talk);
    }
}

/// Ends what was left unfinished for too long, and says so.
fn put_away(talk: &mut Talk<'_>) {
    talk.record.suspended = None;
    let activity = std::mem::take(&mut talk.record.activity);
    let removal = activity.removal();
    let line = match removal.map(Removal::is_open) {
        Some(true) => "put-away-removal",
        // It was only asked how it went.
        Some(false) => return,
        None => "put-away",
    };
    let label = removal.map(|removal| removal::label_of(talk, removal.card));
    let text = talk.line(
        line,
        &[
            ("label", label.unwrap_or_default().into()),
            ("days", UNFINISHED_DAYS.into()),
        ],
    );
    talk.say(Reply::new(text).row([
        talk.button("button-guide", Choice::Unbind),
        talk.button("button-cards", Choice::Cards(0)),
    ]));
}

/// Says what is due, where it can be said.
pub(super) fn wake(talk: &mut Talk<'_>) {
    if talk.record.unreachable {
        return talk.say_nothing();
    }
    ask_again(talk);
    remind_unfinished(talk);
    ask_for_review(talk);
    talk.mark_unasked();
}

/// “Is it gone now?”, as was asked for.
fn ask_again(talk: &mut Talk<'_>) {
    let now = talk.now;
    let all = std::mem::take(&mut talk.record.reminders).into_iter();
    let (due, later): (Vec<_>, Vec<_>) = all.partition(|reminder| reminder.at <= now);
    talk.record.reminders = later;
    for reminder in due {
        if let Some(question) = outcome::question(talk, reminder.card, "gone-by-now") {
            talk.say(question);
        }
    }
}

/// One reminder of a removal left in the middle. Buttons of the step it shows stay good: nothing moved.
fn remind_unfinished(talk: &mut Talk<'_>) {
    let due = talk.record.remind_unfinished_at();
    if due.is_none_or(|at| talk.now < at) {
        return;
    }
    talk.record.reminded = true;
    let removal = match &talk.record.activity {
        Activity::Removing(removal) => removal.clone(),
        _ => return say_unfinished(talk, String::new(), "unfinished"),
    };
    if removal.stage == Stage::Outcome {
        let question = outcome::question(talk, removal.card, "gone-by-now");
        return question.into_iter().for_each(|question| talk.say(question));
    }
    let label = removal::label_of(talk, removal.card);
    say_unfinished(talk, label, "unfinished-card");
}

fn say_unfinished(talk: &mut Talk<'_>, label: String, line: &str) {
    let text = talk.line(
        line,
        &[("label", label.into()), ("days", UNFINISHED_DAYS.into())],
    );
    talk.say(
        Reply::new(text)
            .row([
                talk.button("button-continue", Choice::Continue),
                talk.button("button-cancel", Choice::Cancel),
            ])
            .row([talk.button("button-quiet", Choice::Quiet)]),
    );
}

/// No more reminders of what is left unfinished.
pub(super) fn be_quiet(talk: &mut Talk<'_>) {
    talk.record.quiet = true;
    let text = talk.line("quiet", &[]);
    talk.show(Reply::new(text));
}

/// “Still using these?”, for those who wanted to be asked.
fn ask_for_review(talk: &mut Talk<'_>) {
    if talk.record.review.is_none_or(|at| talk.now < at) {
        return;
    }
    talk.record.review = Some(talk.now + SignedDuration::from_hours(24 * REVIEW_DAYS));
    if talk.record.cards.is_empty() {
        return;
    }
    let text = talk.line("review-due", &[]);
    talk.say(Reply::new(text).row([
        talk.button("button-review", Choice::Review(0)),
        talk.button("button-review-off", Choice::ReviewOff),
    ]));
}
