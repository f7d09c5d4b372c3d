//! Property tests: the invariants in `support::promises` hold under random presses, texts, commands and times. Also
//! tests of language, groups and expiry.

use crate::support::{
    base,
    promises::{Chat, PIN, respond_at},
};
use jiff::SignedDuration;
use proptest::prelude::*;
use unbind_bot::{
    dialogue::{
        Action, Activity, AttachmentKind, Card, CardId, Choice, Command, DeadLetter, Event, Field,
        Input, MessageId, Place, Press, Reason, Receipt, Record, SentFile, Turn, apology,
    },
    knowledge::Language,
};

/// A random step of a person.
#[derive(Debug, Clone)]
enum Step {
    Type(&'static str),
    Command(Command, &'static str),
    /// Presses the first button of the newest message, which usually continues the procedure.
    GoOn,
    /// Presses any button shown so far, counted from the newest.
    Press(prop::sample::Index, usize),
    /// Presses a button that was never shown.
    Forge(Choice),
    Send(AttachmentKind),
    SendFile,
    File(&'static str),
    Wait(i64),
    /// Waits until [`Record::wake_at`], and wakes the chat.
    Sleep,
    /// Restarts the program: the record is written and read back.
    Restart,
}

const WORDS: [&str; 32] = [
    "Office",
    "家",
    "yes",
    "是的",
    "done",
    "好了",
    "back",
    "pause",
    "cancel",
    "gone",
    "还在",
    "not sure",
    "undo",
    "it looks different",
    "OPPO Wallet",
    "it is in samsung wallet",
    "其实是手表上的卡",
    "4821",
    "Harbour Tower, +65 6123 4567",
    "how do i unbind my card",
    "怎么取消绑定门禁卡",
    "will my plastic card still work?",
    "",
    "👍",
    "<b>&\"'",
    "asdf qwer",
    "no",
    "unbind my bank card",
    "my password is 888123",
    PIN,
    "wrong-pin",
    CARD_NUMBER,
];

const CARD_NUMBER: &str = "4111 1111 1111 1111";
const FILES: [&str; 4] = [
    r#"{"unbind_bot_cards":1,"cards":[{"label":"Lab","wallet":"wallet-vivo"},{"label":"office","wallet":"wallet-oppo","last_digits":"12"}]}"#,
    r#"{"unbind_bot_cards":9}"#,
    "{}",
    "门禁卡",
];

const ARGUMENTS: [&str; 8] = [
    "",
    "zh",
    "unbind",
    "unbind_wallet-wechat",
    "kb_lost-phone",
    "protect",
    "forget",
    "x",
];

fn forged() -> Vec<Choice> {
    vec![
        Choice::Confirm(CardId(0)),
        Choice::PutBack(CardId(99)),
        Choice::UnbindCard(CardId(7)),
        Choice::Done,
        Choice::Gone(CardId(0)),
        Choice::StillThere(CardId(5)),
        Choice::RemindMe(CardId(0)),
        Choice::Skip,
        Choice::Why(Reason::Misuse),
        Choice::Import,
        Choice::ForgetAll,
        Choice::Unprotect,
        Choice::UsePin,
        Choice::Clear(Field::Label, CardId(0)),
        Choice::Edit(Field::Digits, CardId(0)),
        Choice::ReviewOn,
        Choice::Cards(9),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let command = prop::sample::select(Command::ALL.as_slice());
    let argument = prop::sample::select(ARGUMENTS.as_slice());
    let newest = prop_oneof![4 => Just(8_usize), 1 => Just(usize::MAX)];
    prop_oneof![
        6 => prop::sample::select(WORDS.as_slice()).prop_map(Step::Type),
        2 => (command, argument).prop_map(|(command, argument)| Step::Command(command, argument)),
        10 => Just(Step::GoOn),
        10 => (any::<prop::sample::Index>(), newest).prop_map(|(index, newest)| Step::Press(index, newest)),
        1 => prop::sample::select(forged()).prop_map(Step::Forge),
        1 => prop::sample::select([AttachmentKind::Sticker, AttachmentKind::Voice].as_slice()).prop_map(Step::Send),
        1 => Just(Step::SendFile),
        1 => prop::sample::select(FILES.as_slice()).prop_map(Step::File),
        1 => prop::sample::select([1_i64, 60, 3_600, 86_400 * 29, 86_400 * 31].as_slice()).prop_map(Step::Wait),
        2 => Just(Step::Sleep),
        1 => Just(Step::Restart),
    ]
}

/// Applies a random step.
fn apply(chat: &mut Chat, step: &Step) {
    match step {
        Step::Type(text) => chat.turn(Input::Text((*text).to_owned())),
        Step::Command(command, argument) => {
            chat.turn(Input::Command(*command, (*argument).to_owned()))
        }
        Step::GoOn => chat.press(chat.way_on.clone()),
        Step::Press(index, newest) => {
            let from = chat.shown.len().saturating_sub(*newest);
            let some = (chat.shown.len() > from).then(|| index.get(&chat.shown[from..]));
            chat.press(some.cloned());
        }
        Step::Forge(choice) => {
            let press = Press::new(chat.record.keyboard, choice.clone());
            chat.press(Some((press, MessageId(1))));
        }
        Step::Send(attachment) => chat.turn(Input::Attachment(*attachment)),
        Step::SendFile => chat.turn(Input::File(SentFile {
            id: "a".to_owned(),
            name: "cards.json".to_owned(),
            bytes: Some(9),
            caption: None,
        })),
        Step::File(content) => chat.turn(Input::Receipt(Receipt::FileContent(Ok(
            (*content).to_owned()
        )))),
        Step::Wait(seconds) => chat.now += SignedDuration::from_secs(*seconds),
        Step::Sleep => {
            if let Some(at) = chat.record.wake_at() {
                chat.now = chat.now.max(at);
                chat.turn(Input::Wake);
            }
        }
        Step::Restart => {
            let written = serde_json::to_string(&chat.record).expect("written");
            chat.record = serde_json::from_str(&written).expect("read");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 250, ..ProptestConfig::default() })]

    #[test]
    fn whatever_a_person_does_the_promises_hold(steps in prop::collection::vec(step(), 1..60)) {
        let mut chat = Chat::new();
        for step in &steps {
            apply(&mut chat, step);
        }
    }

    #[test]
    fn also_with_cards_and_a_pin_from_the_beginning(steps in prop::collection::vec(step(), 1..30)) {
        let mut chat = Chat::new();
        chat.set_pin();
        chat.say("/cards");
        chat.choose(&Choice::AddCard);
        chat.say("Office");
        chat.say("OPPO Wallet");
        for step in &steps {
            apply(&mut chat, step);
        }
    }
}

fn respond_to(record: &Record, event: &Event) -> Turn {
    respond_at(
        record,
        event,
        "2026-01-01T00:00:00Z".parse().expect("a time"),
    )
}

#[test]
fn in_a_group_questions_are_answered_and_personal_matters_move_to_the_private_chat() {
    let group = |input| Event {
        place: Place::Group,
        ..Event::private(input)
    };
    let answered = respond_to(
        &Record::default(),
        &group(Input::from_text("how do I unbind my card")),
    );
    assert!(answered.replies[0].text.to_plain().contains("five steps"));
    let press = |choice| Input::Press {
        press: Some(Press::new(0, choice)),
        message: MessageId(1),
    };
    for (input, payload) in [
        (Input::from_text("/unbind"), "unbind"),
        (Input::from_text("/cards"), "cards"),
        (Input::from_text("/forget"), "forget"),
        (
            Input::from_text("/start unbind_wallet-oppo"),
            "unbind_wallet-oppo",
        ),
        (press(Choice::AddCard), "cards"),
        (press(Choice::Export), "export"),
        (press(Choice::UsePin), "protect"),
        (press(Choice::UnbindCard(CardId(0))), "unbind"),
    ] {
        let turn = respond_to(&Record::default(), &group(input.clone()));
        let buttons = turn
            .replies
            .iter()
            .flat_map(|reply| reply.buttons.iter().flatten());
        let links: Vec<_> = buttons
            .filter_map(|button| match &button.action {
                Action::PrivateChat(payload) => Some(payload.as_str()),
                Action::Press(_) => None,
            })
            .collect();
        assert_eq!(links, [payload], "{input:?}");
        assert_eq!(turn.record.activity, Activity::Idle, "{input:?}");
    }
}

#[test]
fn an_offered_label_pressed_while_no_card_is_added_is_no_fault() {
    let now = "2026-01-01T00:00:00Z".parse().expect("a time");
    let wallet = "wallet-oppo".parse().expect("an id");
    let record = Record {
        cards: vec![Card::new(CardId(0), "Home", wallet, now)],
        next_card: 1,
        ..Record::default()
    };
    let event = Event::private(Input::Press {
        press: Some(Press::new(0, Choice::Label("home".to_owned()))),
        message: MessageId(1),
    });
    let turn = respond_at(&record, &event, now);
    let said = turn.replies[0].text.to_plain();
    assert!(said.starts_with("Nothing is under way"), "{said}");
    assert_eq!(turn.record.cards, record.cards);
}

#[test]
fn an_apology_is_in_the_language_of_the_app_when_no_other_is_known() {
    let now = "2026-01-01T00:00:00Z".parse().expect("a time");
    let klingon = "tl".parse().expect("a code");
    let chosen = Record {
        language: Some(Language::EN),
        ..Record::default()
    };
    let remembered = Record {
        app_language: Some(Language::ZH),
        ..Record::default()
    };
    for (record, app_language, begins) in [
        (Record::default(), Some(Language::ZH), "抱歉"),
        (remembered, None, "抱歉"),
        (Record::default(), Some(klingon), "Sorry"),
        (Record::default(), None, "Sorry"),
        (chosen, Some(Language::ZH), "Sorry"),
    ] {
        let event = Event {
            app_language,
            ..Event::private(Input::Wake)
        };
        let letter = DeadLetter::for_event(&record, &event, "index out of bounds", now);
        let turn = apology(&record, &event, &base(), letter);
        let said = turn.replies[0].text.to_plain();
        assert!(said.starts_with(begins), "{said}");
        assert_eq!(turn.record.app_language, record.app_language);
    }
}

#[test]
fn a_setup_that_fails_says_all_that_is_to_be_said_and_returns_to_the_removal() {
    let removal = r#"{"at":"removing","card":0,"stage":"reason"}"#;
    for (suspended, messages) in [("null", 1), (removal, 2)] {
        // The secret is not base 32.
        let record = format!(
            r#"{{"turn":7,"activity":{{"at":"protecting","first_code":"!"}},"suspended":{suspended},"cards":[
                {{"id":0,"label":"Office","wallet":"wallet-oppo","added":"2025-12-01T00:00:00Z"}}]}}"#
        );
        let record: Record = serde_json::from_str(&record).expect("a record as it is stored");
        let event = Event::private(Input::Press {
            press: Some(Press::new(6, Choice::UseCodes)),
            message: MessageId(1),
        });
        let turn = respond_to(&record, &event);
        let said: Vec<_> = turn
            .replies
            .iter()
            .map(|reply| reply.text.to_plain())
            .collect();
        assert_eq!(said.len(), messages, "{said:?}");
        let said = said.join("\n");
        assert!(said.contains("Sorry, something went wrong"), "{said}");
        assert!(said.contains("That button is from earlier"), "{said}");
        let is_back = turn.record.activity.removal().is_some();
        assert_eq!(is_back, messages == 2);
    }
}

