//! A broker that crashes while records are on their way: both sides recover by themselves, and nothing is lost.

use std::collections::BTreeSet;
use std::time::Duration;

use eventwright::{Consumer, Producer, Settings};
use eventwright_platform::events::OrderCreated;
use tokio::sync::mpsc;

use crate::kafka::Kafka;
use crate::world::{World, collect, consume, order_v2, within};

/// A broker that died is let in again as soon as its session is over: 9 s by default.
const SHORT_SESSION: [(&str, &str); 1] =
    [("KAFKA_EXTRA", "broker.session.timeout.ms=3000 broker.heartbeat.interval.ms=500")];

#[tokio::test]
async fn a_broker_that_crashes_and_comes_back_loses_nothing() {
    let mut world = World::new().await;
    let kafka = Kafka::start(&SHORT_SESSION).await;
    let bootstrap = format!("127.0.0.1:{}", kafka.port);
    world.settings = Settings::new(bootstrap, &world.settings.registry.url).with_prefix(&world.prefix);

    let producer = Producer::connect(&world.settings).await.unwrap();
    producer.send(&order_v2(0)).await.unwrap();
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let consumer = Consumer::builder(&world.settings).group(world.group("g")).on(collect::<OrderCreated>(&sender));
    let all = async {
        let mut seen = BTreeSet::new();
        let (first, _) = receiver.recv().await.unwrap();
        seen.insert(first.order_id.as_u128());
        kafka.script(&["kill", "1"]).await;
        let mut pending = Vec::new();
        for number in 1..100 {
            pending.push(producer.enqueue(&order_v2(number)).await.unwrap());
        }
        kafka.script(&["resume", "1"]).await;
        for delivery in pending {
            delivery.await.unwrap();
        }
        while seen.len() < 100 {
            let (order, _) = receiver.recv().await.unwrap();
            seen.insert(order.order_id.as_u128());
        }
        seen
    };
    assert_eq!(consume(consumer, Box::pin(all)).await.unwrap(), (0..100).collect());
}

/// The offset of the record is not committed yet when the broker dies; nobody may wait for it then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_that_is_cancelled_while_the_broker_is_gone_ends() {
    let mut world = World::new().await;
    let kafka = Kafka::start(&SHORT_SESSION).await;
    let bootstrap = format!("127.0.0.1:{}", kafka.port);
    world.settings = Settings::new(bootstrap, &world.settings.registry.url).with_prefix(&world.prefix);
    world.settings.consumer.commit_interval = Duration::from_secs(3600);
    Producer::connect(&world.settings).await.unwrap().send(&order_v2(0)).await.unwrap();

    let (sender, mut receiver) = mpsc::unbounded_channel();
    let (cancel, cancelled) = tokio::sync::oneshot::channel();
    let (ended_sender, ended) = tokio::sync::oneshot::channel();
    let consumer = Consumer::builder(&world.settings).group(world.group("g")).on(collect::<OrderCreated>(&sender));
    // A thread of its own: if it blocks for ever, the test can say so.
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            tokio::select! {
                result = consumer.run_until(std::future::pending()) => result.unwrap(),
                result = cancelled => result.unwrap(),
            }
        });
        ended_sender.send(()).unwrap();
    });
    within(receiver.recv()).await.unwrap();
    kafka.script(&["kill", "1"]).await;
    cancel.send(()).unwrap();
    within(ended).await.unwrap();
}
