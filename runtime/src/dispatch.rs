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

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, VecDeque};
use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use serde::Deserialize;
use tokio::time::Instant;

use crate::backoff::Backoff;
use crate::offsets::{Epoch, Partition};

/// How long a full partition may stop the whole consumer.
const STALL: Duration = Duration::from_millis(500);

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
}

/// All lanes.
#[derive(Debug)]
pub(crate) struct Dispatch<R> {
    order: Order,
    limits: Limits,
    partitions: BTreeMap<Partition, Held>,
    lanes: HashMap<LaneId, Lane<R>>,
    /// Lanes whose first record may be handled now.
    ready: VecDeque<LaneId>,
    /// Lanes whose first record is to be handled again, and when; some of them may be gone by then.
    waiting: BinaryHeap<Reverse<(Instant, LaneId)>>,
    /// How many tickets are out.
    n_running: usize,
    /// Paused partitions that have room again.
    to_resume: Vec<Partition>,
    /// How many partitions are full and not paused.
    n_full: usize,
    full_since: Option<Instant>,
    backoff: Backoff,
    max_attempts: u32,
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
}

/// A lane of one turn of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct LaneId {
    partition: Partition,
    epoch: Epoch,
    number: u64,
}

#[derive(Debug)]
struct Lane<R> {
    /// The one in hand, and its bytes.
    first: (R, usize),
    rest: VecDeque<(R, usize)>,
    /// How often the first record was given to its handler.
    attempts: u32,
    /// How often the registry was asked in vain for the first record's schema.
    waits: u32,
    /// When its handler failed first.
    first_failed: Option<Instant>,
}

/// The right to handle the first record of a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket {
    pub(crate) partition: Partition,
    pub(crate) epoch: Epoch,
    /// The lane among those of its partition.
    lane: u64,
    /// The attempt, counted from 1.
    pub(crate) attempt: u32,
}

impl Ticket {
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
}

/// What follows from a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// The record is finished.
    Finished,
    /// The record will be handled again after so long.
    Waits(Duration),
    /// The record was handled as often as it may be; its ticket is still out, until somebody has taken it.
    Exhausted,
    /// The partition was taken away in between; the record is somebody else's.
    NotOurs,
}

impl<R> Dispatch<R> {
    pub(crate) fn new(order: Order, limits: Limits, backoff: Backoff, max_attempts: u32) -> Self {
        Self {
            order,
            limits,
            partitions: BTreeMap::new(),
            lanes: HashMap::new(),
            ready: VecDeque::new(),
            waiting: BinaryHeap::new(),
            n_running: 0,
            to_resume: Vec::new(),
            n_full: 0,
            full_since: None,
            backoff,
            max_attempts,
            hasher: RandomState::new(),
        }
    }

    /// Takes a partition that is ours from now on.
    pub(crate) fn assign(&mut self, partition: Partition, epoch: Epoch) {
        self.revoke(partition);
        let held = Held { epoch, n_records: 0, n_bytes: 0, paused: false, n_alone: 0 };
        self.partitions.insert(partition, held);
    }

    /// Gives up a partition that is no longer ours, and drops its records.
    pub(crate) fn revoke(&mut self, partition: Partition) {
        self.change(partition, |held| (held.n_records, held.n_bytes) = (0, 0));
        if self.partitions.remove(&partition).is_none() {
            return;
        }
        self.lanes.retain(|lane, _| lane.partition != partition);
        self.ready.retain(|lane| lane.partition != partition);
        self.to_resume.retain(|paused| *paused != partition);
    }

    /// Returns the lane for records of a key; `None` where each has a lane for itself.
    pub(crate) fn lane_of(&self, key: Option<&[u8]>) -> Option<u64> {
        match (self.order, key) {
            (Order::Partition, _) => Some(0),
            (Order::Key, Some(key)) => Some(self.hasher.hash_one(key) & !ALONE),
            (Order::Key, None) | (Order::None, _) => None,
        }
    }

    /// Takes a record of so many bytes for a lane; one of a partition that is not ours is dropped.
    pub(crate) fn receive(&mut self, partition: Partition, lane: Option<u64>, record: R, bytes: usize) {
        let lane = self.change(partition, |held| {
            held.n_records += 1;
            held.n_bytes += bytes;
            held.n_alone += u64::from(lane.is_none());
            LaneId { partition, epoch: held.epoch, number: lane.unwrap_or(ALONE | held.n_alone) }
        });
        let Some(lane) = lane else { return };
        match self.lanes.get_mut(&lane) {
            Some(known) => known.rest.push_back((record, bytes)),
            None => {
                let first = (record, bytes);
                self.lanes
                    .insert(lane, Lane { first, rest: VecDeque::new(), attempts: 0, waits: 0, first_failed: None });
                self.ready.push_back(lane);
            }
        }
    }

