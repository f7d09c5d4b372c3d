//! “It's in Samsung Wallet, not Google's”: text in the middle of the steps that names another wallet or phone is taken as
//! a correction. What still holds is kept, the reason and the kind of card; the steps are other ones, so they begin anew.

use super::{
    CardId, Field, Stage, answer, cards,
    follow_up::units,
    record::Deed,
    removal,
    talk::{Talk, plain_word, words_of},
};
use crate::knowledge::{EntryId, PhoneSystem};

/// More words than that are a story or a question, not a correction.
const MAX_UNITS: usize = 16;

/// What is different from what was thought.
struct Correction {
    wallet: EntryId,
    system: Option<PhoneSystem>,
}

/// Takes a text as a correction of the card being taken out, if it is one.
pub(super) fn take(talk: &mut Talk<'_>, text: &str) -> bool {
    let Some(removal) = talk.record.activity.removal() else {
        return false;
    };
    let at_a_step = matches!(
        removal.stage,
        Stage::Step(_) | Stage::AllSteps | Stage::Reason | Stage::Confirmation
    );
    let card = removal.card;
    // “其实是手环上的” says so itself; what does not must not be a question.
    let says_so =
        talk.mentions(text, "words-correction") && !text.trim_end().ends_with(['?', '？']);
    let asks = !says_so && answer::is_question_of_its_own(talk, text);
    if !at_a_step || units(text) > MAX_UNITS || asks {
        return false;
    }
    let Some(correction) = correction(talk, text, card) else {
        return false;
    };
    apply(talk, card, correction);
    true
}

fn correction(talk: &Talk<'_>, text: &str, id: CardId) -> Option<Correction> {
    let card = talk.record.card(id)?;
    let guides = &talk.base.knowledge.guides;
    let lives_on = |wallet: &EntryId, system: PhoneSystem| {
        let guide = guides.get(wallet);
        guide.is_some_and(|guide| guide.systems.contains(&system))
    };
    let named = talk.systems_in(text);
    let another = talk.wallet_besides(text, Some(&card.wallet));
    // A phone's name is a wallet's, too; where the wallet exists on that phone, it is the phone that is meant.
    let is_phone = |name: &str| {
        named
            .iter()
            .any(|system| lives_on(&card.wallet, *system) && is_word_of(talk, name, *system))
    };
    match another {
        Some((_, name)) if talk.denies(text, &name) => None,
        Some((wallet, name)) if !is_phone(&name) => {
            let of_text = named.iter().copied();
            let mut systems = of_text.chain(card.system);
            let system = systems.find(|system| lives_on(&wallet, *system));
            Some(Correction { wallet, system })
        }
        _ => {
            let mut others = named.into_iter();
            let other = others
                .find(|system| Some(*system) != card.system && lives_on(&card.wallet, *system))?;
            Some(Correction {
                wallet: card.wallet.clone(),
                system: Some(other),
            })
        }
    }
}

fn is_word_of(talk: &Talk<'_>, name: &str, system: PhoneSystem) -> bool {
    talk.means(&plain_word(name), &words_of(system))
}

fn apply(talk: &mut Talk<'_>, id: CardId, correction: Correction) {
    let now = talk.now;
    let guide = talk.base.knowledge.guides.get(&correction.wallet);
    let kinds = guide.map(|guide| guide.kinds.clone()).unwrap_or_default();
    let Some(card) = talk.record.cards.iter_mut().find(|card| card.id == id) else {
        return;
    };
    card.wallet = correction.wallet;
    card.system = correction.system;
    card.kind = card.kind.filter(|kind| kinds.contains(kind));
    card.note(Deed::Changed(Field::Wallet), now);
    let (card, label) = (card.clone(), card.label.clone());
    let place = cards::place_name(talk, &card);
    // What was done in another app is not done in this one.
    removal::start_over(talk);
    let text = talk.line(
        "corrected",
        &[("label", label.into()), ("wallet", place.into())],
    );
    talk.preface(text);
}
