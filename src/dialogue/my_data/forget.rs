//! Deleting everything stored about a chat.

use crate::dialogue::{
    choice::Choice, record::Activity, reply::Reply, screen::Screen, turn::TurnBuilder,
};

/// Asks whether to delete everything.
pub(crate) fn ask(turn: &mut TurnBuilder<'_>) {
    turn.record.set_aside_for(Activity::Forgetting);
    turn.show(Screen::Present);
}

/// Asks to press the button: a typed yes is not enough, because it may have been meant for something else.
pub(crate) fn ask_for_press(turn: &mut TurnBuilder<'_>) {
    turn.note(turn.line("forget-press", &[]));
    turn.show(Screen::Present);
}

/// Deletes everything, if that was asked; the confirmation stays in the chat only, not in the store.
pub(crate) fn forget_all(turn: &mut TurnBuilder<'_>) {
    if turn.record.activity != Activity::Forgetting {
        return turn.show(Screen::Present);
    }
    turn.forget();
    turn.show(Screen::Forgotten);
}

pub(crate) fn draw(turn: &TurnBuilder<'_>) -> Reply {
    let cards = ("cards", turn.record.cards.len().into());
    let removed = ("removed", turn.record.trash.len().into());
    Reply::new(turn.line("forget-ask", &[cards, removed]))
        .row([turn.button("button-forget-all", Choice::ForgetAll)])
        .row([
            turn.button("button-export", Choice::Export),
            turn.button("button-keep-all", Choice::Cancel),
        ])
}

/// The confirmation that everything was deleted.
pub(crate) fn draw_forgotten(turn: &TurnBuilder<'_>) -> Reply {
    let cards = ("cards", turn.record.cards.len().into());
    let removed = ("removed", turn.record.trash.len().into());
    let time = turn.now.strftime("%Y-%m-%d %H:%M UTC").to_string();
    Reply::new(turn.line("forgotten", &[cards, removed, ("time", time.into())]))
}
