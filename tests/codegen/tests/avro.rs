//! Generated Avro codecs against apache-avro, against the dynamic codec and against plans, on random values.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use eventwright_codegen_tests::random::{self, Maps};
use eventwright_codegen_tests::{Row, apache, avro_pairs, avro_rows, canonical, references};
use eventwright_schema::avro::dynamic;
use eventwright_schema::avro::{Schema, resolve};
use eventwright_wire::avro::{FieldStep, Node, Plan, Scratch, Transcoder};
use serde_json::Value;

const CASES: u32 = 48;

fn schema(row: &Row) -> Schema {
    references::avro_schema(row.schema)
}

fn encode(schema: &Schema, value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    dynamic::encode_json(schema, value, &mut bytes).unwrap();
    bytes
}

#[test]
fn every_version_round_trips_and_has_one_json_form() {
    for row in avro_rows() {
        let schema = schema(&row);
        random::check(&random::values(&schema, Maps::Several), CASES, |value| {
            let bytes = encode(&schema, value);
            let decoded = (row.decode)(row.own(), &bytes).unwrap();
            assert_eq!(decoded.bytes.as_ref(), Some(&bytes), "{}", row.name());
            assert_eq!(decoded.json, *value, "{}", row.name());
            assert_eq!(canonical(dynamic::decode_json(&schema, &bytes).unwrap()), *value, "{}", row.name());
            assert_eq!((row.encode_json)(&value.to_string()).unwrap(), bytes, "{}", row.name());
        });
    }
}

#[test]
fn bytes_equal_those_of_apache_avro_in_both_directions() {
    for row in avro_rows() {
        let schema = schema(&row);
        random::check(&random::values(&schema, Maps::Single), CASES, |value| {
            let theirs = apache::encode(&references::self_contained(row.schema), value);
            assert_eq!((row.encode_json)(&value.to_string()).unwrap(), theirs, "{}", row.name());
            assert_eq!((row.decode)(row.own(), &theirs).unwrap().json, *value, "{}", row.name());
            assert_eq!(
                apache::decode(&references::self_contained(row.schema), None, &theirs).unwrap(),
                *value,
                "{}",
                row.name()
            );
        });
    }
}

#[test]
fn generated_decoders_and_plans_do_the_same_for_every_pair() {
    for (writer, reader) in avro_pairs() {
        let pair = format!("{} -> {}", writer.name(), reader.name());
        let (from, to) = (schema(&writer), schema(&reader));
        let Ok(plan) = resolve(&from, &to) else {
            assert_eq!(reader.writer(writer.schema), None, "{pair}");
            continue;
        };
        let transcoder = Transcoder::new(&plan);
        random::check(&random::values(&from, Maps::Several), CASES, |value| {
            let bytes = encode(&from, value);
            let planned = (reader.decode_with)(&transcoder, &bytes);
            match reader.writer(writer.schema).map(|index| (reader.decode)(index, &bytes)) {
                // Of two things that are wrong, generated code finds the one that was written first, and a plan the one
                // that is asked for first.
                Some(Err(_)) if !reads_in_order(&plan) => assert!(planned.is_err(), "{pair}"),
                Some(decoded) => assert_eq!(decoded, planned, "{pair}"),
                None => {}
            }
            let mut scratch = Scratch::default();
            let transcoded = transcoder.transcode(&bytes, &mut scratch);
            let dynamic = transcoded.and_then(|bytes| dynamic::decode_json(&to, bytes)).map(canonical);
            assert_eq!(planned.map(|decoded| decoded.json), dynamic, "{pair}");
        });
    }
}

/// Whether the reader's fields come in the order of the writer's.
fn reads_in_order(plan: &Plan) -> bool {
    plan.nodes.iter().all(|node| match node {
        Node::Record(node) => {
            let fields = node.steps.iter().filter_map(|step| match step {
                FieldStep::Read { field, .. } => Some(*field),
                _ => None,
            });
            fields.is_sorted()
        }
        _ => true,
    })
}

