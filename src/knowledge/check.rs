//! Finds every fault of a base at once, each with its place and its repair.
//!
//! `load` and `parse` find the faults of single files; this module finds those between files and checks the limits. Each
//! rule is a function that returns the faults it finds.

mod entries;
mod groups;
mod guides;
mod limits;
mod lines;
mod phrasings;

use std::path::Path;

pub use limits::{
    MAX_BODY_COLUMNS, MAX_BUTTON_COLUMNS, MAX_INSTRUCTION_COLUMNS, MAX_PHRASING_CHARS, MAX_RELATED,
    MAX_STEP_LINES, MAX_TITLE_COLUMNS, PHONE_COLUMNS, phone_lines,
};

use super::{
    base::Knowledge,
    drafts::Drafts,
    fault::{Fault, Faults},
    load,
};

/// Reads a base and finds every fault in it, sorted by file and line.
pub fn check_folder(folder: &Path) -> (Knowledge, Faults) {
    let (drafts, mut faults) = load::read_folder(folder);
    faults.extend(faults_between_files(&drafts));
    faults.sort_by(|a, b| (&a.path, a.line, &a.fault).cmp(&(&b.path, b.line, &b.fault)));
    // A variant that copies its text from the step has the same fault as the step.
    faults.dedup();
    (drafts.into_knowledge(), Faults(faults))
}

fn faults_between_files(drafts: &Drafts) -> Vec<Fault> {
    let mut faults = groups::faults(drafts);
    faults.extend(entries::faults(drafts));
    faults.extend(phrasings::faults(drafts));
    faults.extend(guides::faults(drafts));
    faults.extend(lines::faults(&drafts.lines));
    faults
}
