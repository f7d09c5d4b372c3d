//! Routes text that its sender did not write here and now: forwarded, sent by way of a bot, or edited. It can be a
//! question, or what a card is called or where it is. It is never a yes, a PIN or code, “done” or “undo”: for these, the
//! bot asks to say it anew.

use crate::dialogue::{
    answers::question,
    cards::adding,
    choice::Choice,
    event::Command,
    record::Activity,
    removal::stages,
    router::{commands, typed},
    screen::Screen,
    turn::TurnBuilder,
};

/// Words that answer the bot, as opposed to questions and names.
const CONTROL_WORDS: [&str; 12] = [
    "words-yes",
    "words-no",
    "words-done",
    "words-back",
    "words-cancel",
    "words-differs",
    "words-gone",
    "words-still",
    "words-undo",
    "words-pause",
    "words-not-sure",
    "words-guide",
];

/// Takes a forwarded text.
pub(super) fn take_text(turn: &mut TurnBuilder<'_>, text: &str) {
    turn.next_keyboard();
    if !take_name(turn, text) {
        take_rest(turn, text);
    }
}

/// Takes a command: any but the one that leads to what cannot be undone.
pub(super) fn take_command(turn: &mut TurnBuilder<'_>, command: Command, argument: &str) {
    match command {
        Command::Forget => {
            turn.next_keyboard();
            ask_to_say_it_anew(turn);
        }
        Command::Unbind
        | Command::Cards
        | Command::Faq
        | Command::Language
        | Command::Protect
        | Command::Privacy
        | Command::Export
        | Command::Import
        | Command::Cancel
        | Command::Help
        | Command::Start => commands::take(turn, command, argument),
    }
}

/// Whether a text would do something if it were typed: an answer to the bot in one word, or the label of a button that
/// does more than name or show something.
pub(super) fn is_control_word(turn: &TurnBuilder<'_>, text: &str) -> bool {
    let words = turn.words();
    let labelled = typed::choice_labelled(turn, text);
    CONTROL_WORDS.iter().any(|line| words.means(text, line))
        || labelled.is_some_and(|choice| !is_harmless(&choice))
}

/// Whether a choice only names or shows something, or can be taken back at the next question.
pub(super) fn is_harmless(choice: &Choice) -> bool {
    match choice {
        Choice::Label(_)
        | Choice::Wallet(_)
        | Choice::System(_)
        | Choice::Kind(_)
        | Choice::Skip
        | Choice::Why(_)
        | Choice::LooksDifferent
        | Choice::Back
        | Choice::Continue
        | Choice::Pause
        | Choice::Cancel
        | Choice::Entry(_)
        | Choice::Groups
        | Choice::Group(_)
        | Choice::Help
        | Choice::Privacy
        | Choice::Language(_)
        | Choice::Cards(_)
        | Choice::Card(_)
        | Choice::History(_)
        | Choice::Trash(_)
        | Choice::Choose(_)
        | Choice::Review(_)
        | Choice::Unbind
        | Choice::UnbindFrom(_)
        | Choice::UnbindCard(_)
        | Choice::AddCard
        | Choice::Edit(..)
        | Choice::NoneOfThese => true,
        Choice::Done
        | Choice::Uncancel
        | Choice::MuteReminders
        | Choice::Export
        | Choice::Details(_)
        | Choice::Import
        | Choice::Forget
        | Choice::ForgetAll
        | Choice::ReviewOn
        | Choice::ReviewOff
        | Choice::StillUsed
        | Choice::Protect
        | Choice::UsePin
        | Choice::UseCodes
        | Choice::Unprotect
        | Choice::Helpful(_)
        | Choice::NotHelpful(_)
        | Choice::Confirm(_)
        | Choice::Gone(_)
        | Choice::StillThere(_)
        | Choice::NotSure(_)
        | Choice::RemindMe(_)
        | Choice::PutBack(_)
        | Choice::Clear(..) => false,
    }
}

/// Takes a text where the bot asked for a name. Returns whether it did.
fn take_name(turn: &mut TurnBuilder<'_>, text: &str) -> bool {
    if is_control_word(turn, text) {
        return false;
    }
    match turn.record.activity.clone() {
        Activity::Adding { draft, .. } => {
            typed::take_detail(turn, text, adding::awaits_label(&draft))
        }
        Activity::Editing { card, field } => typed::take_new_value(turn, text, card, field),
        Activity::ChoosingCard => stages::take_label(turn, text),
        Activity::Idle
        | Activity::Removing(_)
        | Activity::Protecting(_)
        | Activity::Importing { .. }
        | Activity::Forgetting
        | Activity::Reviewing => false,
    }
}

/// Takes a text that names nothing: answers it, unless it would do something or be a secret if it were typed.
pub(super) fn take_rest(turn: &mut TurnBuilder<'_>, text: &str) {
    let activity = &turn.record.activity;
    let (is_idle, awaits_secret) = (activity.is_idle(), activity.awaits_secret());
    if awaits_secret && !question::is_question(turn, text) {
        turn.delete_typed();
        return ask_to_say_it_anew(turn);
    }
    if !is_idle && is_control_word(turn, text) {
        return ask_to_say_it_anew(turn);
    }
    question::answer(turn, text);
    turn.show(Screen::Present);
}

/// Says that this must be said anew, above the present screen.
pub(super) fn ask_to_say_it_anew(turn: &mut TurnBuilder<'_>) {
    turn.note(turn.line("say-anew", &[]));
    turn.show(Screen::Present);
}