    /// Returns whether the consumer may take another record.
    pub(crate) fn has_room(&self) -> bool {
        self.n_full == 0
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
        let id = self.ready.pop_front()?;
        let lane = self.lanes.get_mut(&id)?;
        lane.attempts += 1;
        self.n_running += 1;
        Some(Ticket { partition: id.partition, epoch: id.epoch, lane: id.number, attempt: lane.attempts })
    }

    /// Returns the record that a ticket is for.
    pub(crate) fn record(&self, ticket: Ticket) -> Option<&R> {
        self.lanes.get(&ticket.lane()).map(|lane| &lane.first.0)
    }

    /// Returns when the handler of a ticket's record failed first.
    pub(crate) fn first_failed(&self, ticket: Ticket) -> Option<Instant> {
        self.lanes.get(&ticket.lane())?.first_failed
    }

    /// Takes what came of a ticket.
    pub(crate) fn finish(&mut self, ticket: Ticket, verdict: Verdict, now: Instant) -> Next {
        self.n_running -= 1;
        let id = ticket.lane();
        let Some(lane) = self.lanes.get_mut(&id) else { return Next::NotOurs };
        if matches!(verdict, Verdict::Again | Verdict::Rejected) {
            lane.first_failed.get_or_insert(now);
        }
        let is_last = verdict == Verdict::Rejected || lane.attempts >= self.max_attempts;
        match verdict {
            Verdict::Done => {
                self.drop_first(id);
                Next::Finished
            }
            Verdict::Loaded => {
                lane.attempts -= 1;
                lane.waits = 0;
                self.ready.push_front(id);
                Next::Waits(Duration::ZERO)
            }
            Verdict::NotLoaded => {
                lane.attempts -= 1;
                lane.waits = lane.waits.saturating_add(1);
                let pause = REGISTRY_BACKOFF.pause(lane.waits);
                self.waiting.push(Reverse((now + pause, id)));
                Next::Waits(pause)
            }
            Verdict::Again | Verdict::Rejected if is_last => {
                self.n_running += 1;
                Next::Exhausted
            }
            Verdict::Again | Verdict::Rejected => {
                let pause = self.backoff.pause(lane.attempts);
                self.waiting.push(Reverse((now + pause, id)));
                Next::Waits(pause)
            }
        }
    }

    /// Returns full partitions to pause, once they have stopped the consumer for long enough.
    pub(crate) fn take_pauses(&mut self, now: Instant) -> Vec<Partition> {
        if self.n_full == 0 {
            self.full_since = None;
            return Vec::new();
        }
        let since = *self.full_since.get_or_insert(now);
        if now.duration_since(since) < STALL {
            return Vec::new();
        }
        let limits = self.limits;
        let full: Vec<_> =
            self.partitions.iter().filter(|(_, held)| held.is_full(limits)).map(|(partition, _)| *partition).collect();
        for partition in &full {
            self.change(*partition, |held| held.paused = true);
        }
        self.full_since = None;
        full
    }

    /// Returns paused partitions that have room again.
    pub(crate) fn take_resumes(&mut self) -> Vec<Partition> {
        std::mem::take(&mut self.to_resume)
    }

    /// Returns when time alone changes something.
    pub(crate) fn wake_at(&self) -> Option<Instant> {
        let waiting = self.waiting.peek().map(|Reverse((due, _))| *due);
        waiting.into_iter().chain(self.full_since.map(|since| since + STALL)).min()
    }

    fn drop_first(&mut self, id: LaneId) {
        let Some(lane) = self.lanes.get_mut(&id) else { return };
        let bytes = lane.first.1;
        match lane.rest.pop_front() {
            Some(next) => {
                lane.first = next;
                (lane.attempts, lane.waits, lane.first_failed) = (0, 0, None);
                self.ready.push_back(id);
            }
            None => drop(self.lanes.remove(&id)),
        }
        let limits = self.limits;
        let resumes = self.change(id.partition, |held| {
            held.n_records -= 1;
            held.n_bytes -= bytes;
            let has_room = held.n_records <= limits.records / 4 && held.n_bytes <= limits.bytes / 4;
            let resumes = held.paused && has_room;
            held.paused &= !resumes;
            resumes
        });
        if resumes == Some(true) {
            self.to_resume.push(id.partition);
        }
    }

    /// Changes what is held of a partition and keeps count of the full ones.
    fn change<T>(&mut self, partition: Partition, change: impl FnOnce(&mut Held) -> T) -> Option<T> {
        let held = self.partitions.get_mut(&partition)?;
        let before = usize::from(held.is_full(self.limits));
        let result = change(held);
        self.n_full = self.n_full + usize::from(held.is_full(self.limits)) - before;
        Some(result)
    }
}

