//! Renders a [`Reply`] as requests, in order, within Telegram's limits for messages and buttons. Pure; `outbox` decides
//! when they are sent, and in which [`Form`] after Telegram refused one.

mod html;

use teloxide::{
    payloads::{
        DeleteMessage, EditMessageText, EditMessageTextSetters, SendMessage, SendMessageSetters,
    },
    types::{
        self, InlineKeyboardButton, InlineKeyboardButtonKind, InlineKeyboardMarkup, KeyboardRemove,
        LinkPreviewOptions, ParseMode,
    },
};

pub use self::html::MAX_TEXT;
use self::html::{split_text, to_html, to_plain_text};
use super::{
    api::{Upload, UploadKind},
    qr,
};
use crate::{
    dialogue::{
        Action, Address, Attachment, Button, ChatId, MessageId, Reply, ReplyTo, ThreadId,
        choice::MAX_DATA_BYTES,
    },
    markup::RichText,
};

/// The apps cut longer labels in the middle of a word.
const MAX_LABEL: usize = 64;
/// Telegram's limit for a keyboard.
const MAX_BUTTONS: usize = 100;
/// See [`MAX_BUTTONS`].
const MAX_BUTTONS_A_ROW: usize = 8;
/// Telegram's limit for what follows `?start=`.
const MAX_PAYLOAD: usize = 64;
/// Telegram's limit for a file a bot sends.
const MAX_FILE: usize = 50 * 1024 * 1024;
/// The apps and some systems cut longer file names.
const MAX_FILE_NAME: usize = 64;
/// Used for empty messages and labels, which Telegram refuses.
const PLACEHOLDER: &str = "…";

/// How much formatting is kept after Telegram refused a message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Form {
    #[default]
    Rich,
    /// Without markup.
    Plain,
    /// Without markup and buttons.
    Bare,
}

/// A request that is part of a reply.
#[derive(Debug, Clone, PartialEq)]
pub enum Outgoing {
    /// Deletes a message of the person.
    Deletion(DeleteMessage),
    /// A file, sent as its own message.
    Attachment(Upload),
    New(SendMessage),
    /// Edits a message.
    Edit(EditMessageText),
    /// Takes away the keyboard below the input field. Telegram does that only with a message, and such a message can
    /// neither have buttons nor be edited, so this one is deleted again as soon as it is sent.
    KeyboardRemoval(SendMessage),
    /// Downloads a file for the record that wrote the row; shows nothing.
    Download {
        chat: ChatId,
        file: String,
    },
}

impl Outgoing {
    pub fn to(&self) -> Address {
        let thread = match self {
            Self::Attachment(upload) => upload.thread,
            Self::New(message) | Self::KeyboardRemoval(message) => {
                message.message_thread_id.map(|thread| ThreadId(thread.0.0))
            }
            Self::Deletion(_) | Self::Edit(_) | Self::Download { .. } => None,
        };
        Address::telegram(self.chat()).in_topic(thread)
    }

    fn chat(&self) -> ChatId {
        let recipient = match self {
            Self::Attachment(upload) => return upload.chat,
            Self::Download { chat, .. } => return *chat,
            Self::Deletion(deletion) => &deletion.chat_id,
            Self::New(message) | Self::KeyboardRemoval(message) => &message.chat_id,
            Self::Edit(edit) => &edit.chat_id,
        };
        match recipient {
            types::Recipient::Id(chat) => ChatId(chat.0),
            // Requests made here name chats only by their ids.
            types::Recipient::ChannelUsername(_) => ChatId::TERMINAL,
        }
    }
}

/// Where and how a reply is rendered.
#[derive(Debug, Clone, Copy)]
pub struct RenderOptions<'a> {
    pub chat: ChatId,
    pub thread: Option<ThreadId>,
    pub reply_to: Option<ReplyTo>,
    /// The bot's username, for links into the private chat.
    pub bot: &'a str,
    pub form: Form,
    /// Sends a new message even if the reply replaces one.
    pub as_new: bool,
}

impl<'a> RenderOptions<'a> {
    /// In a chat, outside of any topic, with all formatting.
    pub fn new(chat: ChatId, bot: &'a str) -> Self {
        Self {
            chat,
            thread: None,
            reply_to: None,
            bot,
            form: Form::Rich,
            as_new: false,
        }
    }
}

