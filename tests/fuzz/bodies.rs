//! What must hold for any bytes from outside: nothing panics, everything is answered, and what is sent fits Telegram.

use std::{path::Path, sync::OnceLock};

use clap::Parser;
use jiff::Timestamp;
use unbind_bot::{
    config::ServeArgs,
    dialogue::{
        Base, ChatId, Context, Entropy, Event, Input, MessageId, Place, Press, Receipt, Record,
        respond,
    },
    knowledge::{Knowledge, Language, entry::EntryId, parse},
    telegram::{
        api::Identity,
        incoming,
        outgoing::{Form, Outgoing, Showing, render},
        wire::Update,
    },
};

/// Telegram's limit for a message's text, in UTF-16 units.
const MESSAGE_UNITS: usize = 4096;
/// Telegram's limit for a button's data.
const DATA_BYTES: usize = 64;

/// One update as JSON, or several, a line each, in one chat.
pub fn update(bytes: &[u8]) {
    let me = Identity {
        id: 123_456,
        username: "unbind_test_bot".into(),
    };
    let mut record = Record::default();
    for line in bytes.split(|byte| *byte == b'\n') {
        let Ok(update) = serde_json::from_slice(line) else {
            continue;
        };
        let update = Update::read(update);
        let _ = incoming::migration(&update);
        if let Some(incoming) = incoming::read(&update, &me) {
            assert_eq!(update.id(), Some(incoming.update));
            record = turn(record, &incoming.event, incoming.chat);
        }
    }
}

/// What a button may send back.
pub fn callback_data(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let press: Option<Press> = text.parse().ok();
    if let Some(press) = &press {
        let again: Press = press.to_string().parse().expect("what we write, we read");
        assert_eq!(again, *press);
    }
    let input = Input::Press {
        press,
        message: MessageId(5),
    };
    for place in [Place::Private, Place::Group] {
        let event = Event {
            place,
            ..Event::private(input.clone())
        };
        let fresh = turn(Record::default(), &event, ChatId(7));
        // The same button once more, now an old one.
        turn(fresh, &event, ChatId(7));
    }
}

/// A file that somebody sends to have its cards put on the list.
pub fn card_file(bytes: &[u8]) {
    let Ok(text) = String::from_utf8(bytes.to_vec()) else {
        return;
    };
    let event = Event::private(Input::Receipt(Receipt::FileContent(Ok(text))));
    let record = turn(Record::default(), &event, ChatId(7));
    // Whatever is asked now, the import first of all, is answered.
    let yes = format!("{}.import", record.turn);
    let press = Input::Press {
        press: yes.parse().ok(),
        message: MessageId(5),
    };
    turn(record, &Event::private(press), ChatId(7));
}

/// The files of a knowledge base.
pub fn knowledge(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let path = Path::new("group/fuzzed.en.md");
    let (id, language): (EntryId, Language) = parse::entry_name(path, "fuzzed.en").expect("a name");
    let _ = parse::article(path, (id.clone(), language), &text);
    let _ = parse::guide(path, (id, language), &text);
    let _ = parse::phrasings(&text);
    let _ = parse::markdown(path, &text, 1);
    let stem: String = text.chars().take(80).collect();
    let _ = parse::entry_name(Path::new(&stem), &stem);
}

/// Settings, one a line, as they may stand in the environment.
pub fn settings(bytes: &[u8]) {
    #[derive(Parser)]
    struct Typed {
        #[command(flatten)]
        args: ServeArgs,
    }
    const FLAGS: [&str; 12] = [
        "--token",
        "--api-url",
        "--webhook-url",
        "--webhook-listen",
        "--webhook-secret",
        "--support-chat-id",
        "--admin-ids",
        "--send-rate",
        "--send-rate-per-chat",
        "--health-listen",
        "--log",
        "--log-format",
    ];
    let text = String::from_utf8_lossy(bytes);
    let given = FLAGS
        .iter()
        .zip(text.split('\n'))
        .map(|(flag, value)| format!("{flag}={value}"));
    let Ok(typed) = Typed::try_parse_from(std::iter::once("serve".to_owned()).chain(given)) else {
        return;
    };
    if let Err(faults) = typed.args.settings() {
        assert!(
            faults
                .0
                .iter()
                .all(|fault| fault.to_string().contains(": ")),
            "each by name"
        );
    }
}

/// A turn, and what it says as Telegram gets it.
fn turn(record: Record, event: &Event, chat: ChatId) -> Record {
    let context = Context {
        base: base(),
        now: Timestamp::UNIX_EPOCH,
        entropy: Entropy([7; Entropy::BYTES]),
    };
    let turn = respond(&record, event, &context);
    assert!(!turn.replies.is_empty(), "{event:?} is not answered");
    for reply in &turn.replies {
        for form in [Form::Rich, Form::Plain, Form::Bare] {
            let showing = Showing {
                form,
                ..Showing::new(chat, "unbind_test_bot")
            };
            render(reply, showing).iter().for_each(fits);
        }
    }
    turn.record
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

fn base() -> &'static Base {
    static BASE: OnceLock<Base> = OnceLock::new();
    BASE.get_or_init(|| Base::new(Knowledge::default()))
}
