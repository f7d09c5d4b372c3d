//! What a button means, and how that is written in its data.
//!
//! Every choice has a short word; one about something has that behind a colon: `yes:3`. What comes of a choice is said by
//! the rooms it belongs to.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::event::{CardId, UserId};
use crate::knowledge::{CardKind, EntryId, Language, PhoneSystem};

/// Telegram's limit for the data of a button.
const MAX_DATA_BYTES: usize = 64;

/// What a pressed button carries: what it means, the turn it was shown in, and in a group for whom.
///
/// Written `<turn>.<choice>` or `<turn>~<user>.<choice>`, at most 64 bytes; a button with a very long entry id is
/// anybody's, for want of room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Press {
    /// The turn whose keyboard it is; an older one is not obeyed.
    pub turn: u32,
    /// The only one who may press it.
    pub owner: Option<UserId>,
    /// What it means.
    pub choice: Choice,
}

impl Press {
    /// A button anybody in the chat may press.
    pub fn new(turn: u32, choice: Choice) -> Self {
        Self {
            turn,
            owner: None,
            choice,
        }
    }

    /// The same for `owner` alone, if there is room to say so.
    pub fn owned_by(self, owner: Option<UserId>) -> Self {
        let owned = Self { owner, ..self };
        if owned.to_string().len() <= MAX_DATA_BYTES {
            return owned;
        }
        Self {
            owner: None,
            ..owned
        }
    }

    /// Whether it is somebody else's, for whoever presses it.
    pub fn is_anothers(&self, who: Option<UserId>) -> bool {
        self.owner.is_some() && self.owner != who
    }
}

impl fmt::Display for Press {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.owner {
            Some(UserId(owner)) => write!(f, "{}~{owner:x}.{}", self.turn, self.choice),
            None => write!(f, "{}.{}", self.turn, self.choice),
        }
    }
}

impl FromStr for Press {
    type Err = ForeignButton;

    fn from_str(text: &str) -> Result<Self, ForeignButton> {
        let (shown, choice) = text.split_once('.').ok_or(ForeignButton)?;
        let (turn, owner) = match shown.split_once('~') {
            Some((turn, owner)) => (turn, Some(user(owner)?)),
            None => (shown, None),
        };
        Ok(Self {
            turn: turn.parse().map_err(|_| ForeignButton)?,
            owner,
            choice: choice.parse()?,
        })
    }
}

fn user(hexadecimal: &str) -> Result<UserId, ForeignButton> {
    let id = u64::from_str_radix(hexadecimal, 16);
    id.map(UserId).map_err(|_| ForeignButton)
}

/// The text of a button is not of our making.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no button of this bot carries this data")]
pub struct ForeignButton;

/// A page of a long list, from 0.
pub type Page = u16;

/// Why a card is taken out; it changes what follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// There is a new card in its place.
    NewCard,
    /// The phone is replaced.
    NewPhone,
    /// Somebody used it, or might.
    Misuse,
    /// It is no longer used.
    TidyingUp,
    /// Not said.
    Unsaid,
}

impl Reason {
    /// Every reason that is offered, in that order.
    pub const OFFERED: [Self; 4] = [Self::NewCard, Self::NewPhone, Self::Misuse, Self::TidyingUp];

    /// The name in buttons and lines.
    pub fn code(self) -> &'static str {
        match self {
            Self::NewCard => "new-card",
            Self::NewPhone => "new-phone",
            Self::Misuse => "misuse",
            Self::TidyingUp => "tidying-up",
            Self::Unsaid => "unsaid",
        }
    }

    fn from_code(code: &str) -> Option<Self> {
        let mut all = Self::OFFERED.into_iter().chain([Self::Unsaid]);
        all.find(|reason| reason.code() == code)
    }
}

/// What can be changed of a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// What its owner calls it.
    Label,
    /// The wallet it is in, with the phone system and kind where they matter.
    Wallet,
    /// Who issued it, or where it opens.
    Issuer,
    /// Its last digits.
    Digits,
}

impl Field {
    /// Every field, in the order they are offered.
    pub const ALL: [Self; 4] = [Self::Label, Self::Wallet, Self::Issuer, Self::Digits];

    /// The name in buttons and lines.
    pub fn code(self) -> &'static str {
        match self {
            Self::Label => "label",
            Self::Wallet => "wallet",
            Self::Issuer => "issuer",
            Self::Digits => "digits",
        }
    }
}

