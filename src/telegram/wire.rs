//! Telegram's update JSON, reduced to the fields used. Unknown fields and kinds are ignored. A field that cannot be
//! parsed counts as absent, so that it never costs the update.

use std::collections::HashMap;

use serde::{Deserialize, Deserializer, de::DeserializeOwned, de::IgnoredAny};
use serde_json::Value;
use teloxide::types::AllowedUpdate;

use crate::dialogue::UpdateId;

/// The kinds of update that are requested.
pub const ALLOWED_UPDATES: [AllowedUpdate; 3] = [
    AllowedUpdate::Message,
    AllowedUpdate::EditedMessage,
    AllowedUpdate::CallbackQuery,
];

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Update {
    #[serde(deserialize_with = "or_absent")]
    update_id: Option<u32>,
    #[serde(deserialize_with = "or_absent")]
    pub message: Option<Message>,
    #[serde(deserialize_with = "or_absent")]
    pub edited_message: Option<Message>,
    #[serde(deserialize_with = "or_absent")]
    pub callback_query: Option<CallbackQuery>,
}

impl Update {
    /// Parses an update; JSON that is no update gives an empty one.
    pub fn read(json: Value) -> Self {
        serde_json::from_value(json).unwrap_or_default()
    }

    /// The id, by which the update is confirmed.
    pub fn id(&self) -> Option<UpdateId> {
        self.update_id.map(UpdateId)
    }
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Message {
    #[serde(deserialize_with = "or_absent")]
    pub message_id: Option<i32>,
    /// The topic, or the first message of a comments or reply thread.
    #[serde(deserialize_with = "or_absent")]
    pub message_thread_id: Option<i32>,
    /// Whether `message_thread_id` is a topic.
    #[serde(deserialize_with = "or_absent")]
    pub is_topic_message: Option<bool>,
    /// In seconds since 1970.
    #[serde(deserialize_with = "or_absent")]
    pub date: Option<i64>,
    /// In seconds since 1970.
    #[serde(deserialize_with = "or_absent")]
    pub edit_date: Option<i64>,
    #[serde(deserialize_with = "or_absent")]
    pub chat: Option<Chat>,
    #[serde(deserialize_with = "or_absent")]
    pub from: Option<User>,
    /// The group or channel on whose behalf it was sent.
    #[serde(deserialize_with = "or_absent")]
    pub sender_chat: Option<IgnoredAny>,
    /// Whether it is a post of the linked channel, which Telegram copies into the discussion group by itself.
    #[serde(deserialize_with = "or_absent")]
    pub is_automatic_forward: Option<bool>,
    #[serde(deserialize_with = "or_absent")]
    pub text: Option<String>,
    #[serde(deserialize_with = "or_absent")]
    pub caption: Option<String>,
    #[serde(deserialize_with = "valid_items")]
    pub entities: Option<Vec<Entity>>,
    #[serde(deserialize_with = "valid_items")]
    pub caption_entities: Option<Vec<Entity>>,
    #[serde(deserialize_with = "or_absent")]
    pub reply_to_message: Option<RepliedMessage>,
    /// The album.
    #[serde(deserialize_with = "or_absent")]
    pub media_group_id: Option<String>,
    /// The id of the supergroup that its group became.
    #[serde(deserialize_with = "or_absent")]
    pub migrate_to_chat_id: Option<i64>,
    #[serde(deserialize_with = "or_absent")]
    pub document: Option<Document>,
    /// All other fields.
    #[serde(flatten)]
    others: HashMap<String, IgnoredAny>,
}

impl Message {
    /// Whether there is another field of this name.
    pub fn has_other(&self, field: &str) -> bool {
        self.others.contains_key(field)
    }
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct RepliedMessage {
    #[serde(deserialize_with = "or_absent")]
    pub from: Option<User>,
    /// Present in the service message that opens a topic.
    #[serde(deserialize_with = "or_absent")]
    pub forum_topic_created: Option<IgnoredAny>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Chat {
    #[serde(deserialize_with = "or_absent")]
    pub id: Option<i64>,
    /// `private`, `group`, `supergroup` or `channel`.
    #[serde(rename = "type", deserialize_with = "or_absent")]
    pub kind: Option<String>,
}

/// A person or a bot.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct User {
    #[serde(deserialize_with = "or_absent")]
    pub id: Option<i64>,
    #[serde(deserialize_with = "or_absent")]
    pub is_bot: Option<bool>,
    /// The language of the app, as an IETF tag.
    #[serde(deserialize_with = "or_absent")]
    pub language_code: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct CallbackQuery {
    /// Needed to acknowledge the press.
    #[serde(deserialize_with = "or_absent")]
    pub id: Option<String>,
    #[serde(deserialize_with = "or_absent")]
    pub from: Option<User>,
    /// The message with the button; for an old one, only the chat and the id are known.
    #[serde(deserialize_with = "or_absent")]
    pub message: Option<Message>,
    #[serde(deserialize_with = "or_absent")]
    pub data: Option<String>,
}

/// A formatted part of a text. Offsets and lengths are in UTF-16 units.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Entity {
    /// `mention`, `text_mention` and many others.
    #[serde(rename = "type", deserialize_with = "or_absent")]
    pub kind: Option<String>,
    #[serde(deserialize_with = "or_absent")]
    pub offset: Option<usize>,
    #[serde(deserialize_with = "or_absent")]
    pub length: Option<usize>,
    /// The person mentioned in a `text_mention`.
    #[serde(deserialize_with = "or_absent")]
    pub user: Option<User>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Document {
    /// Needed to download it.
    #[serde(deserialize_with = "or_absent")]
    pub file_id: Option<String>,
    #[serde(deserialize_with = "or_absent")]
    pub file_name: Option<String>,
    /// In bytes.
    #[serde(deserialize_with = "or_absent")]
    pub file_size: Option<u64>,
}

/// Parses a field; one that cannot be parsed counts as absent.
fn or_absent<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    field: D,
) -> Result<Option<T>, D::Error> {
    let json = Value::deserialize(field)?;
    Ok(serde_json::from_value(json).ok())
}

/// Parses a list; items that cannot be parsed are left out.
fn valid_items<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    field: D,
) -> Result<Option<Vec<T>>, D::Error> {
    let Value::Array(items) = Value::deserialize(field)? else {
        return Ok(None);
    };
    let read = items
        .into_iter()
        .filter_map(|item| serde_json::from_value(item).ok());
    Ok(Some(read.collect()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_field_that_cannot_be_parsed_costs_neither_the_update_nor_other_fields() {
        let update = Update::read(json!({
            "update_id": 5, "edited_message": "x", "brand_new": [1],
            "message": {
                "message_id": "x", "text": "hello", "caption": 5, "chat": {"id": "y", "type": "private"},
                "entities": [7, {"type": "mention", "offset": -1, "length": 3}], "venue": null,
            },
        }));
        assert_eq!(update.id(), Some(UpdateId(5)));
        assert!(update.edited_message.is_none());
        let message = update.message.expect("a message");
        assert_eq!(
            (message.message_id, message.text.as_deref()),
            (None, Some("hello"))
        );
        assert_eq!(message.caption, None);
        let chat = message.chat.as_ref().expect("a chat");
        assert_eq!((chat.id, chat.kind.as_deref()), (None, Some("private")));
        let entities = message.entities.as_ref().expect("entities");
        assert_eq!(
            (entities.len(), entities[0].offset, entities[0].length),
            (1, None, Some(3))
        );
        assert!(message.has_other("venue") && !message.has_other("text"));
    }

    #[test]
    fn json_that_is_no_update_has_no_id() {
        for json in [json!(null), json!([]), json!("x"), json!({"update_id": -1})] {
            assert_eq!(Update::read(json).id(), None);
        }
        let beyond = json!({"update_id": 1_u64 << 32});
        assert_eq!(Update::read(beyond).id(), None);
        let last = json!({"update_id": u32::MAX});
        assert_eq!(Update::read(last).id(), Some(UpdateId(u32::MAX)));
    }
}
