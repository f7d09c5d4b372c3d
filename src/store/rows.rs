//! The values a store takes and gives: records with versions, commits, outbox rows and marks.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::dialogue::{Address, ChatId, Record, Reply, ReplyTo};

/// A record with the version it was read at; version 0 is a chat never seen.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Versioned {
    /// Grows by one with each commit, from the millisecond of the first.
    pub version: u64,
    /// What is kept of the chat.
    pub record: Record,
}

/// The effects of one update: all of them, or none.
#[derive(Debug, Clone, PartialEq)]
pub struct Commit {
    /// The chat.
    pub chat: ChatId,
    /// The version the record was read at.
    pub expected: u64,
    /// The record as it is from now on; `None` leaves nothing of the chat, neither a record nor what was still to be sent
    /// to it, but for the replies of this commit.
    pub record: Option<Record>,
    /// What is to be sent, in order.
    pub replies: Vec<AddressedReply>,
    /// When.
    pub now: Timestamp,
}

/// A reply, and where it goes.
#[derive(Debug, Clone, PartialEq)]
pub struct AddressedReply {
    /// Where it goes.
    pub to: Address,
    /// The message it is shown as a reply to.
    pub reply_to: Option<ReplyTo>,
    /// What is said.
    pub reply: Reply,
}

impl AddressedReply {
    /// Replies that go to a chat, outside of any topic and in reply to no message.
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
    /// The version the record has once this is committed. A chat begins at the millisecond: what is said there after it
    /// was forgotten must not have the names of what was said before, some of which may still be on its way.
    pub fn version(&self) -> u64 {
        match self.expected {
            NEVER_SEEN => millisecond(self.now),
            version => version.saturating_add(1),
        }
    }

    /// The replies as the outbox rows they become. Those of a forgotten chat come before all of what may be said there in
    /// time to come.
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

/// The version of a chat of which nothing is kept.
const NEVER_SEEN: u64 = 0;
/// The version in the ids of what is said to a chat of which nothing else is kept.
const FORGOTTEN: u64 = 0;

/// Where the versions of a chat begin; no chat is committed to a thousand times a second for as long as it is kept.
fn millisecond(time: Timestamp) -> u64 {
    let millisecond = u64::try_from(time.as_millisecond()).unwrap_or_default();
    millisecond.max(NEVER_SEEN + 1)
}

/// Tells the receipts of a chat apart that is forgotten more than once.
fn low_second(time: Timestamp) -> u32 {
    let second = time.as_second().rem_euclid(1 << 32);
    u32::try_from(second).unwrap_or_default()
}

/// The name of an outbox row. The rows of a record that go to one address are sent in the order of their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RowId {
    /// The chat whose record wrote it; where it goes is another matter.
    pub chat: ChatId,
    /// The record version whose commit wrote it.
    pub version: u64,
    /// Its place among that commit's replies.
    pub index: u32,
}

impl RowId {
    /// Whether it is said to a chat of which nothing else is kept, so that nothing before it is to be said any more.
    pub fn is_farewell(&self) -> bool {
        self.version == FORGOTTEN
    }
}

/// A record in a chat of another id; what its screen was is another message there.
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
    /// Its name, and whose record wrote it.
    pub id: RowId,
    /// Where it goes.
    pub to: Address,
    /// The message it is shown as a reply to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<ReplyTo>,
    /// What is said.
    pub reply: Reply,
    /// When it was committed.
    pub created: Timestamp,
    /// Sendings that failed so far.
    pub attempts: u32,
    /// Not to be sent before.
    pub not_before: Option<Timestamp>,
}

/// An outbox row as it is read. Rows written before there were addresses have none.
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
    /// The row in a chat of another id, where the messages have other ids, too.
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

    /// Notes a failed sending.
    pub fn postpone(&mut self, not_before: Timestamp) {
        self.attempts = self.attempts.saturating_add(1);
        self.not_before = Some(not_before);
    }
}

/// What became of an outbox row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark {
    /// Sent, or given up: the row goes.
    Done(RowId),
    /// To be tried again, not before this time; counts as an attempt.
    Later(RowId, Timestamp),
}

/// Everything a store holds, for export and import.
#[derive(Debug, Clone, PartialEq)]
#[allow(
    clippy::large_enum_variant,
    reason = "nearly every item is a chat, and each is on its way from one engine to another"
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
