//! Faults of a knowledge base, with their lines. `load` and `parse` report those of single files, `check` those between
//! files.

use std::{
    fmt,
    ops::Range,
    path::{Path, PathBuf},
};

/// A fault of a knowledge base, described for its author.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub path: PathBuf,
    /// From 1; `None` for a fault of the whole file.
    pub line: Option<usize>,
    /// What is wrong.
    pub fault: String,
    /// What to do about it.
    pub repair: String,
}

impl Fault {
    /// A fault of a whole file.
    pub fn in_file(path: &Path, fault: impl ToString, repair: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line: None,
            fault: fault.to_string(),
            repair: repair.into(),
        }
    }

    /// A fault on a line.
    pub fn at(path: &Path, line: usize, fault: impl ToString, repair: impl Into<String>) -> Self {
        Self {
            line: Some(line),
            ..Self::in_file(path, fault, repair)
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.path.display())?;
        if let Some(line) = self.line {
            write!(f, "{line}:")?;
        }
        write!(f, " {}; {}", self.fault, self.repair)
    }
}

/// All faults of a base, shown one a line.
#[derive(Debug, Clone, Default, PartialEq, Eq, thiserror::Error)]
pub struct Faults(pub Vec<Fault>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|fault| writeln!(f, "{fault}"))
    }
}

/// The line on which a byte range begins, in a text whose first line is `first_line`.
pub fn line_of(text: &str, first_line: usize, range: &Range<usize>) -> usize {
    first_line
        + text
            .get(..range.start)
            .map_or(0, |before| before.matches('\n').count())
}
