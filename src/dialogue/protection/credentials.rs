//! Checks that the owner is removing a card: a PIN, or one-time codes with recovery codes. Pure; libraries do the
//! cryptography, and the randomness is an argument.
//!
//! Typed text is not stored: PINs and recovery codes are stored as argon2id hashes. The secret of one-time codes is
//! stored in plain form, because codes are computed from it. The messages are in `setup` and `removal::confirmation`.

use std::fmt;

use argon2::{
    Algorithm, Argon2, Params, PasswordVerifier, Version,
    password_hash::{PasswordHasher, phc},
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use totp_rs::{Builder, Secret, Totp};

use crate::dialogue::characters::{digit_value, plain_text};

/// Memory of one hash in KiB, and passes over it. Of the settings that OWASP's password storage cheat sheet considers
/// equivalent, this one uses the least memory.
const HASH_KIB: u32 = 7 * 1024;
/// See [`HASH_KIB`].
const HASH_PASSES: u32 = 5;
/// The fewest characters of a PIN; the estimated number of guesses is the stronger requirement.
pub const MIN_PIN_CHARS: usize = 6;
/// The most characters of a PIN; longer texts are not hashed, to bound the work per message.
pub const MAX_PIN_CHARS: usize = 64;
/// The fewest guesses a PIN must withstand, as a power of ten: about a third of the combinations of six digits, which
/// is enough with a lock after [`MAX_FAILED_ATTEMPTS`]. Dates, keyboard rows and repetitions stay below it.
const MIN_PIN_GUESSES_LOG10: f64 = 5.5;
/// The number of recovery codes.
pub const RECOVERY_CODES: usize = 8;
/// Bytes of a recovery code: 40 bits.
const RECOVERY_BYTES: usize = 5;
/// Its characters in base 32.
const RECOVERY_CHARS: usize = 8;
/// The digits of a one-time code: the default of authenticator apps.
const CODE_DIGITS: usize = 6;
/// 128 bits of salt and 160 of secret, as RFC 9106 and RFC 4226 recommend.
const SALT_BYTES: usize = 16;
/// See [`SALT_BYTES`].
const SECRET_BYTES: usize = 20;
/// Consecutive wrong attempts after which removal is locked.
pub const MAX_FAILED_ATTEMPTS: u32 = 5;
/// Minutes of the first, second and third lock, and of every later one.
const LOCK_MINUTES: [i64; 4] = [15, 60, 4 * 60, 24 * 60];
/// Steps of 30 seconds by which the last accepted code may be ahead of the present one: two minutes, for a phone and a
/// server whose clocks are a minute off in opposite directions. A code further ahead was accepted under a wrong clock, and
/// does not keep the codes of the right time from being accepted.
const MAX_STEPS_AHEAD: u64 = 4;
/// The issuer shown by the authenticator app.
const ISSUER: &str = "unbind-bot";
/// The account shown by the authenticator app.
const ACCOUNT: &str = "cards";

/// Random bytes for one turn, from a cryptographically secure source.
#[derive(Clone, Copy)]
pub struct Entropy(pub [u8; Entropy::BYTES]);

impl Entropy {
    /// The most bytes a turn needs.
    pub const BYTES: usize = SALT_BYTES + SECRET_BYTES + RECOVERY_CODES * RECOVERY_BYTES;

    fn salt(&self) -> &[u8] {
        &self.0[..SALT_BYTES]
    }

    fn secret(&self) -> &[u8] {
        &self.0[SALT_BYTES..SALT_BYTES + SECRET_BYTES]
    }

    fn recovery(&self) -> impl Iterator<Item = &[u8]> {
        self.0[SALT_BYTES + SECRET_BYTES..].chunks_exact(RECOVERY_BYTES)
    }
}

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entropy(…)")
    }
}

/// A hash or a secret, not shown by `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HiddenSecret(String);

impl fmt::Debug for HiddenSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HiddenSecret(…)")
    }
}

/// What must be given before a card is removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protection {
    /// A PIN, stored as its hash.
    Pin(HiddenSecret),
    /// One-time codes.
    Codes {
        /// The secret they are computed from, in base 32.
        secret: HiddenSecret,
        /// Hashes of the unused recovery codes, all with the same salt.
        recovery: Vec<HiddenSecret>,
        /// The time step of the code accepted last; no code is accepted twice (RFC 6238, 5.2).
        #[serde(default)]
        last_step: u64,
    },
}

