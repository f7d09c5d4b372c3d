//! A clock that jumps, either way, costs nobody cards, locks, codes or drafts.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use unbind_bot::{
    assistant::{Assistant, TimeSource},
    dialogue::{
        Activity, Card, CardId, ChatId, Context, DeadLetter, Event, Input, Record, Reminder,
        Removal, RemovedCard, Stage, TimeCheck, Turn, UpdateId,
        protection::credentials::{FailedAttempts, Protection},
        record::SeenUpdate,
        respond,
    },
    store::{AddressedReply, Commit, Store, memory::MemoryStore},
};

use crate::support::{ENTROPY, base};

const CHAT: ChatId = ChatId(7);
const DAY: SignedDuration = SignedDuration::from_hours(24);
const JUMP: SignedDuration = SignedDuration::from_hours(24 * 400);

fn now() -> Timestamp {
    "2026-06-01T12:00:00Z".parse().unwrap()
}

fn card(id: u32) -> Card {
    let wallet = "wallet-oppo".parse().unwrap();
    Card::new(CardId(id), format!("Card {id}"), wallet, now() - DAY * 90)
}

fn removal(card: u32, set_aside: Option<Timestamp>) -> Removal {
    Removal {
        card: CardId(card),
        reason: None,
        proved: false,
        stage: Stage::Reason,
        set_aside,
    }
}

/// A record in which everything that can expire was stored at this time.
fn full_record(at: Timestamp) -> Record {
    Record {
        activity: Activity::Removing(removal(1, None)),
        last_active: Some(at),
        paused: vec![removal(2, Some(at))],
        cancelled: Some(removal(3, Some(at))),
        cards: vec![card(1), card(2), card(3)],
        trash: vec![RemovedCard {
            card: card(4),
            removed: at,
            position: 0,
            reason: None,
        }],
        next_card: 5,
        reminders: vec![Reminder {
            card: CardId(4),
            at: at + SignedDuration::from_mins(30),
        }],
        review: Some(at + DAY * 90),
        dead_letters: vec![DeadLetter {
            at,
            update: None,
            fault: "a fault".into(),
            event: "an event".into(),
        }],
        updates: vec![SeenUpdate {
            id: UpdateId(5),
            at,
        }],
        ..Record::default()
    }
}

fn turn(record: &Record, input: Input, now: Timestamp, checked: TimeCheck) -> Turn {
    let base = base();
    let context = Context {
        base: &base,
        now,
        checked,
        entropy: ENTROPY,
    };
    respond(record, &Event::private(input), &context)
}

/// What can expire, as numbers: cards in the trash, paused and cancelled removals, letters, and whether one is under way.
fn kept(record: &Record) -> (usize, usize, usize, usize, bool) {
    (
        record.trash.len(),
        record.paused.len(),
        record.cancelled.iter().len(),
        record.dead_letters.len(),
        !record.activity.is_idle(),
    )
}

const ALL: (usize, usize, usize, usize, bool) = (1, 1, 1, 1, true);

#[test]
fn a_clock_ahead_of_the_messages_deletes_nothing() {
    let record = full_record(now());
    for ahead in [DAY * 31, JUMP] {
        for input in [
            Input::Wake,
            Input::from_text("hello"),
            Input::from_text("/faq"),
        ] {
            let checked = TimeCheck::AtLeast(now() + DAY);
            let after = turn(&record, input.clone(), now() + ahead, checked).record;
            assert_eq!(kept(&after), ALL, "{input:?}");
            // Before any message nothing is known.
            let unknown = TimeCheck::AtLeast(Timestamp::UNIX_EPOCH);
            let after = turn(&record, input.clone(), now() + ahead, unknown).record;
            assert_eq!(kept(&after), ALL, "{input:?}");
        }
    }
    let later = now() + DAY * 31;
    let after = turn(&record, Input::Wake, later, TimeCheck::AtLeast(later)).record;
    assert_eq!(kept(&after), (0, 0, 0, 0, false), "time that has passed");
}

#[test]
fn in_a_terminal_a_clock_that_was_ahead_for_a_day_deletes_nothing() {
    let mut record = full_record(now());
    for hour in [0, 1, 23] {
        let wrong = now() + JUMP + SignedDuration::from_hours(hour);
        for input in [Input::Wake, Input::from_text("hello")] {
            record = turn(&record, input, wrong, TimeCheck::Nothing).record;
            assert_eq!(kept(&record).0, 1, "hour {hour}");
        }
    }
    assert!(record.expired_seen.is_some());
    // The clock is right again.
    record = turn(&record, Input::Wake, now() + DAY, TimeCheck::Nothing).record;
    assert_eq!((kept(&record).0, record.expired_seen), (1, None));
    // A second time, long after the first, it is the first time again.
    record = turn(&record, Input::Wake, now() + JUMP + DAY, TimeCheck::Nothing).record;
    assert_eq!(kept(&record).0, 1);
}

#[test]
fn in_a_terminal_what_has_expired_goes_a_day_after_it_was_first_found_so() {
    let record = full_record(now());
    let first = now() + DAY * 31;
    let found = turn(&record, Input::Wake, first, TimeCheck::Nothing).record;
    assert_eq!(kept(&found), ALL);
    let found = Record {
        review: None,
        reminders: Vec::new(),
        reminder_sent: true,
        ..found
    };
    let again = found.wake_at().unwrap();
    assert_eq!(again, first + DAY);
    let after = turn(&found, Input::Wake, again, TimeCheck::Nothing).record;
    assert_eq!(kept(&after), (0, 0, 0, 0, false));
    assert_eq!((after.expired_seen, after.wake_at()), (None, None));
}

