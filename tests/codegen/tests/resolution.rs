//! Resolution of schemas for which no code is generated: what a plan made at run time must get right on its own.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use eventwright_schema::avro::dynamic;
use eventwright_schema::avro::{parse, resolve};
use eventwright_wire::avro::{Scratch, Transcoder};
use serde_json::{Value, json};

fn record(fields: &str) -> String {
    format!(r#"{{"type":"record","name":"R","fields":[{fields}]}}"#)
}

fn check(writer: &str, value: &Value, reader: &str, expected: Result<Value, &str>) {
    let (writer, reader) = (parse("writer", writer).unwrap(), parse("reader", reader).unwrap());
    let (mut bytes, mut scratch) = (Vec::new(), Scratch::default());
    dynamic::encode_json(&writer, value, &mut bytes).unwrap();
    let decoded = match resolve(&writer, &reader) {
        Ok(plan) => {
            let transcoded = Transcoder::new(&plan).transcode(&bytes, &mut scratch);
            transcoded.and_then(|bytes| dynamic::decode_json(&reader, bytes)).map_err(|error| error.to_string())
        }
        Err(errors) => Err(errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")),
    };
    assert_eq!(decoded, expected.map_err(str::to_owned));
}

#[test]
fn a_record_that_fails_in_a_union_fails_outside_of_it_as_well() {
    let a = r#"{"type":"record","name":"A","fields":[{"name":"x","type":"int"}]}"#;
    let stricter = r#"{"type":"record","name":"A","fields":[{"name":"x","type":"int"},{"name":"y","type":"int"}]}"#;
    let fields = |a: &str| record(&format!(r#"{{"name":"u","type":["null",{a}]}},{{"name":"a","type":"A"}}"#));
    let missing = "`a.y`: the writer does not write the field, and the reader has no default";
    check(&fields(a), &json!({"u": null, "a": {"x": 1}}), &fields(stricter), Err(missing));
    let only_union = |a: &str| record(&format!(r#"{{"name":"u","type":["null",{a}]}}"#));
    check(&only_union(a), &json!({"u": null}), &only_union(stricter), Ok(json!({"u": null})));
    let error = "`u`: `u.y`: the writer does not write the field, and the reader has no default";
    check(&only_union(a), &json!({"u": {"x": 1}}), &only_union(stricter), Err(error));
}

#[test]
fn a_branch_of_the_same_type_goes_before_one_by_promotion() {
    let check_int = |reader: &str, expected: Value| check("\"int\"", &json!(7), reader, Ok(expected));
    check_int(r#"["null","long","int"]"#, json!({"int": 7}));
    check_int(r#"["string","float","long"]"#, json!({"float": 7.0}));
    check_int(r#"["null","double"]"#, json!(7.0));
}

#[test]
fn a_union_is_read_into_another_branch_by_branch() {
    let writer = r#"["int","string","null"]"#;
    check(writer, &json!({"int": 1}), r#"["null","bytes","long"]"#, Ok(json!({"long": 1})));
    check(writer, &json!({"string": "A"}), r#"["null","bytes","long"]"#, Ok(json!({"bytes": "QQ=="})));
    check(writer, &json!({"int": 1}), "\"long\"", Ok(json!(1)));
    let error = "the writer writes null, the reader expects long";
    check(writer, &Value::Null, "\"long\"", Err(error));
}

#[test]
fn every_promotion_of_the_specification_and_no_other_is_done() {
    let primitives = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"];
    let promotions = [
        ("int", "long"),
        ("int", "float"),
        ("int", "double"),
        ("long", "float"),
        ("long", "double"),
        ("float", "double"),
        ("string", "bytes"),
        ("bytes", "string"),
    ];
    for from in primitives {
        for to in primitives {
            let [writer, reader] = [from, to].map(|one| parse("test", &format!("\"{one}\"")).unwrap());
            let expected = from == to || promotions.contains(&(from, to));
            assert_eq!(resolve(&writer, &reader).is_ok(), expected, "{from} -> {to}");
        }
    }
}

#[test]
fn names_of_enums_and_fixed_match_without_namespace() {
    let fixed = |name: &str, size: u32| format!(r#"{{"type":"fixed","name":"{name}","size":{size}}}"#);
    check(&fixed("a.F", 2), &json!("AAE="), &fixed("b.F", 2), Ok(json!("AAE=")));
    let error = "the writer's fixed `F` has 2 bytes, the reader's 3";
    check(&fixed("F", 2), &json!("AAE="), &fixed("F", 3), Err(error));
    let error = "the writer writes the fixed `F`, the reader expects the fixed `G`";
    check(&fixed("F", 2), &json!("AAE="), &fixed("G", 2), Err(error));
}

#[test]
fn a_decimal_takes_the_readers_scale_and_must_fit_the_readers_type() {
    let decimal = |precision: u32, scale: u32| {
        format!(r#"{{"type":"bytes","logicalType":"decimal","precision":{precision},"scale":{scale}}}"#)
    };
    check(&decimal(9, 2), &json!("19.99"), &decimal(40, 4), Ok(json!("19.9900")));
    check(&decimal(40, 4), &json!("19.9900"), &decimal(9, 2), Ok(json!("19.99")));
    let error = "the decimal has more than 28 digits";
    check(&decimal(40, 2), &json!("1".repeat(30)), &decimal(28, 2), Err(error));
}
