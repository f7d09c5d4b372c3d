//! The guided removal:
//!
//! ```text
//! /unbind → Which card shall we take out?   [Office · Apple Wallet] [Another card] [Cancel]
//!         → Why do you take it out?         [New card] [New phone] [Misuse] [Tidying up] [Skip]
//!         → Office · step 1 of 5 …          [Done] [It looks different] [Back] [Pause] [Cancel]
//!         → Type your PIN.                  (only where the owner set that up)
//!         → Take “Office” off your list?    [Yes, take “Office” off] [Send me the details] [No, keep it]
//!         → ✅ off your list. Is it gone?    [Yes, gone] [Still there] [Not sure] [Undo]
//! ```
//! The phone's owner takes the card out of the wallet; the bot takes it off its own list, after an explicit yes in this
//! very removal. Here is the way from stage to stage up to the last step; how steps look is `steps`', what comes
//! after them `confirmation`'s and `outcome`'s.

use super::{
    Activity, Button, Card, CardDraft, CardId, Choice, Page, Place, Reason, Removal, Reply, Stage,
    adding, answer, cards, confirmation, label, outcome, record::UNFINISHED_DAYS, reply::Action,
    steps, talk::Talk,
};
use crate::knowledge::EntryId;

/// Entries that tell why a card is taken out: who begins from one of them is not asked again.
const REASON_ENTRIES: [(&str, Reason); 4] = [
    ("reason-card-replaced", Reason::NewCard),
    ("reason-phone-replaced", Reason::NewPhone),
    ("reason-security", Reason::Misuse),
    ("reason-declutter", Reason::TidyingUp),
];

/// Begins a removal, of a card in `wallet` if one is named; goes on with the one under way.
pub(super) fn begin(talk: &mut Talk<'_>, wallet: Option<EntryId>) {
    if talk.place == Place::Group {
        return ask_into_private(talk, "unbind");
    }
    if talk.base.knowledge.guides.is_empty() {
        let text = talk.line("no-guide", &[]);
        return talk.say(Reply::new(text));
    }
    let under_way = talk.record.activity.removal().map(Removal::is_open);
    if under_way == Some(true) || talk.record.activity == Activity::ChoosingCard {
        return show(talk);
    }
    talk.record.suspended = None;
    let fits = |card: &Card| wallet.as_ref().is_none_or(|wallet| card.wallet == *wallet);
    if talk.record.cards.iter().any(fits) {
        talk.record.activity = Activity::ChoosingCard;
        show(talk);
    } else {
        let draft = CardDraft {
            wallet,
            ..CardDraft::default()
        };
        talk.record.activity = Activity::Adding {
            draft,
            then_unbind: true,
        };
        adding::ask_next(talk);
    }
}

/// Sends a personal matter from a group to the private chat.
pub(super) fn ask_into_private(talk: &mut Talk<'_>, payload: &str) {
    let text = talk.line("busy-here", &[]);
    let button = Button {
        label: talk.words("button-private", &[]),
        action: Action::PrivateChat(payload.to_owned()),
    };
    talk.say(Reply::new(text).row([button]));
}

/// Takes this card out: goes on where its removal was, or begins one.
pub(super) fn guide_card(talk: &mut Talk<'_>, card: CardId) {
    if talk.record.card(card).is_none() {
        return cards::say_gone(talk);
    }
    let under_way = |activity: &Activity| {
        let removal = activity.removal();
        removal.is_some_and(|removal| removal.card == card && removal.is_open())
    };
    if talk.record.suspended.as_ref().is_some_and(under_way) {
        talk.leave();
    }
    if !under_way(&talk.record.activity) {
        set_others_aside(talk);
        talk.record.activity = Activity::Removing(resumed(talk, card));
    }
    show(talk);
}

/// A removal under way is paused by beginning another one.
fn set_others_aside(talk: &mut Talk<'_>) {
    let suspended = talk.record.suspended.take();
    let present = std::mem::take(&mut talk.record.activity);
    for activity in suspended.into_iter().chain([present]) {
        if let Activity::Removing(removal) = activity {
            set_aside(talk, removal);
        }
    }
}

