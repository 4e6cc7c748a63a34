//! What a plan decodes into: a type that takes values as the plan hands them over.
//!
//! The types of this crate, of std and of the value crates take scalars, lists and maps; generated structs take records
//! and enums; `eventwright-schema` has a sink that takes anything.

use std::collections::BTreeMap;

use super::plan::{EnumNode, FieldStep, NodeId, PlanReader, Primitive, RecordNode, wrong_plan};
use super::{InField, Logical, Reader};
use crate::{DecodeError, DecodeErrorKind};

/// A type that a plan can decode into. What a type does not take is an error: the plan was made for another reader.
pub trait Sink: Sized {
    /// Takes a primitive or a fixed, already of the reader's type.
    ///
    /// # Errors
    /// A value outside what the type holds.
    fn scalar(value: Scalar<'_>, _logical: Logical) -> Result<Self, DecodeError> {
        Err(wrong_plan(format!("a {} has no place here", value.word())))
    }

    /// Takes the reader's symbol of that index.
    ///
    /// # Errors
    /// An index that the enum does not have.
    fn symbol(node: &EnumNode, _index: usize) -> Result<Self, DecodeError> {
        Err(wrong_plan(format!("a symbol of `{}` has no place here", node.name)))
    }

    /// Takes the items of an array.
    ///
    /// # Errors
    /// What reading an item returns.
    fn array(_items: Items<'_, '_, '_>) -> Result<Self, DecodeError> {
        Err(wrong_plan("an array has no place here"))
    }

    /// Takes the entries of a map.
    ///
    /// # Errors
    /// What reading a value returns.
    fn map(_entries: Entries<'_, '_, '_>) -> Result<Self, DecodeError> {
        Err(wrong_plan("a map has no place here"))
    }

    /// Takes the fields of a record.
    ///
    /// # Errors
    /// What reading a field returns.
    fn record(fields: Fields<'_, '_, '_>) -> Result<Self, DecodeError> {
        Err(wrong_plan(format!("a record `{}` has no place here", fields.record_name())))
    }

    /// Takes a branch of the reader's union.
    ///
    /// # Errors
    /// What reading the value returns.
    fn branch(branch: Branch<'_, '_, '_>) -> Result<Self, DecodeError> {
        Err(wrong_plan(format!("the branch `{}` of a union has no place here", branch.name())))
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

/// The fields of a record, not read yet. Each of the reader's fields comes once: read, or as its default.
#[derive(Debug)]
pub struct Fields<'p, 'r, 'a> {
    run: PlanReader<'p, 'r, 'a>,
    record: &'p RecordNode,
    steps: std::slice::Iter<'p, FieldStep>,
    value: Option<FieldValue<'p>>,
}

#[derive(Debug, Clone, Copy)]
struct FieldValue<'p> {
    field: usize,
    node: NodeId,
    /// Where the value is read from instead of the datum.
    default: Option<&'p [u8]>,
}

impl Items<'_, '_, '_> {
    /// Reads all items.
    ///
    /// # Errors
    /// What reading an item returns, with its index in the path.
    pub fn read<T: Sink>(self) -> Result<Vec<T>, DecodeError> {
        let Self { run: PlanReader { plan, reader }, item, min_size } = self;
        reader.items(min_size, |reader| PlanReader { plan, reader }.read(item))
    }
}

impl Entries<'_, '_, '_> {
    /// Reads all entries.
    ///
    /// # Errors
    /// What reading a value returns, with its key in the path.
    pub fn read<T: Sink>(self) -> Result<BTreeMap<String, T>, DecodeError> {
        let Self { run: PlanReader { plan, reader }, value } = self;
        reader.entries(|reader| PlanReader { plan, reader }.read(value))
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
    pub fn read<T: Sink>(mut self) -> Result<T, DecodeError> {
        self.run.read(self.value)
    }
}

impl<'p, 'r, 'a> Fields<'p, 'r, 'a> {
    pub(super) fn new(run: PlanReader<'p, 'r, 'a>, record: &'p RecordNode) -> Self {
        Self { run, record, steps: record.steps.iter(), value: None }
    }

