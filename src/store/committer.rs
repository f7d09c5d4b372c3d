//! Group commit: one thread takes what is waiting, has it written as one durable batch, and wakes those who wait.
//!
//! A disk needs as long for sixty commits as for one, so whatever arrives during a write shares the next one; and where
//! many arrive, the next one waits a moment for more of them (PostgreSQL's `commit_siblings` and `commit_delay`). What is
//! written, and how it is made durable, is the [`Engine`]'s. After a write whose outcome is unknown nothing more is
//! acknowledged until the engine has begun anew from what is on disk: on a disk that was full, once there is room.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc as sync_mpsc},
    thread,
    time::{Duration, Instant},
};

use tokio::sync::{mpsc, oneshot};

use super::StoreError;

/// Waiting work; beyond it, who commits waits before queueing. Many times what one batch takes.
const QUEUE: usize = 1024;
/// The most one batch takes, so that the first in it does not wait for ever.
const MAX_BATCH: usize = 512;
/// So many in one batch say that many come at once: those a moment behind are worth waiting for.
const CROWD: usize = 8;
/// So many in one batch, and it hardly matters any more what one batch costs.
const ENOUGH: usize = 64;
/// The moment. A batch wakes a dozen threads, which is dear: of 200 chats asking at once, a sixth more are answered with
/// fewer of them. A few writers that wait for nothing else pay for it: eight commit half as often.
const GATHERING: Duration = Duration::from_millis(1);
/// A disk that is slower than this is broken; nobody waits for ever on it.
const PATIENCE: Duration = Duration::from_secs(30);
/// A stop may take 8 seconds as a whole; what closing leaves undone is done at the next start.
const CLOSING: Duration = Duration::from_secs(6);

/// A batch takes milliseconds, on a slow disk a tenth of a second. From here on people notice, and the operator should know.
const SLOW: Duration = Duration::from_secs(1);

/// After a failure, it is looked so often whether the disk is well again.
const MEND_EVERY: Duration = Duration::from_secs(1);
/// Between two looks for a wish to close meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What became of one piece of work.
pub(super) type Outcome = Result<(), StoreError>;

/// What writes a batch.
pub(super) trait Engine: Send + 'static {
    /// A piece of work: done as a whole, or not at all.
    type Work: Send + 'static;

    /// Does all of the batch, in order, and makes it durable; one outcome each.
    ///
    /// # Errors
    /// When it is not certain that the batch is on disk.
    fn write(&mut self, batch: Vec<Self::Work>) -> Result<Vec<Outcome>, StoreError>;

    /// Begins anew from what is on disk, after a write that failed; what was acknowledged is there.
    ///
    /// # Errors
    /// That is not possible yet.
    fn mend(&mut self) -> Outcome;

    /// Lets go of everything; `intact` says that no write failed.
    fn close(self, intact: bool) -> Outcome;
}

enum Message<W> {
    Do(W, oneshot::Sender<Outcome>),
    Close(oneshot::Sender<Outcome>),
}

/// The front of the thread that writes.
pub(super) struct Committer<W> {
    /// `None` only while being dropped.
    queue: Option<mpsc::Sender<Message<W>>>,
    failure: Failure,
    ended: Mutex<sync_mpsc::Receiver<()>>,
}

/// Why nothing is acknowledged at present.
#[derive(Clone, Default)]
struct Failure(Arc<Mutex<Option<String>>>);

impl Failure {
    fn reason(&self) -> MutexGuard<'_, Option<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check(&self) -> Outcome {
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
                "the store takes no updates until the disk is well again"
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
        Self::start_with(engine, GATHERING)
    }

    fn start_with(engine: impl Engine<Work = W>, gathering: Duration) -> Result<Self, StoreError> {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let (end, ended) = sync_mpsc::channel();
        let failure = Failure::default();
        let worker = Worker {
            waiting,
            failure: failure.clone(),
            gathering,
        };
        let run = move || {
            worker.run(engine);
            // Nobody listens unless the store is being dropped.
            let _ = end.send(());
        };
        let thread = thread::Builder::new().name("store-committer".to_owned());
        thread.spawn(run).map_err(|error| {
            StoreError::Unavailable(format!("no thread to write with: {error}"))
        })?;
        Ok(Self {
            queue: Some(queue),
            failure,
            ended: Mutex::new(ended),
        })
    }

    /// Has `work` done; durable when it returns `Ok`.
    pub(super) async fn submit(&self, work: W) -> Outcome {
        self.failure.check()?;
        self.ask(|answer| Message::Do(work, answer), PATIENCE).await
    }

    /// Stops after the work that is waiting.
    pub(super) async fn close(&self) -> Outcome {
        self.ask(Message::Close, CLOSING).await
    }

    /// Whether work is taken.
    pub(super) fn health(&self) -> Outcome {
        self.failure.check()?;
        match &self.queue {
            Some(queue) if !queue.is_closed() => Ok(()),
            _ => Err(StoreError::closed()),
        }
    }

    async fn ask(
        &self,
        message: impl FnOnce(oneshot::Sender<Outcome>) -> Message<W>,
        patience: Duration,
    ) -> Outcome {
        let queue = self.queue.as_ref().ok_or_else(StoreError::closed)?;
        let (answer, answered) = oneshot::channel();
        let asking = async {
            let sent = queue.send(message(answer)).await;
            sent.map_err(|_| StoreError::closed())?;
            answered.await.unwrap_or_else(|_| Err(StoreError::closed()))
        };
        tokio::time::timeout(patience, asking)
            .await
            .unwrap_or_else(|_| {
                let seconds = patience.as_secs();
                self.failure
                    .set(format!("the disk did not answer for {seconds} seconds"));
                self.failure.check()
            })
    }
}

