//! Hostile input, as far as a test can think of it: the bodies that `tests/fuzz` runs for hours, for a moment each.

#[path = "../fuzz/bodies.rs"]
mod bodies;

use proptest::prelude::*;
use serde_json::{Value, json};

/// Texts as nobody writes them.
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
fn texts_as_nobody_writes_them_are_answered_at_any_length() {
    for text in NASTY {
        for times in [1, 50, 4096] {
            let text: String = text.repeat(times).chars().take(4096).collect();
            bodies::update(&update_with(&text, &json!(7), &json!(1)));
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

#[test]
fn a_thousand_cards_and_a_megabyte_are_refused_politely() {
    let card = json!({"label": "x", "wallet": "wallet-mi", "added": "2026-01-01T00:00:00Z"});
    for count in [1_000, 50_000] {
        let cards = vec![card.clone(); count];
        let file = json!({"unbind_bot_cards": 1, "about": "", "made": "2026-01-01T00:00:00Z", "cards": cards});
        bodies::card_file(file.to_string().as_bytes());
    }
    bodies::card_file("门".repeat(1 << 20).as_bytes());
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
    fn any_knowledge_file_is_read_or_refused(bytes in likely(ENTRIES)) {
        bodies::knowledge(&bytes);
    }

    #[test]
    fn any_settings_are_understood_or_refused_by_name(bytes in likely(SETTINGS)) {
        bodies::settings(&bytes);
    }
}
