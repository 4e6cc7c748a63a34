//! What bytes of one version mean in another, written out: the expected values follow Avro 1.12, "Schema Resolution",
//! and not any implementation. Each case runs through generated code where that pair is generated, and through a plan.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use eventwright_codegen_tests::{Row, avro_rows, references};
use eventwright_schema::avro::dynamic;
use eventwright_schema::avro::resolve;
use eventwright_wire::avro::Transcoder;
use serde_json::{Value, json};

fn find(name: &str) -> Row {
    avro_rows().into_iter().find(|row| row.name() == name).unwrap()
}

/// Decodes what `writer` writes for `value` into `reader`, both named as in `OrderPlaced v1`.
fn decode(writer: &str, value: &Value, reader: &str) -> Result<Value, String> {
    let (writer, reader) = (find(writer), find(reader));
    let schemas = [writer, reader].map(|row| references::avro_schema(row.schema));
    let mut bytes = Vec::new();
    dynamic::encode_json(&schemas[0], value, &mut bytes).unwrap();
    let transcoder = Transcoder::new(&resolve(&schemas[0], &schemas[1]).unwrap());
    let planned = (reader.decode_with)(&transcoder, &bytes).map_err(|error| error.to_string());
    let index = reader.writer(writer.schema).expect("the pair is generated");
    let generated = (reader.decode)(index, &bytes).map_err(|error| error.to_string());
    assert_eq!(generated, planned);
    generated.map(|decoded| decoded.json)
}

fn check(writer: &str, value: &Value, reader: &str, expected: &Value) {
    assert_eq!(decode(writer, value, reader).as_ref(), Ok(expected));
}

fn shipment() -> Value {
    json!({
        "shipment_id": "s1", "parcels": -3, "weight": 0.1, "volume": 16_777_217, "label": "ä", "barcode": "QUJD",
        "carrier": "DHL", "mode": "SEA",
        "legacy": {"nothing": null, "flags": [true, false], "weights": {"a": null, "b": 1.5}, "digest": "AAEC",
            "mode": "RAIL", "again": {"nothing": null, "flags": [], "weights": {}, "digest": "AAEC", "mode": "SEA",
            "again": null}},
        "origin": {"street": "Hafen 1", "city": "Kiel"}, "stops": [{"street": "a", "city": "b"}],
        "depots": {"x": {"street": "c", "city": "d"}}, "fallback": {"street": "e", "city": "f"},
        "comment": "fragile", "remark": "r", "bonus": 5, "insured": true, "seal": "AAECAw==", "unit": {"symbol": "kg"},
    })
}

#[test]
fn fields_are_added_removed_renamed_reordered_and_promoted() {
    let expected = json!({
        "mode": "OTHER", "booking_no": null, "shipment_id": "s1", "parcels": -3,
        "weight": f64::from(0.1_f32), "volume": 16_777_216.0, "label": "w6Q=", "barcode": "ABC", "haulier": "DHL",
        "origin": {"city": "Kiel", "country": "DE", "street": "Hafen 1"},
        "stops": [{"city": "b", "country": "DE", "street": "a"}],
        "depots": {"x": {"city": "d", "country": "DE", "street": "c"}},
        "fallback": {"city": "f", "country": "DE", "street": "e"},
        "comment": "fragile", "remark": "r", "bonus": 5, "insured": true, "seal": "AAECAw==", "unit": {"symbol": "kg"},
    });
    check("ShipmentBooked v1", &shipment(), "ShipmentBooked v2", &expected);
}

#[test]
fn a_value_that_the_reader_has_no_place_for_is_an_error_with_its_path() {
    let check_error = |field: &str, value: Value, expected: &str| {
        let mut shipment = shipment();
        shipment[field] = value;
        assert_eq!(decode("ShipmentBooked v1", &shipment, "ShipmentBooked v2"), Err(expected.to_owned()));
    };
    check_error("insured", Value::Null, "`insured`: the writer writes null, the reader expects boolean");
    check_error("barcode", json!("/w=="), "`barcode`: a string is not UTF-8");
    let route = json!({"route_id": "r", "legs": 1, "carrier": "c", "mode": "PIPE", "stops": [],
        "depot": {"street": "s", "city": "c"}, "unit": {"symbol": "t"}, "bonus": null});
    let expected =
        "`mode`: the symbol `PIPE` is none of the reader's enum `golden.routes.Transport`, which has no default";
    assert_eq!(decode("RoutePlanned v1", &route, "RoutePlanned v3"), Err(expected.to_owned()));
}

