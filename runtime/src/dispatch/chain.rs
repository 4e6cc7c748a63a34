//! Records that wait in retry topics, and the order of their keys.
//!
//! A record whose attempt failed is copied to a retry topic; its key is blocked from then on. What follows it on the main topic
//! is copied behind it, unhandled, so that no other key waits and none of this key overtakes it. A retry topic's partition
//! belongs to the partition of the main topic with the same number, so that one consumer sees both.
//!
//! The copies of a key that have been read stand in a lane of their own, in the order of the offsets that they had on the main
//! topic. Only the first of them is ever moved on to the next retry topic; until it is read there, the others wait, because it is
//! still the first. After a crash a record may have two copies; the one that was handled more often counts.

use std::cmp::{Ordering, Reverse};
use std::collections::BTreeSet;
use std::time::SystemTime;
use tokio::time::Instant;

use super::{ALONE, Dispatch, Held, Item, Lane, LaneId, Ticket};
use crate::offsets::{Epoch, Partition};

/// Lanes of records that were read from retry topics have this bit.
pub(super) const CHAIN: u64 = 1 << 62;

/// The offset that a record had on the main topic.
pub(crate) type Origin = i64;

/// A record's place in a retry topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) partition: Partition,
    /// Which one of the retry topics, counted from 1.
    pub(crate) tier: u32,
    pub(crate) offset: i64,
}

/// What a record of a retry topic brings with it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Returned {
    pub(crate) place: Place,
    pub(crate) origin: Origin,
    /// How often it was handled already.
    pub(crate) failed: u32,
    pub(crate) due: Instant,
    pub(crate) first_failed: Option<Instant>,
    /// The same as a time of day, as it was written.
    pub(crate) first_failed_at: Option<SystemTime>,
}

/// What there is of a key in retry topics beside the copies that were read.
#[derive(Debug, Default)]
pub(super) struct Chain {
    /// Copies that are being written.
    n_moving: usize,
    /// Copies that were not read yet: origin, retry topic and offset.
    unread: BTreeSet<(Origin, u32, i64)>,
}

/// A record that must be copied behind the others of its key, unhandled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Redirect {
    lane: LaneId,
    bytes: usize,
}

impl Redirect {
    pub(crate) fn partition(self) -> Partition {
        self.lane.partition
    }

    pub(crate) fn epoch(self) -> Epoch {
        self.lane.epoch
    }
}

impl LaneId {
    fn is_alone(self) -> bool {
        self.number & ALONE != 0
    }

    fn chain(self) -> Self {
        Self { number: self.number | CHAIN, ..self }
    }

    fn main(self) -> Self {
        Self { number: self.number & !CHAIN, ..self }
    }
}

impl<R> Lane<R> {
    /// Puts a record that was read from a retry topic in its place, and returns what is superfluous by it.
    fn join(&mut self, mut item: Item<R>) -> Option<Item<R>> {
        let origin = item.origin();
        match origin.cmp(&self.first.origin()) {
            // It may be the copy that the first one is being moved to, whose acknowledgement is on its way.
            Ordering::Less | Ordering::Equal if self.is_running => self.rest.push_front(item),
            Ordering::Less => {
                std::mem::swap(&mut self.first, &mut item);
                self.begin_first();
                self.rest.push_front(item);
            }
            Ordering::Equal => {
                if item.failed() > self.first.failed() {
                    std::mem::swap(&mut self.first, &mut item);
                    self.begin_first();
                }
                return Some(item);
            }
            Ordering::Greater => match self.rest.binary_search_by_key(&origin, Item::origin) {
                Err(index) => self.rest.insert(index, item),
                Ok(index) => {
                    if let Some(known) = self.rest.get_mut(index).filter(|known| known.failed() < item.failed()) {
                        std::mem::swap(known, &mut item);
                    }
                    return Some(item);
                }
            },
        }
        None
    }
}

impl<R> Dispatch<R> {
    /// Takes a partition of a retry topic that goes with one that is ours.
    pub(crate) fn assign_retry(&mut self, partition: Partition, epoch: Epoch) {
        self.assign(partition, epoch);
        if let Some(held) = self.partitions.get_mut(&partition) {
            held.is_retry = true;
        }
    }

