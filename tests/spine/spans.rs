//! The spans of what is no single attempt: a copy behind its key in a retry topic, a batch, a replay. One process does it all and
//! exports them by OTLP; each belongs to the trace of the send that its record comes from.

use std::time::Duration;

use eventwright::replay::{REPLAYED_FROM, Replay};
use eventwright::{Consumer, Context, Event as _, Order, Outcome, Producer, Retry, Settings, telemetry};
use eventwright_platform::events::{OrderCreated, PaymentSettled};
use tokio::sync::mpsc::unbounded_channel;

use crate::collector::{Collector, Span};
use crate::raw;
use crate::services::{self, Service, say, told_to_stop};
use crate::world::{World, order_v2, take};

const BODY: &str = "spans::body_of_the_service";

/// What stands in the text of an error and in no span.
const ERROR: &str = "hunter3";

#[tokio::test]
async fn copies_batches_and_replays_belong_to_the_traces_of_their_records() {
    let world = World::new().await;
    for topic in [OrderCreated::TOPIC, PaymentSettled::TOPIC] {
        raw::create_topic_of(&world, topic, 1).await;
    }
    let collector = Collector::start().await;
    let groups = ["first", "second"].map(|name| world.group(name));
    let mut service = Service::start(&world, BODY, &[&groups[0], &groups[1], &collector.url]);
    service.says("done").await;
    service.stop().await;

    let spans = Spans(collector.spans());
    let orders = format!("{}{}", world.prefix, OrderCreated::TOPIC);
    check_retry(&spans, &orders);
    check_replay(&spans, &orders);
    check_batch(&spans, &orders, &groups[1]);
    assert!(!format!("{:?}", spans.0).contains(ERROR), "{:?}", spans.0);
}

/// All spans that were exported.
struct Spans(Vec<Span>);

impl Spans {
    /// Returns those of a name, in the order of the offset at which their record was read or written.
    fn named(&self, name: &str) -> Vec<&Span> {
        let mut found: Vec<_> = self.0.iter().filter(|span| span.name == name).collect();
        found.sort_by_key(|span| number(span, "messaging.kafka.offset"));
        found
    }

    fn only(&self, name: &str) -> &Span {
        let found = self.named(name);
        let [span] = found[..] else { panic!("{} spans {name}: {:#?}", found.len(), self.0) };
        span
    }
}

fn number(span: &Span, attribute: &str) -> Option<i64> {
    span.attributes.get(attribute)?.parse().ok()
}

fn assert_child(span: &Span, parent: &Span) {
    assert_eq!((&span.trace, &span.parent), (&parent.trace, &parent.id), "{} of {}", span.name, parent.name);
}

/// The first order fails once and waits; the second one of its key is copied behind it, unhandled.
fn check_retry(spans: &Spans, orders: &str) {
    let sends = spans.named(&format!("send {orders}"));
    assert_eq!(
        sends.iter().map(|send| number(send, "messaging.kafka.offset")).collect::<Vec<_>>(),
        [0, 1, 2].map(Some)
    );
    let (retry, redirect) =
        (spans.only(&format!("retry {orders}_retry")), spans.only(&format!("redirect {orders}_retry")));
    for (copy, send, offset) in [(retry, sends[0], 0), (redirect, sends[1], 1)] {
        assert_child(copy, send);
        assert_eq!((copy.kind, copy.status), (4, 0));
        assert_eq!(number(copy, "eventwright.source.offset"), Some(offset));
        assert_eq!(copy.attributes["eventwright.source.topic"], orders);
    }
    assert_child(spans.only(&format!("dead letter {orders}_dlq")), sends[2]);
}