fn set_aside(talk: &mut Talk<'_>, removal: Removal) {
    if removal.is_open() {
        forget_aside(talk, removal.card);
        talk.record.paused.push(Removal {
            set_aside: Some(talk.now),
            ..removal
        });
    }
}

/// Nothing is set aside for this card any more.
pub(super) fn forget_aside(talk: &mut Talk<'_>, card: CardId) {
    talk.record.paused.retain(|paused| paused.card != card);
    if talk
        .record
        .cancelled
        .as_ref()
        .is_some_and(|removal| removal.card == card)
    {
        talk.record.cancelled = None;
    }
}

/// The paused removal of a card, or a new one.
fn resumed(talk: &mut Talk<'_>, card: CardId) -> Removal {
    let mut paused = talk.record.paused.iter();
    if let Some(at) = paused.position(|removal| removal.card == card) {
        return taken_up(talk.record.paused.remove(at));
    }
    forget_aside(talk, card);
    let reason = reason_talked_of(talk);
    let stage = match reason {
        Some(reason) => first_stage(talk, card, reason),
        None => Stage::Reason,
    };
    Removal {
        card,
        reason,
        proved: false,
        stage,
        set_aside: None,
    }
}

/// What was set aside does not prove anything any more: another person may have the phone by now.
fn taken_up(removal: Removal) -> Removal {
    Removal {
        proved: false,
        set_aside: None,
        ..removal
    }
}

/// The reason, if one was just read about.
fn reason_talked_of(talk: &Talk<'_>) -> Option<Reason> {
    let last = talk.record.last_answer.as_ref()?.entry.as_str();
    let known = REASON_ENTRIES.iter().find(|(entry, _)| *entry == last)?;
    Some(known.1)
}

/// Why the card is taken out, pressed; it decides how fast it goes.
pub(super) fn reason_given(talk: &mut Talk<'_>, reason: Reason) {
    let Activity::Removing(removal) = talk.record.activity.clone() else {
        return show(talk);
    };
    if removal.stage == Stage::Reason {
        let stage = first_stage(talk, removal.card, reason);
        talk.record.activity = Activity::Removing(Removal {
            reason: Some(reason),
            stage,
            ..removal
        });
    }
    show(talk);
}

/// Goes back to the first step, once it is known why the card is taken out.
pub(super) fn start_over(talk: &mut Talk<'_>) {
    let under_way = talk.record.activity.removal();
    let known = under_way.and_then(|removal| Some((removal.card, removal.reason?)));
    if let Some((card, reason)) = known {
        let stage = first_stage(talk, card, reason);
        go_to(talk, stage);
    }
    show(talk);
}

/// Misuse is a hurry: all steps at once.
fn first_stage(talk: &Talk<'_>, card: CardId, reason: Reason) -> Stage {
    let steps = talk.record.card(card).map(|card| steps::of(talk, card));
    match steps.unwrap_or_default().first() {
        Some(_) if reason == Reason::Misuse => Stage::AllSteps,
        Some(step) => Stage::Step(step.id.clone()),
        None => Stage::Confirmation,
    }
}

/// Shows where the removal is; nothing, if there is none.
pub(super) fn show(talk: &mut Talk<'_>) {
    match talk.record.activity.clone() {
        Activity::ChoosingCard => show_choice(talk, 0),
        Activity::Removing(removal) if removal.is_open() => {
            match talk.record.card(removal.card).cloned() {
                Some(card) => show_stage(talk, &removal, &card),
                None => abandon(talk),
            }
        }
        Activity::Removing(removal) => outcome::ask(talk, removal.card),
        _ => {}
    }
}

fn show_stage(talk: &mut Talk<'_>, removal: &Removal, card: &Card) {
    match &removal.stage {
        Stage::Reason => show_reasons(talk, card),
        Stage::Step(step) => steps::show_one(talk, removal, card, step),
        Stage::AllSteps => steps::show_all(talk, card),
        Stage::Proof => confirmation::ask_proof(talk, card),
        Stage::Confirmation => confirmation::show(talk, removal, card),
        Stage::Outcome => {}
    }
}

