//! Tests of the removal: every step for each wallet, phone and kind of card in both languages, with every exit at each
//! step; and the rules of the stages. Each turn is also checked against `support::promises`.

use crate::support::{
    knowledge,
    promises::{Chat, PIN, respond_at},
};
use jiff::{SignedDuration, Timestamp};
use unbind_bot::{
    dialogue::{
        Activity, Card, CardDraft, CardId, Choice, Event, Field, Input, MessageId, Place, Press,
        Reason, Receipt, Record, Removal, Reply, Stage, record,
    },
    knowledge::{CardKind, EntryId, Guide, Language, PhoneSystem, guide::STEP_IDS},
};

/// Every combination of wallet, phone system and kind, including none.
fn cards() -> impl Iterator<Item = (EntryId, Option<PhoneSystem>, Option<CardKind>)> {
    let guides = knowledge().guides_in_order().into_iter();
    guides.flat_map(|(id, guide): (&EntryId, &Guide)| {
        let systems = guide.systems.iter().copied().map(Some).chain([None]);
        systems.flat_map(move |system| {
            let kinds = guide.kinds.iter().copied().map(Some).chain([None]);
            kinds.map(move |kind| (id.clone(), system, kind))
        })
    })
}

fn chat_with(card: &(EntryId, Option<PhoneSystem>, Option<CardKind>), language: Language) -> Chat {
    let (wallet, system, kind) = card.clone();
    let mut chat = Chat::new();
    let card = Card {
        system,
        kind,
        ..Card::new(CardId(0), "Office", wallet, chat.now)
    };
    chat.record.cards.push(card);
    chat.record.next_card = 1;
    chat.record.language = Some(language);
    chat
}

fn stage(chat: &Chat) -> Option<&Stage> {
    chat.record.activity.removal().map(|removal| &removal.stage)
}

fn step(chat: &Chat) -> &str {
    match stage(chat) {
        Some(Stage::Step(step)) => step.as_str(),
        other => panic!("no step but {other:?}"),
    }
}

/// Takes every exit of the present step, and returns to it.
fn take_every_exit(chat: &mut Chat) {
    let here = chat.record.activity.clone();
    chat.choose(&Choice::LooksDifferent);
    chat.choose(&Choice::Continue);
    assert_eq!(chat.record.activity, here);
    chat.choose(&Choice::Pause);
    assert_eq!(chat.record.activity, Activity::Idle);
    chat.choose(&Choice::UnbindCard(CardId(0)));
    assert_eq!(chat.record.activity, here);
    chat.choose(&Choice::Cancel);
    assert_eq!(chat.record.activity, Activity::Idle);
    chat.choose(&Choice::Uncancel);
    assert_eq!(chat.record.activity, here);
    chat.say("does the plastic card still work?");
    assert_eq!(chat.record.activity, here);
    chat.say("yes please take it off");
    assert_eq!(chat.record.activity, here);
    assert_eq!(chat.record.cards.len(), 1);
}

#[test]
fn every_step_of_every_wallet_phone_and_kind_is_reached_and_left_by_every_exit() {
    let mut seen = 0;
    for card in cards() {
        for language in [Language::EN, Language::ZH] {
            let mut chat = chat_with(&card, language);
            chat.say("/unbind");
            chat.choose(&Choice::UnbindCard(CardId(0)));
            chat.choose(&Choice::Why(Reason::TidyingUp));
            for (index, id) in STEP_IDS.into_iter().enumerate() {
                assert_eq!(step(&chat), id, "{card:?}");
                take_every_exit(&mut chat);
                if index > 0 {
                    chat.choose(&Choice::Back);
                    assert_eq!(step(&chat), STEP_IDS[index - 1]);
                    chat.choose(&Choice::Done);
                }
                chat.choose(&Choice::Done);
                seen += 1;
            }
            assert_eq!(stage(&chat), Some(&Stage::Confirmation));
            chat.choose(&Choice::Confirm(CardId(0)));
            assert_eq!(stage(&chat), Some(&Stage::Outcome));
            chat.choose(&Choice::Gone(CardId(0)));
            assert_eq!(chat.record.activity, Activity::Idle);
        }
    }
    assert!(seen >= 10 * 5 * 2, "only {seen} steps");
}

#[test]
fn misuse_shows_all_steps_of_every_wallet_phone_and_kind_at_once() {
    for card in cards() {
        let mut chat = chat_with(&card, Language::EN);
        chat.say("/unbind");
        chat.choose(&Choice::UnbindCard(CardId(0)));
        chat.choose(&Choice::Why(Reason::Misuse));
        assert_eq!(stage(&chat), Some(&Stage::AllSteps), "{card:?}");
        take_every_exit(&mut chat);
        chat.choose(&Choice::Done);
        assert_eq!(stage(&chat), Some(&Stage::Confirmation));
    }
}

