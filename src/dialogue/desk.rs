//! Where an input is handed to the room that is responsible for it: commands, buttons, typed words, attachments.

use super::{
    Action, Activity, Attachment, CardId, Choice, Command, MessageId, Place, Press, Reply, answer,
    browse, cards, removal,
    removal::Direction,
    talk::{Talk, plain_word},
};
use crate::knowledge::{EntryId, Language, lines::Value};

/// A deep link to an entry is `/start kb_<id>`.
const ENTRY_PAYLOAD: &str = "kb_";
/// A deep link into the removal of a card in a wallet is `/start unbind_<wallet's id>`.
const UNBIND_PAYLOAD: &str = "unbind_";

/// A command.
pub(super) fn command(talk: &mut Talk<'_>, command: Command, argument: &str) {
    talk.next_keyboard();
    leave_small_procedures(talk);
    match command {
        Command::Start => start(talk, argument),
        Command::Help => help(talk),
        Command::Unbind => return removal::begin(talk, None),
        Command::Cards => cards::list(talk),
        Command::Faq => browse::groups(talk),
        Command::Language => language(talk, argument),
        Command::Cancel => return removal::cancel(talk),
    }
    show_again(talk);
}

/// Adding and renaming wait for a text; a command ends the wait and says so by what it shows.
fn leave_small_procedures(talk: &mut Talk<'_>) {
    if matches!(
        talk.record.activity,
        Activity::Adding { .. } | Activity::Renaming { .. }
    ) {
        talk.leave();
    }
}

/// A command the bot does not have.
pub(super) fn unknown_command(talk: &mut Talk<'_>, name: &str) {
    talk.next_keyboard();
    help(talk);
    // A command is a word; more would be somebody's text.
    let short: String = name.chars().take(32).collect();
    let text = talk.line("unknown-command", &[("command", short.into())]);
    talk.preface(text);
    show_again(talk);
}

fn start(talk: &mut Talk<'_>, payload: &str) {
    if let Some(id) = payload
        .strip_prefix(ENTRY_PAYLOAD)
        .and_then(|id| id.parse().ok())
    {
        return answer::entry(talk, &id, answer::Shown::ByButton);
    }
    let wallet = payload
        .strip_prefix(UNBIND_PAYLOAD)
        .and_then(|id| id.parse::<EntryId>().ok());
    match (payload, wallet) {
        ("unbind", _) => removal::begin(talk, None),
        (_, Some(wallet)) if talk.base.knowledge.guides.contains_key(&wallet) => {
            removal::begin(talk, Some(wallet))
        }
        ("cards", _) => cards::list(talk),
        ("faq", _) => browse::groups(talk),
        _ => welcome(talk),
    }
}

fn welcome(talk: &mut Talk<'_>) {
    let text = talk.line("welcome", &[]);
    let reply = with_ways_on(talk, Reply::new(text));
    talk.say(reply);
}

fn help(talk: &mut Talk<'_>) {
    let text = talk.line("help", &[]);
    let reply = with_ways_on(talk, Reply::new(text));
    talk.say(reply);
}

fn with_ways_on(talk: &Talk<'_>, reply: Reply) -> Reply {
    if talk.place == Place::Group {
        return reply;
    }
    reply
        .row([talk.button("button-guide", Choice::Unbind)])
        .row([
            talk.button("button-cards", Choice::Cards),
            talk.button("button-topics", Choice::Groups),
        ])
}

fn language(talk: &mut Talk<'_>, argument: &str) {
    if argument.is_empty() {
        return ask_language(talk, None);
    }
    let wanted = argument.to_lowercase();
    let known = talk.base.lines.languages();
    let is_meant = |language: &Language| {
        language.code() == wanted
            || talk
                .base
                .lines
                .label(*language, "language-name", &[])
                .to_lowercase()
                == wanted
    };
    match known.into_iter().find(is_meant) {
        Some(language) => set_language(talk, language),
        None => ask_language(talk, Some(argument)),
    }
}

fn ask_language(talk: &mut Talk<'_>, unknown: Option<&str>) {
    let text = talk.line("language-which", &[]);
    let languages = talk.base.lines.languages();
    let buttons = languages.into_iter().map(|language| {
        talk.button_reading(
            talk.base.lines.label(language, "language-name", &[]),
            Choice::Language(language),
        )
    });
    let reply = answer::with_paired(Reply::new(text), buttons.collect());
    talk.show(reply);
    if let Some(unknown) = unknown {
        let short: String = unknown.chars().take(cards::MAX_LABEL_CHARS).collect();
        let text = talk.line("language-unknown", &[("language", Value::from(short))]);
        talk.preface(text);
    }
}

fn set_language(talk: &mut Talk<'_>, language: Language) {
    talk.record.language = Some(language);
    talk.speak(language);
    let text = talk.line("language-set", &[]);
    talk.show(Reply::new(text));
}

