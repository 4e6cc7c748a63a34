//! Writes records and the offsets that they came of in one transaction of Kafka: both are seen, or neither.
//!
//! In: what handlers sent, encoded, dead letters, and the offsets of their records. Out: a transaction that was committed, one
//! that was undone and may be tried again, or one of which nobody knows. Kafka lets only members of the group commit, of its
//! newest generation, so that a consumer that lost its partitions without knowing cannot.
//!
//! All calls block, and librdkafka 2.12 may not come back from them at all once the coordinator has left the cluster
//! (github.com/confluentinc/librdkafka/issues/5511). So they run on threads that nobody waits for, and after a while the producer
//! is replaced: by one of the same transactional id, so that Kafka has ended what the old one began, and takes nothing from it
//! any more.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use eventwright_wire::{Event, RawRecord};
use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::OwnedHeaders;
use rdkafka::producer::{BaseRecord, Producer as _, ThreadedProducer};
use rdkafka::{ClientConfig, TopicPartitionList};
use tokio::time::{Instant, timeout};
use tracing::Span;
use uuid::Uuid;

use super::client::{Client, Reports};
use super::sent::Sent;
use super::{Producer, ProducerBuilder, Schemas, Shared, encode_framed, not_encoded};
use crate::broker::WriteError;
use crate::error::Kind;
use crate::metrics::SendMeter;
use crate::{Error, Message, Settings, kafka, trace};

/// After how long Kafka ends the transaction of a producer that is gone, and we replace one that does not come back; until then,
/// readers wait behind it.
const TIMEOUT: Duration = Duration::from_secs(15);

/// How long one step of a transaction may take before it is tried again.
const STEP: Duration = Duration::from_secs(5);

/// The pause before it is tried again.
const PAUSE: Duration = Duration::from_millis(100);

/// A record that is written with the next transaction.
#[derive(Clone)]
pub(crate) struct Unsent {
    topic: String,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: OwnedHeaders,
    timestamp: Option<i64>,
    what: What,
}

#[derive(Clone)]
enum What {
    Event { name: &'static str, meter: Arc<SendMeter> },
    DeadLetter(Span),
}

/// What one handler sends: it is written if the handler succeeds, in the transaction that commits its record.
pub(crate) struct Outbox {
    producer: Producer,
    /// `None` once the handler has ended.
    unsent: Mutex<Option<Vec<Unsent>>>,
}

/// Why a transaction was not committed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It was undone; the same one may succeed later.
    Aborted(KafkaError),
    /// It will never succeed with what is in it.
    Final(KafkaError),
    /// It was committed, or will be undone; this producer can do no more.
    Unknown(KafkaError),
}

impl Producer {
    /// Connects a producer that writes in transactions only, under an id of its own.
    pub(crate) async fn connect_transactional(settings: &Settings, group: &str) -> Result<Self, Error> {
        let id = format!("{group}-{}", Uuid::now_v7());
        let builder = ProducerBuilder { settings: settings.clone(), events: Vec::new(), transactional_id: Some(id) };
        let producer = builder.connect().await?;
        if producer.shared.client.kafka().is_none() {
            return Err(Error::settings(
                "a cluster in memory has no transactions; help: test `exactly_once` on a real one",
            ));
        }
        producer.init_transactions().await?;
        Ok(producer)
    }

    /// Returns a producer in the place of this one, whose transaction Kafka has ended by then, in one way or the other.
    pub(crate) async fn replaced(&self) -> Result<Self, Error> {
        let Shared { registry, settings, stats, transactional_id, .. } = &*self.shared;
        let health = Arc::default();
        let shared = Shared {
            client: Arc::new(Client::new(settings, &health, transactional_id.as_deref())?),
            health,
            registry: registry.clone(),
            settings: settings.clone(),
            bindings: RwLock::new(self.shared.bindings.read().unwrap_or_else(PoisonError::into_inner).clone()),
            stats: stats.clone(),
            look_up: tokio::sync::Mutex::default(),
            transactional_id: transactional_id.clone(),
        };
        let producer = Self { shared: Arc::new(shared) };
        producer.init_transactions().await?;
        Ok(producer)
    }

