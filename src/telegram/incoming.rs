//! From an update as it comes over the wire to an [`Event`]. Pure; `polling` gets the updates, the assistant what is
//! made of them.
//!
//! An update is read as JSON and not as teloxide's `Update`, field by field and only the dozen that matter: Telegram adds
//! fields and kinds every month, and one entity teloxide 0.17 does not know (Bot API 10's `date_time`, say) makes it give
//! up the whole message. Here nothing can fail; what is not understood is no event, or in a private chat something the
//! bot cannot read, which gets a kind word.

use jiff::Timestamp;
use serde_json::Value;
use teloxide::types::CallbackQueryId;

use super::api::Identity;
use crate::{
    dialogue::{
        Attachment, ChatId, Command, Event, Input, MessageId, Place, Press, SentFile, UpdateId,
        UserId,
    },
    knowledge::Language,
};

/// Correcting a typo takes a moment. A message edited later than this was answered long ago, and the conversation has
/// gone on: taken as new, it would answer the wrong question.
const EDIT_WINDOW_SECONDS: i64 = 5 * 60;

/// An update that is an event of the conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct Incoming {
    /// The chat.
    pub chat: ChatId,
    /// The update it came in.
    pub update: UpdateId,
    /// What happened.
    pub event: Event,
    /// The press to be acknowledged.
    pub callback: Option<CallbackQueryId>,
    /// The album it is a part of: several pictures sent as one come as an update each.
    pub album: Option<String>,
    /// When it was said; of a press, Telegram does not tell.
    pub said_at: Option<Timestamp>,
}

/// The id of an update, whatever else there is to it: by this it is confirmed.
pub fn update_id(update: &Value) -> Option<UpdateId> {
    let id = update["update_id"].as_u64()?;
    u32::try_from(id).ok().map(UpdateId)
}

/// The group that became a supergroup, and the supergroup, if that is what an update says.
pub fn migration(update: &Value) -> Option<(ChatId, ChatId)> {
    let message = &update["message"];
    let to = message["migrate_to_chat_id"].as_i64()?;
    Some((chat(message)?, ChatId(to)))
}

/// Reads an update; `None` if there is nothing in it to react to.
pub fn read(update: &Value, me: &Identity) -> Option<Incoming> {
    let id = update_id(update)?;
    if let Some(query) = update.get("callback_query") {
        return read_press(id, query);
    }
    if let Some(message) = update.get("message") {
        return read_message(id, message, me);
    }
    let edited = update.get("edited_message")?;
    read_edit(id, edited, me)
}

/// A pressed button; also one on a message so old that Telegram does not show it to bots any more.
fn read_press(update: UpdateId, query: &Value) -> Option<Incoming> {
    let message = &query["message"];
    let place = place(&message["chat"])?;
    let press = query["data"].as_str().and_then(|data| data.parse().ok());
    let input = Input::Press {
        press: press as Option<Press>,
        message: message_id(message)?,
    };
    Some(Incoming {
        chat: chat(message)?,
        update,
        event: event(input, place, &query["from"]),
        callback: query["id"]
            .as_str()
            .map(|id| CallbackQueryId(id.to_owned())),
        album: None,
        said_at: None,
    })
}

fn read_message(update: UpdateId, message: &Value, me: &Identity) -> Option<Incoming> {
    let place = place(&message["chat"])?;
    if is_another_bot(message) {
        return None;
    }
    let input = match place {
        Place::Private => file(message).or_else(|| said(message).map(Input::from_text)),
        Place::Group => addressed(message, me)?.map(|text| said_to_us(&text)),
    };
    let input = match input {
        Some(input) => input,
        None => Input::Attachment(attachment(message)?),
    };
    Some(Incoming {
        chat: chat(message)?,
        update,
        event: Event {
            message: message_id(message),
            ..event(input, place, sender(message))
        },
        callback: None,
        album: message["media_group_id"].as_str().map(str::to_owned),
        said_at: said_at(message),
    })
}

