//! Faults that a harness in memory makes on demand.

use std::time::Duration;

use super::Harness;
use crate::broker::WriteFault;

impl Harness {
    /// Stops all brokers: nothing is read, written or committed until [`Harness::start_broker`].
    ///
    /// # Panics
    /// On a live cluster.
    #[track_caller]
    pub fn stop_broker(&self) {
        self.stand_in("stop_broker").memory.set_down(true);
    }

    /// Starts the brokers again, with all that they had.
    ///
    /// # Panics
    /// On a live cluster.
    #[track_caller]
    pub fn start_broker(&self) {
        self.stand_in("start_broker").memory.set_down(false);
    }

    /// Stops the registry: it gives no answer until [`Harness::start_registry`].
    ///
    /// # Panics
    /// On a live cluster.
    #[track_caller]
    pub fn stop_registry(&self) {
        self.stand_in("stop_registry").registry.stop();
    }

    /// Starts the registry again, with all that is registered.
    ///
    /// # Panics
    /// On a live cluster.
    #[track_caller]
    pub fn start_registry(&self) {
        self.stand_in("start_registry").registry.start();
    }

    /// Lets the next write to a topic fail; called again, the one after it as well.
    ///
    /// # Panics
    /// On a live cluster.
    #[track_caller]
    pub fn fail_next_write(&self, topic: &str, fault: WriteFault) {
        self.stand_in("fail_next_write").memory.fail_next_write(&self.name(topic), fault);
    }

    /// Forgets all faults that are still to happen.
    ///
    /// # Panics
    /// On a live cluster.
    #[track_caller]
    pub fn clear_faults(&self) {
        self.stand_in("clear_faults").memory.clear_faults();
    }

    /// Lets the next commit of a group fail.
    ///
    /// # Panics
    /// On a live cluster.
    #[track_caller]
    pub fn fail_next_commit(&self, group: &str) {
        self.stand_in("fail_next_commit").memory.fail_next_commit(&self.name(group));
    }

    /// Takes all partitions from all consumers of a group, and assigns them anew.
    ///
    /// # Panics
    /// On a live cluster.
    #[track_caller]
    pub fn rebalance(&self, group: &str) {
        self.stand_in("rebalance").memory.rebalance(&self.name(group));
    }

    /// Sets the time of day forward without any time passing, as an operator or NTP does.
    ///
    /// # Panics
    /// On a live cluster.
    #[track_caller]
    pub fn set_clock_forward(&self, by: Duration) {
        self.set_clock(by, 1);
    }

    /// Sets the time of day back without any time passing.
    ///
    /// # Panics
    /// On a live cluster.
    #[track_caller]
    pub fn set_clock_back(&self, by: Duration) {
        self.set_clock(by, -1);
    }

    #[track_caller]
    fn set_clock(&self, by: Duration, sign: i64) {
        let millis = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.stand_in("set_clock").clock.set_by(millis.saturating_mul(sign));
    }
}
