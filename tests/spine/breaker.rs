//! What a consumer does when not a record is bad, but what its handler needs: it waits, stays in its group, and loses nothing.

use std::collections::BTreeMap;
use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use eventwright::wire::uuid::Uuid;
use eventwright::{
    BreakerState, CircuitBreaker, CircuitBreakerSettings, Consumer, ConsumerBuilder, Context, DeadLetterStop, Event,
    Outcome, Producer, Settings,
};
use eventwright_platform::events::{InventoryAdjusted, OrderCreated, UserCreated};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::raw::{self, PARTITIONS, create_topic, record_of, write};
use crate::world::{World, consume, order_v2, placed, take, within};

const ORDERS: &str = OrderCreated::TOPIC;

const COUNT: u128 = 60;

/// Three failures in a row open it, for so long.
fn breaker(timeout: Duration) -> CircuitBreakerSettings {
    CircuitBreakerSettings { failures: 3, timeout, ..CircuitBreakerSettings::enabled() }
}

/// A consumer of orders that can do nothing while `down` is set.
fn consumer(
    world: &World,
    settings: &Settings,
    down: &Arc<AtomicBool>,
    sender: UnboundedSender<(i32, i64)>,
) -> ConsumerBuilder {
    let down = Arc::clone(down);
    Consumer::builder(settings).group(world.group("g")).on(move |_: OrderCreated, context: Context| {
        if down.load(Ordering::Relaxed) {
            return ready(Outcome::Retry("no database".into()));
        }
        let _ = sender.send((context.partition(), context.offset()));
        ready(Outcome::Done)
    })
}

async fn send_orders(world: &World) {
    let producer = Producer::connect(&world.settings).await.unwrap();
    for number in 0..COUNT {
        producer.send(&order_v2(number)).await.unwrap();
    }
}

/// Returns how many dead letters there are.
async fn n_dead(world: &World) -> i64 {
    raw::ends(world, &format!("{ORDERS}_dlq")).await.values().sum()
}

