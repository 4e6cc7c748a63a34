//! Where the broker and the registry are and how to talk to them.
//!
//! In: environment variables, files and calls. Out: [`Settings`] that were checked once. What was given nearer to the
//! process wins: `EVENTWRIGHT_*` > variables without this prefix, where `plain_variables` is on > the file of `--config` or
//! `EVENTWRIGHT_CONFIG` > `./config.yaml` > `./configs/config.yaml` > the `preset` > defaults. A key that nobody knows is an error
//! that names the key and where it was read.

mod circuit_breaker;
mod dead_letter_stop;
mod duration;
mod explain;
mod line;
mod observed;
mod plain;
mod preset;
mod reference;
mod sources;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use eventwright_registry::{RegistryAuth, RegistryClient, RegistryConfig};
use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use serde::{Deserialize, Deserializer};

pub use self::circuit_breaker::CircuitBreakerSettings;
pub use self::dead_letter_stop::DeadLetterStop;
pub(crate) use self::duration::millis;
pub use self::explain::{Explained, Origin, explain};
pub use self::observed::{
    AuditSettings, LogEncoding, LogLevel, LogSettings, MetricsSettings, OtlpSettings, ServiceSettings,
};
pub use self::preset::Preset;
use crate::Error;
use crate::clock::Clock;
use crate::dispatch::Limits;
pub use crate::dispatch::Order;
pub use crate::retry::Retry;

/// Where the broker and the registry are and how to talk to them.
///
/// ```
/// let settings = eventwright::Settings::new("127.0.0.1:9092", "http://127.0.0.1:8081").with_prefix("dev.");
/// assert_eq!(settings.prefix.as_deref(), Some("dev."));
/// ```
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Settings {
    /// The addresses of one or more brokers, `host:port` separated by commas. `EVENTWRIGHT_BOOTSTRAP`.
    pub bootstrap: String,
    /// What every topic and subject begins with, such as `dev.`, or nothing where it is empty; `None` leaves it to the
    /// manifest that events were compiled from. `EVENTWRIGHT_PREFIX`.
    pub prefix: Option<String>,
    /// How long `connect` and `run` wait for the broker and for the registry. Key `connect_timeout_ms`, 10 s.
    #[serde(rename = "connect_timeout_ms", deserialize_with = "millis")]
    pub connect_timeout: Duration,
    /// The schema registry.
    pub registry: RegistrySettings,
    /// Settings of librdkafka as they are, such as `security.protocol`; the ones that Eventwright's promises rest on
    /// are refused with the reason.
    #[serde(deserialize_with = "texts")]
    pub kafka: BTreeMap<String, String>,
    /// What concerns producers only.
    pub producer: ProducerSettings,
    /// What concerns consumers only.
    pub consumer: ConsumerSettings,
    /// The technical log.
    pub log: LogSettings,
    /// The figures of the process.
    pub metrics: MetricsSettings,
    /// Where spans go.
    pub otlp: OtlpSettings,
    /// What this process is a part of.
    pub service: ServiceSettings,
    /// What became of every record.
    pub audit: AuditSettings,
    #[cfg(feature = "testing")]
    #[serde(skip)]
    pub(crate) stand_in: Option<crate::testing::StandIn>,
}

/// The schema registry: where it is and who we are.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct RegistrySettings {
    /// One or more URLs separated by commas; the next one is asked where one does not answer. `EVENTWRIGHT_REGISTRY`.
    pub url: String,
    /// The user of HTTP basic authentication.
    pub user: Option<String>,
    /// The password of HTTP basic authentication.
    pub password: Option<String>,
    /// The bearer token, in place of user and password.
    pub token: Option<String>,
    /// How long one request may take. Key `timeout_ms`, 5 s.
    #[serde(rename = "timeout_ms", deserialize_with = "millis")]
    pub timeout: Duration,
    /// Whether producers and consumers wait for the registry at start and look for their schemas there; on. Without it they
    /// start while the registry is down: a producer then looks when it sends the first event of a type, and a consumer keeps
    /// records waiting whose schemas it has not read yet. `EVENTWRIGHT_REGISTRY__CHECK_AT_START`.
    pub check_at_start: bool,
}

