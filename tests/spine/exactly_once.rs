//! Exactly once from Kafka to Kafka: whoever reads committed records sees what handlers sent once for each record, whichever
//! consumer is killed when.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::Duration;

use eventwright::wire::uuid::Uuid;
use eventwright::{Consumer, ConsumerBuilder, Context, Error, Message, Outcome, Producer, Retry, Settings};
use eventwright_platform::events::{InventoryAdjusted, OrderCreated};
use tokio::sync::mpsc::{self, UnboundedSender};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::process::Process;
use crate::proxy::{Api, Held, Proxy};
use crate::world::{World, consume, order_v2, placed, take, within};

const COUNT: u128 = 1500;

/// Of a transaction; ten times as many may be finished and not committed.
const MAX_RECORDS: usize = 20;

/// A consumer that handles nothing for so long waits.
const QUIET: Duration = Duration::from_secs(2);

/// How often the consumer is killed, each time in the middle.
const KILLS: usize = 4;

/// The number of the adjustment after which nothing comes.
const LAST: u128 = u128::MAX;

/// By which the process knows that it is the one.
const PLACE: &str = "EVENTWRIGHT_TEST_EXACTLY_ONCE";

const BODY: &str = "exactly_once::body_of_the_process";

/// All adjustments have one key, and so are on one partition.
fn adjusted(number: u128, quantity: i32) -> InventoryAdjusted {
    InventoryAdjusted::new(Uuid::from_u128(number), "sku".into(), quantity, placed())
}

/// Returns whether the handler rejects an order.
fn dies(number: u128) -> bool {
    number % 50 == 7
}

/// A consumer whose handler sends two adjustments for each order that does not die.
fn consumer(settings: &Settings, group: &str, handled: UnboundedSender<u128>) -> ConsumerBuilder {
    let handler = move |order: OrderCreated, context: Context| {
        let handled = handled.clone();
        async move {
            let number = order.order_id.as_u128();
            context.send(&adjusted(number, 1)).await?;
            context.send(&adjusted(number, -1)).await?;
            let _ = handled.send(number);
            Ok::<_, Error>(if dies(number) { Outcome::Reject("it dies".into()) } else { Outcome::Done })
        }
    };
    Consumer::builder(settings).group(group).on(handler).exactly_once()
}

/// A consumer at work.
struct Running {
    stop: oneshot::Sender<()>,
    ended: JoinHandle<Result<(), Error>>,
}

impl Running {
    fn start(consumer: ConsumerBuilder) -> Self {
        let (stop, stopped) = oneshot::channel();
        Self { stop, ended: tokio::spawn(consumer.run_until(async { drop(stopped.await) })) }
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        within(self.ended).await.unwrap().unwrap();
    }
}

async fn produce(world: &World, count: u128) {
    let producer = Producer::connect(&world.settings).await.unwrap();
    for number in 0..count {
        drop(producer.enqueue(&order_v2(number)).await.unwrap());
    }
    producer.flush(Duration::from_secs(30)).await.unwrap();
}

/// How often each adjustment was seen, and its correlation id.
type Seen = BTreeMap<(u128, i32), Vec<Option<String>>>;

/// Reads the adjustments of all orders that do not die, and then all that follow; checks that each came once.
async fn read_and_check(world: &World) {
    let live: Vec<_> = (0..COUNT).filter(|number| !dies(*number)).collect();
    check(&within(read(world, live.len())).await, live);
    let mut expected: Vec<_> =
        (0..COUNT).filter(|number| dies(*number)).map(|number| order_v2(number).order_id).collect();
    expected.sort();
    let mut dead = Vec::new();
    while dead.len() < expected.len() {
        let letters = within(crate::raw::read_committed(world, "orders_dlq")).await;
        dead =
            letters.iter().map(|(_, letter)| String::from_utf8_lossy(&letter.key).parse::<Uuid>().unwrap()).collect();
    }
    dead.sort();
    assert_eq!(dead, expected);
}

