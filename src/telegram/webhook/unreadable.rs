//! Counts the deliveries that cannot be read, so that none is refused for ever.

use std::{
    collections::{VecDeque, hash_map::DefaultHasher},
    hash::{Hash, Hasher},
};

/// How often the same body is refused before it is given up.
const MAX_REFUSALS: u32 = 2;
/// A body is recognised by its beginning, which holds the update's id: one that is cut off may have another end each time.
const COMPARED_BYTES: usize = 1024;
/// Bodies remembered; Telegram repeats few at a time.
const MAX_BODIES: usize = 64;

/// The bodies refused so far, by their hash, the newest last.
#[derive(Debug, Default)]
pub(super) struct UnreadableDeliveries(VecDeque<(u64, u32)>);

impl UnreadableDeliveries {
    /// Counts a delivery of this body; whether it has been refused often enough.
    pub(super) fn count(&mut self, body: &[u8]) -> bool {
        let mut hasher = DefaultHasher::new();
        let begin = body.get(..COMPARED_BYTES).unwrap_or(body);
        begin.hash(&mut hasher);
        let hash = hasher.finish();
        let known = self.0.iter().position(|(known, _)| *known == hash);
        let refusals = known.and_then(|place| self.0.remove(place));
        let refusals = refusals.map_or(0, |(_, refusals)| refusals);
        if self.0.len() == MAX_BODIES {
            self.0.pop_front();
        }
        self.0.push_back((hash, refusals.saturating_add(1)));
        refusals >= MAX_REFUSALS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_given_up_after_some_refusals_and_few_are_remembered() {
        let mut deliveries = UnreadableDeliveries::default();
        let given_up = [(); 4].map(|()| deliveries.count(b"x"));
        assert_eq!(given_up, [false, false, true, true]);
        for other in 0..2 * MAX_BODIES {
            assert!(!deliveries.count(other.to_string().as_bytes()));
        }
        assert_eq!(deliveries.0.len(), MAX_BODIES);
        assert!(!deliveries.count(b"x"), "it was long ago");
        let long = vec![b'x'; 2 * COMPARED_BYTES];
        let ends = [0, 1, COMPARED_BYTES - 1].map(|cut| deliveries.count(&long[cut..]));
        assert_eq!(ends, [false, false, true], "wherever it is cut off");
    }
}
