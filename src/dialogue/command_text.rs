//! Splits a typed command into its parts, as keyboards type it. Which names are commands is decided elsewhere.

use unicode_normalization::UnicodeNormalization;

/// Typed for `/` by Chinese keyboards: the full-width slash, and the comma on the same key.
const OTHER_SLASHES: [char; 2] = ['／', '、'];
/// Punctuation that keyboards add behind a word.
const PUNCTUATION: &str = "，。！？、：；…～,.!?:;~";

/// The parts of `/name@bot argument`.
#[derive(Debug, PartialEq, Eq)]
pub struct CommandText<'a> {
    /// Whether it begins with `/` itself, which begins nothing but a command. Another slash begins a command only directly
    /// before the name of one.
    pub is_plain: bool,
    /// In lower case and half width.
    pub name: String,
    pub bot: Option<&'a str>,
    pub argument: &'a str,
}

/// Splits a text that begins with a slash.
pub fn split(text: &str) -> Option<CommandText<'_>> {
    let text = text.trim_start_matches(is_blank);
    let mut characters = text.chars();
    let slash = characters.next()?;
    if slash != '/' && !OTHER_SLASHES.contains(&slash) {
        return None;
    }
    let ends_word = |c: char| is_blank(c) || PUNCTUATION.contains(c);
    let rest = characters.as_str();
    let end = rest.find(ends_word).unwrap_or(rest.len());
    let (word, argument) = rest.split_at(end);
    let (name, bot, argument) = match word.split_once('@') {
        // The name of a bot begins with a letter; anything else may be what the command is about.
        Some((name, bot)) if bot.starts_with(|c: char| c.is_ascii_alphabetic()) => {
            (name, Some(bot), argument)
        }
        Some((name, _)) => (name, None, &rest[name.len() + 1..]),
        None => (word, None, argument),
    };
    Some(CommandText {
        is_plain: slash == '/',
        name: fold_name(name),
        bot,
        argument: argument
            .trim_start_matches(|c| PUNCTUATION.contains(c))
            .trim_matches(is_blank),
    })
}

/// The name in lower case and half width.
pub fn fold_name(name: &str) -> String {
    name.nfkc().flat_map(char::to_lowercase).collect()
}

/// Whitespace, or a mark that nobody sees.
fn is_blank(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{fe00}'..='\u{fe0f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Option<(bool, String, Option<&str>, &str)> {
        let CommandText {
            is_plain,
            name,
            bot,
            argument,
        } = split(text)?;
        Some((is_plain, name, bot, argument))
    }

    #[test]
    fn a_command_is_split_however_its_slash_and_its_end_are_typed() {
        for (text, is_plain, name, bot, argument) in [
            ("/help", true, "help", None, ""),
            (
                " /Start@some_bot  kb_x ",
                true,
                "start",
                Some("some_bot"),
                "kb_x",
            ),
            ("／ｈｅｌｐ", false, "help", None, ""),
            ("\u{feff}、cancel。", false, "cancel", None, ""),
            ("\u{200e}/help\u{200b}", true, "help", None, ""),
            ("、取消，谢谢", false, "取消", None, "谢谢"),
            ("/import ~/cards.json", true, "import", None, "~/cards.json"),
            ("、language English", false, "language", None, "English"),
            ("/help@41 11", true, "help", None, "41 11"),
            ("/", true, "", None, ""),
        ] {
            let expected = Some((is_plain, name.to_owned(), bot, argument));
            assert_eq!(parts(text), expected, "{text:?}");
        }
    }

    #[test]
    fn other_texts_are_no_command() {
        for text in ["", "help", "，help", "\\help", "a/help", "👍", "\u{200b}"] {
            assert_eq!(parts(text), None, "{text:?}");
        }
    }
}
