//! The values a store takes and gives: records with versions, commits, outbox rows and marks.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::dialogue::{Address, ChatId, Record, Reply, ReplyTo};

/// A record with the version it was read at; version 0 is a chat never seen.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Versioned {
    /// Grows by one with each commit, starting at the millisecond of the first.
    pub version: u64,
    pub record: Record,
}

/// The effects of one update: all of them, or none.
#[derive(Debug, Clone, PartialEq)]
pub struct Commit {
    pub chat: ChatId,
    /// The version the record was read at.
    pub expected: u64,
    /// The new record; `None` deletes the chat's record and its unsent replies, except for the replies of this commit.
    pub record: Option<Record>,
    /// The replies to send, in order.
    pub replies: Vec<AddressedReply>,
    pub now: Timestamp,
}

#[derive(Debug, Clone, PartialEq)]
pub struct AddressedReply {
    pub to: Address,
    /// The message it is shown as a reply to.
    pub reply_to: Option<ReplyTo>,
    pub reply: Reply,
}

impl AddressedReply {
    /// Addresses replies to a chat, outside of any topic and in reply to no message.
    pub fn to_chat(chat: ChatId, replies: impl IntoIterator<Item = Reply>) -> Vec<Self> {
        let to_chat = |reply| Self {
            to: Address::chat(chat),
            reply_to: None,
            reply,
        };
        replies.into_iter().map(to_chat).collect()
    }
}

impl Commit {
    /// The version of the record after this commit. A new chat starts at the current millisecond, so that rows after a
    /// forget never reuse ids of rows still being sent.
    pub fn version(&self) -> u64 {
        match self.expected {
            NEVER_SEEN => millisecond(self.now),
            version => version.saturating_add(1),
        }
    }

    /// The replies as outbox rows. The reply to a forget sorts before every later row of the chat.
    pub fn rows(&self) -> Vec<OutboxRow> {
        let (version, first) = match self.record {
            Some(_) => (self.version(), 0),
            None => (FORGOTTEN, low_second(self.now)),
        };
        let row = |(index, addressed): (u32, &AddressedReply)| OutboxRow {
            id: RowId {
                chat: self.chat,
                version,
                index: first.wrapping_add(index),
            },
            to: addressed.to,
            reply_to: addressed.reply_to,
            reply: addressed.reply.clone(),
            created: self.now,
            attempts: 0,
            not_before: None,
        };
        (0..).zip(&self.replies).map(row).collect()
    }
}

/// The version of a chat that has no record.
const NEVER_SEEN: u64 = 0;
/// The version in the ids of replies to a forget.
const FORGOTTEN: u64 = 0;

/// The first version of a chat. No chat has a thousand commits a second, so versions never overtake the clock.
fn millisecond(time: Timestamp) -> u64 {
    let millisecond = u64::try_from(time.as_millisecond()).unwrap_or_default();
    millisecond.max(NEVER_SEEN + 1)
}

/// Distinguishes the replies when a chat is forgotten more than once.
fn low_second(time: Timestamp) -> u32 {
    let second = time.as_second().rem_euclid(1 << 32);
    u32::try_from(second).unwrap_or_default()
}

/// The id of an outbox row. The rows of a record that go to one address are sent in the order of their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RowId {
    /// The chat whose record wrote it; it may be addressed to another chat.
    pub chat: ChatId,
    /// The record version whose commit wrote it.
    pub version: u64,
    /// Its position among that commit's replies.
    pub index: u32,
}

impl RowId {
    /// Whether it is the reply to a forget, so that older replies to the chat are not sent any more.
    pub fn is_farewell(&self) -> bool {
        self.version == FORGOTTEN
    }
}

/// A record for a chat that got another id, where message ids differ.
pub(super) fn without_message_ids(record: Record) -> Record {
    Record {
        screen_message: None,
        ..record
    }
}

impl fmt::Display for RowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "reply {} of version {} of chat {}",
            self.index, self.version, self.chat
        )
    }
}

/// A reply that is to be sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "StoredRow")]
pub struct OutboxRow {
    pub id: RowId,
    pub to: Address,
    /// The message it is shown as a reply to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<ReplyTo>,
    pub reply: Reply,
    /// When it was committed.
    pub created: Timestamp,
    /// Failed attempts so far.
    pub attempts: u32,
    /// The earliest time of the next attempt.
    pub not_before: Option<Timestamp>,
}

