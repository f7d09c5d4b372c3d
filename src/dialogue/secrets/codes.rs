//! Recognises PINs and one-time codes that are numbers: by a word beside them, or because they were sent alone.

use std::ops::{Range, RangeInclusive};

use super::{
    numbers::Group,
    others,
    reading::{Reading, Word},
};

/// Number of digits of PINs and one-time codes.
const CODE_DIGITS: RangeInclusive<usize> = 4..=10;
/// Number of digits of what stands right after its word: the code on the back of a card has three.
const NAMED_DIGITS: RangeInclusive<usize> = 3..=10;
/// Number of digits of a code sent alone; longer numbers are rather phone numbers.
const LONE_DIGITS: RangeInclusive<usize> = 4..=8;
/// The most digits that are taken for a room or a year, unless the word stands right beside them.
const SHORT_DIGITS: usize = 4;
/// Digits after “G-” in the text messages of Google.
const PREFIXED_DIGITS: usize = 6;
/// Characters on each side of a number that are searched for a word: “my password is 888123”.
const WORD_DISTANCE: usize = 32;
/// Characters that make a number an amount, a phone number or a label.
const AMOUNT_SIGNS: [char; 8] = ['$', '€', '£', '¥', '%', '#', '+', '@'];
/// Characters that end a part of a sentence.
const PAUSES: [char; 5] = [',', '，', '、', '.', ':'];

/// Whether one of the numbers is a PIN or a code.
pub(super) fn has_code(reading: &Reading<'_>, groups: &[Group]) -> bool {
    candidates(groups).any(|number| {
        has_prefix(reading, number)
            || !is_other(reading, number)
                && (is_after_word(reading, number) || is_before_word(reading, number))
    })
}

/// Whether a text is only a number of the length of a PIN or code, with punctuation or a word such as “code” or
/// “thanks” beside it.
pub(super) fn is_lone_code(reading: &Reading<'_>, groups: &[Group]) -> bool {
    let mut numbers = groups.chunk_by(|_, next| next.is_tight());
    let (Some(number), None) = (numbers.next(), numbers.next()) else {
        return false;
    };
    let (Some(first), Some(last)) = (number.first(), number.last()) else {
        return false;
    };
    let around = [0..first.from, last.to..reading.folded.len()];
    let is_bare = |range: &Range<usize>| {
        let beside = [Word::BesideCode, Word::Code, Word::Is];
        !reading.has_any(range, &AMOUNT_SIGNS)
            && !reading.has_any(range, &['?', '/'])
            && reading.has_only(range, &beside)
    };
    LONE_DIGITS.contains(&digits(number))
        && has_even_groups(number)
        && !is_sequence(number)
        && !others::covers(number)
        && !(number.len() == 1 && others::is_hotline(first))
        && around.iter().all(is_bare)
}

/// The numbers that may be codes: groups with a single space or dash between them, if they are short enough together,
/// and otherwise each by itself.
fn candidates(groups: &[Group]) -> impl Iterator<Item = &[Group]> {
    groups
        .chunk_by(|_, next| next.is_tight())
        .flat_map(|number| {
            let is_one = NAMED_DIGITS.contains(&digits(number)) && has_even_groups(number);
            number.chunks(if is_one { number.len() } else { 1 })
        })
}

fn digits(number: &[Group]) -> usize {
    number.iter().map(Group::len).sum()
}

/// Whether the groups are as long as each other, or none is short: 482 913, 4829 130, not 3-1201.
fn has_even_groups(number: &[Group]) -> bool {
    let Some(first) = number.first() else {
        return false;
    };
    number.iter().all(|group| group.len() == first.len())
        || number.iter().all(|group| group.len() > 2)
}

/// Whether numbers are counted up, one by one, or are years: 1 2 3 4, 2025-2026.
fn is_sequence(number: &[Group]) -> bool {
    let mut pairs = number.windows(2);
    let counts = pairs.all(|pair| pair[0].value() + 1 == pair[1].value());
    number.len() > 1 && (counts || number.iter().all(others::is_year))
}

/// `G-482913`.
fn has_prefix(reading: &Reading<'_>, number: &[Group]) -> bool {
    let from = number[0].from;
    let before = &reading.folded[from.saturating_sub(3)..from];
    let is_prefix =
        matches!(before, ['g', '-']) || matches!(before, [c, 'g', '-'] if !c.is_alphanumeric());
    is_prefix && digits(number) == PREFIXED_DIGITS
}

/// Whether a number is clearly something else: a date, a phone number, a room, a count, an amount, part of a name.
fn is_other(reading: &Reading<'_>, number: &[Group]) -> bool {
    let (Some(first), Some(last)) = (number.first(), number.last()) else {
        return true;
    };
    let before = reading.sentence_before(first.from, WORD_DISTANCE);
    others::covers(number)
        || number.len() == 1 && others::is_hotline(first)
        || others::is_labelled(reading, &before)
        || is_counted(reading, last)
        || is_part_of_name(reading, first, last)
        || reading
            .before(first.from)
            .is_some_and(|c| AMOUNT_SIGNS.contains(&c))
        || reading.at(last.to) == Some('%')
}

/// Whether a word that counts stands right after a number: “20 minutes”, “2024年”.
fn is_counted(reading: &Reading<'_>, group: &Group) -> bool {
    let places = reading.places(Word::Counter);
    let is_next = |place: &Range<usize>| {
        place.start >= group.to
            && reading.folded[group.to..place.start]
                .iter()
                .all(|c| c.is_whitespace())
    };
    places.iter().any(is_next)
}

/// Whether a Latin letter touches the number, other than the end of a word for a code: v2024, 1920x1080, not pin4821.
fn is_part_of_name(reading: &Reading<'_>, first: &Group, last: &Group) -> bool {
    let is_letter = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphabetic());
    let named = reading.places(Word::Code);
    let is_word_end = named.iter().any(|place| place.end == first.from);
    is_letter(reading.at(last.to)) || is_letter(reading.before(first.from)) && !is_word_end
}

fn is_after_word(reading: &Reading<'_>, number: &[Group]) -> bool {
    let (from, count) = (number[0].from, digits(number));
    let before = reading.sentence_before(from, WORD_DISTANCE);
    let named = reading.places(Word::Code);
    let mut named = named
        .iter()
        .filter(|name| name.start >= before.start && name.end <= before.end);
    named.any(|name| {
        let between = name.end..from;
        let is_beside = reading.has_only(&between, &[Word::Is]);
        is_beside && NAMED_DIGITS.contains(&count)
            || CODE_DIGITS.contains(&count)
                && !reading.has_within(&between, Word::OtherNumber)
                && !is_apart(reading, number, &between)
    })
}

fn is_before_word(reading: &Reading<'_>, number: &[Group]) -> bool {
    let (to, count) = (number[number.len() - 1].to, digits(number));
    let after = reading.sentence_after(to, WORD_DISTANCE);
    let named = reading.places(Word::Code);
    let mut named = named
        .iter()
        .filter(|name| name.start >= after.start && name.end <= after.end);
    named.any(|name| {
        let between = to..name.start;
        let is_beside = reading.has_only(&between, &[Word::Is, Word::IsMy]);
        CODE_DIGITS.contains(&count) && (is_beside || !is_apart(reading, number, &between))
    })
}

/// Whether a number is so short that it may be a room or a year, or stands in another part of the sentence.
fn is_apart(reading: &Reading<'_>, number: &[Group], between: &Range<usize>) -> bool {
    digits(number) <= SHORT_DIGITS
        && (reading.has_any(between, &PAUSES) || number.iter().any(others::is_year))
}
