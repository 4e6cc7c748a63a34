//! Producer and consumer on a real Kafka: evolution, and that no record is lost whatever happens.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use eventwright::{Consumer, Context, DecodeFailure, Message, OnFailure, Outcome, Producer, RawRecord};

use crate::support::events::{
    ORDER_V1_SCHEMA, ORDER_V2, ORDER_V2_SCHEMA, ORDER_V3, Order, OrderV1, OrdersEvent, PAID_V1_SCHEMA, PAID_V2_SCHEMA,
    Paid, PaidV1, SHIPPED_SCHEMA, Shipped,
};
use crate::support::{Background, PATIENCE, Seen, World, framed};

fn order(number: i32) -> Order {
    Order { id: format!("order-{number}"), quantity: number, note: "new".into() }
}

/// Returns a handler that hands each order on.
fn collect(seen: &Seen<Order>) -> impl Fn(Order, Context) -> std::future::Ready<Outcome> + Send + Sync + 'static {
    let sender = seen.sender.clone();
    move |order, _| {
        sender.send(order).unwrap();
        std::future::ready(Outcome::Done)
    }
}

/// Returns a handler that hands each undecodable record on.
fn collect_raw(
    seen: &Seen<(RawRecord, DecodeFailure)>,
) -> impl Fn(RawRecord, DecodeFailure) -> std::future::Ready<Outcome> + Send + Sync + 'static {
    let sender = seen.sender.clone();
    move |record, failure| {
        sender.send((record, failure)).unwrap();
        std::future::ready(Outcome::Done)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_version_is_decoded_as_the_newest_type() {
    let world = World::new().await;
    let producer = Producer::connect(&world.settings).await.unwrap();
    let v1 = OrderV1 { id: "same".into(), quantity: 1 };
    let v2 = Order { id: "same".into(), quantity: 2, note: "hello".into() };
    producer.send(&v1).await.unwrap();
    let message = Message::new(&v2).correlation_id("c-1").traceparent("00-1").header("x", b"y".as_slice());
    producer.send(message).await.unwrap();
    let v3 = world.register_text("orders-value", ORDER_V3).await;
    let partition = producer.send(&v1).await.unwrap().partition;

    let mut seen = Seen::new();
    let sender = seen.sender.clone();
    let consumer = Consumer::builder(&world.settings).group(world.group("g")).on::<Order>(move |order, context| {
        let sender = sender.clone();
        async move {
            sender.send((order, context)).unwrap();
            Outcome::Done
        }
    });
    let background = Background::run(consumer);
    let records = seen.take(3).await;
    let notes: Vec<_> = records.iter().map(|(order, _)| (order.quantity, order.note.as_str())).collect();
    assert_eq!(notes, [(1, "none"), (2, "hello"), (1, "none")]);
    let versions: Vec<_> = records.iter().map(|(_, context)| context.writer().map(|writer| writer.version)).collect();
    assert_eq!(versions, [Some(1), Some(2), Some(1)]);

    let (_, context) = &records[1];
    assert_eq!(context.key(), Some(b"same".as_slice()));
    assert_eq!(context.partition(), partition);
    assert_eq!(context.correlation_id(), Some("c-1"));
    assert_eq!(context.header("traceparent"), Some("00-1"));
    assert_eq!(context.header("ew-event"), Some("Order"));
    assert_eq!(context.header("ew-schema-version"), Some("2"));
    assert_eq!(context.header("x"), Some("y"));
    assert_eq!(context.message_id().map(str::len), Some(36));
    assert_eq!(records[0].1.correlation_id(), records[0].1.message_id());

    world.write("orders", Some(&framed(v3, &[8, 4, b'i', b'd', 6]))).await;
    let (order, context) = seen.next().await;
    assert_eq!(order, Order { id: "id".into(), quantity: 3, note: "none".into() });
    assert!(context.writer().is_none());
    assert_eq!(context.schema_id(), v3);
    background.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_protobuf_message_is_found_where_its_writer_has_it() {
    let world = World::empty().await;
    world.register(&[&PAID_V1_SCHEMA, &PAID_V2_SCHEMA]).await;
    let producer = Producer::connect(&world.settings).await.unwrap();
    producer.send(&PaidV1 { id: "a".into() }).await.unwrap();
    producer.send(&Paid { id: "b".into(), amount: 7 }).await.unwrap();

    let mut seen = Seen::new();
    let sender = seen.sender.clone();
    let consumer =
        Consumer::builder(&world.settings).group(world.group("g")).on(move |paid: Paid, context: Context| {
            sender.send((paid, context.writer().map(|writer| writer.version))).unwrap();
            async { Outcome::Done }
        });
    let background = Background::run(consumer);
    let mut paid = seen.take(2).await;
    paid.sort_by(|(a, _), (b, _)| a.id.cmp(&b.id));
    let expected = [(Paid { id: "a".into(), amount: 0 }, Some(1)), (Paid { id: "b".into(), amount: 7 }, Some(2))];
    assert_eq!(paid, expected);
    background.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_is_not_registered_is_refused_and_never_framed_with_another_id() {
    let world = World::empty().await;
    world.register(&[&ORDER_V1_SCHEMA]).await;
    let refused = Producer::builder(&world.settings).event::<Order>().connect().await.unwrap_err();
    assert!(refused.is_not_registered(), "{refused:?}");
    let text = refused.to_string();
    let subject = format!("`{}orders-value`", world.prefix);
    for part in
        ["`Order` v2", &subject, "auto_register: true", "run `eventwright register --registry http://127.0.0.1:"]
    {
        assert!(text.contains(part), "{text}");
    }

    let producer = Producer::builder(&world.settings).event::<OrderV1>().connect().await.unwrap();
    assert!(producer.send(&order(1)).await.unwrap_err().is_not_registered());
    let first = producer.send(&OrderV1 { id: "order-1".into(), quantity: 1 }).await.unwrap();
    assert_eq!(first.offset, 0);

    // Once it is registered, the same producer takes it.
    world.register(&[&ORDER_V2_SCHEMA]).await;
    assert_eq!(producer.send(&order(1)).await.unwrap().offset, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn schemas_are_registered_on_first_use_where_the_settings_say_so() {
    let world = World::empty().await;
    let settings = world.settings.clone().with_auto_register();
    let producer = Producer::connect(&settings).await.unwrap();
    producer.send(&order(1)).await.unwrap();
    let versions = world.client.versions(&format!("{}orders-value", world.prefix)).await.unwrap();
    assert_eq!(versions, [1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_its_schema_cannot_hold_is_refused() {
    let world = World::new().await;
    let producer = Producer::connect(&world.settings).await.unwrap();
    let error = producer.send(&order(-1)).await.unwrap_err();
    assert!(error.is_encode());
    assert_eq!(error.to_string(), "`Order` v2 cannot be encoded: expected a quantity of at least 0");
    assert_eq!(producer.send(&order(1)).await.unwrap().offset, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn records_wait_for_a_registry_that_is_down_and_none_is_lost() {
    let mut world = World::new().await;
    let producer = Producer::builder(&world.settings).event::<Order>().connect().await.unwrap();
    let (mut seen, mut raw) = (Seen::new(), Seen::new());
    let consumer =
        Consumer::builder(&world.settings).group(world.group("g")).on(collect(&seen)).on_undecodable(collect_raw(&raw));
    let stats = consumer.stats();
    // The consumer takes a record of another schema first, so that it has joined before the registry goes.
    producer.send(&OrderV1 { id: "first".into(), quantity: 1 }).await.unwrap();
    let background = Background::run(consumer);
    seen.take(1).await;
    world.stop_registry().await;
    for number in 0..20 {
        producer.send(&order(number)).await.unwrap();
    }
    assert!(tokio::time::timeout(Duration::from_secs(2), seen.next()).await.is_err(), "nothing can be decoded yet");
    world.start_registry().await;
    world.register(&[&ORDER_V1_SCHEMA, &ORDER_V2_SCHEMA]).await;
    let mut numbers: Vec<_> = seen.take(20).await.into_iter().map(|order| order.quantity).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..20).collect::<Vec<_>>());
    assert!(raw.rest().is_empty());
    background.stop().await.unwrap();
    assert_eq!((stats.handled(), stats.failed_attempts()), (21, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_bytes_reach_their_handler_as_they_are() {
    let world = World::new().await;
    let good = world.register_text("orders-value", ORDER_V2).await;
    let other = world
        .register_text(
            "other",
            r#"{"type":"record","name":"Order","namespace":"com.example","fields":[{"name":"id","type":"int"}]}"#,
        )
        .await;
    let check_all: [(&[u8], &str); 6] = [
        (b"{\"id\": 1}", "expected the magic byte 0 of the Confluent wire format, found 123"),
        (&[0, 0, 0], "expected at least 5 bytes, magic byte and schema ID, found 3"),
        (&framed(good, &[4, b'i', b'd', 2]), "the bytes end in the middle of a value"),
        (&framed(good, &[0xff; 20]), "a variable-length integer is longer than its type allows"),
        (&framed(999_999, &[1]), "the registry does not know it"),
        (&framed(other, &[2]), "it cannot be read as `Order` v2"),
    ];
    for (bytes, _) in check_all {
        world.write("orders", Some(bytes)).await;
    }
    world.write("orders", None).await;
    world.write("orders", Some(&framed(good, &[4, b'i', b'd', 2, 0]))).await;

    let (mut seen, mut raw) = (Seen::new(), Seen::new());
    let consumer =
        Consumer::builder(&world.settings).group(world.group("g")).on(collect(&seen)).on_undecodable(collect_raw(&raw));
    let stats = consumer.stats();
    let background = Background::run(consumer);
    for ((bytes, reason), offset) in check_all.into_iter().zip(0..) {
        let (record, failure) = raw.next().await;
        assert_eq!(record.value.as_deref(), Some(bytes));
        assert_eq!((record.offset, record.key.as_deref()), (offset, Some(b"key".as_slice())));
        assert!(failure.reason().contains(reason), "{failure}");
    }
    let (record, failure) = raw.next().await;
    assert!(failure.is_tombstone() && record.value.is_none());
    assert_eq!(seen.next().await.quantity, 1);
    background.stop().await.unwrap();
    assert_eq!((stats.undecodable(), stats.handled()), (7, 8));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_dead_letters_are_not_wanted_the_consumer_stops_before_bad_bytes() {
    let mut world = World::new().await;
    world.settings.consumer.on_failure = OnFailure::Stop;
    world.write("orders", Some(&framed(4711, &[1]))).await;
    let mut raw = Seen::new();
    let seen = Seen::new();
    let error =
        Background::run(Consumer::builder(&world.settings).group(world.group("g")).on(collect(&seen))).ended().await;
    let error = error.unwrap_err();
    assert!(error.is_undecodable(), "{error:?}");
    let text = error.to_string();
    let topic = format!("`{}orders` partition 0 offset 0", world.prefix);
    for part in [&topic, "schema id 4711", "the registry does not know it", "`.on_undecodable(…)`"] {
        assert!(text.contains(part), "{text}");
    }
    let consumer =
        Consumer::builder(&world.settings).group(world.group("g")).on(collect(&seen)).on_undecodable(collect_raw(&raw));
    let background = Background::run(consumer);
    let (_, failure) = raw.next().await;
    assert!(failure.is_unknown_schema());
    assert_eq!(failure.schema_id(), Some(4711));
    background.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn events_without_a_handler_are_skipped_only_where_that_was_said() {
    let world = World::new().await;
    world.register(&[&SHIPPED_SCHEMA]).await;
    let producer = Producer::connect(&world.settings).await.unwrap();
    producer.send(&Shipped { id: "s".into() }).await.unwrap();
    producer.send(&order(1)).await.unwrap();
    let mut seen = Seen::new();

    let error =
        Background::run(Consumer::builder(&world.settings).group(world.group("a")).on(collect(&seen))).ended().await;
    let text = error.unwrap_err().to_string();
    assert!(text.contains("`com.example.Shipped`") && text.contains("`.ignore_others()`"), "{text}");
    seen.rest();

    let consumer = Consumer::builder(&world.settings).group(world.group("b")).on(collect(&seen)).ignore_others();
    let stats = consumer.stats();
    let background = Background::run(consumer);
    seen.next().await;
    while stats.ignored() == 0 {
        tokio::task::yield_now().await;
    }
    background.stop().await.unwrap();

    let mut all = Seen::new();
    let sender = all.sender.clone();
    let consumer =
        Consumer::builder(&world.settings).group(world.group("c")).on_topic::<OrdersEvent>(move |event, _| {
            sender.send(event).unwrap();
            async { Outcome::Done }
        });
    let background = Background::run(consumer);
    let events = all.take(2).await;
    assert!(events.contains(&OrdersEvent::Order(order(1))));
    assert!(events.iter().any(|event| matches!(event, OrdersEvent::Unknown(record) if record.value.is_some())));
    background.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_loses_nothing_and_repeats_nothing() {
    let world = World::new().await;
    let producer = Producer::connect(&world.settings).await.unwrap();
    for number in 0..500 {
        drop(producer.enqueue(&order(number)).await.unwrap());
    }
    producer.flush(PATIENCE).await.unwrap();
    let mut numbers = Vec::new();
    for part in [100, 400] {
        let mut seen = Seen::new();
        let sender = seen.sender.clone();
        let consumer =
            Consumer::builder(&world.settings).group(world.group("g")).on(move |order: Order, _: Context| {
                let sender = sender.clone();
                async move {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    sender.send(order.quantity).unwrap();
                    Outcome::Done
                }
            });
        let background = Background::run(consumer);
        numbers.extend(seen.take(part.min(500 - numbers.len())).await);
        background.stop().await.unwrap();
        numbers.extend(seen.rest());
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (0..500).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_record_is_handled_again_and_keeps_its_place() {
    let world = World::new().await;
    let producer = Producer::connect(&world.settings).await.unwrap();
    for quantity in 0..5 {
        let same_key = Order { id: "same".into(), quantity, note: String::new() };
        producer.send(&same_key).await.unwrap();
    }
    let mut seen = Seen::new();
    let sender = seen.sender.clone();
    let consumer =
        Consumer::builder(&world.settings).group(world.group("g")).on(move |order: Order, context: Context| {
            let sender = sender.clone();
            async move {
                sender.send((order.quantity, context.attempt())).unwrap();
                match (order.quantity, context.attempt()) {
                    (1, 1) => panic!("first attempt"),
                    (1, 2) => Outcome::Retry("second attempt".into()),
                    _ => Outcome::Done,
                }
            }
        });
    let stats = consumer.stats();
    let background = Background::run(consumer);
    let expected = [(0, 1), (1, 1), (1, 2), (1, 3), (2, 1), (3, 1), (4, 1)];
    assert_eq!(seen.take(7).await, expected);
    background.stop().await.unwrap();
    assert_eq!((stats.handled(), stats.failed_attempts()), (5, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_fails_too_often_stops_the_consumer_and_is_kept() {
    let mut world = World::new().await;
    world.settings.consumer.retry.max_attempts = 3;
    world.settings.consumer.on_failure = OnFailure::Stop;
    let producer = Producer::connect(&world.settings).await.unwrap();
    let delivery = producer.send(&order(7)).await.unwrap();
    let consumer = Consumer::builder(&world.settings).group(world.group("g")).on(|_: Order, _: Context| async {
        if true {
            panic!("no database");
        }
        Outcome::Done
    });
    let error = Background::run(consumer).ended().await.unwrap_err();
    assert!(error.is_handler(), "{error:?}");
    let text = error.to_string();
    let place = format!("`{}orders` partition {} offset 0", world.prefix, delivery.partition);
    for part in ["failed 3 times", &place, "panicked: no database", "consumer.retry.max_attempts"] {
        assert!(text.contains(part), "{text}");
    }
    let mut seen = Seen::new();
    let background = Background::run(Consumer::builder(&world.settings).group(world.group("g")).on(collect(&seen)));
    assert_eq!(seen.next().await, order(7));
    background.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_waits_for_handlers_until_its_deadline_and_no_longer() {
    let mut world = World::new().await;
    world.settings.consumer.shutdown_timeout = Duration::from_millis(500);
    let producer = Producer::connect(&world.settings).await.unwrap();
    producer.send(&order(1)).await.unwrap();
    let mut seen = Seen::new();
    let sender = seen.sender.clone();
    let consumer = Consumer::builder(&world.settings).group(world.group("g")).on(move |order: Order, _: Context| {
        let sender = sender.clone();
        async move {
            sender.send(order).unwrap();
            std::future::pending::<Outcome>().await
        }
    });
    let background = Background::run(consumer);
    seen.next().await;
    let begin = Instant::now();
    background.stop().await.unwrap();
    assert!(begin.elapsed() >= Duration::from_millis(500) && begin.elapsed() < Duration::from_secs(5));
    // What was cut off is handled again.
    let background = Background::run(Consumer::builder(&world.settings).group(world.group("g")).on(collect(&seen)));
    assert_eq!(seen.next().await, order(1));
    background.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_handler_does_not_lose_its_place_in_the_group() {
    let mut world = World::new().await;
    world.settings = world.settings.with_kafka("max.poll.interval.ms", "6000").with_kafka("session.timeout.ms", "6000");
    let producer = Producer::connect(&world.settings).await.unwrap();
    for quantity in 0..600 {
        drop(producer.enqueue(&Order { id: "same".into(), quantity, note: String::new() }).await.unwrap());
    }
    producer.flush(PATIENCE).await.unwrap();
    let mut seen = Seen::new();
    let sender = seen.sender.clone();
    let consumer = Consumer::builder(&world.settings).group(world.group("g")).on(move |order: Order, _: Context| {
        let sender = sender.clone();
        async move {
            if order.quantity == 0 {
                tokio::time::sleep(Duration::from_secs(9)).await;
            }
            sender.send(order.quantity).unwrap();
            Outcome::Done
        }
    });
    let background = Background::run(consumer);
    assert_eq!(seen.take(600).await, (0..600).collect::<Vec<_>>());
    background.stop().await.unwrap();
    assert_eq!(seen.rest(), [] as [i32; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn enqueue_waits_while_the_queue_is_full() {
    let mut world = World::new().await;
    world.settings = world.settings.with_kafka("queue.buffering.max.messages", "10");
    let producer = Producer::connect(&world.settings).await.unwrap();
    let mut pending = Vec::new();
    for number in 0..500 {
        pending.push(producer.enqueue(&order(number)).await.unwrap());
        // librdkafka counts its reports too; without back-pressure there would be hundreds.
        assert!(producer.in_flight() <= 40);
    }
    for pending in pending {
        pending.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_move_between_two_consumers_without_loss() {
    let world = World::new().await;
    let producer = Producer::connect(&world.settings).await.unwrap();
    let handled = Arc::new(AtomicU32::new(0));
    let mut seen = Seen::new();
    let consumer = || {
        let (sender, handled) = (seen.sender.clone(), Arc::clone(&handled));
        Consumer::builder(&world.settings).group(world.group("g")).on(move |order: Order, _: Context| {
            handled.fetch_add(1, Ordering::Relaxed);
            sender.send(order.quantity).unwrap();
            async { Outcome::Done }
        })
    };
    let first = Background::run(consumer());
    for number in 0..200 {
        producer.send(&order(number)).await.unwrap();
    }
    let second = Background::run(consumer());
    for number in 200..400 {
        producer.send(&order(number)).await.unwrap();
    }
    let mut numbers = seen.take(300).await;
    first.stop().await.unwrap();
    while numbers.iter().collect::<std::collections::BTreeSet<_>>().len() < 400 {
        numbers.push(seen.next().await);
    }
    second.stop().await.unwrap();
}
