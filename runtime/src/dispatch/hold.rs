//! Partitions of which no record may begin: because they are held, or because they are on their way to somebody else.

use std::collections::VecDeque;

use super::Dispatch;
use super::lane::{Lane, LaneId};
use crate::offsets::Partition;

/// Why no record of a partition may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hold {
    /// The circuit breaker of one of its handlers is open.
    Breaker,
    /// What waits in its retry topics is not known yet.
    Loading,
}

impl<R> Dispatch<R> {
    /// Begins to come to an end with a partition: of its records only those still begin that came before one that has begun, so
    /// that what is finished in the end has no gap and can be committed.
    pub(crate) fn wind_up(&mut self, partition: Partition) {
        let Some(held) = self.partitions.get_mut(&partition) else { return };
        held.limit.get_or_insert(held.n_begun);
        let (lanes, limit) = (&self.lanes, held.limit);
        let (stay, go): (VecDeque<_>, VecDeque<_>) = std::mem::take(&mut self.ready)
            .into_iter()
            .partition(|id| id.partition == partition && lanes.get(id).is_some_and(|lane| lane.first.is_behind(limit)));
        held.parked.extend(stay);
        self.ready = go;
    }

    /// Returns whether records of a partition are being handled, or will be at once.
    pub(crate) fn is_busy(&self, partition: Partition) -> bool {
        let is_running = |(id, lane): (&LaneId, &Lane<R>)| id.partition == partition && lane.is_running;
        self.ready.iter().any(|id| id.partition == partition)
            || self.lanes.iter().any(is_running)
            || self.is_moving(partition)
    }

    /// Lets no record of a partition begin until it is released; to hold it for the same reason again changes nothing.
    pub(crate) fn hold(&mut self, partition: Partition, hold: Hold) {
        if let Some(held) = self.partitions.get_mut(&partition)
            && !held.holds.contains(&hold)
        {
            held.holds.push(hold);
        }
    }

    /// Ends a hold. Where it was the last one, the records that waited are first in their lanes as before, and come first.
    pub(crate) fn release(&mut self, partition: Partition, hold: Hold) {
        let Some(held) = self.partitions.get_mut(&partition) else { return };
        held.holds.retain(|other| *other != hold);
        if held.holds.is_empty() {
            let parked = std::mem::take(&mut held.parked);
            parked.into_iter().rev().for_each(|lane| self.ready.push_front(lane));
        }
    }

    /// Returns whether a lane must not go on because of its partition.
    pub(super) fn is_held(&self, id: LaneId) -> bool {
        let Some((held, lane)) = self.partitions.get(&id.partition).zip(self.lanes.get(&id)) else { return false };
        !held.holds.is_empty() || lane.first.is_behind(held.limit)
    }

    pub(super) fn park(&mut self, id: LaneId) {
        if let Some(held) = self.partitions.get_mut(&id.partition) {
            held.parked.push_back(id);
        }
    }
}
