//! `doctor`: looks at everything `serve` needs, says what is well, and what to do about what is not.

use anstyle::{AnsiColor, Style};

use super::{Failure, open_store, print};
use crate::{
    config::{Database, ServeArgs, ServeSettings},
    knowledge::check_folder,
    store::export,
    telegram::checkup,
};

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
    store.close().await.map_err(|error| error.to_string())?;
    match found.faults.first() {
        None => Ok(format!("{} chats, all whole", found.whole.chats)),
        Some(fault) => Err(fault.to_string()),
    }
}

async fn telegram(settings: &ServeSettings) -> Vec<Finding> {
    let (bot, waiting) =
        match checkup::look(settings.token.expose(), settings.api_url.clone()).await {
            Ok(seen) => seen,
            Err(error) => return vec![("telegram", Err(error.to_string()))],
        };
    let webhook = match waiting.url.is_empty() {
        true => Ok(format!(
            "none; {} update(s) waiting",
            waiting.pending_update_count
        )),
        false => Ok("one is set; `serve` removes it, since it polls".to_owned()),
    };
    let privacy = match bot.can_read_all_group_messages {
        true => {
            "off: the bot is sent everything said in groups, and answers only what is addressed to it; @BotFather's /setprivacy turns it on"
        }
        false => "on: in groups the bot is sent only what is addressed to it",
    };
    vec![
        ("telegram", Ok(format!("the token is @{}'s", bot.username))),
        ("webhook", webhook),
        ("privacy mode", Ok(privacy.to_owned())),
    ]
}
