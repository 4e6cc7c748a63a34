//! Every key with its default and what it means: what `config show` knows of values that nobody has set, and the README's table.
//!
//! Tests hold it against the keys that are read, the defaults that hold, and the README.

/// A key.
pub(super) struct Row {
    pub(super) key: &'static str,
    /// As a variable would say it; `None` where there is no value.
    pub(super) default: Option<&'static str>,
    /// For people, in Markdown.
    pub(super) meaning: &'static str,
}

const fn row(key: &'static str, default: Option<&'static str>, meaning: &'static str) -> Row {
    Row { key, default, meaning }
}

/// Every key but those below `kafka`, in the order in which people are shown them.
pub(super) const REFERENCE: [Row; 52] = [
    row("preset", None, "`high-throughput`, `high-reliability` or `low-latency`: see below"),
    row(
        "plain_variables",
        Some("false"),
        "whether variables without the prefix are read, such as `KAFKA_BROKERS`: see below",
    ),
    row("bootstrap", Some("127.0.0.1:9092"), "`host:port` of one or more brokers, separated by commas"),
    row("prefix", None, "what topics and subjects begin with, such as `dev.`; without it, what the manifest says"),
    row("connect_timeout_ms", Some("10s"), "how long a start waits for the broker and for the registry"),
    row(
        "registry.url",
        Some("http://127.0.0.1:8081"),
        "one or more URLs of the schema registry, separated by commas; `EVENTWRIGHT_REGISTRY` for short",
    ),
    row("registry.user", None, "the user of HTTP basic authentication"),
    row("registry.password", None, "its password"),
    row("registry.token", None, "a bearer token in place of both"),
    row("registry.timeout_ms", Some("5s"), "how long one request may take"),
    row(
        "registry.check_at_start",
        Some("true"),
        "whether a start waits for the registry and looks for its schemas there",
    ),
    row("producer.auto_register", Some("false"), "whether schemas are registered on first use"),
    row(
        "producer.delivery_timeout_ms",
        Some("2m"),
        "how long a record may wait for its acknowledgement, retries included",
    ),
    row("producer.queue_timeout_ms", Some("1m"), "how long `enqueue` waits for room in the queue"),
    row("producer.flush_timeout_ms", Some("10s"), "how long the last drop of a producer waits for records in flight"),
    row("consumer.group", None, "the group, where the code names none"),
    row("consumer.start", Some("earliest"), "where a group starts that never committed: `earliest` or `latest`"),
    row("consumer.order", Some("partition"), "what is handled in order: `partition`, `key` or `none`"),
    row("consumer.workers", None, "how many handlers run at once; without it one a partition, or 32 in another order"),
    row(
        "consumer.retry.max_attempts",
        Some("10"),
        "how often a record is handled before it is given up, the first time included",
    ),
    row(
        "consumer.retry.backoff_ms",
        Some("100ms"),
        "the pause before the second attempt; each further one is twice as long",
    ),
    row("consumer.retry.max_backoff_ms", Some("10s"), "the longest pause between attempts"),
    row("consumer.retry.jitter_percent", Some("20"), "by how many percent a pause is shortened at most, by chance"),
    row(
        "consumer.retry.deadline_ms",
        None,
        "how long after its first failure a record is given up, however few attempts it had",
    ),
    row(
        "consumer.retry.topics",
        Some("0"),
        "where a record waits: 0, in the process; 1, in `<topic>_retry`; more, in `<topic>_retry_1` and so on",
    ),
    row(
        "consumer.on_failure",
        Some("dead_letter"),
        "what becomes of records that are given up: `dead_letter`, or the consumer does `stop`",
    ),
    row("consumer.dead_letter_topic", None, "the topic of dead letters, with its prefix; without it `<topic>_dlq`"),
    row("consumer.buffer_records", Some("256"), "how many records of a partition are held"),
    row("consumer.buffer_bytes", Some("16777216"), "how many bytes of a partition's keys and values are held"),
    row("consumer.commit_interval_ms", Some("1s"), "how often offsets are committed"),
    row("consumer.shutdown_timeout_ms", Some("10s"), "how long a stop waits for handlers that are running"),
    row("consumer.batch_records", Some("100"), "how many records a handler of batches is given at most"),
    row(
        "consumer.batch_wait_ms",
        Some("0ms"),
        "how long the first record of a batch waits for others; 0 is not at all",
    ),
    row("consumer.rate_limit", None, "how many records a second are handed to handlers at most"),
    row("consumer.circuit_breaker.enabled", Some("false"), "whether handlers that keep failing are given a rest"),
    row("consumer.circuit_breaker.failures", Some("6"), "so many failures in a row open a breaker"),
    row(
        "consumer.circuit_breaker.failure_percent",
        None,
        "so many failures among a hundred attempts of an interval open it as well",
    ),
    row(
        "consumer.circuit_breaker.min_requests",
        Some("20"),
        "from how many attempts of an interval on `failure_percent` counts",
    ),
    row(
        "consumer.circuit_breaker.interval_ms",
        Some("1m"),
        "after how long a closed breaker forgets what it has counted; 0 is never",
    ),
    row(
        "consumer.circuit_breaker.timeout_ms",
        Some("30s"),
        "how long a breaker stays open before it lets a few records through",
    ),
    row(
        "consumer.circuit_breaker.max_requests",
        Some("3"),
        "how many records a half-open breaker lets through; so many successes close it",
    ),
    row("consumer.dead_letter_stop.run", None, "so many dead letters in a row stop the consumer"),
    row("consumer.dead_letter_stop.percent", None, "so many dead letters among a hundred records stop it as well"),
    row("consumer.dead_letter_stop.window", Some("1000"), "over how many of the last records `percent` is taken"),
    row("consumer.instance_id", None, "the name of this consumer in its group, for static membership"),
    row(
        "consumer.rebalance_timeout_ms",
        Some("5s"),
        "how long a partition that goes to another consumer waits for handlers that are running",
    ),
    row("log.level", Some("info"), "what `telemetry::init` logs: `debug`, `info`, `warn` or `error`"),
    row("log.encoding", Some("console"), "how it does: `console` for people, or `json`"),
    row(
        "metrics.listen",
        None,
        "where `GET /metrics` is answered: `address:port`, or `:port` on 127.0.0.1; nowhere without it",
    ),
    row("otlp.endpoint", None, "the base URL of a collector for spans; without it, `OTEL_EXPORTER_OTLP_ENDPOINT`"),
    row("service.name", None, "the name of the service in spans; without it, `OTEL_SERVICE_NAME`"),
    row("audit.file", None, "the file that tells what became of every record"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::preset::Preset;
    use super::super::sources::{self, KEYS, Layer};
    use super::super::{Origin, Settings};
    use super::*;

    #[test]
    fn there_is_a_row_for_every_key() {
        let is_branch = |key: &str| KEYS.iter().any(|other| other.starts_with(&format!("{key}."))) || key == "kafka";
        let keys: BTreeSet<_> = KEYS.into_iter().filter(|key| !is_branch(key)).collect();
        assert_eq!(REFERENCE.iter().map(|row| row.key).collect::<BTreeSet<_>>(), keys);
    }

    #[test]
    fn the_defaults_are_those_that_hold() {
        let set = REFERENCE.iter().filter_map(|row| Some((sources::key_path(row.key), row.default?.to_owned())));
        let layer = Layer::new(Origin::Default, sources::nested(set));
        assert_eq!(sources::assemble(&[layer]).unwrap(), Settings::default());
        // What the table has no default for has none in Rust either: each of them is an `Option`.
        let text = format!("{:#?}", Settings::default());
        for row in REFERENCE.iter().filter(|row| row.default.is_none() && row.key != "preset") {
            let field = row.key.rsplit('.').next().unwrap_or_default().trim_end_matches("_ms");
            assert!(text.contains(&format!("{field}: None")), "{field} {text}");
        }
    }

    #[test]
    fn the_readme_has_the_same_tables() {
        let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md")).unwrap();
        for row in &REFERENCE {
            let default = row.default.map_or_else(String::new, |default| format!("`{default}`"));
            let line = format!("| `{}` | {default} | {} |\n", row.key, row.meaning);
            assert!(readme.contains(&line), "the README's table lacks this line: {line}");
        }
        for preset in Preset::ALL {
            let values = preset.values().iter().map(|(key, value)| format!("`{key}` {value}"));
            let line = format!("| `{preset}` | {} |", values.collect::<Vec<_>>().join(", "));
            assert!(readme.contains(&line), "the README's table lacks this line: {line}");
        }
    }
}
