//! The counters of producers and consumers as one value.

use std::iter::Sum;
use std::ops::Add;

use serde::Serialize;

/// The counters of producers and consumers, which add up: `producer.stats().snapshot() + consumer_stats.snapshot()`.
///
/// As JSON: `{"published":100,"publish_failed":2,"received":98,"processed":95,"failed":3,"retried":2,"sent_to_dlq":1}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct MetricsSnapshot {
    /// Events that Kafka has acknowledged. Those that failed are not among them: attempts are the sum of both.
    pub published: u64,
    /// Events that were not encoded, not taken or not acknowledged.
    pub publish_failed: u64,
    /// Records that consumers were given by Kafka.
    pub received: u64,
    /// Records that a handler finished.
    pub processed: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// Attempts that failed and are followed by another one.
    pub retried: u64,
    /// Records that went to a topic of dead letters.
    pub sent_to_dlq: u64,
}

impl Add for MetricsSnapshot {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            published: self.published + other.published,
            publish_failed: self.publish_failed + other.publish_failed,
            received: self.received + other.received,
            processed: self.processed + other.processed,
            failed: self.failed + other.failed,
            retried: self.retried + other.retried,
            sent_to_dlq: self.sent_to_dlq + other.sent_to_dlq,
        }
    }
}

impl Sum for MetricsSnapshot {
    fn sum<I: Iterator<Item = Self>>(snapshots: I) -> Self {
        snapshots.fold(Self::default(), Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snapshots_add_up_and_are_the_json_that_the_names_say() {
        let producer = MetricsSnapshot { published: 100, publish_failed: 2, ..MetricsSnapshot::default() };
        let consumer = MetricsSnapshot {
            received: 98,
            processed: 95,
            failed: 3,
            retried: 2,
            sent_to_dlq: 1,
            ..MetricsSnapshot::default()
        };
        let all: MetricsSnapshot = [producer, consumer].into_iter().sum();
        assert_eq!(
            serde_json::to_string(&all).unwrap(),
            r#"{"published":100,"publish_failed":2,"received":98,"processed":95,"failed":3,"retried":2,"sent_to_dlq":1}"#
        );
    }
}
