//! Exports a store to a file and imports it: for backups, repairs, and moves to another machine or engine.
//!
//! ```text
//! {"unbind_bot_export":1,"made":"2026-01-01T00:00:00Z","record_schema":1,"row_schema":1}
//! {"chat":7,"version":3,"record":{…}}
//! {"row":{…}}
//! {"end":{"chats":1,"rows":1,"crc32":"0f1e2d3c"}}
//! ```
//! Each line is JSON, one item on a line. The last line has the checksum of all bytes before it and the counts, which are
//! known only then, since the store stays in use during an export. A file without its last line was cut off.
//! A file under its final name is complete: it is written under another name, synced, read back, and then renamed.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, BufRead, BufReader, BufWriter, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Item, OutboxRow, RESTORE_BATCH, Store, StoreError, Versioned, envelope, files::sync_folder,
};
use crate::dialogue::{ChatId, Record};

/// The version of the file's layout; a newer one is refused.
const FORMAT: u32 = 1;

/// What a file or a store contains.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    pub chats: u64,
    /// Replies not yet sent.
    pub rows: u64,
}

impl Summary {
    fn count(&mut self, item: &Item) {
        match item {
            Item::Chat(..) => self.chats += 1,
            Item::Row(_) => self.rows += 1,
        }
    }
}

/// The result of verifying a store.
#[derive(Debug, Default)]
pub struct Verification {
    /// Counts of the undamaged values.
    pub intact: Summary,
    /// One error for each damaged value.
    pub faults: Vec<StoreError>,
}

/// Why an export or import did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The file could not be written or read.
    #[error("{}: {error}", .path.display())]
    File { path: PathBuf, error: io::Error },
    /// The file is damaged, or no export.
    #[error("{}:{line}: {fault}; nothing was imported: use another export", .path.display())]
    Line {
        path: PathBuf,
        /// Counted from 1.
        line: u64,
        fault: String,
    },
    #[error(
        "the store is not empty; import into a new one: name another folder with DATABASE_URL, or move this one aside"
    )]
    NotEmpty,
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[derive(Debug, Serialize, Deserialize)]
struct Header {
    #[serde(rename = "unbind_bot_export")]
    format: u32,
    made: Timestamp,
    record_schema: u16,
    row_schema: u16,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum WrittenLine<'a> {
    Chat {
        chat: ChatId,
        version: u64,
        record: &'a Record,
    },
    Row {
        row: &'a OutboxRow,
    },
    End {
        end: End,
    },
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Line {
    Chat {
        chat: ChatId,
        version: u64,
        record: Value,
    },
    Row {
        row: Value,
    },
    End {
        end: End,
    },
}

#[derive(Debug, Serialize, Deserialize)]
struct End {
    #[serde(flatten)]
    summary: Summary,
    crc32: String,
}

/// Writes everything in `store` to the file at `path`, in place of what was there; complete and verified when it
/// returns. Blocks while it reads and writes.
///
/// # Errors
/// When the store has a value that cannot be trusted, or the file cannot be written or read back. The file that was at
/// `path` is left then.
pub fn write(store: &dyn Store, path: &Path, now: Timestamp) -> Result<Summary, ExportError> {
    let partial = partial_path(path);
    let written = write_partial(store, &partial, now)
        .and_then(|summary| verify_and_rename(&partial, path, summary));
    if written.is_err() {
        let _ = fs::remove_file(&partial);
    }
    written
}

/// Reads the file at `path`, item by item. The last item is an error unless the file is complete.
///
/// # Errors
/// When it cannot be opened, or is no export of a version this program knows.
pub fn read(path: &Path) -> Result<Reader, ExportError> {
    Reader::open(path)
}

/// Reads the whole file at `path` and says what is in it.
///
/// # Errors
/// The first fault, with its line.
pub fn check(path: &Path) -> Result<Summary, ExportError> {
    let mut reader = read(path)?;
    reader.by_ref().try_for_each(|item| item.map(drop))?;
    Ok(reader.summary)
}

/// Imports the file at `path` into an empty store. The whole file is checked before anything is written. If the store
/// fails meanwhile, delete it: it has only a part of the file.
///
/// # Errors
/// [`ExportError::NotEmpty`], a fault in the file, or the store's error.
pub async fn import(store: &dyn Store, path: &Path) -> Result<Summary, ExportError> {
    let summary = check(path)?;
    if let Some(item) = store.scan().next() {
        item?;
        return Err(ExportError::NotEmpty);
    }
    let mut items = read(path)?;
    loop {
        let some: Vec<_> = items
            .by_ref()
            .take(RESTORE_BATCH)
            .collect::<Result<_, _>>()?;
        if some.is_empty() {
            return Ok(summary);
        }
        store.restore(some).await?;
    }
}

/// Reads everything in `store` and collects every fault.
pub fn verify(store: &dyn Store) -> Verification {
    let mut verification = Verification::default();
    for item in store.scan() {
        match item {
            Ok(item) => verification.intact.count(&item),
            Err(error) => verification.faults.push(error),
        }
    }
    verification
}

fn partial_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(OsString::from(".partial"));
    PathBuf::from(name)
}

