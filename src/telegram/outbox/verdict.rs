//! What an error means for the row at hand. Pure, but for the line in the log.

use std::time::Duration;

use super::lane::Progress;
use crate::{
    dialogue::{Address, ChatId},
    telegram::{
        api::ApiError,
        outgoing::{Form, Outgoing},
    },
};

/// Which kind of a reply a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RequestKind {
    Deletion,
    Attachment,
    Message,
    Download,
}

impl From<&Outgoing> for RequestKind {
    fn from(request: &Outgoing) -> Self {
        match request {
            Outgoing::Deletion(_) => Self::Deletion,
            Outgoing::Attachment(_) => Self::Attachment,
            Outgoing::New(_) | Outgoing::Edit(_) => Self::Message,
            Outgoing::Download { .. } => Self::Download,
        }
    }
}

/// What is to be done about the row at hand.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// This kind is done, or as good as done.
    Done,
    /// The message to edit is gone: say it as a new one.
    AsNew,
    /// The topic is gone or closed: say it in the chat, outside of any topic.
    OutsideTopic,
    /// Telegram does not like its looks: say it more plainly.
    Plainer(Form),
    /// The group has a new id, and what waits for it, too.
    Moved { to: ChatId },
    /// Nothing to this chat before this long.
    Wait(Duration),
    /// Trouble that passes: again after a pause.
    Again,
    /// What Telegram answered was not committed, or that is not known: again after a pause.
    NotKept,
    /// This chat takes nothing from us any more.
    ChatGone,
    /// This kind will never be taken.
    Refused,
}

/// What an error means. Its codes are few, so the server's wording has to be looked at; what is not recognised is refused
/// for good.
pub(super) fn classify_error(
    error: &ApiError,
    kind: RequestKind,
    progress: Progress,
    address: Address,
) -> Verdict {
    let (code, description) = match error {
        ApiError::TooManyRequests(pause) => return Verdict::Wait(*pause),
        ApiError::Migrated(to) => return Verdict::Moved { to: *to },
        // A token that is not valid ends the service elsewhere.
        ApiError::Unauthorized | ApiError::Unavailable(_) | ApiError::Network(_) => {
            return Verdict::Again;
        }
        ApiError::Refused { code, description } => (*code, description.to_ascii_lowercase()),
    };
    match kind {
        // Whether a message could be taken away or not, the reply says what is to be said.
        RequestKind::Deletion => Verdict::Done,
        RequestKind::Attachment | RequestKind::Message if is_about_the_topic(&description) => {
            outside_topic(progress, address)
        }
        _ if code == 403 && !is_about_a_message(&description) => Verdict::ChatGone,
        RequestKind::Attachment | RequestKind::Download => Verdict::Refused,
        RequestKind::Message => classify_message_error(&description, progress),
    }
}

/// Whether "forbidden" is said of one message; else it is said of the whole chat.
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

/// Once outside of its topic; what is not taken there either is dropped.
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

/// One line for the operator: which chat, what fault, what is done about it; never what was said.
pub(super) fn log_error(chat: ChatId, kind: RequestKind, error: &ApiError, verdict: &Verdict) {
    match verdict {
        Verdict::Done | Verdict::AsNew | Verdict::Moved { .. } => {
            tracing::debug!(%chat, %error, ?kind, ?verdict, "a message went another way");
        }
        Verdict::Wait(_) | Verdict::Again | Verdict::NotKept => {
            tracing::warn!(%chat, %error, ?kind, "a message was not taken; this chat waits");
        }
        Verdict::OutsideTopic => {
            tracing::warn!(%chat, %error, ?kind, "a topic takes no messages; this one is sent outside of it");
        }
        Verdict::ChatGone => {
            tracing::info!(%chat, %error, "the chat takes nothing from us any more; its messages are dropped");
        }
        Verdict::Plainer(form) => {
            tracing::error!(%chat, %error, ?form, "Telegram refused a message's markup; sent more plainly");
        }
        Verdict::Refused => {
            tracing::error!(%chat, %error, ?kind, "Telegram refused a kind of a message; it is left out");
        }
    }
}
