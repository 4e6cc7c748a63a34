//! Schemas from anybody: Avro and Protobuf text, descriptors as base64, and pairs of schemas.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use eventwright_schema::avro::dynamic;
use eventwright_schema::avro::{self, resolve as resolution};
use eventwright_schema::compat::{self, AnySchema, Level};
use eventwright_schema::{Diagnostic, proto};
use eventwright_wire::EncodeError;
use eventwright_wire::avro::{Scratch, Transcoder};

use crate::edit::{Edited, from_input};
use crate::engine::Check;
use crate::grown::{self, Choices};
use crate::limits::{TEXTS, VALUES};
use crate::samples;

const AVRO_WORDS: &[&str] = &[
    "{\"type\":",
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    "\"null\"",
    "\"string\"",
    "{\"type\":\"array\",\"items\":",
    "\"default\":",
    "\"aliases\":[",
    "\"logicalType\":\"decimal\",\"precision\":99999999999,\"scale\":-1,",
    "1e999",
    "-0",
    "\"name\":\"\"",
    "\"namespace\":\"a..b\",",
    "\"symbols\":[\"A\",\"A\"]",
    "\"size\":99999999999",
    "//",
    "/*",
    "\\ud800",
    "\"\\u0000\"",
    "\"type\":\"record\",\"fields\":[",
    "\u{feff}",
    "é",
];

const PROTO_WORDS: &[&str] = &[
    "message M {",
    "}",
    "enum E {",
    "oneof o {",
    "map<string, M> m = 1;",
    "repeated ",
    "optional ",
    "reserved 1 to max;",
    "extensions 4 to 5;",
    "extend M {",
    "import \"a.proto\";",
    "option (a).b = {",
    "syntax = \"proto2\";",
    "package a.b;",
    "group G = 1 {",
    "[default = \"\\xff\"]",
    "[packed = true]",
    "service S { rpc A(M) returns (stream M); }",
    "= 536870912;",
    "= -1;",
    "inf",
    "/*",
    "//",
    "\"",
    "<",
    "google.protobuf.Timestamp",
    "edition = \"2023\";",
    "é",
];

/// Avro text: what is parsed can be printed, resolved with itself and decoded by.
pub(super) fn avro() -> Check {
    let samples = samples::golden("avsc");
    Box::new(move |input| {
        let text = from_input::<Edited>(input).apply_to_text(&samples, AVRO_WORDS);
        let parsed = TEXTS.check(text.len(), || avro::parse("fuzz.avsc", &text));
        match &parsed {
            Ok(schema) => assert_usable(schema, input),
            Err(wrong) => assert_findings(wrong),
        }
        parsed.is_ok()
    })
}

/// Pairs of schemas that grew out of the input: resolved, compared, and bytes decoded by the plan.
pub(super) fn resolve() -> Check {
    Box::new(|input| {
        let mut choices = Choices(input);
        let texts = [grown::schema(&mut choices), grown::schema(&mut choices)].map(|schema| schema.to_string());
        let length = texts.iter().map(String::len).sum();
        let parsed = TEXTS.check(length, || texts.each_ref().map(|text| avro::parse("fuzz.avsc", text)));
        let [Ok(writer), Ok(reader)] = parsed else { return false };
        for schema in [&writer, &reader] {
            assert_usable(schema, choices.0);
        }
        let resolved = TEXTS.check(length, || resolution(&writer, &reader));
        if let Ok(plan) = resolved {
            let decoded = VALUES.check(choices.0.len() + length, || {
                let mut scratch = Scratch::default();
                let transcoded = Transcoder::new(&plan).transcode(choices.0, &mut scratch)?;
                dynamic::decode_json(&reader, transcoded)
            });
            if let Ok(value) = decoded {
                // What the reader's plan makes is a value of the reader's.
                let written = dynamic::encode_json(&reader, &value, &mut Vec::new());
                let is_excused = |error: &EncodeError| value.to_string().contains("null") || is_decimal(error);
                assert!(written.as_ref().err().is_none_or(is_excused), "{value}: {written:?}");
            }
        }
        let [old, new] = [AnySchema::Avro(writer), AnySchema::Avro(reader)];
        let report = compat::check(Level::Full, &[("v1".to_owned(), &old)], ("v2".to_owned(), &new));
        assert_eq!(report.is_compatible(), report.findings.is_empty());
        true
    })
}

