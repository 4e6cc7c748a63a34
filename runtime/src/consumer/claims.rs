//! Claims events before their handlers are called, and marks them once they were handled.
//!
//! In: records whose turn it is, and what came of them. Out: whether a record may be handled now, and jobs that end with the
//! mark. A record whose event is claimed keeps its claim while it waits for its next attempt; one that goes elsewhere, such as
//! to the dead letters, gives it up.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::join_all;
use rdkafka::Message;
use tokio::time::Instant;
use uuid::Uuid;

use super::Plan;
use super::step::{Job, Report, Step};
use crate::Error;
use crate::backoff::Backoff;
use crate::dispatch::{Ticket, Verdict};
use crate::handler::Outcome;
use crate::idempotency::{Claim, DedupeStore, EventKey, Owner};
use crate::message::{MESSAGE_ID, header};
use crate::offsets::Partition;
use crate::stats::ConsumerStats;

/// The pauses before a mark is written again that the store did not take.
const BACKOFF: Backoff = Backoff { first: Duration::from_millis(100), longest: Duration::from_secs(5) };

/// How long the claims of a consumer that stops may take to be given up; those that are left expire.
const FAREWELL: Duration = Duration::from_secs(2);

/// A claim is renewed, or made again, when so many parts of its time are over.
const RENEWALS: u32 = 3;

/// The claims of one consumer at work.
pub(super) struct Claims {
    events: Events,
    held: HashMap<Ticket, Held>,
    is_down: bool,
}

/// Makes events of records.
struct Events {
    store: Arc<dyn DedupeStore>,
    group: Arc<str>,
    stats: ConsumerStats,
    last_owner: u128,
}

/// The claim for a record in hand.
struct Held {
    /// `None` where the record has no id: it is handled whenever it comes.
    event: Option<Arc<Event>>,
    /// When the store said yes; `None` while it is asked.
    claimed: Option<Instant>,
    /// A job has the record, and comes back.
    is_out: bool,
}

impl Held {
    fn id(&self) -> Option<&str> {
        self.event.as_ref().map(|event| &*event.key.id)
    }
}

struct Event {
    store: Arc<dyn DedupeStore>,
    key: EventKey,
    owner: Owner,
}

impl Claims {
    /// Returns the claims of a consumer that is to handle each event once.
    pub(super) fn new(plan: &Plan) -> Option<Self> {
        let store = Arc::clone(plan.dedupe.as_ref()?);
        let (group, stats) = (Arc::from(&*plan.group), plan.stats.clone());
        let events = Events { store, group, stats, last_owner: Uuid::now_v7().as_u128() };
        Some(Self { events, held: HashMap::new(), is_down: false })
    }

    /// Tells the store of partitions that were somebody else's until now.
    pub(super) fn partitions_assigned(&self) {
        self.events.store.partitions_assigned();
    }

    /// Returns what must come first, or `None` where the record may be handled now.
    pub(super) fn admit(&mut self, ticket: Ticket, record: &impl Message, now: Instant) -> Option<Step> {
        let renew_after = self.events.store.claim_ttl() / RENEWALS;
        // A ticket is that of its lane, and a copy that was read from a retry topic may have come to stand first there.
        if self.held.get(&ticket.slot()).is_some_and(|held| held.id() != message_id(record)) {
            self.give_up(ticket);
        }
        let held = match self.held.entry(ticket.slot()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(Held { event: self.events.of(record), claimed: None, is_out: false }),
        };
        let event = Arc::clone(held.event.as_ref()?);
        if held.claimed.is_some_and(|at| now.saturating_duration_since(at) < renew_after) {
            return None;
        }
        let mut job: Job = Box::pin(async move {
            let claim = event.store.claim(&event.key, event.owner).await;
            (ticket, Report::Claimed(claim))
        });
        // A store in memory answers at once.
        match (&mut job).now_or_never() {
            Some((ticket, Report::Claimed(Ok(Claim::New)))) => {
                self.claimed(ticket, Ok(Claim::New), now);
                None
            }
            Some(answer) => Some(Step::Job(Box::pin(std::future::ready(answer)))),
            None => Some(Step::Job(job)),
        }
    }

