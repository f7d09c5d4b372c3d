//! The engine on disk: three sled trees, changed together by one thread, and made durable by a barrier of our own.
//!
//! ```text
//! records   chat (8 bytes, in order)                       → envelope of the record
//! outbox    chat (8) | version (8) | index (4)             → envelope of the row
//! meta      "totals"                                       → commits, and what the other two contain
//! ```
//! sled's `flush` ends in `sync_file_range`, which is no barrier on Linux (spacejam/sled#1452): acknowledged writes were
//! lost in a power-cut model. So each batch is followed by an `fdatasync` on sled's file. `flush_async` is not used at
//! all (#1412). Who may use the folder and what it must contain is `folder`'s, batching is `committer`'s.

use std::{
    collections::{BTreeMap, VecDeque},
    fs::OpenOptions,
    io, iter,
    ops::Bound,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock, mpsc},
    thread,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use jiff::Timestamp;
use sled::{Batch, Db, IVec, Transactional, Tree};

use super::{
    Commit, Item, Mark, OutboxRow, RowId, Store, StoreError, Versioned,
    barrier::{Barrier, FileBarrier},
    committer::{Committer, Engine, Outcome},
    envelope::{self, EnvelopeError},
    folder::{self, Folder},
    keys::{chat_key, chat_of, place, row_key, row_of},
    moved,
    state::{Tally, Totals},
};
use crate::dialogue::ChatId;

/// Room for some ten thousand chats at hand; sled's own default is 1 GiB.
const CACHE_BYTES: u64 = 4 << 20;
/// sled can hang on damaged files. A million chats take seconds, on a slow disk some tens.
const OPENING: Duration = Duration::from_secs(120);
/// How long sled's threads may take to let go of its file; they are done within milliseconds.
const LETTING_GO: Duration = Duration::from_secs(3);
/// Chats a scan reads at a time; writers wait meanwhile.
const PAGE: usize = 256;
/// Items restored at a time.
const RESTORED_AT_ONCE: usize = 1024;

const RECORDS: &str = "records";
const OUTBOX: &str = "outbox";
const META: &str = "meta";
const TOTALS: &[u8] = b"totals";

/// A store in a folder.
pub struct SledStore {
    shared: Arc<Shared>,
    committer: Committer<Work>,
}

/// A store, and how it was found.
pub struct Opened {
    /// The store.
    pub store: SledStore,
    /// There was none: it was made.
    pub created: bool,
    /// It had not been closed: the process before was killed, or the power failed.
    pub recovered: bool,
    /// Chats in it.
    pub chats: u64,
    /// Replies still to be sent.
    pub rows: u64,
}

impl SledStore {
    /// Opens the store in `folder`, or makes one, and verifies everything in it. Blocks meanwhile; so does dropping a
    /// store that was not closed.
    ///
    /// # Errors
    /// [`StoreError::InUse`] while another process has it, [`StoreError::Foreign`] for a folder with something else in
    /// it, [`StoreError::Damaged`] when not everything acknowledged is there and whole (its files are then as they
    /// were), [`StoreError::Newer`], and [`StoreError::Unavailable`] when the system does not let us.
    pub fn open(folder: impl AsRef<Path>) -> Result<Opened, StoreError> {
        Self::open_with(folder.as_ref(), |files| {
            FileBarrier::new(files).map(|barrier| Box::new(barrier) as Box<dyn Barrier>)
        })
    }

    /// [`Self::open`] with another barrier, which a test may count or let fail.
    fn open_with(
        folder: &Path,
        new_barrier: impl Fn(&Path) -> io::Result<Box<dyn Barrier>> + Send + 'static,
    ) -> Result<Opened, StoreError> {
        let mut folder = Folder::claim(folder)?;
        let (created, recovered) = (folder.is_new(), !folder.is_sealed());
        folder.begin()?;
        let (trees, totals) = open_trusted(&folder)?;
        let barrier = folder
            .opened(totals)
            .and_then(|()| new_barrier(&folder.engine()));
        let barrier = barrier.map_err(|error| folder::trouble(folder.path(), &error))?;
        let shared = Arc::new(Shared {
            folder: folder.path().to_owned(),
            trees: RwLock::new(Some(trees)),
            writing: RwLock::new(()),
        });
        let writer = Writer {
            shared: shared.clone(),
            folder,
            barrier,
            new_barrier: Box::new(new_barrier),
            totals,
        };
        let committer = Committer::start(writer)?;
        Ok(Opened {
            store: Self { shared, committer },
            created,
            recovered: recovered && !created,
            chats: totals.records.count,
            rows: totals.rows.count,
        })
    }
}

/// What compaction did to the files on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compacted {
    /// Bytes before.
    pub before: u64,
    /// Bytes now.
    pub after: u64,
}

impl SledStore {
    /// Writes the store in `folder` anew, without what sled keeps of earlier times, and puts it in the old one's place
    /// once it was found to contain the same. A crash at any point leaves one of the two.
    ///
    /// # Errors
    /// As [`Self::open`]; the store is then as it was.
    pub fn compact(folder: impl AsRef<Path>) -> Result<Compacted, StoreError> {
        let mut folder = Folder::claim(folder.as_ref())?;
        folder.begin()?;
        let (trees, totals) = open_trusted(&folder)?;
        let path = folder.path().to_owned();
        let io = |error| folder::trouble(&path, &error);
        folder.opened(totals).map_err(io)?;
        let spare = folder.spare();
        guarded(&path, || rebuild(&path, trees, &spare))?;
        let (rebuilt, found) = guarded(&path, || open_and_check(&path, &spare, totals))?;
        guarded(&path, || {
            drop(rebuilt);
            Ok(())
        })?;
        if found != totals || !let_go(&spare.join("db")) || !let_go(&folder.engine().join("db")) {
            return Err(StoreError::Unavailable(
                "compacting did not give the same store; it was left as it was".to_owned(),
            ));
        }
        let before = folder.size().map_err(io)?;
        folder.swap().and_then(|()| folder.seal()).map_err(io)?;
        let after = folder.size().map_err(io)?;
        Ok(Compacted { before, after })
    }
}

