//! What a button does, and how that is written in its data.
//!
//! Every choice has a short word, followed by its objects after colons: `yes:3`. `router` decides what a choice does.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::ids::{CardId, UserId};
use crate::knowledge::{CardKind, EntryId, Language, PhoneSystem};

/// Telegram's limit for the data of a button (`callback_data`).
pub const MAX_DATA_BYTES: usize = 64;

/// The data of a button: the choice, the number of its keyboard, and in a group the person who may press it.
///
/// Written `<keyboard>.<choice>` or `<keyboard>~<user>.<choice>`, with the user id in hexadecimal; at most 64 bytes. A
/// button whose entry id is too long to add the user can be pressed by anyone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Press {
    /// The number of its keyboard; a press on an older one changes nothing.
    pub keyboard: u32,
    /// The only person who may press it; `None` for anyone.
    pub owner: Option<UserId>,
    pub choice: Choice,
}

impl Press {
    /// A press that anyone in the chat may make.
    pub fn new(keyboard: u32, choice: Choice) -> Self {
        Self {
            keyboard,
            owner: None,
            choice,
        }
    }

    /// The same for `owner` only, if that fits the limit.
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

    /// Whether the button belongs to a person other than `who`, who pressed it.
    pub fn is_for_another(&self, who: Option<UserId>) -> bool {
        self.owner.is_some() && self.owner != who
    }
}

impl fmt::Display for Press {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.owner {
            Some(UserId(owner)) => write!(f, "{}~{owner:x}.{}", self.keyboard, self.choice),
            None => write!(f, "{}.{}", self.keyboard, self.choice),
        }
    }
}

impl FromStr for Press {
    type Err = ForeignButton;

    fn from_str(text: &str) -> Result<Self, ForeignButton> {
        let (shown, choice) = text.split_once('.').ok_or(ForeignButton)?;
        let (keyboard, owner) = match shown.split_once('~') {
            Some((keyboard, owner)) => (keyboard, Some(user(owner)?)),
            None => (shown, None),
        };
        Ok(Self {
            keyboard: keyboard.parse().map_err(|_| ForeignButton)?,
            owner,
            choice: choice.parse()?,
        })
    }
}

fn user(hexadecimal: &str) -> Result<UserId, ForeignButton> {
    let id = u64::from_str_radix(hexadecimal, 16);
    id.map(UserId).map_err(|_| ForeignButton)
}

/// The data of a button was not written by this bot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no button of this bot carries this data")]
pub struct ForeignButton;

/// A page of a long list, from 0.
pub type Page = u16;

/// Why a card is removed; it decides which steps follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A new card replaces it.
    NewCard,
    /// The phone is replaced.
    NewPhone,
    /// Another person used it, or might use it.
    Misuse,
    /// It is no longer used.
    TidyingUp,
    /// The question was skipped.
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
}

/// A field of a card that can be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    Label,
    /// The wallet, together with the phone system and the kind.
    Wallet,
    /// Who issued it, or where it opens.
    Issuer,
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

/// An argument of a choice, written after the choice's word.
trait Object: Sized {
    fn write(&self) -> String;

    fn read(text: &str) -> Option<Self>;

    /// The value with the longest text, for the test of the limit.
    #[cfg(test)]
    fn longest() -> Self;
}