/// The requests of a reply, in order: at least one, and the same number in every form.
pub fn render(reply: &Reply, options: RenderOptions<'_>) -> Vec<Outgoing> {
    let mut requests = Vec::new();
    requests.extend(reply.deletes.map(|message| deletion(message, options)));
    requests.extend(reply.removes_keyboard.then(|| keyboard_removal(options)));
    let attachment = reply.attachment.as_ref();
    let upload = attachment.and_then(|attachment| upload(attachment, options.chat));
    let below = RenderOptions {
        // A new file moves the message to be replaced out of sight.
        as_new: options.as_new || upload.is_some(),
        ..options
    };
    requests.extend(upload.map(Outgoing::Attachment));
    requests.extend(messages(reply, below));
    requests.extend(reply.downloads.clone().map(|file| Outgoing::Download {
        chat: options.chat,
        file,
    }));
    set_destination(&mut requests, options);
    requests
}

/// Sends new messages to the topic, and the first of them (or all) as replies.
fn set_destination(requests: &mut [Outgoing], options: RenderOptions<'_>) {
    let mut reply_to = options.reply_to;
    for request in requests {
        let parameters = reply_to.map(reply_parameters);
        match request {
            Outgoing::New(message) => {
                message.message_thread_id = options.thread.map(thread_id);
                message.reply_parameters = parameters;
            }
            Outgoing::KeyboardRemoval(message) => {
                message.message_thread_id = options.thread.map(thread_id);
                // In comments, it takes a reply to stay there; elsewhere the answer itself is the reply.
                let throughout = reply_to.filter(|reply_to| reply_to.throughout);
                message.reply_parameters = throughout.map(reply_parameters);
                continue;
            }
            Outgoing::Attachment(upload) => {
                upload.thread = options.thread;
                upload.reply_to = parameters;
            }
            Outgoing::Deletion(_) | Outgoing::Edit(_) | Outgoing::Download { .. } => continue,
        }
        reply_to = reply_to.filter(|reply_to| reply_to.throughout);
    }
}

fn thread_id(thread: ThreadId) -> types::ThreadId {
    types::ThreadId(types::MessageId(thread.0))
}

/// The message is sent even if the one it replies to is gone.
fn reply_parameters(reply_to: ReplyTo) -> types::ReplyParameters {
    types::ReplyParameters::new(types::MessageId(reply_to.message.0)).allow_sending_without_reply()
}

fn deletion(message: MessageId, options: RenderOptions<'_>) -> Outgoing {
    let chat = types::ChatId(options.chat.0);
    Outgoing::Deletion(DeleteMessage::new(chat, types::MessageId(message.0)))
}

/// Nobody is meant to read it, so it makes no sound.
fn keyboard_removal(options: RenderOptions<'_>) -> Outgoing {
    let chat = types::ChatId(options.chat.0);
    let message = SendMessage::new(chat, PLACEHOLDER).disable_notification(true);
    Outgoing::KeyboardRemoval(message.reply_markup(KeyboardRemove::new()))
}

/// The attachment as a file; an invalid one is left out.
fn upload(attachment: &Attachment, chat: ChatId) -> Option<Upload> {
    let (kind, name, bytes) = match attachment {
        Attachment::File { name, content } => {
            let bytes = content.clone().into_bytes();
            (UploadKind::Document, file_name(name), bytes)
        }
        Attachment::QrCode(text) => {
            let picture = qr::png(text).unwrap_or_default();
            (UploadKind::Photo, "qr.png".to_owned(), picture)
        }
    };
    if bytes.is_empty() || bytes.len() > MAX_FILE {
        tracing::error!(%chat, ?kind, bytes = bytes.len(), "an attachment is empty or too large; it is left out");
        return None;
    }
    Some(Upload {
        chat,
        thread: None,
        reply_to: None,
        kind,
        name,
        bytes,
    })
}

/// A file name that is valid on every system and contains no path.
fn file_name(name: &str) -> String {
    let plain = |c: char| match c {
        '.' | '-' | '_' => c,
        c if c.is_ascii_alphanumeric() => c,
        _ => '_',
    };
    let name: String = name.trim().chars().map(plain).collect();
    // The end contains the extension.
    let name = &name[name.len().saturating_sub(MAX_FILE_NAME)..];
    match name.trim_start_matches('.') {
        "" => "file".to_owned(),
        name => name.to_owned(),
    }
}

