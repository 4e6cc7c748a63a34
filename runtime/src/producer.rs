//! Writes typed events to Kafka.
//!
//! In: events. Out: framed records, and for each the partition and offset that Kafka gave it. A record is framed with
//! the id of its own type's schema, looked up once per type; a schema that is not registered stops the send, because
//! framing with another id would lose fields without a word.

mod client;
mod sent;
mod transaction;

use std::cell::Cell;
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::task::{Context, Poll};
use std::time::Duration;

use eventwright_registry::RegistryClient;
use eventwright_wire::{EncodeError, Event, EventSchema};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tokio::time::Instant;

use self::client::{Client, Record};
use self::sent::Sent;
pub(crate) use self::transaction::{Failure, Outbox, Unsent, stopped};
use crate::error::Kind;
use crate::kafka::Health;
use crate::metrics::{self, SendMeter};
use crate::stats::ProducerStats;
use crate::{Error, Message, Settings, kafka, register, registry, trace};

/// How long a send waits before it looks again for room in a full queue.
const QUEUE_POLL: Duration = Duration::from_millis(5);

/// What we set and librdkafka leaves to be overridden under `kafka`.
const DEFAULTS: [(&str, &str); 3] = [
    // A lone `send` waits this long for company, so less than librdkafka's 5 ms; batches still fill under load, because
    // records gather while earlier batches are in flight.
    ("linger.ms", "1"),
    // Of the codecs that every common client reads, the one that costs the least time; `zstd` packs tighter.
    ("compression.type", "lz4"),
    // Java's partitioner, so that a key goes to the same partition whoever writes it.
    ("partitioner", "murmur2_random"),
];

/// Where Kafka put a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Delivery {
    /// The partition of the topic.
    pub partition: i32,
    /// The offset in the partition.
    pub offset: i64,
}

/// Writes typed events to Kafka: idempotent, and acknowledged by all replicas in sync.
///
/// A clone is another handle to the same producer. The last one to be dropped waits until the records in flight are
/// delivered, at most `producer.flush_timeout_ms`; it blocks its thread while it waits, so call [`Producer::flush`]
/// before.
#[derive(Clone)]
pub struct Producer {
    shared: Arc<Shared>,
}

struct Shared {
    client: Arc<Client>,
    health: Arc<Health>,
    registry: RegistryClient,
    settings: Settings,
    /// By the address of the schema: one type, one look-up, for ever.
    bindings: RwLock<HashMap<usize, Arc<Binding>, foldhash::fast::RandomState>>,
    stats: ProducerStats,
    /// Lets one look-up happen at a time, so that the first thousand sends do not ask a thousand times.
    look_up: tokio::sync::Mutex<()>,
    /// `None` unless it writes in transactions only.
    transactional_id: Option<String>,
}

/// What is known of an event's type once its schemas were found in the registry.
struct Binding {
    topic: String,
    event: &'static str,
    meter: Arc<SendMeter>,
    /// Magic byte, id, and for Protobuf the message indexes.
    frame: Vec<u8>,
    /// The frame of the key, where that has a schema.
    key_frame: Option<Vec<u8>>,
    version: String,
}

/// The schemas that records of one type are written with.
#[derive(Debug, Clone, Copy)]
struct Schemas {
    value: &'static EventSchema,
    key: Option<&'static EventSchema>,
}

impl Schemas {
    const fn of<E: Event>() -> Self {
        const { assert!(!E::IS_KEY, "a key is written beside its event: send the event") };
        Self { value: E::SCHEMA, key: E::KEY_SCHEMA }
    }
}

/// Makes a [`Producer`] that has looked for its events' schemas before the first record.
#[derive(Debug)]
#[must_use = "call `connect`"]
pub struct ProducerBuilder {
    settings: Settings,
    events: Vec<Schemas>,
    /// The producer writes in transactions only, under this id.
    transactional_id: Option<String>,
}

impl Producer {
    /// Connects to the broker and the registry; the schema of an event is looked up when the first one is sent.
    ///
    /// # Errors
    /// A setting that cannot be used, or no answer from broker or registry within `connect_timeout_ms`.
    pub async fn connect(settings: &Settings) -> Result<Self, Error> {
        Self::builder(settings).connect().await
    }

