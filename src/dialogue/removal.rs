//! The guided removal:
//!
//! ```text
//! /unbind → Which card shall we take out?   [Office · Apple Wallet] [Another card] [Cancel]
//!         → Office · step 1 of 5 …          [Done] [It looks different] [Back] [Cancel]
//!         → Take “Office” off your list?    [Yes, take “Office” off] [No, keep it]
//!         → ✅ off your list. Is it gone?    [Yes, gone] [Still there] [Undo]
//! ```
//! The phone's owner takes the card out of the wallet; the bot takes it off its own list, after an explicit yes in this
//! very removal. What the steps say is data (`knowledge::guide`); adding and listing cards is `cards`'.

use super::{
    Activity, Button, Card, CardDraft, CardId, Choice, Place, RemovedCard, Reply, answer, cards,
    record::BIN_DAYS, reply::Action, talk::Talk,
};
use crate::{
    knowledge::{EntryId, Guide, GuideStep, guide::STEP_IDS},
    markup::RichText,
};

/// The guide for wallets that have none of their own.
pub(super) const GENERAL_GUIDE: &str = "other-wallets";
/// The entry shown when the card does not go away.
const STILL_SHOWN_ENTRY: &str = "problem-status-stale";

/// Begins a removal, of a card in `wallet` if one is named; goes on with the one under way.
pub(super) fn begin(talk: &mut Talk<'_>, wallet: Option<EntryId>) {
    if talk.place == Place::Group {
        return ask_into_private(talk, "unbind");
    }
    if talk.base.knowledge.guides.is_empty() {
        let text = talk.line("no-guide", &[]);
        return talk.say(Reply::new(text));
    }
    if talk.record.activity.is_removal()
        && !matches!(talk.record.activity, Activity::CheckingOutcome { .. })
    {
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
        cards::ask_next(talk);
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

/// Takes this card through the steps.
pub(super) fn guide_card(talk: &mut Talk<'_>, card: CardId) {
    let Some(steps) = talk.record.card(card).map(|card| steps_for(talk, card)) else {
        return cards::say_gone(talk);
    };
    match steps.first() {
        Some(step) => {
            talk.record.suspended = None;
            talk.record.activity = Activity::Guiding {
                card,
                step: step.id.clone(),
            };
        }
        None => talk.record.activity = Activity::Confirming { card },
    }
    show(talk);
}

/// Shows where the removal is; nothing, if there is none.
pub(super) fn show(talk: &mut Talk<'_>) {
    match talk.record.activity.clone() {
        Activity::ChoosingCard => show_choice(talk),
        Activity::Guiding { card, step } => match talk.record.card(card).cloned() {
            Some(card) => show_step(talk, &card, &step),
            None => abandon(talk),
        },
        Activity::Confirming { card } => match talk.record.card(card).cloned() {
            Some(card) => show_confirmation(talk, &card),
            None => abandon(talk),
        },
        Activity::CheckingOutcome { card } => show_outcome_question(talk, card),
        Activity::Idle | Activity::Adding { .. } | Activity::Renaming { .. } => {}
    }
}

/// The card went away from under the removal (removed elsewhere, or an import).
fn abandon(talk: &mut Talk<'_>) {
    talk.record.activity = Activity::Idle;
    cards::say_gone(talk);
}

fn show_choice(talk: &mut Talk<'_>) {
    let mut reply = Reply::new(talk.line("choose-card", &[]));
    let buttons: Vec<_> = talk
        .record
        .cards
        .iter()
        .map(|card| cards::card_button(talk, card, Choice::UnbindCard(card.id)))
        .collect();
    for button in buttons {
        reply = reply.row([button]);
    }
    talk.show(reply.row([
        talk.button("button-another-card", Choice::AddCard),
        talk.button("button-cancel", Choice::Cancel),
    ]));
}

/// A card's label, typed where a card is to be chosen.
pub(super) fn choose_by_label(talk: &mut Talk<'_>, text: &str) -> bool {
    let typed = text.trim().to_lowercase();
    let Some(card) = talk
        .record
        .cards
        .iter()
        .find(|card| card.label.to_lowercase() == typed)
    else {
        return false;
    };
    guide_card(talk, card.id);
    true
}

/// The guide of a card's wallet, else the general one.
fn guide_for<'a>(talk: &Talk<'a>, card: &Card) -> Option<&'a Guide> {
    let guides = &talk.base.knowledge.guides;
    guides.get(&card.wallet).or_else(|| {
        guides
            .iter()
            .find(|(id, _)| id.as_str() == GENERAL_GUIDE)
            .map(|(_, guide)| guide)
    })
}

fn steps_for<'a>(talk: &Talk<'a>, card: &Card) -> &'a [GuideStep] {
    guide_for(talk, card)
        .and_then(|guide| guide.text(talk.language))
        .map_or(&[], |text| &text.steps)
}

