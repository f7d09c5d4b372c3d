//! Makes the next request of a row, within a time limit, and classifies the result. A panic is caught and counts as a
//! failure.

use std::{sync::Arc, time::Duration};

use tokio::time::timeout;

use super::{
    deliver::Deliver,
    lane::Progress,
    verdict::{Refusal, RequestError, RequestKind, Verdict, classify_error, log_error},
};
use crate::{
    dialogue::{Address, Receipt},
    panics,
    store::OutboxRow,
    telegram::outgoing::{Outgoing, RenderOptions, render},
};

/// The time limit of a message. Telegram takes a tenth of a second.
const MESSAGE_TIMEOUT: Duration = Duration::from_secs(10);
/// The time limit of a file, which may be large on a slow line.
const FILE_TIMEOUT: Duration = Duration::from_secs(60);
/// How much longer each further attempt may take after a time-out: a server that is slow but answers must be heard to the
/// end, or the same message arrives again and again.
const TIMEOUT_FACTOR: u32 = 3;
/// The longest time limit; shorter than [`SEND_TIMEOUT`](crate::telegram::api::SEND_TIMEOUT).
const MAX_TIMEOUT: Duration = Duration::from_secs(60);

pub(super) struct AttemptResult {
    pub(super) address: Address,
    /// The number of requests the row takes.
    pub(super) parts: usize,
    pub(super) verdict: Verdict,
    pub(super) kind: RequestKind,
    /// How the request failed, for a dead letter. It quotes no message.
    pub(super) fault: String,
    /// The rows the assistant answers the receipt with.
    pub(super) rows: Vec<OutboxRow>,
    /// The receipt of a sent message that is still to be delivered; the message is not sent again for that.
    pub(super) receipt: Option<Receipt>,
}

pub(super) struct Attempt {
    pub(super) address: Address,
    pub(super) row: OutboxRow,
    pub(super) progress: Progress,
    /// The receipt of the part sent last, if it could not be delivered.
    pub(super) receipt: Option<Receipt>,
    /// How often this request timed out.
    pub(super) timeouts: u32,
    pub(super) bot: Arc<str>,
}

/// Makes the next request, and delivers the receipt to the record that wrote the row.
pub(super) async fn run_attempt<D: Deliver>(deliver: D, mut attempt: Attempt) -> AttemptResult {
    let (chat, version, index) = (
        attempt.address.chat,
        attempt.row.id.version,
        attempt.row.id.index,
    );
    let Some((request, parts)) = next_request(&attempt) else {
        tracing::error!(%chat, version, "rendering a reply panicked; it is kept as a dead letter");
        return AttemptResult {
            address: attempt.address,
            parts: 0,
            verdict: Verdict::Refused(Refusal::Content),
            kind: RequestKind::Message,
            fault: "rendering it panicked".to_owned(),
            rows: Vec::new(),
            receipt: None,
        };
    };
    let kind = RequestKind::from(&request);
    if let Some(receipt) = attempt.receipt.take() {
        let (verdict, receipt) = (Verdict::Done, Some(receipt));
        return finish_attempt(&deliver, &attempt, kind, parts, verdict, receipt).await;
    }
    let is_edit = matches!(request, Outgoing::Edit(_));
    let limit = time_limit(kind, attempt.timeouts);
    let mut fault = String::new();
    let (verdict, receipt) = match make_request(&deliver, request, limit).await {
        Ok(receipt) => {
            tracing::debug!(%chat, version, index, ?kind, "sent");
            let wanted = receipt.filter(|receipt| is_wanted(receipt, &attempt.row));
            let located = wanted.map(|receipt| match receipt {
                // An edit names no topic; the message stays in its own.
                Receipt::Sent { message, .. } if is_edit => Receipt::Sent {
                    to: attempt.address,
                    message,
                },
                receipt => receipt,
            });
            (Verdict::Done, located)
        }
        Err(error) => {
            let verdict = classify_error(&error, kind, attempt.progress, attempt.address);
            log_error(chat, kind, &error, &verdict);
            let receipt = receipt_of(&verdict);
            fault = error.to_string();
            (verdict, receipt)
        }
    };
    AttemptResult {
        fault,
        ..finish_attempt(&deliver, &attempt, kind, parts, verdict, receipt).await
    }
}

