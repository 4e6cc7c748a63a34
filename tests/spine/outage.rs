//! A broker that crashes while records are on their way: both sides recover by themselves, and nothing is lost.

use std::collections::BTreeSet;
use std::time::Duration;

use eventwright::{Consumer, Producer, Settings};
use eventwright_platform::events::OrderCreated;
use tokio::sync::{mpsc, oneshot};

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

/// The offset of the record is not committed yet when the broker dies; nobody may wait for it then without end.
async fn check_end_without_broker(end: End) {
    let mut world = World::new().await;
    let kafka = Kafka::start(&SHORT_SESSION).await;
    let bootstrap = format!("127.0.0.1:{}", kafka.port);
    world.settings = Settings::new(bootstrap, &world.settings.registry.url).with_prefix(&world.prefix);
    world.settings.consumer.commit_interval = Duration::from_secs(3600);
    Producer::connect(&world.settings).await.unwrap().send(&order_v2(0)).await.unwrap();

    let (sender, mut receiver) = mpsc::unbounded_channel();
    let (end_sender, end_receiver) = oneshot::channel();
    let (ended_sender, ended) = oneshot::channel();
    let consumer = Consumer::builder(&world.settings).group(world.group("g")).on(collect::<OrderCreated>(&sender));
    // A thread of its own: if it blocks for ever, the test can say so.
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let told = async { end_receiver.await.unwrap() };
            match end {
                End::Stopped => consumer.run_until(told).await.unwrap(),
                End::Dropped => tokio::select! {
                    result = consumer.run_until(std::future::pending()) => result.unwrap(),
                    () = told => {}
                },
            }
        });
        drop(runtime);
        ended_sender.send(()).unwrap();
    });
    within(receiver.recv()).await.unwrap();
    kafka.script(&["kill", "1"]).await;
    end_sender.send(()).unwrap();
    within(ended).await.unwrap();
}

enum End {
    Stopped,
    Dropped,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_that_is_stopped_while_the_broker_is_gone_ends() {
    check_end_without_broker(End::Stopped).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_that_is_dropped_while_the_broker_is_gone_ends() {
    check_end_without_broker(End::Dropped).await;
}