/// The one reply to a button of an older keyboard, on a message that is not the present screen.
fn reply_to_old_button(record: &Record, choice: Choice, now: Timestamp) -> Reply {
    let event = Event::private(Input::Press {
        press: Some(Press::new(record.keyboard.wrapping_sub(1), choice)),
        message: MessageId(999),
    });
    let mut replies = respond_at(record, &event, now).replies;
    assert_eq!(replies.len(), 1, "{replies:?}");
    let reply = replies.remove(0);
    let said = reply.text.to_plain();
    assert!(said.starts_with("That button is from earlier"), "{said}");
    assert!(!reply.buttons.is_empty(), "{said}");
    reply
}

const HERE_WE_ARE: &str = "Here is where we are";

#[test]
fn an_old_button_shows_the_present_step_and_announces_it() {
    let chat = at_confirmation();
    let reply = reply_to_old_button(&chat.record, Choice::Done, chat.now);
    assert!(reply.text.to_plain().contains(HERE_WE_ARE));
}

#[test]
fn an_old_button_pressed_after_the_removal_was_put_away_gets_one_message() {
    let chat = at_confirmation();
    let later = chat.now + SignedDuration::from_hours(24 * 31);
    let reply = reply_to_old_button(&chat.record, Choice::Done, later);
    let said = reply.text.to_plain();
    assert!(said.contains("so I have put that away"), "{said}");
    assert!(!said.contains(HERE_WE_ARE), "{said}");
}

#[test]
fn an_old_button_pressed_after_the_card_is_gone_announces_no_step() {
    let mut chat = at_confirmation();
    chat.record.cards.clear();
    let reply = reply_to_old_button(&chat.record, Choice::Done, chat.now);
    let said = reply.text.to_plain();
    assert!(
        said.contains("That card is no longer on your list"),
        "{said}"
    );
    assert!(!said.contains(HERE_WE_ARE), "{said}");
}

#[test]
fn an_old_button_pressed_when_a_draft_is_complete_adds_the_card_and_announces_no_question() {
    let draft = CardDraft {
        label: Some("Lab".to_owned()),
        wallet: Some("wallet-oppo".parse().expect("an id")),
        kind_skipped: true,
        ..CardDraft::default()
    };
    // As after a reload of the base, in which the last question was dropped.
    let record = Record {
        activity: Activity::Adding {
            draft,
            then_unbind: false,
        },
        ..Record::default()
    };
    let reply = reply_to_old_button(&record, Choice::Skip, Chat::new().now);
    let said = reply.text.to_plain();
    assert!(said.contains("“Lab” is on your list"), "{said}");
    assert!(!said.contains(HERE_WE_ARE), "{said}");
}

/// A chat at the confirmation of its one card.
fn at_confirmation() -> Chat {
    let wallet = "wallet-oppo".parse().expect("an id");
    let mut chat = chat_with(&(wallet, None, None), Language::EN);
    chat.say("/unbind");
    chat.choose(&Choice::UnbindCard(CardId(0)));
    chat.choose(&Choice::Why(Reason::Unsaid));
    for _ in STEP_IDS {
        chat.choose(&Choice::Done);
    }
    assert_eq!(stage(&chat), Some(&Stage::Confirmation));
    chat
}

#[test]
fn undoing_puts_the_card_back_exactly_where_it_was() {
    let mut chat = at_confirmation();
    let wallet: EntryId = "wallet-vivo".parse().expect("an id");
    for (place, id) in [(0, 1), (2, 2)] {
        let card = Card::new(CardId(id), format!("Card {id}"), wallet.clone(), chat.now);
        chat.record.cards.insert(place, card);
    }
    let before = chat.record.cards.clone();
    chat.choose(&Choice::Confirm(CardId(0)));
    assert_eq!(chat.record.cards.len(), 2);
    chat.choose(&Choice::PutBack(CardId(0)));
    for (before, after) in before.iter().zip(&chat.record.cards) {
        let history = after.history.clone();
        assert_eq!(
            Card {
                history,
                ..before.clone()
            },
            *after
        );
    }
    assert!(chat.record.trash.is_empty());
}

