//! Answers from the knowledge base: a question in the person's own words, one entry, a follow-up, and the topics to look
//! through.

pub(super) mod browse;
pub(super) mod entry;
pub(super) mod follow_up;
pub(super) mod question;
