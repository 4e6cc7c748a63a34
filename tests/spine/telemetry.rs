//! One process across two services: its spans, joined by the headers of records, and the lines of its log.

use std::collections::BTreeMap;

use eventwright::settings::{LogEncoding, LogLevel};
use eventwright::{Consumer, Context, Event as _, Message, Outcome, Producer, Settings, telemetry};
use eventwright_platform::events::{OrderCreated, PaymentSettled};
use serde_json::Value;
use tracing::Instrument as _;

use crate::collector::{Collector, Span};
use crate::raw;
use crate::services::{self, Service, say, told_to_stop};
use crate::world::{World, order_v2};

const SHOP: &str = "telemetry::body_of_the_shop";
const BANK: &str = "telemetry::body_of_the_bank";

/// It stands in payloads, in a header and in the registry's credentials, and nowhere else.
const SECRET: &str = "hunter2";

/// It stands in the texts of handlers' errors: in the log, which tells why a record is a dead letter, and in no span.
const ERROR: &str = "hunter3";

#[tokio::test]
async fn two_services_share_one_trace_and_one_correlation_id() {
    let world = World::new().await;
    for topic in [OrderCreated::TOPIC, PaymentSettled::TOPIC] {
        raw::create_topic(&world, topic).await;
    }
    let collector = Collector::start().await;
    let mut bank = Service::start(&world, BANK, &[&world.group("bank"), &collector.url]);
    let mut shop = Service::start(&world, SHOP, &[&world.group("shop"), &collector.url]);
    bank.says("settled").await;
    shop.says("paid").await;
    raw::read(&world, &format!("{}_dlq", OrderCreated::TOPIC), 1).await;
    let (of_bank, of_shop) = (bank.stop().await, shop.stop().await);

    let spans = collector.spans();
    check_trace(&world, &spans);
    check_dead_letter(&world, &spans);
    check_log(&world, &of_bank, &of_shop);
    let spans = format!("{spans:?}");
    assert!(!spans.contains(SECRET) && !spans.contains(ERROR), "{spans}");
    assert!(!of_bank.contains(SECRET) && !of_shop.contains(SECRET), "{of_bank}{of_shop}");
}

/// The order's process: from the span in which it was sent to the handler of what became of it.
fn check_trace(world: &World, spans: &[Span]) {
    let (orders, payments) = (topic(world, OrderCreated::TOPIC), topic(world, PaymentSettled::TOPIC));
    let checkout = spans.iter().find(|span| span.name == "checkout").expect("the shop's own span");
    let send = child(spans, checkout, "shop", &format!("send {orders}"));
    let failed = child(spans, send, "bank", &format!("consume {orders}"));
    assert_eq!((failed.status, failed.attributes["error.type"].as_str()), (2, "retry"));
    let retry = child(spans, send, "bank", &format!("retry {orders}"));
    let handle = child(spans, retry, "bank", "handle OrderCreated");
    let own = child(spans, handle, "bank", "charge");
    let answer = child(spans, own, "bank", &format!("send {payments}"));
    let paid = child(spans, answer, "shop", &format!("consume {payments}"));
    let last = child(spans, paid, "shop", "handle PaymentSettled");
    assert_eq!([send.kind, retry.kind, handle.kind, answer.kind, last.kind], [4, 5, 1, 4, 1]);
    assert_eq!((send.status, retry.status, paid.status), (0, 0, 0));

    let id = order_v2(1).order_id.to_string();
    let expected = [
        ("messaging.system", "kafka"),
        ("messaging.operation.name", "retry"),
        ("messaging.operation.type", "process"),
        ("messaging.destination.name", &orders),
        ("messaging.consumer.group.name", &world.group("bank")),
        ("messaging.message.id", &id),
        ("messaging.message.conversation_id", &id),
        ("eventwright.event", "OrderCreated"),
        ("eventwright.attempt", "2"),
        ("messaging.destination.partition.id", &send.attributes["messaging.destination.partition.id"]),
        ("messaging.kafka.offset", &send.attributes["messaging.kafka.offset"]),
    ];
    for (name, value) in expected {
        assert_eq!(retry.attributes.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert_eq!(paid.attributes["messaging.message.conversation_id"], id, "the id of the order, end to end");
}

/// The order that is rejected: its copy belongs to the same trace.
fn check_dead_letter(world: &World, spans: &[Span]) {
    let orders = topic(world, OrderCreated::TOPIC);
    let id = order_v2(2).order_id.to_string();
    let named = |name: String| {
        let mut found = spans.iter().filter(move |span| span.name == name);
        found.find(|span| span.attributes.get("messaging.message.id") == Some(&id)).cloned().expect("a span of order 2")
    };
    let (send, consume) = (named(format!("send {orders}")), named(format!("consume {orders}")));
    let copy = named(format!("dead letter {orders}_dlq"));
    assert_eq!((consume.status, consume.attributes["error.type"].as_str()), (2, "rejected"));
    assert_eq!((&copy.trace, &copy.parent, copy.kind), (&send.trace, &send.id, 4));
    assert_eq!(copy.attributes["eventwright.source.offset"], send.attributes["messaging.kafka.offset"]);
}

/// Lines within a handler tell of its record, in JSON; and the level that was asked for is the one that is told.
fn check_log(world: &World, of_bank: &str, of_shop: &str) {
    let find = |text: &str, message: &str| -> Value {
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let found: Vec<_> = lines.filter(|line| line["msg"] == message).collect();
        assert_eq!(found.len(), 1, "{message}: {text}");
        found[0].clone()
    };
    let id = order_v2(1).order_id.to_string();
    let line = find(of_bank, "charging");
    assert_eq!((line["level"].as_str(), line["amount_known"].as_bool()), (Some("warn"), Some(true)));
    assert!(line["time"].as_str().unwrap().ends_with('Z'));
    let expected = BTreeMap::from([
        ("eventId", Value::from(id.clone())),
        ("correlationId", id.clone().into()),
        ("eventType", "OrderCreated".into()),
        ("topic", topic(world, OrderCreated::TOPIC).into()),
        ("group", world.group("bank").into()),
        ("attempt", 2.into()),
    ]);
    for (name, value) in expected {
        assert_eq!(line[name], value, "{name}: {line}");
    }
    assert!(line["partition"].is_i64() && line["offset"].is_i64(), "{line}");
    let line = find(of_shop, "paid");
    assert_eq!((line["correlationId"].as_str(), line["eventType"].as_str()), (Some(&*id), Some("PaymentSettled")));
    assert_eq!(line["step"], "receipt", "the handler's own span: {line}");
    assert!(!of_bank.contains("\"level\":\"info\""), "the bank tells of warnings only: {of_bank}");
    assert!(of_shop.contains("\"msg\":\"consuming\""), "{of_shop}");
}

/// Returns the only child of that name, of the same trace.
fn child<'a>(spans: &'a [Span], parent: &Span, service: &str, name: &str) -> &'a Span {
    let found: Vec<_> = spans.iter().filter(|span| span.name == name && span.parent == parent.id).collect();
    let [span] = found[..] else { panic!("{} spans {name} of {}: {spans:#?}", found.len(), parent.name) };
    assert_eq!((span.service.as_str(), &span.trace), (service, &parent.trace), "{name}");
    span
}

