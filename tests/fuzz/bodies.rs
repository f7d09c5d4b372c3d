//! What must hold for any bytes from outside, wherever a chat is: nothing panics, everything is answered, and what is sent
//! fits Telegram. All on the shipped base.

use std::{path::Path, sync::LazyLock, time::Duration};

use clap::Parser;
use jiff::Timestamp;
use serde_json::json;
use unbind_bot::{
    config::ServeArgs,
    dialogue::{
        ChatId, Choice, Command, Context, Entropy, Event, Input, MessageId, Place, Press, Receipt,
        Record, SentFile, TimeCheck, respond,
    },
    knowledge::{Language, entry::EntryId, parse},
    telegram::{
        api::{ApiError, Identity, Ignored, ReceivedUpdate, SentMessage, read_answer, read_batch},
        incoming,
        lenient_json::{self, Repaired},
        outgoing::{Form, Outgoing, RenderOptions, render},
        wire::Update,
    },
};

use super::base;

/// Telegram's limit for a message's text, in UTF-16 units.
const MESSAGE_UNITS: usize = 4096;
/// Telegram's limit for a button's data.
const DATA_BYTES: usize = 64;
/// When everything here happens.
const NOW: &str = "2026-01-01T00:00:00Z";
/// Where.
const CHAT: ChatId = ChatId(7);
/// A hash of no PIN.
const SEALED: &str = "$argon2id$v=19$m=64,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAA";
/// Opens the protected chats among [`RECORDS`].
pub const PIN: &str = "blue-whale-47";

/// A chat at every place there is: cards on the list and in the trash, with and without a PIN.
pub static RECORDS: LazyLock<Vec<Record>> = LazyLock::new(|| {
    let at = |activity: serde_json::Value| chat_at(&activity, &json!(null));
    let removing = |stage: serde_json::Value| {
        // The outcome is asked of a card that is in the trash by then.
        let card = if stage == "outcome" { 2 } else { 0 };
        json!({"at": "removing", "card": card, "reason": "new_phone", "stage": stage})
    };
    let draft = json!({"label": "Lab", "wallet": "wallet-huawei"});
    let mut records = vec![
        Record::default(),
        at(json!({"at": "idle"})),
        at(json!({"at": "adding", "draft": {}, "then_unbind": true})),
        at(json!({"at": "adding", "draft": draft, "then_unbind": false})),
        at(json!({"at": "choosing_card"})),
        at(json!({"at": "importing", "cards": [card(8, "Gate", "wallet-mi")]})),
        at(json!({"at": "forgetting"})),
        at(json!({"at": "reviewing"})),
    ];
    let fields = ["label", "wallet", "issuer", "digits"];
    records.extend(fields.map(|field| at(json!({"at": "editing", "card": 0, "field": field}))));
    let stages = [
        json!("reason"),
        json!({"step": "step-open-wallet"}),
        json!({"step": "no-such-step"}),
        json!("all_steps"),
        json!("confirmation"),
        json!("outcome"),
    ];
    records.extend(stages.map(|stage| at(removing(stage))));
    let setups = [
        json!({"choosing": null}),
        json!({"new_pin": null}),
        json!({"repeat_pin": SEALED}),
        json!({"first_code": "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"}),
    ];
    records.extend(setups.map(|setup| at(with_tag(setup, "protecting"))));
    // What asks for a proof needs something to prove.
    let protection = protection();
    let guarded = |activity: serde_json::Value| chat_at(&activity, &protection);
    let goals = ["pin", "codes", "off"].map(|goal| with_tag(json!({"proof": goal}), "protecting"));
    records.extend(goals.map(guarded));
    records.extend([json!("proof"), json!("confirmation")].map(|stage| guarded(removing(stage))));
    records
});

fn with_tag(mut activity: serde_json::Value, tag: &str) -> serde_json::Value {
    activity["at"] = tag.into();
    activity
}

fn card(id: u32, label: &str, wallet: &str) -> serde_json::Value {
    json!({"id": id, "label": label, "wallet": wallet, "added": "2025-12-01T00:00:00Z"})
}

