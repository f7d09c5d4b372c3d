//! Wakes chats that wait for something, for as long as the service runs. When that is, and what they are told, is the
//! assistant's.

use std::{panic::AssertUnwindSafe, sync::Arc, thread, time::Duration};

use futures::FutureExt;
use tokio::{sync::oneshot, time::sleep};

use super::outbox::{Clock, Outbox};
use crate::assistant::{Assistant, alarms};

/// After a fault of ours, chats are woken again no earlier than this.
const AFTER_A_FAULT: Duration = Duration::from_secs(60);

/// Learns from the store who wants to be woken, and wakes them. What they are told goes to `outbox`.
pub async fn run(assistant: Arc<Assistant>, clock: Clock, outbox: Outbox) {
    learn(&assistant).await;
    loop {
        let waking = alarms::run(&assistant, || clock(), |rows| outbox.send(rows));
        // It only ever ends by a panic; those who are woken later must not go without for it.
        let _ = AssertUnwindSafe(waking).catch_unwind().await;
        tracing::error!("waking chats panicked; they are woken again in a moment");
        sleep(AFTER_A_FAULT).await;
    }
}

/// Goes through the whole store. Not on a thread of tokio's: the runtime would wait for that at its end, and a disk may
/// take its time.
async fn learn(assistant: &Arc<Assistant>) {
    let (learned, done) = oneshot::channel();
    let learner = assistant.clone();
    let learn = move || {
        learner.alarms().learn(&**learner.store());
        // Nobody listens any more when the service has ended.
        let _ = learned.send(());
    };
    let thread = thread::Builder::new().name("alarms".to_owned());
    match thread.spawn(learn) {
        // A thread that panicked learned what it could.
        Ok(_) => drop(done.await),
        Err(error) => {
            tracing::error!(%error, "no thread to look for chats to be woken; they are woken once something happens there");
        }
    }
}
