//! `eventwright tail` shows what is in a topic, whatever is in it.

use std::path::Path;

use rdkafka::ClientConfig;
use rdkafka::producer::{BaseRecord, Producer, ThreadedProducer};
use serde_json::{Value, json};

use crate::support::{PATIENCE, Registry, Running, bootstrap, by_key, command, run, unique, write_raw};

const UUID_A: &str = "0b9c8f1e-3a52-4d0c-9d52-1f2b0b3f9d11";
const UUID_B: &str = "0b9c8f1e-3a52-4d0c-9d52-1f2b0b3f9d12";

fn order(id: &str) -> String {
    format!(
        r#"{{"order_id":"{id}","customer_id":"ada","product_id":"tea","quantity":2,"price":"19.90","currency":"EUR","created_at":"2026-02-03T04:05:06.789Z""#
    )
}

#[test]
fn both_versions_of_an_avro_event_come_back_exactly() {
    let registry = Registry::start();
    let topic = unique("orders");
    registry.produce(&[&topic, "--event", "OrderCreated@v1", "--register"], &format!("{}}}\n", order(UUID_A)));
    let items =
        r#""items":[{"product_id":"cup","quantity":1,"unit_price":"4.00"}],"discount_code":"X","correlation_id":null"#;
    registry.produce(&[&topic, "--event", "OrderCreated", "--register"], &format!("{},{items}}}\n", order(UUID_B)));
    let line = |id: &str, version: u32, value: String| {
        format!(
            r#"{{"topic":"{topic}","key":"{id}","headers":[["ew-message-id","{id}"],["ew-correlation-id","{id}"],["ew-event","OrderCreated"],["ew-schema-version","{version}"]],"subject":"orders-value","schema_id":{version},"schema_version":{version},"event":"OrderCreated","value":{value}}}"#
        )
    };
    let expected =
        [line(UUID_A, 1, format!("{}}}", order(UUID_A))), line(UUID_B, 2, format!("{},{items}}}", order(UUID_B)))];
    assert_eq!(by_key(registry.tail(&topic)), expected);
}

#[test]
fn personal_data_is_masked_unless_it_is_asked_for_and_the_mask_is_not_written() {
    let registry = Registry::start();
    let topic = unique("pii");
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../codegen/tests/golden/unions/events.toml");
    let produce = |arguments: &[&str], input: &str| {
        run(registry.command_with(&manifest, &[&["produce", &topic], arguments].concat()), input)
    };
    let (number, none) = (json!({"number": "4242"}), Value::Null);
    let value = json!({"payload": none, "by_key": {}, "only": number, "maybe": [], "narrowed": 7, "widened": none});
    let written = produce(&["--event", "PayloadSent", "--register"], &value.to_string());
    assert_eq!(written.code, Some(0), "{written:?}");
    let masked = registry.tail(&topic).remove(0);
    let marked = |record: &Value| [record["value"]["only"]["number"].clone(), record["value"]["narrowed"].clone()];
    assert_eq!(marked(&masked), ["***", "***"]);
    let shown = registry.tail_with(&topic, &["--until-end", "--reveal"]).remove(0);
    assert_eq!(marked(&shown), [json!("4242"), json!(7)]);

    let refused = produce(&["--input", "envelope"], &masked.to_string());
    assert_eq!(refused.code, Some(100), "{refused:?}");
    let expected = "`only.number`: expected personal data, found its mask `***`\n  help: read it with `tail --reveal`";
    assert!(refused.stderr.contains(expected), "{}", refused.stderr);
    assert_eq!(registry.tail(&topic).len(), 1);
    let copied = produce(&["--input", "envelope"], &shown.to_string());
    assert_eq!(copied.code, Some(0), "{copied:?}");
    assert_eq!(registry.tail_with(&topic, &["--until-end", "--reveal"]).len(), 2);
}

#[test]
fn protobuf_comes_back_exactly() {
    let registry = Registry::start();
    let topic = unique("payments");
    let v1 = r#"{"paymentId":"p1","orderId":"o1","amount":{"currency":"EUR","minorUnits":"9007199254740993","exponent":2},"method":"PAYMENT_METHOD_CARD","settledAt":"2026-02-03T04:05:06.789Z"}"#;
    let v2 = r#"{"paymentId":"p2","orderId":"o2","bankReference":"b","fees":[{"currency":"EUR","minorUnits":"5"}]}"#;
    registry.produce(&[&topic, "--event", "PaymentSettled@v1", "--register"], v1);
    registry.produce(&[&topic, "--event", "PaymentSettled@v2", "--register"], v2);
    let line = |key: &str, id: &str, version: u32, value: &str| {
        format!(
            r#"{{"topic":"{topic}","key":"{key}","headers":[["ew-message-id","{id}"],["ew-correlation-id","{id}"],["ew-event","PaymentSettled"],["ew-schema-version","{version}"]],"subject":"payments-value","schema_id":{version},"schema_version":{version},"event":"PaymentSettled","value":{value}}}"#
        )
    };
    assert_eq!(by_key(registry.tail(&topic)), [line("o1", "p1", 1, v1), line("o2", "p2", 2, v2)]);
}

