//! The procedure that sets up the PIN or codes required before a card is removed, and the check of a typed PIN or code.
//! `credentials` does the cryptography.

use crate::{
    dialogue::{
        choice::Choice,
        protection::credentials::{
            self, FailedAttempts, HiddenSecret, MAX_PIN_CHARS, MIN_PIN_CHARS, PinFault, Proof,
            Protection, RECOVERY_CODES,
        },
        record::{Activity, ProtectionGoal, Setup},
        reply::{Attachment, Reply},
        screen::Screen,
        turn::TurnBuilder,
    },
    knowledge::lines::Value,
    markup::RichText,
};

/// From this many minutes on, a lock is said in hours: up to here, minutes say when to come back.
const MINUTES_AS_HOURS: u64 = 120;

/// Shows the present protection and the options.
pub(crate) fn begin(turn: &mut TurnBuilder<'_>) {
    turn.record
        .set_aside_for(Activity::Protecting(Setup::Choosing));
    turn.show(Screen::Present);
}

/// Takes the option the person wants; if a protection exists, its PIN or a code is asked for first.
pub(crate) fn choose(turn: &mut TurnBuilder<'_>, goal: ProtectionGoal) {
    if !matches!(turn.record.activity, Activity::Protecting(_)) {
        return begin(turn);
    }
    match turn.record.protection {
        Some(_) => go_to(turn, Setup::Proof(goal)),
        None => apply_goal(turn, goal),
    }
}

fn go_to(turn: &mut TurnBuilder<'_>, setup: Setup) {
    turn.record.activity = Activity::Protecting(setup);
    turn.show(Screen::Present);
}

fn apply_goal(turn: &mut TurnBuilder<'_>, goal: ProtectionGoal) {
    match goal {
        ProtectionGoal::Pin => go_to(turn, Setup::NewPin),
        ProtectionGoal::Codes => {
            let secret = credentials::new_secret(&turn.entropy);
            go_to(turn, Setup::FirstCode(secret));
        }
        ProtectionGoal::Off => {
            turn.record.protection = None;
            turn.record.failed_attempts = FailedAttempts::default();
            let text = turn.line("protect-off", &[]);
            finish(turn, text);
        }
    }
}

/// Goes back to the options, or leaves the procedure from there.
pub(crate) fn back(turn: &mut TurnBuilder<'_>) {
    match turn.record.activity {
        Activity::Protecting(Setup::RepeatPin(_)) => go_to(turn, Setup::NewPin),
        Activity::Protecting(Setup::Choosing) => turn.leave_procedure(),
        Activity::Protecting(Setup::Proof(_) | Setup::NewPin | Setup::FirstCode(_)) => {
            go_to(turn, Setup::Choosing);
        }
        Activity::Idle
        | Activity::Adding { .. }
        | Activity::Editing { .. }
        | Activity::ChoosingCard
        | Activity::Removing(_)
        | Activity::Importing { .. }
        | Activity::Forgetting
        | Activity::Reviewing => turn.show(Screen::Present),
    }
}

/// Takes text typed where a secret was asked for, and deletes it from the chat in any case.
pub(crate) fn take_typed(turn: &mut TurnBuilder<'_>, setup: Setup, typed: &str) {
    turn.delete_typed();
    match setup {
        Setup::Choosing => turn.show(Screen::Present),
        Setup::Proof(goal) => match try_proof(turn, typed) {
            Ok(()) => apply_goal(turn, goal),
            Err(fault) => ask_again(turn, fault),
        },
        Setup::NewPin => match credentials::hash_pin(typed, &turn.entropy) {
            Ok(pin) => go_to(turn, Setup::RepeatPin(pin)),
            Err(fault) => ask_again(turn, pin_fault(turn, fault)),
        },
        Setup::RepeatPin(pin) => take_repeated(turn, pin, typed),
        Setup::FirstCode(secret) => take_first_code(turn, secret, typed),
    }
}

fn ask_again(turn: &mut TurnBuilder<'_>, why: RichText) {
    turn.note(why);
    turn.show(Screen::Present);
}

