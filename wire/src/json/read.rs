//! Reads the JSON form: a walk along a schema, from what a deserializer gives to the bytes that the schema writes.
//!
//! In: JSON from anybody. Out: bytes, or an error with the path; never more memory than the JSON and the schema's defaults
//! justify. Fields may stand in any order; bytes have the schema's.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::Range;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserializer;
use serde::de::Error;

use super::input::{self, Input, Scalar};
use super::number::{float, integer};
use super::{Kind, MAX_NESTING, Shape, Type, Typed};
use crate::avro::{Duration, InField, Logical, MAX_DEPTH, MAX_EMPTY_ITEMS, Primitive, Reader, Writer, too_deep};
use crate::{DecodeError, EncodeError};

/// Reads the JSON form of a type; `decode` decodes what the type writes.
///
/// # Errors
/// What is no value of the type, with the path to it, or what the deserializer returns.
pub fn read<'de, T: Typed, D: Deserializer<'de>>(
    deserializer: D,
    decode: fn(&mut Reader<'_>) -> Result<T, DecodeError>,
) -> Result<T, D::Error> {
    let bytes = bytes_of(deserializer, T::TYPE)?;
    decode(&mut Reader::new(&bytes)).map_err(D::Error::custom)
}

/// Reads the JSON form of a schema's value and appends its bytes to `out`. A field that is left out takes its default; a
/// field that the schema does not have is an error, since its content would be lost.
///
/// # Errors
/// As [`read`]; `out` then ends where it ended before.
pub fn read_bytes<'de, S: Shape, D: Deserializer<'de>>(
    deserializer: D,
    shape: S,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let (start, mut failed) = (out.len(), None);
    let mut walk = Walk::new(out);
    let read = input::take(deserializer, &mut |input| walk.value(shape, input), &mut failed);
    read.map_err(|error| {
        out.truncate(start);
        input::with_path(error.to_string(), failed)
    })
}

fn bytes_of<'de, D: Deserializer<'de>>(deserializer: D, ty: &'static Type) -> Result<Vec<u8>, D::Error> {
    let (mut out, mut failed) = (Vec::new(), None);
    let mut walk = Walk::new(&mut out);
    match input::take(deserializer, &mut |input| generated(&mut walk, ty, input), &mut failed) {
        Ok(()) => Ok(out),
        // What the deserializer itself returns stays as it is.
        Err(error) if failed.is_none() => Err(error),
        Err(error) => Err(D::Error::custom(input::with_path(error.to_string(), failed))),
    }
}

/// Walks along a generated type. It is not generic, so that the walk is compiled here, and not again in each crate of events.
#[inline(never)]
fn generated(walk: &mut Walk<'_>, ty: &'static Type, input: Input<'_>) -> Result<(), EncodeError> {
    walk.value(ty, input)
}

struct Walk<'o> {
    out: &'o mut Vec<u8>,
    /// How many arrays and objects the value is in.
    depth: u32,
    /// How many records the value is in, of those that may hold themselves.
    records: u32,
    empty_items: usize,
}

impl<'o> Walk<'o> {
    fn new(out: &'o mut Vec<u8>) -> Self {
        Self { out, depth: 0, records: 0, empty_items: 0 }
    }

