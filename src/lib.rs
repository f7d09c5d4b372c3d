//! unbind-bot: a support assistant that helps people take an access card out of the wallet on their phone.
//!
//! One message goes one way: update → event → (record, event) → turn → commit → replies. The modules in reading order:

#![cfg_attr(
    test,
    allow(
        clippy::expect_used,
        clippy::unwrap_used,
        reason = "a test that cannot go on may stop"
    )
)]

pub mod markup;

pub mod knowledge;

pub mod matching;

pub mod dialogue;

pub mod store;

pub mod metrics;

pub mod panics;

pub mod assistant;

pub mod telegram;

pub mod terminal;

pub mod health;

pub mod config;

pub mod cli;
