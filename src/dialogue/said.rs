//! What a person said last, without its text: enough to tell an edit that changes something from one that does not, and
//! which answer an edit corrects. The record keeps the last few (`record/messages.rs`).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ids::{CardId, MessageId, UserId};

/// A message of a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaidMessage {
    pub id: MessageId,
    /// When it was handled, in whole seconds, to keep the record small.
    #[serde(with = "jiff::fmt::serde::timestamp::second::required")]
    pub at: Timestamp,
    /// In a group, who said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<UserId>,
    /// The hash of its words; `None` if they may be a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
    /// The keyboard shown after it. As long as it is the newest, nothing has happened since.
    pub keyboard: u32,
    #[serde(default, skip_serializing_if = "Answered::is_nothing")]
    pub answered: Answered,
}

/// Which question of the bot a message answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answered {
    /// None, or one whose answer is not corrected by an edit.
    #[default]
    Nothing,
    /// “Have you done this step?”
    Step,
    /// One about the card being added.
    Draft(Part),
    /// One about a card on the list.
    Card(CardId, Part),
    /// One about a card that was not added after all.
    Past,
}

/// What was said about a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    Label,
    Wallet,
    System,
    Issuer,
    Digits,
}

/// A short hash of a text, from which the text cannot be told: many texts have the same. It is written in letters, so that
/// no number that somebody searches the records for can appear in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// Of the words alone; case, punctuation and spaces do not count. A text without words counts as a whole.
    fn of_words(text: &str) -> Self {
        let lower = text.to_lowercase();
        let words = lower.split(|c: char| !c.is_alphanumeric());
        let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
        if words.is_empty() {
            return Self::of_text(text);
        }
        Self::of_text(&words.join(" "))
    }

    fn of_text(text: &str) -> Self {
        let hash = crc32fast::hash(text.trim().as_bytes());
        let letter = |byte: u8| [byte >> 4, byte & 15].map(|half| char::from(b'a' + half));
        Self(hash.to_be_bytes().into_iter().flat_map(letter).collect())
    }
}

impl Answered {
    fn is_nothing(&self) -> bool {
        *self == Self::Nothing
    }

    /// The fingerprint of a text that answers this: what is written on a card counts letter by letter.
    pub(crate) fn fingerprint(self, text: &str) -> Fingerprint {
        match self {
            Self::Nothing | Self::Step => Fingerprint::of_words(text),
            Self::Draft(_) | Self::Card(..) | Self::Past => Fingerprint::of_text(text),
        }
    }
}

impl SaidMessage {
    /// Whether an edit to this text changes nothing. A possible secret counts as unchanged, since nothing of it was kept.
    pub(crate) fn says(&self, text: &str) -> bool {
        let before = self.fingerprint.as_ref();
        before.is_none_or(|before| *before == self.answered.fingerprint(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(answered: Answered, text: &str) -> SaidMessage {
        SaidMessage {
            id: MessageId(1),
            at: Timestamp::UNIX_EPOCH,
            from: None,
            fingerprint: Some(answered.fingerprint(text)),
            keyboard: 0,
            answered,
        }
    }

    #[test]
    fn only_words_count_and_on_a_card_every_letter() {
        let question = said(Answered::Nothing, "How do I unbind?");
        assert!(question.says("how do I  unbind") && !question.says("how do I bind"));
        let thumb = said(Answered::Nothing, "👍");
        assert!(thumb.says("👍 ") && !thumb.says("👎"));
        let label = said(Answered::Draft(Part::Label), "office");
        assert!(label.says(" office") && !label.says("Office"));
        let secret = SaidMessage {
            fingerprint: None,
            ..question
        };
        assert!(secret.says("anything"));
    }

    #[test]
    fn a_fingerprint_is_eight_letters_whatever_the_text() {
        for text in ["", "4111 1111", "解绑", "👍"] {
            let Fingerprint(letters) = Fingerprint::of_words(text);
            assert_eq!(letters.len(), 8);
            assert!(letters.chars().all(|c| c.is_ascii_lowercase()), "{letters}");
        }
    }
}
