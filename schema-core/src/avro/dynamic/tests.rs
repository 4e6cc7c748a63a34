use serde_json::json;

use super::*;
use crate::avro::parse;

const ORDER: &str = r#"{"type":"record","name":"Order","namespace":"shop","fields":[
    {"name":"id","type":{"type":"string","logicalType":"uuid"}},
    {"name":"price","type":{"type":"bytes","logicalType":"decimal","precision":12,"scale":2}},
    {"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}},
    {"name":"day","type":{"type":"int","logicalType":"date"}},
    {"name":"currency","type":{"type":"enum","name":"Currency","symbols":["EUR","USD"]},"default":"EUR"},
    {"name":"note","type":["null","string"],"default":null},
    {"name":"payload","type":"bytes","default":"\u0000\u00ff"},
    {"name":"extra","type":["null","int","string"],"default":null},
    {"name":"tags","type":{"type":"map","values":{"type":"array","items":"double"}},"default":{}}]}"#;

#[test]
fn the_json_form_survives_bytes() {
    let schema = parse("order.avsc", ORDER).unwrap();
    let value = json!({
        "id": "0b9c8f1e-3a52-4d0c-9d52-1f2b0b3f9d11", "price": "19.90", "at": "2026-02-03T04:05:06.789Z",
        "day": "1969-12-31", "currency": "USD", "note": "x", "payload": "AP8=", "extra": {"int": 7},
        "tags": {"a": [1.5, "NaN"]},
    });
    let mut bytes = Vec::new();
    encode_json(&schema, &value, &mut bytes).unwrap();
    assert_eq!(decode_json(&schema, &bytes).unwrap(), value);
}

#[test]
fn fields_that_are_left_out_take_their_defaults() {
    let schema = parse("order.avsc", ORDER).unwrap();
    let value = json!({
        "id": "0b9c8f1e-3a52-4d0c-9d52-1f2b0b3f9d11", "price": 5, "at": "1970-01-01T00:00:00Z", "day": "2026-01-01",
    });
    let mut bytes = Vec::new();
    encode_json(&schema, &value, &mut bytes).unwrap();
    let decoded = decode_json(&schema, &bytes).unwrap();
    assert_eq!(decoded["price"], "5.00");
    assert_eq!(decoded["currency"], "EUR");
    assert_eq!(decoded["note"], serde_json::Value::Null);
    assert_eq!(decoded["payload"], "AP8=");
    assert_eq!(decoded["tags"], json!({}));
}

#[test]
fn a_fixed_that_is_used_twice_keeps_its_logical_type() {
    let fixed = r#"{"type":"fixed","name":"D","size":3,"logicalType":"decimal","precision":6,"scale":0}"#;
    let text =
        format!(r#"{{"type":"record","name":"A","fields":[{{"name":"a","type":{fixed}}},{{"name":"b","type":"D"}}]}}"#);
    let schema = parse("a.avsc", &text).unwrap();
    let value = json!({"a": "1234", "b": "-5"});
    let mut bytes = Vec::new();
    encode_json(&schema, &value, &mut bytes).unwrap();
    assert_eq!(decode_json(&schema, &bytes).unwrap(), value);
}

#[test]
fn wrong_values_are_refused_with_their_path_and_leave_the_output_alone() {
    let schema = parse("order.avsc", ORDER).unwrap();
    let check = |field: &str, wrong: serde_json::Value, expected: &str| {
        let mut value = json!({
            "id": "0b9c8f1e-3a52-4d0c-9d52-1f2b0b3f9d11", "price": "1", "at": "1970-01-01T00:00:00Z",
            "day": "2026-01-01",
        });
        value[field] = wrong;
        let mut bytes = vec![7];
        assert_eq!(encode_json(&schema, &value, &mut bytes).unwrap_err().to_string(), expected);
        assert_eq!(bytes, [7]);
    };
    check("price", json!("1.001"), "`price`: the decimal 1.001 does not fit 12 digits with 2 after the point");
    check("currency", json!("GBP"), "`currency`: `GBP` is none of the symbols EUR, USD");
    check("extra", json!(7), "`extra`: expected {\"branch\": value} with one of null, int, string");
    check("tags", json!({"a": [1, true]}), "`tags[\"a\"][1]`: expected a number, found a boolean");
    check("tags", json!({"a": [f64::MAX, 1e308, -1e308, "1e999x"]}), "`tags[\"a\"][3]`: expected a number, found text");
    check("colour", json!(1), "the schema has no field `colour`");
}

#[test]
fn personal_data_is_masked_wherever_it_stands() {
    let text = r#"{"type":"record","name":"A","namespace":"n","fields":[
        {"name":"id","type":"int"},{"name":"email","type":"string","pii":true},
        {"name":"not","type":"string","pii":false},
        {"name":"list","type":{"type":"array","items":{"type":"record","name":"B","fields":[
            {"name":"phone","type":["null","string"],"pii":true},{"name":"city","type":"string"}]}}},
        {"name":"map","type":{"type":"map","values":["null","B"]}},
        {"name":"union","type":["int","null","B"]}]}"#;
    let schema = parse("a.avsc", text).unwrap();
    let (shown, masked) = (json!({"phone": "1", "city": "c"}), json!({"phone": "***", "city": "c"}));
    let value = |email: &str, b: &serde_json::Value| json!({"id": 1, "email": email, "not": "x", "list": [b], "map": {"k": b, "n": null}, "union": {"n.B": b}});
    let mut found = value("a@b", &shown);
    mask(&schema, &mut found);
    assert_eq!(found, value("***", &masked));
    let check = |value: &serde_json::Value, expected: Option<&str>| {
        assert_eq!(masked_field(&schema, value).as_deref(), expected, "{value}");
    };
    check(&value("a@b", &shown), None);
    check(&value("****", &shown), None);
    check(&found, Some("email"));
    check(&value("a@b", &masked), Some("list[0].phone"));
    check(&json!({"map": {"k": masked}}), Some("map[\"k\"].phone"));
    check(&json!({"union": {"n.B": masked}}), Some("union.phone"));
    check(&json!({"union": {"B": masked}}), Some("union.phone"));
    check(&json!({"not": "***"}), None);
}

#[test]
fn what_stands_between_two_levels_of_a_recursive_type_is_bounded() {
    let schema = |levels: usize| {
        let (open, close) = (r#"{"type":"array","items":"#.repeat(levels), "}".repeat(levels));
        parse("a.avsc", &format!(r#"{{"type":"record","name":"R","fields":[{{"name":"a","type":{open}"R"{close}}}]}}"#))
    };
    // The threads of tests have stacks of 2 MiB, as tokio's have.
    let error = decode_json(&schema(16).unwrap(), &[2; 20_000]).unwrap_err().to_string();
    assert!(error.ends_with("records are nested deeper than the limit"), "{error}");
    let wrong = schema(17).unwrap_err();
    assert!(wrong[0].message.contains("nest deeper than 16 levels"), "{wrong:?}");
}