/// A chat written as the store keeps it.
fn chat_at(activity: &serde_json::Value, protection: &serde_json::Value) -> Record {
    let record = json!({
        "turn": 7,
        "activity": activity,
        "touched": NOW,
        "screen": 5,
        "cards": [card(0, "Office", "wallet-oppo"), card(1, "Home", "wallet-apple")],
        "bin": [{"card": card(2, "Pool", "wallet-mi"), "removed": "2025-12-20T00:00:00Z"}],
        "next_card": 9,
        "protection": protection,
    });
    serde_json::from_value(record).expect("a record as it is stored")
}

/// What a chat keeps once [`PIN`] was set in it.
fn protection() -> serde_json::Value {
    let type_in = |record, text| turn(record, &Event::private(Input::from_text(text)), CHAT);
    let record = press(&type_in(Record::default(), "/protect"), &Choice::UsePin);
    let record = type_in(type_in(record, PIN), PIN);
    assert!(record.protection.is_some(), "a PIN is set");
    serde_json::to_value(record.protection).expect("as it is stored")
}

/// Some chat, the same for the same bytes.
fn some_chat(bytes: &[u8]) -> &'static Record {
    &RECORDS[bytes.len() % RECORDS.len()]
}

/// One update as JSON, or several, a line each, in one chat.
pub fn update(bytes: &[u8]) {
    update_in(some_chat(bytes), bytes);
}

/// The same in this chat.
pub fn update_in(record: &Record, bytes: &[u8]) {
    let me = Identity {
        id: 123_456,
        username: "unbind_test_bot".into(),
    };
    let mut record = record.clone();
    for line in bytes.split(|byte| *byte == b'\n') {
        let Some(update) = lenient_json::read(line) else {
            continue;
        };
        let update = Update::read(update);
        let _ = incoming::migration(&update);
        if let Some(incoming) = incoming::read(&update, &me, &base().command_words) {
            assert_eq!(update.id(), Some(incoming.update));
            record = turn(record, &incoming.event, incoming.chat);
        }
    }
}

/// What a Bot API server may answer to a poll or to a message, whole and cut off in the middle.
pub fn answer(bytes: &[u8]) {
    for part in [bytes, &bytes[..bytes.len() / 2]] {
        for status in [200, 429, 500] {
            let _ = read_answer::<SentMessage>(status, part);
            if let Err(ApiError::TooManyRequests(wait)) = read_answer::<Ignored>(status, part) {
                assert!(wait <= Duration::from_secs(3600));
            }
            let batch = read_batch(status, part).unwrap_or_default();
            for update in batch.updates {
                match update {
                    ReceivedUpdate::Json(json) => {
                        update_in(some_chat(part), json.to_string().as_bytes())
                    }
                    ReceivedUpdate::Unreadable(text) => outlined(&text),
                }
            }
            batch.cut_off.iter().for_each(|text| outlined(text));
        }
        let text = String::from_utf8_lossy(part);
        let repaired = Repaired::from_bytes(part);
        // What is valid stays as it is, and a repair is not repaired again.
        assert_eq!(
            Repaired::from_bytes(repaired.text.as_bytes()).text,
            repaired.text
        );
        if let Ok(valid) = serde_json::from_str::<serde_json::Value>(&text) {
            assert_eq!(lenient_json::read(part), Some(valid));
        }
    }
}

/// What is kept of text that cannot be read is no longer than that.
fn outlined(text: &str) {
    assert!(lenient_json::outline(text).len() <= 3 * text.len() + 5);
}

/// What a button may send back.
pub fn callback_data(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let data: Option<Press> = text.parse().ok();
    if let Some(data) = &data {
        let again: Press = data.to_string().parse().expect("what we write, we read");
        assert_eq!(again, *data);
    }
    let record = some_chat(bytes);
    pressed(record, data);
    // The same as a button that is on the screen.
    if let Ok(choice) = text.parse() {
        press(record, &choice);
    }
}