fn topic(world: &World, name: &str) -> String {
    format!("{}{name}", world.prefix)
}

fn observed(mut settings: Settings, service: &str, endpoint: &str, level: LogLevel) -> Settings {
    settings.service.name = Some(service.into());
    settings.otlp.endpoint = Some(endpoint.into());
    settings.log.encoding = LogEncoding::Json;
    settings.log.level = level;
    (settings.registry.user, settings.registry.password) = (Some("alice".into()), Some(SECRET.into()));
    settings
}

/// Sends two orders, and hears of the payment of one.
#[tokio::test]
#[ignore = "a process that the test above starts"]
async fn body_of_the_shop() {
    let Some((settings, rest)) = services::place() else { return };
    let settings = observed(settings, "shop", &rest[1], LogLevel::Info);
    let telemetry = telemetry::init(&settings).unwrap();
    let producer = Producer::connect(&settings).await.unwrap();
    let first = OrderCreated { customer_id: SECRET.into(), ..order_v2(1) };
    let sent = async { producer.send(&first).await.unwrap() };
    sent.instrument(tracing::info_span!("checkout")).await;
    let secret = OrderCreated { customer_id: SECRET.into(), ..order_v2(2) };
    producer.send(Message::new(&secret).header("authorization", SECRET.as_bytes())).await.unwrap();
    let paid = |_: PaymentSettled, _: Context| async {
        tracing::info_span!("receipt", step = "receipt").in_scope(|| tracing::info!("paid"));
        say("paid");
        Outcome::Done
    };
    Consumer::builder(&settings).group(&rest[0]).on(paid).run_until(told_to_stop()).await.unwrap();
    telemetry.shutdown().await;
}

/// Settles the first order, at the second attempt, and rejects the other one.
#[tokio::test]
#[ignore = "a process that the test above starts"]
async fn body_of_the_bank() {
    let Some((settings, rest)) = services::place() else { return };
    let settings = observed(settings, "bank", &rest[1], LogLevel::Warn);
    let telemetry = telemetry::init(&settings).unwrap();
    let producer = Producer::connect(&settings).await.unwrap();
    let settle = move |order: OrderCreated, context: Context| {
        let producer = producer.clone();
        async move {
            match (order.order_id.as_u128(), context.attempt()) {
                (2, _) => return Outcome::Reject(format!("no customer {ERROR}")),
                (_, 1) => return Outcome::Retry(format!("no account for {ERROR}")),
                _ => {}
            }
            let payment =
                PaymentSettled { order_id: order.order_id.to_string(), payment_id: "p-1".into(), ..Default::default() };
            let charge = async {
                tokio::task::yield_now().await;
                tracing::warn!(amount_known = true, "charging");
                producer.send(&payment).await
            };
            charge.instrument(tracing::info_span!("charge")).await.unwrap();
            say("settled");
            Outcome::Done
        }
    };
    Consumer::builder(&settings).group(&rest[0]).on(settle).run_until(told_to_stop()).await.unwrap();
    telemetry.shutdown().await;
}