/// A message that is not text.
pub(super) fn attachment(talk: &mut Talk<'_>, kind: Attachment) {
    talk.next_keyboard();
    let text = talk.line("attachment", &[("kind", kind.code().into())]);
    let reply = match talk.record.activity {
        Activity::Idle => with_ways_on(talk, Reply::new(text)),
        _ => Reply::new(text),
    };
    talk.say(reply);
    show_again(talk);
}

/// Something typed: a word the present step understands, else a question.
pub(super) fn text(talk: &mut Talk<'_>, text: &str) {
    talk.next_keyboard();
    if let Some(choice) = choice_reading(talk, text) {
        return obey(talk, &choice);
    }
    let understood = match talk.record.activity.clone() {
        Activity::Idle => typed_idle(talk, text),
        Activity::Adding { draft, .. } => {
            typed_while_adding(talk, text, cards::awaits_label(&draft))
        }
        Activity::Renaming { card } => typed_while_renaming(talk, text, card),
        Activity::ChoosingCard => typed_cancel(talk, text) || removal::choose_by_label(talk, text),
        Activity::Guiding { card, step } => typed_while_guiding(talk, text, card, &step),
        Activity::Confirming { card } => typed_while_confirming(talk, text, card),
        Activity::CheckingOutcome { card } => typed_about_outcome(talk, text, card),
    };
    if !understood {
        answer::question(talk, text);
        show_again(talk);
    }
}

/// What is written on a button of the present screen may be typed instead.
fn choice_reading(talk: &Talk<'_>, text: &str) -> Option<Choice> {
    let mut screen = talk.clone();
    show(&mut screen);
    let replies = screen.finish().replies;
    let button = replies
        .iter()
        .flat_map(|reply| reply.buttons.iter().flatten())
        .find(|button| plain_word(&button.label) == plain_word(text))?;
    match &button.action {
        Action::Press(data) => data.parse::<Press>().ok().map(|press| press.choice),
        Action::PrivateChat(_) => None,
    }
}

fn typed_idle(talk: &mut Talk<'_>, text: &str) -> bool {
    if talk.place == Place::Group || !talk.means(text, "words-guide") {
        return false;
    }
    removal::begin(talk, None);
    true
}

fn typed_cancel(talk: &mut Talk<'_>, text: &str) -> bool {
    let cancels = talk.means(text, "words-cancel");
    if cancels {
        removal::cancel(talk);
    }
    cancels
}

fn typed_while_adding(talk: &mut Talk<'_>, text: &str, label_awaited: bool) -> bool {
    if typed_cancel(talk, text) {
        return true;
    }
    if talk.means(text, "words-back") {
        cards::back(talk);
        return true;
    }
    if !label_awaited {
        return cards::wallet_typed(talk, text);
    }
    let is_label = !answer::is_question(talk, text);
    if is_label {
        cards::label_typed(talk, text);
    }
    is_label
}

fn typed_while_renaming(talk: &mut Talk<'_>, text: &str, card: CardId) -> bool {
    if typed_cancel(talk, text) {
        return true;
    }
    let is_label = !answer::is_question(talk, text);
    if is_label {
        cards::rename(talk, card, text);
    }
    is_label
}

fn typed_while_guiding(talk: &mut Talk<'_>, text: &str, card: CardId, step: &EntryId) -> bool {
    if talk.means(text, "words-done") {
        removal::step_on(talk, card, step, Direction::Forward);
    } else if talk.means(text, "words-back") {
        removal::step_on(talk, card, step, Direction::Back);
    } else if talk.means(text, "words-differs") {
        removal::show_differences(talk, step);
    } else {
        return typed_cancel(talk, text);
    }
    true
}

fn typed_while_confirming(talk: &mut Talk<'_>, text: &str, card: CardId) -> bool {
    if talk.means(text, "words-yes") {
        removal::confirm(talk, card);
    } else if talk.means(text, "words-back") {
        removal::back_to_last_step(talk, card);
    } else if talk.means(text, "words-no") {
        removal::cancel(talk);
    } else {
        return typed_cancel(talk, text);
    }
    true
}

fn typed_about_outcome(talk: &mut Talk<'_>, text: &str, card: CardId) -> bool {
    if talk.means(text, "words-gone") {
        removal::all_gone(talk, card);
    } else if talk.means(text, "words-still") {
        removal::still_there(talk, card);
    } else if talk.means(text, "words-undo") {
        cards::put_back(talk, card);
    } else {
        return typed_cancel(talk, text);
    }
    true
}

/// A pressed button. One of an older keyboard changes nothing: what it only shows is shown, else the present question.
pub(super) fn press(talk: &mut Talk<'_>, press: Option<&Press>, message: MessageId) {
    match press {
        Some(press) if press.turn == talk.record.turn => fresh_press(talk, &press.choice, message),
        Some(press) if press.choice.only_reads() => {
            obey(talk, &press.choice);
            show_again(talk);
        }
        _ => stale_press(talk, message),
    }
}

