//! The guide of a wallet: the five steps of a removal in this wallet. It is a data file beside the wallet's entry, so that
//! a new wallet needs no code.
//!
//! A guide may word a step differently for a phone system or a kind of card; users are asked for theirs only where it does.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::entry::{EntryId, Language};
use crate::markup::RichText;

/// The entry whose guide serves wallets that have none of their own.
pub const GENERAL_GUIDE: &str = "other-wallets";
/// The steps of a removal, in order. Each is also the id of the entry that explains it.
pub const STEP_IDS: [&str; 5] = [
    "step-open-wallet",
    "step-find-card",
    "step-choose-unbind",
    "step-confirm",
    "step-check-removed",
];

/// The system a wallet's card lives on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PhoneSystem {
    /// iPhones.
    Ios,
    /// Android phones.
    Android,
    /// Huawei's own system.
    HarmonyOs,
    /// A watch or wristband.
    Watch,
}

impl PhoneSystem {
    /// In the order they are offered.
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

/// How a card came into the wallet, which decides how it is removed and added again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CardKind {
    /// A key that the issuer's app put there.
    Issued,
    /// A plastic card that the phone copied.
    Copied,
    /// A record or code in an app or mini program.
    Record,
}

impl CardKind {
    /// In the order they are offered.
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
    /// Place in the list of wallets; lower numbers come first.
    pub order: u32,
    /// Phone systems its cards live on.
    pub systems: Vec<PhoneSystem>,
    /// Kinds of card it holds.
    pub kinds: Vec<CardKind>,
    pub texts: BTreeMap<Language, GuideText>,
}

/// A [`Guide`] in one language.
#[derive(Debug, Clone, PartialEq)]
pub struct GuideText {
    /// The wallet's name on buttons and screens.
    pub name: String,
    /// An emoji before the name, or nothing.
    pub icon: String,
    /// Other names people use for this wallet or its phones.
    pub aliases: Vec<String>,
    /// In order.
    pub steps: Vec<GuideStep>,
}

/// One step of a guide.
#[derive(Debug, Clone, PartialEq)]
pub struct GuideStep {
    /// The entry that explains it; records store a step by this id.
    pub id: EntryId,
    /// Shown unless a variant fits.
    pub text: StepText,
    /// Shown instead for some systems or kinds of card.
    pub variants: Vec<StepVariant>,
}

/// The text of a step.
#[derive(Debug, Clone, PartialEq)]
pub struct StepText {
    /// A few words, ticked off when the step is done.
    pub title: String,
    /// What to do, in bold, then hints.
    pub body: RichText,
}

/// Another text for a step, for some phones or cards only.
#[derive(Debug, Clone, PartialEq)]
pub struct StepVariant {
    /// `None` fits every system.
    pub system: Option<PhoneSystem>,
    /// `None` fits every kind of card.
    pub kind: Option<CardKind>,
    pub text: StepText,
}

impl StepVariant {
    fn fits(&self, system: Option<PhoneSystem>, kind: Option<CardKind>) -> bool {
        self.system.is_none_or(|wanted| Some(wanted) == system)
            && self.kind.is_none_or(|wanted| Some(wanted) == kind)
    }

    /// Orders variants that fit: a system counts for more than a kind, since it decides which app is open.
    fn specificity(&self) -> (bool, bool) {
        (self.system.is_some(), self.kind.is_some())
    }
}

impl GuideStep {
    /// The text that fits this phone and card best: a variant for both, else for the system, else for the kind, else the
    /// common one.
    pub fn text_for(&self, system: Option<PhoneSystem>, kind: Option<CardKind>) -> &StepText {
        let fitting = self
            .variants
            .iter()
            .filter(|variant| variant.fits(system, kind));
        fitting
            .max_by_key(|variant| variant.specificity())
            .map_or(&self.text, |variant| &variant.text)
    }
}

impl Guide {
    /// The text in `language`, else in the first language there is.
    pub fn text(&self, language: Language) -> Option<&GuideText> {
        self.texts
            .get(&language)
            .or_else(|| self.texts.values().next())
    }

    /// Every name and alias of the wallet, in every language.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.texts
            .values()
            .flat_map(|text| text.aliases.iter().chain([&text.name]))
            .map(String::as_str)
    }

    /// Whether some step differs between phone systems, so that the user's must be asked for.
    pub fn asks_system(&self) -> bool {
        self.systems.len() > 1 && self.variants().any(|variant| variant.system.is_some())
    }

    /// Whether some step differs between kinds of card.
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
