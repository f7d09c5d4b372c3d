//! The shipped knowledge base keeps its contract, and every fault of a broken one is reported at once.

use std::{collections::BTreeSet, fs, path::Path};

use unbind_bot::{
    knowledge::{
        CardKind, Changes, Fault, Guide, GuideStep, Language, PhoneSystem, StepText,
        check::{MAX_INSTRUCTION_COLUMNS, MAX_STEP_LINES, phone_lines},
        check_folder,
        guide::{STEP_IDS, StepVariant},
    },
    markup::RichText,
};

use crate::support;

const LANGUAGES: [Language; 2] = [Language::EN, Language::ZH];

/// Question sets are labelled with these ids, so each must exist. A base may have more.
const CONTRACT: [&str; 63] = [
    "unbind-steps",
    "step-open-wallet",
    "step-find-card",
    "step-choose-unbind",
    "step-confirm",
    "step-check-removed",
    "why-unbind",
    "reason-card-replaced",
    "reason-phone-replaced",
    "reason-security",
    "reason-declutter",
    "problem-option-missing",
    "problem-status-stale",
    "problem-verification-failed",
    "problem-card-data-lost",
    "before-you-unbind",
    "technical-problems",
    "fix-restart-app",
    "update-app",
    "fix-clear-cache",
    "contact-support",
    "card-security",
    "security-strong-password",
    "security-two-step",
    "security-review-cards",
    "security-auto-login",
    "unbind-anytime",
    "works-after-unbind",
    "rebind-card",
    "wallet-apple",
    "wallet-alipay",
    "wallet-wechat",
    "wallet-google",
    "wallet-samsung",
    "wallet-huawei",
    "wallet-xiaomi",
    "wallet-oppo",
    "wallet-vivo",
    "lost-phone",
    "phone-broken",
    "lost-card",
    "undo-unbind",
    "add-card",
    "several-devices",
    "uninstall-or-reset",
    "door-does-not-open",
    "pause-or-default",
    "cost-and-notice",
    "for-administrators",
    "other-wallets",
    "bot-help",
    "bot-privacy",
    "greeting",
    "thanks",
    "goodbye",
    "decline-bank-card",
    "decline-transit-card",
    "decline-account",
    "decline-crypto",
    "decline-new-card-or-lock",
    "decline-other-device",
    "decline-other-card",
    "decline-other-matter",
];

fn shipped() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/knowledge"))
}

#[test]
fn the_shipped_base_has_no_fault() {
    let (_, faults) = check_folder(shipped());
    assert!(faults.0.is_empty(), "\n{faults}");
}

#[test]
fn every_entry_of_the_contract_is_written_in_both_languages_with_at_least_thirty_phrasings() {
    let knowledge = support::knowledge();
    let ids: BTreeSet<&str> = knowledge.entries.keys().map(|id| id.as_str()).collect();
    let missing: Vec<_> = CONTRACT.iter().filter(|id| !ids.contains(*id)).collect();
    assert_eq!(missing, [] as [&&str; 0], "entries of the contract");
    for id in CONTRACT {
        let entry = knowledge
            .entry(&id.parse().expect("an id"))
            .unwrap_or_else(|| panic!("{id} is missing"));
        assert_eq!(entry.decline, id.starts_with("decline-"), "{id}");
        for language in LANGUAGES {
            let article = entry
                .articles
                .get(&language)
                .unwrap_or_else(|| panic!("{id} is missing in {language}"));
            assert!(
                article.questions.len() >= 30,
                "{id} has {} phrasings in {language}",
                article.questions.len()
            );
            assert!(!article.body.is_empty(), "{id} says nothing in {language}");
        }
    }
}

#[test]
fn every_wallet_and_the_general_guide_have_five_steps_in_both_languages() {
    let knowledge = support::knowledge();
    let wallets = (knowledge.entries.keys()).filter(|id| id.as_str().starts_with("wallet-"));
    let general = "other-wallets".parse().expect("an id");
    for id in wallets.chain([&general]) {
        let guide = knowledge.guides.get(id);
        let guide = guide.unwrap_or_else(|| panic!("{id} has no guide"));
        assert!(!guide.systems.is_empty(), "{id} lives on no phone");
        assert!(!guide.kinds.is_empty(), "{id} holds no kind of card");
        for language in LANGUAGES {
            let text = guide.texts.get(&language);
            let text = text.unwrap_or_else(|| panic!("{id} has no guide in {language}"));
            let steps: Vec<_> = text.steps.iter().map(|step| step.id.as_str()).collect();
            assert_eq!(steps, STEP_IDS, "{id} in {language}");
        }
    }
}

