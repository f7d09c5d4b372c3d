//! Tests of the sender with a scripted Telegram. Time is tokio's and paused.

use std::{
    collections::VecDeque,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use super::{
    super::{api::ApiError, outgoing::Outgoing},
    agenda::UNSOLICITED_DELAY,
    *,
};
use crate::{
    assistant::{HandleError, Recipient},
    dialogue::{
        Action, Attachment, Button, Choice, MessageId, Press, Receipt, Record, Reply, ReplyTo,
        ThreadId, Unreadable,
    },
    markup::RichText,
    store::{
        AddressedReply, Commit, Mark,
        memory::MemoryStore,
        testing::{HookedStore, Hooks},
    },
};

const ANN: ChatId = ChatId(1);
const BEN: ChatId = ChatId(2);
const GROUP: ChatId = ChatId(-100);
const RATES: Rates = Rates {
    overall: 30,
    per_chat: 1,
};
const NO_LIMIT: Rates = Rates {
    overall: 0,
    per_chat: 0,
};

/// A request: the time in milliseconds, the chat and the text.
type Got = (u128, ChatId, String);

/// The assistant's answer to a receipt.
type Said = Result<Vec<OutboxRow>, StoreError>;

/// A Telegram with scripted answers; `Ok` after the last of them.
#[derive(Clone)]
struct Telegram {
    start: Instant,
    got: Arc<Mutex<Vec<Got>>>,
    answers: Arc<Mutex<HashMap<ChatId, VecDeque<Answer>>>>,
    /// The receipts that were delivered.
    told: Arc<Mutex<Vec<(ChatId, Address, Receipt)>>>,
    /// Texts that are always answered with this error.
    poison: Arc<Mutex<HashMap<String, ApiError>>>,
    /// The dead letters that were kept, and how many writes of them fail.
    letters: Arc<Mutex<Vec<(ChatId, DeadLetter)>>>,
    /// Where people were told that a reply was given up.
    notices: Arc<Mutex<Vec<Recipient>>>,
    letter_failures: Arc<AtomicU32>,
    /// The answers to the next receipts.
    says: Arc<Mutex<VecDeque<Said>>>,
    metrics: Arc<Metrics>,
    /// The store in which groups are migrated.
    store: Arc<Mutex<Option<Arc<dyn Store>>>>,
}

#[derive(Clone)]
enum Answer {
    Says(ApiError),
    SaysAfter(Duration, ApiError),
    Takes,
    TakesAfter(Duration),
    Answers(Receipt),
    Panics,
    Hangs,
}

impl Telegram {
    fn new() -> Self {
        Self {
            start: Instant::now(),
            got: Arc::default(),
            answers: Arc::default(),
            told: Arc::default(),
            poison: Arc::default(),
            letters: Arc::default(),
            notices: Arc::default(),
            letter_failures: Arc::default(),
            says: Arc::default(),
            metrics: Arc::default(),
            store: Arc::default(),
        }
    }

    fn will(&self, chat: ChatId, answers: impl IntoIterator<Item = Answer>) {
        let mut all = self.answers.lock().unwrap();
        all.entry(chat).or_default().extend(answers);
    }

    /// A message with this text is always answered with an error.
    fn poison(&self, text: &str, error: ApiError) {
        let text = format!("<b>{text}</b>");
        self.poison.lock().unwrap().insert(text, error);
    }

    /// The faults of the dead letters of a chat.
    fn faults(&self, chat: ChatId) -> Vec<String> {
        let letters = self.letters.lock().unwrap().clone().into_iter();
        let of_chat = letters.filter(|(of, _)| *of == chat);
        of_chat.map(|(_, letter)| letter.fault).collect()
    }

    fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }

    fn texts(&self, chat: ChatId) -> Vec<String> {
        let got = self.got().into_iter();
        let to_chat = got.filter(|(_, to, _)| *to == chat);
        to_chat.map(|(_, _, text)| text).collect()
    }

    fn times(&self, chat: ChatId) -> Vec<u128> {
        let got = self.got().into_iter();
        let to_chat = got.filter(|(_, to, _)| *to == chat);
        to_chat.map(|(at, _, _)| at).collect()
    }
}

/// The chat of a request and its representation in tests.
fn seen(request: Outgoing) -> (ChatId, String) {
    let chat = |recipient| {
        let teloxide::types::Recipient::Id(teloxide::types::ChatId(chat)) = recipient else {
            panic!("an id");
        };
        ChatId(chat)
    };
    match request {
        Outgoing::New(new) => (chat(new.chat_id), new.text),
        Outgoing::KeyboardRemoval(new) => (chat(new.chat_id), "⌨".into()),
        Outgoing::Edit(edit) => (chat(edit.chat_id), format!("✎{}", edit.text)),
        Outgoing::Deletion(deletion) => (
            chat(deletion.chat_id),
            format!("✗{}", deletion.message_id.0),
        ),
        Outgoing::Attachment(upload) => (upload.chat, format!("+{}", upload.name)),
        Outgoing::Download { chat, file } => (chat, format!("?{file}")),
    }
}

impl Deliver for Telegram {
    async fn deliver(&self, request: Outgoing) -> Result<Option<Receipt>, ApiError> {
        let thread = request.to().thread;
        let (chat, text) = seen(request);
        let text = match thread {
            Some(ThreadId(thread)) => format!("#{thread} {text}"),
            None => text,
        };
        let at = self.start.elapsed().as_millis();
        let poison = self.poison.lock().unwrap().get(&text).cloned();
        self.got.lock().unwrap().push((at, chat, text));
        if let Some(error) = poison {
            return Err(error);
        }
        let answer = self
            .answers
            .lock()
            .unwrap()
            .get_mut(&chat)
            .and_then(VecDeque::pop_front);
        match answer {
            None | Some(Answer::Takes) => Ok(None),
            Some(Answer::TakesAfter(pause)) => {
                tokio::time::sleep(pause).await;
                Ok(None)
            }
            Some(Answer::Answers(receipt)) => Ok(Some(receipt)),
            Some(Answer::Says(error)) => Err(error),
            Some(Answer::SaysAfter(pause, error)) => {
                tokio::time::sleep(pause).await;
                Err(error)
            }
            Some(Answer::Panics) => panic!("on purpose"),
            Some(Answer::Hangs) => std::future::pending().await,
        }
    }

    async fn keep_letter(
        &self,
        chat: ChatId,
        letter: DeadLetter,
        tell: Option<Recipient>,
    ) -> Result<Vec<OutboxRow>, StoreError> {
        let failures = self.letter_failures.load(Ordering::Relaxed);
        if failures > 0 {
            self.letter_failures.store(failures - 1, Ordering::Relaxed);
            return Err(StoreError::Unavailable("no room".into()));
        }
        self.letters.lock().unwrap().push((chat, letter));
        self.notices.lock().unwrap().extend(tell);
        let says = self.says.lock().unwrap().pop_front();
        says.filter(|_| tell.is_some()).unwrap_or(Ok(Vec::new()))
    }

    fn metrics(&self) -> Arc<Metrics> {
        self.metrics.clone()
    }

    async fn receive(
        &self,
        chat: ChatId,
        at: Address,
        receipt: Receipt,
    ) -> Result<Vec<OutboxRow>, HandleError> {
        self.told.lock().unwrap().push((chat, at, receipt.clone()));
        if let Receipt::Moved { to } = receipt
            && at.chat == chat
        {
            let store = self.store.lock().unwrap().clone().unwrap();
            store.migrate(chat, to).await?;
        }
        let says = self.says.lock().unwrap().pop_front();
        Ok(says.unwrap_or(Ok(Vec::new()))?)
    }
}

fn refused(code: u16, description: &str) -> Answer {
    Answer::Says(ApiError::Refused {
        code,
        description: description.into(),
    })
}

fn wait(seconds: u64) -> Answer {
    Answer::Says(ApiError::TooManyRequests(Duration::from_secs(seconds)))
}

/// The receipt of a download.
fn content() -> Answer {
    Answer::Answers(Receipt::FileContent(Err(Unreadable::NotText)))
}

fn down() -> Answer {
    Answer::Says(ApiError::Unavailable("502".into()))
}

/// A running sender.
struct Fixture {
    telegram: Telegram,
    store: Arc<dyn Store>,
    outbox: Outbox,
    sending: tokio::task::JoinHandle<()>,
}

fn clock() -> Clock {
    let start = Instant::now();
    Arc::new(move || {
        let day = Timestamp::from_second(1_800_000_000).unwrap();
        day + SignedDuration::try_from(start.elapsed()).unwrap()
    })
}

fn sender(
    telegram: &Telegram,
    store: &Arc<dyn Store>,
    clock: &Clock,
    rates: Rates,
) -> (OutboxSender<Telegram>, Outbox) {
    OutboxSender::new(telegram.clone(), store.clone(), clock.clone(), "bot", rates).unwrap()
}

impl Fixture {
    fn new(rates: Rates) -> Self {
        Self::with(
            Arc::new(MemoryStore::new()),
            Telegram::new(),
            &clock(),
            rates,
        )
    }

    fn with(store: Arc<dyn Store>, telegram: Telegram, clock: &Clock, rates: Rates) -> Self {
        *telegram.store.lock().unwrap() = Some(store.clone());
        let (sender, outbox) = sender(&telegram, &store, clock, rates);
        let sending = tokio::spawn(sender.run());
        Self {
            telegram,
            store,
            outbox,
            sending,
        }
    }

