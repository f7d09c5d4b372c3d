//! What goes out, in the project's own words; how it looks is the channel's.

use serde::{Deserialize, Serialize};

use super::event::{Choice, MessageId, Press};
use crate::markup::RichText;

/// A message to the person, or a new look for one already sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// What is said.
    pub text: RichText,
    /// Rows of buttons below it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub buttons: Vec<Vec<Button>>,
    /// Where it appears.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<MessageId>,
}

impl Reply {
    /// A new message without buttons.
    pub fn new(text: RichText) -> Self {
        Self {
            text,
            buttons: Vec::new(),
            replaces: None,
        }
    }

    /// Adds a row of buttons; an empty row adds nothing.
    pub fn row(mut self, buttons: impl IntoIterator<Item = Button>) -> Self {
        let row: Vec<_> = buttons.into_iter().collect();
        if !row.is_empty() {
            self.buttons.push(row);
        }
        self
    }

    /// Shows it in place of `message`, where there is one to replace.
    pub fn in_place_of(mut self, message: Option<MessageId>) -> Self {
        self.replaces = message;
        self
    }
}

/// Something to press.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Button {
    /// What it reads.
    pub label: String,
    /// What it does.
    pub action: Action,
}

/// What a button does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Sends this data back: a [`Press`] as text.
    Press(String),
    /// Opens the private chat with the bot with this `/start` payload.
    PrivateChat(String),
}

impl Button {
    /// A button of turn `turn` that means `choice`.
    pub fn press(label: impl Into<String>, turn: u32, choice: Choice) -> Self {
        Self {
            label: label.into(),
            action: Action::Press(Press { turn, choice }.to_string()),
        }
    }
}