#[test]
fn the_pairs_that_cannot_be_resolved_are_those_that_the_specification_refuses() {
    let refused = avro_pairs().into_iter().filter_map(|(writer, reader)| {
        let errors = resolve(&schema(&writer), &schema(&reader)).err()?;
        let errors = errors.iter().map(|error| format!("\n  {error}")).collect::<String>();
        Some(format!("{} -> v{}{errors}\n", writer.name(), reader.schema.version))
    });
    assert_eq!(refused.collect::<String>(), include_str!("refused.txt"));
}

/// The names that a reader's aliases rename: event, reader's version, the writer's name and the reader's.
///
/// apache-avro 0.22 knows no aliases, so the test does what Java does before it resolves (`Schema.applyAliases`): it
/// gives the writer's schema the reader's names.
const RENAMED: [(&str, u32, &str, &str); 11] = [
    ("ShipmentBooked", 2, "carrier", "haulier"),
    ("RoutePlanned", 2, "carrier", "haulier"),
    ("RoutePlanned", 3, "carrier", "carrier_name"),
    ("RoutePlanned", 3, "haulier", "carrier_name"),
    ("RoutePlanned", 3, "RoutePlanned", "Route"),
    ("RoutePlanned", 3, "Mode", "Transport"),
    ("RoutePlanned", 3, "stops", "via"),
    ("RoutePlanned", 3, "Address", "Place"),
    ("RoutePlanned", 3, "city", "town"),
    ("AwkwardNamed", 2, "HTTPStatus", "match"),
    ("RareValues", 2, "grown", "widened"),
];

/// The pairs that are compared with literals in tests/evolution.rs only: apache-avro 0.22 has its own idea of several
/// defaults, lets a union's default be of the first branch only, narrows a double to a float, and reads no timestamp of
/// another unit.
const NOT_COMPARED: [&str; 10] = [
    "ClockRead v1 -> ClockRead v2",
    "ClockRead v2 -> ClockRead v1",
    "EverythingMeasured v1 -> EverythingMeasured v2",
    "MeasureTaken v1 -> MeasureTaken v3",
    "MeasureTaken v2 -> MeasureTaken v1",
    "MeasureTaken v2 -> MeasureTaken v3",
    "MeasureTaken v3 -> MeasureTaken v1",
    "PayloadSent v1 -> PayloadSent v3",
    "PayloadSent v2 -> PayloadSent v3",
    "RareValues v1 -> RareValues v2",
];

fn apply_aliases(writer: &Row, reader: &Row) -> String {
    let mut text = references::self_contained(writer.schema);
    for (_, _, from, to) in RENAMED.iter().filter(|one| (one.0, one.1) == (reader.schema.event, reader.schema.version))
    {
        text = text.replace(&format!("\"{from}\""), &format!("\"{to}\""));
    }
    text
}

#[test]
fn resolution_equals_that_of_apache_avro() {
    for (writer, reader) in avro_pairs() {
        let pair = format!("{} -> {}", writer.name(), reader.name());
        let (from, to) = (schema(&writer), schema(&reader));
        let Ok(plan) = resolve(&from, &to) else { continue };
        let transcoder = Transcoder::new(&plan);
        if NOT_COMPARED.contains(&pair.as_str()) {
            continue;
        }
        let renamed = apply_aliases(&writer, &reader);
        random::check(&random::values(&from, Maps::Several), CASES, |value| {
            let bytes = encode(&from, value);
            let ours = (reader.decode_with)(&transcoder, &bytes).map(|decoded| decoded.json);
            let theirs = apache::decode(&renamed, Some(&references::self_contained(reader.schema)), &bytes);
            match (&ours, &theirs) {
                (Ok(ours), Ok(theirs)) => assert_eq!(ours, theirs, "{pair}"),
                (Err(_), Err(_)) => {}
                // apache-avro 0.22 refuses a decimal whose own bytes could not hold the schema's precision.
                (Ok(_), Err(theirs)) if theirs.contains("too small to hold decimal values") => {}
                // It does not find a record that a union names and does not define, once it resolves.
                (Ok(_), Err(theirs)) if theirs.contains("Could not find matching type in UnionSchema") => {}
                _ => panic!("{pair}: ours {ours:?}, theirs {theirs:?}"),
            }
        });
    }
}
