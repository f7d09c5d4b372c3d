//! Messages about the bot itself: welcome, help, and replies to input it cannot use.

use super::{
    buttons::{self, with_first_steps},
    command_text,
    event::AttachmentKind,
    reply::Reply,
    turn::TurnBuilder,
};

/// The most characters of a command (Telegram's limit). A longer one is not repeated in the reply.
const MAX_COMMAND_CHARS: usize = 32;

pub(super) fn say_welcome(turn: &mut TurnBuilder<'_>) {
    let reply = Reply::new(turn.line("welcome", &[]));
    turn.say(with_first_steps(turn, reply));
}

pub(super) fn say_help(turn: &mut TurnBuilder<'_>) {
    let reply = Reply::new(turn.line("help", &[]));
    turn.say(with_first_steps(turn, reply));
}

/// Says that the command is unknown, followed by the help text. Only a name of letters is repeated: with anything else in
/// it, it may be something secret.
pub(super) fn say_unknown_command(turn: &mut TurnBuilder<'_>, line: &str) {
    let name = command_text::split(line).map(|typed| typed.name);
    let name = name.unwrap_or_default();
    let is_letter = |c: char| c.is_alphabetic() || c == '_';
    let is_name =
        name.chars().all(is_letter) && (1..=MAX_COMMAND_CHARS).contains(&name.chars().count());
    let unknown = if is_name {
        turn.line("unknown-command", &[("command", name.into())])
    } else {
        turn.line("unknown-command-unnamed", &[])
    };
    let reply = Reply::new(turn.line("help", &[]));
    turn.say(with_first_steps(turn, reply).with_note(unknown));
}

/// Says that a message that is not text cannot be used.
pub(super) fn say_attachment(turn: &mut TurnBuilder<'_>, kind: AttachmentKind) {
    let reply = Reply::new(turn.line("attachment", &[("kind", kind.code().into())]));
    turn.say(if turn.record.activity.is_idle() {
        with_first_steps(turn, reply)
    } else {
        reply
    });
}

/// Says that messages arrive faster than they can be answered, and when to try again.
pub(super) fn say_too_fast(turn: &mut TurnBuilder<'_>, seconds: u64) {
    let text = turn.line("too-fast", &[("seconds", seconds.into())]);
    turn.say(Reply::new(text));
}

/// In a group: offers to continue in the private chat, whose `/start` gets `payload`.
pub(super) fn ask_into_private(turn: &mut TurnBuilder<'_>, payload: &str) {
    let button = buttons::private_chat_button(turn, "button-private", payload);
    let text = turn.line("busy-here", &[]);
    turn.say(Reply::new(text).row([button]));
}

/// The reply to a press when no procedure is under way.
pub(super) fn draw_nothing_open(turn: &TurnBuilder<'_>) -> Reply {
    with_first_steps(turn, Reply::new(turn.line("nothing-open", &[])))
}
