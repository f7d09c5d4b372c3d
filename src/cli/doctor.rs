//! `doctor`: checks everything `serve` needs, and says how to repair what is wrong.

use anstyle::{AnsiColor, Style};
use jiff::Timestamp;

use super::{
    common::{Failure, open_store, print},
    store::collect_dead_letters,
};
use crate::{
    config::{Database, ServeArgs, ServeSettings},
    dialogue::ChatId,
    health::HealthPage,
    knowledge::check_folder,
    store::{backups::Backups, export},
    telegram::{
        api::{Connection, WebhookInfo},
        checkup::{self, Bot, Chat, Checkup, Membership},
    },
};

/// Difference in seconds from which the clock counts as wrong and the network does not explain it. One-time codes change
/// every 30 seconds.
const MAX_CLOCK_DIFFERENCE: i64 = 10;

const OK: Style = AnsiColor::Green.on_default();
const WRONG: Style = AnsiColor::Red.on_default().bold();

/// Check whether everything is set up, and say how to repair what is not.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    settings: ServeArgs,
}

/// What was checked, and its state or the repair.
type CheckResult = (&'static str, Result<String, String>);

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let settings = args.settings.settings()?;
    let mut findings = vec![
        ("settings", Ok("valid".to_owned())),
        ("knowledge", check_knowledge(&settings)),
        ("store", check_store(&settings.database).await),
        ("health page", check_health_page(&settings).await),
    ];
    findings.extend(check_telegram(&settings).await);
    let mut wrong = 0;
    for (what, found) in findings {
        match found {
            Ok(state) => print(format_args!("{OK}ok{OK:#}    {what}: {state}"))?,
            Err(repair) => {
                wrong += 1;
                print(format_args!("{WRONG}wrong{WRONG:#} {what}: {repair}"))?;
            }
        }
    }
    match wrong {
        0 => Ok(()),
        _ => Err(Failure::failed(format!(
            "{wrong} thing(s) to repair before `unbind-bot serve`"
        ))),
    }
}

fn check_knowledge(settings: &ServeSettings) -> Result<String, String> {
    let (knowledge, faults) = check_folder(&settings.knowledge);
    match faults.0.len() {
        0 => Ok(format!("{} entries, no faults", knowledge.entries.len())),
        count => Err(format!(
            "{count} fault(s); `unbind-bot check {}` shows them",
            settings.knowledge.display()
        )),
    }
}

async fn check_health_page(settings: &ServeSettings) -> Result<String, String> {
    let Some(listen) = settings.health_listen else {
        return Ok("none; HEALTH_LISTEN turns it on".to_owned());
    };
    match HealthPage::bind(listen).await {
        Ok(_) => Ok(format!(
            "will be at http://{listen}/healthz, /readyz and /metrics"
        )),
        Err(error) => Err(format!(
            "HEALTH_LISTEN: cannot listen on {listen}: {error}; name another port, or stop the program that uses it"
        )),
    }
}

/// A store that does not exist yet is not created.
async fn check_store(database: &Database) -> Result<String, String> {
    let Database::Sled(folder) = database;
    if !folder.exists() {
        return Ok(format!(
            "{} will be created at the first start",
            folder.display()
        ));
    }
    let store = open_store(database).map_err(|failure| failure.to_string())?;
    let found = export::verify(store.as_ref());
    let newer = Backups::in_folder(folder).find_newer_than(store.as_ref(), Timestamp::now());
    let letters = collect_dead_letters(store.as_ref()).map_or(0, |letters| letters.len());
    store.close().await.map_err(|error| error.to_string())?;
    if let Some(newer) = newer {
        return Err(newer.to_string());
    }
    match found.faults.first() {
        None if letters > 0 => Ok(format!(
            "{} chats, no damage; {letters} message(s) could not be processed: `unbind-bot store dead-letters` shows them",
            found.intact.chats
        )),
        None => Ok(format!("{} chats, no damage", found.intact.chats)),
        Some(fault) => Err(fault.to_string()),
    }
}

async fn check_telegram(settings: &ServeSettings) -> Vec<CheckResult> {
    let connection = Connection {
        address: settings.api_url.clone(),
        proxy: settings.proxy.clone(),
        files: settings.api_files.clone(),
    };
    let checkup = match Checkup::new(settings.token.expose(), connection) {
        Ok(checkup) => checkup,
        Err(error) => return vec![("telegram", Err(error.to_string()))],
    };
    let proxy = ("proxy", Ok(describe_proxy(checkup.proxy())));
    let bot = match checkup.bot().await {
        Ok(bot) => bot,
        Err(error) => return vec![proxy, ("telegram", Err(error.to_string()))],
    };
    let mut findings = vec![
        proxy,
        ("telegram", Ok(format!("the token is @{}'s", bot.username))),
        (
            "clock",
            check_clock(checkup.server_time().await, Timestamp::now()),
        ),
        ("webhook", check_webhook(settings, checkup.webhook().await)),
        ("privacy mode", Ok(describe_privacy_mode(&bot).to_owned())),
    ];
    if let Some(chat) = settings.support_chat {
        let found = checkup
            .chat(ChatId(chat), &bot)
            .await
            .map_err(|error| error.to_string());
        findings.push((
            "staff chat",
            found.and_then(|found| check_staff_chat(chat, found)),
        ));
    }
    findings
}

fn describe_proxy(proxy: Option<String>) -> String {
    match proxy {
        Some(proxy) => format!("the Bot API server is reached through {proxy}"),
        None => "none; the Bot API server is reached directly".to_owned(),
    }
}

