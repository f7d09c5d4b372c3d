//! What an export is read from. It is read twice, first to check it; so what comes through a pipe is kept in a file
//! meanwhile, which has no name and which nobody else can open.

use std::{
    env,
    fs::File,
    io::{self, BufReader, Seek, Write},
    os::fd::AsFd,
    path::Path,
};

use super::{
    fault::{ExportError, file_error, first_line_fault},
    lines::{MAX_HEADER_BYTES, parse_header, read_line},
    target::descriptor,
};
use crate::text_file::Kind;

/// Opens the file at `path`, or reads all of what is no file; `-` is standard input.
pub(super) fn open(path: &Path) -> Result<File, ExportError> {
    let file = open_any(path).map_err(|error| file_error(path, error))?;
    let found = file.metadata().map_err(|error| file_error(path, error))?;
    match Kind::of(found.file_type()) {
        Kind::File => Ok(file),
        Kind::Pipe | Kind::Socket | Kind::Device => keep(path, file),
        kind @ (Kind::Folder | Kind::Disk | Kind::Unknown) => Err(ExportError::Unfit {
            path: path.to_owned(),
            kind,
        }),
    }
}

fn open_any(path: &Path) -> io::Result<File> {
    // `/dev/stdin` leads there by a link.
    let target = path.read_link().unwrap_or_else(|_| path.to_owned());
    let is_input = [path, &target].map(descriptor).contains(&Some(0));
    if path == Path::new("-") || is_input {
        return Ok(io::stdin().as_fd().try_clone_to_owned()?.into());
    }
    File::open(path)
}

/// Copies a stream into a file without a name. Its first line is checked at once, since what is no export may never end.
fn keep(path: &Path, stream: File) -> Result<File, ExportError> {
    let mut stream = BufReader::new(stream);
    let first =
        read_line(&mut stream, MAX_HEADER_BYTES).map_err(|error| file_error(path, error))?;
    parse_header(&first).map_err(|fault| first_line_fault(path, fault))?;
    let mut copy = || {
        let mut file = tempfile::tempfile()?;
        file.write_all(&first)?;
        io::copy(&mut stream, &mut file)?;
        file.rewind()?;
        Ok(file)
    };
    copy().map_err(|error: io::Error| {
        let place = env::temp_dir().display().to_string();
        let fault = format!("cannot keep what was read in {place}: {error}");
        file_error(path, io::Error::new(error.kind(), fault))
    })
}
