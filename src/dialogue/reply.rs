//! The output of a turn, independent of the channel; the channel decides how it looks.

use serde::{Deserialize, Serialize};

use super::{
    choice::{Choice, Press},
    ids::MessageId,
};
use crate::markup::RichText;

/// A message to the person, or new content for a message already sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    pub text: RichText,
    /// Rows of buttons below it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub buttons: Vec<Vec<Button>>,
    /// The message it replaces; `None` for a new message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<MessageId>,
    /// A message of the person that the channel deletes first, if it can.
    #[serde(
        rename = "takes_away",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub deletes: Option<MessageId>,
    /// A file or picture, shown above the text.
    #[serde(rename = "enclosure", default, skip_serializing_if = "Option::is_none")]
    pub attachment: Option<Attachment>,
    /// The channel's id of a file that it downloads after sending this; the content arrives as
    /// [`Receipt::FileContent`](super::Receipt::FileContent).
    #[serde(rename = "fetches", default, skip_serializing_if = "Option::is_none")]
    pub downloads: Option<String>,
    /// Whether this is a reminder, which is sent after answers to other people.
    #[serde(
        rename = "unasked",
        default,
        skip_serializing_if = "std::ops::Not::not"
    )]
    pub unsolicited: bool,
    /// Whether the record gets a [`Receipt::Sent`](super::Receipt::Sent) when it was sent; that costs a commit.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub wants_receipt: bool,
    /// Whether the channel first takes away a keyboard that a former bot of the same name left below the input field.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub removes_keyboard: bool,
}

/// Something sent with a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Attachment {
    File {
        name: String,
        content: String,
    },
    /// A picture of this text as a QR code.
    QrCode(String),
}

impl Reply {
    /// A new message without buttons.
    pub fn new(text: RichText) -> Self {
        Self {
            text,
            buttons: Vec::new(),
            replaces: None,
            deletes: None,
            attachment: None,
            downloads: None,
            unsolicited: false,
            wants_receipt: false,
            removes_keyboard: false,
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

    /// Puts a note above the text.
    pub fn with_note(mut self, note: RichText) -> Self {
        self.text = note.below(2, self.text);
        self
    }

    /// Replaces `message`, if there is one.
    pub fn in_place_of(mut self, message: Option<MessageId>) -> Self {
        self.replaces = message;
        self
    }

    /// Deletes a message of the person first, if there is one.
    pub fn deleting(mut self, message: Option<MessageId>) -> Self {
        self.deletes = message;
        self
    }

    pub fn with_attachment(mut self, attachment: Attachment) -> Self {
        self.attachment = Some(attachment);
        self
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Button {
    pub label: String,
    pub action: Action,
}

/// What a button does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Sends this press back as an [`Input::Press`](super::Input::Press).
    Press(#[serde(with = "press_data")] Press),
    /// Opens the private chat with the bot with this `/start` payload.
    PrivateChat(String),
}

impl Button {
    /// A button that sends `press` back.
    pub fn press(label: impl Into<String>, press: Press) -> Self {
        Self {
            label: label.into(),
            action: Action::Press(press),
        }
    }

    /// The choice it sends; `None` for a link.
    pub fn choice(&self) -> Option<&Choice> {
        match &self.action {
            Action::Press(press) => Some(&press.choice),
            Action::PrivateChat(_) => None,
        }
    }
}

/// Stores a press as the data of its button. Data that this version does not know becomes a button that shows the
/// present screen, so that a stored reply can still be sent.
mod press_data {
    use serde::{Deserialize, Deserializer, Serializer};

    use super::{Choice, Press};

    pub(super) fn serialize<S: Serializer>(press: &Press, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(press)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Press, D::Error> {
        let data = String::deserialize(from)?;
        Ok(data
            .parse()
            .unwrap_or_else(|_| Press::new(0, Choice::Continue)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialogue::ids::CardId;

    #[test]
    fn a_button_is_stored_as_its_data_and_an_unknown_one_shows_the_present_screen() {
        let button = Button::press("Yes", Press::new(7, Choice::Confirm(CardId(3))));
        let stored = serde_json::to_string(&button).expect("it is stored");
        assert_eq!(stored, r#"{"label":"Yes","action":{"press":"7.yes:3"}}"#);
        assert_eq!(
            serde_json::from_str::<Button>(&stored).expect("it is read"),
            button
        );
        let unknown = stored.replace("yes:3", "of-another-version");
        let read: Button = serde_json::from_str(&unknown).expect("it is read all the same");
        assert_eq!(read.choice(), Some(&Choice::Continue));
    }
}
