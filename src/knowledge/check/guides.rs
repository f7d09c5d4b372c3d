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

/// Whether there is such a guide; an unreadable one counts, since it is reported already.
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

/// The first file of each guide; its other languages are compared with it.
fn first_of_each(guides: &[GuideDraft]) -> BTreeMap<&EntryId, &GuideDraft> {
    let mut first = BTreeMap::new();
    for guide in guides {
        first.entry(&guide.id).or_insert(guide);
    }
    first
}

/// Names that two guides share; a name must mean one wallet.
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
    let mut faults = Vec::from_iter(wrong_name(guide));
    faults.extend(empty_aliases(guide));
    faults.extend(wrong_steps(guide));
    for step in &guide.steps {
        let variants = step.variants.iter().map(|variant| &variant.text);
        let screens = std::iter::once(&step.text).chain(variants);
        faults.extend(screens.flat_map(|screen| screen_faults(guide, screen)));
        faults.extend(unlisted_targets(guide, step));
        faults.extend(untargeted_variants(guide, step));
        faults.extend(repeated_variants(guide, step));
    }
    faults
}

fn wrong_name(guide: &GuideDraft) -> Option<Fault> {
    let columns = guide.name.value.width();
    if (1..=MAX_BUTTON_COLUMNS).contains(&columns) {
        return None;
    }
    let fault = format!("the name has {columns} columns; 1 to {MAX_BUTTON_COLUMNS} fit a button");
    let repair = "use the name people know it by";
    Some(Fault::at(&guide.path, guide.name.line, fault, repair))
}

fn empty_aliases(guide: &GuideDraft) -> impl Iterator<Item = Fault> {
    let empty = guide.aliases.iter().filter(|alias| alias.value.is_empty());
    empty.map(|alias| Fault::at(&guide.path, alias.line, "an alias is empty", "take it out"))
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

fn screen_faults(guide: &GuideDraft, screen: &ScreenDraft) -> impl Iterator<Item = Fault> {
    [
        wrong_title(guide, screen),
        missing_instruction(guide, screen),
        long_instruction(guide, screen),
        long_screen(guide, screen),
    ]
    .into_iter()
    .flatten()
}

fn wrong_title(guide: &GuideDraft, screen: &ScreenDraft) -> Option<Fault> {
    let title = screen.title.value.as_str();
    if !title.is_empty() && title.width() <= MAX_BUTTON_COLUMNS {
        return None;
    }
    let fault =
        format!("the step's title “{title}” is empty or wider than {MAX_BUTTON_COLUMNS} columns");
    let line = screen.title.line;
    Some(Fault::at(&guide.path, line, fault, "use a few words"))
}

fn missing_instruction(guide: &GuideDraft, screen: &ScreenDraft) -> Option<Fault> {
    if is_bold(&screen.body.value.first_line()) {
        return None;
    }
    let fault = "the step does not begin with a line in bold";
    let repair = "say on the first line what to do, in `**…**`";
    Some(Fault::at(&guide.path, screen.body.line, fault, repair))
}

fn long_instruction(guide: &GuideDraft, screen: &ScreenDraft) -> Option<Fault> {
    let columns = screen.body.value.first_line().width();
    if columns <= MAX_INSTRUCTION_COLUMNS {
        return None;
    }
    let fault = format!(
        "the step's first line has {columns} columns; {MAX_INSTRUCTION_COLUMNS} fit the overview"
    );
    let repair = "keep what to do, and move the rest below";
    Some(Fault::at(&guide.path, screen.body.line, fault, repair))
}

fn long_screen(guide: &GuideDraft, screen: &ScreenDraft) -> Option<Fault> {
    let lines = phone_lines(&screen.body.value);
    if lines <= MAX_STEP_LINES {
        return None;
    }
    let fault = format!("the step takes {lines} lines of a phone; {MAX_STEP_LINES} fit");
    let line = screen.body.line;
    Some(Fault::at(&guide.path, line, fault, "shorten it"))
}

/// Whether the line has text, and all of it is bold.
fn is_bold(line: &RichText) -> bool {
    let mut written = line.0.iter().filter(|span| !span.text.trim().is_empty());
    written.clone().next().is_some() && written.all(|span| span.style.bold)
}

/// Variants for a system or kind that the guide does not list.
fn unlisted_targets(guide: &GuideDraft, step: &StepDraft) -> Vec<Fault> {
    let variants = step.variants.iter();
    variants
        .flat_map(|variant| unlisted_target(guide, variant))
        .map(|(line, code, list)| {
            let id = &step.id.value;
            let fault =
                format!("a variant of `{id}` is for `{code}`, which `{list}` does not name");
            let repair = format!("add it to `{list}`, or take the variant out");
            Fault::at(&guide.path, line, fault, repair)
        })
        .collect()
}

/// The variant's system and kind, where the guide does not list them: the line, the code, and the list.
fn unlisted_target(
    guide: &GuideDraft,
    variant: &VariantDraft,
) -> impl Iterator<Item = (usize, &'static str, &'static str)> {
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
    systems.chain(kinds)
}

/// Variants that name neither a system nor a kind.
fn untargeted_variants(guide: &GuideDraft, step: &StepDraft) -> impl Iterator<Item = Fault> {
    let variants = step.variants.iter();
    let untargeted = variants.filter(|variant| variant.target() == (None, None));
    untargeted.map(|variant| {
        let fault = format!(
            "a variant of `{}` is for no system and no kind",
            step.id.value
        );
        let repair = "name one, or make its words those of the step";
        Fault::at(&guide.path, variant.line(), fault, repair)
    })
}

/// Second variants for the same system and kind.
fn repeated_variants(guide: &GuideDraft, step: &StepDraft) -> Vec<Fault> {
    let mut seen = BTreeSet::new();
    let variants = step.variants.iter();
    let repeated = variants.filter(|variant| {
        let target = variant.target();
        !seen.insert(target) && target != (None, None)
    });
    repeated
        .map(|variant| {
            let (id, target) = (&step.id.value, target_name(variant.target()));
            let fault = format!("`{id}` has two variants for {target}");
            Fault::at(&guide.path, variant.line(), fault, "keep one of the two")
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
