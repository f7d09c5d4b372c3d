//! Answers from the knowledge base: free-text questions (`question`), follow-up questions (`follow_up`), a single entry
//! (`entry`), and browsing by topic (`browse`).

pub(super) mod browse;
pub(super) mod entry;
pub(super) mod follow_up;
pub(super) mod question;
