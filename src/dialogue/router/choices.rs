//! Routes each button's choice to its procedure. The match is exhaustive, so an unrouted choice does not compile.

use crate::dialogue::{
    answers::{
        entry::{self, Origin},
        question,
    },
    cards::{adding, editing, list, review, trash},
    choice::Choice,
    event::Place,
    help, language,
    my_data::{export, forget, import},
    protection::setup,
    record::{Activity, ProtectionGoal},
    reminders,
    removal::{confirmation, outcome, stages, steps},
    router::links,
    screen::Screen,
    turn::TurnBuilder,
};

/// Applies the choice of a pressed button.
pub(crate) fn choose(turn: &mut TurnBuilder<'_>, choice: &Choice) {
    if let (Place::Group, Some(payload)) = (turn.place, links::for_choice(choice)) {
        return help::ask_into_private(turn, &payload);
    }
    match choice {
        Choice::NoneOfThese => question::take_none_of_these(turn),
        Choice::Unbind => stages::begin(turn, None),
        Choice::AddCard => adding::begin(turn),
        Choice::Skip => adding::update_draft(turn, |draft| draft.kind_skipped = true),
        Choice::Done => stages::finish_step(turn),
        Choice::LooksDifferent => steps::show_differences(turn),
        Choice::Back => go_back(turn),
        Choice::Continue => turn.show(Screen::Present),
        Choice::Pause => stages::pause(turn),
        Choice::Cancel => cancel(turn),
        Choice::Uncancel => stages::uncancel(turn),
        Choice::MuteReminders => reminders::switch_off(turn),
        Choice::Groups => turn.show(Screen::Topics),
        Choice::Help => help::say_help(turn),
        Choice::Privacy => export::say_privacy(turn),
        Choice::Export => export::send_everything(turn),
        Choice::Import => import::confirm(turn),
        Choice::Forget => forget::ask(turn),
        Choice::ForgetAll => forget::forget_all(turn),
        Choice::ReviewOn => review::switch_on(turn),
        Choice::ReviewOff => review::switch_off(turn),
        Choice::StillUsed => review::confirm_all_used(turn),
        Choice::Protect => setup::begin(turn),
        Choice::UsePin => setup::choose(turn, ProtectionGoal::Pin),
        Choice::UseCodes => setup::choose(turn, ProtectionGoal::Codes),
        Choice::Unprotect => setup::choose(turn, ProtectionGoal::Off),
        Choice::Entry(id) => entry::say_entry(turn, id, Origin::Button),
        Choice::Helpful(id) => question::take_helpful(turn, id),
        Choice::NotHelpful(id) => question::take_not_helpful(turn, id),
        Choice::UnbindFrom(wallet) => stages::begin(turn, Some(wallet.clone())),
        Choice::UnbindCard(card) => stages::guide_card(turn, *card),
        Choice::Why(reason) => stages::take_reason(turn, *reason),
        Choice::Label(name) => adding::choose_label(turn, name),
        Choice::Wallet(wallet) => adding::choose_wallet(turn, wallet.clone()),
        Choice::System(system) => adding::choose_system(turn, *system),
        Choice::Kind(kind) => adding::update_draft(turn, |draft| draft.kind = Some(*kind)),
        Choice::Details(card) => export::send_card(turn, *card),
        Choice::Confirm(card) => confirmation::confirm(turn, *card),
        Choice::Gone(card) => outcome::take_gone(turn, *card),
        Choice::StillThere(card) => outcome::take_still_there(turn, *card),
        Choice::NotSure(card) => outcome::take_not_sure(turn, *card),
        Choice::RemindMe(card) => outcome::remind(turn, *card),
        Choice::PutBack(card) => trash::put_back(turn, *card),
        Choice::Cards(page) => turn.show(Screen::Cards(*page)),
        Choice::Card(card) => list::show_card(turn, *card, Screen::Card),
        Choice::History(card) => list::show_card(turn, *card, Screen::CardHistory),
        Choice::Edit(field, card) => editing::begin(turn, *field, *card),
        Choice::Clear(field, card) => editing::clear(turn, *field, *card),
        Choice::Trash(page) => turn.show(Screen::Trash(*page)),
        Choice::Choose(page) => stages::show_choice(turn, *page),
        Choice::Review(page) => review::begin(turn, *page),
        Choice::Group(name) => turn.show(Screen::Topic(name.clone())),
        Choice::Language(language) => language::choose(turn, *language),
    }
}

/// Goes back one question or step in the procedure under way.
pub(crate) fn go_back(turn: &mut TurnBuilder<'_>) {
    match turn.record.activity {
        Activity::Adding { .. } => adding::back(turn),
        Activity::Protecting(_) => setup::back(turn),
        Activity::Removing(_) => stages::back(turn),
        Activity::Idle
        | Activity::Editing { .. }
        | Activity::ChoosingCard
        | Activity::Importing { .. }
        | Activity::Forgetting
        | Activity::Reviewing => turn.show(Screen::Present),
    }
}

/// Cancels the procedure under way; no card is removed.
pub(crate) fn cancel(turn: &mut TurnBuilder<'_>) {
    match turn.record.activity.clone() {
        Activity::Idle => turn.show(Screen::NothingToCancel),
        Activity::Removing(removal) if removal.is_open() => stages::cancel(turn, removal),
        Activity::Removing(removal) => outcome::leave_open(turn, removal.card),
        Activity::Adding { .. }
        | Activity::Editing { .. }
        | Activity::ChoosingCard
        | Activity::Protecting(_)
        | Activity::Importing { .. }
        | Activity::Forgetting
        | Activity::Reviewing => turn.leave_procedure(),
    }
}