/// Copies everything into a fresh sled at `target`.
fn rebuild(path: &Path, trees: Trees, target: &Path) -> Result<(), StoreError> {
    let copy = || -> sled::Result<()> {
        let fresh = Trees::open(target)?;
        copy_tree(&trees.records, &fresh.records)?;
        copy_tree(&trees.outbox, &fresh.outbox)?;
        copy_tree(&trees.meta, &fresh.meta)?;
        fresh.db.flush().map(drop)
    };
    copy().map_err(|error| engine_fault(path, error))
}

fn copy_tree(from: &Tree, to: &Tree) -> sled::Result<()> {
    from.iter().try_for_each(|entry| {
        let (key, value) = entry?;
        to.insert(key, value).map(drop)
    })
}

/// What readers and the writer share.
struct Shared {
    folder: PathBuf,
    /// `None` once closed.
    trees: RwLock<Option<Trees>>,
    /// Held while a batch is written, so that a scan sees a batch as a whole or not at all.
    writing: RwLock<()>,
}

impl Shared {
    /// Reads from sled; its errors and panics come back as ours.
    fn read<T>(&self, read: impl FnOnce(&Trees) -> Result<T, StoreError>) -> Result<T, StoreError> {
        // Held, not cloned: a clone would keep sled open beyond `close`.
        let trees = self.trees.read().unwrap_or_else(PoisonError::into_inner);
        let trees = trees.as_ref().ok_or_else(StoreError::closed)?;
        guarded(&self.folder, || read(trees))
    }

    fn fault(&self, error: sled::Error) -> StoreError {
        engine_fault(&self.folder, error)
    }

    fn refused(&self, what: impl std::fmt::Display, error: EnvelopeError) -> StoreError {
        refused(&self.folder, what, error)
    }
}

/// sled's side of the store.
#[derive(Clone)]
struct Trees {
    db: Db,
    records: Tree,
    outbox: Tree,
    meta: Tree,
}

impl Trees {
    fn open(files: &Path) -> sled::Result<Self> {
        let config = sled::Config::new()
            .path(files)
            .cache_capacity(CACHE_BYTES)
            .flush_every_ms(None);
        let db = config.open()?;
        Ok(Self {
            records: db.open_tree(RECORDS)?,
            outbox: db.open_tree(OUTBOX)?,
            meta: db.open_tree(META)?,
            db,
        })
    }

    /// What the store says it contains; `None` where that cannot be read.
    fn totals(&self) -> sled::Result<Option<Totals>> {
        let totals = self.meta.get(TOTALS)?;
        Ok(match totals {
            Some(bytes) => serde_json::from_slice(&bytes).ok(),
            None => Some(Totals::default()),
        })
    }
}

/// Opens sled where it cannot hurt: in a thread, under a time limit, its panics caught. What is returned is whole.
fn open_trusted(folder: &Folder) -> Result<(Trees, Totals), StoreError> {
    let (path, files, floor) = (folder.path().to_owned(), folder.engine(), folder.totals());
    let open = {
        let path = path.clone();
        move || guarded(&path, || open_and_check(&path, &files, floor))
    };
    let (done, opened) = mpsc::channel();
    let run = move || drop(done.send(open()));
    let thread = thread::Builder::new().name("store-open".to_owned());
    thread
        .spawn(run)
        .map_err(|error| folder::trouble(&path, &error))?;
    match opened.recv_timeout(OPENING) {
        Ok(Err(error)) => {
            folder.put_back();
            Err(error)
        }
        Ok(opened) => opened,
        Err(_) => Err(folder::damaged(&path, "it did not open within two minutes")),
    }
}

fn open_and_check(path: &Path, files: &Path, floor: Totals) -> Result<(Trees, Totals), StoreError> {
    let trees = Trees::open(files).map_err(|error| engine_fault(path, error))?;
    let noted = trees.totals().map_err(|error| engine_fault(path, error))?;
    let noted = noted.ok_or_else(|| folder::damaged(path, "its totals cannot be read"))?;
    if noted.commits < floor.commits {
        let fault = format!(
            "it ends at commit {}, and {} were acknowledged",
            noted.commits, floor.commits
        );
        return Err(folder::damaged(path, &fault));
    }
    let found = Totals {
        commits: noted.commits,
        ..survey(path, &trees)?
    };
    let lost = found != noted || (noted.commits == floor.commits && noted != floor);
    if lost {
        let fault = format!(
            "{} chats and {} unsent replies are in it, not what its last commit left ({} and {})",
            found.records.count, found.rows.count, noted.records.count, noted.rows.count
        );
        return Err(folder::damaged(path, &fault));
    }
    Ok((trees, noted))
}

/// Goes through everything, checksums verified, bodies unread: the records, which are most of it, in parts side by side.
fn survey(path: &Path, trees: &Trees) -> Result<Totals, StoreError> {
    let parts = parts(&trees.records).map_err(|error| engine_fault(path, error))?;
    thread::scope(|scope| {
        let begin = |part| {
            let thread = thread::Builder::new().name("store-survey".to_owned());
            thread.spawn_scoped(scope, move || survey_records(path, trees, part))
        };
        let begun: io::Result<Vec<_>> = parts.into_iter().map(begin).collect();
        let begun = begun.map_err(|error| folder::trouble(path, &error))?;
        let rows = survey_rows(path, trees)?;
        let mut records = Tally::default();
        for survey in begun {
            let found = survey.join().unwrap_or_else(|panic| resume_unwind(panic));
            records.add_all(found?);
        }
        Ok(Totals {
            records,
            rows,
            ..Totals::default()
        })
    })
}

/// A range of keys.
type Part = (Bound<[u8; 8]>, Bound<[u8; 8]>);

