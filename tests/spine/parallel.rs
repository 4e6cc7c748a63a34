//! Keys side by side: more handlers at once than there are partitions, each key in its order, whatever fails in between.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use eventwright::{Consumer, Context, Order, Outcome, Producer};
use eventwright_platform::events::OrderCreated;
use tokio::sync::{Barrier, mpsc};

use crate::world::{World, consume, order_v2, take, within};

const KEYS: u128 = 12;
const EVENTS: i32 = 20;

async fn send_all(world: &World) {
    let producer = Producer::connect(&world.settings).await.unwrap();
    for quantity in 0..EVENTS {
        for key in 0..KEYS {
            let order = OrderCreated { quantity, ..order_v2(key) };
            drop(within(producer.enqueue(&order)).await.unwrap());
        }
    }
    producer.flush(std::time::Duration::from_secs(60)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_handled_side_by_side_and_each_in_its_order() {
    let world = World::new().await;
    send_all(&world).await;
    let (sender, mut receiver) = mpsc::unbounded_channel();
    // The first events of all keys meet here, which they can only if all of them are in hand at once.
    let meeting = Arc::new(Barrier::new(KEYS.try_into().unwrap()));
    let failures = Arc::new(AtomicU32::new(0));
    let handler = move |order: OrderCreated, context: Context| {
        let (sender, meeting, failures) = (sender.clone(), Arc::clone(&meeting), Arc::clone(&failures));
        async move {
            if order.quantity == 0 {
                meeting.wait().await;
            }
            // One key fails in the middle, and must not be overtaken by what stands behind it.
            if order.order_id.as_u128() == 3 && order.quantity == 5 && failures.fetch_add(1, Ordering::Relaxed) < 3 {
                return Outcome::Retry("not yet".into());
            }
            let _ = sender.send((context.partition(), order.order_id.as_u128(), order.quantity));
            Outcome::Done
        }
    };
    let consumer = || Consumer::builder(&world.settings).group(world.group("g")).order(Order::Key);
    let count = usize::try_from(KEYS).unwrap() * usize::try_from(EVENTS).unwrap();
    let seen = consume(consumer().on(handler), take(&mut receiver, count)).await.unwrap();
    let partitions: BTreeSet<i32> = seen.iter().map(|(partition, ..)| *partition).collect();
    assert!(partitions.len() < usize::try_from(KEYS).unwrap(), "{partitions:?}");
    let mut of_key: BTreeMap<u128, Vec<i32>> = BTreeMap::new();
    for (_, key, quantity) in seen {
        of_key.entry(key).or_default().push(quantity);
    }
    let in_order: Vec<i32> = (0..EVENTS).collect();
    assert_eq!(of_key, (0..KEYS).map(|key| (key, in_order.clone())).collect());

    // All of it is committed: what comes next is what was sent next.
    let next = OrderCreated { quantity: -1, ..order_v2(99) };
    Producer::connect(&world.settings).await.unwrap().send(&next).await.unwrap();
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let handler = move |order: OrderCreated, _: Context| {
        let _ = sender.send(order.quantity);
        std::future::ready(Outcome::Done)
    };
    assert_eq!(consume(consumer().on(handler), take(&mut receiver, 1)).await.unwrap(), [-1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_hangs_holds_nobody_up_and_is_handled_again_by_the_next_consumer() {
    let world = World::new().await;
    send_all(&world).await;
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let handler = move |order: OrderCreated, _: Context| {
        let sender = sender.clone();
        async move {
            if order.order_id.as_u128() == 3 && order.quantity == 5 {
                std::future::pending::<()>().await;
            }
            let _ = sender.send((order.order_id.as_u128(), order.quantity));
            Outcome::Done
        }
    };
    let mut settings = world.settings.clone();
    settings.consumer.shutdown_timeout = std::time::Duration::from_millis(100);
    let consumer = Consumer::builder(&settings).group(world.group("g")).order(Order::Key).workers(2).on(handler);
    let free = usize::try_from(KEYS - 1).unwrap() * usize::try_from(EVENTS).unwrap() + 5;
    consume(consumer, take(&mut receiver, free)).await.unwrap();

    let (sender, mut receiver) = mpsc::unbounded_channel();
    let handler = move |order: OrderCreated, _: Context| {
        let _ = sender.send((order.order_id.as_u128(), order.quantity));
        std::future::ready(Outcome::Done)
    };
    let rest = async {
        let mut of_key = Vec::new();
        while of_key.last() != Some(&(EVENTS - 1)) {
            let (key, quantity) = receiver.recv().await.unwrap();
            of_key.extend((key == 3).then_some(quantity));
        }
        of_key
    };
    let consumer = Consumer::builder(&world.settings).group(world.group("g")).order(Order::Key).on(handler);
    let of_key = consume(consumer, Box::pin(rest)).await.unwrap();
    assert_eq!(of_key, (5..EVENTS).collect::<Vec<_>>(), "from where it hung, in order");
}
