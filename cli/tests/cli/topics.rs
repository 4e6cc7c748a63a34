//! `eventwright topics` against a real Kafka.

use std::path::{Path, PathBuf};

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Finished, bootstrap, command, run, unique};

const EVENT: &str = "[event.A]\nformat = \"avro\"\nfolder = \"a\"\ntopic = \"orders\"\n";

/// A manifest of one topic, whose names no other test uses.
struct World {
    folder: TempDir,
    prefix: String,
}

impl World {
    fn new(name: &str) -> Self {
        Self { folder: TempDir::new().unwrap(), prefix: format!("{}.", unique(name)) }
    }

    /// Writes the manifest with this table for its topic.
    fn manifest(&self, topic: &str) -> PathBuf {
        let path = self.folder.path().join("events.toml");
        std::fs::write(&path, format!("[topic.orders]\n{topic}\n{EVENT}")).unwrap();
        path
    }

    /// Runs the command with these settings; the prefix in what it prints is `P.`.
    fn topics(&self, what: &str, topic: &str, settings: &str) -> Finished {
        self.run(what, &self.manifest(topic), settings, &[])
    }

    fn run(&self, what: &str, manifest: &Path, settings: &str, arguments: &[&str]) -> Finished {
        let config = self.folder.path().join("settings.yaml");
        std::fs::write(&config, settings).unwrap();
        let mut command = command();
        command.args(["topics", what, "--bootstrap", &bootstrap()]).arg("--manifest").arg(manifest);
        command.arg("--config").arg(&config).args(arguments).env("EVENTWRIGHT_PREFIX", &self.prefix);
        let Finished { code, stdout, stderr } = run(command, "");
        Finished { code, stdout: stdout.replace(&self.prefix, "P."), stderr: stderr.replace(&self.prefix, "P.") }
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        ClientConfig::new().set("bootstrap.servers", bootstrap()).create().unwrap()
    }

    /// Returns the settings that the topic has of its own.
    async fn own_settings(&self, topic: &str) -> Vec<String> {
        let name = format!("{}{topic}", self.prefix);
        let asked = [ResourceSpecifier::Topic(&name)];
        let mut resources = self.admin().describe_configs(&asked, &AdminOptions::new()).await.unwrap();
        let entries = resources.remove(0).unwrap().entries.into_iter();
        let own = entries.filter(|entry| entry.source == rdkafka::admin::ConfigSource::DynamicTopic);
        let mut own: Vec<_> = own.map(|entry| format!("{}={}", entry.name, entry.value.unwrap())).collect();
        own.sort();
        own
    }

    /// Sets a setting as somebody else would, who has no manifest.
    async fn set(&self, topic: &str, entries: &[(&str, &str)]) {
        let name = format!("{}{topic}", self.prefix);
        let alter = AlterConfig::new(ResourceSpecifier::Topic(&name));
        let alter = entries.iter().fold(alter, |alter, (key, value)| alter.set(key, value));
        self.admin().alter_configs([&alter], &AdminOptions::new()).await.unwrap().remove(0).unwrap();
    }
}

fn check(finished: &Finished, code: i32, stdout: &[&str], stderr: &str) {
    assert_eq!(finished.code, Some(code), "{finished:?}");
    assert_eq!(finished.stdout.lines().collect::<Vec<_>>(), stdout, "{finished:?}");
    assert!(finished.stderr.contains(stderr), "{finished:?}");
}

#[test]
fn what_was_applied_is_there_and_a_second_run_has_nothing_to_do() {
    let world = World::new("apply");
    let topic = "partitions = 2\nreplication = 1\nconfig = { \"retention.ms\" = \"1000000\" }\ndead_letter_config = { \"retention.ms\" = \"-1\" }";
    let settings = "consumer: {order: key, retry: {topics: 2}}";
    let expected = [
        "+ P.orders: new, partitions 2, replication 1, retention.ms = 1000000",
        "+ P.orders_retry_1: new, partitions 2, replication 1",
        "+ P.orders_retry_2: new, partitions 2, replication 1",
        "+ P.orders_dlq: new, partitions 2, replication 1, retention.ms = -1",
        "+ P.orders_dlq_replayed: new, partitions 1, replication 1, cleanup.policy = compact",
    ];
    check(&world.topics("plan", topic, settings), 100, &expected, "`eventwright topics apply` does this");
    // A plan that makes topics by asking for them would have nothing to do now.
    check(&world.topics("plan", topic, settings), 100, &expected, "");
    check(&world.topics("apply", topic, settings), 0, &expected, "5 changes are made");
    check(&world.topics("plan", topic, settings), 0, &[], "nothing to do");
    check(&world.topics("apply", topic, settings), 0, &[], "nothing to do");

    let topic = "dead_letter_config = { \"retention.ms\" = \"1\" }";
    check(&world.topics("plan", topic, settings), 100, &["~ P.orders_dlq: retention.ms -1 -> 1"], "");
    let finished = world.run("plan", &world.manifest("partitions = 3"), settings, &["--format", "json"]);
    let plan: Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(finished.code, Some(100));
    let first = serde_json::json!({"topic": "P.orders", "kind": "add_partitions", "from": 2, "to": 3});
    assert_eq!((&plan["format_version"], &plan["changes"][0]), (&1.into(), &first));
    assert_eq!((plan["changes"].as_array().unwrap().len(), plan["refused"].as_array().unwrap().len()), (3, 0));
}

