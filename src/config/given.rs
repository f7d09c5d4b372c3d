//! The value of a setting as it was meant: without blanks around it, none if nothing is left; and what must not be shown of
//! it in a fault.

/// What is shown in place of a secret.
const HIDDEN: &str = "…";
/// Shorter values are no secrets worth the name, and hiding them would hide ordinary words.
const MIN_SECRET_BYTES: usize = 6;
/// The least of a bot token: the digits of the bot's id, and the rest.
const MIN_TOKEN_ID: usize = 5;
const MIN_TOKEN_REST: usize = 16;

/// The value without blanks around it; `None` if it is empty, since an empty variable counts as unset.
///
/// # Errors
/// It has quotation marks or a comment, which were meant to be left out: `.env` as this program reads it may have them, but
/// `--env-file` of docker and podman, and other readers of such files, keep them.
pub(super) fn given(value: Option<&str>) -> Result<Option<&str>, String> {
    let Some(value) = value.map(str::trim).filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    if value.starts_with(['"', '\'', '“']) {
        return Err("the value begins with a quotation mark, which would be part of it (`--env-file` of docker and podman keeps quotation marks); write it without".to_owned());
    }
    if value.starts_with('#') || value.contains(" #") || value.contains("\t#") {
        return Err("the value has a comment, which would be part of it (`--env-file` of docker and podman keeps comments); put the comment on a line of its own".to_owned());
    }
    Ok(Some(value))
}

/// The value given, or the default.
///
/// # Errors
/// As [`given`].
pub(super) fn given_or<'a>(value: &'a str, default: &'a str) -> Result<&'a str, String> {
    Ok(given(Some(value))?.unwrap_or(default))
}

/// The fault without these secrets, and without anything that looks like a bot token: one may have been put into the wrong
/// setting.
pub(super) fn hide_secrets(fault: &str, secrets: &[&str]) -> String {
    let mut shown = fault.to_owned();
    let long_enough = |secret: &&&str| secret.len() >= MIN_SECRET_BYTES;
    for secret in secrets.iter().filter(long_enough) {
        shown = shown.replace(*secret, HIDDEN);
    }
    let tokens: Vec<String> = (shown.split(|c: char| !is_of_token(c)))
        .filter(|word| looks_like_token(word))
        .map(str::to_owned)
        .collect();
    for token in tokens {
        shown = shown.replace(&token, HIDDEN);
    }
    shown
}

fn is_of_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, ':' | '_' | '-')
}

fn looks_like_token(word: &str) -> bool {
    // `bot` stands before the token in addresses of the Bot API.
    word.split_once(':').is_some_and(|(id, rest)| {
        let digits = id.chars().rev().take_while(char::is_ascii_digit).count();
        digits >= MIN_TOKEN_ID && rest.len() >= MIN_TOKEN_REST
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_are_left_out_and_nothing_is_none() {
        for empty in [None, Some(""), Some("  "), Some("\t\r\n")] {
            assert_eq!(given(empty), Ok(None), "{empty:?}");
        }
        assert_eq!(given(Some(" a b ")), Ok(Some("a b")));
        assert_eq!(given(Some("a#b")), Ok(Some("a#b")));
        assert_eq!((given_or(" ", "x"), given_or("y", "x")), (Ok("x"), Ok("y")));
    }

    #[test]
    fn what_readers_of_env_files_keep_is_named_and_nothing_of_the_value() {
        for value in ["\"hunter2\"", "'hunter2'", "\"hunter2", "\"hunter2\" # x"] {
            let fault = given(Some(value)).expect_err(value);
            assert!(
                fault.contains("quotation mark") && !fault.contains("hunter2"),
                "{fault}"
            );
        }
        for value in ["hunter2 # x", "hunter2\t# x", "# hunter2", "#hunter2"] {
            let fault = given(Some(value)).expect_err(value);
            assert!(
                fault.contains("comment") && !fault.contains("hunter2"),
                "{fault}"
            );
        }
    }

    #[test]
    fn secrets_are_hidden_wherever_they_were_put() {
        let token = "123456789:AAbbCCddEEffGGhhIIjj";
        for fault in [
            format!("`{token}` is no number"),
            format!("`https://api.telegram.org/bot{token}/x` is no address"),
        ] {
            let shown = hide_secrets(&fault, &[]);
            assert!(shown.contains('…') && !shown.contains("AAbb"), "{shown}");
        }
        assert_eq!(
            hide_secrets("`https://x/hunter2`", &["hunter2"]),
            "`https://x/…`"
        );
        let harmless = "`127.0.0.1:99999` is no address; write it like 127.0.0.1:8443";
        assert_eq!(hide_secrets(harmless, &["1:a", ""]), harmless);
    }
}
