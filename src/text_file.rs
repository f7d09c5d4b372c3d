//! Opens and reads the text files that people and their programs touch: knowledge, settings, questions, saved runs.
//!
//! Every kind of file is read the same way: never from a pipe or a device where a file is expected (reading one may never
//! end), never without a limit, in UTF-8, without a byte order mark and with plain line breaks.

use std::{
    fmt,
    fs::{self, File, FileType, OpenOptions},
    io::{self, Read},
    os::unix::fs::{FileTypeExt, OpenOptionsExt},
    path::Path,
};

/// The byte order mark that some Windows programs put before UTF-8.
pub const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";

/// Why a text file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TextFault {
    #[error(transparent)]
    Unreadable(#[from] io::Error),
    /// A folder, a pipe, a device.
    #[error("this is not a file but {0}")]
    NotAFile(Kind),
    /// Longer than this many bytes.
    #[error("the file is longer than {} MiB", .0 >> 20)]
    TooLong(u64),
    #[error("the file is saved as {0}, not as UTF-8")]
    OtherEncoding(&'static str),
    /// Not UTF-8, beginning on this line.
    #[error("the file is not UTF-8 text")]
    NotUtf8 { line: usize },
    /// A byte that no text has, on this line.
    #[error("there is a NUL character, which no text has")]
    Nul { line: usize },
}

impl TextFault {
    /// The line of the fault, if it is on one.
    pub fn line(&self) -> Option<usize> {
        match self {
            Self::NotUtf8 { line } | Self::Nul { line } => Some(*line),
            Self::Unreadable(_) | Self::NotAFile(_) | Self::TooLong(_) | Self::OtherEncoding(_) => {
                None
            }
        }
    }

    /// What to do about it.
    pub fn repair(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "make the file readable",
            Self::NotAFile(_) => "put a file there, or remove it",
            Self::TooLong(_) => "split it, or remove what does not belong here",
            Self::OtherEncoding(_) | Self::NotUtf8 { .. } => "save it as UTF-8",
            Self::Nul { .. } => "remove the character, or save the file as UTF-8",
        }
    }

    /// The fault with its place and repair, on one line.
    pub fn describe(&self, path: &Path) -> String {
        let place = path.display();
        let repair = self.repair();
        match self.line() {
            Some(line) => format!("{place}:{line}: {self}; {repair}"),
            None => format!("{place}: {self}; {repair}"),
        }
    }
}

/// What is at a path, in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    File,
    Folder,
    Pipe,
    Socket,
    /// One that is written and read as a stream, like `/dev/null` or a terminal.
    Device,
    Disk,
    /// The system knows no name for it.
    Unknown,
}

impl Kind {
    pub fn of(found: FileType) -> Self {
        let kinds = [
            (found.is_file(), Self::File),
            (found.is_dir(), Self::Folder),
            (found.is_fifo(), Self::Pipe),
            (found.is_socket(), Self::Socket),
            (found.is_char_device(), Self::Device),
            (found.is_block_device(), Self::Disk),
        ];
        let known = kinds.into_iter().find(|(is_it, _)| *is_it);
        known.map_or(Self::Unknown, |(_, kind)| kind)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::File => "a file",
            Self::Folder => "a folder",
            Self::Pipe => "a pipe",
            Self::Socket => "a socket",
            Self::Device => "a device",
            Self::Disk => "a disk",
            Self::Unknown => "something unknown",
        })
    }
}

/// Opens a file for reading; a pipe, a device or a folder is refused at once.
///
/// # Errors
/// It is not a file, or cannot be opened.
pub fn open_file(path: &Path) -> Result<File, TextFault> {
    // Asked first, since opening some devices already does something.
    refuse_others(fs::metadata(path)?.file_type())?;
    // In between, a pipe may have taken its place; without O_NONBLOCK, opening that would wait for a writer.
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(libc::O_NONBLOCK);
    let file = options.open(path)?;
    refuse_others(file.metadata()?.file_type())?;
    Ok(file)
}

fn refuse_others(found: FileType) -> Result<(), TextFault> {
    match Kind::of(found) {
        Kind::File => Ok(()),
        other => Err(TextFault::NotAFile(other)),
    }
}

/// Reads a file of at most `max_bytes`.
///
/// # Errors
/// It is not a file, or cannot be read as text.
pub fn read_file(path: &Path, max_bytes: u64) -> Result<String, TextFault> {
    read_text(open_file(path)?, max_bytes)
}

/// Reads what an argument names, at most `max_bytes`: a file, or a pipe such as `/dev/stdin` or `<(…)`.
///
/// # Errors
/// It is a folder, or cannot be read as text.
pub fn read_argument(path: &Path, max_bytes: u64) -> Result<String, TextFault> {
    let file = File::open(path)?;
    match Kind::of(file.metadata()?.file_type()) {
        Kind::Folder => Err(TextFault::NotAFile(Kind::Folder)),
        Kind::File | Kind::Pipe | Kind::Socket | Kind::Device | Kind::Disk | Kind::Unknown => {
            read_text(file, max_bytes)
        }
    }
}

