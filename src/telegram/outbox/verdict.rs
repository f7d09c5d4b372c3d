//! Classifies an API error. Pure, except for the log line.

use std::time::Duration;

use super::{lane::Progress, trouble::Failure};
use crate::{
    dialogue::{Address, ChatId},
    telegram::{
        api::ApiError,
        outgoing::{Form, Outgoing},
    },
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RequestKind {
    Deletion,
    KeyboardRemoval,
    Attachment,
    Message,
    Download,
}

impl RequestKind {
    /// Whether a person waits for it.
    pub(super) fn is_awaited(self) -> bool {
        match self {
            Self::Attachment | Self::Message | Self::Download => true,
            Self::Deletion | Self::KeyboardRemoval => false,
        }
    }
}

impl From<&Outgoing> for RequestKind {
    fn from(request: &Outgoing) -> Self {
        match request {
            Outgoing::Deletion(_) => Self::Deletion,
            Outgoing::KeyboardRemoval(_) => Self::KeyboardRemoval,
            Outgoing::Attachment(_) => Self::Attachment,
            Outgoing::New(_) | Outgoing::Edit(_) => Self::Message,
            Outgoing::Download { .. } => Self::Download,
        }
    }
}

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum RequestError {
    #[error(transparent)]
    Api(ApiError),
    #[error(
        "the Bot API server did not answer within {} s; the request may have been carried out", .0.as_secs()
    )]
    TimedOut(Duration),
    #[error("the request panicked")]
    Panicked,
}

/// What to do with the row after a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// This part is done, or counts as done.
    Done,
    /// The message to edit is gone: send a new one.
    AsNew,
    /// The topic of a private chat is gone: send the message in the chat, outside of any topic.
    OutsideTopic,
    /// Telegram refused the markup or the buttons: send it in this simpler form.
    Plainer(Form),
    /// The group has a new id; its rows move there.
    Moved { to: ChatId },
    /// Send nothing to this chat for this long.
    Wait(Duration),
    /// A failure of the server or the network: retry after a pause.
    Again,
    /// It was not answered in time and may have been carried out: retry after a longer pause.
    TimedOut,
    /// The receipt was not committed, or it is unknown whether it was: retry after a pause.
    NotKept,
    /// The bot cannot send to this chat any more.
    ChatGone,
    /// Telegram will not accept this part; it becomes a dead letter.
    Refused(Refusal),
}

/// Why Telegram does not accept a part of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The topic is closed or deleted. Elsewhere in the group, other people would read the answer.
    Topic,
    /// The bot may not send this in the chat.
    Rights,
    /// Something about the message itself, which is a fault of the bot.
    Content,
}

impl Refusal {
    /// Whether another message to this place is accepted, so that the person can be told.
    pub(super) fn permits_others(self) -> bool {
        match self {
            Self::Content => true,
            Self::Topic | Self::Rights => false,
        }
    }

    /// What the operator can do about it.
    pub(super) fn repair(self) -> &'static str {
        match self {
            Self::Topic => "open the topic again, or let the bot manage topics",
            Self::Rights => {
                "give the bot the right to send messages and files there, or remove it from the chat"
            }
            Self::Content => "this is a fault of the bot; please report it",
        }
    }
}

/// What a verdict says about the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ServerState {
    Answers,
    Fails(Failure),
    /// It answered about the chat or the rate, not about the message.
    Unknown,
}

impl Verdict {
    pub(super) fn server_state(&self) -> ServerState {
        match self {
            Self::Done
            | Self::AsNew
            | Self::OutsideTopic
            | Self::Plainer(_)
            | Self::NotKept
            | Self::Refused(_) => ServerState::Answers,
            Self::Again => ServerState::Fails(Failure::Failed),
            Self::TimedOut => ServerState::Fails(Failure::TimedOut),
            Self::Wait(_) | Self::Moved { .. } | Self::ChatGone => ServerState::Unknown,
        }
    }
}

