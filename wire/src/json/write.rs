//! Writes the JSON form: a walk along a schema and a value's bytes, into any serializer.
//!
//! In: bytes, one's own or anybody's. Out: what the serializer makes of them, or an error with the path.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::ser::{Error, SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

use super::{Kind, MAX_NESTING, Shape, Type, non_finite};
use crate::avro::{Encode, Logical, Primitive, Reader, Writer, no_such_index};
use crate::{DecodeError, DecodeErrorKind, EncodeError};

/// Writes the JSON form of a value.
///
/// # Errors
/// A value that its schema cannot hold, or what the serializer returns.
pub fn write<S: Serializer>(value: &dyn Encode, ty: &'static Type, serializer: S) -> Result<S::Ok, S::Error> {
    let bytes = encoded(value).map_err(S::Error::custom)?;
    let walk = Walk::along_generated(&bytes);
    Part { walk: &walk, shape: ty }.serialize(serializer).map_err(|error| match walk.failed.take() {
        Some(failed) => S::Error::custom(failed),
        None => error,
    })
}

/// Writes the JSON form of the value that the bytes hold, and nothing else.
///
/// # Errors
/// Bytes that the schema does not write, a value that the JSON form has no text for, such as a decimal of more digits than
/// its schema says, or what the serializer returns.
pub fn write_bytes<S: Serializer>(bytes: &[u8], shape: impl Shape, serializer: S) -> Result<S::Ok, DecodeError> {
    let walk = Walk::new(bytes, Lengths::Unknown, next);
    let written = Part { walk: &walk, shape }.serialize(serializer);
    let written = written.map_err(|error| {
        let other = || DecodeError::new(DecodeErrorKind::OutOfRange(error.to_string()));
        walk.failed.take().unwrap_or_else(other)
    });
    walk.reader.into_inner().finish(written)
}

#[inline(never)]
fn encoded(value: &dyn Encode) -> Result<Vec<u8>, EncodeError> {
    let mut bytes = Vec::new();
    value.encode(&mut Writer::of_json(&mut bytes))?;
    Ok(bytes)
}

/// Whether the count of a list's first block is that of the list.
#[derive(Clone, Copy, PartialEq)]
enum Lengths {
    /// It is: we have written the bytes.
    Known,
    /// There may be more blocks, and nobody vouches for the count.
    Unknown,
}

struct Walk<'a, T> {
    reader: RefCell<Reader<'a>>,
    lengths: Lengths,
    depth: Cell<u32>,
    /// Why the serializer was stopped.
    failed: Cell<Option<DecodeError>>,
    /// [`next`], by its address: that for generated types is compiled here, and not again in each crate of events.
    next: fn(&Self, T) -> Result<Next<'a, T>, DecodeError>,
}

/// What stands next in the bytes.
enum Next<'a, T> {
    Null,
    Boolean(bool),
    Integer(i64),
    Float(f32),
    Double(f64),
    Text(Cow<'a, str>),
    /// Items of a type, and the first block's header.
    List(T, usize, Option<usize>),
    /// Entries, by the type of their values, and the first block's header.
    Map(T, Option<usize>),
    /// The branch of that index, of this union.
    Branch(T, usize),
    /// So many fields of this record.
    Record(T, usize),
    /// The same of a record that may hold another of its own type.
    RecursiveRecord(T, usize),
}

impl<'a> Walk<'a, &'static Type> {
    #[inline(never)]
    fn along_generated(bytes: &'a [u8]) -> Self {
        Self::new(bytes, Lengths::Known, next)
    }
}

impl<'a, T: Shape> Walk<'a, T> {
    fn new(bytes: &'a [u8], lengths: Lengths, next: fn(&Self, T) -> Result<Next<'a, T>, DecodeError>) -> Self {
        let (reader, depth) = (RefCell::new(Reader::new(bytes)), Cell::new(0));
        Self { reader, lengths, depth, failed: Cell::new(None), next }
    }

    /// Reads the header of a block.
    fn block(&self, min_size: usize) -> Result<Option<usize>, DecodeError> {
        self.reader.borrow_mut().block(min_size)
    }

    /// Returns the length of a list, of which this is the first block.
    fn length(&self, block: Option<usize>) -> Option<usize> {
        (self.lengths == Lengths::Known).then_some(block.unwrap_or(0))
    }

