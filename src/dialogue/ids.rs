//! Ids of chats, updates, messages, people and cards.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A conversation: Telegram's chat id, or [`ChatId::TERMINAL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChatId(pub i64);

impl ChatId {
    /// The chat of the terminal; Telegram does not use the id 0.
    pub const TERMINAL: Self = Self(0);
    /// The chat whose record keeps the dead letters that belong to no chat: the operator reads the terminal.
    pub const OPERATOR: Self = Self::TERMINAL;
}

impl fmt::Display for ChatId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An update's id, used to recognise a redelivery; unique within a chat for 48 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UpdateId(pub u32);

/// The channel's id of a message, used to edit or delete it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MessageId(pub i32);

/// The channel's id of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserId(pub u64);

/// The id of a card; never reused within a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CardId(pub u32);
