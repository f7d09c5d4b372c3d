//! The input of a turn, independent of the channel: the same types for Telegram, the terminal and tests.

use super::{
    address::{Address, ReplyTo, Thread},
    choice::Press,
    command_text,
    ids::{ChatId, MessageId, UserId},
};
use crate::knowledge::Language;

/// Something that happened in a chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub input: Input,
    pub place: Place,
    /// The part of the chat it came from, if the chat has parts.
    pub thread: Option<Thread>,
    /// The language the person's app is set to, if known.
    pub app_language: Option<Language>,
    /// The message it arrived in, if that can be deleted from the chat.
    pub message: Option<MessageId>,
    /// The person who sent it, if the channel says.
    pub from: Option<UserId>,
    pub sent_as: SentAs,
}

/// How a message came into the chat.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SentAs {
    /// Written here and now.
    #[default]
    New,
    /// Sent before, and edited now. Apps also report an edit when nobody changed a word: a reaction, a link preview.
    Edit,
    /// Written elsewhere: forwarded, or sent by way of a bot.
    Forward,
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
            sent_as: SentAs::New,
        }
    }

    /// Whether a person expects an answer. An edit gets one only if it changes something.
    pub fn wants_answer(&self) -> bool {
        match self.sent_as {
            SentAs::New | SentAs::Forward => self.input.wants_answer(),
            SentAs::Edit => false,
        }
    }

    /// The time that a private chat waits for has come: see [`Record::wake_at`](super::Record::wake_at).
    pub fn wake() -> Self {
        Self::private(Input::Wake)
    }

    /// A receipt for something sent to `at`.
    pub fn receipt(receipt: Receipt, at: Address) -> Self {
        Self {
            thread: at.thread.map(Thread::Topic),
            ..Self::private(Input::Receipt(receipt))
        }
    }

    /// The message its answer replies to: in a group, the one that asked. The answer to a press is a reply only in
    /// [`Thread::Comments`], which other messages cannot reach.
    pub fn reply_to(&self) -> Option<ReplyTo> {
        match self.place {
            Place::Private => return None,
            Place::Group => {}
        }
        let throughout = matches!(self.thread, Some(Thread::Comments(_)));
        let message = match self.input {
            Input::Press { message, .. } => Some(message).filter(|_| throughout),
            Input::Text(_)
            | Input::Command(..)
            | Input::UnknownCommand(_)
            | Input::LateEdit(_)
            | Input::Attachment(_)
            | Input::File(_)
            | Input::TooFast { .. }
            | Input::Wake
            | Input::Receipt(_) => self.message,
        };
        message.map(|message| ReplyTo {
            message,
            throughout,
        })
    }
}

/// Where an event happened. In a group, personal requests are referred to the private chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Between one person and the bot.
    Private,
    /// Other people can read the messages.
    Group,
}

/// What was said or pressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A text message.
    Text(String),
    /// A command, with its argument.
    Command(Command, String),
    /// A command the bot does not have: the whole message, which may be a secret.
    UnknownCommand(String),
    /// The new text of a message that is not answered any more: it was edited too late, or is the caption of a file.
    /// It is only searched for secrets.
    LateEdit(String),
    /// A button of a message.
    Press {
        /// What the button does; `None` if its data was not written by this bot.
        press: Option<Press>,
        /// The message with the button.
        message: MessageId,
    },
    /// A message that is not text.
    Attachment(AttachmentKind),
    /// A file that the channel has not downloaded yet.
    File(SentFile),
    /// The person sent too many messages; the channel drops further ones for this long.
    TooFast { seconds: u64 },
    /// The time given by [`Record::wake_at`](super::Record::wake_at) has come.
    Wake,
    /// What the channel reported about a reply of this record.
    Receipt(Receipt),
}

/// What a channel reports about something it was asked to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Receipt {
    /// A reply with [`Reply::wants_receipt`](super::Reply::wants_receipt) was sent; one receipt per message of a long
    /// reply.
    Sent { to: Address, message: MessageId },
    /// The content of a file that the channel was asked to download.
    FileContent(Result<String, Unreadable>),
    /// Messages cannot be sent here any more: the bot was blocked, or removed from the group.
    Unreachable,
    /// The group has a new id.
    Moved { to: ChatId },
}

