//! The list of cards, and one card of it.

use crate::{
    dialogue::{
        buttons,
        choice::{Choice, Field, Page},
        ids::CardId,
        record::{Card, CardEvent, HistoryEntry, MAX_CARDS, MAX_KEPT, Room},
        reply::Reply,
        screen::Screen,
        turn::TurnBuilder,
        wording,
    },
    markup::RichText,
};

/// The note that no more cards can be added; `None` if they can.
pub(crate) fn full_note(turn: &TurnBuilder<'_>) -> Option<RichText> {
    match turn.record.room() {
        Room::Free(_) => None,
        Room::ListFull => Some(turn.line("cards-full", &[("most", MAX_CARDS.into())])),
        Room::TrashFull => Some(turn.line("bin-full", &[("most", MAX_KEPT.into())])),
    }
}

/// Shows a card that was just changed, or the procedure under way if there is one.
pub(crate) fn show_changed(turn: &mut TurnBuilder<'_>, id: CardId) {
    let label = turn.record.card(id).map(|card| card.label.clone());
    turn.note(turn.line("changed", &[("label", label.unwrap_or_default().into())]));
    turn.show(if turn.record.activity.is_idle() {
        Screen::Card(id)
    } else {
        Screen::Present
    });
}

/// Shows `screen` for a card, if it is on the list.
pub(crate) fn show_card(turn: &mut TurnBuilder<'_>, id: CardId, screen: fn(CardId) -> Screen) {
    if turn.record.card(id).is_some() {
        turn.show(screen(id));
    } else {
        turn.show_card_missing();
    }
}

pub(crate) fn draw_list(turn: &TurnBuilder<'_>, page: Page) -> Reply {
    let cards = &turn.record.cards;
    let text = if cards.is_empty() {
        turn.line("cards-none", &[])
    } else {
        let title = turn.line("cards-title", &[]);
        title.below(1, turn.line("cards-hint", &[]))
    };
    let to_button = |card| buttons::card_button(turn, card, Choice::Card(card.id));
    let listed = cards.iter().map(to_button).collect();
    let reply = buttons::with_page(turn, Reply::new(text), listed, page, Choice::Cards);
    let mut ways = vec![turn.button("button-add", Choice::AddCard)];
    if !turn.record.trash.is_empty() {
        ways.push(turn.button("button-bin", Choice::Trash(0)));
    }
    if !cards.is_empty() {
        ways.push(turn.button("button-review", Choice::Review(0)));
    }
    buttons::with_paired(reply, ways)
}

pub(crate) fn draw_full(turn: &TurnBuilder<'_>) -> Reply {
    let text = full_note(turn).unwrap_or_default();
    Reply::new(text).row([turn.button("button-cards", Choice::Cards(0))])
}

/// One card, with its actions.
pub(crate) fn draw_card(turn: &TurnBuilder<'_>, card: &Card) -> Reply {
    let kind = card.kind.map(|kind| wording::kind_name(turn, kind));
    let more = [kind, wording::last_digits(turn, card), card.issuer.clone()];
    let more: Vec<_> = more.into_iter().flatten().collect();
    let added = ("date", wording::date(card.added).into());
    let text = card_head(turn, card)
        .below(1, RichText::plain(more.join("\n")))
        .below(1, turn.line("card-added-on", &[added]));
    let edit = |field: Field| {
        let line = format!("button-edit-{}", field.code());
        turn.button(&line, Choice::Edit(field, card.id))
    };
    let take_out = turn.button("button-take-out", Choice::UnbindCard(card.id));
    let history = turn.button("button-history", Choice::History(card.id));
    Reply::new(text)
        .row([take_out, edit(Field::Label)])
        .row([edit(Field::Wallet), edit(Field::Issuer)])
        .row([edit(Field::Digits), history])
        .row([turn.button("button-all-cards", Choice::Cards(0))])
}

/// The history of a card, the newest entry first.
pub(crate) fn draw_history(turn: &TurnBuilder<'_>, card: &Card) -> Reply {
    let newest_first = card.history.iter().rev();
    let newest_first = newest_first.map(|entry| history_line(turn, entry));
    let added = ("date", wording::date(card.added).into());
    let lines = newest_first.chain([turn.line("history-added", &[added])]);
    let text = lines.fold(card_head(turn, card), |text, line| text.below(1, line));
    Reply::new(text).row([
        turn.button("button-card", Choice::Card(card.id)),
        turn.button("button-all-cards", Choice::Cards(0)),
    ])
}

fn history_line(turn: &TurnBuilder<'_>, entry: &HistoryEntry) -> RichText {
    let line = match entry.what {
        CardEvent::Changed(Field::Label) => "history-label",
        CardEvent::Changed(Field::Wallet) => "history-wallet",
        CardEvent::Changed(Field::Issuer) => "history-issuer",
        CardEvent::Changed(Field::Digits) => "history-digits",
        CardEvent::TakenOff => "history-taken-off",
        CardEvent::PutBack => "history-put-back",
        CardEvent::Imported => "history-imported",
    };
    turn.line(line, &[("date", wording::date(entry.at).into())])
}

fn card_head(turn: &TurnBuilder<'_>, card: &Card) -> RichText {
    let label = ("label", card.label.as_str().into());
    let wallet = ("wallet", wording::place_name(turn, card).into());
    turn.line("card-view", &[label, wallet])
}
