//! Keys with a schema of their own: written with the id of the key's schema, read as the key's type, and partitioned as
//! Kafka's own client partitions those bytes. The events are those of `codegen/tests/golden/keys`.

use std::collections::{BTreeMap, BTreeSet};
use std::future::ready;

use eventwright::wire::framing::SchemaId;
use eventwright::{Consumer, Context, Error, Event, Outcome, Producer, Settings, register};
use eventwright_codegen_tests::keys::shipment_sent::{v1, v2};
use eventwright_codegen_tests::keys::{SCHEMAS, ShipmentKey, ShipmentLost, ShipmentSent, ShipmentsTopic, shipment_key};
use serde_json::json;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::confluent::{peer, read_step};
use crate::partitions::write_with_java;
use crate::raw::{self, PARTITIONS, create_topic, framed, id_of, record_of, write_record};
use crate::world::{World, consume, take};

const TOPIC: &str = ShipmentKey::TOPIC;

/// Returns a world with the schemas of the events and of their keys, and with the topic.
async fn world() -> World {
    let world = World::without_schemas().await;
    register(&world.client, world.settings.prefix.as_deref(), SCHEMAS).await.unwrap();
    create_topic(&world, TOPIC).await;
    world
}

/// A parcel of version 1, which has no depot: the key has its default.
fn sent_v1(parcel: &str) -> v1::ShipmentSent {
    v1::ShipmentSent::new(parcel.into(), 7)
}

fn sent_v2(parcel: &str) -> ShipmentSent {
    let depot = v2::Depot { country: v2::Country::De, number: Some(4) };
    ShipmentSent { depot, ..ShipmentSent::new(parcel.into(), 7) }
}

fn key_of_v1(parcel: &str) -> ShipmentKey {
    ShipmentKey::new(parcel.into())
}

fn key_of_v2(parcel: &str) -> ShipmentKey {
    use shipment_key::v2::{Country, Depot};
    ShipmentKey { depot: Depot { country: Country::De, number: Some(4) }, ..key_of_v1(parcel) }
}

fn bytes_of(id: SchemaId, key: &impl Event) -> Vec<u8> {
    let mut bytes = framed(id, &[]);
    key.encode(&mut bytes).unwrap();
    bytes
}

/// What a handler saw of a record: the parcel, the key's bytes, the key.
type Seen = (String, Option<Vec<u8>>, Result<ShipmentKey, Error>);

/// Returns a consumer whose handler takes the key of each record.
fn reader(world: &World, sender: UnboundedSender<Seen>) -> eventwright::ConsumerBuilder {
    let handler = move |event: ShipmentsTopic, context: Context| {
        let sender = sender.clone();
        async move {
            let key = context.key_as::<ShipmentKey>().await;
            let parcel = match event {
                ShipmentsTopic::ShipmentSent(sent) => sent.parcel,
                ShipmentsTopic::ShipmentLost(lost) => lost.parcel,
                ShipmentsTopic::Unknown(record) => format!("{record:?}"),
            };
            // The test may have all that it waits for already.
            let _ = sender.send((parcel, context.key().map(<[u8]>::to_vec), key));
            Outcome::Done
        }
    };
    Consumer::builder(&world.settings).group(world.group("g")).on_topic(handler)
}

#[tokio::test]
async fn a_typed_key_travels_beside_every_event_of_its_topic() {
    let world = world().await;
    let producer = Producer::connect(&world.settings).await.unwrap();
    producer.send(&sent_v1("old")).await.unwrap();
    producer.send(&sent_v2("new")).await.unwrap();
    producer.send(&ShipmentLost::new("fell".into(), "lost".into())).await.unwrap();
    let (sender, mut receiver) = unbounded_channel();
    let mut seen = consume(reader(&world, sender), take(&mut receiver, 3)).await.unwrap();
    seen.sort_by(|(one, ..), (other, ..)| one.cmp(other));

    // The key has the id of its own newest schema, whichever version of the event it belongs to.
    let id = id_of::<ShipmentKey>(&world).await;
    let expected = [("lost", key_of_v1("lost")), ("new", key_of_v2("new")), ("old", key_of_v1("old"))];
    for ((parcel, bytes, key), (name, expected)) in seen.into_iter().zip(expected) {
        assert_eq!((parcel.as_str(), bytes), (name, Some(bytes_of(id, &expected))));
        assert_eq!(key.unwrap(), expected);
    }
}

#[tokio::test]
async fn the_key_goes_where_java_would_send_its_bytes() {
    let world = world().await;
    let producer = Producer::connect(&world.settings).await.unwrap();
    let id = id_of::<ShipmentKey>(&world).await;
    let mut ours = BTreeMap::new();
    for number in 10..60 {
        let parcel = format!("p{number}");
        let delivery = producer.send(&sent_v1(&parcel)).await.unwrap();
        // The bytes are text on one line, which Java's console producer takes as they are.
        let key = String::from_utf8(bytes_of(id, &key_of_v1(&parcel))).unwrap();
        assert!(!key.contains(['\t', '\n', '\r']), "{key:?}");
        ours.insert(key, delivery.partition);
    }
    let used: BTreeSet<_> = ours.values().copied().collect();
    assert_eq!(used, (0..PARTITIONS).collect(), "every partition has some of the keys");

    write_with_java(&world, TOPIC, ours.keys().cloned()).await;
    let (sender, mut receiver) = unbounded_channel();
    let consumer = Consumer::builder(&world.settings)
        .group(world.group("g"))
        .on(|_: ShipmentSent, _: Context| ready(Outcome::Done))
        .on_undecodable(move |record, _| {
            let _ = sender.send((String::from_utf8(record.key.unwrap()).unwrap(), record.partition));
            ready(Outcome::Done)
        });
    let java = consume(consumer, take(&mut receiver, ours.len())).await.unwrap();
    assert_eq!(java.into_iter().collect::<BTreeMap<_, _>>(), ours);
}

