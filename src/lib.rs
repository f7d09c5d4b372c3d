//! unbind-bot: a support assistant that helps people take an access card out of the wallet on their phone.
//!
//! # How one message travels
//!
//! ```text
//! update → event → (record, event) → turn → commit → replies
//! ```
//!
//! 1. `telegram::polling` or `telegram::webhook` receives an update. `telegram::wire` reads its JSON, and
//!    `telegram::incoming` makes it an [`Event`](dialogue::Event), in the project's own words. (`terminal` makes the same
//!    events from lines typed.)
//! 2. `telegram::intake` keeps each chat's updates in order and works on different chats side by side. An update stays
//!    in flight until its effect is on disk; only then is it confirmed to Telegram.
//! 3. [`assistant`] loads the chat's record from the [`store`] and calls [`dialogue::respond`]. That is pure: the record,
//!    the event, the knowledge base, the time and some random bytes go in, a [`Turn`](dialogue::Turn) comes out.
//! 4. `respond` has three steps. *Update*: `dialogue::router` leads the event to one procedure, which changes the record,
//!    leaves notes and names the next screen. *Settle*: the record is brought to rest. *Draw*: the screen is drawn from
//!    the record. A question goes to [`matching`], which finds the entry of the [`knowledge`] base it is about.
//! 5. [`assistant`] commits the new record, the replies as outbox rows and the id of the update in one durable
//!    transaction. The same update, delivered again, is recognised by its id and has no second effect.
//! 6. `telegram::outbox` sends the rows at Telegram's pace: in order for each [`Address`](dialogue::Address), with retries.
//!    `telegram::outgoing` renders a row, `telegram::delivery` makes the request, and what Telegram answers comes back to
//!    the record that asked as a [`Receipt`](dialogue::Receipt), which is an event like any other.
//!
//! Imports go one way, from the bottom of this list to the top, and no two files import each other; `tests/it/walls.rs`
//! checks both.
//!
//! | module | what it is for |
//! |---|---|
//! | [`panics`] | Catches panics and turns them into errors; used around everything that must not stop the rest. |
//! | [`text_file`] | Reads the text files people touch: files only, UTF-8, without byte order marks and carriage returns. |
//! | [`markup`] | The small rich text every message is made of. |
//! | [`knowledge`] | Entries, guides, vocabulary, the bot's own lines: `parse` is pure, `load` opens files, `check` finds every fault, `watch` notices edits. |
//! | [`matching`] | Which entry a question is about: normalise → features → candidates → score → decide. |
//! | [`dialogue`] | The conversation. No clock, network, file or store. |
//! | [`store`] | One record a chat and the replies not yet sent, committed together; the engines, export, import and backups. |
//! | [`metrics`] | What is counted for the operator. |
//! | [`server`] | Serves HTTP on a port, within bounds: connections, and how long they may take. |
//! | [`assistant`] | Load, respond, commit; timers of chats that wait for something; swapping in an edited knowledge base. |
//! | [`telegram`], [`terminal`] | The two channels. |
//! | [`health`] | The operator's page: `/healthz`, `/readyz`, `/metrics`. |
//! | [`config`], [`cli`] | Settings, all faults at once; one file a command. |
//!
//! # How to add …
//!
//! - **a command**: a row in the table of [`Command`](dialogue::Command) (the variant and its word), and the compiler leads
//!   to the one `match` in `dialogue/router/commands.rs`; its description is the line `command-<name>` in every `knowledge/lines/*.ftl`,
//!   other words for it are the line `words-command-<name>`.
//! - **a button**: a row in the table of `dialogue/choice.rs` (the word in the button's data, and what it is about). The
//!   compiler leads to the one `match` in `dialogue/router/choices.rs`. Words never change: buttons in old chats carry them.
//! - **a screen**: a variant of `Screen` (`dialogue/screen.rs`), and its drawing, called from `dialogue/screens.rs`.
//! - **a step of a procedure**: a variant of [`Activity`](dialogue::Activity) or [`Stage`](dialogue::Stage). The compiler
//!   leads to `settle`, `screens` and `router`; add a record in it to `RECORDS` in `tests/fuzz/bodies.rs`.
//! - **a field of the record**: in `dialogue/record.rs`, with a default for records stored before. If a default is not
//!   enough: a new schema version in `store/migrations.rs`, and a stored sample in `tests/fixtures/store`.
//! - **a field of a card**: the same, and its column in `dialogue/my_data/card_file.rs`, `dialogue/cards/list.rs` and
//!   `dialogue/wording.rs`; a [`Field`](dialogue::Field) if its owner may change it.
//! - **a channel**: a module beside `terminal` that makes [`Event`](dialogue::Event)s, calls
//!   [`Assistant::handle`](assistant::Assistant::handle) and sends the rows whose address names it: a variant of
//!   [`Channel`](dialogue::Channel), and `Address` must name it (`dialogue/address.rs`).
//! - **an engine**: an implementation of [`Store`](store::Store) beside `store/sled.rs`, a variant of
//!   [`Database`](config::Database), and a line that runs the contract in `tests/it/store.rs` on it.
//! - **an entry, a wallet, a language**: files under `knowledge/`, no code; see the README.

#![cfg_attr(
    test,
    allow(
        clippy::expect_used,
        clippy::unwrap_used,
        reason = "a test that cannot go on may stop"
    )
)]

pub mod panics;

pub mod text_file;

pub mod markup;

pub mod knowledge;

pub mod matching;

pub mod dialogue;

pub mod store;

pub mod metrics;

pub mod server;

pub mod assistant;

pub mod telegram;

pub mod terminal;

pub mod health;

pub mod config;

pub mod cli;
