//! What ends the service.

use std::{io, net::SocketAddr};

use super::api::NoClient;
use crate::store::StoreError;

/// Why the service could not start, or had to end.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The token is wrong.
    #[error(
        "Telegram does not know this bot's token: check TELOXIDE_TOKEN against what @BotFather shows (and TELOXIDE_API_URL, if it is set)"
    )]
    Unauthorized,
    /// The port of the webhook cannot be bound.
    #[error(
        "WEBHOOK_LISTEN: {0} cannot be listened on: {1}; name another port, or stop what has it"
    )]
    Listen(SocketAddr, io::Error),
    /// Telegram does not take the webhook's address.
    #[error(
        "WEBHOOK_URL: Telegram does not take this address ({0}); it has to be https, with a public name, on port 443, 80, 88 or 8443"
    )]
    WebhookRefused(String),
    /// There is no HTTP client.
    #[error(transparent)]
    NoClient(#[from] NoClient),
    /// The store does not say what is to be sent.
    #[error("the outbox could not be read: {0}")]
    Store(#[from] StoreError),
    /// A fault of ours.
    #[error(
        "the sender of messages ended by itself, which is a fault in this program; nothing is lost, start it again"
    )]
    SenderEnded,
}
