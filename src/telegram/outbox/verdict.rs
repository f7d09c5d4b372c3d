//! Classifies an API error. Pure, except for the log line.

use std::time::Duration;

use super::lane::Progress;
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

/// What to do with the row after a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// This part is done, or counts as done.
    Done,
    /// The message to edit is gone: send a new one.
    AsNew,
    /// The topic is gone or closed: send the message in the chat, outside of any topic.
    OutsideTopic,
    /// Telegram refused the markup or the buttons: send it in this simpler form.
    Plainer(Form),
    /// The group has a new id; its rows move there.
    Moved { to: ChatId },
    /// Send nothing to this chat for this long.
    Wait(Duration),
    /// A temporary failure: retry after a pause.
    Again,
    /// The receipt was not committed, or it is unknown whether it was: retry after a pause.
    NotKept,
    /// The bot cannot send to this chat any more.
    ChatGone,
    /// Telegram will never accept this part.
    Refused,
}

/// Telegram has few error codes, so the description is examined; an unrecognised error counts as a permanent refusal.
pub(super) fn classify_error(
    error: &ApiError,
    kind: RequestKind,
    progress: Progress,
    address: Address,
) -> Verdict {
    let (code, description) = match error {
        ApiError::TooManyRequests(pause) => return Verdict::Wait(*pause),
        ApiError::Migrated(to) => return Verdict::Moved { to: *to },
        // An invalid token ends the service elsewhere.
        ApiError::Unauthorized | ApiError::Unavailable(_) | ApiError::Network(_) => {
            return Verdict::Again;
        }
        ApiError::Refused { code, description } => (*code, description.to_ascii_lowercase()),
    };
    match kind {
        // The reply is sent whether or not the message could be deleted.
        RequestKind::Deletion => Verdict::Done,
        RequestKind::KeyboardRemoval | RequestKind::Attachment | RequestKind::Message
            if is_about_the_topic(&description) =>
        {
            outside_topic(progress, address)
        }
        _ if code == 403 && !is_about_a_message(&description) => Verdict::ChatGone,
        // The reply is sent whether or not an old keyboard could be taken away.
        RequestKind::KeyboardRemoval => Verdict::Done,
        RequestKind::Attachment | RequestKind::Download => Verdict::Refused,
        RequestKind::Message => classify_message_error(&description, progress),
    }
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
        &["message thread not found", "topic_closed", "topic_deleted"],
    )
}

/// Retries once outside of the topic; a message refused there as well is dropped.
fn outside_topic(progress: Progress, address: Address) -> Verdict {
    if address.thread.is_some() && !progress.outside_topic {
        Verdict::OutsideTopic
    } else {
        Verdict::Refused
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
        Verdict::Refused
    }
}

fn contains_any(description: &str, words: &[&str]) -> bool {
    words.iter().any(|word| description.contains(word))
}

fn plainer_form(progress: Progress, form: Form) -> Verdict {
    match progress.form {
        Form::Bare => Verdict::Refused,
        Form::Plain => Verdict::Plainer(Form::Bare),
        Form::Rich => Verdict::Plainer(form),
    }
}

/// Logs the chat, the error and what is done about it; never the text of a message.
pub(super) fn log_error(chat: ChatId, kind: RequestKind, error: &ApiError, verdict: &Verdict) {
    match verdict {
        Verdict::Done | Verdict::AsNew | Verdict::Moved { .. } => {
            tracing::debug!(%chat, %error, ?kind, ?verdict, "a request failed and is sent in another way");
        }
        Verdict::Wait(_) | Verdict::Again | Verdict::NotKept => {
            tracing::warn!(%chat, %error, ?kind, "a message could not be sent; this chat waits");
        }
        Verdict::OutsideTopic => {
            tracing::warn!(%chat, %error, ?kind, "a topic is closed or gone; the message is sent outside of it");
        }
        Verdict::ChatGone => {
            tracing::info!(%chat, %error, "the chat cannot be reached any more; its messages are dropped");
        }
        Verdict::Plainer(form) => {
            tracing::error!(%chat, %error, ?form, "Telegram refused a message's markup; it is sent in a simpler form");
        }
        Verdict::Refused => {
            tracing::error!(%chat, %error, ?kind, "Telegram refused a part of a message; it is left out");
        }
    }
}
