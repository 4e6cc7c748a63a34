//! The topics of a cluster in memory, and the records on them. Pure: the time is part of what is written.

use std::collections::BTreeMap;
use std::sync::Arc;

use rdkafka::Timestamp;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::{Headers as _, OwnedHeaders, OwnedMessage};

use super::partitioner;
use crate::Delivery;
use crate::broker::TopicPartition;

/// What a broker takes by default, as `message.max.bytes` of Kafka.
const MAX_BYTES: usize = 1_048_588;

/// The topics, and for each partition its records.
#[derive(Debug)]
pub(super) struct Topics {
    logs: BTreeMap<Arc<str>, Vec<Vec<OwnedMessage>>>,
    /// How many partitions a topic has that is made because somebody asks for it.
    default_partitions: i32,
    /// How many records without key there were: they go round.
    n_without_key: i32,
}

/// A record that is written.
#[derive(Debug, Clone)]
pub(crate) struct Write {
    pub(crate) topic: Arc<str>,
    pub(crate) partition: Option<i32>,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) headers: Option<OwnedHeaders>,
    /// In milliseconds since the Unix epoch.
    pub(crate) timestamp: i64,
}

impl Topics {
    pub(super) fn new(default_partitions: i32) -> Self {
        Self { logs: BTreeMap::new(), default_partitions, n_without_key: 0 }
    }

    /// Makes a topic.
    pub(super) fn create(&mut self, name: &str, partitions: Option<i32>) -> Result<(), RDKafkaErrorCode> {
        let is_known = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-');
        if name.is_empty() || name.len() > 249 || matches!(name, "." | "..") || !name.chars().all(is_known) {
            return Err(RDKafkaErrorCode::InvalidTopic);
        }
        if self.logs.contains_key(name) {
            return Err(RDKafkaErrorCode::TopicAlreadyExists);
        }
        let count = usize::try_from(partitions.unwrap_or(self.default_partitions)).unwrap_or_default();
        if count == 0 {
            return Err(RDKafkaErrorCode::InvalidPartitions);
        }
        self.logs.insert(name.into(), vec![Vec::new(); count]);
        Ok(())
    }

    /// Returns how many partitions a topic has, which is made where it is not there.
    pub(super) fn partitions(&mut self, name: &str) -> Result<i32, RDKafkaErrorCode> {
        match self.create(name, None) {
            Ok(()) | Err(RDKafkaErrorCode::TopicAlreadyExists) => Ok(self.n_partitions(name)),
            Err(error) => Err(error),
        }
    }

    /// Returns how many partitions a topic has; none where it is not there.
    pub(super) fn n_partitions(&self, name: &str) -> i32 {
        self.logs.get(name).map_or(0, |logs| i32::try_from(logs.len()).unwrap_or(i32::MAX))
    }

    /// Writes a record; a topic that is not there is made.
    pub(super) fn append(&mut self, write: Write) -> Result<Delivery, RDKafkaErrorCode> {
        let count = self.partitions(&write.topic)?;
        let Write { topic, partition, key, value, headers, timestamp } = write;
        let of_headers = |headers: &OwnedHeaders| -> usize {
            headers.iter().map(|header| header.key.len() + header.value.map_or(0, <[u8]>::len)).sum()
        };
        let bytes = [key.as_ref().map(Vec::len), value.as_ref().map(Vec::len), headers.as_ref().map(of_headers)];
        if bytes.into_iter().flatten().sum::<usize>() > MAX_BYTES {
            return Err(RDKafkaErrorCode::MessageSizeTooLarge);
        }
        let number = match (partition, &key) {
            (Some(number), _) => number,
            (None, Some(key)) => partitioner::of_key(key, count),
            (None, None) => {
                self.n_without_key = self.n_without_key.wrapping_add(1);
                self.n_without_key.rem_euclid(count)
            }
        };
        let log = self.log_mut(&topic, number).ok_or(RDKafkaErrorCode::UnknownPartition)?;
        let offset = i64::try_from(log.len()).unwrap_or(i64::MAX);
        let timestamp = Timestamp::CreateTime(timestamp);
        log.push(OwnedMessage::new(value, key, topic.to_string(), timestamp, number, offset, headers));
        Ok(Delivery { partition: number, offset })
    }

    /// Returns the record at an offset, if there is one.
    pub(super) fn record(&self, partition: &TopicPartition, offset: i64) -> Option<&OwnedMessage> {
        self.log(partition)?.get(usize::try_from(offset).ok()?)
    }

    /// Returns the offset of the next record that will be written.
    pub(super) fn end(&self, partition: &TopicPartition) -> i64 {
        self.log(partition).map_or(0, |log| i64::try_from(log.len()).unwrap_or(i64::MAX))
    }

    /// Returns all records of a topic, partition by partition.
    pub(super) fn records(&self, name: &str) -> Vec<OwnedMessage> {
        self.logs.get(name).into_iter().flatten().flatten().cloned().collect()
    }

    /// Returns the partitions of a topic.
    pub(super) fn partitions_of(&self, topic: &Arc<str>) -> Vec<TopicPartition> {
        (0..self.n_partitions(topic)).map(|number| TopicPartition::new(topic, number)).collect()
    }

    fn log(&self, partition: &TopicPartition) -> Option<&Vec<OwnedMessage>> {
        self.logs.get(&partition.topic)?.get(usize::try_from(partition.number).ok()?)
    }

    fn log_mut(&mut self, topic: &str, number: i32) -> Option<&mut Vec<OwnedMessage>> {
        self.logs.get_mut(topic)?.get_mut(usize::try_from(number).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(topic: &str, key: Option<&str>, size: usize) -> Write {
        Write {
            topic: topic.into(),
            partition: None,
            key: key.map(Into::into),
            value: Some(vec![0; size]),
            headers: None,
            timestamp: 0,
        }
    }

    #[test]
    fn records_of_a_key_are_on_one_partition_in_their_order_and_others_go_round() {
        let mut topics = Topics::new(3);
        let mut partition =
            |key| topics.append(write("t", key, 1)).map(|delivery| (delivery.partition, delivery.offset));
        assert_eq!([partition(Some("21")), partition(Some("21"))], [Ok((0, 0)), Ok((0, 1))]);
        assert_eq!([partition(None), partition(None), partition(None)], [Ok((1, 0)), Ok((2, 0)), Ok((0, 2))]);
    }

    #[test]
    fn what_kafka_refuses_is_refused_with_its_code() {
        let mut topics = Topics::new(1);
        let check = |result: Result<Delivery, _>, expected| assert_eq!(result.unwrap_err(), expected);
        check(topics.append(write("no such name", None, 1)), RDKafkaErrorCode::InvalidTopic);
        check(topics.append(write("t", Some("key"), MAX_BYTES)), RDKafkaErrorCode::MessageSizeTooLarge);
        check(topics.append(Write { partition: Some(1), ..write("t", None, 1) }), RDKafkaErrorCode::UnknownPartition);
        assert_eq!(topics.create("t", None), Err(RDKafkaErrorCode::TopicAlreadyExists));
        assert_eq!(topics.create("u", Some(0)), Err(RDKafkaErrorCode::InvalidPartitions));
    }
}
