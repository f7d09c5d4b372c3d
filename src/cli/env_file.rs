//! Reads the file `.env` of this folder into the environment. dotenvy reads its lines; the faults are told here, since
//! dotenvy's quote the value at fault, which may be a secret.

use std::{
    cell::Cell,
    env,
    io::{self, Read},
    path::Path,
};

use super::common::Failure;
use crate::text_file::{self, TextFault};

/// The file, in this folder only: one in a folder above belongs to something else.
const FILE: &str = ".env";
/// Largest file that is read, far above any settings.
const MAX_BYTES: u64 = 1024 * 1024;

/// Sets the variables of `.env`, if there is one. Those of the real environment win, unless they are empty: programs that
/// start others pass on variables without a value.
///
/// # Errors
/// The file cannot be read, or one of its lines is wrong; nothing of a value is shown.
pub(super) fn load() -> Result<(), Failure> {
    let path = Path::new(FILE);
    if path
        .symlink_metadata()
        .is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
    {
        return Ok(());
    }
    let wrong = |fault: TextFault| Failure::Settings(fault.describe(path));
    let text = text_file::read_file(path, MAX_BYTES).map_err(wrong)?;
    let variables = parse(&text).map_err(|fault| {
        Failure::Settings(format!(
            "{FILE}:{}: {}; write NAME=value, with quotes around a value that has spaces, quotes or `#`",
            fault.line, fault.says
        ))
    })?;
    for variable in variables {
        if is_unset(&variable.name) {
            // dotenvy sets it: doing so is safe here, since no other thread runs yet.
            dotenvy::from_read_override(variable.written.as_bytes())
                .map_err(|_| unset(&variable))?;
        }
    }
    Ok(())
}

fn is_unset(name: &str) -> bool {
    env::var_os(name).is_none_or(|value| value.to_string_lossy().trim().is_empty())
}

fn unset(variable: &Variable) -> Failure {
    Failure::Settings(format!(
        "{FILE}:{}: this variable cannot be set",
        variable.line
    ))
}

/// A variable as it is written in the file.
#[derive(Debug, PartialEq, Eq)]
struct Variable {
    name: String,
    /// Its line, or lines if a quoted value has several.
    written: String,
    line: usize,
}

/// A line that cannot be read.
#[derive(Debug, PartialEq, Eq)]
struct LineFault {
    /// From 1.
    line: usize,
    says: String,
}

/// The variables of a file, in its order.
fn parse(text: &str) -> Result<Vec<Variable>, LineFault> {
    // Without its last line break, a blank at the end of the file would be a fault.
    let lines: Vec<String> = text.lines().map(|line| format!("{line}\n")).collect();
    let taken = Cell::new(0);
    let mut items = dotenvy::from_read_iter(LineByLine {
        lines: &lines,
        within: 0,
        taken: &taken,
    });
    let mut variables = Vec::new();
    loop {
        let before = taken.get();
        let item = items.next();
        let Some(first) = (before..taken.get()).find(|line| !is_skipped(&lines[*line])) else {
            return Ok(variables);
        };
        match item {
            None => return Ok(variables),
            Some(Ok((name, _))) => variables.push(Variable {
                name,
                written: lines[first..taken.get()].concat(),
                line: first + 1,
            }),
            Some(Err(_)) => {
                let is_open = taken.get() > first + 1;
                return Err(LineFault {
                    line: first + 1,
                    says: describe_fault(&lines[first], is_open),
                });
            }
        }
    }
}

/// Whether dotenvy skips a line on which no value goes on.
fn is_skipped(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with('#')
}

/// What is wrong with a line, without anything of its value.
fn describe_fault(line: &str, is_open: bool) -> String {
    let Some((before, _)) = line.split_once('=') else {
        return "there is no `=` on this line".to_owned();
    };
    let name = before.trim();
    let name = name.strip_prefix("export ").unwrap_or(name).trim();
    let subject = if is_shown(name) {
        format!("the value of {name}")
    } else {
        "this line".to_owned()
    };
    if is_open {
        format!("{subject} opens a quotation mark that is not closed on that line")
    } else {
        format!("{subject} cannot be read")
    }
}

/// Whether what stands before `=` is a name beyond doubt: a secret that got there has digits or small letters.
fn is_shown(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c == '_')
}

/// Gives out one line at a time, so that `taken` tells which lines were used for the last variable.
struct LineByLine<'a> {
    lines: &'a [String],
    /// Bytes given out of the present line.
    within: usize,
    taken: &'a Cell<usize>,
}

impl Read for LineByLine<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(line) = self.lines.get(self.taken.get()) else {
            return Ok(0);
        };
        let mut rest = &line.as_bytes()[self.within..];
        let read = rest.read(buffer)?;
        self.within += read;
        if rest.is_empty() {
            self.within = 0;
            self.taken.set(self.taken.get() + 1);
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, usize)> {
        let variables = parse(text).expect(text).into_iter();
        variables.map(|found| (found.name, found.line)).collect()
    }

    #[test]
    fn variables_are_read_with_their_lines() {
        let text = "# a comment\n\nLOG=info # a level\nexport SEND_RATE='3'\n\nOTHER=\"a\n# b\n\nc\"\nLAST=x ";
        let found = [("LOG", 3), ("SEND_RATE", 4), ("OTHER", 6), ("LAST", 10)];
        assert_eq!(
            read(text),
            found.map(|(name, line)| (name.to_owned(), line))
        );
        assert_eq!(read(""), []);
        assert_eq!(read("\n# only\n#comments"), []);
        let long = format!("A={}\nB=1\n", "x".repeat(20_000));
        assert_eq!(read(&long), [("A".to_owned(), 1), ("B".to_owned(), 2)]);
    }

    #[test]
    fn a_fault_names_its_line_and_nothing_of_the_value() {
        for (text, line, says) in [
            (
                "WEBHOOK_SECRET=hunter2hunter2 extra",
                1,
                "WEBHOOK_SECRET cannot be read",
            ),
            (
                "\n\nTELOXIDE_TOKEN=987654321:AAhunter2 more\nLOG=info",
                3,
                "TELOXIDE_TOKEN cannot be read",
            ),
            ("LOG=info\nhunter2hunter2\n", 2, "no `=`"),
            (
                "# x\nWEBHOOK_SECRET=hunter2\"\nLOG=info\n",
                2,
                "WEBHOOK_SECRET opens a quotation mark",
            ),
            (
                "A=1\nNOTE=don't hunter2\nLOG=info\n",
                2,
                "NOTE opens a quotation mark",
            ),
            ("987654321:AAhunter2=x\n", 1, "this line cannot be read"),
            ("HUNTER2=x y", 1, "this line cannot be read"),
            ("export LOG=hunter2 y", 1, "LOG cannot be read"),
            ("LOG=\\hunter2", 1, "LOG cannot be read"),
        ] {
            let fault = parse(text).expect_err(text);
            assert_eq!(fault.line, line, "{text}: {fault:?}");
            assert!(fault.says.contains(says), "{text}: {fault:?}");
            assert!(!fault.says.to_lowercase().contains("hunter2"), "{fault:?}");
        }
    }
}
