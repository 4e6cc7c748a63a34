//! What librdkafka has fetched and nobody has taken, on real Kafka: it is in nobody's way when the consumer ends, and whoever comes
//! next begins with it.

use std::time::Duration;

use eventwright::{Consumer, ConsumerBuilder, Context, Order, Outcome, Producer};
use eventwright_platform::events::OrderCreated;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

use crate::raw::members;
use crate::world::{World, consume, order_v2, take, within};

const EVENTS: i32 = 3000;

/// How long an end may take that waits for nobody.
const PROMPT: Duration = Duration::from_secs(5);

async fn filled() -> World {
    let world = World::new().await;
    let producer = Producer::connect(&world.settings).await.unwrap();
    for quantity in 0..EVENTS {
        drop(within(producer.enqueue(&OrderCreated { quantity, ..order_v2(1) })).await.unwrap());
    }
    producer.flush(Duration::from_secs(60)).await.unwrap();
    world
}

fn quantities(world: &World, sender: UnboundedSender<i32>) -> ConsumerBuilder {
    let handler = move |order: OrderCreated, _: Context| {
        let sender = sender.clone();
        async move {
            // Each leaves the consumer's task, so that records wait in every place there is.
            tokio::task::yield_now().await;
            let _ = sender.send(order.quantity);
            Outcome::Done
        }
    };
    Consumer::builder(&world.settings).group(world.group("g")).order(Order::Key).on(handler)
}

/// Returns what is still in the channel.
fn rest(mut receiver: UnboundedReceiver<i32>) -> Vec<i32> {
    std::iter::from_fn(|| receiver.try_recv().ok()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_that_stops_amid_much_leaves_at_once_and_the_next_goes_on_there() {
    let world = filled().await;
    let mut seen = Vec::new();
    for count in [1, 70, 700] {
        let (sender, mut receiver) = unbounded_channel();
        let consumed = timeout(PROMPT * 3, consume(quantities(&world, sender), take(&mut receiver, count)));
        seen.extend(consumed.await.expect("it leaves").unwrap());
        seen.extend(rest(receiver));
        assert_eq!(members(&world, &world.group("g")).await, Vec::<String>::new());
    }
    let (sender, mut receiver) = unbounded_channel();
    let count = usize::try_from(EVENTS).unwrap() - seen.len();
    seen.extend(consume(quantities(&world, sender), take(&mut receiver, count)).await.unwrap());
    assert_eq!(seen, (0..EVENTS).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_that_is_dropped_amid_much_is_gone_and_the_next_has_all_that_was_not_committed() {
    let world = filled().await;
    let (sender, mut receiver) = unbounded_channel();
    tokio::select! {
        ended = quantities(&world, sender).run() => panic!("nobody stopped it: {ended:?}"),
        _ = take(&mut receiver, 100) => {}
    }
    timeout(PROMPT, async {
        while !members(&world, &world.group("g")).await.is_empty() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await
    .expect("its client closes");
    let (sender, mut receiver) = unbounded_channel();
    let last = async { while receiver.recv().await != Some(EVENTS - 1) {} };
    consume(quantities(&world, sender), last).await.unwrap();
}
