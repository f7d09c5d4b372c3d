//! The list of cards, and one card of it. Adding is `adding`'s, changing `editing`'s, taking one off `removal`'s, putting
//! one back `bin`'s.

use super::{
    Activity, Button, Card, CardId, Choice, Field, Page, Place, Reply, answer,
    record::{Deed, Happening},
    removal,
    talk::Talk,
};
use crate::{
    knowledge::{CardKind, EntryId},
    markup::RichText,
};
use jiff::Timestamp;

/// Cards on a list: far more than anybody has, and a record stays small.
pub const MAX_CARDS: usize = 50;
/// Cards on the list and in the bin together, so that adding and removing without end fills no record.
pub const MAX_KEPT: usize = 150;
/// Cards that are named in a sentence; of more, the number is told.
pub(super) const NAMED: usize = 8;
/// Cards on a page: what fits a phone's screen with the ways on below it.
const PAGE: usize = 8;

/// Says that no more cards can be kept, if that is so.
pub(super) fn full(talk: &Talk<'_>) -> Option<RichText> {
    let record = &talk.record;
    if record.cards.len() >= MAX_CARDS {
        return Some(talk.line("cards-full", &[("most", MAX_CARDS.into())]));
    }
    let kept = record.cards.len() + record.bin.len();
    (kept >= MAX_KEPT).then(|| talk.line("bin-full", &[("most", MAX_KEPT.into())]))
}

/// How many more cards can be kept.
pub(super) fn room(talk: &Talk<'_>) -> usize {
    let (listed, removed) = (talk.record.cards.len(), talk.record.bin.len());
    let on_list = MAX_CARDS.saturating_sub(listed);
    on_list.min(MAX_KEPT.saturating_sub(listed + removed))
}

/// Puts a new card on the list.
pub(super) fn put_on_list(
    talk: &mut Talk<'_>,
    card: impl FnOnce(CardId, Timestamp) -> Card,
) -> CardId {
    let id = CardId(talk.record.next_card);
    talk.record.next_card += 1;
    let card = card(id, talk.now);
    talk.record.cards.push(card);
    id
}

/// The list of cards.
pub(super) fn list(talk: &mut Talk<'_>, page: Page) {
    if talk.place == Place::Group {
        return removal::ask_into_private(talk, "cards");
    }
    let text = match talk.record.cards.is_empty() {
        true => talk.line("cards-none", &[]),
        false => talk
            .line("cards-title", &[])
            .below(1, talk.line("cards-hint", &[])),
    };
    let cards = talk.record.cards.iter();
    let buttons = cards.map(|card| card_button(talk, card, Choice::Card(card.id)));
    let reply = paged(
        talk,
        Reply::new(text),
        buttons.collect(),
        page,
        Choice::Cards,
    );
    let mut ways = vec![talk.button("button-add", Choice::AddCard)];
    if !talk.record.bin.is_empty() {
        ways.push(talk.button("button-bin", Choice::Bin(0)));
    }
    if !talk.record.cards.is_empty() {
        ways.push(talk.button("button-review", Choice::Review(0)));
    }
    talk.show(answer::with_paired(reply, ways));
}

/// Adds one page of buttons, a row each, and the ways to the other pages.
pub(super) fn paged(
    talk: &Talk<'_>,
    reply: Reply,
    buttons: Vec<Button>,
    page: Page,
    to_page: impl Fn(Page) -> Choice,
) -> Reply {
    let pages = Page::try_from(buttons.len().div_ceil(PAGE)).unwrap_or(Page::MAX);
    // Cards may have gone since the button was shown.
    let page = page.min(pages.saturating_sub(1));
    let shown = buttons
        .into_iter()
        .skip(usize::from(page) * PAGE)
        .take(PAGE);
    let reply = shown.fold(reply, |reply, button| reply.row([button]));
    let at = |page: Page| {
        [
            ("page", usize::from(page + 1).into()),
            ("pages", usize::from(pages).into()),
        ]
    };
    let earlier = page
        .checked_sub(1)
        .map(|page| talk.button_reading(talk.words("button-page-back", &at(page)), to_page(page)));
    let later = (page + 1 < pages).then(|| {
        talk.button_reading(
            talk.words("button-page-on", &at(page + 1)),
            to_page(page + 1),
        )
    });
    reply.row(earlier.into_iter().chain(later))
}

/// One card, and what can be done with it.
pub(super) fn view(talk: &mut Talk<'_>, id: CardId) {
    let Some(card) = talk.record.card(id).cloned() else {
        return say_gone(talk);
    };
    let kind = card.kind.map(|kind| kind_name(talk, kind));
    let more: Vec<_> = [kind, digits_words(talk, &card), card.issuer.clone()]
        .into_iter()
        .flatten()
        .collect();
    let added = talk.line("card-added-on", &[("date", date(card.added).into())]);
    let text = card_head(talk, &card)
        .below(1, RichText::plain(more.join("\n")))
        .below(1, added);
    let edit = |field: Field| {
        let line = format!("button-edit-{}", field.code());
        talk.button(&line, Choice::Edit(field, id))
    };
    let take_out = talk.button("button-take-out", Choice::UnbindCard(id));
    let history = talk.button("button-history", Choice::History(id));
    let reply = Reply::new(text)
        .row([take_out, edit(Field::Label)])
        .row([edit(Field::Wallet), edit(Field::Issuer)])
        .row([edit(Field::Digits), history])
        .row([talk.button("button-all-cards", Choice::Cards(0))]);
    talk.show(reply);
}

