//! Kafka without Eventwright: bytes as they are, topics, and what a group has committed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use eventwright::Event;
use eventwright::wire::{Format, framing};
use eventwright_registry::{SchemaId, SchemaText};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _, StreamConsumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Header, Headers as _, Message as _, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use crate::world::World;

/// How many partitions the topics of `schemas/events.toml` have.
pub(crate) const PARTITIONS: i32 = 3;

const TIMEOUT: Duration = Duration::from_secs(30);

/// The key of all records that [`write`] writes.
pub(crate) const KEY: &[u8] = b"key";

fn config(world: &World) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &world.settings.bootstrap);
    config
}

/// Makes a topic, so that a consumer that starts before the first record need not look for it again.
pub(crate) async fn create_topic(world: &World, topic: &str) {
    create(world, topic, PARTITIONS, &[]).await;
}

/// Makes a topic with so many partitions.
pub(crate) async fn create_topic_of(world: &World, topic: &str, partitions: i32) {
    create(world, topic, partitions, &[]).await;
}

/// Makes a topic with settings of its own.
pub(crate) async fn create_topic_with(world: &World, topic: &str, settings: &[(&str, &str)]) {
    create(world, topic, PARTITIONS, settings).await;
}

async fn create(world: &World, topic: &str, partitions: i32, settings: &[(&str, &str)]) {
    let admin: AdminClient<DefaultClientContext> = config(world).create().unwrap();
    let name = format!("{}{topic}", world.prefix);
    let mut topic = NewTopic::new(&name, partitions, TopicReplication::Fixed(1));
    topic.config = settings.to_vec();
    for created in admin.create_topics([&topic], &AdminOptions::new()).await.unwrap() {
        created.unwrap();
    }
}

/// Writes values into partition 0 of a topic, one after the other.
pub(crate) async fn write<T: AsRef<[u8]>>(world: &World, topic: &str, values: impl IntoIterator<Item = T>) {
    let producer = producer(world);
    for value in values {
        send(&producer, world, topic, (KEY, value.as_ref())).await;
    }
}

/// Writes a record into partition 0 of a topic.
pub(crate) async fn write_record(world: &World, topic: &str, key: &[u8], value: &[u8]) {
    send(&producer(world), world, topic, (key, value)).await;
}

/// A record as somebody else might write it.
#[derive(Debug, Clone)]
pub(crate) struct Bytes {
    pub(crate) partition: Option<i32>,
    pub(crate) timestamp: Option<i64>,
    pub(crate) key: Vec<u8>,
    pub(crate) value: Vec<u8>,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
}

/// Writes records with all that they have, in their order.
pub(crate) async fn write_all(world: &World, topic: &str, records: &[Bytes]) {
    let producer: FutureProducer = config(world).set("partitioner", "murmur2_random").create().unwrap();
    let topic = format!("{}{topic}", world.prefix);
    let mut deliveries = Vec::new();
    for bytes in records {
        let header = |all: OwnedHeaders, (key, value): &(String, Vec<u8>)| {
            all.insert(Header { key, value: Some(value.as_slice()) })
        };
        let headers = bytes.headers.iter().fold(OwnedHeaders::new(), header);
        let mut record = FutureRecord::to(&topic).key(&bytes.key).payload(&bytes.value).headers(headers);
        (record.partition, record.timestamp) = (bytes.partition, bytes.timestamp);
        deliveries.push(producer.send_result(record).map_err(|(error, _)| error).unwrap());
    }
    for delivery in deliveries {
        delivery.await.unwrap().unwrap();
    }
}

/// Returns all records that a topic has now and that no open or aborted transaction has written, by partition and offset.
pub(crate) async fn read_committed(world: &World, topic: &str) -> Vec<((i32, i64), Letter)> {
    let mut config = config(world);
    config.set("group.id", world.group("all")).set("enable.partition.eof", "true");
    let consumer: StreamConsumer = config.set("isolation.level", "read_committed").create().unwrap();
    let mut assignment = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        assignment.add_partition_offset(&format!("{}{topic}", world.prefix), partition, Offset::Beginning).unwrap();
    }
    consumer.assign(&assignment).unwrap();
    let (mut records, mut ends) = (Vec::new(), BTreeSet::new());
    while ends.len() < PARTITIONS.unsigned_abs() as usize {
        match consumer.recv().await {
            Ok(record) => records.push(((record.partition(), record.offset()), letter(&record))),
            Err(KafkaError::PartitionEOF(partition)) => drop(ends.insert(partition)),
            Err(error) => panic!("{error}"),
        }
    }
    records.sort_by_key(|(place, _)| *place);
    records
}

fn producer(world: &World) -> FutureProducer {
    config(world).set("linger.ms", "0").create().unwrap()
}

async fn send(producer: &FutureProducer, world: &World, topic: &str, (key, value): (&[u8], &[u8])) {
    let topic = format!("{}{topic}", world.prefix);
    producer.send(FutureRecord::to(&topic).partition(0).key(key).payload(value), None).await.unwrap();
}

/// Registers an Avro schema as a program does that shares nothing with this one.
pub(crate) async fn register(world: &World, subject: &str, text: &str) -> SchemaId {
    let subject = format!("{}{subject}", world.prefix);
    let text = SchemaText { format: Format::Avro, text: text.to_owned(), references: Vec::new() };
    world.client.register(&subject, &text).await.unwrap()
}