/// An outbox row as it is stored. Rows written by versions without addresses have none.
#[derive(Deserialize)]
struct StoredRow {
    id: RowId,
    to: Option<Address>,
    reply_to: Option<ReplyTo>,
    reply: Reply,
    created: Timestamp,
    #[serde(default)]
    attempts: u32,
    #[serde(default)]
    not_before: Option<Timestamp>,
}

impl From<StoredRow> for OutboxRow {
    fn from(row: StoredRow) -> Self {
        Self {
            to: row.to.unwrap_or_else(|| Address::chat(row.id.chat)),
            id: row.id,
            reply_to: row.reply_to,
            reply: row.reply,
            created: row.created,
            attempts: row.attempts,
            not_before: row.not_before,
        }
    }
}

impl OutboxRow {
    /// The row for a chat that got another id, where message ids differ.
    pub(super) fn moved(self, to: ChatId) -> Self {
        let goes_there = self.to.chat == self.id.chat;
        let reply = Reply {
            replaces: None,
            deletes: None,
            ..self.reply
        };
        Self {
            id: RowId {
                chat: to,
                ..self.id
            },
            to: if goes_there {
                Address::chat(to)
            } else {
                self.to
            },
            reply_to: None,
            reply,
            ..self
        }
    }

    /// Counts a failed attempt.
    pub fn postpone(&mut self, not_before: Timestamp) {
        self.attempts = self.attempts.saturating_add(1);
        self.not_before = Some(not_before);
    }
}

/// The result of sending an outbox row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark {
    /// Sent or given up: the row is deleted.
    Done(RowId),
    /// Failed: the row is tried again, not before this time.
    Later(RowId, Timestamp),
}

/// Everything a store holds, for export and import.
#[derive(Debug, Clone, PartialEq)]
#[allow(
    clippy::large_enum_variant,
    reason = "nearly every item is a chat, and items are moved one at a time"
)]
pub enum Item {
    /// A chat's record.
    Chat(ChatId, Versioned),
    /// A reply not yet sent.
    Row(OutboxRow),
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::dialogue::{MessageId, ThreadId};

    fn stored(more: serde_json::Value) -> OutboxRow {
        let mut row = json!({
            "id": {"chat": -5, "version": 3, "index": 0},
            "reply": {"text": [], "takes_away": 8, "fetches": "F1", "unasked": true, "enclosure": {"qr_code": "x"}},
            "created": "2026-01-01T00:00:00Z",
        });
        let (Some(row_fields), serde_json::Value::Object(more)) = (row.as_object_mut(), more)
        else {
            panic!("objects");
        };
        row_fields.extend(more);
        serde_json::from_value(row).expect("a row")
    }

    #[test]
    fn a_row_stored_before_there_were_addresses_goes_to_the_chat_of_its_record() {
        let row = stored(json!({}));
        assert_eq!(row.to, Address::chat(ChatId(-5)));
        assert_eq!(
            (row.reply_to, row.attempts, row.not_before),
            (None, 0, None)
        );
        let reply = &row.reply;
        assert_eq!(reply.deletes, Some(MessageId(8)));
        assert_eq!(reply.downloads.as_deref(), Some("F1"));
        assert!(reply.unsolicited && !reply.wants_receipt && reply.attachment.is_some());
    }

    #[test]
    fn a_row_is_read_as_it_was_written() {
        let to = Address::chat(ChatId(-7)).in_topic(Some(ThreadId(4)));
        let reply_to = ReplyTo {
            message: MessageId(9),
            throughout: true,
        };
        let row = OutboxRow {
            to,
            reply_to: Some(reply_to),
            ..stored(json!({"attempts": 2}))
        };
        let written = serde_json::to_string(&row).expect("JSON");
        assert_eq!(
            serde_json::from_str::<OutboxRow>(&written).expect("a row"),
            row
        );
        // Names in the store stay as they were.
        for name in ["takes_away", "fetches", "unasked", "enclosure"] {
            assert!(written.contains(name), "{written}");
        }
    }
}
