//! Which record is handled next, which one waits, and when Kafka is asked for no more.
//!
//! In: partitions, records, verdicts, the time. Out: tickets for records that may be handled now, and partitions to pause
//! or to resume. No I/O, no clock: the time is an argument.
//!
//! Each partition is a lane: its records are handled one after the other, and a record that is to be handled again holds
//! up its own lane only. Lanes run side by side. A lane that holds as many records as it may stops the consumer from
//! taking more; if it stays so, its partition is paused, so that the others go on and the consumer goes on polling,
//! which it must do to stay in its group (`max.poll.interval.ms`). Pausing right away would be dearer: librdkafka throws
//! away what it has fetched of a paused partition.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use crate::backoff::Backoff;
use crate::offsets::{Epoch, Partition};

/// How many records a lane holds before the consumer takes no more.
const LANE_LEN: usize = 256;

/// How long a full lane may stop the whole consumer.
const STALL: Duration = Duration::from_millis(500);

/// The pauses before the registry is asked again.
const REGISTRY_BACKOFF: Backoff = Backoff { first: Duration::from_millis(100), longest: Duration::from_secs(5) };

/// All lanes.
#[derive(Debug)]
pub(crate) struct Dispatch<R> {
    lanes: BTreeMap<Partition, Lane<R>>,
    /// Lanes whose first record may be handled now.
    ready: VecDeque<Partition>,
    /// Lanes whose first record is to be handled again, and when.
    waiting: Vec<(Instant, Partition)>,
    /// Paused lanes that have room again.
    to_resume: Vec<Partition>,
    /// How many lanes are full and not paused.
    n_full: usize,
    full_since: Option<Instant>,
    backoff: Backoff,
    max_attempts: u32,
}

#[derive(Debug)]
struct Lane<R> {
    epoch: Epoch,
    /// The first one is the one in hand.
    records: VecDeque<R>,
    /// How often the first record was given to its handler.
    attempts: u32,
    /// How often the registry was asked in vain for the first record's schema.
    waits: u32,
    paused: bool,
}

/// The right to handle the first record of a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket {
    pub(crate) partition: Partition,
    pub(crate) epoch: Epoch,
    /// The attempt, counted from 1.
    pub(crate) attempt: u32,
}

/// What came of handling a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is done.
    Done,
    /// Its handler failed or asked for another attempt.
    Again,
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
    /// The record was handled as often as it may be.
    Exhausted,
    /// The partition was taken away in between; the record is somebody else's.
    NotOurs,
}

impl<R> Dispatch<R> {
    pub(crate) fn new(backoff: Backoff, max_attempts: u32) -> Self {
        Self {
            lanes: BTreeMap::new(),
            ready: VecDeque::new(),
            waiting: Vec::new(),
            to_resume: Vec::new(),
            n_full: 0,
            full_since: None,
            backoff,
            max_attempts,
        }
    }

    /// Opens the lane of a partition that is ours from now on.
    pub(crate) fn assign(&mut self, partition: Partition, epoch: Epoch) {
        self.revoke(partition);
        let lane = Lane { epoch, records: VecDeque::new(), attempts: 0, waits: 0, paused: false };
        self.lanes.insert(partition, lane);
    }

    /// Closes the lane of a partition that is no longer ours, and drops its records.
    pub(crate) fn revoke(&mut self, partition: Partition) {
        self.change(partition, |lane| lane.records.clear());
        self.lanes.remove(&partition);
        self.ready.retain(|ready| *ready != partition);
        self.waiting.retain(|(_, waiting)| *waiting != partition);
        self.to_resume.retain(|paused| *paused != partition);
    }

    /// Takes a record; one of a partition that is not ours is dropped.
    pub(crate) fn receive(&mut self, partition: Partition, record: R) {
        let first = self.change(partition, |lane| {
            lane.records.push_back(record);
            lane.records.len() == 1
        });
        if first == Some(true) {
            self.ready.push_back(partition);
        }
    }

    /// Returns whether the consumer may take another record.
    pub(crate) fn has_room(&self) -> bool {
        self.n_full == 0
    }

    /// Returns the right to handle a record that may be handled now, if there is one.
    pub(crate) fn next(&mut self, now: Instant) -> Option<Ticket> {
        if let Some(index) = self.waiting.iter().position(|(due, _)| *due <= now) {
            let (_, partition) = self.waiting.swap_remove(index);
            self.ready.push_back(partition);
        }
        let partition = self.ready.pop_front()?;
        let lane = self.lanes.get_mut(&partition)?;
        lane.attempts += 1;
        Some(Ticket { partition, epoch: lane.epoch, attempt: lane.attempts })
    }

    /// Returns the record that a ticket is for.
    pub(crate) fn record(&self, ticket: Ticket) -> Option<&R> {
        self.lanes.get(&ticket.partition).filter(|lane| lane.epoch == ticket.epoch)?.records.front()
    }

