//! Each event is handled once: whoever writes it twice, whichever consumer gets it again, and whatever becomes of Redis.

use std::collections::BTreeSet;
use std::future::{pending, ready};
use std::time::Duration;

use eventwright::idempotency::{HybridStore, RedisStore, TopicStore};
use eventwright::settings::Store;
use eventwright::{Consumer, ConsumerBuilder, Context, Event as _, Message, Outcome, Producer, Settings};
use eventwright_platform::events::OrderCreated;
use tokio::sync::mpsc::{self, UnboundedSender};
use tokio::sync::oneshot;

use crate::raw;
use crate::redis::Redis;
use crate::world::{World, consume, order_v2, take, variable, within};

const COUNT: u128 = 50;

const ALL: [Store; 4] = [Store::Memory, Store::Topic, Store::Redis, Store::Hybrid];

/// The stores that know more than their process.
const LASTING: [Store; 3] = [Store::Topic, Store::Redis, Store::Hybrid];

fn settings(world: &World, store: Store) -> Settings {
    let mut settings = world.settings.clone().with_kafka("session.timeout.ms", "6000");
    settings.redis.url = variable("EVENTWRIGHT_TEST_REDIS");
    settings.idempotency.store = store;
    settings.idempotency.claim_ttl = Duration::from_secs(2);
    settings
}

/// A consumer that tells of each order whose handler was called.
fn consumer(settings: &Settings, group: &str, sender: &UnboundedSender<u128>) -> ConsumerBuilder {
    let sender = sender.clone();
    Consumer::builder(settings).group(group).on(move |order: OrderCreated, _: Context| {
        let _ = sender.send(order.order_id.as_u128());
        ready(Outcome::Done)
    })
}

async fn produce(world: &World, numbers: impl IntoIterator<Item = u128>) {
    let producer = Producer::connect(&world.settings).await.unwrap();
    for number in numbers {
        producer.send(&order_v2(number)).await.unwrap();
    }
}

