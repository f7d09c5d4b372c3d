//! Renders texts as Telegram's HTML or plain text, and splits them into messages of a permitted length. Pure.

use crate::markup::{RichText, Span};

/// Telegram's limit for a message, in UTF-16 units without markup.
pub const MAX_TEXT: usize = 4096;
/// Telegram reads at most 35,000 bytes of a message with its markup and cuts off the rest, including tags.
pub(super) const MAX_MARKUP_BYTES: usize = 30_000;

/// The text as Telegram's HTML. Each span opens and closes its own tags, so they match for any text.
pub(super) fn to_html(text: &RichText) -> String {
    text.0.iter().map(span_to_html).collect()
}

fn span_to_html(span: &Span) -> String {
    let mut html = escape_html(&span.text);
    if let Some(link) = span.link.as_deref().filter(|link| is_http_link(link)) {
        html = format!("<a href=\"{}\">{html}</a>", escape_html(link));
    } else if span.style.code {
        // Telegram does not permit other styles inside `code`.
        return format!("<code>{html}</code>");
    }
    if span.style.italic {
        html = format!("<i>{html}</i>");
    }
    if span.style.bold {
        html = format!("<b>{html}</b>");
    }
    html
}

fn is_http_link(link: &str) -> bool {
    link.starts_with("https://") || link.starts_with("http://")
}

fn escape_html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + text.len() / 8);
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// The text without markup. The address of a link is added if the text does not contain it and there is room.
pub(super) fn to_plain_text(text: &RichText) -> String {
    let mut said = String::new();
    for span in &text.0 {
        said.push_str(&span.text);
        if let Some(link) = span
            .link
            .as_deref()
            .filter(|link| !span.text.contains(link))
        {
            said.push_str(&format!(" ({link})"));
        }
    }
    if utf16_length(&said) > MAX_TEXT {
        return text.to_plain();
    }
    said
}

fn utf16_length(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// Splits a text into messages of at most `most` UTF-16 units: at the end of a line if there is one in the second half,
/// else at a space, else between two characters. White space at a split is dropped, as Telegram does.
pub(super) fn split_text(text: &RichText, most: usize) -> Vec<RichText> {
    let whole = text.to_plain();
    let mut parts = Vec::new();
    let mut from = skip_space(&whole, 0);
    while from < whole.len() {
        let to = from + part_length(&whole[from..], most);
        let part = slice_text(text, from, from + whole[from..to].trim_end().len());
        if to_html(&part).len() > MAX_MARKUP_BYTES && most > 1 {
            // Only for text that is mostly markup.
            parts.extend(split_text(&part, most / 2));
        } else if !part.is_empty() {
            parts.push(part);
        }
        from = skip_space(&whole, to);
    }
    parts
}

fn skip_space(text: &str, from: usize) -> usize {
    text.len() - text[from..].trim_start().len()
}

/// The length of the next part, in bytes.
fn part_length(text: &str, most: usize) -> usize {
    let fits = fitting_bytes(text, most);
    if fits == text.len() {
        return fits;
    }
    let head = &text[..fits];
    let second_half = |at: &usize| *at > fits / 2;
    let line = head.rfind('\n').filter(second_half);
    let at = line.or_else(|| head.rfind(char::is_whitespace).filter(second_half));
    at.unwrap_or(fits)
}

/// The length in bytes of the longest prefix with at most `most` UTF-16 units; at least one character.
fn fitting_bytes(text: &str, most: usize) -> usize {
    let mut units = 0;
    for (at, character) in text.char_indices() {
        units += character.len_utf16();
        if units > most && at > 0 {
            return at;
        }
    }
    text.len()
}

/// The bytes `from..to` of the text with styles; both must be character boundaries.
fn slice_text(text: &RichText, from: usize, to: usize) -> RichText {
    let mut start = 0;
    let mut spans = Vec::new();
    for span in &text.0 {
        let end = start + span.text.len();
        let (first, last) = (from.max(start), to.min(end));
        if first < last {
            spans.push(Span {
                text: span.text[first - start..last - start].to_owned(),
                ..span.clone()
            });
        }
        start = end;
    }
    RichText(spans)
}
