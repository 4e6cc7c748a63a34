//! Where a producer's records go: librdkafka, or a cluster in memory under test.
//!
//! In: framed records. Out: a report for each, which comes whether or not it is awaited.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::message::Message as _;
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer as _, ProducerContext, ThreadedProducer};
use rdkafka::statistics::Statistics;

use super::sent::Sent;
use super::{DEFAULTS, Delivery, transaction};
#[cfg(feature = "testing")]
use crate::broker::{MemoryProducer, Write};
use crate::kafka::{self, Health};
use crate::{Error, Settings};

/// What is said of one record in the end.
pub(super) type Report = Result<Delivery, KafkaError>;

/// Who is told.
type Reported = Arc<Sent>;

/// A record on its way.
pub(super) type Record<'a> = BaseRecord<'a, [u8], [u8], Reported>;

/// After how many records reports are taken where records are sent.
const REPORTS_AFTER: u32 = 16;

/// Where a producer's records go.
pub(super) enum Client {
    Kafka(Kafka),
    #[cfg(feature = "testing")]
    Memory(MemoryProducer),
}

/// librdkafka's producer. It has a thread of its own for reports, which takes them while nobody sends. Whoever sends much takes
/// them as well, all that one response of the broker's brings at once: memory is dear that one thread takes and another one
/// frees, and a record takes eight pieces of it.
pub(super) struct Kafka {
    client: ThreadedProducer<Reports>,
    n_sent: AtomicU32,
}

impl Kafka {
    #[expect(clippy::result_large_err, reason = "as `Client::send`")]
    fn send<'a>(&self, record: Record<'a>) -> Result<(), (KafkaError, Record<'a>)> {
        if self.n_sent.fetch_add(1, Ordering::Relaxed).is_multiple_of(REPORTS_AFTER) {
            self.client.poll(Duration::ZERO);
        }
        self.client.send(record)
    }
}

impl Client {
    pub(super) fn new(
        settings: &Settings,
        health: &Arc<Health>,
        transactional_id: Option<&str>,
    ) -> Result<Self, Error> {
        #[cfg(feature = "testing")]
        if let Some(memory) = settings.memory() {
            return Ok(Self::Memory(MemoryProducer::new(memory.clone(), settings.producer.delivery_timeout)));
        }
        let reports = Reports { health: Arc::clone(health) };
        let delivery_timeout = settings.producer.delivery_timeout.as_millis().to_string();
        let mut config = settings.kafka_config(&DEFAULTS);
        config.set("enable.idempotence", "true").set("acks", "all").set("delivery.timeout.ms", delivery_timeout);
        if let Some(id) = transactional_id {
            transaction::configure(&mut config, settings, id);
        }
        let client = config.create_with_context(reports).map_err(kafka::config_error)?;
        Ok(Self::Kafka(Kafka { client, n_sent: AtomicU32::new(0) }))
    }

    /// Returns librdkafka's producer, which alone has transactions.
    pub(super) fn kafka(&self) -> Option<&ThreadedProducer<Reports>> {
        match self {
            Self::Kafka(kafka) => Some(&kafka.client),
            #[cfg(feature = "testing")]
            Self::Memory(_) => None,
        }
    }

    /// Returns whether a broker answers in time.
    pub(super) async fn reach(self: &Arc<Self>, timeout: Duration) -> bool {
        #[cfg(feature = "testing")]
        if let Self::Memory(client) = &**self {
            return client.reach(timeout).await;
        }
        let client = Arc::clone(self);
        let asked = tokio::task::spawn_blocking(move || match &*client {
            Self::Kafka(kafka) => kafka.client.client().fetch_cluster_id(timeout).is_some(),
            #[cfg(feature = "testing")]
            Self::Memory(_) => true,
        });
        asked.await.unwrap_or(false)
    }

    /// Puts a record into the queue.
    ///
    /// # Errors
    /// The record again, with the reason: a full queue, or a record that is never taken.
    #[expect(clippy::result_large_err, reason = "the record comes back as librdkafka gives it, to be tried again")]
    pub(super) fn send<'a>(&self, record: Record<'a>) -> Result<(), (KafkaError, Record<'a>)> {
        match self {
            Self::Kafka(kafka) => kafka.send(record),
            #[cfg(feature = "testing")]
            Self::Memory(client) => {
                let write = Write {
                    topic: record.topic.into(),
                    partition: record.partition,
                    key: record.key.map(<[u8]>::to_vec),
                    value: record.payload.map(<[u8]>::to_vec),
                    headers: record.headers,
                    timestamp: record.timestamp.unwrap_or_else(|| client.millis()),
                };
                let reported = record.delivery_opaque;
                client.send(write, move |report| reported.ended(report));
                Ok(())
            }
        }
    }

    /// Returns how many records are in the queue or on their way.
    pub(super) fn in_flight(&self) -> usize {
        match self {
            Self::Kafka(kafka) => usize::try_from(kafka.client.in_flight_count()).unwrap_or(0),
            #[cfg(feature = "testing")]
            Self::Memory(client) => client.in_flight(),
        }
    }

    /// Waits until no record is in flight.
    ///
    /// # Errors
    /// Records that were still in flight after `timeout`; they stay in the queue.
    pub(super) async fn flush(self: &Arc<Self>, timeout: Duration) -> Result<(), KafkaError> {
        #[cfg(feature = "testing")]
        if let Self::Memory(client) = &**self {
            let timed_out = KafkaError::Flush(rdkafka::error::RDKafkaErrorCode::OperationTimedOut);
            return if client.flush(timeout).await { Ok(()) } else { Err(timed_out) };
        }
        let client = Arc::clone(self);
        let flushed = tokio::task::spawn_blocking(move || client.flush_blocking(timeout));
        flushed.await.unwrap_or(Err(KafkaError::Canceled))
    }

    /// As [`Client::flush`], on this thread. What is in memory is written without a thread that waits for it.
    pub(super) fn flush_blocking(&self, timeout: Duration) -> Result<(), KafkaError> {
        match self {
            Self::Kafka(kafka) => kafka.client.flush(timeout),
            #[cfg(feature = "testing")]
            Self::Memory(_) => Ok(()),
        }
    }
}

/// Hands librdkafka's reports to those who wait for them.
pub(super) struct Reports {
    health: Arc<Health>,
}

impl ClientContext for Reports {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        self.health.log(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.health.error(&error, reason);
    }

    fn stats(&self, _: Statistics) {}
}

impl ProducerContext for Reports {
    type DeliveryOpaque = Reported;

    fn delivery(&self, result: &DeliveryResult<'_>, reported: Self::DeliveryOpaque) {
        let report = match result {
            Ok(message) => {
                self.health.succeeded();
                Ok(Delivery { partition: message.partition(), offset: message.offset() })
            }
            Err((error, _)) => Err(error.clone()),
        };
        reported.ended(report);
    }
}
