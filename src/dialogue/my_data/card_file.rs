//! Writes the file with a person's data, and reads cards from such a file. Pure.
//!
//! The format is JSON with plain field names. A file may have been edited by hand, so everything in it is validated
//! like typed text. The messages about files are in `import` and `export`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    dialogue::{
        cards::card_text,
        choice::Reason,
        ids::CardId,
        protection::credentials::Protection,
        record::{
            Card, CardEvent, DeadLetter, HistoryEntry, Record, Removal, RemovedCard, Stage, Vote,
            is_same_label,
        },
    },
    knowledge::{CardKind, EntryId, Language, PhoneSystem},
};

/// The version of the file format; a newer one is refused.
const FORMAT: u32 = 1;
/// The largest file that is read: twice the size of a file with a full list.
pub const MAX_FILE_BYTES: usize = 128 * 1024;
/// Explains the file to a person who opens it.
const ABOUT: &str = "What unbind-bot keeps of your chat. Send this file to the bot to put its cards on your list again.";

#[derive(Serialize)]
struct File<'a> {
    unbind_bot_cards: u32,
    about: &'a str,
    made: Timestamp,
    cards: Vec<CardOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rest: Option<Rest<'a>>,
}

/// Everything stored besides the cards on the list.
#[derive(Serialize)]
struct Rest<'a> {
    removed: Vec<RemovedOut<'a>>,
    under_way: Vec<UnderWay<'a>>,
    ask_again: Vec<AskAgain<'a>>,
    next_review: Option<Timestamp>,
    reminders_of_unfinished: bool,
    language: Option<Language>,
    language_last_spoken: Option<Language>,
    language_of_app: Option<Language>,
    traditional_script: bool,
    protection: &'static str,
    wrong_tries: u32,
    locked_until: Option<Timestamp>,
    answers: &'a BTreeMap<EntryId, Vote>,
    last_answer: Option<&'a EntryId>,
    last_active: Option<Timestamp>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    failed_at: &'a [DeadLetter],
}

#[derive(Serialize)]
struct CardOut<'a> {
    label: &'a str,
    wallet: &'a EntryId,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<PhoneSystem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<CardKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_digits: Option<&'a str>,
    added: Timestamp,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    history: &'a [HistoryEntry],
}

#[derive(Serialize)]
struct RemovedOut<'a> {
    #[serde(flatten)]
    card: CardOut<'a>,
    removed: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
}

#[derive(Serialize)]
struct UnderWay<'a> {
    label: &'a str,
    stage: &'a Stage,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    set_aside: Option<Timestamp>,
}

#[derive(Serialize)]
struct AskAgain<'a> {
    label: &'a str,
    at: Timestamp,
}

impl<'a> CardOut<'a> {
    fn new(card: &'a Card) -> Self {
        Self {
            label: &card.label,
            wallet: &card.wallet,
            phone: card.system,
            kind: card.kind,
            issuer: card.issuer.as_deref(),
            last_digits: card.digits.as_deref(),
            added: card.added,
            history: &card.history,
        }
    }
}

impl<'a> RemovedOut<'a> {
    fn new(removed: &'a RemovedCard) -> Self {
        Self {
            card: CardOut::new(&removed.card),
            removed: removed.removed,
            reason: removed.reason,
        }
    }
}

/// The name of a file with everything.
pub(crate) fn file_name(now: Timestamp) -> String {
    format!("unbind-cards-{}.json", now.strftime("%Y-%m-%d"))
}

/// The name of a file with one card; without the label, which may contain characters not allowed in file names.
pub(crate) fn card_file_name(card: CardId, now: Timestamp) -> String {
    format!("unbind-card-{}-{}.json", card.0, now.strftime("%Y-%m-%d"))
}

/// Everything stored about a chat, except hashes and secrets, which would only help an attacker.
pub(crate) fn write_everything(record: &Record, now: Timestamp) -> String {
    let protection = match record.protection {
        None => "none",
        Some(Protection::Pin(_)) => "pin",
        Some(Protection::Codes { .. }) => "codes",
    };
    let rest = Rest {
        removed: record.trash.iter().map(RemovedOut::new).collect(),
        under_way: under_way(record),
        ask_again: record
            .reminders
            .iter()
            .filter_map(|reminder| {
                let label = record.removed_card(reminder.card)?.card.label.as_str();
                let at = reminder.at;
                Some(AskAgain { label, at })
            })
            .collect(),
        next_review: record.review,
        reminders_of_unfinished: !record.reminders_muted,
        language: record.language,
        language_last_spoken: record.spoken,
        language_of_app: record.app_language,
        traditional_script: record.traditional,
        protection,
        wrong_tries: record.failed_attempts.wrong,
        locked_until: record.failed_attempts.locked_until,
        answers: &record.votes,
        last_answer: record.last_answer.as_ref().map(|last| &last.entry),
        last_active: record.last_active,
        failed_at: &record.dead_letters,
    };
    write(record.cards.iter(), Some(rest), now)
}

