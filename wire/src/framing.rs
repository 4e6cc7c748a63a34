//! The Confluent wire format: magic byte 0, the schema ID in 4 big-endian bytes, for Protobuf the message indexes, then
//! the payload.
//!
//! In: a record's value. Out: the ID and the payload, or the reason why the value is not framed so.

use crate::avro::{Reader, Writer};
use crate::{DecodeError, DecodeErrorKind};

/// The first byte of a framed value.
pub const MAGIC: u8 = 0;

/// How many bytes stand before the message indexes or the payload.
pub const HEADER_LEN: usize = 5;

/// The number under which a registry keeps a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SchemaId(pub u32);

impl std::fmt::Display for SchemaId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Appends the magic byte and the ID.
pub fn write_header(id: SchemaId, out: &mut Vec<u8>) {
    out.push(MAGIC);
    out.extend_from_slice(&id.0.to_be_bytes());
}

/// Appends the message indexes; `[0]`, by far the most frequent, as the single byte 0.
pub fn write_message_indexes(indexes: &[u32], out: &mut Vec<u8>) {
    let mut writer = Writer::new(out);
    if indexes == [0] {
        return writer.long(0);
    }
    writer.length(indexes.len());
    for &index in indexes {
        writer.long(i64::from(index));
    }
}

/// Splits a value into its schema ID and what follows it.
///
/// # Errors
/// A value of fewer than five bytes or with another magic byte.
pub fn split_header(value: &[u8]) -> Result<(SchemaId, &[u8]), DecodeError> {
    match value.split_first_chunk::<HEADER_LEN>() {
        Some(([MAGIC, a, b, c, d], rest)) => Ok((SchemaId(u32::from_be_bytes([*a, *b, *c, *d])), rest)),
        Some(([magic, ..], _)) => {
            Err(frame_error(format!("expected the magic byte 0 of the Confluent wire format, found {magic}")))
        }
        None => Err(frame_error(format!(
            "expected at least {HEADER_LEN} bytes, magic byte and schema ID, found {}",
            value.len()
        ))),
    }
}

/// Splits what follows the ID of a Protobuf value into message indexes and payload.
///
/// # Errors
/// A count that the bytes cannot hold, or an index that is negative.
pub fn split_message_indexes(bytes: &[u8]) -> Result<(Vec<u32>, &[u8]), DecodeError> {
    let mut reader = Reader::new(bytes);
    let count = reader.long()?;
    if count == 0 {
        return Ok((vec![0], reader.rest()));
    }
    // Each index takes a byte at least, so a count above what is left is a lie.
    let count = usize::try_from(count).ok().filter(|&count| count <= reader.rest().len());
    let count = count.ok_or_else(|| frame_error("the count of message indexes is more than the bytes hold".into()))?;
    let mut indexes = Vec::with_capacity(count);
    for _ in 0..count {
        let index = reader.long()?;
        indexes.push(u32::try_from(index).map_err(|_| frame_error(format!("the message index {index} cannot be")))?);
    }
    Ok((indexes, reader.rest()))
}

#[cold]
fn frame_error(what: String) -> DecodeError {
    DecodeError::new(DecodeErrorKind::Frame(what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_split_from_the_payload() {
        let mut value = Vec::new();
        write_header(SchemaId(258), &mut value);
        assert_eq!(value, [0, 0, 0, 1, 2]);
        value.push(7);
        assert_eq!(split_header(&value), Ok((SchemaId(258), &[7][..])));
    }

    #[test]
    fn short_values_and_other_magic_bytes_are_refused_with_the_reason() {
        let check = |value: &[u8], expected: &str| assert_eq!(split_header(value).unwrap_err().to_string(), expected);
        check(&[], "expected at least 5 bytes, magic byte and schema ID, found 0");
        check(&[0, 0, 0, 1], "expected at least 5 bytes, magic byte and schema ID, found 4");
        check(b"{\"a\":1}", "expected the magic byte 0 of the Confluent wire format, found 123");
    }

    #[test]
    fn message_indexes_are_written_as_confluent_writes_them() {
        let check = |indexes: &[u32], expected: &[u8]| {
            let mut out = Vec::new();
            write_message_indexes(indexes, &mut out);
            assert_eq!(out, expected);
            out.push(99);
            assert_eq!(split_message_indexes(&out), Ok((indexes.to_vec(), &[99][..])));
        };
        check(&[0], &[0]);
        check(&[1], &[2, 2]);
        check(&[1, 0, 3], &[6, 2, 0, 6]);
    }

    #[test]
    fn hostile_message_indexes_allocate_nothing() {
        assert!(split_message_indexes(&[0xff, 0xff, 0xff, 0xff, 0x0f]).is_err());
        assert!(split_message_indexes(&[1]).is_err());
        assert!(split_message_indexes(&[2, 1]).is_err());
        assert!(split_message_indexes(&[]).is_err());
    }
}
