//! Runs the timers for as long as the service runs. When a chat is woken and what it is told is decided by the
//! assistant.

use std::{sync::Arc, thread, time::Duration};

use tokio::{sync::oneshot, time::sleep};

use super::{clock::Clock, outbox::Outbox};
use crate::{
    assistant::{Assistant, wake},
    panics,
};

const PANIC_RETRY_DELAY: Duration = Duration::from_secs(60);

/// Loads the timers from the store and wakes chats when they are due. The replies go to `outbox`.
pub async fn run(assistant: Arc<Assistant>, clock: Clock, outbox: Outbox) {
    load(&assistant).await;
    loop {
        let waking = wake::run(&assistant, || clock(), |rows| outbox.send(rows));
        // It ends only by a panic; chats that are due later must be woken all the same.
        let _ = panics::catch_async(waking).await;
        tracing::error!(
            "the timer task panicked; it restarts after {} s",
            PANIC_RETRY_DELAY.as_secs()
        );
        sleep(PANIC_RETRY_DELAY).await;
    }
}

/// Scans the whole store. Not on a blocking thread of tokio's: the runtime would wait for it at shutdown, and a disk
/// may be slow.
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
        // A thread that panicked has loaded some of the timers.
        Ok(_) => drop(done.await),
        Err(error) => {
            tracing::error!(%error, "the thread that loads the timers could not be started; a chat's timer is set at its next update");
        }
    }
}