    fn writer(&mut self) -> Writer<'_> {
        Writer::new(self.out)
    }

    fn value<S: Shape>(&mut self, shape: S, input: Input<'_>) -> Result<(), EncodeError> {
        match shape.kind() {
            Kind::Array { item, .. } => self.nested(|walk| walk.array(item, input)),
            Kind::Map(value) => self.nested(|walk| walk.map(value, input)),
            Kind::Optional { null, .. } if matches!(input, Input::Scalar(Scalar::Null)) => {
                self.writer().length(null);
                Ok(())
            }
            Kind::Optional { null, other } => {
                self.writer().length(1 - null);
                self.value(other, input)
            }
            Kind::Union(branches) => self.nested(|walk| walk.union(shape, branches, input)),
            Kind::Record { fields, recursive: false } => self.nested(|walk| walk.record(shape, fields, input)),
            Kind::Record { fields, recursive: true } => {
                if self.records == MAX_DEPTH {
                    return Err(too_deep());
                }
                self.records += 1;
                self.nested(|walk| walk.record(shape, fields, input))?;
                self.records -= 1;
                Ok(())
            }
            Kind::Enum(symbols) => self.symbol(shape, symbols, input),
            Kind::Fixed(size, logical) => self.fixed(size, logical, input),
            Kind::Logical(logical) => self.logical(logical, input),
            Kind::Scalar(primitive) => self.primitive(primitive, input),
        }
    }

    fn nested(&mut self, read: impl FnOnce(&mut Self) -> Result<(), EncodeError>) -> Result<(), EncodeError> {
        if self.depth + 1 == MAX_NESTING {
            return Err(EncodeError::new(format!("the value nests deeper than {MAX_NESTING} levels")));
        }
        self.depth += 1;
        read(self)?;
        self.depth -= 1;
        Ok(())
    }

    fn array<S: Shape>(&mut self, item: S, input: Input<'_>) -> Result<(), EncodeError> {
        let items = input.list()?;
        let (start, mut count) = (self.out.len(), 0);
        loop {
            let before = self.out.len();
            let next = items.next(&mut |input| self.value(item, input));
            if !next.map_err(|error| error.in_item(count))? {
                break;
            }
            count += 1;
            if self.out.len() == before {
                self.count_empty_item()?;
            }
        }
        if count > 0 {
            let mut length = Vec::new();
            Writer::new(&mut length).length(count);
            self.out.splice(start..start, length);
        }
        self.writer().length(0);
        Ok(())
    }

    /// No reader takes more of them than so many.
    fn count_empty_item(&mut self) -> Result<(), EncodeError> {
        self.empty_items += 1;
        match self.empty_items > MAX_EMPTY_ITEMS {
            true => Err(EncodeError::new(format!("more than {MAX_EMPTY_ITEMS} items take no bytes"))),
            false => Ok(()),
        }
    }

    fn map<S: Shape>(&mut self, value: S, input: Input<'_>) -> Result<(), EncodeError> {
        let object = input.object()?;
        // In the order of their keys, as generated code writes them: equal values have equal bytes.
        let mut entries = BTreeMap::new();
        while let Some(key) = object.key()? {
            let start = self.out.len();
            object.value(&mut |input| self.value(value, input)).map_err(|error| error.in_key(&key))?;
            entries.insert(key, self.out.split_off(start));
        }
        let mut writer = self.writer();
        if !entries.is_empty() {
            writer.length(entries.len());
            for (key, bytes) in entries {
                writer.string(&key);
                writer.fixed(&bytes);
            }
        }
        writer.length(0);
        Ok(())
    }

    fn union<S: Shape>(&mut self, union: S, branches: usize, input: Input<'_>) -> Result<(), EncodeError> {
        if matches!(input, Input::Scalar(Scalar::Null))
            && let Some(null) = (0..branches).find(|index| is_named(&union, *index, |name| name == "null"))
        {
            self.writer().length(null);
            return Ok(());
        }
        let help = || {
            let names: Vec<_> = (0..branches).filter_map(|index| union.branch(index)).map(|(name, _)| name).collect();
            EncodeError::new(format!("expected {{\"branch\": value}} with one of {}", names.join(", ")))
        };
        let object = input.object().map_err(|_| help())?;
        let key = object.key()?.ok_or_else(help)?;
        let index = branch_of(&union, branches, &key).ok_or_else(help)?;
        let (_, branch) = union.branch(index).ok_or_else(help)?;
        self.writer().length(index);
        object.value(&mut |input| self.value(branch, input))?;
        if object.key()?.is_some() { Err(help()) } else { Ok(()) }
    }

    fn record<S: Shape>(&mut self, record: S, fields: usize, input: Input<'_>) -> Result<(), EncodeError> {
        let object = input.object()?;
        let (start, mut expected) = (self.out.len(), 0);
        let mut places = vec![None; fields];
        while let Some(key) = object.key()? {
            // Most stand in the order of the schema.
            let mut indexes = (expected..fields).chain(0..expected);
            let index = indexes.find(|index| record.field(*index).is_some_and(|(name, _)| name == key));
            let field = index.and_then(|index| Some((index, record.field(index)?, places.get_mut(index)?)));
            let Some((index, (name, ty), place)) = field else {
                return Err(EncodeError::new(format!("the schema has no field `{key}`")));
            };
            if place.is_some() {
                return Err(EncodeError::new("the field is there twice")).field(name);
            }
            let from = self.out.len();
            object.value(&mut |input| self.value(ty, input)).field(name)?;
            *place = Some(from..self.out.len());
            expected = index + 1;
        }
        self.arrange(&record, start, &places)
    }

    /// Brings the fields of a record into the schema's order, and adds the defaults of those that are left out.
    fn arrange<S: Shape>(
        &mut self,
        record: &S,
        start: usize,
        places: &[Option<Range<usize>>],
    ) -> Result<(), EncodeError> {
        let starts = places.iter().map(|place| place.as_ref().map(|place| place.start));
        if places.iter().all(Option::is_some) && starts.is_sorted() {
            return Ok(());
        }
        let mut arranged = Vec::with_capacity(self.out.len() - start);
        for (index, place) in places.iter().enumerate() {
            match place {
                Some(place) => arranged.extend_from_slice(self.out.get(place.clone()).unwrap_or_default()),
                None => {
                    let name = record.field(index).map_or("", |(name, _)| name);
                    let missing = || EncodeError::new("the field is missing and has no default");
                    arranged.extend_from_slice(&record.default(index).ok_or_else(missing).field(name)?);
                }
            }
        }
        self.out.truncate(start);
        self.out.append(&mut arranged);
        Ok(())
    }

    fn symbol<S: Shape>(&mut self, one: S, symbols: usize, input: Input<'_>) -> Result<(), EncodeError> {
        let text = input.scalar("a symbol as text")?;
        let Scalar::Text(text) = text else { return Err(text.unexpected("a symbol as text")) };
        let index = (0..symbols).find(|index| one.symbol(*index) == Some(text)).ok_or_else(|| {
            let symbols: Vec<_> = (0..symbols).filter_map(|index| one.symbol(index)).collect();
            EncodeError::new(format!("`{text}` is none of the symbols {}", symbols.join(", ")))
        })?;
        self.writer().length(index);
        Ok(())
    }

    fn primitive(&mut self, primitive: Primitive, input: Input<'_>) -> Result<(), EncodeError> {
        match primitive {
            Primitive::Null => match input.scalar("null")? {
                Scalar::Null => Ok(()),
                other => Err(other.unexpected("null")),
            },
            Primitive::Boolean => match input.scalar("a boolean")? {
                Scalar::Boolean(value) => {
                    self.writer().boolean(value);
                    Ok(())
                }
                other => Err(other.unexpected("a boolean")),
            },
            Primitive::Int => {
                let value = input.scalar("an integer of 32 bits")?;
                let int = integer(&value).and_then(|long| i32::try_from(long).ok());
                int.map(|int| self.writer().int(int)).ok_or_else(|| value.unexpected("an integer of 32 bits"))
            }
            Primitive::Long => {
                let value = input.scalar("an integer of 64 bits")?;
                let long = integer(&value).map(|long| self.writer().long(long));
                long.ok_or_else(|| value.unexpected("an integer of 64 bits"))
            }
            Primitive::Float => float(&input.scalar("a number")?).map(|float| self.writer().float(float)),
            Primitive::Double => float(&input.scalar("a number")?).map(|double| self.writer().double(double)),
            Primitive::Bytes => base64_of(input).map(|bytes| self.writer().bytes(&bytes)),
            Primitive::String => with_text(input, "text", |text| {
                self.writer().string(text);
                Ok(())
            }),
        }
    }

    fn fixed(&mut self, size: usize, logical: Logical, input: Input<'_>) -> Result<(), EncodeError> {
        match logical {
            #[cfg(feature = "bigdecimal")]
            Logical::Decimal { precision, scale } if precision > crate::avro::DECIMAL_DIGITS => {
                let decimal: bigdecimal::BigDecimal = decimal_of(input)?;
                self.writer().big_decimal_fixed(&decimal, (precision, scale), size)
            }
            #[cfg(feature = "decimal")]
            Logical::Decimal { precision, scale } => {
                let decimal: rust_decimal::Decimal = decimal_of(input)?;
                self.writer().decimal_fixed(decimal, (precision, scale), size)
            }
            #[cfg(feature = "uuid")]
            Logical::Uuid => {
                let uuid: uuid::Uuid = parsed(input, "a uuid as text")?;
                self.writer().fixed(uuid.as_bytes());
                Ok(())
            }
            Logical::Duration => {
                let duration: Duration = parsed(input, "a duration as text")?;
                self.writer().duration(duration);
                Ok(())
            }
            _ => {
                let bytes = base64_of(input)?;
                if bytes.len() != size {
                    return Err(EncodeError::new(format!("expected {size} bytes, found {}", bytes.len())));
                }
                self.writer().fixed(&bytes);
                Ok(())
            }
        }
    }

    fn logical(&mut self, logical: Logical, input: Input<'_>) -> Result<(), EncodeError> {
        let mut writer = self.writer();
        match logical {
            #[cfg(feature = "bigdecimal")]
            Logical::Decimal { precision, scale } if precision > crate::avro::DECIMAL_DIGITS => {
                let decimal: bigdecimal::BigDecimal = decimal_of(input)?;
                writer.big_decimal(&decimal, precision, scale)
            }
            #[cfg(feature = "decimal")]
            Logical::Decimal { precision, scale } => {
                let decimal: rust_decimal::Decimal = decimal_of(input)?;
                writer.decimal(decimal, precision, scale)
            }
            #[cfg(feature = "uuid")]
            Logical::Uuid => parsed(input, "a uuid as text").map(|uuid| writer.uuid(uuid)),
            #[cfg(feature = "jiff")]
            Logical::Date => parsed(input, "a date as ISO 8601 text").map(|date| writer.date(date)),
            #[cfg(feature = "jiff")]
            Logical::TimeMillis => parsed(input, "a time as ISO 8601 text").map(|time| writer.time_millis(time)),
            #[cfg(feature = "jiff")]
            Logical::TimeMicros => parsed(input, "a time as ISO 8601 text").map(|time| writer.time_micros(time)),
            #[cfg(feature = "jiff")]
            Logical::TimestampMillis | Logical::TimestampMicros | Logical::TimestampNanos => {
                writer.timestamp(parsed(input, "a timestamp as RFC 3339 text")?, logical)
            }
            #[cfg(feature = "jiff")]
            Logical::LocalTimestampMillis | Logical::LocalTimestampMicros | Logical::LocalTimestampNanos => {
                writer.local_timestamp(parsed(input, "a date and time as ISO 8601 text")?, logical)
            }
            other => Err(EncodeError::new(super::lacking(other))),
        }
    }
}

