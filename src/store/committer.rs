//! Group commit: one thread takes the waiting commits, writes them as one durable batch, and answers the callers.
//!
//! A disk takes as long for sixty commits as for one, so commits that arrive during a write share the next one. When many
//! arrive, the next batch waits a moment for more (PostgreSQL's `commit_siblings` and `commit_delay`). The [`Engine`]
//! writes the batch and makes it durable. After a write whose result is unknown, nothing is acknowledged until the engine
//! was reopened from what is on disk; after a full disk, that is once there is room.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc as sync_mpsc},
    thread,
    time::{Duration, Instant},
};

use tokio::sync::{mpsc, oneshot};

use super::StoreError;
use crate::panics;

/// Length of the queue: twice a full batch. When it is full, callers wait.
const QUEUE: usize = 1024;
/// The most commits in one batch, so that the first in it does not wait too long.
const MAX_BATCH: usize = 512;
/// From this many commits in the batch before on, the next batch waits [`COMMIT_DELAY`] for more.
const COMMIT_SIBLINGS_MIN: usize = 8;
/// From this many commits in the batch before on, waiting for more no longer pays.
const COMMIT_SIBLINGS_MAX: usize = 64;
/// How long a batch waits for more commits. Each batch wakes a dozen threads, which is expensive: with 200 chats asking at
/// once, a sixth more are answered with fewer batches. A few writers that wait for nothing else pay for it: eight commit
/// half as often.
const COMMIT_DELAY: Duration = Duration::from_millis(1);
/// A commit that takes longer fails: the disk is broken.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(30);
/// How long closing may take. A shutdown has 8 seconds for everything; what closing leaves undone is done at the next start.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(6);

/// From this time for one batch on, the operator is warned. Milliseconds are usual, on a slow disk a tenth of a second.
const SLOW_BATCH: Duration = Duration::from_secs(1);

/// Time between two attempts to reopen the engine after a failure.
const REOPEN_INTERVAL: Duration = Duration::from_secs(1);
/// Time between two checks of the queue meanwhile.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The result of one piece of work.
pub(super) type CommitResult = Result<(), StoreError>;

/// Writes batches.
pub(super) trait Engine: Send + 'static {
    /// A piece of work: done as a whole, or not at all.
    type Work: Send + 'static;

    /// Writes the batch in order and makes it durable; returns an outcome for each piece.
    ///
    /// # Errors
    /// When it is not certain that the batch is on disk.
    fn write(&mut self, batch: Vec<Self::Work>) -> Result<Vec<CommitResult>, StoreError>;

    /// Reopens the files after a failed write; every acknowledged commit is in them.
    ///
    /// # Errors
    /// When that is not possible yet.
    fn reopen(&mut self) -> CommitResult;

    /// Closes the files; `intact` says that no write failed.
    fn close(self, intact: bool) -> CommitResult;
}

enum Message<W> {
    Write(W, Answer),
    Close(Answer),
}

type Answer = oneshot::Sender<CommitResult>;

struct Batch<W> {
    work: Vec<(W, Answer)>,
    /// A request to close that came after the work.
    close: Option<Answer>,
}

/// Hands work to the thread that writes.
pub(super) struct Committer<W> {
    /// `None` only while being dropped.
    queue: Option<mpsc::Sender<Message<W>>>,
    failure: SharedFailure,
    ended: Mutex<sync_mpsc::Receiver<()>>,
}

/// Why the store takes no work; `None` while it does.
#[derive(Clone, Default)]
struct SharedFailure(Arc<Mutex<Option<String>>>);

impl SharedFailure {
    fn reason(&self) -> MutexGuard<'_, Option<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check(&self) -> CommitResult {
        match &*self.reason() {
            Some(reason) => Err(StoreError::Unavailable(reason.clone())),
            None => Ok(()),
        }
    }

    fn set(&self, why: impl ToString) {
        let mut reason = self.reason();
        if reason.is_none() {
            let why = why.to_string();
            tracing::error!(
                reason = why,
                "the store takes no updates until the disk works again"
            );
            *reason = Some(why);
        }
    }

    fn clear(&self) {
        *self.reason() = None;
        tracing::warn!("the store takes updates again");
    }
}

