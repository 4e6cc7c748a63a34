//! The fields that settings are read into, as serde is told of them: for tests, which hold the list of keys against them.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde::de::value::{Error, MapDeserializer, StrDeserializer};
use serde::de::{DeserializeSeed, IntoDeserializer as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, forward_to_deserialize_any};

/// Returns the path of every field that is no section, and whether it is read as a text. Maps have no fields.
pub(super) fn of<T: for<'de> Deserialize<'de>>() -> BTreeMap<String, bool> {
    let found = RefCell::default();
    drop(T::deserialize(Probe { path: String::new(), found: &found }).expect("every field takes what it is given"));
    found.into_inner()
}

/// Gives every field a value, and notes what it asked for.
struct Probe<'p> {
    path: String,
    found: &'p RefCell<BTreeMap<String, bool>>,
}

impl Probe<'_> {
    fn note(&self, is_text: bool) {
        self.found.borrow_mut().insert(self.path.clone(), is_text);
    }
}

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = Error;

    /// A number, or a duration.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.note(false);
        visitor.visit_u64(1)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.note(false);
        visitor.visit_bool(true)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.note(true);
        // As good an address as a name.
        visitor.visit_str(":1")
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.note(true);
        let first: StrDeserializer<'_, Error> = variants[0].into_deserializer();
        visitor.visit_enum(first)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_map(MapDeserializer::new(std::iter::empty::<(&str, &str)>()))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_map(Fields { probe: self, left: fields })
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct newtype_struct seq tuple
        tuple_struct identifier ignored_any
    }
}

/// The fields of a struct.
struct Fields<'p> {
    probe: Probe<'p>,
    left: &'static [&'static str],
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some(next) = self.left.first() else { return Ok(None) };
        let name: StrDeserializer<'_, Error> = next.into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let (name, left) = self.left.split_first().expect("a key came before");
        self.left = left;
        let dot = if self.probe.path.is_empty() { "" } else { "." };
        let path = format!("{}{dot}{name}", self.probe.path);
        seed.deserialize(Probe { path, found: self.probe.found })
    }
}
