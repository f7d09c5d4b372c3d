//! What comes in, in the project's own words: the same from Telegram, the terminal and a test.

use super::{
    address::{Address, ReplyTo, Thread},
    choice::Press,
    ids::{ChatId, MessageId, UserId},
};
use crate::knowledge::Language;

/// Something that happened in a chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What was said or pressed.
    pub input: Input,
    pub place: Place,
    /// In which part of the chat, where it has parts.
    pub thread: Option<Thread>,
    /// The language the person's app is set to, as far as it is known.
    pub app_language: Option<Language>,
    /// The message it was said in, where that can be taken out of the chat again.
    pub message: Option<MessageId>,
    /// Who did it, where the channel tells people apart.
    pub from: Option<UserId>,
}

impl Event {
    /// Something said or pressed in a private chat.
    pub fn private(input: Input) -> Self {
        Self {
            input,
            place: Place::Private,
            thread: None,
            app_language: None,
            message: None,
            from: None,
        }
    }

    /// The time has come for something a private chat waits for: see [`Record::wake_at`](super::Record::wake_at).
    pub fn wake() -> Self {
        Self::private(Input::Wake)
    }

    /// What the channel answered to something sent to `at`.
    pub fn receipt(receipt: Receipt, at: Address) -> Self {
        Self {
            thread: at.thread.map(Thread::Topic),
            ..Self::private(Input::Receipt(receipt))
        }
    }

    /// The message its answer is shown as a reply to: in a group, the one that asked. What is answered to a press stands
    /// where the button is, unless only a reply gets there.
    pub fn reply_to(&self) -> Option<ReplyTo> {
        match self.place {
            Place::Private => return None,
            Place::Group => {}
        }
        let throughout = matches!(self.thread, Some(Thread::Comments(_)));
        let message = match self.input {
            Input::Press { message, .. } => Some(message).filter(|_| throughout),
            _ => self.message,
        };
        message.map(|message| ReplyTo {
            message,
            throughout,
        })
    }
}

/// Where an event happened: in a group, personal matters are sent to the private chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Between one person and the bot.
    Private,
    /// Among others, who read along.
    Group,
}

/// What was said or pressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A message of text.
    Text(String),
    /// A command, with what stood behind it.
    Command(Command, String),
    /// A command the bot does not have.
    UnknownCommand(String),
    /// A button of a message.
    Press {
        /// What the button means; `None` if the data is not of our making.
        press: Option<Press>,
        /// The message the button stands on.
        message: MessageId,
    },
    /// A message that is not text.
    Attachment(AttachmentKind),
    /// A file, of which only this much is known until the channel has fetched it.
    File(SentFile),
    /// So much, so fast, that it was not read; the channel hears again after so many seconds.
    TooFast {
        /// How long to wait.
        seconds: u64,
    },
    /// The time has come for something the record waits for.
    Wake,
    /// What the channel answered to something this record had sent.
    Receipt(Receipt),
}

/// What a channel answers to something it was given to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Receipt {
    /// A reply that [asked for it](super::Reply::wants_receipt) is in the chat now; of a long one, each of its messages.
    Sent {
        to: Address,
        /// As this message.
        message: MessageId,
    },
    /// What a file says that was to be downloaded.
    FileContent(Result<String, Unreadable>),
    /// Nothing can be sent here any more: the bot was blocked, or put out of the group.
    Unreachable,
    /// The group has another id from now on.
    Moved { to: ChatId },
}

/// A file as it is announced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentFile {
    /// The channel's name for it, by which it is fetched.
    pub id: String,
    /// What its sender calls it.
    pub name: String,
    /// Its size, if the channel says.
    pub bytes: Option<u64>,
}

/// Why a file could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreadable {
    /// It is larger than a file of cards can be.
    TooLarge,
    /// It is no text.
    NotText,
    /// The channel could not get it.
    NotFetched,
}

