//! Corrections such as “It's in Samsung Wallet, not Google's”: a text during a removal that names another wallet or
//! phone. The reason, and the kind of card if it fits, are kept; the steps differ, so they start from the first.

use crate::{
    dialogue::{
        answers::question,
        choice::Field,
        ids::CardId,
        record::{CardEvent, Stage},
        removal::stages,
        turn::TurnBuilder,
        word_lists::plain_word,
        wording,
        words::{count_units, system_words},
    },
    knowledge::{EntryId, PhoneSystem},
};

/// Units of the longest correction; a longer text is taken as a question.
const MAX_UNITS: usize = 16;

/// The corrected wallet and phone system.
struct Correction {
    wallet: EntryId,
    system: Option<PhoneSystem>,
}

/// Takes a text as a correction of the card being removed, if it is one. Returns whether it was.
pub(crate) fn take(turn: &mut TurnBuilder<'_>, text: &str) -> bool {
    let Some(removal) = turn.record.activity.removal() else {
        return false;
    };
    let at_a_step = matches!(
        removal.stage,
        Stage::Step(_) | Stage::AllSteps | Stage::Reason | Stage::Confirmation
    );
    let card = removal.card;
    // “其实是手环上的” is explicit; a text without such a word must not be a question.
    let says_so =
        turn.words().mentions(text, "words-correction") && !text.trim_end().ends_with(['?', '？']);
    let asks = !says_so && question::is_question_of_its_own(turn, text);
    if !at_a_step || count_units(text) > MAX_UNITS || asks {
        return false;
    }
    let Some(correction) = find_correction(turn, text, card) else {
        return false;
    };
    apply(turn, card, correction);
    true
}

fn find_correction(turn: &TurnBuilder<'_>, text: &str, id: CardId) -> Option<Correction> {
    let card = turn.record.card(id)?;
    let guides = &turn.base.knowledge.guides;
    let lives_on = |wallet: &EntryId, system: PhoneSystem| {
        let guide = guides.get(wallet);
        guide.is_some_and(|guide| guide.systems.contains(&system))
    };
    let named = turn.words().systems_in(text);
    let another = turn.words().wallet_besides(text, Some(&card.wallet));
    // Some words name both a phone and a wallet. If the card's wallet exists on that phone, the phone is meant.
    let is_phone = |name: &str| {
        named
            .iter()
            .any(|system| lives_on(&card.wallet, *system) && is_word_of(turn, name, *system))
    };
    match another {
        Some((_, name)) if turn.words().denies(text, &name) => None,
        Some((wallet, name)) if !is_phone(&name) => {
            let of_text = named.iter().copied();
            let mut systems = of_text.chain(card.system);
            let system = systems.find(|system| lives_on(&wallet, *system));
            Some(Correction { wallet, system })
        }
        _ => {
            let other = named
                .into_iter()
                .find(|system| Some(*system) != card.system && lives_on(&card.wallet, *system))?;
            Some(Correction {
                wallet: card.wallet.clone(),
                system: Some(other),
            })
        }
    }
}

fn is_word_of(turn: &TurnBuilder<'_>, name: &str, system: PhoneSystem) -> bool {
    turn.words().means(&plain_word(name), &system_words(system))
}

fn apply(turn: &mut TurnBuilder<'_>, id: CardId, correction: Correction) {
    let now = turn.now;
    let guide = turn.base.knowledge.guides.get(&correction.wallet);
    let kinds = guide.map(|guide| guide.kinds.clone()).unwrap_or_default();
    let Some(card) = turn.record.card_mut(id) else {
        return;
    };
    card.wallet = correction.wallet;
    card.system = correction.system;
    card.kind = card.kind.filter(|kind| kinds.contains(kind));
    card.note(CardEvent::Changed(Field::Wallet), now);
    let card = card.clone();
    let label = ("label", card.label.as_str().into());
    let wallet = ("wallet", wording::place_name(turn, &card).into());
    turn.note(turn.line("corrected", &[label, wallet]));
    // Steps done in another app do not count for this one.
    stages::start_over(turn);
}
