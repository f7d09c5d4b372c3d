//! Translates an update into an [`Event`]. Pure.
//!
//! An update is parsed by `wire` and not as teloxide's `Update`: Telegram adds fields and kinds every month, and a
//! single unknown entity (Bot API 10's `date_time`, for example) makes teloxide 0.17 reject the whole message. Here
//! nothing can fail: what is not understood is no event, or in a private chat an unreadable message, which is answered.

use jiff::Timestamp;
use teloxide::types::CallbackQueryId;

use super::{
    api::Identity,
    wire::{CallbackQuery, Chat, Entity, Message, Update, User},
};
use crate::{
    dialogue::{
        AttachmentKind, ChatId, Command, CommandText, CommandWords, Event, Input, MessageId, Place,
        Press, SentAs, SentFile, Thread, ThreadId, UpdateId, UserId, split_command,
    },
    knowledge::Language,
};

/// An edit later than this is not answered: the original message was answered long ago, and the conversation has gone on.
const EDIT_WINDOW_SECONDS: i64 = 5 * 60;

#[derive(Debug, Clone, PartialEq)]
pub struct Incoming {
    pub chat: ChatId,
    pub update: UpdateId,
    pub event: Event,
    /// The press to acknowledge.
    pub callback: Option<CallbackQueryId>,
    /// The album: its pictures come in an update each.
    pub album: Option<String>,
    /// When the message was sent; unknown for a press.
    pub said_at: Option<Timestamp>,
}

/// The old and new ids if the update says that a group became a supergroup.
pub fn migration(update: &Update) -> Option<(ChatId, ChatId)> {
    let message = update.message.as_ref()?;
    let to = message.migrate_to_chat_id?;
    Some((chat_id(message)?, ChatId(to)))
}

/// The press in an update, to acknowledge it. An app shows that a press is under way until then, also where the press is
/// no event: in a channel, or below a message that this bot did not send.
pub fn press_id(update: &Update) -> Option<CallbackQueryId> {
    let query = update.callback_query.as_ref()?;
    query.id.clone().map(CallbackQueryId)
}

/// Translates an update; `None` if there is nothing to handle. `words` stand for commands, besides their names.
pub fn read(update: &Update, me: &Identity, words: &CommandWords) -> Option<Incoming> {
    let id = update.id()?;
    if let Some(query) = &update.callback_query {
        return read_press(id, query);
    }
    let reader = Reader { me, words };
    if let Some(message) = &update.message {
        return reader.read_message(id, message);
    }
    reader.read_edit(id, update.edited_message.as_ref()?)
}

/// A press, possibly on a message so old that Telegram does not show it to bots.
fn read_press(update: UpdateId, query: &CallbackQuery) -> Option<Incoming> {
    let message = query.message.as_ref()?;
    let place = place_of(message)?;
    let press = query.data.as_ref().and_then(|data| data.parse().ok());
    let input = Input::Press {
        press: press as Option<Press>,
        message: message_id(message)?,
    };
    Some(Incoming {
        chat: chat_id(message)?,
        update,
        event: Event {
            thread: thread_of(message, place),
            ..event_from(input, place, query.from.as_ref())
        },
        callback: query.id.clone().map(CallbackQueryId),
        album: None,
        said_at: None,
    })
}

/// What reading a message depends on besides the message.
#[derive(Clone, Copy)]
struct Reader<'a> {
    me: &'a Identity,
    words: &'a CommandWords,
}

