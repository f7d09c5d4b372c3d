//! The stored format: a header before the JSON of a record or an outbox row, so that damage is noticed.
//!
//! ```text
//! magic 4 | kind 1 | schema 2 | chat 8 | version 8 | index 4 | length 4 | CRC-32 4 | body (JSON, `length` bytes)
//! ```
//! Numbers are big-endian. The checksum covers everything but itself, so a value that is under a wrong key, torn or changed
//! is refused. The header never changes; the body changes with the schema.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    OutboxRow, RowId, Versioned,
    migrations::{Migration, RECORD_MIGRATIONS, ROW_MIGRATIONS},
};
use crate::dialogue::{ChatId, Record};

/// Short for unbind-bot.
const MAGIC: [u8; 4] = *b"UBND";
const HEADER: usize = 35;
const CRC_AT: usize = HEADER - 4;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Record,
    Row,
}

impl Kind {
    fn code(self) -> u8 {
        match self {
            Self::Record => b'R',
            Self::Row => b'O',
        }
    }

    fn migrations(self) -> &'static [Migration] {
        match self {
            Self::Record => RECORD_MIGRATIONS,
            Self::Row => ROW_MIGRATIONS,
        }
    }
}

/// The schema after all of these migrations.
fn schema(migrations: &[Migration]) -> u16 {
    u16::try_from(migrations.len() + 1).unwrap_or(u16::MAX)
}

/// Why stored bytes were refused.
#[derive(Debug, thiserror::Error)]
pub enum EnvelopeError {
    /// Shorter than its header, or not as long as the header says.
    #[error("it is cut short or too long ({found} bytes, {expected} expected)")]
    Length { found: usize, expected: usize },
    /// Not a value of this program.
    #[error("it does not begin like a value of this program")]
    Magic,
    /// A bit changed after it was written.
    #[error("its checksum is wrong")]
    Checksum,
    /// It belongs to another chat, version or row.
    #[error("it belongs elsewhere: to chat {0}")]
    Misplaced(ChatId),
    /// A newer program wrote it.
    #[error(
        "a newer version of this program wrote it (schema {found}; this one reads up to {known})"
    )]
    Newer {
        found: u16,
        /// The newest schema this program knows.
        known: u16,
    },
    /// Intact, but not what this program stores.
    #[error("its content does not fit: {0}")]
    Content(#[from] serde_json::Error),
}

/// The kind of a value, and the chat, version and index it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct EnvelopeKey {
    kind: Kind,
    chat: ChatId,
    version: u64,
    index: u32,
}

impl EnvelopeKey {
    fn row(id: RowId) -> Self {
        Self {
            kind: Kind::Row,
            chat: id.chat,
            version: id.version,
            index: id.index,
        }
    }
}

/// Packs a record; `version` is the one it has from now on.
///
/// # Errors
/// When serde cannot write it, which does not happen with a record.
pub fn pack_record(chat: ChatId, version: u64, record: &Record) -> Result<Vec<u8>, EnvelopeError> {
    let key = EnvelopeKey {
        kind: Kind::Record,
        chat,
        version,
        index: 0,
    };
    pack(key, record)
}

/// Packs an outbox row.
///
/// # Errors
/// When serde cannot write it, which does not happen with a row.
pub fn pack_row(row: &OutboxRow) -> Result<Vec<u8>, EnvelopeError> {
    pack(EnvelopeKey::row(row.id), row)
}

/// Reads the record of `chat`; an older schema is migrated.
///
/// # Errors
/// When it is not exactly what was written for this chat.
pub fn unpack_record(chat: ChatId, bytes: &[u8]) -> Result<Versioned, EnvelopeError> {
    let version = record_version(chat, bytes)?;
    let record = unpack(Kind::Record, bytes)?;
    Ok(Versioned { version, record })
}

/// The version of the record of `chat`; verifies the checksum without reading the body.
///
/// # Errors
/// As [`unpack_record`], except for the content.
pub fn record_version(chat: ChatId, bytes: &[u8]) -> Result<u64, EnvelopeError> {
    let key = verify(Kind::Record, bytes)?;
    if key.chat == chat {
        Ok(key.version)
    } else {
        Err(EnvelopeError::Misplaced(key.chat))
    }
}

/// Reads the outbox row `id`.
///
/// # Errors
/// When it is not exactly what was written for this row.
pub fn unpack_row(id: RowId, bytes: &[u8]) -> Result<OutboxRow, EnvelopeError> {
    check_row(id, bytes)?;
    let row: OutboxRow = unpack(Kind::Row, bytes)?;
    if row.id == id {
        Ok(row)
    } else {
        Err(EnvelopeError::Misplaced(row.id.chat))
    }
}

/// Verifies the checksum and key of outbox row `id` without reading its body.
///
/// # Errors
/// As [`unpack_row`], except for the content.
pub fn check_row(id: RowId, bytes: &[u8]) -> Result<(), EnvelopeError> {
    let key = verify(Kind::Row, bytes)?;
    if key == EnvelopeKey::row(id) {
        Ok(())
    } else {
        Err(EnvelopeError::Misplaced(key.chat))
    }
}

