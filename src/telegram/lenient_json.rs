//! Repairs JSON that a strict parser refuses, so that one odd value costs neither an update nor those beside it: bytes
//! that are no UTF-8, unpaired surrogates, raw control characters, numbers that nothing can hold, deep nesting, words
//! that are no JSON, and text that ends too early. Pure; the parsing itself is left to serde_json.

use serde::de::DeserializeOwned;
use serde_json::Value;

/// What is nested deeper becomes `null`: serde_json gives up at 128, and an update nests about ten deep.
const MAX_DEPTH: usize = 64;
/// Takes the place of what cannot be read in a string.
const REPLACEMENT: &str = "\\ufffd";
/// The length of an escape sequence `\uXXXX`.
const UNIT_BYTES: usize = 6;

/// Parses JSON, repaired if need be; `None` if it ends too early or is no JSON even then.
pub fn read<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    if let Ok(read) = serde_json::from_slice(bytes) {
        return Some(read);
    }
    let repaired = Repaired::from_bytes(bytes);
    let whole = repaired.is_whole.then_some(repaired.text)?;
    serde_json::from_str(&whole).ok()
}

/// JSON after the repair. Its strings and numbers are valid; its structure may not be.
#[derive(Debug, PartialEq, Eq)]
pub struct Repaired {
    pub text: String,
    /// Whether it ends where its first value does; otherwise it was cut off.
    pub is_whole: bool,
    /// What is left after dropping a value that was cut off, with all brackets closed.
    pub closed: String,
}

impl Repaired {
    /// Repairs the first JSON value in these bytes; what follows it is dropped.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        Repair::new(text.trim_start_matches('\u{feff}')).run()
    }
}

/// The state of a repair: one pass, without recursion.
struct Repair<'a> {
    rest: &'a str,
    text: String,
    /// The closing brackets of what is open, innermost last.
    open: Vec<char>,
    /// How deep the part is that is left out because it is nested too deep.
    left_out: usize,
    /// The text up to the last value that was complete.
    complete: usize,
    /// Whether the next string is a key.
    expects_key: bool,
}

