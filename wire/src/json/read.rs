//! Reads the JSON form: a generated type says what it takes, and one visitor hands that over, whatever it is for.
//!
//! In: any deserializer that knows what comes next, as serde_json's does. Out: values, or an error in serde's words.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::{Deserializer, forward_to_deserialize_any};

use super::NUMBER;

/// A value that is read from its JSON form.
pub trait ReadJson: Sized {
    /// What is expected, for messages.
    const EXPECTED: &'static str;

    /// Reads the value.
    ///
    /// # Errors
    /// What is no value of the type.
    fn read_json(input: Input<'_>) -> Result<Self, ReadError>;
}

/// What stands in the JSON: arrays and objects are not read yet.
#[expect(missing_debug_implementations, reason = "what is not read cannot be shown")]
pub enum Input<'i> {
    /// Null, a boolean, a number or text.
    Scalar(Scalar<'i>),
    /// An array.
    List(&'i mut dyn ReadItems),
    /// An object.
    Object(&'i mut dyn ReadEntries),
}

impl<'i> Input<'i> {
    /// Returns an object's entries.
    ///
    /// # Errors
    /// Anything but an object.
    pub fn object(self, expected: &'static str) -> Result<&'i mut dyn ReadEntries, ReadError> {
        match self {
            Self::Object(entries) => Ok(entries),
            other => Err(other.unexpected(expected)),
        }
    }

    fn list(self, expected: &'static str) -> Result<&'i mut dyn ReadItems, ReadError> {
        match self {
            Self::List(items) => Ok(items),
            other => Err(other.unexpected(expected)),
        }
    }

    /// Returns null, a boolean, a number or text.
    pub(super) fn scalar(self, expected: &'static str) -> Result<Scalar<'i>, ReadError> {
        match self {
            Self::Scalar(value) => Ok(value),
            Self::Object(entries) => match entries.key()? {
                // What a number is with serde_json's `arbitrary_precision`, which any other crate may switch on.
                Some(key) if key == NUMBER => value(entries).map(Scalar::Number),
                _ => Err(ReadError::invalid_type(Unexpected::Map, &expected)),
            },
            other @ Self::List(_) => Err(other.unexpected(expected)),
        }
    }

    fn unexpected(self, expected: &'static str) -> ReadError {
        let found = match &self {
            Self::Scalar(value) => value.as_unexpected(),
            Self::List(_) => Unexpected::Seq,
            Self::Object(_) => Unexpected::Map,
        };
        ReadError::invalid_type(found, &expected)
    }
}

/// A value that is neither an array nor an object.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar<'a> {
    /// Null.
    Null,
    /// A boolean.
    Boolean(bool),
    /// A negative integer.
    Integer(i64),
    /// Any other integer.
    Unsigned(u64),
    /// A number with a fraction or an exponent.
    Float(f64),
    /// A number as it is written.
    Number(String),
    /// Text.
    Text(&'a str),
}

impl Scalar<'_> {
    fn as_unexpected(&self) -> Unexpected<'_> {
        match self {
            Self::Null => Unexpected::Unit,
            Self::Boolean(value) => Unexpected::Bool(*value),
            Self::Integer(value) => Unexpected::Signed(*value),
            Self::Unsigned(value) => Unexpected::Unsigned(*value),
            Self::Float(value) => Unexpected::Float(*value),
            Self::Number(_) => Unexpected::Other("number"),
            Self::Text(value) => Unexpected::Str(value),
        }
    }
}

/// Hands a scalar over to what serde can read.
impl<'de> Deserializer<'de> for Scalar<'_> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self {
            Self::Null => visitor.visit_unit(),
            Self::Boolean(value) => visitor.visit_bool(value),
            Self::Integer(value) => visitor.visit_i64(value),
            Self::Unsigned(value) => visitor.visit_u64(value),
            Self::Float(value) => visitor.visit_f64(value),
            Self::Text(value) => visitor.visit_str(value),
            Self::Number(text) => match (text.parse(), text.parse(), text.parse()) {
                (Ok(value), ..) => visitor.visit_u64(value),
                (_, Ok(value), _) => visitor.visit_i64(value),
                (.., Ok(value)) => visitor.visit_f64(value),
                _ => visitor.visit_str(&text),
            },
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// Reads the JSON form of a value.
///
/// # Errors
/// What is no value of the type, or what the deserializer returns.
pub fn read<'de, T: ReadJson, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    let mut place = None;
    Seed(&mut place).deserialize(deserializer)?;
    place.ok_or_else(|| D::Error::custom("the deserializer gave no value"))
}

/// Reads the fields of a record, in any order; those of the indexes `required` must be there.
///
/// # Errors
/// A key that is none of `names` or comes twice or lacks, or what reading a field returns.
pub fn fields(
    entries: &mut dyn ReadEntries,
    names: &'static [&'static str],
    required: &[usize],
    places: &mut [&mut dyn Place],
) -> Result<(), ReadError> {
    let mut seen = vec![false; names.len()];
    while let Some(key) = entries.key()? {
        let mut known = names.iter().zip(&mut seen).zip(&mut *places);
        let found = known.find(|((name, _), _)| **name == key);
        let ((name, seen), place) = found.ok_or_else(|| ReadError::unknown_field(&key, names))?;
        if std::mem::replace(seen, true) {
            return Err(ReadError::duplicate_field(name));
        }
        entries.value(*place)?;
    }
    let missing = names.iter().zip(&seen).enumerate().find(|(index, (_, seen))| !**seen && required.contains(index));
    missing.map_or(Ok(()), |(_, (name, _))| Err(ReadError::missing_field(name)))
}

/// Returns the error of a field that [`fields`] has taken and that is not there.
#[cold]
#[must_use]
pub fn not_taken() -> ReadError {
    ReadError::custom("a field was read and is not there")
}

/// Returns the variant of an enum, of those that stand in the order of `symbols`.
///
/// # Errors
/// Text that is none of `symbols`, or no text.
pub fn symbol<T: ReadJson + Copy>(
    input: Input<'_>,
    symbols: &'static [&'static str],
    variants: &[T],
) -> Result<T, ReadError> {
    let Input::Scalar(Scalar::Text(text)) = input else { return Err(input.unexpected(T::EXPECTED)) };
    let mut known = symbols.iter().zip(variants);
    let found = known.find(|(symbol, _)| **symbol == text);
    found.map(|(_, variant)| *variant).ok_or_else(|| ReadError::unknown_variant(text, symbols))
}

/// Returns the index of the branch of a union that the object's key names; `aliases` are other names of branches.
///
/// # Errors
/// A key that names no branch, or no key.
pub fn branch(
    entries: &mut dyn ReadEntries,
    names: &'static [&'static str],
    aliases: &[(&str, usize)],
) -> Result<usize, ReadError> {
    let key = entries.key()?.ok_or_else(|| ReadError::custom("expected the name of a branch, found no key"))?;
    let alias = aliases.iter().find(|(alias, _)| *alias == key).map(|(_, index)| *index);
    let index = names.iter().position(|name| *name == key).or(alias);
    index.ok_or_else(|| ReadError::unknown_variant(&key, names))
}

