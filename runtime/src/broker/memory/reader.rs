//! Reads partitions of a cluster in memory that are assigned by hand.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::Stream;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::OwnedMessage;

use super::Memory;
use crate::broker::{Read, Reader, TopicPartition};

/// Reads partitions that are assigned by hand.
pub(crate) struct MemoryReader {
    memory: Memory,
    positions: Mutex<BTreeMap<TopicPartition, Position>>,
}

struct Position {
    offset: i64,
    /// The end was marked, and nothing came since.
    is_at_end: bool,
}

impl MemoryReader {
    pub(super) fn new(memory: Memory) -> Self {
        Self { memory, positions: Mutex::default() }
    }

    fn change<T>(&self, change: impl FnOnce(&mut BTreeMap<TopicPartition, Position>) -> T) -> T {
        let result = change(&mut self.positions.lock().unwrap_or_else(PoisonError::into_inner));
        // Whoever waits for records looks again.
        self.memory.0.changed.send_replace(());
        result
    }

    async fn next(&self) -> Read<OwnedMessage> {
        let mut changes = self.memory.changes();
        loop {
            match self.poll() {
                Some(read) => return read,
                // The sender lives as long as we do.
                None => drop(changes.changed().await),
            }
        }
    }

    fn poll(&self) -> Option<Read<OwnedMessage>> {
        let state = self.memory.look();
        if state.is_down {
            return None;
        }
        let mut positions = self.positions.lock().unwrap_or_else(PoisonError::into_inner);
        positions.iter_mut().find_map(|(partition, position)| {
            if let Some(record) = state.topics.record(partition, position.offset) {
                position.offset += 1;
                position.is_at_end = false;
                return Some(Read::Record(record.clone()));
            }
            let was_at_end = std::mem::replace(&mut position.is_at_end, true);
            (!was_at_end).then(|| Read::End(partition.clone()))
        })
    }
}

impl Reader<Memory> for MemoryReader {
    fn assign(&self, partition: &TopicPartition, offset: i64) -> Result<(), KafkaError> {
        self.change(|positions| {
            if positions.contains_key(partition) {
                return Err(KafkaError::Rebalance(RDKafkaErrorCode::Conflict));
            }
            positions.insert(partition.clone(), Position { offset, is_at_end: false });
            Ok(())
        })
    }

    fn unassign(&self, partition: &TopicPartition) -> Result<(), KafkaError> {
        self.change(|positions| positions.remove(partition).map(drop).ok_or_else(|| unknown(partition)))
    }

    fn records(&self) -> impl Stream<Item = Result<Read<OwnedMessage>, KafkaError>> + Send {
        futures::stream::unfold((), move |()| async move { Some((Ok(self.next().await), ())) })
    }

    /// Nothing is deleted here.
    async fn beginning(&self, _: &TopicPartition, _: Duration) -> Result<i64, KafkaError> {
        Ok(0)
    }
}

fn unknown(partition: &TopicPartition) -> KafkaError {
    KafkaError::Subscription(format!("partition {} of `{}` is not assigned", partition.number, partition.topic))
}
