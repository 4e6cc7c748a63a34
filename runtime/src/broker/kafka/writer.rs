//! Writes records to Kafka as they are, and makes topics.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic as KafkaTopic, TopicReplication};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::util::Timeout;

use super::Logs;
use crate::broker::{Admin, NewRecord, NewTopic, WriteError, Writer};
use crate::{Delivery, Error, Settings, kafka};

struct KafkaWriter(FutureProducer<Logs>);

struct KafkaAdmin {
    client: Arc<AdminClient<Logs>>,
    timeout: Duration,
}

/// Returns what writes records as they are, whatever their size.
///
/// # Errors
/// A setting that librdkafka does not take.
pub(in crate::broker) fn writer(settings: &Settings) -> Result<Arc<dyn Writer>, Error> {
    let mut config = settings.kafka_config(&[("linger.ms", "1"), ("partitioner", "murmur2_random")]);
    config.set("enable.idempotence", "true").set("acks", "all");
    // The broker decides what is too large: a copy is larger than its original, by its headers.
    config.set("message.max.bytes", "1000000000");
    // Copies of a key are written in order: one that timed out and was written again would come behind the others. So
    // librdkafka tries for ever; and the queue never makes anybody wait, for what is in hand is bounded elsewhere.
    config.set("message.timeout.ms", "0").set("queue.buffering.max.messages", "0");
    config.set("queue.buffering.max.kbytes", "2147483647");
    let client = config.create_with_context(Logs::default()).map_err(kafka::config_error)?;
    Ok(Arc::new(KafkaWriter(client)))
}

/// Returns what asks for topics and makes them.
///
/// # Errors
/// A setting that librdkafka does not take.
pub(in crate::broker) fn admin(settings: &Settings) -> Result<Arc<dyn Admin>, Error> {
    let client = settings.kafka_config(&[]).create_with_context(Logs::default()).map_err(kafka::config_error)?;
    Ok(Arc::new(KafkaAdmin { client: Arc::new(client), timeout: settings.connect_timeout }))
}

impl Writer for KafkaWriter {
    fn write<'a>(&'a self, record: NewRecord<'a>) -> BoxFuture<'a, Result<Delivery, WriteError>> {
        let mut copy = FutureRecord::<[u8], [u8]>::to(record.topic).headers(record.headers);
        copy.partition = record.partition;
        copy.key = record.key;
        copy.payload = record.value;
        copy.timestamp = record.timestamp;
        let sent = self.0.send(copy, Timeout::Never);
        async {
            let delivery = sent.await.map_err(|(error, _)| error)?;
            Ok(Delivery { partition: delivery.partition, offset: delivery.offset })
        }
        .boxed()
    }
}

impl Admin for KafkaAdmin {
    fn partitions<'a>(&'a self, topic: &'a str) -> BoxFuture<'a, Option<i32>> {
        let (client, timeout, name) = (Arc::clone(&self.client), self.timeout, topic.to_owned());
        let ask = move || {
            let metadata = client.inner().fetch_metadata(Some(&name), timeout).ok()?;
            let count = metadata.topics().first()?.partitions().len();
            i32::try_from(count).ok().filter(|count| *count > 0)
        };
        tokio::task::spawn_blocking(ask).map(|asked| asked.ok().flatten()).boxed()
    }

    fn create_topics<'a>(&'a self, topics: &'a [NewTopic]) -> BoxFuture<'a, Vec<(String, RDKafkaErrorCode)>> {
        async {
            let options = AdminOptions::new().request_timeout(Some(Timeout::After(self.timeout)));
            let new: Vec<_> = topics.iter().map(kafka_topic).collect();
            match self.client.create_topics(&new, &options).await {
                Ok(results) => {
                    results.into_iter().filter_map(Result::err).filter(|(_, code)| !is_there(*code)).collect()
                }
                Err(error) => {
                    let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown);
                    topics.iter().map(|topic| (topic.name.clone(), code)).collect()
                }
            }
        }
        .boxed()
    }
}

/// -1 is what the broker has as its default.
fn kafka_topic(topic: &NewTopic) -> KafkaTopic<'_> {
    KafkaTopic::new(&topic.name, topic.partitions.unwrap_or(-1), TopicReplication::Fixed(-1))
}

fn is_there(code: RDKafkaErrorCode) -> bool {
    code == RDKafkaErrorCode::TopicAlreadyExists
}
