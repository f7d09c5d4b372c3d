//! A chat that checks the invariants of the conversation (its promises) after every turn.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use unbind_bot::dialogue::{
    Action, Activity, Card, CardId, Choice, Context, Event, Input, MAX_CARDS, MAX_KEPT,
    MAX_LABEL_CHARS, MessageId, Press, Record, Reply, Stage, TimeCheck, Turn, respond,
};

use super::{ENTROPY, base};

/// Too long to be accepted as a label or an issuer.
pub const PIN: &str = "t9-kajak-31-blue-whale-walks-home-at-dawn-past-the-mill-pond-yes";
/// Secrets that must never appear in a record or a message.
const SECRETS: [&str; 3] = ["t9-kajak", "888123", "4111"];

/// A chat that checks after every turn what must hold.
pub struct Chat {
    pub record: Record,
    pub now: Timestamp,
    pub shown: Vec<(Press, MessageId)>,
    /// The first button of the newest message with buttons.
    pub way_on: Option<(Press, MessageId)>,
    next_message: i32,
}

impl Chat {
    pub fn new() -> Self {
        Self {
            record: Record::default(),
            now: "2026-01-01T00:00:00Z".parse().expect("a time"),
            shown: Vec::new(),
            way_on: None,
            next_message: 0,
        }
    }

    pub fn press(&mut self, button: Option<(Press, MessageId)>) {
        if let Some((press, message)) = button {
            let press = Some(press);
            self.turn(Input::Press { press, message });
        }
    }

    /// Presses the newest button with this choice.
    pub fn choose(&mut self, choice: &Choice) {
        let button = self
            .shown
            .iter()
            .rfind(|(press, _)| press.choice == *choice);
        let button = button.cloned();
        assert!(button.is_some(), "no button {choice} was shown");
        self.press(button);
    }

    pub fn say(&mut self, line: &str) {
        self.turn(Input::from_text(line));
    }

    /// Protects removals with [`PIN`].
    pub fn set_pin(&mut self) {
        self.say("/protect");
        self.choose(&Choice::UsePin);
        self.say(PIN);
        self.say(PIN);
        assert!(self.record.protection.is_some());
    }

    pub fn turn(&mut self, input: Input) {
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
        // A reply is required only if a person caused the event.
        let is_said = event.input.wants_answer();
        assert!(!turn.replies.is_empty() || !is_said, "silence at {event:?}");
        for reply in &turn.replies {
            assert!(!reply.text.is_empty(), "an empty message at {event:?}");
            let said = serde_json::to_string(reply).expect("written");
            for secret in SECRETS {
                assert!(!said.contains(secret), "{secret} is said after {event:?}");
            }
            for button in reply.buttons.iter().flatten() {
                let Action::Press(press) = &button.action else {
                    continue;
                };
                let data = press.to_string();
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
        assert!(after.cards.len() + after.trash.len() <= MAX_KEPT);
        let labels: BTreeSet<_> = after
            .cards
            .iter()
            .map(|card| card.label.to_lowercase())
            .collect();
        assert_eq!(labels.len(), after.cards.len(), "two cards of one name");
        let mut all = after.cards.iter();
        // A card put back while another has its label gets a number after it.
        assert!(all.all(|card| card.label.chars().count() <= MAX_LABEL_CHARS + 4));
    }

    fn check_old_buttons(&self, event: &Event, turn: &Turn) {
        let (before, after) = (&self.record, &turn.record);
        let is_old = matches!(&event.input, Input::Press { press: Some(press), .. } if press.keyboard != before.keyboard);
        if is_old {
            let restorable: Vec<_> = before
                .trash
                .iter()
                .filter(|removed| removed.is_restorable(self.now))
                .cloned()
                .collect();
            assert_eq!(
                (
                    &after.cards,
                    &after.trash,
                    after.keyboard,
                    &after.protection
                ),
                (
                    &before.cards,
                    &restorable,
                    before.keyboard,
                    &before.protection
                ),
                "an old button changed something"
            );
        }
    }
}

/// The card without its history, which may grow.
fn unhistoric(card: &Card) -> Card {
    Card {
        history: Vec::new(),
        ..card.clone()
    }
}

/// The presses that the buttons of a reply send back.
pub fn presses(reply: &Reply) -> Vec<Press> {
    let buttons = reply.buttons.iter().flatten();
    let presses = buttons.filter_map(|button| match &button.action {
        Action::Press(press) => Some(press.clone()),
        Action::PrivateChat(_) => None,
    });
    presses.collect()
}

/// A screen that lists cards shows those of the record, in their order.
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

/// Every procedure shows buttons, and can be left with one cancel per procedure under way.
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

/// Whether the removal of this card was confirmed: by its button on the present keyboard or a yes typed at the
/// confirmation, after the PIN or code if one is set up.
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
        } => press.keyboard == before.keyboard && press.choice == Choice::Confirm(card),
        Input::Text(text) => {
            let word = text.trim_matches(|c: char| !c.is_alphanumeric());
            ["yes", "是的"].contains(&word.to_lowercase().as_str())
        }
        _ => false,
    };
    awaited && said
}

/// The turn for an event at a given time.
pub fn respond_at(record: &Record, event: &Event, now: Timestamp) -> Turn {
    let base = base();
    let context = Context {
        base: &base,
        now,
        checked: TimeCheck::AtLeast(now),
        entropy: ENTROPY,
    };
    respond(record, event, &context)
}
