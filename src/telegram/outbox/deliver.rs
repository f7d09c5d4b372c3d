//! What the outbox depends on: making a request, and passing its receipt to the record that wrote the row.

use std::{future::Future, sync::Arc};

use crate::{
    assistant::HandleError,
    dialogue::{Address, ChatId, Receipt},
    metrics::Metrics,
    store::OutboxRow,
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

    fn metrics(&self) -> Arc<Metrics>;
}
