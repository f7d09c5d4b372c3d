//! Renders replies for a terminal: text with numbered choices, ANSI styles, QR codes in half blocks. Pure.

use anstyle::{AnsiColor, Style};
use qrcode::{QrCode, render::unicode::Dense1x2};
use textwrap::Options;

use crate::{
    dialogue::{Action, Button, Press, Reply},
    markup::{RichText, Span},
};

const BOLD: Style = Style::new().bold();
pub(super) const NUMBER: Style = Style::new().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Cyan)));
const LINK: Style = Style::new().underline();

/// A button that was shown; its number is its position in the list.
#[derive(Debug)]
pub(super) struct NumberedChoice {
    pub(super) label: String,
    pub(super) press: Press,
}

/// A reply as text: the message, then the buttons as numbered choices, which are added to `choices`.
pub(super) fn reply(reply: &Reply, columns: usize, choices: &mut Vec<NumberedChoice>) -> String {
    let mut shown = rich_text(&reply.text, columns);
    for row in &reply.buttons {
        let labels = row.iter().filter_map(|button| numbered(button, choices));
        let line = labels.collect::<Vec<_>>().join("   ");
        if !line.is_empty() {
            shown.push_str("\n  ");
            shown.push_str(&line);
        }
    }
    shown
}

fn numbered(button: &Button, choices: &mut Vec<NumberedChoice>) -> Option<String> {
    let Action::Press(press) = &button.action else {
        return None;
    };
    let label = visible(&button.label);
    choices.push(NumberedChoice {
        label: label.clone(),
        press: press.clone(),
    });
    Some(format!("{NUMBER}{}{NUMBER:#} {label}", choices.len()))
}

/// Formatted text for a terminal: styles as ANSI sequences, lines wrapped to `columns`, list items indented.
pub fn rich_text(text: &RichText, columns: usize) -> String {
    let styled: String = text.0.iter().map(render_span).collect();
    let lines = styled.lines().map(|line| wrap(line, columns));
    lines.collect::<Vec<_>>().join("\n")
}

fn wrap(line: &str, columns: usize) -> String {
    let indent = if line.starts_with("• ") { "  " } else { "" };
    // A line may break after a slash, but not between a slash and its command.
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
    // Each line sets and resets its style, so that wrapped lines and prompts inherit none.
    let styled = text.split('\n').map(|line| {
        if line.is_empty() {
            String::new()
        } else {
            format!("{style}{line}{style:#}")
        }
    });
    styled.collect::<Vec<_>>().join("\n") + &address
}

/// Removes control characters, so that text cannot move the cursor or change colours.
fn visible(text: &str) -> String {
    text.chars()
        .filter(|c| *c == '\n' || !c.is_control())
        .collect()
}

/// A text as a QR code, readable on dark and on light backgrounds; `None` if it is too long for one.
pub(super) fn qr_code(text: &str) -> Option<String> {
    let code = QrCode::new(text).ok()?;
    // Most terminals are dark, so the light squares are drawn.
    let picture = code
        .render::<Dense1x2>()
        .dark_color(Dense1x2::Light)
        .light_color(Dense1x2::Dark)
        .quiet_zone(true)
        .build();
    Some(picture)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialogue::{Choice, Press};

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn han_mixed_emoji_and_empty_text_wrap_to_the_width() {
        let text = RichText::from_markdown(
            "**先打开钱包**，再点 Remove Card 移除卡片 ✅\n- one two three four five",
        )
        .expect("well-formed");
        for line in plain(&rich_text(&text, 20)).lines() {
            assert!(textwrap::core::display_width(line) <= 20, "{line:?}");
        }
        assert_eq!(rich_text(&RichText::default(), 20), "");
    }

    #[test]
    fn hostile_text_cannot_write_control_sequences() {
        assert_eq!(visible("a\u{1b}[2Jb\u{7}\nc"), "a[2Jb\nc");
    }

    #[test]
    fn choices_are_numbered_on_across_replies() {
        let mut choices = Vec::new();
        let asked = Reply::new(RichText::plain("?")).row([
            Button::press("Yes", Press::new(1, Choice::Done)),
            Button::press("否", Press::new(1, Choice::Back)),
        ]);
        assert_eq!(plain(&reply(&asked, 80, &mut choices)), "?\n  1 Yes   2 否");
        assert_eq!(plain(&reply(&asked, 80, &mut choices)), "?\n  3 Yes   4 否");
        let presses = choices.iter().map(|choice| choice.press.to_string());
        assert_eq!(
            presses.collect::<Vec<_>>(),
            ["1.done", "1.back", "1.done", "1.back"]
        );
    }

    #[test]
    fn a_qr_code_is_a_square_of_half_blocks() {
        let picture = qr_code("otpauth://totp/x?secret=ABC").expect("short enough");
        let rows: Vec<_> = picture.lines().collect();
        let columns = rows[0].chars().count();
        assert!(rows.iter().all(|row| row.chars().count() == columns));
        assert_eq!(rows.len(), columns.div_ceil(2));
        assert_eq!(qr_code(&"长".repeat(2000)), None);
    }

    #[test]
    fn styles_take_no_room() {
        let plain = "unbind-bot in the terminal. Ask a question, or type the number of a choice.";
        let bold = RichText::from_markdown(&plain.replacen("unbind-bot", "**unbind-bot**", 1))
            .expect("well-formed");
        assert_eq!(
            rich_text(&bold, 76).lines().count(),
            1,
            "{:?}",
            rich_text(&bold, 76)
        );
    }
}