/// Returns the only value of an object whose key has been read.
///
/// # Errors
/// What reading the value returns, or another key behind it.
pub fn value<T: ReadJson>(entries: &mut dyn ReadEntries) -> Result<T, ReadError> {
    let mut place = None;
    entries.value(&mut place)?;
    match (place, entries.key()?) {
        (Some(value), None) => Ok(value),
        _ => Err(ReadError::custom("expected an object of one key, found several")),
    }
}

/// What is wrong with the JSON form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadError(String);

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ReadError {}

impl Error for ReadError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

/// Where a value goes that is read.
pub trait Place {
    /// Reads the value.
    ///
    /// # Errors
    /// As [`ReadJson::read_json`].
    fn put(&mut self, input: Input<'_>) -> Result<(), ReadError>;
}

impl<T: ReadJson> Place for Option<T> {
    fn put(&mut self, input: Input<'_>) -> Result<(), ReadError> {
        *self = Some(T::read_json(input)?);
        Ok(())
    }
}

/// The items of an array, not read yet.
pub trait ReadItems {
    /// Reads the next item, and returns whether there was one.
    ///
    /// # Errors
    /// What the deserializer or the place returns.
    fn next(&mut self, place: &mut dyn Place) -> Result<bool, ReadError>;
}

/// The entries of an object, not read yet.
pub trait ReadEntries {
    /// Reads the next key.
    ///
    /// # Errors
    /// What the deserializer returns.
    fn key(&mut self) -> Result<Option<String>, ReadError>;

