//! Faults of the wallets' guides: none is missing, each has its five steps in every language, and each step begins with
//! what to do.

use std::collections::{BTreeMap, BTreeSet};

use unicode_width::UnicodeWidthStr;

use super::limits::{MAX_BUTTON_COLUMNS, MAX_INSTRUCTION_COLUMNS, MAX_STEP_LINES, phone_lines};
use crate::{
    knowledge::{
        drafts::{Drafts, GuideDraft, ScreenDraft, StepDraft, VariantDraft},
        entry::{EntryId, Language},
        fault::Fault,
        guide::{CardKind, PhoneSystem, STEP_IDS},
    },
    markup::RichText,
};

/// The group whose entries are wallets, each with a guide.
const WALLETS: &str = "wallets";

pub(super) fn faults(drafts: &Drafts) -> Vec<Fault> {
    let mut faults = wallets_without_guide(drafts);
    faults.extend(guides_without_entry(drafts));
    faults.extend(missing_languages(drafts));
    faults.extend(ambiguous_names(&drafts.guides));
    faults.extend(drafts.guides.iter().flat_map(faults_of_guide));
    faults.extend(language_differences(&drafts.guides));
    faults
}

/// Whether there is such a guide. One that cannot be read counts, too: that it cannot is a fault of its own.
fn has_guide(drafts: &Drafts, id: &EntryId, language: Option<Language>) -> bool {
    let read = drafts
        .guides
        .iter()
        .map(|guide| (&guide.id, guide.language));
    let unread = drafts
        .unread_guides
        .iter()
        .map(|(id, language)| (id, *language));
    read.chain(unread)
        .any(|(other, its)| other == id && language.is_none_or(|language| language == its))
}

fn wallets_without_guide(drafts: &Drafts) -> Vec<Fault> {
    let mut reported = BTreeSet::new();
    let wallets = drafts.articles.iter().filter(|article| {
        let group = article.path.parent().and_then(|group| group.file_name());
        group.is_some_and(|group| group == WALLETS)
    });
    wallets
        .filter(|article| !has_guide(drafts, &article.id, None) && reported.insert(&article.id))
        .map(|article| {
            let (id, language) = (&article.id, article.language);
            let fault = format!("the wallet `{id}` has no guide");
            let repair = format!("write its five steps as `{id}.{language}.guide.toml` beside it");
            Fault::in_file(&article.path, fault, repair)
        })
        .collect()
}

fn guides_without_entry(drafts: &Drafts) -> Vec<Fault> {
    let has_entry =
        |guide: &&GuideDraft| drafts.articles.iter().any(|article| article.id == guide.id);
    let without = drafts.guides.iter().filter(|guide| !has_entry(guide));
    without
        .map(|guide| {
            let fault = format!("a guide without its entry `{}`", guide.id);
            let repair = "write the entry, or correct the file's name";
            Fault::in_file(&guide.path, fault, repair)
        })
        .collect()
}

fn missing_languages(drafts: &Drafts) -> Vec<Fault> {
    let all = drafts.languages();
    let mut faults = Vec::new();
    for (id, guide) in first_of_each(&drafts.guides) {
        for language in all.iter().filter(|one| !has_guide(drafts, id, Some(**one))) {
            faults.push(Fault::in_file(
                &guide.path,
                format!("the guide of `{id}` is missing in `{language}`"),
                format!("write `{id}.{language}.guide.toml` beside it"),
            ));
        }
    }
    faults
}

fn first_of_each(guides: &[GuideDraft]) -> BTreeMap<&EntryId, &GuideDraft> {
    let mut first = BTreeMap::new();
    for guide in guides {
        first.entry(&guide.id).or_insert(guide);
    }
    first
}