/// Wrong attempts, and the resulting locks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FailedAttempts {
    /// Consecutive wrong attempts since the last lock.
    pub wrong: u32,
    /// Locks since the last right attempt.
    pub locks: u32,
    /// No attempts are accepted before this time.
    pub locked_until: Option<Timestamp>,
}

impl FailedAttempts {
    /// Minutes until the next attempt, rounded up; `None` if removal is not locked.
    pub fn locked_minutes(&self, now: Timestamp) -> Option<u64> {
        let until = self.locked_until?.min(now + self.last_lock());
        let seconds = u64::try_from(until.duration_since(now).as_secs())
            .ok()
            .filter(|left| *left > 0)?;
        Some(seconds.div_ceil(60))
    }

    /// How long the last lock was meant to last.
    fn last_lock(&self) -> SignedDuration {
        let last = (self.locks.saturating_sub(1) as usize).min(LOCK_MINUTES.len() - 1);
        SignedDuration::from_mins(LOCK_MINUTES[last])
    }

    /// Shortens a lock that began while the clock was ahead: none lasts longer from now than it was meant to last.
    pub fn shorten_lock(&mut self, now: Timestamp) {
        let longest = now + self.last_lock();
        self.locked_until = self.locked_until.map(|until| until.min(longest));
    }

    /// Attempts left before the next lock.
    pub fn left(&self) -> u32 {
        MAX_FAILED_ATTEMPTS.saturating_sub(self.wrong)
    }

    /// Counts a wrong attempt; the last one locks removal, each time for longer.
    pub fn note_wrong(&mut self, now: Timestamp) {
        self.wrong += 1;
        if self.wrong >= MAX_FAILED_ATTEMPTS {
            self.locks = self.locks.saturating_add(1);
            self.locked_until = Some(now + self.last_lock());
            self.wrong = 0;
        }
    }
}

/// Why a new PIN is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PinFault {
    /// Fewer than [`MIN_PIN_CHARS`].
    TooShort,
    /// More than [`MAX_PIN_CHARS`].
    TooLong,
    /// Easy to guess, by zxcvbn's estimate.
    TooWeak,
}

/// Hashes a new PIN.
///
/// # Errors
/// The PIN is too short, too long or too weak.
pub fn hash_pin(typed: &str, entropy: &Entropy) -> Result<HiddenSecret, PinFault> {
    let pin = plain_pin(typed);
    if pin.chars().count() < MIN_PIN_CHARS {
        return Err(PinFault::TooShort);
    }
    if typed.trim().chars().count() > MAX_PIN_CHARS {
        return Err(PinFault::TooLong);
    }
    if zxcvbn::zxcvbn(&pin, &[ISSUER]).guesses_log10() < MIN_PIN_GUESSES_LOG10 {
        return Err(PinFault::TooWeak);
    }
    hash(&pin, entropy.salt()).ok_or(PinFault::TooLong)
}

/// A PIN without the differences that keyboards make: the form of its characters, dashes and quotation marks, and the
/// first letter's case, which phones make a capital.
fn plain_pin(typed: &str) -> String {
    let plain = plain_text(typed);
    let mut characters = plain.trim().chars();
    let first = characters.next();
    let first = first.into_iter().flat_map(char::to_lowercase);
    first.chain(characters).collect()
}

/// The argon2id hash of a text, as a PHC string; `None` if the library fails, which is not expected.
fn hash(text: &str, salt: &[u8]) -> Option<HiddenSecret> {
    let params = Params::new(HASH_KIB, HASH_PASSES, 1, None).ok()?;
    let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash: phc::PasswordHash = hasher.hash_password_with_salt(text.as_bytes(), salt).ok()?;
    Some(HiddenSecret(hash.to_string()))
}

/// Whether the typed PIN has this hash, as keyboards type it, or exactly: PINs set by earlier versions were hashed as
/// typed.
pub fn matches_hash(hash: &HiddenSecret, typed: &str) -> bool {
    let typed = typed.trim();
    if typed.chars().count() > MAX_PIN_CHARS {
        return false;
    }
    let plain = plain_pin(typed);
    has_hash(hash, &plain) || (plain != typed && has_hash(hash, typed))
}

