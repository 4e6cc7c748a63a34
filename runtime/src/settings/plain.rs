//! Variables without our prefix, as other services of the same kind call them: `KAFKA_BROKERS`, `RETRY_INITIAL_INTERVAL=1s`.
//!
//! In: the environment. Out: a layer for each variable, below `EVENTWRIGHT_*` and above files. They are read only where
//! `plain_variables` is on: these names belong to nobody, so that one which another program needs (`KAFKA_BROKERS=3` is a number of
//! brokers to some) must not change what a service does. A service that is to take them says so in its `config.yaml`.

use std::collections::HashMap;
use std::ffi::OsString;

use super::Origin;
use super::sources::{self, Layer};
use crate::Error;

/// What a variable without prefix means here.
enum Meaning {
    /// It is this key.
    Key(&'static str),
    /// It is this key, but for one value.
    KeyBut(&'static str, &'static str, &'static str),
    /// It may only say what holds anyway: one of these, or the reason is given.
    Only(&'static [&'static str], &'static str),
    /// There is nothing that it could set.
    Refused(&'static str),
}

use Meaning::{Key, KeyBut, Only, Refused};

const TOPICS: &str =
    "topics are those that events were compiled with; help: change `topic` in the manifest, or set `prefix`";
const ACKNOWLEDGED: &str =
    "every record is acknowledged by all replicas in sync, else a broker that fails loses records";
const ONCE: &str = "producers are idempotent, else a retry writes a record twice";

/// Every variable that has a meaning; what is not here belongs to somebody else.
const MEANINGS: [(&str, Meaning); 35] = [
    ("KAFKA_BROKERS", Key("bootstrap")),
    ("APP_KAFKA_BROKERS", Key("bootstrap")),
    ("KAFKA_CONSUMER_GROUP", Key("consumer.group")),
    ("APP_KAFKA_GROUP_ID", Key("consumer.group")),
    ("KAFKA_CONSUMER_WORKERS", Key("consumer.workers")),
    ("KAFKA_CONSUMER_FETCH_MIN_BYTES", Key("kafka.fetch.min.bytes")),
    ("KAFKA_CONSUMER_FETCH_MAX_BYTES", Key("kafka.fetch.max.bytes")),
    ("KAFKA_PRODUCER_ACKS", Only(&["all", "-1"], ACKNOWLEDGED)),
    ("KAFKA_PRODUCER_IDEMPOTENT", Only(&["true", "1"], ONCE)),
    ("KAFKA_PRODUCER_RETRIES", KeyBut("kafka.retries", "0", ONCE)),
    ("KAFKA_TOPIC_ORDERS", Only(&["orders"], TOPICS)),
    ("KAFKA_TOPIC_ORDERS_RETRY", Only(&["orders_retry"], TOPICS)),
    ("KAFKA_TOPIC_ORDERS_DLQ", Key("consumer.dead_letter_topic")),
    ("KAFKA_TOPIC_IDEMPOTENCY", Key("idempotency.topic")),
    ("APP_KAFKA_SECURITY_PROTOCOL", Key("kafka.security.protocol")),
    ("APP_KAFKA_SASL_MECHANISM", Key("kafka.sasl.mechanism")),
    ("APP_KAFKA_SASL_USERNAME", Key("kafka.sasl.username")),
    ("APP_KAFKA_SASL_PASSWORD", Key("kafka.sasl.password")),
    ("SCHEMA_REGISTRY_URL", Key("registry.url")),
    ("SCHEMA_REGISTRY_USER", Key("registry.user")),
    ("SCHEMA_REGISTRY_PASSWORD", Key("registry.password")),
    ("RETRY_MAX_ATTEMPTS", Key("consumer.retry.max_attempts")),
    ("RETRY_INITIAL_INTERVAL", Key("consumer.retry.backoff_ms")),
    ("RETRY_MAX_INTERVAL", Key("consumer.retry.max_backoff_ms")),
    ("CIRCUIT_BREAKER_MAX_REQUESTS", Key("consumer.circuit_breaker.max_requests")),
    ("CIRCUIT_BREAKER_INTERVAL", Key("consumer.circuit_breaker.interval_ms")),
    ("CIRCUIT_BREAKER_TIMEOUT", Key("consumer.circuit_breaker.timeout_ms")),
    ("LOG_LEVEL", Key("log.level")),
    ("APP_LOGGER_LEVEL", Key("log.level")),
    ("APP_LOGGER_ENCODING", Key("log.encoding")),
    ("SERVICE_NAME", Key("service.name")),
    ("REDIS_ADDR", Key("redis.url")),
    ("REDIS_PASSWORD", Key("redis.password")),
    ("REDIS_DB", Only(&["0"], "the database is a part of the URL; help: set `redis.url` to `redis://host:port/1`")),
    (
        "JAEGER_ENDPOINT",
        Refused(
            "traces are exported by OTLP and not in Jaeger's own format; help: remove it; Jaeger takes OTLP on port 4318",
        ),
    ),
];

/// Returns a layer for each variable that has a meaning and is not empty.
///
/// # Errors
/// A value that contradicts what is promised, or two variables that say different things of one key.
pub(super) fn layers(variables: &[(OsString, OsString)]) -> Result<Vec<Layer>, Error> {
    let mut layers = Vec::new();
    let mut said: HashMap<&str, (&str, String)> = HashMap::new();
    for (name, meaning) in &MEANINGS {
        let Some((_, value)) = variables.iter().find(|(variable, _)| variable == name) else { continue };
        let value = sources::utf8(name, value.clone())?;
        // In a file of variables, one that is not wanted is often there without value.
        if value.trim().is_empty() {
            continue;
        }
        let Some(key) = key(name, meaning, value.trim())? else { continue };
        if let Some((other, before)) = said.insert(key, (name, value.clone())) {
            if before != value {
                let text = format!("the environment variables `{other}` and `{name}` differ, and both set `{key}`");
                return Err(Error::settings(format!("{text}; help: remove one of them")));
            }
            continue;
        }
        layers
            .push(Layer::new(Origin::Variable((*name).to_owned()), sources::nested([(sources::key_path(key), value)])));
    }
    Ok(layers)
}

/// Returns the key that a variable sets, or nothing where it says what holds anyway.
fn key(name: &str, meaning: &Meaning, value: &str) -> Result<Option<&'static str>, Error> {
    let refused =
        |why: &str| Err(Error::settings(format!("the environment variable `{name}` cannot be `{value}`: {why}")));
    match meaning {
        // Elsewhere such a number may be seconds, or no value at all.
        Key(key) if key.ends_with("_ms") && value.bytes().all(|byte| byte.is_ascii_digit()) => {
            refused("a unit is missing; help: write `1s` or `250ms`")
        }
        KeyBut(_, never, why) if value == *never => refused(why),
        Key(key) | KeyBut(key, ..) => Ok(Some(key)),
        Only(allowed, _) if allowed.iter().any(|one| one.eq_ignore_ascii_case(value)) => Ok(None),
        Only(_, why) => refused(why),
        // What it holds may be an address with a password.
        Refused(why) => Err(Error::settings(format!("the environment variable `{name}` has no meaning here: {why}"))),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::assemble;
    use super::*;
    use crate::Settings;

    fn from(variables: &[(&str, &str)]) -> Result<Settings, Error> {
        let variables: Vec<_> = variables.iter().map(|(name, value)| (name.into(), value.into())).collect();
        assemble::settings(&layers(&variables)?)
    }

    #[test]
    fn the_files_of_variables_that_services_come_with_work() {
        let settings = from(&[
            ("KAFKA_BROKERS", "kafka:9092"),
            ("KAFKA_TOPIC_ORDERS", "orders"),
            ("KAFKA_TOPIC_ORDERS_RETRY", "orders_retry"),
            ("KAFKA_TOPIC_ORDERS_DLQ", "orders_dlq"),
            ("KAFKA_TOPIC_IDEMPOTENCY", "orders_idempotency"),
            ("KAFKA_CONSUMER_GROUP", "orders-consumer-group"),
            ("SCHEMA_REGISTRY_URL", "http://registry:8081"),
            ("SCHEMA_REGISTRY_PASSWORD", ""),
            ("REDIS_ADDR", "redis:6379"),
            ("REDIS_PASSWORD", "hunter2"),
            ("REDIS_DB", "0"),
            ("RETRY_MAX_ATTEMPTS", "3"),
            ("RETRY_INITIAL_INTERVAL", "1s"),
            ("RETRY_MAX_INTERVAL", "30s"),
            ("KAFKA_PRODUCER_ACKS", "all"),
            ("KAFKA_PRODUCER_IDEMPOTENT", "true"),
            ("KAFKA_PRODUCER_RETRIES", "10"),
            ("KAFKA_CONSUMER_WORKERS", "20"),
            ("KAFKA_CONSUMER_FETCH_MAX_BYTES", "52428800"),
            ("KAFKA_OPTS", "-Xmx1g"),
        ]);
        let settings = settings.unwrap();
        assert_eq!(settings.bootstrap, "kafka:9092");
        assert_eq!(settings.registry.url, "http://registry:8081");
        assert_eq!(settings.idempotency.topic.as_deref(), Some("orders_idempotency"));
        assert_eq!((&*settings.redis.url, settings.redis.password.as_deref()), ("redis:6379", Some("hunter2")));
        let consumer = &settings.consumer;
        assert_eq!(consumer.group.as_deref(), Some("orders-consumer-group"));
        assert_eq!(consumer.dead_letter_topic.as_deref(), Some("orders_dlq"));
        assert_eq!((consumer.retry.max_attempts, consumer.workers), (3, Some(20)));
        assert_eq!(
            (consumer.retry.backoff, consumer.retry.max_backoff),
            (Duration::from_secs(1), Duration::from_secs(30))
        );
        let kafka: Vec<_> = settings.kafka.iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(kafka, ["fetch.max.bytes=52428800", "retries=10"]);
    }

    #[test]
    fn a_cloud_with_passwords_is_reached() {
        let settings = from(&[
            ("APP_KAFKA_BROKERS", "pkc.example:9092"),
            ("APP_KAFKA_SECURITY_PROTOCOL", "SASL_SSL"),
            ("APP_KAFKA_SASL_MECHANISM", "PLAIN"),
            ("APP_KAFKA_SASL_USERNAME", "0123"),
            ("APP_KAFKA_SASL_PASSWORD", "4567"),
            ("APP_KAFKA_GROUP_ID", "inventory-group"),
        ]);
        let kafka = settings.unwrap().kafka;
        let kafka: Vec<_> = kafka.iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(
            kafka,
            ["sasl.mechanism=PLAIN", "sasl.password=4567", "sasl.username=0123", "security.protocol=SASL_SSL"]
        );
    }

    #[test]
    fn the_readme_names_every_variable() {
        let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md")).unwrap();
        for (name, meaning) in &MEANINGS {
            let first_cell = |line: &str| line.split('|').nth(1).unwrap_or_default().to_owned();
            let row = readme.lines().find(|line| first_cell(line).contains(&format!("`{name}`")));
            let row = row.unwrap_or_else(|| panic!("the README's table lacks {name}"));
            if let Key(key) | KeyBut(key, ..) = meaning {
                assert!(row.contains(&format!("`{key}`")), "{name}: {row}");
            }
        }
    }

    #[test]
    fn what_contradicts_a_promise_is_refused_with_the_reason() {
        let check = |variables: &[(&str, &str)], expected: &[&str]| {
            let text = from(variables).unwrap_err().to_string();
            assert!(expected.iter().all(|part| text.contains(part)), "{text}");
        };
        check(&[("KAFKA_PRODUCER_ACKS", "0")], &["`KAFKA_PRODUCER_ACKS` cannot be `0`", "loses records"]);
        check(&[("KAFKA_PRODUCER_ACKS", "1")], &["all replicas in sync"]);
        check(&[("KAFKA_PRODUCER_IDEMPOTENT", "false")], &["cannot be `false`", "writes a record twice"]);
        check(&[("KAFKA_PRODUCER_RETRIES", "0")], &["`KAFKA_PRODUCER_RETRIES`", "idempotent"]);
        check(&[("KAFKA_TOPIC_ORDERS", "bestellungen")], &["compiled with", "help: change `topic` in the manifest"]);
        check(&[("JAEGER_ENDPOINT", "http://a:hunter2@j:14268")], &["`JAEGER_ENDPOINT` has no meaning", "OTLP"]);
        check(&[("RETRY_INITIAL_INTERVAL", "5")], &["`RETRY_INITIAL_INTERVAL` cannot be `5`", "a unit is missing"]);
        check(&[("RETRY_INITIAL_INTERVAL", "soon")], &["`RETRY_INITIAL_INTERVAL`", "found \"soon\""]);
        check(&[("KAFKA_CONSUMER_WORKERS", "many")], &["`KAFKA_CONSUMER_WORKERS`", "many"]);
        check(
            &[("KAFKA_BROKERS", "a:1"), ("APP_KAFKA_BROKERS", "b:1")],
            &["`KAFKA_BROKERS` and `APP_KAFKA_BROKERS` differ"],
        );
        assert!(from(&[("KAFKA_BROKERS", "a:1"), ("APP_KAFKA_BROKERS", "a:1")]).is_ok());
    }
}
