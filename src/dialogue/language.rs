//! The language the bot speaks: as chosen, or as a message is written.

use super::{
    buttons, cards::card_text::MAX_LABEL_CHARS, choice::Choice, reply::Reply, screen::Screen,
    turn::TurnBuilder,
};
use crate::{
    knowledge::Language,
    matching::{Finding, normalize::is_han},
};

/// Han characters from which a text is Chinese. A single one may be a name or a mark on a card.
const MIN_HAN: usize = 2;
/// Latin words from which a text can show its language. A single one may be a brand, a name or “ok” in any language.
const MIN_WORDS: usize = 2;

/// Takes the argument of `/language`: a code, a name, or nothing.
pub(super) fn choose_by_name(turn: &mut TurnBuilder<'_>, name: &str) {
    if name.is_empty() {
        return turn.show(Screen::Languages);
    }
    let wanted = name.to_lowercase();
    let lines = &turn.base.lines;
    let is_meant = |language: &Language| {
        let own_name = lines.label(*language, "language-name", &[]);
        language.code() == wanted || own_name.to_lowercase() == wanted
    };
    match lines.languages().into_iter().find(is_meant) {
        Some(language) => set(turn, language),
        None => {
            let short: String = name.chars().take(MAX_LABEL_CHARS).collect();
            turn.note(turn.line("language-unknown", &[("language", short.into())]));
            turn.show(Screen::Languages);
        }
    }
}

/// Takes a pressed language, if the bot still speaks it.
pub(super) fn choose(turn: &mut TurnBuilder<'_>, language: Language) {
    if turn.base.lines.languages().contains(&language) {
        set(turn, language);
    } else {
        turn.show(Screen::Languages);
    }
}

/// Goes on in the language a message is written in, if it shows one. As long as nothing says which language the person
/// speaks, the best guess will do.
pub(super) fn follow(turn: &mut TurnBuilder<'_>, text: &str, finding: &Finding) {
    let guess = finding.language.filter(|_| !is_known(turn));
    if let Some(language) = language_shown(turn, text, finding).or(guess) {
        turn.speak(language);
    }
}

/// Whether it is known which language the person speaks.
fn is_known(turn: &TurnBuilder<'_>) -> bool {
    let record = &turn.record;
    let spoken = turn.base.lines.languages();
    let of_app = record.app_language.filter(|own| spoken.contains(own));
    record.spoken.or(record.language).or(of_app).is_some()
}

/// The language that a text shows: Chinese by its characters; another, or Chinese in Latin letters, by several words of
/// which one is common in that language, so that neither “Wang Wei” nor “Apple Wallet” shows any.
fn language_shown(turn: &TurnBuilder<'_>, text: &str, finding: &Finding) -> Option<Language> {
    let han = text.chars().filter(|c| is_han(*c)).count();
    let latin = |word: &&str| word.chars().filter(char::is_ascii_alphabetic).count() > 1;
    let words = text.split_whitespace().filter(latin).count();
    if han >= MIN_HAN && han > words {
        return Some(Language::ZH);
    }
    let guess = finding.language?;
    let in_han = guess == Language::ZH && han >= MIN_HAN;
    let is_common = || turn.words().mentions_in(guess, text, "words-common");
    (in_han || (words >= MIN_WORDS && is_common())).then_some(guess)
}

fn set(turn: &mut TurnBuilder<'_>, language: Language) {
    turn.record.language = Some(language);
    turn.speak(language);
    turn.show(Screen::LanguageSet);
}

pub(super) fn draw_choice(turn: &TurnBuilder<'_>) -> Reply {
    let lines = &turn.base.lines;
    let to_button = |language| {
        let name = lines.label(language, "language-name", &[]);
        turn.button_labelled(name, Choice::Language(language))
    };
    let languages = lines.languages().into_iter().map(to_button);
    let reply = Reply::new(turn.line("language-which", &[]));
    buttons::with_paired(reply, languages.collect())
}

pub(super) fn draw_set(turn: &TurnBuilder<'_>) -> Reply {
    Reply::new(turn.line("language-set", &[]))
}
