//! The file `state` of a store: what the store must contain at least, and whether it was closed cleanly. It is read
//! without opening the engine.

use std::io;

use serde::{Deserialize, Serialize};

/// The version of this layout; a newer one is refused.
const FORMAT: u32 = 1;
/// A slot fills a sector of its own, so that a torn write spoils one slot at most.
const SLOT: usize = 512;

/// The number of values in a table, and a checksum over all of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Digest {
    /// Number of values.
    pub(super) count: u64,
    /// Sum of the checksums of all keys with their values; it shows lost, left-over and outdated values.
    #[serde(rename = "digest")]
    pub(super) sum: u64,
}

impl Digest {
    pub(super) fn add(&mut self, key: &[u8], value: &[u8]) {
        self.count = self.count.wrapping_add(1);
        self.sum = self.sum.wrapping_add(checksum(key, value));
    }

    pub(super) fn add_all(&mut self, others: Self) {
        self.count = self.count.wrapping_add(others.count);
        self.sum = self.sum.wrapping_add(others.sum);
    }

    pub(super) fn remove(&mut self, key: &[u8], value: &[u8]) {
        self.count = self.count.wrapping_sub(1);
        self.sum = self.sum.wrapping_sub(checksum(key, value));
    }
}

fn checksum(key: &[u8], value: &[u8]) -> u64 {
    u64::from(crc32fast::hash(key)) << 32 | u64::from(crc32fast::hash(value))
}

/// What a store contains after a number of commits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Checkpoint {
    /// Batches committed since the store was made.
    pub(super) commits: u64,
    pub(super) records: Digest,
    pub(super) rows: Digest,
}

/// The engine's files as they were when the store was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CleanShutdown {
    /// Size of all files together.
    pub(super) bytes: u64,
    /// CRC-32 of all files, with their names and sizes.
    pub(super) crc: u32,
}

/// The content of the file. Some fields keep their older names there.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Manifest {
    format: u32,
    /// Grows with each write; the slot with the greater one counts.
    pub(super) sequence: u64,
    /// What was acknowledged: the store contains it, or more.
    #[serde(rename = "totals")]
    pub(super) checkpoint: Checkpoint,
    /// Set when the store is closed, cleared before anything is changed.
    #[serde(rename = "seal")]
    pub(super) clean_shutdown: Option<CleanShutdown>,
}

impl Manifest {
    /// The manifest of a new store.
    pub(super) fn new() -> Self {
        Self {
            format: FORMAT,
            sequence: 0,
            checkpoint: Checkpoint::default(),
            clean_shutdown: None,
        }
    }

    /// The manifest of a store that contains this.
    pub(super) fn of(checkpoint: Checkpoint) -> Self {
        Self {
            checkpoint,
            ..Self::new()
        }
    }

    /// The newer of the two slots in `bytes`; `None` when neither can be read.
    pub(super) fn newest(bytes: &[u8]) -> Option<Self> {
        let slots = bytes.chunks(SLOT).filter_map(Self::unpack);
        slots.max_by_key(|manifest| manifest.sequence)
    }

    /// Whether a newer version of this program wrote it.
    pub(super) fn is_newer(&self) -> bool {
        self.format > FORMAT
    }

    /// The offset in the file: the slot that does not hold the previous manifest.
    pub(super) fn offset(&self) -> u64 {
        if self.sequence.is_multiple_of(2) {
            0
        } else {
            SLOT as u64
        }
    }

    /// JSON and its checksum, padded to a slot.
    pub(super) fn pack(&self) -> io::Result<Vec<u8>> {
        let json = serde_json::to_string(self)?;
        let crc = crc32fast::hash(json.as_bytes());
        Ok(format!(
            "{:<width$}\n",
            format!("{json} {crc:08x}"),
            width = SLOT - 1
        )
        .into_bytes())
    }

    fn unpack(slot: &[u8]) -> Option<Self> {
        let line = str::from_utf8(slot).ok()?.trim_end();
        let (json, crc) = line.rsplit_once(' ')?;
        let intact = u32::from_str_radix(crc, 16).ok()? == crc32fast::hash(json.as_bytes());
        intact.then(|| serde_json::from_str(json).ok()).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(manifests: &[Manifest]) -> Vec<u8> {
        let packed = manifests.iter().map(|manifest| manifest.pack().unwrap());
        packed.collect::<Vec<_>>().concat()
    }

    fn manifest(sequence: u64) -> Manifest {
        Manifest {
            sequence,
            clean_shutdown: Some(CleanShutdown {
                bytes: u64::MAX,
                crc: u32::MAX,
            }),
            checkpoint: Checkpoint {
                commits: u64::MAX,
                records: Digest {
                    count: u64::MAX,
                    sum: u64::MAX,
                },
                rows: Digest {
                    count: u64::MAX,
                    sum: u64::MAX,
                },
            },
            ..Manifest::new()
        }
    }

    #[test]
    fn the_largest_manifest_fits_its_slot() {
        assert_eq!(manifest(u64::MAX).pack().unwrap().len(), SLOT);
    }

    #[test]
    fn it_is_written_as_earlier_versions_wrote_it() {
        let written = manifest(7).pack().unwrap();
        let most = u64::MAX;
        let digest = format!(r#"{{"count":{most},"digest":{most}}}"#);
        let json = format!(
            r#"{{"format":1,"sequence":7,"totals":{{"commits":{most},"records":{digest},"rows":{digest}}},"seal":{{"bytes":{most},"crc":4294967295}}}}"#
        );
        let crc = crc32fast::hash(json.as_bytes());
        let line = format!("{json} {crc:08x}");
        assert_eq!(str::from_utf8(&written).unwrap().trim_end(), line);
    }

    #[test]
    fn a_torn_write_leaves_the_slot_before() {
        let whole = slots(&[manifest(8), manifest(9)]);
        assert_eq!(Manifest::newest(&whole).unwrap().sequence, 9);
        for at in SLOT..2 * SLOT - 1 {
            let mut torn = whole.clone();
            torn[at..].fill(0);
            let sequence = Manifest::newest(&torn).map(|manifest| manifest.sequence);
            assert!(matches!(sequence, Some(8 | 9)), "{at}: {sequence:?}");
        }
        assert!(Manifest::newest(b"").is_none());
    }

    #[test]
    fn a_digest_shows_what_is_lost_left_over_or_old() {
        let mut before = Digest::default();
        before.add(b"a", b"1");
        let mut changed = before;
        changed.add(b"b", b"2");
        assert_ne!(changed, before);
        changed.remove(b"b", b"2");
        assert_eq!(changed, before);
        changed.remove(b"a", b"1");
        changed.add(b"a", b"0");
        assert_eq!(changed.count, before.count);
        assert_ne!(changed, before);
    }
}
