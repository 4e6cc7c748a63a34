//! Frames: the header, message indexes, and keys with a schema.

use eventwright_codegen_tests::{Row, avro_rows};
use eventwright_wire::framing::{self, SchemaId};

use crate::edit::{Edited, from_input};
use crate::engine::Check;
use crate::limits::BYTES;
use crate::samples;

/// Any bytes as a frame, with message indexes and without.
pub(super) fn any() -> Check {
    let framed = |indexes: &[u32]| {
        let mut out = Vec::new();
        framing::write_header(SchemaId(7), &mut out);
        framing::write_message_indexes(indexes, &mut out);
        out
    };
    let samples = [framed(&[0]), framed(&[1]), framed(&[1, 0, 3]), framed(&[7; 40])];
    Box::new(move |input| {
        let bytes = from_input::<Edited>(input).apply(&samples, &[]);
        let Ok((id, rest)) = BYTES.check(0, || framing::split_header(&bytes)) else { return false };
        let Ok((indexes, payload)) = BYTES.check(rest.len(), || framing::split_message_indexes(rest)) else {
            return false;
        };
        let mut again = Vec::new();
        framing::write_header(id, &mut again);
        framing::write_message_indexes(&indexes, &mut again);
        again.extend_from_slice(payload);
        let (same_id, rest) = framing::split_header(&again).expect("what was written can be split");
        assert_eq!((same_id, framing::split_message_indexes(rest)), (id, Ok((indexes, payload))));
        true
    })
}

/// A framed key as `Context::key_as` reads it, once the registry has said what the id is.
pub(super) fn key() -> Check {
    let is_key = |row: &Row| row.schema.subject.ends_with("-key");
    let framed = |payload: Vec<u8>| {
        let mut out = Vec::new();
        framing::write_header(SchemaId(7), &mut out);
        out.extend(payload);
        out
    };
    let samples = |row: Row| {
        let samples: Vec<_> = samples::avro_bytes(&samples::avro_schema(&row)).into_iter().map(framed).collect();
        (row, samples)
    };
    let keys: Vec<_> = avro_rows().into_iter().filter(is_key).map(samples).collect();
    Box::new(move |input| {
        let edited: Edited = from_input(input);
        let (row, samples) = edited.pick(&keys);
        let bytes = edited.apply(samples, &[]);
        let Ok((_, payload)) = framing::split_header(&bytes) else { return false };
        let attempt = BYTES.check(payload.len(), || (row.attempt)(row.own(), payload));
        if attempt.is_ok() {
            let decoded = (row.decode)(row.own(), payload).expect("it was decoded before");
            let bytes = decoded.bytes.clone().expect("a key has no decimal");
            assert_eq!((row.decode)(row.own(), &bytes), Ok(decoded));
        }
        attempt.is_ok()
    })
}
