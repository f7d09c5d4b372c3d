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
    collections::{BTreeMap, HashSet, VecDeque},
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io,
    panic::{AssertUnwindSafe, catch_unwind},
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
    committer::{Committer, Engine, Outcome},
    envelope::{self, EnvelopeError},
    folder::{self, Folder, Tally, Totals},
};
use crate::dialogue::ChatId;

/// Room for some ten thousand chats at hand; sled's own default is 1 GiB.
const CACHE_BYTES: u64 = 16 << 20;
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
    /// Opens the store in `folder`, or makes one, and verifies everything in it.
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
        barrier: impl FnOnce(&Path) -> io::Result<Box<dyn Barrier>>,
    ) -> Result<Opened, StoreError> {
        let mut folder = Folder::claim(folder)?;
        let (created, recovered) = (folder.is_new(), !folder.is_sealed());
        folder.begin()?;
        let (trees, totals) = open_trusted(&folder)?;
        let barrier = folder
            .opened(totals)
            .and_then(|()| barrier(&folder.engine()));
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

/// Goes through everything, checksums verified, bodies unread.
fn survey(path: &Path, trees: &Trees) -> Result<Totals, StoreError> {
    let mut totals = Totals::default();
    for entry in &trees.records {
        let (key, value) = entry.map_err(|error| engine_fault(path, error))?;
        let chat = chat_of(&key).ok_or_else(|| odd_key(path, &key))?;
        envelope::record_version(chat, &value)
            .map_err(|error| refused(path, RecordOf(chat), error))?;
        totals.records.add(&key, &value);
    }
    for entry in &trees.outbox {
        let (key, value) = entry.map_err(|error| engine_fault(path, error))?;
        let id = row_of(&key).ok_or_else(|| odd_key(path, &key))?;
        envelope::check_row(id, &value).map_err(|error| refused(path, id, error))?;
        totals.rows.add(&key, &value);
    }
    Ok(totals)
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

/// Flipping the sign bit makes the order of bytes the order of numbers.
const SIGN: u64 = 1 << 63;

/// A chat's place in the order of keys.
fn place(chat: ChatId) -> u64 {
    chat.0.cast_unsigned() ^ SIGN
}

fn chat_key(chat: ChatId) -> [u8; 8] {
    place(chat).to_be_bytes()
}

fn chat_of(key: &[u8]) -> Option<ChatId> {
    let place = u64::from_be_bytes(key.try_into().ok()?);
    Some(ChatId((place ^ SIGN).cast_signed()))
}

fn row_key(id: RowId) -> [u8; 20] {
    let mut key = [0; 20];
    key[..8].copy_from_slice(&chat_key(id.chat));
    key[8..16].copy_from_slice(&id.version.to_be_bytes());
    key[16..].copy_from_slice(&id.index.to_be_bytes());
    key
}

fn row_of(key: &[u8]) -> Option<RowId> {
    let (chat, rest) = key.split_at_checked(8)?;
    let (version, index) = rest.split_at_checked(8)?;
    Some(RowId {
        chat: chat_of(chat)?,
        version: u64::from_be_bytes(version.try_into().ok()?),
        index: u32::from_be_bytes(index.try_into().ok()?),
    })
}

/// What the writing thread is asked for; packed by who asks, so that the one thread has less to do.
enum Work {
    Commit {
        chat: ChatId,
        expected: u64,
        record: Vec<u8>,
        rows: Vec<(RowId, Vec<u8>)>,
    },
    Mark(Vec<Mark>),
    Forget(ChatId),
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
        Ok(Self::Commit {
            chat: commit.chat,
            expected: commit.expected,
            record: envelope::pack_record(commit.chat, commit.version(), &commit.record)?,
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

/// Makes what sled wrote survive a power cut.
trait Barrier: Send {
    /// Returns when everything written so far is on the disk.
    fn wait(&mut self) -> io::Result<()>;
}

/// `fdatasync` on sled's file, and on what sled put beside it.
struct FileBarrier {
    file: File,
    /// sled moves pages of more than 128 KiB (seventeen large records) to files of their own, and never syncs them.
    blobs: PathBuf,
    synced: HashSet<OsString>,
}

impl FileBarrier {
    fn new(files: &Path) -> io::Result<Self> {
        Ok(Self {
            file: OpenOptions::new().write(true).open(files.join("db"))?,
            blobs: files.join("blobs"),
            synced: HashSet::new(),
        })
    }

    fn sync_new_blobs(&mut self) -> io::Result<()> {
        let mut present = HashSet::new();
        let mut fresh = false;
        for entry in fs::read_dir(&self.blobs)? {
            let name = entry?.file_name();
            if !self.synced.contains(&name) {
                sync_if_there(&self.blobs.join(&name))?;
                fresh = true;
            }
            present.insert(name);
        }
        self.synced = present;
        if fresh {
            folder::sync_folder(&self.blobs)?;
        }
        Ok(())
    }
}

impl Barrier for FileBarrier {
    fn wait(&mut self) -> io::Result<()> {
        // First what the log points to, then the log.
        self.sync_new_blobs()?;
        self.file.sync_data()
    }
}

/// sled removes such a file once nothing points to it.
fn sync_if_there(file: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).open(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        file => file?.sync_data(),
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
            Work::Forget(chat) => self.forget(chat).map(Ok),
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
        record: Vec<u8>,
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
        self.records.set(&key, Some(record))?;
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
    totals: Totals,
}

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

    fn close(mut self, intact: bool) -> Outcome {
        let trees = self.shared.trees.write();
        let trees = trees.unwrap_or_else(PoisonError::into_inner).take();
        // Dropping flushes, and may panic.
        let dropped = guarded(&self.shared.folder, || Ok(drop(trees)));
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

    async fn mark(&self, marks: Vec<Mark>) -> Result<(), StoreError> {
        if marks.is_empty() {
            return Ok(());
        }
        self.committer.submit(Work::Mark(marks)).await
    }

    async fn forget(&self, chat: ChatId) -> Result<(), StoreError> {
        self.committer.submit(Work::Forget(chat)).await
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