/// An edited message counts as said anew when its words were changed right after it was sent: that is somebody mending a
/// typo, and the mended question is what they want answered. Everything else Telegram calls an edit (a live location
/// moving on, a file exchanged, an old message polished) is passed over.
fn read_edit(update: UpdateId, message: &Value, me: &Identity) -> Option<Incoming> {
    let after = message["edit_date"].as_i64()? - message["date"].as_i64()?;
    said(message)?;
    if after > EDIT_WINDOW_SECONDS {
        return None;
    }
    let incoming = read_message(update, message, me)?;
    // The words under a file are not heard, so there is nothing to mend.
    let is_file = matches!(incoming.event.input, Input::File(_));
    (!is_file).then_some(incoming)
}

/// An edited message was said when it was edited.
fn said_at(message: &Value) -> Option<Timestamp> {
    let second = message["edit_date"].as_i64();
    let second = second.or_else(|| message["date"].as_i64())?;
    Timestamp::from_second(second).ok()
}

fn message_id(message: &Value) -> Option<MessageId> {
    let id = i32::try_from(message["message_id"].as_i64()?).ok()?;
    Some(MessageId(id))
}

/// Who wrote a message. Whoever writes as a group or channel comes with the name of a bot of Telegram's, but presses
/// buttons under their own: nobody could be held to it.
fn sender(message: &Value) -> &Value {
    match message.get("sender_chat") {
        Some(_) => &Value::Null,
        None => &message["from"],
    }
}

fn chat(message: &Value) -> Option<ChatId> {
    message["chat"]["id"].as_i64().map(ChatId)
}

/// Channels are no place for a conversation.
fn place(chat: &Value) -> Option<Place> {
    match chat["type"].as_str()? {
        "private" => Some(Place::Private),
        "group" | "supergroup" => Some(Place::Group),
        _ => None,
    }
}

fn event(input: Input, place: Place, from: &Value) -> Event {
    Event {
        input,
        place,
        app_language: from["language_code"].as_str().and_then(app_language),
        message: None,
        from: from["id"].as_u64().map(UserId),
    }
}

/// `zh-hans` and `pt_BR` are `zh` and `pt`; a code of three letters is none of ours.
fn app_language(code: &str) -> Option<Language> {
    let language = code.split(['-', '_']).next()?;
    language.to_ascii_lowercase().parse().ok()
}

/// Two bots answering each other would not stop. Whoever writes as a group or channel has a bot's name, too.
fn is_another_bot(message: &Value) -> bool {
    message["from"]["is_bot"] == true && message.get("sender_chat").is_none()
}

/// The words of a message; those under a picture count.
fn said(message: &Value) -> Option<&str> {
    let text = message["text"].as_str();
    text.or_else(|| message["caption"].as_str())
}

/// What a group's message says to us: `None` if it is not for us, `Some(None)` if it has no words.
fn addressed(message: &Value, me: &Identity) -> Option<Option<String>> {
    let replied = is_reply_to_us(message, me);
    let Some(text) = said(message) else {
        return replied.then_some(None);
    };
    match command_for(text) {
        Some((_, Some(bot))) if !bot.eq_ignore_ascii_case(&me.username) => return None,
        Some((_, Some(_))) => return Some(Some(text.to_owned())),
        // `/ban` may be for any other bot of the group; ours are ours.
        Some((command, None)) if is_ours(command) => return Some(Some(text.to_owned())),
        _ => {}
    }
    let (rest, mentioned) = without_mentions(message, text, me);
    (mentioned || replied).then_some(Some(rest))
}

/// In a group, our bare name means "what can you do?".
fn said_to_us(text: &str) -> Input {
    if text.trim().is_empty() {
        return Input::Command(Command::Help, String::new());
    }
    Input::from_text(text)
}