/// The meaning of a button.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// None of the suggestions.
    NoneOfThese,
    /// Begin a guided removal.
    Unbind,
    /// Add a card.
    AddCard,
    /// Do not say.
    Skip,
    /// The step is done.
    Done,
    /// It looks different here.
    LooksDifferent,
    /// The step before.
    Back,
    /// Show where we are.
    Continue,
    /// Set the removal aside for later.
    Pause,
    /// Leave the procedure.
    Cancel,
    /// Take up again what was cancelled.
    Uncancel,
    /// No reminders of what is left unfinished.
    Quiet,
    /// Browse the groups.
    Groups,
    /// What the bot can do.
    Help,
    /// What is kept, and for how long.
    Privacy,
    /// Send everything kept of this chat as a file.
    Export,
    /// Put the cards of the file on the list.
    Import,
    /// Ask whether everything is to be deleted.
    Forget,
    /// The yes to that.
    ForgetAll,
    /// Ask for that every few months.
    ReviewOn,
    /// Ask no more.
    ReviewOff,
    /// All cards are still in use.
    StillUsed,
    /// Have removals protected, or not.
    Protect,
    /// Protect them with a PIN.
    UsePin,
    /// Protect them with one-time codes.
    UseCodes,
    /// Protect them no more.
    Unprotect,
    /// Show an entry.
    Entry(EntryId),
    /// This answer helped.
    Helpful(EntryId),
    /// This answer is not what was asked.
    NotHelpful(EntryId),
    /// Begin a guided removal of a card in this wallet.
    UnbindFrom(EntryId),
    /// Take out this card.
    UnbindCard(CardId),
    /// Why the card is taken out.
    Why(Reason),
    /// One of the labels offered for a new card (`home`, `office`, …).
    Label(String),
    /// The wallet a card is in.
    Wallet(EntryId),
    /// The phone system a card is on.
    System(PhoneSystem),
    /// The kind of a card.
    Kind(CardKind),
    /// Send what is known of a card as a file.
    Details(CardId),
    /// The yes to this card's removal.
    Confirm(CardId),
    /// The card is gone from the wallet.
    Gone(CardId),
    /// The card is still in the wallet.
    StillThere(CardId),
    /// Not sure whether the card is gone.
    NotSure(CardId),
    /// Ask again after a while whether the card is gone.
    RemindMe(CardId),
    /// Put a removed card back.
    PutBack(CardId),
    /// Show the list of cards.
    Cards(Page),
    /// Show one card.
    Card(CardId),
    /// Show what happened to a card.
    History(CardId),
    /// Change what is known of a card.
    Edit(Field, CardId),
    /// Forget that of a card.
    Clear(Field, CardId),
    /// Show the removed cards.
    Bin(Page),
    /// Show more of the cards to choose from.
    Choose(Page),
    /// Look through the cards, whether they are still in use.
    Review(Page),
    /// Browse a group.
    Group(String),
    /// Speak this language.
    Language(Language),
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoneOfThese => f.write_str("none"),
            Self::Unbind => f.write_str("unbind"),
            Self::AddCard => f.write_str("add"),
            Self::Skip => f.write_str("skip"),
            Self::Done => f.write_str("done"),
            Self::LooksDifferent => f.write_str("differs"),
            Self::Back => f.write_str("back"),
            Self::Continue => f.write_str("continue"),
            Self::Pause => f.write_str("pause"),
            Self::Cancel => f.write_str("cancel"),
            Self::Uncancel => f.write_str("uncancel"),
            Self::Quiet => f.write_str("quiet"),
            Self::Groups => f.write_str("groups"),
            Self::Help => f.write_str("help"),
            Self::Privacy => f.write_str("privacy"),
            Self::Export => f.write_str("export"),
            Self::Import => f.write_str("import"),
            Self::Forget => f.write_str("forget"),
            Self::ForgetAll => f.write_str("forget-all"),
            Self::ReviewOn => f.write_str("review-on"),
            Self::ReviewOff => f.write_str("review-off"),
            Self::StillUsed => f.write_str("in-use"),
            Self::Protect => f.write_str("protect"),
            Self::UsePin => f.write_str("use-pin"),
            Self::UseCodes => f.write_str("use-codes"),
            Self::Unprotect => f.write_str("unprotect"),
            Self::Entry(id) => write!(f, "e:{id}"),
            Self::Helpful(id) => write!(f, "u:{id}"),
            Self::NotHelpful(id) => write!(f, "n:{id}"),
            Self::UnbindFrom(id) => write!(f, "g:{id}"),
            Self::UnbindCard(CardId(card)) => write!(f, "out:{card}"),
            Self::Why(reason) => write!(f, "why:{}", reason.code()),
            Self::Label(name) => write!(f, "label:{name}"),
            Self::Wallet(id) => write!(f, "w:{id}"),
            Self::System(system) => write!(f, "system:{}", system.code()),
            Self::Kind(kind) => write!(f, "kind:{}", kind.code()),
            Self::Details(CardId(card)) => write!(f, "details:{card}"),
            Self::Confirm(CardId(card)) => write!(f, "yes:{card}"),
            Self::Gone(CardId(card)) => write!(f, "gone:{card}"),
            Self::StillThere(CardId(card)) => write!(f, "still:{card}"),
            Self::NotSure(CardId(card)) => write!(f, "unsure:{card}"),
            Self::RemindMe(CardId(card)) => write!(f, "remind:{card}"),
            Self::PutBack(CardId(card)) => write!(f, "undo:{card}"),
            Self::Cards(page) => write!(f, "cards:{page}"),
            Self::Card(CardId(card)) => write!(f, "card:{card}"),
            Self::History(CardId(card)) => write!(f, "history:{card}"),
            Self::Edit(field, CardId(card)) => write!(f, "edit:{}:{card}", field.code()),
            Self::Clear(field, CardId(card)) => write!(f, "clear:{}:{card}", field.code()),
            Self::Bin(page) => write!(f, "bin:{page}"),
            Self::Choose(page) => write!(f, "choose:{page}"),
            Self::Review(page) => write!(f, "review:{page}"),
            Self::Group(name) => write!(f, "group:{name}"),
            Self::Language(language) => write!(f, "lang:{language}"),
        }
    }
}