/// Telegram has few error codes, so the description is examined; an unrecognised error counts as a permanent refusal.
pub(super) fn classify_error(
    error: &RequestError,
    kind: RequestKind,
    progress: Progress,
    address: Address,
) -> Verdict {
    let error = match error {
        RequestError::TimedOut(_) => return Verdict::TimedOut,
        RequestError::Panicked => return Verdict::Again,
        RequestError::Api(error) => error,
    };
    let (code, description) = match error {
        ApiError::TooManyRequests(pause) => return Verdict::Wait(*pause),
        ApiError::Migrated(to) => return Verdict::Moved { to: *to },
        // An invalid token ends the service elsewhere. The others are about the server or the way to it.
        ApiError::Unauthorized
        | ApiError::NotFound
        | ApiError::Redirected(_)
        | ApiError::Unavailable(_)
        | ApiError::Network(_) => {
            return Verdict::Again;
        }
        ApiError::Refused { code, description } => (*code, description.to_ascii_lowercase()),
    };
    if has_lost_its_body(&description) {
        return Verdict::Again;
    }
    match kind {
        // The reply is sent whether or not the message could be deleted.
        RequestKind::Deletion => Verdict::Done,
        RequestKind::KeyboardRemoval | RequestKind::Attachment | RequestKind::Message
            if is_about_the_topic(&description) =>
        {
            without_topic(progress, address)
        }
        _ if is_about_rights(&description) => Verdict::Refused(Refusal::Rights),
        _ if code == 403 && !is_about_a_message(&description) => Verdict::ChatGone,
        _ if is_about_the_chat(&description) => Verdict::ChatGone,
        // The reply is sent whether or not an old keyboard could be taken away.
        RequestKind::KeyboardRemoval => Verdict::Done,
        RequestKind::Attachment | RequestKind::Download => Verdict::Refused(Refusal::Content),
        RequestKind::Message => classify_message_error(&description, progress),
    }
}

/// Whether the server got the request without its body or parts of it, which every request has: a redirect or a proxy has
/// lost it. If it is refused for another reason with these words, it ends as a reply that always fails.
fn has_lost_its_body(description: &str) -> bool {
    contains_any(
        description,
        &[
            "chat_id is empty",
            "message text is empty",
            "text must be non-empty",
            "message identifier is not specified",
            "message_id is empty",
            "there is no document in the request",
            "there is no photo in the request",
            "file_id not specified",
            "file_id is empty",
        ],
    )
}

/// Whether the bot lacks a right in the chat. Other chats, and later messages to this one, may be accepted.
fn is_about_rights(description: &str) -> bool {
    contains_any(
        description,
        &[
            "not enough rights",
            "have no rights",
            "need administrator rights",
            "chat_write_forbidden",
            "chat_admin_required",
            "chat_restricted",
            "chat_guest_send_forbidden",
            "_forbidden in the chat",
            "chat_send_",
        ],
    )
}

/// Whether there is no such chat, or none that the bot has ever met.
fn is_about_the_chat(description: &str) -> bool {
    contains_any(
        description,
        &[
            "chat not found",
            "user not found",
            "peer_id_invalid",
            "input_user_deactivated",
            "user is deactivated",
        ],
    )
}

/// Whether "forbidden" refers to one message; otherwise it refers to the whole chat.
fn is_about_a_message(description: &str) -> bool {
    contains_any(
        description,
        &["edit_messages_forbidden", "message_author_required"],
    )
}

fn is_about_the_topic(description: &str) -> bool {
    contains_any(
        description,
        &[
            "message thread not found",
            "topic_closed",
            "topic_deleted",
            "topic_id_invalid",
        ],
    )
}

/// In a private chat, one retry outside of the topic: the same person reads it there. In a group it would be read by people
/// who were not part of the conversation, and the person who asked would not find it.
fn without_topic(progress: Progress, address: Address) -> Verdict {
    // Telegram gives groups negative ids.
    let is_private = address.chat.0 > 0;
    if is_private && address.thread.is_some() && !progress.outside_topic {
        Verdict::OutsideTopic
    } else {
        Verdict::Refused(Refusal::Topic)
    }
}

fn classify_message_error(description: &str, progress: Progress) -> Verdict {
    let says = |words: &[&str]| contains_any(description, words);
    if says(&["message is not modified"]) {
        Verdict::Done
    } else if says(&[
        "message to edit not found",
        "message can't be edited",
        "message_id_invalid",
        "edit_messages_forbidden",
        "message_author_required",
    ]) && !progress.as_new
    {
        Verdict::AsNew
    } else if says(&["button", "keyboard", "reply_markup", "reply markup"]) {
        plainer_form(progress, Form::Bare)
    } else if says(&["can't parse entities", "entity", "entities"]) {
        plainer_form(progress, Form::Plain)
    } else {
        Verdict::Refused(Refusal::Content)
    }
}

fn contains_any(description: &str, words: &[&str]) -> bool {
    words.iter().any(|word| description.contains(word))
}

fn plainer_form(progress: Progress, form: Form) -> Verdict {
    match progress.form {
        Form::Bare => Verdict::Refused(Refusal::Content),
        Form::Plain => Verdict::Plainer(Form::Bare),
        Form::Rich => Verdict::Plainer(form),
    }
}

