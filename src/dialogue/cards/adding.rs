//! Adding a card: asks for its label, its wallet, and if the steps depend on them the phone system and the kind.
//! Changing the wallet of a listed card asks the same questions.
//!
//! `card_text` validates labels; `settle` calls [`finish_if_complete`] to put a complete draft on the list.

use crate::{
    dialogue::{
        buttons,
        cards::{card_text, list},
        choice::{Choice, Field},
        ids::CardId,
        record::{Activity, Card, CardDraft, CardEvent},
        removal::stages,
        reply::Reply,
        said::{Answered, Part},
        screen::Screen,
        turn::TurnBuilder,
        wording,
        words::count_units,
    },
    knowledge::{CardKind, EntryId, PhoneSystem, guide::GENERAL_GUIDE},
};

/// Lines with words that are answers to the bot, and not accepted as the name of a card.
const CONTROL_WORDS: [&str; 7] = [
    "words-yes",
    "words-no",
    "words-done",
    "words-undo",
    "words-not-sure",
    "words-pause",
    "words-help",
];
/// Units of the longest text that counts as an answer to which phone it is.
const MAX_ANSWER_UNITS: usize = 6;
/// The labels offered for a new card, as the names in their buttons and lines.
const LABELS: [&str; 4] = ["home", "office", "school", "gate"];

/// Begins to add a card; its removal follows if a card was being chosen for removal.
pub(crate) fn begin(turn: &mut TurnBuilder<'_>) {
    if list::full_note(turn).is_some() {
        return turn.show(Screen::CardsFull);
    }
    let then_unbind = turn.record.activity == Activity::ChoosingCard;
    let adding = Activity::Adding {
        draft: CardDraft::default(),
        then_unbind,
    };
    if then_unbind {
        turn.record.activity = adding;
    } else {
        turn.record.set_aside_for(adding);
    }
    turn.show(Screen::Present);
}

/// Begins to change the wallet of a card.
pub(crate) fn begin_changing(turn: &mut TurnBuilder<'_>, card: &Card) {
    let draft = CardDraft {
        label: Some(card.label.clone()),
        changes: Some(card.id),
        ..CardDraft::default()
    };
    turn.record.set_aside_for(Activity::Adding {
        draft,
        then_unbind: false,
    });
    turn.show(Screen::Present);
}

/// Changes the draft and asks the next question; does nothing if no card is being added.
pub(crate) fn update_draft(turn: &mut TurnBuilder<'_>, update: impl FnOnce(&mut CardDraft)) {
    if let Activity::Adding { draft, .. } = &mut turn.record.activity {
        update(draft);
        turn.show(Screen::Present);
    }
}

/// Goes back one question; leaves the procedure from the first one.
pub(crate) fn back(turn: &mut TurnBuilder<'_>) {
    let Activity::Adding { draft, then_unbind } = &mut turn.record.activity else {
        return;
    };
    let taken_back = draft.kind.take().is_some()
        || std::mem::take(&mut draft.kind_skipped)
        || draft.system.take().is_some()
        || draft.wallet.take().is_some()
        || draft.changes.is_none() && draft.label.take().is_some();
    if taken_back {
        turn.show(Screen::Present);
    } else if *then_unbind && !turn.record.cards.is_empty() {
        turn.record.activity = Activity::ChoosingCard;
        turn.show(Screen::Present);
    } else {
        turn.leave_procedure();
    }
}

/// Takes one of the offered labels.
pub(crate) fn choose_label(turn: &mut TurnBuilder<'_>, name: &str) {
    // An old or forged button may be pressed while no card is being added.
    let is_adding = matches!(turn.record.activity, Activity::Adding { .. });
    if is_adding && LABELS.contains(&name) {
        let label = turn.label(&format!("label-{name}"), &[]);
        take_label(turn, &label);
    } else {
        turn.show(Screen::Present);
    }
}