fn has_hash(hash: &HiddenSecret, text: &str) -> bool {
    let hash = phc::PasswordHash::new(&hash.0);
    // The hash contains its cost parameters, so older hashes remain valid when the constants change.
    hash.is_ok_and(|hash| {
        Argon2::default()
            .verify_password(text.as_bytes(), &hash)
            .is_ok()
    })
}

/// A new secret for one-time codes.
pub fn new_secret(entropy: &Entropy) -> HiddenSecret {
    HiddenSecret(Secret::from(entropy.secret().to_vec()).to_base32())
}

/// The address for an authenticator app's QR code (`otpauth://…`), and the secret in groups of four for typing.
pub fn enrolment(secret: &HiddenSecret) -> Option<(String, String)> {
    let url = generator(secret)?.to_url().ok()?;
    let groups: Vec<String> = secret
        .0
        .as_bytes()
        .chunks(4)
        .map(|group| String::from_utf8_lossy(group).into_owned())
        .collect();
    Some((url, groups.join(" ")))
}

/// The code generator: RFC 6238 with the defaults of authenticator apps: six digits, 30 seconds, one step of tolerance.
fn generator(secret: &HiddenSecret) -> Option<Totp> {
    let secret = Secret::try_from_base32(&secret.0).ok()?;
    let builder = Builder::new()
        .with_secret(secret)
        .with_issuer(Some(ISSUER))
        .with_account_name(ACCOUNT);
    builder.build().ok()
}

/// The time step of a code that is valid at this time; `None` if it is wrong.
pub fn code_step(secret: &HiddenSecret, code: &str, now: Timestamp) -> Option<u64> {
    let digits = code_digits(code)?;
    let second = u64::try_from(now.as_second()).ok()?;
    generator(secret)?.check(&digits, second)
}

/// The time to check a code by, where the clock may be wrong: the first of these times at which the code is valid, or else
/// the first of them.
pub fn time_of_code(secret: &HiddenSecret, code: &str, times: [Timestamp; 2]) -> Timestamp {
    let valid = times
        .into_iter()
        .find(|time| code_step(secret, code, *time).is_some());
    valid.unwrap_or(times[0])
}

/// The six digits of a one-time code, of any script, without what was typed or pasted around and between them; `None` if
/// there are more or fewer.
pub fn code_digits(typed: &str) -> Option<String> {
    let values = typed.chars().filter_map(digit_value);
    let digits: String = values
        .filter_map(|value| char::from_digit(value, 10))
        .collect();
    (digits.len() == CODE_DIGITS).then_some(digits)
}

/// Protection by codes, and the recovery codes, which are shown only once. `None` if hashing fails.
pub fn protect_by_codes(
    secret: HiddenSecret,
    step: u64,
    entropy: &Entropy,
) -> Option<(Protection, Vec<String>)> {
    let codes: Vec<String> = entropy.recovery().map(recovery_code).collect();
    let hash_code = |code: &String| hash(&plain_code(code), entropy.salt());
    let recovery = codes.iter().map(hash_code).collect::<Option<Vec<_>>>()?;
    let protection = Protection::Codes {
        secret,
        recovery,
        last_step: step,
    };
    Some((protection, codes))
}

/// Five bytes as `ABCD-EFGH`.
fn recovery_code(bytes: &[u8]) -> String {
    let letters = Secret::from(bytes.to_vec()).to_base32();
    format!("{}-{}", &letters[..4], &letters[4..])
}

/// Normalises a recovery code for comparison: ASCII letters and digits only, in capitals.
fn plain_code(code: &str) -> String {
    let plain = plain_text(code);
    let letters = plain.chars().filter(char::is_ascii_alphanumeric);
    letters.map(|letter| letter.to_ascii_uppercase()).collect()
}

/// The result of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    Right,
    Wrong,
    /// The text cannot be a PIN (too short) or a code (wrong form); it does not count as an attempt.
    NotAnAttempt,
    /// A valid code that was accepted before.
    Used,
}

