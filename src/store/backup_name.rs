//! The names of backups: the time they were made, which sorts, and is valid on every file system.

use std::{fs, path::Path};

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

/// The format of a time in a name.
const FORMAT: &str = "%Y-%m-%dT%H-%M-%SZ";
const EXTENSION: &str = ".jsonl";

/// A time as a part of a name.
pub(super) fn time_text(time: Timestamp) -> String {
    time.strftime(FORMAT).to_string()
}

/// The name of a backup made at this time.
pub(super) fn backup_name(made: Timestamp) -> String {
    format!("{}{EXTENSION}", time_text(made))
}

/// The time in a backup's name; `None` for the name of another file.
pub(super) fn time_in_name(name: &str) -> Option<Timestamp> {
    let text = name.strip_suffix(EXTENSION)?;
    let time = DateTime::strptime(FORMAT, text).ok()?;
    TimeZone::UTC.to_timestamp(time).ok()
}

/// Whether a folder has a file with the name of a backup.
pub(super) fn holds_backups(folder: &Path) -> bool {
    let mut entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.any(|entry| entry.file_name().to_str().and_then(time_in_name).is_some())
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn a_backup_is_recognised_by_the_time_in_its_name() {
        let time = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(499_999);
        assert_eq!(time_in_name(&backup_name(time)), Some(time));
        for other in [
            "",
            "a.jsonl",
            "2026-01-01T00-00-00Z.jsonl.partial",
            "门.jsonl",
        ] {
            assert_eq!(time_in_name(other), None, "{other}");
        }
    }
}
