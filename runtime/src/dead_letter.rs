//! Dead letters: records that cannot be handled, written to a topic of their own as they are, with the reason in headers.
//!
//! In: a record and why it failed. Out: a copy that the broker has acknowledged; only then may the original's offset be
//! committed. Key and value are untouched, and so are the headers that the record came with.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use eventwright_wire::RawRecord;
use eventwright_wire::jiff::Timestamp;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord, Producer as _};
use rdkafka::util::Timeout;

use crate::backoff::Backoff;
use crate::error::Kind;
use crate::kafka::{self, Health};
use crate::{Error, Settings};

/// What a topic's dead letters go to, unless the settings name a topic.
const SUFFIX: &str = "_dlq";

/// How much of an error's text a header holds: a chain of causes may quote a whole document.
const MAX_ERROR: usize = 4096;

/// The pauses before a copy is written again that the broker did not take.
const BACKOFF: Backoff = Backoff { first: Duration::from_millis(100), longest: Duration::from_secs(5) };

/// The headers of a dead letter, beside those that the record came with.
pub(crate) mod headers {
    /// The header: how often a handler was given the record.
    pub const ATTEMPT: &str = "ew-attempt";
    /// The header: the topic that the record was on.
    pub const TOPIC: &str = "ew-original-topic";
    /// The header: the partition that it was in.
    pub const PARTITION: &str = "ew-original-partition";
    /// The header: its offset there.
    pub const OFFSET: &str = "ew-original-offset";
    /// The header: its timestamp there, in milliseconds since the Unix epoch.
    pub const TIMESTAMP: &str = "ew-original-timestamp";
    /// The header: what kind of failure it was: `handler`, `rejected` or `undecodable`.
    pub const REASON: &str = "ew-failure-reason";
    /// The header: the error with its causes.
    pub const ERROR: &str = "ew-error";
    /// The header: when it failed first, RFC 3339 in UTC.
    pub const FIRST_FAILED_AT: &str = "ew-first-failed-at";
    /// The header: the consumer group that gave it up.
    pub const GROUP: &str = "ew-group";
    /// The header: the machine that gave it up.
    pub const HOST: &str = "ew-host";
    /// All of them.
    pub(crate) const ALL: [&str; 10] =
        [ATTEMPT, TOPIC, PARTITION, OFFSET, TIMESTAMP, REASON, ERROR, FIRST_FAILED_AT, GROUP, HOST];
}

/// Why a record is a dead letter.
#[derive(Debug, Clone)]
pub(crate) struct Death {
    /// One of `handler`, `rejected`, `undecodable`: what tools group by.
    pub(crate) reason: &'static str,
    /// The error with its causes.
    pub(crate) error: String,
    pub(crate) attempt: u32,
    pub(crate) first_failed_at: SystemTime,
}

/// Writes dead letters.
pub(crate) struct DeadLetters {
    client: FutureProducer<Logs>,
    topic: Option<String>,
    group: String,
    host: Option<String>,
}

/// librdkafka's log.
#[derive(Clone)]
struct Logs(Arc<Health>);

impl ClientContext for Logs {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        self.0.log(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.0.error(&error, reason);
    }
}

impl DeadLetters {
    pub(crate) fn new(settings: &Settings, group: &str) -> Result<Self, Error> {
        let mut config = settings.kafka_config(&[("linger.ms", "1"), ("partitioner", "murmur2_random")]);
        config.set("enable.idempotence", "true").set("acks", "all");
        // The broker decides what is too large: a copy is larger than its original, by its headers.
        config.set("message.max.bytes", "1000000000");
        config.set("delivery.timeout.ms", settings.producer.delivery_timeout.as_millis().to_string());
        let client = config.create_with_context(Logs(Arc::default())).map_err(kafka::config_error)?;
        let topic = settings.consumer.dead_letter_topic.clone();
        Ok(Self { client, topic, group: group.to_owned(), host: host() })
    }

    /// Returns the topic for the dead letters of a topic.
    pub(crate) fn topic(&self, of: &str) -> String {
        self.topic.clone().unwrap_or_else(|| format!("{of}{SUFFIX}"))
    }

