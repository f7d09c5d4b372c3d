//! Routes each command and deep link to its procedure. The match is exhaustive, so an unrouted command does not
//! compile.

use crate::{
    dialogue::{
        answers::entry::{self, Origin},
        event::{Command, Place},
        help, language,
        my_data::{export, forget, import},
        protection::setup,
        removal::stages,
        router::{
            choices,
            links::{self, Link},
        },
        screen::Screen,
        turn::TurnBuilder,
    },
    knowledge::EntryId,
};

/// Takes a command with its argument.
pub(crate) fn take(turn: &mut TurnBuilder<'_>, command: Command, argument: &str) {
    turn.next_keyboard();
    if command != Command::Cancel {
        leave_small_procedure(turn);
    }
    if command == Command::Start {
        remove_old_keyboard(turn);
        follow_link(turn, argument);
    } else {
        route(turn, command, argument);
    }
    turn.show(Screen::Present);
}

/// A person's first `/start` may come after another program has used the bot's name, and left its keyboard.
fn remove_old_keyboard(turn: &mut TurnBuilder<'_>) {
    if !std::mem::replace(&mut turn.record.old_keyboard_removed, true) {
        turn.remove_old_keyboard();
    }
}

/// Ends any procedure but a removal, because a command shows that its question will not be answered.
fn leave_small_procedure(turn: &mut TurnBuilder<'_>) {
    if !turn.record.activity.is_idle() && !turn.record.activity.is_removal() {
        turn.record.leave();
        turn.record.note_draft_is_gone();
    }
}

fn route(turn: &mut TurnBuilder<'_>, command: Command, argument: &str) {
    if let (Place::Group, Some(payload)) = (turn.place, links::for_command(command)) {
        return help::ask_into_private(turn, payload);
    }
    match command {
        Command::Start => help::say_welcome(turn),
        Command::Help => help::say_help(turn),
        Command::Unbind => unbind(turn, None),
        Command::Cards => turn.show(Screen::Cards(0)),
        Command::Faq => turn.show(Screen::Topics),
        Command::Language => language::choose_by_name(turn, argument),
        Command::Protect => setup::begin(turn),
        Command::Privacy => export::say_privacy(turn),
        Command::Export => export::send_everything(turn),
        Command::Import => import::say_how(turn),
        Command::Forget => forget::ask(turn),
        Command::Cancel => choices::cancel(turn),
    }
}

/// Follows a deep link: `/start <payload>`.
fn follow_link(turn: &mut TurnBuilder<'_>, payload: &str) {
    let guides = &turn.base.knowledge.guides;
    match Link::read(payload) {
        Some(Link::Entry(id)) => entry::say_entry(turn, &id, Origin::Button),
        Some(Link::UnbindFrom(wallet)) if guides.contains_key(&wallet) => match turn.place {
            Place::Group => help::ask_into_private(turn, &links::unbind_from(&wallet)),
            Place::Private => unbind(turn, Some(wallet)),
        },
        Some(Link::Command(command)) => route(turn, command, ""),
        Some(Link::UnbindFrom(_)) | None => route(turn, Command::Start, ""),
    }
}

/// Begins a removal. The last answer is dropped, because a removal by command does not follow from it.
fn unbind(turn: &mut TurnBuilder<'_>, wallet: Option<EntryId>) {
    turn.record.last_answer = None;
    stages::begin(turn, wallet);
}
