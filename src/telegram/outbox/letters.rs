//! Keeps dead letters of replies that were given up, one after another; a write that fails is repeated. The row of a
//! reply leaves the store only after its dead letter is in it.

use std::{
    collections::{HashSet, VecDeque},
    time::Duration,
};

use futures::{FutureExt, future::BoxFuture};
use tokio::time::{Instant, timeout};

use super::deliver::Deliver;
use crate::{
    dialogue::{ChatId, DeadLetter},
    panics,
    store::{RowId, StoreError},
    telegram::gcra::Moment,
};

const LETTER_RETRY_DELAY: Duration = Duration::from_secs(1);
/// How long the last writes may take at shutdown; rows whose letters are not written are sent again at the next start.
const FINAL_LETTERS_TIMEOUT: Duration = Duration::from_millis(300);

/// A dead letter that is to be written.
#[derive(Debug, Clone)]
pub(super) struct Letter {
    /// The record that wrote the reply.
    pub(super) record: ChatId,
    /// The row that ends with it; `None` if other parts of the row are still sent.
    pub(super) ended: Option<RowId>,
    pub(super) letter: DeadLetter,
}

/// Dead letters that are not written yet.
#[derive(Default)]
pub(super) struct Letters {
    waiting: VecDeque<Letter>,
    in_flight: Option<BoxFuture<'static, (Letter, bool)>>,
    /// After a failed write: when to write again.
    not_before: Option<Instant>,
    ended: HashSet<RowId>,
}

impl Letters {
    pub(super) fn push(&mut self, letter: Letter) {
        self.ended.extend(letter.ended);
        self.waiting.push_back(letter);
    }

    /// Whether a row was given up while the store still contains it.
    pub(super) fn has_ended(&self, row: &RowId) -> bool {
        self.ended.contains(row)
    }

    /// Starts the next write if one is due.
    pub(super) fn start<D: Deliver>(&mut self, deliver: &D, now: Instant) {
        let is_early = self.not_before.is_some_and(|at| now < at);
        if self.is_in_flight() || is_early {
            return;
        }
        self.not_before = None;
        let Some(letter) = self.waiting.pop_front() else {
            return;
        };
        self.in_flight = Some(write(deliver.clone(), letter).boxed());
    }

    pub(super) fn is_in_flight(&self) -> bool {
        self.in_flight.is_some()
    }

    /// When the next write is due, if it is not at once.
    pub(super) fn due_at(&self) -> Option<Instant> {
        self.not_before
    }

    /// Waits for the write in flight; returns the row that is done with it. Cancelling the wait loses nothing.
    pub(super) async fn wait_written(&mut self) -> Option<RowId> {
        let (letter, is_written) = self.in_flight.as_mut()?.await;
        self.in_flight = None;
        if !is_written {
            self.waiting.push_front(letter);
            self.not_before = Some(Instant::now().plus(LETTER_RETRY_DELAY));
            return None;
        }
        let row = letter.ended?;
        self.ended.remove(&row);
        Some(row)
    }

    /// Writes the rest at shutdown, within [`FINAL_LETTERS_TIMEOUT`]; returns the rows that are done.
    pub(super) async fn finish<D: Deliver>(mut self, deliver: &D) -> Vec<RowId> {
        let mut rows = Vec::new();
        let last = async {
            while self.not_before.is_none() {
                self.start(deliver, Instant::now());
                if !self.is_in_flight() {
                    break;
                }
                rows.extend(self.wait_written().await);
            }
        };
        // What is left stays in the store as rows.
        let _ = timeout(FINAL_LETTERS_TIMEOUT, last).await;
        rows
    }
}

/// Writes a dead letter; returns it, and whether it is in the store.
async fn write<D: Deliver>(deliver: D, letter: Letter) -> (Letter, bool) {
    let (record, dead) = (letter.record, letter.letter.clone());
    let keeping = panics::catch_async(deliver.keep_letter(record, dead)).await;
    let kept: Result<(), StoreError> = match keeping {
        Ok(kept) => kept,
        Err(_) => {
            tracing::error!(chat = %record, "keeping a dead letter panicked; it is not kept");
            return (letter, true);
        }
    };
    if let Err(error) = &kept {
        tracing::error!(chat = %record, %error, "a dead letter could not be kept; retrying");
    }
    (letter, kept.is_ok())
}