/// Waits until a consumer has seen so many duplicates.
async fn duplicates(stats: &eventwright::ConsumerStats, count: u64) {
    while stats.duplicates() < count {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_event_that_was_written_twice_is_handled_once() {
    for store in ALL {
        let world = World::new().await;
        produce(&world, (0..COUNT).chain(0..COUNT).chain([COUNT])).await;
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let consumer = consumer(&settings(&world, store), &world.group("g"), &sender);
        let stats = consumer.stats();
        let all = async {
            let handled = take(&mut receiver, 51).await;
            duplicates(&stats, 50).await;
            handled
        };
        let handled = consume(consumer, all).await.unwrap();
        assert_eq!(handled.into_iter().collect::<BTreeSet<_>>(), (0..=COUNT).collect(), "{store:?}");
        assert!(receiver.try_recv().is_err(), "{store:?}: nothing is handled twice");
        assert_eq!((stats.handled(), stats.duplicates(), stats.without_id()), (51, 50, 0), "{store:?}");
    }
}

#[tokio::test]
async fn what_a_crashed_consumer_had_handled_is_known_to_the_next_one() {
    for store in LASTING {
        let world = World::new().await;
        produce(&world, 0..COUNT).await;
        let (group, mut settings) = (world.group("g"), settings(&world, store));
        settings.consumer.commit_interval = Duration::from_secs(3600);
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let first = consumer(&settings, &group, &sender);
        let stats = first.stats();
        let handled = async {
            while stats.handled() < 50 {
                tokio::task::yield_now().await
            }
        };
        crash(first, handled).await;
        let committed = raw::committed(&world, &group, OrderCreated::TOPIC).await;
        assert_eq!(committed.values().sum::<i64>(), 0, "{store:?}: all of it comes again");

        produce(&world, [COUNT]).await;
        let next = consumer(&settings, &group, &sender);
        let stats = next.stats();
        let all = async {
            duplicates(&stats, 50).await;
            take(&mut receiver, 51).await
        };
        let mut handled = consume(next, all).await.unwrap();
        handled.sort_unstable();
        assert_eq!(handled, (0..=COUNT).collect::<Vec<_>>(), "{store:?}");
        assert_eq!(stats.handled(), 1, "{store:?}");
    }
}

/// Runs a consumer until `until` is ready, and then drops it in the middle of its work.
async fn crash(consumer: ConsumerBuilder, until: impl Future<Output = ()>) {
    tokio::select! {
        ended = consumer.run_until(pending()) => panic!("{ended:?}"),
        () = within(until) => {}
    }
}

#[tokio::test]
async fn the_claim_of_a_consumer_that_died_expires() {
    for store in LASTING {
        let world = World::new().await;
        produce(&world, [1]).await;
        let (group, settings) = (world.group("g"), settings(&world, store));
        let (begun, has_begun) = oneshot::channel();
        let begun = std::sync::Mutex::new(Some(begun));
        let stuck = Consumer::builder(&settings).group(&group).on(move |_: OrderCreated, _: Context| {
            begun.lock().unwrap().take().map(|begun| begun.send(()));
            pending::<Outcome>()
        });
        crash(stuck, async { has_begun.await.unwrap() }).await;
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let handled = consume(consumer(&settings, &group, &sender), take(&mut receiver, 1)).await.unwrap();
        assert_eq!(handled, [1], "{store:?}");
    }
}

#[tokio::test]
async fn an_event_in_somebody_elses_hands_waits_and_is_a_duplicate_then() {
    let world = World::new().await;
    let settings = settings(&world, Store::Redis);
    let other = RedisStore::new(&settings).unwrap();
    let event = eventwright::idempotency::EventKey::new(world.group("g"), order_v2(1).order_id.to_string());
    let claim = async |owner| {
        use eventwright::idempotency::{DedupeStore as _, Owner};
        other.claim(&event, Owner(owner)).await.unwrap()
    };
    assert_eq!(claim(7).await, eventwright::idempotency::Claim::New);
    produce(&world, [1]).await;
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let consumer = consumer(&settings, &world.group("g"), &sender);
    let stats = consumer.stats();
    let seen = async {
        use eventwright::idempotency::DedupeStore as _;
        other.done(&event).await.unwrap();
        duplicates(&stats, 1).await;
    };
    consume(consumer, seen).await.unwrap();
    assert!(receiver.try_recv().is_err());
}

#[tokio::test]
async fn what_is_a_dead_letter_is_handled_when_it_comes_again() {
    for store in ALL {
        let world = World::new().await;
        produce(&world, [1]).await;
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let mut settings = settings(&world, store);
        settings.idempotency.claim_ttl = Duration::from_secs(3600);
        let consumer =
            Consumer::builder(&settings).group(world.group("g")).on(move |order: OrderCreated, _: Context| {
                let _ = sender.send(order.order_id.as_u128());
                ready(Outcome::Reject("no".into()))
            });
        let stats = consumer.stats();
        let again = async {
            take(&mut receiver, 1).await;
            // What replays it writes it once it is there.
            raw::read(&world, &format!("{}_dlq", OrderCreated::TOPIC), 1).await;
            produce(&world, [1]).await;
            take(&mut receiver, 1).await
        };
        assert_eq!(consume(consumer, Box::pin(again)).await.unwrap(), [1], "{store:?}");
        assert_eq!(stats.duplicates(), 0, "{store:?}");
    }
}

#[tokio::test]
async fn a_record_keeps_its_claim_from_one_attempt_to_the_next() {
    let world = World::new().await;
    produce(&world, [1, 1]).await;
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let mut settings = settings(&world, Store::Redis);
    settings.consumer.order = eventwright::Order::None;
    settings.consumer.retry.backoff = Duration::from_millis(1);
    let consumer = Consumer::builder(&settings).group(world.group("g")).on(move |_: OrderCreated, context: Context| {
        let _ = sender.send((context.offset(), context.attempt()));
        ready(if context.attempt() < 5 { Outcome::Retry("not yet".into()) } else { Outcome::Done })
    });
    let stats = consumer.stats();
    consume(consumer, duplicates(&stats, 1)).await.unwrap();
    let attempts = take(&mut receiver, 5).await;
    let (first, _) = attempts[0];
    assert_eq!(attempts, (1..=5).map(|attempt| (first, attempt)).collect::<Vec<_>>());
    assert!(receiver.try_recv().is_err());
}

#[tokio::test]
async fn a_record_without_id_is_handled_and_counted() {
    let world = World::new().await;
    raw::create_topic(&world, OrderCreated::TOPIC).await;
    let record = raw::record_of(&world, &order_v2(1)).await;
    raw::write(&world, OrderCreated::TOPIC, [&record, &record]).await;
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let consumer = consumer(&settings(&world, Store::Memory), &world.group("g"), &sender);
    let stats = consumer.stats();
    assert_eq!(consume(consumer, take(&mut receiver, 2)).await.unwrap(), [1, 1]);
    assert_eq!((stats.without_id(), stats.duplicates()), (2, 0));
}

#[tokio::test]
async fn a_message_id_of_the_callers_is_what_counts() {
    let world = World::new().await;
    let producer = Producer::connect(&world.settings).await.unwrap();
    for (number, id) in [(1, "a"), (2, "a"), (2, "b")] {
        producer.send(Message::new(&order_v2(number)).message_id(id)).await.unwrap();
    }
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let consumer = consumer(&settings(&world, Store::Memory), &world.group("g"), &sender);
    let stats = consumer.stats();
    let all = async {
        duplicates(&stats, 1).await;
        take(&mut receiver, 2).await
    };
    assert_eq!(consume(consumer, all).await.unwrap().len(), 2);
}

#[tokio::test]
async fn records_wait_while_redis_is_down_and_a_password_is_asked_for() {
    let world = World::new().await;
    let redis = Redis::start(Some("hunter2"), &[]).await;
    let settings = redis.settings(settings(&world, Store::Redis));
    produce(&world, [1]).await;
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let consumer = consumer(&settings, &world.group("g"), &sender);
    let stats = consumer.stats();
    let outage = async {
        take(&mut receiver, 1).await;
        while stats.handled() < 1 {
            tokio::task::yield_now().await;
        }
        redis.script("stop").await;
        produce(&world, 2..COUNT).await;
        assert!(receiver.try_recv().is_err(), "nothing is handled that is not claimed");
        redis.script("start").await;
        take(&mut receiver, 48).await
    };
    let handled = consume(consumer, Box::pin(outage)).await.unwrap();
    assert_eq!(handled.into_iter().collect::<BTreeSet<_>>(), (2..COUNT).collect());
    assert!(receiver.try_recv().is_err());
    assert_eq!((stats.dead_lettered(), stats.failed_attempts()), (0, 0));

    let mut wrong = settings.clone();
    wrong.redis.password = Some("hunter3".into());
    let error = self::consumer(&wrong, &world.group("g"), &sender).run_until(pending()).await.unwrap_err();
    let text = format!("{error:?}");
    assert!(error.is_store() && text.contains("redis.password") && !text.contains("hunter"), "{text}");
}

#[tokio::test]
async fn what_redis_forgot_the_topic_knows() {
    let world = World::new().await;
    let redis = Redis::start(None, &[]).await;
    let settings = redis.settings(settings(&world, Store::None));
    let topic = format!("{}orders_idempotency", world.prefix);
    let hybrid = || HybridStore::new(RedisStore::new(&settings).unwrap(), TopicStore::new(&settings, &topic));
    produce(&world, 0..COUNT).await;
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let first = consumer(&settings, &world.group("g"), &sender).dedupe(hybrid());
    consume(first, take(&mut receiver, 50)).await.unwrap();
    redis.script("stop").await;
    redis.script("start").await;

    produce(&world, 0..=COUNT).await;
    let next = consumer(&settings, &world.group("g"), &sender).dedupe(hybrid());
    let stats = next.stats();
    let all = async {
        duplicates(&stats, 50).await;
        take(&mut receiver, 1).await
    };
    assert_eq!(consume(next, all).await.unwrap(), [COUNT]);
    assert!(receiver.try_recv().is_err());
}
