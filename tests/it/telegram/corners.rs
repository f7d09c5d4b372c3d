//! What Telegram sends besides new messages and presses of the bot's own buttons, and what a former bot left behind.

use super::*;

/// A private message with this id.
fn message(id: i64, text: &str) -> Value {
    let mut message = said(ANN, text);
    message["message_id"] = json!(id);
    message
}

fn edited(mut message: Value, text: &str) -> Value {
    message["edit_date"] = json!(1_700_000_005);
    message["text"] = json!(text);
    json!({"edited_message": message})
}

fn service(api: &FakeApi, store: &Arc<Gate>) -> Service {
    Service::start_with(api, store, TOKEN, support::base())
}

/// Waits until all updates are handled and all replies sent: those for a question that comes after them.
async fn until_all_is_done(api: &FakeApi, store: &Gate) {
    let last = api.says(BEN, "/help");
    api.until("the last is handled and all is sent", |api| {
        api.is_confirmed(last) && !api.sent(BEN).is_empty() && store.waiting() == 0
    })
    .await;
}

#[tokio::test]
async fn a_reaction_to_a_message_is_no_second_message() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    let _service = service(&api, &store);
    for (id, text) in [(1, "how do I unbind my card"), (2, "/unbind")] {
        api.push(json!({"message": message(id, text)}));
        api.push(edited(message(id, text), text));
        let mut preview = edited(message(id, text), text);
        preview["edited_message"]["via_bot"] = json!({"id": 5, "is_bot": true});
        api.push(preview);
    }
    until_all_is_done(&api, &store).await;
    assert_eq!(api.sent(ANN).len(), 2);
    assert_eq!(store.committed(ANN).len(), 2, "nothing is stored for them");
}

#[tokio::test]
async fn a_label_that_is_edited_renames_the_card() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    let _service = service(&api, &store);
    api.push(json!({"message": message(1, "/unbind")}));
    api.push(json!({"message": message(2, "Offcie")}));
    api.push(edited(message(2, "Offcie"), "Office"));
    until_all_is_done(&api, &store).await;
    let last = api.sent(ANN).pop().unwrap();
    assert!(last.text().contains("“Office”"), "{}", last.text());
}

#[tokio::test]
async fn every_press_is_acknowledged_wherever_its_button_is() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    let _service = service(&api, &store);
    let channel = json!({"message_id": 3, "date": 1, "chat": {"id": -7, "type": "channel"}});
    let private = message(3, "x");
    let old = json!({"message_id": 3, "date": 0, "chat": {"id": ANN, "type": "private"}});
    let presses = [
        json!({"data": "3.done"}),
        json!({"data": "3.done", "inline_message_id": "AAA"}),
        json!({"game_short_name": "chess", "inline_message_id": "AAA"}),
        json!({"game_short_name": "chess", "message": private}),
        json!({"data": "3.done", "message": channel}),
        json!({"data": "drop table", "message": private}),
        json!({"message": private}),
        json!({"data": "3.done", "message": old}),
        json!({"data": "3.done", "message": {"chat": {"id": ANN, "type": "private"}}}),
    ];
    let count = presses.len() as u64;
    for (id, mut press) in (100..).zip(presses) {
        press["id"] = json!(fake_api::query_of(id));
        press["from"] = person(ANN);
        api.push_as(id, json!({"callback_query": press}));
    }
    api.until("all are acknowledged", |api| {
        (100..100 + count).all(|id| api.is_acknowledged(id))
    })
    .await;
}