fn pin_fault(turn: &TurnBuilder<'_>, fault: PinFault) -> RichText {
    match fault {
        PinFault::TooShort => turn.line("pin-short", &[("least", MIN_PIN_CHARS.into())]),
        PinFault::TooLong => turn.line("pin-long", &[("most", MAX_PIN_CHARS.into())]),
        PinFault::TooWeak => turn.line("pin-weak", &[]),
    }
}

fn take_repeated(turn: &mut TurnBuilder<'_>, pin: HiddenSecret, typed: &str) {
    if !credentials::matches_hash(&pin, typed) {
        turn.note(turn.line("pin-differs", &[]));
        return go_to(turn, Setup::NewPin);
    }
    protect(turn, Protection::Pin(pin));
    let text = turn.line("pin-set", &[]);
    finish(turn, text);
}

fn take_first_code(turn: &mut TurnBuilder<'_>, secret: HiddenSecret, typed: &str) {
    let time = credentials::time_of_code(&secret, typed, turn.likely_times);
    let Some(step) = credentials::code_step(&secret, typed, time) else {
        return turn.show(match credentials::code_digits(typed) {
            Some(_) => Screen::WrongFirstCode,
            None => Screen::NoFirstCode,
        });
    };
    let Some((protection, codes)) = credentials::protect_by_codes(secret, step, &turn.entropy)
    else {
        return give_up(turn);
    };
    protect(turn, protection);
    let text = turn.line("codes-set", &[("count", RECOVERY_CODES.into())]);
    finish(turn, text.below(2, RichText::code(codes.join("\n"))));
}

/// Applies a new protection at once. A suspended removal needs the new PIN or code, even if the old one was given.
fn protect(turn: &mut TurnBuilder<'_>, protection: Protection) {
    turn.record.protection = Some(protection);
    turn.record.failed_attempts = FailedAttempts::default();
    if let Some(Activity::Removing(removal)) = &mut turn.record.suspended {
        removal.proved = false;
    }
}

fn finish(turn: &mut TurnBuilder<'_>, text: RichText) {
    turn.record.leave();
    let cards = turn.button("button-cards", Choice::Cards(0));
    turn.say(Reply::new(text).row([cards]));
    turn.show(Screen::Present);
}

/// Ends the setup with an apology after a library failed unexpectedly.
pub(crate) fn give_up(turn: &mut TurnBuilder<'_>) {
    turn.record.leave();
    turn.say(Reply::new(turn.line("apology", &[])));
    // Notes that were left for the question are not lost.
    turn.show(Screen::Present);
}

/// Whether an authenticator app can be set up with this secret.
pub(crate) fn can_enrol(secret: &HiddenSecret) -> bool {
    credentials::enrolment(secret).is_some()
}

/// Checks a typed PIN or code; a wrong one is counted, and the last one locks removal.
///
/// # Errors
/// The text is not accepted; the error is the explanation for the person, empty while removal is locked.
pub(crate) fn try_proof(turn: &mut TurnBuilder<'_>, typed: &str) -> Result<(), RichText> {
    if locked_line(turn).is_some() {
        // The screen itself says that removal is locked.
        return Err(RichText::default());
    }
    let now = turn.now;
    // “I forgot it” does not count as an attempt.
    let is_talk =
        turn.words().sounds_like_question(typed) || turn.words().mentions(typed, "words-forgot");
    let Some(protection) = &mut turn.record.protection else {
        return Ok(());
    };
    let time = match protection {
        Protection::Codes { secret, .. } => {
            credentials::time_of_code(secret, typed, turn.likely_times)
        }
        Protection::Pin(_) => now,
    };
    match credentials::check_proof(protection, typed, time) {
        Proof::Right => {
            turn.record.failed_attempts = FailedAttempts::default();
            return Ok(());
        }
        Proof::Used => return Err(turn.line("proof-used", &[])),
        Proof::NotAnAttempt => return Err(turn.line("proof-no-try", &[])),
        Proof::Wrong if is_talk => return Err(turn.line("proof-no-try", &[])),
        Proof::Wrong => {}
    }
    turn.record.failed_attempts.note_wrong(now);
    let left = turn.record.failed_attempts.left();
    Err(match turn.record.failed_attempts.locked_minutes(now) {
        Some(_) => turn.line("proof-last", &[]),
        None => turn.line("proof-wrong", &[("left", left.into())]),
    })
}