fn read_text(file: impl Read, max_bytes: u64) -> Result<String, TextFault> {
    let mut bytes = Vec::new();
    file.take(max_bytes.saturating_add(1))
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max_bytes {
        return Err(TextFault::TooLong(max_bytes));
    }
    decode(&bytes)
}

/// The text that these bytes of a file are: without a byte order mark, each line ended by a line feed alone.
///
/// # Errors
/// They are not UTF-8 text.
pub fn decode(bytes: &[u8]) -> Result<String, TextFault> {
    if let Some(encoding) = other_encoding(bytes) {
        return Err(TextFault::OtherEncoding(encoding));
    }
    let bytes = bytes.strip_prefix(UTF8_MARK).unwrap_or(bytes);
    let text = str::from_utf8(bytes).map_err(|error| TextFault::NotUtf8 {
        line: line_at(bytes, error.valid_up_to()),
    })?;
    if let Some(at) = text.find('\0') {
        return Err(TextFault::Nul {
            line: line_at(bytes, at),
        });
    }
    // A carriage return alone ended lines on old Macs.
    Ok(text.replace("\r\n", "\n").replace('\r', "\n"))
}

/// The line of a place in a text, from 1.
fn line_at(bytes: &[u8], at: usize) -> usize {
    1 + bytes[..at].iter().filter(|byte| **byte == b'\n').count()
}

/// The encoding these bytes begin in, if that is not UTF-8: told by its byte order mark or, for Latin text, by the NUL
/// beside the first character.
pub fn other_encoding(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => Some("UTF-32"),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some("UTF-16"),
        [first, 0, second, 0, ..] | [0, first, 0, second, ..] if *first != 0 && *second != 0 => {
            Some("UTF-16")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(read: Result<String, TextFault>) -> String {
        read.expect_err("refused").describe(Path::new("f"))
    }

    fn utf16(text: &str, unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(unit).collect()
    }

    #[test]
    fn marks_and_carriage_returns_are_left_out() {
        for bytes in [
            "\u{feff}门禁卡\r\nb\r\n",
            "门禁卡\nb\n",
            "门禁卡\rb\r",
            "\u{feff}门禁卡\nb\r\n",
        ] {
            let text = decode(bytes.as_bytes()).expect(bytes);
            assert_eq!(text, "门禁卡\nb\n", "{bytes:?}");
        }
        assert_eq!(decode(b"").expect("empty"), "");
        assert_eq!(decode(UTF8_MARK).expect("only a mark"), "");
    }

    #[test]
    fn other_encodings_are_told_by_name() {
        for bytes in [
            utf16("\u{feff}门禁卡", u16::to_le_bytes),
            utf16("\u{feff}a = 1", u16::to_be_bytes),
            utf16("a = 1", u16::to_le_bytes),
            utf16("a = 1", u16::to_be_bytes),
        ] {
            let said = says(decode(&bytes));
            assert_eq!(
                said,
                "f: the file is saved as UTF-16, not as UTF-8; save it as UTF-8"
            );
        }
        assert!(says(decode(b"\xff\xfe\0\0a\0\0\0")).contains("UTF-32"));
        // 门禁卡 in GB 18030, as a Chinese Windows saves text.
        let gb = b"# a\n\xc3\xc5\xbd\xfb\xbf\xa8\n";
        assert_eq!(
            says(decode(gb)),
            "f:2: the file is not UTF-8 text; save it as UTF-8"
        );
        assert!(says(decode(b"a\n\nb\0c")).starts_with("f:3: there is a NUL"));
    }

    #[test]
    fn only_files_are_opened_where_a_file_is_expected() {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).expect("a socket");
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.expect("`mkfifo` runs").success());
        for (path, kind) in [
            (folder.path(), "a folder"),
            (&socket, "a socket"),
            (&pipe, "a pipe"),
            (Path::new("/dev/zero"), "a device"),
        ] {
            let said = read_file(path, 10).expect_err(kind).to_string();
            assert_eq!(said, format!("this is not a file but {kind}"));
        }
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&pipe, &link).expect("a link");
        assert!(matches!(
            read_file(&link, 10),
            Err(TextFault::NotAFile(Kind::Pipe))
        ));
        assert!(matches!(
            read_argument(Path::new("/dev/zero"), 10),
            Err(TextFault::TooLong(10))
        ));
        assert_eq!(
            read_argument(Path::new("/dev/null"), 10).expect("empty"),
            ""
        );
    }
}