/// Reads the adjustments of so many orders, and then all that follow.
async fn read(world: &World, count: usize) -> Seen {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let reader = Consumer::builder(&world.settings).group(world.group("reader")).ignore_others().on(
        move |adjusted: InventoryAdjusted, context: Context| {
            let seen = (adjusted.event_id.as_u128(), adjusted.quantity);
            let _ = sender.send((seen, context.correlation_id().map(str::to_owned)));
            std::future::ready(Outcome::Done)
        },
    );
    let all = async {
        let mut seen = Seen::new();
        let mut is_last_written = false;
        loop {
            if seen.len() == 2 * count && !is_last_written {
                Producer::connect(&world.settings).await.unwrap().send(&adjusted(LAST, 0)).await.unwrap();
                is_last_written = true;
            }
            let (adjusted, correlation_id) = receiver.recv().await.unwrap();
            if adjusted.0 == LAST {
                return seen;
            }
            seen.entry(adjusted).or_default().push(correlation_id);
        }
    };
    consume(reader, Box::pin(all)).await.unwrap()
}

fn check(seen: &Seen, numbers: impl IntoIterator<Item = u128>) {
    let expected: Vec<_> = numbers.into_iter().flat_map(|number| [(number, -1), (number, 1)]).collect();
    assert_eq!(seen.keys().copied().collect::<Vec<_>>(), expected);
    let twice: Vec<_> = seen.iter().filter(|(_, times)| times.len() != 1).collect();
    assert!(twice.is_empty(), "seen more than once: {twice:?}");
}

fn settings(settings: &Settings) -> Settings {
    let mut settings = settings.clone().with_kafka("session.timeout.ms", "6000");
    settings.transaction.interval = Duration::from_millis(5);
    settings.transaction.max_records = MAX_RECORDS;
    settings.consumer.order = eventwright::Order::Key;
    settings
}

#[tokio::test]
async fn a_killed_consumer_leaves_no_duplicate_in_the_topic_that_it_writes_to() {
    let world = World::new().await;
    produce(&world, COUNT).await;
    let Settings { bootstrap, registry, .. } = &world.settings;
    let group = world.group("g");
    let place = [bootstrap, &registry.url, &world.prefix, &group, "range"];
    let mut handled = Vec::new();
    for _ in 0..KILLS {
        let mut process = Process::start(BODY, PLACE, &place);
        handled.extend(within(process.lines("handled", 250)).await);
        process.kill().await;
    }
    let mut last = Process::start(BODY, PLACE, &place);
    tokio::select! {
        () = read_and_check(&world) => {}
        // The process must not stop for want of somebody who reads.
        _ = last.lines("handled", usize::MAX) => unreachable!("it goes on for ever"),
    }
    last.kill().await;
    assert_eq!(handled.len(), 1000, "{KILLS} kills");
}

#[tokio::test]
#[ignore = "the process that the test above starts and kills"]
async fn body_of_the_process() {
    let Ok(place) = std::env::var(PLACE) else { return };
    let [bootstrap, registry, prefix, group, strategy] = place.split(' ').collect::<Vec<_>>()[..] else {
        panic!("{place}")
    };
    let settings = Settings::new(bootstrap, registry).with_prefix(prefix);
    let settings = settings.with_kafka("partition.assignment.strategy", strategy);
    let settings = self::settings(&settings);
    let (sender, mut handled) = mpsc::unbounded_channel();
    let told = async {
        while let Some(number) = handled.recv().await {
            // The test program prints the name of the test without an end of line.
            writeln!(std::io::stdout(), "\nhandled {number}").unwrap();
        }
    };
    tokio::select! {
        ended = consumer(&settings, group, sender).run() => ended.unwrap(),
        () = told => {}
    }
}

#[tokio::test]
async fn partitions_that_change_hands_leave_no_duplicate() {
    let world = World::new().await;
    produce(&world, COUNT).await;
    let (settings, group) = (settings(&world.settings), world.group("g"));
    let (sender, mut handled) = mpsc::unbounded_channel();
    let start = || Running::start(consumer(&settings, &group, sender.clone()));
    let first = start();
    within(take(&mut handled, 200)).await;
    let second = start();
    within(take(&mut handled, 600)).await;
    first.stop().await;
    read_and_check(&world).await;
    second.stop().await;
}