fn fresh_press(talk: &mut Talk<'_>, choice: &Choice, message: MessageId) {
    talk.next_keyboard();
    if !choice.stands_below_answers() {
        talk.draw_on(message);
    }
    obey(talk, choice);
    if choice.only_reads() || talk.is_silent() {
        show_again(talk);
    }
    if talk.is_silent() {
        nothing_open(talk);
    }
}

/// The second of two quick taps is an old press on the present screen: that is drawn again, without a word. A button
/// further up is told apart from it.
fn stale_press(talk: &mut Talk<'_>, message: MessageId) {
    let on_screen = talk.record.screen == Some(message);
    if on_screen {
        talk.draw_on(message);
    }
    show(talk);
    let nothing = talk.is_silent();
    if nothing {
        nothing_open(talk);
    }
    if !on_screen {
        let text = match nothing {
            true => talk.line("stale", &[]),
            false => talk
                .line("stale", &[])
                .below(1, talk.line("here-we-are", &[])),
        };
        talk.preface(text);
    }
}

fn nothing_open(talk: &mut Talk<'_>) {
    let text = talk.line("nothing-open", &[]);
    let reply = with_ways_on(talk, Reply::new(text));
    talk.show(reply);
}

fn obey(talk: &mut Talk<'_>, choice: &Choice) {
    if talk.place == Place::Group && choice.is_personal() {
        return removal::ask_into_private(talk, "unbind");
    }
    match choice {
        Choice::Entry(id) => answer::entry(talk, id, answer::Shown::ByButton),
        Choice::NoneOfThese => answer::none_of_these(talk),
        Choice::Helpful(id) => answer::helpful(talk, id),
        Choice::NotHelpful(id) => answer::not_helpful(talk, id),
        Choice::Groups => browse::groups(talk),
        Choice::Group(name) => browse::group(talk, name),
        Choice::Help => help(talk),
        Choice::Language(language) => chosen_language(talk, *language),
        Choice::Unbind => removal::begin(talk, None),
        Choice::UnbindFrom(wallet) => removal::begin(talk, Some(wallet.clone())),
        Choice::UnbindCard(card) => removal::guide_card(talk, *card),
        Choice::Confirm(card) => removal::confirm(talk, *card),
        Choice::Cancel => removal::cancel(talk),
        Choice::Done
        | Choice::Back
        | Choice::LooksDifferent
        | Choice::Continue
        | Choice::Gone
        | Choice::StillThere => obey_in_procedure(talk, choice),
        Choice::AddCard => cards::begin_adding(talk),
        Choice::Label(name) => cards::label_chosen(talk, name),
        Choice::Wallet(wallet) => cards::fill(talk, |draft| draft.wallet = Some(wallet.clone())),
        Choice::System(system) => cards::fill(talk, |draft| draft.system = Some(*system)),
        Choice::Kind(kind) => cards::fill(talk, |draft| draft.kind = Some(*kind)),
        Choice::Skip => cards::fill(talk, |draft| draft.kind_skipped = true),
        Choice::Cards => cards::list(talk),
        Choice::Card(card) => cards::view(talk, *card),
        Choice::Rename(card) => cards::begin_renaming(talk, *card),
        Choice::Bin => cards::bin(talk),
        Choice::PutBack(card) => cards::put_back(talk, *card),
    }
}

fn obey_in_procedure(talk: &mut Talk<'_>, choice: &Choice) {
    match (choice, talk.record.activity.clone()) {
        (Choice::Done, Activity::Guiding { card, step }) => {
            removal::step_on(talk, card, &step, Direction::Forward)
        }
        (Choice::Back, Activity::Guiding { card, step }) => {
            removal::step_on(talk, card, &step, Direction::Back)
        }
        (Choice::LooksDifferent, Activity::Guiding { step, .. }) => {
            removal::show_differences(talk, &step)
        }
        (Choice::Back, Activity::Confirming { card }) => removal::back_to_last_step(talk, card),
        (Choice::Back, Activity::Adding { .. }) => cards::back(talk),
        (Choice::Gone, Activity::CheckingOutcome { card }) => removal::all_gone(talk, card),
        (Choice::StillThere, Activity::CheckingOutcome { card }) => {
            removal::still_there(talk, card)
        }
        _ => show(talk),
    }
}

fn chosen_language(talk: &mut Talk<'_>, language: Language) {
    match talk.base.lines.languages().contains(&language) {
        true => set_language(talk, language),
        false => ask_language(talk, None),
    }
    show_again(talk);
}

/// Shows the procedure under way again, below what was just said.
fn show_again(talk: &mut Talk<'_>) {
    if !talk.is_silent() {
        talk.keep_above();
    }
    show(talk);
}

/// Shows the procedure under way; nothing, if there is none.
fn show(talk: &mut Talk<'_>) {
    match talk.record.activity {
        Activity::Adding { .. } => cards::ask_next(talk),
        Activity::Renaming { .. } => cards::ask_new_label(talk),
        _ => removal::show(talk),
    }
}
