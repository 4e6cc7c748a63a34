//! Copies of records that failed: dead letters, and records that wait in retry topics.
//!
//! In: a record and why it failed. Out: a copy that the broker has acknowledged; only then may the original's offset be
//! committed. Key and value are untouched, and so are the headers that the record came with; ours are added.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use eventwright_wire::RawRecord;
use eventwright_wire::jiff::Timestamp;
use rdkafka::message::{Header, OwnedHeaders};

use crate::backoff::Backoff;
use crate::broker::{NewRecord, WriteError, Writer};
use crate::error::Kind;
use crate::{Delivery, Error};

/// How much of an error's text a header holds: a chain of causes may quote a whole document.
const MAX_ERROR: usize = 4096;

/// The pauses before a copy is written again that the broker did not take.
const BACKOFF: Backoff = Backoff { first: Duration::from_millis(100), longest: Duration::from_secs(5) };

/// The headers of a copy, beside those that the record came with.
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
    /// The header: when a record in a retry topic is handled again, RFC 3339 in UTC.
    pub const DUE_AT: &str = "ew-due-at";
    /// The header: the consumer group that it failed in.
    pub const GROUP: &str = "ew-group";
    /// The header: the machine that it failed on.
    pub const HOST: &str = "ew-host";
    /// All of them.
    pub(crate) const ALL: [&str; 11] =
        [ATTEMPT, TOPIC, PARTITION, OFFSET, TIMESTAMP, REASON, ERROR, FIRST_FAILED_AT, DUE_AT, GROUP, HOST];
}

/// Why a record is copied.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    /// One of `handler`, `rejected`, `undecodable`: what tools group by.
    pub(crate) reason: &'static str,
    /// The error with its causes.
    pub(crate) error: String,
    pub(crate) first_failed_at: SystemTime,
}

/// What a copy says of its record.
#[derive(Debug, Clone)]
pub(crate) struct History {
    /// How often a handler was given the record.
    pub(crate) attempt: u32,
    /// Nothing, where it only waits for another record of its key.
    pub(crate) failure: Option<Failure>,
    /// When it is to be handled again.
    pub(crate) due_at: Option<SystemTime>,
}

/// Where a copy goes.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) topic: String,
    /// `None` leaves it to the key.
    pub(crate) partition: Option<i32>,
}

/// Writes copies.
#[derive(Clone)]
pub(crate) struct Copies {
    writer: Arc<dyn Writer>,
    group: String,
    host: Option<String>,
}

impl Copies {
    pub(crate) fn new(writer: Arc<dyn Writer>, group: &str) -> Self {
        Self { writer, group: group.to_owned(), host: host() }
    }

    /// Writes the copy of a record and returns once the broker has it, however long that takes.
    ///
    /// # Errors
    /// A copy that the broker will never take, such as one that is too large.
    pub(crate) async fn write(&self, to: &Target, record: &RawRecord, history: &History) -> Result<Delivery, Error> {
        let headers = self.headers(record, history);
        let mut attempt = 0;
        loop {
            let copy = NewRecord {
                topic: &to.topic,
                partition: to.partition,
                key: record.key.as_deref(),
                value: record.value.as_deref(),
                headers: headers.clone(),
                timestamp: None,
            };
            let topic = &to.topic;
            match self.writer.write(copy).await {
                Ok(delivery) => return Ok(delivery),
                Err(WriteError::Final(error)) => {
                    let text = format!(
                        "the broker does not take the copy of `{}` partition {} offset {} in `{topic}`; the record is kept",
                        record.topic, record.partition, record.offset
                    );
                    return Err(Error::new(Kind::NotWritten, text).with_source(error));
                }
                Err(WriteError::Transient(error)) => {
                    tracing::warn!(topic, %error, "a copy was not written; trying again, and its record is kept until then");
                }
            }
            attempt += 1;
            tokio::time::sleep(BACKOFF.pause(attempt)).await;
        }
    }

    /// Returns the headers of a copy.
    pub(crate) fn headers(&self, record: &RawRecord, history: &History) -> OwnedHeaders {
        let time = |time: SystemTime| Timestamp::try_from(time).unwrap_or_default().to_string();
        let failure = history.failure.as_ref();
        let own: [(&str, Option<String>); 11] = [
            (headers::ATTEMPT, Some(history.attempt.to_string())),
            (headers::TOPIC, Some(record.topic.clone())),
            (headers::PARTITION, Some(record.partition.to_string())),
            (headers::OFFSET, Some(record.offset.to_string())),
            (headers::TIMESTAMP, record.timestamp.map(|millis| millis.to_string())),
            (headers::REASON, failure.map(|failure| failure.reason.to_owned())),
            (headers::ERROR, failure.map(|failure| shortened(&failure.error).to_owned())),
            (headers::FIRST_FAILED_AT, failure.map(|failure| time(failure.first_failed_at))),
            (headers::DUE_AT, history.due_at.map(time)),
            (headers::GROUP, Some(self.group.clone())),
            (headers::HOST, self.host.clone()),
        ];
        // A record that was replayed and failed again tells of its last failure only.
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
