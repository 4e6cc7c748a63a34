//! Writes the JSON form: a generated type says what it looks like, and one function writes that, whatever it is of.
//!
//! serde's derives make a function for each type and serializer; compiling them took longer than the codec itself.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::ser::{Error, SerializeMap, SerializeStruct};
use serde::{Serialize, Serializer};

use super::non_finite;

/// A value that has a JSON form.
pub trait WriteJson {
    /// Returns what the value looks like in JSON.
    fn view(&self) -> View<'_>;
}

/// What a value looks like in JSON.
#[expect(missing_debug_implementations, reason = "a list can show itself as JSON only")]
pub enum View<'a> {
    /// Null.
    Null,
    /// A boolean.
    Boolean(bool),
    /// An integer.
    Integer(i64),
    /// A float of 32 bits, which has fewer digits than the same one of 64 bits.
    Float(f32),
    /// A float of 64 bits.
    Double(f64),
    /// Text.
    Text(Cow<'a, str>),
    /// An array.
    List(&'a dyn WriteItems),
    /// An object with keys of the value's own.
    Map(&'a dyn WriteEntries),
    /// An object with the fields of a record.
    Record(RecordView<'a>),
    /// An object with the branch of a union as its only key.
    Branch(&'static str, &'a dyn WriteJson),
}

/// The fields of a record, with the record's name.
#[expect(missing_debug_implementations, reason = "a value can show itself as JSON only")]
pub struct RecordView<'a> {
    name: &'static str,
    fields: Vec<(&'static str, &'a dyn WriteJson)>,
}

impl<'a> RecordView<'a> {
    /// Returns a record with room for so many fields.
    #[must_use]
    pub fn new(name: &'static str, count: usize) -> Self {
        Self { name, fields: Vec::with_capacity(count) }
    }

    /// Adds a field. Not in line, because generated code calls it for every field of every record.
    #[inline(never)]
    pub fn field(&mut self, name: &'static str, value: &'a dyn WriteJson) {
        self.fields.push((name, value));
    }
}

/// The items of a list.
pub trait WriteItems {
    /// Returns how many there are.
    fn count(&self) -> usize;

    /// Returns one of them.
    fn item(&self, index: usize) -> Option<View<'_>>;
}

/// The entries of a map.
pub trait WriteEntries {
    /// Returns how many there are.
    fn count(&self) -> usize;

    /// Calls `see` for each.
    ///
    /// # Errors
    /// What `see` returns, at once.
    fn each(&self, see: &mut dyn FnMut(&str, View<'_>) -> Result<(), Stopped>) -> Result<(), Stopped>;
}

/// Says that the serializer has an error.
#[derive(Debug)]
pub struct Stopped;

/// Writes the JSON form of a value.
///
/// # Errors
/// What the serializer returns.
pub fn write<S: Serializer>(value: &dyn WriteJson, serializer: S) -> Result<S::Ok, S::Error> {
    value.view().serialize(serializer)
}

impl Serialize for View<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_none(),
            Self::Boolean(value) => serializer.serialize_bool(*value),
            Self::Integer(value) => serializer.serialize_i64(*value),
            Self::Float(value) if value.is_finite() => serializer.serialize_f32(*value),
            Self::Float(value) => serializer.serialize_str(non_finite(f64::from(*value))),
            Self::Double(value) if value.is_finite() => serializer.serialize_f64(*value),
            Self::Double(value) => serializer.serialize_str(non_finite(*value)),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(items) => serializer.collect_seq((0..items.count()).map_while(|index| items.item(index))),
            Self::Map(entries) => map(*entries, serializer),
            Self::Record(RecordView { name, fields }) => {
                let mut object = serializer.serialize_struct(name, fields.len())?;
                for (key, value) in fields {
                    object.serialize_field(key, &value.view())?;
                }
                object.end()
            }
            Self::Branch(name, value) => {
                let mut object = serializer.serialize_map(Some(1))?;
                object.serialize_entry(name, &value.view())?;
                object.end()
            }
        }
    }
}

fn map<S: Serializer>(entries: &dyn WriteEntries, serializer: S) -> Result<S::Ok, S::Error> {
    let mut object = serializer.serialize_map(Some(entries.count()))?;
    let mut failed = None;
    let written = entries.each(&mut |key, value| {
        object.serialize_entry(key, &value).map_err(|error| {
            failed = Some(error);
            Stopped
        })
    });
    match (written, failed) {
        (Ok(()), None) => object.end(),
        (_, error) => Err(error.unwrap_or_else(|| S::Error::custom("a map stopped without an error"))),
    }
}

impl<T: WriteJson> WriteJson for Option<T> {
    fn view(&self) -> View<'_> {
        self.as_ref().map_or(View::Null, T::view)
    }
}

impl<T: WriteJson> WriteJson for Box<T> {
    fn view(&self) -> View<'_> {
        (**self).view()
    }
}

impl<T: WriteJson> WriteJson for Vec<T> {
    fn view(&self) -> View<'_> {
        View::List(self)
    }
}

impl<T: WriteJson> WriteItems for Vec<T> {
    fn count(&self) -> usize {
        self.len()
    }

    fn item(&self, index: usize) -> Option<View<'_>> {
        self.get(index).map(T::view)
    }
}

impl<T: WriteJson> WriteJson for BTreeMap<String, T> {
    fn view(&self) -> View<'_> {
        View::Map(self)
    }
}

impl<T: WriteJson> WriteEntries for BTreeMap<String, T> {
    fn count(&self) -> usize {
        self.len()
    }

    fn each(&self, see: &mut dyn FnMut(&str, View<'_>) -> Result<(), Stopped>) -> Result<(), Stopped> {
        self.iter().try_for_each(|(key, value)| see(key, value.view()))
    }
}
