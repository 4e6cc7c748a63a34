//! The JSON mapping of what JSON has no number or no text for: floats that are not finite, bytes, and numbers that may be
//! text.

use std::fmt;
use std::marker::PhantomData;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserializer, Serializer};

use super::ProtoJson;
use crate::json::{NUMBER, non_finite};

impl ProtoJson for Vec<u8> {
    fn to_json<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(self))
    }

    fn from_json<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(BytesVisitor)
    }
}

struct BytesVisitor;

impl Visitor<'_> for BytesVisitor {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("base64")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Vec<u8>, E> {
        STANDARD.decode(text).map_err(E::custom)
    }
}

impl ProtoJson for f32 {
    fn to_json<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.is_finite() {
            true => serializer.serialize_f32(*self),
            false => serializer.serialize_str(non_finite(f64::from(*self))),
        }
    }

    fn from_json<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        number_or_text(deserializer)
    }
}

impl ProtoJson for f64 {
    fn to_json<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.is_finite() {
            true => serializer.serialize_f64(*self),
            false => serializer.serialize_str(non_finite(*self)),
        }
    }

    fn from_json<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        number_or_text(deserializer)
    }
}

/// A number that may be text.
pub(super) trait Number: Sized {
    /// Returns the number, where the type can hold it.
    fn of_text(text: &str) -> Option<Self>;
}

macro_rules! integer {
    ($($type:ty),*) => {$(
        impl Number for $type {
            fn of_text(text: &str) -> Option<Self> {
                text.parse().ok()
            }
        }
    )*};
}

integer!(i64, u64);

macro_rules! float {
    ($($type:ty),*) => {$(
        impl Number for $type {
            /// Rust makes an infinity of digits that are too many, which nobody meant; by name an infinity is one.
            fn of_text(text: &str) -> Option<Self> {
                let float: Self = text.parse().ok()?;
                let is_beyond = float.is_infinite() && text.contains(|character: char| character.is_ascii_digit());
                (!is_beyond).then_some(float)
            }
        }
    )*};
}

float!(f32, f64);

/// Reads a number or its text. An untagged enum could not: it does not know the numbers of serde_json with
/// `arbitrary_precision`, which any other crate may switch on.
pub(super) fn number_or_text<'de, T: Number, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_any(NumberVisitor(PhantomData))
}

struct NumberVisitor<T>(PhantomData<T>);

impl<'de, T: Number> Visitor<'de> for NumberVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, or its text")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        T::of_text(text).ok_or_else(|| outside(text))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<T, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<T, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<T, E> {
        // With an exponent where it is large, as it was written.
        T::of_text(&value.to_string()).ok_or_else(|| outside(&format!("{value:?}")))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        self.visit_str(&text_of_number(map)?)
    }
}

#[cold]
fn outside<E: Error>(number: &str) -> E {
    E::custom(format!("expected a number within its range, found `{number}`"))
}

/// Reads a number of serde_json with `arbitrary_precision`: a map of one private key.
pub(super) fn text_of_number<'de, A: MapAccess<'de>>(mut map: A) -> Result<String, A::Error> {
    match map.next_entry::<String, String>()? {
        Some((key, text)) if key == NUMBER => Ok(text),
        _ => Err(A::Error::custom("expected a number, found an object")),
    }
}