#[test]
fn records_enums_and_fields_are_found_by_alias() {
    let v1 = json!({"route_id": "r", "legs": 7, "carrier": "DB", "mode": "SEA",
        "stops": [{"street": "s", "city": "Ulm"}], "depot": {"street": "", "city": ""}, "unit": {"symbol": "t"},
        "bonus": 3});
    let from_v1 = json!({"route_id": "r", "legs": 7.0, "carrier_name": "DB", "mode": "SEA",
        "via": [{"country": "??", "town": "Ulm"}], "unit": {"symbol": "t"}, "bonus": 3.0});
    check("RoutePlanned v1", &v1, "RoutePlanned v3", &from_v1);
    let v2 = json!({"route_id": "r", "legs": 9, "haulier": "SBB", "mode": "AIR",
        "stops": [{"street": "s", "city": "Bern", "country": "CH"}], "depots": {}, "unit": {"symbol": "t"},
        "bonus": null});
    let from_v2 = json!({"route_id": "r", "legs": 9.0, "carrier_name": "SBB", "mode": "AIR",
        "via": [{"country": "CH", "town": "Bern"}], "unit": {"symbol": "t"}, "bonus": null});
    check("RoutePlanned v2", &v2, "RoutePlanned v3", &from_v2);
}

#[test]
fn defaults_fill_what_the_writer_did_not_write_in_both_directions() {
    let v1 = json!({"sku": "k", "level": 1, "shelf": "HIGH", "size": {"width": 1, "height": 2}, "batch": "b",
        "reason": "sale"});
    let v2 = json!({
        "site": {"name": "main", "zone": 7, "manager": null}, "level": 1,
        "size": {"width": 1, "depth": -1, "height": 2}, "sku": "k", "shelf": "HIGH",
        "neighbours": [{"name": "a", "zone": 1, "manager": null}, {"name": "b", "zone": 7, "manager": null}],
        "counts": {"a": 1, "b": 2}, "reason": "sale",
    });
    check("StockLevelChanged v1", &v1, "StockLevelChanged v2", &v2);
    let mut newer = v2;
    newer["shelf"] = json!("MIDDLE");
    let back = json!({"sku": "k", "level": 1, "shelf": "LOW", "size": {"width": 1, "height": 2}, "batch": null,
        "reason": "sale"});
    check("StockLevelChanged v2", &newer, "StockLevelChanged v1", &back);
}

#[test]
fn a_timestamp_of_another_unit_is_the_same_instant() {
    let read = json!({"at": "2026-02-03T04:05:06.789Z"});
    check("ClockRead v1", &read, "ClockRead v2", &read);
}

#[test]
fn a_default_of_every_type_is_the_value_that_the_schema_writes() {
    let expected = json!({
        "at_millis": "2026-02-03T04:05:06.789Z", "nothing": null, "yes": true, "small": i32::MIN, "large": i64::MIN,
        "single": 0.1, "twice": -0.0, "huge": 1e300, "whole": 3.0, "raw": "AP9B", "text": "\"quoted\"\n\\ ä \0",
        "code": "Af4A", "suit": "HEARTS", "money": "-0.0256", "fee": "-652.80", "whole_money": "5",
        "text_uuid": "0b9c8f1e-3a52-4d0c-9d52-1f2b0b3f9d11", "fixed_uuid": "00010203-0405-0607-0809-0a0b0c0d0eff",
        "day": "1969-12-31", "time_millis": "23:59:59.999", "time_micros": "00:00:00.000001",
        "at_micros": "1969-12-31T23:59:59.999999Z", "at_nanos": "2023-11-14T22:13:20.123456789Z",
        "local_millis": "1969-12-31T23:59:59.999", "local_micros": "1970-01-01T00:00:00",
        "local_nanos": "1969-12-31T23:59:59.999999999", "null_first": null, "null_last": "SPADES",
        "maybe_day": "1970-01-01", "moneys": ["0.01", "-0.01"], "raws": {},
        "instants": {"k": ["1970-01-01T00:00:00Z", "1970-01-01T00:00:00.001Z"]}, "matrix": [[1.5], []],
        "nested_nulls": [null, null], "maybe_texts": null,
    });
    let v1 = json!({"at_millis": "2026-02-03T04:05:06.789Z"});
    check("EverythingMeasured v1", &v1, "EverythingMeasured v2", &expected);
}

