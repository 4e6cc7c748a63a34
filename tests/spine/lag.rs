//! How far a consumer is behind in its retry topics, as Prometheus scrapes it: what waits there, under the topic's own name.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use eventwright::{Consumer, Context, Event as _, Order, Outcome, Producer, Retry, metrics};
use eventwright_platform::events::OrderCreated;

use crate::raw;
use crate::services::{self, Service, say, told};
use crate::world::{World, order_v2, within};

const BODY: &str = "lag::body_of_the_service";

#[tokio::test]
async fn what_waits_in_a_retry_topic_is_told_under_its_name() {
    let world = World::new().await;
    raw::create_topic_of(&world, OrderCreated::TOPIC, 1).await;
    let producer = Producer::connect(&world.settings).await.unwrap();
    // One key: the first order waits, and the others behind it.
    for quantity in 0..3 {
        producer.send(&OrderCreated { quantity, ..order_v2(1) }).await.unwrap();
    }
    let mut service = Service::start(&world, BODY, &[&world.group("g")]);
    let address = within(service.line()).await;
    let topic = format!("{}{}", world.prefix, OrderCreated::TOPIC);
    let retry_topic = format!("{topic}_retry");
    let scrape = Scrape { address, group: world.group("g") };
    within(scrape.until("consumer_lag_records", &retry_topic, |lag| lag == 3.0)).await;
    within(scrape.until("consumer_lag_seconds", &retry_topic, |lag| lag > 0.0)).await;
    within(scrape.until("consumer_lag_records", &topic, |lag| lag == 0.0)).await;
    within(scrape.until("consumer_lag_seconds", &topic, |lag| lag == 0.0)).await;
    let received = within(scrape.until("events_received_total", &retry_topic, |count| count > 0.0)).await;
    assert_eq!((received, scrape.value("events_received_total", &topic).await), (3.0, Some(3.0)));

    service.go_on().await;
    service.says("handled 2").await;
    within(scrape.until("consumer_lag_records", &retry_topic, |lag| lag == 0.0)).await;
    within(scrape.until("consumer_lag_seconds", &retry_topic, |lag| lag == 0.0)).await;
    let ended = within(scrape.until("kafka_consume_duration_seconds_count", &retry_topic, |count| count > 2.0)).await;
    assert_eq!(ended, 3.0, "each came to its end once, where it was read at last");
    let of_topic = scrape.value("kafka_consume_duration_seconds_count", &topic).await;
    assert_eq!(of_topic.unwrap_or(0.0), 0.0);
    service.stop().await;
}

/// The endpoint of a group's only member.
struct Scrape {
    address: String,
    group: String,
}

impl Scrape {
    /// Scrapes until a sample is there and as expected, and returns it.
    async fn until(&self, name: &str, topic: &str, is_expected: impl Fn(f64) -> bool) -> f64 {
        loop {
            if let Some(value) = self.value(name, topic).await.filter(|value| is_expected(*value)) {
                return value;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn value(&self, name: &str, topic: &str) -> Option<f64> {
        let text = reqwest::get(format!("http://{}/metrics", self.address)).await.unwrap().text().await.unwrap();
        let labels = [format!("topic=\"{topic}\""), format!("group=\"{}\"", self.group)];
        let is_meant = |line: &&str| {
            line.strip_prefix(name).is_some_and(|rest| rest.starts_with('{'))
                && labels.iter().all(|label| line.contains(label))
        };
        let mut found = text.lines().filter(is_meant);
        let line = found.next()?;
        assert_eq!(found.next(), None, "there is one partition");
        line.rsplit(' ').next().unwrap().parse().ok()
    }
}

/// Fails at the first order until it is told to go on.
#[tokio::test]
#[ignore = "a process that the test above starts"]
async fn body_of_the_service() {
    let Some((mut settings, rest)) = services::place() else { return };
    let server = metrics::serve(([127, 0, 0, 1], 0).into()).await.unwrap();
    say(&server.address().to_string());
    settings.kafka.insert("statistics.interval.ms".into(), "200".into());
    let is_mended = Arc::new(AtomicBool::new(false));
    let mend = Arc::clone(&is_mended);
    let handler = move |order: OrderCreated, _: Context| {
        let is_mended = is_mended.load(Ordering::Relaxed);
        if !is_mended {
            return std::future::ready(Outcome::Retry("no database".into()));
        }
        say(&format!("handled {}", order.quantity));
        std::future::ready(Outcome::Done)
    };
    let backoff = Duration::from_millis(500);
    let retry = Retry { max_attempts: 1000, backoff, max_backoff: backoff, topics: 1, ..Retry::default() };
    let consumer = Consumer::builder(&settings).group(&rest[0]).order(Order::Key).retry(retry).on(handler);
    let stopped = told(move || mend.store(true, Ordering::Relaxed));
    consumer.run_until(stopped).await.unwrap();
}
