//! What can be seen of a bot from outside, for `doctor`: its token, a webhook left behind, what it may read in groups.

use serde::Deserialize;
use teloxide::payloads::{GetMe, GetWebhookInfo};
use url::Url;

use super::api::{Api, ApiError};

/// The bot, as Telegram sees it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Bot {
    /// Its name, without the `@`.
    pub username: String,
    /// Whether it hears everything said in groups; with privacy mode on (the default) it hears what is addressed to it.
    #[serde(default)]
    pub can_read_all_group_messages: bool,
}

/// What waits at Telegram.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Waiting {
    /// The address updates are sent to; empty when they are polled.
    pub url: String,
    /// Updates not yet fetched.
    pub pending_update_count: u64,
}

/// Why the bot could not be looked at.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unreachable(String);

/// Looks at the bot with this token.
///
/// # Errors
/// The token is wrong, or the server does not answer.
pub async fn look(token: &str, address: Url) -> Result<(Bot, Waiting), Unreachable> {
    let api = Api::new(token, address).map_err(|error| Unreachable(error.to_string()))?;
    let bot = api.call(&GetMe::new()).await.map_err(worded)?;
    let waiting = api.call(&GetWebhookInfo::new()).await.map_err(worded)?;
    Ok((bot, waiting))
}

fn worded(error: ApiError) -> Unreachable {
    match error {
        ApiError::Unauthorized => Unreachable(super::ServeError::Unauthorized.to_string()),
        other => Unreachable(format!(
            "{other}; check the network, and TELOXIDE_API_URL if it is set"
        )),
    }
}
