//! Words cards, wallets, kinds and dates in the language of the turn.

use jiff::Timestamp;

use super::{record::Card, turn::TurnBuilder};
use crate::{
    knowledge::{CardKind, EntryId},
    markup::RichText,
};

/// The most cards named in one list; of the others, only the number is given.
pub(super) const MAX_NAMED: usize = 8;

/// A wallet's name, or its id if the base no longer has it.
pub(super) fn wallet_name(turn: &TurnBuilder<'_>, wallet: &EntryId) -> String {
    let guide = turn.base.knowledge.guides.get(wallet);
    let text = guide.and_then(|guide| guide.text(turn.language));
    text.map_or_else(|| wallet.to_string(), |text| text.name.clone())
}

/// The wallet of a card and, if known, its phone system.
pub(super) fn place_name(turn: &TurnBuilder<'_>, card: &Card) -> String {
    let wallet = wallet_name(turn, &card.wallet);
    let Some(system) = card.system else {
        return wallet;
    };
    let system = turn.label(&format!("system-{}", system.code()), &[]);
    format!("{wallet} · {system}")
}

/// The name of a kind of card: issued, copied, …
pub(super) fn kind_name(turn: &TurnBuilder<'_>, kind: CardKind) -> String {
    turn.label(&format!("kind-{}", kind.code()), &[])
}

/// “ends in 4821”, if the digits are known.
pub(super) fn last_digits(turn: &TurnBuilder<'_>, card: &Card) -> Option<String> {
    let digits = card.digits.as_deref()?;
    Some(turn.label("ends-in", &[("digits", digits.into())]))
}

/// Everything known about a card, in one line.
pub(super) fn details(turn: &TurnBuilder<'_>, card: &Card) -> String {
    let known = [
        Some(card.label.clone()),
        Some(place_name(turn, card)),
        card.kind.map(|kind| kind_name(turn, kind)),
        last_digits(turn, card),
        card.issuer.clone(),
    ];
    known.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

/// Labels in one line: the first [`MAX_NAMED`], and how many more there are.
pub(super) fn list_labels<S: AsRef<str>>(labels: &[S]) -> String {
    let named: Vec<_> = labels.iter().take(MAX_NAMED).map(AsRef::as_ref).collect();
    match labels.len().saturating_sub(MAX_NAMED) {
        0 => named.join(" · "),
        more => format!("{} · +{more}", named.join(" · ")),
    }
}

/// The cards left on the list, in one line.
pub(super) fn left_line(turn: &TurnBuilder<'_>) -> RichText {
    let labels: Vec<_> = turn.record.cards.iter().map(|card| &card.label).collect();
    if labels.is_empty() {
        turn.line("left-none", &[])
    } else {
        let labels = list_labels(&labels);
        turn.line("left-cards", &[("labels", labels.into())])
    }
}

/// A day in UTC, such as `2026-01-31`.
pub(super) fn date(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d").to_string()
}
