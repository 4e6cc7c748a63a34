//! What producers and consumers count, as Prometheus scrapes it over HTTP, beside what really happened.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use eventwright::wire::rust_decimal::Decimal;
use eventwright::{Consumer, Context, Event, Message, MetricsSnapshot, Outcome, Producer, metrics};
use eventwright_platform::events::OrderCreated;
use tokio::sync::mpsc;

use crate::raw::{self, PARTITIONS};
use crate::world::{World, consume, order_v2, take, within};

const ORDERS: &str = OrderCreated::TOPIC;

/// What must never be the value of a label: it stands in a key, an id, a payload, a header and the text of an error.
const SECRET: &str = "hunter2";

/// A sample: its name and labels, and its value.
type Samples = BTreeMap<(String, BTreeMap<String, String>), f64>;

#[tokio::test]
async fn a_scrape_tells_what_happened_and_nothing_that_has_no_bound() {
    let server = metrics::serve(([127, 0, 0, 1], 0).into()).await.unwrap();
    let world = World::new().await;
    raw::create_topic(&world, ORDERS).await;
    let producer = produce(&world).await;
    raw::write(&world, ORDERS, [b"bad"]).await;
    let stats = handle(&world).await;
    assert_eq!((stats.received, stats.processed, stats.failed), (6, 3, 4));
    assert_eq!((stats.retried, stats.sent_to_dlq), (2, 3), "number 1 fails twice, 2 once");
    let sent = producer.stats();
    assert_eq!((sent.published(), sent.publish_failed()), (5, 1));
    let all: MetricsSnapshot = sent.snapshot() + stats;
    assert_eq!((all.published, all.processed), (5, 3));
    drop(metrics::db_timer("insert_order"));

    let response = reqwest::get(format!("http://{}/metrics", server.address())).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    let text = response.text().await.unwrap();
    let samples = parse(&text);
    check_values(&world, &samples);
    check_labels(&world, &samples);
    check_help(&text, &samples);
    assert!(!text.contains(SECRET), "{text}");
}

/// Sends five orders, and one that cannot be encoded.
async fn produce(world: &World) -> Producer {
    let producer = Producer::connect(&world.settings).await.unwrap();
    for number in 1..=5 {
        let order = OrderCreated { customer_id: SECRET.into(), ..order_v2(number) };
        let message = Message::new(&order).message_id(format!("{SECRET}-{number}")).header("tenant", SECRET.as_bytes());
        producer.send(message).await.unwrap();
    }
    // One digit behind the point more than the schema has.
    let order = OrderCreated { price: Decimal::new(1, 9), ..order_v2(6) };
    assert!(producer.send(&order).await.unwrap_err().is_encode());
    producer
}

/// Handles them: number 1 fails each time, 2 at first, 3 is rejected; the others are done.
async fn handle(world: &World) -> MetricsSnapshot {
    let mut settings = world.settings.clone();
    settings.consumer.retry.max_attempts = 2;
    settings.consumer.retry.backoff = Duration::from_millis(1);
    settings.kafka.insert("statistics.interval.ms".into(), "200".into());
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let builder = Consumer::builder(&settings).group(world.group("g"));
    let builder = builder.on(move |order: OrderCreated, context: Context| {
        let (number, sender) = (order.order_id.as_u128(), sender.clone());
        async move {
            match (number, context.attempt()) {
                (1, _) | (2, 1) => return Outcome::Retry(format!("no database for {SECRET}")),
                (3, _) => return Outcome::Reject(format!("no customer {SECRET}")),
                _ => {}
            }
            let _ = sender.send(number);
            Outcome::Done
        }
    });
    let stats = builder.stats();
    let done = async {
        let mut handled = take(&mut receiver, 3).await;
        handled.sort_unstable();
        assert_eq!(handled, [2, 4, 5]);
        raw::read(world, &format!("{ORDERS}_dlq"), 3).await;
    };
    consume(builder, Box::pin(done)).await.unwrap();
    assert_eq!((stats.handled(), stats.undecodable(), stats.dead_lettered()), (3, 1, 3));
    stats.snapshot()
}