#[test]
fn times_stored_while_the_clock_was_ahead_are_shortened_once_it_is_right() {
    let ahead = full_record(now() + JUMP);
    let checked = TimeCheck::AtLeast(now() - DAY);
    let after = turn(&ahead, Input::Wake, now(), checked).record;
    assert_eq!(after.trash[0].removed, now());
    assert_eq!(after.last_active, Some(now()));
    assert_eq!(after.paused[0].set_aside, Some(now()));
    assert_eq!(after.reminders[0].at, now() + SignedDuration::from_mins(30));
    assert_eq!(after.review, Some(now() + DAY * 90));
    assert_eq!(
        (after.dead_letters[0].at, after.updates[0].at),
        (now(), now())
    );
}

#[test]
fn a_clock_that_is_behind_for_a_start_shortens_nothing() {
    let record = full_record(now());
    for behind in [SignedDuration::from_hours(1), JUMP] {
        for checked in [
            TimeCheck::AtLeast(Timestamp::UNIX_EPOCH),
            TimeCheck::Nothing,
        ] {
            let after = turn(&record, Input::Wake, now() - behind, checked).record;
            assert_eq!(after, record);
        }
    }
}

#[test]
fn a_lock_from_the_future_lasts_no_longer_than_it_was_meant_to() {
    for (locks, minutes, said) in [
        (1, 15, "15 more minutes"),
        (2, 60, "60 more minutes"),
        (3, 240, "4 more hours"),
        (4, 1440, "1 more day"),
        (9, 1440, "1 more day"),
    ] {
        for ahead in [SignedDuration::from_hours(25), DAY * 30, JUMP] {
            let record = locked(locks, now() + ahead);
            let turned = turn(
                &record,
                Input::from_text("t9-kajak"),
                now(),
                TimeCheck::Nothing,
            );
            let until = turned.record.failed_attempts.locked_until;
            assert_eq!(until, Some(now() + SignedDuration::from_mins(minutes)));
            let text = turned.replies[0].text.to_plain();
            assert!(text.contains(said), "{locks} locks: {text}");
        }
    }
}

fn locked(locks: u32, until: Timestamp) -> Record {
    let pin = unbind_bot::dialogue::protection::credentials::hash_pin("t9-kajak", &ENTROPY);
    Record {
        activity: Activity::Removing(Removal {
            stage: Stage::Proof,
            ..removal(1, None)
        }),
        cards: vec![card(1)],
        next_card: 2,
        protection: Some(Protection::Pin(pin.unwrap())),
        failed_attempts: FailedAttempts {
            wrong: 0,
            locks,
            locked_until: Some(until),
        },
        ..Record::default()
    }
}

/// An assistant that compares its clock with messages, with this record in its store.
async fn assistant_with(record: Record, source: TimeSource) -> Assistant {
    let store = Arc::new(MemoryStore::new());
    let commit = Commit {
        chat: CHAT,
        expected: 0,
        record: Some(record),
        replies: AddressedReply::to_chat(CHAT, []),
        now: now(),
    };
    store.commit(commit).await.unwrap();
    Assistant::new(base(), store).telling_time_by(source)
}

async fn say(assistant: &Assistant, update: u32, now: Timestamp) -> Record {
    let hello = Event::private(Input::from_text("/faq"));
    let update = Some(UpdateId(update));
    assistant.handle(CHAT, update, &hello, now).await.unwrap();
    assistant.store().load(CHAT).unwrap().record
}

#[tokio::test]
async fn one_start_with_a_clock_ahead_empties_no_trash_on_any_channel() {
    for source in [TimeSource::Messages, TimeSource::ClockAlone] {
        let assistant = assistant_with(full_record(now()), source).await;
        assistant.note_delivered_date(now(), now() + JUMP);
        let wrong = say(&assistant, 6, now() + JUMP).await;
        assert_eq!(kept(&wrong).0, 1, "{source:?}");
        assert!(
            wrong.has_seen(UpdateId(5)),
            "a redelivery is still recognised"
        );
        let right = say(&assistant, 7, now() + DAY).await;
        assert_eq!(kept(&right), ALL, "{source:?}");
    }
}

#[tokio::test]
async fn what_expires_is_deleted_when_the_messages_say_so() {
    let assistant = assistant_with(full_record(now()), TimeSource::Messages).await;
    let later = now() + DAY * 31;
    assert_eq!(
        kept(&say(&assistant, 6, later).await).0,
        1,
        "nothing is known"
    );
    assistant.note_delivered_date(later, later);
    assert_eq!(kept(&say(&assistant, 7, later).await).0, 0);
}

#[tokio::test]
async fn with_a_clock_behind_the_time_of_the_messages_is_used() {
    let assistant = assistant_with(full_record(now()), TimeSource::Messages).await;
    // The message under which a button was pressed.
    assistant.note_past_date(now());
    let record = say(&assistant, 6, now() - JUMP).await;
    let handled = record.updates.last().unwrap().at;
    assert!(handled >= now() && handled < now() + DAY, "{handled}");
}