#[test]
fn the_language_is_that_of_the_message_then_the_chosen_one_then_the_apps() {
    let speaks_chinese = |turn: &Turn| {
        turn.replies[0]
            .text
            .to_plain()
            .chars()
            .any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c))
    };
    let app = |language, input| Event {
        app_language: Some(language),
        ..Event::private(input)
    };
    let chosen = Record {
        language: Some(Language::EN),
        ..Record::default()
    };
    assert!(speaks_chinese(&respond_to(
        &chosen,
        &app(Language::EN, Input::from_text("怎么取消绑定门禁卡"))
    )));
    assert!(!speaks_chinese(&respond_to(
        &chosen,
        &app(Language::ZH, Input::from_text("/cards"))
    )));
    assert!(speaks_chinese(&respond_to(
        &Record::default(),
        &app(Language::ZH, Input::from_text("/cards"))
    )));
    let klingon = "tl".parse().expect("a code");
    assert!(!speaks_chinese(&respond_to(
        &Record::default(),
        &app(klingon, Input::from_text("/cards"))
    )));
}

/// Whether the turn after these texts speaks Chinese, with an app set to this language.
fn speaks_chinese_after(app: Option<Language>, texts: &[&str]) -> bool {
    let mut record = Record::default();
    let mut said = String::new();
    for text in texts.iter().chain(&["/help"]) {
        let event = Event {
            app_language: app,
            ..Event::private(Input::from_text(text))
        };
        let turn = respond_to(&record, &event);
        said = turn.replies[0].text.to_plain();
        record = turn.record;
    }
    said.contains("我能做这些")
}

