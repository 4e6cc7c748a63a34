//! Writes the binary encoding to a vector (Avro 1.12, "Binary Encoding").
//!
//! In: values. Out: their bytes at the end of the caller's vector, which is not reallocated while it has room.

use std::collections::BTreeMap;

use super::MAX_DEPTH;
use super::raw::Output;
use crate::EncodeError;

/// As many digits as a decimal has that any reader takes.
const MOST_DIGITS: u32 = 9864;

/// Appends values to a vector; its length is right again when the writer is dropped.
#[derive(Debug)]
pub struct Writer<'a> {
    out: Output<'a>,
    depth: u32,
    /// Whether decimals may have more digits than their schema says.
    any_digits: bool,
}

impl<'a> Writer<'a> {
    /// Returns a writer that appends to `out`.
    #[inline]
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out: Output::new(out), depth: 0, any_digits: false }
    }

    /// Returns a writer for the JSON form: what was read can be shown, although nobody else would get it written.
    pub(crate) fn of_json(out: &'a mut Vec<u8>) -> Self {
        Self { any_digits: true, ..Self::new(out) }
    }

    /// Returns how many digits a decimal may have.
    pub(super) fn precision(&self, of_schema: u32) -> u32 {
        if self.any_digits { MOST_DIGITS } else { of_schema }
    }

    /// Writes a boolean.
    #[inline]
    pub fn boolean(&mut self, value: bool) {
        self.fixed(&[u8::from(value)]);
    }

    /// Writes an int.
    #[inline]
    pub fn int(&mut self, value: i32) {
        self.long(i64::from(value));
    }

    /// Writes a long.
    #[inline]
    pub fn long(&mut self, value: i64) {
        self.out.varint((value << 1 ^ value >> 63).cast_unsigned());
    }

    /// Writes a float.
    #[inline]
    pub fn float(&mut self, value: f32) {
        self.fixed(&value.to_le_bytes());
    }

    /// Writes a double.
    #[inline]
    pub fn double(&mut self, value: f64) {
        self.fixed(&value.to_le_bytes());
    }

    /// Writes a length and the bytes.
    #[inline]
    pub fn bytes(&mut self, value: &[u8]) {
        self.out.put_with_length(value);
    }

    /// Writes a length and the text.
    #[inline]
    pub fn string(&mut self, value: &str) {
        self.bytes(value.as_bytes());
    }

    /// Writes bytes without length: a fixed.
    #[inline]
    pub fn fixed(&mut self, value: &[u8]) {
        self.out.put(value);
    }

    /// Writes the index of an enum's symbol or a union's branch.
    #[inline]
    pub fn index(&mut self, index: u32) {
        self.long(i64::from(index));
    }

    /// Writes a length or a count: a long that is never negative.
    #[inline]
    pub fn length(&mut self, length: usize) {
        // No vector is longer than isize::MAX bytes, so the shift loses nothing.
        self.out.varint((length as u64) << 1);
    }

    /// Writes an array as one block.
    ///
    /// # Errors
    /// What `item` returns, with the item's index in the path.
    #[inline]
    pub fn items<T>(
        &mut self,
        items: &[T],
        mut item: impl FnMut(&mut Self, &T) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        if !items.is_empty() {
            self.length(items.len());
            for (index, value) in items.iter().enumerate() {
                item(self, value).map_err(|error| error.in_item(index))?;
            }
        }
        self.length(0);
        Ok(())
    }

    /// Writes a map as one block, in the order of its keys.
    ///
    /// # Errors
    /// What `value` returns, with the key in the path.
    #[inline]
    pub fn entries<T>(
        &mut self,
        entries: &BTreeMap<String, T>,
        mut value: impl FnMut(&mut Self, &T) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        if !entries.is_empty() {
            self.length(entries.len());
            for (key, entry) in entries {
                self.string(key);
                value(self, entry).map_err(|error| error.in_key(key))?;
            }
        }
        self.length(0);
        Ok(())
    }

    /// Goes one record deeper. Generated code calls it for recursive types only.
    ///
    /// # Errors
    /// More records inside each other than [`MAX_DEPTH`], which no reader would take.
    #[inline]
    pub fn nested(&mut self, write: impl FnOnce(&mut Self) -> Result<(), EncodeError>) -> Result<(), EncodeError> {
        if self.depth == MAX_DEPTH {
            return Err(too_deep());
        }
        self.depth += 1;
        write(self)?;
        self.depth -= 1;
        Ok(())
    }
}

/// Returns the error of records that nest deeper than [`MAX_DEPTH`].
#[cold]
#[must_use]
pub fn too_deep() -> EncodeError {
    EncodeError::new(format!("records are nested deeper than the limit of {MAX_DEPTH}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::avro::Reader;

    #[test]
    fn what_is_written_is_read_again() {
        for value in [0, -1, 1, 63, -64, 64, 8191, 8192, i64::MAX, i64::MIN, 1_700_000_000_000] {
            let mut out = Vec::new();
            Writer::new(&mut out).long(value);
            let mut reader = Reader::new(&out);
            assert_eq!(reader.long(), Ok(value));
            assert_eq!(reader.rest(), []);
        }
    }

    #[test]
    fn lists_and_maps_are_one_block_each() {
        let mut out = Vec::new();
        let mut writer = Writer::new(&mut out);
        let long = |writer: &mut Writer<'_>, value: &i64| {
            writer.long(*value);
            Ok(())
        };
        writer.items(&[1, 2], long).unwrap();
        writer.items(&[], long).unwrap();
        writer.entries(&BTreeMap::from([("b".into(), 1), ("a".into(), 2)]), long).unwrap();
        drop(writer);
        assert_eq!(out, [4, 2, 4, 0, 0, 4, 2, b'a', 4, 2, b'b', 2, 0]);
    }
}
