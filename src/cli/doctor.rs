//! `doctor`: looks at everything `serve` needs, says what is well, and what to do about what is not.

use anstyle::{AnsiColor, Style};
use jiff::Timestamp;

use super::{Failure, open_store, print, stores};
use crate::{
    config::{Database, ServeArgs, ServeSettings},
    dialogue::ChatId,
    health::HealthPage,
    knowledge::check_folder,
    store::export,
    telegram::{
        api::WebhookInfo,
        checkup::{self, Bot, Chat, Checkup, Membership},
    },
};

/// Clocks that far apart, in seconds, are not the network's doing. One-time codes change every 30.
const CLOCKS_APART: i64 = 10;

const WELL: Style = AnsiColor::Green.on_default();
const ILL: Style = AnsiColor::Red.on_default().bold();

/// Look whether everything is set up, and say what to do.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    settings: ServeArgs,
}

/// One thing looked at: how it is, or what to do about it.
type Finding = (&'static str, Result<String, String>);

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let settings = args.settings.settings()?;
    let mut findings = vec![
        ("settings", Ok("understood".to_owned())),
        ("knowledge", knowledge(&settings)),
        ("store", store(&settings.database).await),
        ("health page", health_page(&settings).await),
    ];
    findings.extend(telegram(&settings).await);
    let mut ill = 0;
    for (what, found) in findings {
        match found {
            Ok(well) => print(format_args!("{WELL}ok{WELL:#}    {what}: {well}"))?,
            Err(repair) => {
                ill += 1;
                print(format_args!("{ILL}wrong{ILL:#} {what}: {repair}"))?;
            }
        }
    }
    match ill {
        0 => Ok(()),
        _ => Err(Failure::failed(format!(
            "{ill} thing(s) to mend before `unbind-bot serve`"
        ))),
    }
}

fn knowledge(settings: &ServeSettings) -> Result<String, String> {
    let (knowledge, faults) = check_folder(&settings.knowledge);
    match faults.0.len() {
        0 => Ok(format!("{} entries, no faults", knowledge.entries.len())),
        count => Err(format!(
            "{count} fault(s); `unbind-bot check {}` shows them",
            settings.knowledge.display()
        )),
    }
}

async fn health_page(settings: &ServeSettings) -> Result<String, String> {
    let Some(listen) = settings.health_listen else {
        return Ok("none; HEALTH_LISTEN turns it on".to_owned());
    };
    match HealthPage::bind(listen).await {
        Ok(_) => Ok(format!(
            "will be at http://{listen}/healthz, /readyz and /metrics"
        )),
        Err(error) => Err(format!(
            "HEALTH_LISTEN: {listen} cannot be listened on: {error}; name another port, or stop what has it"
        )),
    }
}

/// Looking makes no store where there is none yet.
async fn store(database: &Database) -> Result<String, String> {
    let Database::Sled(folder) = database;
    if !folder.exists() {
        return Ok(format!(
            "{} will be made at the first start",
            folder.display()
        ));
    }
    let store = open_store(database).map_err(|failure| failure.to_string())?;
    let found = export::verify(store.as_ref());
    let letters = stores::collect_letters(store.as_ref()).map_or(0, |letters| letters.len());
    store.close().await.map_err(|error| error.to_string())?;
    match found.faults.first() {
        None if letters > 0 => Ok(format!(
            "{} chats, all whole; {letters} message(s) the bot failed at: `unbind-bot store letters` shows them",
            found.whole.chats
        )),
        None => Ok(format!("{} chats, all whole", found.whole.chats)),
        Some(fault) => Err(fault.to_string()),
    }
}

async fn telegram(settings: &ServeSettings) -> Vec<Finding> {
    let checkup = match Checkup::new(settings.token.expose(), settings.api_url.clone()) {
        Ok(checkup) => checkup,
        Err(error) => return vec![("telegram", Err(error.to_string()))],
    };
    let bot = match checkup.bot().await {
        Ok(bot) => bot,
        Err(error) => return vec![("telegram", Err(error.to_string()))],
    };
    let mut findings = vec![
        ("telegram", Ok(format!("the token is @{}'s", bot.username))),
        (
            "clock",
            clock(checkup.server_time().await, Timestamp::now()),
        ),
        ("webhook", webhook(settings, checkup.webhook().await)),
        ("privacy mode", Ok(privacy(&bot).to_owned())),
    ];
    if let Some(chat) = settings.support_chat {
        let found = checkup.chat(ChatId(chat), &bot).await;
        let found = found.map_err(|error| error.to_string());
        findings.push((
            "staff chat",
            found.and_then(|found| staff_chat(chat, found)),
        ));
    }
    findings
}

fn clock(server: Option<Timestamp>, here: Timestamp) -> Result<String, String> {
    let Some(server) = server else {
        return Ok(
            "the server does not tell the time; one-time codes need the right one".to_owned(),
        );
    };
    let apart = here.duration_since(server).as_secs();
    match apart.abs() <= CLOCKS_APART {
        true => Ok("right, as far as the Bot API server can tell".to_owned()),
        false => Err(format!(
            "this machine's clock is {} s {} the Bot API server's; one-time codes and reminders go by it: set it, and keep it right with NTP (`timedatectl set-ntp true`)",
            apart.abs(),
            if apart < 0 { "behind" } else { "ahead of" },
        )),
    }
}

fn webhook(
    settings: &ServeSettings,
    found: Result<WebhookInfo, checkup::Unreachable>,
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
                "Telegram could not bring updates to {}: {fault}; see that the reverse proxy passes that path on to WEBHOOK_LISTEN, and that `serve` runs; {waiting}",
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

fn privacy(bot: &Bot) -> &'static str {
    match bot.can_read_all_group_messages {
        true => {
            "off: the bot is sent everything said in groups, and answers only what is addressed to it; @BotFather's /setprivacy turns it on"
        }
        false => "on: in groups the bot is sent only what is addressed to it",
    }
}

/// Whether the bot can work with people in their chat.
fn staff_chat(id: i64, found: Option<(Chat, Membership)>) -> Result<String, String> {
    let Some((chat, bot)) = found else {
        return Err(format!(
            "SUPPORT_CHAT_ID: the bot does not know a chat {id}; add the bot to the group, and take the id from there (it begins with -100)"
        ));
    };
    if !matches!(chat.kind.as_str(), "group" | "supergroup") {
        return Err(format!(
            "SUPPORT_CHAT_ID: {id} is no group; name the group the staff is in"
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
        assert!(clock(Some(at(100)), at(100 + CLOCKS_APART)).is_ok());
        assert!(clock(None, at(0)).is_ok());
        let behind = clock(Some(at(1_000)), at(100)).expect_err("wrong");
        assert!(
            behind.contains("900 s behind") && behind.contains("NTP"),
            "{behind}"
        );
        let ahead = clock(Some(at(0)), at(50)).expect_err("wrong");
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
            let fault = staff_chat(-100, found).expect_err(repair);
            assert!(
                fault.contains(repair) && fault.contains("SUPPORT_CHAT_ID"),
                "{fault}"
            );
        }
        for found in [
            (chat("group", false), member("member")),
            (chat("supergroup", true), topics),
        ] {
            assert!(staff_chat(-100, Some(found)).is_ok());
        }
    }
}