impl<W: Send + 'static> Committer<W> {
    /// Starts the thread.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the system gives no thread.
    pub(super) fn start(engine: impl Engine<Work = W>) -> Result<Self, StoreError> {
        Self::start_with(engine, COMMIT_DELAY)
    }

    fn start_with(
        engine: impl Engine<Work = W>,
        commit_delay: Duration,
    ) -> Result<Self, StoreError> {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let (end, ended) = sync_mpsc::channel();
        let failure = SharedFailure::default();
        let worker = Worker {
            waiting,
            failure: failure.clone(),
            commit_delay,
        };
        let run = move || {
            worker.run(engine);
            // Received only while the store is being dropped.
            let _ = end.send(());
        };
        let thread = thread::Builder::new().name("store-committer".to_owned());
        thread.spawn(run).map_err(|error| {
            StoreError::Unavailable(format!("cannot start the thread that writes: {error}"))
        })?;
        Ok(Self {
            queue: Some(queue),
            failure,
            ended: Mutex::new(ended),
        })
    }

    /// Queues `work`; it is durable when this returns `Ok`.
    pub(super) async fn submit(&self, work: W) -> CommitResult {
        self.failure.check()?;
        self.send(|answer| Message::Write(work, answer), COMMIT_TIMEOUT)
            .await
    }

    /// Stops after the work that is waiting.
    pub(super) async fn close(&self) -> CommitResult {
        self.send(Message::Close, CLOSE_TIMEOUT).await
    }

    /// Whether work is taken.
    pub(super) fn health(&self) -> CommitResult {
        self.failure.check()?;
        match &self.queue {
            Some(queue) if !queue.is_closed() => Ok(()),
            _ => Err(StoreError::closed()),
        }
    }

    /// Queues a message and waits for its outcome.
    async fn send(
        &self,
        message: impl FnOnce(Answer) -> Message<W>,
        timeout: Duration,
    ) -> CommitResult {
        let queue = self.queue.as_ref().ok_or_else(StoreError::closed)?;
        let (answer, answered) = oneshot::channel();
        let outcome = async {
            let sent = queue.send(message(answer)).await;
            sent.map_err(|_| StoreError::closed())?;
            answered.await.unwrap_or_else(|_| Err(StoreError::closed()))
        };
        tokio::time::timeout(timeout, outcome)
            .await
            .unwrap_or_else(|_| {
                let seconds = timeout.as_secs();
                self.failure
                    .set(format!("the disk did not answer for {seconds} seconds"));
                self.failure.check()
            })
    }
}

/// A store that is dropped without `close` is closed as well; this waits for it, so that its folder is unlocked afterwards.
impl<W> Drop for Committer<W> {
    fn drop(&mut self) {
        self.queue = None;
        let lock = self.ended.get_mut();
        let ended = lock.unwrap_or_else(PoisonError::into_inner);
        let _ = ended.recv_timeout(CLOSE_TIMEOUT);
    }
}

/// How the wait for the engine to be reopened ended.
enum Reopened {
    Yes,
    /// The store is to be closed; `None` when it was dropped.
    Closed(Option<Answer>),
}

/// The thread that writes.
struct Worker<W> {
    waiting: mpsc::Receiver<Message<W>>,
    failure: SharedFailure,
    /// [`COMMIT_DELAY`], except in tests.
    commit_delay: Duration,
}

impl<W> Worker<W> {
    fn run<E: Engine<Work = W>>(mut self, mut engine: E) {
        let mut siblings = 0;
        let close = loop {
            let Some(first) = self.waiting.blocking_recv() else {
                break None;
            };
            if (COMMIT_SIBLINGS_MIN..COMMIT_SIBLINGS_MAX).contains(&siblings) {
                thread::sleep(self.commit_delay);
            }
            let batch = self.next_batch(first);
            siblings = batch.work.len();
            self.write(&mut engine, batch.work);
            if batch.close.is_some() {
                break batch.close;
            }
            if self.failure.check().is_err() {
                match self.reopen(&mut engine) {
                    Reopened::Yes => {}
                    Reopened::Closed(close) => break close,
                }
            }
        };
        self.waiting.close();
        let closed = engine.close(self.failure.check().is_ok());
        if let Some(answer) = close {
            let _ = answer.send(closed);
        }
    }

    /// Reopens the engine as soon as possible; work that arrives meanwhile is answered with the failure.
    fn reopen<E: Engine<Work = W>>(&mut self, engine: &mut E) -> Reopened {
        let mut tried = Instant::now();
        loop {
            match self.waiting.try_recv() {
                Ok(Message::Write(_, answer)) => drop(answer.send(self.failure.check())),
                Ok(Message::Close(answer)) => return Reopened::Closed(Some(answer)),
                Err(mpsc::error::TryRecvError::Disconnected) => return Reopened::Closed(None),
                Err(mpsc::error::TryRecvError::Empty) => thread::sleep(POLL_INTERVAL),
            }
            if tried.elapsed() < REOPEN_INTERVAL {
                continue;
            }
            let reopened = panics::catch(|| engine.reopen());
            if matches!(reopened, Ok(Ok(()))) {
                self.failure.clear();
                return Reopened::Yes;
            }
            tried = Instant::now();
        }
    }