/// Checks a typed PIN or code; an accepted code is used up. Takes tens of milliseconds, because hashing is deliberately
/// slow.
pub fn check_proof(protection: &mut Protection, typed: &str, now: Timestamp) -> Proof {
    let is_right = |right: bool| if right { Proof::Right } else { Proof::Wrong };
    match protection {
        Protection::Pin(_) if plain_pin(typed).chars().count() < MIN_PIN_CHARS => {
            Proof::NotAnAttempt
        }
        Protection::Pin(pin) => is_right(matches_hash(pin, typed)),
        Protection::Codes {
            secret,
            recovery,
            last_step,
        } => match code_step(secret, typed, now) {
            Some(step) if is_unused(step, *last_step) => {
                *last_step = step;
                Proof::Right
            }
            Some(_) => Proof::Used,
            None if !looks_like_code(typed) => Proof::NotAnAttempt,
            None => is_right(use_recovery_code(recovery, typed)),
        },
    }
}

/// Whether the code of a step was not accepted before: it comes after the last one accepted, or that one is from a time when
/// the clock was ahead.
fn is_unused(step: u64, last: u64) -> bool {
    step > last || last > step.saturating_add(MAX_STEPS_AHEAD)
}

/// Whether the text has the form of a code: six digits, or the eight characters of a recovery code.
fn looks_like_code(typed: &str) -> bool {
    code_digits(typed).is_some() || plain_code(typed).len() == RECOVERY_CHARS
}

