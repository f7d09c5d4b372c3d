//! Hostile input: the bodies of the fuzz targets in `tests/fuzz`, each run briefly.

#[path = "../fuzz/bodies.rs"]
mod bodies;

use std::collections::BTreeSet;

use bodies::{PIN, RECORDS};
use proptest::prelude::*;
use serde_json::{Value, json};
use unbind_bot::{
    dialogue::{Activity, Choice, MAX_FILE_BYTES, Record, Setup, Stage},
    knowledge::Language,
};

use crate::support::base;

/// Unusual texts: empty, control characters, right-to-left marks, markup.
const NASTY: [&str; 12] = [
    "",
    "\0",
    "\u{202e}lrac",
    "e\u{301}\u{301}\u{301}\u{301}",
    "👩‍👩‍👧‍👦🏳️‍🌈",
    "<b>&lt;</i>\"'",
    "**[x](y)`_~||",
    "/start kb_",
    "/forget@another_bot now",
    "門禁卡\u{200b}卡",
    "９９９９ ９９９９",
    "\u{feff}\u{2028}\u{2029}",
];

fn update_with(text: &str, chat: &Value, id: &Value) -> Vec<u8> {
    let message = json!({
        "message_id": 1, "date": 0, "text": text, "from": {"id": 5, "is_bot": false},
        "chat": {"id": chat, "type": "private"},
    });
    json!({"update_id": id, "message": message})
        .to_string()
        .into_bytes()
}

#[test]
fn unusual_texts_are_answered_at_any_length() {
    for text in NASTY {
        for times in [1, 50, 4096] {
            let text: String = text.repeat(times).chars().take(4096).collect();
            for record in RECORDS.iter() {
                bodies::update_in(record, &update_with(&text, &json!(7), &json!(1)));
            }
        }
    }
}

#[test]
fn numbers_beyond_all_bounds_are_numbers_or_nothing() {
    let numbers = [
        json!(0),
        json!(-1),
        json!(i64::MIN),
        json!(i64::MAX),
        json!(u64::MAX),
        json!(1e300),
        json!("7"),
        json!(null),
        json!([7]),
        json!(4_294_967_295_u32),
        json!(4_294_967_296_u64),
    ];
    for chat in &numbers {
        for id in &numbers {
            bodies::update(&update_with("hello", chat, id));
        }
    }
}

#[test]
fn json_that_is_deep_torn_or_says_things_twice_stops_nothing() {
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    bodies::update(deep.as_bytes());
    bodies::answer(deep.as_bytes());
    bodies::card_file(deep.as_bytes());
    for torn in [
        r#"{"update_id":1,"update_id":2,"message":{"text":"a","text":"b"}}"#,
        r#"{"update_id":1,"message":{"message_id":1,"text":"\ud800","chat":{"id":7,"type":"private"}}}"#,
        r#"{"update_id":1,"callback_query":{"id":5,"data":7,"message":{"message_id":"x"}}}"#,
        r#"{"update_id":1"#,
        "null\n[]\n7\n\"\"",
    ] {
        bodies::update(torn.as_bytes());
        bodies::card_file(torn.as_bytes());
    }
    bodies::update(&[0xff, 0xfe, 0x00]);
}

/// A card file with this many cards, each with another name.
fn file_of(count: usize) -> String {
    let card = |number| json!({"label": format!("Lab {number}."), "wallet": "wallet-mi", "added": "2026-01-01T00:00:00Z"});
    let cards: Vec<_> = (0..count).map(card).collect();
    json!({"unbind_bot_cards": 1, "about": "", "made": "2026-01-01T00:00:00Z", "cards": cards})
        .to_string()
}

/// A line in English.
fn line(name: &str) -> String {
    base().lines.say(Language::EN, name, &[]).to_plain()
}

#[test]
fn a_thousand_cards_and_a_megabyte_are_refused_politely() {
    let idle = Record::default();
    let thousands = file_of(5_000);
    assert!(thousands.len() > MAX_FILE_BYTES);
    for content in [thousands, "门".repeat(1 << 20)] {
        let (record, said) = bodies::said_of_file(&idle, content);
        assert_eq!(record.activity, Activity::Idle);
        assert!(said.contains(&line("file-large")), "{said}");
    }
    // A thousand cards are small enough, but too many for the list, which the bot says.
    let thousand = file_of(1_000);
    assert!(thousand.len() <= MAX_FILE_BYTES);
    let (record, said) = bodies::said_of_file(&idle, thousand);
    let Activity::Importing { cards } = &record.activity else {
        panic!("{said}");
    };
    let left_out = format!("The list is full; left out: {} more.", 1_000 - cards.len());
    assert!(said.contains(&left_out), "{said}");
}

