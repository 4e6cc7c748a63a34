//! What the driver asks Kafka itself: how far a group is, and what is in a topic.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::{ClientConfig, Message as _, Offset, TopicPartitionList};

/// How many partitions every topic has.
pub(crate) const PARTITIONS: i32 = 12;

const TIMEOUT: Duration = Duration::from_secs(60);

/// A Kafka, by its address.
#[derive(Debug, Clone)]
pub(crate) struct Kafka {
    bootstrap: String,
}

/// What a group has committed of each partition, and where that ends.
pub(crate) type Progress = BTreeMap<i32, (i64, i64)>;

impl Kafka {
    pub(crate) fn at(bootstrap: &str) -> Self {
        Self { bootstrap: bootstrap.into() }
    }

    fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.bootstrap).set("reconnect.backoff.max.ms", "1000");
        config
    }

    /// Returns a consumer that reads all that any transaction committed, and nothing else.
    fn reader(&self) -> Result<BaseConsumer> {
        let mut config = self.config();
        config.set("group.id", "reader").set("enable.auto.commit", "false").set("enable.partition.eof", "true");
        Ok(config.set("isolation.level", "read_committed").create()?)
    }

    pub(crate) async fn create_topic(&self, name: &str) -> Result<()> {
        let admin: AdminClient<DefaultClientContext> = self.config().create()?;
        let topic = NewTopic::new(name, PARTITIONS, TopicReplication::Fixed(-1));
        match admin.create_topics([&topic], &AdminOptions::new()).await?.pop() {
            Some(Ok(_)) => Ok(()),
            refused => bail!("cannot make the topic `{name}`: {refused:?}"),
        }
    }

    /// Returns how many consumers share the partitions of a group: none while it deals them out, or where nobody answers.
    pub(crate) async fn members(&self, group: &str) -> Option<usize> {
        let consumer: BaseConsumer = self.config().create().ok()?;
        let group = group.to_owned();
        let ask = move || {
            let groups = consumer.fetch_group_list(Some(&group), TIMEOUT).ok()?;
            groups.groups().iter().find(|group| group.state() == "Stable").map(|group| group.members().len())
        };
        tokio::task::spawn_blocking(ask).await.ok().flatten()
    }

    /// Returns how far a group is on a topic; nothing where nobody answers.
    pub(crate) async fn progress(&self, topic: &str, group: &str) -> Option<Progress> {
        let consumer: BaseConsumer = self.config().set("group.id", group).create().ok()?;
        let topic = topic.to_owned();
        let ask = move || {
            let mut list = TopicPartitionList::new();
            list.add_partition_range(&topic, 0, PARTITIONS - 1);
            let committed = consumer.committed_offsets(list, TIMEOUT).ok()?;
            let mut progress = Progress::new();
            for element in committed.elements() {
                let (start, end) = consumer.fetch_watermarks(&topic, element.partition(), TIMEOUT).ok()?;
                let committed = if let Offset::Offset(offset) = element.offset() { offset } else { start };
                progress.insert(element.partition(), (committed, end));
            }
            Some(progress)
        };
        tokio::task::spawn_blocking(ask).await.ok().flatten()
    }

    /// Returns the values of a topic, from its beginning to its end and those of each partition in their order, once no
    /// transaction is open there: Kafka ends those of the dead after a while.
    pub(crate) async fn values(&self, topic: &str) -> Result<Vec<Vec<u8>>> {
        let started = Instant::now();
        while self.has_open_transactions(topic).await? {
            ensure!(started.elapsed() < TIMEOUT, "a transaction on `{topic}` does not end");
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        let mut list = TopicPartitionList::new();
        for partition in 0..PARTITIONS {
            list.add_partition_offset(topic, partition, Offset::Beginning)?;
        }
        let reader = self.reader()?;
        let read = move || {
            reader.assign(&list)?;
            read_to_the_ends(&reader)
        };
        tokio::task::spawn_blocking(read).await?
    }

    /// Returns whether what is committed ends before the topic does.
    async fn has_open_transactions(&self, topic: &str) -> Result<bool> {
        let (topic, committed) = (topic.to_owned(), self.reader()?);
        let all: BaseConsumer = self.config().set("isolation.level", "read_uncommitted").create()?;
        let ask = move || {
            for partition in 0..PARTITIONS {
                let (_, committed_end) = committed.fetch_watermarks(&topic, partition, TIMEOUT)?;
                let (_, end) = all.fetch_watermarks(&topic, partition, TIMEOUT)?;
                if committed_end < end {
                    return Ok(true);
                }
            }
            Ok(false)
        };
        tokio::task::spawn_blocking(ask).await?
    }
}

fn read_to_the_ends(reader: &BaseConsumer) -> Result<Vec<Vec<u8>>> {
    let (mut values, mut ended) = (Vec::new(), BTreeSet::new());
    while ended.len() < usize::try_from(PARTITIONS)? {
        match reader.poll(TIMEOUT) {
            Some(Ok(record)) => values.push(record.payload().unwrap_or_default().to_vec()),
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                ended.insert(partition);
            }
            Some(Err(error)) => bail!(error),
            None => bail!("a record does not come"),
        }
    }
    Ok(values)
}
