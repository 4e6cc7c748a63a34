//! What a handler may know of the record that its event came in.

use std::sync::Arc;
use std::time::Instant;

use eventwright_wire::framing::SchemaId;
use eventwright_wire::{Event, EventSchema};
use rdkafka::message::{Header, Message};

use crate::Error;
use crate::keys::Keys;
use crate::message::{CORRELATION_ID, MESSAGE_ID, headers};
use crate::metrics::EventMeter;
use crate::producer::Outbox;
use crate::stats::ConsumerStats;

/// One record in so many has the time measured that its decoding takes: the clock costs a tenth of it.
const MEASURED: i64 = 16;

/// What all records of a consumer share.
pub(crate) struct Scope {
    pub(crate) group: Arc<str>,
    #[cfg_attr(
        not(any(feature = "sqlite", feature = "postgres")),
        expect(dead_code, reason = "only transactions of a database count what the consumer does not see")
    )]
    pub(crate) stats: ConsumerStats,
}

/// Where an event came from: topic, partition, offset, key, headers, the writer's schema, and the attempt.
///
/// A clone is another handle to the same values.
#[derive(Clone)]
pub struct Context(Arc<Inner>);

struct Inner {
    keys: Arc<Keys>,
    meter: Arc<EventMeter>,
    scope: Arc<Scope>,
    outbox: Option<Arc<Outbox>>,
    partition: i32,
    offset: i64,
    timestamp: Option<i64>,
    attempt: u32,
    schema_id: SchemaId,
    writer: Option<&'static EventSchema>,
    key: Option<usize>,
    /// The key, then for each header how long its name and its value are, the name, and the value: one allocation for all.
    bytes: Vec<u8>,
}

/// What is in place of a header's length where it has no value.
const NO_VALUE: usize = usize::MAX;

/// How many bytes a length takes.
const LENGTH: usize = size_of::<usize>();

/// What a consumer knows of a record beside what is in it.
pub(crate) struct Known {
    pub(crate) keys: Arc<Keys>,
    pub(crate) scope: Arc<Scope>,
    pub(crate) outbox: Option<Arc<Outbox>>,
    pub(crate) meter: Arc<EventMeter>,
    pub(crate) attempt: u32,
    pub(crate) schema_id: SchemaId,
    pub(crate) writer: Option<&'static EventSchema>,
}

impl Context {
    pub(crate) fn new(message: &impl Message, known: Known) -> Self {
        let Known { keys, scope, outbox, meter, attempt, schema_id, writer } = known;
        let key = message.key();
        // Room for our own headers and a key, so that few records need more.
        let mut bytes = Vec::with_capacity(key.map_or(0, <[u8]>::len) + 320);
        bytes.extend_from_slice(key.unwrap_or_default());
        for Header { key: name, value } in headers(message) {
            bytes.extend_from_slice(&name.len().to_ne_bytes());
            bytes.extend_from_slice(&value.map_or(NO_VALUE, <[u8]>::len).to_ne_bytes());
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(value.unwrap_or_default());
        }
        Self(Arc::new(Inner {
            keys,
            meter,
            scope,
            outbox,
            partition: message.partition(),
            offset: message.offset(),
            timestamp: message.timestamp().to_millis(),
            attempt,
            schema_id,
            writer,
            key: key.map(<[u8]>::len),
            bytes,
        }))
    }

    /// Decodes the event, and measures for some records how long that takes.
    pub(crate) fn decoding<T>(&self, decode: impl FnOnce() -> T) -> T {
        if self.0.offset % MEASURED != 0 {
            return decode();
        }
        let started = Instant::now();
        let decoded = decode();
        self.0.meter.decode.record(started.elapsed());
        decoded
    }