/// The text as messages, with the buttons below the last.
fn messages(reply: &Reply, options: RenderOptions<'_>) -> Vec<Outgoing> {
    let mut parts = split_text(&reply.text, MAX_TEXT);
    if parts.is_empty() {
        tracing::error!(chat = %options.chat, "a reply has no text; it is sent as `…`");
        parts.push(RichText::plain(PLACEHOLDER));
    }
    let last = parts.len() - 1;
    let to_request = |(index, part): (usize, &RichText)| {
        let text = match options.form {
            Form::Rich => to_html(part),
            Form::Plain | Form::Bare => to_plain_text(part),
        };
        let has_buttons = index == last && options.form != Form::Bare;
        let keyboard = has_buttons
            .then(|| keyboard(&reply.buttons, options))
            .flatten();
        match reply.replaces {
            Some(message) if index == 0 && !options.as_new => {
                Outgoing::Edit(edit_message(message.0, text, keyboard, options))
            }
            _ => Outgoing::New(new_message(text, keyboard, options)),
        }
    };
    parts.iter().enumerate().map(to_request).collect()
}

fn new_message(
    text: String,
    keyboard: Option<InlineKeyboardMarkup>,
    options: RenderOptions<'_>,
) -> SendMessage {
    let mut message = SendMessage::new(types::ChatId(options.chat.0), text);
    message.parse_mode = parse_mode(options.form);
    message = message.link_preview_options(no_preview());
    match keyboard {
        Some(keyboard) => message.reply_markup(keyboard),
        None => message,
    }
}

/// An edit without a keyboard removes the previous one.
fn edit_message(
    message: i32,
    text: String,
    keyboard: Option<InlineKeyboardMarkup>,
    options: RenderOptions<'_>,
) -> EditMessageText {
    let chat = types::ChatId(options.chat.0);
    let mut edit = EditMessageText::new(chat, types::MessageId(message), text);
    edit.parse_mode = parse_mode(options.form);
    edit.reply_markup = keyboard;
    edit.link_preview_options(no_preview())
}

fn parse_mode(form: Form) -> Option<ParseMode> {
    (form == Form::Rich).then_some(ParseMode::Html)
}

fn no_preview() -> LinkPreviewOptions {
    LinkPreviewOptions {
        is_disabled: true,
        url: None,
        prefer_small_media: false,
        prefer_large_media: false,
        show_above_text: false,
    }
}

fn keyboard(rows: &[Vec<Button>], options: RenderOptions<'_>) -> Option<InlineKeyboardMarkup> {
    let mut left = MAX_BUTTONS;
    let mut keyboard = Vec::new();
    for row in rows {
        let buttons = row
            .iter()
            .filter_map(|button| to_inline_button(button, options));
        let buttons: Vec<_> = buttons.take(left).collect();
        left -= buttons.len();
        keyboard.extend(buttons.chunks(MAX_BUTTONS_A_ROW).map(<[_]>::to_vec));
    }
    let count: usize = rows.iter().map(Vec::len).sum();
    if count > MAX_BUTTONS {
        tracing::error!(chat = %options.chat, count, "a reply has more than {MAX_BUTTONS} buttons; the last ones are left out");
    }
    (!keyboard.is_empty()).then(|| InlineKeyboardMarkup::new(keyboard))
}

fn to_inline_button(button: &Button, options: RenderOptions<'_>) -> Option<InlineKeyboardButton> {
    let kind = match &button.action {
        Action::Press(press) => {
            InlineKeyboardButtonKind::CallbackData(fitting_data(press.to_string(), options.chat)?)
        }
        Action::PrivateChat(payload) => {
            InlineKeyboardButtonKind::Url(private_chat(options.bot, payload).parse().ok()?)
        }
    };
    Some(InlineKeyboardButton::new(label(&button.label), kind))
}

fn fitting_data(data: String, chat: ChatId) -> Option<String> {
    if data.is_empty() || data.len() > MAX_DATA_BYTES {
        tracing::error!(%chat, bytes = data.len(), "a button's data does not fit Telegram's {MAX_DATA_BYTES} bytes; the button is left out");
        return None;
    }
    Some(data)
}

/// A link into the private chat; an invalid payload is left out.
fn private_chat(bot: &str, payload: &str) -> String {
    let may_be = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if payload.is_empty() || payload.len() > MAX_PAYLOAD || !payload.chars().all(may_be) {
        return format!("https://t.me/{bot}");
    }
    format!("https://t.me/{bot}?start={payload}")
}

