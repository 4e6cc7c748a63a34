//! One version of an event without its type, so that one test runs over all of them.

use eventwright_wire::avro::Transcoder;
use eventwright_wire::{DecodeError, Event, EventSchema};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A version of an event, as functions over bytes and JSON text.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The schema.
    pub schema: &'static EventSchema,
    /// The writers that `decode` knows.
    pub writers: &'static [&'static EventSchema],
    /// Decodes what a known writer wrote.
    pub decode: fn(usize, &[u8]) -> Result<Decoded, DecodeError>,
    /// Decodes by a plan.
    pub decode_with: fn(&Transcoder, &[u8]) -> Result<Decoded, DecodeError>,
    /// Reads the JSON form and encodes.
    pub encode_json: fn(&str) -> Result<Vec<u8>, String>,
    /// Decodes what a known writer wrote and drops it: for tests that count allocations.
    pub attempt: fn(usize, &[u8]) -> Result<(), DecodeError>,
    /// Decodes by a plan and drops the value.
    pub attempt_with: fn(&Transcoder, &[u8]) -> Result<(), DecodeError>,
    /// The other forms, of an event that has them.
    pub forms: Option<Forms>,
}

/// Bytes, and the writer that wrote them.
pub type Written<'a> = (usize, &'a [u8]);

/// The JSON text of a form that borrows, and what can be seen of the owned form.
pub type Seen = (String, Decoded);

/// The forms of an event beside the owned one.
#[derive(Debug, Clone, Copy)]
pub struct Forms {
    /// Decodes into the form that borrows.
    pub borrowed: fn(usize, &[u8]) -> Result<Seen, DecodeError>,
    /// Decodes the former, and the latter over it.
    pub over: fn(Written<'_>, Written<'_>) -> Result<Decoded, DecodeError>,
    /// As `borrowed`, and drops the value.
    pub attempt_borrowed: fn(usize, &[u8]) -> Result<(), DecodeError>,
    /// As `over`, and drops the value.
    pub attempt_over: fn(Written<'_>, Written<'_>) -> Result<(), DecodeError>,
}

/// What can be seen of a decoded event.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    /// The JSON form, through serde and text.
    pub json: Value,
    /// The bytes that the event encodes to; `None` where a decimal has more digits than its schema says: it is read, as
    /// Java reads it, and not written.
    pub bytes: Option<Vec<u8>>,
    /// The record's key.
    pub key: Option<String>,
}

/// Returns the row of a type.
#[must_use]
pub fn row<E: Event + Serialize + DeserializeOwned>() -> Row {
    Row {
        schema: E::SCHEMA,
        writers: E::WRITERS,
        decode: |writer, bytes| E::decode(writer, bytes).map(|event| seen(&event)),
        decode_with: |transcoder, bytes| E::decode_with(transcoder, bytes).map(|event| seen(&event)),
        encode_json: |text| {
            let event: E = serde_json::from_str(text).map_err(|error| error.to_string())?;
            let mut out = Vec::new();
            event.encode(&mut out).map_err(|error| error.to_string())?;
            Ok(out)
        },
        attempt: |writer, bytes| E::decode(writer, bytes).map(drop),
        attempt_with: |transcoder, bytes| E::decode_with(transcoder, bytes).map(drop),
        forms: None,
    }
}

impl Row {
    /// Returns the index of the row's own schema among its writers.
    #[must_use]
    pub fn own(&self) -> usize {
        self.writer(self.schema).expect("a version is one of its own writers")
    }

    /// Returns the index of a schema among the known writers.
    #[must_use]
    pub fn writer(&self, schema: &EventSchema) -> Option<usize> {
        self.writers.iter().position(|writer| writer.version == schema.version)
    }

    /// Returns the event and version, for messages.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{} v{}", self.schema.event, self.schema.version)
    }
}

/// Returns the value with each float written in one way: with serde_json's `arbitrary_precision`, which another crate of
/// the workspace switches on, 1e15 and 1000000000000000.0 are different numbers.
#[must_use]
pub fn canonical(value: Value) -> Value {
    match value {
        Value::Number(number) if !number.is_i64() && !number.is_u64() => number.as_f64().into(),
        Value::Array(items) => items.into_iter().map(canonical).collect(),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, canonical(value))).collect(),
        other => other,
    }
}

/// Returns what can be seen of an event.
pub fn seen<E: Event + Serialize>(event: &E) -> Decoded {
    let mut bytes = Vec::new();
    let bytes = event.encode(&mut bytes).is_ok().then_some(bytes);
    // Through text, because `to_value` keeps a float's 32 bits as 64.
    let text = serde_json::to_string(event).expect("an event has a JSON form");
    let json = canonical(serde_json::from_str(&text).expect("the JSON form is JSON"));
    Decoded { json, bytes, key: event.key().map(std::borrow::Cow::into_owned) }
}
