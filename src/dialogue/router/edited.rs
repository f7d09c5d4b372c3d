//! Routes an edited message. An edit that changes no word does nothing. One that changes the answer to a question of the
//! bot corrects that answer. The last message of a person counts as said with its new words, as far as `forwarded` takes
//! them; an older one does nothing else.

use crate::dialogue::{
    answers::question,
    cards::{adding, editing},
    choice::Field,
    event::{Event, Input, Place},
    ids::{CardId, UserId},
    record::{Activity, Removal, Stage},
    removal::{correction, stages, steps},
    router::{choices, forwarded, misplaced, typed},
    said::{Answered, Part},
    screen::Screen,
    turn::TurnBuilder,
};

/// The text of an input that a person may edit.
pub(super) fn text_of(input: &Input) -> Option<String> {
    match input {
        Input::Text(text) => Some(text.clone()),
        Input::Command(command, argument) => Some(format!("/{} {argument}", command.name())),
        Input::UnknownCommand(line) => Some(line.clone()),
        // A caption may be added.
        Input::Attachment(_) => Some(String::new()),
        Input::Press { .. }
        | Input::LateEdit(_)
        | Input::File(_)
        | Input::TooFast { .. }
        | Input::Wake
        | Input::Receipt(_) => None,
    }
}

/// Whose messages come before or after this one: in a group, other people's do not count.
pub(super) fn author(event: &Event) -> Option<UserId> {
    match event.place {
        Place::Group => event.from,
        Place::Private => None,
    }
}

/// Takes an edited message. Returns whether it did something.
pub(super) fn take(turn: &mut TurnBuilder<'_>, event: &Event, input: &Input) -> bool {
    let (Some(id), Some(text)) = (event.message, text_of(input)) else {
        return misplaced::take(turn, input);
    };
    let before = turn.record.said(id).cloned();
    if before.as_ref().is_some_and(|before| before.says(&text)) {
        return false;
    }
    let is_last = !turn.record.has_said_since(id, author(event));
    let answered = before.as_ref().map(|before| before.answered);
    let is_taken = take_misplaced_secret(turn, input, answered.unwrap_or_default())
        || match before {
            Some(before) if before.answered == Answered::Past => false,
            Some(before) => {
                let nothing_since = before.keyboard == turn.record.keyboard;
                take_correction(turn, before.answered, input, is_last, nothing_since)
            }
            None => take_last(turn, input, is_last),
        };
    if is_taken {
        turn.note_person();
    }
    is_taken
}

/// A secret is explained also in an older message. Where the message was the label or the last digits of a card, a lone
/// number is none.
fn take_misplaced_secret(turn: &mut TurnBuilder<'_>, input: &Input, answered: Answered) -> bool {
    let awaits_secret = turn.record.activity.awaits_secret();
    match (answered, input) {
        (Answered::Draft(_) | Answered::Card(..) | Answered::Past, Input::Text(text)) => {
            !awaits_secret && misplaced::take_unanswered(turn, text)
        }
        (
            Answered::Nothing
            | Answered::Step
            | Answered::Draft(_)
            | Answered::Card(..)
            | Answered::Past,
            input,
        ) => misplaced::take(turn, input),
    }
}

/// Corrects what the message answered, or else takes its new words.
fn take_correction(
    turn: &mut TurnBuilder<'_>,
    answered: Answered,
    input: &Input,
    is_last: bool,
    nothing_since: bool,
) -> bool {
    let Input::Text(text) = input else {
        return take_last(turn, input, is_last);
    };
    let is_something_else =
        question::is_question(turn, text) || forwarded::is_control_word(turn, text);
    let corrected = match answered {
        Answered::Step if nothing_since => take_back_step(turn, text),
        Answered::Draft(part) if !is_something_else => correct_draft(turn, part, text),
        Answered::Card(card, part) if !is_something_else => correct_card(turn, card, part, text),
        Answered::Nothing
        | Answered::Step
        | Answered::Draft(_)
        | Answered::Card(..)
        | Answered::Past => Corrected::NotMeant,
    };
    match corrected {
        Corrected::Done => {
            turn.next_keyboard();
            true
        }
        Corrected::Impossible => false,
        Corrected::NotMeant => take_last(turn, input, is_last),
    }
}

/// What became of a correction.
enum Corrected {
    Done,
    /// What it corrects is no longer there, or it changes nothing.
    Impossible,
    /// The text is something else.
    NotMeant,
}

impl Corrected {
    fn if_understood(is_understood: bool) -> Self {
        if is_understood {
            Self::Done
        } else {
            Self::NotMeant
        }
    }
}

/// Corrects what was said about the card being added.
fn correct_draft(turn: &mut TurnBuilder<'_>, part: Part, text: &str) -> Corrected {
    let Activity::Adding { draft, .. } = &turn.record.activity else {
        return Corrected::Impossible;
    };
    let is_new = draft.changes.is_none();
    match part {
        Part::Label if is_new => {
            adding::take_label(turn, text);
            Corrected::Done
        }
        Part::Wallet => Corrected::if_understood(adding::correct_wallet(turn, text)),
        Part::System => Corrected::if_understood(adding::correct_system(turn, text)),
        Part::Label | Part::Issuer | Part::Digits => Corrected::Impossible,
    }
}