impl FromStr for Choice {
    type Err = ForeignButton;

    fn from_str(text: &str) -> Result<Self, ForeignButton> {
        let choice = match text.split_once(':') {
            None => Self::without_object(text),
            Some((verb, object)) => Self::with_object(verb, object),
        };
        choice.ok_or(ForeignButton)
    }
}

impl Choice {
    /// Whether it only shows something to read: such a button is obeyed however old it is.
    pub fn only_reads(&self) -> bool {
        matches!(
            self,
            Self::Entry(_)
                | Self::Groups
                | Self::Group(_)
                | Self::Help
                | Self::Privacy
                | Self::Cards(_)
                | Self::Card(_)
                | Self::History(_)
                | Self::Bin(_)
        )
    }

    /// Whether it is about somebody's cards, which are nobody else's business.
    pub fn is_personal(&self) -> bool {
        !matches!(
            self,
            Self::Entry(_)
                | Self::NoneOfThese
                | Self::Groups
                | Self::Group(_)
                | Self::Help
                | Self::Language(_)
        )
    }

    /// Whether it stands below answers, which stay readable when it is pressed; other buttons stand on screens, which
    /// are drawn anew.
    pub fn stands_below_answers(&self) -> bool {
        matches!(
            self,
            Self::Entry(_)
                | Self::NoneOfThese
                | Self::Helpful(_)
                | Self::NotHelpful(_)
                | Self::Unbind
                | Self::UnbindFrom(_)
                | Self::Help
        )
    }

    fn without_object(verb: &str) -> Option<Self> {
        Some(match verb {
            "none" => Self::NoneOfThese,
            "unbind" => Self::Unbind,
            "add" => Self::AddCard,
            "skip" => Self::Skip,
            "done" => Self::Done,
            "differs" => Self::LooksDifferent,
            "back" => Self::Back,
            "continue" => Self::Continue,
            "pause" => Self::Pause,
            "cancel" => Self::Cancel,
            "uncancel" => Self::Uncancel,
            "quiet" => Self::Quiet,
            "groups" => Self::Groups,
            "help" => Self::Help,
            "privacy" => Self::Privacy,
            "export" => Self::Export,
            "import" => Self::Import,
            "forget" => Self::Forget,
            "forget-all" => Self::ForgetAll,
            "review-on" => Self::ReviewOn,
            "review-off" => Self::ReviewOff,
            "in-use" => Self::StillUsed,
            "protect" => Self::Protect,
            "use-pin" => Self::UsePin,
            "use-codes" => Self::UseCodes,
            "unprotect" => Self::Unprotect,
            _ => return None,
        })
    }

    fn with_object(verb: &str, object: &str) -> Option<Self> {
        let card = || object.parse().ok().map(CardId);
        Some(match verb {
            "e" => Self::Entry(object.parse().ok()?),
            "u" => Self::Helpful(object.parse().ok()?),
            "n" => Self::NotHelpful(object.parse().ok()?),
            "g" => Self::UnbindFrom(object.parse().ok()?),
            "out" => Self::UnbindCard(card()?),
            "why" => Self::Why(Reason::from_code(object)?),
            "label" => Self::Label(object.to_owned()),
            "w" => Self::Wallet(object.parse().ok()?),
            "system" => Self::System(
                PhoneSystem::ALL
                    .into_iter()
                    .find(|one| one.code() == object)?,
            ),
            "kind" => Self::Kind(CardKind::ALL.into_iter().find(|one| one.code() == object)?),
            "details" => Self::Details(card()?),
            "yes" => Self::Confirm(card()?),
            "gone" => Self::Gone(card()?),
            "still" => Self::StillThere(card()?),
            "unsure" => Self::NotSure(card()?),
            "remind" => Self::RemindMe(card()?),
            "undo" => Self::PutBack(card()?),
            "cards" => Self::Cards(object.parse().ok()?),
            "card" => Self::Card(card()?),
            "history" => Self::History(card()?),
            "edit" => {
                let (field, card) = field_and_card(object)?;
                Self::Edit(field, card)
            }
            "clear" => {
                let (field, card) = field_and_card(object)?;
                Self::Clear(field, card)
            }
            "bin" => Self::Bin(object.parse().ok()?),
            "choose" => Self::Choose(object.parse().ok()?),
            "review" => Self::Review(object.parse().ok()?),
            "group" => Self::Group(object.to_owned()),
            "lang" => Self::Language(object.parse().ok()?),
            _ => return None,
        })
    }
}