fn under_way(record: &Record) -> Vec<UnderWay<'_>> {
    let suspended = record.suspended.as_ref();
    let present = [Some(&record.activity), suspended].into_iter().flatten();
    let present = present.filter_map(|activity| activity.removal());
    let all = present.chain(&record.paused).chain(&record.cancelled);
    let described = |removal: &'_ Removal| {
        let card = record.card(removal.card);
        let card = card.or_else(|| Some(&record.removed_card(removal.card)?.card))?;
        Some((card.label.as_str(), removal.reason, removal.set_aside))
    };
    all.filter_map(|removal| {
        let (label, reason, set_aside) = described(removal)?;
        Some(UnderWay {
            label,
            stage: &removal.stage,
            reason,
            set_aside,
        })
    })
    .collect()
}

/// The file with one card, to keep before the card is removed.
pub(crate) fn write_card(card: &Card, now: Timestamp) -> String {
    write([card].into_iter(), None, now)
}

fn write<'a>(
    cards: impl Iterator<Item = &'a Card>,
    rest: Option<Rest<'a>>,
    now: Timestamp,
) -> String {
    let file = File {
        unbind_bot_cards: FORMAT,
        about: ABOUT,
        made: now,
        cards: cards.map(CardOut::new).collect(),
        rest,
    };
    // Serialising strings, numbers and times cannot fail.
    serde_json::to_string_pretty(&file).unwrap_or_default()
}

/// Why a file cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileFault {
    /// It is not JSON, or not a file written by this bot.
    NotOurs,
    /// A newer version of the bot wrote it.
    Newer,
}

/// Why a card of a file is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CardFault {
    /// A field is missing or invalid.
    Broken,
    /// The list, or an earlier card of the file, has the same label.
    SameLabel,
}

/// The cards of a file: those that can be added, and those refused, with their number in the file (from 1) and label.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct FileCards {
    pub(crate) cards: Vec<Card>,
    pub(crate) refused: Vec<(usize, String, CardFault)>,
}

