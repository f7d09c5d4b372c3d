//! The promises of the conversation, held under random taps, words, commands and time: whatever a person does.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test that cannot go on may stop"
)]

mod support;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use support::base;
use unbind_bot::{
    dialogue::{
        Action, Activity, Attachment, CardId, Choice, Command, Context, Event, Input, MAX_CARDS,
        MAX_LABEL_CHARS, MessageId, Place, Press, Record, Turn, respond,
    },
    knowledge::Language,
};

/// What a random person does next.
#[derive(Debug, Clone)]
enum Deed {
    Type(&'static str),
    Command(Command, &'static str),
    /// Presses one of all the buttons ever shown, counted from the newest.
    Press(prop::sample::Index, usize),
    /// Presses something that was never shown.
    Forge(Choice),
    Send(Attachment),
    Wait(i64),
    /// The program is started again: the record is written and read.
    Restart,
}

const WORDS: [&str; 22] = [
    "Office",
    "家",
    "yes",
    "是的",
    "done",
    "好了",
    "back",
    "cancel",
    "gone",
    "还在",
    "undo",
    "it looks different",
    "OPPO Wallet",
    "how do i unbind my card",
    "怎么取消绑定门禁卡",
    "will my plastic card still work?",
    "",
    "👍",
    "<b>&\"'",
    "asdf qwer",
    "no",
    "unbind my bank card",
];

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => prop::sample::select(WORDS.as_slice()).prop_map(Deed::Type),
        1 => (prop::sample::select(Command::ALL.as_slice()), prop::sample::select(["", "zh", "unbind", "unbind_wallet-wechat", "kb_lost-phone", "x"].as_slice())).prop_map(|(command, argument)| Deed::Command(command, argument)),
        10 => (any::<prop::sample::Index>(), prop_oneof![4 => Just(8_usize), 1 => Just(usize::MAX)]).prop_map(|(index, newest)| Deed::Press(index, newest)),
        1 => prop::sample::select(vec![Choice::Confirm(CardId(0)), Choice::PutBack(CardId(99)), Choice::UnbindCard(CardId(7)), Choice::Done, Choice::Gone, Choice::Skip]).prop_map(Deed::Forge),
        1 => prop::sample::select([Attachment::Sticker, Attachment::Voice].as_slice()).prop_map(Deed::Send),
        1 => prop::sample::select([1_i64, 60, 86_400 * 29, 86_400 * 31].as_slice()).prop_map(Deed::Wait),
        1 => Just(Deed::Restart),
    ]
}

/// A chat in which the deeds are done, and what must hold after each.
struct Chat {
    record: Record,
    now: Timestamp,
    shown: Vec<(Press, MessageId)>,
    next_message: i32,
}

impl Chat {
    fn new() -> Self {
        Self {
            record: Record::default(),
            now: "2026-01-01T00:00:00Z".parse().expect("a time"),
            shown: Vec::new(),
            next_message: 0,
        }
    }

    fn do_deed(&mut self, deed: &Deed) {
        match deed {
            Deed::Type(text) => self.turn(Input::Text((*text).to_owned())),
            Deed::Command(command, argument) => {
                self.turn(Input::Command(*command, (*argument).to_owned()))
            }
            Deed::Press(index, newest) => {
                let from = self.shown.len().saturating_sub(*newest);
                if self.shown.len() > from {
                    let (press, message) = index.get(&self.shown[from..]).clone();
                    self.turn(Input::Press {
                        press: Some(press),
                        message,
                    });
                }
            }
            Deed::Forge(choice) => self.turn(Input::Press {
                press: Some(Press {
                    turn: self.record.turn,
                    choice: choice.clone(),
                }),
                message: MessageId(1),
            }),
            Deed::Send(attachment) => self.turn(Input::Attachment(*attachment)),
            Deed::Wait(seconds) => self.now += SignedDuration::from_secs(*seconds),
            Deed::Restart => {
                self.record =
                    serde_json::from_str(&serde_json::to_string(&self.record).expect("written"))
                        .expect("read")
            }
        }
    }

    fn turn(&mut self, input: Input) {
        let event = Event::private(input);
        let base = base();
        let turn = respond(
            &self.record,
            &event,
            &Context {
                base: &base,
                now: self.now,
            },
        );
        self.check(&event, &turn);
        for reply in &turn.replies {
            self.next_message += 1;
            let message = reply.replaces.unwrap_or(MessageId(self.next_message));
            for button in reply.buttons.iter().flatten() {
                if let Action::Press(data) = &button.action {
                    self.shown
                        .push((data.parse().expect("a button of ours"), message));
                }
            }
        }
        self.record = turn.record;
        self.now += SignedDuration::from_secs(1);
    }