#[test]
fn several_events_of_one_topic_have_the_subjects_of_their_records() {
    let registry = Registry::start();
    let topic = unique("events");
    let user = json!({"event_id": UUID_A, "user_id": "u", "email": "u@x", "created_at": "2026-02-03T04:05:06Z"});
    let stock = json!({"event_id": UUID_B, "sku": "s", "quantity": -1, "adjusted_at": "2026-02-03T04:05:06Z"});
    registry.produce(&[&topic, "--event", "UserCreated", "--register"], &user.to_string());
    registry.produce(&[&topic, "--event", "InventoryAdjusted", "--register"], &stock.to_string());
    let found = registry.tail(&topic);
    let mut found: Vec<_> =
        found.iter().map(|one| (one["key"].as_str(), one["event"].as_str(), one["subject"].as_str())).collect();
    found.sort_unstable();
    let expected = [
        (Some("s"), Some("InventoryAdjusted"), Some("eventwright.inventory.InventoryAdjusted")),
        (Some("u"), Some("UserCreated"), Some("eventwright.users.UserCreated")),
    ];
    assert_eq!(found, expected);
}

#[test]
fn what_cannot_be_decoded_is_shown_and_never_stops_the_rest() {
    let registry = Registry::start();
    let topic = unique("garbage");
    registry.produce(&[&topic, "--event", "OrderCreated@v1", "--register"], "");
    registry.produce(&[&topic, "--event", "PaymentSettled@v1", "--register"], "");
    let long_string = [&[0, 0, 0, 0, 1][..], &[0xfe, 0xff, 0xff, 0xff, 0x0f]].concat();
    write_raw(
        &topic,
        &[
            Some(b""),
            Some(b"{\"a\":1}"),
            Some(&[0, 0, 0, 0]),
            Some(&[0, 0, 0, 0x03, 0xe7, 7]),
            Some(&long_string),
            Some(&[0, 0, 0, 0, 2, 0x80]),
            Some(&[0, 0, 0, 0, 2, 2, 0x7e]),
            Some(&[0, 0, 0, 0, 2, 0, 0xff]),
            None,
        ],
    );
    let expected = [
        (Value::Null, "expected at least 5 bytes", ""),
        (Value::Null, "expected the magic byte 0", "eyJhIjoxfQ=="),
        (Value::Null, "expected at least 5 bytes", "AAAAAA=="),
        (json!(999), "Schema 999 not found", "AAAAA+cH"),
        (json!(1), "`order_id`: a length of", "AAAAAAH+////Dw=="),
        (json!(2), "the bytes end in the middle", "AAAAAAKA"),
        (json!(2), "no message at the indexes [63]", "AAAAAAICfg=="),
        (json!(2), "expected a `eventwright.payments.PaymentSettled`", "AAAAAAIA/w=="),
    ];
    let found = registry.tail_with(&topic, &["--until-end", "--partition", "0"]);
    assert_eq!(found.len(), expected.len() + 1);
    for (record, (id, error, raw)) in found.iter().zip(expected) {
        assert!(record["error"].as_str().unwrap().contains(error), "{record}");
        assert_eq!((&record["schema_id"], &record["raw"]), (&id, &json!(raw)));
        assert_eq!(record["key"], json!({"base64": "/w=="}));
        assert!(record.get("value").is_none());
    }
    let tombstone = found.last().unwrap();
    assert_eq!((tombstone.get("value"), tombstone.get("error")), (Some(&Value::Null), None));
}