    /// Returns a builder that takes the events to look for while connecting.
    pub fn builder(settings: &Settings) -> ProducerBuilder {
        ProducerBuilder { settings: settings.clone(), events: Vec::new(), transactional_id: None }
    }

    /// Sends an event and waits until Kafka acknowledged it.
    ///
    /// One record at a time is bound by `linger.ms` and the way to the broker and back; to send many, use
    /// [`Producer::enqueue`] and await the deliveries later.
    ///
    /// # Errors
    /// A schema that is not registered, a value that its schema cannot hold, or a record that Kafka did not take.
    pub async fn send<'a, E: Event>(&self, message: impl Into<Message<'a, E>>) -> Result<Delivery, Error> {
        self.enqueue(message).await?.await
    }

    /// Puts an event into the queue and returns the future of its delivery; waits while the queue is full.
    ///
    /// The record is on its way whether or not the future is awaited; its error is seen only by who awaits it.
    ///
    /// # Errors
    /// A schema that is not registered, a value that its schema cannot hold, or a queue that stayed full for
    /// `producer.queue_timeout_ms`.
    pub async fn enqueue<'a, E: Event>(&self, message: impl Into<Message<'a, E>>) -> Result<Pending, Error> {
        let message = message.into();
        let schemas = Schemas::of::<E>();
        let binding = match self.shared.known_binding(schemas) {
            Some(binding) => binding,
            None => self.shared.new_binding(schemas).await.inspect_err(|_| self.shared.meter(schemas).failed.add(1))?,
        };
        let mut buffer = BUFFER.take();
        let queued = self.shared.queue(&message, &binding, &mut buffer).await;
        buffer.clear();
        BUFFER.set(buffer);
        let sent = queued.inspect_err(|_| binding.meter.failed.add(1))?;
        Ok(Pending { sent, binding, shared: Arc::clone(&self.shared) })
    }

    /// Returns the producer's counters; a clone of the producer has the same ones.
    #[must_use]
    pub fn stats(&self) -> ProducerStats {
        self.shared.stats.clone()
    }

    /// Waits until no record is in flight.
    ///
    /// # Errors
    /// Records that were still in flight after `timeout`; they stay in the queue.
    pub async fn flush(&self, timeout: Duration) -> Result<(), Error> {
        let Shared { client, health, .. } = &*self.shared;
        client.flush(timeout).await.map_err(|error| {
            let (count, suffix) = (client.in_flight(), health.suffix());
            let text = format!("{count} records were still in flight after {}{suffix}", kafka::shown(timeout));
            Error::new(Kind::PossiblyWritten, text).with_source(error).retriable()
        })
    }

    /// Returns how many records are in the queue or on their way.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.shared.client.in_flight()
    }
}

