//! The JSON form of Avro events (DESIGN.md): what is read and refused, the same through serde's derives on generated
//! types and through the dynamic codec, and what is written.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on may panic")]

use eventwright_codegen_tests::{Row, avro_rows, canonical, references, shared, unions};
use eventwright_schema::avro::dynamic;
use serde_json::{Value, json};

fn find(name: &str) -> Row {
    avro_rows().into_iter().find(|row| row.name() == name).unwrap()
}

/// Reads JSON by both ways, which must agree, and returns what it is written as.
fn read(row: &str, text: &str) -> Result<Value, String> {
    let row = find(row);
    let schema = references::avro_schema(row.schema);
    let mut bytes = Vec::new();
    let value = serde_json::from_str(text).unwrap();
    let dynamic = dynamic::encode_json(&schema, &value, &mut bytes).map_err(|error| error.to_string());
    let generated = (row.encode_json)(text);
    match (dynamic, generated) {
        (Ok(()), Ok(generated)) => assert_eq!(generated, bytes, "{text}"),
        (Err(dynamic), Err(generated)) => return Err(format!("{dynamic} | {generated}")),
        (dynamic, generated) => panic!("{text}: dynamic {dynamic:?}, generated {generated:?}"),
    }
    let decoded = (row.decode)(row.own(), &bytes).unwrap().json;
    assert_eq!(decoded, canonical(dynamic::decode_json(&schema, &bytes).unwrap()));
    Ok(decoded)
}

fn plain(field: &str, value: Value) -> Value {
    let mut plain = json!({"id": null, "flag": true, "ratio": 0.5, "share": 1.0, "maybe_ratio": null, "amount": "1.00",
        "unlabelled": "", "unknown": 1, "empty": {}, "empties": []});
    plain[field] = value;
    plain
}

fn check_plain(field: &str, value: Value, expected: Value) {
    let read = read("PlainValues v1", &plain(field, value).to_string()).unwrap();
    assert_eq!(read[field], expected);
}

fn check_refused(field: &str, value: Value) {
    let text = plain(field, value).to_string();
    assert!(read("PlainValues v1", &text).is_err(), "{text}");
}

#[test]
fn money_is_read_from_text_and_from_numbers_and_written_as_text() {
    check_plain("amount", json!("19.99"), json!("19.99"));
    check_plain("amount", json!(19.99), json!("19.99"));
    check_plain("amount", json!(5), json!("5.00"));
    check_plain("amount", json!(-3), json!("-3.00"));
    check_plain("amount", json!("1.5e2"), json!("150.00"));
    check_plain("amount", json!(0.1), json!("0.10"));
    check_plain("amount", json!("1.500"), json!("1.50"));
    check_plain("amount", json!("9999999999.99"), json!("9999999999.99"));
    for wrong in [
        json!("1.005"),
        json!(1.005),
        json!("10000000000"),
        json!("abc"),
        json!(""),
        json!(true),
        json!({}),
        json!(null),
    ] {
        check_refused("amount", wrong);
    }
}

#[test]
fn long_decimals_are_read_and_written_like_short_ones() {
    let read = |text: Value| read("RareValues v1", &json!({"wei": text, "grown": 1}).to_string());
    let check = |text: Value, expected: &str| assert_eq!(read(text).unwrap()["wei"], expected);
    let long = "9".repeat(77);
    check(json!(long), &long);
    check(json!(5), "5");
    check(json!("-1.50e2"), "-150");
    check(json!("0.00"), "0");
    for wrong in
        [json!("9".repeat(78)), json!("0.5"), json!("1e1000000000"), json!("1e-99999999999"), json!("x"), json!(null)]
    {
        assert!(read(wrong.clone()).is_err(), "{wrong}");
    }
}

#[test]
fn floats_that_json_has_no_number_for_are_text() {
    for text in ["NaN", "Infinity", "-Infinity"] {
        check_plain("ratio", json!(text), json!(text));
        check_plain("share", json!(text), json!(text));
        check_plain("maybe_ratio", json!(text), json!(text));
    }
    check_plain("ratio", json!(0.1), json!(0.1));
    check_plain("share", json!(0.1), json!(0.1));
    check_plain("share", json!(3), json!(3.0));
    check_plain("share", json!(1.7976931348623157e308), json!(1.7976931348623157e308));
    check_refused("share", json!("abc"));
    check_refused("share", json!(true));
}

