//! The menus of commands that Telegram shows beside the input field: per language, and shorter in groups. They are set
//! in the background at every start, and those that another program left under the bot's name are deleted.

use std::{collections::BTreeSet, sync::Arc};

use teloxide::{
    payloads::{DeleteMyCommands, DeleteMyCommandsSetters, SetMyCommands, SetMyCommandsSetters},
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
/// The languages of Telegram's apps. A menu that another program left in one of them hides the bot's own; Telegram cannot
/// be asked which there are.
const APP_LANGUAGES: [&str; 36] = [
    "ar", "az", "be", "bg", "ca", "cs", "da", "de", "el", "en", "es", "fa", "fi", "fr", "he", "hi",
    "hr", "hu", "id", "it", "ja", "kk", "ko", "ms", "nb", "nl", "pl", "pt", "ro", "ru", "sk", "sr",
    "sv", "tr", "uk", "zh",
];

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

/// The menus that this bot does not set, in every scope a menu is shown in.
fn foreign_menus(lines: &Lines) -> Vec<DeleteMyCommands> {
    let own: Vec<_> = menus(lines)
        .into_iter()
        .map(|menu| (menu.scope, menu.language_code))
        .collect();
    let scopes = [
        BotCommandScope::Default,
        BotCommandScope::AllChatAdministrators,
        BotCommandScope::AllPrivateChats,
        BotCommandScope::AllGroupChats,
    ];
    let of_lines = lines
        .languages()
        .into_iter()
        .map(|language| language.code().to_owned());
    let languages: BTreeSet<_> = APP_LANGUAGES
        .map(str::to_owned)
        .into_iter()
        .chain(of_lines)
        .collect();
    let all = scopes.into_iter().flat_map(|scope| {
        let codes = std::iter::once(None).chain(languages.iter().cloned().map(Some));
        codes
            .map(move |code| (Some(scope.clone()), code))
            .collect::<Vec<_>>()
    });
    let foreign = all.filter(|menu| !own.contains(menu));
    foreign.map(|(scope, code)| deletion(scope, code)).collect()
}

fn deletion(scope: Option<BotCommandScope>, language: Option<String>) -> DeleteMyCommands {
    let mut deletion = DeleteMyCommands::new();
    deletion.scope = scope;
    match language {
        Some(language) => deletion.language_code(language),
        None => deletion,
    }
}

/// Sets the menus and deletes all others. Failures are logged; the next start tries again.
pub async fn set_menus(api: Api, base: Arc<Base>) {
    for menu in menus(&base.lines) {
        let set: Result<Ignored, ApiError> = api.call(&menu).await;
        if let Err(error) = set {
            tracing::warn!(%error, "a menu of commands could not be set");
        }
    }
    for menu in foreign_menus(&base.lines) {
        let deleted: Result<Ignored, ApiError> = api.call(&menu).await;
        if let Err(error) = deleted {
            tracing::warn!(%error, "the menus of a former bot could not be deleted; the next start tries again");
            return;
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
    fn menus_of_other_scopes_and_languages_are_deleted_and_the_own_ones_stay() {
        let lines = Lines::new(&BTreeMap::new());
        let own = menus(&lines);
        let deleted = foreign_menus(&lines);
        let is_deleted = |scope: BotCommandScope, code: Option<&str>| {
            let mut menus = deleted.iter();
            menus.any(|menu| {
                menu.scope.as_ref() == Some(&scope) && menu.language_code.as_deref() == code
            })
        };
        for code in [None, Some("en"), Some("ru"), Some("zh")] {
            assert!(is_deleted(BotCommandScope::Default, code), "{code:?}");
            let administrators = BotCommandScope::AllChatAdministrators;
            assert!(is_deleted(administrators, code), "{code:?}");
        }
        assert!(is_deleted(BotCommandScope::AllPrivateChats, Some("ru")));
        assert!(is_deleted(BotCommandScope::AllGroupChats, Some("en")));
        for menu in own {
            let scope = menu.scope.expect("a scope");
            assert!(!is_deleted(scope, menu.language_code.as_deref()));
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