#[tokio::test]
async fn python_reads_our_keys() {
    let world = world().await;
    let producer = Producer::connect(&world.settings).await.unwrap();
    producer.send(&sent_v2("p-é")).await.unwrap();
    let avro = || json!({"format": "avro", "schema": null});
    let mut step = read_step(&world, TOPIC, avro(), 1);
    step["key_codec"] = avro();
    let read = peer(&world, &[step]).await;
    assert_eq!(read[0][0]["key"], json!({"depot": {"country": "DE", "number": 4}, "lane": "road", "parcel": "p-é"}));
    assert_eq!(read[0][0]["value"]["weight"], 7);
}

#[tokio::test]
async fn we_read_the_keys_that_python_writes() {
    let world = world().await;
    let look_up = json!({"auto.register.schemas": false});
    let subject = format!("{}{}", world.prefix, ShipmentSent::SUBJECT);
    let step = json!({
        "do": "write",
        "topic": format!("{}{TOPIC}", world.prefix),
        "codec": {"format": "avro", "schema": v1::ShipmentSent::SCHEMA.text, "config": look_up, "subject": subject},
        "key_codec": {"format": "avro", "schema": ShipmentKey::SCHEMA.text, "config": look_up},
        "records": [{
            "key": {"depot": {"country": "DE", "number": 4}, "lane": "road", "parcel": "p-é"},
            "value": {"parcel": "p-é", "weight": 7},
        }],
    });
    peer(&world, &[step]).await;
    let (sender, mut receiver) = unbounded_channel();
    let (parcel, bytes, key) = consume(reader(&world, sender), take(&mut receiver, 1)).await.unwrap().remove(0);
    assert_eq!(bytes, Some(bytes_of(id_of::<ShipmentKey>(&world).await, &key_of_v2("p-é"))));
    assert_eq!((parcel.as_str(), key.unwrap()), ("p-é", key_of_v2("p-é")));
}

#[tokio::test]
async fn a_key_that_cannot_be_read_does_not_stand_in_the_way_of_its_value() {
    /// Known to no program: a field more, and another order.
    const V3: &str = r#"{"type":"record","name":"ShipmentKey","namespace":"golden.keys","fields":[
        {"name":"parcel","type":"string"},{"name":"new","type":"int","default":0}]}"#;
    let world = world().await;
    let value = record_of(&world, &sent_v1("p")).await;
    let older = id_of::<shipment_key::v1::ShipmentKey>(&world).await;
    let newer = raw::register(&world, "shipments-key", V3).await;
    let other = id_of::<ShipmentLost>(&world).await;
    let keys = [
        (b"text".to_vec(), Err("expected at least 5 bytes")),
        (bytes_of(older, &shipment_key::v1::ShipmentKey::new("by v1".into())), Ok(key_of_v1("by v1"))),
        (framed(newer, b"\x0aby v3\x02"), Ok(key_of_v1("by v3"))),
        (framed(other, b"\x00\x00"), Err("is that of `golden.keys.ShipmentLost`")),
        (framed(older, b"\x7f"), Err("`parcel`")),
        (framed(SchemaId(999), b""), Err("schema id 999: the registry does not know it")),
    ];
    for (key, _) in &keys {
        write_record(&world, TOPIC, key, &value).await;
    }
    let (sender, mut receiver) = unbounded_channel();
    let seen = consume(reader(&world, sender), take(&mut receiver, keys.len())).await.unwrap();
    for ((parcel, bytes, found), (key, expected)) in seen.into_iter().zip(keys) {
        assert_eq!((parcel.as_str(), bytes), ("p", Some(key)));
        match (found, expected) {
            (found, Ok(expected)) => assert_eq!(found.unwrap(), expected),
            (found, Err(expected)) => {
                let error = found.unwrap_err();
                assert!(error.is_undecodable() && !error.is_retriable(), "{error}");
                let text = error.to_string();
                assert!(text.contains("cannot be read as `ShipmentKey`: ") && text.contains(expected), "{text}");
            }
        }
    }
}

#[tokio::test]
async fn a_key_is_registered_as_a_value_is() {
    let world = World::without_schemas().await;
    let values: Vec<_> = SCHEMAS.iter().copied().filter(|schema| schema.event != "ShipmentKey").collect();
    register(&world.client, world.settings.prefix.as_deref(), &values).await.unwrap();
    let connect =
        |settings: Settings| async move { Producer::builder(&settings).event::<ShipmentSent>().connect().await };
    let error = connect(world.settings.clone()).await.unwrap_err();
    assert!(error.is_not_registered(), "{error}");
    assert!(error.to_string().contains("the schema of `ShipmentKey` v2 is not registered under"), "{error}");
    connect(world.settings.clone().with_auto_register()).await.unwrap();
    let versions = world.client.versions(&format!("{}shipments-key", world.prefix)).await.unwrap();
    assert_eq!(versions, [1]);
}
