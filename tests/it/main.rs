//! Every integration test that needs no process of its own: linked once, and the shipped base trained once (`support`).
//! Apart from it stands `tests/store_crash.rs`, which starts itself again to be killed.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test that cannot go on may stop"
)]

mod channels;
mod cli;
mod clock;
mod deploy;
mod dialogue;
mod edits;
mod host;
mod hostile;
mod knowledge;
mod lines;
mod matching;
mod reload;
mod removal;
mod secrets;
mod serve;
mod store;
mod stories;
mod support;
mod telegram;
mod walls;