    /// Returns the full name of the reader's record.
    #[must_use]
    pub fn record_name(&self) -> &'p str {
        &self.record.name
    }

    /// Returns how many fields the reader's record has.
    #[must_use]
    pub fn count(&self) -> usize {
        self.record.fields.len()
    }

    /// Returns the name of the reader's field of that index.
    #[must_use]
    pub fn name(&self, field: usize) -> &'p str {
        self.record.fields.get(field).map_or("", String::as_str)
    }

    /// Skips what the reader has no field for and returns the index of the next field; [`Fields::read`] then reads it.
    ///
    /// # Errors
    /// What skipping returns.
    #[inline]
    pub fn advance(&mut self) -> Result<Option<usize>, DecodeError> {
        for step in self.steps.by_ref() {
            let (field, node, default) = match step {
                FieldStep::Skip(node) => {
                    self.run.skip(*node)?;
                    continue;
                }
                FieldStep::Read { field, node } => (*field, *node, None),
                FieldStep::Default { field, node, bytes } => (*field, *node, Some(bytes.as_slice())),
            };
            self.value = Some(FieldValue { field, node, default });
            return Ok(Some(field));
        }
        Ok(None)
    }

    /// Reads the field that [`Fields::advance`] returned.
    ///
    /// # Errors
    /// What reading the field returns, with its name in the path.
    #[inline]
    pub fn read<T: Sink>(&mut self) -> Result<T, DecodeError> {
        let value = self.value.take().ok_or_else(|| wrong_plan("a field is read twice"))?;
        match value.default {
            None => self.run.read(value.node),
            Some(bytes) => PlanReader { plan: self.run.plan, reader: &mut Reader::new(bytes) }.read(value.node),
        }
        .field(self.name(value.field))
    }

    /// Returns the error of a field that the reader's type does not have.
    #[cold]
    #[must_use]
    pub fn unexpected(&self, field: usize) -> DecodeError {
        wrong_plan(format!("`{}` has no field of the index {field}", self.record.name))
    }

    /// Returns the field, or the error that the plan left it out.
    ///
    /// # Errors
    /// No value.
    #[inline]
    pub fn required<T>(&self, value: Option<T>, name: &str) -> Result<T, DecodeError> {
        value.ok_or_else(|| wrong_plan(format!("the plan leaves out the field `{name}` of `{}`", self.record.name)))
    }
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
                Self::String(std::str::from_utf8(value).map_err(|_| DecodeError::new(DecodeErrorKind::NotUtf8))?)
            }
            (value, _) => return Err(wrong_plan(format!("a {} cannot be promoted so", value.word()))),
        })
    }
}

/// Implements [`Sink`] for a type that takes one kind of scalar.
macro_rules! takes_scalar {
    ($($type:ty: $pattern:pat => $value:expr;)*) => {$(
        impl Sink for $type {
            #[inline]
            fn scalar(value: Scalar<'_>, _logical: Logical) -> Result<Self, DecodeError> {
                match value {
                    $pattern => Ok($value),
                    other => Err(wrong_plan(format!("a {} has no place here", other.word()))),
                }
            }
        }
    )*};
}

takes_scalar! {
    (): Scalar::Null => ();
    bool: Scalar::Boolean(value) => value;
    i32: Scalar::Int(value) => value;
    i64: Scalar::Long(value) => value;
    f32: Scalar::Float(value) => value;
    f64: Scalar::Double(value) => value;
    String: Scalar::String(value) => value.to_owned();
    Vec<u8>: Scalar::Bytes(value) => value.to_vec();
}

impl<const N: usize> Sink for [u8; N] {
    fn scalar(value: Scalar<'_>, _logical: Logical) -> Result<Self, DecodeError> {
        match value {
            Scalar::Fixed(value) => value.try_into().map_err(|_| wrong_plan("a fixed of another size")),
            other => Err(wrong_plan(format!("a {} has no place here", other.word()))),
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
    fn record(fields: Fields<'_, '_, '_>) -> Result<Self, DecodeError> {
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
