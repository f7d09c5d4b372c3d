//! What the outbox needs done: a request made, and what came of it brought to the record that asked.

use std::{future::Future, sync::Arc};

use crate::{
    assistant::HandleError,
    dialogue::{Address, ChatId, Receipt},
    metrics::Metrics,
    store::OutboxRow,
    telegram::{api::ApiError, outgoing::Outgoing},
};

/// Makes requests to Telegram, and hands receipts to the assistant; a test does both in its own way.
pub trait Deliver: Clone + Send + Sync + 'static {
    /// Makes one request. Returns what Telegram's answer tells, if it tells anything.
    ///
    /// # Errors
    /// See [`ApiError`]; what it means for the row is decided by the outbox.
    fn deliver(
        &self,
        request: Outgoing,
    ) -> impl Future<Output = Result<Option<Receipt>, ApiError>> + Send;

    /// Brings a receipt to the record of `chat`, which wrote what was sent to `at`. Returns what that record says to it.
    ///
    /// # Errors
    /// It was not committed, or that is not known.
    fn receive(
        &self,
        chat: ChatId,
        at: Address,
        receipt: Receipt,
    ) -> impl Future<Output = Result<Vec<OutboxRow>, HandleError>> + Send;

    /// Where it is counted how the sending goes.
    fn metrics(&self) -> Arc<Metrics>;
}