    /// Takes the store's answer.
    pub(super) fn claimed(&mut self, ticket: Ticket, answer: Result<Claim, Error>, now: Instant) -> Verdict {
        match answer {
            Ok(claim) => {
                if std::mem::take(&mut self.is_down) {
                    tracing::info!("the store of handled events answers again");
                }
                self.follow(ticket, claim, now)
            }
            Err(error) => {
                if !std::mem::replace(&mut self.is_down, true) {
                    tracing::warn!(?error, "the store of handled events does not answer; records wait, none is lost");
                }
                Verdict::NotLoaded
            }
        }
    }

    fn follow(&mut self, ticket: Ticket, claim: Claim, now: Instant) -> Verdict {
        match claim {
            Claim::New => {
                if let Some(held) = self.held.get_mut(&ticket.slot()) {
                    held.claimed = Some(now);
                }
                Verdict::Loaded
            }
            Claim::Duplicate => {
                self.held.remove(&ticket.slot());
                Verdict::Done
            }
            Claim::InProgress => Verdict::NotLoaded,
        }
    }

    /// Returns the job with what the claim asks for: it is renewed while the job runs, and a handled event is marked
    /// before the job ends, so that no offset is committed before the mark is there.
    pub(super) fn guard(&mut self, ticket: Ticket, job: Job) -> Job {
        let Some(held) = self.held.get_mut(&ticket.slot()) else { return job };
        held.is_out = true;
        let Some(event) = held.event.clone().filter(|_| held.claimed.is_some()) else { return job };
        Box::pin(async move {
            let (ticket, report) = event.keep(job).await;
            match &report {
                Report::Handled(Outcome::Done, _) => event.mark().await,
                Report::Buried(Ok(())) | Report::Moved(Ok(_)) => event.release().await,
                // It waits for its next attempt, or for whoever handles it after us.
                Report::Handled(..)
                | Report::Panicked(..)
                | Report::Batch(..)
                | Report::Buried(Err(_))
                | Report::Moved(Err(_))
                | Report::Loaded(_)
                | Report::Claimed(_) => {}
            }
            (ticket, report)
        })
    }

    /// Takes note that a job came back.
    pub(super) fn returned(&mut self, ticket: Ticket) {
        if let Some(held) = self.held.get_mut(&ticket.slot()) {
            held.is_out = false;
        }
    }

    /// Gives up the claims of records that wait on a partition that is no longer ours. Those that a job has are given up when it
    /// comes back: their handlers run.
    pub(super) fn revoked(&mut self, partition: Partition) {
        let waits = |ticket: &Ticket, held: &Held| ticket.partition == partition && !held.is_out;
        let waiting: Vec<_> =
            self.held.iter().filter(|(ticket, held)| waits(ticket, held)).map(|(ticket, _)| *ticket).collect();
        waiting.into_iter().for_each(|ticket| self.give_up(ticket));
    }

    /// Takes note that a record is finished, its event marked or released by its job.
    pub(super) fn ended(&mut self, ticket: Ticket) {
        self.held.remove(&ticket.slot());
    }

    /// Gives up the claim of a record that is no longer ours, or that nobody wanted.
    pub(super) fn give_up(&mut self, ticket: Ticket) {
        if let Some(Held { event: Some(event), .. }) = self.held.remove(&ticket.slot()) {
            tokio::spawn(async move { event.release().await });
        }
    }

    /// Gives up all claims of a consumer that stops.
    pub(super) async fn give_up_all(&mut self) {
        let events: Vec<_> = self.held.drain().filter_map(|(_, held)| held.event).collect();
        let released = join_all(events.iter().map(|event| event.release()));
        if tokio::time::timeout(FAREWELL, released).await.is_err() {
            tracing::warn!("claims could not be given up; their events will be handled once they expire");
        }
    }
}

impl Events {
    /// Returns the event of a record, unless it has no id.
    fn of(&mut self, record: &impl Message) -> Option<Arc<Event>> {
        let Some(id) = message_id(record) else {
            if self.stats.count_without_id() == 1 {
                let (topic, partition, offset) = (record.topic(), record.partition(), record.offset());
                tracing::warn!(
                    topic,
                    partition,
                    offset,
                    "a record has no `{MESSAGE_ID}`, so that nobody can tell whether its event was handled before; such records \
                     are handled, and counted without further warnings"
                );
            }
            return None;
        };
        self.last_owner = self.last_owner.wrapping_add(1);
        let key = EventKey::new(Arc::clone(&self.group), id);
        Some(Arc::new(Event { store: Arc::clone(&self.store), key, owner: Owner(self.last_owner) }))
    }
}