#[test]
fn a_start_may_be_an_offset_a_time_or_the_beginning() {
    let registry = Registry::start();
    let topic = unique("starts");
    let line = |second: u32| {
        let value = format!("{}}}", order(UUID_A));
        format!(r#"{{"timestamp":"2026-02-03T04:00:0{second}Z","value":{value}}}"#)
    };
    let lines: Vec<_> = (0..5).map(line).collect();
    let produce = [&topic, "--event", "OrderCreated@v1", "--register", "--input", "envelope"];
    registry.produce(&produce, &lines.join("\n"));
    let partition = registry.tail(&topic)[0]["partition"].to_string();
    let check = |arguments: &[&str], expected: &[i64]| {
        let found = registry.tail_with(&topic, &[arguments, &["--partition", &partition]].concat());
        let offsets: Vec<_> = found.iter().map(|record| record["offset"].as_i64().unwrap()).collect();
        assert_eq!(offsets, expected, "{arguments:?}");
    };
    check(&["--until-end"], &[0, 1, 2, 3, 4]);
    check(&["--until-end", "--from", "end"], &[]);
    check(&["--until-end", "--from", "3"], &[3, 4]);
    check(&["--until-end", "--from", "2026-02-03T04:00:02Z"], &[2, 3, 4]);
    check(&["--until-end", "--from", "2026-02-03T05:00:01.5+01:00"], &[2, 3, 4]);
    check(&["--until-end", "--from", "2026-02-04T00:00:00Z"], &[]);
    check(&["--from", "beginning", "--count", "2"], &[0, 1]);
    check(&["--from", "1", "--count", "2", "--until-end"], &[1, 2]);
    let late = registry.run(&["tail", &topic, "--from", "99", "--until-end", "--partition", &partition], "");
    assert_eq!((late.code, late.stdout.as_str()), (Some(0), ""));
    assert!(late.stderr.contains("has offsets 0 to 5, not 99: starting at 5"), "{}", late.stderr);
}

#[test]
fn new_records_are_followed_from_the_end() {
    let registry = Registry::start();
    let topic = unique("follow");
    let value = format!("{}}}", order(UUID_A));
    registry.produce(&[&topic, "--event", "OrderCreated@v1", "--register"], &value);
    let mut tail = Running::start(registry.command(&["tail", &topic, "--count", "1"]));
    // When it has found the end is its own matter: one of these records comes after that.
    let ended = loop {
        registry.produce(&[&topic, "--event", "OrderCreated@v1"], &value);
        if let Some(status) = tail.child.as_mut().unwrap().try_wait().unwrap() {
            break status;
        }
    };
    assert!(ended.success());
    let record: Value = serde_json::from_str(&tail.line()).unwrap();
    assert!(record["offset"].as_i64().unwrap() > 0);
}

#[test]
fn the_end_is_found_although_a_transaction_marker_is_the_last_offset() {
    let registry = Registry::start();
    let topic = unique("transactions");
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap()).set("transactional.id", &topic);
    let producer: ThreadedProducer<_> = config.create().unwrap();
    producer.init_transactions(PATIENCE).unwrap();
    producer.begin_transaction().unwrap();
    let record = BaseRecord::<str, str>::to(&topic).partition(0).payload("x");
    producer.send(record).map_err(|(error, _)| error).unwrap();
    producer.commit_transaction(PATIENCE).unwrap();
    assert_eq!(registry.tail(&topic).len(), 1);
}

#[test]
fn looking_changes_nothing() {
    let registry = Registry::start();
    let topic = unique("quiet");
    registry.produce(&[&topic, "--event", "OrderCreated@v1", "--register"], &format!("{}}}", order(UUID_A)));
    registry.tail(&topic);
    let missing = unique("missing");
    let finished = registry.run(&["tail", &missing], "");
    assert_eq!(finished.code, Some(101));
    assert!(finished.stderr.contains(&format!("the topic `{missing}` does not exist at")), "{}", finished.stderr);
    let client: ThreadedProducer<_> = ClientConfig::new().set("bootstrap.servers", bootstrap()).create().unwrap();
    let groups = client.client().fetch_group_list(None, PATIENCE).unwrap();
    assert!(groups.groups().iter().all(|group| !group.name().contains("eventwright-tail")));
    let metadata = client.client().fetch_metadata(None, PATIENCE).unwrap();
    assert!(metadata.topics().iter().all(|topic| topic.name() != missing));
}

#[test]
fn the_text_form_is_two_lines_without_colour_in_a_pipe() {
    let registry = Registry::start();
    let topic = unique("text");
    registry.produce(&[&topic, "--event", "OrderCreated@v1", "--register"], &format!("{}}}", order(UUID_A)));
    let finished = registry.run(&["tail", &topic, "--until-end", "--format", "text"], "");
    let lines: Vec<_> = finished.stdout.lines().collect();
    assert_eq!(lines.len(), 2, "{finished:?}");
    assert!(lines[0].contains("OrderCreated  orders-value v1, id 1  key"), "{}", lines[0]);
    assert_eq!(lines[1], format!("  {}}}", order(UUID_A)));
}

#[test]
fn settings_come_from_the_environment_and_a_file_as_well() {
    let registry = Registry::start();
    let topic = unique("settings");
    registry.produce(&[&topic, "--event", "OrderCreated@v1", "--register"], &format!("{}}}", order(UUID_A)));
    let tail = |change: &dyn Fn(&mut std::process::Command)| {
        let mut command = command();
        command.args(["tail", &topic, "--until-end"]);
        change(&mut command);
        let finished = run(command, "");
        assert_eq!((finished.code, finished.stdout.lines().count()), (Some(0), 1), "{finished:?}");
    };
    tail(&|command| {
        command.env("EVENTWRIGHT_BOOTSTRAP", bootstrap()).env("EVENTWRIGHT_REGISTRY", &registry.url);
    });
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{topic}.yaml"));
    let text =
        format!("bootstrap: 127.0.0.1:1\nregistry: {{url: '{}'}}\nkafka: {{fetch.wait.max.ms: 5}}\n", registry.url);
    std::fs::write(&file, text).unwrap();
    tail(&|command| {
        command.arg("--config").arg(&file).args(["--bootstrap", &bootstrap(), "--kafka", "client.id=me"]);
    });
    std::fs::remove_file(file).unwrap();
}
