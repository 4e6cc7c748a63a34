//! What a handler may know of the record that its event came in.

mod content;

use std::sync::Arc;
use std::time::Instant;

use eventwright_wire::framing::SchemaId;
use eventwright_wire::{Event, EventSchema};
use rdkafka::message::Message;

use self::content::Content;
pub(crate) use self::content::{Source, lend};
use crate::Error;
use crate::keys::Keys;
use crate::message::{CORRELATION_ID, MESSAGE_ID};
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
pub struct Context(Arc<Content<Facts>>);

/// What is known of a record whose content may not be copied yet.
pub(crate) struct Facts {
    known: Known,
    partition: i32,
    offset: i64,
    timestamp: Option<i64>,
    /// How long the key is.
    key: Option<usize>,
}

/// Lends a record to the context that its handler is given.
pub(crate) type Lender<'a> = content::Lender<'a, Facts>;

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
    /// Returns the context of a record: with a copy of its key and headers, unless the record is lent.
    pub(crate) fn new(record: &(impl Message + Source), known: Known, lender: Option<&Lender<'_>>) -> Self {
        let facts = Facts {
            known,
            partition: record.partition(),
            offset: record.offset(),
            timestamp: record.timestamp().to_millis(),
            key: record.key().map(<[u8]>::len),
        };
        Self(match lender {
            Some(lender) => lender.content(facts),
            None => Content::copied(facts, record),
        })
    }

    /// Decodes the event, and measures for some records how long that takes.
    pub(crate) fn decoding<T>(&self, decode: impl FnOnce() -> T) -> T {
        if self.0.facts.offset % MEASURED != 0 {
            return decode();
        }
        let started = Instant::now();
        let decoded = decode();
        self.0.facts.known.meter.decode.record(started.elapsed());
        decoded
    }

    /// Returns the name of the event, or a word for all that the consumer does not know.
    pub(crate) fn event(&self) -> &'static str {
        self.0.facts.known.meter.event
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
        let Some(outbox) = &self.0.facts.known.outbox else {
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
        self.0.facts.known.keys.topic()
    }

    /// Returns the consumer group.
    #[must_use]
    pub fn group(&self) -> &str {
        &self.0.facts.known.scope.group
    }

    /// Counts the record among the duplicates.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(crate) fn count_duplicate(&self) {
        self.0.facts.known.scope.stats.count_found_handled();
    }

    /// Returns the partition.
    #[must_use]
    pub fn partition(&self) -> i32 {
        self.0.facts.partition
    }

    /// Returns the offset in the partition.
    #[must_use]
    pub fn offset(&self) -> i64 {
        self.0.facts.offset
    }

    /// Returns the record's timestamp in milliseconds since the Unix epoch.
    #[must_use]
    pub fn timestamp(&self) -> Option<i64> {
        self.0.facts.timestamp
    }

    /// Returns how often a handler was given this record by this consumer, this time included: 1 for the first time.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.0.facts.known.attempt
    }

    /// Returns the registry's id of the writer's schema.
    #[must_use]
    pub fn schema_id(&self) -> u32 {
        self.0.facts.known.schema_id.0
    }

    /// Returns the writer's schema, where it is one of those that the event was compiled with; `None` for a version
    /// that came later and was resolved at run time.
    #[must_use]
    pub fn writer(&self) -> Option<&'static EventSchema> {
        self.0.facts.known.writer
    }

    /// Returns the key's bytes.
    #[must_use]
    pub fn key(&self) -> Option<&[u8]> {
        self.0.bytes().get(..self.0.facts.key?)
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
        self.0.facts.known.keys.decode(self.key()).await
    }

    /// Returns the headers in their order; a name may repeat.
    pub fn headers(&self) -> impl Iterator<Item = (&str, Option<&[u8]>)> {
        content::unpack(self.0.bytes().get(self.0.facts.key.unwrap_or(0)..).unwrap_or_default())
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

/// Shows where the record is, never its content: a payload may hold personal data.
impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context")
            .field("topic", &self.topic())
            .field("partition", &self.0.facts.partition)
            .field("offset", &self.0.facts.offset)
            .field("attempt", &self.0.facts.known.attempt)
            .field("schema_id", &self.0.facts.known.schema_id.0)
            .finish_non_exhaustive()
    }
}
