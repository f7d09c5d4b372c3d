//! Builds dead letters: descriptions of messages the bot failed on because of a bug, and of replies that could not be sent.
//! The record of the chat keeps them for a while, so that maintainers can see what failed. `secrets` masks anything that looks like a secret.

use jiff::Timestamp;

use super::{
    event::{Event, Input, Receipt, SentFile},
    ids::UpdateId,
    record::{DeadLetter, Record},
    reply::{Attachment, Reply},
    secrets,
};

/// Characters kept of an event or a fault, so that the record stays small; a message has at most 4,096, and its
/// beginning is usually enough to see what failed.
const MAX_CHARS: usize = 2_000;

impl DeadLetter {
    /// The dead letter for an event whose handling failed on this record.
    pub fn for_event(record: &Record, event: &Event, fault: &str, now: Timestamp) -> Self {
        let event = if record.activity.awaits_secret() {
            // The typed text may be the secret.
            "something typed where a PIN or a code was asked for".to_owned()
        } else {
            format!("{:?}", without_secrets(event))
        };
        Self::for_unreadable(&event, fault, now)
    }

    /// The dead letter for input that could not be read as an event.
    pub fn for_unreadable(text: &str, fault: &str, now: Timestamp) -> Self {
        Self {
            at: now,
            update: None,
            fault: readable(fault),
            event: readable(text),
        }
    }

    /// The dead letter about a reply that could not be sent. It says what kind of reply that was, without its words and its
    /// file: a reply may contain recovery codes. The fault quotes no message.
    pub fn for_reply(reply: Option<&Reply>, fault: &str, now: Timestamp) -> Self {
        Self {
            at: now,
            update: None,
            fault: cut(fault),
            event: reply.map_or_else(|| "a reply that cannot be read".to_owned(), describe_reply),
        }
    }

    /// Adds the id of the update it arrived in.
    pub fn arrived_in(self, update: Option<UpdateId>) -> Self {
        Self { update, ..self }
    }
}

/// The event with secrets masked. Each text is masked separately, because a secret is recognised in its whole text.
fn without_secrets(event: &Event) -> Event {
    let input = match event.input.clone() {
        Input::Text(text) => Input::Text(secrets::mask(&text)),
        Input::Command(command, text) => Input::Command(command, secrets::mask(&text)),
        Input::Receipt(Receipt::FileContent(Ok(text))) => {
            Input::Receipt(Receipt::FileContent(Ok(format!("{} bytes", text.len()))))
        }
        Input::UnknownCommand(text) => Input::UnknownCommand(secrets::mask(&text)),
        Input::LateEdit(text) => Input::LateEdit(secrets::mask(&text)),
        Input::File(file) => Input::File(SentFile {
            caption: file.caption.as_deref().map(secrets::mask),
            ..file
        }),
        other @ (Input::Press { .. }
        | Input::Attachment(_)
        | Input::TooFast { .. }
        | Input::Wake
        | Input::Receipt(_)) => other,
    };
    Event {
        input,
        ..event.clone()
    }
}

fn describe_reply(reply: &Reply) -> String {
    let kind = match (reply.unsolicited, reply.replaces.is_some()) {
        (true, _) => "a reminder",
        (false, true) => "an edit of an earlier answer",
        (false, false) => "an answer",
    };
    let file = match &reply.attachment {
        Some(Attachment::File { .. }) => ", and a file",
        Some(Attachment::QrCode(_)) => ", and a QR code",
        None => "",
    };
    let letters = reply.text.to_plain().chars().count();
    let buttons = reply.buttons.concat().len();
    format!("{kind}: {letters} characters, {buttons} buttons{file}")
}

/// The text with secrets masked, cut to [`MAX_CHARS`].
fn readable(text: &str) -> String {
    cut(&secrets::mask(text))
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialogue::record::{Activity, DEAD_LETTER_DAYS, MAX_DEAD_LETTERS, Setup, days};
    use crate::markup::RichText;
    use jiff::SignedDuration;

    fn now() -> Timestamp {
        "2026-01-01T00:00:00Z".parse().expect("a time")
    }

    fn letter(record: &Record, text: &str) -> DeadLetter {
        let event = Event::private(Input::Text(text.into()));
        DeadLetter::for_event(record, &event, "index 7 of a slice", now())
    }

    #[test]
    fn a_dead_letter_keeps_the_text_and_masks_its_digits() {
        for (said, kept, never) in [
            ("my PIN is 4821 👍", "my PIN is 0000 👍", "4821"),
            ("卡号６２２２", "卡号0000", "６"),
            ("", "\"\"", "1"),
        ] {
            let letter = letter(&Record::default(), said);
            assert!(letter.event.contains(kept), "{letter:?}");
            assert!(!letter.event.contains(never), "{letter:?}");
            assert_eq!(letter.fault, "index 0 of a slice");
        }
    }

    #[test]
    fn a_dead_letter_keeps_no_recovery_phrase_and_no_typed_pin() {
        let phrase =
            "abandon ability able about above absent absorb abstract absurd abuse access accident";
        let mut record = Record::default();
        assert!(!letter(&record, phrase).event.contains("abandon"));
        record.activity = Activity::Protecting(Setup::NewPin);
        assert!(!letter(&record, "hunter two").event.contains("hunter"));
    }

    #[test]
    fn a_dead_letter_about_a_reply_says_what_it_was_and_none_of_its_words() {
        let file = Attachment::File {
            name: "codes.txt".into(),
            content: "9988-7766".into(),
        };
        let reply = Reply::new(RichText::plain("your code is 9988-7766")).with_attachment(file);
        let letter = DeadLetter::for_reply(Some(&reply), "it failed: 500 Internal", now());
        assert_eq!(
            letter.event,
            "an answer: 22 characters, 0 buttons, and a file"
        );
        assert_eq!(letter.fault, "it failed: 500 Internal");
        let unread = DeadLetter::for_reply(None, &"x".repeat(9_000), now());
        assert_eq!(unread.fault.chars().count(), MAX_CHARS + 1);
    }

    #[test]
    fn dead_letters_are_bounded_in_length_number_and_time() {
        let mut record = Record::default();
        for _ in 0..2 * MAX_DEAD_LETTERS {
            record.keep_dead_letter(letter(&record, &"门👍".repeat(MAX_CHARS)));
        }
        assert_eq!(record.dead_letters.len(), MAX_DEAD_LETTERS);
        assert_eq!(record.dead_letters[0].event.chars().count(), MAX_CHARS + 1);
        let end = now() + days(DEAD_LETTER_DAYS);
        record.sweep_dead_letters(end);
        assert_eq!(record.dead_letters.len(), MAX_DEAD_LETTERS);
        record.sweep_dead_letters(end + SignedDuration::from_secs(1));
        assert_eq!(record.dead_letters, []);
    }
}
