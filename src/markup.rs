//! The rich text of every message: spans of plain, bold, italic, code or linked text.
//!
//! Answers and the bot's own lines are written in a subset of Markdown, which is parsed here. How a text looks is left
//! to the channels: Telegram shows it as HTML, the terminal in colours.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use serde::{Deserialize, Serialize};
use unicode_width::UnicodeWidthStr;

/// A piece of text in one style. Line breaks are `\n` inside `text`; list items begin with `• ` or `1. `.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Without any markup.
    #[serde(rename = "t")]
    pub text: String,
    #[serde(rename = "s", default, skip_serializing_if = "Style::is_plain")]
    pub style: Style,
    /// The address, if it is a link (`https://…`).
    #[serde(rename = "l", default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Style {
    pub bold: bool,
    pub italic: bool,
    /// In a fixed-width font: text to type or to read letter by letter.
    pub code: bool,
}

impl Style {
    fn is_plain(&self) -> bool {
        *self == Self::default()
    }
}

/// Formatted text, to be shown by any channel.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RichText(pub Vec<Span>);

/// Markdown that is outside the subset, or emphasis that is not closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarkdownFault {
    /// Line within the text, from 1.
    pub line: usize,
    /// What is wrong, and how to correct it.
    pub fault: String,
}

impl RichText {
    pub fn plain(text: impl Into<String>) -> Self {
        Self::styled(text, Style::default())
    }

    pub fn bold(text: impl Into<String>) -> Self {
        Self::styled(
            text,
            Style {
                bold: true,
                ..Style::default()
            },
        )
    }

    pub fn code(text: impl Into<String>) -> Self {
        Self::styled(
            text,
            Style {
                code: true,
                ..Style::default()
            },
        )
    }

    /// The text up to its first line break, with its styles.
    pub fn first_line(&self) -> RichText {
        let mut line = RichText::default();
        for span in &self.0 {
            let (head, is_last) = match span.text.split_once('\n') {
                Some((head, _)) => (head, true),
                None => (span.text.as_str(), false),
            };
            line.push(head.to_owned(), span.style, span.link.clone());
            if is_last {
                break;
            }
        }
        line
    }

    fn styled(text: impl Into<String>, style: Style) -> Self {
        let text = text.into();
        if text.is_empty() {
            return Self::default();
        }
        Self(vec![Span {
            text,
            style,
            link: None,
        }])
    }

    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|span| span.text.is_empty())
    }

    /// The text without its formatting.
    pub fn to_plain(&self) -> String {
        self.0.iter().map(|span| span.text.as_str()).collect()
    }

    /// The text's length in terminal columns; a Han character takes two.
    pub fn width(&self) -> usize {
        self.0.iter().map(|span| span.text.width()).sum()
    }

    /// Appends `other` after `gap` line breaks; no line break is added if either text is empty.
    pub fn below(mut self, gap: usize, other: RichText) -> Self {
        if other.is_empty() {
            return self;
        }
        if !self.is_empty() {
            self.push("\n".repeat(gap), Style::default(), None);
        }
        for span in other.0 {
            self.push(span.text, span.style, span.link);
        }
        self
    }

    fn push(&mut self, text: String, style: Style, link: Option<String>) {
        if text.is_empty() {
            return;
        }
        match self.0.last_mut() {
            Some(last) if last.style == style && last.link == link => last.text.push_str(&text),
            _ => self.0.push(Span { text, style, link }),
        }
    }

    /// Parses the Markdown subset: paragraphs, line breaks, bold, italic, code, `https` links, flat lists.
    ///
    /// # Errors
    /// Every construct outside the subset and every emphasis not closed, with its line.
    pub fn from_markdown(markdown: &str) -> Result<Self, Vec<MarkdownFault>> {
        let mut parser = MarkdownParser::new(markdown);
        for (event, range) in Parser::new_ext(markdown, Options::empty()).into_offset_iter() {
            parser.handle(event, range.start);
        }
        parser.finish()
    }
}