/// Names that two guides have: what a user types must mean one wallet.
fn ambiguous_names(guides: &[GuideDraft]) -> Vec<Fault> {
    let mut owners: BTreeMap<String, (&GuideDraft, usize)> = BTreeMap::new();
    let mut faults = Vec::new();
    for guide in guides {
        for name in guide.aliases.iter().chain([&guide.name]) {
            let typed = name.value.to_lowercase();
            let (owner, line) = *owners.entry(typed).or_insert((guide, name.line));
            if owner.id == guide.id || name.value.is_empty() {
                continue;
            }
            let (other, file) = (&owner.id, owner.path.display());
            let fault = format!("“{}” means `{other}` too, at {file}:{line}", name.value);
            let repair = "keep it in the guide that people mean by it";
            faults.push(Fault::at(&guide.path, name.line, fault, repair));
        }
    }
    faults
}

fn faults_of_guide(guide: &GuideDraft) -> Vec<Fault> {
    let mut faults = name_faults(guide);
    faults.extend(wrong_steps(guide));
    for step in &guide.steps {
        faults.extend(screen_faults(guide, &step.text));
        let screens = step.variants.iter().map(|variant| &variant.text);
        faults.extend(screens.flat_map(|screen| screen_faults(guide, screen)));
        faults.extend(variant_faults(guide, step));
    }
    faults
}

fn name_faults(guide: &GuideDraft) -> Vec<Fault> {
    let mut faults = Vec::new();
    let columns = guide.name.value.width();
    if columns == 0 || columns > MAX_BUTTON_COLUMNS {
        let fault =
            format!("the name has {columns} columns; 1 to {MAX_BUTTON_COLUMNS} fit a button");
        let repair = "use the name people know it by";
        faults.push(Fault::at(&guide.path, guide.name.line, fault, repair));
    }
    for alias in guide.aliases.iter().filter(|alias| alias.value.is_empty()) {
        let (fault, repair) = ("an alias is empty", "take it out");
        faults.push(Fault::at(&guide.path, alias.line, fault, repair));
    }
    faults
}

fn wrong_steps(guide: &GuideDraft) -> Option<Fault> {
    let ids: Vec<&str> = guide
        .steps
        .iter()
        .map(|step| step.id.value.as_str())
        .collect();
    if ids == STEP_IDS {
        return None;
    }
    let agree = ids.iter().zip(STEP_IDS).take_while(|(id, due)| *id == due);
    let first_wrong = guide.steps.get(agree.count());
    let fault = match ids.as_slice() {
        [] => "there are no steps".to_owned(),
        ids => format!("the steps are {}", ids.join(", ")),
    };
    let order = STEP_IDS.join(", ");
    Some(Fault {
        line: first_wrong.map(|step| step.id.line),
        ..Fault::in_file(
            &guide.path,
            fault,
            format!("write the five steps in this order: {order}"),
        )
    })
}

fn screen_faults(guide: &GuideDraft, screen: &ScreenDraft) -> Vec<Fault> {
    let mut faults = Vec::new();
    let title = &screen.title;
    if title.value.is_empty() || title.value.width() > MAX_BUTTON_COLUMNS {
        let fault = format!(
            "the step's title “{}” is empty or wider than {MAX_BUTTON_COLUMNS} columns",
            title.value
        );
        faults.push(Fault::at(&guide.path, title.line, fault, "use a few words"));
    }
    let mut wrong_body = |fault: String, repair: &str| {
        faults.push(Fault::at(&guide.path, screen.body.line, fault, repair));
    };
    let first = screen.body.value.first_line();
    if !is_bold(&first) {
        let fault = "the step does not begin with a line in bold".to_owned();
        wrong_body(fault, "say on the first line what to do, in `**…**`");
    }
    if first.width() > MAX_INSTRUCTION_COLUMNS {
        let fault = format!(
            "the step's first line has {} columns; {MAX_INSTRUCTION_COLUMNS} fit the overview",
            first.width()
        );
        wrong_body(fault, "keep what to do, and move the rest below");
    }
    let lines = phone_lines(&screen.body.value);
    if lines > MAX_STEP_LINES {
        let fault = format!("the step takes {lines} lines of a phone; {MAX_STEP_LINES} fit");
        wrong_body(fault, "shorten it");
    }
    faults
}

/// Whether the line has text, and all of it is bold.
fn is_bold(line: &RichText) -> bool {
    let mut written = line.0.iter().filter(|span| !span.text.trim().is_empty());
    written.clone().next().is_some() && written.all(|span| span.style.bold)
}

