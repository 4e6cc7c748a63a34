//! The JSON form of Avro (ARCHITECTURE.md, "JSON form"): a walk along a schema, from bytes into any serializer of serde's
//! and from any deserializer to bytes.
//!
//! In: a [`Shape`], which generated types have as data and schemas that are parsed at run time are by themselves. A type
//! has no code of its own for JSON: [`write()`] encodes it and walks its bytes, [`read()`] makes bytes that it decodes.

mod input;
mod number;
mod read;
mod shape;
mod write;

pub use read::{read, read_bytes};
pub use shape::{Branch, Field, Kind, Shape, Type, Typed};
pub use write::{write, write_bytes};

/// How deep arrays and objects may nest, read or written: three for each of the records that may stand in each other, such
/// as a union, a list and the record, and some more. serde_json has a limit of its own for text, other deserializers may
/// have none.
const MAX_NESTING: u32 = 320;

/// The only key of a number of serde_json with `arbitrary_precision`, which any other crate may switch on.
pub(crate) const NUMBER: &str = "$serde_json::private::Number";

/// Returns the text of a float that JSON has no number for.
#[must_use]
pub fn non_finite(value: f64) -> &'static str {
    match value {
        value if value.is_nan() => "NaN",
        value if value > 0.0 => "Infinity",
        _ => "-Infinity",
    }
}

/// Says that a logical type's feature of this crate is off; generated code would not compile then.
#[cold]
fn lacking(logical: crate::avro::Logical) -> String {
    format!("the feature of `eventwright-wire` for the logical type `{}` is off", logical.name())
}