/// Waits until a breaker comes to a state, from another one.
async fn comes_to(breaker: &CircuitBreaker, state: BreakerState) {
    let mut states = breaker.states();
    loop {
        states.changed().await.unwrap();
        if *states.borrow_and_update() == state {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_opens_it_and_nothing_dies_or_moves_or_is_overtaken() {
    let world = World::new().await;
    create_topic(&world, ORDERS).await;
    send_orders(&world).await;
    // Without polls or heartbeats the group would give the partitions away after this long.
    let mut settings =
        world.settings.clone().with_kafka("session.timeout.ms", "6000").with_kafka("max.poll.interval.ms", "6000");
    settings.consumer.retry.max_attempts = 3;
    settings.consumer.retry.backoff = Duration::from_millis(10);
    settings.consumer.buffer_records = 4;
    let down = Arc::new(AtomicBool::new(true));
    let (sender, mut receiver) = unbounded_channel();
    let builder = consumer(&world, &settings, &down, sender).circuit_breaker(breaker(Duration::from_secs(1)));
    let stats = builder.stats();
    let consumer = builder.build().unwrap();
    let breakers = consumer.breakers();
    let [breaker] = breakers.as_slice() else { panic!("{breakers:?}") };
    assert_eq!((breaker.handler(), breaker.topic()), ("OrderCreated", format!("{}orders", world.prefix).as_str()));
    let story = async {
        comes_to(breaker, BreakerState::Open).await;
        let members = raw::members(&world, &world.group("g")).await;
        assert_eq!(members.len(), 1);
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(8) {
            comes_to(breaker, BreakerState::Open).await;
        }
        assert_eq!(raw::members(&world, &world.group("g")).await, members, "it is still the same member");
        assert_eq!(raw::committed(&world, &world.group("g"), ORDERS).await.values().sum::<i64>(), 0);
        assert!(stats.handled() == 0 && stats.failed_attempts() < 60, "{stats:?}");
        down.store(false, Ordering::Relaxed);
        let handled = take(&mut receiver, COUNT.try_into().unwrap()).await;
        assert_eq!(breaker.status().state, BreakerState::Closed);
        handled
    };
    let mut handled = None;
    let stop = async { handled = Some(within(Box::pin(story)).await) };
    consumer.run_until(stop).await.unwrap();
    let mut of_partition: BTreeMap<i32, Vec<i64>> = BTreeMap::new();
    for (partition, offset) in handled.unwrap() {
        of_partition.entry(partition).or_default().push(offset);
    }
    for offsets in of_partition.values() {
        assert_eq!(*offsets, (0..i64::try_from(offsets.len()).unwrap()).collect::<Vec<_>>(), "in order, each once");
    }
    assert_eq!(
        raw::committed(&world, &world.group("g"), ORDERS).await.values().sum::<i64>(),
        i64::try_from(COUNT).unwrap()
    );
    assert_eq!((n_dead(&world).await, stats.dead_lettered()), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_closes_it_at_once() {
    let world = World::new().await;
    create_topic(&world, ORDERS).await;
    send_orders(&world).await;
    let down = Arc::new(AtomicBool::new(true));
    let (sender, mut receiver) = unbounded_channel();
    let builder = consumer(&world, &world.settings, &down, sender).circuit_breaker(breaker(Duration::from_secs(3600)));
    let consumer = builder.build().unwrap();
    let breaker = consumer.breakers().remove(0);
    let story = async {
        comes_to(&breaker, BreakerState::Open).await;
        assert!(breaker.status().open_for.unwrap() > Duration::from_secs(3500));
        down.store(false, Ordering::Relaxed);
        breaker.reset();
        take(&mut receiver, COUNT.try_into().unwrap()).await;
    };
    consumer.run_until(within(Box::pin(story))).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_events_of_its_topic_wait_too_and_other_topics_go_on() {
    let world = World::new().await;
    for topic in [ORDERS, UserCreated::TOPIC] {
        create_topic(&world, topic).await;
    }
    let stock = InventoryAdjusted::new(Uuid::from_u128(1), "sku".into(), -5, placed());
    let user = UserCreated::new(Uuid::from_u128(2), "user".into(), "a@example.com".into(), placed());
    write(&world, UserCreated::TOPIC, [record_of(&world, &stock).await, record_of(&world, &user).await]).await;
    let down = Arc::new(AtomicBool::new(true));
    let (orders, mut orders_seen) = unbounded_channel();
    let (users, mut users_seen) = unbounded_channel();
    let is_down = Arc::clone(&down);
    let builder = consumer(&world, &world.settings, &Arc::default(), orders)
        .circuit_breaker(breaker(Duration::from_secs(3600)))
        .on(move |_: InventoryAdjusted, _: Context| {
            ready(if is_down.load(Ordering::Relaxed) { Outcome::Retry("no stock".into()) } else { Outcome::Done })
        })
        .on(move |user: UserCreated, _: Context| {
            let _ = users.send(user.user_id);
            ready(Outcome::Done)
        });
    let consumer = builder.build().unwrap();
    let breakers = consumer.breakers();
    let stock_breaker = breakers.iter().find(|breaker| breaker.handler() == "InventoryAdjusted").unwrap();
    let story = async {
        comes_to(stock_breaker, BreakerState::Open).await;
        // Another partition, in which nothing failed, waits too.
        let producer = Producer::connect(&world.settings).await.unwrap();
        for number in 0..10 {
            let user = UserCreated::new(Uuid::from_u128(number), number.to_string(), String::new(), placed());
            producer.send(&user).await.unwrap();
        }
        send_orders(&world).await;
        take(&mut orders_seen, COUNT.try_into().unwrap()).await;
        assert!(users_seen.is_empty());
        down.store(false, Ordering::Relaxed);
        stock_breaker.reset();
        take(&mut users_seen, 11).await;
    };
    consumer.run_until(within(Box::pin(story))).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_breaks_its_handler_is_not_tried_for_ever() {
    let world = World::new().await;
    create_topic(&world, ORDERS).await;
    let mut values = Vec::new();
    for number in 0..5 {
        values.push(record_of(&world, &order_v2(number)).await);
    }
    write(&world, ORDERS, &values).await;
    let mut settings = world.settings.clone();
    settings.consumer.retry.max_attempts = 6;
    settings.consumer.retry.backoff = Duration::from_millis(1);
    let (sender, mut receiver) = unbounded_channel();
    let builder = Consumer::builder(&settings)
        .group(world.group("g"))
        .circuit_breaker(breaker(Duration::from_millis(100)))
        .on(move |order: OrderCreated, _: Context| {
            let number = order.order_id.as_u128();
            let sender = sender.clone();
            async move {
                assert!(number != 2, "cannot divide by zero");
                let _ = sender.send(number);
                Outcome::Done
            }
        });
    let stats = builder.stats();
    assert_eq!(consume(builder, take(&mut receiver, 4)).await.unwrap(), [0, 1, 3, 4]);
    assert_eq!((stats.dead_lettered(), stats.failed_attempts()), (1, 6));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_dead_letters_stop_the_consumer_and_the_last_one_is_kept() {
    let world = World::new().await;
    create_topic(&world, ORDERS).await;
    let mut values = vec![b"bad".to_vec()];
    for number in 0..6 {
        values.push(record_of(&world, &order_v2(number)).await);
    }
    write(&world, ORDERS, &values).await;
    let builder = Consumer::builder(&world.settings)
        .group(world.group("g"))
        .dead_letter_stop(DeadLetterStop { run: Some(4), ..DeadLetterStop::default() })
        .on(|order: OrderCreated, _: Context| {
            let is_fine = order.order_id.as_u128() == 1;
            ready(if is_fine { Outcome::Done } else { Outcome::Reject("no such customer".into()) })
        });
    let stats = builder.stats();
    let error = within(builder.run_until(std::future::pending())).await.unwrap_err();
    let text = error.to_string();
    let place = format!("4 records in a row died, the last one at `{}orders` partition 0 offset 6", world.prefix);
    assert!(error.is_handler() && text.contains(&place) && text.contains("no such customer"), "{text}");
    assert_eq!((stats.dead_lettered(), n_dead(&world).await), (5, 5));
    assert_eq!(raw::committed(&world, &world.group("g"), ORDERS).await[&0], 6, "the one too many is kept");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rate_limit_spreads_records_and_does_not_delay_a_stop() {
    let world = World::new().await;
    create_topic(&world, ORDERS).await;
    send_orders(&world).await;
    let (sender, mut receiver) = unbounded_channel();
    let (first, calls) = (Arc::new(std::sync::OnceLock::new()), Arc::new(AtomicU32::new(0)));
    let (began, counted) = (Arc::clone(&first), Arc::clone(&calls));
    let builder = Consumer::builder(&world.settings).group(world.group("g")).rate_limit(10).on(
        move |_: OrderCreated, _: Context| {
            let since = began.get_or_init(Instant::now).elapsed();
            counted.fetch_add(1, Ordering::Relaxed);
            let _ = sender.send(since);
            ready(Outcome::Done)
        },
    );
    let times = consume(builder, take(&mut receiver, 16)).await.unwrap();
    let stopped = first.get().unwrap().elapsed();
    assert!(times[15] >= Duration::from_millis(1400), "15 records more at 10 a second: {times:?}");
    assert!(calls.load(Ordering::Relaxed) < 30, "{calls:?}");
    assert!(stopped < times[15] + Duration::from_secs(3), "{stopped:?}");
    let committed = raw::committed(&world, &world.group("g"), ORDERS).await;
    assert_eq!(committed.len(), usize::try_from(PARTITIONS).unwrap());
    assert_eq!(
        committed.values().sum::<i64>(),
        i64::from(calls.load(Ordering::Relaxed)),
        "what was not begun is not done"
    );
}