/// A topic's messages all "reply" to the note that opened it, which may be ours.
fn is_reply_to_us(message: &Value, me: &Identity) -> bool {
    let replied = &message["reply_to_message"];
    replied["from"]["id"].as_i64() == Some(me.id) && replied.get("forum_topic_created").is_none()
}

/// `/command@bot …` → command, bot.
fn command_for(text: &str) -> Option<(&str, Option<&str>)> {
    let word = text.trim().strip_prefix('/')?.split_whitespace().next()?;
    Some(match word.split_once('@') {
        Some((command, bot)) => (command, Some(bot)),
        None => (word, None),
    })
}

fn is_ours(command: &str) -> bool {
    let mut all = Command::ALL.into_iter();
    all.any(|ours| ours.name().eq_ignore_ascii_case(command))
}

/// The text without the places that mention us, and whether there were any.
fn without_mentions(message: &Value, text: &str, me: &Identity) -> (String, bool) {
    // Entities count in UTF-16 units.
    let units: Vec<u16> = text.encode_utf16().collect();
    let entities = ["entities", "caption_entities"];
    let entities = entities.iter().find_map(|key| message[*key].as_array());
    let mut rest = Vec::with_capacity(units.len());
    let mut end = 0;
    for entity in entities.into_iter().flatten() {
        let Some((from, to)) = span(entity) else {
            continue;
        };
        let Some(mention) = units.get(from..to) else {
            continue;
        };
        if from >= end && is_mention_of(entity, &String::from_utf16_lossy(mention), me) {
            rest.extend_from_slice(&units[end..from]);
            end = to;
        }
    }
    rest.extend_from_slice(&units[end..]);
    let rest = String::from_utf16_lossy(&rest);
    (rest.trim().to_owned(), end > 0)
}

fn span(entity: &Value) -> Option<(usize, usize)> {
    let from = usize::try_from(entity["offset"].as_u64()?).ok()?;
    let length = usize::try_from(entity["length"].as_u64()?).ok()?;
    Some((from, from.checked_add(length)?))
}

fn is_mention_of(entity: &Value, text: &str, me: &Identity) -> bool {
    match entity["type"].as_str() {
        Some("mention") => text
            .strip_prefix('@')
            .is_some_and(|name| name.eq_ignore_ascii_case(&me.username)),
        Some("text_mention") => entity["user"]["id"].as_i64() == Some(me.id),
        _ => false,
    }
}