/// The schema records are written in.
pub fn record_schema() -> u16 {
    schema(RECORD_MIGRATIONS)
}

/// The schema outbox rows are written in.
pub fn row_schema() -> u16 {
    schema(ROW_MIGRATIONS)
}

/// Reads a record from the JSON of schema `found`.
///
/// # Errors
/// When the JSON is no record.
pub fn lift_record(body: Value, found: u16) -> Result<Record, EnvelopeError> {
    lift(body, found, RECORD_MIGRATIONS)
}

/// Reads an outbox row from the JSON of schema `found`.
///
/// # Errors
/// When the JSON is no row.
pub fn lift_row(body: Value, found: u16) -> Result<OutboxRow, EnvelopeError> {
    lift(body, found, ROW_MIGRATIONS)
}

fn pack(key: EnvelopeKey, body: &impl Serialize) -> Result<Vec<u8>, EnvelopeError> {
    let mut bytes = vec![0; HEADER];
    serde_json::to_writer(&mut bytes, body)?;
    let found = bytes.len() - HEADER;
    let length = u32::try_from(found).map_err(|_| EnvelopeError::Length {
        found,
        expected: u32::MAX as usize,
    })?;
    bytes[0..4].copy_from_slice(&MAGIC);
    bytes[4] = key.kind.code();
    bytes[5..7].copy_from_slice(&schema(key.kind.migrations()).to_be_bytes());
    bytes[7..15].copy_from_slice(&key.chat.0.to_be_bytes());
    bytes[15..23].copy_from_slice(&key.version.to_be_bytes());
    bytes[23..27].copy_from_slice(&key.index.to_be_bytes());
    bytes[27..31].copy_from_slice(&length.to_be_bytes());
    let crc = checksum(&bytes);
    bytes[CRC_AT..HEADER].copy_from_slice(&crc.to_be_bytes());
    Ok(bytes)
}

/// Verifies an envelope without reading its body, and returns its key.
fn verify(kind: Kind, bytes: &[u8]) -> Result<EnvelopeKey, EnvelopeError> {
    if bytes.len() < HEADER {
        return Err(EnvelopeError::Length {
            found: bytes.len(),
            expected: HEADER,
        });
    }
    if bytes[0..4] != MAGIC || bytes[4] != kind.code() {
        return Err(EnvelopeError::Magic);
    }
    let expected = HEADER + u32::from_be_bytes(field(bytes, 27)) as usize;
    if bytes.len() != expected {
        return Err(EnvelopeError::Length {
            found: bytes.len(),
            expected,
        });
    }
    if u32::from_be_bytes(field(bytes, CRC_AT)) != checksum(bytes) {
        return Err(EnvelopeError::Checksum);
    }
    let (found, known) = (schema_of(bytes), schema(kind.migrations()));
    if found > known {
        return Err(EnvelopeError::Newer { found, known });
    }
    Ok(EnvelopeKey {
        kind,
        chat: ChatId(i64::from_be_bytes(field(bytes, 7))),
        version: u64::from_be_bytes(field(bytes, 15)),
        index: u32::from_be_bytes(field(bytes, 23)),
    })
}

fn unpack<T: DeserializeOwned>(kind: Kind, bytes: &[u8]) -> Result<T, EnvelopeError> {
    read_body(&bytes[HEADER..], schema_of(bytes), kind.migrations())
}

/// Reads a body of schema `found` through the migrations that follow it.
fn read_body<T: DeserializeOwned>(
    body: &[u8],
    found: u16,
    migrations: &[Migration],
) -> Result<T, EnvelopeError> {
    if found == schema(migrations) {
        return Ok(serde_json::from_slice(body)?);
    }
    lift(serde_json::from_slice(body)?, found, migrations)
}

fn lift<T: DeserializeOwned>(
    body: Value,
    found: u16,
    migrations: &[Migration],
) -> Result<T, EnvelopeError> {
    let ahead = migrations.iter().skip(usize::from(found).saturating_sub(1));
    let lifted = ahead.fold(body, |body, step| step(body));
    Ok(serde_json::from_value(lifted)?)
}

fn checksum(bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&bytes[..CRC_AT]);
    hasher.update(&bytes[HEADER..]);
    hasher.finalize()
}

fn schema_of(bytes: &[u8]) -> u16 {
    u16::from_be_bytes(field(bytes, 5))
}

