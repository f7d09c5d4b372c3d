//! Sending while the Bot API server or the network fails.

use super::*;

/// The texts sent to a chat, with repeats.
fn texts(api: &FakeApi, chat: i64) -> Vec<String> {
    let sent = api.sent(chat).into_iter();
    sent.map(|call| call.text().to_owned()).collect()
}

/// The ids of the presses that the server was asked to acknowledge, with repeats.
fn acknowledged(api: &FakeApi) -> Vec<Value> {
    let calls = api.calls_of("answerCallbackQuery").into_iter();
    calls
        .map(|call| call.params["callback_query_id"].clone())
        .collect()
}

#[tokio::test]
async fn a_pause_beyond_any_sense_ends_nothing_and_delays_only_its_chat() {
    for seconds in [i64::MAX as u64, u64::MAX] {
        let (api, store) = (FakeApi::start().await, Gate::open());
        store.say(ANN, "one").await;
        api.trouble("sendMessage", Some(ANN), Trouble::Flood(seconds));
        api.trouble("answerCallbackQuery", None, Trouble::Flood(seconds));
        let service = Service::start(&api, &store);
        api.until("she is refused", |api| api.sent(ANN).len() == 1)
            .await;
        for round in 1..=3 {
            api.says(BEN, "/help");
            api.until("Ben is answered", |api| api.sent(BEN).len() == round)
                .await;
        }
        api.until("that is noted", |_| store.waiting() == 1).await;
        let (message, _) = api.newest(BEN);
        let press = api.presses(BEN, message, "forged");
        api.until("a press is confirmed", |api| api.is_confirmed(press))
            .await;
        service.stop().await;
        assert_eq!(api.sent(ANN).len(), 1, "her wait is not over");
    }
}

#[tokio::test]
async fn after_a_flood_wait_for_the_whole_bot_everybody_is_answered_once() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    let chats = || 100..160;
    for chat in chats() {
        store.say(chat, "one").await;
        api.trouble("sendMessage", Some(chat), Trouble::Flood(1));
    }
    let _service = Service::start(&api, &store);
    api.until("all is sent", |_| store.waiting() == 0).await;
    for chat in chats() {
        let sent = api.sent(chat);
        assert_eq!(sent.len(), 2);
        assert!(sent[1].at - sent[0].at >= Duration::from_secs(1));
    }
}

#[tokio::test]
async fn an_edit_that_meets_a_flood_wait_is_made_after_it() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    let _service = Service::start_with(&api, &store, TOKEN, support::base());
    api.says(ANN, "/unbind");
    api.until("there is a message", |_| {
        !api.sent(ANN).is_empty() && store.waiting() == 0
    })
    .await;
    let (message, buttons) = api.newest(ANN);
    api.trouble("editMessageText", Some(ANN), Trouble::Flood(1));
    api.presses(ANN, message, &buttons[0]);
    api.until("it is edited", |_| {
        api.calls_of("editMessageText").len() == 2 && store.waiting() == 0
    })
    .await;
    let edits = api.calls_of("editMessageText");
    assert_eq!(edits[0].text(), edits[1].text());
    assert!(edits[1].at - edits[0].at >= Duration::from_secs(1));
}

#[tokio::test]
async fn failures_before_and_after_the_effect_lose_nothing_and_keep_the_order() {
    for (trouble, requests) in [
        (Trouble::Error(500, "Internal Server Error"), 2),
        (Trouble::Error(502, "Bad Gateway"), 2),
        (Trouble::ErrorPage, 2),
        (Trouble::Reset, 2),
        (Trouble::ResetAfter, 2),
        (Trouble::Error(400, "Bad Request: chat_id is empty"), 2),
        (Trouble::Error(400, "Bad Request: message text is empty"), 2),
    ] {
        let (api, store) = (FakeApi::start().await, Gate::open());
        for text in ["one", "two"] {
            store.say(ANN, text).await;
        }
        api.trouble("sendMessage", Some(ANN), trouble.clone());
        let _service = Service::start(&api, &store);
        api.until("all is sent", |_| store.waiting() == 0).await;
        let sent = texts(&api, ANN);
        assert_eq!(sent.len(), requests + 1, "{trouble:?}");
        assert!(sent[..requests].iter().all(|text| text == "one"));
        assert_eq!(sent.last().unwrap(), "two");
        assert!(api.shows(ANN, "one") && api.shows(ANN, "two"));
    }
}

#[tokio::test]
async fn a_refused_reply_is_a_dead_letter_its_reader_is_told_and_the_chat_goes_on() {
    let (api, store) = (FakeApi::start().await, Gate::open());
    for text in ["one", "two"] {
        store.say(ANN, text).await;
    }
    let refusal = "Bad Request: message is too long";
    api.trouble("sendMessage", Some(ANN), Trouble::Error(400, refusal));
    let _service = Service::start_with(&api, &store, TOKEN, support::base());
    api.until("all is sent", |_| {
        api.sent(ANN).len() == 3 && store.waiting() == 0
    })
    .await;
    assert!(api.shows(ANN, "two"));
    let record = store.inner.load(ChatId(ANN)).unwrap().record;
    let [letter] = record.dead_letters.as_slice() else {
        panic!("{:?}", record.dead_letters);
    };
    assert!(letter.fault.contains(refusal), "{letter:?}");
}

#[tokio::test]
async fn while_150_acknowledgements_hang_presses_have_their_effect_and_later_ones_are_acknowledged()
{
    const HANGING: i64 = 150;
    let (api, store) = (FakeApi::start().await, Gate::open());
    let _service = Service::start_with(&api, &store, TOKEN, support::base());
    let chats = || 1_000..1_000 + HANGING + 20;
    for chat in chats() {
        api.says(chat, "/unbind");
    }
    api.until("all have buttons", |api| {
        chats().all(|chat| !api.newest(chat).1.is_empty()) && store.waiting() == 0
    })
    .await;
    for _ in 0..HANGING {
        api.trouble("answerCallbackQuery", None, Trouble::Hang);
    }
    let press = |chat| {
        let (message, buttons) = api.newest(chat);
        api.presses(chat, message, &buttons[0])
    };
    let (early, late) = (
        1_000..1_000 + HANGING,
        1_000 + HANGING..1_000 + HANGING + 20,
    );
    for chat in early {
        press(chat);
    }
    api.until("all of them hang, and the effects are shown", |api| {
        acknowledged(api).len() as i64 >= HANGING
            && api.calls_of("editMessageText").len() as i64 >= HANGING
    })
    .await;
    let late: Vec<_> = late.map(press).collect();
    api.until("the later ones are acknowledged", |api| {
        late.iter().all(|update| api.is_acknowledged(*update))
    })
    .await;
}

#[tokio::test]
async fn a_failed_acknowledgement_is_tried_once_more() {
    for trouble in [
        Trouble::Error(500, "Internal Server Error"),
        Trouble::Flood(1),
        Trouble::Reset,
        Trouble::ErrorPage,
    ] {
        let (api, store) = (FakeApi::start().await, Gate::open());
        let _service = Service::start(&api, &store);
        api.says(ANN, "/help");
        api.until("there is a message", |_| {
            !api.sent(ANN).is_empty() && store.waiting() == 0
        })
        .await;
        let (message, _) = api.newest(ANN);
        api.trouble("answerCallbackQuery", None, trouble);
        api.presses(ANN, message, "forged");
        api.until("it is tried twice", |api| acknowledged(api).len() == 2)
            .await;
        let queries = acknowledged(&api);
        assert_eq!(queries[0], queries[1]);
    }
}
