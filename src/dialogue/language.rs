//! Choosing the language the bot speaks.

use super::{
    buttons, cards::card_text::MAX_LABEL_CHARS, choice::Choice, reply::Reply, screen::Screen,
    turn::TurnBuilder,
};
use crate::knowledge::Language;

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
