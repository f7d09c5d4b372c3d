//! The conversation: a record and an event become a turn. Pure: no clock, network, file or store.

pub mod event;
pub mod record;
pub mod reply;

pub use event::{
    Attachment, CardId, ChatId, Choice, Command, Event, Input, MessageId, Place, Press, UpdateId,
};
pub use record::{Activity, Card, CardDraft, Record, RemovedCard};
pub use reply::{Action, Button, Reply};