#[test]
fn two_taps_on_the_yes_are_one_removal_and_an_old_yes_is_none() {
    let mut chat = at_confirmation();
    let old_yes = chat
        .shown
        .iter()
        .rfind(|(press, _)| press.choice == Choice::Confirm(CardId(0)));
    let old_yes = old_yes.cloned();
    chat.press(old_yes.clone());
    chat.press(old_yes.clone());
    assert_eq!((chat.record.cards.len(), chat.record.trash.len()), (0, 1));
    chat.choose(&Choice::PutBack(CardId(0)));
    chat.press(old_yes);
    assert_eq!((chat.record.cards.len(), chat.record.trash.len()), (1, 0));
}

#[test]
fn a_question_at_the_yes_is_answered_and_is_not_a_yes() {
    let mut chat = at_confirmation();
    for text in [
        "is it ok if i say yes later?",
        "yes but will the plastic card still work",
        "是的但是实体卡还能用吗",
        "ok",
        "done",
        "👍",
    ] {
        chat.say(text);
        assert_eq!(chat.record.cards.len(), 1, "{text}");
        assert_eq!(stage(&chat), Some(&Stage::Confirmation), "{text}");
    }
    chat.say(" YES! ");
    assert!(chat.record.cards.is_empty());
}

#[test]
fn a_pin_set_up_in_the_middle_is_asked_for_before_the_yes_counts() {
    let mut chat = at_confirmation();
    chat.set_pin();
    assert_eq!(stage(&chat), Some(&Stage::Proof));
    chat.press(Some((
        Press::new(chat.record.keyboard, Choice::Confirm(CardId(0))),
        MessageId(1),
    )));
    chat.say("yes");
    assert_eq!(chat.record.cards.len(), 1);
    chat.say(PIN);
    chat.choose(&Choice::Confirm(CardId(0)));
    assert!(chat.record.cards.is_empty());
}

#[test]
fn five_wrong_tries_lock_for_a_quarter_of_an_hour_and_then_for_longer_also_across_restarts() {
    let mut chat = at_confirmation();
    chat.set_pin();
    for minutes in [15, 60, 240, 1440, 1440] {
        for _ in 0..5 {
            chat.say("wrong-one");
            chat.say("ok");
        }
        let written = serde_json::to_string(&chat.record).expect("written");
        chat.record = serde_json::from_str(&written).expect("read");
        chat.say(PIN);
        assert_eq!(stage(&chat), Some(&Stage::Proof), "locked");
        let locked = chat.record.failed_attempts.locked_until.expect("locked");
        // The fifth attempt is followed by a word and another attempt.
        let begun = chat.now - SignedDuration::from_secs(3);
        assert_eq!(
            locked.duration_since(begun),
            SignedDuration::from_mins(minutes)
        );
        chat.now = locked + SignedDuration::from_secs(1);
    }
    chat.say(PIN);
    assert_eq!(stage(&chat), Some(&Stage::Confirmation));
    assert_eq!(chat.record.failed_attempts.locks, 0);
}

#[test]
fn switching_the_pin_off_needs_it() {
    let mut chat = at_confirmation();
    chat.set_pin();
    chat.say("/protect");
    chat.choose(&Choice::Unprotect);
    chat.say("wrong-one");
    assert!(chat.record.protection.is_some());
    chat.say(PIN);
    assert!(chat.record.protection.is_none());
    assert_eq!(stage(&chat), Some(&Stage::Confirmation));
}

#[test]
fn a_question_about_a_card_that_was_put_back_meanwhile_ends_with_an_answer() {
    let mut chat = at_confirmation();
    let other = Card::new(CardId(1), "Home", "wallet-oppo".parse().unwrap(), chat.now);
    chat.record.cards.push(other);
    chat.record.next_card = 2;
    chat.choose(&Choice::Confirm(CardId(0)));
    chat.say("/cards");
    chat.choose(&Choice::Card(CardId(1)));
    chat.choose(&Choice::Edit(Field::Issuer, CardId(1)));
    chat.choose(&Choice::Trash(0));
    chat.choose(&Choice::PutBack(CardId(0)));
    // Back from the change, the question whether "Office" is gone has lost its card. Each turn must be answered.
    chat.say("Harbour Tower");
    assert_eq!(chat.record.activity, Activity::Idle);
    assert_eq!(
        chat.record
            .card(CardId(1))
            .and_then(|card| card.issuer.as_deref()),
        Some("Harbour Tower")
    );
}

