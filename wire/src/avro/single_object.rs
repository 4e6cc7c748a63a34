//! Single-object encoding (Avro 1.12, "Single object encoding"): the marker C3 01, the CRC-64-AVRO of the schema's parsing
//! canonical form, little-endian, and the event's bytes.
//!
//! In: an event, or bytes with the fingerprint of one of its known writers. Out: the bytes, or the event.

use super::{AvroEvent, decode_whole};
use crate::{DecodeError, DecodeErrorKind, EncodeError, Event, EventSchema};

const MARKER: [u8; 2] = [0xc3, 0x01];

/// Appends the event with marker and fingerprint, or leaves `out` as it was.
///
/// # Errors
/// A value that the schema cannot hold.
pub fn encode<E: Event + for<'a> AvroEvent<'a>>(event: &E, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let start = out.len();
    out.extend_from_slice(&MARKER);
    out.extend_from_slice(&E::SCHEMA.canonical_fingerprint.to_le_bytes());
    event.encode(out).inspect_err(|_| out.truncate(start))
}

/// Decodes an event that one of its known writers wrote, found by the fingerprint.
///
/// The canonical form has no logical types: of two writers that differ in those only, nobody can tell which one wrote the
/// bytes. An event with such writers does not compile here; the Confluent frame, whose id names one schema, tells them
/// apart.
///
/// # Errors
/// Bytes without the marker, a fingerprint that no writer of the event has, or bytes that are not what that writer writes.
pub fn decode<'a, E: AvroEvent<'a>>(bytes: &'a [u8]) -> Result<E, DecodeError> {
    const {
        assert!(
            are_distinct(<E::Owned as Event>::WRITERS),
            "two versions of the event differ in logical types only, which single-object encoding cannot tell apart"
        );
    }
    let (fingerprint, body) = split(bytes)?;
    let writers = <E::Owned as Event>::WRITERS;
    match writers.iter().position(|writer| writer.canonical_fingerprint == fingerprint) {
        Some(writer) => decode_whole(writer, body),
        None => Err(unknown_fingerprint(fingerprint, <E::Owned as Event>::SCHEMA)),
    }
}

/// Returns the fingerprint of the writer's schema and the event's bytes.
///
/// # Errors
/// Bytes that do not begin with the marker and a fingerprint.
pub fn split(bytes: &[u8]) -> Result<(u64, &[u8]), DecodeError> {
    let no_marker = || {
        DecodeError::new(DecodeErrorKind::Frame("expected the marker C3 01 and a fingerprint of 8 bytes".to_owned()))
    };
    let (fingerprint, body) = bytes.strip_prefix(&MARKER).and_then(<[u8]>::split_first_chunk).ok_or_else(no_marker)?;
    Ok((u64::from_le_bytes(*fingerprint), body))
}

/// Whether no two schemas have one fingerprint.
const fn are_distinct(mut schemas: &[&EventSchema]) -> bool {
    while let [first, rest @ ..] = schemas {
        let mut others = rest;
        while let [other, more @ ..] = others {
            if other.canonical_fingerprint == first.canonical_fingerprint {
                return false;
            }
            others = more;
        }
        schemas = rest;
    }
    true
}

#[cold]
fn unknown_fingerprint(fingerprint: u64, schema: &EventSchema) -> DecodeError {
    DecodeError::new(DecodeErrorKind::Frame(format!(
        "no version of `{}` that v{} reads has the fingerprint {fingerprint:016x}",
        schema.event, schema.version
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Format;

    const fn schema(canonical_fingerprint: u64) -> EventSchema {
        EventSchema {
            event: "Sent",
            version: 1,
            format: Format::Avro,
            full_name: "a.Sent",
            prefix: "",
            topic: "sent",
            subject: "sent-value",
            text: "",
            references: &[],
            fingerprint: 0,
            sha256: [0; 32],
            canonical_fingerprint,
            message_indexes: &[],
        }
    }

    #[test]
    fn schemas_that_share_a_fingerprint_are_found_wherever_they_stand() {
        let [a, b, c] = [schema(1), schema(2), schema(3)];
        assert!(are_distinct(&[]));
        assert!(are_distinct(&[&a]));
        assert!(are_distinct(&[&a, &b, &c]));
        assert!(!are_distinct(&[&a, &a]));
        assert!(!are_distinct(&[&a, &b, &a]));
        assert!(!are_distinct(&[&c, &a, &b, &b]));
    }

    #[test]
    fn what_does_not_begin_with_marker_and_fingerprint_is_refused() {
        let bytes = [0xc3, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9];
        assert_eq!(split(&bytes), Ok((0x0807_0605_0403_0201, [9].as_slice())));
        for wrong in [&bytes[..0], &bytes[..1], &bytes[..9], &bytes[1..], &[0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9]] {
            assert!(split(wrong).is_err(), "{wrong:?}");
        }
    }
}