/// The place of a step, and whether it is the very one; the nearest earlier one's, if the step is no more.
fn position(steps: &[GuideStep], step: &EntryId) -> (usize, bool) {
    if let Some(index) = steps.iter().position(|other| other.id == *step) {
        return (index, true);
    }
    let earlier: Vec<_> = STEP_IDS
        .iter()
        .take_while(|id| **id != step.as_str())
        .collect();
    let nearest = steps
        .iter()
        .rposition(|other| earlier.contains(&&other.id.as_str()));
    (nearest.unwrap_or(0), false)
}

fn show_step(talk: &mut Talk<'_>, card: &Card, step: &EntryId) {
    let steps = steps_for(talk, card);
    let (index, unchanged) = position(steps, step);
    let Some(current) = steps.get(index) else {
        return confirm_next(talk, card.id);
    };
    talk.record.activity = Activity::Guiding {
        card: card.id,
        step: current.id.clone(),
    };
    let mut text = step_head(talk, card, index, steps.len());
    for done in &steps[..index] {
        let title = done.text_for(card.system, card.kind).title.as_str();
        text = text.below(1, talk.line("step-done", &[("title", title.into())]));
    }
    text = text.below(1, current.text_for(card.system, card.kind).body.clone());
    if !unchanged {
        text = talk.line("content-changed", &[]).below(2, text);
    }
    let reply = Reply::new(text)
        .row([
            talk.button("button-done", Choice::Done),
            talk.button("button-differs", Choice::LooksDifferent),
        ])
        .row([
            talk.button("button-back", Choice::Back),
            talk.button("button-cancel", Choice::Cancel),
        ]);
    talk.show(reply);
}

fn step_head(talk: &Talk<'_>, card: &Card, index: usize, steps: usize) -> RichText {
    let wallet = cards::wallet_name(talk, &card.wallet);
    talk.line(
        "step-head",
        &[
            ("label", card.label.as_str().into()),
            ("wallet", wallet.into()),
            ("step", (index + 1).into()),
            ("steps", steps.into()),
        ],
    )
}

/// The step is done, or the one before is wanted.
pub(super) fn step_on(talk: &mut Talk<'_>, card: CardId, step: &EntryId, by: Direction) {
    let Some(steps) = talk.record.card(card).map(|card| steps_for(talk, card)) else {
        return abandon(talk);
    };
    let (index, unchanged) = position(steps, step);
    // The press was on a step that is no more: what came before it has to be seen again, and why.
    if !unchanged && !steps.is_empty() {
        return show(talk);
    }
    let next = match by {
        Direction::Forward => Some(index + 1),
        Direction::Back => index.checked_sub(1),
    };
    talk.record.activity = match next.map(|next| steps.get(next)) {
        Some(Some(next)) => Activity::Guiding {
            card,
            step: next.id.clone(),
        },
        Some(None) => Activity::Confirming { card },
        None => Activity::ChoosingCard,
    };
    show(talk);
}

/// Which way to go through the steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// To the next step.
    Forward,
    /// To the step before.
    Back,
}

fn confirm_next(talk: &mut Talk<'_>, card: CardId) {
    talk.record.activity = Activity::Confirming { card };
    show(talk);
}

/// Goes back from the confirmation to the last step.
pub(super) fn back_to_last_step(talk: &mut Talk<'_>, card: CardId) {
    let last = talk
        .record
        .card(card)
        .and_then(|card| steps_for(talk, card).last());
    talk.record.activity = match last {
        Some(step) => Activity::Guiding {
            card,
            step: step.id.clone(),
        },
        None => Activity::ChoosingCard,
    };
    show(talk);
}

/// What may be different at this step: the entries its own entry names.
pub(super) fn show_differences(talk: &mut Talk<'_>, step: &EntryId) {
    let article = talk.base.knowledge.article(step, talk.language);
    let related = article
        .map(|article| article.related.as_slice())
        .unwrap_or_default();
    let mut reply = Reply::new(talk.line("looks-different", &[]));
    for button in std::iter::once(step)
        .chain(related)
        .filter_map(|id| answer::entry_button(talk, id))
    {
        reply = reply.row([button]);
    }
    talk.show(reply.row([talk.button("button-back-to-step", Choice::Continue)]));
}

fn show_confirmation(talk: &mut Talk<'_>, card: &Card) {
    let text = talk
        .line("confirm", &[("label", card.label.as_str().into())])
        .below(
            1,
            talk.line(
                "confirm-note",
                &[("details", cards::details(talk, card).into())],
            ),
        )
        .below(1, talk.line("confirm-bin", &[("days", days().into())]))
        .below(1, talk.line("confirm-how", &[]));
    let yes = talk.words("button-confirm", &[("label", card.label.as_str().into())]);
    let reply = Reply::new(text)
        .row([talk.button_reading(yes, Choice::Confirm(card.id))])
        .row([
            talk.button("button-back", Choice::Back),
            talk.button("button-keep", Choice::Cancel),
        ]);
    talk.show(reply);
}