/// The card went away from under the removal (removed elsewhere, or an import).
pub(super) fn abandon(talk: &mut Talk<'_>) {
    talk.record.activity = Activity::Idle;
    cards::say_gone(talk);
}

/// Moves the removal under way to another stage.
pub(super) fn go_to(talk: &mut Talk<'_>, stage: Stage) {
    if let Activity::Removing(removal) = &mut talk.record.activity {
        removal.stage = stage;
    }
}

/// A page of the cards to choose from; passed over where none is to be chosen.
pub(super) fn choose(talk: &mut Talk<'_>, page: Page) {
    match talk.record.activity {
        Activity::ChoosingCard => show_choice(talk, page),
        _ => show(talk),
    }
}

fn show_choice(talk: &mut Talk<'_>, page: Page) {
    let buttons = talk.record.cards.iter().map(|card| {
        let button = cards::card_button(talk, card, Choice::UnbindCard(card.id));
        let mut paused = talk.record.paused.iter();
        match paused.any(|removal| removal.card == card.id) {
            true => Button {
                label: format!("⏸ {}", button.label),
                ..button
            },
            false => button,
        }
    });
    let reply = Reply::new(talk.line("choose-card", &[]));
    let reply = cards::paged(talk, reply, buttons.collect(), page, Choice::Choose);
    talk.show(reply.row([
        talk.button("button-another-card", Choice::AddCard),
        talk.button("button-cancel", Choice::Cancel),
    ]));
}

/// A card's label, typed where a card is to be chosen.
pub(super) fn choose_by_label(talk: &mut Talk<'_>, text: &str) -> bool {
    let mut cards = talk.record.cards.iter();
    let chosen = cards.find(|card| label::is_same(&card.label, text.trim()));
    let Some(card) = chosen.map(|card| card.id) else {
        return false;
    };
    guide_card(talk, card);
    true
}

fn show_reasons(talk: &mut Talk<'_>, card: &Card) {
    let text = talk.line("why", &[("label", card.label.as_str().into())]);
    let reasons = Reason::OFFERED.into_iter().map(|reason| {
        let line = format!("reason-{}", reason.code());
        talk.button(&line, Choice::Why(reason))
    });
    let reply = answer::with_paired(Reply::new(text), reasons.collect());
    let skip = talk.button("button-skip-reason", Choice::Why(Reason::Unsaid));
    talk.show(reply.row([skip]).row([
        talk.button("button-back", Choice::Back),
        talk.button("button-cancel", Choice::Cancel),
    ]));
}

/// The present step is done.
pub(super) fn done(talk: &mut Talk<'_>) {
    let Some(removal) = talk.record.activity.removal().cloned() else {
        return show(talk);
    };
    match (&removal.stage, talk.record.card(removal.card).cloned()) {
        (Stage::Step(step), Some(card)) => {
            let steps = steps::of(talk, &card);
            let (index, unchanged) = steps::position(steps, step);
            // The press was on a step that is no more: what came before it has to be seen again, and why.
            if !unchanged && !steps.is_empty() {
                return show(talk);
            }
            match steps.get(index + 1) {
                Some(next) => {
                    go_to(talk, Stage::Step(next.id.clone()));
                    show(talk);
                }
                None => to_confirmation(talk),
            }
        }
        (Stage::AllSteps, Some(_)) => to_confirmation(talk),
        _ => show(talk),
    }
}

