//! The matcher on the shipped base: questions in many spellings.

use std::sync::LazyLock;

use ferrous_opencc::{OpenCC, config::BuiltinConfig};
use proptest::prelude::*;
use unbind_bot::{
    knowledge::{Knowledge, Language},
    matching::{Finding, MAX_CANDIDATES, MAX_CHARS, Matcher, Outcome},
};

use crate::support::{knowledge, matcher};

static BASE: LazyLock<&Knowledge> = LazyLock::new(knowledge);
static MATCHER: LazyLock<&Matcher> = LazyLock::new(matcher);

fn is_traditional(text: &str) -> bool {
    static TO_SIMPLIFIED: LazyLock<OpenCC> =
        LazyLock::new(|| OpenCC::from_config(BuiltinConfig::T2s).expect("compiled in"));
    TO_SIMPLIFIED.convert(text) != text
}

fn find(question: &str) -> Finding {
    MATCHER.find(question)
}

fn first(question: &str) -> String {
    find(question).candidates[0].entry.to_string()
}

/// Each question, and the entry that must come first.
fn assert_first(table: &[(&str, &str)]) {
    for (question, entry) in table {
        assert_eq!(first(question), *entry, "{question}");
    }
}

#[test]
fn plain_questions_are_answered_in_both_languages() {
    for (question, entry, language) in [
        ("how do I unbind my card", "unbind-steps", Language::EN),
        ("怎么取消绑定门禁卡", "unbind-steps", Language::ZH),
        (
            "where is the unbind button?",
            "step-choose-unbind",
            Language::EN,
        ),
        (
            "there is no unbind button",
            "problem-option-missing",
            Language::EN,
        ),
        ("删了还显示", "problem-status-stale", Language::ZH),
        ("how do I clear the cache", "fix-clear-cache", Language::EN),
        ("转人工", "contact-support", Language::ZH),
    ] {
        let finding = find(question);
        assert_eq!(finding.outcome, Outcome::Answer, "{question}: {finding:?}");
        assert_eq!(finding.candidates[0].entry.as_str(), entry, "{question}");
        assert_eq!(finding.language, Some(language), "{question}");
    }
}

#[test]
fn sounds_and_stray_words_are_no_question() {
    for nothing in [
        "oh",
        "OH!",
        "ooh",
        "ooooh",
        "oh no",
        "oh noooo!!",
        "haha",
        "hahaha",
        "hahahahaha",
        "ha",
        "hmm",
        "hmmmm",
        "uh",
        "wow",
        "lol",
        "sun",
        "mama",
        "e",
        "a",
        "o",
        "x",
        "ah",
        "aha",
        "meh",
        "哈",
        "哈哈哈",
        "嗯",
        "嗯嗯",
        "哦",
        "啊啊啊",
        "呃",
        "唉",
        "hm… 123",
        "oh 👍",
        "👍",
        "🤔🤔",
        "...",
        "。。。",
        "？！",
        "12",
        "2024",
        "",
    ] {
        let finding = find(nothing);
        assert_eq!(finding.outcome, Outcome::None, "{nothing}: {finding:?}");
    }
    for something in [
        "help", "hello", "hi", "hiya", "bye", "thanks", "thx", "你好", "谢谢",
    ] {
        let finding = find(something);
        assert_ne!(finding.outcome, Outcome::None, "{something}");
    }
}

#[test]
fn run_together_stretched_and_mixed_letters_are_read() {
    for (question, entry) in [
        ("howdoiremovemycard", "unbind-steps"),
        ("HowCanIUnbindMyAccessCard", "unbind-steps"),
        ("howdoideletemycardfromthewallet", "unbind-steps"),
        ("how do i reeemoooove my caaard", "unbind-steps"),
        // With Cyrillic а, е, о and с.
        ("hоw dо I rеmоvе my саrd", "unbind-steps"),
        ("i loooost my phoooone", "lost-phone"),
    ] {
        let finding = find(question);
        assert_eq!(finding.candidates[0].entry.as_str(), entry, "{question}");
        assert_ne!(finding.outcome, Outcome::None, "{question}: {finding:?}");
    }
}

