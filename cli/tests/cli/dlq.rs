//! `eventwright dlq` on real Kafka: letters are listed, counted, replayed once and deleted.

use std::process::Command;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer, ThreadedProducer};
use serde_json::{Value, json};

use crate::support::{Finished, PATIENCE, Registry, Running, bootstrap, command, run, signal, unique};

/// The topics of one test.
struct Topics {
    origin: String,
    dlq: String,
}

impl Topics {
    /// Makes them, with one partition each.
    fn new(name: &str) -> Self {
        let origin = unique(name);
        let dlq = format!("{origin}_dlq");
        let admin: AdminClient<DefaultClientContext> = config().create().unwrap();
        let new = [&origin, &dlq].map(|name| NewTopic::new(name, 1, TopicReplication::Fixed(1)));
        let made = async { admin.create_topics(&new, &AdminOptions::new()).await.unwrap() };
        for made in tokio::runtime::Runtime::new().unwrap().block_on(made) {
            made.unwrap();
        }
        Self { origin, dlq }
    }

    /// Writes so many dead letters, of which every second one was rejected, and behind them a foreign record.
    fn write(&self, count: usize) {
        let producer: ThreadedProducer<_> = config().create().unwrap();
        for number in 0..count {
            let reason = if number % 2 == 0 { "handler" } else { "rejected" };
            let headers = [
                ("ew-message-id", format!("id-{number}")),
                ("ew-event", "OrderCreated".into()),
                ("ew-original-topic", self.origin.clone()),
                ("ew-original-partition", "0".into()),
                ("ew-original-offset", number.to_string()),
                ("ew-failure-reason", reason.into()),
                ("ew-error", format!("out of stock \x1b[31m{number}")),
                ("ew-attempt", "3".into()),
            ];
            let headers = headers
                .iter()
                .fold(OwnedHeaders::new(), |all, (key, value)| all.insert(Header { key, value: Some(value.as_str()) }));
            let value = format!("value-{number}");
            let record = BaseRecord::<[u8], [u8]>::to(&self.dlq).key(b"key").payload(value.as_bytes()).headers(headers);
            producer.send(record).map_err(|(error, _)| error).unwrap();
        }
        producer.send(BaseRecord::<[u8], [u8]>::to(&self.dlq).payload(b"foreign")).map_err(|(error, _)| error).unwrap();
        producer.flush(PATIENCE).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command();
        let (name, options) = arguments.split_first().unwrap();
        command.args(["dlq", name, &self.dlq]).args(options).args(["--bootstrap", &bootstrap()]);
        command
    }

    fn run(&self, arguments: &[&str]) -> Finished {
        run(self.command(arguments), "")
    }

    /// Runs a command that must do well, and returns the objects that it prints.
    fn json(&self, arguments: &[&str]) -> Vec<Value> {
        let finished = self.run(&[arguments, &["--format", "json"]].concat());
        assert_eq!(finished.code, Some(0), "{finished:?}");
        finished.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Returns what the origin has.
    fn values(&self) -> Vec<Vec<u8>> {
        let registry = Registry::start();
        let raw = |record: &Value| record["raw"].as_str().unwrap().to_owned();
        let decode = |text: String| {
            use base64::Engine as _;
            base64::engine::general_purpose::STANDARD.decode(text).unwrap()
        };
        registry.tail(&self.origin).iter().map(|record| decode(raw(record))).collect()
    }
}

fn config() -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap());
    config
}

fn ids(objects: &[Value]) -> Vec<&str> {
    objects.iter().map(|object| object["id"].as_str().unwrap_or("none")).collect()
}

#[test]
fn letters_are_listed_counted_replayed_once_and_deleted() {
    let topics = Topics::new("dlq");
    topics.write(4);
    let listed = topics.json(&["list"]);
    assert_eq!(ids(&listed), ["id-0", "id-1", "id-2", "id-3", "none"]);
    let first = &listed[0];
    assert_eq!(
        (&first["original_topic"], &first["failure_reason"], &first["attempts"], &first["replayed"], &first["foreign"]),
        (&json!(topics.origin), &json!("handler"), &json!(3), &json!(false), &json!(null))
    );
    assert_eq!(
        (&first["original_payload"], &first["payload_encoding"], &first["retry_count"]),
        (&json!("value-0"), &json!("text"), &json!(2))
    );
    assert_eq!(listed[4]["foreign"], "it has no header `ew-original-topic`");
    let page = topics.run(&["list", "--limit", "3", "--format", "json"]);
    assert!(page.stderr.contains("there are more: --after 0:3"), "{page:?}");
    assert_eq!(ids(&topics.json(&["list", "--after", "0:3"])), ["id-3", "none"]);
    let table = topics.run(&["list", "--reason", "handler"]).stdout;
    assert!(table.starts_with("LETTER") && table.contains("out of stock \\u{1b}[31m2"), "{table}");
    assert!(!table.contains('\x1b') && table.lines().count() == 3, "{table}");

    let stats = topics.json(&["stats"]).remove(0);
    assert_eq!((&stats["total"], &stats["foreign"], &stats["replayed"]), (&json!(5), &json!(1), &json!(0)));
    assert_eq!(stats["by_reason"], json!({"(unknown)": 1, "handler": 2, "rejected": 2}));

    let dry = topics.json(&["replay", "--dry-run", "--reason", "rejected"]);
    let real = topics.json(&["replay", "--reason", "rejected"]);
    assert_eq!(dry[..2], real[..2], "a dry run lists what a real one writes");
    assert_eq!((ids(&real[..2]), &real[2]["replayed"]), (vec!["id-1", "id-3"], &json!(2)));
    let rest = topics.run(&["replay"]);
    assert_eq!(rest.code, Some(0), "{rest:?}");
    assert!(rest.stderr.contains("2 replayed, 2 replayed before, 1 foreign and left"), "{}", rest.stderr);
    assert_eq!(topics.values(), [b"value-1", b"value-3", b"value-0", b"value-2"]);

    let asked = topics.run(&["purge", "--replayed"]);
    assert_eq!(asked.code, Some(2), "there is no terminal to ask on: {asked:?}");
    assert!(asked.stderr.contains("would delete 4 letters") && asked.stderr.contains("add --yes"), "{}", asked.stderr);
    let dry = topics.run(&["purge", "--replayed", "--dry-run"]);
    assert!(dry.stderr.contains("would delete 4 letters") && dry.stdout.contains("PARTITION"), "{dry:?}");
    assert_eq!(topics.json(&["list"]).len(), 5);
    let deleted = topics.run(&["purge", "--replayed", "--yes"]);
    assert!(deleted.stderr.contains("deleted 4 letters") && deleted.stderr.contains("0 were never"), "{deleted:?}");
    assert_eq!(ids(&topics.json(&["list"])), ["none"]);
    assert!(topics.run(&["purge", "--older-than", "1d", "--yes"]).stderr.contains("nothing to delete"));
}

