//! Answers in chats with topics and comments go back to where the question came from.

use unbind_bot::{
    dialogue::{Address, Attachment, MessageId, Receipt, ReplyTo, ThreadId},
    telegram::{api::Api, delivery::Delivery, outbox::deliver::Deliver},
};

use super::*;

const TOPIC: i64 = 77;
const OTHER_TOPIC: i64 = 78;

/// A message to the bot in a topic of the group.
fn asked_in_topic(topic: i64, text: &str) -> Value {
    let mut message = said_in_group(GROUP, text);
    message["message_thread_id"] = json!(topic);
    message["is_topic_message"] = json!(true);
    message
}

fn help() -> String {
    format!("/help@{BOT_NAME}")
}

fn reply_to(call: &fake_api::Call) -> &Value {
    &call.params["reply_parameters"]
}

fn service(api: &FakeApi, store: &Arc<Gate>) -> Service {
    Service::start_with(api, store, TOKEN, support::base())
}

#[tokio::test]
async fn in_a_group_an_answer_replies_to_the_message_that_asked() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    let _service = service(&api, &store);
    api.push(json!({"message": said_in_group(GROUP, &help())}));
    api.says(ANN, "/help");
    api.until("both are answered", |api| {
        !api.sent(GROUP).is_empty() && !api.sent(ANN).is_empty() && store.waiting() == 0
    })
    .await;
    let sent = api.sent(GROUP);
    let asked = json!({"message_id": 900, "allow_sending_without_reply": true});
    assert_eq!(reply_to(&sent[0]), &asked);
    assert!(sent[1..].iter().all(|call| reply_to(call).is_null()));
    assert!(sent[0].params["message_thread_id"].is_null());
    assert!(
        reply_to(&api.sent(ANN)[0]).is_null(),
        "in private it is plain"
    );
}

#[tokio::test]
async fn an_answer_goes_back_to_its_topic_and_a_press_edits_in_place() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    let _service = service(&api, &store);
    let ask = format!("/faq@{BOT_NAME}");
    api.push(json!({"message": asked_in_topic(TOPIC, &ask)}));
    api.until("it is answered", |api| {
        !api.sent(GROUP).is_empty() && store.waiting() == 0
    })
    .await;
    let sent = api.sent(GROUP);
    assert_eq!(sent[0].params["message_thread_id"], TOPIC);
    assert_eq!(reply_to(&sent[0])["message_id"], 900);
    let (message, buttons) = api.newest(GROUP);
    api.presses_as(&person(7), GROUP, message, &buttons[0]);
    api.until("it is edited", |api| {
        !api.calls_of("editMessageText").is_empty() && store.waiting() == 0
    })
    .await;
    let edit = &api.calls_of("editMessageText")[0].params;
    assert_eq!(edit["message_id"], message);
    assert_eq!(api.sent(GROUP).len(), sent.len(), "nothing new is said");
}

#[tokio::test]
async fn in_comments_every_message_is_a_reply() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    let _service = service(&api, &store);
    let mut message = said_in_group(GROUP, &help());
    message["message_thread_id"] = json!(TOPIC);
    api.push(json!({"message": message}));
    api.until("it is answered", |api| {
        !api.sent(GROUP).is_empty() && store.waiting() == 0
    })
    .await;
    for call in api.sent(GROUP) {
        assert_eq!(reply_to(&call)["message_id"], 900);
        assert!(call.params["message_thread_id"].is_null());
    }
}

#[tokio::test]
async fn in_a_topic_of_a_private_chat_files_are_read_and_answered_there() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    let _service = service(&api, &store);
    let mut question = said(ANN, "/help");
    question["message_thread_id"] = json!(TOPIC);
    question["is_topic_message"] = json!(true);
    api.writes(ANN, question);
    let cards =
        r#"{"unbind_bot_cards": 1, "cards": [{"label": "Office", "wallet": "wallet-huawei"}]}"#;
    let file = api.file_message(ANN, "cards.json", cards);
    let mut sent = file;
    sent["message_thread_id"] = json!(OTHER_TOPIC);
    sent["is_topic_message"] = json!(true);
    api.writes(ANN, sent);
    api.until("its cards are shown", |api| {
        let (_, buttons) = api.newest(ANN);
        buttons.iter().any(|data| data.ends_with(".import")) && store.waiting() == 0
    })
    .await;
    let in_topic = |topic: i64| {
        let sent = api.sent(ANN).into_iter();
        sent.filter(|call| call.params["message_thread_id"] == topic)
            .count()
    };
    assert_eq!((in_topic(TOPIC), in_topic(OTHER_TOPIC)), (1, 2));
    assert_eq!(api.sent(ANN).len(), 3);
}

