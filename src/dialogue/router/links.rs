//! Deep links into the private chat: the payloads of `/start <payload>`, and which of them continues a personal command
//! or choice made in a group. `commands` follows them.

use crate::{
    dialogue::{choice::Choice, event::Command},
    knowledge::EntryId,
};

/// Prefix of a deep link to an entry: `/start kb_<id>`.
const ENTRY_PREFIX: &str = "kb_";
/// Prefix of a deep link into the removal of a card in a wallet: `/start unbind_<wallet id>`.
const UNBIND_PREFIX: &str = "unbind_";
/// Commands with a deep link, `/start <name>`.
const LINKED_COMMANDS: [Command; 7] = [
    Command::Unbind,
    Command::Cards,
    Command::Faq,
    Command::Protect,
    Command::Export,
    Command::Import,
    Command::Forget,
];

/// What a payload leads to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Link {
    Entry(EntryId),
    UnbindFrom(EntryId),
    Command(Command),
}

impl Link {
    /// Reads the payload of a deep link; `None` if it has no meaning.
    pub(crate) fn read(payload: &str) -> Option<Self> {
        let id_after = |prefix| payload.strip_prefix(prefix)?.parse().ok();
        let entry = id_after(ENTRY_PREFIX).map(Self::Entry);
        let wallet = || id_after(UNBIND_PREFIX).map(Self::UnbindFrom);
        let command = || {
            let mut linked = LINKED_COMMANDS.into_iter();
            let command = linked.find(|command| command.name() == payload);
            command.map(Self::Command)
        };
        entry.or_else(wallet).or_else(command)
    }
}

/// The payload that runs a personal command in the private chat; `None` for commands that are not personal.
pub(crate) fn for_command(command: Command) -> Option<&'static str> {
    command.is_personal().then(|| command.name())
}

/// The payload that begins the removal of a card in this wallet.
pub(crate) fn unbind_from(wallet: &EntryId) -> String {
    format!("{UNBIND_PREFIX}{wallet}")
}

/// The payload that continues a personal choice in the private chat; `None` for choices that are not personal.
pub(crate) fn for_choice(choice: &Choice) -> Option<String> {
    let command = match choice {
        Choice::Entry(_)
        | Choice::NoneOfThese
        | Choice::Groups
        | Choice::Group(_)
        | Choice::Help
        | Choice::Privacy
        | Choice::Language(_) => return None,
        Choice::Helpful(entry) | Choice::NotHelpful(entry) => {
            return Some(format!("{ENTRY_PREFIX}{entry}"));
        }
        Choice::UnbindFrom(wallet) => return Some(unbind_from(wallet)),
        Choice::AddCard
        | Choice::Skip
        | Choice::Label(_)
        | Choice::Wallet(_)
        | Choice::System(_)
        | Choice::Kind(_)
        | Choice::Cards(_)
        | Choice::Card(_)
        | Choice::History(_)
        | Choice::Edit(..)
        | Choice::Clear(..)
        | Choice::Trash(_)
        | Choice::PutBack(_)
        | Choice::Review(_)
        | Choice::ReviewOn
        | Choice::ReviewOff
        | Choice::StillUsed => Command::Cards,
        Choice::Export => Command::Export,
        Choice::Import => Command::Import,
        Choice::Forget | Choice::ForgetAll => Command::Forget,
        Choice::Protect | Choice::UsePin | Choice::UseCodes | Choice::Unprotect => Command::Protect,
        Choice::Unbind
        | Choice::UnbindCard(_)
        | Choice::Choose(_)
        | Choice::Why(_)
        | Choice::Done
        | Choice::LooksDifferent
        | Choice::Back
        | Choice::Continue
        | Choice::Pause
        | Choice::Cancel
        | Choice::Uncancel
        | Choice::MuteReminders
        | Choice::Details(_)
        | Choice::Confirm(_)
        | Choice::Gone(_)
        | Choice::StillThere(_)
        | Choice::NotSure(_)
        | Choice::RemindMe(_) => Command::Unbind,
    };
    Some(command.name().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialogue::{choice::Field, ids::CardId};

    #[test]
    fn every_personal_command_has_a_link() {
        for command in Command::ALL {
            if let Some(payload) = for_command(command) {
                assert_eq!(Link::read(payload), Some(Link::Command(command)));
            }
        }
    }

    #[test]
    fn a_personal_choice_links_to_what_continues_it() {
        let card = CardId(3);
        let wallet: EntryId = "wallet-oppo".parse().expect("an id");
        for (choice, payload) in [
            (Choice::Cards(0), Some("cards")),
            (Choice::Edit(Field::Label, card), Some("cards")),
            (Choice::PutBack(card), Some("cards")),
            (Choice::Export, Some("export")),
            (Choice::Import, Some("import")),
            (Choice::Forget, Some("forget")),
            (Choice::ForgetAll, Some("forget")),
            (Choice::UseCodes, Some("protect")),
            (Choice::Unprotect, Some("protect")),
            (Choice::Unbind, Some("unbind")),
            (Choice::Confirm(card), Some("unbind")),
            (
                Choice::UnbindFrom(wallet.clone()),
                Some("unbind_wallet-oppo"),
            ),
            (Choice::Helpful(wallet.clone()), Some("kb_wallet-oppo")),
            (Choice::Help, None),
            (Choice::Privacy, None),
            (Choice::Entry(wallet), None),
        ] {
            let link = for_choice(&choice);
            assert_eq!(link.as_deref(), payload, "{choice}");
            if let Some(link) = link {
                assert!(Link::read(&link).is_some(), "{link}");
            }
        }
    }

    #[test]
    fn an_unknown_payload_is_no_link() {
        for payload in ["", "kb_", "unbind_", "start", "门", "👍"] {
            assert_eq!(Link::read(payload), None, "{payload}");
        }
    }
}
