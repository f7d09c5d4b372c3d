//! Draws the replies of a turn from the settled record. Each feature defines its own drawing functions; only this
//! module calls them, and nothing here changes the record.

use super::{
    answers::browse,
    cards::{adding, editing, list, review, trash},
    context::Turn,
    help, language,
    my_data::{forget, import},
    protection::setup,
    record::{Activity, Card, Removal, Stage},
    reminders,
    removal::{confirmation, outcome, stages, steps},
    reply::Reply,
    screen::{Output, Placement, Screen},
    turn::TurnBuilder,
};
use crate::markup::RichText;

/// Finishes the turn by drawing its replies.
pub(super) fn draw(turn: TurnBuilder<'_>) -> Turn {
    let replies = draw_outputs(&turn);
    turn.finish(replies)
}

fn draw_outputs(turn: &TurnBuilder<'_>) -> Vec<Reply> {
    let mut replies: Vec<Reply> = Vec::new();
    // Notes whose screen draws nothing.
    let mut leftover_notes = RichText::default();
    let mut is_stale_press_explained = !turn.is_stale_press();
    for output in turn.outputs() {
        match output {
            Output::Said(reply) => replies.push(reply.clone()),
            Output::Shown { screen, notes } => match draw_screen(turn, screen) {
                Some(reply) => {
                    let mut reply = with_placement(turn, reply, replies.is_empty());
                    reply = reply.with_note(notes.clone());
                    if !is_stale_press_explained {
                        reply = reply.with_note(stale_note(turn, Some(screen)));
                        is_stale_press_explained = true;
                    }
                    replies.push(reply);
                }
                None => leftover_notes = leftover_notes.below(2, notes.clone()),
            },
        }
    }
    if !is_stale_press_explained {
        leftover_notes = stale_note(turn, None).below(2, leftover_notes);
    }
    add_leftover_notes(turn, &mut replies, leftover_notes);
    replies
}

/// Puts the notes whose screen draws nothing above the last reply. A person always gets an answer.
fn add_leftover_notes(turn: &TurnBuilder<'_>, replies: &mut Vec<Reply>, notes: RichText) {
    if let Some(last) = replies.pop() {
        replies.push(last.with_note(notes));
    } else if turn.is_by_person() {
        let reply = with_placement(turn, help::draw_nothing_open(turn), true);
        replies.push(reply.with_note(notes));
    } else if !notes.is_empty() {
        replies.push(Reply::new(notes));
    }
}

/// Says that the pressed button is out of date, and announces the present screen where that follows.
fn stale_note(turn: &TurnBuilder<'_>, below: Option<&Screen>) -> RichText {
    let stale = turn.line("stale", &[]);
    if below == Some(&Screen::Present) {
        stale.below(1, turn.line("here-we-are", &[]))
    } else {
        stale
    }
}

/// Lets the first reply replace the message whose button was pressed, if there is one.
fn with_placement(turn: &TurnBuilder<'_>, reply: Reply, is_first: bool) -> Reply {
    match turn.placement() {
        Placement::InPlaceOf(message) if is_first => reply.in_place_of(Some(message)),
        Placement::InPlaceOf(_) | Placement::New => reply,
    }
}

/// Draws a screen; `None` if its card is gone, or no procedure is under way.
fn draw_screen(turn: &TurnBuilder<'_>, screen: &Screen) -> Option<Reply> {
    Some(match screen {
        Screen::Present => return present(turn),
        Screen::Cards(page) => list::draw_list(turn, *page),
        Screen::CardsFull => list::draw_full(turn),
        Screen::Card(card) => list::draw_card(turn, turn.record.card(*card)?),
        Screen::CardHistory(card) => list::draw_history(turn, turn.record.card(*card)?),
        Screen::Trash(page) => trash::draw(turn, *page),
        Screen::Review(page) => review::draw(turn, *page),
        Screen::ReviewDone => review::draw_done(turn),
        Screen::ChooseCard(page) => stages::draw_choice(turn, *page),
        Screen::Differences => return steps::draw_differences(turn),
        Screen::Paused(card) => stages::draw_paused(turn, *card),
        Screen::RemovalCancelled => stages::draw_removal_cancelled(turn),
        Screen::Cancelled => stages::draw_cancelled(turn),
        Screen::NothingToCancel => stages::draw_nothing_to_cancel(turn),
        Screen::TakenOff(card) => return outcome::draw_taken_off(turn, *card),
        Screen::CardGone(card) => return outcome::draw_gone(turn, *card),
        Screen::StillThere(card) => outcome::draw_still_there(turn, *card),
        Screen::LookAgain(card) => return outcome::draw_question(turn, *card, "look-again"),
        Screen::GoneByNow(card) => return outcome::draw_question(turn, *card, "gone-by-now"),
        Screen::WillRemind(card) => outcome::draw_will_remind(turn, *card),
        Screen::OutcomeLeftOpen(card) => outcome::draw_left_open(turn, *card),
        Screen::Unfinished => reminders::draw_unfinished(turn),
        Screen::RemindersOff => reminders::draw_switched_off(turn),
        Screen::WrongFirstCode => setup::draw_wrong_first_code(turn),
        Screen::NoFirstCode => setup::draw_no_first_code(turn),
        Screen::Topics => browse::draw_topics(turn, "faq-groups"),
        Screen::EntryMissing => browse::draw_topics(turn, "gone-entry"),
        Screen::Topic(name) => browse::draw_topic(turn, name)
            .unwrap_or_else(|| browse::draw_topics(turn, "gone-entry")),
        Screen::Languages => language::draw_choice(turn),
        Screen::LanguageSet => language::draw_set(turn),
        Screen::Forgotten => forget::draw_forgotten(turn),
    })
}

/// Draws the question of the procedure under way; `None` if there is none.
pub(super) fn present(turn: &TurnBuilder<'_>) -> Option<Reply> {
    match &turn.record.activity {
        Activity::Idle => None,
        Activity::Adding { draft, then_unbind } => adding::draw(turn, draft, *then_unbind),
        Activity::Editing { card, field } => {
            Some(editing::draw(turn, turn.record.card(*card)?, *field))
        }
        Activity::Protecting(setup) => setup::draw(turn, setup),
        Activity::Importing { cards } => Some(import::draw(turn, cards)),
        Activity::Forgetting => Some(forget::draw(turn)),
        Activity::Reviewing => Some(review::draw(turn, 0)),
        Activity::ChoosingCard => Some(stages::draw_choice(turn, 0)),
        Activity::Removing(removal) if removal.stage == Stage::Outcome => {
            outcome::draw_question(turn, removal.card, "look-again")
        }
        Activity::Removing(removal) => draw_stage(turn, removal, turn.record.card(removal.card)?),
    }
}

fn draw_stage(turn: &TurnBuilder<'_>, removal: &Removal, card: &Card) -> Option<Reply> {
    Some(match &removal.stage {
        Stage::Reason => stages::draw_reasons(turn, card),
        Stage::Step(step) => return steps::draw_step(turn, removal, card, step),
        Stage::AllSteps => steps::draw_all_steps(turn, card),
        Stage::Proof => confirmation::draw_proof(turn, card),
        Stage::Confirmation => confirmation::draw(turn, card),
        Stage::Outcome => return outcome::draw_question(turn, card.id, "look-again"),
    })
}
