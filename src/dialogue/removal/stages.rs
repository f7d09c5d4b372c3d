//! Moves a removal from stage to stage: choosing the card, the reason, the steps, pausing and cancelling.
//! `confirmation` and `outcome` handle the stages after the steps.

use crate::{
    dialogue::{
        buttons,
        choice::{Choice, Page, Reason},
        ids::CardId,
        record::{Activity, Card, CardDraft, Removal, Stage, UNFINISHED_DAYS},
        removal::steps,
        reply::{Button, Reply},
        said::Answered,
        screen::Screen,
        turn::TurnBuilder,
    },
    knowledge::EntryId,
    markup::RichText,
};

/// Entries about a reason for removing a card: after reading one of them, the person is not asked for the reason.
const REASON_ENTRIES: [(&str, Reason); 4] = [
    ("reason-card-replaced", Reason::NewCard),
    ("reason-phone-replaced", Reason::NewPhone),
    ("reason-security", Reason::Misuse),
    ("reason-declutter", Reason::TidyingUp),
];

/// Begins a removal, of a card in `wallet` if given; continues the one under way, if there is one.
pub(crate) fn begin(turn: &mut TurnBuilder<'_>, wallet: Option<EntryId>) {
    if turn.base.knowledge.guides.is_empty() {
        let text = turn.line("no-guide", &[]);
        return turn.say(Reply::new(text));
    }
    let removal = turn.record.activity.removal();
    let is_under_way = removal.is_some_and(Removal::is_open);
    if !is_under_way && turn.record.activity != Activity::ChoosingCard {
        turn.record.suspended = None;
        turn.record.activity = first_question(&turn.record.cards, wallet);
    }
    turn.show(Screen::Present);
}

/// Asks for a card on the list if one fits, otherwise for a new card.
fn first_question(cards: &[Card], wallet: Option<EntryId>) -> Activity {
    let fits = |card: &Card| wallet.as_ref().is_none_or(|wallet| card.wallet == *wallet);
    if cards.iter().any(fits) {
        return Activity::ChoosingCard;
    }
    Activity::Adding {
        draft: CardDraft {
            wallet,
            ..CardDraft::default()
        },
        then_unbind: true,
    }
}

/// Continues the removal of this card, or begins one.
pub(crate) fn guide_card(turn: &mut TurnBuilder<'_>, card: CardId) {
    if turn.record.card(card).is_none() {
        return turn.show_card_missing();
    }
    let is_of_card = |activity: &Activity| {
        let removal = activity.removal();
        removal.is_some_and(|removal| removal.card == card && removal.is_open())
    };
    if turn.record.suspended.as_ref().is_some_and(is_of_card) {
        turn.record.leave();
    }
    if !is_of_card(&turn.record.activity) {
        turn.record.pause_all(turn.now);
        turn.record.activity = Activity::Removing(paused_or_new(turn, card));
    }
    turn.show(Screen::Present);
}

