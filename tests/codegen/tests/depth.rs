//! As deep as records may nest, a wide one fits the stack that threads have, whatever is done with it and without
//! optimisation: 2 MiB, as tokio's have.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::hint::black_box;

use eventwright_codegen_tests::references;
use eventwright_codegen_tests::wide::wide::v1;
use eventwright_codegen_tests::wide::{Wide, WideRef};
use eventwright_schema::avro::{dynamic, parse, resolve};
use eventwright_wire::Event;
use eventwright_wire::avro::{MAX_DEPTH, Scratch, Transcoder};
use serde_json::{Value, json};

/// Returns the bytes of records of version 1, so many in each other.
fn nested(depth: u32) -> Vec<u8> {
    let fields = (0..92).filter_map(|index| {
        let value =
            [json!("x"), Value::Null, Value::Null, json!(1), Value::Null, json!(1.5), Value::Null, json!(["z"])];
        let value = value.get(index % 10).cloned().unwrap_or(json!(true));
        (!value.is_null() && index % 10 != 8).then(|| (format!("field_{index}"), value))
    });
    let one: serde_json::Map<_, _> = fields.collect();
    let value = (1..depth).fold(one.clone(), |inner, _| {
        one.clone().into_iter().chain([("field_4".to_owned(), Value::Object(inner))]).collect()
    });
    let mut bytes = Vec::new();
    dynamic::encode_json(&references::avro_schema(v1::Wide::SCHEMA), &Value::Object(value), &mut bytes).unwrap();
    bytes
}

fn check(what: fn(Vec<u8>)) {
    let bytes = nested(MAX_DEPTH);
    std::thread::Builder::new().stack_size(2 << 20).spawn(move || what(bytes)).unwrap().join().unwrap();
}

fn decoded(bytes: &[u8]) -> Wide {
    Wide::decode(0, bytes).unwrap()
}

#[test]
fn every_form_of_decoding_fits() {
    check(|bytes| {
        let owned = decoded(&bytes);
        let borrowed = WideRef::decode(0, &bytes).unwrap();
        assert_eq!(borrowed.clone(), borrowed);
        assert!(borrowed.into_owned() == owned);
        let mut again = owned.clone();
        again.decode_into(0, &bytes).unwrap();
        assert!(again == owned);
    });
}

#[test]
fn what_is_done_with_a_decoded_event_fits() {
    check(|bytes| {
        let owned = decoded(&bytes);
        let (mut written, text) = (Vec::new(), serde_json::to_string(&owned).unwrap());
        owned.encode(&mut written).unwrap();
        assert!(Wide::decode(Wide::OWN_WRITER, &written).unwrap() == owned);
        assert!(serde_json::from_str::<Wide>(&text).unwrap() == owned);
        black_box(format!("{owned:?}"));
    });
}

#[test]
fn plans_and_the_dynamic_codec_fit() {
    check(|bytes| {
        let [writer, reader] = [v1::Wide::SCHEMA, Wide::SCHEMA].map(|one| parse("wide", one.text).unwrap());
        let transcoder = Transcoder::new(&resolve(&writer, &reader).unwrap());
        let transcoded = transcoder.transcode(&bytes, &mut Scratch::default()).map(<[u8]>::to_vec).unwrap();
        let value = dynamic::decode_json(&reader, &transcoded).unwrap();
        let mut written = Vec::new();
        dynamic::encode_json(&reader, &value, &mut written).unwrap();
        assert_eq!(written, transcoded);
        assert!(Wide::decode_with(&transcoder, &bytes).unwrap() == decoded(&bytes));
        let nothing = parse("nothing", r#"{"type": "record", "name": "Wide", "fields": []}"#).unwrap();
        let skipping = Transcoder::new(&resolve(&writer, &nothing).unwrap());
        assert_eq!(skipping.transcode(&bytes, &mut Scratch::default()), Ok([].as_slice()));
    });
}