/// All keys of the records in four parts: groups and people, whose numbers lie far apart, and the numbers of each halved.
fn parts(records: &Tree) -> sled::Result<Vec<Part>> {
    let zero = chat_key(ChatId(0));
    let cuts = [
        half(records.range(..zero))?,
        Some(zero),
        half(records.range(zero..))?,
    ];
    let cuts = cuts.into_iter().flatten();
    let from = iter::once(Bound::Unbounded).chain(cuts.clone().map(Bound::Included));
    let to = cuts.map(Bound::Excluded).chain([Bound::Unbounded]);
    Ok(from.zip(to).collect())
}

/// Where to cut a range of keys in two; `None` if there is nothing to cut.
fn half(mut keys: sled::Iter) -> sled::Result<Option<[u8; 8]>> {
    let (Some(first), Some(last)) = (keys.next(), keys.next_back()) else {
        return Ok(None);
    };
    let chats = chat_of(&first?.0).zip(chat_of(&last?.0));
    Ok(chats.map(|(first, last)| u64::midpoint(place(first), place(last)).to_be_bytes()))
}

fn survey_records(path: &Path, trees: &Trees, part: Part) -> Result<Tally, StoreError> {
    let mut tally = Tally::default();
    for entry in trees.records.range(part) {
        let (key, value) = entry.map_err(|error| engine_fault(path, error))?;
        let chat = chat_of(&key).ok_or_else(|| odd_key(path, &key))?;
        envelope::record_version(chat, &value)
            .map_err(|error| refused(path, RecordOf(chat), error))?;
        tally.add(&key, &value);
    }
    Ok(tally)
}

fn survey_rows(path: &Path, trees: &Trees) -> Result<Tally, StoreError> {
    let mut tally = Tally::default();
    for entry in &trees.outbox {
        let (key, value) = entry.map_err(|error| engine_fault(path, error))?;
        let id = row_of(&key).ok_or_else(|| odd_key(path, &key))?;
        envelope::check_row(id, &value).map_err(|error| refused(path, id, error))?;
        tally.add(&key, &value);
    }
    Ok(tally)
}

/// Runs sled, whose panics become errors. The panic's message still goes to stderr: the hook is the program's.
fn guarded<T>(path: &Path, run: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| {
        Err(folder::damaged(
            path,
            "the engine could not make sense of it",
        ))
    })
}

fn engine_fault(path: &Path, error: sled::Error) -> StoreError {
    match error {
        // What sled says when another program has its file open; ours are told apart by the folder's lock.
        sled::Error::Io(error) if error.to_string().contains("could not acquire lock") => {
            StoreError::InUse(path.display().to_string())
        }
        sled::Error::Io(error) => folder::trouble(path, &error),
        error => folder::damaged(path, &error.to_string()),
    }
}

fn refused(path: &Path, what: impl std::fmt::Display, error: EnvelopeError) -> StoreError {
    match error {
        EnvelopeError::Newer { .. } => {
            StoreError::Newer(format!("the store at {}: {what}: {error}", path.display()))
        }
        error => folder::damaged(path, &format!("{what}: {error}")),
    }
}

fn odd_key(path: &Path, key: &[u8]) -> StoreError {
    folder::damaged(
        path,
        &format!("a key of {} bytes is none of ours", key.len()),
    )
}

/// "the record of chat 5".
struct RecordOf(ChatId);

impl std::fmt::Display for RecordOf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the record of chat {}", self.0)
    }
}

/// What the writing thread is asked for; packed by who asks, so that the one thread has less to do.
enum Work {
    Commit {
        chat: ChatId,
        expected: u64,
        /// `None` to forget the chat.
        record: Option<Vec<u8>>,
        rows: Vec<(RowId, Vec<u8>)>,
    },
    Mark(Vec<Mark>),
    Migrate {
        from: ChatId,
        to: ChatId,
    },
    Restore(Vec<Packed>),
}

/// An item as it is stored.
enum Packed {
    Record(ChatId, Vec<u8>),
    Row(RowId, Vec<u8>),
}

impl Work {
    fn commit(commit: &Commit, rows: &[OutboxRow]) -> Result<Self, EnvelopeError> {
        let rows = rows
            .iter()
            .map(|row| Ok((row.id, envelope::pack_row(row)?)));
        let pack = |record| envelope::pack_record(commit.chat, commit.version(), record);
        Ok(Self::Commit {
            chat: commit.chat,
            expected: commit.expected,
            record: commit.record.as_ref().map(pack).transpose()?,
            rows: rows.collect::<Result<_, EnvelopeError>>()?,
        })
    }
}

impl Packed {
    fn new(item: &Item) -> Result<Self, EnvelopeError> {
        Ok(match item {
            Item::Chat(chat, Versioned { version, record }) => {
                Self::Record(*chat, envelope::pack_record(*chat, *version, record)?)
            }
            Item::Row(row) => Self::Row(row.id, envelope::pack_row(row)?),
        })
    }
}

/// A tree with the changes of a batch laid over it.
struct Layer<'a> {
    tree: &'a Tree,
    changes: BTreeMap<Vec<u8>, Option<IVec>>,
    tally: Tally,
}

impl<'a> Layer<'a> {
    fn new(tree: &'a Tree, tally: Tally) -> Self {
        Self {
            tree,
            changes: BTreeMap::new(),
            tally,
        }
    }

    fn get(&self, key: &[u8]) -> sled::Result<Option<IVec>> {
        match self.changes.get(key) {
            Some(changed) => Ok(changed.clone()),
            None => self.tree.get(key),
        }
    }

    /// Sets or, with `None`, removes a value.
    fn set(&mut self, key: &[u8], value: Option<Vec<u8>>) -> sled::Result<()> {
        if let Some(old) = self.get(key)? {
            self.tally.remove(key, &old);
        }
        if let Some(new) = &value {
            self.tally.add(key, new);
        }
        self.changes.insert(key.to_vec(), value.map(IVec::from));
        Ok(())
    }