#[test]
fn recursive_records_are_resolved_at_every_depth() {
    let leaf = json!({"text": "leaf", "parent": null, "replies": [], "by_name": {}, "list": null, "dropped": null,
        "ping": null});
    let mut v1 = leaf.clone();
    v1["replies"] = json!([leaf]);
    v1["list"] = json!({"item": 1, "next": {"item": 2, "next": null}});
    v1["dropped"] = json!({"item": 3, "next": {"item": 4, "next": null}});
    v1["ping"] = json!({"pong": {"count": 1, "ping": {"pong": null}}});
    let new_leaf = json!({"text": "leaf", "stars": 5, "parent": null, "replies": [], "by_name": {}, "list": null,
        "ping": null});
    let mut v2 = new_leaf.clone();
    v2["replies"] = json!([new_leaf]);
    v2["list"] = json!({"next": {"next": null, "item": 2, "label": "?"}, "item": 1, "label": "?"});
    v2["ping"] = json!({"pong": {"count": 1, "ping": {"pong": null}}});
    check("CommentThread v1", &v1, "CommentThread v2", &v2);
    v1["dropped"] = Value::Null;
    check("CommentThread v2", &v2, "CommentThread v1", &v1);
}

#[test]
fn the_branch_of_a_union_is_found_by_name_then_by_promotion() {
    let card = json!({"Card": {"number": "4", "limit": {"golden.unions.Limit": "DAILY"}}});
    let v1 = |payload: Value, dropped: Value| {
        json!({"payload": payload, "note": {"int": 3}, "reason": {"Limit": "NONE"},
            "texts": [null, {"string": "s"}, {"array": [{"string": "t"}, {"int": 2}]}],
            "by_key": {"a": card, "b": {"Limit": "NONE"}}, "only": card, "never": null, "maybe": [{"string": "m"}],
            "tree": {"Tree": {"left": {"int": 1}, "right": {"Tree": {"left": {"int": 2}}}}},
            "dropped": dropped, "narrowed": {"int": 9}, "widened": 7})
    };
    let card = json!({"number": "4", "issuer": {"long": 7}, "limit": {"golden.unions.Limit": "DAILY"}});
    let v3 = |payload: Value| {
        json!({"payload": payload, "note": {"long": 3}, "reason": {"golden.unions.Limit": "NONE"},
            "texts": [null, {"string": "s"}, {"array": [{"string": "t"}, {"float": 2.0}]}],
            "by_key": {"a": {"golden.unions.Card": card}, "b": {"golden.unions.Limit": "NONE"}}, "only": card,
            "maybe": [{"string": "m"}],
            "tree": {"golden.unions.Tree": {"left": {"int": 1}, "all": [],
                "right": {"golden.unions.Tree": {"left": {"int": 2}, "right": null, "all": []}}}},
            "narrowed": 9, "widened": {"int": 7},
            "added": {"golden.unions.Card": {"number": "1", "issuer": {"long": 7},
                "limit": {"golden.unions.Limit": "DAILY"}}},
            "added_list": [{"string": "a"}, null, {"int": 3}],
            "added_map": {"d": {"golden.hash.Digest": "AP9B"}, "f": {"float": 0.5}, "t": {"boolean": true}}})
    };
    let check = |payload: Value, expected: Value| {
        let dropped = json!({"map": {"a": null, "b": {"float": 1.5}, "c": {"Tree": {"left": {"int": 1}}}}});
        check("PayloadSent v1", &v1(payload, dropped), "PayloadSent v3", &v3(expected));
    };
    check(json!({"string": "x"}), json!({"string": "x"}));
    check(json!({"long": 5}), json!({"double": 5.0}));
    check(json!({"bytes": "AA=="}), json!({"bytes": "AA=="}));
    check(json!({"Digest": "AAEC"}), json!({"golden.hash.Digest": "AAEC"}));
    check(json!({"Card": {"number": "4", "limit": {"Limit": "DAILY"}}}), json!({"golden.unions.Card": card}));
}

