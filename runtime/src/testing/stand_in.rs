//! What stands in for Kafka, the registry and the clock, carried by the settings of a program under test.

use std::time::SystemTime;

use eventwright_registry::InProcess;

use crate::broker::Memory;
use crate::clock::Clock;

/// What stands in for Kafka, the registry and the clock.
#[derive(Clone)]
pub(crate) struct StandIn {
    pub(crate) memory: Memory,
    pub(crate) registry: InProcess,
    pub(crate) clock: Clock,
}

impl StandIn {
    /// Returns an empty world in which it is `time` now.
    pub(crate) fn new(default_partitions: i32, time: SystemTime) -> Self {
        let clock = Clock::following(time);
        Self { memory: Memory::new(default_partitions, clock.clone()), registry: InProcess::new(), clock }
    }
}

impl PartialEq for StandIn {
    fn eq(&self, other: &Self) -> bool {
        self.memory == other.memory
    }
}

impl Eq for StandIn {}
