//! Recognises numbers that are no secret: phone numbers, dates, times and coordinates by their form, and others by a
//! word beside them.

use std::ops::Range;

use super::{
    numbers::Group,
    reading::{Reading, Word},
};

/// The most digits of a phone number with its country code. A few have up to 15 (E.164), as some card numbers have.
const INTERNATIONAL_DIGITS: usize = 13;
/// The fewest digits of a phone number with its country or area code.
const MIN_PHONE_DIGITS: usize = 8;
/// Digits of the two zeros before a country code.
const DOUBLE_ZERO: usize = 2;
/// Digits after which a phone number with an area code is complete.
const PHONE_DIGITS: usize = 10;
/// What stands between two phone numbers, and not inside one.
const LIST_SIGNS: [char; 8] = ['+', ',', '/', ';', '|', '、', '，', '\n'];
/// Decimals of a coordinate.
const DECIMALS: std::ops::RangeInclusive<usize> = 4..=8;
/// Years that a date may have.
const YEARS: std::ops::RangeInclusive<u32> = 1900..=2099;

/// Whether groups in a row are phone numbers, dates, times or coordinates.
pub(super) fn covers(groups: &[Group]) -> bool {
    is_covered(groups, &known(groups))
}

/// Which groups in a row belong to a phone number, a date, a time or a coordinate.
pub(super) fn known(groups: &[Group]) -> Vec<bool> {
    let mut known = Vec::new();
    while let Some(rest) = groups.get(known.len()..).filter(|rest| !rest.is_empty()) {
        // Groups within a card number may begin with a zero as well.
        let may_begin_with_zero = known.last().is_none_or(|known| *known);
        let count = unit(rest, may_begin_with_zero);
        known.extend(std::iter::repeat_n(count > 0, count.max(1)));
    }
    known
}

/// Whether nearly all digits of these groups are in those that are known: a card number may begin with a short number and
/// go on like a phone number, as in 4532 0151 1283 0366.
pub(super) fn is_covered(groups: &[Group], known: &[bool]) -> bool {
    let parts = groups.iter().zip(known);
    let covered: usize = parts
        .filter(|(_, known)| **known)
        .map(|(group, _)| group.len())
        .sum();
    covered > 0 && covered * 6 > digits_of(groups) * 5
}

/// Whether four digits may be a year.
pub(super) fn is_year(group: &Group) -> bool {
    group.len() == 4 && YEARS.contains(&group.value())
}

/// Whether a number is a hotline or the sender of text messages in China: 95588, 10086, 106…
pub(super) fn is_hotline(group: &Group) -> bool {
    match group.len() {
        5 => {
            group.begins(&[9, 5])
                || group.begins(&[1, 0, 0])
                || group.begins(&[9, 6])
                || group.value() == 12306
        }
        8..=13 => group.begins(&[1, 0, 6]),
        _ => false,
    }
}

/// Whether the text before a number, which ends where the number begins, calls it something else than a secret: “room”,
/// “订单号”.
pub(super) fn is_labelled(reading: &Reading<'_>, before: &Range<usize>) -> bool {
    let labels = reading.places(Word::OtherNumber);
    labels.iter().any(|label| {
        label.start >= before.start
            && label.end <= before.end
            && reading.has_only(&(label.end..before.end), &[Word::Is])
    })
}

fn digits_of(groups: &[Group]) -> usize {
    groups.iter().map(Group::len).sum()
}

/// The number of groups at the beginning that make up one phone number, date, time or coordinate; 0 if they are none.
fn unit(groups: &[Group], may_begin_with_zero: bool) -> usize {
    let with_zero = [double_zero, with_area_code].map(|form| form(groups));
    let others = [
        with_plus,
        hotline,
        chinese_mobile,
        american,
        date,
        time,
        coordinates,
    ]
    .map(|form| form(groups));
    let with_zero = with_zero.into_iter().filter(|_| may_begin_with_zero);
    let mut counts = with_zero.chain(others);
    counts.find(|count| *count > 0).unwrap_or(0)
}

/// Whether the first groups have these lengths, and nothing stands between them that separates phone numbers.
fn have_lengths(groups: &[Group], lengths: &[usize]) -> bool {
    let mut parts = groups.iter().zip(lengths).enumerate();
    groups.len() >= lengths.len()
        && parts.all(|(index, (group, length))| {
            group.len() == *length && (index == 0 || !group.gap.contains(LIST_SIGNS))
        })
}

/// `+86 …`.
fn with_plus(groups: &[Group]) -> usize {
    let gap = &groups[0].gap;
    // Between two digits a plus is a separator like others.
    let is_between = groups[0].is_joined() && gap.starts_with('+');
    let is_plus = gap.trim_end_matches(['(', ' ']).ends_with('+') && !is_between;
    if is_plus {
        international(groups, INTERNATIONAL_DIGITS)
    } else {
        0
    }
}