/// A file as announced by the channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentFile {
    /// The channel's id for it, used to download it.
    pub id: String,
    /// The file name.
    pub name: String,
    /// Its size in bytes, if the channel says.
    pub bytes: Option<u64>,
    /// What was written below it.
    pub caption: Option<String>,
}

/// Why a file could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreadable {
    /// It is larger than [`MAX_FILE_BYTES`](super::MAX_FILE_BYTES).
    TooLarge,
    /// It is not text.
    NotText,
    /// The channel could not download it.
    NotFetched,
    /// The channel is not set up to download files, which is for the operator to mend.
    NotServed,
}

/// Declares [`Command`] and the name of each command; the list of all and the names are generated from this one table.
macro_rules! commands {
    ($( $(#[$doc:meta])* $command:ident = $name:literal; )*) => {
        /// The bot's commands.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Command {
            $( $(#[$doc])* $command, )*
        }

        impl Command {
            /// Every command, in the order menus show them.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$command),*];

            /// The command without its slash.
            pub fn name(self) -> &'static str {
                match self {
                    $( Self::$command => $name, )*
                }
            }
        }
    };
}

commands! {
    Unbind = "unbind";
    Cards = "cards";
    Faq = "faq";
    Language = "language";
    Protect = "protect";
    Privacy = "privacy";
    Export = "export";
    Import = "import";
    Forget = "forget";
    Cancel = "cancel";
    Help = "help";
    /// Its argument is the payload of a deep link.
    Start = "start";
}

impl Command {
    /// The command of this name, in lower case.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|command| command.name() == name)
    }

    /// Whether it concerns a person's own data, and so is not handled in a group.
    pub fn is_personal(self) -> bool {
        match self {
            Self::Unbind
            | Self::Cards
            | Self::Protect
            | Self::Export
            | Self::Import
            | Self::Forget => true,
            Self::Faq
            | Self::Language
            | Self::Privacy
            | Self::Cancel
            | Self::Help
            | Self::Start => false,
        }
    }
}

impl Input {
    /// The kind of input, for logs and metrics.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Command(..) | Self::UnknownCommand(_) => "command",
            Self::LateEdit(_) => "late_edit",
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

    /// Whether a person expects an answer.
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
            // Nothing is said unless it has a secret.
            Self::LateEdit(_)
            | Self::Wake
            | Self::Receipt(Receipt::Sent { .. } | Receipt::Unreachable | Receipt::Moved { .. }) => {
                false
            }
        }
    }

    /// Reads a line of text: `/command argument`, or a message. `@bot` after the command is ignored.
    pub fn from_text(text: &str) -> Self {
        let Some(typed) = command_text::split(text) else {
            return Self::Text(text.to_owned());
        };
        match Command::named(&typed.name) {
            Some(command) => Self::Command(command, typed.argument.to_owned()),
            None if typed.is_plain => Self::UnknownCommand(text.trim().to_owned()),
            None => Self::Text(text.to_owned()),
        }
    }
}

/// Kinds of messages that are not text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttachmentKind {
    Sticker,
    Picture,
    /// A voice or video message, or music.
    Voice,
    Location,
    File,
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
            (
                "/help@41 11 ",
                Input::Command(Command::Help, "41 11".into()),
            ),
            ("/CARDS", Input::Command(Command::Cards, String::new())),
            ("/什么", Input::UnknownCommand("/什么".into())),
            (" /Was @x ", Input::UnknownCommand("/Was @x".into())),
            ("/", Input::UnknownCommand("/".into())),
            ("、cancel", Input::Command(Command::Cancel, String::new())),
            ("／help!", Input::Command(Command::Help, String::new())),
            ("、还有一个问题", Input::Text("、还有一个问题".into())),
            ("、cancelled", Input::Text("、cancelled".into())),
            ("怎么解绑 👍", Input::Text("怎么解绑 👍".into())),
            ("", Input::Text(String::new())),
        ] {
            assert_eq!(Input::from_text(line), input, "{line:?}");
        }
    }
}
