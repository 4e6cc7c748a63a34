//! What a producer or a consumer has done so far, in numbers: the counters that its metrics are made of.

use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};

use crate::MetricsSnapshot;
use crate::metrics::{ConsumerMeter, SendMeters};

/// Counters of a consumer; a clone reads the same ones while the consumer runs. Before it is built, all are 0.
#[derive(Clone, Default)]
pub struct ConsumerStats(Arc<OnceLock<ConsumerMeter>>);

/// Counters of a producer; a clone reads the same ones.
#[derive(Clone, Default)]
pub struct ProducerStats(Arc<SendMeters>);

impl ConsumerStats {
    /// Returns how many records a handler finished, undecodable ones included.
    #[must_use]
    pub fn handled(&self) -> u64 {
        self.sum(|meter| meter.sum(|event| event.handled.value()))
    }

    /// Returns how often a record was given to the handler of undecodable records.
    #[must_use]
    pub fn undecodable(&self) -> u64 {
        self.sum(|meter| meter.topics().map(|topic| topic.undecodable()).sum())
    }

    /// Returns how many records were skipped because the consumer was told to ignore other events.
    #[must_use]
    pub fn ignored(&self) -> u64 {
        self.sum(|meter| meter.sum(|event| event.ignored.value()))
    }

    /// Returns how many attempts failed: handlers that asked for a retry or panicked.
    #[must_use]
    pub fn failed_attempts(&self) -> u64 {
        self.sum(|meter| meter.sum(|event| event.failed.value()))
    }

    /// Returns how many attempts failed and were followed by another one.
    #[must_use]
    pub fn retried(&self) -> u64 {
        self.sum(|meter| meter.sum(|event| event.retried.value()))
    }

    /// Returns how many records went to a topic of dead letters.
    #[must_use]
    pub fn dead_lettered(&self) -> u64 {
        self.sum(|meter| meter.sum(|event| event.dead_lettered.value()))
    }

    /// Returns how many records were skipped because their event was handled already.
    #[must_use]
    pub fn duplicates(&self) -> u64 {
        self.sum(|meter| meter.sum(|event| event.duplicates.value()) + meter.found_handled.load(Ordering::Relaxed))
    }

    /// Returns how many records had no `ew-message-id` although each event was to be handled once.
    #[must_use]
    pub fn without_id(&self) -> u64 {
        self.sum(|meter| meter.without_id.load(Ordering::Relaxed))
    }

    /// Counts a record that its handler found to be handled already.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(crate) fn count_found_handled(&self) {
        self.meter().found_handled.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a record, and returns how many there are now.
    pub(crate) fn count_without_id(&self) -> u64 {
        self.meter().without_id.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Returns how many records went to a retry topic unhandled, because an earlier one of their key waits there.
    #[must_use]
    pub fn redirected(&self) -> u64 {
        self.sum(|meter| meter.topics().map(|topic| topic.redirected.value()).sum())
    }

    /// Returns how many records Kafka gave the consumer; those that it gets again from a retry topic do not count twice.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.sum(|meter| meter.topics().map(|topic| topic.flow.received.value()).sum())
    }

    /// Returns the counters as one value, which adds up with those of others.
    #[must_use]
    pub fn snapshot(&self) -> MetricsSnapshot {
        MetricsSnapshot {
            received: self.received(),
            processed: self.handled(),
            failed: self.failed_attempts(),
            retried: self.retried(),
            sent_to_dlq: self.dead_lettered(),
            ..MetricsSnapshot::default()
        }
    }

    /// Takes the figures of a consumer whose topics are known now, unless it has some.
    pub(crate) fn begin(&self, meter: impl FnOnce() -> ConsumerMeter) {
        self.0.get_or_init(meter);
    }

    pub(crate) fn meter(&self) -> &ConsumerMeter {
        self.0.get().expect("a consumer that was built has its figures")
    }

    fn sum(&self, count: impl Fn(&ConsumerMeter) -> u64) -> u64 {
        self.0.get().map_or(0, count)
    }
}

impl ProducerStats {
    /// Returns how many events Kafka has acknowledged; failed ones are not among them.
    #[must_use]
    pub fn published(&self) -> u64 {
        self.0.sum(|meter| &meter.published)
    }

    /// Returns how many events were not encoded, not taken or not acknowledged.
    #[must_use]
    pub fn publish_failed(&self) -> u64 {
        self.0.sum(|meter| &meter.failed)
    }

    /// Returns the counters as one value, which adds up with those of others.
    #[must_use]
    pub fn snapshot(&self) -> MetricsSnapshot {
        let (published, publish_failed) = (self.published(), self.publish_failed());
        MetricsSnapshot { published, publish_failed, ..MetricsSnapshot::default() }
    }

    pub(crate) fn meters(&self) -> &SendMeters {
        &self.0
    }
}

impl std::fmt::Debug for ConsumerStats {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("ConsumerStats").field(&self.snapshot()).finish()
    }
}

impl std::fmt::Debug for ProducerStats {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("ProducerStats").field(&self.snapshot()).finish()
    }
}