    /// The keys that begin with `prefix`.
    fn keys(&self, prefix: &[u8]) -> sled::Result<Vec<Vec<u8>>> {
        let laid = self.changes.range(prefix.to_vec()..);
        let laid = laid.map(|(key, _)| key.clone());
        let mut keys: Vec<_> = laid.take_while(|key| key.starts_with(prefix)).collect();
        for key in self.tree.scan_prefix(prefix).keys() {
            keys.push(key?.to_vec());
        }
        Ok(keys)
    }

    fn batch(self) -> Batch {
        let mut batch = Batch::default();
        for (key, value) in self.changes {
            match value {
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
        }
        batch
    }
}

/// A batch on its way: what it changes, decided before sled's transaction is opened.
struct Draft<'a> {
    records: Layer<'a>,
    outbox: Layer<'a>,
}

impl<'a> Draft<'a> {
    fn new(trees: &'a Trees, totals: Totals) -> Self {
        Self {
            records: Layer::new(&trees.records, totals.records),
            outbox: Layer::new(&trees.outbox, totals.rows),
        }
    }

    fn is_empty(&self) -> bool {
        self.records.changes.is_empty() && self.outbox.changes.is_empty()
    }

    /// Decides one piece of work. The inner result is its own; the outer error is sled's, and the whole batch's.
    fn stage(&mut self, shared: &Shared, work: Work) -> sled::Result<Outcome> {
        match work {
            Work::Commit {
                chat,
                expected,
                record,
                rows,
            } => self.commit(shared, chat, expected, record, rows),
            Work::Mark(marks) => {
                marks.iter().try_for_each(|mark| self.mark(mark))?;
                Ok(Ok(()))
            }
            Work::Migrate { from, to } => self.migrate(shared, from, to),
            Work::Restore(items) => {
                items.into_iter().try_for_each(|item| self.put(item))?;
                Ok(Ok(()))
            }
        }
    }

    fn commit(
        &mut self,
        shared: &Shared,
        chat: ChatId,
        expected: u64,
        record: Option<Vec<u8>>,
        rows: Vec<(RowId, Vec<u8>)>,
    ) -> sled::Result<Outcome> {
        let key = chat_key(chat);
        let current = self.records.get(&key)?;
        let current = current.map_or(Ok(0), |bytes| envelope::record_version(chat, &bytes));
        match current {
            Ok(version) if version == expected => {}
            Ok(_) => return Ok(Err(StoreError::Conflict(chat))),
            Err(error) => return Ok(Err(shared.refused(RecordOf(chat), error))),
        }
        match record {
            Some(record) => self.records.set(&key, Some(record))?,
            None => self.forget(chat)?,
        }
        for (id, row) in rows {
            self.outbox.set(&row_key(id), Some(row))?;
        }
        Ok(Ok(()))
    }

    fn mark(&mut self, mark: &Mark) -> sled::Result<()> {
        match *mark {
            Mark::Done(id) => self.remove_row(id),
            Mark::Later(id, not_before) => self.postpone(id, not_before),
        }
    }

    fn remove_row(&mut self, id: RowId) -> sled::Result<()> {
        let key = row_key(id);
        match self.outbox.get(&key)? {
            Some(_) => self.outbox.set(&key, None),
            None => Ok(()),
        }
    }

    fn postpone(&mut self, id: RowId, not_before: Timestamp) -> sled::Result<()> {
        let key = row_key(id);
        let Some(bytes) = self.outbox.get(&key)? else {
            return Ok(());
        };
        let postponed = envelope::unpack_row(id, &bytes).and_then(|mut row| {
            row.postpone(not_before);
            envelope::pack_row(&row)
        });
        match postponed {
            Ok(bytes) => self.outbox.set(&key, Some(bytes)),
            Err(error) => {
                tracing::error!(row = %id, %error, "a reply in the store cannot be read");
                Ok(())
            }
        }
    }

    fn forget(&mut self, chat: ChatId) -> sled::Result<()> {
        let key = chat_key(chat);
        if self.records.get(&key)?.is_some() {
            self.records.set(&key, None)?;
        }
        for row in self.outbox.keys(&key)? {
            self.outbox.set(&row, None)?;
        }
        Ok(())
    }

    fn migrate(&mut self, shared: &Shared, from: ChatId, to: ChatId) -> sled::Result<Outcome> {
        let moved = self.moved_record(from, to)?;
        let moved = moved.map_err(|error| shared.refused(RecordOf(from), error));
        let moved = match moved {
            Ok(moved) => moved,
            Err(error) => return Ok(Err(error)),
        };
        if let Some(record) = moved {
            self.records.set(&chat_key(from), None)?;
            if self.records.get(&chat_key(to))?.is_none() {
                self.records.set(&chat_key(to), Some(record))?;
            }
        }
        for key in self.outbox.keys(&chat_key(from))? {
            let Some(bytes) = self.outbox.get(&key)? else {
                continue;
            };
            self.outbox.set(&key, None)?;
            self.move_row(&key, &bytes, to)?;
        }
        Ok(Ok(()))
    }

    /// The record of one chat as that of another, if there is one.
    fn moved_record(
        &self,
        from: ChatId,
        to: ChatId,
    ) -> sled::Result<Result<Option<Vec<u8>>, EnvelopeError>> {
        let Some(bytes) = self.records.get(&chat_key(from))? else {
            return Ok(Ok(None));
        };
        let packed = envelope::unpack_record(from, &bytes)
            .and_then(|kept| envelope::pack_record(to, kept.version, &moved(kept.record)));
        Ok(packed.map(Some))
    }

    /// Puts a row in another chat, behind one that has its place there.
    fn move_row(&mut self, key: &[u8], bytes: &[u8], to: ChatId) -> sled::Result<()> {
        let row = row_of(key).map(|id| envelope::unpack_row(id, bytes));
        let row = match row {
            Some(Ok(row)) => row,
            // It could not have been sent either; `verify` names such rows.
            _ => return Ok(()),
        };
        let mut row = row.moved(to);
        while self.outbox.get(&row_key(row.id))?.is_some() {
            row.id.index += 1;
        }
        match envelope::pack_row(&row) {
            Ok(bytes) => self.outbox.set(&row_key(row.id), Some(bytes)),
            Err(error) => {
                tracing::error!(row = %row.id, %error, "a reply could not be moved");
                Ok(())
            }
        }
    }