fn label(text: &str) -> String {
    let text = text.trim();
    if text.is_empty() {
        return PLACEHOLDER.to_owned();
    }
    if text.chars().count() <= MAX_LABEL {
        return text.to_owned();
    }
    let head: String = text.chars().take(MAX_LABEL - 1).collect();
    // Cut at a space if there is one in the second half.
    let at = head.rfind(' ').filter(|at| *at > head.len() / 2);
    let head = at.map_or(head.as_str(), |at| &head[..at]);
    format!("{}…", head.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        dialogue::{Choice, Press},
        markup::{Span, Style},
        telegram::outgoing::html::MAX_MARKUP_BYTES,
    };
    use proptest::prelude::*;

    const OPTIONS: RenderOptions<'static> = RenderOptions {
        chat: ChatId(7),
        thread: None,
        reply_to: None,
        bot: "unbind_bot",
        form: Form::Rich,
        as_new: false,
    };

    fn text_of(outgoing: &Outgoing) -> &str {
        match outgoing {
            Outgoing::New(message) => &message.text,
            Outgoing::Edit(edit) => &edit.text,
            other => panic!("{other:?} has no text"),
        }
    }

    fn json_of(outgoing: &Outgoing) -> serde_json::Value {
        match outgoing {
            Outgoing::New(message) => serde_json::to_value(message),
            Outgoing::Edit(edit) => serde_json::to_value(edit),
            Outgoing::Deletion(deletion) => serde_json::to_value(deletion),
            other => panic!("{other:?} is not sent as JSON"),
        }
        .expect("JSON")
    }

    fn is_message(outgoing: &&Outgoing) -> bool {
        matches!(outgoing, Outgoing::New(_) | Outgoing::Edit(_))
    }

    /// Reads Telegram's HTML as its server does and returns the text; panics where that would refuse.
    fn read_html(html: &str) -> String {
        let mut text = String::new();
        let mut open: Vec<&str> = Vec::new();
        let mut rest = html;
        while let Some(first) = rest.chars().next() {
            if let Some(tag) = rest.strip_prefix('<') {
                let (tag, behind) = tag.split_once('>').expect("a tag ends");
                match tag.strip_prefix('/') {
                    Some(name) => assert_eq!(open.pop(), Some(name), "tags match"),
                    None => {
                        let name = tag.split(' ').next().expect("a name");
                        assert!(["a", "b", "i", "code"].contains(&name), "{name}");
                        assert!(!open.contains(&"code"), "nothing inside code");
                        open.push(name);
                    }
                }
                rest = behind;
            } else if first == '&' {
                let (entity, behind) = rest.split_once(';').expect("an entity ends");
                text.push(match entity {
                    "&amp" => '&',
                    "&lt" => '<',
                    "&gt" => '>',
                    "&quot" => '"',
                    other => panic!("{other} is no entity"),
                });
                rest = behind;
            } else {
                assert_ne!(first, '>', "an unescaped >");
                text.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
        assert!(open.is_empty(), "left open: {open:?}");
        text
    }

    fn squeezed(text: &str) -> String {
        text.chars().filter(|c| !c.is_whitespace()).collect()
    }

    fn any_text() -> impl Strategy<Value = RichText> {
        let text = prop_oneof![
            "[a-z<>&\" \n👍卡]{0,40}",
            "\\PC{0,30}",
            "[a👍 ]{3000,5000}",
            "[👍]{2040,2060}",
            "[ \n]{0,10}",
        ];
        let link = prop::option::of("(https://|x)[a-z\"<>&]{0,9}");
        let style = any::<(bool, bool, bool)>();
        let span = (text, style, link).prop_map(|(text, (bold, italic, code), link)| Span {
            text,
            style: Style { bold, italic, code },
            link,
        });
        prop::collection::vec(span, 0..6).prop_map(RichText)
    }

    fn any_attachment() -> impl Strategy<Value = Attachment> {
        let file = ("\\PC{0,80}", "[ -~卡👍\n]{0,200}");
        prop_oneof![
            file.prop_map(|(name, content)| Attachment::File { name, content }),
            prop_oneof!["\\PC{0,60}", "[卡]{1000,1200}"].prop_map(Attachment::QrCode),
        ]
    }

    fn any_reply() -> impl Strategy<Value = Reply> {
        let message = || prop::option::of(any::<i32>().prop_map(MessageId));
        let labels = prop::collection::vec("\\PC{0,80}", 0..4);
        let downloads = prop::option::of("[a-zA-Z0-9]{1,80}");
        let attachment = prop::option::of(any_attachment());
        let all = (
            any_text(),
            labels,
            message(),
            message(),
            attachment,
            downloads,
        );
        all.prop_map(|(text, labels, replaces, deletes, attachment, downloads)| {
            let button = |label: String| Button {
                label,
                action: Action::Press(Press::new(1, Choice::Done)),
            };
            Reply {
                deletes,
                attachment,
                downloads,
                ..Reply::new(text)
                    .row(labels.into_iter().map(button))
                    .in_place_of(replaces)
            }
        })
    }

    /// Where in a reply a request stands.
    fn place(outgoing: &Outgoing) -> u8 {
        match outgoing {
            Outgoing::Deletion(_) => 0,
            Outgoing::KeyboardRemoval(_) | Outgoing::Attachment(_) => 1,
            Outgoing::New(_) | Outgoing::Edit(_) => 2,
            Outgoing::Download { .. } => 3,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn any_reply_is_well_formed_requests_in_order_and_in_every_form_as_many(reply in any_reply()) {
            let sent = render(&reply, OPTIONS);
            prop_assert!(sent.is_sorted_by_key(place));
            let of = |wanted: u8| sent.iter().filter(|part| place(part) == wanted).count();
            prop_assert_eq!(of(0), usize::from(reply.deletes.is_some()));
            prop_assert_eq!(of(3), usize::from(reply.downloads.is_some()));
            prop_assert!(of(1) <= usize::from(reply.attachment.is_some()) && of(2) > 0);
            for part in &sent {
                if is_message(&part) {
                    let text = read_html(text_of(part));
                    prop_assert!(!text.trim().is_empty() && text.encode_utf16().count() <= MAX_TEXT);
                }
                if let Outgoing::Attachment(upload) = part {
                    prop_assert!((1..=MAX_FILE).contains(&upload.bytes.len()));
                    prop_assert!((1..=MAX_FILE_NAME).contains(&upload.name.len()) && upload.name.is_ascii());
                }
            }
            let edits = sent.iter().filter(|part| matches!(part, Outgoing::Edit(_))).count();
            prop_assert_eq!(edits, usize::from(reply.replaces.is_some() && of(1) == 0));
            for (form, as_new) in [(Form::Plain, false), (Form::Bare, false), (Form::Rich, true)] {
                let other = render(&reply, RenderOptions { form, as_new, ..OPTIONS });
                prop_assert!(other.iter().map(place).eq(sent.iter().map(place)));
            }
        }

        #[test]
        fn any_text_becomes_well_formed_messages_within_the_limit_and_nothing_is_lost(text in any_text()) {
            let whole = squeezed(&text.to_plain());
            let sent = render(&Reply::new(text), OPTIONS);
            let read: Vec<String> = sent.iter().map(|part| read_html(text_of(part))).collect();
            for part in &read {
                prop_assert!(!part.trim().is_empty());
                prop_assert!(part.encode_utf16().count() <= MAX_TEXT);
            }
            let read = squeezed(&read.concat());
            prop_assert_eq!(read, if whole.is_empty() { PLACEHOLDER.to_owned() } else { whole });
        }

        #[test]
        fn plain_forms_keep_the_limit_too(text in any_text()) {
            for part in render(&Reply::new(text), RenderOptions { form: Form::Plain, ..OPTIONS }) {
                prop_assert!(text_of(&part).encode_utf16().count() <= MAX_TEXT);
                prop_assert!(json_of(&part).get("parse_mode").is_none());
            }
        }

        #[test]
        fn any_label_fits_and_is_never_empty(text in "\\PC{0,200}") {
            let label = label(&text);
            prop_assert!(!label.trim().is_empty() && label.chars().count() <= MAX_LABEL);
        }
    }

    #[test]
    fn styles_and_links_become_tags_and_hostile_text_stays_text() {
        let text =
            RichText::from_markdown("**b** *i* `c` [l](https://e.org/?a=1&b=2)").expect("good");
        let text = text.below(1, RichText::bold("<b>&\"'\u{202e}"));
        let sent = render(&Reply::new(text), OPTIONS);
        assert_eq!(
            text_of(&sent[0]),
            "<b>b</b> <i>i</i> <code>c</code> <a href=\"https://e.org/?a=1&amp;b=2\">l</a>\n<b>&lt;b&gt;&amp;&quot;'\u{202e}</b>"
        );
    }

    #[test]
    fn a_long_text_is_cut_at_a_line_then_at_a_space_and_never_inside_a_character() {
        let lengths = |text: String| -> Vec<usize> {
            let sent = render(&Reply::new(RichText::plain(text)), OPTIONS);
            let lengths = sent.iter().map(|part| text_of(part).encode_utf16().count());
            lengths.collect()
        };
        let line = format!("{}\n", "x".repeat(99));
        assert_eq!(lengths(line.repeat(50)), [3999, 999]);
        assert_eq!(lengths("word ".repeat(1000)), [4094, 904]);
        assert_eq!(lengths("👍".repeat(2049)), [4096, 2]);
        assert_eq!(lengths("卡".repeat(4096)), [4096]);
    }

    #[test]
    fn text_that_is_mostly_markup_is_cut_before_telegram_would_cut_it() {
        let span = |index: usize| Span {
            text: "x".into(),
            style: Style::default(),
            link: Some(format!("https://example.org/{index}")),
        };
        let text = RichText((0..2000).map(span).collect());
        for part in render(&Reply::new(text), OPTIONS) {
            assert!(text_of(&part).len() <= MAX_MARKUP_BYTES);
        }
    }

    #[test]
    fn the_first_part_replaces_and_the_last_has_the_buttons() {
        let text = RichText::plain("line\n".repeat(1500));
        let button = Button {
            label: "Done".into(),
            action: Action::Press(Press::new(1, Choice::Done)),
        };
        let reply = Reply::new(text)
            .row([button])
            .in_place_of(Some(MessageId(9)));
        let sent = render(&reply, OPTIONS);
        assert!(
            matches!(&sent[0], Outgoing::Edit(edit) if edit.message_id.0 == 9 && edit.reply_markup.is_none())
        );
        assert!(matches!(&sent[1], Outgoing::New(message) if message.reply_markup.is_some()));
        assert_eq!(sent.len(), 2);
        let as_new = RenderOptions {
            as_new: true,
            ..OPTIONS
        };
        assert!(matches!(render(&reply, as_new)[0], Outgoing::New(_)));
    }

    #[test]
    fn requests_have_the_json_of_the_bot_api() {
        let reply = Reply::new(RichText::bold("Hi"))
            .row([
                Button {
                    label: "Done".into(),
                    action: Action::Press(Press::new(1, Choice::Done)),
                },
                Button {
                    label: "Alone".into(),
                    action: Action::PrivateChat("cards".into()),
                },
            ])
            .in_place_of(Some(MessageId(9)));
        let expected = serde_json::json!({
            "chat_id": 7, "message_id": 9, "text": "<b>Hi</b>", "parse_mode": "HTML",
            "link_preview_options": {"is_disabled": true},
            "reply_markup": {"inline_keyboard": [[
                {"text": "Done", "callback_data": "1.done"},
                {"text": "Alone", "url": "https://t.me/unbind_bot?start=cards"},
            ]]},
        });
        assert_eq!(json_of(&render(&reply, OPTIONS)[0]), expected);
    }

    #[test]
    fn the_parts_of_a_reply_are_in_order_and_the_text_is_below_the_attachment() {
        let file = Attachment::File {
            name: "cards.json".into(),
            content: "{}".into(),
        };
        let mut reply = Reply::new(RichText::bold("Here"))
            .in_place_of(Some(MessageId(9)))
            .deleting(Some(MessageId(8)))
            .with_attachment(file);
        reply.downloads = Some("F1".into());
        let sent = render(&reply, OPTIONS);
        let expected = serde_json::json!({"chat_id": 7, "message_id": 8});
        assert_eq!(json_of(&sent[0]), expected);
        let upload = Upload {
            chat: ChatId(7),
            thread: None,
            reply_to: None,
            kind: UploadKind::Document,
            name: "cards.json".into(),
            bytes: b"{}".to_vec(),
        };
        assert_eq!(sent[1], Outgoing::Attachment(upload));
        assert!(matches!(&sent[2], Outgoing::New(message) if message.text == "<b>Here</b>"));
        let fetch = Outgoing::Download {
            chat: ChatId(7),
            file: "F1".into(),
        };
        assert_eq!(sent[3], fetch);
        assert_eq!(sent.len(), 4);
    }

    #[test]
    fn a_qr_code_is_a_picture_and_one_with_too_much_text_is_left_out() {
        let with = |text: String| {
            let reply =
                Reply::new(RichText::plain("Scan it")).with_attachment(Attachment::QrCode(text));
            render(&reply.in_place_of(Some(MessageId(9))), OPTIONS)
        };
        let sent = with("otpauth://totp/x".into());
        assert!(matches!(&sent[0], Outgoing::Attachment(upload)
            if upload.kind == UploadKind::Photo && upload.bytes.starts_with(b"\x89PNG")));
        assert!(matches!(sent[1], Outgoing::New(_)));
        let sent = with("x".repeat(5000));
        assert!(matches!(sent.as_slice(), [Outgoing::Edit(_)]));
    }

    #[test]
    fn a_file_name_is_valid_on_every_system() {
        for (name, taken) in [
            (
                "unbind-cards-2026-01-01.json",
                "unbind-cards-2026-01-01.json",
            ),
            ("../../etc/passwd", "_.._etc_passwd"),
            ("卡\"\r\n.json", "____.json"),
            ("", "file"),
            ("..", "file"),
        ] {
            assert_eq!(file_name(name), taken);
        }
        assert!(file_name(&format!("{}.json", "x".repeat(200))).ends_with("x.json"));
    }

    #[test]
    fn a_button_that_does_not_fit_is_left_out_and_the_others_stay() {
        let press = |bytes: usize| {
            let rest = "d".repeat(bytes - "1.group:".len());
            Button::press("x", Press::new(1, Choice::Group(rest)))
        };
        let rows = vec![vec![press(MAX_DATA_BYTES + 1), press(MAX_DATA_BYTES)]];
        let keyboard = keyboard(&rows, OPTIONS).expect("one fits");
        assert_eq!(keyboard.inline_keyboard[0].len(), 1);
        let many = vec![vec![press(9); 150]];
        let keyboard = super::keyboard(&many, OPTIONS).expect("buttons");
        let rows: Vec<usize> = keyboard.inline_keyboard.iter().map(Vec::len).collect();
        assert_eq!(rows.iter().sum::<usize>(), MAX_BUTTONS);
        assert!(rows.iter().all(|row| *row <= MAX_BUTTONS_A_ROW));
        assert_eq!(
            super::keyboard(&[vec![press(MAX_DATA_BYTES + 1)]], OPTIONS),
            None
        );
    }

    #[test]
    fn new_messages_go_to_the_topic_and_the_first_is_a_reply() {
        let file = Attachment::File {
            name: "cards.json".into(),
            content: "{}".into(),
        };
        let reply = Reply::new(RichText::plain("line\n".repeat(1500))).with_attachment(file);
        let sent = |throughout| {
            let reply_to = ReplyTo {
                message: MessageId(9),
                throughout,
            };
            let options = RenderOptions {
                thread: Some(ThreadId(4)),
                reply_to: Some(reply_to),
                ..OPTIONS
            };
            render(&reply, options)
        };
        let replied_to = |request: &Outgoing| match request {
            Outgoing::Attachment(upload) => upload.reply_to.is_some(),
            other => {
                json_of(other)["reply_parameters"]
                    == serde_json::json!({"message_id": 9, "allow_sending_without_reply": true})
            }
        };
        for (throughout, replies) in [(false, [true, false, false]), (true, [true; 3])] {
            let sent = sent(throughout);
            let found: Vec<_> = sent.iter().map(replied_to).collect();
            assert_eq!(found, replies);
            let to = Address::chat(ChatId(7)).in_topic(Some(ThreadId(4)));
            assert!(sent.iter().all(|request| request.to() == to));
            assert_eq!(json_of(&sent[1])["message_thread_id"], 4);
        }
    }

    #[test]
    fn an_invalid_payload_is_left_out_of_the_link() {
        assert_eq!(private_chat("b", "kb_x-1"), "https://t.me/b?start=kb_x-1");
        for payload in ["", "a b", "卡", &"x".repeat(65)] {
            assert_eq!(private_chat("b", payload), "https://t.me/b");
        }
    }
}
