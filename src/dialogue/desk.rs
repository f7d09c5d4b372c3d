//! Where an input is handed to the room that is responsible for it: commands, buttons, attachments. What is typed is
//! `typing`'s.

use super::{
    Activity, AttachmentKind, Choice, Command, MessageId, Place, Press, Reply, adding, answer, bin,
    browse, cards, confirmation, editing, label::MAX_LABEL_CHARS, mine, outcome, protection,
    record::Wish, reminders, removal, review, steps, talk::Talk,
};
use crate::knowledge::{EntryId, Language, lines::Value};

/// A deep link to an entry is `/start kb_<id>`.
const ENTRY_PAYLOAD: &str = "kb_";
/// A deep link into the removal of a card in a wallet is `/start unbind_<wallet's id>`.
const UNBIND_PAYLOAD: &str = "unbind_";

/// A command.
pub(super) fn command(talk: &mut Talk<'_>, command: Command, argument: &str) {
    talk.next_keyboard();
    if command != Command::Cancel {
        leave_small_procedures(talk);
    }
    match command {
        Command::Start => start(talk, argument),
        Command::Help => help(talk),
        Command::Unbind => return unbind(talk, None),
        Command::Cards => cards::list(talk, 0),
        Command::Faq => browse::groups(talk),
        Command::Language => language(talk, argument),
        Command::Protect => return protection::begin(talk),
        Command::Privacy => mine::privacy(talk),
        Command::Export => mine::export(talk),
        Command::Import => mine::import_how(talk),
        Command::Forget => return mine::ask_forget(talk),
        Command::Cancel => return removal::cancel(talk),
    }
    show_again(talk);
}

/// Adding, changing and setting up wait for an answer; a command ends the wait and says so by what it shows. Only a
/// removal goes on.
fn leave_small_procedures(talk: &mut Talk<'_>) {
    if talk.record.activity != Activity::Idle && !talk.record.activity.is_removal() {
        talk.leave();
    }
}