/// The explicit yes: the card leaves the list. Anything but a yes to this very card at this very moment shows where we are.
pub(super) fn confirm(talk: &mut Talk<'_>, confirmed: CardId) {
    let awaited =
        matches!(talk.record.activity, Activity::Confirming { card } if card == confirmed);
    let place = talk
        .record
        .cards
        .iter()
        .position(|card| card.id == confirmed);
    let (true, Some(place)) = (awaited, place) else {
        return show(talk);
    };
    let card = talk.record.cards.remove(place);
    talk.record.bin.push(RemovedCard {
        card,
        removed: talk.now,
        place,
    });
    talk.record.activity = Activity::CheckingOutcome { card: confirmed };
    show(talk);
    let text = removed_line(talk, confirmed);
    talk.preface(text);
}

fn removed_line(talk: &Talk<'_>, card: CardId) -> RichText {
    let label = in_bin(talk, card)
        .map(|removed| removed.card.label.clone())
        .unwrap_or_default();
    let left: Vec<_> = talk
        .record
        .cards
        .iter()
        .map(|card| card.label.as_str())
        .collect();
    let left = match left.is_empty() {
        true => talk.line("left-none", &[]),
        false => talk.line("left-cards", &[("labels", left.join(" · ").into())]),
    };
    talk.line("removed", &[("label", label.into())])
        .below(1, left)
}

fn in_bin<'t>(talk: &'t Talk<'_>, card: CardId) -> Option<&'t RemovedCard> {
    talk.record
        .bin
        .iter()
        .find(|removed| removed.card.id == card)
}

fn show_outcome_question(talk: &mut Talk<'_>, card: CardId) {
    let Some(wallet) = in_bin(talk, card).map(|removed| removed.card.wallet.clone()) else {
        talk.record.activity = Activity::Idle;
        return;
    };
    let text = talk.line(
        "look-again",
        &[("wallet", cards::wallet_name(talk, &wallet).into())],
    );
    let reply = Reply::new(text)
        .row([
            talk.button("button-gone", Choice::Gone),
            talk.button("button-still", Choice::StillThere),
        ])
        .row([talk.button("button-undo", Choice::PutBack(card))]);
    talk.show(reply);
}

/// The card is gone from the wallet: the removal is over.
pub(super) fn all_gone(talk: &mut Talk<'_>, card: CardId) {
    let label = in_bin(talk, card)
        .map(|removed| removed.card.label.clone())
        .unwrap_or_default();
    talk.leave();
    let text = talk.line(
        "all-gone",
        &[("label", label.into()), ("days", days().into())],
    );
    let reply = Reply::new(text).row([
        talk.button("button-undo", Choice::PutBack(card)),
        talk.button("button-cards", Choice::Cards),
    ]);
    talk.show(reply);
}

/// The card is still in the wallet: why that happens, and the ways on. The question stays open.
pub(super) fn still_there(talk: &mut Talk<'_>, card: CardId) {
    if let Ok(entry) = STILL_SHOWN_ENTRY.parse() {
        answer::entry(talk, &entry, answer::Shown::ByButton);
    }
    let mut reply = Reply::new(talk.line("still-there-next", &[])).row([
        talk.button("button-gone", Choice::Gone),
        talk.button("button-undo", Choice::PutBack(card)),
    ]);
    if let Some(person) = answer::person_button(talk) {
        reply = reply.row([person]);
    }
    talk.show(reply);
}

/// Leaves the removal, or whatever else is under way; nothing was removed.
pub(super) fn cancel(talk: &mut Talk<'_>) {
    let line = match talk.record.activity.clone() {
        Activity::Idle => "nothing-to-cancel",
        Activity::Confirming { card } => {
            let label = talk
                .record
                .card(card)
                .map(|card| card.label.clone())
                .unwrap_or_default();
            talk.leave();
            let text = talk.line("kept", &[("label", label.into())]);
            return talk.show(Reply::new(text).row([
                talk.button("button-cards", Choice::Cards),
                talk.button("button-help", Choice::Help),
            ]));
        }
        Activity::CheckingOutcome { card } => return all_gone(talk, card),
        _ => "cancelled",
    };
    talk.leave();
    if talk.record.activity != Activity::Idle {
        return show(talk);
    }
    let text = talk.line(line, &[]);
    let reply = Reply::new(text)
        .row([talk.button("button-guide", Choice::Unbind)])
        .row([
            talk.button("button-cards", Choice::Cards),
            talk.button("button-help", Choice::Help),
        ]);
    talk.show(reply);
}

fn days() -> usize {
    usize::try_from(BIN_DAYS).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::StepText;

    fn steps(ids: &[&str]) -> Vec<GuideStep> {
        let text = StepText {
            title: String::new(),
            body: RichText::default(),
        };
        ids.iter()
            .map(|id| GuideStep {
                id: id.parse().expect("an id"),
                text: text.clone(),
                variants: Vec::new(),
            })
            .collect()
    }

    #[test]
    fn a_step_that_vanished_falls_back_to_the_nearest_earlier_one() {
        let left = steps(&["step-open-wallet", "step-choose-unbind"]);
        let at = |id: &str| position(&left, &id.parse().expect("an id"));
        assert_eq!(at("step-choose-unbind"), (1, true));
        assert_eq!(at("step-find-card"), (0, false));
        assert_eq!(at("step-confirm"), (1, false));
        assert_eq!(at("never-there"), (1, false));
    }
}
