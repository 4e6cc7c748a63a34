//! Handlers that take several events at once: in their order, as many as there are, and without losing the good ones with a bad one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use eventwright::{BreakerState, CircuitBreakerSettings, Consumer, Context, Event, Outcome};
use eventwright_platform::events::OrderCreated;
use tokio::sync::mpsc::unbounded_channel;

use crate::raw::{self, create_topic, record_of, write, write_tombstone};
use crate::world::{World, consume, order_v2, take, within};

const ORDERS: &str = OrderCreated::TOPIC;

const COUNT: u128 = 120;

/// Returns a world with orders in partition 0.
async fn world() -> World {
    let world = World::new().await;
    create_topic(&world, ORDERS).await;
    let mut values = Vec::new();
    for number in 0..COUNT {
        values.push(record_of(&world, &order_v2(number)).await);
    }
    write(&world, ORDERS, &values).await;
    world
}

fn numbers(events: &[(OrderCreated, Context)]) -> Vec<u128> {
    events.iter().map(|(order, _)| order.order_id.as_u128()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_in_line_is_handled_together_and_in_order() {
    let world = world().await;
    let (sender, mut receiver) = unbounded_channel();
    let handler = move |events: Vec<(OrderCreated, Context)>| {
        let offsets: Vec<_> = events.iter().map(|(_, context)| context.offset()).collect();
        let _ = sender.send((numbers(&events), offsets));
        std::future::ready(Outcome::Done)
    };
    // A batch that is not full waits for ever, and all of these are full.
    let builder = Consumer::builder(&world.settings).group(world.group("g")).batches(40, Duration::from_secs(3600));
    let builder = builder.on_batch(handler);
    let stats = builder.stats();
    let batches = consume(builder, take(&mut receiver, 3)).await.unwrap();
    assert!(batches.iter().all(|(numbers, _)| numbers.len() == 40), "{batches:?}");
    let (seen, offsets): (Vec<_>, Vec<_>) = batches.into_iter().unzip();
    assert_eq!(seen.concat(), (0..COUNT).collect::<Vec<_>>());
    assert_eq!(offsets.concat(), (0..i64::try_from(COUNT).unwrap()).collect::<Vec<_>>());
    assert_eq!((stats.handled(), raw::committed(&world, &world.group("g"), ORDERS).await[&0]), (120, 120));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_record_takes_no_other_with_it() {
    let world = world().await;
    write_tombstone(&world, ORDERS, b"gone").await;
    write(&world, ORDERS, [b"bad".to_vec(), record_of(&world, &order_v2(COUNT)).await]).await;
    let mut settings = world.settings.clone();
    settings.consumer.retry.max_attempts = 3;
    settings.consumer.retry.backoff = Duration::from_millis(1);
    let (sender, mut receiver) = unbounded_channel();
    let handler = move |events: Vec<(OrderCreated, Context)>| {
        let (sender, numbers) = (sender.clone(), numbers(&events));
        async move {
            assert!(!numbers.contains(&11), "out of stock");
            if numbers.contains(&42) {
                return Outcome::Reject("no such customer".into());
            }
            for number in numbers {
                let _ = sender.send(number);
            }
            Outcome::Done
        }
    };
    let builder = Consumer::builder(&settings)
        .group(world.group("g"))
        .on_batch(handler)
        .on_tombstone(|_| std::future::ready(Outcome::Done));
    let stats = builder.stats();
    let handled = consume(builder, take(&mut receiver, 119)).await.unwrap();
    assert_eq!(handled, (0..=COUNT).filter(|number| ![11, 42].contains(number)).collect::<Vec<_>>());
    assert_eq!((stats.dead_lettered(), stats.undecodable()), (3, 2));
    assert_eq!(raw::committed(&world, &world.group("g"), ORDERS).await[&0], 123);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_holds_whole_batches() {
    let world = world().await;
    let (down, (sender, mut receiver)) = (Arc::new(AtomicBool::new(true)), unbounded_channel());
    let is_down = Arc::clone(&down);
    let handler = move |events: Vec<(OrderCreated, Context)>| {
        if is_down.load(Ordering::Relaxed) {
            return std::future::ready(Outcome::Retry("no database".into()));
        }
        let _ = sender.send(numbers(&events));
        std::future::ready(Outcome::Done)
    };
    let breaker =
        CircuitBreakerSettings { failures: 1, timeout: Duration::from_secs(3600), ..CircuitBreakerSettings::enabled() };
    let builder = Consumer::builder(&world.settings).group(world.group("g")).circuit_breaker(breaker);
    let consumer =
        builder.batches(COUNT.try_into().unwrap(), Duration::from_secs(3600)).on_batch(handler).build().unwrap();
    let breaker = consumer.breakers().remove(0);
    let story = async {
        breaker.states().wait_for(|state| *state == BreakerState::Open).await.unwrap();
        down.store(false, Ordering::Relaxed);
        breaker.reset();
        assert_eq!(receiver.recv().await.unwrap(), (0..COUNT).collect::<Vec<_>>());
    };
    consumer.run_until(async { within(Box::pin(story)).await }).await.unwrap();
}
