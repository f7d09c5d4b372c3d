//! Reads what a Bot API server answers, as leniently as can be: an answer that cannot be read would make the bot repeat
//! a request that has had its effect, and an update that cannot be read would stop all those behind it.

use std::time::Duration;

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::error::ApiError;
use crate::{
    dialogue::ChatId,
    telegram::lenient_json::{self, Items, Repaired},
};

/// The pause after a 429 that names none.
const DEFAULT_RETRY_AFTER: Duration = Duration::from_secs(5);
/// The longest pause that is believed. Telegram asks for minutes, seldom for hours; asking again after an hour does no
/// harm, and a nonsensical number would silence a chat for good.
pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(60 * 60);
/// An answer with this status may be one of success.
const OK: u16 = 200;

#[derive(Deserialize)]
#[serde(bound = "R: Deserialize<'de>")]
struct Answer<R> {
    ok: bool,
    result: Option<R>,
    /// The rest is read field by field, since a proxy or another server may write it in its own way.
    #[serde(default)]
    error_code: Value,
    #[serde(default)]
    description: Value,
    #[serde(default)]
    parameters: Value,
}

/// What a poll brought.
#[derive(Debug, Default, PartialEq)]
pub struct Batch {
    pub updates: Vec<ReceivedUpdate>,
    /// The rest of the answer, if it was cut off within an update.
    pub cut_off: Option<String>,
}

#[derive(Debug, PartialEq)]
pub enum ReceivedUpdate {
    Json(Value),
    /// Text that is no JSON, even after a repair.
    Unreadable(String),
}

/// Reads the result of a request.
///
/// # Errors
/// See [`ApiError`].
pub fn read_answer<R: DeserializeOwned>(status: u16, body: &[u8]) -> Result<R, ApiError> {
    match lenient_json::read::<Answer<R>>(body) {
        Some(answer) => to_result(status, answer),
        None => read_cut_off(body).ok_or_else(|| no_answer(status, body)),
    }
}

/// Reads the updates that a poll brought, each by itself.
///
/// # Errors
/// See [`ApiError`].
pub fn read_batch(status: u16, body: &[u8]) -> Result<Batch, ApiError> {
    if let Some(answer) = lenient_json::read::<Answer<Value>>(body) {
        return match to_result(status, answer)? {
            Value::Array(updates) => Ok(Batch {
                updates: updates.into_iter().map(ReceivedUpdate::Json).collect(),
                cut_off: None,
            }),
            // An update where a list of them should be.
            update if update["update_id"].is_u64() => Ok(Batch {
                updates: vec![ReceivedUpdate::Json(update)],
                cut_off: None,
            }),
            _ => Err(ApiError::Unavailable(format!(
                "HTTP {status} with a result that is no list of updates"
            ))),
        };
    }
    let repaired = Repaired::from_bytes(body);
    match lenient_json::items_of(&repaired.text, "result") {
        Some(items) if status == OK => Ok(to_batch(&items)),
        _ => Err(no_answer(status, body)),
    }
}

fn to_batch(items: &Items<'_>) -> Batch {
    let read = |item: &&str| match serde_json::from_str(item) {
        Ok(update) => ReceivedUpdate::Json(update),
        Err(_) => ReceivedUpdate::Unreadable((*item).to_owned()),
    };
    let mut batch = Batch {
        updates: items.whole.iter().map(read).collect(),
        cut_off: None,
    };
    // The cut may have been between two updates.
    match items.cut_off.map(|rest| (rest, serde_json::from_str(rest))) {
        None => {}
        Some((_, Ok(update @ Value::Object(_)))) => {
            batch.updates.push(ReceivedUpdate::Json(update))
        }
        Some((rest, _)) => batch.cut_off = Some(rest.to_owned()),
    }
    batch
}

fn to_result<R: DeserializeOwned>(status: u16, answer: Answer<R>) -> Result<R, ApiError> {
    let is_absent = answer.ok && answer.result.is_none();
    let absent = is_absent
        .then(|| R::deserialize(Value::Null).ok())
        .flatten();
    match answer.result.or(absent) {
        Some(result) if answer.ok => Ok(result),
        _ => Err(to_api_error(
            code_of(&answer.error_code).unwrap_or(status),
            answer.description.as_str().unwrap_or_default().to_owned(),
            &answer.parameters,
        )),
    }
}

