//! What can go wrong between bytes and values.
//!
//! Both errors are one pointer wide, so that a `Result` on the hot path stays small. The path to the field is put
//! together while the error travels up, so that the happy path pays nothing for it.

use std::fmt;

/// Bytes that cannot be decoded: what was wrong, and in which field.
#[derive(Clone, PartialEq, Eq)]
pub struct DecodeError(Box<Inner<DecodeErrorKind>>);

/// A value that its schema cannot hold: what was wrong, and in which field.
#[derive(Clone, PartialEq, Eq)]
pub struct EncodeError(Box<Inner<String>>);

#[derive(Clone, PartialEq, Eq)]
struct Inner<K> {
    kind: K,
    /// From the innermost outwards.
    path: Vec<Segment>,
}

#[derive(Clone, PartialEq, Eq)]
enum Segment {
    Field(String),
    Item(usize),
    Key(String),
}

/// What was wrong with the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// The bytes end in the middle of a value.
    UnexpectedEnd,
    /// A variable-length integer is longer than its type allows.
    IntegerTooLong,
    /// A length or a count is negative, or larger than the bytes that are left can justify.
    BadLength(i64),
    /// A boolean is neither 0 nor 1.
    BadBoolean(u8),
    /// A string is not UTF-8.
    NotUtf8,
    /// The index is outside the symbols of the enum or the branches of the union.
    BadIndex {
        /// The index found.
        index: i64,
        /// How many there are.
        count: usize,
    },
    /// The value is outside what the Rust type can hold, or is no value of the logical type.
    OutOfRange(String),
    /// So many bytes are left behind the value: it was written with another schema than the one it is read with.
    TrailingBytes(usize),
    /// Records are nested deeper than the limit.
    TooDeep,
    /// The writer's value has no place in the reader's schema, such as an unknown enum symbol.
    Unresolvable(String),
    /// The reader's schema adds so much to what the writer wrote that more than so many bytes would come of it.
    TooMuch(usize),
    /// The plan was made for another reader's schema.
    WrongPlan(String),
    /// A Protobuf message that prost refused.
    Protobuf(String),
    /// A value of an older version that the newer one has no place for.
    Migration(String),
    /// The writer's index is not one of the event's writers.
    UnknownWriter(usize),
    /// The frame before the payload is not what the wire format says.
    Frame(String),
}

impl DecodeError {
    /// Returns an error without path.
    #[cold]
    #[must_use]
    pub fn new(kind: DecodeErrorKind) -> Self {
        Self(Box::new(Inner { kind, path: Vec::new() }))
    }

    /// Returns the error of a [migration](crate::Migrate); `why` says what of the value has no place in the newer version.
    #[cold]
    #[must_use]
    pub fn migration(why: impl Into<String>) -> Self {
        Self::new(DecodeErrorKind::Migration(why.into()))
    }

    /// Returns what was wrong.
    #[must_use]
    pub fn kind(&self) -> &DecodeErrorKind {
        &self.0.kind
    }

    /// Returns the path to the value, such as `items[2].sku`; empty where the bytes as a whole are meant.
    #[must_use]
    pub fn path(&self) -> String {
        render_path(&self.0.path)
    }

    /// Adds the key of a map to the path.
    #[cold]
    #[must_use]
    pub fn in_key(mut self, key: &str) -> Self {
        self.0.path.push(Segment::Key(key.to_owned()));
        self
    }

    /// Adds the index of an array's item to the path.
    #[cold]
    #[must_use]
    pub fn in_item(mut self, index: usize) -> Self {
        self.0.path.push(Segment::Item(index));
        self
    }

    /// Adds the name of a field to the path.
    #[cold]
    #[must_use]
    pub fn in_field(mut self, name: &str) -> Self {
        self.0.path.push(Segment::Field(name.to_owned()));
        self
    }
}

