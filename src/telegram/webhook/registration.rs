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
    retry::{Backoff, MAX_BACKOFF, TokenRefusals},
    wire::ALLOWED_UPDATES,
};

/// Maximum concurrent deliveries; Telegram's own limit.
const MAX_CONNECTIONS: u8 = 100;
/// How often the registration is checked: another copy of the bot that polls removes it.
const CHECK_INTERVAL: Duration = Duration::from_secs(5 * 60);
/// How long the service counts as ready after a successful check.
const READY_AFTER_CHECK: Duration = Duration::from_secs(2 * 5 * 60);
/// The shortest time between two registrations because of a wrong secret: the secret at Telegram may have been changed,
/// but whoever finds the port can send a wrong one, too, and must not make the bot call Telegram often.
const RESET_INTERVAL: Duration = Duration::from_secs(60 * 60);
/// The longest pause between attempts while Telegram refuses.
const MAX_REFUSED_BACKOFF: Duration = Duration::from_secs(5 * 60);

pub(super) struct Registration {
    api: Api,
    intake: Intake,
    url: Url,
    secret: WebhookSecret,
    /// Whether Telegram may have a different secret.
    may_have_other_secret: bool,
    set_at: Option<Instant>,
    /// When Telegram last had a delivery refused for its secret, as the check before found it.
    refused_at: Option<Option<i64>>,
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
            refused_at: None,
        }
    }

    /// Keeps the webhook registered. Returns only if the first registration is refused, which means that a setting is
    /// wrong, or if the token counts as revoked.
    pub(super) async fn keep_registered(
        mut self,
        refused: &Notify,
        ready: impl FnOnce(),
    ) -> ServeError {
        let mut ready = Some(ready);
        let mut backoff = Backoff::new(MAX_BACKOFF);
        let mut refused_backoff = Backoff::new(MAX_REFUSED_BACKOFF);
        let mut refusals = TokenRefusals::default();
        loop {
            let pause = match self.register_if_needed().await {
                Ok(()) => {
                    self.intake.receiving_for(READY_AFTER_CHECK);
                    if let Some(ready) = ready.take() {
                        ready();
                    }
                    backoff.reset();
                    refused_backoff.reset();
                    refusals.reset();
                    CHECK_INTERVAL
                }
                Err(ApiError::Refused { description, .. }) if ready.is_some() => {
                    return ServeError::WebhookRefused(description);
                }
                Err(error) => {
                    let now = Instant::now();
                    refusals.count(&error, now);
                    if refusals.is_revoked(now) {
                        return ServeError::Unauthorized;
                    }
                    self.report(&error);
                    if is_refusal(&error) {
                        refused_backoff.pause_after(&error)
                    } else {
                        backoff.pause_after(&error)
                    }
                }
            };
            let has_failed = backoff.has_failed() || refused_backoff.has_failed();
            tokio::select! {
                () = sleep(pause) => {}
                () = self.wait_for_wrong_secret(refused), if !has_failed => self.may_have_other_secret = true,
            }
        }
    }

    /// Tells the operator why the webhook could not be registered. A refusal is about a setting or about Telegram, and
    /// updates may no longer come in.
    fn report(&self, error: &ApiError) {
        if is_refusal(error) {
            tracing::error!(%error, "Telegram refuses to register the webhook; retrying: check WEBHOOK_URL, and the token with @BotFather");
            self.intake
                .not_receiving(format!("the webhook cannot be registered: {error}"));
        } else {
            tracing::warn!(%error, "the webhook could not be registered; retrying");
            self.intake.receiving_failed(error);
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
        self.note_refusals(&found);
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

    /// Whether Telegram itself was refused since the check before, which no stranger can bring about: then it has another
    /// secret.
    fn note_refusals(&mut self, found: &WebhookInfo) {
        let said = found.last_error_message.as_deref().unwrap_or_default();
        let refused_at = found.last_error_date.filter(|_| said.contains("401"));
        let before = self.refused_at.replace(refused_at);
        if refused_at.is_some() && before.is_some_and(|before| before != refused_at) {
            tracing::warn!("Telegram has another secret; registering the webhook again");
            self.may_have_other_secret = true;
        }
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

fn is_refusal(error: &ApiError) -> bool {
    match error {
        ApiError::Unauthorized
        | ApiError::NotFound
        | ApiError::Refused { .. }
        | ApiError::Redirected(_) => true,
        ApiError::TooManyRequests(_)
        | ApiError::Migrated(_)
        | ApiError::Unavailable(_)
        | ApiError::Network(_) => false,
    }
}