/// Escapes text to be inserted into Markdown: every ASCII punctuation mark gets a backslash, line breaks become spaces.
///
/// CommonMark lets a backslash escape any ASCII punctuation mark, so the text is shown unchanged.
pub fn escape_markdown(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\r' => escaped.push(' '),
            mark if mark.is_ascii_punctuation() => escaped.extend(['\\', mark]),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Turns pulldown-cmark's events into text, and collects every fault.
struct MarkdownParser<'a> {
    source: &'a str,
    text: RichText,
    style: Style,
    link: Option<String>,
    /// In a list: the next number, or `None` if it has bullets.
    list: Option<Option<u64>>,
    in_item: bool,
    faults: Vec<MarkdownFault>,
}

impl<'a> MarkdownParser<'a> {
    fn new(source: &'a str) -> Self {
        Self {
            source,
            text: RichText::default(),
            style: Style::default(),
            link: None,
            list: None,
            in_item: false,
            faults: Vec::new(),
        }
    }

    fn handle(&mut self, event: Event<'_>, at: usize) {
        match event {
            Event::Start(tag) => self.open_tag(tag, at),
            Event::End(tag) => self.close_tag(tag),
            Event::Text(text) => self.add_text(&text, at),
            Event::Code(text) => {
                let style = Style {
                    code: true,
                    ..self.style
                };
                self.text.push(text.into_string(), style, self.link.clone());
            }
            Event::SoftBreak | Event::HardBreak => self.add("\n"),
            Event::Html(_) | Event::InlineHtml(_) => self.report(
                at,
                "HTML is not shown; write it with Markdown, or put a backslash before `<`",
            ),
            Event::Rule => self.report(at, "a horizontal rule is not shown; leave it out"),
            Event::FootnoteReference(_)
            | Event::TaskListMarker(_)
            | Event::InlineMath(_)
            | Event::DisplayMath(_) => {
                self.report(at, "this is not shown in a chat; write it as plain text");
            }
        }
    }

    fn open_tag(&mut self, tag: Tag<'_>, at: usize) {
        match tag {
            Tag::Paragraph => self.begin_block(2),
            Tag::List(first) => {
                if self.list.is_some() {
                    self.report(
                        at,
                        "a list inside a list is too much for a chat; make it one list",
                    );
                }
                self.list = Some(first);
            }
            Tag::Item => self.open_item(),
            Tag::Strong => self.style.bold = true,
            Tag::Emphasis => self.style.italic = true,
            Tag::Link { dest_url, .. } => {
                if !dest_url.starts_with("https://") {
                    self.report(at, "a link must begin with https://");
                }
                self.link = Some(dest_url.into_string());
            }
            Tag::Heading { .. } => {
                self.report(at, "a heading is not shown in a chat; use **bold**")
            }
            Tag::BlockQuote(_) | Tag::CodeBlock(_) | Tag::HtmlBlock => self.report(
                at,
                "quotes, code blocks and HTML blocks are not shown; write a plain paragraph",
            ),
            _ => self.report(
                at,
                "tables, images and the like are not shown in a chat; write it as text",
            ),
        }
    }

