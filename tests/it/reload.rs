//! Hot reload: edits of the knowledge folder, and their effect in running chats.
//!
//! The time is passed to the reloader, so no test waits, except for the last two, which run the program itself.

use std::{
    fs,
    io::{self, BufRead, BufReader, Read, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use crate::support::{CHAT, Said, Screen, program::make_pipe};
use unbind_bot::{
    assistant::{
        Assistant,
        reload::{Reload, Reloader},
    },
    dialogue::{Base, Event, Input},
    knowledge::{
        Faults, load_folder,
        watch::{DEBOUNCE, Watcher},
    },
    store::memory::MemoryStore,
};

/// What is asked, and the beginning of what the small base answers.
const QUESTION: &str = "my phone was stolen, what about the card";
const ANSWER: &str = "Block the phone first";
const LOST_PHONE: &str = "help/lost-phone.en.md";
const APPLE_GUIDE: &str = "wallets/wallet-apple.en.guide.toml";
const STEPS: [&str; 5] = [
    "step-open-wallet",
    "step-find-card",
    "step-choose-unbind",
    "step-confirm",
    "step-check-removed",
];

fn entry(title: &str, questions: &[&str]) -> String {
    format!("+++\ntitle = \"{title}\"\nquestions = {questions:?}\n+++\nThat is what to do.\n")
}

/// A guide with these steps, which say what to do in `wallet`.
fn guide(wallet: &str, order: u32, steps: &[&str]) -> String {
    let steps = steps.iter().map(|id| {
        format!("[[step]]\nid = \"{id}\"\ntitle = \"{id}\"\ntext = \"**In {wallet}: {id}.**\"\n")
    });
    let head = format!(
        "name = \"{wallet}\"\norder = {order}\nsystems = [\"ios\"]\nkinds = [\"issued\"]\n"
    );
    head + &steps.collect::<String>()
}

fn group(title: &str) -> String {
    format!("order = 1\n[title]\nen = \"{title}\"\n")
}

/// A running assistant, its knowledge folder, and a person in a chat.
struct Service {
    place: tempfile::TempDir,
    assistant: Arc<Assistant>,
    reloader: Reloader,
    now: Instant,
    screen: Screen,
}

impl Service {
    fn start() -> Self {
        let place = tempfile::tempdir().expect("a folder");
        let folder = place.path().join("knowledge");
        write_small_base(&folder);
        let watcher = Watcher::new(&folder);
        let base = Base::new(load_folder(&folder).expect("the small base loads"));
        let assistant = Arc::new(Assistant::new(base, Arc::new(MemoryStore::new())));
        Self {
            place,
            reloader: Reloader::new(&assistant, watcher),
            assistant,
            now: Instant::now(),
            screen: Screen::new(),
        }
    }

    fn folder(&self) -> PathBuf {
        self.place.path().join("knowledge")
    }

    fn write(&self, file: &str, text: &str) {
        write(&self.folder(), file, text);
    }

    fn poll(&mut self) -> Option<Reload> {
        self.reloader.poll(self.now)
    }

    /// Looks until long after the folder has stopped changing, and returns everything that was reported.
    fn rest(&mut self) -> Vec<Reload> {
        let mut told = Vec::new();
        for _ in 0..10 {
            told.extend(self.poll());
            self.now += DEBOUNCE / 2;
        }
        told
    }

    async fn type_in(&mut self, text: &str) -> String {
        self.turn(&Event::private(Input::from_text(text))).await
    }

    async fn press(&mut self, label: &str) -> String {
        let press = self.screen.press(label).expect("a button");
        self.turn(&press).await
    }

    async fn turn(&mut self, event: &Event) -> String {
        let said = self.screen.turn(&self.assistant, event).await;
        let texts = said.into_iter().map(|Said { text, .. }| text);
        texts.collect::<Vec<_>>().join("\n")
    }

    /// Begins a removal from Apple Wallet and goes on to the third step.
    async fn go_to_third_step(&mut self) {
        self.type_in("/unbind").await;
        self.type_in("Office").await;
        self.press("Apple Wallet").await;
        self.press("Skip").await;
        self.press("Done").await;
        let third = self.press("Done").await;
        assert!(
            third.contains("In Apple Wallet: step-choose-unbind."),
            "{third}"
        );
    }
}

fn write_small_base(folder: &Path) {
    write(folder, "help/_group.toml", &group("Help"));
    write(folder, LOST_PHONE, &entry(ANSWER, &[QUESTION]));
    write(
        folder,
        "help/door.en.md",
        &entry("Hold it longer", &["the door does not open"]),
    );
    write(folder, "wallets/_group.toml", &group("Wallets"));
    for (order, (id, name)) in [
        ("wallet-apple", "Apple Wallet"),
        ("other-wallets", "Another wallet"),
    ]
    .into_iter()
    .enumerate()
    {
        write(
            folder,
            &format!("wallets/{id}.en.md"),
            &entry(name, &[&format!("about {name}")]),
        );
        let order = u32::try_from(order).expect("a small number");
        write(
            folder,
            &format!("wallets/{id}.en.guide.toml"),
            &guide(name, order, &STEPS),
        );
    }
}

fn write(folder: &Path, file: &str, text: &str) {
    let path = folder.join(file);
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(path, text).expect("written");
}

fn only_taken(told: &[Reload]) -> String {
    match told {
        [taken @ Reload::Taken(_)] => taken.to_string(),
        other => panic!("not taken, or not once: {other:?}"),
    }
}

fn only_refused(told: &[Reload]) -> &Faults {
    match told {
        [Reload::Refused(faults)] => faults,
        other => panic!("not refused, or not once: {other:?}"),
    }
}

#[tokio::test]
async fn an_edited_answer_is_told_to_the_next_question() {
    let mut service = Service::start();
    assert_eq!(service.rest(), [], "nothing has changed yet");
    assert!(service.type_in(QUESTION).await.contains(ANSWER));
    let questions = [QUESTION, "phone gone"];
    service.write(LOST_PHONE, &entry("Lock it from afar", &questions));
    assert_eq!(
        only_taken(&service.rest()),
        "the changed knowledge base is in use: 1 entry changed (lost-phone), 1 phrasing new"
    );
    let said = service.type_in(QUESTION).await;
    assert!(
        said.contains("Lock it from afar") && !said.contains(ANSWER),
        "{said}"
    );
}

#[tokio::test]
async fn a_new_entry_is_found_and_one_that_was_removed_is_found_no_more() {
    let mut service = Service::start();
    let question = "what does it cost";
    service.write("help/cost.en.md", &entry("Nothing at all", &[question]));
    fs::remove_file(service.folder().join(LOST_PHONE)).expect("removed");
    assert_eq!(
        only_taken(&service.rest()),
        "the changed knowledge base is in use: 1 entry new (cost), 1 entry gone (lost-phone), 1 phrasing new, 1 phrasing gone"
    );
    let said = service.type_in(question).await;
    assert!(said.contains("Nothing at all"), "{said}");
    let said = service.type_in(QUESTION).await;
    assert!(!said.contains(ANSWER), "{said}");
}

#[tokio::test]
async fn a_broken_edit_keeps_the_old_answer_and_its_faults_are_told_once() {
    let mut service = Service::start();
    service.write(
        LOST_PHONE,
        "+++\ntitle = \"Lock it from afar\"\nquestions = [\n+++\n",
    );
    service.write("help/door.en.md", &entry("Hold it longer", &[]));
    let told = service.rest();
    let faults = only_refused(&told).to_string();
    assert!(faults.contains("lost-phone.en.md"), "{faults}");
    let said = service.type_in(QUESTION).await;
    assert!(said.contains(ANSWER), "{said}");
    // Going back to the old text corrects it; that is reported once, too.
    write_small_base(&service.folder());
    assert_eq!(service.rest(), [Reload::Same]);
}

#[tokio::test]
async fn a_fault_that_shows_only_between_files_is_refused_too() {
    let mut service = Service::start();
    let related = entry("Lock it from afar", &[QUESTION])
        .replace("questions", "related = [\"nowhere\"]\nquestions");
    service.write(LOST_PHONE, &related);
    let told = service.rest();
    let faults = only_refused(&told).to_string();
    assert!(faults.contains("`nowhere`, which is no entry"), "{faults}");
    assert!(service.type_in(QUESTION).await.contains(ANSWER));
}

#[test]
fn the_log_has_a_line_for_what_happened_and_one_for_each_fault() {
    let mut service = Service::start();
    service.write("help/door.en.md", &entry("Hold it longer", &[]));
    service.write("help/notes.docx", "");
    let told = service.rest();
    assert_eq!(only_refused(&told).0.len(), 2, "{told:?}");
    let log = logged(|| told[0].log());
    let lines: Vec<_> = log.lines().collect();
    assert_eq!(lines.len(), 3, "{log}");
    assert!(
        lines[0].contains("was not loaded") && lines[0].contains("2 fault(s)"),
        "{log}"
    );
    assert!(
        lines[1].contains("door.en.md: entry `door` has no phrasing in `en`; add"),
        "{log}"
    );
    assert!(
        lines[2].contains("notes.docx: this file is not part of a knowledge base; remove"),
        "{log}"
    );
}

/// What is logged while `doing` runs.
fn logged(doing: impl FnOnce()) -> String {
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);
    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("the log").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .finish();
    tracing::subscriber::with_default(subscriber, doing);
    let bytes = log.0.lock().expect("the log").clone();
    String::from_utf8(bytes).expect("text")
}

#[tokio::test]
async fn a_half_written_change_is_not_taken() {
    let mut service = Service::start();
    service.rest();
    // File after file, each before the folder has been unchanged long enough; half of them would be a base without a fault.
    let files = ["one", "two", "three"];
    for id in files {
        let text = entry("Lock it from afar", &[&format!("question {id}")]);
        service.write(&format!("help/{id}.en.md"), &text[..text.len() / 2]);
        assert_eq!(service.poll(), None, "a torn file");
        service.now += DEBOUNCE / 2;
        assert_eq!(service.poll(), None, "a torn file, still torn");
        service.write(&format!("help/{id}.en.md"), &text);
        service.now += DEBOUNCE / 2;
        assert_eq!(service.poll(), None, "{id} is there, others are to come");
        service.now += DEBOUNCE / 2;
    }
    let taken = only_taken(&service.rest());
    assert!(taken.contains("3 entries new (one, three, two)"), "{taken}");
}

#[tokio::test]
async fn a_folder_that_vanishes_for_a_moment_is_not_noticed() {
    let mut service = Service::start();
    let elsewhere = service.place.path().join("elsewhere");
    fs::rename(service.folder(), &elsewhere).expect("moved away");
    assert_eq!(service.poll(), None);
    service.now += DEBOUNCE / 2;
    assert!(service.type_in(QUESTION).await.contains(ANSWER));
    fs::rename(&elsewhere, service.folder()).expect("moved back");
    assert_eq!(service.rest(), []);
    service.write(LOST_PHONE, &entry("Lock it from afar", &[QUESTION]));
    only_taken(&service.rest());
}

#[tokio::test]
async fn a_folder_that_stays_away_is_told_once_and_taken_up_when_another_takes_its_place() {
    let mut service = Service::start();
    fs::rename(service.folder(), service.place.path().join("elsewhere")).expect("moved away");
    let told = service.rest();
    let faults = only_refused(&told).to_string();
    assert!(faults.contains("--knowledge or KNOWLEDGE_DIR"), "{faults}");
    assert!(service.type_in(QUESTION).await.contains(ANSWER));
    write_small_base(&service.folder());
    service.write(LOST_PHONE, &entry("Lock it from afar", &[QUESTION]));
    only_taken(&service.rest());
    assert!(
        service
            .type_in(QUESTION)
            .await
            .contains("Lock it from afar")
    );
}

#[tokio::test]
async fn what_an_editor_leaves_beside_a_file_is_no_change() {
    let mut service = Service::start();
    service.write("help/.lost-phone.en.md.swp", "half a sentence");
    service.write("help/lost-phone.en.md~", "as it was");
    assert_eq!(service.rest(), []);
    // Saved as editors do: written aside, then renamed over the old one.
    service.write("help/.new", &entry("Lock it from afar", &[QUESTION]));
    let new = service.folder().join("help/.new");
    fs::rename(new, service.folder().join(LOST_PHONE)).expect("renamed");
    only_taken(&service.rest());
}

#[test]
fn an_edit_of_the_same_length_that_keeps_its_time_is_noticed() {
    let mut service = Service::start();
    let file = service.folder().join(LOST_PHONE);
    let before = fs::metadata(&file).expect("a file");
    let ticked = || fs::metadata(&file).expect("a file").ctime_nsec() != before.ctime_nsec();
    // The clock of a file system goes in steps of some milliseconds.
    while !ticked() {
        let answer = ANSWER.replace("first", "later");
        service.write(LOST_PHONE, &entry(&answer, &[QUESTION]));
        let written = fs::File::options().write(true).open(&file);
        let modified = before.modified().expect("a time");
        let set_back = written.and_then(|file| file.set_modified(modified));
        set_back.expect("set back");
    }
    only_taken(&service.rest());
}

#[tokio::test]
async fn a_removal_under_way_goes_on_in_the_new_words() {
    let mut service = Service::start();
    service.go_to_third_step().await;
    service.write(APPLE_GUIDE, &guide("Passes", 0, &STEPS));
    assert!(only_taken(&service.rest()).ends_with("guides changed"));
    let fourth = service.press("Done").await;
    assert!(
        fourth.contains("step 4 of 5") && fourth.contains("In Passes: step-confirm."),
        "{fourth}"
    );
    service.press("Done").await;
    let last = service.press("Done").await;
    assert!(last.contains("Take “Office” off your list?"), "{last}");
    let gone = service.press("Yes, take “Office” off").await;
    assert!(gone.contains("“Office” is off your list"), "{gone}");
}

#[tokio::test]
async fn a_removal_whose_wallet_is_gone_goes_on_by_the_general_guide_at_the_same_step() {
    let mut service = Service::start();
    service.go_to_third_step().await;
    for file in [APPLE_GUIDE, "wallets/wallet-apple.en.md"] {
        fs::remove_file(service.folder().join(file)).expect("removed");
    }
    only_taken(&service.rest());
    let fourth = service.press("Done").await;
    assert!(
        fourth.contains("step 4 of 5") && fourth.contains("In Another wallet: step-confirm."),
        "{fourth}"
    );
}

#[tokio::test]
async fn a_guide_that_lost_a_step_is_refused_and_should_it_be_in_use_the_step_before_is_shown() {
    let mut service = Service::start();
    service.go_to_third_step().await;
    let without_third = [STEPS[0], STEPS[1], STEPS[3], STEPS[4]];
    service.write(APPLE_GUIDE, &guide("Apple Wallet", 0, &without_third));
    let told = service.rest();
    let faults = only_refused(&told).to_string();
    assert!(
        faults.contains("write the five steps in this order"),
        "{faults}"
    );
    // A base that was never checked, or a later program with other steps.
    let unchecked = load_folder(&service.folder()).expect("each file by itself is well");
    service.assistant.replace_base(Base::new(unchecked));
    let said = service.press("Done").await;
    for words in [
        "My instructions have changed since then",
        "step 2 of 4",
        "In Apple Wallet: step-find-card.",
    ] {
        assert!(said.contains(words), "{said}");
    }
    let next = service.press("Done").await;
    assert!(
        next.contains("step 3 of 4") && next.contains("step-confirm."),
        "{next}"
    );
    let record = service.assistant.store().load(CHAT).expect("loaded").record;
    assert_eq!(record.cards.len(), 1, "nothing was taken off");
}

#[tokio::test]
async fn a_turn_under_way_keeps_the_base_it_began_with() {
    let mut service = Service::start();
    let held = service.assistant.base();
    service.write(LOST_PHONE, &entry("Lock it from afar", &[QUESTION]));
    only_taken(&service.rest());
    let id = "lost-phone".parse().expect("an id");
    let title = |base: &Base| {
        base.knowledge.entry(&id).map(|entry| {
            entry
                .articles
                .values()
                .map(|article| article.title.clone())
                .collect::<String>()
        })
    };
    assert_eq!(title(&held).as_deref(), Some(ANSWER));
    assert_eq!(
        title(&service.assistant.base()).as_deref(),
        Some("Lock it from afar")
    );
    assert_eq!(
        Arc::strong_count(&held),
        1,
        "with the turn, the old base goes"
    );
}

#[test]
fn a_reloader_does_not_keep_the_assistant_alive() {
    let Service {
        place,
        assistant,
        mut reloader,
        now,
        ..
    } = Service::start();
    let weak = Arc::downgrade(&assistant);
    drop(assistant);
    assert!(weak.upgrade().is_none());
    write(
        &place.path().join("knowledge"),
        LOST_PHONE,
        &entry("Lock it from afar", &[QUESTION]),
    );
    assert_eq!(
        (reloader.poll(now), reloader.poll(now + DEBOUNCE)),
        (None, None)
    );
}

#[tokio::test]
async fn what_editors_and_systems_leave_beside_an_edit_does_not_hold_it_up() {
    let mut service = Service::start();
    for name in [
        "help/#lost-phone.en.md#",
        "help/lost-phone.en.md~",
        "help/.#lost-phone.en.md",
        "help/lost-phone.en.md.swp",
        "help/lost-phone.en.md.bak",
        "help/lost-phone.en.md___jb_tmp___",
        "help/4913",
        "help/Thumbs.db",
        "lost+found/x",
        "__MACOSX/help/._lost-phone.en.md",
    ] {
        service.write(name, "half an edit");
    }
    assert_eq!(service.rest(), [], "nobody's knowledge");
    for name in ["README.md", "LICENSE"] {
        service.write(name, "What this folder is.");
    }
    assert_eq!(service.rest(), [Reload::Same], "no fault");
    service.write(LOST_PHONE, &entry("Lock it from afar", &[QUESTION]));
    assert!(only_taken(&service.rest()).contains("1 entry changed (lost-phone)"));
    assert!(
        service
            .type_in(QUESTION)
            .await
            .contains("Lock it from afar")
    );
}

#[tokio::test]
async fn a_pipe_in_the_folder_is_refused_at_once_and_edits_are_taken_when_it_is_gone() {
    let mut service = Service::start();
    let pipe = service.folder().join("help/pipe.en.md");
    make_pipe(&pipe);
    service.write(LOST_PHONE, &entry("Lock it from afar", &[QUESTION]));
    let told = service.rest();
    let faults = only_refused(&told).to_string();
    assert!(
        faults.contains("pipe.en.md: this is not a file but a pipe"),
        "{faults}"
    );
    assert!(service.type_in(QUESTION).await.contains(ANSWER));
    fs::remove_file(pipe).expect("removed");
    assert!(only_taken(&service.rest()).contains("1 entry changed (lost-phone)"));
}

#[test]
fn a_folder_is_read_at_once_when_that_is_requested() {
    let mut service = Service::start();
    assert_eq!(service.reloader.read_now(), Some(Reload::Same));
    service.write(LOST_PHONE, &entry("Lock it from afar", &[QUESTION]));
    let told: Vec<_> = service.reloader.read_now().into_iter().collect();
    assert!(only_taken(&told).contains("1 entry changed (lost-phone)"));
    assert_eq!(service.rest(), [], "it was read already");
    service.write(LOST_PHONE, "broken");
    let told: Vec<_> = service.reloader.read_now().into_iter().collect();
    assert_eq!(only_refused(&told).0.len(), 1);
}

/// The running program; it is ended with the test, also when the test fails.
struct Running(Arc<Mutex<Child>>);

impl Running {
    /// Far longer than anything here takes; then the program is killed, which fails the test.
    const AT_MOST: Duration = Duration::from_secs(60);

    fn start(command: &str, place: &Path) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_unbind-bot"))
            .arg(command)
            .current_dir(place)
            .env_clear()
            .env("TELOXIDE_TOKEN", "1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
            // Nothing listens there: the service waits for Telegram, and the test reads only its log.
            .env("TELOXIDE_API_URL", "http://127.0.0.1:9")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let running = Self(Arc::new(Mutex::new(child)));
        let program = running.0.clone();
        thread::spawn(move || {
            thread::sleep(Self::AT_MOST);
            program.lock().expect("the program").kill()
        });
        running
    }

    fn with<T>(&self, doing: impl FnOnce(&mut Child) -> T) -> T {
        doing(&mut self.0.lock().expect("the program"))
    }

    fn lines(from: impl Read) -> impl Iterator<Item = String> {
        BufReader::new(from).lines().map(|line| line.expect("text"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.with(Child::kill);
        let _ = self.with(Child::wait);
    }
}

#[test]
fn the_service_takes_an_edit_while_it_runs_and_stops_when_told() {
    let place = tempfile::tempdir().expect("a folder");
    let folder = place.path().join("knowledge");
    write_small_base(&folder);
    let service = Running::start("serve", place.path());
    let log = service.with(|program| program.stderr.take().expect("a pipe"));
    let mut log = Running::lines(log);
    assert!(log.any(|line| line.contains("getMe failed; retrying")));
    let edited = entry("Lock it from afar", &[QUESTION]);
    write(&folder, LOST_PHONE, &edited);
    assert!(log.any(|line| line.contains("in use: 1 entry changed (lost-phone)")));
    let id = service.with(|program| program.id()).to_string();
    let told = Command::new("kill").arg(id).status();
    assert!(told.expect("`kill` runs").success());
    log.for_each(drop);
    assert!(service.with(Child::wait).expect("it ends").success());
}

#[test]
fn the_terminal_loads_an_edit_during_a_conversation() {
    let place = tempfile::tempdir().expect("a folder");
    let folder = place.path().join("knowledge");
    write_small_base(&folder);
    let chat = Running::start("chat", place.path());
    let (mut input, output, aside) = chat.with(|program| {
        let (output, aside) = (program.stdout.take(), program.stderr.take());
        let input = program.stdin.take();
        (
            input.expect("a pipe"),
            output.expect("a pipe"),
            aside.expect("a pipe"),
        )
    });
    let mut said = Running::lines(output);
    let mut ask = || writeln!(input, "{QUESTION}").expect("asked");
    ask();
    assert!(said.any(|line| line.contains(ANSWER)));
    let edited = entry("Lock it from afar", &[QUESTION]);
    write(&folder, LOST_PHONE, &edited);
    assert!(Running::lines(aside).any(|line| line.contains("1 entry changed (lost-phone)")));
    ask();
    assert!(said.any(|line| line.contains("Lock it from afar")));
}
