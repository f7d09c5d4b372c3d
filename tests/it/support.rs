//! Shared by the tests: the shipped base, indexed once, and a chat as a person sees it.

pub mod fake_api;
pub mod program;
pub mod promises;
pub mod source;

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU32, Ordering},
    },
};

use jiff::{SignedDuration, Timestamp};
use unbind_bot::{
    assistant::Assistant,
    dialogue::{Action, Attachment, Base, ChatId, Entropy, Event, Input, MessageId, Reply},
    knowledge::{Knowledge, Language, load_folder},
    matching::Matcher,
    store::{Mark, Store},
};

/// Fixed random bytes for the tests.
pub const ENTROPY: Entropy = Entropy([7; Entropy::BYTES]);

/// The chat the tests talk in.
pub const CHAT: ChatId = ChatId(4711);

static SHIPPED: LazyLock<Knowledge> = LazyLock::new(|| {
    load_folder(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/knowledge")))
        .expect("the shipped base loads")
});
static BASE: LazyLock<Arc<Base>> = LazyLock::new(|| Arc::new(Base::new(SHIPPED.clone())));

pub fn knowledge() -> &'static Knowledge {
    &SHIPPED
}

/// The matcher of the shipped base.
pub fn matcher() -> &'static Matcher {
    &BASE.matcher
}

/// The shipped base, indexed once for all tests.
pub fn base() -> Arc<Base> {
    BASE.clone()
}

/// A free port. Each call uses another address of 127.0.0.0/8, all of which are this machine, so that no other test
/// takes the port before it is used.
pub fn free_port() -> SocketAddr {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    let call = CALLS.fetch_add(1, Ordering::Relaxed);
    let [.., high, low] = std::process::id().to_be_bytes();
    // The last byte is never 0 or 255.
    let address = Ipv4Addr::new(127, high | 1, low, 1 + (call % 254) as u8);
    let listener = TcpListener::bind((address, 0)).expect("a free port");
    listener.local_addr().expect("its address")
}

/// A button of a message, as it was when shown.
#[derive(Debug, Clone)]
pub struct Shown {
    pub label: String,
    pub data: String,
    pub message: MessageId,
}

/// A chat as a person sees it: messages with buttons, some of them edited later.
pub struct Screen {
    pub now: Timestamp,
    /// The language of the person's app.
    pub app_language: Option<Language>,
    /// Every button ever shown, oldest first.
    pub shown: Vec<Shown>,
    /// The content of the last file sent to the person.
    pub file: String,
    next_message: i32,
}

/// One reply as the person sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    pub text: String,
    pub buttons: Vec<String>,
    pub edited: bool,
    /// Whether the typed message is deleted from the chat.
    pub deletes_typed: bool,
    /// The attachment: the name of a file, or of a QR code.
    pub attachment: Option<String>,
}

impl Screen {
    pub fn new() -> Self {
        Self {
            now: "2026-01-01T12:00:00Z".parse().expect("a time"),
            app_language: None,
            shown: Vec::new(),
            file: String::new(),
            next_message: 100,
        }
    }

    /// Sends an event and shows the replies, as a channel would.
    pub async fn turn(&mut self, assistant: &Assistant, event: &Event) -> Vec<Said> {
        self.now += SignedDuration::from_secs(1);
        let event = &Event {
            app_language: self.app_language,
            message: Some(MessageId(1)),
            ..event.clone()
        };
        let rows = assistant
            .handle(CHAT, None, event, self.now)
            .await
            .expect("the store takes the turn")
            .rows;
        let said = rows.iter().map(|row| self.show(&row.reply)).collect();
        let sent = rows.iter().map(|row| Mark::Done(row.id)).collect();
        assistant
            .store()
            .mark(sent)
            .await
            .expect("the store takes the marks");
        said
    }

    pub fn show(&mut self, reply: &Reply) -> Said {
        self.next_message += 1;
        let message = reply.replaces.unwrap_or(MessageId(self.next_message));
        let buttons: Vec<_> = reply.buttons.iter().flatten().collect();
        for button in &buttons {
            if let Action::Press(press) = &button.action {
                self.shown.push(Shown {
                    label: button.label.clone(),
                    data: press.to_string(),
                    message,
                });
            }
        }
        let attachment = reply
            .attachment
            .as_ref()
            .map(|attachment| match attachment {
                Attachment::File { name, content } => {
                    self.file.clone_from(content);
                    name.clone()
                }
                Attachment::QrCode(_) => "QR code".to_owned(),
            });
        Said {
            text: reply.text.to_plain(),
            buttons: buttons.iter().map(|button| button.label.clone()).collect(),
            edited: reply.replaces.is_some(),
            deletes_typed: reply.deletes.is_some(),
            attachment,
        }
    }

    /// A press on the newest button with this label.
    pub fn press(&self, label: &str) -> Result<Event, String> {
        let button = self.shown.iter().rfind(|button| button.label == label);
        button
            .map(|button| self.press_on(button))
            .ok_or_else(|| format!("no button [{label}] among {:?}", self.newest_labels()))
    }

    /// A press on the oldest button with this label.
    pub fn press_oldest(&self, label: &str) -> Result<Event, String> {
        let button = self.shown.iter().find(|button| button.label == label);
        button
            .map(|button| self.press_on(button))
            .ok_or_else(|| format!("there never was a button [{label}]"))
    }

    pub fn press_on(&self, button: &Shown) -> Event {
        Event::private(Input::Press {
            press: button.data.parse().ok(),
            message: button.message,
        })
    }

    fn newest_labels(&self) -> Vec<&str> {
        self.shown
            .iter()
            .rev()
            .take(12)
            .map(|button| button.label.as_str())
            .collect()
    }
}

/// An assistant on the shipped base.
pub fn assistant(store: Arc<dyn Store>) -> Assistant {
    Assistant::new(base(), store)
}
