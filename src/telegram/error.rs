//! The errors that end the service.

use std::{io, net::SocketAddr};

use super::api::NoClient;
use crate::store::StoreError;

/// Why the service could not start, or had to end.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error(
        "Telegram does not know this bot's token: check TELOXIDE_TOKEN against what @BotFather shows (and TELOXIDE_API_URL, if it is set)"
    )]
    Unauthorized,
    /// The address sends on to this one.
    #[error(
        "TELOXIDE_API_URL: this address sends requests on to {0}, and a request that is sent on loses its content; if a Bot API server is there, put that address into TELOXIDE_API_URL, otherwise set right the proxy or server that sends on"
    )]
    Redirected(String),
    /// The port of the webhook cannot be bound.
    #[error(
        "WEBHOOK_LISTEN: cannot listen on {0}: {1}; name another port, or stop the program that uses it"
    )]
    Listen(SocketAddr, io::Error),
    /// Telegram refused the webhook's address.
    #[error(
        "WEBHOOK_URL: Telegram does not take this address ({0}); it has to be https, with a public name, on port 443, 80, 88 or 8443"
    )]
    WebhookRefused(String),
    #[error(transparent)]
    NoClient(#[from] NoClient),
    /// The outbox could not be read from the store.
    #[error("the outbox could not be read: {0}")]
    Store(#[from] StoreError),
    #[error("the message sender ended unexpectedly (a bug); nothing is lost, restart the service")]
    SenderEnded,
}
