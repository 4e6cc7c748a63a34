//! Which record is handled next, which one waits, and when Kafka is asked for no more.
//!
//! In: partitions, records, verdicts, the time. Out: tickets for records that may be handled now, and partitions to pause
//! or to resume. No I/O, no clock: the time is an argument.
//!
//! A lane is what must be handled in order: all records of a partition, those of one key, or each record by itself, as
//! [`Order`] says. Its records are handled one after the other, and a record that is to be handled again holds up its own lane
//! only. Lanes run side by side, on so many workers at most. Keys are not dealt out to workers: whichever is free takes the
//! next lane, so that a slow key costs one worker and no other key.
//!
//! A partition that holds as many records, or bytes, as it may stops the consumer from taking more; if it stays so, it is
//! paused, so that the others go on and the consumer goes on polling, which it must do to stay in its group
//! (`max.poll.interval.ms`). Pausing right away would be dearer: librdkafka throws away what it has fetched of a paused partition.
//!
//! A partition may be held, for one [`Hold`] or several: its records are taken and kept, and none begins until it is released
//! from all of them. What runs already runs on. It stops nobody else: it is paused as soon as it is full.

mod batch;
mod chain;
mod hold;
mod lane;
mod pass;
mod room;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, VecDeque};
use std::hash::{BuildHasher as _, RandomState};
use std::time::{Duration, SystemTime};

use serde::Deserialize;
use tokio::time::Instant;

use self::chain::{Chain, Origin};
pub(crate) use self::chain::{Place, Redirect, Returned};
pub(crate) use self::hold::Hold;
use self::lane::{Item, Lane, LaneId};
use self::room::STALL;
use crate::backoff::Backoff;
use crate::offsets::{Epoch, Partition};
use crate::retry::Retry;

/// The pauses before the registry is asked again.
const REGISTRY_BACKOFF: Backoff = Backoff { first: Duration::from_millis(100), longest: Duration::from_secs(5) };

/// The lanes of records without key have this bit, those of keys do not.
const ALONE: u64 = 1 << 63;

/// What is handled in order, one record after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// The records of a partition.
    #[default]
    Partition,
    /// The records of a key; those without key are in no order.
    Key,
    /// Nothing: every record as soon as a worker is free.
    None,
}

/// How much is in hand at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// How many handlers run at once.
    pub(crate) workers: usize,
    /// How many records a partition holds before the consumer takes no more.
    pub(crate) records: usize,
    /// How many bytes of keys and values.
    pub(crate) bytes: usize,
    /// How many records of a retry topic's partition are read ahead of their time, so that one with a long pause does not hold
    /// up one with a short pause behind it.
    pub(crate) read_ahead: usize,
}

/// All lanes.
#[derive(Debug)]
pub(crate) struct Dispatch<R> {
    order: Order,
    limits: Limits,
    partitions: BTreeMap<Partition, Held>,
    /// What is hashed is no text of others, but numbers of ours and hashes of keys, so that a quick hash is as good as a strong one.
    lanes: HashMap<LaneId, Lane<R>, foldhash::fast::RandomState>,
    /// Lanes whose first record may be handled now.
    ready: VecDeque<LaneId>,
    /// Lanes whose first record is to be handled again, and when; some of them may be gone by then.
    waiting: BinaryHeap<Reverse<(Instant, LaneId)>>,
    /// How many tickets are out.
    n_running: usize,
    /// Paused partitions that have room again.
    to_resume: Vec<Partition>,
    /// Keys of which there is something in retry topics that was not read yet.
    chains: HashMap<LaneId, Chain>,
    redirects: Vec<(Redirect, R)>,
    /// Copies that are finished because there is another one of the same record.
    discarded: Vec<Place>,
    /// Partitions of retry topics of which enough was read for now.
    to_pause: Vec<Partition>,
    /// How many partitions are full and not paused.
    n_full: usize,
    full_since: Option<Instant>,
    retry: Retry,
    hasher: RandomState,
}

/// What is held of a partition.
#[derive(Debug)]
struct Held {
    epoch: Epoch,
    n_records: usize,
    n_bytes: usize,
    paused: bool,
    /// How many lanes of one record there were.
    n_alone: u64,
    is_retry: bool,
    /// The offset of a retry topic's partition up to which it was read.
    position: i64,
    /// Copies in a retry topic's partition that were not read yet, and the lanes of the main topic that they block.
    unread: BTreeMap<i64, (LaneId, Origin)>,
    holds: Vec<Hold>,
    /// How many records of the main topic have come.
    n_received: u64,
    /// The number behind the last record that has begun.
    n_begun: u64,
    /// The partition is being wound up: no record of this number or behind it begins any more.
    limit: Option<u64>,
    /// Lanes whose turn came while the partition was held.
    parked: VecDeque<LaneId>,
}

