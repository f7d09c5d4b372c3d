//! The steps of a removal, in the words of the card's wallet, for its phone and its kind: one at a time, or all at once,
//! and what may look different. The words are data (`knowledge::guide`); the way through them is `removal`'s.

use super::{Card, Choice, Reason, Removal, Reply, Stage, answer, cards, removal, talk::Talk};
use crate::{
    knowledge::{EntryId, Guide, GuideStep, guide::STEP_IDS},
    markup::RichText,
};

/// The guide for wallets that have none of their own.
pub(super) const GENERAL_GUIDE: &str = "other-wallets";
/// The step that looks different most often; whose entry helps when all steps are shown at once.
const TELLING_STEP: &str = "step-choose-unbind";

/// The guide of a card's wallet, else the general one.
fn guide_for<'a>(talk: &Talk<'a>, card: &Card) -> Option<&'a Guide> {
    let guides = &talk.base.knowledge.guides;
    let general = || {
        let mut all = guides.iter();
        all.find(|(id, _)| id.as_str() == GENERAL_GUIDE)
    };
    let own = guides.get(&card.wallet);
    own.or_else(|| general().map(|(_, guide)| guide))
}

pub(super) fn of<'a>(talk: &Talk<'a>, card: &Card) -> &'a [GuideStep] {
    guide_for(talk, card)
        .and_then(|guide| guide.text(talk.language))
        .map_or(&[], |text| &text.steps)
}

/// The place of a step, and whether it is the very one; the nearest earlier one's, if the step is no more.
pub(super) fn position(steps: &[GuideStep], step: &EntryId) -> (usize, bool) {
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

pub(super) fn show_one(talk: &mut Talk<'_>, removal: &Removal, card: &Card, step: &EntryId) {
    let steps = of(talk, card);
    let (index, unchanged) = position(steps, step);
    let Some(current) = steps.get(index) else {
        return removal::to_confirmation(talk);
    };
    removal::go_to(talk, Stage::Step(current.id.clone()));
    let mut text = step_head(talk, card, index, steps.len());
    for done in &steps[..index] {
        let title = done.text_for(card.system, card.kind).title.as_str();
        text = text.below(1, talk.line("step-done", &[("title", title.into())]));
    }
    text = text.below(1, current.text_for(card.system, card.kind).body.clone());
    if index == 0 && removal.reason == Some(Reason::NewPhone) {
        text = text.below(1, talk.line("note-new-phone", &[]));
    }
    if !unchanged {
        text = talk.line("content-changed", &[]).below(2, text);
    }
    let reply = with_step_buttons(talk, Reply::new(text));
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

/// In a hurry: the first line of each step, which says what to do.
pub(super) fn show_all(talk: &mut Talk<'_>, card: &Card) {
    let steps = of(talk, card);
    let wallet = cards::wallet_name(talk, &card.wallet);
    let mut text = talk.line(
        "all-steps-head",
        &[
            ("label", card.label.as_str().into()),
            ("wallet", wallet.into()),
        ],
    );
    for (number, step) in (1..).zip(steps) {
        let what_to_do = step.text_for(card.system, card.kind).body.first_line();
        let number = RichText::plain(format!("{number}. "));
        text = text.below(1, number.below(0, what_to_do));
    }
    text = text.below(2, talk.line("note-misuse", &[]));
    let reply = with_step_buttons(talk, Reply::new(text));
    talk.show(reply);
}

fn with_step_buttons(talk: &Talk<'_>, reply: Reply) -> Reply {
    reply
        .row([
            talk.button("button-done", Choice::Done),
            talk.button("button-differs", Choice::LooksDifferent),
        ])
        .row([
            talk.button("button-back", Choice::Back),
            talk.button("button-pause", Choice::Pause),
        ])
        .row([talk.button("button-cancel", Choice::Cancel)])
}

/// What may be different at this step: the entries its own entry names.
pub(super) fn differences(talk: &mut Talk<'_>) {
    let stage = talk
        .record
        .activity
        .removal()
        .map(|removal| removal.stage.clone());
    let step = match stage {
        Some(Stage::Step(step)) => Some(step),
        Some(Stage::AllSteps) => TELLING_STEP.parse().ok(),
        _ => None,
    };
    let Some(step) = step else {
        return removal::show(talk);
    };
    let article = talk.base.knowledge.article(&step, talk.language);
    let related = article.map(|article| article.related.as_slice());
    let entries = std::iter::once(&step).chain(related.unwrap_or_default());
    let buttons = entries.filter_map(|id| answer::entry_button(talk, id));
    let reply = Reply::new(talk.line("looks-different", &[]));
    let reply = buttons.fold(reply, |reply, button| reply.row([button]));
    let reply = reply.row(answer::person_button(talk));
    talk.show(reply.row([talk.button("button-back-to-step", Choice::Continue)]));
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
