//! The program on the command line: arguments, pipes, exit codes, and files on disk.

use std::{fs, io::Write, process::Stdio};

use jiff::Timestamp;
use serde_json::Value;
use unbind_bot::{
    dialogue::{ChatId, DeadLetter, Event, Input, Record, UpdateId},
    store::{Commit, Store, sled::SledStore},
};

use crate::support::program::{chat, err, folder, out, program, run};

#[test]
fn a_whole_removal_goes_through_a_pipe() {
    let folder = folder();
    let said = chat(
        folder.path(),
        &[
            "/unbind",
            "Office",
            "OPPO Wallet",
            "Skip",
            "1",
            "1",
            "1",
            "1",
            "1",
            "yes",
            "1",
            "/cards",
        ],
    );
    for words in [
        "1 Guide me step by step",
        "step 1 of 5",
        "step 5 of 5",
        "Take “Office” off your list?",
        "“Office” is off your list.",
        "all done",
        "Your list is empty",
    ] {
        assert!(said.contains(words), "{words:?} in\n{said}");
    }
    assert!(
        said.contains(&folder.path().join("data").display().to_string()),
        "the store's folder is named"
    );
    assert!(!said.contains('\u{1b}'), "no colours in a pipe");
    assert!(
        said.lines()
            .all(|line| textwrap::core::display_width(line) <= 80 || line.contains("kept in")),
        "wrapped"
    );
}

