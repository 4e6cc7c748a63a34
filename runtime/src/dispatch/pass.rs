//! Records that nothing is in the way of: they begin as they come, and only one that is not done at once takes a place in a lane.

use super::lane::{Item, Lane, LaneId};
use super::{ALONE, Dispatch, Seen, Ticket};
use crate::offsets::Partition;

impl<R> Dispatch<R> {
    /// Returns the right to handle a record for a lane that has just come, if nothing is before it and a worker is free. Whoever
    /// has it says next that the record was done at once ([`passed`](Self::passed)), or that it was not ([`enter`](Self::enter)).
    pub(crate) fn pass(&mut self, partition: Partition, lane: Option<u64>) -> Option<Ticket> {
        if self.n_running >= self.limits.workers || !self.ready.is_empty() {
            return None;
        }
        let held = self.partitions.get(&partition).filter(|held| held.holds.is_empty() && held.limit.is_none())?;
        let id = LaneId { partition, epoch: held.epoch, number: lane.unwrap_or(ALONE | (held.n_alone + 1)) };
        if lane.is_some() && (self.lanes.contains_key(&id) || self.is_blocked(id)) {
            return None;
        }
        let held = self.partitions.get_mut(&partition)?;
        held.n_alone += u64::from(lane.is_none());
        held.n_received += 1;
        held.n_begun = held.n_received;
        self.n_running += 1;
        Some(Ticket { partition, epoch: id.epoch, lane: id.number, attempt: 1, seen: Seen::default() })
    }

    /// Takes note that a record which passed is done.
    pub(crate) fn passed(&mut self) {
        self.n_running -= 1;
    }

    /// Takes a record of so many bytes that passed and was not done at once; its ticket stays out.
    pub(crate) fn enter(&mut self, ticket: Ticket, record: R, bytes: usize) {
        let number = self.change(ticket.partition, |held| {
            held.n_records += 1;
            held.n_bytes += bytes;
            held.n_received - 1
        });
        let Some(number) = number else { return };
        let mut lane = Lane::new(Item { record, bytes, number, returned: None });
        (lane.attempts, lane.is_running) = (1, true);
        self.lanes.insert(ticket.lane(), lane);
    }
}
