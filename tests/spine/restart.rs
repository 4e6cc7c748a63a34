//! A consumer that is stopped, or killed, in the middle: nothing is lost.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use eventwright::{Consumer, Outcome, Producer};
use eventwright_platform::events::OrderCreated;
use tokio::sync::mpsc;

use crate::world::{World, collect, consume, order_v2, take};

const COUNT: u128 = 300;

async fn produce(world: &World) {
    let producer = Producer::connect(&world.settings).await.unwrap();
    let mut pending = Vec::new();
    for number in 0..COUNT {
        pending.push(producer.enqueue(&order_v2(number)).await.unwrap());
    }
    for delivery in pending {
        delivery.await.unwrap();
    }
}

/// Reads the rest with a new consumer of the same group until every number was seen.
async fn read_rest(world: &World, seen: &mut BTreeSet<u128>) -> usize {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let consumer = Consumer::builder(&world.settings).group(world.group("g")).on(collect::<OrderCreated>(&sender));
    let rest = async {
        let mut count = 0;
        while seen.len() < 300 {
            let (order, _) = receiver.recv().await.unwrap();
            seen.insert(order.order_id.as_u128());
            count += 1;
        }
        count
    };
    consume(consumer, rest).await.unwrap()
}

#[tokio::test]
async fn a_consumer_that_is_stopped_and_started_again_loses_and_repeats_nothing() {
    let world = World::new().await;
    produce(&world).await;
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let consumer = Consumer::builder(&world.settings).group(world.group("g")).on(collect::<OrderCreated>(&sender));
    let first = consume(consumer, take(&mut receiver, 100)).await.unwrap();
    let mut handled: Vec<_> = first.into_iter().map(|(order, _)| order.order_id.as_u128()).collect();
    while let Ok((order, _)) = receiver.try_recv() {
        handled.push(order.order_id.as_u128());
    }
    let mut seen: BTreeSet<_> = handled.iter().copied().collect();
    let rest = read_rest(&world, &mut seen).await;
    assert_eq!(seen.len(), 300);
    assert_eq!(handled.len() + rest, 300, "a graceful stop commits all that was handled");
}

#[tokio::test]
async fn a_consumer_that_dies_in_a_handler_loses_nothing() {
    let world = World::new().await;
    produce(&world).await;
    let calls = Arc::new(AtomicUsize::new(0));
    let (done, mut handled) = mpsc::unbounded_channel();
    let handler = {
        let calls = Arc::clone(&calls);
        move |order: OrderCreated, _| {
            let (done, call) = (done.clone(), calls.fetch_add(1, Ordering::SeqCst));
            async move {
                if call >= 50 {
                    // This record and those behind it are in hand when the consumer dies.
                    std::future::pending::<()>().await;
                }
                let _ = done.send(order.order_id.as_u128());
                Outcome::Done
            }
        }
    };
    let consumer = Consumer::builder(&world.settings).group(world.group("g")).on(handler);
    let dying = tokio::spawn(consumer.run_until(std::future::pending()));
    let first = take(&mut handled, 50).await;
    // No farewell, no last commit: what a kill leaves behind.
    dying.abort();
    assert!(dying.await.unwrap_err().is_cancelled());
    let mut seen: BTreeSet<_> = first.into_iter().collect();
    read_rest(&world, &mut seen).await;
    assert_eq!(seen, (0..COUNT).collect());
}