/// Reads an answer that was cut off after it said that the request was successful, if nothing of its result is needed:
/// otherwise a proxy that cuts long answers short would make the bot send a message again and again.
fn read_cut_off<R: DeserializeOwned>(body: &[u8]) -> Option<R> {
    let repaired = Repaired::from_bytes(body);
    let is_needed = R::deserialize(Value::Null).is_err();
    if repaired.is_whole || is_needed {
        return None;
    }
    let answer: Answer<R> = serde_json::from_str(&repaired.closed).ok()?;
    answer.result.filter(|_| answer.ok)
}

/// For a proxy's error page and the like. It is not shown, because it may quote a message.
fn no_answer(status: u16, body: &[u8]) -> ApiError {
    ApiError::Unavailable(format!(
        "HTTP {status} with {} bytes that are no Bot API answer",
        body.len()
    ))
}

/// An error code, also where it is written as text.
fn code_of(code: &Value) -> Option<u16> {
    let number = code.as_u64().or_else(|| code.as_str()?.trim().parse().ok());
    number.and_then(|code| u16::try_from(code).ok())
}

fn to_api_error(code: u16, description: String, parameters: &Value) -> ApiError {
    if let Some(chat) = parameters["migrate_to_chat_id"].as_i64() {
        return ApiError::Migrated(ChatId(chat));
    }
    let retry_after = &parameters["retry_after"];
    if code == 429 || !retry_after.is_null() {
        return ApiError::TooManyRequests(read_retry_after(retry_after));
    }
    match code {
        401 => ApiError::Unauthorized,
        404 => ApiError::NotFound,
        400..=499 => ApiError::Refused {
            code,
            description: without_quotes(description),
        },
        _ => ApiError::Unavailable(format!("{code} {description}")),
    }
}

/// How long to wait: what is asked for, within reason.
fn read_retry_after(asked: &Value) -> Duration {
    let text = asked.as_str().map(str::trim);
    let seconds = asked.as_f64().or_else(|| text?.parse().ok());
    let Some(seconds) = seconds.filter(|seconds: &f64| *seconds > 0.0) else {
        return DEFAULT_RETRY_AFTER;
    };
    if seconds > MAX_RETRY_AFTER.as_secs_f64() {
        tracing::warn!(
            seconds,
            "Telegram asks to wait for longer than is believed; waiting for an hour"
        );
        return MAX_RETRY_AFTER;
    }
    Duration::from_secs_f64(seconds.ceil())
}