fn write_partial(store: &dyn Store, path: &Path, now: Timestamp) -> Result<Summary, ExportError> {
    let file = create_private(path).map_err(|error| file_error(path, error))?;
    let mut writer = Writer::new(file);
    let header = Header {
        format: FORMAT,
        made: now,
        record_schema: envelope::record_schema(),
        row_schema: envelope::row_schema(),
    };
    writer
        .line(&header)
        .map_err(|error| file_error(path, error))?;
    let mut summary = Summary::default();
    for item in store.scan() {
        let item = item?;
        writer
            .item(&item)
            .map_err(|error| file_error(path, error))?;
        summary.count(&item);
    }
    writer
        .finish(summary)
        .map_err(|error| file_error(path, error))?;
    Ok(summary)
}

fn verify_and_rename(
    partial: &Path,
    path: &Path,
    summary: Summary,
) -> Result<Summary, ExportError> {
    let found = check(partial)?;
    if found != summary {
        let error = io::Error::other("what was read back is not what was written");
        return Err(file_error(partial, error));
    }
    let rename = || {
        fs::rename(partial, path)?;
        match path.canonicalize()?.parent() {
            Some(parent) => sync_folder(parent),
            None => Ok(()),
        }
    };
    rename().map_err(|error| file_error(path, error))?;
    Ok(summary)
}

/// Creates a file that only its owner may read, since people's cards are in it.
fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    options.mode(0o600);
    options.open(path)
}

fn file_error(path: &Path, error: io::Error) -> ExportError {
    ExportError::File {
        path: path.to_owned(),
        error,
    }
}

/// Writes lines and computes their checksum.
struct Writer {
    file: BufWriter<File>,
    crc: crc32fast::Hasher,
}

impl Writer {
    fn new(file: File) -> Self {
        Self {
            file: BufWriter::new(file),
            crc: crc32fast::Hasher::new(),
        }
    }

    fn line(&mut self, line: &impl Serialize) -> io::Result<()> {
        let mut bytes = serde_json::to_vec(line)?;
        bytes.push(b'\n');
        self.crc.update(&bytes);
        self.file.write_all(&bytes)
    }

    fn item(&mut self, item: &Item) -> io::Result<()> {
        self.line(&match item {
            Item::Chat(chat, Versioned { version, record }) => WrittenLine::Chat {
                chat: *chat,
                version: *version,
                record,
            },
            Item::Row(row) => WrittenLine::Row { row },
        })
    }

    fn finish(mut self, summary: Summary) -> io::Result<()> {
        let crc32 = format!("{:08x}", self.crc.clone().finalize());
        self.line(&WrittenLine::End {
            end: End { summary, crc32 },
        })?;
        self.file.flush()?;
        self.file.get_ref().sync_all()
    }
}

/// The items of an export, in the order they were written.
#[derive(Debug)]
pub struct Reader {
    path: PathBuf,
    lines: BufReader<File>,
    header: Header,
    line: u64,
    crc: crc32fast::Hasher,
    summary: Summary,
    ended: bool,
}