/// A file, which is what counts about its message, whatever stands below it. An animation brings a `document` along and
/// is none.
fn file(message: &Value) -> Option<Input> {
    if message.get("animation").is_some() {
        return None;
    }
    let document = message.get("document")?;
    Some(Input::File(SentFile {
        id: document["file_id"].as_str()?.to_owned(),
        name: document["file_name"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        bytes: document["file_size"].as_u64(),
    }))
}

/// What can be attached. An animation brings a `document` along, and a venue a `location`.
const ATTACHMENTS: [(&str, Attachment); 13] = [
    ("sticker", Attachment::Sticker),
    ("animation", Attachment::Sticker),
    ("dice", Attachment::Sticker),
    ("photo", Attachment::Picture),
    ("live_photo", Attachment::Picture),
    ("video", Attachment::Picture),
    ("voice", Attachment::Voice),
    ("video_note", Attachment::Voice),
    ("audio", Attachment::Voice),
    ("location", Attachment::Location),
    ("venue", Attachment::Location),
    ("contact", Attachment::Contact),
    ("document", Attachment::File),
];

/// Notes of Telegram about a chat, not said by anybody.
const SERVICE: [&str; 52] = [
    "new_chat_members",
    "left_chat_member",
    "chat_owner_left",
    "chat_owner_changed",
    "new_chat_title",
    "new_chat_photo",
    "delete_chat_photo",
    "group_chat_created",
    "supergroup_chat_created",
    "channel_chat_created",
    "message_auto_delete_timer_changed",
    "migrate_to_chat_id",
    "migrate_from_chat_id",
    "pinned_message",
    "invoice",
    "successful_payment",
    "refunded_payment",
    "users_shared",
    "chat_shared",
    "gift",
    "unique_gift",
    "gift_upgrade_sent",
    "connected_website",
    "write_access_allowed",
    "passport_data",
    "proximity_alert_triggered",
    "boost_added",
    "chat_background_set",
    "checklist_tasks_done",
    "checklist_tasks_added",
    "direct_message_price_changed",
    "forum_topic_created",
    "forum_topic_edited",
    "forum_topic_closed",
    "forum_topic_reopened",
    "general_forum_topic_hidden",
    "general_forum_topic_unhidden",
    "giveaway_created",
    "giveaway_completed",
    "managed_bot_created",
    "paid_message_price_changed",
    "poll_option_added",
    "poll_option_deleted",
    "suggested_post_approved",
    "suggested_post_approval_failed",
    "suggested_post_declined",
    "suggested_post_paid",
    "suggested_post_refunded",
    "video_chat_scheduled",
    "video_chat_started",
    "video_chat_ended",
    "video_chat_participants_invited",
];

/// What a message without words is. What nobody has heard of is taken for something a person sent: a kind word too many
/// is better than silence.
fn attachment(message: &Value) -> Option<Attachment> {
    if SERVICE.iter().any(|key| message.get(key).is_some()) {
        return None;
    }
    let known = ATTACHMENTS.iter();
    let known = known.filter(|(key, _)| message.get(key).is_some());
    Some(
        known
            .map(|(_, kind)| *kind)
            .next()
            .unwrap_or(Attachment::Other),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn me() -> Identity {
        Identity {
            id: 42,
            username: "Unbind_Bot".into(),
        }
    }

    fn person() -> Value {
        json!({"id": 7, "is_bot": false, "first_name": "Ann", "language_code": "zh-hans"})
    }

    /// A message with these fields in a chat of this type.
    fn message(chat_type: &str, fields: Value) -> Value {
        let id = if chat_type == "private" { 7 } else { -100 };
        let mut message = json!({
            "message_id": 5, "date": 1000, "from": person(), "chat": {"id": id, "type": chat_type},
        });
        let (Value::Object(all), Value::Object(fields)) = (&mut message, fields) else {
            panic!("objects");
        };
        all.extend(fields);
        message
    }

    fn input_of(update: &Value) -> Option<Input> {
        read(update, &me()).map(|incoming| incoming.event.input)
    }

    fn private(fields: Value) -> Option<Input> {
        input_of(&json!({"update_id": 1, "message": message("private", fields)}))
    }

    fn group(fields: Value) -> Option<Input> {
        input_of(&json!({"update_id": 1, "message": message("supergroup", fields)}))
    }

    fn text(text: &str) -> Option<Input> {
        Some(Input::Text(text.into()))
    }

    #[test]
    fn a_private_text_is_an_event_with_the_apps_language() {
        let update =
            json!({"update_id": 9, "message": message("private", json!({"text": "门禁卡 👍"}))});
        let incoming = read(&update, &me()).expect("an event");
        assert_eq!(incoming.chat, ChatId(7));
        assert_eq!(incoming.update, UpdateId(9));
        assert_eq!(incoming.event.place, Place::Private);
        assert_eq!(incoming.event.app_language, Some(Language::ZH));
        assert_eq!(incoming.event.input, Input::Text("门禁卡 👍".into()));
    }

    #[test]
    fn five_thousand_characters_pass_through() {
        let long = "卡".repeat(5000);
        assert_eq!(private(json!({"text": long})), text(&long));
    }

    #[test]
    fn a_field_telegram_invented_yesterday_disturbs_nothing() {
        let fields = json!({
            "text": "hi", "brand_new": {"x": 1},
            "entities": [{"type": "date_time", "offset": 0, "length": 2, "unix_time": 1}],
        });
        assert_eq!(private(fields), text("hi"));
    }

    #[test]
    fn commands_are_read_with_what_stands_behind_them() {
        let start = Some(Input::Command(Command::Start, "kb_a-b".into()));
        assert_eq!(private(json!({"text": "/start kb_a-b"})), start);
        let cards = Some(Input::Command(Command::Cards, String::new()));
        assert_eq!(private(json!({"text": "/cards@unbind_bot"})), cards);
    }

    #[test]
    fn a_press_is_read_also_on_a_message_too_old_to_be_shown() {
        for message in [
            message("private", json!({"text": "x"})),
            json!({"chat": {"id": 7, "type": "private"}, "message_id": 5, "date": 0}),
        ] {
            let query = json!({"id": "q1", "from": person(), "message": message, "data": "3.done"});
            let incoming = read(&json!({"update_id": 1, "callback_query": query}), &me());
            let incoming = incoming.expect("an event");
            let pressed = Input::Press {
                press: "3.done".parse().ok(),
                message: MessageId(5),
            };
            assert_eq!(incoming.event.input, pressed);
            assert_eq!(incoming.event.from, Some(UserId(7)));
            assert_eq!(incoming.callback, Some(CallbackQueryId("q1".into())));
        }
    }

    #[test]
    fn forged_button_data_is_a_press_that_means_nothing() {
        for data in [
            json!("drop table"),
            json!(null),
            json!("1.yes:99999999999999999999"),
        ] {
            let message = message("private", json!({}));
            let query = json!({"id": "q1", "from": person(), "message": message, "data": data});
            let input = input_of(&json!({"update_id": 1, "callback_query": query}));
            let pressed = Input::Press {
                press: None,
                message: MessageId(5),
            };
            assert_eq!(input, Some(pressed));
        }
    }

    #[test]
    fn a_typo_mended_at_once_is_said_anew_and_an_old_message_is_not() {
        let edited = |edit_date: i64, fields: Value| {
            let mut message = message("private", fields);
            message["edit_date"] = json!(edit_date);
            input_of(&json!({"update_id": 1, "edited_message": message}))
        };
        assert_eq!(edited(1300, json!({"text": "card"})), text("card"));
        assert_eq!(edited(1301, json!({"text": "card"})), None);
        let moving = json!({"location": {"latitude": 1.0, "longitude": 1.0, "live_period": 600}});
        assert_eq!(edited(1010, moving), None);
    }

    #[test]
    fn what_is_not_text_is_an_attachment_and_a_caption_counts_as_text() {
        for (fields, kind) in [
            (json!({"sticker": {}}), Attachment::Sticker),
            (
                json!({"animation": {}, "document": {}}),
                Attachment::Sticker,
            ),
            (json!({"photo": []}), Attachment::Picture),
            (json!({"voice": {}}), Attachment::Voice),
            (json!({"venue": {}, "location": {}}), Attachment::Location),
            // Without an id it cannot be fetched.
            (json!({"document": {}}), Attachment::File),
            (json!({"contact": {}}), Attachment::Contact),
            (json!({"poll": {}}), Attachment::Other),
            (json!({"from_the_future": {}}), Attachment::Other),
        ] {
            assert_eq!(private(fields), Some(Input::Attachment(kind)), "{kind:?}");
        }
        let captioned = json!({"photo": [], "caption": "is it gone?"});
        assert_eq!(private(captioned), text("is it gone?"));
    }

    fn file(caption: Value) -> Value {
        json!({
            "document": {"file_id": "F1", "file_name": "cards 卡.json", "file_size": 5_000_000_000_u64},
            "caption": caption,
        })
    }

    #[test]
    fn a_private_document_is_a_file_with_or_without_words_below_it() {
        let sent = Some(Input::File(SentFile {
            id: "F1".into(),
            name: "cards 卡.json".into(),
            bytes: Some(5_000_000_000),
        }));
        assert_eq!(private(file(Value::Null)), sent);
        assert_eq!(private(file(json!("my cards"))), sent);
        assert_eq!(private(file(json!("/cards"))), sent);
        let bare = private(json!({"document": {"file_id": "F1"}}));
        let nameless = SentFile {
            id: "F1".into(),
            name: String::new(),
            bytes: None,
        };
        assert_eq!(bare, Some(Input::File(nameless)));
    }

    #[test]
    fn an_animation_is_no_file_though_it_brings_one_along() {
        let mut fields = file(Value::Null);
        fields["animation"] = json!({"file_id": "F1"});
        assert_eq!(
            private(fields.clone()),
            Some(Input::Attachment(Attachment::Sticker))
        );
        fields["caption"] = json!("is it gone?");
        assert_eq!(private(fields), text("is it gone?"));
    }

    #[test]
    fn in_a_group_a_document_is_an_attachment_and_its_caption_is_heard() {
        let mut fields = file(Value::Null);
        fields["reply_to_message"] = json!({"from": {"id": 42}, "text": "?"});
        assert_eq!(
            group(fields.clone()),
            Some(Input::Attachment(Attachment::File))
        );
        fields["caption"] = json!("is it gone?");
        assert_eq!(group(fields), text("is it gone?"));
        assert_eq!(group(file(json!("is it gone?"))), None);
    }

    #[test]
    fn new_words_under_a_file_do_not_send_it_again() {
        let mut message = message("private", file(json!("my cards")));
        message["edit_date"] = json!(1010);
        let update = json!({"update_id": 1, "edited_message": message});
        assert_eq!(input_of(&update), None);
    }

    #[test]
    fn what_is_typed_or_attached_is_known_by_its_message_and_its_sender() {
        let ours = json!({"from": {"id": 42}, "text": "?"});
        let event = |chat_type: &str, fields: Value| {
            let update = json!({"update_id": 1, "message": message(chat_type, fields)});
            read(&update, &me()).expect("an event").event
        };
        for (chat_type, fields) in [
            ("private", json!({"text": "hi"})),
            ("private", json!({"text": "/cards"})),
            ("private", json!({"sticker": {}})),
            ("private", file(Value::Null)),
            ("group", json!({"text": "yes", "reply_to_message": ours})),
            (
                "supergroup",
                json!({"sticker": {}, "reply_to_message": ours}),
            ),
        ] {
            let event = event(chat_type, fields);
            assert_eq!(event.message, Some(MessageId(5)), "{event:?}");
            assert_eq!(event.from, Some(UserId(7)), "{event:?}");
        }
        let mut edited = message("private", json!({"text": "hi"}));
        edited["edit_date"] = json!(1010);
        let edited = read(&json!({"update_id": 1, "edited_message": edited}), &me());
        assert_eq!(edited.expect("an event").event.message, Some(MessageId(5)));
    }

    #[test]
    fn whoever_writes_as_the_group_is_nobody_in_particular() {
        let fields = json!({
            "text": "/help", "sender_chat": {"id": -100, "type": "supergroup"},
            "from": {"id": 1_087_968_824, "is_bot": true, "username": "GroupAnonymousBot"},
        });
        let update = json!({"update_id": 1, "message": message("supergroup", fields)});
        let event = read(&update, &me()).expect("an event").event;
        assert_eq!(event.from, None);
    }

    #[test]
    fn notes_of_telegram_channels_and_other_bots_are_no_events() {
        assert_eq!(private(json!({"pinned_message": {}})), None);
        assert_eq!(group(json!({"new_chat_members": [{"id": 42}]})), None);
        let channel = message("channel", json!({"text": "x"}));
        assert_eq!(
            input_of(&json!({"update_id": 1, "channel_post": channel})),
            None
        );
        assert_eq!(
            input_of(&json!({"update_id": 1, "my_chat_member": {}})),
            None
        );
        let bot = json!({"text": "hi", "from": {"id": 8, "is_bot": true}});
        assert_eq!(private(bot), None);
    }

    #[test]
    fn in_a_group_only_what_is_addressed_to_us_is_heard() {
        assert_eq!(group(json!({"text": "how do I unbind?"})), None);
        assert_eq!(group(json!({"text": "/ban"})), None);
        assert_eq!(group(json!({"text": "/help@other_bot"})), None);
        assert_eq!(group(json!({"sticker": {}})), None);
        let help = Some(Input::Command(Command::Help, String::new()));
        assert_eq!(group(json!({"text": "/help"})), help);
        assert_eq!(group(json!({"text": "/help@unbind_bot"})), help);
        let unknown = Some(Input::UnknownCommand("ban".into()));
        assert_eq!(group(json!({"text": "/ban@unbind_bot"})), unknown);
    }

    #[test]
    fn an_answer_to_our_message_is_for_us_but_a_topic_is_not() {
        let ours = json!({"message_id": 4, "from": {"id": 42, "is_bot": true}, "text": "?"});
        assert_eq!(
            group(json!({"text": "yes", "reply_to_message": ours})),
            text("yes")
        );
        let sticker = json!({"sticker": {}, "reply_to_message": ours});
        assert_eq!(group(sticker), Some(Input::Attachment(Attachment::Sticker)));
        let topic = json!({"from": {"id": 42}, "forum_topic_created": {"name": "x"}});
        assert_eq!(
            group(json!({"text": "yes", "reply_to_message": topic})),
            None
        );
        let theirs = json!({"from": {"id": 8}, "text": "?"});
        assert_eq!(
            group(json!({"text": "yes", "reply_to_message": theirs})),
            None
        );
    }

    #[test]
    fn our_name_is_taken_out_of_what_is_said_to_us() {
        let mention = |offset: u64, length: u64| json!([{"type": "mention", "offset": offset, "length": length}]);
        let said = json!({"text": "👍 @unbind_bot 怎么解绑", "entities": mention(3, 11)});
        assert_eq!(group(said), text("👍  怎么解绑"));
        let bare = json!({"text": "@unbind_bot", "entities": mention(0, 11)});
        assert_eq!(
            group(bare),
            Some(Input::Command(Command::Help, String::new()))
        );
        let other = json!({"text": "@other_bot hi", "entities": mention(0, 10)});
        assert_eq!(group(other), None);
        let beyond = json!({"text": "@unbind_bot", "entities": mention(5, 1 << 40)});
        assert_eq!(group(beyond), None);
        let caption = json!({"photo": [], "caption": "@unbind_bot what is this?", "caption_entities": mention(0, 11)});
        assert_eq!(group(caption), text("what is this?"));
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let key = prop::sample::select(vec![
            "update_id",
            "message",
            "edited_message",
            "callback_query",
            "chat",
            "id",
            "type",
            "text",
            "entities",
            "offset",
            "length",
            "from",
            "data",
            "message_id",
            "date",
            "edit_date",
            "reply_to_message",
            "caption",
            "document",
            "file_id",
            "sender_chat",
        ]);
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            (0_u64..40).prop_map(Value::from),
            "[@/a-z👍 ]{0,8}".prop_map(Value::from),
            Just(json!("private")),
            Just(json!("group")),
            Just(json!("mention")),
        ];
        leaf.prop_recursive(5, 80, 6, move |inner| {
            let map = prop::collection::vec((key.clone(), inner.clone()), 0..8);
            prop_oneof![
                prop::collection::vec(inner, 0..4).prop_map(Value::from),
                map.prop_map(|pairs| pairs.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_json_whatsoever_makes_the_reader_fall(update in any_json()) {
            let _ = read(&update, &me());
            let _ = update_id(&update);
        }
    }
}
