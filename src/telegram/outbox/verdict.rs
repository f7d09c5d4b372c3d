//! What an error means for the row at hand. Pure, but for the line in the log.

use std::time::Duration;

use super::{
    super::{
        api::ApiError,
        courier::Undelivered,
        outgoing::{Form, Outgoing},
    },
    lane::Progress,
};
use crate::dialogue::ChatId;

/// Which part of a reply a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Deletion,
    Enclosure,
    Message,
    Fetch,
}

impl From<&Outgoing> for Part {
    fn from(request: &Outgoing) -> Self {
        match request {
            Outgoing::Deletion(_) => Self::Deletion,
            Outgoing::Enclosure(_) => Self::Enclosure,
            Outgoing::New(_) | Outgoing::Edit(_) => Self::Message,
            Outgoing::Fetch { .. } => Self::Fetch,
        }
    }
}

/// What is to be done about the row at hand.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// This part is done, or as good as done.
    Done,
    /// The message to edit is gone: say it as a new one.
    Afresh,
    /// Telegram does not like its looks: say it more plainly.
    Plainer(Form),
    /// The group has a new id, and what waits for it, too.
    Moved,
    /// Not before this long.
    Wait(Duration),
    /// Trouble that passes: again after a pause.
    Again,
    /// What came of it was not committed, or nobody knows: the same.
    NotKept,
    /// This chat takes nothing from us any more.
    ChatGone,
    /// This part will never be taken.
    Refused,
}

/// What an error means. Its codes are few, so the server's wording has to be looked at; what is not recognised is refused
/// for good.
pub(super) fn judge(fault: &Undelivered, part: Part, progress: Progress) -> Verdict {
    let error = match fault {
        Undelivered::Telegram(error) => error,
        Undelivered::Store(_) => return Verdict::NotKept,
    };
    match (error, part) {
        // Whether a message could be taken away or not, the reply says what is to be said.
        (ApiError::Refused { .. }, Part::Deletion) => Verdict::Done,
        (ApiError::TooManyRequests(pause), _) => Verdict::Wait(*pause),
        (ApiError::Migrated(_), _) => Verdict::Moved,
        // A token that is not valid ends the service elsewhere.
        (ApiError::Unauthorized | ApiError::Unavailable(_) | ApiError::Network(_), _) => {
            Verdict::Again
        }
        (
            ApiError::Refused {
                code: 403,
                description,
            },
            _,
        ) if !is_about_a_message(description) => Verdict::ChatGone,
        (ApiError::Refused { .. }, Part::Enclosure | Part::Fetch) => Verdict::Refused,
        (ApiError::Refused { description, .. }, Part::Message) => {
            judge_message(&description.to_ascii_lowercase(), progress)
        }
    }
}

/// Whether "forbidden" is said of one message; else it is said of the whole chat.
fn is_about_a_message(description: &str) -> bool {
    let codes = ["EDIT_MESSAGES_FORBIDDEN", "MESSAGE_AUTHOR_REQUIRED"];
    codes.iter().any(|code| description.contains(code))
}

fn judge_message(description: &str, progress: Progress) -> Verdict {
    let says = |words: &[&str]| words.iter().any(|word| description.contains(word));
    if says(&["message is not modified"]) {
        Verdict::Done
    } else if says(&[
        "message to edit not found",
        "message can't be edited",
        "message_id_invalid",
        "edit_messages_forbidden",
        "message_author_required",
    ]) && !progress.afresh
    {
        Verdict::Afresh
    } else if says(&["button", "keyboard", "reply_markup", "reply markup"]) {
        plainer(progress, Form::Bare)
    } else if says(&["can't parse entities", "entity", "entities"]) {
        plainer(progress, Form::Plain)
    } else {
        Verdict::Refused
    }
}

fn plainer(progress: Progress, form: Form) -> Verdict {
    match progress.form {
        Form::Bare => Verdict::Refused,
        Form::Plain => Verdict::Plainer(Form::Bare),
        Form::Rich => Verdict::Plainer(form),
    }
}

/// One line for the operator: which chat, what fault, what is done about it; never what was said.
pub(super) fn report(chat: ChatId, part: Part, error: &Undelivered, verdict: &Verdict) {
    match verdict {
        Verdict::Done | Verdict::Afresh | Verdict::Moved => {
            tracing::debug!(%chat, %error, ?part, ?verdict, "a message went another way");
        }
        Verdict::Wait(_) | Verdict::Again => {
            tracing::warn!(%chat, %error, ?part, "a message was not taken; this chat waits");
        }
        Verdict::NotKept => {
            tracing::error!(%chat, %error, ?part, "what a file says was not taken; this chat waits");
        }
        Verdict::ChatGone => {
            tracing::info!(%chat, %error, "the chat takes nothing from us any more; its messages are dropped");
        }
        Verdict::Plainer(form) => {
            tracing::error!(%chat, %error, ?form, "Telegram refused a message's markup; sent more plainly");
        }
        Verdict::Refused => {
            tracing::error!(%chat, %error, ?part, "Telegram refused a part of a message; it is left out");
        }
    }
}
