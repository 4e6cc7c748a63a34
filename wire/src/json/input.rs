//! What stands in the JSON, whichever deserializer reads it: one visitor hands over what comes next, for whom it may be.
//!
//! In: any deserializer that knows what comes next, as serde_json's does. Errors travel up through serde as text, to whose
//! end serde_json adds the place; the path to the value goes beside it.

use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};

use super::NUMBER;
use crate::EncodeError;

/// What stands in the JSON: arrays and objects are not read yet.
pub(super) enum Input<'i> {
    /// Null, a boolean, a number or text.
    Scalar(Scalar<'i>),
    /// An array.
    List(&'i mut dyn Items),
    /// An object.
    Object(&'i mut dyn Entries),
}

/// A value that is neither an array nor an object.
pub(super) enum Scalar<'a> {
    Null,
    Boolean(bool),
    /// A negative integer.
    Integer(i64),
    /// Any other integer.
    Unsigned(u64),
    /// A number with a fraction or an exponent.
    Float(f64),
    /// A number as it is written.
    Number(String),
    Text(&'a str),
}

/// Takes what is read.
pub(super) type Take<'t> = dyn FnMut(Input<'_>) -> Result<(), EncodeError> + 't;

/// The items of an array, not read yet.
pub(super) trait Items {
    /// Reads the next item, and returns whether there was one.
    fn next(&mut self, take: &mut Take<'_>) -> Result<bool, EncodeError>;
}

/// The entries of an object, not read yet.
pub(super) trait Entries {
    /// Reads the next key.
    fn key(&mut self) -> Result<Option<String>, EncodeError>;

    /// Reads the value of the key that was read.
    fn value(&mut self, take: &mut Take<'_>) -> Result<(), EncodeError>;
}

/// Reads one value. Of an error that `take` returned the path is in `failed`.
pub(super) fn take<'de, D: Deserializer<'de>>(
    deserializer: D,
    take: &mut Take<'_>,
    failed: &mut Option<EncodeError>,
) -> Result<(), D::Error> {
    Seed { take, failed }.deserialize(deserializer)
}

/// Returns an error of serde's with the path of what `take` returned, if it was that.
pub(super) fn with_path(message: String, failed: Option<EncodeError>) -> EncodeError {
    match failed {
        Some(failed) => failed.reworded(message),
        None => EncodeError::new(message),
    }
}

impl<'i> Input<'i> {
    /// Returns an array's items.
    pub(super) fn list(self) -> Result<&'i mut dyn Items, EncodeError> {
        match self {
            Self::List(items) => Ok(items),
            other => Err(other.unexpected("an array")),
        }
    }

    /// Returns an object's entries.
    pub(super) fn object(self) -> Result<&'i mut dyn Entries, EncodeError> {
        match self {
            Self::Object(entries) => Ok(entries),
            other => Err(other.unexpected("an object")),
        }
    }

    /// Returns null, a boolean, a number or text.
    pub(super) fn scalar(self, expected: &str) -> Result<Scalar<'i>, EncodeError> {
        match self {
            Self::Scalar(value) => Ok(value),
            Self::Object(entries) => match entries.key()? {
                Some(key) if key == NUMBER => number(entries),
                _ => Err(unexpected(expected, "an object")),
            },
            Self::List(_) => Err(unexpected(expected, "an array")),
        }
    }

    fn unexpected(&self, expected: &str) -> EncodeError {
        match self {
            Self::Scalar(value) => value.unexpected(expected),
            Self::List(_) => unexpected(expected, "an array"),
            Self::Object(_) => unexpected(expected, "an object"),
        }
    }
}

impl Scalar<'_> {
    /// Returns the error of a value that is not what was expected.
    #[cold]
    pub(super) fn unexpected(&self, expected: &str) -> EncodeError {
        let found = match self {
            Self::Null => "null",
            Self::Boolean(_) => "a boolean",
            Self::Integer(_) | Self::Unsigned(_) | Self::Float(_) | Self::Number(_) => "a number",
            Self::Text(_) => "text",
        };
        unexpected(expected, found)
    }
}

#[cold]
fn unexpected(expected: &str, found: &str) -> EncodeError {
    EncodeError::new(format!("expected {expected}, found {found}"))
}

/// Returns the number whose key has been read.
fn number<'i>(entries: &mut dyn Entries) -> Result<Scalar<'i>, EncodeError> {
    let mut number = Err(EncodeError::new("expected the text of a number"));
    entries.value(&mut |input| {
        if let Input::Scalar(Scalar::Text(text)) = input {
            number = Ok(Scalar::Number(text.to_owned()));
        }
        Ok(())
    })?;
    number
}

/// The rest of an array or of an object.
struct Access<A>(A);

impl<'de, A: SeqAccess<'de>> Items for Access<A> {
    fn next(&mut self, take: &mut Take<'_>) -> Result<bool, EncodeError> {
        let mut failed = None;
        let read = self.0.next_element_seed(Seed { take, failed: &mut failed });
        read.map(|read| read.is_some()).map_err(|error| with_path(error.to_string(), failed))
    }
}

impl<'de, A: MapAccess<'de>> Entries for Access<A> {
    fn key(&mut self) -> Result<Option<String>, EncodeError> {
        self.0.next_key().map_err(|error| with_path(error.to_string(), None))
    }

    fn value(&mut self, take: &mut Take<'_>) -> Result<(), EncodeError> {
        let mut failed = None;
        let read = self.0.next_value_seed(Seed { take, failed: &mut failed });
        read.map_err(|error| with_path(error.to_string(), failed))
    }
}

struct Seed<'s, 't> {
    take: &'s mut Take<'t>,
    failed: &'s mut Option<EncodeError>,
}

impl<'de> DeserializeSeed<'de> for Seed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Seed<'_, '_> {
    fn hand_over<E: Error>(self, input: Input<'_>) -> Result<(), E> {
        (self.take)(input).map_err(|error| {
            let message = E::custom(error.message());
            *self.failed = Some(error);
            message
        })
    }

    fn scalar<E: Error>(self, value: Scalar<'_>) -> Result<(), E> {
        self.hand_over(Input::Scalar(value))
    }
}

impl<'de> Visitor<'de> for Seed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value that JSON has")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.scalar(Scalar::Null)
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        self.scalar(Scalar::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.scalar(Scalar::Boolean(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.scalar(Scalar::Integer(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.scalar(Scalar::Unsigned(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.scalar(Scalar::Float(value))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.scalar(Scalar::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<(), A::Error> {
        self.hand_over(Input::List(&mut Access(items)))
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<(), A::Error> {
        self.hand_over(Input::Object(&mut Access(entries)))
    }
}
