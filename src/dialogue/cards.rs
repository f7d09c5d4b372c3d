//! The list of cards: add, look at, rename, put back. Taking one off is `removal`'s.
//!
//! A card is a label, a wallet, and where it matters a phone system and a kind. No numbers: a label that looks like one
//! is refused.

use super::{
    Activity, Button, Card, CardDraft, CardId, Choice, Place, Reply, answer, record::BIN_DAYS,
    removal, talk::Talk,
};
use crate::{
    knowledge::{CardKind, EntryId, PhoneSystem},
    markup::RichText,
};
use jiff::SignedDuration;

/// Characters of a label: what a button shows on a narrow phone.
pub const MAX_LABEL_CHARS: usize = 32;
/// Cards on a list: more do not fit below one message (Telegram shows 100 buttons).
pub const MAX_CARDS: usize = 50;
/// Digits in a row from which on a label looks like a card number, a PIN or a code. Four is a room or the last digits of a card.
const SECRET_DIGITS: usize = 5;
/// Labels offered for a new card.
const LABELS: [&str; 4] = ["home", "office", "school", "gate"];

/// Why a label cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LabelFault {
    Empty,
    TooLong,
    LooksSecret,
    Taken,
}

/// Makes a label of what was typed: one line, without control characters and marks that turn the reading direction.
fn clean_label(typed: &str) -> String {
    let visible = typed
        .chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .filter(|c| !is_invisible(*c));
    visible
        .collect::<String>()
        .split(' ')
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Control characters, and the marks of Unicode's bidirectional algorithm and the zero-width ones, which would disturb
/// what stands beside a label. The joiner stays: emoji are made with it.
fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{ad}' | '\u{61c}' | '\u{200b}' | '\u{200c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

fn check_label(talk: &Talk<'_>, typed: &str, but: Option<CardId>) -> Result<String, LabelFault> {
    let label = clean_label(typed);
    if !label
        .chars()
        .any(|c| c.is_alphanumeric() || !c.is_ascii() && c != '\u{200d}')
    {
        return Err(LabelFault::Empty);
    }
    if label.chars().count() > MAX_LABEL_CHARS {
        return Err(LabelFault::TooLong);
    }
    if looks_secret(&label) {
        return Err(LabelFault::LooksSecret);
    }
    if talk
        .record
        .cards
        .iter()
        .any(|card| Some(card.id) != but && card.label.to_lowercase() == label.to_lowercase())
    {
        return Err(LabelFault::Taken);
    }
    Ok(label)
}

/// Whether digits stand in a row, spaces and hyphens between them passed over.
fn looks_secret(label: &str) -> bool {
    let close = label.chars().filter(|c| !matches!(c, ' ' | '-' | '.'));
    let mut run = 0;
    for character in close {
        run = if character.is_numeric() { run + 1 } else { 0 };
        if run >= SECRET_DIGITS {
            return true;
        }
    }
    false
}

fn label_fault(talk: &Talk<'_>, fault: LabelFault, typed: &str) -> RichText {
    match fault {
        LabelFault::Empty => talk.line("label-empty", &[]),
        LabelFault::TooLong => talk.line("label-long", &[("most", MAX_LABEL_CHARS.into())]),
        LabelFault::LooksSecret => talk.line("label-digits", &[]),
        LabelFault::Taken => talk.line("label-taken", &[("label", clean_label(typed).into())]),
    }
}

/// Begins to add a card; its removal follows, if that is what it is for.
pub(super) fn begin_adding(talk: &mut Talk<'_>) {
    if talk.record.cards.len() >= MAX_CARDS {
        let text = talk.line("cards-full", &[("most", MAX_CARDS.into())]);
        return talk.show(Reply::new(text).row([talk.button("button-cards", Choice::Cards)]));
    }
    let then_unbind = talk.record.activity == Activity::ChoosingCard;
    let adding = Activity::Adding {
        draft: CardDraft::default(),
        then_unbind,
    };
    match then_unbind {
        true => talk.record.activity = adding,
        false => talk.set_aside_for(adding),
    }
    ask_next(talk);
}

/// Asks for what is not known yet of the card being added, or puts it on the list.
pub(super) fn ask_next(talk: &mut Talk<'_>) {
    let Activity::Adding { draft, then_unbind } = talk.record.activity.clone() else {
        return;
    };
    let reply = match missing(talk, &draft) {
        Missing::Label => ask_label(talk),
        Missing::Wallet(label) => ask_wallet(talk, &label),
        Missing::System(label, systems) => ask_system(talk, &label, &systems),
        Missing::Kind(label, kinds) => ask_kind(talk, &label, &kinds),
        Missing::Nothing(label, wallet) => return add(talk, &draft, label, wallet, then_unbind),
    };
    let back =
        has_way_back(talk, &draft, then_unbind).then(|| talk.button("button-back", Choice::Back));
    let reply = reply.row(
        back.into_iter()
            .chain([talk.button("button-cancel", Choice::Cancel)]),
    );
    talk.show(reply);
}

/// Whether there was a question, or a list to choose from, before this one.
fn has_way_back(talk: &Talk<'_>, draft: &CardDraft, then_unbind: bool) -> bool {
    draft.label.is_some() || (then_unbind && !talk.record.cards.is_empty())
}

enum Missing {
    Label,
    Wallet(String),
    System(String, Vec<PhoneSystem>),
    Kind(String, Vec<CardKind>),
    Nothing(String, EntryId),
}

fn missing(talk: &Talk<'_>, draft: &CardDraft) -> Missing {
    let Some(label) = draft.label.clone() else {
        return Missing::Label;
    };
    let known = draft
        .wallet
        .clone()
        .and_then(|wallet| Some((talk.base.knowledge.guides.get(&wallet)?, wallet)));
    let Some((guide, wallet)) = known else {
        return Missing::Wallet(label);
    };
    if guide.asks_system() && draft.system.is_none() {
        Missing::System(label, guide.systems.clone())
    } else if guide.asks_kind() && draft.kind.is_none() && !draft.kind_skipped {
        Missing::Kind(label, guide.kinds.clone())
    } else {
        Missing::Nothing(label, wallet)
    }
}

fn ask_label(talk: &Talk<'_>) -> Reply {
    let free = |label: &&&str| {
        check_label(talk, &talk.words(&format!("label-{label}"), &[]), None).is_ok()
    };
    let buttons = LABELS.iter().filter(free).map(|label| {
        talk.button(
            &format!("label-{label}"),
            Choice::Label((*label).to_owned()),
        )
    });
    let reply = Reply::new(talk.line("add-label", &[]));
    answer::with_paired(reply, buttons.collect())
}

fn ask_wallet(talk: &Talk<'_>, label: &str) -> Reply {
    let guides = talk.base.knowledge.guides_in_order();
    let buttons = guides
        .into_iter()
        .map(|(id, _)| talk.button_reading(wallet_name(talk, id), Choice::Wallet(id.clone())));
    let reply = Reply::new(talk.line("add-wallet", &[("label", label.into())]));
    answer::with_paired(reply, buttons.collect())
}

fn ask_system(talk: &Talk<'_>, label: &str, systems: &[PhoneSystem]) -> Reply {
    let buttons = systems.iter().map(|system| {
        talk.button(
            &format!("system-{}", system.code()),
            Choice::System(*system),
        )
    });
    let reply = Reply::new(talk.line("add-system", &[("label", label.into())]));
    answer::with_paired(reply, buttons.collect())
}

fn ask_kind(talk: &Talk<'_>, label: &str, kinds: &[CardKind]) -> Reply {
    let mut reply = Reply::new(talk.line("add-kind", &[("label", label.into())]));
    for kind in kinds {
        reply = reply.row([talk.button(&format!("kind-{}", kind.code()), Choice::Kind(*kind))]);
    }
    reply.row([talk.button("button-skip", Choice::Skip)])
}

/// Fills in the draft and asks on; passed over where no card is being added.
pub(super) fn fill(talk: &mut Talk<'_>, fill: impl FnOnce(&mut CardDraft)) {
    if let Activity::Adding { draft, .. } = &mut talk.record.activity {
        fill(draft);
        ask_next(talk);
    }
}

/// One question back; out of adding, if there is none before.
pub(super) fn back(talk: &mut Talk<'_>) {
    let Activity::Adding { draft, then_unbind } = &mut talk.record.activity else {
        return;
    };
    let taken_back = draft.kind.take().is_some()
        || std::mem::take(&mut draft.kind_skipped)
        || draft.system.take().is_some()
        || draft.wallet.take().is_some()
        || draft.label.take().is_some();
    if taken_back {
        ask_next(talk);
    } else if *then_unbind && !talk.record.cards.is_empty() {
        talk.record.activity = Activity::ChoosingCard;
        removal::show(talk);
    } else {
        removal::cancel(talk);
    }
}

/// A label of those offered.
pub(super) fn label_chosen(talk: &mut Talk<'_>, name: &str) {
    if LABELS.contains(&name) {
        let label = talk.words(&format!("label-{name}"), &[]);
        label_typed(talk, &label);
    } else {
        ask_next(talk);
    }
}

/// A label, typed where one was asked for.
pub(super) fn label_typed(talk: &mut Talk<'_>, typed: &str) {
    match (check_label(talk, typed, None), &mut talk.record.activity) {
        (Ok(label), Activity::Adding { draft, .. }) => {
            draft.label = Some(label);
            ask_next(talk);
        }
        (Err(fault), _) => {
            let text = label_fault(talk, fault, typed);
            ask_next(talk);
            talk.preface(text);
        }
        (Ok(_), _) => {}
    }
}

/// A wallet named in words instead of pressed: by its name or one of its aliases.
pub(super) fn wallet_typed(talk: &mut Talk<'_>, typed: &str) -> bool {
    let typed = typed.trim().to_lowercase();
    let guides = talk.base.knowledge.guides_in_order();
    let named = guides
        .into_iter()
        .find(|(_, guide)| guide.names().any(|name| name.to_lowercase() == typed));
    let Some(wallet) = named.map(|(id, _)| id.clone()) else {
        return false;
    };
    fill(talk, |draft| draft.wallet = Some(wallet));
    true
}

/// Whether a label is awaited from the keyboard.
pub(super) fn awaits_label(draft: &CardDraft) -> bool {
    draft.label.is_none()
}

fn add(talk: &mut Talk<'_>, draft: &CardDraft, label: String, wallet: EntryId, then_unbind: bool) {
    let id = CardId(talk.record.next_card);
    talk.record.next_card += 1;
    talk.record.cards.push(Card {
        id,
        label: label.clone(),
        wallet,
        system: draft.system,
        kind: draft.kind,
        added: talk.now,
    });
    let text = talk.line("card-added", &[("label", label.into())]);
    if then_unbind {
        removal::guide_card(talk, id);
        return talk.preface(text);
    }
    talk.leave();
    match talk.record.activity.is_removal() {
        true => removal::show(talk),
        false => list(talk),
    }
    talk.preface(text);
}

/// The list of cards.
pub(super) fn list(talk: &mut Talk<'_>) {
    if talk.place == Place::Group {
        return removal::ask_into_private(talk, "cards");
    }
    let text = match talk.record.cards.is_empty() {
        true => talk.line("cards-none", &[]),
        false => talk
            .line("cards-title", &[])
            .below(1, talk.line("cards-hint", &[])),
    };
    let mut reply = Reply::new(text);
    let buttons: Vec<_> = talk
        .record
        .cards
        .iter()
        .map(|card| card_button(talk, card, Choice::Card(card.id)))
        .collect();
    for button in buttons {
        reply = reply.row([button]);
    }
    let mut ways = vec![talk.button("button-add", Choice::AddCard)];
    if !talk.record.bin.is_empty() {
        ways.push(talk.button("button-bin", Choice::Bin));
    }
    talk.show(reply.row(ways));
}

/// One card, and what can be done with it.
pub(super) fn view(talk: &mut Talk<'_>, id: CardId) {
    let Some(card) = talk.record.card(id).cloned() else {
        return say_gone(talk);
    };
    let text = card_head(talk, &card).below(
        1,
        talk.line(
            "card-added-on",
            &[("date", card.added.strftime("%Y-%m-%d").to_string().into())],
        ),
    );
    let reply = Reply::new(text)
        .row([
            talk.button("button-take-out", Choice::UnbindCard(id)),
            talk.button("button-rename", Choice::Rename(id)),
        ])
        .row([talk.button("button-all-cards", Choice::Cards)]);
    talk.show(reply);
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

/// Asks for a new label.
pub(super) fn begin_renaming(talk: &mut Talk<'_>, id: CardId) {
    if talk.record.card(id).is_none() {
        return say_gone(talk);
    }
    talk.set_aside_for(Activity::Renaming { card: id });
    ask_new_label(talk);
}

/// Asks for a new label, again.
pub(super) fn ask_new_label(talk: &mut Talk<'_>) {
    let Activity::Renaming { card } = talk.record.activity else {
        return;
    };
    let Some(label) = talk.record.card(card).map(|card| card.label.clone()) else {
        talk.leave();
        return say_gone(talk);
    };
    let text = talk.line("rename-ask", &[("label", label.into())]);
    talk.show(Reply::new(text).row([talk.button("button-cancel", Choice::Cancel)]));
}

/// The new label, typed.
pub(super) fn rename(talk: &mut Talk<'_>, id: CardId, typed: &str) {
    match check_label(talk, typed, Some(id)) {
        Ok(label) => {
            if let Some(card) = talk.record.cards.iter_mut().find(|card| card.id == id) {
                card.label.clone_from(&label);
            }
            talk.leave();
            match talk.record.activity.is_removal() {
                true => removal::show(talk),
                false => view(talk, id),
            }
            let text = talk.line("renamed", &[("label", label.into())]);
            talk.preface(text);
        }
        Err(fault) => {
            let text = label_fault(talk, fault, typed);
            ask_new_label(talk);
            talk.preface(text);
        }
    }
}

/// The removed cards, newest first, each with the days it is still kept.
pub(super) fn bin(talk: &mut Talk<'_>) {
    let mut reply = Reply::new(talk.line(
        if talk.record.bin.is_empty() {
            "bin-none"
        } else {
            "bin-title"
        },
        &[],
    ));
    for removed in talk.record.bin.iter().rev().take(MAX_CARDS) {
        let left = removed.removed + SignedDuration::from_hours(24 * BIN_DAYS);
        // The last started day counts, so that nobody reads “0 days left”.
        let days =
            usize::try_from(left.duration_since(talk.now).as_hours() / 24).unwrap_or_default() + 1;
        let days = days.min(usize::try_from(BIN_DAYS).unwrap_or_default());
        let label = format!(
            "{} · {}",
            removed.card.label,
            talk.words("days-left", &[("days", days.into())])
        );
        reply = reply.row([talk.button_reading(label, Choice::PutBack(removed.card.id))]);
    }
    talk.show(reply.row([talk.button("button-all-cards", Choice::Cards)]));
}

/// Puts a removed card back where it was; its name gets a number, should it be taken by now.
pub(super) fn put_back(talk: &mut Talk<'_>, id: CardId) {
    let Some(at) = talk
        .record
        .bin
        .iter()
        .position(|removed| removed.card.id == id)
    else {
        let text = match talk.record.card(id) {
            Some(card) => talk.line("put-back", &[("label", card.label.as_str().into())]),
            None => talk.line(
                "put-back-late",
                &[("days", usize::try_from(BIN_DAYS).unwrap_or_default().into())],
            ),
        };
        list(talk);
        return talk.preface(text);
    };
    if talk.record.cards.len() >= MAX_CARDS {
        let text = talk.line("cards-full", &[("most", MAX_CARDS.into())]);
        list(talk);
        return talk.preface(text);
    }
    let mut removed = talk.record.bin.remove(at);
    removed.card.label = free_label(talk, &removed.card.label);
    let text = talk.line("put-back", &[("label", removed.card.label.as_str().into())]);
    let place = removed.place.min(talk.record.cards.len());
    talk.record.cards.insert(place, removed.card);
    if matches!(talk.record.activity, Activity::CheckingOutcome { card } if card == id) {
        talk.leave();
    }
    list(talk);
    talk.preface(text);
}

fn free_label(talk: &Talk<'_>, label: &str) -> String {
    let taken = |wanted: &str| {
        talk.record
            .cards
            .iter()
            .any(|card| card.label.to_lowercase() == wanted.to_lowercase())
    };
    let numbered = (2..).map(|number| format!("{label} {number}"));
    std::iter::once(label.to_owned())
        .chain(numbered)
        .find(|wanted| !taken(wanted))
        .unwrap_or_default()
}

/// Says that a card is no longer on the list, and shows the list.
pub(super) fn say_gone(talk: &mut Talk<'_>) {
    let text = talk.line("card-gone", &[]);
    list(talk);
    talk.preface(text);
}

/// A card as a button.
pub(super) fn card_button(talk: &Talk<'_>, card: &Card, choice: Choice) -> Button {
    talk.button_reading(
        format!("{} · {}", card.label, wallet_name(talk, &card.wallet)),
        choice,
    )
}

/// A wallet's name in the language of the talk; its id, should the base no longer know it.
pub(super) fn wallet_name(talk: &Talk<'_>, wallet: &EntryId) -> String {
    let text = talk
        .base
        .knowledge
        .guides
        .get(wallet)
        .and_then(|guide| guide.text(talk.language));
    text.map_or_else(|| wallet.to_string(), |text| text.name.clone())
}

fn place_name(talk: &Talk<'_>, card: &Card) -> String {
    let wallet = wallet_name(talk, &card.wallet);
    match card.system {
        Some(system) => format!(
            "{wallet} · {}",
            talk.words(&format!("system-{}", system.code()), &[])
        ),
        None => wallet,
    }
}

/// All that is known of a card, in one line, to be noted down.
pub(super) fn details(talk: &Talk<'_>, card: &Card) -> String {
    let kind = card
        .kind
        .map(|kind| talk.words(&format!("kind-{}", kind.code()), &[]));
    [Some(card.label.clone()), Some(place_name(talk, card)), kind]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" · ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_one_visible_line() {
        for (typed, label) in [
            ("  Office \n 2 ", "Office 2"),
            ("\u{202e}家\u{200b}", "家"),
            ("👨‍👩‍👧 home", "👨‍👩‍👧 home"),
            ("\u{7}", ""),
            ("", ""),
        ] {
            assert_eq!(clean_label(typed), label);
        }
    }

    #[test]
    fn digits_in_a_row_look_secret_however_they_are_spaced() {
        for secret in ["12345", "6222 0210", "卡 1-2-3-4-5", "１２３４５"] {
            assert!(looks_secret(secret), "{secret}");
        }
        for name in ["Room 4711", "3号楼2单元", "", "🏢 12", "B12 C34"] {
            assert!(!looks_secret(name), "{name}");
        }
    }
}
