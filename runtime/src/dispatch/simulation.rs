//! Consumers that handle, fail, copy to retry topics, crash and start again, in every order that chance finds: no record is lost,
//! and none is handled before all earlier ones of its key are finished.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::*;
use crate::offsets::Offsets;

const KEYS: u64 = 3;
const RECORDS: usize = 40;
const MAIN: Partition = Partition { topic: 0, number: 0 };

/// A record of the main topic or of a retry topic.
#[derive(Debug, Clone, Copy)]
struct Record {
    key: u8,
    /// Its place among those of its key.
    number: u32,
    offset: i64,
    failed: u32,
    due: Instant,
}

/// Numbers that look like chance and are the same in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
}

/// A copy on its way to a retry topic.
enum Copy {
    Move(Ticket),
    Redirect(Redirect),
}

struct Consumer {
    dispatch: Dispatch<Record>,
    offsets: Offsets,
    epoch: Epoch,
    /// What is read next of each topic.
    positions: Vec<usize>,
    running: Vec<Ticket>,
    /// In the order of the calls, which the broker keeps.
    writes: VecDeque<(Copy, Record, u32)>,
    acks: Vec<(Copy, Record, Place)>,
}

/// Kafka, and what the handlers did.
struct World {
    chance: Chance,
    now: Instant,
    retry: Retry,
    /// The main topic and its retry topics.
    logs: Vec<Vec<Record>>,
    committed: Vec<i64>,
    /// How often each record of a key was finished.
    finished: BTreeMap<u8, BTreeMap<u32, u32>>,
}

fn tier_partition(tier: u32) -> Partition {
    Partition { topic: tier.try_into().unwrap(), number: 0 }
}

