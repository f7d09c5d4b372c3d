//! The program itself, run as a command.

use std::{
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

pub const KNOWLEDGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/knowledge");

/// The program in `folder`, with no settings but the knowledge base.
pub fn program(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_unbind-bot"));
    command
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("KNOWLEDGE_DIR", KNOWLEDGE);
    command
}

pub fn run(folder: &Path, arguments: &[&str], input: &[u8]) -> Output {
    run_command(&mut program(folder, arguments), input)
}

/// Runs a command to its end with this input.
pub fn run_command(command: &mut Command, input: &[u8]) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    // A program that ends before it has read everything closes the pipe.
    let _ = stdin.write_all(input);
    drop(stdin);
    child.wait_with_output().expect("the program ends")
}

pub fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

pub fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text")
}

pub fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("text")
}

/// What a chat with these lines prints.
pub fn chat(folder: &Path, lines: &[&str]) -> String {
    let output = run(folder, &["chat"], (lines.join("\n") + "\n").as_bytes());
    assert!(output.status.success(), "{}", err(&output));
    out(&output)
}

/// Makes a named pipe.
pub fn make_pipe(path: &Path) {
    let made = Command::new("mkfifo").arg(path).status();
    assert!(made.expect("`mkfifo` runs").success());
}
