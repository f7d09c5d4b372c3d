//! Setting up what is asked before a card is removed, and trying what somebody types against it. The cryptography is
//! `identity`'s.

use super::{
    Activity, Attachment, Choice, Place, Reply, Setup,
    identity::{
        self, MAX_PIN_CHARS, MIN_PIN_CHARS, PinFault, Proof, Protection, RECOVERY_CODES, Sealed,
    },
    record::Wish,
    removal,
    talk::Talk,
};
use crate::markup::RichText;

/// Shows what there is, and what can be chosen.
pub(super) fn begin(talk: &mut Talk<'_>) {
    if talk.place == Place::Group {
        return removal::ask_into_private(talk, "protect");
    }
    talk.set_aside_for(Activity::Protecting(Setup::Choosing));
    show(talk);
}

/// Shows the present question of setting up.
pub(super) fn show(talk: &mut Talk<'_>) {
    let Activity::Protecting(setup) = talk.record.activity.clone() else {
        return;
    };
    let reply = match setup {
        Setup::Choosing => return show_choices(talk),
        Setup::Proof(_) => Reply::new(locked_line(talk).unwrap_or_else(|| ask_present(talk))),
        Setup::NewPin => Reply::new(talk.line("pin-new", &[("least", MIN_PIN_CHARS.into())])),
        Setup::RepeatPin(_) => Reply::new(talk.line("pin-repeat", &[])),
        Setup::FirstCode(secret) => match enrolment(talk, &secret) {
            Some(reply) => reply,
            None => return give_up(talk),
        },
    };
    let reply = with_ways_out(talk, reply);
    talk.show(reply);
}

fn with_ways_out(talk: &Talk<'_>, reply: Reply) -> Reply {
    reply.row([
        talk.button("button-back", Choice::Back),
        talk.button("button-cancel", Choice::Cancel),
    ])
}

fn ask_present(talk: &Talk<'_>) -> RichText {
    match talk.record.protection {
        Some(Protection::Codes { .. }) => talk.line("present-code", &[]),
        _ => talk.line("present-pin", &[]),
    }
}

fn show_choices(talk: &mut Talk<'_>) {
    let (line, off) = match &talk.record.protection {
        None => ("protect-none", None),
        Some(protection) => {
            let line = match protection {
                Protection::Pin(_) => "protect-pin",
                Protection::Codes { .. } => "protect-codes",
            };
            (
                line,
                Some(talk.button("button-unprotect", Choice::Unprotect)),
            )
        }
    };
    let codes_left = match &talk.record.protection {
        Some(Protection::Codes { recovery, .. }) => recovery.len(),
        _ => 0,
    };
    let text = talk.line(line, &[("left", codes_left.into())]);
    let reply = Reply::new(text)
        .row([
            talk.button("button-use-pin", Choice::UsePin),
            talk.button("button-use-codes", Choice::UseCodes),
        ])
        .row(off);
    talk.show(reply.row([talk.button("button-cancel", Choice::Cancel)]));
}

/// What an authenticator app needs: the picture, and the same to be typed.
fn enrolment(talk: &Talk<'_>, secret: &Sealed) -> Option<Reply> {
    let (address, letters) = identity::enrolment(secret)?;
    let text = talk.line("codes-enrol", &[("secret", letters.into())]);
    Some(Reply::new(text).with_attachment(Attachment::QrCode(address)))
}

/// The libraries refused what they have no reason to refuse.
fn give_up(talk: &mut Talk<'_>) {
    talk.leave();
    let text = talk.line("apology", &[]);
    talk.say(Reply::new(text));
}

/// What is wanted; whoever is protected proves it first.
pub(super) fn wish(talk: &mut Talk<'_>, wish: Wish) {
    if !matches!(talk.record.activity, Activity::Protecting(_)) {
        return begin(talk);
    }
    match talk.record.protection {
        Some(_) => set_up(talk, Setup::Proof(wish)),
        None => grant(talk, wish),
    }
}

fn set_up(talk: &mut Talk<'_>, setup: Setup) {
    talk.record.activity = Activity::Protecting(setup);
    show(talk);
}

fn grant(talk: &mut Talk<'_>, wish: Wish) {
    match wish {
        Wish::Pin => set_up(talk, Setup::NewPin),
        Wish::Codes => {
            let secret = identity::new_secret(&talk.entropy);
            set_up(talk, Setup::FirstCode(secret));
        }
        Wish::Off => {
            talk.record.protection = None;
            talk.record.tries = identity::Tries::default();
            let text = talk.line("protect-off", &[]);
            finish(talk, text);
        }
    }
}

/// Back to the choice, or out of it.
pub(super) fn back(talk: &mut Talk<'_>) {
    match talk.record.activity {
        Activity::Protecting(Setup::RepeatPin(_)) => set_up(talk, Setup::NewPin),
        Activity::Protecting(Setup::Choosing) => removal::cancel(talk),
        _ => set_up(talk, Setup::Choosing),
    }
}

