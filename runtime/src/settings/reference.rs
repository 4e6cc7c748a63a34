//! Every key with its default and what it means: which keys there are, what `config show` knows of values that nobody has set, and
//! the README's table.
//!
//! Tests hold it against the fields that are read, the defaults that hold, and the README.

use std::collections::BTreeSet;

/// A key.
pub(super) struct Row {
    pub(super) key: &'static str,
    /// As a variable would say it; `None` where there is no value.
    pub(super) default: Option<&'static str>,
    /// For people, in Markdown.
    pub(super) meaning: &'static str,
    /// What a variable says stays a text, as a password of digits must; else it is a number, a boolean or a duration.
    pub(super) is_text: bool,
}

const fn text(key: &'static str, default: Option<&'static str>, meaning: &'static str) -> Row {
    Row { key, default, meaning, is_text: true }
}

const fn value(key: &'static str, default: Option<&'static str>, meaning: &'static str) -> Row {
    Row { key, default, meaning, is_text: false }
}

/// Returns the row of a key, if it is one; keys below `kafka` have none.
pub(super) fn row(key: &str) -> Option<&'static Row> {
    REFERENCE.iter().find(|row| row.key == key)
}

/// Returns whether keys stand below this name.
pub(super) fn is_section(name: &str) -> bool {
    REFERENCE.iter().any(|row| below(row, name).is_some()) || name == "kafka"
}

/// Returns what may stand right below a section, or at the top where its name is empty.
pub(super) fn names_below(section: &str) -> BTreeSet<&'static str> {
    let names = REFERENCE.iter().filter_map(|row| below(row, section)?.split('.').next());
    names.chain(section.is_empty().then_some("kafka")).collect()
}

/// Returns a row's key from the end of a section's name on, if it stands below it.
fn below(row: &Row, section: &str) -> Option<&'static str> {
    if section.is_empty() { Some(row.key) } else { row.key.strip_prefix(section)?.strip_prefix('.') }
}