/// What concerns producers only.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ProducerSettings {
    /// Whether schemas that are not registered are registered on first use; off, because a deployment should say when
    /// a schema is released.
    pub auto_register: bool,
    /// How long a record may wait for its acknowledgement, retries included. Key `delivery_timeout_ms`, 2 minutes.
    #[serde(rename = "delivery_timeout_ms", deserialize_with = "millis")]
    pub delivery_timeout: Duration,
    /// How long `enqueue` waits for room in the queue. Key `queue_timeout_ms`, 1 minute.
    #[serde(rename = "queue_timeout_ms", deserialize_with = "millis")]
    pub queue_timeout: Duration,
    /// How long the last drop of a producer waits for records in flight. Key `flush_timeout_ms`, 10 s.
    #[serde(rename = "flush_timeout_ms", deserialize_with = "millis")]
    pub flush_timeout: Duration,
}

/// What concerns consumers only.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ConsumerSettings {
    /// The consumer group, where the code does not name it.
    pub group: Option<String>,
    /// Where a group starts on a partition that it never committed an offset of.
    pub start: Start,
    /// What becomes of a record that cannot be decoded or that its handler failed at as often as it may: it goes to the
    /// `dead_letter` topic, or the consumer does `stop` there.
    pub on_failure: OnFailure,
    /// The topic of dead letters, with its prefix; `None` is `<topic>_dlq` for each topic.
    pub dead_letter_topic: Option<String>,
    /// How often a record is handled before it is given up, and where it waits in between.
    pub retry: Retry,
    /// How often offsets are committed while records flow. Key `commit_interval_ms`, 1 s.
    #[serde(rename = "commit_interval_ms", deserialize_with = "millis")]
    pub commit_interval: Duration,
    /// What is handled in order: the records of a `partition`, those of a `key`, or nothing (`none`).
    pub order: Order,
    /// How many handlers run at once. Without it, in the order of partitions each partition has one; in any other order
    /// there are 32. Where it is set, or the order is another one, handlers run as tasks of their own and so on all
    /// threads of tokio's runtime.
    pub workers: Option<usize>,
    /// How many records of a partition are held before Kafka is asked for no more of it; 256.
    pub buffer_records: usize,
    /// How many records a handler of batches is given at most; 100.
    pub batch_records: usize,
    /// How long the first record of a batch waits for others; 0 is not at all: a batch is then what has come while the one before it
    /// was handled. Key `batch_wait_ms`, 0.
    #[serde(rename = "batch_wait_ms", deserialize_with = "millis")]
    pub batch_wait: Duration,
    /// How many bytes of keys and values of a partition are held before Kafka is asked for no more of it; 16 MiB.
    pub buffer_bytes: usize,
    /// How many records a second are handed to handlers at most, further attempts included; no limit.
    pub rate_limit: Option<u32>,
    /// The rest that handlers are given that keep failing.
    pub circuit_breaker: CircuitBreakerSettings,
    /// When the consumer stops rather than go on making dead letters.
    pub dead_letter_stop: DeadLetterStop,
    /// The name of this consumer in its group, unlike any other's there. With it a consumer that comes back within
    /// `session.timeout.ms` finds its partitions as it left them, and nobody else notices (static membership, KIP-345).
    pub instance_id: Option<String>,
    /// How long a partition that the group gives to another consumer waits for handlers that are running; the whole group waits
    /// with it. Key `rebalance_timeout_ms`, 5 s.
    #[serde(rename = "rebalance_timeout_ms", deserialize_with = "millis")]
    pub rebalance_timeout: Duration,
    /// How long a stop waits for handlers that are running. Key `shutdown_timeout_ms`, 10 s.
    #[serde(rename = "shutdown_timeout_ms", deserialize_with = "millis")]
    pub shutdown_timeout: Duration,
}

/// How many records of each partition of a retry topic are in hand.
const READ_AHEAD: usize = 10_000;