impl Event {
    /// Waits for a job, and claims the event again from time to time so that nobody else takes it for abandoned.
    async fn keep(&self, mut job: Job) -> (Ticket, Report) {
        let interval = self.store.claim_ttl() / RENEWALS;
        loop {
            if let Ok(ended) = tokio::time::timeout(interval, &mut job).await {
                return ended;
            }
            match self.store.claim(&self.key, self.owner).await {
                Ok(Claim::New) => {}
                Ok(claim) => tracing::warn!(
                    id = &*self.key.id,
                    ?claim,
                    "this process stood still for longer than `idempotency.claim_ttl_ms`, and another one took an event that it \
                     is handling: both handle it"
                ),
                Err(error) => tracing::debug!(?error, "a claim was not renewed"),
            }
        }
    }

    /// Marks the event as handled, however long that takes.
    async fn mark(&self) {
        for attempt in 1.. {
            let Err(error) = self.store.done(&self.key).await else { return };
            tracing::warn!(?error, "a handled event was not marked; trying again, and its record is kept until then");
            tokio::time::sleep(BACKOFF.pause(attempt)).await;
        }
    }

    /// Gives up the claim; where that fails, it expires.
    async fn release(&self) {
        if let Err(error) = self.store.release(&self.key, self.owner).await {
            tracing::debug!(?error, "a claim was not given up; it expires");
        }
    }
}

/// Returns the id of the event, if the record has one that is text.
fn message_id(record: &impl Message) -> Option<&str> {
    header(record, MESSAGE_ID).filter(|id| !id.is_empty())
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use rdkafka::Timestamp;
    use rdkafka::message::{Header, OwnedHeaders, OwnedMessage};

    use super::*;
    use crate::Settings;
    use crate::dispatch::{Dispatch, Order};
    use crate::idempotency::MemoryStore;
    use crate::retry::Retry;

    fn record(id: &str) -> OwnedMessage {
        let headers = OwnedHeaders::new().insert(Header { key: MESSAGE_ID, value: Some(id) });
        OwnedMessage::new(None, None, "orders".into(), Timestamp::NotAvailable, 0, 0, Some(headers))
    }

    /// The right to handle the first record of a lane.
    fn ticket(now: Instant) -> Ticket {
        let partition = Partition { topic: 0, number: 0 };
        let limits = Settings::default().consumer.limits();
        let mut dispatch = Dispatch::new(Order::Partition, limits, Retry::default());
        dispatch.assign(partition, 1);
        dispatch.receive(partition, dispatch.lane_of(None), (), 0);
        dispatch.next(now).unwrap()
    }

    #[tokio::test]
    async fn a_record_that_comes_to_stand_first_is_not_taken_for_the_one_behind_it() {
        let store: Arc<dyn DedupeStore> = Arc::new(MemoryStore::new(&Settings::default().idempotency));
        let (group, stats) = (Arc::from("g"), ConsumerStats::default());
        let events = Events { store: Arc::clone(&store), group, stats, last_owner: 0 };
        let mut claims = Claims { events, held: HashMap::new(), is_down: false };
        let (now, key) = (Instant::now(), |id| EventKey::new("g", id));
        let ticket = ticket(now);
        assert!(claims.admit(ticket, &record("later"), now).is_none());
        assert!(claims.admit(ticket, &record("earlier"), now).is_none());
        let job = claims.guard(ticket, Box::pin(ready((ticket, Report::Handled(Outcome::Done, None)))));
        let (ticket, _) = job.await;
        claims.returned(ticket);
        claims.ended(ticket);
        assert_eq!(store.claim(&key("earlier"), Owner(99)).await.unwrap(), Claim::Duplicate);
        let given_up = async {
            while store.claim(&key("later"), Owner(99)).await.unwrap() != Claim::New {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), given_up).await.expect("nobody has handled it");
    }
}