/// The stage before the present one; out of the removal to the choice of a card at its beginning.
pub(super) fn back(talk: &mut Talk<'_>) {
    let Some(removal) = talk.record.activity.removal().cloned() else {
        return show(talk);
    };
    let Some(card) = talk.record.card(removal.card).cloned() else {
        return abandon(talk);
    };
    let steps = steps::of(talk, &card);
    let last_step = || match steps.last() {
        Some(_) if removal.reason == Some(Reason::Misuse) => Stage::AllSteps,
        Some(step) => Stage::Step(step.id.clone()),
        None => Stage::Reason,
    };
    let before = match &removal.stage {
        Stage::Reason => {
            talk.record.activity = Activity::ChoosingCard;
            return show(talk);
        }
        Stage::Step(step) => match steps::position(steps, step) {
            // As above: what is no more has to be said.
            (_, false) => return show(talk),
            (index, true) => index
                .checked_sub(1)
                .map_or(Stage::Reason, |index| Stage::Step(steps[index].id.clone())),
        },
        Stage::AllSteps => Stage::Reason,
        Stage::Proof | Stage::Confirmation => last_step(),
        Stage::Outcome => return show(talk),
    };
    go_to(talk, before);
    show(talk);
}

/// All steps are done: the yes is next. Whether a proof is wanted before it is `confirmation`'s to see.
pub(super) fn to_confirmation(talk: &mut Talk<'_>) {
    go_to(talk, Stage::Confirmation);
    show(talk);
}

/// Sets the removal aside, to be taken up again.
pub(super) fn pause(talk: &mut Talk<'_>) {
    let Activity::Removing(removal) = talk.record.activity.clone() else {
        return show(talk);
    };
    if !removal.is_open() {
        return show(talk);
    }
    let label = label_of(talk, removal.card);
    let card = removal.card;
    set_aside(talk, removal);
    talk.record.activity = Activity::Idle;
    let text = talk.line(
        "paused",
        &[("label", label.into()), ("days", UNFINISHED_DAYS.into())],
    );
    talk.show(Reply::new(text).row([
        talk.button("button-resume", Choice::UnbindCard(card)),
        talk.button("button-cards", Choice::Cards(0)),
    ]));
}

/// Leaves the removal, or whatever else is under way; nothing was removed.
pub(super) fn cancel(talk: &mut Talk<'_>) {
    match talk.record.activity.clone() {
        Activity::Idle => say_stopped(talk, "nothing-to-cancel", None),
        Activity::Removing(removal) if removal.is_open() => cancel_removal(talk, removal),
        Activity::Removing(removal) => outcome::leave_open(talk, removal.card),
        _ => {
            talk.leave();
            match talk.record.activity {
                Activity::Idle => say_stopped(talk, "cancelled", None),
                _ => show(talk),
            }
        }
    }
}

/// Nothing is lost by it: a tap takes it up again.
fn cancel_removal(talk: &mut Talk<'_>, removal: Removal) {
    let line = match removal.stage {
        Stage::Confirmation => "kept",
        _ => "cancelled",
    };
    let label = label_of(talk, removal.card);
    talk.leave();
    talk.record.cancelled = Some(Removal {
        set_aside: Some(talk.now),
        ..removal
    });
    say_stopped(talk, line, Some(label));
}

fn say_stopped(talk: &mut Talk<'_>, line: &str, label: Option<String>) {
    let first = match label {
        Some(_) => talk.button("button-uncancel", Choice::Uncancel),
        None => talk.button("button-guide", Choice::Unbind),
    };
    let text = talk.line(line, &[("label", label.unwrap_or_default().into())]);
    talk.show(Reply::new(text).row([first]).row([
        talk.button("button-cards", Choice::Cards(0)),
        talk.button("button-help", Choice::Help),
    ]));
}

/// Takes up again what was cancelled last.
pub(super) fn uncancel(talk: &mut Talk<'_>) {
    let Some(removal) = talk.record.cancelled.take() else {
        return show(talk);
    };
    if talk.record.card(removal.card).is_none() {
        return cards::say_gone(talk);
    }
    set_others_aside(talk);
    forget_aside(talk, removal.card);
    talk.record.activity = Activity::Removing(taken_up(removal));
    show(talk);
}

/// What its owner calls a card, on the list or in the bin.
pub(super) fn label_of(talk: &Talk<'_>, card: CardId) -> String {
    let removed = talk.record.removed_card(card).map(|removed| &removed.card);
    let card = talk.record.card(card).or(removed);
    card.map(|card| card.label.clone()).unwrap_or_default()
}
