//! Where a reply is sent. This is separate from the record that produced the reply: an answer goes to the record's own
//! chat, a copy may go to another chat.

use serde::{Deserialize, Serialize};

use super::ids::{ChatId, MessageId};

/// A topic of a chat, by the channel's number for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ThreadId(pub i32);

/// Which part of a chat an event came from, where the chat has parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thread {
    /// A topic of a forum or of a private chat: messages are sent to it by its id.
    Topic(ThreadId),
    /// The comments below a post, or a chain of replies: only a reply to one of its messages reaches it.
    Comments(ThreadId),
}

impl Thread {
    /// The topic, if it is one that messages can be sent to.
    pub fn topic(self) -> Option<ThreadId> {
        match self {
            Self::Topic(id) => Some(id),
            Self::Comments(_) => None,
        }
    }
}

/// The medium that carries messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    Telegram,
    /// The terminal of the computer the bot runs on.
    Terminal,
}

/// Where a message goes. Messages to one address arrive in order; those to different addresses need not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Address {
    pub channel: Channel,
    pub chat: ChatId,
    /// The topic of the chat, if the message goes to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<ThreadId>,
}

impl Address {
    /// The terminal.
    pub const TERMINAL: Self = Self {
        channel: Channel::Terminal,
        chat: ChatId::TERMINAL,
        thread: None,
    };

    /// A chat of Telegram, outside of any topic.
    pub fn telegram(chat: ChatId) -> Self {
        Self {
            channel: Channel::Telegram,
            chat,
            thread: None,
        }
    }

    /// A chat, outside of any topic, whose channel is told from its id. Only for where nothing but the id is known: a
    /// record's own chat, and rows stored before addresses were.
    pub fn chat(chat: ChatId) -> Self {
        if chat == ChatId::TERMINAL {
            Self::TERMINAL
        } else {
            Self::telegram(chat)
        }
    }

    /// The same chat, in this topic or outside of any.
    pub fn in_topic(self, thread: Option<ThreadId>) -> Self {
        Self { thread, ..self }
    }
}

/// The message that an answer replies to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyTo {
    pub message: MessageId,
    /// Whether every message of the answer replies to it, rather than the first only.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub throughout: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_back_as_it_was_stored() {
        let chat = Address::telegram(ChatId(-5));
        for (address, stored) in [
            (chat, r#"{"channel":"telegram","chat":-5}"#),
            (
                chat.in_topic(Some(ThreadId(7))),
                r#"{"channel":"telegram","chat":-5,"thread":7}"#,
            ),
            (Address::TERMINAL, r#"{"channel":"terminal","chat":0}"#),
        ] {
            assert_eq!(serde_json::to_string(&address).expect("JSON"), stored);
            let read: Address = serde_json::from_str(stored).expect("an address");
            assert_eq!(read, address);
        }
    }

    #[test]
    fn the_channel_is_told_from_the_id_where_nothing_else_is_known() {
        for address in [
            Address::TERMINAL,
            Address::telegram(ChatId(7)),
            Address::telegram(ChatId(-5)),
        ] {
            assert_eq!(Address::chat(address.chat), address);
        }
    }
}
