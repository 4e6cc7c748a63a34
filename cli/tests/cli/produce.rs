//! `eventwright produce` writes what fits and says what does not.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Finished, Registry, by_key, run, unique};

const UUID: &str = "0b9c8f1e-3a52-4d0c-9d52-1f2b0b3f9d11";

fn order(customer: &str) -> String {
    let value = json!({
        "order_id": UUID, "customer_id": customer, "currency": "EUR", "created_at": "2026-02-03T04:05:06Z",
    });
    format!("{value}\n")
}

fn customers(records: &[Value]) -> Vec<&str> {
    records.iter().map(|record| record["value"]["customer_id"].as_str().unwrap()).collect()
}

#[test]
fn what_tail_prints_can_be_produced_again() {
    let registry = Registry::start();
    let (topic, copy) = (unique("original"), unique("copy"));
    registry.produce(&[&topic, "--event", "OrderCreated@v1", "--register"], &order("ada"));
    registry.produce(&[&topic, "--event", "OrderCreated@v2", "--register"], &order("bob"));
    registry.produce(&[&topic, "--event", "PaymentSettled", "--register"], r#"{"payment_id":"p","order_id":"o"}"#);
    let by_hand = json!({
        "key": {"base64": "/w=="}, "headers": [["b", null], ["a", {"base64": "/g=="}], ["a", "x"]], "value": null,
        "timestamp": "2026-02-03T04:05:06.789Z",
    });
    registry.produce(&[&topic, "--input", "envelope"], &by_hand.to_string());
    let printed = registry.run(&["tail", &topic, "--until-end"], "").stdout;
    assert_eq!(printed.lines().count(), 4);
    registry.produce(&[&copy, "--input", "envelope"], &printed);
    let times = |topic: &str| {
        let mut times: Vec<_> = registry.tail(topic).iter().map(|record| record["timestamp"].to_string()).collect();
        times.sort_unstable();
        times
    };
    assert_eq!(times(&topic), times(&copy));
    let expected = by_key(registry.tail(&topic)).into_iter().map(|line| line.replace(&topic, &copy));
    assert_eq!(by_key(registry.tail(&copy)), expected.collect::<Vec<_>>());
}

#[test]
fn an_envelope_is_written_with_the_schema_that_the_command_line_names() {
    let registry = Registry::start();
    let (topic, copy) = (unique("old"), unique("new"));
    registry.produce(&[&topic, "--event", "OrderCreated@v1", "--register"], &order("ada"));
    let printed = registry.run(&["tail", &topic, "--until-end"], "").stdout;
    registry.produce(&[&copy, "--event", "OrderCreated@v2", "--register", "--input", "envelope"], &printed);
    let record = registry.tail(&copy).remove(0);
    assert_eq!((record["schema_version"].as_u64(), &record["value"]["items"]), (Some(2), &json!([])));
    let headers = record["headers"].as_array().unwrap();
    assert!(headers.contains(&json!(["ew-schema-version", "2"])), "{headers:?}");
    assert!(!headers.contains(&json!(["ew-schema-version", "1"])), "{headers:?}");
}

#[test]
fn a_subject_of_the_registry_needs_no_manifest() {
    let registry = Registry::start();
    registry.produce(&["--event", "OrderCreated@v1", "--register"], "");
    registry.produce(&["--event", "OrderCreated@v2", "--register"], "");
    // Where a manifest is looked for if none is named, there is none.
    let nowhere = Path::new("schemas/events.toml");
    let check = |arguments: &[&str], version: u64, key: Value| {
        let topic = unique("subject");
        let command = registry.command_with(nowhere, &[&["produce", &topic], arguments].concat());
        let finished = run(command, &order("ada"));
        assert_eq!(finished.code, Some(0), "{finished:?}");
        let record = registry.tail(&topic).remove(0);
        assert_eq!((record["schema_version"].as_u64(), &record["key"]), (Some(version), &key), "{arguments:?}");
        let name = json!(["ew-event", "OrderCreated"]);
        assert!(record["headers"].as_array().unwrap().contains(&name), "{record}");
    };
    check(&["--subject", "orders-value"], 2, Value::Null);
    check(&["--subject", "orders-value@1", "--key", "customer_id"], 1, json!("ada"));
    check(&["--event", "OrderCreated@1", "--key", "order_id"], 1, json!(UUID));
    check(&["--event", "OrderCreated"], 2, Value::Null);
}

#[test]
fn a_message_that_is_not_the_first_of_its_file_can_be_named() {
    let registry = Registry::start();
    let topic = unique("messages");
    registry.produce(&["--event", "PaymentSettled@v1", "--register"], "");
    let money = r#"{"currency":"EUR","minorUnits":"5"}"#;
    registry.produce(&[&topic, "--subject", "payments-value", "--message", "Money"], money);
    let record = registry.tail(&topic).remove(0);
    assert_eq!((record["event"].as_str(), record["value"].to_string()), (Some("Money"), money.to_owned()));
    let finished = registry.run(&["produce", &topic, "--subject", "payments-value", "--message", "Nope"], "");
    assert_eq!(finished.code, Some(101));
    assert!(finished.stderr.contains("the file has no message `Nope`"), "{}", finished.stderr);
}

#[test]
fn numbers_keep_all_their_digits() {
    let registry = Registry::start();
    let topic = unique("digits");
    let value = order("ada").replace('}', r#","price":1234567890123456.78}"#);
    registry.produce(&[&topic, "--event", "OrderCreated@v1", "--register"], &value);
    assert_eq!(registry.tail(&topic)[0]["value"]["price"], "1234567890123456.78");
}

#[test]
fn the_first_wrong_line_ends_the_command_and_the_lines_before_it_are_written() {
    let registry = Registry::start();
    registry.produce(&["--event", "OrderCreated@v1", "--register"], "");
    let check = |wrong: &str, code: i32, expected: &str| {
        let topic = unique("wrong");
        let input = format!("{}\n{}{wrong}\n{}", order("ada"), order("bob"), order("eve"));
        let finished = registry.run(&["produce", &topic, "--event", "OrderCreated@v1"], &input);
        assert_eq!(finished.code, Some(code), "{finished:?}");
        // The blank line counts, so that the number is the one that an editor shows.
        assert!(finished.stderr.contains(&format!("error: line 4: {expected}")), "{}", finished.stderr);
        assert!(finished.stderr.contains("2 records written to"), "{}", finished.stderr);
        assert_eq!(finished.stdout, "");
        assert_eq!(customers(&registry.tail(&topic)), ["ada", "bob"]);
    };
    check("{", 101, "expected a JSON value, found its beginning only");
    check("{} {}", 101, "column 4: expected a JSON value: trailing characters");
    check("\u{7}", 101, "column 1: expected a JSON value");
    check("null", 100, "expected an object, found null");
    check(&order("x").replace("EUR", "XXX"), 100, "`currency`: `XXX` is none of the symbols EUR, USD, GBP");
    check(&order("x").replace("customer_id", "customer"), 100, "the schema has no field `customer`");
    check(&order("x").replace("\"x\"", "7"), 100, "`customer_id`: expected text, found a number");
}

#[test]
fn wrong_lines_are_left_out_where_the_rest_shall_go_on() {
    let registry = Registry::start();
    let topic = unique("going");
    let input = format!("{}7\n{}{{}}\n{}", order("ada"), order("bob"), order("eve"));
    let arguments = ["produce", &topic, "--event", "OrderCreated@v1", "--register", "--keep-going"];
    let finished = registry.run(&arguments, &input);
    assert_eq!(finished.code, Some(100), "{finished:?}");
    assert!(finished.stderr.contains("error: line 2: ") && finished.stderr.contains("error: line 4: "));
    assert!(finished.stderr.contains("3 records written to"), "{}", finished.stderr);
    assert_eq!(customers(&registry.tail(&topic)), ["ada", "bob", "eve"]);
    let worse = registry.run(&arguments, &format!("{{\n{{}}\n{}", order("ada")));
    assert_eq!(worse.code, Some(101), "{worse:?}");
}

#[test]
fn wrong_envelopes_are_named() {
    let registry = Registry::start();
    let topic = unique("envelopes");
    let check = |line: Value, expected: &str| {
        let finished = registry.run(&["produce", &topic, "--input", "envelope"], &line.to_string());
        assert_eq!(finished.code, Some(101), "{finished:?}");
        assert!(finished.stderr.contains(expected), "{}", finished.stderr);
    };
    check(json!({"val": 1}), "line 1: an envelope has no key `val`");
    check(json!({"value": {}}), "line 1: the line names no `subject`");
    check(json!({"value": {}, "subject": "nope-value"}), "Subject 'nope-value' not found");
    check(json!({"error": "x", "raw": "AA=="}), "line 1: the line holds a record that could not be decoded");
}

#[test]
fn a_schema_that_is_not_registered_is_not_written_with() {
    let registry = Registry::start();
    let topic = unique("unregistered");
    let check = |arguments: &[&str], expected: &str| {
        let finished: Finished = registry.run(&[&["produce", &topic], arguments].concat(), &order("ada"));
        assert_eq!(finished.code, Some(101), "{finished:?}");
        assert!(finished.stderr.contains(expected), "{}", finished.stderr);
    };
    check(&["--event", "OrderCreated"], "OrderCreated v2 is not registered under `orders-value`");
    check(&["--event", "OrderCreated"], "help: add --register");
    check(&["--event", "OrderCreated@v7"], "has the versions v1 to v2 only");
    check(&["--event", "Nope"], "no event `Nope` is in");
    check(&["--event", "Nope", "--register"], "has no event `Nope`");
    check(&["--event", "OrderCreated@1"], "no event `OrderCreated` is in");
    check(&["--subject", "nope"], "Subject 'nope' not found");
    registry.produce(&[&topic, "--event", "OrderCreated@v1", "--register"], "");
    check(&["--subject", "orders-value@2"], "Version 2 not found");
    check(&["--event", "OrderCreated@2"], "Version 2 not found");
}

#[test]
fn a_schema_that_is_not_compatible_is_a_finding() {
    let registry = Registry::start();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(unique("manifest"));
    std::fs::create_dir_all(folder.join("thing")).unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    write("events.toml", "[event.Thing]\nformat = \"avro\"\nfolder = \"thing\"\ntopic = \"things\"\n");
    let schema =
        |field: &str| format!(r#"{{"type":"record","name":"Thing","fields":[{{"name":"{field}","type":"string"}}]}}"#);
    write("thing/v1.avsc", &schema("a"));
    write("thing/v2.avsc", &schema("b"));
    let manifest = folder.join("events.toml");
    let produce = |event: &str| {
        let topic = unique("things");
        run(registry.command_with(&manifest, &["produce", &topic, "--event", event, "--register"]), "")
    };
    assert_eq!(produce("Thing@v1").code, Some(0));
    let refused = produce("Thing@v2");
    assert_eq!(refused.code, Some(100), "{refused:?}");
    assert!(refused.stderr.contains("Thing v2 is refused"), "{}", refused.stderr);
    assert!(refused.stderr.contains("READER_FIELD_MISSING_DEFAULT_VALUE"), "{}", refused.stderr);
    write("thing/v2.avsc", "{");
    let broken = produce("Thing@v2");
    assert_eq!(broken.code, Some(101), "{broken:?}");
    assert!(broken.stderr.contains("v2.avsc:1:"), "{}", broken.stderr);
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn records_of_one_key_keep_their_order_and_all_arrive() {
    let registry = Registry::start();
    let topic = unique("many");
    let input: String = (0..5000).map(|number| order(&number.to_string())).collect();
    let finished = registry.produce(&[&topic, "--event", "OrderCreated@v1", "--register"], &input);
    assert!(finished.stderr.contains("5000 records written to"), "{}", finished.stderr);
    let expected: Vec<_> = (0..5000).map(|number| number.to_string()).collect();
    assert_eq!(customers(&registry.tail(&topic)), expected);
}

#[test]
fn shared_types_are_registered_first_and_read_by_tail() {
    let registry = Registry::start();
    // The schemas of codegen's golden test: two versions of an Avro type, and Protobuf files that import each other.
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../codegen/tests/golden/shared/events.toml");
    let run = |arguments: &[&str], input: &Value| {
        let topic = unique("shared");
        let command = registry.command_with(&manifest, &[&["produce", &topic], arguments].concat());
        (run(command, &input.to_string()), topic)
    };
    let check = |event: &str, value: Value, note: &str| {
        let (finished, topic) = run(&["--event", event, "--register"], &value);
        assert_eq!(finished.code, Some(0), "{finished:?}");
        assert!(finished.stderr.contains(note), "{}", finished.stderr);
        // What a shared type marks as personal data is masked.
        let shown = value.to_string().replace("\"Ada\"", "\"***\"");
        assert_eq!(registry.tail(&topic)[0]["value"], serde_json::from_str::<Value>(&shown).unwrap());
    };
    let old = json!({"amount": "1.50", "currency": "EUR"});
    let new = json!({"currency": "EUR", "amount": "1.50", "tax_included": true});
    let payment = json!({"payment_id": "p", "paid": old, "fees": {"card": old}});
    let (refused, _) = run(&["--event", "PaymentTaken@v1"], &payment);
    assert_eq!(refused.code, Some(101), "{refused:?}");
    let missing = "Money v1 is not registered under `shop.shared.Money`";
    assert!(refused.stderr.contains(missing), "{}", refused.stderr);

    check("PaymentTaken@v1", payment, "registered Money v1 under `shop.shared.Money` with the id 1");
    let price = json!({"net": new, "reduced": null});
    let payment = json!({"payment_id": "p", "paid": new, "fees": {}, "list_price": price, "weight": "AAAAAQ=="});
    check("PaymentTaken", payment, "registered Price v1 under `shop.shared.Price`");
    let account = json!({"number": 7, "region": "SOUTH"});
    let contact = json!({"crm.Contact": {"name": "Ada", "reach": {"long": 9}, "spare": {"shop.shared.Money": old}}});
    let call = json!({"account": account, "about": contact, "caller": {"desk": 1}, "others": []});
    check("CallMade", call, "registered Contact v2 under `crm.Contact`");
    let address = json!({"lines": ["a"], "place": {"precision": "EXACT"}, "country": "FR"});
    check("ParcelDelivered", json!({"address": address, "machine": "DOOR"}), "registered Address v2 under `addresses`");
}
