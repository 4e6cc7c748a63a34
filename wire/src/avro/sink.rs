//! What a plan decodes into: a type that takes values as the plan hands them over.
//!
//! The types of this crate, of std and of the value crates take scalars, lists and maps; generated structs take records
//! and enums; `eventwright-schema` has a sink that takes anything.

use std::collections::BTreeMap;

use super::plan::{EnumNode, Node, NodeId, PlanReader, Primitive, read, wrong_plan};
use super::{Fields, Logical, Reader, raw};
use crate::{DecodeError, DecodeErrorKind};

/// A type that a plan can decode into. What a type does not take is an error: the plan was made for another reader.
pub trait Sink: Sized {
    /// Reads the value without a detour, where the node is what the type itself writes; `None` leaves it to the others.
    #[inline]
    fn own(_reader: &mut Reader<'_>, _node: &Node) -> Option<Result<Self, DecodeError>> {
        None
    }

    /// Takes a primitive or a fixed, already of the reader's type.
    ///
    /// # Errors
    /// A value outside what the type holds.
    fn scalar(value: Scalar<'_>, _logical: Logical) -> Result<Self, DecodeError> {
        Err(no_place(value.word()))
    }

    /// Takes the reader's symbol of that index.
    ///
    /// # Errors
    /// An index that the enum does not have.
    fn symbol(node: &EnumNode, _index: usize) -> Result<Self, DecodeError> {
        Err(no_place(&node.name))
    }

    /// Takes the items of an array.
    ///
    /// # Errors
    /// What reading an item returns.
    fn array(_items: Items<'_, '_, '_>) -> Result<Self, DecodeError> {
        Err(no_place("array"))
    }

    /// Takes the entries of a map.
    ///
    /// # Errors
    /// What reading a value returns.
    fn map(_entries: Entries<'_, '_, '_>) -> Result<Self, DecodeError> {
        Err(no_place("map"))
    }

    /// Takes the fields of a record; what it does not ask for is skipped when it returns.
    ///
    /// # Errors
    /// What reading a field returns.
    fn record(fields: &mut Fields<'_, '_, '_>) -> Result<Self, DecodeError> {
        Err(no_place(fields.record_name()))
    }

    /// Takes a branch of the reader's union.
    ///
    /// # Errors
    /// What reading the value returns.
    fn branch(branch: Branch<'_, '_, '_>) -> Result<Self, DecodeError> {
        Err(no_place(branch.name()))
    }
}

/// A primitive value or a fixed, as the plan hands it over.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scalar<'a> {
    /// Null.
    Null,
    /// A boolean.
    Boolean(bool),
    /// An int.
    Int(i32),
    /// A long.
    Long(i64),
    /// A float.
    Float(f32),
    /// A double.
    Double(f64),
    /// Bytes.
    Bytes(&'a [u8]),
    /// Text.
    String(&'a str),
    /// The bytes of a fixed.
    Fixed(&'a [u8]),
}

/// The items of an array, not read yet.
#[derive(Debug)]
pub struct Items<'p, 'r, 'a> {
    pub(super) run: PlanReader<'p, 'r, 'a>,
    pub(super) item: NodeId,
    pub(super) min_size: usize,
}

/// The entries of a map, not read yet.
#[derive(Debug)]
pub struct Entries<'p, 'r, 'a> {
    pub(super) run: PlanReader<'p, 'r, 'a>,
    pub(super) value: NodeId,
}

/// A branch of the reader's union, its value not read yet.
#[derive(Debug)]
pub struct Branch<'p, 'r, 'a> {
    pub(super) run: PlanReader<'p, 'r, 'a>,
    pub(super) index: usize,
    pub(super) name: &'p str,
    pub(super) nullable: bool,
    pub(super) value: NodeId,
}

impl Items<'_, '_, '_> {
    /// Reads all items.
    ///
    /// # Errors
    /// What reading an item returns, with its index in the path.
    pub fn read<T: Sink>(self) -> Result<Vec<T>, DecodeError> {
        let Self { run: PlanReader { plan, reader }, item, min_size } = self;
        reader.items(min_size, |reader| read(plan, reader, item))
    }
}