impl Reader {
    fn open(path: &Path) -> Result<Self, ExportError> {
        let file = File::open(path).map_err(|error| file_error(path, error))?;
        let mut lines = BufReader::new(file);
        let mut bytes = Vec::new();
        lines
            .read_until(b'\n', &mut bytes)
            .map_err(|error| file_error(path, error))?;
        let mut crc = crc32fast::Hasher::new();
        crc.update(&bytes);
        let header = parse_header(&bytes).map_err(|fault| ExportError::Line {
            path: path.to_owned(),
            line: 1,
            fault,
        })?;
        Ok(Self {
            path: path.to_owned(),
            lines,
            header,
            line: 1,
            crc,
            summary: Summary::default(),
            ended: false,
        })
    }

    fn next_item(&mut self) -> Result<Option<Item>, ExportError> {
        let bytes = self.next_line()?;
        let line = parse_line(&bytes).map_err(|fault| self.fault(fault))?;
        let lifted = match line {
            Line::End { end } => return self.finish(&end).map(|()| None),
            Line::Chat {
                chat,
                version,
                record,
            } => envelope::lift_record(record, self.header.record_schema)
                .map(|record| Item::Chat(chat, Versioned { version, record })),
            Line::Row { row } => envelope::lift_row(row, self.header.row_schema).map(Item::Row),
        };
        let item = lifted.map_err(|error| self.fault(error.to_string()))?;
        self.crc.update(&bytes);
        self.summary.count(&item);
        Ok(Some(item))
    }

    fn next_line(&mut self) -> Result<Vec<u8>, ExportError> {
        let mut bytes = Vec::new();
        self.lines
            .read_until(b'\n', &mut bytes)
            .map_err(|error| file_error(&self.path, error))?;
        self.line += 1;
        if bytes.ends_with(b"\n") {
            Ok(bytes)
        } else {
            Err(self.fault("the file ends here, before its closing line".to_owned()))
        }
    }

    fn finish(&mut self, end: &End) -> Result<(), ExportError> {
        if end.summary != self.summary {
            let (said, found) = (end.summary, self.summary);
            return Err(self.fault(format!(
                "{} chats and {} replies were exported, and {} and {} are here",
                said.chats, said.rows, found.chats, found.rows
            )));
        }
        if end.crc32 != format!("{:08x}", self.crc.clone().finalize()) {
            return Err(self.fault("the checksum of the lines before is wrong".to_owned()));
        }
        let rest = self
            .lines
            .fill_buf()
            .map_err(|error| file_error(&self.path, error))?;
        if rest.is_empty() {
            Ok(())
        } else {
            Err(self.fault("something follows the closing line".to_owned()))
        }
    }

    fn fault(&self, fault: String) -> ExportError {
        ExportError::Line {
            path: self.path.clone(),
            line: self.line,
            fault,
        }
    }
}

impl Iterator for Reader {
    type Item = Result<Item, ExportError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let item = self.next_item().transpose();
        // Nothing is read after a fault or the last line.
        self.ended = !matches!(item, Some(Ok(_)));
        item
    }
}

fn parse_header(bytes: &[u8]) -> Result<Header, String> {
    let header: Header = serde_json::from_slice(bytes)
        .map_err(|_| "this is not an export of unbind-bot's store".to_owned())?;
    let newer = header.format > FORMAT
        || header.record_schema > envelope::record_schema()
        || header.row_schema > envelope::row_schema();
    if newer {
        return Err("a newer version of this program wrote it".to_owned());
    }
    Ok(header)
}