/// What becomes of a record that cannot be handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// It is written to a topic of its own, with the reason in headers, and is done once the broker has it there.
    #[default]
    DeadLetter,
    /// The consumer stops with an error, and the record is kept.
    Stop,
}

/// Where a consumer group starts on a partition that it never committed an offset of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Start {
    /// At the oldest record that Kafka still has, so that none is missed.
    #[default]
    Earliest,
    /// After the newest record.
    Latest,
}

impl Settings {
    /// Returns the settings of the environment, of files, of the preset and the defaults, in this order.
    ///
    /// `--config FILE` is looked for among the process's arguments. Variables nest by two underscores:
    /// `EVENTWRIGHT_REGISTRY__USER`, `EVENTWRIGHT_KAFKA__SECURITY_PROTOCOL` for librdkafka's `security.protocol`. The key
    /// `preset` names a [`Preset`], and with `plain_variables` names such as `KAFKA_BROKERS` are read as well.
    /// [`explain`] says which value came from where.
    ///
    /// # Errors
    /// A file that cannot be read, a key that nobody knows, a value of another type, or a raw setting that is ours.
    pub fn load() -> Result<Self, Error> {
        sources::load(sources::config_argument(std::env::args_os())?.as_deref())
    }

    /// Returns the settings as [`Settings::load`] does, with `file` in place of `--config`.
    ///
    /// # Errors
    /// As [`Settings::load`].
    pub fn load_with(file: impl AsRef<Path>) -> Result<Self, Error> {
        sources::load(Some(file.as_ref()))
    }

    /// Returns the defaults with these addresses; neither environment nor files are read.
    #[must_use]
    pub fn new(bootstrap: impl Into<String>, registry_url: impl Into<String>) -> Self {
        let registry = RegistrySettings { url: registry_url.into(), ..RegistrySettings::default() };
        Self { bootstrap: bootstrap.into(), registry, ..Self::default() }
    }

    /// Sets what every topic and subject begins with, in place of the manifest's prefix.
    #[must_use]
    pub fn with_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = Some(prefix.into());
        self
    }

    /// Sets a raw setting of librdkafka.
    #[must_use]
    pub fn with_kafka(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.kafka.insert(key.into(), value.into());
        self
    }

    /// Sets how long `connect` and `run` wait for the broker and for the registry.
    #[must_use]
    pub fn with_connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Lets producers register schemas on first use.
    #[must_use]
    pub fn with_auto_register(mut self) -> Self {
        self.producer.auto_register = true;
        self
    }

    /// Lets producers and consumers start without a look at the registry: see [`RegistrySettings::check_at_start`].
    #[must_use]
    pub fn without_check_at_start(mut self) -> Self {
        self.registry.check_at_start = false;
        self
    }

    /// Returns a client of the registry; nothing is sent yet.
    ///
    /// # Errors
    /// A URL that cannot be used, or credentials of which a half is missing.
    pub fn registry_client(&self) -> Result<RegistryClient, Error> {
        #[cfg(feature = "testing")]
        if let Some(stand_in) = &self.stand_in {
            return Ok(stand_in.registry.client());
        }
        self.registry.check()?;
        let registry = &self.registry;
        let auth = match (&registry.user, &registry.password, &registry.token) {
            (Some(user), Some(password), _) => {
                Some(RegistryAuth::Basic { user: user.clone(), password: password.clone() })
            }
            (_, _, token) => token.clone().map(RegistryAuth::Bearer),
        };
        let urls = registry.urls().map(str::to_owned).collect();
        RegistryClient::new(RegistryConfig { urls, auth, timeout: registry.timeout })
            .map_err(|error| Error::settings(error.to_string()))
    }

    /// Returns the cluster in memory that stands in for Kafka, if there is one.
    #[cfg(feature = "testing")]
    pub(crate) fn memory(&self) -> Option<&crate::broker::Memory> {
        self.stand_in.as_ref().map(|stand_in| &stand_in.memory)
    }

    /// Returns what tells the time of day.
    pub(crate) fn clock(&self) -> Clock {
        #[cfg(feature = "testing")]
        if let Some(stand_in) = &self.stand_in {
            return stand_in.clock.clone();
        }
        Clock::default()
    }

    /// Returns librdkafka's configuration for a client of one's own: `defaults` first, the settings under `kafka` last.
    #[must_use]
    pub fn kafka_config(&self, defaults: &[(&str, &str)]) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.bootstrap);
        config.set("client.id", "eventwright");
        // Of two settings that bound each other, ours must not meet half of somebody else's.
        if !self.kafka.keys().any(|key| key.starts_with("reconnect.backoff.")) {
            config.set("reconnect.backoff.ms", "1000").set("reconnect.backoff.max.ms", "30000");
        }
        for (key, value) in defaults {
            config.set(*key, *value);
        }
        for (key, value) in &self.kafka {
            config.set(key, value);
        }
        config.set_log_level(RDKafkaLogLevel::Info);
        config
    }

    /// Checks what types alone cannot say; every way from settings to a client goes through here.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.bootstrap.trim().is_empty() {
            return Err(Error::settings("`bootstrap` is empty; help: set it to `host:port` of a broker"));
        }
        // librdkafka would take the scheme for a host and look it up for ever.
        let is_url = |broker: &&str| broker.trim().starts_with("http://") || broker.trim().starts_with("https://");
        if let Some(url) = self.bootstrap.split(',').find(is_url) {
            let text = format!("expected `host:port` of brokers in `bootstrap`, found the URL `{}`", masked_url(url));
            return Err(Error::settings(text));
        }
        self.registry.check()?;
        self.consumer.check()?;
        let owned = self.kafka.keys().find_map(|key| Some((key, reason_for_owning(key)?)));
        owned.map_or(Ok(()), |(key, reason)| {
            Err(Error::settings(format!("`kafka.{key}` cannot be set: {reason}; help: remove it")))
        })
    }
}

