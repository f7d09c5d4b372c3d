//! Writes row states (done, postponed) to the store in batches; failed writes are repeated.

use std::{collections::HashSet, sync::Arc, time::Duration};

use futures::{FutureExt, future::BoxFuture};
use jiff::Timestamp;
use tokio::time::{Instant, timeout};

use crate::store::{Mark, RowId, Store, StoreError};

/// Row states that come within this time are written together: each write is a batch of the store with a sync of its
/// own. If the process is killed in between, the rows of this time are sent twice.
const ACK_DELAY: Duration = Duration::from_millis(20);
const ACK_RETRY_DELAY: Duration = Duration::from_secs(1);
/// How long the last write may take at shutdown; rows whose states are not written are sent again at the next start.
const FINAL_ACK_TIMEOUT: Duration = Duration::from_millis(500);

/// Row states, and whether the store wrote them.
type Acked = (Vec<Mark>, Result<(), StoreError>);

/// Row states that are not written yet.
pub(super) struct Acks {
    store: Arc<dyn Store>,
    waiting: Vec<Mark>,
    in_flight: Option<BoxFuture<'static, Acked>>,
    /// When to write `waiting`.
    due: Option<Instant>,
    /// Rows that are done, but not yet in the store.
    unrecorded: HashSet<RowId>,
}

impl Acks {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            waiting: Vec::new(),
            in_flight: None,
            due: None,
            unrecorded: HashSet::new(),
        }
    }

    /// Notes that a row was sent or given up.
    pub(super) fn push_done(&mut self, row: RowId) {
        self.push(Mark::Done(row));
        self.unrecorded.insert(row);
    }

    /// Notes that a row is postponed, also across a restart.
    pub(super) fn push_later(&mut self, row: RowId, until: Timestamp) {
        self.push(Mark::Later(row, until));
    }

    fn push(&mut self, mark: Mark) {
        self.waiting.push(mark);
        self.due.get_or_insert_with(|| Instant::now() + ACK_DELAY);
    }

    /// Whether a row is done while the store may still contain it.
    pub(super) fn has_done(&self, row: &RowId) -> bool {
        self.unrecorded.contains(row)
    }

    /// Starts a write if one is due.
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

    /// Whether a write is in flight.
    pub(super) fn is_in_flight(&self) -> bool {
        self.in_flight.is_some()
    }

    /// When the next write is due.
    pub(super) fn due_at(&self) -> Option<Instant> {
        self.due.filter(|_| !self.is_in_flight())
    }

    /// Waits for the write in flight. Cancelling the wait loses nothing.
    pub(super) async fn wait_answer(&mut self) {
        let Some(in_flight) = self.in_flight.as_mut() else {
            return;
        };
        let (marks, result) = in_flight.await;
        self.in_flight = None;
        match result {
            Ok(()) => self.note_marked(&marks),
            Err(error) => {
                tracing::error!(%error, rows = marks.len(), "row states could not be stored; retrying");
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

    /// Writes the rest at shutdown, within [`FINAL_ACK_TIMEOUT`].
    pub(super) async fn finish(mut self) {
        let last = async {
            self.wait_answer().await;
            self.store.mark(std::mem::take(&mut self.waiting)).await
        };
        match timeout(FINAL_ACK_TIMEOUT, last).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(%error, "the last row states could not be stored; their messages may be sent again")
            }
            Err(_) => tracing::warn!(
                "the store did not answer before the shutdown timeout; the last messages may be sent again"
            ),
        }
    }
}
