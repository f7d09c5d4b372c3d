//! The command line: the commands and their exit codes.
//!
//! Each command has a file under `cli/`; the settings are parsed in `config`.

mod ask;
mod chat;
mod check;
mod common;
mod doctor;
mod env_file;
mod eval;
mod runtime;
mod serve;
mod signals;
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
    match env_file::load().and_then(|()| run()) {
        Ok(()) | Err(Failure::OutputClosed) => ExitCode::SUCCESS,
        Err(failure) => {
            // Standard error may be closed.
            let _ = writeln!(anstream::stderr(), "{failure}");
            ExitCode::from(failure.code())
        }
    }
}

fn run() -> Result<(), Failure> {
    let matches = Cli::command().get_matches();
    let cli = Cli::from_arg_matches(&matches).map_err(Failure::failed)?;
    match cli.command {
        Command::Chat(args) => runtime::run(chat::run(args)),
        Command::Serve(args) => runtime::run(serve::run(args)),
        Command::Ask(args) => ask::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Eval(args) => eval::run(&args),
        Command::Doctor(args) => runtime::run(doctor::run(args)),
        Command::Store(command) => runtime::run(store::run(command)),
    }
}
