//! The methods that change a record. Each keeps the record consistent, so that procedures need not.

use jiff::{SignedDuration, Timestamp};

use super::{
    Activity, Card, CardEvent, MAX_CARDS, MAX_KEPT, NotPutBack, REMIND_OUTCOME_MINUTES,
    REVIEW_DAYS, Record, Removal, RemovedCard, Room, Stage, days,
};
use crate::dialogue::ids::CardId;

impl Record {
    /// A person did something: restarts the reminder period, and marks the chat as reachable.
    pub(crate) fn note_presence(&mut self, now: Timestamp) {
        // The time is stored only while a procedure is open.
        let waits = !self.activity.is_idle() || self.suspended.is_some();
        self.last_active = waits.then_some(now);
        self.reminder_sent = false;
        self.unreachable = false;
    }

    /// Shortens times that were stored while the clock was ahead: nothing was done later than now, and nothing is due
    /// later than its longest wait from now. Only for a clock that is known to be right, since one that is behind would
    /// make everything look so.
    pub(crate) fn shorten_future_times(&mut self, now: Timestamp) {
        let cards = self.cards.iter_mut();
        for card in cards.chain(self.trash.iter_mut().map(|removed| &mut removed.card)) {
            card.added = card.added.min(now);
            for entry in &mut card.history {
                entry.at = entry.at.min(now);
            }
        }
        for removed in &mut self.trash {
            removed.removed = removed.removed.min(now);
        }
        for removal in self.paused.iter_mut().chain(&mut self.cancelled) {
            removal.set_aside = removal.set_aside.map(|at| at.min(now));
        }
        for letter in &mut self.dead_letters {
            letter.at = letter.at.min(now);
        }
        for seen in &mut self.updates {
            seen.at = seen.at.min(now);
        }
        self.last_active = self.last_active.map(|at| at.min(now));
        let longest = now + SignedDuration::from_mins(REMIND_OUTCOME_MINUTES);
        for reminder in &mut self.reminders {
            reminder.at = reminder.at.min(longest);
        }
        self.review = self.review.map(|at| at.min(now + days(REVIEW_DAYS)));
    }

    /// Begins a short procedure; a removal under way continues after it.
    pub(crate) fn set_aside_for(&mut self, activity: Activity) {
        let before = std::mem::replace(&mut self.activity, activity);
        if before.is_removal() {
            self.suspended = Some(before);
        }
    }

    /// Leaves a procedure, and returns to the removal suspended for it, if any.
    pub(crate) fn leave(&mut self) {
        self.activity = self.suspended.take().unwrap_or_default();
    }

    /// Moves the removal under way to another stage.
    pub(crate) fn go_to(&mut self, stage: Stage) {
        if let Activity::Removing(removal) = &mut self.activity {
            removal.stage = stage;
        }
    }

    /// Whether the removal still needs the PIN or a code.
    pub(crate) fn lacks_proof(&self, removal: &Removal) -> bool {
        self.protection.is_some() && !removal.proved
    }

    /// Pauses an open removal; it replaces an earlier one of the same card.
    pub(crate) fn pause(&mut self, removal: Removal, now: Timestamp) {
        if removal.is_open() {
            self.drop_set_aside(removal.card);
            self.paused.push(Removal {
                set_aside: Some(now),
                ..removal
            });
        }
    }

    /// Pauses the present and the suspended removal, because another one begins.
    pub(crate) fn pause_all(&mut self, now: Timestamp) {
        let suspended = self.suspended.take();
        let present = std::mem::take(&mut self.activity);
        for activity in suspended.into_iter().chain([present]) {
            if let Activity::Removing(removal) = activity {
                self.pause(removal, now);
            }
        }
    }

    /// Drops the paused and the cancelled removal of this card.
    pub(crate) fn drop_set_aside(&mut self, card: CardId) {
        self.paused.retain(|paused| paused.card != card);
        let cancelled = self.cancelled.as_ref();
        if cancelled.is_some_and(|removal| removal.card == card) {
            self.cancelled = None;
        }
    }

    /// Moves the card of the removal under way from the list to the trash. Returns whether it was on the list.
    pub(crate) fn take_off(&mut self, id: CardId, now: Timestamp) -> bool {
        let Some(position) = self.cards.iter().position(|card| card.id == id) else {
            return false;
        };
        let reason = self.activity.removal().and_then(|removal| removal.reason);
        let mut card = self.cards.remove(position);
        card.note(CardEvent::TakenOff, now);
        self.trash.push(RemovedCard {
            card,
            removed: now,
            position,
            reason,
        });
        self.drop_set_aside(id);
        self.go_to(Stage::Outcome);
        true
    }

    /// Moves a card from the trash to its former position on the list, and returns it; its label gets a number if another
    /// card has the label now.
    pub(crate) fn put_back(&mut self, id: CardId, now: Timestamp) -> Result<&Card, NotPutBack> {
        let at = self.trash.iter().position(|removed| removed.card.id == id);
        let at = at.ok_or(NotPutBack::NotInTrash)?;
        if self.cards.len() >= MAX_CARDS {
            return Err(NotPutBack::ListFull);
        }
        let RemovedCard {
            mut card, position, ..
        } = self.trash.remove(at);
        card.label = self.unused_label(&card.label);
        card.note(CardEvent::PutBack, now);
        let position = position.min(self.cards.len());
        self.cards.insert(position, card);
        self.reminders.retain(|reminder| reminder.card != id);
        let removal = self.activity.removal();
        if removal.is_some_and(|removal| removal.card == id) {
            self.leave();
        }
        Ok(&self.cards[position])
    }

    /// Adds a new card to the end of the list, and returns its id.
    pub(crate) fn add_card(&mut self, card: impl FnOnce(CardId) -> Card) -> CardId {
        let id = CardId(self.next_card);
        self.next_card += 1;
        self.cards.push(card(id));
        id
    }

    /// How many more cards the record can take.
    pub(crate) fn room(&self) -> Room {
        let on_list = MAX_CARDS.saturating_sub(self.cards.len());
        let kept = MAX_KEPT.saturating_sub(self.cards.len() + self.trash.len());
        match (on_list, kept) {
            (0, _) => Room::ListFull,
            (_, 0) => Room::TrashFull,
            (on_list, kept) => Room::Free(on_list.min(kept)),
        }
    }

    /// The label of a card on the list or in the trash; empty if it is in neither.
    pub(crate) fn label_of(&self, id: CardId) -> &str {
        let removed = self.removed_card(id).map(|removed| &removed.card);
        let card = self.card(id).or(removed);
        card.map_or("", |card| card.label.as_str())
    }

    /// Whether a card on the list other than `except` has this label.
    pub(crate) fn has_label(&self, label: &str, except: Option<CardId>) -> bool {
        let mut others = self.cards.iter().filter(|card| Some(card.id) != except);
        others.any(|card| card.is_called(label))
    }

    /// A label that no card on the list has: this one, or this one with a number.
    fn unused_label(&self, label: &str) -> String {
        let numbered = (2..).map(|number| format!("{label} {number}"));
        let mut labels = std::iter::once(label.to_owned()).chain(numbered);
        let is_free = |label: &String| !self.has_label(label, None);
        labels.find(is_free).unwrap_or_default()
    }
}