fn parse_line(bytes: &[u8]) -> Result<Line, String> {
    serde_json::from_slice(bytes).map_err(|_| "this line is damaged".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        dialogue::Reply,
        markup::RichText,
        store::{AddressedReply, Commit, memory::MemoryStore},
    };

    async fn filled() -> MemoryStore {
        let store = MemoryStore::new();
        for (chat, expected) in [(7, 0), (7, 1), (-1_001_234, 0), (9, 0)] {
            let commit = Commit {
                chat: ChatId(chat),
                expected,
                record: Some(Record {
                    keyboard: 5,
                    ..Record::default()
                }),
                replies: AddressedReply::to_chat(
                    ChatId(chat),
                    [Reply::new(RichText::plain("门禁卡 👍\n<b>"))],
                ),
                now: Timestamp::UNIX_EPOCH,
            };
            store.commit(commit).await.unwrap();
        }
        store
    }

    fn items(store: &dyn Store) -> Vec<Item> {
        store.scan().collect::<Result<_, _>>().unwrap()
    }

    async fn exported(folder: &Path) -> PathBuf {
        let path = folder.join("export.jsonl");
        write(&filled().await, &path, Timestamp::UNIX_EPOCH).unwrap();
        path
    }

    #[tokio::test]
    async fn what_was_exported_is_imported() {
        let folder = tempfile::tempdir().unwrap();
        let path = exported(folder.path()).await;
        let store = MemoryStore::new();
        let summary = import(&store, &path).await.unwrap();
        assert_eq!(summary, Summary { chats: 3, rows: 4 });
        assert_eq!(items(&store), items(&filled().await));
    }

    #[tokio::test]
    async fn an_export_leaves_nothing_beside_it_and_is_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = exported(folder.path()).await;
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        let mode =
            std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).unwrap().permissions());
        assert_eq!(mode & 0o077, 0);
        assert_eq!(check(&path).unwrap().chats, 3);
    }

    #[tokio::test]
    async fn a_store_with_something_in_it_is_not_imported_into() {
        let folder = tempfile::tempdir().unwrap();
        let path = exported(folder.path()).await;
        let store = filled().await;
        let forgetting = Commit {
            chat: ChatId(9),
            expected: 1,
            record: None,
            replies: Vec::new(),
            now: Timestamp::UNIX_EPOCH,
        };
        store.commit(forgetting).await.unwrap();
        let before = items(&store);
        let refused = import(&store, &path).await;
        assert!(matches!(refused, Err(ExportError::NotEmpty)));
        assert_eq!(items(&store), before);
    }

    #[tokio::test]
    async fn an_export_that_fails_leaves_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = exported(folder.path()).await;
        let before = fs::read(&path).unwrap();
        let store = filled().await;
        store.close().await.unwrap();
        assert!(write(&store, &path, Timestamp::UNIX_EPOCH).is_err());
        assert_eq!(fs::read(&path).unwrap(), before);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn any_change_to_the_file_is_refused_and_nothing_is_imported() {
        let folder = tempfile::tempdir().unwrap();
        let path = exported(folder.path()).await;
        let whole = fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut flipped = whole.clone();
            flipped[at] ^= 1;
            for damaged in [&flipped[..], &whole[..at]] {
                fs::write(&path, damaged).unwrap();
                let store = MemoryStore::new();
                assert!(import(&store, &path).await.is_err(), "at {at}");
                assert!(items(&store).is_empty());
            }
        }
    }

    #[tokio::test]
    async fn a_fault_is_reported_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = exported(folder.path()).await;
        let whole = fs::read_to_string(&path).unwrap();
        let report = |text: &str| {
            fs::write(&path, text).unwrap();
            check(&path).unwrap_err().to_string()
        };
        let lines: Vec<_> = whole.lines().collect();
        let joined = |lines: &[&str]| lines.join("\n") + "\n";
        let cases = [
            (String::new(), ":1: this is not an export"),
            (
                whole.replace("export\":1", "export\":2"),
                ":1: a newer version",
            ),
            (
                joined(&[&lines[..2], &["{"], &lines[2..]].concat()),
                ":3: this line is damaged",
            ),
            (
                joined(&[&lines[..2], &lines[3..]].concat()),
                ":8: 3 chats and 4 replies",
            ),
            (joined(&lines[..8]), ":9: the file ends here"),
            (
                whole.replacen("\"turn\":5", "\"turn\":6", 1),
                ":9: the checksum",
            ),
            (whole.clone() + "x", ":9: something follows"),
        ];
        for (text, expected) in cases {
            let error = report(&text);
            assert!(error.contains(expected), "{error}");
        }
    }

    #[tokio::test]
    async fn a_sound_store_is_verified_with_its_counts() {
        let verification = verify(&filled().await);
        assert_eq!(verification.intact, Summary { chats: 3, rows: 4 });
        assert!(verification.faults.is_empty());
    }
}