#[test]
fn a_file_of_exactly_the_most_bytes_is_read_and_one_more_is_too_many() {
    let idle = Record::default();
    let two = file_of(2);
    let padded = |bytes: usize| two.clone() + &" ".repeat(bytes - two.len());
    let (record, said) = bodies::said_of_file(&idle, padded(MAX_FILE_BYTES));
    assert!(
        matches!(record.activity, Activity::Importing { .. }),
        "{said}"
    );
    let (record, said) = bodies::said_of_file(&idle, padded(MAX_FILE_BYTES + 1));
    assert_eq!(record.activity, Activity::Idle);
    assert!(said.contains(&line("file-large")), "{said}");
}

/// The name of a chat's state; a new state does not compile until it has a name here and a chat in [`RECORDS`].
fn state_of(record: &Record) -> &'static str {
    match &record.activity {
        Activity::Idle => "idle",
        Activity::Adding { .. } => "adding",
        Activity::Editing { .. } => "editing",
        Activity::ChoosingCard => "choosing",
        Activity::Removing(removal) => match removal.stage {
            Stage::Reason => "reason",
            Stage::Step(_) => "step",
            Stage::AllSteps => "all steps",
            Stage::Proof => "proof",
            Stage::Confirmation => "confirmation",
            Stage::Outcome => "outcome",
        },
        Activity::Protecting(setup) => match setup {
            Setup::Choosing => "protecting",
            Setup::Proof(_) => "proof first",
            Setup::NewPin => "new PIN",
            Setup::RepeatPin(_) => "repeated PIN",
            Setup::FirstCode(_) => "first code",
        },
        Activity::Importing { .. } => "importing",
        Activity::Forgetting => "forgetting",
        Activity::Reviewing => "reviewing",
    }
}

/// Every name that [`state_of`] returns.
const STATES: [&str; 18] = [
    "adding",
    "all steps",
    "choosing",
    "confirmation",
    "editing",
    "first code",
    "forgetting",
    "idle",
    "importing",
    "new PIN",
    "outcome",
    "proof",
    "proof first",
    "protecting",
    "reason",
    "repeated PIN",
    "reviewing",
    "step",
];

/// A button of each kind, as it is written.
const BUTTONS: [&str; 53] = [
    "none",
    "unbind",
    "add",
    "skip",
    "done",
    "differs",
    "back",
    "continue",
    "pause",
    "cancel",
    "uncancel",
    "quiet",
    "groups",
    "help",
    "privacy",
    "export",
    "import",
    "forget",
    "forget-all",
    "review-on",
    "review-off",
    "in-use",
    "protect",
    "use-pin",
    "use-codes",
    "unprotect",
    "e:lost-phone",
    "u:lost-phone",
    "n:lost-phone",
    "g:wallet-mi",
    "out:0",
    "why:new-phone",
    "label:home",
    "w:wallet-mi",
    "system:ios",
    "kind:issued",
    "details:0",
    "yes:0",
    "gone:0",
    "still:0",
    "unsure:0",
    "remind:0",
    "undo:2",
    "cards:0",
    "card:0",
    "history:0",
    "edit:issuer:0",
    "clear:issuer:0",
    "bin:0",
    "choose:0",
    "review:0",
    "group:help",
    "lang:zh",
];

#[test]
fn hostile_input_meets_chats_at_every_place() {
    let met: BTreeSet<_> = RECORDS.iter().map(state_of).collect();
    assert_eq!(met, BTreeSet::from(STATES));
}

#[test]
fn every_button_is_answered_at_every_place_and_leads_everywhere() {
    let (mut reached, mut taken_off, mut added) = (BTreeSet::new(), 0, 0);
    for record in RECORDS.iter() {
        for button in BUTTONS {
            let choice: Choice = button.parse().expect(button);
            let after = bodies::press(record, &choice);
            taken_off += usize::from(after.trash.len() > record.trash.len());
            added += usize::from(after.cards.len() > record.cards.len());
            if state_of(record) != state_of(&after) {
                reached.insert(state_of(&after));
                // Where typing is awaited, this is a label, an issuer and a PIN.
                bodies::update_in(&after, &update_with(PIN, &json!(7), &json!(1)));
            }
        }
    }
    assert!(reached.len() >= 12, "{reached:?}");
    assert!(taken_off > 0 && added > 0, "{taken_off} off, {added} on");
}

