//! A consumer ends when its process is asked to. The other tests use `run_until`, which no signal stops.

use std::process::Command;

use eventwright::testing::MockKafka;
use eventwright::{Consumer, Context, Outcome, Producer};

use crate::support::events::{ORDER_V2_SCHEMA, Order};
use crate::support::{Seen, World, within};

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_stops_a_consumer_after_it_has_committed() {
    let kafka = MockKafka::start().unwrap();
    let world = World::on(&kafka.bootstrap()).await;
    world.register(&[&ORDER_V2_SCHEMA]).await;
    let mut settings = kafka.settings(&world.settings.registry.url);
    settings.prefix.clone_from(&world.settings.prefix);
    let producer = Producer::connect(&settings).await.unwrap();
    producer.send(&Order { id: "1".into(), quantity: 1, note: String::new() }).await.unwrap();
    let mut seen = Seen::new();
    let sender = seen.sender.clone();
    let consumer = Consumer::builder(&settings).group("g").on(move |order: Order, _: Context| {
        sender.send(order).unwrap();
        async { Outcome::Done }
    });
    let running = tokio::spawn(consumer.run());
    seen.next().await;
    let status = Command::new("kill").args(["-TERM", &std::process::id().to_string()]).status().unwrap();
    assert!(status.success());
    within(running).await.unwrap().unwrap();
}