    async fn init_transactions(&self) -> Result<(), Error> {
        let (shared, timeout) = (Arc::clone(&self.shared), self.shared.settings.connect_timeout);
        let start = move || shared.client.kafka().map_or(Ok(()), |client| client.init_transactions(timeout));
        let failed = |error| {
            let (bootstrap, suffix) = (&self.shared.settings.bootstrap, self.shared.health.suffix());
            let text = format!("cannot begin transactions at `{bootstrap}`{suffix}");
            Error::new(Kind::Broker, text).with_source(error).retriable()
        };
        tokio::task::spawn_blocking(start).await.unwrap_or(Err(KafkaError::Canceled)).map_err(failed)
    }

    /// Writes records and offsets in one transaction, and returns the records once it is over.
    pub(crate) async fn transact(
        &self,
        batch: Vec<Vec<Unsent>>,
        offsets: TopicPartitionList,
        group: ConsumerGroupMetadata,
    ) -> (Vec<Vec<Unsent>>, Result<(), Failure>) {
        let (shared, batch) = (Arc::clone(&self.shared), Arc::new(batch));
        let written = Arc::clone(&batch);
        let over = kafka::ask(move || {
            let client = shared.client.kafka().ok_or(Failure::Final(KafkaError::Canceled));
            Ok(client.and_then(|client| shared.transact(client, &written, (&offsets, &group))))
        });
        let timed_out = KafkaError::Global(RDKafkaErrorCode::OperationTimedOut);
        let over = timeout(TIMEOUT, over).await.unwrap_or(Err(timed_out));
        let result = over.unwrap_or_else(|error| Err(Failure::Unknown(error)));
        (Arc::unwrap_or_clone(batch), result)
    }
}

impl Unsent {
    /// The dead letter of a record.
    pub(crate) fn dead_letter(topic: String, record: RawRecord, headers: OwnedHeaders) -> Self {
        let what = What::DeadLetter(trace::copy(&record, &topic, "dead letter"));
        Self { topic, key: record.key, value: record.value, headers, timestamp: None, what }
    }
}

impl Outbox {
    pub(crate) fn new(producer: Producer) -> Self {
        Self { producer, unsent: Mutex::new(Some(Vec::new())) }
    }

    /// Encodes an event and keeps it until its handler has succeeded.
    pub(crate) async fn send<E: Event>(&self, message: Message<'_, E>) -> Result<(), Error> {
        let shared = &self.producer.shared;
        let schemas = Schemas::of::<E>();
        let binding = match shared.known_binding(schemas) {
            Some(binding) => binding,
            None => shared.new_binding(schemas).await?,
        };
        let mut value = Vec::new();
        let value_len = encode_framed(message.event, &binding, &mut value).map_err(|error| not_encoded::<E>(error))?;
        let framed_key = value.split_off(value_len);
        let text_key = || message.event.key().map(|key| key.as_bytes().to_vec());
        let key = if binding.key_frame.is_some() { Some(framed_key) } else { text_key() };
        let headers = message.record_headers(&binding.version, &tracing::Span::current());
        let what = What::Event { name: E::SCHEMA.event, meter: Arc::clone(&binding.meter) };
        let (topic, value, timestamp) = (binding.topic.clone(), Some(value), message.timestamp);
        self.put(Unsent { topic, key, value, headers, timestamp, what })
    }

    /// Keeps a record until its handler has succeeded.
    ///
    /// # Errors
    /// The handler has ended.
    pub(crate) fn put(&self, record: Unsent) -> Result<(), Error> {
        match &mut *self.unsent.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(unsent) => unsent.push(record),
            None => return Err(Error::new(Kind::NotWritten, "not written: the handler of the record has ended")),
        }
        Ok(())
    }

    /// Takes what was sent; nothing can be sent any more.
    pub(crate) fn close(&self) -> Vec<Unsent> {
        self.unsent.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_default()
    }
}