/// The third order is rejected and replayed: the copy belongs to its trace, and so does whoever handles it then.
fn check_replay(spans: &Spans, orders: &str) {
    let (replay, send) = (spans.only(&format!("replay {orders}")), spans.named(&format!("send {orders}"))[2]);
    assert_child(replay, send);
    let id = order_v2(2).order_id.to_string();
    let expected = [
        ("messaging.system", "kafka"),
        ("messaging.operation.name", "replay"),
        ("messaging.operation.type", "send"),
        ("messaging.destination.name", orders),
        ("messaging.message.id", &id),
        ("messaging.message.conversation_id", &id),
        ("eventwright.event", "OrderCreated"),
        ("eventwright.source.topic", &format!("{orders}_dlq")),
        ("eventwright.source.partition", "0"),
        ("eventwright.source.offset", "0"),
    ];
    for (name, value) in expected {
        assert_eq!(replay.attributes.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert_eq!((replay.kind, replay.status), (4, 0));
}

/// A batch of the three orders and of the replayed one: an attempt at each in its own trace, and one handler, linked with all of
/// them, in whose trace is what it sends.
fn check_batch(spans: &Spans, orders: &str, group: &str) {
    let consumed = spans.named(&format!("consume {orders}"));
    let of_group = |span: &&&Span| span.attributes["messaging.consumer.group.name"] == group;
    let consumed: Vec<_> = consumed.iter().filter(of_group).copied().collect();
    let sends = spans.named(&format!("send {orders}"));
    for (consume, send) in consumed.iter().zip([sends[0], sends[1], sends[2], sends[2]]) {
        assert_child(consume, send);
        assert_eq!((consume.kind, consume.status), (5, 0));
    }
    let handles = spans.named("handle OrderCreated");
    let handles: Vec<_> = handles.iter().filter(|span| span.attributes.contains_key(COUNT)).collect();
    let [handle] = handles[..] else { panic!("{handles:#?}") };
    assert_eq!((handle.attributes[COUNT].as_str(), handle.parent.len(), consumed.len()), ("4", 0, 4));
    let attempts: Vec<_> = consumed.iter().map(|span| (span.trace.clone(), span.id.clone())).collect();
    assert_eq!(handle.links, attempts);
    for consume in &consumed {
        assert_eq!(consume.links, [(handle.trace.clone(), handle.id.clone())]);
    }
    let payments = format!("{}{}", orders.strip_suffix(OrderCreated::TOPIC).unwrap(), PaymentSettled::TOPIC);
    assert_child(spans.only(&format!("send {payments}")), handle);
}

const COUNT: &str = "messaging.batch.message_count";

#[tokio::test]
#[ignore = "a process that the test above starts"]
async fn body_of_the_service() {
    let Some((mut settings, rest)) = services::place() else { return };
    (settings.service.name, settings.otlp.endpoint) = (Some("service".into()), Some(rest[2].clone()));
    let telemetry = telemetry::init(&settings).unwrap();
    let producer = Producer::connect(&settings).await.unwrap();
    for (number, quantity) in [(1, 1), (1, 2), (2, 3)] {
        producer.send(&OrderCreated { quantity, ..order_v2(number) }).await.unwrap();
    }
    handle_one_by_one(&settings, &rest[0]).await;
    let dlq = format!("{}{}_dlq", settings.prefix.as_deref().unwrap(), OrderCreated::TOPIC);
    assert_eq!(Replay::builder(&settings).dlq(dlq).run(drop).await.unwrap().replayed, 1);
    handle_together(&settings, &rest[1], producer).await;
    say("done");
    told_to_stop().await;
    telemetry.shutdown().await;
}

/// Order 1 fails once, what follows of its key waits behind it, and order 2 is rejected.
async fn handle_one_by_one(settings: &Settings, group: &str) {
    let (sender, mut receiver) = unbounded_channel();
    let handler = move |order: OrderCreated, context: Context| {
        let outcome = match (order.quantity, context.attempt()) {
            (1, 1) => Outcome::Retry(format!("no account for {ERROR}")),
            (3, _) => Outcome::Reject(format!("no customer {ERROR}")),
            _ => Outcome::Done,
        };
        if outcome == Outcome::Done {
            let _ = sender.send(order.quantity);
        }
        std::future::ready(outcome)
    };
    let (backoff, topics) = (Duration::from_secs(1), 1);
    let retry = Retry { backoff, topics, jitter_percent: 0, ..Retry::default() };
    let consumer = Consumer::builder(settings).group(group).order(Order::Key).retry(retry).on(handler);
    let stats = consumer.stats();
    let all = async {
        assert_eq!(take(&mut receiver, 2).await, [1, 2]);
        while stats.dead_lettered() < 1 {
            tokio::task::yield_now().await;
        }
    };
    consumer.run_until(Box::pin(all)).await.unwrap();
}

/// All of them are there, so that a batch that must be full to begin has them all.
async fn handle_together(settings: &Settings, group: &str, producer: Producer) {
    let (sender, mut receiver) = unbounded_channel();
    let handler = move |orders: Vec<(OrderCreated, Context)>| {
        let replayed = orders.iter().filter(|(_, context)| context.header(REPLAYED_FROM).is_some()).count();
        let (sender, producer) = (sender.clone(), producer.clone());
        async move {
            let payment = PaymentSettled { payment_id: "p-1".into(), order_id: "o-1".into(), ..Default::default() };
            producer.send(&payment).await.unwrap();
            let _ = sender.send((orders.len(), replayed));
            Outcome::Done
        }
    };
    let consumer = Consumer::builder(settings).group(group).batches(4, Duration::from_secs(3600)).on_batch(handler);
    let all = async { assert_eq!(take(&mut receiver, 1).await, [(4, 1)]) };
    consumer.run_until(Box::pin(all)).await.unwrap();
}