#[test]
fn every_step_fits_a_phone_and_opens_with_what_to_do_whatever_the_phone_and_the_card() {
    let knowledge = support::knowledge();
    let mut seen = 0;
    for (id, guide) in &knowledge.guides {
        for (system, kind) in phones_and_cards(guide) {
            for (language, text) in &guide.texts {
                for step in &text.steps {
                    let place = format!("{id} {} in {language}, {system:?}, {kind:?}", step.id);
                    is_a_good_screen(step.text_for(system, kind), &place);
                    seen += 1;
                }
            }
        }
    }
    assert!(seen >= 10 * 2 * 5, "only {seen} screens");
}

/// Every system and kind of a guide, and what is said while one of them is not known.
fn phones_and_cards(guide: &Guide) -> Vec<(Option<PhoneSystem>, Option<CardKind>)> {
    let systems = guide.systems.iter().copied().map(Some).chain([None]);
    let kinds = guide.kinds.iter().copied().map(Some).chain([None]);
    let pairs = systems.flat_map(|system| kinds.clone().map(move |kind| (system, kind)));
    pairs.collect()
}

fn is_a_good_screen(screen: &StepText, place: &str) {
    assert!(!screen.title.is_empty(), "{place} has no title");
    assert!(!screen.body.is_empty(), "{place} says nothing");
    let first = screen.body.first_line();
    assert!(!first.is_empty(), "{place} begins with an empty line");
    for span in &first.0 {
        let is_bold = span.style.bold || span.text.trim().is_empty();
        assert!(is_bold, "{place}: “{}” is not bold", span.text);
    }
    assert!(
        first.width() <= MAX_INSTRUCTION_COLUMNS,
        "{place}: {first:?}"
    );
    let lines = phone_lines(&screen.body);
    assert!(lines <= MAX_STEP_LINES, "{place} takes {lines} lines");
}

#[test]
fn a_step_says_what_fits_the_phone_and_the_card_before_what_fits_only_one_of_them() {
    let say = |words: &str| StepText {
        title: words.to_owned(),
        body: RichText::bold(words),
    };
    let variant = |system, kind, words| StepVariant {
        system,
        kind,
        text: say(words),
    };
    let (watch, phone) = (Some(PhoneSystem::Watch), Some(PhoneSystem::Android));
    let (copied, record) = (Some(CardKind::Copied), Some(CardKind::Record));
    let step = GuideStep {
        id: STEP_IDS[0].parse().expect("an id"),
        text: say("any"),
        variants: vec![
            variant(watch, None, "watch"),
            variant(watch, record, "record on the watch"),
            variant(None, record, "record"),
        ],
    };
    for (system, kind, words) in [
        (None, None, "any"),
        (phone, copied, "any"),
        (phone, record, "record"),
        (None, record, "record"),
        (watch, copied, "watch"),
        (watch, record, "record on the watch"),
    ] {
        assert_eq!(step.text_for(system, kind).title, words);
    }
    let only_halves = GuideStep {
        variants: vec![
            variant(watch, None, "watch"),
            variant(None, record, "record"),
        ],
        ..step
    };
    assert_eq!(only_halves.text_for(watch, record).title, "watch");
}

#[test]
fn a_tenth_wallet_is_an_entry_and_its_guides_and_no_code() {
    let place = tempfile::tempdir().expect("a folder");
    let base = place.path().join("knowledge");
    copy_folder(shipped(), &base);
    let wallets = base.join("wallets");
    for (language, name, question) in [
        (
            "en",
            "Acme Wallet",
            "how do i take a card out of acme wallet",
        ),
        ("zh", "阿克米钱包", "阿克米钱包里的门禁卡怎么删"),
    ] {
        let entry = format!(
            "+++\ntitle = \"{name}\"\nguide = true\nquestions = [\"{question}\"]\n+++\n**{name}**\n"
        );
        let guide = small_guide(name);
        fs::write(wallets.join(format!("wallet-acme.{language}.md")), entry).expect("written");
        let file = wallets.join(format!("wallet-acme.{language}.guide.toml"));
        fs::write(file, guide).expect("written");
    }

    let (knowledge, faults) = check_folder(&base);
    let of_acme: Vec<_> = (faults.0.iter())
        .filter(|fault| fault.to_string().contains("acme"))
        .collect();
    assert_eq!(of_acme, [] as [&Fault; 0]);
    let guides = knowledge.guides_in_order();
    assert_eq!(guides.len(), support::knowledge().guides.len() + 1);
    let (id, acme) = guides[guides.len() - 1];
    assert_eq!(
        id.as_str(),
        "wallet-acme",
        "offered last, as its order says"
    );
    let names: Vec<_> = acme.texts.values().map(|text| text.name.as_str()).collect();
    assert_eq!(names, ["Acme Wallet", "阿克米钱包"]);
    assert!(acme.asks_system() && !acme.asks_kind());
    assert!(
        knowledge
            .entry(id)
            .is_some_and(|entry| entry.group == "wallets")
    );
}

