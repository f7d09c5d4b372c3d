//! Leads every input to the one procedure that is responsible for it: `commands`, `choices` (pressed buttons), `typed`.

mod choices;
mod commands;
mod typed;

use super::{
    choice::Press,
    event::{Event, Input, Place, Receipt},
    help,
    ids::MessageId,
    my_data::import,
    reminders,
    screen::Screen,
    screens,
    turn::TurnBuilder,
};

/// Changes the record by an event, and names what is said and shown.
pub(super) fn update(turn: &mut TurnBuilder<'_>, event: &Event) {
    match &event.input {
        Input::Text(text) => typed::take(turn, text),
        Input::Command(command, argument) => commands::take(turn, *command, argument),
        Input::UnknownCommand(name) => {
            turn.next_keyboard();
            help::say_unknown_command(turn, name);
            turn.show(Screen::Present);
        }
        Input::Press { press, message } => take_press(turn, press.as_ref(), *message),
        Input::Attachment(kind) => {
            turn.next_keyboard();
            help::say_attachment(turn, *kind);
            turn.show(Screen::Present);
        }
        Input::File(file) => {
            turn.next_keyboard();
            match turn.place {
                Place::Group => help::ask_into_private(turn, "import"),
                Place::Private => import::take_file(turn, file),
            }
        }
        // Nothing moves on, so that the buttons shown stay good.
        Input::TooFast { seconds } => help::say_too_fast(turn, *seconds),
        Input::Wake => reminders::wake(turn),
        Input::Receipt(receipt) => take_receipt(turn, receipt),
    }
}

/// What the channel answered to something this chat had sent.
fn take_receipt(turn: &mut TurnBuilder<'_>, receipt: &Receipt) {
    match receipt {
        Receipt::FileContent(content) => {
            turn.next_keyboard();
            import::take_content(turn, content);
        }
        Receipt::Unreachable => reminders::note_unreachable(turn),
        Receipt::Sent { .. } | Receipt::Moved { .. } => {}
    }
}

/// A pressed button. One of an older keyboard changes nothing: what it only shows is shown, else the present question.
fn take_press(turn: &mut TurnBuilder<'_>, press: Option<&Press>, message: MessageId) {
    match press {
        Some(press) if press.keyboard == turn.record.keyboard => {
            turn.next_keyboard();
            if !press.choice.stands_below_answers() {
                turn.edit_in_place(message);
            }
            choices::choose(turn, &press.choice);
            if press.choice.leaves_step_in_view() || turn.is_silent() {
                turn.show(Screen::Present);
            }
        }
        Some(press) if press.choice.only_reads() => {
            choices::choose(turn, &press.choice);
            turn.show(Screen::Present);
        }
        _ => take_stale_press(turn, message),
    }
}

/// The second of two quick taps is an old press on the present screen: that is drawn again, without a word. A button
/// further up is told apart from it.
fn take_stale_press(turn: &mut TurnBuilder<'_>, message: MessageId) {
    if turn.record.screen_message == Some(message) {
        turn.edit_in_place(message);
    } else {
        let stale = turn.line("stale", &[]);
        turn.note(match screens::present(turn) {
            Some(_) => stale.below(1, turn.line("here-we-are", &[])),
            None => stale,
        });
    }
    turn.show(Screen::Present);
}
