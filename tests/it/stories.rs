//! Plays the conversations in `tests/stories/` against the assistant, and compares the replies: once with a store in
//! memory, and once with a store on disk that is closed and reopened after every turn.
//!
//! ```text
//! # a comment
//! > typed text               [Label]      the newest button with this label is pressed
//! @ zh                       the language the person's app is set to
//! ~ 31 days                  [old: Label] the oldest one
//! ~ wake                     wait until `Record::wake_at`, and wake the chat
//! + {"a": "file"}            a file with this content is sent
//! + the file                 the last file received is sent back
//! < words a reply contains   < ✎ words    the same, in a message edited in place
//! < [Label]                  a button that is offered
//! < 📎 words                 the name of the attachment contains these words
//! < 🗑                        the typed message is deleted from the chat
//! ! words no reply contains  ! [Label]    a button that no reply offers
//! ```
//! Expected words must appear in the order in which they are written.

use std::{fs, path::Path, sync::Arc};

use crate::support::{CHAT, Said, Screen, assistant};
use jiff::SignedDuration;
use unbind_bot::{
    assistant::Assistant,
    dialogue::{Event, Input, Receipt},
    knowledge::Language,
    store::{Store, memory::MemoryStore, sled::SledStore},
};

/// A line of a story, with its number.
enum Line {
    Act(Act),
    Expect(Expectation),
    Never(String),
}

enum Act {
    Type(String),
    Press(String),
    PressOldest(String),
    Wait(SignedDuration),
    Wake,
    SendFile(String),
    SendTheFile,
    SetApp(Language),
}

enum Expectation {
    Words(String),
    EditedWords(String),
    Button(String),
    Attachment(String),
    Deleted,
}

fn parse(line: &str) -> Option<Line> {
    let text = |rest: &str| rest.trim().to_owned();
    Some(match line.trim() {
        "" => return None,
        line if line.starts_with('#') => return None,
        line if line.starts_with("[old:") => {
            Line::Act(Act::PressOldest(text(&line[5..line.len() - 1])))
        }
        line if line.starts_with('[') => Line::Act(Act::Press(text(&line[1..line.len() - 1]))),
        line => match line.split_at(1) {
            (">", typed) => Line::Act(Act::Type(text(typed))),
            ("@", language) => Line::Act(Act::SetApp(language.trim().parse().expect("a language"))),
            ("~", " wake") => Line::Act(Act::Wake),
            ("~", time) => Line::Act(Act::Wait(parse_time(time))),
            ("+", " the file") => Line::Act(Act::SendTheFile),
            ("+", content) => Line::Act(Act::SendFile(text(content))),
            ("!", words) => Line::Never(text(words)),
            ("<", words) => Line::Expect(parse_expectation(words.trim())),
            _ => panic!("a story does not know the line {line:?}"),
        },
    })
}

fn parse_time(text: &str) -> SignedDuration {
    let (number, unit) = text.trim().split_once(' ').expect("a number and a unit");
    let number: i64 = number.parse().expect("a number");
    match unit {
        "days" => SignedDuration::from_hours(24 * number),
        "hours" => SignedDuration::from_hours(number),
        "minutes" => SignedDuration::from_mins(number),
        "seconds" => SignedDuration::from_secs(number),
        other => panic!("unknown unit {other}"),
    }
}

fn parse_expectation(words: &str) -> Expectation {
    if let Some(words) = words.strip_prefix('✎') {
        return Expectation::EditedWords(words.trim().to_owned());
    }
    if let Some(name) = words.strip_prefix('📎') {
        return Expectation::Attachment(name.trim().to_owned());
    }
    if words == "🗑" {
        return Expectation::Deleted;
    }
    match words
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        Some(label) => Expectation::Button(label.to_owned()),
        None => Expectation::Words(words.to_owned()),
    }
}

/// The store of a run: kept, or reopened after each turn.
enum Keeping {
    Memory(Arc<dyn Store>),
    Reopened(tempfile::TempDir),
}

impl Keeping {
    fn assistant(&self) -> Assistant {
        match self {
            Self::Memory(store) => assistant(store.clone()),
            Self::Reopened(folder) => assistant(Arc::new(
                SledStore::open(folder.path())
                    .expect("the store opens")
                    .store,
            )),
        }
    }

    async fn after_turn(&self, assistant: Assistant) {
        if let Self::Reopened(_) = self {
            assistant.store().close().await.expect("the store closes");
        }
    }
}

