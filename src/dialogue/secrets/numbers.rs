//! Finds the numbers in a text: groups of digits, and chains of groups with only separators between them.

use crate::dialogue::characters::{digit_value, is_filler, is_mark, plain_punctuation};

/// Visible separators between two groups of one number: “ - ” has one, “...” three.
const MAX_SEPARATORS: usize = 3;
/// Letters that are typed as dashes: the long-vowel marks of Japanese and of phonetics, the Hangul “eu”, the Chinese
/// middle dot.
const DASHLIKE_LETTERS: [char; 4] = ['ー', 'ː', 'ㅡ', '\u{a78f}'];

/// Digits of one script without a separator between them; marks may stand between them, as in 4️⃣.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) digits: Vec<u32>,
    /// Its position in characters, with the marks inside it.
    pub(super) from: usize,
    pub(super) to: usize,
    /// What stands before it: the separators after the previous group of its chain; for the first, the last separators.
    /// Whitespace is one space or line end, dashes are hyphens.
    pub(super) gap: String,
    /// Whether it continues the number of the previous group.
    is_joined: bool,
    /// The zero of the script of its digits.
    zero: u32,
}

impl Group {
    pub(super) fn len(&self) -> usize {
        self.digits.len()
    }

    /// Whether its digits begin with these.
    pub(super) fn begins(&self, with: &[u32]) -> bool {
        self.digits.starts_with(with)
    }

    /// Whether only separators stand between it and the group before it.
    pub(super) fn is_joined(&self) -> bool {
        self.is_joined
    }

    /// Whether only one space or dash stands between it and the group before it.
    pub(super) fn is_tight(&self) -> bool {
        self.is_joined && matches!(self.gap.as_str(), " " | "-")
    }

    /// Its value, for groups of at most nine digits.
    pub(super) fn value(&self) -> u32 {
        let digits = self.digits.iter().take(9);
        digits.fold(0, |value, digit| value * 10 + digit)
    }
}

/// The groups of digits of a text.
pub(super) fn groups(text: &[char]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut gap = Gap::default();
    for (at, c) in text.iter().copied().enumerate() {
        let Some(digit) = digit_value(c) else {
            gap.push(c);
            continue;
        };
        let zero = u32::from(c).wrapping_sub(digit);
        match groups.last_mut() {
            Some(group) if gap.is_empty() && group.zero == zero => {
                group.digits.push(digit);
                group.to = at + 1;
            }
            before => {
                let is_joined = before.is_some() && gap.joins();
                groups.push(Group {
                    digits: vec![digit],
                    from: at,
                    to: at + 1,
                    gap: std::mem::take(&mut gap.text),
                    is_joined,
                    zero,
                });
            }
        }
        gap = Gap::default();
    }
    groups
}

/// The numbers of a text: groups with at most [`MAX_SEPARATORS`] and any whitespace between them.
pub(super) fn chains(groups: &[Group]) -> impl Iterator<Item = &[Group]> {
    groups.chunk_by(|_, next| next.is_joined)
}

/// What stands between two groups.
#[derive(Default)]
struct Gap {
    text: String,
    separators: usize,
    has_letters: bool,
}

impl Gap {
    fn push(&mut self, c: char) {
        if is_mark(c) {
            return;
        }
        if c.is_whitespace() || is_filler(c) {
            let is_line_end = matches!(c, '\n' | '\r' | '\u{2028}' | '\u{2029}');
            let space = if is_line_end { '\n' } else { ' ' };
            if !self.text.ends_with(space) {
                self.text.push(space);
            }
        } else if c.is_alphanumeric() && !DASHLIKE_LETTERS.contains(&c) {
            // The separators after the last letter are kept.
            self.text.clear();
            self.has_letters = true;
        } else {
            self.text.push(plain_punctuation(c));
            self.separators += 1;
        }
    }

    fn is_empty(&self) -> bool {
        self.text.is_empty() && !self.has_letters
    }

    fn joins(&self) -> bool {
        !self.has_letters && self.separators <= MAX_SEPARATORS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<Vec<String>> {
        let text: Vec<char> = text.chars().collect();
        let groups = groups(&text);
        let digits = |group: &Group| group.digits.iter().map(u32::to_string).collect();
        let chains = chains(&groups).map(|chain| chain.iter().map(digits).collect());
        chains.collect()
    }

    #[test]
    fn digits_with_separators_between_them_are_one_number_and_letters_end_it() {
        for (text, numbers) in [
            ("", vec![]),
            ("门 👍", vec![]),
            ("12 - 34\t56", vec![vec!["12", "34", "56"]]),
            ("1️⃣2️⃣ 3", vec![vec!["12", "3"]]),
            ("1\u{200b}2", vec![vec!["12"]]),
            ("1....2", vec![vec!["1"], vec!["2"]]),
            ("1 to 2", vec![vec!["1"], vec!["2"]]),
            ("3号楼12", vec![vec!["3"], vec!["12"]]),
            ("1ー2\u{3164}3", vec![vec!["1", "2", "3"]]),
        ] {
            assert_eq!(read(text), numbers, "{text:?}");
        }
    }
}
