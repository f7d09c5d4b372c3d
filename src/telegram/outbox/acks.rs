//! Tells the store what became of rows, as many at once as there are by then. What it does not note is told again.

use std::{collections::HashSet, sync::Arc, time::Duration};

use futures::{FutureExt, future::BoxFuture};
use jiff::Timestamp;
use tokio::time::{Instant, timeout};

use crate::store::{Mark, RowId, Store, StoreError};

/// What was sent within so long is told at once: each call is a batch of the store's, with a sync of its own, and at 5 ms
/// a seventh fewer of 200 chats are answered. Killed in between, the bot says this much twice.
const ACK_DELAY: Duration = Duration::from_millis(20);
/// Between two attempts to tell the store what was sent.
const ACK_RETRY_DELAY: Duration = Duration::from_secs(1);
/// At the end, the store has this long to note what was sent; what it does not is sent again at the next start.
const FINAL_ACK_TIMEOUT: Duration = Duration::from_millis(500);

/// What the store was told, and whether it noted it.
type Acked = (Vec<Mark>, Result<(), StoreError>);

/// What the store has still to be told.
pub(super) struct Acks {
    store: Arc<dyn Store>,
    waiting: Vec<Mark>,
    in_flight: Option<BoxFuture<'static, Acked>>,
    /// When to tell what is waiting.
    due: Option<Instant>,
    /// Rows that are done, though the store does not know yet.
    unrecorded: HashSet<RowId>,
}

impl Acks {
    /// Nothing to tell yet.
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            waiting: Vec::new(),
            in_flight: None,
            due: None,
            unrecorded: HashSet::new(),
        }
    }

    /// A row is sent, or given up.
    pub(super) fn push_done(&mut self, row: RowId) {
        self.push(Mark::Done(row));
        self.unrecorded.insert(row);
    }

    /// A row waits until then, also across a restart.
    pub(super) fn push_later(&mut self, row: RowId, until: Timestamp) {
        self.push(Mark::Later(row, until));
    }

    fn push(&mut self, mark: Mark) {
        self.waiting.push(mark);
        self.due.get_or_insert_with(|| Instant::now() + ACK_DELAY);
    }

    /// Whether a row is done, though the store may still have it.
    pub(super) fn has_done(&self, row: &RowId) -> bool {
        self.unrecorded.contains(row)
    }

    /// Begins to tell the store what there is to tell.
    pub(super) fn start(&mut self, now: Instant) {
        let is_due = self.due.is_some_and(|at| at <= now);
        if self.is_in_flight() || !is_due {
            return;
        }
        self.due = None;
        let marks = std::mem::take(&mut self.waiting);
        let store = self.store.clone();
        let mark = async move {
            let marked = store.mark(marks.clone()).await;
            (marks, marked)
        };
        self.in_flight = Some(mark.boxed());
    }

    /// Whether the store is being told something.
    pub(super) fn is_in_flight(&self) -> bool {
        self.in_flight.is_some()
    }

    /// When there is something to tell.
    pub(super) fn due_at(&self) -> Option<Instant> {
        self.due.filter(|_| !self.is_in_flight())
    }

    /// Waits until the store has answered. Nothing is lost when the wait is given up.
    pub(super) async fn wait_answer(&mut self) {
        let Some(in_flight) = self.in_flight.as_mut() else {
            return;
        };
        let (marks, result) = in_flight.await;
        self.in_flight = None;
        match result {
            Ok(()) => self.note_marked(&marks),
            Err(error) => {
                tracing::error!(%error, rows = marks.len(), "the store did not note what was sent; tried again");
                self.due = Some(Instant::now() + ACK_RETRY_DELAY);
                self.waiting.splice(0..0, marks);
            }
        }
    }

    fn note_marked(&mut self, marks: &[Mark]) {
        for mark in marks {
            if let Mark::Done(row) = mark {
                self.unrecorded.remove(row);
            }
        }
    }

    /// Tells what is left before the end, as far as the store notes it in time.
    pub(super) async fn finish(mut self) {
        let last = async {
            self.wait_answer().await;
            self.store.mark(std::mem::take(&mut self.waiting)).await
        };
        match timeout(FINAL_ACK_TIMEOUT, last).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the last messages may be sent again"),
            Err(_) => tracing::warn!(
                "the store did not answer at the end; the last messages may be sent again"
            ),
        }
    }
}
