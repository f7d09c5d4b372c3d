//! Reads an export item by item, and checks it on the way.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
};

use super::{
    fault::{ExportError, file_error, first_line_fault},
    lines::{
        End, Header, Line, MAX_HEADER_BYTES, MAX_LINE_BYTES, Summary, parse_header, parse_line,
        read_line,
    },
};
use crate::{
    store::{Item, Versioned, envelope},
    text_file::UTF8_MARK,
};

/// The items of an export, in the order they were written.
#[derive(Debug)]
pub(in crate::store) struct Reader {
    path: PathBuf,
    lines: BufReader<File>,
    header: Header,
    line: u64,
    crc: crc32fast::Hasher,
    summary: Summary,
    ended: bool,
}

impl Reader {
    pub(super) fn new(path: &Path, file: File) -> Result<Self, ExportError> {
        let mut lines = BufReader::new(file);
        let bytes =
            read_line(&mut lines, MAX_HEADER_BYTES).map_err(|error| file_error(path, error))?;
        let header = parse_header(&bytes).map_err(|fault| first_line_fault(path, fault))?;
        let bytes = bytes.strip_prefix(UTF8_MARK).unwrap_or(&bytes);
        let mut crc = crc32fast::Hasher::new();
        crc.update(bytes);
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

    /// What was read so far.
    pub(super) fn summary(&self) -> Summary {
        self.summary
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
        let bytes = read_line(&mut self.lines, MAX_LINE_BYTES)
            .map_err(|error| file_error(&self.path, error))?;
        self.line += 1;
        if bytes.ends_with(b"\n") {
            Ok(bytes)
        } else if bytes.len() as u64 == MAX_LINE_BYTES {
            Err(self.fault("this line is too long for an export".to_owned()))
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