/// The paused removal of a card, or a new one.
fn paused_or_new(turn: &mut TurnBuilder<'_>, card: CardId) -> Removal {
    let mut paused = turn.record.paused.iter();
    if let Some(at) = paused.position(|removal| removal.card == card) {
        return resumed(turn.record.paused.remove(at));
    }
    turn.record.drop_set_aside(card);
    let reason = reason_read_about(turn);
    let stage = match reason {
        Some(reason) => first_stage(turn, card, reason),
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

/// A continued removal. It needs the PIN or a code again, because another person may have the phone now.
fn resumed(removal: Removal) -> Removal {
    Removal {
        proved: false,
        set_aside: None,
        ..removal
    }
}

/// The reason that the last answer was about, if any.
fn reason_read_about(turn: &TurnBuilder<'_>) -> Option<Reason> {
    let last = turn.record.last_answer.as_ref()?.entry.as_str();
    let known = REASON_ENTRIES.iter().find(|(entry, _)| *entry == last)?;
    Some(known.1)
}

/// Takes the pressed reason, which decides the first stage.
pub(crate) fn take_reason(turn: &mut TurnBuilder<'_>, reason: Reason) {
    if let Activity::Removing(removal) = turn.record.activity.clone()
        && removal.stage == Stage::Reason
    {
        let stage = first_stage(turn, removal.card, reason);
        turn.record.activity = Activity::Removing(Removal {
            reason: Some(reason),
            stage,
            ..removal
        });
    }
    turn.show(Screen::Present);
}

/// Goes back to the first step, if the reason is known already.
pub(crate) fn start_over(turn: &mut TurnBuilder<'_>) {
    let removal = turn.record.activity.removal();
    let known = removal.and_then(|removal| Some((removal.card, removal.reason?)));
    if let Some((card, reason)) = known {
        let stage = first_stage(turn, card, reason);
        turn.record.go_to(stage);
    }
    turn.show(Screen::Present);
}

/// The stage after the reason: all steps at once for misuse, which is urgent; otherwise the first step.
fn first_stage(turn: &TurnBuilder<'_>, card: CardId, reason: Reason) -> Stage {
    let card = turn.record.card(card);
    let steps = card.map(|card| steps::steps_for(turn, card));
    match steps.unwrap_or_default().first() {
        Some(_) if reason == Reason::Misuse => Stage::AllSteps,
        Some(step) => Stage::Step(step.id.clone()),
        None => Stage::Confirmation,
    }
}

/// Shows a page of the cards to choose from, or the present screen if no card is being chosen.
pub(crate) fn show_choice(turn: &mut TurnBuilder<'_>, page: Page) {
    turn.show(if turn.record.activity == Activity::ChoosingCard {
        Screen::ChooseCard(page)
    } else {
        Screen::Present
    });
}

/// Takes a typed label where a card is to be chosen. Returns whether a card has it.
pub(crate) fn take_label(turn: &mut TurnBuilder<'_>, text: &str) -> bool {
    let cards = turn.record.cards.iter();
    let mut called = cards.filter(|card| card.is_called(text.trim()));
    // Older lists may have labels that look the same; the one typed exactly is meant.
    let exact = called.clone().find(|card| card.label == text.trim());
    let chosen = exact.or_else(|| called.next());
    let Some(card) = chosen.map(|card| card.id) else {
        return false;
    };
    guide_card(turn, card);
    true
}

/// Goes from the present step to the next one, or to the confirmation.
pub(crate) fn finish_step(turn: &mut TurnBuilder<'_>) {
    if let Some(stage) = stage_after(turn) {
        turn.note_answered(Answered::Step);
        turn.record.go_to(stage);
    }
    turn.show(Screen::Present);
}

fn stage_after(turn: &TurnBuilder<'_>) -> Option<Stage> {
    let removal = turn.record.activity.removal()?;
    let card = turn.record.card(removal.card)?;
    match &removal.stage {
        Stage::Step(step) => {
            let steps = steps::steps_for(turn, card);
            let (index, is_unchanged) = steps::position(steps, step);
            // The step no longer exists: `settle` shows the nearest earlier one and says why.
            if !is_unchanged && !steps.is_empty() {
                return None;
            }
            let next = steps.get(index + 1);
            Some(next.map_or(Stage::Confirmation, |next| Stage::Step(next.id.clone())))
        }
        Stage::AllSteps => Some(Stage::Confirmation),
        Stage::Reason | Stage::Proof | Stage::Confirmation | Stage::Outcome => None,
    }
}

/// Goes back one stage; from the first, to the choice of a card.
pub(crate) fn back(turn: &mut TurnBuilder<'_>) {
    retreat(turn);
    turn.show(Screen::Present);
}

/// The same, without showing where that leads.
pub(crate) fn retreat(turn: &mut TurnBuilder<'_>) {
    let Some(removal) = turn.record.activity.removal() else {
        return;
    };
    // If the card is gone, `settle` ends the removal.
    if let Some(card) = turn.record.card(removal.card) {
        match stage_before(turn, removal, card) {
            Before::Stage(stage) => turn.record.go_to(stage),
            Before::Choice => turn.record.activity = Activity::ChoosingCard,
            Before::Nothing => {}
        }
    }
}

/// What comes before a stage.
enum Before {
    Stage(Stage),
    /// The choice of a card.
    Choice,
    /// There is nothing to go back to.
    Nothing,
}

fn stage_before(turn: &TurnBuilder<'_>, removal: &Removal, card: &Card) -> Before {
    let steps = steps::steps_for(turn, card);
    let last_step = || match steps.last() {
        Some(_) if removal.reason == Some(Reason::Misuse) => Stage::AllSteps,
        Some(step) => Stage::Step(step.id.clone()),
        None => Stage::Reason,
    };
    Before::Stage(match &removal.stage {
        Stage::Reason => return Before::Choice,
        Stage::Step(step) => match steps::position(steps, step) {
            // The step no longer exists: `settle` says so first.
            (_, false) => return Before::Nothing,
            (index, true) => index
                .checked_sub(1)
                .map_or(Stage::Reason, |index| Stage::Step(steps[index].id.clone())),
        },
        Stage::AllSteps => Stage::Reason,
        Stage::Proof | Stage::Confirmation => last_step(),
        Stage::Outcome => return Before::Nothing,
    })
}

/// Pauses the removal.
pub(crate) fn pause(turn: &mut TurnBuilder<'_>) {
    match turn.record.activity.clone() {
        Activity::Removing(removal) if removal.is_open() => {
            let card = removal.card;
            turn.record.pause(removal, turn.now);
            turn.record.activity = Activity::Idle;
            turn.show(Screen::Paused(card));
        }
        Activity::Removing(_)
        | Activity::Idle
        | Activity::Adding { .. }
        | Activity::Editing { .. }
        | Activity::ChoosingCard
        | Activity::Protecting(_)
        | Activity::Importing { .. }
        | Activity::Forgetting
        | Activity::Reviewing => turn.show(Screen::Present),
    }
}

/// Cancels the removal; a button continues it after all.
pub(crate) fn cancel(turn: &mut TurnBuilder<'_>, removal: Removal) {
    turn.record.leave();
    turn.record.cancelled = Some(Removal {
        set_aside: Some(turn.now),
        ..removal
    });
    turn.show(Screen::RemovalCancelled);
}

/// Continues the removal cancelled last.
pub(crate) fn uncancel(turn: &mut TurnBuilder<'_>) {
    let Some(removal) = turn.record.cancelled.take() else {
        return turn.show(Screen::Present);
    };
    if turn.record.card(removal.card).is_none() {
        return turn.show_card_missing();
    }
    turn.record.pause_all(turn.now);
    turn.record.drop_set_aside(removal.card);
    turn.record.activity = Activity::Removing(resumed(removal));
    turn.show(Screen::Present);
}

/// A page of the cards to choose from; those with a paused removal are marked.
pub(crate) fn draw_choice(turn: &TurnBuilder<'_>, page: Page) -> Reply {
    let to_button = |card: &Card| {
        let button = buttons::card_button(turn, card, Choice::UnbindCard(card.id));
        let mut paused = turn.record.paused.iter();
        if !paused.any(|removal| removal.card == card.id) {
            return button;
        }
        Button {
            label: format!("⏸ {}", button.label),
            ..button
        }
    };
    let cards = turn.record.cards.iter().map(to_button).collect();
    let reply = Reply::new(turn.line("choose-card", &[]));
    let reply = buttons::with_page(turn, reply, cards, page, Choice::Choose);
    reply.row([
        turn.button("button-another-card", Choice::AddCard),
        turn.button("button-cancel", Choice::Cancel),
    ])
}

/// The question for the reason.
pub(crate) fn draw_reasons(turn: &TurnBuilder<'_>, card: &Card) -> Reply {
    let text = turn.line("why", &[("label", card.label.as_str().into())]);
    let reasons = Reason::OFFERED.map(|reason| {
        let line = format!("reason-{}", reason.code());
        turn.button(&line, Choice::Why(reason))
    });
    let skip = turn.button("button-skip-reason", Choice::Why(Reason::Unsaid));
    buttons::with_paired(Reply::new(text), reasons.into())
        .row([skip])
        .row([
            turn.button("button-back", Choice::Back),
            turn.button("button-cancel", Choice::Cancel),
        ])
}

pub(crate) fn draw_paused(turn: &TurnBuilder<'_>, card: CardId) -> Reply {
    let label = ("label", turn.record.label_of(card).into());
    let text = turn.line("paused", &[label, ("days", UNFINISHED_DAYS.into())]);
    Reply::new(text).row([
        turn.button("button-resume", Choice::UnbindCard(card)),
        turn.button("button-cards", Choice::Cards(0)),
    ])
}

/// Says that the removal was cancelled, or at the confirmation that the card is kept.
pub(crate) fn draw_removal_cancelled(turn: &TurnBuilder<'_>) -> Reply {
    let removal = turn.record.cancelled.as_ref();
    let is_no = removal.is_some_and(|removal| removal.stage == Stage::Confirmation);
    let label = removal.map_or("", |removal| turn.record.label_of(removal.card));
    let line = if is_no { "kept" } else { "cancelled" };
    let text = turn.line(line, &[("label", label.into())]);
    let uncancel = turn.button("button-uncancel", Choice::Uncancel);
    with_ways_on(turn, text, uncancel)
}

/// Says that a procedure other than a removal was cancelled.
pub(crate) fn draw_cancelled(turn: &TurnBuilder<'_>) -> Reply {
    let text = turn.line("cancelled", &[("label", "".into())]);
    with_ways_on(turn, text, turn.button("button-guide", Choice::Unbind))
}

pub(crate) fn draw_nothing_to_cancel(turn: &TurnBuilder<'_>) -> Reply {
    let text = turn.line("nothing-to-cancel", &[("label", "".into())]);
    with_ways_on(turn, text, turn.button("button-guide", Choice::Unbind))
}

fn with_ways_on(turn: &TurnBuilder<'_>, text: RichText, first: Button) -> Reply {
    Reply::new(text).row([first]).row([
        turn.button("button-cards", Choice::Cards(0)),
        turn.button("button-help", Choice::Help),
    ])
}
