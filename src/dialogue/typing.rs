//! What is typed: a secret that has no place in a chat, a word the present step understands, a correction, else a
//! question.

use super::{
    Action, Activity, CardId, Choice, Field, Place, Press, Reply, Setup, Stage, adding, answer,
    bin, confirmation, correction, desk, editing, mine, outcome, protection, removal,
    secrets::{self, Secret},
    steps,
    talk::{Talk, plain_word},
};

/// Something typed.
pub(super) fn text(talk: &mut Talk<'_>, text: &str) {
    talk.next_keyboard();
    if let Some(secret) = misplaced_secret(talk, text) {
        return explain(talk, secret);
    }
    if let Some(choice) = choice_reading(talk, text) {
        return desk::obey(talk, &choice);
    }
    if !understood(talk, text) {
        answer::question(talk, text);
        desk::show_again(talk);
    }
}

/// A secret, typed where none was asked for.
fn misplaced_secret(talk: &Talk<'_>, text: &str) -> Option<Secret> {
    let activity = &talk.record.activity;
    if activity.awaits_secret() {
        return None;
    }
    // A name or the last digits of a card may be a number.
    let awaits_words = activity.awaits_words() || matches!(activity, Activity::Protecting(_));
    let lone = (!awaits_words && secrets::is_lone_code(text)).then_some(Secret::Code);
    secrets::kind_of(text, |near, word| talk.mentions(near, word.line())).or(lone)
}

/// Takes a secret out of the chat and says why.
fn explain(talk: &mut Talk<'_>, secret: Secret) {
    let line = match (talk.take_away(), talk.place) {
        (true, _) => "secret-taken-away",
        (false, Place::Private) => "secret-not-kept",
        (false, Place::Group) => "secret-in-group",
    };
    let text = talk.line(line, &[]).below(1, talk.line(secret.line(), &[]));
    talk.say(Reply::new(text));
    desk::show_again(talk);
}

/// What is written on a button of the present screen may be typed instead.
fn choice_reading(talk: &Talk<'_>, text: &str) -> Option<Choice> {
    let mut screen = talk.clone();
    desk::show(&mut screen);
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

/// A word the present step understands; whether it was one.
fn understood(talk: &mut Talk<'_>, text: &str) -> bool {
    match talk.record.activity.clone() {
        Activity::Idle => while_idle(talk, text),
        Activity::Adding { draft, .. } => while_adding(talk, text, adding::awaits_label(&draft)),
        Activity::Editing { card, field } => while_editing(talk, text, card, field),
        Activity::ChoosingCard => cancels(talk, text) || removal::choose_by_label(talk, text),
        Activity::Removing(removal) => match removal.stage {
            Stage::Reason => goes_back_or_out(talk, text) || correction::take(talk, text),
            Stage::Step(_) | Stage::AllSteps => while_guiding(talk, text),
            Stage::Proof => while_proving(talk, text),
            Stage::Confirmation => while_confirming(talk, text),
            Stage::Outcome => about_outcome(talk, text, removal.card),
        },
        Activity::Protecting(setup) => while_protecting(talk, text, setup),
        Activity::Importing { .. } => {
            cancels(talk, text) || declines(talk, text) || agrees(talk, text, mine::import)
        }
        Activity::Forgetting => {
            cancels(talk, text) || declines(talk, text) || agrees(talk, text, mine::ask_for_press)
        }
        Activity::Reviewing => cancels(talk, text) || declines(talk, text),
    }
}

/// Does `deed` if `text` is one of these words; whether it was.
fn on(talk: &mut Talk<'_>, text: &str, words: &str, deed: fn(&mut Talk<'_>)) -> bool {
    let is_meant = talk.means(text, words);
    if is_meant {
        deed(talk);
    }
    is_meant
}

/// Takes a text for what was asked for, unless it is surely a question; whether it was taken.
fn unless_question(talk: &mut Talk<'_>, text: &str, take: impl FnOnce(&mut Talk<'_>)) -> bool {
    let is_answer = !answer::is_question(talk, text);
    if is_answer {
        take(talk);
    }
    is_answer
}

fn while_idle(talk: &mut Talk<'_>, text: &str) -> bool {
    let begin = |talk: &mut Talk<'_>| removal::begin(talk, None);
    talk.place == Place::Private && on(talk, text, "words-guide", begin)
}

fn cancels(talk: &mut Talk<'_>, text: &str) -> bool {
    on(talk, text, "words-cancel", removal::cancel)
}

fn declines(talk: &mut Talk<'_>, text: &str) -> bool {
    on(talk, text, "words-no", removal::cancel)
}

fn agrees(talk: &mut Talk<'_>, text: &str, to: fn(&mut Talk<'_>)) -> bool {
    on(talk, text, "words-yes", to)
}

fn goes_back_or_out(talk: &mut Talk<'_>, text: &str) -> bool {
    on(talk, text, "words-back", removal::back)
        || on(talk, text, "words-pause", removal::pause)
        || cancels(talk, text)
}

fn while_adding(talk: &mut Talk<'_>, text: &str, label_awaited: bool) -> bool {
    if cancels(talk, text) || on(talk, text, "words-back", adding::back) {
        return true;
    }
    match label_awaited {
        true => unless_question(talk, text, |talk| adding::label_typed(talk, text)),
        false => adding::answered(talk, text),
    }
}

fn while_editing(talk: &mut Talk<'_>, text: &str, card: CardId, field: Field) -> bool {
    cancels(talk, text)
        || unless_question(talk, text, |talk| editing::typed(talk, card, field, text))
}

fn while_guiding(talk: &mut Talk<'_>, text: &str) -> bool {
    on(talk, text, "words-done", removal::done)
        || on(talk, text, "words-differs", steps::differences)
        || goes_back_or_out(talk, text)
        || correction::take(talk, text)
}

/// Words that lead away stay words; everything else that is not clearly a question is a try.
fn while_proving(talk: &mut Talk<'_>, text: &str) -> bool {
    goes_back_or_out(talk, text)
        || unless_question(talk, text, |talk| confirmation::proof_typed(talk, text))
}

fn while_confirming(talk: &mut Talk<'_>, text: &str) -> bool {
    agrees(talk, text, confirmation::yes_typed)
        || on(talk, text, "words-back", removal::back)
        || declines(talk, text)
        || cancels(talk, text)
        || correction::take(talk, text)
}

fn about_outcome(talk: &mut Talk<'_>, text: &str, card: CardId) -> bool {
    if talk.means(text, "words-gone") {
        outcome::all_gone(talk, card);
    } else if talk.means(text, "words-still") {
        outcome::still_there(talk, card);
    } else if talk.means(text, "words-not-sure") {
        outcome::not_sure(talk, card);
    } else if talk.means(text, "words-undo") {
        bin::put_back(talk, card);
    } else {
        return cancels(talk, text);
    }
    true
}

fn while_protecting(talk: &mut Talk<'_>, text: &str, setup: Setup) -> bool {
    let awaits_secret = setup != Setup::Choosing;
    on(talk, text, "words-back", protection::back)
        || cancels(talk, text)
        || awaits_secret && unless_question(talk, text, |talk| protection::typed(talk, setup, text))
}
