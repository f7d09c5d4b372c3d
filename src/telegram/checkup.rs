//! What can be seen of a bot from outside, for `doctor`: its token, the server's clock, a webhook left behind, what it may
//! read in groups, and whether it can do its work in the staff's chat. What to do about it is `doctor`'s to say.

use jiff::Timestamp;
use serde::Deserialize;
use teloxide::{
    payloads::{GetChat, GetChatMember, GetMe, GetWebhookInfo},
    types::{Recipient, UserId},
};
use url::Url;

use super::{
    api::{Api, ApiError, WebhookInfo},
    error::ServeError,
};
use crate::dialogue::ChatId;

/// The bot, as Telegram sees it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Bot {
    /// Its user id.
    pub id: u64,
    /// Its name, without the `@`.
    pub username: String,
    /// Whether it hears everything said in groups; with privacy mode on (the default) it hears what is addressed to it.
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

/// What the bot is in a chat.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Membership {
    /// `administrator`, `member`, `restricted`, `left` or `kicked`.
    pub status: String,
    /// Of one who is restricted: whether it may write.
    pub can_send_messages: Option<bool>,
    /// Of an administrator: whether it may open and close topics.
    pub can_manage_topics: Option<bool>,
}

/// Why the bot could not be looked at.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct CheckupError(String);

/// A look from outside.
pub struct Checkup(Api);

impl Checkup {
    /// A look at the bot with this token.
    ///
    /// # Errors
    /// There is no HTTP client.
    pub fn new(token: &str, address: Url) -> Result<Self, CheckupError> {
        let api = Api::new(token, address);
        api.map(Self)
            .map_err(|error| CheckupError(error.to_string()))
    }

    /// The bot.
    ///
    /// # Errors
    /// The token is wrong, or the server does not answer.
    pub async fn bot(&self) -> Result<Bot, CheckupError> {
        self.0.call(&GetMe::new()).await.map_err(to_checkup_error)
    }

    /// The server's clock, if it tells the time.
    pub async fn server_time(&self) -> Option<Timestamp> {
        let date = self.0.server_date().await?;
        let parser = jiff::fmt::rfc2822::DateTimeParser::new();
        parser.parse_timestamp(date).ok()
    }

    /// The webhook that is set, and what waits.
    ///
    /// # Errors
    /// As [`Self::bot`].
    pub async fn webhook(&self) -> Result<WebhookInfo, CheckupError> {
        self.0
            .call(&GetWebhookInfo::new())
            .await
            .map_err(to_checkup_error)
    }

    /// A chat, and what the bot is there; `None` if the bot does not know it.
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
        ApiError::Unauthorized => CheckupError(ServeError::Unauthorized.to_string()),
        other => CheckupError(format!(
            "{other}; check the network, and TELOXIDE_API_URL if it is set"
        )),
    }
}
