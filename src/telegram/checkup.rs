//! What `doctor` checks about the bot at Telegram: its token, the server's clock, a leftover webhook, what it may read
//! in groups, and its rights in the staff's chat. The advice is `doctor`'s.

use jiff::Timestamp;
use serde::Deserialize;
use teloxide::{
    payloads::{GetChat, GetChatMember, GetMe, GetWebhookInfo},
    types::{Recipient, UserId},
};

use super::{
    api::{Api, ApiError, Connection, WebhookInfo},
    error::ServeError,
};
use crate::dialogue::ChatId;

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Bot {
    pub id: u64,
    /// Its name, without the `@`.
    pub username: String,
    /// Whether it receives all messages in groups; with privacy mode on (the default) it receives only those addressed
    /// to it.
    #[serde(default)]
    pub can_read_all_group_messages: bool,
}

/// The staff's chat.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Chat {
    /// `group`, `supergroup`, `private` or `channel`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it has topics.
    #[serde(default)]
    pub is_forum: bool,
}

/// The bot's membership of a chat.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Membership {
    /// `administrator`, `member`, `restricted`, `left` or `kicked`.
    pub status: String,
    /// For a restricted member.
    pub can_send_messages: Option<bool>,
    /// For an administrator.
    pub can_manage_topics: Option<bool>,
}

/// Why a check failed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct CheckupError(String);

pub struct Checkup(Api);

impl Checkup {
    ///
    /// # Errors
    /// The HTTP client could not be created, or the environment names a proxy that cannot be used.
    pub fn new(token: &str, connection: Connection) -> Result<Self, CheckupError> {
        let api = Api::connect(token, connection);
        api.map(Self)
            .map_err(|error| CheckupError(error.to_string()))
    }

    /// The proxy on the way to the server, without its password.
    pub fn proxy(&self) -> Option<String> {
        self.0.proxy().map(ToString::to_string)
    }

    ///
    /// # Errors
    /// The token is wrong, or the server does not answer.
    pub async fn bot(&self) -> Result<Bot, CheckupError> {
        self.0.call(&GetMe::new()).await.map_err(to_checkup_error)
    }

    /// The server's time, if its answer contains it.
    pub async fn server_time(&self) -> Option<Timestamp> {
        let date = self.0.server_date().await?;
        let parser = jiff::fmt::rfc2822::DateTimeParser::new();
        parser.parse_timestamp(date).ok()
    }

    /// The registered webhook and the number of waiting updates.
    ///
    /// # Errors
    /// As [`Self::bot`].
    pub async fn webhook(&self) -> Result<WebhookInfo, CheckupError> {
        self.0
            .call(&GetWebhookInfo::new())
            .await
            .map_err(to_checkup_error)
    }

    /// A chat and the bot's membership; `None` if the bot does not know the chat.
    ///
    /// # Errors
    /// As [`Self::bot`].
    pub async fn chat(
        &self,
        chat: ChatId,
        bot: &Bot,
    ) -> Result<Option<(Chat, Membership)>, CheckupError> {
        let recipient = Recipient::Id(teloxide::types::ChatId(chat.0));
        let found = match self.0.call(&GetChat::new(recipient.clone())).await {
            Ok(found) => found,
            Err(ApiError::Refused { .. }) => return Ok(None),
            Err(error) => return Err(to_checkup_error(error)),
        };
        let membership = GetChatMember::new(recipient, UserId(bot.id));
        match self.0.call(&membership).await {
            Ok(membership) => Ok(Some((found, membership))),
            Err(ApiError::Refused { .. }) => Ok(Some((found, Membership::default()))),
            Err(error) => Err(to_checkup_error(error)),
        }
    }
}

fn to_checkup_error(error: ApiError) -> CheckupError {
    match error {
        ApiError::Unauthorized | ApiError::NotFound => {
            CheckupError(ServeError::Unauthorized.to_string())
        }
        ApiError::Redirected(to) => CheckupError(ServeError::Redirected(to).to_string()),
        ApiError::TooManyRequests(_)
        | ApiError::Migrated(_)
        | ApiError::Refused { .. }
        | ApiError::Unavailable(_)
        | ApiError::Network(_) => CheckupError(format!(
            "{error}; check the network, the proxy if there is one, and TELOXIDE_API_URL if it is set"
        )),
    }
}
