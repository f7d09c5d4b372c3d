//! Passes every input to the one procedure responsible for it. `commands` handles commands, `choices` pressed buttons,
//! `typed` text; `misplaced` looks for secrets in all of them; `links` names the deep links into the private chat.

mod choices;
mod commands;
mod links;
mod misplaced;
mod typed;

use super::{
    choice::Press,
    event::{Command, Event, Input, Place, Receipt, SentFile},
    help,
    ids::MessageId,
    my_data::import,
    reminders,
    screen::Screen,
    turn::TurnBuilder,
};

/// Applies an event to the record, and collects what to say and which screens to show.
pub(super) fn update(turn: &mut TurnBuilder<'_>, event: &Event) {
    match &event.input {
        Input::Text(text) => typed::take(turn, text),
        Input::Command(command, argument) => {
            if !misplaced::take_argument(turn, *command, argument) {
                commands::take(turn, *command, argument);
            }
        }
        Input::UnknownCommand(line) => take_unknown_command(turn, line),
        Input::LateEdit(text) => {
            misplaced::take_unanswered(turn, text);
        }
        Input::Press { press, message } => take_press(turn, press.as_ref(), *message),
        Input::Attachment(kind) => {
            turn.next_keyboard();
            help::say_attachment(turn, *kind);
            turn.show(Screen::Present);
        }
        Input::File(file) => take_file(turn, file),
        // The keyboard number stays, so the buttons on screen remain valid.
        Input::TooFast { seconds } => help::say_too_fast(turn, *seconds),
        Input::Wake => reminders::wake(turn),
        Input::Receipt(receipt) => take_receipt(turn, receipt),
    }
}

/// Handles a command the bot does not have. Where a PIN or a code was asked for, it is that: a PIN may begin with a slash.
fn take_unknown_command(turn: &mut TurnBuilder<'_>, line: &str) {
    if turn.record.activity.awaits_secret() {
        return typed::take(turn, line);
    }
    if misplaced::take_line(turn, line) {
        return;
    }
    turn.next_keyboard();
    help::say_unknown_command(turn, line);
    turn.show(Screen::Present);
}

/// Handles a file, unless its caption has a secret.
fn take_file(turn: &mut TurnBuilder<'_>, file: &SentFile) {
    let caption = file.caption.as_deref().unwrap_or_default();
    if misplaced::take_unanswered(turn, caption) {
        return;
    }
    turn.next_keyboard();
    match turn.place {
        Place::Group => help::ask_into_private(turn, Command::Import.name()),
        Place::Private => import::take_file(turn, file),
    }
}

/// Handles what the channel reported about a reply sent to this chat.
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

/// Handles a pressed button. A button of an older keyboard changes nothing: if it only shows something, that is shown,
/// otherwise the present screen.
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

/// Handles a press on an older keyboard. On the message with the present screen it is the second of two quick taps, and
/// the screen is redrawn without comment; on any other message the bot says that the button is out of date.
fn take_stale_press(turn: &mut TurnBuilder<'_>, message: MessageId) {
    if turn.record.screen_message == Some(message) {
        turn.edit_in_place(message);
    } else {
        turn.note_stale_press();
    }
    turn.show(Screen::Present);
}
