//! The results of requests of which little or nothing is read.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use crate::dialogue::MessageId;

/// A result that is not read.
#[derive(Debug, Clone, Copy)]
pub struct Ignored {}

impl<'de> Deserialize<'de> for Ignored {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self {})
    }
}

/// The message in Telegram's answer to a request. Only the id is parsed, and every other value is skipped unparsed: an
/// answer that could not be read would make the bot send the message again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SentMessage(Option<MessageId>);

impl SentMessage {
    /// The message's id; `None` if the answer names none.
    pub fn id(self) -> Option<MessageId> {
        self.0
    }
}

impl<'de> Deserialize<'de> for SentMessage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SentMessageVisitor)
    }
}

struct SentMessageVisitor;

impl<'de> Visitor<'de> for SentMessageVisitor {
    type Value = SentMessage;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a result")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SentMessage, A::Error> {
        let mut id = None;
        while let Some(field) = map.next_key::<Cow<'de, str>>()? {
            if field == "message_id" {
                id = map.next_value::<Id>()?.0;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(SentMessage(id.and_then(message_id)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<SentMessage, A::Error> {
        IgnoredAny.visit_seq(seq).map(|_| SentMessage(None))
    }

    fn visit_bool<E>(self, _: bool) -> Result<SentMessage, E> {
        Ok(SentMessage(None))
    }

    fn visit_i64<E>(self, _: i64) -> Result<SentMessage, E> {
        Ok(SentMessage(None))
    }

    fn visit_u64<E>(self, _: u64) -> Result<SentMessage, E> {
        Ok(SentMessage(None))
    }

    fn visit_f64<E>(self, _: f64) -> Result<SentMessage, E> {
        Ok(SentMessage(None))
    }

    fn visit_str<E>(self, _: &str) -> Result<SentMessage, E> {
        Ok(SentMessage(None))
    }

    fn visit_unit<E>(self) -> Result<SentMessage, E> {
        Ok(SentMessage(None))
    }
}

fn message_id(id: i64) -> Option<MessageId> {
    i32::try_from(id).ok().map(MessageId)
}

/// A number, or `None` for any other value.
struct Id(Option<i64>);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(IdVisitor)
    }
}

struct IdVisitor;

impl<'de> Visitor<'de> for IdVisitor {
    type Value = Id;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id")
    }

    fn visit_i64<E>(self, id: i64) -> Result<Id, E> {
        Ok(Id(Some(id)))
    }

    fn visit_u64<E>(self, id: u64) -> Result<Id, E> {
        Ok(Id(i64::try_from(id).ok()))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Id, E> {
        Ok(Id(None))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Id, E> {
        Ok(Id(None))
    }

    fn visit_str<E>(self, _: &str) -> Result<Id, E> {
        Ok(Id(None))
    }

    fn visit_unit<E>(self) -> Result<Id, E> {
        Ok(Id(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Id, A::Error> {
        IgnoredAny.visit_seq(seq).map(|_| Id(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Id, A::Error> {
        IgnoredAny.visit_map(map).map(|_| Id(None))
    }
}
