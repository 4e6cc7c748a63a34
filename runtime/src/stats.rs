//! What a consumer has done so far, in numbers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counters of a consumer; a clone reads the same ones while the consumer runs.
#[derive(Debug, Clone, Default)]
pub struct ConsumerStats(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    handled: AtomicU64,
    undecodable: AtomicU64,
    ignored: AtomicU64,
    failed_attempts: AtomicU64,
    dead_lettered: AtomicU64,
    duplicates: AtomicU64,
    without_id: AtomicU64,
    retried: AtomicU64,
    redirected: AtomicU64,
}

impl ConsumerStats {
    /// Returns how many records a handler finished, undecodable ones included.
    #[must_use]
    pub fn handled(&self) -> u64 {
        self.0.handled.load(Ordering::Relaxed)
    }

    /// Returns how often a record was given to the handler of undecodable records.
    #[must_use]
    pub fn undecodable(&self) -> u64 {
        self.0.undecodable.load(Ordering::Relaxed)
    }

    /// Returns how many records were skipped because the consumer was told to ignore other events.
    #[must_use]
    pub fn ignored(&self) -> u64 {
        self.0.ignored.load(Ordering::Relaxed)
    }

    /// Returns how many attempts failed: handlers that asked for a retry or panicked.
    #[must_use]
    pub fn failed_attempts(&self) -> u64 {
        self.0.failed_attempts.load(Ordering::Relaxed)
    }

    /// Returns how many records went to a topic of dead letters.
    #[must_use]
    pub fn dead_lettered(&self) -> u64 {
        self.0.dead_lettered.load(Ordering::Relaxed)
    }

    /// Returns how many records were skipped because their event was handled already.
    #[must_use]
    pub fn duplicates(&self) -> u64 {
        self.0.duplicates.load(Ordering::Relaxed)
    }

    /// Returns how many records had no `ew-message-id` although each event was to be handled once.
    #[must_use]
    pub fn without_id(&self) -> u64 {
        self.0.without_id.load(Ordering::Relaxed)
    }

    pub(crate) fn count_duplicate(&self) {
        self.0.duplicates.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a record, and returns how many there are now.
    pub(crate) fn count_without_id(&self) -> u64 {
        self.0.without_id.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Returns how many records went to a retry topic after their handler had failed.
    #[must_use]
    pub fn retried(&self) -> u64 {
        self.0.retried.load(Ordering::Relaxed)
    }

    /// Returns how many records went to a retry topic unhandled, because an earlier one of their key waits there.
    #[must_use]
    pub fn redirected(&self) -> u64 {
        self.0.redirected.load(Ordering::Relaxed)
    }

    pub(crate) fn count_retried(&self) {
        self.0.retried.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_redirected(&self) {
        self.0.redirected.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_dead_lettered(&self) {
        self.0.dead_lettered.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_handled(&self) {
        self.0.handled.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_undecodable(&self) {
        self.0.undecodable.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_ignored(&self) {
        self.0.ignored.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_failed_attempt(&self) {
        self.0.failed_attempts.fetch_add(1, Ordering::Relaxed);
    }
}
