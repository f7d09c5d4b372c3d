//! The menu of commands Telegram shows beside the input field: per language, and shorter in groups.
//!
//! It is set anew at every start, in the background: it is the same most of the time, and nothing waits for it.

use std::sync::Arc;

use teloxide::{
    payloads::{SetMyCommands, SetMyCommandsSetters},
    types::{BotCommand, BotCommandScope},
};

use super::api::{Api, ApiError, Ignored};
use crate::{
    dialogue::{Base, Command},
    knowledge::{Language, Lines},
};

/// Telegram's limit for a description.
const MAX_DESCRIPTION: usize = 256;

/// The menus for all languages there are lines in. English is what everybody else sees.
fn menus(lines: &Lines) -> Vec<SetMyCommands> {
    let languages = lines.languages().into_iter();
    languages
        .flat_map(|language| {
            [
                menu(
                    lines,
                    language,
                    BotCommandScope::AllPrivateChats,
                    in_private,
                ),
                menu(lines, language, BotCommandScope::AllGroupChats, in_groups),
            ]
        })
        .collect()
}

/// Sets the menus; what fails is logged, and better at the next start.
pub async fn set(api: Api, base: Arc<Base>) {
    for menu in menus(&base.lines) {
        let set: Result<Ignored, ApiError> = api.call(&menu).await;
        if let Err(error) = set {
            tracing::warn!(%error, "the menu of commands was not set");
        }
    }
}

/// `/start` is pressed once, before there is a menu.
fn in_private(command: Command) -> bool {
    command != Command::Start
}

/// Cards are nobody else's business.
fn in_groups(command: Command) -> bool {
    command == Command::Help
}

fn menu(
    lines: &Lines,
    language: Language,
    scope: BotCommandScope,
    shown: impl Fn(Command) -> bool,
) -> SetMyCommands {
    let commands = Command::ALL.into_iter().filter(|command| shown(*command));
    let described = commands.map(|command| {
        let name = command.name();
        let description = lines.label(language, &format!("command-{name}"), &[]);
        let description: String = description.chars().take(MAX_DESCRIPTION).collect();
        BotCommand::new(name, description)
    });
    let menu = SetMyCommands::new(described).scope(scope);
    match language {
        Language::EN => menu,
        other => menu.language_code(other.code()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn every_language_has_a_menu_for_private_chats_and_a_shorter_one_for_groups() {
        let menus = menus(&Lines::new(&BTreeMap::new()));
        let shown: Vec<_> = menus
            .iter()
            .map(|menu| (menu.language_code.as_deref(), menu.commands.len()))
            .collect();
        assert_eq!(
            shown,
            [(None, 6), (None, 1), (Some("zh"), 6), (Some("zh"), 1)]
        );
        for command in menus.iter().flat_map(|menu| &menu.commands) {
            assert!(!command.description.is_empty() && !command.command.contains('/'));
        }
    }
}