    fn close_tag(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::List(_) => self.list = None,
            TagEnd::Item => self.in_item = false,
            TagEnd::Strong => self.style.bold = false,
            TagEnd::Emphasis => self.style.italic = false,
            TagEnd::Link => self.link = None,
            _ => {}
        }
    }

    fn open_item(&mut self) {
        let first = !self
            .text
            .to_plain()
            .lines()
            .next_back()
            .is_some_and(is_list_line);
        self.begin_block(if first { 2 } else { 1 });
        self.in_item = true;
        let marker = match &mut self.list {
            Some(Some(number)) => {
                let marker = format!("{number}. ");
                *number += 1;
                marker
            }
            _ => "• ".to_owned(),
        };
        self.add(&marker);
    }

    /// Adds the line breaks between this block and the text above. A paragraph inside an item continues on the item's
    /// line.
    fn begin_block(&mut self, gap: usize) {
        if !self.text.is_empty() && !self.in_item {
            // A list follows directly on the line that introduces it.
            let breaks = if self.list.is_some() { 1 } else { gap };
            self.add(&"\n".repeat(breaks));
        }
    }

    fn add_text(&mut self, text: &str, at: usize) {
        let open_bold = self
            .source
            .get(at..)
            .is_some_and(|rest| rest.starts_with("**"));
        let escaped = self
            .source
            .get(..at)
            .is_some_and(|before| before.ends_with('\\'));
        if (open_bold && !escaped) || text.contains("](") {
            self.report(
                at,
                "`**` or a link is left open; close it, or put a backslash before it",
            );
        }
        self.add(text);
    }

    fn add(&mut self, text: &str) {
        self.text
            .push(text.to_owned(), self.style, self.link.clone());
    }

    fn report(&mut self, at: usize, fault: &str) {
        let line = self
            .source
            .get(..at)
            .map_or(1, |before| before.matches('\n').count() + 1);
        let fault = MarkdownFault {
            line,
            fault: fault.to_owned(),
        };
        if !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }

    fn finish(self) -> Result<RichText, Vec<MarkdownFault>> {
        if self.faults.is_empty() {
            Ok(self.text)
        } else {
            Err(self.faults)
        }
    }
}

fn is_list_line(line: &str) -> bool {
    line.starts_with("• ")
        || line.split_once(". ").is_some_and(|(number, _)| {
            !number.is_empty() && number.chars().all(|c| c.is_ascii_digit())
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plain(markdown: &str) -> String {
        RichText::from_markdown(markdown)
            .expect("well-formed Markdown")
            .to_plain()
    }

    #[test]
    fn paragraphs_breaks_and_lists_become_lines() {
        assert_eq!(
            plain("One\ntwo\n\nthree\n- a\n- b\n\n1. x\n2. y"),
            "One\ntwo\n\nthree\n• a\n• b\n1. x\n2. y"
        );
    }

    #[test]
    fn han_mixed_emoji_and_empty_text_pass_through() {
        assert_eq!(plain("**先打开**钱包 Wallet ✅"), "先打开钱包 Wallet ✅");
        assert!(RichText::from_markdown("").expect("empty").is_empty());
    }

    #[test]
    fn styles_and_links_become_spans() {
        let text =
            RichText::from_markdown("**b** *i* `c` [l](https://e.org)").expect("well-formed");
        assert!(text.0[0].style.bold && text.0[2].style.italic && text.0[4].style.code);
        assert_eq!(text.0[6].link.as_deref(), Some("https://e.org"));
    }

    #[test]
    fn what_a_chat_cannot_show_is_a_fault_with_its_line() {
        for (markdown, line) in [
            ("fine\n\n# no", 3),
            ("a\n\n<b>x</b>", 3),
            ("open **bold", 1),
            ("[x](http://e.org)", 1),
            ("> quote", 1),
            ("- a\n  - b", 2),
        ] {
            let faults = RichText::from_markdown(markdown).expect_err(markdown);
            assert_eq!(faults[0].line, line, "{markdown}: {faults:?}");
        }
    }

    proptest! {
        #[test]
        fn escaped_text_is_read_unchanged(label in "[^\\s\\p{C}]([^\\p{C}]{0,40}[^\\s\\p{C}])?") {
            prop_assume!(!label.contains(['\u{2028}', '\u{2029}', '\u{85}']));
            let text = RichText::from_markdown(&format!("a **{}** z", escape_markdown(&label)));
            prop_assert_eq!(text.map(|t| t.to_plain()), Ok(format!("a {label} z")));
        }
    }
}
