//! The same conversation on both channels: the terminal's output equals the messages sent to Telegram.

use std::{future::ready, io::Cursor, sync::Arc};

use crate::support::assistant;
use crate::support::fake_api::{Call, FakeApi, TOKEN};
use futures::FutureExt;
use jiff::Timestamp;
use tokio::sync::oneshot;
use unbind_bot::{
    assistant::Assistant,
    knowledge::Language,
    store::{Store, memory::MemoryStore},
    telegram::{TelegramSettings, serve},
    terminal::{Terminal, TerminalSettings},
};

const ANN: i64 = 71;

/// Typed lines, or labels of buttons of the newest message.
const ENGLISH: [&str; 27] = [
    "how do I unbind my card",
    "Guide me step by step",
    "<b>&\"' badge 👍",
    "Xiaomi Wallet",
    "Android phone",
    "New phone",
    "Done",
    "It looks different",
    "Back to the step",
    "will my plastic card still work?",
    "Pause",
    "Go on",
    "Done",
    "Done",
    "Done",
    "Done",
    "yes",
    "Still there",
    "Undo",
    "/protect",
    "Use a PIN",
    "blue-whale-47",
    "blue-whale-47",
    "my password is 123456",
    "/privacy",
    "unbind my bank card",
    "/help",
];
const CHINESE: [&str; 14] = [
    "门禁卡怎么解绑",
    "一步一步带我做",
    "公司",
    "支付宝",
    "安卓手机",
    "被人盗用了",
    "我这里不一样",
    "回到这一步",
    "做好了",
    "是的",
    "没了",
    "看看有哪些话题",
    "/cards",
    "/forget",
];

fn now() -> Timestamp {
    "2026-01-01T12:00:00Z".parse().unwrap()
}

/// The text without wrapping, spaces and the numbers of choices, which only the terminal has.
fn bare(text: &str) -> String {
    let kept = |c: &char| !c.is_whitespace() && !c.is_ascii_digit();
    text.chars().filter(kept).collect()
}

async fn in_the_terminal(lines: &[&str], language: Language) -> String {
    let folder = tempfile::tempdir().unwrap();
    let assistant = assistant(Arc::new(MemoryStore::new()));
    let settings = TerminalSettings {
        language: Some(language),
        columns: 0,
        // With a prompt, as for a person, so that typed lines can be erased.
        prompt: true,
        files: folder.path().to_owned(),
    };
    let mut output = Vec::new();
    let mut terminal = Terminal::new(&assistant, &now, settings, &mut output);
    let input = Cursor::new(lines.join("\n"));
    terminal.run(input).await.unwrap();
    let said = String::from_utf8(output).unwrap();
    anstream::adapter::strip_str(&said).to_string()
}

/// Plain text of Telegram's HTML.
fn plain(html: &str) -> String {
    let mut plain = String::new();
    let mut rest = html;
    while let Some((before, tag)) = rest.split_once('<') {
        plain.push_str(before);
        rest = tag.split_once('>').unwrap().1;
    }
    plain.push_str(rest);
    let unescaped = plain.replace("&lt;", "<").replace("&gt;", ">");
    unescaped.replace("&quot;", "\"").replace("&amp;", "&")
}

fn buttons(call: &Call) -> Vec<(String, String)> {
    let rows = call.params["reply_markup"]["inline_keyboard"].as_array();
    let buttons = rows
        .into_iter()
        .flatten()
        .flat_map(|row| row.as_array().unwrap().clone());
    let word =
        |button: &serde_json::Value, key: &str| button[key].as_str().unwrap_or_default().to_owned();
    buttons
        .map(|button| (word(&button, "text"), word(&button, "callback_data")))
        .collect()
}

/// What was sent and stays: the message that takes away an old keyboard is deleted again.
fn shown(api: &FakeApi) -> Vec<Call> {
    let calls = api.calls().into_iter();
    let shows = |call: &Call| {
        ["sendmessage", "editmessagetext"].contains(&call.method.to_lowercase().as_str())
            && call.params["reply_markup"]["remove_keyboard"] != true
    };
    calls
        .filter(|call| shows(call) && call.chat() == Some(ANN))
        .collect()
}

/// Sends one line: a press if the newest message has such a button, else a message; returns when all replies are sent.
async fn do_line(api: &FakeApi, assistant: &Assistant, line: &str) {
    let newest = shown(api)
        .pop()
        .map(|call| buttons(&call))
        .unwrap_or_default();
    let pressed = newest.into_iter().find(|(label, _)| label == line);
    let update = match pressed {
        Some((_, data)) => api.presses(ANN, api.newest(ANN).0, &data),
        None => api.says(ANN, line),
    };
    api.until(line, |api| {
        api.is_confirmed(update) && assistant.store().outbox().unwrap().is_empty()
    })
    .await;
}

/// The texts and buttons Telegram was sent, in order.
async fn on_telegram(lines: &[&str], language: Language) -> Vec<String> {
    let api = FakeApi::start().await;
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let assistant = Arc::new(assistant(store));
    let settings = TelegramSettings {
        token: TOKEN.into(),
        api_url: api.url().parse().unwrap(),
        proxy: None,
        api_files: None,
        send_rate: 0,
        send_rate_per_chat: 0,
        webhook: None,
    };
    let (stop, stopped) = oneshot::channel::<()>();
    let served = assistant.clone();
    let running = tokio::spawn(async move {
        serve(settings, ready(served), now, |_| {}, stopped.map(|_| ())).await
    });
    // The fake person's app is set to English.
    do_line(&api, &assistant, &format!("/language {language}")).await;
    let before = shown(&api).len();
    do_line(&api, &assistant, "/start").await;
    for line in lines {
        do_line(&api, &assistant, line).await;
    }
    let _ = stop.send(());
    running.await.unwrap().unwrap();
    let said = shown(&api).split_off(before).into_iter();
    said.map(|call| {
        let labels = buttons(&call).into_iter().map(|(label, _)| label);
        plain(call.text()) + &labels.collect::<String>()
    })
    .collect()
}

async fn is_the_same(lines: &[&str], language: Language) {
    let terminal = bare(&in_the_terminal(lines, language).await);
    let telegram = on_telegram(lines, language).await;
    assert!(telegram.len() > lines.len(), "every line got a reply");
    let mut from = 0;
    for message in telegram {
        let message = bare(&message);
        let found = terminal[from..].find(&message);
        let Some(at) = found else {
            panic!(
                "{message}\nis not in the terminal after\n{}",
                &terminal[from..]
            );
        };
        from += at + message.len();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_channels_show_the_same_conversation_in_english() {
    is_the_same(&ENGLISH, Language::EN).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_channels_show_the_same_conversation_in_chinese() {
    is_the_same(&CHINESE, Language::ZH).await;
}