#[tokio::test]
async fn a_transaction_that_the_dead_left_open_is_waited_for() {
    an_open_transaction_is_waited_for("range").await;
}

#[tokio::test]
async fn a_transaction_that_the_dead_left_open_is_waited_for_cooperatively() {
    an_open_transaction_is_waited_for("cooperative-sticky").await;
}

async fn an_open_transaction_is_waited_for(strategy: &str) {
    let mut world = World::new().await;
    world.settings = world.settings.with_kafka("partition.assignment.strategy", strategy);
    produce(&world, COUNT).await;
    let (settings, group) = (settings(&world.settings), world.group("g"));
    let (sender, mut handled) = mpsc::unbounded_channel();
    let first = consumer(&settings, &group, sender.clone());
    within(consume(first, Box::pin(take(&mut handled, 600)))).await.unwrap();

    let proxy = Proxy::start(&world.settings.bootstrap, Held::Request(Api::EndTxn)).await;
    let place = [&proxy.bootstrap, &world.settings.registry.url, &world.prefix, &group, strategy];
    let dead = Process::start(BODY, PLACE, &place);
    within(proxy.holds()).await;
    dead.kill().await;

    // Until Kafka ends the transaction, nobody knows where to begin; meanwhile partitions change hands.
    let mut running = Vec::new();
    for _ in 0..8 {
        running.push(Running::start(consumer(&settings, &group, sender.clone())));
        tokio::time::sleep(Duration::from_millis(1500)).await;
    }
    read_and_check(&world).await;
    for running in running {
        running.stop().await;
    }
}

#[tokio::test]
async fn a_consumer_that_waits_for_its_transaction_hears_that_its_partitions_are_gone() {
    let world = World::new().await;
    produce(&world, COUNT).await;
    let proxy = Proxy::start(&world.settings.bootstrap, Held::Request(Api::TxnOffsetCommit)).await;
    let place = [&proxy.bootstrap, &world.settings.registry.url, &world.prefix, &world.group("g"), "range"];
    let mut process = Process::start(BODY, PLACE, &place);
    within(proxy.holds()).await;
    // It begins with nothing more until Kafka has committed.
    within(process.lines("handled", 10 * MAX_RECORDS)).await;
    while tokio::time::timeout(QUIET, process.lines("handled", 1)).await.is_ok() {}
    // Another one takes its partitions meanwhile, and goes.
    let (sender, mut handled) = mpsc::unbounded_channel();
    let other = Running::start(consumer(&settings(&world.settings), &world.group("g"), sender));
    process.stop_for(Duration::from_secs(9)).await;
    within(take(&mut handled, 1)).await;
    proxy.open();
    read_and_check(&world).await;
    other.stop().await;
    produce(&world, 1).await;
    within(process.lines("handled 0", 1)).await;
    process.kill().await;
}

/// Holds a frame of the first transaction until another producer has taken over.
async fn a_transaction_ends_without(held: Held) {
    let world = World::new().await;
    produce(&world, COUNT).await;
    let proxy = Proxy::start(&world.settings.bootstrap, held).await;
    let mut settings = settings(&world.settings);
    settings.bootstrap.clone_from(&proxy.bootstrap);
    let (sender, mut handled) = mpsc::unbounded_channel();
    let running = Running::start(consumer(&settings, &world.group("g"), sender));
    within(proxy.holds()).await;
    within(proxy.has_begun(2)).await;
    proxy.open_to_others();
    read_and_check(&world).await;
    // What was held comes too late to do anything.
    proxy.open();
    produce(&world, 1).await;
    within(take(&mut handled, usize::try_from(COUNT).unwrap() + 1)).await;
    running.stop().await;
    let (committed, ends) =
        (crate::raw::committed(&world, &world.group("g"), "orders").await, crate::raw::ends(&world, "orders").await);
    assert_eq!(committed, ends);
}

#[tokio::test]
async fn a_transaction_that_kafka_does_not_hear_of_is_undone_and_made_again() {
    a_transaction_ends_without(Held::Request(Api::TxnOffsetCommit)).await;
}

