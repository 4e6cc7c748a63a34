//! Avro bytes: generated decoders, plans, the dynamic decoder.

use eventwright_codegen_tests::siblings::{known_plans, siblings};
use eventwright_codegen_tests::{Decoded, Row, avro_pairs, avro_rows};
use eventwright_schema::avro::{Schema, dynamic, resolve};
use eventwright_wire::DecodeError;
use eventwright_wire::avro::{Scratch, Transcoder};

use crate::edit::{Edited, from_input};
use crate::engine::Check;
use crate::limits::{BYTES, VALUES};
use crate::samples;

/// What a writer wrote for a reader.
struct Pair {
    reader: Row,
    /// The writer's index, where generated code knows it.
    writer: Option<usize>,
    transcoder: Transcoder,
    /// The same, where generated code for another writer may be used.
    beside: Transcoder,
    to: Schema,
    samples: Vec<Vec<u8>>,
}

fn pair(from: &Schema, writer: Option<usize>, reader: Row) -> Option<Pair> {
    let to = samples::avro_schema(&reader);
    let plan = resolve(from, &to).ok()?;
    let (transcoder, beside) = (Transcoder::new(&plan), Transcoder::beside(&plan, &known_plans(&reader)));
    Some(Pair { reader, writer, transcoder, beside, to, samples: samples::avro_bytes(from) })
}

/// Pairs of versions.
fn pairs() -> Vec<Pair> {
    let pairs = avro_pairs().into_iter();
    pairs
        .filter_map(|(writer, reader)| pair(&samples::avro_schema(&writer), reader.writer(writer.schema), reader))
        .collect()
}

/// Pairs of a writer that is like a version, and the version.
fn sibling_pairs() -> Vec<Pair> {
    let pairs = avro_rows().into_iter().flat_map(|row| siblings(&row).into_iter().map(move |from| (from, row)));
    pairs.filter_map(|(from, reader)| pair(&from, None, reader)).collect()
}

/// Generated code that knows the writer; the plan of the same pair agrees.
pub(super) fn known_writer() -> Check {
    let pairs: Vec<_> = pairs().into_iter().filter_map(|pair| Some((pair.writer?, pair))).collect();
    Box::new(move |input| {
        let edited: Edited = from_input(input);
        let (writer, pair) = edited.pick(&pairs);
        let bytes = edited.apply(&pair.samples, &[]);
        let attempt = BYTES.check(bytes.len(), || (pair.reader.attempt)(*writer, &bytes));
        let generated = (pair.reader.decode)(*writer, &bytes);
        assert_eq!(attempt.is_ok(), generated.is_ok());
        let planned = (pair.reader.decode_with)(&pair.transcoder, &bytes);
        assert_agree(&generated, &planned, &bytes);
        generated.iter().for_each(|decoded| assert_stable(&pair.reader, decoded));
        generated.is_ok()
    })
}

/// Plans for writers that generated code may not know.
pub(super) fn plan() -> Check {
    let pairs: Vec<_> = pairs().into_iter().chain(sibling_pairs()).collect();
    Box::new(move |input| {
        let edited: Edited = from_input(input);
        let pair = edited.pick(&pairs);
        let bytes = edited.apply(&pair.samples, &[]);
        let attempt = BYTES.check(bytes.len(), || (pair.reader.attempt_with)(&pair.transcoder, &bytes));
        let mut scratch = Scratch::default();
        let transcoded = pair.transcoder.transcode(&bytes, &mut scratch);
        // Without generated code it is the same: the transcoder has looked at what only the plan can see.
        let dynamic = transcoded.and_then(|bytes| dynamic::decode_json(&pair.to, bytes));
        assert_eq!(dynamic.is_ok(), attempt.is_ok(), "{dynamic:?} {attempt:?} {bytes:?}");
        let beside = BYTES.check(bytes.len(), || (pair.reader.attempt_with)(&pair.beside, &bytes));
        assert_eq!(beside.is_ok(), attempt.is_ok(), "{beside:?} {attempt:?} {bytes:?}");
        if attempt.is_ok() {
            let decoded = (pair.reader.decode_with)(&pair.transcoder, &bytes).expect("it was decoded before");
            assert_eq!((pair.reader.decode_with)(&pair.beside, &bytes).as_ref(), Ok(&decoded));
            assert_stable(&pair.reader, &decoded);
        }
        attempt.is_ok()
    })
}

/// The dynamic decoder agrees with generated code.
pub(super) fn dynamic() -> Check {
    let event = |row: Row| {
        let schema = samples::avro_schema(&row);
        let samples = samples::avro_bytes(&schema);
        (row, schema, samples)
    };
    let events: Vec<(Row, Schema, Vec<Vec<u8>>)> = avro_rows().into_iter().map(event).collect();
    Box::new(move |input| {
        let edited: Edited = from_input(input);
        let (row, schema, samples) = edited.pick(&events);
        let bytes = edited.apply(samples, &[]);
        let decoded = VALUES.check(bytes.len() + schema.text().len(), || dynamic::decode_json(schema, &bytes));
        let generated = (row.decode)(row.own(), &bytes);
        assert_eq!(decoded.is_ok(), generated.is_ok(), "{decoded:?} {generated:?}");
        let (Ok(value), Ok(generated)) = (decoded, generated) else { return false };
        let mut encoded = Vec::new();
        // JSON has no number for what is not finite.
        if dynamic::encode_json(schema, &value, &mut encoded).is_ok() {
            assert_eq!(Some(encoded), generated.bytes, "{value}");
        } else {
            let is_infinite = generated.json.to_string().contains("null");
            assert!(is_infinite || generated.bytes.is_none(), "{value} cannot be encoded again");
        }
        true
    })
}

fn assert_agree(one: &Result<Decoded, DecodeError>, other: &Result<Decoded, DecodeError>, bytes: &[u8]) {
    match (one, other) {
        (Ok(one), Ok(other)) => assert_eq!(one, other, "{bytes:?}"),
        (Err(_), Err(_)) => {}
        _ => panic!("generated code: {one:?}; the plan: {other:?}; {bytes:?}"),
    }
}

fn assert_stable(row: &Row, decoded: &Decoded) {
    let Some(bytes) = &decoded.bytes else { return };
    let again = (row.decode)(row.own(), bytes).expect("what was encoded can be decoded");
    assert_eq!(again, *decoded);
}
