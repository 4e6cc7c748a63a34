//! What a handler may know of the record that its event came in.

use std::sync::Arc;

use eventwright_wire::framing::SchemaId;
use eventwright_wire::{Event, EventSchema};
use rdkafka::message::{Headers as _, Message};

use crate::Error;
use crate::keys::Keys;
use crate::message::{CORRELATION_ID, MESSAGE_ID};

/// How long a header is, name and value, unless it is a long one.
const LIKELY: usize = 56;

/// Where an event came from: topic, partition, offset, key, headers, the writer's schema, and the attempt.
#[derive(Clone)]
pub struct Context {
    keys: Arc<Keys>,
    partition: i32,
    offset: i64,
    timestamp: Option<i64>,
    attempt: u32,
    schema_id: SchemaId,
    writer: Option<&'static EventSchema>,
    /// The key, then name and value of each header: one allocation for all.
    bytes: Vec<u8>,
    key: Option<usize>,
    headers: Vec<Span>,
}

/// How long a header's name and value are.
#[derive(Clone, Copy)]
struct Span {
    name: usize,
    value: Option<usize>,
}

impl Context {
    pub(crate) fn new(
        message: &impl Message,
        keys: Arc<Keys>,
        attempt: u32,
        schema_id: SchemaId,
        writer: Option<&'static EventSchema>,
    ) -> Self {
        let (key, headers) = (message.key(), message.headers());
        let n_headers = headers.map_or(0, rdkafka::message::Headers::count);
        let mut bytes = Vec::with_capacity(key.map_or(0, <[u8]>::len) + n_headers * LIKELY);
        bytes.extend_from_slice(key.unwrap_or_default());
        let mut span = |header: rdkafka::message::Header<'_, &[u8]>| {
            bytes.extend_from_slice(header.key.as_bytes());
            bytes.extend_from_slice(header.value.unwrap_or_default());
            Span { name: header.key.len(), value: header.value.map(<[u8]>::len) }
        };
        let mut spans = Vec::with_capacity(n_headers);
        spans.extend(headers.into_iter().flat_map(|headers| headers.iter()).map(&mut span));
        Self {
            keys,
            partition: message.partition(),
            offset: message.offset(),
            timestamp: message.timestamp().to_millis(),
            attempt,
            schema_id,
            writer,
            key: key.map(<[u8]>::len),
            bytes,
            headers: spans,
        }
    }

    /// Returns the topic, with its prefix.
    #[must_use]
    pub fn topic(&self) -> &str {
        self.keys.topic()
    }

    /// Returns the partition.
    #[must_use]
    pub fn partition(&self) -> i32 {
        self.partition
    }

    /// Returns the offset in the partition.
    #[must_use]
    pub fn offset(&self) -> i64 {
        self.offset
    }

    /// Returns the record's timestamp in milliseconds since the Unix epoch.
    #[must_use]
    pub fn timestamp(&self) -> Option<i64> {
        self.timestamp
    }

    /// Returns how often a handler was given this record by this consumer, this time included: 1 for the first time.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Returns the registry's id of the writer's schema.
    #[must_use]
    pub fn schema_id(&self) -> u32 {
        self.schema_id.0
    }

    /// Returns the writer's schema, where it is one of those that the event was compiled with; `None` for a version
    /// that came later and was resolved at run time.
    #[must_use]
    pub fn writer(&self) -> Option<&'static EventSchema> {
        self.writer
    }

    /// Returns the key's bytes.
    #[must_use]
    pub fn key(&self) -> Option<&[u8]> {
        self.bytes.get(..self.key?)
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
        self.keys.decode(self.key()).await
    }

    /// Returns the headers in their order; a name may repeat.
    pub fn headers(&self) -> impl Iterator<Item = (&str, Option<&[u8]>)> {
        let mut at = self.key.unwrap_or(0);
        self.headers.iter().filter_map(move |span| {
            let value_at = at + span.name;
            let name = std::str::from_utf8(self.bytes.get(at..value_at)?).ok()?;
            at = value_at + span.value.unwrap_or(0);
            let value = self.bytes.get(value_at..at)?;
            Some((name, span.value.map(|_| value)))
        })
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
            .field("partition", &self.partition)
            .field("offset", &self.offset)
            .field("attempt", &self.attempt)
            .field("schema_id", &self.schema_id.0)
            .finish_non_exhaustive()
    }
}