    /// Makes the topics that there are not yet, each with as many partitions as the one whose dead letters it takes.
    ///
    /// # Errors
    /// A name that Kafka does not take, or a topic that is not there and that we may not make.
    pub(crate) async fn prepare(&self, settings: &Settings, topics: &[&str]) -> Result<(), Error> {
        let admin: AdminClient<_> =
            settings.kafka_config(&[]).create_with_context(Logs(Arc::default())).map_err(kafka::config_error)?;
        for of in topics {
            let name = self.topic(of);
            let partitions = self.partitions(of, settings.connect_timeout).await;
            let new = NewTopic::new(&name, partitions, TopicReplication::Fixed(-1));
            let options = AdminOptions::new().request_timeout(Some(Timeout::After(settings.connect_timeout)));
            let made = admin.create_topics([&new], &options).await;
            let refused = match made.map(|mut results| results.pop()) {
                Ok(None | Some(Ok(_)) | Some(Err((_, RDKafkaErrorCode::TopicAlreadyExists)))) => continue,
                Ok(Some(Err((_, code)))) => code,
                Err(error) => error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown),
            };
            if refused == RDKafkaErrorCode::InvalidTopic {
                let text = format!(
                    "`{name}` cannot be the topic of dead letters: Kafka takes no such name; help: set `consumer.dead_letter_topic`"
                );
                return Err(Error::settings(text));
            }
            if !self.exists(&name, settings.connect_timeout).await {
                let text = format!(
                    "the topic `{name}` for dead letters of `{of}` is not there and cannot be made ({refused}); help: \
                     make it, name another one in `consumer.dead_letter_topic`, or set `consumer.on_failure` to `stop`"
                );
                return Err(Error::new(Kind::Broker, text));
            }
        }
        Ok(())
    }

    async fn partitions(&self, topic: &str, timeout: Duration) -> i32 {
        let known = self.metadata(topic, timeout).await.filter(|count| *count > 0);
        // -1 is what the broker has as its default.
        known.and_then(|count| i32::try_from(count).ok()).unwrap_or(-1)
    }

    /// A broker that makes topics when they are asked for, or one that cannot make them, answers here.
    async fn exists(&self, topic: &str, timeout: Duration) -> bool {
        self.metadata(topic, timeout).await.is_some_and(|count| count > 0)
    }

    async fn metadata(&self, topic: &str, timeout: Duration) -> Option<usize> {
        let (client, topic) = (self.client.clone(), topic.to_owned());
        let asked = tokio::task::spawn_blocking(move || {
            let metadata = client.client().fetch_metadata(Some(&topic), timeout).ok()?;
            metadata.topics().first().map(|topic| topic.partitions().len())
        });
        asked.await.ok().flatten()
    }

    /// Writes the copy of a record and returns once the broker has it, however long that takes.
    ///
    /// # Errors
    /// A copy that the broker will never take, such as one that is too large.
    pub(crate) async fn write(&self, record: &RawRecord, death: &Death) -> Result<(), Error> {
        let topic = self.topic(&record.topic);
        let headers = self.headers(record, death);
        for attempt in 1.. {
            let mut copy = FutureRecord::<[u8], [u8]>::to(&topic).headers(headers.clone());
            copy.key = record.key.as_deref();
            copy.payload = record.value.as_deref();
            let Err((error, _)) = self.client.send(copy, Timeout::Never).await else { return Ok(()) };
            if is_final(&error) {
                let text = format!(
                    "the broker does not take the dead letter of `{}` partition {} offset {} in `{topic}`; the record is kept",
                    record.topic, record.partition, record.offset
                );
                return Err(Error::new(Kind::NotWritten, text).with_source(error));
            }
            tracing::warn!(topic, %error, "a dead letter was not written; trying again, and its record is kept until then");
            tokio::time::sleep(BACKOFF.pause(attempt)).await;
        }
        Ok(())
    }

    fn headers(&self, record: &RawRecord, death: &Death) -> OwnedHeaders {
        let first_failed_at = Timestamp::try_from(death.first_failed_at).unwrap_or_default();
        let own: [(&str, Option<String>); 10] = [
            (headers::ATTEMPT, Some(death.attempt.to_string())),
            (headers::TOPIC, Some(record.topic.clone())),
            (headers::PARTITION, Some(record.partition.to_string())),
            (headers::OFFSET, Some(record.offset.to_string())),
            (headers::TIMESTAMP, record.timestamp.map(|millis| millis.to_string())),
            (headers::REASON, Some(death.reason.to_owned())),
            (headers::ERROR, Some(shortened(&death.error).to_owned())),
            (headers::FIRST_FAILED_AT, Some(first_failed_at.to_string())),
            (headers::GROUP, Some(self.group.clone())),
            (headers::HOST, self.host.clone()),
        ];
        // A record that was replayed and died again tells of its last death only.
        let kept = record.headers.iter().filter(|(name, _)| !headers::ALL.contains(&name.as_str()));
        let all = kept.fold(OwnedHeaders::new(), |all, (key, value)| all.insert(Header { key, value: value.as_ref() }));
        let own = own.iter().filter_map(|(key, value)| Some((key, value.as_ref()?)));
        own.fold(all, |all, (key, value)| all.insert(Header { key, value: Some(value) }))
    }
}

/// Returns whether trying again is of no use.
fn is_final(error: &KafkaError) -> bool {
    let code = error.rdkafka_error_code();
    code.is_some_and(|code| {
        matches!(
            code,
            RDKafkaErrorCode::MessageSizeTooLarge
                | RDKafkaErrorCode::InvalidMessageSize
                | RDKafkaErrorCode::InvalidMessage
                | RDKafkaErrorCode::InvalidTopic
                | RDKafkaErrorCode::InvalidRecord
                | RDKafkaErrorCode::PolicyViolation
                | RDKafkaErrorCode::TopicAuthorizationFailed
                | RDKafkaErrorCode::ClusterAuthorizationFailed
        )
    })
}

fn shortened(text: &str) -> &str {
    let end = (0..=MAX_ERROR.min(text.len())).rev().find(|&end| text.is_char_boundary(end));
    text.get(..end.unwrap_or(0)).unwrap_or_default()
}

/// Returns the name of the machine, where the environment or the kernel says it.
fn host() -> Option<String> {
    let of_kernel = || std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let name = std::env::var("HOSTNAME").ok().or_else(of_kernel)?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}
