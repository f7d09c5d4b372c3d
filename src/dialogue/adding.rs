//! Adding a card: its label, its wallet, and where it matters the phone system and the kind. The wallet of a card on the
//! list is told anew the same way.
//!
//! What may stand on a card is `label`'s; the list it comes to is `cards`'.

use super::{
    Activity, Card, CardDraft, CardId, Choice, Field, Reply, answer, cards, follow_up,
    label::{self, LabelFault},
    record::Deed,
    removal, steps,
    talk::Talk,
};
use crate::knowledge::{CardKind, EntryId, PhoneSystem};

/// What is said to the bot, and is hardly meant as the name of a card.
const CONTROL_WORDS: [&str; 7] = [
    "words-yes",
    "words-no",
    "words-done",
    "words-undo",
    "words-not-sure",
    "words-pause",
    "words-help",
];
/// More words than that are no answer to which phone it is.
const MAX_ANSWER_UNITS: usize = 6;
/// Labels offered for a new card.
const LABELS: [&str; 4] = ["home", "office", "school", "gate"];

/// Begins to add a card; its removal follows, if that is what it is for.
pub(super) fn begin(talk: &mut Talk<'_>) {
    if let Some(full) = cards::full(talk) {
        return talk.show(Reply::new(full).row([talk.button("button-cards", Choice::Cards(0))]));
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

/// Begins to tell anew which wallet a card is in.
pub(super) fn begin_changing(talk: &mut Talk<'_>, card: &Card) {
    let draft = CardDraft {
        label: Some(card.label.clone()),
        changes: Some(card.id),
        ..CardDraft::default()
    };
    talk.set_aside_for(Activity::Adding {
        draft,
        then_unbind: false,
    });
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
        Missing::Nothing(label, wallet) => {
            return match draft.changes {
                Some(card) => change(talk, &draft, card, wallet),
                None => add(talk, &draft, label, wallet, then_unbind),
            };
        }
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
    match draft.changes {
        Some(_) => draft.wallet.is_some(),
        None => draft.label.is_some() || (then_unbind && !talk.record.cards.is_empty()),
    }
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
    let free = |name: &&&str| {
        label::free_label(talk, &talk.words(&format!("label-{name}"), &[]), None).is_ok()
    };
    let buttons = LABELS
        .iter()
        .filter(free)
        .map(|name| talk.button(&format!("label-{name}"), Choice::Label((*name).to_owned())));
    let reply = Reply::new(talk.line("add-label", &[]));
    answer::with_paired(reply, buttons.collect())
}

fn ask_wallet(talk: &Talk<'_>, label: &str) -> Reply {
    let guides = talk.base.knowledge.guides_in_order();
    let buttons = guides.into_iter().map(|(id, _)| {
        talk.button_reading(cards::wallet_name(talk, id), Choice::Wallet(id.clone()))
    });
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
        || draft.changes.is_none() && draft.label.take().is_some();
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
    let is_answer = CONTROL_WORDS.iter().any(|words| talk.means(typed, words));
    if is_answer {
        let text = talk.line("label-word", &[]);
        ask_next(talk);
        return talk.preface(text);
    }
    match (
        label::free_label(talk, typed, None),
        &mut talk.record.activity,
    ) {
        (Ok(label), Activity::Adding { draft, .. }) => {
            draft.label = Some(label);
            ask_next(talk);
        }
        (Err(fault), _) => refuse(talk, fault, typed),
        (Ok(_), _) => {}
    }
}

fn refuse(talk: &mut Talk<'_>, fault: LabelFault, typed: &str) {
    if fault.is_secret() {
        talk.take_away();
    }
    let text = fault.say(talk, typed);
    ask_next(talk);
    talk.preface(text);
}

/// What was typed where a wallet, a phone or a kind is asked for; whether it answers that.
pub(super) fn answered(talk: &mut Talk<'_>, typed: &str) -> bool {
    let Activity::Adding { draft, .. } = &talk.record.activity else {
        return false;
    };
    match missing(talk, draft) {
        Missing::Wallet(_) => wallet_typed(talk, typed),
        Missing::System(_, systems) => system_typed(talk, typed, &systems),
        Missing::Kind(..) if talk.means(typed, "words-not-sure") => {
            fill(talk, |draft| draft.kind_skipped = true);
            true
        }
        _ => false,
    }
}

/// A phone named in words.
fn system_typed(talk: &mut Talk<'_>, typed: &str, offered: &[PhoneSystem]) -> bool {
    let named = talk.systems_in(typed);
    let mut meant = offered.iter().filter(|system| named.contains(system));
    let (Some(system), None) = (meant.next(), meant.next()) else {
        return false;
    };
    let is_short = follow_up::units(typed) <= MAX_ANSWER_UNITS;
    if is_short {
        fill(talk, |draft| draft.system = Some(*system));
    }
    is_short
}

/// Leaves of a card that came from elsewhere only what the base knows: its wallet, and a phone and kind that has.
pub(super) fn fit_to_base(talk: &Talk<'_>, card: &mut Card) {
    let guides = &talk.base.knowledge.guides;
    if !guides.contains_key(&card.wallet)
        && let Ok(general) = steps::GENERAL_GUIDE.parse()
    {
        card.wallet = general;
    }
    let guide = guides.get(&card.wallet);
    let has = |system: &PhoneSystem| guide.is_some_and(|guide| guide.systems.contains(system));
    let holds = |kind: &CardKind| guide.is_some_and(|guide| guide.kinds.contains(kind));
    card.system = card.system.filter(has);
    card.kind = card.kind.filter(holds);
}

/// A wallet named in words instead of pressed: by its name or one of its aliases.
fn wallet_typed(talk: &mut Talk<'_>, typed: &str) -> bool {
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
    let id = cards::put_on_list(talk, |id, added| Card {
        system: draft.system,
        kind: draft.kind,
        ..Card::new(id, label.clone(), wallet, added)
    });
    let text = talk.line("card-added", &[("label", label.into())]);
    if then_unbind {
        removal::guide_card(talk, id);
        return talk.preface(text);
    }
    talk.leave();
    match talk.record.activity.is_removal() {
        true => removal::show(talk),
        false => cards::list(talk, 0),
    }
    talk.preface(text);
}

fn change(talk: &mut Talk<'_>, draft: &CardDraft, id: CardId, wallet: EntryId) {
    let now = talk.now;
    talk.leave();
    let Some(card) = talk.record.cards.iter_mut().find(|card| card.id == id) else {
        return cards::say_gone(talk);
    };
    card.wallet = wallet;
    (card.system, card.kind) = (draft.system, draft.kind);
    card.note(Deed::Changed(Field::Wallet), now);
    cards::show_changed(talk, id);
}