/// A store that is dropped unclosed closes too; this waits for it, so that its folder is free afterwards.
impl<W> Drop for Committer<W> {
    fn drop(&mut self) {
        self.queue = None;
        let ended = self.ended.get_mut();
        let ended = ended.unwrap_or_else(PoisonError::into_inner);
        let _ = ended.recv_timeout(CLOSING);
    }
}

/// How the wait for a disk that is well again ended.
enum Mended {
    Yes,
    /// By closing, with whoever asked for that.
    Closed(Option<oneshot::Sender<Outcome>>),
}

/// The thread's side.
struct Worker<W> {
    waiting: mpsc::Receiver<Message<W>>,
    failure: Failure,
    /// How long to wait for more, where many come.
    gathering: Duration,
}

impl<W> Worker<W> {
    fn run<E: Engine<Work = W>>(mut self, mut engine: E) {
        let mut before = 0;
        let asked = loop {
            let Some(first) = self.waiting.blocking_recv() else {
                break None;
            };
            if (CROWD..ENOUGH).contains(&before) {
                thread::sleep(self.gathering);
            }
            let (work, answers, close) = self.take(first);
            before = work.len();
            self.write(&mut engine, work, answers);
            if close.is_some() {
                break close;
            }
            if self.failure.check().is_err() {
                match self.mend(&mut engine) {
                    Mended::Yes => {}
                    Mended::Closed(asked) => break asked,
                }
            }
        };
        self.waiting.close();
        let closed = engine.close(self.failure.check().is_ok());
        match asked {
            Some(answer) => drop(answer.send(closed)),
            None => drop(closed),
        }
    }

    /// Has the engine begin anew, as soon as it can; whoever waits meanwhile is told that it cannot yet.
    fn mend<E: Engine<Work = W>>(&mut self, engine: &mut E) -> Mended {
        let mut tried = Instant::now();
        loop {
            match self.waiting.try_recv() {
                Ok(Message::Do(_, answer)) => drop(answer.send(self.failure.check())),
                Ok(Message::Close(asked)) => return Mended::Closed(Some(asked)),
                Err(mpsc::error::TryRecvError::Disconnected) => return Mended::Closed(None),
                Err(mpsc::error::TryRecvError::Empty) => thread::sleep(LOOK_EVERY),
            }
            if tried.elapsed() < MEND_EVERY {
                continue;
            }
            let mended = catch_unwind(AssertUnwindSafe(|| engine.mend()));
            if matches!(mended, Ok(Ok(()))) {
                self.failure.clear();
                return Mended::Yes;
            }
            tried = Instant::now();
        }
    }

    /// What is waiting now, up to a batch, and the wish to close where it comes.
    #[allow(clippy::type_complexity)]
    fn take(
        &mut self,
        first: Message<W>,
    ) -> (
        Vec<W>,
        Vec<oneshot::Sender<Outcome>>,
        Option<oneshot::Sender<Outcome>>,
    ) {
        let (mut batch, mut answers) = (Vec::new(), Vec::new());
        let mut next = Some(first);
        while let Some(message) = next {
            match message {
                Message::Do(work, answer) => {
                    batch.push(work);
                    answers.push(answer);
                }
                Message::Close(answer) => return (batch, answers, Some(answer)),
            }
            if batch.len() == MAX_BATCH {
                break;
            }
            next = self.waiting.try_recv().ok();
        }
        (batch, answers, None)
    }

