//! The secret by which deliveries of Telegram are told from others.

use std::fmt;

/// The secret that Telegram sends with each delivery. Its `Debug` output hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookSecret(pub String);

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(…)")
    }
}