#[test]
fn one_name_brand_or_word_does_not_change_the_language() {
    let (en, zh) = (Some(Language::EN), Some(Language::ZH));
    for text in [
        "Wang Wei",
        "Li Xiaolong",
        "hahaha",
        "NFC",
        "women",
        "banana",
        "fan",
        "卡",
        "12",
        "、",
        "。。。",
        "👍",
    ] {
        assert!(
            !speaks_chinese_after(None, &["how do I unbind my card", text]),
            "{text}"
        );
        assert!(!speaks_chinese_after(en, &[text]), "{text}");
    }
    for text in [
        "Apple Wallet",
        "iphone",
        "Google Pay",
        "Huawei Mate 60 Pro",
        "unbind",
        "ok",
        "/cards",
    ] {
        assert!(
            speaks_chinese_after(None, &["怎么解绑门禁卡", text]),
            "{text}"
        );
        assert!(speaks_chinese_after(zh, &[text]), "{text}");
    }
    assert!(speaks_chinese_after(
        None,
        &["how do I unbind my card", "解绑"]
    ));
    assert!(speaks_chinese_after(en, &["Apple Wallet怎么解绑"]));
    assert!(speaks_chinese_after(en, &["zenme jiebang menka"]));
    assert!(!speaks_chinese_after(zh, &["how do I remove my card"]));
    assert!(!speaks_chinese_after(
        None,
        &["/language English", "怎么解绑门禁卡"]
    ));
    assert!(speaks_chinese_after(
        None,
        &["/language zh", "how do I remove my card"]
    ));
}