/// `0086 …`.
fn double_zero(groups: &[Group]) -> usize {
    let is_double_zero = groups[0].begins(&[0, 0]) && !groups[0].begins(&[0, 0, 0]);
    let count = if is_double_zero {
        international(groups, INTERNATIONAL_DIGITS + DOUBLE_ZERO)
    } else {
        0
    };
    let is_long = digits_of(&groups[..count]) > MIN_PHONE_DIGITS + DOUBLE_ZERO;
    if is_long { count } else { 0 }
}

/// As many groups as belong to one phone number with a country code.
fn international(groups: &[Group], most: usize) -> usize {
    let mut digits = 0;
    let parts = groups.iter().enumerate().take_while(|(index, group)| {
        digits += group.len();
        digits <= most && (*index == 0 || !group.gap.contains(LIST_SIGNS))
    });
    let count = parts.count();
    if digits_of(&groups[..count]) >= MIN_PHONE_DIGITS {
        count
    } else {
        0
    }
}

/// Chinese and American service numbers: 400-820-8820.
fn hotline(groups: &[Group]) -> usize {
    let first = &groups[0];
    let is_service = first.begins(&[4, 0, 0]) || first.begins(&[8, 0, 0]);
    match first.len() {
        10 if is_service => 1,
        3 if is_service && have_lengths(groups, &[3, 3, 4]) => 3,
        3 if is_service && have_lengths(groups, &[3, 4, 3]) => 3,
        3 if is_service && have_lengths(groups, &[3, 7]) => 2,
        _ => 0,
    }
}

/// 138 0013 8000.
fn chinese_mobile(groups: &[Group]) -> usize {
    let first = &groups[0];
    let is_mobile = first.digits[0] == 1 && first.digits.get(1).is_some_and(|digit| *digit > 2);
    match first.len() {
        11 if is_mobile => 1,
        3 if is_mobile && have_lengths(groups, &[3, 4, 4]) => 3,
        _ => 0,
    }
}

/// A number in its own country: a zero, and eight to twelve digits in all.
fn with_area_code(groups: &[Group]) -> usize {
    let first = &groups[0];
    if first.digits[0] != 0 || first.begins(&[0, 0]) {
        return 0;
    }
    let mut digits = 0;
    for (index, group) in groups.iter().enumerate() {
        let is_next = index > 0 && group.gap.contains(LIST_SIGNS);
        if index > 0 && (digits >= PHONE_DIGITS || is_next && digits >= MIN_PHONE_DIGITS) {
            return index;
        }
        digits += group.len();
        if digits > PHONE_DIGITS + 2 {
            return 0;
        }
    }
    if digits >= MIN_PHONE_DIGITS {
        groups.len()
    } else {
        0
    }
}

/// (415) 555-2671, with or without a 1 before it.
fn american(groups: &[Group]) -> usize {
    let ahead = usize::from(groups[0].len() == 1 && groups[0].digits[0] == 1);
    let rest = &groups[ahead..];
    let is_phone = have_lengths(rest, &[3, 3, 4]) && rest[0].digits[0] > 1;
    if is_phone { ahead + 3 } else { 0 }
}

/// 2024-11-05, 5.11.2024, 11/05/2024, 20241105.
fn date(groups: &[Group]) -> usize {
    let is_day_and_month = |one: &Group, other: &Group| {
        let (one, other) = (one.value(), other.value());
        let is_day = |value| (1..=31).contains(&value);
        is_day(one) && is_day(other) && one.min(other) <= 12
    };
    if let [whole, ..] = groups
        && whole.len() == 8
    {
        let (year, rest) = (whole.value() / 10_000, whole.value() % 10_000);
        let is_date = YEARS.contains(&year)
            && (1..=12).contains(&(rest / 100))
            && (1..=31).contains(&(rest % 100));
        return usize::from(is_date);
    }
    let [one, two, three, ..] = groups else {
        return 0;
    };
    let are_short = |one: &Group, other: &Group| one.len() <= 2 && other.len() <= 2;
    let year_first = is_year(one) && are_short(two, three) && is_day_and_month(two, three);
    let year_last = is_year(three) && are_short(one, two) && is_day_and_month(one, two);
    if two.gap == three.gap && (year_first || year_last) {
        3
    } else {
        0
    }
}

/// 13:45 and 13:45:12.
fn time(groups: &[Group]) -> usize {
    let is_part = |group: &Group| group.gap == ":" && group.len() == 2 && group.value() < 60;
    let is_hour = groups[0].len() <= 2 && groups[0].value() < 25;
    let parts = groups[1..]
        .iter()
        .take(2)
        .take_while(|group| is_part(group))
        .count();
    if is_hour && parts > 0 { 1 + parts } else { 0 }
}

/// A pair of numbers with many decimals: 40.712776, -74.005974.
fn coordinates(groups: &[Group]) -> usize {
    let is_decimal = |whole: &Group, part: &Group| {
        part.gap == "." && whole.len() <= 3 && DECIMALS.contains(&part.len())
    };
    match groups {
        [one, decimals, other, more, ..]
            if is_decimal(one, decimals) && is_decimal(other, more) =>
        {
            4
        }
        _ => 0,
    }
}