impl World {
    fn new(seed: u64, retry: Retry) -> Self {
        let mut chance = Chance(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let now = Instant::now();
        let mut numbers = BTreeMap::new();
        let mut logs = vec![Vec::new(); 1 + usize::try_from(retry.topics).unwrap()];
        for offset in 0..RECORDS {
            let key = u8::try_from(chance.below(KEYS.try_into().unwrap())).unwrap();
            let number = numbers.entry(key).or_insert(0);
            logs[0].push(Record { key, number: *number, offset: offset.try_into().unwrap(), failed: 0, due: now });
            *number += 1;
        }
        let committed = vec![0; logs.len()];
        Self { chance, now, retry, logs, committed, finished: BTreeMap::new() }
    }

    /// A consumer starts: it reads the retry topics to their ends before it handles anything.
    fn start(&mut self) -> Consumer {
        let limits =
            Limits { workers: 1 + self.chance.below(4), records: 8, bytes: 1000, read_ahead: 1 + self.chance.below(6) };
        let mut consumer = Consumer {
            dispatch: Dispatch::new(Order::Key, limits, self.retry.clone()),
            offsets: Offsets::default(),
            epoch: 0,
            positions: self.committed.iter().map(|offset| usize::try_from(*offset).unwrap()).collect(),
            running: Vec::new(),
            writes: VecDeque::new(),
            acks: Vec::new(),
        };
        consumer.epoch = consumer.offsets.assign(MAIN);
        consumer.dispatch.assign(MAIN, consumer.epoch);
        consumer.dispatch.hold(MAIN, Hold::Loading);
        for tier in 1..=self.retry.topics {
            consumer.offsets.assign_as(tier_partition(tier), consumer.epoch);
            consumer.dispatch.assign_retry(tier_partition(tier), consumer.epoch);
        }
        for tier in 1..=self.retry.topics {
            self.load(&mut consumer, tier);
        }
        consumer.dispatch.release(MAIN, Hold::Loading);
        consumer
    }

    /// Takes what there is room for, and notes the rest, to be read again later.
    fn load(&self, consumer: &mut Consumer, tier: u32) {
        while self.read_retry(consumer, tier) {}
        let index = usize::try_from(tier).unwrap();
        for (offset, record) in self.logs[index].iter().enumerate().skip(consumer.positions[index]) {
            let place = Place { partition: tier_partition(tier), tier, offset: offset.try_into().unwrap() };
            let lane = consumer.dispatch.lane_of(Some(&[record.key])).unwrap();
            consumer.dispatch.note_unread((MAIN, lane), place, record.offset);
        }
    }

    fn read_main(&mut self, consumer: &mut Consumer) {
        if !consumer.dispatch.has_room() {
            return;
        }
        let Some(record) = self.logs[0].get(consumer.positions[0]).copied() else { return };
        consumer.positions[0] += 1;
        consumer.offsets.begin(MAIN, record.offset, None);
        let lane = consumer.dispatch.lane_of(Some(&[record.key]));
        match consumer.dispatch.pass(MAIN, lane) {
            None => consumer.dispatch.receive(MAIN, lane, record, 1),
            Some(ticket) => {
                self.check_order(record);
                if self.chance.below(3) == 0 {
                    consumer.dispatch.passed();
                    self.finished(consumer, record, (MAIN, record.offset));
                } else {
                    consumer.dispatch.enter(ticket, record, 1);
                    consumer.running.push(ticket);
                }
            }
        }
    }

    fn check_order(&mut self, record: Record) {
        let earlier: BTreeSet<u32> = (0..record.number).collect();
        let finished: BTreeSet<u32> = self.finished.entry(record.key).or_default().keys().copied().collect();
        assert!(finished.is_superset(&earlier), "{record:?} overtakes one of {earlier:?}; finished: {finished:?}");
    }

    fn finished(&mut self, consumer: &mut Consumer, record: Record, (partition, offset): (Partition, i64)) {
        *self.finished.entry(record.key).or_default().entry(record.number).or_default() += 1;
        consumer.offsets.finish(partition, consumer.epoch, offset);
    }

    fn read_retry(&self, consumer: &mut Consumer, tier: u32) -> bool {
        let index = usize::try_from(tier).unwrap();
        let Some(record) = self.logs[index].get(consumer.positions[index]) else { return false };
        if !consumer.dispatch.has_room_for(tier_partition(tier)) {
            return false;
        }
        let place =
            Place { partition: tier_partition(tier), tier, offset: consumer.positions[index].try_into().unwrap() };
        consumer.positions[index] += 1;
        consumer.offsets.begin(place.partition, place.offset, None);
        let lane = consumer.dispatch.lane_of(Some(&[record.key]));
        let returned = Returned {
            place,
            origin: record.offset,
            failed: record.failed,
            due: record.due,
            first_failed: None,
            first_failed_at: None,
        };
        consumer.dispatch.receive_returned((MAIN, lane), *record, 1, returned);
        for place in consumer.dispatch.take_discarded() {
            consumer.offsets.finish(place.partition, consumer.epoch, place.offset);
        }
        true
    }

    fn step(&mut self, consumer: &mut Consumer) {
        match self.chance.below(8) {
            0 => self.read_main(consumer),
            1 if self.retry.topics > 0 => {
                let tier = 1 + self.chance.below(self.retry.topics.try_into().unwrap());
                self.read_retry(consumer, tier.try_into().unwrap());
            }
            2 | 3 => self.begin(consumer),
            4 => self.finish(consumer),
            5 => self.write(consumer),
            6 => self.acknowledge(consumer),
            _ => self.now += Duration::from_millis(50),
        }
        // Whoever reads the retry topics asks in the same way.
        drop(consumer.dispatch.take_resumes());
        if self.chance.below(10) == 0 {
            for commit in consumer.offsets.take_commit() {
                self.committed[commit.partition.topic] = commit.offset;
            }
        }
    }

    fn begin(&mut self, consumer: &mut Consumer) {
        if let Some(ticket) = consumer.dispatch.next(self.now) {
            self.check_order(*consumer.dispatch.record(ticket).unwrap());
            assert!(ticket.attempt <= self.retry.max_attempts);
            consumer.running.push(ticket);
        }
        for (redirect, record) in consumer.dispatch.take_redirects() {
            if consumer.dispatch.is_copied(redirect, record.offset) {
                consumer.dispatch.redirected(redirect, None);
                consumer.offsets.finish(MAIN, consumer.epoch, record.offset);
            } else {
                consumer.writes.push_back((Copy::Redirect(redirect), Record { due: self.now, ..record }, 1));
            }
        }
    }

    fn finish(&mut self, consumer: &mut Consumer) {
        if consumer.running.is_empty() {
            return;
        }
        let ticket = consumer.running.swap_remove(self.chance.below(consumer.running.len()));
        let record = *consumer.dispatch.record(ticket).unwrap();
        let place = consumer.dispatch.place(ticket);
        let verdict = [Verdict::Done, Verdict::Again, Verdict::Again][self.chance.below(3)];
        let next = match consumer.dispatch.finish(ticket, verdict, self.now) {
            Next::Exhausted => consumer.dispatch.finish(ticket, Verdict::Done, self.now),
            next => next,
        };
        match next {
            Next::Finished => {
                let place = place.map_or((MAIN, record.offset), |place| (place.partition, place.offset));
                self.finished(consumer, record, place);
            }
            Next::Moves(tier, pause) => {
                let copy = Record { failed: ticket.attempt, due: self.now + pause, ..record };
                consumer.writes.push_back((Copy::Move(ticket), copy, tier));
            }
            Next::Waits(_) => {}
            other => panic!("{other:?}"),
        }
    }

    fn write(&mut self, consumer: &mut Consumer) {
        if let Some((copy, record, tier)) = consumer.writes.pop_front() {
            let log = &mut self.logs[usize::try_from(tier).unwrap()];
            let place = Place { partition: tier_partition(tier), tier, offset: log.len().try_into().unwrap() };
            log.push(record);
            consumer.acks.push((copy, record, place));
        }
    }

    fn acknowledge(&mut self, consumer: &mut Consumer) {
        if consumer.acks.is_empty() {
            return;
        }
        let (copy, record, place) = consumer.acks.swap_remove(self.chance.below(consumer.acks.len()));
        let from = match copy {
            Copy::Move(ticket) => {
                let from = consumer.dispatch.place(ticket);
                consumer.dispatch.moved(ticket, place, record.offset);
                from
            }
            Copy::Redirect(redirect) => {
                consumer.dispatch.redirected(redirect, Some((place, record.offset)));
                None
            }
        };
        let (partition, offset) = from.map_or((MAIN, record.offset), |from| (from.partition, from.offset));
        consumer.offsets.finish(partition, consumer.epoch, offset);
    }

    fn is_done(&self, consumer: &Consumer) -> bool {
        let all = consumer.positions.iter().zip(&self.logs).all(|(position, log)| *position == log.len());
        all && consumer.dispatch.lanes.is_empty() && consumer.writes.is_empty() && consumer.acks.is_empty()
    }

    /// Runs until all is done, with so many crashes on the way; returns how many records were finished more than once.
    fn run(&mut self, crashes: usize) -> usize {
        for _ in 0..crashes {
            let mut consumer = self.start();
            for _ in 0..self.chance.below(400) {
                self.step(&mut consumer);
            }
        }
        let mut consumer = self.start();
        for _ in 0..100_000 {
            if self.is_done(&consumer) {
                break;
            }
            self.step(&mut consumer);
        }
        assert!(self.is_done(&consumer), "it hangs: {:?}", consumer.dispatch);
        assert!(
            consumer.dispatch.chains.is_empty()
                && consumer.dispatch.partitions.values().all(|held| held.n_records == 0)
        );
        assert_eq!(self.finished.values().map(BTreeMap::len).sum::<usize>(), RECORDS, "none is lost");
        self.finished.values().flat_map(BTreeMap::values).filter(|count| **count > 1).count()
    }
}

fn policies() -> [Retry; 3] {
    let tiers = Retry::three_topics();
    let one = Retry { max_attempts: 3, topics: 1, ..tiers.clone() };
    [one, tiers, Retry { topics: 0, ..Retry::three_topics() }]
}

#[test]
fn every_record_is_finished_once_and_in_the_order_of_its_key() {
    for retry in policies() {
        for seed in 1..200 {
            assert_eq!(World::new(seed, retry.clone()).run(0), 0, "seed {seed}, {} topics", retry.topics);
        }
    }
}

#[test]
fn after_crashes_nothing_is_lost_and_the_order_of_keys_is_kept() {
    for retry in policies() {
        for seed in 1..200 {
            World::new(seed, retry.clone()).run(3);
        }
    }
}