/// A button that is on the screen is pressed.
pub fn press(record: &Record, choice: &Choice) -> Record {
    pressed(record, Some(Press::new(record.keyboard, choice.clone())))
}

/// A button is pressed, in private, then again, and in a group; what there is after the first time.
fn pressed(record: &Record, press: Option<Press>) -> Record {
    let message = MessageId(5);
    let event = Event::private(Input::Press { press, message });
    let after = turn(record.clone(), &event, CHAT);
    turn(after.clone(), &event, CHAT);
    let in_group = Event {
        place: Place::Group,
        ..event
    };
    turn(record.clone(), &in_group, CHAT);
    after
}

/// A file that somebody sends to have its cards put on the list.
pub fn card_file(bytes: &[u8]) {
    let Ok(text) = String::from_utf8(bytes.to_vec()) else {
        return;
    };
    let record = said_of_file(some_chat(bytes), text).0;
    // Whatever is asked now, the import first of all, is answered.
    press(&record, &Choice::Import);
}

/// What there is after a file was sent, and what is said of it.
pub fn said_of_file(record: &Record, content: String) -> (Record, String) {
    let event = Event::private(Input::Receipt(Receipt::FileContent(Ok(content))));
    said(record.clone(), &event, CHAT)
}

/// A text in every form in which it may have a secret. Of what is deleted from the chat, no number is repeated.
pub fn secrets(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let record = some_chat(bytes);
    let file = SentFile {
        id: "F".to_owned(),
        name: "cards.json".to_owned(),
        bytes: Some(9),
        caption: Some(text.clone()),
    };
    for input in [
        Input::Text(text.clone()),
        Input::Command(Command::Help, text.clone()),
        Input::from_text(&format!("/{text}")),
        Input::LateEdit(text.clone()),
        Input::File(file),
    ] {
        let event = Event {
            message: Some(MessageId(5)),
            ..Event::private(input)
        };
        let (_, said) = said(record.clone(), &event, CHAT);
        let numbers = text.split(|c: char| !c.is_ascii_digit());
        for number in numbers.filter(|number| number.len() > 12) {
            assert!(!said.contains(number), "{number} is said");
        }
    }
}

/// The files of a knowledge base.
pub fn knowledge(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let path = Path::new("group/fuzzed.en.md");
    let (id, language): (EntryId, Language) =
        parse::parse_entry_name(path, "fuzzed.en").expect("a name");
    let _ = parse::parse_article(path, (id.clone(), language), &text);
    let _ = parse::parse_guide(path, (id, language), &text);
    let _ = parse::parse_phrasings(&text);
    let _ = parse::parse_markdown(path, &text, 1);
    let stem: String = text.chars().take(80).collect();
    let _ = parse::parse_entry_name(Path::new(&stem), &stem);
}

/// Settings: what sets each, its name, and something it understands.
const SETTINGS: [(&str, &str, &str); 14] = [
    ("--token", "TELOXIDE_TOKEN", "1:a"),
    ("--api-url", "TELOXIDE_API_URL", "https://api.telegram.org"),
    ("--proxy", "TELOXIDE_PROXY", "http://127.0.0.1:80"),
    ("--api-files", "API_FILES_DIR", "/"),
    // None: an address may hold what is wrong elsewhere.
    ("--webhook-url", "WEBHOOK_URL", ""),
    ("--webhook-listen", "WEBHOOK_LISTEN", "127.0.0.1:80"),
    ("--webhook-secret", "WEBHOOK_SECRET", "secret"),
    ("--support-chat-id", "SUPPORT_CHAT_ID", "-100"),
    ("--admin-ids", "ADMIN_IDS", "1,2"),
    ("--send-rate", "SEND_RATE", "30"),
    ("--send-rate-per-chat", "SEND_RATE_PER_CHAT", "1"),
    ("--health-listen", "HEALTH_LISTEN", "127.0.0.1:81"),
    ("--log", "LOG", "info"),
    ("--log-format", "LOG_FORMAT", "json"),
];