#[test]
fn a_branch_that_the_reader_has_no_place_for_is_an_error_when_it_comes() {
    let value = |narrowed: Value| {
        json!({"payload": {"long": 1}, "by_key": {}, "only": {"Card": {"number": "1"}}, "dropped": null,
            "narrowed": narrowed, "widened": 1, "maybe": []})
    };
    let check = |narrowed: Value, what: &str| {
        let expected = format!("`narrowed`: the writer writes {what}, the reader expects long");
        assert_eq!(decode("PayloadSent v1", &value(narrowed), "PayloadSent v3"), Err(expected));
    };
    check(Value::Null, "null");
    check(json!({"string": "1"}), "string");
    assert!(decode("PayloadSent v1", &value(json!({"int": 1})), "PayloadSent v3").is_ok());
    let error =
        decode("MeasureTaken v1", &json!({"value": {"map": {"k": "/w=="}}, "raw": {"float": 1.0}}), "MeasureTaken v3");
    assert_eq!(error, Err("`value[\"k\"]`: a string is not UTF-8".to_owned()));
}

#[test]
fn long_decimals_are_exact_durations_text_and_invalid_logical_types_ignored() {
    let wei = "-12345678901234567890123456789012345678901234567890123456789012345678901234567";
    let v1 = json!({"wei": wei, "grown": "12345678901234567.890"});
    let v2 = json!({"widened": "12345678901234567.890", "wei": wei, "fee": "-0.000000000000000002", "maybe": null,
        "several": [{"string": "\u{1}"}],
        "lasts": "P1M2DT3.004S", "spans": null, "wrong_base": "a", "wrong_size": "AQI=", "nanos": "1970-01-01T00:00:00.000000001Z", "local_nanos": null});
    check("RareValues v1", &v1, "RareValues v2", &v2);
    let back = json!({"wei": wei, "grown": "0.000"});
    check("RareValues v2", &v2, "RareValues v1", &back);
}

#[test]
fn keys_are_text_whatever_the_field_is_called_and_whatever_its_type() {
    let key = |row: &str, value: Value| {
        let row = find(row);
        let bytes = (row.encode_json)(&value.to_string()).unwrap();
        (row.decode)(row.own(), &bytes).unwrap().key
    };
    assert_eq!(key("AccountOpened v1", json!({"account": -5})).as_deref(), Some("-5"));
    let measured = json!({"at_millis": "1970-01-01T00:00:00.5Z", "day": "2026-02-03"});
    assert_eq!(key("EverythingMeasured v2", measured).as_deref(), Some("2026-02-03"));
    let route = json!({"route_id": "r", "legs": 1, "carrier_name": "c", "mode": "RAIL", "via": [],
        "unit": {"symbol": "t"}, "bonus": null});
    assert_eq!(key("RoutePlanned v3", route).as_deref(), Some("RAIL"));
}

#[test]
fn a_version_keeps_the_shared_type_that_it_was_written_with() {
    let money = json!({"amount": "1.50", "currency": "EUR"});
    let new = json!({"amount": "1.50", "currency": "EUR", "tax_included": true});
    let v1 = json!({"payment_id": "p", "paid": money, "fees": {"card": money}});
    let price = json!({"net": {"amount": "0.05", "currency": "EUR", "tax_included": false}, "reduced": null});
    let v3 = json!({"payment_id": "p", "paid": new, "fees": {"card": new}, "list_price": price, "weight": "AAAAAQ=="});
    check("PaymentTaken v1", &v1, "PaymentTaken v3", &v3);
    check("PaymentTaken v3", &v3, "PaymentTaken v1", &v1);
    // A union of its own is another enum in each version of the type, and a union with the type keeps its branch.
    let call =
        |about: Value| json!({"account": {"number": 7, "region": "NORTH"}, "caller": {"desk": 3}, "about": about});
    let old = call(json!({"crm.Contact": {"name": "Bo", "reach": {"crm.Post": {"street": "s"}}}}));
    let mut new = call(json!({"crm.Contact": {"name": "Bo", "reach": {"crm.Post": {"street": "s"}}, "spare": null}}));
    new["others"] = json!([{"name": "Ada", "reach": {"long": 7}, "spare": null}]);
    check("CallMade v1", &old, "CallMade v2", &new);
    check("CallMade v2", &new, "CallMade v1", &old);
    // A type that an event defined itself and then took from a shared one is the same to its readers.
    let refund = json!({"line": {"refunded": money}});
    let shared = json!({"line": {"refunded": money}, "fee": null});
    check("RefundIssued v1", &refund, "RefundIssued v2", &shared);
}