/// Takes a typed label.
pub(crate) fn take_label(turn: &mut TurnBuilder<'_>, typed: &str) {
    let words = turn.words();
    if CONTROL_WORDS.iter().any(|line| words.means(typed, line)) {
        turn.note(turn.line("label-word", &[]));
        return turn.show(Screen::Present);
    }
    match card_text::parse_unused_label(&turn.record, typed, None) {
        Ok(label) => {
            turn.note_answered(Answered::Draft(Part::Label));
            update_draft(turn, |draft| draft.label = Some(label));
        }
        Err(fault) => card_text::refuse(turn, fault, typed),
    }
}

/// Takes the wallet that was named or pressed.
pub(crate) fn choose_wallet(turn: &mut TurnBuilder<'_>, wallet: EntryId) {
    turn.note_answered(Answered::Draft(Part::Wallet));
    update_draft(turn, |draft| draft.wallet = Some(wallet));
}

/// Takes the phone system that was named or pressed.
pub(crate) fn choose_system(turn: &mut TurnBuilder<'_>, system: PhoneSystem) {
    turn.note_answered(Answered::Draft(Part::System));
    update_draft(turn, |draft| draft.system = Some(system));
}

/// Takes a typed answer to the question for a wallet, a phone or a kind. Returns whether the text was such an answer.
pub(crate) fn take_answer(turn: &mut TurnBuilder<'_>, typed: &str) -> bool {
    let Activity::Adding { draft, .. } = &turn.record.activity else {
        return false;
    };
    match first_missing(turn, draft) {
        Missing::Wallet(_) => take_wallet(turn, typed),
        Missing::System(_, systems) => take_system(turn, typed, &systems),
        Missing::Kind(..) => take_not_sure(turn, typed),
        Missing::Label | Missing::Nothing(..) => false,
    }
}

/// Takes a wallet that was typed: by its name or one of its aliases.
fn take_wallet(turn: &mut TurnBuilder<'_>, typed: &str) -> bool {
    let wallet = wallet_called(turn, typed);
    let is_named = wallet.is_some();
    if let Some(wallet) = wallet {
        choose_wallet(turn, wallet);
    }
    is_named
}

/// The wallet with this name or alias.
fn wallet_called(turn: &TurnBuilder<'_>, typed: &str) -> Option<EntryId> {
    let typed = typed.trim().to_lowercase();
    let guides = turn.base.knowledge.guides_in_order();
    let named = guides
        .into_iter()
        .find(|(_, guide)| guide.names().any(|name| name.to_lowercase() == typed));
    named.map(|(id, _)| id.clone())
}

/// The wallet that a short text names.
fn wallet_named(turn: &TurnBuilder<'_>, typed: &str) -> Option<EntryId> {
    let is_short = count_units(typed) <= MAX_ANSWER_UNITS;
    let named = || turn.words().wallet_in(typed).filter(|_| is_short);
    wallet_called(turn, typed).or_else(named)
}

/// Takes another wallet for the card being added; what was said about the first one is asked again. Returns whether the
/// text names one.
pub(crate) fn correct_wallet(turn: &mut TurnBuilder<'_>, typed: &str) -> bool {
    let wallet = wallet_named(turn, typed);
    let is_named = wallet.is_some();
    if let (Some(wallet), Activity::Adding { draft, .. }) = (wallet, &mut turn.record.activity) {
        (draft.system, draft.kind, draft.kind_skipped) = (None, None, false);
        choose_wallet(turn, wallet);
    }
    is_named
}

/// Takes another phone system for the card being added. Returns whether the text names one.
pub(crate) fn correct_system(turn: &mut TurnBuilder<'_>, typed: &str) -> bool {
    let Activity::Adding { draft, .. } = &turn.record.activity else {
        return false;
    };
    let wallet = draft.wallet.as_ref();
    let guide = wallet.and_then(|wallet| turn.base.knowledge.guides.get(wallet));
    guide.is_some_and(|guide| take_system(turn, typed, &guide.systems))
}

