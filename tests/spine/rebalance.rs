//! Consumers that join a group and leave it under load, with each protocol that Kafka has for that.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use eventwright::{
    BreakerState, CircuitBreakerSettings, Consumer, ConsumerHealth, Context, Error, Event, Order, Outcome, Producer,
    Settings,
};
use eventwright_platform::events::OrderCreated;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use crate::raw::{self, create_topic_of};
use crate::world::{World, order_v2, within};

const KEYS: u128 = 24;

/// How long a handler takes.
const WORK: Duration = Duration::from_millis(10);

/// Which consumer handled which key and number, in the order in which they were done.
type Handled = Vec<(usize, u128, i32)>;

/// A topic that is written to, and a group that reads it.
struct Load {
    world: World,
    settings: Settings,
    producer: Producer,
    /// How many events of each key were sent.
    rounds: Mutex<i32>,
    handled: Arc<Mutex<Handled>>,
    count: watch::Sender<usize>,
}

/// A member of the group.
struct Member {
    health: ConsumerHealth,
    stop: oneshot::Sender<()>,
    running: JoinHandle<Result<(), Error>>,
}

impl Load {
    async fn new(kafka: &[(&str, &str)]) -> Self {
        Self::of(raw::PARTITIONS, kafka).await
    }

    /// Returns a load on a topic of so many partitions.
    async fn of(partitions: i32, kafka: &[(&str, &str)]) -> Self {
        let world = World::new().await;
        create_topic_of(&world, OrderCreated::TOPIC, partitions).await;
        let with = |settings: Settings, (key, value): &(&str, &str)| settings.with_kafka(*key, *value);
        let settings = kafka.iter().fold(world.settings.clone(), with);
        let producer = Producer::connect(&world.settings).await.unwrap();
        let (rounds, handled, count) = (Mutex::new(0), Arc::default(), watch::Sender::new(0));
        Self { world, settings, producer, rounds, handled, count }
    }

    fn join(&self, who: usize) -> Member {
        self.join_with(who, self.settings.clone())
    }

    fn join_with(&self, who: usize, settings: Settings) -> Member {
        let (handled, count) = (Arc::clone(&self.handled), self.count.clone());
        let handler = move |order: OrderCreated, _: Context| {
            let (handled, count) = (Arc::clone(&handled), count.clone());
            async move {
                tokio::time::sleep(WORK).await;
                handled.lock().unwrap().push((who, order.order_id.as_u128(), order.quantity));
                count.send_modify(|count| *count += 1);
                Outcome::Done
            }
        };
        let builder = Consumer::builder(&settings).group(self.world.group("g")).order(Order::Key).on(handler);
        let consumer = builder.build().unwrap();
        let health = consumer.health();
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(consumer.run_until(async {
            let _ = stopped.await;
        }));
        Member { health, stop, running }
    }

    /// Sends an event of each key after the other, never far ahead of the handlers, until something has happened.
    async fn until(&self, mut has_happened: impl FnMut() -> bool) {
        let mut count = self.count.subscribe();
        while !has_happened() {
            let quantity = {
                let mut rounds = self.rounds.lock().unwrap();
                *rounds += 1;
                *rounds - 1
            };
            for key in 0..KEYS {
                drop(self.producer.enqueue(&OrderCreated { quantity, ..order_v2(key) }).await.unwrap());
            }
            let enough = self.sent().saturating_sub(10 * usize::try_from(KEYS).unwrap());
            count.wait_for(|count| *count >= enough).await.unwrap();
        }
    }

    fn sent(&self) -> usize {
        usize::try_from(*self.rounds.lock().unwrap()).unwrap() * usize::try_from(KEYS).unwrap()
    }

    /// Sends until a consumer has handled another hundred events.
    async fn until_works(&self, who: usize) {
        let done = || self.handled.lock().unwrap().iter().filter(|(handler, ..)| *handler == who).count();
        let before = done();
        within(Box::pin(self.until(|| done() >= before + 100))).await;
    }

    async fn leave(&self, member: Member) {
        member.stop.send(()).unwrap();
        within(Box::pin(self.until(|| member.running.is_finished()))).await;
        member.running.await.unwrap().unwrap();
    }

    /// Waits for all that was sent, and checks that each event was handled once, and each key in its order.
    async fn check(&self) {
        let (sent, mut count) = (self.sent(), self.count.subscribe());
        within(count.wait_for(|count| *count >= sent)).await.unwrap();
        let mut of_key: BTreeMap<u128, Vec<i32>> = BTreeMap::new();
        for (_, key, number) in self.handled.lock().unwrap().iter() {
            of_key.entry(*key).or_default().push(*number);
        }
        let expected: Vec<i32> = (0..*self.rounds.lock().unwrap()).collect();
        for (key, numbers) in &of_key {
            let first = numbers.iter().zip(&expected).position(|(found, expected)| found != expected);
            let around = first.map(|first| &numbers[first.saturating_sub(3)..numbers.len().min(first + 3)]);
            assert_eq!((around, numbers.len()), (None, expected.len()), "key {key} is handled once each, in order");
        }
        assert_eq!(of_key.len(), usize::try_from(KEYS).unwrap());
    }
}