/// Bytes that look a little like what is expected, so that they get further in.
fn likely(words: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        3 => prop::sample::select(words).prop_map(|word| word.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..6),
        1 => any::<String>().prop_map(String::into_bytes),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

const JSON: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "1",
    "\n",
    "\"update_id\"",
    "\"message\"",
    "\"chat\"",
    "\"text\"",
    "\"cards\"",
    "\"label\"",
    "\"wallet\"",
    "\"unbind_bot_cards\"",
    "{\"id\":7,\"type\":\"private\"}",
];
const ANSWERS: &[&str] = &[
    "{\"ok\":true,\"result\":[",
    "{\"ok\":true,\"result\":{",
    "{\"ok\":false,\"error_code\":429,\"parameters\":{\"retry_after\":",
    "{\"update_id\":1,\"message\":{\"chat\":{\"id\":7,\"type\":\"private\"},\"text\":",
    "\"message_id\":5",
    "\"description\":",
    "\"\\ud83d\"",
    "\\u",
    "\"hello\"",
    "{",
    "}",
    "[",
    "]",
    "}]}",
    ",",
    ":",
    "\"",
    "\\",
    "1e999",
    "99999999999999999999",
    "-1",
    "null",
    "\u{1}",
    "\n",
];
const PRESSES: &[&str] = &[
    "0",
    "1",
    ".",
    ":",
    "~",
    "7",
    "help",
    "unbind",
    "w",
    "wallet-mi",
    "e",
    "cards",
    "yes",
    "done",
    "why",
    "lost",
    "out",
    "kind",
    "system",
    "edit",
    "issuer",
    "undo",
    "use-pin",
    "back",
];
const SECRETS: &[&str] = &[
    "4111",
    "1111",
    "0",
    "4111111111111111",
    "482913",
    " ",
    "-",
    ".",
    "/",
    "+",
    "\n",
    "1️⃣",
    "٤",
    "my ",
    "password ",
    "is ",
    "PIN ",
    "密码",
    "卡号",
    "验证码",
    ": ",
    "\"",
    "hunter2",
    "abandon ",
    "G-",
    "DE89 ",
    "room ",
    "2024-11-05",
    "?",
    "的 ",
];
const ENTRIES: &[&str] = &[
    "+++\n",
    "title = \"x\"\n",
    "questions = [\"a\"]\n",
    "[[",
    "]]",
    "**",
    "*",
    "`",
    "\n\n",
    "- ",
    "1. ",
    "https://x.y",
    "](",
    "[step]\n",
    "wallet = \"x\"\n",
    "decline = true\n",
];
const SETTINGS: &[&str] = &[
    "\n",
    "1:a",
    "https://",
    "127.0.0.1:80",
    "-100",
    ",",
    "0",
    "info",
    "json",
    "=",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_update_is_answered_or_passed_over(bytes in likely(JSON)) {
        bodies::update(&bytes);
    }

    #[test]
    fn any_answer_of_a_server_is_read_or_refused(bytes in likely(ANSWERS)) {
        bodies::answer(&bytes);
    }

    #[test]
    fn any_text_is_answered(text in any::<String>(), more in any::<String>()) {
        let both = [update_with(&text, &json!(7), &json!(1)), update_with(&more, &json!(7), &json!(2))];
        bodies::update(&both.join(&b'\n'));
    }

    #[test]
    fn any_button_is_answered(bytes in likely(PRESSES)) {
        bodies::callback_data(&bytes);
    }

    #[test]
    fn any_file_of_cards_is_read_or_refused(bytes in likely(JSON)) {
        bodies::card_file(&bytes);
    }

    #[test]
    fn any_text_is_searched_for_secrets(bytes in likely(SECRETS)) {
        bodies::secrets(&bytes);
    }

    #[test]
    fn any_knowledge_file_is_read_or_refused(bytes in likely(ENTRIES)) {
        bodies::knowledge(&bytes);
    }

    #[test]
    fn any_settings_are_understood_or_refused_by_name(bytes in likely(SETTINGS)) {
        bodies::settings(&bytes);
    }
}
