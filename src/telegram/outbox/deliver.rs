//! What the outbox depends on: making a request, passing its receipt to the record that wrote the row, and keeping a dead
//! letter about a reply that was given up.

use std::{future::Future, sync::Arc};

use crate::{
    assistant::{HandleError, Recipient},
    dialogue::{Address, ChatId, DeadLetter, Receipt},
    metrics::Metrics,
    store::{OutboxRow, StoreError},
    telegram::{api::ApiError, outgoing::Outgoing},
};

/// Makes requests to Telegram and passes receipts to the assistant; tests replace it.
pub trait Deliver: Clone + Send + Sync + 'static {
    /// Makes one request. Returns a receipt if Telegram's answer contains one.
    ///
    /// # Errors
    /// See [`ApiError`]; what it means for the row is decided by the outbox.
    fn deliver(
        &self,
        request: Outgoing,
    ) -> impl Future<Output = Result<Option<Receipt>, ApiError>> + Send;

    /// Passes a receipt to the record of `chat`, which wrote the row sent to `at`. Returns the rows it answers with.
    ///
    /// # Errors
    /// The receipt was not committed, or it is unknown whether it was.
    fn receive(
        &self,
        chat: ChatId,
        at: Address,
        receipt: Receipt,
    ) -> impl Future<Output = Result<Vec<OutboxRow>, HandleError>> + Send;

    /// Keeps a dead letter about a reply that the record of `chat` wrote. Returns the rows that tell the person about it.
    ///
    /// # Errors
    /// The letter was not committed.
    fn keep_letter(
        &self,
        chat: ChatId,
        letter: DeadLetter,
        tell: Option<Recipient>,
    ) -> impl Future<Output = Result<Vec<OutboxRow>, StoreError>> + Send;

    fn metrics(&self) -> Arc<Metrics>;
}