/// Plays a story. Returns the transcript, or the first difference.
async fn tell(story: &str, name: &str, keeping: &Keeping) -> Result<Vec<Said>, String> {
    let mut screen = Screen::new();
    let mut said: Vec<Said> = Vec::new();
    let mut transcript = Vec::new();
    // Position in the last turn's replies up to which the expectations have matched.
    let mut from = 0;
    for (number, line) in story
        .lines()
        .enumerate()
        .filter_map(|(index, line)| Some((index + 1, parse(line)?)))
    {
        match line {
            Line::Act(act) => {
                if matches!(act, Act::Wake) {
                    let assistant = keeping.assistant();
                    let record = assistant.store().load(CHAT).expect("the record").record;
                    screen.now = record.wake_at().expect("the chat waits for something");
                    keeping.after_turn(assistant).await;
                }
                let event = event_of(act, &mut screen)
                    .map_err(|fault| format!("{name}:{number}: {fault}"))?;
                let Some(event) = event else { continue };
                let assistant = keeping.assistant();
                said = screen.turn(&assistant, &event).await;
                keeping.after_turn(assistant).await;
                if said.is_empty() && event.input != Input::Wake {
                    return Err(format!("{name}:{number}: silence"));
                }
                transcript.extend(said.clone());
                from = 0;
            }
            Line::Expect(expected) => {
                let found = said[from..].iter().position(|said| fits(&expected, said));
                from += found.ok_or_else(|| {
                    format!("{name}:{number}: not said; what was said: {said:#?}")
                })?;
            }
            Line::Never(never) => {
                if said
                    .iter()
                    .any(|said| fits(&parse_expectation(&never), said))
                {
                    return Err(format!("{name}:{number}: said {never:?}: {said:#?}"));
                }
            }
        }
    }
    Ok(transcript)
}

fn event_of(act: Act, screen: &mut Screen) -> Result<Option<Event>, String> {
    Ok(match act {
        Act::Type(text) => Some(Event::private(Input::from_text(&text))),
        Act::Press(label) => Some(screen.press(&label)?),
        Act::PressOldest(label) => Some(screen.press_oldest(&label)?),
        Act::Wait(time) => {
            screen.now += time;
            None
        }
        Act::Wake => Some(Event::wake()),
        Act::SendFile(content) => Some(Event::private(Input::Receipt(Receipt::FileContent(Ok(
            content,
        ))))),
        Act::SendTheFile => Some(Event::private(Input::Receipt(Receipt::FileContent(Ok(
            screen.file.clone(),
        ))))),
        Act::SetApp(language) => {
            screen.app_language = Some(language);
            None
        }
    })
}

fn fits(expected: &Expectation, said: &Said) -> bool {
    match expected {
        Expectation::Words(words) => said.text.contains(words.as_str()),
        Expectation::EditedWords(words) => said.edited && said.text.contains(words.as_str()),
        Expectation::Button(label) => said.buttons.contains(label),
        Expectation::Attachment(name) => {
            let attachment = said.attachment.as_ref();
            attachment.is_some_and(|attachment| attachment.contains(name.as_str()))
        }
        Expectation::Deleted => said.deletes_typed,
    }
}

fn stories() -> Vec<(String, String)> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stories"));
    let mut paths: Vec<_> = fs::read_dir(folder)
        .expect("the stories")
        .map(|entry| entry.expect("a story").path())
        .collect();
    paths.sort();
    let read = |path: std::path::PathBuf| {
        (
            path.file_name()
                .expect("a name")
                .to_string_lossy()
                .into_owned(),
            fs::read_to_string(&path).expect("a story"),
        )
    };
    paths.into_iter().map(read).collect()
}

#[tokio::test]
async fn every_story_comes_out_as_written_also_with_the_store_reopened_after_each_turn() {
    let stories = stories();
    assert!(stories.len() >= 25, "only {} stories", stories.len());
    let mut faults = Vec::new();
    for (name, story) in stories {
        let in_memory = tell(
            &story,
            &name,
            &Keeping::Memory(Arc::new(MemoryStore::new())),
        )
        .await;
        let reopened = tell(
            &story,
            &name,
            &Keeping::Reopened(tempfile::tempdir().expect("a folder")),
        )
        .await;
        match in_memory {
            Ok(_) if in_memory == reopened => {}
            Ok(_) => faults.push(format!(
                "{name}: the transcript changed with the store reopened after each turn"
            )),
            Err(fault) => faults.push(fault),
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}
