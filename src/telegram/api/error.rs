//! Why a request to the Bot API failed.

use std::{error::Error, time::Duration};

use crate::dialogue::ChatId;

/// Why a request failed. Shows neither token nor address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// 401.
    #[error("Telegram does not know this bot's token")]
    Unauthorized,
    /// 404. At the start, the token may be malformed; after that, what stands at the address is another server.
    #[error("the server at the Bot API's address does not know this request (404)")]
    NotFound,
    /// 429: wait for this long.
    #[error("Telegram asks to wait {} s", .0.as_secs())]
    TooManyRequests(Duration),
    #[error("the group has become the supergroup {0}")]
    Migrated(ChatId),
    /// The request is invalid or not permitted; repeating it is pointless.
    #[error("Telegram refused ({code}): {description}")]
    Refused {
        /// The error code: 400, 403, 409, …
        code: u16,
        description: String,
    },
    /// The address sends on to this one. That is not followed: a request would lose its content, or carry the token to
    /// a place that nobody has chosen.
    #[error("the Bot API's address sends on to {0}, which is not followed")]
    Redirected(String),
    /// A 5xx, or an answer that is not from a Bot API server.
    #[error("the Bot API server is unavailable: {0}")]
    Unavailable(String),
    #[error("the Bot API server cannot be reached: {0}")]
    Network(String),
}

impl ApiError {
    /// An error of the network. The caller has removed the address, which contains the token.
    pub(super) fn network(error: &dyn Error) -> Self {
        Self::Network(error_chain(error))
    }
}

/// The HTTP client could not be created.
#[derive(Debug, thiserror::Error)]
pub enum NoClient {
    #[error("the HTTPS client could not be created: {0}; check the system's certificates")]
    Client(String),
    /// A proxy is named that cannot be used.
    #[error(
        "{variable}: this is no address of a proxy that can be used; write it like http://127.0.0.1:8080 or socks5h://127.0.0.1:1080, or leave it empty"
    )]
    Proxy { variable: &'static str },
}

/// An error and its causes.
pub(super) fn error_chain(error: &dyn Error) -> String {
    let mut said = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        said = format!("{said}: {error}");
        source = error.source();
    }
    said
}
