//! The JSON mapping of Protobuf for scalars that serde writes otherwise: 64-bit integers as text, bytes as base64,
//! floats that may be `"NaN"`, enums by name, timestamps and durations as text.
//!
//! Generated messages name [`serialize`] through `#[serde(with = "...")]` on the fields that need it, and [`take`] where
//! they read them; enum fields name [`Enumeration`], which knows the enum behind prost's `i32`.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use prost_types::{Duration, Timestamp};
use serde::de::{Error, IntoDeserializer, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::read::once;
use super::scalar::{number_or_text, text_of_number};

/// Writes the JSON mapping of a field.
///
/// # Errors
/// A value that the mapping cannot express, or what the serializer returns.
pub fn serialize<T: ProtoJson, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    value.to_json(serializer)
}

/// Reads the JSON mapping of a field as the value of a key.
///
/// # Errors
/// A key that is there twice, or, behind the field's name, text that the mapping does not allow, a number that is outside
/// the field's type, or what the deserializer returns.
pub fn take<'de, T: ProtoJson, A: MapAccess<'de>>(
    name: &str,
    place: &mut Option<T>,
    map: &mut A,
) -> Result<(), A::Error> {
    once(name, place)?;
    let read = map.next_value::<FromJson<Option<T>>>();
    *place = read.map_err(|error| A::Error::custom(format_args!("`{name}`: {error}")))?.0;
    Ok(())
}

/// A value whose JSON mapping is not serde's own.
pub trait ProtoJson: Sized {
    /// Writes the JSON mapping.
    ///
    /// # Errors
    /// A value that the mapping cannot express, or what the serializer returns.
    fn to_json<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>;

    /// Reads the JSON mapping.
    ///
    /// # Errors
    /// Text that the mapping does not allow, or what the deserializer returns.
    fn from_json<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;
}

struct AsJson<'a, T>(&'a T);
struct FromJson<T>(T);

impl<T: ProtoJson> Serialize for AsJson<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.to_json(serializer)
    }
}

impl<'de, T: ProtoJson> Deserialize<'de> for FromJson<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::from_json(deserializer).map(Self)
    }
}

impl<T: ProtoJson> ProtoJson for Option<T> {
    fn to_json<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_ref().map(AsJson).serialize(serializer)
    }

    fn from_json<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::<FromJson<T>>::deserialize(deserializer)?.map(|value| value.0))
    }
}

impl<T: ProtoJson> ProtoJson for Vec<T> {
    fn to_json<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(AsJson))
    }

    fn from_json<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Vec::<FromJson<T>>::deserialize(deserializer)?.into_iter().map(|value| value.0).collect())
    }
}

impl<K, T> ProtoJson for BTreeMap<K, T>
where
    K: Ord + Serialize + for<'k> Deserialize<'k>,
    T: ProtoJson,
{
    fn to_json<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|(key, value)| (key, AsJson(value))))
    }

    fn from_json<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let entries = BTreeMap::<K, FromJson<T>>::deserialize(deserializer)?;
        Ok(entries.into_iter().map(|(key, value)| (key, value.0)).collect())
    }
}

macro_rules! number_as_text {
    ($($type:ty),*) => {$(
        impl ProtoJson for $type {
            fn to_json<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }

            fn from_json<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                number_or_text(deserializer)
            }
        }
    )*};
}

number_as_text!(i64, u64);

macro_rules! as_text {
    ($($type:ty),*) => {$(
        impl ProtoJson for $type {
            fn to_json<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }

            fn from_json<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
            }
        }
    )*};
}

as_text!(Timestamp, Duration);

/// The JSON mapping of an enum field, which prost holds as an `i32`: `#[serde(with = "Enumeration::<Currency>")]`.
#[derive(Debug)]
pub struct Enumeration<E>(PhantomData<E>);

/// What prost generates for an enum, as far as the mapping needs it.
pub trait EnumName: Copy + TryFrom<i32> + Into<i32> + Serialize + for<'de> Deserialize<'de> {}

impl<E: Copy + TryFrom<i32> + Into<i32> + Serialize + for<'de> Deserialize<'de>> EnumName for E {}

