//! Unknown writers that are like known ones: whichever generated code decodes them, and from whichever bytes, the event
//! is the one that the reader's own code makes of transcoded bytes.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use eventwright_codegen_tests::allocation::{Counting, allocated};
use eventwright_codegen_tests::random::{self, Maps};
use eventwright_codegen_tests::{Row, avro_pairs, avro_rows, references};
use eventwright_schema::avro::{Schema, dynamic, parse, resolve};
use eventwright_wire::avro::{Plan, Scratch, Transcoder};
use eventwright_wire::{DecodeError, DecodeErrorKind};
use serde_json::{Value, json};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const CASES: u32 = 12;

/// What somebody else may have made of a known writer's fields.
const EDITS: [fn(&mut Vec<Value>); 9] = [
    |fields| fields.push(new_field()),
    |fields| fields.insert(0, new_field()),
    |fields| fields.insert(fields.len() / 2, new_field()),
    |fields| drop(fields.pop()),
    |fields| drop(fields.remove(0)),
    |fields| fields.reverse(),
    |fields| fields.rotate_left(1),
    |fields| {
        fields.pop();
        fields.push(new_field());
    },
    |_| {},
];

fn new_field() -> Value {
    json!({"name": "nobody_knows_it", "type": {"type": "array", "items": ["null", "string", "int"]}})
}

/// Returns the writer's schema after each edit that leaves it one: a type may have stood in a field that is gone.
fn edited(writer: &Row) -> Vec<Schema> {
    let known: Value = serde_json::from_str(&references::self_contained(writer.schema)).unwrap();
    let edited = EDITS.iter().filter_map(|edit| {
        let mut schema = known.clone();
        edit(schema["fields"].as_array_mut().unwrap());
        parse("edited", &schema.to_string()).ok()
    });
    edited.collect()
}

/// Returns the plans that the reader's code was generated from.
fn known_plans(reader: &Row) -> Vec<(usize, Plan)> {
    let to = references::avro_schema(reader.schema);
    let plan = |schema| resolve(&references::avro_schema(schema), &to).unwrap();
    reader.writers.iter().map(|schema| plan(schema)).enumerate().collect()
}

fn encode(schema: &Schema, value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    dynamic::encode_json(schema, value, &mut bytes).unwrap();
    bytes
}

/// What kind of error it is, without what it says.
fn kind<T>(result: Result<T, DecodeError>) -> Result<T, std::mem::Discriminant<DecodeErrorKind>> {
    result.map_err(|error| std::mem::discriminant(error.kind()))
}

#[test]
fn an_event_is_the_same_whichever_code_decodes_it() {
    let mut compared = 0;
    for (writer, reader) in avro_pairs() {
        let (to, known) = (references::avro_schema(reader.schema), known_plans(&reader));
        for from in edited(&writer) {
            let Ok(plan) = resolve(&from, &to) else { continue };
            let (own, beside) = (Transcoder::new(&plan), Transcoder::beside(&plan, &known));
            random::check(&random::values(&from, Maps::Several), CASES, |value| {
                let bytes = encode(&from, value);
                let mut scratch = Scratch::default();
                let transcoded = own.transcode(&bytes, &mut scratch);
                let expected = kind(transcoded.and_then(|bytes| (reader.decode)(reader.own(), bytes)));
                for transcoder in [&own, &beside] {
                    assert_eq!(kind((reader.decode_with)(transcoder, &bytes)), expected, "{value}");
                }
                for length in 0..bytes.len() {
                    let cut = bytes.get(..length).unwrap();
                    assert!((reader.decode_with)(&beside, cut).is_err(), "{length} of {bytes:?}");
                }
                assert!((reader.decode_with)(&beside, &[&bytes[..], &[0]].concat()).is_err(), "{value}");
            });
            compared += 1;
        }
    }
    assert!(compared > 300, "{compared}");
}
