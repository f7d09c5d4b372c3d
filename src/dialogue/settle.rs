//! Brings the record to rest after a procedure changed it, before anything is drawn: a proof that is wanted, a step that
//! is no more, a draft that is complete, a card that is gone.

use super::{
    cards::adding,
    ids::CardId,
    protection::setup,
    record::{Activity, Removal, Setup, Stage},
    removal::steps,
    screen::Screen,
    turn::TurnBuilder,
};

/// What looking at the record came to.
enum Rest {
    /// The present screen can be drawn.
    Reached,
    /// The record moved on; look again.
    Moved,
    /// Something else is shown instead.
    Left,
}

/// Settles what the present screen is about, if that is to be shown; else the record waits until it is.
pub(super) fn settle(turn: &mut TurnBuilder<'_>) {
    while turn.take_present() {
        match look(turn) {
            Rest::Reached => return turn.show(Screen::Present),
            Rest::Moved => turn.show(Screen::Present),
            Rest::Left => {}
        }
    }
}

fn look(turn: &mut TurnBuilder<'_>) -> Rest {
    match turn.record.activity.clone() {
        Activity::Idle
        | Activity::ChoosingCard
        | Activity::Importing { .. }
        | Activity::Forgetting
        | Activity::Reviewing => Rest::Reached,
        Activity::Adding { draft, then_unbind } => {
            if adding::complete(turn, &draft, then_unbind) {
                Rest::Left
            } else {
                Rest::Reached
            }
        }
        Activity::Editing { card, .. } => look_at_editing(turn, card),
        Activity::Protecting(setup) => look_at_setup(turn, &setup),
        Activity::Removing(removal) => look_at_removal(turn, &removal),
    }
}

fn look_at_editing(turn: &mut TurnBuilder<'_>, card: CardId) -> Rest {
    if turn.record.card(card).is_some() {
        return Rest::Reached;
    }
    turn.record.leave();
    turn.show_card_missing();
    Rest::Left
}

fn look_at_setup(turn: &mut TurnBuilder<'_>, setup: &Setup) -> Rest {
    match setup {
        Setup::FirstCode(secret) if !setup::can_enrol(secret) => {
            setup::give_up(turn);
            Rest::Left
        }
        Setup::FirstCode(_)
        | Setup::Choosing
        | Setup::Proof(_)
        | Setup::NewPin
        | Setup::RepeatPin(_) => Rest::Reached,
    }
}

fn look_at_removal(turn: &mut TurnBuilder<'_>, removal: &Removal) -> Rest {
    if removal.stage == Stage::Outcome {
        return look_at_outcome(turn, removal);
    }
    // The card went away from under the removal: removed elsewhere, or by an import.
    let Some(card) = turn.record.card(removal.card) else {
        turn.record.activity = Activity::Idle;
        turn.show_card_missing();
        return Rest::Left;
    };
    let next = match &removal.stage {
        Stage::Step(step) => steps::moved_to(turn, card, step),
        // The protection may have been switched off meanwhile.
        Stage::Proof if turn.record.protection.is_none() => Some(Stage::Confirmation),
        Stage::Confirmation if turn.record.lacks_proof(removal) => Some(Stage::Proof),
        Stage::Reason | Stage::AllSteps | Stage::Proof | Stage::Confirmation | Stage::Outcome => {
            None
        }
    };
    let Some(next) = next else {
        return Rest::Reached;
    };
    if matches!((&removal.stage, &next), (Stage::Step(_), Stage::Step(_))) {
        turn.note(turn.line("content-changed", &[]));
    }
    turn.record.go_to(next);
    Rest::Moved
}

/// A card that is not in the trash any more cannot be asked about.
fn look_at_outcome(turn: &mut TurnBuilder<'_>, removal: &Removal) -> Rest {
    if turn.record.removed_card(removal.card).is_some() {
        return Rest::Reached;
    }
    turn.record.activity = Activity::Idle;
    Rest::Moved
}
