//! The events of one type on their topic, decoded, and assertions on them.

use std::fmt::Debug;

use eventwright_registry::RegistryClient;
use eventwright_wire::{DecodeError, Event, RawRecord, framing};

use crate::decoder::{Decoder, Entry, How, Known};
use crate::handler::Row;

/// The events of one type on their topic at one moment. Assertions return it again, so that one can follow the other.
#[derive(Debug, Clone)]
#[must_use = "assert something of it"]
pub struct Published<E> {
    what: String,
    events: Vec<E>,
}

impl<E: Event> Published<E> {
    /// Decodes the records that hold this event, whichever version wrote it; other events are left out.
    pub(super) async fn decode(topic: &str, registry: RegistryClient, records: &[RawRecord]) -> Self {
        let decoder = Decoder::new(registry, vec![Row { reader: E::SCHEMA, writers: E::WRITERS }]);
        let mut events = Vec::new();
        for record in records {
            events.extend(decode(&decoder, record).await);
        }
        Self { what: format!("`{}` on `{topic}`", E::SCHEMA.event), events }
    }
}

impl<E: Debug> Published<E> {
    /// Returns the events, by the timestamps of their records.
    #[must_use]
    pub fn events(&self) -> &[E] {
        &self.events
    }

    /// Asserts how many events there are.
    ///
    /// # Panics
    /// If there are more or fewer; the text lists them.
    #[track_caller]
    pub fn assert_count(&self, expected: usize) -> &Self {
        let (what, count) = (&self.what, self.events.len());
        assert!(count == expected, "there are {count} events {what}, expected {expected}{}", self.shown());
        self
    }

    /// Asserts that there is no event.
    ///
    /// # Panics
    /// If there is one; the text lists them.
    #[track_caller]
    pub fn assert_none(&self) -> &Self {
        self.assert_count(0)
    }

    /// Asserts that there is one event, and hands it to `check`, which asserts more.
    ///
    /// # Panics
    /// If there are more or fewer; the text lists them.
    #[track_caller]
    pub fn assert_one(&self, check: impl FnOnce(&E)) -> &Self {
        self.assert_count(1);
        if let [event] = self.events.as_slice() {
            check(event);
        }
        self
    }

    /// Asserts that there is an event for which `is_it` is true.
    ///
    /// # Panics
    /// If there is none; the text lists the events.
    #[track_caller]
    pub fn assert_any(&self, is_it: impl Fn(&E) -> bool) -> &Self {
        assert!(self.events.iter().any(is_it), "no event {} is the one that is asked for{}", self.what, self.shown());
        self
    }

    /// Asserts that there are events, and that `holds` is true for each of them.
    ///
    /// # Panics
    /// If there is none, or another one; the text lists the events.
    #[track_caller]
    pub fn assert_all(&self, holds: impl Fn(&E) -> bool) -> &Self {
        let all = !self.events.is_empty() && self.events.iter().all(holds);
        assert!(all, "not every event {} is as it is asked for{}", self.what, self.shown());
        self
    }

    fn shown(&self) -> String {
        if self.events.is_empty() {
            return "; there is none".into();
        }
        self.events.iter().map(|event| format!("\n  {event:?}")).collect()
    }
}

/// Returns the event of a record, if it is of this type and can be decoded.
async fn decode<E: Event>(decoder: &Decoder, record: &RawRecord) -> Option<E> {
    let (id, bytes) = framing::split_header(record.value.as_deref()?).ok()?;
    let entry = decoder.load(id).await.ok()?;
    let (known, payload) = match &*entry {
        Entry::Avro(known) => (known, bytes),
        Entry::Protobuf { messages, .. } => {
            let (indexes, payload) = framing::split_message_indexes(bytes).ok()?;
            (&messages.iter().find(|(place, _)| *place == indexes)?.1, payload)
        }
        Entry::Unknown(_) | Entry::Unusable(..) => return None,
    };
    decode_known(known, payload).ok()
}

fn decode_known<E: Event>(known: &Known, payload: &[u8]) -> Result<E, DecodeError> {
    match &known.how {
        How::Writer(writer) => E::decode(*writer, payload),
        How::Transcoder(transcoder) => E::decode_with(transcoder, payload),
    }
}
