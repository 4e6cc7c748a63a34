//! Writes records to a cluster in memory as they are, and makes topics.

use std::future::Future;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tokio::sync::oneshot;

use super::faults::WriteFault;
use super::{Memory, MemoryProducer, Write};
use crate::broker::{Admin, NewRecord, NewTopic, WriteError, Writer};
use crate::{Delivery, Settings};

/// The pause before a record is written again that the cluster could not take.
const AGAIN: Duration = Duration::from_millis(100);

/// Writes records to a cluster in memory, in the order in which their futures are polled first.
pub(in crate::broker) struct MemoryWriter(MemoryProducer);

impl MemoryWriter {
    pub(in crate::broker) fn new(memory: Memory, settings: &Settings) -> Self {
        Self(MemoryProducer::new(memory, settings.producer.delivery_timeout))
    }
}

/// Nobody waits for what is still in the queue: its consumer has ended.
impl Drop for MemoryWriter {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

impl Writer for MemoryWriter {
    fn write<'a>(&'a self, record: NewRecord<'a>) -> BoxFuture<'a, Result<Delivery, WriteError>> {
        let write = Write {
            topic: record.topic.into(),
            partition: record.partition,
            key: record.key.map(<[u8]>::to_vec),
            value: record.value.map(<[u8]>::to_vec),
            headers: Some(record.headers),
            timestamp: record.timestamp.unwrap_or_else(|| self.0.millis()),
        };
        async {
            let (sender, report) = oneshot::channel();
            self.0.send(write, move |delivered| drop(sender.send(delivered)));
            Ok(report.await.unwrap_or(Err(KafkaError::Canceled))?)
        }
        .boxed()
    }
}

impl Memory {
    /// Writes a record once the cluster is there; returns what becomes ready with the acknowledgement.
    pub(super) async fn write(
        &self,
        write: Write,
        timeout: Duration,
    ) -> Result<impl Future<Output = Result<Delivery, KafkaError>> + Send + use<>, KafkaError> {
        let in_flight = InFlight::new(self);
        let timed_out = KafkaError::MessageProduction(RDKafkaErrorCode::MessageTimedOut);
        let Ok(appended) = tokio::time::timeout(timeout, self.append_when_up(write)).await else {
            return Err(timed_out);
        };
        let (delivery, fault) = appended?;
        Ok(async move {
            let _in_flight = in_flight;
            match fault {
                Some(WriteFault::AckLate(late)) => tokio::time::sleep(late).await,
                Some(_) => {
                    tokio::time::sleep(timeout).await;
                    return Err(timed_out);
                }
                None => {}
            }
            Ok(delivery)
        })
    }

    /// Writes a record once the cluster is there. What it cannot write now is tried again, before all that comes later, as
    /// librdkafka does it.
    async fn append_when_up(&self, write: Write) -> Result<(Delivery, Option<WriteFault>), KafkaError> {
        loop {
            self.until_up().await;
            match self.append(write.clone()) {
                Err(KafkaError::MessageProduction(RDKafkaErrorCode::NotEnoughReplicas)) => {
                    tokio::time::sleep(AGAIN).await;
                }
                appended => return appended,
            }
        }
    }

    /// Writes a record; returns where, and what happens to its acknowledgement.
    fn append(&self, write: Write) -> Result<(Delivery, Option<WriteFault>), KafkaError> {
        self.change(|state| {
            let fault = state.faults.take_write(&write.topic);
            match fault.and_then(WriteFault::refusal) {
                Some(code) => Err(code),
                None => state.topics.append(write).map(|delivery| (delivery, fault)),
            }
        })
        .map_err(KafkaError::MessageProduction)
    }
}

impl Admin for Memory {
    fn partitions<'a>(&'a self, topic: &'a str) -> BoxFuture<'a, Option<i32>> {
        async { self.change(|state| state.topics.partitions(topic)).ok() }.boxed()
    }

    fn create_topics<'a>(&'a self, topics: &'a [NewTopic]) -> BoxFuture<'a, Vec<(String, RDKafkaErrorCode)>> {
        let create = |topic: &NewTopic| {
            let refused = self.change(|state| state.topics.create(&topic.name, topic.partitions)).err()?;
            (refused != RDKafkaErrorCode::TopicAlreadyExists).then(|| (topic.name.clone(), refused))
        };
        std::future::ready(topics.iter().filter_map(create).collect()).boxed()
    }
}

/// A write that waits for its acknowledgement.
struct InFlight(Memory);

impl InFlight {
    fn new(memory: &Memory) -> Self {
        memory.0.n_in_flight.fetch_add(1, Ordering::Relaxed);
        Self(memory.clone())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.0.n_in_flight.fetch_sub(1, Ordering::Relaxed);
        self.0.0.changed.send_replace(());
    }
}