impl<'a> Repair<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            rest: text,
            text: String::with_capacity(text.len()),
            open: Vec::new(),
            left_out: 0,
            complete: 0,
            expects_key: false,
        }
    }

    fn run(mut self) -> Repaired {
        let mut is_whole = false;
        while let Some(first) = self.rest.chars().next() {
            match first {
                '{' | '[' => self.begin(first),
                '}' | ']' => self.end(first),
                '"' => self.string(),
                ',' | ':' => self.separator(first),
                first if first.is_whitespace() || first.is_control() => {
                    self.skip(first);
                    self.push(" ");
                }
                _ => self.word(),
            }
            if self.open.is_empty() && self.left_out == 0 && self.complete > 0 {
                is_whole = true;
                break;
            }
        }
        let mut closed = self.text[..self.complete].to_owned();
        closed.extend(self.open.iter().rev());
        Repaired {
            text: self.text,
            is_whole,
            closed,
        }
    }

    fn skip(&mut self, first: char) {
        self.rest = &self.rest[first.len_utf8()..];
    }

    fn push(&mut self, text: &str) {
        if self.left_out == 0 {
            self.text.push_str(text);
        }
    }

    fn value_is_complete(&mut self) {
        if self.left_out == 0 {
            self.complete = self.text.len();
        }
    }

    fn begin(&mut self, bracket: char) {
        self.skip(bracket);
        if self.left_out > 0 || self.open.len() >= MAX_DEPTH {
            self.left_out += 1;
            return;
        }
        self.text.push(bracket);
        self.expects_key = bracket == '{';
        self.open.push(match bracket {
            '{' => '}',
            _ => ']',
        });
        self.complete = self.text.len();
    }

    fn end(&mut self, bracket: char) {
        self.skip(bracket);
        match self.left_out {
            0 => {
                self.open.pop();
                self.text.push(bracket);
                self.value_is_complete();
            }
            1 => {
                self.left_out = 0;
                self.push(" null");
                self.value_is_complete();
            }
            _ => self.left_out -= 1,
        }
    }

    fn separator(&mut self, separator: char) {
        self.skip(separator);
        if self.left_out == 0 {
            self.text.push(separator);
            self.expects_key = separator == ',' && self.open.last() == Some(&'}');
        }
    }

    /// A number, a name such as `true`, or whatever else stands outside of strings.
    fn word(&mut self) {
        let is_end = |c: char| "{}[],:\"".contains(c) || c.is_whitespace() || c.is_control();
        let end = self.rest.find(is_end).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        let is_valid = serde_json::from_str::<Value>(word).is_ok();
        self.push(if is_valid { word } else { "null" });
        // A word at the very end may have been cut off.
        if !rest.is_empty() || self.open.is_empty() {
            self.value_is_complete();
        }
    }

    /// A string, from its opening quotation mark to the closing one or the end.
    fn string(&mut self) {
        let is_key = std::mem::take(&mut self.expects_key);
        self.skip('"');
        self.push("\"");
        while let Some(plain) = self.rest.find(|c: char| c == '"' || c == '\\' || c < ' ') {
            let (text, rest) = self.rest.split_at(plain);
            self.push(text);
            self.rest = rest;
            if rest.starts_with('"') {
                self.skip('"');
                self.push("\"");
                if !is_key {
                    self.value_is_complete();
                }
                return;
            }
            if rest.starts_with('\\') {
                self.escape();
            } else {
                self.control();
            }
        }
        let text = std::mem::take(&mut self.rest);
        self.push(text);
    }

    fn control(&mut self) {
        if let Some(control) = self.rest.chars().next() {
            self.skip(control);
            self.push(&format!("\\u{:04x}", u32::from(control)));
        }
    }

    /// An escape sequence, which begins with a backslash.
    fn escape(&mut self) {
        if let Some(first) = utf16_escape(self.rest) {
            let second = utf16_escape(&self.rest[UNIT_BYTES..]);
            let (escape, rest) = match (first, second) {
                (0xd800..0xdc00, Some(0xdc00..0xe000)) => self.rest.split_at(2 * UNIT_BYTES),
                (0xd800..0xe000, _) => (REPLACEMENT, &self.rest[UNIT_BYTES..]),
                _ => self.rest.split_at(UNIT_BYTES),
            };
            self.rest = rest;
            return self.push(escape);
        }
        let escaped = self.rest.chars().nth(1);
        self.skip('\\');
        match escaped {
            Some(escaped @ ('"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't')) => {
                self.skip(escaped);
                self.push(&format!("\\{escaped}"));
            }
            // No escape sequence: what follows is read as it is.
            _ => self.push(REPLACEMENT),
        }
    }
}

/// The UTF-16 unit of an escape sequence `\uXXXX` at the beginning.
fn utf16_escape(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_hex.then(|| u32::from_str_radix(digits, 16).ok())?
}

/// The parts of a JSON object of which one field is a list, in repaired text: each item of that list, and what is left
/// of one that was cut off.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Items<'a> {
    pub whole: Vec<&'a str>,
    pub cut_off: Option<&'a str>,
}

