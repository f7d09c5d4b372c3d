//! The terminal as a channel: a line becomes an event, a reply becomes text with numbered choices.
//!
//! Runs the same assistant on the same store as Telegram does. [`render`] is pure; [`Terminal::run`] reads and writes
//! whatever it is given, a person's terminal or a pipe.

use std::io::{self, BufRead, Write};

use anstyle::{AnsiColor, Style};
use jiff::Timestamp;
use textwrap::Options;

use crate::{
    assistant::Assistant,
    dialogue::{Action, Activity, Button, ChatId, Choice, Command, Event, Input, Press, Reply},
    knowledge::Language,
    markup::{RichText, Span},
    store::{Mark, OutboxRow, StoreError},
};

/// Lines longer than this are hard to read, however wide the window.
const MAX_COLUMNS: usize = 88;
/// What a pipe is wrapped to.
const DEFAULT_COLUMNS: usize = 80;
/// A line is read up to here; the rest of it is passed over.
const MAX_LINE_BYTES: u64 = 64 * 1024;

const BOLD: Style = Style::new().bold();
const NUMBER: Style = Style::new().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Cyan)));
const LINK: Style = Style::new().underline();

/// Why the conversation ended before the input did.
#[derive(Debug, thiserror::Error)]
pub enum TerminalError {
    /// The store did not take a turn.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The terminal could not be read or written.
    #[error("the terminal cannot be used: {0}")]
    Io(#[from] io::Error),
}

/// A button that was shown; its place in the list is its number.
#[derive(Debug)]
struct NumberedChoice {
    label: String,
    data: String,
}

/// A conversation with the person at the terminal.
pub struct Terminal<'a, W> {
    assistant: &'a Assistant,
    clock: &'a (dyn Fn() -> Timestamp + Sync),
    language: Option<Language>,
    output: W,
    columns: usize,
    /// Whether a person types, who wants to be asked.
    prompt: bool,
    choices: Vec<NumberedChoice>,
}

impl<'a, W: Write> Terminal<'a, W> {
    /// A terminal that writes to `output`, wrapped to `columns` (0: as wide as fits a pipe); `prompt` if a person types.
    pub fn new(
        assistant: &'a Assistant,
        clock: &'a (dyn Fn() -> Timestamp + Sync),
        language: Option<Language>,
        output: W,
        columns: usize,
        prompt: bool,
    ) -> Self {
        let columns = if columns == 0 {
            DEFAULT_COLUMNS
        } else {
            columns.min(MAX_COLUMNS)
        };
        Self {
            assistant,
            clock,
            language,
            output,
            columns,
            prompt,
            choices: Vec::new(),
        }
    }

    /// Talks until the input ends.
    ///
    /// # Errors
    /// The store or the terminal cannot be used any more; everything said so far is kept.
    pub async fn run(&mut self, mut input: impl BufRead) -> Result<(), TerminalError> {
        self.greet().await?;
        loop {
            if self.prompt {
                write!(self.output, "{NUMBER}>{NUMBER:#} ")?;
                self.output.flush()?;
            }
            let Some(line) = read_line(&mut input)? else {
                break;
            };
            if line.trim().is_empty() {
                continue;
            }
            match self.understand(line.trim()) {
                Ok(input) => self.turn(input).await?,
                Err(number) => self.no_such_choice(number)?,
            }
        }
        if self.prompt {
            writeln!(self.output)?;
        }
        Ok(())
    }

    /// Says hello, gives what was not read yet, and goes on where the chat is.
    async fn greet(&mut self) -> Result<(), TerminalError> {
        let record = self.assistant.store().load(ChatId::TERMINAL)?.record;
        let language = self
            .language
            .or(record.language)
            .or(record.spoken)
            .unwrap_or(Language::EN);
        let hello = self
            .assistant
            .base()
            .lines
            .say(language, "terminal-hello", &[]);
        writeln!(self.output, "{}\n", render(&hello, self.columns))?;
        let unread = self
            .assistant
            .store()
            .outbox()?
            .into_iter()
            .filter(|row| row.id.chat == ChatId::TERMINAL);
        self.show(unread.collect()).await?;
        let first = match record.activity {
            Activity::Idle => Input::Command(Command::Start, String::new()),
            _ => press(&Press::new(record.turn, Choice::Continue).to_string()),
        };
        self.turn(first).await
    }

    /// A number, or the words on a button, is one of the choices shown last; anything else is text.
    fn understand(&self, line: &str) -> Result<Input, usize> {
        /// Longer numbers are not choices but something to say.
        const MAX_DIGITS: usize = 2;
        if let Some(chosen) = self.choices.iter().find(|choice| choice.label == line) {
            return Ok(press(&chosen.data));
        }
        let number = line
            .parse::<usize>()
            .ok()
            .filter(|_| line.len() <= MAX_DIGITS && !self.choices.is_empty());
        let Some(number) = number else {
            return Ok(Input::from_text(line));
        };
        let chosen = number
            .checked_sub(1)
            .and_then(|index| self.choices.get(index));
        chosen.map(|choice| press(&choice.data)).ok_or(number)
    }

    async fn turn(&mut self, input: Input) -> Result<(), TerminalError> {
        let event = Event {
            app_language: self.language,
            ..Event::private(input)
        };
        let rows = self
            .assistant
            .handle(ChatId::TERMINAL, None, &event, (self.clock)())
            .await?;
        self.choices.clear();
        self.show(rows).await
    }

