//! Kafka as a broker, through librdkafka.

mod assignment;
mod group;
mod reader;
mod start;
mod writer;

use std::sync::Arc;

use rdkafka::error::KafkaError;
use rdkafka::message::BorrowedMessage;
use rdkafka::{Offset, TopicPartitionList};

use self::group::KafkaSubscription;
use self::reader::KafkaReader;
pub(super) use self::writer::{admin, writer};
use super::{Broker, TopicOffset, TopicPartition};
use crate::consumer::Group;
use crate::kafka::Logs;
use crate::metrics::Watermarks;
use crate::{Error, Settings};

/// How often librdkafka tells where partitions end, and so how far the consumer is behind; at 0, never. Also what we set and
/// leave to be overridden under `kafka`.
const STATISTICS: (&str, &str) = ("statistics.interval.ms", "5000");

/// A Kafka cluster; the settings say which.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kafka;

impl Broker for Kafka {
    type Record<'a> = BorrowedMessage<'a>;
    type Subscription = KafkaSubscription;
    type Reader = KafkaReader;

    fn subscription(&self, settings: &Settings, id: &str, group: &Arc<Group>) -> Result<KafkaSubscription, Error> {
        KafkaSubscription::new(settings, id, group)
    }

    fn reader(
        &self,
        settings: &Settings,
        id: &str,
        topics: &[Arc<str>],
        watermarks: &Arc<Watermarks>,
    ) -> Result<KafkaReader, Error> {
        KafkaReader::new(settings, id, topics, watermarks)
    }
}

/// Returns a list for librdkafka without offsets.
fn list<'a>(partitions: impl IntoIterator<Item = &'a TopicPartition>) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for partition in partitions {
        list.add_partition(&partition.topic, partition.number);
    }
    list
}

/// Returns a list for librdkafka with offsets.
fn offset_list(offsets: &[TopicOffset]) -> Result<TopicPartitionList, KafkaError> {
    let mut list = TopicPartitionList::with_capacity(offsets.len());
    for TopicOffset { partition, offset, metadata } in offsets {
        let mut element = list.add_partition(&partition.topic, partition.number);
        element.set_offset(Offset::Offset(*offset))?;
        if !metadata.is_empty() {
            element.set_metadata(metadata);
        }
    }
    Ok(list)
}

/// Returns the partitions of a list of librdkafka's.
fn partitions(list: &TopicPartitionList) -> Vec<TopicPartition> {
    let elements = list.elements();
    elements.iter().map(|element| TopicPartition::new(&element.topic().into(), element.partition())).collect()
}
