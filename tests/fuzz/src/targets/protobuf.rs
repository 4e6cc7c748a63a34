//! Protobuf bytes: generated messages, and messages by descriptor.

use eventwright_codegen_tests::{Row, protobuf_rows};
use eventwright_schema::proto;

use crate::edit::{Edited, from_input};
use crate::engine::Check;
use crate::limits::{BYTES, VALUES};
use crate::samples;

/// Returns each version of an event with samples of all versions: of the others it may know less than there is.
fn events() -> Vec<(Row, Vec<Vec<u8>>)> {
    let encode = |row: &Row| {
        let encode = |value: serde_json::Value| (row.encode_json)(&value.to_string()).expect("samples are valid");
        samples::proto_values(row).into_iter().map(encode).collect::<Vec<_>>()
    };
    let rows = protobuf_rows();
    let versions =
        |row: &Row| rows.iter().filter(|other| other.schema.event == row.schema.event).flat_map(encode).collect();
    rows.iter().map(|row| (*row, versions(row))).collect()
}

/// Generated messages.
pub(super) fn generated() -> Check {
    let events = events();
    Box::new(move |input| {
        let edited: Edited = from_input(input);
        let (row, samples) = edited.pick(&events);
        let bytes = edited.apply(samples, &[]);
        let attempt = BYTES.check(bytes.len(), || (row.attempt)(row.own(), &bytes));
        if attempt.is_ok() {
            let decoded = (row.decode)(row.own(), &bytes).expect("it was decoded before");
            let bytes = decoded.bytes.clone().expect("a message can be encoded");
            assert_eq!((row.decode)(row.own(), &bytes), Ok(decoded));
        }
        attempt.is_ok()
    })
}

/// Messages by descriptor, through JSON and back.
pub(super) fn dynamic() -> Check {
    let message = |row: &Row| samples::proto_schema(row).message_at(row.schema.message_indexes);
    let events: Vec<_> = events().into_iter().map(|(row, samples)| (message(&row), samples)).collect();
    Box::new(move |input| {
        let edited: Edited = from_input(input);
        let (message, samples) = edited.pick(&events);
        let message = message.as_ref().expect("an event is a message");
        let bytes = edited.apply(samples, &[]);
        let decoded = VALUES.check(bytes.len(), || proto::dynamic::decode_json(message, &bytes));
        let Ok(value) = decoded else { return false };
        let mut encoded = Vec::new();
        proto::dynamic::encode_json(message, &value, &mut encoded).expect("what was decoded can be encoded");
        let again = proto::dynamic::decode_json(message, &encoded).expect("what was encoded can be decoded");
        assert_eq!(again, value);
        true
    })
}