#[test]
fn a_reminder_is_said_once_and_can_be_turned_off() {
    let mut chat = at_confirmation();
    let said = |chat: &mut Chat| {
        let before = chat.shown.len();
        chat.now = chat.record.wake_at().expect("something is due");
        chat.turn(Input::Wake);
        chat.shown.len() > before
    };
    assert!(said(&mut chat), "after a day without a word");
    assert!(chat.record.reminder_sent);
    let next = chat
        .record
        .wake_at()
        .expect("the place is kept for a while");
    assert!(next.duration_since(chat.now) > SignedDuration::from_hours(24 * 28));
    chat.choose(&Choice::MuteReminders);
    let next = chat
        .record
        .wake_at()
        .expect("the place is kept for a while");
    assert!(next.duration_since(chat.now) > SignedDuration::from_hours(24 * 29));
    assert!(said(&mut chat), "that it was put away is said");
    assert_eq!(chat.record.activity, Activity::Idle);
}

#[test]
fn who_blocked_the_bot_is_not_reminded_until_they_write_again() {
    let mut chat = at_confirmation();
    let due = chat.record.wake_at().expect("a reminder");
    chat.turn(Input::Receipt(Receipt::Unreachable));
    let said = chat.shown.len();
    assert!(chat.record.wake_at().is_none_or(|at| at > due));
    // A wake-up for another reason, or too early, sends nothing either.
    chat.now = due;
    chat.turn(Input::Wake);
    assert_eq!(chat.shown.len(), said);
    assert!(!chat.record.reminder_sent, "it is still to be said");
    chat.turn(Input::Text("hello".to_owned()));
    let due = chat.record.wake_at().expect("a reminder");
    chat.now = due;
    let said = chat.shown.len();
    chat.turn(Input::Wake);
    assert!(chat.shown.len() > said);
}

#[test]
fn expired_data_is_deleted_without_a_message_from_the_person() {
    let mut chat = at_confirmation();
    chat.choose(&Choice::Confirm(CardId(0)));
    chat.choose(&Choice::Gone(CardId(0)));
    let mut naps = 0;
    while let Some(at) = chat.record.wake_at() {
        chat.now = at;
        chat.turn(Input::Wake);
        naps += 1;
        assert!(naps < 10, "it never rests: {:?}", chat.record);
    }
    assert!(chat.record.trash.is_empty());
}

#[test]
fn privacy_states_the_retention_times_that_apply() {
    for (language, days, hours) in [
        (Language::EN, "days", "hours"),
        (Language::ZH, "天", "小时"),
    ] {
        let record = Record {
            language: Some(language),
            ..Record::default()
        };
        let event = Event::private(Input::from_text("/privacy"));
        let turn = respond_at(&record, &event, Chat::new().now);
        let said = turn.replies[0].text.to_plain();
        for (number, unit) in [
            (record::TRASH_DAYS, days),
            (record::UNFINISHED_DAYS, days),
            (record::REVIEW_DAYS, days),
            (record::REMEMBER_UPDATES_HOURS, hours),
        ] {
            assert!(
                said.contains(&format!("{number} {unit}")),
                "{number} {unit} in {said}"
            );
        }
    }
}

#[test]
fn a_removal_whose_card_is_gone_ends_and_says_so() {
    let mut chat = at_confirmation();
    chat.record.cards.clear();
    chat.say("yes");
    assert_eq!(chat.record.activity, Activity::Idle);
}

#[test]
fn buttons_in_a_group_belong_to_the_person_who_asked() {
    let ann = unbind_bot::dialogue::UserId(7);
    let event = Event {
        place: Place::Group,
        from: Some(ann),
        ..Event::private(Input::from_text("how do I unbind my card"))
    };
    let chat = Chat::new();
    let turn = respond_at(&chat.record, &event, chat.now);
    let presses: Vec<Press> = turn
        .replies
        .iter()
        .flat_map(crate::support::promises::presses)
        .collect();
    assert!(!presses.is_empty());
    assert!(presses.iter().all(|press| press.owner == Some(ann)));
}

#[test]
fn another_removal_pauses_the_first_one_and_there_is_one_per_card() {
    let mut chat = at_confirmation();
    let wallet: EntryId = "wallet-vivo".parse().expect("an id");
    chat.record
        .cards
        .push(Card::new(CardId(1), "Home", wallet, chat.now));
    for card in [1, 0, 1, 0] {
        chat.say("/cards");
        chat.choose(&Choice::Card(CardId(card)));
        chat.choose(&Choice::UnbindCard(CardId(card)));
        let under_way = chat.record.activity.removal().map(|removal| removal.card);
        assert_eq!(under_way, Some(CardId(card)));
        let of_card = |removal: &&Removal| removal.card == CardId(card);
        assert_eq!(chat.record.paused.iter().filter(of_card).count(), 0);
        assert_eq!(chat.record.paused.len(), 1);
    }
    assert_eq!(stage(&chat), Some(&Stage::Confirmation));
}