fn field_and_card(object: &str) -> Option<(Field, CardId)> {
    let (field, card) = object.split_once(':')?;
    let field = Field::ALL.into_iter().find(|one| one.code() == field)?;
    Some((field, CardId(card.parse().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::entry::MAX_ID_LENGTH;

    const LARGEST: UserId = UserId((1 << 52) - 1);

    fn choices() -> Vec<Choice> {
        let id: EntryId = "i".repeat(MAX_ID_LENGTH).parse().expect("an id");
        let card = CardId(u32::MAX);
        vec![
            Choice::NoneOfThese,
            Choice::Unbind,
            Choice::AddCard,
            Choice::Skip,
            Choice::Done,
            Choice::LooksDifferent,
            Choice::Back,
            Choice::Continue,
            Choice::Pause,
            Choice::Cancel,
            Choice::Uncancel,
            Choice::Quiet,
            Choice::Groups,
            Choice::Help,
            Choice::Privacy,
            Choice::Export,
            Choice::Import,
            Choice::Forget,
            Choice::ForgetAll,
            Choice::ReviewOn,
            Choice::ReviewOff,
            Choice::StillUsed,
            Choice::Protect,
            Choice::UsePin,
            Choice::UseCodes,
            Choice::Unprotect,
            Choice::Entry(id.clone()),
            Choice::Helpful(id.clone()),
            Choice::NotHelpful(id.clone()),
            Choice::UnbindFrom(id.clone()),
            Choice::UnbindCard(card),
            Choice::Why(Reason::TidyingUp),
            Choice::Label("g".repeat(40)),
            Choice::Wallet(id.clone()),
            Choice::System(PhoneSystem::HarmonyOs),
            Choice::Kind(CardKind::Record),
            Choice::Details(card),
            Choice::Confirm(card),
            Choice::Gone(card),
            Choice::StillThere(card),
            Choice::NotSure(card),
            Choice::RemindMe(card),
            Choice::PutBack(card),
            Choice::Cards(Page::MAX),
            Choice::Card(card),
            Choice::History(card),
            Choice::Edit(Field::Issuer, card),
            Choice::Clear(Field::Issuer, card),
            Choice::Bin(Page::MAX),
            Choice::Choose(Page::MAX),
            Choice::Review(Page::MAX),
            Choice::Group("g".repeat(40)),
            Choice::Language(Language::ZH),
        ]
    }

    #[test]
    fn every_choice_is_read_as_it_was_written_and_fits_a_button() {
        for choice in choices() {
            let press = Press::new(u32::MAX, choice);
            for press in [press.clone(), press.owned_by(Some(LARGEST))] {
                assert!(press.to_string().len() <= MAX_DATA_BYTES, "{press}");
                assert_eq!(press.to_string().parse(), Ok(press));
            }
        }
    }

    #[test]
    fn a_button_of_a_group_is_one_persons_and_a_private_one_anybodys() {
        let (ann, ben) = (Some(UserId(7)), Some(UserId(8)));
        let press = Press::new(1, Choice::Help).owned_by(ann);
        assert!(press.is_anothers(ben) && press.is_anothers(None) && !press.is_anothers(ann));
        assert!(!Press::new(1, Choice::Help).is_anothers(ben));
    }

    #[test]
    fn what_is_not_of_our_making_is_no_press() {
        for forged in [
            "",
            ".",
            "1",
            "1.",
            "x.done",
            "1.drop table",
            "1.yes:x",
            "1.e:",
            "-1.done",
            "1.yes:99999999999",
            "1~.done",
            "1~xyz.done",
            "1.edit:label",
            "1.edit:pin:3",
            "1.cards:-1",
            "门.禁:卡",
            "👍",
        ] {
            assert_eq!(forged.parse::<Press>(), Err(ForeignButton), "{forged}");
        }
    }
}
