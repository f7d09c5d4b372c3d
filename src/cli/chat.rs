//! `chat`: the assistant in the terminal, with a store on disk.

use std::{
    io::{self, IsTerminal, Write},
    sync::Arc,
};

use jiff::Timestamp;

use super::common::{Failure, load_watched, open_or_restore, print};
use crate::{
    assistant::{
        Assistant, TimeSource,
        reload::{Reload, Reloader},
    },
    config::{Database, KnowledgeArgs, StoreArgs},
    dialogue::Base,
    knowledge::Language,
    store::{Store, backups::Restored, sled::REBUILT},
    terminal::{Terminal, TerminalError, TerminalSettings},
};

/// Talk to the assistant in this terminal; needs no settings.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    knowledge: KnowledgeArgs,
    #[command(flatten)]
    store: StoreArgs,
    /// The language to begin in, like `en` or `zh`
    #[arg(long, value_name = "LANGUAGE")]
    language: Option<Language>,
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let database = args.store.database()?;
    let (knowledge, watcher) = load_watched(&args.knowledge.folder())?;
    let base = Base::new(knowledge);
    let (opened, restored) = open_or_restore(&database)?;
    if opened.rebuilt {
        print(REBUILT)?;
    }
    let store: Arc<dyn Store> = Arc::new(opened.store);
    let assistant = Assistant::new(base, store.clone()).telling_time_by(TimeSource::ClockAlone);
    let assistant = Arc::new(assistant);
    let reloader = Reloader::new(&assistant, watcher);
    let ended = converse(&args, &database, restored, &assistant, reloader).await;
    store.close().await?;
    ended
}

async fn converse(
    args: &Args,
    Database::Sled(folder): &Database,
    restored: Option<Restored>,
    assistant: &Assistant,
    reloader: Reloader,
) -> Result<(), Failure> {
    if let Some(restored) = restored {
        print(restored)?;
    }
    print(format_args!(
        "{DIM}(kept in {}){DIM:#}",
        std::path::absolute(folder)
            .unwrap_or(folder.clone())
            .display()
    ))?;
    reloader.start(print_reload).map_err(Failure::failed)?;
    let prompt = io::stdin().is_terminal() && io::stdout().is_terminal();
    let columns = terminal_size::terminal_size().map_or(0, |(width, _)| usize::from(width.0));
    let settings = TerminalSettings {
        language: args.language.or_else(language_of_locale),
        columns,
        prompt,
        files: folder.join(FILES),
    };
    let mut terminal = Terminal::new(assistant, &Timestamp::now, settings, anstream::stdout());
    let ended = terminal.run(io::stdin().lock()).await;
    ended.map_err(|error| match error {
        TerminalError::Io(error) if error.kind() == io::ErrorKind::BrokenPipe => {
            Failure::OutputClosed
        }
        error => Failure::failed(error),
    })
}

/// The folder beside the store for files the chat writes.
const FILES: &str = "files";
const DIM: anstyle::Style = anstyle::Style::new().dimmed();

/// Prints to standard error, since standard output is the chat, and on separate lines, since the person may be typing.
fn print_reload(reload: &Reload) {
    let mut stderr = anstream::stderr().lock();
    // Standard error may be closed; the chat goes on.
    let _ = writeln!(stderr, "\r{DIM}({reload}){DIM:#}");
    for fault in reload.faults() {
        let _ = writeln!(stderr, "{DIM}{fault}{DIM:#}");
    }
}

/// The language of the system's locale: `zh_CN.UTF-8` is `zh`.
fn language_of_locale() -> Option<Language> {
    let locale = ["LC_ALL", "LC_MESSAGES", "LANG"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))?;
    locale.get(..2)?.parse().ok()
}