impl Reader<'_> {
    fn read_message(self, update: UpdateId, message: &Message) -> Option<Incoming> {
        let place = place_of(message)?;
        if is_another_bot(message) || message.is_automatic_forward == Some(true) {
            return None;
        }
        let input = match place {
            Place::Private => {
                read_file(message).or_else(|| text_of_message(message).map(Input::from_text))
            }
            Place::Group => match self.addressed(message) {
                Addressed::No => return None,
                Addressed::WithoutText => None,
                Addressed::Text(text) => Some(read_group_text(&text)),
            },
        };
        let input = match input {
            Some(input) => input,
            None => Input::Attachment(attachment_kind(message)?),
        };
        Some(Incoming {
            chat: chat_id(message)?,
            update,
            event: Event {
                thread: thread_of(message, place),
                message: message_id(message),
                sent_as: sent_as(message),
                ..event_from(input, place, sender_of(message))
            },
            callback: None,
            album: message.media_group_id.clone(),
            said_at: said_at(message),
        })
    }

    /// An edited message is an event if its text was changed right after it was sent, to correct a typo. Of an older
    /// message, and of the caption of a file, the new text is only searched for secrets. Edits without text, such as a
    /// moving live location, are ignored.
    fn read_edit(self, update: UpdateId, message: &Message) -> Option<Incoming> {
        let after = message.edit_date?.saturating_sub(message.date?);
        let text = text_of_message(message)?;
        let mut incoming = self.read_message(update, message)?;
        incoming.event.sent_as = SentAs::Edit;
        let is_file = matches!(incoming.event.input, Input::File(_));
        if is_file || after > EDIT_WINDOW_SECONDS {
            incoming.event.input = Input::LateEdit(text.to_owned());
        }
        Some(incoming)
    }

    fn addressed(self, message: &Message) -> Addressed {
        let replied = is_reply_to_us(message, self.me);
        let Some(text) = text_of_message(message) else {
            return if replied {
                Addressed::WithoutText
            } else {
                Addressed::No
            };
        };
        if let Some(command) = split_command(text) {
            match command.bot {
                Some(bot) if bot.eq_ignore_ascii_case(&self.me.username) => {
                    return Addressed::Text(text.to_owned());
                }
                Some(_) if command.is_plain => return Addressed::No,
                // A command without a bot's name may be meant for another bot of the group, unless it is one of ours.
                None if self.is_ours(&command) => return Addressed::Text(text.to_owned()),
                Some(_) | None => {}
            }
        }
        let (rest, mentioned) = without_mentions(message, text, self.me);
        if mentioned || replied {
            Addressed::Text(rest)
        } else {
            Addressed::No
        }
    }

    fn is_ours(self, command: &CommandText<'_>) -> bool {
        self.words.find(&command.name).is_some()
    }
}

/// When the message that an update brings was written or edited.
pub fn delivered_date(update: &Update) -> Option<Timestamp> {
    let message = update.message.as_ref().or(update.edited_message.as_ref());
    said_at(message?)
}

/// When the message was written whose button was pressed; 0 for one that is no longer accessible.
pub fn pressed_date(update: &Update) -> Option<Timestamp> {
    said_at(update.callback_query.as_ref()?.message.as_ref()?)
}

/// Fields of a message that was written elsewhere; the second is that of older servers.
const ELSEWHERE: [&str; 3] = ["forward_origin", "forward_date", "via_bot"];

fn sent_as(message: &Message) -> SentAs {
    if ELSEWHERE.iter().any(|field| message.has_other(field)) {
        SentAs::Forward
    } else {
        SentAs::New
    }
}

fn said_at(message: &Message) -> Option<Timestamp> {
    let second = message.edit_date.or(message.date)?;
    Timestamp::from_second(second).ok()
}

fn message_id(message: &Message) -> Option<MessageId> {
    message.message_id.map(MessageId)
}

/// The sender of a message. A message on behalf of a group or channel has a technical bot as its sender, but its author
/// presses buttons under their own id: nothing can be kept for them alone.
fn sender_of(message: &Message) -> Option<&User> {
    match message.sender_chat {
        Some(_) => None,
        None => message.from.as_ref(),
    }
}

fn chat_id(message: &Message) -> Option<ChatId> {
    message.chat.as_ref()?.id.map(ChatId)
}

/// `None` for channels, which are not supported.
fn place_of(message: &Message) -> Option<Place> {
    let Chat { kind, .. } = message.chat.as_ref()?;
    match kind.as_deref()? {
        "private" => Some(Place::Private),
        "group" | "supergroup" => Some(Place::Group),
        _ => None,
    }
}

/// The topic of a forum or a private chat, or in a group a comments or reply thread, whose ids look alike.
fn thread_of(message: &Message, place: Place) -> Option<Thread> {
    let id = ThreadId(message.message_thread_id?);
    let is_topic = message.is_topic_message.unwrap_or_default();
    match place {
        _ if is_topic => Some(Thread::Topic(id)),
        Place::Group => Some(Thread::Comments(id)),
        Place::Private => None,
    }
}

fn event_from(input: Input, place: Place, from: Option<&User>) -> Event {
    let language = from.and_then(|from| from.language_code.as_deref());
    let id = from.and_then(|from| u64::try_from(from.id?).ok());
    Event {
        input,
        place,
        thread: None,
        app_language: language.and_then(app_language),
        message: None,
        from: id.map(UserId),
        sent_as: SentAs::New,
    }
}

/// `zh-hans` and `pt_BR` are `zh` and `pt`.
fn app_language(code: &str) -> Option<Language> {
    let language = code.split(['-', '_']).next()?;
    language.to_ascii_lowercase().parse().ok()
}

