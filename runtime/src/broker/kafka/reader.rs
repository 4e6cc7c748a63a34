//! Reads partitions of Kafka that are assigned by hand.
//!
//! librdkafka marks the end of a partition by its number alone, so each topic has a client of its own.

use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt as _};
use rdkafka::Statistics;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{Consumer as _, ConsumerContext, StreamConsumer};
use rdkafka::error::KafkaError;
use rdkafka::message::BorrowedMessage;

use super::{Kafka, Logs, STATISTICS, list, offset_list};
use crate::broker::{Read, Reader, TopicOffset, TopicPartition};
use crate::metrics::Watermarks;
use crate::{Error, Settings, kafka};

/// What concerns members of a group, and the reader is none.
const OF_MEMBERS: [&str; 2] = ["group.instance.id", "group.remote.assignor"];

/// Reads partitions of Kafka that are assigned by hand.
pub(crate) struct KafkaReader {
    topics: Vec<(Arc<str>, Arc<StreamConsumer<Callbacks>>)>,
}

/// What librdkafka calls back for.
struct Callbacks {
    logs: Logs,
    watermarks: Arc<Watermarks>,
}

impl KafkaReader {
    pub(super) fn new(
        settings: &Settings,
        id: &str,
        topics: &[Arc<str>],
        watermarks: &Arc<Watermarks>,
    ) -> Result<Self, Error> {
        let mut config = settings.kafka_config(&[STATISTICS]);
        for key in OF_MEMBERS {
            config.remove(key);
        }
        config
            // Without a group librdkafka has no consumer; whoever only assigns does not join it.
            .set("group.id", id)
            .set("group.protocol", "classic")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("enable.partition.eof", "true")
            .set("auto.offset.reset", "earliest");
        let client = |topic: &Arc<str>| {
            let callbacks = Callbacks { logs: Logs::default(), watermarks: Arc::clone(watermarks) };
            let consumer = config.create_with_context(callbacks).map_err(kafka::config_error)?;
            Ok((Arc::clone(topic), Arc::new(consumer)))
        };
        Ok(Self { topics: topics.iter().map(client).collect::<Result<_, Error>>()? })
    }

    fn of(&self, partition: &TopicPartition) -> Result<&Arc<StreamConsumer<Callbacks>>, KafkaError> {
        let found = self.topics.iter().find(|(topic, _)| *topic == partition.topic);
        found
            .map(|(_, consumer)| consumer)
            .ok_or(KafkaError::Subscription(format!("no reader of `{}`", partition.topic)))
    }
}

impl ClientContext for Callbacks {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        self.logs.log(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.logs.error(error, reason);
    }

    fn stats(&self, statistics: Statistics) {
        self.watermarks.take(&statistics);
    }
}

impl ConsumerContext for Callbacks {}

impl Reader<Kafka> for KafkaReader {
    fn assign(&self, partition: &TopicPartition, offset: i64) -> Result<(), KafkaError> {
        let at = TopicOffset { partition: partition.clone(), offset, metadata: String::new() };
        self.of(partition)?.incremental_assign(&offset_list(&[at])?)
    }

    fn unassign(&self, partition: &TopicPartition) -> Result<(), KafkaError> {
        self.of(partition)?.incremental_unassign(&list([partition]))
    }

    fn records(&self) -> impl Stream<Item = Result<Read<BorrowedMessage<'_>>, KafkaError>> + Send {
        futures::stream::select_all(self.topics.iter().map(|(topic, consumer)| records_of(topic, consumer)))
    }

    async fn beginning(&self, partition: &TopicPartition, timeout: Duration) -> Result<i64, KafkaError> {
        let (consumer, TopicPartition { topic, number }) = (Arc::clone(self.of(partition)?), partition.clone());
        let ask = move || consumer.fetch_watermarks(&topic, number, timeout);
        let (low, _) = tokio::task::spawn_blocking(ask).await.unwrap_or(Err(KafkaError::Canceled))?;
        Ok(low)
    }
}

fn records_of<'a>(
    topic: &'a Arc<str>,
    consumer: &'a StreamConsumer<Callbacks>,
) -> impl Stream<Item = Result<Read<BorrowedMessage<'a>>, KafkaError>> + Send + Unpin {
    consumer.stream().map(|record| match record {
        Ok(record) => Ok(Read::Record(record)),
        Err(KafkaError::PartitionEOF(number)) => Ok(Read::End(TopicPartition::new(topic, number))),
        Err(error) => Err(error),
    })
}
