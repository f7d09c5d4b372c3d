//! Shows the steps of a removal for the card's wallet, phone and kind: one at a time or all at once, and what may look
//! different. The texts are data (`knowledge::guide`); `stages` moves from step to step.

use crate::{
    dialogue::{
        buttons,
        choice::{Choice, Reason},
        record::{Card, Removal, Stage},
        reply::Reply,
        screen::Screen,
        turn::TurnBuilder,
        wording,
    },
    knowledge::{
        EntryId, Guide, GuideStep,
        guide::{GENERAL_GUIDE, STEP_IDS},
    },
    markup::RichText,
};

/// The step that differs most between phones; its entry is shown for “it looks different” when all steps are shown.
const MOST_VARIED_STEP: &str = "step-choose-unbind";

/// The guide of a card's wallet, or else the general one.
fn guide_for<'a>(turn: &TurnBuilder<'a>, card: &Card) -> Option<&'a Guide> {
    let guides = &turn.base.knowledge.guides;
    let general = || guides.iter().find(|(id, _)| id.as_str() == GENERAL_GUIDE);
    let own = guides.get(&card.wallet);
    own.or_else(|| general().map(|(_, guide)| guide))
}

/// The steps for a card, in the language of the turn.
pub(crate) fn steps_for<'a>(turn: &TurnBuilder<'a>, card: &Card) -> &'a [GuideStep] {
    guide_for(turn, card)
        .and_then(|guide| guide.text(turn.language))
        .map_or(&[], |text| &text.steps)
}

/// The index of a step and `true`; if the step no longer exists, the index of the nearest earlier one and `false`.
pub(crate) fn position(steps: &[GuideStep], step: &EntryId) -> (usize, bool) {
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

/// The stage that replaces a step which the guide no longer has; `None` if it still has the step.
pub(crate) fn replacement_stage(
    turn: &TurnBuilder<'_>,
    card: &Card,
    step: &EntryId,
) -> Option<Stage> {
    let steps = steps_for(turn, card);
    let (index, is_unchanged) = position(steps, step);
    match steps.get(index) {
        Some(_) if is_unchanged => None,
        Some(nearest) => Some(Stage::Step(nearest.id.clone())),
        None => Some(Stage::Confirmation),
    }
}

/// Shows what may look different at the present step, or the present screen if no step is shown.
pub(crate) fn show_differences(turn: &mut TurnBuilder<'_>) {
    turn.show(if differing_step(turn).is_some() {
        Screen::Differences
    } else {
        Screen::Present
    });
}

/// The entry for “it looks different” at the present step.
fn differing_step(turn: &TurnBuilder<'_>) -> Option<EntryId> {
    match &turn.record.activity.removal()?.stage {
        Stage::Step(step) => Some(step.clone()),
        Stage::AllSteps => MOST_VARIED_STEP.parse().ok(),
        Stage::Reason | Stage::Proof | Stage::Confirmation | Stage::Outcome => None,
    }
}

/// The step's own entry and its related entries, as buttons.
pub(crate) fn draw_differences(turn: &TurnBuilder<'_>) -> Option<Reply> {
    let step = differing_step(turn)?;
    let article = turn.base.knowledge.article(&step, turn.language);
    let related = article.map(|article| article.related.as_slice());
    let entries = std::iter::once(&step).chain(related.unwrap_or_default());
    let entries = entries.filter_map(|id| buttons::entry_button(turn, id));
    let reply = Reply::new(turn.line("looks-different", &[]));
    let reply = entries.fold(reply, |reply, button| reply.row([button]));
    let back = turn.button("button-back-to-step", Choice::Continue);
    Some(reply.row(buttons::person_button(turn)).row([back]))
}

/// One step, below the titles of the steps done; `None` if the guide has no steps.
pub(crate) fn draw_step(
    turn: &TurnBuilder<'_>,
    removal: &Removal,
    card: &Card,
    step: &EntryId,
) -> Option<Reply> {
    let steps = steps_for(turn, card);
    let (index, _) = position(steps, step);
    let current = steps.get(index)?;
    let mut text = step_head(turn, card, index, steps.len());
    for done in &steps[..index] {
        let title = done.text_for(card.system, card.kind).title.as_str();
        text = text.below(1, turn.line("step-done", &[("title", title.into())]));
    }
    text = text.below(1, current.text_for(card.system, card.kind).body.clone());
    if index == 0 && removal.reason == Some(Reason::NewPhone) {
        text = text.below(1, turn.line("note-new-phone", &[]));
    }
    Some(with_step_buttons(turn, Reply::new(text)))
}

fn step_head(turn: &TurnBuilder<'_>, card: &Card, index: usize, steps: usize) -> RichText {
    let wallet = wording::wallet_name(turn, &card.wallet);
    turn.line(
        "step-head",
        &[
            ("label", card.label.as_str().into()),
            ("wallet", wallet.into()),
            ("step", (index + 1).into()),
            ("steps", steps.into()),
        ],
    )
}

/// All steps at once, for urgent removals: the first line of each, which says what to do.
pub(crate) fn draw_all_steps(turn: &TurnBuilder<'_>, card: &Card) -> Reply {
    let label = ("label", card.label.as_str().into());
    let wallet = ("wallet", wording::wallet_name(turn, &card.wallet).into());
    let mut text = turn.line("all-steps-head", &[label, wallet]);
    for (number, step) in (1..).zip(steps_for(turn, card)) {
        let what_to_do = step.text_for(card.system, card.kind).body.first_line();
        let number = RichText::plain(format!("{number}. "));
        text = text.below(1, number.below(0, what_to_do));
    }
    text = text.below(2, turn.line("note-misuse", &[]));
    with_step_buttons(turn, Reply::new(text))
}

fn with_step_buttons(turn: &TurnBuilder<'_>, reply: Reply) -> Reply {
    reply
        .row([
            turn.button("button-done", Choice::Done),
            turn.button("button-differs", Choice::LooksDifferent),
        ])
        .row([
            turn.button("button-back", Choice::Back),
            turn.button("button-pause", Choice::Pause),
        ])
        .row([turn.button("button-cancel", Choice::Cancel)])
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
