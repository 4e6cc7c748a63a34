//! What the commands share of librdkafka: its errors for people, and what a topic looks like.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::anyhow;
use eventwright::Settings;
use rdkafka::client::{Client, ClientContext};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::metadata::Metadata;
use rdkafka::types::RDKafkaRespErr;

use crate::exit::Failure;
use crate::screen;

/// The last error of a broker, and whether people were told.
///
/// librdkafka tries again for ever and tells of it in log lines only.
#[derive(Debug, Default)]
pub(crate) struct Health {
    last_error: Mutex<Option<String>>,
    /// Whether a broker has answered before: until then the command itself says what is wrong.
    connected: AtomicBool,
    told: AtomicBool,
}

impl Health {
    /// Notes that a broker answered.
    pub(crate) fn succeeded(&self) {
        self.connected.store(true, Ordering::Relaxed);
        if self.told.load(Ordering::Relaxed) && self.told.swap(false, Ordering::Relaxed) {
            screen::note("the broker answers again");
        }
    }

    fn failed(&self, text: String) {
        tracing::debug!(error = text, "kafka: failing");
        if self.connected.load(Ordering::Relaxed) && !self.told.swap(true, Ordering::Relaxed) {
            screen::warning(format!("the broker does not answer: {text}; trying again"));
        }
        *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
    }

    fn last_error(&self) -> Option<String> {
        self.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Receives what librdkafka says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reports(pub(crate) Arc<Health>);

impl ConsumerContext for Reports {}

impl ClientContext for Reports {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        match level {
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical | RDKafkaLogLevel::Error => {
                self.0.failed(text.to_owned());
            }
            _ => tracing::debug!(facility, "librdkafka: {text}"),
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        match error.rdkafka_error_code() {
            // "All brokers are down" comes after the error that says why, which is the one to keep; the end of a
            // partition is no error at all.
            Some(RDKafkaErrorCode::AllBrokersDown | RDKafkaErrorCode::PartitionEOF) => {}
            _ => self.0.failed(reason.to_owned()),
        }
    }
}

/// Returns why a client could not be made: a raw setting that librdkafka does not know or does not like. Its value is not told,
/// which may be a password under a name that librdkafka lacks.
pub(crate) fn config_error(error: KafkaError) -> anyhow::Error {
    match &error {
        KafkaError::ClientConfig(_, reason, key, _) => {
            Failure::usage(format!("librdkafka refuses the setting `{key}`: {reason}; help: see its CONFIGURATION.md"))
        }
        _ => anyhow::Error::new(error).context("librdkafka refuses the settings"),
    }
}

/// What a broker says of a topic.
pub(crate) enum Topic {
    /// Its partitions, in order.
    Exists(Vec<i32>),
    /// There is none; where the client is a producer, the broker may be making it.
    IsMissing,
}

/// Waits until a broker answers and says what the topic is. Blocks its thread.
///
/// # Errors
/// No answer in time, or a topic that we may not see.
pub(crate) fn topic<C: ClientContext>(
    client: &Client<C>,
    health: &Health,
    settings: &Settings,
    name: &str,
) -> anyhow::Result<Topic> {
    let metadata = client.fetch_metadata(Some(name), settings.connect_timeout);
    let metadata = metadata.map_err(|error| unreachable(error, health, settings))?;
    health.succeeded();
    match topic_error(&metadata, name) {
        None => Ok(Topic::Exists(partitions_of(&metadata))),
        Some(
            RDKafkaErrorCode::UnknownTopicOrPartition
            | RDKafkaErrorCode::UnknownTopic
            | RDKafkaErrorCode::LeaderNotAvailable,
        ) => Ok(Topic::IsMissing),
        Some(code) => Err(anyhow!("cannot use the topic `{name}` at `{}`: {code}", settings.bootstrap)),
    }
}

fn topic_error(metadata: &Metadata, topic: &str) -> Option<RDKafkaErrorCode> {
    let found = metadata.topics().iter().find(|one| one.name() == topic);
    let error: Option<RDKafkaRespErr> = match found {
        Some(found) => found.error(),
        None => return Some(RDKafkaErrorCode::UnknownTopicOrPartition),
    };
    error.map(RDKafkaErrorCode::from)
}

fn partitions_of(metadata: &Metadata) -> Vec<i32> {
    let mut ids: Vec<_> = metadata.topics().iter().flat_map(|topic| topic.partitions()).map(|one| one.id()).collect();
    ids.sort_unstable();
    ids
}

/// Returns the error for a topic that does not exist. Blocks its thread.
pub(crate) fn no_such_topic<C: ClientContext>(client: &Client<C>, settings: &Settings, topic: &str) -> anyhow::Error {
    /// More names than this help nobody.
    const MAX_NAMES: usize = 20;
    let metadata = client.fetch_metadata(None, settings.connect_timeout).ok();
    let mut names: Vec<String> = Vec::new();
    for name in metadata.iter().flat_map(Metadata::topics).map(|topic| topic.name()) {
        if !name.starts_with("__") {
            names.push(name.to_owned());
        }
    }
    names.sort();
    let help = match names.len() {
        0 => "there is none yet".to_owned(),
        1..=MAX_NAMES => format!("there are {}", names.join(", ")),
        many => format!("there are {many} others; is the name right?"),
    };
    anyhow!("the topic `{topic}` does not exist at `{}`; help: {help}", settings.bootstrap)
}

/// Returns the error for a broker that did not answer.
fn unreachable(error: KafkaError, health: &Health, settings: &Settings) -> anyhow::Error {
    let cause = health.last_error().unwrap_or_else(|| error.to_string());
    let (bootstrap, seconds) = (&settings.bootstrap, settings.connect_timeout.as_secs_f64());
    anyhow!(
        "no broker answered at `{bootstrap}` within {seconds} s; the last error was: {cause}; help: is Kafka running, and \
         is --bootstrap its address?"
    )
}
