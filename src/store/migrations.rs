//! Migrations: how records and rows stored by an earlier version become those of this version.
//!
//! A released step is never changed, and each released schema has a sample in `tests/fixtures/store`. A field that may be
//! missing needs no step: reading is lenient.

use serde_json::{Value, json};

/// Converts a body of one schema to the next.
pub(super) type Migration = fn(Value) -> Value;

/// Step `n` converts a record of schema `n + 1` to `n + 2`.
pub(super) const RECORD_MIGRATIONS: &[Migration] = &[removals_have_stages];
/// The same for outbox rows.
pub(super) const ROW_MIGRATIONS: &[Migration] = &[];

/// Schema 2: a removal is one activity with a stage, where each stage was an activity; renaming is one way of editing a
/// card.
fn removals_have_stages(mut record: Value) -> Value {
    for field in ["activity", "suspended"] {
        if let Some(activity) = record.get_mut(field) {
            *activity = with_stage(activity.take());
        }
    }
    record
}

fn with_stage(activity: Value) -> Value {
    let card = &activity["card"];
    let removing = |stage: Value| json!({"at": "removing", "card": card, "stage": stage});
    match activity["at"].as_str() {
        Some("guiding") => removing(json!({"step": activity["step"]})),
        Some("confirming") => removing(json!("confirmation")),
        Some("checking_outcome") => removing(json!("outcome")),
        Some("renaming") => json!({"at": "editing", "card": card, "field": "label"}),
        _ => activity,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialogue::{Activity, CardId, Field, Record, Removal, Stage};

    fn lifted(activity: Value) -> Record {
        let record = json!({"turn": 7, "activity": activity, "suspended": null});
        serde_json::from_value(removals_have_stages(record)).unwrap()
    }

    #[test]
    fn a_removal_of_schema_1_goes_on_where_it_was() {
        let stages = [
            (
                json!({"at": "guiding", "card": 3, "step": "step-confirm"}),
                Stage::Step("step-confirm".parse().unwrap()),
            ),
            (json!({"at": "confirming", "card": 3}), Stage::Confirmation),
            (json!({"at": "checking_outcome", "card": 3}), Stage::Outcome),
        ];
        for (stored, stage) in stages {
            let removal = Removal {
                card: CardId(3),
                reason: None,
                proved: false,
                stage,
                set_aside: None,
            };
            assert_eq!(lifted(stored).activity, Activity::Removing(removal));
        }
    }

    #[test]
    fn what_else_was_under_way_in_schema_1_goes_on_too() {
        let editing = Activity::Editing {
            card: CardId(3),
            field: Field::Label,
        };
        assert_eq!(
            lifted(json!({"at": "renaming", "card": 3})).activity,
            editing
        );
        assert_eq!(
            lifted(json!({"at": "choosing_card"})).activity,
            Activity::ChoosingCard
        );
        assert_eq!(lifted(json!({"at": "idle"})).activity, Activity::Idle);
    }
}