/// The right to handle the first record of a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Ticket {
    pub(crate) partition: Partition,
    pub(crate) epoch: Epoch,
    /// The lane among those of its partition.
    lane: u64,
    /// The attempt, counted from 1.
    pub(crate) attempt: u32,
    /// What was learnt of the record on the way to its handler.
    pub(crate) seen: Seen,
}

/// What is told of a record's end, and no decision depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Seen {
    /// The event, among those of the topic.
    pub(crate) event: Option<usize>,
    /// When the attempt began.
    pub(crate) started: Option<Instant>,
    /// Why the record becomes a dead letter.
    pub(crate) death: Option<&'static str>,
}

impl Ticket {
    pub(crate) fn with(self, seen: Seen) -> Self {
        Self { seen, ..self }
    }

    /// Returns what the tickets of all attempts at a record have in common.
    pub(crate) fn slot(self) -> Self {
        Self { attempt: 0, seen: Seen::default(), ..self }
    }

    fn lane(self) -> LaneId {
        LaneId { partition: self.partition, epoch: self.epoch, number: self.lane }
    }
}

/// What came of handling a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is done.
    Done,
    /// Its handler failed or asked for another attempt.
    Again,
    /// Another attempt would not help.
    Rejected,
    /// Its schema is loaded now; it can be handled at once.
    Loaded,
    /// Its schema cannot be loaded now; the attempt does not count.
    NotLoaded,
    /// It may not be handled now, and its partition is held; the attempt does not count.
    Held(Hold),
    /// It waits so long for others to be handled with it, until they are so many; the attempt does not count.
    Gathers(Duration, usize),
    /// It was the first of so many that failed as a batch: each of them is handled by itself; the attempt does not count.
    Split(usize),
}

/// What follows from a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// The record is finished.
    Finished,
    /// The record will be handled again after so long.
    Waits(Duration),
    /// The record must be copied to that retry topic, counted from 1, and handled again after so long; its ticket is still out,
    /// until it was [`moved`](Dispatch::moved).
    Moves(u32, Duration),
    /// The record will be handled again after its partition is released.
    Held,
    /// The record was handled as often as it may be; its ticket is still out, until somebody has taken it.
    Exhausted,
    /// The partition was taken away in between; the record is somebody else's.
    NotOurs,
}

impl<R> Dispatch<R> {
    pub(crate) fn new(order: Order, limits: Limits, retry: Retry) -> Self {
        Self {
            order,
            limits,
            partitions: BTreeMap::new(),
            lanes: HashMap::default(),
            ready: VecDeque::new(),
            waiting: BinaryHeap::new(),
            n_running: 0,
            to_resume: Vec::new(),
            chains: HashMap::new(),
            redirects: Vec::new(),
            discarded: Vec::new(),
            to_pause: Vec::new(),
            n_full: 0,
            full_since: None,
            retry,
            hasher: RandomState::new(),
        }
    }

    /// Takes a partition that is ours from now on; nothing holds it.
    pub(crate) fn assign(&mut self, partition: Partition, epoch: Epoch) {
        self.revoke(partition);
        let held = Held {
            epoch,
            n_records: 0,
            n_bytes: 0,
            paused: false,
            n_alone: 0,
            is_retry: false,
            position: 0,
            unread: BTreeMap::new(),
            holds: Vec::new(),
            n_received: 0,
            n_begun: 0,
            limit: None,
            parked: VecDeque::new(),
        };
        self.partitions.insert(partition, held);
    }

    /// Gives up a partition that is no longer ours, and drops its records.
    pub(crate) fn revoke(&mut self, partition: Partition) {
        self.change(partition, |held| (held.n_records, held.n_bytes) = (0, 0));
        if self.partitions.remove(&partition).is_none() {
            return;
        }
        self.lanes.retain(|lane, _| lane.partition != partition);
        self.chains.retain(|lane, _| lane.partition != partition);
        self.redirects.retain(|(redirect, _)| redirect.partition() != partition);
        self.discarded.retain(|place| place.partition != partition);
        self.to_pause.retain(|paused| *paused != partition);
        self.ready.retain(|lane| lane.partition != partition);
        self.to_resume.retain(|paused| *paused != partition);
    }

