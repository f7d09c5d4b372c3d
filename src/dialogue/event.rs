//! What comes in, in the project's own words: the same from Telegram, the terminal and a test.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::knowledge::{CardKind, EntryId, Language, PhoneSystem};

/// A conversation: Telegram's chat id, or [`ChatId::TERMINAL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChatId(pub i64);

impl ChatId {
    /// The person at the terminal; Telegram gives no chat the id 0.
    pub const TERMINAL: Self = Self(0);
}

impl fmt::Display for ChatId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The name of an update, by which a redelivery is recognised; unique within a chat for 48 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UpdateId(pub u32);

/// A message of the channel, by which it can be edited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MessageId(pub i32);

/// Something that happened in a chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What was said or pressed.
    pub input: Input,
    /// Where.
    pub place: Place,
    /// The language the person's app is set to, as far as it is known.
    pub app_language: Option<Language>,
}

impl Event {
    /// Something said or pressed in a private chat.
    pub fn private(input: Input) -> Self {
        Self {
            input,
            place: Place::Private,
            app_language: None,
        }
    }
}

/// Where an event happened: in a group, personal matters are sent to the private chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Between one person and the bot.
    Private,
    /// Among others, who read along.
    Group,
}

/// What was said or pressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A message of text.
    Text(String),
    /// A command, with what stood behind it.
    Command(Command, String),
    /// A command the bot does not have.
    UnknownCommand(String),
    /// A button of a message.
    Press {
        /// What the button means; `None` if the data is not of our making.
        press: Option<Press>,
        /// The message the button stands on.
        message: MessageId,
    },
    /// A message that is not text.
    Attachment(Attachment),
}

/// The bot's commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Command {
    /// `/start`, with a deep link's payload.
    Start,
    /// `/help`.
    Help,
    /// `/unbind`.
    Unbind,
    /// `/cards`.
    Cards,
    /// `/faq`.
    Faq,
    /// `/language`.
    Language,
    /// `/cancel`.
    Cancel,
}

impl Command {
    /// Every command, in the order menus show them.
    pub const ALL: [Self; 7] = [
        Self::Unbind,
        Self::Cards,
        Self::Faq,
        Self::Language,
        Self::Cancel,
        Self::Help,
        Self::Start,
    ];

    /// The command without its slash.
    pub fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Help => "help",
            Self::Unbind => "unbind",
            Self::Cards => "cards",
            Self::Faq => "faq",
            Self::Language => "language",
            Self::Cancel => "cancel",
        }
    }
}

impl Input {
    /// Reads a line of text: `/command argument`, or a message. A `@bot` behind the command is passed over.
    pub fn from_text(text: &str) -> Self {
        let Some(rest) = text.trim().strip_prefix('/') else {
            return Self::Text(text.to_owned());
        };
        let (word, argument) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let name = word
            .split('@')
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase();
        match Command::ALL
            .into_iter()
            .find(|command| command.name() == name)
        {
            Some(command) => Self::Command(command, argument.trim().to_owned()),
            None => Self::UnknownCommand(name),
        }
    }
}

/// Kinds of message that are not text; each gets a kind word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attachment {
    /// A sticker or an animation.
    Sticker,
    /// A photo or a video.
    Picture,
    /// A voice or video message, or music.
    Voice,
    /// A place on the map.
    Location,
    /// A file.
    File,
    /// A contact's card.
    Contact,
    /// Anything else.
    Other,
}

impl Attachment {
    /// The name in the bot's lines.
    pub fn code(self) -> &'static str {
        match self {
            Self::Sticker => "sticker",
            Self::Picture => "picture",
            Self::Voice => "voice",
            Self::Location => "location",
            Self::File => "file",
            Self::Contact => "contact",
            Self::Other => "other",
        }
    }
}

/// A card of a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CardId(pub u32);