/// Settings, one a line, as they may stand in the environment: each that is refused is refused by name, and once it is
/// set to something that is understood, it is refused no more.
pub fn settings(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let given = || SETTINGS.iter().zip(text.split('\n'));
    let typed = |mended: &str| {
        given()
            .map(|((flag, name, good), value)| {
                format!("{flag}={}", if *name == mended { *good } else { value })
            })
            .chain(
                SETTINGS
                    .iter()
                    .skip(given().count())
                    .filter(|(_, name, _)| *name == mended)
                    .map(|(flag, _, good)| format!("{flag}={good}")),
            )
            .collect::<Vec<_>>()
    };
    let Some(refused) = refused(&typed("")) else {
        return;
    };
    for name in &refused {
        let known = SETTINGS.iter().any(|(_, known, _)| known == name);
        assert!(known, "{name} is no setting");
        let still = self::refused(&typed(name)).expect("read as before");
        assert!(!still.contains(name), "{name} was not what is wrong");
    }
}

/// The names of the settings that are refused; nothing where the command line itself cannot be read.
fn refused(given: &[String]) -> Option<Vec<String>> {
    #[derive(Parser)]
    struct Typed {
        #[command(flatten)]
        args: ServeArgs,
    }
    // A folder that is there, wherever this runs.
    let begin = ["serve".to_owned(), "--knowledge=/".to_owned()];
    let typed = Typed::try_parse_from(begin.iter().chain(given)).ok()?;
    let Err(faults) = typed.args.settings() else {
        return Some(Vec::new());
    };
    let name = |fault: String| fault.split_once(": ").map(|(name, _)| name.to_owned());
    let names = faults.0.iter().map(|fault| name(fault.to_string()));
    Some(names.map(|name| name.expect("a name")).collect())
}

/// A turn, and what it says as Telegram gets it.
fn turn(record: Record, event: &Event, chat: ChatId) -> Record {
    said(record, event, chat).0
}

/// The same with what is said.
fn said(record: Record, event: &Event, chat: ChatId) -> (Record, String) {
    let now: Timestamp = NOW.parse().expect("a time");
    let context = Context {
        base: &base(),
        now,
        checked: TimeCheck::AtLeast(now),
        entropy: Entropy([7; Entropy::BYTES]),
    };
    let turn = respond(&record, event, &context);
    let is_answered = !turn.replies.is_empty() || !event.input.wants_answer();
    assert!(is_answered, "{event:?} is not answered");
    for reply in &turn.replies {
        for form in [Form::Rich, Form::Plain, Form::Bare] {
            let options = RenderOptions {
                form,
                ..RenderOptions::new(chat, "unbind_test_bot")
            };
            render(reply, options).iter().for_each(fits);
        }
    }
    let said = turn.replies.iter().map(|reply| reply.text.to_plain());
    let said = said.collect::<Vec<_>>().join("\n");
    (turn.record, said)
}

fn fits(request: &Outgoing) {
    let json = match request {
        Outgoing::New(message) => serde_json::to_value(message),
        Outgoing::Edit(edit) => serde_json::to_value(edit),
        _ => return,
    };
    let json = json.expect("a request is JSON");
    // With its tags, which do not count: more than enough to be sure.
    let text = json["text"].as_str().expect("a text");
    assert!(!text.trim().is_empty());
    let visible: usize = without_tags(text).encode_utf16().count();
    assert!(visible <= MESSAGE_UNITS, "{visible} units");
    let rows = json["reply_markup"]["inline_keyboard"].as_array();
    for button in rows
        .into_iter()
        .flatten()
        .filter_map(|row| row.as_array())
        .flatten()
    {
        let data = button["callback_data"].as_str().unwrap_or("-");
        assert!((1..=DATA_BYTES).contains(&data.len()), "{data}");
        assert!(
            !button["text"]
                .as_str()
                .unwrap_or_default()
                .trim()
                .is_empty()
        );
    }
}

fn without_tags(html: &str) -> String {
    let mut inside = false;
    let visible = html.chars().filter(|character| {
        inside |= *character == '<';
        let shown = !inside;
        inside &= *character != '>';
        shown
    });
    visible.collect()
}
