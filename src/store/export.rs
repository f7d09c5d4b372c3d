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
//! A file under its final name is complete: it is written under another name, synced, read back, and then renamed. `target`
//! says what else can be written to, `source` what can be read.

mod fault;
mod lines;
mod reader;
mod source;
mod target;

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, Seek},
    path::{Path, PathBuf},
};

use jiff::Timestamp;

use self::{
    fault::file_error,
    lines::{Header, Writer},
    reader::Reader,
};
use super::{RESTORE_BATCH, Store, StoreError, files::sync_folder};

pub use self::{fault::ExportError, lines::Summary, target::Target};

/// The result of verifying a store.
#[derive(Debug, Default)]
pub struct Verification {
    /// Counts of the undamaged values.
    pub intact: Summary,
    /// One error for each damaged value.
    pub faults: Vec<StoreError>,
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

/// Writes everything in `store` to `target`. What is written to a stream is not read back.
///
/// # Errors
/// As [`write()`].
pub fn write_to(store: &dyn Store, target: Target, now: Timestamp) -> Result<Summary, ExportError> {
    match target {
        Target::File(path) => write(store, &path, now),
        Target::Stream { name, stream } => Ok(write_items(store, stream, &name, now)?.0),
        Target::StandardOutput(stream) => {
            Ok(write_items(store, stream, Path::new("standard output"), now)?.0)
        }
    }
}

/// An export to be imported: a file, or what came through a pipe, kept in a file.
#[derive(Debug)]
pub struct ExportFile {
    name: PathBuf,
    file: File,
}

impl ExportFile {
    /// Opens the file at `path`; reads a pipe, or standard input for `-`, to its end.
    ///
    /// # Errors
    /// It cannot be read, or is no export of a version this program knows.
    pub fn open(path: &Path) -> Result<Self, ExportError> {
        let file = source::open(path)?;
        let name = path.to_owned();
        Ok(Self { name, file })
    }

    /// Reads the whole file and says what is in it.
    ///
    /// # Errors
    /// The first fault, with its line.
    pub fn check(&self) -> Result<Summary, ExportError> {
        let mut reader = self.read()?;
        reader.by_ref().try_for_each(|item| item.map(drop))?;
        Ok(reader.summary())
    }

    /// Reads the file, item by item. The last item is an error unless the file is complete.
    pub(super) fn read(&self) -> Result<Reader, ExportError> {
        let again = || {
            let mut file = self.file.try_clone()?;
            file.rewind()?;
            Ok(file)
        };
        let file = again().map_err(|error| file_error(&self.name, error))?;
        Reader::new(&self.name, file)
    }

    /// Imports it into an empty store. The whole file is checked before anything is written. If the store fails meanwhile,
    /// delete it: it has only a part of the file.
    ///
    /// # Errors
    /// [`ExportError::NotEmpty`], a fault in the file, or the store's error.
    pub async fn import(&self, store: &dyn Store) -> Result<Summary, ExportError> {
        let summary = self.check()?;
        if let Some(item) = store.scan().next() {
            item?;
            return Err(ExportError::NotEmpty);
        }
        let mut items = self.read()?;
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
}

/// Reads the whole file at `path` and says what is in it.
///
/// # Errors
/// The first fault, with its line.
pub fn check(path: &Path) -> Result<Summary, ExportError> {
    ExportFile::open(path)?.check()
}

/// Imports the file at `path` into an empty store.
///
/// # Errors
/// As [`ExportFile::import`].
pub async fn import(store: &dyn Store, path: &Path) -> Result<Summary, ExportError> {
    ExportFile::open(path)?.import(store).await
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
    let file = target::create_private(path).map_err(|error| file_error(path, error))?;
    let (summary, file) = write_items(store, file, path, now)?;
    file.sync_all().map_err(|error| file_error(path, error))?;
    Ok(summary)
}

/// Writes everything in `store` to `output`, called `name` in errors; returns it when all is written.
fn write_items(
    store: &dyn Store,
    output: File,
    name: &Path,
    now: Timestamp,
) -> Result<(Summary, File), ExportError> {
    let failed = |error| file_error(name, error);
    let mut writer = Writer::new(output);
    writer.line(&Header::new(now)).map_err(failed)?;
    let mut summary = Summary::default();
    for item in store.scan() {
        let item = item?;
        writer.item(&item).map_err(failed)?;
        summary.count(&item);
    }
    let output = writer.finish(summary).map_err(failed)?;
    Ok((summary, output))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        dialogue::{ChatId, Record, Reply},
        markup::RichText,
        store::{AddressedReply, Commit, Item, memory::MemoryStore},
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