/// What a pressed button carries: what it means, and the turn it was shown in.
///
/// Written `<turn>.<choice>`; at most 64 bytes, which Telegram allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Press {
    /// The turn whose keyboard it is; an older one is not obeyed.
    pub turn: u32,
    /// What it means.
    pub choice: Choice,
}

/// The meaning of a button.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// Show an entry.
    Entry(EntryId),
    /// None of the suggestions.
    NoneOfThese,
    /// This answer helped.
    Helpful(EntryId),
    /// This answer is not what was asked.
    NotHelpful(EntryId),
    /// Begin a guided removal.
    Unbind,
    /// Begin a guided removal of a card in this wallet.
    UnbindFrom(EntryId),
    /// Take out this card.
    UnbindCard(CardId),
    /// Add a card.
    AddCard,
    /// One of the labels offered for a new card (`home`, `office`, …).
    Label(String),
    /// The wallet a new card is in.
    Wallet(EntryId),
    /// The phone system a new card is on.
    System(PhoneSystem),
    /// The kind of a new card.
    Kind(CardKind),
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
    /// Leave the procedure.
    Cancel,
    /// The yes to this card's removal.
    Confirm(CardId),
    /// The card is gone from the wallet.
    Gone,
    /// The card is still in the wallet.
    StillThere,
    /// Put a removed card back.
    PutBack(CardId),
    /// Show the list of cards.
    Cards,
    /// Show one card.
    Card(CardId),
    /// Rename a card.
    Rename(CardId),
    /// Show the removed cards.
    Bin,
    /// Browse the groups.
    Groups,
    /// Browse a group.
    Group(String),
    /// What the bot can do.
    Help,
    /// Speak this language.
    Language(Language),
}

/// The text of a button is not of our making.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no button of this bot carries this data")]
pub struct ForeignButton;

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entry(id) => write!(f, "e:{id}"),
            Self::NoneOfThese => f.write_str("none"),
            Self::Helpful(id) => write!(f, "u:{id}"),
            Self::NotHelpful(id) => write!(f, "n:{id}"),
            Self::Unbind => f.write_str("unbind"),
            Self::UnbindFrom(id) => write!(f, "g:{id}"),
            Self::UnbindCard(CardId(id)) => write!(f, "out:{id}"),
            Self::AddCard => f.write_str("add"),
            Self::Label(label) => write!(f, "label:{label}"),
            Self::Wallet(id) => write!(f, "w:{id}"),
            Self::System(system) => write!(f, "system:{}", system.code()),
            Self::Kind(kind) => write!(f, "kind:{}", kind.code()),
            Self::Skip => f.write_str("skip"),
            Self::Done => f.write_str("done"),
            Self::LooksDifferent => f.write_str("differs"),
            Self::Back => f.write_str("back"),
            Self::Continue => f.write_str("continue"),
            Self::Cancel => f.write_str("cancel"),
            Self::Confirm(CardId(id)) => write!(f, "yes:{id}"),
            Self::Gone => f.write_str("gone"),
            Self::StillThere => f.write_str("still"),
            Self::PutBack(CardId(id)) => write!(f, "undo:{id}"),
            Self::Cards => f.write_str("cards"),
            Self::Card(CardId(id)) => write!(f, "card:{id}"),
            Self::Rename(CardId(id)) => write!(f, "rename:{id}"),
            Self::Bin => f.write_str("bin"),
            Self::Groups => f.write_str("groups"),
            Self::Group(group) => write!(f, "group:{group}"),
            Self::Help => f.write_str("help"),
            Self::Language(language) => write!(f, "lang:{language}"),
        }
    }
}

impl FromStr for Choice {
    type Err = ForeignButton;