#[derive(Deserialize)]
struct FileIn {
    unbind_bot_cards: u32,
    #[serde(default)]
    cards: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct CardIn {
    label: String,
    wallet: EntryId,
    #[serde(default)]
    phone: Option<PhoneSystem>,
    #[serde(default)]
    kind: Option<CardKind>,
    #[serde(default)]
    issuer: Option<String>,
    #[serde(default)]
    last_digits: Option<String>,
    #[serde(default)]
    added: Option<Timestamp>,
    #[serde(default)]
    history: Vec<HistoryEntry>,
}

/// Reads the cards of a file; `is_taken` says whether a label is already on the list. The cards have the id 0 until
/// they are added.
///
/// # Errors
/// The file was not written by this bot, or was written by a newer version of it.
pub(crate) fn read(
    content: &str,
    now: Timestamp,
    is_taken: impl Fn(&str) -> bool,
) -> Result<FileCards, FileFault> {
    let file: FileIn = serde_json::from_str(content.trim_start_matches('\u{feff}'))
        .map_err(|_| FileFault::NotOurs)?;
    if file.unbind_bot_cards > FORMAT {
        return Err(FileFault::Newer);
    }
    let mut found = FileCards::default();
    for (number, value) in (1..).zip(file.cards) {
        let said = value["label"]
            .as_str()
            .map(card_text::clean)
            .unwrap_or_default();
        let Some(card) = read_card(value, now) else {
            found.refused.push((number, said, CardFault::Broken));
            continue;
        };
        let mut before = found.cards.iter();
        let is_double = before.any(|other| is_same_label(&other.label, &card.label));
        if is_double || is_taken(&card.label) {
            let refused = (number, card.label, CardFault::SameLabel);
            found.refused.push(refused);
        } else {
            found.cards.push(card);
        }
    }
    Ok(found)
}

fn read_card(value: serde_json::Value, now: Timestamp) -> Option<Card> {
    let card: CardIn = serde_json::from_value(value).ok()?;
    let optional =
        |text: Option<String>, check: fn(&str) -> Result<String, card_text::CardTextFault>| {
            text.map(|text| check(&text)).transpose().ok()
        };
    // A time in the future comes from a wrong clock.
    let history = card.history.into_iter().filter(|entry| entry.at <= now);
    let mut card = Card {
        id: CardId(0),
        label: card_text::parse_label(&card.label).ok()?,
        wallet: card.wallet,
        system: card.phone,
        kind: card.kind,
        issuer: optional(card.issuer, card_text::parse_issuer)?,
        digits: optional(card.last_digits, card_text::parse_digits)?,
        added: card.added.filter(|added| *added <= now).unwrap_or(now),
        history: history.collect(),
    };
    // This also drops the oldest entries of a history that is too long.
    card.note(CardEvent::Imported, now);
    Some(card)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::dialogue::{
        choice::Field,
        record::{MAX_HISTORY, days},
    };

    fn now() -> Timestamp {
        "2026-01-01T12:00:00Z".parse().expect("a time")
    }

    fn card(label: &str) -> Card {
        Card {
            id: CardId(3),
            label: label.to_owned(),
            wallet: "wallet-huawei".parse().expect("an id"),
            system: Some(PhoneSystem::HarmonyOs),
            kind: Some(CardKind::Copied),
            issuer: Some("物业 0571-88886666".to_owned()),
            digits: Some("4821".to_owned()),
            added: "2025-01-01T00:00:00Z".parse().expect("a time"),
            history: vec![HistoryEntry {
                at: "2025-02-01T00:00:00Z".parse().expect("a time"),
                what: CardEvent::Changed(Field::Label),
            }],
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let record = Record {
            cards: vec![card("公司 🏢"), card("Home")],
            ..Record::default()
        };
        let found =
            read(&write_everything(&record, now()), now(), |_| false).expect("a file of ours");
        assert!(found.refused.is_empty());
        for (found, written) in found.cards.iter().zip(&record.cards) {
            let mut expected = Card {
                id: CardId(0),
                ..written.clone()
            };
            expected.note(CardEvent::Imported, now());
            assert_eq!(*found, expected);
        }
    }

    #[test]
    fn the_newest_of_a_history_that_is_too_long_is_kept() {
        let day = |day: i64| now() - days(100 - day);
        let mut long = card("Home");
        long.history = (0..30)
            .map(|number| HistoryEntry {
                at: day(number),
                what: CardEvent::PutBack,
            })
            .collect();
        let found = read(&write_card(&long, now()), now(), |_| false).expect("a file of ours");
        let history = &found.cards[0].history;
        assert_eq!(history.len(), MAX_HISTORY);
        assert_eq!(history[0].at, day(11));
        assert_eq!(history[MAX_HISTORY - 2].at, day(29));
        assert_eq!(history[MAX_HISTORY - 1].what, CardEvent::Imported);
    }

    #[test]
    fn repeated_labels_and_broken_cards_are_refused_with_their_number() {
        let file = r#"{"unbind_bot_cards":1,"cards":[
            {"label":"Home","wallet":"wallet-oppo"}, {"label":"home","wallet":"wallet-vivo"},
            {"label":"12345678","wallet":"wallet-vivo"}, {"label":"Gate"}, 7,
            {"label":"Office","wallet":"wallet-vivo"}, {"label":"Lab","wallet":"wallet-vivo","last_digits":"62220"}]}"#;
        let found = read(file, now(), |label| label == "Office").expect("a file of ours");
        let labels: Vec<_> = found.cards.iter().map(|card| card.label.as_str()).collect();
        let refused: Vec<_> = found
            .refused
            .iter()
            .map(|(at, _, fault)| (*at, *fault))
            .collect();
        assert_eq!(labels, ["Home"]);
        assert_eq!(
            refused,
            [
                (2, CardFault::SameLabel),
                (3, CardFault::Broken),
                (4, CardFault::Broken),
                (5, CardFault::Broken),
                (6, CardFault::SameLabel),
                (7, CardFault::Broken),
            ]
        );
    }

    #[test]
    fn other_files_are_refused() {
        for file in [
            "",
            "{}",
            "[]",
            "门禁卡",
            "👍",
            "{\"unbind_bot_cards\":\"1\"}",
        ] {
            assert_eq!(
                read(file, now(), |_| false),
                Err(FileFault::NotOurs),
                "{file}"
            );
        }
        let newer = "{\"unbind_bot_cards\":2}";
        assert_eq!(read(newer, now(), |_| false), Err(FileFault::Newer));
    }

    #[test]
    fn no_hash_and_no_secret_is_in_a_file() {
        let entropy = crate::dialogue::Entropy([7; crate::dialogue::Entropy::BYTES]);
        let secret = crate::dialogue::protection::credentials::new_secret(&entropy);
        let (protection, codes) =
            crate::dialogue::protection::credentials::protect_by_codes(secret.clone(), 1, &entropy)
                .expect("sealed");
        let record = Record {
            protection: Some(protection),
            ..Record::default()
        };
        let file = write_everything(&record, now());
        let sealed = serde_json::to_string(&secret).expect("written");
        assert!(file.contains("\"codes\"") && !file.contains(sealed.trim_matches('"')));
        assert!(!file.contains("argon2") && codes.iter().all(|code| !file.contains(code)));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_without_a_panic(text in "\\PC{0,200}") {
            let _ = read(&text, now(), |_| false);
            let _ = read(&format!("{{\"unbind_bot_cards\":1,\"cards\":[{{\"label\":{text:?}}}]}}"), now(), |_| false);
        }
    }
}