    fn put(&mut self, item: Packed) -> sled::Result<()> {
        match item {
            Packed::Record(chat, bytes) => self.records.set(&chat_key(chat), Some(bytes)),
            Packed::Row(id, bytes) => self.outbox.set(&row_key(id), Some(bytes)),
        }
    }

    /// Changes the trees, all or nothing; returns what they contain then.
    fn apply(self, trees: &Trees, commits: u64) -> sled::Result<Totals> {
        let totals = Totals {
            commits,
            records: self.records.tally,
            rows: self.outbox.tally,
        };
        let note = serde_json::to_vec(&totals).map_err(io::Error::from)?;
        let (records, outbox) = (self.records.batch(), self.outbox.batch());
        let changed = (&trees.records, &trees.outbox, &trees.meta).transaction(|trees| {
            trees.0.apply_batch(&records)?;
            trees.1.apply_batch(&outbox)?;
            trees.2.insert(TOTALS, note.as_slice())?;
            Ok::<_, sled::transaction::ConflictableTransactionError<()>>(())
        });
        match changed {
            Ok(()) => Ok(totals),
            Err(sled::transaction::TransactionError::Storage(error)) => Err(error),
            Err(sled::transaction::TransactionError::Abort(())) => {
                Err(sled::Error::ReportableBug("aborted by nobody".to_owned()))
            }
        }
    }
}

/// What the committer's thread writes with.
struct Writer {
    shared: Arc<Shared>,
    folder: Folder,
    barrier: Box<dyn Barrier>,
    new_barrier: NewBarrier,
    totals: Totals,
}

/// Makes the barrier for the engine's files in a folder.
type NewBarrier = Box<dyn Fn(&Path) -> io::Result<Box<dyn Barrier>> + Send>;

impl Writer {
    fn write_batch(&mut self, trees: &Trees, batch: Vec<Work>) -> sled::Result<Vec<Outcome>> {
        let _writing = self.shared.writing.write();
        let mut draft = Draft::new(trees, self.totals);
        let staged = batch
            .into_iter()
            .map(|work| draft.stage(&self.shared, work));
        let outcomes = staged.collect::<sled::Result<_>>()?;
        if !draft.is_empty() {
            self.totals = draft.apply(trees, self.totals.commits + 1)?;
            trees.db.flush()?;
            self.barrier.wait()?;
            self.folder.note(self.totals)?;
        }
        Ok(outcomes)
    }
}

impl Engine for Writer {
    type Work = Work;

    fn write(&mut self, batch: Vec<Work>) -> Result<Vec<Outcome>, StoreError> {
        let shared = self.shared.clone();
        shared.read(|trees| {
            self.write_batch(trees, batch)
                .map_err(|error| shared.fault(error))
        })
    }

    /// sled takes nothing more after a write that failed, until it is opened again. Readers go on with what is at hand up
    /// to the moment when there is room, since it cannot be opened on a full disk.
    fn mend(&mut self) -> Outcome {
        self.barrier
            .wait()
            .map_err(|error| folder::trouble(self.folder.path(), &error))?;
        self.folder.probe()?;
        let trees = self.shared.trees.write();
        let mut trees = trees.unwrap_or_else(PoisonError::into_inner);
        let old = trees.take();
        guarded(&self.shared.folder, || {
            drop(old);
            Ok(())
        })?;
        if !let_go(&self.folder.engine().join("db")) {
            return Err(StoreError::Unavailable(
                "sled does not let go of its file".to_owned(),
            ));
        }
        self.folder.begin()?;
        let (opened, totals) = open_trusted(&self.folder)?;
        let reopened = self.folder.opened(totals);
        let barrier = reopened.and_then(|()| (self.new_barrier)(&self.folder.engine()));
        self.barrier = barrier.map_err(|error| folder::trouble(self.folder.path(), &error))?;
        self.totals = totals;
        *trees = Some(opened);
        Ok(())
    }

    fn close(mut self, intact: bool) -> Outcome {
        let trees = self.shared.trees.write();
        let trees = trees.unwrap_or_else(PoisonError::into_inner).take();
        // Dropping flushes, and may panic.
        let dropped = guarded(&self.shared.folder, || {
            drop(trees);
            Ok(())
        });
        if intact && dropped.is_ok() && let_go(&self.folder.engine().join("db")) {
            let sealed = self.folder.seal();
            sealed.map_err(|error| folder::trouble(self.folder.path(), &error))?;
        }
        Ok(())
    }
}

/// Waits until sled's threads let go of its file, which they hold locked; whether they did.
fn let_go(file: &Path) -> bool {
    let since = Instant::now();
    let free = || {
        OpenOptions::new()
            .write(true)
            .open(file)?
            .try_lock()
            .map_err(io::Error::from)
    };
    while free().is_err() {
        if since.elapsed() > LETTING_GO {
            return false;
        }
        thread::sleep(Duration::from_millis(1));
    }
    true
}

#[async_trait]
impl Store for SledStore {
    fn load(&self, chat: ChatId) -> Result<Versioned, StoreError> {
        let bytes = self.shared.read(|trees| {
            let bytes = trees.records.get(chat_key(chat));
            bytes.map_err(|error| self.shared.fault(error))
        })?;
        bytes.map_or_else(
            || Ok(Versioned::default()),
            |bytes| {
                envelope::unpack_record(chat, &bytes)
                    .map_err(|error| self.shared.refused(RecordOf(chat), error))
            },
        )
    }

    async fn commit(&self, commit: Commit) -> Result<Vec<OutboxRow>, StoreError> {
        let rows = commit.rows();
        let work = Work::commit(&commit, &rows).map_err(unstorable)?;
        self.committer.submit(work).await?;
        Ok(rows)
    }