    fn from_str(text: &str) -> Result<Self, ForeignButton> {
        let (verb, object) = text
            .split_once(':')
            .map_or((text, None), |(verb, object)| (verb, Some(object)));
        match object {
            None => Self::without_object(verb),
            Some(object) => Self::with_object(verb, object),
        }
        .ok_or(ForeignButton)
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
                | Self::Cards
                | Self::Card(_)
                | Self::Bin
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
            "cancel" => Self::Cancel,
            "gone" => Self::Gone,
            "still" => Self::StillThere,
            "cards" => Self::Cards,
            "bin" => Self::Bin,
            "groups" => Self::Groups,
            "help" => Self::Help,
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
            "label" => Self::Label(object.to_owned()),
            "w" => Self::Wallet(object.parse().ok()?),
            "system" => Self::System(
                PhoneSystem::ALL
                    .into_iter()
                    .find(|system| system.code() == object)?,
            ),
            "kind" => Self::Kind(
                CardKind::ALL
                    .into_iter()
                    .find(|kind| kind.code() == object)?,
            ),
            "yes" => Self::Confirm(card()?),
            "undo" => Self::PutBack(card()?),
            "card" => Self::Card(card()?),
            "rename" => Self::Rename(card()?),
            "group" => Self::Group(object.to_owned()),
            "lang" => Self::Language(object.parse().ok()?),
            _ => return None,
        })
    }
}

impl fmt::Display for Press {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.turn, self.choice)
    }
}

impl FromStr for Press {
    type Err = ForeignButton;

    fn from_str(text: &str) -> Result<Self, ForeignButton> {
        let (turn, choice) = text.split_once('.').ok_or(ForeignButton)?;
        Ok(Self {
            turn: turn.parse().map_err(|_| ForeignButton)?,
            choice: choice.parse()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::entry::MAX_ID_LENGTH;

    #[test]
    fn every_choice_is_read_as_it_was_written_and_fits_a_button() {
        let id: EntryId = "i".repeat(MAX_ID_LENGTH).parse().expect("an id");
        let card = CardId(u32::MAX);
        let choices = [
            Choice::Entry(id.clone()),
            Choice::NoneOfThese,
            Choice::Helpful(id.clone()),
            Choice::NotHelpful(id.clone()),
            Choice::Unbind,
            Choice::UnbindFrom(id.clone()),
            Choice::UnbindCard(card),
            Choice::AddCard,
            Choice::Label("office".into()),
            Choice::Wallet(id),
            Choice::System(PhoneSystem::HarmonyOs),
            Choice::Kind(CardKind::Record),
            Choice::Skip,
            Choice::Done,
            Choice::LooksDifferent,
            Choice::Back,
            Choice::Continue,
            Choice::Cancel,
            Choice::Confirm(card),
            Choice::Gone,
            Choice::StillThere,
            Choice::PutBack(card),
            Choice::Cards,
            Choice::Card(card),
            Choice::Rename(card),
            Choice::Bin,
            Choice::Groups,
            Choice::Group("g".repeat(40)),
            Choice::Help,
            Choice::Language(Language::ZH),
        ];
        for choice in choices {
            let press = Press {
                turn: u32::MAX,
                choice,
            };
            assert!(press.to_string().len() <= 64, "{press}");
            assert_eq!(press.to_string().parse(), Ok(press));
        }
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
            "门.禁:卡",
            "👍",
        ] {
            assert_eq!(forged.parse::<Press>(), Err(ForeignButton), "{forged}");
        }
    }

    #[test]
    fn a_line_is_a_command_or_a_text() {
        for (line, input) in [
            ("/cards", Input::Command(Command::Cards, String::new())),
            (
                " /start@some_bot  kb_x ",
                Input::Command(Command::Start, "kb_x".into()),
            ),
            ("/CARDS", Input::Command(Command::Cards, String::new())),
            ("/什么", Input::UnknownCommand("什么".into())),
            ("/", Input::UnknownCommand(String::new())),
            ("怎么解绑 👍", Input::Text("怎么解绑 👍".into())),
            ("", Input::Text(String::new())),
        ] {
            assert_eq!(Input::from_text(line), input, "{line:?}");
        }
    }
}