/// Declares [`Choice`] and the word of each choice; writing, reading and the round-trip test are generated from this
/// one table.
macro_rules! choices {
    ($( $(#[$doc:meta])* $choice:ident $( ( $($object:ident: $kind:ty),+ ) )? = $word:literal; )*) => {
        /// What a button does.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Choice {
            $( $(#[$doc])* $choice $( ( $($kind),+ ) )?, )*
        }

        impl fmt::Display for Choice {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $( Self::$choice $( ( $($object),+ ) )? => {
                        f.write_str($word)?;
                        $( $( write!(f, ":{}", $object.write())?; )+ )?
                    } )*
                }
                Ok(())
            }
        }

        impl Choice {
            /// Reads the choice with this word and these objects; the last object may contain colons.
            fn read(word: &str, objects: Option<&str>) -> Option<Self> {
                match word {
                    $( $word => {
                        const NAMES: &[&str] = &[ $( $( stringify!($object) ),+ )? ];
                        let mut objects = objects
                            .into_iter()
                            .flat_map(|objects| objects.splitn(NAMES.len().max(1), ':'));
                        let choice = Self::$choice $( ( $( <$kind>::read(objects.next()?)? ),+ ) )?;
                        objects.next().is_none().then_some(choice)
                    } )*
                    _ => None,
                }
            }

            /// One of each choice, with the longest objects.
            #[cfg(test)]
            fn examples() -> Vec<Self> {
                vec![ $( Self::$choice $( ( $( <$kind>::longest() ),+ ) )? ),* ]
            }
        }
    };
}

choices! {
    /// None of the suggestions fits.
    NoneOfThese = "none";
    /// Begin a guided removal.
    Unbind = "unbind";
    /// Add a card.
    AddCard = "add";
    /// Skip the question for the kind of card.
    Skip = "skip";
    /// The step is done.
    Done = "done";
    /// The phone shows something different from the step.
    LooksDifferent = "differs";
    /// Go back one question or step.
    Back = "back";
    /// Show the present screen.
    Continue = "continue";
    /// Pause the removal.
    Pause = "pause";
    /// Leave the procedure.
    Cancel = "cancel";
    /// Continue the removal cancelled last.
    Uncancel = "uncancel";
    /// Switch off reminders of unfinished procedures.
    MuteReminders = "quiet";
    /// Show the topics (groups of entries).
    Groups = "groups";
    /// Say what the bot can do.
    Help = "help";
    /// Say what is stored, and for how long.
    Privacy = "privacy";
    /// Send everything stored about this chat as a file.
    Export = "export";
    /// Add the cards of the file to the list.
    Import = "import";
    /// Ask whether to delete everything.
    Forget = "forget";
    /// Delete everything.
    ForgetAll = "forget-all";
    /// Send a reminder to review the cards every few months.
    ReviewOn = "review-on";
    /// Send no more such reminders.
    ReviewOff = "review-off";
    /// All cards are still in use.
    StillUsed = "in-use";
    /// Show the protection of removals and its options.
    Protect = "protect";
    /// Protect removals with a PIN.
    UsePin = "use-pin";
    /// Protect removals with one-time codes.
    UseCodes = "use-codes";
    /// End the protection.
    Unprotect = "unprotect";
    /// Show an entry.
    Entry(entry: EntryId) = "e";
    /// This answer helped.
    Helpful(entry: EntryId) = "u";
    /// This answer is not what was asked.
    NotHelpful(entry: EntryId) = "n";
    /// Begin a guided removal of a card in this wallet.
    UnbindFrom(entry: EntryId) = "g";
    /// Begin or continue the removal of this card.
    UnbindCard(card: CardId) = "out";
    /// The reason for the removal.
    Why(reason: Reason) = "why";
    /// One of the labels offered for a new card (`home`, `office`, …).
    Label(name: String) = "label";
    /// The wallet a card is in.
    Wallet(entry: EntryId) = "w";
    /// The phone system a card is on.
    System(system: PhoneSystem) = "system";
    /// The kind of a card.
    Kind(kind: CardKind) = "kind";
    /// Send one card as a file.
    Details(card: CardId) = "details";
    /// Confirm the removal of this card.
    Confirm(card: CardId) = "yes";
    /// The card is gone from the wallet.
    Gone(card: CardId) = "gone";
    /// The card is still in the wallet.
    StillThere(card: CardId) = "still";
    /// Not sure whether the card is gone.
    NotSure(card: CardId) = "unsure";
    /// Ask again after a while whether the card is gone.
    RemindMe(card: CardId) = "remind";
    /// Put a removed card back.
    PutBack(card: CardId) = "undo";
    /// Show the list of cards.
    Cards(page: Page) = "cards";
    /// Show one card.
    Card(card: CardId) = "card";
    /// Show the history of a card.
    History(card: CardId) = "history";
    /// Change a field of a card.
    Edit(field: Field, card: CardId) = "edit";
    /// Empty a field of a card.
    Clear(field: Field, card: CardId) = "clear";
    /// Show the removed cards.
    Trash(page: Page) = "bin";
    /// Show a page of the cards to choose from.
    Choose(page: Page) = "choose";
    /// Show a page of the review.
    Review(page: Page) = "review";
    /// Show the entries of a group.
    Group(name: String) = "group";
    /// Speak this language.
    Language(language: Language) = "lang";
}

impl FromStr for Choice {
    type Err = ForeignButton;

    fn from_str(text: &str) -> Result<Self, ForeignButton> {
        let (word, objects) = match text.split_once(':') {
            Some((word, objects)) => (word, Some(objects)),
            None => (text, None),
        };
        Self::read(word, objects).ok_or(ForeignButton)
    }
}

/// The value with this code, of an object that is written as a code.
fn with_code<T: Copy, const N: usize>(
    all: [T; N],
    code_of: impl Fn(T) -> &'static str,
    code: &str,
) -> Option<T> {
    all.into_iter().find(|one| code_of(*one) == code)
}

impl Object for EntryId {
    fn write(&self) -> String {
        self.to_string()
    }

    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    #[cfg(test)]
    fn longest() -> Self {
        "i".repeat(crate::knowledge::entry::MAX_ID_LENGTH)
            .parse()
            .expect("an id")
    }
}

impl Object for CardId {
    fn write(&self) -> String {
        self.0.to_string()
    }

    fn read(text: &str) -> Option<Self> {
        text.parse().ok().map(Self)
    }

    #[cfg(test)]
    fn longest() -> Self {
        Self(u32::MAX)
    }
}

impl Object for Page {
    fn write(&self) -> String {
        self.to_string()
    }

    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    #[cfg(test)]
    fn longest() -> Self {
        Self::MAX
    }
}

impl Object for String {
    fn write(&self) -> String {
        self.clone()
    }

    fn read(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }

    #[cfg(test)]
    fn longest() -> Self {
        "g".repeat(40)
    }
}

impl Object for Language {
    fn write(&self) -> String {
        self.to_string()
    }

    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    #[cfg(test)]
    fn longest() -> Self {
        Self::ZH
    }
}

impl Object for Reason {
    fn write(&self) -> String {
        self.code().to_owned()
    }

    fn read(text: &str) -> Option<Self> {
        let [a, b, c, d] = Self::OFFERED;
        with_code([a, b, c, d, Self::Unsaid], Self::code, text)
    }

    #[cfg(test)]
    fn longest() -> Self {
        Self::TidyingUp
    }
}

impl Object for Field {
    fn write(&self) -> String {
        self.code().to_owned()
    }

    fn read(text: &str) -> Option<Self> {
        with_code(Self::ALL, Self::code, text)
    }

    #[cfg(test)]
    fn longest() -> Self {
        Self::Issuer
    }
}

impl Object for PhoneSystem {
    fn write(&self) -> String {
        self.code().to_owned()
    }

    fn read(text: &str) -> Option<Self> {
        with_code(Self::ALL, Self::code, text)
    }

    #[cfg(test)]
    fn longest() -> Self {
        Self::HarmonyOs
    }
}

impl Object for CardKind {
    fn write(&self) -> String {
        self.code().to_owned()
    }

    fn read(text: &str) -> Option<Self> {
        with_code(Self::ALL, Self::code, text)
    }

    #[cfg(test)]
    fn longest() -> Self {
        Self::Record
    }
}

/// How the router and the channel treat a choice, whatever it does.
struct ChoiceTraits {
    only_reads: bool,
    leaves_step_in_view: bool,
    stands_below_answers: bool,
}

impl ChoiceTraits {
    /// It changes the record, and shows its own screen.
    const ACTS: Self = Self {
        only_reads: false,
        leaves_step_in_view: false,
        stands_below_answers: false,
    };
    /// It shows something to read.
    const READS: Self = Self {
        only_reads: true,
        leaves_step_in_view: true,
        ..Self::ACTS
    };
    /// It says something, and may change a setting.
    const SAYS: Self = Self {
        leaves_step_in_view: true,
        ..Self::ACTS
    };

    const fn below_answers(self) -> Self {
        Self {
            stands_below_answers: true,
            ..self
        }
    }
}

impl Choice {
    /// Whether it only shows something to read; such a button works even on an old keyboard.
    pub fn only_reads(&self) -> bool {
        self.traits().only_reads
    }

    /// Whether it only says or shows something, so that the present screen is shown again below it.
    pub fn leaves_step_in_view(&self) -> bool {
        self.traits().leaves_step_in_view
    }

    /// Whether it appears below answers, which stay in the chat when it is pressed; other buttons appear on screens,
    /// which are edited in place.
    pub fn stands_below_answers(&self) -> bool {
        self.traits().stands_below_answers
    }

    fn traits(&self) -> ChoiceTraits {
        match self {
            Self::Entry(_) | Self::Help => ChoiceTraits::READS.below_answers(),
            Self::Groups
            | Self::Group(_)
            | Self::Privacy
            | Self::Cards(_)
            | Self::Card(_)
            | Self::History(_)
            | Self::Trash(_) => ChoiceTraits::READS,
            Self::Export | Self::Details(_) | Self::MuteReminders | Self::Language(_) => {
                ChoiceTraits::SAYS
            }
            Self::NoneOfThese
            | Self::Helpful(_)
            | Self::NotHelpful(_)
            | Self::Unbind
            | Self::UnbindFrom(_) => ChoiceTraits::ACTS.below_answers(),
            Self::AddCard
            | Self::Skip
            | Self::Done
            | Self::LooksDifferent
            | Self::Back
            | Self::Continue
            | Self::Pause
            | Self::Cancel
            | Self::Uncancel
            | Self::Import
            | Self::Forget
            | Self::ForgetAll
            | Self::ReviewOn
            | Self::ReviewOff
            | Self::StillUsed
            | Self::Protect
            | Self::UsePin
            | Self::UseCodes
            | Self::Unprotect
            | Self::UnbindCard(_)
            | Self::Why(_)
            | Self::Label(_)
            | Self::Wallet(_)
            | Self::System(_)
            | Self::Kind(_)
            | Self::Confirm(_)
            | Self::Gone(_)
            | Self::StillThere(_)
            | Self::NotSure(_)
            | Self::RemindMe(_)
            | Self::PutBack(_)
            | Self::Edit(..)
            | Self::Clear(..)
            | Self::Choose(_)
            | Self::Review(_) => ChoiceTraits::ACTS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LARGEST: UserId = UserId((1 << 52) - 1);

    #[test]
    fn every_choice_is_read_as_it_was_written_and_fits_a_button() {
        for choice in Choice::examples() {
            let press = Press::new(u32::MAX, choice);
            for press in [press.clone(), press.owned_by(Some(LARGEST))] {
                assert!(press.to_string().len() <= MAX_DATA_BYTES, "{press}");
                assert_eq!(press.to_string().parse(), Ok(press));
            }
        }
    }

    #[test]
    fn a_group_button_belongs_to_one_person_and_a_private_one_to_anyone() {
        let (ann, ben) = (Some(UserId(7)), Some(UserId(8)));
        let press = Press::new(1, Choice::Help).owned_by(ann);
        assert!(
            press.is_for_another(ben) && press.is_for_another(None) && !press.is_for_another(ann)
        );
        assert!(!Press::new(1, Choice::Help).is_for_another(ben));
    }

    #[test]
    fn foreign_button_data_is_not_a_press() {
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