    /// Returns what stops the serializer.
    fn stop<E: Error>(&self, error: DecodeError) -> E {
        let stopped = E::custom(error.kind());
        self.failed.set(Some(error));
        stopped
    }

    /// Adds to the path of the error.
    fn at<E>(&self, error: E, add: impl FnOnce(DecodeError) -> DecodeError) -> E {
        self.failed.set(self.failed.take().map(add));
        error
    }
}

/// Reads what stands next, up to what is inside of it.
fn next<'a, T: Shape>(walk: &Walk<'a, T>, shape: T) -> Result<Next<'a, T>, DecodeError> {
    if walk.depth.get() == MAX_NESTING {
        return Err(DecodeError::new(DecodeErrorKind::TooDeep));
    }
    next_of(&mut walk.reader.borrow_mut(), shape)
}

fn next_of<'a, T: Shape>(reader: &mut Reader<'a>, shape: T) -> Result<Next<'a, T>, DecodeError> {
    Ok(match shape.kind() {
        Kind::Array { item, min_size } => Next::List(item, min_size, reader.block(min_size)?),
        Kind::Map(value) => Next::Map(value, reader.block(1)?),
        Kind::Optional { null, other } => match reader.index(2)? == null {
            true => Next::Null,
            false => return next_of(reader, other),
        },
        Kind::Union(branches) => {
            let index = reader.index(branches)?;
            let (name, _) = shape.branch(index).ok_or_else(|| no_such_index(index, branches))?;
            if name == "null" { Next::Null } else { Next::Branch(shape, index) }
        }
        Kind::Record { fields, recursive: false } => Next::Record(shape, fields),
        Kind::Record { fields, recursive: true } => {
            reader.descend()?;
            Next::RecursiveRecord(shape, fields)
        }
        Kind::Enum(symbols) => {
            let index = reader.index(symbols)?;
            let symbol = shape.symbol(index).ok_or_else(|| no_such_index(index, symbols))?;
            Next::Text(Cow::Owned(symbol.to_owned()))
        }
        Kind::Fixed(size, kind) => Next::Text(Cow::Owned(fixed(reader, size, kind)?)),
        Kind::Logical(kind) => Next::Text(Cow::Owned(logical(reader, kind)?)),
        Kind::Scalar(primitive) => scalar(reader, primitive)?,
    })
}

fn scalar<'a, T>(reader: &mut Reader<'a>, primitive: Primitive) -> Result<Next<'a, T>, DecodeError> {
    Ok(match primitive {
        Primitive::Null => Next::Null,
        Primitive::Boolean => Next::Boolean(reader.boolean()?),
        Primitive::Int => Next::Integer(reader.int()?.into()),
        Primitive::Long => Next::Integer(reader.long()?),
        Primitive::Float => match reader.float()? {
            value if value.is_finite() => Next::Float(value),
            value => Next::Text(Cow::Borrowed(non_finite(value.into()))),
        },
        Primitive::Double => match reader.double()? {
            value if value.is_finite() => Next::Double(value),
            value => Next::Text(Cow::Borrowed(non_finite(value))),
        },
        Primitive::Bytes => Next::Text(Cow::Owned(STANDARD.encode(reader.bytes()?))),
        Primitive::String => Next::Text(Cow::Borrowed(reader.str()?)),
    })
}

/// A value at the front of the bytes that are left.
struct Part<'w, 'a, T> {
    walk: &'w Walk<'a, T>,
    shape: T,
}

impl<T: Shape> Serialize for Part<'_, '_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let walk = self.walk;
        let next = (walk.next)(walk, self.shape).map_err(|error| walk.stop(error))?;
        let depth = walk.depth.get();
        walk.depth.set(depth + 1);
        let written = match next {
            Next::Null => serializer.serialize_none(),
            Next::Boolean(value) => serializer.serialize_bool(value),
            Next::Integer(value) => serializer.serialize_i64(value),
            Next::Float(value) => T::float(value, serializer),
            Next::Double(value) => serializer.serialize_f64(value),
            Next::Text(text) => serializer.serialize_str(&text),
            Next::List(item, min_size, block) => self.list(item, min_size, block, serializer),
            Next::Map(value, block) => self.map(value, block, serializer),
            Next::Branch(union, index) => self.branch(union, index, serializer),
            Next::Record(record, fields) => self.record(record, fields, serializer),
            Next::RecursiveRecord(record, fields) => {
                let written = self.record(record, fields, serializer);
                walk.reader.borrow_mut().ascend();
                written
            }
        };
        walk.depth.set(depth);
        written
    }
}

