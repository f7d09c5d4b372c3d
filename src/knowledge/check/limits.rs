//! The lengths that fit a phone.

use unicode_width::UnicodeWidthStr;

use crate::markup::RichText;

/// Display columns of a title: two lines of a phone.
pub const MAX_TITLE_COLUMNS: usize = 64;
/// Display columns of a button: a phone cuts off more.
pub const MAX_BUTTON_COLUMNS: usize = 36;
/// Display columns of an answer: about one phone screen of 45 columns and 25 lines; also far below Telegram's 4096.
pub const MAX_BODY_COLUMNS: usize = 1100;
/// Display columns of a line on a phone.
pub const PHONE_COLUMNS: usize = 45;
/// Lines of a step on a phone: the steps done stand above it, the buttons below.
pub const MAX_STEP_LINES: usize = 8;
/// Display columns of a step's first line, which is all that the overview of the steps shows: two lines of a phone.
pub const MAX_INSTRUCTION_COLUMNS: usize = 2 * PHONE_COLUMNS;
/// Related entries, which are shown as buttons below an answer.
pub const MAX_RELATED: usize = 4;
/// Characters of a phrasing; a longer text is no question.
pub const MAX_PHRASING_CHARS: usize = 400;

/// How many lines a text takes on a phone.
pub fn phone_lines(text: &RichText) -> usize {
    let plain = text.to_plain();
    let lines = plain.split('\n').map(|line| line.width());
    lines
        .map(|columns| columns.div_ceil(PHONE_COLUMNS).max(1))
        .sum()
}
