//! The command line: the commands and their exit codes.
//!
//! Each command has a file under `cli/`; the settings are parsed in `config`.

mod ask;
mod chat;
mod check;
mod common;
mod doctor;
mod eval;
mod serve;
mod store;

use std::{io::Write, process::ExitCode};

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use self::common::Failure;

/// A support assistant that helps people take an access card (door card, building pass, 门禁卡) out of the wallet on
/// their phone: in the terminal and on Telegram, in Chinese and English.
#[derive(Debug, Parser)]
#[command(
    version,
    arg_required_else_help = true,
    after_help = "Settings can also be set in the environment or in a file `.env` in this folder; see .env.example."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Talk to the assistant in this terminal; needs no settings
    Chat(chat::Args),
    /// Run the assistant on Telegram
    Serve(serve::Args),
    /// Ask one question, or one per line from standard input
    Ask(ask::Args),
    /// Find every fault of a knowledge base
    Check(check::Args),
    /// Measure the answers on labelled questions
    Eval(eval::Args),
    /// Check whether everything is set up, and say how to repair what is not
    Doctor(doctor::Args),
    /// Export, import, verify or compact the stored chats
    #[command(subcommand)]
    Store(store::Command),
}

/// Runs the program.
pub fn main() -> ExitCode {
    if let Err(failure) = read_env_file().and_then(|()| run()) {
        // Standard error may be closed.
        let _ = writeln!(anstream::stderr(), "{failure}");
        return ExitCode::from(failure.code());
    }
    ExitCode::SUCCESS
}

/// Variables from `.env` in this folder; those of the real environment win.
fn read_env_file() -> Result<(), Failure> {
    match dotenvy::from_filename(".env") {
        Ok(_) => Ok(()),
        Err(error) if error.not_found() => Ok(()),
        Err(dotenvy::Error::LineParse(line, at)) => {
            // The line may have a secret in it, so only the variable's name is shown.
            let name: String = line
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                .collect();
            Err(Failure::Settings(format!(
                ".env: the line of `{name}` cannot be read (at character {at}); write NAME=value, quoting values with spaces"
            )))
        }
        Err(error) => Err(Failure::Settings(format!(
            ".env: {error}; make it readable, or remove it"
        ))),
    }
}

fn run() -> Result<(), Failure> {
    let matches = Cli::command().get_matches();
    let cli = Cli::from_arg_matches(&matches).map_err(Failure::failed)?;
    match cli.command {
        Command::Chat(args) => runtime()?.block_on(chat::run(args)),
        Command::Serve(args) => runtime()?.block_on(serve::run(args)),
        Command::Ask(args) => ask::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Eval(args) => eval::run(&args),
        Command::Doctor(args) => runtime()?.block_on(doctor::run(args)),
        Command::Store(command) => runtime()?.block_on(store::run(command)),
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("cannot start threads: {error}")))
}