impl RegistrySettings {
    fn check(&self) -> Result<(), Error> {
        let known = |url: &str| url.starts_with("http://") || url.starts_with("https://");
        if let Some(url) = self.urls().find(|url| !known(url)) {
            let text = format!(
                "expected the URL of the registry to begin with http:// or https://, found `{}`",
                masked_url(url)
            );
            return Err(Error::settings(text));
        }
        match (&self.user, &self.password, &self.token) {
            (Some(_), None, _) => Err(Error::settings("`registry.user` is set without `registry.password`")),
            (None, Some(_), _) => Err(Error::settings("`registry.password` is set without `registry.user`")),
            (Some(_), Some(_), Some(_)) => {
                Err(Error::settings("`registry.token` and `registry.user` are both set; help: keep one of them"))
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn urls(&self) -> impl Iterator<Item = &str> {
        self.url.split(',').map(str::trim)
    }

    /// Returns the URLs as messages may show them.
    pub(crate) fn shown(&self) -> String {
        self.urls().map(masked_url).collect::<Vec<_>>().join(", ")
    }
}

/// Returns why a setting of librdkafka is ours, if it is.
fn reason_for_owning(key: &str) -> Option<&'static str> {
    Some(match key {
        "bootstrap.servers" | "metadata.broker.list" => "the addresses are those of `bootstrap`",
        "group.instance.id" => "the name in the group is that of `consumer.instance_id`",
        "group.id" => "the group is that of `.group(…)` or `consumer.group`",
        "enable.auto.commit" | "auto.commit.interval.ms" | "enable.auto.offset.store" => {
            "offsets are committed after the handler has succeeded, see `consumer.commit_interval_ms`"
        }
        "auto.offset.reset" => "the start of a group is that of `consumer.start`",
        "enable.idempotence" | "acks" | "request.required.acks" => {
            "every record is written once and acknowledged by all replicas in sync"
        }
        "delivery.timeout.ms" | "message.timeout.ms" => "the time-out is that of `producer.delivery_timeout_ms`",
        "transactional.id" => "transactions are not supported yet",
        "enable.partition.eof" | "log.queue" | "opaque" => "the client relies on its own value",
        _ => return None,
    })
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            bootstrap: "127.0.0.1:9092".into(),
            prefix: None,
            connect_timeout: Duration::from_secs(10),
            registry: RegistrySettings::default(),
            kafka: BTreeMap::new(),
            producer: ProducerSettings::default(),
            consumer: ConsumerSettings::default(),
            log: LogSettings::default(),
            metrics: MetricsSettings::default(),
            otlp: OtlpSettings::default(),
            service: ServiceSettings::default(),
            audit: AuditSettings::default(),
            #[cfg(feature = "testing")]
            stand_in: None,
        }
    }
}

