//! Retry topics: what fails waits there, nobody else waits for it, and the order of its key is kept.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use eventwright::headers::{
    ATTEMPT, DUE_AT, ERROR, FAILURE_REASON, FIRST_FAILED_AT, GROUP, ORIGINAL_OFFSET, ORIGINAL_PARTITION, ORIGINAL_TOPIC,
};
use eventwright::{Consumer, ConsumerBuilder, Context, Event, Order, Outcome, Producer, Retry};
use eventwright_platform::events::OrderCreated;
use tokio::sync::{mpsc, watch};

use crate::raw::{self, Letter};
use crate::world::{World, consume, order_v2, take, within};

const ORDERS: &str = OrderCreated::TOPIC;

/// A call of a handler: key, number of the record among those of its key, attempt.
type Call = (u128, i32, u32);

async fn send(world: &World, keys: impl IntoIterator<Item = u128>, numbers: std::ops::Range<i32>) {
    let producer = Producer::connect(&world.settings).await.unwrap();
    let keys: Vec<u128> = keys.into_iter().collect();
    for quantity in numbers {
        for key in &keys {
            drop(within(producer.enqueue(&OrderCreated { quantity, ..order_v2(*key) })).await.unwrap());
        }
    }
    producer.flush(Duration::from_secs(60)).await.unwrap();
}

fn quick(topics: u32, max_attempts: u32) -> Retry {
    let (backoff, max_backoff) = (Duration::from_millis(50), Duration::from_millis(400));
    Retry { max_attempts, backoff, max_backoff, jitter_percent: 0, deadline: None, topics }
}

/// Tells of every call, and fails where `fails` says so.
fn consumer(
    world: &World,
    retry: Retry,
    sender: &mpsc::UnboundedSender<Call>,
    fails: impl Fn(Call) -> bool + Send + Sync + 'static,
) -> ConsumerBuilder {
    let sender = sender.clone();
    let handler = move |order: OrderCreated, context: Context| {
        let call = (order.order_id.as_u128(), order.quantity, context.attempt());
        let _ = sender.send(call);
        std::future::ready(if fails(call) { Outcome::Retry("no database".into()) } else { Outcome::Done })
    };
    Consumer::builder(&world.settings).group(world.group("g")).order(Order::Key).retry(retry).on(handler)
}

fn by_key(calls: &[Call]) -> BTreeMap<u128, Vec<(i32, u32)>> {
    let mut by_key: BTreeMap<u128, Vec<_>> = BTreeMap::new();
    calls.iter().for_each(|(key, number, attempt)| by_key.entry(*key).or_default().push((*number, *attempt)));
    by_key
}