    /// Takes what came of a ticket.
    pub(crate) fn finish(&mut self, ticket: Ticket, verdict: Verdict, now: Instant) -> Next {
        let partition = ticket.partition;
        let Some(lane) = self.lanes.get_mut(&partition).filter(|lane| lane.epoch == ticket.epoch) else {
            return Next::NotOurs;
        };
        match verdict {
            Verdict::Done => {
                self.drop_first(partition);
                Next::Finished
            }
            Verdict::Loaded => {
                lane.attempts -= 1;
                lane.waits = 0;
                self.ready.push_front(partition);
                Next::Waits(Duration::ZERO)
            }
            Verdict::NotLoaded => {
                lane.attempts -= 1;
                lane.waits = lane.waits.saturating_add(1);
                let pause = REGISTRY_BACKOFF.pause(lane.waits);
                self.waiting.push((now + pause, partition));
                Next::Waits(pause)
            }
            Verdict::Again if lane.attempts >= self.max_attempts => Next::Exhausted,
            Verdict::Again => {
                let pause = self.backoff.pause(lane.attempts);
                self.waiting.push((now + pause, partition));
                Next::Waits(pause)
            }
        }
    }

    /// Returns full lanes to pause, once they have stopped the consumer for long enough.
    pub(crate) fn take_pauses(&mut self, now: Instant) -> Vec<Partition> {
        if self.n_full == 0 {
            self.full_since = None;
            return Vec::new();
        }
        let since = *self.full_since.get_or_insert(now);
        if now.duration_since(since) < STALL {
            return Vec::new();
        }
        let full: Vec<_> = self.lanes.iter().filter(|(_, lane)| lane.is_full()).map(|(key, _)| *key).collect();
        for partition in &full {
            self.change(*partition, |lane| lane.paused = true);
        }
        self.full_since = None;
        full
    }

    /// Returns paused lanes that have room again.
    pub(crate) fn take_resumes(&mut self) -> Vec<Partition> {
        std::mem::take(&mut self.to_resume)
    }

    /// Returns when time alone changes something.
    pub(crate) fn wake_at(&self) -> Option<Instant> {
        let waiting = self.waiting.iter().map(|(due, _)| *due);
        waiting.chain(self.full_since.map(|since| since + STALL)).min()
    }

    fn drop_first(&mut self, partition: Partition) {
        let after = self.change(partition, |lane| {
            lane.records.pop_front();
            (lane.attempts, lane.waits) = (0, 0);
            let resume = lane.paused && lane.records.len() <= LANE_LEN / 4;
            lane.paused &= !resume;
            (!lane.records.is_empty(), resume)
        });
        let (more, resume) = after.unwrap_or_default();
        if more {
            self.ready.push_back(partition);
        }
        if resume {
            self.to_resume.push(partition);
        }
    }

    /// Changes a lane and keeps count of the full ones.
    fn change<T>(&mut self, partition: Partition, change: impl FnOnce(&mut Lane<R>) -> T) -> Option<T> {
        let lane = self.lanes.get_mut(&partition)?;
        let before = usize::from(lane.is_full());
        let result = change(lane);
        self.n_full = self.n_full + usize::from(lane.is_full()) - before;
        Some(result)
    }
}

impl<R> Lane<R> {
    fn is_full(&self) -> bool {
        !self.paused && self.records.len() >= LANE_LEN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Partition = Partition { topic: 0, number: 0 };
    const B: Partition = Partition { topic: 0, number: 1 };

    fn dispatch() -> (Dispatch<u32>, Instant) {
        let backoff = Backoff { first: Duration::from_millis(100), longest: Duration::from_secs(1) };
        let mut dispatch = Dispatch::new(backoff, 3);
        dispatch.assign(A, 1);
        dispatch.assign(B, 2);
        (dispatch, Instant::now())
    }

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn a_partition_is_handled_in_order_and_partitions_side_by_side() {
        let (mut dispatch, now) = dispatch();
        dispatch.receive(A, 1);
        dispatch.receive(A, 2);
        dispatch.receive(B, 3);
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
        dispatch.receive(A, 1);
        dispatch.receive(A, 2);
        let ticket = dispatch.next(now).unwrap();
        assert_eq!(dispatch.finish(ticket, Verdict::Again, now), Next::Waits(ms(100)));
        assert_eq!(dispatch.next(now + ms(99)), None);
        assert_eq!(dispatch.wake_at(), Some(now + ms(100)));
        dispatch.receive(B, 3);
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
        dispatch.receive(A, 1);
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
        for record in 0..u32::try_from(LANE_LEN).unwrap() {
            assert!(dispatch.has_room());
            dispatch.receive(A, record);
        }
        assert!(!dispatch.has_room());
        assert_eq!(dispatch.take_pauses(now), []);
        assert_eq!(dispatch.take_pauses(now + ms(499)), []);
        assert_eq!(dispatch.take_pauses(now + ms(500)), [A]);
        assert!(dispatch.has_room());
        for _ in 0..LANE_LEN * 3 / 4 - 1 {
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
        for record in 0..u32::try_from(LANE_LEN).unwrap() {
            dispatch.receive(A, record);
        }
        let ticket = dispatch.next(now).unwrap();
        dispatch.revoke(A);
        assert!(dispatch.has_room());
        assert_eq!(dispatch.record(ticket), None);
        assert_eq!(dispatch.finish(ticket, Verdict::Done, now), Next::NotOurs);
        dispatch.assign(A, 3);
        dispatch.receive(A, 7);
        assert_eq!(dispatch.finish(ticket, Verdict::Done, now), Next::NotOurs);
        let ticket = dispatch.next(now).unwrap();
        assert_eq!(dispatch.record(ticket), Some(&7));
        assert_eq!(dispatch.next(now), None);
    }
}
