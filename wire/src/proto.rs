//! What generated Protobuf events use beside prost: encoding and decoding with our errors, and the JSON mapping of
//! Protobuf for the types whose serde form is another one.

use std::borrow::Cow;

use prost::Message;
use serde::de::Error;

use crate::{DecodeError, DecodeErrorKind, EncodeError};

mod json;
#[doc(hidden)]
pub mod known;
mod read;
mod scalar;
mod unknown;

pub use json::{Enumeration, ProtoJson, serialize, take};
pub use prost_types;
pub use read::{FromObject, MAX_DEPTH, read_message, take_plain};
pub use unknown::UnknownFields;

/// Appends a message's bytes.
///
/// # Errors
/// None today; the signature is that of every event.
pub fn encode_into<M: Message>(message: &M, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    out.reserve(message.encoded_len());
    message.encode(out).map_err(|error| EncodeError::new(error.to_string()))
}

/// Decodes a message. Protobuf needs no resolution: unknown fields are skipped, or kept where the manifest asks for that, and
/// absent ones have their defaults.
///
/// # Errors
/// Bytes that are no such message.
pub fn decode<M: Message + Default>(bytes: &[u8]) -> Result<M, DecodeError> {
    M::decode(bytes).map_err(|error| DecodeError::new(DecodeErrorKind::Protobuf(error.to_string())))
}

/// Returns the name of an enum's number, or the number where it has no name.
#[must_use]
pub fn enum_text<E: EnumText>(number: i32) -> Cow<'static, str> {
    match E::try_from(number) {
        Ok(value) => Cow::Borrowed(value.text()),
        Err(_) => Cow::Owned(number.to_string()),
    }
}

/// An enum that knows the names of its numbers. Implemented by generated code only.
pub trait EnumText: TryFrom<i32> {
    /// Returns the name in the schema.
    fn text(self) -> &'static str;
}

/// Returns the one field of a oneof that was given in JSON.
///
/// # Errors
/// More than one of them.
pub fn one_of<T, E: Error>(oneof: &str, fields: impl IntoIterator<Item = Option<T>>) -> Result<Option<T>, E> {
    let mut given = fields.into_iter().flatten();
    match (given.next(), given.next()) {
        (_, Some(_)) => Err(E::custom(format!("expected one field of the oneof `{oneof}`, found several"))),
        (first, None) => Ok(first),
    }
}

/// Returns whether a field has the value that JSON leaves out.
#[must_use]
pub fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
