//! The menus of commands that Telegram shows beside the input field: per language, and shorter in groups. They are set
//! in the background at every start.

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
/// Shown in private chats, the most used first. `/start` is pressed before there is a menu; sending a file does what
/// `/import` does.
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
/// Shown in groups, where cards are not discussed.
const IN_GROUPS: [Command; 1] = [Command::Help];

/// The menus for all languages that have lines; the English menu is the default.
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

/// Sets the menus. Failures are logged; the next start tries again.
pub async fn set_menus(api: Api, base: Arc<Base>) {
    for menu in menus(&base.lines) {
        let set: Result<Ignored, ApiError> = api.call(&menu).await;
        if let Err(error) = set {
            tracing::warn!(%error, "a menu of commands could not be set");
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
    fn every_command_except_start_and_import_is_in_the_private_menu() {
        let left_out: Vec<_> = Command::ALL
            .into_iter()
            .filter(|command| !IN_PRIVATE.contains(command))
            .collect();
        assert_eq!(left_out, [Command::Import, Command::Start]);
    }
}
