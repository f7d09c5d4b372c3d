//! The five steps of a removal in the words of one wallet: data beside the wallet's entry, so that a new wallet is new files.
//!
//! A guide may say a step differently for a phone system or a kind of card; the user is asked only where it does.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::entry::{EntryId, Language};
use crate::markup::RichText;

/// The entry whose guide serves wallets that have none of their own.
pub const GENERAL_GUIDE: &str = "other-wallets";
/// The procedure's steps, in order: the ids of the entries that explain them.
pub const STEP_IDS: [&str; 5] = [
    "step-open-wallet",
    "step-find-card",
    "step-choose-unbind",
    "step-confirm",
    "step-check-removed",
];

/// Where a wallet's card lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PhoneSystem {
    /// iPhone.
    Ios,
    /// Android phones.
    Android,
    /// Huawei's own system.
    HarmonyOs,
    /// A watch or band.
    Watch,
}

impl PhoneSystem {
    /// Every system, in the order they are offered.
    pub const ALL: [Self; 4] = [Self::Ios, Self::Android, Self::HarmonyOs, Self::Watch];

    /// The name in data files and buttons.
    pub fn code(self) -> &'static str {
        match self {
            Self::Ios => "ios",
            Self::Android => "android",
            Self::HarmonyOs => "harmonyos",
            Self::Watch => "watch",
        }
    }
}

/// How a card came into the wallet, which decides how it leaves and comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CardKind {
    /// A key put there by the issuer's app.
    Issued,
    /// The phone imitates a plastic card.
    Copied,
    /// A record or code in an app or mini program.
    Record,
}

impl CardKind {
    /// Every kind, in the order they are offered.
    pub const ALL: [Self; 3] = [Self::Issued, Self::Copied, Self::Record];

    /// The name in data files and buttons.
    pub fn code(self) -> &'static str {
        match self {
            Self::Issued => "issued",
            Self::Copied => "copied",
            Self::Record => "record",
        }
    }
}

/// How one wallet's cards are removed, in every language.
#[derive(Debug, Clone, PartialEq)]
pub struct Guide {
    /// Place in the list the user chooses from.
    pub order: u32,
    /// Systems its cards live on.
    pub systems: Vec<PhoneSystem>,
    /// Kinds of card it holds.
    pub kinds: Vec<CardKind>,
    /// The texts by language.
    pub texts: BTreeMap<Language, GuideText>,
}

/// A [`Guide`] in one language.
#[derive(Debug, Clone, PartialEq)]
pub struct GuideText {
    /// The wallet's name on buttons and screens.
    pub name: String,
    /// An emoji before the name, or nothing.
    pub icon: String,
    /// How people name this wallet or its phones.
    pub aliases: Vec<String>,
    /// The steps, in order.
    pub steps: Vec<GuideStep>,
}

/// One step of a guide.
#[derive(Debug, Clone, PartialEq)]
pub struct GuideStep {
    /// The entry that explains it, and its name in stored sessions.
    pub id: EntryId,
    /// What is said unless a variant fits.
    pub text: StepText,
    /// What is said instead for a system or kind.
    pub variants: Vec<StepVariant>,
}

/// The words of a step.
#[derive(Debug, Clone, PartialEq)]
pub struct StepText {
    /// A few words, ticked when done.
    pub title: String,
    /// The screen: what to do in bold, then hints.
    pub body: RichText,
}

/// Words for a step that hold only on some phones or for some cards.
#[derive(Debug, Clone, PartialEq)]
pub struct StepVariant {
    /// Only on this system.
    pub system: Option<PhoneSystem>,
    /// Only for this kind of card.
    pub kind: Option<CardKind>,
    /// What is said.
    pub text: StepText,
}

impl StepVariant {
    fn fits(&self, system: Option<PhoneSystem>, kind: Option<CardKind>) -> bool {
        self.system.is_none_or(|wanted| Some(wanted) == system)
            && self.kind.is_none_or(|wanted| Some(wanted) == kind)
    }

    /// A system counts for more than a kind: it decides which app is open, whatever the card is.
    fn precision(&self) -> (bool, bool) {
        (self.system.is_some(), self.kind.is_some())
    }
}

impl GuideStep {
    /// The words that fit this phone and card best: a variant for both, else for the system, else for the kind, else the
    /// common text.
    pub fn text_for(&self, system: Option<PhoneSystem>, kind: Option<CardKind>) -> &StepText {
        let fitting = self
            .variants
            .iter()
            .filter(|variant| variant.fits(system, kind));
        fitting
            .max_by_key(|variant| variant.precision())
            .map_or(&self.text, |variant| &variant.text)
    }
}

impl Guide {
    /// The texts in `language`, else in the first language there is.
    pub fn text(&self, language: Language) -> Option<&GuideText> {
        self.texts
            .get(&language)
            .or_else(|| self.texts.values().next())
    }

    /// Every name of the wallet, in every language: its own and what people call it.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.texts
            .values()
            .flat_map(|text| text.aliases.iter().chain([&text.name]))
            .map(String::as_str)
    }

    /// Whether some step reads differently on different systems, so that it is worth asking.
    pub fn asks_system(&self) -> bool {
        self.systems.len() > 1 && self.variants().any(|variant| variant.system.is_some())
    }

    /// Whether some step reads differently for different kinds of card.
    pub fn asks_kind(&self) -> bool {
        self.kinds.len() > 1 && self.variants().any(|variant| variant.kind.is_some())
    }

    fn variants(&self) -> impl Iterator<Item = &StepVariant> {
        self.texts
            .values()
            .flat_map(|text| &text.steps)
            .flat_map(|step| &step.variants)
    }
}