impl Entries<'_, '_, '_> {
    /// Reads all entries.
    ///
    /// # Errors
    /// What reading a value returns, with its key in the path.
    pub fn read<T: Sink>(self) -> Result<BTreeMap<String, T>, DecodeError> {
        let Self { run: PlanReader { plan, reader }, value } = self;
        reader.entries(|reader| read(plan, reader, value))
    }
}

impl Branch<'_, '_, '_> {
    /// Returns the branch's index in the reader's union.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }

    /// Returns the branch's name: the word of its type, or the full name of a named type.
    #[must_use]
    pub fn name(&self) -> &str {
        self.name
    }

    /// Returns whether the branch is null.
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.name == "null"
    }

    /// Returns whether the union is of null and one other branch.
    #[must_use]
    pub fn is_nullable(&self) -> bool {
        self.nullable
    }

    /// Reads the value.
    ///
    /// # Errors
    /// What reading the value returns.
    #[inline]
    pub fn read<T: Sink>(self) -> Result<T, DecodeError> {
        read(self.run.plan, self.run.reader, self.value)
    }
}

#[cold]
fn no_place(what: &str) -> DecodeError {
    wrong_plan(format!("`{what}` has no place here"))
}

impl<'a> Scalar<'a> {
    /// Returns the specification's word for the type.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean(_) => "boolean",
            Self::Int(_) => "int",
            Self::Long(_) => "long",
            Self::Float(_) => "float",
            Self::Double(_) => "double",
            Self::Bytes(_) => "bytes",
            Self::String(_) => "string",
            Self::Fixed(_) => "fixed",
        }
    }

    /// Promotes the writer's value to the reader's type, as the specification allows.
    ///
    /// # Errors
    /// Bytes that are promoted to a string and are not UTF-8.
    #[expect(clippy::cast_precision_loss, reason = "the specification promotes long to float and double")]
    pub fn promote(self, to: Primitive) -> Result<Self, DecodeError> {
        Ok(match (self, to) {
            (Self::Int(value), Primitive::Long) => Self::Long(i64::from(value)),
            (Self::Int(value), Primitive::Float) => Self::Float(value as f32),
            (Self::Int(value), Primitive::Double) => Self::Double(f64::from(value)),
            (Self::Long(value), Primitive::Float) => Self::Float(value as f32),
            (Self::Long(value), Primitive::Double) => Self::Double(value as f64),
            (Self::Float(value), Primitive::Double) => Self::Double(f64::from(value)),
            (Self::String(value), Primitive::Bytes) => Self::Bytes(value.as_bytes()),
            (Self::Bytes(value), Primitive::String) => {
                Self::String(raw::text(value).ok_or_else(|| DecodeError::new(DecodeErrorKind::NotUtf8))?)
            }
            (value, _) => return Err(wrong_plan(format!("a {} cannot be promoted so", value.word()))),
        })
    }
}

/// Implements [`Sink`] for a type that takes one kind of scalar: the kind, how it is read, and what the value becomes.
macro_rules! takes_scalar {
    ($($type:ty: $kind:ident, $read:ident, $value:ident => $taken:expr;)*) => {$(
        impl Sink for $type {
            #[inline]
            fn own(reader: &mut Reader<'_>, node: &Node) -> Option<Result<Self, DecodeError>> {
                match node {
                    Node::Scalar { from: Primitive::$kind, to: Primitive::$kind, .. } => {
                        Some(reader.$read().map(|$value| $taken))
                    }
                    _ => None,
                }
            }

            fn scalar(value: Scalar<'_>, _logical: Logical) -> Result<Self, DecodeError> {
                match value {
                    Scalar::$kind($value) => Ok($taken),
                    other => Err(no_place(other.word())),
                }
            }
        }
    )*};
}

takes_scalar! {
    bool: Boolean, boolean, value => value;
    i32: Int, int, value => value;
    i64: Long, long, value => value;
    f32: Float, float, value => value;
    f64: Double, double, value => value;
    String: String, str, value => raw::owned_text(value);
    Vec<u8>: Bytes, bytes, value => raw::owned(value);
}

impl Sink for () {
    fn scalar(value: Scalar<'_>, _logical: Logical) -> Result<Self, DecodeError> {
        match value {
            Scalar::Null => Ok(()),
            other => Err(no_place(other.word())),
        }
    }
}

