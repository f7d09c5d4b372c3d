//! Passes every input to the one procedure responsible for it. `commands` handles commands, `choices` pressed buttons,
//! `typed` text, `forwarded` text that was not written here and now, `edited` edits; `misplaced` looks for secrets in all of
//! them; `links` names the deep links into the private chat.

mod choices;
mod commands;
mod edited;
mod forwarded;
mod links;
mod misplaced;
mod typed;

use jiff::Timestamp;

use super::{
    choice::Press,
    event::{Command, Event, Input, Place, Receipt, SentAs, SentFile},
    help,
    ids::MessageId,
    my_data::import,
    record::Activity,
    reminders,
    said::SaidMessage,
    screen::Screen,
    turn::TurnBuilder,
};

/// Applies an event to the record, and collects what to say and which screens to show.
pub(super) fn update(turn: &mut TurnBuilder<'_>, event: &Event) {
    let by_word = turn.base.command_words.read(&event.input);
    let input = by_word.as_ref().unwrap_or(&event.input);
    let awaits_secret = turn.record.activity.awaits_secret();
    let is_taken = match event.sent_as {
        SentAs::Edit => edited::take(turn, event, input),
        SentAs::New | SentAs::Forward if misplaced::take(turn, input) => true,
        SentAs::New => {
            take(turn, input);
            true
        }
        SentAs::Forward => {
            take_forwarded(turn, input);
            true
        }
    };
    if is_taken {
        remember(turn, event, input, awaits_secret);
    }
    if !matches!(turn.record.activity, Activity::Adding { .. }) {
        turn.record.note_draft_is_gone();
    }
}

/// Takes what was said or pressed here and now.
fn take(turn: &mut TurnBuilder<'_>, input: &Input) {
    match input {
        Input::Text(text) => typed::take(turn, text),
        Input::Command(command, argument) => commands::take(turn, *command, argument),
        Input::UnknownCommand(line) => typed::take_unknown_command(turn, line),
        // It was searched for secrets.
        Input::LateEdit(_) => {}
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

fn take_file(turn: &mut TurnBuilder<'_>, file: &SentFile) {
    turn.next_keyboard();
    match turn.place {
        Place::Group => help::ask_into_private(turn, Command::Import.name()),
        Place::Private => import::take_file(turn, file),
    }
}

/// Takes what was written elsewhere. A file or a sticker is the same wherever it comes from.
fn take_forwarded(turn: &mut TurnBuilder<'_>, input: &Input) {
    match input {
        Input::Text(text) => forwarded::take_text(turn, text),
        Input::Command(command, argument) => forwarded::take_command(turn, *command, argument),
        Input::UnknownCommand(_)
        | Input::LateEdit(_)
        | Input::Press { .. }
        | Input::Attachment(_)
        | Input::File(_)
        | Input::TooFast { .. }
        | Input::Wake
        | Input::Receipt(_) => take(turn, input),
    }
}

/// Remembers a message, so that an edit of it can be told from a new one.
fn remember(turn: &mut TurnBuilder<'_>, event: &Event, input: &Input, awaits_secret: bool) {
    let (Some(id), Some(text)) = (event.message, edited::text_of(input)) else {
        return;
    };
    let answered = turn.answered();
    let may_be_secret = awaits_secret || turn.deletes_typed();
    let message = SaidMessage {
        id,
        at: Timestamp::from_second(turn.now.as_second()).unwrap_or(turn.now),
        from: edited::author(event),
        fingerprint: (!may_be_secret).then(|| answered.fingerprint(&text)),
        keyboard: turn.record.keyboard,
        answered,
    };
    turn.record.note_said(message);
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
