//! A message the bot failed at through a fault of its own: kept for a while with the chat it came from, so that those who
//! mend the bot can see what it was. What looks like a secret is blotted out, since it is kept nowhere.

use jiff::Timestamp;

use super::{
    event::{Event, Input, Receipt},
    ids::UpdateId,
    record::{DeadLetter, Record},
    secrets,
};

/// Bounds the record; a message has 4,096 characters at most, and what fails on one fails on its beginning, as a rule.
const MAX_CHARS: usize = 2_000;

impl DeadLetter {
    /// The letter of an event that `record` could not be brought on by.
    pub fn of(record: &Record, event: &Event, fault: &str, now: Timestamp) -> Self {
        let event = match record.activity.awaits_secret() {
            // Whatever was typed may be the secret.
            true => "something typed where a PIN or a code was asked for".to_owned(),
            false => format!("{:?}", without_secrets(event)),
        };
        Self::of_text(&event, fault, now)
    }

    /// The letter of something that is not even an event.
    pub fn of_text(text: &str, fault: &str, now: Timestamp) -> Self {
        Self {
            at: now,
            update: None,
            fault: readable(fault),
            event: readable(text),
        }
    }

    /// The same, with the update it came in, if it came in one.
    pub fn arrived_in(self, update: Option<UpdateId>) -> Self {
        Self { update, ..self }
    }
}

/// The event with what people wrote blotted, each text by itself: that is how a secret is recognised.
fn without_secrets(event: &Event) -> Event {
    let input = match event.input.clone() {
        Input::Text(text) => Input::Text(secrets::blotted(&text)),
        Input::Command(command, text) => Input::Command(command, secrets::blotted(&text)),
        Input::Receipt(Receipt::FileContent(Ok(text))) => {
            Input::Receipt(Receipt::FileContent(Ok(format!("{} bytes", text.len()))))
        }
        other => other,
    };
    Event {
        input,
        ..event.clone()
    }
}

/// Without digits, and not longer than is useful.
fn readable(text: &str) -> String {
    let text = secrets::blotted(text);
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialogue::record::{Activity, DEAD_LETTER_DAYS, MAX_DEAD_LETTERS, Setup};
    use jiff::SignedDuration;

    fn now() -> Timestamp {
        "2026-01-01T00:00:00Z".parse().expect("a time")
    }

    fn letter(record: &Record, text: &str) -> DeadLetter {
        let event = Event::private(Input::Text(text.into()));
        DeadLetter::of(record, &event, "index 7 of a slice", now())
    }

    #[test]
    fn what_was_said_can_be_read_and_its_digits_cannot() {
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
    fn a_recovery_phrase_and_what_was_typed_for_a_pin_are_not_kept_at_all() {
        let phrase =
            "abandon ability able about above absent absorb abstract absurd abuse access accident";
        let mut record = Record::default();
        assert!(!letter(&record, phrase).event.contains("abandon"));
        record.activity = Activity::Protecting(Setup::NewPin);
        assert!(!letter(&record, "hunter two").event.contains("hunter"));
    }

    #[test]
    fn letters_are_bounded_in_length_number_and_time() {
        let mut record = Record::default();
        for _ in 0..2 * MAX_DEAD_LETTERS {
            record.keep_dead_letter(letter(&record, &"门👍".repeat(MAX_CHARS)));
        }
        assert_eq!(record.dead_letters.len(), MAX_DEAD_LETTERS);
        assert_eq!(record.dead_letters[0].event.chars().count(), MAX_CHARS + 1);
        let end = now() + SignedDuration::from_hours(24 * DEAD_LETTER_DAYS);
        record.sweep_dead_letters(end);
        assert_eq!(record.dead_letters.len(), MAX_DEAD_LETTERS);
        record.sweep_dead_letters(end + SignedDuration::from_secs(1));
        assert_eq!(record.dead_letters, []);
    }
}
