//! A version that somebody else registered after this build: read by a plan that is made at run time.

use eventwright::wire::avro::Writer;
use eventwright::wire::framing;
use eventwright::{Consumer, Event, Outcome};
use eventwright_platform::events::OrderCreated;
use eventwright_registry::{Format, SchemaText};
use rdkafka::ClientConfig;
use rdkafka::producer::{FutureProducer, FutureRecord};
use tokio::sync::mpsc;

use crate::world::{World, collect, consume, order_v1_as_v2, order_v2, placed, take};

/// Other order, a field more, a field less, and an enum as it was.
const V3: &str = r#"{"type":"record","name":"OrderCreated","namespace":"eventwright.orders","fields":[
    {"name":"gift","type":["null","string"],"default":null},
    {"name":"created_at","type":{"type":"long","logicalType":"timestamp-micros"}},
    {"name":"customer_id","type":"string"},
    {"name":"order_id","type":{"type":"string","logicalType":"uuid"}},
    {"name":"currency","type":{"type":"enum","name":"Currency","symbols":["EUR","USD","GBP"]}}]}"#;

#[tokio::test]
async fn a_version_unknown_at_build_time_is_read_as_the_newest() {
    let world = World::new().await;
    let subject = format!("{}{}", world.prefix, OrderCreated::SUBJECT);
    let text = SchemaText { format: Format::Avro, text: V3.to_owned(), references: Vec::new() };
    let id = world.client.register(&subject, &text).await.unwrap();

    let mut value = Vec::new();
    framing::write_header(id, &mut value);
    let mut writer = Writer::new(&mut value);
    writer.index(1);
    writer.string("ribbon");
    writer.long(placed().as_microsecond());
    writer.string("customer-é");
    writer.string("00000000-0000-0000-0000-000000000007");
    writer.index(2);
    drop(writer);
    let producer: FutureProducer =
        ClientConfig::new().set("bootstrap.servers", &world.settings.bootstrap).create().unwrap();
    let topic = format!("{}{}", world.prefix, OrderCreated::TOPIC);
    producer.send(FutureRecord::<str, _>::to(&topic).payload(&value), None).await.unwrap();

    let (sender, mut receiver) = mpsc::unbounded_channel();
    let consumer = Consumer::builder(&world.settings).group(world.group("g")).on(collect::<OrderCreated>(&sender));
    let taken = consume(consumer, take(&mut receiver, 1)).await.unwrap();
    let sent = order_v1_as_v2(7);
    let expected = OrderCreated::new(sent.order_id, sent.customer_id, sent.currency, sent.created_at);
    assert_eq!(taken, [(expected, None)]);
}

#[tokio::test]
async fn bytes_under_another_versions_id_are_refused_and_not_cut() {
    // What a producer does that frames with the id of an older version: its new fields would be lost without a word.
    let world = World::new().await;
    let mut value = Vec::new();
    framing::write_header(framing::SchemaId(1), &mut value);
    order_v2(1).encode(&mut value).unwrap();
    let producer: FutureProducer =
        ClientConfig::new().set("bootstrap.servers", &world.settings.bootstrap).create().unwrap();
    let topic = format!("{}{}", world.prefix, OrderCreated::TOPIC);
    producer.send(FutureRecord::<str, _>::to(&topic).payload(&value), None).await.unwrap();

    let (sender, mut receiver) = mpsc::unbounded_channel();
    let consumer = Consumer::builder(&world.settings)
        .group(world.group("g"))
        .on(|order: OrderCreated, _| async move { panic!("{order:?} has lost its items") as Outcome })
        .on_undecodable(move |record, failure| {
            let _ = sender.send((record.value, failure.to_string()));
            std::future::ready(Outcome::Done)
        });
    let taken = consume(consumer, take(&mut receiver, 1)).await.unwrap();
    let [(raw, reason)] = taken.as_slice() else { panic!("{taken:?}") };
    assert_eq!(raw.as_deref(), Some(value.as_slice()));
    assert!(reason.contains("bytes are left behind the value"), "{reason}");
}