/// Takes another wallet or phone system for a card that was just added. Returns whether the text names one.
pub(crate) fn correct_place(turn: &mut TurnBuilder<'_>, id: CardId, typed: &str) -> bool {
    let Some(mut card) = turn.record.card(id).cloned() else {
        return false;
    };
    let wallet = wallet_named(turn, typed);
    let system = turn.words().systems_in(typed).into_iter().next();
    if wallet.is_none() && system.is_none() {
        return false;
    }
    card.wallet = wallet.unwrap_or(card.wallet);
    card.system = system.or(card.system);
    fit_to_base(turn, &mut card);
    card.note(CardEvent::Changed(Field::Wallet), turn.now);
    if let Some(kept) = turn.record.card_mut(id) {
        *kept = card;
    }
    list::show_changed(turn, id);
    true
}

/// Takes a phone system that was typed.
fn take_system(turn: &mut TurnBuilder<'_>, typed: &str, offered: &[PhoneSystem]) -> bool {
    let named = turn.words().systems_in(typed);
    let mut meant = offered.iter().filter(|system| named.contains(system));
    let (Some(system), None) = (meant.next(), meant.next()) else {
        return false;
    };
    let is_short = count_units(typed) <= MAX_ANSWER_UNITS;
    if is_short {
        choose_system(turn, *system);
    }
    is_short
}

/// Takes “not sure” as the answer to the question for the kind.
fn take_not_sure(turn: &mut TurnBuilder<'_>, typed: &str) -> bool {
    let is_meant = turn.words().means(typed, "words-not-sure");
    if is_meant {
        update_draft(turn, |draft| draft.kind_skipped = true);
    }
    is_meant
}

/// Fits an imported card to the base: an unknown wallet becomes the general guide, and a phone system or kind that the
/// wallet's guide does not list is dropped.
pub(crate) fn fit_to_base(turn: &TurnBuilder<'_>, card: &mut Card) {
    let guides = &turn.base.knowledge.guides;
    if !guides.contains_key(&card.wallet)
        && let Ok(general) = GENERAL_GUIDE.parse()
    {
        card.wallet = general;
    }
    let guide = guides.get(&card.wallet);
    let has = |system: &PhoneSystem| guide.is_some_and(|guide| guide.systems.contains(system));
    let holds = |kind: &CardKind| guide.is_some_and(|guide| guide.kinds.contains(kind));
    card.system = card.system.filter(has);
    card.kind = card.kind.filter(holds);
}

/// Adds or changes the card if the draft is complete. Returns whether it was complete.
pub(crate) fn finish_if_complete(
    turn: &mut TurnBuilder<'_>,
    draft: &CardDraft,
    then_unbind: bool,
) -> bool {
    let Missing::Nothing(label, wallet) = first_missing(turn, draft) else {
        return false;
    };
    match draft.changes {
        Some(card) => change(turn, draft, card, wallet),
        None => add(turn, draft, label, wallet, then_unbind),
    }
    true
}

fn add(
    turn: &mut TurnBuilder<'_>,
    draft: &CardDraft,
    label: String,
    wallet: EntryId,
    then_unbind: bool,
) {
    turn.note(turn.line("card-added", &[("label", label.as_str().into())]));
    let now = turn.now;
    let id = turn.record.add_card(|id| Card {
        system: draft.system,
        kind: draft.kind,
        ..Card::new(id, label, wallet, now)
    });
    turn.record.note_draft_is_card(id);
    if then_unbind {
        return stages::guide_card(turn, id);
    }
    turn.record.leave();
    turn.show(if turn.record.activity.is_removal() {
        Screen::Present
    } else {
        Screen::Cards(0)
    });
}

fn change(turn: &mut TurnBuilder<'_>, draft: &CardDraft, id: CardId, wallet: EntryId) {
    let now = turn.now;
    turn.record.leave();
    turn.record.note_draft_is_card(id);
    let Some(card) = turn.record.card_mut(id) else {
        return turn.show_card_missing();
    };
    card.wallet = wallet;
    (card.system, card.kind) = (draft.system, draft.kind);
    card.note(CardEvent::Changed(Field::Wallet), now);
    list::show_changed(turn, id);
}

