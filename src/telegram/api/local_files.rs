//! Files of a Bot API server that runs with `--local`: it names them by their path on its own disk and does not serve
//! them over HTTP. They are read only below the folder that the operator has named.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Component, Path, PathBuf},
};

/// Reads a file below `folder`, at most `most` bytes; `None` if it has more.
///
/// # Errors
/// It is not there, no file, or not below the folder.
pub fn read_below(folder: &Path, path: &Path, most: usize) -> io::Result<Option<Vec<u8>>> {
    // Links are followed first, so that none leads out of the folder.
    let (folder, path) = (fs::canonicalize(folder)?, fs::canonicalize(path)?);
    if !path.starts_with(&folder) {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "it is not below that folder",
        ));
    }
    // A pipe would be read for ever.
    if !fs::metadata(&path)?.is_file() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "it is no regular file",
        ));
    }
    let mut bytes = Vec::new();
    let limit = most as u64 + 1;
    File::open(&path)?.take(limit).read_to_end(&mut bytes)?;
    Ok((bytes.len() <= most).then_some(bytes))
}

/// Whether the server names a file by its path on disk.
pub fn is_on_disk(path: &str) -> bool {
    let is_windows = path.as_bytes().get(1) == Some(&b':');
    path.starts_with('/') || is_windows
}

/// The folder in which the server keeps its files. Its path is shown up to the folder of the bot, which is named after
/// the token.
pub fn folder_to_name(path: &str, token: &str) -> String {
    let bot = token.split(':').next().unwrap_or_default();
    let is_of_bot = |part: &Component<'_>| {
        let part = part.as_os_str().to_string_lossy();
        part.contains(token) || (!bot.is_empty() && part.starts_with(bot))
    };
    let parts = Path::new(path).components();
    let shown: PathBuf = parts.take_while(|part| !is_of_bot(part)).collect();
    let has_bot = shown != Path::new(path);
    let folder = if has_bot {
        Some(shown.as_path())
    } else {
        shown.parent()
    };
    folder.unwrap_or(&shown).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_only_if_it_is_below_the_folder() {
        let place = tempfile::tempdir().expect("a folder");
        let (folder, outside) = (place.path().join("files"), place.path().join("outside"));
        fs::create_dir_all(folder.join("bot/documents")).expect("folders");
        let file = folder.join("bot/documents/file_9.json");
        fs::write(&file, b"cards").expect("written");
        fs::write(&outside, b"secret").expect("written");
        let link = folder.join("link.json");
        std::os::unix::fs::symlink(&outside, &link).expect("a link");
        let sibling = place.path().join("files-of-others");
        fs::create_dir(&sibling).expect("a folder");
        fs::write(sibling.join("x"), b"secret").expect("written");
        let read = |path: &Path, most| read_below(&folder, path, most);
        assert_eq!(read(&file, 5).expect("read"), Some(b"cards".to_vec()));
        assert_eq!(read(&file, 4).expect("read"), None);
        for path in [
            outside.clone(),
            folder.join("../outside"),
            folder.join("bot/../../outside"),
            link,
            folder.clone(),
            sibling.join("x"),
            folder.join("nothing"),
            "/dev/zero".into(),
            "/proc/self/environ".into(),
        ] {
            assert!(read(&path, 100).is_err(), "{}", path.display());
        }
        assert!(read_below(&place.path().join("nothing"), &file, 5).is_err());
    }

    #[test]
    fn the_folder_is_named_and_the_token_is_not() {
        let token = "12345:SECRET";
        for (path, folder) in [
            (
                "/var/lib/telegram-bot-api/12345:SECRET/documents/file_9.json",
                "/var/lib/telegram-bot-api",
            ),
            ("/srv/12345~SECRET/file_9.json", "/srv"),
            ("/srv/files/documents/file_9.json", "/srv/files/documents"),
            ("/12345:SECRET", "/"),
        ] {
            assert_eq!(folder_to_name(path, token), folder);
        }
        assert!(is_on_disk("/x") && is_on_disk("C:\\x") && !is_on_disk("documents/file_1"));
    }
}
