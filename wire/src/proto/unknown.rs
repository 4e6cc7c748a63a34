//! Fields of a message that its schema does not have: kept as they are, and written behind the known ones (Protobuf,
//! "Updating A Message Type", unknown fields).
//!
//! In: what prost would skip. Out: the same bytes. prost's own `skip_field` reads them, so that its limits and errors hold.

use std::fmt;

use prost::DecodeError;
use prost::bytes::{Buf, BufMut};
use prost::encoding::{DecodeContext, WireType, decode_key, encode_key, skip_field};

/// Unknown fields in the order in which they were read: one at least.
///
/// Two of them are equal where their bytes are, in one order. `Debug` has only the numbers, as nobody knows what is
/// personal in the rest.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct UnknownFields(Vec<u8>);

impl UnknownFields {
    /// Returns the fields as the bytes of a message that has no others: a newer version of it decodes them.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the number of each field, in the order of the fields.
    pub fn numbers(&self) -> impl Iterator<Item = u32> + '_ {
        let mut bytes = self.0.as_slice();
        std::iter::from_fn(move || {
            let (number, wire_type) = decode_key(&mut bytes).ok()?;
            skip_field(wire_type, number, &mut bytes, DecodeContext::default()).ok()?;
            Some(number)
        })
    }

    /// Reads one field whose key was read before, and adds it. Named by generated code, as prost's oneofs are.
    ///
    /// # Errors
    /// What prost says when it skips the field; nothing is added then.
    #[doc(hidden)]
    pub fn merge(
        fields: &mut Option<Self>,
        number: u32,
        wire_type: WireType,
        buf: &mut impl Buf,
        context: DecodeContext,
    ) -> Result<(), DecodeError> {
        let mut bytes = fields.take().map_or_else(Vec::new, |fields| fields.0);
        let known = bytes.len();
        encode_key(number, wire_type, &mut bytes);
        let skipped = skip_field(wire_type, number, &mut Copying { from: buf, to: &mut bytes }, context);
        if skipped.is_err() {
            bytes.truncate(known);
        }
        *fields = (!bytes.is_empty()).then_some(Self(bytes));
        skipped
    }

    /// Appends the fields.
    #[doc(hidden)]
    pub fn encode(&self, buf: &mut impl BufMut) {
        buf.put_slice(&self.0);
    }

    /// Returns how many bytes [`Self::encode`] appends.
    #[doc(hidden)]
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Debug for UnknownFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UnknownFields")?;
        f.debug_list().entries(self.numbers()).finish()
    }
}

/// A buffer that copies what is taken from it.
struct Copying<'a, B> {
    from: &'a mut B,
    to: &'a mut Vec<u8>,
}

impl<B: Buf> Buf for Copying<'_, B> {
    fn remaining(&self) -> usize {
        self.from.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.from.chunk()
    }

    fn advance(&mut self, count: usize) {
        self.to.put((&mut *self.from).take(count));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads all fields of the bytes.
    fn read(mut bytes: impl Buf) -> Result<Option<UnknownFields>, DecodeError> {
        let mut fields = None;
        while bytes.has_remaining() {
            let (number, wire_type) = decode_key(&mut bytes)?;
            UnknownFields::merge(&mut fields, number, wire_type, &mut bytes, DecodeContext::default())?;
        }
        Ok(fields)
    }

    /// A varint that is longer than need be, 64 bits, two bytes of text, a group with a field in a group, 32 bits.
    const ALL: &[u8] =
        b"\x08\x81\x00\x11\x01\x02\x03\x04\x05\x06\x07\x08\x1a\x02ab\x23\x2b\x08\x01\x2c\x24\x35\x01\x02\x03\x04";

    #[test]
    fn fields_of_every_wire_type_stay_as_they_are() {
        let fields = read(ALL).unwrap().unwrap();
        assert_eq!(fields.as_bytes(), ALL);
        assert_eq!(fields.encoded_len(), ALL.len());
        assert_eq!(format!("{fields:?}"), "UnknownFields[1, 2, 3, 4, 6]");
        let mut written = Vec::new();
        fields.encode(&mut written);
        assert_eq!(written, ALL);
        // A buffer in two pieces, cut anywhere.
        for cut in 0..ALL.len() {
            assert_eq!(read(ALL[..cut].chain(&ALL[cut..])).unwrap().as_ref(), Some(&fields), "{cut}");
        }
    }

    #[test]
    fn what_prost_cannot_skip_is_not_added() {
        let groups = [b"\x0b".repeat(101), b"\x0c".repeat(101)].concat();
        let cases: [&[u8]; 6] = [b"\x08\x80", b"\x11\x01", b"\x1a\x05ab", b"\x23\x2c", b"\x24", &groups];
        for bytes in cases {
            let mut fields = read(&b"\x08\x01"[..]).unwrap();
            let mut rest = bytes;
            let (number, wire_type) = decode_key(&mut rest).unwrap();
            let mut skipped = rest;
            let error = UnknownFields::merge(&mut fields, number, wire_type, &mut rest, DecodeContext::default());
            let expected = skip_field(wire_type, number, &mut skipped, DecodeContext::default());
            assert!(expected.is_err(), "{bytes:02x?}");
            assert_eq!((error, rest), (expected, skipped), "{bytes:02x?}");
            assert_eq!(fields, read(&b"\x08\x01"[..]).unwrap());
        }
    }
}