impl<const N: usize> Sink for [u8; N] {
    fn scalar(value: Scalar<'_>, _logical: Logical) -> Result<Self, DecodeError> {
        match value {
            Scalar::Fixed(value) => value.try_into().map_err(|_| wrong_plan("a fixed of another size")),
            other => Err(no_place(other.word())),
        }
    }
}

impl<T: Sink> Sink for Vec<T> {
    #[inline]
    fn array(items: Items<'_, '_, '_>) -> Result<Self, DecodeError> {
        items.read()
    }
}

impl<T: Sink> Sink for BTreeMap<String, T> {
    #[inline]
    fn map(entries: Entries<'_, '_, '_>) -> Result<Self, DecodeError> {
        entries.read()
    }
}

impl<T: Sink> Sink for Option<T> {
    #[inline]
    fn branch(branch: Branch<'_, '_, '_>) -> Result<Self, DecodeError> {
        match branch.is_null() {
            true => Ok(None),
            false if branch.is_nullable() => branch.read().map(Some),
            // Of several others `T` is the enum.
            false => T::branch(branch).map(Some),
        }
    }
}

/// A recursive type is boxed; the box takes whatever the type takes.
impl<T: Sink> Sink for Box<T> {
    fn record(fields: &mut Fields<'_, '_, '_>) -> Result<Self, DecodeError> {
        T::record(fields).map(Self::new)
    }

    fn branch(branch: Branch<'_, '_, '_>) -> Result<Self, DecodeError> {
        T::branch(branch).map(Self::new)
    }
}

#[cfg(feature = "uuid")]
impl Sink for uuid::Uuid {
    fn scalar(value: Scalar<'_>, _logical: Logical) -> Result<Self, DecodeError> {
        match value {
            Scalar::String(text) => super::logical::uuid_of_text(text),
            Scalar::Fixed(bytes) => Self::from_slice(bytes).map_err(|_| wrong_plan("a uuid is a fixed of 16 bytes")),
            other => Err(wrong_plan(format!("a {} is no uuid", other.word()))),
        }
    }
}

#[cfg(feature = "decimal")]
impl Sink for rust_decimal::Decimal {
    fn scalar(value: Scalar<'_>, logical: Logical) -> Result<Self, DecodeError> {
        match (value, logical) {
            (Scalar::Bytes(bytes) | Scalar::Fixed(bytes), Logical::Decimal { scale, .. }) => {
                super::logical::decimal_of_bytes(bytes, scale)
            }
            (other, _) => Err(wrong_plan(format!("a {} is no decimal", other.word()))),
        }
    }
}

#[cfg(feature = "jiff")]
mod times {
    use super::super::logical::{date_of_days, local_timestamp_of, time_of_day, timestamp_of};
    use super::{DecodeError, Logical, Scalar, Sink, wrong_plan};
    use jiff::civil::{Date, DateTime, Time};
    use jiff::{SignedDuration, Timestamp};

    impl Sink for Timestamp {
        #[inline]
        fn scalar(value: Scalar<'_>, logical: Logical) -> Result<Self, DecodeError> {
            match value {
                Scalar::Long(count) => timestamp_of(count, logical),
                other => Err(wrong_plan(format!("a {} is no timestamp", other.word()))),
            }
        }
    }

    impl Sink for DateTime {
        fn scalar(value: Scalar<'_>, logical: Logical) -> Result<Self, DecodeError> {
            match value {
                Scalar::Long(count) => local_timestamp_of(count, logical),
                other => Err(wrong_plan(format!("a {} is no local timestamp", other.word()))),
            }
        }
    }

    impl Sink for Date {
        fn scalar(value: Scalar<'_>, _logical: Logical) -> Result<Self, DecodeError> {
            match value {
                Scalar::Int(days) => date_of_days(days),
                other => Err(wrong_plan(format!("a {} is no date", other.word()))),
            }
        }
    }

    impl Sink for Time {
        fn scalar(value: Scalar<'_>, logical: Logical) -> Result<Self, DecodeError> {
            let count = match value {
                Scalar::Int(count) => i64::from(count),
                Scalar::Long(count) => count,
                other => return Err(wrong_plan(format!("a {} is no time", other.word()))),
            };
            time_of_day(match logical {
                Logical::TimeMillis => SignedDuration::from_millis(count),
                _ => SignedDuration::from_micros(count),
            })
        }
    }
}
