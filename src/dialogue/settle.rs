//! Makes the record consistent after a procedure changed it and before anything is drawn: asks for a required PIN or
//! code, replaces a step that no longer exists, finishes a complete draft, ends a procedure whose card is gone.

use super::{
    cards::adding,
    ids::CardId,
    protection::setup,
    record::{Activity, Removal, Setup, Stage},
    removal::steps,
    screen::Screen,
    turn::TurnBuilder,
};

/// The result of checking the activity once.
enum Check {
    /// The present screen can be drawn.
    Settled,
    /// The activity was changed; check again.
    Changed,
    /// Something else is shown instead.
    Replaced,
}

/// Settles the record if the present screen is shown; otherwise it is settled in the turn that next shows that screen.
pub(super) fn settle(turn: &mut TurnBuilder<'_>) {
    while turn.take_present() {
        match check_activity(turn) {
            Check::Settled => return turn.show(Screen::Present),
            Check::Changed => turn.show(Screen::Present),
            Check::Replaced => {}
        }
    }
}

fn check_activity(turn: &mut TurnBuilder<'_>) -> Check {
    match turn.record.activity.clone() {
        Activity::Idle
        | Activity::ChoosingCard
        | Activity::Importing { .. }
        | Activity::Forgetting
        | Activity::Reviewing => Check::Settled,
        Activity::Adding { draft, then_unbind } => {
            if adding::finish_if_complete(turn, &draft, then_unbind) {
                Check::Replaced
            } else {
                Check::Settled
            }
        }
        Activity::Editing { card, .. } => check_editing(turn, card),
        Activity::Protecting(setup) => check_setup(turn, &setup),
        Activity::Removing(removal) => check_removal(turn, &removal),
    }
}

fn check_editing(turn: &mut TurnBuilder<'_>, card: CardId) -> Check {
    if turn.record.card(card).is_some() {
        return Check::Settled;
    }
    turn.record.leave();
    turn.show_card_missing();
    Check::Replaced
}

fn check_setup(turn: &mut TurnBuilder<'_>, setup: &Setup) -> Check {
    match setup {
        Setup::FirstCode(secret) if !setup::can_enrol(secret) => {
            setup::give_up(turn);
            Check::Replaced
        }
        Setup::FirstCode(_)
        | Setup::Choosing
        | Setup::Proof(_)
        | Setup::NewPin
        | Setup::RepeatPin(_) => Check::Settled,
    }
}

fn check_removal(turn: &mut TurnBuilder<'_>, removal: &Removal) -> Check {
    if removal.stage == Stage::Outcome {
        return check_outcome(turn, removal);
    }
    // The card is no longer on the list.
    let Some(card) = turn.record.card(removal.card) else {
        turn.record.activity = Activity::Idle;
        turn.show_card_missing();
        return Check::Replaced;
    };
    let next = match &removal.stage {
        Stage::Step(step) => steps::replacement_stage(turn, card, step),
        // The protection was switched off during the removal.
        Stage::Proof if turn.record.protection.is_none() => Some(Stage::Confirmation),
        Stage::Confirmation if turn.record.lacks_proof(removal) => Some(Stage::Proof),
        Stage::Reason | Stage::AllSteps | Stage::Proof | Stage::Confirmation | Stage::Outcome => {
            None
        }
    };
    let Some(next) = next else {
        return Check::Settled;
    };
    if matches!((&removal.stage, &next), (Stage::Step(_), Stage::Step(_))) {
        turn.note(turn.line("content-changed", &[]));
    }
    turn.record.go_to(next);
    Check::Changed
}

/// The question about the outcome ends when the card is no longer in the trash.
fn check_outcome(turn: &mut TurnBuilder<'_>, removal: &Removal) -> Check {
    if turn.record.removed_card(removal.card).is_some() {
        return Check::Settled;
    }
    turn.record.activity = Activity::Idle;
    Check::Changed
}
