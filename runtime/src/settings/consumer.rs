//! What concerns consumers only.

use std::time::Duration;

use serde::Deserialize;

use super::{CircuitBreakerSettings, DeadLetterStop, Order, Retry, millis};
use crate::Error;
use crate::dispatch::Limits;

/// What concerns consumers only.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ConsumerSettings {
    /// The consumer group, where the code does not name it.
    pub group: Option<String>,
    /// Where a group starts on a partition that it never committed an offset of.
    pub start: Start,
    /// What becomes of a record that cannot be decoded or that its handler failed at as often as it may: it goes to the
    /// `dead_letter` topic, or the consumer does `stop` there.
    pub on_failure: OnFailure,
    /// The topic of dead letters, with its prefix; `None` is `<topic>_dlq` for each topic.
    pub dead_letter_topic: Option<String>,
    /// How often a record is handled before it is given up, and where it waits in between.
    pub retry: Retry,
    /// How often offsets are committed while records flow. Key `commit_interval_ms`, 1 s.
    #[serde(rename = "commit_interval_ms", deserialize_with = "millis")]
    pub commit_interval: Duration,
    /// What is handled in order: the records of a `partition`, those of a `key`, or nothing (`none`).
    pub order: Order,
    /// How many handlers run at once. Without it, in the order of partitions each partition has one; in any other order
    /// there are 32. Where it is set, or the order is another one, handlers run as tasks of their own and so on all
    /// threads of tokio's runtime.
    pub workers: Option<usize>,
    /// How many records of a partition are held before Kafka is asked for no more of it; 256.
    pub buffer_records: usize,
    /// How many records a handler of batches is given at most; 100.
    pub batch_records: usize,
    /// How long the first record of a batch waits for others; 0 is not at all: a batch is then what has come while the one before it
    /// was handled. Key `batch_wait_ms`, 0.
    #[serde(rename = "batch_wait_ms", deserialize_with = "millis")]
    pub batch_wait: Duration,
    /// How many bytes of keys and values of a partition are held before Kafka is asked for no more of it; 16 MiB.
    pub buffer_bytes: usize,
    /// How many records a second are handed to handlers at most, further attempts included; no limit.
    pub rate_limit: Option<u32>,
    /// The rest that handlers are given that keep failing.
    pub circuit_breaker: CircuitBreakerSettings,
    /// When the consumer stops rather than go on making dead letters.
    pub dead_letter_stop: DeadLetterStop,
    /// The name of this consumer in its group, unlike any other's there. With it a consumer that comes back within
    /// `session.timeout.ms` finds its partitions as it left them, and nobody else notices (static membership, KIP-345).
    pub instance_id: Option<String>,
    /// How long a partition that the group gives to another consumer waits for handlers that are running; the whole group waits
    /// with it. Key `rebalance_timeout_ms`, 5 s.
    #[serde(rename = "rebalance_timeout_ms", deserialize_with = "millis")]
    pub rebalance_timeout: Duration,
    /// How long a stop waits for handlers that are running. Key `shutdown_timeout_ms`, 10 s.
    #[serde(rename = "shutdown_timeout_ms", deserialize_with = "millis")]
    pub shutdown_timeout: Duration,
}

/// How many records of each partition of a retry topic are in hand.
const READ_AHEAD: usize = 10_000;

/// What becomes of a record that cannot be handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// It is written to a topic of its own, with the reason in headers, and is done once the broker has it there.
    #[default]
    DeadLetter,
    /// The consumer stops with an error, and the record is kept.
    Stop,
}

/// Where a consumer group starts on a partition that it never committed an offset of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Start {
    /// At the oldest record that Kafka still has, so that none is missed.
    #[default]
    Earliest,
    /// After the newest record.
    Latest,
}

impl Default for ConsumerSettings {
    fn default() -> Self {
        Self {
            group: None,
            start: Start::Earliest,
            on_failure: OnFailure::DeadLetter,
            dead_letter_topic: None,
            retry: Retry::default(),
            commit_interval: Duration::from_secs(1),
            order: Order::Partition,
            workers: None,
            buffer_records: 256,
            buffer_bytes: 16 << 20,
            batch_records: 100,
            batch_wait: Duration::ZERO,
            rate_limit: None,
            circuit_breaker: CircuitBreakerSettings::default(),
            dead_letter_stop: DeadLetterStop::default(),
            instance_id: None,
            rebalance_timeout: Duration::from_secs(5),
            shutdown_timeout: Duration::from_secs(10),
        }
    }
}

impl ConsumerSettings {
    /// Returns whether handlers run as tasks of their own.
    pub(crate) fn runs_tasks(&self) -> bool {
        self.workers.is_some() || self.order != Order::Partition
    }

    pub(crate) fn limits(&self) -> Limits {
        let workers = self.workers.unwrap_or(if self.order == Order::Partition { usize::MAX } else { 32 });
        Limits { workers, records: self.buffer_records, bytes: self.buffer_bytes, read_ahead: READ_AHEAD }
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        let limits = [
            ("workers", self.workers == Some(0)),
            ("rate_limit", self.rate_limit == Some(0)),
            ("batch_records", self.batch_records == 0),
            ("buffer_records", self.buffer_records == 0),
            ("buffer_bytes", self.buffer_bytes == 0),
        ];
        if let Some((key, _)) = limits.iter().find(|(_, is_zero)| *is_zero) {
            return Err(Error::settings(format!("`consumer.{key}` is 0, expected at least 1")));
        }
        if self.retry.topics > 0 && self.order == Order::Partition {
            let text = "`consumer.retry.topics` needs `consumer.order` to be `key` or `none`: in the order of partitions, all \
                        that follows a record waits for it wherever it is";
            return Err(Error::settings(text));
        }
        self.circuit_breaker.check()?;
        self.dead_letter_stop.check()?;
        self.retry.check()
    }
}