impl Shared {
    fn transact(
        &self,
        client: &ThreadedProducer<Reports>,
        batch: &[Vec<Unsent>],
        (offsets, group): (&TopicPartitionList, &ConsumerGroupMetadata),
    ) -> Result<(), Failure> {
        let until = Instant::now() + TIMEOUT;
        client.begin_transaction().map_err(Failure::Unknown)?;
        let mut reports = Vec::new();
        let result = batch.iter().flatten().try_for_each(|record| put(client, record, &mut reports));
        let result = result
            .and_then(|()| again(until, || client.send_offsets_to_transaction(offsets, group, STEP)))
            .and_then(|()| again(until, || client.commit_transaction(STEP)));
        let Err(error) = result else {
            self.health.succeeded();
            return Ok(());
        };
        let aborted = again(until, || client.abort_transaction(STEP));
        // The transaction's own error says only that some record failed, unless the record was not even taken.
        let reports = reports.into_iter().filter_map(|sent| sent.take_report()?.err());
        let own = matches!(error, KafkaError::MessageProduction(_)).then(|| error.clone());
        let refused = reports.chain(own).find(|error| matches!(error.clone().into(), WriteError::Final(_)));
        match (refused, aborted) {
            (Some(refused), _) => Err(Failure::Final(refused)),
            (None, Err(error)) => Err(Failure::Unknown(error)),
            (None, Ok(())) if is_fatal(&error) => Err(Failure::Unknown(error)),
            (None, Ok(())) => Err(Failure::Aborted(error)),
        }
    }
}

/// Puts a record into librdkafka's queue, waiting for room.
fn put(client: &ThreadedProducer<Reports>, unsent: &Unsent, reports: &mut Vec<Arc<Sent>>) -> Result<(), KafkaError> {
    let (meter, span) = match &unsent.what {
        What::Event { name, meter } => (Some(meter), trace::send(&unsent.topic, name)),
        What::DeadLetter(span) => (None, span.clone()),
    };
    let sent = Sent::new(Instant::now(), meter, span);
    reports.push(Arc::clone(&sent));
    let mut record = BaseRecord::<[u8], [u8], _>::with_opaque_to(&unsent.topic, sent);
    record.payload = unsent.value.as_deref();
    record.key = unsent.key.as_deref();
    record.timestamp = unsent.timestamp;
    record.headers = Some(unsent.headers.clone());
    loop {
        match client.send(record) {
            Ok(()) => return Ok(()),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), again)) => record = again,
            Err((error, _)) => return Err(error),
        }
        // What was put in before goes out; where it does not within this time, the queue is as full as it was.
        drop(client.flush(STEP));
    }
}

/// Tries a step again as long as Kafka says that this is of use, and somebody waits.
fn again(until: Instant, mut step: impl FnMut() -> Result<(), KafkaError>) -> Result<(), KafkaError> {
    loop {
        match step() {
            Err(KafkaError::Transaction(error)) if error.is_retriable() && Instant::now() < until => {}
            result => return result,
        }
        std::thread::park_timeout(PAUSE);
    }
}

fn is_fatal(error: &KafkaError) -> bool {
    matches!(error, KafkaError::Transaction(error) if error.is_fatal())
}

/// Sets what a producer of transactions needs; no record of one may wait for longer than the transaction.
pub(super) fn configure(config: &mut ClientConfig, settings: &Settings, id: &str) {
    let timeout = settings.producer.delivery_timeout.min(TIMEOUT);
    config.set("transactional.id", id).set("transaction.timeout.ms", TIMEOUT.as_millis().to_string());
    config.set("delivery.timeout.ms", timeout.as_millis().to_string());
}

/// Returns the error of a consumer whose transaction cannot succeed.
pub(crate) fn stopped(settings: &Settings, error: KafkaError) -> Error {
    let bootstrap = &settings.bootstrap;
    let text = format!(
        "a transaction at `{bootstrap}` cannot succeed, and the consumer stops; its records are kept and nothing of them is seen; \
         help: the cause says why a record that a handler sent cannot be written"
    );
    Error::new(Kind::NotWritten, text).with_source(error)
}