/// `N` bytes at `at`; the header must be whole.
fn field<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut field = [0; N];
    field.copy_from_slice(&bytes[at..at + N]);
    field
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::{
        dialogue::{Card, CardId, Reply},
        knowledge::Language,
        markup::RichText,
    };

    const CHAT: ChatId = ChatId(-1_001_234_567_890);

    fn card(id: u32, label: &str) -> Card {
        let added = Timestamp::from_second(1_767_225_600).unwrap();
        Card::new(CardId(id), label, "wallet-huawei".parse().unwrap(), added)
    }

    fn versioned(version: u64, labels: &[String]) -> Versioned {
        let cards = (1..).zip(labels);
        Versioned {
            version,
            record: Record {
                language: Some(Language::ZH),
                keyboard: 7,
                next_card: 3,
                cards: cards.map(|(id, label)| card(id, label)).collect(),
                ..Record::default()
            },
        }
    }

    fn row() -> OutboxRow {
        OutboxRow {
            id: RowId {
                chat: CHAT,
                version: 3,
                index: 1,
            },
            to: crate::dialogue::Address::chat(CHAT),
            reply_to: None,
            reply: Reply::new(RichText::plain("门禁卡 👍")),
            created: Timestamp::UNIX_EPOCH,
            attempts: 2,
            not_before: None,
        }
    }

    /// What the samples in `tests/fixtures/store` hold, each written by a program of its schema.
    fn sample() -> Versioned {
        versioned(42, &["门禁卡 🏠".to_owned(), "Office <b>".to_owned()])
    }

    const SAMPLES: [&[u8]; 2] = [
        include_bytes!("../../tests/fixtures/store/record-v1.bin"),
        include_bytes!("../../tests/fixtures/store/record-v2.bin"),
    ];

    #[test]
    fn a_record_of_every_schema_there_was_is_still_read() {
        assert_eq!(SAMPLES.len(), usize::from(schema(RECORD_MIGRATIONS)));
        for bytes in SAMPLES {
            assert_eq!(unpack_record(CHAT, bytes).unwrap(), sample());
        }
    }

    fn packed(versioned: &Versioned) -> Vec<u8> {
        pack_record(CHAT, versioned.version, &versioned.record).unwrap()
    }

    /// Not a test: writes the sample of the present schema. Run it once, when a schema is released, under a new name.
    #[test]
    #[ignore = "writes a fixture"]
    fn write_the_sample_of_the_present_schema() {
        let name = format!(
            "{}/tests/fixtures/store/record-v{}.bin",
            env!("CARGO_MANIFEST_DIR"),
            schema(RECORD_MIGRATIONS)
        );
        std::fs::write(name, packed(&sample())).unwrap();
    }

    #[test]
    fn a_newer_schema_is_refused_by_name() {
        let mut bytes = packed(&sample());
        let newer = schema(RECORD_MIGRATIONS) + 1;
        bytes[5..7].copy_from_slice(&newer.to_be_bytes());
        let crc = checksum(&bytes);
        bytes[CRC_AT..HEADER].copy_from_slice(&crc.to_be_bytes());
        let error = unpack_record(CHAT, &bytes).unwrap_err();
        assert!(matches!(error, EnvelopeError::Newer { found, .. } if found == newer));
    }

    #[test]
    fn an_older_body_goes_through_the_steps_that_are_ahead_of_it() {
        let steps: [Migration; 2] = [
            |body| serde_json::json!([body, "1 to 2"]),
            |body| serde_json::json!([body, "2 to 3"]),
        ];
        let read = |found| read_body::<Value>(b"0", found, &steps).unwrap().to_string();
        assert_eq!(read(1), r#"[[0,"1 to 2"],"2 to 3"]"#);
        assert_eq!(read(2), r#"[0,"2 to 3"]"#);
        assert_eq!(read(3), "0");
    }

    #[test]
    fn a_value_is_not_read_for_another_chat_or_row_or_kind() {
        let record = packed(&sample());
        assert!(unpack_record(ChatId(5), &record).is_err());
        let bytes = pack_row(&row()).unwrap();
        let other = RowId {
            index: 2,
            ..row().id
        };
        assert!(unpack_row(other, &bytes).is_err());
        assert!(unpack_record(CHAT, &bytes).is_err());
        assert!(unpack_row(row().id, &record).is_err());
    }

    #[test]
    fn a_row_round_trips() {
        let bytes = pack_row(&row()).unwrap();
        assert_eq!(unpack_row(row().id, &bytes).unwrap(), row());
    }

    proptest! {
        #[test]
        fn any_record_round_trips(
            version in any::<u64>(),
            labels in prop::collection::vec("[ -~]{0,8}|[门禁卡家公司解绑]{0,6}|[👍🏠🔑]{0,3}|\\PC{0,5}", 0..5),
        ) {
            let before = versioned(version, &labels);
            let bytes = packed(&before);
            prop_assert_eq!(unpack_record(CHAT, &bytes).unwrap(), before);
        }

        #[test]
        fn any_changed_byte_is_refused(at in any::<prop::sample::Index>(), change in 1..=255_u8) {
            let mut bytes = packed(&sample());
            let at = at.index(bytes.len());
            bytes[at] ^= change;
            prop_assert!(unpack_record(CHAT, &bytes).is_err());
        }

        #[test]
        fn any_other_length_is_refused(length in any::<prop::sample::Index>(), tail in prop::collection::vec(any::<u8>(), 1..9)) {
            let bytes = packed(&sample());
            prop_assert!(unpack_record(CHAT, &bytes[..length.index(bytes.len())]).is_err());
            prop_assert!(unpack_record(CHAT, &[bytes, tail].concat()).is_err());
        }

        #[test]
        fn any_garbage_is_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..99)) {
            prop_assert!(unpack_record(CHAT, &bytes).is_err());
            prop_assert!(unpack_row(row().id, &bytes).is_err());
        }
    }
}
