//! What the walks ask of a type of a schema, and the data that generated types answer with.

use std::borrow::Cow;

use serde::Serializer;

use crate::avro::{Logical, Primitive};

/// A type of a schema, as the walks see it.
pub trait Shape: Copy {
    /// Returns what it is.
    fn kind(&self) -> Kind<Self>;

    /// Returns a symbol of an enum.
    fn symbol(&self, index: usize) -> Option<&str>;

    /// Returns a branch of a union with its name: the word of its type, or its full name.
    fn branch(&self, index: usize) -> Option<(Cow<'_, str>, Self)>;

    /// Returns a field of a record with its name.
    fn field(&self, index: usize) -> Option<(&str, Self)>;

    /// Returns the bytes of the default of a record's field, if it has one.
    fn default(&self, field: usize) -> Option<Cow<'_, [u8]>>;

    /// Writes a float of 32 bits, which has fewer digits than the same one of 64 bits.
    ///
    /// # Errors
    /// What the serializer returns.
    fn float<S: Serializer>(value: f32, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f32(value)
    }
}

/// What a type is.
#[derive(Debug, Clone, Copy)]
pub enum Kind<S> {
    /// A primitive type that means itself.
    Scalar(Primitive),
    /// A primitive type with a logical one.
    Logical(Logical),
    /// So many bytes.
    Fixed(usize, Logical),
    /// So many symbols.
    Enum(usize),
    /// A list.
    Array {
        /// The type of its items.
        item: S,
        /// The fewest bytes that an item takes.
        min_size: usize,
    },
    /// A map, by the type of its values.
    Map(S),
    /// A union of null and one other branch.
    Optional {
        /// The index of null.
        null: usize,
        /// The other branch.
        other: S,
    },
    /// Any other union, of so many branches.
    Union(usize),
    /// A record.
    Record {
        /// How many fields it has.
        fields: usize,
        /// Whether a value may hold another of its own type.
        recursive: bool,
    },
}

/// A generated type, which says what its schema is. Implemented by generated code only.
pub trait Typed {
    /// Its schema.
    const TYPE: &'static Type;

    /// Returns its schema: what stands in a circle names it by this function.
    #[must_use]
    fn schema() -> &'static Type {
        Self::TYPE
    }
}

/// A type of a schema that was known at build time.
#[derive(Debug)]
pub enum Type {
    /// No value.
    Null,
    /// A boolean.
    Boolean,
    /// 32 bits, signed.
    Int,
    /// 64 bits, signed.
    Long,
    /// 32 bits.
    Float,
    /// 64 bits.
    Double,
    /// Bytes.
    Bytes,
    /// Text.
    String,
    /// A primitive type with a logical one.
    Logical(Logical),
    /// So many bytes.
    Fixed(usize, Logical),
    /// Symbols.
    Enum(&'static [&'static str]),
    /// A list, by the type of its items and the fewest bytes that one takes.
    Array(&'static Type, usize),
    /// A map, by the type of its values.
    Map(&'static Type),
    /// A union with null, by the index of null and what else it may be: one type, or a union of the others.
    Optional(usize, &'static Type),
    /// The branches of a union that are not null.
    Union(&'static [Branch]),
    /// The fields of a record that holds no other of its own type.
    Record(&'static [Field]),
    /// The fields of a record that may hold another of its own type.
    RecursiveRecord(&'static [Field]),
    /// The type of another generated type.
    Named(&'static Type),
    /// The type of a record that may hold another of its own type: rustc must not go round in a circle.
    Recursive(fn() -> &'static Type),
}

/// A branch of a union.
#[derive(Debug)]
pub struct Branch {
    index: usize,
    name: &'static str,
    ty: Type,
}

impl Branch {
    /// Returns the branch of that index in the schema's union, null counted, and of that name: the word of its type, or its
    /// full name.
    #[must_use]
    pub const fn new(index: usize, name: &'static str, ty: Type) -> Self {
        Self { index, name, ty }
    }
}

/// A field of a record.
#[derive(Debug)]
pub struct Field {
    name: &'static str,
    ty: Type,
    default: Option<&'static [u8]>,
}

impl Field {
    /// Returns a field without default.
    #[must_use]
    pub const fn new(name: &'static str, ty: Type) -> Self {
        Self { name, ty, default: None }
    }

    /// Returns a field with a default, as the bytes that its type writes.
    #[must_use]
    pub const fn with_default(name: &'static str, ty: Type, default: &'static [u8]) -> Self {
        Self { name, ty, default: Some(default) }
    }
}

impl Type {
    /// Returns the type that a name stands for.
    fn resolved(&'static self) -> &'static Self {
        match self {
            Self::Named(ty) => ty.resolved(),
            Self::Recursive(ty) => ty().resolved(),
            ty => ty,
        }
    }

    fn fields(&self) -> &'static [Field] {
        match self {
            Self::Record(fields) | Self::RecursiveRecord(fields) => fields,
            _ => &[],
        }
    }

    fn branches(&self) -> &'static [Branch] {
        match self {
            Self::Union(branches) => branches,
            _ => &[],
        }
    }
}

impl Shape for &'static Type {
    fn kind(&self) -> Kind<Self> {
        match *self {
            Type::Null => Kind::Scalar(Primitive::Null),
            Type::Boolean => Kind::Scalar(Primitive::Boolean),
            Type::Int => Kind::Scalar(Primitive::Int),
            Type::Long => Kind::Scalar(Primitive::Long),
            Type::Float => Kind::Scalar(Primitive::Float),
            Type::Double => Kind::Scalar(Primitive::Double),
            Type::Bytes => Kind::Scalar(Primitive::Bytes),
            Type::String => Kind::Scalar(Primitive::String),
            Type::Logical(logical) => Kind::Logical(*logical),
            Type::Fixed(size, logical) => Kind::Fixed(*size, *logical),
            Type::Enum(symbols) => Kind::Enum(symbols.len()),
            Type::Array(item, min_size) => Kind::Array { item, min_size: *min_size },
            Type::Map(value) => Kind::Map(value),
            Type::Optional(null, other) => match other.resolved() {
                Type::Union(branches) => Kind::Union(branches.len() + 1),
                _ => Kind::Optional { null: *null, other },
            },
            Type::Union(branches) => Kind::Union(branches.last().map_or(0, |last| last.index + 1)),
            Type::Record(fields) => Kind::Record { fields: fields.len(), recursive: false },
            Type::RecursiveRecord(fields) => Kind::Record { fields: fields.len(), recursive: true },
            Type::Named(ty) => ty.kind(),
            Type::Recursive(ty) => ty().kind(),
        }
    }

    fn symbol(&self, index: usize) -> Option<&str> {
        match self.resolved() {
            Type::Enum(symbols) => symbols.get(index).copied(),
            _ => None,
        }
    }

    fn branch(&self, index: usize) -> Option<(Cow<'_, str>, Self)> {
        let branches = match self.resolved() {
            Type::Optional(null, _) if *null == index => return Some((Cow::Borrowed("null"), &Type::Null)),
            Type::Optional(_, other) => other.resolved().branches(),
            ty => ty.branches(),
        };
        let branch = branches.iter().find(|branch| branch.index == index)?;
        Some((Cow::Borrowed(branch.name), &branch.ty))
    }

    fn field(&self, index: usize) -> Option<(&str, Self)> {
        let field = self.resolved().fields().get(index)?;
        Some((field.name, &field.ty))
    }

    fn default(&self, field: usize) -> Option<Cow<'_, [u8]>> {
        self.resolved().fields().get(field)?.default.map(Cow::Borrowed)
    }
}