/// A field that holds enum numbers.
pub trait EnumField<E>: Sized {
    /// Writes names; a number without name stays a number, as the mapping says.
    ///
    /// # Errors
    /// What the serializer returns.
    fn to_json<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>;

    /// Reads names or numbers.
    ///
    /// # Errors
    /// A name that the enum does not have, or what the deserializer returns.
    fn from_json<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;
}

impl<E> Enumeration<E> {
    /// Writes the field.
    ///
    /// # Errors
    /// What the serializer returns.
    pub fn serialize<T: EnumField<E>, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        value.to_json(serializer)
    }

    /// Reads the field as the value of a key.
    ///
    /// # Errors
    /// A key that is there twice, a name that the enum does not have, or what the deserializer returns.
    pub fn take<'de, T: EnumField<E>, A: MapAccess<'de>>(
        name: &str,
        place: &mut Option<T>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        once(name, place)?;
        *place = map.next_value::<FromField<E, Option<T>>>()?.0;
        Ok(())
    }
}

/// An enum's number, written as its name where it has one.
struct NameOrNumber<E>(i32, PhantomData<E>);

impl<E> NameOrNumber<E> {
    fn of(number: i32) -> Self {
        Self(number, PhantomData)
    }

    fn number(self) -> i32 {
        self.0
    }
}

impl<E: EnumName> Serialize for NameOrNumber<E> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match E::try_from(self.0) {
            Ok(name) => name.serialize(serializer),
            Err(_) => serializer.serialize_i32(self.0),
        }
    }
}

impl<'de, E: EnumName> Deserialize<'de> for NameOrNumber<E> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EnumVisitor(PhantomData::<E>)).map(Self::of)
    }
}

struct EnumVisitor<E>(PhantomData<E>);

impl<'de, E: EnumName> Visitor<'de> for EnumVisitor<E> {
    type Value = i32;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of an enum's value, or its number")
    }

    fn visit_str<X: Error>(self, name: &str) -> Result<i32, X> {
        E::deserialize(name.into_deserializer()).map(Into::into)
    }

    fn visit_i64<X: Error>(self, number: i64) -> Result<i32, X> {
        i32::try_from(number).map_err(|_| X::custom("expected an enum's number of 32 bits"))
    }

    fn visit_u64<X: Error>(self, number: u64) -> Result<i32, X> {
        i32::try_from(number).map_err(|_| X::custom("expected an enum's number of 32 bits"))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<i32, A::Error> {
        text_of_number(map)?.parse().map_err(|_| A::Error::custom("expected an enum's number of 32 bits"))
    }
}

impl<E: EnumName> EnumField<E> for i32 {
    fn to_json<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        NameOrNumber::<E>::of(*self).serialize(serializer)
    }

    fn from_json<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        NameOrNumber::<E>::deserialize(deserializer).map(NameOrNumber::number)
    }
}

impl<E, T: EnumField<E>> EnumField<E> for Option<T> {
    fn to_json<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Some(field) => field.to_json(serializer),
            None => serializer.serialize_none(),
        }
    }

    fn from_json<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::<FromField<E, T>>::deserialize(deserializer)?.map(|field| field.0))
    }
}

/// Takes a field of enum numbers from serde's own `Option`.
struct FromField<E, T>(T, PhantomData<E>);

impl<'de, E, T: EnumField<E>> Deserialize<'de> for FromField<E, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::from_json(deserializer).map(|field| Self(field, PhantomData))
    }
}

impl<E: EnumName> EnumField<E> for Vec<i32> {
    fn to_json<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(|number| NameOrNumber::<E>::of(*number)))
    }

    fn from_json<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Vec::<NameOrNumber<E>>::deserialize(deserializer)?.into_iter().map(NameOrNumber::number).collect())
    }
}

impl<K, E> EnumField<E> for BTreeMap<K, i32>
where
    K: Ord + Serialize + for<'k> Deserialize<'k>,
    E: EnumName,
{
    fn to_json<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|(key, number)| (key, NameOrNumber::<E>::of(*number))))
    }

    fn from_json<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let entries = BTreeMap::<K, NameOrNumber<E>>::deserialize(deserializer)?;
        Ok(entries.into_iter().map(|(key, name)| (key, name.number())).collect())
    }
}
