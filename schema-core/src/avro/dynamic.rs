//! Decodes and encodes without generated code: between bytes and the JSON form of an event (ARCHITECTURE.md, "JSON
//! form"), for tools and defaults.

mod default;
mod mask;
mod shape;

use eventwright_wire::{DecodeError, EncodeError, json};
use serde_json::Value;

use self::shape::TypeOf;
use super::model::{Field, Node, Schema};

pub use mask::{MASK, mask, masked_field};

/// Decodes one datum, as its writer's schema says, into the JSON form. What another schema wrote becomes the schema's own
/// bytes by a [`Transcoder`](eventwright_wire::avro::Transcoder).
///
/// # Errors
/// Bytes that the schema does not write, or values that the JSON form has no text for, such as a decimal of more
/// digits than its schema says.
pub fn decode_json(schema: &Schema, bytes: &[u8]) -> Result<Value, DecodeError> {
    decode_node(schema, schema.root(), bytes)
}

/// Encodes a value in the JSON form as the schema says. A field that is left out takes its default; a field that the
/// schema does not have is an error, since its content would be lost.
///
/// # Errors
/// A value that is not the JSON form of the schema's type, with the path to it. `out` then ends where it ended before.
pub fn encode_json(schema: &Schema, value: &Value, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    json::read_bytes(value, TypeOf::new(schema, schema.root()), out)
}

/// Encodes a field's default, which has a JSON form of its own (Avro 1.12, "default").
///
/// # Errors
/// A value that is no default of the type.
pub(super) fn encode_default(schema: &Schema, node: &Node, value: &Value) -> Result<Vec<u8>, EncodeError> {
    let mut out = Vec::new();
    default::Encoder::new(schema, &mut out).node(node, value)?;
    Ok(out)
}

/// Returns the bytes of a field's default.
///
/// # Panics
/// Never: defaults are checked when the schema is parsed.
#[must_use]
pub fn default_bytes(schema: &Schema, field: &Field) -> Option<Vec<u8>> {
    let default = field.default.as_ref()?;
    Some(encode_default(schema, &field.node, default).expect("defaults are checked when parsed"))
}

/// Returns a field's default in the JSON form of events.
///
/// # Errors
/// A default that is a value of the base type but not of the logical one.
pub fn default_of(schema: &Schema, field: &Field) -> Result<Option<Value>, DecodeError> {
    let Some(bytes) = default_bytes(schema, field) else { return Ok(None) };
    decode_node(schema, &field.node, &bytes).map(Some)
}

/// Decodes a value of one of the schema's types.
pub(super) fn decode_node(schema: &Schema, node: &Node, bytes: &[u8]) -> Result<Value, DecodeError> {
    json::write_bytes(bytes, TypeOf::new(schema, node), serde_json::value::Serializer)
}

#[cfg(test)]
mod tests;
