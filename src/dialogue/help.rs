//! What the bot can do, said where that is asked or nothing else fits.

use super::{
    buttons::{self, with_first_steps},
    event::AttachmentKind,
    reply::Reply,
    turn::TurnBuilder,
};

/// Characters of an unknown command that are named; more would be somebody's text.
const MAX_COMMAND_CHARS: usize = 32;

/// Greets a newcomer.
pub(super) fn say_welcome(turn: &mut TurnBuilder<'_>) {
    let reply = Reply::new(turn.line("welcome", &[]));
    turn.say(with_first_steps(turn, reply));
}

/// Says what the bot can do.
pub(super) fn say_help(turn: &mut TurnBuilder<'_>) {
    let reply = Reply::new(turn.line("help", &[]));
    turn.say(with_first_steps(turn, reply));
}

/// Says that there is no such command, and what the bot can do.
pub(super) fn say_unknown_command(turn: &mut TurnBuilder<'_>, name: &str) {
    let short: String = name.chars().take(MAX_COMMAND_CHARS).collect();
    let unknown = turn.line("unknown-command", &[("command", short.into())]);
    let reply = Reply::new(turn.line("help", &[]));
    turn.say(with_first_steps(turn, reply).with_note(unknown));
}

/// A kind word about a message that is not text.
pub(super) fn say_attachment(turn: &mut TurnBuilder<'_>, kind: AttachmentKind) {
    let reply = Reply::new(turn.line("attachment", &[("kind", kind.code().into())]));
    turn.say(if turn.record.activity.is_idle() {
        with_first_steps(turn, reply)
    } else {
        reply
    });
}

/// More came at once than can be answered.
pub(super) fn say_too_fast(turn: &mut TurnBuilder<'_>, seconds: u64) {
    let text = turn.line("too-fast", &[("seconds", seconds.into())]);
    turn.say(Reply::new(text));
}

/// Sends a personal matter from a group to the private chat.
pub(super) fn ask_into_private(turn: &mut TurnBuilder<'_>, payload: &str) {
    let button = buttons::private_chat_button(turn, "button-private", payload);
    let text = turn.line("busy-here", &[]);
    turn.say(Reply::new(text).row([button]));
}

/// A press with nothing to show for it.
pub(super) fn draw_nothing_open(turn: &TurnBuilder<'_>) -> Reply {
    with_first_steps(turn, Reply::new(turn.line("nothing-open", &[])))
}