impl Held {
    fn is_full(&self, limits: Limits) -> bool {
        !self.paused && (self.n_records >= limits.records || self.n_bytes >= limits.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORDS: usize = 256;

    const A: Partition = Partition { topic: 0, number: 0 };
    const B: Partition = Partition { topic: 0, number: 1 };

    fn dispatch() -> (Dispatch<u32>, Instant) {
        dispatch_in(Order::Partition, usize::MAX)
    }

    fn dispatch_in(order: Order, workers: usize) -> (Dispatch<u32>, Instant) {
        let limits = Limits { workers, records: RECORDS, bytes: 1000 };
        let backoff = Backoff { first: Duration::from_millis(100), longest: Duration::from_secs(1) };
        let mut dispatch = Dispatch::new(order, limits, backoff, 3);
        dispatch.assign(A, 1);
        dispatch.assign(B, 2);
        (dispatch, Instant::now())
    }

    fn receive(dispatch: &mut Dispatch<u32>, partition: Partition, key: Option<&[u8]>, record: u32, bytes: usize) {
        dispatch.receive(partition, dispatch.lane_of(key), record, bytes);
    }

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn a_partition_is_handled_in_order_and_partitions_side_by_side() {
        let (mut dispatch, now) = dispatch();
        receive(&mut dispatch, A, Some(b"k"), 1, 1);
        receive(&mut dispatch, A, Some(b"k"), 2, 1);
        receive(&mut dispatch, B, Some(b"k"), 3, 1);
        let first = dispatch.next(now).unwrap();
        let other = dispatch.next(now).unwrap();
        assert_eq!((dispatch.record(first), dispatch.record(other)), (Some(&1), Some(&3)));
        assert_eq!(dispatch.next(now), None);
        assert_eq!(dispatch.finish(first, Verdict::Done, now), Next::Finished);
        let second = dispatch.next(now).unwrap();
        assert_eq!(dispatch.record(second), Some(&2));
        assert_eq!(second.attempt, 1);
    }

    #[test]
    fn a_record_that_is_to_be_handled_again_holds_up_its_own_partition_only() {
        let (mut dispatch, now) = dispatch();
        receive(&mut dispatch, A, Some(b"k"), 1, 1);
        receive(&mut dispatch, A, Some(b"k"), 2, 1);
        let ticket = dispatch.next(now).unwrap();
        assert_eq!(dispatch.finish(ticket, Verdict::Again, now), Next::Waits(ms(100)));
        assert_eq!(dispatch.next(now + ms(99)), None);
        assert_eq!(dispatch.wake_at(), Some(now + ms(100)));
        receive(&mut dispatch, B, Some(b"k"), 3, 1);
        assert_eq!(dispatch.next(now).unwrap().partition, B);
        let again = dispatch.next(now + ms(100)).unwrap();
        assert_eq!((dispatch.record(again), again.attempt), (Some(&1), 2));
        assert_eq!(dispatch.finish(again, Verdict::Again, now), Next::Waits(ms(200)));
        let last = dispatch.next(now + ms(300)).unwrap();
        assert_eq!(dispatch.finish(last, Verdict::Again, now), Next::Exhausted);
    }

    #[test]
    fn waiting_for_the_registry_uses_up_no_attempt() {
        let (mut dispatch, now) = dispatch();
        receive(&mut dispatch, A, Some(b"k"), 1, 1);
        let mut later = now;
        for pause in [100, 200, 400, 800, 1600, 3200, 5000, 5000] {
            let ticket = dispatch.next(later).unwrap();
            assert_eq!(ticket.attempt, 1);
            assert_eq!(dispatch.finish(ticket, Verdict::NotLoaded, later), Next::Waits(ms(pause)));
            later += ms(pause);
        }
        let ticket = dispatch.next(later).unwrap();
        dispatch.finish(ticket, Verdict::Loaded, later);
        assert_eq!(dispatch.next(later).unwrap().attempt, 1);
    }

    #[test]
    fn a_full_lane_stops_the_consumer_shortly_and_then_its_own_partition() {
        let (mut dispatch, now) = dispatch();
        for record in 0..u32::try_from(RECORDS).unwrap() {
            assert!(dispatch.has_room());
            receive(&mut dispatch, A, Some(b"k"), record, 1);
        }
        assert!(!dispatch.has_room());
        assert_eq!(dispatch.take_pauses(now), []);
        assert_eq!(dispatch.take_pauses(now + ms(499)), []);
        assert_eq!(dispatch.take_pauses(now + ms(500)), [A]);
        assert!(dispatch.has_room());
        for _ in 0..RECORDS * 3 / 4 - 1 {
            let ticket = dispatch.next(now).unwrap();
            dispatch.finish(ticket, Verdict::Done, now);
        }
        assert_eq!(dispatch.take_resumes(), []);
        let ticket = dispatch.next(now).unwrap();
        dispatch.finish(ticket, Verdict::Done, now);
        assert_eq!(dispatch.take_resumes(), [A]);
    }

    #[test]
    fn what_belongs_to_a_partition_that_went_away_is_dropped() {
        let (mut dispatch, now) = dispatch();
        for record in 0..u32::try_from(RECORDS).unwrap() {
            receive(&mut dispatch, A, Some(b"k"), record, 1);
        }
        let ticket = dispatch.next(now).unwrap();
        dispatch.revoke(A);
        assert!(dispatch.has_room());
        assert_eq!(dispatch.record(ticket), None);
        dispatch.assign(A, 3);
        receive(&mut dispatch, A, Some(b"k"), 7, 1);
        assert_eq!(dispatch.finish(ticket, Verdict::Done, now), Next::NotOurs);
        let ticket = dispatch.next(now).unwrap();
        assert_eq!(dispatch.record(ticket), Some(&7));
        assert_eq!(dispatch.next(now), None);
    }

    #[test]
    fn keys_are_handled_in_order_and_side_by_side_on_as_many_workers_as_there_are() {
        let (mut dispatch, now) = dispatch_in(Order::Key, 2);
        for (key, record) in [(b"a", 1), (b"a", 2), (b"b", 3), (b"c", 4)] {
            receive(&mut dispatch, A, Some(key), record, 1);
        }
        let first = dispatch.next(now).unwrap();
        let other = dispatch.next(now).unwrap();
        assert_eq!((dispatch.record(first), dispatch.record(other)), (Some(&1), Some(&3)));
        assert_eq!(dispatch.next(now), None, "both workers are busy");
        assert_eq!(dispatch.finish(first, Verdict::Again, now), Next::Waits(ms(100)));
        let third = dispatch.next(now).unwrap();
        assert_eq!(dispatch.record(third), Some(&4), "the key waits with all its records, and nobody else");
        assert_eq!(dispatch.finish(other, Verdict::Done, now), Next::Finished);
        assert_eq!(dispatch.next(now), None);
        let again = dispatch.next(now + ms(100)).unwrap();
        assert_eq!((dispatch.record(again), again.attempt), (Some(&1), 2));
        dispatch.finish(again, Verdict::Done, now);
        let last = dispatch.next(now).unwrap();
        assert_eq!((dispatch.record(last), last.attempt), (Some(&2), 1));
    }

    #[test]
    fn records_without_key_wait_for_nobody() {
        for (order, key) in [(Order::Key, None), (Order::None, Some(b"k".as_slice()))] {
            let (mut dispatch, now) = dispatch_in(order, 8);
            receive(&mut dispatch, A, key, 1, 1);
            receive(&mut dispatch, A, key, 2, 1);
            let tickets = [dispatch.next(now).unwrap(), dispatch.next(now).unwrap()];
            assert_eq!(tickets.map(|ticket| *dispatch.record(ticket).unwrap()), [1, 2], "{order:?}");
        }
    }

    #[test]
    fn large_records_fill_a_partition_by_their_bytes() {
        let (mut dispatch, now) = dispatch_in(Order::Key, 8);
        receive(&mut dispatch, A, None, 1, 600);
        assert!(dispatch.has_room());
        receive(&mut dispatch, A, None, 2, 600);
        assert!(!dispatch.has_room());
        let ticket = dispatch.next(now).unwrap();
        dispatch.finish(ticket, Verdict::Done, now);
        assert!(dispatch.has_room());
    }

    #[test]
    fn workers_of_a_partition_that_went_away_are_free_when_they_end() {
        let (mut dispatch, now) = dispatch_in(Order::Key, 1);
        receive(&mut dispatch, A, Some(b"a"), 1, 1);
        let ticket = dispatch.next(now).unwrap();
        dispatch.finish(ticket, Verdict::Again, now);
        let ticket = dispatch.next(now + ms(100)).unwrap();
        dispatch.revoke(A);
        receive(&mut dispatch, B, Some(b"a"), 2, 1);
        assert_eq!(dispatch.next(now + ms(100)), None);
        assert_eq!(dispatch.finish(ticket, Verdict::Done, now), Next::NotOurs);
        let ticket = dispatch.next(now + ms(100)).unwrap();
        assert_eq!(dispatch.record(ticket), Some(&2));
    }
}