    /// Takes a record of so many bytes that was read from a retry topic; `main` is the partition that it came from.
    pub(crate) fn receive_returned(
        &mut self,
        (main, lane): (Partition, Option<u64>),
        record: R,
        bytes: usize,
        returned: Returned,
    ) {
        let Some(epoch) = self.partitions.get(&main).map(|held| held.epoch) else { return };
        let Place { partition, tier, offset } = returned.place;
        let number = self.change(partition, |held| {
            held.n_records += 1;
            held.n_bytes += bytes;
            held.position = offset + 1;
            held.n_alone += u64::from(lane.is_none());
            held.n_alone
        });
        let item = Item { record, bytes, number: 0, returned: Some(Box::new(returned)) };
        let Some(lane) = lane else {
            // Numbers of the main topic's lanes and those of the retry topics must differ.
            let number = ALONE | CHAIN | (u64::from(tier) << 48) | number.unwrap_or(0);
            self.add_chain_lane(LaneId { partition: main, epoch, number }, item);
            return self.pause_if_full(main, partition, tier);
        };
        let id = LaneId { partition: main, epoch, number: lane };
        self.forget_unread(id, returned.place, returned.origin);
        self.join_chain(id.chain(), item);
        self.pause_if_full(main, partition, tier);
    }

    /// Reads no more of a retry topic's partition where enough of it is held, unless what is held waits for what was not read: then
    /// nothing else would make room.
    fn pause_if_full(&mut self, main: Partition, partition: Partition, tier: u32) {
        let limits = self.limits;
        let is_full = |held: &Held| held.n_records >= limits.read_ahead || held.n_bytes >= limits.bytes;
        if !self.partitions.get(&partition).is_some_and(|held| !held.paused && is_full(held)) {
            return;
        }
        let waits = |(id, lane): (&LaneId, &Lane<R>)| {
            lane.is_parked && id.partition == main && self.unread_before(*id, lane).any(|unread| unread == tier)
        };
        if self.lanes.iter().any(waits) {
            return;
        }
        self.to_pause.push(partition);
        if let Some(held) = self.partitions.get_mut(&partition) {
            held.paused = true;
        }
    }

    /// Returns the retry topics in which there is something that was not read and comes before the first record of a lane.
    fn unread_before(&self, id: LaneId, lane: &Lane<R>) -> impl Iterator<Item = u32> {
        let origin = lane.first.origin();
        let unread = self.chains.get(&id.main()).map(|chain| chain.unread.range(..=(origin, u32::MAX, i64::MAX)));
        unread.into_iter().flatten().map(|(_, tier, _)| *tier)
    }

    /// Reads on in full partitions of retry topics for what comes before the first record of a lane.
    fn read_on(&mut self, id: LaneId) {
        let Some(origin) = self.lanes.get(&id).map(|lane| lane.first.origin()) else { return };
        let awaited = |(lane, unread): &(LaneId, Origin)| *lane == id.main() && *unread <= origin;
        for (partition, held) in &mut self.partitions {
            if held.is_retry && held.paused && held.unread.values().any(awaited) {
                held.paused = false;
                self.to_resume.push(*partition);
            }
        }
    }

    fn add_chain_lane(&mut self, id: LaneId, item: Item<R>) {
        self.lanes.insert(id, Lane::new(item));
        self.schedule(id);
    }

    /// Puts a record that was read among the others of its key.
    fn join_chain(&mut self, id: LaneId, item: Item<R>) {
        let Some(lane) = self.lanes.get_mut(&id) else { return self.add_chain_lane(id, item) };
        let superfluous = lane.join(item);
        if lane.is_parked {
            self.schedule(id);
        }
        if let Some(item) = superfluous {
            self.discard(item);
        }
    }

