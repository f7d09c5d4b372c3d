//! Gets updates and gives each its effect; an update is confirmed by asking for the one behind it, and only once its
//! effect is on disk. Which update is an event is `incoming`'s to say, what comes of it the assistant's.

use std::{
    collections::{HashMap, HashSet},
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use serde::Serialize;
use serde_json::Value;
use teloxide::{requests::Payload, types::AllowedUpdate};
use tokio::{task::JoinSet, time::sleep};

use super::{
    api::{Api, ApiError, Identity, growing_pause},
    incoming::{self, Incoming},
    outbox::{Clock, Outbox},
};
use crate::{
    assistant::Assistant,
    dialogue::{ChatId, Event, Input, UpdateId},
    knowledge::Language,
    store::StoreError,
};

/// How long Telegram may keep a poll open when there is nothing new.
const POLL_SECONDS: u32 = 30;
/// On top of that, for the way there and back.
const POLL_MARGIN: Duration = Duration::from_secs(15);
/// Updates a poll brings at most; Telegram's own limit. It also bounds how many chats are worked on at once.
const BATCH: u8 = 100;
/// Telegram, or the store, is tried again no less often than this.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// While another copy polls, each throws the other out; hurrying does not help.
const CONFLICT_PAUSE: Duration = Duration::from_secs(5);
/// Said the first time, and then once a minute.
const CONFLICTS_A_LINE: u32 = 12;
/// An update that fails so often while the store is well would stop everybody: it is passed over.
const MAX_FAILURES: u32 = 5;
/// At the end, confirming what is done may take this long; without it, those updates come again and are recognised.
const LAST_CONFIRMATION: Duration = Duration::from_secs(1);

/// Becomes ready when the service is to stop, with the moment it was asked to.
pub type Stop = Shared<BoxFuture<'static, tokio::time::Instant>>;

/// `getUpdates`. Not teloxide's: that one has no room for an id above `i32::MAX`, and an update that cannot be confirmed
/// would come again for ever.
#[derive(Debug, Serialize)]
struct Poll {
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u32>,
    limit: u8,
    timeout: u32,
    allowed_updates: [AllowedUpdate; 3],
}

impl Payload for Poll {
    type Output = Vec<Value>;
    const NAME: &'static str = "GetUpdates";
}

/// The token is not, or no longer, valid.
#[derive(Debug)]
pub struct Unauthorized;

/// Why an update had no effect.
enum Fault {
    Store(StoreError),
    Panicked,
}

/// Gets updates until it is told to stop.
pub struct Poller {
    api: Api,
    me: Arc<Identity>,
    assistant: Arc<Assistant>,
    outbox: Outbox,
    clock: Clock,
    /// The first update not yet confirmed, as long as Telegram has not heard of it. Not kept any longer: after a quiet
    /// week the ids begin somewhere else.
    offset: Option<UpdateId>,
    /// How often updates failed while the store was well.
    failures: HashMap<UpdateId, u32>,
    /// Batches in a row in which something failed.
    failed_batches: u32,
    /// Polls in a row that failed.
    troubles: u32,
    /// Of these, how often another copy was to blame.
    conflicts: u32,
    /// Presses being acknowledged.
    presses: JoinSet<()>,
}

impl Poller {
    /// A poller that hands what is to be sent to `outbox`.
    pub fn new(
        api: Api,
        me: Arc<Identity>,
        assistant: Arc<Assistant>,
        outbox: Outbox,
        clock: Clock,
    ) -> Self {
        Self {
            api,
            me,
            assistant,
            outbox,
            clock,
            offset: None,
            failures: HashMap::new(),
            failed_batches: 0,
            troubles: 0,
            conflicts: 0,
            presses: JoinSet::new(),
        }
    }

    /// Gets updates until `stop`; a batch in hand is finished first.
    ///
    /// # Errors
    /// The token is not valid.
    pub async fn run(mut self, stop: Stop) -> Result<(), Unauthorized> {
        loop {
            let poll = self.poll(POLL_SECONDS);
            let polled = tokio::select! {
                biased;
                _ = stop.clone() => break,
                polled = self.api.call_within::<_, Vec<Value>>(time_limit(&poll), &poll) => polled,
            };
            let pause = match polled {
                Ok(updates) => {
                    (self.troubles, self.conflicts) = (0, 0);
                    self.run_batch(updates).await
                }
                Err(ApiError::Unauthorized) => return Err(Unauthorized),
                Err(error) => Some(self.after_trouble(&error).await),
            };
            if let Some(pause) = pause {
                tokio::select! {
                    _ = stop.clone() => break,
                    () = sleep(pause) => {}
                }
            }
        }
        self.finish().await;
        Ok(())
    }

    fn poll(&self, timeout: u32) -> Poll {
        Poll {
            offset: self.offset.map(|UpdateId(id)| id),
            limit: BATCH,
            timeout,
            allowed_updates: [
                AllowedUpdate::Message,
                AllowedUpdate::EditedMessage,
                AllowedUpdate::CallbackQuery,
            ],
        }
    }

    /// Gives a batch its effects, and says how long to wait before the next.
    async fn run_batch(&mut self, updates: Vec<Value>) -> Option<Duration> {
        while self.presses.try_join_next().is_some() {}
        if updates.is_empty() {
            // Telegram has heard the offset.
            self.offset = None;
            return None;
        }
        let ids = updates.iter().filter_map(incoming::update_id);
        let Some(UpdateId(last)) = ids.max() else {
            tracing::error!(
                count = updates.len(),
                "updates without an id; nothing can be done with them"
            );
            return Some(LONGEST_PAUSE);
        };
        let failed = self.handle_all(updates).await;
        let next = UpdateId(last.saturating_add(1));
        self.offset = failed.keys().min().copied().or(Some(next));
        self.after_failures(failed)
    }

    /// Remembers what failed, and how long to wait before it is tried again.
    fn after_failures(&mut self, failed: HashMap<UpdateId, Fault>) -> Option<Duration> {
        if failed.is_empty() {
            if self.failed_batches > 0 {
                // A commit may have succeeded without saying so; its rows were handed to nobody.
                self.outbox.reload();
            }
            self.failures.clear();
            self.failed_batches = 0;
            return None;
        }
        self.failed_batches += 1;
        let is_store_well = self.assistant.store().health().is_ok();
        for (update, fault) in failed {
            report(update, &fault);
            // As long as the store is unwell, it is not the update's fault.
            *self.failures.entry(update).or_default() += u32::from(is_store_well);
        }
        Some(growing_pause(self.failed_batches, LONGEST_PAUSE))
    }

    /// Runs all chats side by side, each in order; returns what failed.
    async fn handle_all(&mut self, updates: Vec<Value>) -> HashMap<UpdateId, Fault> {
        let mut chats: HashMap<ChatId, Vec<Incoming>> = HashMap::new();
        let mut albums = HashSet::new();
        for update in &updates {
            match self.accept(update) {
                Some(incoming) if !repeats_album(&incoming, &mut albums) => {
                    chats.entry(incoming.chat).or_default().push(incoming);
                }
                _ => {}
            }
        }
        drop(updates);
        let mut running = JoinSet::new();
        for updates in chats.into_values() {
            let (assistant, outbox) = (self.assistant.clone(), self.outbox.clone());
            running.spawn(handle_chat(assistant, outbox, self.clock.clone(), updates));
        }
        let mut failed = HashMap::new();
        while let Some(chat) = running.join_next().await {
            // Panics are caught inside; a task is never aborted.
            failed.extend(chat.unwrap_or_default());
        }
        failed
    }

    /// An update to be handled; a press is acknowledged at once. One of a button that is another's has no other effect.
    fn accept(&mut self, update: &Value) -> Option<Incoming> {
        let id = incoming::update_id(update)?;
        if self
            .failures
            .get(&id)
            .is_some_and(|failures| *failures >= MAX_FAILURES)
        {
            tracing::error!(
                update = id.0,
                "an update failed {MAX_FAILURES} times and is passed over"
            );
            return None;
        }
        let mut incoming = incoming::read(update, &self.me)?;
        let alert = is_anothers(&incoming.event).then(|| self.not_yours(&incoming.event));
        let has_effect = alert.is_none();
        if let Some(query) = incoming.callback.take() {
            let api = self.api.clone();
            self.presses
                .spawn(async move { api.answer_press(query, alert).await });
        }
        has_effect.then_some(incoming)
    }

    /// What somebody is told who pressed another's button, in the language of their app: nobody else sees it.
    fn not_yours(&self, event: &Event) -> String {
        let lines = &self.assistant.base().lines;
        let spoken = lines.languages();
        let language = event.app_language.filter(|own| spoken.contains(own));
        lines.label(language.unwrap_or(Language::EN), "not-yours", &[])
    }

    /// Does what can be done about a poll that failed, and says how long to wait.
    async fn after_trouble(&mut self, error: &ApiError) -> Duration {
        self.troubles += 1;
        let pause = growing_pause(self.troubles, LONGEST_PAUSE);
        match error {
            ApiError::Refused {
                code: 409,
                description,
            } if description.contains("webhook") => {
                tracing::warn!("a webhook is set for this bot; it is removed, since we poll");
                if let Err(error) = self.api.remove_webhook().await {
                    tracing::warn!(%error, "the webhook could not be removed");
                }
                pause
            }
            ApiError::Refused { code: 409, .. } => {
                self.conflicts += 1;
                if self.conflicts % CONFLICTS_A_LINE == 1 {
                    tracing::error!(
                        "another copy of this bot is polling Telegram, and only one can; stop the other one, or give each its own token"
                    );
                }
                CONFLICT_PAUSE
            }
            ApiError::TooManyRequests(asked) => {
                tracing::warn!(%error, "no updates for now");
                *asked
            }
            _ => {
                tracing::warn!(%error, "no updates for now");
                pause
            }
        }
    }

    /// Confirms what is done, and lets the last presses be acknowledged.
    async fn finish(mut self) {
        let last = async {
            if self.offset.is_some() {
                let poll = Poll {
                    limit: 1,
                    ..self.poll(0)
                };
                let _: Result<Vec<Value>, ApiError> = self.api.call(&poll).await;
            }
            while self.presses.join_next().await.is_some() {}
        };
        let _ = tokio::time::timeout(LAST_CONFIRMATION, last).await;
    }
}

fn is_anothers(event: &Event) -> bool {
    matches!(&event.input, Input::Press { press: Some(press), .. } if press.is_anothers(event.from))
}

/// Whether it is one more picture of an album that was heard already; ten pictures do not want ten answers.
fn repeats_album(incoming: &Incoming, heard: &mut HashSet<(ChatId, String)>) -> bool {
    let Some(album) = incoming.album.clone() else {
        return false;
    };
    let is_first = heard.insert((incoming.chat, album));
    !is_first && matches!(incoming.event.input, Input::Attachment(_))
}

fn time_limit(poll: &Poll) -> Duration {
    Duration::from_secs(poll.timeout.into()) + POLL_MARGIN
}

/// Gives a chat's updates their effects, one after another. Where one fails, those behind it wait.
async fn handle_chat(
    assistant: Arc<Assistant>,
    outbox: Outbox,
    clock: Clock,
    updates: Vec<Incoming>,
) -> HashMap<UpdateId, Fault> {
    for Incoming {
        chat,
        update,
        event,
        ..
    } in updates
    {
        let begun = Instant::now();
        let handling = assistant.handle(chat, Some(update), &event, clock());
        let fault = match AssertUnwindSafe(handling).catch_unwind().await {
            Ok(Ok(rows)) => {
                tracing::debug!(update = update.0, %chat, rows = rows.len(), took = ?begun.elapsed(), "handled");
                outbox.send(rows);
                continue;
            }
            Ok(Err(error)) => Fault::Store(error),
            Err(_) => Fault::Panicked,
        };
        return HashMap::from([(update, fault)]);
    }
    HashMap::new()
}

fn report(update: UpdateId, fault: &Fault) {
    match fault {
        Fault::Store(error) => {
            tracing::error!(update = update.0, %error, "an update was not committed; it stays at Telegram and is tried again");
        }
        Fault::Panicked => {
            tracing::error!(
                update = update.0,
                "an update panicked outside its turn; it stays at Telegram and is tried again"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    };

    use async_trait::async_trait;
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::{
        dialogue::Base,
        knowledge::Knowledge,
        store::{Commit, Item, Mark, OutboxRow, Store, Versioned, memory::MemoryStore},
        telegram::{courier::Courier, limits::Rates, outbox::Sender},
    };

    const ANN: ChatId = ChatId(1);
    const BEN: ChatId = ChatId(2);

    /// A store that panics, or refuses, whenever something of Ann's is to be kept.
    #[derive(Default)]
    struct AgainstAnn {
        inner: MemoryStore,
        panics: bool,
        unwell: AtomicBool,
        kept: Mutex<Vec<ChatId>>,
    }

    #[async_trait]
    impl Store for AgainstAnn {
        fn load(&self, chat: ChatId) -> Result<Versioned, StoreError> {
            self.inner.load(chat)
        }
        async fn commit(&self, commit: Commit) -> Result<Vec<OutboxRow>, StoreError> {
            let chat = commit.chat;
            if chat == ANN {
                assert!(!self.panics, "on purpose");
                return Err(StoreError::Damaged("Ann's record".into()));
            }
            let rows = self.inner.commit(commit).await?;
            self.kept.lock().unwrap().push(chat);
            Ok(rows)
        }
        fn outbox(&self) -> Result<Vec<OutboxRow>, StoreError> {
            self.inner.outbox()
        }
        async fn mark(&self, marks: Vec<Mark>) -> Result<(), StoreError> {
            self.inner.mark(marks).await
        }
        fn scan(&self) -> Box<dyn Iterator<Item = Result<Item, StoreError>> + '_> {
            self.inner.scan()
        }
        async fn restore(&self, items: Vec<Item>) -> Result<(), StoreError> {
            self.inner.restore(items).await
        }
        fn health(&self) -> Result<(), StoreError> {
            match self.unwell.load(Ordering::Relaxed) {
                true => Err(StoreError::Unavailable("no room".into())),
                false => Ok(()),
            }
        }
        async fn close(&self) -> Result<(), StoreError> {
            self.inner.close().await
        }
    }

    /// A poller that never polls: batches are given to it.
    fn poller(store: Arc<AgainstAnn>) -> Poller {
        let nowhere = "http://127.0.0.1:1".parse().unwrap();
        let api = Api::new("1:x", nowhere).unwrap();
        let clock: Clock = Arc::new(|| Timestamp::UNIX_EPOCH);
        let rates = Rates {
            overall: 0,
            per_chat: 0,
        };
        let assistant = Assistant::new(Base::new(Knowledge::default()), store.clone());
        let assistant = Arc::new(assistant);
        let courier = Courier::new(api.clone(), assistant.clone(), clock.clone());
        let (_, outbox) = Sender::new(courier, store, clock.clone(), "bot", rates).unwrap();
        Poller::new(api, Arc::default(), assistant, outbox, clock)
    }

    fn said(update: u32, chat: ChatId, fields: Value) -> Value {
        let mut message =
            json!({"message_id": 1, "date": 0, "chat": {"id": chat.0, "type": "private"}});
        let fields = fields.as_object().unwrap().clone();
        message.as_object_mut().unwrap().extend(fields);
        json!({"update_id": update, "message": message})
    }

    fn hello_of_both() -> Vec<Value> {
        let hello = json!({"text": "hello"});
        vec![said(5, ANN, hello.clone()), said(6, BEN, hello)]
    }

    #[tokio::test]
    async fn a_poisoned_update_is_tried_again_and_then_passed_over_and_others_notice_nothing() {
        for panics in [true, false] {
            let store = Arc::new(AgainstAnn {
                panics,
                ..AgainstAnn::default()
            });
            let mut poller = poller(store.clone());
            for _ in 0..MAX_FAILURES {
                assert!(poller.run_batch(hello_of_both()).await.is_some());
                assert_eq!(poller.offset, Some(UpdateId(5)));
            }
            assert_eq!(poller.run_batch(hello_of_both()).await, None);
            assert_eq!(poller.offset, Some(UpdateId(7)));
            assert_eq!(*store.kept.lock().unwrap(), [BEN]);
        }
    }

    #[tokio::test]
    async fn while_the_store_is_unwell_no_update_is_given_up() {
        let store = Arc::new(AgainstAnn::default());
        store.unwell.store(true, Ordering::Relaxed);
        let mut poller = poller(store);
        let mut last = Duration::ZERO;
        for _ in 0..10 * MAX_FAILURES {
            let pause = poller.run_batch(hello_of_both()).await.unwrap();
            assert!(pause >= last && pause <= LONGEST_PAUSE);
            assert_eq!(poller.offset, Some(UpdateId(5)));
            last = pause;
        }
    }

    #[tokio::test]
    async fn an_album_is_heard_once_and_its_caption_is_heard_too() {
        let store = Arc::new(AgainstAnn::default());
        let mut poller = poller(store.clone());
        let picture = json!({"photo": [], "media_group_id": "9"});
        let captioned = json!({"photo": [], "media_group_id": "9", "caption": "what is this?"});
        let other = json!({"photo": [], "media_group_id": "10"});
        let said = |(update, fields): (u32, &Value)| said(update, BEN, fields.clone());
        let batch = (1..)
            .zip([&picture, &picture, &captioned, &picture, &other])
            .map(said);
        assert_eq!(poller.run_batch(batch.collect()).await, None);
        assert_eq!(store.kept.lock().unwrap().len(), 3);
    }

    /// Somebody presses a button of the group; its data says whose it is.
    fn pressed(update: u32, by: u64, data: &str, app_language: &str) -> Value {
        let from = json!({"id": by, "is_bot": false, "language_code": app_language});
        let message = json!({"message_id": 5, "chat": {"id": -9, "type": "supergroup"}});
        json!({"update_id": update, "callback_query": {
            "id": "q", "from": from, "message": message, "data": data,
        }})
    }

    #[tokio::test]
    async fn a_press_of_anothers_button_is_confirmed_and_has_no_effect() {
        let store = Arc::new(AgainstAnn::default());
        let mut poller = poller(store.clone());
        // The button is of the user 7.
        let theirs = pressed(8, 11, "0~7.help", "en");
        assert_eq!(poller.run_batch(vec![theirs]).await, None);
        assert_eq!(poller.poll(1).offset, Some(9));
        assert_eq!(*store.kept.lock().unwrap(), []);
        for own in [
            pressed(9, 7, "0~7.help", "en"),
            pressed(10, 11, "0.help", "en"),
        ] {
            assert_eq!(poller.run_batch(vec![own]).await, None);
        }
        assert_eq!(*store.kept.lock().unwrap(), [ChatId(-9), ChatId(-9)]);
    }

    #[tokio::test]
    async fn whoever_presses_anothers_button_is_told_so_in_the_language_of_their_app() {
        let poller = poller(Arc::default());
        let told = |app_language: &str| {
            let update = pressed(8, 11, "0~7.help", app_language);
            poller.not_yours(&incoming::read(&update, &poller.me).unwrap().event)
        };
        let lines = &poller.assistant.base().lines;
        let line = |language| lines.label(language, "not-yours", &[]);
        assert_eq!(told("zh-hans"), line(Language::ZH));
        for other in ["en", "fr", "", "x"] {
            assert_eq!(told(other), line(Language::EN));
        }
    }

    #[tokio::test]
    async fn the_offset_is_dropped_once_telegram_has_heard_it() {
        let mut poller = poller(Arc::default());
        poller
            .run_batch(vec![said(8, BEN, json!({"text": "hello"}))])
            .await;
        assert_eq!(poller.poll(1).offset, Some(9));
        let high = said(u32::MAX - 1, BEN, json!({"text": "hello"}));
        poller.run_batch(vec![high]).await;
        assert_eq!(poller.poll(1).offset, Some(u32::MAX));
        poller.run_batch(Vec::new()).await;
        assert_eq!(poller.poll(1).offset, None);
    }
}