fn check_clock(server: Option<Timestamp>, here: Timestamp) -> Result<String, String> {
    let Some(server) = server else {
        return Ok(
            "not checked, the server does not tell the time; one-time codes need a correct clock"
                .to_owned(),
        );
    };
    let apart = here.duration_since(server).as_secs();
    if apart.abs() <= MAX_CLOCK_DIFFERENCE {
        return Ok("right, compared with the Bot API server's".to_owned());
    }
    Err(format!(
        "this machine's clock is {} s {} the Bot API server's; one-time codes and reminders depend on it: set it, and keep it right with NTP (`timedatectl set-ntp true`)",
        apart.abs(),
        if apart < 0 { "behind" } else { "ahead of" },
    ))
}

fn check_webhook(
    settings: &ServeSettings,
    found: Result<WebhookInfo, checkup::CheckupError>,
) -> Result<String, String> {
    let found = found.map_err(|error| error.to_string())?;
    let waiting = format!("{} update(s) waiting", found.pending_update_count);
    if let (Some(fault), false) = (&found.last_error_message, found.url.is_empty()) {
        let is_ours = settings
            .webhook
            .as_ref()
            .is_some_and(|ours| ours.url.as_str() == found.url);
        if is_ours {
            return Err(format!(
                "Telegram could not deliver updates to {}: {fault}; check that the reverse proxy passes that path on to WEBHOOK_LISTEN, and that `serve` runs; {waiting}",
                found.url
            ));
        }
    }
    match &settings.webhook {
        Some(ours) if ours.url.as_str() == found.url => {
            Ok(format!("set to {}; {waiting}", found.url))
        }
        Some(_) if found.url.is_empty() => Ok(format!("none yet; `serve` sets it; {waiting}")),
        Some(_) => Ok(format!(
            "another one is set ({}), left behind; `serve` sets yours in its place; {waiting}",
            found.url
        )),
        None if found.url.is_empty() => Ok(format!("none, updates are polled; {waiting}")),
        None => Ok(format!(
            "one is set ({}), left behind; `serve` removes it, since it polls; {waiting}",
            found.url
        )),
    }
}

fn describe_privacy_mode(bot: &Bot) -> &'static str {
    if bot.can_read_all_group_messages {
        "off: the bot receives every message in groups, and answers only those addressed to it; @BotFather's /setprivacy turns it on"
    } else {
        "on: in groups the bot receives only messages addressed to it"
    }
}

/// Whether the bot can write in the staff's group, and manage its topics.
fn check_staff_chat(id: i64, found: Option<(Chat, Membership)>) -> Result<String, String> {
    let Some((chat, bot)) = found else {
        return Err(format!(
            "SUPPORT_CHAT_ID: the bot cannot see a chat {id}; add the bot to the group, and use the group's id (it begins with -100)"
        ));
    };
    if !matches!(chat.kind.as_str(), "group" | "supergroup") {
        return Err(format!(
            "SUPPORT_CHAT_ID: {id} is no group; use the id of the staff's group"
        ));
    }
    if matches!(bot.status.as_str(), "left" | "kicked" | "") {
        return Err(format!(
            "SUPPORT_CHAT_ID: the bot is not in the group {id}; add it there"
        ));
    }
    if bot.status == "restricted" && bot.can_send_messages != Some(true) {
        return Err(format!(
            "SUPPORT_CHAT_ID: the bot may not write in the group {id}; lift its restriction"
        ));
    }
    if chat.is_forum && bot.can_manage_topics != Some(true) {
        return Err(format!(
            "SUPPORT_CHAT_ID: the group {id} has topics, and the bot may not manage them; make it an administrator with that right"
        ));
    }
    Ok(format!("the bot is {} of a {}", bot.status, chat.kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    #[test]
    fn a_clock_that_is_wrong_is_named_with_the_repair() {
        assert!(check_clock(Some(at(100)), at(100 + MAX_CLOCK_DIFFERENCE)).is_ok());
        assert!(check_clock(None, at(0)).is_ok());
        let behind = check_clock(Some(at(1_000)), at(100)).expect_err("wrong");
        assert!(
            behind.contains("900 s behind") && behind.contains("NTP"),
            "{behind}"
        );
        let ahead = check_clock(Some(at(0)), at(50)).expect_err("wrong");
        assert!(ahead.contains("50 s ahead of"), "{ahead}");
    }

    fn chat(kind: &str, is_forum: bool) -> Chat {
        Chat {
            kind: kind.to_owned(),
            is_forum,
        }
    }

    fn member(status: &str) -> Membership {
        Membership {
            status: status.to_owned(),
            ..Membership::default()
        }
    }

    #[test]
    fn a_staff_chat_the_bot_cannot_work_in_is_named_with_the_repair() {
        let topics = Membership {
            can_manage_topics: Some(true),
            ..member("administrator")
        };
        for (found, repair) in [
            (None, "add the bot to the group"),
            (
                Some((chat("channel", false), member("administrator"))),
                "is no group",
            ),
            (
                Some((chat("supergroup", false), member("left"))),
                "add it there",
            ),
            (
                Some((chat("group", false), member("restricted"))),
                "lift its restriction",
            ),
            (
                Some((chat("supergroup", true), member("member"))),
                "administrator with that right",
            ),
        ] {
            let fault = check_staff_chat(-100, found).expect_err(repair);
            assert!(
                fault.contains(repair) && fault.contains("SUPPORT_CHAT_ID"),
                "{fault}"
            );
        }
        for found in [
            (chat("group", false), member("member")),
            (chat("supergroup", true), topics),
        ] {
            assert!(check_staff_chat(-100, Some(found)).is_ok());
        }
    }
}
