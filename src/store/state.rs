//! What is known of a store without opening it: what it must contain at least, and how its files were left.

use std::io;

use serde::{Deserialize, Serialize};

/// The version of this layout; a newer one is refused.
const FORMAT: u32 = 1;
/// A slot fills a sector of its own, so that a torn write spoils one slot at most.
const SLOT: usize = 512;
/// What a table contains, in two numbers that change with every value in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tally {
    /// Values.
    pub(super) count: u64,
    /// The sum over the checksums of all keys with their values: whatever is lost, left over or old shows in it.
    pub(super) digest: u64,
}

impl Tally {
    pub(super) fn add(&mut self, key: &[u8], value: &[u8]) {
        self.count = self.count.wrapping_add(1);
        self.digest = self.digest.wrapping_add(digest(key, value));
    }

    pub(super) fn add_all(&mut self, others: Self) {
        self.count = self.count.wrapping_add(others.count);
        self.digest = self.digest.wrapping_add(others.digest);
    }

    pub(super) fn remove(&mut self, key: &[u8], value: &[u8]) {
        self.count = self.count.wrapping_sub(1);
        self.digest = self.digest.wrapping_sub(digest(key, value));
    }
}

fn digest(key: &[u8], value: &[u8]) -> u64 {
    u64::from(crc32fast::hash(key)) << 32 | u64::from(crc32fast::hash(value))
}

/// What a store contains.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Totals {
    /// Batches committed since the store was made.
    pub(super) commits: u64,
    pub(super) records: Tally,
    pub(super) rows: Tally,
}

/// The engine's files at a clean close.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seal {
    pub(super) bytes: u64,
    pub(super) crc: u32,
}

/// What is known of a store without opening it.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct State {
    format: u32,
    /// Grows with each writing; the slot with the greater one counts.
    pub(super) sequence: u64,
    /// What was acknowledged: the store contains it, or more.
    pub(super) totals: Totals,
    /// Set by a clean close, taken away before anything is changed.
    pub(super) seal: Option<Seal>,
}

impl State {
    /// The state of a store not yet made.
    pub(super) fn new() -> Self {
        Self {
            format: FORMAT,
            sequence: 0,
            totals: Totals::default(),
            seal: None,
        }
    }

    /// The newer of the two slots in `bytes`; `None` when neither can be read.
    pub(super) fn newest(bytes: &[u8]) -> Option<Self> {
        let slots = bytes.chunks(SLOT).filter_map(Self::unpack);
        slots.max_by_key(|state| state.sequence)
    }

    /// Whether a newer version of this program wrote it.
    pub(super) fn is_newer(&self) -> bool {
        self.format > FORMAT
    }

    /// Where this one is written: the slot that does not hold the one before.
    pub(super) fn offset(&self) -> u64 {
        match self.sequence.is_multiple_of(2) {
            true => 0,
            false => SLOT as u64,
        }
    }

    /// JSON and its checksum, padded to a slot: a person can read it, a machine can trust it.
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

    fn slots(states: &[State]) -> Vec<u8> {
        let packed = states.iter().map(|state| state.pack().unwrap());
        packed.collect::<Vec<_>>().concat()
    }

    fn state(sequence: u64) -> State {
        State {
            sequence,
            seal: Some(Seal {
                bytes: u64::MAX,
                crc: u32::MAX,
            }),
            totals: Totals {
                commits: u64::MAX,
                records: Tally {
                    count: u64::MAX,
                    digest: u64::MAX,
                },
                rows: Tally {
                    count: u64::MAX,
                    digest: u64::MAX,
                },
            },
            ..State::new()
        }
    }

    #[test]
    fn the_largest_state_fits_its_slot() {
        assert_eq!(state(u64::MAX).pack().unwrap().len(), SLOT);
    }

    #[test]
    fn a_torn_write_leaves_the_slot_before() {
        let whole = slots(&[state(8), state(9)]);
        assert_eq!(State::newest(&whole).unwrap().sequence, 9);
        for at in SLOT..2 * SLOT - 1 {
            let mut torn = whole.clone();
            torn[at..].fill(0);
            let sequence = State::newest(&torn).map(|state| state.sequence);
            assert!(matches!(sequence, Some(8 | 9)), "{at}: {sequence:?}");
        }
        assert!(State::newest(b"").is_none());
    }

    #[test]
    fn a_tally_shows_what_is_lost_left_over_or_old() {
        let mut before = Tally::default();
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