#[test]
fn who_wants_nothing_removed_is_not_told_how_or_when() {
    for wish in [
        "不要解绑门禁卡",
        "别解绑我的卡",
        "请别把我的门禁卡删掉",
        "我不想删掉门卡",
        "don't unbind my card",
        "do not remove my access card",
        "please don't delete my badge",
        "I don't want to remove my card",
        "dont unbind it",
    ] {
        let finding = find(wish);
        let best = finding.candidates[0].entry.as_str();
        let is_kept = best == "keep-card" || finding.outcome == Outcome::None;
        assert!(is_kept, "{wish}: {finding:?}");
    }
    for question in [
        "why can't I remove my card",
        "I don't want this card any more, how do I remove it",
        "how do I keep my card safe",
        "门禁卡不要了怎么删",
        "要不要解绑门禁卡",
    ] {
        assert_ne!(first(question), "keep-card", "{question}");
    }
}

#[test]
fn one_word_that_reverses_the_meaning_counts() {
    for opposite in ["how do I bind my card", "怎么绑定门禁卡"] {
        let finding = find(opposite);
        let answered = finding.outcome == Outcome::Answer && first(opposite) == "unbind-steps";
        assert!(!answered, "{opposite}: {finding:?}");
    }
    assert_first(&[
        ("I lost my phone", "lost-phone"),
        ("I lost my card", "lost-card"),
        ("手机丢了", "lost-phone"),
        ("门禁卡丢了", "lost-card"),
        (
            "is the card still working after I remove it",
            "works-after-unbind",
        ),
        (
            "the card is still shown after I removed it",
            "problem-status-stale",
        ),
    ]);
}

#[test]
fn what_is_not_ours_is_declined_though_it_is_asked_in_our_words() {
    for (question, entry) in [
        ("unbind my bank card", "decline-bank-card"),
        ("怎么解绑银行卡", "decline-bank-card"),
        ("remove my oyster card", "decline-transit-card"),
        ("公交卡怎么删除", "decline-transit-card"),
        ("I forgot my seed phrase", "decline-crypto"),
        ("delete my instagram account", "decline-account"),
    ] {
        let finding = find(question);
        assert_eq!(finding.outcome, Outcome::Decline, "{question}: {finding:?}");
        assert_eq!(finding.candidates[0].entry.as_str(), entry, "{question}");
    }
}

#[test]
fn traditional_script_is_read_and_noticed() {
    assert_first(&[
        ("怎麼取消綁定門禁卡", "unbind-steps"),
        ("手機弄丟了，門禁卡在裡面", "lost-phone"),
        ("如何清除快取", "fix-clear-cache"),
    ]);
    assert!(find("怎麼取消綁定門禁卡").traditional);
    assert!(!find("怎么取消绑定门禁卡").traditional);
}

#[test]
fn pinyin_is_read_with_and_without_spaces() {
    assert_first(&[
        ("zenme jiebang menjinka", "unbind-steps"),
        ("zen me jie bang men jin ka", "unbind-steps"),
        ("shouji diu le", "lost-phone"),
        ("怎么 qingli huancun", "fix-clear-cache"),
    ]);
    assert_eq!(find("zenme jiebang menjinka").language, Some(Language::ZH));
}

#[test]
fn languages_may_be_mixed() {
    assert_first(&[
        ("how to 解绑门禁卡", "unbind-steps"),
        ("clear cache 怎么弄", "fix-clear-cache"),
        ("我的phone丢了, door card在里面", "lost-phone"),
    ]);
}

#[test]
fn slips_shorthand_and_homophones_are_understood() {
    assert_first(&[
        ("how do i unbnid my crad", "unbind-steps"),
        ("how do i un bind my card", "unbind-steps"),
        ("hw do i rm my crd", "unbind-steps"),
        ("怎么解邦门金卡", "unbind-steps"),
        (
            "my pasword is wrng, it wont verfy",
            "problem-verification-failed",
        ),
    ]);
}

#[test]
fn a_question_in_the_middle_of_a_story_is_found() {
    let story = "Good morning, my name is Ann and I have lived here for eleven years. Last week I bought a new phone \
                 because the old one was slow. How do I move the door card to the new phone? My son is away. Thanks.";
    assert_first(&[(story, "reason-phone-replaced")]);
}

#[test]
fn nothing_said_is_nothing_known() {
    for question in [
        "",
        " ",
        "👍",
        "😂😂😂",
        "……",
        "!!!!",
        "\u{200b}\u{feff}",
        "\u{7}",
        "1",
        "13800138000",
        "ꙮ",
    ] {
        let finding = find(question);
        assert_eq!(finding.outcome, Outcome::None, "{question:?}");
    }
}

