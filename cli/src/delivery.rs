//! Writes records to one topic and counts what came of them.
//!
//! Idempotent and acknowledged by all replicas in sync, as the typed producer of `eventwright`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use eventwright::Settings;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer};

use crate::kafka::{self, Reports, Topic};

/// How long to wait before looking again for room in a full queue.
const QUEUE_POLL: Duration = Duration::from_millis(5);

/// How long a topic may take to come into being, where the broker makes topics that are written to.
const TOPIC_PATIENCE: Duration = Duration::from_secs(5);

/// How long to wait before looking again for the topic.
const TOPIC_POLL: Duration = Duration::from_millis(50);

const DEFAULTS: [(&str, &str); 2] = [
    // As the typed producer: read by every common client, and Java's partitioner.
    ("compression.type", "lz4"),
    ("partitioner", "murmur2_random"),
];

/// Writes records to one topic.
pub(crate) struct Writer {
    producer: ThreadedProducer<Deliveries>,
    topic: String,
    settings: Settings,
}

/// A record on its way; its opaque is the line that it came from.
pub(crate) type Record<'a> = BaseRecord<'a, [u8], [u8], usize>;

/// What came of the records.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    /// How many records each partition got.
    pub(crate) written: BTreeMap<i32, u64>,
    /// How many records were not written, or nobody knows.
    pub(crate) failed: u64,
    /// The first line whose record was not written, and why.
    pub(crate) first_failure: Option<(usize, KafkaError)>,
}

impl Writer {
    /// Connects to the broker and makes sure of the topic.
    ///
    /// # Errors
    /// A broker that does not answer in time, or a topic that does not exist and is not made by the broker.
    pub(crate) async fn open(settings: &Settings, topic: &str) -> anyhow::Result<Arc<Self>> {
        let deliveries = Deliveries::default();
        let health = Arc::clone(&deliveries.reports.0);
        let mut config = settings.kafka_config(&DEFAULTS);
        config.set("enable.idempotence", "true").set("acks", "all");
        config.set("delivery.timeout.ms", settings.producer.delivery_timeout.as_millis().to_string());
        let producer: ThreadedProducer<_> = config.create_with_context(deliveries).map_err(kafka::config_error)?;
        let writer = Arc::new(Self { producer, topic: topic.to_owned(), settings: settings.clone() });
        let deadline = Instant::now() + TOPIC_PATIENCE;
        loop {
            let (asking, health) = (Arc::clone(&writer), Arc::clone(&health));
            let is_late = Instant::now() >= deadline;
            let found = tokio::task::spawn_blocking(move || {
                let Self { producer, topic, settings } = &*asking;
                match kafka::topic(producer.client(), &health, settings, topic)? {
                    Topic::IsMissing if is_late => Err(kafka::no_such_topic(producer.client(), settings, topic)),
                    found => Ok(found),
                }
            });
            if let Topic::Exists(_) = found.await.context("the connection was given up")?? {
                return Ok(writer);
            }
            tokio::time::sleep(TOPIC_POLL).await;
        }
    }

    pub(crate) fn topic(&self) -> &str {
        &self.topic
    }

    /// Puts a record into the queue, waiting for room.
    ///
    /// # Errors
    /// A record that can never be written, or a queue that stays full.
    pub(crate) async fn write(&self, mut record: Record<'_>) -> anyhow::Result<()> {
        let mut deadline = None;
        loop {
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), again)) => record = again,
                Err((error, _)) => return Err(self.explain(&error)),
            }
            let deadline = *deadline.get_or_insert_with(|| Instant::now() + self.settings.producer.queue_timeout);
            if Instant::now() >= deadline {
                return Err(anyhow!("the queue of records stayed full; does the broker still answer?"));
            }
            tokio::time::sleep(QUEUE_POLL).await;
        }
    }

    /// Waits until no record is on its way, as long as it may take.
    ///
    /// # Errors
    /// Records that are still on their way after `timeout`.
    pub(crate) fn flush(&self, timeout: Duration) -> anyhow::Result<()> {
        tokio::task::block_in_place(|| self.producer.flush(timeout)).map_err(|_| {
            let count = self.producer.in_flight_count();
            anyhow!("{count} records were not acknowledged within {} s: they may be written or not", timeout.as_secs())
        })
    }

    /// Returns what came of the records so far.
    pub(crate) fn tally(&self) -> Tally {
        self.producer.context().tally().clone()
    }

    /// Returns whether a record was not written.
    pub(crate) fn has_failed(&self) -> bool {
        self.producer.context().tally().failed > 0
    }

    /// Returns why a record was not written.
    pub(crate) fn explain(&self, error: &KafkaError) -> anyhow::Error {
        let (topic, bootstrap) = (&self.topic, &self.settings.bootstrap);
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::MessageTimedOut) => {
                let seconds = self.settings.producer.delivery_timeout.as_secs();
                anyhow!("possibly written: no acknowledgement from `{bootstrap}` within {seconds} s")
            }
            Some(RDKafkaErrorCode::MessageSizeTooLarge) => anyhow!(
                "the record is larger than `{topic}` or the producer allows; help: raise max.message.bytes of the topic \
                 and --kafka message.max.bytes=…"
            ),
            Some(RDKafkaErrorCode::UnknownTopic | RDKafkaErrorCode::UnknownTopicOrPartition) => {
                anyhow!("the topic `{topic}` does not exist at `{bootstrap}`; help: create it")
            }
            _ => anyhow!("not written: {error}"),
        }
    }
}

/// Receives what librdkafka says of each record.
#[derive(Debug, Default)]
struct Deliveries {
    reports: Reports,
    tally: Mutex<Tally>,
}

impl Deliveries {
    fn tally(&self) -> std::sync::MutexGuard<'_, Tally> {
        // Nothing that can panic runs under the lock.
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        self.reports.log(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.reports.error(error, reason);
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, line: usize) {
        let mut tally = self.tally();
        match result {
            Ok(message) => {
                self.reports.0.succeeded();
                *tally.written.entry(message.partition()).or_default() += 1;
            }
            Err((error, _)) => {
                tally.failed += 1;
                tally.first_failure.get_or_insert_with(|| (line, error.clone()));
            }
        }
    }
}