fn is_named(union: &impl Shape, index: usize, is: impl Fn(&str) -> bool) -> bool {
    union.branch(index).is_some_and(|(name, _)| is(&name))
}

/// Returns the index of the branch that a key names: by the word of its type, its full name or its simple name.
fn branch_of(union: &impl Shape, branches: usize, key: &str) -> Option<usize> {
    // Null stands for itself.
    let mut indexes = (0..branches).filter(|index| !is_named(union, *index, |name| name == "null"));
    let full = indexes.clone().find(|index| is_named(union, *index, |name| name == key));
    full.or_else(|| indexes.find(|index| is_named(union, *index, |name| name.rsplit('.').next() == Some(key))))
}

fn with_text<T>(
    input: Input<'_>,
    expected: &str,
    read: impl FnOnce(&str) -> Result<T, EncodeError>,
) -> Result<T, EncodeError> {
    match input.scalar(expected)? {
        Scalar::Text(text) => read(text),
        other => Err(other.unexpected(expected)),
    }
}

fn base64_of(input: Input<'_>) -> Result<Vec<u8>, EncodeError> {
    let wrong = |error| EncodeError::new(format!("expected base64: {error}"));
    with_text(input, "bytes as text", |text| STANDARD.decode(text).map_err(wrong))
}

fn parsed<T: FromStr<Err: Display>>(input: Input<'_>, expected: &str) -> Result<T, EncodeError> {
    let wrong = |error| EncodeError::new(format!("expected {expected}: {error}"));
    with_text(input, expected, |text| text.parse().map_err(wrong))
}

#[cfg(any(feature = "bigdecimal", feature = "decimal"))]
fn decimal_of<T: super::number::ParseDecimal>(input: Input<'_>) -> Result<T, EncodeError> {
    super::number::decimal(&input.scalar("a decimal, as text or as a number")?)
}