impl Default for RegistrySettings {
    fn default() -> Self {
        Self {
            url: "http://127.0.0.1:8081".into(),
            user: None,
            password: None,
            token: None,
            timeout: Duration::from_secs(5),
            check_at_start: true,
        }
    }
}

impl Default for ProducerSettings {
    fn default() -> Self {
        Self {
            auto_register: false,
            // Java's default; librdkafka's five minutes are long for somebody who awaits `send`.
            delivery_timeout: Duration::from_secs(120),
            queue_timeout: Duration::from_secs(60),
            flush_timeout: Duration::from_secs(10),
        }
    }
}

impl Default for ConsumerSettings {
    fn default() -> Self {
        Self {
            group: None,
            start: Start::Earliest,
            on_failure: OnFailure::DeadLetter,
            dead_letter_topic: None,
            retry: Retry::default(),
            commit_interval: Duration::from_secs(1),
            order: Order::Partition,
            workers: None,
            buffer_records: 256,
            buffer_bytes: 16 << 20,
            batch_records: 100,
            batch_wait: Duration::ZERO,
            rate_limit: None,
            circuit_breaker: CircuitBreakerSettings::default(),
            dead_letter_stop: DeadLetterStop::default(),
            instance_id: None,
            rebalance_timeout: Duration::from_secs(5),
            shutdown_timeout: Duration::from_secs(10),
        }
    }
}

impl ConsumerSettings {
    /// Returns whether handlers run as tasks of their own.
    pub(crate) fn runs_tasks(&self) -> bool {
        self.workers.is_some() || self.order != Order::Partition
    }

    pub(crate) fn limits(&self) -> Limits {
        let workers = self.workers.unwrap_or(if self.order == Order::Partition { usize::MAX } else { 32 });
        Limits { workers, records: self.buffer_records, bytes: self.buffer_bytes, read_ahead: READ_AHEAD }
    }

    fn check(&self) -> Result<(), Error> {
        let limits = [
            ("workers", self.workers == Some(0)),
            ("rate_limit", self.rate_limit == Some(0)),
            ("batch_records", self.batch_records == 0),
            ("buffer_records", self.buffer_records == 0),
            ("buffer_bytes", self.buffer_bytes == 0),
        ];
        if let Some((key, _)) = limits.iter().find(|(_, is_zero)| *is_zero) {
            return Err(Error::settings(format!("`consumer.{key}` is 0, expected at least 1")));
        }
        if self.retry.topics > 0 && self.order == Order::Partition {
            let text = "`consumer.retry.topics` needs `consumer.order` to be `key` or `none`: in the order of partitions, all \
                        that follows a record waits for it wherever it is";
            return Err(Error::settings(text));
        }
        self.circuit_breaker.check()?;
        self.dead_letter_stop.check()?;
        self.retry.check()
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |(key, value): (&'_ String, &'_ String)| {
            (key.clone(), if is_secret(key) { MASK.to_owned() } else { masked_url(value) })
        };
        f.debug_struct("Settings")
            .field("bootstrap", &masked_url(&self.bootstrap))
            .field("prefix", &self.prefix)
            .field("connect_timeout", &self.connect_timeout)
            .field("registry", &self.registry)
            .field("kafka", &self.kafka.iter().map(shown).collect::<BTreeMap<_, _>>())
            .field("producer", &self.producer)
            .field("consumer", &self.consumer)
            .field("log", &self.log)
            .field("metrics", &self.metrics)
            .field("otlp", &self.otlp)
            .field("service", &self.service)
            .field("audit", &self.audit)
            .finish()
    }
}