    /// Commits replies and hands over their rows.
    async fn say(&self, chat: ChatId, replies: Vec<Reply>) {
        self.outbox.send(commit(&self.store, chat, replies).await);
    }

    async fn say_texts(&self, chat: ChatId, texts: &[&str]) {
        self.say(chat, texts.iter().map(|text| reply(text)).collect())
            .await;
    }

    /// Waits for this many seconds of paused time.
    async fn after(&self, seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }

    fn left(&self) -> usize {
        let left = self.store.outbox().unwrap().len();
        let counted = self.telegram.metrics.outbox.waiting.get();
        assert!(
            usize::try_from(counted).is_ok_and(|counted| counted <= left),
            "{counted}"
        );
        left
    }
}

fn reply(text: &str) -> Reply {
    Reply::new(RichText::bold(text))
}

fn edit(text: &str) -> Reply {
    reply(text).in_place_of(Some(MessageId(5)))
}

async fn commit(store: &Arc<dyn Store>, chat: ChatId, replies: Vec<Reply>) -> Vec<OutboxRow> {
    commit_record(store, chat, Some(Record::default()), replies).await
}

async fn commit_record(
    store: &Arc<dyn Store>,
    chat: ChatId,
    record: Option<Record>,
    replies: Vec<Reply>,
) -> Vec<OutboxRow> {
    commit_at(0, store, chat, record, replies).await
}

async fn commit_at(
    second: i64,
    store: &Arc<dyn Store>,
    chat: ChatId,
    record: Option<Record>,
    replies: Vec<Reply>,
) -> Vec<OutboxRow> {
    let replies = AddressedReply::to_chat(chat, replies);
    commit_addressed(second, store, chat, record, replies).await
}