    async fn show(&mut self, rows: Vec<OutboxRow>) -> Result<(), TerminalError> {
        for row in &rows {
            let text = render_reply(&row.reply, self.columns, &mut self.choices);
            writeln!(self.output, "{text}\n")?;
        }
        self.output.flush()?;
        let read = rows.into_iter().map(|row| Mark::Done(row.id)).collect();
        Ok(self.assistant.store().mark(read).await?)
    }

    fn no_such_choice(&mut self, number: usize) -> io::Result<()> {
        let language = self.language.unwrap_or(Language::EN);
        let text = self.assistant.base().lines.say(
            language,
            "terminal-choose",
            &[("number", number.into())],
        );
        writeln!(self.output, "{}\n", render(&text, self.columns))
    }
}

/// The terminal keeps no messages to edit: every press stands on "the" message.
fn press(data: &str) -> Input {
    Input::Press {
        press: data.parse().ok(),
        message: crate::dialogue::MessageId(0),
    }
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

/// A reply as text: what is said, then the buttons as numbered choices, whose data is added to `choices`.
fn render_reply(reply: &Reply, columns: usize, choices: &mut Vec<NumberedChoice>) -> String {
    let mut text = render(&reply.text, columns);
    for row in &reply.buttons {
        let labels = row.iter().filter_map(|button| numbered(button, choices));
        let line = labels.collect::<Vec<_>>().join("   ");
        if !line.is_empty() {
            text.push_str("\n  ");
            text.push_str(&line);
        }
    }
    text
}

fn numbered(button: &Button, choices: &mut Vec<NumberedChoice>) -> Option<String> {
    let Action::Press(data) = &button.action else {
        return None;
    };
    let label = visible(&button.label);
    choices.push(NumberedChoice {
        label: label.clone(),
        data: data.clone(),
    });
    Some(format!("{NUMBER}{}{NUMBER:#} {label}", choices.len()))
}

/// Formatted text for a terminal: styles as ANSI sequences, lines wrapped to `columns`, list items indented.
pub fn render(text: &RichText, columns: usize) -> String {
    let styled: String = text.0.iter().map(render_span).collect();
    let lines = styled.lines().map(|line| wrap(line, columns));
    lines.collect::<Vec<_>>().join("\n")
}

fn wrap(line: &str, columns: usize) -> String {
    let indent = if line.starts_with("• ") { "  " } else { "" };
    // A line may end behind a slash, but not between it and the command it begins.
    let joined = line.replace('/', "/\u{2060}");
    let options = Options::new(columns)
        .subsequent_indent(indent)
        .break_words(true);
    textwrap::fill(&joined, options).replace('\u{2060}', "")
}

fn render_span(span: &Span) -> String {
    let text = visible(&span.text);
    let address = span
        .link
        .as_ref()
        .filter(|link| **link != text)
        .map(|link| format!(" ({link})"))
        .unwrap_or_default();
    let style = if span.style.bold || span.style.code {
        BOLD
    } else if span.link.is_some() {
        LINK
    } else {
        Style::new()
    };
    // Each line is styled for itself: wrapping and prompts must not inherit a style.
    let styled = text.split('\n').map(|line| {
        if line.is_empty() {
            String::new()
        } else {
            format!("{style}{line}{style:#}")
        }
    });
    styled.collect::<Vec<_>>().join("\n") + &address
}

/// No text may move the cursor or change colours by itself.
fn visible(text: &str) -> String {
    text.chars()
        .filter(|c| *c == '\n' || !c.is_control())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn han_mixed_emoji_and_empty_text_wrap_to_the_width() {
        let text = RichText::from_markdown(
            "**先打开钱包**，再点 Remove Card 移除卡片 ✅\n- one two three four five",
        )
        .expect("well-formed");
        for line in plain(&render(&text, 20)).lines() {
            assert!(textwrap::core::display_width(line) <= 20, "{line:?}");
        }
        assert_eq!(render(&RichText::default(), 20), "");
    }

    #[test]
    fn hostile_text_cannot_write_control_sequences() {
        assert_eq!(visible("a\u{1b}[2Jb\u{7}\nc"), "a[2Jb\nc");
    }

    #[test]
    fn choices_are_numbered_on_across_replies() {
        let mut choices = Vec::new();
        let reply = Reply::new(RichText::plain("?")).row([
            Button::press("Yes", &Press::new(1, Choice::Done)),
            Button::press("否", &Press::new(1, Choice::Back)),
        ]);
        assert_eq!(
            plain(&render_reply(&reply, 80, &mut choices)),
            "?\n  1 Yes   2 否"
        );
        assert_eq!(
            plain(&render_reply(&reply, 80, &mut choices)),
            "?\n  3 Yes   4 否"
        );
        let data: Vec<_> = choices.iter().map(|choice| choice.data.as_str()).collect();
        assert_eq!(data, ["1.done", "1.back", "1.done", "1.back"]);
    }

    #[test]
    fn styles_take_no_room() {
        let plain = "unbind-bot in the terminal. Ask a question, or type the number of a choice.";
        let bold = RichText::from_markdown(&plain.replacen("unbind-bot", "**unbind-bot**", 1))
            .expect("well-formed");
        assert_eq!(
            render(&bold, 76).lines().count(),
            1,
            "{:?}",
            render(&bold, 76)
        );
    }
}
