//! Reads the marks of a compacted topic, from its beginning and then as they come, into memory.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rdkafka::consumer::{Consumer as _, StreamConsumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{EventKey, MemoryStore};
use crate::error::Kind;
use crate::kafka::Logs;
use crate::{Error, Settings, kafka};

/// How long a topic that was just made may take to show.
const PAUSE: Duration = Duration::from_millis(100);

/// How far a partition was read.
#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    /// The offset after the last mark.
    next: i64,
    /// Its end was seen once.
    ended: bool,
}

type Partitions = BTreeMap<i32, Progress>;

/// The reader of the marks; it ends when it is dropped.
pub(super) struct Tail {
    consumer: Arc<StreamConsumer<Logs>>,
    topic: String,
    timeout: Duration,
    progress: watch::Receiver<Partitions>,
    task: JoinHandle<()>,
}

impl Tail {
    /// Starts to read the marks of a group.
    pub(super) async fn start(
        settings: &Settings,
        topic: &str,
        group: &str,
        known: Arc<MemoryStore>,
    ) -> Result<Self, Error> {
        let mut config = settings.kafka_config(&[]);
        config.set("group.id", group).set("enable.auto.commit", "false").set("enable.auto.offset.store", "false");
        config.set("auto.offset.reset", "earliest").set("enable.partition.eof", "true");
        // The marks are assigned by hand: the group's protocol, and its instances, are the consumer's.
        config.remove("group.instance.id").remove("group.protocol").remove("group.remote.assignor");
        let consumer: StreamConsumer<_> = config.create_with_context(Logs::default()).map_err(kafka::config_error)?;
        let consumer = Arc::new(consumer);
        let partitions = partitions(&consumer, topic, settings.connect_timeout).await?;
        let mut list = TopicPartitionList::new();
        for partition in partitions.keys() {
            let added = list.add_partition_offset(topic, *partition, Offset::Beginning);
            added.expect("the beginning is an offset that every partition takes");
        }
        let assigned = consumer.assign(&list);
        assigned.map_err(|error| Error::new(Kind::Store, format!("cannot read `{topic}`")).with_source(error))?;
        let (sender, progress) = watch::channel(partitions);
        let task = tokio::spawn(read(Arc::clone(&consumer), Arc::from(group), known, sender));
        Ok(Self { consumer, topic: topic.to_owned(), timeout: settings.connect_timeout, progress, task })
    }

    /// Waits until each partition was read to its end once.
    pub(super) async fn read_to_the_end(&self) -> Result<(), Error> {
        let started = Instant::now();
        self.wait_for(|partitions| partitions.values().all(|progress| progress.ended)).await?;
        tracing::info!(topic = self.topic, took = ?started.elapsed(), "read which events were handled");
        Ok(())
    }

    /// Waits until all is read that is in the topic now.
    pub(super) async fn catch_up(&self) -> Result<(), Error> {
        let (consumer, topic, timeout) = (Arc::clone(&self.consumer), self.topic.clone(), self.timeout);
        let partitions: Vec<i32> = self.progress.borrow().keys().copied().collect();
        let asked = tokio::task::spawn_blocking(move || {
            let end = |partition| Ok((partition, consumer.fetch_watermarks(&topic, partition, timeout)?));
            partitions.into_iter().map(end).collect::<Result<Vec<_>, KafkaError>>()
        });
        let asked = asked.await.map_err(|error| self.failed().with_source(error))?;
        let ends = asked.map_err(|error| self.failed().with_source(error))?;
        // What was deleted by age cannot be read.
        let is_read = |partitions: &Partitions, (partition, (low, high)): &(i32, (i64, i64))| {
            low >= high || partitions.get(partition).is_some_and(|progress| progress.next >= *high)
        };
        self.wait_for(|partitions| ends.iter().all(|end| is_read(partitions, end))).await
    }

    async fn wait_for(&self, mut is_reached: impl FnMut(&Partitions) -> bool) -> Result<(), Error> {
        let mut progress = self.progress.clone();
        let waited = progress.wait_for(|partitions| is_reached(partitions)).await;
        waited.map(drop).map_err(|error| self.failed().with_source(error))
    }

    fn failed(&self) -> Error {
        Error::new(Kind::Store, format!("cannot read which events were handled from `{}`", self.topic)).retriable()
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Returns the partitions of a topic, once it shows.
async fn partitions(consumer: &Arc<StreamConsumer<Logs>>, topic: &str, timeout: Duration) -> Result<Partitions, Error> {
    let deadline = Instant::now() + timeout;
    loop {
        let (client, name) = (Arc::clone(consumer), topic.to_owned());
        let asked = tokio::task::spawn_blocking(move || {
            let metadata = client.fetch_metadata(Some(&name), timeout).ok()?;
            let found = metadata.topics().first()?;
            Some(found.partitions().iter().map(|partition| (partition.id(), Progress::default())).collect())
        });
        match asked.await.ok().flatten() {
            Some(partitions) if !Partitions::is_empty(&partitions) => return Ok(partitions),
            _ if Instant::now() + PAUSE >= deadline => {
                let text = format!(
                    "the topic `{topic}` for handled events is not there and cannot be made; help: make it, with \
                     `cleanup.policy=compact`, or name another one in `idempotency.topic`"
                );
                return Err(Error::new(Kind::Store, text));
            }
            _ => tokio::time::sleep(PAUSE).await,
        }
    }
}

/// Reads marks for ever.
async fn read(
    consumer: Arc<StreamConsumer<Logs>>,
    group: Arc<str>,
    known: Arc<MemoryStore>,
    progress: watch::Sender<Partitions>,
) {
    loop {
        match consumer.recv().await {
            Ok(record) => {
                take(&record, &group, &known);
                let (partition, next) = (record.partition(), record.offset() + 1);
                progress.send_modify(|partitions| partitions.entry(partition).or_default().next = next);
            }
            Err(KafkaError::PartitionEOF(partition)) => {
                progress.send_modify(|partitions| partitions.entry(partition).or_default().ended = true);
            }
            Err(error) => tracing::debug!(%error, "librdkafka reports an error that it mends itself"),
        }
    }
}

/// Takes a mark of our group.
fn take(record: &BorrowedMessage<'_>, group: &Arc<str>, known: &MemoryStore) {
    let Some(key) = record.key().and_then(|key| std::str::from_utf8(key).ok()) else { return };
    let Some(key) = EventKey::parse(key, group) else { return };
    if record.payload().is_none() {
        return known.forget(&key);
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let written = record.timestamp().to_millis().and_then(|millis| u64::try_from(millis).ok());
    let written = written.map_or(now, Duration::from_millis);
    // A mark from the future, by a clock that is ahead of ours, is new.
    known.mark(&key, now.saturating_sub(written));
}
