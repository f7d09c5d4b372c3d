//! Makes one request of a reply to Telegram, and passes receipts to the assistant. When a request is made, and what an
//! error means, is decided by `outbox`.

use std::sync::Arc;

use teloxide::{
    payloads::{DeleteMessage, SendMessage},
    types,
};

use super::{
    api::{Api, ApiError, Download, Ignored, SEND_TIMEOUT, SentMessage},
    clock::Clock,
    outbox::deliver::Deliver,
    outgoing::Outgoing,
};
use crate::{
    assistant::{Assistant, HandleError, Recipient},
    dialogue::{Address, ChatId, DeadLetter, MAX_FILE_BYTES, Receipt, Unreadable},
    metrics::Metrics,
    store::{OutboxRow, StoreError},
};

#[derive(Clone)]
pub struct Delivery {
    api: Api,
    assistant: Arc<Assistant>,
    clock: Clock,
}

impl Deliver for Delivery {
    async fn deliver(&self, request: Outgoing) -> Result<Option<Receipt>, ApiError> {
        let to = request.to();
        let sent = match request {
            Outgoing::Deletion(deletion) => {
                let Ignored {} = self.api.call_within(SEND_TIMEOUT, &deletion).await?;
                return Ok(None);
            }
            Outgoing::KeyboardRemoval(message) => {
                self.remove_keyboard(&message).await?;
                return Ok(None);
            }
            Outgoing::Download { file, .. } => {
                let content = self.read_file(&file).await?;
                return Ok(Some(Receipt::FileContent(content)));
            }
            Outgoing::Attachment(upload) => self.api.upload(upload).await?,
            Outgoing::New(message) => self.api.call_within(SEND_TIMEOUT, &message).await?,
            Outgoing::Edit(edit) => self.api.call_within(SEND_TIMEOUT, &edit).await?,
        };
        Ok(sent.id().map(|message| Receipt::Sent { to, message }))
    }

    /// If the process is killed before the receipt is committed, a file is downloaded again; if it is killed between
    /// that and the row's acknowledgement, the assistant gets the receipt twice.
    async fn receive(
        &self,
        chat: ChatId,
        at: Address,
        receipt: Receipt,
    ) -> Result<Vec<OutboxRow>, HandleError> {
        let now = (self.clock)();
        let handled = self.assistant.handle_receipt(chat, at, receipt, now);
        Ok(handled.await?.rows)
    }

    async fn keep_letter(
        &self,
        chat: ChatId,
        letter: DeadLetter,
        tell: Option<Recipient>,
    ) -> Result<Vec<OutboxRow>, StoreError> {
        let now = (self.clock)();
        let keeping = self
            .assistant
            .keep_letter_about_reply(chat, letter, tell, now);
        keeping.await
    }

    fn metrics(&self) -> Arc<Metrics> {
        self.assistant.metrics().clone()
    }
}

impl Delivery {
    pub fn new(api: Api, assistant: Arc<Assistant>, clock: Clock) -> Self {
        Self {
            api,
            assistant,
            clock,
        }
    }

    /// Sends the message that takes away the keyboard, and deletes it. One that cannot be deleted stays in the chat; the
    /// keyboard is gone all the same.
    async fn remove_keyboard(&self, message: &SendMessage) -> Result<(), ApiError> {
        let sent: SentMessage = self.api.call(message).await?;
        let Some(id) = sent.id() else {
            return Ok(());
        };
        let deletion = DeleteMessage::new(message.chat_id.clone(), types::MessageId(id.0));
        let deleted: Result<Ignored, ApiError> = self.api.call(&deletion).await;
        if let Err(error) = deleted {
            tracing::warn!(%error, "the message that took away an old keyboard could not be deleted");
        }
        Ok(())
    }

    /// The content of a file, or why it can never be read. Errors are temporary.
    async fn read_file(&self, file: &str) -> Result<Result<String, Unreadable>, ApiError> {
        let content = match self.api.download_file(file, MAX_FILE_BYTES).await {
            Ok(Download::Content(bytes)) => {
                String::from_utf8(bytes).map_err(|_| Unreadable::NotText)
            }
            Ok(Download::TooLarge) => Err(Unreadable::TooLarge),
            Ok(Download::NotServed) => Err(Unreadable::NotServed),
            // Telegram's words for files above the size limit for bots.
            Err(ApiError::Refused { description, .. }) if description.contains("too big") => {
                Err(Unreadable::TooLarge)
            }
            Err(ApiError::Refused { .. }) => Err(Unreadable::NotFetched),
            Err(error) => return Err(error),
        };
        let bytes = content.as_ref().map(String::len).ok();
        tracing::debug!(bytes, fault = ?content.as_ref().err(), "a file was downloaded");
        Ok(content)
    }
}
