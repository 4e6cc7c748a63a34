//! A message that a writer writes and its reader cannot read, or reads as another one, proven by decoding it.
//!
//! In: a message on both sides and the fields in question. Out: the writer's least message that has them, its bytes, and what the
//! reader's descriptor makes of those. A record may be any message of a file, so that each stands for itself.

use prost::Message as _;
use prost::bytes::Bytes;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, Value};
use serde_json::{Map, Value as Json};

use super::dynamic;
use crate::compat::{Outcome, Witness};

/// How many fields of a message in a field are set.
const MAX_FIELDS: usize = 32;

/// Fields of one message, on both sides.
#[derive(Clone)]
pub(super) struct Fields {
    pub(super) reader: MessageDescriptor,
    pub(super) writer: MessageDescriptor,
    pub(super) numbers: Vec<u32>,
}

impl Fields {
    /// Returns a message with these fields that the reader does not read as it was written.
    pub(super) fn prove(&self) -> Option<Witness> {
        [Extent::Least, Extent::Most].into_iter().find_map(|extent| self.prove_with(extent))
    }

    /// As `prove`, with the values that other types are the least likely to hold, and of messages nothing.
    pub(super) fn prove_extremes(&self) -> Option<Witness> {
        self.prove_with(Extent::Most)
    }

    fn prove_with(&self, extent: Extent) -> Option<Witness> {
        let mut written = DynamicMessage::new(self.writer.clone());
        for field in self.writer.fields() {
            if field.is_required() || self.numbers.contains(&field.number()) {
                written.set_field(&field, sample_of_field(&field, extent));
            }
        }
        let bytes = written.encode_to_vec();
        let json = dynamic::decode_json(&self.writer, &bytes).ok()?;
        let outcome = match dynamic::decode_json(&self.reader, &bytes) {
            Err(error) => Outcome::Fails(error.to_string()),
            Ok(value) => {
                let read = DynamicMessage::decode(self.reader.clone(), bytes.as_slice()).ok()?;
                self.numbers.iter().any(|number| differs(&written, &read, *number)).then_some(Outcome::Reads(value))?
            }
        };
        Some(Witness { json, bytes, outcome })
    }
}

/// Which values fields have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// Small ones; messages have fields.
    Least,
    /// Large and negative ones; messages have no fields.
    Most,
    /// Small ones in a message that is a field: messages in it have no fields.
    Part,
}

impl Extent {
    fn of_parts(self) -> Self {
        if self == Self::Least { Self::Part } else { self }
    }
}

/// Returns whether a field that is written is another one, or none, where it is read.
fn differs(written: &DynamicMessage, read: &DynamicMessage, number: u32) -> bool {
    let meaning = |message: &DynamicMessage| {
        let is_set = message.has_field_by_number(number);
        let value = message.get_field_by_number(number).filter(|_| is_set)?;
        Some(meaning(&value))
    };
    let before = meaning(written);
    before.is_some() && before != meaning(read)
}

/// Returns what a value says, whatever type it has and whatever its fields are called: one item is what it is without a list, and
/// bytes that are text are text.
fn meaning(value: &Value) -> Json {
    match value {
        Value::Bool(value) => u8::from(*value).into(),
        Value::I32(value) | Value::EnumNumber(value) => (*value).into(),
        Value::I64(value) => (*value).into(),
        Value::U32(value) => (*value).into(),
        Value::U64(value) => (*value).into(),
        Value::F32(value) => f64::from(*value).into(),
        Value::F64(value) => (*value).into(),
        Value::String(text) => text.as_str().into(),
        Value::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => text.into(),
            Err(_) => bytes.iter().copied().map(Json::from).collect(),
        },
        Value::Message(message) => {
            let fields = message.fields().map(|(field, value)| (field.number().to_string(), meaning(value)));
            Json::Object(fields.collect::<Map<_, _>>())
        }
        Value::List(items) => match items.as_slice() {
            [only] => meaning(only),
            items => items.iter().map(meaning).collect(),
        },
        Value::Map(entries) => {
            let entries = entries.iter().map(|(key, value)| (format!("{key:?}"), meaning(value)));
            Json::Object(entries.collect::<Map<_, _>>())
        }
    }
}

/// Returns a value that is not the default, and of which something is lost where a list becomes one value.
fn sample_of_field(field: &FieldDescriptor, extent: Extent) -> Value {
    let kind = field.kind();
    match kind.as_message().filter(|_| field.is_map()) {
        Some(entry) => {
            let (key, value) = (entry.map_entry_key_field().kind(), entry.map_entry_value_field().kind());
            Value::Map(sample_key(&key).map(|key| (key, sample(&value, extent.of_parts()))).into_iter().collect())
        }
        None if field.is_list() => Value::List(vec![sample(&kind, extent); 2]),
        None => sample(&kind, extent),
    }
}

fn sample(kind: &Kind, extent: Extent) -> Value {
    let is_most = extent == Extent::Most;
    match kind {
        Kind::Double => Value::F64(1.5),
        Kind::Float => Value::F32(1.5),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::I32(if is_most { -1 } else { 1 }),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::I64(if is_most { -(1 << 32) - 1 } else { 1 }),
        Kind::Uint32 | Kind::Fixed32 => Value::U32(if is_most { u32::MAX } else { 1 }),
        Kind::Uint64 | Kind::Fixed64 => Value::U64(if is_most { u64::MAX } else { 1 }),
        Kind::Bool => Value::Bool(true),
        Kind::String => Value::String("a".into()),
        // No UTF-8: a reader that expects text fails.
        Kind::Bytes => Value::Bytes(Bytes::from_static(&[0xff])),
        Kind::Enum(of_enum) => {
            Value::EnumNumber(of_enum.values().map(|value| value.number()).find(|number| *number != 0).unwrap_or(1))
        }
        Kind::Message(message) => {
            let mut value = DynamicMessage::new(message.clone());
            for field in message.fields().take(if extent == Extent::Least { MAX_FIELDS } else { 0 }) {
                value.set_field(&field, sample_of_field(&field, extent.of_parts()));
            }
            Value::Message(value)
        }
    }
}

fn sample_key(kind: &Kind) -> Option<MapKey> {
    Some(match sample(kind, Extent::Part) {
        Value::Bool(key) => MapKey::Bool(key),
        Value::I32(key) => MapKey::I32(key),
        Value::I64(key) => MapKey::I64(key),
        Value::U32(key) => MapKey::U32(key),
        Value::U64(key) => MapKey::U64(key),
        Value::String(key) => MapKey::String(key),
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
