//! Buttons shared by many screens, and the layout of buttons: short ones side by side, long lists in pages.

use unicode_width::UnicodeWidthStr;

use super::{
    choice::{Choice, Page},
    event::Place,
    record::Card,
    reply::{Action, Button, Reply},
    turn::TurnBuilder,
    wording,
};
use crate::knowledge::EntryId;

/// The widest label, in terminal columns, of a button that shares its row: half a phone's width.
const HALF_ROW_COLUMNS: usize = 17;
/// Buttons on a page: what fits a phone's screen together with the navigation below.
const PAGE_BUTTONS: usize = 8;
/// The entry that says how to contact a person.
const PERSON_ENTRY: &str = "contact-support";

/// A button that shows an entry; `None` if there is no such entry.
pub(super) fn entry_button(turn: &TurnBuilder<'_>, id: &EntryId) -> Option<Button> {
    let article = turn.base.knowledge.article(id, turn.language)?;
    Some(turn.button_labelled(article.button.as_str(), Choice::Entry(id.clone())))
}

/// The same, for an id written in the code.
pub(super) fn named_entry_button(turn: &TurnBuilder<'_>, id: &str) -> Option<Button> {
    entry_button(turn, &id.parse().ok()?)
}

/// The button for contacting a person, if the base has that entry.
pub(super) fn person_button(turn: &TurnBuilder<'_>) -> Option<Button> {
    let id: EntryId = PERSON_ENTRY.parse().ok()?;
    turn.base.knowledge.entry(&id)?;
    Some(turn.button("button-person", Choice::Entry(id)))
}

/// A button labelled with a card and its wallet.
pub(super) fn card_button(turn: &TurnBuilder<'_>, card: &Card, choice: Choice) -> Button {
    let wallet = wording::wallet_name(turn, &card.wallet);
    turn.button_labelled(format!("{} · {wallet}", card.label), choice)
}

/// A link to the private chat with the bot, whose `/start` gets `payload`.
pub(super) fn private_chat_button(
    turn: &TurnBuilder<'_>,
    line: &str,
    payload: impl Into<String>,
) -> Button {
    Button {
        label: turn.label(line, &[]),
        action: Action::PrivateChat(payload.into()),
    }
}

/// In a private chat, adds buttons for the guided removal, the cards and the topics.
pub(super) fn with_first_steps(turn: &TurnBuilder<'_>, reply: Reply) -> Reply {
    match turn.place {
        Place::Group => reply,
        Place::Private => reply
            .row([turn.button("button-guide", Choice::Unbind)])
            .row([
                turn.button("button-cards", Choice::Cards(0)),
                turn.button("button-topics", Choice::Groups),
            ]),
    }
}

/// Adds buttons below a reply, short ones side by side.
pub(super) fn with_paired(reply: Reply, buttons: Vec<Button>) -> Reply {
    pair(buttons).into_iter().fold(reply, Reply::row)
}

/// Arranges buttons in rows: two short ones side by side, every other one alone.
fn pair(buttons: Vec<Button>) -> Vec<Vec<Button>> {
    let is_short = |button: &Button| button.label.width() <= HALF_ROW_COLUMNS;
    let mut rows: Vec<Vec<Button>> = Vec::new();
    for button in buttons {
        match rows.last_mut() {
            Some(row) if row.len() == 1 && is_short(&row[0]) && is_short(&button) => {
                row.push(button);
            }
            _ => rows.push(vec![button]),
        }
    }
    rows
}

/// Adds one page of buttons, a row each, and the buttons to the previous and next page.
pub(super) fn with_page(
    turn: &TurnBuilder<'_>,
    reply: Reply,
    buttons: Vec<Button>,
    page: Page,
    to_page: impl Fn(Page) -> Choice,
) -> Reply {
    let pages = Page::try_from(buttons.len().div_ceil(PAGE_BUTTONS)).unwrap_or(Page::MAX);
    // The list may have become shorter since the button was shown.
    let page = page.min(pages.saturating_sub(1));
    let first = usize::from(page) * PAGE_BUTTONS;
    let shown = buttons.into_iter().skip(first).take(PAGE_BUTTONS);
    let reply = shown.fold(reply, |reply, button| reply.row([button]));
    let page_button = |line: &str, page: Page| {
        let number = usize::from(page + 1).into();
        let numbers = [("page", number), ("pages", usize::from(pages).into())];
        turn.button_labelled(turn.label(line, &numbers), to_page(page))
    };
    let earlier = page.checked_sub(1);
    let earlier = earlier.map(|page| page_button("button-page-back", page));
    let later = (page + 1 < pages).then(|| page_button("button-page-on", page + 1));
    reply.row(earlier.into_iter().chain(later))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialogue::choice::Press;

    #[test]
    fn short_buttons_stand_side_by_side_and_never_three() {
        let button = |label: &str| Button::press(label, Press::new(1, Choice::Done));
        let rows = pair(
            [
                "Yes",
                "No",
                "Maybe",
                "A label that needs the row",
                "否",
                "👍",
                "是",
            ]
            .map(button)
            .to_vec(),
        );
        assert_eq!(
            rows.iter().map(Vec::len).collect::<Vec<_>>(),
            [2, 1, 1, 2, 1]
        );
    }
}