#[tokio::test]
async fn posts_of_the_linked_channel_and_their_edits_are_not_answered() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    let _service = service(&api, &store);
    let mention = format!("@{BOT_NAME} how do I unbind my card");
    for text in ["/faq New rules for visitors", mention.as_str()] {
        let mut post = said_in_group(GROUP, text);
        post["is_automatic_forward"] = json!(true);
        post["sender_chat"] = json!({"id": -1_009, "type": "channel"});
        post["from"] = json!({"id": 777_000, "is_bot": false});
        post["entities"] = json!([{"type": "mention", "offset": 0, "length": BOT_NAME.len() + 1}]);
        api.push(json!({"message": post}));
        api.push(edited(post.clone(), text));
        api.push(json!({"channel_post": post}));
        api.push(json!({"edited_channel_post": post}));
    }
    until_all_is_done(&api, &store).await;
    assert_eq!(api.sent(GROUP).len(), 0);
}

#[tokio::test]
async fn an_anonymous_administrator_is_answered() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    let _service = service(&api, &store);
    let mut message = said_in_group(GROUP, &format!("／help@{BOT_NAME}"));
    message["sender_chat"] = json!({"id": GROUP, "type": "supergroup"});
    message["from"] = json!({"id": 1_087_968_824, "is_bot": true, "username": "GroupAnonymousBot"});
    api.push(json!({"message": message}));
    until_all_is_done(&api, &store).await;
    assert_eq!(api.sent(GROUP).len(), 1);
}

#[tokio::test]
async fn the_first_start_takes_an_old_keyboard_away_and_leaves_no_message_for_it() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    let refused = Trouble::Error(400, "Bad Request: message can't be deleted");
    let _service = service(&api, &store);
    for text in ["hello", "/start", "/start", "/start kb_lost-phone"] {
        api.says(ANN, text);
    }
    until_all_is_done(&api, &store).await;
    let removing = |chat: i64| -> Vec<String> {
        let sent = api.sent(chat).into_iter();
        let removing = sent.filter(|call| call.params["reply_markup"]["remove_keyboard"] == true);
        removing.map(|call| call.text().to_owned()).collect()
    };
    let removed = removing(ANN);
    assert_eq!(removed.len(), 1);
    assert!(!api.shows(ANN, &removed[0]), "it is deleted again");
    assert_eq!(api.sent(ANN).len(), 5);
    let (_, buttons) = api.newest(ANN);
    assert!(!buttons.is_empty());
    // One that cannot be deleted does not hold up the welcome.
    api.trouble("deleteMessage", Some(33), refused);
    api.says(33, "/start");
    api.until("the welcome is sent", |api| {
        api.sent(33).len() == 2 && store.waiting() == 0
    })
    .await;
}

#[tokio::test]
async fn menus_of_a_former_bot_are_deleted() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    let _service = service(&api, &store);
    api.until("they are deleted", |api| {
        let deleted = api.calls_of("deleteMyCommands").into_iter();
        let scope_and_language = |call: fake_api::Call| {
            let scope = call.params["scope"]["type"].as_str().map(str::to_owned);
            let language = call.params["language_code"].as_str().map(str::to_owned);
            (scope.unwrap_or_default(), language.unwrap_or_default())
        };
        let deleted: Vec<_> = deleted.map(scope_and_language).collect();
        let is_deleted = |scope: &str, language: &str| {
            deleted.contains(&(scope.to_owned(), language.to_owned()))
        };
        is_deleted("default", "")
            && is_deleted("default", "ru")
            && is_deleted("all_chat_administrators", "")
            && is_deleted("all_private_chats", "ru")
            && is_deleted("all_group_chats", "uk")
    })
    .await;
    for call in api.calls_of("deleteMyCommands") {
        let own = call.params["scope"]["type"] == "all_private_chats"
            && ["zh"].contains(&call.params["language_code"].as_str().unwrap_or("zh"));
        assert!(!own, "{:?}", call.params);
    }
}