#[test]
fn a_link_or_command_while_a_card_is_added_asks_its_question_once() {
    for command in ["/start unbind", "/unbind", "/start@bot unbind", "、解绑"] {
        for before in [&["/unbind"][..], &["/unbind", "Office"], &["/cards"]] {
            let mut record = Record::default();
            for text in before {
                record = respond_to(&record, &Event::private(Input::from_text(text))).record;
            }
            let turn = respond_to(&record, &Event::private(Input::from_text(command)));
            let said: Vec<_> = turn
                .replies
                .iter()
                .map(|reply| reply.text.to_plain())
                .collect();
            assert_eq!(said.len(), 1, "{command} after {before:?}: {said:?}");
        }
    }
}

#[test]
fn a_word_behind_a_slash_is_a_command_also_where_a_name_is_asked_for() {
    let asked = respond_to(
        &Record::default(),
        &Event::private(Input::from_text("/unbind")),
    );
    for text in [
        "、cancel",
        "／cancel",
        "、取消",
        "/取消",
        "\u{feff}、取消。",
    ] {
        let turn = respond_to(&asked.record, &Event::private(Input::from_text(text)));
        assert_eq!(turn.record.activity, Activity::Idle, "{text}");
    }
    let turn = respond_to(&asked.record, &Event::private(Input::from_text("、家")));
    assert!(matches!(turn.record.activity, Activity::Adding { .. }));
}

#[test]
fn who_never_wrote_a_word_is_reminded_in_the_language_of_their_app() {
    let mut record = Record::default();
    for input in [
        Input::from_text("/unbind"),
        Input::Text("1".to_owned()),
        Input::Text("OPPO".to_owned()),
    ] {
        let event = Event {
            app_language: Some(Language::ZH),
            ..Event::private(input)
        };
        record = respond_to(&record, &event).record;
    }
    record.spoken = None;
    let at = record.wake_at().expect("a reminder");
    let said = respond_at(&record, &Event::wake(), at).replies[0]
        .text
        .to_plain();
    assert!(said.contains("还没拿完"), "{said}");
}

#[test]
fn a_removed_card_can_be_put_back_for_exactly_thirty_days() {
    let mut chat = Chat::new();
    for text in [
        "/unbind",
        "Office",
        "OPPO Wallet",
        "Skip",
        "done",
        "done",
        "done",
        "done",
        "done",
        "yes",
    ] {
        chat.turn(Input::from_text(text));
    }
    let removed = chat.record.trash[0].removed;
    let limit = removed + SignedDuration::from_hours(24 * 30);
    let is_restorable = |at| chat.record.trash[0].is_restorable(at);
    assert!(is_restorable(limit) && !is_restorable(limit + SignedDuration::from_secs(1)));
}

#[test]
fn every_kind_of_message_that_is_not_text_gets_a_reply_in_both_languages() {
    for language in [Language::EN, Language::ZH] {
        let said: Vec<_> = [
            AttachmentKind::Sticker,
            AttachmentKind::Picture,
            AttachmentKind::Voice,
            AttachmentKind::Location,
            AttachmentKind::File,
            AttachmentKind::Contact,
            AttachmentKind::Other,
        ]
        .map(|kind| {
            respond_to(
                &Record::default(),
                &Event {
                    app_language: Some(language),
                    ..Event::private(Input::Attachment(kind))
                },
            )
            .replies[0]
                .text
                .to_plain()
        })
        .into();
        let mut different = said.clone();
        different.sort();
        different.dedup();
        assert_eq!(different.len(), said.len(), "{said:?}");
    }
}