    fn check(&self, event: &Event, turn: &Turn) {
        let (before, after) = (&self.record, &turn.record);
        assert!(!turn.replies.is_empty(), "silence at {event:?}");
        for reply in &turn.replies {
            assert!(!reply.text.is_empty(), "an empty message at {event:?}");
            for button in reply.buttons.iter().flatten() {
                let Action::Press(data) = &button.action else {
                    continue;
                };
                assert!(data.len() <= 64 && !button.label.is_empty(), "{data}");
            }
        }
        let left: Vec<_> = before
            .cards
            .iter()
            .filter(|card| after.card(card.id).is_none())
            .collect();
        if let Some(card) = left.first() {
            assert_eq!(left.len(), 1, "one removal takes one card");
            assert!(
                was_confirmed(before, event, card.id),
                "{} left without a yes at {event:?}",
                card.label
            );
            assert!(
                after.bin.iter().any(|removed| removed.card == **card),
                "what is removed can be put back"
            );
        }
        let stale = matches!(&event.input, Input::Press { press: Some(press), .. } if press.turn != before.turn);
        if stale {
            let kept_bin: Vec<_> = before
                .bin
                .iter()
                .filter(|removed| removed.is_restorable(self.now))
                .cloned()
                .collect();
            assert_eq!(
                (&after.cards, &after.bin, after.turn),
                (&before.cards, &kept_bin, before.turn),
                "an old button changed something"
            );
        }
        assert!(after.cards.len() <= MAX_CARDS);
        assert!(
            after
                .cards
                .iter()
                .all(|card| card.label.chars().count() <= MAX_LABEL_CHARS + 4)
        );
        if after.activity != Activity::Idle {
            assert!(
                turn.replies.iter().any(|reply| !reply.buttons.is_empty()),
                "no way on, back or out at {event:?}"
            );
        }
    }
}

/// The yes to this card: its button of this very keyboard, or a yes typed at this very moment.
fn was_confirmed(before: &Record, event: &Event, card: CardId) -> bool {
    let awaited = before.activity == Activity::Confirming { card };
    let said = match &event.input {
        Input::Press {
            press: Some(press), ..
        } => press.turn == before.turn && press.choice == Choice::Confirm(card),
        Input::Text(text) => ["yes", "是的"].contains(&text.as_str()),
        _ => false,
    };
    awaited && said
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn whatever_a_person_does_the_promises_hold(deeds in prop::collection::vec(deed(), 1..60)) {
        let mut chat = Chat::new();
        for deed in &deeds {
            chat.do_deed(deed);
        }
    }
}

fn respond_to(record: &Record, event: &Event) -> Turn {
    let base = base();
    respond(
        record,
        event,
        &Context {
            base: &base,
            now: "2026-01-01T00:00:00Z".parse().expect("a time"),
        },
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
    for input in [
        Input::from_text("/unbind"),
        Input::from_text("/cards"),
        Input::Press {
            press: Some(Press {
                turn: 0,
                choice: Choice::AddCard,
            }),
            message: MessageId(1),
        },
        Input::Press {
            press: Some(Press {
                turn: 0,
                choice: Choice::UnbindCard(CardId(0)),
            }),
            message: MessageId(1),
        },
    ] {
        let turn = respond_to(&Record::default(), &group(input.clone()));
        let links = turn
            .replies
            .iter()
            .flat_map(|reply| reply.buttons.iter().flatten())
            .filter(|button| matches!(button.action, Action::PrivateChat(_)));
        assert_eq!(links.count(), 1, "{input:?}");
        assert_eq!(turn.record.activity, Activity::Idle, "{input:?}");
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

#[test]
fn a_removed_card_can_be_put_back_for_thirty_days_to_the_second() {
    let mut chat = Chat::new();
    for text in [
        "/unbind",
        "Office",
        "OPPO Wallet",
        "done",
        "done",
        "done",
        "done",
        "done",
        "yes",
    ] {
        chat.turn(Input::from_text(text));
    }
    let removed = chat.record.bin[0].removed;
    let limit = removed + SignedDuration::from_hours(24 * 30);
    assert!(
        chat.record.restorable(limit).count() == 1
            && chat
                .record
                .restorable(limit + SignedDuration::from_secs(1))
                .count()
                == 0
    );
}

#[test]
fn every_kind_of_message_that_is_not_text_gets_a_kind_word_in_both_languages() {
    for language in [Language::EN, Language::ZH] {
        let said: Vec<_> = [
            Attachment::Sticker,
            Attachment::Picture,
            Attachment::Voice,
            Attachment::Location,
            Attachment::File,
            Attachment::Contact,
            Attachment::Other,
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
