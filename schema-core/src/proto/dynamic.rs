//! Protobuf values by descriptor, without generated code: bytes to JSON and back, by Protobuf's own JSON mapping.
//!
//! Names are written in lowerCamelCase and read in that or as the schema writes them (protobuf.dev, "ProtoJSON
//! Format"). Unknown fields have no place in JSON and are left out.

mod numbers;

use eventwright_wire::{DecodeError, DecodeErrorKind, EncodeError};
use prost::Message;
use prost_reflect::{DynamicMessage, MessageDescriptor};
use serde_json::Value;

/// How deep values may be nested: what is deeper, prost does not decode again.
const MAX_DEPTH: usize = 100;

/// Decodes a message, without frame, into its JSON form.
///
/// # Errors
/// Bytes that are not what the message's descriptor says, or a value that has no JSON form, such as an `Any` of an
/// unknown type.
pub fn decode_json(message: &MessageDescriptor, bytes: &[u8]) -> Result<Value, DecodeError> {
    let decoded = DynamicMessage::decode(message.clone(), bytes).map_err(|error| wrong(message, &error))?;
    // Through text: `to_value` would widen a float 0.1 to 0.10000000149011612.
    let text = serde_json::to_string(&decoded).map_err(|error| wrong(message, &error))?;
    serde_json::from_str(&text).map_err(|error| wrong(message, &error))
}

/// Appends the bytes of a message that is given in its JSON form. `out` stays as it was where that fails.
///
/// # Errors
/// A value that the message's descriptor has no place for; an unknown field is one.
pub fn encode_json(message: &MessageDescriptor, value: &Value, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    if is_deeper_than(MAX_DEPTH, value) {
        return Err(EncodeError::new(format!("expected at most {MAX_DEPTH} values in each other, found more")));
    }
    let read = numbers::of_message(message.name(), message, value)
        .and_then(|value| DynamicMessage::deserialize(message.clone(), value).map_err(|error| error.to_string()))
        .map_err(|why| EncodeError::new(format!("expected a `{}`: {why}", message.full_name())))?;
    out.extend(read.encode_to_vec());
    Ok(())
}

fn is_deeper_than(limit: usize, value: &Value) -> bool {
    let Some(rest) = limit.checked_sub(1) else { return true };
    match value {
        Value::Array(items) => items.iter().any(|item| is_deeper_than(rest, item)),
        Value::Object(fields) => fields.values().any(|field| is_deeper_than(rest, field)),
        _ => false,
    }
}

#[cold]
fn wrong(message: &MessageDescriptor, error: &dyn std::error::Error) -> DecodeError {
    DecodeError::new(DecodeErrorKind::Protobuf(format!("expected a `{}`: {error}", message.full_name())))
}