/// What was typed where something secret is awaited. It leaves the chat, whatever it was.
pub(super) fn typed(talk: &mut Talk<'_>, setup: Setup, typed: &str) {
    talk.take_away();
    match setup {
        Setup::Choosing => show(talk),
        Setup::Proof(wish) => match prove(talk, typed) {
            Ok(()) => grant(talk, wish),
            Err(fault) => show_with(talk, fault),
        },
        Setup::NewPin => match identity::seal_pin(typed.trim(), &talk.entropy) {
            Ok(pin) => set_up(talk, Setup::RepeatPin(pin)),
            Err(fault) => {
                let fault = pin_fault(talk, fault);
                show_with(talk, fault);
            }
        },
        Setup::RepeatPin(pin) => repeated(talk, pin, typed),
        Setup::FirstCode(secret) => first_code(talk, secret, typed),
    }
}

fn show_with(talk: &mut Talk<'_>, words: RichText) {
    show(talk);
    talk.preface(words);
}

fn pin_fault(talk: &Talk<'_>, fault: PinFault) -> RichText {
    match fault {
        PinFault::TooShort => talk.line("pin-short", &[("least", MIN_PIN_CHARS.into())]),
        PinFault::TooLong => talk.line("pin-long", &[("most", MAX_PIN_CHARS.into())]),
        PinFault::TooWeak => talk.line("pin-weak", &[]),
    }
}

fn repeated(talk: &mut Talk<'_>, pin: Sealed, typed: &str) {
    if !identity::opens(&pin, typed.trim()) {
        talk.record.activity = Activity::Protecting(Setup::NewPin);
        let text = talk.line("pin-differs", &[]);
        return show_with(talk, text);
    }
    protect(talk, Protection::Pin(pin));
    let text = talk.line("pin-set", &[]);
    finish(talk, text);
}

fn first_code(talk: &mut Talk<'_>, secret: Sealed, typed: &str) {
    let Some(step) = identity::code_step(&secret, typed, talk.now) else {
        // The picture is still above; it need not come again.
        let reply = Reply::new(talk.line("code-wrong", &[]));
        let reply = with_ways_out(talk, reply);
        return talk.show(reply);
    };
    let Some((protection, codes)) = identity::protect_by_codes(secret, step, &talk.entropy) else {
        return give_up(talk);
    };
    protect(talk, protection);
    let text = talk.line("codes-set", &[("count", RECOVERY_CODES.into())]);
    finish(talk, text.below(2, RichText::code(codes.join("\n"))));
}

/// New protection holds at once, also for a removal under way: what was proved with the old one proves nothing now.
fn protect(talk: &mut Talk<'_>, protection: Protection) {
    talk.record.protection = Some(protection);
    talk.record.tries = identity::Tries::default();
    if let Some(Activity::Removing(removal)) = &mut talk.record.suspended {
        removal.proved = false;
    }
}

fn finish(talk: &mut Talk<'_>, text: RichText) {
    talk.leave();
    talk.say(Reply::new(text).row([talk.button("button-cards", Choice::Cards(0))]));
    if talk.record.activity != Activity::Idle {
        removal::show(talk);
    }
}

/// Tries what somebody typed as the proof; a wrong one counts, and the last one locks.
///
/// # Errors
/// It proves nothing; in words.
pub(super) fn prove(talk: &mut Talk<'_>, typed: &str) -> Result<(), RichText> {
    if locked_line(talk).is_some() {
        // The question itself says so.
        return Err(RichText::default());
    }
    let now = talk.now;
    // “I forgot it” is no try; a PIN that says so is nobody's.
    let is_talk = talk.sounds_like_a_question(typed) || talk.mentions(typed, "words-forgot");
    let Some(protection) = &mut talk.record.protection else {
        return Ok(());
    };
    match identity::prove(protection, typed, now) {
        Proof::Right => {
            talk.record.tries = identity::Tries::default();
            return Ok(());
        }
        Proof::Used => return Err(talk.line("proof-used", &[])),
        Proof::NoTry => return Err(talk.line("proof-no-try", &[])),
        Proof::Wrong if is_talk => return Err(talk.line("proof-no-try", &[])),
        Proof::Wrong => {}
    }
    talk.record.tries.note_wrong(now);
    let left = talk.record.tries.left();
    Err(match talk.record.tries.locked_minutes(now) {
        Some(_) => talk.line("proof-last", &[]),
        None => talk.line("proof-wrong", &[("left", left.into())]),
    })
}

/// For how long nothing can be tried, if that is so.
pub(super) fn locked_line(talk: &Talk<'_>) -> Option<RichText> {
    let minutes = talk.record.tries.locked_minutes(talk.now)?;
    Some(talk.line("proof-locked", &[("minutes", minutes.into())]))
}
