//! Takes one request of a reply to Telegram. A file that is to be fetched is read and brought to the assistant, whose
//! answers go the way of all others.
//!
//! When that is, and what an answer of Telegram's means for what waits behind, is the outbox's.

use std::{future::Future, sync::Arc};

use super::{
    api::{Api, ApiError, Ignored},
    outbox::Clock,
    outgoing::Outgoing,
};
use crate::{
    assistant::Assistant,
    dialogue::{ChatId, Event, Input, MAX_FILE_BYTES, Unreadable},
    metrics::Metrics,
    store::{OutboxRow, StoreError},
};

/// Why a request is not done.
#[derive(Debug, thiserror::Error)]
pub enum Undelivered {
    /// Telegram did not do its part.
    #[error(transparent)]
    Telegram(#[from] ApiError),
    /// What came of it was not committed.
    #[error("what came of it was not kept: {0}")]
    Store(#[from] StoreError),
}

/// Takes a request to Telegram; a test takes it elsewhere.
pub trait Deliver: Clone + Send + Sync + 'static {
    /// Returns once it is done, with the rows that came of it.
    fn deliver(
        &self,
        request: Outgoing,
    ) -> impl Future<Output = Result<Vec<OutboxRow>, Undelivered>> + Send;

    /// Where it is counted how the sending goes.
    fn metrics(&self) -> Arc<Metrics>;

    /// Nothing can be said in this chat any more.
    fn gone(&self, chat: ChatId) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// A group has a new id; what is kept of it, and what waits, gets it, too.
    fn moved(
        &self,
        from: ChatId,
        to: ChatId,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// The way to Telegram, and from a file there to the assistant.
#[derive(Clone)]
pub struct Courier {
    api: Api,
    assistant: Arc<Assistant>,
    clock: Clock,
}

impl Deliver for Courier {
    async fn deliver(&self, request: Outgoing) -> Result<Vec<OutboxRow>, Undelivered> {
        let done: Result<Ignored, ApiError> = match request {
            Outgoing::Deletion(deletion) => self.api.call(&deletion).await,
            Outgoing::Enclosure(upload) => self.api.upload(upload).await,
            Outgoing::New(message) => self.api.call(&message).await,
            Outgoing::Edit(edit) => self.api.call(&edit).await,
            Outgoing::Fetch { chat, file } => return self.bring(chat, &file).await,
        };
        done.map(|Ignored {}| Vec::new()).map_err(Undelivered::from)
    }

    fn metrics(&self) -> Arc<Metrics> {
        self.assistant.metrics().clone()
    }

    async fn gone(&self, chat: ChatId) -> Result<(), StoreError> {
        let event = Event::private(Input::Unreachable);
        let told = self.assistant.handle(chat, None, &event, (self.clock)());
        told.await.map(drop)
    }

    async fn moved(&self, from: ChatId, to: ChatId) -> Result<(), StoreError> {
        self.assistant.migrate(from, to).await
    }
}

impl Courier {
    /// A courier between this bot and this assistant.
    pub fn new(api: Api, assistant: Arc<Assistant>, clock: Clock) -> Self {
        Self {
            api,
            assistant,
            clock,
        }
    }

    /// Brings the assistant what a file says. Killed before that is committed, the file is fetched again; killed between
    /// that and the outbox's mark, the assistant hears it twice.
    async fn bring(&self, chat: ChatId, file: &str) -> Result<Vec<OutboxRow>, Undelivered> {
        let content = self.read(file).await?;
        let (bytes, fault) = (
            content.as_ref().map(String::len).ok(),
            content.as_ref().err(),
        );
        tracing::debug!(%chat, bytes, ?fault, "a file was fetched");
        let event = Event::private(Input::Content(content));
        let rows = self.assistant.handle(chat, None, &event, (self.clock)());
        Ok(rows.await?)
    }

    /// What a file says, or why that will never be known; an error is trouble that passes.
    async fn read(&self, file: &str) -> Result<Result<String, Unreadable>, ApiError> {
        Ok(match self.api.fetch(file, MAX_FILE_BYTES).await {
            Ok(Some(bytes)) => String::from_utf8(bytes).map_err(|_| Unreadable::NotText),
            Ok(None) => Err(Unreadable::TooLarge),
            // What Telegram says of files that bots may not fetch at all.
            Err(ApiError::Refused { description, .. }) if description.contains("too big") => {
                Err(Unreadable::TooLarge)
            }
            Err(ApiError::Refused { .. }) => Err(Unreadable::NotFetched),
            Err(error) => return Err(error),
        })
    }
}
