//! The promises of the conversation, held under random taps, words, commands and time: whatever a person does.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test that cannot go on may stop"
)]

mod support;

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use support::{ENTROPY, base};
use unbind_bot::{
    dialogue::{
        Action, Activity, Attachment, Card, CardId, Choice, Command, Context, Event, Field, Input,
        MAX_CARDS, MAX_KEPT, MAX_LABEL_CHARS, MessageId, Place, Press, Reason, Record, Reply,
        SentFile, Stage, Turn, respond,
    },
    knowledge::Language,
};

/// What a random person does next.
#[derive(Debug, Clone)]
enum Deed {
    Type(&'static str),
    Command(Command, &'static str),
    /// Presses the first button of the newest message: mostly the way on.
    GoOn,
    /// Presses one of all the buttons ever shown, counted from the newest.
    Press(prop::sample::Index, usize),
    /// Presses something that was never shown.
    Forge(Choice),
    Send(Attachment),
    SendFile,
    File(&'static str),
    Wait(i64),
    /// Waits until the record wants to be woken, and is.
    Sleep,
    /// The program is started again: the record is written and read.
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

/// Too long for a label or an issuer, so that nobody can take it for one.
const PIN: &str = "t9-kajak-31-blue-whale-walks-home-at-dawn-past-the-mill-pond-yes";
const CARD_NUMBER: &str = "4111 1111 1111 1111";
/// What must never be found in a record or a message again.
const SECRETS: [&str; 3] = ["t9-kajak", "888123", "4111"];

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

fn deed() -> impl Strategy<Value = Deed> {
    let command = prop::sample::select(Command::ALL.as_slice());
    let argument = prop::sample::select(ARGUMENTS.as_slice());
    let newest = prop_oneof![4 => Just(8_usize), 1 => Just(usize::MAX)];
    prop_oneof![
        6 => prop::sample::select(WORDS.as_slice()).prop_map(Deed::Type),
        2 => (command, argument).prop_map(|(command, argument)| Deed::Command(command, argument)),
        10 => Just(Deed::GoOn),
        10 => (any::<prop::sample::Index>(), newest).prop_map(|(index, newest)| Deed::Press(index, newest)),
        1 => prop::sample::select(forged()).prop_map(Deed::Forge),
        1 => prop::sample::select([Attachment::Sticker, Attachment::Voice].as_slice()).prop_map(Deed::Send),
        1 => Just(Deed::SendFile),
        1 => prop::sample::select(FILES.as_slice()).prop_map(Deed::File),
        1 => prop::sample::select([1_i64, 60, 3_600, 86_400 * 29, 86_400 * 31].as_slice()).prop_map(Deed::Wait),
        2 => Just(Deed::Sleep),
        1 => Just(Deed::Restart),
    ]
}

/// A chat in which the deeds are done, and what must hold after each.
struct Chat {
    record: Record,
    now: Timestamp,
    shown: Vec<(Press, MessageId)>,
    /// The first button of the newest message that has any.
    way_on: Option<(Press, MessageId)>,
    next_message: i32,
}

impl Chat {
    fn new() -> Self {
        Self {
            record: Record::default(),
            now: "2026-01-01T00:00:00Z".parse().expect("a time"),
            shown: Vec::new(),
            way_on: None,
            next_message: 0,
        }
    }

    fn do_deed(&mut self, deed: &Deed) {
        match deed {
            Deed::Type(text) => self.turn(Input::Text((*text).to_owned())),
            Deed::Command(command, argument) => {
                self.turn(Input::Command(*command, (*argument).to_owned()))
            }
            Deed::GoOn => self.press(self.way_on.clone()),
            Deed::Press(index, newest) => {
                let from = self.shown.len().saturating_sub(*newest);
                let some = (self.shown.len() > from).then(|| index.get(&self.shown[from..]));
                self.press(some.cloned());
            }
            Deed::Forge(choice) => {
                let press = Press::new(self.record.turn, choice.clone());
                self.press(Some((press, MessageId(1))));
            }
            Deed::Send(attachment) => self.turn(Input::Attachment(*attachment)),
            Deed::SendFile => self.turn(Input::File(SentFile {
                id: "a".to_owned(),
                name: "cards.json".to_owned(),
                bytes: Some(9),
            })),
            Deed::File(content) => self.turn(Input::Content(Ok((*content).to_owned()))),
            Deed::Wait(seconds) => self.now += SignedDuration::from_secs(*seconds),
            Deed::Sleep => {
                if let Some(at) = self.record.wake_at() {
                    self.now = self.now.max(at);
                    self.turn(Input::Wake);
                }
            }
            Deed::Restart => {
                let written = serde_json::to_string(&self.record).expect("written");
                self.record = serde_json::from_str(&written).expect("read");
            }
        }
    }

    fn press(&mut self, button: Option<(Press, MessageId)>) {
        if let Some((press, message)) = button {
            let press = Some(press);
            self.turn(Input::Press { press, message });
        }
    }

    /// Presses the newest button with this meaning.
    fn choose(&mut self, choice: &Choice) {
        let button = self
            .shown
            .iter()
            .rfind(|(press, _)| press.choice == *choice);
        let button = button.cloned();
        assert!(button.is_some(), "no button {choice} was shown");
        self.press(button);
    }

    fn say(&mut self, line: &str) {
        self.turn(Input::from_text(line));
    }

    fn turn(&mut self, input: Input) {
        let event = Event {
            message: Some(MessageId(7)),
            ..Event::private(input)
        };
        let turn = respond_at(&self.record, &event, self.now);
        self.check(&event, &turn);
        for reply in &turn.replies {
            self.show(reply);
        }
        self.record = turn.record;
        self.now += SignedDuration::from_secs(1);
    }

    fn show(&mut self, reply: &Reply) {
        self.next_message += 1;
        let message = reply.replaces.unwrap_or(MessageId(self.next_message));
        let buttons = presses(reply).into_iter().map(|press| (press, message));
        let buttons: Vec<_> = buttons.collect();
        if !buttons.is_empty() {
            self.way_on = buttons.first().cloned();
        }
        self.shown.extend(buttons);
    }

    fn check(&self, event: &Event, turn: &Turn) {
        self.check_replies(event, turn);
        if turn.forgets {
            let asked = self.record.activity == Activity::Forgetting;
            assert!(asked && turn.record == Record::default(), "{event:?}");
            return;
        }
        self.check_cards(event, turn);
        self.check_old_buttons(event, turn);
        check_ways_out(turn, self.now);
        let kept = serde_json::to_string(&turn.record).expect("written");
        for secret in SECRETS {
            assert!(!kept.contains(secret), "{secret} is kept after {event:?}");
        }
    }

    fn check_replies(&self, event: &Event, turn: &Turn) {
        assert!(
            !turn.replies.is_empty() || event.input == Input::Wake,
            "silence at {event:?}"
        );
        for reply in &turn.replies {
            assert!(!reply.text.is_empty(), "an empty message at {event:?}");
            let said = serde_json::to_string(reply).expect("written");
            for secret in SECRETS {
                assert!(!said.contains(secret), "{secret} is said after {event:?}");
            }
            for button in reply.buttons.iter().flatten() {
                let Action::Press(data) = &button.action else {
                    continue;
                };
                assert!(data.len() <= 64 && !button.label.is_empty(), "{data}");
            }
            check_list_shown(reply, &turn.record);
        }
    }

    fn check_cards(&self, event: &Event, turn: &Turn) {
        let (before, after) = (&self.record, &turn.record);
        let ids = |cards: &[Card]| cards.iter().map(|card| card.id).collect::<BTreeSet<_>>();
        let left: Vec<_> = ids(&before.cards)
            .difference(&ids(&after.cards))
            .copied()
            .collect();
        if let Some(card) = left.first() {
            assert_eq!(left.len(), 1, "one removal takes one card");
            assert!(
                was_confirmed(before, event, *card),
                "{card:?} left without a yes at {event:?}"
            );
            let (gone, kept) = (before.card(*card), after.removed_card(*card));
            let kept = kept.expect("what is removed can be put back");
            assert_eq!(gone.map(unhistoric), Some(unhistoric(&kept.card)));
        }
        let changed = before.cards.iter().filter(|card| {
            let now = after.card(card.id);
            now.is_some_and(|now| unhistoric(now) != unhistoric(card))
        });
        assert!(
            changed.count() <= 1,
            "one event changes one card, at {event:?}"
        );
        assert!(after.cards.len() <= MAX_CARDS);
        assert!(after.cards.len() + after.bin.len() <= MAX_KEPT);
        let labels: BTreeSet<_> = after
            .cards
            .iter()
            .map(|card| card.label.to_lowercase())
            .collect();
        assert_eq!(labels.len(), after.cards.len(), "two cards of one name");
        let mut all = after.cards.iter();
        // A number may follow, when one is put back while its name is taken.
        assert!(all.all(|card| card.label.chars().count() <= MAX_LABEL_CHARS + 4));
    }

    fn check_old_buttons(&self, event: &Event, turn: &Turn) {
        let (before, after) = (&self.record, &turn.record);
        let is_old = matches!(&event.input, Input::Press { press: Some(press), .. } if press.turn != before.turn);
        if is_old {
            let restorable: Vec<_> = before.restorable(self.now).cloned().collect();
            assert_eq!(
                (&after.cards, &after.bin, after.turn, &after.protection),
                (&before.cards, &restorable, before.turn, &before.protection),
                "an old button changed something"
            );
        }
    }
}

/// The card without its history, which goes on.
fn unhistoric(card: &Card) -> Card {
    Card {
        history: Vec::new(),
        ..card.clone()
    }
}

fn presses(reply: &Reply) -> Vec<Press> {
    let data = reply
        .buttons
        .iter()
        .flatten()
        .filter_map(|button| match &button.action {
            Action::Press(data) => Some(data),
            Action::PrivateChat(_) => None,
        });
    data.map(|data| data.parse().expect("a button of ours"))
        .collect()
}

/// The cards on a screen that lists cards are those that are kept, in their order.
fn check_list_shown(reply: &Reply, record: &Record) {
    let listed = presses(reply)
        .into_iter()
        .filter_map(|press| match press.choice {
            Choice::Card(card) => Some(card),
            _ => None,
        });
    let listed: Vec<_> = listed.collect();
    if listed.len() > 1 {
        let kept: Vec<_> = record.cards.iter().map(|card| card.id).collect();
        let mut pages = kept.windows(listed.len());
        assert!(pages.any(|page| page == listed), "{listed:?} of {kept:?}");
    }
}

/// No dead end: whatever is under way has buttons, and leaving it takes as many cancels as there are things under way.
fn check_ways_out(turn: &Turn, now: Timestamp) {
    let record = &turn.record;
    if record.activity == Activity::Idle {
        return;
    }
    let with_buttons = turn.replies.iter().any(|reply| !reply.buttons.is_empty());
    assert!(
        with_buttons || turn.replies.is_empty(),
        "no way on: {:?}",
        record.activity
    );
    let mut left = record.clone();
    for _ in 0..3 {
        left = respond_at(&left, &Event::private(Input::from_text("/cancel")), now).record;
    }
    assert_eq!(
        left.activity,
        Activity::Idle,
        "no way out of {:?}",
        record.activity
    );
    assert_eq!(left.cards, record.cards, "cancelling removed a card");
}

/// The yes to this card: its button of this very keyboard, or a yes typed at this very moment, and the proof before it.
fn was_confirmed(before: &Record, event: &Event, card: CardId) -> bool {
    let Activity::Removing(removal) = &before.activity else {
        return false;
    };
    let awaited = removal.card == card
        && removal.stage == Stage::Confirmation
        && (removal.proved || before.protection.is_none());
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
    #![proptest_config(ProptestConfig { cases: 250, ..ProptestConfig::default() })]

    #[test]
    fn whatever_a_person_does_the_promises_hold(deeds in prop::collection::vec(deed(), 1..60)) {
        let mut chat = Chat::new();
        for deed in &deeds {
            chat.do_deed(deed);
        }
    }

    #[test]
    fn also_with_cards_and_a_pin_from_the_beginning(deeds in prop::collection::vec(deed(), 1..30)) {
        let mut chat = Chat::new();
        chat.set_pin();
        chat.say("/cards");
        chat.choose(&Choice::AddCard);
        chat.say("Office");
        chat.say("OPPO Wallet");
        for deed in &deeds {
            chat.do_deed(deed);
        }
    }
}

impl Chat {
    fn set_pin(&mut self) {
        self.say("/protect");
        self.choose(&Choice::UsePin);
        self.say(PIN);
        self.say(PIN);
        assert!(self.record.protection.is_some());
    }
}

fn respond_at(record: &Record, event: &Event, now: Timestamp) -> Turn {
    let base = base();
    let context = Context {
        base: &base,
        now,
        entropy: ENTROPY,
    };
    respond(record, event, &context)
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
    for input in [
        Input::from_text("/unbind"),
        Input::from_text("/cards"),
        Input::Press {
            press: Some(Press::new(0, Choice::AddCard)),
            message: MessageId(1),
        },
        Input::Press {
            press: Some(Press::new(0, Choice::UnbindCard(CardId(0)))),
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