fn small_guide(name: &str) -> String {
    let steps = STEP_IDS.map(|id| {
        format!("[[step]]\nid = \"{id}\"\ntitle = \"{id}\"\ntext = \"**{name}: {id}.**\"\n")
    });
    let variant = "[[step.variant]]\nsystem = \"watch\"\ntext = \"**On the watch.**\"\n";
    format!(
        "name = \"{name}\"\norder = 99\naliases = [\"acme\"]\nsystems = [\"ios\", \"watch\"]\nkinds = [\"issued\"]\n{}{variant}",
        steps.concat()
    )
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let copy = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy_folder(&path, &copy);
        } else {
            fs::copy(&path, &copy).expect("copied");
        }
    }
}

#[test]
fn the_two_languages_are_really_two() {
    let han = |text: &str| {
        text.chars()
            .filter(|c| ('\u{4e00}'..='\u{9fff}').contains(c))
            .count()
    };
    let knowledge = support::knowledge();
    for entry in knowledge.entries.values() {
        let body = |language| entry.articles[&language].rendered().to_plain();
        assert!(
            han(&body(Language::ZH)) * 3 > body(Language::ZH).chars().count(),
            "{} reads Chinese",
            entry.id
        );
        assert!(
            han(&body(Language::EN)) * 3 < body(Language::EN).chars().count(),
            "{} reads English",
            entry.id
        );
    }
}

/// Each folder of broken bases holds, beside the base, the faults `check` must find in it.
#[test]
fn each_kind_of_fault_is_found_with_file_line_fault_and_repair() {
    let bases = Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fixtures/broken"
    ));
    let mut seen = 0;
    for base in fs::read_dir(bases)
        .expect("the broken bases")
        .map(|entry| entry.expect("a broken base").path())
    {
        let expected: BTreeSet<String> = fs::read_to_string(base.join("expected.txt"))
            .expect("what is expected")
            .lines()
            .map(str::to_owned)
            .collect();
        let (_, faults) = check_folder(&base.join("base"));
        let prefix = format!("{}/", base.join("base").display());
        let found = faults
            .0
            .iter()
            .map(|fault| fault.to_string().replace(&prefix, ""));
        // A file of lines that lacks nearly all of them has a fault for each; one of them stands for all.
        let told = found
            .filter(|fault| !fault.contains("the line `") || fault.contains("the line `help`"));
        let found: BTreeSet<String> = told.collect();
        assert_eq!(found, expected, "in {}", base.display());
        seen += 1;
    }
    assert!(seen >= 10, "only {seen} broken bases");
}

#[test]
fn a_missing_and_an_empty_folder_are_faults_not_panics() {
    let (_, faults) = check_folder(Path::new("/no/such/folder"));
    assert_eq!(faults.0.len(), 1);
    assert!(faults.to_string().contains("KNOWLEDGE_DIR"), "{faults}");
    let empty = tempfile::tempdir().expect("a folder");
    let (_, faults) = check_folder(empty.path());
    assert!(
        faults.to_string().contains("there is no entry here"),
        "{faults}"
    );
}

#[test]
fn a_base_with_the_marks_and_line_ends_of_windows_is_the_same_base() {
    let place = tempfile::tempdir().expect("a folder");
    let base = place.path().join("knowledge");
    copy_folder(shipped(), &base);
    let (before, _) = check_folder(&base);
    let mut changed = BTreeSet::new();
    let folders = fs::read_dir(&base)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path());
    for path in folders.filter(|path| path.is_dir()).chain([base.clone()]) {
        for entry in fs::read_dir(path).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_file() {
                let text = fs::read_to_string(&path)
                    .expect("text")
                    .replace('\n', "\r\n");
                fs::write(&path, format!("\u{feff}{text}")).expect("written");
                changed.insert(path.extension().map(std::ffi::OsStr::to_os_string));
            }
        }
    }
    assert_eq!(changed.len(), 4, "ftl, md, toml and txt: {changed:?}");
    let (after, faults) = check_folder(&base);
    assert!(faults.0.is_empty(), "{faults}");
    assert!(Changes::between(&before, &after).is_empty());
}

#[test]
fn a_file_in_another_encoding_is_told_apart() {
    let place = tempfile::tempdir().expect("a folder");
    let base = place.path().join("knowledge");
    copy_folder(shipped(), &base);
    for file in ["lines/en.ftl", "vocabulary.toml", "thresholds.toml"] {
        let path = base.join(file);
        let text = fs::read_to_string(&path).expect("text");
        let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        fs::write(&path, utf16).expect("written");
        let (_, faults) = check_folder(&base);
        let fault = format!("{file}: the file is saved as UTF-16, not as UTF-8; save it as UTF-8");
        assert!(faults.to_string().contains(&fault), "{file}: {faults}");
        fs::write(&path, text).expect("written");
    }
}