async fn make_request<D: Deliver>(
    deliver: &D,
    request: Outgoing,
    limit: Duration,
) -> Result<Option<Receipt>, RequestError> {
    let request = panics::catch_async(deliver.deliver(request));
    match timeout(limit, request).await {
        Ok(Ok(delivered)) => delivered.map_err(RequestError::Api),
        Ok(Err(_)) => Err(RequestError::Panicked),
        Err(_) => Err(RequestError::TimedOut(limit)),
    }
}

/// How long a request may take after this many time-outs.
fn time_limit(kind: RequestKind, timeouts: u32) -> Duration {
    let first = match kind {
        RequestKind::Attachment | RequestKind::Download => FILE_TIMEOUT,
        RequestKind::Deletion | RequestKind::KeyboardRemoval | RequestKind::Message => {
            MESSAGE_TIMEOUT
        }
    };
    first
        .saturating_mul(TIMEOUT_FACTOR.saturating_pow(timeouts))
        .min(MAX_TIMEOUT)
}

/// Delivers the receipt, if there is one.
async fn finish_attempt<D: Deliver>(
    deliver: &D,
    attempt: &Attempt,
    kind: RequestKind,
    parts: usize,
    verdict: Verdict,
    receipt: Option<Receipt>,
) -> AttemptResult {
    let mut result = AttemptResult {
        address: attempt.address,
        parts,
        verdict,
        kind,
        fault: String::new(),
        rows: Vec::new(),
        receipt: None,
    };
    let Some(receipt) = receipt else {
        return result;
    };
    match deliver_receipt(deliver, attempt, receipt.clone()).await {
        Some(rows) => result.rows = rows,
        None => {
            result.verdict = Verdict::NotKept;
            let is_sent = matches!(receipt, Receipt::Sent { .. });
            result.receipt = Some(receipt).filter(|_| is_sent);
        }
    }
    result
}

/// Each receipt costs a commit, so a sent message causes one only where the reply asks for it.
fn is_wanted(receipt: &Receipt, row: &OutboxRow) -> bool {
    match receipt {
        Receipt::Sent { .. } => row.reply.wants_receipt,
        Receipt::FileContent(_) | Receipt::Unreachable | Receipt::Moved { .. } => true,
    }
}

/// The receipt that an error about the chat causes.
fn receipt_of(verdict: &Verdict) -> Option<Receipt> {
    match verdict {
        Verdict::ChatGone => Some(Receipt::Unreachable),
        Verdict::Moved { to } => Some(Receipt::Moved { to: *to }),
        Verdict::Done
        | Verdict::AsNew
        | Verdict::OutsideTopic
        | Verdict::Plainer(_)
        | Verdict::Wait(_)
        | Verdict::Again
        | Verdict::TimedOut
        | Verdict::NotKept
        | Verdict::Refused(_) => None,
    }
}

/// The rows that answer a receipt; `None` if it is unknown whether it was committed.
async fn deliver_receipt<D: Deliver>(
    deliver: &D,
    attempt: &Attempt,
    receipt: Receipt,
) -> Option<Vec<OutboxRow>> {
    let chat = attempt.row.id.chat;
    let receiving = deliver.receive(chat, attempt.address, receipt);
    match panics::catch_async(receiving).await.ok()? {
        Ok(rows) => Some(rows),
        Err(error) => {
            tracing::error!(%chat, %error, "a receipt could not be committed; this chat waits");
            None
        }
    }
}

/// The next request and the number of all; `None` if rendering panics.
fn next_request(attempt: &Attempt) -> Option<(Outgoing, usize)> {
    let progress = attempt.progress;
    let inside = !progress.outside_topic;
    let options = RenderOptions {
        thread: attempt.address.thread.filter(|_| inside),
        // A message in a topic cannot be replied to from outside.
        reply_to: attempt.row.reply_to.filter(|_| inside),
        form: progress.form,
        as_new: progress.as_new,
        ..RenderOptions::new(attempt.address.chat, &attempt.bot)
    };
    let mut requests = panics::catch(|| render(&attempt.row.reply, options)).ok()?;
    let parts = requests.len();
    // Every form has the same number of requests.
    let next = progress.parts_done.min(parts.checked_sub(1)?);
    Some((requests.swap_remove(next), parts))
}
