//! The connections to Kafka that replaying needs, and what they ask brokers.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::admin::AdminClient;
use rdkafka::consumer::{Consumer as _, StreamConsumer};

use crate::error::Kind;
use crate::kafka::{self, Logs};
use crate::{Error, Settings};

/// What librdkafka needs of a reader, and nobody may override.
const READER: [(&str, &str); 8] = [
    // librdkafka assigns partitions only to clients that name a group; it is never joined.
    ("group.id", "eventwright-replay"),
    ("enable.auto.commit", "false"),
    // Where the broker deletes records that are still to be read, the oldest one left is next.
    ("auto.offset.reset", "earliest"),
    ("enable.partition.eof", "true"),
    // What a replay that was killed had begun to write is no entry, and no dead letter.
    ("isolation.level", "read_committed"),
    // Where a topic ends with the mark of a transaction, only a fetch that finds nothing shows that it ends.
    ("fetch.wait.max.ms", "50"),
    // For each partition, so that a topic with many does not fill the memory while it waits for a slow one.
    ("queued.max.messages.kbytes", "4096"),
    // How soon a queue that was full is filled again; librdkafka's own second would be most of the time.
    ("fetch.queue.backoff.ms", "10"),
];

/// A consumer without group.
pub(crate) type Reader = StreamConsumer<Logs>;

/// Returns a client for administration; nothing is sent yet.
pub(crate) fn admin(settings: &Settings) -> Result<AdminClient<Logs>, Error> {
    settings.kafka_config(&[]).create_with_context(Logs::default()).map_err(kafka::config_error)
}

/// Returns a reader and the partitions of a topic; `None` for a topic that does not exist.
///
/// # Errors
/// A broker that does not answer in time.
pub(crate) async fn reader(settings: &Settings, topic: &str) -> Result<Option<(Arc<Reader>, Vec<i32>)>, Error> {
    let mut config = settings.kafka_config(&[]);
    for (key, value) in READER {
        config.set(key, value);
    }
    let logs = Logs::default();
    let health = Arc::clone(&logs.0);
    let reader: Arc<Reader> = Arc::new(config.create_with_context(logs).map_err(kafka::config_error)?);
    let asking = (Arc::clone(&reader), topic.to_owned(), settings.connect_timeout);
    let mut found = tokio::task::spawn_blocking(move || partitions(&asking.0, &asking.1, asking.2));
    let found = loop {
        tokio::select! {
            found = &mut found => break found.unwrap_or_default(),
            // Nothing is assigned yet, so that no record is lost: this lets `Logs` hear why no broker answers.
            _ = reader.recv() => {}
        }
    };
    let partitions = found.ok_or_else(|| kafka::unreachable(settings, &health))?;
    health.succeeded();
    Ok(partitions.map(|partitions| (reader, partitions)))
}

/// What a broker says of the partitions of a topic; the outer `None` is no answer, the inner one no topic. Blocks its
/// thread. A consumer asks without making the topic.
pub(crate) fn partitions(reader: &Reader, topic: &str, timeout: Duration) -> Option<Option<Vec<i32>>> {
    let metadata = reader.client().fetch_metadata(Some(topic), timeout).ok()?;
    let found = metadata.topics().iter().find(|found| found.name() == topic);
    let mut ids: Vec<i32> = found.into_iter().flat_map(|found| found.partitions()).map(|one| one.id()).collect();
    ids.sort_unstable();
    Some((!ids.is_empty()).then_some(ids))
}

/// Returns the error for a topic that is not there.
pub(crate) fn no_such_topic(settings: &Settings, topic: &str) -> Error {
    let text = format!(
        "the topic `{topic}` does not exist at `{}`; help: name a topic of dead letters, with its prefix, such as `orders_dlq`",
        settings.bootstrap
    );
    Error::new(Kind::Broker, text)
}

/// Returns the error for a broker that does not say whether a topic exists.
pub(crate) fn silent(settings: &Settings, topic: &str) -> Error {
    let text = format!("no broker at `{}` says whether the topic `{topic}` exists", settings.bootstrap);
    Error::new(Kind::Broker, text).retriable()
}
