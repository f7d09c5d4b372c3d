//! What the machine around it does to the program: settings from other hands, pipes and devices in place of files, closed
//! outputs, files in the encodings and with the line ends of other systems.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Read, Write},
    os::unix::{
        fs::{PermissionsExt, symlink},
        net::UnixListener,
    },
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    thread,
};

use crate::support::program::{
    KNOWLEDGE, chat, err, folder, make_pipe, out, program, run, run_command,
};

/// What no output may show.
const SECRET: &str = "hunter2hunter2";

/// A folder with a store in `data` that knows a card.
fn with_a_card() -> tempfile::TempDir {
    let folder = folder();
    chat(folder.path(), &["/cards", "1", "门禁卡 🏢", "vivo Wallet"]);
    folder
}

fn has_the_card(folder: &Path) -> bool {
    chat(folder, &["/cards"]).contains("门禁卡 🏢 · vivo Wallet")
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("there").permissions().mode() & 0o777
}

fn is_export(bytes: &[u8]) -> bool {
    bytes.starts_with(b"{\"unbind_bot_export\"") && bytes.ends_with(b"\"}}\n")
}

/// The export of that store.
fn exported(folder: &Path) -> Vec<u8> {
    let output = run(folder, &["store", "export", "-"], b"");
    assert!(output.status.success(), "{}", err(&output));
    output.stdout
}

// --- `.env` ---

/// What a command says that reads `.env` and then needs nothing else.
fn with_env_file(content: &[u8]) -> Output {
    let folder = folder();
    fs::write(folder.path().join(".env"), content).expect("written");
    run(folder.path(), &["serve"], b"")
}