impl fmt::Debug for RegistrySettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistrySettings")
            .field("url", &self.shown())
            .field("user", &self.user)
            .field("password", &self.password.as_ref().map(|_| MASK))
            .field("token", &self.token.as_ref().map(|_| MASK))
            .field("timeout", &self.timeout)
            .field("check_at_start", &self.check_at_start)
            .finish()
    }
}

const MASK: &str = "****";

/// Returns whether a setting holds a secret: passwords, client secrets, private keys, JAAS and token configuration.
fn is_secret(key: &str) -> bool {
    const PARTS: [&str; 8] =
        ["password", "passphrase", "secret", "key.pem", "jaas", "token", "oauthbearer.config", "user.info"];
    PARTS.iter().any(|part| key.contains(part))
}

/// Returns a URL without the user and password it may carry.
fn masked_url(url: &str) -> String {
    match url.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?.1))) {
        Some((scheme, host)) => format!("{scheme}://{MASK}@{host}"),
        None => url.to_owned(),
    }
}

/// Reads a map of texts in which numbers and booleans may stand without quotes, as people write them in YAML.
fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a text, a number or a boolean")]
    enum Scalar {
        Text(String),
        Integer(i64),
        Number(f64),
        Boolean(bool),
    }
    let scalars = BTreeMap::<String, Scalar>::deserialize(deserializer)?;
    let text = |scalar| match scalar {
        Scalar::Text(text) => text,
        Scalar::Integer(number) => number.to_string(),
        Scalar::Number(number) => number.to_string(),
        Scalar::Boolean(boolean) => boolean.to_string(),
    };
    Ok(scalars.into_iter().map(|(key, scalar)| (key, text(scalar))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_masks_every_secret() {
        let mut settings = Settings::new("b:9092", "http://alice:hunter2@r:8081,http://r2:8081")
            .with_kafka("sasl.password", "hunter3")
            .with_kafka("ssl.key.pem", "hunter4")
            .with_kafka("https.ca", "http://u:hunter6@c")
            .with_kafka("sasl.username", "bob");
        settings.registry.token = Some("hunter5".into());
        settings.bootstrap = "http://u:hunter7@b".into();
        let text = format!("{settings:?}");
        assert!(!text.contains("hunter"), "{text}");
        assert!(text.contains("http://****@r:8081, http://r2:8081") && text.contains("bob"), "{text}");
    }

    #[test]
    fn raw_settings_that_are_ours_are_refused_with_the_reason() {
        let check = |key: &str, expected: &str| {
            let text = Settings::default().with_kafka(key, "x").check().unwrap_err().to_string();
            assert!(text.contains(expected) && text.contains(key), "{text}");
        };
        check("enable.auto.commit", "after the handler has succeeded");
        check("group.id", "`.group(…)`");
        check("bootstrap.servers", "`bootstrap`");
        check("acks", "acknowledged by all");
        assert!(Settings::default().with_kafka("linger.ms", "0").check().is_ok());
    }

    #[test]
    fn what_cannot_work_is_refused() {
        let check = |change: fn(&mut Settings), expected: &str| {
            let mut settings = Settings::default();
            change(&mut settings);
            let text = settings.check().unwrap_err().to_string();
            assert!(text.contains(expected), "{text}");
        };
        check(|settings| settings.bootstrap = " ".into(), "`bootstrap` is empty");
        check(
            |settings| settings.bootstrap = "kafka:9092,http://kafka:9092".into(),
            "found the URL `http://kafka:9092`",
        );
        check(|settings| settings.registry.url = "localhost:8081".into(), "begin with http:// or https://");
        check(|settings| settings.registry.user = Some("a".into()), "without `registry.password`");
        check(|settings| settings.consumer.retry = Retry::one_topic(), "to be `key` or `none`");
        check(|settings| settings.consumer.retry.max_attempts = 0, "at least 1");
    }
}