impl EncodeError {
    /// Returns an error without path; `message` says what the schema allows and what was found.
    #[cold]
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self(Box::new(Inner { kind: message.into(), path: Vec::new() }))
    }

    /// Returns the path to the value, such as `items[2].unit_price`.
    #[must_use]
    pub fn path(&self) -> String {
        render_path(&self.0.path)
    }

    /// Adds the key of a map to the path.
    #[cold]
    #[must_use]
    pub fn in_key(mut self, key: &str) -> Self {
        self.0.path.push(Segment::Key(key.to_owned()));
        self
    }

    /// Adds the index of an array's item to the path.
    #[cold]
    #[must_use]
    pub fn in_item(mut self, index: usize) -> Self {
        self.0.path.push(Segment::Item(index));
        self
    }

    #[cold]
    fn in_field(mut self, name: &str) -> Self {
        self.0.path.push(Segment::Field(name.to_owned()));
        self
    }

    /// Returns what is wrong, without path.
    pub(crate) fn message(&self) -> &str {
        &self.0.kind
    }

    /// Returns the error with other words.
    pub(crate) fn reworded(mut self, message: String) -> Self {
        self.0.kind = message;
        self
    }
}

/// Adds the field's name to an error on its way up. Generated code writes `reader.string().field("sku")?`.
pub trait InField {
    /// Names the field that the error happened in.
    #[must_use]
    fn field(self, name: &str) -> Self;
}

impl<T> InField for Result<T, DecodeError> {
    #[inline]
    fn field(self, name: &str) -> Self {
        match self {
            Ok(value) => Ok(value),
            Err(error) => Err(error.in_field(name)),
        }
    }
}

impl<T> InField for Result<T, EncodeError> {
    #[inline]
    fn field(self, name: &str) -> Self {
        match self {
            Ok(value) => Ok(value),
            Err(error) => Err(error.in_field(name)),
        }
    }
}

fn render_path(path: &[Segment]) -> String {
    let mut text = String::new();
    for segment in path.iter().rev() {
        match segment {
            Segment::Field(name) if text.is_empty() => text.push_str(name),
            Segment::Field(name) => {
                text.push('.');
                text.push_str(name);
            }
            Segment::Item(index) => text.push_str(&format!("[{index}]")),
            Segment::Key(key) => text.push_str(&format!("[{key:?}]")),
        }
    }
    text
}

fn write_at(f: &mut fmt::Formatter<'_>, path: &[Segment], what: &dyn fmt::Display) -> fmt::Result {
    match render_path(path) {
        path if path.is_empty() => write!(f, "{what}"),
        path => write!(f, "`{path}`: {what}"),
    }
}

impl fmt::Display for DecodeErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnexpectedEnd => f.write_str("the bytes end in the middle of a value"),
            Self::IntegerTooLong => f.write_str("a variable-length integer is longer than its type allows"),
            Self::BadLength(length) => write!(f, "a length of {length} is more than the bytes that are left allow"),
            Self::BadBoolean(byte) => write!(f, "expected a boolean, 0 or 1, found {byte}"),
            Self::NotUtf8 => f.write_str("a string is not UTF-8"),
            Self::BadIndex { index, count } => write!(f, "index {index} is outside the {count} that the schema has"),
            Self::TrailingBytes(count) => {
                write!(f, "{count} bytes are left behind the value, which another schema must have written")
            }
            Self::TooDeep => f.write_str("records are nested deeper than the limit"),
            Self::TooMuch(most) => {
                write!(f, "more than {most} bytes would come of these, because of what the reader's schema adds")
            }
            Self::OutOfRange(what) | Self::Unresolvable(what) | Self::WrongPlan(what) => f.write_str(what),
            Self::Protobuf(what) | Self::Frame(what) | Self::Migration(what) => f.write_str(what),
            Self::UnknownWriter(index) => write!(f, "no writer's schema has the index {index}"),
        }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_at(f, &self.0.path, &self.0.kind)
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_at(f, &self.0.path, &self.0.kind)
    }
}

impl fmt::Debug for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DecodeError({self})")
    }
}

impl fmt::Debug for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EncodeError({self})")
    }
}

impl std::error::Error for DecodeError {}
impl std::error::Error for EncodeError {}
