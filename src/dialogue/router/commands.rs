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
        router::choices,
        screen::Screen,
        turn::TurnBuilder,
    },
    knowledge::EntryId,
};

/// Prefix of a deep link to an entry: `/start kb_<id>`.
const ENTRY_PAYLOAD: &str = "kb_";
/// Prefix of a deep link into the removal of a card in a wallet: `/start unbind_<wallet id>`.
const UNBIND_PAYLOAD: &str = "unbind_";
/// Commands with a deep link, `/start <name>`.
const LINKED_COMMANDS: [Command; 7] = [
    Command::Unbind,
    Command::Cards,
    Command::Faq,
    Command::Protect,
    Command::Export,
    Command::Import,
    Command::Forget,
];

/// Takes a command with its argument.
pub(crate) fn take(turn: &mut TurnBuilder<'_>, command: Command, argument: &str) {
    turn.next_keyboard();
    if command != Command::Cancel {
        leave_small_procedure(turn);
    }
    if command == Command::Start {
        follow_link(turn, argument);
    } else {
        route(turn, command, argument);
    }
    turn.show(Screen::Present);
}

/// Ends any procedure but a removal, because a command shows that its question will not be answered.
fn leave_small_procedure(turn: &mut TurnBuilder<'_>) {
    if !turn.record.activity.is_idle() && !turn.record.activity.is_removal() {
        turn.record.leave();
    }
}

fn route(turn: &mut TurnBuilder<'_>, command: Command, argument: &str) {
    if let (Place::Group, Some(payload)) = (turn.place, private_payload(command)) {
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

/// The `/start` payload that runs a personal command in the private chat; `None` for commands that are not personal.
fn private_payload(command: Command) -> Option<&'static str> {
    match command {
        Command::Unbind => Some("unbind"),
        Command::Cards => Some("cards"),
        Command::Protect => Some("protect"),
        Command::Export => Some("export"),
        Command::Import => Some("import"),
        Command::Forget => Some("forget"),
        Command::Start
        | Command::Help
        | Command::Faq
        | Command::Language
        | Command::Privacy
        | Command::Cancel => None,
    }
}

/// Follows a deep link: `/start <payload>`.
fn follow_link(turn: &mut TurnBuilder<'_>, payload: &str) {
    let id = payload.strip_prefix(ENTRY_PAYLOAD);
    if let Some(id) = id.and_then(|id| id.parse().ok()) {
        return entry::say_entry(turn, &id, Origin::Button);
    }
    let wallet = payload.strip_prefix(UNBIND_PAYLOAD);
    let wallet = wallet.and_then(|id| id.parse::<EntryId>().ok());
    let guides = &turn.base.knowledge.guides;
    if let Some(wallet) = wallet.filter(|wallet| guides.contains_key(wallet)) {
        return match turn.place {
            Place::Group => help::ask_into_private(turn, "unbind"),
            Place::Private => unbind(turn, Some(wallet)),
        };
    }
    let linked = LINKED_COMMANDS.into_iter();
    let mut linked = linked.filter(|command| command.name() == payload);
    route(turn, linked.next().unwrap_or(Command::Start), "");
}

/// Begins a removal. The last answer is dropped, because a removal by command does not follow from it.
fn unbind(turn: &mut TurnBuilder<'_>, wallet: Option<EntryId>) {
    turn.record.last_answer = None;
    stages::begin(turn, wallet);
}
