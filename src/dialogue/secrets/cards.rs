//! Recognises card numbers: payment cards by their check digit, issuer and length, others by a word beside them.

use std::ops::RangeInclusive;

use super::{
    numbers::{Group, chains},
    others,
    reading::{Reading, Word},
};

/// Number of digits of a payment card number (ISO/IEC 7812).
const CARD_DIGITS: RangeInclusive<usize> = 13..=19;
/// The fewest digits of other card numbers, which count only beside a word for them: printed access cards have eight to
/// ten or more.
const MIN_NAMED_DIGITS: usize = 8;
/// Characters on each side of a number that are searched for a word for a card number.
const NAME_DISTANCE: usize = 32;
/// The most digits of an account number in IBAN form after its check digits.
const IBAN_DIGITS: usize = 30;

/// The first six digits of the cards of an issuer or a network, and how many digits its numbers have.
///
/// One in ten numbers of any kind passes the check of the last digit. Together with these, one in thirty with 16 digits
/// does, and one in a hundred or fifty with another length, but none that begins with a date or a time stamp, nor the
/// numbers of devices (IMEI) and SIM cards, which have the same check digit. An order number is left alone if a word says
/// what it is.
const ISSUERS: [(RangeInclusive<u32>, &[usize]); 22] = [
    (400_000..=499_999, &[13, 16, 19]), // Visa; China's older debit cards
    (510_000..=559_999, &[16]),         // Mastercard
    (222_100..=272_099, &[16]),         // Mastercard
    (340_000..=349_999, &[15]),         // American Express
    (370_000..=379_999, &[15]),         // American Express
    (300_000..=305_999, &[14]),         // Diners Club
    (309_500..=309_599, &[14]),         // Diners Club
    (360_000..=369_999, &[14, 16]),     // Diners Club
    (380_000..=399_999, &[14, 16]),     // Diners Club
    (352_800..=358_999, &[16, 17, 18, 19]), // JCB
    (600_000..=609_999, &[16, 19]),     // RuPay, Discover, China's older debit cards
    (620_000..=629_999, &[16, 17, 18, 19]), // UnionPay
    (644_000..=659_999, &[16, 19]),     // Discover, RuPay
    (810_000..=829_999, &[16, 17, 18, 19]), // UnionPay, RuPay
    (500_000..=509_999, &[16, 18, 19]), // Maestro, RuPay, Verve, Elo
    (560_000..=589_999, &[16, 18, 19]), // Maestro
    (630_000..=639_999, &[16, 18, 19]), // Maestro
    (670_000..=679_999, &[16, 18, 19]), // Maestro
    (220_000..=220_599, &[16, 17, 18, 19]), // Mir, Borica
    (955_000..=955_999, &[16, 19]),     // China's older debit cards
    (970_400..=979_299, &[16, 19]),     // Napas, Troy
    (986_000..=986_099, &[16]),         // Humo
];

/// Whether one of the numbers is the number of a card.
pub(super) fn has_card_number(reading: &Reading<'_>, groups: &[Group]) -> bool {
    chains(groups).any(|chain| has_payment_card(reading, chain) || is_named_card(reading, chain))
}

/// Whether some groups in a row are a payment card's number: it may stand beside a date, a room or another number.
fn has_payment_card(reading: &Reading<'_>, chain: &[Group]) -> bool {
    let known = others::known(chain);
    let is_card = |from: usize, to: usize| {
        let groups = &chain[from..to];
        let digits: Vec<u32> = groups
            .iter()
            .flat_map(|group| group.digits.clone())
            .collect();
        is_payment_card(&digits)
            && !others::is_covered(groups, &known[from..to])
            && !(groups.len() == 1 && is_labelled_otherwise(reading, &groups[0]))
    };
    (after_iban(reading, chain)..chain.len()).any(|from| {
        let mut digits = 0;
        let mut ends = (from..chain.len()).take_while(|at| {
            digits += chain[*at].len();
            digits <= *CARD_DIGITS.end()
        });
        ends.any(|at| is_card(from, at + 1))
    })
}

/// Whether a number without separators is called something else right before it: “order number 4111…”. Card numbers
/// are mostly written in groups.
fn is_labelled_otherwise(reading: &Reading<'_>, group: &Group) -> bool {
    let before = reading.sentence_before(group.from, NAME_DISTANCE);
    others::is_labelled(reading, &before) && !reading.has_within(&before, Word::CardNumber)
}

