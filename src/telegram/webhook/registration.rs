//! Keeps the webhook registered with Telegram: sets it, checks that it is still set, and sets it again where it is not.

use std::time::Duration;

use teloxide::payloads::{GetWebhookInfo, SetWebhook, SetWebhookSetters};
use tokio::{
    sync::Notify,
    time::{Instant, sleep, sleep_until},
};
use url::Url;

use super::secret::WebhookSecret;
use crate::telegram::{
    api::{Api, ApiError, Ignored, WebhookInfo},
    error::ServeError,
    intake::Intake,
    retry::{Backoff, MAX_BACKOFF},
    wire::ALLOWED_UPDATES,
};

/// Maximum concurrent deliveries; Telegram's own limit.
const MAX_CONNECTIONS: u8 = 100;
/// How often the registration is checked: another copy of the bot that polls removes it.
const CHECK_INTERVAL: Duration = Duration::from_secs(5 * 60);
/// How long the service counts as ready after a successful check.
const READY_AFTER_CHECK: Duration = Duration::from_secs(2 * 5 * 60);
/// The shortest time between two registrations because of a wrong secret: the secret may have been changed, or it may
/// be a guess.
const RESET_INTERVAL: Duration = Duration::from_secs(60);

pub(super) struct Registration {
    api: Api,
    intake: Intake,
    url: Url,
    secret: WebhookSecret,
    /// Whether Telegram may have a different secret.
    may_have_other_secret: bool,
    set_at: Option<Instant>,
}

impl Registration {
    pub(super) fn new(api: Api, intake: Intake, url: Url, secret: WebhookSecret) -> Self {
        Self {
            api,
            intake,
            url,
            secret,
            may_have_other_secret: false,
            set_at: None,
        }
    }

    /// Keeps the webhook registered. Returns only on a permanent error.
    pub(super) async fn keep_registered(
        mut self,
        refused: &Notify,
        ready: impl FnOnce(),
    ) -> ServeError {
        let mut ready = Some(ready);
        let mut backoff = Backoff::new(MAX_BACKOFF);
        loop {
            let pause = match self.register_if_needed().await {
                Ok(()) => {
                    self.intake.receiving_for(READY_AFTER_CHECK);
                    if let Some(ready) = ready.take() {
                        ready();
                    }
                    backoff.reset();
                    CHECK_INTERVAL
                }
                Err(ApiError::Unauthorized) => return ServeError::Unauthorized,
                Err(ApiError::Refused { description, .. }) => {
                    return ServeError::WebhookRefused(description);
                }
                Err(error) => {
                    tracing::warn!(%error, "the webhook could not be registered; retrying");
                    backoff.pause_after(&error)
                }
            };
            tokio::select! {
                () = sleep(pause) => {}
                () = self.wait_for_wrong_secret(refused), if !backoff.has_failed() => self.may_have_other_secret = true,
            }
        }
    }

    /// Resolves after a delivery with a wrong secret, at the earliest [`RESET_INTERVAL`] after the last registration.
    async fn wait_for_wrong_secret(&self, refused: &Notify) {
        refused.notified().await;
        if let Some(set_at) = self.set_at {
            sleep_until(set_at + RESET_INTERVAL).await;
        }
        tracing::warn!("a delivery had a wrong secret; registering the webhook again");
    }

    /// Registers the webhook if the registration differs. Telegram does not tell which secret it has.
    async fn register_if_needed(&mut self) -> Result<(), ApiError> {
        let found: WebhookInfo = self.api.call(&GetWebhookInfo::new()).await?;
        if !self.may_have_other_secret && self.is_as_wanted(&found) {
            return Ok(());
        }
        let set = SetWebhook::new(self.url.clone())
            .max_connections(MAX_CONNECTIONS)
            .allowed_updates(ALLOWED_UPDATES)
            .secret_token(self.secret.0.clone());
        let Ignored {} = self.api.call(&set).await?;
        (self.may_have_other_secret, self.set_at) = (false, Some(Instant::now()));
        tracing::info!(
            was_another = !found.url.is_empty(),
            waiting = found.pending_update_count,
            "the webhook was registered"
        );
        Ok(())
    }

    fn is_as_wanted(&self, found: &WebhookInfo) -> bool {
        let wanted = ALLOWED_UPDATES.map(|kind| {
            let name = serde_json::to_value(kind).unwrap_or_default();
            name.as_str().unwrap_or_default().to_owned()
        });
        let mut allowed = found.allowed_updates.clone();
        allowed.sort();
        let mut wanted = wanted.to_vec();
        wanted.sort();
        found.url == self.url.as_str()
            && found.max_connections == Some(MAX_CONNECTIONS.into())
            && allowed == wanted
    }
}
