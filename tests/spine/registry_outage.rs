//! A registry that does not answer: it is asked again, the error names it, and no record is lost meanwhile.

use std::future::{Ready, ready};
use std::time::Duration;

use eventwright::{Consumer, Context, Outcome, Producer};
use eventwright_platform::events::{OrderCreated, order_created};
use eventwright_registry::SchemaId;
use tokio::sync::mpsc::unbounded_channel;

use crate::gate::Gate;
use crate::raw::{create_topic, framed, write};
use crate::world::{World, collect, consume, order_v1, order_v1_as_v2, order_v2, take, within};

/// Returns a world whose way to the registry can be shut.
async fn gated_world() -> (World, Gate) {
    let mut world = World::new().await;
    let gate = Gate::before(&world.settings.registry.url).await;
    world.settings.registry.url = gate.url();
    (world, gate)
}

fn ignore(_: OrderCreated, _: Context) -> Ready<Outcome> {
    ready(Outcome::Done)
}

#[tokio::test]
async fn a_registry_that_stays_away_is_asked_again_and_then_named() {
    let (mut world, gate) = gated_world().await;
    gate.shut();
    world.settings = world.settings.with_connect_timeout(Duration::from_secs(2));
    let producer = Producer::connect(&world.settings).await.unwrap_err();
    let asked_by_producer = gate.turned_away();
    let consumer = Consumer::builder(&world.settings).group(world.group("g")).on(ignore);
    let consumer = consumer.run_until(std::future::pending()).await.unwrap_err();
    let asked_by_consumer = gate.turned_away() - asked_by_producer;

    for error in [producer, consumer] {
        assert!(error.is_registry() && error.is_retriable(), "{error:?}");
        for part in ["no answer of the schema registry within 2 s", &gate.url(), "is it running"] {
            assert!(error.to_string().contains(part), "{error}");
        }
    }
    // After 0, 100, 300, 700 and 1500 ms; a machine that is busy misses some, a loop without pauses makes hundreds.
    for asked in [asked_by_producer, asked_by_consumer] {
        assert!((2..=12).contains(&asked), "asked {asked} times");
    }
}

#[tokio::test]
async fn a_registry_that_comes_late_is_waited_for() {
    let (world, gate) = gated_world().await;
    create_topic(&world, "orders").await;
    gate.shut();
    let opening = async {
        gate.has_turned_away(2).await;
        gate.open();
    };
    let (producer, ()) = within(async { tokio::join!(Producer::connect(&world.settings), opening) }).await;
    producer.unwrap().send(&order_v2(1)).await.unwrap();

    gate.shut();
    let before = gate.turned_away();
    let (sender, mut receiver) = unbounded_channel();
    let consumer = Consumer::builder(&world.settings).group(world.group("g")).on(collect::<OrderCreated>(&sender));
    let opening = async {
        gate.has_turned_away(before + 2).await;
        gate.open();
    };
    let (taken, ()) = within(async { tokio::join!(consume(consumer, take(&mut receiver, 1)), opening) }).await;
    assert_eq!(taken.unwrap(), [(order_v2(1), Some(2))]);
}

#[tokio::test]
async fn records_of_a_new_schema_wait_for_the_registry_and_the_others_go_on() {
    const COUNT: u128 = 30;
    let (world, gate) = gated_world().await;
    let producer = Producer::builder(&world.settings)
        .event::<OrderCreated>()
        .event::<order_created::v1::OrderCreated>()
        .connect()
        .await
        .unwrap();
    let (mut waiting, mut others) = (Vec::new(), Vec::new());
    for number in 0..COUNT {
        match producer.send(&order_v1(number)).await.unwrap().partition {
            0 => waiting.push(number),
            _ => others.push(number),
        }
    }
    assert!(!waiting.is_empty() && !others.is_empty(), "30 keys are spread over 3 partitions");

    let (sender, mut receiver) = unbounded_channel();
    let (bad, mut undecodable) = unbounded_channel();
    let consumer = Consumer::builder(&world.settings)
        .group(world.group("g"))
        .on(collect::<OrderCreated>(&sender))
        .on_undecodable(move |record, failure| {
            let _ = bad.send((record.value, failure.is_unknown_schema()));
            ready(Outcome::Done)
        });
    let stats = consumer.stats();
    let bad_value = framed(SchemaId(999_999), &[0]);
    let outage = async {
        take(&mut receiver, 30).await;
        gate.shut();
        // The consumer has not met version 2 yet, so the partition 0 waits for the registry, its bad record included.
        for number in &waiting {
            producer.send(&order_v2(*number)).await.unwrap();
        }
        write(&world, "orders", [&bad_value]).await;
        for number in &others {
            producer.send(&order_v1(*number)).await.unwrap();
        }
        let mut went_on = take(&mut receiver, others.len()).await;
        went_on.sort_by_key(|(order, _)| order.order_id);
        gate.has_turned_away(3).await;
        assert!(receiver.try_recv().is_err() && undecodable.try_recv().is_err(), "nothing passes without the registry");
        gate.open();
        (went_on, take(&mut receiver, waiting.len()).await, take(&mut undecodable, 1).await)
    };
    let (went_on, waited, undecodable) = consume(consumer, Box::pin(outage)).await.unwrap();
    let expected: Vec<_> = others.iter().map(|number| (order_v1_as_v2(*number), Some(1))).collect();
    assert_eq!(went_on, expected);
    // In the order in which they were written.
    let expected: Vec<_> = waiting.iter().map(|number| (order_v2(*number), Some(2))).collect();
    assert_eq!(waited, expected);
    assert_eq!(undecodable, [(Some(bad_value), true)]);
    assert_eq!(stats.failed_attempts(), 0, "an outage uses up no attempt");
}