    /// What is waiting now, up to a full batch or a request to close.
    fn next_batch(&mut self, first: Message<W>) -> Batch<W> {
        let mut work = Vec::new();
        let mut next = Some(first);
        while let Some(message) = next {
            match message {
                Message::Write(piece, answer) => work.push((piece, answer)),
                Message::Close(answer) => {
                    return Batch {
                        work,
                        close: Some(answer),
                    };
                }
            }
            if work.len() == MAX_BATCH {
                break;
            }
            next = self.waiting.try_recv().ok();
        }
        Batch { work, close: None }
    }

    fn write<E: Engine<Work = W>>(&self, engine: &mut E, work: Vec<(W, Answer)>) {
        if work.is_empty() {
            return;
        }
        let (batch, answers): (Vec<_>, Vec<_>) = work.into_iter().unzip();
        let pieces = batch.len();
        let began = Instant::now();
        let written = self.failure.check().and_then(|()| {
            // A panic of the engine must not end the bot.
            panics::catch(|| engine.write(batch))
                .unwrap_or_else(|_| Err(StoreError::Unavailable("the engine panicked".to_owned())))
        });
        warn_if_slow(pieces, began.elapsed());
        match written {
            Ok(outcomes) => {
                for (answer, outcome) in answers.into_iter().zip(outcomes) {
                    // The caller may no longer wait.
                    let _ = answer.send(outcome);
                }
            }
            Err(error) => {
                self.failure.set(reason(error));
                for answer in answers {
                    let _ = answer.send(self.failure.check());
                }
            }
        }
    }
}

fn warn_if_slow(pieces: usize, took: Duration) {
    if took >= SLOW_BATCH {
        tracing::warn!(
            pieces,
            took_ms = took.as_millis(),
            "the disk is slow: all chats waited for it"
        );
    }
}