/// The first field missing from a draft, with the data its question needs; `Nothing` carries the label and wallet.
enum Missing {
    Label,
    Wallet(String),
    System(String, Vec<PhoneSystem>),
    Kind(String, Vec<CardKind>),
    Nothing(String, EntryId),
}

fn first_missing(turn: &TurnBuilder<'_>, draft: &CardDraft) -> Missing {
    let Some(label) = draft.label.clone() else {
        return Missing::Label;
    };
    let known = draft
        .wallet
        .clone()
        .and_then(|wallet| Some((turn.base.knowledge.guides.get(&wallet)?, wallet)));
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

/// Whether the question for the label is open.
pub(crate) fn awaits_label(draft: &CardDraft) -> bool {
    draft.label.is_none()
}

/// The question for the first missing field; `None` if the draft is complete.
pub(crate) fn draw(turn: &TurnBuilder<'_>, draft: &CardDraft, then_unbind: bool) -> Option<Reply> {
    let reply = match first_missing(turn, draft) {
        Missing::Label => draw_label(turn),
        Missing::Wallet(label) => draw_wallet(turn, &label),
        Missing::System(label, systems) => draw_system(turn, &label, &systems),
        Missing::Kind(label, kinds) => draw_kind(turn, &label, &kinds),
        Missing::Nothing(..) => return None,
    };
    let back = || turn.button("button-back", Choice::Back);
    let back = has_way_back(turn, draft, then_unbind).then(back);
    let cancel = turn.button("button-cancel", Choice::Cancel);
    Some(reply.row(back.into_iter().chain([cancel])))
}

/// Whether there is an earlier question, or a list of cards, to go back to.
fn has_way_back(turn: &TurnBuilder<'_>, draft: &CardDraft, then_unbind: bool) -> bool {
    match draft.changes {
        Some(_) => draft.wallet.is_some(),
        None => draft.label.is_some() || (then_unbind && !turn.record.cards.is_empty()),
    }
}

fn draw_label(turn: &TurnBuilder<'_>) -> Reply {
    let is_unused = |name: &&&str| {
        let label = turn.label(&format!("label-{name}"), &[]);
        card_text::parse_unused_label(&turn.record, &label, None).is_ok()
    };
    let to_button = |name: &&str| {
        let choice = Choice::Label((*name).to_owned());
        turn.button(&format!("label-{name}"), choice)
    };
    let offered = LABELS.iter().filter(is_unused).map(to_button);
    let reply = Reply::new(turn.line("add-label", &[]));
    buttons::with_paired(reply, offered.collect())
}

fn draw_wallet(turn: &TurnBuilder<'_>, label: &str) -> Reply {
    let guides = turn.base.knowledge.guides_in_order().into_iter();
    let wallets = guides.map(|(id, _)| {
        turn.button_labelled(wording::wallet_name(turn, id), Choice::Wallet(id.clone()))
    });
    let reply = Reply::new(turn.line("add-wallet", &[("label", label.into())]));
    buttons::with_paired(reply, wallets.collect())
}

fn draw_system(turn: &TurnBuilder<'_>, label: &str, systems: &[PhoneSystem]) -> Reply {
    let systems = systems.iter().map(|system| {
        let line = format!("system-{}", system.code());
        turn.button(&line, Choice::System(*system))
    });
    let reply = Reply::new(turn.line("add-system", &[("label", label.into())]));
    buttons::with_paired(reply, systems.collect())
}

fn draw_kind(turn: &TurnBuilder<'_>, label: &str, kinds: &[CardKind]) -> Reply {
    let reply = Reply::new(turn.line("add-kind", &[("label", label.into())]));
    let add_kind = |reply: Reply, kind: &CardKind| {
        let line = format!("kind-{}", kind.code());
        reply.row([turn.button(&line, Choice::Kind(*kind))])
    };
    let reply = kinds.iter().fold(reply, add_kind);
    reply.row([turn.button("button-skip", Choice::Skip)])
}
