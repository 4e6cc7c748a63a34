//! A live cluster under a harness: what is on its topics, and what groups have committed there.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use eventwright_wire::RawRecord;
use futures::StreamExt as _;
use rdkafka::Offset;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::topic_partition_list::TopicPartitionList;

use crate::broker::{self, Broker as _, Kafka, Progress, Read, Reader as _, TopicPartition};
use crate::message::raw_record;
use crate::{Error, Settings, kafka};

/// How long one question to the cluster may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The group on whose behalf the harness reads; it commits nothing.
const READER: &str = "eventwright-harness";

/// Returns all records of a topic.
pub(super) async fn records(settings: &Settings, topic: &str) -> Result<Vec<RawRecord>, Error> {
    let name: Arc<str> = topic.into();
    let count = broker::admin(settings)?.partitions(topic).await.unwrap_or(0);
    let reader = Kafka.reader(settings, READER, &[Arc::clone(&name)])?;
    let unread = |error| Error::settings(format!("the harness cannot read `{topic}`")).with_source(error);
    let mut open: BTreeSet<_> = (0..count).map(|number| TopicPartition::new(&name, number)).collect();
    for partition in &open {
        reader.assign(partition, 0).map_err(unread)?;
    }
    let (mut reads, mut records) = (pin!(reader.records()), Vec::new());
    while !open.is_empty() {
        match tokio::time::timeout(TIMEOUT, reads.next()).await {
            Ok(Some(Ok(Read::Record(record)))) => records.push(raw_record(&record)),
            Ok(Some(Ok(Read::End(partition)))) => drop(open.remove(&partition)),
            // librdkafka mends itself what it can.
            Ok(Some(Err(error))) => tracing::debug!(%error, topic, "the harness reads on"),
            Ok(None) | Err(_) => {
                let text = format!("the harness did not read `{topic}` within {}", kafka::shown(TIMEOUT));
                return Err(Error::settings(text));
            }
        }
    }
    Ok(records)
}

/// Returns how far a group has come on every partition of these topics.
pub(super) async fn progress(settings: &Settings, group: &str, topics: &[Arc<str>]) -> Result<Vec<Progress>, Error> {
    let client: BaseConsumer =
        settings.kafka_config(&[]).set("group.id", group).create().map_err(kafka::config_error)?;
    let topics = topics.to_vec();
    let asked = tokio::task::spawn_blocking(move || ask(&client, &topics)).await;
    let asked = asked.map_err(|error| Error::settings("the harness was interrupted").with_source(error))?;
    asked.map_err(|error| Error::settings(format!("the harness cannot ask for the group `{group}`")).with_source(error))
}

fn ask(client: &BaseConsumer, topics: &[Arc<str>]) -> Result<Vec<Progress>, rdkafka::error::KafkaError> {
    let mut all = Vec::new();
    for topic in topics {
        let metadata = client.fetch_metadata(Some(topic), TIMEOUT)?;
        let partitions = metadata.topics().iter().flat_map(|topic| topic.partitions()).map(|partition| partition.id());
        let partitions: Vec<_> = partitions.map(|number| TopicPartition::new(topic, number)).collect();
        let mut list = TopicPartitionList::new();
        for partition in &partitions {
            list.add_partition(topic, partition.number);
        }
        let committed = client.committed_offsets(list, TIMEOUT)?;
        for partition in partitions {
            let (begin, end) = client.fetch_watermarks(topic, partition.number, TIMEOUT)?;
            let offset = committed.find_partition(topic, partition.number).map(|element| element.offset());
            let next = if let Some(Offset::Offset(offset)) = offset { offset } else { begin };
            all.push(Progress { partition, next, end });
        }
    }
    Ok(all)
}
