//! Updates as they come over the wire: the fields that matter, of the hundreds there are. Fields and kinds that are not
//! known are passed over, since Telegram adds some every month; a field that cannot be read is as good as absent, so that
//! it never costs the update.

use std::collections::HashMap;

use serde::{Deserialize, Deserializer, de::DeserializeOwned, de::IgnoredAny};
use serde_json::Value;
use teloxide::types::AllowedUpdate;

use crate::dialogue::UpdateId;

/// The kinds of update that are asked for: Telegram would leave out kinds newer than this program, and send others in
/// vain.
pub const ALLOWED_UPDATES: [AllowedUpdate; 3] = [
    AllowedUpdate::Message,
    AllowedUpdate::EditedMessage,
    AllowedUpdate::CallbackQuery,
];

/// Something that happened at Telegram.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Update {
    #[serde(deserialize_with = "or_absent")]
    update_id: Option<u32>,
    #[serde(deserialize_with = "or_absent")]
    pub message: Option<Message>,
    /// A message that was changed.
    #[serde(deserialize_with = "or_absent")]
    pub edited_message: Option<Message>,
    #[serde(deserialize_with = "or_absent")]
    pub callback_query: Option<CallbackQuery>,
}

impl Update {
    /// Reads an update; what is no update at all has nothing in it.
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
    /// The topic, or the first message of the comments or replies it belongs to.
    #[serde(deserialize_with = "or_absent")]
    pub message_thread_id: Option<i32>,
    /// Whether that is a topic.
    #[serde(deserialize_with = "or_absent")]
    pub is_topic_message: Option<bool>,
    /// When it was sent, in seconds since 1970.
    #[serde(deserialize_with = "or_absent")]
    pub date: Option<i64>,
    /// When it was last changed, in seconds since 1970.
    #[serde(deserialize_with = "or_absent")]
    pub edit_date: Option<i64>,
    /// Where it was sent.
    #[serde(deserialize_with = "or_absent")]
    pub chat: Option<Chat>,
    #[serde(deserialize_with = "or_absent")]
    pub from: Option<User>,
    /// The group or channel in whose name it was sent.
    #[serde(deserialize_with = "or_absent")]
    pub sender_chat: Option<IgnoredAny>,
    #[serde(deserialize_with = "or_absent")]
    pub text: Option<String>,
    /// The words below a picture or a file.
    #[serde(deserialize_with = "or_absent")]
    pub caption: Option<String>,
    /// What stands out in its words.
    #[serde(deserialize_with = "valid_items")]
    pub entities: Option<Vec<Entity>>,
    /// The same for a caption.
    #[serde(deserialize_with = "valid_items")]
    pub caption_entities: Option<Vec<Entity>>,
    /// The message it replies to.
    #[serde(deserialize_with = "or_absent")]
    pub reply_to_message: Option<RepliedMessage>,
    /// The album it is a part of.
    #[serde(deserialize_with = "or_absent")]
    pub media_group_id: Option<String>,
    /// The id of the supergroup that its group became.
    #[serde(deserialize_with = "or_absent")]
    pub migrate_to_chat_id: Option<i64>,
    #[serde(deserialize_with = "or_absent")]
    pub document: Option<Document>,
    /// All other fields, by their names.
    #[serde(flatten)]
    others: HashMap<String, IgnoredAny>,
}

impl Message {
    /// Whether there is a field of this name that is not one of the above.
    pub fn has_other(&self, field: &str) -> bool {
        self.others.contains_key(field)
    }
}

/// A message that another one replies to.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct RepliedMessage {
    #[serde(deserialize_with = "or_absent")]
    pub from: Option<User>,
    /// Present if it is the note that opened a topic.
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
    /// Whether it is a bot.
    #[serde(deserialize_with = "or_absent")]
    pub is_bot: Option<bool>,
    /// The language of the app, as an IETF tag.
    #[serde(deserialize_with = "or_absent")]
    pub language_code: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct CallbackQuery {
    /// Its id, by which it is acknowledged.
    #[serde(deserialize_with = "or_absent")]
    pub id: Option<String>,
    #[serde(deserialize_with = "or_absent")]
    pub from: Option<User>,
    /// The message it stands on; of an old one, only the chat and the id are known.
    #[serde(deserialize_with = "or_absent")]
    pub message: Option<Message>,
    /// What the button was made to send back.
    #[serde(deserialize_with = "or_absent")]
    pub data: Option<String>,
}

/// A part of a text that stands out. Counts in UTF-16 units.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Entity {
    /// `mention`, `text_mention` and many others.
    #[serde(rename = "type", deserialize_with = "or_absent")]
    pub kind: Option<String>,
    /// Where it begins.
    #[serde(deserialize_with = "or_absent")]
    pub offset: Option<usize>,
    #[serde(deserialize_with = "or_absent")]
    pub length: Option<usize>,
    /// Who is mentioned, if they have no name to be mentioned by.
    #[serde(deserialize_with = "or_absent")]
    pub user: Option<User>,
}

/// A file as it is announced.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Document {
    /// The id by which it is fetched.
    #[serde(deserialize_with = "or_absent")]
    pub file_id: Option<String>,
    #[serde(deserialize_with = "or_absent")]
    pub file_name: Option<String>,
    /// Its size, in bytes.
    #[serde(deserialize_with = "or_absent")]
    pub file_size: Option<u64>,
}

/// A field that is absent if it cannot be read.
fn or_absent<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    field: D,
) -> Result<Option<T>, D::Error> {
    let json = Value::deserialize(field)?;
    Ok(serde_json::from_value(json).ok())
}

/// A list without what cannot be read.
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
    fn a_field_that_cannot_be_read_costs_neither_the_update_nor_the_fields_beside_it() {
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
    fn what_is_no_update_has_no_id() {
        for json in [json!(null), json!([]), json!("x"), json!({"update_id": -1})] {
            assert_eq!(Update::read(json).id(), None);
        }
        let beyond = json!({"update_id": 1_u64 << 32});
        assert_eq!(Update::read(beyond).id(), None);
        let last = json!({"update_id": u32::MAX});
        assert_eq!(Update::read(last).id(), Some(UpdateId(u32::MAX)));
    }
}