#[test]
fn retry_topics_grow_with_their_topic_and_nothing_shrinks() {
    let world = World::new("grow");
    let settings = "consumer: {order: key, retry: {topics: 1}}";
    assert_eq!(world.topics("apply", "partitions = 2", settings).code, Some(0));
    let expected = ["~ P.orders: partitions 2 -> 4", "~ P.orders_retry: partitions 2 -> 4"];
    check(
        &world.topics("plan", "partitions = 4", settings),
        100,
        &expected,
        "keys of `P.orders` move to other partitions",
    );
    check(&world.topics("apply", "partitions = 4", settings), 0, &expected, "2 changes are made");
    check(&world.topics("plan", "partitions = 4", settings), 0, &[], "nothing to do");
    for what in ["plan", "apply"] {
        let why = "`P.orders` has 4 partitions and is to have 3, but Kafka cannot take partitions away";
        check(&world.topics(what, "partitions = 3", settings), 100, &[], why);
    }
    check(&world.topics("plan", "", settings), 0, &[], "nothing to do");
}

#[tokio::test]
async fn only_settings_that_the_manifest_names_change() {
    let world = World::new("config");
    let settings = "consumer: {on_failure: stop}";
    assert_eq!(world.topics("apply", "config = { \"retention.ms\" = \"1000\" }", settings).code, Some(0));
    world.set("orders", &[("retention.ms", "2000"), ("segment.ms", "3000"), ("max.message.bytes", "4000")]).await;
    let topic = "config = { \"retention.ms\" = \"1000\", \"cleanup.policy\" = \"compact\", \"max.message.bytes\" = \"default\" }";
    let changes = "~ P.orders: cleanup.policy delete -> compact, max.message.bytes 4000 -> the broker's default, retention.ms 2000 -> 1000";
    check(&world.topics("plan", topic, settings), 100, &[changes], "");
    check(&world.topics("apply", topic, settings), 0, &[changes], "1 change is made");
    assert_eq!(world.own_settings("orders").await, ["cleanup.policy=compact", "retention.ms=1000", "segment.ms=3000"]);
    check(&world.topics("plan", topic, settings), 0, &[], "nothing to do");
    check(&world.topics("plan", "", settings), 0, &[], "nothing to do");
}

#[test]
fn what_kafka_would_refuse_is_known_before_anything_is_done() {
    let world = World::new("refused");
    let wrong = |topic: &str, expected: &str| {
        for what in ["plan", "apply"] {
            let finished = world.topics(what, topic, "");
            assert_eq!(finished.code, Some(100), "{finished:?}");
            assert!(finished.stderr.contains(expected), "{finished:?}");
            assert!(finished.stderr.contains("nothing is done as long as this is so"), "{finished:?}");
        }
    };
    wrong("config = { \"retention.ms\" = \"soon\" }", "is every setting of the topic one of Kafka's");
    wrong("config = { \"retntion.ms\" = \"1\" }", "is every setting of the topic one of Kafka's");
    wrong("replication = 9", "are there as many brokers as copies?");
    wrong("partitions = 0", "Kafka refuses this change");
    assert_eq!(world.topics("apply", "", "").code, Some(0));
    wrong("config = { \"retntion.ms\" = \"1\" }", "Kafka knows no setting `retntion.ms`");
    wrong("config = { \"retention.ms\" = \"soon\" }", "Kafka refuses this change: ~ P.orders: retention.ms");
}

#[test]
fn what_is_missing_is_said() {
    let world = World::new("missing");
    let finished = world.run("plan", Path::new("nowhere.toml"), "", &[]);
    check(&finished, 101, &[], "cannot read nowhere.toml");
    let finished = world.topics("plan", "partitions = many", "");
    check(&finished, 101, &[], "the topics of ");
    let mut command = command();
    command.args(["topics", "plan", "--bootstrap", "127.0.0.1:9", "--manifest"]).arg(world.manifest(""));
    command.env("EVENTWRIGHT_CONNECT_TIMEOUT_MS", "1s");
    let finished = run(command, "");
    check(&finished, 101, &[], "no broker answered at `127.0.0.1:9` within 1 s; the last error of a broker was: ");
}
