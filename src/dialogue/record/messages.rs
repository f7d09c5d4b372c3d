//! The last messages of a person in a record: how many are remembered, and for how long.

use jiff::SignedDuration;

use super::Record;
use crate::dialogue::{
    ids::{CardId, MessageId, UserId},
    said::{Answered, Part, SaidMessage},
};

/// Minutes for which a message is remembered: as long as its edits are taken.
const REMEMBER_SAID_MINUTES: i64 = 5;
/// The most messages remembered: people correct one of their last few, and the record is written with every message.
const REMEMBER_SAID: usize = 6;

impl Record {
    /// Remembers a message, in place of what it said before an edit.
    pub(crate) fn note_said(&mut self, message: SaidMessage) {
        let oldest = message.at - SignedDuration::from_mins(REMEMBER_SAID_MINUTES);
        self.said
            .retain(|said| said.at >= oldest && said.id != message.id);
        self.said.push(message);
        let excess = self.said.len().saturating_sub(REMEMBER_SAID);
        self.said.drain(..excess);
    }

    /// A message that is still remembered.
    pub(crate) fn said(&self, id: MessageId) -> Option<&SaidMessage> {
        self.said.iter().find(|said| said.id == id)
    }

    /// Whether the same person has said something later than this message, as far as is remembered. If so many messages
    /// came since that it is forgotten, it is not the last one.
    pub(crate) fn has_said_since(&self, id: MessageId, from: Option<UserId>) -> bool {
        let is_forgotten =
            self.said.len() == REMEMBER_SAID && self.said.iter().all(|said| said.id > id);
        let mut own = self.said.iter().filter(|said| said.from == from);
        is_forgotten || own.any(|said| said.id > id)
    }

    /// The draft has become this card: what was said about it is from now on about the card.
    pub(crate) fn note_draft_is_card(&mut self, card: CardId) {
        self.change_draft_answers(|part| Answered::Card(card, part));
    }

    /// The draft was given up.
    pub(crate) fn note_draft_is_gone(&mut self) {
        self.change_draft_answers(|_| Answered::Past);
    }

    fn change_draft_answers(&mut self, to: impl Fn(Part) -> Answered) {
        for said in &mut self.said {
            if let Answered::Draft(part) = said.answered {
                said.answered = to(part);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn said(id: i32, second: i64, answered: Answered, text: &str) -> SaidMessage {
        SaidMessage {
            id: MessageId(id),
            at: Timestamp::from_second(second).expect("a time"),
            from: None,
            fingerprint: Some(answered.fingerprint(text)),
            keyboard: 0,
            answered,
        }
    }

    #[test]
    fn a_message_is_remembered_for_five_minutes_and_a_few_are_at_most() {
        let mut record = Record::default();
        record.note_said(said(1, 0, Answered::Nothing, "a"));
        record.note_said(said(2, 300, Answered::Nothing, "b"));
        assert!(record.said(MessageId(1)).is_some());
        record.note_said(said(3, 301, Answered::Nothing, "c"));
        assert!(record.said(MessageId(1)).is_none());
        assert!(
            record.has_said_since(MessageId(2), None) && !record.has_said_since(MessageId(3), None)
        );
        for id in 10..40 {
            record.note_said(said(id, 302, Answered::Nothing, "d"));
        }
        assert_eq!(record.said.len(), REMEMBER_SAID);
        let other = Some(UserId(5));
        assert!(
            record.has_said_since(MessageId(9), other),
            "it is forgotten"
        );
        assert!(!record.has_said_since(MessageId(36), other));
    }

    #[test]
    fn an_edited_message_is_remembered_once() {
        let mut record = Record::default();
        record.note_said(said(1, 0, Answered::Nothing, "a"));
        record.note_said(said(1, 5, Answered::Nothing, "b"));
        assert_eq!(record.said.len(), 1);
        assert!(record.said(MessageId(1)).is_some_and(|said| said.says("b")));
    }
}
