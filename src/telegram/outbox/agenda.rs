//! Schedules lanes: answers before reminders, each by time.

use std::{collections::BTreeSet, time::Duration};

use tokio::time::Instant;

use crate::{dialogue::Address, telegram::gcra::Moment};

/// How long reminders may be delayed by answers.
pub(super) const UNSOLICITED_DELAY: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(super) struct Agenda {
    answers: BTreeSet<(Instant, Address)>,
    unsolicited: BTreeSet<(Instant, Address)>,
}

impl Agenda {
    pub(super) fn lanes_of(&mut self, unsolicited: bool) -> &mut BTreeSet<(Instant, Address)> {
        if unsolicited {
            &mut self.unsolicited
        } else {
            &mut self.answers
        }
    }

    /// The next lane among those that are due: the longest waiting, where reminders count as [`UNSOLICITED_DELAY`]
    /// later.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<Address> {
        let due = |lanes: &BTreeSet<(Instant, Address)>| {
            let first = lanes.first().map(|(at, _)| *at);
            first.filter(|at| *at <= now)
        };
        let lanes = match (due(&self.answers), due(&self.unsolicited)) {
            (Some(answer), Some(reminder)) if reminder.plus(UNSOLICITED_DELAY) < answer => {
                &mut self.unsolicited
            }
            (None, Some(_)) => &mut self.unsolicited,
            (Some(_), Some(_) | None) | (None, None) => &mut self.answers,
        };
        due(lanes)?;
        lanes.pop_first().map(|(_, address)| address)
    }

    pub(super) fn next_at(&self) -> Option<Instant> {
        let next = |lanes: &BTreeSet<(Instant, Address)>| lanes.first().map(|(at, _)| *at);
        [next(&self.answers), next(&self.unsolicited)]
            .into_iter()
            .flatten()
            .min()
    }

    pub(super) fn due_before(&self, until: Instant) -> impl Iterator<Item = Address> {
        let before = move |lane: &&(Instant, Address)| lane.0 < until;
        let answers = self.answers.iter().take_while(before);
        let unsolicited = self.unsolicited.iter().take_while(before);
        answers.chain(unsolicited).map(|(_, address)| *address)
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.answers.is_empty() && self.unsolicited.is_empty()
    }
}