#[tokio::test]
async fn files_and_pictures_go_to_the_topic_as_well() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    let to = Address::chat(ChatId(GROUP)).in_topic(Some(ThreadId(TOPIC as i32)));
    let code = Attachment::QrCode("otpauth://totp/x?secret=ABC".into());
    let file = Attachment::File {
        name: "cards.json".into(),
        content: "{}".into(),
    };
    let replies = [code, file].map(|attachment| AddressedReply {
        to,
        reply_to: Some(ReplyTo {
            message: MessageId(9),
            throughout: false,
        }),
        reply: Reply::new(RichText::plain("here")).with_attachment(attachment),
    });
    store
        .keep_addressed(GROUP, Record::default(), replies.to_vec())
        .await;
    let _service = Service::start(&api, &store);
    api.until("all is sent", |_| store.waiting() == 0).await;
    for method in ["sendPhoto", "sendDocument"] {
        let params = &api.calls_of(method)[0].params;
        assert_eq!(params["message_thread_id"], TOPIC.to_string());
        let reply_to: Value =
            serde_json::from_str(params["reply_parameters"].as_str().unwrap()).unwrap();
        assert_eq!(
            reply_to,
            json!({"message_id": 9, "allow_sending_without_reply": true})
        );
    }
    for call in api.sent(GROUP) {
        assert_eq!(call.params["message_thread_id"], TOPIC);
        assert!(reply_to(&call).is_null(), "the picture above it has it");
    }
}

#[tokio::test]
async fn a_topic_that_is_gone_holds_up_no_other_and_its_answer_is_a_dead_letter() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    let gone = Trouble::Error(400, "Bad Request: message thread not found");
    api.trouble("sendMessage", Some(GROUP), gone);
    let to = |topic: i32, text: &str| AddressedReply {
        to: Address::chat(ChatId(GROUP)).in_topic(Some(ThreadId(topic))),
        reply_to: None,
        reply: Reply::new(RichText::plain(text)),
    };
    store
        .keep_addressed(GROUP, Record::default(), vec![to(1, "one")])
        .await;
    store
        .keep_addressed(GROUP, Record::default(), vec![to(2, "two")])
        .await;
    let _service = Service::start(&api, &store);
    api.until("all is sent", |_| store.waiting() == 0).await;
    let outside = api.sent(GROUP).into_iter();
    let outside = outside.filter(|call| call.params["message_thread_id"].is_null());
    assert_eq!(outside.count(), 0);
    assert_eq!(api.sent(GROUP).len(), 2);
    let record = store.inner.load(ChatId(GROUP)).unwrap().record;
    assert_eq!(record.dead_letters.len(), 1);
}

#[tokio::test]
async fn the_receipt_of_a_message_names_its_id_and_topic() {
    let (api, store) = (FakeApi::start().await, Gate::open().hooked());
    let assistant = Arc::new(Assistant::new(Base::new(Knowledge::default()), store));
    let client = Api::new(TOKEN, api.url().parse().unwrap()).unwrap();
    let delivery = Delivery::new(client, assistant, Arc::new(Timestamp::now));
    let thread = Some(ThreadId(TOPIC as i32));
    let options = RenderOptions {
        thread,
        ..RenderOptions::new(ChatId(GROUP), BOT_NAME)
    };
    let reply = Reply::new(RichText::plain("here")).with_attachment(Attachment::QrCode("x".into()));
    for request in render(&reply, options) {
        let receipt = delivery.deliver(request).await.unwrap();
        let (message, _) = api.newest(GROUP);
        let sent = Receipt::Sent {
            to: Address::chat(ChatId(GROUP)).in_topic(thread),
            message: MessageId(message as i32),
        };
        assert_eq!(receipt, Some(sent));
    }
    let gone = reply.deleting(Some(MessageId(api.newest(GROUP).0 as i32)));
    let deletion = render(&gone, options).into_iter().next().unwrap();
    assert_eq!(delivery.deliver(deletion).await.unwrap(), None);
}
