//! What is said when something is not there, and that it is used once it is.

use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use eventwright::testing::MockKafka;
use eventwright::{Consumer, Context, Outcome, Producer, Settings, register};
use eventwright_registry::server::{Server, ServerConfig};

use crate::support::events::{MANIFEST_PREFIX, ORDER_V2_SCHEMA, Order};
use crate::support::{Background, Seen, World};

/// Returns an address of this machine where nothing listens.
fn nowhere() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn order() -> Order {
    Order { id: "1".into(), quantity: 1, note: String::new() }
}

fn consumer(settings: &Settings) -> eventwright::ConsumerBuilder {
    Consumer::builder(settings).group("g").on(|_: Order, _: Context| async { Outcome::Done })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_not_there_is_named() {
    let mut world = World::on(&nowhere().to_string()).await;
    world.settings = world.settings.with_connect_timeout(Duration::from_secs(2));
    let begin = Instant::now();
    let errors = [
        Producer::connect(&world.settings).await.unwrap_err(),
        consumer(&world.settings).run_until(std::future::pending()).await.unwrap_err(),
    ];
    assert!(begin.elapsed() < Duration::from_secs(12));
    for error in errors {
        assert!(error.is_broker() && error.is_retriable());
        let text = error.to_string();
        let what = format!("no broker answered at `{}` within 2 s", world.settings.bootstrap);
        for part in [&what, "Connect", "refused", "is Kafka running"] {
            assert!(text.contains(part), "{text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_is_not_there_is_named() {
    let kafka = MockKafka::start().unwrap();
    let url = format!("http://{}", nowhere());
    let settings = kafka.settings(&url).with_connect_timeout(Duration::from_secs(1));
    let errors = [
        Producer::connect(&settings).await.unwrap_err(),
        consumer(&settings).run_until(std::future::pending()).await.unwrap_err(),
    ];
    for error in errors {
        assert!(error.is_registry() && error.is_retriable());
        let text = error.to_string();
        for part in ["no answer of the schema registry within 1 s", &url, "`registry.url`"] {
            assert!(text.contains(part), "{text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_comes_late_is_waited_for() {
    let kafka = MockKafka::start().unwrap();
    let address = nowhere();
    let settings = kafka.settings(&format!("http://{address}")).with_auto_register();
    let connecting = tokio::spawn(async move { Producer::connect(&settings).await });
    tokio::time::sleep(Duration::from_millis(500)).await;
    let _registry = Server::start(ServerConfig { listen: address, ..ServerConfig::default() }).await.unwrap();
    let producer = connecting.await.unwrap().unwrap();
    producer.send(&order()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mock_cluster_carries_records_from_producer_to_consumer() {
    carried(Some("process."), "process.").await;
    carried(Some(""), "").await;
    carried(None, MANIFEST_PREFIX).await;
}

/// Carries an event where the process has that prefix, and expects topic and subject to begin with the other one.
async fn carried(prefix: Option<&str>, expected: &str) {
    let kafka = MockKafka::start().unwrap();
    let world = World::on(&kafka.bootstrap()).await;
    let mut settings = kafka.settings(&world.settings.registry.url);
    settings.prefix = prefix.map(str::to_owned);
    register(&world.client, prefix, &[&ORDER_V2_SCHEMA]).await.unwrap();
    assert_eq!(world.client.subjects().await.unwrap(), [format!("{expected}orders-value")]);
    kafka.create_topic(&format!("{expected}orders"), 2).unwrap();
    let producer = Producer::connect(&settings).await.unwrap();
    let mut seen = Seen::new();
    let sender = seen.sender.clone();
    let background =
        Background::run(Consumer::builder(&settings).group("g").on(move |order: Order, context: Context| {
            sender.send((order, context.topic().to_owned())).unwrap();
            async { Outcome::Done }
        }));
    producer.send(&order()).await.unwrap();
    assert_eq!(seen.next().await, (order(), format!("{expected}orders")));
    background.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_comes_back_gets_what_waits_for_it() {
    let cluster = rdkafka::mocking::MockCluster::new(1).unwrap();
    cluster.create_topic("orders", 1, 1).unwrap();
    let mut world = World::on(&cluster.bootstrap_servers()).await;
    world.settings.prefix = Some(String::new());
    world.settings.producer.delivery_timeout = Duration::from_secs(2);
    world.settings = world.settings.with_kafka("reconnect.backoff.max.ms", "100");
    world.register(&[&ORDER_V2_SCHEMA]).await;
    let producer = Producer::connect(&world.settings).await.unwrap();
    assert_eq!(producer.send(&order()).await.unwrap().offset, 0);

    cluster.broker_down(1).unwrap();
    let error = producer.send(&order()).await.unwrap_err();
    assert!(error.is_possibly_written() && error.is_retriable());
    let text = error.to_string();
    let what = format!("no acknowledgement for a record for `orders` from `{}`", world.settings.bootstrap);
    for part in ["possibly written", &what, "within 2 s", "the last error of a broker was"] {
        assert!(text.contains(part), "{text}");
    }

    let pending = producer.enqueue(&order()).await.unwrap();
    cluster.broker_up(1).unwrap();
    pending.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_stays_full_is_an_error_in_the_end() {
    let cluster = rdkafka::mocking::MockCluster::new(1).unwrap();
    cluster.create_topic("orders", 1, 1).unwrap();
    let mut world = World::on(&cluster.bootstrap_servers()).await;
    world.settings.prefix = Some(String::new());
    world.settings.producer.queue_timeout = Duration::from_millis(300);
    world.settings.producer.flush_timeout = Duration::from_millis(1);
    world.settings = world.settings.with_kafka("queue.buffering.max.messages", "2");
    world.register(&[&ORDER_V2_SCHEMA]).await;
    let producer = Producer::builder(&world.settings).event::<Order>().connect().await.unwrap();
    cluster.broker_down(1).unwrap();
    let _first = producer.enqueue(&order()).await.unwrap();
    let _second = producer.enqueue(&order()).await.unwrap();
    let error = producer.enqueue(&order()).await.unwrap_err();
    assert!(error.is_retriable() && !error.is_possibly_written());
    assert!(error.to_string().contains("stayed full for 300 ms"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_makes_no_sense_is_refused_before_it_connects() {
    let settings = Settings::default();
    let check = |builder: eventwright::ConsumerBuilder, expected: &str| {
        let error = builder.build().unwrap_err();
        assert!(error.is_settings() && error.to_string().contains(expected), "{error}");
    };
    let done = |_: Order, _: Context| async { Outcome::Done };
    check(Consumer::builder(&settings).on(done), "has no group");
    check(Consumer::builder(&settings).group("g"), "has no handler");
    check(consumer(&settings).on(done), "`Order` has two handlers");
    let kafka = settings.clone().with_kafka("no.such.setting", "1");
    let error = consumer(&kafka).run_until(std::future::pending()).await.unwrap_err();
    assert!(error.is_settings() && error.to_string().contains("`kafka.no.such.setting`"), "{error}");
}
