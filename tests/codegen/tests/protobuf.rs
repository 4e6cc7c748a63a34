//! Generated Protobuf events: bytes against prost-reflect, and the JSON mapping (protobuf.dev, "ProtoJSON Format").
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use eventwright_codegen_tests::protobuf::invoice_issued::{v1, v2};
use eventwright_codegen_tests::{Row, canonical, protobuf_rows, random, references, shared};
use eventwright_schema::proto::{Schema, dynamic};
use eventwright_wire::Event;
use eventwright_wire::prost::Message;
use serde_json::{Value, json};

fn find(name: &str) -> Row {
    protobuf_rows().into_iter().find(|row| row.name() == name).unwrap()
}

fn schema(row: &Row) -> Schema {
    references::proto_schema(row.schema)
}

/// Reads JSON by both ways, which must agree, and returns what it is written as.
fn read(text: &str) -> Result<Value, String> {
    read_as("InvoiceIssued v2", text)
}

fn read_as(row: &str, text: &str) -> Result<Value, String> {
    let row = find(row);
    let schema = schema(&row);
    let message = schema.message_at(row.schema.message_indexes).unwrap();
    let mut bytes = Vec::new();
    let value = serde_json::from_str(text).unwrap();
    let dynamic = dynamic::encode_json(&message, &value, &mut bytes).map_err(|error| error.to_string());
    let generated = (row.encode_json)(text);
    match (dynamic, generated) {
        (Ok(()), Ok(generated)) => assert_eq!(generated, bytes, "{text}"),
        (Err(dynamic), Err(generated)) => return Err(format!("{dynamic} | {generated}")),
        (dynamic, generated) => panic!("{text}: dynamic {dynamic:?}, generated {generated:?}"),
    }
    let decoded = (row.decode)(row.own(), &bytes).unwrap().json;
    assert_eq!(decoded, canonical(dynamic::decode_json(&message, &bytes).unwrap()));
    Ok(decoded)
}

fn check(value: &Value) {
    assert_eq!(read(&value.to_string()), Ok(value.clone()));
}

#[test]
fn random_messages_have_the_meaning_and_json_that_prost_reflect_finds() {
    for row in protobuf_rows() {
        let schema = schema(&row);
        let message = schema.message_at(row.schema.message_indexes).unwrap();
        random::check(&random::messages(&message), 96, |value| {
            let mut bytes = Vec::new();
            dynamic::encode_json(&message, value, &mut bytes).unwrap();
            let decoded = (row.decode)(row.own(), &bytes).unwrap();
            // prost leaves out a default in a map's entry where prost-reflect writes it, so that bytes are compared with
            // what prost makes of them.
            let encoded = decoded.bytes.unwrap();
            assert_eq!((row.encode_json)(&value.to_string()).as_ref(), Ok(&encoded));
            for bytes in [&bytes, &encoded] {
                assert_eq!(decoded.json, canonical(dynamic::decode_json(&message, bytes).unwrap()));
            }
        });
    }
}

#[test]
fn bytes_are_those_of_prost() {
    let invoice = v2::InvoiceIssued {
        number: "7".into(),
        payment: Some(v2::invoice_issued::Payment::PayCents(-1)),
        totals: [("a".into(), 1)].into(),
        ..Default::default()
    };
    let mut bytes = vec![9];
    Event::encode(&invoice, &mut bytes).unwrap();
    assert_eq!(bytes.split_first(), Some((&9, invoice.encode_to_vec().as_slice())));
}

#[test]
fn versions_read_each_other() {
    let old = v1::InvoiceIssued { number: "7".into(), state: v1::State::Open.into() };
    let new =
        v2::InvoiceIssued { number: "8".into(), state: Some(v2::State::Paid.into()), paid: true, ..Default::default() };
    let bytes = |encode: &dyn Fn(&mut Vec<u8>)| {
        let mut out = Vec::new();
        encode(&mut out);
        out
    };
    let old_bytes = bytes(&|out| Event::encode(&old, out).unwrap());
    let new_bytes = bytes(&|out| Event::encode(&new, out).unwrap());
    let read = <v2::InvoiceIssued as Event>::decode(0, &old_bytes).unwrap();
    assert_eq!((read.number.as_str(), read.state, read.paid), ("7", Some(1), false));
    assert_eq!(read.key().as_deref(), Some("STATE_OPEN"));
    let read = <v1::InvoiceIssued as Event>::decode(1, &new_bytes).unwrap();
    // A number that the older enum does not name stays a number.
    assert_eq!(read, v1::InvoiceIssued { number: "8".into(), state: 2 });
    assert_eq!(read.key().as_deref(), Some("2"));
    assert_eq!(read.event_id().as_deref(), Some("8"));
    assert!(<v1::InvoiceIssued as Event>::decode(2, &new_bytes).is_err());
}