impl<T: Shape> Part<'_, '_, T> {
    fn of(&self, shape: T) -> Self {
        Self { walk: self.walk, shape }
    }

    fn list<S: Serializer>(
        &self,
        item: T,
        min_size: usize,
        mut block: Option<usize>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(self.walk.length(block))?;
        let mut index = 0;
        while let Some(count) = block {
            for _ in 0..count {
                let written = list.serialize_element(&self.of(item));
                written.map_err(|error| self.walk.at(error, |error| error.in_item(index)))?;
                index += 1;
            }
            block = self.walk.block(min_size).map_err(|error| self.walk.stop(error))?;
        }
        list.end()
    }

    fn map<S: Serializer>(&self, value: T, mut block: Option<usize>, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(self.walk.length(block))?;
        while let Some(count) = block {
            for _ in 0..count {
                let key = self.walk.reader.borrow_mut().str().map_err(|error| self.walk.stop(error))?;
                let written = map.serialize_entry(key, &self.of(value));
                written.map_err(|error| self.walk.at(error, |error| error.in_key(key)))?;
            }
            block = self.walk.block(1).map_err(|error| self.walk.stop(error))?;
        }
        map.end()
    }

    fn branch<S: Serializer>(&self, union: T, index: usize, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(Some(1))?;
        if let Some((name, branch)) = union.branch(index) {
            object.serialize_entry(&*name, &self.of(branch))?;
        }
        object.end()
    }

    fn record<S: Serializer>(&self, record: T, fields: usize, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(Some(fields))?;
        for (name, ty) in (0..fields).map_while(|index| record.field(index)) {
            let written = object.serialize_entry(name, &self.of(ty));
            written.map_err(|error| self.walk.at(error, |error| error.in_field(name)))?;
        }
        object.end()
    }
}

fn logical(reader: &mut Reader<'_>, logical: Logical) -> Result<String, DecodeError> {
    Ok(match logical {
        #[cfg(feature = "bigdecimal")]
        Logical::Decimal { precision, scale } if precision > crate::avro::DECIMAL_DIGITS => {
            reader.big_decimal(scale)?.to_plain_string()
        }
        #[cfg(feature = "decimal")]
        Logical::Decimal { scale, .. } => reader.decimal(scale)?.to_string(),
        #[cfg(feature = "uuid")]
        Logical::Uuid => reader.uuid()?.to_string(),
        #[cfg(feature = "jiff")]
        Logical::Date => reader.date()?.to_string(),
        #[cfg(feature = "jiff")]
        Logical::TimeMillis => reader.time_millis()?.to_string(),
        #[cfg(feature = "jiff")]
        Logical::TimeMicros => reader.time_micros()?.to_string(),
        #[cfg(feature = "jiff")]
        Logical::TimestampMillis | Logical::TimestampMicros | Logical::TimestampNanos => {
            reader.timestamp(logical)?.to_string()
        }
        #[cfg(feature = "jiff")]
        Logical::LocalTimestampMillis | Logical::LocalTimestampMicros | Logical::LocalTimestampNanos => {
            reader.local_timestamp(logical)?.to_string()
        }
        other => return Err(DecodeError::new(DecodeErrorKind::OutOfRange(super::lacking(other)))),
    })
}

fn fixed(reader: &mut Reader<'_>, size: usize, logical: Logical) -> Result<String, DecodeError> {
    Ok(match logical {
        #[cfg(feature = "bigdecimal")]
        Logical::Decimal { precision, scale } if precision > crate::avro::DECIMAL_DIGITS => {
            reader.big_decimal_fixed(size, scale)?.to_plain_string()
        }
        #[cfg(feature = "decimal")]
        Logical::Decimal { scale, .. } => reader.decimal_fixed(size, scale)?.to_string(),
        #[cfg(feature = "uuid")]
        Logical::Uuid => reader.uuid_fixed()?.to_string(),
        Logical::Duration => reader.duration()?.to_string(),
        _ => STANDARD.encode(reader.fixed(size)?),
    })
}