thread_local! {
    /// The bytes of the record that is being encoded; librdkafka copies them, so that one buffer a thread serves all.
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

impl ProducerBuilder {
    /// Adds an event whose schema must be registered, or is registered where the settings say so, while connecting; that
    /// of its key with it. A key alone is none:
    ///
    /// ```compile_fail,E0080
    /// # use eventwright::wire::*;
    /// # struct OrderKey;
    /// # impl Event for OrderKey {
    /// #     const SCHEMA: &'static EventSchema = &EventSchema {
    /// #         event: "OrderKey", version: 1, format: Format::Avro, full_name: "OrderKey", prefix: "", topic: "orders",
    /// #         subject: "orders-key", text: "", references: &[], fingerprint: 0, sha256: [0; 32], canonical_fingerprint: 0, message_indexes: &[],
    /// #     };
    /// #     const WRITERS: &'static [&'static EventSchema] = &[];
    /// #     const IS_KEY: bool = true;
    /// #     fn encode(&self, _: &mut Vec<u8>) -> Result<(), EncodeError> { unimplemented!() }
    /// #     fn decode(_: usize, _: &[u8]) -> Result<Self, DecodeError> { unimplemented!() }
    /// # }
    /// # let settings = eventwright::Settings::default();
    /// eventwright::Producer::builder(&settings).event::<OrderKey>();
    /// ```
    pub fn event<E: Event>(mut self) -> Self {
        self.events.push(Schemas::of::<E>());
        self
    }

    /// Connects to the broker and the registry and looks for the schemas of the events.
    ///
    /// # Errors
    /// A setting that cannot be used, no answer from broker or registry within `connect_timeout_ms`, or an event whose
    /// schema is not registered; what concerns the registry only where `registry.check_at_start` is on.
    pub async fn connect(self) -> Result<Producer, Error> {
        let Self { settings, events, transactional_id } = self;
        settings.check()?;
        metrics::serve_as_set(&settings).await?;
        let health = Arc::new(Health::default());
        let client = Arc::new(Client::new(&settings, &health, transactional_id.as_deref())?);
        let registry = settings.registry_client()?;
        let shared = Shared {
            client,
            health,
            registry,
            settings,
            bindings: RwLock::default(),
            stats: ProducerStats::default(),
            look_up: tokio::sync::Mutex::default(),
            transactional_id,
        };
        let shared = Arc::new(shared);
        let (broker, registry) = tokio::join!(shared.reach_broker(), shared.reach_registry());
        broker.and(registry)?;
        for schemas in events.into_iter().filter(|_| shared.settings.registry.check_at_start) {
            shared.new_binding(schemas).await?;
        }
        Ok(Producer { shared })
    }
}

impl Shared {
    async fn reach_broker(&self) -> Result<(), Error> {
        if !self.client.reach(self.settings.connect_timeout).await {
            return Err(kafka::unreachable(&self.settings, &self.health));
        }
        self.health.succeeded();
        Ok(())
    }

    async fn reach_registry(&self) -> Result<(), Error> {
        registry::reach_at_start(&self.registry, &self.settings).await
    }

    fn known_binding(&self, schemas: Schemas) -> Option<Arc<Binding>> {
        let bindings = self.bindings.read().unwrap_or_else(PoisonError::into_inner);
        bindings.get(&address(schemas.value)).cloned()
    }

    async fn new_binding(&self, schemas: Schemas) -> Result<Arc<Binding>, Error> {
        let _one_at_a_time = self.look_up.lock().await;
        if let Some(binding) = self.known_binding(schemas) {
            return Ok(binding);
        }
        let Schemas { value, key } = schemas;
        let frame = register::frame(&self.registry, &self.settings, value).await?;
        let key_frame = match key {
            Some(key) => Some(register::frame(&self.registry, &self.settings, key).await?),
            None => None,
        };
        let topic = value.prefixed_topic(self.settings.prefix.as_deref());
        let (event, version, meter) = (value.event, value.version.to_string(), self.meter(schemas));
        let binding = Arc::new(Binding { topic, event, meter, frame, key_frame, version });
        let mut bindings = self.bindings.write().unwrap_or_else(PoisonError::into_inner);
        bindings.insert(address(value), Arc::clone(&binding));
        Ok(binding)
    }

    fn meter(&self, schemas: Schemas) -> Arc<SendMeter> {
        let topic = schemas.value.prefixed_topic(self.settings.prefix.as_deref());
        self.stats.meters().of(schemas.value, &topic)
    }

    /// Encodes a message and puts it into librdkafka's queue, waiting for room.
    async fn queue<E: Event>(
        &self,
        message: &Message<'_, E>,
        binding: &Binding,
        buffer: &mut Vec<u8>,
    ) -> Result<Arc<Sent>, Error> {
        let (started, span) = (Instant::now(), trace::send(&binding.topic, binding.event));
        let value_len = encode_framed(message.event, binding, buffer).map_err(|error| not_encoded::<E>(error))?;
        binding.meter.encode.record(started.elapsed());
        let (value, framed_key) = buffer.split_at(value_len);
        let text_key = message.event.key();
        let key = binding.key_frame.as_ref().map(|_| framed_key);
        let headers = message.record_headers(&binding.version, &span);
        let sent = Sent::new(started, Some(&binding.meter), span);
        let mut record = Record::with_opaque_to(&binding.topic, Arc::clone(&sent));
        record.payload = Some(value);
        record.key = key.or(text_key.as_deref().map(str::as_bytes));
        record.timestamp = message.timestamp;
        record.headers = Some(headers);
        let mut deadline = None;
        loop {
            match self.client.send(record) {
                Ok(()) => return Ok(sent),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), again)) => record = again,
                Err((error, _)) => return Err(self.not_written(&binding.topic, error)),
            }
            let deadline = *deadline.get_or_insert_with(|| Instant::now() + self.settings.producer.queue_timeout);
            if Instant::now() >= deadline {
                return Err(self.queue_full(&binding.topic));
            }
            tokio::time::sleep(QUEUE_POLL).await;
        }
    }

    fn queue_full(&self, topic: &str) -> Error {
        let text = format!(
            "the producer's queue stayed full for {}, so the record for `{topic}` was not written{}",
            kafka::shown(self.settings.producer.queue_timeout),
            self.health.suffix()
        );
        Error::new(Kind::NotWritten, text).retriable()
    }

    /// Returns the error for a record that librdkafka gave up on.
    fn not_written(&self, topic: &str, error: KafkaError) -> Error {
        let code = error.rdkafka_error_code();
        let bootstrap = &self.settings.bootstrap;
        let suffix = self.health.suffix();
        let (kind, retriable, text) = match code {
            Some(RDKafkaErrorCode::MessageTimedOut) => {
                let timeout = kafka::shown(self.settings.producer.delivery_timeout);
                let text = format!(
                    "possibly written: no acknowledgement for a record for `{topic}` from `{bootstrap}` within \
                     {timeout}{suffix}"
                );
                (Kind::PossiblyWritten, true, text)
            }
            Some(RDKafkaErrorCode::UnknownTopic | RDKafkaErrorCode::UnknownTopicOrPartition) => {
                let text = format!("the topic `{topic}` does not exist at `{bootstrap}`; help: create it");
                (Kind::NotWritten, true, text)
            }
            Some(RDKafkaErrorCode::MessageSizeTooLarge) => {
                let text = format!(
                    "the record for `{topic}` is larger than the topic or the producer allows; help: raise \
                     `max.message.bytes` of the topic and `message.max.bytes` under `kafka`"
                );
                (Kind::NotWritten, false, text)
            }
            Some(RDKafkaErrorCode::PurgeInflight) => {
                let text = format!("possibly written: the producer was dropped while a record for `{topic}` was sent");
                (Kind::PossiblyWritten, true, text)
            }
            _ => (Kind::NotWritten, false, format!("a record for `{topic}` was not written: {error}{suffix}")),
        };
        let result = Error::new(kind, text);
        if retriable { result.retriable() } else { result }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if self.transactional_id.is_some() {
            // Nothing is in flight that anybody wants, and a client that does not come back blocks whoever closes it.
            let client = Arc::clone(&self.client);
            std::thread::spawn(|| drop(client));
            return;
        }
        if self.client.in_flight() > 0 && self.client.flush_blocking(self.settings.producer.flush_timeout).is_err() {
            let records = self.client.in_flight();
            tracing::error!(records, "the producer was dropped before its records were delivered");
        }
    }
}