    /// Reads the value of the key that was read.
    ///
    /// # Errors
    /// What the deserializer or the place returns.
    fn value(&mut self, place: &mut dyn Place) -> Result<(), ReadError>;
}

/// An error travels up as text, with the place that serde_json puts at its end and finds there again.
struct Access<A>(A);

impl<'de, A: SeqAccess<'de>> ReadItems for Access<A> {
    fn next(&mut self, place: &mut dyn Place) -> Result<bool, ReadError> {
        self.0.next_element_seed(Seed(place)).map(|read| read.is_some()).map_err(ReadError::custom)
    }
}

impl<'de, A: MapAccess<'de>> ReadEntries for Access<A> {
    fn key(&mut self) -> Result<Option<String>, ReadError> {
        self.0.next_key().map_err(ReadError::custom)
    }

    fn value(&mut self, place: &mut dyn Place) -> Result<(), ReadError> {
        self.0.next_value_seed(Seed(place)).map_err(ReadError::custom)
    }
}

struct Seed<'p>(&'p mut dyn Place);

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Seed<'_> {
    fn scalar<E: Error>(self, value: Scalar<'_>) -> Result<(), E> {
        self.0.put(Input::Scalar(value)).map_err(E::custom)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
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
        self.0.put(Input::List(&mut Access(items))).map_err(A::Error::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<(), A::Error> {
        self.0.put(Input::Object(&mut Access(entries))).map_err(A::Error::custom)
    }
}

impl<T: ReadJson> ReadJson for Option<T> {
    const EXPECTED: &'static str = T::EXPECTED;

    fn read_json(input: Input<'_>) -> Result<Self, ReadError> {
        if matches!(input, Input::Scalar(Scalar::Null)) { Ok(None) } else { T::read_json(input).map(Some) }
    }
}

impl<T: ReadJson> ReadJson for Box<T> {
    const EXPECTED: &'static str = T::EXPECTED;

    fn read_json(input: Input<'_>) -> Result<Self, ReadError> {
        T::read_json(input).map(Self::new)
    }
}

impl<T: ReadJson> ReadJson for Vec<T> {
    const EXPECTED: &'static str = "a sequence";

    fn read_json(input: Input<'_>) -> Result<Self, ReadError> {
        let items = input.list(Self::EXPECTED)?;
        let (mut list, mut place) = (Self::new(), None);
        while items.next(&mut place)? {
            if let Some(item) = place.take() {
                list.push(item);
            }
        }
        Ok(list)
    }
}

impl<T: ReadJson> ReadJson for BTreeMap<String, T> {
    const EXPECTED: &'static str = "a map";

    fn read_json(input: Input<'_>) -> Result<Self, ReadError> {
        let entries = input.object(Self::EXPECTED)?;
        let (mut map, mut place) = (Self::new(), None);
        while let Some(key) = entries.key()? {
            entries.value(&mut place)?;
            if let Some(value) = place.take() {
                map.insert(key, value);
            }
        }
        Ok(map)
    }
}
