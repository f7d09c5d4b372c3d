//! One request for the part of a row that is next, and what came of it. A panic stays in it.

use std::{panic::AssertUnwindSafe, sync::Arc};

use futures::FutureExt;

use super::{
    super::{
        api::ApiError,
        courier::{Deliver, Undelivered},
        outgoing::{Outgoing, Showing, render},
    },
    lane::Progress,
    verdict::{Part, Verdict, judge, report},
};
use crate::{dialogue::ChatId, store::OutboxRow};

/// What came of a request.
pub(super) struct Landed {
    pub(super) chat: ChatId,
    /// How many requests the row takes.
    pub(super) parts: usize,
    pub(super) verdict: Verdict,
    /// What it made somebody say.
    pub(super) rows: Vec<OutboxRow>,
}

/// Makes the request that is next, and tells the assistant what it shows of the chat.
pub(super) async fn attempt<D: Deliver>(
    deliver: D,
    row: OutboxRow,
    progress: Progress,
    bot: Arc<str>,
) -> Landed {
    let chat = row.id.chat;
    let landed = |parts, verdict, rows| Landed {
        chat,
        parts,
        verdict,
        rows,
    };
    let showing = Showing {
        chat,
        bot: &bot,
        form: progress.form,
        afresh: progress.afresh,
    };
    let Some((request, parts)) = next_request(&row, progress, showing) else {
        tracing::error!(%chat, version = row.id.version, "a reply panicked when it was rendered; it is dropped");
        return landed(0, Verdict::Refused, Vec::new());
    };
    let part = Part::from(&request);
    let delivered = AssertUnwindSafe(deliver.deliver(request))
        .catch_unwind()
        .await;
    match delivered.unwrap_or_else(|_| Err(panicked())) {
        Ok(rows) => {
            tracing::debug!(%chat, version = row.id.version, index = row.id.index, ?part, "sent");
            landed(parts, Verdict::Done, rows)
        }
        Err(error) => {
            let verdict = judge(&error, part, progress);
            report(chat, part, &error, &verdict);
            let kept = note(&deliver, chat, &error, &verdict).await;
            landed(
                parts,
                if kept { verdict } else { Verdict::NotKept },
                Vec::new(),
            )
        }
    }
}

/// Brings the assistant what an error says of the chat; whether that is kept.
async fn note<D: Deliver>(
    deliver: &D,
    chat: ChatId,
    error: &Undelivered,
    verdict: &Verdict,
) -> bool {
    let noting = async {
        match (verdict, error) {
            (Verdict::ChatGone, _) => deliver.gone(chat).await,
            (Verdict::Moved, Undelivered::Telegram(ApiError::Migrated(to))) => {
                deliver.moved(chat, *to).await
            }
            _ => Ok(()),
        }
    };
    let noted = AssertUnwindSafe(noting).catch_unwind().await;
    match noted {
        Ok(Ok(())) => true,
        Ok(Err(error)) => {
            tracing::error!(%chat, %error, "what Telegram says of a chat was not kept");
            false
        }
        Err(_) => false,
    }
}

/// The request that is next, and how many there are; `None` if rendering panics.
fn next_request(
    row: &OutboxRow,
    progress: Progress,
    showing: Showing<'_>,
) -> Option<(Outgoing, usize)> {
    let rendered = std::panic::catch_unwind(AssertUnwindSafe(|| render(&row.reply, showing)));
    let mut requests = rendered.ok()?;
    let parts = requests.len();
    // In every form there are as many.
    let next = progress.parts_done.min(parts.checked_sub(1)?);
    Some((requests.swap_remove(next), parts))
}

fn panicked() -> Undelivered {
    ApiError::Unavailable("the request panicked".into()).into()
}
