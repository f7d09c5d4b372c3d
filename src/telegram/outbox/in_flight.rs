//! The requests in flight, and how many more there may be. A request that takes long leaves its place to others: a chat
//! whose requests hang must not hold up the chats that answer.

use std::{collections::BTreeSet, time::Duration};

use futures::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use tokio::time::Instant;

use super::attempt::AttemptResult;
use crate::{dialogue::Address, telegram::gcra::Moment};

/// Maximum concurrent requests that are young. At 30 messages/s and 0.1 s each, three are used; the rest covers chats
/// that begin to hang at the same time.
pub(super) const MAX_YOUNG: usize = 96;
/// How long a request counts as young. Telegram usually answers within a tenth of that.
pub(super) const YOUNG_FOR: Duration = Duration::from_secs(1);
/// Maximum concurrent requests of any age. Each may be a connection, of which a process usually may have 1,024.
pub(super) const MAX_IN_FLIGHT: usize = 256;

#[derive(Default)]
pub(super) struct InFlight {
    requests: FuturesUnordered<BoxFuture<'static, (Instant, AttemptResult)>>,
    /// The young ones, by when they were started. An address has at most one request in flight.
    young: BTreeSet<(Instant, Address)>,
}

impl InFlight {
    pub(super) fn push(
        &mut self,
        address: Address,
        request: impl Future<Output = AttemptResult> + Send + 'static,
        now: Instant,
    ) {
        self.young.insert((now, address));
        self.requests
            .push(request.map(move |result| (now, result)).boxed());
    }

    /// The result of the request that ends next; `None` if none is in flight.
    pub(super) async fn next(&mut self) -> Option<AttemptResult> {
        let (started, result) = self.requests.next().await?;
        self.young.remove(&(started, result.address));
        Some(result)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// Whether another request may be started.
    pub(super) fn has_room(&mut self, now: Instant) -> bool {
        while self
            .young
            .first()
            .is_some_and(|(at, _)| at.plus(YOUNG_FOR) <= now)
        {
            self.young.pop_first();
        }
        self.young.len() < MAX_YOUNG && self.requests.len() < MAX_IN_FLIGHT
    }

    /// From when on another request may be started; `None` if one of those in flight has to end first.
    pub(super) fn room_at(&self, now: Instant) -> Option<Instant> {
        let oldest = self.young.first().filter(|_| self.young.len() >= MAX_YOUNG);
        let at = oldest.map_or(now, |(at, _)| at.plus(YOUNG_FOR));
        (self.requests.len() < MAX_IN_FLIGHT).then_some(at)
    }
}
