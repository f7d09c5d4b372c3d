//! The lines of an export: how each is written, and read again.

use std::{
    fs::File,
    io::{self, BufRead, BufWriter, Read, Write},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    dialogue::{ChatId, Record},
    store::{Item, OutboxRow, Versioned, envelope},
    text_file::{UTF8_MARK, other_encoding},
};

/// The version of the file's layout; a newer one is refused.
const FORMAT: u32 = 1;
/// Longest first line that is read; what has none is no export, and may never end.
pub(super) const MAX_HEADER_BYTES: u64 = 4096;
/// Longest line that is read, far above any record, so that a file of something else does not fill the memory.
pub(super) const MAX_LINE_BYTES: u64 = 64 * 1024 * 1024;

/// What a file or a store contains.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    pub chats: u64,
    /// Replies not yet sent.
    pub rows: u64,
}

impl Summary {
    pub(super) fn count(&mut self, item: &Item) {
        match item {
            Item::Chat(..) => self.chats += 1,
            Item::Row(_) => self.rows += 1,
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Header {
    #[serde(rename = "unbind_bot_export")]
    format: u32,
    made: Timestamp,
    pub(super) record_schema: u16,
    pub(super) row_schema: u16,
}

impl Header {
    /// Of an export that this program makes now.
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            format: FORMAT,
            made: now,
            record_schema: envelope::record_schema(),
            row_schema: envelope::row_schema(),
        }
    }
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
pub(super) enum Line {
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
pub(super) struct End {
    #[serde(flatten)]
    pub(super) summary: Summary,
    pub(super) crc32: String,
}

/// Writes lines and computes their checksum.
pub(super) struct Writer {
    file: BufWriter<File>,
    crc: crc32fast::Hasher,
}

impl Writer {
    pub(super) fn new(file: File) -> Self {
        Self {
            file: BufWriter::new(file),
            crc: crc32fast::Hasher::new(),
        }
    }

    pub(super) fn line(&mut self, line: &impl Serialize) -> io::Result<()> {
        let mut bytes = serde_json::to_vec(line)?;
        bytes.push(b'\n');
        self.crc.update(&bytes);
        self.file.write_all(&bytes)
    }

    pub(super) fn item(&mut self, item: &Item) -> io::Result<()> {
        self.line(&match item {
            Item::Chat(chat, Versioned { version, record }) => WrittenLine::Chat {
                chat: *chat,
                version: *version,
                record,
            },
            Item::Row(row) => WrittenLine::Row { row },
        })
    }

    pub(super) fn finish(mut self, summary: Summary) -> io::Result<File> {
        let crc32 = format!("{:08x}", self.crc.clone().finalize());
        self.line(&WrittenLine::End {
            end: End { summary, crc32 },
        })?;
        self.file
            .into_inner()
            .map_err(io::IntoInnerError::into_error)
    }
}

/// Reads a line of at most `max_bytes`. A carriage return before the line feed, as programs on Windows add it, is left out.
pub(super) fn read_line(lines: &mut impl BufRead, max_bytes: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    lines.take(max_bytes).read_until(b'\n', &mut bytes)?;
    if bytes.ends_with(b"\r\n") {
        bytes.truncate(bytes.len() - 2);
        bytes.push(b'\n');
    }
    Ok(bytes)
}

pub(super) fn parse_header(bytes: &[u8]) -> Result<Header, String> {
    if let Some(encoding) = other_encoding(bytes) {
        return Err(format!("the file is saved as {encoding}, not as UTF-8"));
    }
    let bytes = bytes.strip_prefix(UTF8_MARK).unwrap_or(bytes);
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

pub(super) fn parse_line(bytes: &[u8]) -> Result<Line, String> {
    serde_json::from_slice(bytes).map_err(|_| "this line is damaged".to_owned())
}