fn variant_faults(guide: &GuideDraft, step: &StepDraft) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut seen = BTreeSet::new();
    let id = &step.id.value;
    for variant in &step.variants {
        faults.extend(unlisted_target(guide, step, variant));
        let target = variant.target();
        let (fault, repair) = match target {
            (None, None) => (
                format!("a variant of `{id}` is for no system and no kind"),
                "name one, or make its words those of the step",
            ),
            _ if !seen.insert(target) => (
                format!("`{id}` has two variants for {}", target_name(target)),
                "keep one of the two",
            ),
            _ => continue,
        };
        faults.push(Fault::at(&guide.path, variant.line(), fault, repair));
    }
    faults
}

/// The system and kind of a variant that the guide does not have.
fn unlisted_target(guide: &GuideDraft, step: &StepDraft, variant: &VariantDraft) -> Vec<Fault> {
    let systems = variant
        .system
        .iter()
        .filter(|system| !guide.systems.value.contains(&system.value))
        .map(|system| (system.line, system.value.code(), "systems"));
    let kinds = variant
        .kind
        .iter()
        .filter(|kind| !guide.kinds.value.contains(&kind.value))
        .map(|kind| (kind.line, kind.value.code(), "kinds"));
    let id = &step.id.value;
    systems
        .chain(kinds)
        .map(|(line, code, list)| {
            let fault =
                format!("a variant of `{id}` is for `{code}`, which `{list}` does not name");
            let repair = format!("add it to `{list}`, or take the variant out");
            Fault::at(&guide.path, line, fault, repair)
        })
        .collect()
}

type Target = (Option<PhoneSystem>, Option<CardKind>);

fn target_name((system, kind): Target) -> String {
    let codes = [system.map(PhoneSystem::code), kind.map(CardKind::code)];
    let known: Vec<&str> = codes.into_iter().flatten().collect();
    known.join("+")
}

/// Where the languages of a guide disagree: each is compared with the first.
fn language_differences(guides: &[GuideDraft]) -> Vec<Fault> {
    let first = first_of_each(guides);
    let pairs = guides.iter().map(|guide| (first[&guide.id], guide));
    pairs
        .flat_map(|(earlier, guide)| differences_between(earlier, guide))
        .collect()
}

fn differences_between(earlier: &GuideDraft, guide: &GuideDraft) -> Vec<Fault> {
    let differs = |line: usize, what: &str, here: String, there: String| {
        let fault = format!(
            "{what} is {here}, but {there} in {}",
            earlier.path.display()
        );
        let repair = "make it alike in every language";
        (here != there).then(|| Fault::at(&guide.path, line, fault, repair))
    };
    let order = |guide: &GuideDraft| guide.order.value.to_string();
    let systems = |guide: &GuideDraft| join_names(guide.systems.value.iter().map(|one| one.code()));
    let kinds = |guide: &GuideDraft| join_names(guide.kinds.value.iter().map(|one| one.code()));
    let mut faults = vec![
        differs(guide.order.line, "`order`", order(guide), order(earlier)),
        differs(
            guide.systems.line,
            "`systems`",
            systems(guide),
            systems(earlier),
        ),
        differs(guide.kinds.line, "`kinds`", kinds(guide), kinds(earlier)),
    ];
    for step in &guide.steps {
        let id = &step.id.value;
        let what = format!("the list of variants of `{id}`");
        let other = earlier.steps.iter().find(|other| other.id.value == *id);
        faults.extend(other.map(|other| {
            differs(
                step.id.line,
                &what,
                variant_targets(step),
                variant_targets(other),
            )
        }));
    }
    faults.into_iter().flatten().collect()
}

fn variant_targets(step: &StepDraft) -> String {
    let targets: BTreeSet<String> = (step.variants.iter())
        .map(|variant| target_name(variant.target()))
        .collect();
    join_names(targets.iter().map(String::as_str))
}

fn join_names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    match names.as_slice() {
        [] => "empty".to_owned(),
        names => names.join(", "),
    }
}