#[test]
fn an_empty_base_knows_nothing() {
    let finding = Matcher::new(&Knowledge::default()).find("how do I unbind my card");
    assert_eq!(
        (finding.outcome, finding.candidates.len()),
        (Outcome::None, 0)
    );
}

#[test]
fn of_an_endless_message_only_the_beginning_is_read() {
    for piece in ["how do I unbind ", "怎么解绑门禁卡", "门", "a", "zhuang"] {
        let beginning = piece.repeat(MAX_CHARS.div_ceil(piece.chars().count()));
        let beginning: String = beginning.chars().take(MAX_CHARS).collect();
        let endless = format!("{beginning}{}", " unbind 解绑".repeat(1000));
        assert_eq!(find(&endless), find(&beginning), "{piece}");
    }
}

#[test]
fn a_question_repeated_without_end_is_answered_and_letters_without_sense_are_not() {
    for (piece, entry) in [
        ("how do I unbind ", "unbind-steps"),
        ("怎么解绑门禁卡 ", "unbind-steps"),
    ] {
        let finding = find(&piece.repeat(400));
        assert_eq!(finding.outcome, Outcome::Answer, "{piece}: {finding:?}");
        assert_eq!(finding.candidates[0].entry.as_str(), entry, "{piece}");
    }
    for piece in ["a", "门", "zhuang", "zzz "] {
        let finding = find(&piece.repeat(900));
        assert_ne!(finding.outcome, Outcome::Answer, "{piece}: {finding:?}");
    }
}

/// Every hundredth phrasing of the base, small talk left out.
fn phrasings() -> Vec<&'static str> {
    let small_talk = |group: &str| BASE.groups.iter().any(|it| it.id == group && it.small_talk);
    let articles = BASE
        .entries
        .values()
        .filter(|entry| !small_talk(&entry.group))
        .flat_map(|entry| entry.articles.values());
    articles
        .flat_map(|article| &article.questions)
        .step_by(100)
        .map(String::as_str)
        .collect()
}

#[test]
fn script_does_not_change_the_answer() {
    let to_traditional = OpenCC::from_config(BuiltinConfig::S2t).expect("compiled in");
    let same = |phrasing: &&str| first(phrasing) == first(&to_traditional.convert(phrasing));
    let all = phrasings();
    let kept = all.iter().copied().filter(same).count();
    // A few characters have no single counterpart in the other script.
    assert!(kept * 100 >= all.len() * 97, "{kept} of {}", all.len());
}

#[test]
fn two_matchers_of_one_base_agree() {
    let other = Matcher::new(&BASE);
    for phrasing in phrasings() {
        assert_eq!(other.find(phrasing), find(phrasing));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_text_gets_a_finding(text in any::<String>()) {
        let finding = find(&text);
        prop_assert!(finding.candidates.len() <= MAX_CANDIDATES);
        prop_assert!(finding.candidates.is_sorted_by(|a, b| a.score >= b.score));
        prop_assert!(finding.candidates.iter().all(|candidate| (0.0..=1.0).contains(&candidate.score)));
    }

    #[test]
    fn case_width_punctuation_and_what_cannot_be_seen_do_not_change_the_answer(
        phrasing in prop::sample::select(phrasings()),
        stop in prop::sample::select(vec!["?", "？", "!!", "。", " …", "👍", "\u{200b}", " \n"]),
    ) {
        let plain = find(phrasing);
        for written in [phrasing.to_uppercase(), phrasing.replace(' ', "\u{3000}"), format!("{stop}{phrasing}{stop}")] {
            prop_assert_eq!(&find(&written), &plain);
        }
    }

    #[test]
    fn fillers_around_it_do_not_change_the_answer(
        phrasing in prop::sample::select(phrasings()),
        (before, after) in prop::sample::select(vec![("hello, ", ", thanks"), ("please ", ""), ("请问", "，谢谢"), ("", " thank you")]),
    ) {
        prop_assume!(MATCHER.tokenize(phrasing).tokens.len() >= 4);
        // Nobody writes Simplified around Traditional, whose words are converted as a whole.
        prop_assume!(before != "请问" || !is_traditional(phrasing));
        let (plain, polite) = (find(phrasing), find(&format!("{before}{phrasing}{after}")));
        prop_assert_eq!(polite.outcome, plain.outcome);
        prop_assert_eq!(polite.candidates, plain.candidates);
    }
}
