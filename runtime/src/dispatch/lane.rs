//! What is handled in order, one record after the other.

use std::collections::VecDeque;

use tokio::time::Instant;

use super::chain::{Origin, Returned};
use crate::offsets::{Epoch, Partition};

/// A lane of one turn of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct LaneId {
    pub(super) partition: Partition,
    pub(super) epoch: Epoch,
    pub(super) number: u64,
}

#[derive(Debug)]
pub(super) struct Lane<R> {
    /// The one in hand.
    pub(super) first: Item<R>,
    pub(super) rest: VecDeque<Item<R>>,
    /// Its ticket is out.
    pub(super) is_running: bool,
    /// It waits for a record that comes before its first one.
    pub(super) is_parked: bool,
    /// How many of the first records are handled one by one, because a batch of them failed.
    pub(super) n_alone: usize,
    /// With how many records the first one stops waiting for others to come to it; 0 while it does not.
    pub(super) gathers: usize,
    /// The first record has waited for others.
    pub(super) has_gathered: bool,
    /// How often the first record was given to its handler.
    pub(super) attempts: u32,
    /// How often the registry was asked in vain for the first record's schema.
    pub(super) waits: u32,
    /// When its handler failed first.
    pub(super) first_failed: Option<Instant>,
}

/// A record in hand.
#[derive(Debug)]
pub(super) struct Item<R> {
    pub(super) record: R,
    pub(super) bytes: usize,
    /// Its number among those of its partition that came from the main topic.
    pub(super) number: u64,
    /// It was read from a retry topic.
    pub(super) returned: Option<Box<Returned>>,
}

impl<R> Item<R> {
    /// Returns whether it came so late that it must not begin; what comes from a retry topic is always late.
    pub(super) fn is_behind(&self, limit: Option<u64>) -> bool {
        limit.is_some_and(|limit| self.number >= limit || self.returned.is_some())
    }

    /// Returns which retry topic it was read from, counted from 1; 0 for the main topic.
    pub(super) fn tier(&self) -> u32 {
        self.returned.as_ref().map_or(0, |returned| returned.place.tier)
    }

    /// Returns the offset that it had on the main topic, where it was read from a retry topic.
    pub(super) fn origin(&self) -> Origin {
        self.returned.as_ref().map_or(0, |returned| returned.origin)
    }

    /// Returns how often it was handled before it was read.
    pub(super) fn failed(&self) -> u32 {
        self.returned.as_ref().map_or(0, |returned| returned.failed)
    }
}

impl<R> Lane<R> {
    pub(super) fn new(first: Item<R>) -> Self {
        let mut lane = Self {
            first,
            rest: VecDeque::new(),
            is_running: false,
            is_parked: false,
            n_alone: 0,
            gathers: 0,
            has_gathered: false,
            attempts: 0,
            waits: 0,
            first_failed: None,
        };
        lane.begin_first();
        lane
    }

    /// Takes what is known of the first record from before.
    pub(super) fn begin_first(&mut self) {
        self.waits = 0;
        self.n_alone = self.n_alone.saturating_sub(1);
        (self.gathers, self.has_gathered) = (0, false);
        self.attempts = self.first.returned.as_ref().map_or(0, |returned| returned.failed);
        self.first_failed = self.first.returned.as_ref().and_then(|returned| returned.first_failed);
    }
}
