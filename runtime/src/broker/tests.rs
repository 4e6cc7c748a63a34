//! What every broker does, whichever it is.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures::StreamExt as _;
use rdkafka::Message as _;
use rdkafka::message::{Header, Headers as _, OwnedHeaders};

use super::{
    Broker, Kafka, Memory, NewRecord, Read, Reader as _, Subscription as _, TopicOffset, TopicPartition, Writer, writer,
};
use crate::audit::Audit;
use crate::consumer::Group;
use crate::metrics::ConsumerMeter;
use crate::stats::ConsumerStats;
use crate::testing::{MockKafka, StandIn};
use crate::{Delivery, Settings};

const PATIENCE: Duration = Duration::from_secs(30);

fn partition(number: i32) -> TopicPartition {
    TopicPartition::new(&"orders".into(), number)
}

async fn write(writer: &dyn Writer, number: i32, value: &str) -> i64 {
    let headers = OwnedHeaders::new().insert(Header { key: "name", value: Some("value") });
    let record = NewRecord {
        topic: "orders",
        partition: Some(number),
        key: Some(b"key"),
        value: Some(value.as_bytes()),
        headers,
        timestamp: Some(1_700_000_000_000),
    };
    let delivery = writer.write(record).await.unwrap();
    assert_eq!(delivery, Delivery { partition: number, ..delivery });
    delivery.offset
}

/// Returns what is read next, as text: a value, or the end of a partition.
async fn read<B: Broker>(reader: &B::Reader) -> String {
    let mut records = pin!(reader.records());
    let read = tokio::time::timeout(PATIENCE, records.next()).await.expect("a record or an end in time").unwrap();
    match read.unwrap() {
        Read::End(end) => format!("end of {}", end.number),
        Read::Record(record) => {
            let header = record.headers().unwrap().get(0);
            assert_eq!((header.key, header.value), ("name", Some(b"value".as_slice())));
            assert_eq!(
                (record.key(), record.timestamp().to_millis()),
                (Some(b"key".as_slice()), Some(1_700_000_000_000))
            );
            let text = std::str::from_utf8(record.payload().unwrap()).unwrap();
            format!("{text} at {}:{}", record.partition(), record.offset())
        }
    }
}

async fn reads_by_hand<B: Broker>(broker: B, settings: &Settings) {
    let writer = writer(settings).unwrap();
    for value in ["a", "b"] {
        write(&*writer, 1, value).await;
    }
    let reader = broker.reader(settings, "readers", &["orders".into()]).unwrap();
    reader.assign(&partition(1), 1).unwrap();
    assert_eq!(read::<B>(&reader).await, "b at 1:1");
    assert_eq!(read::<B>(&reader).await, "end of 1");
    reader.assign(&partition(0), 0).unwrap();
    assert_eq!(read::<B>(&reader).await, "end of 0");
    write(&*writer, 0, "d").await;
    assert_eq!(read::<B>(&reader).await, "d at 0:0");
    assert_eq!(read::<B>(&reader).await, "end of 0");
    reader.unassign(&partition(0)).unwrap();
    write(&*writer, 0, "e").await;
    write(&*writer, 1, "c").await;
    assert_eq!(read::<B>(&reader).await, "c at 1:2");
    assert_eq!(read::<B>(&reader).await, "end of 1");
}

async fn keeps_offsets<B: Broker>(broker: B, settings: &Settings) {
    let writer = writer(settings).unwrap();
    write(&*writer, 0, "a").await;
    let stats = ConsumerStats::default();
    stats.begin(|| ConsumerMeter::new("keepers", std::iter::once(("orders", Vec::new()))));
    let group = Arc::new(Group::new(vec!["orders".into()], 0, stats, Audit::default()));
    let subscription = broker.subscription(settings, "keepers", &group).unwrap();
    assert!(subscription.reach("orders", PATIENCE).await);
    subscription.subscribe(&["orders"]).unwrap();
    let mut records = Box::pin(subscription.records());
    let first = tokio::time::timeout(PATIENCE, records.next()).await.unwrap().unwrap().unwrap();
    assert_eq!((first.partition(), first.offset()), (0, 0));
    let both = [partition(0), partition(1)];
    assert_eq!(subscription.committed(&both, PATIENCE).await.unwrap(), []);
    let offset = TopicOffset { partition: partition(0), offset: 1, metadata: "of the group".into() };
    drop(first);
    drop(records);
    subscription.leave(vec![offset.clone()], PATIENCE).await;
    let subscription = broker.subscription(settings, "keepers", &group).unwrap();
    assert_eq!(subscription.committed(&both, PATIENCE).await.unwrap(), [offset]);
}

fn mock() -> (MockKafka, Settings) {
    let kafka = MockKafka::start().unwrap();
    kafka.create_topic("orders", 2).unwrap();
    let settings = kafka.settings("http://127.0.0.1:1");
    (kafka, settings)
}

#[tokio::test]
async fn kafka_reads_partitions_by_hand_and_marks_their_ends() {
    let (_kafka, settings) = mock();
    reads_by_hand(Kafka, &settings).await;
}

#[tokio::test]
async fn kafka_keeps_the_offsets_of_a_group_with_their_texts() {
    let (_kafka, settings) = mock();
    keeps_offsets(Kafka, &settings).await;
}

fn memory() -> (Memory, Settings) {
    let stand_in = StandIn::new(2, SystemTime::UNIX_EPOCH);
    let settings = Settings { stand_in: Some(stand_in.clone()), ..Settings::default() };
    (stand_in.memory, settings)
}

#[tokio::test(start_paused = true)]
async fn a_cluster_in_memory_reads_partitions_by_hand_and_marks_their_ends() {
    let (memory, settings) = memory();
    reads_by_hand(memory, &settings).await;
}

#[tokio::test(start_paused = true)]
async fn a_cluster_in_memory_keeps_the_offsets_of_a_group_with_their_texts() {
    let (memory, settings) = memory();
    keeps_offsets(memory, &settings).await;
}