    /// Returns the partitions that are ours.
    pub(crate) fn partitions(&self) -> impl Iterator<Item = Partition> {
        self.partitions.keys().copied()
    }

    /// Returns the lane for records of a key; `None` where each has a lane for itself.
    pub(crate) fn lane_of(&self, key: Option<&[u8]>) -> Option<u64> {
        match (self.order, key) {
            (Order::Partition, _) => Some(0),
            (Order::Key, Some(key)) => Some(self.hasher.hash_one(key) & !(ALONE | chain::CHAIN)),
            (Order::Key, None) | (Order::None, _) => None,
        }
    }

    /// Takes a record of so many bytes for a lane; one of a partition that is not ours is dropped.
    pub(crate) fn receive(&mut self, partition: Partition, lane: Option<u64>, record: R, bytes: usize) {
        let lane = self.change(partition, |held| {
            held.n_records += 1;
            held.n_bytes += bytes;
            held.n_alone += u64::from(lane.is_none());
            held.n_received += 1;
            let lane = LaneId { partition, epoch: held.epoch, number: lane.unwrap_or(ALONE | held.n_alone) };
            (lane, held.n_received - 1)
        });
        let Some((lane, number)) = lane else { return };
        let item = Item { record, bytes, number, returned: None };
        match self.lanes.get_mut(&lane) {
            Some(known) => {
                known.rest.push_back(item);
                if known.gathers > 0 && known.rest.len() + 1 >= known.gathers {
                    known.gathers = 0;
                    self.waiting.retain(|Reverse((_, waiting))| *waiting != lane);
                    self.ready.push_back(lane);
                }
            }
            None => {
                self.lanes.insert(lane, Lane::new(item));
                self.ready.push_back(lane);
            }
        }
    }

    /// Returns the right to handle a record that may be handled now, if there is one and a worker is free.
    pub(crate) fn next(&mut self, now: Instant) -> Option<Ticket> {
        while let Some(Reverse((due, lane))) = self.waiting.peek().copied()
            && (due <= now || !self.lanes.contains_key(&lane))
        {
            self.waiting.pop();
            self.ready.extend(self.lanes.contains_key(&lane).then_some(lane));
        }
        if self.n_running >= self.limits.workers {
            return None;
        }
        let id = self.next_ready(now)?;
        let lane = self.lanes.get_mut(&id)?;
        lane.attempts += 1;
        lane.is_running = true;
        lane.gathers = 0;
        self.n_running += 1;
        if let Some(held) = self.partitions.get_mut(&id.partition).filter(|_| lane.first.returned.is_none()) {
            held.n_begun = held.n_begun.max(lane.first.number + 1);
        }
        let (partition, epoch, attempt) = (id.partition, id.epoch, lane.attempts);
        Some(Ticket { partition, epoch, lane: id.number, attempt, seen: Seen::default() })
    }

    /// Takes the next lane that may go on; those of held partitions are parked, and blocked ones are redirected.
    fn next_ready(&mut self, now: Instant) -> Option<LaneId> {
        while let Some(lane) = self.ready.pop_front() {
            if self.is_held(lane) {
                self.park(lane);
            } else if self.is_blocked(lane) {
                self.redirect(lane);
            } else if let Some(due) = self.due(lane).filter(|due| *due > now) {
                // Another record came to stand first in the meantime.
                self.waiting.push(Reverse((due, lane)));
            } else if !self.parks(lane) {
                return Some(lane);
            }
        }
        None
    }

    /// Returns the record that a ticket is for.
    pub(crate) fn record(&self, ticket: Ticket) -> Option<&R> {
        self.lanes.get(&ticket.lane()).map(|lane| &lane.first.record)
    }

    /// Returns where the record of a ticket was read, where that is a retry topic.
    pub(crate) fn place(&self, ticket: Ticket) -> Option<Place> {
        Some(self.lanes.get(&ticket.lane())?.first.returned.as_ref()?.place)
    }