    fn outbox(&self) -> Result<Vec<OutboxRow>, StoreError> {
        let _whole = self.shared.writing.read();
        self.shared.read(|trees| {
            let mut rows = Vec::new();
            for entry in &trees.outbox {
                let (key, value) = entry.map_err(|error| self.shared.fault(error))?;
                match self.shared.row(&key, &value) {
                    Ok(row) => rows.push(row),
                    // One broken row must not keep the others from being sent; `verify` names it.
                    Err(error) => tracing::error!(%error, "a reply in the store cannot be sent"),
                }
            }
            Ok(rows)
        })
    }

    fn row(&self, id: RowId) -> Result<Option<OutboxRow>, StoreError> {
        self.shared.read(|trees| {
            let key = row_key(id);
            let bytes = trees.outbox.get(key);
            let bytes = bytes.map_err(|error| self.shared.fault(error))?;
            bytes.map(|bytes| self.shared.row(&key, &bytes)).transpose()
        })
    }

    async fn migrate(&self, from: ChatId, to: ChatId) -> Result<(), StoreError> {
        self.committer.submit(Work::Migrate { from, to }).await
    }

    async fn mark(&self, marks: Vec<Mark>) -> Result<(), StoreError> {
        if marks.is_empty() {
            return Ok(());
        }
        self.committer.submit(Work::Mark(marks)).await
    }

    fn scan(&self) -> Box<dyn Iterator<Item = Result<Item, StoreError>> + '_> {
        Box::new(Scan {
            shared: &self.shared,
            next: Some(0),
            page: VecDeque::new(),
        })
    }

    async fn restore(&self, items: Vec<Item>) -> Result<(), StoreError> {
        for items in items.chunks(RESTORED_AT_ONCE) {
            let packed = items.iter().map(Packed::new);
            let packed = packed.collect::<Result<_, _>>().map_err(unstorable)?;
            self.committer.submit(Work::Restore(packed)).await?;
        }
        Ok(())
    }

    fn health(&self) -> Result<(), StoreError> {
        self.committer.health()
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.committer.close().await
    }
}

fn unstorable(error: EnvelopeError) -> StoreError {
    StoreError::Unavailable(format!("this cannot be stored: {error}"))
}

impl Shared {
    fn record(&self, key: &[u8], value: &[u8]) -> Result<(ChatId, Versioned), StoreError> {
        let chat = chat_of(key).ok_or_else(|| odd_key(&self.folder, key))?;
        let record = envelope::unpack_record(chat, value);
        let record = record.map_err(|error| self.refused(RecordOf(chat), error))?;
        Ok((chat, record))
    }

    fn row(&self, key: &[u8], value: &[u8]) -> Result<OutboxRow, StoreError> {
        let id = row_of(key).ok_or_else(|| odd_key(&self.folder, key))?;
        envelope::unpack_row(id, value).map_err(|error| self.refused(id, error))
    }
}

/// Goes through the store a page of chats at a time, each chat's record followed by its rows, as one commit left them.
struct Scan<'a> {
    shared: &'a Shared,
    /// Where the next page begins in the order of chats; `None` at the end.
    next: Option<u64>,
    page: VecDeque<Result<Item, StoreError>>,
}

impl Iterator for Scan<'_> {
    type Item = Result<Item, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.page.is_empty() {
            let from = self.next.take()?;
            let page = self.shared.read(|trees| self.read_page(trees, from));
            match page {
                Ok((page, next)) => (self.page, self.next) = (page, next),
                // Beyond a page that cannot be read there is no way on.
                Err(error) => return Some(Err(error)),
            }
        }
        self.page.pop_front()
    }
}

type Page = (VecDeque<Result<Item, StoreError>>, Option<u64>);