/// The bot's commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Command {
    /// `/start`, with a deep link's payload.
    Start,
    /// `/help`.
    Help,
    /// `/unbind`.
    Unbind,
    /// `/cards`.
    Cards,
    /// `/faq`.
    Faq,
    /// `/language`.
    Language,
    /// `/protect`.
    Protect,
    /// `/privacy`.
    Privacy,
    /// `/export`.
    Export,
    /// `/import`.
    Import,
    /// `/forget`.
    Forget,
    /// `/cancel`.
    Cancel,
}

impl Command {
    /// Every command, in the order menus show them.
    pub const ALL: [Self; 12] = [
        Self::Unbind,
        Self::Cards,
        Self::Faq,
        Self::Language,
        Self::Protect,
        Self::Privacy,
        Self::Export,
        Self::Import,
        Self::Forget,
        Self::Cancel,
        Self::Help,
        Self::Start,
    ];

    /// The command without its slash.
    pub fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Help => "help",
            Self::Unbind => "unbind",
            Self::Cards => "cards",
            Self::Faq => "faq",
            Self::Language => "language",
            Self::Protect => "protect",
            Self::Privacy => "privacy",
            Self::Export => "export",
            Self::Import => "import",
            Self::Forget => "forget",
            Self::Cancel => "cancel",
        }
    }
}

impl Input {
    /// What kind of thing it is, for logs and figures.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Command(..) | Self::UnknownCommand(_) => "command",
            Self::Press { .. } => "press",
            Self::Attachment(_) => "attachment",
            Self::File(_) => "file",
            Self::TooFast { .. } => "too_fast",
            Self::Wake => "wake",
            Self::Receipt(Receipt::Sent { .. }) => "sent",
            Self::Receipt(Receipt::FileContent(_)) => "content",
            Self::Receipt(Receipt::Unreachable) => "unreachable",
            Self::Receipt(Receipt::Moved { .. }) => "moved",
        }
    }

    /// Whether a person waits for an answer to it.
    pub fn wants_answer(&self) -> bool {
        match self {
            Self::Text(_)
            | Self::Command(..)
            | Self::UnknownCommand(_)
            | Self::Press { .. }
            | Self::Attachment(_)
            | Self::File(_)
            | Self::TooFast { .. }
            | Self::Receipt(Receipt::FileContent(_)) => true,
            Self::Wake
            | Self::Receipt(Receipt::Sent { .. } | Receipt::Unreachable | Receipt::Moved { .. }) => {
                false
            }
        }
    }

    /// Reads a line of text: `/command argument`, or a message. A `@bot` behind the command is passed over.
    pub fn from_text(text: &str) -> Self {
        let Some(rest) = text.trim().strip_prefix('/') else {
            return Self::Text(text.to_owned());
        };
        let (word, argument) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let name = word
            .split('@')
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase();
        match Command::ALL
            .into_iter()
            .find(|command| command.name() == name)
        {
            Some(command) => Self::Command(command, argument.trim().to_owned()),
            None => Self::UnknownCommand(name),
        }
    }
}

/// Kinds of message that are not text; each gets a kind word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttachmentKind {
    Sticker,
    Picture,
    /// A voice or video message, or music.
    Voice,
    /// A place on the map.
    Location,
    File,
    /// A contact's card.
    Contact,
    Other,
}

impl AttachmentKind {
    /// The name in the bot's lines.
    pub fn code(self) -> &'static str {
        match self {
            Self::Sticker => "sticker",
            Self::Picture => "picture",
            Self::Voice => "voice",
            Self::Location => "location",
            Self::File => "file",
            Self::Contact => "contact",
            Self::Other => "other",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_command_or_a_text() {
        for (line, input) in [
            ("/cards", Input::Command(Command::Cards, String::new())),
            (
                " /start@some_bot  kb_x ",
                Input::Command(Command::Start, "kb_x".into()),
            ),
            ("/CARDS", Input::Command(Command::Cards, String::new())),
            ("/什么", Input::UnknownCommand("什么".into())),
            ("/", Input::UnknownCommand(String::new())),
            ("怎么解绑 👍", Input::Text("怎么解绑 👍".into())),
            ("", Input::Text(String::new())),
        ] {
            assert_eq!(Input::from_text(line), input, "{line:?}");
        }
    }
}