    fn write<E: Engine<Work = W>>(
        &self,
        engine: &mut E,
        batch: Vec<W>,
        answers: Vec<oneshot::Sender<Outcome>>,
    ) {
        if batch.is_empty() {
            return;
        }
        let pieces = batch.len();
        let began = Instant::now();
        let written = self.failure.check().and_then(|()| {
            // A panic of the engine must not take the bot with it.
            catch_unwind(AssertUnwindSafe(|| engine.write(batch)))
                .unwrap_or_else(|_| Err(StoreError::Unavailable("the engine panicked".to_owned())))
        });
        warn_if_slow(pieces, began.elapsed());
        match written {
            // Who no longer waits needs no answer.
            Ok(outcomes) => answers
                .into_iter()
                .zip(outcomes)
                .for_each(|(answer, outcome)| {
                    let _ = answer.send(outcome);
                }),
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
    if took >= SLOW {
        tracing::warn!(
            pieces,
            took_ms = took.as_millis(),
            "the disk is slow: everybody waited for it"
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
    struct Script {
        batches: Arc<AtomicUsize>,
        fails_at: Option<usize>,
        panics_at: Option<usize>,
        /// How long a batch takes.
        takes: Duration,
        /// It can begin anew after so many tries.
        mends_after: Option<usize>,
    }

    impl Engine for Script {
        type Work = u32;

        fn write(&mut self, batch: Vec<u32>) -> Result<Vec<Outcome>, StoreError> {
            let number = self.batches.fetch_add(1, Ordering::SeqCst);
            thread::sleep(self.takes);
            assert!(Some(number) != self.panics_at, "a panic the test asked for");
            if Some(number) == self.fails_at {
                return Err(StoreError::Unavailable("no space left".to_owned()));
            }
            Ok(batch.iter().map(|_| Ok(())).collect())
        }

        fn mend(&mut self) -> Outcome {
            match &mut self.mends_after {
                Some(0) => Ok(()),
                Some(tries) => {
                    *tries -= 1;
                    Err(StoreError::Unavailable("still no space".to_owned()))
                }
                None => Err(StoreError::Unavailable("never".to_owned())),
            }
        }

        fn close(self, intact: bool) -> Outcome {
            let failed = self.fails_at.or(self.panics_at);
            assert_eq!(intact, failed.is_none() || self.mends_after.is_some());
            Ok(())
        }
    }

    #[tokio::test]
    async fn work_that_arrives_during_a_write_shares_the_next() {
        let batches = Arc::<AtomicUsize>::default();
        let committer = Committer::start(Script {
            batches: batches.clone(),
            takes: Duration::from_millis(5),
            ..Script::default()
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
        let engine = Script {
            batches: batches.clone(),
            takes: Duration::from_millis(50),
            ..Script::default()
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
    async fn who_comes_alone_waits_for_nobody() {
        // Nobody would wait through this.
        let committer =
            Committer::start_with(Script::default(), Duration::from_secs(3600)).unwrap();
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
            failure: Failure::default(),
            gathering: GATHERING,
        };
        let mut engine = Script {
            takes,
            ..Script::default()
        };
        let (answer, _answered) = oneshot::channel();
        tracing::subscriber::with_default(subscriber, || {
            worker.write(&mut engine, vec![7], vec![answer]);
        });
        std::fs::read_to_string(log.path()).unwrap()
    }

    #[test]
    fn the_operator_learns_that_the_disk_is_slow() {
        let log = logged_while_writing(SLOW);
        assert!(log.contains("the disk is slow"), "{log}");
        assert!(log.contains("pieces=1"), "{log}");
        assert_eq!(logged_while_writing(Duration::ZERO), "");
    }

    #[tokio::test]
    async fn after_a_failed_write_nothing_more_is_acknowledged() {
        let batches = Arc::<AtomicUsize>::default();
        let committer = Committer::start(Script {
            batches: batches.clone(),
            fails_at: Some(1),
            ..Script::default()
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
    async fn once_the_disk_is_well_again_work_is_taken_again() {
        let committer = Committer::start(Script {
            fails_at: Some(0),
            mends_after: Some(1),
            ..Script::default()
        })
        .unwrap();
        assert!(committer.submit(0).await.is_err());
        assert!(committer.submit(1).await.is_err(), "not yet");
        let well = async {
            while committer.health().is_err() {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        let well = tokio::time::timeout(PATIENCE, well).await;
        assert!(well.is_ok(), "it is never tried again");
        assert!(committer.submit(2).await.is_ok());
        committer.close().await.unwrap();
    }

    #[tokio::test]
    async fn a_panic_of_the_engine_is_an_error_for_those_who_wait() {
        let committer = Committer::start(Script {
            panics_at: Some(0),
            ..Script::default()
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
        let committer = Committer::start(Script::default()).unwrap();
        committer.close().await.unwrap();
        assert!(committer.submit(0).await.is_err());
        assert!(committer.health().is_err());
    }
}
