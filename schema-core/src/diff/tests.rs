use super::*;
use crate::Format;
use crate::compat::parse_any;

fn check(format: Format, old: &str, new: &str, expected: &[&str]) {
    let parse = |name: &str, text: &str| parse_any(format, name, text, &[]).unwrap();
    let changes = diff(&parse("v1", old), &parse("v2", new));
    let line = |one: &Change| format!("{}:{}: {one}", one.source, one.position.line);
    assert_eq!(changes.iter().map(line).collect::<Vec<_>>(), expected);
}

const ORDER: &str = r#"{"type": "record", "name": "Order", "namespace": "shop", "fields": [
  {"name": "id", "type": "string"},
  {"name": "amount", "type": "int", "default": 0},
  {"name": "note", "type": ["null", "string"]},
  {"name": "status", "type": {"type": "enum", "name": "Status", "symbols": ["OPEN", "PAID"]}},
  {"name": "tags", "type": {"type": "array", "items": ["null", "string"]}}
]}"#;

#[test]
fn avro_types_fields_and_symbols_are_told_apart_by_name() {
    let new = r#"{"type": "record", "name": "Order", "namespace": "shop", "doc": "An order.", "fields": [
  {"name": "amount", "type": {"type": "long", "logicalType": "timestamp-millis"}, "default": 1},
  {"name": "key", "aliases": ["id"], "type": "string", "pii": true},
  {"name": "status", "type": {"type": "enum", "name": "Status", "symbols": ["PAID", "OPEN", "LOST"], "default": "OPEN"}},
  {"name": "tags", "type": {"type": "map", "values": "string"}},
  {"name": "home", "type": {"type": "record", "name": "Address", "fields": []}}
]}"#;
    check(
        Format::Avro,
        ORDER,
        new,
        &[
            "v2:1: changed doc Order: nothing -> \"An order.\"",
            "v2:2: retyped field Order.amount: int -> long (timestamp-millis)",
            "v2:2: changed default Order.amount: 0 -> 1",
            "v2:3: renamed field Order.key: id -> key",
            "v2:3: added alias Order.key: id",
            "v2:3: changed pii Order.key: false -> true",
            "v2:5: retyped field Order.tags: array of (null | string) -> map of string",
            "v2:6: added field Order.home: shop.Address",
            "v1:4: removed field Order.note: null | string",
            "v2:2: moved fields Order: key, amount, status, tags -> amount, key, status, tags",
            "v2:4: added symbol Status: LOST",
            "v2:4: moved symbols Status: OPEN, PAID -> PAID, OPEN",
            "v2:4: changed default Status: nothing -> OPEN",
            "v2:6: added record shop.Address",
        ],
    );
    check(Format::Avro, ORDER, &ORDER.replace('\n', " // a comment\n"), &[]);
}

#[test]
fn a_renamed_record_is_the_one_it_was() {
    let check_avro = |old: &str, new: &str, expected: &[&str]| check(Format::Avro, old, new, expected);
    check_avro(
        ORDER,
        &ORDER.replace("\"shop\"", "\"store\""),
        &[
            "v2:1: renamed record Order: shop.Order -> store.Order",
            "v2:5: retyped field Order.status: shop.Status -> store.Status",
            "v2:5: renamed enum Status: shop.Status -> store.Status",
        ],
    );
    check_avro("\"int\"", "\"long\"", &["v2:1: retyped schema /: int -> long"]);
    check_avro(
        r#"{"type": "fixed", "name": "Id", "size": 4}"#,
        r#"{"type": "fixed", "name": "Id", "size": 8}"#,
        &["v2:1: retyped fixed Id: 4 bytes -> 8 bytes"],
    );
}

#[test]
fn protobuf_fields_and_values_are_told_apart_by_number() {
    let old = "syntax = \"proto3\";\npackage a;\nmessage M {\n  string x = 1;\n  int32 n = 2;\n  oneof o {\n    bool b = 3;\n  }\n  \
               map<string, Inner> all = 4;\n  message Inner {}\n}\nenum E {\n  ZERO = 0;\n  ONE = 1;\n}\n";
    let new = "syntax = \"proto3\";\npackage b;\nmessage M {\n  string y = 1;\n  repeated int64 n = 2;\n  bool b = 3;\n  \
               map<string, Inner> all = 4;\n  optional E e = 5;\n  message Inner {}\n}\nenum E {\n  ZERO = 0;\n  UNO = 1;\n  TWO = 2;\n}\nmessage N {}\n";
    check(
        Format::Protobuf,
        old,
        new,
        &[
            "v2:2: renamed package /: a -> b",
            "v2:4: renamed field M.y: x -> y",
            "v2:5: retyped field M.n: int32 -> repeated int64",
            "v2:6: moved oneof of field M.b: o -> nothing",
            "v2:8: added field M.e: optional E = 5",
            "v2:16: added message N",
            "v2:13: renamed value E.UNO: ONE -> UNO",
            "v2:14: added value E.TWO: 2",
        ],
    );
}

#[test]
fn json_schemas_are_compared_keyword_by_keyword() {
    let old =
        r#"{"type": "object", "required": ["a", "b"], "properties": {"a": {"type": "string"}, "x/y": {"maximum": 1}}}"#;
    let new = r#"{"type": "object", "required": ["b", "c"], "properties": {
  "a": {"type": ["string", "null"]}, "x/y": {"maximum": 2}, "c": true}, "additionalProperties": false}"#;
    check(
        Format::Json,
        old,
        new,
        &[
            "v2:1: added value /required: \"c\"",
            "v1:1: removed value /required: \"a\"",
            "v2:2: retyped keyword /properties/a/type: \"string\" -> [\"string\",\"null\"]",
            "v2:2: changed keyword /properties/x~1y/maximum: 1 -> 2",
            "v2:2: added property /properties/c: true",
            "v2:2: added keyword /additionalProperties: false",
        ],
    );
}

#[test]
fn languages_are_not_compared() {
    let avro = parse_any(Format::Avro, "v1", "\"int\"", &[]).unwrap();
    let json = parse_any(Format::Json, "v2", "{}", &[]).unwrap();
    let changes = diff(&avro, &json);
    assert_eq!(
        changes.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["changed schema language /: AVRO -> JSON"]
    );
}