/// `.proto` text.
pub(super) fn protobuf_text() -> Check {
    let samples = samples::golden("proto");
    Box::new(move |input| {
        let text = from_input::<Edited>(input).apply_to_text(&samples, PROTO_WORDS);
        let parsed = TEXTS.check(text.len(), || proto::parse("fuzz.proto", &text, &[]));
        match &parsed {
            Ok(schema) => assert_serialized(schema),
            Err(wrong) => assert_findings(wrong),
        }
        parsed.is_ok()
    })
}

/// Descriptors as base64, as the registry takes them.
pub(super) fn protobuf_descriptor() -> Check {
    // A file that imports another one of ours cannot be parsed alone.
    let serialized = |text: String| {
        let schema = proto::parse("fuzz.proto", &text, &[]).ok()?;
        Some(STANDARD.decode(schema.serialized()).expect("it is base64"))
    };
    let samples: Vec<Vec<u8>> = samples::golden("proto").into_iter().filter_map(serialized).collect();
    Box::new(move |input| {
        let bytes = from_input::<Edited>(input).apply(&samples, &["\u{1}", "a", ".A", "google.protobuf.Any"]);
        let text = STANDARD.encode(&bytes);
        let parsed = TEXTS.check(text.len(), || proto::parse("fuzz.proto", &text, &[]));
        match &parsed {
            Ok(schema) => {
                let printed = proto::parse("fuzz.proto", schema.text(), &[]);
                let printed = printed.unwrap_or_else(|wrong| panic!("{wrong:?}\n{}", schema.text()));
                // Not the fingerprint: text has no word for the names of some oneofs, and for fields of descriptors that
                // nobody knows.
                assert_eq!(outline(&printed), outline(schema), "{}", schema.text());
                assert_serialized(&printed);
                assert_serialized(schema);
            }
            Err(wrong) => assert_findings(wrong),
        }
        parsed.is_ok()
    })
}

fn assert_usable(schema: &avro::Schema, bytes: &[u8]) {
    let canonical = schema.canonical_form();
    let again = avro::parse("canonical", &canonical);
    // The specification's form writes a name without namespace as a name that takes the namespace around it.
    let is_without = |(_, named): (_, &avro::Named)| named.name.namespace.is_empty();
    if !schema.all_named().any(is_without) || schema.all_named().all(is_without) {
        assert_eq!(again.map(|schema| schema.canonical_form()), Ok(canonical));
    }
    let length = schema.text().len();
    let Ok(plan) = TEXTS.check(length, || resolution(schema, schema)) else { return };
    assert_eq!(plan.reader, schema.fingerprint().crc64);
    let decoded = VALUES.check(bytes.len() + length, || dynamic::decode_json(schema, bytes));
    if let Ok(mut value) = decoded {
        dynamic::mask(schema, &mut value);
    }
}

/// A decimal of more digits than its schema says is read, and not written.
fn is_decimal(error: &EncodeError) -> bool {
    error.to_string().contains("the decimal")
}

fn assert_serialized(schema: &proto::Schema) {
    let again = proto::parse("fuzz.proto", &schema.serialized(), &[]);
    let again = again.unwrap_or_else(|wrong| panic!("{wrong:?}\n{}", schema.text()));
    assert_eq!(again.fingerprint(), schema.fingerprint(), "{}", schema.text());
}

/// Returns what bytes mean to the messages of a file.
fn outline(schema: &proto::Schema) -> Vec<String> {
    let mut open: Vec<_> = schema.file().messages().collect();
    let mut found = Vec::new();
    while let Some(message) = open.pop() {
        let fields = message.fields().map(|field| {
            // Text has no word for the name of a map's entries.
            let kind = if field.is_map() { "map".to_owned() } else { format!("{:?}", field.kind()) };
            // Not `is_packed`: of text, prost-reflect 0.16 makes the field before it has read the option.
            let packed = field.field_descriptor_proto().options.as_ref().and_then(|options| options.packed);
            format!("{} {} {kind} {:?} {packed:?}", field.full_name(), field.number(), field.cardinality())
        });
        found.extend(fields);
        // Its index stands in frames.
        found.push(format!("{} {:?}", message.full_name(), message.path()));
        open.extend(message.child_messages().filter(|child| !child.is_map_entry()));
    }
    found.sort();
    found
}

fn assert_findings(wrong: &[Diagnostic]) {
    assert!(!wrong.is_empty() && wrong.iter().all(|one| !one.to_string().is_empty()));
}