async fn commit_addressed(
    second: i64,
    store: &Arc<dyn Store>,
    chat: ChatId,
    record: Option<Record>,
    replies: Vec<AddressedReply>,
) -> Vec<OutboxRow> {
    let commit = Commit {
        chat,
        expected: store.load(chat).unwrap().version,
        record,
        replies,
        now: Timestamp::from_second(second).unwrap(),
    };
    store.commit(commit).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn forgetting_drops_waiting_rows_but_sends_the_farewell() {
    let fixture = Fixture::new(NO_LIMIT);
    fixture.telegram.will(ANN, [wait(5)]);
    fixture.say_texts(ANN, &["a", "b", "c"]).await;
    fixture.after(1).await;
    let receipt = commit_record(&fixture.store, ANN, None, vec![reply("receipt")]).await;
    fixture.outbox.send(receipt);
    fixture.say_texts(ANN, &["hello again"]).await;
    fixture.after(10).await;
    let said = fixture.telegram.texts(ANN);
    assert_eq!(
        said[1..],
        ["<b>receipt</b>", "<b>hello again</b>"],
        "{said:?}"
    );
    assert_eq!(fixture.left(), 0);
}

#[tokio::test(start_paused = true)]
async fn rows_after_forgetting_have_new_ids() {
    let fixture = Fixture::new(NO_LIMIT);
    let late = Answer::TakesAfter(Duration::from_secs(5));
    fixture.telegram.will(ANN, [late, wait(30)]);
    let turns = [
        (1, Some(Record::default()), "delete everything?"),
        (2, None, "receipt"),
        (3, Some(Record::default()), "hello again"),
    ];
    for (second, record, text) in turns {
        let rows = commit_at(second, &fixture.store, ANN, record, vec![reply(text)]).await;
        fixture.outbox.send(rows);
    }
    fixture.after(10).await;
    // If it is killed now, the next run must find the unsent rows.
    assert_eq!(fixture.left(), 2);
    fixture.after(30).await;
    let said = fixture.telegram.texts(ANN);
    let expected = [
        "<b>delete everything?</b>",
        "<b>receipt</b>",
        "<b>receipt</b>",
        "<b>hello again</b>",
    ];
    assert_eq!(said, expected);
    assert_eq!(fixture.left(), 0);
}

#[tokio::test(start_paused = true)]
async fn rows_go_in_order_and_leave_the_store_once_sent() {
    let fixture = Fixture::new(NO_LIMIT);
    for turn in 0..5 {
        let texts = [format!("{turn}a"), format!("{turn}b")];
        fixture
            .say_texts(ANN, &texts.each_ref().map(String::as_str))
            .await;
    }
    fixture.after(1).await;
    let expected: Vec<_> = (0..5)
        .flat_map(|t| [format!("<b>{t}a</b>"), format!("<b>{t}b</b>")])
        .collect();
    assert_eq!(fixture.telegram.texts(ANN), expected);
    assert_eq!(fixture.left(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_chat_is_sent_a_burst_and_then_one_message_a_second_including_edits() {
    let fixture = Fixture::new(RATES);
    let edits = (0..8).map(|message| edit("0").in_place_of(Some(MessageId(message))));
    fixture.say(ANN, edits.collect()).await;
    fixture.after(10).await;
    assert_eq!(
        fixture.telegram.times(ANN),
        [0, 0, 0, 0, 0, 1000, 2000, 3000]
    );
}

#[tokio::test(start_paused = true)]
async fn a_group_is_sent_twenty_messages_a_minute() {
    let fixture = Fixture::new(RATES);
    fixture.say(GROUP, vec![reply("x"); 25]).await;
    fixture.after(59).await;
    assert_eq!(fixture.telegram.times(GROUP).len(), 20);
    fixture.after(30).await;
    assert_eq!(fixture.telegram.times(GROUP).len(), 25);
}

#[tokio::test(start_paused = true)]
async fn all_chats_together_are_sent_thirty_messages_a_second() {
    let fixture = Fixture::new(RATES);
    for chat in 1..=90 {
        fixture.say_texts(ChatId(chat), &["x"]).await;
    }
    fixture.after(10).await;
    let times: Vec<_> = fixture
        .telegram
        .got()
        .into_iter()
        .map(|(at, ..)| at)
        .collect();
    let count = |second: u128| times.iter().filter(|at| **at / 1000 == second).count();
    assert_eq!([0, 1, 2, 3].map(count), [30, 30, 30, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_flood_wait_holds_back_its_chat_and_no_other() {
    let fixture = Fixture::new(NO_LIMIT);
    fixture.telegram.will(ANN, [wait(7)]);
    fixture.say_texts(ANN, &["a", "b"]).await;
    fixture.say_texts(BEN, &["c"]).await;
    fixture.after(10).await;
    assert_eq!(fixture.telegram.times(ANN), [0, 7000, 7000]);
    assert_eq!(
        fixture.telegram.texts(ANN),
        ["<b>a</b>", "<b>a</b>", "<b>b</b>"]
    );
    assert_eq!(fixture.telegram.times(BEN), [0]);
}

#[tokio::test(start_paused = true)]
async fn a_flood_wait_holds_across_a_restart() {
    let clock = clock();
    let first = Fixture::with(
        Arc::new(MemoryStore::new()),
        Telegram::new(),
        &clock,
        NO_LIMIT,
    );
    first.telegram.will(ANN, [wait(60)]);
    first.say_texts(ANN, &["a"]).await;
    first.after(10).await;
    first.sending.abort();
    let again = Fixture::with(first.store.clone(), Telegram::new(), &clock, NO_LIMIT);
    again.after(100).await;
    assert_eq!(again.telegram.times(ANN), [50_000]);
}

#[tokio::test(start_paused = true)]
async fn rows_left_by_an_earlier_run_are_sent() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    commit(&store, ANN, vec![reply("a"), reply("b")]).await;
    let fixture = Fixture::with(store, Telegram::new(), &clock(), NO_LIMIT);
    fixture.after(1).await;
    assert_eq!(fixture.telegram.texts(ANN), ["<b>a</b>", "<b>b</b>"]);
}

#[tokio::test(start_paused = true)]
async fn a_blocked_chat_loses_its_rows_and_other_chats_keep_theirs() {
    let fixture = Fixture::new(NO_LIMIT);
    fixture.telegram.will(
        ANN,
        [refused(403, "Forbidden: bot was blocked by the user")],
    );
    fixture.say_texts(ANN, &["a", "b", "c"]).await;
    fixture.say_texts(BEN, &["d"]).await;
    fixture.after(1).await;
    assert_eq!(fixture.telegram.texts(ANN), ["<b>a</b>"]);
    assert_eq!(fixture.telegram.texts(BEN), ["<b>d</b>"]);
    assert_eq!(fixture.left(), 0);
    let told = (ANN, Address::chat(ANN), Receipt::Unreachable);
    assert_eq!(*fixture.telegram.told.lock().unwrap(), [told]);
    // A person who unblocks the bot is answered again.
    fixture.say_texts(ANN, &["hello"]).await;
    fixture.after(1).await;
    assert_eq!(fixture.telegram.texts(ANN)[1], "<b>hello</b>");
}

#[tokio::test(start_paused = true)]
async fn refused_markup_is_sent_plain_and_refused_buttons_are_left_out() {
    let fixture = Fixture::new(NO_LIMIT);
    let entities =
        "Bad Request: can't parse entities: Can't find end tag corresponding to start tag \"b\"";
    fixture.telegram.will(ANN, [refused(400, entities)]);
    fixture.say_texts(ANN, &["a<", "b"]).await;
    fixture
        .telegram
        .will(BEN, [refused(400, "Bad Request: BUTTON_DATA_INVALID")]);
    let button = Button {
        label: "x".into(),
        action: Action::Press(Press::new(1, Choice::Done)),
    };
    fixture.say(BEN, vec![reply("c").row([button])]).await;
    fixture.after(1).await;
    assert_eq!(
        fixture.telegram.texts(ANN),
        ["<b>a&lt;</b>", "a<", "<b>b</b>"]
    );
    assert_eq!(fixture.telegram.texts(BEN), ["<b>c</b>", "c"]);
}

#[tokio::test(start_paused = true)]
async fn an_edit_of_a_deleted_message_is_sent_as_a_new_one() {
    for gone in [
        "Bad Request: message to edit not found",
        "Bad Request: message can't be edited",
        "Bad Request: MESSAGE_ID_INVALID",
        "Forbidden: MESSAGE_AUTHOR_REQUIRED",
    ] {
        let fixture = Fixture::new(NO_LIMIT);
        let code = if gone.starts_with("Forbidden") {
            403
        } else {
            400
        };
        fixture.telegram.will(ANN, [refused(code, gone)]);
        fixture.say(ANN, vec![edit("a"), reply("b")]).await;
        fixture.after(1).await;
        assert_eq!(
            fixture.telegram.texts(ANN),
            ["✎<b>a</b>", "<b>a</b>", "<b>b</b>"]
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_edit_that_changes_nothing_counts_as_sent() {
    let fixture = Fixture::new(NO_LIMIT);
    let same = "Bad Request: message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message";
    fixture.telegram.will(ANN, [refused(400, same)]);
    fixture.say(ANN, vec![edit("a")]).await;
    fixture.after(1).await;
    assert_eq!(fixture.telegram.texts(ANN), ["✎<b>a</b>"]);
    assert_eq!(fixture.left(), 0);
}

#[tokio::test(start_paused = true)]
async fn rows_follow_a_group_to_its_new_id() {
    let fixture = Fixture::new(NO_LIMIT);
    fixture
        .telegram
        .will(GROUP, [Answer::Says(ApiError::Migrated(ChatId(-1001)))]);
    fixture.say_texts(GROUP, &["a", "b"]).await;
    fixture.after(1).await;
    assert_eq!(
        fixture.telegram.texts(ChatId(-1001)),
        ["<b>a</b>", "<b>b</b>"]
    );
    assert_eq!(fixture.left(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_down_is_retried_with_growing_pauses() {
    let fixture = Fixture::new(NO_LIMIT);
    fixture.telegram.will(ANN, vec![down(); 10]);
    fixture.say_texts(ANN, &["a"]).await;
    fixture.after(1000).await;
    let seconds: Vec<_> = fixture
        .telegram
        .times(ANN)
        .iter()
        .map(|at| at / 1000)
        .collect();
    assert_eq!(seconds, [0, 1, 3, 7, 15, 31, 63, 123, 183, 243, 303]);
    assert_eq!(fixture.left(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_refused_message_does_not_stop_the_rows_behind_it() {
    let fixture = Fixture::new(NO_LIMIT);
    fixture
        .telegram
        .will(ANN, [refused(400, "Bad Request: message is too long")]);
    fixture.say_texts(ANN, &["a", "b"]).await;
    fixture.after(1).await;
    assert_eq!(fixture.telegram.texts(ANN), ["<b>a</b>", "<b>b</b>"]);
    assert_eq!(fixture.left(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_long_message_is_resumed_at_the_part_that_failed() {
    let fixture = Fixture::new(NO_LIMIT);
    let long = Reply::new(RichText::plain(format!(
        "{}\n{}",
        "a".repeat(4000),
        "b".repeat(4000)
    )));
    fixture.telegram.will(ANN, [Answer::Takes, wait(2)]);
    fixture.say(ANN, vec![long]).await;
    fixture.after(5).await;
    let parts: Vec<_> = fixture
        .telegram
        .texts(ANN)
        .iter()
        .map(|text| text[..1].to_owned())
        .collect();
    assert_eq!(parts, ["a", "b", "b"]);
    assert_eq!(fixture.left(), 0);
}

/// A reply with a deletion, an attachment, a text and a download.
fn whole(text: &str) -> Reply {
    let file = Attachment::File {
        name: "a.json".into(),
        content: "{}".into(),
    };
    let reply = reply(text)
        .deleting(Some(MessageId(8)))
        .with_attachment(file);
    Reply {
        downloads: Some("F1".into()),
        ..reply
    }
}

const PARTS: [&str; 4] = ["✗8", "+a.json", "<b>a</b>", "?F1"];

#[tokio::test(start_paused = true)]
async fn the_parts_of_a_reply_are_sent_in_order_and_the_row_is_done_after_the_last() {
    let fixture = Fixture::new(RATES);
    fixture.telegram.will(
        ANN,
        [Answer::Takes, Answer::Takes, Answer::Takes, Answer::Hangs],
    );
    fixture.say(ANN, vec![whole("a"), reply("b")]).await;
    fixture.after(10).await;
    assert_eq!(fixture.telegram.texts(ANN), PARTS);
    assert_eq!(fixture.left(), 2, "the last part is still under way");
    let fixture = Fixture::new(RATES);
    fixture.say(ANN, vec![whole("a"), whole("a")]).await;
    fixture.after(10).await;
    assert_eq!(fixture.telegram.texts(ANN), [PARTS, PARTS].concat());
    assert_eq!(
        fixture.telegram.times(ANN),
        [0, 0, 0, 0, 0, 1000, 2000, 3000],
        "every part counts as a message"
    );
    assert_eq!(fixture.left(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_failed_part_is_retried_without_the_parts_before_it() {
    for (failed, part) in PARTS.into_iter().enumerate() {
        for (trouble, pause) in [(wait(7), 7000), (down(), 1000), (Answer::Panics, 1000)] {
            let fixture = Fixture::new(NO_LIMIT);
            fixture.telegram.will(ANN, vec![Answer::Takes; failed]);
            fixture.telegram.will(ANN, [trouble]);
            fixture.say(ANN, vec![whole("a")]).await;
            fixture.after(20).await;
            let mut expected = PARTS.to_vec();
            expected.insert(failed, part);
            assert_eq!(fixture.telegram.texts(ANN), expected);
            assert_eq!(fixture.telegram.times(ANN)[failed + 1], pause);
            assert_eq!(fixture.left(), 0);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_crash_between_two_parts_repeats_some_and_loses_none() {
    for taken in 0..PARTS.len() {
        let first = Fixture::new(NO_LIMIT);
        first.telegram.will(ANN, vec![Answer::Takes; taken]);
        first.telegram.will(ANN, [Answer::Hangs]);
        first.say(ANN, vec![whole("a")]).await;
        first.after(1).await;
        first.sending.abort();
        assert_eq!(first.left(), 1);
        let again = Fixture::with(first.store.clone(), Telegram::new(), &clock(), NO_LIMIT);
        again.after(1).await;
        assert_eq!(again.telegram.texts(ANN), PARTS);
        assert_eq!(again.left(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_deletion_does_not_stop_the_reply() {
    for refusal in [
        refused(400, "Bad Request: message can't be deleted"),
        refused(400, "Bad Request: message to delete not found"),
        refused(400, "Bad Request: not enough rights"),
        refused(403, "Forbidden: bot is not a member of the channel chat"),
    ] {
        let fixture = Fixture::new(NO_LIMIT);
        fixture.telegram.will(ANN, [refusal]);
        fixture.say(ANN, vec![whole("a"), reply("b")]).await;
        fixture.after(1).await;
        assert_eq!(
            fixture.telegram.texts(ANN),
            [PARTS.as_slice(), &["<b>b</b>"]].concat()
        );
        assert_eq!(fixture.left(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn in_a_moved_group_no_message_is_deleted_by_its_old_id() {
    let fixture = Fixture::new(NO_LIMIT);
    let moved = Answer::Says(ApiError::Migrated(ChatId(-1001)));
    fixture.telegram.will(GROUP, [moved]);
    let away = reply("b").deleting(Some(MessageId(8)));
    fixture.say(GROUP, vec![reply("a"), away]).await;
    fixture.after(1).await;
    assert_eq!(
        fixture.telegram.texts(ChatId(-1001)),
        ["<b>a</b>", "<b>b</b>"]
    );
    assert_eq!(fixture.telegram.texts(GROUP), ["<b>a</b>"]);
    assert_eq!(fixture.left(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_invalid_attachment_is_left_out() {
    let fixture = Fixture::new(NO_LIMIT);
    let rights = "Bad Request: not enough rights to send documents to the chat";
    fixture
        .telegram
        .will(ANN, [Answer::Takes, refused(400, rights)]);
    fixture.say(ANN, vec![whole("a")]).await;
    fixture.after(1).await;
    assert_eq!(fixture.telegram.texts(ANN), PARTS);
    assert_eq!(fixture.left(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_block_found_by_an_attachment_ends_the_chats_rows() {
    let fixture = Fixture::new(NO_LIMIT);
    let blocked = refused(403, "Forbidden: bot was blocked by the user");
    fixture.telegram.will(ANN, [Answer::Takes, blocked]);
    fixture.say(ANN, vec![whole("a"), reply("b")]).await;
    fixture.after(1).await;
    assert_eq!(fixture.telegram.texts(ANN), PARTS[..2]);
    assert_eq!(fixture.left(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_refused_text_does_not_stop_the_download() {
    let fixture = Fixture::new(NO_LIMIT);
    let long = refused(400, "Bad Request: message is too long");
    fixture
        .telegram
        .will(ANN, [Answer::Takes, Answer::Takes, long]);
    fixture.say(ANN, vec![whole("a")]).await;
    fixture.after(1).await;
    assert_eq!(fixture.telegram.texts(ANN), PARTS);
}

#[tokio::test(start_paused = true)]
async fn the_answer_to_a_downloaded_file_is_sent_even_while_stopping() {
    for stopping in [false, true] {
        let fixture = Fixture::new(NO_LIMIT);
        let rows = commit(&fixture.store, ANN, vec![whole("a")]).await;
        let answers = commit(&fixture.store, ANN, vec![reply("read")]).await;
        fixture.telegram.will(ANN, vec![Answer::Takes; 3]);
        fixture.telegram.will(ANN, [content()]);
        fixture.telegram.says.lock().unwrap().push_back(Ok(answers));
        fixture.outbox.send(rows);
        if stopping {
            fixture.outbox.stop(Instant::now() + Duration::from_secs(5));
        }
        fixture.after(1).await;
        let texts = fixture.telegram.texts(ANN);
        assert_eq!(texts[..4], PARTS);
        assert_eq!(texts[4..], ["<b>read</b>"]);
        assert_eq!(fixture.left(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_file_whose_content_was_not_committed_is_downloaded_again() {
    let fixture = Fixture::new(NO_LIMIT);
    fixture.telegram.will(ANN, vec![Answer::Takes; 3]);
    fixture.telegram.will(ANN, [content(), content()]);
    let no_room = || Err(StoreError::Unavailable("no room".into()));
    let says = [no_room(), no_room()];
    fixture.telegram.says.lock().unwrap().extend(says);
    let rows = commit(&fixture.store, ANN, vec![whole("a")]).await;
    // The acknowledgement of this commit was lost, so its rows were not handed over.
    commit(&fixture.store, ANN, vec![reply("read")]).await;
    fixture.outbox.send(rows);
    fixture.after(2).await;
    assert_eq!(fixture.left(), 2, "the row stays until its file was heard");
    fixture.after(10).await;
    let texts = fixture.telegram.texts(ANN);
    assert_eq!(texts[..4], PARTS);
    assert_eq!(texts[4..], ["?F1", "?F1", "<b>read</b>"]);
    assert_eq!(fixture.telegram.times(ANN)[3..6], [0, 1000, 3000]);
    assert_eq!(fixture.left(), 0);
}

/// An error of the server.
fn error_500() -> ApiError {
    ApiError::Unavailable("500 Internal Server Error".into())
}

#[tokio::test(start_paused = true)]
async fn pauses_beyond_any_clock_end_nothing() {
    for pause in [Duration::MAX, Duration::from_secs(1 << 63)] {
        let fixture = Fixture::new(NO_LIMIT);
        let asks = Answer::Says(ApiError::TooManyRequests(pause));
        fixture.telegram.will(ANN, [asks]);
        fixture.say_texts(ANN, &["a"]).await;
        fixture.after(1).await;
        fixture.say_texts(BEN, &["b"]).await;
        fixture.after(1).await;
        assert_eq!(fixture.telegram.texts(BEN), ["<b>b</b>"]);
        assert!(!fixture.sending.is_finished());
    }
}

#[tokio::test(start_paused = true)]
async fn a_row_postponed_by_a_clock_that_was_far_ahead_is_sent_within_the_hour() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let rows = commit(&store, ANN, vec![reply("a")]).await;
    let later = Mark::Later(rows[0].id, Timestamp::MAX);
    store.mark(vec![later]).await.unwrap();
    let fixture = Fixture::with(store, Telegram::new(), &clock(), NO_LIMIT);
    fixture.after(60 * 60 + 1).await;
    assert_eq!(fixture.telegram.texts(ANN), ["<b>a</b>"]);
}

#[tokio::test(start_paused = true)]
async fn chats_that_hang_do_not_hold_up_chats_that_answer() {
    // The time in ms within which the others are all answered: at once, or when the hanging requests are no longer young.
    for (hanging, within) in [(1, 0), (70, 0), (95, 0), (200, 2_000), (255, 2_000)] {
        let fixture = Fixture::new(NO_LIMIT);
        for chat in 0..hanging {
            fixture
                .telegram
                .will(ChatId(1_000 + chat), vec![Answer::Hangs; 9]);
            fixture.say_texts(ChatId(1_000 + chat), &["x"]).await;
        }
        fixture.after(0).await;
        for chat in 0..200 {
            fixture.say_texts(ChatId(5_000 + chat), &["y"]).await;
        }
        fixture.after(9).await;
        let got = fixture.telegram.got().into_iter();
        let times: Vec<_> = got
            .filter(|(_, chat, _)| chat.0 >= 5_000)
            .map(|(at, ..)| at)
            .collect();
        assert_eq!(times.len(), 200);
        assert!(times.iter().all(|at| *at <= within), "{hanging}: {times:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn chats_that_hang_for_long_do_not_hold_up_chats_that_come_later() {
    let fixture = Fixture::new(RATES);
    for chat in 0..70 {
        let slow = Answer::TakesAfter(Duration::from_secs(40));
        fixture.telegram.will(ChatId(1_000 + chat), vec![slow; 3]);
        fixture.say_texts(ChatId(1_000 + chat), &["x", "x"]).await;
    }
    for round in 0..60 {
        let asked = fixture.telegram.start.elapsed().as_millis();
        let chat = ChatId(5_000 + round);
        fixture.say_texts(chat, &["y"]).await;
        fixture.after(5).await;
        let waited = fixture.telegram.times(chat)[0] - asked;
        // The limit over all chats, where 70 begin at the same time.
        assert!(waited <= 3_000, "{round}: {waited}");
    }
    fixture.after(200).await;
    assert_eq!(fixture.left(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_slow_request_is_heard_to_the_end_and_its_message_arrives_two_or_three_times_at_most() {
    for (takes, requests) in [(9, 1), (20, 2), (40, 3), (59, 3)] {
        let fixture = Fixture::new(NO_LIMIT);
        let slow = Answer::TakesAfter(Duration::from_secs(takes));
        fixture.telegram.will(ANN, vec![slow; 9]);
        fixture.say_texts(ANN, &["a"]).await;
        fixture.after(600).await;
        assert_eq!(fixture.telegram.texts(ANN).len(), requests, "{takes} s");
        assert_eq!(fixture.left(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn after_time_outs_the_pauses_grow() {
    let fixture = Fixture::new(NO_LIMIT);
    fixture.telegram.will(ANN, vec![Answer::Hangs; 30]);
    fixture.say_texts(ANN, &["a"]).await;
    fixture.after(3_000).await;
    let seconds: Vec<_> = fixture
        .telegram
        .times(ANN)
        .iter()
        .map(|at| at / 1000)
        .collect();
    // Limits of 10, 30, 60 s; pauses of 15, 30, 60, 120 s, and 300 s in the end.
    assert_eq!(seconds[..5], [0, 25, 85, 205, 385]);
    assert_eq!(
        fixture.left(),
        1,
        "nothing else was answered: the server is down"
    );
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_always_times_out_is_given_up_after_three_requests_while_others_are_answered()
{
    let fixture = Fixture::new(NO_LIMIT);
    fixture.telegram.will(ANN, vec![Answer::Hangs; 3]);
    fixture.say_texts(ANN, &["a", "b"]).await;
    for _ in 0..30 {
        fixture.say_texts(BEN, &["x"]).await;
        fixture.after(10).await;
    }
    assert_eq!(
        fixture.telegram.texts(ANN),
        ["<b>a</b>", "<b>a</b>", "<b>a</b>", "<b>b</b>"]
    );
    let faults = fixture.telegram.faults(ANN);
    assert!(
        faults[0].contains("may have been carried out"),
        "{faults:?}"
    );
    assert_eq!(fixture.left(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_file_may_take_longer_than_a_message() {
    let fixture = Fixture::new(NO_LIMIT);
    let slow = Answer::TakesAfter(Duration::from_secs(50));
    fixture.telegram.will(ANN, [Answer::Takes, slow]);
    fixture.say(ANN, vec![whole("a")]).await;
    fixture.after(100).await;
    assert_eq!(fixture.telegram.texts(ANN), PARTS);
}

/// Errors that are not the reply's, as long as they are everybody's.
fn temporary_errors() -> [ApiError; 5] {
    let lost = |code, description: &str| ApiError::Refused {
        code,
        description: description.into(),
    };
    [
        error_500(),
        ApiError::Unavailable("HTTP 502 with 26 bytes that are no Bot API answer".into()),
        ApiError::Network("connection reset by peer".into()),
        lost(400, "Bad Request: chat_id is empty"),
        lost(400, "Bad Request: message text is empty"),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_always_fails_while_others_are_answered_is_a_dead_letter_and_its_chat_goes_on()
{
    for error in temporary_errors() {
        let fixture = Fixture::new(NO_LIMIT);
        fixture.telegram.poison("a", error.clone());
        fixture.say_texts(ANN, &["before", "a"]).await;
        for round in 0..60 {
            fixture.say_texts(ChatId(100 + round), &["x"]).await;
            fixture.after(1).await;
        }
        // Nobody waits behind it.
        assert_eq!(
            fixture.telegram.times(ANN),
            [0, 0, 1000, 3000, 7000, 15_000, 31_000]
        );
        let faults = fixture.telegram.faults(ANN);
        assert!(faults[0].contains(&error.to_string()), "{faults:?}");
        assert_eq!(fixture.left(), 0);
        assert_eq!(fixture.telegram.metrics.outbox.given_up.get(), 1);
        fixture.say_texts(ANN, &["b"]).await;
        fixture.after(1).await;
        assert_eq!(fixture.telegram.texts(ANN).last().unwrap(), "<b>b</b>");
    }
}

#[tokio::test(start_paused = true)]
async fn in_a_quiet_bot_the_reply_behind_shows_that_the_first_is_at_fault() {
    for error in temporary_errors() {
        let fixture = Fixture::new(NO_LIMIT);
        fixture.telegram.poison("a", error);
        fixture.say_texts(ANN, &["a", "b", "c"]).await;
        fixture.after(40).await;
        let texts = fixture.telegram.texts(ANN);
        assert_eq!(texts[..6], ["<b>a</b>"; 6]);
        assert_eq!(
            texts[6..],
            ["<b>b</b>", "<b>c</b>"],
            "within 40 s, in order"
        );
        assert_eq!(fixture.telegram.faults(ANN).len(), 1);
        assert_eq!(fixture.left(), 0);
        assert_eq!(fixture.telegram.metrics.outbox.waiting.get(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_comes_while_the_one_before_it_keeps_failing_does_not_wait_without_end() {
    for after in [5, 40, 100, 1_000] {
        let fixture = Fixture::new(NO_LIMIT);
        fixture.telegram.poison("a", error_500());
        fixture.say_texts(ANN, &["a"]).await;
        fixture.after(after).await;
        fixture.say_texts(ANN, &["b"]).await;
        fixture.after(62).await;
        assert_eq!(fixture.telegram.texts(ANN).last().unwrap(), "<b>b</b>");
        assert_eq!(fixture.left(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn several_replies_at_fault_in_many_chats_are_given_up_and_what_is_behind_them_is_sent() {
    for chats in [1, 3, 70] {
        let fixture = Fixture::new(NO_LIMIT);
        fixture.telegram.poison("a", error_500());
        fixture.telegram.poison("b", error_500());
        for chat in 0..chats {
            fixture
                .say_texts(ChatId(100 + chat), &["a", "b", "c"])
                .await;
        }
        fixture.after(400).await;
        for chat in 0..chats {
            let texts = fixture.telegram.texts(ChatId(100 + chat));
            assert_eq!(texts.last().unwrap(), "<b>c</b>", "{texts:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_the_whole_server_loses_nothing_however_long_it_is() {
    for error in temporary_errors() {
        for minutes in [1, 10, 300] {
            let fixture = Fixture::new(NO_LIMIT);
            fixture.say_texts(BEN, &["before"]).await;
            fixture.after(1).await;
            for text in ["a", "b", "c"] {
                fixture.telegram.poison(text, error.clone());
            }
            for chat in 0..20 {
                fixture
                    .say_texts(ChatId(100 + chat), &["a", "b", "c"])
                    .await;
                fixture.after(1).await;
            }
            fixture.after(60 * minutes).await;
            fixture.telegram.poison.lock().unwrap().clear();
            fixture.after(200).await;
            for chat in 0..20 {
                let texts = fixture.telegram.texts(ChatId(100 + chat));
                let sent: Vec<_> = texts[texts.len() - 3..].to_vec();
                assert_eq!(sent, ["<b>a</b>", "<b>b</b>", "<b>c</b>"]);
            }
            assert_eq!(*fixture.telegram.letters.lock().unwrap(), []);
            assert_eq!(fixture.left(), 0);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_fails_for_most_requests_makes_few_dead_letters() {
    let fixture = Fixture::new(NO_LIMIT);
    // Two of three requests fail, by a fixed sequence that looks random.
    let mut state = 7_u64;
    for chat in 0..300 {
        let answers = (0..40).map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            if (state >> 33).is_multiple_of(3) {
                Answer::Takes
            } else {
                down()
            }
        });
        fixture
            .telegram
            .will(ChatId(100 + chat), answers.collect::<Vec<_>>());
    }
    for chat in 0..300 {
        fixture.say_texts(ChatId(100 + chat), &["a", "b"]).await;
        fixture.after(1).await;
    }
    fixture.after(3_000).await;
    let lost = fixture.telegram.letters.lock().unwrap().len();
    assert!(lost <= 6, "{lost} of 600");
    assert_eq!(fixture.left(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_part_at_fault_is_left_out_and_the_other_parts_are_sent() {
    for (failing, part) in PARTS.into_iter().enumerate() {
        let fixture = Fixture::new(NO_LIMIT);
        fixture.telegram.will(ANN, vec![Answer::Takes; failing]);
        fixture.telegram.will(ANN, vec![down(); 6]);
        fixture.say(ANN, vec![whole("a"), reply("b")]).await;
        for _ in 0..40 {
            fixture.say_texts(BEN, &["x"]).await;
            fixture.after(1).await;
        }
        let mut expected = PARTS[..failing].to_vec();
        expected.extend([part; 6]);
        expected.extend(&PARTS[failing + 1..]);
        expected.push("<b>b</b>");
        assert_eq!(fixture.telegram.texts(ANN), expected);
        assert_eq!(fixture.telegram.faults(ANN).len(), 1);
        assert_eq!(fixture.left(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_row_stays_in_the_store_until_its_dead_letter_is_kept_and_is_not_sent_again() {
    let fixture = Fixture::new(NO_LIMIT);
    fixture.telegram.letter_failures.store(3, Ordering::Relaxed);
    let long = refused(400, "Bad Request: message is too long");
    fixture.telegram.will(ANN, [long]);
    fixture.say_texts(ANN, &["a", "b"]).await;
    fixture.after(1).await;
    fixture.outbox.reload();
    fixture.after(1).await;
    assert_eq!(fixture.telegram.texts(ANN), ["<b>a</b>", "<b>b</b>"]);
    assert_eq!(fixture.store.outbox().unwrap().len(), 1);
    fixture.after(3).await;
    assert_eq!(fixture.telegram.faults(ANN).len(), 1);
    assert_eq!(fixture.left(), 0);
    assert_eq!(fixture.telegram.texts(ANN).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn when_stopped_dead_letters_are_kept_or_their_rows_stay() {
    for (failures, left) in [(0, 0), (u32::MAX, 1)] {
        let fixture = Fixture::new(NO_LIMIT);
        let telegram = &fixture.telegram;
        telegram.letter_failures.store(failures, Ordering::Relaxed);
        telegram.will(ANN, [refused(400, "Bad Request: message is too long")]);
        fixture.say_texts(ANN, &["a"]).await;
        fixture.outbox.stop(Instant::now() + Duration::from_secs(5));
        fixture.sending.await.unwrap();
        assert_eq!(fixture.store.outbox().unwrap().len(), left);
    }
}

#[tokio::test(start_paused = true)]
async fn a_person_whose_answer_is_given_up_is_told_where_it_would_have_been() {
    let fixture = Fixture::new(NO_LIMIT);
    let long = refused(400, "Bad Request: message is too long");
    fixture.telegram.will(ANN, [long.clone()]);
    let rows = commit(&fixture.store, ANN, vec![reply("a")]).await;
    let notice = commit(&fixture.store, ANN, vec![unsolicited("sorry")]).await;
    fixture.telegram.says.lock().unwrap().push_back(Ok(notice));
    fixture.outbox.send(rows);
    fixture.after(1).await;
    assert_eq!(fixture.telegram.texts(ANN), ["<b>a</b>", "<b>sorry</b>"]);
    let told = vec![Recipient {
        to: Address::chat(ANN),
        reply_to: None,
    }];
    assert_eq!(*fixture.telegram.notices.lock().unwrap(), told);
    // Nobody is told about a notice or a reminder, in the chats of others, where nothing is accepted, and about what may
    // have arrived.
    fixture.telegram.will(ANN, [long.clone()]);
    fixture.say(ANN, vec![unsolicited("sorry")]).await;
    fixture.telegram.will(BEN, [long]);
    fixture
        .say_to(ANN, vec![to(Address::chat(BEN), "a copy")])
        .await;
    fixture
        .telegram
        .will(GROUP, [refused(400, "Bad Request: TOPIC_CLOSED")]);
    fixture.say_to(GROUP, vec![to(topic(1), "a")]).await;
    fixture.after(1).await;
    fixture.telegram.will(ANN, vec![Answer::Hangs; 3]);
    fixture.say_texts(ANN, &["a"]).await;
    for _ in 0..30 {
        fixture.say_texts(BEN, &["x"]).await;
        fixture.after(10).await;
    }
    assert_eq!(*fixture.telegram.notices.lock().unwrap(), told);
    assert_eq!(fixture.telegram.letters.lock().unwrap().len(), 5);
    assert_eq!(fixture.left(), 0);
}

#[tokio::test(start_paused = true)]
async fn forgetting_drops_a_reply_that_is_set_aside() {
    let fixture = Fixture::new(NO_LIMIT);
    fixture.telegram.poison("a", error_500());
    fixture.say_texts(ANN, &["a"]).await;
    fixture.after(40).await;
    let hangs = Answer::TakesAfter(Duration::from_secs(5));
    fixture.say_texts(ANN, &["b"]).await;
    fixture.after(23).await;
    fixture.telegram.will(ANN, [hangs]);
    fixture.after(1).await;
    let farewell = commit_record(&fixture.store, ANN, None, vec![reply("receipt")]).await;
    fixture.outbox.send(farewell);
    fixture.after(60).await;
    assert_eq!(
        fixture.telegram.texts(ANN).last().unwrap(),
        "<b>receipt</b>"
    );
    assert_eq!(fixture.left(), 0);
    assert_eq!(fixture.telegram.metrics.outbox.waiting.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_block_or_a_move_found_by_the_reply_behind_covers_the_one_set_aside() {
    const SUPERGROUP: ChatId = ChatId(-1001);
    for moves in [true, false] {
        let fixture = Fixture::new(NO_LIMIT);
        fixture.telegram.will(GROUP, vec![down(); 6]);
        let found = if moves {
            Answer::Says(ApiError::Migrated(SUPERGROUP))
        } else {
            refused(403, "Forbidden: bot was kicked from the supergroup chat")
        };
        fixture.telegram.will(GROUP, [found]);
        fixture.say_texts(GROUP, &["a", "b"]).await;
        fixture.after(60).await;
        let there = fixture.telegram.texts(SUPERGROUP);
        let expected: &[&str] = if moves {
            &["<b>a</b>", "<b>b</b>"]
        } else {
            &[]
        };
        assert_eq!(there, expected);
        assert_eq!(*fixture.telegram.letters.lock().unwrap(), []);
        assert_eq!(fixture.left(), 0);
        assert_eq!(fixture.telegram.metrics.outbox.waiting.get(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_flood_wait_on_an_edit_holds_back_its_chat_and_loses_nothing() {
    let fixture = Fixture::new(NO_LIMIT);
    fixture.telegram.will(ANN, [wait(30)]);
    fixture.say(ANN, vec![edit("a"), reply("b")]).await;
    fixture.say(BEN, vec![edit("c")]).await;
    fixture.after(60).await;
    assert_eq!(fixture.telegram.times(ANN), [0, 30_000, 30_000]);
    assert_eq!(
        fixture.telegram.texts(ANN),
        ["✎<b>a</b>", "✎<b>a</b>", "<b>b</b>"]
    );
    assert_eq!(fixture.telegram.times(BEN), [0]);
    assert_eq!(fixture.left(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_flood_wait_for_the_whole_bot_is_asked_once_by_each_chat_and_loses_nothing() {
    let fixture = Fixture::new(NO_LIMIT);
    for chat in 0..60 {
        fixture.telegram.will(ChatId(100 + chat), [wait(6)]);
        fixture.say_texts(ChatId(100 + chat), &["a", "b"]).await;
    }
    fixture.after(5).await;
    assert_eq!(fixture.telegram.got().len(), 60);
    fixture.after(5).await;
    for chat in 0..60 {
        let times = fixture.telegram.times(ChatId(100 + chat));
        assert_eq!(times, [0, 6_000, 6_000]);
    }
    assert_eq!(fixture.left(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_chat_that_does_not_exist_is_unreachable() {
    let fixture = Fixture::new(NO_LIMIT);
    let gone = refused(400, "Bad Request: chat not found");
    fixture.telegram.will(ANN, [gone]);
    fixture.say_texts(ANN, &["a", "b"]).await;
    fixture.after(1).await;
    assert_eq!(fixture.telegram.texts(ANN), ["<b>a</b>"]);
    let told = (ANN, Address::chat(ANN), Receipt::Unreachable);
    assert_eq!(*fixture.telegram.told.lock().unwrap(), [told]);
    assert_eq!(fixture.left(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_message_the_bot_has_no_right_to_send_is_a_dead_letter_that_says_what_to_do() {
    for (code, refusal) in [
        (
            400,
            "Bad Request: not enough rights to send text messages to the chat",
        ),
        (400, "Bad Request: have no rights to send a message"),
        (400, "Bad Request: CHAT_WRITE_FORBIDDEN"),
        (
            403,
            "Forbidden: not enough rights to send text messages to the chat",
        ),
    ] {
        let fixture = Fixture::new(NO_LIMIT);
        fixture.telegram.will(GROUP, [refused(code, refusal)]);
        fixture.say_texts(GROUP, &["a", "b"]).await;
        fixture.after(1).await;
        assert_eq!(fixture.telegram.texts(GROUP), ["<b>a</b>", "<b>b</b>"]);
        let faults = fixture.telegram.faults(GROUP);
        assert!(faults[0].contains("give the bot the right"), "{faults:?}");
        assert_eq!(*fixture.telegram.told.lock().unwrap(), []);
        assert_eq!(fixture.left(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_whose_body_was_lost_on_the_way_is_repeated() {
    for lost in [
        "Bad Request: chat_id is empty",
        "Bad Request: message text is empty",
        "Bad Request: message identifier is not specified",
        "Bad Request: there is no document in the request",
        "Bad Request: file_id not specified",
    ] {
        for (failed, part) in PARTS.into_iter().enumerate() {
            let fixture = Fixture::new(NO_LIMIT);
            fixture.telegram.will(ANN, vec![Answer::Takes; failed]);
            fixture.telegram.will(ANN, [refused(400, lost)]);
            fixture.say(ANN, vec![whole("a")]).await;
            fixture.after(5).await;
            let mut expected = PARTS.to_vec();
            expected.insert(failed, part);
            assert_eq!(fixture.telegram.texts(ANN), expected);
            assert_eq!(fixture.left(), 0);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_or_a_hanging_request_delays_only_its_chat() {
    let fixture = Fixture::new(NO_LIMIT);
    fixture.telegram.will(ANN, [Answer::Panics]);
    fixture.telegram.will(GROUP, [Answer::Hangs]);
    fixture.say_texts(ANN, &["a"]).await;
    fixture.say_texts(GROUP, &["g"]).await;
    fixture.say_texts(BEN, &["b"]).await;
    fixture.after(3).await;
    assert_eq!(fixture.telegram.times(ANN), [0, 1000]);
    assert_eq!(fixture.telegram.times(BEN), [0]);
}

#[tokio::test(start_paused = true)]
async fn when_stopped_it_sends_what_it_can_in_time_and_keeps_the_rest() {
    let fixture = Fixture::new(RATES);
    fixture.telegram.will(BEN, [wait(100)]);
    fixture.telegram.will(GROUP, [Answer::Hangs]);
    fixture.say(ANN, vec![reply("a"); 20]).await;
    fixture.say_texts(BEN, &["b"]).await;
    fixture.say_texts(GROUP, &["g"]).await;
    let asked = Instant::now();
    fixture.outbox.stop(asked + Duration::from_millis(6500));
    fixture.sending.await.unwrap();
    assert_eq!(asked.elapsed().as_millis(), 6500);
    assert_eq!(fixture.telegram.times(ANN).len(), 5 + 6);
    assert_eq!(fixture.store.outbox().unwrap().len(), 20 - 11 + 1 + 1);
}

#[tokio::test(start_paused = true)]
async fn when_stopped_it_does_not_wait_for_what_cannot_be_sent_in_time() {
    let fixture = Fixture::new(NO_LIMIT);
    fixture.telegram.will(BEN, [wait(100)]);
    fixture.say_texts(BEN, &["b"]).await;
    fixture.after(1).await;
    let asked = Instant::now();
    fixture.outbox.stop(asked + Duration::from_millis(6500));
    fixture.sending.await.unwrap();
    assert_eq!(asked.elapsed().as_millis(), 0);
    assert_eq!(fixture.store.outbox().unwrap().len(), 1);
}

/// Fails a number of marks, and can make the store unhealthy.
#[derive(Default)]
struct Forgetful {
    refusals: AtomicU32,
    unhealthy: AtomicBool,
}

impl Forgetful {
    fn store(self: &Arc<Self>) -> Arc<dyn Store> {
        Arc::new(HookedStore::new(Arc::new(MemoryStore::new()), self.clone()))
    }
}

#[async_trait]
impl Hooks for Forgetful {
    async fn before_mark(&self, _marks: &[Mark]) -> Result<(), StoreError> {
        let left = self.refusals.load(Ordering::Relaxed);
        if left > 0 {
            self.refusals.store(left - 1, Ordering::Relaxed);
            return Err(StoreError::Unavailable("no room".into()));
        }
        Ok(())
    }

    fn before_health(&self) -> Result<(), StoreError> {
        if self.unhealthy.load(Ordering::Relaxed) {
            return Err(StoreError::Unavailable("no room".into()));
        }
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn failed_acknowledgements_are_repeated_and_rows_are_not_sent_twice() {
    let hooks = Arc::new(Forgetful {
        refusals: AtomicU32::new(3),
        ..Forgetful::default()
    });
    let fixture = Fixture::with(hooks.store(), Telegram::new(), &clock(), NO_LIMIT);
    fixture.say_texts(ANN, &["a", "b"]).await;
    fixture.after(1).await;
    assert_eq!(fixture.left(), 2);
    fixture.outbox.reload();
    fixture.after(10).await;
    assert_eq!(fixture.left(), 0);
    assert_eq!(fixture.telegram.texts(ANN), ["<b>a</b>", "<b>b</b>"]);
}

#[tokio::test(start_paused = true)]
async fn a_farewell_that_was_sent_drops_no_rows_when_it_is_handed_over_again() {
    let hooks = Arc::new(Forgetful {
        refusals: AtomicU32::new(u32::MAX),
        ..Forgetful::default()
    });
    let fixture = Fixture::with(hooks.store(), Telegram::new(), &clock(), NO_LIMIT);
    let receipt = commit_record(&fixture.store, ANN, None, vec![reply("receipt")]).await;
    fixture.outbox.send(receipt.clone());
    fixture.after(1).await;
    fixture.telegram.will(ANN, [wait(5)]);
    fixture.say_texts(ANN, &["a", "b"]).await;
    fixture.after(1).await;
    fixture.outbox.send(receipt);
    fixture.after(10).await;
    let expected = ["receipt", "a", "a", "b"].map(|text| format!("<b>{text}</b>"));
    assert_eq!(fixture.telegram.texts(ANN), expected);
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_rows_of_one_lane_are_quickly_reloaded() {
    const MANY: i64 = 10_000;
    let begun = std::time::Instant::now();
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    // Half of the rows are written by one record, the others by a record each.
    commit(&store, ANN, vec![reply("a"); MANY as usize / 2]).await;
    let mut rows = store.outbox().unwrap();
    let of_others = rows
        .clone()
        .into_iter()
        .enumerate()
        .map(|(index, mut row)| {
            row.id.chat = ChatId(100 + index as i64);
            row
        });
    rows.extend(of_others.collect::<Vec<_>>());
    let telegram = Telegram::new();
    let empty: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let (mut sender, _outbox) = sender(&telegram, &empty, &clock(), NO_LIMIT);
    for _ in 0..10 {
        sender.accept_rows(rows.clone(), Instant::now());
    }
    assert_eq!(telegram.metrics.outbox.waiting.get(), MANY);
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(20), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_reload_finds_rows_that_were_not_handed_over() {
    let fixture = Fixture::new(NO_LIMIT);
    commit(&fixture.store, ANN, vec![reply("a")]).await;
    fixture.after(1).await;
    assert_eq!(fixture.telegram.texts(ANN), [""; 0]);
    fixture.outbox.reload();
    fixture.after(1).await;
    assert_eq!(fixture.telegram.texts(ANN), ["<b>a</b>"]);
}

#[tokio::test(start_paused = true)]
async fn the_terminals_rows_are_left_to_the_terminal() {
    let fixture = Fixture::new(NO_LIMIT);
    fixture.say_texts(ChatId::TERMINAL, &["a"]).await;
    fixture.after(1).await;
    assert_eq!(fixture.telegram.got(), []);
    assert_eq!(fixture.left(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_lane_of_a_quiet_chat_is_dropped() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    commit(&store, ANN, vec![reply("a")]).await;
    commit(&store, GROUP, vec![reply("b")]).await;
    let telegram = Telegram::new();
    let (mut sender, _outbox) = sender(&telegram, &store, &clock(), RATES);
    sender.start_due(Instant::now());
    while let Some(result) = sender.in_flight.next().await {
        sender.finish_attempt(result, Instant::now());
    }
    assert_eq!(sender.lanes.len(), 2);
    tokio::time::advance(Duration::from_secs(60)).await;
    sender.start_due(Instant::now());
    assert!(sender.lanes.is_empty() && sender.paces.is_empty() && sender.agenda.is_empty());
}

#[tokio::test(start_paused = true)]
async fn consecutive_edits_are_merged() {
    let fixture = Fixture::new(RATES);
    fixture.say_texts(ANN, &["1", "2", "3", "4", "5"]).await;
    // The burst is used up, so these wait.
    let other = edit("other").in_place_of(Some(MessageId(99)));
    let with_file = edit("d").with_attachment(Attachment::File {
        name: "f".into(),
        content: "x".into(),
    });
    fixture
        .say(
            ANN,
            vec![edit("a"), edit("b"), edit("c"), with_file, edit("e"), other],
        )
        .await;
    fixture.after(60).await;
    let texts = fixture.telegram.texts(ANN);
    let looks: Vec<_> = texts[5..].iter().map(String::as_str).collect();
    // An edit with an attachment is not merged.
    assert_eq!(looks, ["+f", "<b>d</b>", "✎<b>e</b>", "✎<b>other</b>"]);
    assert_eq!(fixture.left(), 0);
}

fn unsolicited(text: &str) -> Reply {
    Reply {
        unsolicited: true,
        ..reply(text)
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_sent_before_a_thousand_reminders_and_all_are_sent_in_the_end() {
    const REMINDED: i64 = 1_000;
    let fixture = Fixture::new(RATES);
    for chat in 0..REMINDED {
        fixture
            .say(ChatId(1_000 + chat), vec![unsolicited("remember?")])
            .await;
    }
    fixture.after(3).await;
    let before = fixture.telegram.got().len();
    assert!(before < 200, "{before}");
    let asked = fixture.telegram.start.elapsed().as_millis();
    fixture.say_texts(ANN, &["an answer"]).await;
    fixture.after(2).await;
    assert!(
        fixture.telegram.times(ANN)[0] - asked <= 1_000,
        "the limit over all, no more"
    );
    fixture.after(60).await;
    assert_eq!(fixture.left(), 0);
}

#[tokio::test(start_paused = true)]
async fn reminders_do_not_wait_for_ever_where_answers_never_end() {
    let one_a_second = Rates {
        overall: 1,
        per_chat: 0,
    };
    let fixture = Fixture::new(one_a_second);
    // More than can be sent, before and after the reminder.
    fixture.say(ANN, vec![reply("a"); 100]).await;
    fixture.say(BEN, vec![unsolicited("remember?")]).await;
    for _ in 0..150 {
        fixture.say(ANN, vec![reply("b"), reply("c")]).await;
        fixture.after(1).await;
    }
    let reminded = fixture.telegram.times(BEN);
    assert_eq!(reminded.len(), 1);
    let waits = UNSOLICITED_DELAY.as_millis();
    assert!((waits..2 * waits).contains(&reminded[0]), "{reminded:?}");
}

#[tokio::test(start_paused = true)]
async fn only_some_row_bodies_are_kept_in_memory_and_all_rows_are_sent() {
    const MANY: usize = 3 * BODIES_IN_MEMORY;
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    for chat in 0..MANY {
        commit(&store, ChatId(1 + chat as i64), vec![reply("a")]).await;
    }
    let telegram = Telegram::new();
    let (sender, _outbox) = sender(&telegram, &store, &clock(), RATES);
    let bodies = |sender: &OutboxSender<Telegram>| {
        let rows = sender.lanes.values().flat_map(|lane| &lane.rows);
        rows.filter(|row| row.body.is_some()).count()
    };
    assert_eq!(
        (bodies(&sender), sender.bodies),
        (BODIES_IN_MEMORY, BODIES_IN_MEMORY)
    );
    assert!(size_of::<Waiting>() <= 96);
    let fixture = Fixture::with(store, Telegram::new(), &clock(), NO_LIMIT);
    fixture.after(1).await;
    assert_eq!(fixture.telegram.got().len(), MANY);
    assert_eq!(fixture.left(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_row_that_left_the_store_is_not_sent() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    for chat in 0..=BODIES_IN_MEMORY as i64 {
        commit(&store, ChatId(100 + chat), vec![reply("a")]).await;
    }
    // Its body is not in memory.
    let last = commit(&store, ChatId(50_000), vec![reply("a")]).await;
    let telegram = Telegram::new();
    let (sender, _outbox) = sender(&telegram, &store, &clock(), NO_LIMIT);
    store.mark(vec![Mark::Done(last[0].id)]).await.unwrap();
    let sending = tokio::spawn(sender.run());
    tokio::time::sleep(Duration::from_secs(1)).await;
    sending.abort();
    assert_eq!(telegram.texts(ChatId(50_000)), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn rows_of_an_unhealthy_store_are_sent_once_it_is_healthy() {
    let hooks = Arc::new(Forgetful::default());
    let fixture = Fixture::with(hooks.store(), Telegram::new(), &clock(), NO_LIMIT);
    commit(&fixture.store, ANN, vec![reply("a")]).await;
    hooks.unhealthy.store(true, Ordering::Relaxed);
    fixture.outbox.reload();
    fixture.after(10).await;
    assert_eq!(fixture.telegram.texts(ANN), [""; 0]);
    hooks.unhealthy.store(false, Ordering::Relaxed);
    fixture.after(2).await;
    assert_eq!(fixture.telegram.texts(ANN), ["<b>a</b>"]);
}

/// A topic of the group.
fn topic(thread: i32) -> Address {
    Address::chat(GROUP).in_topic(Some(ThreadId(thread)))
}

fn to(address: Address, text: &str) -> AddressedReply {
    AddressedReply {
        to: address,
        reply_to: None,
        reply: reply(text),
    }
}

impl Fixture {
    /// Commits replies to different addresses to one record, and hands over their rows.
    async fn say_to(&self, record: ChatId, replies: Vec<AddressedReply>) {
        let kept = Some(Record::default());
        let rows = commit_addressed(0, &self.store, record, kept, replies).await;
        self.outbox.send(rows);
    }
}

#[tokio::test(start_paused = true)]
async fn each_topic_has_its_own_queue_and_the_group_limit_covers_all() {
    let fixture = Fixture::new(RATES);
    fixture.telegram.will(GROUP, [Answer::Hangs]);
    let replies = [topic(1), topic(2), topic(3)].map(|topic| vec![to(topic, "x"); 10]);
    fixture.say_to(GROUP, replies.concat()).await;
    fixture.after(59).await;
    let texts = fixture.telegram.texts(GROUP);
    assert_eq!(texts.len(), 20, "twenty a minute");
    let sent = |text: &str| texts.iter().filter(|sent| *sent == text).count();
    // The first message of the first topic hangs, which delays no other topic.
    assert_eq!(
        (
            sent("#1 <b>x</b>"),
            sent("#2 <b>x</b>") + sent("#3 <b>x</b>")
        ),
        (1, 19)
    );
}

#[tokio::test(start_paused = true)]
async fn a_flood_wait_holds_back_all_topics_of_its_group() {
    let fixture = Fixture::new(NO_LIMIT);
    fixture.telegram.will(GROUP, [wait(7)]);
    fixture.say_to(GROUP, vec![to(topic(1), "a")]).await;
    fixture.after(1).await;
    fixture
        .say_to(GROUP, vec![to(topic(2), "b"), to(topic(1), "c")])
        .await;
    fixture.after(10).await;
    let texts = fixture.telegram.texts(GROUP);
    assert_eq!(
        fixture.telegram.times(GROUP),
        [0, 7000, 7000, 7000],
        "{texts:?}"
    );
    let in_first: Vec<_> = texts.iter().filter(|text| text.starts_with("#1")).collect();
    assert_eq!(in_first, ["#1 <b>a</b>", "#1 <b>a</b>", "#1 <b>c</b>"]);
    assert_eq!(fixture.left(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_temporary_failure_delays_only_its_topic() {
    let fixture = Fixture::new(NO_LIMIT);
    fixture.telegram.will(GROUP, [down()]);
    fixture.say_to(GROUP, vec![to(topic(1), "a")]).await;
    fixture.after(0).await;
    fixture.say_to(GROUP, vec![to(topic(2), "b")]).await;
    fixture.after(5).await;
    let texts = fixture.telegram.texts(GROUP);
    assert_eq!(texts, ["#1 <b>a</b>", "#2 <b>b</b>", "#1 <b>a</b>"]);
    assert_eq!(fixture.telegram.times(GROUP), [0, 0, 1000]);
}

const CLOSED: [&str; 3] = [
    "Bad Request: message thread not found",
    "Bad Request: TOPIC_CLOSED",
    "Bad Request: TOPIC_DELETED",
];

#[tokio::test(start_paused = true)]
async fn a_message_to_a_closed_topic_of_a_group_is_a_dead_letter_and_not_sent_elsewhere() {
    for refusal in CLOSED {
        let fixture = Fixture::new(NO_LIMIT);
        let closed = refused(400, refusal);
        fixture.telegram.will(GROUP, [closed]);
        let edit = AddressedReply {
            reply: edit("c"),
            ..to(topic(1), "")
        };
        let replies = vec![to(topic(1), "a"), to(topic(2), "b"), edit];
        fixture.say_to(GROUP, replies).await;
        fixture.after(1).await;
        let mut texts = fixture.telegram.texts(GROUP);
        texts.sort();
        assert_eq!(texts, ["#1 <b>a</b>", "#2 <b>b</b>", "✎<b>c</b>"]);
        let faults = fixture.telegram.faults(GROUP);
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].contains(refusal) && faults[0].contains("open the topic"));
        assert_eq!(fixture.left(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_to_a_topic_of_a_private_chat_that_is_gone_is_sent_once_outside_of_it() {
    for refusal in CLOSED {
        let fixture = Fixture::new(NO_LIMIT);
        fixture.telegram.will(ANN, [refused(400, refusal)]);
        let topic = Address::chat(ANN).in_topic(Some(ThreadId(1)));
        let mut first = to(topic, "a");
        first.reply_to = Some(ReplyTo {
            message: MessageId(9),
            throughout: false,
        });
        fixture.say_to(ANN, vec![first]).await;
        fixture.after(1).await;
        assert_eq!(fixture.telegram.texts(ANN), ["#1 <b>a</b>", "<b>a</b>"]);
        // A message refused there as well is given up, and the rows behind it are sent.
        let closed = refused(400, refusal);
        fixture.telegram.will(ANN, [closed.clone(), closed]);
        fixture
            .say_to(ANN, vec![to(topic, "b"), to(topic, "d")])
            .await;
        fixture.after(1).await;
        let texts = fixture.telegram.texts(ANN);
        assert_eq!(texts[2..], ["#1 <b>b</b>", "<b>b</b>", "#1 <b>d</b>"]);
        assert_eq!(fixture.telegram.faults(ANN).len(), 1);
        assert_eq!(fixture.left(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_block_ends_all_topics_of_its_group() {
    let fixture = Fixture::new(NO_LIMIT);
    fixture.telegram.will(
        GROUP,
        [refused(
            403,
            "Forbidden: bot was kicked from the supergroup chat",
        )],
    );
    fixture
        .say_to(GROUP, vec![to(topic(1), "a"), to(topic(1), "b")])
        .await;
    fixture.after(0).await;
    fixture.say_texts(BEN, &["c"]).await;
    fixture.after(1).await;
    assert_eq!(fixture.telegram.texts(GROUP), ["#1 <b>a</b>"]);
    assert_eq!(fixture.telegram.texts(BEN), ["<b>c</b>"]);
    assert_eq!(fixture.left(), 0);
}

#[tokio::test(start_paused = true)]
async fn forgetting_drops_a_records_rows_in_every_topic_and_keeps_those_of_others() {
    let fixture = Fixture::new(NO_LIMIT);
    fixture.telegram.will(GROUP, [wait(5)]);
    let to_topic = |text| vec![to(topic(1), text)];
    fixture.say_to(BEN, to_topic("b")).await;
    fixture.after(1).await;
    fixture.say_to(ANN, to_topic("a")).await;
    let receipt = commit_record(&fixture.store, ANN, None, vec![reply("receipt")]).await;
    fixture.outbox.send(receipt);
    fixture.after(10).await;
    assert_eq!(
        fixture.telegram.texts(GROUP),
        ["#1 <b>b</b>", "#1 <b>b</b>"]
    );
    assert_eq!(fixture.telegram.texts(ANN), ["<b>receipt</b>"]);
    assert_eq!(fixture.left(), 0);
}

#[tokio::test(start_paused = true)]
async fn rows_of_two_records_to_one_address_keep_their_order_of_arrival() {
    let fixture = Fixture::new(NO_LIMIT);
    fixture.telegram.will(GROUP, [wait(5)]);
    for (record, text) in [(BEN, "1"), (ANN, "2"), (BEN, "3"), (ANN, "4")] {
        fixture.say_to(record, vec![to(topic(1), text)]).await;
        fixture.after(1).await;
    }
    fixture.outbox.reload();
    fixture.after(10).await;
    let expected = ["1", "1", "2", "3", "4"].map(|text| format!("#1 <b>{text}</b>"));
    assert_eq!(fixture.telegram.texts(GROUP), expected);
}

#[tokio::test(start_paused = true)]
async fn rows_of_another_record_follow_a_moved_group_and_the_record_gets_a_receipt() {
    const SUPERGROUP: ChatId = ChatId(-1001);
    let fixture = Fixture::new(NO_LIMIT);
    let moved = Answer::Says(ApiError::Migrated(SUPERGROUP));
    fixture.telegram.will(GROUP, [moved]);
    let group = Address::chat(GROUP);
    fixture
        .say_to(ANN, vec![to(group, "a"), to(group, "b")])
        .await;
    fixture.after(1).await;
    assert_eq!(fixture.telegram.texts(GROUP), ["<b>a</b>"]);
    assert_eq!(fixture.telegram.texts(SUPERGROUP), ["<b>a</b>", "<b>b</b>"]);
    let told = (ANN, group, Receipt::Moved { to: SUPERGROUP });
    assert_eq!(*fixture.telegram.told.lock().unwrap(), [told]);
    assert_eq!(fixture.left(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_row_that_reached_the_new_group_by_a_reload_is_counted_once() {
    const SUPERGROUP: ChatId = ChatId(-1001);
    let fixture = Fixture::new(NO_LIMIT);
    let moved = || ApiError::Migrated(SUPERGROUP);
    let late = Answer::SaysAfter(Duration::from_secs(5), moved());
    fixture.telegram.will(GROUP, [Answer::Says(moved()), late]);
    fixture.telegram.will(SUPERGROUP, [wait(10)]);
    fixture
        .say_to(ANN, vec![to(topic(1), "a"), to(topic(2), "b")])
        .await;
    fixture.after(30).await;
    assert_eq!(fixture.left(), 0);
    assert_eq!(fixture.telegram.metrics.outbox.waiting.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_receipt_goes_only_to_the_record_that_asked_for_it() {
    let fixture = Fixture::new(NO_LIMIT);
    let sent = |message| Receipt::Sent {
        to: Address::chat(ANN),
        message: MessageId(message),
    };
    let answers = [1, 2].map(|message| Answer::Answers(sent(message)));
    fixture.telegram.will(ANN, answers);
    let asking = Reply {
        wants_receipt: true,
        ..reply("b")
    };
    // A receipt that was not committed is delivered again, without sending the message again.
    let no_room = Err(StoreError::Unavailable("no room".into()));
    fixture.telegram.says.lock().unwrap().push_back(no_room);
    fixture.say(ANN, vec![reply("a"), asking, reply("c")]).await;
    fixture.after(5).await;
    assert_eq!(
        fixture.telegram.texts(ANN),
        ["<b>a</b>", "<b>b</b>", "<b>c</b>"]
    );
    let told = (ANN, Address::chat(ANN), sent(2));
    assert_eq!(*fixture.telegram.told.lock().unwrap(), [told.clone(), told]);
}

#[tokio::test(start_paused = true)]
async fn a_flood_wait_outlasts_the_row_that_caused_it() {
    let fixture = Fixture::new(NO_LIMIT);
    fixture.telegram.will(ANN, [wait(60)]);
    fixture.say_texts(ANN, &["a"]).await;
    fixture.after(1).await;
    commit_record(&fixture.store, ANN, None, Vec::new()).await;
    let receipt = commit_record(&fixture.store, ANN, None, vec![reply("receipt")]).await;
    fixture.outbox.send(receipt);
    fixture.after(100).await;
    assert_eq!(fixture.telegram.texts(ANN), ["<b>a</b>", "<b>receipt</b>"]);
    assert_eq!(fixture.telegram.times(ANN), [0, 60_000]);
}
