//! Says what is stored and for how long, and sends files: everything, or one card. `card_file` writes them.

use crate::dialogue::{
    choice::Choice,
    event::Place,
    ids::CardId,
    my_data::card_file,
    record::{DEAD_LETTER_DAYS, REMEMBER_UPDATES_HOURS, REVIEW_DAYS, TRASH_DAYS, UNFINISHED_DAYS},
    reply::{Attachment, Reply},
    turn::TurnBuilder,
};

/// Says what is stored and for how long, using the constants that the code applies.
pub(crate) fn say_privacy(turn: &mut TurnBuilder<'_>) {
    let text = turn.line(
        "privacy",
        &[
            ("bin", TRASH_DAYS.into()),
            ("unfinished", UNFINISHED_DAYS.into()),
            ("review", REVIEW_DAYS.into()),
            ("hours", REMEMBER_UPDATES_HOURS.into()),
            ("letters", DEAD_LETTER_DAYS.into()),
        ],
    );
    let reply = Reply::new(text);
    turn.say(match turn.place {
        Place::Group => reply,
        Place::Private => reply
            .row([
                turn.button("button-export", Choice::Export),
                turn.button("button-cards", Choice::Cards(0)),
            ])
            .row([turn.button("button-forget", Choice::Forget)]),
    });
}

/// Sends everything stored about this chat as a file.
pub(crate) fn send_everything(turn: &mut TurnBuilder<'_>) {
    let file = Attachment::File {
        name: card_file::file_name(turn.now),
        content: card_file::write_everything(&turn.record, turn.now),
    };
    let count = ("count", turn.record.cards.len().into());
    let mut reply = Reply::new(turn.line("export-file", &[count])).with_attachment(file);
    if turn.record.activity.is_idle() {
        reply = reply.row([
            turn.button("button-cards", Choice::Cards(0)),
            turn.button("button-forget", Choice::Forget),
        ]);
    }
    turn.say(reply);
}

/// Sends one card as a file.
pub(crate) fn send_card(turn: &mut TurnBuilder<'_>, id: CardId) {
    let Some(card) = turn.record.card(id) else {
        return turn.show_card_missing();
    };
    let file = Attachment::File {
        name: card_file::card_file_name(id, turn.now),
        content: card_file::write_card(card, turn.now),
    };
    let text = turn.line("details-file", &[("label", card.label.as_str().into())]);
    turn.say(Reply::new(text).with_attachment(file));
}
