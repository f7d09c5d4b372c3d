//! Counts the deliveries that cannot be read, so that none is refused for ever.

use std::{
    collections::{VecDeque, hash_map::DefaultHasher},
    hash::{Hash, Hasher},
};

/// How often the same body is refused before it is given up.
const MAX_REFUSALS: u32 = 2;
/// Bodies remembered; Telegram repeats few at a time.
const MAX_BODIES: usize = 64;

/// The bodies refused so far, by their hash, the newest last.
#[derive(Debug, Default)]
pub(super) struct UnreadableDeliveries(VecDeque<(u64, u32)>);

impl UnreadableDeliveries {
    /// Counts a delivery of this body; whether it has been refused often enough.
    pub(super) fn count(&mut self, body: &[u8]) -> bool {
        let mut hasher = DefaultHasher::new();
        body.hash(&mut hasher);
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
    }
}