/// How long removal is locked, or else the question for the PIN or for a code.
pub(crate) fn proof_line(
    turn: &TurnBuilder<'_>,
    (for_pin, for_code): (&str, &str),
    values: &[(&str, Value)],
) -> RichText {
    let question = match turn.record.protection {
        Some(Protection::Codes { .. }) => for_code,
        Some(Protection::Pin(_)) | None => for_pin,
    };
    locked_line(turn).unwrap_or_else(|| turn.line(question, values))
}

/// Says how long removal is locked; `None` if it is not.
fn locked_line(turn: &TurnBuilder<'_>) -> Option<RichText> {
    let minutes = turn.record.failed_attempts.locked_minutes(turn.now)?;
    let hours = minutes.div_ceil(60);
    Some(match (minutes, hours) {
        (..MINUTES_AS_HOURS, _) => turn.line("proof-locked", &[("minutes", minutes.into())]),
        (_, ..24) => turn.line("proof-locked-hours", &[("hours", hours.into())]),
        _ => turn.line("proof-locked-days", &[("days", hours.div_ceil(24).into())]),
    })
}

/// The present question of the setup; `None` if a library fails.
pub(crate) fn draw(turn: &TurnBuilder<'_>, setup: &Setup) -> Option<Reply> {
    let reply = match setup {
        Setup::Choosing => return Some(draw_choices(turn)),
        Setup::Proof(_) => Reply::new(proof_line(turn, ("present-pin", "present-code"), &[])),
        Setup::NewPin => Reply::new(turn.line("pin-new", &[("least", MIN_PIN_CHARS.into())])),
        Setup::RepeatPin(_) => Reply::new(turn.line("pin-repeat", &[])),
        Setup::FirstCode(secret) => draw_enrolment(turn, secret)?,
    };
    Some(with_ways_out(turn, reply))
}

/// Says that the first code was wrong, without sending the picture again.
pub(crate) fn draw_wrong_first_code(turn: &TurnBuilder<'_>) -> Reply {
    with_ways_out(turn, Reply::new(turn.line("code-wrong", &[])))
}

/// Says what a code looks like, because the typed text is none; without the picture, too.
pub(crate) fn draw_no_first_code(turn: &TurnBuilder<'_>) -> Reply {
    with_ways_out(turn, Reply::new(turn.line("code-form", &[])))
}

fn with_ways_out(turn: &TurnBuilder<'_>, reply: Reply) -> Reply {
    reply.row([
        turn.button("button-back", Choice::Back),
        turn.button("button-cancel", Choice::Cancel),
    ])
}

fn draw_choices(turn: &TurnBuilder<'_>) -> Reply {
    let (line, codes_left) = match &turn.record.protection {
        None => ("protect-none", 0),
        Some(Protection::Pin(_)) => ("protect-pin", 0),
        Some(Protection::Codes { recovery, .. }) => ("protect-codes", recovery.len()),
    };
    let is_on = turn.record.protection.is_some();
    let off = is_on.then(|| turn.button("button-unprotect", Choice::Unprotect));
    Reply::new(turn.line(line, &[("left", codes_left.into())]))
        .row([
            turn.button("button-use-pin", Choice::UsePin),
            turn.button("button-use-codes", Choice::UseCodes),
        ])
        .row(off)
        .row([turn.button("button-cancel", Choice::Cancel)])
}

/// The secret for an authenticator app: as a QR code, and as text for typing.
fn draw_enrolment(turn: &TurnBuilder<'_>, secret: &HiddenSecret) -> Option<Reply> {
    let (address, letters) = credentials::enrolment(secret)?;
    let text = turn.line("codes-enrol", &[("secret", letters.into())]);
    Some(Reply::new(text).with_attachment(Attachment::QrCode(address)))
}
