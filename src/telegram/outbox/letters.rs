//! Keeps dead letters about replies that were given up, one after another; a write that fails is repeated. The row of a
//! reply leaves the store only after its dead letter is in it.

use std::{
    collections::{HashSet, VecDeque},
    time::Duration,
};

use futures::{FutureExt, future::BoxFuture};
use tokio::time::{Instant, timeout};

use super::deliver::Deliver;
use crate::{
    assistant::Recipient,
    dialogue::{ChatId, DeadLetter},
    panics,
    store::{OutboxRow, RowId},
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
    /// The person to be told, if there is one who waits for it.
    pub(super) tell: Option<Recipient>,
}

/// A dead letter that is in the store: the row that is done with it, and the rows that tell the person.
pub(super) struct Written {
    pub(super) ended: Option<RowId>,
    pub(super) rows: Vec<OutboxRow>,
}

/// Dead letters that are not written yet.
#[derive(Default)]
pub(super) struct Letters {
    waiting: VecDeque<Letter>,
    in_flight: Option<BoxFuture<'static, (Letter, Option<Vec<OutboxRow>>)>>,
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

    /// Waits for the write in flight; `None` if it failed and is repeated. Cancelling the wait loses nothing.
    pub(super) async fn wait_written(&mut self) -> Option<Written> {
        let (letter, written) = self.in_flight.as_mut()?.await;
        self.in_flight = None;
        let Some(rows) = written else {
            self.waiting.push_front(letter);
            self.not_before = Some(Instant::now().plus(LETTER_RETRY_DELAY));
            return None;
        };
        let ended = letter.ended;
        if let Some(row) = &ended {
            self.ended.remove(row);
        }
        Some(Written { ended, rows })
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
                // The rows that tell the person are sent at the next start.
                let written = self.wait_written().await;
                rows.extend(written.and_then(|written| written.ended));
            }
        };
        // What is left stays in the store as rows.
        let _ = timeout(FINAL_LETTERS_TIMEOUT, last).await;
        rows
    }
}

/// Writes a dead letter; returns it and the rows that tell the person, or none if it is not in the store.
async fn write<D: Deliver>(deliver: D, letter: Letter) -> (Letter, Option<Vec<OutboxRow>>) {
    let (record, dead) = (letter.record, letter.letter.clone());
    let keeping = deliver.keep_letter(record, dead, letter.tell);
    match panics::catch_async(keeping).await {
        Ok(Ok(rows)) => (letter, Some(rows)),
        Ok(Err(error)) => {
            tracing::error!(chat = %record, %error, "a dead letter could not be kept; retrying");
            (letter, None)
        }
        Err(_) => {
            tracing::error!(chat = %record, "keeping a dead letter panicked; it is not kept");
            (letter, Some(Vec::new()))
        }
    }
}