impl Scan<'_> {
    fn read_page(&self, trees: &Trees, from: u64) -> Result<Page, StoreError> {
        let _whole = self.shared.writing.read();
        let mut page = VecDeque::new();
        let mut last = from;
        for entry in trees.records.range(from.to_be_bytes()..).take(PAGE) {
            let (key, value) = entry.map_err(|error| self.shared.fault(error))?;
            last = chat_of(&key).map_or(last, place);
            let record = self.shared.record(&key, &value);
            page.push_back(record.map(|(chat, record)| Item::Chat(chat, record)));
        }
        let next = (page.len() == PAGE).then(|| last.checked_add(1)).flatten();
        let rows = match next {
            Some(next) => trees.outbox.range(from.to_be_bytes()..next.to_be_bytes()),
            None => trees.outbox.range(from.to_be_bytes()..),
        };
        for entry in rows {
            let (key, value) = entry.map_err(|error| self.shared.fault(error))?;
            page.push_back(self.shared.row(&key, &value).map(Item::Row));
        }
        Ok((page, next))
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        sync::{
            Mutex,
            atomic::{AtomicBool, AtomicUsize, Ordering},
        },
    };

    use futures::future::join_all;

    use super::*;
    use crate::dialogue::Record;

    fn commit(chat: i64, expected: u64) -> Commit {
        Commit {
            chat: ChatId(chat),
            expected,
            record: Some(Record::default()),
            replies: Vec::new(),
            now: Timestamp::UNIX_EPOCH,
        }
    }

    /// Counts, and fails when it is told to.
    #[derive(Clone, Default)]
    struct Witness {
        waits: Arc<AtomicUsize>,
        broken: Arc<AtomicBool>,
        slow: bool,
    }

    impl Barrier for Witness {
        fn wait(&mut self) -> io::Result<()> {
            self.waits.fetch_add(1, Ordering::SeqCst);
            if self.slow {
                thread::sleep(Duration::from_millis(10));
            }
            match self.broken.load(Ordering::SeqCst) {
                true => Err(io::Error::from(io::ErrorKind::StorageFull)),
                false => Ok(()),
            }
        }
    }

    fn open_with(folder: &Path, barrier: &Witness) -> SledStore {
        let barrier = barrier.clone();
        let opened = SledStore::open_with(folder, move |_| Ok(Box::new(barrier.clone())));
        opened.unwrap().store
    }

    #[tokio::test]
    async fn every_chat_is_in_one_part_of_the_survey() {
        let far = [
            i64::MIN,
            -1_002_000_000_000,
            -7,
            0,
            1,
            42,
            8_000_000_000,
            i64::MAX,
        ];
        for count in 0..=far.len() {
            let folder = tempfile::tempdir().unwrap();
            let store = SledStore::open(folder.path()).unwrap().store;
            let chats = &far[far.len() - count..];
            for chat in chats {
                store.commit(commit(*chat, 0)).await.unwrap();
            }
            let trees = store.shared.trees.read().unwrap().clone().unwrap();
            let parts = parts(&trees.records).unwrap();
            let keys = parts.into_iter().flat_map(|part| trees.records.range(part));
            let surveyed: Vec<_> = keys
                .map(|entry| chat_of(&entry.unwrap().0).unwrap().0)
                .collect();
            assert_eq!(surveyed, chats);
        }
    }

    #[tokio::test]
    async fn each_acknowledged_batch_waited_for_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let barrier = Witness::default();
        let store = open_with(folder.path(), &barrier);
        for version in 0..5 {
            store.commit(commit(1, version)).await.unwrap();
            assert_eq!(barrier.waits.load(Ordering::SeqCst) as u64, version + 1);
        }
        let forgetting = Commit {
            record: None,
            ..commit(1, 5)
        };
        store.commit(forgetting).await.unwrap();
        assert_eq!(barrier.waits.load(Ordering::SeqCst), 6);
    }

    #[tokio::test]
    async fn writers_that_come_together_share_a_barrier() {
        let folder = tempfile::tempdir().unwrap();
        let barrier = Witness {
            slow: true,
            ..Witness::default()
        };
        let store = open_with(folder.path(), &barrier);
        let turns = (0..100).map(|chat| store.commit(commit(chat, 0)));
        assert!(join_all(turns).await.iter().all(Result::is_ok));
        assert!(barrier.waits.load(Ordering::SeqCst) < 10);
    }

    #[tokio::test]
    async fn several_turns_of_one_chat_fit_one_batch() {
        let folder = tempfile::tempdir().unwrap();
        let barrier = Witness {
            slow: true,
            ..Witness::default()
        };
        let store = open_with(folder.path(), &barrier);
        let turns = (0..20).map(|version| store.commit(commit(1, version)));
        assert!(join_all(turns).await.iter().all(Result::is_ok));
        assert_eq!(store.load(ChatId(1)).unwrap().version, 20);
        assert!(barrier.waits.load(Ordering::SeqCst) < 10);
    }

    #[tokio::test]
    async fn nothing_is_acknowledged_when_the_disk_refuses_and_reading_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let barrier = Witness::default();
        let store = open_with(folder.path(), &barrier);
        store.commit(commit(1, 0)).await.unwrap();
        barrier.broken.store(true, Ordering::SeqCst);
        let refused = store.commit(commit(2, 0)).await;
        assert!(matches!(refused, Err(StoreError::Unavailable(_))));
        assert!(store.commit(commit(3, 0)).await.is_err());
        assert!(store.health().is_err());
        assert_eq!(store.load(ChatId(1)).unwrap().version, 1);
        store.close().await.unwrap();
        let reopened = SledStore::open(folder.path()).unwrap();
        assert!(
            reopened.recovered,
            "a store that failed is not closed as a sound one"
        );
        assert_eq!(reopened.store.load(ChatId(1)).unwrap().version, 1);
    }

    #[tokio::test]
    async fn once_the_disk_is_well_again_the_store_begins_anew_from_what_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let barrier = Witness::default();
        let store = open_with(folder.path(), &barrier);
        store.commit(commit(1, 0)).await.unwrap();
        barrier.broken.store(true, Ordering::SeqCst);
        assert!(store.commit(commit(2, 0)).await.is_err());
        barrier.broken.store(false, Ordering::SeqCst);
        while store.health().is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        // It may have been kept though nobody was told; whoever comes again finds out.
        let kept = store.load(ChatId(2)).unwrap().version;
        store.commit(commit(2, kept)).await.unwrap();
        store.commit(commit(1, 1)).await.unwrap();
        store.close().await.unwrap();
        let reopened = SledStore::open(folder.path()).unwrap();
        assert!(!reopened.recovered);
        assert_eq!(reopened.store.load(ChatId(1)).unwrap().version, 2);
        assert_eq!(reopened.store.load(ChatId(2)).unwrap().version, kept + 1);
    }

    /// A disk that loses at a power cut whatever no barrier waited for: here, all but what the last barrier saw.
    struct LosingDisk {
        files: PathBuf,
        kept: PathBuf,
    }

    impl Barrier for LosingDisk {
        fn wait(&mut self) -> io::Result<()> {
            FileBarrier::new(&self.files)?.wait()?;
            copy(&self.files, &self.kept)
        }
    }

    fn copy(from: &Path, to: &Path) -> io::Result<()> {
        fs::create_dir_all(to.join("blobs"))?;
        for name in fs::read_dir(from)?.chain(fs::read_dir(from.join("blobs"))?) {
            let name = name?.path();
            if name.is_file() {
                let inner = name.strip_prefix(from).map_err(io::Error::other)?;
                fs::copy(&name, to.join(inner))?;
            }
        }
        Ok(())
    }

    #[tokio::test]
    async fn nothing_acknowledged_is_lost_with_what_no_barrier_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let disk = tempfile::tempdir().unwrap();
        let kept = disk.path().join("sled");
        let target = kept.clone();
        let opened = SledStore::open_with(folder.path(), move |files| {
            Ok(Box::new(LosingDisk {
                files: files.to_owned(),
                kept: target.clone(),
            }))
        });
        let store = opened.unwrap().store;
        // The one write to it that was synced.
        let state = fs::read(folder.path().join("state")).unwrap();
        for version in 0..30 {
            // Every few rounds large enough for files of their own.
            let large = Record {
                misses: 1,
                cards: (0..version % 7 * 300).map(card).collect(),
                ..Record::default()
            };
            let commit = Commit {
                record: Some(large),
                ..commit(1, version)
            };
            store.commit(commit).await.unwrap();
            fs::write(disk.path().join("state"), &state).unwrap();
            let after = SledStore::open(disk.path()).unwrap();
            assert_eq!(after.store.load(ChatId(1)).unwrap().version, version + 1);
        }
    }

    fn card(id: u64) -> crate::dialogue::Card {
        let id = crate::dialogue::CardId(id as u32);
        let wallet = "wallet-huawei".parse().unwrap();
        crate::dialogue::Card::new(id, "门禁卡".repeat(20), wallet, Timestamp::UNIX_EPOCH)
    }

    #[tokio::test]
    async fn a_broken_row_is_not_sent_and_does_not_hold_up_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let store = SledStore::open(folder.path()).unwrap().store;
        for chat in 1..=3 {
            let reply = crate::dialogue::Reply::new(crate::markup::RichText::plain("text"));
            let commit = Commit {
                replies: crate::store::AddressedReply::to_chat(ChatId(chat), [reply]),
                ..commit(chat, 0)
            };
            store.commit(commit).await.unwrap();
        }
        let id = |chat| RowId {
            chat: ChatId(chat),
            version: 1,
            index: 0,
        };
        let misplace = |trees: &Trees| {
            let other = trees.outbox.get(row_key(id(1))).unwrap().unwrap();
            trees.outbox.insert(row_key(id(2)), other).unwrap();
            Ok(())
        };
        store.shared.read(misplace).unwrap();
        let rows = store.outbox().unwrap();
        assert_eq!(
            rows.iter().map(|row| row.id).collect::<Vec<_>>(),
            [id(1), id(3)]
        );
        assert_eq!(store.scan().filter(Result::is_err).count(), 1);
        let later = Mark::Later(id(2), Timestamp::UNIX_EPOCH);
        store.mark(vec![later]).await.unwrap();
    }

    #[tokio::test]
    async fn a_record_changed_behind_our_back_is_never_served() {
        let folder = tempfile::tempdir().unwrap();
        let store = SledStore::open(folder.path()).unwrap().store;
        store.commit(commit(1, 0)).await.unwrap();
        let spoil = |trees: &Trees| {
            trees.records.insert(chat_key(ChatId(1)), b"?").unwrap();
            Ok(())
        };
        store.shared.read(spoil).unwrap();
        assert!(matches!(store.load(ChatId(1)), Err(StoreError::Damaged(_))));
        assert!(store.commit(commit(1, 1)).await.is_err());
        store.commit(commit(2, 0)).await.unwrap();
        store.close().await.unwrap();
        assert!(matches!(
            SledStore::open(folder.path()),
            Err(StoreError::Damaged(_))
        ));
    }

    #[tokio::test]
    async fn a_record_that_fell_back_in_time_is_noticed_on_opening() {
        let folder = tempfile::tempdir().unwrap();
        let store = SledStore::open(folder.path()).unwrap().store;
        let old = Mutex::new(None);
        store.commit(commit(1, 0)).await.unwrap();
        let keep = |trees: &Trees| {
            *old.lock().unwrap() = trees.records.get(chat_key(ChatId(1))).unwrap();
            Ok(())
        };
        store.shared.read(keep).unwrap();
        store.commit(commit(1, 1)).await.unwrap();
        let put_back = |trees: &Trees| {
            let old = old.lock().unwrap().take().unwrap();
            trees.records.insert(chat_key(ChatId(1)), old).unwrap();
            Ok(())
        };
        store.shared.read(put_back).unwrap();
        store.close().await.unwrap();
        assert!(matches!(
            SledStore::open(folder.path()),
            Err(StoreError::Damaged(_))
        ));
    }

    #[tokio::test]
    async fn a_panic_while_reading_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let store = SledStore::open(folder.path()).unwrap().store;
        let read: Result<(), _> = store.shared.read(|_| panic!("a panic the test asked for"));
        assert!(matches!(read, Err(StoreError::Damaged(_))));
        store.commit(commit(1, 0)).await.unwrap();
    }

    #[tokio::test]
    async fn compacting_keeps_everything_and_makes_it_smaller() {
        let folder = tempfile::tempdir().unwrap();
        let store = SledStore::open(folder.path()).unwrap().store;
        for version in 0..60 {
            let turns = (0..100).map(|chat| store.commit(commit(chat, version)));
            assert!(join_all(turns).await.iter().all(Result::is_ok));
        }
        let items = |store: &SledStore| store.scan().collect::<Result<Vec<_>, _>>().unwrap();
        let before = items(&store);
        assert!(matches!(
            SledStore::compact(folder.path()),
            Err(StoreError::InUse(_))
        ));
        store.close().await.unwrap();
        let sizes = SledStore::compact(folder.path()).unwrap();
        assert!(sizes.after < sizes.before, "{sizes:?}");
        let opened = SledStore::open(folder.path()).unwrap();
        assert!(!opened.recovered);
        assert_eq!(items(&opened.store), before);
        opened.store.commit(commit(1, 60)).await.unwrap();
    }

    #[tokio::test]
    async fn a_compaction_cut_off_between_its_renames_is_settled() {
        let folder = tempfile::tempdir().unwrap();
        let store = SledStore::open(folder.path()).unwrap().store;
        store.commit(commit(1, 0)).await.unwrap();
        store.close().await.unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::rename(at("sled"), at("before-recovery")).unwrap();
        fs::create_dir(at("compacting")).unwrap();
        let opened = SledStore::open(folder.path()).unwrap();
        assert_eq!(opened.store.load(ChatId(1)).unwrap().version, 1);
        assert!(!at("compacting").exists() && !at("before-recovery").exists());
    }
}