#[test]
fn a_conversation_goes_on_where_it_was_also_after_a_kill() {
    let folder = folder();
    let mut child = program(folder.path(), &["chat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    writeln!(stdin, "/unbind\nOffice\nOPPO Wallet\nSkip\ndone").expect("written");
    let mut stdout = std::io::BufReader::new(child.stdout.take().expect("a pipe"));
    let mut line = String::new();
    while !line.contains("step 2 of 5") {
        line.clear();
        assert_ne!(
            std::io::BufRead::read_line(&mut stdout, &mut line).expect("read"),
            0,
            "ended early"
        );
    }
    child.kill().expect("killed");
    child.wait().expect("ended");
    let said = chat(folder.path(), &["done"]);
    assert!(
        said.contains("Office · OPPO Wallet · step 2 of 5") && said.contains("step 3 of 5"),
        "{said}"
    );
}

#[test]
fn a_second_process_on_the_same_folder_is_refused_by_name() {
    let folder = folder();
    let mut first = program(folder.path(), &["chat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut line = String::new();
    std::io::BufRead::read_line(
        &mut std::io::BufReader::new(first.stdout.as_mut().expect("a pipe")),
        &mut line,
    )
    .expect("read");
    let second = run(folder.path(), &["chat"], b"");
    assert_eq!(second.status.code(), Some(2));
    assert!(
        err(&second).contains("data") && err(&second).contains("another process"),
        "{}",
        err(&second)
    );
    drop(first.stdin.take());
    first.wait().expect("ended");
}

#[test]
fn ask_answers_as_the_contract_says() {
    let folder = folder();
    let questions = "how do I unbind my card\n怎么取消绑定门禁卡\n\n👍\n";
    let output = run(folder.path(), &["ask", "--json", "-"], questions.as_bytes());
    assert!(output.status.success(), "{}", err(&output));
    let answers: Vec<Value> = out(&output)
        .lines()
        .map(|line| serde_json::from_str(line).expect("an object a line"))
        .collect();
    assert_eq!(answers.len(), 4);
    for (answer, language) in answers.iter().zip(["en", "zh"]) {
        assert_eq!(
            (
                &answer["outcome"],
                &answer["entries"][0]["id"],
                &answer["language"]
            ),
            (&"answer".into(), &"unbind-steps".into(), &language.into())
        );
        assert!(answer["entries"].as_array().expect("entries").len() <= 5);
        assert!(answer["text"].as_str().expect("text").lines().count() > 3);
        assert!(answer["entries"][0]["score"].is_number());
    }
    assert_eq!(answers[2]["outcome"], "none");
    let in_english = run(
        folder.path(),
        &["ask", "--json", "--language", "en", "怎么取消绑定门禁卡"],
        b"",
    );
    let answer: Value = serde_json::from_str(&out(&in_english)).expect("an object");
    assert!(
        answer["text"].as_str().expect("text").contains("wallet"),
        "{answer}"
    );
    assert!(!folder.path().join("data").exists(), "asking keeps nothing");
}

#[test]
fn check_tells_good_from_bad_by_its_exit_code() {
    let folder = folder();
    let good = run(folder.path(), &["check"], b"");
    assert!(
        good.status.success() && out(&good).contains("no faults"),
        "{}",
        out(&good)
    );
    let broken = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fixtures/broken/over-long/base"
    );
    let bad = run(folder.path(), &["check", broken], b"");
    assert_eq!(bad.status.code(), Some(1));
    assert!(
        out(&bad).contains("a.en.md:2: the title has 72 columns"),
        "{}",
        out(&bad)
    );
}

#[test]
fn a_missing_token_is_one_sentence_and_all_wrong_settings_are_told_at_once() {
    let folder = folder();
    let missing = run(folder.path(), &["serve"], b"");
    assert_eq!(missing.status.code(), Some(2));
    assert_eq!(err(&missing).lines().count(), 1, "{}", err(&missing));
    assert!(err(&missing).contains("TELOXIDE_TOKEN") && err(&missing).contains("unbind-bot chat"));
    fs::write(
        folder.path().join(".env"),
        "TELOXIDE_TOKEN=nonsense\nSEND_RATE=many\nLOG_FORMAT=xml\n",
    )
    .expect("written");
    let wrong = run(folder.path(), &["serve"], b"");
    assert_eq!(wrong.status.code(), Some(2));
    for name in ["TELOXIDE_TOKEN", "SEND_RATE", "LOG_FORMAT"] {
        assert!(err(&wrong).contains(name), "{name} in {}", err(&wrong));
    }
    assert!(
        !err(&wrong).contains("nonsense"),
        "what may be a token is not shown"
    );
}

#[test]
fn a_store_is_exported_imported_and_verified() {
    let (from, to) = (folder(), folder());
    chat(from.path(), &["/cards", "1", "门禁卡 🏢", "vivo Wallet"]);
    let file = to.path().join("chats.jsonl");
    let file = file.to_str().expect("a path");
    let exported = run(from.path(), &["store", "export", file], b"");
    assert!(
        exported.status.success() && out(&exported).contains("1 chats"),
        "{}{}",
        out(&exported),
        err(&exported)
    );
    let imported = run(to.path(), &["store", "import", file], b"");
    assert!(imported.status.success(), "{}", err(&imported));
    assert!(run(to.path(), &["store", "verify"], b"").status.success());
    assert!(run(to.path(), &["store", "compact"], b"").status.success());
    assert!(chat(to.path(), &["/cards"]).contains("门禁卡 🏢 · vivo Wallet"));
    let again = run(to.path(), &["store", "import", file], b"");
    assert_eq!(
        again.status.code(),
        Some(1),
        "a store that holds chats is not overwritten"
    );
    fs::write(file, "broken\n").expect("written");
    let broken = run(folder().path(), &["store", "import", file], b"");
    assert_eq!(broken.status.code(), Some(1));
    assert!(err(&broken).contains("chats.jsonl"), "{}", err(&broken));
}

#[test]
fn a_foreign_and_a_damaged_folder_are_refused_and_left_alone() {
    let folder = folder();
    let foreign = folder.path().join("data");
    fs::create_dir(&foreign).expect("made");
    fs::write(foreign.join("holiday.jpg"), "x").expect("written");
    let refused = run(folder.path(), &["chat"], b"");
    assert_eq!(refused.status.code(), Some(2), "{}", err(&refused));
    assert_eq!(fs::read_dir(&foreign).expect("there").count(), 1);
    let nowhere = run(
        folder.path(),
        &["store", "verify", "--database-url", "sled:nowhere"],
        b"",
    );
    assert_eq!(nowhere.status.code(), Some(2));
    assert!(
        !folder.path().join("nowhere").exists(),
        "looking makes no store"
    );
}

#[test]
fn hostile_input_gets_an_answer_and_stops_nothing() {
    let folder = folder();
    let long = "门禁卡👍".repeat(1250);
    let mut input = Vec::new();
    for line in [
        long.as_bytes(),
        b"\xff\xfe\x00",
        "\u{202e}\u{200b}\u{7}".as_bytes(),
        b"99",
        b"/unbind",
        b"<b>&\"'",
        "OPPO 钱包".as_bytes(),
        "跳过".as_bytes(),
        b"/help",
    ] {
        input.extend_from_slice(line);
        input.push(b'\n');
    }
    let output = run(folder.path(), &["chat"], &input);
    assert!(output.status.success(), "{}", err(&output));
    assert!(
        out(&output).contains("<b>&\"' · OPPO 钱包 · 第 1 步")
            && out(&output).contains("我是个程序"),
        "{}",
        out(&output)
    );
}

#[test]
fn help_names_every_command() {
    let folder = folder();
    let help = out(&run(folder.path(), &["--help"], b""));
    for command in ["chat", "serve", "ask", "check", "eval", "doctor", "store"] {
        assert!(help.contains(command), "{command} in {help}");
    }
}

#[test]
fn votes_are_kept_by_entry_and_counted() {
    let folder = folder();
    chat(
        folder.path(),
        &[
            "how do I unbind my card",
            "👍 That helped",
            "how do i clear the cache",
            "👎 Not what I asked",
        ],
    );
    let votes = run(folder.path(), &["store", "votes"], b"");
    assert_eq!(
        out(&votes),
        "👎     1  👍     0  fix-clear-cache\n👎     0  👍     1  unbind-steps\n",
        "{}",
        err(&votes)
    );
}

#[tokio::test]
async fn what_the_bot_failed_at_can_be_read_by_the_operator() {
    let folder = folder();
    let store = SledStore::open(folder.path().join("data")).unwrap().store;
    let (chat, now) = (ChatId(7), Timestamp::UNIX_EPOCH);
    let event = Event::private(Input::from_text("PIN 4821\n门禁卡"));
    let letter = DeadLetter::for_event(&Record::default(), &event, "index out of bounds", now);
    let mut record = Record::default();
    record.keep_dead_letter(letter.arrived_in(Some(UpdateId(5))));
    let commit = Commit {
        chat,
        expected: 0,
        record: Some(record),
        replies: Vec::new(),
        now,
    };
    store.commit(commit).await.unwrap();
    store.close().await.unwrap();
    let letters = run(folder.path(), &["store", "dead-letters"], b"");
    let by_old_name = run(folder.path(), &["store", "letters"], b"");
    assert_eq!(out(&by_old_name), out(&letters));
    let letter: Value = serde_json::from_str(&out(&letters)).expect("one object on one line");
    assert_eq!((&letter["chat"], &letter["update"]), (&7.into(), &5.into()));
    assert_eq!(letter["fault"], "index out of bounds");
    let event = letter["event"].as_str().unwrap();
    assert!(
        event.contains("PIN 0000") && event.contains("门禁卡"),
        "{event}"
    );
}

#[test]
fn eval_measures_compares_and_holds_a_gate() {
    let folder = folder();
    let questions = folder.path().join("few.tsv");
    fs::write(&questions, "question\texpected\tstyle\nhow do I unbind my card\tunbind-steps\tplain\n怎么取消绑定门禁卡\tunbind-steps|why-unbind\tplain\nunbind my bank card\tnone\tnear\n").expect("written");
    let table = run(folder.path(), &["eval", "few.tsv"], b"");
    assert!(
        out(&table).contains("right entry first, in scope        100.0  (2 of 2)"),
        "{}",
        out(&table)
    );
    let saved = run(folder.path(), &["eval", "few.tsv", "--json"], b"");
    let report: Value = serde_json::from_str(&out(&saved)).expect("an object");
    assert_eq!(
        (
            &report["total"]["in_scope"],
            &report["total"]["near_refused"]
        ),
        (&2.into(), &1.into())
    );
    let worse = out(&saved).replace("\"right\":false", "\"right\":true");
    fs::write(
        folder.path().join("run.json"),
        worse.replacen("\"right\":true", "\"right\":false", 1),
    )
    .expect("written");
    let compared = run(
        folder.path(),
        &["eval", "few.tsv", "--compare", "run.json"],
        b"",
    );
    assert!(
        out(&compared).contains("worse: 0\nbetter: 1\n"),
        "{}{}",
        out(&compared),
        err(&compared)
    );
    for (gate, code) in [
        ("[few]\nright_first = 100", 0),
        ("[few]\nright_first = 101", 1),
        ("[other]", 1),
        ("[few]\nright = 1", 1),
    ] {
        fs::write(folder.path().join("gate.toml"), gate).expect("written");
        let held = run(
            folder.path(),
            &["eval", "few.tsv", "--gate", "gate.toml"],
            b"",
        );
        assert_eq!(held.status.code(), Some(code), "{gate}: {}", err(&held));
    }
}

#[test]
fn labelled_questions_that_cannot_be_used_are_told_with_their_lines() {
    let folder = folder();
    for (text, says) in [
        (
            "how do I unbind my card\tunbind-steps\n",
            "few.tsv: line 1: the header is missing",
        ),
        (
            "question\texpected\nno label\n",
            "few.tsv: line 2: `no label` has no label",
        ),
        (
            "question\texpected\nq\tnonsense\n",
            "few.tsv: line 2: `nonsense` is no entry",
        ),
    ] {
        fs::write(folder.path().join("few.tsv"), text).expect("written");
        let refused = run(folder.path(), &["eval", "few.tsv"], b"");
        assert_eq!(refused.status.code(), Some(1));
        assert!(err(&refused).contains(says), "{says} in {}", err(&refused));
    }
    let missing = run(folder.path(), &["eval", "nowhere.tsv"], b"");
    assert!(err(&missing).contains("nowhere.tsv"), "{}", err(&missing));
}

#[test]
fn ask_explains_what_was_read_and_what_decided() {
    let folder = folder();
    let explained = out(&run(
        folder.path(),
        &["ask", "--explain", "how do i unbind my cardd"],
        b"",
    ));
    for words in ["cardd → card", "unbind-steps", "answer from", "confidence"] {
        assert!(explained.contains(words), "{words} in {explained}");
    }
}

#[test]
fn cards_are_taken_along_in_a_file_come_back_from_it_and_everything_is_forgotten() {
    let folder = folder();
    let said = chat(
        folder.path(),
        &["/cards", "Add a card", "Home", "OPPO Wallet", "/export"],
    );
    let files = folder.path().join("data/files");
    let written: Vec<_> = fs::read_dir(&files)
        .expect("the folder of files")
        .map(|file| file.expect("a file").path())
        .collect();
    let [file] = written.as_slice() else {
        panic!("{written:?}");
    };
    assert!(said.contains("(saved as "), "{said}");
    let kept = folder.path().join("kept.json");
    fs::copy(file, &kept).expect("a copy");
    let exported: Value = serde_json::from_slice(&fs::read(&kept).expect("read")).expect("JSON");
    assert_eq!(exported["cards"][0]["label"], "Home");

    let said = chat(
        folder.path(),
        &["/forget", "Yes, delete everything", "/cards"],
    );
    assert!(
        said.contains("Everything is deleted.") && said.contains("Your list is empty."),
        "{said}"
    );
    assert!(!files.exists());
    let exported = run(folder.path(), &["store", "export", "all.jsonl"], b"");
    assert!(exported.status.success(), "{}", err(&exported));

    let said = chat(
        folder.path(),
        &[
            "/import kept.json",
            "Yes, put them on",
            "/import nowhere.json",
        ],
    );
    assert!(
        said.contains("1 card added.") && said.contains("could not get that file"),
        "{said}"
    );
}

#[test]
fn nothing_typed_where_a_secret_is_asked_for_is_shown_or_kept() {
    let folder = folder();
    let pin = "blue-whale-47";
    // Long, since salts and times contain any four digits by chance.
    let numbers = ["4111 1111", "41111111", "1111 1111 1111"];
    let said = chat(
        folder.path(),
        &[
            "/protect",
            "Use a PIN",
            pin,
            pin,
            "4111 1111 1111 1111",
            "Use one-time codes",
        ],
    );
    assert!(
        said.contains("Your PIN is set.") && said.contains("I kept nothing of that."),
        "{said}"
    );
    assert!(!said.contains(pin), "{said}");
    assert!(
        !numbers.iter().any(|number| said.contains(number)),
        "{said}"
    );
    let mut folders = vec![folder.path().to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = fs::read(&path).expect("a file");
            for secret in numbers.into_iter().chain([pin]).map(str::as_bytes) {
                let found = bytes.windows(secret.len()).any(|window| window == secret);
                assert!(!found, "{}", path.display());
            }
        }
    }
}
