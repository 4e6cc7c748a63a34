//! Which partition a key goes to: the one that Kafka's own client picks, whatever the version; so order per key is kept.

use std::collections::{BTreeMap, BTreeSet};
use std::future::ready;
use std::path::Path;
use std::process::Stdio;

use eventwright::{Consumer, Context, Event, Outcome, Producer};
use eventwright_platform::events::OrderCreated;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::sync::mpsc::unbounded_channel;

use crate::raw::{PARTITIONS, create_topic};
use crate::world::{World, consume, order_v1, order_v2, take};

/// Writes records with Kafka's own console producer, which is a Java client; the values are not ours.
pub(crate) async fn write_with_java(world: &World, topic: &str, keys: impl Iterator<Item = String>) {
    let topic = format!("{}{topic}", world.prefix);
    let mut java = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/kafka.sh"))
        .args(["tool", "org.apache.kafka.tools.ConsoleProducer", "--bootstrap-server", &world.settings.bootstrap])
        .args(["--topic", &topic, "--reader-property", "parse.key=true"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines: String = keys.map(|key| format!("{key}\tfrom Java\n")).collect();
    java.stdin.take().unwrap().write_all(lines.as_bytes()).await.unwrap();
    let output = java.wait_with_output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn a_key_goes_where_java_would_send_it() {
    const COUNT: u128 = 60;
    let world = World::new().await;
    create_topic(&world, OrderCreated::TOPIC).await;
    let producer = Producer::connect(&world.settings).await.unwrap();
    let mut ours = BTreeMap::new();
    for number in 0..COUNT {
        let v1 = producer.send(&order_v1(number)).await.unwrap();
        let v2 = producer.send(&order_v2(number)).await.unwrap();
        assert_eq!(v1.partition, v2.partition);
        ours.insert(order_v2(number).order_id.to_string(), v2.partition);
    }
    let used: BTreeSet<_> = ours.values().copied().collect();
    assert_eq!(used, (0..PARTITIONS).collect(), "every partition has some of the keys");

    write_with_java(&world, OrderCreated::TOPIC, ours.keys().cloned()).await;
    let (sender, mut receiver) = unbounded_channel();
    let consumer = Consumer::builder(&world.settings)
        .group(world.group("g"))
        .on(|_: OrderCreated, _: Context| ready(Outcome::Done))
        .on_undecodable(move |record, _| {
            let _ = sender.send((String::from_utf8(record.key.unwrap()).unwrap(), record.partition));
            ready(Outcome::Done)
        });
    let java = consume(consumer, take(&mut receiver, ours.len())).await.unwrap();
    assert_eq!(java.into_iter().collect::<BTreeMap<_, _>>(), ours);
}

#[tokio::test]
async fn versions_of_one_key_stay_in_the_order_in_which_they_were_written() {
    let world = World::new().await;
    let (old, new) =
        (Producer::connect(&world.settings).await.unwrap(), Producer::connect(&world.settings).await.unwrap());
    for quantity in 0..20 {
        // One order, told of 40 times: by turns with the old and the new version, each by a program of its own.
        old.send(&eventwright_platform::events::order_created::v1::OrderCreated { quantity, ..order_v1(7) })
            .await
            .unwrap();
        new.send(&OrderCreated { quantity, ..order_v2(7) }).await.unwrap();
    }
    let (sender, mut receiver) = unbounded_channel();
    let consumer =
        Consumer::builder(&world.settings).group(world.group("g")).on(move |order: OrderCreated, context: Context| {
            let _ = sender.send((order.quantity, context.writer().map(|writer| writer.version)));
            ready(Outcome::Done)
        });
    let seen = consume(consumer, take(&mut receiver, 40)).await.unwrap();
    let expected: Vec<_> = (0..20).flat_map(|quantity| [(quantity, Some(1)), (quantity, Some(2))]).collect();
    assert_eq!(seen, expected);
}