#[test]
fn json_names_are_lower_camel_case_and_both_spellings_are_read() {
    let value = json!({"noteToPayer": "n", "bySku": {"a": {"unitCents": "5"}}, "dueIn": "3s"});
    let spelt = json!({"note_to_payer": "n", "by_sku": {"a": {"unit_cents": "5"}}, "due_in": "3s"});
    check(&value);
    assert_eq!(read(&spelt.to_string()), Ok(value));
}

#[test]
fn keys_that_are_unknown_or_there_twice_are_refused() {
    let generated = |text: &str| (find("InvoiceIssued v2").encode_json)(text).map(drop).unwrap_err();
    let check = |text: &str, expected: &str| {
        let error = generated(text);
        assert!(error.starts_with(expected), "{text}: {error}");
    };
    check(r#"{"nothing": 1}"#, "unknown field `nothing`, expected one of `number`, ");
    check(r#"{"number": "7", "number": "8"}"#, "duplicate field `number` at line 1");
    check(r#"{"noteToPayer": "a", "note_to_payer": "b"}"#, "duplicate field `note_to_payer` at line 1");
    check(r#"{"large": 1, "large": "2"}"#, "duplicate field `large` at line 1");
    check(r#"{"state": "STATE_PAID", "state": 1}"#, "duplicate field `state` at line 1");
    check(r#"["7"]"#, "invalid type: sequence, expected a message as an object");
    check(r#"{"n\u006fthing": 1}"#, "unknown field `nothing`");
    assert_eq!(read(r#"{"n\u0075mber": "7"}"#), Ok(json!({"number": "7"})));
}

#[test]
fn integers_of_64_bits_are_text_and_read_from_both() {
    check(&json!({"large": "18446744073709551615", "zigzag": "-9223372036854775808", "totals": {"a": "1"},
        "history": ["1", "-2"], "discountCents": "0", "fixedLarge": "7", "small": 5}));
    let numbers = json!({"large": 7, "zigzag": -7, "totals": {"a": 1}, "history": [1, -2], "discountCents": 0});
    let texts =
        json!({"large": "7", "zigzag": "-7", "totals": {"a": "1"}, "history": ["1", "-2"], "discountCents": "0"});
    assert_eq!(read(&numbers.to_string()), Ok(texts));
}

#[test]
fn enums_are_names_and_unknown_numbers_stay_numbers() {
    check(&json!({"state": "STATE_PAID", "kinds": {"a": "KIND_GOODS"}, "seenKinds": ["KIND_SERVICE", 9]}));
    check(&json!({"route": {"hops": ["HOP_SWIFT"], "firstHop": "HOP_NONE"}}));
    assert_eq!(read(r#"{"state": 2}"#), Ok(json!({"state": "STATE_PAID"})));
    assert!(read(r#"{"state": "STATE_LOST"}"#).is_err());
}

#[test]
fn oneofs_are_their_field() {
    check(&json!({"payKind": "KIND_GOODS"}));
    check(&json!({"payCents": "5"}));
    check(&json!({"transfer": {"iban": "DE"}}));
    check(&json!({"payToken": "AP8="}));
    check(&json!({"payNote": ""}));
    check(&json!({"route": {"otherKind": "KIND_SERVICE"}}));
    assert_eq!(read(r#"{"pay_cents": 5}"#), Ok(json!({"payCents": "5"})));
}

#[test]
fn other_types_follow_the_mapping() {
    check(&json!({"signature": "AP8=", "scans": {"-5": "AP8="}, "issuedAt": "2026-02-03T04:05:06.789Z", "paid": true,
        "dueIn": "-1.500s", "ratio": "NaN", "share": 0.1, "reminders": ["1970-01-01T00:00:00Z"], "type": "t",
        "self": "s", "corrects": {"number": "6", "corrects": {}}, "lines": [{"lineKind": "KIND_GOODS"}, {}],
        "maybeCents": "0", "maybeText": "", "maybeScan": "AA=="}));
}

#[test]
fn a_float_beyond_its_range_is_refused_by_its_name() {
    let largest = json!({"share": 3.4028235e38});
    // Half a step above the largest float, it is rounded to it; from there on it is infinite.
    for text in ["3.4028235e38", "3.4028235677e38", "3.4028234663852886e38"] {
        assert_eq!(read(&format!(r#"{{"share": {text}}}"#)), Ok(largest.clone()), "{text}");
        assert_eq!(read(&format!(r#"{{"share": "{text}"}}"#)), Ok(largest.clone()), "{text}");
    }
    for text in ["NaN", "Infinity", "-Infinity"] {
        check(&json!({"share": text, "ratio": text}));
    }
    let check_refused = |row: &str, text: &str, found: &str| {
        let error = read_as(row, text).unwrap_err();
        assert_eq!(error.matches(found).count(), 2, "{error}");
    };
    let [invoice, kinds] = ["InvoiceIssued v2", "NewKinds v1"];
    check_refused(
        invoice,
        r#"{"share": 3.4028236e38}"#,
        "`share`: expected a number within its range, found `3.4028236e",
    );
    check_refused(invoice, r#"{"share": "-1e39"}"#, "`share`: expected a number within its range, found `-1e39`");
    check_refused(invoice, r#"{"corrects": {"ratio": "1e400"}}"#, "`ratio`: expected a number within its range");
    check_refused(kinds, r#"{"packedFloats": [1, "1e39"]}"#, "`packedFloats`: expected a number within its range");
    check_refused(kinds, r#"{"byUint64": {"7": "1e39"}}"#, "`byUint64`: expected a number within its range");
}

#[test]
fn null_is_the_default_of_every_field() {
    let nulls = json!({"number": null, "lines": null, "totals": null, "small": null, "large": null, "signature": null,
        "issuedAt": null, "ratio": null, "paid": null, "seenKinds": null, "corrects": null, "noteToPayer": null});
    assert_eq!(read(&nulls.to_string()), Ok(json!({})));
}

#[test]
fn a_field_that_the_message_does_not_have_is_refused() {
    assert!(read(r#"{"lines": [{"colour": 1}]}"#).is_err());
}

#[test]
fn a_oneof_is_read_strictly() {
    assert!(read(r#"{"payCents": "abc"}"#).is_err());
    assert!(read(r#"{"payKind": "KIND_LOST"}"#).is_err());
    assert!(read(r#"{"payCents": "1", "payNote": "n"}"#).is_err());
    assert!(read(r#"{"colour": 1}"#).is_err());
    assert!(read(r#"{"route": {"colour": 1}}"#).is_err());
}

#[test]
fn shared_messages_and_enums_have_one_type_and_the_same_mapping() {
    let value = json!({"address": {"lines": ["a"], "place": {"latitude": 1.5, "precision": "EXACT"}, "country": "FR"},
        "kind": "LOCKER", "attempts": [{"at": "2026-02-03T04:05:06Z", "onlyNear": "EXACT"}, {"leftAt": {}},
        {"collectedFrom": "DOOR"}], "seen": {"x": {"longitude": 2.0}}, "precisions": ["EXACT", 9], "machine": "DOOR"});
    assert_eq!(read_as("ParcelDelivered v2", &value.to_string()), Ok(value));
    let unknown = json!({"address": {"country": "FR"}});
    assert!(read_as("ParcelDelivered v1", &unknown.to_string()).is_err());

    let place = shared::Place { latitude: 1.0, ..Default::default() };
    let old = shared::parcel_delivered::v1::ParcelDelivered {
        address: Some(shared::address::v1::Address { lines: vec![], place: Some(place) }),
        kind: shared::place::v1::PlaceKind::Door.into(),
    };
    assert_eq!(old.key().as_deref(), Some("DOOR"));
    let mut bytes = Vec::new();
    Event::encode(&old, &mut bytes).unwrap();
    let new = <shared::ParcelDelivered as Event>::decode(0, &bytes).unwrap();
    assert_eq!(new.address.unwrap().place, Some(place));
}
