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
/// What is shown in private chats, the everyday ones first. `/start` is pressed once, before there is a menu; `/import`
/// says what sending a file does.
const IN_PRIVATE: [Command; 10] = [
    Command::Unbind,
    Command::Cards,
    Command::Faq,
    Command::Help,
    Command::Cancel,
    Command::Language,
    Command::Protect,
    Command::Export,
    Command::Privacy,
    Command::Forget,
];
/// What is shown in groups: cards are private.
const IN_GROUPS: [Command; 1] = [Command::Help];

/// The menus for all languages there are lines in; all others see English.
fn menus(lines: &Lines) -> Vec<SetMyCommands> {
    let shown = [
        (BotCommandScope::AllPrivateChats, IN_PRIVATE.as_slice()),
        (BotCommandScope::AllGroupChats, &IN_GROUPS),
    ];
    let languages = lines.languages().into_iter();
    let menus_in = |language| {
        let shown = shown.iter();
        shown.map(move |(scope, commands)| menu(lines, language, scope.clone(), commands))
    };
    languages.flat_map(menus_in).collect()
}

/// Sets the menus; what fails is logged, and done at the next start.
pub async fn set_menus(api: Api, base: Arc<Base>) {
    for menu in menus(&base.lines) {
        let set: Result<Ignored, ApiError> = api.call(&menu).await;
        if let Err(error) = set {
            tracing::warn!(%error, "the menu of commands was not set");
        }
    }
}

fn menu(
    lines: &Lines,
    language: Language,
    scope: BotCommandScope,
    commands: &[Command],
) -> SetMyCommands {
    let described = commands.iter().map(|command| {
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
            [(None, 10), (None, 1), (Some("zh"), 10), (Some("zh"), 1)]
        );
        for BotCommand {
            command,
            description,
            ..
        } in menus.iter().flat_map(|menu| &menu.commands)
        {
            // A line that is not there is shown as its key.
            let key = format!("command-{command}");
            assert!(!description.is_empty() && *description != key, "{key}");
            assert!(!command.contains('/'));
        }
    }

    #[test]
    fn every_command_is_in_the_private_menu_but_start_and_what_a_file_does_by_itself() {
        let left_out: Vec<_> = Command::ALL
            .into_iter()
            .filter(|command| !IN_PRIVATE.contains(command))
            .collect();
        assert_eq!(left_out, [Command::Import, Command::Start]);
    }
}
