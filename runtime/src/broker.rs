//! What the consumer needs of a broker.
//!
//! In: a group's subscription, partitions to read by hand, records to write, topics to make. Out: records, assignments,
//! acknowledgements. Errors are those of librdkafka, whichever broker it is: their codes are Kafka's own. Records are
//! handed out as the client has them, without a copy and without dynamic dispatch.

mod kafka;
#[cfg(feature = "testing")]
mod memory;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::Stream;
use futures::future::BoxFuture;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::OwnedHeaders;

pub(crate) use self::kafka::Kafka;
#[cfg(feature = "testing")]
pub use self::memory::WriteFault;
#[cfg(feature = "testing")]
pub(crate) use self::memory::{Memory, MemoryProducer, Progress, Write};
use crate::consumer::Group;
use crate::metrics::Watermarks;
use crate::{Delivery, Error, Settings};

/// A kind of broker, and how its clients are made.
pub(crate) trait Broker: Send + Sync + Sized + 'static {
    /// A record as the client hands it out.
    type Record<'a>: rdkafka::Message + Send + Sync;
    /// A group's subscription.
    type Subscription: Subscription<Self>;
    /// A reader of partitions that are assigned by hand.
    type Reader: Reader<Self>;

    /// Returns the client of a consumer group, which tells `group` of its assignment; nothing is subscribed yet.
    ///
    /// # Errors
    /// A setting that the client does not take.
    fn subscription(&self, settings: &Settings, id: &str, group: &Arc<Group>) -> Result<Self::Subscription, Error>;

    /// Returns a reader of these topics, which has no partition yet, and tells where its partitions end. `id` is the group on
    /// whose behalf it reads; it is no member of it.
    ///
    /// # Errors
    /// A setting that the client does not take.
    fn reader(
        &self,
        settings: &Settings,
        id: &str,
        topics: &[Arc<str>],
        watermarks: &Arc<Watermarks>,
    ) -> Result<Self::Reader, Error>;
}

/// A partition by the name of its topic.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct TopicPartition {
    pub(crate) topic: Arc<str>,
    pub(crate) number: i32,
}

/// An offset of a partition that is to be committed, or was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TopicOffset {
    pub(crate) partition: TopicPartition,
    /// The offset of the first record that is not finished.
    pub(crate) offset: i64,
    /// A text that Kafka keeps with the offset; often empty.
    pub(crate) metadata: String,
}

/// A consumer group's subscription. Dropping it leaves the group without a last commit.
pub(crate) trait Subscription<B: Broker>: Send + Sync + 'static {
    /// Waits for the broker; returns whether it answered in time.
    fn reach(&self, topic: &str, timeout: Duration) -> impl Future<Output = bool> + Send;

    /// Joins the group.
    ///
    /// # Errors
    /// A topic's name that the client refuses.
    fn subscribe(&self, topics: &[&str]) -> Result<(), KafkaError>;

    /// Returns the records of the partitions that are assigned. The assignment changes, and the group hears of it, while
    /// the stream is polled.
    fn records(&self) -> impl Stream<Item = Result<B::Record<'_>, KafkaError>> + Send;

    /// Starts to commit offsets; the group hears of it if that fails later.
    ///
    /// # Errors
    /// A commit that cannot even be started.
    fn commit(&self, offsets: &[TopicOffset]) -> Result<(), KafkaError>;

    /// Returns what the group has committed of these partitions; those without are left out.
    fn committed(
        &self,
        partitions: &[TopicPartition],
        timeout: Duration,
    ) -> impl Future<Output = Result<Vec<TopicOffset>, KafkaError>> + Send;

    /// Returns what commits offsets within a transaction of a producer's.
    ///
    /// # Errors
    /// A broker that has no transactions.
    fn transaction_offsets(
        &self,
        _: &[TopicOffset],
    ) -> Result<(TopicPartitionList, ConsumerGroupMetadata), KafkaError> {
        Err(KafkaError::Global(RDKafkaErrorCode::NotImplemented))
    }

    /// Stops the flow of records of partitions.
    ///
    /// # Errors
    /// A partition that is not assigned.
    fn pause(&self, partitions: &[TopicPartition]) -> Result<(), KafkaError>;

    /// Lets the records of partitions flow again.
    ///
    /// # Errors
    /// A partition that is not assigned.
    fn resume(&self, partitions: &[TopicPartition]) -> Result<(), KafkaError>;

    /// Commits what is finished on partitions that the group was told to leave, and gives them up.
    fn release(&self, offsets: &[TopicOffset]);

    /// Commits what is finished, and leaves the group; at most for so long.
    fn leave(self, offsets: Vec<TopicOffset>, timeout: Duration) -> impl Future<Output = ()> + Send;
}

