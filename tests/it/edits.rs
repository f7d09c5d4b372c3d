//! Messages that are not said here and now: edits, of which apps report many that change no word, and forwarded ones.

use jiff::{SignedDuration, Timestamp};
use unbind_bot::dialogue::{
    Activity, CardId, Choice, Event, Input, MessageId, Place, Press, Record, SentAs, Stage, Turn,
    UserId,
};

use crate::support::promises::{PIN, respond_at};

/// A private chat whose messages have ids, so that they can be edited.
struct Talk {
    record: Record,
    now: Timestamp,
    newest: i32,
    said: String,
}

impl Talk {
    fn new() -> Self {
        Self {
            record: Record::default(),
            now: "2026-01-01T00:00:00Z".parse().expect("a time"),
            newest: 0,
            said: String::new(),
        }
    }

    /// With a card in the OPPO wallet, at the first step of its removal.
    fn at_the_first_step() -> Self {
        let mut talk = Self::new();
        for text in ["/unbind", "Office", "OPPO Wallet", "Skip"] {
            talk.say(text);
        }
        assert_eq!(talk.step(), "step-open-wallet");
        talk
    }

    /// At the question whether to take the card off.
    fn at_the_confirmation() -> Self {
        let mut talk = Self::at_the_first_step();
        while !matches!(talk.stage(), Stage::Confirmation) {
            talk.say("done");
        }
        talk
    }

    fn handle(&mut self, event: &Event) -> Turn {
        self.now += SignedDuration::from_secs(1);
        // As after a restart.
        let written = serde_json::to_string(&self.record).expect("written");
        let record = serde_json::from_str(&written).expect("read");
        let turn = respond_at(&record, event, self.now);
        self.said = turn
            .replies
            .iter()
            .map(|reply| reply.text.to_plain())
            .collect::<Vec<_>>()
            .join("\n");
        self.record = turn.record.clone();
        turn
    }

    fn send(&mut self, id: i32, text: &str, sent_as: SentAs) -> Turn {
        self.handle(&Event {
            message: Some(MessageId(id)),
            sent_as,
            ..Event::private(Input::from_text(text))
        })
    }

    /// Says something, and returns the id of the message.
    fn say(&mut self, text: &str) -> i32 {
        self.newest += 10;
        self.send(self.newest, text, SentAs::New);
        self.newest
    }

    fn forward(&mut self, text: &str) {
        self.newest += 10;
        self.send(self.newest, text, SentAs::Forward);
    }

    fn edit(&mut self, id: i32, text: &str) {
        self.send(id, text, SentAs::Edit);
    }

    fn press(&mut self, choice: Choice) {
        let press = Some(Press::new(self.record.keyboard, choice));
        let message = MessageId(1);
        self.handle(&Event::private(Input::Press { press, message }));
    }

    /// An edit that must do nothing.
    fn edit_in_vain(&mut self, id: i32, text: &str) {
        let before = self.record.clone();
        self.edit(id, text);
        assert_eq!(self.said, "", "{text}");
        assert_eq!(self.record, before, "{text}");
    }

    fn stage(&self) -> Stage {
        let removal = self.record.activity.removal().expect("a removal");
        removal.stage.clone()
    }

    fn step(&self) -> String {
        match self.stage() {
            Stage::Step(step) => step.to_string(),
            other => panic!("{other:?} is no step"),
        }
    }