/// The items of the list `field` of the outermost object; `None` without such a list.
pub fn items_of<'a>(repaired: &'a str, field: &str) -> Option<Items<'a>> {
    let list = list_of(repaired, field)?;
    let (mut items, mut begin) = (Items::default(), 0);
    let mut depth = 0_usize;
    for (at, mark) in marks(list) {
        match mark {
            '[' | '{' => depth += 1,
            ']' | '}' if depth == 0 => {
                items.add(&list[begin..at]);
                return Some(items);
            }
            ']' | '}' => depth -= 1,
            ',' if depth == 0 => {
                items.add(&list[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    items.cut_off = Some(list[begin..].trim()).filter(|rest| !rest.is_empty());
    Some(items)
}

impl<'a> Items<'a> {
    fn add(&mut self, item: &'a str) {
        let item = item.trim();
        if !item.is_empty() {
            self.whole.push(item);
        }
    }
}

/// What follows the opening bracket of a list that is a field of the outermost object.
fn list_of<'a>(text: &'a str, field: &str) -> Option<&'a str> {
    let key = format!("\"{field}\"");
    let mut depth = 0_usize;
    for (at, mark) in marks(text) {
        match mark {
            '[' if depth == 1 => {
                let before = text[..at].trim_end().strip_suffix(':');
                if before.is_some_and(|before| before.trim_end().ends_with(&key)) {
                    return Some(&text[at + 1..]);
                }
                depth += 1;
            }
            '[' | '{' => depth += 1,
            ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

/// The brackets and separators outside of strings, and where each is.
fn marks(text: &str) -> impl Iterator<Item = (usize, char)> {
    let (mut in_string, mut is_escaped) = (false, false);
    text.char_indices().filter(move |(_, c)| {
        let was_escaped = std::mem::take(&mut is_escaped);
        match c {
            '"' if !was_escaped => in_string = !in_string,
            '\\' if in_string => is_escaped = !was_escaped,
            _ => {}
        }
        !in_string && "{}[],:".contains(*c)
    })
}

/// The first number that stands behind the key `field`, at any depth. For text of which nothing better can be read.
pub fn first_number(text: &str, field: &str) -> Option<u64> {
    let key = format!("\"{field}\"");
    text.split(&key).skip(1).find_map(|rest| {
        let value = rest.trim_start().strip_prefix(':')?.trim_start();
        // Without an end it may have been cut off.
        let end = value.find(|c: char| !c.is_ascii_digit())?;
        value[..end].parse().ok()
    })
}

/// The text with everything that somebody wrote taken out: each string that is no key becomes `…`.
pub fn outline(text: &str) -> String {
    let mut outline = String::new();
    let mut rest = text;
    while let Some((before, string)) = rest.split_once('"') {
        outline.push_str(before);
        let end = end_of_string(string);
        let behind = string.get(end + 1..).unwrap_or_default();
        let is_key = behind.trim_start().starts_with(':');
        let shown = if is_key { &string[..end] } else { "…" };
        outline.push_str(&format!("\"{shown}\""));
        rest = behind;
    }
    outline.push_str(rest);
    outline
}

/// Where the closing quotation mark of a string is, or the end of the text.
fn end_of_string(string: &str) -> usize {
    let mut is_escaped = false;
    let end = string.char_indices().find(|(_, c)| {
        let was_escaped = std::mem::take(&mut is_escaped);
        is_escaped = *c == '\\' && !was_escaped;
        *c == '"' && !was_escaped
    });
    end.map_or(string.len(), |(at, _)| at)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn value(text: &str) -> Option<Value> {
        read(text.as_bytes())
    }

    #[test]
    fn what_is_valid_is_left_as_it_is() {
        for text in [
            r#"{"a":[1,-2.5e3,"x\n\u00e9\ud83d\ude00\\",true,null],"b":{}}"#,
            "7",
            "\"x\"",
            "[]",
        ] {
            let repaired = Repaired::from_bytes(text.as_bytes());
            assert_eq!(repaired.text, text);
            assert!(repaired.is_whole && repaired.closed == text, "{repaired:?}");
        }
    }

    #[test]
    fn one_odd_value_costs_nothing_beside_it() {
        for (odd, becomes) in [
            (r#""a\ud83d""#, json!("a\u{fffd}")),
            (r#""\udc00\ud83d\u0041""#, json!("\u{fffd}\u{fffd}A")),
            (r#""\ud83d\ud83d\ude00""#, json!("\u{fffd}😀")),
            ("\"a\u{1}\nb\"", json!("a\u{1}\nb")),
            (r#""\x\u12""#, json!("\u{fffd}x\u{fffd}u12")),
            ("1e999", json!(null)),
            ("-1e999", json!(null)),
            ("NaN", json!(null)),
            ("undefined", json!(null)),
            ("01", json!(null)),
        ] {
            let text = format!(r#"{{"before":1,"odd":{odd},"after":"x"}}"#);
            let expected = json!({"before": 1, "odd": becomes, "after": "x"});
            assert_eq!(value(&text), Some(expected), "{text}");
        }
    }

    #[test]
    fn bytes_that_are_no_utf8_become_replacement_characters() {
        let bytes = b"\xef\xbb\xbf{\"text\":\"a\xff\xfeb\",\"k\xc3\":1}";
        let read: Value = read(bytes).expect("JSON");
        assert_eq!(read["text"], "a\u{fffd}\u{fffd}b");
    }

    #[test]
    fn what_is_nested_too_deep_is_left_out_at_any_depth() {
        for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("[{\"a\":", "}]")] {
            for depth in [100, 1_000, 100_000] {
                let deep = format!("{}1{}", open.repeat(depth), close.repeat(depth));
                let text = format!(r#"{{"deep":{deep},"after":"x"}}"#);
                let read = value(&text).expect("JSON");
                assert_eq!(read["after"], "x");
            }
        }
        let unbalanced = format!(r#"{{"deep":{}"#, "[".repeat(100_000));
        assert!(!Repaired::from_bytes(unbalanced.as_bytes()).is_whole);
    }

    #[test]
    fn text_that_is_cut_off_anywhere_is_closed_without_its_last_value() {
        let text =
            r#"{"ok":true,"result":{"message_id":12,"text":"h\"i\ud83d\ude00","list":[1,"a",{}]}}"#;
        for end in 1..text.len() {
            let repaired = Repaired::from_bytes(&text.as_bytes()[..end]);
            assert!(!repaired.is_whole, "{end}");
            let closed: Value = serde_json::from_str(&repaired.closed).expect(&repaired.closed);
            let id = &closed["result"]["message_id"];
            assert!(id.is_null() || *id == 12, "{closed}");
        }
    }

    #[test]
    fn what_follows_the_first_value_is_dropped() {
        assert_eq!(value("{\"a\":1}<script>"), Some(json!({"a": 1})));
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for text in ["", "<html>", "{\"a\" 1}", "}", "{\"a\":1", "1 2]", "\"x"] {
            let read: Option<serde_json::Map<String, Value>> = read(text.as_bytes());
            assert_eq!(read, None, "{text}");
        }
    }

    #[test]
    fn the_items_of_a_list_are_found_also_when_it_is_cut_off() {
        let text = r#"{"ok":true,"x":{"result":[9]},"result":[{"a":"],}"},2, [3,4] ,{"b":"\\""}"#;
        let items = items_of(text, "result").expect("a list");
        assert_eq!(items.whole, [r#"{"a":"],}"}"#, "2", "[3,4]"]);
        assert_eq!(items.cut_off, Some(r#"{"b":"\\""}"#));
        let whole = items_of(r#"{"result":[]}"#, "result").expect("a list");
        assert_eq!(whole, Items::default());
        assert_eq!(items_of(r#"{"result":{}}"#, "result"), None);
    }

    #[test]
    fn a_number_is_found_where_nothing_else_can_be_read() {
        let of = |text| first_number(text, "update_id");
        assert_eq!(of(r#"{"update_id": 17,"message":{"te"#), Some(17));
        assert_eq!(of(r#"{"update_id":"x","a":{"update_id":5}"#), Some(5));
        for text in [
            r#"{"update_id":17"#,
            r#"{"update_id":99999999999999999999,"#,
            "",
        ] {
            assert_eq!(of(text), None, "{text}");
        }
    }

    #[test]
    fn an_outline_shows_the_keys_and_nothing_that_was_written() {
        let text = r#"{"update_id":5,"message":{"text":"my \"secret\": x","n":1,"rest":"sec"#;
        assert_eq!(
            outline(text),
            r#"{"update_id":5,"message":{"text":"…","n":1,"rest":"…""#
        );
    }
}