fn address(schema: &'static EventSchema) -> usize {
    std::ptr::from_ref(schema).addr()
}

/// Appends the record's value and behind it its key, where that has a schema; returns how long the value is.
fn encode_framed<E: Event>(event: &E, binding: &Binding, buffer: &mut Vec<u8>) -> Result<usize, EncodeError> {
    buffer.extend_from_slice(&binding.frame);
    event.encode(buffer)?;
    let value_len = buffer.len();
    if let Some(frame) = &binding.key_frame {
        buffer.extend_from_slice(frame);
        event.encode_key(buffer)?;
    }
    Ok(value_len)
}

fn not_encoded<E: Event>(error: EncodeError) -> Error {
    let text = format!("`{}` v{} cannot be encoded: {error}", E::SCHEMA.event, E::SCHEMA.version);
    Error::new(Kind::Encode, text)
}

/// The delivery of one record, which comes whether or not it is awaited.
#[must_use = "a record that was not delivered is known only to who awaits it"]
pub struct Pending {
    sent: Arc<Sent>,
    binding: Arc<Binding>,
    shared: Arc<Shared>,
}

impl Future for Pending {
    type Output = Result<Delivery, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let report = std::task::ready!(self.sent.poll_report(context));
        Poll::Ready(report.map_err(|error| self.shared.not_written(&self.binding.topic, error)))
    }
}

impl std::fmt::Debug for Producer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Producer").field("bootstrap", &self.shared.settings.bootstrap).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Pending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pending").field("topic", &self.binding.topic).finish_non_exhaustive()
    }
}