    /// Returns the name of the event, or a word for all that the consumer does not know.
    pub(crate) fn event(&self) -> &'static str {
        self.0.meter.event
    }

    /// Sends an event if the handler succeeds: it is written in one transaction with the offset of the handler's record, so
    /// that both are there or neither. It carries the correlation id of the handler's record, unless the message has one.
    ///
    /// ```no_run
    /// # async fn handle<E: eventwright::Event + Sync>(context: eventwright::Context, reserved: E)
    /// # -> Result<eventwright::Outcome, eventwright::Error> {
    /// context.send(&reserved).await?;
    /// Ok(eventwright::Outcome::Done)
    /// # }
    /// ```
    ///
    /// # Errors
    /// A consumer without [`exactly_once`](crate::ConsumerBuilder::exactly_once), a schema that is not registered, a value that
    /// its schema cannot hold, or a handler that has ended.
    pub async fn send<'a, E: Event>(&self, message: impl Into<crate::Message<'a, E>>) -> Result<(), Error> {
        let Some(outbox) = &self.0.outbox else {
            return Err(Error::settings(
                "the consumer has no transactions to send events in; help: call `.exactly_once()` where it is built, or send with a \
                 `Producer`",
            ));
        };
        outbox.send(message.into().of_process(self.correlation_id())).await
    }

    /// Returns the topic, with its prefix.
    #[must_use]
    pub fn topic(&self) -> &str {
        self.0.keys.topic()
    }

    /// Returns the consumer group.
    #[must_use]
    pub fn group(&self) -> &str {
        &self.0.scope.group
    }

    /// Counts the record among the duplicates.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(crate) fn count_duplicate(&self) {
        self.0.scope.stats.count_found_handled();
    }

    /// Returns the partition.
    #[must_use]
    pub fn partition(&self) -> i32 {
        self.0.partition
    }

    /// Returns the offset in the partition.
    #[must_use]
    pub fn offset(&self) -> i64 {
        self.0.offset
    }

    /// Returns the record's timestamp in milliseconds since the Unix epoch.
    #[must_use]
    pub fn timestamp(&self) -> Option<i64> {
        self.0.timestamp
    }

    /// Returns how often a handler was given this record by this consumer, this time included: 1 for the first time.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.0.attempt
    }

    /// Returns the registry's id of the writer's schema.
    #[must_use]
    pub fn schema_id(&self) -> u32 {
        self.0.schema_id.0
    }

    /// Returns the writer's schema, where it is one of those that the event was compiled with; `None` for a version
    /// that came later and was resolved at run time.
    #[must_use]
    pub fn writer(&self) -> Option<&'static EventSchema> {
        self.0.writer
    }

    /// Returns the key's bytes.
    #[must_use]
    pub fn key(&self) -> Option<&[u8]> {
        self.0.bytes.get(..self.0.key?)
    }

    /// Decodes the key, where the topic's keys have a schema (`key_schema` in the manifest): `K` is the generated type of
    /// the key, in any of its versions.
    ///
    /// ```no_run
    /// # async fn handle<OrderKey: eventwright::Event>(context: eventwright::Context) -> Result<(), eventwright::Error> {
    /// let key = context.key_as::<OrderKey>().await?;
    /// # Ok(()) }
    /// ```
    ///
    /// The registry is asked at the first key of each schema id; a key that no handler asks for is never decoded.
    ///
    /// # Errors
    /// A record without key, a key that is not framed or not of this type, or a registry that does not answer, which is
    /// retriable.
    pub async fn key_as<K: Event>(&self) -> Result<K, Error> {
        const { assert!(K::IS_KEY, "the type is an event: name the type of the topic's keys") };
        self.0.keys.decode(self.key()).await
    }

    /// Returns the headers in their order; a name may repeat.
    pub fn headers(&self) -> impl Iterator<Item = (&str, Option<&[u8]>)> {
        let mut rest = self.0.bytes.get(self.0.key.unwrap_or(0)..).unwrap_or_default();
        std::iter::from_fn(move || next_header(&mut rest))
    }

    /// Returns the last header of that name as text, if there is one and it is UTF-8.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers().filter(|(header, _)| *header == name).last()?;
        std::str::from_utf8(value?).ok()
    }

    /// Returns the id that deduplication uses: the header `ew-message-id`.
    #[must_use]
    pub fn message_id(&self) -> Option<&str> {
        self.header(MESSAGE_ID)
    }

    /// Returns the id that all records of one business process share: the header `ew-correlation-id`.
    #[must_use]
    pub fn correlation_id(&self) -> Option<&str> {
        self.header(CORRELATION_ID)
    }
}

/// Takes the first header off what is left of them.
fn next_header<'a>(rest: &mut &'a [u8]) -> Option<(&'a str, Option<&'a [u8]>)> {
    let mut length = || rest.split_off(..LENGTH)?.try_into().ok().map(usize::from_ne_bytes);
    let (name, value) = (length()?, length()?);
    let name = std::str::from_utf8(rest.split_off(..name)?).ok()?;
    Some((name, if value == NO_VALUE { None } else { Some(rest.split_off(..value)?) }))
}

/// Shows where the record is, never its content: a payload may hold personal data.
impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context")
            .field("topic", &self.topic())
            .field("partition", &self.0.partition)
            .field("offset", &self.0.offset)
            .field("attempt", &self.0.attempt)
            .field("schema_id", &self.0.schema_id.0)
            .finish_non_exhaustive()
    }
}
