//! Looks for secrets where the bot asked for none: in texts, commands, captions and edits. A secret is deleted from the
//! chat, if possible, and explained; nothing else is done with the message.

use crate::dialogue::{
    event::{Command, Input, Place},
    record::Activity,
    reply::Reply,
    screen::Screen,
    secrets::{self, SecretKind, Word},
    turn::TurnBuilder,
};

/// Takes an input that has a secret. Returns whether it has one. Where the bot asked for a PIN or a code, a text is that.
pub(crate) fn take(turn: &mut TurnBuilder<'_>, input: &Input) -> bool {
    let awaits_secret = turn.record.activity.awaits_secret();
    match input {
        Input::Text(_) | Input::UnknownCommand(_) if awaits_secret => false,
        Input::Text(text) => take_text(turn, text),
        Input::UnknownCommand(line) => take_line(turn, line),
        Input::Command(command, argument) => take_argument(turn, *command, argument),
        Input::LateEdit(text) => take_unanswered(turn, text),
        Input::File(file) => take_unanswered(turn, file.caption.as_deref().unwrap_or_default()),
        Input::Press { .. }
        | Input::Attachment(_)
        | Input::TooFast { .. }
        | Input::Wake
        | Input::Receipt(_) => false,
    }
}

fn take_text(turn: &mut TurnBuilder<'_>, text: &str) -> bool {
    // The label or the last digits of a card may be a number.
    let activity = &turn.record.activity;
    let awaits_words = activity.awaits_words() || matches!(activity, Activity::Protecting(_));
    let secret = secret_in(turn, text).or_else(|| lone_code(turn, text).filter(|_| !awaits_words));
    explain_if_any(turn, secret)
}

/// Takes an unknown command that has a secret: the name may be one, too. Returns whether it has one.
fn take_line(turn: &mut TurnBuilder<'_>, line: &str) -> bool {
    let typed = line.trim_start_matches('/');
    let secret = secret_in(turn, typed).or_else(|| lone_code(turn, typed));
    explain_if_any(turn, secret)
}

/// Takes a command whose argument has a secret. Returns whether it has one. A number alone is none behind `/start`: the
/// links of other people have such arguments.
fn take_argument(turn: &mut TurnBuilder<'_>, command: Command, argument: &str) -> bool {
    let lone = lone_code(turn, argument).filter(|_| command != Command::Start);
    let secret = secret_in(turn, argument).or(lone);
    explain_if_any(turn, secret)
}

/// Takes a text that is not answered for itself, such as a caption, if it has a secret. Returns whether it has one.
pub(crate) fn take_unanswered(turn: &mut TurnBuilder<'_>, text: &str) -> bool {
    let secret = secret_in(turn, text);
    explain_if_any(turn, secret)
}

fn secret_in(turn: &TurnBuilder<'_>, text: &str) -> Option<SecretKind> {
    let words = turn.words();
    secrets::detect(text, &|word: Word| words.listed(word.line()))
}

fn lone_code(turn: &TurnBuilder<'_>, text: &str) -> Option<SecretKind> {
    let words = turn.words();
    let is_lone = secrets::is_lone_code(text, &|word: Word| words.listed(word.line()));
    is_lone.then_some(SecretKind::Code)
}

fn explain_if_any(turn: &mut TurnBuilder<'_>, secret: Option<SecretKind>) -> bool {
    if let Some(secret) = secret {
        turn.next_keyboard();
        explain(turn, secret);
    }
    secret.is_some()
}

/// Deletes a secret from the chat, if possible, and says why.
fn explain(turn: &mut TurnBuilder<'_>, secret: SecretKind) {
    let is_deleted = turn.delete_typed();
    let line = match turn.place {
        Place::Private if is_deleted => "secret-taken-away",
        Place::Private => "secret-not-kept",
        Place::Group => "secret-in-group",
    };
    let text = turn.line(line, &[]).below(1, turn.line(secret.line(), &[]));
    turn.say(Reply::new(text));
    turn.show(Screen::Present);
}