#[test]
fn a_fault_in_the_env_file_names_its_line_and_nothing_of_the_value() {
    for (content, place, name) in [
        (
            format!("WEBHOOK_SECRET={SECRET} extra\n"),
            ".env:1:",
            "WEBHOOK_SECRET",
        ),
        (
            format!("# x\n\nTELOXIDE_TOKEN=987654321:AA{SECRET} more"),
            ".env:3:",
            "TELOXIDE_TOKEN",
        ),
        (format!("LOG=info\n{SECRET}\n"), ".env:2:", "no `=`"),
        (
            format!("LOG=info\nWEBHOOK_SECRET={SECRET}\"\n"),
            ".env:2:",
            "WEBHOOK_SECRET",
        ),
        (
            format!("LOG=info\r\nWEBHOOK_SECRET='{SECRET}\r\nLOG_FORMAT=text\r\n"),
            ".env:2:",
            "WEBHOOK_SECRET",
        ),
        (format!("\u{feff}{SECRET}"), ".env:1:", "no `=`"),
        (format!("{SECRET}={SECRET} x"), ".env:1:", "cannot be read"),
        (
            format!("LOG=info\nWEBHOOK_SECRET={SECRET}\0"),
            ".env:2:",
            "NUL",
        ),
    ] {
        let output = with_env_file(content.as_bytes());
        assert_eq!(output.status.code(), Some(2), "{content}");
        let said = err(&output);
        assert!(
            said.starts_with(place) && said.contains(name),
            "{content}: {said}"
        );
        assert!(
            !said.contains(SECRET) && !said.contains("987654321"),
            "{said}"
        );
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[test]
fn an_env_file_of_another_system_is_read_or_its_encoding_is_named() {
    for content in [
        "\u{feff}TELOXIDE_TOKEN=1:nonsense!\nSEND_RATE=many",
        "TELOXIDE_TOKEN=1:nonsense!\r\nSEND_RATE=many\r\n",
        "\u{feff}export TELOXIDE_TOKEN=\"1:nonsense!\"\r\nSEND_RATE='many' # a comment\r\n",
        "# 注释\nTELOXIDE_TOKEN=1:nonsense! \nSEND_RATE=many ",
    ] {
        let said = err(&with_env_file(content.as_bytes()));
        assert!(
            said.contains("TELOXIDE_TOKEN: this is no bot token")
                && said.contains("SEND_RATE: `many`"),
            "{content:?}: {said}"
        );
    }
    let utf16 = "\u{feff}TELOXIDE_TOKEN=1:a\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes);
    let output = with_env_file(&utf16.collect::<Vec<_>>());
    assert_eq!(output.status.code(), Some(2));
    assert!(err(&output).contains("UTF-16"), "{}", err(&output));
}

#[test]
fn what_is_no_file_in_place_of_the_env_file_is_refused_at_once() {
    let folder = folder();
    let place = folder.path().join(".env");
    let says = |what: &str| {
        let output = run(folder.path(), &["ask", "hello"], b"");
        assert_eq!(output.status.code(), Some(2), "{what}");
        assert!(err(&output).contains(what), "{}", err(&output));
    };
    fs::create_dir(&place).expect("made");
    says("not a file but a folder");
    fs::remove_dir(&place).expect("removed");
    make_pipe(&place);
    says("not a file but a pipe");
    fs::remove_file(&place).expect("removed");
    symlink("nowhere", &place).expect("a link");
    says("No such file");
}

#[test]
fn only_the_env_file_of_this_folder_is_read() {
    let folder = folder();
    let below = folder.path().join("below");
    fs::create_dir(&below).expect("made");
    let content = "DATABASE_URL=postgres://me@elsewhere/x\nLOG=verbose\nthis is no line\n";
    fs::write(folder.path().join(".env"), content).expect("written");
    let said = chat(&below, &["/help"]);
    assert!(
        said.contains(&below.join("data").display().to_string()),
        "{said}"
    );
    assert!(run(&below, &["ask", "hello"], b"").status.success());
}

// --- Variables ---

/// `serve` with these variables; it ends at once, since a setting is wrong.
fn serve_with(folder: &Path, variables: &[(&str, &str)]) -> String {
    let mut command = program(folder, &["serve"]);
    command.envs(variables.iter().copied());
    let output = run_command(&mut command, b"");
    assert_eq!(output.status.code(), Some(2), "{}", err(&output));
    err(&output)
}

#[test]
fn an_empty_variable_counts_as_unset_whichever_it_is() {
    const NAMES: [&str; 13] = [
        "TELOXIDE_API_URL",
        "DATABASE_URL",
        "KNOWLEDGE_DIR",
        "WEBHOOK_URL",
        "WEBHOOK_LISTEN",
        "WEBHOOK_SECRET",
        "SUPPORT_CHAT_ID",
        "ADMIN_IDS",
        "SEND_RATE",
        "SEND_RATE_PER_CHAT",
        "HEALTH_LISTEN",
        "LOG",
        "LOG_FORMAT",
    ];
    let folder = folder();
    symlink(KNOWLEDGE, folder.path().join("knowledge")).expect("a link");
    let example = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/.env.example"));
    let example = example.expect("read");
    for empty in ["", " ", "\t "] {
        let variables = NAMES.map(|name| (name, empty));
        let said = serve_with(folder.path(), &variables);
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(
            said.starts_with("TELOXIDE_TOKEN: the bot's token is missing"),
            "{said}"
        );
    }
    for name in NAMES {
        assert!(example.contains(&format!("{name}=")), "{name}");
    }
    // What reads only some of them.
    let mut ask = program(folder.path(), &["ask", "how do I unbind my card"]);
    ask.env("KNOWLEDGE_DIR", "");
    assert!(run_command(&mut ask, b"").status.success());
    let mut talk = program(folder.path(), &["chat"]);
    talk.env("DATABASE_URL", " ");
    let said = out(&run_command(&mut talk, b"/help\n"));
    assert!(
        said.contains(&folder.path().join("data").display().to_string()),
        "{said}"
    );
}

#[test]
fn the_env_file_fills_in_a_variable_that_is_empty_and_no_other() {
    let folder = folder();
    fs::write(
        folder.path().join(".env"),
        "SEND_RATE=of-the-file\nLOG_FORMAT=of-the-file\n",
    )
    .expect("written");
    let said = serve_with(folder.path(), &[("SEND_RATE", ""), ("LOG_FORMAT", "text")]);
    assert!(said.contains("SEND_RATE: `of-the-file`"), "{said}");
    assert!(!said.contains("LOG_FORMAT"), "{said}");
}

#[test]
fn what_env_file_readers_keep_in_a_value_is_named_and_no_secret_is_shown() {
    let folder = folder();
    let token = format!("\"987654321:AA{SECRET}\"");
    let commented = format!("{SECRET} # the secret");
    let said = serve_with(
        folder.path(),
        &[
            ("TELOXIDE_TOKEN", &token),
            ("HEALTH_LISTEN", "127.0.0.1:9090 # metrics"),
            ("WEBHOOK_SECRET", &commented),
            ("DATABASE_URL", "sled:data # the store"),
            ("LOG", "'info'"),
            ("KNOWLEDGE_DIR", "\"knowledge\""),
            ("SEND_RATE", "\"30\""),
        ],
    );
    for (name, what) in [
        ("TELOXIDE_TOKEN", "quotation mark"),
        ("HEALTH_LISTEN", "comment"),
        ("WEBHOOK_SECRET", "comment"),
        ("DATABASE_URL", "comment"),
        ("LOG", "quotation mark"),
        ("KNOWLEDGE_DIR", "quotation mark"),
        ("SEND_RATE", "quotation mark"),
    ] {
        let fault = said
            .lines()
            .find(|line| line.starts_with(&format!("{name}: ")));
        assert!(
            fault.is_some_and(|fault| fault.contains(what)),
            "{name} in {said}"
        );
    }
    assert!(!said.contains(SECRET), "{said}");
}

#[test]
fn a_token_in_the_wrong_variable_is_not_shown() {
    let folder = folder();
    let token = "987654321:AAhunter2hunter2hunter2hunter2h";
    for name in [
        "SEND_RATE",
        "LOG",
        "LOG_FORMAT",
        "ADMIN_IDS",
        "HEALTH_LISTEN",
        "TELOXIDE_API_URL",
    ] {
        let said = serve_with(folder.path(), &[(name, token)]);
        assert!(said.contains(&format!("{name}: ")), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[test]
fn a_log_filter_that_would_mute_everything_is_refused_with_the_levels() {
    let folder = folder();
    for filter in ["verbose", "0", "unbind_bot=loud"] {
        let said = serve_with(folder.path(), &[("LOG", filter), ("TELOXIDE_TOKEN", "1:a")]);
        assert!(
            said.starts_with("LOG: ") && said.contains("`debug`"),
            "{said}"
        );
    }
    let said = serve_with(
        folder.path(),
        &[("LOG", "unbindbot=debug"), ("TELOXIDE_TOKEN", "1:a")],
    );
    assert!(said.contains("`unbind_bot`"), "{said}");
}

// --- Exports ---

#[test]
fn an_export_goes_to_standard_output_by_each_of_its_names() {
    let folder = with_a_card();
    for name in ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"] {
        let output = run(folder.path(), &["store", "export", name], b"");
        assert!(output.status.success(), "{name}: {}", err(&output));
        assert!(is_export(&output.stdout), "{name}: {}", out(&output));
        assert!(err(&output).contains("1 chats"), "{}", err(&output));
    }
    let left: Vec<_> = fs::read_dir(folder.path()).expect("read").collect();
    assert_eq!(left.len(), 1, "only the store: {left:?}");
    // Standard output is a file.
    let file = folder.path().join("out.jsonl");
    let mut command = program(folder.path(), &["store", "export", "/dev/stdout"]);
    let ended = command.stdout(File::create(&file).expect("made")).status();
    assert!(ended.expect("it ran").success());
    assert!(is_export(&fs::read(&file).expect("read")));
}

#[test]
fn an_export_to_a_pipe_or_a_link_goes_where_it_leads_and_leaves_it_there() {
    let folder = with_a_card();
    let at = |name: &str| folder.path().join(name);
    make_pipe(&at("pipe"));
    let pipe = at("pipe");
    let reader = thread::spawn(move || fs::read(pipe).expect("read"));
    let output = run(folder.path(), &["store", "export", "pipe"], b"");
    assert!(output.status.success(), "{}", err(&output));
    assert!(is_export(&reader.join().expect("read")));

    fs::create_dir(at("elsewhere")).expect("made");
    fs::write(at("elsewhere/old.jsonl"), "old").expect("written");
    for (link, leads_to, target) in [
        ("link", "elsewhere/old.jsonl", "elsewhere/old.jsonl"),
        ("dangling", "elsewhere/new.jsonl", "elsewhere/new.jsonl"),
        ("elsewhere/inner", "../deep.jsonl", "deep.jsonl"),
        ("twice", "link", "elsewhere/old.jsonl"),
    ] {
        symlink(leads_to, at(link)).expect("a link");
        let output = run(folder.path(), &["store", "export", link], b"");
        assert!(output.status.success(), "{link}: {}", err(&output));
        assert!(
            fs::symlink_metadata(at(link)).expect("there").is_symlink(),
            "{link}"
        );
        assert!(is_export(&fs::read(at(target)).expect("read")), "{link}");
        assert_eq!(mode(&at(target)), 0o600, "{link}");
    }
    symlink("circle", at("circle")).expect("a link");
    let refused = run(folder.path(), &["store", "export", "circle"], b"");
    assert_eq!(refused.status.code(), Some(1));
    assert!(err(&refused).contains("circle"), "{}", err(&refused));
}

#[test]
fn an_export_to_what_cannot_take_one_is_refused_in_words_and_leaves_it() {
    let folder = with_a_card();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("folder")).expect("made");
    let _listener = UnixListener::bind(at("socket")).expect("a socket");
    symlink("folder", at("link")).expect("a link");
    for (target, says) in [
        ("folder", "this is a folder"),
        ("folder/", "this is a folder"),
        ("link", "this is a folder"),
        ("socket", "this is a socket"),
        ("/dev/full", "No space left on device"),
        ("nowhere/x.jsonl", "No such file or directory"),
    ] {
        let refused = run(folder.path(), &["store", "export", target], b"");
        assert_eq!(
            refused.status.code(),
            Some(1),
            "{target}: {}",
            out(&refused)
        );
        assert!(err(&refused).contains(says), "{target}: {}", err(&refused));
        assert!(
            err(&refused).contains(target),
            "{target}: {}",
            err(&refused)
        );
    }
    assert!(at("folder").is_dir() && Path::new("/dev/full").exists());
    let written = run(folder.path(), &["store", "export", "/dev/null"], b"");
    assert!(written.status.success(), "{}", err(&written));
    assert!(!out(&written).contains("verified"), "{}", out(&written));
}

#[test]
fn an_export_is_for_its_owner_only_whatever_was_there_before() {
    let folder = with_a_card();
    let at = |name: &str| folder.path().join(name);
    let open_to_all = |name: &str| {
        fs::write(at(name), "left over").expect("written");
        fs::set_permissions(at(name), fs::Permissions::from_mode(0o644)).expect("set");
    };
    let export = || run(folder.path(), &["store", "export", "all.jsonl"], b"");
    open_to_all("all.jsonl.partial");
    assert!(export().status.success());
    assert_eq!(mode(&at("all.jsonl")), 0o600);
    open_to_all("all.jsonl");
    assert!(export().status.success());
    assert_eq!(mode(&at("all.jsonl")), 0o600);
    // A link under the name of the partial file is not followed.
    open_to_all("other");
    symlink("other", at("all.jsonl.partial")).expect("a link");
    assert!(export().status.success());
    assert_eq!(mode(&at("all.jsonl")), 0o600);
    assert_eq!(fs::read(at("other")).expect("read"), b"left over");
    assert!(fs::symlink_metadata(at("all.jsonl.partial")).is_err());
}

// --- Imports ---

#[test]
fn an_import_reads_standard_input_and_pipes() {
    let export = exported(with_a_card().path());
    for name in ["-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"] {
        let folder = folder();
        let output = run(folder.path(), &["store", "import", name], &export);
        assert!(output.status.success(), "{name}: {}", err(&output));
        assert!(has_the_card(folder.path()), "{name}");
    }
    let place = folder();
    make_pipe(&place.path().join("pipe"));
    let (pipe, content) = (place.path().join("pipe"), export.clone());
    let writer = thread::spawn(move || fs::write(pipe, content).expect("written"));
    let output = run(place.path(), &["store", "import", "pipe"], b"");
    writer.join().expect("written");
    assert!(output.status.success(), "{}", err(&output));
    assert!(has_the_card(place.path()));
    // Standard input is a file, of which a part was read before.
    let place = folder();
    let file = place.path().join("all.jsonl");
    fs::write(&file, &export).expect("written");
    let mut command = program(place.path(), &["store", "import", "/dev/stdin"]);
    let ended = command
        .stdin(File::open(&file).expect("there"))
        .output()
        .expect("it ran");
    assert!(ended.status.success(), "{}", err(&ended));
}

#[test]
fn what_comes_through_a_pipe_and_is_no_export_is_refused_at_once_and_makes_no_store() {
    let export = exported(with_a_card().path());
    let cut = &export[..export.len() - 10];
    for (input, says) in [
        (&b""[..], "this is not an export"),
        (b"hello\n", "this is not an export"),
        (cut, "the file ends here"),
    ] {
        let folder = folder();
        let refused = run(folder.path(), &["store", "import", "-"], input);
        assert_eq!(refused.status.code(), Some(1));
        assert!(err(&refused).contains(says), "{}", err(&refused));
        assert!(!folder.path().join("data").exists());
    }
    let folder = folder();
    for endless in ["/dev/zero", "/dev/urandom"] {
        let refused = run(folder.path(), &["store", "import", endless], b"");
        assert_eq!(refused.status.code(), Some(1));
        let said = err(&refused);
        assert!(
            said.contains("not an export") || said.contains("not as UTF-8"),
            "{said}"
        );
    }
    let refused = run(folder.path(), &["store", "import", "/"], b"");
    assert!(
        err(&refused).contains("this is a folder"),
        "{}",
        err(&refused)
    );
}

#[test]
fn an_export_that_went_through_another_system_is_imported_or_its_encoding_is_named() {
    let export = String::from_utf8(exported(with_a_card().path())).expect("text");
    let place = folder();
    let file = place.path().join("all.jsonl");
    for changed in [
        format!("\u{feff}{export}"),
        export.replace('\n', "\r\n"),
        format!("\u{feff}{}", export.replace('\n', "\r\n")),
    ] {
        fs::write(&file, changed).expect("written");
        let place = folder();
        let name = file.to_str().expect("a path");
        let output = run(place.path(), &["store", "import", name], b"");
        assert!(output.status.success(), "{}", err(&output));
        assert!(has_the_card(place.path()));
    }
    let utf16: Vec<u8> = format!("\u{feff}{export}")
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let refused = run(place.path(), &["store", "import", "-"], &utf16);
    assert!(err(&refused).contains("UTF-16"), "{}", err(&refused));
}

// --- Other files that are read ---

/// A folder with questions, a gate and a saved run.
fn with_questions() -> tempfile::TempDir {
    let folder = folder();
    let questions = "question\texpected\tstyle\nhow do I unbind my card\tunbind-steps\tplain\n";
    fs::write(folder.path().join("few.tsv"), questions).expect("written");
    fs::write(
        folder.path().join("gate.toml"),
        "[few]\nright_first = 100\n",
    )
    .expect("written");
    let saved = run(folder.path(), &["eval", "few.tsv", "--json"], b"");
    fs::write(folder.path().join("run.json"), saved.stdout).expect("written");
    folder
}

const EVAL: [&str; 6] = [
    "eval",
    "few.tsv",
    "--gate",
    "gate.toml",
    "--compare",
    "run.json",
];

#[test]
fn questions_gates_and_runs_of_another_system_are_read() {
    let folder = with_questions();
    for name in ["few.tsv", "gate.toml", "run.json"] {
        let path = folder.path().join(name);
        let text = fs::read_to_string(&path).expect("read");
        fs::write(&path, format!("\u{feff}{}", text.replace('\n', "\r\n"))).expect("written");
    }
    let output = run(folder.path(), &EVAL, b"");
    assert!(output.status.success(), "{}{}", out(&output), err(&output));
    assert!(
        out(&output).contains("1 questions in both runs"),
        "{}",
        out(&output)
    );
    for name in ["few.tsv", "gate.toml", "run.json"] {
        let path = folder.path().join(name);
        let text = fs::read_to_string(&path).expect("read");
        let utf16 = text.encode_utf16().flat_map(u16::to_le_bytes);
        fs::write(&path, utf16.collect::<Vec<_>>()).expect("written");
        let refused = run(folder.path(), &EVAL, b"");
        assert_eq!(refused.status.code(), Some(1));
        let said = err(&refused);
        assert!(said.contains(name) && said.contains("UTF-16"), "{said}");
        fs::write(&path, text).expect("written");
    }
    // Standard input is read, too.
    let questions = fs::read(folder.path().join("few.tsv")).expect("read");
    let output = run(folder.path(), &["eval", "/dev/stdin"], &questions);
    assert!(output.status.success(), "{}", err(&output));
}

#[test]
fn a_file_of_the_chat_that_is_a_pipe_is_refused_at_once() {
    let folder = folder();
    make_pipe(&folder.path().join("pipe"));
    let said = chat(folder.path(), &["/import pipe", "/import /dev/zero"]);
    assert_eq!(said.matches("could not get that file").count(), 2, "{said}");
}

#[test]
fn the_root_of_a_mounted_volume_can_be_the_store_s_folder() {
    let folder = folder();
    fs::create_dir_all(folder.path().join("data/lost+found")).expect("made");
    chat(folder.path(), &["/cards", "1", "门禁卡 🏢", "vivo Wallet"]);
    assert!(has_the_card(folder.path()));
    for command in ["verify", "compact", "verify"] {
        let output = run(folder.path(), &["store", command], b"");
        assert!(output.status.success(), "{command}: {}", err(&output));
    }
    assert!(folder.path().join("data/lost+found").is_dir());
}

// --- Closed and full outputs ---

fn run_with_output(folder: &Path, arguments: &[&str], output: impl Into<Stdio>) -> Output {
    let mut command = program(folder, arguments);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(output)
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    // The program may end without reading it.
    let _ = child
        .stdin
        .take()
        .expect("a pipe")
        .write_all(b"/help\n/faq\nhello\n");
    child.wait_with_output().expect("it ends")
}

/// A pipe nobody reads.
fn closed_pipe() -> Stdio {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    writer.into()
}

/// The program with a reader that takes one line and leaves, as `head -1` does; input comes after that.
fn run_with_head(folder: &Path, arguments: &[&str]) -> Output {
    let mut child = program(folder, arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut line = String::new();
    let mut reader = BufReader::new(child.stdout.take().expect("a pipe"));
    reader.read_line(&mut line).expect("read");
    drop(reader);
    // The program may have ended.
    let _ = child
        .stdin
        .take()
        .expect("a pipe")
        .write_all(b"/help\n/faq\nhello\n");
    child.wait_with_output().expect("it ends")
}

#[test]
fn a_command_ends_quietly_when_its_reader_leaves_in_the_middle() {
    let folder = with_a_card();
    for arguments in [&["chat"][..], &["ask", "hello"], &["store", "export", "-"]] {
        let output = run_with_head(folder.path(), arguments);
        let said = err(&output);
        // An export may have been written already, and says so.
        assert!(
            said.is_empty() || said.contains("written"),
            "{arguments:?}: {said}"
        );
        assert!(
            output.status.success(),
            "{arguments:?}: {:?}",
            output.status
        );
    }
    let kept = run(folder.path(), &["store", "verify"], b"");
    assert!(kept.status.success(), "{}", err(&kept));
}

#[test]
fn every_command_ends_quietly_when_nobody_reads_its_output() {
    let folder = with_a_card();
    fs::write(
        folder.path().join("few.tsv"),
        "question\texpected\nhello\tgreeting\n",
    )
    .expect("written");
    for arguments in [
        &["chat"][..],
        &["ask", "hello"],
        &["ask", "--json", "-"],
        &["check"],
        &["eval", "few.tsv"],
        &["store", "verify"],
        &["store", "votes"],
        &["store", "dead-letters"],
        &["store", "export", "-"],
        &["store", "export", "all.jsonl"],
        &["store", "compact"],
        &["--help"],
        &["--version"],
    ] {
        let output = run_with_output(folder.path(), arguments, closed_pipe());
        assert_eq!(err(&output), "", "{arguments:?}");
        assert!(
            output.status.success(),
            "{arguments:?}: {:?}",
            output.status
        );
    }
    // The chat closed its store, too.
    let seal = run(folder.path(), &["store", "verify"], b"");
    assert!(seal.status.success(), "{}", err(&seal));
}

#[test]
fn a_full_output_is_an_error_in_words() {
    let folder = with_a_card();
    for arguments in [
        &["chat"][..],
        &["ask", "hello"],
        &["check"],
        &["store", "export", "-"],
    ] {
        let full = File::options()
            .write(true)
            .open("/dev/full")
            .expect("there");
        let output = run_with_output(folder.path(), arguments, full);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        let said = err(&output);
        assert!(
            said.contains("No space left on device"),
            "{arguments:?}: {said}"
        );
        assert!(!said.contains("panic"), "{said}");
    }
}

#[test]
fn closed_descriptors_are_no_reason_to_panic() {
    let folder = with_a_card();
    let program = env!("CARGO_BIN_EXE_unbind-bot");
    for arguments in [
        "chat",
        "ask hello",
        "ask -",
        "store votes",
        "store export all.jsonl",
    ] {
        let script = format!("'{program}' {arguments} <&- >&- 2>&-");
        let mut command = Command::new("sh");
        command.args(["-c", &script]).current_dir(folder.path());
        let ended = command.env_clear().env("KNOWLEDGE_DIR", KNOWLEDGE).status();
        assert_eq!(ended.expect("it ran").code(), Some(0), "{arguments}");
    }
    let mut file = File::open(folder.path().join("all.jsonl")).expect("there");
    let mut content = Vec::new();
    file.read_to_end(&mut content).expect("read");
    assert!(is_export(&content));
}

#[test]
fn a_terminal_of_any_width_and_input_of_any_kind_gets_answers() {
    let folder = folder();
    let long = "x".repeat(5 << 20);
    let input = [
        b"\0\0\n".as_slice(),
        b"\x1b[A\x1b[31m\n",
        b"/help\r\n",
        long.as_bytes(),
        b"\n/faq",
    ];
    let mut command = program(folder.path(), &["chat"]);
    command.env("LC_ALL", "C").env("COLUMNS", "1");
    let output = run_command(&mut command, &input.concat());
    assert!(output.status.success(), "{}", err(&output));
    assert!(
        !out(&output).contains("panicked") && err(&output).is_empty(),
        "{}",
        err(&output)
    );
    assert!(
        run(folder.path(), &["store", "verify"], b"")
            .status
            .success()
    );
}

/// The path of a knowledge base that is a copy of a small one.
fn small_base(place: &Path) -> PathBuf {
    let base = place.join("knowledge");
    fs::create_dir_all(base.join("faq")).expect("made");
    let group = "order = 1\n[title]\nen = \"Help\"\n";
    fs::write(base.join("faq/_group.toml"), group).expect("written");
    let entry =
        "+++\ntitle = \"Lost phone\"\nquestions = [\"my phone was stolen\"]\n+++\nBlock it.\n";
    fs::write(base.join("faq/lost-phone.en.md"), entry).expect("written");
    base
}

#[test]
fn check_ends_at_once_on_what_is_no_file() {
    let place = folder();
    let base = small_base(place.path());
    make_pipe(&base.join("faq/pipe.en.md"));
    make_pipe(&base.join("vocabulary.toml"));
    let _listener = UnixListener::bind(base.join("faq/socket.en.txt")).expect("a socket");
    symlink("/dev/zero", base.join("faq/zero.en.md")).expect("a link");
    fs::create_dir(base.join("faq/folder.en.md")).expect("made");
    let output = run(place.path(), &["check", "knowledge"], b"");
    assert_eq!(output.status.code(), Some(1));
    for (name, what) in [
        ("faq/pipe.en.md", "a pipe"),
        ("vocabulary.toml", "a pipe"),
        ("faq/socket.en.txt", "a socket"),
        ("faq/zero.en.md", "a device"),
        ("faq/folder.en.md", "a folder"),
    ] {
        let fault = format!("knowledge/{name}: this is not a file but {what}; ");
        assert!(out(&output).contains(&fault), "{fault} in {}", out(&output));
    }
}