/// Shows a card that was changed just now; the removal under way instead, if there is one.
pub(super) fn show_changed(talk: &mut Talk<'_>, id: CardId) {
    match talk.record.activity {
        Activity::Idle => view(talk, id),
        _ => removal::show(talk),
    }
    let label = talk.record.card(id).map(|card| card.label.clone());
    let text = talk.line("changed", &[("label", label.unwrap_or_default().into())]);
    talk.preface(text);
}

/// What happened to a card, the newest first.
pub(super) fn history(talk: &mut Talk<'_>, id: CardId) {
    let Some(card) = talk.record.card(id).cloned() else {
        return say_gone(talk);
    };
    let newest_first = card
        .history
        .iter()
        .rev()
        .map(|happening| deed(talk, happening));
    let added = talk.line("history-added", &[("date", date(card.added).into())]);
    let lines = newest_first.chain([added]);
    let text = lines.fold(card_head(talk, &card), |text, line| text.below(1, line));
    let reply = Reply::new(text).row([
        talk.button("button-card", Choice::Card(id)),
        talk.button("button-all-cards", Choice::Cards(0)),
    ]);
    talk.show(reply);
}

fn deed(talk: &Talk<'_>, happening: &Happening) -> RichText {
    let line = match happening.what {
        Deed::Changed(Field::Label) => "history-label",
        Deed::Changed(Field::Wallet) => "history-wallet",
        Deed::Changed(Field::Issuer) => "history-issuer",
        Deed::Changed(Field::Digits) => "history-digits",
        Deed::TakenOff => "history-taken-off",
        Deed::PutBack => "history-put-back",
        Deed::Imported => "history-imported",
    };
    talk.line(line, &[("date", date(happening.at).into())])
}

/// A day, as everybody writes it in lists.
pub(super) fn date(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d").to_string()
}

fn card_head(talk: &Talk<'_>, card: &Card) -> RichText {
    talk.line(
        "card-view",
        &[
            ("label", card.label.as_str().into()),
            ("wallet", place_name(talk, card).into()),
        ],
    )
}

/// Says that a card is no longer on the list, and shows the list.
pub(super) fn say_gone(talk: &mut Talk<'_>) {
    let text = talk.line("card-gone", &[]);
    list(talk, 0);
    talk.preface(text);
}

/// A card as a button.
pub(super) fn card_button(talk: &Talk<'_>, card: &Card, choice: Choice) -> Button {
    let wallet = wallet_name(talk, &card.wallet);
    talk.button_reading(format!("{} · {wallet}", card.label), choice)
}

/// A wallet's name in the language of the talk; its id, should the base no longer know it.
pub(super) fn wallet_name(talk: &Talk<'_>, wallet: &EntryId) -> String {
    let guide = talk.base.knowledge.guides.get(wallet);
    let text = guide.and_then(|guide| guide.text(talk.language));
    text.map_or_else(|| wallet.to_string(), |text| text.name.clone())
}

/// The wallet and, where it matters, the phone.
pub(super) fn place_name(talk: &Talk<'_>, card: &Card) -> String {
    let wallet = wallet_name(talk, &card.wallet);
    let Some(system) = card.system else {
        return wallet;
    };
    let system = talk.words(&format!("system-{}", system.code()), &[]);
    format!("{wallet} · {system}")
}

fn kind_name(talk: &Talk<'_>, kind: CardKind) -> String {
    talk.words(&format!("kind-{}", kind.code()), &[])
}

fn digits_words(talk: &Talk<'_>, card: &Card) -> Option<String> {
    let digits = card.digits.as_deref()?;
    Some(talk.words("ends-in", &[("digits", digits.into())]))
}

/// Labels in one line; of many, the first ones and how many more.
pub(super) fn listed<S: AsRef<str>>(labels: &[S]) -> String {
    let named: Vec<_> = labels.iter().take(NAMED).map(AsRef::as_ref).collect();
    match labels.len().saturating_sub(NAMED) {
        0 => named.join(" · "),
        more => format!("{} · +{more}", named.join(" · ")),
    }
}

/// All that is known of a card, in one line, to be noted down.
pub(super) fn details(talk: &Talk<'_>, card: &Card) -> String {
    [
        Some(card.label.clone()),
        Some(place_name(talk, card)),
        card.kind.map(|kind| kind_name(talk, kind)),
        digits_words(talk, card),
        card.issuer.clone(),
    ]
    .into_iter()
    .flatten()
    .collect::<Vec<_>>()
    .join(" · ")
}
