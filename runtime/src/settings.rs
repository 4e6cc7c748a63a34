//! Where the broker and the registry are and how to talk to them.
//!
//! In: environment variables, files and calls. Out: [`Settings`] that were checked once. What was given nearer to the
//! process wins: `EVENTWRIGHT_*` > variables without this prefix, where `plain_variables` is on > the file of `--config` or
//! `EVENTWRIGHT_CONFIG` > `./config.yaml` > `./configs/config.yaml` > the `preset` > defaults. A key that nobody knows is an error
//! that names the key and where it was read.

mod assemble;
mod circuit_breaker;
mod consumer;
mod dead_letter_stop;
mod duration;
mod explain;
#[cfg(test)]
mod fields;
mod idempotency;
mod line;
mod observed;
mod plain;
mod preset;
mod reference;
mod sources;
mod transaction;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use eventwright_registry::{RegistryAuth, RegistryClient, RegistryConfig};
use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use serde::{Deserialize, Deserializer};

pub use self::circuit_breaker::CircuitBreakerSettings;
pub use self::consumer::{ConsumerSettings, OnFailure, Start};
pub use self::dead_letter_stop::DeadLetterStop;
pub(crate) use self::duration::millis;
pub use self::explain::{Explained, Origin, explain};
pub use self::observed::{
    AuditSettings, LogEncoding, LogLevel, LogSettings, MetricsSettings, OtlpSettings, ServiceSettings,
};
pub use self::preset::Preset;
use crate::Error;
use crate::clock::Clock;
pub use crate::dispatch::Order;
pub use crate::retry::Retry;
pub use idempotency::{IdempotencySettings, RedisSettings, Store};
pub use transaction::TransactionSettings;

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
    /// How events are kept from being handled twice.
    pub idempotency: IdempotencySettings,
    /// The Redis that this may use.
    pub redis: RedisSettings,
    /// How many records share a transaction.
    pub transaction: TransactionSettings,
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
        self.idempotency.check()?;
        self.redis.check()?;
        self.transaction.check()?;
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
        "transactional.id" => "every consumer with `.exactly_once()` has an id of its own",
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
            idempotency: IdempotencySettings::default(),
            redis: RedisSettings::default(),
            transaction: TransactionSettings::default(),
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
            .field("idempotency", &self.idempotency)
            .field("redis", &self.redis)
            .field("transaction", &self.transaction)
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