#[test]
fn an_interruption_drains_and_the_same_command_goes_on() {
    let topics = Topics::new("dlq-interrupted");
    topics.write(60);
    let mut running = Running::start(topics.command(&["replay", "--rate", "10", "--format", "json"]));
    assert!(running.line().contains("\"id-0\""));
    signal(running.pid(), "INT");
    let finished = running.end();
    assert_eq!(finished.code, Some(130), "{finished:?}");
    assert!(finished.stderr.contains("interrupted: the same command goes on"), "{}", finished.stderr);
    assert_eq!(topics.run(&["replay"]).code, Some(0));
    assert_eq!(topics.values().len(), 60, "each once");
}

#[test]
fn what_is_refused_is_code_100_and_what_cannot_be_meant_is_code_2() {
    let topics = Topics::new("dlq-refused");
    topics.write(1);
    let nowhere = unique("nowhere");
    let refused = topics.run(&["replay", "--to", &nowhere]);
    assert_eq!(refused.code, Some(100), "{refused:?}");
    assert!(refused.stderr.contains("2 refused and left"), "{}", refused.stderr);
    let check = |arguments: &[&str], code: i32, expected: &str| {
        let finished = topics.run(arguments);
        assert_eq!(finished.code, Some(code), "{finished:?}");
        assert!(finished.stderr.contains(expected), "{}", finished.stderr);
    };
    check(&["replay", "--to", &topics.dlq], 2, "it is the topic of dead letters");
    check(&["replay", "--max", "0"], 2, "--max");
    check(&["replay", "--from", "noon"], 2, "--from");
    check(&["purge"], 2, "--replayed|--older-than");
    check(&["list", "--after", "x"], 2, "expected PARTITION:OFFSET");
    let missing = Topics { origin: String::new(), dlq: nowhere };
    let finished = missing.run(&["stats"]);
    assert_eq!(finished.code, Some(101), "{finished:?}");
    assert!(finished.stderr.contains("does not exist at"), "{}", finished.stderr);
}

#[test]
fn an_upgrade_needs_no_generated_code() {
    let topics = Topics::new("dlq-upgrade");
    let registry = Registry::start();
    let order = r#"{"order_id":"0b9c8f1e-3a52-4d0c-9d52-1f2b0b3f9d11","customer_id":"ada","currency":"EUR","created_at":"2026-02-03T04:05:06Z"}"#;
    let scratch = unique("scratch");
    for event in ["OrderCreated@v1", "OrderCreated"] {
        registry.produce(&[&scratch, "--event", event, "--register"], order);
    }
    let mut letter = registry.tail(&scratch).remove(0);
    letter["headers"] = json!([
        ["ew-original-topic", topics.origin],
        ["ew-original-partition", "0"],
        ["ew-original-offset", "0"],
        ["ew-schema-version", "1"],
    ]);
    registry.produce(&[&topics.dlq, "--input", "envelope"], &letter.to_string());
    let listed = topics.json(&["list", "--registry", &registry.url]).remove(0);
    assert_eq!(
        (&listed["original_payload"]["customer_id"], &listed["payload_encoding"]),
        (&json!("ada"), &json!("avro"))
    );
    let replayed = topics.run(&["replay", "--upgrade", "--registry", &registry.url]);
    assert_eq!(replayed.code, Some(0), "{replayed:?}");
    let record = registry.tail(&topics.origin).remove(0);
    assert_eq!(record["schema_version"], 2, "{record}");
    assert_eq!((&record["key"], &record["value"]["customer_id"]), (&letter["key"], &json!("ada")));
    assert!(record["headers"].as_array().unwrap().contains(&json!(["ew-schema-version", "2"])), "{record}");
}