fn reason(error: StoreError) -> String {
    match error {
        StoreError::Unavailable(reason) => reason,
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Writes nothing; fails or panics at the batches it is told to, counts them all.
    #[derive(Default)]
    struct ScriptedEngine {
        batches: Arc<AtomicUsize>,
        fails_at: Option<usize>,
        panics_at: Option<usize>,
        /// How long a batch takes.
        takes: Duration,
        /// It can be reopened after this many attempts.
        reopens_after: Option<usize>,
    }

    impl Engine for ScriptedEngine {
        type Work = u32;

        fn write(&mut self, batch: Vec<u32>) -> Result<Vec<CommitResult>, StoreError> {
            let number = self.batches.fetch_add(1, Ordering::SeqCst);
            thread::sleep(self.takes);
            assert!(Some(number) != self.panics_at, "a panic the test asked for");
            if Some(number) == self.fails_at {
                return Err(StoreError::Unavailable("no space left".to_owned()));
            }
            Ok(batch.iter().map(|_| Ok(())).collect())
        }

        fn reopen(&mut self) -> CommitResult {
            match &mut self.reopens_after {
                Some(0) => Ok(()),
                Some(tries) => {
                    *tries -= 1;
                    Err(StoreError::Unavailable("still no space".to_owned()))
                }
                None => Err(StoreError::Unavailable("never".to_owned())),
            }
        }

        fn close(self, intact: bool) -> CommitResult {
            let failed = self.fails_at.or(self.panics_at);
            assert_eq!(intact, failed.is_none() || self.reopens_after.is_some());
            Ok(())
        }
    }

    #[tokio::test]
    async fn work_that_arrives_during_a_write_shares_the_next() {
        let batches = Arc::<AtomicUsize>::default();
        let committer = Committer::start(ScriptedEngine {
            batches: batches.clone(),
            takes: Duration::from_millis(5),
            ..ScriptedEngine::default()
        })
        .unwrap();
        let all = (0..100).map(|work| committer.submit(work));
        let outcomes = futures::future::join_all(all).await;
        assert!(outcomes.iter().all(Result::is_ok));
        assert!(batches.load(Ordering::SeqCst) < 10);
    }

    #[tokio::test]
    async fn where_many_come_at_once_a_batch_waits_for_those_a_moment_behind() {
        let batches = Arc::<AtomicUsize>::default();
        let engine = ScriptedEngine {
            batches: batches.clone(),
            takes: Duration::from_millis(50),
            ..ScriptedEngine::default()
        };
        // Long enough for a machine that is busy with other things.
        let committer = Committer::start_with(engine, Duration::from_millis(200)).unwrap();
        let round = async || {
            let before = batches.load(Ordering::SeqCst);
            let all = (0..20).map(|work| committer.submit(work));
            let outcomes = futures::future::join_all(all).await;
            assert!(outcomes.iter().all(Result::is_ok));
            batches.load(Ordering::SeqCst) - before
        };
        round().await;
        assert_eq!(round().await, 1);
        assert_eq!(round().await, 1);
    }

    #[tokio::test]
    async fn a_commit_that_comes_alone_does_not_wait() {
        // Long enough for the test to hang if a lone commit waited for it.
        let committer =
            Committer::start_with(ScriptedEngine::default(), Duration::from_secs(3600)).unwrap();
        for work in 0..10 {
            assert!(committer.submit(work).await.is_ok());
        }
        committer.close().await.unwrap();
    }

    /// What is logged while a batch is written that takes so long.
    fn logged_while_writing(takes: Duration) -> String {
        let log = tempfile::NamedTempFile::new().unwrap();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(Arc::new(log.reopen().unwrap()))
            .finish();
        let worker = Worker {
            waiting: mpsc::channel(1).1,
            failure: SharedFailure::default(),
            commit_delay: COMMIT_DELAY,
        };
        let mut engine = ScriptedEngine {
            takes,
            ..ScriptedEngine::default()
        };
        let (answer, _answered) = oneshot::channel();
        tracing::subscriber::with_default(subscriber, || {
            worker.write(&mut engine, vec![(7, answer)]);
        });
        std::fs::read_to_string(log.path()).unwrap()
    }

    #[test]
    fn the_operator_learns_that_the_disk_is_slow() {
        let log = logged_while_writing(SLOW_BATCH);
        assert!(log.contains("the disk is slow"), "{log}");
        assert!(log.contains("pieces=1"), "{log}");
        assert_eq!(logged_while_writing(Duration::ZERO), "");
    }

    #[tokio::test]
    async fn after_a_failed_write_nothing_more_is_acknowledged() {
        let batches = Arc::<AtomicUsize>::default();
        let committer = Committer::start(ScriptedEngine {
            batches: batches.clone(),
            fails_at: Some(1),
            ..ScriptedEngine::default()
        })
        .unwrap();
        assert!(committer.submit(0).await.is_ok());
        for work in 1..4 {
            let error = committer.submit(work).await.unwrap_err();
            assert!(error.to_string().contains("no space left"), "{error}");
        }
        assert!(committer.health().is_err());
        assert_eq!(
            batches.load(Ordering::SeqCst),
            2,
            "the engine is left alone"
        );
    }

    #[tokio::test]
    async fn once_the_disk_works_again_work_is_taken_again() {
        let committer = Committer::start(ScriptedEngine {
            fails_at: Some(0),
            reopens_after: Some(1),
            ..ScriptedEngine::default()
        })
        .unwrap();
        assert!(committer.submit(0).await.is_err());
        assert!(committer.submit(1).await.is_err(), "not yet");
        let reopened = async {
            while committer.health().is_err() {
                tokio::time::sleep(POLL_INTERVAL).await;
            }
        };
        let waited = tokio::time::timeout(COMMIT_TIMEOUT, reopened).await;
        assert!(waited.is_ok(), "it is never tried again");
        assert!(committer.submit(2).await.is_ok());
        committer.close().await.unwrap();
    }

    #[tokio::test]
    async fn a_panic_of_the_engine_is_an_error_for_those_who_wait() {
        let committer = Committer::start(ScriptedEngine {
            panics_at: Some(0),
            ..ScriptedEngine::default()
        })
        .unwrap();
        assert!(matches!(
            committer.submit(0).await,
            Err(StoreError::Unavailable(_))
        ));
        assert!(committer.close().await.is_ok());
    }

    #[tokio::test]
    async fn once_closed_everything_is_refused() {
        let committer = Committer::start(ScriptedEngine::default()).unwrap();
        committer.close().await.unwrap();
        assert!(committer.submit(0).await.is_err());
        assert!(committer.health().is_err());
    }
}
