//! Unknown writers that are like known ones: whichever generated code decodes them, and from whichever bytes, the event
//! is the one that the reader's own code makes of transcoded bytes.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use eventwright_codegen_tests::random::{self, Maps};
use eventwright_codegen_tests::siblings::{known_plans, siblings};
use eventwright_codegen_tests::{avro_pairs, references};
use eventwright_schema::avro::{Schema, dynamic, resolve};
use eventwright_wire::avro::{Scratch, Transcoder};
use eventwright_wire::{DecodeError, DecodeErrorKind};
use serde_json::Value;

const CASES: u32 = 12;

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
        for from in siblings(&writer) {
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
