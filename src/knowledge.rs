//! The knowledge base: entries with their phrasings, guides of wallets, the matcher's vocabulary, the bot's own lines.
//!
//! `load` opens the files (`side_files` says which to pass over), `parse` turns one file's text into a draft (`drafts`),
//! `assemble` joins the drafts into [`Knowledge`] (`base`). `check` finds every fault of a base, `watch` notices that a
//! folder changed, and `changes` says what changed. `matching` finds the entry a question is about, `dialogue`
//! writes the answer.

mod assemble;
mod base;
pub mod changes;
pub mod check;
pub mod drafts;
pub mod entry;
mod fault;
pub mod guide;
pub mod lines;
pub mod load;
pub mod parse;
mod side_files;
pub mod vocabulary;
pub mod watch;

pub use base::Knowledge;
pub use changes::Changes;
pub use check::check_folder;
pub use entry::{Article, Entry, EntryId, Group, Language};
pub use fault::{Fault, Faults};
pub use guide::{CardKind, Guide, GuideStep, PhoneSystem, StepText};
pub use lines::Lines;
pub use load::load_folder;
pub use vocabulary::{Fillers, Rewrite, SynonymSet, Thresholds, Vocabulary};
