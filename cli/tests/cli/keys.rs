//! Keys with a schema of their own: `produce` makes them of the value, `tail` shows them, and an envelope keeps them. The
//! manifest is that of `codegen/tests/golden/keys`.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::support::{Finished, Registry, by_key, run, unique};

const SENT: &str = r#"{"parcel":"p-é","weight":7,"depot":{"country":"DE","number":4}}"#;
const PAID: &str = r#"{"number":"-5","part":2,"isCopy":true,"digest":"AP8=","office":"o","amount":1.5}"#;

fn manifest() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../codegen/tests/golden/keys/events.toml")
}

fn produce_command(registry: &Registry, arguments: &[&str]) -> Command {
    registry.command_with(&manifest(), &[&["produce"], arguments].concat())
}

fn produce(registry: &Registry, arguments: &[&str], input: &str) -> Finished {
    let finished = run(produce_command(registry, arguments), input);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    finished
}

fn key_of(record: &Value) -> Value {
    json!([record["key"], record["key_subject"], record["key_schema_id"], record["key_schema_version"]])
}

#[test]
fn the_key_is_made_of_the_value() {
    let registry = Registry::start();
    let check = |event: &str, value: &str, expected: Value| {
        let topic = unique("keys");
        produce(&registry, &[&topic, "--event", event, "--register"], value);
        assert_eq!(key_of(&registry.tail(&topic)[0]), expected, "{event} {value}");
    };
    let key = |depot: Value| json!({"depot": depot, "lane": "road", "parcel": "p-é"});
    let sent_key = key(json!({"country": "DE", "number": 4}));
    check("ShipmentSent", SENT, json!([sent_key, "golden.shipments-key", 2, 1]));
    // What the event does not have is the key's default.
    let default_key = key(json!({"country": "FR", "number": null}));
    check("ShipmentSent@v1", r#"{"parcel":"p-é","weight":7}"#, json!([default_key, "golden.shipments-key", 2, 1]));
    let invoice = json!({"tenant": null, "number": -5, "part": 2, "is_copy": true, "digest": "AP8=", "office": "o",
        "channel": null});
    check("InvoicePaid", PAID, json!([invoice, "golden.invoices-key", 5, 1]));
    // Protobuf leaves out what has its default.
    let nothing = json!({"tenant": null, "number": 0, "part": 0, "is_copy": false, "digest": "", "office": "",
        "channel": null});
    check("InvoicePaid", "{}", json!([nothing, "golden.invoices-key", 5, 1]));
}

#[test]
fn the_key_is_framed_with_the_id_of_its_own_schema() {
    let (registry, other) = (Registry::start(), Registry::start());
    let topic = unique("framed");
    produce(&registry, &[&topic, "--event", "ShipmentSent@v1", "--register"], r#"{"parcel":"p","weight":7}"#);
    // Where the registry does not know the id, the key is bytes.
    let record = other.tail(&topic).remove(0);
    assert_eq!(record["key"], "\0\0\0\0\u{2}\u{2}\0\u{8}road\u{2}p");
    assert_eq!(record.get("key_subject"), None);
    let text = registry.run(&["tail", &topic, "--until-end", "--format", "text"], "").stdout;
    assert!(text.contains(r#"key {"depot":{"country":"FR","number":null},"lane":"road","parcel":"p"}"#), "{text}");
}

#[test]
fn an_envelope_keeps_its_key() {
    let registry = Registry::start();
    let (topic, copy, renewed) = (unique("original"), unique("copy"), unique("renewed"));
    produce(&registry, &[&topic, "--event", "ShipmentSent", "--register"], SENT);
    produce(&registry, &[&topic, "--event", "InvoicePaid", "--register"], PAID);
    let sent = registry.tail(&topic).into_iter().find(|record| record["event"] == "ShipmentSent").unwrap();
    let tombstone = json!({
        "key": sent["key"], "key_subject": sent["key_subject"], "key_schema_version": 1, "value": null,
    });
    produce(&registry, &[&topic, "--input", "envelope"], &tombstone.to_string());
    let printed = registry.run(&["tail", &topic, "--until-end"], "").stdout;
    produce(&registry, &[&copy, "--input", "envelope"], &printed);
    let expected = by_key(registry.tail(&topic)).into_iter().map(|line| line.replace(&topic, &copy));
    assert_eq!(by_key(registry.tail(&copy)), expected.collect::<Vec<_>>());
    assert_eq!(registry.tail(&copy).len(), 3);

    produce(&registry, &[&renewed, "--event", "ShipmentSent", "--input", "envelope"], &sent.to_string());
    assert_eq!(key_of(&registry.tail(&renewed)[0]), key_of(&sent));
}

#[test]
fn keys_that_cannot_be_written_say_why() {
    let registry = Registry::start();
    let topic = unique("refused");
    let check = |arguments: &[&str], input: &str, code: i32, expected: &str| {
        let finished = run(produce_command(&registry, &[&[topic.as_str()], arguments].concat()), input);
        assert_eq!(finished.code, Some(code), "{finished:?}");
        assert!(finished.stderr.contains(expected), "{}", finished.stderr);
    };
    check(&["--event", "ShipmentLost"], "", 101, "ShipmentLost v1 is not registered under `golden.golden.keys.Ship");
    produce(&registry, &["--event", "ShipmentSent", "--register"], "");
    check(&["--event", "ShipmentSent", "--key", "parcel"], "", 2, "the key of `ShipmentSent` has a schema");
    let line = |key: Value, subject: &str| json!({"key": key, "key_subject": subject, "value": null}).to_string();
    check(
        &["--input", "envelope"],
        &line(json!({}), "golden.shipments-key"),
        100,
        "the key: `parcel`: the field is missing",
    );
    check(&["--input", "envelope"], &line(json!({}), "nope-key"), 101, "Subject 'nope-key' not found");
}

#[test]
fn the_prefix_of_the_process_replaces_that_of_the_manifest() {
    let registry = Registry::start();
    let topic = unique("prefix");
    let mut command = produce_command(&registry, &[&topic, "--event", "ShipmentSent", "--register"]);
    command.env("EVENTWRIGHT_PREFIX", "");
    assert_eq!(run(command, SENT).code, Some(0));
    let record = registry.tail(&topic).remove(0);
    assert_eq!(record["subject"], "golden.keys.ShipmentSent");
    assert_eq!(record["key_subject"], "shipments-key");
}