    fn label_of_draft(&self) -> Option<String> {
        match &self.record.activity {
            Activity::Adding { draft, .. } => draft.label.clone(),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn an_edit_that_changes_no_word_does_nothing() {
    for (text, edited) in [
        ("how do I unbind my card?", "How do i unbind my card"),
        ("/unbind", "/unbind"),
        ("/forget", "/forget"),
        ("/frobnicate", "/frobnicate"),
        ("👍", "👍"),
        ("解绑门禁卡", "解绑门禁卡。"),
    ] {
        let mut talk = Talk::new();
        let id = talk.say(text);
        talk.edit_in_vain(id, edited);
    }
    let mut talk = Talk::at_the_first_step();
    let id = talk.say("done");
    talk.edit_in_vain(id, "Done!");
    assert_eq!(talk.step(), "step-find-card");
    let mut talk = Talk::at_the_confirmation();
    let id = talk.say("yes");
    assert!(talk.record.cards.is_empty());
    talk.edit_in_vain(id, "yes");
    let id = talk.say("undo");
    assert_eq!(talk.record.cards.len(), 1);
    talk.edit_in_vain(id, "undo");
}

#[test]
fn a_pin_is_tried_once_and_nothing_of_it_is_kept() {
    let mut talk = Talk::new();
    talk.say("/protect");
    talk.press(Choice::UsePin);
    for _ in 0..2 {
        let id = talk.say(PIN);
        talk.edit_in_vain(id, PIN);
    }
    for text in ["/unbind", "Office", "OPPO Wallet", "Skip"] {
        talk.say(text);
    }
    while !matches!(talk.stage(), Stage::Proof) {
        talk.say("done");
    }
    let wrong = talk.say("wrong-pin");
    let tries = talk.record.failed_attempts;
    talk.edit_in_vain(wrong, "wrong-pin");
    talk.edit_in_vain(wrong, PIN);
    assert_eq!(talk.record.failed_attempts, tries);
    assert!(matches!(talk.stage(), Stage::Proof));
    talk.forward(PIN);
    assert!(matches!(talk.stage(), Stage::Proof));
    assert_eq!(talk.record.failed_attempts, tries);
}

#[test]
fn an_edited_label_renames_the_card() {
    let mut talk = Talk::new();
    talk.say("/cards");
    talk.press(Choice::AddCard);
    let id = talk.say("Offcie");
    talk.edit(id, "Office");
    assert_eq!(talk.label_of_draft().as_deref(), Some("Office"));
    assert!(
        talk.said.contains("Which wallet is “Office” in?"),
        "{}",
        talk.said
    );
    talk.edit_in_vain(id, "Office");
    talk.edit(id, "Ofice");
    let wallet = talk.say("OPPO Wallet");
    assert_eq!(talk.record.cards[0].label, "Ofice");
    // What an older message answered is corrected as well.
    talk.edit(id, "Office");
    assert_eq!(talk.record.cards[0].label, "Office");
    talk.edit(wallet, "vivo");
    assert_eq!(talk.record.cards[0].wallet.as_str(), "wallet-vivo");
    assert_eq!(talk.record.cards.len(), 1);
}

#[test]
fn a_label_that_was_refused_can_be_corrected() {
    let mut talk = Talk::new();
    talk.say("/unbind");
    let id = talk.say(&"a".repeat(60));
    assert_eq!(talk.label_of_draft(), None);
    talk.edit(id, "Office");
    assert_eq!(talk.label_of_draft().as_deref(), Some("Office"));
    talk.edit(id, &"a".repeat(61));
    assert_eq!(talk.label_of_draft().as_deref(), Some("Office"));
    assert!(talk.said.contains("too long"), "{}", talk.said);
}

#[test]
fn an_edited_label_of_a_card_that_was_given_up_is_no_question() {
    let mut talk = Talk::new();
    talk.say("/unbind");
    let id = talk.say("Offcie");
    talk.press(Choice::Cancel);
    talk.edit_in_vain(id, "Office");
}

#[test]
fn edited_wallets_phones_issuers_and_digits_are_corrected() {
    let mut talk = Talk::new();
    talk.say("/unbind");
    talk.say("Office");
    let wallet = talk.say("Huawei Wallet");
    talk.edit(wallet, "Xiaomi Wallet");
    match &talk.record.activity {
        Activity::Adding { draft, .. } => {
            let wallet = draft.wallet.as_ref().expect("a wallet");
            assert_eq!(wallet.as_str(), "wallet-xiaomi");
        }
        Activity::Removing(removal) => {
            let card = talk.record.card(removal.card).expect("the card");
            assert_eq!(card.wallet.as_str(), "wallet-xiaomi");
        }
        other => panic!("{other:?}"),
    }
    let mut talk = Talk::new();
    talk.say("/cards");
    talk.press(Choice::AddCard);
    talk.say("Office");
    talk.say("OPPO Wallet");
    let card = CardId(0);
    talk.press(Choice::Edit(unbind_bot::dialogue::Field::Issuer, card));
    let issuer = talk.say("Harbuor Tower");
    talk.edit(issuer, "Harbour Tower");
    assert_eq!(
        talk.record.cards[0].issuer.as_deref(),
        Some("Harbour Tower")
    );
    talk.press(Choice::Edit(unbind_bot::dialogue::Field::Digits, card));
    let digits = talk.say("4812");
    talk.edit(digits, "4821");
    assert_eq!(talk.record.cards[0].digits.as_deref(), Some("4821"));
    talk.edit(digits, "482199");
    assert_eq!(talk.record.cards[0].digits.as_deref(), Some("4821"));
}

#[test]
fn a_corrected_question_is_answered_anew() {
    let mut talk = Talk::new();
    let id = talk.say("how do I bind a card again");
    let first = talk.said.clone();
    talk.edit(id, "how do I unbind my card");
    assert!(!talk.said.is_empty() && talk.said != first, "{}", talk.said);
    let unknown = talk.say("/unbnid");
    talk.edit(unknown, "/unbind");
    assert!(matches!(talk.record.activity, Activity::Adding { .. }));
}

#[test]
fn an_older_message_is_not_said_again() {
    let mut talk = Talk::at_the_first_step();
    let older = talk.say("what does it cost?");
    talk.say("done");
    let step = talk.step();
    for text in [
        "done",
        "cancel",
        "/cancel",
        "how do I unbind my card",
        "back",
        "not done",
    ] {
        talk.edit_in_vain(older, text);
        assert_eq!(talk.step(), step);
    }
    // Of a message that was never heard of, too.
    talk.edit_in_vain(older + 1, "cancel");
}

#[test]
fn a_secret_in_an_older_message_is_still_taken_away() {
    let mut talk = Talk::new();
    let older = talk.say("hello");
    talk.say("how do I unbind my card");
    talk.edit(older, "my card is 4111 1111 1111 1111");
    assert!(talk.said.contains("card number"), "{}", talk.said);
    let kept = serde_json::to_string(&talk.record).expect("written");
    assert!(!kept.contains("4111"));
}

#[test]
fn an_edit_or_a_forwarded_message_is_never_a_yes() {
    for words in ["yes", "Yes, take “Office” off", "是的", "confirm"] {
        let mut talk = Talk::at_the_confirmation();
        let id = talk.say("hmm wait");
        talk.edit(id, words);
        assert_eq!(talk.record.cards.len(), 1, "{words}");
        assert!(matches!(talk.stage(), Stage::Confirmation), "{words}");
        assert!(talk.said.contains("new message"), "{}", talk.said);
        talk.forward(words);
        assert_eq!(talk.record.cards.len(), 1, "{words}");
        assert!(talk.said.contains("new message"), "{}", talk.said);
        talk.say("yes");
        assert!(talk.record.cards.is_empty());
    }
}

#[test]
fn an_edit_or_a_forwarded_message_is_never_done_undo_or_forget() {
    let mut talk = Talk::at_the_first_step();
    let id = talk.say("hm");
    talk.edit(id, "done");
    talk.forward("done");
    assert_eq!(talk.step(), "step-open-wallet");
    let mut talk = Talk::at_the_confirmation();
    talk.say("yes");
    let id = talk.say("what now?");
    talk.edit(id, "undo");
    talk.forward("Undo");
    assert!(talk.record.cards.is_empty());
    let mut talk = Talk::new();
    let id = talk.say("hello");
    talk.edit(id, "/forget");
    talk.forward("/forget");
    assert!(talk.record.activity.is_idle());
    talk.say("/forget");
    let id = talk.say("hm");
    talk.edit(id, "yes");
    talk.forward("Yes, delete everything");
    assert_eq!(talk.record.activity, Activity::Forgetting);
}

#[test]
fn a_done_that_is_taken_back_leads_back_to_the_step() {
    for edited in [
        "not done",
        "oops, not yet",
        "wait, where is that button?",
        "还没好",
    ] {
        let mut talk = Talk::at_the_first_step();
        let id = talk.say("done");
        assert_eq!(talk.step(), "step-find-card");
        talk.edit(id, edited);
        assert_eq!(talk.step(), "step-open-wallet", "{edited}");
        talk.edit(id, "done");
        assert_eq!(talk.step(), "step-open-wallet", "an edit is no “done”");
    }
    let mut talk = Talk::at_the_first_step();
    let id = talk.say("done");
    talk.edit_in_vain(id, "done, thanks");
    // After a press, it is no longer the last thing that happened.
    talk.press(Choice::Done);
    let step = talk.step();
    talk.edit(id, "not done");
    assert_eq!(talk.step(), step);
}

#[test]
fn an_edit_may_lead_out_and_a_forwarded_message_may_name_and_ask() {
    let mut talk = Talk::at_the_first_step();
    let id = talk.say("cancle it");
    talk.edit(id, "cancel");
    assert!(talk.record.activity.is_idle());
    let mut talk = Talk::new();
    talk.forward("how do I unbind my card");
    assert!(talk.said.contains("five steps"), "{}", talk.said);
    talk.say("/unbind");
    talk.forward("Harbour Tower");
    assert_eq!(talk.label_of_draft().as_deref(), Some("Harbour Tower"));
}

#[test]
fn in_a_group_other_peoples_messages_do_not_make_ones_own_older() {
    let mut talk = Talk::new();
    let mut ask = |id: i32, from: u64, text: &str, sent_as: SentAs| {
        talk.handle(&Event {
            place: Place::Group,
            message: Some(MessageId(id)),
            from: Some(UserId(from)),
            sent_as,
            ..Event::private(Input::from_text(text))
        });
        talk.said.clone()
    };
    ask(1, 7, "how do I bind a card again", SentAs::New);
    ask(2, 8, "how do I unbind my card", SentAs::New);
    assert_eq!(ask(1, 7, "How do I bind a card again?", SentAs::Edit), "");
    assert_ne!(ask(1, 7, "how do I unbind my card", SentAs::Edit), "");
    ask(3, 7, "what does it cost", SentAs::New);
    assert_eq!(ask(1, 7, "my phone is lost", SentAs::Edit), "");
}

#[test]
fn a_few_messages_are_remembered_without_their_texts() {
    let mut talk = Talk::new();
    for _ in 0..100 {
        talk.say("zebra crossing");
    }
    let written = serde_json::to_string(&talk.record.said).expect("written");
    assert!(!written.contains("zebra"));
    assert!(
        talk.record.said.len() <= 6 && written.len() < 600,
        "{}",
        written.len()
    );
    talk.now += SignedDuration::from_mins(6);
    talk.say("hello");
    assert_eq!(talk.record.said.len(), 1);
}