fn check_values(world: &World, samples: &Samples) {
    let topic = format!("{}{ORDERS}", world.prefix);
    let group = world.group("g");
    let sum = |name: &str, labels: &[(&str, &str)]| -> f64 {
        let has = |all: &BTreeMap<String, String>| {
            labels.iter().all(|(key, value)| all.get(*key).is_some_and(|found| found == value))
        };
        let found: Vec<_> = samples.iter().filter(|((found, all), _)| found == name && has(all)).collect();
        assert!(!found.is_empty(), "no {name} with {labels:?}");
        found.into_iter().map(|(_, value)| value).sum()
    };
    let check = |name: &str, labels: &[(&str, &str)], expected: f64| {
        let value = sum(name, labels);
        assert!((value - expected).abs() < 1e-9, "{name} {labels:?}: {value}, expected {expected}");
    };
    let of_topic = ("topic", topic.as_str());
    let of_group = ("group", group.as_str());
    let order = ("type", "OrderCreated");
    check("events_published_total", &[of_topic, order], 5.0);
    check("events_publish_failed_total", &[of_topic, order], 1.0);
    check("kafka_produce_duration_seconds_count", &[of_topic, order], 5.0);
    check("event_encode_duration_seconds_count", &[of_topic, order], 5.0);
    check("events_received_total", &[of_topic, of_group], 6.0);
    check("events_processed_total", &[of_topic, order, ("status", "handled")], 3.0);
    check("events_processed_total", &[of_topic, order, ("status", "dead_lettered")], 2.0);
    check("events_processed_total", &[of_topic, ("type", "unknown"), ("status", "dead_lettered")], 1.0);
    check("events_processed_total", &[of_topic], 6.0);
    check("events_failed_total", &[of_topic, order], 4.0);
    check("events_retried_total", &[of_topic, order], 2.0);
    check("dlq_entries_total", &[of_topic, order, ("reason", "handler")], 1.0);
    check("dlq_entries_total", &[of_topic, order, ("reason", "rejected")], 1.0);
    check("dlq_entries_total", &[of_topic, ("type", "unknown"), ("reason", "undecodable")], 1.0);
    check("event_decode_failures_total", &[of_topic, ("kind", "bytes")], 1.0);
    check("event_decode_failures_total", &[of_topic], 1.0);
    check("event_handle_duration_seconds_count", &[of_topic, order], 7.0);
    check("kafka_consume_duration_seconds_count", &[of_topic, of_group], 6.0);
    // Partitions that ask at once for the same id ask once each.
    assert!((1.0..=f64::from(PARTITIONS)).contains(&sum("schema_cache_misses_total", &[of_topic])));
    check("schema_cache_size", &[of_topic], 1.0);
    assert!(sum("schema_cache_hits_total", &[of_topic]) >= 7.0);
    assert!(sum("consumer_commits_total", &[of_group, ("status", "ok")]) >= 1.0);
    check("consumer_commits_total", &[of_group, ("status", "failed")], 0.0);
    assert!(sum("consumer_rebalances_total", &[of_group, ("kind", "assigned")]) >= 1.0);
    check("consumer_lag_records", &[of_topic, of_group], 0.0);
    check("consumer_lag_seconds", &[of_topic, of_group], 0.0);
    for gauge in ["consumer_held_records", "consumer_held_bytes", "consumer_running_handlers"] {
        check(gauge, &[of_group], 0.0);
    }
    check("db_operation_duration_seconds_count", &[("operation", "insert_order")], 1.0);
}

/// Every value of every label is a name of this test's, a number of a partition, or a word of ours.
fn check_labels(world: &World, samples: &Samples) {
    let own = [format!("{}{ORDERS}", world.prefix), world.group("g")];
    let mut words: BTreeSet<String> = BTreeSet::from(own);
    words.extend((0..PARTITIONS).map(|number| number.to_string()));
    let fixed = "OrderCreated unknown handled ignored duplicate dead_lettered handler rejected undecodable tombstone bytes \
                 unknown_schema unusable_schema unknown_event ok failed assigned revoked";
    words.extend(fixed.split_whitespace().map(str::to_owned));
    let of_world = |labels: &BTreeMap<String, String>| labels.values().any(|value| value.starts_with(&world.prefix));
    let mut n_checked = 0;
    for ((name, labels), _) in samples.iter().filter(|((_, labels), _)| of_world(labels)) {
        for (key, value) in labels.iter().filter(|(key, _)| *key != "le") {
            assert!(words.contains(value), "{name} has {key}={value}");
            n_checked += 1;
        }
    }
    assert!(n_checked > 100, "{n_checked}");
}

/// Every metric has its HELP and TYPE.
fn check_help(text: &str, samples: &Samples) {
    let told: BTreeSet<_> = text.lines().filter_map(|line| line.strip_prefix("# HELP ")?.split(' ').next()).collect();
    let family = |name: &str| {
        let base = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name);
        base.to_owned()
    };
    for (name, _) in samples.keys() {
        assert!(told.contains(family(name).as_str()), "{name} has no HELP");
    }
}

/// Reads Prometheus's text format.
fn parse(text: &str) -> Samples {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let sample = |line: &str| {
        let (name, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = name.split_once('{').unwrap_or((name, "}"));
        let labels = labels.strip_suffix('}').unwrap();
        let pairs = labels.split(',').filter(|label| !label.is_empty()).map(|label| {
            let (key, value) = label.split_once('=').unwrap();
            (key.to_owned(), value.trim_matches('"').to_owned())
        });
        ((name.to_owned(), pairs.collect()), value.parse().unwrap())
    };
    lines.map(sample).collect()
}

#[tokio::test]
async fn figures_are_served_where_the_settings_say_or_not_at_all() {
    let world = World::new().await;
    let mut settings = world.settings.clone();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    settings.metrics.listen = Some(taken.local_addr().unwrap());
    let error = within(Producer::connect(&settings)).await.unwrap_err();
    assert!(error.is_settings() && error.to_string().contains("help: is another process there?"), "{error:?}");
}