/// Corrects what was said about a card on the list.
fn correct_card(turn: &mut TurnBuilder<'_>, card: CardId, part: Part, text: &str) -> Corrected {
    if turn.record.card(card).is_none() {
        return Corrected::Impossible;
    }
    turn.note_answered(Answered::Card(card, part));
    let field = match part {
        Part::Label => Field::Label,
        Part::Issuer => Field::Issuer,
        Part::Digits => Field::Digits,
        Part::Wallet | Part::System => {
            return Corrected::if_understood(correct_place(turn, card, text));
        }
    };
    editing::correct_value(turn, card, field, text);
    Corrected::Done
}

/// Corrects the wallet or phone of a card. During its removal, the steps begin anew.
fn correct_place(turn: &mut TurnBuilder<'_>, card: CardId, text: &str) -> bool {
    let removal = turn.record.activity.removal();
    if removal.is_some_and(|removal| removal.card == card) {
        correction::take(turn, text)
    } else {
        adding::correct_place(turn, card, text)
    }
}

/// “Done” was changed into something else: goes back to the step, and never forward.
fn take_back_step(turn: &mut TurnBuilder<'_>, text: &str) -> Corrected {
    if is_still_done(turn, text) {
        return Corrected::Impossible;
    }
    turn.next_keyboard();
    if question::is_question(turn, text) {
        question::answer(turn, text);
    }
    turn.note(turn.line("step-taken-back", &[]));
    stages::retreat(turn);
    let words = turn.words();
    if words.means(text, "words-differs") {
        steps::show_differences(turn);
    } else if words.means(text, "words-pause") {
        stages::pause(turn);
    } else if words.means(text, "words-cancel") {
        choices::cancel(turn);
    } else {
        turn.show(Screen::Present);
    }
    Corrected::Done
}

/// Whether a text says in other words that a step is done: “done, thanks”.
fn is_still_done(turn: &TurnBuilder<'_>, text: &str) -> bool {
    let words = turn.words();
    let begins = words.begins_with(text, "words-done") && !words.mentions(text, "words-not");
    words.means(text, "words-done") || (begins && !question::is_question(turn, text))
}

/// Takes the new words of the last message; those of an older one are not taken.
fn take_last(turn: &mut TurnBuilder<'_>, input: &Input, is_last: bool) -> bool {
    if !is_last {
        return false;
    }
    match input {
        Input::Text(text) => take_text(turn, text),
        Input::Command(command, argument) => forwarded::take_command(turn, *command, argument),
        Input::UnknownCommand(line) => typed::take_unknown_command(turn, line),
        Input::Press { .. }
        | Input::LateEdit(_)
        | Input::Attachment(_)
        | Input::File(_)
        | Input::TooFast { .. }
        | Input::Wake
        | Input::Receipt(_) => return false,
    }
    true
}

fn take_text(turn: &mut TurnBuilder<'_>, text: &str) {
    turn.next_keyboard();
    let labelled = typed::choice_labelled(turn, text).filter(forwarded::is_harmless);
    match labelled {
        Some(choice) => choices::choose(turn, &choice),
        None if take_answer(turn, text) => {}
        None => forwarded::take_rest(turn, text),
    }
}

/// Takes an answer to the present question that gives a name, or leads back or out. Returns whether it was one.
fn take_answer(turn: &mut TurnBuilder<'_>, text: &str) -> bool {
    match turn.record.activity.clone() {
        Activity::Idle => typed::while_idle(turn, text),
        Activity::Adding { draft, .. } => {
            typed::while_adding(turn, text, adding::awaits_label(&draft))
        }
        Activity::Editing { card, field } => typed::while_editing(turn, text, card, field),
        Activity::ChoosingCard => typed::take_cancel(turn, text) || stages::take_label(turn, text),
        Activity::Removing(removal) => take_answer_while_removing(turn, text, &removal),
        Activity::Protecting(_) => typed::take_back(turn, text) || typed::take_cancel(turn, text),
        Activity::Importing { .. } | Activity::Forgetting | Activity::Reviewing => {
            typed::take_cancel(turn, text) || typed::take_no(turn, text)
        }
    }
}

fn take_answer_while_removing(turn: &mut TurnBuilder<'_>, text: &str, removal: &Removal) -> bool {
    match removal.stage {
        Stage::Reason => typed::take_back_or_out(turn, text) || correction::take(turn, text),
        Stage::Step(_) | Stage::AllSteps => {
            typed::if_means(turn, text, "words-differs", steps::show_differences)
                || typed::take_back_or_out(turn, text)
                || correction::take(turn, text)
        }
        Stage::Proof => typed::take_back_or_out(turn, text),
        Stage::Confirmation => {
            typed::take_back(turn, text)
                || typed::take_no(turn, text)
                || typed::take_cancel(turn, text)
                || correction::take(turn, text)
        }
        Stage::Outcome => typed::take_cancel(turn, text),
    }
}
