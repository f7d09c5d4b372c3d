//! Wakes chats that wait for something, for as long as the service runs. When that is, and what they are told, is left to
//! the assistant.

use std::{sync::Arc, thread, time::Duration};

use tokio::{sync::oneshot, time::sleep};

use super::{clock::Clock, outbox::Outbox};
use crate::{
    assistant::{Assistant, wake},
    panics,
};

/// After a panic, chats are woken again no earlier than this.
const PANIC_RETRY_DELAY: Duration = Duration::from_secs(60);

/// Reads from the store which chats are to be woken, and wakes them. What they are told goes to `outbox`.
pub async fn run(assistant: Arc<Assistant>, clock: Clock, outbox: Outbox) {
    load(&assistant).await;
    loop {
        let waking = wake::run(&assistant, || clock(), |rows| outbox.send(rows));
        // It only ever ends by a panic; chats that are due later must be woken all the same.
        let _ = panics::catch_async(waking).await;
        tracing::error!("waking chats panicked; they are woken again in a moment");
        sleep(PANIC_RETRY_DELAY).await;
    }
}

/// Goes through the whole store. Not on a thread of tokio's: the runtime would wait for that at its end, and a disk may
/// take its time.
async fn load(assistant: &Arc<Assistant>) {
    let (loaded, done) = oneshot::channel();
    let loader = assistant.clone();
    let load = move || {
        loader.timers().load(&**loader.store());
        // The receiver is gone when the service has ended.
        let _ = loaded.send(());
    };
    let thread = thread::Builder::new().name("timers".to_owned());
    match thread.spawn(load) {
        // A thread that panicked loaded what it could.
        Ok(_) => drop(done.await),
        Err(error) => {
            tracing::error!(%error, "no thread to look for chats to be woken; they are woken once something happens there");
        }
    }
}
