//! Routes typed text. It is, in this order: a secret that should not be in a chat, the label of a button on the present
//! screen, an answer the procedure under way understands, or a question.

use crate::dialogue::{
    answers::question,
    cards::{adding, editing, trash},
    choice::{Choice, Field},
    event::Place,
    help,
    ids::CardId,
    my_data::{forget, import},
    protection::setup,
    record::{Activity, Removal, Setup, Stage},
    removal::{confirmation, correction, outcome, stages, steps},
    router::{choices, misplaced},
    screen::Screen,
    screens,
    turn::TurnBuilder,
    word_lists::plain_word,
};

pub(crate) fn take(turn: &mut TurnBuilder<'_>, text: &str) {
    let awaits_secret = turn.record.activity.awaits_secret();
    turn.next_keyboard();
    if let Some(choice) = choice_labelled(turn, text) {
        return choices::choose(turn, &choice);
    }
    if take_in_context(turn, text) {
        return;
    }
    // A question typed where a PIN was asked for may have another secret in it.
    if !(awaits_secret && misplaced::take_unanswered(turn, text)) {
        question::answer(turn, text);
        turn.show(Screen::Present);
    }
}

/// Handles a command the bot does not have. Where a PIN or a code was asked for, it is that: a PIN may begin with a slash.
pub(super) fn take_unknown_command(turn: &mut TurnBuilder<'_>, line: &str) {
    if turn.record.activity.awaits_secret() {
        return take(turn, line);
    }
    turn.next_keyboard();
    help::say_unknown_command(turn, line);
    turn.show(Screen::Present);
}

/// The choice of the button on the present screen whose label was typed.
pub(super) fn choice_labelled(turn: &TurnBuilder<'_>, text: &str) -> Option<Choice> {
    let present = screens::present(turn)?;
    let typed = plain_word(text);
    let mut buttons = present.buttons.iter().flatten();
    let button = buttons.find(|button| plain_word(&turn.as_displayed(&button.label)) == typed)?;
    button.choice().cloned()
}

/// Takes a text that the procedure under way understands. Returns whether it was one.
fn take_in_context(turn: &mut TurnBuilder<'_>, text: &str) -> bool {
    match turn.record.activity.clone() {
        Activity::Idle => while_idle(turn, text),
        Activity::Adding { draft, .. } => while_adding(turn, text, adding::awaits_label(&draft)),
        Activity::Editing { card, field } => while_editing(turn, text, card, field),
        Activity::ChoosingCard => take_cancel(turn, text) || stages::take_label(turn, text),
        Activity::Removing(removal) => while_removing(turn, text, &removal),
        Activity::Protecting(setup) => while_protecting(turn, text, setup),
        Activity::Importing { .. } => {
            take_cancel(turn, text) || take_no(turn, text) || take_yes(turn, text, import::confirm)
        }
        Activity::Forgetting => {
            take_cancel(turn, text)
                || take_no(turn, text)
                || take_yes(turn, text, forget::ask_for_press)
        }
        Activity::Reviewing => take_cancel(turn, text) || take_no(turn, text),
    }
}

fn while_removing(turn: &mut TurnBuilder<'_>, text: &str, removal: &Removal) -> bool {
    match removal.stage {
        Stage::Reason => take_back_or_out(turn, text) || correction::take(turn, text),
        Stage::Step(_) | Stage::AllSteps => while_guiding(turn, text),
        Stage::Proof => while_proving(turn, text),
        Stage::Confirmation => while_confirming(turn, text),
        Stage::Outcome => while_awaiting_outcome(turn, text, removal.card),
    }
}

