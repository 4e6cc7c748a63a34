//! An event on its way to Kafka, and the headers that it travels with.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use eventwright_wire::{Event, RawRecord};
use rdkafka::message::{Header, Headers, OwnedHeaders};
use tracing::Span;
use uuid::Uuid;

use crate::{scope, trace};

/// The header with the id that deduplication uses.
pub const MESSAGE_ID: &str = "ew-message-id";
/// The header with the id that all records of one business process share.
pub const CORRELATION_ID: &str = "ew-correlation-id";
/// The header with the event's name.
pub const EVENT: &str = "ew-event";
/// The header with the number of the event's version.
pub const SCHEMA_VERSION: &str = "ew-schema-version";
/// The header of the W3C trace context.
pub const TRACEPARENT: &str = "traceparent";

/// The header of what vendors add to the W3C trace context.
pub const TRACESTATE: &str = "tracestate";

/// Returns the headers of a record in their order, but those whose names are not UTF-8: rdkafka panics at them, and they may come
/// from anybody.
pub(crate) fn headers<M: rdkafka::Message>(record: &M) -> impl Iterator<Item = Header<'_, &[u8]>> {
    let headers = record.headers();
    let header = move |index| catch_unwind(AssertUnwindSafe(|| headers?.try_get(index))).ok().flatten();
    (0..headers.map_or(0, Headers::count)).filter_map(header)
}

/// Returns the last header of that name as text, if there is one and it is UTF-8.
pub(crate) fn header<'a>(record: &'a impl rdkafka::Message, name: &str) -> Option<&'a str> {
    let found = headers(record).filter(|header| header.key == name).last()?;
    std::str::from_utf8(found.value?).ok()
}

/// Returns a record of Kafka with its bytes as they are; headers whose names are not UTF-8 are left out.
pub fn raw_record(record: &impl rdkafka::Message) -> RawRecord {
    let header = |header: Header<'_, &[u8]>| (header.key.to_owned(), header.value.map(<[u8]>::to_vec));
    RawRecord {
        topic: record.topic().to_owned(),
        partition: record.partition(),
        offset: record.offset(),
        timestamp: record.timestamp().to_millis(),
        key: record.key().map(<[u8]>::to_vec),
        value: record.payload().map(<[u8]>::to_vec),
        headers: headers(record).map(header).collect(),
    }
}

/// An event with what is to be sent beside it. A reference to an event is a message without extras.
///
/// ```no_run
/// # async fn send<E: eventwright::wire::Event + Sync>(producer: eventwright::Producer, event: E)
/// # -> Result<(), eventwright::Error> {
/// producer.send(&event).await?;
/// producer.send(eventwright::Message::new(&event).correlation_id("order-7")).await?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[must_use = "a message is sent by `Producer::send` or `Producer::enqueue`"]
pub struct Message<'a, E> {
    pub(crate) event: &'a E,
    message_id: Option<Cow<'a, str>>,
    correlation_id: Option<Cow<'a, str>>,
    traceparent: Option<Cow<'a, str>>,
    headers: Vec<(Cow<'a, str>, Cow<'a, [u8]>)>,
    pub(crate) timestamp: Option<i64>,
}

impl<'a, E: Event> Message<'a, E> {
    /// Returns a message without extras.
    pub fn new(event: &'a E) -> Self {
        Self { event, message_id: None, correlation_id: None, traceparent: None, headers: Vec::new(), timestamp: None }
    }

    /// Sets the id that deduplication uses, in place of the event's own id or a new UUID.
    pub fn message_id(mut self, id: impl Into<Cow<'a, str>>) -> Self {
        self.message_id = Some(id.into());
        self
    }

    /// Sets the id that all records of one business process share. Without it, what a handler sends has that of the record
    /// which the handler was given; the first record of a process gives it its name, which is its message id.
    pub fn correlation_id(mut self, id: impl Into<Cow<'a, str>>) -> Self {
        self.correlation_id = Some(id.into());
        self
    }

    /// Makes the message a part of a business process, unless it names one itself.
    pub(crate) fn of_process(mut self, correlation_id: Option<&'a str>) -> Self {
        self.correlation_id = self.correlation_id.or(correlation_id.map(Cow::Borrowed));
        self
    }

    /// Sets the W3C trace context to pass on, in place of that of the span in which the message is sent.
    pub fn traceparent(mut self, traceparent: impl Into<Cow<'a, str>>) -> Self {
        self.traceparent = Some(traceparent.into());
        self
    }

    /// Adds a header; a name may repeat.
    pub fn header(mut self, name: impl Into<Cow<'a, str>>, value: impl Into<Cow<'a, [u8]>>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets the record's timestamp, in milliseconds since the Unix epoch, in place of now.
    pub fn timestamp(mut self, milliseconds: i64) -> Self {
        self.timestamp = Some(milliseconds);
        self
    }

    /// Returns the record's headers; `version` is the text of the event's version, `span` the one of the send.
    pub(crate) fn record_headers(&self, version: &str, span: &Span) -> OwnedHeaders {
        let mut buffer = Uuid::encode_buffer();
        let own = self.event.event_id();
        let id = match self.message_id.as_deref().or(own.as_deref()) {
            Some(id) => id,
            // Version 7 sorts by time, which keeps the indexes of deduplication stores small.
            None => Uuid::now_v7().as_hyphenated().encode_lower(&mut buffer),
        };
        let inherited = || scope::with_current(|context| context.correlation_id().map(str::to_owned)).flatten();
        let correlation = self.correlation_id.as_deref().map(Cow::Borrowed).or_else(|| inherited().map(Cow::Owned));
        let correlation = correlation.as_deref().unwrap_or(id);
        if !span.is_disabled() {
            span.record("messaging.message.id", id).record("messaging.message.conversation_id", correlation);
        }
        let headers = OwnedHeaders::new_with_capacity(6 + self.headers.len())
            .insert(text(MESSAGE_ID, id))
            .insert(text(CORRELATION_ID, correlation))
            .insert(text(EVENT, E::SCHEMA.event))
            .insert(text(SCHEMA_VERSION, version));
        let insert = |headers: OwnedHeaders, (name, value): &(Cow<'a, str>, Cow<'a, [u8]>)| {
            headers.insert(Header { key: name, value: Some(value.as_ref()) })
        };
        self.headers.iter().fold(self.trace_headers(headers, span), insert)
    }

    fn trace_headers(&self, headers: OwnedHeaders, span: &Span) -> OwnedHeaders {
        if let Some(traceparent) = self.traceparent.as_deref() {
            return headers.insert(text(TRACEPARENT, traceparent));
        }
        let Some(context) = trace::context_of(span) else { return headers };
        let headers = headers.insert(text(TRACEPARENT, &context.parent));
        match &context.state {
            Some(state) => headers.insert(text(TRACESTATE, state)),
            None => headers,
        }
    }
}

impl<'a, E: Event> From<&'a E> for Message<'a, E> {
    fn from(event: &'a E) -> Self {
        Self::new(event)
    }
}

fn text<'a>(key: &'a str, value: &'a str) -> Header<'a, &'a str> {
    Header { key, value: Some(value) }
}
