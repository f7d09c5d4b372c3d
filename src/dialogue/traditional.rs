//! Converts replies to Traditional script with Taiwan's vocabulary, for people who write Traditional script.
//!
//! The knowledge base is in Simplified script. OpenCC's phrase tables do the conversion; this file adds corrections.

use std::sync::LazyLock;

use ferrous_opencc::{OpenCC, config::BuiltinConfig};

use super::reply::Reply;

/// `None` only if the library's built-in tables cannot be read; Simplified script is then shown.
static TO_TRADITIONAL: LazyLock<Option<OpenCC>> =
    LazyLock::new(|| OpenCC::from_config(BuiltinConfig::S2twp).ok());

/// Corrections, applied in order, of conversions that are wrong in the bot's texts (发卡 is issuing a card, not a
/// hairpin; 里 in 里加 is not the mile; 只 in 只管 is not the counter) or unusual in Taiwan.
const CORRECTIONS: [(&str, &str); 15] = [
    ("髮卡", "發卡"),
    ("里加", "裡加"),
    ("隻管", "只管"),
    ("齣手", "出手"),
    ("不透過", "沒通過"),
    ("重新重新整理", "重新整理"),
    ("重新新增", "重新加入"),
    ("許可權", "權限"),
    ("不線上", "沒連線"),
    ("繫結", "綁定"),
    ("賬號", "帳號"),
    ("後臺", "後台"),
    ("前臺", "櫃檯"),
    ("小米智慧卡", "小米智能卡"),
    ("谷歌", "Google"),
];

/// A text in Traditional script; anything that is not Chinese is unchanged.
pub(super) fn to_traditional(text: &str) -> String {
    let Some(library) = TO_TRADITIONAL.as_ref() else {
        return text.to_owned();
    };
    let converted = library.convert(text);
    let corrections = CORRECTIONS.into_iter();
    corrections.fold(converted, |text, (wrong, right)| text.replace(wrong, right))
}

/// Converts the text and the button labels of a reply.
pub(super) fn convert_reply(reply: &mut Reply) {
    for span in &mut reply.text.0 {
        span.text = to_traditional(&span.text);
    }
    for button in reply.buttons.iter_mut().flatten() {
        button.label = to_traditional(&button.label);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn han_is_converted_and_the_rest_stays() {
        for (simplified, traditional) in [
            ("门禁卡", "門禁卡"),
            ("告诉发卡的人", "告訴發卡的人"),
            ("登录 Apple 钱包 ✅", "登入 Apple 錢包 ✅"),
            ("hello", "hello"),
            ("👍", "👍"),
            ("", ""),
        ] {
            assert_eq!(to_traditional(simplified), traditional);
        }
    }
}
