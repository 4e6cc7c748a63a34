//! How much is held of each partition, and when Kafka is asked for no more.

use std::time::Duration;

use tokio::time::Instant;

use super::{Dispatch, Held, Limits};
use crate::metrics::Levels;
use crate::offsets::Partition;

/// How long a full partition may stop the whole consumer.
pub(super) const STALL: Duration = Duration::from_millis(500);

impl<R> Dispatch<R> {
    /// Returns whether the consumer may take another record.
    pub(crate) fn has_room(&self) -> bool {
        self.n_full == 0
    }

    /// Returns full partitions to pause: once they have stopped the consumer for long enough, those that are held at once.
    pub(crate) fn take_pauses(&mut self, now: Instant) -> Vec<Partition> {
        if self.n_full == 0 {
            self.full_since = None;
            return Vec::new();
        }
        let since = *self.full_since.get_or_insert(now);
        let has_stalled = now.duration_since(since) >= STALL;
        let limits = self.limits;
        let is_due = |held: &Held| held.is_full(limits) && (has_stalled || !held.holds.is_empty());
        let full: Vec<_> =
            self.partitions.iter().filter(|(_, held)| is_due(held)).map(|(partition, _)| *partition).collect();
        for partition in &full {
            self.change(*partition, |held| held.paused = true);
        }
        if self.n_full == 0 {
            self.full_since = None;
        }
        full
    }

    /// Returns paused partitions that have room again.
    pub(crate) fn take_resumes(&mut self) -> Vec<Partition> {
        std::mem::take(&mut self.to_resume)
    }

    /// Returns how much is in hand.
    pub(crate) fn levels(&self) -> Levels {
        let held = || self.partitions.values();
        Levels {
            records: held().map(|held| held.n_records).sum(),
            bytes: held().map(|held| held.n_bytes).sum(),
            running: self.n_running,
            paused: held().filter(|held| held.paused).count(),
            assigned: self.partitions.len(),
        }
    }

    /// A record of so many bytes is finished.
    pub(super) fn release_room(&mut self, partition: Partition, bytes: usize) {
        let limits = self.limits;
        let resumes = self.change(partition, |held| {
            held.n_records -= 1;
            held.n_bytes -= bytes;
            let has_room = held.n_records <= limits.records / 4 && held.n_bytes <= limits.bytes / 4;
            let resumes = held.paused && has_room;
            held.paused &= !resumes;
            resumes
        });
        if resumes == Some(true) {
            self.to_resume.push(partition);
        }
    }

    /// Changes what is held of a partition and keeps count of the full ones.
    pub(super) fn change<T>(&mut self, partition: Partition, change: impl FnOnce(&mut Held) -> T) -> Option<T> {
        let held = self.partitions.get_mut(&partition)?;
        let before = usize::from(held.is_full(self.limits));
        let result = change(held);
        self.n_full = self.n_full + usize::from(held.is_full(self.limits)) - before;
        Some(result)
    }
}

impl Held {
    fn is_full(&self, limits: Limits) -> bool {
        !self.paused && !self.is_retry && (self.n_records >= limits.records || self.n_bytes >= limits.bytes)
    }
}