    /// Drops other copies of a record that is done.
    pub(super) fn discard_copies(&mut self, id: LaneId, origin: Origin) {
        let Some(lane) = self.lanes.get_mut(&id) else { return };
        if lane.rest.front().is_some_and(|next| next.origin() == origin)
            && let Some(copy) = lane.rest.pop_front()
        {
            self.discard(copy);
        }
    }

    /// Drops one of two copies of a record.
    fn discard(&mut self, item: Item<R>) {
        if let Some(returned) = item.returned {
            self.discarded.push(returned.place);
            self.release_room(returned.place.partition, item.bytes);
        }
    }

    /// Returns the places of copies that are finished because there is another one of the same record.
    pub(crate) fn take_discarded(&mut self) -> Vec<Place> {
        std::mem::take(&mut self.discarded)
    }

    /// Lets a lane of a retry topic wait until its first record is due.
    pub(super) fn schedule(&mut self, id: LaneId) {
        let Some(lane) = self.lanes.get_mut(&id) else { return };
        lane.is_parked = false;
        if let Some(returned) = &lane.first.returned {
            self.waiting.push(Reverse((returned.due, id)));
        }
    }

    /// Parks a lane of a retry topic whose key has an earlier record that was not read yet.
    ///
    /// Only a later retry topic can hold one: the same one was written in order, and to wait for what lies further behind in it
    /// could mean to wait for ever, because no more is read ahead than there is room for.
    pub(super) fn parks(&mut self, id: LaneId) -> bool {
        if id.number & CHAIN == 0 {
            return false;
        }
        let Some(lane) = self.lanes.get(&id) else { return false };
        let is_parked = self.unread_before(id, lane).any(|tier| tier > lane.first.tier());
        if is_parked && let Some(lane) = self.lanes.get_mut(&id) {
            lane.is_parked = true;
            self.read_on(id);
        }
        is_parked
    }

    /// Returns when the first record of a lane may be handled, where that is not at once.
    pub(super) fn due(&self, id: LaneId) -> Option<Instant> {
        Some(self.lanes.get(&id)?.first.returned.as_ref()?.due)
    }

    /// Returns whether a record of a retry topic's partition can be taken.
    pub(crate) fn has_room_for(&self, partition: Partition) -> bool {
        self.partitions.get(&partition).is_some_and(|held| !held.paused)
    }

    /// Notes a copy that is in a retry topic, and that is not taken because there is no room.
    pub(crate) fn note_unread(&mut self, (main, lane): (Partition, u64), place: Place, origin: Origin) {
        if let Some(epoch) = self.partitions.get(&main).map(|held| held.epoch) {
            self.await_reading(LaneId { partition: main, epoch, number: lane }, place, origin);
        }
    }

    /// Returns the offset of a retry topic's partition up to which its records were taken.
    pub(crate) fn position(&self, partition: Partition) -> i64 {
        self.partitions.get(&partition).map_or(0, |held| held.position)
    }

    /// Takes note that a retry topic's partition was read to its end. A copy before the last one that was taken, and that was not
    /// seen, will not come any more: it was deleted, or is no record that could be read.
    pub(crate) fn read_up_to_end(&mut self, partition: Partition, tier: u32) {
        self.begins_at(partition, tier, self.position(partition));
    }

    /// Returns the first copy in a retry topic's partition that was not read yet.
    pub(crate) fn first_unread(&self, partition: Partition) -> Option<i64> {
        self.partitions.get(&partition)?.unread.keys().next().copied()
    }

    /// Takes note that no copy will come from before an offset of a retry topic's partition; returns how many were expected.
    pub(crate) fn begins_at(&mut self, partition: Partition, tier: u32, offset: i64) -> usize {
        let Some(held) = self.partitions.get_mut(&partition) else { return 0 };
        let later = held.unread.split_off(&offset);
        let gone = std::mem::replace(&mut held.unread, later);
        let n_gone = gone.len();
        for (offset, (id, origin)) in gone {
            self.forget_unread(id, Place { partition, tier, offset }, origin);
            if self.lanes.get(&id.chain()).is_some_and(|lane| lane.is_parked) {
                self.schedule(id.chain());
            }
        }
        n_gone
    }

