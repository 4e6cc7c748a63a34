//! Dead letters: records that cannot be handled, written to a topic of their own as they are, with the reason in headers.
//!
//! In: a record and why it failed. Out: a copy that the broker has acknowledged; only then may the original's offset be
//! committed. Key and value are untouched, and so are the headers that the record came with.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use eventwright_wire::RawRecord;
use eventwright_wire::jiff::Timestamp;
use futures::future::join_all;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::{Header, OwnedHeaders};

use crate::backoff::Backoff;
use crate::broker::{Admin, NewRecord, NewTopic, WriteError, Writer};
use crate::error::Kind;
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
    writer: Arc<dyn Writer>,
    topic: Option<String>,
    group: String,
    host: Option<String>,
}

impl DeadLetters {
    pub(crate) fn new(settings: &Settings, group: &str, writer: Arc<dyn Writer>) -> Self {
        let topic = settings.consumer.dead_letter_topic.clone();
        Self { writer, topic, group: group.to_owned(), host: host() }
    }

    /// Returns the topic for the dead letters of a topic.
    pub(crate) fn topic(&self, of: &str) -> String {
        self.topic.clone().unwrap_or_else(|| format!("{of}{SUFFIX}"))
    }

    /// Makes the topics that there are not yet, each with as many partitions as the one whose dead letters it takes.
    ///
    /// # Errors
    /// A name that Kafka does not take, or a topic that is not there and that we may not make.
    pub(crate) async fn prepare(&self, admin: &dyn Admin, topics: &[&str]) -> Result<(), Error> {
        let counts = join_all(topics.iter().map(|of| admin.partitions(of))).await;
        let mut new: Vec<NewTopic> = Vec::new();
        for (of, partitions) in topics.iter().zip(counts) {
            let name = self.topic(of);
            // All topics may have one topic for their dead letters, and a request names each only once.
            if !new.iter().any(|topic| topic.name == name) {
                new.push(NewTopic { name, partitions });
            }
        }
        for (name, refused) in admin.create_topics(&new).await {
            self.check_refused(admin, &name, refused).await?;
        }
        Ok(())
    }

    async fn check_refused(&self, admin: &dyn Admin, name: &str, refused: RDKafkaErrorCode) -> Result<(), Error> {
        if refused == RDKafkaErrorCode::InvalidTopic {
            let text = format!(
                "`{name}` cannot be the topic of dead letters: Kafka takes no such name; help: set `consumer.dead_letter_topic`"
            );
            return Err(Error::settings(text));
        }
        // A broker that makes topics when they are asked for, or one that cannot make them, answers here.
        if admin.partitions(name).await.is_some() {
            return Ok(());
        }
        let text = format!(
            "the topic `{name}` for dead letters is not there and cannot be made ({refused}); help: make it, name another one \
             in `consumer.dead_letter_topic`, or set `consumer.on_failure` to `stop`"
        );
        Err(Error::new(Kind::Broker, text))
    }

    /// Writes the copy of a record and returns once the broker has it, however long that takes.
    ///
    /// # Errors
    /// A copy that the broker will never take, such as one that is too large.
    pub(crate) async fn write(&self, record: &RawRecord, death: &Death) -> Result<(), Error> {
        let topic = self.topic(&record.topic);
        let headers = self.headers(record, death);
        for attempt in 1.. {
            let copy = NewRecord {
                topic: &topic,
                partition: None,
                key: record.key.as_deref(),
                value: record.value.as_deref(),
                headers: headers.clone(),
                timestamp: None,
            };
            match self.writer.write(copy).await {
                Ok(_) => return Ok(()),
                Err(WriteError::Final(error)) => {
                    let text = format!(
                        "the broker does not take the dead letter of `{}` partition {} offset {} in `{topic}`; the record is kept",
                        record.topic, record.partition, record.offset
                    );
                    return Err(Error::new(Kind::NotWritten, text).with_source(error));
                }
                Err(WriteError::Transient(error)) => {
                    tracing::warn!(topic, %error, "a dead letter was not written; trying again, and its record is kept until then");
                }
            }
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
