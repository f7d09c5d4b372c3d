//! The shipped knowledge base keeps its contract, and a broken one is told all its faults at once.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test that cannot go on may stop"
)]

use std::{collections::BTreeSet, fs, path::Path};

use unbind_bot::knowledge::{Language, PhoneSystem, check_folder, guide::STEP_IDS, load_folder};

const LANGUAGES: [Language; 2] = [Language::EN, Language::ZH];

/// Question sets are labelled with these ids, so each must exist.
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
    let knowledge = load_folder(shipped()).expect("the shipped base loads");
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
    assert_eq!(
        knowledge.entries.len(),
        CONTRACT.len(),
        "an entry that the contract does not know"
    );
}

#[test]
fn every_wallet_has_its_five_steps_in_both_languages_for_every_phone_and_kind_of_card() {
    let knowledge = load_folder(shipped()).expect("the shipped base loads");
    let wallets: Vec<_> = knowledge
        .entries
        .keys()
        .filter(|id| id.as_str().starts_with("wallet-"))
        .collect();
    for wallet in wallets {
        let guide = knowledge
            .guides
            .get(wallet)
            .unwrap_or_else(|| panic!("{wallet} has no guide"));
        for language in LANGUAGES {
            let steps = &guide
                .texts
                .get(&language)
                .unwrap_or_else(|| panic!("{wallet} has no guide in {language}"))
                .steps;
            assert_eq!(
                steps
                    .iter()
                    .map(|step| step.id.as_str())
                    .collect::<Vec<_>>(),
                STEP_IDS,
                "{wallet}"
            );
            for step in steps {
                for system in PhoneSystem::ALL.map(Some).into_iter().chain([None]) {
                    let text = step.text_for(system, None);
                    assert!(
                        !text.title.is_empty() && text.body.0.iter().any(|span| span.style.bold),
                        "{wallet} {} says what to do in bold",
                        step.id
                    );
                }
            }
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
    let knowledge = load_folder(shipped()).expect("the shipped base loads");
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
