//! The cards of a chat: the list, one card, adding, changing, the trash, the review. How one leaves the list is
//! `removal`'s.

pub(super) mod adding;
pub(super) mod card_text;
pub(super) mod editing;
pub(super) mod list;
pub(super) mod review;
pub(super) mod trash;
