//! The words that stand for commands in each language, such as `/取消`. They are data: the lines `words-command-…`.

use super::{
    command_text::{self, fold_name},
    event::{Command, Input},
};
use crate::{knowledge::Lines, matching::normalize::to_simplified};

/// The words of a base's lines for its commands.
#[derive(Debug, Default)]
pub struct CommandWords {
    words: Vec<(String, Command)>,
}

impl CommandWords {
    pub fn new(lines: &Lines) -> Self {
        let languages = lines.languages().into_iter();
        let words = languages.flat_map(|language| {
            Command::ALL.into_iter().flat_map(move |command| {
                let key = format!("words-command-{}", command.name());
                let words = lines.label(language, &key, &[]);
                let words = words.split('|').map(|word| fold_name(word.trim()));
                words.map(|word| (word, command)).collect::<Vec<_>>()
            })
        });
        Self {
            words: words.collect(),
        }
    }

    /// The command of this name, or that this word stands for, in Simplified or Traditional script.
    pub fn find(&self, name: &str) -> Option<Command> {
        Command::named(name).or_else(|| {
            let name = to_simplified(name);
            let mut words = self.words.iter();
            let found = words.find(|(word, _)| *word == name);
            found.map(|(_, command)| *command)
        })
    }

    /// The input as a command, if it is one by a word of some language.
    pub fn read(&self, input: &Input) -> Option<Input> {
        match input {
            Input::Text(line) | Input::UnknownCommand(line) => {
                let typed = command_text::split(line)?;
                let command = self.find(&typed.name)?;
                Some(Input::Command(command, typed.argument.to_owned()))
            }
            Input::Command(..)
            | Input::LateEdit(_)
            | Input::Press { .. }
            | Input::Attachment(_)
            | Input::File(_)
            | Input::TooFast { .. }
            | Input::Wake
            | Input::Receipt(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn read(text: &str) -> Option<Input> {
        let words = CommandWords::new(&Lines::new(&BTreeMap::new()));
        words.read(&Input::from_text(text))
    }

    #[test]
    fn a_word_of_a_language_is_its_command_behind_any_slash() {
        let command = |command| Some(Input::Command(command, String::new()));
        for (text, meant) in [
            ("/取消", command(Command::Cancel)),
            ("、取消", command(Command::Cancel)),
            ("／帮助。", command(Command::Help)),
            ("/幫助", command(Command::Help)),
            ("、帮助", command(Command::Help)),
            (
                "、语言 English",
                Some(Input::Command(Command::Language, "English".into())),
            ),
        ] {
            assert_eq!(read(text), meant, "{text}");
        }
    }

    #[test]
    fn not_everything_behind_a_slash_is_a_command() {
        for text in [
            "、",
            "、取消吧",
            "、还有一个问题",
            "/什么",
            "取消",
            "／frobnicate",
            "、 取消",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
