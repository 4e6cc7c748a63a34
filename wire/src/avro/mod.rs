//! The Avro 1.12 binary encoding: reading and writing values directly, and plans and transcoders for schemas unknown at
//! build time.

#[cfg(feature = "bigdecimal")]
mod big_decimal;
mod borrowed_map;
mod conversion;
mod decode;
mod decode_into;
mod duration;
mod encode;
mod event;
mod front;
mod logical;
mod plan;
mod raw;
pub mod single_object;
mod transcode;

pub use crate::error::InField;
#[cfg(feature = "bigdecimal")]
pub use big_decimal::big_decimal;
pub use borrowed_map::BorrowedMap;
pub use conversion::Conversion;
pub(crate) use decode::MAX_EMPTY_ITEMS;
pub use decode::{Reader, no_such_index};
pub use decode_into::DecodeInto;
pub use duration::Duration;
pub use encode::{Writer, too_deep};
pub use event::{AvroEvent, decode_whole, unknown_writer};
pub use logical::{DECIMAL_DIGITS, Logical};
pub use plan::{EnumNode, FieldStep, Node, NodeId, Plan, Primitive, RecordNode, unknown_symbol, unresolvable};
pub use transcode::{Scratch, Transcoder};

use crate::{DecodeError, EncodeError};

/// How deep records may nest in each other: deeper bytes are refused, and deeper values are not written either.
pub const MAX_DEPTH: u32 = 100;

/// A value that writes itself as its own schema says. Implemented by generated code, and for what lists hold.
pub trait Encode {
    /// Appends the value's bytes.
    ///
    /// # Errors
    /// A value that the schema cannot hold; what was appended before stays.
    fn encode(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError>;
}

macro_rules! primitives {
    ($($type:ty, $write:ident($($star:tt)?);)*) => {$(
        impl Encode for $type {
            #[inline]
            fn encode(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
                writer.$write($($star)? self);
                Ok(())
            }
        }
    )*};
}

primitives! {
    bool, boolean(*);
    i32, int(*);
    i64, long(*);
    f32, float(*);
    f64, double(*);
    String, string();
}

/// Writes an item of a list or a value of a map.
///
/// # Errors
/// What writing it returns.
#[inline]
pub fn encode_item<T: Encode>(writer: &mut Writer<'_>, item: &T) -> Result<(), EncodeError> {
    item.encode(writer)
}

/// A value that reads what its own schema writes. Implemented by generated code only.
pub trait Decode<'a>: Sized {
    /// Reads one value, which may borrow from the bytes.
    ///
    /// # Errors
    /// Bytes that are not what the schema writes.
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError>;
}

/// Appends a value to `out`, or leaves `out` as it was. It is not generic, so that rustc compiles it once.
///
/// # Errors
/// A value that the schema cannot hold.
pub fn encode_into(value: &dyn Encode, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    encode_with(out, |writer| value.encode(writer))
}

/// Appends what `write` writes to `out`, or leaves `out` as it was.
///
/// # Errors
/// What `write` returns.
#[inline]
pub fn encode_with(
    out: &mut Vec<u8>,
    write: impl FnOnce(&mut Writer<'_>) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    let start = out.len();
    let written = write(&mut Writer::new(out));
    if written.is_err() {
        out.truncate(start);
    }
    written
}