/// Luhn's check (ISO/IEC 7812-1, annex B), a known issuer, and the length of its numbers.
fn is_payment_card(digits: &[u32]) -> bool {
    let doubled = |digit: u32| if digit > 4 { 2 * digit - 9 } else { 2 * digit };
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(position, digit)| {
            if position % 2 == 1 {
                doubled(*digit)
            } else {
                *digit
            }
        })
        .sum();
    CARD_DIGITS.contains(&digits.len()) && sum.is_multiple_of(10) && is_issued(digits)
}

fn is_issued(digits: &[u32]) -> bool {
    let prefix = digits
        .iter()
        .take(6)
        .fold(0, |prefix, digit| prefix * 10 + digit);
    let mut issuers = ISSUERS.iter();
    issuers.any(|(prefixes, lengths)| prefixes.contains(&prefix) && lengths.contains(&digits.len()))
}

/// Whether a word beside the number says that it is a card's: “card number: …”, “… is my card number”. A number that looks
/// like another one must stand right beside it.
fn is_named_card(reading: &Reading<'_>, chain: &[Group]) -> bool {
    let digits: usize = chain.iter().map(Group::len).sum();
    let (Some(first), Some(last)) = (chain.first(), chain.last()) else {
        return false;
    };
    if digits < MIN_NAMED_DIGITS {
        return false;
    }
    let before = reading.sentence_before(first.from, NAME_DISTANCE);
    let named = reading.places(Word::CardNumber);
    let last_name = named
        .iter()
        .rfind(|name| name.start >= before.start && name.end <= before.end);
    let is_after_name = last_name.is_some_and(|name| {
        let between = name.end..first.from;
        let is_beside = reading.has_only(&between, &[Word::Is]);
        is_beside || !others::covers(chain) && !reading.has_within(&between, Word::OtherNumber)
    });
    let after = reading.sentence_after(last.to, NAME_DISTANCE);
    let is_before_name = named.iter().any(|name| {
        let between = last.to..name.start;
        name.start >= last.to
            && name.end <= after.end
            && reading.has_only(&between, &[Word::Is, Word::IsMy])
    });
    is_after_name || is_before_name
}

/// The index of the first group that does not belong to an account number (IBAN) or a reference in the same form: two
/// letters, two digits, then groups.
fn after_iban(reading: &Reading<'_>, chain: &[Group]) -> usize {
    let Some(first) = chain.first() else {
        return 0;
    };
    let before: String = reading.typed[..first.from]
        .iter()
        .rev()
        .filter(|c| !c.is_whitespace())
        .take(9)
        .collect();
    let is_iban = is_after_bank_code(&before)
        || is_after_country(&reading.typed[..first.from])
            && (first.len() == 2 || has_iban_check(&before, &first.digits));
    if !is_iban {
        return 0;
    }
    let mut digits = 0;
    chain
        .iter()
        .enumerate()
        .take_while(|(index, group)| {
            digits += group.len();
            *index == 0 || group.gap == " " && digits <= IBAN_DIGITS
        })
        .count()
}

/// Whether a text ends with two capital letters that are no part of a longer word.
fn is_after_country(before: &[char]) -> bool {
    let mut letters = before.iter().rev();
    let is_capital = |c: Option<&char>| c.is_some_and(char::is_ascii_uppercase);
    is_capital(letters.next())
        && is_capital(letters.next())
        && !letters.next().is_some_and(|c| c.is_alphanumeric())
}

/// Whether the country, the check digits and the four letters of the bank stand before, read backwards.
fn is_after_bank_code(backwards: &str) -> bool {
    let form = |(at, c): (usize, char)| match at {
        4 | 5 => c.is_ascii_digit(),
        _ => c.is_ascii_uppercase(),
    };
    backwards.chars().count() >= 8 && backwards.chars().take(8).enumerate().all(form)
}

/// The check of ISO 7064 (mod 97) over the country's two letters, which stand at the beginning of the text read
/// backwards, the check digits and the rest.
fn has_iban_check(backwards: &str, digits: &[u32]) -> bool {
    let mut country: Vec<char> = backwards.chars().take(2).collect();
    country.reverse();
    let values = country.iter().filter_map(|c| c.to_digit(36));
    let (check, rest) = digits.split_at(digits.len().min(2));
    let appended = values.flat_map(|value| [value / 10, value % 10]);
    let all = rest
        .iter()
        .copied()
        .chain(appended)
        .chain(check.iter().copied());
    all.fold(0, |remainder, digit| (remainder * 10 + digit) % 97) == 1
}