/// Waits until all that is in a topic is committed, so that nothing is left to be done.
async fn all_committed(world: &World, topic: &str) {
    let group = world.group("g");
    let ends = raw::ends(world, topic).await;
    within(async {
        while raw::committed(world, &group, topic).await != ends {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
}

/// The second attempt waits until all others were handled, and all of its own key was copied behind it: nobody waits for it.
async fn a_key_waits_alone_and_in_its_order(retry: Retry) {
    let world = World::new().await;
    raw::create_topic(&world, ORDERS).await;
    send(&world, 0..6, 0..5).await;
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let gate = watch::Sender::new(false);
    let opened = gate.subscribe();
    let handler = move |order: OrderCreated, context: Context| {
        let call = (order.order_id.as_u128(), order.quantity, context.attempt());
        let (sender, mut opened) = (sender.clone(), opened.clone());
        async move {
            if call == (3, 1, 2) {
                drop(opened.wait_for(|is_open| *is_open).await);
            }
            let _ = sender.send(call);
            if call.0 == 3 && call.1 == 1 && call.2 < 4 { Outcome::Retry("no database".into()) } else { Outcome::Done }
        }
    };
    let (topics, group) = (retry.topics, world.group("g"));
    let builder = Consumer::builder(&world.settings).group(group).order(Order::Key).retry(retry).on(handler);
    let stats = builder.stats();
    let calls = consume(builder, async {
        let mut calls = take(&mut receiver, 5 * 5 + 2).await;
        while stats.redirected() < 3 {
            tokio::task::yield_now().await;
        }
        gate.send_replace(true);
        calls.extend(take(&mut receiver, 3 + 3).await);
        all_committed(&world, ORDERS).await;
        for tier in 1..=topics {
            all_committed(&world, &retry_topic(tier, topics)).await;
        }
        calls
    });
    let calls = Box::pin(calls).await.unwrap();
    let once: Vec<_> = (0..5).map(|number| (number, 1)).collect();
    let mut expected: BTreeMap<u128, _> = (0..6).map(|key| (key, once.clone())).collect();
    expected.insert(3, vec![(0, 1), (1, 1), (1, 2), (1, 3), (1, 4), (2, 1), (3, 1), (4, 1)]);
    assert_eq!(by_key(&calls), expected);
    assert_eq!((stats.handled(), stats.redirected(), stats.dead_lettered()), (30, 3, 0));
}

fn retry_topic(tier: u32, topics: u32) -> String {
    if topics == 1 { format!("{ORDERS}_retry") } else { format!("{ORDERS}_retry_{tier}") }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_one_topic_a_key_waits_alone_and_in_its_order() {
    a_key_waits_alone_and_in_its_order(quick(1, 5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_three_topics_a_key_waits_alone_and_in_its_order() {
    a_key_waits_alone_and_in_its_order(quick(3, 5)).await;
}

fn summary(letter: &Letter) -> [Option<&str>; 7] {
    [ATTEMPT, FAILURE_REASON, ERROR, GROUP, ORIGINAL_TOPIC, ORIGINAL_PARTITION, ORIGINAL_OFFSET]
        .map(|name| letter.header(name))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fails_for_good_passes_through_all_topics_to_the_dead_letters() {
    let world = World::new().await;
    raw::create_topic(&world, ORDERS).await;
    send(&world, [7], 0..3).await;
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let started = Instant::now();
    let builder = consumer(&world, quick(3, 4), &sender, |(_, number, _)| number == 0);
    let calls = Box::pin(consume(builder, take(&mut receiver, 4 + 2))).await.unwrap();
    assert_eq!(by_key(&calls)[&7], [(0, 1), (0, 2), (0, 3), (0, 4), (1, 1), (2, 1)]);
    assert!(started.elapsed() >= Duration::from_millis(50 + 100 + 200), "the pauses were kept");

    let dead = within(raw::read(&world, &format!("{ORDERS}_dlq"), 1)).await.remove(0);
    let (group, topic) = (world.group("g"), format!("{}{ORDERS}", world.prefix));
    let expected = |attempt| [Some(attempt), Some("handler"), Some("no database"), Some(&*group), Some(&*topic)];
    assert_eq!(summary(&dead)[..5], expected("4"));
    assert_eq!(dead.header(DUE_AT), None);
    for (tier, attempt) in [(1, "1"), (2, "2"), (3, "3")] {
        let waited = within(raw::read(&world, &retry_topic(tier, 3), 1)).await.remove(0);
        assert_eq!(summary(&waited)[..5], expected(attempt));
        assert_eq!(summary(&waited)[5..], summary(&dead)[5..], "where it came from");
        assert_eq!((&waited.key, &waited.value), (&dead.key, &dead.value));
        assert_eq!(waited.header(FIRST_FAILED_AT), dead.header(FIRST_FAILED_AT));
        assert!(waited.header(DUE_AT) > waited.header(FIRST_FAILED_AT));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_outlives_the_consumer_and_its_key_with_it() {
    for topics in [1, 3] {
        let world = World::new().await;
        raw::create_topic(&world, ORDERS).await;
        send(&world, [7], 0..3).await;
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let retry = Retry { backoff: Duration::from_secs(3), max_backoff: Duration::from_secs(3), ..quick(topics, 5) };
        let builder = consumer(&world, retry.clone(), &sender, |_| true);
        let stats = builder.stats();
        let first = consume(builder, async {
            let first = take(&mut receiver, 1).await;
            // All of the key is in the retry topic, and nothing of it on the main topic any more.
            all_committed(&world, ORDERS).await;
            first
        });
        assert_eq!(Box::pin(first).await.unwrap(), [(7, 0, 1)]);
        assert_eq!((stats.retried(), stats.redirected()), (1, 2));

        // What comes meanwhile waits as well, with the next consumer.
        send(&world, [7], 3..5).await;
        let builder = consumer(&world, retry, &sender, |_| false);
        let calls = Box::pin(consume(builder, take(&mut receiver, 5))).await.unwrap();
        assert_eq!(calls, [(7, 0, 2), (7, 1, 1), (7, 2, 1), (7, 3, 1), (7, 4, 1)], "{topics} topics");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attempts_in_one_topic_are_counted_across_consumers() {
    let world = World::new().await;
    raw::create_topic(&world, ORDERS).await;
    send(&world, [7], 0..1).await;
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let builder = consumer(&world, quick(1, 6), &sender, |_| true);
    let calls = Box::pin(consume(builder, take(&mut receiver, 3))).await.unwrap();
    assert_eq!(calls, [(7, 0, 1), (7, 0, 2), (7, 0, 3)]);
    let builder = consumer(&world, quick(1, 6), &sender, |_| true);
    let stats = builder.stats();
    let mut more = Box::pin(consume(builder, async {
        let more = take(&mut receiver, 3).await;
        while stats.dead_lettered() == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        more
    }))
    .await
    .unwrap();
    more.sort_unstable();
    assert_eq!(more, [(7, 0, 4), (7, 0, 5), (7, 0, 6)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_pause_does_not_hold_up_a_short_one_behind_it() {
    let world = World::new().await;
    raw::create_topic(&world, ORDERS).await;
    let (sender, mut receiver) = mpsc::unbounded_channel();
    // One partition holds both keys: key 1 waits for 20 s in the only retry topic before key 2 comes there for 50 ms.
    let retry = Retry { max_backoff: Duration::from_secs(20), backoff: Duration::from_secs(20), ..quick(1, 3) };
    send(&world, [1], 0..1).await;
    let builder = consumer(&world, retry, &sender, |_| true);
    let waits = async {
        take(&mut receiver, 1).await;
        all_committed(&world, ORDERS).await;
    };
    Box::pin(consume(builder, waits)).await.unwrap();
    send(&world, 2..8, 0..1).await;
    let retry = Retry { max_backoff: Duration::from_secs(20), ..quick(1, 3) };
    let builder = consumer(&world, retry, &sender, |(key, _, attempt)| key != 1 && attempt == 1);
    let calls = Box::pin(consume(builder, take(&mut receiver, 12))).await.unwrap();
    let keys: Vec<u128> = by_key(&calls).into_keys().filter(|key| *key != 1).collect();
    assert_eq!(keys, [2, 3, 4, 5, 6, 7]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_of_other_groups_are_left_alone_and_unreadable_ones_are_dead_letters() {
    let world = World::new().await;
    raw::create_topic(&world, ORDERS).await;
    let (sender, mut receiver) = mpsc::unbounded_channel();
    send(&world, [7], 0..1).await;
    // Its copy waits for as long as the test runs.
    let retry = Retry { backoff: Duration::from_secs(3600), max_backoff: Duration::from_secs(3600), ..quick(1, 3) };
    let other = consumer(&world, retry, &sender, |_| true).group(world.group("other"));
    let waits = async {
        take(&mut receiver, 1).await;
        within(async {
            while raw::ends(&world, &retry_topic(1, 1)).await.values().sum::<i64>() == 0 {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        })
        .await;
    };
    Box::pin(consume(other, waits)).await.unwrap();
    raw::write(&world, &retry_topic(1, 1), [b"who am I?"]).await;
    let builder = consumer(&world, quick(1, 3), &sender, |_| false);
    let calls = consume(builder, async {
        let calls = take(&mut receiver, 1).await;
        all_committed(&world, &retry_topic(1, 1)).await;
        calls
    });
    let calls = Box::pin(calls).await.unwrap();
    assert_eq!(calls, [(7, 0, 1)], "that of the main topic, for this group for the first time");
    let dead = within(raw::read(&world, &format!("{ORDERS}_dlq"), 1)).await.remove(0);
    assert_eq!((&*dead.value, dead.header(FAILURE_REASON)), (b"who am I?".as_slice(), Some("undecodable")));
    assert_eq!(dead.header(ERROR), Some("a record of a retry topic without the header `ew-group`"));
}

/// Key 1 fills the second retry topic, so that key 2's first record is not read there before it is deleted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_retention_deletes_before_it_is_read_does_not_hold_up_its_key() {
    let world = World::new().await;
    raw::create_topic_of(&world, ORDERS, 1).await;
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let mut settings = world.settings.clone();
    settings.consumer.buffer_bytes = 1;
    let gate = watch::Sender::new(false);
    let opened = gate.subscribe();
    let handler = move |order: OrderCreated, context: Context| {
        let call = (order.order_id.as_u128(), order.quantity, context.attempt());
        let (sender, mut opened) = (sender.clone(), opened.clone());
        async move {
            let _ = sender.send(call);
            match call {
                (1, 0, 3) => drop(opened.wait_for(|is_open| *is_open).await),
                (_, 0, _) => return Outcome::Retry("no database".into()),
                _ => {}
            }
            Outcome::Done
        }
    };
    let group = world.group("g");
    let builder = Consumer::builder(&settings).group(group).order(Order::Key).retry(quick(2, 4)).on(handler);
    let calls = Box::pin(consume(builder, async {
        send(&world, [1], 0..1).await;
        let mut calls = take(&mut receiver, 3).await;
        send(&world, [2], 0..1).await;
        calls.extend(take(&mut receiver, 2).await);
        while raw::end_of_first(&world, &retry_topic(2, 2)).await < 2 {
            tokio::task::yield_now().await;
        }
        raw::delete_below(&world, &retry_topic(2, 2), 2).await;
        send(&world, [2], 1..2).await;
        calls.extend(take(&mut receiver, 1).await);
        gate.send_replace(true);
        calls
    }));
    let expected = [(1, 0, 1), (1, 0, 2), (1, 0, 3), (2, 0, 1), (2, 0, 2), (2, 1, 1)];
    assert_eq!(calls.await.unwrap(), expected, "the first of key 2 is lost, and the second is handled");
}

#[tokio::test]
async fn topics_that_do_not_fit_are_refused_at_start() {
    let world = World::new().await;
    raw::create_topic(&world, ORDERS).await;
    raw::create_topic_of(&world, &retry_topic(1, 1), 1).await;
    let (sender, _receiver) = mpsc::unbounded_channel();
    let never = consumer(&world, quick(1, 3), &sender, |_| false).run_until(std::future::pending());
    let text = within(Box::pin(never)).await.unwrap_err().to_string();
    assert!(text.contains("has 1 partitions, but") && text.contains("has 3") && text.contains("help: give"), "{text}");
    let order = consumer(&world, quick(1, 3), &sender, |_| false).order(Order::Partition).build().unwrap_err();
    assert!(order.to_string().contains("`consumer.order` to be `key` or `none`"), "{order}");
}