/// Every key but those below `kafka`, in the order in which people are shown them.
pub(super) const REFERENCE: [Row; 64] = [
    text("preset", None, "`high-throughput`, `high-reliability` or `low-latency`: see below"),
    value(
        "plain_variables",
        Some("false"),
        "whether variables without the prefix are read, such as `KAFKA_BROKERS`: see below",
    ),
    text("bootstrap", Some("127.0.0.1:9092"), "`host:port` of one or more brokers, separated by commas"),
    text("prefix", None, "what topics and subjects begin with, such as `dev.`; without it, what the manifest says"),
    value("connect_timeout_ms", Some("10s"), "how long a start waits for the broker and for the registry"),
    text(
        "registry.url",
        Some("http://127.0.0.1:8081"),
        "one or more URLs of the schema registry, separated by commas; `EVENTWRIGHT_REGISTRY` for short",
    ),
    text("registry.user", None, "the user of HTTP basic authentication"),
    text("registry.password", None, "its password"),
    text("registry.token", None, "a bearer token in place of both"),
    value("registry.timeout_ms", Some("5s"), "how long one request may take"),
    value(
        "registry.check_at_start",
        Some("true"),
        "whether a start waits for the registry and looks for its schemas there",
    ),
    value("producer.auto_register", Some("false"), "whether schemas are registered on first use"),
    value(
        "producer.delivery_timeout_ms",
        Some("2m"),
        "how long a record may wait for its acknowledgement, retries included",
    ),
    value("producer.queue_timeout_ms", Some("1m"), "how long `enqueue` waits for room in the queue"),
    value("producer.flush_timeout_ms", Some("10s"), "how long the last drop of a producer waits for records in flight"),
    text("consumer.group", None, "the group, where the code names none"),
    text("consumer.start", Some("earliest"), "where a group starts that never committed: `earliest` or `latest`"),
    text("consumer.order", Some("partition"), "what is handled in order: `partition`, `key` or `none`"),
    value(
        "consumer.workers",
        None,
        "how many handlers run at once; without it one a partition, or 32 in another order",
    ),
    value(
        "consumer.retry.max_attempts",
        Some("10"),
        "how often a record is handled before it is given up, the first time included",
    ),
    value(
        "consumer.retry.backoff_ms",
        Some("100ms"),
        "the pause before the second attempt; each further one is twice as long",
    ),
    value("consumer.retry.max_backoff_ms", Some("10s"), "the longest pause between attempts"),
    value("consumer.retry.jitter_percent", Some("20"), "by how many percent a pause is shortened at most, by chance"),
    value(
        "consumer.retry.deadline_ms",
        None,
        "how long after its first failure a record is given up, however few attempts it had",
    ),
    value(
        "consumer.retry.topics",
        Some("0"),
        "where a record waits: 0, in the process; 1, in `<topic>_retry`; more, in `<topic>_retry_1` and so on",
    ),
    text(
        "consumer.on_failure",
        Some("dead_letter"),
        "what becomes of records that are given up: `dead_letter`, or the consumer does `stop`",
    ),
    text("consumer.dead_letter_topic", None, "the topic of dead letters, with its prefix; without it `<topic>_dlq`"),
    value("consumer.buffer_records", Some("256"), "how many records of a partition are held"),
    value("consumer.buffer_bytes", Some("16777216"), "how many bytes of a partition's keys and values are held"),
    value("consumer.commit_interval_ms", Some("1s"), "how often offsets are committed"),
    value("consumer.shutdown_timeout_ms", Some("10s"), "how long a stop waits for handlers that are running"),
    value("consumer.batch_records", Some("100"), "how many records a handler of batches is given at most"),
    value(
        "consumer.batch_wait_ms",
        Some("0ms"),
        "how long the first record of a batch waits for others; 0 is not at all",
    ),
    value("consumer.rate_limit", None, "how many records a second are handed to handlers at most"),
    value("consumer.circuit_breaker.enabled", Some("false"), "whether handlers that keep failing are given a rest"),
    value("consumer.circuit_breaker.failures", Some("6"), "so many failures in a row open a breaker"),
    value(
        "consumer.circuit_breaker.failure_percent",
        None,
        "so many failures among a hundred attempts of an interval open it as well",
    ),
    value(
        "consumer.circuit_breaker.min_requests",
        Some("20"),
        "from how many attempts of an interval on `failure_percent` counts",
    ),
    value(
        "consumer.circuit_breaker.interval_ms",
        Some("1m"),
        "after how long a closed breaker forgets what it has counted; 0 is never",
    ),
    value(
        "consumer.circuit_breaker.timeout_ms",
        Some("30s"),
        "how long a breaker stays open before it lets a few records through",
    ),
    value(
        "consumer.circuit_breaker.max_requests",
        Some("3"),
        "how many records a half-open breaker lets through; so many successes close it",
    ),
    value("consumer.dead_letter_stop.run", None, "so many dead letters in a row stop the consumer"),
    value("consumer.dead_letter_stop.percent", None, "so many dead letters among a hundred records stop it as well"),
    value("consumer.dead_letter_stop.window", Some("1000"), "over how many of the last records `percent` is taken"),
    text("consumer.instance_id", None, "the name of this consumer in its group, for static membership"),
    value(
        "consumer.rebalance_timeout_ms",
        Some("5s"),
        "how long a partition that goes to another consumer waits for handlers that are running",
    ),
    text("log.level", Some("info"), "what `telemetry::init` logs: `debug`, `info`, `warn` or `error`"),
    text("log.encoding", Some("console"), "how it does: `console` for people, or `json`"),
    text(
        "metrics.listen",
        None,
        "where `GET /metrics` is answered: `address:port`, or `:port` on 127.0.0.1; nowhere without it",
    ),
    text("otlp.endpoint", None, "the base URL of a collector for spans; without it, `OTEL_EXPORTER_OTLP_ENDPOINT`"),
    text("service.name", None, "the name of the service in spans; without it, `OTEL_SERVICE_NAME`"),
    text("audit.file", None, "the file that tells what became of every record"),
    text(
        "idempotency.store",
        Some("none"),
        "where consumers note which events they have handled: `none`, `memory`, `topic`, `redis` or `hybrid`",
    ),
    value("idempotency.ttl_ms", Some("24h"), "for how long a handled event is known"),
    value("idempotency.capacity", Some("1000000"), "how many handled events a process keeps in memory"),
    text("idempotency.topic", None, "the compacted topic, with its prefix; without it `<topic>_idempotency`"),
    value(
        "idempotency.claim_ttl_ms",
        Some("30s"),
        "how long an event stays claimed by a consumer that gives no sign of life",
    ),
    text("redis.url", Some("redis://127.0.0.1:6379"), "`host:port` or URL of Redis; `rediss://` is with TLS"),
    text("redis.user", None, "the user, where Redis has users"),
    text("redis.password", None, "its password"),
    text(
        "redis.ca_file",
        None,
        "the file of authorities, in PEM, that its certificate is checked by; without it, the system's",
    ),
    value("redis.timeout_ms", Some("2s"), "how long an answer of Redis, or a connection, may take"),
    value("transaction.interval_ms", Some("100ms"), "how often a consumer with `exactly_once` commits"),
    value("transaction.max_records", Some("1000"), "how many finished records make a transaction due ahead of time"),
];

#[cfg(test)]
mod tests {
    use super::super::preset::Preset;
    use super::super::sources::{self, Layer};
    use super::super::{Origin, Settings, assemble, fields};
    use super::*;

    #[test]
    fn there_is_a_row_for_every_field_that_is_read() {
        let fields = fields::of::<Settings>();
        // These two say where settings come from, and are no settings themselves.
        let rows = REFERENCE.iter().filter(|row| !["preset", "plain_variables"].contains(&row.key));
        let rows = rows.map(|row| (row.key.to_owned(), row.is_text)).collect();
        assert_eq!(fields, rows);
    }

    #[test]
    fn the_defaults_are_those_that_hold() {
        let set = REFERENCE.iter().filter_map(|row| Some((sources::key_path(row.key), row.default?.to_owned())));
        let layer = Layer::new(Origin::Default, sources::nested(set));
        assert_eq!(assemble::settings(&[layer]).unwrap(), Settings::default());
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