#[tokio::test]
async fn a_transaction_that_was_committed_unheard_is_not_made_again() {
    a_transaction_ends_without(Held::Answer(Api::EndTxn)).await;
}

#[tokio::test]
async fn what_a_handler_sent_that_failed_is_not_seen() {
    let world = World::new().await;
    let producer = Producer::connect(&world.settings).await.unwrap();
    for number in 1..4 {
        producer.send(Message::new(&order_v2(number)).correlation_id("process-7")).await.unwrap();
    }
    let mut settings = settings(&world.settings);
    settings.consumer.retry.backoff = Duration::from_millis(1);
    let consumer = Consumer::builder(&settings).group(world.group("g")).exactly_once().on(
        |order: OrderCreated, context: Context| async move {
            let number = order.order_id.as_u128();
            context.send(&adjusted(number, 1)).await?;
            if (number, context.attempt()) == (1, 1) {
                return Ok(Outcome::Retry("not yet".into()));
            }
            if number == 2 {
                return Ok(Outcome::Reject("never".into()));
            }
            context.send(Message::new(&adjusted(number, -1)).correlation_id("own")).await?;
            Ok::<_, Error>(Outcome::Done)
        },
    );
    let stats = consumer.stats();
    let seen = consume(consumer, Box::pin(read(&world, 2))).await.unwrap();
    check(&seen, [1, 3]);
    assert_eq!(stats.dead_lettered(), 1);
    assert_eq!(seen[&(1, 1)], [Some("process-7".into())]);
    assert_eq!(seen[&(1, -1)], [Some("own".into())]);
    let committed = crate::raw::committed(&world, &world.group("g"), "orders").await;
    assert!(committed.values().sum::<i64>() >= 3, "the offsets are in the transactions: {committed:?}");
}

#[tokio::test]
async fn what_is_too_large_to_be_sent_stops_the_consumer() {
    let world = World::new().await;
    produce(&world, 1).await;
    let settings = settings(&world.settings);
    let consumer = Consumer::builder(&settings).group(world.group("g")).exactly_once().on(
        |_: OrderCreated, context: Context| async move {
            let large = InventoryAdjusted::new(Uuid::nil(), "sku".repeat(500_000), 1, placed());
            context.send(&large).await?;
            Ok::<_, Error>(Outcome::Done)
        },
    );
    let error = within(consumer.run()).await.unwrap_err();
    assert!(error.to_string().contains("cannot succeed, and the consumer stops; its records are kept"), "{error}");
    let committed = crate::raw::committed(&world, &world.group("g"), "orders").await;
    assert_eq!(committed.values().sum::<i64>(), 0, "{committed:?}");
}

#[tokio::test]
async fn what_would_make_the_promise_untrue_is_refused() {
    let world = World::new().await;
    let check = |change: fn(&mut Settings), expected: &str| {
        let mut settings = world.settings.clone();
        change(&mut settings);
        let (sender, _) = mpsc::unbounded_channel();
        let text = consumer(&settings, "g", sender).build().unwrap_err().to_string();
        assert!(text.contains(expected), "{text}");
    };
    check(
        |settings| settings.idempotency.store = eventwright::settings::Store::Memory,
        "`idempotency.store` to `none`",
    );
    check(
        |settings| {
            settings.consumer.order = eventwright::Order::Key;
            settings.consumer.retry = Retry::one_topic();
        },
        "`consumer.retry.topics` to 0",
    );
    check(
        |settings| drop(settings.kafka.insert("isolation.level".into(), "read_uncommitted".into())),
        "isolation.level",
    );

    produce(&world, 1).await;
    let without =
        Consumer::builder(&world.settings).group(world.group("g")).on(|_: OrderCreated, context: Context| async move {
            let error = context.send(&adjusted(1, 1)).await.unwrap_err();
            Outcome::Reject(error.to_string())
        });
    let letters = consume(without, Box::pin(crate::raw::read(&world, "orders_dlq", 1))).await.unwrap();
    assert!(letters[0].header(eventwright::headers::ERROR).unwrap().contains("call `.exactly_once()`"));
}