#[tokio::test]
async fn an_export_is_told_by_its_content_whatever_its_name() {
    let cards =
        r#"{"unbind_bot_cards": 1, "cards": [{"label": "Office", "wallet": "wallet-huawei"}]}"#;
    let (api, store) = (FakeApi::start().await, Gate::open());
    let _service = service(&api, &store);
    for (chat, name) in [
        (41, json!("cards.txt")),
        (42, json!("cards")),
        (43, Value::Null),
    ] {
        let mut file = api.file_message(chat, "x", cards);
        file["document"]["file_name"] = name;
        api.writes(chat, file);
        api.until("its cards are shown", |api| {
            let (_, buttons) = api.newest(chat);
            buttons.iter().any(|data| data.ends_with(".import"))
        })
        .await;
    }
}

#[tokio::test]
async fn a_slash_of_a_chinese_keyboard_begins_a_command() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    let _service = service(&api, &store);
    for (chat, text) in [
        (51, "／unbind"),
        (52, "、unbind"),
        (53, "\u{200e}／unbind，"),
        (54, "/解绑"),
        (55, "、解綁"),
    ] {
        let mut message = said(chat, text);
        message["from"]["language_code"] = json!("zh-hans");
        api.writes(chat, message);
        api.until("it is answered", |api| !api.sent(chat).is_empty())
            .await;
        let asked = api.sent(chat)[0].text().to_owned();
        assert!(asked.contains("这张卡叫什么"), "{text}: {asked}");
    }
    api.push(json!({"message": said_in_group(GROUP, "、帮助")}));
    api.until("the group is answered", |api| !api.sent(GROUP).is_empty())
        .await;
}

#[tokio::test]
async fn in_a_topic_edits_and_links_into_the_private_chat_stay_there_and_a_closed_one_is_left() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    let _service = service(&api, &store);
    let in_topic = |text: &str| {
        let mut message = said_in_group(GROUP, text);
        message["message_thread_id"] = json!(77);
        message["is_topic_message"] = json!(true);
        message
    };
    let ask = format!("/unbind@{BOT_NAME}");
    api.push(json!({"message": in_topic(&ask)}));
    api.until("the link is sent", |api| api.sent(GROUP).len() == 1)
        .await;
    api.push(edited(in_topic(&ask), &format!("/help@{BOT_NAME}")));
    api.until("the edit is answered", |api| api.sent(GROUP).len() == 2)
        .await;
    for call in api.sent(GROUP) {
        assert_eq!(call.params["message_thread_id"], 77);
    }
    let closed = Trouble::Error(400, "Bad Request: TOPIC_CLOSED");
    api.trouble("sendMessage", Some(GROUP), closed);
    let mut again = in_topic(&format!("/help@{BOT_NAME}"));
    again["message_id"] = json!(901);
    api.push(json!({"message": again}));
    api.until("it is given up", |_| store.waiting() == 0).await;
    let mut sent = api.sent(GROUP).into_iter();
    assert!(
        sent.all(|call| call.params["message_thread_id"] == 77),
        "nothing goes to the whole group"
    );
}

#[tokio::test]
async fn odd_characters_in_a_name_are_sent() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    let _service = service(&api, &store);
    let names = [
        "<b>&amp;",
        "`code` *x* _y_",
        "Z\u{335}\u{321}a\u{334}l\u{337}go",
        "👩‍👩‍👧‍👦 home",
        "\u{202e}txet",
        "[a](https://b.c)",
    ];
    for (chat, name) in (61..).zip(names) {
        for text in ["/unbind", name, "OPPO Wallet", "/cards"] {
            api.says(chat, text);
        }
    }
    let astral = "𝟒".repeat(4_096);
    api.says(70, &astral);
    until_all_is_done(&api, &store).await;
    api.until("all are answered", |api| {
        (61..67).all(|chat| api.sent(chat).len() >= 4) && !api.sent(70).is_empty()
    })
    .await;
    for call in (61..67).flat_map(|chat| api.sent(chat)) {
        assert!(
            !call.text().contains(['\u{2068}', '\u{2069}']),
            "{}",
            call.text()
        );
        assert_eq!(
            call.params["parse_mode"], "HTML",
            "none was refused and sent plainly"
        );
    }
}