/// What a [`Reader`] comes across.
#[derive(Debug)]
pub(crate) enum Read<R> {
    /// A record.
    Record(R),
    /// The end of a partition, for now: whatever it held when it was assigned has been read.
    End(TopicPartition),
}

/// Reads partitions that are assigned by hand, without a group.
pub(crate) trait Reader<B: Broker>: Send + Sync + 'static {
    /// Reads a partition, beside those that are assigned already, from an offset on.
    ///
    /// # Errors
    /// A partition that is assigned already.
    fn assign(&self, partition: &TopicPartition, offset: i64) -> Result<(), KafkaError>;

    /// Reads a partition no more.
    ///
    /// # Errors
    /// A partition that is not assigned.
    fn unassign(&self, partition: &TopicPartition) -> Result<(), KafkaError>;

    /// Returns what is read.
    fn records(&self) -> impl Stream<Item = Result<Read<B::Record<'_>>, KafkaError>> + Send;

    /// Returns the offset that a partition begins at: what was before it is deleted.
    fn beginning(
        &self,
        partition: &TopicPartition,
        timeout: Duration,
    ) -> impl Future<Output = Result<i64, KafkaError>> + Send;
}

/// A record to be written as it is.
pub(crate) struct NewRecord<'a> {
    pub(crate) topic: &'a str,
    /// Where it goes; `None` leaves it to the key.
    pub(crate) partition: Option<i32>,
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) value: Option<&'a [u8]>,
    pub(crate) headers: OwnedHeaders,
    /// In milliseconds since the Unix epoch; `None` is now.
    pub(crate) timestamp: Option<i64>,
}

/// Writes records as they are.
pub(crate) trait Writer: Send + Sync {
    /// Writes a record and returns once all replicas in sync have it.
    fn write<'a>(&'a self, record: NewRecord<'a>) -> BoxFuture<'a, Result<Delivery, WriteError>>;
}

/// Why a record was not written.
#[derive(Debug)]
pub(crate) enum WriteError {
    /// Trying again is of no use.
    Final(KafkaError),
    /// The next attempt may succeed; this one may have, too, if its acknowledgement was lost.
    Transient(KafkaError),
}

/// Asks for topics and makes them.
pub(crate) trait Admin: Send + Sync {
    /// Returns how many partitions a topic has; `None` where it is not there, or nobody answers. A broker that makes topics
    /// when they are asked for makes it.
    fn partitions<'a>(&'a self, topic: &'a str) -> BoxFuture<'a, Option<i32>>;

    /// Makes topics, all in one request. Returns those that were not made and why; one that is there already is no error.
    fn create_topics<'a>(&'a self, topics: &'a [NewTopic]) -> BoxFuture<'a, Vec<(String, RDKafkaErrorCode)>>;
}

/// A topic to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewTopic {
    pub(crate) name: String,
    /// `None` is what the broker has as its default.
    pub(crate) partitions: Option<i32>,
}

/// Returns what writes records as they are, whatever their size.
///
/// # Errors
/// A setting that the client does not take.
pub(crate) fn writer(settings: &Settings) -> Result<Arc<dyn Writer>, Error> {
    #[cfg(feature = "testing")]
    if let Some(memory) = settings.memory() {
        return Ok(Arc::new(memory::MemoryWriter::new(memory.clone(), settings)));
    }
    kafka::writer(settings)
}

/// Returns what asks for topics and makes them.
///
/// # Errors
/// A setting that the client does not take.
pub(crate) fn admin(settings: &Settings) -> Result<Arc<dyn Admin>, Error> {
    #[cfg(feature = "testing")]
    if let Some(memory) = settings.memory() {
        return Ok(Arc::new(memory.clone()));
    }
    kafka::admin(settings)
}

impl TopicPartition {
    pub(crate) fn new(topic: &Arc<str>, number: i32) -> Self {
        Self { topic: Arc::clone(topic), number }
    }
}

impl From<KafkaError> for WriteError {
    fn from(error: KafkaError) -> Self {
        match error.rdkafka_error_code() {
            Some(
                RDKafkaErrorCode::MessageSizeTooLarge
                | RDKafkaErrorCode::InvalidMessageSize
                | RDKafkaErrorCode::InvalidMessage
                | RDKafkaErrorCode::InvalidTopic
                | RDKafkaErrorCode::InvalidRecord
                | RDKafkaErrorCode::PolicyViolation
                | RDKafkaErrorCode::TopicAuthorizationFailed
                | RDKafkaErrorCode::ClusterAuthorizationFailed,
            ) => Self::Final(error),
            _ => Self::Transient(error),
        }
    }
}