async fn members_come_and_go(kafka: &[(&str, &str)]) {
    let load = Load::new(kafka).await;
    let first = load.join(1);
    load.until_works(1).await;
    let second = load.join(2);
    load.until_works(2).await;
    let third = load.join(3);
    load.until_works(3).await;
    load.until_works(1).await;
    load.leave(first).await;
    load.until_works(3).await;
    load.leave(second).await;
    load.until_works(3).await;
    load.check().await;
    third.stop.send(()).unwrap();
    within(third.running).await.unwrap().unwrap();
    let committed = raw::committed(&load.world, &load.world.group("g"), OrderCreated::TOPIC).await;
    assert_eq!(committed.values().sum::<i64>(), i64::try_from(load.sent()).unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn range_loses_nothing_and_repeats_nothing() {
    members_come_and_go(&[("partition.assignment.strategy", "range"), ("heartbeat.interval.ms", "500")]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cooperative_sticky_loses_nothing_and_repeats_nothing() {
    let strategy = [("partition.assignment.strategy", "cooperative-sticky"), ("heartbeat.interval.ms", "500")];
    members_come_and_go(&strategy).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_consumer_protocol_loses_nothing_and_repeats_nothing() {
    members_come_and_go(&[("group.protocol", "consumer")]).await;
}

/// Whoever goes without a word is waited for until its session is over, by default for 45 s. The only partition stays where it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_without_partitions_leaves_its_group_when_it_stops() {
    let cooperative = [("partition.assignment.strategy", "cooperative-sticky"), ("heartbeat.interval.ms", "500")];
    let load = Load::of(1, &cooperative).await;
    let group = load.world.group("g");
    let first = load.join(1);
    load.until_works(1).await;
    let alone = raw::members(&load.world, &group).await;
    assert_eq!(alone.len(), 1);
    // It is stopped as soon as it is a member, and once it has been one for a while.
    for rounds in [0, 20] {
        let idle = load.join(2);
        while raw::members(&load.world, &group).await.len() < 2 {
            load.until_works(1).await;
        }
        for _ in 0..rounds {
            load.until_works(1).await;
        }
        idle.stop.send(()).unwrap();
        within(Box::pin(load.until(|| idle.running.is_finished()))).await;
        idle.running.await.unwrap().unwrap();
        assert_eq!(raw::members(&load.world, &group).await, alone, "after {rounds} rounds");
    }
    load.check().await;
    first.stop.send(()).unwrap();
    within(first.running).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_static_member_comes_back_and_nobody_else_notices() {
    let load = Load::new(&[("heartbeat.interval.ms", "500")]).await;
    let named = |name: &str| {
        let mut settings = load.settings.clone();
        settings.consumer.instance_id = Some(format!("{}{name}", load.world.prefix));
        settings
    };
    let first = load.join_with(1, named("a"));
    load.until_works(1).await;
    let second = load.join_with(2, named("b"));
    load.until_works(2).await;
    load.until_works(1).await;
    let before = (first.health.status(), second.health.status());
    assert!(before.0.is_ready() && before.1.is_ready(), "{before:?}");
    // What is sent meanwhile to the partitions of the one that is away waits for it.
    first.stop.send(()).unwrap();
    within(first.running).await.unwrap().unwrap();
    assert!(!first.health.status().is_running);
    let again = load.join_with(1, named("a"));
    load.until_works(1).await;
    load.check().await;
    let after = (again.health.status(), second.health.status());
    assert_eq!((before.0.partitions, before.1.assignments), (after.0.partitions, after.1.assignments));
    for member in [again, second] {
        member.stop.send(()).unwrap();
        within(member.running).await.unwrap().unwrap();
    }
}

/// Handles nothing while its breaker is open, so that its partitions are full and paused when the group takes them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_that_was_paused_flows_when_it_comes_back() {
    for strategy in ["range", "cooperative-sticky"] {
        let load = Load::new(&[("partition.assignment.strategy", strategy), ("heartbeat.interval.ms", "500")]).await;
        let mut settings = load.settings.clone();
        settings.consumer.buffer_records = 2;
        settings.consumer.circuit_breaker = CircuitBreakerSettings {
            failures: 1,
            timeout: Duration::from_secs(3600),
            ..CircuitBreakerSettings::enabled()
        };
        for number in 0..100 {
            load.producer.send(&order_v2(number)).await.unwrap();
        }
        let (down, handled) = (Arc::new(AtomicBool::new(true)), watch::Sender::new(0));
        let (is_down, count) = (Arc::clone(&down), handled.clone());
        let builder =
            Consumer::builder(&settings).group(load.world.group("g")).on(move |_: OrderCreated, _: Context| {
                let is_down = is_down.load(Ordering::Relaxed);
                count.send_modify(|count| *count += usize::from(!is_down));
                std::future::ready(if is_down { Outcome::Retry("no database".into()) } else { Outcome::Done })
            });
        let consumer = builder.build().unwrap();
        let (breaker, health) = (consumer.breakers().remove(0), consumer.health());
        let story = async {
            breaker.states().wait_for(|state| *state == BreakerState::Open).await.unwrap();
            let all = health.status().partitions;
            let other = load.join(2);
            while other.health.status().partitions.is_empty() {
                tokio::task::yield_now().await;
            }
            other.stop.send(()).unwrap();
            within(other.running).await.unwrap().unwrap();
            while health.status().partitions != all {
                tokio::task::yield_now().await;
            }
            let by_other = *load.count.borrow();
            down.store(false, Ordering::Relaxed);
            breaker.reset();
            handled.subscribe().wait_for(|count| count + by_other >= 100).await.unwrap();
        };
        consumer.run_until(async { within(Box::pin(story)).await }).await.unwrap();
    }
}