type Procedure = fn(&mut TurnBuilder<'_>);

/// Calls `procedure` if `text` is one of the words of the line `words`. Returns whether it was.
pub(super) fn if_means(
    turn: &mut TurnBuilder<'_>,
    text: &str,
    words: &str,
    procedure: Procedure,
) -> bool {
    let is_meant = turn.words().means(text, words);
    if is_meant {
        procedure(turn);
    }
    is_meant
}

/// Takes a text as the answer to the open question, unless it is clearly a question itself. Returns whether it was
/// taken.
fn unless_question(
    turn: &mut TurnBuilder<'_>,
    text: &str,
    take: impl FnOnce(&mut TurnBuilder<'_>),
) -> bool {
    let is_answer = !question::is_question(turn, text);
    if is_answer {
        take(turn);
    }
    is_answer
}

pub(super) fn while_idle(turn: &mut TurnBuilder<'_>, text: &str) -> bool {
    match turn.place {
        Place::Private => if_means(turn, text, "words-guide", |turn| stages::begin(turn, None)),
        Place::Group => false,
    }
}

pub(super) fn take_cancel(turn: &mut TurnBuilder<'_>, text: &str) -> bool {
    if_means(turn, text, "words-cancel", choices::cancel)
}

pub(super) fn take_no(turn: &mut TurnBuilder<'_>, text: &str) -> bool {
    if_means(turn, text, "words-no", choices::cancel)
}

fn take_yes(turn: &mut TurnBuilder<'_>, text: &str, to: Procedure) -> bool {
    if_means(turn, text, "words-yes", to)
}

pub(super) fn take_back(turn: &mut TurnBuilder<'_>, text: &str) -> bool {
    if_means(turn, text, "words-back", choices::go_back)
}

pub(super) fn take_back_or_out(turn: &mut TurnBuilder<'_>, text: &str) -> bool {
    take_back(turn, text)
        || if_means(turn, text, "words-pause", stages::pause)
        || take_cancel(turn, text)
}

pub(super) fn while_adding(turn: &mut TurnBuilder<'_>, text: &str, label_awaited: bool) -> bool {
    take_cancel(turn, text) || take_back(turn, text) || take_detail(turn, text, label_awaited)
}

/// Takes what the bot asked about the card being added.
pub(super) fn take_detail(turn: &mut TurnBuilder<'_>, text: &str, label_awaited: bool) -> bool {
    if label_awaited {
        unless_question(turn, text, |turn| adding::take_label(turn, text))
    } else {
        adding::take_answer(turn, text)
    }
}

pub(super) fn while_editing(
    turn: &mut TurnBuilder<'_>,
    text: &str,
    card: CardId,
    field: Field,
) -> bool {
    take_cancel(turn, text) || take_new_value(turn, text, card, field)
}

/// Takes the new value of a field.
pub(super) fn take_new_value(
    turn: &mut TurnBuilder<'_>,
    text: &str,
    card: CardId,
    field: Field,
) -> bool {
    unless_question(turn, text, |turn| {
        editing::take_value(turn, card, field, text);
    })
}

fn while_guiding(turn: &mut TurnBuilder<'_>, text: &str) -> bool {
    if_means(turn, text, "words-done", stages::finish_step)
        || if_means(turn, text, "words-differs", steps::show_differences)
        || take_back_or_out(turn, text)
        || correction::take(turn, text)
}

/// Takes back, pause and cancel; any other text that is not clearly a question counts as the PIN or code.
fn while_proving(turn: &mut TurnBuilder<'_>, text: &str) -> bool {
    take_back_or_out(turn, text)
        || unless_question(turn, text, |turn| confirmation::take_proof(turn, text))
}

fn while_confirming(turn: &mut TurnBuilder<'_>, text: &str) -> bool {
    take_yes(turn, text, confirmation::confirm_typed)
        || take_back(turn, text)
        || take_no(turn, text)
        || take_cancel(turn, text)
        || correction::take(turn, text)
}

fn while_awaiting_outcome(turn: &mut TurnBuilder<'_>, text: &str, card: CardId) -> bool {
    let means = |words| turn.words().means(text, words);
    if means("words-gone") {
        outcome::take_gone(turn, card);
    } else if means("words-still") {
        outcome::take_still_there(turn, card);
    } else if means("words-not-sure") {
        outcome::take_not_sure(turn, card);
    } else if means("words-undo") {
        trash::put_back(turn, card);
    } else {
        return take_cancel(turn, text);
    }
    true
}

fn while_protecting(turn: &mut TurnBuilder<'_>, text: &str, setup: Setup) -> bool {
    if take_back(turn, text) || take_cancel(turn, text) {
        return true;
    }
    match setup {
        Setup::Choosing => false,
        Setup::Proof(_) | Setup::NewPin | Setup::RepeatPin(_) | Setup::FirstCode(_) => {
            unless_question(turn, text, |turn| setup::take_typed(turn, setup, text))
        }
    }
}