/// Logs the chat, the error and what is done about it; never the text of a message.
pub(super) fn log_error(chat: ChatId, kind: RequestKind, error: &RequestError, verdict: &Verdict) {
    match verdict {
        Verdict::Done | Verdict::AsNew | Verdict::Moved { .. } => {
            tracing::debug!(%chat, %error, ?kind, ?verdict, "a request failed and is sent in another way");
        }
        Verdict::Wait(_) | Verdict::Again | Verdict::TimedOut | Verdict::NotKept => {
            tracing::warn!(%chat, %error, ?kind, "a message could not be sent; this chat waits");
        }
        Verdict::OutsideTopic => {
            tracing::warn!(%chat, %error, ?kind, "a topic is gone; the message is sent outside of it");
        }
        Verdict::ChatGone => {
            tracing::info!(%chat, %error, "the chat cannot be reached any more; its messages are dropped");
        }
        Verdict::Plainer(form) => {
            tracing::error!(%chat, %error, ?form, "Telegram refused a message's markup; it is sent in a simpler form");
        }
        Verdict::Refused(refusal) => {
            let repair = refusal.repair();
            tracing::error!(%chat, %error, ?kind, repair, "Telegram refused a part of a message; it is kept as a dead letter: `unbind-bot store dead-letters`");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialogue::ThreadId;

    const ANN: ChatId = ChatId(1);
    const GROUP: ChatId = ChatId(-100);

    /// The verdict on a refused message, in a topic of this chat.
    fn verdict(code: u16, description: &str, chat: ChatId) -> Verdict {
        let error = RequestError::Api(ApiError::Refused {
            code,
            description: description.to_owned(),
        });
        let address = Address::chat(chat).in_topic(Some(ThreadId(7)));
        classify_error(&error, RequestKind::Message, Progress::default(), address)
    }

    #[test]
    fn telegrams_refusals_have_their_verdicts() {
        let refused = Verdict::Refused;
        for (code, description, of_group) in [
            (400, "Bad Request: TOPIC_CLOSED", refused(Refusal::Topic)),
            (
                400,
                "Bad Request: message thread not found",
                refused(Refusal::Topic),
            ),
            (400, "Bad Request: TOPIC_DELETED", refused(Refusal::Topic)),
            (
                400,
                "Bad Request: not enough rights to send text messages to the chat",
                refused(Refusal::Rights),
            ),
            (
                400,
                "Bad Request: need administrator rights in the channel chat",
                refused(Refusal::Rights),
            ),
            (
                400,
                "Bad Request: CHAT_SEND_PLAIN_FORBIDDEN",
                refused(Refusal::Rights),
            ),
            (
                403,
                "Forbidden: CHAT_WRITE_FORBIDDEN",
                refused(Refusal::Rights),
            ),
            (400, "Bad Request: chat not found", Verdict::ChatGone),
            (400, "Bad Request: PEER_ID_INVALID", Verdict::ChatGone),
            (
                403,
                "Forbidden: bot was blocked by the user",
                Verdict::ChatGone,
            ),
            (
                403,
                "Forbidden: bot was kicked from the supergroup chat",
                Verdict::ChatGone,
            ),
            (403, "Forbidden: user is deactivated", Verdict::ChatGone),
            (
                400,
                "Bad Request: message is not modified: specified new message content and reply markup are exactly the same",
                Verdict::Done,
            ),
            (400, "Bad Request: message can't be edited", Verdict::AsNew),
            (
                400,
                "Bad Request: message to edit not found",
                Verdict::AsNew,
            ),
            (403, "Forbidden: MESSAGE_AUTHOR_REQUIRED", Verdict::AsNew),
            (
                400,
                "Bad Request: can't parse entities",
                Verdict::Plainer(Form::Plain),
            ),
            (
                400,
                "Bad Request: BUTTON_DATA_INVALID",
                Verdict::Plainer(Form::Bare),
            ),
            (400, "Bad Request: chat_id is empty", Verdict::Again),
            (400, "Bad Request: message text is empty", Verdict::Again),
            (
                400,
                "Bad Request: message is too long",
                refused(Refusal::Content),
            ),
            (400, "Bad Request: something new", refused(Refusal::Content)),
        ] {
            let upper = description.to_ascii_uppercase();
            for description in [description, &upper] {
                assert_eq!(verdict(code, description, GROUP), of_group, "{description}");
            }
        }
        let gone = "Bad Request: message thread not found";
        assert_eq!(verdict(400, gone, ANN), Verdict::OutsideTopic);
    }
}