/// A removal asked for by name has nothing to do with what was talked of before.
fn unbind(talk: &mut Talk<'_>, wallet: Option<EntryId>) {
    talk.record.last_answer = None;
    removal::begin(talk, wallet);
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
        ("unbind", _) => unbind(talk, None),
        (_, Some(wallet)) if talk.base.knowledge.guides.contains_key(&wallet) => {
            unbind(talk, Some(wallet))
        }
        ("cards", _) => cards::list(talk, 0),
        ("faq", _) => browse::groups(talk),
        ("protect", _) => protection::begin(talk),
        ("export", _) => mine::export(talk),
        ("import", _) => mine::import_how(talk),
        ("forget", _) => mine::ask_forget(talk),
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
            talk.button("button-cards", Choice::Cards(0)),
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
        let short: String = unknown.chars().take(MAX_LABEL_CHARS).collect();
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
pub(super) fn attachment(talk: &mut Talk<'_>, kind: AttachmentKind) {
    talk.next_keyboard();
    let text = talk.line("attachment", &[("kind", kind.code().into())]);
    let reply = match talk.record.activity {
        Activity::Idle => with_ways_on(talk, Reply::new(text)),
        _ => Reply::new(text),
    };
    talk.say(reply);
    show_again(talk);
}

/// More came at once than can be answered. Nothing moves on, so that the buttons shown stay good.
pub(super) fn too_fast(talk: &mut Talk<'_>, seconds: u64) {
    let text = talk.line("too-fast", &[("seconds", seconds.into())]);
    talk.say(Reply::new(text));
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
    let leaves_us_here = matches!(choice, Choice::Export | Choice::Details(_) | Choice::Quiet);
    if choice.only_reads() || leaves_us_here || talk.is_silent() {
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

/// Does what a button says.
pub(super) fn obey(talk: &mut Talk<'_>, choice: &Choice) {
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
        Choice::Quiet => reminders::be_quiet(talk),
        Choice::Continue => show(talk),
        Choice::Done | Choice::Back | Choice::LooksDifferent | Choice::Cancel => {
            obey_in_procedure(talk, choice)
        }
        _ => obey_about_cards(talk, choice),
    }
}

/// What the buttons mean that every procedure has.
fn obey_in_procedure(talk: &mut Talk<'_>, choice: &Choice) {
    match (choice, &talk.record.activity) {
        (Choice::Cancel, _) => removal::cancel(talk),
        (Choice::Back, Activity::Adding { .. }) => adding::back(talk),
        (Choice::Back, Activity::Protecting(_)) => protection::back(talk),
        (Choice::Back, Activity::Removing(_)) => removal::back(talk),
        (Choice::Done, Activity::Removing(_)) => removal::done(talk),
        (Choice::LooksDifferent, Activity::Removing(_)) => steps::differences(talk),
        _ => show(talk),
    }
}

fn obey_about_cards(talk: &mut Talk<'_>, choice: &Choice) {
    match choice {
        Choice::AddCard => adding::begin(talk),
        Choice::Label(name) => adding::label_chosen(talk, name),
        Choice::Wallet(wallet) => adding::fill(talk, |draft| draft.wallet = Some(wallet.clone())),
        Choice::System(system) => adding::fill(talk, |draft| draft.system = Some(*system)),
        Choice::Kind(kind) => adding::fill(talk, |draft| draft.kind = Some(*kind)),
        Choice::Skip => adding::fill(talk, |draft| draft.kind_skipped = true),
        Choice::Cards(page) => cards::list(talk, *page),
        Choice::Card(card) => cards::view(talk, *card),
        Choice::History(card) => cards::history(talk, *card),
        Choice::Edit(field, card) => editing::begin(talk, *field, *card),
        Choice::Clear(field, card) => editing::clear(talk, *field, *card),
        Choice::Bin(page) => bin::show(talk, *page),
        Choice::PutBack(card) => bin::put_back(talk, *card),
        Choice::Review(page) => review::begin(talk, *page),
        Choice::ReviewOn => review::switch(talk, true),
        Choice::ReviewOff => review::switch(talk, false),
        Choice::StillUsed => review::still_used(talk),
        Choice::Privacy => mine::privacy(talk),
        Choice::Export => mine::export(talk),
        Choice::Import => mine::import(talk),
        Choice::Forget => mine::ask_forget(talk),
        Choice::ForgetAll => mine::forget_all(talk),
        _ => obey_in_removal(talk, choice),
    }
}

fn obey_in_removal(talk: &mut Talk<'_>, choice: &Choice) {
    match choice {
        Choice::Unbind => removal::begin(talk, None),
        Choice::UnbindFrom(wallet) => removal::begin(talk, Some(wallet.clone())),
        Choice::UnbindCard(card) => removal::guide_card(talk, *card),
        Choice::Choose(page) => removal::choose(talk, *page),
        Choice::Why(reason) => removal::reason_given(talk, *reason),
        Choice::Pause => removal::pause(talk),
        Choice::Uncancel => removal::uncancel(talk),
        Choice::Details(card) => confirmation::send_details(talk, *card),
        Choice::Confirm(card) => confirmation::confirm(talk, *card),
        Choice::Gone(card) => outcome::all_gone(talk, *card),
        Choice::StillThere(card) => outcome::still_there(talk, *card),
        Choice::NotSure(card) => outcome::not_sure(talk, *card),
        Choice::RemindMe(card) => outcome::remind(talk, *card),
        Choice::Protect => protection::begin(talk),
        Choice::UsePin => protection::wish(talk, Wish::Pin),
        Choice::UseCodes => protection::wish(talk, Wish::Codes),
        Choice::Unprotect => protection::wish(talk, Wish::Off),
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
pub(super) fn show_again(talk: &mut Talk<'_>) {
    if !talk.is_silent() {
        talk.keep_above();
    }
    show(talk);
}

/// Shows the procedure under way; nothing, if there is none.
pub(super) fn show(talk: &mut Talk<'_>) {
    match talk.record.activity {
        Activity::Adding { .. } => adding::ask_next(talk),
        Activity::Editing { .. } => editing::ask(talk),
        Activity::Protecting(_) => protection::show(talk),
        Activity::Importing { .. } => mine::show_preview(talk),
        Activity::Forgetting => mine::show_forget(talk),
        Activity::Reviewing => review::show(talk, 0),
        Activity::ChoosingCard | Activity::Removing(_) => removal::show(talk),
        Activity::Idle => {}
    }
}
