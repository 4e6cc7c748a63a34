//! The JSON form: generated types, and the dynamic encoder.

use eventwright_codegen_tests::{Row, avro_rows, protobuf_rows};
use eventwright_schema::avro::{Schema, dynamic};
use serde_json::Value;

use crate::edit::{Edited, from_input};
use crate::engine::Check;
use crate::limits::VALUES;
use crate::samples;

const WORDS: &[&str] = &[
    "null",
    "true",
    "{}",
    "[]",
    "\"\"",
    "-1",
    "1e400",
    "1e-400",
    "0.1",
    "9223372036854775808",
    "18446744073709551616",
    "\"NaN\"",
    "\"2026-02-30T00:00:00Z\"",
    "\"+999999-01-01T00:00:00Z\"",
    "\"P1M2DT3.004S\"",
    "\"99999999999999999999999999999.9\"",
    "\"1e999999999\"",
    "\"AP8=\"",
    "\"AP8\"",
    "\"24:00:00\"",
    "{\"string\":",
    "{\"null\":null}",
    "\\ud800",
    "\\u0000",
    "\"-\"",
    ",",
    ":",
    "{",
    "}",
    "[",
    "]",
    "é",
];

struct Event {
    row: Row,
    /// Avro only.
    schema: Option<Schema>,
    samples: Vec<String>,
}

fn events() -> Vec<Event> {
    let avro = avro_rows().into_iter().map(|row| {
        let schema = samples::avro_schema(&row);
        let samples = samples::avro_values(&schema).iter().map(Value::to_string).collect();
        Event { row, schema: Some(schema), samples }
    });
    let protobuf = protobuf_rows().into_iter().map(|row| {
        let samples = samples::proto_values(&row).iter().map(Value::to_string).collect();
        Event { row, schema: None, samples }
    });
    avro.chain(protobuf).collect()
}

/// Text as an event; what is read is written so that it can be decoded.
pub(super) fn form() -> Check {
    let events = events();
    Box::new(move |input| {
        let edited: Edited = from_input(input);
        let Event { row, schema, samples } = edited.pick(&events);
        let text = edited.apply_to_text(samples, WORDS);
        let encoded = VALUES.check(text.len(), || (row.encode_json)(&text));
        let is_valid = encoded.is_ok();
        if let Ok(bytes) = &encoded {
            let decoded = (row.decode)(row.own(), bytes).expect("what was encoded can be decoded");
            assert_eq!(decoded.bytes.as_ref(), Some(bytes));
        }
        let (Some(schema), Ok(value)) = (schema, serde_json::from_str::<Value>(&text)) else { return is_valid };
        let mut dynamic = Vec::new();
        let written = VALUES.check(text.len(), || dynamic::encode_json(schema, &value, &mut dynamic));
        // Once more without keys that are there twice, which generated code refuses.
        let encoded = (row.encode_json)(&value.to_string());
        match (encoded, written) {
            (Ok(one), Ok(())) => assert_eq!(one, dynamic, "{text}"),
            (Err(_), Err(_)) => assert!(dynamic.is_empty()),
            (one, other) => panic!("generated code: {one:?}; the dynamic encoder: {other:?}; {text}"),
        }
        is_valid
    })
}