    /// Takes note that the record of a ticket was copied to its next retry topic, which finishes it here.
    pub(crate) fn moved(&mut self, ticket: Ticket, place: Place, origin: Origin) {
        let id = ticket.lane();
        if !self.lanes.contains_key(&id) {
            return;
        }
        if !id.is_alone() {
            self.await_reading(id.main(), place, origin);
        }
        self.drop_first(id);
    }

    /// Returns whether a copy of a record that is to be redirected is there already: it was made before a crash.
    pub(crate) fn is_copied(&self, redirect: Redirect, origin: Origin) -> bool {
        let in_hand = self.lanes.get(&redirect.lane.chain()).is_some_and(|lane| {
            lane.first.origin() == origin || lane.rest.binary_search_by_key(&origin, Item::origin).is_ok()
        });
        let all = (origin, 0, i64::MIN)..=(origin, u32::MAX, i64::MAX);
        in_hand || self.chains.get(&redirect.lane).is_some_and(|chain| chain.unread.range(all).next().is_some())
    }

    /// Takes note that a record was copied behind the others of its key, to that place, or that a copy was there already.
    pub(crate) fn redirected(&mut self, redirect: Redirect, copy: Option<(Place, Origin)>) {
        let Some(chain) = self.chains.get_mut(&redirect.lane) else { return };
        chain.n_moving -= 1;
        if let Some((place, origin)) = copy {
            self.await_reading(redirect.lane, place, origin);
        }
        self.tidy(redirect.lane);
        self.release_room(redirect.lane.partition, redirect.bytes);
    }

    /// Returns whether records of a partition are being copied.
    pub(super) fn is_moving(&self, partition: Partition) -> bool {
        self.chains.iter().any(|(lane, chain)| lane.partition == partition && chain.n_moving > 0)
    }

    /// Returns records that must be copied behind the others of their keys, in their order; the copies must be written in it.
    pub(crate) fn take_redirects(&mut self) -> Vec<(Redirect, R)> {
        std::mem::take(&mut self.redirects)
    }

    /// Returns partitions of retry topics of which enough was read for now.
    pub(crate) fn take_reader_pauses(&mut self) -> Vec<Partition> {
        std::mem::take(&mut self.to_pause)
    }

    /// Returns whether what a lane of the main topic holds must go behind what is in retry topics.
    pub(super) fn is_blocked(&self, id: LaneId) -> bool {
        self.retry.topics > 0
            && id.number & (ALONE | CHAIN) == 0
            && (self.chains.contains_key(&id) || self.lanes.contains_key(&id.chain()))
    }

    /// Takes all records of a lane out of it, to be copied.
    pub(super) fn redirect(&mut self, id: LaneId) {
        let Some(lane) = self.lanes.remove(&id) else { return };
        self.chains.entry(id).or_default().n_moving += 1 + lane.rest.len();
        let redirect = |item: Item<R>| (Redirect { lane: id, bytes: item.bytes }, item.record);
        self.redirects.extend(std::iter::once(lane.first).chain(lane.rest).map(redirect));
    }

    /// A copy was written: unless it was read already, its key is blocked until it is.
    fn await_reading(&mut self, id: LaneId, place: Place, origin: Origin) {
        let Some(held) = self.partitions.get_mut(&place.partition) else { return };
        if held.position <= place.offset {
            held.unread.insert(place.offset, (id, origin));
            self.chains.entry(id).or_default().unread.insert((origin, place.tier, place.offset));
        }
    }

    fn forget_unread(&mut self, id: LaneId, place: Place, origin: Origin) {
        if let Some(held) = self.partitions.get_mut(&place.partition) {
            held.unread.remove(&place.offset);
        }
        if let Some(chain) = self.chains.get_mut(&id) {
            chain.unread.remove(&(origin, place.tier, place.offset));
        }
        self.tidy(id);
    }

    fn tidy(&mut self, id: LaneId) {
        if self.chains.get(&id).is_some_and(|chain| chain.n_moving == 0 && chain.unread.is_empty()) {
            self.chains.remove(&id);
        }
    }
}
