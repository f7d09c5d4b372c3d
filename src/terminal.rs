//! The terminal as a channel: a line becomes an event, a reply becomes text with numbered choices.
//!
//! Reads and writes a terminal or a pipe; `render` does the layout. Nothing is printed while the person types, so reminders
//! that are due come before the next turn.

pub mod render;

use std::{
    fs,
    io::{self, BufRead, Read, Write},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use unicode_width::UnicodeWidthStr;

use self::render::{NUMBER, NumberedChoice};
use crate::{
    assistant::{Assistant, ChatStatus, HandleError, Handled},
    dialogue::{
        Attachment, Channel, ChatId, Choice, Command, Event, Input, MAX_FILE_BYTES, MessageId,
        Press, Receipt, Unreadable,
    },
    knowledge::{Language, lines::Value},
    store::{Mark, OutboxRow, StoreError},
    text_file,
};

/// Longest line, for readability.
const MAX_COLUMNS: usize = 88;
/// Width for a pipe.
const DEFAULT_COLUMNS: usize = 80;
/// Longest line that is read; the rest of it is ignored.
const MAX_LINE_BYTES: u64 = 64 * 1024;

const PROMPT: &str = "> ";
/// The message id of every press: the terminal has no messages to edit.
const MESSAGE: MessageId = MessageId(0);

/// Why the conversation ended before the input did.
#[derive(Debug, thiserror::Error)]
pub enum TerminalError {
    /// A turn was not committed.
    #[error(transparent)]
    Turn(#[from] HandleError),
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The terminal could not be read or written.
    #[error("the terminal cannot be used: {0}")]
    Io(#[from] io::Error),
}

/// How the terminal is used.
#[derive(Debug, Clone)]
pub struct TerminalSettings {
    /// The person's language, if it is set.
    pub language: Option<Language>,
    /// The width; 0 for a pipe.
    pub columns: usize,
    /// Whether to print a prompt, because a person types.
    pub prompt: bool,
    /// The folder for files given to the person.
    pub files: PathBuf,
}

/// A conversation with the person at the terminal.
pub struct Terminal<'a, W> {
    assistant: &'a Assistant,
    clock: &'a (dyn Fn() -> Timestamp + Sync),
    settings: TerminalSettings,
    output: W,
    choices: Vec<NumberedChoice>,
    /// The width of the last typed line with its prompt; 0 if it is not on a screen.
    typed_columns: usize,
}

impl<'a, W: Write> Terminal<'a, W> {
    pub fn new(
        assistant: &'a Assistant,
        clock: &'a (dyn Fn() -> Timestamp + Sync),
        settings: TerminalSettings,
        output: W,
    ) -> Self {
        Self {
            assistant,
            clock,
            settings,
            output,
            choices: Vec::new(),
            typed_columns: 0,
        }
    }

    /// The width text is wrapped to.
    fn columns(&self) -> usize {
        match self.settings.columns {
            0 => DEFAULT_COLUMNS,
            columns => columns.min(MAX_COLUMNS),
        }
    }

    /// Reads and answers lines until the input ends.
    ///
    /// # Errors
    /// The store or the terminal failed; earlier turns are stored.
    pub async fn run(&mut self, mut input: impl BufRead) -> Result<(), TerminalError> {
        self.start_conversation().await?;
        loop {
            if self.settings.prompt {
                write!(self.output, "{NUMBER}{PROMPT}{NUMBER:#}")?;
                self.output.flush()?;
            }
            let Some(line) = read_line(&mut input)? else {
                break;
            };
            if line.trim().is_empty() {
                continue;
            }
            if self.settings.prompt {
                self.typed_columns =
                    (PROMPT.to_owned() + line.trim_end_matches(['\r', '\n'])).width();
            }
            match self.parse_line(line.trim()) {
                Ok(input) => self.handle_input(input).await?,
                // A card may be named after a room number.
                Err(_) if self.status()?.awaits_text => {
                    self.handle_input(Input::from_text(line.trim())).await?;
                }
                Err(number) => self.no_such_choice(number)?,
            }
        }
        if self.settings.prompt {
            writeln!(self.output)?;
        }
        Ok(())
    }

    /// Prints a greeting and unread replies, and continues where the chat is.
    async fn start_conversation(&mut self) -> Result<(), TerminalError> {
        let status = self.status()?;
        self.print_line("terminal-hello", &[])?;
        let rows = self.assistant.store().outbox()?.into_iter();
        let unread = rows.filter(|row| match row.to.channel {
            Channel::Terminal => true,
            Channel::Telegram => false,
        });
        self.print_replies(unread.collect()).await?;
        let first = match status.resumes {
            None => Input::Command(Command::Start, String::new()),
            Some(keyboard) => press(Press::new(keyboard, Choice::Continue)),
        };
        self.handle_input(first).await
    }

    fn status(&self) -> Result<ChatStatus, StoreError> {
        self.assistant.status(ChatId::TERMINAL, (self.clock)())
    }

    /// A number or a button's label is one of the last choices; anything else is text. The error is a number without a
    /// choice.
    fn parse_line(&self, line: &str) -> Result<Input, usize> {
        /// Longer numbers are text, not choices.
        const MAX_DIGITS: usize = 2;
        if let Some(chosen) = self.choices.iter().find(|choice| choice.label == line) {
            return Ok(press(chosen.press.clone()));
        }
        let number = line
            .parse::<usize>()
            .ok()
            .filter(|_| line.len() <= MAX_DIGITS && !self.choices.is_empty());
        let Some(number) = number else {
            return Ok(self.with_file(Input::from_text(line)));
        };
        let chosen = number
            .checked_sub(1)
            .and_then(|index| self.choices.get(index));
        chosen
            .map(|choice| press(choice.press.clone()))
            .ok_or(number)
    }

    /// `/import FILE` reads the file; there is no other way to send one here.
    fn with_file(&self, input: Input) -> Input {
        match input {
            Input::Command(Command::Import, path) if !path.is_empty() => {
                Input::Receipt(Receipt::FileContent(read_file(Path::new(&path))))
            }
            other => other,
        }
    }

    async fn handle_input(&mut self, input: Input) -> Result<(), TerminalError> {
        let now = (self.clock)();
        if self.status()?.is_due {
            let due = self.handle(&Event::wake(), now).await?;
            self.print_replies(due.rows).await?;
        }
        let event = Event {
            app_language: self.settings.language,
            message: (self.typed_columns > 0).then_some(MESSAGE),
            ..Event::private(input)
        };
        let handled = self.handle(&event, now).await?;
        self.choices.clear();
        self.print_replies(handled.rows).await?;
        if handled.forgotten {
            self.delete_files();
        }
        Ok(())
    }

    async fn handle(&self, event: &Event, now: Timestamp) -> Result<Handled, HandleError> {
        let assistant = self.assistant;
        assistant.handle(ChatId::TERMINAL, None, event, now).await
    }

    async fn print_replies(&mut self, rows: Vec<OutboxRow>) -> Result<(), TerminalError> {
        for row in &rows {
            if row.reply.deletes.is_some() {
                self.erase_typed()?;
            }
            match &row.reply.attachment {
                Some(Attachment::File { name, content }) => self.give_file(name, content)?,
                Some(Attachment::QrCode(text)) => self.draw_code(text)?,
                None => {}
            }
            let columns = self.columns();
            let text = render::reply(&row.reply, columns, &mut self.choices);
            writeln!(self.output, "{text}\n")?;
        }
        self.output.flush()?;
        let read = rows.into_iter().map(|row| Mark::Done(row.id)).collect();
        Ok(self.assistant.store().mark(read).await?)
    }

    /// Erases the last typed line from the screen, since it holds a secret.
    fn erase_typed(&mut self) -> io::Result<()> {
        let width = match self.settings.columns {
            0 => DEFAULT_COLUMNS,
            columns => columns,
        };
        let lines = std::mem::take(&mut self.typed_columns).div_ceil(width);
        match lines {
            0 => Ok(()),
            // ECMA-48: CUU moves the cursor up, ED clears from there to the end.
            lines => write!(self.output, "\u{1b}[{lines}A\u{1b}[J"),
        }
    }

    /// Writes a file for the person; if that fails, its content is printed.
    fn give_file(&mut self, name: &str, content: &str) -> io::Result<()> {
        let path = self.settings.files.join(name);
        let written =
            fs::create_dir_all(&self.settings.files).and_then(|()| fs::write(&path, content));
        match written {
            Ok(()) => self.print_line(
                "terminal-file",
                &[("path", path.display().to_string().into())],
            ),
            Err(error) => {
                self.print_line("terminal-no-file", &[("fault", error.to_string().into())])?;
                writeln!(self.output, "{content}\n")
            }
        }
    }

    fn draw_code(&mut self, text: &str) -> io::Result<()> {
        match render::qr_code(text) {
            Some(picture) => writeln!(self.output, "{picture}\n"),
            None => writeln!(self.output, "{text}\n"),
        }
    }

    /// Deletes the files that the chat wrote, once the chat is deleted.
    fn delete_files(&self) {
        // The folder may not exist.
        let _ = fs::remove_dir_all(&self.settings.files);
    }

    fn no_such_choice(&mut self, number: usize) -> io::Result<()> {
        self.print_line("terminal-choose", &[("number", number.into())])
    }

    /// Prints one of the terminal's own lines.
    fn print_line(&mut self, line: &str, values: &[(&str, Value)]) -> io::Result<()> {
        let known = self.status().ok().and_then(|status| status.language);
        let base = self.assistant.base();
        let language = base
            .lines
            .supported_or_english(self.settings.language.or(known));
        let text = base.lines.say(language, line, values);
        writeln!(
            self.output,
            "{}\n",
            render::rich_text(&text, self.columns())
        )
    }
}

fn press(press: Press) -> Input {
    Input::Press {
        press: Some(press),
        message: MESSAGE,
    }
}

/// Reads a file of the person's, up to the size limit of card files.
fn read_file(path: &Path) -> Result<String, Unreadable> {
    let file = text_file::open_file(path).map_err(|_| Unreadable::NotFetched)?;
    let mut bytes = Vec::new();
    let limit = MAX_FILE_BYTES as u64 + 1;
    let read = file.take(limit).read_to_end(&mut bytes);
    read.map_err(|_| Unreadable::NotFetched)?;
    if bytes.len() as u64 == limit {
        return Err(Unreadable::TooLarge);
    }
    String::from_utf8(bytes).map_err(|_| Unreadable::NotText)
}

fn read_line(input: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    if io::Read::take(&mut *input, MAX_LINE_BYTES).read_until(b'\n', &mut bytes)? == 0 {
        return Ok(None);
    }
    if bytes.len() as u64 == MAX_LINE_BYTES && bytes.last() != Some(&b'\n') {
        input.skip_until(b'\n')?;
    }
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}