fn use_recovery_code(recovery: &mut Vec<HiddenSecret>, typed: &str) -> bool {
    let code = plain_code(typed);
    if code.len() != RECOVERY_CHARS {
        return false;
    }
    // All recovery codes have the same salt, so one hash can be compared with all.
    let salt = recovery.first().and_then(|kept| {
        let hash = phc::PasswordHash::new(&kept.0).ok()?;
        Some(hash.salt?.to_vec())
    });
    let Some(typed) = salt.and_then(|salt| hash(&code, &salt)) else {
        return false;
    };
    let position = recovery.iter().position(|kept| *kept == typed);
    position.map(|position| recovery.remove(position)).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTROPY: Entropy = Entropy([42; Entropy::BYTES]);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    #[test]
    fn a_pin_matches_its_own_hash_and_no_other() {
        for pin in ["t9-kajak", "蓝鲸四十七走路", "👍🔑🏠🐳🚪🌙", "836251"] {
            let hash = hash_pin(pin, &ENTROPY).expect("good enough");
            assert!(matches_hash(&hash, pin), "{pin}");
            for other in ["", "t9-kajaK", "836252", &pin.repeat(20)] {
                assert!(!matches_hash(&hash, other), "{other}");
            }
            let written = serde_json::to_string(&hash).expect("written");
            assert!(written.contains("$argon2id$v=19$m=7168,t=5,p=1$") && !written.contains(pin));
        }
    }

    #[test]
    fn a_pin_that_is_guessed_quickly_is_refused() {
        for (pin, fault) in [
            ("", PinFault::TooShort),
            ("12345", PinFault::TooShort),
            ("门禁卡", PinFault::TooShort),
            ("123456", PinFault::TooWeak),
            ("888888", PinFault::TooWeak),
            ("qwerty", PinFault::TooWeak),
            ("19900101", PinFault::TooWeak),
            ("password1", PinFault::TooWeak),
            ("unbind-bot", PinFault::TooWeak),
        ] {
            assert_eq!(hash_pin(pin, &ENTROPY), Err(fault), "{pin}");
        }
        assert_eq!(hash_pin(&"长".repeat(65), &ENTROPY), Err(PinFault::TooLong));
    }

    #[test]
    fn a_pin_opens_however_a_keyboard_types_it() {
        for (pin, typed) in [
            ("Café-kajak9", "Cafe\u{301}-kajak9"),
            ("Café-kajak9", "Café-kajak９"),
            ("Café-kajak9", "café-kajak9"),
            ("kajak-t9", "Kajak–t9"),
            ("Kajak-t9", "kajak-t9"),
            ("kajak--t9", "Kajak—t9"),
            ("o'kajak\"9", "O’kajak”9"),
            ("９ｋａｊａｋ－ｔ４７", "9kajak-t47"),
            ("ⓚajak-t9", "kajak-t9"),
            ("蓝鲸-47-走路", " 蓝鲸－４７－走路\u{200b}\n"),
            ("Ａ836251-x", "a836251-x"),
            ("éclair-47-q", "E\u{301}clair-47-q"),
        ] {
            let hash = hash_pin(pin, &ENTROPY).expect("good enough");
            assert!(matches_hash(&hash, typed), "{pin} {typed}");
        }
        let hash = hash_pin("Café-kajak9", &ENTROPY).expect("good enough");
        for wrong in [
            "Cafe-kajak9",
            "Café-Kajak9",
            "CAFÉ-KAJAK9",
            "Cafékajak9",
            "Café-kajak8",
        ] {
            assert!(!matches_hash(&hash, wrong), "{wrong}");
        }
    }

    #[test]
    fn a_pin_that_was_hashed_as_typed_still_opens() {
        for pin in ["Kajak–９-Café", "Cafe\u{301}-kajak", "K. “47”走路"] {
            let mut protection = Protection::Pin(hash(pin, ENTROPY.salt()).expect("hashed"));
            assert_eq!(
                check_proof(&mut protection, pin, at(0)),
                Proof::Right,
                "{pin}"
            );
            assert_eq!(
                check_proof(&mut protection, "wrong-one", at(0)),
                Proof::Wrong
            );
        }
    }

    #[test]
    fn what_shows_nothing_does_not_make_a_pin_longer() {
        for (pin, fault) in [
            ("4\u{200b}7\u{200b}1\u{200b}2", PinFault::TooShort),
            ("----------", PinFault::TooShort),
            ("１２３４５６", PinFault::TooWeak),
            ("Password1", PinFault::TooWeak),
        ] {
            assert_eq!(hash_pin(pin, &ENTROPY), Err(fault), "{pin}");
        }
    }

    #[test]
    fn a_code_is_read_with_whatever_stands_around_its_digits() {
        for typed in [
            "２８７０８２",
            "287-082",
            "\u{202d}287082\u{202c}",
            "287\u{200b}082",
            "287082.",
            "٢٨٧٠٨٢",
            "𝟐𝟖𝟕𝟎𝟖𝟐",
            "2️⃣8️⃣7️⃣0️⃣8️⃣2️⃣",
            "“287082”",
            "code: 287082",
            "验证码287082",
            "287.082",
            "2 8 7 0 8 2",
            "G-287082",
            "287\n082",
            "287082 thanks",
        ] {
            let secret = HiddenSecret(Secret::from(b"12345678901234567890".to_vec()).to_base32());
            assert_eq!(code_step(&secret, typed, at(59)), Some(1), "{typed}");
        }
    }

    #[test]
    fn what_is_not_made_like_a_code_is_no_attempt() {
        let secret = HiddenSecret(Secret::from(b"12345678901234567890".to_vec()).to_base32());
        let (mut protection, _) = protect_by_codes(secret, 0, &ENTROPY).expect("set up");
        for typed in [
            "28708",
            "2870820",
            "1",
            "28７0",
            "4111 1111 1111 1111",
            "½½½½½½",
            "ABC",
            "门禁卡",
        ] {
            assert_eq!(
                check_proof(&mut protection, typed, at(59)),
                Proof::NotAnAttempt,
                "{typed}"
            );
        }
        for typed in ["000000", "０００-０００", "AAAA-AAAA", "ａａａａａａａａ"] {
            assert_eq!(
                check_proof(&mut protection, typed, at(59)),
                Proof::Wrong,
                "{typed}"
            );
        }
    }

    #[test]
    fn debug_output_hides_hashes_and_secrets() {
        let hash = hash_pin("t9-kajak", &ENTROPY).expect("good enough");
        let shown = format!("{:?} {ENTROPY:?}", Protection::Pin(hash));
        assert_eq!(shown, "Pin(HiddenSecret(…)) Entropy(…)");
    }

    /// The test vector of RFC 6238, appendix B, for SHA-1, cut to six digits.
    #[test]
    fn codes_are_those_of_rfc_6238() {
        let secret = HiddenSecret(Secret::from(b"12345678901234567890".to_vec()).to_base32());
        assert_eq!(code_step(&secret, "287082", at(59)), Some(1));
        assert_eq!(code_step(&secret, " 287 082 ", at(59)), Some(1));
        assert_eq!(code_step(&secret, "287082", at(89)), Some(1), "a step late");
        assert_eq!(
            code_step(&secret, "287082", at(120)),
            None,
            "two steps late"
        );
        for typed in ["", "28708", "2870820", "门禁卡", "👍"] {
            assert_eq!(code_step(&secret, typed, at(59)), None, "{typed}");
        }
    }

    #[test]
    fn a_code_is_accepted_once_and_so_is_each_recovery_code() {
        let secret = HiddenSecret(Secret::from(b"12345678901234567890".to_vec()).to_base32());
        let bytes = std::array::from_fn(|index| u8::try_from(index).unwrap_or(0));
        let (mut protection, codes) = protect_by_codes(secret, 0, &Entropy(bytes)).expect("set up");
        assert_eq!(check_proof(&mut protection, "287082", at(59)), Proof::Right);
        assert_eq!(check_proof(&mut protection, "287082", at(59)), Proof::Used);
        assert_eq!(codes.len(), RECOVERY_CODES);
        let typed = codes[0].to_lowercase().replace('-', " ");
        assert_eq!(check_proof(&mut protection, &typed, at(59)), Proof::Right);
        assert_eq!(
            check_proof(&mut protection, &typed, at(59)),
            Proof::Wrong,
            "twice"
        );
        assert_eq!(
            check_proof(&mut protection, "ZZZZ-ZZZZ", at(59)),
            Proof::Wrong
        );
        for word in ["", "ok", "where is the code", "我没有验证器", "👍"] {
            assert_eq!(
                check_proof(&mut protection, word, at(59)),
                Proof::NotAnAttempt,
                "{word}"
            );
        }
    }

    #[test]
    fn a_code_accepted_under_a_clock_ahead_does_not_refuse_those_of_the_right_time() {
        let secret = HiddenSecret(Secret::from(b"12345678901234567890".to_vec()).to_base32());
        for ahead in [MAX_STEPS_AHEAD + 2, 120, 400 * 24 * 120] {
            let mut protection = Protection::Codes {
                secret: secret.clone(),
                recovery: Vec::new(),
                last_step: 1 + ahead,
            };
            assert_eq!(check_proof(&mut protection, "287082", at(59)), Proof::Right);
            assert_eq!(check_proof(&mut protection, "287082", at(59)), Proof::Used);
        }
        // Clocks that are a little off explain this one.
        let mut protection = Protection::Codes {
            secret: secret.clone(),
            recovery: Vec::new(),
            last_step: 1 + MAX_STEPS_AHEAD,
        };
        assert_eq!(check_proof(&mut protection, "287082", at(59)), Proof::Used);
        // The clock is ahead, and the message shows the time.
        let times = [at(3600), at(59)];
        assert_eq!(time_of_code(&secret, "287082", times), at(59));
        assert_eq!(time_of_code(&secret, "000000", times), at(3600));
    }

    #[test]
    fn an_authenticator_app_is_told_what_it_needs() {
        let (address, letters) = enrolment(&new_secret(&ENTROPY)).expect("an address");
        let secret: String = letters.split(' ').collect();
        assert!(address.starts_with("otpauth://totp/") && address.contains(&secret));
        assert_eq!(secret.len(), 32, "160 bits");
    }

    #[test]
    fn recovery_codes_differ_as_their_bytes_do() {
        assert_eq!(recovery_code(&[0; 5]), "AAAA-AAAA");
        assert_eq!(recovery_code(&[255; 5]), "7777-7777");
        assert_eq!(recovery_code(&[0, 0, 0, 0, 1]), "AAAA-AAAB");
    }

    #[test]
    fn a_lock_lasts_longer_each_time_and_to_the_second() {
        let mut tries = FailedAttempts::default();
        for minutes in [15, 60, 240, 1440, 1440] {
            for _ in 1..MAX_FAILED_ATTEMPTS {
                tries.note_wrong(at(0));
                assert_eq!(
                    tries.locked_minutes(at(0)).filter(|_| tries.locks == 0),
                    None
                );
            }
            tries.note_wrong(at(0));
            assert_eq!(tries.locked_minutes(at(0)), Some(minutes));
            let last = at(i64::try_from(minutes).expect("small") * 60 - 1);
            assert_eq!(tries.locked_minutes(last), Some(1));
            assert_eq!(
                tries.locked_minutes(last + SignedDuration::from_secs(1)),
                None
            );
        }
    }
}