/// Two bots answering each other would never stop. A message on behalf of a group or channel has a bot as its sender,
/// too.
fn is_another_bot(message: &Message) -> bool {
    let from = message.from.as_ref();
    from.is_some_and(|from| from.is_bot == Some(true)) && message.sender_chat.is_none()
}

/// The text of a message, or the caption of its picture.
fn text_of_message(message: &Message) -> Option<&str> {
    message.text.as_deref().or(message.caption.as_deref())
}

/// Whether a group's message is addressed to the bot, and its text without mentions.
enum Addressed {
    No,
    WithoutText,
    Text(String),
}

/// A mention without further text asks for help.
fn read_group_text(text: &str) -> Input {
    if text.trim().is_empty() {
        return Input::Command(Command::Help, String::new());
    }
    Input::from_text(text)
}

/// All messages of a topic "reply" to the service message that opened it, which may be the bot's.
fn is_reply_to_us(message: &Message, me: &Identity) -> bool {
    let Some(replied) = &message.reply_to_message else {
        return false;
    };
    is_us(replied.from.as_ref(), me) && replied.forum_topic_created.is_none()
}

fn is_us(user: Option<&User>, me: &Identity) -> bool {
    user.is_some_and(|user| user.id == Some(me.id))
}

/// The text without mentions of the bot, and whether there were any.
fn without_mentions(message: &Message, text: &str, me: &Identity) -> (String, bool) {
    // Entities count in UTF-16 units.
    let units: Vec<u16> = text.encode_utf16().collect();
    let entities = message.entities.as_ref();
    let entities = entities.or(message.caption_entities.as_ref());
    let mut rest = Vec::with_capacity(units.len());
    let mut end = 0;
    for entity in entities.into_iter().flatten() {
        let Some((from, to)) = entity_span(entity) else {
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

fn entity_span(entity: &Entity) -> Option<(usize, usize)> {
    let from = entity.offset?;
    Some((from, from.checked_add(entity.length?)?))
}

fn is_mention_of(entity: &Entity, text: &str, me: &Identity) -> bool {
    match entity.kind.as_deref() {
        Some("mention") => text
            .strip_prefix('@')
            .is_some_and(|name| name.eq_ignore_ascii_case(&me.username)),
        Some("text_mention") => is_us(entity.user.as_ref(), me),
        _ => false,
    }
}

/// A file with its caption. An animation has a `document` as well.
fn read_file(message: &Message) -> Option<Input> {
    if message.has_other("animation") {
        return None;
    }
    let document = message.document.as_ref()?;
    Some(Input::File(SentFile {
        id: document.file_id.clone()?,
        name: document.file_name.clone().unwrap_or_default(),
        bytes: document.file_size,
        caption: message.caption.clone(),
    }))
}

/// Fields of attachments besides `document`. A venue has a `location` as well.
const ATTACHMENTS: [(&str, AttachmentKind); 12] = [
    ("sticker", AttachmentKind::Sticker),
    ("animation", AttachmentKind::Sticker),
    ("dice", AttachmentKind::Sticker),
    ("photo", AttachmentKind::Picture),
    ("live_photo", AttachmentKind::Picture),
    ("video", AttachmentKind::Picture),
    ("voice", AttachmentKind::Voice),
    ("video_note", AttachmentKind::Voice),
    ("audio", AttachmentKind::Voice),
    ("location", AttachmentKind::Location),
    ("venue", AttachmentKind::Location),
    ("contact", AttachmentKind::Contact),
];

/// Fields of service messages, besides `migrate_to_chat_id`.
const SERVICE_FIELDS: [&str; 51] = [
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

/// The kind of a message without text; `None` for service messages. An unknown kind counts as something a person sent,
/// so that it is answered.
fn attachment_kind(message: &Message) -> Option<AttachmentKind> {
    let is_service = message.migrate_to_chat_id.is_some()
        || SERVICE_FIELDS.iter().any(|field| message.has_other(field));
    if is_service {
        return None;
    }
    let known = ATTACHMENTS
        .iter()
        .find(|(field, _)| message.has_other(field));
    let file = message.document.as_ref().map(|_| AttachmentKind::File);
    Some(
        known
            .map(|(_, kind)| *kind)
            .or(file)
            .unwrap_or(AttachmentKind::Other),
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::knowledge::Lines;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn read(update: &Value, me: &Identity) -> Option<Incoming> {
        let words = CommandWords::new(&Lines::new(&BTreeMap::new()));
        super::read(&Update::read(update.clone()), me, &words)
    }

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
    fn unknown_fields_and_entities_are_ignored() {
        let fields = json!({
            "text": "hi", "brand_new": {"x": 1},
            "entities": [{"type": "date_time", "offset": 0, "length": 2, "unix_time": 1}],
        });
        assert_eq!(private(fields), text("hi"));
    }

    #[test]
    fn commands_are_read_with_their_arguments() {
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
    fn a_quick_edit_counts_as_a_new_message_and_a_late_one_does_not() {
        let edited = |edit_date: i64, fields: Value| {
            let mut message = message("private", fields);
            message["edit_date"] = json!(edit_date);
            input_of(&json!({"update_id": 1, "edited_message": message}))
        };
        assert_eq!(edited(1300, json!({"text": "card"})), text("card"));
        let late = Some(Input::LateEdit("card".into()));
        assert_eq!(edited(1301, json!({"text": "card"})), late);
        assert_eq!(edited(1301, json!({"photo": [], "caption": "card"})), late);
        let moving = json!({"location": {"latitude": 1.0, "longitude": 1.0, "live_period": 600}});
        assert_eq!(edited(1010, moving), None);
    }

    #[test]
    fn an_event_says_whether_it_was_written_here_and_now() {
        let sent_as = |kind: &str, fields: Value| {
            let mut message = message("private", fields);
            message["text"] = json!("yes");
            message["edit_date"] = json!(1010);
            let update = json!({"update_id": 1, kind: message});
            read(&update, &me()).expect("an event").event.sent_as
        };
        assert_eq!(sent_as("message", json!({})), SentAs::New);
        for field in ["forward_origin", "forward_date", "via_bot"] {
            assert_eq!(sent_as("message", json!({field: {}})), SentAs::Forward);
        }
        assert_eq!(sent_as("edited_message", json!({})), SentAs::Edit);
        let via_bot = json!({"via_bot": {"id": 8}});
        assert_eq!(sent_as("edited_message", via_bot), SentAs::Edit);
    }

    #[test]
    fn a_slash_of_another_keyboard_addresses_the_bot_only_before_a_command() {
        let help = Some(Input::Command(Command::Help, String::new()));
        for said in [
            "／help",
            "、help",
            "/help。",
            "\u{200e}/help",
            "、help@unbind_bot",
        ] {
            assert_eq!(group(json!({"text": said})), help, "{said:?}");
        }
        // A word for a command becomes one where the lines are known.
        assert_eq!(group(json!({"text": "、帮助"})), text("、帮助"));
        for said in [
            "、还有一个问题",
            "／ban",
            "、help@other_bot",
            "/help@other_bot",
        ] {
            assert_eq!(group(json!({"text": said})), None, "{said:?}");
        }
    }

    #[test]
    fn a_message_without_text_is_an_attachment_and_a_caption_counts_as_text() {
        for (fields, kind) in [
            (json!({"sticker": {}}), AttachmentKind::Sticker),
            (
                json!({"animation": {}, "document": {}}),
                AttachmentKind::Sticker,
            ),
            (json!({"photo": []}), AttachmentKind::Picture),
            (json!({"voice": {}}), AttachmentKind::Voice),
            (
                json!({"venue": {}, "location": {}}),
                AttachmentKind::Location,
            ),
            // Without an id it cannot be fetched.
            (json!({"document": {}}), AttachmentKind::File),
            (json!({"contact": {}}), AttachmentKind::Contact),
            (json!({"poll": {}}), AttachmentKind::Other),
            (json!({"from_the_future": {}}), AttachmentKind::Other),
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
    fn a_private_document_is_a_file_with_or_without_a_caption() {
        let sent = |caption: Option<&str>| {
            Some(Input::File(SentFile {
                id: "F1".into(),
                name: "cards 卡.json".into(),
                bytes: Some(5_000_000_000),
                caption: caption.map(str::to_owned),
            }))
        };
        assert_eq!(private(file(Value::Null)), sent(None));
        for caption in ["my cards", "/cards"] {
            assert_eq!(private(file(json!(caption))), sent(Some(caption)));
        }
        let bare = private(json!({"document": {"file_id": "F1"}}));
        let nameless = SentFile {
            id: "F1".into(),
            name: String::new(),
            bytes: None,
            caption: None,
        };
        assert_eq!(bare, Some(Input::File(nameless)));
    }

    #[test]
    fn an_animation_is_no_file_although_it_has_a_document() {
        let mut fields = file(Value::Null);
        fields["animation"] = json!({"file_id": "F1"});
        assert_eq!(
            private(fields.clone()),
            Some(Input::Attachment(AttachmentKind::Sticker))
        );
        fields["caption"] = json!("is it gone?");
        assert_eq!(private(fields), text("is it gone?"));
    }

    #[test]
    fn in_a_group_a_document_is_an_attachment_and_its_caption_counts() {
        let mut fields = file(Value::Null);
        fields["reply_to_message"] = json!({"from": {"id": 42}, "text": "?"});
        assert_eq!(
            group(fields.clone()),
            Some(Input::Attachment(AttachmentKind::File))
        );
        fields["caption"] = json!("is it gone?");
        assert_eq!(group(fields), text("is it gone?"));
        assert_eq!(group(file(json!("is it gone?"))), None);
    }

    #[test]
    fn an_edited_caption_does_not_send_its_file_again() {
        let mut message = message("private", file(json!("my cards")));
        message["edit_date"] = json!(1010);
        let update = json!({"update_id": 1, "edited_message": message});
        let edit = Some(Input::LateEdit("my cards".into()));
        assert_eq!(input_of(&update), edit);
    }

    #[test]
    fn an_event_names_its_message_and_its_sender() {
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
    fn a_message_on_behalf_of_the_group_names_no_person() {
        let fields = json!({
            "text": "/help", "sender_chat": {"id": -100, "type": "supergroup"},
            "from": {"id": 1_087_968_824, "is_bot": true, "username": "GroupAnonymousBot"},
        });
        let update = json!({"update_id": 1, "message": message("supergroup", fields)});
        let event = read(&update, &me()).expect("an event").event;
        assert_eq!(event.from, None);
    }

    #[test]
    fn service_messages_channels_and_other_bots_are_no_events() {
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
    fn in_a_group_only_messages_addressed_to_the_bot_are_events() {
        assert_eq!(group(json!({"text": "how do I unbind?"})), None);
        assert_eq!(group(json!({"text": "/ban"})), None);
        assert_eq!(group(json!({"text": "/help@other_bot"})), None);
        assert_eq!(group(json!({"sticker": {}})), None);
        let help = Some(Input::Command(Command::Help, String::new()));
        assert_eq!(group(json!({"text": "/help"})), help);
        assert_eq!(group(json!({"text": "/help@unbind_bot"})), help);
        let unknown = Some(Input::UnknownCommand("/ban@unbind_bot".into()));
        assert_eq!(group(json!({"text": "/ban@unbind_bot"})), unknown);
    }

    #[test]
    fn a_reply_to_the_bot_is_addressed_to_it_but_a_topic_it_opened_is_not() {
        let ours = json!({"message_id": 4, "from": {"id": 42, "is_bot": true}, "text": "?"});
        assert_eq!(
            group(json!({"text": "yes", "reply_to_message": ours})),
            text("yes")
        );
        let sticker = json!({"sticker": {}, "reply_to_message": ours});
        assert_eq!(
            group(sticker),
            Some(Input::Attachment(AttachmentKind::Sticker))
        );
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
    fn mentions_of_the_bot_are_removed_from_the_text() {
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

    #[test]
    fn an_event_names_its_topic_or_thread() {
        let topic = json!({"message_thread_id": 9, "is_topic_message": true});
        let comments = json!({"message_thread_id": 9});
        let said = |chat_type: &str, fields: &Value| {
            let mut message = message(chat_type, fields.clone());
            message["text"] = json!("/help");
            let update = json!({"update_id": 1, "message": message});
            read(&update, &me()).expect("an event").event.thread
        };
        let pressed = |fields: &Value| {
            let message = message("supergroup", fields.clone());
            let query = json!({"id": "q1", "from": person(), "message": message, "data": "3.done"});
            let update = json!({"update_id": 1, "callback_query": query});
            read(&update, &me()).expect("an event").event.thread
        };
        let (in_topic, in_comments) = (
            Some(Thread::Topic(ThreadId(9))),
            Some(Thread::Comments(ThreadId(9))),
        );
        assert_eq!(said("supergroup", &topic), in_topic);
        assert_eq!(said("private", &topic), in_topic);
        assert_eq!(said("supergroup", &comments), in_comments);
        assert_eq!(said("private", &comments), None);
        assert_eq!(said("supergroup", &json!({})), None);
        assert_eq!(pressed(&topic), in_topic);
        assert_eq!(pressed(&comments), in_comments);
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
            let _ = migration(&Update::read(update));
        }
    }
}