/// Returns the id that the schema of an event is registered under.
pub(crate) async fn id_of<E: Event>(world: &World) -> SchemaId {
    let subject = format!("{}{}", world.prefix, E::SUBJECT);
    let text = SchemaText { format: E::SCHEMA.format, text: E::SCHEMA.text.to_owned(), references: Vec::new() };
    world.client.lookup(&subject, &text).await.unwrap().expect("all events are registered").id
}

/// Returns bytes behind magic byte and id.
pub(crate) fn framed(id: SchemaId, payload: &[u8]) -> Vec<u8> {
    let mut value = Vec::new();
    framing::write_header(id, &mut value);
    value.extend_from_slice(payload);
    value
}

/// Returns an event as our producer writes it.
pub(crate) async fn record_of<E: Event>(world: &World, event: &E) -> Vec<u8> {
    let mut value = framed(id_of::<E>(world).await, &[]);
    if E::SCHEMA.format == Format::Protobuf {
        framing::write_message_indexes(E::SCHEMA.message_indexes, &mut value);
    }
    event.encode(&mut value).unwrap();
    value
}

/// Returns the offsets that a group has committed, by partition: 0 where it has committed none.
pub(crate) async fn committed(world: &World, group: &str, topic: &str) -> BTreeMap<i32, i64> {
    let consumer: BaseConsumer = config(world).set("group.id", group).create().unwrap();
    let mut partitions = TopicPartitionList::new();
    partitions.add_partition_range(&format!("{}{topic}", world.prefix), 0, PARTITIONS - 1);
    let asked = tokio::task::spawn_blocking(move || consumer.committed_offsets(partitions, TIMEOUT));
    let offset = |offset| if let Offset::Offset(offset) = offset { offset } else { 0 };
    let answer = asked.await.unwrap().unwrap();
    answer.elements().iter().map(|element| (element.partition(), offset(element.offset()))).collect()
}

/// Writes a tombstone into partition 0 of a topic.
pub(crate) async fn write_tombstone(world: &World, topic: &str, key: &[u8]) {
    let topic = format!("{}{topic}", world.prefix);
    let record = FutureRecord::<[u8], [u8]>::to(&topic).partition(0).key(key);
    producer(world).send(record, None).await.unwrap();
}

/// Returns the ids that the broker gave to the members of a group.
pub(crate) async fn members(world: &World, group: &str) -> Vec<String> {
    let (consumer, group): (BaseConsumer, _) = (config(world).create().unwrap(), group.to_owned());
    let asked = tokio::task::spawn_blocking(move || {
        let list = consumer.fetch_group_list(Some(&group), TIMEOUT).unwrap();
        list.groups().iter().flat_map(|group| group.members()).map(|member| member.id().to_owned()).collect()
    });
    asked.await.unwrap()
}

/// Returns the offsets that the next records of a topic will have, by partition.
pub(crate) async fn ends(world: &World, topic: &str) -> BTreeMap<i32, i64> {
    let consumer: BaseConsumer = config(world).create().unwrap();
    let topic = format!("{}{topic}", world.prefix);
    let end = move |partition| (partition, consumer.fetch_watermarks(&topic, partition, TIMEOUT).unwrap().1);
    tokio::task::spawn_blocking(move || (0..PARTITIONS).map(end).collect()).await.unwrap()
}

/// Returns the offset that the next record of partition 0 of a topic will have.
pub(crate) async fn end_of_first(world: &World, topic: &str) -> i64 {
    let consumer: BaseConsumer = config(world).create().unwrap();
    let topic = format!("{}{topic}", world.prefix);
    let asked = tokio::task::spawn_blocking(move || consumer.fetch_watermarks(&topic, 0, TIMEOUT).unwrap().1);
    asked.await.unwrap()
}

/// Deletes the records of partition 0 of a topic below an offset, as retention does.
pub(crate) async fn delete_below(world: &World, topic: &str, offset: i64) {
    let admin: AdminClient<DefaultClientContext> = config(world).create().unwrap();
    let mut offsets = TopicPartitionList::new();
    offsets.add_partition_offset(&format!("{}{topic}", world.prefix), 0, Offset::Offset(offset)).unwrap();
    let deleted = admin.delete_records(&offsets, &AdminOptions::new()).await.unwrap();
    assert!(deleted.elements().iter().all(|partition| partition.error().is_ok()), "{deleted:?}");
}

/// A record as it is in a topic.
#[derive(Debug)]
pub(crate) struct Letter {
    pub(crate) key: Vec<u8>,
    pub(crate) value: Vec<u8>,
    pub(crate) headers: BTreeMap<String, String>,
}

impl Letter {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// Returns so many records of a topic, from its beginning.
pub(crate) async fn read(world: &World, topic: &str, count: usize) -> Vec<Letter> {
    let consumer: StreamConsumer =
        config(world).set("group.id", world.group("reader")).set("auto.offset.reset", "earliest").create().unwrap();
    consumer.subscribe(&[&format!("{}{topic}", world.prefix)]).unwrap();
    let mut letters = Vec::new();
    while letters.len() < count {
        letters.push(letter(&consumer.recv().await.unwrap()));
    }
    letters
}

fn letter(record: &BorrowedMessage<'_>) -> Letter {
    let headers = record.headers().into_iter().flat_map(|headers| headers.iter());
    let text = |value: Option<&[u8]>| String::from_utf8(value.unwrap_or_default().to_vec()).unwrap();
    Letter {
        key: record.key().unwrap_or_default().to_vec(),
        value: record.payload().unwrap_or_default().to_vec(),
        headers: headers.map(|header| (header.key.to_owned(), text(header.value))).collect(),
    }
}