    /// Returns when the handler of a ticket's record failed first; `time` is the time of day, now.
    pub(crate) fn first_failed_at(&self, ticket: Ticket, now: Instant, time: SystemTime) -> SystemTime {
        let Some(lane) = self.lanes.get(&ticket.lane()) else { return time };
        let before = lane.first.returned.as_ref().and_then(|returned| returned.first_failed_at);
        before.unwrap_or_else(|| {
            let ago = lane.first_failed.map(|first| now.saturating_duration_since(first));
            time - ago.unwrap_or_default()
        })
    }

    /// Takes what came of a ticket.
    pub(crate) fn finish(&mut self, ticket: Ticket, verdict: Verdict, now: Instant) -> Next {
        self.n_running -= 1;
        let id = ticket.lane();
        let Some(lane) = self.lanes.get_mut(&id) else { return Next::NotOurs };
        if matches!(verdict, Verdict::Again | Verdict::Rejected) {
            lane.first_failed.get_or_insert(now);
        }
        match verdict {
            Verdict::Done => {
                if lane.first.returned.is_some() {
                    let origin = lane.first.origin();
                    self.discard_copies(id, origin);
                }
                self.drop_first(id);
                Next::Finished
            }
            Verdict::Loaded => {
                lane.attempts -= 1;
                lane.is_running = false;
                lane.waits = 0;
                self.ready.push_front(id);
                Next::Waits(Duration::ZERO)
            }
            Verdict::NotLoaded => {
                lane.attempts -= 1;
                lane.is_running = false;
                lane.waits = lane.waits.saturating_add(1);
                let pause = REGISTRY_BACKOFF.pause(lane.waits);
                self.waiting.push(Reverse((now + pause, id)));
                Next::Waits(pause)
            }
            Verdict::Held(hold) => {
                lane.attempts -= 1;
                lane.is_running = false;
                self.hold(ticket.partition, hold);
                self.ready.push_back(id);
                Next::Held
            }
            Verdict::Gathers(wait, n_records) => {
                lane.attempts -= 1;
                lane.is_running = false;
                (lane.gathers, lane.has_gathered) = (n_records, true);
                self.waiting.push(Reverse((now + wait, id)));
                Next::Waits(wait)
            }
            Verdict::Split(n_records) => {
                lane.attempts -= 1;
                lane.is_running = false;
                lane.n_alone = n_records;
                let pause = self.retry.backoff;
                self.waiting.push(Reverse((now + pause, id)));
                Next::Waits(pause)
            }
            Verdict::Again => {
                let failed_for = lane.first_failed.map_or(Duration::ZERO, |first| now.saturating_duration_since(first));
                let chance = chance(&self.hasher, (now, id));
                let Some(pause) = self.retry.pause(lane.attempts, failed_for, chance) else {
                    self.n_running += 1;
                    return Next::Exhausted;
                };
                let tier = self.retry.tier(lane.attempts);
                if tier > lane.first.tier() {
                    return Next::Moves(tier, pause);
                }
                lane.is_running = false;
                if let Some(returned) = &mut lane.first.returned {
                    returned.due = now + pause;
                }
                self.waiting.push(Reverse((now + pause, id)));
                Next::Waits(pause)
            }
            Verdict::Rejected => {
                self.n_running += 1;
                Next::Exhausted
            }
        }
    }

    /// Returns when time alone changes something.
    pub(crate) fn wake_at(&self) -> Option<Instant> {
        let waiting = self.waiting.peek().map(|Reverse((due, _))| *due);
        waiting.into_iter().chain(self.full_since.map(|since| since + STALL)).min()
    }

    fn drop_first(&mut self, id: LaneId) {
        let Some(lane) = self.lanes.get_mut(&id) else { return };
        let bytes = lane.first.bytes;
        let partition = lane.first.returned.as_ref().map_or(id.partition, |returned| returned.place.partition);
        lane.is_running = false;
        match lane.rest.pop_front() {
            Some(next) => {
                let is_returned = next.returned.is_some();
                lane.first = next;
                lane.begin_first();
                if is_returned {
                    self.schedule(id);
                } else {
                    self.ready.push_back(id);
                }
            }
            None => drop(self.lanes.remove(&id)),
        }
        self.release_room(partition, bytes);
    }
}

/// Returns a number from 0 to 1 that differs from consumer to consumer.
fn chance(hasher: &RandomState, of: impl std::hash::Hash) -> f64 {
    let upper = u32::try_from(hasher.hash_one(of) >> 32).unwrap_or(u32::MAX);
    f64::from(upper) / f64::from(u32::MAX)
}

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
