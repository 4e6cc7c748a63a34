use serde_json::{Value, json};

use super::validate::{Judgement, Validator};
use crate::Format;
use crate::compat::{Level, Options, check_with, parse_any};

/// Returns what a schema says of a value: `+`, `-`, or `?` where it has keywords that are not known.
fn judged(schema: &Value, value: &Value) -> char {
    match Validator::new(schema).judge(schema, value) {
        Judgement::Accepts => '+',
        Judgement::Refuses(_) => '-',
        Judgement::Unknown => '?',
    }
}

#[test]
fn a_schema_accepts_and_refuses_what_its_keywords_say() {
    let values = [
        json!(null),
        json!(true),
        json!(3),
        json!(-1.5),
        json!("ab"),
        json!(""),
        json!([]),
        json!([1, 1]),
        json!(["a"]),
        json!({}),
        json!({"a": 1}),
        json!({"a": "b", "c": 2}),
    ];
    let check = |schema: Value, expected: &str| {
        let found: String = values.iter().map(|value| judged(&schema, value)).collect();
        assert_eq!(found, expected, "{schema}");
    };
    check(json!(true), "++++++++++++");
    check(json!(false), "------------");
    check(json!({"type": "integer"}), "--+---------");
    check(json!({"type": ["null", "string"]}), "+---++------");
    check(json!({"enum": [3, "ab", {}]}), "--+-+----+--");
    check(json!({"const": "ab"}), "----+-------");
    check(json!({"minimum": 0, "maximum": 3}), "+++-++++++++");
    check(json!({"exclusiveMaximum": 3, "exclusiveMinimum": -1.5}), "++--++++++++");
    check(json!({"multipleOf": 1.5}), "++++++++++++");
    check(json!({"minLength": 1, "maxLength": 1}), "++++--++++++");
    check(json!({"pattern": "^a"}), "+++++-++++++");
    check(json!({"pattern": "(?=a)"}), "++++??++++++");
    check(json!({"minItems": 1, "maxItems": 1}), "++++++--++++");
    check(json!({"uniqueItems": true}), "+++++++-++++");
    check(json!({"items": {"type": "string"}}), "+++++++-++++");
    check(json!({"required": ["a"], "maxProperties": 1}), "+++++++++-+-");
    check(json!({"minProperties": 1}), "+++++++++-++");
    check(json!({"properties": {"a": {"type": "string"}}}), "++++++++++-+");
    check(json!({"properties": {"a": true}, "additionalProperties": false}), "+++++++++++-");
    check(json!({"not": {"type": "string"}}), "++++--++++++");
    check(json!({"anyOf": [{"type": "null"}, {"minimum": 0}]}), "+++-++++++++");
    check(json!({"oneOf": [{"type": "number"}, {"minimum": 0}]}), "++-+++++++++");
    check(json!({"allOf": [{"type": "number"}, {"minimum": 0}]}), "--+---------");
    check(json!({"$ref": "#/definitions/n", "definitions": {"n": {"type": "null"}}}), "+-----------");
    check(json!({"$ref": "other.json"}), "????????????");
    check(json!({"type": "object", "if": true}), "---------???");
    check(json!({"allOf": [{"$ref": "#"}]}), "????????????");
}

#[test]
fn what_a_writer_accepts_and_its_reader_refuses_is_a_witness() {
    let check = |writer: Value, reader: Value, expected: &str| {
        let parse = |schema: &Value| parse_any(Format::Json, "s", &schema.to_string(), &[]).unwrap();
        let (old, new) = (parse(&writer), parse(&reader));
        let options = Options { witnesses: true, ..Options::default() };
        let report = check_with(options, Level::Backward, &[("v1".into(), &old)], ("v2".into(), &new));
        let first = report.findings.first().expect("a finding");
        let witness = first.witness.as_ref().map(|witness| {
            assert_eq!(witness.bytes, witness.json.to_string().into_bytes());
            assert_eq!((judged(&writer, &witness.json), judged(&reader, &witness.json)), ('+', '-'));
            format!("{}: {}", witness.json, witness.outcome.of_readers("v2"))
        });
        assert_eq!(witness.as_deref().unwrap_or("none"), expected, "{writer}\n{reader}");
    };
    let object = |of: Value| json!({"type": "object", "properties": {"list": {"type": "array", "items": of}}});
    check(
        json!({"type": "string"}),
        json!({"type": "integer"}),
        r#""": readers of v2 fail: "" does not fit "type": "integer""#,
    );
    check(
        object(json!({"enum": ["a", "b"]})),
        object(json!({"enum": ["a"]})),
        r#"{"list":["b"]}: readers of v2 fail: "b" does not fit "enum": ["a"]"#,
    );
    check(
        object(json!({"type": "integer", "maximum": 100})),
        object(json!({"type": "integer", "maximum": 10})),
        r#"{"list":[11]}: readers of v2 fail: 11 does not fit "maximum": 10"#,
    );
    let closed = |names: Value| json!({"type": "object", "properties": names, "additionalProperties": false});
    check(
        closed(json!({"a": true, "b": {"type": "null"}})),
        closed(json!({"a": true})),
        r#"{"b":null}: readers of v2 fail: nothing is allowed in place of null"#,
    );
    check(
        json!({"type": "object", "properties": {"a": {"type": "null"}}}),
        json!({"type": "object", "properties": {"a": {"type": "null"}}, "required": ["a"]}),
        r#"{}: readers of v2 fail: {} does not fit "required": ["a"]"#,
    );
    check(
        json!({"type": "array", "contains": {"type": "null"}}),
        json!({"type": "array", "contains": {"type": "null"}, "maxItems": 0}),
        "none",
    );
}

/// Each of the properties leads back to all of them: nobody waits for the least value of such a schema.
#[test]
fn schemas_that_lead_to_themselves_end() {
    let names = || (0..16).map(|index| format!("p{index}"));
    let recursive = |leaf: &str| {
        let properties: serde_json::Map<_, _> = names().map(|name| (name, json!({"$ref": "#"}))).collect();
        let mut schema = json!({"type": "object", "properties": properties, "required": names().collect::<Vec<_>>()});
        schema["properties"]["leaf"] = json!({ "type": leaf });
        parse_any(Format::Json, "s", &schema.to_string(), &[]).unwrap()
    };
    let (old, new) = (recursive("string"), recursive("integer"));
    let options = Options { witnesses: true, ..Options::default() };
    let report = check_with(options, Level::Full, &[("v1".into(), &old)], ("v2".into(), &new));
    assert!(report.findings.iter().all(|finding| finding.witness.is_none()), "no value of it ends");
    assert!(!report.is_compatible());
}