/// Errors about markup may quote the message, which is private.
fn without_quotes(mut description: String) -> String {
    const MARKUP: &str = "can't parse entities";
    if let Some(at) = description.find(MARKUP) {
        description.truncate(at + MARKUP.len());
    }
    description
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        dialogue::MessageId,
        telegram::api::{Ignored, SentMessage},
    };

    fn refused(status: u16, body: &str) -> ApiError {
        read_answer::<Ignored>(status, body.as_bytes()).expect_err("refused")
    }

    #[test]
    fn error_answers_are_told_apart() {
        let flood = r#"{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 7","parameters":{"retry_after":7}}"#;
        assert_eq!(
            refused(429, flood),
            ApiError::TooManyRequests(Duration::from_secs(7))
        );
        let moved = r#"{"ok":false,"error_code":400,"description":"Bad Request: group chat was upgraded to a supergroup chat","parameters":{"migrate_to_chat_id":-1001}}"#;
        assert_eq!(refused(400, moved), ApiError::Migrated(ChatId(-1001)));
        let wrong = r#"{"ok":false,"error_code":401,"description":"Unauthorized"}"#;
        assert_eq!(refused(401, wrong), ApiError::Unauthorized);
        let blocked = r#"{"ok":false,"error_code":403,"description":"Forbidden: bot was blocked by the user"}"#;
        assert!(matches!(
            refused(403, blocked),
            ApiError::Refused { code: 403, .. }
        ));
        let down = r#"{"ok":false,"error_code":502,"description":"Bad Gateway"}"#;
        assert!(matches!(refused(502, down), ApiError::Unavailable(_)));
    }

    #[test]
    fn an_answer_that_is_no_bot_api_answer_means_unavailable_and_is_not_shown() {
        for (status, body) in [
            (502, "<html>secret words</html>"),
            (200, "{\"ok\":true,\"result\":"),
            (200, ""),
        ] {
            let error = refused(status, body);
            assert!(
                matches!(error, ApiError::Unavailable(_)),
                "{body}: {error:?}"
            );
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_result_with_unknown_fields_is_a_result() {
        let body = r#"{"ok":true,"result":{"message_id":5,"brand_new":{"a":[1]}},"more":1}"#;
        assert!(read_answer::<Ignored>(200, body.as_bytes()).is_ok());
        for (body, id) in [
            (body, Some(MessageId(5))),
            (r#"{"ok":true,"result":true}"#, None),
            (r#"{"ok":true,"result":{"message_id":"5"}}"#, None),
        ] {
            let sent: SentMessage = read_answer(200, body.as_bytes()).expect("a result");
            assert_eq!(sent.id(), id, "{body}");
        }
    }

    #[test]
    fn the_answer_to_a_sent_message_is_a_success_whatever_else_it_contains() {
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        let with = |field: &str| format!(r#"{{"message_id":5,{field}}}"#);
        for (result, id) in [
            (with(r#""text":"\ud83d""#), Some(5)),
            (with(&format!(r#""new":{deep}"#)), Some(5)),
            (with(r#""new":1e999"#), Some(5)),
            (format!(r#"{{"message_id":{deep}}}"#), None),
            (r#"{"message_id":{"a":1}}"#.to_owned(), None),
            (r#"{"message_id":5000000000}"#.to_owned(), None),
            ("true".to_owned(), None),
            ("[]".to_owned(), None),
            ("[1]".to_owned(), None),
            ("null".to_owned(), None),
            ("\"x\"".to_owned(), None),
            ("1".to_owned(), None),
        ] {
            let body = format!(r#"{{"ok":true,"result":{result}}}"#);
            let sent: SentMessage = read_answer(200, body.as_bytes()).expect(&result);
            assert_eq!(sent.id(), id.map(MessageId), "{result}");
        }
    }

    #[test]
    fn an_answer_with_odd_bytes_is_read_all_the_same() {
        for odd in [
            b"\"\xff\xfe\"".as_slice(),
            b"\"\x01\"",
            br#""\ud83d""#,
            b"1e999",
            b"99999999999999999999999",
        ] {
            let body = [br#"{"ok":true,"result":{"message_id":5,"x":"#, odd, b"}}"].concat();
            let sent: SentMessage = read_answer(200, &body).expect("a result");
            assert_eq!(sent.id(), Some(MessageId(5)));
            let body = [br#"{"ok":false,"error_code":403,"description":"#, odd, b"}"].concat();
            let error = read_answer::<Ignored>(403, &body).expect_err("refused");
            assert!(
                matches!(error, ApiError::Refused { code: 403, .. }),
                "{error:?}"
            );
        }
    }

    #[test]
    fn a_message_is_not_sent_again_because_the_answer_was_cut_off() {
        let body = r#"{"ok":true,"result":{"message_id":5,"text":"hello","chat":{"id":7}}}"#;
        let begun = body.find("{\"message_id").expect("the result");
        for end in begun + 1..body.len() {
            let sent: SentMessage = read_answer(200, &body.as_bytes()[..end]).expect("it was sent");
            let id = sent.id();
            assert!(id.is_none() || id == Some(MessageId(5)), "{id:?}");
        }
        for end in 0..begun {
            let cut = read_answer::<SentMessage>(200, &body.as_bytes()[..end]);
            assert!(
                matches!(cut, Err(ApiError::Unavailable(_))),
                "{end}: {cut:?}"
            );
        }
        let refused = br#"{"ok":false,"error_code":400,"description":"Bad Requ"#;
        assert!(read_answer::<SentMessage>(400, refused).is_err());
    }

    #[test]
    fn a_wait_beyond_all_sense_is_an_hour_at_most() {
        let wait = |retry_after: &str| {
            let body = format!(
                r#"{{"ok":false,"error_code":429,"description":"","parameters":{{"retry_after":{retry_after}}}}}"#
            );
            match refused(429, &body) {
                ApiError::TooManyRequests(wait) => wait.as_secs(),
                other => panic!("{retry_after}: {other:?}"),
            }
        };
        for (asked, seconds) in [
            ("7", 7),
            ("\"7\"", 7),
            ("1.2", 2),
            ("3600", 3600),
            ("3601", 3600),
            ("9223372036854775807", 3600),
            ("9223372036854775808", 3600),
            ("18446744073709551615", 3600),
            ("99999999999999999999999999", 3600),
            ("1e300", 3600),
            ("\"1e300\"", 3600),
            ("\"inf\"", 3600),
            ("1e999", 5),
            ("-1", 5),
            ("-9223372036854775808", 5),
            ("0", 5),
            ("\"NaN\"", 5),
            ("\"soon\"", 5),
            ("null", 5),
            ("{}", 5),
            ("[7]", 5),
            ("true", 5),
        ] {
            assert_eq!(wait(asked), seconds, "{asked}");
        }
        for parameters in ["null", "[]", "7", "\"x\""] {
            let body = format!(r#"{{"ok":false,"error_code":429,"parameters":{parameters}}}"#);
            let default = ApiError::TooManyRequests(DEFAULT_RETRY_AFTER);
            assert_eq!(refused(429, &body), default, "{parameters}");
        }
    }

    #[test]
    fn an_error_code_is_understood_as_text_and_otherwise_taken_from_http() {
        for (code, error) in [
            ("\"401\"", ApiError::Unauthorized),
            ("70000", ApiError::NotFound),
            ("-1", ApiError::NotFound),
            ("1e999", ApiError::NotFound),
            ("null", ApiError::NotFound),
        ] {
            let body = format!(r#"{{"ok":false,"error_code":{code}}}"#);
            assert_eq!(refused(404, &body), error, "{code}");
        }
    }

    fn ids(batch: &Batch) -> Vec<Option<u64>> {
        let updates = batch.updates.iter();
        let ids = updates.map(|update| match update {
            ReceivedUpdate::Json(update) => update["update_id"].as_u64(),
            ReceivedUpdate::Unreadable(_) => None,
        });
        ids.collect()
    }

    fn batch(result: &str) -> Batch {
        let body = format!(r#"{{"ok":true,"result":{result}}}"#);
        read_batch(200, body.as_bytes()).expect("a batch")
    }

    #[test]
    fn one_poisoned_update_costs_none_beside_it() {
        let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
        for poison in [
            r#""\ud83d""#,
            "\"\u{1}\"",
            "1e999",
            "99999999999999999999999",
            "NaN",
            &deep,
        ] {
            let found = batch(&format!(
                r#"[{{"update_id":1}},{{"update_id":2,"x":{poison}}},{{"update_id":3}}]"#
            ));
            assert_eq!(ids(&found), [Some(1), Some(2), Some(3)], "{poison}");
            assert_eq!(found.cut_off, None);
        }
        let found = batch(r#"[{"update_id":1},{"update_id":2,"x" 5},{"update_id":3}]"#);
        assert_eq!(ids(&found), [Some(1), None, Some(3)]);
    }

    #[test]
    fn of_a_batch_that_was_cut_off_the_whole_updates_are_read() {
        let body = r#"{"ok":true,"result":[{"update_id":1,"x":"],"},{"update_id":2,"x":"y"}]}"#;
        let list = body.find('[').expect("a list") + 1;
        let (first, second) = (body.find(",{").expect("two"), body.len() - 2);
        for end in list..body.len() {
            let found = read_batch(200, &body.as_bytes()[..end]).expect("a batch");
            let expected = [Some(1), Some(2)];
            let whole = usize::from(end >= first) + usize::from(end >= second);
            assert_eq!(ids(&found), expected[..whole], "{end}");
        }
        let cut_off = read_batch(200, &body.as_bytes()[..second - 5]).expect("a batch");
        let rest = cut_off.cut_off.expect("the rest");
        assert!(rest.starts_with(r#"{"update_id":2,"#), "{rest}");
    }

    #[test]
    fn a_result_that_is_no_list_is_no_batch_unless_it_is_an_update() {
        for result in [
            "{}",
            "null",
            "true",
            "7",
            "\"x\"",
            r#"{"0":{"update_id":1}}"#,
        ] {
            let body = format!(r#"{{"ok":true,"result":{result}}}"#);
            let found = read_batch(200, body.as_bytes());
            assert!(matches!(found, Err(ApiError::Unavailable(_))), "{found:?}");
        }
        assert_eq!(ids(&batch(r#"{"update_id":1}"#)), [Some(1)]);
        assert_eq!(batch("[]"), Batch::default());
        let odd = batch("[null,7,[],{}]");
        assert_eq!(odd.updates[3], ReceivedUpdate::Json(json!({})));
        for body in ["", "<html>[1]</html>", "{\"ok\":tr", "[]", "null"] {
            assert!(read_batch(200, body.as_bytes()).is_err(), "{body}");
        }
    }
}
