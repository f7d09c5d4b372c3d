//! `ask`: answers one question, or one a line from standard input, as text or as JSON lines.

use std::io::{self, BufRead};

use jiff::Timestamp;
use serde::Serialize;

use super::common::{Failure, load_base, print};
use crate::{
    config::KnowledgeArgs,
    dialogue::{Base, Reply, answer_once},
    knowledge::{EntryId, Language},
    matching::{Finding, MAX_SUGGESTIONS, Outcome},
    terminal,
};

/// Ask one question, or one a line on standard input.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    knowledge: KnowledgeArgs,
    /// Print one JSON object for each question
    #[arg(long)]
    json: bool,
    /// Explain the answer: what was read, the scores of the best entries, which threshold decided
    #[arg(long, conflicts_with = "json")]
    explain: bool,
    /// Answer in this language (`en`, `zh`) instead of the question's
    #[arg(long, value_name = "LANGUAGE")]
    language: Option<Language>,
    /// The question, or `-` to read one a line from standard input
    #[arg(required = true, value_name = "QUESTION")]
    question: Vec<String>,
}

#[derive(Serialize)]
struct Answer<'a> {
    question: &'a str,
    language: Option<Language>,
    outcome: Outcome,
    entries: Vec<Scored<'a>>,
    text: String,
}

#[derive(Serialize)]
struct Scored<'a> {
    id: &'a EntryId,
    score: f32,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let base = load_base(&args.knowledge.folder())?;
    if args.question != ["-"] {
        return print_answer(args, &base, &args.question.join(" "));
    }
    for line in io::stdin().lock().split(b'\n') {
        let bytes = line
            .map_err(|error| Failure::failed(format!("standard input cannot be read: {error}")))?;
        let question = String::from_utf8_lossy(&bytes);
        print_answer(args, &base, question.trim_end_matches('\r'))?;
    }
    Ok(())
}

fn print_answer(args: &Args, base: &Base, question: &str) -> Result<(), Failure> {
    let (finding, replies) = answer_once(base, question, args.language, Timestamp::now());
    if args.explain {
        return print(base.matcher.explain(question).1);
    }
    if args.json {
        return print(to_json(question, args.language, &finding, &replies)?);
    }
    let columns = terminal_columns();
    for reply in &replies {
        print(format_args!(
            "{}{}",
            terminal::render::rich_text(&reply.text, columns),
            suggestions(&finding, reply)
        ))?;
    }
    Ok(())
}

/// The width of the terminal, limited for readability.
fn terminal_columns() -> usize {
    let size = terminal_size::terminal_size();
    size.map_or(80, |(width, _)| usize::from(width.0).clamp(20, 88))
}

fn to_json(
    question: &str,
    language: Option<Language>,
    finding: &Finding,
    replies: &[Reply],
) -> Result<String, Failure> {
    let text: Vec<_> = replies
        .iter()
        .map(|reply| reply.text.to_plain() + &suggestions(finding, reply))
        .collect();
    let answer = Answer {
        question,
        language: language.or(finding.language),
        outcome: finding.outcome,
        entries: finding
            .candidates
            .iter()
            .map(|candidate| Scored {
                id: &candidate.entry,
                score: candidate.score,
            })
            .collect(),
        text: text.join("\n\n"),
    };
    serde_json::to_string(&answer).map_err(Failure::failed)
}

/// The suggestions as a list; a chat shows them as buttons.
fn suggestions(finding: &Finding, reply: &Reply) -> String {
    if finding.outcome != Outcome::Suggest {
        return String::new();
    }
    reply
        .buttons
        .iter()
        .flatten()
        .take(MAX_SUGGESTIONS.min(finding.candidates.len()))
        .map(|button| format!("\n• {}", button.label))
        .collect()
}