#[test]
fn bytes_are_base64_and_uuids_text() {
    check_plain("unlabelled", json!("AP8="), json!("AP8="));
    check_plain("id", json!("0B9C8F1E-3A52-4D0C-9D52-1F2B0B3F9D11"), json!("0b9c8f1e-3a52-4d0c-9d52-1f2b0b3f9d11"));
    check_refused("unlabelled", json!("not base64!"));
    check_refused("unlabelled", json!([1, 2]));
    check_refused("id", json!("0b9c"));
    check_refused("id", json!(5));
}

#[test]
fn integers_are_numbers_within_their_bits() {
    check_plain("unknown", json!(i64::MIN), json!(i64::MIN));
    check_refused("unknown", json!(u64::MAX));
    check_refused("unknown", json!(1.5));
    check_refused("unknown", json!("1"));
}

#[test]
fn a_field_that_is_missing_takes_its_default_and_is_an_error_without_one() {
    let read = |text: &str| read("StockLevelChanged v2", text);
    let least = r#"{"level": 1, "size": {"width": 1, "height": 2}, "sku": "k", "shelf": "HIGH"}"#;
    let expected = json!({
        "site": {"name": "main", "zone": 7, "manager": null}, "level": 1,
        "size": {"width": 1, "depth": -1, "height": 2}, "sku": "k", "shelf": "HIGH",
        "neighbours": [{"name": "a", "zone": 1, "manager": null}, {"name": "b", "zone": 7, "manager": null}],
        "counts": {"a": 1, "b": 2}, "reason": "unknown",
    });
    assert_eq!(read(least), Ok(expected));
    assert!(read(r#"{"level": 1, "size": {"width": 1, "height": 2}, "sku": "k"}"#).unwrap_err().contains("shelf"));
    let mut nullable = plain("flag", json!(true));
    nullable.as_object_mut().unwrap().remove("id");
    assert!(self::read("PlainValues v1", &nullable.to_string()).unwrap_err().contains("`id`"));
    nullable = plain("flag", json!(true));
    nullable.as_object_mut().unwrap().remove("maybe_ratio");
    assert!(self::read("PlainValues v1", &nullable.to_string()).unwrap_err().contains("`maybe_ratio`"));
}

#[test]
fn a_field_that_the_schema_does_not_have_is_refused_at_every_depth() {
    check_refused("colour", json!(1));
    check_refused("empty", json!({"colour": 1}));
    check_refused("empties", json!([{}, {"colour": 1}]));
}

#[test]
fn what_is_wrong_is_said_with_its_path_and_its_place() {
    let check = |text: &str, expected: &str| {
        let error = (find("StockLevelChanged v2").encode_json)(text).unwrap_err();
        assert_eq!(error.split_once(" at line 1 column ").unwrap().0, expected, "{text}");
    };
    check(
        r#"{"level": 1, "size": {"width": 1, "height": "2"}}"#,
        "`size.height`: expected an integer of 32 bits, found text",
    );
    check(
        r#"{"neighbours": [{"name": "a"}, {"name": "b", "zone": true}]}"#,
        "`neighbours[1].zone`: expected an integer of 32 bits, found a boolean",
    );
    check(r#"{"counts": {"a": 1, "b": 1.5}}"#, "`counts[\"b\"]`: expected an integer of 32 bits, found a number");
    check(r#"{"level": 1, "level": 2}"#, "`level`: the field is there twice");
    check(r#"{"level": 1}"#, "`size`: the field is missing and has no default");
    check(r#"{"level": "#, "`level`: EOF while parsing a value");
    check("[]", "expected an object, found an array");
}

#[test]
fn as_many_items_without_bytes_are_read_as_readers_take() {
    let empties = |count: usize| json!(vec![json!({}); count]);
    check_plain("empties", empties(1024), empties(1024));
    check_refused("empties", empties(1025));
}

#[test]
fn enums_are_symbols_and_an_unknown_one_is_refused() {
    let text =
        |symbol: &str| format!(r#"{{"level": 1, "size": {{"width": 1, "height": 2}}, "sku": "k", "shelf": {symbol}}}"#);
    assert_eq!(read("StockLevelChanged v2", &text("\"LOW\"")).unwrap()["shelf"], "LOW");
    assert!(read("StockLevelChanged v2", &text("\"Low\"")).is_err());
    assert!(read("StockLevelChanged v2", &text("0")).is_err());
}

#[test]
fn a_branch_of_a_union_is_named_and_an_unknown_one_is_refused() {
    let event = |field: &str, value: Value| {
        let mut event = json!({"payload": {"boolean": true}, "by_key": {}, "only": {"number": "1"}, "maybe": [],
            "narrowed": 1, "widened": null});
        event[field] = value;
        event.to_string()
    };
    let check = |field: &str, value: Value, expected: Value| {
        assert_eq!(read("PayloadSent v2", &event(field, value)).unwrap()[field], expected);
    };
    check("payload", Value::Null, Value::Null);
    check("payload", json!({"double": "NaN"}), json!({"double": "NaN"}));
    check("payload", json!({"bytes": "AP8="}), json!({"bytes": "AP8="}));
    check("payload", json!({"Digest": "AAEC"}), json!({"golden.hash.Digest": "AAEC"}));
    check("reason", json!({"golden.unions.Limit": "NONE"}), json!({"golden.unions.Limit": "NONE"}));
    check("tree", json!({"string": "x"}), json!({"string": "x"}));
    for wrong in
        [json!({"long": 1}), json!({"null": null}), json!("x"), json!({}), json!({"string": "x", "boolean": true})]
    {
        assert!(read("PayloadSent v2", &event("payload", wrong.clone())).is_err(), "{wrong}");
    }
    assert!(read("PayloadSent v2", &event("tree", Value::Null)).is_err());
}

#[test]
fn times_are_iso_8601_and_timestamps_utc() {
    let check = |field: &str, value: &str, expected: Option<&str>| {
        let mut event = json!({"at_millis": "1970-01-01T00:00:00Z"});
        event[field] = json!(value);
        let read = read("EverythingMeasured v2", &event.to_string()).ok().map(|read| read[field].clone());
        assert_eq!(read, expected.map(|text| json!(text)), "{field} {value}");
    };
    check("at_millis", "2026-02-03T04:05:06.789+02:00", Some("2026-02-03T02:05:06.789Z"));
    check("at_millis", "2026-02-03T04:05:06", None);
    check("at_nanos", "2262-04-11T23:47:16.854775807Z", Some("2262-04-11T23:47:16.854775807Z"));
    check("at_nanos", "2262-04-11T23:47:16.854775808Z", None);
    check("local_micros", "2026-02-03T04:05:06.123456", Some("2026-02-03T04:05:06.123456"));
    check("local_micros", "2026-02-03T04:05:06.123456Z", None);
    check("day", "2024-02-29", Some("2024-02-29"));
    check("day", "2023-02-29", None);
    check("time_millis", "23:59:59.999", Some("23:59:59.999"));
    check("time_micros", "24:00:00", None);
}

#[test]
fn shared_types_have_the_form_of_their_own_schema() {
    let money = json!({"currency": "EUR", "amount": "1.50", "tax_included": false});
    let value = json!({"payment_id": "p", "paid": money, "fees": {"card": money},
        "list_price": {"net": money, "reduced": null}, "weight": "AAAAAQ=="});
    assert_eq!(read("PaymentTaken v3", &value.to_string()), Ok(value));

    let short = json!({"payment_id": "p", "paid": {"currency": "EUR", "amount": 2}});
    let filled = json!({"currency": "EUR", "amount": "2.00", "tax_included": true});
    assert_eq!(read("PaymentTaken v3", &short.to_string()).unwrap()["paid"], filled);
    // Version 1 of the type has no such field, and so have the events that use it.
    let newer = json!({"payment_id": "p", "paid": filled});
    assert!(read("PaymentTaken v2", &newer.to_string()).is_err());
    let older = json!({"payment_id": "p", "paid": {"amount": "2.00", "currency": "EUR"}});
    assert_eq!(
        read("PaymentTaken v2", &older.to_string()).unwrap()["tip"],
        json!({"amount": "0.01", "currency": "GBP"})
    );
}

#[test]
fn personal_data_is_masked_in_debug_and_not_in_json() {
    let card = unions::payload_sent::v3::Card::new("4111".into());
    let debug = format!("{card:?}");
    assert!(debug.starts_with(r#"Card { number: ***, issuer: Long(7)"#), "{debug}");
    assert_eq!(serde_json::to_value(&card).unwrap()["number"], "4111");
    let contact = shared::Contact::new("Ada".into(), shared::contact::v2::ContactReach::String("7".into()));
    assert_eq!(format!("{contact:?}"), r#"Contact { name: ***, reach: String("7"), spare: None }"#);
}
