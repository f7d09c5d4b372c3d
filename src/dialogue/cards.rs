//! The cards of a chat: the list and single cards (`list`), `adding`, `editing`, the `trash` and the `review`;
//! `card_text` validates what is typed for a card. Removing a card from the list is in `removal`.

pub(super) mod adding;
pub(super) mod card_text;
pub(super) mod editing;
pub(super) mod list;
pub(super) mod review;
pub(super) mod trash;
